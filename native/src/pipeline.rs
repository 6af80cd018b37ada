//! From files to interactions: the stages every command shares.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use ilk_core::{
    clean::{Cleaned, Needs, Reason, SetAside, Tally, clean},
    encode::{EncodeError, encode},
    executor::Executor as _,
    interactions::{Folded, Folding, fold},
    job::{Job, Of},
    plan::{HeavyUser, find_heavy_user},
};
use ilk_formats::{ReadOptions, Table};

use crate::{
    config::DataSource,
    error::Error,
    inputs::{self, FileSource},
    pool::Pool,
    progress::Reporter,
    text::{counted, grouped, printable},
};

/// The files of a data source, opened.
pub(crate) struct Files {
    tables: Vec<Table>,
    names: Vec<String>,
}

/// The rows that were kept, and what became of the others.
pub(crate) struct Cleaning {
    chunks: Vec<Cleaned>,
    /// How many rows took which path.
    pub(crate) tally: Tally,
    /// Names of the files, by number.
    pub(crate) names: Vec<String>,
}

impl Files {
    /// Finds and opens the files of `source`.
    ///
    /// # Errors
    /// For inputs that name nothing and files that cannot be used.
    pub(crate) fn open(source: &DataSource, reporter: &Reporter) -> Result<Self, Error> {
        let inputs = inputs::resolve(&source.input)?;
        if let Some(skipped) = inputs.skipped_text() {
            reporter.note(skipped);
        }
        let options = ReadOptions {
            user: source.user.clone(),
            item: source.item.clone(),
            weight: source.weight.clone(),
            time: source.time.clone(),
            item_label: source.item_label.clone(),
            conditions: source.conditions.clone(),
            delimiter: source.delimiter.map(|delimiter| delimiter.0),
            constants: Vec::new(),
        };
        let (mut tables, mut names) = (Vec::new(), Vec::new());
        for (number, file) in (0..).zip(inputs.files) {
            let source = FileSource::open(&file.path)?;
            let options = ReadOptions { constants: file.constants, ..options.clone() };
            tables.push(Table::open(Arc::new(source), number, &options)?);
            names.push(file.path.display().to_string());
        }
        Ok(Self { tables, names })
    }

    /// Reads and cleans all rows.
    ///
    /// # Errors
    /// For files that turn out damaged, and where there is no row at all.
    pub(crate) fn read(
        self,
        job: &Job,
        needs: Needs,
        pool: &Pool,
        reporter: &Reporter,
    ) -> Result<Cleaning, Error> {
        let parts = |(table, opened): (usize, &Table)| {
            (0..opened.parts().len()).map(move |part| (table, part)).collect::<Vec<_>>()
        };
        let parts = self.tables.iter().enumerate().flat_map(parts).collect::<Vec<_>>();
        let rows = self.tables.iter().map(Table::row_count).sum();
        let stage = reporter.stage("reading", rows);
        let failed = AtomicBool::new(false);
        let results = pool.map(parts.len(), |index| {
            let (mut chunks, mut tally) = (Vec::new(), Tally::default());
            if failed.load(Ordering::Relaxed) {
                return Ok((chunks, tally));
            }
            let (table, part) = parts[index];
            let read = self.tables[table].read(part, &mut |rows| {
                let count = rows.len() as u64;
                let (chunk, of_chunk) = clean(rows, job, needs);
                chunks.push(chunk);
                tally.merge(of_chunk);
                stage.advance(count);
                Ok::<(), ilk_formats::Error>(())
            });
            failed.fetch_or(read.is_err(), Ordering::Relaxed);
            read.map(|()| (chunks, tally))
        });
        // Parts are begun in order, so the first failed one is always among those that were tried.
        let (mut chunks, mut tally) = (Vec::new(), Tally::default());
        for result in results {
            let (of_part, part_tally) = result?;
            chunks.extend(of_part);
            tally.merge(part_tally);
        }
        if tally.rows == 0 {
            return Err(Error::input(format!("no rows in {}", self.text()))
                .with_help("check that the inputs are the files you mean"));
        }
        stage.count("rows", tally.rows);
        stage.count("kept", tally.kept());
        let files = counted(self.names.len() as u64, "file");
        stage.finish(format!("{} from {files}", counted(tally.rows, "row")));
        Ok(Cleaning { chunks, tally, names: self.names })
    }

    /// Names the files in a few words.
    fn text(&self) -> String {
        match &self.names[..] {
            [name] => name.clone(),
            [first, .., last] => {
                format!("{} files ({first} … {last})", grouped(self.names.len() as u64))
            }
            [] => "the input".into(),
        }
    }
}

impl Cleaning {
    /// Encodes and folds the rows into interactions.
    ///
    /// # Errors
    /// For ids that do not go together.
    pub(crate) fn fold(
        self,
        job: &Job,
        needs: Needs,
        pool: &Pool,
        reporter: &Reporter,
    ) -> Result<Folded, Error> {
        let stage = reporter.stage("sorting", None);
        let encoded = encode(self.chunks, pool).map_err(|error| mixed_ids(&error, &self.names))?;
        let folded = fold(encoded, job, needs, pool);
        let (users, items) = match job.of {
            Of::Items => (folded.others.len(), folded.catalogue.ids.len()),
            Of::Users => (folded.catalogue.ids.len(), folded.others.len()),
        };
        let (users, items) = (users as u64, items as u64);
        let interactions = folded.interactions.len() as u64;
        stage.count("users", users);
        stage.count("items", items);
        stage.count("interactions", interactions);
        stage.finish(format!(
            "{} of {} and {}",
            counted(interactions, "interaction"),
            counted(users, "user"),
            counted(items, "item")
        ));
        Ok(folded)
    }
}

/// Says how many rows were set aside for which reason, and shows the first few of each.
pub(crate) fn report_set_aside(tally: &Tally, names: &[String], reporter: &Reporter) {
    for reason in Reason::ALL {
        let count = tally.count(reason);
        if count == 0 {
            continue;
        }
        let share = count as f64 * 100.0 / tally.rows as f64;
        let text = format!("set aside {reason}: {} ({share:.2} %)", counted(count, "row"));
        reporter.count("set_aside", text, &[(reason.name(), count)]);
        let rows = tally.samples.iter().filter(|row| row.reason == reason);
        for row in rows.take(shown(reason)) {
            reporter.note(format!("  {}", row_text(row, names)));
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

pub(crate) fn row_text(row: &SetAside, names: &[String]) -> String {
    let cell = |cell: &Option<String>| {
        cell.as_deref()
            .map_or_else(|| "null".into(), |text| printable(&crate::text::shortened(text, 40)))
    };
    let mut text = format!(
        "{} row {}: user {}, item {}",
        names[row.file as usize],
        grouped(row.row),
        cell(&row.user),
        cell(&row.item)
    );
    if row.detail.is_some() {
        let what = match row.reason {
            Reason::Unreadable => "",
            Reason::BadTime => "time ",
            _ => "weight ",
        };
        text.push_str(&format!(", {what}{}", cell(&row.detail)));
    }
    text
}

fn mixed_ids(error: &EncodeError, names: &[String]) -> Error {
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

/// Says what folding left out.
pub(crate) fn report_folding(folding: &Folding, job: &Job, reporter: &Reporter) {
    if folding.netted_away > 0 {
        let text = format!(
            "netted away: {} whose weights add up to zero or less",
            counted(folding.netted_away, "pair")
        );
        reporter.count("netted_away", text, &[("pairs", folding.netted_away)]);
    }
    if let Some(cap) = job.max_items_per_user.filter(|_| folding.capped_users > 0) {
        let text = format!(
            "capped at {} per user: {}, {} dropped, {:.3e} pair operations saved",
            counted(cap.into(), "item"),
            counted(folding.capped_users, "user"),
            counted(folding.capped_pairs, "interaction"),
            folding.capped_operations as f64
        );
        let counts = [("users", folding.capped_users), ("interactions", folding.capped_pairs)];
        reporter.count("capped", text, &counts);
    }
    if folding.rare_items > 0 {
        let text = format!(
            "dropped below {}: {}, {}, {} left without items",
            counted(job.min_support.into(), "user"),
            counted(folding.rare_items, "item"),
            counted(folding.rare_pairs, "interaction"),
            counted(folding.emptied_users, "user")
        );
        let counts = [("items", folding.rare_items), ("interactions", folding.rare_pairs)];
        reporter.count("rare", text, &counts);
    }
}

/// Refuses a job that one user's items make too expensive.
///
/// # Errors
/// A refusal that names the user and the cap that would help.
pub(crate) fn check_work(folded: &Folded) -> Result<(), Error> {
    let Some(heavy) = find_heavy_user(folded.interactions.degrees()) else { return Ok(()) };
    let HeavyUser { user, items, operations, all_operations, cap, capped_operations } = heavy;
    let name = folded.others.display(user);
    Err(Error::refused(format!(
        "user {} has {}: comparing them with one another takes {:.2e} of the job's {:.2e} pair \
         operations",
        printable(&crate::text::shortened(&name, 40)),
        counted(items, "item"),
        operations as f64,
        all_operations as f64
    ))
    .with_help(format!(
        "--max-items-per-user {cap} leaves {:.2e}; --force runs it as it is",
        capped_operations as f64
    )))
}
