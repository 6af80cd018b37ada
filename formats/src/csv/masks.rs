//! Which of 64 bytes are of interest, as bits: eight bytes in a register at a time.

/// Bytes looked at together.
pub(crate) const BLOCK: usize = 64;

const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
const ONES: u64 = 0x0101_0101_0101_0101;

/// Up to five bytes to look for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needles {
    wide: [u64; 5],
    count: usize,
}

impl Needles {
    /// Looks for `bytes`.
    ///
    /// # Panics
    /// If they are more than five.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let mut wide = [0; 5];
        for (wide, byte) in wide.iter_mut().zip(bytes) {
            *wide = ONES * u64::from(*byte);
        }
        assert!(bytes.len() <= wide.len(), "at most {} needles", wide.len());
        Self { wide, count: bytes.len() }
    }

    /// Marks where one of the needles stands in a block.
    #[inline]
    pub(crate) fn mask(&self, block: &[u8; BLOCK]) -> u64 {
        match self.count {
            0 => 0,
            1 => self.mask_of::<1>(block),
            2 => self.mask_of::<2>(block),
            3 => self.mask_of::<3>(block),
            4 => self.mask_of::<4>(block),
            _ => self.mask_of::<5>(block),
        }
    }

    #[inline]
    fn mask_of<const COUNT: usize>(&self, block: &[u8; BLOCK]) -> u64 {
        let mut mask = 0;
        let (words, _) = block.as_chunks::<8>();
        for (place, word) in words.iter().enumerate() {
            let word = u64::from_le_bytes(*word);
            let mut found = 0;
            for wide in &self.wide[..COUNT] {
                let other = word ^ wide;
                // The top bit of a byte of the sum is clear only where all its bits are.
                found |= !(((other & LOW) + LOW) | other);
            }
            mask |= gather(found & !LOW) << (8 * place);
        }
        mask
    }

    /// Marks where one of the needles stands in up to a block of bytes.
    #[inline]
    pub(crate) fn mask_at(&self, bytes: &[u8], start: usize) -> u64 {
        if let Some(block) = bytes[start..].first_chunk::<BLOCK>() {
            return self.mask(block);
        }
        let rest = &bytes[start..];
        let mut block = [0; BLOCK];
        block[..rest.len()].copy_from_slice(rest);
        self.mask(&block) & ((1 << rest.len()) - 1)
    }
}

/// Gathers the top bits of eight bytes.
#[inline]
const fn gather(tops: u64) -> u64 {
    (tops >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// Walks the places of needles forward, a block's mask at a time.
pub(crate) struct Walk<'a> {
    needles: Needles,
    bytes: &'a [u8],
    /// Where the block begins.
    block: usize,
    /// Its places from the last one asked for on.
    mask: u64,
}

impl<'a> Walk<'a> {
    /// Begins at `start`.
    pub(crate) fn new(needles: Needles, bytes: &'a [u8], start: usize) -> Self {
        let mask = if start < bytes.len() { needles.mask_at(bytes, start) } else { 0 };
        Self { needles, bytes, block: start, mask }
    }

    /// Returns the next place that was not returned yet; `None` at the end.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<usize> {
        while self.mask == 0 {
            self.block += BLOCK;
            if self.block >= self.bytes.len() {
                self.block = self.bytes.len();
                return None;
            }
            self.mask = self.needles.mask_at(self.bytes, self.block);
        }
        let place = self.block + self.mask.trailing_zeros() as usize;
        self.mask &= self.mask - 1;
        Some(place)
    }

    /// Goes on at `place`, which is not before those returned.
    pub(crate) fn go_to(&mut self, place: usize) {
        if place >= self.bytes.len() {
            (self.block, self.mask) = (self.bytes.len(), 0);
        } else if place < self.block + BLOCK && place >= self.block {
            self.mask =
                self.needles.mask_at(self.bytes, self.block) & (u64::MAX << (place - self.block));
        } else {
            self.block = place;
            self.mask = self.needles.mask_at(self.bytes, place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_mark_every_needle_and_nothing_else() {
        let bytes: Vec<u8> = (0..200_u32).map(|place| (place * 97 % 256) as u8).collect();
        for needles in
            [&b"a"[..], b",\n", b",\"\n", b",\"\n\r", b",\"\n\r\\", b"\xff\x80\x7f\0\x01"]
        {
            let found = (0..bytes.len()).filter(|place| needles.contains(&bytes[*place]));
            for start in [0, 1, 63, 64, 65, 150, 199, 200] {
                let mut walk = Walk::new(Needles::new(needles), &bytes, start);
                let walked: Vec<usize> = std::iter::from_fn(|| walk.next()).collect();
                let expected: Vec<usize> = found.clone().filter(|place| *place >= start).collect();
                assert_eq!(walked, expected, "{needles:?} from {start}");
            }
        }
    }
}
