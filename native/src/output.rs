//! Writing results: one file, or a folder of them, whole or not at all.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use ilk_core::neighbours::{Catalogue, Neighbours};
use ilk_formats::{OutputFormat, write_items, write_lists, write_neighbours};

use crate::{
    error::Error,
    external::Ranked,
    publish::{Existing, WorkingFile, WorkingFolder},
};

/// Name of the neighbours table in an output folder.
pub(crate) const NEIGHBOURS: &str = "neighbours.parquet";

/// Name of the items table in an output folder.
pub(crate) const ITEMS: &str = "items.parquet";

/// An output being written beside its place.
#[derive(Debug)]
pub(crate) struct Output {
    target: PathBuf,
    place: Place,
}

#[derive(Debug)]
enum Place {
    File(WorkingFile, OutputFormat),
    Folder(WorkingFolder),
}

impl Output {
    /// Checks the place before any work is done. A name without an ending, or one that is a
    /// folder already, gives a folder.
    ///
    /// # Errors
    /// For an unknown ending, an output that exists, and places that cannot be written.
    pub(crate) fn create(target: &Path, existing: Existing) -> Result<Self, Error> {
        let name = target.to_string_lossy();
        let is_folder = target.is_dir() || name.ends_with('/') || target.extension().is_none();
        let place = if is_folder {
            // Without a last slash, which hides that there is a file.
            let folder = target.components().collect::<PathBuf>();
            Place::Folder(WorkingFolder::create(&folder, existing, &[NEIGHBOURS, ITEMS])?)
        } else {
            let format = OutputFormat::of_name(&name)?;
            Place::File(WorkingFile::create(target, existing)?, format)
        };
        Ok(Self { target: target.into(), place })
    }

    /// Writes the result and puts it in its place.
    ///
    /// # Errors
    /// If the disk refuses; nothing is left behind then.
    pub(crate) fn write(
        mut self,
        catalogue: &Catalogue,
        neighbours: &Neighbours,
    ) -> Result<(), Error> {
        self.fill(catalogue, neighbours)?;
        self.publish()
    }

    /// Does the same with lists that come one by one; returns the number of rows.
    ///
    /// # Errors
    /// If the disk refuses, and the first error among the lists.
    pub(crate) fn write_lists(
        mut self,
        catalogue: &Catalogue,
        lists: &mut Ranked<'_>,
    ) -> Result<u64, Error> {
        let (mut rows, mut failed) = (0, None);
        self.fill_with(catalogue, |format, out| {
            let good = lists.map_while(|list| match list {
                Ok(list) => {
                    rows += list.1.len() as u64;
                    Some(list)
                }
                Err(error) => {
                    failed = Some(error);
                    None
                }
            });
            write_lists(format, out, catalogue, good)
        })?;
        failed.map_or(Ok(()), Err)?;
        self.publish()?;
        Ok(rows)
    }

    /// Writes the result without putting it in its place.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn fill(
        &mut self,
        catalogue: &Catalogue,
        neighbours: &Neighbours,
    ) -> Result<(), Error> {
        self.fill_with(catalogue, |format, out| {
            write_neighbours(format, out, catalogue, neighbours)
        })
    }

    fn fill_with(
        &mut self,
        catalogue: &Catalogue,
        write: impl FnOnce(OutputFormat, &mut BufWriter<&mut File>) -> Result<(), ilk_formats::Error>,
    ) -> Result<(), Error> {
        let target = &self.target;
        match &mut self.place {
            Place::File(working, format) => fill(working.file(), target, |out| write(*format, out)),
            Place::Folder(working) => {
                let format = OutputFormat::Parquet;
                fill(&mut working.create_file(NEIGHBOURS)?, &target.join(NEIGHBOURS), |out| {
                    write(format, out)
                })?;
                fill(&mut working.create_file(ITEMS)?, &target.join(ITEMS), |out| {
                    write_items(format, out, catalogue)
                })
            }
        }
    }

    /// Returns the files that were filled, by their name below the output: an empty name for an
    /// output that is a file.
    pub(crate) fn filled(&self) -> Vec<(&'static str, PathBuf)> {
        match &self.place {
            Place::File(working, _) => vec![("", working.path().to_owned())],
            Place::Folder(working) => {
                [NEIGHBOURS, ITEMS].map(|name| (name, working.path().join(name))).into()
            }
        }
    }

    /// Puts what was filled in its place.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn publish(self) -> Result<(), Error> {
        match self.place {
            Place::File(working, _) => working.publish(),
            Place::Folder(working) => working.publish(),
        }
    }
}

/// Writes a file through a buffer.
fn fill(
    file: &mut File,
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&mut File>) -> Result<(), ilk_formats::Error>,
) -> Result<(), Error> {
    let mut out = BufWriter::with_capacity(1 << 20, file);
    write(&mut out).map_err(|error| match error {
        ilk_formats::Error::Write { source } => Error::file("write", path, &source),
        error => error.into(),
    })?;
    out.flush().map_err(|error| Error::file("write", path, &error))
}
