//! How what was found is brought together: the items of a round at a time, so that their neighbours
//! fit in memory.

use ilk_core::{job::Job, matrix::ItemTable, plan::ItemFilter};

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
        let all = memory::of_lists(wanted, table.len(), job.top as usize);
        let number = u32::try_from(all.div_ceil(room.max(1)).max(1)).ok()?;
        (number as usize <= wanted.max(1)).then_some(Self { number, wanted })
    }

    /// Returns the position after the last one of each round.
    pub(super) fn ends(&self, table: &ItemTable, filter: &ItemFilter) -> Vec<u32> {
        let each = self.wanted.div_ceil(self.number as usize);
        let mut ends = vec![table.len() as u32; self.number as usize];
        let wanted = (0..).zip(table.codes()).filter(|(_, code)| filter.wants(**code));
        for (rank, (position, _)) in wanted.enumerate() {
            if rank > 0 && rank % each == 0 {
                ends[rank / each - 1] = position;
            }
        }
        ends
    }

    /// Asks for the items of a round alone: consecutive positions. Cost: O(items).
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_end_where_their_filters_do() {
        let table = ItemTable::new(9, (0..10).rev().collect(), vec![1; 10], vec![1.0; 10]);
        let job = ilk_core::job::SimilarityJob::default();
        let job = job.resolve(ilk_core::job::Given::default()).unwrap();
        for filter in [ItemFilter::default(), ItemFilter::new(10, None, None, Some(&[8, 3, 4, 0]))]
        {
            for room in [200, 1_000, 2_500, 100_000] {
                let Some(rounds) = Rounds::new(&table, &job, &filter, room) else { continue };
                let ends = rounds.ends(&table, &filter);
                assert_eq!(ends.len(), rounds.number as usize);
                for position in 0..10 {
                    let code = table.codes()[position as usize];
                    if filter.wants(code) {
                        let round = ends.partition_point(|end| *end <= position) as u32;
                        let is_in = |round| rounds.filter(round, &table, &filter).wants(code);
                        let of = (0..rounds.number).filter(|round| is_in(*round));
                        assert_eq!(of.collect::<Vec<_>>(), [round], "{position} of {ends:?}");
                    }
                }
            }
        }
    }
}
