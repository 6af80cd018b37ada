//! Which items take part in a job.

use std::sync::Arc;

use super::groups::Groups;
use crate::data::Ids;

/// Which items may be neighbours, and for which items neighbours are computed. Cost: up to 2 B per item,
/// 6 B with groups; clones share them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemFilter {
    candidates: Option<Arc<[bool]>>,
    wanted: Option<Arc<[bool]>>,
    groups: Option<Groups>,
}

impl ItemFilter {
    /// Makes a filter from lists of codes. `only`: the items that may be neighbours; `exclude`:
    /// those that may not; `wanted`: the items to compute neighbours for.
    ///
    /// # Panics
    /// If a code is not below `items`.
    pub fn new(
        items: usize,
        only: Option<&[u32]>,
        exclude: Option<&[u32]>,
        wanted: Option<&[u32]>,
    ) -> Self {
        let mark = |codes: &[u32], start: bool| {
            let mut marks = vec![start; items];
            for code in codes {
                marks[*code as usize] = !start;
            }
            marks
        };
        let only = only.map(|codes| mark(codes, false));
        let allowed = exclude.map(|codes| mark(codes, true));
        let candidates = match (only, allowed) {
            (Some(only), Some(allowed)) => {
                Some(only.into_iter().zip(allowed).map(|(a, b)| a && b).collect())
            }
            (only, allowed) => only.or(allowed).map(Into::into),
        };
        Self { candidates, wanted: wanted.map(|codes| mark(codes, false).into()), groups: None }
    }

    /// Keeps the behaviours of a job apart: neighbours are computed for the items of the input, and
    /// only items of the target, whose codes begin with `target`, may be neighbours.
    #[must_use]
    pub fn across(self, items: usize, target: Option<u32>) -> Self {
        let Some(target) = target else { return self };
        let codes = || 0..items as u32;
        let candidates = codes().map(|code| code >= target && self.admits(code)).collect();
        let wanted = codes().map(|code| code < target && self.wants(code)).collect();
        Self { candidates: Some(candidates), wanted: Some(wanted), groups: self.groups }
    }

    /// Adds limits by the groups of the items.
    #[must_use]
    pub fn with_groups(self, groups: Groups) -> Self {
        Self { groups: Some(groups), ..self }
    }

    /// Limits the items that neighbours are computed for to those that `keep` accepts; `items`: how many
    /// items there are.
    pub fn narrowed(&self, items: usize, keep: impl Fn(u32) -> bool) -> Self {
        let wanted = (0..items as u32).map(|code| self.wants(code) && keep(code)).collect();
        Self { wanted: Some(wanted), ..self.clone() }
    }

    /// Returns whether every item may be a neighbour.
    pub(crate) fn admits_all(&self) -> bool {
        self.candidates.is_none() && self.groups.is_none()
    }

    /// Returns the same filter for a part of the items, which get new codes: `codes` has their
    /// old ones.
    pub fn of_part(&self, codes: &[u32]) -> Self {
        let pick = |marks: &Option<Arc<[bool]>>| {
            let marks = marks.as_ref()?;
            Some(codes.iter().map(|code| marks[*code as usize]).collect())
        };
        Self {
            candidates: pick(&self.candidates),
            wanted: pick(&self.wanted),
            groups: self.groups.as_ref().map(|groups| groups.of_part(codes)),
        }
    }

    /// Returns whether the item may be a neighbour.
    pub fn admits(&self, code: u32) -> bool {
        self.candidates.as_ref().is_none_or(|marks| marks[code as usize])
    }

    /// Returns whether `other`, which may be a neighbour, may be one of `item`.
    #[inline]
    pub(crate) fn pairs(&self, item: u32, other: u32) -> bool {
        self.groups.as_ref().is_none_or(|groups| groups.pairs(item, other))
    }

    /// Returns whether groups limit neighbours, pair by pair or list by list.
    pub fn has_groups(&self) -> bool {
        self.groups.is_some()
    }

    /// Returns the groups, if lists are limited by them.
    pub(crate) fn limits(&self) -> Option<&Groups> {
        self.groups.as_ref().filter(|groups| groups.limits())
    }

    /// Returns whether neighbours of the item are computed.
    pub fn wants(&self, code: u32) -> bool {
        self.wanted.as_ref().is_none_or(|marks| marks[code as usize])
    }
}

/// Finds the codes of ids given as text; the second list holds those that are not there.
pub fn codes_of<'a>(
    ids: &Ids,
    texts: impl IntoIterator<Item = &'a str>,
) -> (Vec<u32>, Vec<&'a str>) {
    let (mut codes, mut unknown) = (Vec::new(), Vec::new());
    for text in texts {
        match ids.find(text) {
            Some(code) => codes.push(code),
            None => unknown.push(text),
        }
    }
    (codes, unknown)
}
