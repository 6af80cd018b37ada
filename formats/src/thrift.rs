//! A look at what Thrift says in a Parquet file before the library decodes it: lists are no longer than
//! the bytes that are left, so that decoding takes time and memory in proportion to the bytes there
//! are. It also finds out which columns are encrypted, which the library does not tell.
//!
//! Thrift's compact protocol: <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>

use std::collections::BTreeSet;

/// Structures inside one another at most; Parquet has fewer than ten.
const DEEPEST: usize = 64;

/// Why bytes are not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// They end within a value.
    CutShort,
    /// They promise more than they hold, or what no Parquet file has.
    Absurd(&'static str),
}

/// Checks the footer of a file; returns which leaves are encrypted in some row group.
pub(crate) fn check_footer(bytes: &[u8]) -> Result<BTreeSet<usize>, Fault> {
    let mut walk = Walk { bytes, at: 0 };
    let mut encrypted = BTreeSet::new();
    walk.structure(0, &mut |walk, id, kind| {
        if (id, kind) != (4, Kind::List) {
            return Ok(false);
        }
        walk.structures(1, &mut |walk| {
            walk.structure(2, &mut |walk, id, kind| {
                if (id, kind) != (1, Kind::List) {
                    return Ok(false);
                }
                let mut leaf = 0;
                walk.structures(3, &mut |walk| {
                    walk.structure(4, &mut |_, id, _| {
                        // How a column is encrypted, and its metadata if that is, too.
                        if matches!(id, 8 | 9) {
                            encrypted.insert(leaf);
                        }
                        Ok(false)
                    })?;
                    leaf += 1;
                    Ok(())
                })?;
                Ok(true)
            })
        })?;
        Ok(true)
    })?;
    Ok(encrypted)
}

/// Checks the head of a page.
pub(crate) fn check_page(bytes: &[u8]) -> Result<(), Fault> {
    Walk { bytes, at: 0 }.structure(0, &mut |_, _, _| Ok(false))
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Flag,
    Byte,
    Integer,
    Double,
    Bytes,
    List,
    Map,
    Structure,
    Uuid,
}

impl Kind {
    fn of(nibble: u8) -> Result<Self, Fault> {
        Ok(match nibble {
            1 | 2 => Self::Flag,
            3 => Self::Byte,
            4..=6 => Self::Integer,
            7 => Self::Double,
            8 => Self::Bytes,
            9 | 10 => Self::List,
            11 => Self::Map,
            12 => Self::Structure,
            13 => Self::Uuid,
            _ => return Err(Fault::Absurd("a value of no type")),
        })
    }
}

/// A walk over values. Every step takes at least one byte.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Takes a field with its number, if it reads on itself; tells whether it did.
type OnField<'f, 'a> = &'f mut dyn FnMut(&mut Walk<'a>, i64, Kind) -> Result<bool, Fault>;

impl<'a> Walk<'a> {
    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        let byte = self.bytes.get(self.at).ok_or(Fault::CutShort)?;
        self.at += 1;
        Ok(*byte)
    }

    fn pass(&mut self, length: u64) -> Result<(), Fault> {
        let length = usize::try_from(length).ok().filter(|length| *length <= self.left());
        self.at += length.ok_or(Fault::CutShort)?;
        Ok(())
    }

    fn number(&mut self) -> Result<u64, Fault> {
        let mut number = 0;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or_default();
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Fault::Absurd("a number of more than 64 bits"))
    }

    /// Walks the fields of a structure.
    fn structure(&mut self, depth: usize, on_field: OnField<'_, 'a>) -> Result<(), Fault> {
        let mut id = 0_i64;
        loop {
            let head = self.byte()?;
            if head.trailing_zeros() >= 4 {
                return Ok(());
            }
            id = match head >> 4 {
                0 => {
                    let number = self.number()?;
                    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
                }
                delta => id.wrapping_add(delta.into()),
            };
            let kind = Kind::of(head & 0x0f)?;
            if !on_field(self, id, kind)? && kind != Kind::Flag {
                self.value(kind, depth + 1)?;
            }
        }
    }

    /// Reads the head of a list.
    fn list(&mut self) -> Result<(u64, Kind), Fault> {
        let head = self.byte()?;
        let length = if head >> 4 == 0x0f { self.number()? } else { u64::from(head >> 4) };
        if length > self.left() as u64 {
            return Err(Fault::Absurd("a list longer than its bytes"));
        }
        // Of an empty list the type of the elements does not matter.
        let kind = if length == 0 { Kind::Byte } else { Kind::of(head & 0x0f)? };
        if kind == Kind::Flag {
            return Err(Fault::Absurd("a list of flags"));
        }
        Ok((length, kind))
    }

    /// Walks a list of structures.
    fn structures(
        &mut self,
        depth: usize,
        each: &mut dyn FnMut(&mut Self) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let (length, kind) = self.list()?;
        for _ in 0..length {
            if kind == Kind::Structure { each(self)? } else { self.value(kind, depth)? }
        }
        Ok(())
    }

    /// Passes over a value.
    fn value(&mut self, kind: Kind, depth: usize) -> Result<(), Fault> {
        if depth > DEEPEST {
            return Err(Fault::Absurd("structures nested too deep"));
        }
        match kind {
            Kind::Flag | Kind::Byte => self.pass(1),
            Kind::Integer => self.number().map(drop),
            Kind::Double => self.pass(8),
            Kind::Uuid => self.pass(16),
            Kind::Bytes => {
                let length = self.number()?;
                self.pass(length)
            }
            Kind::List => {
                let (length, kind) = self.list()?;
                (0..length).try_for_each(|_| self.value(kind, depth + 1))
            }
            Kind::Map => self.map(depth),
            Kind::Structure => self.structure(depth, &mut |_, _, _| Ok(false)),
        }
    }

    fn map(&mut self, depth: usize) -> Result<(), Fault> {
        let length = self.number()?;
        if length == 0 {
            return Ok(());
        }
        if length > self.left() as u64 {
            return Err(Fault::Absurd("a map longer than its bytes"));
        }
        let kinds = self.byte()?;
        let (keys, values) = (Kind::of(kinds >> 4)?, Kind::of(kinds & 0x0f)?);
        if keys == Kind::Flag || values == Kind::Flag {
            return Err(Fault::Absurd("a map of flags"));
        }
        (0..length).try_for_each(|_| {
            self.value(keys, depth + 1)?;
            self.value(values, depth + 1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An unknown field with a list of 2^31 - 1 flags, which take no bytes.
    const BOMB: [u8; 8] = [0x09, 0xc8, 0x01, 0xf1, 0xff, 0xff, 0xff, 0xff];

    #[test]
    fn lists_longer_than_their_bytes_are_not_walked() {
        let bomb = [&BOMB[..], &[0x07, 0x00]].concat();
        assert!(matches!(check_footer(&bomb), Err(Fault::Absurd(_))));
        assert!(matches!(check_page(&bomb), Err(Fault::Absurd(_))));
        // As many flags as there are bytes would still take the square of their number.
        let many = [&[0x09, 0xc8, 0x01, 0xf1, 0x80, 0x08][..], &[0; 2_000]].concat();
        assert!(matches!(check_footer(&many), Err(Fault::Absurd(_))));
    }

    #[test]
    fn nesting_has_an_end() {
        assert!(matches!(check_footer(&vec![0x1c; 100_000]), Err(Fault::Absurd(_))));
        assert!(matches!(check_footer(&vec![0x19; 100_000]), Err(Fault::Absurd(_))));
    }

    #[test]
    fn what_is_cut_short_is_told_apart() {
        assert_eq!(check_page(&[0x15, 0x00]), Err(Fault::CutShort));
        assert_eq!(check_page(&[0x15, 0x00, 0x00]), Ok(()));
        assert_eq!(check_page(&[0x18, 0x05, 1, 2]), Err(Fault::CutShort));
    }

    #[test]
    fn columns_that_say_how_they_are_encrypted_are_found() {
        // Row groups, of which one has two columns; the second has a field 8.
        let column = [0x25, 0x00, 0x00];
        let secret = [0x25, 0x00, 0x6c, 0x00, 0x00];
        let group = [&[0x19, 0x2c][..], &column, &secret, &[0x00]].concat();
        let footer = [&[0x49, 0x1c][..], &group, &[0x00]].concat();
        assert_eq!(check_footer(&footer), Ok(BTreeSet::from([1])));
    }
}
