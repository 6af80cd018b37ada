//! Nothing is left behind by guests that fail, however often. A test program of its own: it looks
//! at the memory of the whole process.

#[path = "it/guests.rs"]
mod guests;

use std::{fs::File, time::Duration};

use ilk_plugin_host::{Error, Host, Limits, Plugin};

use crate::guests::{HOG, Tables, host, piece, request, table};

/// Resident memory, in MiB.
fn resident() -> usize {
    memory_stats::memory_stats().expect("this system tells").physical_mem >> 20
}

fn fails(plugin: &Plugin) {
    let error = plugin.similar_items(&request(), [table()]).expect_err("a hostile guest");
    assert!(!matches!(error, Error::Busy { .. }), "an instance was not given back: {error}");
}

/// Guests that end at once, each in a way of its own.
fn cheap() -> Vec<Tables> {
    let guest = Tables::default;
    let down = "(func $down (call $down))".into();
    let no_number = guest().step.replace("(f64.const 1)", "(f64.const nan)");
    let no_text = "(data (i32.const 8) \"\\ff\\fe\\fd\\fc\\fb\")".into();
    let handle = "(i32.store8 (i32.const 1024) (i32.const 0))
                  (i32.store (i32.const 1028) (i32.const 99)) i32.const 1024";
    vec![
        guest(),
        Tables { add: "unreachable".into(), ..guest() },
        Tables { step: "(call $down) unreachable".into(), extra: down, ..guest() },
        Tables { next: piece("0", "-1"), ..guest() },
        Tables { step: no_number, ..guest() },
        Tables { extra: no_text, ..guest() },
        Tables { open: handle.into(), ..guest() },
        Tables { realloc: "i32.const -8".into(), ..guest() },
    ]
}

/// Bytes that are no plugin.
fn no_plugins() -> Vec<Vec<u8>> {
    let good = Tables::default().build();
    let text = |text: &str| wat::parse_str(text).expect("text");
    let older = "(component (instance $i) (export \"ilk:similarity/tables@0.2.0\" (instance $i)))";
    vec![
        good[..good.len() / 2].to_vec(),
        text("(module)"),
        text(older),
        text("(component (import \"wasi:clocks/monotonic-clock@0.2.0\" (instance)))"),
        b"no plugin".to_vec(),
    ]
}

#[test]
fn nothing_leaks_over_many_rounds() {
    let host = host();
    let load = |guest: &Tables| host.load_bytes("guest", &guest.build()).expect("a plugin");
    let (cheap, no_plugins) = (cheap().iter().map(load).collect::<Vec<_>>(), no_plugins());
    let hog = load(&Tables { step: HOG.into(), ..Tables::default() });
    // Each piece is all of a guest's memory; they are many before the host has had enough.
    let flood = load(&Tables { next: piece("0", "262144"), ..Tables::default() });
    let hasty = Limits { deadline: Some(Duration::from_millis(30)), ..Limits::default() };
    let hasty = Host::new(hasty).expect("a sandbox");
    let spin = Tables { step: "(loop (br 0)) unreachable".into(), ..Tables::default() };
    let spin = hasty.load_bytes("spin", &spin.build()).expect("a plugin");
    let folder = tempfile::tempdir().expect("a folder");
    let large = folder.path().join("large");
    File::create(&large).and_then(|file| file.set_len(1 << 30)).expect("a sparse file");
    let heavy = || {
        [&hog, &flood, &spin].into_iter().for_each(fails);
        assert!(host.load(&large).is_err(), "a file of 1 GiB");
    };
    let light = |round: usize| {
        fails(&cheap[round % cheap.len()]);
        let bytes = &no_plugins[round % no_plugins.len()];
        assert!(host.load_bytes("no plugin", bytes).is_err(), "{}", round % no_plugins.len());
    };
    // What is allocated once and kept.
    (0..100).for_each(light);
    (0..3).for_each(|_| heavy());
    let before = resident();
    (0..10_000).for_each(light);
    (0..100).for_each(|_| heavy());
    let after = resident();
    assert!(after <= before + 16, "{before} MiB before, {after} MiB after");
}
