//! `ilk demo`.

use std::path::PathBuf;

pub(super) const EXAMPLES: &str = "\
Examples:
    ilk demo
    ilk demo --keep shop/";

/// `ilk demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Keep the orders and the result in a new folder
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
}
