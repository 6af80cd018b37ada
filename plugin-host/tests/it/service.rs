//! Keeping plugins in service: limits on instances, the cache, replacing one.

use ilk_plugin_host::{Block, Error, Host, Hot, Items, Limits, Sides};

use crate::guests::{Tables, host, request};

#[test]
fn as_many_instances_work_as_may() {
    let host = Host::new(Limits { instances: 2, ..Limits::default() }).expect("a sandbox");
    let plugin = host.load_bytes("guest", &Tables::default().build()).expect("a plugin");
    let first = plugin.session(&request()).expect("one");
    let second = plugin.session(&request()).expect("two");
    let third = plugin.session(&request()).err().expect("no third");
    assert!(matches!(third, Error::Busy { limit: 2 }), "{third}");
    drop(first);
    plugin.session(&request()).expect("one again");
    drop(second);
}

#[test]
fn compiled_code_is_kept_by_content() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = || walk(folder.path());
    let load = |guest: &Tables| {
        let host = Host::with_cache(Limits::default(), folder.path()).expect("a sandbox");
        host.load_bytes("guest", &guest.build()).expect("a plugin")
    };
    load(&Tables::default());
    let one = files();
    assert!(one > 0, "nothing was kept");
    load(&Tables::default());
    assert_eq!(files(), one, "the same again");
    load(&Tables { extra: "(global i32 (i32.const 5))".into(), ..Tables::default() });
    assert_eq!(files(), 2 * one, "another one beside it");
}

/// Counts the compiled plugins; what the cache notes beside them is no matter.
fn walk(folder: &std::path::Path) -> usize {
    let entries =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let count = |entry: std::fs::DirEntry| {
        let path = entry.path();
        if path.is_dir() { walk(&path) } else { usize::from(path.extension().is_none()) }
    };
    entries.map(count).sum()
}

#[test]
fn a_newer_plugin_takes_over_while_calls_finish_on_the_older() {
    let host = host();
    let load = |guest: &Tables| host.load_bytes("guest", &guest.build()).expect("a plugin");
    let refusing = Tables { add: "unreachable".into(), ..Tables::default() };
    let hot = Hot::new(load(&refusing));
    let mut under_way = hot.current().session(&request()).expect("a session");
    let older = hot.replace(load(&Tables::default())).expect("as good");
    assert_eq!(older.interfaces(), hot.current().interfaces());
    drop(older);
    assert!(matches!(under_way.add_bytes(&[]), Err(Error::Trapped { .. })), "the older one's call");
    let mut next = hot.current().session(&request()).expect("a session");
    next.add_bytes(&[]).expect("the newer one's call");
}

#[test]
fn a_plugin_with_less_does_not_take_over() {
    let host = host();
    let both = host.load_bytes("tables", &Tables::default().build()).expect("a plugin");
    let tiles = crate::hostile::tiles(1, "0");
    let tiles = crate::guests::component(&tiles, "tile-engine");
    let tiles = host.load_bytes("tiles", &tiles).expect("a plugin");
    let hot = Hot::new(both);
    let error = hot.replace(tiles).err().expect("tables are gone");
    assert!(matches!(error, Error::IncompatibleInterface { .. }), "{error}");
    assert_eq!(hot.current().name(), "tables");
}

#[test]
fn a_plugin_of_ones_own_runs() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/plugin/guest.wasm");
    assert!(path.exists(), "{}: run `cargo xtask plugin` first", path.display());
    let plugin = host().load(path).expect("a plugin");
    let items = Items {
        users: 3,
        numbers: 3,
        codes: vec![7, 5],
        supports: vec![3, 1],
        squares: None,
        candidates: None,
        wanted: None,
    };
    let block = Block { first: 0, starts: vec![0, 3, 4], users: vec![0, 1, 2, 1], weights: None };
    let mut comparison = plugin.comparison("{}", &items, Sides::Row).expect("a comparison");
    comparison.rows(&block).expect("rows");
    comparison.columns(&block).expect("columns");
    let offers = comparison.compute(&[0, 1]).expect("a tile");
    assert_eq!((offers.items, offers.neighbours), (vec![7, 5], vec![5, 7]));
    assert_eq!((offers.scores, offers.overlaps), (vec![1.0 / 3.0, 1.0], vec![1, 1]));
    // Of the rows' own items only the second as a column.
    comparison.columns_of_rows(1, 1).expect("columns");
    let offers = comparison.compute(&[0, 1]).expect("a tile");
    assert_eq!((offers.items, offers.neighbours), (vec![7], vec![5]));
    // Both sides at once: each pair from the row of the larger position.
    let mut comparison = plugin.comparison("{}", &items, Sides::Both).expect("a comparison");
    comparison.rows(&block).expect("rows");
    comparison.columns_of_rows(0, 2).expect("columns");
    let offers = comparison.compute(&[0, 1]).expect("a tile");
    assert_eq!((offers.items, offers.scores), (vec![5, 7], vec![1.0, 1.0 / 3.0]));
}
