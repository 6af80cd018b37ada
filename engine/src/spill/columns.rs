//! Blocks of columns, made from the segments of their positions when they are needed.

use std::{
    collections::BTreeSet,
    ops::Range,
    sync::{Mutex, PoisonError},
};

use ilk_core::{
    executor::Executor as _, matrix::ColumnBlock, plan::Outline, simd::BitRow,
    weighting::WeightKind,
};

use super::matrix::{Entries, Matrix, Segment, entry_bytes};
use crate::{error::Error, pool::Pool};

/// Positions of a block of bits.
pub(super) const CHUNK: u32 = 512;

/// Columns that are in memory together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// Chunks of the head.
    Bits(Range<u32>),
    /// Blocks of positions of the tail.
    Lists(Vec<Range<u32>>),
}

/// What a group of columns may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Bytes of the columns.
    pub(super) columns: usize,
    /// Bytes of the columns and of their items' neighbours.
    pub(super) all: usize,
    /// Bytes of an item's neighbours, where those are kept as long as the group is.
    pub(super) list: usize,
}

impl Room {
    /// Returns true if so many bytes of columns fit, with the neighbours of their items.
    fn holds(&self, columns: usize, items: usize) -> bool {
        columns <= self.columns && columns + items * self.list <= self.all
    }

    /// Counts the chunks of bits that fit.
    fn chunks(&self, users: usize) -> usize {
        let chunk = users * size_of::<BitRow>();
        (self.columns / chunk).min(self.all / (chunk + CHUNK as usize * self.list))
    }

    /// Counts the parts that a block must have; each takes `each` bytes beside its columns. `None`
    /// where that alone does not fit.
    fn parts(&self, columns: usize, items: usize, each: usize) -> Option<usize> {
        let parts = |bytes: usize, room: usize| {
            Some(bytes.div_ceil(room.checked_sub(each).filter(|room| *room > 0)?))
        };
        let of_columns = parts(columns, self.columns)?;
        Some(of_columns.max(parts(columns + items * self.list, self.all)?).max(1))
    }
}

impl Group {
    /// Cuts the columns into groups that fit in `room` and cross none of the `bounds`. `None` where
    /// not even one position fits.
    ///
    /// # Panics
    /// If a chunk of the head crosses a bound.
    pub(super) fn cut(
        matrix: &Matrix,
        outline: &Outline,
        room: Room,
        bounds: &BTreeSet<u32>,
    ) -> Option<Vec<Self>> {
        let mut groups = Vec::new();
        let head = outline.head_items() as u32;
        for part in split_at(0..head, bounds) {
            assert!(part.start.is_multiple_of(CHUNK), "chunks cross no bounds");
            let (first, last) = (part.start / CHUNK, part.end.div_ceil(CHUNK));
            let chunks = last - first;
            let most = u32::try_from(room.chunks(matrix.table.users())).unwrap_or(u32::MAX);
            // As many groups as must be, all of about the same size.
            let number = chunks.div_ceil(Some(most).filter(|most| *most > 0)?);
            let end = |group: u32| first + chunks * group / number;
            groups.extend((0..number).map(|group| Self::Bits(end(group)..end(group + 1))));
        }
        let mut blocks = Vec::new();
        for range in outline.tail_blocks() {
            for part in split_at(range, bounds) {
                Self::cut_block(matrix, part, room, &mut blocks)?;
            }
        }
        let (mut of_group, mut taken) = (Vec::new(), (0, 0));
        for (block, bytes) in blocks {
            let more = (taken.0 + bytes, taken.1 + block.len());
            let goes_on = !bounds.contains(&block.start) && room.holds(more.0, more.1);
            taken = if of_group.is_empty() || goes_on {
                more
            } else {
                groups.push(Self::Lists(std::mem::take(&mut of_group)));
                (bytes, block.len())
            };
            of_group.push(block);
        }
        if !of_group.is_empty() {
            groups.push(Self::Lists(of_group));
        }
        Some(groups)
    }

    /// Cuts a block evenly into as many as it takes for each to fit by itself, and adds them with
    /// their bytes. `None` where not even one position fits.
    fn cut_block(
        matrix: &Matrix,
        range: Range<u32>,
        room: Room,
        blocks: &mut Vec<(Range<u32>, usize)>,
    ) -> Option<()> {
        let users = (matrix.table.users() + 1) * size_of::<usize>();
        let supports = matrix.table.supports();
        let bytes =
            |position: u32| supports[position as usize] as usize * entry_bytes(matrix.weights);
        let all = range.clone().map(bytes).sum::<usize>();
        let parts = room.parts(all, range.len(), users)?;
        let share = (all + range.len() * room.list).div_ceil(parts);
        let (mut start, mut of_part) = (range.start, 0);
        for position in range.clone() {
            let (more, items) = (bytes(position), (position - start) as usize);
            if !room.holds(users + more, 1) {
                return None;
            }
            let is_full = !room.holds(users + of_part + more, items + 1);
            if items > 0 && (is_full || of_part + items * room.list >= share) {
                blocks.push((start..position, users + of_part));
                (start, of_part) = (position, 0);
            }
            of_part += more;
        }
        if start < range.end {
            blocks.push((start..range.end, users + of_part));
        }
        Some(())
    }

    /// Returns the positions of the columns.
    pub(super) fn positions(&self) -> Range<u32> {
        match self {
            Self::Bits(chunks) => chunks.start * CHUNK..chunks.end * CHUNK,
            Self::Lists(blocks) => {
                let first = blocks.first().map_or(0, |block| block.start);
                first..blocks.last().map_or(first, |block| block.end)
            }
        }
    }

    /// Loads the group.
    ///
    /// # Errors
    /// If the disk fails.
    pub(super) fn load(&self, matrix: &Matrix, pool: &Pool) -> Result<Vec<ColumnBlock>, Error> {
        match self {
            Self::Bits(chunks) => {
                let blocks =
                    pool.map(chunks.len(), |chunk| bits(matrix, chunks.start + chunk as u32));
                blocks.into_iter().collect()
            }
            Self::Lists(blocks) => {
                blocks.iter().map(|positions| lists(matrix, positions, pool)).collect()
            }
        }
    }
}

/// Splits a range at those of the `bounds` that lie inside.
fn split_at(range: Range<u32>, bounds: &BTreeSet<u32>) -> impl Iterator<Item = Range<u32>> {
    let inside = bounds.range(range.start..range.end).filter(move |bound| **bound > range.start);
    let ends = inside.copied().chain([range.end]).collect::<Vec<_>>();
    let mut start = range.start;
    let parts = ends.into_iter().map(move |end| std::mem::replace(&mut start, end)..end);
    parts.filter(|part| !part.is_empty())
}

/// Walks the rows of `positions`: position, users, weights.
fn each_row(
    matrix: &Matrix,
    positions: &Range<u32>,
    mut visit: impl FnMut(u32, &[u32], Option<&[f64]>),
) -> Result<(), Error> {
    let is_needed = |segment: &&Segment| {
        segment.positions.start < positions.end && positions.start < segment.positions.end
    };
    for segment in matrix.segments.iter().filter(is_needed) {
        let Entries { starts, users, weights } = matrix.entries_of(segment)?;
        for (position, ends) in segment.positions.clone().zip(starts.windows(2)) {
            if positions.contains(&position) {
                let weights = weights.as_deref().map(|weights| &weights[ends[0]..ends[1]]);
                visit(position, &users[ends[0]..ends[1]], weights);
            }
        }
    }
    Ok(())
}

fn bits(matrix: &Matrix, chunk: u32) -> Result<ColumnBlock, Error> {
    let positions = chunk * CHUNK..((chunk + 1) * CHUNK).min(matrix.table.len() as u32);
    let mut rows = vec![BitRow::default(); matrix.table.users()];
    each_row(matrix, &positions, |position, users, _| {
        let bit = (position - positions.start) as usize;
        for user in users {
            rows[*user as usize].0[bit / 64] |= 1 << (bit % 64);
        }
    })?;
    ColumnBlock::of_bits(positions.start, positions.len() as u32, rows)
        .map_err(|error| Error::internal(format!("a chunk of the matrix: {error}")))
}

/// Lists every user's positions: counted first, then filled in, by threads that have some of the
/// users each.
fn lists(matrix: &Matrix, positions: &Range<u32>, pool: &Pool) -> Result<ColumnBlock, Error> {
    let users = matrix.table.users();
    // Every part reads all segments.
    let parts = pool.workers().min(4);
    let part = |part: usize| (users * part / parts) as u32..(users * (part + 1) / parts) as u32;
    let counted = pool.map(parts, |index| {
        let range = part(index);
        let mut degrees = vec![0_u32; range.len()];
        each_row(matrix, positions, |_, users, _| {
            for user in within(users, &range).0 {
                degrees[(user - range.start) as usize] += 1;
            }
        })?;
        Ok::<_, Error>(degrees)
    });
    let mut starts = Vec::with_capacity(users + 1);
    let (mut end, mut lengths) = (0, Vec::with_capacity(parts));
    starts.push(0);
    for degrees in counted {
        let before = end;
        for degree in degrees? {
            end += degree as usize;
            starts.push(end);
        }
        lengths.push(end - before);
    }
    let mut list = vec![0; end];
    let has_own = matrix.weights == WeightKind::Own;
    let mut weights = vec![0.0; if has_own { end } else { 0 }];
    let lists = split(&mut list, &lengths);
    let none = vec![0; lengths.len()];
    let with = split(&mut weights, if has_own { &lengths } else { &none });
    let filled = pool.map(parts, |index| {
        let range = part(index);
        let first = starts[range.start as usize];
        let mut next = starts[range.start as usize..range.end as usize].to_vec();
        let mut list = lists[index].lock().unwrap_or_else(PoisonError::into_inner);
        let mut with = with[index].lock().unwrap_or_else(PoisonError::into_inner);
        each_row(matrix, positions, |position, users, weights| {
            let (users, skipped) = within(users, &range);
            for (at, user) in users.iter().enumerate() {
                let place = &mut next[(user - range.start) as usize];
                list[*place - first] = position - positions.start;
                if let Some(weights) = weights {
                    with[*place - first] = weights[skipped + at];
                }
                *place += 1;
            }
        })
    });
    filled.into_iter().collect::<Result<(), Error>>()?;
    drop((lists, with));
    let (first, width) = (positions.start, positions.len() as u32);
    let block = if matrix.weights == WeightKind::Separable {
        ColumnBlock::of_factors(first, width, starts, list)
    } else {
        ColumnBlock::of_lists(first, width, starts, list, has_own.then_some(weights))
    };
    block.map_err(|error| Error::internal(format!("columns of the matrix: {error}")))
}

/// Finds the users of a range among ascending ones, and how many come before.
fn within<'a>(users: &'a [u32], range: &Range<u32>) -> (&'a [u32], usize) {
    let first = users.partition_point(|user| *user < range.start);
    let last = users.partition_point(|user| *user < range.end);
    (&users[first..last], first)
}

/// Splits a slice into parts that tasks may fill side by side.
fn split<'a, T>(mut slice: &'a mut [T], lengths: &[usize]) -> Vec<Mutex<&'a mut [T]>> {
    let part = |length: &usize| {
        let (part, rest) = std::mem::take(&mut slice).split_at_mut(*length);
        slice = rest;
        Mutex::new(part)
    };
    lengths.iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_split_at_bounds_inside() {
        let bounds = BTreeSet::from([0, 3, 5, 9]);
        let parts = |range| split_at(range, &bounds).collect::<Vec<_>>();
        assert_eq!(parts(0..9), [0..3, 3..5, 5..9]);
        assert_eq!(parts(4..5), vec![4..5]);
        assert_eq!(parts(5..20), [5..9, 9..20]);
        assert!(parts(7..7).is_empty());
    }
}
