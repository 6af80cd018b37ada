//! Rows: those that were kept, and those that were set aside.

use std::path::{Path, PathBuf};

use ilk_core::{
    data::{BadCell, IdColumn, Rows, TextColumn},
    job::Job,
    prepare::{Cleaned, Needs, Reason, clean},
};
use ilk_formats::{CellType, CsvOptions, ReadOptions, Table, Values, read_plain};

use super::table::{Writing, instant, notes, open, push_text};
use crate::{error::Error, rundir::stage::StageFile};

/// Where a chunk of kept rows comes from and how its ids are to be taken, beside the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    file: u32,
    user: IdKind,
    item: IdKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IdKind {
    Integer,
    Unsigned,
    Text,
    /// Of a format without types.
    Untyped,
}

impl IdKind {
    fn of(column: &IdColumn) -> Self {
        match column {
            IdColumn::Integer(_) => Self::Integer,
            IdColumn::Unsigned(_) => Self::Unsigned,
            IdColumn::Text(column) if column.untyped => Self::Untyped,
            IdColumn::Text(_) => Self::Text,
        }
    }

    const fn cell_type(self) -> CellType {
        match self {
            Self::Integer => CellType::I64,
            Self::Unsigned => CellType::U64,
            Self::Text | Self::Untyped => CellType::Text,
        }
    }
}

impl Shape {
    /// Looks at a chunk.
    pub(crate) fn of(chunk: &Cleaned) -> Self {
        let (user, item) = (IdKind::of(chunk.user()), IdKind::of(chunk.item()));
        Self { file: chunk.file(), user, item }
    }

    /// Begins a table of chunks of this shape; `chunk` is the first of them. Row groups have up to `group`
    /// rows: as many as a chunk, so that the writer holds no more than the reader.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn begin(
        self,
        file: StageFile,
        chunk: &Cleaned,
        group: usize,
    ) -> Result<Writing, Error> {
        let mut columns = vec![("user", self.user.cell_type()), ("item", self.item.cell_type())];
        columns.extend(chunk.weight().map(|_| ("weight", CellType::F64)));
        columns.extend(chunk.time().map(|_| ("time", CellType::Time)));
        columns.extend(chunk.label().map(|_| ("item_label", CellType::Text)));
        let mut writing = Writing::in_groups(file, &columns, group)?;
        let untyped = |kind| if kind == IdKind::Untyped { "untyped" } else { "typed" };
        writing.note("ilk.file", &self.file.to_string());
        writing.note("ilk.user", untyped(self.user));
        writing.note("ilk.item", untyped(self.item));
        Ok(writing)
    }
}

/// Copies a chunk of kept rows into columns.
pub(crate) fn cleaned_values(chunk: &Cleaned) -> Vec<Values> {
    let ids = |column: &IdColumn| match column {
        IdColumn::Integer(cells) => Values::I64(cells.values.clone()),
        IdColumn::Unsigned(cells) => Values::U64(cells.values.clone()),
        IdColumn::Text(column) => Values::Text(column.clone()),
    };
    let mut values = vec![ids(chunk.user()), ids(chunk.item())];
    values.extend(chunk.weight().map(|weights| Values::F64(weights.to_vec())));
    values.extend(chunk.time().map(|times| Values::Time(times.to_vec())));
    values.extend(chunk.label().map(|labels| Values::Text(labels.clone())));
    values
}

/// Reads kept rows back, as they came from cleaning, in chunks of at most so many.
///
/// # Errors
/// If the file cannot be read, and whatever `sink` returns.
pub(crate) fn each_cleaned(
    path: &Path,
    (job, needs): (&Job, Needs),
    chunk_rows: usize,
    sink: &dyn Fn(Cleaned) -> Result<(), Error>,
) -> Result<(), Error> {
    let notes = notes(path)?;
    let note = |name: &str| notes.get(name).map_or("", String::as_str);
    let source = open(path)?;
    let damaged = || Error::input(format!("{} has no note of its input", path.display()));
    let file = note("ilk.file").parse().map_err(|_| damaged())?;
    let has = |name: &str| -> Result<bool, Error> {
        let input = ilk_formats::Input::open(source.clone(), &CsvOptions::default())?;
        Ok(input.schema().names().any(|known| known == name))
    };
    let column = |name: &str| has(name).map(|has| has.then(|| name.to_owned()));
    let options = ReadOptions {
        user: "user".into(),
        item: "item".into(),
        weight: column("weight")?,
        time: column("time")?,
        item_label: column("item_label")?,
        chunk_rows: Some(chunk_rows),
        ..ReadOptions::default()
    };
    let table = Table::open(source, file, &options)?;
    let is_untyped = |name: &str| note(name) == "untyped";
    let (user, item) = (is_untyped("ilk.user"), is_untyped("ilk.item"));
    for part in 0..table.parts().len() {
        table.read(part, &mut |mut rows: Rows| {
            for (column, untyped) in [(&mut rows.user, user), (&mut rows.item, item)] {
                if let IdColumn::Text(column) = column {
                    column.untyped = untyped;
                }
            }
            // Rows that were kept are kept again.
            sink(clean(rows, job, needs).0)
        })?;
    }
    Ok(())
}

/// Columns of the rows that were set aside.
const ASIDE: [(&str, CellType); 8] = [
    ("file", CellType::Text),
    ("row", CellType::U64),
    ("reason", CellType::Text),
    ("user", CellType::Text),
    ("item", CellType::Text),
    ("weight", CellType::Text),
    ("time", CellType::Text),
    ("detail", CellType::Text),
];

/// Rows that were set aside, on their way into a table. The file comes into being with the first.
#[derive(Default)]
pub(crate) struct Aside {
    writing: Option<Writing>,
    rows: Vec<u64>,
    texts: [TextColumn; ASIDE.len() - 1],
}

impl Aside {
    /// Takes a row of the input as it stood there; `name` is that of its file.
    pub(crate) fn push(&mut self, name: &str, rows: &Rows, row: usize, reason: Reason) {
        let raw = |bad: &[BadCell]| {
            let found = bad.binary_search_by_key(&(row as u32), |cell| cell.row).ok()?;
            Some(bad[found].text.clone())
        };
        let weight = rows.weight.as_ref().and_then(|column| {
            let value = column.values[row];
            raw(&column.bad).or_else(|| (!value.is_nan()).then(|| value.to_string()))
        });
        let time = rows.time.as_ref();
        let time = time.and_then(|column| raw(&column.bad).or_else(|| instant(column.values[row])));
        let detail = raw(&rows.unreadable);
        let (user, item) = (rows.user.display(row), rows.item.display(row));
        self.rows.push(rows.number(row));
        let cells = [
            Some(name),
            Some(reason.name()),
            user.as_deref(),
            item.as_deref(),
            weight.as_deref(),
            time.as_deref(),
            detail.as_deref(),
        ];
        for (column, cell) in self.texts.iter_mut().zip(cells) {
            push_text(column, cell);
        }
    }

    /// Writes what has gathered, to be called between chunks; `create` makes the file.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn flush(
        &mut self,
        create: impl FnOnce() -> Result<StageFile, Error>,
    ) -> Result<(), Error> {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() {
            return Ok(());
        }
        let [file, texts @ ..] = std::mem::take(&mut self.texts);
        let mut values = vec![Values::Text(file), Values::U64(rows)];
        values.extend(texts.map(Values::Text));
        let writing = match self.writing.take() {
            Some(writing) => writing,
            None => Writing::new(create()?, &ASIDE)?,
        };
        self.writing.insert(writing).write(values)
    }

    /// Ends the table; `None` if no row was set aside.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn finish(self) -> Result<Option<StageFile>, Error> {
        self.writing.map(Writing::finish).transpose()
    }
}

/// Appends tables of rows that were set aside to one another.
///
/// # Errors
/// If one cannot be read, or the disk refuses.
pub(crate) fn gather_aside(file: StageFile, parts: &[PathBuf]) -> Result<StageFile, Error> {
    let mut writing = Writing::new(file, &ASIDE)?;
    let names = ASIDE.map(|(name, _)| name);
    for part in parts {
        read_plain(open(part)?, &names, &mut |values| writing.write(values))?;
    }
    writing.finish()
}
