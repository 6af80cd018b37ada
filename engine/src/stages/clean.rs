//! Stage `clean`: every row kept, or set aside with a reason.

use ilk_core::{
    job::{Job, Of},
    prepare::{Reason, Refusal, SetAside, Tally},
    weighting::Weighting,
};
use serde_json::{Map, Value, json};

use crate::{
    context::Run,
    csv::report_read,
    data::Scale,
    error::Error,
    files::Files,
    hints,
    keep::{CleanedFor, Ending, Keep},
    progress::Reporter,
    record::StageName,
    source::{DataSource, needs},
    text::{counted, grouped, shortened},
    times,
};

/// Reads all rows, and keeps each or sets it aside.
///
/// # Errors
/// For inputs that turn out damaged, where there is no row at all, and where the disk refuses.
pub(crate) fn clean<'r, K: Keep<'r>>(
    run: Run<'r>,
    keep: &mut K,
    files: &'r Files,
) -> Result<CleanedFor<'r, K>, Error> {
    if let Some(done) = keep.done(StageName::Clean) {
        let cleaned = keep.cleaned(done)?;
        check_rows(&cleaned.tally, run.job, files)?;
        return Ok(cleaned);
    }
    let step = keep.begin(run, (StageName::Clean, Scale::Memory), files.row_count());
    let no_rows = files.no_rows();
    let cleaned = keep.clean(run, &step, files)?;
    let tally = &cleaned.tally;
    if tally.rows == 0 {
        return Err(no_rows);
    }
    // What the numbers count is no guard: another unit is another job.
    times::check(tally)?;
    step.count("rows", tally.rows);
    step.count("kept", tally.kept());
    for reason in Reason::ALL {
        step.count(reason.name(), tally.count(reason));
    }
    let rows = counted(tally.rows, "row");
    let ending = Ending {
        rows_in: tally.rows,
        rows_out: tally.kept(),
        of_stage: format!("{} of {rows} kept", grouped(tally.kept())),
        of_part: format!("{rows} from {}", counted(run.names.len() as u64, "file")),
    };
    keep.finish(step, ending)?;
    report_set_aside(tally, run.names, run.reporter);
    report_vanishing(tally, run.job, run.reporter);
    report_read(&files.tables, run.reporter);
    check_rows(tally, run.job, files)?;
    Ok(cleaned)
}

/// Reports settings without effect.
pub fn report_unused(source: &DataSource, job: &Job, reporter: &Reporter) {
    if job.measure.is_weighted() && !needs(source, job).weight {
        match job.weighting {
            Weighting::Binary if source.weight.is_some() => {
                reporter.note("binary weighting ignores quantities; --weighting log counts them");
            }
            Weighting::Raw | Weighting::Log => reporter.note(format!(
                "all weights are 1: {} changes nothing without --weight or --duplicates sum",
                job.weighting.name()
            )),
            _ => {}
        }
    }
    if source.item_label.is_some() && job.of == Of::Users {
        reporter.note("item labels are ignored: they do not name users");
    }
}

/// Says where decay leaves nothing of the oldest rows, unless each item counts from its own newest.
pub(crate) fn report_vanishing(tally: &Tally, job: &Job, reporter: &Reporter) {
    if let Some(half_lives) = tally.vanishing_half_lives(job) {
        reporter.note(format!(
            "the oldest row is {} half-lives old: by measure {} its weight vanishes; raise \
             --half-life, or take measure cosine, which counts from the newest row of each item",
            grouped(half_lives),
            job.measure.name()
        ));
    }
}

/// Reports how many rows were set aside for which reason, and shows the first few of each; and which
/// times there are.
pub fn report_set_aside(tally: &Tally, names: &[String], reporter: &Reporter) {
    times::report(&tally.times, names, reporter);
    for reason in Reason::ALL {
        let count = tally.count(reason);
        if count == 0 {
            continue;
        }
        let share = count as f64 * 100.0 / tally.rows as f64;
        let text = format!("{reason}: {} ({share:.2} %)", counted(count, "row"));
        reporter.count("set_aside", text, &[(reason.name(), count)]);
        for row in shown_rows(tally, reason) {
            reporter.row(row_text(row, names), &row_record(row, names));
        }
    }
}

/// Walks the rows set aside for a reason that people are shown: the first few.
pub(crate) fn shown_rows(tally: &Tally, reason: Reason) -> impl Iterator<Item = &SetAside> {
    let rows = tally.samples.iter().filter(move |row| row.reason == reason);
    rows.take(shown(reason))
}

/// Rows that only miss a condition need no looking at.
const fn shown(reason: Reason) -> usize {
    match reason {
        Reason::Filtered => 0,
        _ => 3,
    }
}

/// Shows a row that was set aside; its file is named where there are several.
pub fn row_text(row: &SetAside, names: &[String]) -> String {
    let cell = |cell: &Option<String>| {
        cell.as_deref().map_or_else(|| "null".into(), |text| shortened(text, 40))
    };
    let file =
        if names.len() > 1 { format!("{} ", names[row.file as usize]) } else { String::new() };
    let place = format!("{file}row {}", grouped(row.row));
    let (user, item) = (cell(&row.user), cell(&row.item));
    let mut text = format!("{place}: user {user}, item {item}");
    if row.detail.is_some() {
        let what = match row.reason {
            Reason::Unreadable => "",
            Reason::BadTime => "time ",
            _ => "weight ",
        };
        let detail = cell(&row.detail);
        text.extend([", ", what, detail.as_str()]);
    }
    text
}

/// Describes a row that was set aside for machines.
pub fn row_record(row: &SetAside, names: &[String]) -> Map<String, Value> {
    let cells = [
        ("reason", json!(row.reason.name())),
        ("file", json!(names[row.file as usize])),
        ("row", json!(row.row)),
        ("user", json!(row.user)),
        ("item", json!(row.item)),
        ("detail", json!(row.detail)),
    ];
    cells.into_iter().map(|(name, cell)| (name.to_owned(), cell)).collect()
}

/// Stops where no row is left, and where the job's guards do not let it go on with these rows.
///
/// # Errors
/// A refusal with what to do about it.
pub fn check_rows(tally: &Tally, job: &Job, files: &Files) -> Result<(), Error> {
    times::check(tally)?;
    hints::check(tally, job, files)?;
    let refusal = match tally.check(job) {
        Ok(()) => return Ok(()),
        Err(refusal) => refusal,
    };
    Err(match refusal {
        Refusal::TooManyBadRows { bad, rows, allowed } => {
            let share = bad as f64 * 100.0 / rows as f64;
            Error::refused(format!(
                "too many bad rows: {} of {} ({share:.2} %) unreadable or with a bad weight or \
                 time, more than {:.2} %",
                grouped(bad),
                grouped(rows),
                allowed * 100.0
            ))
            .with_help(format!(
                "{}, or allow more with --max-bad-rows {}%",
                hints::of_bad_rows(tally, files),
                share.ceil()
            ))
        }
        Refusal::NonpositiveWeights { rows } => Error::refused(format!(
            "{} with a weight of 0 or less, and negative_weights is error",
            counted(rows, "row")
        ))
        .with_help(
            "use --negative-weights drop to set such rows aside, or net to add them to the pair's other rows",
        ),
        Refusal::Strict { rows, reasons } => Error::refused(format!(
            "{} set aside ({reasons}), which strict forbids",
            counted(rows, "row")
        ))
        .with_help("`ilk inspect` shows the first of them; fix them, or leave out --strict"),
        other => Error::refused(other.to_string()),
    })
}
