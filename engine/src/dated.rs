//! Results kept beside each other (`--keep`): a folder of dated ones, and a link `latest` to the newest.
//!
//! A result is written beside its place and gets its date when it is whole; then the link changes in one
//! step, and only then do older results go. Each of those first gets the name of a working folder, so
//! that nothing with a date is ever half there. What a killed process left goes when a result is begun.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io,
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};

use crate::{
    error::Error,
    progress::Reporter,
    publish::{self, Existing, WorkingFolder},
};

/// Name of the link to the newest result.
pub(crate) const LATEST: &str = "latest";

/// Names of results: when their run began, in UTC. Sorted by name they are sorted by time.
const NAME: &str = "%Y-%m-%dT%H-%M-%SZ";

/// A result that goes beside dated ones, being written.
#[derive(Debug)]
pub(crate) struct Dated {
    /// What it is written in.
    pub(crate) working: WorkingFolder,
    /// The folder of all.
    folder: PathBuf,
    /// How many results stay.
    keep: NonZeroU32,
    /// Names of the files that a result holds.
    own: &'static [&'static str],
    began: Timestamp,
    /// Its place, once that is decided, and what keeps others from the folder until it is there.
    place: Option<(PathBuf, Option<File>)>,
    /// Gone with it if the folder is still empty then; the last field, as it goes after the others.
    _made: Option<Made>,
}

impl Dated {
    /// Checks the folder, which is made if it is not there, and begins a result in it.
    ///
    /// # Errors
    /// If the folder cannot be used, holds a result of its own, or cannot hold links.
    pub(crate) fn create(
        folder: &Path,
        keep: NonZeroU32,
        own: &'static [&'static str],
    ) -> Result<Self, Error> {
        let made = make(folder)?;
        check_content(folder, own)?;
        check_link(folder)?;
        let held = hold(folder);
        remove_left_behind(folder);
        check_links_work(folder)?;
        drop(held);
        let began = Timestamp::now();
        let working = WorkingFolder::create(&free_place(folder, began), Existing::Refuse, own)?;
        let folder = folder.to_owned();
        Ok(Self { working, folder, keep, own, began, place: None, _made: made })
    }

    /// Decides where it goes; other results wait from here on.
    pub(crate) fn settle(&mut self) -> &Path {
        let Self { folder, began, .. } = &*self;
        let (folder, began) = (folder.clone(), *began);
        let settled = self.place.get_or_insert_with(|| {
            let held = hold(&folder);
            (free_place(&folder, began), held)
        });
        &settled.0
    }

    /// Puts it in its place, lets the link point to it, and removes what is too many.
    ///
    /// # Errors
    /// If the disk refuses. That an older result cannot be removed is told, and no error.
    pub(crate) fn publish(mut self, reporter: &Reporter) -> Result<PathBuf, Error> {
        let place = self.settle().to_owned();
        let Self { working, folder, keep, own, place: held, .. } = self;
        check_link(&folder)?;
        working.publish_as(&place)?;
        let name = place.file_name().unwrap_or_default();
        point(&folder, name)?;
        for old in beyond(&folder, keep, (name, own)) {
            if let Err(error) = remove(&old) {
                let reason = crate::error::reason(&error);
                reporter.note(format!("cannot remove the old result {}: {reason}", old.display()));
            }
        }
        drop(held);
        Ok(place)
    }
}

/// Lets the link point to the result `place`, which is whole, unless it points to a newer one: a process
/// may have been killed in between.
///
/// # Errors
/// If the disk refuses.
pub(crate) fn point_at_least(place: &Path) -> Result<(), Error> {
    let (folder, name) = (publish::parent_of(place), place.file_name().unwrap_or_default());
    check_link(&folder)?;
    let _held = hold(&folder);
    match fs::read_link(folder.join(LATEST)) {
        Ok(newer) if newer.as_os_str() >= name && folder.join(&newer).is_dir() => Ok(()),
        _ => point(&folder, name),
    }
}

/// Returns true if `place` is a result in the folder of dated ones.
pub(crate) fn is_in(place: &Path, folder: &Path) -> bool {
    place.parent() == Some(folder) && place.file_name().is_some_and(is_name)
}

/// Returns true if a folder holds dated results.
pub(crate) fn is_of_results(folder: &Path) -> bool {
    fs::read_link(folder.join(LATEST)).is_ok_and(|newest| is_name(newest.as_os_str()))
}

/// Returns the place of a result: in a folder of dated ones, that of the newest.
pub fn newest(place: &Path) -> PathBuf {
    if is_of_results(place) { place.join(LATEST) } else { place.to_owned() }
}

/// A folder that was made here.
#[derive(Debug)]
struct Made(PathBuf);

impl Drop for Made {
    fn drop(&mut self) {
        // Only if nothing has come into it.
        let _ = fs::remove_dir(&self.0);
    }
}

/// Makes the folder if it is not there.
fn make(folder: &Path) -> Result<Option<Made>, Error> {
    publish::check_place(folder, Existing::Replace)?;
    if folder.is_dir() {
        return Ok(None);
    }
    if folder.exists() {
        return Err(Error::input(format!("{} is a file, not a folder", folder.display()))
            .with_help("--keep needs a folder: name a new one"));
    }
    fs::create_dir(folder).map_err(|error| Error::file("create", folder, &error))?;
    Ok(Some(Made(folder.to_owned())))
}

/// Refuses a folder that is a result itself.
fn check_content(folder: &Path, own: &[&str]) -> Result<(), Error> {
    let Some(file) = own.iter().find(|file| folder.join(file).exists()) else { return Ok(()) };
    Err(Error::input(format!(
        "{} holds {file}, the result of a run without --keep",
        folder.display()
    ))
    .with_help("name a new folder, or move that result away"))
}

/// Refuses to replace what is called like the link and is none of ours.
fn check_link(folder: &Path) -> Result<(), Error> {
    let link = folder.join(LATEST);
    if link.symlink_metadata().is_err() || is_of_results(folder) {
        return Ok(());
    }
    Err(Error::input(format!(
        "{} is not a link to a dated result; it will not be replaced",
        link.display()
    ))
    .with_help("rename it, or name a new folder"))
}

/// Makes a link and removes it again: what cannot hold links is told before the work.
fn check_links_work(folder: &Path) -> Result<(), Error> {
    link_to(folder, OsStr::new(LATEST)).map(drop).map_err(|error| {
        let place = folder.display();
        match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported => {
                let reason = crate::error::reason(&error);
                Error::input(format!("cannot create a symbolic link in {place}: {reason}"))
                    .with_help("--keep needs one: write to another disk, or leave out --keep")
            }
            _ => Error::file("create a symbolic link in", folder, &error),
        }
    })
}

/// Makes a link to `name` that is gone when it is dropped.
#[cfg(unix)]
fn link_to(folder: &Path, name: &OsStr) -> io::Result<tempfile::NamedTempFile<()>> {
    let prefix = format!(".{LATEST}.");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".partial");
    builder.make_in(folder, |path| std::os::unix::fs::symlink(name, path))
}

/// Links there need rights of their own, and are not replaced in one step.
#[cfg(not(unix))]
fn link_to(_: &Path, _: &OsStr) -> io::Result<tempfile::NamedTempFile<()>> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "not available on this system"))
}

/// Lets the link point to `name`, in one step.
fn point(folder: &Path, name: &OsStr) -> Result<(), Error> {
    let link = folder.join(LATEST);
    let made = link_to(folder, name).and_then(|made| Ok(made.persist(&link)?));
    let made = made.and_then(|()| publish::sync_parent(&link));
    made.map_err(|error| Error::file("write", &link, &error))
}

/// Keeps other processes from the folder while it lives; where there are no locks, nobody.
#[cfg(unix)]
fn hold(folder: &Path) -> Option<File> {
    let file = File::open(folder).ok()?;
    file.lock().ok()?;
    Some(file)
}

/// There are no links there, so nothing is done in the folder.
#[cfg(not(unix))]
fn hold(_: &Path) -> Option<File> {
    None
}

/// Returns true for the name of a result.
fn is_name(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    DateTime::strptime(NAME, name).is_ok_and(|time| time.strftime(NAME).to_string() == name)
}

/// Finds the place of a result that comes after all that are there: that of the second in which the run
/// began, or the first after theirs.
fn free_place(folder: &Path, began: Timestamp) -> PathBuf {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let newest = entries.filter_map(|entry| time_of(&entry.file_name())).max();
    let time = newest.map_or(began, |newest| began.max(newest + SignedDuration::from_secs(1)));
    folder.join(time.strftime(NAME).to_string())
}

/// Returns the time that the name of a result says.
fn time_of(name: &OsStr) -> Option<Timestamp> {
    let name = name.to_str().filter(|name| is_name(OsStr::new(name)))?;
    let time = DateTime::strptime(NAME, name).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// Removes what killed processes left in the folder. The caller holds it.
fn remove_left_behind(folder: &Path) {
    let is_own = |name: &[u8]| {
        let text = std::str::from_utf8(name);
        name == LATEST.as_bytes() || text.is_ok_and(|name| is_name(OsStr::new(name)))
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        if is_link && publish::output_of(&name).is_some_and(is_own) {
            // Links have no locks: they are made and renamed by whoever holds the folder.
            let _ = fs::remove_file(entry.path());
        }
    }
    publish::remove_orphans_of(folder, is_own);
}

/// Finds the results beyond the newest `keep`, of which `newest` is the first. A folder that holds
/// anything but a result is none.
fn beyond(
    folder: &Path,
    keep: NonZeroU32,
    (newest, own): (&OsStr, &[&str]),
) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name());
    let mut names = names
        .filter(|name| name != newest && is_name(name) && is_result(&folder.join(name), own))
        .collect::<Vec<_>>();
    names.sort_unstable_by(|a, b| b.cmp(a));
    let older = names.into_iter().skip(keep.get() as usize - 1);
    older.map(|name| folder.join(name))
}

/// Returns true if a folder holds files of a result, and nothing else.
fn is_result(place: &Path, own: &[&str]) -> bool {
    let is_folder = place.symlink_metadata().is_ok_and(|found| found.is_dir());
    let Ok(mut entries) = fs::read_dir(place) else { return false };
    is_folder
        && place.join(own[0]).is_file()
        && entries.all(|entry| {
            entry.is_ok_and(|entry| own.iter().any(|file| entry.file_name() == OsStr::new(file)))
        })
}

/// Removes a result: its name goes first.
fn remove(place: &Path) -> io::Result<()> {
    let mut prefix = std::ffi::OsString::from(".");
    prefix.push(place.file_name().unwrap_or_default());
    prefix.push(".");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".partial");
    let aside = builder.tempdir_in(publish::parent_of(place))?;
    // It takes the place of an empty folder.
    fs::rename(place, aside.path())?;
    aside.close()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const OWN: &[&str] = &["neighbours.parquet", "items.parquet"];

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names = names.collect::<Vec<_>>();
        names.sort();
        names
    }

    fn keep(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).unwrap()
    }

    /// Writes a result with this content.
    fn write(folder: &Path, number: u32, content: &str) -> Result<PathBuf, Error> {
        let dated = Dated::create(folder, keep(number), OWN)?;
        let mut file = dated.working.create_file(OWN[0])?;
        file.write_all(content.as_bytes()).unwrap();
        dated.publish(&Reporter::default())
    }

    fn latest(folder: &Path) -> String {
        fs::read_to_string(folder.join(LATEST).join(OWN[0])).unwrap()
    }

    #[test]
    fn the_newest_results_stay_and_the_link_points_to_the_last() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("results");
        // All within a second or two: each has a name of its own.
        for number in 0..4 {
            let place = write(&folder, 2, &number.to_string()).unwrap();
            assert!(is_in(&place, &folder), "{}", place.display());
            assert_eq!(latest(&folder), number.to_string());
            assert_eq!(names(&folder).len(), 1 + 2.min(number + 1));
            // Also by name: one that was removed does not give its name to a newer one.
            let of_results = |name: &String| name != LATEST;
            let last = names(&folder).into_iter().rfind(of_results);
            assert_eq!(last.as_deref(), place.file_name().and_then(OsStr::to_str));
        }
        assert!(is_of_results(&folder));
        // A lower number removes more, a higher one lets more come.
        write(&folder, 1, "4").unwrap();
        assert_eq!(names(&folder).len(), 2);
        write(&folder, 9, "5").unwrap();
        assert_eq!((names(&folder).len(), latest(&folder)), (3, "5".into()));
    }

    #[test]
    fn only_results_are_removed() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("results");
        let first = write(&folder, 1, "1").unwrap();
        fs::write(first.join("notes.txt"), "dear").unwrap();
        for other in ["2020-01-01T00-00-00Z", "2020-01-01", "2020-13-01T00-00-00Z", "mine"] {
            fs::create_dir(folder.join(other)).unwrap();
        }
        fs::write(folder.join("README"), "").unwrap();
        let before = names(&folder);
        let second = write(&folder, 1, "2").unwrap();
        write(&folder, 1, "3").unwrap();
        assert!(!second.exists() && first.join("notes.txt").exists());
        assert_eq!(names(&folder).len(), before.len() + 1);
    }

    #[test]
    fn what_is_not_published_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("results");
        drop(Dated::create(&folder, keep(1), OWN).unwrap());
        assert!(!folder.exists());
        write(&folder, 1, "1").unwrap();
        let before = names(&folder);
        drop(Dated::create(&folder, keep(1), OWN).unwrap());
        assert_eq!(names(&folder), before);
    }

    #[test]
    fn what_killed_processes_left_goes() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("results");
        write(&folder, 1, "1").unwrap();
        let expected = names(&folder).len();
        for left in [".2026-12-01T02-00-00Z.abc123.partial", ".latest.wor9ng.partial"] {
            fs::create_dir(folder.join(left)).unwrap();
            fs::write(folder.join(left).join(OWN[0]), "half").unwrap();
        }
        std::os::unix::fs::symlink("gone", folder.join(".latest.abc123.partial")).unwrap();
        fs::write(folder.join(".mine.abc123.partial"), "").unwrap();
        write(&folder, 1, "2").unwrap();
        assert_eq!(names(&folder).len(), expected + 1);
        assert!(folder.join(".mine.abc123.partial").exists());
    }

    #[test]
    fn what_is_somebody_elses_is_not_replaced() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("results");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(LATEST), "mine").unwrap();
        let error = write(&folder, 1, "1").unwrap_err();
        assert!(error.message().contains("latest is not a link to a dated result"), "{error}");
        fs::remove_file(folder.join(LATEST)).unwrap();
        fs::write(folder.join(OWN[0]), "").unwrap();
        let error = write(&folder, 1, "1").unwrap_err();
        assert!(error.message().contains("the result of a run without --keep"), "{error}");
        fs::write(home.path().join("file"), "").unwrap();
        let error = write(&home.path().join("file"), 1, "1").unwrap_err();
        assert!(error.message().contains("is a file, not a folder"), "{error}");
        assert!(write(&home.path().join("no/results"), 1, "1").is_err());
    }

    #[test]
    fn a_link_that_was_not_switched_is_switched_later() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("results");
        let first = write(&folder, 9, "1").unwrap();
        let second = write(&folder, 9, "2").unwrap();
        point(&folder, first.file_name().unwrap()).unwrap();
        point_at_least(&second).unwrap();
        assert_eq!(latest(&folder), "2");
        // One that points to a newer result stays.
        point_at_least(&first).unwrap();
        assert_eq!(latest(&folder), "2");
        // The newest was removed by hand.
        fs::remove_dir_all(&second).unwrap();
        point_at_least(&first).unwrap();
        assert_eq!(latest(&folder), "1");
    }
}
