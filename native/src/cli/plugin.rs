//! `ilk plugin`.

use std::path::PathBuf;

use clap::Subcommand;

pub(super) const EXAMPLES: &str = "\
Examples:
  What it exports and may take:
    ilk plugin inspect ilk.wasm
  Whether it finds what is expected:
    ilk plugin check ilk.wasm --cases conformance/
  With it:
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
        /// The plugin
        #[arg(value_name = "PATH")]
        path: PathBuf,
    },
    /// Run the conformance cases in it, by tables and by tiles
    Check {
        /// The plugin
        #[arg(value_name = "PATH")]
        path: PathBuf,

        /// The folder of the cases
        #[arg(long, value_name = "FOLDER", default_value = "conformance")]
        cases: PathBuf,
    },
}
