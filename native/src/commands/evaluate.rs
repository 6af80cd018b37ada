//! `ilk evaluate`: compares measures by what they recommend.

use std::{fmt::Write as _, path::Path, time::Instant};

use ilk_core::{
    data::parse_time,
    insight::{Counts, LeftOut, Mean, Quality, Trial, cut_for, evaluate_each, most_popular},
    job::Of,
    prepare::{Encoded, Needs, fold},
};
use ilk_engine::{
    files::Files,
    needs,
    parts::{Cleaning, check_rows, report_set_aside},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::grid::{Contender, contenders, save};
use crate::{
    cli::{EvaluateArgs, EvaluateFormat, Split},
    error::Error,
    pool::Pool,
    progress::{Reporter, seconds_text},
    publish::{self, Existing, WorkingFile},
    settings::{Layers, Lists, Reading},
    stdout,
    text::{Align, Table, counted, grouped, width},
};

/// Evaluates measures on held-out interactions and prints them side by side.
///
/// # Errors
/// For input that cannot be read, settings that conflict, and data that leaves no user to evaluate.
pub(crate) fn evaluate(
    args: &EvaluateArgs,
    layers: &Layers,
    reporter: &Reporter,
) -> Result<(), Error> {
    let reporter = &reporter.for_report();
    let reading = layers.reading()?;
    let contenders = contenders(args, &reading, reporter)?;
    let place = args.save.as_deref().map(begin_saving).transpose()?;
    let how = HoldOut::of(args, &reading)?;
    if reading.resolved.of == Of::Users {
        return Err(Error::input(
            "`ilk evaluate` recommends items to users, so `of` must be items",
        )
        .with_help("remove --of; to evaluate similar users, swap --user and --item"));
    }
    if reading.source.group.is_some() {
        return Err(Error::input("`ilk evaluate` does not look at groups")
            .with_help("leave out --group; evaluate the job without it"));
    }
    if reading.lists != Lists::default() {
        reporter.note("item lists are ignored: all items may be recommended");
    }
    let (trial, cut) = trial(&reading, &contenders, &how, args.users as usize, reporter)?;
    let at = args.at as usize;
    let pool = Pool::new(reading.threads)?;
    let jobs = contenders.iter().map(|contender| contender.job.clone()).collect::<Vec<_>>();
    let stage = reporter.stage("comparing", Some(jobs.len() as u64));
    let started = Instant::now();
    let qualities = evaluate_each(&trial, &jobs, at, &pool, |_| stage.advance(1));
    let seconds = started.elapsed().as_secs_f64();
    stage.finish(counted(jobs.len() as u64, "job"));
    let row = |(contender, quality): (&Contender, Quality)| Row {
        name: contender.name.clone(),
        limits: Some((contender.job.min_overlap, contender.job.shrinkage)),
        is_baseline: false,
        quality,
    };
    let mut rows = contenders.iter().zip(qualities).map(row).collect::<Vec<_>>();
    // The first of equal ones.
    let ndcg = |row: &Row| row.quality.ndcg.value;
    let best = (0..rows.len()).reduce(|a, b| if ndcg(&rows[b]) > ndcg(&rows[a]) { b } else { a });
    rows.sort_by(|a, b| ndcg(b).total_cmp(&ndcg(a)));
    let quality = most_popular(&trial, at, &pool);
    rows.push(Row { name: "most popular".into(), limits: None, is_baseline: true, quality });
    let (counts, items) = (trial.counts(), trial.train().items());
    let page = Page { how: &how, cut, counts, items, at, rows, seconds };
    stdout::print_text(&match args.format {
        EvaluateFormat::Text => page.text(),
        EvaluateFormat::Json => format!("{:#}\n", page.json()),
        EvaluateFormat::Csv => page.csv(),
    })?;
    match (place, best) {
        (Some(place), Some(best)) => save(place, &contenders[best], layers, reporter),
        _ => Ok(()),
    }
}

/// Begins the job file of the best job before any work is done; what is there is never replaced.
fn begin_saving(path: &Path) -> Result<(&Path, WorkingFile), Error> {
    if path.symlink_metadata().is_ok() {
        return Err(Error::input(format!("{} exists", path.display()))
            .with_help("remove it, or save to another file"));
    }
    publish::remove_orphans(path);
    Ok((path, WorkingFile::output(path, Existing::Refuse)?))
}

/// What is held out.
enum HoldOut {
    Share(f64),
    Since(i64),
    Each(LeftOut),
}

impl HoldOut {
    fn of(args: &EvaluateArgs, reading: &Reading) -> Result<Self, Error> {
        let has_time = reading.source.time.is_some();
        let split = args.split.unwrap_or(match (has_time, &args.hold_out) {
            (false, None) => Split::Any,
            _ => Split::Time,
        });
        if split != Split::Any && !has_time {
            return Err(Error::input("this split needs a timestamp column")
                .with_help("name it with --time, or use --split any"));
        }
        match (split, args.hold_out.as_deref()) {
            (Split::Time, text) => Self::by_time(text.unwrap_or("10%")),
            (_, Some(_)) => Err(Error::input("--hold-out has no effect with this --split")
                .with_help("it sets how much --split time holds out; this split holds out one item per user")),
            (Split::Last, None) => Ok(Self::Each(LeftOut::Newest)),
            (Split::Any, None) => Ok(Self::Each(LeftOut::Any)),
        }
    }

    fn by_time(text: &str) -> Result<Self, Error> {
        if let Some(percent) = text.strip_suffix('%') {
            let share =
                percent.trim().parse::<f64>().ok().filter(|share| (0.0..100.0).contains(share));
            if let Some(share) = share.filter(|share| *share > 0.0) {
                return Ok(Self::Share(share / 100.0));
            }
        } else if let Some(time) = parse_time(text) {
            return Ok(Self::Since(time));
        }
        Err(Error::input(format!("--hold-out is `{text}`, expected a share or a time"))
            .with_help("as in 10%, 2026-10-01 or 2026-10-01T12:00:00Z"))
    }

    /// Names it for machines.
    fn name(&self) -> &'static str {
        match self {
            Self::Share(_) | Self::Since(_) => "time",
            Self::Each(LeftOut::Newest) => "last",
            Self::Each(LeftOut::Any) => "any",
        }
    }
}

/// Reads the data and holds some of it out.
fn trial(
    reading: &Reading,
    contenders: &[Contender],
    how: &HoldOut,
    users: usize,
    reporter: &Reporter,
) -> Result<(Trial, Option<i64>), Error> {
    // All of them clean and combine rows alike.
    let (source, job) = (&reading.source, &contenders[0].job);
    source.target.refuse("`ilk evaluate` is", "it holds out interactions of one behaviour")?;
    let pool = Pool::new(reading.threads)?;
    let looks_at_time = !matches!(how, HoldOut::Each(LeftOut::Any));
    // What any of the jobs looks at.
    let all = contenders.iter().map(|contender| needs(source, &contender.job));
    let needs = all.fold(needs(source, job), |all, needs| Needs {
        weight: all.weight || needs.weight,
        time: all.time || needs.time,
    });
    let needs = Needs { time: needs.time || looks_at_time, ..needs };
    let files = Files::open(source, None, reporter)?;
    let rows = Cleaning::read(&files, (job, needs), &pool, reporter)?;
    report_set_aside(&rows.tally, files.names(), reporter);
    check_rows(&rows.tally, job, &files)?;
    let stage = reporter.stage("sorting", None);
    let encoded = rows.encode(&pool)?;
    let since = |cut, encoded| Trial::since(cut, encoded, (job, needs), users, &pool);
    let (trial, cut) = match how {
        HoldOut::Each(which) => {
            (Trial::leave_one_out(&fold(encoded, job, needs, &pool), *which, users), None)
        }
        HoldOut::Since(cut) => (since(*cut, encoded), Some(*cut)),
        HoldOut::Share(share) => {
            let cut = cut_of(&encoded, *share)?;
            (since(cut, encoded), Some(cut))
        }
    };
    stage.finish(counted(trial.counts().users, "user"));
    if trial.counts().users == 0 {
        return Err(Error::input(
            "no users to evaluate: none has both held-out and remaining items",
        )
        .with_help("change --hold-out or --split; `ilk inspect` shows the data"));
    }
    Ok((trial, cut))
}

fn cut_of(encoded: &Encoded, share: f64) -> Result<i64, Error> {
    cut_for(encoded, share).ok_or_else(|| Error::input("no rows to hold out"))
}

/// One line of the table.
struct Row {
    name: String,
    /// Its `min_overlap` and shrinkage.
    limits: Option<(u32, f64)>,
    is_baseline: bool,
    quality: Quality,
}

/// Everything that is printed.
struct Page<'a> {
    how: &'a HoldOut,
    /// The time from which on everything is held out.
    cut: Option<i64>,
    counts: Counts,
    items: usize,
    at: usize,
    /// From the best nDCG down; the baseline comes last.
    rows: Vec<Row>,
    /// What comparing took.
    seconds: f64,
}

impl Page<'_> {
    fn text(&self) -> String {
        let mut text = self.held_out_text();
        let at = self.at;
        let heads = [format!("recall@{at}"), format!("nDCG@{at}"), format!("MRR@{at}")];
        let shows = self.varies();
        let mut columns = vec![("measure", Align::Left)];
        columns.extend(shows[0].then_some(("min-overlap", Align::Right)));
        columns.extend(shows[1].then_some(("shrinkage", Align::Right)));
        // A grid has no room for everything.
        let is_grid = shows != [false; 2];
        let shown = if is_grid { &heads[..2] } else { &heads[..] };
        columns.extend(shown.iter().map(|head| (head.as_str(), Align::Right)));
        if !is_grid {
            columns.extend([("coverage", Align::Right), ("popularity", Align::Right)]);
        }
        let mut table = Table::new(columns);
        for row in &self.rows {
            let Row { name, quality, limits, .. } = row;
            let popularity = quality.popularity.map_or_else(
                || "–".into(),
                |mean| format!("{:.2} ±{:.2}", mean.value, mean.margin),
            );
            let none = String::new;
            let (overlap, shrinkage) =
                limits.map_or_else(|| (none(), none()), |(a, b)| (a.to_string(), b.to_string()));
            let mut cells = vec![name.clone()];
            cells.extend(shows[0].then_some(overlap));
            cells.extend(shows[1].then_some(shrinkage));
            cells.extend([mean_text(quality.recall), mean_text(quality.ndcg)]);
            if !is_grid {
                let coverage = format!("{:.1} %", 100.0 * quality.coverage);
                cells.extend([mean_text(quality.mrr), coverage, popularity]);
            }
            table.row(cells);
        }
        let _ = writeln!(text, "\n{}", table.render(width()));
        if is_grid {
            text.push_str("--format csv has MRR, coverage and popularity\n\n");
        }
        text.push_str(&self.verdict_text());
        text
    }

    fn held_out_text(&self) -> String {
        let counts = &self.counts;
        let mut text = format!(
            "held out   {} of {}\n           {}\n",
            counted(counts.held_out, "interaction"),
            counted(counts.users, "user"),
            match self.how {
                HoldOut::Share(share) => format!(
                    "the newest {} % of the rows, from {} on",
                    (share * 1e4).round() / 100.0,
                    self.cut_text()
                ),
                HoldOut::Since(_) => format!("all rows from {} on", self.cut_text()),
                HoldOut::Each(LeftOut::Newest) => "the newest item of each user".into(),
                HoldOut::Each(LeftOut::Any) =>
                    "one item of each user, chosen by a fixed hash".into(),
            }
        );
        let notes = [
            (counts.repeated, "interaction", "the user already had the item"),
            (counts.of_new_users, "interaction", "the user is new"),
            (counts.of_new_items, "interaction", "the item is new and cannot be recommended"),
        ];
        for (count, noun, why) in notes.into_iter().filter(|(count, ..)| *count > 0) {
            let _ = writeln!(text, "skipped    {}: {why}", counted(count, noun));
        }
        if counts.eligible > counts.drawn {
            let _ = writeln!(
                text,
                "sampled    {} of {} users, by a hash of their IDs; --users {} takes all",
                grouped(counts.drawn),
                grouped(counts.eligible),
                counts.eligible
            );
        }
        text
    }

    fn cut_text(&self) -> String {
        let time = self.cut.and_then(|cut| Timestamp::from_microsecond(cut).ok());
        time.map_or_else(String::new, |time| time.to_string())
    }

    /// Tells whether jobs differ in `min_overlap`, and in shrinkage.
    fn varies(&self) -> [bool; 2] {
        let mut all = self.rows.iter().filter_map(|row| row.limits);
        let Some(first) = all.next() else { return [false; 2] };
        all.fold([false; 2], |[overlap, shrinkage], one| {
            [overlap || one.0 != first.0, shrinkage || one.1 != first.1]
        })
    }

    /// Names a job by what it differs in from others.
    fn title(&self, row: &Row) -> String {
        let shows = self.varies();
        let mut title = row.name.clone();
        if let Some((overlap, shrinkage)) = row.limits {
            if shows[0] {
                let _ = write!(title, ", min-overlap {overlap}");
            }
            if shows[1] {
                let _ = write!(title, ", shrinkage {shrinkage}");
            }
        }
        title
    }

    /// The jobs, without the baseline.
    fn ranked(&self) -> Vec<&Row> {
        self.rows.iter().filter(|row| !row.is_baseline).collect()
    }

    /// Names the best measure, and those that are not significantly worse.
    fn verdict_text(&self) -> String {
        let ranked = self.ranked();
        let Some((best, others)) = ranked.split_first() else { return String::new() };
        let mut text = String::new();
        if !others.is_empty() {
            let _ = writeln!(text, "best nDCG@{}: {}", self.at, self.title(best));
            for other in &others[..others.len().min(COMPARED)] {
                let lead = best.quality.lead_over(&other.quality);
                let verdict = if lead.value > lead.margin {
                    "better than"
                } else {
                    "not clearly better than"
                };
                let (title, value, margin) = (self.title(other), lead.value, lead.margin);
                let _ = writeln!(
                    text,
                    "  {verdict} {title} ({value:+.4} ±{margin:.4}, paired by user)"
                );
            }
            if let Some(rest) = others.get(COMPARED..).filter(|rest| !rest.is_empty()) {
                let worse = rest.iter().filter(|other| {
                    let lead = best.quality.lead_over(&other.quality);
                    lead.value > lead.margin
                });
                let (worse, rest) = (grouped(worse.count() as u64), grouped(rest.len() as u64));
                let _ = writeln!(text, "  better than {worse} of the {rest} others");
            }
        }
        if let Some(baseline) = self.rows.iter().find(|row| row.is_baseline) {
            let lead = best.quality.lead_over(&baseline.quality);
            let title = self.title(best);
            let verdict = if lead.value > lead.margin {
                format!("{title} is better than")
            } else if -lead.value > lead.margin {
                format!("{title} is worse than")
            } else {
                format!("{title} is not clearly better than")
            };
            let _ = writeln!(
                text,
                "{verdict} the baseline, most popular ({:+.4} ±{:.4})",
                lead.value, lead.margin
            );
        }
        let _ = writeln!(text, "computed in {}", seconds_text(self.seconds));
        text
    }

    fn json(&self) -> Value {
        let counts = &self.counts;
        let mean = |mean: Mean| json!({ "value": mean.value, "margin": mean.margin });
        let row = |row: &Row| {
            let quality = &row.quality;
            json!({
                "measure": row.name,
                "min_overlap": row.limits.map(|(overlap, _)| overlap),
                "shrinkage": row.limits.map(|(_, shrinkage)| shrinkage),
                "baseline": row.is_baseline,
                "recall": mean(quality.recall),
                "ndcg": mean(quality.ndcg),
                "mrr": mean(quality.mrr),
                "coverage": quality.coverage,
                "popularity": quality.popularity.map(mean),
                "served": quality.served,
            })
        };
        json!({
            "split": self.how.name(),
            "cut": self.cut.is_some().then(|| self.cut_text()),
            "at": self.at,
            "items": self.items,
            "users": counts.users,
            "drawn_users": counts.drawn,
            "eligible_users": counts.eligible,
            "held_out": counts.held_out,
            "repeated": counts.repeated,
            "of_new_users": counts.of_new_users,
            "of_new_items": counts.of_new_items,
            "measures": self.rows.iter().map(row).collect::<Vec<_>>(),
        })
    }

    fn csv(&self) -> String {
        let mut text = String::from(
            "measure,at,users,recall,recall_margin,ndcg,ndcg_margin,mrr,mrr_margin,coverage,\
             popularity,popularity_margin,served,min_overlap,shrinkage\n",
        );
        for Row { name, quality, limits, .. } in &self.rows {
            let limits = limits.map_or_else(|| ",".into(), |(a, b)| format!("{a},{b}"));
            let popularity = quality
                .popularity
                .map_or_else(|| ",".into(), |mean| format!("{},{}", mean.value, mean.margin));
            let _ = writeln!(
                text,
                "{name},{},{},{},{},{},{},{},{},{},{popularity},{},{limits}",
                self.at,
                self.counts.users,
                quality.recall.value,
                quality.recall.margin,
                quality.ndcg.value,
                quality.ndcg.margin,
                quality.mrr.value,
                quality.mrr.margin,
                quality.coverage,
                quality.served
            );
        }
        text
    }
}

/// Jobs that the best one is compared with by name.
const COMPARED: usize = 15;

fn mean_text(mean: Mean) -> String {
    format!("{:.3} ±{:.3}", mean.value, mean.margin)
}
