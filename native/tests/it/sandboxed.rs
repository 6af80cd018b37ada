//! A run whose tiles a plugin computes: `--engine plugin:PATH`.

use std::{fs, path::PathBuf};

use crate::tools::{Home, Ran, crowd};

const RUN: &str = "run crowd.csv --user member --item sku --threads 2";

/// Finds what `cargo xtask plugin` built.
fn built(name: &str) -> PathBuf {
    let path = std::env::current_exe().expect("this test runs from somewhere");
    let path = path.ancestors().nth(3).expect("the target folder").join("plugin").join(name);
    assert!(path.exists(), "{} is not built: run `cargo xtask plugin` first", path.display());
    path
}

/// A folder with interactions, `ilk.wasm` and `guest.wasm`.
struct Place(Home);

impl Place {
    fn new() -> Self {
        let home = Home::new();
        home.write("crowd.csv", crowd(300, 90, 12));
        for name in ["ilk.wasm", "guest.wasm"] {
            fs::copy(built(name), home.join(name)).expect("copied");
        }
        Self(home)
    }

    /// Calls the program; plugins are compiled once for all tests.
    fn ilk(&self, arguments: &str) -> Ran {
        let mut command = self.0.command(arguments);
        command.env("HOME", built("ilk.wasm").parent().expect("a folder"));
        Ran::of(command.output().expect("ilk runs"))
    }

    #[track_caller]
    fn succeeds(&self, arguments: &str) -> Ran {
        self.ilk(arguments).expect_success(arguments)
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.0.join(name)).expect("removed");
    }
}

#[test]
fn a_run_directory_keeps_what_a_plugin_found() {
    let place = Place::new();
    let home = &place.0;
    place.succeeds(&format!("{RUN} --out native.parquet"));
    let expected = home.bytes("native.parquet");
    let run = format!("{RUN} --engine plugin:ilk.wasm --run-dir run");
    place.succeeds(&run);
    assert_eq!(home.bytes("run/neighbours.parquet"), expected);
    // One stage alone, with the plugin that the manifest names.
    place.succeeds("stage run tiles");
    place.succeeds(&run);
    assert_eq!(home.bytes("run/neighbours.parquet"), expected);
    // The same plugin by another name is the same.
    fs::rename(home.join("ilk.wasm"), home.join("moved.wasm")).expect("renamed");
    let told = place.ilk("stage run tiles");
    assert!(told.code == Some(2) && told.stderr.contains("ilk.wasm"), "{}", told.stderr);
    place.remove("run/neighbours.parquet");
    place.succeeds(&run.replace("ilk.wasm", "moved.wasm"));
    assert_eq!(home.bytes("run/neighbours.parquet"), expected);
    // Nobody else goes on with it.
    for (engine, what) in [
        ("", "engine was plugin:moved.wasm, is native"),
        ("--engine plugin:guest.wasm", "--engine: guest.wasm had"),
    ] {
        let refused = place.ilk(&format!("{RUN} {engine} --run-dir run"));
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains(what), "{}", refused.stderr);
    }
}

#[test]
fn tiles_that_a_plugin_found_are_not_computed_again() {
    let place = Place::new();
    let home = &place.0;
    let run = format!("{RUN} --engine plugin:ilk.wasm --run-dir run");
    place.succeeds(&run);
    let expected = home.bytes("run/neighbours.parquet");
    // As if it had been stopped between tiles and merging.
    place.remove("run/merged.parquet");
    place.remove("run/neighbours.parquet");
    let told = place.succeeds(&run).stderr;
    assert!(told.contains("rebuilding stage merge") && !told.contains("\ntiles"), "{told}");
    assert_eq!(home.bytes("run/neighbours.parquet"), expected);
}

#[test]
fn a_plugin_of_ones_own_runs_in_memory_and_in_a_run_directory() {
    let place = Place::new();
    let home = &place.0;
    // a and b have all users in common but one, c has one of them.
    home.write("few.csv", "user,item\n1,a\n2,a\n3,a\n4,a\n1,b\n2,b\n3,b\n1,c\n");
    let run = "run few.csv --user user --item item --engine plugin:guest.wasm";
    place.succeeds(&format!("{run} --out few.out.csv"));
    let expected = "item,neighbour,rank,score,overlap\na,b,1,0.75,3\na,c,2,0.25,1\nb,a,1,1,3\n\
                    b,c,2,0.33333334,1\nc,a,1,1,1\nc,b,2,1,1\n";
    assert_eq!(home.read("few.out.csv"), expected);
    place.succeeds(&format!("{run} --run-dir own"));
    assert_eq!(place.succeeds("take own write -n 9 --format csv").stdout, expected);
    // What it need not know is left out for it.
    home.write("wanted", "a\n");
    home.write("barred", "b\n");
    place.succeeds(&format!("{run} --for wanted --exclude barred --out less.csv"));
    assert_eq!(home.read("less.csv"), "item,neighbour,rank,score,overlap\na,c,1,0.25,1\n");
    place.succeeds(&format!("{run} -k 1 --out one.csv"));
    assert_eq!(home.read("one.csv").lines().nth(1), Some("a,b,1,0.75,3"));
    assert_eq!(home.read("one.csv").lines().count(), 4);
}

#[test]
fn a_plugin_that_does_not_fit_in_memory_is_refused() {
    let place = Place::new();
    let home = &place.0;
    home.write("crowd.csv", crowd(12_000, 4_000, 60));
    for out in ["--out out.parquet", "--run-dir run"] {
        let run = format!("{RUN} --engine plugin:ilk.wasm --memory 62MiB {out}");
        let refused = place.ilk(&run);
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        let told = "error: plugins compare in memory, and this job does not fit in 62.0 MiB";
        assert!(refused.stderr.contains(told), "{}", refused.stderr);
        assert!(
            refused.stderr.contains("help: leave out --engine, or allow more"),
            "{}",
            refused.stderr
        );
    }
    assert!(!home.join("out.parquet").exists());
}
