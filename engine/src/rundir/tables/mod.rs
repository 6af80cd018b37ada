//! The tables that stages leave: into Parquet and back.

mod found;
mod ids;
mod interactions;
mod rows;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use ilk_core::{
    ids::{Ids, TextColumn},
    rows::TimeColumn,
};
use ilk_formats::{CellType, TableWriter, Values, read_notes, read_plain};

pub(super) use self::{
    found::{MergedTable, OfferTable, PlannedTile, read_merged, read_offers, tiles_in, write_plan},
    ids::{UserTable, heaviest_user, read_items, read_users, write_items},
    interactions::{
        InteractionTable, each_interactions, read_interactions, read_item_table, write_matrix,
    },
    rows::{Aside, Shape, cleaned_values, each_cleaned, gather_aside},
};
use super::{StageFile, StageName, files};
use crate::{error::Error, inputs::FileSource};

/// Rows of a table made at a time: as many as the writer takes at a time.
const CHUNK: usize = 1 << 16;

/// Returns the files and folders that a stage leaves.
pub(super) const fn files_of(stage: StageName) -> &'static [&'static str] {
    match stage {
        StageName::Read => &[files::INPUTS],
        StageName::Clean => &[files::CLEANED, files::SET_ASIDE, files::QUARANTINE],
        StageName::Encode => &[files::ITEMS, files::USERS, files::INTERACTIONS],
        StageName::Matrix => &[files::MATRIX],
        StageName::Plan => &[files::PLAN],
        StageName::Tiles => &[files::TILES],
        StageName::Merge => &[files::MERGED],
        StageName::Write => &[files::NEIGHBOURS],
    }
}

/// Opens a file of the run directory.
pub(super) fn open(path: &Path) -> Result<Arc<FileSource>, Error> {
    FileSource::open(path).map(Arc::new)
}

/// A plain table on its way into a file of a stage.
pub(super) struct Writing {
    writer: TableWriter<StageFile>,
    target: PathBuf,
}

impl Writing {
    /// Begins a table.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn new(file: StageFile, columns: &[(&str, CellType)]) -> Result<Self, Error> {
        let target = file.target().to_owned();
        let writer =
            TableWriter::new(file, columns).map_err(|error| Error::writing(&target, error))?;
        Ok(Self { writer, target })
    }

    /// Appends rows.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn write(&mut self, columns: Vec<Values>) -> Result<(), Error> {
        self.writer.write(columns).map_err(|error| Error::writing(&self.target, error))
    }

    /// Puts a note into the file.
    pub(super) fn note(&mut self, name: &str, text: &str) {
        self.writer.note(name, text);
    }

    /// Ends the table.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn finish(self) -> Result<StageFile, Error> {
        let Self { writer, target } = self;
        writer.finish().map_err(|error| Error::writing(&target, error))
    }
}

/// Returns the notes of a file by name.
///
/// # Errors
/// If it cannot be read.
pub(super) fn notes(path: &Path) -> Result<BTreeMap<String, String>, Error> {
    Ok(read_notes(open(path)?)?.into_iter().collect())
}

fn push_text(column: &mut TextColumn, text: Option<&str>) {
    let code = text.map_or(TextColumn::NULL, |text| {
        column.dictionary.push(text);
        column.dictionary.len() as u32 - 1
    });
    column.codes.push(code);
}

/// Makes a column of texts.
pub(super) fn text_column(texts: impl Iterator<Item = Option<String>>) -> Values {
    let mut column = TextColumn::default();
    texts.for_each(|text| push_text(&mut column, text.as_deref()));
    Values::Text(column)
}

/// Counts the rows of a table.
///
/// # Errors
/// If it cannot be read.
pub(super) fn row_count(path: &Path) -> Result<u64, Error> {
    let input = ilk_formats::Input::open(open(path)?, None)?;
    Ok(input.row_count().unwrap_or_default())
}

/// Writes microseconds since 1970 as people read them; `None` for none.
pub(super) fn instant(micros: i64) -> Option<String> {
    let time = (micros != TimeColumn::NONE).then_some(micros)?;
    jiff::Timestamp::from_microsecond(time).ok().map(|time| time.to_string())
}

/// Cuts `0..length` into chunks.
fn chunks(length: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..length).step_by(CHUNK).map(move |start| start..(start + CHUNK).min(length))
}

const fn id_type(ids: &Ids) -> CellType {
    match ids {
        Ids::Integer(_) => CellType::I64,
        Ids::Unsigned(_) => CellType::U64,
        Ids::Text(_) => CellType::Text,
    }
}

fn id_values(ids: &Ids, range: std::ops::Range<usize>) -> Values {
    match ids {
        Ids::Integer(ids) => Values::I64(ids[range].to_vec()),
        Ids::Unsigned(ids) => Values::U64(ids[range].to_vec()),
        Ids::Text(ids) => Values::Text(text_of(range, |place| Some(ids.get(place)))),
    }
}

fn text_of<'t>(
    range: std::ops::Range<usize>,
    text: impl Fn(usize) -> Option<&'t str>,
) -> TextColumn {
    let mut column = TextColumn::default();
    range.for_each(|place| push_text(&mut column, text(place)));
    column
}

fn codes_of(range: &std::ops::Range<usize>) -> Values {
    Values::U32((range.start as u32..range.end as u32).collect())
}

/// A file whose content is not what the stage wrote, although its checksum is right.
fn unfit(path: &Path) -> Error {
    Error::internal(format!("{} does not hold what its stage leaves", path.display()))
}

fn has_column(source: &Arc<FileSource>, name: &str) -> Result<bool, Error> {
    let input = ilk_formats::Input::open(source.clone(), None)?;
    Ok(input.schema().names().any(|known| known == name))
}

/// Reads one column of numbers of a table.
///
/// # Errors
/// If the file cannot be read.
pub(super) fn each_number(
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

/// Says how columns are kept: the dense head as bits, the sparse tail as lists.
const fn part_name(is_head: bool) -> &'static str {
    if is_head { "head" } else { "tail" }
}
