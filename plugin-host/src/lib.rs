//! Runs Ilk's plugins in a sandbox: components of [`ilk:similarity`](https://component-model.bytecodealliance.org)
//! (`plugin/wit/similarity.wit`), Ilk's own or anybody's, under limits, with Arrow in and out.
//!
//! Nothing is granted: a component that imports anything is refused. What a plugin does wrong is
//! an [`Error`] of the call; the host stays usable, and the plugin's memory is gone with its
//! [`Session`] or [`Comparison`].
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
