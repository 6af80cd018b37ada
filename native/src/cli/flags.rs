//! Flags that belong together. The id of each is the name of its setting in job files, and
//! `ILK_` with that name in capitals is its variable.

use std::{num::NonZeroUsize, path::PathBuf, str::FromStr};

use clap::{
    Args, ValueHint,
    builder::{PossibleValuesParser, TypedValueParser},
};
use ilk_core::{
    UnknownName,
    data::TimeUnit,
    job::{Duplicates, NegativeWeights, Of, Preset},
    measure::MeasureName,
    weighting::WeightingName,
};
use ilk_formats::{Condition, Delimiter, Encoding, Escape, FileFormat, Quote};
use serde::Serialize;

use crate::settings::{Bytes, TimeFormat, TimeSpan};

/// Takes one of the names of an enum of core.
pub(super) fn names<T>(names: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err = UnknownName> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names).try_map(|name| name.parse::<T>())
}

/// Takes one of the units of time.
fn unit_names() -> impl TypedValueParser<Value = TimeUnit> {
    PossibleValuesParser::new(TimeUnit::NAMES).try_map(|name| name.parse::<TimeUnit>())
}

/// Takes one of the formats of files.
fn format_names() -> impl TypedValueParser<Value = FileFormat> {
    PossibleValuesParser::new(FileFormat::NAMES).try_map(|name| name.parse::<FileFormat>())
}

/// What to read.
#[derive(Debug, Default, Args)]
pub(crate) struct InputArgs {
    /// Files, quoted patterns or folders of Parquet, CSV/TSV, JSON Lines or Arrow files; `-` for
    /// standard input; or one job file (.toml)
    ///
    /// Several files make one table. Patterns such as 'orders/*.parquet' are expanded; `**`
    /// stands for any folders. Folders are read with all below them, except names that begin
    /// with `_` or `.`; folders named KEY=VALUE become a column KEY. CSV, TSV and JSON Lines may
    /// be compressed with gzip, zstd, bzip2 or xz, or be the one file in a ZIP archive.
    #[arg(value_name = "INPUT", value_hint = ValueHint::AnyPath)]
    pub(crate) input: Vec<String>,
}

/// Where settings come from.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Job file")]
pub(crate) struct JobFileArgs {
    /// Job file with data sources and settings; paths in it start from its folder
    #[arg(long, value_name = "FILE", env = "ILK_JOB", hide_env = true)]
    pub(crate) job: Option<PathBuf>,

    /// Which of the job file's data sources to read
    #[arg(long, value_name = "NAME", env = "ILK_DATASOURCE", hide_env = true)]
    pub(crate) datasource: Option<String>,
}

/// What the columns mean and which rows count.
#[derive(Debug, Default, Args, Serialize)]
#[command(next_help_heading = "Columns")]
pub(crate) struct SourceArgs {
    /// Column that says who
    #[arg(long, value_name = "COL", env = "ILK_USER", hide_env = true)]
    pub(crate) user: Option<String>,

    /// Column that says what
    #[arg(long, value_name = "COL", env = "ILK_ITEM", hide_env = true)]
    pub(crate) item: Option<String>,

    /// Column that says how much (quantity, rating, plays)
    #[arg(long, value_name = "COL", env = "ILK_WEIGHT", hide_env = true)]
    pub(crate) weight: Option<String>,

    /// Column that says when
    #[arg(long, value_name = "COL", env = "ILK_TIME", hide_env = true)]
    pub(crate) time: Option<String>,

    /// Column with the item's name, shown beside its id
    #[arg(long, value_name = "COL", env = "ILK_ITEM_LABEL", hide_env = true)]
    pub(crate) item_label: Option<String>,

    /// Separator between items in one cell, such as a space [default: one item per cell]
    #[arg(long, value_name = "TEXT", env = "ILK_ITEM_SEPARATOR", hide_env = true)]
    pub(crate) item_separator: Option<String>,

    /// Unit of numbers in the time column [default: auto]
    ///
    /// auto takes the unit that puts all numbers between 1990 and the day after tomorrow, and stops
    /// where there is none. yyyymmdd is a date as one number, such as 20260131.
    #[arg(long, value_name = "UNIT", value_parser = unit_names(), env = "ILK_TIME_UNIT")]
    #[arg(hide_env = true, conflicts_with = "time_format")]
    pub(crate) time_unit: Option<TimeUnit>,

    /// Format of times, as in '%d/%m/%Y %H:%M' [default: ISO 8601]
    #[arg(long, value_name = "FORMAT", env = "ILK_TIME_FORMAT", hide_env = true)]
    pub(crate) time_format: Option<TimeFormat>,

    /// Keep only rows for which this holds, as in country=FR or 'price>=10'; repeatable
    ///
    /// One of = != < <= > >= between column and value. All conditions must hold; nulls satisfy
    /// none.
    #[arg(id = "where", long = "where", value_name = "COND", env = "ILK_WHERE", hide_env = true)]
    #[serde(rename = "where")]
    pub(crate) conditions: Option<Vec<Condition>>,

    /// Format of the inputs, standard input (`-`) included [default: detected]
    #[arg(long, value_name = "FORMAT", value_parser = format_names(), env = "ILK_FORMAT")]
    #[arg(hide_env = true)]
    pub(crate) format: Option<FileFormat>,

    /// Read all files of Delta Lake, Iceberg and Hudi folders, including deleted rows
    #[arg(long, value_name = "BOOL", env = "ILK_IGNORE_TABLE_FORMAT", hide_env = true)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(hide_possible_values = true)]
    pub(crate) ignore_table_format: Option<bool>,

    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) csv: CsvArgs,
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
    pub(crate) quote: Option<Quote>,

    /// Escape character before quotes: '\', or none where quotes are doubled [default: detected]
    #[arg(long, value_name = "CHAR", env = "ILK_ESCAPE", hide_env = true, help_heading = CSV)]
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
    pub(crate) encoding: Option<Encoding>,

    /// Text that means null, as in --null NULL; repeatable. Empty text always does
    #[arg(long, value_name = "TEXT", env = "ILK_NULL", hide_env = true, help_heading = CSV)]
    pub(crate) null: Option<Vec<String>>,

    /// Skip lines that begin with this text
    #[arg(long, value_name = "TEXT", env = "ILK_COMMENT", hide_env = true, help_heading = CSV)]
    pub(crate) comment: Option<String>,

    /// Longest record; longer ones are set aside as unreadable [default: 1MiB]
    #[arg(long, value_name = "SIZE", env = "ILK_MAX_RECORD_SIZE", hide_env = true)]
    #[arg(help_heading = CSV)]
    pub(crate) max_record_size: Option<Bytes>,
}

/// The job as core knows it, field by field.
#[derive(Debug, Default, Args, Serialize)]
#[command(next_help_heading = "Similarity")]
pub(crate) struct JobArgs {
    /// Take measure and weighting from another library's definition
    #[arg(long, value_name = "PRESET", value_parser = names::<Preset>(Preset::NAMES))]
    #[arg(env = "ILK_LIKE", hide_env = true)]
    pub(crate) like: Option<Preset>,

    /// What is compared [default: items]
    #[arg(long, value_name = "WHAT", value_parser = names::<Of>(Of::NAMES))]
    #[arg(env = "ILK_OF", hide_env = true)]
    pub(crate) of: Option<Of>,

    /// How alike two items are [default: cosine]
    ///
    /// c users of both, a and b users of each, N users in all, x and y the weighted columns:
    /// cosine x·y/(‖x‖‖y‖); jaccard c/(a+b−c); dice 2c/(a+b); overlap c/min(a,b); tversky
    /// c/(c+α(a−c)+β(b−c)); asymmetric-cosine x·y/((Σx²)^α (Σy²)^(1−α)); conditional c/(a·b^α);
    /// lift Nc/((a+κ)(b+κ)); sar-lift c/(ab); pmi ln(Nc/(ab)); npmi pmi/(−ln(c/N));
    /// lexicographers-mi c·log2(Nc/(ab)); llr Dunning's log-likelihood ratio; mahout-llr
    /// 1−1/(1+llr); cooccurrence c; dot x·y.
    #[arg(long, value_name = "NAME", env = "ILK_MEASURE", hide_env = true)]
    #[arg(value_parser = names::<MeasureName>(MeasureName::NAMES))]
    pub(crate) measure: Option<MeasureName>,

    /// What an interaction counts, for cosine, asymmetric-cosine and dot [default: binary]
    ///
    /// binary 1; raw w; log ln(1+w); tfidf √w·(ln I − ln(1+df)) with I items and df items of the
    /// user; bm25 w(K1+1)/(K1(1−B+B·len/avg)+w)·idf; decay w·0.5^((now−t)/half-life).
    #[arg(long, value_name = "NAME", env = "ILK_WEIGHTING", hide_env = true)]
    #[arg(value_parser = names::<WeightingName>(WeightingName::NAMES))]
    pub(crate) weighting: Option<WeightingName>,

    /// Neighbours kept per item [default: 50]
    #[arg(short = 'k', long, value_name = "K", env = "ILK_TOP", hide_env = true)]
    pub(crate) top: Option<u32>,

    /// Drop items with fewer users first [default: 1]
    #[arg(long, value_name = "N", env = "ILK_MIN_SUPPORT", hide_env = true)]
    pub(crate) min_support: Option<u32>,

    /// Pairs that share fewer users are no neighbours [default: 1]
    #[arg(long, value_name = "N", env = "ILK_MIN_OVERLAP", hide_env = true)]
    pub(crate) min_overlap: Option<u32>,

    /// Damp chance pairs: multiply scores by c/(c+H) [default: 0]
    #[arg(long, value_name = "H", env = "ILK_SHRINKAGE", hide_env = true)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) shrinkage: Option<f64>,

    /// Pairs that score below are no neighbours
    #[arg(long, value_name = "S", env = "ILK_THRESHOLD", hide_env = true)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) threshold: Option<f64>,

    /// α of tversky, asymmetric-cosine [default: 0.5] and conditional [default: 0]
    #[arg(long, value_name = "X", env = "ILK_ALPHA", hide_env = true, help_heading = PARAMETERS)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) alpha: Option<f64>,

    /// β of tversky [default: 0.5]
    #[arg(long, value_name = "X", env = "ILK_BETA", hide_env = true, help_heading = PARAMETERS)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) beta: Option<f64>,

    /// κ of lift: damps rare items [default: 0]
    #[arg(long, value_name = "X", env = "ILK_KAPPA", hide_env = true, help_heading = PARAMETERS)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) kappa: Option<f64>,

    /// K1 of bm25 [default: 1.2]
    #[arg(long, value_name = "X", env = "ILK_K1", hide_env = true, help_heading = PARAMETERS)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) k1: Option<f64>,

    /// B of bm25 [default: 0.75]
    #[arg(long, value_name = "X", env = "ILK_B", hide_env = true, help_heading = PARAMETERS)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) b: Option<f64>,

    /// Half-life of decay, as in 90d or 12h
    #[arg(long, value_name = "SPAN", env = "ILK_HALF_LIFE", hide_env = true)]
    #[arg(help_heading = PARAMETERS)]
    pub(crate) half_life: Option<String>,

    /// The present of decay, as in 2026-01-31 [default: the newest time in the data]
    #[arg(long, value_name = "TIME", env = "ILK_NOW", hide_env = true, help_heading = PARAMETERS)]
    pub(crate) now: Option<String>,

    /// What becomes of several rows of one user and item [default: sum with --weight, else one]
    ///
    /// sum adds their weights; max takes the largest; last takes the newest (needs --time); one
    /// counts them as one row of weight 1.
    #[arg(long, value_name = "HOW", env = "ILK_DUPLICATES", hide_env = true)]
    #[arg(value_parser = names::<Duplicates>(Duplicates::NAMES), help_heading = CLEANING)]
    pub(crate) duplicates: Option<Duplicates>,

    /// What becomes of rows with weight 0 or less, such as returns [default: drop]
    ///
    /// drop sets them aside; net adds them to the pair's others and drops pairs left at 0 or
    /// less; error stops.
    #[arg(long, value_name = "HOW", env = "ILK_NEGATIVE_WEIGHTS", hide_env = true)]
    #[arg(value_parser = names::<NegativeWeights>(NegativeWeights::NAMES), help_heading = CLEANING)]
    pub(crate) negative_weights: Option<NegativeWeights>,

    /// Of users with more items keep N: largest weight first, then newest
    #[arg(long, value_name = "N", env = "ILK_MAX_ITEMS_PER_USER", hide_env = true)]
    #[arg(help_heading = CLEANING)]
    pub(crate) max_items_per_user: Option<u32>,

    /// Stop when more rows are unreadable or hold a bad weight or time [default: 1%, at least 10 rows]
    #[arg(long, value_name = "SHARE", env = "ILK_MAX_BAD_ROWS", hide_env = true)]
    #[arg(help_heading = CLEANING)]
    pub(crate) max_bad_rows: Option<String>,

    /// Stop when any row is set aside, except by --where
    #[arg(long, value_name = "BOOL", env = "ILK_STRICT", hide_env = true, help_heading = CLEANING)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(hide_possible_values = true)]
    pub(crate) strict: Option<bool>,
}

const PARAMETERS: &str = "Parameters of measures and weightings";
const CLEANING: &str = "Cleaning";

/// Files with one id per line.
#[derive(Debug, Default, Args, Serialize)]
#[command(next_help_heading = "Item lists (files with one id per line)")]
pub(crate) struct ListArgs {
    /// Only these items may appear as neighbours; repeatable
    #[arg(long, value_name = "FILE", env = "ILK_ONLY", hide_env = true)]
    pub(crate) only: Option<Vec<PathBuf>>,

    /// These items may not appear as neighbours; repeatable
    #[arg(long, value_name = "FILE", env = "ILK_EXCLUDE", hide_env = true)]
    pub(crate) exclude: Option<Vec<PathBuf>>,

    /// Compute the neighbours of these items only; repeatable
    #[arg(id = "for", long = "for", value_name = "FILE", env = "ILK_FOR", hide_env = true)]
    #[serde(rename = "for")]
    pub(crate) targets: Option<Vec<PathBuf>>,
}

/// Where to write.
#[derive(Debug, Default, Args, Serialize)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Output: .parquet, .csv, .jsonl or .arrow, or a folder
    #[arg(short, long, value_name = "PATH", env = "ILK_OUT", hide_env = true)]
    pub(crate) out: Option<PathBuf>,

    /// Keep every stage's result in this folder; the same command goes on where it stopped
    ///
    /// Holds the manifest run.json, each stage's result as Parquet, the rows set aside in
    /// quarantine.parquet and the result as neighbours.parquet. `ilk take` shows rows of them,
    /// `ilk stage` runs one stage alone.
    #[arg(long, value_name = "DIR", env = "ILK_RUN_DIR", hide_env = true)]
    pub(crate) run_dir: Option<PathBuf>,
}

/// How to work.
#[derive(Debug, Default, Args, Serialize)]
#[command(next_help_heading = "Work")]
pub(crate) struct WorkArgs {
    /// Threads to use [default: one per core]
    #[arg(long, value_name = "N", env = "ILK_THREADS", hide_env = true)]
    pub(crate) threads: Option<NonZeroUsize>,
}

/// What a run may take.
#[derive(Debug, Default, Args, Serialize)]
#[command(next_help_heading = "Work")]
pub(crate) struct LimitArgs {
    /// Memory that the program may take, as in 2GiB [default: 70 % of RAM]
    ///
    /// A promise: what does not fit goes through working files beside the output, with the same
    /// result. In a container RAM is what the container allows.
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
    /// What is left to do is predicted before it starts, from this machine's speed (which takes
    /// up to two seconds to measure); the refusal says what would make the job fit.
    #[arg(long, value_name = "SPAN", env = "ILK_BUDGET_TIME", hide_env = true)]
    pub(crate) budget_time: Option<TimeSpan>,

    /// Refuse a job that would need more memory, as in 2GiB
    #[arg(long, value_name = "SIZE", env = "ILK_BUDGET_MEMORY", hide_env = true)]
    pub(crate) budget_memory: Option<Bytes>,

    /// Refuse a job that would cost more; needs --price-per-hour
    #[arg(long, value_name = "AMOUNT", env = "ILK_BUDGET_COST", hide_env = true)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) budget_cost: Option<f64>,

    /// What an hour of this machine costs, in any currency
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
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) budget: BudgetArgs,
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

/// How a page for people is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum TextOrJson {
    /// Tables for people
    #[default]
    Text,
    /// One JSON object
    Json,
}
