//! Lists of ids: which items may be neighbours, and whose neighbours are wanted.

use std::{path::PathBuf, sync::Arc};

use ilk_core::{
    data::{TextList, other_spelling},
    job::{Job, Of},
    kernel::{meant, none_listed},
    plan::{GroupRule, Groups, ItemFilter, codes_of},
    result::Catalogue,
};
use ilk_formats::read_id_list;

use crate::{
    error::Error,
    inputs::FileSource,
    labels::LabelTable,
    memory::Allowance,
    pool::Pool,
    progress::Reporter,
    source::{DataSource, Lists},
    text::{counted, grouped, shortened},
};

/// Refuses a list without ids, with which there can be no neighbour: whoever made it failed.
fn empty(flag: &str, paths: &[PathBuf]) -> Error {
    let paths = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
    let hold = if paths.len() == 1 { "holds" } else { "hold" };
    Error::input(format!("{} {hold} no IDs, so --{flag} leaves no neighbours", paths.join(", ")))
        .with_help(format!("add IDs, or remove --{flag}"))
}

/// The ids of `--only`, `--exclude` and `--for`.
pub struct IdLists {
    only: Option<TextList>,
    exclude: Option<TextList>,
    targets: Option<TextList>,
    grouping: Option<Grouping>,
}

/// Where the groups are, and what they mean.
struct Grouping {
    source: DataSource,
    of: Of,
    column: String,
    rule: GroupRule,
}

impl Grouping {
    fn new(lists: &Lists, source: &DataSource, of: Of) -> Result<Option<Self>, Error> {
        match (lists.rule(), &source.group) {
            (None, None) => Ok(None),
            (Some(rule), Some(column)) => {
                LabelTable::check_groups(source, of, column)?;
                Ok(Some(Self { source: source.clone(), of, column: column.clone(), rule }))
            }
            (None, Some(_)) => Err(Error::input("--group has no effect by itself").with_help(
                "--within keeps neighbours of the same group, --max-per-group N at most N of a group",
            )),
            (Some(_), None) => {
                Err(Error::input("--within and --max-per-group need the groups of the items")
                    .with_help("name the column with --group"))
            }
        }
    }
}

impl IdLists {
    /// Reads the files.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn read(lists: &Lists, source: &DataSource, job: &Job) -> Result<Self, Error> {
        let column = match job.of {
            Of::Items => &source.item,
            Of::Users => &source.user,
        };
        let read = |paths: &[PathBuf]| -> Result<Option<TextList>, Error> {
            let mut ids = TextList::new();
            for path in paths {
                let list = read_id_list(Arc::new(FileSource::open(path)?), column)?;
                list.iter().for_each(|id| ids.push(id));
            }
            Ok((!paths.is_empty()).then_some(ids))
        };
        let not_empty = |flag: &str, paths: &[PathBuf], list: Option<TextList>| match list {
            Some(list) if list.is_empty() => Err(empty(flag, paths)),
            list => Ok(list),
        };
        Ok(Self {
            only: not_empty("only", &lists.only, read(&lists.only)?)?,
            exclude: read(&lists.exclude)?,
            targets: not_empty("for", &lists.targets, read(&lists.targets)?)?,
            grouping: Grouping::new(lists, source, job.of)?,
        })
    }

    /// Refuses groups where a plugin computes the tiles, which knows nothing of them.
    ///
    /// # Errors
    /// If there are groups and a plugin.
    pub(crate) fn check_engine(&self, has_plugin: bool) -> Result<(), Error> {
        if has_plugin && self.grouping.is_some() {
            return Err(Error::input(
                "--within and --max-per-group are not available with --engine plugin",
            )
            .with_help("leave out --engine"));
        }
        Ok(())
    }

    /// Returns true if lists are limited by group.
    pub fn limits_groups(&self) -> bool {
        self.grouping.as_ref().is_some_and(|grouping| grouping.rule.most.is_some())
    }

    /// Returns true if the neighbours of some items only are wanted.
    pub const fn has_targets(&self) -> bool {
        self.targets.is_some()
    }

    /// Returns the lists that there are, by the names of their flags.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &TextList)> {
        let lists = [("only", &self.only), ("exclude", &self.exclude), ("for", &self.targets)];
        lists.into_iter().filter_map(|(name, list)| Some((name, list.as_ref()?)))
    }

    /// Finds the codes of the ids, and reports those that are not in the data: of two behaviours those
    /// of `--for` in the input, all others in the target. Cost: groups are read from their table.
    ///
    /// # Errors
    /// If no id of `--only` or `--for` is: no neighbour would be left. For groups that cannot be read.
    pub fn filter(
        &self,
        catalogue: &Catalogue,
        means: (&Pool, &Allowance),
        reporter: &Reporter,
    ) -> Result<ItemFilter, Error> {
        let filter = self.listed(catalogue, reporter)?;
        let Some(Grouping { source, of, column, rule }) = &self.grouping else {
            return Ok(filter);
        };
        let table = LabelTable::of_groups(source, *of, column, means.1)?;
        let names = table.of_catalogue(catalogue, means, reporter)?;
        Ok(filter.with_groups(Groups::new(&names, *rule)))
    }

    fn listed(&self, catalogue: &Catalogue, reporter: &Reporter) -> Result<ItemFilter, Error> {
        let codes = |flag: &str, list: &Option<TextList>| {
            let Some(list) = list else { return Ok(None) };
            let (ids, first) = match flag {
                "for" => (catalogue.compared_ids(), catalogue.compared().start),
                _ => (catalogue.candidate_ids(), catalogue.candidates().start),
            };
            let (mut codes, unknown) = codes_of(&ids, list.iter());
            if codes.is_empty() && flag != "exclude" && !ids.is_empty() {
                let none = none_listed(&format!("--{flag}"), &unknown, &ids);
                return Err(Error::input(none.message()).with_help(none.help()));
            }
            for code in &mut codes {
                *code += first;
            }
            if let Some(first) = unknown.first() {
                let count = unknown.len() as u64;
                let all = count + codes.len() as u64;
                let first = shortened(first, 40);
                let text = format!(
                    "--{flag}: {} of {} not in the data, such as {first}",
                    grouped(count),
                    counted(all, "ID")
                );
                reporter.count("lists", text, &[(flag, count)]);
                if let Some(other) = other_spelling(unknown.iter().copied(), &ids) {
                    reporter.note(format!("--{flag}: {}", meant(&other)));
                }
            }
            Ok(Some(codes))
        };
        let items = catalogue.ids.len();
        let filter = ItemFilter::new(
            items,
            codes("only", &self.only)?.as_deref(),
            codes("exclude", &self.exclude)?.as_deref(),
            codes("for", &self.targets)?.as_deref(),
        );
        Ok(filter.across(items, catalogue.target))
    }
}
