//! Arrow IPC: files (one part per record batch) and streams (one part).

use std::{io, sync::Arc};

use arrow_ipc::{
    Block, CompressionType, Message, MessageHeader, RecordBatch as BatchHeader,
    reader::read_footer_length, root_as_footer, root_as_message,
};
use arrow_schema::DataType;
use bytes::Bytes;

use super::ipc::Decoder;
use crate::{
    cells::Batch,
    error::{At, Error},
    part::Part,
    schema::Schema,
    source::{Source, read_exact},
};

/// How a message may begin; then its length follows.
const CONTINUATION: [u8; 4] = [0xff; 4];
/// Metadata of one message is never near this long.
const MOST_METADATA: usize = 256 << 20;

/// An opened Arrow file.
pub(crate) struct ArrowFile {
    source: Arc<dyn Source>,
    decoder: Decoder,
    dictionaries: Vec<Block>,
    blocks: Vec<Block>,
    columns: Vec<usize>,
    pub(crate) schema: Schema,
    pub(crate) parts: Vec<Part>,
}

impl ArrowFile {
    /// Reads the footer and the head of each batch.
    pub(crate) fn open(source: &Arc<dyn Source>) -> Result<Self, Error> {
        let name = source.name().to_owned();
        let at = At { file: &name, place: "footer" };
        at.guard(|| {
            let footer_bytes = read_footer(source.as_ref()).map_err(|error| at.io(error))?;
            let footer = root_as_footer(&footer_bytes).map_err(|e| at.damaged(e.to_string()))?;
            let schema = footer.schema().ok_or_else(|| at.damaged("no schema"))?;
            let decoder = Decoder::new(at, schema, footer.version())?;
            let mut file = Self {
                schema: decoder.columns(),
                decoder,
                dictionaries: footer.dictionaries().iter().flatten().copied().collect(),
                blocks: footer.recordBatches().iter().flatten().copied().collect(),
                columns: Vec::new(),
                parts: Vec::new(),
                source: Arc::clone(source),
            };
            file.parts = file.find_parts(at)?;
            Ok(file)
        })
    }

    fn find_parts(&self, at: At<'_>) -> Result<Vec<Part>, Error> {
        let mut parts = Vec::with_capacity(self.blocks.len());
        let mut first_row: u64 = 1;
        for block in &self.blocks {
            let metadata = self.read(block.offset(), block.metaDataLength() as i64);
            let metadata = metadata.map_err(|error| at.io(error))?;
            let message = root_as_message(message_body(&metadata));
            let message = message.map_err(|error| at.damaged(error.to_string()))?;
            let batch = message.header_as_record_batch();
            let rows = batch.and_then(|batch| u64::try_from(batch.length()).ok());
            let rows = rows.filter(|rows| *rows < 1 << 48);
            let rows = rows.ok_or_else(|| at.damaged("an invalid batch"))?;
            let bytes = u64::try_from(block.bodyLength()).unwrap_or_default();
            parts.push(Part { first_row: Some(first_row), rows: Some(rows), bytes });
            first_row += rows;
        }
        Ok(parts)
    }

    fn read(&self, offset: i64, length: i64) -> io::Result<Bytes> {
        let range = u64::try_from(offset).ok().zip(usize::try_from(length).ok());
        let (offset, length) = range.ok_or(io::ErrorKind::InvalidData)?;
        read_exact(self.source.as_ref(), offset, length)
    }

    /// Reads a whole block and checks that what it says of its buffers can be; returns it and where
    /// its body begins.
    fn read_block(&self, at: At<'_>, block: &Block) -> Result<(Bytes, usize), Error> {
        let length = block.bodyLength().checked_add(block.metaDataLength() as i64);
        let length = length.ok_or_else(|| at.damaged("a block of impossible length"))?;
        let bytes = self.read(block.offset(), length).map_err(|error| at.io(error))?;
        let metadata_length = usize::try_from(block.metaDataLength()).unwrap_or(usize::MAX);
        let (metadata, body) = bytes
            .split_at_checked(metadata_length)
            .ok_or_else(|| at.damaged("a block of impossible length"))?;
        check_message(at, message_body(metadata), body)?;
        Ok((bytes, metadata_length))
    }

    /// Reads only `columns` from now on; returns their types.
    pub(crate) fn project(&mut self, columns: Vec<usize>) -> Result<Vec<DataType>, Error> {
        let name = self.source.name().to_owned();
        let at = At { file: &name, place: "dictionaries" };
        at.guard(|| {
            for block in self.dictionaries.clone() {
                let (bytes, body) = self.read_block(at, &block)?;
                let message = parse(at, message_body(&bytes[..body]))?;
                let dictionary = message.header_as_dictionary_batch();
                let dictionary = dictionary.ok_or_else(|| at.damaged("an invalid dictionary"))?;
                self.decoder.keep(at, dictionary, &bytes[body..])?;
            }
            Ok(())
        })?;
        self.columns = columns;
        Ok(self.decoder.types(&self.columns))
    }

    /// Reads one batch.
    pub(crate) fn read_part(&self, part: usize) -> Result<Batch, Error> {
        let place = format!("batch {} of {}", part + 1, self.parts.len());
        let at = At { file: self.source.name(), place: &place };
        at.guard(|| {
            let (bytes, body) = self.read_block(at, &self.blocks[part])?;
            let message = parse(at, message_body(&bytes[..body]))?;
            let header = message.header_as_record_batch();
            let header = header.ok_or_else(|| at.damaged("an invalid batch"))?;
            self.decoder.batch(at, header, &bytes[body..], &self.columns)
        })
    }
}

/// Reads the head of a message.
fn parse<'a>(at: At<'_>, metadata: &'a [u8]) -> Result<Message<'a>, Error> {
    root_as_message(metadata).map_err(|error| at.damaged(error.to_string()))
}

/// Reads the bytes of the footer.
fn read_footer(source: &dyn Source) -> io::Result<Bytes> {
    let damaged = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    let end = source.len().checked_sub(10).ok_or_else(|| damaged("no footer".into()))?;
    let tail = read_exact(source, end, 10)?;
    let tail = tail.as_ref().try_into().map_err(|_| damaged("no footer".into()))?;
    let length = read_footer_length(tail).map_err(|error| damaged(error.to_string()))?;
    let start = end.checked_sub(length as u64).ok_or_else(|| damaged("no footer".into()))?;
    read_exact(source, start, length)
}

/// Skips the continuation mark and the length that stand before a message.
fn message_body(metadata: &[u8]) -> &[u8] {
    let skip = if metadata.starts_with(&CONTINUATION) { 8 } else { 4 };
    metadata.get(skip..).unwrap_or_default()
}

/// Refuses buffers that reach past the body, where the decoder would panic, and compressed ones
/// that promise more than they can hold, where it would ask for so much memory that the program
/// ends.
fn check_message(at: At<'_>, metadata: &[u8], body: &[u8]) -> Result<(), Error> {
    let message = parse(at, metadata)?;
    let header: Option<BatchHeader<'_>> = match message.header_type() {
        MessageHeader::RecordBatch => message.header_as_record_batch(),
        MessageHeader::DictionaryBatch => {
            message.header_as_dictionary_batch().and_then(|batch| batch.data())
        }
        _ => None,
    };
    let Some(header) = header else { return Ok(()) };
    // The most that a compressed byte can stand for.
    let ratio: Option<u64> = header.compression().map(|compression| {
        if compression.codec() == CompressionType::ZSTD { 1 << 16 } else { 1 << 8 }
    });
    for buffer in header.buffers().iter().flatten() {
        let start = usize::try_from(buffer.offset()).ok();
        let end = usize::try_from(buffer.length()).ok().and_then(|n| n.checked_add(start?));
        let bytes = start.zip(end).and_then(|(start, end)| body.get(start..end));
        let bytes = bytes.ok_or_else(|| at.damaged("a buffer that reaches past its batch"))?;
        if let (Some(ratio), Some(prefix)) = (ratio, bytes.first_chunk::<8>()) {
            let promised = i64::from_le_bytes(*prefix);
            let most = (bytes.len() as u64).saturating_mul(ratio).saturating_add(1 << 16);
            if promised > 0 && promised as u64 > most {
                let why = format!("a buffer of {promised} bytes packed into {}", bytes.len());
                return Err(at.damaged(why));
            }
        }
    }
    Ok(())
}

/// An opened Arrow stream.
pub(crate) struct ArrowStream {
    source: Arc<dyn Source>,
    types: Vec<DataType>,
    columns: Vec<usize>,
    pub(crate) schema: Schema,
    pub(crate) parts: Vec<Part>,
}

impl ArrowStream {
    /// Reads the schema, which comes first.
    pub(crate) fn open(source: &Arc<dyn Source>) -> Result<Self, Error> {
        let name = source.name().to_owned();
        let at = At { file: &name, place: "schema" };
        at.guard(|| {
            let mut messages = Messages { source: source.as_ref(), next: 0 };
            let message = messages.next(at)?.ok_or_else(|| at.damaged("no schema"))?;
            let decoder = begin(at, &message)?;
            let schema = decoder.columns();
            let types = decoder.types(&(0..schema.columns.len()).collect::<Vec<_>>());
            let parts = vec![Part { first_row: Some(1), rows: None, bytes: source.len() }];
            Ok(Self { source: Arc::clone(source), types, columns: Vec::new(), schema, parts })
        })
    }

    /// Reads only `columns` from now on; returns their types.
    pub(crate) fn project(&mut self, columns: Vec<usize>) -> Vec<DataType> {
        self.columns = columns;
        self.columns.iter().map(|place| self.types[*place].clone()).collect()
    }

    /// Begins at the first message.
    pub(crate) const fn begin() -> StreamCursor {
        StreamCursor { next: 0, decoder: None, next_row: 1, number: 1 }
    }

    /// Decodes the next batch; `None` at the end.
    pub(crate) fn next(&self, cursor: &mut StreamCursor) -> Result<Option<(u64, Batch)>, Error> {
        loop {
            let place = format!("batch {}", cursor.number);
            let at = At { file: self.source.name(), place: &place };
            let mut messages = Messages { source: self.source.as_ref(), next: cursor.next };
            let Some(message) = at.guard(|| messages.next(at))? else { return Ok(None) };
            cursor.next = messages.next;
            let batch = at.guard(|| match &mut cursor.decoder {
                Some(decoder) => decode(at, decoder, &message, &self.columns),
                none => {
                    *none = Some(begin(at, &message)?);
                    Ok(None)
                }
            })?;
            if let Some(batch) = batch {
                let row = cursor.next_row;
                cursor.number += 1;
                cursor.next_row += batch.of_rows as u64;
                return Ok(Some((row, batch)));
            }
        }
    }
}

/// Where reading a stream has got to.
pub(crate) struct StreamCursor {
    next: u64,
    decoder: Option<Decoder>,
    next_row: u64,
    number: u64,
}

/// Takes the first message of a stream: its schema.
pub(crate) fn begin(at: At<'_>, message: &[u8]) -> Result<Decoder, Error> {
    let (metadata, _) = halves(at, message)?;
    let message = parse(at, metadata)?;
    let schema = message.header_as_schema().ok_or_else(|| at.damaged("no schema"))?;
    Decoder::new(at, schema, message.version())
}

/// Takes one of the others; a batch becomes its columns at `places`.
pub(crate) fn decode(
    at: At<'_>,
    decoder: &mut Decoder,
    message: &[u8],
    places: &[usize],
) -> Result<Option<Batch>, Error> {
    let (metadata, body) = halves(at, message)?;
    decoder.message(at, parse(at, metadata)?, body, places)
}

/// Cuts a whole message into its metadata and its body.
fn halves<'a>(at: At<'_>, message: &'a [u8]) -> Result<(&'a [u8], &'a [u8]), Error> {
    let head = read_head(at, message)?.ok_or_else(|| at.damaged("cut short"))?;
    let body = message.get(head.skip..).and_then(|rest| rest.split_at_checked(head.metadata));
    body.ok_or_else(|| at.damaged("cut short"))
}

/// The messages of a stream, each whole.
struct Messages<'a> {
    source: &'a dyn Source,
    next: u64,
}

impl Messages<'_> {
    /// Reads the next message with its body; `None` at the end.
    fn next(&mut self, at: At<'_>) -> Result<Option<Bytes>, Error> {
        let left = self.source.len() - self.next;
        if left == 0 {
            return Ok(None);
        }
        let read =
            |offset, length| read_exact(self.source, offset, length).map_err(|error| at.io(error));
        let head = read(self.next, left.min(8) as usize)?;
        let head = read_head(at, &head)?.ok_or_else(|| at.damaged("cut short"))?;
        if head.metadata == 0 {
            return Ok(None);
        }
        let metadata = read(self.next + head.skip as u64, head.metadata)?;
        let bytes = read(self.next, head.whole(at, &metadata)?)?;
        check_message(at, &metadata, &bytes[head.skip + head.metadata..])?;
        self.next += bytes.len() as u64;
        Ok(Some(bytes))
    }
}

/// How a message begins.
struct Head {
    /// Bytes before the metadata.
    skip: usize,
    /// Bytes of metadata; none at the end of a stream.
    metadata: usize,
}

/// Reads how a message begins; `None` if there are too few bytes to say.
fn read_head(at: At<'_>, bytes: &[u8]) -> Result<Option<Head>, Error> {
    let (skip, length) = match *bytes {
        [0xff, 0xff, 0xff, 0xff, a, b, c, d, ..] => (8, [a, b, c, d]),
        [0xff, 0xff, 0xff, 0xff, ..] => return Ok(None),
        [a, b, c, d, ..] => (4, [a, b, c, d]),
        _ => return Ok(None),
    };
    let metadata = u32::from_le_bytes(length) as usize;
    if metadata > MOST_METADATA {
        return Err(at.damaged(format!("a message of {metadata} bytes")));
    }
    Ok(Some(Head { skip, metadata }))
}

impl Head {
    /// Returns the bytes of the whole message, given its metadata.
    fn whole(&self, at: At<'_>, metadata: &[u8]) -> Result<usize, Error> {
        let message = parse(at, metadata)?;
        let body = usize::try_from(message.bodyLength()).ok();
        let whole = body.and_then(|body| (self.skip + self.metadata).checked_add(body));
        whole.ok_or_else(|| at.damaged("a body of impossible length"))
    }
}

/// What bytes that came in begin with.
pub(crate) enum Extent {
    /// A message that is not whole before there are at least so many bytes.
    Needs(usize),
    /// A message of so many bytes.
    Whole(usize),
    /// The end of a stream, of so many bytes.
    End(usize),
}

/// Returns what `bytes` begin with.
pub(crate) fn extent(at: At<'_>, bytes: &[u8]) -> Result<Extent, Error> {
    let Some(head) = read_head(at, bytes)? else {
        return Ok(Extent::Needs(if bytes.len() < 4 { 4 } else { 8 }));
    };
    if head.metadata == 0 {
        return Ok(Extent::End(head.skip));
    }
    let start = head.skip + head.metadata;
    let Some(metadata) = bytes.get(head.skip..start) else { return Ok(Extent::Needs(start)) };
    let whole = head.whole(at, metadata)?;
    Ok(if bytes.len() < whole { Extent::Needs(whole) } else { Extent::Whole(whole) })
}

/// Checks a whole message, so that decoding it does not panic or ask for absurd memory.
pub(crate) fn check_whole(at: At<'_>, bytes: &[u8]) -> Result<(), Error> {
    let (metadata, body) = halves(at, bytes)?;
    check_message(at, metadata, body)
}
