//! `ilk usage`.

use super::flags::TextOrJson;

pub(super) const EXAMPLES: &str = "\
Every `ilk run` adds a line to $XDG_STATE_HOME/ilk/usage.jsonl (or ~/.local/state/ilk/usage.jsonl).
ILK_USAGE_FILE names another file; ILK_USAGE_FILE=off disables it.

Examples:
  Per day, month and job:
    ilk usage
  With costs, and the budget left this month:
    ilk usage --price-per-hour 3.20 --budget-month 100
  Exit code 1 if the month is over its budget:
    ilk usage --price-per-hour 3.20 --budget-month 100 --check";

/// `ilk usage`.
#[derive(Debug, clap::Args)]
pub(crate) struct UsageArgs {
    /// Price of an hour of this machine, in any currency
    #[arg(long, value_name = "PRICE", env = "ILK_PRICE_PER_HOUR", hide_env = true)]
    #[arg(value_parser = amount)]
    pub(crate) price_per_hour: Option<f64>,

    /// Monthly budget; needs --price-per-hour
    #[arg(long, value_name = "AMOUNT", env = "ILK_BUDGET_MONTH", hide_env = true)]
    #[arg(value_parser = amount, requires = "price_per_hour")]
    pub(crate) budget_month: Option<f64>,

    /// Exit with 1 if this month is over its budget; needs --budget-month
    #[arg(long, requires = "budget_month")]
    pub(crate) check: bool,

    /// Number of days to show
    #[arg(long, value_name = "N", default_value = "14")]
    pub(crate) days: u32,

    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) format: TextOrJson,
}

/// Parses an amount of money.
fn amount(text: &str) -> Result<f64, String> {
    let amount = text.parse::<f64>().ok().filter(|amount| (0.0..1e15).contains(amount));
    amount.ok_or_else(|| "expected a number of 0 or more".into())
}
