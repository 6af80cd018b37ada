//! The data of a job before anything is counted: raw rows, ids, times, hashes.

mod hash;
mod ids;
mod rows;
mod spelling;
pub mod time;

pub(crate) use self::hash::{hash_integer, pair_hash};
pub use self::{
    hash::hash_id,
    ids::{
        Cells, DoubtfulIds, Id, IdColumn, Ids, TextColumn, TextList, canonical_digits,
        canonical_integer,
    },
    rows::{BadCell, GuessedNumber, Guesses, NumberColumn, Rows, TimeColumn},
    spelling::{OtherSpelling, other_spelling, unknown_of},
    time::{
        Guess, Moment, TimeRule, TimeUnit, display_time, from_seconds, parse_duration, parse_time,
        readings_of,
    },
};
