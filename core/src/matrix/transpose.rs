//! Columns out of rows, where a block is all there is: on another machine, or in a sandbox.

use std::ops::Range;

use super::{
    blocks::{ColumnBlock, RowBlock},
    value::Parts,
};
use crate::{
    cost::Machine,
    simd::{BitRow, CHUNK},
    weighting::WeightKind,
};

impl RowBlock {
    /// Makes columns of the items at `positions`: the first of them as bits, as far as `machine`
    /// computes `rows` faster with them, the others as lists. Without rows all are lists, as they
    /// are where there are weights. Cost: O(interactions), and 64 B per user for 512 items of bits.
    ///
    /// # Panics
    /// If a position is not in the block.
    pub fn columns(
        &self,
        positions: Range<u32>,
        rows: Option<&Self>,
        machine: &Machine,
    ) -> Vec<ColumnBlock> {
        let all = self.positions();
        assert!(all.start <= positions.start && positions.end <= all.end, "positions of the block");
        let mut columns = Vec::new();
        let mut next = positions.start;
        if let Some(rows) = rows.filter(|_| self.kind() == WeightKind::One) {
            let meetings = rows.meetings();
            while next < positions.end {
                let chunk = next..next.saturating_add(CHUNK as u32).min(positions.end);
                if !self.pays_as_bits(&chunk, rows, &meetings, machine) {
                    break;
                }
                next = chunk.end;
                columns.push(self.bit_columns(chunk));
            }
        }
        if next < positions.end {
            columns.push(self.list_columns(next..positions.end));
        }
        columns
    }

    /// Counts the rows that have each user.
    fn meetings(&self) -> Vec<u32> {
        let mut meetings = vec![0; self.users()];
        for user in self.lists_alone().indices {
            meetings[*user as usize] += 1;
        }
        meetings
    }

    fn pays_as_bits(
        &self,
        chunk: &Range<u32>,
        rows: &Self,
        meetings: &[u32],
        machine: &Machine,
    ) -> bool {
        let Parts { starts, indices, .. } = self.lists_alone();
        let first = self.positions().start;
        let of_chunk = starts[(chunk.start - first) as usize]..starts[(chunk.end - first) as usize];
        let additions = indices[of_chunk].iter().map(|user| u64::from(meetings[*user as usize]));
        let (count, visits) =
            (rows.positions().len() as u64, rows.lists_alone().indices.len() as u64);
        machine.bits_pay(count, visits, additions.sum())
    }

    /// Walks some positions, counted from their first, with where their users lie.
    fn walk(&self, positions: Range<u32>) -> impl Iterator<Item = (u32, Range<usize>)> {
        let (starts, first) = (self.lists_alone().starts, self.positions().start);
        let begin = positions.start;
        positions.map(move |position| {
            let local = (position - first) as usize;
            (position - begin, starts[local]..starts[local + 1])
        })
    }

    fn bit_columns(&self, chunk: Range<u32>) -> ColumnBlock {
        let Parts { indices, .. } = self.lists_alone();
        let mut rows = vec![BitRow::default(); self.users()];
        for (bit, list) in self.walk(chunk.clone()) {
            for user in &indices[list] {
                rows[*user as usize].0[bit as usize / 64] |= 1 << (bit % 64);
            }
        }
        ColumnBlock::of_bits(chunk.start, chunk.len() as u32, rows).expect("a chunk is short")
    }

    fn list_columns(&self, positions: Range<u32>) -> ColumnBlock {
        let Parts { indices, weights, .. } = self.lists_alone();
        let mut next = vec![0_usize; self.users() + 1];
        for (_, list) in self.walk(positions.clone()) {
            for user in &indices[list] {
                next[*user as usize + 1] += 1;
            }
        }
        for user in 1..next.len() {
            next[user] += next[user - 1];
        }
        let starts = next.clone();
        let count = next[next.len() - 1];
        let mut list = vec![0; count];
        let mut weights_of = weights.as_ref().map(|_| vec![0.0; count]);
        for (position, users) in self.walk(positions.clone()) {
            for at in users {
                let place = &mut next[indices[at] as usize];
                list[*place] = position;
                if let (Some(to), Some(weights)) = (&mut weights_of, &weights) {
                    to[*place] = weights[at];
                }
                *place += 1;
            }
        }
        let (first, width) = (positions.start, positions.len() as u32);
        let columns = match self.kind() {
            WeightKind::Separable => ColumnBlock::of_factors(first, width, starts, list),
            _ => ColumnBlock::of_lists(first, width, starts, list, weights_of),
        };
        columns.expect("positions ascend")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Kernel;

    fn block(weights: Option<Vec<f64>>) -> RowBlock {
        RowBlock::new(4, 3, vec![0, 2, 3, 5], vec![0, 2, 1, 0, 1], weights).unwrap()
    }

    #[test]
    fn columns_are_as_users_have_them() {
        let machine = Machine::of(Kernel::PORTABLE);
        let [columns] = &block(None).columns(5..7, None, &machine)[..] else { panic!("one block") };
        assert_eq!((columns.positions(), columns.users()), (5..7, 3));
        assert!(columns.bits().is_none());
        // Where bits cost nothing, they are made of all.
        let free = Machine { bit_row: 0, far_bit_row: 0, chunk: 0, row: 0, ..machine };
        let rows = block(None);
        let [bits] = &rows.columns(5..7, Some(&rows), &free)[..] else { panic!("one block") };
        let bits = bits.bits().expect("bits").iter().map(|row| row.0[0]).collect::<Vec<_>>();
        assert_eq!(bits, [0b10, 0b11, 0]);
        let weighted = block(Some(vec![1.0; 5]));
        let [columns] = &weighted.columns(4..7, Some(&weighted), &free)[..] else {
            panic!("one block")
        };
        assert!(columns.bits().is_none(), "bits do not tell weights");
    }
}
