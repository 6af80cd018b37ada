//! Events on their way to disk and back, where there are more of them than fit in memory: item
//! codes given out while reading, runs of events sorted by user, and what is cut out of them.
//!
//! Where the bytes go is the caller's business. Whatever the runs and the cuts, folding them gives
//! what [`fold`](crate::interactions::fold) gives of all events at once.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashTable};

use super::{
    clean::{Cleaned, Needs},
    encode::{IdKind, Kinds, TypedIds, hash_text, most_frequent},
    user_rows::UserRows,
};
use crate::data::{Ids, TextColumn, TextList};

/// Gives items codes in the order in which they come, until all are known. Cost: about 40 B per
/// item, and its text; up to 4 MiB more for small integers.
#[derive(Clone, Debug)]
pub struct Dictionary {
    kind: IdKind,
    keys: Vec<i64>,
    texts: TextList,
    table: HashTable<u32>,
    /// Codes of small keys, by key: what most columns of integers have.
    small: Vec<u32>,
    hasher: FixedState,
}

impl Dictionary {
    /// Keys below this are small.
    const SMALL: i64 = 1 << 20;

    /// Makes an empty dictionary of ids of `kind`.
    pub fn new(kind: IdKind) -> Self {
        Self {
            kind,
            keys: Vec::new(),
            texts: TextList::new(),
            table: HashTable::new(),
            small: Vec::new(),
            hasher: FixedState::default(),
        }
    }

    /// Counts the ids.
    pub fn len(&self) -> usize {
        if self.kind == IdKind::Text { self.texts.len() } else { self.keys.len() }
    }

    /// Returns whether there is no id.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Counts the bytes that it takes, and will take while it is sorted.
    pub fn bytes(&self) -> usize {
        let buffers = self.keys.capacity() * 8 + self.texts.bytes() * 2 + self.texts.len() * 16;
        // Sorting takes an order, new codes and a second list.
        buffers + self.table.capacity() * 6 + self.small.capacity() * 4 + self.len() * 16
    }

    /// Finds the codes of a chunk's ids; ids that are not known get `u32::MAX`. Tells whether all
    /// are known.
    pub fn look_up(&self, ids: &TypedIds) -> (Vec<u32>, bool) {
        let codes = match ids {
            TypedIds::Keys(keys) => keys.iter().map(|key| self.code_of_key(*key)).collect(),
            TypedIds::Text(column) => {
                let mut known = vec![None; column.dictionary.len()];
                let code = |code: &u32| {
                    let text = || self.code_of_text(column.dictionary.get(*code as usize));
                    *known[*code as usize].get_or_insert_with(text)
                };
                column.codes.iter().map(code).collect::<Vec<_>>()
            }
        };
        let all = !codes.contains(&u32::MAX);
        (codes, all)
    }

    /// Gives codes to the ids of a chunk that [`look_up`](Self::look_up) did not know.
    pub fn extend(&mut self, ids: &TypedIds, codes: &mut [u32]) {
        for (row, code) in codes.iter_mut().enumerate().filter(|(_, code)| **code == u32::MAX) {
            *code = match ids {
                TypedIds::Keys(keys) => self.add_key(keys[row]),
                TypedIds::Text(column) => {
                    self.add_text(column.dictionary.get(column.codes[row] as usize))
                }
            };
        }
    }

    fn code_of_key(&self, key: i64) -> u32 {
        if (0..Self::SMALL).contains(&key) {
            return self.small.get(key as usize).copied().unwrap_or(u32::MAX);
        }
        let same = |code: &u32| self.keys[*code as usize] == key;
        self.table.find(self.hasher.hash_one(key), same).copied().unwrap_or(u32::MAX)
    }

    fn code_of_text(&self, text: &str) -> u32 {
        let same = |code: &u32| self.texts.get(*code as usize) == text;
        self.table.find(hash_text(&self.hasher, text), same).copied().unwrap_or(u32::MAX)
    }

    fn add_key(&mut self, key: i64) -> u32 {
        let known = self.code_of_key(key);
        if known != u32::MAX {
            return known;
        }
        let Self { keys, table, small, hasher, .. } = self;
        let code = keys.len() as u32;
        keys.push(key);
        if (0..Self::SMALL).contains(&key) {
            let key = key as usize;
            if small.len() <= key {
                small.resize((key + 1).next_power_of_two(), u32::MAX);
            }
            small[key] = code;
            return code;
        }
        let rehash = |code: &u32| hasher.hash_one(keys[*code as usize]);
        table.insert_unique(hasher.hash_one(key), code, rehash);
        code
    }

    fn add_text(&mut self, text: &str) -> u32 {
        let known = self.code_of_text(text);
        if known != u32::MAX {
            return known;
        }
        let Self { texts, table, hasher, .. } = self;
        let code = texts.len() as u32;
        texts.push(text);
        let rehash = |code: &u32| hash_text(hasher, texts.get(*code as usize));
        table.insert_unique(hash_text(hasher, text), code, rehash);
        code
    }

    /// Sorts the ids; the second list has, by the code given out, the code in ascending order.
    pub fn finish(self) -> (Ids, Vec<u32>) {
        let mut order = (0..self.len() as u32).collect::<Vec<_>>();
        let Self { kind, keys, texts, .. } = self;
        if kind == IdKind::Text {
            order.sort_unstable_by_key(|code| texts.get(*code as usize));
        } else {
            order.sort_unstable_by_key(|code| keys[*code as usize]);
        }
        let mut codes = vec![0; order.len()];
        for (new, old) in order.iter().enumerate() {
            codes[*old as usize] = new as u32;
        }
        let ids = if kind == IdKind::Text {
            Ids::Text(order.iter().map(|code| texts.get(*code as usize)).collect())
        } else {
            kind.ids_of(order.iter().map(|code| keys[*code as usize]).collect())
        };
        (ids, codes)
    }
}

/// Counts how often each item has which label. Cost: about 32 B per distinct pair of item and
/// label, and the labels' text.
#[derive(Clone, Debug)]
pub struct LabelCounts {
    labels: Dictionary,
    counts: HashMap<(u32, u32), u64, FixedState>,
}

impl Default for LabelCounts {
    fn default() -> Self {
        Self {
            labels: Dictionary::new(IdKind::Text),
            counts: HashMap::with_hasher(FixedState::default()),
        }
    }
}

impl LabelCounts {
    /// Counts the labels of a chunk's items.
    pub fn add(&mut self, items: &[u32], column: &TextColumn) {
        let mut known = vec![u32::MAX; column.dictionary.len()];
        for (item, label) in items.iter().zip(&column.codes) {
            if *label == TextColumn::NULL {
                continue;
            }
            let known = &mut known[*label as usize];
            if *known == u32::MAX {
                *known = self.labels.add_text(column.dictionary.get(*label as usize));
            }
            *self.counts.entry((*item, *known)).or_default() += 1;
        }
    }

    /// Counts the bytes that it takes, and will take while labels are chosen.
    pub fn bytes(&self) -> usize {
        self.labels.bytes() + self.counts.capacity() * 20 + self.counts.len() * 32
    }

    /// Picks each item's label. `codes`: as [`Dictionary::finish`] returns them.
    pub fn finish(self, codes: &[u32]) -> TextColumn {
        let texts = &self.labels.texts;
        let counts = self.counts.iter().map(|((item, label), count)| {
            (codes[*item as usize], texts.get(*label as usize), *count)
        });
        most_frequent(codes.len(), counts.collect())
    }
}

/// An event of a run, by the order of its user.
#[derive(Clone, Copy, Debug)]
struct Whole {
    user: i64,
    item: u32,
    weight: f64,
    time: i64,
}

/// The events of a run that is being gathered.
#[derive(Debug)]
enum Events {
    /// Only user and item matter, and users lie within 2³² of `base`: user above, item below.
    Narrow { base: i64, pairs: Vec<u64> },
    /// Only user and item matter.
    Wide(Vec<(i64, u32)>),
    /// Weights or times matter.
    Whole(Vec<Whole>),
}

/// Gathers the events of many chunks and gives them out as a run, sorted by user.
#[derive(Debug)]
pub struct Gatherer {
    kind: IdKind,
    needs: Needs,
    /// The distinct users of the run, where they are text.
    users: Dictionary,
    events: Events,
    /// Bytes of events that it may hold.
    room: usize,
}

impl Gatherer {
    /// Makes a gatherer of users of `kind` that holds up to `room` bytes of events. Cost: those,
    /// half as much again while a run is given out, and the text of its users.
    pub fn new(kind: IdKind, needs: Needs, room: usize) -> Self {
        let events = if needs.weight || needs.time {
            Events::Whole(Vec::with_capacity(room / size_of::<Whole>()))
        } else {
            Events::Narrow { base: 0, pairs: Vec::with_capacity(room / 8) }
        };
        Self { kind, needs, users: Dictionary::new(IdKind::Text), events, room }
    }

    /// Counts the events.
    pub fn len(&self) -> usize {
        match &self.events {
            Events::Narrow { pairs, .. } => pairs.len(),
            Events::Wide(pairs) => pairs.len(),
            Events::Whole(events) => events.len(),
        }
    }

    /// Returns whether there are no events.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether `more` events no longer fit: then it is time for [`take`](Self::take).
    pub fn is_full(&self, more: usize) -> bool {
        let size = match &self.events {
            Events::Narrow { .. } => 8,
            Events::Wide(_) => size_of::<(i64, u32)>(),
            Events::Whole(_) => size_of::<Whole>(),
        };
        (self.len() + more) * size + self.users.bytes() > self.room
    }

    /// Takes in a chunk's events. `items`: one code per row.
    pub fn add(
        &mut self,
        users: TypedIds,
        items: &[u32],
        weights: Option<&[f64]>,
        times: Option<&[i64]>,
    ) {
        let keys = match users {
            TypedIds::Keys(keys) => keys,
            TypedIds::Text(column) => self.number(&column),
        };
        if let Events::Whole(events) = &mut self.events {
            let weight = |row: usize| weights.map_or(1.0, |all| all[row]);
            let time = |row: usize| times.map_or(0, |all| all[row]);
            let rows = keys.into_iter().zip(items).enumerate();
            events.extend(rows.map(|(row, (user, item))| Whole {
                user,
                item: *item,
                weight: weight(row),
                time: time(row),
            }));
            return;
        }
        self.fit(&keys);
        match &mut self.events {
            Events::Narrow { base, pairs } => {
                let pair = |(user, item): (i64, &u32)| {
                    user.wrapping_sub(*base).cast_unsigned() << 32 | u64::from(*item)
                };
                pairs.extend(keys.into_iter().zip(items).map(pair));
            }
            Events::Wide(pairs) => pairs.extend(keys.into_iter().zip(items.iter().copied())),
            Events::Whole(_) => {}
        }
    }

    /// Numbers users that are text by their first occurrence in the run.
    fn number(&mut self, column: &TextColumn) -> Vec<i64> {
        let mut known = vec![u32::MAX; column.dictionary.len()];
        let number = |code: &u32| {
            let known = &mut known[*code as usize];
            if *known == u32::MAX {
                *known = self.users.add_text(column.dictionary.get(*code as usize));
            }
            i64::from(*known)
        };
        column.codes.iter().map(number).collect()
    }

    /// Makes the events wide if one of `keys` lies too far from the others.
    fn fit(&mut self, keys: &[i64]) {
        let Events::Narrow { base, pairs } = &mut self.events else { return };
        let (Some(least), Some(most)) = (keys.iter().min(), keys.iter().max()) else { return };
        if pairs.is_empty() {
            let fits = *least >= 0 && *most <= i64::from(u32::MAX);
            *base = if fits { 0 } else { least.saturating_sub(1 << 31) };
        }
        if *least >= *base && u32::try_from(most.abs_diff(*base)).is_ok() {
            return;
        }
        let wide = |pair: &u64| (base.wrapping_add((pair >> 32).cast_signed()), *pair as u32);
        let mut all = Vec::with_capacity(self.room / size_of::<(i64, u32)>());
        all.extend(pairs.iter().map(wide));
        self.events = Events::Wide(all);
    }

    /// Gives out what was gathered, sorted by user, in blocks of up to `block` events, and begins
    /// anew. The last user of a block may be the first of the next as well. Where only users and
    /// items matter each pair is there once.
    ///
    /// # Errors
    /// What `sink` returns, which ends the giving.
    pub fn take<E>(
        &mut self,
        block: usize,
        sink: impl FnMut(UserRows) -> Result<(), E>,
    ) -> Result<(), E> {
        let (texts, ranks) = if self.kind == IdKind::Text {
            let users = std::mem::replace(&mut self.users, Dictionary::new(IdKind::Text));
            let (Ids::Text(texts), ranks) = users.finish() else { unreachable!("a list of text") };
            (Some(texts), ranks)
        } else {
            (None, Vec::new())
        };
        let names = Names { kind: self.kind, texts };
        let mut cutter = Cutter { names, block, needs: self.needs, next: Block::default(), sink };
        match &mut self.events {
            Events::Narrow { base, pairs } => {
                if cutter.names.texts.is_some() {
                    for pair in pairs.iter_mut() {
                        let rank = u64::from(ranks[(*pair >> 32) as usize]);
                        *pair = rank << 32 | *pair & u64::from(u32::MAX);
                    }
                }
                pairs.sort_unstable();
                pairs.dedup();
                for pair in pairs.drain(..) {
                    let user = base.wrapping_add((pair >> 32).cast_signed());
                    cutter.push(Whole { user, item: pair as u32, weight: 1.0, time: 0 })?;
                }
            }
            Events::Wide(pairs) => {
                pairs.sort_unstable();
                pairs.dedup();
                for (user, item) in pairs.drain(..) {
                    cutter.push(Whole { user, item, weight: 1.0, time: 0 })?;
                }
            }
            Events::Whole(events) => {
                if cutter.names.texts.is_some() {
                    for event in events.iter_mut() {
                        event.user = i64::from(ranks[event.user as usize]);
                    }
                }
                // Folding looks at an item's events in an order of its own.
                events.sort_unstable_by_key(|event| event.user);
                for event in events.drain(..) {
                    cutter.push(event)?;
                }
            }
        }
        cutter.flush()
    }
}

/// What the numbers of a run's users stand for.
struct Names {
    kind: IdKind,
    texts: Option<TextList>,
}

/// Cuts a sorted run into blocks.
struct Cutter<S> {
    names: Names,
    block: usize,
    needs: Needs,
    next: Block,
    sink: S,
}

/// The block under the knife.
#[derive(Default)]
struct Block {
    users: Vec<i64>,
    degrees: Vec<u32>,
    items: Vec<u32>,
    weights: Vec<f64>,
    times: Vec<i64>,
}

impl<E, S: FnMut(UserRows) -> Result<(), E>> Cutter<S> {
    #[inline]
    fn push(&mut self, event: Whole) -> Result<(), E> {
        let next = &mut self.next;
        match next.degrees.last_mut() {
            Some(degree) if next.users.last() == Some(&event.user) => *degree += 1,
            _ => {
                next.users.push(event.user);
                next.degrees.push(1);
            }
        }
        next.items.push(event.item);
        if self.needs.weight {
            next.weights.push(event.weight);
        }
        if self.needs.time {
            next.times.push(event.time);
        }
        if next.items.len() < self.block { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), E> {
        if self.next.items.is_empty() {
            return Ok(());
        }
        let Block { users, degrees, items, weights, times } = std::mem::take(&mut self.next);
        let users = match &self.names.texts {
            Some(texts) => {
                Ids::Text(users.into_iter().map(|rank| texts.get(rank as usize)).collect())
            }
            None => self.names.kind.ids_of(users),
        };
        let weights = self.needs.weight.then_some(weights);
        let times = self.needs.time.then_some(times);
        (self.sink)(UserRows { users, degrees, items, weights, times })
    }
}

impl Cleaned {
    /// Counts the bytes that the chunk takes, about.
    pub fn bytes(&self) -> usize {
        let columns = 16
            + 8 * usize::from(self.weight.is_some())
            + 8 * usize::from(self.time.is_some())
            + 4 * usize::from(self.label.is_some());
        let texts = [self.user.text(), self.item.text(), self.label.as_ref()];
        let text = |column: &TextColumn| column.dictionary.bytes() + column.dictionary.len() * 8;
        self.len() * columns + texts.into_iter().flatten().map(text).sum::<usize>()
    }

    /// Counts the bytes, at most, that its texts take beside the chunk while ids are encoded and
    /// labels are chosen.
    pub fn bytes_to_encode(&self) -> usize {
        let text =
            |column: &TextColumn| 2 * column.dictionary.bytes() + column.dictionary.len() * 72;
        let ids = [self.user.text(), self.item.text()].into_iter().flatten().map(text);
        // Counts of items with labels, and a copy of each label that is chosen.
        let label = |column: &TextColumn| column.dictionary.bytes() + column.dictionary.len() * 72;
        ids.sum::<usize>() + self.label.as_ref().map_or(0, label)
    }

    /// Takes in what kinds of ids the chunk has.
    pub fn see(&self, users: &mut Kinds, items: &mut Kinds) {
        users.see(&self.user, self.file);
        items.see(&self.item, self.file);
    }

    /// Takes the chunk apart, ids brought to the kinds of their columns.
    pub fn into_typed(self, users: IdKind, items: IdKind) -> Typed {
        Typed {
            users: users.typed(self.user),
            items: items.typed(self.item),
            weights: self.weight,
            times: self.time,
            labels: self.label,
        }
    }
}

/// The kept rows of a chunk, ids brought to the kinds of their columns.
#[derive(Clone, Debug)]
pub struct Typed {
    /// Who.
    pub users: TypedIds,
    /// What.
    pub items: TypedIds,
    /// How much, where the job looks at weights.
    pub weights: Option<Vec<f64>>,
    /// When, where the job looks at times.
    pub times: Option<Vec<i64>>,
    /// How the items are called, where the job names a label column.
    pub labels: Option<TextColumn>,
}
