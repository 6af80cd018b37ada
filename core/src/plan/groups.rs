//! Groups of items, such as categories, and the limits they set on neighbours.

use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc};

use crate::data::TextColumn;

/// How groups limit the neighbours of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupRule {
    /// Neighbours must be of the item's group; an item without a group has none.
    pub within: bool,
    /// Maximum number of neighbours of one group in a list; items without a group do not count.
    pub most: Option<NonZeroU32>,
}

/// The group of every item, and the rule. Cost: 4 B per item; clones share them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Groups {
    of_items: Arc<[u32]>,
    rule: GroupRule,
}

impl Groups {
    /// Makes groups from their names, one per item, by code; null means no group.
    pub fn new(names: &TextColumn, rule: GroupRule) -> Self {
        let mut known = BTreeMap::new();
        let of_items = (0..names.codes.len()).map(|row| match names.get(row) {
            Some(name) => {
                let new = known.len() as u32;
                *known.entry(name).or_insert(new)
            }
            None => TextColumn::NULL,
        });
        Self { of_items: of_items.collect(), rule }
    }

    /// Returns the groups of a part of the items, which get new codes: `codes` has their old ones.
    pub(super) fn of_part(&self, codes: &[u32]) -> Self {
        let of_items = codes.iter().map(|code| self.of_items[*code as usize]).collect();
        Self { of_items, rule: self.rule }
    }

    fn of(&self, code: u32) -> Option<u32> {
        Some(self.of_items[code as usize]).filter(|group| *group != TextColumn::NULL)
    }

    /// Returns whether two items may be neighbours.
    #[inline]
    pub(crate) fn pairs(&self, item: u32, other: u32) -> bool {
        let group = self.of_items[item as usize];
        !self.rule.within || group == self.of_items[other as usize] && group != TextColumn::NULL
    }

    /// Returns whether lists are limited by group.
    pub(crate) fn limits(&self) -> bool {
        self.rule.most.is_some()
    }

    /// Drops the neighbours above a group's limit from `list`, which is sorted best first, then all but
    /// the first `k`.
    ///
    /// A dropped neighbour is never needed again, whatever is found later. Lists within both limits are
    /// the independent sets of a matroid, so the greedy choice is the best one, for a part of the
    /// neighbours as for all (Rado, Note on independence functions, 1957).
    pub(crate) fn thin<T>(&self, list: &mut Vec<T>, k: usize, code: impl Fn(&T) -> u32) {
        if let Some(most) = self.rule.most {
            let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
            list.retain(|one| {
                let Some(group) = self.of(code(one)) else { return true };
                let count = counts.entry(group).or_default();
                *count += 1;
                *count <= most.get()
            });
        }
        list.truncate(k);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(names: &[&str], rule: GroupRule) -> Groups {
        let mut column = TextColumn::default();
        for name in names {
            column.codes.push(if name.is_empty() {
                TextColumn::NULL
            } else {
                column.dictionary.len() as u32
            });
            if !name.is_empty() {
                column.dictionary.push(name);
            }
        }
        Groups::new(&column, rule)
    }

    #[test]
    fn items_without_a_group_pair_with_nothing_and_are_not_limited() {
        let within = groups(&["a", "b", "a", "", ""], GroupRule { within: true, most: None });
        assert!(within.pairs(0, 2) && !within.pairs(0, 1));
        assert!(!within.pairs(3, 4) && !within.pairs(3, 0));
        let rule = GroupRule { within: false, most: NonZeroU32::new(1) };
        let limited = groups(&["a", "b", "a", "", ""], rule);
        assert!(limited.pairs(0, 1) && limited.limits());
        let mut list = vec![2, 3, 0, 4, 1];
        limited.thin(&mut list, 9, |code| *code);
        assert_eq!(list, [2, 3, 4, 1]);
        limited.thin(&mut list, 2, |code| *code);
        assert_eq!(list, [2, 3]);
        let part = limited.of_part(&[1, 2]);
        assert_eq!((part.of(0), part.of(1)), (limited.of(1), limited.of(2)));
    }
}
