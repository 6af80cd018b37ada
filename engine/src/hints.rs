//! What helps where a job is left without rows, or asks too much of a column: what the columns hold.

use std::collections::BTreeMap;

use ilk_core::{
    data::{Rows, TimeColumn, display_time},
    job::Job,
    prepare::{Reason, Refusal, SetAside, Tally},
};
use ilk_formats::{Condition, Decimal, ReadOptions, Table};

use crate::{
    columns::{bare, look_at, named, numeric_help},
    error::Error,
    files::Files,
    text::{counted, grouped},
};

/// Rows that are looked at.
const ROWS: usize = 100_000;

/// Refuses where no row was kept, and where too many cannot be used; says what the inputs hold
/// instead.
///
/// # Errors
/// If it is so.
pub(crate) fn check(tally: &Tally, job: &Job, files: &Files) -> Result<(), Error> {
    let is_refused = match tally.check(job) {
        Ok(()) => false,
        Err(Refusal::TooManyBadRows { .. }) => true,
        Err(_) => return Ok(()),
    };
    if !is_refused && tally.kept() > 0 {
        return Ok(());
    }
    match &files.options().weight {
        Some(column) if tally.count(Reason::BadWeight) * 2 > tally.rows => {
            Err(text_weight(column, tally, files))
        }
        _ if is_refused => Ok(()),
        _ => Err(nothing_kept(tally, files)),
    }
}

/// Says what to do about bad rows; where most of them cannot be read, what the file looks like.
pub(crate) fn of_bad_rows(tally: &Tally, files: &Files) -> String {
    let unreadable = tally.count(Reason::Unreadable);
    let others = tally.count(Reason::BadWeight) + tally.count(Reason::BadTime);
    let looks = |table: &Table| {
        let flags = table.unreadable_help()?;
        Some(format!("{} was read as CSV with {}: {flags}", table.name(), table.dialect()?))
    };
    let is_encoding = |row: &SetAside| {
        row.detail.as_deref().is_some_and(|detail| detail.starts_with("not UTF-8"))
    };
    if unreadable > others && tally.samples.iter().any(is_encoding) {
        return "give --encoding windows-1252 if the text is Western".into();
    }
    if are_decimal_commas(tally, files) {
        return DECIMAL_HELP.into();
    }
    let is_time = |row: &SetAside| row.reason == Reason::BadTime;
    if tally.samples.iter().any(is_time) && files.options().times.pattern.is_none() {
        return TIME_HELP.into();
    }
    let of_dialect = files.tables.iter().find_map(looks).filter(|_| unreadable > others);
    of_dialect.unwrap_or_else(|| "`ilk inspect` shows the first of them; fix them".into())
}

const DECIMAL_HELP: &str = "give --decimal ',' for numbers with a decimal comma";
const TIME_HELP: &str = "say how times are written, as in --time-format '%d.%m.%Y %H:%M'";

/// Returns true if rows were set aside for numbers such as `14,50`.
fn are_decimal_commas(tally: &Tally, files: &Files) -> bool {
    let cells = tally.samples.iter().filter(|row| row.reason != Reason::BadTime);
    let mut cells = cells.filter_map(|row| row.cell.as_deref());
    files.options().decimal == Decimal::Point && cells.any(is_decimal_comma)
}

/// Returns true if text is a number with a decimal comma; `1,234` may be one of thousands.
fn is_decimal_comma(cell: &str) -> bool {
    let is_thousands = cell.trim().split(',').skip(1).all(|group| group.len() == 3);
    cell.contains(',') && !is_thousands && Decimal::Comma.parse(cell).is_some()
}

/// Says that a column is text, and which ones are not.
fn text_weight(column: &str, tally: &Tally, files: &Files) -> Error {
    let values = values(files, column).map_or_else(String::new, |values| format!(": {values}"));
    let help = if are_decimal_commas(tally, files) {
        DECIMAL_HELP.into()
    } else {
        numeric_help(files.paths().next(), files.options())
    };
    Error::input(format!("--weight: column `{column}` is text{values}")).with_help(help)
}

/// Says which rows were set aside, and which conditions took them.
fn nothing_kept(tally: &Tally, files: &Files) -> Error {
    let conditions = &files.options().conditions;
    let rows = grouped(tally.rows);
    let reasons = Reason::ALL.into_iter().filter(|reason| tally.count(*reason) > 0);
    let reasons = reasons.map(|reason| format!("{reason}: {}", grouped(tally.count(reason))));
    let reasons = reasons.collect::<Vec<_>>().join(", ");
    if conditions.is_empty() || tally.count(Reason::Filtered) == 0 {
        let help = if are_decimal_commas(tally, files) {
            DECIMAL_HELP
        } else {
            "`ilk inspect` shows the first of them; choose other columns, or fix them"
        };
        return Error::input(format!("no row is left of {rows} ({reasons})")).with_help(help);
    }
    let alone = conditions.iter().filter(|condition| takes_all(files, condition));
    let mut blamed = alone.collect::<Vec<_>>();
    if blamed.is_empty() {
        blamed = conditions.iter().collect();
    }
    let flags = blamed.iter().map(|condition| format!("--where {condition}"));
    let flags = flags.collect::<Vec<_>>().join(" and ");
    let mut columns = blamed.iter().map(|condition| condition.column.as_str()).collect::<Vec<_>>();
    columns.dedup();
    let held = |column: &str| Some(format!("`{column}` holds {}", values(files, column)?));
    let held = columns.into_iter().filter_map(held).collect::<Vec<_>>();
    let rest = if tally.count(Reason::Filtered) == tally.rows {
        String::new()
    } else {
        format!(" ({reasons})")
    };
    Error::input(format!("{flags} leaves none of {}{rest}", counted(tally.rows, "row")))
        .with_help(if held.is_empty() { "change the condition".into() } else { held.join("; ") })
}

/// Tells whether a condition alone holds in none of the first rows.
fn takes_all(files: &Files, condition: &Condition) -> bool {
    let options = ReadOptions {
        conditions: vec![condition.clone()],
        ..bare(files.options(), Some(&condition.column))
    };
    let mut left = false;
    let looked = look(files, &options, &mut |rows| {
        left |= rows.kept.as_ref().is_none_or(|kept| kept.contains(&true));
    });
    looked.is_ok() && !left
}

/// Says which values the first rows hold in a column: the commonest texts and integers, or from
/// which number or time to which.
fn values(files: &Files, column: &str) -> Option<String> {
    let options = files.options();
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let as_ids = look(files, &bare(options, Some(column)), &mut |rows| {
        for row in 0..rows.len() {
            if let Some(text) = rows.user.display(row) {
                *counts.entry(text.into_owned()).or_default() += 1;
            }
        }
    });
    if as_ids.is_ok() && !counts.is_empty() {
        let mut counts = counts.into_iter().collect::<Vec<_>>();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        return Some(named(counts.iter().map(|(text, _)| text.as_str())));
    }
    numbers(files, column).or_else(|| times(files, column))
}

fn numbers(files: &Files, column: &str) -> Option<String> {
    let options = ReadOptions { weight: Some(column.into()), ..bare(files.options(), None) };
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    look(files, &options, &mut |rows| {
        for value in rows.weight.iter().flat_map(|weight| &weight.values) {
            (least, most) = (least.min(*value), most.max(*value));
        }
    })
    .ok()?;
    (least <= most).then(|| format!("numbers from {least} to {most}"))
}

fn times(files: &Files, column: &str) -> Option<String> {
    let options = ReadOptions { time: Some(column.into()), ..bare(files.options(), None) };
    let mut range: Option<(i64, i64)> = None;
    look(files, &options, &mut |rows| {
        let times = rows.time.iter().flat_map(|column| &column.values);
        for time in times.filter(|time| **time != TimeColumn::NONE) {
            let (least, most) = range.unwrap_or((*time, *time));
            range = Some((least.min(*time), most.max(*time)));
        }
    })
    .ok()?;
    range.map(|(least, most)| format!("{} to {}", display_time(least), display_time(most)))
}

/// Reads the first rows of the inputs otherwise than the job does.
fn look(
    files: &Files,
    options: &ReadOptions,
    see: &mut dyn FnMut(&Rows),
) -> Result<(), ilk_formats::Error> {
    let mut left = ROWS;
    for (number, path) in (0..).zip(files.paths()) {
        if left == 0 {
            break;
        }
        let constants = files.constants(number).to_vec();
        let options = ReadOptions { constants, ..options.clone() };
        look_at(path, number as u32, &options, left, &mut |rows| {
            left = left.saturating_sub(rows.len());
            see(rows);
        })?;
    }
    Ok(())
}
