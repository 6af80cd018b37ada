//! Why an item has a neighbour, as people ask for it.

use crate::tools::{Home, settings};

const COLUMNS: &str = "--user member --item sku --item-label product";

#[test]
fn a_pair_is_explained() {
    let home = Home::with_orders();
    let told = home.stdout(&format!("explain orders.csv tea milk {COLUMNS}"));
    settings().bind(|| insta::assert_snapshot!("explain", told));
    let told = home.stdout(&format!(
        "explain orders.csv tea mug {COLUMNS} --weight quantity --weighting log --shrinkage 5 -n 2"
    ));
    settings().bind(|| insta::assert_snapshot!("explain_weights", told));
    let told = home.stdout(&format!("explain orders.csv tea milk {COLUMNS} -k 1 --format json"));
    settings().bind(|| insta::assert_snapshot!("explain_json", told));
}

#[test]
fn what_is_no_neighbour_is_explained_too() {
    let home = Home::with_orders();
    home.write("only.txt", "mug\n");
    for (arguments, expected) in [
        ("milk saw", "not a neighbour: no user has both"),
        ("milk saw", "to be kept: 1 shared user instead of 0, all else equal"),
        ("tea tea", "an item is not its own neighbour"),
        ("tea milk --min-overlap 3", "fewer than 3 users have both (--min-overlap)"),
        ("tea milk --measure llr", "not a neighbour: llr gives no score"),
        ("tea milk --threshold 0.9", "is below --threshold 0.9000"),
        ("tea milk --only only.txt", "not a neighbour: excluded by --only, --exclude or --for"),
        ("tea milk -k 1", "rank 2 of 2 by cosine: 0.5774 (the job keeps 1)"),
        ("a b --of users", "rank 1 of 3 by cosine"),
    ] {
        let told = home.stdout(&format!("explain orders.csv {arguments} {COLUMNS}"));
        assert!(told.contains(expected), "{arguments}: {expected}\n{told}");
    }
}

#[test]
fn job_files_and_run_directories_say_what_the_job_is() {
    let home = Home::with_orders();
    home.write(
        "job.toml",
        "[datasource.orders]\ninput = 'orders.csv'\nuser = 'member'\nitem = 'sku'\n\
         item_label = 'product'\n[job]\nmeasure = 'jaccard'\nout = 'x.csv'\n",
    );
    let by_job = home.stdout("explain job.toml tea mug");
    assert!(by_job.contains("rank 1 of 2 by jaccard: 0.7500"), "{by_job}");
    home.stdout("run job.toml --run-dir done");
    assert_eq!(home.stdout("explain done tea mug"), by_job);
    let by_cosine = home.stdout("explain done tea mug --measure cosine");
    assert!(by_cosine.contains("rank 1 of 2 by cosine: 0.8660"), "{by_cosine}");
    home.write("torn/run.json", "{");
    let told = home.ilk("explain torn tea mug");
    assert_eq!(told.code, Some(2));
    assert!(told.stderr.contains("run.json"), "{}", told.stderr);
}

#[test]
fn unknown_items_are_told_with_the_nearest_ones() {
    let home = Home::with_orders();
    let told = home.ilk(&format!("explain orders.csv tea mig {COLUMNS}"));
    assert_eq!(told.code, Some(2));
    insta::assert_snapshot!(told.stderr, @r"
    error: no item `mig` with interactions
    help: did you mean `mug`?
    ");
    let told = home.ilk("explain orders.csv tea mug --user member");
    insta::assert_snapshot!(told.stderr, @r"
    error: missing: --item
    help: name the user ID and item ID columns, or use a job file
    ");
}

#[test]
fn a_run_is_not_explained_from_other_rows() {
    let home = Home::with_orders();
    home.stdout(&format!("run orders.csv {COLUMNS} --run-dir done"));
    let told = home.stdout("explain done tea mug");
    // The same rows elsewhere are the same input.
    std::fs::rename(home.join("orders.csv"), home.join("kept.csv")).expect("a rename");
    home.write("orders.csv", home.read("kept.csv"));
    assert_eq!(home.stdout("explain done tea mug"), told);
    home.write("orders.csv", home.read("kept.csv") + "9,tea,1,Tea\n");
    let refused = home.ilk("explain done tea mug");
    assert_eq!((refused.code, &*refused.stdout), (Some(2), ""));
    assert!(refused.stderr.contains("the input of done has changed"), "{}", refused.stderr);
    std::fs::remove_file(home.join("orders.csv")).expect("a file");
    let gone = home.ilk("explain done tea mug").stderr;
    assert!(gone.contains("orders.csv"), "{gone}");
}
