//! How much of a disk a run may take for what it keeps and for working files (`--max-disk`).

use std::{
    fs::Metadata,
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use walkdir::WalkDir;

use crate::{
    error::{Error, OverDisk},
    memory::Bytes,
};

/// What may be taken, shared by all who write; without a limit nothing is counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Option<Arc<Meter>>);

#[derive(Debug)]
struct Meter {
    limit: Bytes,
    used: AtomicU64,
}

impl Disk {
    /// Begins with nothing taken.
    pub(crate) fn new(limit: Option<Bytes>) -> Self {
        Self(limit.map(|limit| Arc::new(Meter { limit, used: AtomicU64::new(0) })))
    }

    /// Counts what a folder holds as taken, and nothing else.
    pub(crate) fn measure(&self, folder: &Path) {
        let Some(meter) = &self.0 else { return };
        let files = WalkDir::new(folder).into_iter().flatten();
        let lengths = files.filter_map(|entry| entry.metadata().ok()).filter(Metadata::is_file);
        meter.used.store(lengths.map(|file| file.len()).sum(), Ordering::Relaxed);
    }

    /// Takes so many bytes, before they are written.
    ///
    /// # Errors
    /// If there are not so many left: the error of a system would be that the disk is full.
    pub(crate) fn take(&self, bytes: u64) -> io::Result<()> {
        let Some(meter) = &self.0 else { return Ok(()) };
        let used = meter.used.fetch_add(bytes, Ordering::Relaxed);
        if used.saturating_add(bytes) <= meter.limit.0 {
            return Ok(());
        }
        self.give_back(bytes);
        Err(io::Error::other(OverDisk(meter.limit.to_string())))
    }

    /// Gives so many bytes back.
    pub(crate) fn give_back(&self, bytes: u64) {
        if let Some(meter) = &self.0 {
            let less = |used: u64| Some(used.saturating_sub(bytes));
            let _ = meter.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        }
    }

    /// Returns true if there is a limit.
    pub(crate) const fn is_limited(&self) -> bool {
        self.0.is_some()
    }

    /// Refuses work that is predicted to take so many bytes more.
    ///
    /// # Errors
    /// If they are not left.
    pub(crate) fn foresee(&self, bytes: u64) -> Result<(), Error> {
        let Some(meter) = &self.0 else { return Ok(()) };
        let needed = meter.used.load(Ordering::Relaxed).saturating_add(bytes);
        if needed <= meter.limit.0 {
            return Ok(());
        }
        Err(Error::refused(format!(
            "the job needs at least {} of disk for working files and the run directory, more than \
             max_disk {}",
            Bytes(needed),
            meter.limit
        ))
        .with_help(
            "raise --max-disk; more --memory needs fewer working files, and a run without \
             --run-dir keeps no stages",
        ))
    }
}

/// Bytes of a file that is being written: given back unless it is kept.
#[derive(Debug)]
pub(crate) struct Taken {
    disk: Disk,
    bytes: u64,
}

impl Taken {
    /// Begins with none.
    pub(crate) fn of(disk: &Disk) -> Self {
        Self { disk: disk.clone(), bytes: 0 }
    }

    /// Takes so many bytes more.
    ///
    /// # Errors
    /// As [`Disk::take`].
    pub(crate) fn add(&mut self, bytes: u64) -> io::Result<()> {
        self.disk.take(bytes)?;
        self.bytes += bytes;
        Ok(())
    }

    /// Gives so many back.
    pub(crate) fn give_back(&mut self, bytes: u64) {
        self.disk.give_back(bytes);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Lets them stay taken, in the place of so many.
    pub(crate) fn keep(mut self, replaced: u64) {
        self.bytes = 0;
        self.disk.give_back(replaced);
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.disk.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_taken_than_there_may_be() {
        let disk = Disk::new(Some(Bytes(100)));
        let mut taken = Taken::of(&disk);
        taken.add(60).unwrap();
        let error = Error::file("write", Path::new("x"), &disk.take(41).unwrap_err());
        assert_eq!(error.message(), "the run needs more than 100 B of disk space (max_disk)");
        disk.take(40).unwrap();
        drop(taken);
        let mut taken = Taken::of(&disk);
        taken.add(60).unwrap();
        // It replaces a file of 50 bytes.
        taken.keep(50);
        assert!(disk.foresee(50).is_ok() && disk.foresee(51).is_err());
        assert!(Disk::default().take(u64::MAX).is_ok() && !Disk::default().is_limited());
    }

    #[test]
    fn what_a_folder_holds_is_taken() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("a")).unwrap();
        std::fs::write(home.path().join("a/x"), [0; 30]).unwrap();
        std::fs::write(home.path().join("y"), [0; 20]).unwrap();
        let disk = Disk::new(Some(Bytes(100)));
        disk.measure(home.path());
        assert!(disk.foresee(50).is_ok() && disk.foresee(51).is_err());
    }
}
