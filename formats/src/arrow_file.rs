//! Arrow IPC: files (one part per record batch) and streams (one part).

use std::{io, sync::Arc};

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::{
    Block, CompressionType, MessageHeader, RecordBatch as BatchHeader, convert::try_fb_to_schema,
    reader::read_footer_length, root_as_footer, root_as_message,
};
use arrow_schema::{DataType, SchemaRef};
use bytes::Bytes;

use crate::{
    error::{At, Error},
    messages::Decoder,
    schema::Schema,
    source::{Source, read_exact},
    table::Part,
};

/// How a message may begin; then its length follows.
const CONTINUATION: [u8; 4] = [0xff; 4];
/// Metadata of one message is never near this long.
const MOST_METADATA: usize = 256 << 20;

/// An opened Arrow file.
pub(crate) struct ArrowFile {
    source: Arc<dyn Source>,
    arrow_schema: SchemaRef,
    dictionaries: Vec<Block>,
    blocks: Vec<Block>,
    decoder: Option<Decoder>,
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
            let arrow_schema = Arc::new(try_fb_to_schema(schema).map_err(|e| at.arrow(e))?);
            let mut file = Self {
                schema: Schema::of_arrow(&arrow_schema),
                arrow_schema,
                dictionaries: footer.dictionaries().iter().flatten().copied().collect(),
                blocks: footer.recordBatches().iter().flatten().copied().collect(),
                decoder: None,
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
            let rows = rows.ok_or_else(|| at.damaged("a batch that is no batch"))?;
            let bytes = u64::try_from(block.bodyLength()).unwrap_or_default();
            parts.push(Part { first_row, rows: Some(rows), bytes });
            first_row += rows;
        }
        Ok(parts)
    }

    fn read(&self, offset: i64, length: i64) -> io::Result<Bytes> {
        let range = u64::try_from(offset).ok().zip(usize::try_from(length).ok());
        let (offset, length) = range.ok_or(io::ErrorKind::InvalidData)?;
        read_exact(self.source.as_ref(), offset, length)
    }

    /// Reads a whole block, its metadata and its body, and checks that what it says of its buffers
    /// can be.
    fn read_block(&self, at: At<'_>, block: &Block) -> Result<(Bytes, Buffer), Error> {
        let length = block.bodyLength().checked_add(block.metaDataLength() as i64);
        let length = length.ok_or_else(|| at.damaged("a block of impossible length"))?;
        let mut metadata = self.read(block.offset(), length).map_err(|error| at.io(error))?;
        let metadata_length = usize::try_from(block.metaDataLength()).ok();
        let metadata_length = metadata_length.filter(|length| *length <= metadata.len());
        let body = metadata_length.map(|length| metadata.split_off(length));
        let body = body.ok_or_else(|| at.damaged("a block of impossible length"))?;
        check_message(at, message_body(&metadata), &body)?;
        Ok((metadata, Buffer::from(body)))
    }

    /// Reads only `columns` from now on; returns their types.
    pub(crate) fn project(&mut self, columns: Vec<usize>) -> Result<Vec<DataType>, Error> {
        let name = self.source.name().to_owned();
        let at = At { file: &name, place: "dictionaries" };
        let types = columns.iter().map(|place| self.arrow_schema.field(*place).data_type().clone());
        let types = types.collect();
        let schema = Arc::clone(&self.arrow_schema);
        let decoder = at.guard(|| {
            let mut decoder = Decoder::of_columns(schema, columns);
            for block in &self.dictionaries {
                let (metadata, body) = self.read_block(at, block)?;
                let learned = decoder.decode(message_body(&metadata), &body);
                learned.map_err(|error| at.arrow(error))?;
            }
            Ok(decoder)
        })?;
        self.decoder = Some(decoder);
        Ok(types)
    }

    /// Reads one batch.
    pub(crate) fn read_part(&self, part: usize) -> Result<Option<RecordBatch>, Error> {
        let place = format!("batch {} of {}", part + 1, self.parts.len());
        let at = At { file: self.source.name(), place: &place };
        let Some(decoder) = &self.decoder else { return Ok(None) };
        at.guard(|| {
            let (metadata, body) = self.read_block(at, &self.blocks[part])?;
            let batch = decoder.batch(message_body(&metadata), &body);
            batch.map(Some).map_err(|error| at.arrow(error))
        })
    }
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
    let message = root_as_message(metadata).map_err(|error| at.damaged(error.to_string()))?;
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
    arrow_schema: SchemaRef,
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
            let mut decoder = Decoder::default();
            while decoder.schema().is_none() {
                let message = messages.next(at)?.ok_or_else(|| at.damaged("no schema"))?;
                decode(at, &mut decoder, &message)?;
            }
            let arrow_schema = decoder.schema().ok_or_else(|| at.damaged("no schema"))?.clone();
            let schema = Schema::of_arrow(&arrow_schema);
            let parts = vec![Part { first_row: 1, rows: None, bytes: source.len() }];
            let source = Arc::clone(source);
            Ok(Self { source, arrow_schema, columns: Vec::new(), schema, parts })
        })
    }

    /// Reads only `columns` from now on; returns their types.
    pub(crate) fn project(&mut self, columns: Vec<usize>) -> Vec<DataType> {
        self.columns = columns;
        let field = |place: &usize| self.arrow_schema.field(*place).data_type().clone();
        self.columns.iter().map(field).collect()
    }

    /// Begins at the first message.
    pub(crate) fn begin() -> StreamCursor {
        StreamCursor { next: 0, decoder: Decoder::default(), next_row: 1, number: 1 }
    }

    /// Decodes the next batch; `None` at the end.
    pub(crate) fn next(
        &self,
        cursor: &mut StreamCursor,
    ) -> Result<Option<(u64, RecordBatch)>, Error> {
        loop {
            let place = format!("batch {}", cursor.number);
            let at = At { file: self.source.name(), place: &place };
            let mut messages = Messages { source: self.source.as_ref(), next: cursor.next };
            let Some(message) = at.guard(|| messages.next(at))? else { return Ok(None) };
            cursor.next = messages.next;
            let decoder = &mut cursor.decoder;
            let batch = at.guard(|| {
                let Some(batch) = decode(at, decoder, &message)? else { return Ok(None) };
                batch.project(&self.columns).map(Some).map_err(|error| at.arrow(error))
            })?;
            if let Some(batch) = batch {
                let row = cursor.next_row;
                cursor.number += 1;
                cursor.next_row += batch.num_rows() as u64;
                return Ok(Some((row, batch)));
            }
        }
    }
}

/// Where reading a stream has got to.
pub(crate) struct StreamCursor {
    next: u64,
    decoder: Decoder,
    next_row: u64,
    number: u64,
}

/// Decodes a whole message of a stream, or its end.
pub(crate) fn decode(
    at: At<'_>,
    decoder: &mut Decoder,
    message: &Buffer,
) -> Result<Option<RecordBatch>, Error> {
    let head = read_head(at, message)?.ok_or_else(|| at.damaged("cut short"))?;
    if head.metadata == 0 {
        return Ok(None);
    }
    let start = head.skip + head.metadata;
    let (metadata, body) = (&message[head.skip..start], message.slice(start));
    decoder.decode(metadata, &body).map_err(|error| at.arrow(error))
}

/// The messages of a stream, each whole.
struct Messages<'a> {
    source: &'a dyn Source,
    next: u64,
}

impl Messages<'_> {
    /// Reads the next message with its body; `None` at the end.
    fn next(&mut self, at: At<'_>) -> Result<Option<Buffer>, Error> {
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
        Ok(Some(Buffer::from(bytes)))
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
        let message = root_as_message(metadata).map_err(|error| at.damaged(error.to_string()))?;
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

/// Says what `bytes` begin with.
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
    let head = read_head(at, bytes)?.ok_or_else(|| at.damaged("cut short"))?;
    let start = head.skip + head.metadata;
    check_message(at, &bytes[head.skip..start], &bytes[start..])
}
