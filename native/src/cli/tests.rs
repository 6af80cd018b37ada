use std::{num::NonZeroUsize, path::Path};

use clap::FromArgMatches as _;
use ilk_core::{job::Duplicates, measure::MeasureName};

use super::{Cli, Command, command, layers::keys};
use crate::{
    error::Error,
    settings::{JobFile, Layers},
};

#[test]
fn the_definitions_hold_together() {
    command().debug_assert();
}

/// Stacks the layers of `ilk run` with these arguments.
fn layers(arguments: &[&str]) -> Result<Layers, Error> {
    let matches = command().try_get_matches_from([&["ilk", "run"], arguments].concat());
    let matches = matches.map_err(|error| Error::input(error.to_string()))?;
    let cli = Cli::from_arg_matches(&matches).unwrap();
    let Command::Run(run) = cli.command else { unreachable!("the command is run") };
    run.settings.layers(matches.subcommand().unwrap().1)
}

/// Writes a job file and returns its path with the folder that keeps it.
fn job_file(text: &str) -> (tempfile::TempDir, String) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("job.toml");
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (home, path)
}

const ORDERS: &str = r#"
[datasource.orders]
input = "orders/*.parquet"
user = "member"
item = "product"
weight = "quantity"
where = ["country=FR", "price > 1"]

[datasource.views]
input = ["views/"]
user = "member"
item = "product"

[job]
datasource = "orders"
like = "implicit-tfidf"
top = 20
max_bad_rows = 0.05
only = "stock.txt"
out = "similar.parquet"
threads = 3
memory = "1.5GiB"
"#;

#[test]
fn a_job_file_alone_is_enough() {
    let (home, path) = job_file(ORDERS);
    let layers = layers(&[&path]).unwrap();
    let (settings, job) = (layers.settings().unwrap(), layers.job().unwrap());
    let below = |name: &str| home.path().join(name);
    assert_eq!(settings.source.name.as_deref(), Some("orders"));
    assert_eq!(settings.source.input, [below("orders/*.parquet").to_str().unwrap()]);
    assert_eq!(settings.source.weight.as_deref(), Some("quantity"));
    assert_eq!(settings.source.conditions.len(), 2);
    assert_eq!(settings.lists.only, [below("stock.txt")]);
    assert_eq!(settings.out, Some(below("similar.parquet")));
    assert_eq!(settings.threads.map(NonZeroUsize::get), Some(3));
    assert_eq!(settings.memory.map(|memory| memory.0), Some(3 << 29));
    assert_eq!(job.top, Some(20));
    assert_eq!(job.measure, None);
    assert_eq!(settings.resolved.measure.name(), MeasureName::Cosine);
    assert_eq!(settings.resolved.duplicates, Duplicates::Sum);
}

#[test]
fn the_command_line_goes_over_the_file() {
    let (_home, path) = job_file(ORDERS);
    let layers = layers(&[&path, "-k", "7", "--datasource", "views", "-o", "x.csv"]).unwrap();
    let settings = layers.settings().unwrap();
    assert_eq!(settings.resolved.top, 7);
    assert_eq!(settings.source.weight, None);
    assert_eq!(settings.out.as_deref(), Some(Path::new("x.csv")));
    assert_eq!(layers.origin("job.top").as_deref(), Some("command line"));
    assert_eq!(layers.origin("job.like"), Some(format!("{path} [job]")));
    assert_eq!(layers.origin("source.user"), Some(format!("{path} [datasource.views]")));
    assert_eq!(layers.origin("preset.weighting").as_deref(), Some("preset implicit-tfidf"));
    assert_eq!(layers.origin("job.min_support"), None);
}

#[test]
fn inputs_may_be_named_beside_a_job_file() {
    let (_home, path) = job_file(ORDERS);
    let settings = layers(&["--job", &path, "mine.csv"]).unwrap().settings().unwrap();
    assert_eq!(settings.source.input, ["mine.csv"]);
    assert_eq!(settings.source.user, "member");
    let error = layers(&[&path, "mine.csv"]).unwrap_err();
    assert!(error.to_string().contains("is a job file, not an input"), "{error}");
}

#[test]
fn numbers_below_0_are_values() {
    let similar = |words: &str| {
        let matches = command().try_get_matches_from(["ilk"].into_iter().chain(words.split(' ')));
        let cli = Cli::from_arg_matches(&matches.unwrap()).unwrap();
        let Command::Similar(args) = cli.command else { unreachable!("the command is similar") };
        (args.items, args.count)
    };
    assert_eq!(
        similar("similar out -5 7 -n 3 -8"),
        (["-5", "7", "-8"].map(String::from).into(), 3)
    );
    assert_eq!(similar("similar -n 3 out -- -x -n"), (["-x", "-n"].map(String::from).into(), 3));
    let (_home, path) = job_file(ORDERS);
    let job = layers(&[&path, "--threshold", "-1", "--shrinkage=-0.5"]).unwrap().job().unwrap();
    assert_eq!((job.threshold, job.shrinkage), (Some(-1.0), Some(-0.5)));
}

#[test]
fn a_missing_column_is_told_with_the_setting_that_asks_for_it() {
    let (_home, path) = job_file(ORDERS);
    let missing = |column: &str, arguments: &[&str]| {
        let (file, known) = ("mine.csv".into(), "a, b".into());
        let column = column.to_owned();
        let error =
            ilk_formats::Error::MissingColumn { file, column, nearest: None, known, hint: "" };
        let layers = layers(&[&["--job", &path, "mine.csv"], arguments].concat()).unwrap();
        layers.told(error.into()).message().replace(&path, "job.toml")
    };
    let asks = |text: &str, name: &str, line: u32| {
        let origin = format!(" ({name} is from job.toml line {line})");
        assert!(text.ends_with(&origin), "{text}");
    };
    asks(&missing("member", &[]), "user", 4);
    asks(&missing("price", &[]), "where", 7);
    // What was typed just now needs no looking for, and what nobody asks for has no place.
    for (column, arguments) in [("store", &["--user", "store"] as &[&str]), ("zzz", &[])] {
        let told = missing(column, arguments);
        assert!(!told.contains(" is from "), "{told}");
    }
}

#[test]
fn the_only_data_source_needs_no_choice() {
    let (_home, path) = job_file("[datasource.a]\nuser = 'u'");
    assert_eq!(layers(&[&path]).unwrap().source().unwrap().user.as_deref(), Some("u"));
}

#[test]
fn a_printed_job_file_gives_the_same_settings() {
    let (home, path) = job_file(ORDERS);
    let first = layers(&[&path, "--shrinkage", "10", "--delimiter", "tab"]).unwrap();
    std::fs::write(home.path().join("copy.toml"), first.to_toml().unwrap()).unwrap();
    let second = layers(&[home.path().join("copy.toml").to_str().unwrap()]).unwrap();
    let settings = |layers: &Layers| format!("{:?}", layers.settings().unwrap());
    assert_eq!(settings(&first), settings(&second));
    let delimiter = second.settings().unwrap().source.csv.delimiter;
    assert_eq!(delimiter, Some("tab".parse().unwrap()));
}

#[test]
fn what_cannot_be_is_told_with_its_place() {
    let source = "[datasource.a]\ninput = 'x'\nuser = 'u'\nitem = 'i'\n[job]\nout = 'o.csv'\n";
    let mut told = String::new();
    for (job, arguments) in [
        ("top = 'many'", &[] as &[&str]),
        ("top = 0", &[]),
        ("top = -1", &[]),
        ("top = 2.5", &[]),
        ("measure = 'cosin'", &[]),
        ("measure = 3", &[]),
        ("strict = 'yes'", &[]),
        ("shrinkage = '1'", &[]),
        ("half_life = 90", &[]),
        ("only = [1]", &[]),
        ("only = 1", &[]),
        ("out2 = 1", &[]),
        ("threads = 0", &[]),
        ("kappa = 2", &[]),
        ("like = 'sar-lift'\nk1 = 2", &[]),
        ("like = 'sar-jaccard'", &["--weighting", "log"]),
        ("", &["--kappa", "2"]),
        ("", &["--datasource", "b"]),
        ("datasource = 'orders'", &[]),
    ] {
        let (_home, path) = job_file(&format!("{source}{job}\n"));
        let error = layers(&[&[path.as_str()], arguments].concat())
            .and_then(|layers| layers.settings())
            .map_err(|error| error.to_string().replace(&path, "job.toml"))
            .unwrap_err();
        told += &console::strip_ansi_codes(&error);
    }
    insta::assert_snapshot!(told);
}

#[test]
fn several_data_sources_want_a_choice() {
    let (_home, path) = job_file(&ORDERS.replace("datasource = \"orders\"", ""));
    let error = layers(&[&path]).unwrap_err().to_string().replace(&path, "job.toml");
    insta::assert_snapshot!(console::strip_ansi_codes(&error), @r"
    error: job.toml has several data sources: orders, views
    help: choose one with --datasource NAME, or `datasource` under [job]
    ");
}

#[test]
fn what_is_missing_is_told_at_once() {
    let error = layers(&["--item", "i"]).unwrap().settings().unwrap_err().to_string();
    insta::assert_snapshot!(console::strip_ansi_codes(&error), @r"
    error: missing: INPUT, --user, --out
    help: as in `ilk run orders.csv --user member --item product --out similar.parquet`, or in a job file
    ");
}

#[test]
fn what_has_no_meaning_is_an_error_with_its_line() {
    let errors: Vec<_> = [
        "[job]\ntop = 5\nmesure = 'cosine'",
        "[job]\nzzz = 1",
        "[job]\nuser = 'u'",
        "top = 5",
        "[jobs]",
        "[datasource]\nuser = 'u'",
        "[datasource.a]\ntop = 5",
        "[datasource.a]\nusr = 'u'",
        "[job]\ntop = ",
        "[job]\ntop = 1\ntop = 2",
        "job = 1",
        "datasource = 1",
    ]
    .into_iter()
    .map(|text| JobFile::parse(Path::new("jobs/job.toml"), text, &keys()).unwrap_err().to_string())
    .map(|error| console::strip_ansi_codes(&error).into_owned())
    .collect();
    insta::assert_snapshot!(errors.join(""));
}
