//! Writing results: one file, or a folder of them, whole or not at all.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use ilk_core::result::Catalogue;
use ilk_formats::{IdStyle, Names, OutputFormat, Spelling, write_items};

use crate::{
    dated::{self, Dated, LATEST},
    error::Error,
    expected::Expected,
    findings::Findings,
    progress::Reporter,
    publish::{self, Existing, WorkingFile, WorkingFolder},
    request::{Publication, Request},
};

/// Name of the neighbours table in an output folder.
pub const NEIGHBOURS: &str = "neighbours.parquet";

/// Name of the items table in an output folder.
pub const ITEMS: &str = "items.parquet";

/// Name of the table of the target's items in an output folder, where there are two behaviours.
pub const TARGETS: &str = "targets.parquet";

/// An output being written beside its place.
#[derive(Debug)]
pub struct Output {
    target: PathBuf,
    spelling: Spelling,
    expected: Expected,
    place: Place,
}

#[derive(Debug)]
enum Place {
    File(WorkingFile, OutputFormat),
    Folder(WorkingFolder),
    Dated(Dated),
}

/// Names of the files of an output folder.
const FILES: &[&str] = &[NEIGHBOURS, ITEMS, TARGETS];

impl Output {
    /// Checks the place before any work is done. A name without an ending, or one that is a
    /// folder already, gives a folder.
    ///
    /// # Errors
    /// For an unknown ending, an output that exists, and places that cannot be written.
    pub fn create(target: &Path, existing: Existing) -> Result<Self, Error> {
        let name = target.to_string_lossy();
        if name == "-" {
            return Err(Error::input("`-` is not an output: results go to files").with_help(
                "name a file: its ending chooses the format (.parquet, .csv, .jsonl, .arrow)",
            ));
        }
        let is_folder = target.is_dir() || name.ends_with('/') || target.extension().is_none();
        // Without a last slash, which hides that there is a file.
        let folder = target.components().collect::<PathBuf>();
        let place = if let Existing::Keep(keep) = existing {
            if !is_folder {
                return Err(Error::input(format!("--keep needs a folder, and {name} is a file"))
                    .with_help("name a folder: --out results/"));
            }
            Place::Dated(Dated::create(&folder, keep, FILES)?)
        } else if is_folder {
            if dated::is_of_results(&folder) {
                return Err(Error::input(format!("{} holds dated results", folder.display()))
                    .with_help("add --keep N to write another one, or name a new folder"));
            }
            publish::remove_orphans(&folder);
            Place::Folder(WorkingFolder::output(&folder, existing, FILES)?)
        } else {
            let format = OutputFormat::of_name(&name)?;
            publish::remove_orphans(target);
            Place::File(WorkingFile::output(target, existing)?, format)
        };
        let (spelling, expected) = (Spelling::default(), Expected::default());
        Ok(Self { target: target.into(), spelling, expected, place })
    }

    /// Says how it spells what it holds, and what the result must be like.
    pub(crate) fn of(self, request: &Request) -> Self {
        let Publication { spelling, expected, .. } = request.publication;
        let expected = if request.force { Expected::default() } else { expected };
        Self { spelling, expected, ..self }
    }

    /// Returns how it spells what it holds.
    pub(crate) const fn spelling(&self) -> Spelling {
        self.spelling
    }

    /// Says where readers of the format may round IDs.
    pub(crate) fn report_ids(&self, catalogue: &Catalogue, reporter: &Reporter) {
        let is_exact =
            self.spelling.ids == IdStyle::Text || self.format() != OutputFormat::JsonLines;
        if !is_exact && catalogue.ids.are_wide() {
            reporter.note(
                "IDs past 2^53 are written as numbers, which JavaScript rounds; --ids text writes \
                 them as text",
            );
        }
    }

    /// Returns where it goes.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Returns the format of the result.
    pub const fn format(&self) -> OutputFormat {
        match self.place {
            Place::File(_, format) => format,
            Place::Folder(_) | Place::Dated(_) => OutputFormat::Parquet,
        }
    }

    /// Writes the result and puts it in its place; returns the number of rows, and where it is.
    ///
    /// # Errors
    /// If the disk refuses; nothing is left behind then.
    pub(crate) fn write(
        mut self,
        (catalogue, found): (&Catalogue, &Findings),
        reporter: &Reporter,
    ) -> Result<(u64, PathBuf), Error> {
        let rows = self.fill(catalogue, found)?;
        self.check(catalogue, found).map_err(|error| {
            error.with_help("--force publishes it anyway; --run-dir would keep it for inspection")
        })?;
        Ok((rows, self.publish(reporter)?))
    }

    /// Writes the result without putting it in its place; returns the number of rows.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn fill(&mut self, catalogue: &Catalogue, found: &Findings) -> Result<u64, Error> {
        let (target, spelling) = (&self.target, self.spelling);
        let neighbours = |format: OutputFormat, path: &Path, file: &mut File| {
            let mut out = BufWriter::with_capacity(1 << 20, file);
            let names = Names::new(catalogue, spelling);
            let rows = found.write(format, &mut out, names, |error| Error::writing(path, error))?;
            out.flush().map_err(|error| Error::file("write", path, &error))?;
            Ok(rows)
        };
        match &mut self.place {
            Place::File(working, format) => neighbours(*format, target, working.file()),
            Place::Folder(working) | Place::Dated(Dated { working, .. }) => {
                let path = target.join(NEIGHBOURS);
                let mut file = working.create_file(NEIGHBOURS)?;
                let rows = neighbours(OutputFormat::Parquet, &path, &mut file)?;
                let lists = found.qualities(catalogue.ids.len())?;
                let items = |name: &'static str, catalogue: &Catalogue, lists: &[_]| {
                    let (path, mut file) = (target.join(name), working.create_file(name)?);
                    let names = Names::new(catalogue, spelling);
                    write_items(OutputFormat::Parquet, &mut file, names, lists)
                        .map_err(|error| Error::writing(&path, error))
                };
                match catalogue.target {
                    None => items(ITEMS, catalogue, &lists)?,
                    Some(first) => {
                        let (input, of_target) = lists.split_at(first as usize);
                        items(ITEMS, &catalogue.part(catalogue.compared()), input)?;
                        items(TARGETS, &catalogue.part(catalogue.candidates()), of_target)?;
                    }
                }
                Ok(rows)
            }
        }
    }

    /// Refuses a result that is not like what it was to be like, before it is put in its place.
    ///
    /// # Errors
    /// If it is not.
    pub(crate) fn check(&self, catalogue: &Catalogue, found: &Findings) -> Result<(), Error> {
        let old = match &self.place {
            Place::File(..) => self.target.clone(),
            Place::Folder(_) => self.target.join(NEIGHBOURS),
            Place::Dated(_) => self.target.join(LATEST).join(NEIGHBOURS),
        };
        self.expected.check(&old, catalogue, found)
    }

    /// Returns the files that were filled, by their name below the output: an empty name for an
    /// output that is a file.
    pub fn filled(&self) -> Vec<(&'static str, PathBuf)> {
        match &self.place {
            Place::File(working, _) => vec![("", working.path().to_owned())],
            Place::Folder(working) | Place::Dated(Dated { working, .. }) => {
                let names = FILES.iter().map(|name| (*name, working.path().join(name)));
                names.filter(|(_, path)| path.exists()).collect()
            }
        }
    }

    /// Decides where exactly it goes: a dated result has no name before.
    pub(crate) fn settle(&mut self) -> &Path {
        match &mut self.place {
            Place::Dated(dated) => dated.settle(),
            Place::File(..) | Place::Folder(_) => &self.target,
        }
    }

    /// Puts what was filled in its place; returns where that is.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn publish(self, reporter: &Reporter) -> Result<PathBuf, Error> {
        match self.place {
            Place::File(working, _) => working.publish()?,
            Place::Folder(working) => working.publish()?,
            Place::Dated(dated) => return dated.publish(reporter),
        }
        Ok(self.target)
    }
}
