//! The conformance cases as they stand in their folders.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use ilk_core::job::{Given, Job, Of, SimilarityJob};
use serde::Deserialize;

/// The settings of a data source.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    pub(crate) input: String,
    pub(crate) user: String,
    pub(crate) item: String,
    pub(crate) weight: Option<String>,
    pub(crate) time: Option<String>,
    pub(crate) item_label: Option<String>,
    #[serde(default, rename = "where")]
    pub(crate) conditions: Vec<String>,
    /// The interactions of a second behaviour, and what their columns are called where they differ.
    pub(crate) target: Option<String>,
    pub(crate) target_user: Option<String>,
    pub(crate) target_item: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JobFile {
    datasource: BTreeMap<String, Source>,
    job: toml::Table,
}

/// Which lists narrow the job: names of files in the case's folder.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListFiles {
    pub(crate) only: Option<String>,
    pub(crate) exclude: Option<String>,
    pub(crate) wanted: Option<String>,
}

/// One case: a folder with `interactions.csv`, `job.toml` and `expected.csv`.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) source: Source,
    pub(crate) job: Job,
    /// The job as it stands, without lists.
    pub(crate) wish: SimilarityJob,
    pub(crate) given: Given,
    pub(crate) lists: ListFiles,
}

/// A file of comma-separated values, cell by cell.
#[derive(Clone, Debug)]
pub(crate) struct Sheet {
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

/// Returns the folder of all cases.
pub(crate) fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance")
}

/// The folder of the cases with two behaviours, which only the program compares.
pub(crate) const TWO_BEHAVIOURS: &str = "two-behaviours";

/// Reads all cases that every surface computes, in order.
pub(crate) fn all() -> Vec<Case> {
    let cases = below(&home());
    assert!(cases.len() >= 24, "only {} cases", cases.len());
    cases
}

/// Reads the cases with two behaviours, in order.
pub(crate) fn two_behaviours() -> Vec<Case> {
    let cases = below(&home().join(TWO_BEHAVIOURS));
    assert!(!cases.is_empty(), "no cases with two behaviours");
    cases
}

fn below(folder: &Path) -> Vec<Case> {
    let entries = fs::read_dir(folder).expect("the conformance folder");
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    let mut folders = paths.filter(|path| path.join("job.toml").exists()).collect::<Vec<_>>();
    folders.sort();
    folders.into_iter().map(Case::read).collect()
}

impl Case {
    fn read(folder: PathBuf) -> Self {
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        let text = read(&folder.join("job.toml"));
        let file: JobFile = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut sources = file.datasource.into_values();
        let (Some(source), None) = (sources.next(), sources.next()) else {
            panic!("{name}: one data source");
        };
        let mut settings = file.job;
        let mut list = |key| settings.remove(key).and_then(|value| value.as_str().map(Into::into));
        let lists = ListFiles { only: list("only"), exclude: list("exclude"), wanted: list("for") };
        let wish: SimilarityJob =
            settings.try_into().unwrap_or_else(|error| panic!("{name}: {error}"));
        let given = Given { weight: source.weight.is_some(), time: source.time.is_some() };
        let job = wish.resolve(given).unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { name, folder, source, job, wish, given, lists }
    }

    /// Returns the path of a file of the case.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    /// Reads a file of the case.
    pub(crate) fn text(&self, file: &str) -> String {
        read(&self.path(file))
    }

    /// Returns the job as other surfaces are handed it.
    pub(crate) fn job_json(&self) -> String {
        serde_json::to_string(&self.wish).expect("a job is JSON")
    }

    /// Reads the interactions.
    pub(crate) fn sheet(&self) -> Sheet {
        Sheet::parse(&self.text(&self.source.input))
    }

    /// Returns whether the table has labels.
    pub(crate) fn has_labels(&self) -> bool {
        self.source.item_label.is_some() && self.job.of == Of::Items
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

impl Sheet {
    /// Parses the text of a file with a header.
    pub(crate) fn parse(text: &str) -> Self {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let cells = |record: &csv::StringRecord| record.iter().map(String::from).collect();
        let header = cells(reader.headers().expect("a header"));
        let rows = reader.records().map(|record| cells(&record.expect("a record")));
        Self { header, rows: rows.collect() }
    }

    /// Returns the cells of a column; an empty one is null.
    ///
    /// # Panics
    /// If there is no such column.
    pub(crate) fn column(&self, name: &str) -> Vec<Option<&str>> {
        let place = self.header.iter().position(|other| other == name);
        let place = place.unwrap_or_else(|| panic!("no column {name} in {:?}", self.header));
        let cells = self.rows.iter().map(|row| row[place].as_str());
        cells.map(|cell| Some(cell).filter(|cell| !cell.is_empty())).collect()
    }

    /// Writes some of the rows as a file of their own.
    pub(crate) fn text(&self, rows: &[Vec<String>]) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for record in [&self.header].into_iter().chain(rows) {
            writer.write_record(record).expect("memory takes it");
        }
        String::from_utf8(writer.into_inner().expect("memory takes it")).expect("UTF-8")
    }
}
