//! The files that stages write.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::{
    checksum::{Checksum, Summing},
    disk::{Disk, Taken},
    error::Error,
    publish::{Existing, WorkingFile},
    record::FileRecord,
};

/// A file being written, summed up as it grows.
pub(crate) struct StageFile {
    out: Summing<WorkingFile>,
    taken: Taken,
    target: PathBuf,
    name: String,
}

impl StageFile {
    pub(super) fn create(folder: &Path, name: &str, disk: &Disk) -> Result<Self, Error> {
        let target = folder.join(name);
        let working = WorkingFile::create(&target, Existing::Replace)?;
        let (out, taken) = (Summing::new(working), Taken::of(disk));
        Ok(Self { out, taken, target, name: name.into() })
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
        let Self { out, taken, target, name } = self;
        let (bytes, checksum) = out.total();
        let replaced = length_of(&target);
        out.into_inner().publish()?;
        taken.keep(replaced);
        Ok(FileRecord { name, bytes, checksum })
    }
}

impl Write for StageFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.taken.add(bytes.len() as u64)?;
        let written = self.out.write(bytes)?;
        self.taken.give_back((bytes.len() - written) as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A folder of files that carry their checksum in their name: `000012-9f86d081884c7d65.parquet`.
/// Those of an interrupted stage can be told whole without a manifest.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    run_dir: PathBuf,
    name: &'static str,
    disk: Disk,
}

impl Folder {
    /// Creates the folder in a run directory if it is not there.
    ///
    /// # Errors
    /// If the system refuses.
    pub(crate) fn create(
        (run_dir, disk): (&Path, &Disk),
        name: &'static str,
    ) -> Result<Self, Error> {
        let folder = run_dir.join(name);
        match fs::create_dir(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(Error::file("write", &folder, &error))
            }
            _ => Ok(Self { run_dir: run_dir.into(), name, disk: disk.clone() }),
        }
    }

    /// Begins a file; `stem` is its name before the checksum.
    ///
    /// # Errors
    /// If the system refuses.
    pub(crate) fn begin(&self, stem: &str) -> Result<StageFile, Error> {
        StageFile::create(&self.run_dir, &format!("{}/{stem}", self.name), &self.disk)
    }

    /// Puts a file in its place under its full name.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn publish(file: StageFile) -> Result<FileRecord, Error> {
        let StageFile { out, taken, target, name } = file;
        let (bytes, checksum) = out.total();
        let ending = format!("-{}.parquet", checksum.digits());
        let mut full = target.into_os_string();
        full.push(&ending);
        let replaced = length_of(Path::new(&full));
        out.into_inner().publish_as(Path::new(&full))?;
        taken.keep(replaced);
        Ok(FileRecord { name: format!("{name}{ending}"), bytes, checksum })
    }

    /// Lists the files whose content is that of their name, in order, and removes all others: they
    /// are damaged or cut short, and what they held will be made again. Cost: one pass over the
    /// files.
    ///
    /// # Errors
    /// If the system refuses.
    pub(crate) fn whole(&self) -> Result<(Vec<FileRecord>, u64), Error> {
        let folder = self.run_dir.join(self.name);
        let failed = |error: io::Error| Error::file("read the folder", &folder, &error);
        let (mut whole, mut removed) = (Vec::new(), 0);
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let found = sums_if_whole(&path).map_err(|error| Error::file("read", &path, &error))?;
            if let Some((bytes, checksum)) = found {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
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

/// Returns the length of a file that may be there.
fn length_of(path: &Path) -> u64 {
    path.metadata().map_or(0, |file| file.len())
}

/// Returns the length and checksum of a file whose content is that of its name. Cost: one pass over it.
///
/// # Errors
/// If it cannot be read.
pub(super) fn sums_if_whole(path: &Path) -> io::Result<Option<(u64, Checksum)>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".parquet").and_then(|name| name.rsplit_once('-'));
    let expected = stem.and_then(|(_, digits)| digits.parse::<Checksum>().ok());
    let (bytes, checksum) = Checksum::of_file(path)?;
    Ok((expected == Some(checksum)).then_some((bytes, checksum)))
}
