//! `ilk evaluate`: compares measures by what they recommend.

use std::{fmt::Write as _, time::Instant};

use ilk_core::{
    data::parse_time,
    insight::{Counts, LeftOut, Mean, Quality, Trial, cut_for, evaluate as judge, most_popular},
    job::{Given, Job, Of, SimilarityJob},
    measure::MeasureName,
    prepare::{Encoded, Needs, fold},
};
use ilk_engine::{
    files::Files,
    needs,
    parts::{Cleaning, check_rows, report_set_aside},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    cli::{EvaluateArgs, EvaluateFormat, Split},
    error::Error,
    pool::Pool,
    progress::{Reporter, seconds_text},
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
    let contenders = contenders(args, &reading)?;
    let how = HoldOut::of(args, &reading)?;
    if reading.resolved.of == Of::Users {
        return Err(Error::input(
            "`ilk evaluate` recommends items to users, so `of` must be items",
        )
        .with_help("remove --of; to evaluate similar users, swap --user and --item"));
    }
    if reading.lists != Lists::default() {
        reporter.note("item lists are ignored: all items may be recommended");
    }
    let (trial, cut) = trial(&reading, &how, args.users as usize, reporter)?;
    let at = args.at as usize;
    let pool = Pool::new(reading.threads)?;
    let mut rows = Vec::new();
    for (name, job) in &contenders {
        let stage = reporter.stage("comparing", None);
        let started = Instant::now();
        let quality = judge(&trial, job, at, &pool);
        stage.finish(name);
        let seconds = Some(started.elapsed().as_secs_f64());
        rows.push(Row { name: name.clone(), is_baseline: false, quality, seconds });
    }
    let quality = most_popular(&trial, at, &pool);
    rows.push(Row { name: "most popular".into(), is_baseline: true, quality, seconds: None });
    let page =
        Page { how: &how, cut, counts: trial.counts(), items: trial.train().items(), at, rows };
    stdout::print_text(&match args.format {
        EvaluateFormat::Text => page.text(),
        EvaluateFormat::Json => format!("{:#}\n", page.json()),
        EvaluateFormat::Csv => page.csv(),
    })
}

/// The jobs to compare: the job with each measure in its place.
fn contenders(args: &EvaluateArgs, reading: &Reading) -> Result<Vec<(String, Job)>, Error> {
    if args.measures.is_empty() {
        return Ok(vec![(name_of(&reading.resolved), reading.resolved.clone())]);
    }
    let mut names: Vec<MeasureName> = Vec::new();
    for name in &args.measures {
        if !names.contains(name) {
            names.push(*name);
        }
    }
    names.into_iter().map(|name| contender(name, reading)).collect()
}

/// Puts another measure into the job: parameters and weighting stay where they mean something.
fn contender(name: MeasureName, reading: &Reading) -> Result<(String, Job), Error> {
    let source = &reading.source;
    let given = Given { weight: source.weight.is_some(), time: source.time.is_some() };
    let bare = SimilarityJob {
        like: None,
        measure: Some(name),
        weighting: None,
        alpha: None,
        beta: None,
        kappa: None,
        k1: None,
        b: None,
        half_life: None,
        now: None,
        ..reading.wish.clone()
    };
    let job = if reading.resolved.measure.name() == name {
        Ok(reading.resolved.clone())
    } else {
        bare.resolve(given).map(|job| {
            let weighs = job.measure.is_weighted();
            let weighting = if weighs { reading.resolved.weighting } else { job.weighting };
            Job { weighting, ..job }
        })
    };
    let job = job.map_err(|error| Error::input(format!("measure {name}: {error}")))?;
    Ok((name_of(&job), job))
}

fn name_of(job: &Job) -> String {
    match job.weighting.name().name() {
        "binary" => job.measure.name().to_string(),
        weighting => format!("{} ({weighting})", job.measure.name()),
    }
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
    how: &HoldOut,
    users: usize,
    reporter: &Reporter,
) -> Result<(Trial, Option<i64>), Error> {
    let (source, job) = (&reading.source, &reading.resolved);
    let pool = Pool::new(reading.threads)?;
    let looks_at_time = !matches!(how, HoldOut::Each(LeftOut::Any));
    let needs = needs(source, job);
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
    is_baseline: bool,
    quality: Quality,
    seconds: Option<f64>,
}

/// Everything that is printed.
struct Page<'a> {
    how: &'a HoldOut,
    /// The time from which on everything is held out.
    cut: Option<i64>,
    counts: Counts,
    items: usize,
    at: usize,
    rows: Vec<Row>,
}

impl Page<'_> {
    fn text(&self) -> String {
        let mut text = self.held_out_text();
        let at = self.at;
        let heads = [format!("recall@{at}"), format!("nDCG@{at}"), format!("MRR@{at}")];
        let mut table = Table::new([
            ("measure", Align::Left),
            (&heads[0], Align::Right),
            (&heads[1], Align::Right),
            (&heads[2], Align::Right),
            ("coverage", Align::Right),
            ("popularity", Align::Right),
        ]);
        for Row { name, quality, .. } in &self.rows {
            let popularity = quality.popularity.map_or_else(
                || "–".into(),
                |mean| format!("{:.2} ±{:.2}", mean.value, mean.margin),
            );
            table.row([
                name.clone(),
                mean_text(quality.recall),
                mean_text(quality.ndcg),
                mean_text(quality.mrr),
                format!("{:.1} %", 100.0 * quality.coverage),
                popularity,
            ]);
        }
        let _ = write!(text, "\n{}\n{}", table.render(width()), self.verdict_text());
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

    /// The measures from the best nDCG down, the baseline left out.
    fn ranked(&self) -> Vec<&Row> {
        let mut ranked = self.rows.iter().filter(|row| !row.is_baseline).collect::<Vec<_>>();
        ranked.sort_by(|a, b| b.quality.ndcg.value.total_cmp(&a.quality.ndcg.value));
        ranked
    }

    /// Names the best measure, and those that are not significantly worse.
    fn verdict_text(&self) -> String {
        let ranked = self.ranked();
        let Some((best, others)) = ranked.split_first() else { return String::new() };
        let mut text = String::new();
        if !others.is_empty() {
            let _ = writeln!(text, "best nDCG@{}: {}", self.at, best.name);
            for other in others {
                let lead = best.quality.lead_over(&other.quality);
                let verdict = if lead.value > lead.margin {
                    "better than"
                } else {
                    "not clearly better than"
                };
                let _ = writeln!(
                    text,
                    "  {verdict} {} ({:+.4} ±{:.4}, paired by user)",
                    other.name, lead.value, lead.margin
                );
            }
        }
        if let Some(baseline) = self.rows.iter().find(|row| row.is_baseline) {
            let lead = best.quality.lead_over(&baseline.quality);
            let verdict = if lead.value > lead.margin {
                format!("{} is better than", best.name)
            } else if -lead.value > lead.margin {
                format!("{} is worse than", best.name)
            } else {
                format!("{} is not clearly better than", best.name)
            };
            let _ = writeln!(
                text,
                "{verdict} the baseline, most popular ({:+.4} ±{:.4})",
                lead.value, lead.margin
            );
        }
        let seconds = self.rows.iter().filter_map(|row| row.seconds).sum::<f64>();
        let _ = writeln!(text, "computed in {}", seconds_text(seconds));
        text
    }

    fn json(&self) -> Value {
        let counts = &self.counts;
        let mean = |mean: Mean| json!({ "value": mean.value, "margin": mean.margin });
        let row = |row: &Row| {
            let quality = &row.quality;
            json!({
                "measure": row.name,
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
             popularity,popularity_margin,served\n",
        );
        for Row { name, quality, .. } in &self.rows {
            let popularity = quality
                .popularity
                .map_or_else(|| ",".into(), |mean| format!("{},{}", mean.value, mean.margin));
            let _ = writeln!(
                text,
                "{name},{},{},{},{},{},{},{},{},{},{popularity},{}",
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

fn mean_text(mean: Mean) -> String {
    format!("{:.3} ±{:.3}", mean.value, mean.margin)
}
