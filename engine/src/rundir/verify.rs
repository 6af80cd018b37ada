//! Whether what a run directory holds, and what it wrote elsewhere, is what it was.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::{
    checking::checked,
    dir::NO_RUN,
    files,
    manifest::{MANIFEST, Manifest, Published},
    stage::sums_if_whole,
};
use crate::{error::Error, record::StageName};

/// A file that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Where it is.
    pub path: PathBuf,
    /// How it was found.
    pub finding: Finding,
}

/// How a file was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Its bytes are those that were written.
    Sound,
    /// It can be read, and carries no checksums that would tell more.
    Unchecked,
    /// An output that is not where it was written: moved or removed, which is nobody's damage.
    Absent,
    /// It is not what was written.
    Damaged {
        /// What is wrong with it, without its name.
        why: String,
    },
}

impl Verified {
    fn damaged(path: PathBuf, why: impl Into<String>) -> Self {
        Self { path, finding: Finding::Damaged { why: why.into() } }
    }
}

/// Checks every file of a run directory against its checksum: those of the stages that are done, what
/// stages that were interrupted have committed, and the output where it still is. Nothing is changed, no
/// lock is taken. Cost: a pass over the files.
///
/// # Errors
/// For a folder without a run, and files that are there and cannot be read.
pub fn verify(folder: &Path) -> Result<Vec<Verified>, Error> {
    let manifest_path = folder.join(MANIFEST);
    let manifest = match Manifest::load(folder) {
        Ok(Some(manifest)) => manifest,
        Ok(None) => {
            let name = folder.display();
            return Err(Error::input(format!("{name} contains no run")).with_help(NO_RUN));
        }
        // Without it nothing is known of the other files.
        Err(error) => {
            let finding = finding(Some(error.message().into()), &manifest_path);
            return Ok(vec![Verified { path: manifest_path, finding }]);
        }
    };
    let mut found = vec![Verified { path: manifest_path, finding: Finding::Sound }];
    let (mut known, done) = (BTreeSet::new(), manifest.stages.values().filter(|done| !done.again));
    for file in done.flat_map(|record| &record.files) {
        let path = folder.join(&file.name);
        known.insert(path.clone());
        found.push(Verified { finding: finding(checked(&path, file)?, &path), path });
    }
    for name in [files::CLEANED, files::TILES] {
        find_committed(&folder.join(name), &known, &mut found)?;
    }
    if let Some(out) = &manifest.out {
        find_published(out, &mut found)?;
    }
    Ok(found)
}

/// Refuses to read the files `names` of a run directory if they are not what the run wrote; a folder
/// without a run is passed over.
///
/// # Errors
/// If one is damaged, with how to rebuild it; if the manifest or a file cannot be read.
pub fn check_files(folder: &Path, names: &[&str]) -> Result<(), Error> {
    let Some(manifest) = Manifest::load(folder)? else { return Ok(()) };
    let done = StageName::ALL.iter().filter_map(|stage| manifest.done(*stage));
    for file in done.flat_map(|record| &record.files).filter(|file| names.contains(&&*file.name)) {
        if let Some(what) = checked(&folder.join(&file.name), file)? {
            let name = folder.display();
            return Err(Error::input(what).with_help(format!(
                "the `ilk run` of {name} rebuilds it; `ilk verify {name}` checks everything"
            )));
        }
    }
    Ok(())
}

/// Says what is wrong without the name of the file, which begins what [`checked`] says.
fn finding(what: Option<String>, path: &Path) -> Finding {
    let Some(what) = what else { return Finding::Sound };
    let why = what.strip_prefix(&format!("{} ", path.display())).unwrap_or(&what);
    let why = why.strip_prefix("is damaged: ").unwrap_or(why);
    Finding::Damaged { why: why.into() }
}

/// Looks at the files of a folder that carry their checksum in their name and are in no record.
fn find_committed(
    folder: &Path,
    known: &BTreeSet<PathBuf>,
    found: &mut Vec<Verified>,
) -> Result<(), Error> {
    if !folder.is_dir() {
        return Ok(());
    }
    let failed = |error| Error::file("read the folder", folder, &error);
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    let is_table = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "parquet");
    for path in paths.into_iter().filter(|path| is_table(path) && !known.contains(path)) {
        let is_whole =
            sums_if_whole(&path).map_err(|error| Error::file("read", &path, &error))?.is_some();
        found.push(if is_whole {
            Verified { path, finding: Finding::Sound }
        } else {
            Verified::damaged(path, "its checksum does not match its name")
        });
    }
    Ok(())
}

/// Looks at an output where it was written.
fn find_published(out: &Published, found: &mut Vec<Verified>) -> Result<(), Error> {
    for file in &out.files {
        let path = if file.name.is_empty() { out.path.clone() } else { out.path.join(&file.name) };
        let finding = match path.symlink_metadata() {
            Err(_) => Finding::Absent,
            Ok(_) => finding(checked(&path, file)?, &path),
        };
        found.push(Verified { path, finding });
    }
    Ok(())
}
