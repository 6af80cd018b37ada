//! Arrow streams that come in pieces, for callers that are handed bytes and have no file.

use bytes::Bytes;
use ilk_core::data::Rows;

use super::{
    file::{Extent, begin, check_whole, decode, extent},
    ipc::Decoder,
};
use crate::{
    batch,
    error::{At, Error},
    plan::{Plan, ReadOptions},
};

/// Arrow IPC streams as they come in: bytes cut anywhere, one stream after the other. Memory: one
/// message, and what the rows take that are handed on.
///
/// ```
/// use ilk_formats::{Error, Feed, ReadOptions};
///
/// let options = ReadOptions { user: "u".into(), item: "i".into(), ..ReadOptions::default() };
/// let mut feed = Feed::new("orders", options);
/// feed.push(Vec::new(), &mut |_| Ok::<_, Error>(()))?;
/// feed.finish()?;
/// # Ok::<_, Error>(())
/// ```
pub struct Feed {
    name: String,
    options: ReadOptions,
    /// The beginning of a message that is not whole yet.
    pending: Vec<u8>,
    /// How long it must be before it is worth looking at.
    needed: usize,
    stream: Option<Stream>,
    /// Number of the next row, from 1, over all streams.
    next_row: u64,
    /// Number of the next batch.
    number: u64,
}

/// The stream under way.
struct Stream {
    decoder: Decoder,
    plan: Plan,
}

impl Feed {
    /// Begins; `name` is what errors call the table.
    pub fn new(name: impl Into<String>, options: ReadOptions) -> Self {
        Self {
            name: name.into(),
            options,
            pending: Vec::new(),
            needed: 0,
            stream: None,
            next_row: 1,
            number: 1,
        }
    }

    /// Takes the next bytes and hands on the rows of every batch that is whole with them, a batch
    /// at a time and never an empty one.
    ///
    /// # Errors
    /// Damaged bytes, columns that are missing or cannot serve, a fraction among ids; and
    /// whatever `sink` returns. What a feed gives after an error is not defined.
    pub fn push<E: From<Error>>(
        &mut self,
        bytes: Vec<u8>,
        sink: &mut dyn FnMut(Rows) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.pending.is_empty() {
            self.pending = bytes;
        } else {
            self.pending.extend_from_slice(&bytes);
        }
        if self.pending.len() < self.needed {
            return Ok(());
        }
        let mut rest = Bytes::from(std::mem::take(&mut self.pending));
        loop {
            let place = format!("batch {}", self.number);
            let name = self.name.clone();
            let at = At { file: &name, place: &place };
            match extent(at, &rest)? {
                Extent::Needs(needed) => {
                    self.needed = needed;
                    // What is not needed yet waits; its bytes are freed with the others.
                    self.pending = rest.to_vec();
                    return Ok(());
                }
                Extent::End(length) => {
                    drop(rest.split_to(length));
                    self.stream = None;
                }
                Extent::Whole(length) => {
                    let message = rest.split_to(length);
                    check_whole(at, &message)?;
                    if let Some(rows) = self.message(at, message)? {
                        sink(rows)?;
                    }
                }
            }
        }
    }

    /// Ends: checks that nothing is left over.
    ///
    /// # Errors
    /// [`Error::Damaged`] if the last message is cut short.
    pub fn finish(&self) -> Result<(), Error> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let place = format!("batch {}", self.number);
        Err(At { file: &self.name, place: &place }.damaged("cut short"))
    }

    fn message(&mut self, at: At<'_>, message: Bytes) -> Result<Option<Rows>, Error> {
        let Some(stream) = &mut self.stream else {
            self.stream = Some(at.guard(|| Stream::new(at, &message, &self.options))?);
            return Ok(None);
        };
        let Stream { decoder, plan } = stream;
        let batch = at.guard(|| decode(at, decoder, &message, &plan.columns))?;
        // Its bytes are not held beside the rows.
        drop(message);
        let Some(batch) = batch else { return Ok(None) };
        let first_row = self.next_row;
        self.next_row += batch.of_rows as u64;
        if batch.rows == 0 {
            return Ok(None);
        }
        self.number += 1;
        at.guard(|| batch::rows(plan, at.file, first_row, batch)).map(Some)
    }
}

impl Stream {
    /// Begins with the message of the schema.
    fn new(at: At<'_>, message: &[u8], options: &ReadOptions) -> Result<Self, Error> {
        let decoder = begin(at, message)?;
        let plan = Plan::new(at.file, &decoder.columns(), 0, options)?;
        plan.check_types(at.file, &decoder.types(&plan.columns))?;
        Ok(Self { decoder, plan })
    }
}
