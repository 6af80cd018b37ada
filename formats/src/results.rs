//! Results read back: neighbours tables and lists of ids, in any format they are written in.

use std::{
    collections::HashSet,
    io::{BufRead, BufReader, Read},
    sync::Arc,
};

use ilk_core::data::{IdColumn, TextColumn, TextList, canonical_integer};
use serde_json::{Map, Value};

use crate::{
    cells::{Batch, Cells as Decoded, Column},
    columns::{self, Place},
    dialect::CsvOptions,
    error::{At, Error},
    schema::{ColumnKind, Schema},
    source::{Source, read_exact},
    table::{Body, Input},
    unpack::{Packing, inner_name, unpacked},
};

/// One row of a neighbours table, ids as text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NeighbourRow {
    /// The item.
    pub item: String,
    /// The item like it.
    pub neighbour: String,
    /// Its place among the item's neighbours, from 1.
    pub rank: i32,
    /// How alike the two are.
    pub score: f32,
    /// Users of both.
    pub overlap: i64,
    /// What the item is called.
    pub item_label: Option<String>,
    /// What the neighbour is called.
    pub neighbour_label: Option<String>,
}

const REQUIRED: [&str; 5] = ["item", "neighbour", "rank", "score", "overlap"];
const LABELS: [&str; 2] = ["item_label", "neighbour_label"];

/// Streams the rows of a neighbours table (Parquet, CSV, JSON Lines or Arrow) in its order; with
/// `item` only those of that item. Cost: Parquet skips row groups that cannot hold the item and
/// turns only its rows into text; the other formats are read whole.
///
/// # Errors
/// Those of [`Input::open`]; a missing column; a rank, score or overlap that is no number; and
/// whatever `sink` returns, which ends the reading.
pub fn read_neighbours<E: From<Error>>(
    source: Arc<dyn Source>,
    item: Option<&str>,
    sink: &mut dyn FnMut(NeighbourRow) -> Result<(), E>,
) -> Result<(), E> {
    let name = source.name().to_owned();
    let table = TextTable::open(source, &REQUIRED, &LABELS)?;
    table.read(item, &mut |row, cells| sink(neighbour_row(&name, row, cells)?))
}

fn neighbour_row(file: &str, row: u64, cells: &Cells<'_>) -> Result<NeighbourRow, Error> {
    let place = format!("row {row}");
    let at = At { file, place: &place };
    let id = |column: usize| {
        let id = cells.get(column).map(String::from);
        id.ok_or_else(|| at.damaged(format!("no {}", REQUIRED[column])))
    };
    let number = |column: usize| {
        let text = cells.get(column).unwrap_or("nothing");
        (text, at.damaged(format!("{} is {text}, expected a number", REQUIRED[column])))
    };
    let ((rank, no_rank), (score, no_score), (overlap, no_overlap)) =
        (number(2), number(3), number(4));
    Ok(NeighbourRow {
        item: id(0)?,
        neighbour: id(1)?,
        rank: rank.parse().map_err(|_| no_rank)?,
        score: score.parse().map_err(|_| no_score)?,
        overlap: overlap.parse().map_err(|_| no_overlap)?,
        item_label: cells.get(5).map(String::from),
        neighbour_label: cells.get(6).map(String::from),
    })
}

/// Finds out whether the IDs of a neighbours table are integers: by its schema; in CSV, where every
/// cell of both ID columns is one; in JSON Lines, where the first item is a number. Cost: of CSV, a
/// pass over the table.
///
/// # Errors
/// Those of [`Input::open`], and a missing column.
pub fn has_integer_ids(source: Arc<dyn Source>) -> Result<bool, Error> {
    if is_json_lines(&source)? {
        let name = source.name().to_owned();
        let at = At { file: &name, place: "line 1" };
        let mut line = String::new();
        json_lines(&source)?.read_line(&mut line).map_err(|error| at.io(error))?;
        let first = serde_json::from_str::<Value>(&line).unwrap_or_default();
        return Ok(first.get("item").is_some_and(Value::is_number));
    }
    let table = TextTable::open(source, &REQUIRED[..2], &[])?;
    let kinds = table.input.iter().flat_map(|input| &input.schema().columns);
    let mut ids = kinds.filter(|column| REQUIRED[..2].contains(&column.name.as_str()));
    if ids.clone().any(|column| column.kind != ColumnKind::Untyped) {
        return Ok(ids.all(|column| column.kind == ColumnKind::Integer));
    }
    let mut is_integer = true;
    table.read(None, &mut |_, cells| {
        let ids = [cells.get(0), cells.get(1)];
        is_integer &= ids.iter().flatten().all(|id| canonical_integer(id).is_some());
        Ok::<_, Error>(())
    })?;
    Ok(is_integer)
}

/// What is known of a file that was looked through and found to be sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Soundness {
    /// Its bytes are those that were written: their checksums match.
    Checksums,
    /// It can be read. It carries no checksums, so a value that was changed goes unnoticed.
    Readable,
}

/// Looks through a whole file of a result: against the checksums that it carries (Parquet), or else by
/// reading all of it. Cost: a pass over the file. Memory: 256 KiB, or a row group where it is read.
///
/// # Errors
/// [`Error::Damaged`] with the place that is not what was written; else those of [`Input::open`] and
/// [`read_neighbours`].
pub fn check_result(source: Arc<dyn Source>) -> Result<Soundness, Error> {
    if !is_json_lines(&source)? {
        let input = Input::open(Arc::clone(&source), &CsvOptions::default())?;
        if let Body::Parquet(file) = input.body() {
            if file.check()? {
                return Ok(Soundness::Checksums);
            }
            input.each_batch(&mut |_, _| Ok::<_, Error>(()))?;
            return Ok(Soundness::Readable);
        }
    }
    read_neighbours(source, None, &mut |_| Ok::<_, Error>(()))?;
    Ok(Soundness::Readable)
}

/// What [`read_items`] hands on to: an item and its label.
pub type ItemSink<'a, E> = dyn FnMut(&str, Option<&str>) -> Result<(), E> + 'a;

/// Walks the distinct items of a neighbours or items table with their labels, in its order.
/// Neighbours tables are sorted by item, so only rows in a row are compared.
///
/// # Errors
/// Those of [`Input::open`]; a missing column `item`; and whatever `sink` returns.
pub fn read_items<E: From<Error>>(
    source: Arc<dyn Source>,
    sink: &mut ItemSink<'_, E>,
) -> Result<(), E> {
    let table = TextTable::open(source, &["item"], &["item_label", "label"])?;
    let mut last: Option<String> = None;
    table.read(None, &mut |_, cells| {
        let Some(item) = cells.get(0).filter(|item| last.as_deref() != Some(*item)) else {
            return Ok(());
        };
        last = Some(item.into());
        sink(item, cells.get(1).or_else(|| cells.get(2)))
    })
}

/// Reads a list of ids as text: the column `column` of a Parquet, Arrow or CSV file, else its
/// first column; or a plain text file with an id per line, where a first line that equals
/// `column` is a header. Nulls and empty lines are passed over; repeated ids are kept once.
///
/// # Errors
/// Those of [`Input::open`] and [`Table::read`](crate::Table::read).
#[expect(clippy::needless_pass_by_value, reason = "as the other readers take it")]
pub fn read_id_list(source: Arc<dyn Source>, column: &str) -> Result<TextList, Error> {
    let mut list = Distinct::default();
    if source.is_empty() {
        return Ok(list.ids);
    }
    let mut input = match Input::open(Arc::clone(&source), &CsvOptions::default()) {
        // Lines that are no table, or not clearly one, are a list all the same.
        Err(Error::Dialect { .. }) => {
            read_lines(&source, &mut list)?;
            return Ok(list.ids);
        }
        // Blank lines are no ids.
        Err(Error::NoHeader { .. }) => return Ok(list.ids),
        input => input?,
    };
    let place = input.schema().names().position(|name| name == column);
    if matches!(input.body(), Body::Csv(_)) {
        read_text_ids(&input, place, &mut list)?;
        return Ok(list.ids);
    }
    if input.schema().columns.is_empty() {
        return Ok(list.ids);
    }
    let place = place.unwrap_or(0);
    let column = input.schema().columns[place].name.clone();
    let types = input.project(vec![place])?.unwrap_or_default();
    let name = input.name().to_owned();
    let at = |first_row| Place { first_row, ..Place::new(&name, &column) };
    columns::check_id(at(1), &types[0])?;
    input.each_batch(&mut |first_row, batch: Batch| {
        for column in batch.columns {
            let (ids, _) = columns::ids(at(first_row), column)?;
            list.extend(&ids);
        }
        Ok::<_, Error>(())
    })?;
    Ok(list.ids)
}

/// Reads an id per line.
fn read_lines(source: &Arc<dyn Source>, list: &mut Distinct) -> Result<(), Error> {
    let at = At { file: source.name(), place: "lines" };
    let failed = |error| at.io(error);
    let packing = Packing::of_bytes(&head_of(source)?);
    let mut lines = BufReader::new(unpacked(source, packing).map_err(failed)?);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).map_err(failed)? > 0 {
        list.push(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']));
        line.clear();
    }
    Ok(())
}

/// Reads ids from a CSV file or plain lines.
fn read_text_ids(input: &Input, place: Option<usize>, list: &mut Distinct) -> Result<(), Error> {
    let Body::Csv(file) = input.body() else { return Ok(()) };
    let name = input.name().to_lowercase();
    let is_csv = [".csv", ".tsv", ".tab", ".gz", ".zst"].iter().any(|end| name.ends_with(end));
    if place.is_none() && !(is_csv && input.schema().columns.len() > 1) {
        return file.each_line(&mut |line| {
            list.push(line);
            Ok(())
        });
    }
    let place = place.unwrap_or(0);
    file.each_record(&mut |record| {
        list.push(&String::from_utf8_lossy(record.get(place).copied().unwrap_or_default()));
        Ok(())
    })
}

/// Ids without repetition, in the order of first occurrence.
#[derive(Default)]
struct Distinct {
    ids: TextList,
    seen: HashSet<String>,
}

impl Distinct {
    fn push(&mut self, id: &str) {
        if !id.is_empty() && self.seen.insert(id.into()) {
            self.ids.push(id);
        }
    }

    fn extend(&mut self, ids: &IdColumn) {
        if let IdColumn::Text(column) = ids {
            // An unused entry of a dictionary is no id of the list.
            let mut used = vec![false; column.dictionary.len()];
            for code in &column.codes {
                if *code != TextColumn::NULL && !used[*code as usize] {
                    used[*code as usize] = true;
                    self.push(column.dictionary.get(*code as usize));
                }
            }
            return;
        }
        for row in 0..ids.len() {
            if let Some(id) = ids.display(row) {
                self.push(&id);
            }
        }
    }
}

/// A table of which some columns are read as text.
struct TextTable {
    source: Arc<dyn Source>,
    /// `None` for JSON Lines.
    input: Option<Input>,
    names: Vec<&'static str>,
    required: usize,
    /// Per name its position among the columns read.
    places: Vec<Option<usize>>,
}

/// The cells of one row, in the order the columns were asked for.
struct Cells<'a> {
    cells: &'a [Option<&'a str>],
}

impl Cells<'_> {
    fn get(&self, column: usize) -> Option<&str> {
        self.cells.get(column).copied().flatten()
    }
}

/// What a text table is handed on to: row number and cells.
type RowSink<'a, E> = &'a mut dyn FnMut(u64, &Cells<'_>) -> Result<(), E>;

impl TextTable {
    fn open(
        source: Arc<dyn Source>,
        required: &[&'static str],
        optional: &[&'static str],
    ) -> Result<Self, Error> {
        let names = [required, optional].concat();
        let required = required.len();
        if is_json_lines(&source)? {
            return Ok(Self { source, input: None, names, required, places: Vec::new() });
        }
        let mut input = Input::open(Arc::clone(&source), &CsvOptions::default())?;
        let (file, schema): (&str, &Schema) = (source.name(), input.schema());
        let mut found = Vec::with_capacity(names.len());
        for (order, name) in names.iter().enumerate() {
            let is_there = order < required || schema.names().any(|known| known == *name);
            found.push(is_there.then(|| schema.find(file, name)).transpose()?);
        }
        let mut columns: Vec<usize> = found.iter().flatten().copied().collect();
        columns.sort_unstable();
        let types = input.project(columns.clone())?;
        for (data_type, column) in types.iter().flatten().zip(&columns) {
            let column = &input.schema().columns[*column].name;
            columns::check_label(Place::new(file, column), data_type)?;
        }
        let is_csv = matches!(input.body(), Body::Csv(_));
        let place = |column: usize| {
            if is_csv { column } else { columns.partition_point(|other| *other < column) }
        };
        let places = found.into_iter().map(|column| column.map(place)).collect();
        Ok(Self { source, input: Some(input), names, required, places })
    }

    /// Walks the rows; with `wanted` only those whose first column reads so.
    fn read<E: From<Error>>(&self, wanted: Option<&str>, sink: RowSink<'_, E>) -> Result<(), E> {
        let Some(input) = &self.input else { return self.read_json(wanted, sink) };
        if let Body::Csv(file) = input.body() {
            let mut row = 0;
            return file.each_record(&mut |record| {
                row += 1;
                let cell = |place: &Option<usize>| {
                    let text = std::str::from_utf8(record.get((*place)?)?).ok()?;
                    (!text.is_empty()).then_some(text)
                };
                let cells: Vec<_> = self.places.iter().map(cell).collect();
                if wanted.is_some_and(|wanted| cells[0] != Some(wanted)) {
                    return Ok(());
                }
                sink(row, &Cells { cells: &cells })
            });
        }
        let first = self.places[0].unwrap_or_default();
        input.each_batch_that(
            &|part| wanted.is_none_or(|wanted| input.may_hold(part, first, wanted)),
            &mut |first_row, batch| {
                let Some(wanted) = wanted else { return self.hand_on(first_row, batch, sink) };
                for (start, length) in runs(&batch.columns[first], wanted) {
                    let rows = batch.slice(start..start + length);
                    self.hand_on(first_row + start as u64, rows, sink)?;
                }
                Ok(())
            },
        )
    }

    /// Turns a batch into text and hands on its rows.
    fn hand_on<E: From<Error>>(
        &self,
        first_row: u64,
        batch: Batch,
        sink: RowSink<'_, E>,
    ) -> Result<(), E> {
        let texts = batch.columns.into_iter().map(columns::labels).collect::<Vec<_>>();
        let mut cells = vec![None; self.places.len()];
        for row in 0..batch.rows {
            for (cell, place) in cells.iter_mut().zip(&self.places) {
                *cell = place.and_then(|place| texts[place].get(row));
            }
            sink(first_row + row as u64, &Cells { cells: &cells })?;
        }
        Ok(())
    }

    fn read_json<E: From<Error>>(
        &self,
        wanted: Option<&str>,
        sink: RowSink<'_, E>,
    ) -> Result<(), E> {
        let file = self.source.name();
        let lines = json_lines(&self.source)?.lines();
        for (row, line) in (1..).zip(lines) {
            let place = format!("line {row}");
            let at = At { file, place: &place };
            let line = line.map_err(|error| at.io(error))?;
            // Without an escape, an id stands in its line as it is.
            let is_elsewhere = |wanted: &str| !line.contains(wanted) && !line.contains('\\');
            if wanted.is_some_and(is_elsewhere) {
                continue;
            }
            let object: Map<String, Value> =
                serde_json::from_str(&line).map_err(|error| at.damaged(error.to_string()))?;
            for name in &self.names[..self.required] {
                if !object.contains_key(*name) {
                    Schema::of_untyped(object.keys().cloned()).find(file, name)?;
                }
            }
            let cells: Vec<Option<String>> =
                self.names.iter().map(|name| json_text(object.get(*name)?)).collect();
            if wanted.is_some_and(|wanted| cells[0].as_deref() != Some(wanted)) {
                continue;
            }
            let cells: Vec<_> = cells.iter().map(Option::as_deref).collect();
            sink(row, &Cells { cells: &cells })?;
        }
        Ok(())
    }
}

/// The text of a JSON value; `None` for null.
fn json_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Returns true if a source is JSON Lines: by its name, packed or not, or its first byte.
fn is_json_lines(source: &Arc<dyn Source>) -> Result<bool, Error> {
    let at = At { file: source.name(), place: "start" };
    let head = head_of(source)?;
    if head.starts_with(b"{") {
        return Ok(true);
    }
    let name = inner_name(source, Packing::of_bytes(&head)).map_err(|error| at.io(error))?;
    Ok([".jsonl", ".ndjson"].iter().any(|ending| name.ends_with(ending)))
}

/// Returns the first bytes, which tell how a source is packed.
fn head_of(source: &Arc<dyn Source>) -> Result<bytes::Bytes, Error> {
    let at = At { file: source.name(), place: "start" };
    read_exact(source.as_ref(), 0, source.len().min(8) as usize).map_err(|error| at.io(error))
}

/// Reads the lines of JSON Lines, unpacked.
fn json_lines(source: &Arc<dyn Source>) -> Result<BufReader<Box<dyn Read>>, Error> {
    let at = At { file: source.name(), place: "start" };
    let lines = unpacked(source, Packing::of_bytes(&head_of(source)?));
    Ok(BufReader::with_capacity(1 << 20, lines.map_err(|error| at.io(error))?))
}

/// Finds the runs of rows whose id reads `wanted`: start and length.
fn runs(column: &Column, wanted: &str) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    let mut mark = |row: usize| match runs.last_mut() {
        Some((start, length)) if *start + *length == row => *length += 1,
        _ => runs.push((row, 1)),
    };
    if let Decoded::Text(texts) = &column.cells {
        let code = texts.column.dictionary.iter().position(|text| text == wanted);
        let rows = texts.column.codes.iter().enumerate();
        rows.filter(|(_, found)| code == Some(**found as usize)).for_each(|(row, _)| mark(row));
        return runs;
    }
    let Ok(wanted) = wanted.parse::<i128>() else { return runs };
    let mut compare = |row: usize, id: i128| {
        if id == wanted && column.is_valid(row) {
            mark(row);
        }
    };
    match &column.cells {
        Decoded::I32(ids) => (0..).zip(ids).for_each(|(row, id)| compare(row, (*id).into())),
        Decoded::U32(ids) => (0..).zip(ids).for_each(|(row, id)| compare(row, (*id).into())),
        Decoded::I64(ids) => (0..).zip(ids).for_each(|(row, id)| compare(row, (*id).into())),
        Decoded::U64(ids) => (0..).zip(ids).for_each(|(row, id)| compare(row, (*id).into())),
        _ => {}
    }
    runs
}
