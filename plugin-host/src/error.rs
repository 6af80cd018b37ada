//! What can go wrong between a host and its plugin.

use std::time::Duration;

/// Why a plugin cannot be loaded, or a call did not give a result.
///
/// After an error of a call its session or comparison is of no more use, the plugin and the host
/// are.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error("{name} cannot be read: {why}")]
    Unreadable {
        /// The file.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// The bytes are no component: cut short, damaged, or something else.
    #[error("{name} is no plugin: {why}; build one with `cargo xtask plugin`, or copy it again")]
    NotAPlugin {
        /// The file.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// The plugin asks for things from outside, and nothing is granted.
    #[error("{name} imports {}; a plugin gets nothing from outside: build it without", imports.join(", "))]
    Imports {
        /// The file.
        name: String,
        /// What it asks for.
        imports: Vec<String>,
    },
    /// The plugin does not have the interface that is needed, or another version of it.
    #[error("the plugin exports {found}, wanted is {wanted}; take a plugin of that version")]
    IncompatibleInterface {
        /// The interface needed.
        wanted: String,
        /// What is there.
        found: String,
    },
    /// The time was over.
    #[error("the plugin was stopped in `{function}` when its {} s were over; give it more time, or less to do", deadline.as_secs_f64())]
    Deadline {
        /// The call under way.
        function: &'static str,
        /// The time it had.
        deadline: Duration,
    },
    /// The fuel was used up.
    #[error(
        "the plugin was stopped in `{function}` when its {fuel} units of fuel were used up; give it more"
    )]
    OutOfFuel {
        /// The call under way.
        function: &'static str,
        /// The fuel it had.
        fuel: u64,
    },
    /// The plugin wanted more memory, or larger tables, than it may have, and could not go on.
    #[error(
        "the plugin needed more than its {limit} bytes of memory in `{function}`; give it more, or less to do"
    )]
    OutOfMemory {
        /// The call under way.
        function: &'static str,
        /// The bytes it may have.
        limit: usize,
    },
    /// The plugin stopped in the middle of a call.
    #[error("the plugin failed in `{function}`: {message}; this is a fault of the plugin")]
    Trapped {
        /// The call under way.
        function: &'static str,
        /// What the sandbox says.
        message: String,
    },
    /// The plugin returned something that cannot be.
    #[error("the plugin returned nonsense from `{function}`: {why}; this is a fault of the plugin")]
    BadOutput {
        /// The call.
        function: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The plugin says why it cannot do what was asked.
    #[error("{message}")]
    Refused {
        /// For programs: `setting`, `column`, `damaged`, …; the WIT lists them.
        code: String,
        /// For people.
        message: String,
    },
    /// As many instances are at work as may be.
    #[error("{limit} instances are at work, and there may not be more: wait for one to end")]
    Busy {
        /// How many there may be.
        limit: u32,
    },
    /// A session or comparison was used after it had failed.
    #[error("`{function}` was called after the plugin had failed: begin anew")]
    Ended {
        /// The call.
        function: &'static str,
    },
    /// The record batches cannot be written as an Arrow stream.
    #[error("the table cannot be handed over: {why}")]
    Table {
        /// What is wrong.
        why: String,
    },
    /// The sandbox itself cannot be had here.
    #[error("the sandbox cannot be set up: {why}")]
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
