//! Bytes to tables and back: Parquet, CSV and Arrow IPC. Never paths: callers hand over sources
//! of bytes, so that the same code reads files, blobs in a browser and buffers in a plugin.
//!
//! Reading: a [`Source`] opens as an [`Input`] (schema only), which with [`ReadOptions`] becomes
//! a [`Table`]; its parts give [`ilk_core::rows::Rows`], chunk by chunk.
//!
//! ```
//! use std::sync::Arc;
//! use ilk_formats::{Error, Memory, ReadOptions, Table};
//!
//! let source = Arc::new(Memory::new("orders.csv", "member,product\n7,tea\n8,tea\n"));
//! let options = ReadOptions {
//!     user: "member".into(),
//!     item: "product".into(),
//!     ..ReadOptions::default()
//! };
//! let table = Table::open(source, 0, &options)?;
//! let mut rows = 0;
//! for part in 0..table.parts().len() {
//!     table.read(part, &mut |chunk| {
//!         rows += chunk.len();
//!         Ok::<_, Error>(())
//!     })?;
//! }
//! assert_eq!(rows, 2);
//! # Ok::<_, Error>(())
//! ```

mod arrow_file;
mod arrow_out;
mod baskets;
mod batch;
mod cells;
mod columns;
mod condition;
mod csv_file;
mod decimal;
mod error;
mod feed;
mod guess;
mod ipc;
mod out;
mod parquet_column;
mod parquet_file;
mod parquet_full;
mod parquet_guard;
#[cfg_attr(not(feature = "write-parquet"), path = "parquet_unwritten.rs")]
mod parquet_out;
mod parquet_text;
mod parquet_types;
mod plain;
mod plan;
mod results;
mod sample;
mod schema;
mod source;
mod table;
mod text;
mod write;

pub use condition::{Comparison, Condition, ConditionError};
pub use error::{Error, is_decoding, printable};
pub use feed::Feed;
pub use guess::{Guess, guess_columns};
pub use plain::{CellType, TableWriter, Values, read_notes, read_plain};
pub use plan::ReadOptions;
pub use results::{ItemSink, NeighbourRow, read_id_list, read_items, read_neighbours};
pub use sample::write_rows;
pub use schema::{Column, ColumnKind, Schema, nearest};
pub use source::{Memory, Source, SourceFailure};
pub use table::{Cursor, Input, InputFormat, Part, Table};
pub use write::{NeighbourStream, OutputFormat, write_items, write_lists, write_neighbours};
