//! The tables that stages leave: into Parquet and back.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use ilk_core::{
    clean::{Cleaned, Needs, Reason, clean},
    ids::{IdColumn, Ids, TextColumn, TextList},
    interactions::Interactions,
    job::Job,
    matrix::ItemTable,
    neighbours::{Catalogue, Neighbour, Neighbours},
    rows::{BadCell, Rows, TimeColumn},
};
use ilk_formats::{CellType, ReadOptions, Table, TableWriter, Values, read_notes, read_plain};

use super::{StageFile, StageName, files};
use crate::{error::Error, external::Area, inputs::FileSource, output::naming, report::Timed};

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
        let writer = TableWriter::new(file, columns).map_err(|error| naming(&target, error))?;
        Ok(Self { writer, target })
    }

    /// Appends rows.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn write(&mut self, columns: Vec<Values>) -> Result<(), Error> {
        self.writer.write(columns).map_err(|error| naming(&self.target, error))
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
        writer.finish().map_err(|error| naming(&target, error))
    }
}

/// Returns the notes of a file by name.
///
/// # Errors
/// If it cannot be read.
pub(super) fn notes(path: &Path) -> Result<BTreeMap<String, String>, Error> {
    Ok(read_notes(open(path)?)?.into_iter().collect())
}

/// Where a chunk of kept rows comes from and how its ids are to be taken, beside the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
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
    pub(super) fn of(chunk: &Cleaned) -> Self {
        let (user, item) = (IdKind::of(chunk.user()), IdKind::of(chunk.item()));
        Self { file: chunk.file(), user, item }
    }

    /// Begins a table of chunks of this shape; `chunk` is the first of them.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn begin(self, file: StageFile, chunk: &Cleaned) -> Result<Writing, Error> {
        let mut columns = vec![("user", self.user.cell_type()), ("item", self.item.cell_type())];
        columns.extend(chunk.weight().map(|_| ("weight", CellType::F64)));
        columns.extend(chunk.time().map(|_| ("time", CellType::Time)));
        columns.extend(chunk.label().map(|_| ("item_label", CellType::Text)));
        let mut writing = Writing::new(file, &columns)?;
        let untyped = |kind| if kind == IdKind::Untyped { "untyped" } else { "typed" };
        writing.note("ilk.file", &self.file.to_string());
        writing.note("ilk.user", untyped(self.user));
        writing.note("ilk.item", untyped(self.item));
        Ok(writing)
    }
}

/// Copies a chunk of kept rows into columns.
pub(super) fn cleaned_values(chunk: &Cleaned) -> Vec<Values> {
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
pub(super) fn each_cleaned(
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
        let input = ilk_formats::Input::open(source.clone(), None)?;
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
pub(super) struct Aside {
    writing: Option<Writing>,
    rows: Vec<u64>,
    texts: [TextColumn; ASIDE.len() - 1],
}

impl Aside {
    /// Takes a row of the input as it stood there; `name` is that of its file.
    pub(super) fn push(&mut self, name: &str, rows: &Rows, row: usize, reason: Reason) {
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
        self.rows.push(rows.first_row + row as u64);
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
    pub(super) fn flush(
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
    pub(super) fn finish(self) -> Result<Option<StageFile>, Error> {
        self.writing.map(Writing::finish).transpose()
    }
}

fn push_text(column: &mut TextColumn, text: Option<&str>) {
    let code = text.map_or(TextColumn::NULL, |text| {
        column.dictionary.push(text);
        column.dictionary.len() as u32 - 1
    });
    column.codes.push(code);
}

/// Appends tables of rows that were set aside to one another.
///
/// # Errors
/// If one cannot be read, or the disk refuses.
pub(super) fn gather_aside(file: StageFile, parts: &[PathBuf]) -> Result<StageFile, Error> {
    let mut writing = Writing::new(file, &ASIDE)?;
    let names = ASIDE.map(|(name, _)| name);
    for part in parts {
        read_plain(open(part)?, &names, &mut |values| writing.write(values))?;
    }
    writing.finish()
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

/// Writes what is compared: `code`, `item`, `label` where there are labels, `support`.
///
/// # Errors
/// If the disk refuses.
pub(super) fn write_items(file: StageFile, catalogue: &Catalogue) -> Result<StageFile, Error> {
    let mut columns = vec![("code", CellType::U32), ("item", id_type(&catalogue.ids))];
    columns.extend(catalogue.labels.as_ref().map(|_| ("label", CellType::Text)));
    columns.push(("support", CellType::U32));
    let mut writing = Writing::new(file, &columns)?;
    for range in chunks(catalogue.ids.len()) {
        let mut values = vec![codes_of(&range), id_values(&catalogue.ids, range.clone())];
        let labels = catalogue.labels.as_ref();
        values.extend(
            labels.map(|labels| Values::Text(text_of(range.clone(), |place| labels.get(place)))),
        );
        values.push(Values::U32(catalogue.supports[range].to_vec()));
        writing.write(values)?;
    }
    writing.finish()
}

/// Ids on their way in; the first chunk says what they are.
#[derive(Default)]
struct Gathering(Option<Ids>);

impl Gathering {
    fn extend(&mut self, values: Values) -> Option<()> {
        match (values, &mut self.0) {
            (Values::I64(new), Some(Ids::Integer(ids))) => ids.extend(new),
            (Values::I64(new), ids @ None) => *ids = Some(Ids::Integer(new)),
            (Values::U64(new), Some(Ids::Unsigned(ids))) => ids.extend(new),
            (Values::U64(new), ids @ None) => *ids = Some(Ids::Unsigned(new)),
            (Values::Text(new), ids) => {
                let ids = ids.get_or_insert_with(|| Ids::Text(TextList::new()));
                let Ids::Text(list) = ids else { return None };
                for row in 0..new.codes.len() {
                    list.push(new.get(row)?);
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// Without any id the kind does not matter.
    fn finish(self) -> Ids {
        self.0.unwrap_or(Ids::Integer(Vec::new()))
    }
}

/// A file whose content is not what the stage wrote, although its checksum is right.
fn unfit(path: &Path) -> Error {
    Error::internal(format!("{} does not hold what its stage leaves", path.display()))
}

/// Reads what [`write_items`] wrote.
///
/// # Errors
/// If the file cannot be read.
pub(super) fn read_items(path: &Path) -> Result<Catalogue, Error> {
    let source = open(path)?;
    let has_labels = has_column(&source, "label")?;
    let names = if has_labels { &["item", "support", "label"][..] } else { &["item", "support"] };
    let (mut ids, mut supports) = (Gathering::default(), Vec::new());
    let mut labels = has_labels.then(TextColumn::default);
    read_plain(source, names, &mut |values| {
        let mut values = values.into_iter();
        let (Some(item), Some(Values::U32(support))) = (values.next(), values.next()) else {
            return Err(unfit(path));
        };
        ids.extend(item).ok_or_else(|| unfit(path))?;
        supports.extend(support);
        if let (Some(labels), Some(Values::Text(new))) = (&mut labels, values.next()) {
            (0..new.codes.len()).for_each(|row| push_text(labels, new.get(row)));
        }
        Ok(())
    })?;
    Ok(Catalogue { ids: ids.finish(), labels, supports })
}

fn has_column(source: &Arc<FileSource>, name: &str) -> Result<bool, Error> {
    let input = ilk_formats::Input::open(source.clone(), None)?;
    Ok(input.schema().names().any(|known| known == name))
}

/// The other side on its way into a table: `code`, `user`, `degree`. Users come in order, any
/// number at a time; the bytes are the same.
pub(super) struct UserTable {
    /// The file, until the first users say what their ids are.
    file: Option<StageFile>,
    writing: Option<Writing>,
    written: usize,
    ids: Ids,
    degrees: Vec<u32>,
}

impl UserTable {
    /// Begins the table.
    pub(super) fn new(file: StageFile) -> Self {
        let (ids, degrees) = (Ids::Integer(Vec::new()), Vec::new());
        Self { file: Some(file), writing: None, written: 0, ids, degrees }
    }

    /// Appends users with the number of their items.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn push(&mut self, ids: &Ids, degrees: &[u32]) -> Result<(), Error> {
        if let Some(file) = self.file.take() {
            let columns =
                [("code", CellType::U32), ("user", id_type(ids)), ("degree", CellType::U32)];
            self.writing = Some(Writing::new(file, &columns)?);
            self.ids = ids.slice(0..0);
        }
        self.ids.append(ids);
        self.degrees.extend_from_slice(degrees);
        let whole = self.degrees.len() / CHUNK * CHUNK;
        self.flush(whole)
    }

    /// Writes so many of the users that wait.
    fn flush(&mut self, count: usize) -> Result<(), Error> {
        let Some(writing) = self.writing.as_mut().filter(|_| count > 0) else { return Ok(()) };
        for range in chunks(count) {
            let codes = self.written + range.start..self.written + range.end;
            let (codes, ids) = (codes_of(&codes), id_values(&self.ids, range.clone()));
            writing.write(vec![codes, ids, Values::U32(self.degrees[range].to_vec())])?;
        }
        self.written += count;
        self.ids = self.ids.slice(count..self.ids.len());
        self.degrees.drain(..count);
        Ok(())
    }

    /// Ends the table.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn finish(mut self) -> Result<StageFile, Error> {
        self.push(&self.ids.slice(0..0), &[])?;
        self.flush(self.degrees.len())?;
        let writing = self.writing.ok_or_else(|| Error::internal("a table without columns"))?;
        writing.finish()
    }
}

/// Reads the ids of a [`UserTable`].
///
/// # Errors
/// If the file cannot be read.
pub(super) fn read_users(path: &Path) -> Result<Ids, Error> {
    let mut ids = Gathering::default();
    read_plain(open(path)?, &["user"], &mut |values| {
        values.into_iter().try_for_each(|values| ids.extend(values)).ok_or_else(|| unfit(path))
    })?;
    Ok(ids.finish())
}

/// Finds the id of the first of the users with most items.
///
/// # Errors
/// If the file cannot be read.
pub(super) fn heaviest_user(path: &Path) -> Result<String, Error> {
    let mut heaviest = (0, String::new());
    read_plain(open(path)?, &["user", "degree"], &mut |values| {
        let mut values = values.into_iter();
        let (Some(users), Some(Values::U32(degrees))) = (values.next(), values.next()) else {
            return Err(unfit(path));
        };
        let most = degrees.iter().enumerate().rev().max_by_key(|(_, degree)| **degree);
        if let Some((row, degree)) = most.filter(|(_, degree)| **degree > heaviest.0) {
            let mut ids = Gathering::default();
            ids.extend(users).ok_or_else(|| unfit(path))?;
            heaviest = (*degree, ids.finish().display(row as u32).into_owned());
        }
        Ok(())
    })?;
    Ok(heaviest.1)
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

/// Interactions on their way into a table, user by user: codes `user` and `item`, and `weight` and
/// `time` where the job looks at them. They come in order, any number at a time; the bytes are the
/// same.
pub(super) struct InteractionTable {
    writing: Writing,
    users: Vec<u32>,
    items: Vec<u32>,
    weights: Option<Vec<f64>>,
    times: Option<Vec<i64>>,
}

impl InteractionTable {
    /// Begins the table.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn new(file: StageFile, needs: Needs) -> Result<Self, Error> {
        let (weights, times) = (needs.weight.then(Vec::new), needs.time.then(Vec::new));
        let mut columns = vec![("user", CellType::U32), ("item", CellType::U32)];
        columns.extend(weights.as_ref().map(|_| ("weight", CellType::F64)));
        columns.extend(times.as_ref().map(|_| ("time", CellType::Time)));
        let writing = Writing::new(file, &columns)?;
        Ok(Self { writing, users: Vec::new(), items: Vec::new(), weights, times })
    }

    /// Appends interactions.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn push(
        &mut self,
        users: &[u32],
        items: &[u32],
        weights: Option<&[f64]>,
        times: Option<&[i64]>,
    ) -> Result<(), Error> {
        let mut start = 0;
        while start < users.len() {
            let end = users.len().min(start + CHUNK - self.users.len());
            self.users.extend_from_slice(&users[start..end]);
            self.items.extend_from_slice(&items[start..end]);
            if let (Some(all), Some(more)) = (&mut self.weights, weights) {
                all.extend_from_slice(&more[start..end]);
            }
            if let (Some(all), Some(more)) = (&mut self.times, times) {
                all.extend_from_slice(&more[start..end]);
            }
            if self.users.len() == CHUNK {
                self.flush()?;
            }
            start = end;
        }
        Ok(())
    }

    /// Appends all interactions of a job.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn push_all(&mut self, interactions: &Interactions) -> Result<(), Error> {
        let (weights, times) = (interactions.weights(), interactions.times());
        let degrees = (0..).zip(interactions.degrees());
        let mut users = degrees.flat_map(|(user, degree)| std::iter::repeat_n(user, degree));
        for range in chunks(interactions.len()) {
            self.push(
                &users.by_ref().take(range.len()).collect::<Vec<_>>(),
                &interactions.all_items()[range.clone()],
                weights.map(|all| &all[range.clone()]),
                times.map(|all| &all[range.clone()]),
            )?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        let take = std::mem::take::<Vec<u32>>;
        let mut values =
            vec![Values::U32(take(&mut self.users)), Values::U32(take(&mut self.items))];
        values.extend(self.weights.as_mut().map(|all| Values::F64(std::mem::take(all))));
        values.extend(self.times.as_mut().map(|all| Values::Time(std::mem::take(all))));
        self.writing.write(values)
    }

    /// Ends the table.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn finish(mut self) -> Result<StageFile, Error> {
        if !self.users.is_empty() {
            self.flush()?;
        }
        self.writing.finish()
    }
}

/// Takes interactions in: users, items, weights, times.
pub(super) type InteractionSink<'a> =
    &'a mut dyn FnMut(&[u32], &[u32], Option<&[f64]>, Option<&[i64]>) -> Result<(), Error>;

/// Streams the interactions of an [`InteractionTable`].
///
/// # Errors
/// If the file cannot be read, and whatever `sink` returns.
pub(super) fn each_interactions(path: &Path, sink: InteractionSink<'_>) -> Result<(), Error> {
    let source = open(path)?;
    let mut names = vec!["user", "item"];
    for name in ["weight", "time"] {
        if has_column(&source, name)? {
            names.push(name);
        }
    }
    read_plain(source, &names, &mut |values| {
        let (mut weights, mut times) = (None, None);
        let [Values::U32(users), Values::U32(items), rest @ ..] = values.as_slice() else {
            return Err(unfit(path));
        };
        for column in rest {
            match column {
                Values::F64(values) => weights = Some(values.as_slice()),
                Values::Time(values) => times = Some(values.as_slice()),
                _ => return Err(unfit(path)),
            }
        }
        sink(users, items, weights, times)
    })
}

/// Reads an [`InteractionTable`]; `items` is how many items there are.
///
/// # Errors
/// If the file cannot be read.
pub(super) fn read_interactions(
    path: &Path,
    items: usize,
    needs: Needs,
) -> Result<Interactions, Error> {
    let (mut ends, mut codes) = (Vec::new(), Vec::new());
    let (mut weights, mut times) = (needs.weight.then(Vec::new), needs.time.then(Vec::new));
    each_interactions(path, &mut |users, new, new_weights, new_times| {
        let before = codes.len();
        for (place, user) in (before + 1..).zip(users) {
            ends.resize(ends.len().max(*user as usize + 1), place);
            if let Some(end) = ends.last_mut() {
                *end = place;
            }
        }
        codes.extend_from_slice(new);
        if let (Some(all), Some(more)) = (&mut weights, new_weights) {
            all.extend_from_slice(more);
        }
        if let (Some(all), Some(more)) = (&mut times, new_times) {
            all.extend_from_slice(more);
        }
        Ok(())
    })?;
    Interactions::new(ends, codes, items, weights, times).map_err(|_| unfit(path))
}

/// Columns of the items in the order of the matrix.
const MATRIX: [(&str, CellType); 5] = [
    ("position", CellType::U32),
    ("item", CellType::U32),
    ("support", CellType::U32),
    ("squares", CellType::F64),
    ("columns", CellType::Text),
];

/// Writes the items in the order of the matrix: code, users, sum of squared weights, and whether
/// they are among the `head` first ones, of the dense head.
///
/// # Errors
/// If the disk refuses.
pub(super) fn write_matrix(
    file: StageFile,
    table: &ItemTable,
    head: usize,
) -> Result<StageFile, Error> {
    let mut writing = Writing::new(file, &MATRIX)?;
    for range in chunks(table.len()) {
        let mut columns = TextColumn::default();
        for position in range.clone() {
            push_text(&mut columns, Some(part_name(position < head)));
        }
        writing.write(vec![
            codes_of(&range),
            Values::U32(table.codes()[range.clone()].to_vec()),
            Values::U32(table.supports()[range.clone()].to_vec()),
            Values::F64(table.squares()[range].to_vec()),
            Values::Text(columns),
        ])?;
    }
    writing.finish()
}

/// Says how columns are kept: the dense head as bits, the sparse tail as lists.
const fn part_name(is_head: bool) -> &'static str {
    if is_head { "head" } else { "tail" }
}

/// Reads what [`write_matrix`] wrote, for the matrix of `users` users.
///
/// # Errors
/// If the file cannot be read.
pub(super) fn read_item_table(path: &Path, users: usize) -> Result<ItemTable, Error> {
    let (mut codes, mut supports, mut squares) = (Vec::new(), Vec::new(), Vec::new());
    read_plain(open(path)?, &["item", "support", "squares"], &mut |values| {
        let values = <[Values; 3]>::try_from(values).map_err(|_| unfit(path))?;
        let [Values::U32(item), Values::U32(support), Values::F64(square)] = values else {
            return Err(unfit(path));
        };
        codes.extend(item);
        supports.extend(support);
        squares.extend(square);
        Ok(())
    })?;
    Ok(ItemTable::new(users, codes, supports, squares))
}

/// Columns of the plan.
const PLAN: [(&str, CellType); 5] = [
    ("tile", CellType::U32),
    ("block", CellType::U32),
    ("columns", CellType::Text),
    ("rows", CellType::U32),
    ("predicted_microseconds", CellType::U64),
];

/// A tile as the plan tells of it.
#[derive(Clone, Debug)]
pub(super) struct PlannedTile {
    /// Its block of columns.
    pub(super) block: u32,
    /// Whether those are of the dense head.
    pub(super) is_head: bool,
    /// Its rows and columns.
    pub(super) area: Area,
    /// What it costs one core, in picoseconds.
    pub(super) cost: u64,
}

/// Writes the tiles in the order to compute them: which block of columns, how many rows of the
/// matrix, and what each costs one core.
///
/// # Errors
/// If the disk refuses.
pub(super) fn write_plan(file: StageFile, tiles: &[PlannedTile]) -> Result<StageFile, Error> {
    let mut writing = Writing::new(file, &PLAN)?;
    for range in chunks(tiles.len()) {
        let mut columns = TextColumn::default();
        let tiles = &tiles[range.clone()];
        for tile in tiles {
            push_text(&mut columns, Some(part_name(tile.is_head)));
        }
        writing.write(vec![
            codes_of(&range),
            Values::U32(tiles.iter().map(|tile| tile.block).collect()),
            Values::Text(columns),
            Values::U32(tiles.iter().map(|tile| tile.area.len()).collect()),
            Values::U64(tiles.iter().map(|tile| tile.cost / 1_000_000).collect()),
        ])?;
    }
    writing.finish()
}

/// Columns of what tiles found: codes, score and overlap.
const OFFERS: [(&str, CellType); 4] = [
    ("item", CellType::U32),
    ("neighbour", CellType::U32),
    ("score", CellType::F32),
    ("overlap", CellType::U32),
];

/// What tiles found on its way into a table, item and neighbour as codes. The file notes which
/// tiles are in it, also those that found nothing, and who computed them when.
pub(super) struct OfferTable(Writing);

impl OfferTable {
    /// Begins the table of some tiles.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn new<'t>(
        file: StageFile,
        tiles: impl Iterator<Item = (&'t Area, &'t Timed)>,
    ) -> Result<Self, Error> {
        let mut writing = Writing::new(file, &OFFERS)?;
        let tiles = tiles.map(|(area, timed)| {
            let Timed { worker, began, ended, .. } = timed;
            format!("{area} {worker} {began:.6} {ended:.6}")
        });
        writing.note(TILES, &tiles.collect::<Vec<_>>().join(","));
        Ok(Self(writing))
    }

    /// Appends offers: item, neighbour.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn push(&mut self, offers: &[(u32, Neighbour)]) -> Result<(), Error> {
        for range in chunks(offers.len()) {
            let rows = &offers[range];
            self.0.write(vec![
                Values::U32(rows.iter().map(|(item, _)| *item).collect()),
                Values::U32(rows.iter().map(|(_, neighbour)| neighbour.code).collect()),
                Values::F32(rows.iter().map(|(_, neighbour)| neighbour.score).collect()),
                Values::U32(rows.iter().map(|(_, neighbour)| neighbour.overlap).collect()),
            ])?;
        }
        Ok(())
    }

    /// Ends the table.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn finish(self) -> Result<StageFile, Error> {
        self.0.finish()
    }
}

/// The note of a file that says which tiles are in it: area, worker, seconds of begin and end.
const TILES: &str = "ilk.tiles";

/// Reads which tiles a file holds; they are numbered as they come.
///
/// # Errors
/// If it cannot be read.
pub(super) fn tiles_in(path: &Path) -> Result<Vec<(Area, Timed)>, Error> {
    let notes = notes(path)?;
    let tiles = notes.get(TILES).map_or("", String::as_str);
    let timed = |(tile, text): (usize, &str)| {
        let mut parts = text.split_ascii_whitespace();
        let area = parts.next()?.parse().ok()?;
        let timed = Timed {
            tile,
            worker: parts.next()?.parse().ok()?,
            began: parts.next()?.parse().ok()?,
            ended: parts.next()?.parse().ok()?,
        };
        Some((area, timed))
    };
    let tiles = tiles.split(',').filter(|tile| !tile.is_empty()).enumerate();
    tiles.map(|tile| timed(tile).ok_or_else(|| unfit(path))).collect()
}

/// Streams what tiles found: item, neighbour.
///
/// # Errors
/// If the file cannot be read, and whatever `sink` returns.
pub(super) fn read_offers(
    path: &Path,
    sink: &mut dyn FnMut(u32, Neighbour) -> Result<(), Error>,
) -> Result<(), Error> {
    read_plain(open(path)?, &["item", "neighbour", "score", "overlap"], &mut |values| {
        let values = <[Values; 4]>::try_from(values).map_err(|_| unfit(path))?;
        let [Values::U32(items), Values::U32(codes), Values::F32(scores), Values::U32(overlaps)] =
            values
        else {
            return Err(unfit(path));
        };
        let rows = items.into_iter().zip(codes).zip(scores).zip(overlaps);
        for (((item, code), score), overlap) in rows {
            sink(item, Neighbour { code, score, overlap })?;
        }
        Ok(())
    })
}

/// Columns of the neighbours as codes.
const MERGED: [(&str, CellType); 5] = [
    ("item", CellType::U32),
    ("neighbour", CellType::U32),
    ("rank", CellType::U32),
    ("score", CellType::F32),
    ("overlap", CellType::U32),
];

/// The neighbours, as codes, on their way into a table: items by ascending code.
pub(super) struct MergedTable {
    writing: Writing,
    rows: Vec<(u32, u32, Neighbour)>,
}

impl MergedTable {
    /// Begins the table.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn new(file: StageFile) -> Result<Self, Error> {
        Ok(Self { writing: Writing::new(file, &MERGED)?, rows: Vec::with_capacity(CHUNK) })
    }

    /// Appends an item's neighbours, best first.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn push(&mut self, item: u32, list: &[Neighbour]) -> Result<(), Error> {
        for (neighbour, rank) in list.iter().zip(1..) {
            self.rows.push((item, rank, *neighbour));
            if self.rows.len() == CHUNK {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        let rows = &self.rows;
        let values = vec![
            Values::U32(rows.iter().map(|(item, ..)| *item).collect()),
            Values::U32(rows.iter().map(|(.., neighbour)| neighbour.code).collect()),
            Values::U32(rows.iter().map(|(_, rank, _)| *rank).collect()),
            Values::F32(rows.iter().map(|(.., neighbour)| neighbour.score).collect()),
            Values::U32(rows.iter().map(|(.., neighbour)| neighbour.overlap).collect()),
        ];
        self.writing.write(values)?;
        self.rows.clear();
        Ok(())
    }

    /// Ends the table.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn finish(mut self) -> Result<StageFile, Error> {
        if !self.rows.is_empty() {
            self.flush()?;
        }
        self.writing.finish()
    }
}

/// Reads a [`MergedTable`]; `items` is how many items there are.
///
/// # Errors
/// If the file cannot be read.
pub(super) fn read_merged(path: &Path, items: usize) -> Result<Neighbours, Error> {
    let mut neighbours = Neighbours::new();
    let (mut next, mut of_next) = (0, Vec::new());
    read_offers(path, &mut |item, neighbour| {
        while next < item {
            neighbours.push(of_next.drain(..));
            next += 1;
        }
        of_next.push(neighbour);
        if item < next || item as usize >= items { Err(unfit(path)) } else { Ok(()) }
    })?;
    while neighbours.items() < items {
        neighbours.push(of_next.drain(..));
    }
    Ok(neighbours)
}
