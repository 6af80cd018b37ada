//! Text of other encodings into UTF-8, as a stream.

use std::io::{self, Read};

use crate::dialect::Encoding;

/// An encoding with all that is needed to decode it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Coding {
    pub(crate) encoding: Encoding,
    order: ByteOrder,
    /// Bytes of the byte order mark.
    pub(crate) mark: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ByteOrder {
    LeastFirst,
    MostFirst,
}

/// What the first bytes of a file say of its encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Coding(Coding),
    /// UTF-32, which nobody reads.
    Utf32,
}

impl Coding {
    /// Finds the encoding by a byte order mark; what `given` says goes first where there is none.
    pub(crate) fn tell(head: &[u8], given: Option<Encoding>) -> Told {
        let coding = |encoding, order, mark| Told::Coding(Self { encoding, order, mark });
        match (head, given) {
            ([0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..], _) => Told::Utf32,
            ([0xef, 0xbb, 0xbf, ..], None | Some(Encoding::Utf8)) => {
                coding(Encoding::Utf8, ByteOrder::LeastFirst, 3)
            }
            ([0xff, 0xfe, ..], None | Some(Encoding::Utf16)) => {
                coding(Encoding::Utf16, ByteOrder::LeastFirst, 2)
            }
            ([0xfe, 0xff, ..], None | Some(Encoding::Utf16)) => {
                coding(Encoding::Utf16, ByteOrder::MostFirst, 2)
            }
            // Latin letters and digits have their zero byte first where the most significant is.
            ([0, low, ..], Some(Encoding::Utf16)) if *low != 0 => {
                coding(Encoding::Utf16, ByteOrder::MostFirst, 0)
            }
            (_, given) => coding(given.unwrap_or_default(), ByteOrder::LeastFirst, 0),
        }
    }

    /// Decodes what comes after the byte order mark.
    pub(crate) fn decode(self, bytes: Box<dyn Read>) -> Box<dyn Read> {
        match self.encoding {
            Encoding::Utf8 => bytes,
            _ => Box::new(Decoding {
                coding: self,
                bytes,
                raw: Vec::new(),
                text: Vec::new(),
                place: 0,
            }),
        }
    }
}

/// Stands for what cannot be decoded: no byte of UTF-8, so that its record is set aside.
const NO_TEXT: u8 = 0xff;

fn push(text: &mut Vec<u8>, character: char) {
    text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

/// A stream being decoded, a piece at a time.
struct Decoding {
    coding: Coding,
    bytes: Box<dyn Read>,
    /// Bytes that are not decoded yet.
    raw: Vec<u8>,
    /// UTF-8, but for halves of characters that stand alone, which are no text in UTF-8 either.
    text: Vec<u8>,
    place: usize,
}

impl Decoding {
    /// Decodes more; afterwards there is text, or the end is reached.
    fn fill(&mut self) -> io::Result<()> {
        self.text.clear();
        self.place = 0;
        while self.text.is_empty() {
            let kept = self.raw.len();
            self.raw.resize(kept + (64 << 10), 0);
            let count = self.bytes.read(&mut self.raw[kept..])?;
            self.raw.truncate(kept + count);
            if self.raw.is_empty() {
                return Ok(());
            }
            self.convert(count == 0);
        }
        Ok(())
    }

    /// Decodes the raw bytes, all of them at the end.
    fn convert(&mut self, is_end: bool) {
        match self.coding.encoding {
            Encoding::Utf8 => {}
            Encoding::Latin1 => {
                self.raw.drain(..).for_each(|byte| push(&mut self.text, char::from(byte)));
            }
            Encoding::Windows1252 => {
                self.raw.drain(..).for_each(|byte| push(&mut self.text, windows_1252(byte)));
            }
            Encoding::Utf16 => self.convert_utf16(is_end),
        }
    }

    fn convert_utf16(&mut self, is_end: bool) {
        let unit = |pair: &[u8; 2]| match self.coding.order {
            ByteOrder::LeastFirst => u16::from_le_bytes(*pair),
            ByteOrder::MostFirst => u16::from_be_bytes(*pair),
        };
        let (pairs, odd) = self.raw.as_chunks::<2>();
        let is_high = |pair: &[u8; 2]| (0xd800..0xdc00).contains(&unit(pair));
        // A character in two halves may be cut.
        let keeps_last = !is_end && pairs.last().is_some_and(is_high);
        let whole = pairs.len() - usize::from(keeps_last);
        let units = pairs[..whole].iter().map(unit);
        for character in char::decode_utf16(units) {
            match character {
                Ok(character) => push(&mut self.text, character),
                Err(_) => self.text.push(NO_TEXT),
            }
        }
        if is_end && !odd.is_empty() {
            self.text.push(NO_TEXT);
        }
        let used = if is_end { self.raw.len() } else { 2 * whole };
        self.raw.drain(..used);
    }
}

impl Read for Decoding {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.place == self.text.len() {
            self.fill()?;
        }
        let rest = &self.text[self.place..];
        let length = rest.len().min(out.len());
        out[..length].copy_from_slice(&rest[..length]);
        self.place += length;
        Ok(length)
    }
}

/// The characters of Windows-1252 from 0x80 on; those it leaves open are control characters.
const HIGH: [char; 32] = [
    '\u{20ac}', '\u{81}', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}', '\u{2021}',
    '\u{2c6}', '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\u{8d}', '\u{17d}', '\u{8f}',
    '\u{90}', '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}', '\u{2022}', '\u{2013}', '\u{2014}',
    '\u{2dc}', '\u{2122}', '\u{161}', '\u{203a}', '\u{153}', '\u{9d}', '\u{17e}', '\u{178}',
];

/// Decodes bytes as Windows-1252.
pub(super) fn as_windows_1252(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| windows_1252(*byte)).collect()
}

/// Decodes text as UTF-8 that was decoded as Windows-1252 or ISO 8859-1 before; `None` where it was not.
pub(super) fn mended(text: &str) -> Option<String> {
    let byte = |character: char| {
        let high = HIGH.iter().position(|other| *other == character);
        match high {
            Some(place) => Some(0x80 + place as u8),
            None => u8::try_from(u32::from(character)).ok(),
        }
    };
    let bytes = text.chars().map(byte).collect::<Option<Vec<u8>>>()?;
    let mended = String::from_utf8(bytes).ok()?;
    (mended != text).then_some(mended)
}

fn windows_1252(byte: u8) -> char {
    match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        other => char::from(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives out a few bytes at a time.
    struct Drops(Vec<u8>, usize);

    impl Read for Drops {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(self.1).min(out.len());
            out[..count].copy_from_slice(&self.0[..count]);
            self.0.drain(..count);
            Ok(count)
        }
    }

    fn decoded(bytes: &[u8], given: Option<Encoding>, drop: usize) -> Vec<u8> {
        let Told::Coding(coding) = Coding::tell(bytes, given) else { panic!("UTF-32") };
        let rest = Drops(bytes[coding.mark..].to_vec(), drop);
        let mut text = Vec::new();
        coding.decode(Box::new(rest)).read_to_end(&mut text).unwrap();
        text
    }

    #[test]
    fn text_decoded_by_another_encoding_is_mended() {
        for (text, expected) in [
            ("M\u{c3}\u{bc}ller", Some("M\u{fc}ller")),
            ("\u{e2}\u{201a}\u{ac}", Some("\u{20ac}")),
            ("\u{e2}\u{82}\u{ac}", Some("\u{20ac}")),
            ("M\u{fc}ller", None),
            ("tea", None),
            ("\u{c3}\u{bc} \u{fc}", None),
            ("\u{142}\u{c3}\u{bc}", None),
        ] {
            assert_eq!(mended(text).as_deref(), expected, "{text}");
        }
        assert_eq!(as_windows_1252(b"na\xefve \x80"), "na\u{ef}ve \u{20ac}");
    }

    #[test]
    fn text_is_the_same_however_its_bytes_come() {
        let text = "na\u{ef}ve \u{20ac} \u{1f375},\n";
        let units = || text.encode_utf16();
        let low: Vec<u8> = [0xfeff].into_iter().chain(units()).flat_map(u16::to_le_bytes).collect();
        let high: Vec<u8> =
            [0xfeff].into_iter().chain(units()).flat_map(u16::to_be_bytes).collect();
        for drop in 1..9 {
            assert_eq!(decoded(&low, None, drop), text.as_bytes());
            assert_eq!(decoded(&high, None, drop), text.as_bytes());
            assert_eq!(decoded(&low[2..], Some(Encoding::Utf16), drop), text.as_bytes());
            assert_eq!(decoded(&high[2..], Some(Encoding::Utf16), drop), text.as_bytes());
            assert_eq!(
                decoded(b"na\xefve \x80", Some(Encoding::Windows1252), drop),
                "na\u{ef}ve \u{20ac}".as_bytes()
            );
            assert_eq!(
                decoded(b"\xe9\x80", Some(Encoding::Latin1), drop),
                "\u{e9}\u{80}".as_bytes()
            );
        }
        assert_eq!(
            decoded(&[b'a', 0, 0, 0xd8, b'b', 0, 7], Some(Encoding::Utf16), 3),
            b"a\xffb\xff"
        );
        assert_eq!(Coding::tell(&[0xff, 0xfe, 0, 0], None), Told::Utf32);
    }
}
