//! `ilk evaluate`.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use ilk_core::{measure::MeasureName, weighting::WeightingName};

use super::{
    described::names,
    flags::{InputArgs, ReadingArgs},
};

pub(super) const EXAMPLES: &str = "\
Each user is recommended the neighbours of their items, ranked by the sum of the scores, without \
the items they already have. recall@n: share of the held-out items among the n recommended; nDCG@n: \
weighs hits near the top more; MRR@n: 1/rank of the first hit; coverage: share of all items \
recommended to anyone; popularity: popularity of the recommended items relative to the held-out \
ones. Intervals are 95 %, over users.

Examples:
  Which measure predicts the newest tenth of the rows best:
    ilk evaluate job.toml --measures cosine,jaccard,llr,lift
  Trained on the rows before a date:
    ilk evaluate orders/ --user member --item product --time day \\
      --hold-out 2026-10-01
  All measures over a grid of settings; the best one as a job file:
    ilk evaluate orders/ --user member --item product --time day \\
      --measures all --min-overlap 1,3,5 --shrinkage 0,10 \\
      --weighting binary,tfidf,bm25 --save best.toml
  Without timestamps, holding out one item of each user:
    ilk evaluate orders.csv --user member --item product --split any --at 20";

/// `ilk evaluate`.
#[derive(Debug, clap::Args)]
pub(crate) struct EvaluateArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,

    /// Measures to compare, as in cosine,llr, or all [default: the job's]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = EVALUATION)]
    #[arg(value_parser = measures())]
    pub(crate) measures: Vec<Measures>,

    /// Values of --min-overlap to compare, as in 1,3,5; --min-overlap 1,3,5 is the same
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', help_heading = EVALUATION)]
    pub(crate) min_overlaps: Vec<u32>,

    /// Values of --shrinkage to compare, as in 0,10; --shrinkage 0,10 is the same
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', help_heading = EVALUATION)]
    pub(crate) shrinkages: Vec<f64>,

    /// Values of --weighting to compare, as in binary,tfidf; --weighting binary,tfidf is the same
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = EVALUATION)]
    #[arg(value_parser = names::<WeightingName>(WeightingName::NAMES))]
    pub(crate) weightings: Vec<WeightingName>,

    /// Write a job file with the settings of the best nDCG
    #[arg(long, value_name = "FILE.toml", help_heading = "Output")]
    pub(crate) save: Option<PathBuf>,

    /// What to hold out [default: time with --time, else any]
    #[arg(long, value_name = "HOW", value_enum, help_heading = EVALUATION)]
    pub(crate) split: Option<Split>,

    /// With --split time: hold out the newest share of the rows, or all rows from a date on [default: 10%]
    #[arg(long, value_name = "SHARE|TIME", help_heading = EVALUATION)]
    pub(crate) hold_out: Option<String>,

    /// Number of items recommended to each user
    #[arg(long, value_name = "N", default_value = "10", help_heading = EVALUATION)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) at: u32,

    /// Maximum number of users to test, picked by the hash of their IDs
    #[arg(long, value_name = "N", default_value = "50000", help_heading = EVALUATION)]
    #[arg(value_parser = clap::value_parser!(u32).range(2..))]
    pub(crate) users: u32,

    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, help_heading = "Output")]
    pub(crate) format: EvaluateFormat,
}

/// Which measures are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measures {
    /// Every one that the data has columns for.
    All,
    /// One of them.
    One(MeasureName),
}

/// Takes the name of a measure, or `all`.
fn measures() -> impl TypedValueParser<Value = Measures> {
    let names = MeasureName::NAMES.iter().copied().chain(["all"]);
    PossibleValuesParser::new(names).try_map(|name| match name.as_str() {
        "all" => Ok(Measures::All),
        name => name.parse().map(Measures::One),
    })
}

const EVALUATION: &str = "Evaluation";

/// What an evaluation holds out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Split {
    /// All rows after a point in time
    Time,
    /// The newest item of each user
    Last,
    /// One item of each user, picked by a fixed hash
    Any,
}

/// How an evaluation is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum EvaluateFormat {
    /// A table for people
    #[default]
    Text,
    /// One JSON object
    Json,
    /// One row per measure
    Csv,
}
