//! The neighbours of many tables, side by side: a session a thread, each in its own instance.
//!
//! `cargo run --release -p ilk-plugin-host --example batch -- ilk.wasm member product *.arrow`
//! writes `X.similar.arrow` beside every X.arrow (Arrow files of interactions).

#![expect(clippy::print_stdout, reason = "a program for a terminal")]

use std::{error::Error, fs::File, path::Path};

use arrow_array::RecordBatch;
use arrow_ipc::{reader::FileReader, writer::FileWriter};
use ilk_plugin_host::{Found, Host, Limits, Plugin, Request};
use rayon::prelude::*;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    let [plugin, user, item, files @ ..] = arguments.as_slice() else {
        return Err("expected: PLUGIN USER ITEM FILE.arrow…".into());
    };
    let instances = rayon::current_num_threads() as u32;
    let plugin = Host::new(Limits { instances, ..Limits::default() })?.load(plugin)?;
    let request = Request { user: user.clone(), item: item.clone(), ..Request::default() };
    files.par_iter().try_for_each(|file| {
        let file = Path::new(file);
        let table = FileReader::try_new(File::open(file)?, None)?.collect::<Result<_, _>>()?;
        let found = similar(&plugin, &request, table)?;
        let out = file.with_extension("similar.arrow");
        let mut writer = FileWriter::try_new(File::create(&out)?, &found.table[0].schema())?;
        found.table.iter().try_for_each(|batch| writer.write(batch))?;
        writer.finish()?;
        println!("{}", out.display());
        Ok(())
    })
}

/// Finds the neighbours in one table.
fn similar(plugin: &Plugin, request: &Request, table: Vec<RecordBatch>) -> Outcome<Found> {
    Ok(plugin.similar_items(request, table)?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Int64Array, StringArray, cast::AsArray as _};

    use super::*;

    /// A shop of so many members, who bought their number's tea and the mug.
    fn shop(members: i64) -> RecordBatch {
        let user = (0..2 * members).map(|row| row / 2).collect::<Int64Array>();
        let bought =
            |row: i64| if row % 2 == 0 { "mug".into() } else { format!("tea {}", row / 2 % 3) };
        let item = (0..2 * members).map(|row| Some(bought(row))).collect::<StringArray>();
        RecordBatch::try_from_iter([("user", Arc::new(user) as _), ("item", Arc::new(item) as _)])
            .expect("columns of one length")
    }

    #[test]
    fn every_shop_has_its_own_neighbours() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/plugin/ilk.wasm");
        assert!(path.exists(), "{}: run `cargo xtask plugin` first", path.display());
        let limits = Limits { instances: rayon::current_num_threads() as u32, ..Limits::default() };
        let cache = path.with_file_name("cache");
        let plugin = Host::with_cache(limits, cache).expect("a sandbox").load(path);
        let plugin = plugin.expect("a plugin");
        let request = Request { user: "user".into(), item: "item".into(), ..Request::default() };
        let found = (3..40_i64)
            .into_par_iter()
            .map(|members| similar(&plugin, &request, vec![shop(members)]).expect("neighbours"))
            .collect::<Vec<_>>();
        for found in found {
            // The mug and three teas: the mug has three neighbours, each tea the mug.
            assert_eq!(found.table[0].num_rows(), 6);
            let items = found.table[0].column(0).as_string::<i32>().clone();
            assert_eq!(items.iter().flatten().filter(|item| *item == "mug").count(), 3);
        }
    }
}
