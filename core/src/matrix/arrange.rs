//! Turning interactions into blocks: a counting sort by position and one back by user.
//!
//! Users are taken in pieces small enough for a core's cache; pieces are sorted side by side.

use std::{
    ops::Range,
    sync::{Mutex, PoisonError},
};

use super::value::Value;
use crate::{
    cost::Additions,
    executor::Executor,
    prepare::Interactions,
    simd::{BitRow, Lists},
};

/// A range of users by position: position p has `users[starts[p]..starts[p + 1]]`, ascending and
/// counted from the first of the piece.
struct Piece<V> {
    range: Range<usize>,
    starts: Vec<u32>,
    users: Vec<u32>,
    values: Vec<V>,
}

impl<V: Value<Stored = V>> Piece<V> {
    fn new(
        interactions: &Interactions,
        range: Range<usize>,
        positions: &[u32],
        value: impl Fn(usize) -> V,
    ) -> Self {
        let items = interactions.all_items();
        let all = range.clone().flat_map(|user| interactions.range(user as u32));
        let mut starts = vec![0; positions.len() + 1];
        let mut count = 0;
        for at in all {
            starts[positions[items[at] as usize] as usize] += 1;
            count += 1;
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += std::mem::replace(start, sum);
        }
        let (mut users, mut values) = (vec![0; count], vec![V::default(); count]);
        for (local, user) in (0..).zip(range.clone()) {
            for at in interactions.range(user as u32) {
                let next = &mut starts[positions[items[at] as usize] as usize];
                users[*next as usize] = local;
                values[*next as usize] = value(at);
                *next += 1;
            }
        }
        // Every start has moved to the next one's place.
        starts.pop();
        starts.insert(0, 0);
        Self { range, starts, users, values }
    }

    /// Returns where position `position` lies.
    fn of(&self, position: usize) -> Range<usize> {
        self.starts[position] as usize..self.starts[position + 1] as usize
    }

    /// Counts each user's interactions at some positions.
    fn degrees(&self, positions: &Range<usize>) -> Vec<u32> {
        let mut degrees = vec![0; self.range.len()];
        let all = self.starts[positions.start] as usize..self.starts[positions.end] as usize;
        for user in &self.users[all] {
            degrees[*user as usize] += 1;
        }
        degrees
    }

    /// Counts additions against the positions from `first` on.
    fn additions(&self, first: usize) -> Additions {
        let items = self.starts.len() - 1;
        let Additions { mut all, mut smaller } = Additions::new(items);
        let degrees = self.degrees(&(first..items));
        let mut seen = vec![0; self.range.len()];
        for position in 0..items {
            for user in &self.users[self.of(position)] {
                let user = *user as usize;
                all[position] += u64::from(degrees[user]);
                if position >= first {
                    smaller[position] += u64::from(seen[user]);
                    seen[user] += 1_u32;
                }
            }
        }
        Additions { all, smaller }
    }

    /// Lists which of some positions each user has, counted from their first: user u's fill
    /// `list` from `starts[u] - starts[0]` on.
    fn by_user(
        &self,
        positions: &Range<usize>,
        starts: &[usize],
        list: &mut [u32],
        values: &mut [V],
    ) {
        let mut next = starts.iter().map(|start| start - starts[0]).collect::<Vec<_>>();
        for position in positions.clone() {
            for at in self.of(position) {
                let next = &mut next[self.users[at] as usize];
                list[*next] = (position - positions.start) as u32;
                values[*next] = self.values[at];
                *next += 1;
            }
        }
    }
}

/// All interactions by position, in pieces of users.
pub(super) struct Pieces<V>(Vec<Piece<V>>);

impl<V: Value<Stored = V>> Pieces<V> {
    /// Interactions of a piece aimed at: its lists stay in a core's second-level cache.
    const INTERACTIONS: usize = 1 << 17;

    /// Sorts the interactions, each of which holds `value` of its place. Cost: O(interactions).
    pub(super) fn new(
        interactions: &Interactions,
        positions: &[u32],
        value: impl Fn(usize) -> V + Sync,
        executor: &impl Executor,
    ) -> Self {
        // Every piece has a start for every position, which must not outweigh the interactions.
        let size = Self::INTERACTIONS.max(4 * positions.len());
        let bounds = cut(interactions.users(), interactions.len().div_ceil(size), |user| {
            interactions.range(user as u32).end
        });
        Self(executor.map(bounds.len(), |piece| {
            Piece::new(interactions, bounds[piece].clone(), positions, &value)
        }))
    }

    /// Adds up the additions of every position against the positions from `first` on.
    pub(super) fn additions(
        &self,
        items: usize,
        first: usize,
        executor: &impl Executor,
    ) -> Additions {
        // One sum of every position for each worker's share, not for each piece.
        let shares = executor.workers().min(self.0.len());
        let parts = executor.map(shares, |share| {
            let mut sums = Additions::new(items);
            for piece in self.0.iter().skip(share).step_by(shares) {
                sums.add(&piece.additions(first));
            }
            sums
        });
        let mut sums = Additions::new(items);
        for part in &parts {
            sums.add(part);
        }
        sums
    }

    /// Lists the users of every position.
    pub(super) fn rows(
        &self,
        users: usize,
        supports: &[u32],
        executor: &impl Executor,
    ) -> Lists<V> {
        let mut starts = Vec::with_capacity(supports.len() + 1);
        starts.push(0);
        for support in supports {
            starts.push(starts[starts.len() - 1] + *support as usize);
        }
        let count = starts[supports.len()];
        let (mut list, mut values) = (vec![0; count], vec![V::default(); count]);
        let parts = cut(supports.len(), count.div_ceil(Self::INTERACTIONS), |row| starts[row + 1]);
        let lengths = parts.iter().map(|part| starts[part.end] - starts[part.start]);
        let lists = split(&mut list, lengths.clone());
        let values_of = split(&mut values, lengths);
        executor.map(parts.len(), |part| {
            let mut list = lists[part].lock().unwrap_or_else(PoisonError::into_inner);
            let mut values = values_of[part].lock().unwrap_or_else(PoisonError::into_inner);
            let mut next = 0;
            for position in parts[part].clone() {
                for piece in &self.0 {
                    let first = piece.range.start as u32;
                    let of_piece = piece.of(position);
                    let here = next..next + of_piece.len();
                    next = here.end;
                    values[here.clone()].copy_from_slice(&piece.values[of_piece.clone()]);
                    for (to, user) in list[here].iter_mut().zip(&piece.users[of_piece]) {
                        *to = first + user;
                    }
                }
            }
        });
        drop((lists, values_of));
        Lists::new(users, starts, list, values).expect("pieces are sorted and side by side")
    }

    /// Lists which of some positions every user has, counted from their first.
    pub(super) fn columns(
        &self,
        users: usize,
        positions: &Range<usize>,
        executor: &impl Executor,
    ) -> Lists<V> {
        let degrees = executor.map(self.0.len(), |piece| self.0[piece].degrees(positions));
        let mut starts = Vec::with_capacity(users + 1);
        starts.push(0);
        for degree in degrees.into_iter().flatten() {
            starts.push(starts[starts.len() - 1] + degree as usize);
        }
        let count = starts[starts.len() - 1];
        let (mut list, mut values) = (vec![0; count], vec![V::default(); count]);
        let lengths =
            self.0.iter().map(|piece| starts[piece.range.end] - starts[piece.range.start]);
        let lists = split(&mut list, lengths.clone());
        let values_of = split(&mut values, lengths);
        executor.map(self.0.len(), |piece| {
            let mut list = lists[piece].lock().unwrap_or_else(PoisonError::into_inner);
            let mut values = values_of[piece].lock().unwrap_or_else(PoisonError::into_inner);
            let piece = &self.0[piece];
            piece.by_user(positions, &starts[piece.range.clone()], &mut list, &mut values);
        });
        drop((lists, values_of));
        Lists::new(positions.len(), starts, list, values).expect("positions ascend")
    }
}

/// Sets the bits of the chunk of positions `chunk`.
pub(super) fn bit_rows<V: Value<Stored = V>>(rows: &Lists<V>, chunk: Range<usize>) -> Vec<BitRow> {
    let mut bits = vec![BitRow::default(); rows.columns()];
    for (bit, position) in chunk.enumerate() {
        for user in &rows.indices()[rows.range(position)] {
            bits[*user as usize].0[bit / 64] |= 1 << (bit % 64);
        }
    }
    bits
}

/// Cuts `0..count` into at most about `pieces` ranges of about equal weight. `end(i)`: the weight
/// of 0..=i together.
fn cut(count: usize, pieces: usize, end: impl Fn(usize) -> usize) -> Vec<Range<usize>> {
    let total = if count == 0 { 0 } else { end(count - 1) };
    let mut bounds = vec![0];
    for piece in 1..=pieces.max(1) {
        let wanted = (total as u128 * piece as u128 / pieces.max(1) as u128) as usize;
        let mut range = bounds[bounds.len() - 1]..count;
        while !range.is_empty() {
            let middle = range.start.midpoint(range.end);
            if end(middle) < wanted { range.start = middle + 1 } else { range.end = middle }
        }
        let bound = if piece == pieces.max(1) { count } else { (range.start + 1).min(count) };
        if bound > bounds[bounds.len() - 1] {
            bounds.push(bound);
        }
    }
    bounds.windows(2).map(|ends| ends[0]..ends[1]).collect()
}

/// Splits a slice into parts that tasks may fill side by side.
fn split<T>(mut slice: &mut [T], lengths: impl Iterator<Item = usize>) -> Vec<Mutex<&mut [T]>> {
    let part = |length| {
        let (part, rest) = std::mem::take(&mut slice).split_at_mut(length);
        slice = rest;
        Mutex::new(part)
    };
    lengths.map(part).collect()
}
