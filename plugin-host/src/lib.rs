//! Runs Ilk's plugins in a sandbox: [components](https://component-model.bytecodealliance.org) of
//! `ilk:similarity` (`wit/similarity.wit`), Ilk's own or yours, under limits, with Arrow in and out.
//!
//! What a plugin does wrong is an [`Error`] of the call; the host stays usable, and the plugin's
//! memory is freed with its [`Session`] or [`Comparison`].
//!
//! ```no_run
//! use ilk_plugin_host::{Error, Host, Limits, Request};
//! # fn orders() -> Vec<arrow_array::RecordBatch> { Vec::new() }
//!
//! let host = Host::new(Limits { memory_bytes: 1 << 30, ..Limits::default() })?;
//! let plugin = host.load("ilk.wasm")?;
//! let request = Request {
//!     user: "member".into(),
//!     item: "product".into(),
//!     job: r#"{"measure": "llr", "top": 20}"#.into(),
//!     ..Request::default()
//! };
//! let found = plugin.similar_items(&request, orders())?;
//! println!("{} rows", found.table.iter().map(|batch| batch.num_rows()).sum::<usize>());
//! # Ok::<_, Error>(())
//! ```
//!
//! Nothing is granted: a component that imports anything is refused.
//!
//! ```
//! use ilk_plugin_host::{Error, Host, Limits};
//!
//! let host = Host::new(Limits { instances: 1, ..Limits::default() })?;
//! let clock = r#"(component (import "wasi:clocks/monotonic-clock@0.2.0" (instance)))"#;
//! let refused = host.load_bytes("clock", &wat::parse_str(clock)?).err();
//! assert!(matches!(refused, Some(Error::Imports { .. })), "{refused:?}");
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod arrow;
mod bindings;
mod comparison;
mod error;
mod guest;
mod host;
mod hot;
mod limits;
mod plugin;
mod session;

pub use crate::{
    comparison::{Block, Comparison, Items, Offers, Sides},
    error::Error,
    host::Host,
    hot::Hot,
    limits::Limits,
    plugin::{Interface, Plugin},
    session::{Found, Note, Progress, Request, Session},
};

/// The programs of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
