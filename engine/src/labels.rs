//! Labels and groups from a table of their own, such as a shop's products.

use std::{
    borrow::Cow,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use ilk_core::{
    data::{IdColumn, Ids, OtherSpelling, TextColumn, other_spelling, unknown_of},
    job::Of,
    kernel::meant,
    prepare::LabelTally,
    result::Catalogue,
};

use crate::{
    csv::CsvSettings,
    error::Error,
    files::Files,
    memory::Allowance,
    misfit::{Needed, does_not_fit},
    pool::Pool,
    progress::Reporter,
    source::{DataSource, TargetSource},
    text::{counted, grouped, shortened},
};

/// A table of labels, opened.
pub struct LabelTable {
    files: Files,
    of: Of,
    /// What it gives.
    what: &'static str,
}

impl LabelTable {
    /// Finds and opens the files of `--labels`; `None` where there are none. Their ids are in the
    /// column of that name which the interactions have, unless another is named.
    ///
    /// # Errors
    /// For inputs that name nothing, files that cannot be used, and columns that are not there.
    pub fn open(
        source: &DataSource,
        of: Of,
        budget: &Allowance,
        reporter: &Reporter,
    ) -> Result<Option<Self>, Error> {
        let Some(label) = source.label.as_ref().filter(|_| !source.labels.is_empty()) else {
            return Ok(None);
        };
        Self::of_labels(source, of, label, Some(budget.chunk_rows()), reporter).map(Some)
    }

    /// Opens the table with the groups: that of `--labels`, or the input itself.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn of_groups(
        source: &DataSource,
        of: Of,
        group: &str,
        budget: &Allowance,
    ) -> Result<Self, Error> {
        Self::groups(source, of, group, Some(budget.chunk_rows()))
    }

    /// Refuses groups that the table does not have.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn check_groups(source: &DataSource, of: Of, group: &str) -> Result<(), Error> {
        Self::groups(source, of, group, None).map(|_| ())
    }

    fn groups(
        source: &DataSource,
        of: Of,
        group: &str,
        chunk_rows: Option<usize>,
    ) -> Result<Self, Error> {
        // What there is to say of the files was said when they were opened for their rows.
        let quiet = Reporter::default();
        if !source.labels.is_empty() {
            return Ok(Self {
                what: "group",
                ..Self::of_labels(source, of, group, chunk_rows, &quiet)?
            });
        }
        if source.input.iter().any(|input| input == "-") {
            return Err(Error::input("standard input cannot be read twice, as --group asks")
                .with_help("write it to a file, or name a table of the groups with --labels"));
        }
        let table = DataSource {
            user: id_of(source, of).clone(),
            item: id_of(source, of).clone(),
            weight: None,
            time: None,
            item_label: Some(group.into()),
            item_separator: source.item_separator.clone().filter(|_| of == Of::Items),
            target: TargetSource::default(),
            ..source.clone()
        };
        let files = Files::open(&table, chunk_rows, &quiet)?;
        Ok(Self { files, of, what: "group" })
    }

    fn of_labels(
        source: &DataSource,
        of: Of,
        column: &str,
        chunk_rows: Option<usize>,
        reporter: &Reporter,
    ) -> Result<Self, Error> {
        let id = source.label_id.as_ref().unwrap_or_else(|| id_of(source, of));
        let table = DataSource {
            item_label: Some(column.into()),
            ignore_table_format: source.ignore_table_format,
            // How the interactions are written says nothing of this table, but what means null.
            csv: CsvSettings { null: source.csv.null.clone(), ..CsvSettings::default() },
            ..DataSource::new(source.labels.iter().cloned(), id.clone(), id.clone())
        };
        let files = Files::open(&table, chunk_rows, reporter);
        let files = files.map_err(|error| {
            let is_column = error.message().contains(" has no column ");
            if source.label_id.is_some() || error.help().is_some() || !is_column {
                return error;
            }
            error.with_help(format!(
                "IDs are expected in column {id}; choose another with --label-id"
            ))
        })?;
        Ok(Self { files, of, what: "label" })
    }

    /// Returns the files.
    pub const fn files(&self) -> &Files {
        &self.files
    }

    /// Does what [`of`](Self::of) does for all items of a catalogue; where they are of two behaviours,
    /// an ID that both have is looked up once.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn of_catalogue(
        &self,
        catalogue: &Catalogue,
        means: (&Pool, &Allowance),
        reporter: &Reporter,
    ) -> Result<TextColumn, Error> {
        if catalogue.target.is_none() {
            return self.of(&catalogue.ids, means, reporter);
        }
        let both = [catalogue.compared_ids(), catalogue.candidate_ids()];
        let (ids, codes) = Ids::unite(&both.map(Cow::into_owned));
        Ok(self.of(&ids, means, reporter)?.pick(&codes.concat()))
    }

    /// Reads what `ids` are called, and says how many have no label.
    ///
    /// # Errors
    /// For files that turn out damaged, labels that do not fit in memory, and where no id is in the
    /// table.
    pub fn of(
        &self,
        ids: &Ids,
        (pool, budget): (&Pool, &Allowance),
        reporter: &Reporter,
    ) -> Result<TextColumn, Error> {
        let room = budget.left(ids.bytes() as usize) / 2;
        let tally = Mutex::new(LabelTally::new(ids.len()));
        let (unreadable, unknown) = (AtomicU64::new(0), Mutex::new(Vec::new()));
        self.files.each(pool, &|_| {}, |_, rows| {
            unreadable.fetch_add(rows.unreadable.len() as u64, Ordering::Relaxed);
            let rows = rows.readable();
            let Some(labels) = &rows.label else { return Ok(()) };
            see_unknown(&unknown, ids, &rows.item);
            let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
            tally.add(ids, &rows.item, labels);
            let bytes = tally.bytes();
            if bytes > room {
                // The rest may bring as many more.
                let needed = Needed { bytes: 4 * bytes, rows: Some(tally.rows()) };
                return Err(does_not_fit("labels or groups", needed, budget));
            }
            Ok(())
        })?;
        let unreadable = unreadable.into_inner();
        if unreadable > 0 {
            let rows = counted(unreadable, "unreadable row");
            let were = if unreadable == 1 { "was" } else { "were" };
            reporter.note(format!("{}: {rows} {were} skipped", self.files.text()));
        }
        let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
        if tally.rows() == 0 {
            return Err(self.files.no_rows());
        }
        let (labels, missing) = tally.finish();
        let first = labels.codes.iter().position(|code| *code == TextColumn::NULL);
        if let Some(first) = first {
            let mut unknown = unknown.into_inner().unwrap_or_else(PoisonError::into_inner);
            unknown.sort_unstable();
            let missing = Missing { count: missing, first: first as u32, unknown };
            self.report(ids, &missing, reporter)?;
        }
        Ok(labels)
    }

    /// Says how many have no label and why that may be, and refuses a table that names none.
    fn report(&self, ids: &Ids, missing: &Missing, reporter: &Reporter) -> Result<(), Error> {
        let (all, what, noun) = (ids.len() as u64, self.what, self.noun());
        let names = self.files.text();
        let why = missing.why(ids);
        if missing.count == all {
            return Err(Error::input(format!(
                "none of the {} has a {what} in {names}",
                counted(all, noun)
            ))
            .with_help(format!("{why}; set the ID column of --labels with --label-id")));
        }
        let share = missing.count as f64 * 100.0 / all as f64;
        let text = format!(
            "{} of {} without a {what} in {names} ({share:.2} %)",
            grouped(missing.count),
            counted(all, noun)
        );
        reporter.count(&format!("{what}s"), text, &[("missing", missing.count)]);
        // A few that nobody named are usual.
        if missing.count * 2 > all || missing.other(ids).is_some() {
            reporter.note(why);
        }
        Ok(())
    }

    const fn noun(&self) -> &'static str {
        match self.of {
            Of::Items => "item",
            Of::Users => "user",
        }
    }
}

/// IDs of a table that are looked at where some are missing.
const UNKNOWN: usize = 1_000;

/// Takes in IDs of a table that are not in the data, until there are enough.
fn see_unknown(unknown: &Mutex<Vec<String>>, ids: &Ids, column: &IdColumn) {
    let mut unknown = unknown.lock().unwrap_or_else(PoisonError::into_inner);
    let left = UNKNOWN - unknown.len().min(UNKNOWN);
    unknown.extend(unknown_of(column, ids, left));
}

/// What has no label.
struct Missing {
    /// How many there are; at least one.
    count: u64,
    /// The first of them.
    first: u32,
    /// IDs of the table that are not in the data.
    unknown: Vec<String>,
}

impl Missing {
    /// Finds an ID of the table that may mean one of the data.
    fn other(&self, ids: &Ids) -> Option<OtherSpelling> {
        other_spelling(self.unknown.iter().map(String::as_str), ids)
    }

    /// Shows an ID of each side, and says in what they differ.
    fn why(&self, ids: &Ids) -> String {
        if let Some(other) = self.other(ids) {
            return meant(&other);
        }
        let there = shortened(&ids.display(self.first), 40);
        let table = self.unknown.first().map_or_else(String::new, |id| {
            format!(", and the table has IDs such as `{}`", shortened(id, 40))
        });
        format!("the data has IDs such as `{there}`{table}")
    }
}

/// Returns the column of the interactions with the ids of what is compared.
const fn id_of(source: &DataSource, of: Of) -> &String {
    match of {
        Of::Items => &source.item,
        Of::Users => &source.user,
    }
}

#[cfg(test)]
mod tests {
    use std::{fmt::Write as _, num::NonZeroUsize};

    use super::*;
    use crate::memory::Bytes;

    #[test]
    fn labels_that_do_not_fit_name_a_limit_under_which_they_do() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("products.csv");
        let name = |item: usize| format!("{item} {}", "x".repeat(100 + item % 50));
        let mut text = String::from("sku,name\n");
        for item in 0..2_000 {
            writeln!(text, "{item},{}", name(item)).unwrap();
        }
        std::fs::write(&path, text).unwrap();
        let path = path.display().to_string();
        let source = DataSource {
            labels: vec![path.clone()],
            label: Some("name".into()),
            ..DataSource::new([path], "sku", "sku")
        };
        let (ids, reporter) = (Ids::Integer((0..2_000).collect()), Reporter::default());
        let pool = Pool::new(NonZeroUsize::new(2)).unwrap();
        let little = Allowance::of_data(64 << 10, 2);
        let table = LabelTable::open(&source, Of::Items, &little, &reporter).unwrap().unwrap();
        let error = table.of(&ids, (&pool, &little), &reporter).unwrap_err();
        assert_eq!(error.message(), "labels or groups do not fit in memory of 64.0 KiB");
        let help = error.help().unwrap();
        assert!(help.contains(" is enough for the first "), "{help}");
        let named = help.split_whitespace().nth(1).unwrap().parse::<Bytes>().unwrap();
        let enough = Allowance::of_data(named.0, 2);
        let labels = table.of(&ids, (&pool, &enough), &reporter).unwrap();
        assert_eq!(labels.get(1_999), Some(name(1_999).as_str()));
    }
}
