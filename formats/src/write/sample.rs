//! Raw rows into bytes: a sample of a table, in the formats that tables are read from.

use std::io::{BufWriter, Write};

use arrow_schema::{DataType, TimeUnit};
use ilk_core::{
    data::{IdColumn, Rows, TextColumn, TimeColumn, canonical_digits, canonical_integer},
    prepare::IdKind,
};

use super::format::OutputFormat;
use crate::{
    arrow::{ArrowOut, ArrowStreamOut},
    columns::date,
    csv::CsvOut,
    error::Error,
    json::{JsonOut, JsonValue},
    out::{Cells, Field, Nulls, Values, table_properties},
    parquet::ParquetOut,
    plan::ReadOptions,
};

/// Writes chunks of rows under the names they were read by: user, item, and weight, time and
/// label where they are there. `kinds`: of users and items. Cells that held no number or time
/// are null. Memory: that of a chunk once more, and in Parquet a compressed row group.
///
/// # Errors
/// [`Error::Write`] with what `out` reported; the file is then incomplete.
pub fn write_rows(
    format: OutputFormat,
    out: impl Write + Send,
    names: &ReadOptions,
    kinds: [IdKind; 2],
    chunks: &[Rows],
) -> Result<(), Error> {
    let columns = columns(names, kinds);
    match format {
        OutputFormat::Parquet => {
            let properties = table_properties().build();
            let mut writer = ParquetOut::new(out, &fields(&columns), properties)?;
            chunks.iter().try_for_each(|rows| writer.write(&batch(&columns, rows)))?;
            writer.close()
        }
        OutputFormat::Arrow => {
            let mut writer = ArrowOut::new(BufWriter::new(out), &fields(&columns))?;
            chunks.iter().try_for_each(|rows| writer.write(&batch(&columns, rows)))?;
            writer.finish()
        }
        OutputFormat::ArrowStream => {
            let mut writer = ArrowStreamOut::new(BufWriter::new(out), &fields(&columns))?;
            chunks.iter().try_for_each(|rows| writer.write(&batch(&columns, rows)))?;
            writer.close()
        }
        OutputFormat::Csv => write_csv(out, &columns, chunks),
        OutputFormat::JsonLines => write_json_lines(out, &columns, chunks),
    }
}

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    User(IdKind),
    Item(IdKind),
    Weight,
    Time,
    Label,
}

/// Lists the columns; one that serves twice is written once.
fn columns(names: &ReadOptions, kinds: [IdKind; 2]) -> Vec<(&str, Role)> {
    let all = [
        (Some(&names.user), Role::User(kinds[0])),
        (Some(&names.item), Role::Item(kinds[1])),
        (names.weight.as_ref(), Role::Weight),
        (names.time.as_ref(), Role::Time),
        (names.item_label.as_ref(), Role::Label),
    ];
    let mut columns: Vec<(&str, Role)> = Vec::with_capacity(all.len());
    for (name, role) in all {
        if let Some(name) = name
            && columns.iter().all(|(known, _)| known != name)
        {
            columns.push((name, role));
        }
    }
    columns
}

fn fields(columns: &[(&str, Role)]) -> Vec<Field> {
    let field = |(name, role): &(&str, Role)| {
        let data_type = match role {
            Role::User(IdKind::Integer) | Role::Item(IdKind::Integer) => DataType::Int64,
            Role::User(IdKind::Unsigned) | Role::Item(IdKind::Unsigned) => DataType::UInt64,
            Role::User(IdKind::Text) | Role::Item(IdKind::Text) | Role::Label => DataType::Utf8,
            Role::Weight => DataType::Float64,
            Role::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        };
        Field::new(name, data_type, Nulls::Allowed)
    };
    columns.iter().map(field).collect()
}

fn batch(columns: &[(&str, Role)], rows: &Rows) -> Vec<Cells> {
    let cells = |(_, role): &(&str, Role)| {
        let all = 0..rows.len();
        match role {
            Role::User(kind) => ids(&rows.user, *kind),
            Role::Item(kind) => ids(&rows.item, *kind),
            Role::Weight => Cells::optional(all.map(|row| weight(rows, row)), Values::F64),
            Role::Time => Cells::optional(all.map(|row| time(rows, row)), Values::I64),
            Role::Label => Cells::text(all.map(|row| label(rows, row))),
        }
    };
    columns.iter().map(cells).collect()
}

/// Makes cells of ids. The ids of all files are of `kind`, whatever this chunk's type.
fn ids(ids: &IdColumn, kind: IdKind) -> Cells {
    let integer = |row: usize| -> Option<i128> {
        match ids {
            _ if ids.is_null(row) => None,
            IdColumn::Integer(cells) => Some(cells.values[row].into()),
            IdColumn::Unsigned(cells) => Some(cells.values[row].into()),
            IdColumn::Text(column) => canonical_integer(column.get(row)?),
        }
    };
    let all = 0..ids.len();
    match kind {
        IdKind::Integer => {
            Cells::optional(all.map(|row| i64::try_from(integer(row)?).ok()), Values::I64)
        }
        IdKind::Unsigned => {
            Cells::optional(all.map(|row| u64::try_from(integer(row)?).ok()), Values::U64)
        }
        IdKind::Text => {
            let texts = all.map(|row| ids.display(row)).collect::<Vec<_>>();
            Cells::text(texts.iter().map(Option::as_deref))
        }
    }
}

fn weight(rows: &Rows, row: usize) -> Option<f64> {
    rows.weight.as_ref().map(|column| column.values[row]).filter(|weight| !weight.is_nan())
}

fn time(rows: &Rows, row: usize) -> Option<i64> {
    let time = rows.time.as_ref().map(|column| column.values[row]);
    time.filter(|time| *time != TimeColumn::NONE)
}

fn label(rows: &Rows, row: usize) -> Option<&str> {
    rows.label.as_ref().and_then(|column: &TextColumn| column.get(row))
}

/// A cell as text, and whether it is text rather than a number; `None` for null.
fn spelled(rows: &Rows, row: usize, role: Role) -> Option<(String, bool)> {
    let id = |ids: &IdColumn, kind| {
        let text = ids.display(row)?;
        // Integers are written as such, whether the file had a fraction of zeros or not.
        let digits = (kind != IdKind::Text).then(|| canonical_digits(&text)).flatten();
        Some((digits.unwrap_or(&text).to_owned(), kind == IdKind::Text))
    };
    match role {
        Role::User(kind) => id(&rows.user, kind),
        Role::Item(kind) => id(&rows.item, kind),
        Role::Weight => Some((weight(rows, row)?.to_string(), false)),
        Role::Time => Some((
            format!(
                "{}Z",
                date(time(rows, row)?, TimeUnit::Microsecond)?.format("%Y-%m-%dT%H:%M:%S%.f")
            ),
            true,
        )),
        Role::Label => Some((label(rows, row)?.to_owned(), true)),
    }
}

fn write_csv(out: impl Write, columns: &[(&str, Role)], chunks: &[Rows]) -> Result<(), Error> {
    let mut writer = CsvOut::new(out, columns.iter().map(|(name, _)| *name))?;
    for rows in chunks {
        for row in 0..rows.len() {
            for (_, role) in columns {
                let cell = spelled(rows, row, *role);
                writer.cell(cell.as_ref().map(|(text, _)| text.as_str()))?;
            }
            writer.end_row()?;
        }
    }
    writer.finish()
}

fn write_json_lines(
    out: impl Write,
    columns: &[(&str, Role)],
    chunks: &[Rows],
) -> Result<(), Error> {
    let mut writer = JsonOut::new(out);
    for rows in chunks {
        for row in 0..rows.len() {
            for (name, role) in columns {
                let cell = spelled(rows, row, *role);
                let value = match &cell {
                    Some((text, true)) => JsonValue::Text(text),
                    // JSON has no word for what is infinite.
                    Some((number, false)) if !number.contains("inf") => JsonValue::Number(number),
                    _ => JsonValue::Null,
                };
                writer.value(name, value)?;
            }
            writer.end_row()?;
        }
    }
    writer.finish()
}
