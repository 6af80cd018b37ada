//! Rows on their way to disk: items get codes, events become runs.

use std::sync::{
    Mutex, OnceLock, PoisonError, RwLock,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use ilk_core::{
    data::{Ids, TextColumn},
    job::Of,
    prepare::{
        Cleaned, Dictionary, EncodeError, IdKind, Kinds, LabelCounts, Needs, Typed, TypedIds,
        check_count,
    },
};

use super::{
    runs::{RunWriter, Runs},
    store::{Shelf, Store},
};
use crate::{
    error::Error,
    memory::Allowance,
    misfit::{Needed, does_not_fit},
    pool::Pool,
};

/// Takes cleaned chunks, from any number of threads.
pub(crate) struct Spiller {
    budget: Allowance,
    coming: Coming,
    folder: Shelf,
    /// What is known of users and items so far.
    kinds: Mutex<(Kinds, Kinds)>,
    /// What the first chunk looked like.
    sink: OnceLock<Sink>,
    /// Later chunks told otherwise: all has to be read again.
    is_mistaken: AtomicBool,
    /// Rows that came in; runs may hold fewer, where some say the same.
    events: AtomicU64,
}

/// What is known of the rows before they come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coming {
    /// The columns that the job looks at.
    pub(crate) needs: Needs,
    /// How many there are, if files say so.
    pub(crate) rows: Option<u64>,
    /// The number of the first file of a second behaviour, if there are two.
    pub(crate) target: Option<u32>,
}

/// What takes the rows, once the kinds of both columns are settled.
struct Sink {
    kinds: (IdKind, IdKind),
    runs: RunWriter,
    /// The items of both behaviours, if there are two.
    items: RwLock<Dictionary>,
    labels: Mutex<Option<LabelCounts>>,
}

/// All events on disk, and the items they speak of.
pub(crate) struct Spilled {
    pub(super) runs: Runs,
    /// All items, those of dropped events included.
    pub(super) items: Ids,
    /// By the code that events have, the code among `items`.
    pub(super) codes: Vec<u32>,
    /// The first code of the items of a second behaviour, if there are two.
    pub(super) target: Option<u32>,
    pub(super) labels: Option<TextColumn>,
    /// Rows that came in.
    pub(super) events: u64,
}

impl Spilled {
    /// Counts what folding tells of as progress: events, twice where they change sides.
    pub(crate) fn work(&self, of: Of) -> u64 {
        let events = self.runs.events();
        match of {
            Of::Items => events,
            Of::Users => 2 * events,
        }
    }
}

/// What came of reading.
pub(crate) enum Ending {
    /// Everything is on disk.
    Done(Box<Spilled>),
    /// The ids are of these kinds, not what they looked like at first: read again.
    Again(Box<Spiller>),
}

impl Spiller {
    /// Begins to spill into `folder`.
    pub(crate) fn new(budget: Allowance, coming: Coming, folder: Shelf) -> Self {
        Self {
            budget,
            coming,
            folder,
            kinds: Mutex::default(),
            sink: OnceLock::new(),
            is_mistaken: AtomicBool::new(false),
            events: AtomicU64::new(0),
        }
    }

    /// Takes in a chunk.
    ///
    /// # Errors
    /// If the disk refuses, or the items alone do not fit.
    pub(crate) fn add(&self, chunk: Cleaned) -> Result<(), Error> {
        let (mut users, mut items) = (Kinds::default(), Kinds::default());
        chunk.see(&mut users, &mut items);
        let decided = {
            let mut known = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
            known.0.merge(&users);
            known.1.merge(&items);
            known.0.decide("user").ok().zip(known.1.decide("item").ok())
        };
        // A chunk without rows says nothing of columns with types.
        if chunk.is_empty() || self.is_mistaken.load(Ordering::Relaxed) {
            return Ok(());
        }
        let sink = decided.map(|kinds| self.sink.get_or_init(|| self.sink(kinds)));
        let Some(sink) = sink.filter(|sink| decided == Some(sink.kinds)) else {
            self.is_mistaken.store(true, Ordering::Relaxed);
            return Ok(());
        };
        let is_of_target = self.coming.target.map(|first| chunk.file() >= first);
        let rows = chunk.len() as u64;
        let rows = rows + self.events.fetch_add(rows, Ordering::Relaxed);
        let Typed { users, items, weights, times, labels } =
            chunk.into_typed(sink.kinds.0, sink.kinds.1);
        let mut items = sink.codes(&items);
        if let Some(column) = labels {
            let mut labels = sink.labels.lock().unwrap_or_else(PoisonError::into_inner);
            labels.get_or_insert_default().add(&items, &column);
        }
        self.check_room(sink, rows)?;
        if let Some(is_of_target) = is_of_target {
            for item in &mut items {
                *item = 2 * *item + u32::from(is_of_target);
            }
        }
        sink.runs.add(users, &items, weights.as_deref(), times.as_deref())
    }

    fn sink(&self, kinds: (IdKind, IdKind)) -> Sink {
        // A quarter is for the items, a quarter for chunks on their way.
        let room = self.budget.left(0) / 2 / self.budget.workers / 3 * 2;
        let store = Store::new(&self.folder, "runs", self.budget.shard.0);
        Sink {
            kinds,
            runs: RunWriter::new(store, kinds.0, self.coming.needs, room),
            items: RwLock::new(Dictionary::new(kinds.1)),
            labels: Mutex::default(),
        }
    }

    /// Checks that the items of the first `rows` rows, and their labels, leave room for the rest.
    fn check_room(&self, sink: &Sink, rows: u64) -> Result<(), Error> {
        let items = sink.items.read().unwrap_or_else(PoisonError::into_inner);
        let labels = sink.labels.lock().unwrap_or_else(PoisonError::into_inner);
        let of_labels = labels.as_ref().map_or(0, LabelCounts::bytes);
        // Each behaviour has items of its own.
        let behaviours = 1 + usize::from(self.coming.target.is_some());
        if let Err(error) = check_count("item", behaviours * items.len()) {
            return Err(Error::input(error.to_string()));
        }
        let bytes = (items.bytes() + of_labels) * behaviours;
        if bytes <= self.budget.left(0) / 2 {
            return Ok(());
        }
        let what = if of_labels > items.bytes() { "labels" } else { "IDs" };
        let what = format!("{} items and their {what}", items.len());
        let needed = match self.coming.rows.filter(|all| *all >= rows) {
            // The rest may bring as many more.
            Some(all) => {
                let needed = 3.0 * bytes as f64 * all as f64 / rows.max(1) as f64;
                Needed::all(needed as usize)
            }
            None => Needed { bytes: 3 * bytes, rows: Some(rows) },
        };
        Err(does_not_fit(&what, needed, &self.budget))
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// If the disk refuses, or the ids do not go together.
    pub(crate) fn finish(
        self,
        pool: &Pool,
        mixed_ids: impl Fn(&EncodeError) -> Error,
    ) -> Result<Ending, Error> {
        let (users, items) = *self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let decide = |kinds: Kinds, column| kinds.decide(column).map_err(|error| mixed_ids(&error));
        let kinds = (decide(users, "user")?, decide(items, "item")?);
        if self.sink.get().is_none() {
            // No row was kept.
            let _ = self.sink.set(self.sink(kinds));
        }
        let sink = self.sink.into_inner().filter(|sink| sink.kinds == kinds);
        let Some(sink) = sink.filter(|_| !self.is_mistaken.into_inner()) else {
            let again = Self::new(self.budget, self.coming, self.folder);
            let _ = again.sink.set(again.sink(kinds));
            *again.kinds.lock().unwrap_or_else(PoisonError::into_inner) = (users, items);
            return Ok(Ending::Again(Box::new(again)));
        };
        let (runs, events) = (sink.runs.finish(pool)?, self.events.into_inner());
        let items = sink.items.into_inner().unwrap_or_else(PoisonError::into_inner);
        check_count("item", items.len()).map_err(|error| mixed_ids(&error))?;
        let (mut items, mut codes) = items.finish();
        let labels = sink.labels.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut labels = labels.map(|labels| labels.finish(&codes));
        let target = self.coming.target.map(|_| items.len() as u32);
        if let Some(count) = target {
            // Those of the target come after all others, as in memory.
            let twice = (0..count).chain(0..count).collect::<Vec<_>>();
            items = items.select(&twice);
            labels = labels.map(|labels| labels.pick(&twice));
            codes = codes.iter().flat_map(|code| [*code, *code + count]).collect();
        }
        let spilled = Spilled { runs, items, codes, target, labels, events };
        Ok(Ending::Done(Box::new(spilled)))
    }
}

impl Sink {
    /// Finds or gives the codes of a chunk's items.
    fn codes(&self, ids: &TypedIds) -> Vec<u32> {
        let (mut codes, all_known) =
            self.items.read().unwrap_or_else(PoisonError::into_inner).look_up(ids);
        if !all_known {
            let mut items = self.items.write().unwrap_or_else(PoisonError::into_inner);
            items.extend(ids, &mut codes);
        }
        codes
    }
}
