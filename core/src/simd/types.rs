//! The plain types that all code paths share.

/// Items in one bit row.
pub(crate) const CHUNK: usize = 512;

/// One user's interactions with the items of one chunk of 512, a bit each: item i is bit i % 64 of
/// word i / 64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(align(64))]
pub struct BitRow(pub [u64; CHUNK / 64]);

/// Overlap and dot product of a weighted pair.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(16))]
pub(crate) struct WeightedSum {
    pub(crate) dot: f64,
    /// A count like any other, as f64: both are added to by one instruction.
    pub(crate) overlap: f64,
}

impl WeightedSum {
    /// Below this f32 loses its precision.
    pub(super) const LEAST_ROUGH: f64 = 1e-30;

    /// Returns the dot product in f32, for bounds: infinite where f32 would lose its precision.
    #[inline]
    pub(crate) fn rough_dot(&self) -> f32 {
        if self.dot > Self::LEAST_ROUGH { self.dot as f32 } else { f32::INFINITY }
    }
}

/// What the weights of a row and a chunk are made of: an interaction
/// weighs the factor of its user times that of its item.
pub(crate) struct Factors<'a> {
    /// Those of users.
    pub(crate) users: &'a [f64],
    /// The row's own.
    pub(crate) row: f64,
    /// Those of the chunk's items, unless all are 1.
    pub(crate) items: Option<&'a [f64; CHUNK]>,
}

/// What counts are sifted by; see [`Kernel::select`]. All slices are as long as the counts.
pub(crate) struct Sieve<'a> {
    pub(crate) factors: &'a [f32],
    pub(crate) hurdles: &'a [f32],
    pub(crate) row_limit: f32,
    pub(crate) column_factor: f32,
}

impl Sieve<'_> {
    /// What a number must reach to be as good as another one, rounding aside: limits, reciprocals
    /// and products are computed in f32.
    pub(crate) const NEARLY: f32 = 1.0 - 4e-6;

    /// Returns whether the number at `index` may matter.
    #[inline]
    pub(crate) fn admits(&self, index: usize, number: f32) -> bool {
        number * self.factors[index] >= self.row_limit
            || number * self.column_factor >= self.hurdles[index]
    }
}

/// Indices that are known to be below a bound.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Indices<'a> {
    pub(super) list: &'a [u32],
    pub(super) bound: usize,
}

impl<'a> Indices<'a> {
    /// Checks that all indices are below `bound`; `None` if one is not.
    pub(super) fn new(list: &'a [u32], bound: usize) -> Option<Self> {
        let most = list.iter().copied().max();
        most.is_none_or(|most| (most as usize) < bound).then_some(Self { list, bound })
    }

    /// Returns the indices.
    #[inline]
    pub(crate) fn list(self) -> &'a [u32] {
        self.list
    }

    /// Returns what all indices are below.
    #[inline]
    pub(crate) fn bound(self) -> usize {
        self.bound
    }

    /// Returns values of no size, as many as indices.
    #[inline]
    pub(crate) fn unit(self) -> &'static [()] {
        static UNITS: [(); usize::MAX] = [(); usize::MAX];
        &UNITS[..self.list.len()]
    }

    /// Returns a part, which needs no new check.
    #[inline]
    pub(crate) fn slice(self, range: std::ops::Range<usize>) -> Self {
        Self { list: &self.list[range], bound: self.bound }
    }
}
