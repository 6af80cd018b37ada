//! From INPUT arguments to files: folders are searched, patterns expanded, `key=value` folders
//! become columns. Also how files are read: at any position, by several threads at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io,
    path::{Component, Path, PathBuf},
    sync::{Mutex, PoisonError},
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
    /// Files of folders and patterns that were passed over because they have no bytes, by path.
    pub empty: Vec<PathBuf>,
}

/// The argument that stands for standard input.
const STDIN: &str = "-";

/// What becomes of folders of table formats, in which files of deleted rows lie beside the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableFormats {
    /// They are refused by name.
    Refuse,
    /// All their files are read.
    Ignore,
}

/// Endings of files that are read when they are found in a folder.
const ENDINGS: &[&str] = &[".parquet", ".pq", ".parq", ".arrow", ".arrows", ".feather", ".ipc"];

/// Endings of files of text that are read when they are found in a folder, packed or not.
const TEXTS: &[&str] = &[".csv", ".tsv", ".tab", ".jsonl", ".ndjson"];

/// Endings of packed files.
const PACKED: &[&str] = &[".gz", ".zst", ".zstd", ".bz2", ".xz", ".zip"];

/// What is read, for people.
const READABLE: &str = "Parquet (.parquet), CSV and TSV, JSON Lines (.jsonl) and Arrow (.arrow, \
                        .feather) files, text also as .gz, .zst, .bz2, .xz and .zip";

/// Endings of files that are never read. A file that is named and has any other ending is looked
/// into: delimited text comes as `u.data` or `part-00000` too.
const FOREIGN: &[&str] = &[
    ".7z", ".avro", ".db", ".duckdb", ".lz4", ".ods", ".orc", ".pdf", ".pkl", ".rar", ".rds",
    ".sqlite", ".tar", ".tar.bz2", ".tar.gz", ".tar.xz", ".tgz", ".xls", ".xlsx", ".xml",
];

/// Finds the files that `inputs` name: files, patterns and folders.
///
/// # Errors
/// If an input names nothing, or something that cannot be read.
pub fn resolve<S: AsRef<str>>(inputs: &[S], table_formats: TableFormats) -> Result<Inputs, Error> {
    let mut search = Search::new(table_formats);
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
    let (skipped, empty) = (search.skipped.into_iter(), search.empty.into_iter());
    Ok(Inputs { files, skipped: skipped.collect(), empty: empty.collect() })
}

struct Search {
    table_formats: TableFormats,
    files: BTreeSet<PathBuf>,
    skipped: BTreeSet<PathBuf>,
    empty: BTreeSet<PathBuf>,
    /// The format of the tables in the folders that were looked at.
    tables: BTreeMap<PathBuf, Option<&'static str>>,
}

impl Search {
    const fn new(table_formats: TableFormats) -> Self {
        Self {
            table_formats,
            files: BTreeSet::new(),
            skipped: BTreeSet::new(),
            empty: BTreeSet::new(),
            tables: BTreeMap::new(),
        }
    }

    fn input(&mut self, input: &str) -> Result<(), Error> {
        let path = Path::new(input);
        if input == STDIN {
            self.files.insert(path.to_owned());
            return Ok(());
        }
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
                .with_help(format!("ilk reads {READABLE}")));
        }
        self.check_table(path.parent())?;
        self.files.insert(path.to_owned());
        Ok(())
    }

    /// Refuses files that are part of a table whose log says which of them count.
    fn check_table(&mut self, folder: Option<&Path>) -> Result<(), Error> {
        if self.table_formats == TableFormats::Ignore {
            return Ok(());
        }
        let mut folder = folder;
        while let Some(path) = folder {
            let known = self.tables.get(path).copied();
            let format = known.unwrap_or_else(|| table_format(path));
            self.tables.insert(path.to_owned(), format);
            if let Some(format) = format {
                return Err(table_error(path, format));
            }
            // Parts of a table lie in folders named by their values.
            let is_part = name_of(path).contains('=') || name_of(path) == "data";
            folder = path.parent().filter(|_| is_part);
        }
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
            if path.is_dir() {
                self.folder(&path)?;
            } else if path
                .metadata()
                .is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0)
            {
                self.empty.insert(path);
            } else {
                self.file(&path)?;
            }
        }
        if any && (!self.files.is_empty() || self.empty.is_empty()) {
            return Ok(());
        }
        if any {
            return Err(Error::input(format!("all files that match `{pattern}` are empty")));
        }
        Err(Error::input(format!("no file matches `{pattern}`")))
    }

    /// Takes what can be read in a folder and below it.
    fn folder(&mut self, folder: &Path) -> Result<(), Error> {
        let (mut found, mut empty, mut endings) = (0_u64, 0_u64, BTreeSet::new());
        self.check_table(Some(folder))?;
        let walk = WalkDir::new(folder).follow_links(true).into_iter();
        for entry in walk.filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry.path())) {
            let entry = entry.map_err(|error| {
                let path = error.path().unwrap_or(folder).display().to_string();
                let why = error.io_error().map_or_else(|| error.to_string(), reason);
                Error::input(format!("cannot read {path}: {why}"))
            })?;
            if entry.file_type().is_dir() {
                self.check_table(Some(entry.path()))?;
                continue;
            }
            // Opening a pipe waits for a writer.
            if !entry.file_type().is_file() {
                endings.insert("special files such as pipes".into());
                self.skipped.insert(entry.into_path());
            } else if is_readable(entry.path()) {
                if entry.metadata().is_ok_and(|metadata| metadata.len() == 0) {
                    empty += 1;
                    self.empty.insert(entry.into_path());
                } else {
                    found += 1;
                    self.files.insert(entry.into_path());
                }
            } else {
                endings.insert(ending_text(entry.path()));
                self.skipped.insert(entry.into_path());
            }
        }
        if found > 0 {
            return Ok(());
        }
        let what = if empty > 0 {
            format!("it has {}", counted(empty, "empty file"))
        } else if endings.is_empty() {
            "it is empty (names that begin with `_` or `.` are ignored)".into()
        } else {
            format!("it has {}", endings.into_iter().collect::<Vec<_>>().join(", "))
        };
        Err(Error::input(format!("folder {} has no file to read: {what}", folder.display()))
            .with_help(format!("ilk reads {READABLE}")))
    }
}

/// Recognises a folder that holds a table of one of the formats that keep deleted rows in files.
fn table_format(folder: &Path) -> Option<&'static str> {
    if folder.join("_delta_log").is_dir() {
        return Some("Delta Lake");
    }
    if folder.join(".hoodie").is_dir() {
        return Some("Hudi");
    }
    let mut metadata = folder.join("metadata").read_dir().ok()?.flatten();
    let is_iceberg = |name: &std::ffi::OsStr| name.to_string_lossy().ends_with(".metadata.json");
    metadata.any(|entry| is_iceberg(&entry.file_name())).then_some("Iceberg")
}

/// Refuses a table whose log says which rows count, and says how to export those.
fn table_error(folder: &Path, format: &str) -> Error {
    let name = folder.display().to_string();
    let spark = |engine: &str| {
        format!("spark.read.format(\"{engine}\").load(\"{name}\").write.parquet(\"rows\") in Spark")
    };
    let duckdb = |scan: &str, what: &str| {
        let what = what.replace('\'', "''");
        format!("COPY (FROM {scan}('{what}')) TO 'rows.parquet' in DuckDB")
    };
    let ways = match format {
        "Delta Lake" => vec![spark("delta"), duckdb("delta_scan", &name)],
        // DuckDB cannot read it.
        "Hudi" => vec![spark("hudi")],
        _ => {
            // Which metadata is the newest, DuckDB finds out only if a catalog tells.
            let newest = newest_metadata(folder).unwrap_or_else(|| name.clone());
            vec![spark("iceberg"), duckdb("iceberg_scan", &newest)]
        }
    };
    Error::input(format!(
        "folder {name} is a {format} table: its Parquet files also contain deleted and replaced rows"
    ))
    .with_help(format!(
        "export its rows first, as with {}; --ignore-table-format reads all files",
        ways.join(" or ")
    ))
}

/// Finds the newest metadata file of an Iceberg table: the one with the highest version.
fn newest_metadata(folder: &Path) -> Option<String> {
    let version = |path: &PathBuf| {
        let digits = name_of(path);
        let digits = digits.trim_start_matches('v').split(|c: char| !c.is_ascii_digit()).next();
        digits.and_then(|digits| digits.parse::<u64>().ok())
    };
    let paths = folder.join("metadata").read_dir().ok()?.flatten().map(|entry| entry.path());
    let paths = paths.filter(|path| name_of(path).ends_with(".metadata.json"));
    let newest = paths.max_by_key(|path| (version(path), path.clone()))?;
    Some(newest.display().to_string())
}

/// Returns true if a file found in a folder is read: by its ending, or because Hadoop's tools name
/// their parts so.
pub(crate) fn is_readable(path: &Path) -> bool {
    let name = name_of(path).to_lowercase();
    let packed = PACKED.iter().find_map(|ending| name.strip_suffix(ending));
    let is_part = name.starts_with("part-") && !name.contains('.');
    let is_text = |name: &str| TEXTS.iter().any(|ending| name.ends_with(ending));
    is_part || ends_in(path, ENDINGS) || is_text(packed.unwrap_or(&name))
}

impl Inputs {
    /// Describes which files of folders and patterns have no bytes; `None` if all have some.
    pub fn empty_text(&self) -> Option<String> {
        let first = self.empty.first()?;
        let number = counted(self.empty.len() as u64, "empty file");
        Some(format!("{number}, such as {}", first.display()))
    }

    /// Describes which files of folders were passed over; `None` if none was.
    pub fn skipped_text(&self) -> Option<String> {
        let first = self.skipped.first()?;
        let number = counted(self.skipped.len() as u64, "file");
        Some(format!("{number} with an ending that is not read, such as {}", first.display()))
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Returns true if a name is one that writers keep for themselves: `_SUCCESS`, `.crc`, …; but a
/// column may be called `_date`.
pub(crate) fn is_hidden(path: &Path) -> bool {
    let name = name_of(path);
    name.starts_with(['_', '.']) && !name.contains('=')
}

fn ends_in(path: &Path, endings: &[&str]) -> bool {
    let name = name_of(path).to_lowercase();
    endings.iter().any(|ending| name.ends_with(ending))
}

/// Describes the ending of a name.
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
        if path == Path::new(STDIN) {
            return Self::of_stdin();
        }
        let failed = |error: io::Error| Error::file("read", path, &error);
        // Before it is opened: opening a pipe waits for a writer.
        let metadata = path.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(Error::input(format!("{} is not a regular file", path.display()))
                .with_help("pipe it in and name it `-`, or write it to a file first"));
        }
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        Ok(Self { name: path.display().to_string(), length: metadata.len(), file })
    }
}

/// What standard input held, in a file without a name. It is read once, however often it is opened.
static STDIN_FILE: Mutex<Option<File>> = Mutex::new(None);

impl FileSource {
    /// Opens what standard input holds. Cost: as many bytes in the folder of temporary files.
    fn of_stdin() -> Result<Self, Error> {
        let failed = |error: io::Error| {
            Error::input(format!("standard input cannot be read: {error}"))
                .with_help("write it to a file and name that")
        };
        let mut held = STDIN_FILE.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_none() {
            let stdin = io::stdin();
            if io::IsTerminal::is_terminal(&stdin) {
                return Err(Error::input("standard input is a terminal")
                    .with_help("pipe a file in, as in `ilk inspect - < orders.csv`"));
            }
            let mut file = tempfile::tempfile().map_err(failed)?;
            io::copy(&mut stdin.lock(), &mut file).map_err(failed)?;
            *held = Some(file);
        }
        let Some(file) = &*held else { return Err(failed(io::ErrorKind::NotFound.into())) };
        let (file, length) = (file.try_clone().map_err(failed)?, file.metadata().map_err(failed)?);
        Ok(Self { name: "standard input".into(), file, length: length.len() })
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
            fs::write(path, "x").unwrap();
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
        let files = resolve(&inputs, TableFormats::Refuse).map_err(text)?.files.into_iter();
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
        let inputs = resolve(&[home.path().to_str().unwrap()], TableFormats::Refuse).unwrap();
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
        let folder = home.path().join("o");
        let files = resolve(&[folder.to_str().unwrap()], TableFormats::Refuse).unwrap().files;
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(files[0].constants, []);
        assert_eq!(files[1].constants, [pair("year", "2026"), pair("shop", "A:1")]);
    }

    #[test]
    fn columns_may_begin_as_hidden_names_do() {
        let home = tree(&["_h=1/a.csv", "_tmp/b.csv", "_h=1/_c.csv", "_h=1/.d=2/e.csv"]);
        assert_eq!(found(home.path(), &[""]).unwrap(), ["_h=1/.d=2/e.csv", "_h=1/a.csv"]);
    }

    #[test]
    fn text_is_found_however_it_is_packed() {
        let files = ["a.jsonl", "b.NDJSON.gz", "c.csv.bz2", "d.tsv.xz", "e.csv.zip", "part-00000"];
        let home = tree(&files);
        assert_eq!(found(home.path(), &[""]).unwrap(), files);
        let home = tree(&["a.parq", "b.zip", "part-1.crc", "run.json", "notes.txt"]);
        assert_eq!(found(home.path(), &[""]).unwrap(), ["a.parq"]);
        assert_eq!(found(home.path(), &["notes.txt", "b.zip"]).unwrap(), ["b.zip", "notes.txt"]);
    }

    #[test]
    fn parts_without_bytes_are_passed_over() {
        let home = tree(&["p/a.csv"]);
        fs::write(home.path().join("p/b.csv"), "").unwrap();
        assert_eq!(found(home.path(), &["p"]).unwrap(), ["p/a.csv"]);
        assert_eq!(found(home.path(), &["p/*.csv"]).unwrap(), ["p/a.csv"]);
        let folder = home.path().join("p");
        let inputs = resolve(&[folder.to_str().unwrap()], TableFormats::Refuse).unwrap();
        assert!(inputs.empty_text().unwrap().starts_with("1 empty file, such as"));
        fs::write(home.path().join("p/a.csv"), "").unwrap();
        assert!(found(home.path(), &["p"]).unwrap_err().contains("2 empty files"));
        assert!(found(home.path(), &["p/*"]).unwrap_err().contains("are empty"));
    }

    #[cfg(unix)]
    #[test]
    fn pipes_do_not_keep_anyone_waiting() {
        let home = tree(&["a.csv"]);
        let pipe = home.path().join("b.csv");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(found(home.path(), &[""]).unwrap(), ["a.csv"]);
        assert!(FileSource::open(&pipe).unwrap_err().message().contains("is not a regular file"));
    }

    #[test]
    fn tables_with_a_log_are_refused_by_name() {
        for (marker, name) in [
            ("_delta_log/00000000000000000000.json", "Delta Lake"),
            (".hoodie/hoodie.properties", "Hudi"),
            ("metadata/v1.metadata.json", "Iceberg"),
        ] {
            let home = tree(&[&format!("t/{marker}"), "t/day=1/a.parquet", "t/b.parquet"]);
            if name == "Iceberg" {
                let newer = home.path().join("t/metadata/v10.metadata.json");
                fs::write(newer, "{}").unwrap();
            }
            for input in ["", "t", "t/*.parquet", "t/b.parquet", "t/day=1", "t/day=1/a.parquet"] {
                let error = found(home.path(), &[input]).unwrap_err();
                assert!(error.contains(&format!("is a {name} table")), "{input}: {error}");
            }
            let help = found(home.path(), &["t"]).unwrap_err();
            let scan = match name {
                "Delta Lake" => Some("delta_scan('t')"),
                "Iceberg" => Some("iceberg_scan('t/metadata/v10.metadata.json')"),
                _ => None,
            };
            assert_eq!(help.contains("DuckDB"), scan.is_some(), "{help}");
            assert!(scan.is_none_or(|scan| help.contains(scan)), "{help}");
            let engine = name.split(' ').next().unwrap().to_lowercase();
            assert!(
                help.contains(&format!("spark.read.format(\"{engine}\").load(\"t\")")),
                "{help}"
            );
            let inputs = [home.path().join("t").display().to_string()];
            assert_eq!(resolve(&inputs, TableFormats::Ignore).unwrap().files.len(), 2, "{name}");
        }
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
