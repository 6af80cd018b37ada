//! JSON Lines, an object a line, plain or compressed. Plain files are read in pieces, by as many
//! threads as like to; others as a stream.

use std::{io::Read as _, sync::Arc};

use arrow_schema::DataType;
use ilk_core::data::BadCell;
use serde::de::DeserializeSeed as _;

use super::{
    cells::{Value, Walk, Way},
    lines::{LONGEST, Line, Lines, Pieces},
    shape::{Kind, Leaf, Look, Node},
};
use crate::{
    cells::{Batch, Cells, Column},
    error::{At, Error},
    foreign::foreign_inside,
    part::Part,
    schema::{self, ColumnKind, Schema, type_name},
    source::Source,
    text::{TextBuilder, Texts},
    unpack::{Packing, unpacked},
};

/// Rows per chunk at most.
const CHUNK_ROWS: usize = 256 << 10;
/// Bytes of lines per chunk, about.
const CHUNK_BYTES: usize = 128 << 20;
/// Bytes looked at to find the columns.
const SAMPLE: u64 = 256 << 10;

/// An opened file of JSON Lines.
pub(crate) struct JsonFile {
    source: Arc<dyn Source>,
    packing: Packing,
    leaves: Vec<Leaf>,
    /// The columns read, with the way to them.
    columns: Vec<usize>,
    way: Way,
    pub(crate) schema: Schema,
    pub(crate) parts: Vec<Part>,
    /// Of plain files.
    pieces: Option<Pieces>,
}

/// Where reading a part's lines has got to.
pub(crate) struct JsonCursor {
    lines: Lines,
    next_row: u64,
}

impl JsonFile {
    /// Finds the columns in the first lines. `piece`: bytes of a part, if that is said.
    pub(crate) fn open(
        source: Arc<dyn Source>,
        packing: Packing,
        piece: Option<u64>,
    ) -> Result<Self, Error> {
        let name = source.name().to_owned();
        let at = At { file: &name, place: "first lines" };
        let root = look(at, &source, packing)?;
        let leaves = root.leaves();
        let mut schema = Schema::of_untyped(leaves.iter().map(|leaf| leaf.path.join(".")));
        for (column, leaf) in schema.columns.iter_mut().zip(&leaves) {
            (column.kind, column.type_name) = match leaf.kind {
                // Ids and weights: it takes rows to tell.
                Some(Kind::Number) => (ColumnKind::Number, "numbers".into()),
                Some(kind) => (schema::kind(&kind.data_type()), type_name(&kind.data_type())),
                None => (ColumnKind::Text, type_name(&DataType::Null)),
            };
            if leaf.is_list {
                column.type_name.insert_str(0, "lists of ");
            }
        }
        let pieces = (packing == Packing::Plain)
            .then(|| Pieces::new(Arc::clone(&source), piece).map_err(|error| at.io(error)))
            .transpose()?;
        let whole = Part { first_row: Some(1), rows: None, bytes: source.len() };
        let parts = pieces.as_ref().map_or_else(|| vec![whole], Pieces::parts);
        let columns = (0..leaves.len()).collect();
        let way = Way::to(&leaves);
        Ok(Self { source, packing, leaves, columns, way, schema, parts, pieces })
    }

    /// Returns true if the bytes of a part are those of its text.
    pub(crate) const fn is_plain(&self) -> bool {
        self.pieces.is_some()
    }

    /// Reads only `columns` from now on; returns their types. Where the first lines hold nothing but
    /// nulls, it reads on until a column shows what it holds.
    pub(crate) fn project(&mut self, columns: Vec<usize>) -> Result<Vec<DataType>, Error> {
        self.way = Way::to(columns.iter().map(|place| &self.leaves[*place]));
        self.columns = columns;
        let unknown =
            |file: &Self| file.columns.iter().any(|place| file.leaves[*place].kind.is_none());
        if unknown(self) {
            let mut lines = self.lines()?;
            while unknown(self)
                && let Some(line) = lines.next().map_err(|error| self.at("lines").io(error))?
            {
                let (Line::Whole(line), mut values) = (line, Vec::new()) else { continue };
                if parse(line, &self.way, self.columns.len(), &mut values).is_err() {
                    continue;
                }
                for (place, value) in self.columns.iter().zip(&values) {
                    let kind = match value {
                        Value::List(list) => list.iter().find_map(Value::kind),
                        other => other.kind(),
                    };
                    let known = &mut self.leaves[*place].kind;
                    *known = known.or(kind);
                }
            }
        }
        let of_leaf = |leaf: &Leaf| leaf.kind.map_or(DataType::Null, Kind::data_type);
        Ok(self.columns.iter().map(|place| of_leaf(&self.leaves[*place])).collect())
    }

    fn at<'a>(&'a self, place: &'a str) -> At<'a> {
        At { file: self.source.name(), place }
    }

    fn lines(&self) -> Result<Lines, Error> {
        let bytes = unpacked(&self.source, self.packing);
        let bytes = bytes.map_err(|error| self.at("first line").io(error))?;
        Ok(Lines::of_stream(bytes))
    }

    /// Begins at the first line of a part.
    pub(crate) fn begin(&self, part: usize) -> Result<JsonCursor, Error> {
        let Some(pieces) = &self.pieces else {
            return Ok(JsonCursor { lines: self.lines()?, next_row: 1 });
        };
        let (lines, before) = pieces.begin(part).map_err(|error| self.at("lines").io(error))?;
        Ok(JsonCursor { lines, next_row: before + 1 })
    }

    /// Reads the next rows, at most so many unless a line holds more; `None` at the end.
    pub(crate) fn next(
        &self,
        cursor: &mut JsonCursor,
        rows: usize,
    ) -> Result<Option<(u64, Batch)>, Error> {
        let first_row = cursor.next_row;
        let mut chunk = Chunk::new(self.columns.iter().map(|place| &self.leaves[*place]));
        let mut bytes = 0;
        let place = format!("from row {first_row}");
        while chunk.rows < rows.min(CHUNK_ROWS) && bytes < CHUNK_BYTES {
            let line = cursor.lines.next().map_err(|error| self.at(&place).io(error))?;
            let Some(line) = line else { break };
            chunk.place = (cursor.next_row - first_row) as u32;
            cursor.next_row += 1;
            match line {
                Line::TooLong(start) => {
                    let why = format!("longer than {} MiB: {}", LONGEST >> 20, shown(start));
                    chunk.set_aside(why);
                }
                Line::Whole(line) => {
                    bytes += line.len();
                    chunk.line(line, &self.way);
                }
            }
        }
        let is_end = cursor.next_row == first_row;
        Ok((!is_end).then(|| (first_row, chunk.finish())))
    }
}

/// Finds the columns in the first lines.
fn look(at: At<'_>, source: &Arc<dyn Source>, packing: Packing) -> Result<Node, Error> {
    let mut sample = Vec::new();
    let bytes = unpacked(source, packing).map_err(|error| at.io(error))?;
    bytes.take(SAMPLE).read_to_end(&mut sample).map_err(|error| at.io(error))?;
    let is_cut = sample.len() as u64 == SAMPLE;
    let refuse = |found: &str, instead| {
        Err(Error::Unsupported { file: at.file.into(), found: found.into(), instead })
    };
    if let Some((found, instead)) = foreign_inside(&sample, packing) {
        return refuse(found, instead);
    }
    if sample.trim_ascii_start().starts_with(b"[") {
        return refuse("a JSON array", "write one object per line, as `jq -c '.[]'` does");
    }
    let mut root = Node::default();
    let (mut objects, mut first_fault) = (0, None);
    let mut lines = sample.split(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        if line.trim_ascii().is_empty() || (is_cut && lines.peek().is_none() && objects > 0) {
            continue;
        }
        if !line.trim_ascii_start().starts_with(b"{") {
            first_fault.get_or_insert("it holds no object");
            continue;
        }
        // What of a line came before a fault is kept: the lines decide, not the columns.
        let mut deserializer = serde_json::Deserializer::from_slice(line);
        match Look(&mut root).deserialize(&mut deserializer).and_then(|()| deserializer.end()) {
            Ok(()) => objects += 1,
            Err(_) => drop(first_fault.get_or_insert("it holds no whole object")),
        }
    }
    if objects > 0 && !root.members.is_empty() {
        return Ok(root);
    }
    if let Some(found) = other_text(&sample) {
        return refuse(found, "save it as UTF-8");
    }
    if sample.starts_with(&[RECORD]) {
        let instead = "remove the record separators, as `tr -d '\\036'` does";
        return refuse("a JSON text sequence", instead);
    }
    match sample.trim_ascii_start().first() {
        None => Err(Error::NoHeader { file: at.file.into() }),
        Some(b'{') => refuse(
            "JSON whose first lines hold no whole object with a value",
            "write one object per line, as `jq -c .` does",
        ),
        Some(_) => Err(at.damaged(first_fault.unwrap_or("it holds no object"))),
    }
}

/// What stands before each object of a text sequence (RFC 7464).
const RECORD: u8 = 0x1e;

/// Names text in another encoding than UTF-8.
fn other_text(sample: &[u8]) -> Option<&'static str> {
    if sample.starts_with(b"\xff\xfe") || sample.starts_with(b"\xfe\xff") || sample.contains(&0) {
        return Some("JSON in UTF-16, or no text");
    }
    // The last character may be cut.
    let valid = std::str::from_utf8(sample).map_or_else(|error| error.valid_up_to(), str::len);
    (valid + 4 < sample.len()).then_some("JSON that is not UTF-8")
}

/// Reads what is asked for of an object.
fn parse<'de>(
    line: &'de [u8],
    way: &Way,
    count: usize,
    values: &mut Vec<Value<'de>>,
) -> Result<(), String> {
    values.clear();
    values.resize(count, Value::Null);
    if !line.trim_ascii_start().starts_with(b"{") {
        return Err("no object".into());
    }
    let mut deserializer = serde_json::Deserializer::from_slice(line);
    let read = Walk::new(way, values).deserialize(&mut deserializer);
    read.and_then(|()| deserializer.end()).map_err(|error| error.to_string())
}

/// The beginning of a line, for people.
fn shown(line: &[u8]) -> String {
    String::from_utf8_lossy(line).trim().chars().take(200).collect()
}

/// Rows being gathered.
struct Chunk {
    columns: Vec<Builder>,
    rows: usize,
    /// Where each row stands, from the first line on.
    places: Vec<u32>,
    /// Where the next one stands.
    place: u32,
    unreadable: Vec<BadCell>,
}

/// A column being gathered.
enum Builder {
    Nulls(usize),
    Booleans(Vec<Option<bool>>),
    Numbers(Vec<Option<Number>>),
    Texts(TextBuilder),
}

#[derive(Clone, Copy)]
enum Number {
    Whole(i128),
    Float(f64),
}

impl Chunk {
    fn new<'l>(leaves: impl Iterator<Item = &'l Leaf>) -> Self {
        let builder = |leaf: &Leaf| match leaf.kind {
            None => Builder::Nulls(0),
            Some(Kind::Boolean) => Builder::Booleans(Vec::new()),
            Some(Kind::Number) => Builder::Numbers(Vec::new()),
            Some(Kind::Text) => Builder::Texts(TextBuilder::default()),
        };
        Self {
            columns: leaves.map(builder).collect(),
            rows: 0,
            places: Vec::new(),
            place: 0,
            unreadable: Vec::new(),
        }
    }

    /// Takes a line: as many rows as its lists have elements.
    fn line(&mut self, line: &[u8], way: &Way) {
        let mut values = Vec::new();
        let read = parse(line, way, self.columns.len(), &mut values);
        match read.and_then(|()| self.check(&values)) {
            Ok(rows) => (0..rows).for_each(|row| self.row(&values, row)),
            Err(why) => self.set_aside(format!("{why}: {}", shown(line))),
        }
    }

    /// Checks that values go together and are of their columns' kinds; returns how many rows they
    /// make.
    fn check(&self, values: &[Value<'_>]) -> Result<usize, String> {
        let mut rows = None;
        for (value, column) in values.iter().zip(&self.columns) {
            let cells = match value {
                Value::List(list) => {
                    let length = list.len();
                    if *rows.get_or_insert(length) != length {
                        return Err("lists of different lengths".into());
                    }
                    &list[..]
                }
                one => std::slice::from_ref(one),
            };
            cells.iter().try_for_each(|cell| column.check(cell))?;
        }
        Ok(rows.unwrap_or(1))
    }

    fn row(&mut self, values: &[Value<'_>], row: usize) {
        for (column, value) in self.columns.iter_mut().zip(values) {
            column.push(match value {
                Value::List(list) => &list[row],
                one => one,
            });
        }
        self.places.push(self.place);
        self.rows += 1;
    }

    /// Takes a line that cannot be read.
    fn set_aside(&mut self, text: String) {
        self.unreadable.push(BadCell::new(self.rows as u32, text));
        self.columns.iter_mut().for_each(|column| column.push(&Value::Null));
        self.places.push(self.place);
        self.rows += 1;
    }

    fn finish(self) -> Batch {
        let is_plain = (0..).zip(&self.places).all(|(row, place): (u32, _)| row == *place);
        Batch {
            columns: self.columns.into_iter().map(Builder::finish).collect(),
            rows: self.rows,
            of_rows: self.places.last().map_or(0, |last| *last as usize + 1),
            places: (!is_plain).then_some(self.places),
            unreadable: self.unreadable,
        }
    }
}

impl Builder {
    const fn kind(&self) -> Option<Kind> {
        match self {
            Self::Nulls(_) => None,
            Self::Booleans(_) => Some(Kind::Boolean),
            Self::Numbers(_) => Some(Kind::Number),
            Self::Texts(_) => Some(Kind::Text),
        }
    }

    /// Checks that a value is of the column's kind.
    fn check(&self, value: &Value<'_>) -> Result<(), String> {
        let found = match value {
            Value::Null => return Ok(()),
            Value::List(_) | Value::Other => "an object or a list of lists",
            other if other.kind() == self.kind() => return Ok(()),
            other => other.kind().map_or("something else", Kind::name),
        };
        let expected = self.kind().map_or("null", Kind::name);
        Err(format!("{found} in a column that holds {expected}"))
    }

    fn push(&mut self, value: &Value<'_>) {
        match self {
            Self::Nulls(count) => *count += 1,
            Self::Booleans(cells) => cells.push(match value {
                Value::Boolean(value) => Some(*value),
                _ => None,
            }),
            Self::Numbers(cells) => cells.push(match value {
                Value::Whole(value) => Some(Number::Whole(*value)),
                Value::Float(value) => Some(Number::Float(*value)),
                _ => None,
            }),
            Self::Texts(builder) => builder.push(match value {
                Value::Text(text) => Some(text),
                _ => None,
            }),
        }
    }

    fn finish(self) -> Column {
        match self {
            Self::Nulls(rows) => Column::nulls(rows),
            Self::Booleans(cells) => {
                let valid = valid(&cells);
                let cells = cells.into_iter().map(Option::unwrap_or_default).collect();
                Column { cells: Cells::Bool(cells), valid }
            }
            Self::Numbers(cells) => numbers(&cells),
            Self::Texts(builder) => {
                let texts = Texts { column: builder.finish(), unreadable: Vec::new() };
                Column { cells: Cells::Text(texts), valid: None }
            }
        }
    }
}

/// Makes a column of numbers: whole ones where all are, so that ids stay exact.
fn numbers(numbers: &[Option<Number>]) -> Column {
    let valid = valid(numbers);
    let whole = |number: &Option<Number>| match number {
        None => Some(0),
        Some(Number::Whole(whole)) => Some(*whole),
        Some(Number::Float(_)) => None,
    };
    let Some(whole) = numbers.iter().map(whole).collect::<Option<Vec<_>>>() else {
        let float = |number: &Option<Number>| match number {
            None => f64::NAN,
            Some(Number::Whole(whole)) => *whole as f64,
            Some(Number::Float(float)) => *float,
        };
        return Column { cells: Cells::F64(numbers.iter().map(float).collect()), valid };
    };
    let narrow = whole.iter().map(|whole| i64::try_from(*whole).ok()).collect::<Option<Vec<_>>>();
    let cells = narrow.map_or(Cells::Decimal(whole, 0), Cells::I64);
    Column { cells, valid }
}

fn valid<T>(cells: &[Option<T>]) -> Option<Vec<bool>> {
    let valid = cells.iter().map(Option::is_some).collect::<Vec<_>>();
    valid.contains(&false).then_some(valid)
}
