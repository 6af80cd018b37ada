//! Arrow IPC: files, streams, and streams that come in pieces.

mod feed;
mod file;
mod ipc;
mod out;

pub use feed::Feed;
pub(crate) use file::{ArrowFile, ArrowStream, StreamCursor};
pub(crate) use out::{ArrowOut, ArrowStreamOut};
