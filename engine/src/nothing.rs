//! A run that keeps nothing but its result. Several of its stages are one part to those who are
//! told: reading, sorting, arranging, comparing, writing.

use std::{convert::Infallible, mem};

use ilk_core::cost::Machine;
use ilk_formats::OutputStyle;

use crate::{
    context::Run,
    data::{Data, Scale},
    error::Error,
    files::Files,
    findings::Findings,
    handed::{Arrangement, Cleaned, Committed, Encoded, Laid, Merged, Tiled},
    keep::{CleanedFor, Counted, Ending, Keep, Sink, Step},
    machine, memory,
    observe::degrees_of,
    output::Output,
    progress::Stage,
    record::{GROUPS, StageName},
    spill::{Intake, Recording},
    stages::tiles::straight,
    text::{counted, pair_operations},
};

/// Keeps nothing.
pub(crate) struct Nothing<'r> {
    /// Where the result still has to be written, with what people call the place.
    outputs: Vec<(Output, String)>,
    /// The part of the run that has begun and is not told to have ended.
    open: Option<(&'static str, Stage<'r>)>,
    part: &'static str,
}

impl Nothing<'_> {
    /// Prepares to write to `outputs`, each with what people call its place.
    pub(crate) fn new(outputs: Vec<(Output, String)>) -> Self {
        Self { outputs, open: None, part: "" }
    }
}

/// Names the part that a stage is of.
const fn part(stage: StageName, scale: Scale) -> &'static str {
    match (stage, scale) {
        (StageName::Read | StageName::Clean, _) => "reading",
        (StageName::Encode, _) => "sorting",
        (StageName::Matrix | StageName::Plan, Scale::Disk) => "arranging",
        (StageName::Matrix | StageName::Plan | StageName::Tiles | StageName::Merge, _) => {
            "comparing"
        }
        (StageName::Write, _) => "writing",
    }
}

/// Lists what is counted of a part.
fn counters(part: &str) -> &'static [&'static str] {
    match part {
        "reading" => &["rows", "kept"],
        "sorting" => &["users", "items", "interactions"],
        "arranging" => &[GROUPS],
        "comparing" => &[
            "pair_operations",
            "predicted_core_microseconds",
            "predicted_cpu_milliseconds",
            "head_items",
            "neighbours",
        ],
        _ => &["rows"],
    }
}

impl<'r> Keep<'r> for Nothing<'r> {
    type Again = &'r Files;
    type Done = Infallible;

    const RECORDING: Recording = Recording::No;

    fn done(&self, _: StageName) -> Option<Infallible> {
        None
    }

    fn begin(
        &mut self,
        run: Run<'r>,
        (stage, scale): (StageName, Scale),
        total: Option<u64>,
    ) -> Step<'r> {
        memory::trim();
        self.part = part(stage, scale);
        let open = self.open.take().filter(|(open, _)| *open == self.part);
        let told = open.map_or_else(|| run.reporter.stage(self.part, total), |(_, told)| told);
        Step::new(stage, told).telling(counters(self.part))
    }

    fn finish(&mut self, step: Step<'r>, ending: Ending) -> Result<(), Error> {
        if ending.of_part.is_empty() {
            self.open = Some((self.part, step.into_told()));
        } else {
            step.into_told().finish(ending.of_part);
        }
        Ok(())
    }

    fn read(&mut self, _: Run<'r>, _: &Files) -> Result<(), Error> {
        Ok(())
    }

    fn clean(
        &mut self,
        run: Run<'r>,
        step: &Step<'_>,
        files: &'r Files,
    ) -> Result<CleanedFor<'r, Self>, Error> {
        let intake = Intake::new(*run.means.budget, run.coming(files.row_count()), run.means.desk)?;
        let progress = |rows| step.advance(rows);
        let sink: Sink<'_> = &|part, chunk| intake.add(part, chunk);
        let tally = files.stream((run.job, run.needs), &run.means.readers(), &progress, sink)?;
        Ok(Cleaned { tally, rows: Some(intake.finish()), again: files })
    }

    fn cleaned(&self, done: Infallible) -> Result<CleanedFor<'r, Self>, Error> {
        match done {}
    }

    fn again(&self, run: Run<'r>, files: &Self::Again, sink: Sink<'_>) -> Result<(), Error> {
        files.stream((run.job, run.needs), &run.means.readers(), &|_| {}, sink)?;
        Ok(())
    }

    fn encoded(&mut self, run: Run<'r>, _: &Step<'_>, encoded: &Encoded) -> Result<(), Error> {
        run.observer.saw_degrees(&|| {
            Ok(match &encoded.folded {
                Data::Memory((interactions, _)) => degrees_of(interactions),
                Data::Disk(folded) => {
                    let (users, items) = folded.degrees();
                    let users = users.into_iter().map(|(degree, users)| (degree.into(), users));
                    (users.collect(), items.into_iter().map(u64::from).collect())
                }
            })
        })?;
        run.observer.saw_folding(encoded.folding);
        Ok(())
    }

    fn costs(&self) -> Option<Machine> {
        None
    }

    fn measured(&mut self, _: Machine) -> Result<(), Error> {
        Ok(())
    }

    fn committed(&mut self) -> Result<Committed, Error> {
        Ok(Committed::default())
    }

    fn seconds_before(&self) -> f64 {
        0.0
    }

    fn peak_of_reading(&self) -> Option<u64> {
        machine::peak_memory()
    }

    fn style(&self) -> OutputStyle {
        self.outputs.first().map(|(output, _)| output.style()).unwrap_or_default()
    }

    fn laid(&mut self, _: &Step<'_>, _: &Arrangement) -> Result<(), Error> {
        Ok(())
    }

    fn planned(&mut self, _: &Step<'_>, _: &Arrangement) -> Result<(), Error> {
        Ok(())
    }

    fn tiles(
        &mut self,
        run: Run<'r>,
        step: Step<'r>,
        laid: Laid,
    ) -> Result<Tiled<Infallible>, Error> {
        let operations = laid.arrangement.operations();
        step.count("pair_operations", operations);
        step.count("head_items", laid.arrangement.head_items());
        let merged = straight(run, &step, laid)?;
        let operations = pair_operations(operations.into());
        let of_part = match &merged.found {
            Findings::Memory(found) => {
                let neighbours = found.len() as u64;
                step.count("neighbours", neighbours);
                let neighbours = counted(neighbours, "neighbour");
                format!("{neighbours} in {operations}")
            }
            Findings::Disk(_) => operations,
        };
        self.finish(step, Ending { of_part, ..Ending::default() })?;
        Ok(Tiled::Found(merged))
    }

    fn merged(&mut self, tiles: &Infallible, _: &Step<'_>, _: &Findings) -> Result<Counted, Error> {
        match *tiles {}
    }

    fn write(
        &mut self,
        run: Run<'r>,
        _: &Step<'_>,
        merged: &Merged,
    ) -> Result<(u64, String), Error> {
        let Merged { catalogue, found } = merged;
        run.observer.saw_result(catalogue, run.job.top, &|visit| found.each(visit))?;
        let mut places = Vec::new();
        let mut rows = None;
        for (output, place) in mem::take(&mut self.outputs) {
            output.report_ids(catalogue, run.reporter);
            let target = output.target().to_owned();
            let (written, path) = output.write((catalogue, found), run.reporter)?;
            rows = Some(written);
            places.push(if path == target { place } else { path.display().to_string() });
        }
        let rows = rows.unwrap_or_else(|| found.rows());
        Ok((rows, places.join(" and ")))
    }
}
