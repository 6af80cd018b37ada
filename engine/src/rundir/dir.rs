//! A run directory that this process, and no other, works in.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    checking::remove,
    files,
    kept::Results,
    lock::{LOCK, Lock},
    manifest::{MANIFEST, Manifest},
    outs::Outs,
    stage::{Folder, StageFile},
    tables::files_of,
};
use crate::{
    disk::Disk,
    error::Error,
    publish,
    record::{StageName, StageRecord},
    request::Earlier,
};

/// What to do about a folder without a run.
pub(super) const NO_RUN: &str = "`ilk run … --run-dir DIR` creates one";

/// A run directory that this process, and no other, works in.
#[derive(Debug)]
pub(crate) struct Entered {
    path: PathBuf,
    /// Held until the end.
    lock: Lock,
    manifest: Option<Manifest>,
}

/// A run in a directory.
#[derive(Debug)]
pub(crate) struct RunDir {
    path: PathBuf,
    /// Held until the end.
    _lock: Lock,
    manifest: Manifest,
    /// Seconds that earlier processes took for the stages that are done.
    pub(super) seconds_before: f64,
    /// A stage that is to be done whether it was done before or not.
    pub(super) alone: Option<StageName>,
    pub(super) outs: Outs,
    /// What it may take of its disk.
    disk: Disk,
}

impl Entered {
    /// Enters a run directory, which is created if it is not there, and keeps others out. What a
    /// killed process left half-written is removed.
    ///
    /// # Errors
    /// If another process works in it, the system refuses, or it holds what is not of a run.
    pub(super) fn enter(path: &Path, earlier: Earlier) -> Result<Self, Error> {
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
            Earlier::Continue | Earlier::IfSame => Manifest::load(path)?,
            Earlier::Discard => None,
        };
        if manifest.is_none() {
            clear(path)?;
        }
        Ok(Self { path: path.into(), lock, manifest })
    }

    /// Returns where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the manifest of the run that is there.
    pub(super) const fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// Removes the run that is there, but for its result: that stays until there is another.
    ///
    /// # Errors
    /// If the system refuses.
    pub(super) fn discard(&mut self) -> Result<(), Error> {
        self.manifest = None;
        clear(&self.path)
    }

    /// Lets its path hold wherever the process goes.
    ///
    /// # Errors
    /// If the system does not tell where it is.
    pub(super) fn make_absolute(&mut self) -> Result<(), Error> {
        self.path = std::path::absolute(&self.path)
            .map_err(|error| Error::file("find", &self.path, &error))?;
        Ok(())
    }

    /// Goes on as `next` says, which is written down; of a finished run the manifest that is there
    /// stays until something has to be done, and `next` is returned.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn into_run(
        self,
        next: Manifest,
        outs: Outs,
        disk: Disk,
    ) -> Result<(RunDir, Option<Manifest>), Error> {
        let Self { path, lock, manifest } = self;
        let run = |manifest: Manifest| RunDir {
            path,
            _lock: lock,
            seconds_before: manifest.seconds(),
            manifest,
            alone: None,
            outs,
            disk,
        };
        match manifest {
            Some(finished) if finished.life.finished.is_some() => Ok((run(finished), Some(next))),
            _ => {
                let mut dir = run(next.clone());
                dir.set(next)?;
                Ok((dir, None))
            }
        }
    }

    /// Does one stage of the run of `manifest`.
    pub(super) fn into_stage(self, manifest: Manifest, stage: StageName, disk: Disk) -> RunDir {
        let Self { path, lock, .. } = self;
        RunDir {
            path,
            _lock: lock,
            seconds_before: manifest.seconds(),
            manifest,
            alone: Some(stage),
            outs: Outs::default(),
            disk,
        }
    }
}

impl RunDir {
    /// Returns where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of one of its files.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Begins one of its files.
    ///
    /// # Errors
    /// If the system refuses.
    pub(super) fn create(&self, name: &str) -> Result<StageFile, Error> {
        StageFile::create(&self.path, name, &self.disk)
    }

    /// Makes one of its folders, or finds it.
    ///
    /// # Errors
    /// If the system refuses.
    pub(super) fn folder(&self, name: &'static str) -> Result<Folder, Error> {
        Folder::create((&self.path, &self.disk), name)
    }

    /// Returns what it may take of its disk.
    pub(super) const fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Returns the manifest.
    pub(super) const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns what is kept so far.
    pub(super) fn results(&self) -> Results {
        Results::new(self.path.clone(), self.manifest.stages.clone())
    }

    /// Sets the manifest and writes it.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn set(&mut self, manifest: Manifest) -> Result<(), Error> {
        manifest.store(&self.path)?;
        self.manifest = manifest;
        Ok(())
    }

    /// Changes the manifest and writes it.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn update(&mut self, change: impl FnOnce(&mut Manifest)) -> Result<(), Error> {
        change(&mut self.manifest);
        self.manifest.store(&self.path)
    }

    /// Takes the records of stages back and removes their files.
    ///
    /// # Errors
    /// If the system refuses.
    pub(super) fn undo(&mut self, stages: impl Iterator<Item = StageName>) -> Result<(), Error> {
        let stages = stages.collect::<Vec<_>>();
        // The manifest first: it must not speak of what is gone.
        self.update(|manifest| {
            manifest.stages.retain(|stage, _| !stages.contains(stage));
            manifest.life.finished = None;
        })?;
        for stage in stages {
            for name in files_of(stage) {
                remove(&self.file(name))?;
            }
        }
        self.disk.measure(&self.path);
        Ok(())
    }

    /// Marks a stage to be done again, keeping its intact results.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn reopen(&mut self, stage: StageName) -> Result<(), Error> {
        self.update(|manifest| {
            if let Some(record) = manifest.stages.get_mut(&stage) {
                record.again = true;
            }
            manifest.life.finished = None;
        })
    }

    /// Finds the stages of which a file is gone or has another length; looks at no content.
    pub(super) fn find_missing(&self) -> Vec<Error> {
        let stages = self.manifest.stages.iter().filter(|(_, record)| !record.again);
        let missing = |(stage, record): (&StageName, &StageRecord)| {
            let what = record.files.iter().find_map(|file| {
                let path = self.file(&file.name);
                match fs::metadata(&path) {
                    Ok(metadata) if metadata.len() == file.bytes => None,
                    Ok(_) => Some(format!("{} is cut short or was changed", path.display())),
                    Err(_) => Some(format!("{} is missing", path.display())),
                }
            })?;
            Some(Error::damaged(*stage, what))
        };
        stages.filter_map(missing).collect()
    }
}

/// Removes everything of an earlier run but its result, its manifest first.
fn clear(path: &Path) -> Result<(), Error> {
    let files = files::FILES.into_iter().filter(|name| *name != files::NEIGHBOURS);
    let names = [MANIFEST, files::REPORT].into_iter();
    names.chain(files).chain(files::FOLDERS).try_for_each(|name| remove(&path.join(name)))
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
            io::ErrorKind::NotFound => {
                Error::file("create", path, &error).with_help("create its parent folder first")
            }
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
    if has(LOCK) || has(MANIFEST) && Manifest::load(path).is_ok_and(|found| found.is_some()) {
        return Ok(());
    }
    let Some(first) = entries.iter().min() else { return Ok(()) };
    let first = first.to_string_lossy();
    Err(Error::input(format!("{} contains {first} and is not a run directory", path.display()))
        .with_help("choose a new or empty folder"))
}
