//! `ilk evaluate`.

use ilk_core::measure::MeasureName;

use super::{
    described::names,
    flags::{InputArgs, ReadingArgs},
};

pub(super) const EXAMPLES: &str = "\
Each user is recommended the neighbours of their items, ranked by the sum of the scores, without the
items they already have. recall@n: share of the held-out items among the n recommended; nDCG@n: weighs
hits near the top more; MRR@n: 1/rank of the first hit; coverage: share of all items recommended to
anyone; popularity: popularity of the recommended items relative to the held-out ones. Intervals are
95 %, over users.

Examples:
  Which measure predicts the newest tenth of the rows best:
    ilk evaluate job.toml --measures cosine,jaccard,llr,lift
  Trained on the rows before a date:
    ilk evaluate orders/ --user member --item product --time day --hold-out 2026-10-01
  Without timestamps, holding out one item of each user:
    ilk evaluate orders.csv --user member --item product --split any --at 20";

/// `ilk evaluate`.
#[derive(Debug, clap::Args)]
pub(crate) struct EvaluateArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,

    /// Measures to compare, as in cosine,llr [default: the job's]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = EVALUATION)]
    #[arg(value_parser = names::<MeasureName>(MeasureName::NAMES))]
    pub(crate) measures: Vec<MeasureName>,

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
