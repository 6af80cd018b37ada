//! What the codes of a result stand for.

use crate::data::{Ids, TextColumn};

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
