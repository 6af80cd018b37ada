//! CSV and its relatives, plain or compressed: one part.

use std::{
    io::{self, BufRead, Read},
    sync::Arc,
};

use csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder};
use ilk_core::data::Rows;

use crate::{
    batch::Untyped,
    error::{At, Error},
    part::Part,
    plan::Plan,
    schema::Schema,
    source::Source,
    unpack::{Packing, unpacked},
};

/// Rows per chunk at most.
const CHUNK_ROWS: usize = 256 << 10;
/// Bytes of distinct text per chunk, about.
const CHUNK_BYTES: usize = 128 << 20;
/// Bytes looked at to find the delimiter.
const SAMPLE: usize = 64 << 10;
/// What may stand between fields.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// An opened CSV file.
pub(crate) struct CsvFile {
    source: Arc<dyn Source>,
    packing: Packing,
    delimiter: u8,
    pub(crate) schema: Schema,
    pub(crate) parts: Vec<Part>,
}

/// Where reading a file's rows has got to.
pub(crate) struct CsvCursor {
    reader: Reader<Box<dyn Read>>,
    next_row: u64,
}

impl CsvFile {
    /// Reads the header and finds the delimiter.
    pub(crate) fn open(
        source: Arc<dyn Source>,
        packing: Packing,
        delimiter: Option<u8>,
    ) -> Result<Self, Error> {
        let name = source.name().to_owned();
        let at = At { file: &name, place: "header" };
        let (sample, whole) = sample(&source, packing).map_err(|error| at.io(error))?;
        check_text(&name, &sample)?;
        let delimiter = delimiter.unwrap_or_else(|| detect(&name, &sample, whole));
        let parts = vec![Part { first_row: 1, rows: None, bytes: source.len() }];
        let mut file = Self { source, packing, delimiter, schema: Schema::default(), parts };
        let header = file.header(at)?;
        if header.is_empty() {
            return Err(Error::NoHeader { file: name });
        }
        file.schema = Schema::of_untyped(
            header.iter().map(|name| String::from_utf8_lossy(name).into_owned()),
        );
        Ok(file)
    }

    fn reader(&self, at: At<'_>) -> Result<Reader<Box<dyn Read>>, Error> {
        let bytes = unpacked(&self.source, self.packing).map_err(|error| at.io(error))?;
        Ok(reader(bytes, self.delimiter))
    }

    fn header(&self, at: At<'_>) -> Result<ByteRecord, Error> {
        let mut reader = self.reader(at)?;
        reader.byte_headers().cloned().map_err(|error| self.csv_error(at, error))
    }

    /// Begins at the first row.
    pub(crate) fn begin(&self) -> Result<CsvCursor, Error> {
        let start = At { file: self.source.name(), place: "header" };
        Ok(CsvCursor { reader: self.reader(start)?, next_row: 1 })
    }

    /// Reads the next rows, up to a chunk of them; `None` at the end.
    pub(crate) fn next(&self, plan: &Plan, cursor: &mut CsvCursor) -> Result<Option<Rows>, Error> {
        let mut chunk = Untyped::new(plan, cursor.next_row);
        let mut record = ByteRecord::new();
        while chunk.len() < plan.chunk_rows.min(CHUNK_ROWS)
            && chunk.bytes() < CHUNK_BYTES
            && self.read_record(&mut cursor.reader, &mut record)?
        {
            chunk.push(|place| record.get(plan.columns[place]).unwrap_or_default());
        }
        cursor.next_row += chunk.len() as u64;
        Ok((chunk.len() > 0).then(|| chunk.finish()))
    }

    /// Walks the records after the header.
    pub(crate) fn each_record<E: From<Error>>(
        &self,
        sink: &mut dyn FnMut(&ByteRecord) -> Result<(), E>,
    ) -> Result<(), E> {
        let start = At { file: self.source.name(), place: "header" };
        let mut reader = self.reader(start)?;
        let mut record = ByteRecord::new();
        while self.read_record(&mut reader, &mut record)? {
            sink(&record)?;
        }
        Ok(())
    }

    /// Reads the next record; tells whether there was one.
    fn read_record(
        &self,
        reader: &mut Reader<Box<dyn Read>>,
        record: &mut ByteRecord,
    ) -> Result<bool, Error> {
        reader.read_byte_record(record).map_err(|error| {
            let place = format!("line {}", reader.position().line());
            self.csv_error(At { file: self.source.name(), place: &place }, error)
        })
    }

    /// Walks the lines as they are, the first one included, without their ends.
    pub(crate) fn each_line(
        &self,
        sink: &mut dyn FnMut(&str) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let at = At { file: self.source.name(), place: "lines" };
        let bytes = unpacked(&self.source, self.packing).map_err(|error| at.io(error))?;
        let mut lines = io::BufReader::new(bytes);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).map_err(|error| at.io(error))? > 0 {
            let text = String::from_utf8_lossy(&line);
            sink(text.trim_end_matches(['\r', '\n']))?;
            line.clear();
        }
        Ok(())
    }

    fn csv_error(&self, at: At<'_>, error: csv::Error) -> Error {
        match error.into_kind() {
            ErrorKind::Io(error) => at.io(error),
            ErrorKind::UnequalLengths { pos, expected_len, len } => Error::Ragged {
                file: at.file.into(),
                // Records are counted from 0 with the header, rows from 1 without it.
                row: pos.as_ref().map_or(0, csv::Position::record),
                line: pos.as_ref().map_or(0, csv::Position::line),
                found: len,
                expected: expected_len,
                delimiter: self.delimiter as char,
            },
            other => at.damaged(format!("{other:?}")),
        }
    }
}

fn reader<R: Read>(bytes: R, delimiter: u8) -> Reader<R> {
    ReaderBuilder::new().delimiter(delimiter).buffer_capacity(256 << 10).from_reader(bytes)
}

/// Reads the beginning, and tells whether it is all there is.
fn sample(source: &Arc<dyn Source>, packing: Packing) -> io::Result<(Vec<u8>, bool)> {
    let mut sample = Vec::new();
    unpacked(source, packing)?.take(SAMPLE as u64).read_to_end(&mut sample)?;
    let whole = sample.len() < SAMPLE;
    Ok((sample, whole))
}

/// Refuses what is plainly no text.
fn check_text(file: &str, sample: &[u8]) -> Result<(), Error> {
    let refuse = |found: &str, instead| {
        Err(Error::Unsupported { file: file.into(), found: found.into(), instead })
    };
    if sample.starts_with(b"\xff\xfe") || sample.starts_with(b"\xfe\xff") {
        return refuse("UTF-16 text", "save it as UTF-8");
    }
    if sample.starts_with(b"PAR1") || sample.starts_with(b"ARROW1") {
        return refuse("a compressed Parquet or Arrow file", "unpack it first");
    }
    if sample.starts_with(b"PK\x03\x04") {
        return refuse("a ZIP archive or spreadsheet", "unpack it or export it as CSV");
    }
    if sample.contains(&0) {
        return refuse("no text (it holds zero bytes)", "export it as CSV, Parquet or Arrow");
    }
    Ok(())
}

/// Finds the delimiter: the one that cuts the first records into the most fields, all of them
/// into as many as the header; else the one that cuts the header into the most.
fn detect(name: &str, sample: &[u8], whole: bool) -> u8 {
    let mut best = (false, 1, b',');
    for delimiter in DELIMITERS {
        let (fields, even) = cut(sample, delimiter, whole);
        let even = even && fields > 1;
        if (even, fields) > (best.0, best.1) {
            best = (even, fields, delimiter);
        }
    }
    let is_tsv = [".tsv", ".tab", ".tsv.gz", ".tsv.zst"].iter().any(|end| name.ends_with(end));
    if is_tsv && cut(sample, b'\t', whole).0 > 1 { b'\t' } else { best.2 }
}

/// Counts the header's fields, and tells whether the records after it have as many.
fn cut(sample: &[u8], delimiter: u8, whole: bool) -> (usize, bool) {
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .has_headers(false)
        .from_reader(sample);
    let records: Vec<ByteRecord> = reader.byte_records().take(100).filter_map(Result::ok).collect();
    let fields = records.first().map_or(0, ByteRecord::len);
    // The last record of a sample may be cut.
    let sure = if whole || records.len() == 100 {
        &records[..]
    } else {
        &records[..records.len().max(1) - 1]
    };
    (fields, sure.iter().all(|record| record.len() == fields))
}
