//! `ilk explain`: why an item has a neighbour.

use std::{fmt::Write as _, path::Path};

use ilk_core::{
    data::Ids,
    executor::Executor as _,
    insight::{Contribution, Explainer, Explanation, MeasureValue, Need, Rival, Standing},
    job::{Job, Of},
    matrix::Matrix,
    measure::{Common, Pair},
    prepare::Folded,
    result::Neighbour,
};
use ilk_engine::{
    files::Files, labels::LabelTable, machine::layout, memory::Allowance, needs, parts::Cleaning,
};
use serde_json::{Value, json};

use crate::{
    cli::{ExplainArgs, TextOrJson},
    error::Error,
    lists::IdLists,
    pool::Pool,
    progress::Reporter,
    rundir,
    settings::Layers,
    stdout,
    text::{Align, Table, closest, counted, grouped, shortened, width},
};

/// Explains one pair.
///
/// # Errors
/// For input that cannot be read and items that are not in it.
pub(crate) fn explain(
    args: &ExplainArgs,
    layers: &Layers,
    reporter: &Reporter,
) -> Result<(), Error> {
    let reporter = &reporter.for_report();
    let reading = layers.reading()?;
    let (source, job) = (&reading.source, &reading.resolved);
    let lists = IdLists::read(&reading.lists, source, job)?;
    let (pool, needs) = (Pool::new(reading.threads)?, needs(source, job));
    let files = Files::open(source, None, reporter)?;
    rundir::check_inputs(Path::new(&args.run), files.names(), &pool)?;
    let rows = Cleaning::read(&files, (job, needs), &pool, reporter)?;
    let mut folded = rows.fold((job, needs), &pool, reporter)?;
    let budget = Allowance::new(None, None, pool.workers());
    if let Some(table) = LabelTable::open(source, job.of, &budget, reporter)? {
        let labels = table.of_catalogue(&folded.catalogue, (&pool, &budget), reporter)?;
        folded.catalogue.labels = Some(labels);
    }
    let filter = lists.filter(&folded.catalogue, (&pool, &budget), reporter)?;
    if lists.limits_groups() {
        reporter.note("ranks count all neighbours, also those that --max-per-group leaves out");
    }
    let catalogue = &folded.catalogue;
    let item = find(&catalogue.compared_ids(), &args.item, job)?;
    let candidates = (catalogue.candidates().start, catalogue.candidate_ids());
    let neighbour = candidates.0 + find(&candidates.1, &args.neighbour, job)?;
    let interactions = &folded.interactions;
    let matrix = Matrix::with_layout(interactions, job, layout()?, &pool);
    let explainer = Explainer { interactions, matrix: &matrix, job, filter: &filter };
    let told = explainer.explain(item, neighbour, args.count as usize, &pool);
    let page = Page { folded: &folded, job, item, neighbour, told: &told };
    stdout::print_text(&match args.format {
        TextOrJson::Text => page.text(),
        TextOrJson::Json => format!("{:#}\n", page.json()),
    })
}

/// Finds an item by its id.
fn find(ids: &Ids, id: &str, job: &Job) -> Result<u32, Error> {
    ids.find(id).ok_or_else(|| {
        let what = match job.of {
            Of::Items => "item",
            Of::Users => "user",
        };
        let known = (0..ids.len() as u32).map(|code| ids.display(code)).collect::<Vec<_>>();
        let near = closest(id, known.iter().map(|id| &**id));
        let near = near.iter().map(|id| format!("`{}`", shortened(id, 40))).collect::<Vec<_>>();
        Error::input(format!("no {what} `{}` with interactions", shortened(id, 40))).with_help(
            if near.is_empty() {
                "IDs must match exactly; --min-support may have dropped it".into()
            } else {
                format!("did you mean {}?", near.join(" or "))
            },
        )
    })
}

/// Columns of the terminal that an id or a label takes up at most.
const LONGEST: usize = 60;

/// An explanation with the names of everything in it.
struct Page<'a> {
    folded: &'a Folded,
    job: &'a Job,
    item: u32,
    neighbour: u32,
    told: &'a Explanation,
}

impl Page<'_> {
    fn id(&self, code: u32) -> String {
        shortened(&self.folded.catalogue.ids.display(code), LONGEST)
    }

    fn label(&self, code: u32) -> Option<&str> {
        self.folded.catalogue.labels.as_ref()?.get(code as usize)
    }

    fn title(&self, code: u32) -> String {
        let label = self.label(code).map(|label| format!("  {}", shortened(label, LONGEST)));
        format!("{}{}", self.id(code), label.unwrap_or_default())
    }

    /// Who shares what.
    fn who(&self) -> &'static str {
        match self.job.of {
            Of::Items => "user",
            Of::Users => "item",
        }
    }

    fn text(&self) -> String {
        let mut text = format!("{}\n{}\n", self.title(self.item), self.title(self.neighbour));
        let _ = writeln!(text, "\n{}\n", self.standing_text());
        text.push_str(&self.counts_text());
        text.push_str(&self.rank_text());
        if !self.told.contributions.is_empty() {
            text.push_str(&self.contributions_text());
        }
        text.push_str(&self.measures_text());
        text
    }

    fn standing_text(&self) -> String {
        let told = self.told;
        let score = told.score.map_or_else(String::new, |score| format!(": {}", score_text(score)));
        let measure = self.job.measure.name();
        let all = grouped(told.qualified.into());
        match told.standing {
            Standing::Rank(rank) if rank <= self.job.top => {
                format!("rank {} of {all} by {measure}{score}", grouped(rank.into()))
            }
            Standing::Rank(rank) => format!(
                "rank {} of {all} by {measure}{score} (the job keeps {})",
                grouped(rank.into()),
                grouped(self.job.top.into())
            ),
            Standing::Itself => "an item is not its own neighbour".into(),
            Standing::NothingShared => {
                format!("not a neighbour: no {} has both", self.who())
            }
            Standing::LeftOut => "not a neighbour: excluded by --only, --exclude or --for".into(),
            Standing::OtherGroup => "not a neighbour: in another group (--within)".into(),
            Standing::OverlapTooSmall => format!(
                "not a neighbour: fewer than {} have both (--min-overlap)",
                counted(self.job.min_overlap.into(), self.who())
            ),
            Standing::NoPair => {
                format!(
                    "not a neighbour: {measure} gives no score (not more frequent than chance, or no weight)"
                )
            }
            Standing::BelowThreshold => format!(
                "not a neighbour: {measure}{score} is below --threshold {}",
                score_text(self.job.threshold.unwrap_or_default())
            ),
        }
    }

    /// The numbers that every measure is made of.
    fn counts_text(&self) -> String {
        let (pair, who) = (&self.told.pair, self.who());
        let (item, neighbour) = (self.id(self.item), self.id(self.neighbour));
        let share = |part: u32, whole: u32| 100.0 * f64::from(part) / f64::from(whole.max(1));
        let both = f64::from(pair.overlap);
        let users = f64::from(pair.users.max(1));
        let chance = f64::from(pair.item_support) * f64::from(pair.neighbour_support) / users;
        let mut table = Table::new([("", Align::Left), ("", Align::Right), ("", Align::Left)]);
        let mut line = |name: String, number: String, remark: String| {
            table.row([name, number, remark]);
        };
        line(format!("shared {who}s"), grouped(pair.overlap.into()), String::new());
        line(
            format!("{who}s of {item}"),
            grouped(pair.item_support.into()),
            format!("{:.1} % also have {neighbour}", share(pair.overlap, pair.item_support)),
        );
        line(
            format!("{who}s of {neighbour}"),
            grouped(pair.neighbour_support.into()),
            format!("{:.1} % also have {item}", share(pair.overlap, pair.neighbour_support)),
        );
        line(format!("all {who}s"), grouped(pair.users.into()), String::new());
        line(
            "expected by chance".into(),
            format!("{chance:.1}"),
            format!("{:.1} times as many share both", both / chance),
        );
        if self.told.is_weighted {
            line(
                "dot product".into(),
                number_text(pair.dot),
                self.job.weighting.name().to_string(),
            );
            line(format!("norm of {item}"), number_text(pair.item_square.sqrt()), String::new());
            let norm = number_text(pair.neighbour_square.sqrt());
            line(format!("norm of {neighbour}"), norm, String::new());
        }
        if self.job.shrinkage > 0.0 {
            let factor = self.job.measure.damping(pair.overlap, self.job.shrinkage);
            line(
                "shrinkage".into(),
                format!("× {factor:.4}"),
                "the score is multiplied by it".into(),
            );
        }
        table.render(width())
    }

    /// What is around the neighbour, and what would move it.
    fn rank_text(&self) -> String {
        let mut text = String::new();
        if let Some(above) = &self.told.above {
            let _ = writeln!(text, "\nabove   {}", self.rival_text(above));
        }
        if let Some(below) = &self.told.below {
            let gap = if self.told.above.is_some() { "" } else { "\n" };
            let _ = writeln!(text, "{gap}below   {}", self.neighbour_text(below));
        }
        if let Some(entry) = &self.told.entry {
            let _ = writeln!(text, "\nto be kept: {}", self.need_text(entry));
        }
        text
    }

    fn neighbour_text(&self, neighbour: &Neighbour) -> String {
        let who = counted(neighbour.overlap.into(), &format!("shared {}", self.who()));
        format!("{}: {}, {who}", self.title(neighbour.code), score_text(neighbour.score))
    }

    fn rival_text(&self, rival: &Rival) -> String {
        let name = rival.neighbour.as_ref().map(|ahead| self.neighbour_text(ahead));
        format!("{}\n        to overtake it: {}", name.unwrap_or_default(), self.need_text(rival))
    }

    fn need_text(&self, rival: &Rival) -> String {
        let pair = &self.told.pair;
        match rival.needs {
            Need::Overlap(overlap) => format!(
                "{} instead of {}, all else equal",
                counted(overlap.into(), &format!("shared {}", self.who())),
                grouped(pair.overlap.into())
            ),
            Need::Dot(dot) => format!(
                "a dot product of about {} instead of {}, all else equal",
                number_text(dot),
                number_text(pair.dot)
            ),
            Need::Impossible if self.told.is_weighted => {
                "impossible by a larger dot product alone".into()
            }
            Need::Impossible => self.out_of_reach_text(rival),
            Need::Several => "a change of several weights".into(),
        }
    }

    /// Shows that not even the largest overlap that the pair can have would do.
    fn out_of_reach_text(&self, rival: &Rival) -> String {
        let pair = &self.told.pair;
        let most = pair.item_support.min(pair.neighbour_support);
        let all = Pair {
            overlap: most,
            dot: most.into(),
            least: most.into(),
            common: Common::of_ones(most),
            ..*pair
        };
        let damped = |score: f64| {
            let factor = match self.job.shrinkage {
                0.0 => 1.0,
                shrinkage => self.job.measure.damping(most, shrinkage),
            };
            (score * factor) as f32
        };
        let best = self.job.measure.score(&all).map(damped);
        let who = counted(most.into(), self.who());
        let ahead = rival.neighbour.as_ref().map(|ahead| ahead.score).or(self.job.threshold);
        match (best, ahead) {
            (Some(best), Some(ahead)) if best < ahead => format!(
                "impossible; even if all {who} shared it: {} < {}",
                score_text(best),
                score_text(ahead)
            ),
            _ => format!("impossible, even if all {who} shared it"),
        }
    }

    fn contributions_text(&self) -> String {
        let other = match self.job.of {
            Of::Items => "items",
            Of::Users => "users",
        };
        let weighted = self.told.is_weighted;
        let head = if weighted {
            format!("shared {}s that contribute most", self.who())
        } else {
            format!("shared {}s, fewest {other} first", self.who())
        };
        let mut columns = vec![(head.as_str(), Align::Left), (other, Align::Right)];
        if weighted {
            columns.extend([("weight", Align::Right), ("neighbour's", Align::Right)]);
            columns.push(("share", Align::Right));
        }
        let mut table = Table::new(columns);
        for one in &self.told.contributions {
            let name = shortened(&self.folded.others.display(one.user), LONGEST);
            let mut cells = vec![name, grouped(one.items.into())];
            if weighted {
                cells.extend([number_text(one.item_weight), number_text(one.neighbour_weight)]);
                cells.push(format!("{:.2} %", 100.0 * one.share));
            }
            table.row(cells);
        }
        let shown = self.told.contributions.len() as u64;
        let rest = u64::from(self.told.pair.overlap) - shown;
        let rest = if rest > 0 { format!("and {} more\n", grouped(rest)) } else { String::new() };
        format!("\n{}{rest}", table.render(width()))
    }

    fn measures_text(&self) -> String {
        let mut table = Table::new([
            ("measure", Align::Left),
            ("score", Align::Right),
            ("reverse", Align::Right),
            ("", Align::Left),
        ]);
        let cell = |score: Option<f64>| score.map_or_else(|| "–".into(), number_text);
        for value in &self.told.measures {
            let is_jobs = value.measure.name() == self.job.measure.name();
            table.row([
                value.measure.name().to_string(),
                cell(value.score),
                value.reverse.map_or_else(String::new, number_text),
                if is_jobs { "this job".into() } else { String::new() },
            ]);
        }
        format!("\n{}", table.render(width()))
    }

    fn json(&self) -> Value {
        let (told, pair) = (self.told, &self.told.pair);
        let (rank, why_not) = match told.standing {
            Standing::Rank(rank) => (Some(rank), None),
            Standing::Itself => (None, Some("itself")),
            Standing::NothingShared => (None, Some("nothing_shared")),
            Standing::LeftOut => (None, Some("left_out")),
            Standing::OtherGroup => (None, Some("other_group")),
            Standing::OverlapTooSmall => (None, Some("overlap_too_small")),
            Standing::NoPair => (None, Some("no_pair")),
            Standing::BelowThreshold => (None, Some("below_threshold")),
        };
        json!({
            "item": self.thing_json(self.item),
            "neighbour": self.thing_json(self.neighbour),
            "measure": self.job.measure.name(),
            "score": told.score,
            "rank": rank,
            "why_not": why_not,
            "kept": rank.is_some_and(|rank| rank <= self.job.top),
            "qualified": told.qualified,
            "overlap": pair.overlap,
            "item_support": pair.item_support,
            "neighbour_support": pair.neighbour_support,
            "users": pair.users,
            "dot": pair.dot,
            "item_norm": pair.item_square.sqrt(),
            "neighbour_norm": pair.neighbour_square.sqrt(),
            "measures": told.measures.iter().map(measure_json).collect::<Vec<_>>(),
            "contributions":
                told.contributions.iter().map(|one| self.contribution_json(one)).collect::<Vec<_>>(),
            "above": told.above.as_ref().map(|above| self.rival_json(above)),
            "below": told.below.as_ref().map(|below| self.neighbour_json(below)),
            "entry": told.entry.as_ref().map(|entry| self.rival_json(entry)),
        })
    }

    fn thing_json(&self, code: u32) -> Value {
        json!({ "id": self.folded.catalogue.ids.display(code), "label": self.label(code) })
    }

    fn contribution_json(&self, one: &Contribution) -> Value {
        json!({
            "user": self.folded.others.display(one.user),
            "items": one.items,
            "item_weight": one.item_weight,
            "neighbour_weight": one.neighbour_weight,
            "share": one.share,
        })
    }

    fn neighbour_json(&self, neighbour: &Neighbour) -> Value {
        let mut thing = self.thing_json(neighbour.code);
        thing["score"] = json!(neighbour.score);
        thing["overlap"] = json!(neighbour.overlap);
        thing
    }

    fn rival_json(&self, rival: &Rival) -> Value {
        let (overlap, dot) = match rival.needs {
            Need::Overlap(overlap) => (Some(overlap), None),
            Need::Dot(dot) => (None, Some(dot)),
            Need::Impossible | Need::Several => (None, None),
        };
        json!({
            "neighbour": rival.neighbour.as_ref().map(|ahead| self.neighbour_json(ahead)),
            "needs_overlap": overlap,
            "needs_dot": dot,
        })
    }
}

fn measure_json(value: &MeasureValue) -> Value {
    json!({
        "measure": value.measure.name(),
        "score": value.score,
        "reverse": value.reverse,
    })
}

fn score_text(score: f32) -> String {
    number_text(f64::from(score))
}

/// Writes a number with about five digits that matter.
fn number_text(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 {
        "0".into()
    } else if !(1e-4..1e7).contains(&size) {
        format!("{number:.4e}")
    } else if size < 10.0 {
        format!("{number:.4}")
    } else {
        format!("{number:.2}")
    }
}
