//! Flags that belong together. The id of each is the name of its setting in job files, and
//! `ILK_` with that name in capitals is its variable.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    str::FromStr,
};

use clap::{
    Args, ValueHint,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};
use ilk_core::{
    data::TimeUnit,
    job::{Duplicates, NegativeWeights, Of, Pairs, Preset},
    measure::MeasureName,
    weighting::{Center, WeightingName},
};
use ilk_formats::{
    Condition, Decimal, Delimiter, DialectError, Encoding, Escape, FileFormat, OutputFormat, Quote,
    RecordSize,
};
use serde::Serialize;

use super::described::names;
use crate::settings::{Bytes, Share, TimeFormat, TimeSpan};

/// Takes one of the units of time.
fn unit_names() -> impl TypedValueParser<Value = TimeUnit> {
    PossibleValuesParser::new(TimeUnit::NAMES).try_map(|name| name.parse::<TimeUnit>())
}

/// Takes one of the formats of files.
fn format_names() -> impl TypedValueParser<Value = FileFormat> {
    PossibleValuesParser::new(FileFormat::NAMES).try_map(|name| name.parse::<FileFormat>())
}

/// Takes one of the formats of a table on standard output. Parquet is refused with what to do.
pub(super) fn piped_names() -> impl TypedValueParser<Value = OutputFormat> {
    let parquet = PossibleValue::new("parquet").hide(true);
    let others = ["csv", "jsonl", "arrow"].map(PossibleValue::new);
    PossibleValuesParser::new([parquet].into_iter().chain(others))
        .try_map(|name| name.parse::<OutputFormat>())
}

/// Takes one of the ways of writing CSV.
fn text_names<T>(names: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err = DialectError> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names).try_map(|name| name.parse::<T>())
}

/// Takes one of the encodings, by any of its names.
fn encoding_names() -> impl TypedValueParser<Value = Encoding> {
    let others: [&[&str]; 4] =
        [&["utf8"], &["utf16", "utf-16le", "utf-16be"], &["latin1", "iso-8859-1"], &["cp1252"]];
    let names = Encoding::NAMES.iter().zip(others);
    let names = names.map(|(name, others)| PossibleValue::new(*name).aliases(others));
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Encoding>())
}

/// What to read.
#[derive(Debug, Default, Args)]
pub(crate) struct InputArgs {
    /// Files, quoted patterns or folders of Parquet, CSV/TSV, JSON Lines or Arrow files; `-` for
    /// standard input; or one job file (.toml)
    ///
    /// Several files are read as one table. Patterns such as 'orders/*.parquet' are expanded; `**`
    /// matches any number of folders. Folders are read recursively, except names that start with
    /// `_` or `.`; a folder named KEY=VALUE adds a column KEY. CSV, TSV and JSON Lines may be
    /// compressed with gzip, zstd, bzip2 or xz, or be the one file in a ZIP archive.
    #[arg(value_name = "INPUT", value_hint = ValueHint::AnyPath)]
    pub(crate) input: Vec<String>,
}

/// Where settings come from.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Job file")]
pub(crate) struct JobFileArgs {
    /// Job file with data sources and settings; its paths are relative to its folder
    #[arg(long, value_name = "FILE", env = "ILK_JOB", hide_env = true)]
    pub(crate) job: Option<PathBuf>,

    /// Data source of the job file to read
    #[arg(long, value_name = "NAME", env = "ILK_DATASOURCE", hide_env = true)]
    pub(crate) datasource: Option<String>,
}

/// What the columns mean and which rows count.
#[derive(Debug, Default, Args, Serialize)]
pub(crate) struct SourceArgs {
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) columns: ColumnArgs,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) labels: LabelArgs,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) rows: RowArgs,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) csv: CsvArgs,
}

/// Which column is what.
#[derive(Debug, Default, Args, Serialize)]
#[command(next_help_heading = "Columns")]
pub(crate) struct ColumnArgs {
    /// User ID column, or several that make an ID together, as in store,receipt
    ///
    /// The ID is the text of the cells, joined by `|`; a `|` or `\` inside a cell is escaped by
    /// `\`. To use a column whose name contains a comma, give its whole name.
    #[arg(long, value_name = "COL", env = "ILK_USER", hide_env = true)]
    pub(crate) user: Option<String>,

    /// Item ID column, or several, as for --user
    #[arg(long, value_name = "COL", env = "ILK_ITEM", hide_env = true)]
    pub(crate) item: Option<String>,

    /// Weight column, such as a quantity, a rating or a number of plays
    #[arg(long, value_name = "COL", env = "ILK_WEIGHT", hide_env = true)]
    pub(crate) weight: Option<String>,

    /// Timestamp column
    #[arg(long, value_name = "COL", env = "ILK_TIME", hide_env = true)]
    pub(crate) time: Option<String>,

    /// Item name column, shown beside the item ID
    #[arg(long, value_name = "COL", env = "ILK_ITEM_LABEL", hide_env = true)]
    pub(crate) item_label: Option<String>,
}

/// Names and groups of items.
#[derive(Debug, Default, Args, Serialize)]
#[command(next_help_heading = "Columns")]
pub(crate) struct LabelArgs {
    /// Table with the names of the items, such as products.parquet; repeatable; needs --label
    ///
    /// Files, quoted patterns or folders, in any format that is read. Rows are matched by ID. If an
    /// item has several names, the most frequent one is used; of equally frequent ones, the
    /// smallest. With --of users, the table names users.
    #[arg(long, value_name = "FILE", env = "ILK_LABELS", hide_env = true)]
    #[arg(value_hint = ValueHint::AnyPath)]
    pub(crate) labels: Option<Vec<String>>,

    /// ID column of --labels [default: the ID column of the interactions]
    #[arg(long, value_name = "COL", env = "ILK_LABEL_ID", hide_env = true)]
    pub(crate) label_id: Option<String>,

    /// Name column of --labels
    #[arg(long, value_name = "COL", env = "ILK_LABEL", hide_env = true)]
    pub(crate) label: Option<String>,

    /// Column with the group of each item, such as its category, for --within and --max-per-group
    ///
    /// A column of --labels if given, otherwise of the input. If an item has several groups, the
    /// most frequent one is used; of equally frequent ones, the smallest.
    #[arg(long, value_name = "COL", env = "ILK_GROUP", hide_env = true)]
    pub(crate) group: Option<String>,
}

/// A second behaviour.
#[derive(Debug, Default, Args, Serialize)]
#[command(next_help_heading = "Two behaviours")]
pub(crate) struct TargetArgs {
    /// Interactions of a second behaviour, such as purchases beside views; repeatable
    ///
    /// The neighbours of an input item are then items of these files, by shared users: what the
    /// viewers of an item buy. Files, quoted patterns or folders, as for INPUT. An item may be a
    /// neighbour of itself. In the formulas, a counts users of the input, b users of the target,
    /// and N the users of either.
    #[arg(long, value_name = "FILE", env = "ILK_TARGET", hide_env = true)]
    #[arg(value_hint = ValueHint::AnyPath)]
    pub(crate) target: Option<Vec<String>>,

    /// User ID column of --target [default: that of the input]
    #[arg(long, value_name = "COL", env = "ILK_TARGET_USER", hide_env = true)]
    pub(crate) target_user: Option<String>,

    /// Item ID column of --target [default: that of the input]
    #[arg(long, value_name = "COL", env = "ILK_TARGET_ITEM", hide_env = true)]
    pub(crate) target_item: Option<String>,

    /// Weight column of --target [default: that of the input]
    #[arg(long, value_name = "COL", env = "ILK_TARGET_WEIGHT", hide_env = true)]
    pub(crate) target_weight: Option<String>,

    /// Timestamp column of --target [default: that of the input]
    #[arg(long, value_name = "COL", env = "ILK_TARGET_TIME", hide_env = true)]
    pub(crate) target_time: Option<String>,

    /// Keep only rows of --target that match a condition; repeatable. --where selects rows of the
    /// input
    #[arg(long, value_name = "COND", env = "ILK_TARGET_WHERE", hide_env = true)]
    pub(crate) target_where: Option<Vec<Condition>>,
}

/// How cells are read, and which rows.
#[derive(Debug, Default, Args, Serialize)]
#[command(next_help_heading = "Columns")]
pub(crate) struct RowArgs {
    /// Separator between items in one cell, such as a space [default: one item per cell]
    #[arg(long, value_name = "TEXT", env = "ILK_ITEM_SEPARATOR", hide_env = true)]
    pub(crate) item_separator: Option<String>,

    /// Unit of numbers in the time column [default: auto]
    ///
    /// auto picks the unit that puts all numbers between 1990 and the day after tomorrow; the run
    /// stops if there is no such unit, or more than one. yyyymmdd is a date as one number, such as
    /// 20260131.
    #[arg(long, value_name = "UNIT", value_parser = unit_names(), env = "ILK_TIME_UNIT")]
    #[arg(hide_env = true, conflicts_with = "time_format")]
    pub(crate) time_unit: Option<TimeUnit>,

    /// Format of times, as in '%d/%m/%Y %H:%M' [default: ISO 8601]
    #[arg(long, value_name = "FORMAT", env = "ILK_TIME_FORMAT", hide_env = true)]
    pub(crate) time_format: Option<TimeFormat>,

    /// Keep only rows that match a condition, as in country=FR or 'price>=10'; repeatable
    ///
    /// A condition is a column, one of = != < <= > >=, and a value. All conditions must hold; a null
    /// matches none.
    #[arg(id = "where", long = "where", value_name = "COND", env = "ILK_WHERE", hide_env = true)]
    #[serde(rename = "where")]
    pub(crate) conditions: Option<Vec<Condition>>,

    /// Format of the inputs, standard input (`-`) included [default: detected]
    #[arg(long, value_name = "FORMAT", value_parser = format_names(), env = "ILK_INPUT_FORMAT")]
    #[arg(hide_env = true)]
    pub(crate) input_format: Option<FileFormat>,

    /// Read all files of Delta Lake, Iceberg and Hudi folders, including deleted rows
    #[arg(long, value_name = "BOOL", env = "ILK_IGNORE_TABLE_FORMAT", hide_env = true)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(hide_possible_values = true)]
    pub(crate) ignore_table_format: Option<bool>,
}

const CSV: &str = "CSV files";

/// How CSV files are written; what is not said is detected from the first 256 KiB.
#[derive(Debug, Default, Args, Serialize)]
pub(crate) struct CsvArgs {
    /// Field delimiter, such as ';', '::', '\t' or '\x01' [default: detected]
    #[arg(long, value_name = "TEXT", env = "ILK_DELIMITER", hide_env = true, help_heading = CSV)]
    pub(crate) delimiter: Option<Delimiter>,

    /// Quote character: '"', "'" or none [default: detected]
    #[arg(long, value_name = "CHAR", env = "ILK_QUOTE", hide_env = true, help_heading = CSV)]
    #[arg(value_parser = text_names::<Quote>(Quote::NAMES), hide_possible_values = true)]
    pub(crate) quote: Option<Quote>,

    /// Escape character before quotes: '\', or none where quotes are doubled [default: detected]
    #[arg(long, value_name = "CHAR", env = "ILK_ESCAPE", hide_env = true, help_heading = CSV)]
    #[arg(value_parser = text_names::<Escape>(Escape::NAMES), hide_possible_values = true)]
    pub(crate) escape: Option<Escape>,

    /// The first line is data; columns are named 1, 2, 3
    #[arg(long, value_name = "BOOL", env = "ILK_NO_HEADER", hide_env = true, help_heading = CSV)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(hide_possible_values = true)]
    pub(crate) no_header: Option<bool>,

    /// Skip N lines before the header [default: 0]
    #[arg(long, value_name = "N", env = "ILK_SKIP_LINES", hide_env = true, help_heading = CSV)]
    pub(crate) skip_lines: Option<u64>,

    /// Encoding: utf-8, utf-16, latin-1 or windows-1252 [default: utf-8, or by byte order mark]
    #[arg(long, value_name = "NAME", env = "ILK_ENCODING", hide_env = true, help_heading = CSV)]
    #[arg(value_parser = encoding_names(), ignore_case = true, hide_possible_values = true)]
    pub(crate) encoding: Option<Encoding>,

    /// Text that means null, such as NULL; repeatable. Empty text always does
    #[arg(long, value_name = "TEXT", env = "ILK_NULL", hide_env = true, help_heading = CSV)]
    pub(crate) null: Option<Vec<String>>,

    /// Decimal separator of weights and of numbers in --where: . or , [default: .]
    #[arg(long, value_name = "CHAR", env = "ILK_DECIMAL", hide_env = true, help_heading = CSV)]
    pub(crate) decimal: Option<Decimal>,

    /// Skip lines that begin with this text
    #[arg(long, value_name = "TEXT", env = "ILK_COMMENT", hide_env = true, help_heading = CSV)]
    pub(crate) comment: Option<String>,

    /// Longest record; longer ones are set aside as unreadable [default: 1MiB]
    #[arg(long, value_name = "SIZE", env = "ILK_MAX_RECORD_SIZE", hide_env = true)]
    #[arg(help_heading = CSV)]
    pub(crate) max_record_size: Option<RecordSize>,
}

/// The job as core knows it, field by field; the help of each comes from there
/// ([`described`](mod@super::described)).
#[derive(Debug, Default, Args, Serialize)]
pub(crate) struct JobArgs {
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) measure: MeasureArgs,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) pairs: PairArgs,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) parameters: ParameterArgs,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) cleaning: CleaningArgs,
}

/// What is compared, and how.
#[derive(Debug, Default, Args, Serialize)]
#[command(next_help_heading = "Similarity")]
pub(crate) struct MeasureArgs {
    #[arg(long, value_name = "PRESET", value_parser = names::<Preset>(Preset::NAMES))]
    #[arg(env = "ILK_LIKE", hide_env = true)]
    pub(crate) like: Option<Preset>,

    #[arg(long, value_name = "WHAT", value_parser = names::<Of>(Of::NAMES))]
    #[arg(env = "ILK_OF", hide_env = true)]
    pub(crate) of: Option<Of>,

    #[arg(long, value_name = "NAME", env = "ILK_MEASURE", hide_env = true)]
    #[arg(value_parser = names::<MeasureName>(MeasureName::NAMES))]
    pub(crate) measure: Option<MeasureName>,

    #[arg(long, value_name = "NAME", env = "ILK_WEIGHTING", hide_env = true)]
    #[arg(value_parser = names::<WeightingName>(WeightingName::NAMES))]
    pub(crate) weighting: Option<WeightingName>,

    #[arg(long, value_name = "WHOSE", env = "ILK_CENTER", hide_env = true)]
    #[arg(value_parser = names::<Center>(Center::NAMES), help_heading = PARAMETERS)]
    pub(crate) center: Option<Center>,
}

/// Which pairs are neighbours.
#[derive(Debug, Default, Args, Serialize)]
#[command(next_help_heading = "Similarity")]
pub(crate) struct PairArgs {
    #[arg(short = 'k', long, value_name = "K", env = "ILK_TOP", hide_env = true)]
    pub(crate) top: Option<u32>,

    #[arg(long, value_name = "N", env = "ILK_MIN_SUPPORT", hide_env = true)]
    pub(crate) min_support: Option<u32>,

    #[arg(long, value_name = "N", env = "ILK_MIN_OVERLAP", hide_env = true)]
    pub(crate) min_overlap: Option<u32>,

    #[arg(long, value_name = "H", env = "ILK_SHRINKAGE", hide_env = true)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) shrinkage: Option<f64>,

    #[arg(long, value_name = "S", env = "ILK_THRESHOLD", hide_env = true)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) threshold: Option<f64>,

    #[arg(long, value_name = "HOW", env = "ILK_PAIRS", hide_env = true)]
    #[arg(value_parser = names::<Pairs>(Pairs::NAMES))]
    pub(crate) pairs: Option<Pairs>,
}

/// Parameters of measures and weightings.
#[derive(Debug, Default, Args, Serialize)]
pub(crate) struct ParameterArgs {
    #[arg(long, value_name = "X", env = "ILK_ALPHA", hide_env = true, help_heading = PARAMETERS)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) alpha: Option<f64>,

    #[arg(long, value_name = "X", env = "ILK_BETA", hide_env = true, help_heading = PARAMETERS)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) beta: Option<f64>,

    #[arg(long, value_name = "X", env = "ILK_KAPPA", hide_env = true, help_heading = PARAMETERS)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) kappa: Option<f64>,

    #[arg(long, value_name = "X", env = "ILK_K1", hide_env = true, help_heading = PARAMETERS)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) k1: Option<f64>,

    #[arg(long, value_name = "X", env = "ILK_B", hide_env = true, help_heading = PARAMETERS)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) b: Option<f64>,

    #[arg(long, value_name = "SPAN", env = "ILK_HALF_LIFE", hide_env = true)]
    #[arg(help_heading = PARAMETERS)]
    pub(crate) half_life: Option<String>,

    #[arg(long, value_name = "TIME", env = "ILK_NOW", hide_env = true, help_heading = PARAMETERS)]
    pub(crate) now: Option<String>,
}

/// What becomes of rows before they are compared.
#[derive(Debug, Default, Args, Serialize)]
pub(crate) struct CleaningArgs {
    #[arg(long, value_name = "HOW", env = "ILK_DUPLICATES", hide_env = true)]
    #[arg(value_parser = names::<Duplicates>(Duplicates::NAMES), help_heading = CLEANING)]
    pub(crate) duplicates: Option<Duplicates>,

    #[arg(long, value_name = "HOW", env = "ILK_NEGATIVE_WEIGHTS", hide_env = true)]
    #[arg(value_parser = names::<NegativeWeights>(NegativeWeights::NAMES), help_heading = CLEANING)]
    pub(crate) negative_weights: Option<NegativeWeights>,

    #[arg(long, value_name = "N", env = "ILK_MAX_ITEMS_PER_USER", hide_env = true)]
    #[arg(help_heading = CLEANING)]
    pub(crate) max_items_per_user: Option<u32>,

    #[arg(long, value_name = "SHARE", env = "ILK_MAX_BAD_ROWS", hide_env = true)]
    #[arg(help_heading = CLEANING)]
    pub(crate) max_bad_rows: Option<String>,

    #[arg(long, value_name = "BOOL", env = "ILK_STRICT", hide_env = true, help_heading = CLEANING)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(hide_possible_values = true)]
    pub(crate) strict: Option<bool>,
}

const PARAMETERS: &str = "Parameters of measures and weightings";
const CLEANING: &str = "Cleaning";

/// Files with one ID per line.
#[derive(Debug, Default, Args, Serialize)]
#[command(next_help_heading = "Item lists (files with one ID per line)")]
pub(crate) struct ListArgs {
    /// Allow only these items as neighbours; repeatable
    #[arg(long, value_name = "FILE", env = "ILK_ONLY", hide_env = true)]
    pub(crate) only: Option<Vec<PathBuf>>,

    /// Exclude these items as neighbours; repeatable
    #[arg(long, value_name = "FILE", env = "ILK_EXCLUDE", hide_env = true)]
    pub(crate) exclude: Option<Vec<PathBuf>>,

    /// Compute the neighbours of these items only; repeatable
    #[arg(id = "for", long = "for", value_name = "FILE", env = "ILK_FOR", hide_env = true)]
    #[serde(rename = "for")]
    pub(crate) targets: Option<Vec<PathBuf>>,

    /// Allow only items of the same group as neighbours; needs --group
    ///
    /// An item without a group then has no neighbours.
    #[arg(long, value_name = "BOOL", env = "ILK_WITHIN", hide_env = true, help_heading = GROUPS)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(hide_possible_values = true)]
    pub(crate) within: Option<bool>,

    /// Maximum number of neighbours of one group in a list; needs --group
    ///
    /// The best N of each group are kept, then the best `top` of those. Items without a group are
    /// not limited.
    #[arg(long, value_name = "N", env = "ILK_MAX_PER_GROUP", hide_env = true)]
    #[arg(help_heading = GROUPS)]
    pub(crate) max_per_group: Option<NonZeroU32>,
}

const GROUPS: &str = "Groups of items";

/// Where to write.
#[derive(Debug, Default, Args, Serialize)]
#[command(next_help_heading = "Output")]
pub(crate) struct PlaceArgs {
    /// Output file (.parquet, .csv, .jsonl or .arrow) or folder; `-` for standard output
    ///
    /// CSV and JSON Lines may be compressed, as in similar.csv.gz or similar.jsonl.zst. Standard
    /// output gets nothing but the table.
    #[arg(short, long, value_name = "PATH", env = "ILK_OUT", hide_env = true)]
    pub(crate) out: Option<PathBuf>,

    /// Keep every stage's result in this folder; the same command resumes an interrupted run
    ///
    /// Holds the manifest run.json, each stage's result as Parquet, the rows set aside in
    /// quarantine.parquet and the result in neighbours.parquet. `ilk take` shows rows of them,
    /// `ilk stage` runs one stage alone.
    #[arg(long, value_name = "DIR", env = "ILK_RUN_DIR", hide_env = true)]
    pub(crate) run_dir: Option<PathBuf>,
}

/// What becomes of what is there already.
#[derive(Debug, Default, Args, Serialize)]
#[command(next_help_heading = "Output")]
pub(crate) struct PublishingArgs {
    /// Replace the output if it exists
    #[arg(long, value_name = "BOOL", env = "ILK_OVERWRITE", hide_env = true)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(hide_possible_values = true)]
    pub(crate) overwrite: Option<bool>,

    /// Keep this many dated results in the folder --out, and point its link `latest` to the newest
    ///
    /// Each run writes a folder named after its start, such as 2026-12-01T02-00-00Z (UTC). When it is
    /// complete, `latest` is switched in one step, and older results are removed. Folders that hold
    /// anything but Ilk's output stay. --max-change compares with `latest`.
    #[arg(long, value_name = "N", env = "ILK_KEEP", hide_env = true)]
    pub(crate) keep: Option<NonZeroU32>,

    /// Write an HTML report to this file: rows, time per stage, and the result
    #[arg(long, value_name = "FILE.html", env = "ILK_REPORT", hide_env = true)]
    pub(crate) report: Option<PathBuf>,

    /// Start over in the run directory if the job or an input has changed, otherwise resume
    ///
    /// For schedulers: the same command resumes an interrupted run, starts over on new data, and
    /// does nothing if nothing has changed. The old result stays until the new one replaces it.
    #[arg(long, value_name = "BOOL", env = "ILK_RESTART_IF_CHANGED", hide_env = true)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(hide_possible_values = true)]
    pub(crate) restart_if_changed: Option<bool>,

    /// Write a ' before text in CSV that begins with = + - or @, which spreadsheets take for a formula
    ///
    /// Applies to text IDs and labels in CSV outputs, also if they begin with a tab or carriage
    /// return. Numbers stay as they are.
    #[arg(long, value_name = "BOOL", env = "ILK_CSV_SAFE", hide_env = true)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(hide_possible_values = true)]
    pub(crate) csv_safe: Option<bool>,

    /// Publish the result only if it has at least this many rows
    ///
    /// If it has fewer, the old output stays, the run directory keeps the new result, and the exit
    /// code is 4. --force publishes it anyway.
    #[arg(long, value_name = "N", env = "ILK_MIN_ROWS", hide_env = true)]
    pub(crate) min_rows: Option<u64>,

    /// Replace the output only if the new result differs by at most this share, as in 30%
    ///
    /// Compares the number of rows, and counts the items of the old output that have no neighbours
    /// in the new result. If it differs more, the run ends as with --min-rows.
    #[arg(long, value_name = "SHARE", env = "ILK_MAX_CHANGE", hide_env = true)]
    pub(crate) max_change: Option<Share>,

    /// Format of the table on standard output, for --out - [default: csv]
    ///
    /// arrow is an Arrow IPC stream. The format of a file is that of its ending.
    #[arg(long, value_name = "FORMAT", env = "ILK_OUT_FORMAT", hide_env = true)]
    #[arg(value_parser = piped_names())]
    pub(crate) out_format: Option<OutputFormat>,
}

/// How to work.
#[derive(Debug, Default, Args, Serialize)]
#[command(next_help_heading = "Work")]
pub(crate) struct WorkArgs {
    /// Number of threads [default: one per core]
    #[arg(long, value_name = "N", env = "ILK_THREADS", hide_env = true)]
    pub(crate) threads: Option<NonZeroUsize>,
}

/// What a run may take.
#[derive(Debug, Default, Args, Serialize)]
#[command(next_help_heading = "Work")]
pub(crate) struct LimitArgs {
    /// Memory limit of the program, as in 2GiB [default: 70 % of RAM]
    ///
    /// Data that does not fit goes through working files beside the output, with the same result. In
    /// a container, RAM is the container's limit.
    #[arg(long, value_name = "SIZE", env = "ILK_MEMORY", hide_env = true)]
    pub(crate) memory: Option<Bytes>,

    /// Size of working files, for jobs larger than memory [default: 256MiB]
    #[arg(long, value_name = "SIZE", env = "ILK_SHARD_SIZE", hide_env = true)]
    pub(crate) shard_size: Option<Bytes>,
}

/// What a job may take.
#[derive(Clone, Debug, Default, Args, Serialize)]
#[command(next_help_heading = "Budget")]
pub(crate) struct BudgetArgs {
    /// Refuse a job that would take longer, as in 90s, 30m or 2h
    ///
    /// The time is predicted before the work starts, from the speed of this machine, which takes up
    /// to two seconds to measure. The refusal lists changes that make the job fit.
    #[arg(long, value_name = "SPAN", env = "ILK_BUDGET_TIME", hide_env = true)]
    pub(crate) budget_time: Option<TimeSpan>,

    /// Also stop a run that reaches --budget-time or --budget-cost
    ///
    /// With --run-dir, the same command resumes the run, with the whole budget again. --force skips
    /// the prediction, but does not lift this limit.
    #[arg(long, value_name = "BOOL", env = "ILK_BUDGET_HARD", hide_env = true)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(hide_possible_values = true)]
    pub(crate) budget_hard: Option<bool>,

    /// Refuse a job that would need more memory, as in 2GiB
    #[arg(long, value_name = "SIZE", env = "ILK_BUDGET_MEMORY", hide_env = true)]
    pub(crate) budget_memory: Option<Bytes>,

    /// Maximum disk space of working files and the run directory, as in 20GiB
    ///
    /// A job that is predicted to need more is refused before it compares items. A run that reaches
    /// the limit stops; with --run-dir, the same command with a higher limit resumes it. Outputs
    /// are not counted.
    #[arg(long, value_name = "SIZE", env = "ILK_MAX_DISK", hide_env = true)]
    pub(crate) max_disk: Option<Bytes>,

    /// Refuse a job that would cost more; needs --price-per-hour
    #[arg(long, value_name = "AMOUNT", env = "ILK_BUDGET_COST", hide_env = true)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) budget_cost: Option<f64>,

    /// Price of an hour of this machine, in any currency
    #[arg(long, value_name = "AMOUNT", env = "ILK_PRICE_PER_HOUR", hide_env = true)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) price_per_hour: Option<f64>,
}

/// Everything that says what a run computes.
#[derive(Debug, clap::Args)]
pub(crate) struct JobSettingsArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) file: JobFileArgs,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) job: JobArgs,
    #[command(flatten)]
    pub(crate) lists: ListArgs,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) budget: BudgetArgs,
}

/// The same with what becomes of the result, for commands that publish one.
#[derive(Debug, clap::Args)]
pub(crate) struct RunSettingsArgs {
    #[command(flatten)]
    pub(crate) job: JobSettingsArgs,
    #[command(flatten)]
    pub(crate) publishing: PublishingArgs,
}

/// Everything that says what is read and computed, for commands that write no neighbours.
#[derive(Debug, clap::Args)]
pub(crate) struct ReadingArgs {
    #[command(flatten)]
    pub(crate) file: JobFileArgs,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) job: JobArgs,
    #[command(flatten)]
    pub(crate) lists: ListArgs,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
}

/// Formats of a page for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum TextOrJson {
    /// Tables for people
    #[default]
    Text,
    /// One JSON object
    Json,
}
