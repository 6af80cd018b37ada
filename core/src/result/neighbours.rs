//! The result: for every item its neighbours, best first.

/// One neighbour of an item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// Code of the neighbour.
    pub code: u32,
    /// How alike the two are.
    pub score: f32,
    /// Users of both.
    pub overlap: u32,
}

impl Neighbour {
    /// Stands where there is no neighbour yet.
    pub(crate) const NONE: Self = Self { code: u32::MAX, score: f32::NEG_INFINITY, overlap: 0 };
}

/// The neighbours of every item, by ascending item code, best first. Cost: 12 B per neighbour
/// and 8 B per item.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Neighbours {
    /// Pieces of so many items, but for the last one; made side by side, never copied together.
    pieces: Vec<Piece>,
}

/// The neighbours of some consecutive items.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Piece {
    ends: Vec<usize>,
    entries: Vec<Neighbour>,
}

impl Piece {
    /// Items of a piece.
    pub(crate) const ITEMS: usize = 1 << 12;

    /// Makes a piece with room for so many neighbours.
    pub(crate) fn with_capacity(neighbours: usize) -> Self {
        Self { ends: Vec::new(), entries: Vec::with_capacity(neighbours) }
    }

    /// Appends the next item's neighbours, best first.
    pub(crate) fn push(&mut self, neighbours: impl IntoIterator<Item = Neighbour>) {
        self.entries.extend(neighbours);
        self.ends.push(self.entries.len());
    }
}

impl Neighbours {
    /// Makes a result of no items.
    pub const fn new() -> Self {
        Self { pieces: Vec::new() }
    }

    /// Puts pieces together, all but the last of which are of [`Piece::ITEMS`] items.
    pub(crate) fn of_pieces(pieces: Vec<Piece>) -> Self {
        Self { pieces }
    }

    /// Appends the next item's neighbours, best first.
    pub fn push(&mut self, neighbours: impl IntoIterator<Item = Neighbour>) {
        if self.pieces.last().is_none_or(|piece| piece.ends.len() == Piece::ITEMS) {
            self.pieces.push(Piece::default());
        }
        if let Some(piece) = self.pieces.last_mut() {
            piece.push(neighbours);
        }
    }

    /// Counts the items, those without neighbours included.
    pub fn items(&self) -> usize {
        self.pieces.iter().map(|piece| piece.ends.len()).sum()
    }

    /// Counts the neighbours of all items together: the rows of the table.
    pub fn len(&self) -> usize {
        self.pieces.iter().map(|piece| piece.entries.len()).sum()
    }

    /// Returns whether no item has a neighbour.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the neighbours of `item`, best first.
    ///
    /// # Panics
    /// If `item` is not below [`items`](Self::items).
    pub fn of(&self, item: u32) -> &[Neighbour] {
        let piece = &self.pieces[item as usize / Piece::ITEMS];
        let item = item as usize % Piece::ITEMS;
        let start = if item == 0 { 0 } else { piece.ends[item - 1] };
        &piece.entries[start..piece.ends[item]]
    }
}
