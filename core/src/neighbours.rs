//! The result: for every item its neighbours, best first.

use crate::ids::{Ids, TextColumn};

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

/// The neighbours of every item, by ascending item code, best first. Cost: 12 B per neighbour
/// and 8 B per item.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Neighbours {
    ends: Vec<usize>,
    entries: Vec<Neighbour>,
}

impl Neighbours {
    /// Makes a result of no items.
    pub const fn new() -> Self {
        Self { ends: Vec::new(), entries: Vec::new() }
    }

    /// Appends the next item's neighbours, best first.
    pub fn push(&mut self, neighbours: impl IntoIterator<Item = Neighbour>) {
        self.entries.extend(neighbours);
        self.ends.push(self.entries.len());
    }

    /// Counts the items, those without neighbours included.
    pub fn items(&self) -> usize {
        self.ends.len()
    }

    /// Counts the neighbours of all items together: the rows of the table.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Tells whether no item has a neighbour.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the neighbours of `item`, best first.
    ///
    /// # Panics
    /// If `item` is not below [`items`](Self::items).
    pub fn of(&self, item: u32) -> &[Neighbour] {
        let item = item as usize;
        let start = if item == 0 { 0 } else { self.ends[item - 1] };
        &self.entries[start..self.ends[item]]
    }
}

/// What the items (or users) of a result are called and how often they occur.
#[derive(Clone, Debug, PartialEq)]
pub struct Catalogue {
    /// The ids, ascending; an id's position is its code.
    pub ids: Ids,
    /// One label per id, where the job names a label column: the most frequent one, of equally
    /// frequent ones the smallest.
    pub labels: Option<TextColumn>,
    /// Users of each item, as long as `ids`.
    pub supports: Vec<u32>,
}

impl Catalogue {
    /// Keeps the items that `keep` names, in its order.
    pub fn select(&self, keep: &[u32]) -> Self {
        Self {
            ids: self.ids.select(keep),
            labels: self.labels.as_ref().map(|labels| select_labels(labels, keep)),
            supports: keep.iter().map(|code| self.supports[*code as usize]).collect(),
        }
    }
}

/// Keeps the labels that `keep` names, in its order.
pub(crate) fn select_labels(labels: &TextColumn, keep: &[u32]) -> TextColumn {
    let mut selected = TextColumn::default();
    for item in keep {
        let code = match labels.get(*item as usize) {
            Some(label) => {
                selected.dictionary.push(label);
                selected.dictionary.len() as u32 - 1
            }
            None => TextColumn::NULL,
        };
        selected.codes.push(code);
    }
    selected
}
