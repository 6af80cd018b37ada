//! The plan in words.

use std::fmt::Write as _;

use ilk_core::{
    forecast::{Bytes, Ladder, Missing, Outlook, Report, Span, Verdict},
    job::Of,
};
use ilk_engine::parts::remedies_text;

use super::Planned;
use crate::{
    commands::inspect::{free_name, lines_of},
    settings::{Budget, Layers, Settings, Word},
    text::{Align, Table, brief, counted, grouped, rounded, width},
};

impl Planned {
    /// What everybody needs to know.
    pub(super) fn summary(&self, layers: &Layers, settings: &Settings) -> String {
        self.text(settings, layers, [self.work_table(settings).render(width()), self.memory_text()])
    }

    /// The same with the layout of the matrix and the time of each step.
    pub(super) fn details(&self, layers: &Layers, settings: &Settings) -> String {
        let memory = format!("{}\n{}", self.memory_text(), self.time_text());
        self.text(settings, layers, [self.layout_text(settings), memory])
    }

    /// The job, what it takes, and what to do next; `tables`: what is counted, and what is needed.
    fn text(&self, settings: &Settings, layers: &Layers, tables: [String; 2]) -> String {
        let [work, needed] = tables;
        let parts = [
            job_text(settings),
            work,
            self.read_text(),
            needed,
            self.total_text(),
            self.samples_text(),
            self.growth_text(),
            format!("{}\n", self.verdict_text(&settings.budget)),
            self.next_text(layers, settings),
        ];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
    }

    /// A number that was counted, or extrapolated: then two digits matter.
    fn number(&self, number: u64) -> String {
        if self.basis.uncertainty.is_none() {
            return grouped(number);
        }
        let scale = 10_u64.pow(number.max(1).ilog10().saturating_sub(1));
        format!("about {}", rounded((number.saturating_add(scale / 2) / scale * scale).into()))
    }

    /// Says what the figures rest on, where not all rows were read.
    fn read_text(&self) -> String {
        let Some(uncertainty) = self.basis.uncertainty else { return String::new() };
        let share = self.basis.share_read * 100.0;
        let digits = usize::from(share < 9.95);
        let off = (uncertainty * 20.0).ceil() * 5.0;
        format!(
            "extrapolated from {share:.digits$} % of the input ({});\n\
             work and time may be off by {off:.0} %. --prove reads all of it\n",
            counted(self.basis.rows_read, "row")
        )
    }

    /// Says what to do next, where the job fits.
    fn next_text(&self, layers: &Layers, settings: &Settings) -> String {
        if !self.judged.verdict_fits || self.judged.refusal.is_some() {
            return String::new();
        }
        let is_open = layers.origin("output.out").is_none() && settings.run_dir.is_none();
        let out = is_open.then(|| Word::flag("out", free_name()));
        let call = layers.call().without(&["format", "details", "prove"]);
        let mut text = format!("run it:\n{}", lines_of(&call.with("run", out)));
        if !self.basis.proved {
            text.push_str(
                "to check the prediction on samples of the data, add --prove to this call\n",
            );
        }
        text
    }

    fn work_table(&self, settings: &Settings) -> Table {
        let Outlook { size, operations, neighbours, .. } = &self.report.outlook;
        let mut table = Table::new([("", Align::Left), ("", Align::Right), ("", Align::Left)]);
        for (name, count) in
            [("users", size.users), ("items", size.items), ("interactions", size.interactions)]
        {
            table.row([name.into(), self.number(count), String::new()]);
        }
        let heavy = self.work_of_heaviest.iter().rfind(|(share, _)| *share <= 0.01);
        let heavy = heavy.filter(|(share, _)| share * size.users as f64 >= 1.0);
        let heavy = heavy.map(|(share, work)| {
            format!("{:.1} % by the heaviest {} % of users", work * 100.0, share * 100.0)
        });
        let all = size.pair_operations;
        let remark = if u128::from(*operations) < all {
            format!("of {} in the data", rounded(all))
        } else {
            heavy.unwrap_or_default()
        };
        table.row(["pair operations".into(), rounded((*operations).into()), remark]);
        let job = &settings.resolved;
        let each = format!("at most {} each", job.top);
        // How many pairs these leave out is known once they are compared.
        let later =
            [("--min-overlap", job.min_overlap > 1), ("--threshold", job.threshold.is_some())];
        let later = later.into_iter().find(|(_, is_set)| *is_set);
        let rows = rounded((*neighbours).into());
        let (rows, remark) = match later {
            Some((flag, _)) => (format!("at most {rows}"), format!("before {flag}; {each}")),
            None => (format!("about {rows}"), each),
        };
        table.row(["result rows".into(), rows, remark]);
        table
    }

    fn layout_text(&self, settings: &Settings) -> String {
        let mut table = self.work_table(settings);
        for (part, items, what) in layout_texts(&self.report.outlook) {
            table.row([format!("{part} items"), self.number(items), what]);
        }
        if let Some(tiles) = self.report.tiles {
            let threads = counted(self.on.workers as u64, "thread");
            table.row(["tiles".into(), grouped(tiles as u64), format!("on {threads}")]);
        }
        table.render(width())
    }

    fn memory_text(&self) -> String {
        let bytes = |bytes: Option<u64>| {
            bytes.map_or_else(|| "unknown".to_owned(), |bytes| Bytes(bytes).to_string())
        };
        let mut table = Table::new([
            ("", Align::Left),
            ("required", Align::Right),
            ("available", Align::Right),
        ]);
        let needed = self.report.needs.memory;
        table.row(["memory".into(), bytes(Some(needed)), bytes(self.on.memory_there_is)]);
        let place = &self.place;
        table.row(["output".into(), bytes(Some(place.bytes)), bytes(place.bytes_free)]);
        let mut text = table.render(width());
        if let Some(limit) = self.through_files_below {
            let limit = Bytes(limit);
            let _ = writeln!(
                text,
                "above {limit} (--memory) `ilk run` uses working files: same result, more disk and time"
            );
        }
        text
    }

    fn time_text(&self) -> String {
        let mut table = Table::new([
            ("CPU seconds", Align::Left),
            ("predicted", Align::Right),
            ("measured", Align::Right),
        ]);
        let seconds = |seconds: f64| format!("{seconds:.2}");
        let Report { forecast, corrected, ladder, .. } = &self.report;
        table.row(["reading".into(), String::new(), seconds(self.basis.reading.cpu_seconds)]);
        table.row(["sorting".into(), String::new(), seconds(self.basis.sorting.cpu_seconds)]);
        let measured = self.arranging_measured.map(seconds).unwrap_or_default();
        table.row(["arranging".into(), seconds(forecast.arranging), measured]);
        table.row(["comparing".into(), seconds(forecast.comparing()), String::new()]);
        let factor = ladder.correction();
        if factor != 1.0 {
            let by = format!("  corrected by the samples (x {factor:.2})");
            table.row([by, seconds(corrected.comparing()), String::new()]);
        }
        table.row(["writing".into(), seconds(self.place.writing_seconds), String::new()]);
        table.render(width())
    }

    fn total_text(&self) -> String {
        let threads = counted(self.on.workers as u64, "thread");
        let needed = Span(self.report.needs.seconds);
        let price = self.price.map_or_else(String::new, |price| format!(", cost: {price:.2}"));
        format!("estimated time: {needed} on {threads}{price}\n")
    }

    fn samples_text(&self) -> String {
        let Ladder { rungs, missing } = &self.report.ladder;
        let mut table = Table::new([
            ("sample", Align::Right),
            ("users", Align::Right),
            ("pairs", Align::Right),
            ("computed", Align::Right),
            ("predicted CPU s", Align::Right),
            ("measured CPU s", Align::Right),
            ("predicted memory", Align::Right),
            ("measured memory", Align::Right),
        ]);
        let memory = |bytes: u64| Bytes(bytes).to_string();
        for rung in rungs {
            let computed = rung.computed_tiles as f64 * 100.0 / rung.tiles.max(1) as f64;
            table.row([
                format!("{} %", rung.rate * 100.0),
                grouped(rung.size.users),
                brief(rung.size.pair_operations),
                format!("{computed:.0} %"),
                format!("{:.3}", rung.predicted_seconds),
                format!("{:.3}", rung.measured_seconds),
                memory(rung.predicted_memory),
                rung.measured_memory.map_or_else(|| "–".into(), memory),
            ]);
        }
        let mut text = if rungs.is_empty() { String::new() } else { table.render(width()) };
        for (rate, why) in missing {
            let why = match why {
                Missing::Nothing => "nothing to compare",
                Missing::Time => "over the plan's time limit",
                Missing::Memory => "needs more memory than is available",
            };
            let _ = writeln!(text, "{} % sample skipped: {why}", rate * 100.0);
        }
        text
    }

    fn growth_text(&self) -> String {
        let Some(growth) = self.report.growth else { return String::new() };
        let text = match growth {
            ..0.9 => "time grows more slowly than the work",
            ..1.1 => "time grows in proportion to the work",
            _ => "time grows faster than the work",
        };
        format!("{text} (as pair operations to the power of {growth:.2})\n")
    }

    fn verdict_text(&self, budget: &Budget) -> String {
        if let Some(refusal) = &self.judged.refusal {
            return format!("`ilk run` would refuse this job: {refusal}");
        }
        let verdict = &self.report.verdict;
        let mut text = verdict.to_string();
        match verdict {
            Verdict::Fits(_) | Verdict::Stops(_) => return text,
            Verdict::Memory { limit, .. } if Some(*limit) == self.on.memory_there_is => {
                text.push_str(", which is all that is available");
            }
            Verdict::Memory { .. } => {
                let _ = write!(text, " ({})", budget.memory_text());
            }
            Verdict::Time { .. } => {
                let _ = write!(text, " ({})", budget.time_text());
            }
        }
        if self.basis.uncertainty.is_some() {
            return format!("{text}\n--prove reads all rows and finds settings that make it fit");
        }
        format!("{text}\n{}", remedies_text(&self.judged.remedies))
    }
}

/// Describes how items lie in the matrix: how many, and as what.
fn layout_texts(outlook: &Outlook) -> Vec<(&'static str, u64, String)> {
    let share = outlook.head_interactions as f64 * 100.0 / outlook.size.interactions.max(1) as f64;
    let blocks = counted(outlook.head_blocks, "block");
    let head = format!("as bits: {blocks}, {share:.1} % of interactions");
    let tail = "as lists of users".to_owned();
    let parts = [("head", outlook.head_items, head), ("tail", outlook.tail_items, tail)];
    parts.into_iter().filter(|(_, items, _)| *items > 0).collect()
}

/// Says what is computed.
fn job_text(settings: &Settings) -> String {
    let job = &settings.resolved;
    let (what, each) = match job.of {
        Of::Items => ("items", "item"),
        Of::Users => ("users", "user"),
    };
    let of = if settings.lists.targets.is_empty() { "each" } else { "each listed" };
    format!("the {} most similar {what} of {of} {each}, by {}\n", job.top, job.measure.name())
}
