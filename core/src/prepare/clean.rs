//! Keeps each raw row or sets it aside with a reason: steps 2 to 5 of the pipeline.

use std::{
    cmp::{Ordering, Reverse},
    fmt,
};

use crate::{
    data::{
        BadCell, Cells, Guess, GuessedNumber, Guesses, IdColumn, Rows, TextColumn, TimeColumn,
        readings_of,
    },
    job::{Duplicates, Given, Job, NegativeWeights},
    weighting::{Anchor, LARGEST_WEIGHT, Weighting},
};

/// Why a row was set aside. A row has the first reason that holds, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The row could not be read.
    Unreadable,
    /// A `where` condition does not hold.
    Filtered,
    /// There is no user.
    NullUser,
    /// There is no item.
    NullItem,
    /// The weight is missing, no number, NaN, infinite or past [`LARGEST_WEIGHT`].
    BadWeight,
    /// The time is missing or no date.
    BadTime,
    /// The weight is zero or less: a return.
    NonpositiveWeight,
}

impl Reason {
    /// All reasons, in order.
    pub const ALL: [Self; 7] = [
        Self::Unreadable,
        Self::Filtered,
        Self::NullUser,
        Self::NullItem,
        Self::BadWeight,
        Self::BadTime,
        Self::NonpositiveWeight,
    ];

    /// Returns the reason's name as outputs show it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Filtered => "filtered",
            Self::NullUser => "null_user",
            Self::NullItem => "null_item",
            Self::BadWeight => "bad_weight",
            Self::BadTime => "bad_time",
            Self::NonpositiveWeight => "nonpositive_weight",
        }
    }

    /// Returns whether such rows count against `max_bad_rows`.
    pub const fn is_bad(self) -> bool {
        matches!(self, Self::Unreadable | Self::BadWeight | Self::BadTime)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A row that was set aside, as it stood in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Why.
    pub reason: Reason,
    /// Position of its file in the caller's list.
    pub file: u32,
    /// Its row number in that file, from 1.
    pub row: u64,
    /// Its user, if it has one.
    pub user: Option<String>,
    /// Its item, if it has one.
    pub item: Option<String>,
    /// Its weight as it stands, or what is wrong with the row.
    pub detail: Option<String>,
    /// The cell that is wrong, if it is one and the reader names it.
    pub cell: Option<String>,
}

/// The time of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TimeOfRow {
    /// Microseconds since 1970.
    pub time: i64,
    /// Position of its file in the caller's list.
    pub file: u32,
    /// Its row number in that file, from 1.
    pub row: u64,
}

/// What is known of the times of all rows.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Times {
    /// The earliest time of a row that was kept; of several the first row.
    pub earliest: Option<TimeOfRow>,
    /// The latest time of a row that was kept; of several the first row.
    pub latest: Option<TimeOfRow>,
    /// What numbers without a unit were taken to count, rows that were not kept included.
    pub guesses: Guesses,
}

impl Times {
    /// Looks at the rows of a chunk; `keep` names those that are kept, unless `all` are.
    fn of(rows: &Rows, keep: &[u32], all: bool) -> Self {
        let Some(column) = &rows.time else { return Self::default() };
        let mut times = Self { guesses: column.guesses.clone(), ..Self::default() };
        let mut take = |row: usize| {
            let time = column.values[row];
            let is_news = |known: Option<TimeOfRow>, order| {
                known.is_none_or(|known| time.cmp(&known.time) == order)
            };
            let of_row = || Some(TimeOfRow { time, file: rows.file, row: rows.number(row) });
            if is_news(times.earliest, Ordering::Less) {
                times.earliest = of_row();
            }
            if is_news(times.latest, Ordering::Greater) {
                times.latest = of_row();
            }
        };
        if all {
            (0..rows.len()).for_each(&mut take);
        } else {
            for row in keep {
                take(*row as usize);
            }
        }
        times
    }

    /// Adds those of another chunk. The outcome does not depend on the order of chunks.
    pub fn merge(&mut self, other: Self) {
        let both = |a: Option<TimeOfRow>, b: Option<TimeOfRow>| a.into_iter().chain(b);
        self.earliest = both(self.earliest, other.earliest).min();
        self.latest = both(self.latest, other.latest)
            .min_by_key(|of_row| (Reverse(of_row.time), of_row.file, of_row.row));
        self.guesses.merge(other.guesses);
    }
}

/// How many rows took which path, and the first of each reason.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// All rows read.
    pub rows: u64,
    /// Rows set aside, by reason in the order of [`Reason::ALL`].
    pub set_aside: [u64; Reason::ALL.len()],
    /// The first [`Tally::SAMPLES`] rows of each reason, by reason, file and row.
    pub samples: Vec<SetAside>,
    /// The times there are, where the job names a time column.
    pub times: Times,
}

/// Why a job must not go on with this data.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// More bad rows than allowed.
    #[error(
        "{bad} of {rows} rows are unreadable or hold a bad weight or time ({:.2} %), more than \
         max_bad_rows allows ({:.2} %)",
        *bad as f64 * 100.0 / *rows as f64,
        allowed * 100.0
    )]
    TooManyBadRows {
        /// Rows that are bad.
        bad: u64,
        /// Rows read.
        rows: u64,
        /// Share allowed.
        allowed: f64,
    },
    /// Numbers of times whose unit was not given, and which do not tell it.
    #[error(
        "cannot infer the unit of the numbers in the time column: {readings}; set it with time_unit"
    )]
    TimeUnit {
        /// What they may mean.
        readings: String,
    },
    /// `negative_weights = error` and there are some.
    #[error("{rows} rows have a weight of zero or less, and negative_weights is error")]
    NonpositiveWeights {
        /// How many.
        rows: u64,
    },
    /// `strict` and rows were set aside.
    #[error("{rows} rows were set aside ({reasons}), and the job is strict")]
    Strict {
        /// How many.
        rows: u64,
        /// Which reasons they have.
        reasons: String,
    },
    /// No row is kept.
    #[error("no row is left of {rows} ({reasons})")]
    NothingKept {
        /// Rows read.
        rows: u64,
        /// How many have which reason.
        reasons: String,
    },
}

impl Tally {
    /// How many rows of each reason are kept whole for people to look at.
    pub const SAMPLES: usize = 5;

    /// Counts the rows set aside for `reason`.
    pub const fn count(&self, reason: Reason) -> u64 {
        self.set_aside[reason as usize]
    }

    /// Forgets that rows were set aside for a reason, as if they were kept.
    pub fn forget(&mut self, reason: Reason) {
        self.set_aside[reason as usize] = 0;
        self.samples.retain(|row| row.reason != reason);
    }

    /// Counts the rows that were kept.
    pub fn kept(&self) -> u64 {
        self.rows - self.set_aside.iter().sum::<u64>()
    }

    /// Adds another chunk's tally. The outcome does not depend on the order of chunks.
    pub fn merge(&mut self, other: Self) {
        self.rows += other.rows;
        for (mine, theirs) in self.set_aside.iter_mut().zip(other.set_aside) {
            *mine += theirs;
        }
        self.times.merge(other.times);
        self.samples.extend(other.samples);
        self.samples.sort_by_key(|row| (row.reason, row.file, row.row));
        let (mut reason, mut seen) = (None, 0);
        self.samples.retain(|row| {
            seen = if reason == Some(row.reason) { seen + 1 } else { 1 };
            reason = Some(row.reason);
            seen <= Self::SAMPLES
        });
    }

    /// Checks the tally of all rows against the job's guards.
    ///
    /// # Errors
    /// [`Refusal`] if the unit of times is unclear, too many rows are bad, weights at or below zero
    /// are an error, or the job is strict.
    pub fn check(&self, job: &Job) -> Result<(), Refusal> {
        self.check_times()?;
        let bad = Reason::ALL.into_iter().filter(|reason| reason.is_bad());
        let bad = bad.map(|reason| self.count(reason)).sum::<u64>();
        if bad > job.spared_bad_rows && bad as f64 > job.max_bad_rows * self.rows as f64 {
            let (rows, allowed) = (self.rows, job.max_bad_rows);
            return Err(Refusal::TooManyBadRows { bad, rows, allowed });
        }
        let nonpositive = self.count(Reason::NonpositiveWeight);
        if job.negative_weights == NegativeWeights::Error && nonpositive > 0 {
            return Err(Refusal::NonpositiveWeights { rows: nonpositive });
        }
        let strict = Reason::ALL.into_iter().filter(|reason| *reason != Reason::Filtered);
        let present = strict.filter(|reason| self.count(*reason) > 0).collect::<Vec<_>>();
        if job.strict && !present.is_empty() {
            return Err(Refusal::Strict {
                rows: present.iter().map(|reason| self.count(*reason)).sum(),
                reasons: present.iter().map(|reason| reason.name()).collect::<Vec<_>>().join(", "),
            });
        }
        Ok(())
    }
}

impl Tally {
    /// Checks that a row is kept, if there are any.
    ///
    /// # Errors
    /// [`Refusal::NothingKept`] if there is none.
    pub fn check_kept(&self) -> Result<(), Refusal> {
        if self.rows == 0 || self.kept() > 0 {
            return Ok(());
        }
        let reasons = Reason::ALL.into_iter().filter(|reason| self.count(*reason) > 0);
        let reasons = reasons.map(|reason| format!("{}: {}", reason.name(), self.count(reason)));
        let reasons = reasons.collect::<Vec<_>>().join(", ");
        Err(Refusal::NothingKept { rows: self.rows, reasons })
    }

    /// Checks that the numbers of the time column all count the same.
    ///
    /// # Errors
    /// [`Refusal::TimeUnit`] if they do not, or if nobody can tell.
    pub fn check_times(&self) -> Result<(), Refusal> {
        if self.times.guesses.is_unclear() {
            return Err(Refusal::TimeUnit { readings: self.readings() });
        }
        Ok(())
    }

    /// Returns how many half-lives old the oldest row is, where they are so many that its weight is lost
    /// in scores; `None` where decay counts from the newest row of each item.
    pub fn vanishing_half_lives(&self, job: &Job) -> Option<u64> {
        /// Half-lives after which products of two such weights no longer fit a score.
        const MOST: i64 = 64;
        let Weighting::Decay { half_life, now, anchor } = job.weighting else { return None };
        let (earliest, latest) = (self.times.earliest?, self.times.latest?);
        let present = match anchor {
            Anchor::Item => return None,
            Anchor::All => latest.time,
            Anchor::Now => now.unwrap_or(latest.time),
        };
        let half_lives = present.saturating_sub(earliest.time) / half_life;
        (half_lives > MOST).then_some(half_lives.unsigned_abs())
    }

    /// Describes what the numbers of the time column may mean.
    fn readings(&self) -> String {
        let reading = |number: &GuessedNumber| {
            let meaning = match number.guess {
                Guess::Unit(unit) => {
                    let only = |text: &&str| text.ends_with(&format!(" as {unit}"));
                    let all = readings_of(number.value);
                    all.split(", ").find(only).map(ToOwned::to_owned).unwrap_or(all)
                }
                _ => readings_of(number.value),
            };
            format!("{} (row {}) is {meaning}", number.value, number.row)
        };
        self.times.guesses.iter().map(reading).collect::<Vec<_>>().join("; ")
    }
}

/// Which columns the later steps of a job look at; the others are dropped when rows are cleaned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Weights differ between pairs, and something looks at them.
    pub weight: bool,
    /// Times are looked at.
    pub time: bool,
}

impl Needs {
    /// Returns what `job` needs of data that has the columns `given`.
    pub fn of(job: &Job, given: Given) -> Self {
        let cap = job.max_items_per_user.is_some();
        let weights_differ = job.duplicates.weights_differ(given);
        let nets = job.negative_weights == NegativeWeights::Net && given.weight;
        let weight = weights_differ && (job.weighting != Weighting::Binary || cap || nets);
        let decays = matches!(job.weighting, Weighting::Decay { .. });
        let picks_last = job.duplicates == Duplicates::Last && weight;
        Self { weight, time: given.time && (decays || cap || picks_last) }
    }
}

/// The rows of one chunk that were kept, column by column, without nulls.
#[derive(Clone, Debug)]
pub struct Cleaned {
    pub(crate) file: u32,
    pub(crate) user: IdColumn,
    pub(crate) item: IdColumn,
    pub(crate) weight: Option<Vec<f64>>,
    pub(crate) time: Option<Vec<i64>>,
    pub(crate) label: Option<TextColumn>,
}

impl Cleaned {
    /// Returns the position of the chunk's file in the caller's list.
    pub const fn file(&self) -> u32 {
        self.file
    }

    /// Returns who, row by row.
    pub const fn user(&self) -> &IdColumn {
        &self.user
    }

    /// Returns what, row by row.
    pub const fn item(&self) -> &IdColumn {
        &self.item
    }

    /// Returns how much, where the job looks at it.
    pub fn weight(&self) -> Option<&[f64]> {
        self.weight.as_deref()
    }

    /// Returns when, in microseconds since 1970, where the job looks at it.
    pub fn time(&self) -> Option<&[i64]> {
        self.time.as_deref()
    }

    /// Returns what the item is called, where the job names a label column.
    pub const fn label(&self) -> Option<&TextColumn> {
        self.label.as_ref()
    }

    /// Counts the rows.
    pub fn len(&self) -> usize {
        self.user.len()
    }

    /// Returns whether no row was kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keeps the rows that `keep` names, ascending.
    pub(crate) fn pick(self, keep: &[u32]) -> Self {
        Self {
            file: self.file,
            user: self.user.pick(keep),
            item: self.item.pick(keep),
            weight: self.weight.map(|values| pick(values, keep, false)),
            time: self.time.map(|values| pick(values, keep, false)),
            label: self.label.map(|column| column.pick(keep)),
        }
    }
}

/// Cleans one chunk. Cost: O(rows); a chunk without any row to set aside is moved, not copied.
pub fn clean(rows: Rows, job: &Job, needs: Needs) -> (Cleaned, Tally) {
    clean_each(rows, job, needs, |_, _, _| ())
}

/// Cleans one chunk as [`clean`] does, and shows `set_aside` every row that is not kept, with its
/// position in the chunk and the reason, in ascending order.
pub fn clean_each(
    rows: Rows,
    job: &Job,
    needs: Needs,
    mut set_aside: impl FnMut(&Rows, usize, Reason),
) -> (Cleaned, Tally) {
    let mut tally = Tally { rows: rows.len() as u64, ..Tally::default() };
    let mut keep = Vec::new();
    if has_trouble(&rows, job) {
        keep = judge_rows(&rows, job, &mut tally, &mut set_aside);
    }
    let all = tally.kept() == tally.rows;
    tally.times = Times::of(&rows, &keep, all);
    let weight = needs.weight.then(|| match rows.weight {
        Some(column) => pick(column.values, &keep, all),
        None => vec![1.0; tally.kept() as usize],
    });
    let time =
        if needs.time { rows.time.map(|column| pick(column.values, &keep, all)) } else { None };
    let cleaned = Cleaned {
        file: rows.file,
        user: pick_ids(rows.user, &keep, all),
        item: pick_ids(rows.item, &keep, all),
        weight,
        time,
        label: rows.label.map(|column| pick_text(column, &keep, all)),
    };
    (cleaned, tally)
}

/// Returns, column by column, whether any row of the chunk may have to be set aside.
fn has_trouble(rows: &Rows, job: &Job) -> bool {
    let has_null = |column: &IdColumn| match column {
        IdColumn::Integer(Cells { valid, .. }) | IdColumn::Unsigned(Cells { valid, .. }) => {
            valid.as_ref().is_some_and(|valid| valid.contains(&false))
        }
        IdColumn::Text(column) => column.codes.contains(&TextColumn::NULL),
    };
    let least = if job.negative_weights.count() { -LARGEST_WEIGHT } else { 0.0 };
    let weight_is_fine = |weight: &f64| *weight > least && *weight <= LARGEST_WEIGHT;
    !rows.unreadable.is_empty()
        || rows.kept.as_ref().is_some_and(|kept| kept.contains(&false))
        || has_null(&rows.user)
        || has_null(&rows.item)
        || rows.weight.as_ref().is_some_and(|column| !column.values.iter().all(weight_is_fine))
        || rows.time.as_ref().is_some_and(|column| column.values.contains(&TimeColumn::NONE))
}

/// Judges every row; returns the positions of those to keep.
fn judge_rows(
    rows: &Rows,
    job: &Job,
    tally: &mut Tally,
    set_aside: &mut impl FnMut(&Rows, usize, Reason),
) -> Vec<u32> {
    let mut keep = Vec::with_capacity(rows.len());
    let mut unreadable = rows.unreadable.iter().map(|bad| bad.row).peekable();
    for row in 0..rows.len() {
        let is_unreadable = unreadable.next_if_eq(&(row as u32)).is_some();
        let reason = if is_unreadable { Some(Reason::Unreadable) } else { judge(rows, row, job) };
        let Some(reason) = reason else {
            keep.push(row as u32);
            continue;
        };
        set_aside(rows, row, reason);
        let count = &mut tally.set_aside[reason as usize];
        *count += 1;
        if *count <= Tally::SAMPLES as u64 {
            tally.samples.push(sample(rows, row, reason));
        }
    }
    tally.samples.sort_by_key(|sample| (sample.reason, sample.row));
    keep
}

/// Finds the reason to set a readable row aside, if there is one.
fn judge(rows: &Rows, row: usize, job: &Job) -> Option<Reason> {
    if rows.kept.as_ref().is_some_and(|kept| !kept[row]) {
        return Some(Reason::Filtered);
    }
    if rows.user.is_null(row) {
        return Some(Reason::NullUser);
    }
    if rows.item.is_null(row) {
        return Some(Reason::NullItem);
    }
    let weight = rows.weight.as_ref().map_or(1.0, |column| column.values[row]);
    if weight.is_nan() || weight.abs() > LARGEST_WEIGHT {
        return Some(Reason::BadWeight);
    }
    if rows.time.as_ref().is_some_and(|column| column.values[row] == TimeColumn::NONE) {
        return Some(Reason::BadTime);
    }
    (weight <= 0.0 && !job.negative_weights.count()).then_some(Reason::NonpositiveWeight)
}

/// Finds the bad cell of a row.
fn bad_of(bad: &[BadCell], row: usize) -> Option<&BadCell> {
    let found = bad.binary_search_by_key(&(row as u32), |cell| cell.row).ok()?;
    Some(&bad[found])
}

/// Copies a row out for people to look at.
fn sample(rows: &Rows, row: usize, reason: Reason) -> SetAside {
    let raw = |bad: &[BadCell]| bad_of(bad, row).map(|cell| cell.text.clone());
    let weight = |column: &crate::data::NumberColumn| {
        let value = column.values[row];
        raw(&column.bad)
            .unwrap_or_else(|| if value.is_nan() { "null".into() } else { value.to_string() })
    };
    let detail = match reason {
        Reason::Unreadable => raw(&rows.unreadable),
        Reason::BadTime => {
            rows.time.as_ref().map(|column| raw(&column.bad).unwrap_or_else(|| "null".into()))
        }
        _ => rows.weight.as_ref().map(weight),
    };
    let cell = match reason {
        Reason::Unreadable => bad_of(&rows.unreadable, row).and_then(|bad| bad.cell.clone()),
        Reason::BadTime => rows.time.as_ref().and_then(|column| raw(&column.bad)),
        Reason::BadWeight => rows.weight.as_ref().and_then(|column| raw(&column.bad)),
        _ => None,
    };
    SetAside {
        reason,
        file: rows.file,
        row: rows.number(row),
        user: rows.user.display(row).map(Into::into),
        item: rows.item.display(row).map(Into::into),
        detail,
        cell,
    }
}

fn pick<T: Copy>(values: Vec<T>, keep: &[u32], all: bool) -> Vec<T> {
    if all { values } else { keep.iter().map(|row| values[*row as usize]).collect() }
}

fn pick_text(column: TextColumn, keep: &[u32], all: bool) -> TextColumn {
    TextColumn { codes: pick(column.codes, keep, all), ..column }
}

fn pick_ids(column: IdColumn, keep: &[u32], all: bool) -> IdColumn {
    match column {
        IdColumn::Integer(cells) => IdColumn::Integer(pick(cells.values, keep, all).into()),
        IdColumn::Unsigned(cells) => IdColumn::Unsigned(pick(cells.values, keep, all).into()),
        IdColumn::Text(column) => IdColumn::Text(pick_text(column, keep, all)),
    }
}
