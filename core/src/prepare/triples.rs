//! Interactions from values in memory, for programs that have no files.

use std::collections::HashMap;

use super::{
    clean::{Needs, Reason, Refusal, clean},
    encode::{EncodeError, encode},
    fold::{Folded, fold},
};
use crate::{
    data::{Cells, Id, IdColumn, NumberColumn, Rows, TextColumn, TextList},
    executor::{Executor, Sequential},
    job::{Given, Job},
};

/// Gathers `(user, item, weight)` triples, whose ids are integers or strings, and folds them into
/// interactions as a job asks.
///
/// Where a side mixes integers with strings, its integers are taken as their decimal digits.
/// Cost: 16 B per triple, and every distinct id once.
///
/// ```
/// use ilk_core::{SimilarityJob, Triples};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut triples = Triples::new();
/// triples.push("ann", 17, 2.0);
/// triples.push("bob", 17, 1.0);
/// let job = SimilarityJob::default().resolve(Triples::GIVEN)?;
/// assert_eq!(triples.fold(&job)?.interactions.len(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Triples {
    users: Side,
    items: Side,
    weights: Vec<f64>,
}

/// Triples that make no interactions.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TriplesError {
    /// The job's guards refuse: too many weights are no finite numbers, for example.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There are more distinct ids than codes, or integers of one side do not fit 64 bits together.
    #[error(transparent)]
    Ids(#[from] EncodeError),
}

/// The ids of one side, each once, and which of them each triple has.
#[derive(Clone, Debug, Default)]
struct Side {
    codes: Vec<u32>,
    ids: Vec<Id>,
    known: HashMap<Id, u32, foldhash::fast::FixedState>,
}

impl Side {
    fn push(&mut self, id: Id) {
        let next = self.ids.len() as u32;
        let code = *self.known.entry(id).or_insert_with_key(|id| {
            self.ids.push(id.clone());
            next
        });
        self.codes.push(code);
    }

    fn into_column(self) -> IdColumn {
        if self.ids.iter().any(|id| matches!(id, Id::Text(_))) {
            return self.into_text();
        }
        if self.ids.iter().any(|id| matches!(id, Id::Unsigned(_))) {
            let values = self.ids.iter().map(|id| match id {
                Id::Unsigned(value) => Some(*value),
                Id::Integer(value) => u64::try_from(*value).ok(),
                Id::Text(_) => None,
            });
            // Below 0 and past 64 bits with a sign at once: only digits hold both.
            return match values.collect::<Option<Vec<_>>>() {
                Some(values) => IdColumn::Unsigned(spread(&values, &self.codes)),
                None => self.into_text(),
            };
        }
        let values = self.ids.iter().map(|id| if let Id::Integer(value) = id { *value } else { 0 });
        IdColumn::Integer(spread(&values.collect::<Vec<_>>(), &self.codes))
    }

    fn into_text(self) -> IdColumn {
        // Digits may stand there as a number and as text.
        let (mut dictionary, mut known) = (TextList::new(), HashMap::new());
        let places = self.ids.iter().map(|id| {
            let text = id.to_string();
            *known.entry(text).or_insert_with_key(|text| {
                dictionary.push(text);
                dictionary.len() as u32 - 1
            })
        });
        let places = places.collect::<Vec<_>>();
        let codes = self.codes.iter().map(|code| places[*code as usize]).collect();
        IdColumn::Text(TextColumn { codes, dictionary, untyped: false })
    }
}

fn spread<T: Copy>(values: &[T], codes: &[u32]) -> Cells<T> {
    codes.iter().map(|code| values[*code as usize]).collect::<Vec<_>>().into()
}

impl Triples {
    /// The columns that triples have: weights, and no times.
    pub const GIVEN: Given = Given { weight: true, time: false };

    /// Makes an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a triple.
    ///
    /// # Panics
    /// With 2³² triples, and more.
    pub fn push(&mut self, user: impl Into<Id>, item: impl Into<Id>, weight: f64) {
        assert!(self.weights.len() < u32::MAX as usize, "rows are numbered with 32 bits");
        self.users.push(user.into());
        self.items.push(item.into());
        self.weights.push(weight);
    }

    /// Counts the triples.
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// Returns whether there is no triple.
    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    /// Folds the triples into one interaction for each user and item, on the caller's thread.
    ///
    /// # Errors
    /// [`TriplesError`] if the job's guards refuse the triples, or their ids cannot be numbered.
    pub fn fold(self, job: &Job) -> Result<Folded, TriplesError> {
        self.fold_with(job, &Sequential)
    }

    /// Does the same on the executor's threads.
    ///
    /// # Errors
    /// As for [`fold`](Self::fold).
    pub fn fold_with(self, job: &Job, executor: &impl Executor) -> Result<Folded, TriplesError> {
        let rows = Rows {
            file: 0,
            first_row: 1,
            places: None,
            user: self.users.into_column(),
            item: self.items.into_column(),
            weight: Some(NumberColumn { values: self.weights, bad: Vec::new() }),
            time: None,
            label: None,
            kept: None,
            unreadable: Vec::new(),
        };
        let needs = Needs::of(job, Self::GIVEN);
        let (cleaned, tally) = clean(rows, job, needs);
        tally.check(job)?;
        // A program knows its weights: one that is no number is a mistake, however many there are.
        let bad = tally.count(Reason::BadWeight);
        if bad > 0 {
            return Err(Refusal::TooManyBadRows { bad, rows: tally.rows, allowed: 0.0 }.into());
        }
        Ok(fold(encode(vec![cleaned], executor)?, job, needs, executor))
    }
}

impl<U: Into<Id>, I: Into<Id>> Extend<(U, I, f64)> for Triples {
    fn extend<T: IntoIterator<Item = (U, I, f64)>>(&mut self, triples: T) {
        for (user, item, weight) in triples {
            self.push(user, item, weight);
        }
    }
}

impl<U: Into<Id>, I: Into<Id>> FromIterator<(U, I, f64)> for Triples {
    fn from_iter<T: IntoIterator<Item = (U, I, f64)>>(triples: T) -> Self {
        let mut all = Self::new();
        all.extend(triples);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{data::Ids, job::SimilarityJob};

    fn folded(triples: Triples) -> Folded {
        let job = SimilarityJob::default().resolve(Triples::GIVEN).unwrap();
        triples.fold(&job).unwrap()
    }

    #[test]
    fn ids_keep_their_kind() {
        let numbers = [(1_u32, "tea", 1.0), (2, "tea", 1.0), (1, "tea", 1.0)];
        let folded_numbers = folded(numbers.into_iter().collect());
        assert_eq!(folded_numbers.others, Ids::Integer(vec![1, 2]));
        assert_eq!(
            folded_numbers.interactions.len(),
            2,
            "two rows of one pair are one interaction"
        );
        let wide = folded([(0_u64, 1_i64, 1.0), (u64::MAX, 1, 1.0)].into_iter().collect());
        assert_eq!(wide.others, Ids::Unsigned(vec![0, u64::MAX]));
    }

    #[test]
    fn what_fits_no_integer_is_text() {
        let mut triples = Triples::new();
        for user in [Id::from(7_i64), Id::from("7"), Id::from("ann")] {
            triples.push(user, 1, 1.0);
        }
        let text = |texts: &[&str]| Ids::Text(texts.iter().collect());
        assert_eq!(folded(triples).others, text(&["7", "ann"]));
        let both = [(Id::from(-1_i64), 1_i64, 1.0), (Id::from(u64::MAX), 1, 1.0)];
        assert_eq!(
            folded(both.into_iter().collect()).others,
            text(&["-1", "18446744073709551615"])
        );
    }

    #[test]
    fn weights_that_are_no_numbers_are_refused() {
        let job = SimilarityJob::default().resolve(Triples::GIVEN).unwrap();
        let triples = [(1_i64, 1_i64, f64::NAN)].into_iter().collect::<Triples>();
        assert!(matches!(triples.fold(&job), Err(TriplesError::Refused(_))));
        assert!(folded(Triples::new()).interactions.is_empty());
    }
}
