//! Errors between a host and its plugin.

use std::time::Duration;

/// Why a plugin cannot be loaded, or a call did not give a result.
///
/// After an error of a call its session or comparison cannot be used again; the plugin and the host
/// can.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read {name}: {why}")]
    Unreadable {
        /// The file.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// The bytes are not a component: cut short, damaged, or something else.
    #[error(
        "{name} is not a valid plugin: {why}; build one with `cargo xtask plugin`, or copy it again"
    )]
    NotAPlugin {
        /// The file.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// The plugin imports something, which no plugin may.
    #[error("{name} imports {}; a plugin may import nothing: build it without imports", imports.join(", "))]
    Imports {
        /// The file.
        name: String,
        /// What it asks for.
        imports: Vec<String>,
    },
    /// The plugin lacks the required interface, or has another version of it.
    #[error("the plugin exports {found}, but {wanted} is required; use a plugin of that version")]
    IncompatibleInterface {
        /// The required interface.
        wanted: String,
        /// The exported interfaces.
        found: String,
    },
    /// The deadline passed.
    #[error("the plugin was stopped in `{function}` at its deadline of {} s; raise the deadline or reduce the job", deadline.as_secs_f64())]
    Deadline {
        /// The call under way.
        function: &'static str,
        /// The time it had.
        deadline: Duration,
    },
    /// The fuel was used up.
    #[error("the plugin was stopped in `{function}` after {fuel} units of fuel; raise the limit")]
    OutOfFuel {
        /// The call under way.
        function: &'static str,
        /// The fuel it had.
        fuel: u64,
    },
    /// The plugin needed more memory, or larger tables, than its limit.
    #[error(
        "the plugin needed more than {limit} bytes of memory in `{function}`; raise the limit or reduce the job"
    )]
    OutOfMemory {
        /// The call under way.
        function: &'static str,
        /// The bytes it may have.
        limit: usize,
    },
    /// The plugin stopped in the middle of a call.
    #[error("the plugin failed in `{function}`: {message}; this is a bug of the plugin")]
    Trapped {
        /// The call under way.
        function: &'static str,
        /// What the sandbox says.
        message: String,
    },
    /// The plugin returned something invalid.
    #[error(
        "the plugin returned an invalid result from `{function}`: {why}; this is a bug of the plugin"
    )]
    BadOutput {
        /// The call.
        function: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The plugin refused the request and says why.
    #[error("{message}")]
    Refused {
        /// For programs: `setting`, `column`, `damaged`, …; the WIT lists them.
        code: String,
        /// For people.
        message: String,
    },
    /// The maximum number of instances is in use.
    #[error("all {limit} instances are in use: wait for one to finish")]
    Busy {
        /// The maximum.
        limit: u32,
    },
    /// A session or comparison was used after it had failed.
    #[error("`{function}` was called after an error: start a new session")]
    Ended {
        /// The call.
        function: &'static str,
    },
    /// The record batches cannot be written as an Arrow stream.
    #[error("cannot pass the table to the plugin: {why}")]
    Table {
        /// What is wrong.
        why: String,
    },
    /// The sandbox cannot be set up on this system.
    #[error("cannot set up the sandbox: {why}")]
    Sandbox {
        /// What is wrong.
        why: String,
    },
}

impl Error {
    /// Puts an error of the sandbox on one line.
    pub(crate) fn line(error: &wasmtime::Error) -> String {
        let text = format!("{error:#}");
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        words.chars().take(400).collect()
    }
}
