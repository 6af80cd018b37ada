//! Blocks of columns, made from the segments of their positions when they are needed.

use std::{
    ops::Range,
    sync::{Mutex, PoisonError},
};

use ilk_core::{
    executor::Executor as _,
    matrix::{BitRow, ColumnBlock},
    outline::Outline,
};

use super::matrix::{Matrix, Segment, entry_bytes};
use crate::{error::Error, pool::Pool};

/// Positions of a block of bits.
const CHUNK: u32 = 512;

/// Columns that are in memory together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// Chunks of the head.
    Bits(Range<u32>),
    /// Blocks of positions of the tail.
    Lists(Vec<Range<u32>>),
}

impl Group {
    /// Cuts the columns into groups of at most `room` bytes. `None` where not even one position
    /// fits.
    pub(super) fn cut(matrix: &Matrix, outline: &Outline, room: usize) -> Option<Vec<Self>> {
        let users = matrix.table.users();
        let mut groups = Vec::new();
        let chunks = outline.head_items(&matrix.table).div_ceil(CHUNK as usize) as u32;
        if chunks > 0 {
            let most = u32::try_from(room / (users * size_of::<BitRow>())).unwrap_or(u32::MAX);
            // As many groups as must be, all of about the same size.
            let number = chunks.div_ceil(Some(most).filter(|most| *most > 0)?);
            groups.extend(
                (0..number).map(|group| {
                    Self::Bits(chunks * group / number..chunks * (group + 1) / number)
                }),
            );
        }
        let block = (users + 1) * size_of::<usize>();
        let supports = matrix.table.supports();
        let bytes =
            |position: u32| supports[position as usize] as usize * entry_bytes(matrix.is_unit);
        let interactions = supports.iter().map(|support| *support as usize).sum();
        let (mut blocks, mut taken) = (Vec::<Range<u32>>::new(), 0);
        for range in outline.tail_blocks(&matrix.table, interactions, matrix.is_unit) {
            let all = range.clone().map(bytes).sum::<usize>();
            // A block that does not fit by itself is cut evenly.
            let parts = all.div_ceil(room.checked_sub(block)?.max(1)).max(1);
            let (mut start, mut of_part) = (range.start, 0);
            for position in range.clone() {
                let more = bytes(position);
                if block + more > room {
                    return None;
                }
                let is_full = block + of_part + more > room || of_part >= all.div_ceil(parts);
                if position > start && is_full {
                    Self::push(
                        &mut groups,
                        &mut blocks,
                        &mut taken,
                        (start..position, block + of_part, room),
                    );
                    (start, of_part) = (position, 0);
                }
                of_part += more;
            }
            Self::push(
                &mut groups,
                &mut blocks,
                &mut taken,
                (start..range.end, block + of_part, room),
            );
        }
        if !blocks.is_empty() {
            groups.push(Self::Lists(blocks));
        }
        Some(groups)
    }

    /// Adds a block to the group being made, or begins a new one if both do not fit together.
    fn push(
        groups: &mut Vec<Self>,
        blocks: &mut Vec<Range<u32>>,
        taken: &mut usize,
        (block, bytes, room): (Range<u32>, usize, usize),
    ) {
        if !blocks.is_empty() && *taken + bytes > room {
            groups.push(Self::Lists(std::mem::take(blocks)));
            *taken = 0;
        }
        blocks.push(block);
        *taken += bytes;
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
        let rows = matrix.rows(segment)?;
        let parts = rows.parts();
        for (position, ends) in segment.positions.clone().zip(parts.starts.windows(2)) {
            if positions.contains(&position) {
                let weights = parts.weights.as_deref().map(|weights| &weights[ends[0]..ends[1]]);
                visit(position, &parts.indices[ends[0]..ends[1]], weights);
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
    let mut weights = vec![0.0; if matrix.is_unit { 0 } else { end }];
    let lists = split(&mut list, &lengths);
    let with = split(
        &mut weights,
        &lengths.iter().map(|n| if matrix.is_unit { 0 } else { *n }).collect::<Vec<_>>(),
    );
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
    let weights = (!matrix.is_unit).then_some(weights);
    ColumnBlock::of_lists(positions.start, positions.len() as u32, starts, list, weights)
        .map_err(|error| Error::internal(format!("columns of the matrix: {error}")))
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
