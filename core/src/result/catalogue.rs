//! What the codes of a result stand for.

use std::{borrow::Cow, ops::Range};

use crate::data::{Ids, TextColumn};

/// What the items (or users) of a result are called and how often they occur.
#[derive(Clone, Debug, PartialEq)]
pub struct Catalogue {
    /// The ids, ascending; an id's position is its code. Where there are two behaviours, first the ids
    /// of the items of the input, ascending, then those of the items of the target, ascending.
    pub ids: Ids,
    /// One label per id, where the job names a label column: the most frequent one, of equally
    /// frequent ones the smallest.
    pub labels: Option<TextColumn>,
    /// Users of each item, as long as `ids`.
    pub supports: Vec<u32>,
    /// The first code of the target's items, where the items of two behaviours are compared.
    pub target: Option<u32>,
}

impl Catalogue {
    /// Returns the codes of the items that have neighbours.
    pub fn compared(&self) -> Range<u32> {
        0..self.target.unwrap_or(self.ids.len() as u32)
    }

    /// Returns the codes of the items that are neighbours of others.
    pub fn candidates(&self) -> Range<u32> {
        self.target.unwrap_or(0)..self.ids.len() as u32
    }

    /// Returns the ids of the items that have neighbours, ascending.
    pub fn compared_ids(&self) -> Cow<'_, Ids> {
        self.ids_of(&self.compared())
    }

    /// Returns the ids of the items that are neighbours of others, ascending; their codes begin with
    /// that of the first of [`candidates`](Self::candidates).
    pub fn candidate_ids(&self) -> Cow<'_, Ids> {
        self.ids_of(&self.candidates())
    }

    fn ids_of(&self, codes: &Range<u32>) -> Cow<'_, Ids> {
        match self.target {
            None => Cow::Borrowed(&self.ids),
            Some(_) => Cow::Owned(self.ids.slice(codes.start as usize..codes.end as usize)),
        }
    }

    /// Returns what is known of consecutive items, as a catalogue of their own.
    pub fn part(&self, codes: Range<u32>) -> Self {
        Self { target: None, ..self.select(&codes.collect::<Vec<_>>()) }
    }

    /// Keeps the items that `keep` names, ascending.
    pub fn select(&self, keep: &[u32]) -> Self {
        Self {
            ids: self.ids.select(keep),
            labels: self.labels.as_ref().map(|labels| select_labels(labels, keep)),
            supports: keep.iter().map(|code| self.supports[*code as usize]).collect(),
            target: self.target.map(|first| keep.partition_point(|code| *code < first) as u32),
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
