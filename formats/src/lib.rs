//! Bytes to tables and back: Parquet, CSV and Arrow IPC. Never paths: callers hand over sources
//! of bytes, so that the same code reads files, blobs in a browser and buffers in a plugin.
//!
//! Reading: a [`Source`] opens as an [`Input`] (schema only), which with [`ReadOptions`] becomes
//! a [`Table`]; its parts give [`ilk_core::data::Rows`], chunk by chunk.
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

mod arrow;
mod baskets;
mod batch;
mod cells;
mod columns;
mod condition;
mod csv;
mod decimal;
mod dialect;
mod error;
mod foreign;
mod format;
mod guess;
mod joined;
mod json;
mod notes;
mod out;
mod parquet;
mod part;
mod plain;
mod plan;
mod results;
mod schema;
mod source;
mod sums;
mod table;
mod text;
mod thrift;
mod unpack;
mod write;

pub use arrow::Feed;
pub use condition::{Comparison, Condition, ConditionError};
pub use dialect::{
    CsvOptions, Decimal, Delimiter, Dialect, DialectError, Encoding, Escape, Header, Quote,
    RecordSize,
};
pub use error::{Error, is_decoding, printable};
pub use format::FileFormat;
pub use guess::{Guess, count_candidates, guess_columns};
pub use notes::{notes_of_files, notes_of_rows, notes_of_settings, said_once};
pub use out::bytes_of_writing;
pub use part::Part;
pub use plain::{CellType, TableWriter, Values, read_notes, read_plain};
pub use plan::ReadOptions;
pub use results::{
    ItemSink, NeighbourRow, Soundness, check_result, has_integer_ids, read_id_list, read_items,
    read_neighbours,
};
pub use schema::{Column, ColumnKind, Schema, nearest};
pub use source::{Memory, Source, SourceFailure};
pub use table::{Cursor, Input, InputFormat, MOST_READ, Table};
pub use write::{
    Formulas, IdStyle, ListQuality, Names, NeighbourStream, OutputFormat, OutputPacking,
    OutputStyle, Packer, Spelling, write_items, write_lists, write_neighbours, write_rows,
};

/// The programs of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
