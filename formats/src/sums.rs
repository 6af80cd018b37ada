//! How many rows and lines come before each piece of a file, counted by several threads.

use std::{
    io,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

/// How many rows and physical lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) rows: u64,
    pub(crate) lines: u64,
}

impl Counts {
    /// Adds what another piece holds.
    pub(crate) fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.lines += other.lines;
    }
}

/// What is known of a piece.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unknown,
    /// A thread counts it.
    Counting,
    Known(Counts),
}

/// The pieces of a file, each counted once, by whichever thread needs it first.
pub(crate) struct Sums {
    counted: Mutex<Counted>,
    changed: Condvar,
}

/// What is counted so far.
struct Counted {
    states: Vec<State>,
    /// The sums before each of the first pieces, as far as all before it are counted.
    sums: Vec<Counts>,
}

impl Sums {
    /// Begins with so many pieces, none of them counted.
    pub(crate) fn new(pieces: usize) -> Self {
        let counted =
            Counted { states: vec![State::Unknown; pieces], sums: vec![Counts::default()] };
        Self { counted: Mutex::new(counted), changed: Condvar::new() }
    }

    /// Counts the pieces.
    pub(crate) fn pieces(&self) -> usize {
        self.counted().states.len()
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sums up what comes before `piece`. `count` counts a piece, this one first.
    ///
    /// # Errors
    /// Those of `count`.
    pub(crate) fn before(
        &self,
        piece: usize,
        count: &dyn Fn(usize) -> io::Result<Counts>,
    ) -> io::Result<Counts> {
        if self.claim(piece) {
            self.count(piece, count)?;
        }
        loop {
            let mut counted = self.counted();
            while counted.sums.len() <= piece
                && let State::Known(counts) = counted.states[counted.sums.len() - 1]
            {
                let mut sum = counted.sums[counted.sums.len() - 1];
                sum.add(counts);
                counted.sums.push(sum);
            }
            if let Some(sum) = counted.sums.get(piece) {
                return Ok(*sum);
            }
            let needed = counted.sums.len() - 1;
            if counted.states[needed] == State::Counting {
                // That thread waits for none while it counts.
                drop(self.changed.wait(counted).unwrap_or_else(PoisonError::into_inner));
                continue;
            }
            counted.states[needed] = State::Counting;
            drop(counted);
            self.count(needed, count)?;
        }
    }

    /// Takes on the counting of a piece, if nobody has; nothing comes after the last one.
    fn claim(&self, piece: usize) -> bool {
        let states = &mut self.counted().states;
        let is_free = piece + 1 < states.len() && states[piece] == State::Unknown;
        if is_free {
            states[piece] = State::Counting;
        }
        is_free
    }

    /// Counts a piece that was claimed.
    fn count(&self, piece: usize, count: &dyn Fn(usize) -> io::Result<Counts>) -> io::Result<()> {
        let mut claim = Claim { sums: self, piece, outcome: State::Unknown };
        claim.outcome = State::Known(count(piece)?);
        Ok(())
    }
}

/// A piece being counted: given back if that fails.
struct Claim<'a> {
    sums: &'a Sums,
    piece: usize,
    outcome: State,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.sums.counted().states[self.piece] = self.outcome;
        self.sums.changed.notify_all();
    }
}
