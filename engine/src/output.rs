//! Writing results: one file, or a folder of them, whole or not at all; or a table to standard output.

use std::{
    fs::File,
    io::{self, BufWriter, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use ilk_core::result::Catalogue;
use ilk_formats::{IdStyle, Names, OutputFormat, OutputStyle, Spelling, write_items};

use crate::{
    dated::{self, Dated, LATEST},
    error::{Error, Kind},
    expected::Expected,
    findings::Findings,
    progress::Reporter,
    publish::{self, Existing, WorkingFile, WorkingFolder},
    request::{Publication, Request, is_stdout},
};

/// Name of the neighbours table in an output folder.
pub const NEIGHBOURS: &str = "neighbours.parquet";

/// Name of the items table in an output folder.
pub const ITEMS: &str = "items.parquet";

/// Name of the table of the target's items in an output folder, where there are two behaviours.
pub const TARGETS: &str = "targets.parquet";

/// Finds how an output is written: by its name, or as `piped` says if it is standard output, where
/// nothing is said as CSV. Arrow is a stream there, as nobody can seek in a pipe.
///
/// # Errors
/// For an unknown ending, and for what cannot be written to standard output: Parquet, and anything
/// binary if it is a terminal.
pub fn style_of(out: &Path, piped: Option<OutputFormat>) -> Result<OutputStyle, Error> {
    if !is_stdout(out) {
        return Ok(OutputStyle::of_name(&out.to_string_lossy())?);
    }
    let format = match piped.unwrap_or(OutputFormat::Csv) {
        OutputFormat::Parquet => {
            return Err(Error::input("Parquet cannot be written to standard output").with_help(
                "write a file (--out similar.parquet), or choose --out-format arrow, csv or jsonl",
            ));
        }
        OutputFormat::Arrow => OutputFormat::ArrowStream,
        format => format,
    };
    if !format.is_text() && io::stdout().is_terminal() {
        return Err(Error::input("standard output is a terminal, and Arrow is binary")
            .with_help("pipe it into a program or a file, or choose --out-format csv or jsonl"));
    }
    Ok(format.into())
}

/// An output being written beside its place, or to be written to standard output.
#[derive(Debug)]
pub struct Output {
    target: PathBuf,
    spelling: Spelling,
    expected: Expected,
    place: Place,
}

#[derive(Debug)]
enum Place {
    File(WorkingFile, OutputStyle),
    Folder(WorkingFolder),
    Dated(Dated),
    Pipe(OutputStyle),
}

/// Names of the files of an output folder.
const FILES: &[&str] = &[NEIGHBOURS, ITEMS, TARGETS];

impl Output {
    /// Checks the place of an output of a request before any work is done. A name without an ending,
    /// or one that is a folder already, gives a folder.
    ///
    /// # Errors
    /// For an unknown ending, an output that exists, and places that cannot be written.
    pub(crate) fn create(target: &Path, request: &Request) -> Result<Self, Error> {
        let Publication { existing, spelling, piped, expected, .. } = &request.publication;
        let name = target.to_string_lossy();
        let is_folder = target.is_dir() || name.ends_with('/') || target.extension().is_none();
        // Without a last slash, which hides that there is a file.
        let folder = target.components().collect::<PathBuf>();
        let place = if is_stdout(target) {
            Place::Pipe(style_of(target, *piped)?)
        } else if let Existing::Keep(keep) = *existing {
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
            Place::Folder(WorkingFolder::output(&folder, *existing, FILES)?)
        } else {
            let style = style_of(target, None)?;
            publish::remove_orphans(target);
            Place::File(WorkingFile::output(target, *existing)?, style)
        };
        let expected = if request.force { Expected::default() } else { *expected };
        Ok(Self { target: target.into(), spelling: *spelling, expected, place })
    }

    /// Returns true if it goes to standard output: it is then there as soon as it is filled.
    pub(crate) const fn is_piped(&self) -> bool {
        matches!(self.place, Place::Pipe(_))
    }

    /// Returns how it spells what it holds.
    pub(crate) const fn spelling(&self) -> Spelling {
        self.spelling
    }

    /// Says where readers of the format may round IDs.
    pub(crate) fn report_ids(&self, catalogue: &Catalogue, reporter: &Reporter) {
        let is_exact =
            self.spelling.ids == IdStyle::Text || self.style().format != OutputFormat::JsonLines;
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

    /// Returns how the result is written.
    pub(crate) fn style(&self) -> OutputStyle {
        match self.place {
            Place::File(_, style) | Place::Pipe(style) => style,
            Place::Folder(_) | Place::Dated(_) => OutputFormat::Parquet.into(),
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
        let rows = self.fill_checked(catalogue, found).map_err(|error| match error.kind() {
            Kind::Withheld => error
                .with_help("--force publishes it anyway; --run-dir would keep it for inspection"),
            _ => error,
        })?;
        Ok((rows, self.publish(reporter)?))
    }

    /// Writes the result without putting it in its place, and refuses one that is not like what it
    /// was to be like; returns the number of rows.
    ///
    /// # Errors
    /// If it is not, and if the disk refuses.
    pub(crate) fn fill_checked(
        &mut self,
        catalogue: &Catalogue,
        found: &Findings,
    ) -> Result<u64, Error> {
        // What has gone through a pipe cannot be held back.
        if self.is_piped() {
            self.check(catalogue, found)?;
            return self.fill(catalogue, found);
        }
        let rows = self.fill(catalogue, found)?;
        self.check(catalogue, found)?;
        Ok(rows)
    }

    /// Writes the result without putting it in its place; returns the number of rows.
    ///
    /// # Errors
    /// If the disk refuses.
    fn fill(&mut self, catalogue: &Catalogue, found: &Findings) -> Result<u64, Error> {
        let (target, spelling) = (&self.target, self.spelling);
        let names = Names::new(catalogue, spelling);
        let neighbours = |style: OutputStyle, path: &Path, file: &mut File| {
            let mut out = BufWriter::with_capacity(1 << 20, file);
            let rows = found.write(style, &mut out, names, &|error| Error::writing(path, error))?;
            out.flush().map_err(|error| Error::file("write", path, &error))?;
            Ok(rows)
        };
        match &mut self.place {
            Place::Pipe(style) => pipe(*style, names, found),
            Place::File(working, style) => neighbours(*style, target, working.file()),
            Place::Folder(working) | Place::Dated(Dated { working, .. }) => {
                let path = target.join(NEIGHBOURS);
                let mut file = working.create_file(NEIGHBOURS)?;
                let rows = neighbours(OutputFormat::Parquet.into(), &path, &mut file)?;
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
    fn check(&self, catalogue: &Catalogue, found: &Findings) -> Result<(), Error> {
        let old = match &self.place {
            Place::File(..) => Some(self.target.clone()),
            Place::Folder(_) => Some(self.target.join(NEIGHBOURS)),
            Place::Dated(_) => Some(self.target.join(LATEST).join(NEIGHBOURS)),
            Place::Pipe(_) => None,
        };
        self.expected.check(old.as_deref(), catalogue, found)
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
            Place::Pipe(_) => Vec::new(),
        }
    }

    /// Decides where exactly it goes: a dated result has no name before.
    pub(crate) fn settle(&mut self) -> &Path {
        match &mut self.place {
            Place::Dated(dated) => dated.settle(),
            Place::File(..) | Place::Folder(_) | Place::Pipe(_) => &self.target,
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
            Place::Pipe(_) => {}
        }
        Ok(self.target)
    }
}

/// Writes the table to standard output; returns the number of rows.
fn pipe(style: OutputStyle, names: Names<'_>, found: &Findings) -> Result<u64, Error> {
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout());
    let name = |error| match error {
        ilk_formats::Error::Write { source } => Error::stdout(&source),
        error => error.into(),
    };
    let written = found.write(style, &mut out, names, &name);
    let written = written.and_then(|rows| {
        out.flush().map_err(|error| Error::stdout(&error))?;
        Ok(rows)
    });
    if written.is_err() {
        // What is still in the buffer has nowhere to go; dropping it would try once more.
        let _ = out.into_parts();
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_chooses_the_style_and_standard_output_is_text_unless_asked() {
        let style = |out: &str, piped| style_of(Path::new(out), piped);
        assert_eq!(style("a.csv.gz", None).unwrap().to_string(), "csv.gz");
        assert_eq!(style("-", None).unwrap(), OutputFormat::Csv.into());
        assert_eq!(
            style("-", Some(OutputFormat::JsonLines)).unwrap(),
            OutputFormat::JsonLines.into()
        );
        let refused = style("-", Some(OutputFormat::Parquet)).unwrap_err();
        assert!(refused.help().is_some_and(|help| help.contains("--out-format arrow")));
    }
}
