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
    matrix::{ColumnBlock, ItemTable, Matrix},
    neighbours::{Catalogue, Neighbour, Neighbours},
    plan::Plan,
    rows::{BadCell, Rows, TimeColumn},
};
use ilk_formats::{CellType, ReadOptions, Table, TableWriter, Values, read_notes, read_plain};

use super::{StageFile, StageName, files};
use crate::{error::Error, inputs::FileSource};

/// Rows of a table made at a time.
const CHUNK: usize = 1 << 18;

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

/// Names the file that could not be written.
pub(super) fn naming(target: &Path, error: ilk_formats::Error) -> Error {
    match error {
        ilk_formats::Error::Write { source } => Error::file("write", target, &source),
        error => error.into(),
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

/// Reads kept rows back, as they came from cleaning.
///
/// # Errors
/// If the file cannot be read.
pub(super) fn read_cleaned(path: &Path, job: &Job, needs: Needs) -> Result<Vec<Cleaned>, Error> {
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
        ..ReadOptions::default()
    };
    let table = Table::open(source, file, &options)?;
    let is_untyped = |name: &str| note(name) == "untyped";
    let (user, item) = (is_untyped("ilk.user"), is_untyped("ilk.item"));
    let mut chunks = Vec::new();
    for part in 0..table.parts().len() {
        table.read(part, &mut |mut rows: Rows| {
            for (column, untyped) in [(&mut rows.user, user), (&mut rows.item, item)] {
                if let IdColumn::Text(column) = column {
                    column.untyped = untyped;
                }
            }
            // Rows that were kept are kept again.
            chunks.push(clean(rows, job, needs).0);
            Ok::<(), Error>(())
        })?;
    }
    Ok(chunks)
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

/// Writes the other side: `code`, `user`, `degree`.
///
/// # Errors
/// If the disk refuses.
pub(super) fn write_users(
    file: StageFile,
    users: &Ids,
    degrees: &[u32],
) -> Result<StageFile, Error> {
    let columns = [("code", CellType::U32), ("user", id_type(users)), ("degree", CellType::U32)];
    let mut writing = Writing::new(file, &columns)?;
    for range in chunks(users.len()) {
        let (codes, ids) = (codes_of(&range), id_values(users, range.clone()));
        writing.write(vec![codes, ids, Values::U32(degrees[range].to_vec())])?;
    }
    writing.finish()
}

/// Reads the ids that [`write_users`] wrote.
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

/// Writes the interactions, user by user: codes `user` and `item`, and `weight` and `time` where
/// the job looks at them.
///
/// # Errors
/// If the disk refuses.
pub(super) fn write_interactions(
    file: StageFile,
    interactions: &Interactions,
) -> Result<StageFile, Error> {
    let (weights, times) = (interactions.weights(), interactions.times());
    let mut columns = vec![("user", CellType::U32), ("item", CellType::U32)];
    columns.extend(weights.map(|_| ("weight", CellType::F64)));
    columns.extend(times.map(|_| ("time", CellType::Time)));
    let mut writing = Writing::new(file, &columns)?;
    let degrees = (0..).zip(interactions.degrees());
    let mut users = degrees.flat_map(|(user, degree)| std::iter::repeat_n(user, degree));
    for range in chunks(interactions.len()) {
        let users = users.by_ref().take(range.len()).collect();
        let items = interactions.all_items()[range.clone()].to_vec();
        let mut values = vec![Values::U32(users), Values::U32(items)];
        values.extend(weights.map(|weights| Values::F64(weights[range.clone()].to_vec())));
        values.extend(times.map(|times| Values::Time(times[range.clone()].to_vec())));
        writing.write(values)?;
    }
    writing.finish()
}

/// Reads what [`write_interactions`] wrote; `items` is how many items there are.
///
/// # Errors
/// If the file cannot be read.
pub(super) fn read_interactions(path: &Path, items: usize) -> Result<Interactions, Error> {
    let source = open(path)?;
    let mut names = vec!["user", "item"];
    for name in ["weight", "time"] {
        if has_column(&source, name)? {
            names.push(name);
        }
    }
    let (mut ends, mut codes) = (Vec::new(), Vec::new());
    let mut weights = names.contains(&"weight").then(Vec::new);
    let mut times = names.contains(&"time").then(Vec::new);
    read_plain(source, &names, &mut |values| {
        let mut values = values.into_iter();
        let (Some(Values::U32(users)), Some(Values::U32(new))) = (values.next(), values.next())
        else {
            return Err(unfit(path));
        };
        let before = codes.len();
        for (place, user) in (before + 1..).zip(users) {
            ends.resize(ends.len().max(user as usize + 1), place);
            if let Some(end) = ends.last_mut() {
                *end = place;
            }
        }
        codes.extend(new);
        for rest in values {
            match (rest, &mut weights, &mut times) {
                (Values::F64(new), Some(weights), _) => weights.extend(new),
                (Values::Time(new), _, Some(times)) => times.extend(new),
                _ => return Err(unfit(path)),
            }
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

/// Writes the items in the order of the matrix: code, users, sum of squared weights, and which
/// block of columns they are in.
///
/// # Errors
/// If the disk refuses.
pub(super) fn write_matrix(file: StageFile, matrix: &Matrix) -> Result<StageFile, Error> {
    let mut writing = Writing::new(file, &MATRIX)?;
    let table = matrix.table();
    for range in chunks(table.len()) {
        let mut columns = TextColumn::default();
        for block in matrix.columns() {
            let positions = block.positions();
            let here = positions.start.max(range.start as u32)..positions.end.min(range.end as u32);
            here.for_each(|_| push_text(&mut columns, Some(block_name(block))));
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

/// Says how a block of columns is kept: the dense head as bits, the sparse tail as lists.
fn block_name(block: &ColumnBlock) -> &'static str {
    if block.bits().is_some() { "head" } else { "tail" }
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

/// Writes the tiles in the order to compute them: which block of columns, how many rows of the
/// matrix, and what each costs one core.
///
/// # Errors
/// If the disk refuses.
pub(super) fn write_plan(
    file: StageFile,
    matrix: &Matrix,
    plan: &Plan,
) -> Result<StageFile, Error> {
    let mut writing = Writing::new(file, &PLAN)?;
    let mut columns = TextColumn::default();
    for tile in &plan.tiles {
        push_text(&mut columns, Some(block_name(&matrix.columns()[tile.columns])));
    }
    let tiles = || plan.tiles.iter();
    writing.write(vec![
        codes_of(&(0..plan.tiles.len())),
        Values::U32(tiles().map(|tile| tile.columns as u32).collect()),
        Values::Text(columns),
        Values::U32(tiles().map(|tile| plan.rows(tile).len() as u32).collect()),
        Values::U64(tiles().map(|tile| tile.cost / 1_000_000).collect()),
    ])?;
    writing.finish()
}

/// Columns of what tiles found: codes, score and overlap.
const OFFERS: [(&str, CellType); 4] = [
    ("item", CellType::U32),
    ("neighbour", CellType::U32),
    ("score", CellType::F32),
    ("overlap", CellType::U32),
];

/// Writes what tiles found, item and neighbour as codes. The file notes which tiles are in it,
/// also those that found nothing.
///
/// # Errors
/// If the disk refuses.
pub(super) fn write_offers(
    file: StageFile,
    tiles: &[u32],
    offers: &[(u32, Neighbour)],
) -> Result<StageFile, Error> {
    let mut writing = Writing::new(file, &OFFERS)?;
    let tiles = tiles.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
    writing.note(TILES, &tiles);
    for range in chunks(offers.len()) {
        let rows = &offers[range];
        writing.write(vec![
            Values::U32(rows.iter().map(|(item, _)| *item).collect()),
            Values::U32(rows.iter().map(|(_, neighbour)| neighbour.code).collect()),
            Values::F32(rows.iter().map(|(_, neighbour)| neighbour.score).collect()),
            Values::U32(rows.iter().map(|(_, neighbour)| neighbour.overlap).collect()),
        ])?;
    }
    writing.finish()
}

/// The note of a file that says which tiles are in it.
const TILES: &str = "ilk.tiles";

/// Reads which tiles a file holds.
///
/// # Errors
/// If it cannot be read.
pub(super) fn tiles_in(path: &Path) -> Result<Vec<u32>, Error> {
    let notes = notes(path)?;
    let tiles = notes.get(TILES).map_or("", String::as_str).split_ascii_whitespace();
    tiles.map(|tile| tile.parse().map_err(|_| unfit(path))).collect()
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

/// Writes the neighbours as codes.
///
/// # Errors
/// If the disk refuses.
pub(super) fn write_merged(file: StageFile, neighbours: &Neighbours) -> Result<StageFile, Error> {
    let mut writing = Writing::new(file, &MERGED)?;
    let mut rows = (0..neighbours.items() as u32).flat_map(|item| {
        let ranked = neighbours.of(item).iter().zip(1..);
        ranked.map(move |(neighbour, rank): (_, u32)| (item, rank, *neighbour))
    });
    for range in chunks(neighbours.len()) {
        let rows = rows.by_ref().take(range.len()).collect::<Vec<_>>();
        writing.write(vec![
            Values::U32(rows.iter().map(|(item, ..)| *item).collect()),
            Values::U32(rows.iter().map(|(.., neighbour)| neighbour.code).collect()),
            Values::U32(rows.iter().map(|(_, rank, _)| *rank).collect()),
            Values::F32(rows.iter().map(|(.., neighbour)| neighbour.score).collect()),
            Values::U32(rows.iter().map(|(.., neighbour)| neighbour.overlap).collect()),
        ])?;
    }
    writing.finish()
}

/// Reads what [`write_merged`] wrote; `items` is how many items there are.
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
