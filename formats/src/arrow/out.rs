//! Arrow IPC, written a batch at a time: files, and streams.

use std::io::Write;

use arrow_ipc::{
    Block, Buffer, FieldNode, FooterBuilder, MessageBuilder, MessageHeader, MetadataVersion,
    RecordBatchBuilder, convert::IpcSchemaEncoder,
};
use arrow_schema::{Field as ArrowField, Schema};
use flatbuffers::FlatBufferBuilder;

use crate::{
    error::{Error, write_error},
    out::{Cells, Field, Nulls, Values},
};

/// Bytes that everything begins at multiples of.
const ALIGNMENT: usize = 64;
/// How a file begins and ends.
const MAGIC: &[u8; 6] = b"ARROW1";
/// What stands before a message.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// A stream being written. Memory: a batch.
pub(crate) struct ArrowStreamOut<W> {
    out: W,
    schema: Schema,
    /// Bytes written.
    position: usize,
    /// Where each batch is.
    blocks: Vec<Block>,
}

impl<W: Write> ArrowStreamOut<W> {
    /// Begins a stream with these columns.
    pub(crate) fn new(out: W, fields: &[Field]) -> Result<Self, Error> {
        Self::after(out, fields, 0)
    }

    /// Begins after so many bytes.
    fn after(out: W, fields: &[Field], position: usize) -> Result<Self, Error> {
        let field = |field: &Field| {
            ArrowField::new(&field.name, field.data_type.clone(), field.nulls == Nulls::Allowed)
        };
        let schema = Schema::new(fields.iter().map(field).collect::<Vec<_>>());
        let mut stream = Self { out, schema, position, blocks: Vec::new() };
        let mut builder = FlatBufferBuilder::new();
        let offset = IpcSchemaEncoder::new().schema_to_fb_offset(&mut builder, &stream.schema);
        let header = offset.as_union_value();
        stream.message(builder, MessageHeader::Schema, header, &[])?;
        Ok(stream)
    }

    /// Appends a batch of rows.
    pub(crate) fn write(&mut self, columns: &[Cells]) -> Result<(), Error> {
        let rows = columns.first().map_or(0, Cells::len);
        let mut body = Body::default();
        let mut nodes = Vec::with_capacity(columns.len());
        for cells in columns {
            let nulls = cells.valid.iter().flatten().filter(|valid| !**valid).count();
            nodes.push(FieldNode::new(signed(rows), signed(nulls)));
            body.column(cells);
        }
        let mut builder = FlatBufferBuilder::new();
        let (nodes, buffers) =
            (builder.create_vector(&nodes), builder.create_vector(&body.buffers));
        let mut batch = RecordBatchBuilder::new(&mut builder);
        batch.add_length(signed(rows));
        batch.add_nodes(nodes);
        batch.add_buffers(buffers);
        let header = batch.finish().as_union_value();
        let start = self.position;
        let metadata = self.message(builder, MessageHeader::RecordBatch, header, &body.bytes)?;
        let metadata = i32::try_from(metadata).unwrap_or(i32::MAX);
        self.blocks.push(Block::new(signed(start), metadata, signed(body.bytes.len())));
        Ok(())
    }

    /// Writes a message; returns the bytes before its body.
    fn message(
        &mut self,
        mut builder: FlatBufferBuilder<'_>,
        kind: MessageHeader,
        header: flatbuffers::WIPOffset<flatbuffers::UnionWIPOffset>,
        body: &[u8],
    ) -> Result<usize, Error> {
        let mut message = MessageBuilder::new(&mut builder);
        message.add_version(MetadataVersion::V5);
        message.add_header_type(kind);
        message.add_header(header);
        message.add_bodyLength(signed(body.len()));
        let message = message.finish();
        builder.finish(message, None);
        let mut metadata = builder.finished_data().to_vec();
        let whole = (metadata.len() + 8).next_multiple_of(ALIGNMENT);
        metadata.resize(whole - 8, 0);
        self.put(&CONTINUATION)?;
        self.put(&(metadata.len() as u32).to_le_bytes())?;
        self.put(&metadata)?;
        self.put(body)?;
        Ok(whole)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.position += bytes.len();
        self.out.write_all(bytes).map_err(write_error)
    }

    /// Ends the stream.
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        self.put(&CONTINUATION)?;
        self.put(&0_u32.to_le_bytes())
    }

    /// Ends the stream, and hands on what is left of it.
    pub(crate) fn close(mut self) -> Result<(), Error> {
        self.finish()?;
        self.out.flush().map_err(write_error)
    }

    /// Gives out what it is written to.
    pub(crate) const fn out(&mut self) -> &mut W {
        &mut self.out
    }
}

/// A file being written: a stream with a table of contents at its end.
pub(crate) struct ArrowOut<W>(ArrowStreamOut<W>);

impl<W: Write> ArrowOut<W> {
    /// Begins a file with these columns.
    pub(crate) fn new(mut out: W, fields: &[Field]) -> Result<Self, Error> {
        let mut head = [0; ALIGNMENT];
        head[..MAGIC.len()].copy_from_slice(MAGIC);
        out.write_all(&head).map_err(write_error)?;
        ArrowStreamOut::after(out, fields, head.len()).map(Self)
    }

    /// Appends a batch of rows.
    pub(crate) fn write(&mut self, columns: &[Cells]) -> Result<(), Error> {
        self.0.write(columns)
    }

    /// Ends the file.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        let stream = &mut self.0;
        stream.finish()?;
        let mut builder = FlatBufferBuilder::new();
        let batches = builder.create_vector(&stream.blocks);
        let dictionaries = builder.create_vector::<Block>(&[]);
        let schema = IpcSchemaEncoder::new().schema_to_fb_offset(&mut builder, &stream.schema);
        let mut footer = FooterBuilder::new(&mut builder);
        footer.add_version(MetadataVersion::V5);
        footer.add_schema(schema);
        footer.add_dictionaries(dictionaries);
        footer.add_recordBatches(batches);
        let footer = footer.finish();
        builder.finish(footer, None);
        let footer = builder.finished_data();
        stream.put(footer)?;
        stream.put(&(footer.len() as u32).to_le_bytes())?;
        stream.put(MAGIC)?;
        stream.out.flush().map_err(write_error)
    }
}

/// A length as messages hold it.
fn signed(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// The buffers of a batch.
#[derive(Default)]
struct Body {
    bytes: Vec<u8>,
    buffers: Vec<Buffer>,
}

impl Body {
    fn column(&mut self, cells: &Cells) {
        self.buffer(|bytes| {
            let Some(valid) = &cells.valid else { return };
            let byte = |valid: &[bool]| {
                valid.iter().enumerate().fold(0, |all, (bit, valid)| all | u8::from(*valid) << bit)
            };
            bytes.extend(valid.chunks(8).map(byte));
        });
        match &cells.values {
            Values::I32(values) => self.numbers(values, i32::to_le_bytes),
            Values::U32(values) => self.numbers(values, u32::to_le_bytes),
            Values::I64(values) => self.numbers(values, i64::to_le_bytes),
            Values::U64(values) => self.numbers(values, u64::to_le_bytes),
            Values::F32(values) => self.numbers(values, f32::to_le_bytes),
            Values::F64(values) => self.numbers(values, f64::to_le_bytes),
            Values::Text(text) => {
                self.buffer(|bytes| {
                    bytes.extend([0; 4]);
                    bytes.extend(text.ends.iter().flat_map(|end| end.to_le_bytes()));
                });
                self.buffer(|bytes| bytes.extend_from_slice(&text.bytes));
            }
        }
    }

    fn numbers<T: Copy, const N: usize>(&mut self, values: &[T], le: fn(T) -> [u8; N]) {
        self.buffer(|bytes| values.iter().for_each(|value| bytes.extend_from_slice(&le(*value))));
    }

    /// Appends a buffer that `fill` writes.
    fn buffer(&mut self, fill: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        fill(&mut self.bytes);
        self.buffers.push(Buffer::new(signed(start), signed(self.bytes.len() - start)));
        self.bytes.resize(self.bytes.len().next_multiple_of(ALIGNMENT), 0);
    }
}
