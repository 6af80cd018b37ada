//! `ilk evaluate`.

use ilk_core::measure::MeasureName;

use super::flags::{InputArgs, ReadingArgs, names};

pub(super) const EXAMPLES: &str = "\
Every user is recommended the items that its items have as neighbours, by the sum of their scores,
without those it has. recall@n: share of the held-out items that are among the n recommended; nDCG@n
counts hits near the top for more; MRR@n: 1/rank of the first hit; coverage: share of all items that
anybody is recommended; popularity: how much more popular the recommended items are than those that
were held out. Intervals are 95 %, over users.

Examples:
  Which measure finds what people took in the newest tenth of the rows:
    ilk evaluate job.toml --measures cosine,jaccard,llr,lift
  Trained on what was before a date:
    ilk evaluate orders/ --user member --item product --time day --hold-out 2026-10-01
  Without times, one item of each user held out:
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

    /// What is held out [default: time where --time names a column, else any]
    #[arg(long, value_name = "HOW", value_enum, help_heading = EVALUATION)]
    pub(crate) split: Option<Split>,

    /// With --split time: the newest share of the rows, or everything from a date on [default: 10%]
    #[arg(long, value_name = "SHARE|TIME", help_heading = EVALUATION)]
    pub(crate) hold_out: Option<String>,

    /// Items recommended to a user
    #[arg(long, value_name = "N", default_value = "10", help_heading = EVALUATION)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) at: u32,

    /// Judge at most so many users, chosen by a fixed hash of their ids
    #[arg(long, value_name = "N", default_value = "50000", help_heading = EVALUATION)]
    #[arg(value_parser = clap::value_parser!(u32).range(2..))]
    pub(crate) users: u32,

    /// What to print
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, help_heading = "Output")]
    pub(crate) format: EvaluateFormat,
}

const EVALUATION: &str = "Evaluation";

/// What an evaluation holds out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Split {
    /// Everything after a point in time
    Time,
    /// The newest item of each user
    Last,
    /// One item of each user, whichever a fixed hash picks
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
