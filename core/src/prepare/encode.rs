//! Gives every id its code: distinct ids of all chunks, sorted, position = code.
//!
//! Integers within a narrow range go through a bitmap of that range, others through a sorted
//! list and a hash table; text goes through the chunks' dictionaries, so each distinct string of
//! a chunk is hashed once.

use std::{
    hash::{BuildHasher, Hash},
    sync::atomic::{AtomicU64, Ordering},
};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::clean::Cleaned;
use crate::{
    data::{IdColumn, Ids, TextColumn, TextList, canonical_integer},
    executor::Executor,
};

/// The kept rows of one chunk, as codes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Events {
    /// Code of each row's user.
    pub user: Vec<u32>,
    /// Code of each row's item.
    pub item: Vec<u32>,
    /// Weight of each row, where the job looks at weights.
    pub weight: Option<Vec<f64>>,
    /// Time of each row in microseconds since 1970, where the job looks at times.
    pub time: Option<Vec<i64>>,
}

/// All kept rows as codes, with what the codes stand for.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// Users by code.
    pub users: Ids,
    /// Items by code.
    pub items: Ids,
    /// One label per item, where the job names a label column.
    pub labels: Option<TextColumn>,
    /// The rows, chunk by chunk.
    pub events: Vec<Events>,
    /// The first code of the items of a second behaviour, if there are two.
    pub target: Option<u32>,
}

impl Encoded {
    /// Tells the items of two behaviours apart: an item of the chunks that `is_target` marks gets a
    /// code after all others, even if the input has an item of that ID. Cost: O(rows).
    ///
    /// # Errors
    /// [`EncodeError::TooMany`] if there are too few codes.
    ///
    /// # Panics
    /// If there is no mark for a chunk.
    pub fn apart(self, is_target: &[bool]) -> Result<Self, EncodeError> {
        let count = self.items.len();
        check_count("item", 2 * count)?;
        let target = count as u32;
        let twice = (0..target).chain(0..target).collect::<Vec<_>>();
        let mut events = self.events;
        for (events, is_target) in events.iter_mut().zip(is_target) {
            if *is_target {
                events.item.iter_mut().for_each(|item| *item += target);
            }
        }
        Ok(Self {
            users: self.users,
            items: self.items.select(&twice),
            labels: self.labels.map(|labels| labels.pick(&twice)),
            events,
            target: Some(target),
        })
    }
}

/// Ids that do not go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// One file has integers where another has text.
    #[error("{column} ids are integers in one file and text in another")]
    MixedKinds {
        /// `user` or `item`.
        column: &'static str,
        /// A file with integers.
        integers: u32,
        /// A file with text.
        text: u32,
    },
    /// There are negative integers as well as integers past `i64::MAX`.
    #[error("{column} ids hold negative integers as well as integers past 9223372036854775807")]
    TooWide {
        /// `user` or `item`.
        column: &'static str,
        /// A file with an integer past `i64::MAX`.
        file: u32,
    },
    /// More distinct ids than codes.
    #[error("{column} ids: {distinct} distinct ones, more than the 4294967294 that fit")]
    TooMany {
        /// `user` or `item`.
        column: &'static str,
        /// How many there are.
        distinct: usize,
    },
}

/// Encodes all chunks. Cost: O(rows), plus sorting the distinct ids where they are sparse or text.
///
/// # Errors
/// [`EncodeError`] if the ids of a column mix kinds that cannot be compared.
pub fn encode(chunks: Vec<Cleaned>, executor: &impl Executor) -> Result<Encoded, EncodeError> {
    let mut files = Vec::with_capacity(chunks.len());
    let (mut users, mut items, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    for chunk in chunks {
        files.push(chunk.file);
        users.push(chunk.user);
        items.push(chunk.item);
        rest.push((chunk.weight, chunk.time, chunk.label));
    }
    let (users, user_codes) = encode_column("user", users, &files, executor)?;
    let (items, item_codes) = encode_column("item", items, &files, executor)?;
    let mut events = Vec::with_capacity(rest.len());
    let mut chunk_labels = Vec::with_capacity(rest.len());
    for ((user, item), (weight, time, label)) in user_codes.into_iter().zip(item_codes).zip(rest) {
        events.push(Events { user, item, weight, time });
        chunk_labels.push(label);
    }
    let labels = choose_labels(items.len(), &events, &chunk_labels);
    Ok(Encoded { users, items, labels, events, target: None })
}

/// What the ids of a column are, over all files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdKind {
    /// 64-bit integers with a sign.
    Integer,
    /// 64-bit integers without a sign, of which at least one is past `i64::MAX`.
    Unsigned,
    /// Strings.
    Text,
}

/// The ids of a chunk as its column's kind has them.
#[derive(Clone, Debug, PartialEq)]
pub enum TypedIds {
    /// Integers as keys in whose order they come; see [`IdKind::ids_of`].
    Keys(Vec<i64>),
    /// Strings.
    Text(TextColumn),
}

impl IdKind {
    /// Flipping the sign bit maps unsigned order onto signed order.
    const fn flip(self) -> i64 {
        match self {
            Self::Unsigned => i64::MIN,
            Self::Integer | Self::Text => 0,
        }
    }

    /// Brings a chunk's ids to this kind. Ids of another kind, which [`Kinds`] tells, come out
    /// as anything.
    pub fn typed(self, column: IdColumn) -> TypedIds {
        match self {
            Self::Text => TypedIds::Text(into_text(column)),
            Self::Integer | Self::Unsigned => TypedIds::Keys(into_keys(column, self.flip())),
        }
    }

    /// Turns keys of an integer kind back into ids.
    pub fn ids_of(self, keys: Vec<i64>) -> Ids {
        match self {
            Self::Unsigned => Ids::Unsigned(
                keys.into_iter().map(|key| (key ^ i64::MIN).cast_unsigned()).collect(),
            ),
            Self::Integer | Self::Text => Ids::Integer(keys),
        }
    }
}

fn encode_column(
    name: &'static str,
    columns: Vec<IdColumn>,
    files: &[u32],
    executor: &impl Executor,
) -> Result<(Ids, Vec<Vec<u32>>), EncodeError> {
    let mut kinds = Kinds::default();
    for (ids, file) in columns.iter().zip(files) {
        kinds.see(ids, *file);
    }
    let kind = kinds.decide(name)?;
    let (ids, codes) = if kind == IdKind::Text {
        let columns = columns.into_iter().map(into_text).collect::<Vec<_>>();
        let (list, codes) = encode_text(&columns, executor);
        (Ids::Text(list), codes)
    } else {
        let keys = columns.into_iter().map(|column| into_keys(column, kind.flip()));
        let (distinct, codes) = encode_keys(&keys.collect::<Vec<_>>(), executor);
        (kind.ids_of(distinct), codes)
    };
    check_count(name, ids.len())?;
    Ok((ids, codes))
}

/// Checks that there are codes for so many distinct ids of `column`.
///
/// # Errors
/// [`EncodeError::TooMany`] if not.
pub fn check_count(column: &'static str, distinct: usize) -> Result<(), EncodeError> {
    if distinct >= u32::MAX as usize {
        return Err(EncodeError::TooMany { column, distinct });
    }
    Ok(())
}

/// What is known of a column's ids from the chunks seen so far, in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds {
    /// The first file with integers, with text, …
    integers: Option<u32>,
    text: Option<u32>,
    untyped_text: Option<u32>,
    negative: Option<u32>,
    wide: Option<u32>,
    /// Some ids came without a type.
    untyped: bool,
}

impl Kinds {
    /// Takes in a chunk of `file`. Cost: O(rows), or O(dictionary) where the format has no types.
    pub fn see(&mut self, ids: &IdColumn, file: u32) {
        let (mut negative, mut wide) = (false, false);
        match ids {
            IdColumn::Text(ids) if ids.untyped => {
                self.untyped |= !ids.dictionary.is_empty();
                for text in ids.dictionary.iter() {
                    let value = canonical_integer(text).filter(|value| {
                        (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(value)
                    });
                    negative |= value.is_some_and(|value| value < 0);
                    wide |= value.is_some_and(|value| value > i128::from(i64::MAX));
                    if value.is_none() {
                        first(&mut self.untyped_text, Some(file));
                    }
                }
            }
            ids if ids.is_empty() => {}
            IdColumn::Text(_) => first(&mut self.text, Some(file)),
            IdColumn::Integer(cells) => {
                first(&mut self.integers, Some(file));
                negative = cells.values.iter().any(|value| *value < 0);
            }
            IdColumn::Unsigned(cells) => {
                first(&mut self.integers, Some(file));
                wide = cells.values.iter().any(|value| i64::try_from(*value).is_err());
            }
        }
        first(&mut self.negative, negative.then_some(file));
        first(&mut self.wide, wide.then_some(file));
    }

    /// Takes in what is known from other chunks.
    pub fn merge(&mut self, other: &Self) {
        first(&mut self.integers, other.integers);
        first(&mut self.text, other.text);
        first(&mut self.untyped_text, other.untyped_text);
        first(&mut self.negative, other.negative);
        first(&mut self.wide, other.wide);
        self.untyped |= other.untyped;
    }

    /// Decides the kind of `column`, `user` or `item`, from all that was seen.
    ///
    /// # Errors
    /// [`EncodeError`] if the ids cannot be compared with one another.
    pub fn decide(&self, column: &'static str) -> Result<IdKind, EncodeError> {
        match (self.integers, self.text.or(self.untyped_text)) {
            (Some(integers), Some(text)) => {
                return Err(EncodeError::MixedKinds { column, integers, text });
            }
            (None, Some(_)) => return Ok(IdKind::Text),
            _ => {}
        }
        match (self.negative, self.wide) {
            (Some(_), Some(file)) if self.integers.is_some() => {
                Err(EncodeError::TooWide { column, file })
            }
            (Some(_), Some(_)) if self.untyped => Ok(IdKind::Text),
            (_, Some(_)) => Ok(IdKind::Unsigned),
            _ => Ok(IdKind::Integer),
        }
    }
}

/// Keeps the smaller number of a file.
fn first(known: &mut Option<u32>, file: Option<u32>) {
    *known = known.iter().copied().chain(file).min();
}

/// Turns a column of an integer kind into sortable keys.
fn into_keys(column: IdColumn, flip: i64) -> Vec<i64> {
    match column {
        IdColumn::Integer(cells) if flip == 0 => cells.values,
        IdColumn::Integer(cells) => cells.values.into_iter().map(|value| value ^ flip).collect(),
        IdColumn::Unsigned(cells) => {
            cells.values.into_iter().map(|value| value.cast_signed() ^ flip).collect()
        }
        IdColumn::Text(column) => {
            let parse = |text: &str| canonical_integer(text).unwrap_or_default() as i64 ^ flip;
            let keys = column.dictionary.iter().map(parse).collect::<Vec<_>>();
            column.codes.into_iter().map(|code| keys[code as usize]).collect()
        }
    }
}

/// Turns an empty column of another kind into an empty one of text.
fn into_text(column: IdColumn) -> TextColumn {
    match column {
        IdColumn::Text(column) => column,
        IdColumn::Integer(_) | IdColumn::Unsigned(_) => TextColumn::default(),
    }
}

/// Encodes integers: the distinct keys ascending, and each row's position among them.
fn encode_keys(chunks: &[Vec<i64>], executor: &impl Executor) -> (Vec<i64>, Vec<Vec<u32>>) {
    let bounds = executor.map(chunks.len(), |chunk| {
        let keys = &chunks[chunk];
        Some((*keys.iter().min()?, *keys.iter().max()?))
    });
    let bounds = bounds.into_iter().flatten();
    let Some((least, most)) = bounds.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))) else {
        return (Vec::new(), chunks.iter().map(|_| Vec::new()).collect());
    };
    let rows = chunks.iter().map(Vec::len).sum::<usize>();
    // A bitmap of the range costs a bit per value: cheaper than hashing up to a word or so a row.
    match usize::try_from(most.abs_diff(least)) {
        Ok(range) if range / 64 <= rows + 1024 => {
            Bitmap::new(chunks, least, range + 1, executor).encode(chunks, executor)
        }
        _ => encode_sparse_keys(chunks, executor),
    }
}

/// Which values of a narrow range occur, with the rank of each word's first bit.
struct Bitmap {
    least: i64,
    words: Vec<u64>,
    ranks: Vec<u32>,
}

impl Bitmap {
    fn new(chunks: &[Vec<i64>], least: i64, range: usize, executor: &impl Executor) -> Self {
        let words = std::iter::repeat_with(|| AtomicU64::new(0));
        let words = words.take(range.div_ceil(64)).collect::<Vec<_>>();
        executor.map(chunks.len(), |chunk| {
            for key in &chunks[chunk] {
                let offset = key.wrapping_sub(least).cast_unsigned() as usize;
                let (word, bit) = (&words[offset / 64], 1 << (offset % 64));
                // Most rows repeat an id: look before writing, so that threads share the line.
                if word.load(Ordering::Relaxed) & bit == 0 {
                    word.fetch_or(bit, Ordering::Relaxed);
                }
            }
        });
        let words = words.into_iter().map(AtomicU64::into_inner).collect::<Vec<_>>();
        let mut rank = 0;
        let ranks = words.iter().map(|word| {
            let before = rank;
            rank += word.count_ones();
            before
        });
        let ranks = ranks.collect();
        Self { least, words, ranks }
    }

    fn encode(&self, chunks: &[Vec<i64>], executor: &impl Executor) -> (Vec<i64>, Vec<Vec<u32>>) {
        let mut distinct = Vec::new();
        for (index, word) in self.words.iter().enumerate() {
            let mut rest = *word;
            while rest != 0 {
                let offset = (index * 64) as u64 + u64::from(rest.trailing_zeros());
                distinct.push(self.least.wrapping_add_unsigned(offset));
                rest &= rest - 1;
            }
        }
        let codes = executor
            .map(chunks.len(), |chunk| chunks[chunk].iter().map(|key| self.rank(*key)).collect());
        (distinct, codes)
    }

    fn rank(&self, key: i64) -> u32 {
        let offset = key.wrapping_sub(self.least).cast_unsigned() as usize;
        let below = self.words[offset / 64] & ((1 << (offset % 64)) - 1);
        self.ranks[offset / 64] + below.count_ones()
    }
}

fn encode_sparse_keys(chunks: &[Vec<i64>], executor: &impl Executor) -> (Vec<i64>, Vec<Vec<u32>>) {
    let mut distinct = executor
        .map(chunks.len(), |chunk| {
            let mut keys = chunks[chunk].clone();
            keys.sort_unstable();
            keys.dedup();
            keys
        })
        .concat();
    distinct.sort_unstable();
    distinct.dedup();
    let hasher = FixedState::default();
    let mut table = HashTable::with_capacity(distinct.len());
    for (code, key) in distinct.iter().enumerate() {
        table.insert_unique(hasher.hash_one(key), code as u32, |_| 0);
    }
    let code_of = |key: &i64| {
        let found = table.find(hasher.hash_one(key), |code| distinct[*code as usize] == *key);
        *found.expect("every key is in the table")
    };
    let codes = executor.map(chunks.len(), |chunk| chunks[chunk].iter().map(code_of).collect());
    (distinct, codes)
}

/// Encodes text: the distinct strings ascending, and each row's position among them.
fn encode_text(chunks: &[TextColumn], executor: &impl Executor) -> (TextList, Vec<Vec<u32>>) {
    // Dictionary entries that no kept row uses must not become ids.
    let used = executor.map(chunks.len(), |chunk| {
        let mut used = vec![false; chunks[chunk].dictionary.len()];
        for code in &chunks[chunk].codes {
            used[*code as usize] = true;
        }
        used
    });
    let hasher = FixedState::default();
    let mut table: HashTable<u32> = HashTable::new();
    let mut firsts: Vec<&str> = Vec::new();
    let mut provisional = Vec::with_capacity(chunks.len());
    for (chunk, used) in chunks.iter().zip(&used) {
        let entries = chunk.dictionary.iter().zip(used).map(|(text, used)| {
            if !used {
                return TextColumn::NULL;
            }
            let hash = hash_text(&hasher, text);
            let same = |known: &u32| firsts[*known as usize] == text;
            if let Some(known) = table.find(hash, same) {
                return *known;
            }
            let new = firsts.len() as u32;
            table.insert_unique(hash, new, |known| hash_text(&hasher, firsts[*known as usize]));
            firsts.push(text);
            new
        });
        provisional.push(entries.collect::<Vec<_>>());
    }
    let mut order = (0..firsts.len() as u32).collect::<Vec<_>>();
    order.sort_unstable_by_key(|known| firsts[*known as usize]);
    let mut codes_of_known = vec![0; order.len()];
    for (code, known) in order.iter().enumerate() {
        codes_of_known[*known as usize] = code as u32;
    }
    let codes = executor.map(chunks.len(), |chunk| {
        let known = &provisional[chunk];
        let code_of = |code: &u32| codes_of_known[known[*code as usize] as usize];
        chunks[chunk].codes.iter().map(code_of).collect()
    });
    (order.iter().map(|known| firsts[*known as usize]).collect(), codes)
}

pub(crate) fn hash_text(hasher: &FixedState, text: &str) -> u64 {
    let mut state = hasher.build_hasher();
    text.hash(&mut state);
    std::hash::Hasher::finish(&state)
}

/// Picks each item's most frequent label, of equally frequent ones the smallest.
fn choose_labels(
    items: usize,
    events: &[Events],
    labels: &[Option<TextColumn>],
) -> Option<TextColumn> {
    let columns = labels.iter().flatten().collect::<Vec<_>>();
    if columns.is_empty() {
        return None;
    }
    let mut counts = Vec::new();
    for (events, column) in events.iter().zip(labels) {
        let Some(column) = column else { continue };
        let mut pairs = events.item.iter().copied().zip(column.codes.iter().copied());
        let mut pairs =
            pairs.by_ref().filter(|(_, label)| *label != TextColumn::NULL).collect::<Vec<_>>();
        pairs.sort_unstable();
        counts.extend(pairs.chunk_by(|a, b| a == b).map(|same| {
            let (item, label) = same[0];
            (item, column.dictionary.get(label as usize), same.len() as u64)
        }));
    }
    Some(most_frequent(items, counts))
}

/// Picks each item's most frequent label from counts of (item, label), of which one pair may have
/// several; of equally frequent ones the smallest.
pub(crate) fn most_frequent(items: usize, mut counts: Vec<(u32, &str, u64)>) -> TextColumn {
    counts.sort_unstable();
    let mut chosen = TextColumn { codes: vec![TextColumn::NULL; items], ..TextColumn::default() };
    for of_item in counts.chunk_by(|a, b| a.0 == b.0) {
        let totals = of_item.chunk_by(|a, b| a.1 == b.1);
        let totals = totals.map(|same| (same[0].1, same.iter().map(|entry| entry.2).sum::<u64>()));
        // `max_by_key` keeps the last of equals, so labels come in descending order.
        let best = totals.rev().max_by_key(|(_, count)| *count);
        if let Some((label, _)) = best {
            chosen.codes[of_item[0].0 as usize] = chosen.dictionary.len() as u32;
            chosen.dictionary.push(label);
        }
    }
    chosen
}
