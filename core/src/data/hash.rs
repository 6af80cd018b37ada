//! The fixed hashes of ids: what samples and caps go by, the same on every surface.

use xxhash_rust::xxh3::Xxh3;

/// Hashes a pair: XXH3-64, seed 0, of the user's text, a zero byte and the item's text.
pub(crate) fn pair_hash(user: &str, item: &str) -> u64 {
    let mut hasher = Xxh3::new();
    hasher.update(user.as_bytes());
    hasher.update(&[0]);
    hasher.update(item.as_bytes());
    hasher.digest()
}

/// Hashes an id: XXH3-64, seed 0, of its canonical text, which is an integer's decimal digits
/// (with `-` where negative, without leading zeros) or a string's bytes.
pub fn hash_id(text: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(text.as_bytes())
}

/// Hashes the decimal digits without a string on the heap.
pub(crate) fn hash_integer(value: i128) -> u64 {
    use std::io::Write as _;
    // A sign and the 39 digits of the longest integer.
    let mut text = [0_u8; 40];
    let mut rest = text.as_mut_slice();
    let written = write!(rest, "{value}");
    debug_assert!(written.is_ok(), "every integer fits");
    let left = rest.len();
    xxhash_rust::xxh3::xxh3_64(&text[..text.len() - left])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_what_they_always_were() {
        // Worked out with another implementation, the Python package `xxhash`.
        for (text, hash) in KNOWN {
            assert_eq!(hash_id(text), *hash, "{text}");
        }
        assert_eq!((hash_integer(-1), hash_integer(7)), (hash_id("-1"), hash_id("7")));
        assert_eq!(hash_integer(i128::MIN), hash_id(&i128::MIN.to_string()));
    }

    const KNOWN: &[(&str, u64)] = &[
        ("", 0x2d06_8005_38d3_94c2),
        ("0", 0x1982_e3a7_bb24_1055),
        ("7", 0x06ee_d105_b822_85fa),
        ("-1", 0xbc25_a7b6_12cb_a21f),
        ("42", 0x1217_cb28_c0ef_2191),
        ("9223372036854775807", 0x8e41_2f1d_d5b0_46a3),
        ("18446744073709551615", 0x9131_ab72_96c2_3377),
        ("tea", 0xb9fb_b2c1_0201_d480),
        ("Earl Grey", 0xee2a_8443_e395_e4a1),
        ("00123", 0xcc10_f252_4e3d_66cd),
        ("käse", 0xc3b8_a562_fbcf_dfb1),
        ("0f8fad5b-d9cb-469f-a165-70867728950e", 0xd4b6_5d47_352a_dabc),
    ];
}
