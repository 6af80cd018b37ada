//! The least that it takes, shown in `docs/plugin.md`: who bought what in, neighbours out.
//!
//! `cargo run --release -p ilk-plugin-host --example embed -- target/plugin/ilk.wasm`

#![expect(clippy::print_stdout, reason = "a program for a terminal")]

use std::{error::Error, time::Duration};

use arrow_array::record_batch;
use ilk_plugin_host::{Host, Limits, Request};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("expected: PLUGIN")?;
    let deadline = Some(Duration::from_mins(1));
    let host = Host::new(Limits { memory_bytes: 1 << 30, deadline, ..Limits::default() })?;
    let plugin = host.load(path)?;
    let orders = record_batch!(
        ("member", Int64, [1, 1, 2, 2, 3]),
        ("product", Utf8, ["tea", "milk", "tea", "milk", "milk"])
    )?;
    let job = r#"{"measure": "cosine", "top": 20}"#.to_owned();
    let (user, item) = ("member".to_owned(), "product".to_owned());
    let request = Request { user, item, job, ..Request::default() };
    let found = plugin.similar_items(&request, [orders])?;
    found.table.iter().for_each(|batch| println!("{batch:?}"));
    Ok(())
}
