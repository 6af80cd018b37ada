//! What the tests share: a folder to work in, calls of the program, and files to read.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
};

use arrow_array::{ArrayRef, RecordBatch};
use ilk_formats::{Error, Memory, NeighbourRow, read_neighbours};

/// A folder that calls start in, gone at the end.
pub(crate) struct Home(tempfile::TempDir);

/// What a call came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    /// A folder with [`ORDERS`] as `orders.csv`.
    pub(crate) fn with_orders() -> Self {
        let home = Self::new();
        home.write("orders.csv", ORDERS);
        home
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file, with the folders it is in.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, bytes).expect("written");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).expect("UTF-8")
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The program with arguments separated by spaces, in an environment that says nothing.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("ilk"));
        command.current_dir(self.path()).env_clear().env("COLUMNS", "80").env("NO_COLOR", "1");
        // Tests leave nothing in anybody's home.
        command.env("ILK_USAGE_FILE", "off");
        command.args(arguments.split_whitespace());
        command
    }

    pub(crate) fn ilk(&self, arguments: &str) -> Ran {
        Ran::of(self.command(arguments).output().expect("ilk runs"))
    }

    /// Calls the program, which must succeed, and returns what it prints to stdout.
    pub(crate) fn stdout(&self, arguments: &str) -> String {
        self.ilk(arguments).expect_success(arguments).stdout
    }

    /// Calls the program, which must succeed, and returns what it prints to stderr.
    pub(crate) fn stderr(&self, arguments: &str) -> String {
        self.ilk(arguments).expect_success(arguments).stderr
    }

    /// Everything in the folder: names with contents; folders have none. What a program takes away
    /// meanwhile is not there.
    pub(crate) fn tree(&self) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        let mut tree = BTreeMap::new();
        let mut folders = vec![self.path().to_owned()];
        while let Some(folder) = folders.pop() {
            let Some(entries) = unless_gone(fs::read_dir(folder)) else { continue };
            for path in entries.filter_map(unless_gone).map(|entry| entry.path()) {
                if path.is_dir() {
                    folders.push(path.clone());
                    tree.insert(path, None);
                } else if let Some(bytes) = unless_gone(fs::read(&path)) {
                    tree.insert(path, Some(bytes));
                }
            }
        }
        tree
    }

    /// The names in the folder and below it.
    pub(crate) fn names(&self) -> Vec<String> {
        let tree = self.tree();
        let names = tree.keys().map(|path| path.strip_prefix(self.path()).expect("below"));
        names.map(|name| name.display().to_string()).collect()
    }
}

/// Returns what was found, unless it went away.
fn unless_gone<T>(found: std::io::Result<T>) -> Option<T> {
    match found {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        found => Some(found.expect("readable")),
    }
}

/// Returns what the program printed to stderr, with each message on one line: what is wrapped is
/// indented to where the message begins.
pub(crate) fn whole_lines(stderr: Vec<u8>) -> String {
    let told = String::from_utf8(stderr).expect("UTF-8");
    let indents = ["error:", "help:", "note      ", "internal error:"].map(|label| label.len() + 1);
    let mut whole = String::with_capacity(told.len());
    for line in told.split_inclusive('\n') {
        let text = line.trim_start_matches(' ');
        if whole.ends_with('\n') && indents.contains(&(line.len() - text.len())) {
            whole.pop();
            whole.push(' ');
            whole.push_str(text);
        } else {
            whole.push_str(line);
        }
    }
    whole
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: whole_lines(output.stderr),
        }
    }

    #[track_caller]
    pub(crate) fn expect_success(self, arguments: &str) -> Self {
        assert_eq!(self.code, Some(0), "ilk {arguments}\n{}", self.stderr);
        self
    }
}

/// Who has what: six members, of whom `o` shares its saw with nobody. By hand, cosine is
/// 3/√12 for tea and mug, 2/√12 for tea and milk, 2/3 for mug and milk.
pub(crate) const ORDERS: &str = "\
member,sku,product,quantity,day,country
a,tea,Black tea,1,2026-01-01,FR
b,tea,Black tea,2,2026-01-02,FR
c,tea,Tea (black),1,2026-01-03,DE
d,tea,Black tea,4,2026-01-04,DE
a,mug,Mug,1,2026-01-05,FR
b,mug,Mug,1,2026-01-06,FR
c,mug,Mug,5,2026-01-07,DE
b,milk,Oat milk,2,2026-01-08,FR
c,milk,Oat milk,3,2026-01-09,DE
e,milk,Oat milk,1,2026-01-10,DE
o,saw,Saw,1,2026-01-11,FR
";

/// Neighbours of [`ORDERS`] as CSV, labels left out.
pub(crate) const NEIGHBOURS: &str = "\
item,neighbour,rank,score,overlap
milk,mug,1,0.6666667,2
milk,tea,2,0.57735026,2
mug,tea,1,0.8660254,3
mug,milk,2,0.6666667,2
tea,mug,1,0.8660254,3
tea,milk,2,0.57735026,2
";

/// Orders of a crowd: each user has `each` of the items, popular ones more often, in any order.
pub(crate) fn crowd(users: u32, items: u32, each: u32) -> String {
    let mut text = "member,sku,quantity\n".to_owned();
    let mut dice = 7_u64;
    for user in 0..users {
        for _ in 0..each {
            // Knuth's MMIX generator.
            dice = dice
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let chance = (dice >> 40) as f64 / f64::from(1 << 24);
            let item = (f64::from(items) * chance * chance) as u32;
            let _ = writeln!(text, "{},{item},{}", user * 7 % users, dice % 3 + 1);
        }
    }
    text
}

/// Hides what differs from call to call, or from machine to machine: times.
pub(crate) fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\d+\.\d+ s\b", "[time]");
    settings.add_filter(r#"seconds":[\d.e-]+"#, r#"seconds":0"#);
    settings.add_filter(r#""timestamp":"[^"]+""#, r#""timestamp":"[now]""#);
    settings.add_filter(r#"_bytes":\d+"#, r#"_bytes":0"#);
    // The prediction is of this machine's instructions.
    let predicted = "\"predicted_core_microseconds\":";
    settings.add_filter(&format!("{predicted}\\d+"), format!("{predicted}0"));
    settings
}

/// Reads a neighbours table of any format.
pub(crate) fn neighbours(name: &str, bytes: Vec<u8>) -> Vec<NeighbourRow> {
    let mut rows = Vec::new();
    let source = Arc::new(Memory::new(name, bytes));
    read_neighbours(source, None, &mut |row| {
        rows.push(row);
        Ok::<(), Error>(())
    })
    .unwrap_or_else(|error| panic!("{name}: {error}"));
    rows
}

pub(crate) fn batch(columns: &[(&str, ArrayRef)]) -> RecordBatch {
    let columns = columns.iter().map(|(name, array)| (*name, Arc::clone(array), true));
    RecordBatch::try_from_iter_with_nullable(columns).expect("a batch")
}

pub(crate) fn parquet(batch: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).expect("a writer");
    writer.write(batch).expect("written");
    writer.close().expect("closed");
    bytes
}

pub(crate) fn arrow_file(batch: &RecordBatch) -> Vec<u8> {
    let mut writer =
        arrow_ipc::writer::FileWriter::try_new(Vec::new(), &batch.schema()).expect("a writer");
    writer.write(batch).expect("written");
    writer.into_inner().expect("closed")
}

pub(crate) fn arrow_stream(batch: &RecordBatch) -> Vec<u8> {
    let mut writer =
        arrow_ipc::writer::StreamWriter::try_new(Vec::new(), &batch.schema()).expect("a writer");
    writer.write(batch).expect("written");
    writer.into_inner().expect("closed")
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("written");
    encoder.finish().expect("closed")
}

/// The columns of [`ORDERS`] as text.
pub(crate) fn orders_batch() -> RecordBatch {
    let rows: Vec<Vec<&str>> = ORDERS.lines().map(|line| line.split(',').collect()).collect();
    let columns: Vec<(&str, ArrayRef)> = (0..rows[0].len())
        .map(|column| {
            let cells = rows[1..].iter().map(|row| row[column]);
            let array: ArrayRef = if rows[0][column] == "quantity" {
                let numbers = cells.map(|cell| cell.parse().expect("a number"));
                Arc::new(arrow_array::Int32Array::from_iter_values(numbers))
            } else {
                Arc::new(arrow_array::StringArray::from_iter_values(cells))
            };
            (rows[0][column], array)
        })
        .collect();
    batch(&columns)
}
