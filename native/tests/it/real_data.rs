//! Real orders and page views, where `../shared/data` lies beside the checkout.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::tools::Home;

/// Finds a data set; says so where it is absent.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn data(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let path = root.join(name);
    if path.is_file() {
        return Some(path.canonicalize().expect("a path"));
    }
    eprintln!("skipped: {} is absent", path.display());
    None
}

/// The lines that are the same everywhere: without seconds and without the input's path.
fn told(home: &Home, arguments: &str) -> String {
    let told = home.stderr(arguments);
    told.lines()
        .map(|line| {
            line.rsplit_once(" (")
                .filter(|(_, end)| end.ends_with(" s)"))
                .map_or(line, |(line, _)| line)
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn online_retail() {
    let Some(path) = data("online_retail.parquet") else { return };
    let home = Home::new();
    let run = format!(
        "run {} --user customer_id --item stock_code --weight quantity --item-label description",
        path.display()
    );
    insta::assert_snapshot!(told(&home, &format!("{run} -o out")), @r"
    note       binary weighting ignores quantities; --weighting log counts them
    reading    541,909 rows from 1 file
    set aside  null_user: 135,080 rows (24.93 %)
                 row 623: user null, item 22139, weight 56
                 row 1,444: user null, item 21773, weight 1
                 row 1,445: user null, item 21774, weight 2
    set aside  nonpositive_weight: 8,905 rows (1.64 %)
                 row 142: user 14527, item D, weight -1
                 row 155: user 15311, item 35004C, weight -1
                 row 236: user 17548, item 22556, weight -12
    sorting    266,802 interactions of 4,339 users and 3,665 items
    comparing  182,204 neighbours in 23.9 million pair operations
    writing    182,204 rows to out
    note       30 % of neighbours rest on one shared user; --min-overlap 3 would keep at least 109,473 rows and 3,223 of 3,665 items
    ");
    home.stdout(&format!("{run} --threads 1 -o one"));
    for name in ["neighbours.parquet", "items.parquet"] {
        assert_eq!(
            home.bytes(&format!("out/{name}")),
            home.bytes(&format!("one/{name}")),
            "{name}"
        );
    }
    insta::assert_snapshot!(home.stdout("similar out 85123A -n 3"), @r"
    85123A  WHITE HANGING HEART T-LIGHT HOLDER

    rank  neighbour  label                              score  overlap
       1  21733      RED HANGING HEART T-LIGHT HOLDER  0.5435      312
       2  22804      CANDLEHOLDER PINK HANGING HEART   0.4931      229
       3  22470      HEART OF WICKER LARGE             0.4113      265

    47 more neighbours: add -n 50
    ");
    insta::assert_snapshot!(home.ilk("similar out 85123").stderr, @r"
    error: no item `85123` in out
    help: did you mean `85123A` (WHITE HANGING HEART T-LIGHT HOLDER) or `85213` (MINI  ZINC GARDEN DECORATIONS) or `85125` (SMALL ROUND CUT GLASS CANDLESTICK)?
    ");
}

#[test]
fn online_retail_without_quantities_has_the_published_counts() {
    let Some(path) = data("online_retail.parquet") else { return };
    let home = Home::new();
    let path = path.display();
    let shown = home.stdout(&format!("inspect {path} --user customer_id --item stock_code"));
    for expected in ["541,909", "135,080", "267,615", "pair operations  24.0 million"] {
        assert!(shown.contains(expected), "{expected}\n{shown}");
    }
    let run = format!("run {path} --user customer_id --item stock_code -o out.parquet");
    insta::assert_snapshot!(told(&home, &run), @r"
    reading    541,909 rows from 1 file
    set aside  null_user: 135,080 rows (24.93 %)
                 row 623: user null, item 22139
                 row 1,444: user null, item 21773
                 row 1,445: user null, item 21774
    sorting    267,615 interactions of 4,372 users and 3,684 items
    comparing  183,116 neighbours in 24.0 million pair operations
    writing    183,116 rows to out.parquet
    note       31 % of neighbours rest on one shared user; --min-overlap 3 would keep at least 108,781 rows and 3,230 of 3,684 items
    ");
}

#[test]
fn households_and_their_products() {
    let Some(path) = data("completejourney_transactions.parquet") else { return };
    let home = Home::new();
    let run = format!(
        "run {} --user household_id --item product_id --weight quantity \
         --time transaction_timestamp --min-support 5 -k 20 -o out.parquet",
        path.display()
    );
    insta::assert_snapshot!(told(&home, &run), @r"
    note       binary weighting ignores quantities; --weighting log counts them
    reading    1,469,307 rows from 1 file
    times      2017-01-01 11:53:26 to 2018-01-01 04:01:20
    set aside  nonpositive_weight: 8,869 rows (0.60 %)
                 row 28: user 1, item 5978656, weight 0
                 row 221: user 1, item 5978656, weight 0
                 row 272: user 1, item 5978648, weight 0
    dropped    42,686 items with fewer than 5 users (70,093 interactions, 3 users)
    sorting    793,285 interactions of 2,466 users and 25,574 items
    comparing  511,480 neighbours in 217 million pair operations
    writing    511,480 rows to out.parquet
    ");
}

#[test]
fn page_views() {
    let Some(path) = data("msweb_views.parquet") else { return };
    let home = Home::new();
    let shown = home.stdout(&format!("inspect {}", path.display()));
    insta::assert_snapshot!(shown.lines().take(14).collect::<Vec<_>>().join("\n"), @r"
    column  type             used as
    user    32-bit integers  user (guessed)
    item    32-bit integers  item (guessed)

    rows    113,845
      kept  113,845  100.00 %

    users             37,711
    items                286
    interactions     113,845  1.056 % of all user-item pairs
    duplicates             0  repeated rows of a user and item
    pair operations  232,666  the work of comparing
      the heaviest  0.1 % of users cause   4.4 % of the work
      the heaviest    1 % of users cause  19.0 % of the work
    ");
}

#[test]
#[cfg(target_os = "linux")]
fn online_retail_fits_into_200_mb() {
    let Some(path) = data("online_retail.parquet") else { return };
    let home = Home::new();
    let run = format!(
        "run {} --user customer_id --item stock_code --weight quantity --item-label description \
         -q -o out.parquet",
        path.display()
    );
    let mut child = home.command(&run).spawn().expect("ilk starts");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0_u64;
    while child.try_wait().expect("ilk runs").is_none() {
        // The high-water mark never falls: what the last milliseconds add is the end's tidying.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let mark = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let mark = mark.and_then(|mark| mark.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(mark.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(child.wait().expect("ilk ends").success());
    assert!((10_000..200_000).contains(&peak), "{peak} KiB");
}
