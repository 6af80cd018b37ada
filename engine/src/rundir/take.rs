//! Rows of a stage's result, with ids and labels in the place of codes.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use ilk_formats::{CsvOptions, Input, Values, read_plain};

use super::{
    checking::checked,
    dir::NO_RUN,
    files,
    manifest::Manifest,
    tables::{instant, open},
};
use crate::{
    error::Error,
    record::{FileRecord, StageName},
    text::{did_you_mean, quoted},
};

/// A table of a run directory.
struct Place {
    /// What people call it.
    name: &'static str,
    stage: StageName,
    /// Its file, or the folder of its files.
    file: &'static str,
    /// Columns of codes, with whose they are.
    codes: &'static [(&'static str, Side)],
}

/// Whose codes a column holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Items,
    Users,
}

/// The tables; the first of a stage is the one that its name stands for.
const PLACES: [Place; 11] = [
    Place { name: "inputs", stage: StageName::Read, file: files::INPUTS, codes: &[] },
    Place { name: "cleaned", stage: StageName::Clean, file: files::CLEANED, codes: &[] },
    Place { name: "quarantine", stage: StageName::Clean, file: files::QUARANTINE, codes: &[] },
    Place {
        name: "interactions",
        stage: StageName::Encode,
        file: files::INTERACTIONS,
        codes: &[("user", Side::Users), ("item", Side::Items)],
    },
    Place { name: "items", stage: StageName::Encode, file: files::ITEMS, codes: &[] },
    Place { name: "users", stage: StageName::Encode, file: files::USERS, codes: &[] },
    Place {
        name: "matrix",
        stage: StageName::Matrix,
        file: files::MATRIX,
        codes: &[("item", Side::Items)],
    },
    Place { name: "plan", stage: StageName::Plan, file: files::PLAN, codes: &[] },
    Place { name: "tiles", stage: StageName::Tiles, file: files::TILES, codes: PAIRS },
    Place { name: "merged", stage: StageName::Merge, file: files::MERGED, codes: PAIRS },
    Place { name: "neighbours", stage: StageName::Write, file: files::NEIGHBOURS, codes: &[] },
];

const PAIRS: &[(&str, Side)] = &[("item", Side::Items), ("neighbour", Side::Items)];

impl Place {
    /// Finds a table by its own name or that of its stage.
    fn find(name: &str) -> Result<&'static Self, Error> {
        let by_stage = |place: &&Self| place.stage.name() == name;
        let found = PLACES.iter().find(|place| place.name == name);
        found.or_else(|| PLACES.iter().find(by_stage)).ok_or_else(|| {
            let names = PLACES.iter().map(|place| place.name);
            let names = names.chain(StageName::ALL.iter().map(|stage| stage.name()));
            let names = names.collect::<BTreeSet<_>>();
            let near = did_you_mean(name, names.iter().copied());
            let all = || names.iter().copied().collect::<Vec<_>>().join(", ");
            Error::input(format!("no stage or table `{name}`"))
                .with_help(near.unwrap_or_else(|| format!("one of: {}", all())))
        })
    }
}

/// What cells of a column say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cells {
    /// Words, or points in time.
    Words,
    /// Numbers.
    Numbers,
}

/// Rows as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The columns: name, and what their cells say.
    pub columns: Vec<(String, Cells)>,
    /// The rows; `None` for null.
    pub rows: Vec<Vec<Option<String>>>,
    /// Rows of the whole table.
    pub total: u64,
}

/// Reads the first `count` rows of a stage's result, with ids and labels in the place of codes.
///
/// # Errors
/// For a directory without a run, a stage that is not done, and files that are damaged.
pub fn take(folder: &Path, what: &str, count: usize) -> Result<Preview, Error> {
    let place = Place::find(what)?;
    let run = Reading::open(folder)?;
    let mut preview = run.preview(place, count)?;
    for (column, side) in place.codes {
        run.name_codes(&mut preview, column, *side)?;
    }
    Ok(preview)
}

/// A run directory that is only read.
struct Reading<'a> {
    folder: &'a Path,
    manifest: Manifest,
}

impl<'a> Reading<'a> {
    fn open(folder: &'a Path) -> Result<Self, Error> {
        let manifest = Manifest::load(folder)?;
        let none =
            || Error::input(format!("{} contains no run", folder.display())).with_help(NO_RUN);
        Ok(Self { folder, manifest: manifest.ok_or_else(none)? })
    }

    /// Returns the files of a table, in order.
    fn files(&self, place: &Place) -> Result<Vec<&FileRecord>, Error> {
        let (stage, folder) = (place.stage, self.folder.display());
        let record = self.manifest.done(stage).ok_or_else(|| {
            Error::input(format!("stage {stage} of {folder} is not done"))
                .with_help("run the command that created the run again to resume it")
        })?;
        Ok(record.files.iter().filter(|file| file.name.starts_with(place.file)).collect())
    }

    /// Checks a file and returns its path.
    fn verified(&self, stage: StageName, file: &FileRecord) -> Result<PathBuf, Error> {
        let path = self.folder.join(&file.name);
        match checked(&path, file)? {
            None => Ok(path),
            Some(what) => {
                let folder = quoted(&self.folder.display().to_string());
                Err(Error::input(what)
                    .with_help(format!("`ilk stage {folder} {stage}` rebuilds it")))
            }
        }
    }

    fn preview(&self, place: &Place, count: usize) -> Result<Preview, Error> {
        let mut preview = Preview { columns: Vec::new(), rows: Vec::new(), total: 0 };
        for file in self.files(place)? {
            let path = self.folder.join(&file.name);
            let input = Input::open(open(&path)?, &CsvOptions::default());
            if preview.rows.len() < count || preview.columns.is_empty() {
                let path = self.verified(place.stage, file)?;
                preview.extend(&path, count)?;
            }
            preview.total += input?.row_count().unwrap_or_default();
        }
        Ok(preview)
    }

    /// Puts ids and labels in the place of codes.
    fn name_codes(&self, preview: &mut Preview, column: &str, side: Side) -> Result<(), Error> {
        let Some(at) = preview.columns.iter().position(|(name, _)| name == column) else {
            return Ok(());
        };
        let cells = preview.rows.iter().filter_map(|row| row[at].as_deref()?.parse::<u32>().ok());
        let wanted = cells.collect::<BTreeSet<_>>();
        let (table, id) = match side {
            Side::Items => ("items", "item"),
            Side::Users => ("users", "user"),
        };
        let names = self.names(Place::find(table)?, id, &wanted)?;
        let has_labels = names.values().any(|(_, label)| label.is_some());
        let mut is_text = false;
        for row in &mut preview.rows {
            let code = row[at].as_deref().and_then(|code| code.parse::<u32>().ok());
            let (id, label) = code.and_then(|code| names.get(&code)).cloned().unwrap_or_default();
            is_text |= id.as_deref().is_some_and(|id| id.parse::<i128>().is_err());
            row[at] = id;
            if has_labels {
                row.insert(at + 1, label);
            }
        }
        if is_text {
            preview.columns[at].1 = Cells::Words;
        }
        if has_labels {
            preview.columns.insert(at + 1, (format!("{column}_label"), Cells::Words));
        }
        Ok(())
    }

    /// Reads the ids and labels of some codes.
    fn names(
        &self,
        place: &Place,
        id: &str,
        wanted: &BTreeSet<u32>,
    ) -> Result<BTreeMap<u32, Name>, Error> {
        let mut names = BTreeMap::new();
        for file in self.files(place)? {
            let path = self.verified(place.stage, file)?;
            let source = open(&path)?;
            let columns = Input::open(source.clone(), &CsvOptions::default())?;
            let has_labels = columns.schema().names().any(|name| name == "label");
            let columns = if has_labels { vec!["code", id, "label"] } else { vec!["code", id] };
            read_plain(source, &columns, &mut |values| {
                let Some(Values::U32(codes)) = values.first() else { return Ok(()) };
                for (row, code) in codes.iter().enumerate() {
                    if wanted.contains(code) {
                        let cell = |column: usize| values.get(column).and_then(|v| cell(v, row));
                        names.insert(*code, (cell(1), cell(2)));
                    }
                }
                Ok::<(), Error>(())
            })?;
        }
        Ok(names)
    }
}

/// Id and label of a code.
type Name = (Option<String>, Option<String>);

/// Why reading ends.
enum End {
    Enough,
    Failed(Error),
}

impl From<ilk_formats::Error> for End {
    fn from(error: ilk_formats::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl Preview {
    /// Appends rows of a file until there are `count`.
    fn extend(&mut self, path: &Path, count: usize) -> Result<(), Error> {
        let source = open(path)?;
        let input = Input::open(source.clone(), &CsvOptions::default())?;
        let names = input.schema().names().map(str::to_owned).collect::<Vec<_>>();
        let names = names.iter().map(String::as_str).collect::<Vec<_>>();
        if self.columns.is_empty() {
            self.columns = names.iter().map(|name| ((*name).to_owned(), Cells::Numbers)).collect();
        }
        let read = read_plain(source, &names, &mut |values| {
            for ((_, cells), values) in self.columns.iter_mut().zip(&values) {
                if matches!(values, Values::Text(_) | Values::Time(_)) {
                    *cells = Cells::Words;
                }
            }
            for row in 0..values.first().map_or(0, Values::len) {
                if self.rows.len() == count {
                    return Err(End::Enough);
                }
                self.rows.push(values.iter().map(|values| cell(values, row)).collect());
            }
            Ok(())
        });
        match read {
            Err(End::Failed(error)) => Err(error),
            Ok(()) | Err(End::Enough) => Ok(()),
        }
    }
}

/// Returns a cell as text; `None` for null.
fn cell(values: &Values, row: usize) -> Option<String> {
    match values {
        Values::U32(values) => Some(values[row].to_string()),
        Values::U64(values) => Some(values[row].to_string()),
        Values::I64(values) => Some(values[row].to_string()),
        Values::F32(values) => Some(values[row].to_string()),
        Values::F64(values) => Some(values[row].to_string()),
        Values::Time(values) => instant(values[row]),
        Values::Text(column) => column.get(row).map(str::to_owned),
    }
}
