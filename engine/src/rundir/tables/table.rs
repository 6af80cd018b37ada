//! A plain table on its way into a file of a stage, and back.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use ilk_core::data::{Ids, TextColumn, TimeColumn};
use ilk_formats::{CellType, CsvOptions, TableWriter, Values, read_notes, read_plain};

use crate::{error::Error, inputs::FileSource, rundir::stage::StageFile};

/// Rows of a table made at a time: as many as the writer takes at a time.
pub(super) const CHUNK: usize = 1 << 16;

/// Opens a file of the run directory.
pub(crate) fn open(path: &Path) -> Result<Arc<FileSource>, Error> {
    FileSource::open(path).map(Arc::new)
}

/// A plain table on its way into a file of a stage.
pub(crate) struct Writing {
    writer: TableWriter<StageFile>,
    target: PathBuf,
}

impl Writing {
    /// Begins a table.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn new(file: StageFile, columns: &[(&str, CellType)]) -> Result<Self, Error> {
        Self::in_groups(file, columns, usize::MAX)
    }

    /// Begins a table whose row groups have up to `rows` rows, if that is less than they have otherwise:
    /// a row group is in memory until it is whole.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn in_groups(
        file: StageFile,
        columns: &[(&str, CellType)],
        rows: usize,
    ) -> Result<Self, Error> {
        let target = file.target().to_owned();
        let writer = TableWriter::in_groups(file, columns, rows)
            .map_err(|error| Error::writing(&target, error))?;
        Ok(Self { writer, target })
    }

    /// Appends rows.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn write(&mut self, columns: Vec<Values>) -> Result<(), Error> {
        self.writer.write(columns).map_err(|error| Error::writing(&self.target, error))
    }

    /// Puts a note into the file.
    pub(crate) fn note(&mut self, name: &str, text: &str) {
        self.writer.note(name, text);
    }

    /// Ends the table.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn finish(self) -> Result<StageFile, Error> {
        let Self { writer, target } = self;
        writer.finish().map_err(|error| Error::writing(&target, error))
    }
}

/// Returns the notes of a file by name.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn notes(path: &Path) -> Result<BTreeMap<String, String>, Error> {
    Ok(read_notes(open(path)?)?.into_iter().collect())
}

pub(super) fn push_text(column: &mut TextColumn, text: Option<&str>) {
    let code = text.map_or(TextColumn::NULL, |text| {
        column.dictionary.push(text);
        column.dictionary.len() as u32 - 1
    });
    column.codes.push(code);
}

/// Makes a column of texts.
pub(crate) fn text_column(texts: impl Iterator<Item = Option<String>>) -> Values {
    let mut column = TextColumn::default();
    texts.for_each(|text| push_text(&mut column, text.as_deref()));
    Values::Text(column)
}

/// Counts the rows of a table.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn row_count(path: &Path) -> Result<u64, Error> {
    let input = ilk_formats::Input::open(open(path)?, &CsvOptions::default())?;
    Ok(input.row_count().unwrap_or_default())
}

/// Writes microseconds since 1970 as people read them; `None` for none.
pub(crate) fn instant(micros: i64) -> Option<String> {
    let time = (micros != TimeColumn::NONE).then_some(micros)?;
    jiff::Timestamp::from_microsecond(time).ok().map(|time| time.to_string())
}

/// Cuts `0..length` into chunks.
pub(super) fn chunks(length: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    chunks_of(CHUNK, length)
}

/// Cuts `0..length` into chunks of so many rows.
pub(super) fn chunks_of(
    rows: usize,
    length: usize,
) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..length).step_by(rows).map(move |start| start..(start + rows).min(length))
}

pub(super) const fn id_type(ids: &Ids) -> CellType {
    match ids {
        Ids::Integer(_) => CellType::I64,
        Ids::Unsigned(_) => CellType::U64,
        Ids::Text(_) => CellType::Text,
    }
}

pub(super) fn id_values(ids: &Ids, range: std::ops::Range<usize>) -> Values {
    match ids {
        Ids::Integer(ids) => Values::I64(ids[range].to_vec()),
        Ids::Unsigned(ids) => Values::U64(ids[range].to_vec()),
        Ids::Text(ids) => Values::Text(text_of(range, |place| Some(ids.get(place)))),
    }
}

pub(super) fn text_of<'t>(
    range: std::ops::Range<usize>,
    text: impl Fn(usize) -> Option<&'t str>,
) -> TextColumn {
    let mut column = TextColumn::default();
    range.for_each(|place| push_text(&mut column, text(place)));
    column
}

pub(super) fn codes_of(range: &std::ops::Range<usize>) -> Values {
    Values::U32((range.start as u32..range.end as u32).collect())
}

/// A file whose content is not what the stage wrote, although its checksum is right.
pub(crate) fn unfit(path: &Path) -> Error {
    Error::internal(format!("{} does not hold what its stage leaves", path.display()))
}

pub(super) fn has_column(source: &Arc<FileSource>, name: &str) -> Result<bool, Error> {
    let input = ilk_formats::Input::open(source.clone(), &CsvOptions::default())?;
    Ok(input.schema().names().any(|known| known == name))
}

/// Reads one column of numbers of a table.
///
/// # Errors
/// If the file cannot be read.
pub(crate) fn each_number(
    path: &Path,
    column: &str,
    sink: &mut dyn FnMut(u32),
) -> Result<(), Error> {
    read_plain(open(path)?, &[column], &mut |values| match values.as_slice() {
        [Values::U32(numbers)] => {
            for number in numbers {
                sink(*number);
            }
            Ok(())
        }
        _ => Err(unfit(path)),
    })
}

/// Names how columns are kept: the dense head as bits, the sparse tail as lists.
pub(super) const fn part_name(is_head: bool) -> &'static str {
    if is_head { "head" } else { "tail" }
}
