//! The lock that keeps two runs out of one directory. The system lets go of it when the process
//! ends, in whichever way.

use std::{
    fs::{self, File, TryLockError},
    io::{Seek as _, Write as _},
    path::Path,
    process,
};

use crate::error::Error;

/// Name of the lock's file in a run directory; it holds the number of the last process.
pub(crate) const LOCK: &str = "run.lock";

/// A lock that is held while it lives.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Lock {
    /// Takes the lock of a run directory.
    ///
    /// # Errors
    /// If another process holds it, or the system refuses.
    pub(crate) fn take(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(LOCK);
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = file.map_err(|error| Error::file("write", &path, &error))?;
        match file.try_lock() {
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
        Ok(Self(file))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.0.unlock();
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
        drop(lock);
        drop(Lock::take(home.path()).unwrap());
    }
}
