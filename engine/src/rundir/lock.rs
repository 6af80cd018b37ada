//! The lock that keeps two runs out of one directory. The system lets go of it when the process
//! ends, in whichever way.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Seek as _, Write as _},
    path::Path,
    process,
    time::Duration,
};

use crate::error::Error;

/// Name of the lock's file in a run directory; it holds the number of the last process.
pub(crate) const LOCK: &str = "run.lock";

/// A lock that is held while it lives.
#[derive(Debug)]
pub(crate) struct Lock(Option<File>);

impl Lock {
    /// Takes the lock of a run directory.
    ///
    /// # Errors
    /// If another process holds it, or the system refuses.
    pub(crate) fn take(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(LOCK);
        let Some(mut file) = open(&path)? else { return Ok(Self(None)) };
        match lock(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(folder, &path)),
            Err(TryLockError::Error(error)) => {
                return Err(Error::file("lock", &path, &error)
                    .with_help("choose a run directory on a disk that supports file locks"));
            }
        }
        // Who it is only matters to others: without it the lock still holds.
        let _ = file.set_len(0);
        let _ = file.rewind();
        let _ = writeln!(file, "{}", process::id());
        Ok(Self(Some(file)))
    }

    /// Returns true if a process holds the lock of a run directory, as far as the system tells.
    pub(crate) fn is_held(folder: &Path) -> bool {
        let Ok(file) = itself(&mut File::options()).open(folder.join(LOCK)) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }
}

/// Locks a file. Who only looks whether it is locked holds it for a moment, too.
fn lock(file: &File) -> Result<(), TryLockError> {
    for _ in 0..10 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(5)),
            other => return other,
        }
    }
    file.try_lock()
}

/// Opens the lock's file, which is made if it is not there. Where nothing may be written it is enough to
/// read it; `None` where it is not there either: who may not write needs no lock.
fn open(path: &Path) -> Result<Option<File>, Error> {
    if path.is_symlink() {
        return Err(Error::input(format!("{} is a symbolic link", path.display()))
            .with_help("remove it: a run directory has a lock of its own"));
    }
    let mut options = File::options();
    let error = match itself(&mut options).write(true).create(true).truncate(false).open(path) {
        Ok(file) => return Ok(Some(file)),
        Err(error) => error,
    };
    let is_protected =
        matches!(error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied);
    match itself(&mut File::options()).open(path) {
        Ok(file) if is_protected => Ok(Some(file)),
        Err(other) if is_protected && other.kind() == io::ErrorKind::NotFound => Ok(None),
        _ => Err(Error::file("write", path, &error)),
    }
}

/// Opens a file itself, never one that a link of its name points to.
fn itself(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    }
    options.read(true)
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.0.as_ref().map(File::unlock);
    }
}

fn held(folder: &Path, path: &Path) -> Error {
    let number = fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u32>().ok());
    let who = number.map_or_else(|| "another process".into(), |number| format!("process {number}"));
    Error::input(format!("{who} is using {}", folder.display()))
        .with_help("wait until it ends, or choose another run directory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_once_and_says_by_whom() {
        let home = tempfile::tempdir().unwrap();
        let lock = Lock::take(home.path()).unwrap();
        let error = Lock::take(home.path()).unwrap_err();
        assert!(error.message().starts_with(&format!("process {} is using", process::id())));
        assert!(Lock::is_held(home.path()));
        drop(lock);
        assert!(!Lock::is_held(home.path()) && !Lock::is_held(&home.path().join("no")));
        drop(Lock::take(home.path()).unwrap());
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_that_is_a_link_is_not_followed() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("mine"), "dear").unwrap();
        std::os::unix::fs::symlink("mine", home.path().join(LOCK)).unwrap();
        let error = Lock::take(home.path()).unwrap_err();
        assert!(error.message().ends_with("run.lock is a symbolic link"), "{error}");
        let opened = itself(&mut File::options()).write(true).open(home.path().join(LOCK));
        assert!(opened.is_err());
        assert_eq!(fs::read(home.path().join("mine")).unwrap(), b"dear");
    }
}
