//! Opening files by what they hold, and reading them as rows.

use std::{io::Read as _, sync::Arc};

use ilk_core::data::Rows;

use crate::{
    arrow::{ArrowFile, ArrowStream, StreamCursor},
    baskets::split_items,
    batch,
    cells::Batch,
    csv::{CsvCursor, CsvFile, MORE, NullWord, PIECE},
    dialect::{CsvOptions, Dialect},
    error::{At, Error},
    foreign::foreign,
    format::FileFormat,
    json::{JsonCursor, JsonFile},
    parquet::{ParquetCursor, ParquetFile},
    part::Part,
    plan::{Plan, ReadOptions},
    schema::Schema,
    source::{Source, read_exact},
    unpack::{Packing, inner_name, unpacked},
};

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InputFormat {
    /// Parquet
    Parquet,
    /// CSV, TSV and the like, plain or compressed
    Csv,
    /// Arrow IPC, the file format (also known as Feather version 2)
    ArrowFile,
    /// Arrow IPC, the streaming format
    ArrowStream,
    /// JSON Lines, plain or compressed
    JsonLines,
}

impl InputFormat {
    /// Returns the name people know the format by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Parquet => "Parquet",
            Self::Csv => "CSV",
            Self::ArrowFile => "Arrow file",
            Self::ArrowStream => "Arrow stream",
            Self::JsonLines => "JSON Lines",
        }
    }
}

/// Bytes that reading a part takes at most, in chunks of few rows: of the 4 MiB of a piece of text its
/// bytes, its cells and the chunk that comes of them; of a row group of Parquet a page of each column.
pub const MOST_READ: usize = 3 * PIECE as usize;

/// What batches are handed on to, each with the number of its first row.
pub(crate) type BatchSink<'a, E> = dyn FnMut(u64, Batch) -> Result<(), E> + 'a;

/// An opened file of which only the schema has been looked at.
pub struct Input {
    source: Arc<dyn Source>,
    body: Body,
}

pub(crate) enum Body {
    Parquet(ParquetFile),
    Csv(CsvFile),
    ArrowFile(ArrowFile),
    ArrowStream(ArrowStream),
    Json(JsonFile),
}

impl Input {
    /// Opens a file: its format by its first bytes, else by the ending of its name, else by
    /// what its text looks like. Reads the schema only: a footer, a header, or the first 256 KiB.
    /// `csv` says how CSV files are written, as far as that is known.
    ///
    /// # Errors
    /// A source that fails, bytes that are damaged, a format that is not read, a CSV of 0 bytes or
    /// in a dialect that cannot be told.
    pub fn open(source: Arc<dyn Source>, csv: &CsvOptions) -> Result<Self, Error> {
        Self::open_as(source, None, csv)
    }

    /// Opens a file in a format that is given; in the one that is found where `None`.
    ///
    /// # Errors
    /// Those of [`open`](Self::open); a file that is in another format than the one given.
    pub fn open_as(
        source: Arc<dyn Source>,
        format: Option<FileFormat>,
        csv: &CsvOptions,
    ) -> Result<Self, Error> {
        Self::open_for(source, format, csv, &[])
    }

    /// Does what [`open_as`](Self::open_as) does for a reader of the columns `wanted`.
    fn open_for(
        source: Arc<dyn Source>,
        format: Option<FileFormat>,
        csv: &CsvOptions,
        wanted: &[&str],
    ) -> Result<Self, Error> {
        let body = match sniff(&source, format)? {
            Sniffed::Json(packing) => {
                let piece = csv.piece_size;
                Body::Json(JsonFile::open(Arc::clone(&source), packing, piece)?)
            }
            Sniffed::Parquet => Body::Parquet(ParquetFile::open(Arc::clone(&source))?),
            Sniffed::ArrowFile => Body::ArrowFile(ArrowFile::open(&source)?),
            Sniffed::ArrowStream => Body::ArrowStream(ArrowStream::open(&source)?),
            Sniffed::Csv(packing) => {
                Body::Csv(CsvFile::open(Arc::clone(&source), packing, csv, wanted)?)
            }
        };
        Ok(Self { source, body })
    }

    /// Returns the file's name.
    pub fn name(&self) -> &str {
        self.source.name()
    }

    /// Returns what the file is.
    pub fn format(&self) -> InputFormat {
        match self.body {
            Body::Parquet(_) => InputFormat::Parquet,
            Body::Csv(_) => InputFormat::Csv,
            Body::ArrowFile(_) => InputFormat::ArrowFile,
            Body::ArrowStream(_) => InputFormat::ArrowStream,
            Body::Json(_) => InputFormat::JsonLines,
        }
    }

    /// Returns the columns.
    pub fn schema(&self) -> &Schema {
        match &self.body {
            Body::Parquet(file) => &file.schema,
            Body::Csv(file) => &file.schema,
            Body::ArrowFile(file) => &file.schema,
            Body::ArrowStream(file) => &file.schema,
            Body::Json(file) => &file.schema,
        }
    }

    /// Returns the pieces that can be read by themselves: row groups of Parquet, batches of an
    /// Arrow file, 4 MiB of a plain CSV, one piece for the rest.
    pub fn parts(&self) -> &[Part] {
        match &self.body {
            Body::Parquet(file) => &file.parts,
            Body::Csv(file) => &file.parts,
            Body::ArrowFile(file) => &file.parts,
            Body::ArrowStream(file) => &file.parts,
            Body::Json(file) => &file.parts,
        }
    }

    /// Returns the dialect of a CSV file.
    pub fn dialect(&self) -> Option<&Dialect> {
        match &self.body {
            Body::Csv(file) => Some(&file.dialect),
            _ => None,
        }
    }

    /// Returns notes on what may be read otherwise than meant.
    pub fn notes(&self) -> &[String] {
        match &self.body {
            Body::Csv(file) => &file.notes,
            _ => &[],
        }
    }

    /// Returns the number of rows where the file says it.
    pub fn row_count(&self) -> Option<u64> {
        self.parts().iter().map(|part| part.rows).sum()
    }

    /// Chooses the columns and checks them. `file` is the file's position in the caller's list.
    ///
    /// # Errors
    /// A column that is missing, there twice, or of a type that cannot serve; a condition whose
    /// value cannot be compared with its column.
    pub fn table(mut self, file: u32, options: &ReadOptions) -> Result<Table, Error> {
        let plan = Plan::new(self.name(), self.schema(), file, options)?;
        if let Some(types) = self.project(plan.columns.clone())? {
            plan.check_types(self.name(), &types)?;
        }
        Ok(Table { input: self, plan })
    }

    /// Reads only `columns` from now on; returns their types where there are types.
    pub(crate) fn project(
        &mut self,
        columns: Vec<usize>,
    ) -> Result<Option<Vec<arrow_schema::DataType>>, Error> {
        Ok(match &mut self.body {
            Body::Parquet(file) => {
                columns.iter().try_for_each(|column| file.check_readable(*column))?;
                Some(file.project(columns))
            }
            Body::ArrowFile(file) => Some(file.project(columns)?),
            Body::ArrowStream(file) => Some(file.project(columns)),
            Body::Json(file) => Some(file.project(columns)?),
            Body::Csv(_) => None,
        })
    }

    pub(crate) fn body(&self) -> &Body {
        &self.body
    }

    /// Streams the batches of all parts, of formats that have batches.
    pub(crate) fn each_batch<E: From<Error>>(&self, sink: &mut BatchSink<'_, E>) -> Result<(), E> {
        self.each_batch_that(&|_| true, sink)
    }

    /// Streams the batches of all parts, those of Parquet of at most `rows`.
    pub(crate) fn each_batch_of<E: From<Error>>(
        &self,
        rows: usize,
        sink: &mut BatchSink<'_, E>,
    ) -> Result<(), E> {
        (0..self.parts().len()).try_for_each(|part| self.read_batches(part, rows, sink))
    }

    /// Streams the batches of the parts that `is_needed` names.
    pub(crate) fn each_batch_that<E: From<Error>>(
        &self,
        is_needed: &dyn Fn(usize) -> bool,
        sink: &mut BatchSink<'_, E>,
    ) -> Result<(), E> {
        for part in (0..self.parts().len()).filter(|part| is_needed(*part)) {
            self.read_batches(part, usize::MAX, sink)?;
        }
        Ok(())
    }

    /// Streams the batches of a part, those of Parquet of at most `rows`; of CSV there are none.
    fn read_batches<E: From<Error>>(
        &self,
        part: usize,
        rows: usize,
        sink: &mut BatchSink<'_, E>,
    ) -> Result<(), E> {
        if matches!(self.body, Body::Csv(_)) {
            return Ok(());
        }
        let mut place = self.begin(part, rows)?;
        while let Some((row, batch)) = self.next_batch(&mut place)? {
            sink(row, batch)?;
        }
        Ok(())
    }

    /// Begins a part; batches of Parquet will be of at most `rows`.
    fn begin(&self, part: usize, rows: usize) -> Result<Place, Error> {
        Ok(match &self.body {
            Body::Parquet(file) => Place::Parquet(file.begin(part, rows)?),
            Body::Csv(file) => Place::Csv(file.begin(part)?),
            Body::ArrowFile(_) => Place::ArrowFile(Some(part)),
            Body::ArrowStream(_) => Place::ArrowStream(ArrowStream::begin()),
            Body::Json(file) => Place::Json(file.begin(part)?, rows),
        })
    }

    /// Decodes the next batch of a part; `None` at its end, and of CSV.
    fn next_batch(&self, place: &mut Place) -> Result<Option<(u64, Batch)>, Error> {
        match (&self.body, place) {
            (Body::Parquet(file), Place::Parquet(place)) => file.next(place),
            (Body::ArrowStream(file), Place::ArrowStream(place)) => file.next(place),
            (Body::Json(file), Place::Json(place, rows)) => file.next(place, *rows),
            (Body::ArrowFile(file), Place::ArrowFile(place)) => {
                let Some(part) = place.take() else { return Ok(None) };
                Ok(Some((file.parts[part].first_row.unwrap_or(1), file.read_part(part)?)))
            }
            _ => Ok(None),
        }
    }

    /// Returns true if a part may hold `id` in a column read, by what the file says of it.
    pub(crate) fn may_hold(&self, part: usize, column: usize, id: &str) -> bool {
        match &self.body {
            Body::Parquet(file) => file.may_hold(part, column, id),
            _ => true,
        }
    }
}

/// A file with its columns chosen, ready to be read; several threads may read its parts.
pub struct Table {
    input: Input,
    plan: Plan,
}

impl Table {
    /// Opens a file and chooses its columns: [`Input::open`], then [`Input::table`].
    ///
    /// # Errors
    /// Those of the two.
    pub fn open(source: Arc<dyn Source>, file: u32, options: &ReadOptions) -> Result<Self, Error> {
        Input::open_for(source, options.format, &options.csv, &options.wanted())?
            .table(file, options)
    }

    /// Returns the columns of the file.
    pub fn schema(&self) -> &Schema {
        self.input.schema()
    }

    /// Returns what the file is.
    pub fn format(&self) -> InputFormat {
        self.input.format()
    }

    /// Returns the dialect of a CSV file.
    pub fn dialect(&self) -> Option<&Dialect> {
        self.input.dialect()
    }

    /// Returns notes on what may be read otherwise than meant.
    pub fn notes(&self) -> &[String] {
        self.input.notes()
    }

    /// Returns the name of the file.
    pub fn name(&self) -> &str {
        self.input.name()
    }

    /// Says which settings may make the records of a CSV readable that were not, in the parts that
    /// were read.
    pub fn unreadable_help(&self) -> Option<&'static str> {
        match &self.input.body {
            Body::Csv(file) => file.unreadable_help(),
            _ => None,
        }
    }

    /// Says that text of a CSV looks as if it were decoded by the wrong encoding, in the parts that were
    /// read, if [`notes`](Self::notes) do not say so.
    pub(crate) fn garbled(&self) -> Option<String> {
        match &self.input.body {
            Body::Csv(file) => file.garbled(),
            _ => None,
        }
    }

    /// Says that weights of a CSV may be written with points between thousands, in the parts that were
    /// read.
    pub(crate) fn thousands(&self) -> Option<String> {
        match &self.input.body {
            Body::Csv(file) => file.thousands(),
            _ => None,
        }
    }

    /// Lists ids of a CSV that may be meant as none, such as `NULL`, in the parts that were read.
    pub(crate) fn null_words(&self) -> Vec<NullWord> {
        match &self.input.body {
            Body::Csv(file) => file.null_words(),
            _ => Vec::new(),
        }
    }

    /// Returns the pieces that can be read by themselves.
    pub fn parts(&self) -> &[Part] {
        self.input.parts()
    }

    /// Returns the number of rows where the file says it.
    pub fn row_count(&self) -> Option<u64> {
        self.input.row_count()
    }

    /// Counts the bytes that reading a part takes at most, about, in chunks of few rows: the bytes of
    /// the file, its cells, and the chunk that comes of them. No more than [`MOST_READ`]; less where the
    /// parts are small, and the file says so.
    pub fn bytes_of_reading(&self) -> usize {
        const CELL: u64 = 8;
        let is_known = self.plan.cells.item_separator.is_none()
            && match &self.input.body {
                Body::Parquet(_) | Body::ArrowFile(_) => true,
                Body::Csv(file) => file.is_plain(),
                Body::Json(file) => file.is_plain(),
                Body::ArrowStream(_) => false,
            };
        if !is_known {
            return MOST_READ;
        }
        // Columns may take less in the file than in memory.
        let row = CELL * self.plan.columns.len() as u64;
        let of_part = |part: &Part| {
            let cells = part.rows.unwrap_or_default().saturating_mul(row);
            part.bytes.saturating_mul(3).saturating_add(cells).saturating_add(3 * MORE)
        };
        let most = self.parts().iter().map(of_part).max().unwrap_or_default();
        usize::try_from(most).unwrap_or(usize::MAX).min(MOST_READ)
    }

    /// Reads a part and hands its rows to `sink`, a chunk at a time and never an empty one: up
    /// to 524,288 rows of Parquet, 262,144 of CSV, a batch of Arrow, or what
    /// [`ReadOptions::chunk_rows`] says. Only the columns chosen are decoded. Memory: one chunk,
    /// and a batch of Arrow.
    ///
    /// # Errors
    /// A source that fails, damaged bytes, a CSV most of which is unreadable, a fraction
    /// among ids; and whatever `sink` returns, which ends the reading.
    ///
    /// # Panics
    /// If `part` is no position in [`parts`](Self::parts).
    pub fn read<E: From<Error>>(
        &self,
        part: usize,
        sink: &mut dyn FnMut(Rows) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut cursor = self.begin(part)?;
        while let Some(rows) = self.next(&mut cursor)? {
            sink(rows)?;
        }
        Ok(())
    }

    /// Begins to read a part a chunk at a time, for callers that have other things to do in
    /// between; [`next`](Self::next) gives the chunks that [`read`](Self::read) hands on.
    ///
    /// # Errors
    /// A source that fails, damaged bytes.
    ///
    /// # Panics
    /// If `part` is no position in [`parts`](Self::parts).
    pub fn begin(&self, part: usize) -> Result<Cursor, Error> {
        assert!(part < self.parts().len(), "the file has {} parts", self.parts().len());
        let place = self.input.begin(part, self.plan.chunk_rows)?;
        Ok(Cursor { place, rest: None })
    }

    /// Reads the next chunk of the part that `cursor` was begun with; `None` at its end. Memory:
    /// one chunk.
    ///
    /// # Errors
    /// Those of [`read`](Self::read); what a cursor gives after one is not defined.
    pub fn next(&self, cursor: &mut Cursor) -> Result<Option<Rows>, Error> {
        let rows = self.next_rows(cursor)?;
        Ok(match &self.plan.cells.item_separator {
            Some(separator) => rows.map(|rows| split_items(rows, separator)),
            None => rows,
        })
    }

    fn next_rows(&self, cursor: &mut Cursor) -> Result<Option<Rows>, Error> {
        if let (Body::Csv(file), Place::Csv(place)) = (&self.input.body, &mut cursor.place) {
            return file.next(&self.plan, place);
        }
        let most = self.plan.chunk_rows;
        loop {
            let next = match cursor.rest.take() {
                Some(rest) => Some(rest),
                None => self.input.next_batch(&mut cursor.place)?,
            };
            let Some((first_row, mut batch)) = next else { return Ok(None) };
            // Batches of Arrow files are as long as their writer made them.
            if batch.rows > most {
                let rest = batch.split_off(most);
                // Rows made of lists count from the first row of the batch, wherever it is cut.
                let skipped = if rest.places.is_some() { 0 } else { most as u64 };
                cursor.rest = Some((first_row + skipped, rest));
            }
            if batch.rows > 0 {
                return batch::rows(&self.plan, self.input.name(), first_row, batch).map(Some);
            }
        }
    }
}

/// Where reading a part has got to; see [`Table::begin`].
pub struct Cursor {
    place: Place,
    /// What is left of a batch longer than a chunk may be, and its first row.
    rest: Option<(u64, Batch)>,
}

enum Place {
    Parquet(ParquetCursor),
    Csv(CsvCursor),
    /// The batch, until it is read.
    ArrowFile(Option<usize>),
    ArrowStream(StreamCursor),
    /// With the rows of a batch.
    Json(JsonCursor, usize),
}

enum Sniffed {
    Parquet,
    ArrowFile,
    ArrowStream,
    Csv(Packing),
    Json(Packing),
}

/// Finds the format: by the first bytes where they tell, then by the ending of the name, then by
/// what the text looks like.
fn sniff(source: &Arc<dyn Source>, format: Option<FileFormat>) -> Result<Sniffed, Error> {
    let file = source.name();
    let at = At { file, place: "start" };
    let length = source.len().min(512) as usize;
    let head = read_exact(source.as_ref(), 0, length).map_err(|error| at.io(error))?;
    let unsupported = |found: &str, instead| {
        Err(Error::Unsupported { file: file.into(), found: found.into(), instead })
    };
    let found = match head.as_ref() {
        [b'P', b'A', b'R', b'1', ..] => Some(Sniffed::Parquet),
        [b'P', b'A', b'R', b'E', ..] => {
            return unsupported("encrypted Parquet", "decrypt it first");
        }
        [b'A', b'R', b'R', b'O', b'W', b'1', ..] => Some(Sniffed::ArrowFile),
        [b'F', b'E', b'A', b'1', ..] => {
            return unsupported("Feather version 1", "write it as version 2 or Parquet");
        }
        [0xff, 0xff, 0xff, 0xff, ..] => Some(Sniffed::ArrowStream),
        _ => None,
    };
    if let (None, Some((found, instead))) = (&found, foreign(&head)) {
        return unsupported(found, instead);
    }
    let packing = Packing::of_bytes(&head);
    let not_as_named = |named| Err(Error::NotAsNamed { file: file.into(), named });
    match (format, found) {
        (None, Some(found))
        | (Some(FileFormat::Parquet), Some(found @ Sniffed::Parquet))
        | (Some(FileFormat::Arrow), Some(found @ (Sniffed::ArrowFile | Sniffed::ArrowStream))) => {
            return Ok(found);
        }
        (Some(FileFormat::Parquet), _) => return not_as_named("Parquet"),
        // Streams of old writers begin without a mark.
        (Some(FileFormat::Arrow), None) if length > 0 => return Ok(Sniffed::ArrowStream),
        (Some(FileFormat::Arrow), _) => return not_as_named("Arrow"),
        (Some(FileFormat::Csv), None) => return Ok(Sniffed::Csv(packing)),
        (Some(FileFormat::JsonLines), None) => return Ok(Sniffed::Json(packing)),
        (Some(FileFormat::Csv), Some(_)) => return not_as_named("CSV"),
        (Some(FileFormat::JsonLines), Some(_)) => return not_as_named("JSON Lines"),
        (None, None) => {}
    }
    if packing == Packing::Plain {
        let name = file.to_lowercase();
        if let Some(promised) = promised(&name) {
            return promised_only(file, length, promised);
        }
    }
    text_format(at, source, packing)
}

/// A format that its first bytes tell: what the ending of a name promises of it.
fn promised(name: &str) -> Option<&'static str> {
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if ends(&[".parquet", ".pq", ".parq"]) {
        return Some("Parquet");
    }
    if ends(&[".arrow", ".feather", ".ipc"]) {
        return Some("Arrow");
    }
    if ends(&[".arrows"]) {
        return Some("Arrow stream");
    }
    Packing::of_name(name).map(|(_, packing)| packing.name())
}

/// Refuses a file that is not what its name promises. Streams of Arrow may begin without a mark.
fn promised_only(file: &str, length: usize, promised: &'static str) -> Result<Sniffed, Error> {
    match promised {
        _ if length == 0 => Err(Error::NoHeader { file: file.into() }),
        "Arrow stream" => Ok(Sniffed::ArrowStream),
        named => Err(Error::NotAsNamed { file: file.into(), named }),
    }
}

/// Distinguishes JSON from CSV.
fn text_format(at: At<'_>, source: &Arc<dyn Source>, packing: Packing) -> Result<Sniffed, Error> {
    let name = inner_name(source, packing).map_err(|error| at.io(error))?;
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if ends(&[".jsonl", ".ndjson", ".json"]) {
        return Ok(Sniffed::Json(packing));
    }
    if ends(&[".csv", ".tsv", ".tab"]) {
        return Ok(Sniffed::Csv(packing));
    }
    let mut head = Vec::new();
    let text = unpacked(source, packing).map_err(|error| at.io(error))?;
    text.take(HEAD).read_to_end(&mut head).map_err(|error| at.io(error))?;
    let first = head.trim_ascii_start().split(|byte| *byte == b'\n').next().unwrap_or_default();
    // A first line that does not fit may still be an object: no CSV looks like the beginning of one.
    let is_json = first.starts_with(b"{")
        && (first.len() as u64 > HEAD / 2
            || serde_json::from_slice::<serde::de::IgnoredAny>(first).is_ok());
    Ok(if is_json { Sniffed::Json(packing) } else { Sniffed::Csv(packing) })
}

/// Bytes of text that are looked at to tell JSON from CSV.
const HEAD: u64 = 64 << 10;
