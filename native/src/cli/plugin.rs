//! `ilk plugin`.

use std::path::PathBuf;

use clap::Subcommand;

pub(super) const EXAMPLES: &str = "\
Examples:
  Its interfaces and limits:
    ilk plugin inspect ilk.wasm
  Check its results against the conformance cases:
    ilk plugin check ilk.wasm --cases conformance/
  Run a job with it:
    ilk run job.toml --engine plugin:ilk.wasm";

/// `ilk plugin`.
#[derive(Debug, clap::Args)]
pub(crate) struct PluginArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub(crate) action: PluginAction,
}

/// What to do with a plugin.
#[derive(Debug, Subcommand)]
pub(crate) enum PluginAction {
    /// Show its interfaces, imports and limits
    Inspect {
        /// Plugin file
        #[arg(value_name = "PATH")]
        path: PathBuf,
    },
    /// Run the conformance cases, by tables and by tiles
    Check {
        /// Plugin file
        #[arg(value_name = "PATH")]
        path: PathBuf,

        /// Folder of the cases
        #[arg(long, value_name = "FOLDER", default_value = "conformance")]
        cases: PathBuf,
    },
}
