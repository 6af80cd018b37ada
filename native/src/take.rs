//! `ilk take`: rows of a stage's result, printed.

use std::path::Path;

use ilk_engine::rundir::{self, Cells, Preview};
use ilk_formats::printable;

use crate::{
    error::Error,
    settings::Form,
    stdout,
    text::{Align, Table, counted, shortened, width},
};

/// Prints the first `count` rows of a stage's result.
///
/// # Errors
/// For a directory without a run, a stage that is not done, and files that are damaged.
pub(crate) fn take(folder: &Path, what: &str, count: usize, form: Form) -> Result<(), Error> {
    print(&rundir::take(folder, what, count)?, form)
}

fn print(preview: &Preview, form: Form) -> Result<(), Error> {
    match form {
        Form::Table => stdout::print_text(&table(preview)),
        Form::Csv => stdout::print(|out| {
            let mut writer = csv::Writer::from_writer(out);
            let names = preview.columns.iter().map(|(name, _)| name);
            writer.write_record(names).map_err(std::io::Error::other)?;
            for row in &preview.rows {
                let cells = row.iter().map(|cell| cell.as_deref().unwrap_or_default());
                writer.write_record(cells).map_err(std::io::Error::other)?;
            }
            writer.flush()
        }),
        Form::Json => stdout::print(|out| {
            for row in &preview.rows {
                let cells = preview.columns.iter().zip(row);
                let cells = cells.map(|((name, cells), cell)| {
                    format!(
                        "{}:{}",
                        serde_json::Value::from(name.as_str()),
                        json(*cells, cell.as_deref())
                    )
                });
                writeln!(out, "{{{}}}", cells.collect::<Vec<_>>().join(","))?;
            }
            Ok(())
        }),
    }
}

/// Numbers stand on the right, and are numbers.
fn json(cells: Cells, cell: Option<&str>) -> serde_json::Value {
    let Some(text) = cell else { return serde_json::Value::Null };
    let number = (cells == Cells::Numbers).then(|| serde_json::from_str(text).ok()).flatten();
    number.unwrap_or_else(|| text.into())
}

/// Numbers stand on the right.
const fn align(cells: Cells) -> Align {
    match cells {
        Cells::Words => Align::Left,
        Cells::Numbers => Align::Right,
    }
}

/// Columns of the terminal that a cell may always take up.
const LEAST: usize = 8;
/// Columns that a cell takes up at most.
const MOST: usize = 80;

/// Shows rows as a table; cells of wide columns are cut so that a row is a line.
fn table(preview: &Preview) -> String {
    let columns = || preview.columns.iter().map(|(name, cells)| (name.as_str(), align(*cells)));
    let widest = |(at, (name, _)): (usize, (&str, Align))| {
        let cells = preview.rows.iter().filter_map(|row| row[at].as_deref());
        let cells = cells.map(|cell| console::measure_text_width(&printable(cell)));
        // A header is not cut.
        (name.chars().count(), cells.max().unwrap_or(0))
    };
    let widths = columns().enumerate().map(widest).collect::<Vec<_>>();
    let taken = |cut: usize| {
        let cells = widths.iter().map(|(header, cells)| *header.max(&cut.min(*cells)));
        cells.sum::<usize>() + 2 * widths.len().saturating_sub(1)
    };
    let cut = (LEAST..=MOST).rev().find(|cut| taken(*cut) <= width()).unwrap_or(LEAST);
    let mut table = Table::new(columns());
    for row in &preview.rows {
        table.row(row.iter().zip(columns()).map(|(cell, (name, _))| {
            let cell = printable(cell.as_deref().unwrap_or("–"));
            if PATHS.contains(&name) { end_of(&cell, cut) } else { shortened(&cell, cut) }
        }));
    }
    let mut text = table.render(usize::from(u16::MAX));
    let more = preview.total.saturating_sub(preview.rows.len() as u64);
    let more = match (more, preview.rows.is_empty()) {
        (0, true) => "no rows".into(),
        (0, false) => return text,
        (more, _) => counted(more, "more row"),
    };
    text.extend(["\n", &more, "\n"]);
    text
}

/// Columns with names of files, of which the end says most.
const PATHS: [&str; 2] = ["file", "path"];

/// Cuts `text` to at most `longest` characters, beginning with `…` where something is gone.
fn end_of(text: &str, longest: usize) -> String {
    let length = text.chars().count();
    if length <= longest {
        return text.to_owned();
    }
    let kept = text.chars().skip(length + 1 - longest);
    std::iter::once('…').chain(kept).collect()
}
