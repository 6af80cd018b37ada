//! From INPUT arguments to files: folders are searched, patterns expanded, `key=value` folders
//! become columns. Also how files are read: at any position, by several threads at once.

use std::{
    collections::BTreeSet,
    fs::File,
    io,
    path::{Component, Path, PathBuf},
};

use bytes::{Bytes, BytesMut};
use ilk_formats::Source;
use walkdir::WalkDir;

use crate::{
    error::{Error, reason},
    text::counted,
};

/// A file to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFile {
    /// Where it is, as people wrote it.
    pub path: PathBuf,
    /// Columns whose value its folders tell: (name, value), outermost first.
    pub constants: Vec<(String, String)>,
}

/// What the INPUT arguments come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// The files, by path, each once; at least one.
    pub files: Vec<InputFile>,
    /// Files of folders that were passed over because of their ending, by path.
    pub skipped: Vec<PathBuf>,
}

/// Endings of files that are read when they are found in a folder.
const ENDINGS: &[&str] = &[
    ".parquet", ".pq", ".csv", ".tsv", ".csv.gz", ".tsv.gz", ".csv.zst", ".tsv.zst", ".arrow",
    ".arrows", ".feather", ".ipc",
];

/// Endings of files that are never read. A file that is named and has any other ending is looked
/// into: delimited text comes as `u.data` or `part-00000` too.
const FOREIGN: &[&str] = &[
    ".7z", ".avro", ".bz2", ".db", ".duckdb", ".json", ".jsonl", ".lz4", ".ndjson", ".ods", ".orc",
    ".pdf", ".pkl", ".rar", ".rds", ".sqlite", ".tar", ".tar.gz", ".tgz", ".xls", ".xlsx", ".xml",
    ".xz", ".zip",
];

/// Finds the files that `inputs` name: files, patterns and folders.
///
/// # Errors
/// If an input names nothing, or something that cannot be read.
pub fn resolve<S: AsRef<str>>(inputs: &[S]) -> Result<Inputs, Error> {
    let mut search = Search::default();
    for input in inputs {
        search.input(input.as_ref())?;
    }
    let mut files: Vec<_> = search.files.into_iter().map(with_constants).collect();
    // The same file by two names (a folder and a pattern in it) is still one file.
    let mut seen = BTreeSet::new();
    files.retain(|file| {
        let identity = file.path.canonicalize();
        seen.insert(identity.unwrap_or_else(|_| file.path.clone()))
    });
    Ok(Inputs { files, skipped: search.skipped.into_iter().collect() })
}

#[derive(Default)]
struct Search {
    files: BTreeSet<PathBuf>,
    skipped: BTreeSet<PathBuf>,
}

impl Search {
    fn input(&mut self, input: &str) -> Result<(), Error> {
        let path = Path::new(input);
        match path.metadata() {
            Ok(metadata) if metadata.is_dir() => self.folder(path),
            Ok(_) => self.file(path),
            Err(_) if input.contains(['*', '?', '[']) => self.pattern(input),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Error::input(format!("no file or folder {input}")).with_help_if(near(path)))
            }
            Err(error) => Err(Error::file("read", path, &error)),
        }
    }

    /// Takes a file that was named, whether by itself or by a pattern.
    fn file(&mut self, path: &Path) -> Result<(), Error> {
        if ends_in(path, FOREIGN) {
            let name = path.display();
            return Err(Error::input(format!("{name}: {} is not read", ending_text(path)))
                .with_help(format!("ilk reads {}", ENDINGS.join(", "))));
        }
        self.files.insert(path.to_owned());
        Ok(())
    }

    fn pattern(&mut self, pattern: &str) -> Result<(), Error> {
        let options = glob::MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: true,
        };
        let matches = glob::glob_with(pattern, options).map_err(|error| {
            Error::input(format!("pattern `{pattern}`: {} at {}", error.msg, error.pos))
        })?;
        let mut any = false;
        for path in matches {
            let path = path.map_err(|error| Error::file("read", error.path(), error.error()))?;
            if is_hidden(&path) {
                continue;
            }
            any = true;
            if path.is_dir() { self.folder(&path)? } else { self.file(&path)? }
        }
        if any {
            return Ok(());
        }
        Err(Error::input(format!("no file matches `{pattern}`")))
    }

    /// Takes what can be read in a folder and below it.
    fn folder(&mut self, folder: &Path) -> Result<(), Error> {
        let (mut found, mut endings) = (0, BTreeSet::new());
        let walk = WalkDir::new(folder).follow_links(true).into_iter();
        for entry in walk.filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry.path())) {
            let entry = entry.map_err(|error| {
                let path = error.path().unwrap_or(folder).display().to_string();
                let why = error.io_error().map_or_else(|| error.to_string(), reason);
                Error::input(format!("cannot read {path}: {why}"))
            })?;
            if entry.file_type().is_dir() {
                continue;
            }
            if ends_in(entry.path(), ENDINGS) {
                found += 1;
                self.files.insert(entry.into_path());
            } else {
                endings.insert(ending_text(entry.path()));
                self.skipped.insert(entry.into_path());
            }
        }
        if found > 0 {
            return Ok(());
        }
        let what = if endings.is_empty() {
            "it is empty (names that begin with `_` or `.` are ignored)".into()
        } else {
            format!("it has {}", endings.into_iter().collect::<Vec<_>>().join(", "))
        };
        Err(Error::input(format!("folder {} has no file to read: {what}", folder.display()))
            .with_help(format!("ilk reads {}", ENDINGS.join(", "))))
    }
}

impl Inputs {
    /// Says which files of folders were passed over; `None` if none was.
    pub fn skipped_text(&self) -> Option<String> {
        let first = self.skipped.first()?;
        let number = counted(self.skipped.len() as u64, "file");
        Some(format!("{number} with an ending that is not read, such as {}", first.display()))
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Tells whether a name is one that writers keep for themselves: `_SUCCESS`, `.crc`, …
fn is_hidden(path: &Path) -> bool {
    name_of(path).starts_with(['_', '.'])
}

fn ends_in(path: &Path, endings: &[&str]) -> bool {
    let name = name_of(path).to_lowercase();
    endings.iter().any(|ending| name.ends_with(ending))
}

/// Says which ending a name has.
fn ending_text(path: &Path) -> String {
    match path.extension() {
        Some(ending) => format!("the ending .{}", ending.display()),
        None => "a name without an ending".into(),
    }
}

/// Suggests a name that is there.
fn near(path: &Path) -> Option<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let entries = folder.unwrap_or(Path::new(".")).read_dir().ok()?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let names: Vec<String> = names.collect();
    crate::text::did_you_mean(&name_of(path), names.iter().map(String::as_str))
}

/// Reads the columns that the folders of a path tell.
fn with_constants(path: PathBuf) -> InputFile {
    let folders = path.parent().into_iter().flat_map(Path::components);
    let names = folders.filter_map(|component| match component {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    let pairs = names.filter_map(|name| name.split_once('='));
    let constants = pairs
        .filter(|(key, _)| !key.is_empty())
        .map(|(key, value)| (unescaped(key), unescaped(value)))
        .collect();
    InputFile { path, constants }
}

/// Undoes the `%3A` that Hive and Spark write for characters not fit for folder names.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%');
        let code = code.and_then(|digits| std::str::from_utf8(digits).ok());
        let code = code.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        if let Some(byte) = code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// A file on disk, read at any position by several threads at once.
#[derive(Debug)]
pub struct FileSource {
    name: String,
    file: File,
    length: u64,
}

impl FileSource {
    /// Opens a file.
    ///
    /// # Errors
    /// If it cannot be opened, or is no regular file.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = |error: io::Error| Error::file("read", path, &error);
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(Error::input(format!("{} is not a regular file", path.display()))
                .with_help("write the stream to a file first"));
        }
        Ok(Self { name: path.display().to_string(), length: metadata.len(), file })
    }
}

impl Source for FileSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let mut buffer = BytesMut::zeroed(length);
        read_exact_at(&self.file, &mut buffer, offset)?;
        Ok(buffer.freeze())
    }
}

/// Fills `buffer` with the bytes from `offset` on.
///
/// # Errors
/// Whatever the system reports; `UnexpectedEof` where the bytes are too few.
#[cfg(unix)]
pub fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(windows)]
pub fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, buffer, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                buffer = &mut buffer[read..];
                offset += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Makes empty files and returns the folder they are in.
    fn tree(files: &[&str]) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        for file in files {
            let path = home.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        home
    }

    /// Resolves inputs below `home` and returns the paths below it.
    fn found(home: &Path, inputs: &[&str]) -> Result<Vec<String>, String> {
        let inputs: Vec<_> =
            inputs.iter().map(|input| format!("{}/{input}", home.display())).collect();
        let prefix = format!("{}/", home.display());
        let text = |error: Error| {
            let help = error.help().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
            format!("error: {}{help}", error.message()).replace(&prefix, "")
        };
        let files = resolve(&inputs).map_err(text)?.files.into_iter();
        Ok(files.map(|file| file.path.display().to_string().replace(&prefix, "")).collect())
    }

    #[test]
    fn folders_are_searched_but_not_what_writers_keep_for_themselves() {
        let home = tree(&[
            "b.csv",
            "a/x.parquet",
            "a/_SUCCESS",
            "a/.x.parquet.crc",
            "_tmp/y.parquet",
            ".hidden/z.parquet",
            "a/deep/w.TSV.GZ",
            "a/notes.md",
        ]);
        assert_eq!(found(home.path(), &[""]).unwrap(), ["a/deep/w.TSV.GZ", "a/x.parquet", "b.csv"]);
        let inputs = resolve(&[home.path().to_str().unwrap()]).unwrap();
        assert_eq!(inputs.skipped, [home.path().join("a/notes.md")]);
        assert!(inputs.skipped_text().unwrap().starts_with("1 file with an ending"));
    }

    #[test]
    fn a_file_named_itself_may_be_called_anything() {
        let home = tree(&["_mine.csv", "u.data"]);
        assert_eq!(found(home.path(), &["_mine.csv", "*.data"]).unwrap(), ["_mine.csv", "u.data"]);
    }

    #[test]
    fn patterns_are_expanded_and_every_file_counts_once() {
        let home = tree(&["a/1.csv", "a/2.csv", "a/_3.csv", "b/c/4.csv", "[x].csv"]);
        assert_eq!(found(home.path(), &["a/*.csv"]).unwrap(), ["a/1.csv", "a/2.csv"]);
        assert_eq!(
            found(home.path(), &["**/*.csv", "a", "a/1.csv", "a/../a/1.csv"]).unwrap(),
            ["[x].csv", "a/../a/1.csv", "a/2.csv", "b/c/4.csv"]
        );
        assert_eq!(found(home.path(), &["*"]).unwrap().len(), 4);
        assert_eq!(found(home.path(), &["[x].csv"]).unwrap(), ["[x].csv"]);
    }

    #[test]
    fn folders_named_key_value_become_columns() {
        let home = tree(&["o/year=2026/shop=A%3A1/x.parquet", "o/=/y.parquet"]);
        let files = resolve(&[home.path().join("o").to_str().unwrap()]).unwrap().files;
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(files[0].constants, []);
        assert_eq!(files[1].constants, [pair("year", "2026"), pair("shop", "A:1")]);
    }

    #[test]
    fn inputs_that_name_nothing_say_so() {
        let home = tree(&["orders.csv", "empty/_SUCCESS", "other/a.xlsx", "other/README"]);
        let errors: Vec<_> =
            ["order.csv", "*.parquet", "empty", "other", "other/a.xlsx", "a[.csv", "zzz/x"]
                .into_iter()
                .map(|input| found(home.path(), &[input]).unwrap_err())
                .collect();
        insta::with_settings!({ filters => vec![(r"at \d+", "at [n]")] }, {
            insta::assert_snapshot!(errors.join("\n"));
        });
    }

    #[test]
    fn files_are_read_at_any_position() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("x.csv");
        fs::write(&path, "0123456789").unwrap();
        let source = FileSource::open(&path).unwrap();
        assert_eq!(source.len(), 10);
        assert_eq!(source.read_at(3, 4).unwrap().as_ref(), b"3456");
        let past = source.read_at(8, 4).unwrap_err();
        assert_eq!(past.kind(), io::ErrorKind::UnexpectedEof);
        assert!(FileSource::open(home.path()).is_err());
    }
}
