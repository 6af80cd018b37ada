//! Nothing is left behind by guests that fail, however often. A test program of its own: it looks
//! at the memory of the whole process.

#[path = "it/guests.rs"]
mod guests;

use ilk_plugin_host::{Error, Plugin};

use crate::guests::{HOG, Tables, host, request, table};

/// Resident memory, in MiB.
fn resident() -> usize {
    memory_stats::memory_stats().expect("this system tells").physical_mem >> 20
}

fn fails(plugin: &Plugin) {
    let error = plugin.similar_items(&request(), [table()]).expect_err("a hostile guest");
    assert!(!matches!(error, Error::Busy { .. }), "an instance was not given back: {error}");
}

#[test]
fn nothing_leaks_over_many_rounds() {
    let host = host();
    let guests = [
        Tables { add: "unreachable".into(), ..Tables::default() },
        Tables {
            step: "(call $down) unreachable".into(),
            extra: "(func $down (call $down))".into(),
            ..Tables::default()
        },
        Tables::default(),
    ];
    let cheap = guests.map(|guest| host.load_bytes("guest", &guest.build()).expect("a plugin"));
    let hog = Tables { step: HOG.into(), ..Tables::default() };
    let heavy = host.load_bytes("hog", &hog.build()).expect("a plugin");
    // What is allocated once and kept.
    for _ in 0..50 {
        cheap.iter().for_each(fails);
    }
    (0..3).for_each(|_| fails(&heavy));
    let before = resident();
    for round in 0..10_000 {
        fails(&cheap[round % cheap.len()]);
    }
    (0..100).for_each(|_| fails(&heavy));
    let after = resident();
    assert!(after <= before + 16, "{before} MiB before, {after} MiB after");
}
