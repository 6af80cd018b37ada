//! From files to interactions: the stages every command shares.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use ilk_core::{
    clean::{Cleaned, Needs, Reason, Refusal, SetAside, Tally, clean},
    encode::{EncodeError, Encoded, encode},
    executor::Executor as _,
    ids::Ids,
    interactions::{Folded, Folding, Interactions, fold, pairs_among},
    job::{Given, Job, Of},
    kernel::Kernel,
    matrix::Layout,
    plan::{HEAVIEST_USER, HeavyUser, find_heavy_user},
    rows::Rows,
    weighting::Weighting,
};
use ilk_formats::{ReadOptions, Table};
use serde_json::{Map, Value, json};

use crate::{
    error::Error,
    inputs::{self, FileSource},
    pool::Pool,
    progress::{Reporter, Stage},
    source::DataSource,
    text::{counted, grouped, rounded, shortened},
};

/// The files of a data source, opened.
pub struct Files {
    /// By number.
    pub tables: Vec<Table>,
    /// As people named them, by number.
    pub names: Vec<String>,
    options: ReadOptions,
}

/// The rows that were kept, and what became of the others.
pub struct Cleaning {
    chunks: Vec<Cleaned>,
    /// How many rows took which path.
    pub tally: Tally,
    /// Names of the files, by number.
    pub names: Vec<String>,
}

impl Files {
    /// Finds and opens the files of `source`; they are read in chunks of at most `chunk_rows`.
    ///
    /// # Errors
    /// For inputs that name nothing and files that cannot be used.
    pub fn open(
        source: &DataSource,
        chunk_rows: Option<usize>,
        reporter: &Reporter,
    ) -> Result<Self, Error> {
        let inputs = inputs::resolve(&source.input)?;
        if let Some(skipped) = inputs.skipped_text() {
            reporter.count("skipped", skipped, &[("files", inputs.skipped.len() as u64)]);
        }
        let options = ReadOptions {
            user: source.user.clone(),
            item: source.item.clone(),
            weight: source.weight.clone(),
            time: source.time.clone(),
            item_label: source.item_label.clone(),
            conditions: source.conditions.clone(),
            delimiter: source.delimiter.map(|delimiter| delimiter.0),
            chunk_rows,
            constants: Vec::new(),
        };
        let (mut tables, mut names) = (Vec::new(), Vec::new());
        for (number, file) in (0..).zip(inputs.files) {
            let source = FileSource::open(&file.path)?;
            let options = ReadOptions { constants: file.constants, ..options.clone() };
            tables.push(Table::open(Arc::new(source), number, &options)?);
            names.push(file.path.display().to_string());
        }
        Ok(Self { tables, names, options })
    }

    /// Reads and cleans all rows into memory.
    ///
    /// # Errors
    /// For files that turn out damaged, and where there is no row at all.
    pub fn read(
        &self,
        job: &Job,
        needs: Needs,
        pool: &Pool,
        reporter: &Reporter,
    ) -> Result<Cleaning, Error> {
        let held = Held::default();
        let tally = self.stream(job, needs, pool, reporter, &|part, chunk| {
            held.add(part, chunk);
            Ok(())
        })?;
        Ok(Cleaning { chunks: held.finish(), tally, names: self.names.clone() })
    }

    /// Reads and cleans all rows, and hands on the kept ones, chunk by chunk, from any thread:
    /// the number of the part of all files, and a chunk of it.
    ///
    /// # Errors
    /// For files that turn out damaged, where there is no row at all, and what `sink` returns.
    pub fn stream(
        &self,
        job: &Job,
        needs: Needs,
        pool: &Pool,
        reporter: &Reporter,
        sink: &(dyn Fn(usize, Cleaned) -> Result<(), Error> + Sync),
    ) -> Result<Tally, Error> {
        let (tallies, stage) = self.each_chunk(pool, reporter, |part, rows| {
            let (chunk, tally) = clean(rows, job, needs);
            sink(part, chunk)?;
            Ok(tally)
        })?;
        let mut tally = Tally::default();
        for of_chunk in tallies {
            tally.merge(of_chunk);
        }
        stage.count("kept", tally.kept());
        stage.finish(self.read_text(tally.rows));
        Ok(tally)
    }

    /// Reads all rows, hands each chunk to `make` with the number of the part it is of, and returns
    /// what it makes of them in the order of the files; the stage is still to be finished.
    ///
    /// # Errors
    /// For files that turn out damaged, where there is no row at all, and what `make` returns.
    pub fn each_chunk<'r, T: Send>(
        &self,
        pool: &Pool,
        reporter: &'r Reporter,
        make: impl Fn(usize, Rows) -> Result<T, Error> + Sync,
    ) -> Result<(Vec<T>, Stage<'r>), Error> {
        let parts = |(table, opened): (usize, &Table)| {
            (0..opened.parts().len()).map(move |part| (table, part)).collect::<Vec<_>>()
        };
        let parts = self.tables.iter().enumerate().flat_map(parts).collect::<Vec<_>>();
        let stage = reporter.stage("reading", self.row_count());
        let (failed, rows) = (AtomicBool::new(false), AtomicU64::new(0));
        let results = pool.map(parts.len(), |index| {
            let mut made = Vec::new();
            if failed.load(Ordering::Relaxed) {
                return Ok(made);
            }
            let (table, part) = parts[index];
            let read = self.tables[table].read(part, &mut |chunk| {
                let count = chunk.len() as u64;
                made.push(make(index, chunk)?);
                rows.fetch_add(count, Ordering::Relaxed);
                stage.advance(count);
                Ok::<(), Error>(())
            });
            failed.fetch_or(read.is_err(), Ordering::Relaxed);
            read.map(|()| made)
        });
        // Parts are begun in order, so the first failed one is always among those that were tried.
        let mut made = Vec::new();
        for result in results {
            made.extend(result?);
        }
        let rows = rows.into_inner();
        if rows == 0 {
            return Err(Error::input(format!("no rows in {}", self.text()))
                .with_help("check that the inputs are the files you mean"));
        }
        stage.count("rows", rows);
        Ok((made, stage))
    }

    /// Says how many rows were read.
    pub fn read_text(&self, rows: u64) -> String {
        let files = counted(self.names.len() as u64, "file");
        format!("{} from {files}", counted(rows, "row"))
    }

    /// Returns the number of rows where all files say it.
    pub fn row_count(&self) -> Option<u64> {
        self.tables.iter().map(Table::row_count).sum()
    }

    /// Returns the names of the files, by number.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the columns that are read, and the names they have.
    pub const fn options(&self) -> &ReadOptions {
        &self.options
    }

    /// Refuses an output that is, or holds, one of the files: it would be read and then replaced.
    ///
    /// # Errors
    /// If it is so.
    pub fn check_apart_from(&self, out: &Path) -> Result<(), Error> {
        let Ok(place) = out.canonicalize() else { return Ok(()) };
        let is_there = |name: &&String| {
            Path::new(name).canonicalize().is_ok_and(|path| path.starts_with(&place))
        };
        let Some(name) = self.names.iter().find(is_there) else { return Ok(()) };
        let what = if place.is_dir() {
            format!("holds the input {name}")
        } else {
            "is also an input".into()
        };
        Err(Error::input(format!("output {} {what}", out.display()))
            .with_help("write elsewhere, or leave it out of the inputs"))
    }

    /// Names the files in a few words.
    pub fn text(&self) -> String {
        match &self.names[..] {
            [name] => name.clone(),
            [first, .., last] => {
                format!("{} files ({first} … {last})", grouped(self.names.len() as u64))
            }
            [] => "the input".into(),
        }
    }
}

/// Chunks in memory, from several threads.
#[derive(Debug, Default)]
pub struct Held(Mutex<Vec<(usize, Cleaned)>>);

impl Held {
    /// Takes in a chunk of a part; those of one part come in order.
    pub fn add(&self, part: usize, chunk: Cleaned) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((part, chunk));
    }

    /// Gives out the chunks in the order of the files.
    pub fn finish(self) -> Vec<Cleaned> {
        let mut chunks = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        chunks.sort_by_key(|(part, _)| *part);
        chunks.into_iter().map(|(_, chunk)| chunk).collect()
    }
}

impl Cleaning {
    /// Encodes the rows, for commands that fold them in a way of their own.
    ///
    /// # Errors
    /// For ids that do not go together.
    pub fn encode(self, pool: &Pool) -> Result<Encoded, Error> {
        encode(self.chunks, pool).map_err(|error| mixed_ids(&error, &self.names))
    }

    /// Puts together what was read.
    pub fn new(chunks: Vec<Cleaned>, tally: Tally, names: Vec<String>) -> Self {
        Self { chunks, tally, names }
    }

    /// Encodes and folds the rows into interactions.
    ///
    /// # Errors
    /// For ids that do not go together.
    pub fn fold(
        self,
        job: &Job,
        needs: Needs,
        pool: &Pool,
        reporter: &Reporter,
    ) -> Result<Folded, Error> {
        let mut stage = reporter.stage("sorting", None);
        let encoded = encode(self.chunks, pool).map_err(|error| mixed_ids(&error, &self.names))?;
        let folded = fold(encoded, job, needs, pool);
        stage.clear();
        let operations = folded.interactions.pair_operations();
        report_folding(&folded.folding, operations, job, reporter);
        let sides = (folded.others.len() as u64, folded.catalogue.ids.len() as u64);
        finish_folding(stage, sides, folded.interactions.len() as u64, job);
        Ok(folded)
    }
}

/// Ends the stage of folding. `sides`: how many there are of those who are not compared, and of
/// those who are.
pub fn finish_folding(stage: Stage<'_>, sides: (u64, u64), interactions: u64, job: &Job) {
    let (users, items) = match job.of {
        Of::Items => sides,
        Of::Users => (sides.1, sides.0),
    };
    stage.count("users", users);
    stage.count("items", items);
    stage.count("interactions", interactions);
    stage.finish(format!(
        "{} of {} and {}",
        counted(interactions, "interaction"),
        counted(users, "user"),
        counted(items, "item")
    ));
}

/// Says how many rows were set aside for which reason, and shows the first few of each.
pub fn report_set_aside(tally: &Tally, names: &[String], reporter: &Reporter) {
    for reason in Reason::ALL {
        let count = tally.count(reason);
        if count == 0 {
            continue;
        }
        let share = count as f64 * 100.0 / tally.rows as f64;
        let text = format!("{reason}: {} ({share:.2} %)", counted(count, "row"));
        reporter.count("set_aside", text, &[(reason.name(), count)]);
        let rows = tally.samples.iter().filter(|row| row.reason == reason);
        for row in rows.take(shown(reason)) {
            reporter.row(row_text(row, names), &row_record(row, names));
        }
    }
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

/// The same for machines.
fn row_record(row: &SetAside, names: &[String]) -> Map<String, Value> {
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

/// Stops where the job's guards do not let it go on with these rows.
///
/// # Errors
/// A refusal with what to do about it.
pub fn check_rows(tally: &Tally, job: &Job) -> Result<(), Error> {
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
                "`ilk inspect` shows the first of them; mend them, or allow more with \
                 --max-bad-rows {}%",
                share.ceil()
            ))
        }
        Refusal::NonpositiveWeights { rows } => Error::refused(format!(
            "{} with a weight of 0 or less, and negative_weights is error",
            counted(rows, "row")
        ))
        .with_help(
            "--negative-weights drop sets such rows aside, net adds them to the pair's others",
        ),
        Refusal::Strict { rows, reasons } => Error::refused(format!(
            "{} set aside ({reasons}), which strict forbids",
            counted(rows, "row")
        ))
        .with_help("`ilk inspect` shows the first of them; mend them, or do without --strict"),
        other => Error::refused(other.to_string()),
    })
}

/// Says of which files the ids do not go together.
pub fn mixed_ids(error: &EncodeError, names: &[String]) -> Error {
    match error {
        EncodeError::MixedKinds { column, integers, text } => {
            let (integers, text) = (&names[*integers as usize], &names[*text as usize]);
            Error::input(format!("{column} ids are integers in {integers} but text in {text}"))
                .with_help(format!("write the {column} column with one type in all files"))
        }
        EncodeError::TooWide { file, .. } => {
            Error::input(format!("{error} (in {})", names[*file as usize]))
                .with_help("write the column as text")
        }
        _ => Error::input(error.to_string()),
    }
}

/// Says what folding left out. `operations`: pair operations of what is left.
pub fn report_folding(folding: &Folding, operations: u128, job: &Job, reporter: &Reporter) {
    if folding.netted_away > 0 {
        let text =
            format!("{} whose weights add up to 0 or less", counted(folding.netted_away, "pair"));
        reporter.count("netted", text, &[("pairs", folding.netted_away)]);
    }
    if let Some(cap) = job.max_items_per_user.filter(|_| folding.capped_users > 0) {
        let saved = folding.capped_operations as f64 * 100.0
            / (folding.capped_operations + operations).max(1) as f64;
        let text = format!(
            "{} to {} ({} less, {saved:.1} % of the pair operations)",
            counted(folding.capped_users, "user"),
            counted(cap.into(), "item"),
            counted(folding.capped_pairs, "interaction")
        );
        let counts = [("users", folding.capped_users), ("interactions", folding.capped_pairs)];
        reporter.count("capped", text, &counts);
    }
    if folding.rare_items > 0 {
        let text = format!(
            "{} with fewer than {} ({}{})",
            counted(folding.rare_items, "item"),
            counted(job.min_support.into(), "user"),
            counted(folding.rare_pairs, "interaction"),
            match folding.emptied_users {
                0 => String::new(),
                users => format!(", {}", counted(users, "user")),
            }
        );
        let counts = [
            ("items", folding.rare_items),
            ("interactions", folding.rare_pairs),
            ("users", folding.emptied_users),
        ];
        reporter.count("dropped", text, &counts);
    }
}

/// Finds a user whose items make comparing everything with everything too expensive; the refusal
/// names the cap that would help.
pub fn heavy_user(interactions: &Interactions, users: &Ids) -> Option<Error> {
    let name = |user| Ok(users.display(user).into_owned());
    // A name in memory cannot fail.
    too_heavy(interactions.degrees(), name).ok().flatten()
}

/// Does the same from the number of items of every user; `name` finds out how a user is called.
///
/// # Errors
/// What `name` returns.
pub fn too_heavy(
    degrees: impl Iterator<Item = usize> + Clone,
    name: impl FnOnce(u32) -> Result<String, Error>,
) -> Result<Option<Error>, Error> {
    let Some(heavy) = find_heavy_user(degrees.clone()) else { return Ok(None) };
    let HeavyUser { user, items, operations, all_operations, cap, .. } = heavy;
    let cap = readable_cap(cap);
    let capped = degrees.map(|items| pairs_among(items.min(cap as usize))).sum();
    let refusal = Error::refused(format!(
        "user {} has {}: comparing them with one another takes {} of the job's {} pair operations",
        shortened(&name(user)?, 40),
        counted(items, "item"),
        rounded(operations),
        rounded(all_operations)
    ));
    Ok(Some(refusal.with_help(format!(
        "--max-items-per-user {cap} leaves {} at most; `ilk run --force` runs it as it is",
        rounded(capped)
    ))))
}

/// Pair operations of the heaviest user that is no reason to refuse.
pub const HEAVIEST_PLAN: u64 = HEAVIEST_USER * HEAVIEST_USER / 2;

/// Takes the instructions that `ILK_KERNEL` names, for tests and benchmarks; else the fastest.
pub fn layout() -> Result<Layout, Error> {
    let Some(name) = std::env::var_os("ILK_KERNEL").filter(|name| !name.is_empty()) else {
        return Ok(Layout::default());
    };
    let available = Kernel::available();
    let named = available.iter().find(|kernel| name == kernel.name());
    let kernel = *named.ok_or_else(|| {
        let names = available.iter().map(|kernel| kernel.name()).collect::<Vec<_>>().join(", ");
        let name = shortened(&name.to_string_lossy(), 40);
        Error::input(format!("ILK_KERNEL is {name}, which this machine does not have"))
            .with_help(format!("leave it out, or choose one of: {names}"))
    })?;
    Ok(Layout { kernel, ..Layout::default() })
}

/// Returns which columns of `source` the job looks at.
pub fn needs(source: &DataSource, job: &Job) -> Needs {
    Needs::of(job, Given { weight: source.weight.is_some(), time: source.time.is_some() })
}

/// Says what was asked for without effect.
pub fn report_unused(source: &DataSource, job: &Job, reporter: &Reporter) {
    if job.measure.is_weighted() && !needs(source, job).weight {
        match job.weighting {
            Weighting::Binary if source.weight.is_some() => {
                reporter.note("weights only set returns aside (--weighting is binary)");
            }
            Weighting::Raw | Weighting::Log => reporter.note(format!(
                "all weights are 1: {} changes nothing without --weight or --duplicates sum",
                job.weighting.name()
            )),
            _ => {}
        }
    }
    if source.item_label.is_some() && job.of == Of::Users {
        reporter.note("item labels are left out: they do not name users");
    }
}

/// Rounds a cap down to two digits that matter.
fn readable_cap(cap: u32) -> u32 {
    let scale = 10_u32.pow(cap.checked_ilog10().unwrap_or(0).saturating_sub(1));
    cap / scale * scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caps_are_rounded_down() {
        for (cap, readable) in
            [(1, 1), (99, 99), (107, 100), (99_999, 99_000), (u32::MAX, 4_200_000_000)]
        {
            assert_eq!(readable_cap(cap), readable);
        }
    }
}
