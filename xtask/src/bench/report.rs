//! From samples to tables: medians, spreads and ratios.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    machine::Machine,
    programs::{Sample, Sizes, Stages},
};
use crate::text::table;

/// All runs on one set.
#[derive(Clone, Debug, Serialize)]
pub(super) struct SetReport {
    pub(super) set: &'static str,
    pub(super) sha256: String,
    pub(super) sizes: Sizes,
    /// ilk's first; the n-th runs of all programs belong to the same round.
    pub(super) runs: Vec<Runs>,
    /// ilk's neighbours against those of each peer.
    pub(super) checks: Vec<Check>,
    /// Peers that failed, with their last words.
    pub(super) failures: Vec<String>,
}

/// All runs of one program.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Runs {
    pub(super) program: &'static str,
    pub(super) samples: Vec<Sample>,
}

/// A comparison of neighbours that found them the same up to ties.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Check {
    pub(super) peer: &'static str,
    /// How far scores may be apart.
    pub(super) tolerance: f64,
    /// How far they are.
    pub(super) largest_difference: f64,
}

/// The middle of some numbers, and how far they spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Spread {
    pub(super) median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    /// `None` of no numbers.
    pub(super) fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted = numbers.into_iter().collect::<Vec<_>>();
        sorted.sort_unstable_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        };
        Some(Self { median, least, most })
    }

    /// The middle, with the least and the most where they differ.
    pub(super) fn text(self) -> String {
        let Self { median, least, most } = self;
        if least == most {
            return digits(median);
        }
        format!("{} ({}–{})", digits(median), digits(least), digits(most))
    }
}

/// How one program's times compare with ilk's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Ratio {
    /// Its median over ilk's.
    of_medians: f64,
    /// The median over the rounds of its time over ilk's in the same round.
    round_by_round: f64,
}

impl Ratio {
    fn of(peer: &[Sample], ilk: &[Sample], part: impl Fn(&Sample) -> Option<f64>) -> Option<Self> {
        let median =
            |samples: &[Sample]| Some(Spread::of(samples.iter().filter_map(&part))?.median);
        let rounds = peer.iter().zip(ilk).filter_map(|(a, b)| Some(part(a)? / part(b)?));
        Some(Self {
            of_medians: median(peer)? / median(ilk)?,
            round_by_round: Spread::of(rounds)?.median,
        })
    }

    fn text(self) -> String {
        format!("{} ({})", digits(self.of_medians), digits(self.round_by_round))
    }
}

/// What is read from a sample.
type Part = fn(&Sample) -> Option<f64>;

/// The columns of medians: heading, name in the record, and where it comes from.
const PARTS: [(&str, &str, Part); 5] = [
    ("end to end s", "end_to_end", |sample| Some(sample.end_to_end)),
    ("start s", "start", |sample| Some(sample.start)),
    ("compute s", "compute", |sample| Some(sample.compute)),
    ("compute CPU s", "compute_cpu", |sample| sample.compute_cpu),
    ("peak MiB", "peak_mib", |sample| Some(sample.peak_mib)),
];

/// The columns of ratios.
const RATIOS: [(&str, &str, Part); 3] = [
    ("end to end ÷ ilk", "end_to_end", |sample| Some(sample.end_to_end)),
    ("compute ÷ ilk", "compute", |sample| Some(sample.compute)),
    ("compute CPU ÷ ilk", "compute_cpu", |sample| sample.compute_cpu),
];

/// A stage on Spark: name, and where its seconds come from.
type Stage = (&'static str, fn(&Stages) -> f64);

/// All of them.
const STAGES: [Stage; 8] = [
    ("start", |stages| stages.start),
    ("count", |stages| stages.count),
    ("at once", |stages| stages.at_once),
    ("fold", |stages| stages.fold),
    ("items", |stages| stages.items),
    ("blocks", |stages| stages.blocks),
    ("tiles", |stages| stages.tiles),
    ("merge", |stages| stages.merge),
];

/// The legend of the tables.
pub(super) const LEGEND: &str = "\
Medians of all rounds, with the least and the most. In a round every program runs once, each in a \
process of its own, one after the other; what takes more than a minute runs once in all. \
*End to end* is from reading Parquet to having written Parquet; ilk's is the whole process, the \
peers' is without the time that Python needs to start and to import them, which stands under \
*start*. *Compute* is from the users x items matrix in memory \
to the neighbours in memory, weighting and turning the matrix included. *Peak* is the largest \
resident set of the whole process. Ratios are those of the medians; in brackets the median of the \
ratios round by round.";

impl SetReport {
    fn ilk(&self) -> &[Sample] {
        self.runs.first().map_or(&[], |runs| &runs.samples)
    }

    /// The table with what belongs below it.
    pub(super) fn text(&self) -> String {
        let missing = || "–".to_owned();
        let heading = std::iter::once("program")
            .chain(PARTS.iter().map(|(heading, ..)| *heading))
            .chain(RATIOS.iter().map(|(heading, ..)| *heading));
        let mut rows = vec![heading.map(String::from).collect::<Vec<_>>()];
        for Runs { program, samples } in &self.runs {
            let mut row = vec![String::from(*program)];
            row.extend(PARTS.iter().map(|(.., part)| {
                Spread::of(samples.iter().filter_map(part)).map_or_else(missing, Spread::text)
            }));
            row.extend(RATIOS.iter().map(|(.., part)| {
                Ratio::of(samples, self.ilk(), part).map_or_else(missing, Ratio::text)
            }));
            rows.push(row);
        }
        let mut text = table(&rows);
        text.push('\n');
        let mut say = |line: String| {
            text.push('\n');
            text.push_str(&line);
        };
        for Check { peer, tolerance, largest_difference } in &self.checks {
            say(format!(
                "- The neighbours are those of {peer} up to ties; scores differ by \
                 {largest_difference:.1e} at most ({tolerance:.0e} allowed)."
            ));
        }
        if let Some(imbalance) = Spread::of(self.ilk().iter().filter_map(|run| run.imbalance)) {
            say(format!(
                "- ilk's busiest thread computes {:.1} % longer than its least busy one.",
                (imbalance.median - 1.0) * 100.0
            ));
        }
        for Runs { program, samples } in &self.runs {
            let middle = |part: fn(&Stages) -> f64| {
                Spread::of(samples.iter().filter_map(|run| run.stages.as_ref().map(part)))
            };
            let parts = STAGES.iter().filter_map(|(name, part)| {
                let seconds = middle(*part)?.median;
                (seconds > 0.0).then(|| format!("{name} {} s", digits(seconds)))
            });
            let parts = parts.collect::<Vec<_>>();
            if !parts.is_empty() {
                say(format!("- Stages of {program}: {}.", parts.join(", ")));
            }
        }
        let again = self.runs.iter().filter_map(|Runs { program, samples }| {
            let seconds = Spread::of(samples.iter().filter_map(|run| run.again))?;
            Some(format!("{program} {} s", seconds.text()))
        });
        let again = again.collect::<Vec<_>>();
        if !again.is_empty() {
            say(format!("- Compute once more in the same session: {}.", again.join(", ")));
        }
        for failure in &self.failures {
            say(format!("- {failure}"));
        }
        text.push('\n');
        text
    }

    /// All samples with medians and ratios.
    fn json(&self) -> Value {
        let summary = self.runs.iter().map(|Runs { program, samples }| {
            let spreads = PARTS.iter().map(|(_, name, part)| {
                ((*name).to_owned(), json!(Spread::of(samples.iter().filter_map(part))))
            });
            let ratios = RATIOS.iter().map(|(_, name, part)| {
                ((*name).to_owned(), json!(Ratio::of(samples, self.ilk(), part)))
            });
            let (spreads, ratios) = (spreads.collect::<Value>(), ratios.collect::<Value>());
            json!({"program": program, "spreads": spreads, "ratios": ratios})
        });
        let summary = summary.collect::<Vec<_>>();
        let mut value = json!(self);
        value["summary"] = json!(summary);
        value
    }
}

/// Everything there is to say about a benchmark.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) date: String,
    pub(super) command: String,
    pub(super) machine: Machine,
    /// Names and versions of all programs.
    pub(super) versions: Vec<(String, String)>,
    pub(super) sets: Vec<SetReport>,
}

impl Record {
    /// The record as a page.
    pub(super) fn markdown(&self) -> String {
        let mut sets = vec![
            ["set", "users", "items", "interactions", "pair operations", "SHA-256 of the file"]
                .map(String::from)
                .to_vec(),
        ];
        sets.extend(self.sets.iter().map(|set| {
            let Sizes { users, items, interactions, pair_operations } = set.sizes;
            let numbers = [users, items, interactions, pair_operations].map(grouped);
            let mut row = vec![set.set.to_owned()];
            row.extend(numbers);
            row.push(set.sha256.clone());
            row
        }));
        let mut text = format!(
            "# ilk beside its peers, {}\n\n`{}`\n\n{}\n\n## Sets\n\n{}\n\nPair operations are those of ilk: every pair of a user's items \
             once.\n\n## Results\n\n{LEGEND}\n",
            self.date,
            self.command,
            self.machine.page(&self.versions),
            table(&sets),
        );
        for set in &self.sets {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n### {}\n\n{}", set.set, set.text());
        }
        text
    }

    /// The record for programs, with every sample.
    pub(super) fn json(&self) -> Value {
        json!({
            "date": self.date,
            "command": self.command,
            "machine": self.machine,
            "versions": self.versions,
            "sets": self.sets.iter().map(SetReport::json).collect::<Vec<_>>(),
        })
    }
}

/// Puts a table into a page of the documentation, in the place of the one that is there under that
/// name, between two comments.
///
/// # Errors
/// Where the page has no such place, or cannot be written.
pub(super) fn put_into_page(path: &Path, name: &str, text: &str) -> Result<()> {
    let page = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let page = replaced(&page, name, text)
        .with_context(|| format!("{} has no place for {name}", path.display()))?;
    fs::write(path, page).with_context(|| format!("writing {}", path.display()))
}

fn replaced(page: &str, name: &str, text: &str) -> Option<String> {
    let begin = format!("<!-- {name}: written by cargo xtask bench -->");
    let end = format!("<!-- end of {name} -->");
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{text}\n{end}{after}"))
}

/// Three digits that count, as far as there are decimals to leave out.
pub(super) fn digits(number: f64) -> String {
    let decimals = match number.abs() {
        0.0 | 99.95.. => 0,
        9.995.. => 1,
        0.9995.. => 2,
        _ => 3,
    };
    format!("{number:.decimals$}")
}

/// A number with a comma after every three digits.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(computes: &[f64]) -> Vec<Sample> {
        let sample = |compute: &f64| Sample {
            compute: *compute,
            end_to_end: compute + 1.0,
            ..Sample::default()
        };
        computes.iter().map(sample).collect()
    }

    #[test]
    fn medians_stand_in_the_middle() {
        let spread = |numbers: &[f64]| Spread::of(numbers.iter().copied());
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[3.0, 1.0, 2.0]), Some(Spread { median: 2.0, least: 1.0, most: 3.0 }));
        assert_eq!(spread(&[4.0, 1.0]), Some(Spread { median: 2.5, least: 1.0, most: 4.0 }));
    }

    #[test]
    fn ratios_pair_the_runs_of_a_round() {
        // The machine slowed down in the second round, for both.
        let (ilk, peer) = (samples(&[1.0, 2.0, 1.0]), samples(&[10.0, 22.0, 12.0]));
        let ratio = Ratio::of(&peer, &ilk, |sample| Some(sample.compute));
        assert_eq!(ratio, Some(Ratio { of_medians: 12.0, round_by_round: 11.0 }));
        // A peer that ran in the first round only.
        let ratio = Ratio::of(&peer[..1], &ilk, |sample| Some(sample.compute));
        assert_eq!(ratio, Some(Ratio { of_medians: 10.0, round_by_round: 10.0 }));
        assert_eq!(Ratio::of(&peer, &ilk, |sample| sample.compute_cpu), None);
    }

    #[test]
    fn tables_say_what_is_missing() {
        let report = SetReport {
            set: "small",
            sha256: "ab".into(),
            sizes: Sizes::default(),
            runs: vec![
                Runs { program: "ilk", samples: samples(&[0.5, 0.25, 1.0]) },
                Runs { program: "peer", samples: samples(&[5.0]) },
            ],
            checks: vec![Check { peer: "peer", tolerance: 1e-5, largest_difference: 2.5e-8 }],
            failures: vec!["other failed: out of memory".into()],
        };
        let text = report.text();
        let lines = text.lines().collect::<Vec<_>>();
        let cells =
            |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
        assert_eq!(
            cells(lines[2])[1..10],
            [
                "ilk",
                "1.50 (1.25–2.00)",
                "0",
                "0.500 (0.250–1.00)",
                "–",
                "0",
                "1.00 (1.00)",
                "1.00 (1.00)",
                "–"
            ]
        );
        assert_eq!(
            cells(lines[3])[1..10],
            ["peer", "6.00", "0", "5.00", "–", "0", "4.00 (4.00)", "10.0 (10.0)", "–"]
        );
        assert_eq!(
            lines[4..],
            [
                "",
                "- The neighbours are those of peer up to ties; scores differ by 2.5e-8 at most (1e-5 allowed).",
                "- other failed: out of memory",
            ]
        );
        let summary = &report.json()["summary"][1];
        assert_eq!(summary["ratios"]["compute"]["of_medians"], 10.0);
        assert_eq!(summary["spreads"]["compute_cpu"], Value::Null);
    }

    #[test]
    fn pages_keep_what_is_around_a_table() {
        let of = |text: &str| {
            format!("a\n<!-- x: written by cargo xtask bench -->\n{text}\n<!-- end of x -->\nb")
        };
        assert_eq!(replaced(&of("old"), "x", "new"), Some(of("new")));
        assert_eq!(replaced(&of("old"), "y", "new"), None);
    }

    #[test]
    fn numbers_keep_the_digits_that_count() {
        let texts = [0.0, 0.01234, 1.0, 9.999, 12.34, 99.99, 1234.5].map(digits);
        assert_eq!(texts, ["0", "0.012", "1.00", "10.0", "12.3", "100", "1234"]);
        assert_eq!([0, 999, 1_000, 18_897_352].map(grouped), ["0", "999", "1,000", "18,897,352"]);
    }
}
