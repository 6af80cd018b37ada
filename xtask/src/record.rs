//! How long each step took, kept in `bench/records`: one column for each way it was run.

use std::{collections::BTreeSet, fs, time::Duration};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::{
    bench::{Machine, slug, today, versions},
    text::table,
    workspace::Workspace,
};

/// How long one run took.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// Its steps, of which some ran side by side.
    pub(crate) steps: Vec<(&'static str, Duration)>,
    /// From the begin of the first to the end of the last.
    pub(crate) all: Duration,
}

/// The runs of one day on one machine.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Record {
    columns: Vec<Column>,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Column {
    /// Such as `cold`.
    label: String,
    /// What was checked, and with what.
    commit: String,
    load_before: String,
    /// Names of steps with their seconds.
    steps: Vec<(String, f64)>,
    /// Seconds of all, with some steps side by side.
    all: f64,
}

/// Adds a run to the record of this day and machine, in the place of one with the same label.
///
/// # Errors
/// Where the record cannot be read or written.
pub(crate) fn keep(
    workspace: &Workspace,
    chore: &str,
    label: &str,
    machine: &Machine,
    taken: &Taken,
) -> Result<()> {
    let name = format!("{}-{}-{chore}", today(), slug(&machine.cpu));
    let path = workspace.root.join("bench/records").join(&name);
    let json = path.with_extension("json");
    let mut record: Record = match fs::read(&json) {
        Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| json.display().to_string())?,
        Err(_) => Record::default(),
    };
    let versions = versions(workspace)?;
    record.add(Column {
        label: label.to_owned(),
        commit: versions.first().map(|(_, commit)| commit.clone()).unwrap_or_default(),
        load_before: machine.load_before.clone(),
        steps: taken
            .steps
            .iter()
            .map(|(name, time)| ((*name).to_owned(), seconds(*time)))
            .collect(),
        all: seconds(taken.all),
    });
    fs::write(&json, serde_json::to_string_pretty(&record)? + "\n")?;
    let page = format!(
        "# Seconds of `cargo xtask {chore}`\n\n{}\n\n{}\n",
        table(&record.rows()),
        machine.page(&versions)
    );
    fs::write(path.with_extension("md"), page)?;
    println!("recorded in {}", path.with_extension("md").display());
    Ok(())
}

/// Seconds with one digit, as they are shown.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10.0).round() / 10.0
}

impl Record {
    fn add(&mut self, column: Column) {
        self.columns.retain(|old| old.label != column.label);
        self.columns.push(column);
    }

    /// A heading, then a row for each step, the sum, and what the columns are of.
    fn rows(&self) -> Vec<Vec<String>> {
        let row = |name: &str, cell: &dyn Fn(&Column) -> String| {
            std::iter::once(name.to_owned()).chain(self.columns.iter().map(cell)).collect()
        };
        let mut rows: Vec<Vec<String>> = vec![row("step", &|column| column.label.clone())];
        let mut seen = BTreeSet::new();
        for (name, _) in self.columns.iter().flat_map(|column| &column.steps) {
            if seen.insert(name) {
                rows.push(row(name, &|column| column.seconds_of(name)));
            }
        }
        rows.push(row("all", &|column| format!("{:.1}", column.all)));
        rows.push(row("of", &|column| column.commit.clone()));
        rows.push(row("load before", &|column| column.load_before.clone()));
        rows
    }
}

impl Column {
    fn seconds_of(&self, name: &str) -> String {
        let step = self.steps.iter().find(|(step, _)| step == name);
        step.map_or_else(|| "-".into(), |(_, seconds)| format!("{seconds:.1}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(label: &str, steps: &[(&str, f64)]) -> Column {
        Column {
            label: label.into(),
            commit: "abc".into(),
            load_before: "0.10".into(),
            steps: steps.iter().map(|(name, seconds)| ((*name).to_owned(), *seconds)).collect(),
            all: 33.0,
        }
    }

    #[test]
    fn columns_stand_side_by_side() {
        let mut record = Record::default();
        record.add(column("cold", &[("clippy", 99.0)]));
        record.add(column("warm", &[("clippy", 2.0), ("tests", 30.5)]));
        record.add(column("cold", &[("clippy", 60.0)]));
        assert_eq!(
            record.rows(),
            [
                ["step", "warm", "cold"],
                ["clippy", "2.0", "60.0"],
                ["tests", "30.5", "-"],
                ["all", "33.0", "33.0"],
                ["of", "abc", "abc"],
                ["load before", "0.10", "0.10"],
            ]
        );
    }
}
