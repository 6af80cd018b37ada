//! Input and settings that cannot be used: an exit code, one line, what to do, nothing written.

use std::{fmt::Write as _, sync::Arc};

use arrow_array::{Float64Array, Int64Array, StringArray, UInt64Array};

use crate::tools::{
    Home, ORDERS, Ran, batch, gzip, neighbours, orders_batch, parquet, settings, whole_lines,
};

/// Calls the program, which must fail and leave the folder exactly as it was.
#[track_caller]
fn failure(home: &Home, arguments: &str) -> Ran {
    let before = home.tree();
    let ran = home.ilk(arguments);
    assert_ne!(ran.code, Some(0), "ilk {arguments}\n{}", ran.stderr);
    assert_eq!(home.tree(), before, "ilk {arguments} left something behind");
    assert_eq!(ran.stdout, "", "ilk {arguments}");
    let errors = ran.stderr.lines().filter(|line| line.starts_with("error: ")).count();
    assert_eq!(errors, 1, "ilk {arguments}\n{}", ran.stderr);
    ran
}

/// Calls the program several times; what it says is one text.
fn failures(home: &Home, calls: &[&str]) -> String {
    let mut told = String::new();
    for arguments in calls {
        let ran = failure(home, arguments);
        let code = ran.code.expect("an exit code");
        let _ = write!(told, "ilk {arguments}\n{code}\n{}\n", ran.stderr);
    }
    told
}

/// Names come from files: they can neither break the one line nor drive the terminal.
#[test]
fn control_characters_are_escaped() {
    let home = Home::with_orders();
    home.write("odd.csv", "\"mem\nber\",\"sk\u{1b}[2Ju\"\n1,tea\n");
    let ran = failure(&home, "run odd.csv --user member --item sku -o out.csv");
    insta::assert_snapshot!(ran.stderr, @r"error: odd.csv has no column `member` (did you mean `mem\nber`?); its columns: mem\nber, sk\u{1b}[2Ju");
}

#[test]
fn inputs_that_are_not_there() {
    let home = Home::with_orders();
    home.write("orders-2025/a.txt", "x");
    std::fs::create_dir(home.join("empty")).expect("a folder");
    let told = failures(
        &home,
        &[
            "run order.csv --user member --item sku -o out.csv",
            "run none/at/all.csv --user member --item sku -o out.csv",
            "run none/*.csv --user member --item sku -o out.csv",
            "run empty --user member --item sku -o out.csv",
            "run orders-2025 --user member --item sku -o out.csv",
            "run orders.csv/x --user member --item sku -o out.csv",
            "run orders.csv --user membr --item sku -o out.csv",
            "run orders.csv --user member --item product_id -o out.csv",
            "run orders.csv --user member --item sku --where land=FR -o out.csv",
            "run orders.csv --user member --item sku --time when -o out.csv",
            "run orders.csv --user member --item sku --only none.txt -o out.csv",
            "run orders.csv --user member --item sku --delimiter ; -o out.csv",
            "run orders.csv --user member --item member -o out.csv",
            "inspect order.csv",
            "inspect",
            "inspect orders.csv --user membr",
            "run orders.csv -o out.csv",
            "similar none.parquet tea",
            "similar empty tea",
            "similar orders.csv tea",
        ],
    );
    insta::assert_snapshot!("not_there", told);
}

#[test]
fn files_that_are_broken() {
    let home = Home::new();
    let whole = parquet(&orders_batch());
    home.write("cut.parquet", &whole[..whole.len() / 2]);
    let mut bent = whole.clone();
    bent[20..200].fill(0xee);
    home.write("bent.parquet", bent);
    home.write("garbage.parquet", "this is not a table at all, but long enough to be read");
    home.write("empty.parquet", "");
    home.write("empty.csv", "");
    home.write("header.csv", "member,sku\n");
    home.write("headers/1.csv", "member,sku\n");
    home.write("headers/2.csv", "member,sku\n");
    home.write("ragged.csv", "member,sku\na,b\na,b,c\nd\n");
    home.write("cut.csv.gz", &gzip(ORDERS.repeat(50).as_bytes())[..200]);
    home.write("orders.json", "{}");
    home.write("orders.xlsx", "PK\u{3}\u{4}");
    let columns = "--user member --item sku -o out.parquet";
    let calls = [
        "cut.parquet",
        "bent.parquet",
        "garbage.parquet",
        "empty.parquet",
        "empty.csv",
        "header.csv",
        "headers",
        "ragged.csv",
        "cut.csv.gz",
        "orders.json",
        "orders.xlsx",
        "*.json",
    ]
    .map(|input| format!("run {input} {columns}"));
    let told = failures(&home, &calls.each_ref().map(String::as_str));
    insta::assert_snapshot!("broken", told);
}

#[test]
fn ids_of_different_kinds_name_both_files() {
    let home = Home::new();
    let numbers = batch(&[
        ("user", Arc::new(Int64Array::from(vec![1, 2]))),
        ("item", Arc::new(Int64Array::from(vec![10, 10]))),
    ]);
    home.write("numbers.parquet", parquet(&numbers));
    home.write("letters.csv", "user,item\n1,00010\n2,11\n");
    let numbers = batch(&[
        ("user", Arc::new(Float64Array::from(vec![1.0, 2.5]))),
        ("item", Arc::new(Int64Array::from(vec![1, 2]))),
    ]);
    home.write("halves.parquet", parquet(&numbers));
    let told = failures(
        &home,
        &[
            "run numbers.parquet letters.csv --user user --item item -o out",
            "run halves.parquet --user user --item item -o out",
        ],
    );
    settings().bind(|| insta::assert_snapshot!("mixed_ids", told));
}

#[test]
fn rows_that_are_wrong() {
    let home = Home::new();
    let mut text = "user,item,stars,day\n".to_owned();
    for row in 0..300 {
        let stars = if row % 20 == 7 { "many" } else { "4" };
        let day = if row == 50 { "someday" } else { "2026-01-01" };
        let item = if row == 60 { "" } else { "x" };
        let _ = writeln!(text, "{row},{item},{stars},{day}");
    }
    home.write("stars.csv", &text);
    let calls = [
        "--weight stars",
        "--weight stars --time day --max-bad-rows 5%",
        "--time day --max-bad-rows 0",
        "--strict",
    ]
    .map(|flags| format!("run stars.csv --user user --item item {flags} -o out"));
    let told = failures(&home, &calls.each_ref().map(String::as_str));
    settings().bind(|| insta::assert_snapshot!("bad_rows", told));
    home.stdout("run stars.csv --user user --item item --weight stars --max-bad-rows 5% -o out");

    home.write("returns.csv", "user,item,n\n1,a,1\n1,b,-1\n2,a,1\n2,b,0\n");
    let told = failures(
        &home,
        &[
            "run returns.csv --user user --item item --weight n --negative-weights error -o new",
            "run returns.csv --user user --item item --weight n --strict -o new",
        ],
    );
    settings().bind(|| insta::assert_snapshot!("returns", told));
}

#[test]
fn outputs_that_cannot_be_written() {
    let home = Home::with_orders();
    home.write("out.csv", "mine");
    home.write("full/letter.txt", "dear");
    home.write("full.d/neighbours.parquet", "old");
    home.write("full.d/notes.md", "mine");
    home.stdout("run orders.csv --user member --item sku -o old");
    std::fs::create_dir(home.join("folder.csv")).expect("a folder");
    let calls = [
        "out.csv",
        "none/out.csv",
        "orders.csv/out.csv",
        "full",
        "full --overwrite",
        "full.d --overwrite",
        "old",
        "folder.csv",
        "out.xlsx",
        "..",
        "orders.csv/",
        "orders.csv --overwrite",
        "./full/../orders.csv --overwrite",
    ]
    .map(|out| format!("run orders.csv --user member --item sku -o {out}"));
    let mut calls: Vec<_> = calls.iter().map(String::as_str).collect();
    calls.push("run old/neighbours.parquet --user item --item neighbour -o old --overwrite");
    let told = failures(&home, &calls);
    insta::assert_snapshot!("outputs", told);
    home.stdout("run orders.csv --user member --item sku -o old --overwrite");
    assert_eq!(std::fs::read_dir(home.join("old")).expect("a folder").count(), 2);
}

#[test]
fn settings_that_cannot_be() {
    let home = Home::with_orders();
    home.write("job.toml", "[datasource.a]\ninput = 'orders.csv'\nuser = 'member'\n[job]\ntop = ");
    home.write("other.toml", "[datasource.a]\ninput = 'orders.csv'\nuser = 'member'\nitem = 'sku'\n[job]\ntop = 'ten'\nout = 'out'\n");
    let run = "run orders.csv --user member --item sku -o out";
    let calls = [
        "--measure similarity",
        "--measure jaccard --weighting log --weight quantity",
        "--weighting decay",
        "--weighting decay --half-life long --time day",
        "--duplicates last",
        "--kappa 3",
        "--half-life 3d",
        "--top 0",
        "--max-items-per-user 0",
        "--max-bad-rows many",
        "--max-bad-rows 200%",
        "--shrinkage -1",
        "--threshold nan",
        "--negative-weights net",
    ]
    .map(|flags| format!("{run} {flags}"));
    let mut calls: Vec<_> = calls.iter().map(String::as_str).collect();
    home.write("orders.parquet", parquet(&orders_batch()));
    calls.push("run orders.parquet --user member --item sku --where quantity>=few -o out");
    calls.extend([
        "run job.toml",
        "run other.toml",
        "run job.toml other.toml",
        "run orders.csv --job none.toml",
    ]);
    insta::assert_snapshot!("settings", failures(&home, &calls));
}

#[test]
fn more_neighbours_than_items_are_those_there_are() {
    let home = Home::with_orders();
    home.stdout("run orders.csv --user member --item sku -k 4000000000 -o out.csv");
    assert_eq!(home.read("out.csv"), crate::tools::NEIGHBOURS);
}

#[test]
fn no_pair_is_no_error() {
    let home = Home::new();
    home.write("apart.csv", "user,item\n1,a\n2,b\n");
    for out in ["out.csv", "out.jsonl", "out.parquet", "out.arrow", "out"] {
        let told = home.stderr(&format!("run apart.csv --user user --item item -o {out}"));
        assert!(told.contains("no pair qualified: the table has no rows"), "{told}");
    }
    assert_eq!(home.read("out.csv"), "item,neighbour,rank,score,overlap\n");
    assert_eq!(home.read("out.jsonl"), "");
    for name in ["out.parquet", "out.arrow", "out/neighbours.parquet"] {
        assert!(neighbours(name, home.bytes(name)).is_empty(), "{name}");
    }
    let told = failures(&home, &["similar out a", "similar out.parquet a", "similar out.jsonl a"]);
    insta::assert_snapshot!("similar_without_rows", told);
}

#[test]
fn filters_that_leave_nothing_are_named() {
    let home = Home::with_orders();
    home.write("nobody.txt", "nobody\n");
    home.write("alone.csv", "user,item,price\n1,a,1.5\n1,b,2\n2,a,3\n3,c,4\n");
    home.write("c.txt", "c\n");
    home.write("out.csv", "mine");
    home.write("orders.parquet", parquet(&orders_batch()));
    let before = home.tree();
    let orders = "run -q orders.csv --user member --item sku --overwrite -o out.csv";
    let alone = "run -q alone.csv --user user --item item --overwrite -o out.csv";
    let calls = [
        format!("{orders} --where country=France"),
        format!("{orders} --where country=FR --where quantity>4"),
        format!("{orders} --where quantity>1000 --where country=FR"),
        "run -q orders.parquet --user member --item sku --overwrite -o out.csv --where quantity>1000"
            .into(),
        format!("{alone} --where price>100"),
        format!("{orders} --threshold 2"),
        format!("{orders} --threshold 2 --memory 32MiB"),
        format!("{orders} --only nobody.txt"),
        format!("{alone} --for c.txt"),
        format!("{alone} --for c.txt --threshold 0.5"),
    ];
    let calls: Vec<_> = calls.iter().map(String::as_str).collect();
    insta::assert_snapshot!("filters_that_leave_nothing", failures(&home, &calls));
    // However small a threshold is, it counts as one if it was given; a preset's does not.
    home.write("apart.csv", "user,item,price\n1,a,1.5\n2,b,2\n");
    let apart = "run -q apart.csv --user user --item item --overwrite -o none.csv";
    assert_eq!(home.ilk(&format!("{apart} --threshold 0.0000001")).code, Some(2));
    home.stdout(&format!("{apart} --weight price --like lenskit-itemknn"));
    std::fs::remove_file(home.join("none.csv")).expect("a table without rows");
    std::fs::remove_file(home.join("apart.csv")).expect("it is there");
    // A run directory keeps the stages before; the output stays as it was.
    assert_eq!(home.ilk(&format!("{orders} --threshold 2 --run-dir run")).code, Some(2));
    std::fs::remove_dir_all(home.join("run")).expect("the run directory, without a result");
    assert_eq!(home.tree(), before);
}

#[test]
fn weights_of_text_are_told_from_damage() {
    let home = Home::with_orders();
    home.write(
        "text.csv",
        "user,item,name,price,n\n1,a,Tea,1.5,3\n1,b,Mug,2,4\n2,a,Tea,3,1\n2,b,Mug,x,2\n",
    );
    home.write("ragged.csv", {
        let rows = (0..60).map(|row| match row % 4 {
            0 => format!("u{row},i{},x\n", row % 7),
            _ => format!("u{row},i{}\n", row % 7),
        });
        format!("user,item\n{}", rows.collect::<String>())
    });
    home.write("orders.parquet", parquet(&orders_batch()));
    let calls = [
        "run text.csv --user user --item item --weight name -o out.csv",
        "run orders.parquet --user member --item sku --weight country -o out.csv",
        "run ragged.csv --user user --item item -o out.csv",
    ];
    let told = failures(&home, &calls);
    settings().bind(|| insta::assert_snapshot!("text_weights", told));
}

/// The reader hands on the cell at fault, whatever the format.
#[test]
fn decimal_commas_are_told_in_every_format() {
    let home = Home::new();
    home.write("few.csv", "user;item;price\n1;a;1,5\n1;b;2,5\n");
    home.write(
        "few.jsonl",
        "{\"user\":1,\"item\":\"a\",\"price\":\"1,5\"}\n{\"user\":1,\"item\":\"b\",\"price\":\"2,5\"}\n",
    );
    home.write("thousands.csv", "user;item;price\n1;a;1,500\n1;b;2,500\n");
    for (name, is_told) in [("few.csv", true), ("few.jsonl", true), ("thousands.csv", false)] {
        for flags in ["--where price>=2", "--weight price"] {
            let arguments = format!("run {name} --user user --item item {flags} -o out.csv");
            let ran = failure(&home, &arguments);
            let told = ran.stderr.contains("give --decimal ',' for numbers with a decimal comma");
            assert_eq!(told, is_told, "{arguments}\n{}", ran.stderr);
        }
    }
}

/// Numbers as half of Europe writes them: never compared as text, and read where that is said.
#[test]
fn decimal_commas_are_told_and_read() {
    let home = Home::new();
    let mut text = String::from("kunde;artikel;menge\n");
    for number in 0..40 {
        let _ = writeln!(text, "k{};a{};{},5", number % 8, number % 5, number % 20);
    }
    home.write("de.csv", text);
    let columns = "run de.csv --user kunde --item artikel";
    let told = failures(
        &home,
        &[
            &format!("{columns} --weight menge -o out.csv"),
            &format!("{columns} --where menge>=5 -o out.csv"),
            &format!("{columns} --weight menge --decimal ; -o out.csv"),
        ],
    );
    settings().bind(|| insta::assert_snapshot!("decimal_commas", told));
    let kept = |condition: &str| {
        let arguments = format!("{columns} --weight menge --decimal , --where menge{condition}");
        let ran = home.ilk(&format!("{arguments} -o out.csv --overwrite --log json"));
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let filtered = ran.stderr.split("\"filtered\":").nth(1).expect("a count");
        filtered.chars().take_while(char::is_ascii_digit).collect::<String>()
    };
    assert_eq!([kept(">=5"), kept(">=5,5"), kept("<3")], ["10", "10", "34"].map(String::from));
}

#[test]
fn nulls_are_counted_and_shown() {
    let home = Home::new();
    let rows = batch(&[
        ("user", Arc::new(Int64Array::from(vec![Some(1), None, Some(2), Some(1), Some(2)]))),
        (
            "item",
            Arc::new(StringArray::from(vec![Some("a"), Some("a"), None, Some("b"), Some("b")])),
        ),
    ]);
    home.write("rows.parquet", parquet(&rows));
    let told = home.stderr("run rows.parquet --user user --item item -o out.csv");
    settings().bind(|| insta::assert_snapshot!("nulls", told));
    assert_eq!(home.read("out.csv").lines().nth(1), Some("a,b,1,0.70710677,1"));
}

#[test]
fn wide_ids_stay_exact() {
    let home = Home::new();
    let (a, b) = ((1_i64 << 53) + 1, i64::MAX);
    home.write("wide.csv", format!("user,item\n-5,{a}\n-5,{b}\n-5,{}\n", i64::MIN));
    home.stdout("run wide.csv --user user --item item -o out.csv");
    let out = home.read("out.csv");
    assert!(out.contains(&format!("\n{a},{},1,1,1\n{a},{b},2,1,1\n", i64::MIN)), "{out}");
    let shown = home.stdout(&format!("similar out.csv {}", i64::MIN));
    assert!(shown.contains(&a.to_string()), "{shown}");

    let rows = batch(&[
        ("user", Arc::new(UInt64Array::from(vec![u64::MAX; 2]))),
        ("item", Arc::new(UInt64Array::from(vec![u64::MAX, 7]))),
    ]);
    home.write("unsigned.parquet", parquet(&rows));
    for out in ["unsigned.csv", "out.parquet", "out.jsonl", "out.arrow"] {
        home.stdout(&format!("run unsigned.parquet --user user --item item -o {out}"));
        let shown = home.stdout(&format!("similar {out} {}", u64::MAX));
        assert!(shown.starts_with("18446744073709551615\n"), "{shown}");
    }
    assert_eq!(home.read("unsigned.csv").lines().nth(1), Some("7,18446744073709551615,1,1,1"));
    home.write("negative.csv", "user,item\n1,-7\n1,8\n");
    let told = failures(
        &home,
        &["run unsigned.parquet negative.csv --user user --item item -o new.parquet"],
    );
    settings().bind(|| insta::assert_snapshot!("too_wide", told));
}

#[test]
fn long_ids_are_whole_in_files_and_cut_on_screens() {
    let home = Home::new();
    let long = "x".repeat(70 << 10);
    home.write("long.csv", format!("user,item,name\n1,{long},{long}\n1,b,B\n{long},b,B\n"));
    for out in ["out.csv", "out.jsonl", "out.parquet", "out.arrow", "out"] {
        home.stdout(&format!("run long.csv --user user --item item --item-label name -o {out}"));
    }
    let expected = neighbours("out.csv", home.bytes("out.csv"));
    assert_eq!((expected.len(), &expected[0].neighbour), (2, &long));
    for name in ["out.jsonl", "out.parquet", "out.arrow", "out/neighbours.parquet"] {
        assert_eq!(neighbours(name, home.bytes(name)), expected, "{name}");
    }
    for arguments in ["similar out.csv b", "inspect long.csv --user user --item item"] {
        let shown = home.stdout(arguments);
        assert!(shown.len() < 8_000, "{arguments}: {} bytes", shown.len());
    }
}

#[test]
fn ids_do_not_drive_the_terminal() {
    let home = Home::new();
    home.write("odd.csv", "user,item\n1,\u{1b}[2Ja\n1,\"b\nc\"\n,\u{1b}[31mred\n");
    let told = home.stderr("run odd.csv --user user --item item -o out.csv");
    assert!(!told.contains('\u{1b}'), "{told:?}");
    let shown = home.command("similar out.csv").arg("b\nc").output().expect("ilk runs");
    let shown = String::from_utf8(shown.stdout).expect("UTF-8");
    assert!(!shown.contains('\u{1b}') && shown.contains("\\u{1b}[2Ja"), "{shown:?}");
}

#[test]
fn an_item_that_everybody_has() {
    let home = Home::new();
    let mut text = "user,item\n".to_owned();
    for user in 0..30_000 {
        let _ = writeln!(text, "{user},all\n{user},item{}", user % 5_000);
    }
    home.write("all.csv", text);
    let told = home.stderr("run all.csv --user user --item item -k 2 -o out.csv");
    assert!(told.contains("60,000 interactions of 30,000 users and 5,001 items"), "{told}");
    let out = home.read("out.csv");
    // 6 of 30,000 users: 6 / √(30,000 · 6), whose nearest f32 is this.
    assert!(out.contains("\nitem0,all,1,0.014142135,6\n"), "{}", &out[..200]);
    assert!(out.contains("all,item0,1,0.014142135,6\nall,item1,2,0.014142135,6\n"), "ties by id");
}

/// One user with `items` items, who shares some with `others` users of three items each.
fn hoarder(items: u32, others: u32) -> String {
    let mut text = "user,item\n".to_owned();
    for item in 0..items {
        let _ = writeln!(text, "0,{item}");
    }
    for user in 1..=others {
        let _ = writeln!(text, "{user},{}\n{user},{}\n{user},{}", user % 50, user % 70, user % 90);
    }
    text
}

#[test]
fn a_hoarder_is_refused_with_the_cap_that_helps() {
    let home = Home::new();
    home.write("views.csv", hoarder(600_000, 1_000));
    let run = "run views.csv --user user --item item -k 5";
    let refused = failure(&home, &format!("{run} -o out.parquet"));
    assert_eq!(refused.code, Some(1));
    settings().bind(|| insta::assert_snapshot!("hoarder", refused.stderr));
    let inspected = home.stdout("inspect views.csv --user user --item item");
    let refusal = refused.stderr.lines().rev().take(2);
    let mut said = refusal.filter_map(|line| line.split_once(": "));
    // Long lines are wrapped there.
    let inspected = inspected.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.all(|(_, text)| inspected.contains(text)), "{inspected}");
    // The cap of the help line is read from it: it is a promise.
    let (_, cap) = refused.stderr.split_once("--max-items-per-user ").expect("a cap");
    let cap: u32 = cap.split(' ').next().expect("a number").parse().expect("a number");
    assert!((1_000..600_000).contains(&cap), "{cap}");
    let smaller = cap / 50;
    let told = home.stderr(&format!("{run} --max-items-per-user {smaller} -o out.parquet"));
    assert!(told.contains(" interactions of 1,001 users"), "{told}");
    assert!(
        told.contains("capped     1 user to 2,000 items (598,000 interactions less, 100.0 %"),
        "{told}"
    );
}

#[test]
fn few_wanted_items_are_no_reason_to_refuse() {
    let home = Home::new();
    home.write("views.csv", hoarder(500_001, 0));
    home.write("few.txt", "1\n2\n");
    home.stdout("run views.csv --user user --item item -k 5 --for few.txt -o few.csv");
    assert_eq!(home.read("few.csv").lines().count(), 1 + 10);
}

#[test]
fn force_runs_what_would_be_refused() {
    let home = Home::new();
    home.write("views.csv", hoarder(500_001, 0));
    let run = "run views.csv --user user --item item -k 1";
    assert_eq!(failure(&home, &format!("{run} -o out.csv")).code, Some(1));
    // Forced it would take minutes; that it begins is enough.
    let mut command = home.command(&format!("{run} --force --log json -o out.csv"));
    let mut child = command.stderr(std::process::Stdio::piped()).spawn().expect("ilk starts");
    let told = std::io::BufReader::new(child.stderr.take().expect("a pipe"));
    let mut stages = std::io::BufRead::lines(told).map_while(Result::ok);
    assert!(stages.any(|line| line.contains("stage_started") && line.contains("comparing")));
    child.kill().expect("ilk is still comparing");
    child.wait().expect("ilk ends");
}

#[test]
fn thirty_thousand_items_of_a_user_are_no_trouble() {
    let home = Home::new();
    home.write("views.csv", hoarder(30_000, 100));
    home.write("few.txt", "7\n");
    home.stdout("run views.csv --user user --item item -k 3 --for few.txt -o few.csv");
    assert_eq!(home.read("few.csv").lines().count(), 1 + 3);
}

#[test]
#[cfg(unix)]
fn a_full_disk_leaves_nothing() {
    let home = Home::new();
    let rows = (0..200).map(|row| format!("{},{row}", row % 2)).collect::<Vec<_>>().join("\n");
    home.write("rows.csv", format!("user,item\n{rows}"));
    home.write("old.csv", "mine");
    let before = home.tree();
    let program = assert_cmd::cargo::cargo_bin("ilk").display().to_string();
    for out in ["out.csv", "out.parquet", "out.jsonl", "out.arrow", "out", "old.csv --overwrite"] {
        let ilk = format!("run rows.csv --user user --item item -o {out}");
        // The signal that comes with the limit would end the program; ignored, it is an error.
        let script = format!("trap '' XFSZ; ulimit -f 1; exec '{program}' {ilk}");
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &script]).current_dir(home.path());
        shell.env("NO_COLOR", "1").env("ILK_USAGE_FILE", "off");
        let output = shell.output().expect("a shell");
        let told = whole_lines(output.stderr);
        assert_eq!(output.status.code(), Some(2), "{out}\n{told}");
        let place = out.trim_end_matches(" --overwrite");
        let error = told.lines().find(|line| line.starts_with("error: ")).expect("an error");
        assert!(error.starts_with(&format!("error: cannot write {place}")), "{told}");
        assert!(error.ends_with("file too large"), "{told}");
        assert!(told.lines().last().is_some_and(|last| last.starts_with("help: ")), "{told}");
        assert_eq!(home.tree(), before, "{out}");
    }
}

#[test]
fn a_path_that_is_mistyped_comes_before_columns_that_are_missing() {
    let home = Home::with_orders();
    for command in ["run", "plan", "evaluate", "sample --rate 10% -o s.csv"] {
        let told = home.ilk(&format!("{command} odrers.csv"));
        assert_eq!(told.code, Some(2));
        assert!(told.stderr.contains("odrers.csv"), "{command}: {}", told.stderr);
        assert!(!told.stderr.contains("missing: "), "{command}: {}", told.stderr);
    }
}

#[test]
fn lists_without_ids_are_refused() {
    let home = Home::with_orders();
    home.write("empty.txt", "\n");
    let run = "run orders.csv --user member --item sku -o out.csv";
    let calls = ["--only empty.txt", "--for empty.txt"].map(|list| format!("{run} {list}"));
    insta::assert_snapshot!("empty_lists", failures(&home, &calls.each_ref().map(|call| &**call)));
    // Nothing left out is what an empty list says.
    home.stderr(&format!("{run} --exclude empty.txt"));
}

#[test]
fn variables_that_are_no_settings_are_told() {
    let home = Home::with_orders();
    let run = "run orders.csv --user member --item sku -o out.csv";
    let told = |variables: &[(&str, &str)]| {
        let mut command = home.command(&format!("{run} --overwrite"));
        let output = command.envs(variables.iter().copied()).output().expect("ilk runs");
        assert_eq!(output.status.code(), Some(0));
        let told = whole_lines(output.stderr);
        told.lines().filter(|line| line.contains("ILK_")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(told(&[("ILK_MEASURE", "dice"), ("ILK_KERNEL", ""), ("LANG", "C")]), "");
    insta::assert_snapshot!(told(&[("ILK_MEASUR", "dice"), ("ILK_COLOUR", "red")]), @r"
    note       ILK_COLOUR is set, but it is not a setting
    note       ILK_MEASUR is set, but it is not a setting; did you mean ILK_MEASURE?
    ");
}

/// Nothing that a job reads is replaced by what it writes.
#[test]
fn outputs_do_not_replace_what_is_read() {
    let home = Home::with_orders();
    home.write("labels.csv", "sku,name\ntea,Tea\n");
    home.write("list.csv", "tea\n");
    home.write(
        "job.toml",
        "[job]\ntop = 3\n\n[datasource.orders]\ninput = [\"orders.csv\"]\nuser = \"member\"\nitem = \"sku\"\n",
    );
    let run = "run orders.csv --user member --item sku --overwrite";
    let labels = "--labels labels.csv --label-id sku --label name";
    let calls = [
        format!("{run} -o out.csv --report orders.csv"),
        format!("{run} -o out.csv --report out.csv"),
        format!("{run} -o out.csv --report labels.csv {labels}"),
        format!("{run} -o labels.csv {labels}"),
        format!("{run} -o list.csv --only list.csv"),
        "run job.toml -o out.csv --report job.toml --overwrite".into(),
    ];
    let with_run_dirs = calls.iter().map(|call| format!("{call} --run-dir kept"));
    let calls = calls.iter().cloned().chain(with_run_dirs).collect::<Vec<_>>();
    let calls = calls.iter().map(String::as_str).collect::<Vec<_>>();
    settings().bind(|| insta::assert_snapshot!("outputs_that_are_read", failures(&home, &calls)));
}
