//! A stage that is under way, and the files it writes.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Instant,
};

use super::{
    checksum::{Checksum, Summing},
    manifest::{FileRecord, StageName, StageRecord, now},
};
use crate::{
    error::Error,
    machine,
    progress::{Reporter, Stage, cpu_seconds},
    publish::{Existing, WorkingFile},
};

/// A stage that is under way, shared by its threads.
pub(crate) struct StageRun<'a> {
    folder: PathBuf,
    name: StageName,
    told: Stage<'a>,
    started: Instant,
    cpu: Option<f64>,
    counters: Mutex<BTreeMap<String, u64>>,
    files: Mutex<Vec<FileRecord>>,
}

impl<'a> StageRun<'a> {
    pub(super) fn begin(
        folder: &Path,
        name: StageName,
        total: Option<u64>,
        reporter: &'a Reporter,
    ) -> Self {
        // Where the system does not let it the peak is that of the whole process: no reason to stop.
        machine::forget_peak_memory();
        Self {
            folder: folder.into(),
            name,
            told: reporter.stage(name.name(), total),
            started: Instant::now(),
            cpu: cpu_seconds(),
            counters: Mutex::default(),
            files: Mutex::default(),
        }
    }

    /// Returns which stage it is.
    pub(crate) const fn name(&self) -> StageName {
        self.name
    }

    /// Says what [`StageRun::advance`] will add up to, where that is known only now.
    pub(crate) fn expect(&self, total: u64) {
        self.told.expect(total);
    }

    /// Says, from any thread, that `units` more are done.
    pub(crate) fn advance(&self, units: u64) {
        self.told.advance(units);
    }

    /// Takes the bar away, so that lines can be said before the stage ends.
    pub(crate) fn clear(&mut self) {
        self.told.clear();
    }

    /// Counts something, for the manifest and for events.
    pub(crate) fn count(&self, name: &str, count: u64) {
        self.told.count(name, count);
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        counters.insert(name.into(), count);
    }

    /// Begins a file of the stage.
    ///
    /// # Errors
    /// If the system refuses.
    pub(crate) fn create(&self, name: &str) -> Result<StageFile, Error> {
        StageFile::create(&self.folder, name)
    }

    /// Adds a file to the record.
    pub(crate) fn add(&self, file: FileRecord) {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).push(file);
    }

    /// Returns the record, and what tells people.
    pub(super) fn end(self, rows_in: u64, rows_out: u64) -> (StageRecord, Stage<'a>) {
        let mut files = self.files.into_inner().unwrap_or_else(PoisonError::into_inner);
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let micros = |seconds: f64| (seconds * 1e6).round() / 1e6;
        let cpu = self.cpu.zip(cpu_seconds()).map(|(before, after)| micros(after - before));
        let record = StageRecord {
            finished: now().unwrap_or_default(),
            rows_in,
            rows_out,
            seconds: micros(self.started.elapsed().as_secs_f64()),
            cpu_seconds: cpu,
            peak_memory: machine::peak_memory(),
            bytes: files.iter().map(|file| file.bytes).sum(),
            counters: self.counters.into_inner().unwrap_or_else(PoisonError::into_inner),
            files,
            again: false,
        };
        (record, self.told)
    }
}

/// A file being written, summed up as it grows.
pub(crate) struct StageFile {
    out: Summing<WorkingFile>,
    target: PathBuf,
    name: String,
}

impl StageFile {
    fn create(folder: &Path, name: &str) -> Result<Self, Error> {
        let target = folder.join(name);
        let working = WorkingFile::create(&target, Existing::Replace)?;
        Ok(Self { out: Summing::new(working), target, name: name.into() })
    }

    /// Returns where it will be.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Puts the file in its place and returns its record.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn publish(self) -> Result<FileRecord, Error> {
        let Self { out, name, .. } = self;
        let (bytes, checksum) = out.total();
        out.into_inner().publish()?;
        Ok(FileRecord { name, bytes, checksum })
    }
}

impl Write for StageFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A folder of files that carry their checksum in their name: `000012-9f86d081884c7d65.parquet`.
/// Those of an interrupted stage can be told whole without a manifest.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    folder: PathBuf,
    name: &'static str,
}

impl Folder {
    /// Creates the folder in a run directory if it is not there.
    ///
    /// # Errors
    /// If the system refuses.
    pub(crate) fn create(run_dir: &Path, name: &'static str) -> Result<Self, Error> {
        let folder = run_dir.join(name);
        match fs::create_dir(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(Error::file("write", &folder, &error))
            }
            _ => Ok(Self { folder: run_dir.into(), name }),
        }
    }

    /// Begins a file; `stem` is its name before the checksum.
    ///
    /// # Errors
    /// If the system refuses.
    pub(crate) fn begin(&self, stem: &str) -> Result<StageFile, Error> {
        StageFile::create(&self.folder, &format!("{}/{stem}", self.name))
    }

    /// Puts a file in its place under its full name.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn publish(file: StageFile) -> Result<FileRecord, Error> {
        let StageFile { out, target, name } = file;
        let (bytes, checksum) = out.total();
        let ending = format!("-{}.parquet", checksum.digits());
        let mut full = target.into_os_string();
        full.push(&ending);
        out.into_inner().publish_as(Path::new(&full))?;
        Ok(FileRecord { name: format!("{name}{ending}"), bytes, checksum })
    }

    /// Lists the files whose content is that of their name, in order, and removes all others: they
    /// are damaged or cut short, and what they held will be made again. Cost: one pass over the
    /// files.
    ///
    /// # Errors
    /// If the system refuses.
    pub(crate) fn whole(&self) -> Result<(Vec<FileRecord>, u64), Error> {
        let folder = self.folder.join(self.name);
        let failed = |error: io::Error| Error::file("read the folder", &folder, &error);
        let (mut whole, mut removed) = (Vec::new(), 0);
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let stem = name.strip_suffix(".parquet").and_then(|name| name.rsplit_once('-'));
            let expected = stem.and_then(|(_, digits)| digits.parse::<Checksum>().ok());
            let found = Checksum::of_file(&path);
            let (bytes, checksum) = found.map_err(|error| Error::file("read", &path, &error))?;
            if expected == Some(checksum) {
                whole.push(FileRecord { name: format!("{}/{name}", self.name), bytes, checksum });
            } else {
                fs::remove_file(&path).map_err(|error| Error::file("remove", &path, &error))?;
                removed += 1;
            }
        }
        whole.sort_by(|a, b| a.name.cmp(&b.name));
        Ok((whole, removed))
    }
}
