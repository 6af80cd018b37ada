//! How often rows are gone through, so that the neighbours that each round finds fit in memory.

use ilk_core::{job::Job, kernel::ItemFilter, matrix::ItemTable};

use crate::memory;

/// Bytes of what is known of an item while tiles are computed: table, ceilings, bars.
pub(super) const ITEM: usize = 88;

/// The items of a job, a part of them for each round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rounds {
    /// How many rounds there are.
    pub(crate) number: u32,
    /// Items asked for.
    wanted: usize,
}

impl Rounds {
    /// Takes as few rounds as it needs for the neighbours of each to fit in `room` bytes; `None`
    /// where not even those of one item do.
    pub(super) fn new(
        table: &ItemTable,
        job: &Job,
        filter: &ItemFilter,
        room: usize,
    ) -> Option<Self> {
        let wanted = table.codes().iter().filter(|code| filter.wants(**code)).count();
        let mut rounds = Self { number: 1, wanted };
        let all = rounds.lists(table, job);
        rounds.number = u32::try_from(all.div_ceil(room.max(1)).max(1)).ok()?;
        (rounds.number as usize <= wanted.max(1)).then_some(rounds)
    }

    /// Counts the bytes of the neighbours of a round.
    pub(super) fn lists(&self, table: &ItemTable, job: &Job) -> usize {
        let all = memory::of_lists(self.wanted, table.len(), job.top as usize);
        all.div_ceil(self.number as usize)
    }

    /// Asks for the items of a round alone. Positions in order: a round reads only the segments
    /// that it needs. Cost: O(items).
    pub(crate) fn filter(&self, round: u32, table: &ItemTable, filter: &ItemFilter) -> ItemFilter {
        if self.number == 1 {
            return filter.clone();
        }
        let each = self.wanted.div_ceil(self.number as usize);
        let range = each * round as usize..each * (round as usize + 1);
        let mut is_here = vec![false; table.len()];
        let wanted = table.codes().iter().filter(|code| filter.wants(**code));
        for (rank, code) in wanted.enumerate() {
            is_here[*code as usize] = range.contains(&rank);
        }
        filter.narrowed(table.len(), |code| is_here[code as usize])
    }
}
