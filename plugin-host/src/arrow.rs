//! Record batches into the bytes that cross the border, and back.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use arrow_array::RecordBatch;
use arrow_ipc::{
    reader::StreamReader,
    root_as_message,
    writer::{IpcWriteOptions, StreamWriter},
};
use arrow_schema::{ArrowError, SchemaRef};

use crate::error::Error;

/// Writes batches of one schema as a stream, piece by piece.
#[derive(Default)]
pub(crate) struct Sender {
    writer: Option<(SchemaRef, StreamWriter<Vec<u8>>)>,
}

impl Sender {
    /// Writes a batch.
    pub(crate) fn put(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let wrong = |error: ArrowError| Error::Table { why: error.to_string() };
        if let Some((schema, writer)) = &mut self.writer {
            if *schema != batch.schema() {
                let why = "its batches differ in their columns; give all of them one schema";
                return Err(Error::Table { why: why.into() });
            }
            return writer.write(batch).map_err(wrong);
        }
        let schema = batch.schema();
        let options = IpcWriteOptions::default();
        let writer = StreamWriter::try_new_with_options(Vec::new(), &schema, options);
        let (_, writer) = self.writer.insert((schema.clone(), writer.map_err(wrong)?));
        writer.write(batch).map_err(wrong)
    }

    /// Takes the bytes written since the last call.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let written = self.writer.as_mut().map(|(_, writer)| std::mem::take(writer.get_mut()));
        written.unwrap_or_default()
    }
}

/// Reads a stream that a plugin wrote, which may be anything.
pub(crate) fn receive(bytes: &[u8]) -> Result<Vec<RecordBatch>, String> {
    check(bytes)?;
    // Readers promise errors, but bytes can be found that make them panic.
    let read = catch_unwind(AssertUnwindSafe(|| {
        let reader = StreamReader::try_new(bytes, None)?;
        let schema = reader.schema();
        let mut table = reader.collect::<Result<Vec<_>, ArrowError>>()?;
        if table.is_empty() {
            table.push(RecordBatch::new_empty(schema));
        }
        Ok(table)
    }));
    match read {
        Ok(table) => table.map_err(|error: ArrowError| error.to_string()),
        Err(payload) => Err(message_of(payload.as_ref())),
    }
}

fn message_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no Arrow stream").into()
}

/// Checks that messages are whole and their buffers within them, where readers would panic or ask
/// for absurd memory.
fn check(mut rest: &[u8]) -> Result<(), String> {
    let cut = || "an Arrow stream that is cut short".to_owned();
    while !rest.is_empty() {
        let (head, body) = rest.split_at_checked(8).ok_or_else(cut)?;
        let length = match *head {
            [0xff, 0xff, 0xff, 0xff, a, b, c, d] => u32::from_le_bytes([a, b, c, d]) as usize,
            _ => return Err("bytes that are not an Arrow stream".into()),
        };
        if length == 0 {
            return Ok(());
        }
        let (metadata, body) = body.split_at_checked(length).ok_or_else(cut)?;
        let message = root_as_message(metadata).map_err(|error| error.to_string())?;
        let body_length = usize::try_from(message.bodyLength()).map_err(|_| cut())?;
        let (body, after) = body.split_at_checked(body_length).ok_or_else(cut)?;
        let batch = message.header_as_record_batch();
        let batch =
            batch.or_else(|| message.header_as_dictionary_batch().and_then(|batch| batch.data()));
        if let Some(batch) = batch {
            if batch.compression().is_some() {
                return Err("a compressed Arrow stream".into());
            }
            for buffer in batch.buffers().iter().flatten() {
                let start = usize::try_from(buffer.offset()).map_err(|_| cut())?;
                let end = usize::try_from(buffer.length()).ok().and_then(|n| n.checked_add(start));
                if end.is_none_or(|end| end > body.len()) {
                    return Err("a buffer that reaches past its batch".into());
                }
            }
        }
        rest = after;
    }
    Ok(())
}
