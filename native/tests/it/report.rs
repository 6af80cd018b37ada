//! The report: that it holds together, says what happened, and is safe to open.

use crate::tools::{Home, ORDERS};

const RUN: &str = "run orders.csv --user member --item sku --item-label product -o out.csv";

/// Runs with a report and returns it.
fn report(home: &Home, arguments: &str) -> String {
    home.stdout(&format!("{RUN} {arguments} --report report.html --overwrite"));
    home.read("report.html")
}

#[test]
fn a_report_has_all_its_parts() {
    let home = Home::with_orders();
    home.write("orders.csv", format!("{ORDERS},tea,Black tea,1,2026-02-01,FR\n"));
    let page = report(&home, "--min-support 2");
    for part in [
        "<h1>Similar items in orders.csv by cosine</h1>",
        "<title>Similar items in orders.csv by cosine – Ilk</title>",
        "Reliability",
        "user null, item tea",
        "Overlap",
        "Run it again",
        "<span>ilk</span> <span>run</span> <span>orders.csv</span> <span>--user member</span>",
        "From rows to interactions",
        "null user",
        "1 row set aside",
        "1 of rare items",
        "Items per user, users per item",
        "Work by user",
        "Stages",
        "Memory",
        "Threads",
        "Tiles",
        "Scores",
        "Neighbours per item",
        "Example items",
        "Black tea",
        "0.8660",
        "min_support",
        "command line",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("Predicted and measured"), "no sample was computed");
    let alone = "of neighbours rest on one shared user";
    assert!(!page.contains(alone), "there are none");
    home.write(
        "orders.csv",
        format!("{ORDERS}d,hat,Hat,1,2026-02-01,FR\ne,hat,Hat,1,2026-02-01,FR\n"),
    );
    assert!(report(&home, "").contains(alone));
}

#[test]
fn the_result_comes_first_and_the_engine_last_and_closed() {
    let page = report(&Home::with_orders(), "");
    let ids = ["examples", "result", "rows", "shape", "again", "engine"];
    let places = ids.map(|id| page.find(&format!("<h2 id=\"{id}\"")).expect(id));
    assert!(places.is_sorted(), "{places:?}");
    assert!(page.contains("<details><summary><h2 id=\"engine\">Engine</h2></summary>"));
    assert!(!page.contains("<details open"));
    // All that is said of stages and tiles stands behind it.
    let engine = places[5];
    for part in ["<h3>Stages</h3>", "<h3>Memory</h3>", "<h3>Tiles</h3>"] {
        assert!(page.find(part).is_some_and(|place| place > engine), "{part}");
    }
}

#[test]
fn a_report_tells_the_range_of_times_and_marks_weak_neighbours() {
    let home = Home::with_orders();
    let page = report(&home, "--time day");
    assert!(page.contains("2026-01-01"), "the range of times");
    // Milk and tea share two users, milk and mug too; nothing rests on one.
    home.write("few.csv", "member,sku,product\na,x,X\na,y,Y\n");
    home.stdout("run few.csv --user member --item sku -o few.parquet --report few.html");
    let page = home.read("few.html");
    assert!(
        page.contains("<tr class=\"faint\">") && page.contains("<span class=\"weak\">weak</span>")
    );
    assert!(page.contains("<strong>100 %</strong> of neighbours rest on one shared user"));
}

#[test]
fn charts_have_round_ticks_and_say_where_they_are_logarithmic() {
    let page = report(&Home::with_orders(), "");
    assert!(
        page.contains("this many or more (log scale)")
            && page.contains("how many have (log scale)")
    );
    assert!(page.contains("heaviest users (log scale)"));
}

#[test]
fn a_report_is_one_file_and_runs_nothing() {
    let page = report(&Home::with_orders(), "");
    for foreign in ["<script", "<link", "<img", "<iframe", "src=", "href=", "@import", "onload"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    // Only the pictures' own parts.
    assert_eq!(page.matches("url(").count(), page.matches("url(#").count());
    let addresses = page.matches("http").count();
    assert_eq!(addresses, page.matches("http://www.w3.org/2000/svg").count());
}

#[test]
fn a_report_can_be_read_by_everybody() {
    let page = report(&Home::with_orders(), "");
    assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\">"));
    assert_eq!(page.matches("<h1").count(), 1);
    let pictures = page.matches("<svg").count();
    assert!(pictures >= 6, "{pictures} charts");
    assert_eq!(page.matches("role=\"img\"").count(), pictures);
    assert_eq!(page.matches("aria-label=\"").count(), pictures);
    assert!(!page.contains("aria-label=\"\""));
    assert_eq!(page.matches("viewBox=").count(), pictures);
    let (headings, labels) =
        (page.matches("<h2 id=").count(), page.matches("aria-labelledby").count());
    assert_eq!(headings, labels);
    assert!(page.contains("prefers-color-scheme: dark") && page.contains("name=\"viewport\""));
    for landmark in ["<header", "<main>", "<footer>"] {
        assert_eq!(page.matches(landmark).count(), 1, "{landmark}");
    }
    // No level of headings is left out.
    let levels = page
        .match_indices("<h")
        .filter_map(|(place, _)| page[place + 2..].chars().next()?.to_digit(10));
    let levels = levels.collect::<Vec<_>>();
    assert_eq!(levels[0], 1);
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
}

#[test]
fn ids_and_labels_are_text_and_nothing_else() {
    let home = Home::new();
    let nasty = "<script>alert(1)</script>&\"'";
    let csv = nasty.replace('"', "\"\"");
    home.write(
        "orders.csv",
        format!("member,sku,product\na,\"{csv}\",\"{csv}\"\na,mug,Mug\nb,mug,Mug\nb,\"{csv}\",x\n"),
    );
    let page = report(&home, "");
    assert!(!page.contains("<script"), "ids are escaped");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&amp;"));
}

#[test]
fn an_empty_result_has_a_report_too() {
    let home = Home::with_orders();
    let page = report(&home, "--min-overlap 100");
    assert!(page.contains("From rows to interactions") && !page.contains("Example items"));
}

#[test]
fn where_no_user_has_two_items_there_is_a_report_and_no_complaint() {
    let home = Home::new();
    home.write("orders.csv", "member,sku,product\n1,a,A\n2,b,B\n3,a,A\n");
    let told = home.stderr(&format!("{RUN} --report report.html"));
    assert!(!told.contains("log scale"), "{told}");
    let page = home.read("report.html");
    assert!(page.contains("Items per user") && !page.contains("Who causes the work"));
}

#[test]
fn a_report_that_is_there_already_is_kept() {
    let home = Home::with_orders();
    home.write("report.html", "mine");
    let before = home.tree();
    let ran = home.ilk(&format!("{RUN} --report report.html"));
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("report.html"), "{}", ran.stderr);
    assert_eq!(home.tree(), before);
    // A run that fails leaves none.
    let ran = home.ilk(&format!("{RUN} --user none --report new.html"));
    assert_eq!((ran.code, home.tree()), (Some(2), before));
}

#[test]
fn a_ladder_that_was_climbed_is_shown() {
    // Enough users for samples of them to have pairs.
    let home = Home::new();
    let rows = (0..4_000).map(|row| format!("{},{}", row / 4, row * 7 % 90));
    home.write("orders.csv", format!("member,sku\n{}\n", rows.collect::<Vec<_>>().join("\n")));
    let run = |arguments: &str| {
        let mut command = home.command(arguments);
        command.env("ILK_USAGE_FILE", home.join("state/usage.jsonl"));
        let output = command.output().expect("ilk runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let job = "orders.csv --user member --item sku --min-support 2";
    run(&format!("plan {job} --prove"));
    run(&format!("run {job} -o out.csv --report report.html"));
    let page = home.read("report.html");
    assert!(page.contains("Predicted and measured"));
    run(&format!("run {job} --run-dir run --threads 1"));
    assert!(home.read("run/report.html").contains("Predicted and measured"));
    // Another job has another one.
    run(&format!("run {job} -k 7 -o other.csv --report other.html"));
    assert!(!home.read("other.html").contains("Predicted and measured"));
}

#[test]
fn a_report_tells_of_all_processes() {
    let home = Home::new();
    home.write("orders.csv", format!("{ORDERS},tea,Black tea,1,2026-02-01,FR\n"));
    let run =
        "run orders.csv --user member --item sku --time day --item-label product --run-dir run";
    home.stdout(run);
    std::fs::remove_file(home.join("run/neighbours.parquet")).expect("removed");
    home.stdout(run);
    let page = home.read("run/report.html");
    for part in [
        "2 attempts, the first on 20",
        "Time and memory are over all of them",
        "From rows to interactions",
        "Threads",
        "Tiles",
        // The first process read the rows.
        "user null, item tea",
        "2026-01-01",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let stages = ["read", "clean", "encode", "matrix", "plan", "tiles", "merge", "write"];
    for stage in stages {
        assert!(page.contains(&format!("<th scope=\"row\">{stage}<span")), "{stage}");
    }
}

#[test]
fn a_run_directory_has_its_report() {
    let home = Home::with_orders();
    let run = "run orders.csv --user member --item sku --item-label product --run-dir run";
    home.stdout(run);
    let page = home.read("run/report.html");
    for part in ["From rows to interactions", "Threads", "Tiles", "Scores", "Black tea", "run_dir"]
    {
        assert!(page.contains(part), "{part}");
    }
    // A finished run does nothing, and its report goes where else it is asked for.
    home.stdout(&format!("{run} --report again.html"));
    assert_eq!(home.read("run/report.html"), page);
    assert_eq!(home.read("again.html"), page);
    home.stdout(&format!("{run} --restart"));
    assert!(home.read("run/report.html").contains("From rows to interactions"));
}
