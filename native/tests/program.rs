//! The program as people call it: help, completions, manual, errors, settings and their origins.

use std::{fs, path::Path};

use assert_cmd::Command;

/// Calls `ilk` in `folder` with an environment that says nothing of its own.
fn ilk(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("ilk").expect("the program is built");
    command.current_dir(folder).env_clear().env("COLUMNS", "100").env("NO_COLOR", "1");
    command.env("ILK_USAGE_FILE", "off");
    command.args(arguments);
    command
}

/// Returns what `ilk` prints when all is well.
fn stdout(folder: &Path, arguments: &[&str]) -> String {
    let output = ilk(folder, arguments).output().expect("ilk runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Returns exit code and what `ilk` prints to stderr when something is wrong.
fn failure(folder: &Path, arguments: &[&str]) -> String {
    let output = ilk(folder, arguments).output().expect("ilk runs");
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(output.stdout.is_empty(), "errors go to stderr");
    format!("{}\n{text}", output.status.code().expect("an exit code"))
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[test]
fn help_of_every_command() {
    let home = folder();
    let commands = ["", "run", "plan", "sample", "similar", "explain", "evaluate", "usage"];
    let others = ["stage", "take", "inspect", "explore", "plugin", "demo", "config"];
    let others = others.into_iter().chain(["completions", "man"]);
    for command in commands.into_iter().chain(others) {
        let arguments = [command, "--help"];
        let arguments = if command.is_empty() { &arguments[1..] } else { &arguments[..] };
        let name = if command.is_empty() { "help" } else { &format!("help_{command}") };
        insta::assert_snapshot!(name, stdout(home.path(), arguments));
    }
}

#[test]
fn short_help_is_short() {
    let home = folder();
    insta::assert_snapshot!("short_help", stdout(home.path(), &["-h"]));
    let (short, long) =
        (stdout(home.path(), &["run", "-h"]), stdout(home.path(), &["run", "--help"]));
    assert!(short.lines().count() * 2 < long.lines().count());
    assert_eq!(stdout(home.path(), &["help", "run"]), long);
}

#[test]
fn completions_know_commands_and_names() {
    let home = folder();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = stdout(home.path(), &["completions", shell]);
        assert!(script.contains("min-support"), "{shell}");
        assert!(script.contains("implicit-tfidf") || shell == "elvish" || shell == "powershell");
    }
}

#[test]
fn the_manual_describes_every_command() {
    let manual = stdout(folder().path(), &["man"]);
    assert!(manual.contains(".TH ilk 1"), "{manual}");
    let commands = ["RUN", "PLAN", "SAMPLE", "SIMILAR", "EXPLAIN", "EVALUATE", "USAGE"];
    for command in
        commands.into_iter().chain(["STAGE", "TAKE", "INSPECT", "EXPLORE", "DEMO", "CONFIG"])
    {
        assert!(manual.contains(&format!("ILK {command}")), "{command}");
    }
    assert!(manual.contains("Exit codes") && manual.contains("\\-\\-min\\-support"));
}

#[test]
fn every_command_has_a_page_of_its_own() {
    let home = folder();
    for command in ["run", "similar", "plugin", "man"] {
        let page = stdout(home.path(), &["man", command]);
        assert!(page.contains(&format!(".TH ilk-{command} 1")), "{page}");
        assert!(page.contains(".SH OPTIONS") && page.contains(".SH EXAMPLES"), "{page}");
        assert!(!page.contains("(1)"), "{page}");
    }
    let output = ilk(home.path(), &["man", "rnu"]).output().expect("ilk runs");
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(told, "error: no command `rnu`\nhelp: did you mean `run`?\n");
}

#[test]
fn origins_are_told_for_every_layer() {
    let home = folder();
    fs::write(
        home.path().join("job.toml"),
        "datasource = \"orders\"\n\
         [datasource.orders]\ninput = \"orders/*.parquet\"\nuser = \"member\"\n\
         item = \"product\"\nweight = \"quantity\"\n\
         [datasource.views]\ninput = \"views/\"\nuser = \"member\"\nitem = \"product\"\n\
         [job]\nlike = \"implicit-tfidf\"\ntop = 20\nmin_support = 3\nout = \"similar.parquet\"\n",
    )
    .expect("written");
    let mut command = ilk(home.path(), &["config", "job.toml", "--shrinkage", "10"]);
    let command = command.env("ILK_MIN_SUPPORT", "5").env("ILK_THREADS", "2");
    let output = command.env("ILK_STRICT", "true").output().expect("ilk runs");
    insta::assert_snapshot!("origins", String::from_utf8_lossy(&output.stdout));
    let mut other = ilk(home.path(), &["config", "job.toml"]);
    let output = other.env("ILK_DATASOURCE", "views").output().expect("ilk runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<_> = text.lines().take(3).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    setting              value            origin
    datasource           views            ILK_DATASOURCE
    input                views/           job.toml [datasource.views]
    ");
}

#[test]
fn job_files_are_printed() {
    let arguments = [
        "config",
        "orders/",
        "--user",
        "member",
        "--item",
        "product",
        "--where",
        "country=FR",
        "-k",
        "20",
        "--measure",
        "tversky",
        "--alpha",
        "1",
        "--for",
        "new.txt",
        "-o",
        "out.csv",
        "--toml",
    ];
    insta::assert_snapshot!(stdout(folder().path(), &arguments), @r#"
    [datasource.data]
    input = ["orders/"]
    user = "member"
    item = "product"
    where = ["country=FR"]

    [job]
    datasource = "data"
    out = "out.csv"
    for = ["new.txt"]
    measure = "tversky"
    alpha = 1.0
    top = 20
    "#);
}

#[test]
fn errors_are_one_line_with_help_and_an_exit_code() {
    let home = folder();
    fs::write(home.path().join("job.toml"), "[job]\nmesure = 'cosine'\n").expect("written");
    let told: Vec<_> = [
        &[] as &[&str],
        &["run"],
        &["run", "--measure", "cosin"],
        &["run", "--top", "many"],
        &["run", "--shrinkage", "much"],
        &["run", "--threads", "0"],
        &["run", "--delimiter", ";;"],
        &["run", "--where", "country"],
        &["rnu"],
        &["run", "job.toml"],
        &["run", "none.toml"],
        &["config", "--datasource", "x"],
        &["config", "--kappa", "2"],
        &["run", "--log", "json", "--tpo"],
    ]
    .iter()
    .map(|arguments| format!("ilk {}\n{}", arguments.join(" "), failure(home.path(), arguments)))
    .collect();
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r#""timestamp":"[^"]+""#, r#""timestamp":"[now]""#);
    settings.bind(|| insta::assert_snapshot!("errors", told.join("\n")));
}

#[test]
fn variables_are_checked_like_flags() {
    let output = ilk(folder().path(), &["config"]).env("ILK_TOP", "many").output().expect("runs");
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr), @"error: invalid value 'many' for '--top <K>': expected a whole number of 1 or more (from ILK_TOP)");
}

#[test]
#[cfg(unix)]
fn a_closed_pipe_is_no_trouble() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("ilk"))
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("ilk starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ilk ends");
    assert!(output.status.success());
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error() {
    let full = fs::File::options().write(true).open("/dev/full").expect("/dev/full");
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("ilk"));
    let output = command.args(["completions", "bash"]).stdout(full).output().expect("ilk ends");
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.starts_with("error: cannot write to standard output: "), "{told}");
}

#[cfg(not(feature = "plugins"))]
#[test]
fn a_program_without_a_sandbox_says_how_to_get_one() {
    let home = folder();
    let input = home.path().join("a.csv");
    std::fs::write(&input, "user,item\n1,a\n1,b\n").expect("a temporary file");
    let input = input.to_str().expect("UTF-8");
    let run = ["run", input, "--user", "user", "--item", "item", "--out", "x.csv"];
    let with_engine = [&run[..], &["--engine", "plugin:ilk.wasm"]].concat();
    for arguments in [&with_engine[..], &["plugin", "inspect", "ilk.wasm"]] {
        let told = failure(home.path(), arguments);
        assert_eq!(
            told,
            "2\nerror: ilk.wasm cannot run: this program was built without the sandbox\n\
             help: build it with: cargo build --release -p ilk --features plugins\n"
        );
    }
    let wrong = failure(home.path(), &[&run[..], &["--engine", "wasm:ilk.wasm"]].concat());
    assert!(wrong.contains("expected `native` or `plugin:PATH`"), "{wrong}");
}
