//! Lists of neighbours that are only added up: in no order, by position.

use super::evaluate::Scored;

/// A neighbour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) position: u32,
    pub(super) score: f32,
}

impl Scored for Entry {
    fn scored(&self) -> (u32, f32) {
        (self.position, self.score)
    }
}

/// The neighbours of some consecutive positions.
#[derive(Debug, Default)]
pub(super) struct Piece {
    ends: Vec<u32>,
    entries: Vec<Entry>,
}

impl Piece {
    /// Items of a piece, and of a task: many, so that workers keep their counts; few, so that all have
    /// work.
    pub(super) const ITEMS: usize = 32;

    /// Appends neighbours of the item that has not ended.
    pub(super) fn extend(&mut self, entries: impl Iterator<Item = Entry>) {
        self.entries.extend(entries);
    }

    /// Ends an item.
    pub(super) fn end(&mut self) {
        self.ends.push(self.entries.len() as u32);
    }
}

/// The neighbours of all items. Cost: 8 B per neighbour, 4 B per item.
#[derive(Debug, Default)]
pub(super) struct Lists {
    pieces: Vec<Piece>,
}

impl Lists {
    /// Appends the next [`Piece::ITEMS`] items, or the last ones.
    pub(super) fn push(&mut self, piece: Piece) {
        self.pieces.push(piece);
    }

    /// Returns the neighbours of the item at `position`, in no order.
    pub(super) fn of(&self, position: u32) -> &[Entry] {
        let Piece { ends, entries } = &self.pieces[position as usize / Piece::ITEMS];
        let item = position as usize % Piece::ITEMS;
        let start = if item == 0 { 0 } else { ends[item - 1] as usize };
        &entries[start..ends[item] as usize]
    }
}
