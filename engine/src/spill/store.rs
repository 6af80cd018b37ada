//! Working files: arrays of numbers, appended and read back at any position, each with its
//! checksum. They are read by the process that wrote them, so bytes lie as in memory.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use bytemuck::{Pod, cast_slice, cast_slice_mut};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    disk::Disk,
    error::{Error, OverDisk, reason},
    inputs::read_exact_at,
};

/// A folder for working files, and what of its disk they may take.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    path: PathBuf,
    disk: Disk,
}

impl Shelf {
    /// Takes a folder.
    pub(crate) fn new(path: &Path, disk: Disk) -> Self {
        Self { path: path.to_owned(), disk }
    }
}

/// Where an array lies, and its checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    file: u32,
    offset: u64,
    /// Bytes.
    pub(super) length: u64,
    checksum: u64,
}

/// A growing number of files of one kind, none longer than a shard unless a single array is.
/// Several threads may append and read. Gone when dropped.
#[derive(Debug)]
pub(super) struct Store {
    shelf: Shelf,
    name: String,
    shard: u64,
    files: Mutex<Files>,
}

#[derive(Debug, Default)]
struct Files {
    open: Vec<Arc<File>>,
    /// Bytes of the last one.
    end: u64,
    /// Bytes of all of them.
    taken: u64,
}

impl Store {
    /// Makes a store whose files lie on `shelf` and are called `name-0`, `name-1`, …
    pub(super) fn new(shelf: &Shelf, name: impl Into<String>, shard: u64) -> Self {
        Self { shelf: shelf.clone(), name: name.into(), shard, files: Mutex::default() }
    }

    /// Appends an array.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn append<T: Pod>(&self, values: &[T]) -> Result<Extent, Error> {
        let bytes: &[u8] = cast_slice(values);
        let length = bytes.len() as u64;
        let (number, offset, file) = self.reserve(length)?;
        write_all_at(&file, bytes, offset)
            .map_err(|error| write_failed(&self.path(number), &error))?;
        Ok(Extent { file: number, offset, length, checksum: xxh3_64(bytes) })
    }

    /// Finds room for so many bytes, in a new file where the last one is full.
    fn reserve(&self, length: u64) -> Result<(u32, u64, Arc<File>), Error> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let room = length.next_multiple_of(8);
        let taken = self.shelf.disk.take(room);
        taken.map_err(|error| write_failed(&self.path(files.open.len() as u32), &error))?;
        files.taken += room;
        if files.open.is_empty() || files.end > 0 && files.end + length > self.shard {
            let path = self.path(files.open.len() as u32);
            let file = File::options().read(true).write(true).create_new(true).open(&path);
            let file = file.map_err(|error| write_failed(&path, &error))?;
            files.open.push(Arc::new(file));
            files.end = 0;
        }
        let offset = files.end;
        // Arrays begin where any number may begin.
        files.end += room;
        let number = files.open.len() - 1;
        Ok((number as u32, offset, Arc::clone(&files.open[number])))
    }

    /// Reads an array into `values`, which has its length.
    ///
    /// # Errors
    /// If the disk fails, or the bytes are not those that were written.
    pub(super) fn read_into<T: Pod>(&self, extent: &Extent, values: &mut [T]) -> Result<(), Error> {
        let bytes: &mut [u8] = cast_slice_mut(values);
        let bytes = &mut bytes[..extent.length as usize];
        let file = {
            let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(&files.open[extent.file as usize])
        };
        let path = || self.path(extent.file);
        read_exact_at(&file, bytes, extent.offset).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => damaged(&path(), extent.offset),
            _ => Error::file("read the working file", &path(), &error),
        })?;
        if xxh3_64(bytes) == extent.checksum {
            return Ok(());
        }
        Err(damaged(&path(), extent.offset))
    }

    /// Reads an array.
    ///
    /// # Errors
    /// As for [`read_into`](Self::read_into).
    pub(super) fn read<T: Pod>(&self, extent: &Extent) -> Result<Vec<T>, Error> {
        let mut values = vec![T::zeroed(); (extent.length as usize).div_ceil(size_of::<T>())];
        self.read_into(extent, &mut values)?;
        Ok(values)
    }

    fn path(&self, number: u32) -> PathBuf {
        self.shelf.path.join(format!("{}-{number}", self.name))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        for number in 0..files.open.len() as u32 {
            // What stays goes with the folder.
            let _ = fs::remove_file(self.path(number));
        }
        self.shelf.disk.give_back(files.taken);
    }
}

fn write_failed(path: &Path, error: &io::Error) -> Error {
    if let Some(over) = OverDisk::of(error) {
        return over;
    }
    // The folder goes with the error; what is full is where it lies.
    let folder = path.parent().unwrap_or(path);
    let place = folder.parent().unwrap_or(folder).display();
    let failed = Error::input(format!("cannot write working files to {place}: {}", reason(error)));
    failed.with_help_if(match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(
            "free some space there, write the output to another disk, or give it more --memory"
                .into(),
        ),
        io::ErrorKind::FileTooLarge => Some(
            "raise the limit on the size of files (ulimit -f), or give it more --memory".into(),
        ),
        _ => None,
    })
}

fn damaged(path: &Path, offset: u64) -> Error {
    let path = path.display();
    Error::input(format!("the working file {path} is damaged at byte {offset}"))
        .with_help("run the job again; if the error returns, check the disk")
}

#[cfg(unix)]
fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(windows)]
fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                bytes = &bytes[written..];
                offset += written as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_come_back_from_files_of_bounded_size() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::new(&Shelf::new(home.path(), Disk::default()), "x", 100);
        let arrays = (0..20_u32).map(|number| vec![number; 5]).collect::<Vec<_>>();
        let extents: Vec<_> = arrays.iter().map(|array| store.append(array).unwrap()).collect();
        let long = store.append(&[1.5_f64; 100]).unwrap();
        for (array, extent) in arrays.iter().zip(&extents) {
            assert_eq!(&store.read::<u32>(extent).unwrap(), array);
        }
        assert_eq!(store.read::<f64>(&long).unwrap(), [1.5; 100]);
        let lengths = fs::read_dir(home.path())
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len());
        assert!(lengths.filter(|length| *length > 100).eq([800]), "one array is longer");
        drop(store);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    }

    #[test]
    fn damage_is_found() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::new(&Shelf::new(home.path(), Disk::default()), "x", 100);
        let extent = store.append(&[7_u32; 4]).unwrap();
        let path = home.path().join("x-0");
        let mut bytes = fs::read(&path).unwrap();
        bytes[5] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let error = store.read::<u32>(&extent).unwrap_err();
        assert!(error.message().ends_with("x-0 is damaged at byte 0"), "{error}");
        fs::write(&path, &bytes[..9]).unwrap();
        assert!(store.read::<u32>(&extent).unwrap_err().message().contains("is damaged"));
    }
}
