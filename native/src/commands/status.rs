//! `ilk status`: how far the run in a directory has come.

use ilk_engine::rundir::{self, Life, State, Status};
use ilk_formats::printable;
use serde_json::{Value, json};

use crate::{
    cli::{StatusArgs, TextOrJson},
    error::Error,
    stdout,
    text::{Align, Table, counted, grouped, width},
};

/// Prints how far a run has come.
///
/// # Errors
/// For a directory without a run, and a manifest that cannot be read.
pub(crate) fn status(args: &StatusArgs) -> Result<(), Error> {
    let status = rundir::status(&args.run_dir)?;
    stdout::print_text(&match args.format {
        TextOrJson::Text => text(&status),
        TextOrJson::Json => format!("{:#}\n", report(&status)),
    })
}

const fn state(status: &Status) -> &'static str {
    match status.state {
        State::Running => "running",
        State::Finished => "finished",
        State::Unfinished => "unfinished",
    }
}

const fn output(is_there: bool) -> &'static str {
    if is_there { "as it was written" } else { "changed, moved or removed since the run" }
}

fn text(status: &Status) -> String {
    let Life { begun, finished, attempts, .. } = &status.life;
    let mut table = Table::new([("", Align::Left), ("", Align::Left)]);
    let mut row = |name: &str, value: String| table.row([name.into(), value]);
    row("state", state(status).into());
    row("stages", format!("{} of {} done", status.done.len(), status.stages));
    if let Some(rows) = status.rows {
        row("result", counted(rows, "row"));
    }
    if let Some((path, is_there)) = &status.out {
        row("output", format!("{}: {}", printable(&path.display().to_string()), output(*is_there)));
    }
    row("begun", begun.clone().unwrap_or_else(|| "–".into()));
    if let Some(finished) = finished {
        row("finished", finished.clone());
    }
    row("attempts", grouped(*attempts));
    table.render(width())
}

fn report(status: &Status) -> Value {
    let Life { begun, finished, attempts, ilk, .. } = &status.life;
    let out = status.out.as_ref().map(
        |(path, is_there)| json!({"path": path.display().to_string(), "is_as_written": is_there}),
    );
    json!({
        "state": state(status),
        "stages_done": status.done.iter().map(|stage| stage.name()).collect::<Vec<_>>(),
        "stages": status.stages,
        "rows": status.rows,
        "out": out,
        "begun": begun,
        "finished": finished,
        "attempts": attempts,
        "ilk": ilk,
    })
}
