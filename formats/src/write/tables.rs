//! Tables of results into bytes. The same result gives the same bytes: nothing in a file tells the time,
//! the machine or the way it was computed.

use std::{
    borrow::Cow,
    fmt,
    io::{BufWriter, Write},
};

use arrow_schema::DataType;
use ilk_core::{
    data::Ids,
    result::{Catalogue, Neighbour, Neighbours, share_of_one},
};
use parquet::{
    file::{metadata::SortingColumn, properties::WriterProperties},
    schema::types::ColumnPath,
};

use super::{format::OutputFormat, names::Names};
use crate::{
    arrow::{ArrowOut, ArrowStreamOut},
    csv::CsvOut,
    error::Error,
    json::{JsonOut, JsonValue},
    out::{BATCH_BYTES, BATCH_ROWS, Cells, Field, Nulls, Values, table_properties},
    parquet::ParquetOut,
};

/// Writes the neighbours table: by item, then rank. Columns `item`, `neighbour` (integers or
/// text, as the ids are), `rank` (from 1), `score`, `overlap`, and with labels `item_label` and
/// `neighbour_label`. Memory: 65,536 rows or 2 MiB of text, in Parquet also a compressed row group of
/// 1,048,576 rows or 8 MiB of text.
///
/// # Errors
/// [`Error::Write`] with what `out` reported; the file is then incomplete.
///
/// # Panics
/// If `neighbours` has codes that `names` has not.
pub fn write_neighbours<'a>(
    format: OutputFormat,
    out: impl Write + Send,
    names: impl Into<Names<'a>>,
    neighbours: &Neighbours,
) -> Result<(), Error> {
    let rows = (0..neighbours.items() as u32).flat_map(|item| {
        let ranked = neighbours.of(item).iter().zip(1..);
        ranked.map(move |(neighbour, rank)| PairRow { item, rank, neighbour: *neighbour })
    });
    write_rows(format, out, names.into(), rows)
}

/// Does what [`write_neighbours`] does with lists that come one by one: items by ascending code,
/// each with its neighbours, best first. Memory: as there, and one list.
///
/// # Errors
/// [`Error::Write`] with what `out` reported; the file is then incomplete.
///
/// # Panics
/// If a list has codes that `names` has not.
pub fn write_lists<'a>(
    format: OutputFormat,
    out: impl Write + Send,
    names: impl Into<Names<'a>>,
    lists: impl Iterator<Item = (u32, Vec<Neighbour>)>,
) -> Result<(), Error> {
    let rows = lists.flat_map(|(item, list)| {
        list.into_iter().zip(1..).map(move |(neighbour, rank)| PairRow { item, rank, neighbour })
    });
    write_rows(format, out, names.into(), rows)
}

/// The table of neighbours as an Arrow IPC stream, a piece at a time, for callers that have no
/// place to write to. Memory: one piece.
pub struct NeighbourStream {
    writer: ArrowStreamOut<Vec<u8>>,
    /// The item of the next row.
    next: u32,
    is_finished: bool,
}

impl NeighbourStream {
    /// Begins the stream.
    ///
    /// # Errors
    /// None: memory takes it.
    pub fn new(catalogue: &Catalogue) -> Result<Self, Error> {
        let fields = Writing::new::<PairRow>(catalogue.into()).fields();
        let writer = ArrowStreamOut::new(Vec::new(), &fields)?;
        Ok(Self { writer, next: 0, is_finished: false })
    }

    /// Returns the next bytes of the stream; `None` after the last ones. A piece holds the rows of
    /// whole items, about 65,536 of them. Every call takes the same `catalogue` and `neighbours`.
    ///
    /// # Errors
    /// None: memory takes it.
    ///
    /// # Panics
    /// If `neighbours` names codes that `catalogue` does not have.
    pub fn next(
        &mut self,
        catalogue: &Catalogue,
        neighbours: &Neighbours,
    ) -> Result<Option<Vec<u8>>, Error> {
        if self.is_finished {
            return Ok(None);
        }
        let writing = Writing::new::<PairRow>(catalogue.into());
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while self.next < neighbours.items() as u32
            && rows.len() < BATCH_ROWS
            && bytes < BATCH_BYTES
        {
            for (neighbour, rank) in neighbours.of(self.next).iter().zip(1..) {
                let row = PairRow { item: self.next, rank, neighbour: *neighbour };
                bytes += writing.text_bytes(&row);
                rows.push(row);
            }
            self.next += 1;
        }
        if rows.is_empty() {
            self.is_finished = true;
            self.writer.finish()?;
        } else {
            self.writer.write(&writing.batch(&rows))?;
        }
        Ok(Some(std::mem::take(self.writer.out())))
    }
}

/// How an item's list of neighbours came out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ListQuality {
    /// Its neighbours.
    pub neighbours: u32,
    /// The share of them that rest on a single user, from 0 to 1; 0 without neighbours.
    pub one_user_share: f32,
}

impl ListQuality {
    /// Looks at one list.
    pub fn of(list: &[Neighbour]) -> Self {
        let one_user_share = share_of_one(list).unwrap_or_default();
        Self { neighbours: list.len() as u32, one_user_share }
    }

    /// Looks at the lists of all items, by their codes.
    pub fn of_all(found: &Neighbours) -> Vec<Self> {
        (0..found.items() as u32).map(|item| Self::of(found.of(item))).collect()
    }
}

/// Writes the items table, by item: `item`, with labels `label`, `support`, the number of users,
/// `neighbours`, how many an item has, and `one_user_share`, the share of them that rest on a
/// single user.
///
/// # Errors
/// [`Error::Write`] with what `out` reported; the file is then incomplete.
///
/// # Panics
/// If `lists` is not as long as the catalogue of `names`.
pub fn write_items<'a>(
    format: OutputFormat,
    out: impl Write + Send,
    names: impl Into<Names<'a>>,
    lists: &[ListQuality],
) -> Result<(), Error> {
    let names = names.into();
    let catalogue = names.catalogue;
    assert_eq!(lists.len(), catalogue.supports.len(), "every item has a list");
    let rows = catalogue.supports.iter().zip(lists).zip(0..);
    let rows = rows.map(|((support, list), item)| ItemRow { item, support: *support, list: *list });
    write_rows(format, out, names, rows)
}

/// A row of one of the tables.
trait Row {
    /// Name and type of each column; `labels` tells whether items have labels.
    fn columns(labels: bool) -> Vec<(&'static str, CellKind)>;

    /// Returns the cell of a column.
    fn cell(&self, column: usize) -> Cell;
}

/// The type of a column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CellKind {
    Id,
    Label,
    Rank,
    Score,
    Count,
}

/// One cell.
#[derive(Clone, Copy)]
enum Cell {
    /// The id of the item with this code.
    Id(u32),
    /// The label of the item with this code.
    Label(u32),
    Rank(i32),
    Score(f32),
    Count(i64),
}

struct PairRow {
    item: u32,
    rank: i32,
    neighbour: Neighbour,
}

impl Row for PairRow {
    fn columns(labels: bool) -> Vec<(&'static str, CellKind)> {
        let mut columns = vec![
            ("item", CellKind::Id),
            ("neighbour", CellKind::Id),
            ("rank", CellKind::Rank),
            ("score", CellKind::Score),
            ("overlap", CellKind::Count),
        ];
        if labels {
            columns.extend([("item_label", CellKind::Label), ("neighbour_label", CellKind::Label)]);
        }
        columns
    }

    fn cell(&self, column: usize) -> Cell {
        match column {
            0 => Cell::Id(self.item),
            1 => Cell::Id(self.neighbour.code),
            2 => Cell::Rank(self.rank),
            3 => Cell::Score(self.neighbour.score),
            4 => Cell::Count(self.neighbour.overlap as i64),
            5 => Cell::Label(self.item),
            _ => Cell::Label(self.neighbour.code),
        }
    }
}

struct ItemRow {
    item: u32,
    support: u32,
    list: ListQuality,
}

impl Row for ItemRow {
    fn columns(labels: bool) -> Vec<(&'static str, CellKind)> {
        let mut columns = vec![("item", CellKind::Id)];
        columns.extend(labels.then_some(("label", CellKind::Label)));
        columns.extend([
            ("support", CellKind::Count),
            ("neighbours", CellKind::Count),
            ("one_user_share", CellKind::Score),
        ]);
        columns
    }

    fn cell(&self, column: usize) -> Cell {
        match column {
            0 => Cell::Id(self.item),
            1 => Cell::Label(self.item),
            2 => Cell::Count(self.support.into()),
            3 => Cell::Count(self.list.neighbours.into()),
            _ => Cell::Score(self.list.one_user_share),
        }
    }
}

/// A table on its way out.
struct Writing<'a> {
    names: Names<'a>,
    /// Name, kind and position as [`Row::cell`] counts it.
    columns: Vec<(&'static str, CellKind, usize)>,
}

fn write_rows<R: Row>(
    format: OutputFormat,
    out: impl Write + Send,
    names: Names<'_>,
    rows: impl Iterator<Item = R>,
) -> Result<(), Error> {
    let writing = Writing::new::<R>(names);
    match format {
        OutputFormat::Parquet => writing.parquet(out, rows),
        OutputFormat::Arrow => writing.arrow(out, rows),
        OutputFormat::ArrowStream => writing.arrow_stream(out, rows),
        OutputFormat::Csv => writing.csv(out, rows),
        OutputFormat::JsonLines => writing.json_lines(out, rows),
    }
}

impl<'a> Writing<'a> {
    fn new<R: Row>(names: Names<'a>) -> Self {
        let shown = R::columns(names.catalogue.labels.is_some());
        let places = R::columns(true).into_iter().enumerate();
        let columns = places
            .filter(|(_, column)| shown.contains(column))
            .map(|(place, (name, kind))| (name, kind, place))
            .collect();
        Self { names, columns }
    }

    fn fields(&self) -> Vec<Field> {
        let id = match self.names.catalogue.ids {
            _ if self.names.are_text() => DataType::Utf8,
            Ids::Integer(_) => DataType::Int64,
            Ids::Unsigned(_) => DataType::UInt64,
            Ids::Text(_) => DataType::Utf8,
        };
        let field = |(name, kind, _): &(&str, CellKind, usize)| match kind {
            CellKind::Id => Field::new(name, id.clone(), Nulls::Never),
            CellKind::Label => Field::new(name, DataType::Utf8, Nulls::Allowed),
            CellKind::Rank => Field::new(name, DataType::Int32, Nulls::Never),
            CellKind::Score => Field::new(name, DataType::Float32, Nulls::Never),
            CellKind::Count => Field::new(name, DataType::Int64, Nulls::Never),
        };
        self.columns.iter().map(field).collect()
    }

    /// Counts the bytes of text of a row.
    fn text_bytes(&self, row: &impl Row) -> usize {
        let bytes = |cell| match cell {
            Cell::Id(code) => self.names.id_bytes(code),
            Cell::Label(code) => self.names.label(code).map_or(0, str::len),
            _ => 0,
        };
        self.columns.iter().map(|(_, _, place)| bytes(row.cell(*place))).sum()
    }

    /// Hands on the rows in batches of bounded size.
    fn each_batch<R: Row>(
        &self,
        rows: impl Iterator<Item = R>,
        sink: &mut dyn FnMut(&[Cells]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (mut batch, mut bytes) = (Vec::with_capacity(BATCH_ROWS), 0);
        for row in rows {
            bytes += self.text_bytes(&row);
            batch.push(row);
            if batch.len() == BATCH_ROWS || bytes >= BATCH_BYTES {
                sink(&self.batch(&batch))?;
                batch.clear();
                bytes = 0;
            }
        }
        if batch.is_empty() { Ok(()) } else { sink(&self.batch(&batch)) }
    }

    fn batch<R: Row>(&self, rows: &[R]) -> Vec<Cells> {
        let column = |(_, kind, place): &(&str, CellKind, usize)| {
            self.cells(*kind, &mut rows.iter().map(|row| row.cell(*place)))
        };
        self.columns.iter().map(column).collect()
    }

    fn cells(&self, kind: CellKind, cells: &mut dyn Iterator<Item = Cell>) -> Cells {
        let code = |cell| match cell {
            Cell::Id(code) | Cell::Label(code) => code as usize,
            _ => 0,
        };
        let ids = &self.names.catalogue.ids;
        let values = match (kind, ids) {
            (CellKind::Id, Ids::Integer(_) | Ids::Unsigned(_)) if self.names.are_text() => {
                return Cells::spelled(cells.map(|cell| ids.display(code(cell) as u32)));
            }
            (CellKind::Id, Ids::Integer(ids)) => {
                Values::I64(cells.map(|cell| ids[code(cell)]).collect())
            }
            (CellKind::Id, Ids::Unsigned(ids)) => {
                Values::U64(cells.map(|cell| ids[code(cell)]).collect())
            }
            (CellKind::Id, Ids::Text(ids)) => {
                return Cells::text(cells.map(|cell| Some(ids.get(code(cell)))));
            }
            (CellKind::Label, _) => {
                return Cells::text(cells.map(|cell| self.names.label(code(cell) as u32)));
            }
            (CellKind::Rank, _) => {
                let rank = |cell| if let Cell::Rank(rank) = cell { rank } else { 0 };
                Values::I32(cells.map(rank).collect())
            }
            (CellKind::Score, _) => {
                let score = |cell| if let Cell::Score(score) = cell { score } else { 0.0 };
                Values::F32(cells.map(score).collect())
            }
            (CellKind::Count, _) => {
                let count = |cell| if let Cell::Count(count) = cell { count } else { 0 };
                Values::I64(cells.map(count).collect())
            }
        };
        values.into()
    }

    fn parquet<R: Row>(
        &self,
        out: impl Write + Send,
        rows: impl Iterator<Item = R>,
    ) -> Result<(), Error> {
        let mut writer = ParquetOut::new(out, &self.fields(), self.parquet_properties())?;
        self.each_batch(rows, &mut |batch| writer.write(batch))?;
        writer.close()
    }

    fn parquet_properties(&self) -> WriterProperties {
        let ascending =
            |column_idx| SortingColumn { column_idx, descending: false, nulls_first: false };
        let keys =
            (0..).zip(&self.columns).filter(|(place, (name, ..))| *place == 0 || *name == "rank");
        let sorting = keys.map(|(place, _)| ascending(place)).collect();
        let mut properties = table_properties().set_sorting_columns(Some(sorting));
        for (name, kind, _) in &self.columns {
            let column = ColumnPath::from(*name);
            // Scores hardly repeat; ids repeat often, and there may be many of them.
            properties = match kind {
                CellKind::Score => properties.set_column_dictionary_enabled(column, false),
                CellKind::Id | CellKind::Label => {
                    properties.set_column_dictionary_page_size_limit(column, 8 << 20)
                }
                _ => properties,
            };
        }
        properties.build()
    }

    fn arrow<R: Row>(&self, out: impl Write, rows: impl Iterator<Item = R>) -> Result<(), Error> {
        let mut writer = ArrowOut::new(BufWriter::new(out), &self.fields())?;
        self.each_batch(rows, &mut |batch| writer.write(batch))?;
        writer.finish()
    }

    fn arrow_stream<R: Row>(
        &self,
        out: impl Write,
        rows: impl Iterator<Item = R>,
    ) -> Result<(), Error> {
        let mut writer = ArrowStreamOut::new(BufWriter::new(out), &self.fields())?;
        self.each_batch(rows, &mut |batch| writer.write(batch))?;
        writer.close()
    }

    fn csv<R: Row>(&self, out: impl Write, rows: impl Iterator<Item = R>) -> Result<(), Error> {
        let mut writer = CsvOut::new(out, self.columns.iter().map(|(name, ..)| *name))?;
        let mut number = String::new();
        for row in rows {
            for (_, _, place) in &self.columns {
                let cell = self.spell(row.cell(*place), &mut number);
                let text = match cell.text {
                    // Numbers are numbers, however they are spelled.
                    Some(text) if cell.was_text => Some(self.names.in_csv(text)),
                    other => other.map(Cow::Borrowed),
                };
                writer.cell(text.as_deref())?;
            }
            writer.end_row()?;
        }
        writer.finish()
    }

    fn json_lines<R: Row>(
        &self,
        out: impl Write,
        rows: impl Iterator<Item = R>,
    ) -> Result<(), Error> {
        let mut writer = JsonOut::new(out);
        let mut number = String::new();
        for row in rows {
            for (name, _, place) in &self.columns {
                let cell = self.spell(row.cell(*place), &mut number);
                let value = match cell.text {
                    Some(text) if cell.is_text => JsonValue::Text(text),
                    Some(number) => JsonValue::Number(number),
                    None => JsonValue::Null,
                };
                writer.value(name, value)?;
            }
            writer.end_row()?;
        }
        writer.finish()
    }

    /// Writes a cell as text, numbers into `buffer`. Floats are the shortest text that reads
    /// back as the same float.
    fn spell<'t>(&'t self, cell: Cell, buffer: &'t mut String) -> Spelled<'t> {
        let mut number = |value: &dyn fmt::Display| {
            buffer.clear();
            // Writing to a string does not fail.
            let _ = fmt::Write::write_fmt(buffer, format_args!("{value}"));
        };
        let mut is_text = false;
        match (cell, &self.names.catalogue.ids) {
            (Cell::Id(code), Ids::Text(ids)) => {
                return Spelled {
                    text: Some(ids.get(code as usize)),
                    is_text: true,
                    was_text: true,
                };
            }
            (Cell::Label(code), _) => {
                return Spelled { text: self.names.label(code), is_text: true, was_text: true };
            }
            (Cell::Id(code), Ids::Integer(ids)) => {
                is_text = self.names.are_text();
                number(&ids[code as usize]);
            }
            (Cell::Id(code), Ids::Unsigned(ids)) => {
                is_text = self.names.are_text();
                number(&ids[code as usize]);
            }
            (Cell::Rank(rank), _) => number(&rank),
            // Only a damaged or foreign result holds such; JSON has no word for it.
            (Cell::Score(score), _) if !score.is_finite() => {
                return Spelled { text: None, is_text, was_text: false };
            }
            (Cell::Score(score), _) => number(&score),
            (Cell::Count(count), _) => number(&count),
        }
        Spelled { text: Some(buffer), is_text, was_text: false }
    }
}

/// A cell as text; `None` for null.
struct Spelled<'a> {
    text: Option<&'a str>,
    is_text: bool,
    /// It was text before it was spelled.
    was_text: bool,
}
