//! Two behaviours: `--target`.

use std::fs;

use crate::tools::{Home, neighbours, settings};

const VIEWED: &str = "\
member,sku,title,kind
a,tea,Black tea,view
b,tea,Black tea,view
c,tea,Black tea,view
b,mug,Mug,view
c,mug,Mug,view
d,saw,Saw,view
a,tea,Black tea,other
";

const BOUGHT: &str = "\
buyer,product,kind
a,tea,buy
b,tea,buy
b,milk,buy
c,milk,buy
e,milk,buy
d,tea,return
";

const RUN: &str = "run viewed.csv --user member --item sku --target bought.csv --target-user buyer \
                   --target-item product";

/// By hand, cosine: of those who viewed tea (a, b, c), two bought tea (a, b) and two milk (b, c, e); of
/// those who viewed mugs (b, c), one bought tea and two milk. The return counts unless it is left out.
const NEIGHBOURS: &str = "\
item,neighbour,rank,score,overlap
mug,milk,1,0.8164966,2
mug,tea,2,0.5,1
tea,tea,1,0.8164966,2
tea,milk,2,0.6666667,2
";

fn home() -> Home {
    let home = Home::new();
    home.write("viewed.csv", VIEWED);
    home.write("bought.csv", BOUGHT);
    home
}

#[test]
fn items_of_the_input_have_neighbours_among_those_of_the_target() {
    let home = home();
    let told = home.stderr(&format!("{RUN} --target-where kind=buy -o out.csv"));
    settings().bind(|| insta::assert_snapshot!(told));
    assert_eq!(home.read("out.csv"), NEIGHBOURS);
    // A condition of the input does not hold for the target.
    home.stderr(&format!("{RUN} --where kind=view --target-where kind=buy -o view.csv"));
    assert_eq!(home.read("view.csv"), NEIGHBOURS);
    // One file may hold both.
    let both = VIEWED.lines().chain(BOUGHT.lines().skip(1));
    let row = |line: &str| {
        let cells = line.split(',').collect::<Vec<_>>();
        format!("{},{},{}\n", cells[0], cells[1], cells[cells.len() - 1])
    };
    home.write("events.csv", both.map(row).collect::<String>());
    home.stderr(
        "run events.csv --user member --item sku --where kind=view --target events.csv \
         --target-where kind=buy -o both.csv",
    );
    assert_eq!(home.read("both.csv"), NEIGHBOURS);
}

#[test]
fn a_folder_lists_the_items_of_both() {
    let home = home();
    home.stderr(&format!("{RUN} --target-where kind=buy --item-label title -o out"));
    let rows = neighbours("neighbours.parquet", home.bytes("out/neighbours.parquet"));
    let labels = rows.iter().map(|row| (row.item_label.as_deref(), row.neighbour_label.as_deref()));
    let expected = [
        (Some("Mug"), None),
        (Some("Mug"), Some("Black tea")),
        (Some("Black tea"), Some("Black tea")),
        (Some("Black tea"), None),
    ];
    assert_eq!(labels.collect::<Vec<_>>(), expected);
    let known = |file: &str| {
        let source = std::sync::Arc::new(ilk_formats::Memory::new(file, home.bytes(file)));
        let mut ids = Vec::new();
        ilk_formats::read_items(source, &mut |item, _| {
            ids.push(item.to_owned());
            Ok::<(), ilk_formats::Error>(())
        })
        .expect("a table of items");
        ids
    };
    assert_eq!(known("out/items.parquet"), ["mug", "saw", "tea"]);
    assert_eq!(known("out/targets.parquet"), ["milk", "tea"]);
}

#[test]
fn lists_and_groups_hold_on_their_own_side() {
    let home = home();
    home.write("tea.txt", "tea\n");
    home.write("milk.txt", "milk\n");
    let table = |flags: &str| {
        home.stderr(&format!("{RUN} --target-where kind=buy {flags} --overwrite -o out.csv"));
        let text = home.read("out.csv");
        let rows = text.lines().skip(1).map(|row| row.split(',').take(2).collect::<Vec<_>>());
        rows.map(|row| row.join(" ")).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(table("--for tea.txt"), "tea tea, tea milk");
    assert_eq!(table("--only tea.txt"), "mug tea, tea tea");
    assert_eq!(table("--exclude tea.txt --for tea.txt"), "tea milk");
    // Milk is only in the target.
    let error = home.ilk(&format!("{RUN} --for milk.txt --overwrite -o out.csv"));
    assert_eq!(error.code, Some(2));
    assert!(error.stderr.contains("--for: its only ID, "), "{}", error.stderr);
    home.write("products.csv", "product,group\ntea,hot\nmilk,cold\nmug,hot\n");
    let groups = "--labels products.csv --label-id product --group group --within";
    assert_eq!(table(groups), "mug tea, tea tea");
}

#[test]
fn a_run_directory_resumes_and_explains() {
    let home = home();
    let run = format!("{RUN} --target-where kind=buy --run-dir run");
    home.stderr(&run);
    let table = home.bytes("run/neighbours.parquet");
    for name in ["tiles", "merged.parquet", "neighbours.parquet", "matrix.parquet"] {
        let path = home.join(&format!("run/{name}"));
        let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
    }
    home.stderr(&run);
    assert_eq!(home.bytes("run/neighbours.parquet"), table);
    for stage in ["encode", "matrix", "plan", "tiles", "merge", "write"] {
        home.stderr(&format!("stage run {stage}"));
    }
    assert_eq!(home.bytes("run/neighbours.parquet"), table);
    insta::assert_snapshot!("similar", home.stdout("similar run tea"));
    insta::assert_snapshot!("explain", home.stdout("explain run tea tea"));
    let error = home.ilk("explain run tea mug");
    assert!(error.stderr.contains("no item `mug`"), "{}", error.stderr);
    // Another condition of the target is another job.
    let other = home.ilk(&format!("{RUN} --target-where kind!=x --run-dir run"));
    assert_eq!(other.code, Some(2));
    assert!(other.stderr.contains("target_where was kind=buy"), "{}", other.stderr);
}

#[test]
fn a_plan_counts_pairs_of_both() {
    let home = home();
    let text = home.stdout(&format!("{} --format json", RUN.replacen("run", "plan", 1)));
    let plan: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    // b: 2 views and 2 purchases; a and d: 1 and 1; c: 2 and 1.
    assert_eq!(plan["outlook"]["size"]["pair_operations"], 8, "{plan}");
}

#[test]
fn what_does_not_go_with_two_behaviours_is_refused_by_name() {
    let home = home();
    home.write("others.csv", "buyer,product,kind\nz,tea,buy\n");
    let users = RUN.replace("bought.csv", "others.csv");
    let columns = RUN.replace(" --target bought.csv", "");
    let calls = [
        format!("{RUN} --of users -o out.csv"),
        format!("{RUN} --pairs once -o out.csv"),
        format!("{RUN} --target-weight kind -o out.csv"),
        format!("{columns} -o out.csv"),
        format!("{users} -o out.csv"),
        "run viewed.csv --user member --item sku --target bought.csv -o out.csv".into(),
        RUN.replacen("run", "evaluate", 1),
        RUN.replacen("run", "inspect", 1),
        format!("{} --rate 0.5 -o out.csv", RUN.replacen("run", "sample", 1)),
    ];
    let told = calls.map(|call| {
        let ran = home.ilk(&call);
        assert_ne!(ran.code, Some(0), "{call}");
        assert!(!home.join("out.csv").exists(), "{call}");
        ran.stderr
    });
    settings().bind(|| insta::assert_snapshot!(told.join("\n")));
}

#[test]
fn two_behaviours_larger_than_memory_give_the_same_bytes() {
    let home = Home::new();
    home.write("viewed.csv", crate::tools::crowd(20_000, 5_000, 60));
    home.write("bought.csv", crate::tools::crowd(15_000, 4_000, 30));
    let run = "run viewed.csv --user member --item sku --target bought.csv --weight quantity \
               --weighting bm25 -k 20";
    home.stderr(&format!("{run} -o memory.parquet"));
    let memory = home.bytes("memory.parquet");
    let told = home.stderr(&format!("{run} --memory 96MiB -o files.parquet"));
    assert!(told.contains("working in files"), "{told}");
    assert_eq!(home.bytes("files.parquet"), memory);
    // A run directory that lost its tiles reads back what it keeps of both.
    let run = format!("{run} --memory 96MiB --run-dir run");
    home.stderr(&run);
    assert_eq!(home.bytes("run/neighbours.parquet"), memory);
    for name in ["tiles", "merged.parquet", "neighbours.parquet", "matrix.parquet"] {
        let path = home.join(&format!("run/{name}"));
        let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
    }
    home.stderr(&run);
    assert_eq!(home.bytes("run/neighbours.parquet"), memory);
}
