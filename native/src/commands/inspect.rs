//! `ilk inspect`: the data before a run.

use std::{fmt::Write as _, path::Path, sync::Arc};

use ilk_core::{
    forecast::Profile,
    job::{Given, Job, SimilarityJob},
    kernel::neighbours,
    matrix::Matrix,
    plan::{ItemFilter, Plan},
    prepare::{Folded, Needs, Reason, Refusal, Tally, Times},
    result::Overlaps,
};
use ilk_engine::{
    files::Files,
    parts::{Cleaning, cap_of_heavy, check_rows, heavy_user, row_text},
};
use ilk_formats::{Guess, Input, Schema, guess_columns};

use serde_json::{Map, Value, json};

use super::{
    inspected::{self, InspectedColumn},
    sample::{Few, few},
};
use crate::{
    cli::TextOrJson,
    error::Error,
    inputs::{self, FileSource, InputFile},
    pool::Pool,
    progress::Reporter,
    settings::{DataSource, Layers, PartialSource, Word},
    stdout,
    text::{Align, Histogram, Table, counted, grouped, rounded, shortened, width},
};

/// Users and items named one by one.
const TOP: usize = 5;

/// What the neighbours of some items may take, to see how many users they rest on: about two
/// seconds of one core.
const LOOK: Few = Few { items: 1_000, cost: 2_000_000_000_000 };

/// Prints columns, rows, skew and work.
///
/// # Errors
/// For input that cannot be read.
pub(crate) fn inspect(
    layers: &Layers,
    format: TextOrJson,
    reporter: &Reporter,
) -> Result<(), Error> {
    let reporter = &reporter.for_report();
    let partial = layers.checked_source()?;
    if partial.input.is_empty() {
        return Err(Error::input("missing: INPUT").with_help("as in `ilk inspect orders.csv`"));
    }
    partial.target.refuse("`ilk inspect` is", "inspect the inputs and the target one by one")?;
    let files = inputs::resolve(&partial.input, partial.table_formats())?.files;
    let first = &files[0];
    let input = open(first, &partial)?;
    let schema = input.schema();
    // Who names user and item knows the columns: what else is used is then named too.
    let is_named = partial.user.is_some() && partial.item.is_some();
    let guess = if is_named { Guess::default() } else { guess_columns(schema) };
    let mut report = Report { format, text: String::new(), facts: Map::new() };
    report.fact("files", files.len());
    let columns = columns(schema, &first.constants, &partial, &guess);
    report.text += &columns_text(&columns);
    report.fact("columns", inspected::columns(&columns));
    let Some(source) = complete(&partial, &guess) else {
        how_read(&input, reporter);
        report.text += "\nname the user ID and item ID columns: --user COL --item COL\n";
        return report.print();
    };
    drop(input);
    let given = Given { weight: source.weight.is_some(), time: source.time.is_some() };
    let job = SimilarityJob::default()
        .resolve(given)
        .map_err(|error| Error::internal(error.to_string()))?;
    let (needs, pool) = (Needs::of(&job, given), Pool::new(layers.threads()?)?);
    let opened = Files::open(&source, None, reporter)?;
    let rows = Cleaning::read(&opened, (&job, needs), &pool, reporter)?;
    rows_text(&mut report.text, &rows.tally, opened.names());
    report.fact("rows", inspected::rows(&rows.tally, opened.names()));
    report.fact("times", inspected::times(&rows.tally.times));
    let mut proposal = Proposal::new(layers, &partial, &guess);
    let refusal = proposal.refusal(&rows.tally, &opened);
    if rows.tally.kept() == 0 {
        proposal.print(&mut report, refusal.as_ref());
        return report.print();
    }
    let folded = rows.fold((&job, needs), &pool, reporter)?;
    let profile = Profile::of(&folded.interactions, TOP);
    profile_text(&mut report.text, &profile, &folded);
    report.facts.extend(inspected::profile(&profile, &folded));
    proposal.cap = cap_of_heavy(&folded.interactions);
    let heavy = heavy_user(&folded.interactions, &folded.others).map(Error::from);
    if let Some(heavy) = &heavy {
        would_refuse(&mut report, heavy);
    } else if !proposal.is_decided(&["job.min_overlap"]) {
        proposal.min_overlap = overlap_text(&mut report, &folded, &job, &pool);
    }
    proposal.print(&mut report, refusal.as_ref());
    report.print()
}

/// What is found, for people and for machines.
struct Report {
    format: TextOrJson,
    text: String,
    facts: Map<String, Value>,
}

impl Report {
    fn fact(&mut self, name: &str, value: impl Into<Value>) {
        self.facts.insert(name.into(), value.into());
    }

    fn print(self) -> Result<(), Error> {
        match self.format {
            TextOrJson::Text => stdout::print_report(&self.text),
            TextOrJson::Json => stdout::print_text(&format!("{:#}\n", Value::Object(self.facts))),
        }
    }
}

/// Says why `ilk run` would not run.
fn would_refuse(report: &mut Report, refusal: &Error) {
    let (message, help) = (refusal.message(), refusal.help());
    let _ = writeln!(report.text, "\n`ilk run` would refuse this job: {message}");
    if let Some(help) = help {
        let _ = writeln!(report.text, "{help}");
    }
    report.fact("refused", json!({"message": message, "help": help}));
}

/// Says how many neighbours rest on one user; returns the overlap that helps.
fn overlap_text(report: &mut Report, folded: &Folded, job: &Job, pool: &Pool) -> Option<u32> {
    let overlaps = overlaps(folded, job, pool);
    let advice = overlaps.advice();
    report.fact(
        "one_user_neighbours",
        json!({
            "share": overlaps.share_of_one(),
            "of_items": overlaps.items(),
            "min_overlap": advice,
        }),
    );
    let min_overlap = advice?;
    let _ = writeln!(
        report.text,
        "\n{:.0} % of neighbours rest on one shared user (from {}); use --min-overlap {min_overlap}",
        overlaps.share_of_one() * 100.0,
        counted(overlaps.items(), "item")
    );
    Some(min_overlap)
}

/// Reports how a file is read that is no plain CSV, and what may be read otherwise than it is meant.
fn how_read(input: &Input, reporter: &Reporter) {
    let dialect = input.dialect().filter(|dialect| !dialect.is_plain());
    if let Some(dialect) = dialect {
        reporter.note(format!("{}: read as CSV with {dialect}", input.name()));
    }
    for note in input.notes() {
        reporter.note(format!("{}: {note}", input.name()));
    }
}

/// The command that `ilk inspect` proposes: what was given, what was guessed, and what makes it run.
struct Proposal<'a> {
    layers: &'a Layers,
    named: &'a PartialSource,
    guess: &'a Guess,
    /// The guessed weight is worth nothing.
    drops_weight: bool,
    cap: Option<u32>,
    min_overlap: Option<u32>,
}

impl<'a> Proposal<'a> {
    const fn new(layers: &'a Layers, named: &'a PartialSource, guess: &'a Guess) -> Self {
        Self { layers, named, guess, drops_weight: false, cap: None, min_overlap: None }
    }

    /// Returns true if a job file decides one of the settings.
    fn is_decided(&self, settings: &[&str]) -> bool {
        settings.iter().any(|setting| self.layers.origin(setting).is_some())
    }

    /// Decides the job that `ilk run` would be given.
    fn job(&self) -> Result<Job, Error> {
        let guessed = self.guess.weight.is_some() && !self.drops_weight;
        let weight = self.named.weight.is_some() || guessed;
        self.layers.resolve_for(Given { weight, time: self.named.time.is_some() })
    }

    /// Returns why `ilk run` would refuse the job. A guessed time is no part of the command, and a
    /// guessed weight is none if its cells are why.
    fn refusal(&mut self, tally: &Tally, files: &Files) -> Option<Error> {
        let mut tally = tally.clone();
        if self.named.time.is_none() {
            tally.forget(Reason::BadTime);
            tally.times = Times::default();
        }
        let check = |job: &Job, tally: &Tally| Ok(check_rows(tally, job, files)?);
        let refusal: Error = self.job().and_then(|job| check(&job, &tally)).err()?;
        if self.named.weight.is_none() && tally.count(Reason::BadWeight) > 0 {
            self.drops_weight = true;
            tally.forget(Reason::BadWeight);
            return self.job().and_then(|job| check(&job, &tally)).err();
        }
        Some(refusal)
    }

    /// Adds the command, or why there is none.
    fn print(&self, report: &mut Report, refusal: Option<&Error>) {
        if let Some(refusal) = refusal {
            would_refuse(report, refusal);
        } else {
            let call = self.layers.call().clone();
            let call = match self.layers.file_path() {
                Some(path) => call.naming(&path.to_string_lossy()),
                None => call,
            };
            let words = call.with("run", self.words());
            let _ = write!(report.text, "\nrun it:\n{}", lines_of(&words));
            report.fact("command", words.join(" "));
        }
    }

    /// The words beside those given.
    fn words(&self) -> Vec<Word> {
        let Guess { user, item, weight, item_label, .. } = self.guess;
        let named = self.named;
        let weight = weight.as_ref().filter(|_| !self.drops_weight);
        let has_labels = named.label.is_some();
        let guesses = [
            ("user", named.user.is_none(), user.as_ref()),
            ("item", named.item.is_none(), item.as_ref()),
            ("weight", named.weight.is_none(), weight),
            ("item-label", named.item_label.is_none() && !has_labels, item_label.as_ref()),
        ];
        let guesses = guesses.into_iter().filter(|(_, is_open, _)| *is_open);
        let mut words = guesses
            .filter_map(|(flag, _, column)| Some(Word::flag(flag, column?)))
            .collect::<Vec<_>>();
        // By itself a group has no effect, which is refused.
        let is_grouped = self.is_decided(&["lists.within", "lists.max_per_group"]);
        words.extend((named.group.is_some() && !is_grouped).then(|| Word::bare("within")));
        let cap = self.cap.filter(|_| !self.is_decided(&["job.max_items_per_user"]));
        let numbers = [("max-items-per-user", cap), ("min-overlap", self.min_overlap)];
        let numbers = numbers.into_iter().filter_map(|(flag, number)| Some((flag, number?)));
        words.extend(numbers.map(|(flag, number)| Word::flag(flag, number.to_string())));
        words.extend(self.needs_output().then(|| Word::flag("out", free_name())));
        words
    }

    /// Returns true if the job has no output, or one that `ilk run` would not replace.
    fn needs_output(&self) -> bool {
        let layers = self.layers;
        let (out, run_dir) = (layers.out().ok().flatten(), layers.run_dir().ok().flatten());
        let overwrites = layers.publishing().is_ok_and(|publishing| publishing.overwrite);
        match out {
            Some(out) => out.exists() && !overwrites && run_dir.is_none(),
            None => run_dir.is_none(),
        }
    }
}

/// Returns a name for the output that is free.
pub(super) fn free_name() -> String {
    let names = (2..).map(|number: u64| format!("similar-{number}.parquet"));
    let mut names = ["similar.parquet".to_owned()].into_iter().chain(names);
    names.find(|name| !Path::new(name).exists()).unwrap_or_default()
}

/// Finds the neighbours of some items, to see how many users they rest on.
fn overlaps(folded: &Folded, job: &Job, pool: &Pool) -> Overlaps {
    let mut overlaps = Overlaps::default();
    if folded.interactions.is_empty() {
        return overlaps;
    }
    let some = few(folded, job, LOOK, pool);
    let matrix = Matrix::new(&folded.interactions, job, pool);
    let filter = ItemFilter::new(folded.catalogue.ids.len(), None, None, Some(&some));
    let plan = Plan::of_job(&matrix, job, &filter);
    let found = neighbours(&matrix, &plan, job, &filter, pool, |_| {});
    for item in &some {
        overlaps.see(found.of(*item));
    }
    overlaps
}

/// Writes a command, each line no wider than the terminal where words allow.
pub(super) fn lines_of(words: &[String]) -> String {
    let (mut text, mut column) = ("  ".to_owned(), 2);
    for (index, word) in words.iter().enumerate() {
        let length = word.chars().count();
        // Two more for the backslash that may follow.
        if index > 0 && column + 1 + length + 2 > width() {
            text.push_str(" \\\n    ");
            column = 4;
        } else if index > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text.push('\n');
    text
}

/// Reads the columns of the first file; the others must have those that are needed.
pub(super) fn schema_of(first: &InputFile, source: &PartialSource) -> Result<Schema, Error> {
    Ok(open(first, source)?.schema().clone())
}

fn open(first: &InputFile, source: &PartialSource) -> Result<Input, Error> {
    let opened = FileSource::open(&first.path)?;
    Ok(Input::open_as(Arc::new(opened), source.input_format, &source.csv.options())?)
}

/// Finds the columns, and which of them serve as what.
fn columns(
    schema: &Schema,
    constants: &[(String, String)],
    named: &PartialSource,
    guess: &Guess,
) -> Vec<InspectedColumn> {
    let roles = [
        ("user", &named.user, &guess.user),
        ("item", &named.item, &guess.item),
        ("weight", &named.weight, &guess.weight),
        ("time", &named.time, &guess.time),
        ("item-label", &named.item_label, &guess.item_label),
    ];
    let columns = schema.columns.iter().map(|column| (&column.name, column.type_name.as_str()));
    let folders = constants.iter().map(|(name, _)| (name, "folder name"));
    let column = |(name, type_name): (&String, &str)| {
        let serves = |(role, named, guess): &(&'static str, &Option<String>, &Option<String>)| {
            let is_guessed = named.is_none() && guess.as_ref() == Some(name);
            (named.as_ref() == Some(name) || is_guessed).then_some((*role, is_guessed))
        };
        let uses = roles.iter().filter_map(serves).collect();
        InspectedColumn { name: name.clone(), type_name: type_name.into(), uses }
    };
    columns.chain(folders).map(column).collect()
}

/// Lists the columns, and which of them serve as what.
fn columns_text(columns: &[InspectedColumn]) -> String {
    let mut table =
        Table::new([("column", Align::Left), ("type", Align::Left), ("used as", Align::Left)]);
    for InspectedColumn { name, type_name, uses } in columns {
        let text = |(role, is_guessed): &(&str, bool)| {
            if *is_guessed { format!("{role} (guessed)") } else { (*role).to_owned() }
        };
        let uses = uses.iter().map(text).collect::<Vec<_>>().join(", ");
        table.row([name.clone(), type_name.clone(), uses]);
    }
    table.render(width())
}

/// Fills in the guesses; `None` where user or item stay open.
pub(super) fn complete(named: &PartialSource, guess: &Guess) -> Option<DataSource> {
    let pick = |named: &Option<String>, guess: &Option<String>| named.clone().or(guess.clone());
    Some(DataSource {
        name: None,
        input: named.input.clone(),
        user: pick(&named.user, &guess.user)?,
        item: pick(&named.item, &guess.item)?,
        weight: pick(&named.weight, &guess.weight),
        time: pick(&named.time, &guess.time),
        item_label: pick(&named.item_label, &guess.item_label),
        labels: named.labels.clone(),
        label_id: named.label_id.clone(),
        label: named.label.clone(),
        group: named.group.clone(),
        conditions: named.conditions.clone(),
        target: named.target.clone(),
        item_separator: named.item_separator.clone(),
        time_unit: named.time_unit,
        time_format: named.time_format.clone(),
        input_format: named.input_format,
        ignore_table_format: named.ignore_table_format,
        csv: named.csv.clone(),
    })
}

/// Counts the rows by what became of them, and shows the first of those set aside.
fn rows_text(report: &mut String, tally: &Tally, names: &[String]) {
    let mut table = Table::new([("", Align::Left), ("", Align::Right), ("", Align::Right)]);
    let share = |count: u64| format!("{:.2} %", count as f64 * 100.0 / tally.rows as f64);
    let files = if names.len() > 1 { counted(names.len() as u64, "file") } else { String::new() };
    table.row(["rows".into(), grouped(tally.rows), files]);
    for reason in Reason::ALL.into_iter().filter(|reason| tally.count(*reason) > 0) {
        let count = tally.count(reason);
        table.row([format!("  {reason}"), grouped(count), share(count)]);
    }
    table.row(["  kept".into(), grouped(tally.kept()), share(tally.kept())]);
    let _ = write!(report, "\n{}", table.render(width()));
    if let Some(times) = ilk_engine::times::text(&tally.times) {
        let _ = writeln!(report, "\ntimes: {times}");
    }
    if let Err(Refusal::TimeUnit { readings }) = tally.check_times() {
        let _ = writeln!(report, "  what the numbers count is not clear: {readings}");
        let _ = writeln!(report, "  set it with --time-unit s, ms, us, ns, days or yyyymmdd");
    }
    let samples = tally.samples.iter().filter(|row| row.reason != Reason::Filtered);
    let mut last = None;
    for row in samples {
        if last != Some(row.reason) {
            let _ = writeln!(report, "\nfirst rows set aside as {}", row.reason);
            last = Some(row.reason);
        }
        let _ = writeln!(report, "  {}", row_text(row, names));
    }
}

/// Describes the interactions: size, skew and work.
fn profile_text(report: &mut String, profile: &Profile, folded: &Folded) {
    let Profile { users, items, interactions, pair_operations, .. } = profile;
    let folding = &folded.folding;
    let density = *interactions as f64 * 100.0 / (*users as f64 * *items as f64).max(1.0);
    let mut table = Table::new([("", Align::Left), ("", Align::Right), ("", Align::Left)]);
    let mut line =
        |name: &str, count: u64, remark: String| table.row([name.into(), grouped(count), remark]);
    line("users", *users, String::new());
    line("items", *items, String::new());
    line("interactions", *interactions, format!("{density:.3} % of all user-item pairs"));
    line("duplicates", folding.events - folding.pairs, "repeated rows of a user and item".into());
    table.row([
        "pair operations".into(),
        rounded(*pair_operations),
        "the work of comparing".into(),
    ]);
    let _ = write!(report, "\n{}", table.render(width()));
    for (share, work) in profile.work_of_heaviest {
        // Of a dozen users none is one in a thousand.
        if share * *users as f64 >= 1.0 {
            let _ = writeln!(
                report,
                "  the heaviest {:>4} % of users cause {:>5.1} % of the work",
                share * 100.0,
                work * 100.0
            );
        }
    }
    let sides = [
        ("items per user", "users", &profile.user_degrees),
        ("users per item", "items", &profile.item_degrees),
    ];
    for (unit, what, degrees) in sides {
        let _ = writeln!(
            report,
            "\n{unit}: median {}, mean {:.1}, 90 % ≤ {}, 99 % ≤ {}, max {}",
            grouped(degrees.median),
            degrees.mean,
            grouped(degrees.p90),
            grouped(degrees.p99),
            grouped(degrees.most)
        );
        let histogram = Histogram::from_buckets(degrees.histogram.clone());
        report.push_str(&histogram.render(unit, what, width()));
    }
    top_text(report, profile, folded);
}

/// Names the heaviest users and items.
fn top_text(report: &mut String, profile: &Profile, folded: &Folded) {
    let mut users = Table::new([("users with most items", Align::Left), ("items", Align::Right)]);
    for (code, count) in &profile.top_users {
        users.row([shortened(&folded.others.display(*code), 40), grouped(*count)]);
    }
    let _ = write!(report, "\n{}", users.render(width()));
    let Some(labels) = &folded.catalogue.labels else {
        let mut items =
            Table::new([("items with most users", Align::Left), ("users", Align::Right)]);
        for (code, count) in &profile.top_items {
            items.row([shortened(&folded.catalogue.ids.display(*code), 40), grouped(*count)]);
        }
        let _ = write!(report, "\n{}", items.render(width()));
        return;
    };
    let mut items = Table::new([
        ("items with most users", Align::Left),
        ("label", Align::Left),
        ("users", Align::Right),
    ]);
    for (code, count) in &profile.top_items {
        items.row([
            shortened(&folded.catalogue.ids.display(*code), 40),
            shortened(labels.get(*code as usize).unwrap_or_default(), 60),
            grouped(*count),
        ]);
    }
    let _ = write!(report, "\n{}", items.render(width()));
}
