//! What guests do wrong is an error of the call, in time, and nothing else.

use std::{
    fs::File,
    io::Write as _,
    time::{Duration, Instant},
};

use ilk_plugin_host::{Error, Found, Host, Limits};

use crate::guests::{HOG, Tables, component, host, piece, request, table};

/// Runs a guest on a table.
fn run(host: &Host, bytes: &[u8]) -> Result<Found, Error> {
    host.load_bytes("guest", bytes)?.similar_items(&request(), [table()])
}

/// Runs a guest that does something wrong; checks that the host has not suffered.
fn error(guest: &Tables) -> Error {
    let host = host();
    let begin = Instant::now();
    let error = run(&host, &guest.build()).expect_err("a hostile guest");
    assert!(begin.elapsed() < Duration::from_secs(20), "{error} after {:?}", begin.elapsed());
    assert!(!error.to_string().contains('\n'), "{error}");
    // A guest that hands nothing out is told apart from one that hands out a table.
    let empty = run(&host, &Tables::default().build()).expect_err("no table");
    assert!(matches!(empty, Error::BadOutput { .. }), "{empty}");
    error
}

#[test]
fn an_endless_loop_ends_at_the_deadline() {
    let endless = "(loop (br 0)) unreachable".to_owned();
    let spin = Tables { step: endless.clone(), ..Tables::default() };
    assert!(matches!(error(&spin), Error::Deadline { function: "session.step", .. }));
    let spin = Tables { realloc: endless, ..Tables::default() };
    assert!(matches!(error(&spin), Error::Deadline { function: "session.open", .. }));
    let begun = host();
    let plugin = begun.load_bytes("guest", &spin.build()).expect("a plugin");
    let begin = Instant::now();
    assert!(plugin.session(&request()).is_err());
    // Half a second by itself; other tests share the machine.
    let taken = begin.elapsed();
    assert!(taken < Duration::from_secs(10), "stopped after {taken:?} instead of 0.5 s");
}

#[test]
fn a_deadline_past_all_clocks_is_none_to_fear() {
    let limits = Limits { deadline: Some(Duration::MAX), ..Limits::default() };
    let host = Host::new(limits).expect("a sandbox");
    let empty = run(&host, &Tables::default().build()).expect_err("no table");
    assert!(matches!(empty, Error::BadOutput { .. }), "{empty}");
}

#[test]
fn a_loop_in_the_start_function_ends_as_well() {
    let extra = "(func $spin (loop (br 0))) (start $spin)".into();
    let error = error(&Tables { extra, ..Tables::default() });
    assert!(matches!(error, Error::Deadline { function: "instantiate", .. }), "{error}");
}

#[test]
fn steps_that_never_finish_end_at_the_deadline() {
    let step = Tables::default().step.replace(
        "(i32.store8 (i32.const 1048) (i32.const 1))",
        "(i32.store8 (i32.const 1048) (i32.const 0))",
    );
    let error = error(&Tables { step, ..Tables::default() });
    assert!(matches!(error, Error::Deadline { .. }), "{error}");
}

#[test]
fn fuel_runs_out() {
    let limits = Limits { fuel: Some(100_000), ..Limits::default() };
    let host = Host::new(limits).expect("a sandbox");
    let guest = Tables { step: "(loop (br 0)) unreachable".into(), ..Tables::default() };
    let error = run(&host, &guest.build()).expect_err("a hostile guest");
    assert!(matches!(error, Error::OutOfFuel { fuel: 100_000, .. }), "{error}");
}

#[test]
fn a_memory_hog_is_out_of_memory() {
    let error = error(&Tables { step: HOG.into(), ..Tables::default() });
    assert!(matches!(error, Error::OutOfMemory { limit: 67_108_864, .. }), "{error}");
}

#[test]
fn memory_that_is_too_large_from_the_start_is_refused() {
    let extra = "(memory $second 2000)".into();
    let error = error(&Tables { extra, ..Tables::default() });
    assert!(matches!(error, Error::OutOfMemory { .. } | Error::NotAPlugin { .. }), "{error}");
}

#[test]
fn a_table_hog_is_stopped() {
    let step = "(loop (br_if 0
        (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1)))) unreachable";
    let extra = "(table $t 1 funcref)".into();
    let error = error(&Tables { step: step.into(), extra, ..Tables::default() });
    assert!(matches!(error, Error::OutOfMemory { .. } | Error::Trapped { .. }), "{error}");
}

#[test]
fn deep_recursion_is_a_trap() {
    let extra = "(func $down (call $down))".into();
    let error =
        error(&Tables { extra, step: "(call $down) unreachable".into(), ..Tables::default() });
    let Error::Trapped { function, message } = &error else { panic!("{error}") };
    assert_eq!((*function, message.contains("stack")), ("session.step", true), "{error}");
}

#[test]
fn a_trap_in_the_middle_of_a_call_says_where() {
    for guest in [
        Tables { add: "unreachable".into(), ..Tables::default() },
        Tables { add: "(i32.div_u (i32.const 1) (i32.const 0))".into(), ..Tables::default() },
        Tables { add: "(i32.load (i32.const -4))".into(), ..Tables::default() },
    ] {
        let error = error(&guest);
        assert!(matches!(error, Error::Trapped { function: "session.add", .. }), "{error}");
    }
}

#[test]
fn a_huge_result_is_nonsense() {
    // No deadline: it is the amount that counts, however busy the machine is.
    let host = Host::new(Limits { memory_bytes: 64 << 20, ..Limits::default() });
    let guest = Tables { next: piece("0", "200000"), ..Tables::default() };
    let error = run(&host.expect("a sandbox"), &guest.build()).expect_err("a hostile guest");
    let Error::BadOutput { function, why } = &error else { panic!("{error}") };
    assert_eq!((*function, why.contains("67108864")), ("session.next", true), "{error}");
}

#[test]
fn lying_lengths_are_nonsense() {
    for (address, length) in [("0", "-1"), ("-1", "1"), ("262143", "2"), ("-16", "64")] {
        let error = error(&Tables { next: piece(address, length), ..Tables::default() });
        assert!(matches!(error, Error::BadOutput { function: "session.next", .. }), "{error}");
    }
    let realloc = "i32.const -8".into();
    let error = error(&Tables { realloc, ..Tables::default() });
    assert!(matches!(error, Error::BadOutput { .. } | Error::Trapped { .. }), "{error}");
}

#[test]
fn a_result_that_is_no_table_is_nonsense() {
    // What lies at 1024 is no Arrow stream; then one message of a lying length.
    for (data, length) in [("\\01\\02\\03\\04", "4"), ("\\ff\\ff\\ff\\ff\\ff\\ff\\ff\\7f", "8")] {
        let extra =
            format!("(data (i32.const 4096) \"{data}\") (global $sent (mut i32) (i32.const 0))");
        let next = format!(
            "(if (result i32) (global.get $sent)
               (then {none})
               (else (global.set $sent (i32.const 1)) {some}))",
            none = Tables::default().next,
            some = piece("4096", length)
        );
        let error = error(&Tables { extra, next, ..Tables::default() });
        assert!(matches!(error, Error::BadOutput { function: "session.next", .. }), "{error}");
    }
}

#[test]
fn text_that_is_no_text_is_nonsense() {
    let extra = "(data (i32.const 8) \"\\ff\\fe\\fd\\fc\\fb\")".into();
    let error = error(&Tables { extra, ..Tables::default() });
    assert!(matches!(error, Error::BadOutput { function: "session.step", .. }), "{error}");
}

#[test]
fn numbers_that_are_none_are_nonsense() {
    let step = Tables::default().step.replace("(f64.const 1)", "(f64.const nan)");
    let error = error(&Tables { step, ..Tables::default() });
    assert!(matches!(error, Error::BadOutput { function: "session.step", .. }), "{error}");
}

#[test]
fn a_case_that_does_not_exist_is_nonsense() {
    let add = "(i32.store8 (i32.const 1024) (i32.const 7)) i32.const 1024".into();
    let error = error(&Tables { add, ..Tables::default() });
    assert!(matches!(error, Error::BadOutput { function: "session.add", .. }), "{error}");
}

#[test]
fn a_handle_of_nothing_is_nonsense() {
    let open = "(i32.store8 (i32.const 1024) (i32.const 0))
                (i32.store (i32.const 1028) (i32.const 99)) i32.const 1024";
    let error = error(&Tables { open: open.into(), ..Tables::default() });
    assert!(matches!(error, Error::BadOutput { function: "session.open", .. }), "{error}");
}

#[test]
fn offers_that_do_not_go_together_are_nonsense() {
    // `compute` returns one item and no neighbours; then a score that is no number.
    for (neighbours, score) in [(0, "0"), (1, "0x7fc00000")] {
        let text = tiles(neighbours, score);
        let plugin =
            host().load_bytes("guest", &component(&text, "tile-engine")).expect("a plugin");
        let items = ilk_plugin_host::Items {
            users: 1,
            numbers: 1,
            codes: vec![0],
            supports: vec![1],
            squares: None,
            candidates: None,
            wanted: None,
        };
        let comparison = plugin.comparison("{}", &items, ilk_plugin_host::Sides::Both);
        let mut comparison = comparison.expect("a comparison");
        let error = comparison.compute(&[0]).expect_err("nonsense");
        assert!(
            matches!(error, Error::BadOutput { function: "comparison.compute", .. }),
            "{error}"
        );
        let again = comparison.compute(&[0]).expect_err("over");
        assert!(matches!(again, Error::Ended { .. }), "{again}");
        // It has no tables, and says so.
        let lacking = plugin.session(&request()).err().expect("no tables");
        assert!(matches!(lacking, Error::IncompatibleInterface { .. }), "{lacking}");
    }
}

#[test]
fn what_is_imported_is_refused() {
    let text = "(component (import \"wasi:clocks/monotonic-clock@0.2.0\" (instance)))";
    let error = host().load_bytes("guest", &wat::parse_str(text).expect("text")).err();
    let error = error.expect("nothing is granted");
    let Error::Imports { imports, .. } = &error else { panic!("{error}") };
    assert_eq!(imports, &["wasi:clocks/monotonic-clock@0.2.0"]);
}

#[test]
fn another_version_is_another_interface() {
    let export =
        |name: &str| format!("(component (instance $i) (export \"{name}\" (instance $i)))");
    for name in [
        "ilk:similarity/tables@0.2.0",
        "ilk:similarity/tables@1.1.0",
        "ilk:similarity/other@0.1.0",
        "somebody:else/tables@0.1.0",
        // The right name, and nothing in it.
        "ilk:similarity/tables@0.1.0",
        "ilk:similarity/tables@0.1.7",
    ] {
        let bytes = wat::parse_str(export(name)).expect("text");
        let plugin = host().load_bytes("guest", &bytes);
        let error = plugin.and_then(|plugin| plugin.session(&request()).map(drop)).expect_err(name);
        let Error::IncompatibleInterface { found, .. } = &error else { panic!("{error}") };
        assert!(found.contains(name), "{error}");
    }
    let empty = host().load_bytes("guest", &wat::parse_str("(component)").expect("text")).err();
    assert!(matches!(empty, Some(Error::IncompatibleInterface { .. })));
}

#[test]
fn files_that_are_no_plugins_are_refused_at_once() {
    let host = host();
    let folder = tempfile::tempdir().expect("a folder");
    let good = Tables::default().build();
    let module = wat::parse_str("(module)").expect("text");
    let cases: [(&str, Vec<u8>); 6] = [
        ("module", module),
        ("half", good[..good.len() / 2].to_vec()),
        ("header", good[..8].to_vec()),
        ("less", good[..5].to_vec()),
        ("empty", Vec::new()),
        ("text", b"ceci n'est pas un plugin".to_vec()),
    ];
    for (name, bytes) in cases {
        let path = folder.path().join(name);
        File::create(&path).and_then(|mut file| file.write_all(&bytes)).expect("a file");
        let error = host.load(&path).err().unwrap_or_else(|| panic!("{name} is a plugin"));
        assert!(
            matches!(error, Error::NotAPlugin { .. } | Error::IncompatibleInterface { .. }),
            "{name}: {error}"
        );
    }
    let large = folder.path().join("large");
    // No machine here could read it.
    File::create(&large).and_then(|file| file.set_len(1 << 42)).expect("a sparse file");
    let error = host.load(&large).err().expect("too large");
    assert!(matches!(error, Error::NotAPlugin { .. }), "{error}");
    let error = host.load(folder.path().join("missing")).err().expect("not there");
    assert!(matches!(error, Error::Unreadable { .. }), "{error}");
    // Damaged anywhere: an error or a plugin, never a panic.
    let mut state = 1_u64;
    for _ in 0..200 {
        let mut bytes = good.clone();
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let place = (state >> 33) as usize % bytes.len();
        bytes[place] ^= 1 << (state >> 61);
        drop(
            host.load_bytes("damaged", &bytes)
                .and_then(|plugin| plugin.similar_items(&request(), [table()])),
        );
    }
}

/// A guest of tiles that answers with one item, so many neighbours, and a score.
pub(crate) fn tiles(neighbours: u32, score: &str) -> String {
    const TILES: &str = "ilk:similarity/tiles@0.1.0";
    let nothing = "(i32.store8 (i32.const 1024) (i32.const 0)) i32.const 1024";
    let offers = format!(
        "(i32.store8 (i32.const 1024) (i32.const 0))
         (i32.store (i32.const 1028) (i32.const 4096)) (i32.store (i32.const 1032) (i32.const 1))
         (i32.store (i32.const 1036) (i32.const 4096)) (i32.store (i32.const 1040) (i32.const {neighbours}))
         (i32.store (i32.const 1044) (i32.const 4100)) (i32.store (i32.const 1048) (i32.const 1))
         (i32.store (i32.const 1052) (i32.const 4096)) (i32.store (i32.const 1056) (i32.const 1))
         (i32.store (i32.const 4100) (i32.const {score}))
         i32.const 1024"
    );
    let block = "i32 i32 i32 i32 i32 i32 i32 i32 i32";
    format!(
        "(module
           (import \"[export]{TILES}\" \"[resource-new]comparison\" (func $new (param i32) (result i32)))
           (memory (export \"memory\") 4)
           (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) i32.const 65536)
           (func (export \"{TILES}#[static]comparison.open\") (param i32) (result i32)
             (i32.store8 (i32.const 1024) (i32.const 0))
             (i32.store (i32.const 1028) (call $new (i32.const 1)))
             i32.const 1024)
           (func (export \"{TILES}#[method]comparison.rows\") (param {block}) (result i32) {nothing})
           (func (export \"{TILES}#[method]comparison.columns\") (param {block}) (result i32) {nothing})
           (func (export \"{TILES}#[method]comparison.columns-of-rows\") (param i32 i32 i32) (result i32) {nothing})
           (func (export \"{TILES}#[method]comparison.compute\") (param i32 i32 i32) (result i32) {offers})
           (func (export \"{TILES}#merge\") (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) {offers}))"
    )
}
