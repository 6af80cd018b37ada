//! The main job on small made-up orders, in every format it reads and writes.

use std::{fmt::Write as _, fs};

use serde_json::{Value, json};

use crate::tools::{
    Home, NEIGHBOURS, ORDERS, arrow_file, arrow_stream, gzip, neighbours, orders_batch, parquet,
    settings, whole_lines,
};

const COLUMNS: &str = "--user member --item sku";

#[test]
fn every_output_holds_the_same_rows() {
    let home = Home::with_orders();
    let labels = "--item-label product";
    for out in ["out.csv", "out.jsonl", "out.parquet", "out.arrow", "out", "folder.d/"] {
        home.stdout(&format!("run orders.csv {COLUMNS} {labels} -o {out}"));
    }
    insta::assert_snapshot!(home.read("out.csv"), @r"
    item,neighbour,rank,score,overlap,item_label,neighbour_label
    milk,mug,1,0.6666667,2,Oat milk,Mug
    milk,tea,2,0.57735026,2,Oat milk,Black tea
    mug,tea,1,0.8660254,3,Mug,Black tea
    mug,milk,2,0.6666667,2,Mug,Oat milk
    tea,mug,1,0.8660254,3,Black tea,Mug
    tea,milk,2,0.57735026,2,Black tea,Oat milk
    ");
    let expected = neighbours("out.csv", home.bytes("out.csv"));
    for name in ["out.jsonl", "out.parquet", "out.arrow", "out/neighbours.parquet"] {
        assert_eq!(neighbours(name, home.bytes(name)), expected, "{name}");
    }
    assert_eq!(home.bytes("out.parquet"), home.bytes("out/neighbours.parquet"));
    assert_eq!(home.bytes("out.parquet"), home.bytes("folder.d/neighbours.parquet"));
    assert_eq!(
        home.names(),
        [
            "folder.d",
            "folder.d/items.parquet",
            "folder.d/neighbours.parquet",
            "orders.csv",
            "out",
            "out/items.parquet",
            "out/neighbours.parquet",
            "out.arrow",
            "out.csv",
            "out.jsonl",
            "out.parquet",
        ]
    );
}

#[test]
fn a_run_tells_what_it_did() {
    let home = Home::with_orders();
    home.write("orders.csv", format!("{ORDERS},tea,Black tea,1,2026-02-01,FR\na,,,1,2026-02-01,FR\nd,tea,Black tea,-4,2026-02-01,DE\n"));
    let told = home.stderr(&format!(
        "run orders.csv {COLUMNS} --weight quantity --item-label product --min-support 2 -o out.csv"
    ));
    settings().bind(|| insta::assert_snapshot!("run", told));
    let told = home.stderr(&format!(
        "run orders.csv {COLUMNS} --weight quantity --time day --weighting log \
         --max-items-per-user 2 --negative-weights net --where day>2026-01-01 -o out.jsonl"
    ));
    settings().bind(|| insta::assert_snapshot!("run_with_everything", told));
}

/// Runs `run INPUT` and returns the CSV.
fn csv(home: &Home, arguments: &str) -> String {
    home.stdout(&format!("run {arguments} -o out.csv --overwrite"));
    home.read("out.csv")
}

#[test]
fn every_input_gives_the_same_neighbours() {
    let home = Home::with_orders();
    let batch = orders_batch();
    home.write("orders.parquet", parquet(&batch));
    home.write("orders.arrow", arrow_file(&batch));
    home.write("orders.feather", arrow_file(&batch));
    home.write("orders.arrows", arrow_stream(&batch));
    home.write("orders.csv.gz", gzip(ORDERS.as_bytes()));
    home.write("orders.csv.zst", zstd::encode_all(ORDERS.as_bytes(), 0).expect("packed"));
    home.write("orders.tsv", ORDERS.replace(',', "\t"));
    home.write("semicolons.csv", ORDERS.replace(',', ";"));
    home.write("crlf.csv", ORDERS.replace('\n', "\r\n"));
    home.write("bom.csv", format!("\u{feff}{ORDERS}"));
    home.write("part-00000", ORDERS);
    for name in home.names() {
        assert_eq!(csv(&home, &format!("{name} {COLUMNS}")), NEIGHBOURS, "{name}");
    }
    home.write("odd.csv", ORDERS.replace(',', "^"));
    assert_eq!(csv(&home, &format!("odd.csv --delimiter ^ {COLUMNS}")), NEIGHBOURS);
}

#[test]
fn several_files_are_one_table() {
    let home = Home::with_orders();
    let (header, rows) = ORDERS.split_once('\n').expect("a header");
    let rows: Vec<_> = rows.lines().collect();
    let part = |range: std::ops::Range<usize>| format!("{header}\n{}\n", rows[range].join("\n"));
    home.write("parts/1.csv", part(0..4));
    home.write("parts/2.csv.gz", gzip(part(4..9).as_bytes()));
    home.write("parts/deeper/3.csv", part(9..11));
    home.write("parts/_SUCCESS", "");
    home.write("parts/.1.csv.crc", "x");
    home.write("parts/_temporary/0.csv", part(0..11));
    assert_eq!(csv(&home, &format!("parts {COLUMNS}")), NEIGHBOURS);
    assert_eq!(csv(&home, &format!("parts/**/*.csv* {COLUMNS}")), NEIGHBOURS);
    assert_eq!(
        csv(&home, &format!("parts/deeper parts/2.csv.gz parts/1.csv parts/*.csv {COLUMNS}")),
        NEIGHBOURS
    );
    home.write("parts/readme.md", "");
    let told = home.stderr(&format!("run parts {COLUMNS} -o out.csv --overwrite"));
    assert!(told.contains("skipped    1 file with an ending that is not read"), "{told}");
    assert!(told.contains("11 rows from 3 files"), "{told}");
}

#[test]
fn hive_folders_become_columns() {
    let home = Home::new();
    home.write("views/country=FR/day=2026-01-01/1.csv", "user,item\n1,10\n1,20\n");
    home.write("views/country=FR/day=2026-01-02/1.csv", "user,item\n2,10\n2,20\n");
    home.write(
        "views/country=C%C3%B4te d%27Ivoire/day=2026-01-03/1.csv",
        "user,item\n3,10\n3,30\n",
    );
    let all = csv(&home, "views --user user --item item");
    assert_eq!(all.lines().count(), 1 + 4, "{all}");
    let french = csv(&home, "views --user user --item item --where country=FR");
    assert_eq!(french, "item,neighbour,rank,score,overlap\n10,20,1,1,2\n20,10,1,1,2\n");
    let late = csv(&home, "views --user user --item item --where day>=2026-01-02");
    assert_eq!(late.lines().count(), 1 + 4, "{late}");
    // Days that are bought in the same countries.
    let shown = home.stdout("inspect views");
    for expected in ["day      folder name", "country  folder name", "3 files"] {
        assert!(shown.contains(expected), "{expected}\n{shown}");
    }
    let days = csv(&home, "views --user country --item day");
    assert_eq!(days.lines().nth(1), Some("2026-01-01,2026-01-02,1,1,1"), "{days}");
}

#[test]
fn conditions_filter_rows() {
    let home = Home::with_orders();
    let french = csv(&home, &format!("orders.csv {COLUMNS} --where country=FR"));
    assert_eq!(french.lines().nth(1), Some("milk,mug,1,0.70710677,1"), "{french}");
    let dear = csv(&home, &format!("orders.csv {COLUMNS} --where quantity>=2 --where sku!=milk"));
    assert_eq!(dear, "item,neighbour,rank,score,overlap\n");
}

#[test]
fn lists_choose_items() {
    let home = Home::with_orders();
    home.write("some.txt", "tea\nmug\n");
    home.write("tea.csv", "sku\ntea\nnone\n");
    for (lists, expected) in [
        ("--only some.txt", &[1, 2, 3, 5][..]),
        ("--exclude tea.csv", &[1, 4, 5, 6]),
        ("--for tea.csv", &[5, 6]),
        ("--for tea.csv --exclude some.txt", &[6]),
    ] {
        let expected: Vec<_> = expected.iter().map(|row| NEIGHBOURS.lines().nth(*row)).collect();
        let found = csv(&home, &format!("orders.csv {COLUMNS} {lists}"));
        // Ranks count what is kept.
        let without_rank = |line: &str| {
            let cells: Vec<_> = line.split(',').collect();
            [&cells[..2], &cells[3..]].concat().join(",")
        };
        let found: Vec<_> = found.lines().skip(1).map(without_rank).collect();
        let expected: Vec<_> = expected.into_iter().flatten().map(without_rank).collect();
        assert_eq!(found, expected, "{lists}");
    }
    let told = home.stderr(&format!("run orders.csv {COLUMNS} --for tea.csv -o x.csv"));
    assert!(told.contains("1 of 2 IDs not in the data, such as none"), "{told}");
}

#[test]
fn users_are_compared_too() {
    let home = Home::with_orders();
    let users = csv(&home, &format!("orders.csv {COLUMNS} --of users -k 1"));
    insta::assert_snapshot!(users, @r"
    item,neighbour,rank,score,overlap
    a,b,1,0.8164966,2
    b,c,1,1,3
    c,b,1,1,3
    d,a,1,0.70710677,1
    e,b,1,0.57735026,1
    ");
}

#[test]
fn threads_do_not_show_in_the_bytes() {
    let home = Home::new();
    let mut text = "user,item,plays\n".to_owned();
    let mut state = 1_u64;
    for _ in 0..20_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let (user, item) = ((state >> 33) % 500, (state >> 45) % 300);
        let _ = writeln!(text, "{user},{item},{}", 1 + (state >> 60));
    }
    home.write("plays.csv", text);
    let job = "run plays.csv --user user --item item --weight plays --weighting bm25 -k 20";
    for out in ["x.parquet", "x.csv", "x.jsonl", "x.arrow"] {
        home.stdout(&format!("{job} --threads 1 -o one-{out}"));
        home.stdout(&format!("{job} --threads 8 -o eight-{out}"));
        assert_eq!(home.bytes(&format!("one-{out}")), home.bytes(&format!("eight-{out}")), "{out}");
    }
}

#[test]
fn a_job_file_is_enough() {
    let home = Home::new();
    home.write("work/orders/1.csv", ORDERS);
    home.write("work/views/1.csv", "member,product\na,x\na,y\n");
    home.write("work/without.txt", "milk\n");
    home.write(
        "work/job.toml",
        "datasource = \"orders\"\n\
         [datasource.orders]\ninput = [\"orders/*.csv\"]\nuser = \"member\"\nitem = \"sku\"\n\
         where = \"country=FR\"\n\
         [datasource.views]\ninput = [\"views/\"]\nuser = \"member\"\nitem = \"product\"\n\
         [job]\ntop = 1\nexclude = \"without.txt\"\nout = \"similar.csv\"\n",
    );
    home.stdout("run work/job.toml");
    insta::assert_snapshot!(home.read("work/similar.csv"), @r"
    item,neighbour,rank,score,overlap
    milk,mug,1,0.70710677,1
    mug,tea,1,1,2
    tea,mug,1,1,2
    ");
    let views = home.ilk("run work/job.toml --datasource views -o views.csv").expect_success("");
    assert!(views.stderr.contains("1 of 1 ID not in the data, such as milk"), "{}", views.stderr);
    assert_eq!(home.read("views.csv").lines().nth(1), Some("x,y,1,1,1"));
    let again = home.ilk("run work/job.toml");
    assert_eq!(again.code, Some(2));
    insta::assert_snapshot!(again.stderr, @r"
    error: output work/similar.csv exists
    help: pass --overwrite to replace it
    ");
    home.stdout("run work/job.toml --overwrite -k 5");
    // What `config --toml` prints runs alike.
    let job = home.stdout("config work/job.toml --toml -k 5 -o again.csv");
    home.write("again.toml", job);
    home.stdout("run again.toml");
    assert_eq!(home.read("again.csv"), home.read("work/similar.csv"));
}

#[test]
fn similar_shows_an_item_of_every_output() {
    let home = Home::with_orders();
    for out in ["out.csv", "out.jsonl", "out.parquet", "out.arrow", "out"] {
        home.stdout(&format!("run orders.csv {COLUMNS} --item-label product -o {out}"));
        let shown = home.stdout(&format!("similar {out} tea"));
        insta::allow_duplicates! { insta::assert_snapshot!(shown, @r"
        tea  Black tea

        rank  neighbour  label      score  overlap
           1  mug        Mug       0.8660        3
           2  milk       Oat milk  0.5774        2
        ") }
        assert_eq!(home.ilk(&format!("similar {out} zzz")).code, Some(2), "{out}");
    }
    let one = home.stdout("similar out.csv tea -n 1");
    assert!(one.contains("mug") && !one.contains("milk"), "{one}");
    home.stdout(&format!("run orders.csv {COLUMNS} -o plain.csv"));
    insta::assert_snapshot!(home.stdout("similar plain.csv mug"), @r"
    mug

    rank  neighbour   score  overlap
       1  tea        0.8660        3
       2  milk       0.6667        2
    ");
}

#[test]
fn similar_helps_to_find_an_item() {
    let home = Home::with_orders();
    for out in ["out.csv", "out"] {
        home.stdout(&format!("run orders.csv {COLUMNS} --item-label product -o {out}"));
    }
    let mut told = String::new();
    for (out, item) in [
        ("out", "saw"),
        ("out.csv", "saw"),
        ("out", "mil"),
        ("out", "Tea"),
        ("out", "oat mil"),
        ("out.csv", "Oat"),
        ("out", "bicycle"),
        ("out", ""),
    ] {
        let output = home.command("similar").args([out, item]).output().expect("ilk runs");
        assert!(output.stdout.is_empty(), "{item}");
        let code = output.status.code();
        let _ = writeln!(told, "ilk similar {out} '{item}': {code:?}");
        told += &whole_lines(output.stderr);
    }
    insta::assert_snapshot!("similar_without", told);
}

#[test]
fn inspect_looks_at_the_data() {
    let home = Home::with_orders();
    insta::assert_snapshot!("inspect_guesses", home.stdout("inspect orders.csv"));
    home.write("orders.parquet", parquet(&orders_batch()));
    let named = "inspect orders.parquet --user member --item sku --weight quantity";
    insta::assert_snapshot!("inspect_named", home.stdout(named));
    home.write("odd.csv", "alpha,beta,gamma\n1,2,3\n4,5,6\n");
    insta::assert_snapshot!("inspect_without_guess", home.stdout("inspect odd.csv"));
    home.write("job.toml", "[datasource.a]\ninput = 'odd.csv'\nuser = 'alpha'\nitem = 'beta'\n");
    // What a file asks for is told with its place.
    let told = home.ilk("run --job job.toml orders.csv -o out.csv");
    assert_eq!(told.code, Some(2));
    assert!(told.stderr.contains("(user is from job.toml line 3)"), "{}", told.stderr);
    let of_flags = home.stdout("inspect odd.csv --user alpha --item beta");
    let (report, command) = of_flags.split_once("\nrun it:\n").expect("a command");
    assert_eq!(command, "  ilk run odd.csv --user alpha --item beta --out similar.parquet\n");
    let of_file = |arguments: &str| {
        let told = home.stdout(arguments);
        let (of_file, command) = told.split_once("\nrun it:\n").expect("a command");
        assert_eq!(of_file, report);
        command.trim().to_owned()
    };
    assert_eq!(of_file("inspect job.toml"), "ilk run --job job.toml --out similar.parquet");
    // What the file says is not said again, and what was given is kept.
    home.write("job.toml", home.read("job.toml") + "[job]\nmin_overlap = 2\nout = 'mine.csv'\n");
    let command = "ilk run --job job.toml --threads 1 --datasource a";
    assert_eq!(of_file("inspect --job job.toml --threads 1 --datasource a"), command);
    home.stdout(&command.replacen("ilk ", "", 1));
    assert!(home.join("mine.csv").exists());
    // The output is there now.
    assert_eq!(of_file("inspect job.toml"), "ilk run --job job.toml --out similar.parquet");
    home.write("bad.toml", home.read("job.toml").replace("min_overlap = 2", "kappa = 2"));
    let told = home.stdout("inspect bad.toml");
    assert!(told.contains("`ilk run` would refuse this job: kappa has no effect"), "{told}");
    assert!(!told.contains("run it:"), "{told}");
}

#[test]
fn inspect_tells_scripts_the_same() {
    let home = Home::with_orders();
    let named = "inspect orders.csv --user member --item sku --item-label product --time day";
    let told = home.stdout(&format!("{named} --format json"));
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let expected = json!({
        "files": 1,
        "users": 6,
        "items": 4,
        "interactions": 11,
        "duplicate_rows": 0,
        "pair_operations": 7,
    });
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(&told[name], value, "{name}");
    }
    let column = json!({
        "name": "sku", "type": "CSV text", "used_as": [{"role": "item", "guessed": false}],
    });
    assert_eq!(told["columns"][1], column);
    assert_eq!((&told["rows"]["read"], &told["rows"]["kept"]), (&json!(11), &json!(11)));
    assert_eq!(told["rows"]["set_aside"]["null_user"], 0);
    assert_eq!(told["times"]["earliest_utc"], "2026-01-01");
    let degrees = &told["users_per_item"];
    assert_eq!((&degrees["median"], &degrees["max"]), (&json!(3), &json!(4)));
    assert_eq!(degrees["histogram"][1], json!({"from": 2, "to": 3, "count": 2}));
    let first = json!({"item": "tea", "label": "Black tea", "users": 4});
    assert_eq!(told["items_with_most_users"][0], first);
    assert_eq!(told["users_with_most_items"][0], json!({"user": "b", "items": 3}));
    let command = told["command"].as_str().expect("a command");
    let given = named.replacen("inspect", "ilk run", 1);
    assert!(command.starts_with(&given) && !command.contains("--format"), "{command}");
    // IDs have the type that they are read with.
    home.write("numbers.csv", "user,item\n18446744073709551615,7\n18446744073709551615,8\n");
    let told = home.stdout("inspect numbers.csv --user user --item item --format json");
    assert!(told.contains("\"user\": 18446744073709551615"), "{told}");
}

#[test]
fn inspect_counts_what_is_wrong() {
    let home = Home::new();
    let mut text = "user,item,rating,when\n".to_owned();
    text += "1,a,5,2026-01-01\n,a,4,2026-01-01\n2,,3,2026-01-02\n2,b,many,2026-01-02\n";
    text += "2,b,1,soon\n3,a,-1,2026-01-01\n1,a,5,2026-01-01\n1,b,2,2026-01-03\n";
    home.write("ratings.csv", text);
    let told =
        home.stdout("inspect ratings.csv --user user --item item --weight rating --time when");
    insta::assert_snapshot!("inspect_bad_rows", told);
}

#[test]
fn demo_shows_what_it_does() {
    let home = Home::new();
    let shown = home.ilk("demo").expect_success("demo");
    let program = assert_cmd::cargo::cargo_bin("ilk").display().to_string();
    insta::assert_snapshot!("demo", shown.stdout.replace(&program, "ilk"));
    assert_eq!(home.names(), [""; 0], "nothing is left");
    assert!(!shown.stderr.contains("error"), "{}", shown.stderr);
    // The same again, to the letter.
    assert_eq!(home.stdout("demo -q"), shown.stdout);
}

#[test]
fn what_the_demo_prints_really_works() {
    let home = Home::new();
    let shown = home.stdout("demo --keep my-shop");
    let program = assert_cmd::cargo::cargo_bin("ilk").display().to_string();
    let text = shown.split_once("To repeat it:\n").expect("commands").1.replace("\\\n", " ");
    let commands: Vec<_> =
        text.lines().filter_map(|line| line.trim().strip_prefix(&program)).collect();
    assert_eq!(commands.len(), 3, "{shown}");
    for command in commands {
        let told = home.stdout(command);
        assert_eq!(told.is_empty(), command.trim().starts_with("run"), "{command}");
    }
    assert_eq!(
        home.bytes("my-shop/again.parquet"),
        home.bytes("my-shop/similar/neighbours.parquet"),
        "by hand and by demo"
    );
    let again = home.ilk("demo --keep my-shop");
    assert_eq!(again.code, Some(2));
    insta::assert_snapshot!(again.stderr, @r"
    error: cannot create my-shop: file exists
    help: name a new folder
    ");
    fs::remove_dir_all(home.join("my-shop")).expect("removed");
}

#[test]
fn columns_are_guessed_where_only_one_could_be_meant() {
    let home = Home::new();
    home.write("sure.csv", "userId,movieId\na,x\na,y\nb,x\nb,y\n");
    let told = home.stderr("run sure.csv -o out.csv");
    assert!(
        told.contains("columns guessed from their names: --user userId --item movieId"),
        "{told}"
    );
    home.stderr("run sure.csv --user userId --item movieId -o named.csv");
    assert_eq!(home.bytes("out.csv"), home.bytes("named.csv"));
    // Two columns could be the item.
    home.write("unsure.csv", "member,sku,product\na,x,X\na,y,Y\n");
    let ran = home.ilk("run unsure.csv -o none.csv");
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    let help = "did you mean `ilk run unsure.csv --out none.csv --user member --item sku`?";
    assert!(ran.stderr.contains("missing: --user, --item") && ran.stderr.contains(help));
    assert!(!home.join("none.csv").exists());
}
