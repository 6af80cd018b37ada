//! Whether a file is what it was, and how it goes.

use std::{fs, io, path::Path};

use crate::{checksum::Checksum, error::Error, record::FileRecord};

/// Describes what is wrong with a file, if anything is.
///
/// # Errors
/// If it is there and cannot be read.
pub(super) fn checked(path: &Path, file: &FileRecord) -> Result<Option<String>, Error> {
    let name = path.display();
    match Checksum::of_file(path) {
        Ok((bytes, _)) if bytes != file.bytes => {
            Ok(Some(format!("{name} is cut short or was changed")))
        }
        Ok((_, checksum)) if checksum != file.checksum => {
            Ok(Some(format!("{name} is damaged: its checksum does not match")))
        }
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(Some(format!("{name} is missing")))
        }
        Err(error) => Err(Error::file("read", path, &error)),
    }
}

/// Removes a file or folder that may be there.
pub(super) fn remove(path: &Path) -> Result<(), Error> {
    // Where nothing may be written, nothing need be.
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    let is_folder = path.is_dir() && !path.is_symlink();
    let removed = if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::file("remove", path, &error))
        }
        _ => Ok(()),
    }
}
