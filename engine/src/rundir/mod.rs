//! The run directory: what a run keeps, so that it can be looked at, gone on with and trusted.
//!
//! A directory belongs to one job on one set of inputs. Its manifest [`manifest::Manifest`] says
//! which, and which stages are done; every file a stage leaves is written whole or not at all and
//! has its checksum there. Files of which a stage leaves many ([`Folder`]) carry their checksum in
//! their name, so that those of an interrupted stage can be told whole without a manifest.
//!
//! A stage goes like this: [`RunDir::begin`], write files through [`StageRun::create`], count,
//! [`RunDir::finish`]. What it needs of the stages before it asks for with [`RunDir::verified`].

mod checksum;
mod cleaning;
mod compare;
mod disk;
mod fingerprint;
mod lock;
mod machine;
mod manifest;
mod stage;
mod steps;
mod tables;
mod take;
mod tiles;
mod work;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use self::lock::Lock;
pub(crate) use self::stage::{Folder, StageFile, StageRun};
pub use self::{
    compare::{check_inputs, identity},
    machine::Machine,
    manifest::{FileRecord, MANIFEST, Manifest, StageName, StageRecord},
    take::{Cells, Preview, take},
    work::{Start, run, run_stage},
};
use crate::{error::Error, progress::Reporter, publish};

/// Files of a run directory, by what they hold.
pub mod files {
    /// The inputs, file by file.
    pub const INPUTS: &str = "inputs.parquet";
    /// The rows that were set aside.
    pub const QUARANTINE: &str = "quarantine.parquet";
    /// What is compared: code, id, label, support.
    pub const ITEMS: &str = "items.parquet";
    /// The other side: code, id, degree.
    pub const USERS: &str = "users.parquet";
    /// One row per user and item, as codes.
    pub const INTERACTIONS: &str = "interactions.parquet";
    /// The items as the matrix orders them.
    pub const MATRIX: &str = "matrix.parquet";
    /// The tiles.
    pub const PLAN: &str = "plan.parquet";
    /// The neighbours, as codes.
    pub const MERGED: &str = "merged.parquet";
    /// The result.
    pub const NEIGHBOURS: &str = "neighbours.parquet";
    /// The report for people; no stage reads it.
    pub const REPORT: &str = "report.html";
    /// Folder of the rows that were kept.
    pub const CLEANED: &str = "cleaned";
    /// Folder of the rows set aside, while they are gathered.
    pub const SET_ASIDE: &str = "quarantine";
    /// Folder of what the tiles found.
    pub const TILES: &str = "tiles";

    /// Folder of working files, which are no result.
    pub const WORK: &str = "work";

    /// All files.
    pub const FILES: [&str; 9] =
        [INPUTS, QUARANTINE, ITEMS, USERS, INTERACTIONS, MATRIX, PLAN, MERGED, NEIGHBOURS];
    /// All folders.
    pub const FOLDERS: [&str; 3] = [CLEANED, SET_ASIDE, TILES];
}

/// A run directory that this process, and no other, works in.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    /// Held until the end.
    _lock: Lock,
    manifest: Option<Manifest>,
}

/// What becomes of what a run directory holds already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// The run goes on.
    Continue,
    /// It begins anew (`--restart`).
    Discard,
}

/// A stage's file that is not what it was.
#[derive(Debug)]
pub struct Damage {
    /// The stage that left it.
    pub stage: StageName,
    /// What is wrong with it.
    pub what: String,
}

/// Why a stage did not come to its end.
#[derive(Debug)]
pub enum Failure {
    /// The result of an earlier stage is damaged or gone; that stage can be done again.
    Damage(Damage),
    /// Anything else.
    Error(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<ilk_formats::Error> for Failure {
    fn from(error: ilk_formats::Error) -> Self {
        Self::Error(error.into())
    }
}

impl RunDir {
    /// Enters a run directory, which is created if it is not there, and keeps others out. What a
    /// killed process left half-written is removed.
    ///
    /// # Errors
    /// If another process works in it, the system refuses, or it holds what is not of a run.
    pub fn enter(path: &Path, earlier: Earlier) -> Result<Self, Error> {
        make(path)?;
        check_own(path)?;
        let lock = Lock::take(path)?;
        // Working files of a killed process are of no use to another one.
        remove(&path.join(files::WORK))?;
        let folders = files::FOLDERS.iter().map(|folder| path.join(folder));
        for folder in [path.to_owned()].into_iter().chain(folders).filter(|folder| folder.is_dir())
        {
            publish::remove_left_behind(&folder)
                .map_err(|error| Error::file("tidy up", &folder, &error))?;
        }
        let manifest = match earlier {
            Earlier::Continue => Manifest::load(path)?,
            Earlier::Discard => None,
        };
        let dir = Self { path: path.into(), _lock: lock, manifest };
        if dir.manifest.is_none() {
            dir.clear()?;
        }
        Ok(dir)
    }

    /// Returns where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lets its path hold wherever the process goes.
    ///
    /// # Errors
    /// If the system does not tell where it is.
    pub fn make_absolute(&mut self) -> Result<(), Error> {
        self.path = std::path::absolute(&self.path)
            .map_err(|error| Error::file("find", &self.path, &error))?;
        Ok(())
    }

    /// Returns the path of one of its files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Returns the manifest; `None` before [`RunDir::set`].
    pub fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// Sets the manifest and writes it.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn set(&mut self, manifest: Manifest) -> Result<(), Error> {
        manifest.store(&self.path)?;
        self.manifest = Some(manifest);
        Ok(())
    }

    /// Changes the manifest and writes it.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn update(&mut self, change: impl FnOnce(&mut Manifest)) -> Result<(), Error> {
        let Some(manifest) = &mut self.manifest else { return Ok(()) };
        change(manifest);
        manifest.store(&self.path)
    }

    /// Returns the record of a stage that is done.
    pub fn done(&self, stage: StageName) -> Option<&StageRecord> {
        self.manifest.as_ref()?.done(stage)
    }

    /// Begins a stage; `total` is what progress adds up to, where that is known.
    pub fn begin<'a>(
        &self,
        stage: StageName,
        total: Option<u64>,
        reporter: &'a Reporter,
    ) -> StageRun<'a> {
        StageRun::begin(&self.path, stage, total, reporter)
    }

    /// Ends a stage: its record goes into the manifest, `message` to people. Where a stage that
    /// was done again left other bytes than before, the stages after it are undone, unless only the
    /// cut into tiles is another one.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn finish(
        &mut self,
        run: StageRun<'_>,
        rows_in: u64,
        rows_out: u64,
        message: impl std::fmt::Display,
    ) -> Result<(), Error> {
        let stage = run.name();
        let (record, told) = run.end(rows_in, rows_out);
        let before = self.manifest.as_ref().and_then(|manifest| manifest.stages.get(&stage));
        let is_other = before.is_some_and(|before| before.files != record.files);
        // What tiles found holds whatever the cut.
        if is_other && stage != StageName::Plan {
            self.undo(stage.after())?;
        }
        self.update(|manifest| {
            manifest.stages.insert(stage, record);
        })?;
        told.finish(message);
        Ok(())
    }

    /// Takes the records of stages back and removes their files.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn undo(&mut self, stages: impl Iterator<Item = StageName>) -> Result<(), Error> {
        let stages = stages.collect::<Vec<_>>();
        // The manifest first: it must not speak of what is gone.
        self.update(|manifest| {
            manifest.stages.retain(|stage, _| !stages.contains(stage));
            manifest.finished = None;
        })?;
        for stage in stages {
            for name in tables::files_of(stage) {
                remove(&self.file(name))?;
            }
        }
        Ok(())
    }

    /// Says of a stage that it has to be done again, keeping what is whole of it.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn reopen(&mut self, stage: StageName) -> Result<(), Error> {
        self.update(|manifest| {
            if let Some(record) = manifest.stages.get_mut(&stage) {
                record.again = true;
            }
            manifest.finished = None;
        })
    }

    /// Returns the paths of a stage's files whose names begin with `prefix`, in order, each
    /// checked against its checksum. Cost: one pass over the files.
    ///
    /// # Errors
    /// [`Failure::Damage`] if one is not what it was or the stage is not done.
    pub fn verified(&self, stage: StageName, prefix: &str) -> Result<Vec<PathBuf>, Failure> {
        let Some(record) = self.done(stage) else {
            let what = format!("stage {stage} is not done");
            return Err(Failure::Damage(Damage { stage, what }));
        };
        let files = record.files.iter().filter(|file| file.name.starts_with(prefix));
        files.map(|file| self.verify(stage, file)).collect()
    }

    /// Checks a file against its record and returns its path.
    ///
    /// # Errors
    /// [`Failure::Damage`] if it is not what it was.
    fn verify(&self, stage: StageName, file: &FileRecord) -> Result<PathBuf, Failure> {
        let path = self.file(&file.name);
        match damage(&path, file)? {
            None => Ok(path),
            Some(what) => Err(Failure::Damage(Damage { stage, what })),
        }
    }

    /// Finds the stages of which a file is gone or has another length; looks at no content.
    pub fn find_missing(&self) -> Vec<Damage> {
        let stages = self.manifest.iter().flat_map(|manifest| &manifest.stages);
        let stages = stages.filter(|(_, record)| !record.again);
        let missing = |(stage, record): (&StageName, &StageRecord)| {
            let what = record.files.iter().find_map(|file| {
                let path = self.file(&file.name);
                match fs::metadata(&path) {
                    Ok(metadata) if metadata.len() == file.bytes => None,
                    Ok(_) => Some(format!("{} is cut short or was changed", path.display())),
                    Err(_) => Some(format!("{} is gone", path.display())),
                }
            })?;
            Some(Damage { stage: *stage, what })
        };
        stages.filter_map(missing).collect()
    }

    /// Removes everything of an earlier run, its manifest first.
    fn clear(&self) -> Result<(), Error> {
        let names = [MANIFEST, files::REPORT].into_iter();
        for name in names.chain(files::FILES).chain(files::FOLDERS) {
            remove(&self.file(name))?;
        }
        Ok(())
    }
}

/// Says what is wrong with a file, if anything is.
///
/// # Errors
/// If it is there and cannot be read.
fn damage(path: &Path, file: &FileRecord) -> Result<Option<String>, Error> {
    let name = path.display();
    match checksum::Checksum::of_file(path) {
        Ok((bytes, _)) if bytes != file.bytes => {
            Ok(Some(format!("{name} is cut short or was changed")))
        }
        Ok((_, checksum)) if checksum != file.checksum => {
            Ok(Some(format!("{name} is damaged: its checksum does not match")))
        }
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(Some(format!("{name} is gone")))
        }
        Err(error) => Err(Error::file("read", path, &error)),
    }
}

/// Creates the folder if nothing is there.
fn make(path: &Path) -> Result<(), Error> {
    if path.is_dir() {
        return Ok(());
    }
    let made = fs::create_dir(path).and_then(|()| publish::sync_parent(path));
    made.map_err(|error| {
        let place = path.display();
        match error.kind() {
            io::ErrorKind::AlreadyExists => {
                Error::input(format!("{place} is a file, not a run directory"))
                    .with_help("name a new folder")
            }
            io::ErrorKind::NotFound => Error::file("create", path, &error)
                .with_help("create the folder it is to be in first"),
            _ => Error::file("create", path, &error),
        }
    })
}

/// Refuses a folder that holds anything but a run.
fn check_own(path: &Path) -> Result<(), Error> {
    let failed = |error: &io::Error| Error::file("read the folder", path, error);
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| failed(&error))? {
        entries.push(entry.map_err(|error| failed(&error))?.file_name());
    }
    // A run begins with its lock; a copy of one may have come without it.
    let has = |name: &str| entries.iter().any(|entry| entry == name);
    if has(lock::LOCK) || has(MANIFEST) && Manifest::load(path).is_ok_and(|found| found.is_some()) {
        return Ok(());
    }
    let Some(first) = entries.iter().min() else { return Ok(()) };
    let first = first.to_string_lossy();
    Err(Error::input(format!("{} holds {first} and is no run directory", path.display()))
        .with_help("name a new or an empty folder"))
}

/// Removes a file or folder that may be there.
fn remove(path: &Path) -> Result<(), Error> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::file("remove", path, &error))
        }
        _ => Ok(()),
    }
}
