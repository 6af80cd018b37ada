//! Decimals: digits, and where the point stands.

/// Reads a number of up to 16 bytes, the most significant first.
pub(crate) fn of_big_endian(bytes: &[u8]) -> i128 {
    let sign = if bytes.first().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
    let mut wide = [sign; 16];
    let length = bytes.len().min(16);
    wide[16 - length..].copy_from_slice(&bytes[bytes.len() - length..]);
    i128::from_be_bytes(wide)
}

/// Writes a number of any width, the most significant byte first, as digits with a sign.
pub(crate) fn wide_text(bytes: impl Iterator<Item = u8>) -> String {
    let mut bytes = bytes.collect::<Vec<_>>();
    let is_negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    if is_negative {
        // Two's complement: all bits turned, and one more.
        let mut carry = true;
        for byte in bytes.iter_mut().rev() {
            (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
        }
    }
    let mut digits = Vec::new();
    while bytes.iter().any(|byte| *byte != 0) {
        let mut rest = 0_u32;
        for byte in &mut bytes {
            let value = rest << 8 | u32::from(*byte);
            (*byte, rest) = ((value / 10) as u8, value % 10);
        }
        digits.push(char::from(b'0' + rest as u8));
    }
    if digits.is_empty() {
        digits.push('0');
    }
    if is_negative {
        digits.push('-');
    }
    digits.into_iter().rev().collect()
}

/// Puts the point into digits with a sign: `scale` of them stand after it; below zero, zeros follow.
pub(crate) fn text(digits: &str, scale: i8) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let Ok(scale) = usize::try_from(scale) else {
        let zeros = if digits == "0" { 0 } else { scale.unsigned_abs() as usize };
        return format!("{sign}{digits}{}", "0".repeat(zeros));
    };
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

/// Returns a number written with a point if it is whole and of a sensible size.
pub(crate) fn whole(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.bytes().any(|digit| digit != b'0') {
        return None;
    }
    whole.parse().ok()
}

/// How the numbers of a column are written, to tell points between thousands from decimal ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Points {
    /// As `1.234` or `1.234.567`: both could be meant.
    grouped: u64,
    /// Without a point, and below a thousand.
    small: u64,
    /// As nobody writes numbers with points between thousands, such as `1234` and `0.5`: some of them.
    others: u64,
}

impl Points {
    /// Takes in a number.
    #[inline]
    pub(crate) fn see(&mut self, text: &str) {
        // One is enough to tell.
        if self.others == 0 {
            *self.place_of(text) += 1;
        }
    }

    fn place_of(&mut self, text: &str) -> &mut u64 {
        let digits = text.trim_start_matches(['-', '+']);
        let Some((first, rest)) = digits.split_once('.') else {
            return if digits.len() <= 3 { &mut self.small } else { &mut self.others };
        };
        let is_group = |group: &str| group.len() == 3 && group.bytes().all(|c| c.is_ascii_digit());
        let is_grouped = (1..=3).contains(&first.len())
            && !first.starts_with('0')
            && rest.split('.').all(is_group);
        if is_grouped { &mut self.grouped } else { &mut self.others }
    }

    /// Adds the numbers of another part.
    pub(crate) fn add(&mut self, other: Self) {
        self.grouped += other.grouped;
        self.small += other.small;
        self.others += other.others;
    }

    /// Counts the numbers whose points may stand between thousands, if nothing speaks against it.
    pub(crate) fn thousands(self) -> Option<u64> {
        (self.grouped > 0 && self.small > 0 && self.others == 0).then_some(self.grouped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_between_thousands_are_told_from_decimal_ones() {
        let thousands = |numbers: &[&str]| {
            let mut points = Points::default();
            for number in numbers {
                points.see(number);
            }
            points.thousands()
        };
        assert_eq!(thousands(&["1.234", "7", "-12.345.678", "999"]), Some(2));
        for other in ["0.125", "1.5", "1234", "1.2345", ".125", "1.234.5"] {
            assert_eq!(thousands(&["1.234", "7", other]), None, "{other}");
        }
        // Three digits everywhere are a precision.
        assert_eq!(thousands(&["1.234", "2.000"]), None);
        assert_eq!(thousands(&["1", "2"]), None);
    }

    #[test]
    fn numbers_of_any_width_are_read() {
        assert_eq!(of_big_endian(&[0xff, 0xfe]), -2);
        assert_eq!(of_big_endian(&[0x00, 0x80]), 128);
        assert_eq!(of_big_endian(&[]), 0);
        for number in [0, 1, -1, i128::MAX, i128::MIN, -1_000_000_007] {
            assert_eq!(wide_text(number.to_be_bytes().into_iter()), number.to_string());
        }
        let mut most = [0xff; 32];
        most[0] = 0x7f;
        let text = wide_text(most.into_iter());
        assert_eq!(
            text,
            "57896044618658097711785492504343953926634992332820282019728792003956564819967"
        );
    }

    #[test]
    fn the_point_stands_where_the_scale_says() {
        assert_eq!(text("-5", 2), "-0.05");
        assert_eq!(text("1234", 2), "12.34");
        assert_eq!(text("7", -2), "700");
        assert_eq!((whole("12.00"), whole("12.30"), whole("700")), (Some(12), None, Some(700)));
    }
}
