//! Messages of Arrow IPC: whole ones into batches, batches into messages.
//!
//! `arrow_ipc` decodes what is in a message and frames what is written. Which message may come when,
//! and dictionaries that grow, are dealt with here: its own readers of streams and files join
//! dictionaries of every type there is, and its writers can compress and compare them, which
//! together was half of the plugin, and all of a plugin is compiled before it runs.

use std::{collections::HashMap, sync::Arc};

use arrow_array::{ArrayRef, RecordBatch, make_array};
use arrow_buffer::Buffer;
use arrow_data::{ArrayData, transform::MutableArrayData};
use arrow_ipc::{
    Buffer as Extent, DictionaryBatch, FieldNode, MessageBuilder, MessageHeader, MetadataVersion,
    RecordBatchBuilder,
    convert::{IpcSchemaEncoder, try_fb_to_schema},
    reader::read_record_batch,
    root_as_message,
    writer::{EncodedData, IpcWriteOptions, write_message},
};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use flatbuffers::{FlatBufferBuilder, UnionWIPOffset, WIPOffset};

/// How a stream ends.
pub(crate) const END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// Decodes the messages of one stream or file.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    schema: Option<SchemaRef>,
    /// The columns of the batches; all of them if absent.
    columns: Option<Vec<usize>>,
    dictionaries: HashMap<i64, ArrayRef>,
}

impl Decoder {
    /// Begins where the schema is known, and some columns are to be read.
    pub(crate) fn of_columns(schema: SchemaRef, columns: Vec<usize>) -> Self {
        Self { schema: Some(schema), columns: Some(columns), ..Self::default() }
    }

    /// Returns the schema, once its message came.
    pub(crate) fn schema(&self) -> Option<&SchemaRef> {
        self.schema.as_ref()
    }

    /// Decodes a message that begins a stream, grows a dictionary, or holds a batch.
    pub(crate) fn decode(
        &mut self,
        metadata: &[u8],
        body: &Buffer,
    ) -> Result<Option<RecordBatch>, ArrowError> {
        let message = root_as_message(metadata).map_err(|error| unfit(error.to_string()))?;
        if let Some(schema) = message.header_as_schema() {
            if self.schema.is_some() {
                return Err(unfit("a second schema"));
            }
            self.schema = Some(Arc::new(try_fb_to_schema(schema)?));
        } else if let Some(dictionary) = message.header_as_dictionary_batch() {
            self.learn(&dictionary, body, message.version())?;
        } else if message.header_type() != MessageHeader::NONE {
            return self.batch(metadata, body).map(Some);
        }
        Ok(None)
    }

    /// Decodes a message that holds a batch.
    pub(crate) fn batch(&self, metadata: &[u8], body: &Buffer) -> Result<RecordBatch, ArrowError> {
        let message = root_as_message(metadata).map_err(|error| unfit(error.to_string()))?;
        let batch = message.header_as_record_batch();
        let batch = batch.ok_or_else(|| unfit("a message that is no batch"))?;
        let schema = self.schema.clone().ok_or_else(|| unfit("a batch before its schema"))?;
        let (dictionaries, columns) = (&self.dictionaries, self.columns.as_deref());
        read_record_batch(body, batch, schema, dictionaries, columns, &message.version())
    }

    /// Takes in a dictionary, or what is added to one.
    fn learn(
        &mut self,
        dictionary: &DictionaryBatch<'_>,
        body: &Buffer,
        version: MetadataVersion,
    ) -> Result<(), ArrowError> {
        let id = dictionary.id();
        let unknown = || unfit(format!("a dictionary of number {id}, which no column has"));
        let schema = self.schema.as_ref().ok_or_else(unknown)?;
        #[expect(deprecated, reason = "streams number their dictionaries")]
        let fields = schema.fields_with_dict_id(id);
        let Some(DataType::Dictionary(_, values)) = fields.first().map(|field| field.data_type())
        else {
            return Err(unknown());
        };
        let of_values = Schema::new(vec![Field::new("", values.as_ref().clone(), true)]);
        let data = dictionary.data().ok_or_else(unknown)?;
        let read =
            read_record_batch(body, data, of_values.into(), &self.dictionaries, None, &version)?;
        let mut values = Arc::clone(read.column(0));
        if dictionary.isDelta() {
            values = join(self.dictionaries.get(&id).ok_or_else(unknown)?, &values)?;
        }
        self.dictionaries.insert(id, values);
        Ok(())
    }
}

fn unfit(why: impl Into<String>) -> ArrowError {
    ArrowError::IpcError(why.into())
}

/// Puts two arrays of one type together.
fn join(first: &ArrayRef, second: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let parts = [first.to_data(), second.to_data()];
    let length = first.len() + second.len();
    let mut joined = MutableArrayData::try_new(parts.iter().collect(), false, length)?;
    for (number, part) in parts.iter().enumerate() {
        joined.try_extend(number, 0, part.len())?;
    }
    Ok(make_array(joined.freeze()))
}

/// Writes the message that begins a stream.
pub(crate) fn of_schema(schema: &Schema) -> Result<Vec<u8>, ArrowError> {
    framed(Vec::new(), |builder| {
        let schema = IpcSchemaEncoder::new().schema_to_fb_offset(builder, schema);
        (MessageHeader::Schema, schema.as_union_value())
    })
}

/// Writes the message of a batch, uncompressed. Its columns are numbers and text, each of a length
/// that fits in its type, and begin where their buffers begin.
pub(crate) fn of_batch(batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    const ALIGNMENT: usize = 64;
    let (mut body, mut extents, mut nodes) = (Vec::new(), Vec::new(), Vec::new());
    let mut put = |bytes: &[u8]| {
        extents.push(Extent::new(body.len() as i64, bytes.len() as i64));
        body.extend_from_slice(bytes);
        body.resize(body.len().next_multiple_of(ALIGNMENT), 0);
    };
    for column in batch.columns() {
        let data: ArrayData = column.to_data();
        assert_eq!(data.offset(), 0, "columns begin where their buffers do");
        nodes.push(FieldNode::new(data.len() as i64, data.null_count() as i64));
        put(data.nulls().map_or(&[], |nulls| nulls.validity()));
        data.buffers().iter().for_each(|buffer| put(buffer));
    }
    framed(body, |builder| {
        let (nodes, extents) = (builder.create_vector(&nodes), builder.create_vector(&extents));
        let mut header = RecordBatchBuilder::new(builder);
        header.add_length(batch.num_rows() as i64);
        header.add_nodes(nodes);
        header.add_buffers(extents);
        (MessageHeader::RecordBatch, header.finish().as_union_value())
    })
}

/// Writes a message with its body.
fn framed(
    body: Vec<u8>,
    header: impl FnOnce(&mut FlatBufferBuilder<'_>) -> (MessageHeader, WIPOffset<UnionWIPOffset>),
) -> Result<Vec<u8>, ArrowError> {
    let mut builder = FlatBufferBuilder::new();
    let (kind, header) = header(&mut builder);
    let mut message = MessageBuilder::new(&mut builder);
    message.add_version(MetadataVersion::V5);
    message.add_header_type(kind);
    message.add_bodyLength(body.len() as i64);
    message.add_header(header);
    let root = message.finish();
    builder.finish(root, None);
    let encoded = EncodedData { ipc_message: builder.finished_data().to_vec(), arrow_data: body };
    let mut bytes = Vec::new();
    write_message(&mut bytes, encoded, &IpcWriteOptions::default())?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use arrow_array::{
        Array as _, DictionaryArray, Int32Array, Int64Array, StringArray, cast::AsArray as _,
        types::Int8Type,
    };
    use arrow_ipc::{
        reader::StreamReader,
        writer::{DictionaryHandling, StreamWriter},
    };

    use super::*;

    /// The batches of a stream, message by message.
    fn decoded(mut bytes: &[u8]) -> Result<Vec<RecordBatch>, ArrowError> {
        let (mut decoder, mut batches) = (Decoder::default(), Vec::new());
        while bytes.len() > END.len() {
            let length = u32::from_le_bytes(bytes[4..8].try_into().expect("four bytes")) as usize;
            let (metadata, rest) = bytes[8..].split_at(length);
            let body = root_as_message(metadata).expect("a message").bodyLength() as usize;
            batches.extend(decoder.decode(metadata, &Buffer::from(&rest[..body]))?);
            bytes = &rest[body..];
        }
        Ok(batches)
    }

    #[test]
    fn dictionaries_grow() {
        let column = |texts: &[&str]| {
            let array: DictionaryArray<Int8Type> = texts.iter().map(|text| Some(*text)).collect();
            RecordBatch::try_from_iter([("item", Arc::new(array) as ArrayRef)]).expect("a batch")
        };
        let options =
            IpcWriteOptions::default().with_dictionary_handling(DictionaryHandling::Delta);
        let batches = [column(&["tea", "mug"]), column(&["tea", "mug", "milk", "tea"])];
        let schema = batches[0].schema();
        let mut writer =
            StreamWriter::try_new_with_options(Vec::new(), &schema, options).expect("memory");
        batches.iter().for_each(|batch| writer.write(batch).expect("memory"));
        let bytes = writer.into_inner().expect("memory");
        let read = decoded(&bytes).expect("good bytes");
        assert_eq!(read, batches);
        let grown = read[1].column(0).as_dictionary::<Int8Type>();
        assert_eq!(grown.values().len(), 3, "what was there and what was added");
    }

    #[test]
    fn what_is_written_is_what_others_read() {
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("item", Arc::new(StringArray::from(vec!["a", "", "tea"])) as ArrayRef, false),
            ("rank", Arc::new(Int32Array::from(vec![1, 2, 3])) as _, false),
            ("label", Arc::new(StringArray::from(vec![Some("A"), None, None])) as _, true),
            ("overlap", Arc::new(Int64Array::from(vec![7, 8, i64::MAX])) as _, false),
        ]);
        let batch = batch.expect("columns of one length");
        let empty = RecordBatch::new_empty(batch.schema());
        let parts = [of_schema(&batch.schema()), of_batch(&batch), of_batch(&empty)];
        let mut bytes = parts.map(|part| part.expect("memory")).concat();
        bytes.extend(END);
        let reader = StreamReader::try_new(&bytes[..], None).expect("a stream");
        assert_eq!(reader.schema(), batch.schema());
        let read = reader.collect::<Result<Vec<_>, _>>().expect("good bytes");
        assert_eq!(read, [batch.clone(), empty.clone()]);
        assert_eq!(decoded(&bytes).expect("good bytes"), [batch, empty]);
    }

    #[test]
    fn messages_out_of_order_are_errors() {
        let batch = RecordBatch::try_from_iter([("n", Arc::new(Int32Array::from(vec![1])) as _)]);
        let batch = batch.expect("a column");
        let (schema, rows) = (of_schema(&batch.schema()), of_batch(&batch));
        let (schema, rows) = (schema.expect("memory"), rows.expect("memory"));
        let told = |bytes: &[u8]| decoded(bytes).expect_err("out of order").to_string();
        assert!(told(&rows).contains("a batch before its schema"), "{}", told(&rows));
        let twice = [&schema[..], &schema].concat();
        assert!(told(&twice).contains("a second schema"), "{}", told(&twice));
    }
}
