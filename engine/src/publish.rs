//! Outputs appear whole or not at all: written beside their place, synced, renamed.
//!
//! Working files are named `.NAME.XXXXXX.partial`. They are gone after an error (they remove
//! themselves when dropped) and where a program that is interrupted calls [`abandon`]. What a
//! killed process left of them goes when the same output is begun again.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::{self, Write},
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError, TryLockError},
    time::Duration,
};

use tempfile::{NamedTempFile, TempDir};

use crate::error::Error;

/// What to do about an output that is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// It is an error.
    #[default]
    Refuse,
    /// It is replaced (`--overwrite`).
    Replace,
    /// It is a folder of dated results: the new one goes beside them, and so many stay (`--keep`).
    Keep(NonZeroU32),
}

/// Paths of working files and folders that are not published yet.
static WORKING: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn working() -> MutexGuard<'static, Vec<PathBuf>> {
    WORKING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps new working files from coming into being while it lives.
pub struct Abandoned {
    _working: MutexGuard<'static, Vec<PathBuf>>,
}

/// Removes all working files and folders of this process, for a program that ends at once. No new
/// ones come into being until what is returned is dropped.
pub fn abandon() -> Abandoned {
    let working = working();
    for path in working.iter() {
        remove(path);
    }
    Abandoned { _working: working }
}

/// Does the same for a program that ends because memory has run out: if what another thread does keeps it
/// from the list of working files for a tenth of a second, they stay.
pub(crate) fn abandon_in_need() -> Option<Abandoned> {
    for _ in 0..100 {
        let working = match WORKING.try_lock() {
            Ok(working) => working,
            Err(TryLockError::Poisoned(working)) => working.into_inner(),
            Err(TryLockError::WouldBlock) => {
                std::thread::sleep(Duration::from_millis(1));
                continue;
            }
        };
        working.iter().for_each(|path| remove(path));
        return Some(Abandoned { _working: working });
    }
    None
}

/// Removes the working files that a process that was killed left in `folder`. The caller makes
/// sure that nobody else works there.
///
/// # Errors
/// If the folder cannot be read, or a file in it not be removed.
pub fn remove_left_behind(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') && name.ends_with(".partial") && path.is_file() {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Removes a working file or folder; where that fails there is nothing better to do.
fn remove(path: &Path) {
    if path.is_dir() {
        // Work that still goes on may put a file into the folder meanwhile.
        let _ = (0..3).find(|_| fs::remove_dir_all(path).is_ok());
    } else {
        let _ = fs::remove_file(path);
    }
}

/// Keeps a path on the list of working files while it lives.
#[derive(Debug)]
struct Registered {
    path: PathBuf,
    /// Shows other processes that the place is in use.
    _lock: Option<File>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        working().retain(|path| *path != self.path);
    }
}

/// Locks a working file or folder, unless it is locked or the system cannot.
#[cfg(unix)]
fn lock(path: &Path) -> Option<File> {
    let file = File::open(path).ok()?;
    file.try_lock().ok()?;
    Some(file)
}

/// Locks there keep out the process that holds them, too.
#[cfg(not(unix))]
fn lock(_: &Path) -> Option<File> {
    None
}

/// What became of something that was just created.
enum Hold {
    /// It is locked.
    Locked(File),
    /// There are no locks here.
    Free,
    /// Somebody who tidied up in between has taken it for an orphan.
    Gone,
}

/// Locks what was just created.
#[cfg(unix)]
fn hold(path: &Path) -> Hold {
    use std::os::unix::fs::MetadataExt as _;
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    for pause in [0, 2, 20] {
        std::thread::sleep(Duration::from_millis(pause));
        let Ok(there) = path.symlink_metadata() else { return Hold::Gone };
        if let Some(file) = lock(path) {
            let held = file.metadata().ok().map(identity);
            let is_there = held == Some(identity(there)) && path.symlink_metadata().is_ok();
            return if is_there { Hold::Locked(file) } else { Hold::Gone };
        }
    }
    Hold::Free
}

/// There are no locks that others could mistake.
#[cfg(not(unix))]
fn hold(_: &Path) -> Hold {
    Hold::Free
}

/// Removes the working files and folders that killed processes left of earlier tries at `target`:
/// those that nobody holds a lock of. Where there are no locks they stay.
pub fn remove_orphans(target: &Path) {
    let target = &followed(target);
    let own = target.file_name().unwrap_or_default().as_encoded_bytes();
    remove_orphans_of(&parent_of(target), |name| name == own);
}

/// Does the same for all outputs in `folder` that `is_own` knows by their names.
pub(crate) fn remove_orphans_of(folder: &Path, is_own: impl Fn(&[u8]) -> bool) {
    // A folder that cannot be read is told of by what follows.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_ours = output_of(&entry.file_name()).is_some_and(&is_own);
        // Held until it is gone: whoever has just made it notices.
        if let Some(_held) = is_ours.then(|| lock(&path)).flatten() {
            remove(&path);
        }
    }
}

/// Returns the name of the output that a working file or folder of that name is of.
pub(crate) fn output_of(working: &OsStr) -> Option<&[u8]> {
    /// A dot and six letters or digits.
    const RANDOM: usize = 7;
    let name = working.as_encoded_bytes();
    let name = name.strip_prefix(b".")?.strip_suffix(b".partial")?;
    let (output, random) = name.split_at_checked(name.len().checked_sub(RANDOM)?)?;
    let random = random.strip_prefix(b".")?;
    random.iter().all(u8::is_ascii_alphanumeric).then_some(output)
}

/// Creates with `create` and registers the path in one step that no signal can split.
fn registered<T>(
    create: impl Fn() -> io::Result<T>,
    path_of: impl Fn(&T) -> &Path,
) -> io::Result<(T, Registered)> {
    let mut paths = working();
    loop {
        let created = create()?;
        let path = path_of(&created).to_owned();
        let lock = match hold(&path) {
            Hold::Locked(file) => Some(file),
            Hold::Free => None,
            // Tidying takes a moment, so this comes to its end.
            Hold::Gone => continue,
        };
        paths.push(path.clone());
        return Ok((created, Registered { _lock: lock, path }));
    }
}

/// Follows links to the place that an output stands for.
fn followed(target: &Path) -> PathBuf {
    /// As many as systems follow.
    const MOST: usize = 40;
    let mut place = target.to_owned();
    for _ in 0..MOST {
        let Ok(link) = fs::read_link(&place) else { return place };
        place = parent_of(&place).join(link);
    }
    target.to_owned()
}

/// Returns where an output is written: what is there is replaced, and a link to it stays. Refuses what
/// neither is nor could be a result: pipes, sockets, devices.
fn place_of_output(target: &Path, existing: Existing) -> Result<PathBuf, Error> {
    if let Some(what) = target.metadata().ok().and_then(|found| irregular(found.file_type())) {
        return Err(Error::input(format!("output {} is {what}, not a file", target.display()))
            .with_help("name a file or folder: results are written beside it and then renamed"));
    }
    Ok(match existing {
        Existing::Replace => followed(target),
        Existing::Refuse | Existing::Keep(_) => target.to_owned(),
    })
}

/// Names what is neither a file nor a folder.
#[cfg(unix)]
fn irregular(found: fs::FileType) -> Option<&'static str> {
    use std::os::unix::fs::FileTypeExt as _;
    let known = [
        (found.is_fifo(), "a named pipe"),
        (found.is_socket(), "a socket"),
        (found.is_block_device() || found.is_char_device(), "a device"),
    ];
    known.into_iter().find_map(|(is, what)| is.then_some(what))
}

/// Other systems have nothing of the kind among files.
#[cfg(not(unix))]
fn irregular(found: fs::FileType) -> Option<&'static str> {
    (!found.is_file() && !found.is_dir()).then_some("something else")
}

/// A file being written beside its place.
#[derive(Debug)]
pub struct WorkingFile {
    file: NamedTempFile,
    registered: Registered,
    target: PathBuf,
    existing: Existing,
}

impl WorkingFile {
    /// Does what [`create`](Self::create) does for an output of people: a link is followed and stays.
    ///
    /// # Errors
    /// As there, and for pipes, sockets and devices.
    pub fn output(target: &Path, existing: Existing) -> Result<Self, Error> {
        Self::create(&place_of_output(target, existing)?, existing)
    }

    /// Checks the place and creates the working file beside it, before any work is done.
    ///
    /// # Errors
    /// If the folder is missing or cannot be written, or the output exists and is not to be, or
    /// cannot be, replaced by a file.
    pub fn create(target: &Path, existing: Existing) -> Result<Self, Error> {
        let parent = check_place(target, existing)?;
        if target.is_dir() {
            return Err(Error::input(format!("{} is a folder", target.display()))
                .with_help("name a file, or leave out the ending to write a folder"));
        }
        if target.exists() && !target.is_file() {
            return Err(Error::input(format!("{} is not a regular file", target.display())));
        }
        let (prefix, mut builder) = (prefix(target), tempfile::Builder::new());
        builder.prefix(&prefix).suffix(".partial");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let (file, registered) =
            registered(|| builder.tempfile_in(&parent), |file: &NamedTempFile| file.path())
                .map_err(|error| Error::file("write to", &parent, &error))?;
        Ok(Self { file, registered, target: target.to_owned(), existing })
    }

    /// Returns where the file is while it is written.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Returns the open file.
    pub fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Puts the file in another place of the same folder, such as one named after its content.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub fn publish_as(mut self, target: &Path) -> Result<(), Error> {
        debug_assert_eq!(parent_of(target), parent_of(&self.target), "a file stays in its folder");
        target.clone_into(&mut self.target);
        self.publish()
    }

    /// Puts the file in its place. Everything must have been flushed into it.
    ///
    /// # Errors
    /// If the disk refuses, or an output has appeared there meanwhile.
    pub fn publish(self) -> Result<(), Error> {
        let Self { file, registered, target, existing } = self;
        let failed = |error: &io::Error| Error::file("write", &target, error);
        file.as_file().sync_all().map_err(|error| failed(&error))?;
        let put = match existing {
            Existing::Refuse | Existing::Keep(_) => put_where_nothing_is(file, &target),
            Existing::Replace => {
                keep_mode(file.as_file(), &target).map_err(|error| failed(&error))?;
                file.persist(&target).map(drop).map_err(|refused| refused.error)
            }
        };
        put.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => exists(&target),
            _ => failed(&error),
        })?;
        drop(registered);
        sync_parent(&target).map_err(|error| failed(&error))
    }
}

impl Write for WorkingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_file_mut().flush()
    }
}

/// Gives a new file the mode of the one that it replaces, if there is one.
fn keep_mode(file: &File, target: &Path) -> io::Result<()> {
    let old = if cfg!(unix) { target.metadata().ok() } else { None };
    old.map_or(Ok(()), |old| file.set_permissions(old.permissions()))
}

/// Puts a file where nothing is. File systems that cannot do that in one step let a name be taken.
fn put_where_nothing_is(file: NamedTempFile, target: &Path) -> io::Result<()> {
    match file.persist_noclobber(target) {
        Ok(_) => Ok(()),
        Err(refused) if refused.error.kind() == io::ErrorKind::AlreadyExists => Err(refused.error),
        Err(refused) => take_name(refused.file, target),
    }
}

/// Takes a name that nobody has with an empty file, and replaces that.
fn take_name(file: NamedTempFile, target: &Path) -> io::Result<()> {
    File::create_new(target)?;
    file.persist(target).map(drop).map_err(|refused| {
        let _ = fs::remove_file(target);
        refused.error
    })
}

/// A folder being written beside its place.
#[derive(Debug)]
pub struct WorkingFolder {
    folder: TempDir,
    registered: Registered,
    target: PathBuf,
    existing: Existing,
    /// Names of the files that such a folder holds.
    own: &'static [&'static str],
}

impl WorkingFolder {
    /// Does what [`create`](Self::create) does for an output of people: a link is followed and stays.
    ///
    /// # Errors
    /// As there, and for pipes, sockets and devices.
    pub fn output(
        target: &Path,
        existing: Existing,
        own: &'static [&'static str],
    ) -> Result<Self, Error> {
        Self::create(&place_of_output(target, existing)?, existing, own)
    }

    /// Checks the place and creates the working folder beside it, before any work is done.
    /// `own` names the files such a folder holds: a folder with anything else in it is never
    /// replaced.
    ///
    /// # Errors
    /// If the parent is missing or cannot be written, or the output exists and is not to be, or
    /// cannot be, replaced.
    pub fn create(
        target: &Path,
        existing: Existing,
        own: &'static [&'static str],
    ) -> Result<Self, Error> {
        let parent = check_place(target, existing)?;
        if target.is_dir() {
            check_replaceable(target, own)?;
        } else if target.exists() {
            return Err(Error::input(format!("{} is a file, not a folder", target.display())));
        }
        let (prefix, mut builder) = (prefix(target), tempfile::Builder::new());
        builder.prefix(&prefix).suffix(".partial");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        let (folder, registered) =
            registered(|| builder.tempdir_in(&parent), |folder: &TempDir| folder.path())
                .map_err(|error| Error::file("write to", &parent, &error))?;
        Ok(Self { folder, registered, target: target.to_owned(), existing, own })
    }

    /// Returns where the folder is while it is written.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Creates a file in the folder.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn create_file(&self, name: &str) -> Result<File, Error> {
        File::create_new(self.folder.path().join(name))
            .map_err(|error| Error::file("write", &self.target.join(name), &error))
    }

    /// Puts the folder in another place of the same parent, such as one whose name was free only now.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub(crate) fn publish_as(mut self, target: &Path) -> Result<(), Error> {
        debug_assert_eq!(
            parent_of(target),
            parent_of(&self.target),
            "a folder stays in its parent"
        );
        target.clone_into(&mut self.target);
        self.publish()
    }

    /// Puts the folder in its place. Everything must have been flushed into its files.
    ///
    /// An existing folder is exchanged in one step where the system can (Linux, macOS);
    /// elsewhere there is a moment in which the old one is away and the new one not yet there. What
    /// others have put into it meanwhile goes into the new one.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn publish(self) -> Result<(), Error> {
        let Self { folder, registered, target, existing, own } = self;
        let failed = |error: &io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => exists(&target),
            _ => Error::file("write", &target, error),
        };
        sync_folder(folder.path()).map_err(|error| failed(&error))?;
        if target.exists() && existing == Existing::Replace {
            replace(folder.path(), &target).map_err(|error| failed(&error))?;
            // What it holds now is not only ours.
            let old = folder.keep();
            drop(registered);
            clear_old(&old, &target, own);
        } else {
            fs::rename(folder.path(), &target).map_err(|error| failed(&error))?;
            let _ = folder.keep();
            drop(registered);
        }
        sync_parent(&target).map_err(|error| failed(&error))
    }
}

/// A new folder to work in; gone with all that is in it unless it is kept.
#[derive(Debug)]
pub struct NewFolder {
    path: PathBuf,
    /// `None` once the folder is kept.
    registered: Option<Registered>,
}

impl NewFolder {
    /// Creates a folder where nothing is yet.
    ///
    /// # Errors
    /// If something is there, or the system refuses.
    pub fn create(path: &Path) -> Result<Self, Error> {
        let make = || fs::create_dir(path).map(|()| path.to_owned());
        let (path, registered) = registered(make, PathBuf::as_path).map_err(|error| {
            let failed = Error::file("create", path, &error);
            failed.with_help_if(match error.kind() {
                io::ErrorKind::AlreadyExists => Some("name a new folder".into()),
                io::ErrorKind::NotFound => Some("create the folder it is to be in first".into()),
                _ => None,
            })
        })?;
        Ok(Self { path, registered: Some(registered) })
    }

    /// Creates a folder for temporary files.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn temporary() -> Result<Self, Error> {
        let make = || tempfile::Builder::new().prefix("ilk-").tempdir().map(TempDir::keep);
        let (path, registered) = registered(make, PathBuf::as_path)
            .map_err(|error| Error::file("create a folder in", &std::env::temp_dir(), &error))?;
        Ok(Self { path, registered: Some(registered) })
    }

    /// Creates a folder for working files beside `target`.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn beside(target: &Path) -> Result<Self, Error> {
        let parent = parent_of(target);
        let (prefix, mut builder) = (prefix(target), tempfile::Builder::new());
        builder.prefix(&prefix).suffix(".partial");
        let make = || builder.tempdir_in(&parent).map(TempDir::keep);
        let (path, registered) = registered(make, PathBuf::as_path)
            .map_err(|error| Error::file("write to", &parent, &error))?;
        Ok(Self { path, registered: Some(registered) })
    }

    /// Returns where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lets it stay.
    pub fn keep(mut self) {
        self.registered = None;
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        if self.registered.is_some() {
            remove(&self.path);
        }
    }
}

/// Checks what files and folders have in common and returns the folder to write in.
pub(crate) fn check_place(target: &Path, existing: Existing) -> Result<PathBuf, Error> {
    let parent = parent_of(target);
    if target.file_name().is_none() {
        return Err(Error::input(format!("`{}` does not name an output", target.display())));
    }
    if !parent.is_dir() {
        let (output, place) = (target.display(), parent.display());
        if parent.exists() {
            return Err(Error::input(format!("cannot write {output}: {place} is not a folder"))
                .with_help("write elsewhere"));
        }
        return Err(Error::input(format!("cannot write {output}: the folder {place} is missing"))
            .with_help("create it first, or write elsewhere"));
    }
    if existing != Existing::Replace && target.symlink_metadata().is_ok() {
        return Err(exists(target));
    }
    Ok(parent)
}

fn exists(target: &Path) -> Error {
    Error::input(format!("output {} exists", target.display()))
        .with_help("pass --overwrite to replace it")
}

/// Refuses a folder that holds more than an earlier output.
fn check_replaceable(target: &Path, own: &[&str]) -> Result<(), Error> {
    let failed = |error: &io::Error| Error::file("read the folder", target, error);
    for entry in fs::read_dir(target).map_err(|error| failed(&error))? {
        let name = entry.map_err(|error| failed(&error))?.file_name();
        if !own.iter().any(|file| name == OsStr::new(file)) {
            return Err(Error::input(format!(
                "the folder {} holds {}, which is not an output of ilk; it will not be replaced",
                target.display(),
                name.display()
            ))
            .with_help("name a new folder"));
        }
    }
    Ok(())
}

pub(crate) fn parent_of(target: &Path) -> PathBuf {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn prefix(target: &Path) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(target.file_name().unwrap_or_default());
    prefix.push(".");
    prefix
}

/// Puts `new` in the place of the folder `old`; `new` then holds what `old` held, or nothing.
fn replace(new: &Path, old: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_vendor = "apple"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        if renameat_with(CWD, new, CWD, old, RenameFlags::EXCHANGE).is_ok() {
            return Ok(());
        }
    }
    // Not every file system can exchange.
    let mut aside = new.as_os_str().to_owned();
    aside.push(".old");
    fs::rename(old, &aside)?;
    if let Err(error) = fs::rename(new, old) {
        fs::rename(&aside, old)?;
        return Err(error);
    }
    fs::rename(&aside, new)
}

/// Removes the files `own` of an output that was replaced, and brings what else is there to the new one:
/// whatever cannot be moved stays.
fn clear_old(old: &Path, new: &Path, own: &[&str]) {
    for entry in fs::read_dir(old).into_iter().flatten().flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        let is_own = own.iter().any(|file| name == OsStr::new(file));
        let _ = if is_own && !path.is_dir() {
            fs::remove_file(&path)
        } else {
            fs::rename(&path, new.join(&name))
        };
    }
    // Only if nothing is left in it.
    let _ = fs::remove_dir(old);
}

/// Makes a folder's files, then the folder itself, last through a loss of power.
fn sync_folder(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        // Some systems sync only files opened for writing.
        File::options().write(true).open(entry?.path())?.sync_all()?;
    }
    sync_entries(folder)
}

/// Makes the entry of `target` in its folder last through a loss of power.
///
/// # Errors
/// If the disk refuses.
pub fn sync_parent(target: &Path) -> io::Result<()> {
    sync_entries(&parent_of(target))
}

/// Syncs the entries of a folder where the system has such a thing.
fn sync_entries(folder: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    match File::open(folder)?.sync_all() {
        Err(error) if has_no_sync(&error) => Ok(()),
        synced => synced,
    }
}

/// Returns true if a file system says that it does not sync folders: not every one does.
fn has_no_sync(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn text(error: &Error) -> String {
        format!("{}\nhelp: {}", error.message(), error.help().unwrap_or_default())
    }

    #[test]
    fn files_are_written_beside_and_renamed() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("out.parquet");
        let mut working = WorkingFile::create(&target, Existing::Refuse).unwrap();
        working.file().write_all(b"new").unwrap();
        let [name] = <[String; 1]>::try_from(names(home.path())).unwrap();
        assert!(name.starts_with(".out.parquet.") && name.ends_with(".partial"), "{name}");
        working.publish().unwrap();
        assert_eq!(names(home.path()), ["out.parquet"]);
        assert_eq!(fs::read(&target).unwrap(), b"new");
    }

    #[test]
    fn dropped_work_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("out.csv");
        drop(WorkingFile::create(&target, Existing::Refuse).unwrap());
        let folder = WorkingFolder::create(&target, Existing::Refuse, &[]).unwrap();
        folder.create_file("neighbours.parquet").unwrap();
        drop(folder);
        assert_eq!(names(home.path()), Vec::<String>::new());
    }

    #[test]
    fn an_output_that_exists_is_kept_unless_told_otherwise() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("out.csv");
        let late = WorkingFile::create(&target, Existing::Refuse).unwrap();
        fs::write(&target, "old").unwrap();
        let error = WorkingFile::create(&target, Existing::Refuse).unwrap_err();
        assert!(text(&error).contains("exists\nhelp: pass --overwrite"), "{error}");
        // It also may appear while we work.
        assert!(text(&late.publish().unwrap_err()).contains("exists"));
        assert_eq!(fs::read(&target).unwrap(), b"old");
        let mut working = WorkingFile::create(&target, Existing::Replace).unwrap();
        working.file().write_all(b"new").unwrap();
        working.publish().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"new");
        assert_eq!(names(home.path()), ["out.csv"]);
    }

    #[test]
    fn a_missing_parent_is_not_made() {
        let home = tempfile::tempdir().unwrap();
        let error =
            WorkingFile::create(&home.path().join("no/out.csv"), Existing::Refuse).unwrap_err();
        assert!(text(&error).contains("is missing\nhelp: create it first"), "{error}");
        assert_eq!(error.kind(), Kind::Input);
    }

    #[test]
    fn folders_are_replaced_whole_but_never_foreign_ones() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("out");
        let own: &[&str] = &["neighbours.parquet", "items.parquet"];
        let make = |existing, name| {
            let folder = WorkingFolder::create(&target, existing, own)?;
            folder.create_file(name)?;
            folder.publish()
        };
        make(Existing::Refuse, own[0]).unwrap();
        assert!(text(&make(Existing::Refuse, own[1]).unwrap_err()).contains("exists"));
        make(Existing::Replace, own[1]).unwrap();
        assert_eq!(names(&target), [own[1]]);
        assert_eq!(names(home.path()), ["out"]);
        // What comes while the work goes on stays, and in its place.
        let folder = WorkingFolder::create(&target, Existing::Replace, own).unwrap();
        folder.create_file(own[0]).unwrap();
        fs::write(target.join("letter.txt"), "dear").unwrap();
        fs::create_dir(target.join("letters")).unwrap();
        folder.publish().unwrap();
        assert_eq!(names(&target), ["letter.txt", "letters", own[0]]);
        assert_eq!(names(home.path()), ["out"]);
        let error = make(Existing::Replace, own[0]).unwrap_err();
        assert!(text(&error).contains("holds letter"), "{error}");
    }

    #[test]
    fn folders_can_be_replaced_without_an_exchange() {
        let home = tempfile::tempdir().unwrap();
        let (new, old) = (home.path().join("new"), home.path().join("old"));
        for folder in [&new, &old] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join(folder.file_name().unwrap()), "").unwrap();
        }
        replace(&new, &old).unwrap();
        assert_eq!((names(&old), names(&new)), (vec!["new".into()], vec!["old".into()]));
    }

    #[cfg(unix)]
    #[test]
    fn what_killed_processes_left_goes_and_what_others_work_on_stays() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        let make = |name: &str| File::create(at(name)).unwrap();
        for name in [".x.csv.0rphan.partial", ".x.csv.b0sses.partial", ".x.csv.old.0rphan.partial"]
        {
            make(name);
        }
        fs::create_dir(at(".x.csv.f0lder.partial")).unwrap();
        fs::write(at(".x.csv.f0lder.partial/rows"), "1").unwrap();
        let held = lock(&at(".x.csv.b0sses.partial")).unwrap();
        remove_orphans(&at("x.csv"));
        let file = WorkingFile::create(&at("x.csv"), Existing::Refuse).unwrap();
        let left = [".x.csv.b0sses.partial", ".x.csv.old.0rphan.partial"];
        let mut expected = left.map(String::from).to_vec();
        expected.push(file.path().file_name().unwrap().to_str().unwrap().into());
        expected.sort();
        assert_eq!(names(home.path()), expected);
        // Its own is locked as long as it works.
        assert!(lock(file.path()).is_none());
        drop((held, file));
        assert_eq!(names(home.path()), left);
    }

    #[cfg(unix)]
    #[test]
    fn tidying_and_beginning_at_once_loses_nothing() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("x.csv");
        std::thread::scope(|scope| {
            let tidy = || (0..2_000).for_each(|_| remove_orphans(&target));
            let write = |number: usize| {
                let target = &target;
                move || {
                    for _ in 0..300 {
                        let mut file = WorkingFile::create(target, Existing::Replace).unwrap();
                        writeln!(file, "{number}").unwrap();
                        file.publish().unwrap();
                    }
                }
            };
            scope.spawn(tidy);
            scope.spawn(write(1));
            scope.spawn(write(2));
        });
        assert_eq!(names(home.path()), ["x.csv"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_and_modes_too() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        fs::create_dir(at("real")).unwrap();
        fs::write(at("real/x.csv"), "old").unwrap();
        fs::set_permissions(at("real/x.csv"), fs::Permissions::from_mode(0o640)).unwrap();
        symlink("real/x.csv", at("a.csv")).unwrap();
        symlink("a.csv", at("b.csv")).unwrap();
        let mut file = WorkingFile::output(&at("b.csv"), Existing::Replace).unwrap();
        // Beside what is replaced, which may be on another disk.
        assert_eq!(file.path().parent(), Some(&*at("real")));
        file.write_all(b"new").unwrap();
        file.publish().unwrap();
        assert_eq!(names(home.path()), ["a.csv", "b.csv", "real"]);
        assert!(at("b.csv").is_symlink());
        assert_eq!(fs::read(at("real/x.csv")).unwrap(), b"new");
        let mode = at("real/x.csv").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        // Without --overwrite a link is something that is there, wherever it points.
        symlink("nowhere", at("c.csv")).unwrap();
        let error = WorkingFile::output(&at("c.csv"), Existing::Refuse).unwrap_err();
        assert!(text(&error).contains("exists"), "{error}");
        symlink("real", at("folder")).unwrap();
        let folder = WorkingFolder::output(&at("folder"), Existing::Replace, &["x.csv"]).unwrap();
        folder.create_file("x.csv").unwrap();
        folder.publish().unwrap();
        assert!(at("folder").is_symlink());
        assert_eq!(fs::read(at("real/x.csv")).unwrap(), b"");
    }

    #[test]
    fn a_name_can_be_taken_where_files_cannot_be_put_there_in_one_step() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("x.csv");
        let new = || {
            let mut file = NamedTempFile::new_in(home.path()).unwrap();
            file.write_all(b"new").unwrap();
            file
        };
        take_name(new(), &target).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"new");
        let error = take_name(new(), &target).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(names(home.path()), ["x.csv"]);
    }

    #[cfg(unix)]
    #[test]
    fn folders_need_not_be_synced_where_there_is_no_such_thing() {
        let refused = |number| io::Error::from_raw_os_error(number);
        let [einval, eio, enospc] = [22, 5, 28].map(refused);
        assert!(has_no_sync(&einval) && !has_no_sync(&eio) && !has_no_sync(&enospc));
    }
}
