//! Tables in, a table out.

use arrow_array::RecordBatch;
use wasmtime::component::ResourceAny;

use crate::{
    arrow::{Sender, receive},
    bindings::tables::{self, TableEngine, TableEnginePre},
    error::Error,
    guest::{Bounds, Guest},
    host::Host,
};

/// What is asked of a plugin: which column is what, and the job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The column that says who.
    pub user: String,
    /// The column that says what.
    pub item: String,
    /// The column of how much.
    pub weight: Option<String>,
    /// The column of when.
    pub time: Option<String>,
    /// The column of what items are called.
    pub item_label: Option<String>,
    /// What numbers in the column of when count, such as `ms`; found out where `None`.
    pub time_unit: Option<String>,
    /// How times are written, in the terms of strftime; ISO 8601 where `None`.
    pub time_format: Option<String>,
    /// Conditions that rows must satisfy, such as `channel=web`.
    pub conditions: Vec<String>,
    /// The job as JSON, such as `{"measure": "llr", "top": 20}`; empty for all defaults.
    pub job: String,
    /// Ids that alone may be neighbours.
    pub only: Option<Vec<String>>,
    /// Ids that may not be neighbours.
    pub exclude: Option<Vec<String>>,
    /// Ids to compute neighbours for.
    pub wanted: Option<Vec<String>>,
}

/// How far a session has got.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// What it is doing.
    pub stage: String,
    /// Share of the stage that is done, 0 to 1.
    pub done: f64,
    /// The result can be taken.
    pub finished: bool,
}

/// Something that the plugin says of the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// For programs.
    pub code: String,
    /// How many.
    pub count: u64,
    /// For people.
    pub text: String,
}

/// What came of a session.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The neighbours: `item`, `neighbour`, `rank`, `score`, `overlap` and, with labels,
    /// `item_label` and `neighbour_label`, by item, then rank. At least one batch, for its schema.
    pub table: Vec<RecordBatch>,
    /// What became of the rows.
    pub notes: Vec<Note>,
}

/// One table on its way to its neighbours, in an instance of its own.
pub struct Session {
    guest: Guest,
    engine: TableEngine,
    resource: ResourceAny,
    sender: Sender,
}

/// A failure of the plugin's own, as an error of the host.
fn refused(tables::Failure { code, message }: tables::Failure) -> Error {
    Error::Refused { code, message }
}

impl Session {
    pub(crate) fn open(
        host: &Host,
        pre: &TableEnginePre<Bounds>,
        request: &Request,
    ) -> Result<Self, Error> {
        let request = request.clone();
        let request = tables::Request {
            source: tables::Source {
                user: request.user,
                item: request.item,
                weight: request.weight,
                time: request.time,
                item_label: request.item_label,
                time_unit: request.time_unit,
                time_format: request.time_format,
                conditions: request.conditions,
            },
            job: request.job,
            only: request.only,
            exclude: request.exclude,
            wanted: request.wanted,
        };
        let (mut guest, engine) = Guest::new(host, |store| pre.instantiate(store))?;
        let open =
            |store: &mut _| engine.ilk_similarity_tables().session().call_open(store, &request);
        let resource = guest.call("session.open", open)?.map_err(refused)?;
        Ok(Self { guest, engine, resource, sender: Sender::default() })
    }

    /// Adds rows. All batches have one schema; columns that the request does not name may be
    /// there, but cost what they weigh.
    ///
    /// # Errors
    /// For columns that cannot serve, and whatever the plugin does wrong.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        self.sender.put(batch)?;
        let bytes = self.sender.take();
        self.add_bytes(&bytes)
    }

    /// Adds the next bytes of an Arrow IPC stream, cut anywhere.
    ///
    /// # Errors
    /// For damaged bytes, columns that cannot serve, and whatever the plugin does wrong.
    pub fn add_bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Self { guest, engine, resource, .. } = self;
        let session = engine.ilk_similarity_tables();
        let done = guest
            .call("session.add", |store| session.session().call_add(store, *resource, bytes))?;
        self.settle(done)
    }

    /// Does the next piece of work, at most about a second of it.
    ///
    /// # Errors
    /// What the plugin refuses, and whatever it does wrong.
    pub fn step(&mut self) -> Result<Progress, Error> {
        let Self { guest, engine, resource, .. } = self;
        let session = engine.ilk_similarity_tables();
        let progress =
            guest.call("session.step", |store| session.session().call_step(store, *resource))?;
        let progress = self.settle(progress)?;
        let tables::exports::ilk::similarity::tables::Progress { stage, done, finished } = progress;
        if !(0.0..=1.0).contains(&done) {
            self.guest.end();
            let why = format!("a progress of {done}");
            return Err(Error::BadOutput { function: "session.step", why });
        }
        Ok(Progress { stage, done, finished })
    }

    /// Takes the next bytes of the result, an Arrow IPC stream; `None` after the last ones.
    ///
    /// # Errors
    /// Before it is finished, and for whatever the plugin does wrong.
    pub fn next_bytes(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let Self { guest, engine, resource, .. } = self;
        let session = engine.ilk_similarity_tables();
        let bytes =
            guest.call("session.next", |store| session.session().call_next(store, *resource))?;
        self.settle(bytes)
    }

    /// Returns what became of the rows, from the first step on.
    ///
    /// # Errors
    /// For whatever the plugin does wrong.
    pub fn notes(&mut self) -> Result<Vec<Note>, Error> {
        let Self { guest, engine, resource, .. } = self;
        let session = engine.ilk_similarity_tables();
        let notes =
            guest.call("session.notes", |store| session.session().call_notes(store, *resource))?;
        let note = |note: tables::exports::ilk::similarity::tables::Note| Note {
            code: note.code,
            count: note.count,
            text: note.text,
        };
        Ok(notes.into_iter().map(note).collect())
    }

    /// Steps to the end, telling `on_progress` after each step, and takes the result.
    ///
    /// # Errors
    /// What the plugin refuses, and whatever it does wrong.
    pub fn finish(mut self, mut on_progress: impl FnMut(&Progress)) -> Result<Found, Error> {
        loop {
            let progress = self.step()?;
            on_progress(&progress);
            if progress.finished {
                break;
            }
        }
        let mut bytes = Vec::new();
        // A plugin that never ends to hand out is stopped where its memory would be full.
        let most = self.guest.memory_limit();
        while let Some(piece) = self.next_bytes()? {
            bytes.extend(piece);
            if bytes.len() > most {
                let why = format!("a result of more than {most} bytes");
                return Err(Error::BadOutput { function: "session.next", why });
            }
        }
        let table =
            receive(&bytes).map_err(|why| Error::BadOutput { function: "session.next", why })?;
        let notes = self.notes()?;
        Ok(Found { table, notes })
    }

    /// Passes a failure of the plugin's own on; after one the session is of no more use.
    fn settle<T>(&mut self, result: Result<T, tables::Failure>) -> Result<T, Error> {
        result.map_err(|failure| {
            self.guest.end();
            refused(failure)
        })
    }
}
