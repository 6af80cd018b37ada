//! Results and run directories that somebody, or a disk, has changed: no wrong number in silence.

use std::fs;

use crate::tools::{Home, Ran, crowd};

const RUN: &str = "run orders.csv --user member --item sku --run-dir run";

/// A finished run with an output of each format, in folders of their own run directories.
fn home() -> Home {
    let home = Home::new();
    home.write("orders.csv", crowd(80, 40, 6));
    for ending in ["csv", "jsonl", "arrow"] {
        home.stderr(&format!(
            "{} --out out.{ending}",
            RUN.replace("--run-dir run", &format!("--run-dir {ending}"))
        ));
    }
    home.stderr(&format!("{RUN} --out out.parquet"));
    home.stderr(&format!("{} --out folder", RUN.replace("--run-dir run", "")));
    home
}

/// A sequence of numbers that looks like none, the same on every call.
fn numbers(most: usize) -> impl Iterator<Item = usize> {
    let mut state = 7_u64;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (state >> 33) as usize % most
    })
}

/// Flips random bits of a file, one after the other, and hands on what it is then.
fn flip(home: &Home, name: &str, times: usize, check: &mut dyn FnMut(usize)) {
    let whole = home.bytes(name);
    for bit in numbers(whole.len() * 8).take(times) {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        home.write(name, &damaged);
        check(bit);
    }
    home.write(name, &whole);
}

#[track_caller]
fn assert_damaged(ran: &Ran, name: &str) {
    assert_eq!(ran.code, Some(2), "{}{}", ran.stdout, ran.stderr);
    let damaged = ran.stdout.lines().filter(|line| line.starts_with("damaged")).collect::<Vec<_>>();
    assert!(damaged.len() == 1 && damaged[0].contains(name), "{}", ran.stdout);
}

#[test]
fn what_is_whole_is_said_to_be() {
    let home = home();
    let sound = home.stdout("verify run");
    assert!(sound.starts_with("sound      ") && sound.lines().count() == 1, "{sound}");
    assert_eq!(home.stdout("verify out.parquet"), "sound      1 of 1 file\n");
    assert_eq!(home.stdout("verify folder"), "sound      2 of 2 files\n");
    assert_eq!(
        home.stdout("verify out.csv"),
        "unchecked  out.csv: readable, but has no checksums\nsound      0 of 1 file\n"
    );
    let json: serde_json::Value =
        serde_json::from_str(&home.stdout("verify csv --format json")).expect("JSON");
    assert_eq!(json["damaged"], serde_json::json!([]));
    assert_eq!(json["files"], json["sound"]);
    // An output that was moved away is no damage.
    fs::rename(home.join("out.csv"), home.join("moved.csv")).expect("moved");
    let moved = home.stdout("verify csv");
    assert!(moved.contains("absent     ") && moved.contains("moved or removed"), "{moved}");
    let none = home.ilk("verify .");
    assert_eq!(none.code, Some(2));
    assert!(none.stderr.contains("is neither a run directory nor a result"), "{}", none.stderr);
}

#[test]
fn no_flipped_bit_gives_wrong_neighbours_in_silence() {
    let home = home();
    let right = home.stdout("similar run 3 -n 50");
    flip(&home, "run/neighbours.parquet", 150, &mut |bit| {
        let ran = home.ilk("similar run 3 -n 50");
        assert_eq!(ran.code, Some(2), "bit {bit}: {}", ran.stdout);
        assert!(ran.stderr.contains("run/neighbours.parquet is damaged"), "{}", ran.stderr);
        assert!(ran.stderr.contains("\nhelp: the `ilk run` of run rebuilds it"), "{}", ran.stderr);
        assert_damaged(&home.ilk("verify run"), "run/neighbours.parquet");
    });
    // A file alone has its checksums; without their mark nothing else is wrong.
    for name in ["out.parquet", "folder/neighbours.parquet"] {
        let place = name.split('/').next().expect("a name");
        flip(&home, name, 150, &mut |bit| {
            let ran = home.ilk(&format!("similar {place} 3 -n 50"));
            let is_right = ran.code == Some(0) && ran.stdout == right;
            assert!(is_right || ran.code == Some(2), "bit {bit}: {}{}", ran.stdout, ran.stderr);
            let verified = home.ilk(&format!("verify {place}"));
            assert!(verified.code == Some(2) || verified.stdout.starts_with("unchecked"));
        });
    }
    assert_eq!(home.stdout("similar run 3 -n 50"), right);
}

#[test]
fn outputs_of_every_format_are_checked_by_their_run() {
    let home = home();
    for ending in ["csv", "jsonl", "arrow"] {
        let name = format!("out.{ending}");
        flip(&home, &name, 60, &mut |_| {
            assert_damaged(&home.ilk(&format!("verify {ending}")), &name);
        });
    }
}

#[test]
fn every_file_of_a_run_is_checked() {
    let home = home();
    let names = home.names();
    let files = names.iter().filter(|name| {
        name.starts_with("run/") && !name.ends_with("run.lock") && !name.ends_with("report.html")
    });
    let mut checked = 0;
    for name in files.filter(|name| home.join(name).is_file()) {
        flip(&home, name, 3, &mut |_| assert_damaged(&home.ilk("verify run"), name));
        checked += 1;
    }
    assert!(checked >= 10, "{names:?}");
    fs::remove_file(home.join("run/users.parquet")).expect("removed");
    let ran = home.ilk("verify run --format json");
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(ran.code, Some(2));
    assert_eq!(
        json["damaged"],
        serde_json::json!([{"file": "run/users.parquet", "why": "is missing"}])
    );
    assert_eq!(
        ran.stderr.lines().last(),
        Some("help: the same `ilk run` rebuilds what is damaged; --restart starts over")
    );
}
