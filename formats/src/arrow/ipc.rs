//! Arrow messages into columns: only those asked for are decoded, the others are passed over.

use std::{borrow::Cow, collections::HashMap, io::Read as _, vec};

use arrow_ipc::{
    BodyCompression, CompressionType, DictionaryBatch, Endianness, FieldNode, Message,
    MetadataVersion, RecordBatch as BatchHeader, convert::try_fb_to_schema,
};
use arrow_schema::{DataType, Field, Fields, TimeUnit, UnionMode};

use crate::{
    baskets::{Decoded, unfold},
    cells::{Batch, Cells, Column},
    decimal,
    error::{At, Error},
    schema::Schema,
    text::TextBuilder,
};

/// What has to be known to decode the batches of a file or a stream.
pub(crate) struct Decoder {
    schema: arrow_schema::Schema,
    leaves: Vec<Leaf>,
    version: MetadataVersion,
    dictionaries: HashMap<i64, Column>,
}

/// A column: a field that holds no others, or one that is not read.
struct Leaf {
    /// Its name; inside structures the path to it, with dots between.
    name: String,
    /// Its type, that of the elements where it holds lists.
    data_type: DataType,
    is_list: bool,
}

/// How a field is gone into.
enum Inside<'a> {
    Structure(&'a Fields),
    List(&'a Field),
    /// It is a column.
    Nothing,
}

fn inside(data_type: &DataType, in_list: bool) -> Inside<'_> {
    match data_type {
        DataType::Struct(fields) if !fields.is_empty() => Inside::Structure(fields),
        DataType::List(inner)
        | DataType::LargeList(inner)
        | DataType::ListView(inner)
        | DataType::LargeListView(inner)
        | DataType::FixedSizeList(inner, 1..)
            // Nulls take no bytes, so their number is what anybody says.
            if !in_list && *inner.data_type() != DataType::Null =>
        {
            Inside::List(inner)
        }
        _ => Inside::Nothing,
    }
}

/// Lists the columns of a field.
fn leaves_of(name: String, data_type: &DataType, in_list: bool, leaves: &mut Vec<Leaf>) {
    match inside(data_type, in_list) {
        Inside::Structure(fields) => {
            for field in fields {
                let name = format!("{name}.{}", field.name());
                leaves_of(name, field.data_type(), in_list, leaves);
            }
        }
        Inside::List(inner) => leaves_of(name, inner.data_type(), true, leaves),
        Inside::Nothing => {
            // What is nested deeper than is read holds nothing that serves, list or not.
            let is_list = in_list && !data_type.is_nested();
            leaves.push(Leaf { name, data_type: data_type.clone(), is_list });
        }
    }
}

/// Finds the type of a dictionary's entries.
fn values_of(field: &Field, id: i64) -> Option<&DataType> {
    match field.data_type() {
        DataType::Dictionary(_, values) if dictionary_id(field) == Some(id) => Some(values),
        DataType::Struct(fields) => fields.iter().find_map(|field| values_of(field, id)),
        DataType::List(inner)
        | DataType::LargeList(inner)
        | DataType::ListView(inner)
        | DataType::LargeListView(inner)
        | DataType::FixedSizeList(inner, _) => values_of(inner, id),
        _ => None,
    }
}

/// What stands around a field: which of its cells are there, and how they make up lists.
#[derive(Default)]
struct Shape {
    /// Which structures around it are there.
    valid: Option<Vec<bool>>,
    list: Option<Spans>,
}

/// Where the elements of each list are; `None` for a list that is null.
struct Spans(Vec<Option<(usize, usize)>>);

impl Shape {
    /// The same, inside structures of which some are not there.
    fn within(&self, valid: Option<Vec<bool>>) -> Self {
        let both = |a: &Vec<bool>, b: Vec<bool>| a.iter().zip(b).map(|(a, b)| *a && b).collect();
        let valid = match (&self.valid, valid) {
            (Some(above), Some(own)) => Some(both(above, own)),
            (above, own) => own.or_else(|| above.clone()),
        };
        Self { valid, list: self.list.as_ref().map(|spans| Spans(spans.0.clone())) }
    }

    /// Puts the cells of a field into their places; `None` if they are too few.
    fn put(&self, column: Column) -> Option<Decoded> {
        let is_there = |cell: usize| {
            self.valid.as_ref().is_none_or(|valid| valid.get(cell).copied().unwrap_or_default())
        };
        let Some(Spans(spans)) = &self.list else {
            if self.valid.is_none() {
                return Some(column.into());
            }
            let cells = (0..column.len()).map(|cell| is_there(cell).then_some(cell));
            return column.take(&cells.collect::<Vec<_>>()).map(Decoded::from);
        };
        let ends = spans.iter().flatten().map(|(_, end)| *end);
        let elements = spans.iter().flatten().map(|(start, end)| end - start);
        // Elements that stand in several lists could be as many as anybody says.
        if ends.max().unwrap_or_default() > column.len() || elements.sum::<usize>() > column.len() {
            return None;
        }
        let (mut counts, mut cells) = (Vec::with_capacity(spans.len()), Vec::new());
        for span in spans {
            if let Some((start, end)) = span {
                counts.push((end - start) as u32);
                cells.extend((*start..*end).map(|cell| is_there(cell).then_some(cell)));
            } else {
                counts.push(1);
                cells.push(None);
            }
        }
        Some(Decoded { column: column.take(&cells)?, counts: Some(counts) })
    }
}

/// A walk that goes into structures and lists.
struct Nested<'a, 'd> {
    decoder: &'d Decoder,
    walk: Walk<'a>,
    places: &'d [usize],
    /// The next leaf.
    next: usize,
    columns: Vec<Decoded>,
}

impl Nested<'_, '_> {
    /// Decodes what is asked for of a field and what is in it; passes over the rest.
    fn field(&mut self, field: &Field, shape: &Shape) -> Result<(), Error> {
        let mut leaves = Vec::new();
        leaves_of(String::new(), field.data_type(), shape.list.is_some(), &mut leaves);
        let all = self.next..self.next + leaves.len();
        if !self.places.iter().any(|place| all.contains(place)) {
            self.next = all.end;
            return self.walk.skip(field);
        }
        match inside(field.data_type(), shape.list.is_some()) {
            Inside::Structure(fields) => {
                let valid = self.walk.valid()?.1;
                let shape = shape.within(valid);
                fields.iter().try_for_each(|field| self.field(field, &shape))
            }
            Inside::List(inner) => {
                let spans = self.walk.spans(field.data_type(), shape.valid.as_deref())?;
                self.field(inner, &Shape { valid: None, list: Some(spans) })
            }
            Inside::Nothing => {
                self.next += 1;
                let column = match field.data_type() {
                    DataType::Dictionary(keys, _) => {
                        self.decoder.named(&mut self.walk, field, keys)?
                    }
                    data_type => self.walk.column(data_type)?,
                };
                let column = shape.put(column);
                let at = self.walk.at;
                let why = "a list that reaches past its elements";
                self.columns.push(column.ok_or_else(|| at.damaged(why))?);
                Ok(())
            }
        }
    }
}

impl Decoder {
    /// Takes the schema over.
    pub(crate) fn new(
        at: At<'_>,
        schema: arrow_ipc::Schema<'_>,
        version: MetadataVersion,
    ) -> Result<Self, Error> {
        if schema.endianness() != Endianness::Little {
            return Err(Error::Unsupported {
                file: at.file.into(),
                found: "big-endian Arrow".into(),
                instead: "write it little-endian, or as Parquet",
            });
        }
        let schema = try_fb_to_schema(schema).map_err(|error| at.damaged(error.to_string()))?;
        let mut leaves = Vec::new();
        for field in schema.fields() {
            leaves_of(field.name().clone(), field.data_type(), false, &mut leaves);
        }
        Ok(Self { schema, leaves, version, dictionaries: HashMap::new() })
    }

    /// Describes the columns.
    pub(crate) fn columns(&self) -> Schema {
        let types = self.leaves.iter().map(|leaf| (leaf.name.as_str(), &leaf.data_type));
        let mut schema = Schema::of_types(types);
        for (column, leaf) in schema.columns.iter_mut().zip(&self.leaves) {
            if leaf.is_list {
                column.type_name.insert_str(0, "lists of ");
            }
        }
        schema
    }

    /// Returns the types of the columns at `places`, those of the elements where they hold lists.
    pub(crate) fn types(&self, places: &[usize]) -> Vec<DataType> {
        places.iter().map(|place| self.leaves[*place].data_type.clone()).collect()
    }

    /// Decodes a batch of the columns at `places`, which ascend.
    pub(crate) fn batch(
        &self,
        at: At<'_>,
        header: BatchHeader<'_>,
        body: &[u8],
        places: &[usize],
    ) -> Result<Batch, Error> {
        let walk = Walk::new(at, header, body, self.version);
        let rows = usize::try_from(header.length()).ok();
        let rows = rows.ok_or_else(|| at.damaged("a batch of impossible length"))?;
        let columns = Vec::with_capacity(places.len());
        let mut nested = Nested { decoder: self, walk, places, next: 0, columns };
        for field in self.schema.fields() {
            if nested.columns.len() == places.len() {
                break;
            }
            nested.field(field, &Shape::default())?;
        }
        for column in &nested.columns {
            let found = column.rows();
            if found != rows {
                return Err(at.damaged(format!("{found} rows where {rows} should be")));
            }
        }
        unfold(nested.columns, rows).map_err(|uneven| Error::UnevenLists {
            file: at.file.into(),
            row: 1 + uneven.row as u64,
            columns: uneven.columns.map(|column| self.leaves[places[column]].name.clone()),
        })
    }

    /// Decodes a column that names entries of a dictionary.
    fn named(&self, walk: &mut Walk<'_>, field: &Field, keys: &DataType) -> Result<Column, Error> {
        let at = walk.at;
        let keys = walk.column(keys)?;
        let empty = Column::nulls(0);
        // A dictionary nothing of which is named may be left out.
        let entries = dictionary_id(field).and_then(|id| self.dictionaries.get(&id));
        let places = places(&keys);
        let found = places.and_then(|places| entries.unwrap_or(&empty).take(&places));
        found.ok_or_else(|| at.damaged("a place past its dictionary"))
    }

    /// Keeps the entries of a dictionary, if a column at the top has it.
    pub(crate) fn keep(
        &mut self,
        at: At<'_>,
        dictionary: DictionaryBatch<'_>,
        body: &[u8],
    ) -> Result<(), Error> {
        let id = dictionary.id();
        let fields = self.schema.fields();
        let Some(values) = fields.iter().find_map(|field| values_of(field, id)) else {
            return Ok(());
        };
        let header = dictionary.data().ok_or_else(|| at.damaged("a dictionary without entries"))?;
        let entries = Walk::new(at, header, body, self.version).column(values)?;
        match self.dictionaries.get_mut(&id) {
            Some(known) if dictionary.isDelta() => {
                if !known.append(entries) {
                    return Err(at.damaged("a dictionary of several types"));
                }
            }
            _ => drop(self.dictionaries.insert(id, entries)),
        }
        Ok(())
    }

    /// Takes a message of a stream that is no schema; a batch becomes its columns at `places`.
    pub(crate) fn message(
        &mut self,
        at: At<'_>,
        message: Message<'_>,
        body: &[u8],
        places: &[usize],
    ) -> Result<Option<Batch>, Error> {
        if let Some(dictionary) = message.header_as_dictionary_batch() {
            self.keep(at, dictionary, body)?;
            return Ok(None);
        }
        let header = message.header_as_record_batch();
        let header = header.ok_or_else(|| at.damaged("a message that is not a batch"))?;
        self.batch(at, header, body, places).map(Some)
    }
}

fn dictionary_id(field: &Field) -> Option<i64> {
    #[expect(deprecated, reason = "the reader of schemas puts it there, and nowhere else")]
    field.dict_id()
}

/// The places that keys name; `None` if one cannot be.
fn places(keys: &Column) -> Option<Vec<Option<usize>>> {
    let place = |row: usize| {
        if !keys.is_valid(row) {
            return Some(None);
        }
        let place = match &keys.cells {
            Cells::I32(keys) => usize::try_from(keys[row]).ok(),
            Cells::U32(keys) => usize::try_from(keys[row]).ok(),
            Cells::I64(keys) => usize::try_from(keys[row]).ok(),
            Cells::U64(keys) => usize::try_from(keys[row]).ok(),
            _ => None,
        };
        place.map(Some)
    };
    (0..keys.len()).map(place).collect()
}

/// A walk over the columns of a batch, which follow one another as nodes and buffers.
struct Walk<'a> {
    at: At<'a>,
    body: &'a [u8],
    version: MetadataVersion,
    codec: Option<CompressionType>,
    nodes: vec::IntoIter<FieldNode>,
    buffers: vec::IntoIter<arrow_ipc::Buffer>,
    /// How many buffers of text the next columns of views have.
    variadic: vec::IntoIter<i64>,
}

impl<'a> Walk<'a> {
    fn new(at: At<'a>, header: BatchHeader<'a>, body: &'a [u8], version: MetadataVersion) -> Self {
        let codec = header.compression().map(|codec: BodyCompression<'_>| codec.codec());
        let nodes = header.nodes().iter().flatten().copied().collect::<Vec<_>>();
        let buffers = header.buffers().iter().flatten().copied().collect::<Vec<_>>();
        let variadic = header.variadicBufferCounts().iter().flatten().collect::<Vec<_>>();
        Self {
            at,
            body,
            version,
            codec,
            nodes: nodes.into_iter(),
            buffers: buffers.into_iter(),
            variadic: variadic.into_iter(),
        }
    }

    fn missing(&self) -> Error {
        self.at.damaged("a batch with too few buffers")
    }

    fn node(&mut self) -> Result<(usize, bool), Error> {
        let node = self.nodes.next().ok_or_else(|| self.missing())?;
        let rows = u64::try_from(node.length()).ok().filter(|rows| *rows < 1 << 48);
        let rows = rows.and_then(|rows| usize::try_from(rows).ok());
        let rows = rows.ok_or_else(|| self.at.damaged("a column of impossible length"))?;
        Ok((rows, node.null_count() > 0))
    }

    fn skip_buffers(&mut self, count: usize) -> Result<(), Error> {
        for _ in 0..count {
            self.buffers.next().ok_or_else(|| self.missing())?;
        }
        Ok(())
    }

    /// Unpacks the next buffer.
    fn buffer(&mut self) -> Result<Cow<'a, [u8]>, Error> {
        let buffer = self.buffers.next().ok_or_else(|| self.missing())?;
        let start = usize::try_from(buffer.offset()).ok();
        let end = usize::try_from(buffer.length()).ok().and_then(|n| n.checked_add(start?));
        let bytes = start.zip(end).and_then(|(start, end)| self.body.get(start..end));
        let bytes = bytes.ok_or_else(|| self.at.damaged("a buffer that reaches past its batch"))?;
        let (Some(codec), Some((head, packed))) = (self.codec, bytes.split_first_chunk::<8>())
        else {
            return Ok(bytes.into());
        };
        match i64::from_le_bytes(*head) {
            -1 => Ok(packed.into()),
            length => {
                let unpacked = usize::try_from(length).ok().and_then(|length| {
                    unpack(codec, packed, length).ok().filter(|bytes| bytes.len() == length)
                });
                let unpacked =
                    unpacked.ok_or_else(|| self.at.damaged("a buffer that does not unpack"))?;
                Ok(unpacked.into())
            }
        }
    }

    /// Passes over a column.
    fn skip(&mut self, field: &Field) -> Result<(), Error> {
        use DataType::{
            Binary, BinaryView, FixedSizeList, LargeBinary, LargeList, LargeListView, LargeUtf8,
            List, ListView, Map, Null, RunEndEncoded, Struct, Union, Utf8, Utf8View,
        };
        self.node()?;
        match field.data_type() {
            Null => Ok(()),
            Utf8 | LargeUtf8 | Binary | LargeBinary => self.skip_buffers(3),
            Utf8View | BinaryView => {
                let more = self.variadic.next().and_then(|count| usize::try_from(count).ok());
                self.skip_buffers(2 + more.ok_or_else(|| self.missing())?)
            }
            List(inner) | LargeList(inner) | Map(inner, _) => {
                self.skip_buffers(2)?;
                self.skip(inner)
            }
            ListView(inner) | LargeListView(inner) => {
                self.skip_buffers(3)?;
                self.skip(inner)
            }
            FixedSizeList(inner, _) => {
                self.skip_buffers(1)?;
                self.skip(inner)
            }
            Struct(inner) => {
                self.skip_buffers(1)?;
                inner.iter().try_for_each(|field| self.skip(field))
            }
            RunEndEncoded(ends, values) => {
                self.skip(ends)?;
                self.skip(values)
            }
            Union(inner, mode) => {
                let nulls = usize::from(self.version < MetadataVersion::V5);
                self.skip_buffers(nulls + if *mode == UnionMode::Dense { 2 } else { 1 })?;
                inner.iter().try_for_each(|(_, field)| self.skip(field))
            }
            // Numbers of a fixed width, also those that name entries of a dictionary.
            _ => self.skip_buffers(2),
        }
    }

    /// Reads the number of rows of the next column, and which of them are there.
    fn valid(&mut self) -> Result<(usize, Option<Vec<bool>>), Error> {
        let (rows, has_nulls) = self.node()?;
        let nulls = self.buffer()?;
        let valid = if has_nulls { Some(self.bits(&nulls, rows)?) } else { None };
        Ok((rows, valid))
    }

    /// Reads where the elements of the next column of lists are. `above`: which of the structures
    /// around it are there.
    fn spans(&mut self, data_type: &DataType, above: Option<&[bool]>) -> Result<Spans, Error> {
        let (rows, valid) = self.valid()?;
        let is_there = |row: usize| {
            valid.as_ref().is_none_or(|valid| valid[row])
                && above.is_none_or(|above| above.get(row).copied().unwrap_or_default())
        };
        let spans: Vec<(usize, usize)> = match data_type {
            DataType::List(_) | DataType::LargeList(_) => {
                let is_wide = matches!(data_type, DataType::LargeList(_));
                let ends = self.places(rows + usize::from(rows > 0), is_wide)?;
                ends.windows(2).map(|pair| (pair[0], pair[1])).collect()
            }
            DataType::ListView(_) | DataType::LargeListView(_) => {
                let is_wide = matches!(data_type, DataType::LargeListView(_));
                let (starts, lengths) = (self.places(rows, is_wide)?, self.places(rows, is_wide)?);
                let ends = starts.iter().zip(lengths);
                ends.map(|(start, length)| (*start, start.saturating_add(length))).collect()
            }
            DataType::FixedSizeList(_, width) => {
                let width = usize::try_from(*width).unwrap_or_default();
                // The elements come next: there must be as many as that.
                let elements = self.nodes.as_slice().first().map_or(0, FieldNode::length);
                let all = rows.checked_mul(width).and_then(|all| i64::try_from(all).ok());
                if all != Some(elements) || elements as usize / 2_048 > self.body.len() {
                    return Err(self.at.damaged("lists whose elements are missing"));
                }
                (0..rows).map(|row| (row * width, (row + 1) * width)).collect()
            }
            _ => Vec::new(),
        };
        if spans.iter().any(|(start, end)| start > end) {
            return Err(self.at.damaged("a list that ends before it begins"));
        }
        let spans = spans.into_iter().enumerate();
        Ok(Spans(spans.map(|(row, span)| is_there(row).then_some(span)).collect()))
    }

    /// Reads places in another buffer.
    fn places(&mut self, count: usize, is_wide: bool) -> Result<Vec<usize>, Error> {
        let bytes = self.buffer()?;
        let place = |place: i64| usize::try_from(place).unwrap_or(usize::MAX);
        Ok(if is_wide {
            let cells = self.cells::<8>(&bytes, count)?;
            cells.iter().map(|cell| place(i64::from_le_bytes(*cell))).collect()
        } else {
            let cells = self.cells::<4>(&bytes, count)?;
            cells.iter().map(|cell| place(i32::from_le_bytes(*cell).into())).collect()
        })
    }

    /// Decodes a column that is no dictionary.
    fn column(&mut self, data_type: &DataType) -> Result<Column, Error> {
        if *data_type == DataType::Null {
            return Ok(Column::nulls(self.node()?.0));
        }
        let (rows, valid) = self.valid()?;
        let cells = match data_type {
            DataType::Utf8 | DataType::Binary => {
                self.text::<4>(data_type, rows, valid.as_deref())?
            }
            DataType::LargeUtf8 | DataType::LargeBinary => {
                self.text::<8>(data_type, rows, valid.as_deref())?
            }
            DataType::Utf8View | DataType::BinaryView => {
                self.views(data_type, rows, valid.as_deref())?
            }
            DataType::FixedSizeBinary(width) => {
                let bytes = self.buffer()?;
                self.fixed(&bytes, *width, rows, valid.as_deref())?
            }
            other => {
                let bytes = self.buffer()?;
                self.numbers(&bytes, other, rows)?
            }
        };
        let valid = valid.filter(|_| !matches!(cells, Cells::Text(_)));
        Ok(Column { cells, valid })
    }

    fn bits(&self, bytes: &[u8], rows: usize) -> Result<Vec<bool>, Error> {
        if bytes.len() < rows.div_ceil(8) {
            return Err(self.short());
        }
        Ok((0..rows).map(|row| bytes[row / 8] >> (row % 8) & 1 == 1).collect())
    }

    fn short(&self) -> Error {
        self.at.damaged("a buffer shorter than its rows")
    }

    /// Cuts a buffer into cells of one width.
    fn cells<'b, const N: usize>(
        &self,
        bytes: &'b [u8],
        rows: usize,
    ) -> Result<&'b [[u8; N]], Error> {
        let (cells, _) = bytes.as_chunks::<N>();
        cells.get(..rows).ok_or_else(|| self.short())
    }

    fn numbers(&self, bytes: &[u8], data_type: &DataType, rows: usize) -> Result<Cells, Error> {
        macro_rules! read {
            ($number:ty => $into:ty) => {{
                let cells = self.cells::<{ size_of::<$number>() }>(bytes, rows)?;
                cells.iter().map(|cell| <$into>::from(<$number>::from_le_bytes(*cell))).collect()
            }};
        }
        Ok(match *data_type {
            DataType::Boolean => Cells::Bool(self.bits(bytes, rows)?),
            DataType::Int8 => Cells::I32(read!(i8 => i32)),
            DataType::Int16 => Cells::I32(read!(i16 => i32)),
            DataType::Int32 => Cells::I32(read!(i32 => i32)),
            DataType::Int64 => Cells::I64(read!(i64 => i64)),
            DataType::UInt8 => Cells::U32(read!(u8 => u32)),
            DataType::UInt16 => Cells::U32(read!(u16 => u32)),
            DataType::UInt32 => Cells::U32(read!(u32 => u32)),
            DataType::UInt64 => Cells::U64(read!(u64 => u64)),
            DataType::Float16 => {
                let cells = self.cells::<2>(bytes, rows)?.iter();
                Cells::F32(cells.map(|cell| half::f16::from_le_bytes(*cell).into()).collect())
            }
            DataType::Float32 => Cells::F32(read!(f32 => f32)),
            DataType::Float64 => Cells::F64(read!(f64 => f64)),
            DataType::Date32 => Cells::Day(read!(i32 => i32)),
            DataType::Date64 => Cells::Time(read!(i64 => i64), TimeUnit::Millisecond),
            DataType::Timestamp(unit, _) => Cells::Time(read!(i64 => i64), unit),
            DataType::Decimal32(_, scale) => Cells::Decimal(read!(i32 => i128), scale),
            DataType::Decimal64(_, scale) => Cells::Decimal(read!(i64 => i128), scale),
            DataType::Decimal128(_, scale) => Cells::Decimal(read!(i128 => i128), scale),
            DataType::Decimal256(_, scale) => {
                let cells = self.cells::<32>(bytes, rows)?.iter();
                let text = |cell: &[u8; 32]| decimal::wide_text(cell.iter().rev().copied());
                Cells::WideDecimal(cells.map(text).collect(), scale)
            }
            ref other => {
                let name = crate::schema::type_name(other);
                return Err(self.at.damaged(format!("a column of {name}, which is not supported")));
            }
        })
    }

    /// Makes a column of text, given where each cell is.
    fn texts<'b>(
        &self,
        data_type: &DataType,
        cells: impl Iterator<Item = Option<&'b [u8]>>,
    ) -> Result<Cells, Error> {
        let texts = TextBuilder::of_bytes(cells);
        let is_promised =
            matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
        if is_promised && !texts.unreadable.is_empty() {
            return Err(self.at.damaged("text that is not UTF-8"));
        }
        Ok(Cells::Text(texts))
    }

    /// Reads text with an end per cell, of so many bytes.
    fn text<const N: usize>(
        &mut self,
        data_type: &DataType,
        rows: usize,
        valid: Option<&[bool]>,
    ) -> Result<Cells, Error> {
        let (ends, bytes) = (self.buffer()?, self.buffer()?);
        if rows == 0 {
            return self.texts(data_type, std::iter::empty());
        }
        let ends = self.cells::<N>(&ends, rows + 1)?;
        let place = |cell: &[u8; N]| {
            let mut wide = [0; 8];
            wide[..N].copy_from_slice(cell);
            usize::try_from(u64::from_le_bytes(wide)).unwrap_or(usize::MAX)
        };
        let is_there = |row: usize| valid.is_none_or(|valid| valid[row]);
        let cell = |row: usize| bytes.get(place(&ends[row])..place(&ends[row + 1]));
        if (0..rows).any(|row| is_there(row) && cell(row).is_none()) {
            return Err(self.at.damaged("text that reaches past its buffer"));
        }
        self.texts(data_type, (0..rows).map(|row| cell(row).filter(|_| is_there(row))))
    }

    /// Reads text that stands in its view, where it is short, or in a buffer that the view names.
    fn views(
        &mut self,
        data_type: &DataType,
        rows: usize,
        valid: Option<&[bool]>,
    ) -> Result<Cells, Error> {
        let views = self.buffer()?;
        let count = self.variadic.next().and_then(|count| usize::try_from(count).ok());
        let count = count.ok_or_else(|| self.missing())?;
        let buffers = (0..count).map(|_| self.buffer()).collect::<Result<Vec<_>, _>>()?;
        let views = self.cells::<16>(&views, rows)?;
        let number = |view: &[u8; 16], place: usize| {
            view[place..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes) as usize)
        };
        let cell = |row: usize| {
            let view = &views[row];
            let length = number(view, 0);
            if length <= 12 {
                return view.get(4..4 + length);
            }
            let start = number(view, 12);
            buffers.get(number(view, 8))?.get(start..start.checked_add(length)?)
        };
        let is_there = |row: usize| valid.is_none_or(|valid| valid[row]);
        if (0..rows).any(|row| is_there(row) && cell(row).is_none()) {
            return Err(self.at.damaged("text that reaches past its buffer"));
        }
        self.texts(data_type, (0..rows).map(|row| cell(row).filter(|_| is_there(row))))
    }

    /// Reads cells of a fixed number of bytes: UUIDs, or text.
    fn fixed(
        &self,
        bytes: &[u8],
        width: i32,
        rows: usize,
        valid: Option<&[bool]>,
    ) -> Result<Cells, Error> {
        if width == 16 {
            return Ok(Cells::Uuid(self.cells::<16>(bytes, rows)?.to_vec()));
        }
        let width = usize::try_from(width).unwrap_or_default();
        let whole = rows.checked_mul(width).and_then(|length| bytes.get(..length));
        let whole = whole.ok_or_else(|| self.short())?;
        let is_there = |row: usize| valid.is_none_or(|valid| valid[row]);
        let cell = |row: usize| is_there(row).then(|| &whole[row * width..(row + 1) * width]);
        Ok(Cells::Text(TextBuilder::of_bytes((0..rows).map(cell))))
    }
}

/// Unpacks a buffer of so many bytes.
fn unpack(codec: CompressionType, packed: &[u8], length: usize) -> std::io::Result<Vec<u8>> {
    if codec == CompressionType::ZSTD {
        return zstd::bulk::decompress(packed, length);
    }
    let mut bytes = Vec::with_capacity(length);
    // One more byte than there should be: too many are an error, too.
    let most = (length as u64).saturating_add(1);
    lz4_flex::frame::FrameDecoder::new(packed).take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}
