//! Commands that the program proposes: they keep what was given, and run as they are printed.

use std::process::Command;

use crate::tools::{Home, Ran, orders_batch, parquet};

/// Calls the program with arguments that may hold blanks.
fn call(home: &Home, arguments: &[&str]) -> Ran {
    Ran::of(home.command("").args(arguments).output().expect("ilk runs"))
}

/// The command that `ilk inspect` printed, on one line.
#[track_caller]
fn proposed(told: &str) -> String {
    let (_, command) = told.split_once("\nrun it:\n").unwrap_or_else(|| panic!("{told}"));
    command.replace("\\\n", " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The commands that an error proposes.
fn proposed_by(ran: &Ran) -> Vec<String> {
    let words = ran.stderr.split('`').skip(1).step_by(2);
    words.filter(|word| word.starts_with("ilk ")).map(String::from).collect()
}

/// Hands a command to a shell as it is.
#[track_caller]
fn run_as_printed(home: &Home, command: &str) -> Ran {
    let program = assert_cmd::cargo::cargo_bin("ilk");
    let folder = program.parent().expect("a folder");
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", command]).current_dir(home.path()).env_clear().env("PATH", folder);
    shell.env("ILK_USAGE_FILE", "off").env("NO_COLOR", "1");
    Ran::of(shell.output().expect("a shell")).expect_success(command)
}

fn orders(home: &Home, name: &str) {
    let rows =
        (0..40).map(|row| format!("-k{};00{};{};X{}\n", row % 9, row % 7, 20_000 + row, row % 2));
    home.write(name, format!("-wer;was;tag;land\n{}", rows.collect::<Vec<_>>().concat()));
    home.write("names.csv", "id,name,shelf\n000,Tee,a\n001,Kanne,a\n002,Brot,b\n003,Salz,b\n");
}

#[test]
fn what_inspect_proposes_keeps_all_that_was_given_and_runs() {
    let home = Home::new();
    orders(&home, "de file.csv");
    let given = [
        "inspect",
        "de file.csv",
        "--user=-wer",
        "--item",
        "was",
        "--time",
        "tag",
        "--time-unit",
        "days",
        "--labels",
        "names.csv",
        "--label-id",
        "id",
        "--label",
        "name",
        "--delimiter",
        ";",
        "--encoding",
        "latin-1",
        "--null",
        "NA",
        "--null",
        "-",
        "--where",
        "land!=X0",
        "--threads",
        "1",
        "--ignore-table-format",
        "--max-record-size",
        "64KiB",
    ];
    let told = call(&home, &given).expect_success("inspect");
    let command = proposed(&told.stdout);
    assert_eq!(
        command,
        "ilk run 'de file.csv' --user=-wer --item was --time tag --time-unit days --labels names.csv \
         --label-id id --label name --delimiter ';' --encoding latin-1 --null NA --null - --where \
         'land!=X0' --threads 1 --ignore-table-format --max-record-size 64KiB --min-overlap 2 --out \
         similar.parquet"
    );
    run_as_printed(&home, &command);
    assert!(home.join("similar.parquet").exists());
    // The name is taken now.
    let again = proposed(&call(&home, &given).expect_success("inspect").stdout);
    assert!(again.ends_with("--out similar-2.parquet"), "{again}");
    run_as_printed(&home, &again);
    // A group has no effect by itself.
    let grouped =
        "inspect orders.csv --user=-wer --item was --labels names.csv --label-id id --group shelf";
    orders(&home, "orders.csv");
    let command = proposed(&home.stdout(grouped));
    assert!(command.contains("--group shelf --within --out"), "{command}");
    run_as_printed(&home, &command);
}

#[test]
fn what_inspect_guesses_is_proposed_only_if_it_runs() {
    let home = Home::new();
    let rows = |value: &str| {
        let rows = (0..40).map(|row| format!("{},{},{value}\n", row % 9, row % 7));
        rows.collect::<Vec<_>>().concat()
    };
    home.write("words.csv", format!("user,item,value\n{}", rows("good")));
    let told = home.stdout("inspect words.csv");
    assert!(told.contains("bad_weight"), "{told}");
    let command = proposed(&told);
    assert_eq!(command, "ilk run words.csv --user user --item item --out similar.parquet");
    run_as_printed(&home, &command);
    // What was asked for is not left out: the run would be refused, and why is told.
    let told = home.stdout("inspect words.csv --weight value");
    assert!(!told.contains("run it:"), "{told}");
    assert!(
        told.contains("`ilk run` would refuse this job: --weight: column `value` is text"),
        "{told}"
    );
    let told = home.stdout("inspect words.csv --where value=bad");
    assert!(
        told.contains("`ilk run` would refuse this job: --where value=bad leaves none"),
        "{told}"
    );
    let halves = home.ilk("inspect words.csv --label name");
    assert_eq!(halves.code, Some(2), "{}", halves.stderr);
}

#[test]
fn what_errors_propose_keeps_all_that_was_given_and_runs() {
    let home = Home::with_orders();
    home.write("unsure.csv", "member,sku,product\na,x,X\na,y,Y\nb,x,X\nb,y,Y\n");
    home.write("names.csv", "sku,name\nx,Ex\ny,Why\n");
    let given =
        "unsure.csv --labels names.csv --label name -o out.csv -k 5 --min-overlap 2 --ids text";
    let ran = home.ilk(&format!("run {given}"));
    let commands = proposed_by(&ran);
    assert_eq!(
        commands,
        [
            "ilk run unsure.csv --labels names.csv --label name --out out.csv --top 5 --min-overlap 2 \
             --ids text --user member --item sku",
            "ilk inspect unsure.csv --labels names.csv --label name"
        ]
    );
    for command in &commands {
        run_as_printed(&home, command);
    }
    assert!(home.read("out.csv").contains("item_label"));
    let ran = home.ilk("plan unsure.csv --memory 1GiB --user member");
    let commands = proposed_by(&ran);
    assert_eq!(
        commands,
        [
            "ilk plan unsure.csv --memory 1GiB --user member --item sku",
            "ilk inspect unsure.csv --user member"
        ]
    );
    for command in &commands {
        run_as_printed(&home, command);
    }
    let ran = home.ilk("run orders.csv --user member --item sku -k 3");
    let commands = proposed_by(&ran);
    assert_eq!(
        commands,
        ["ilk run orders.csv --user member --item sku --top 3 --out similar.parquet"]
    );
    run_as_printed(&home, &commands[0]);
    // A note shows names as a shell takes them.
    home.write("blanks.csv", "customer id,item\na,x\nb,x\n");
    let told = home.stderr("run blanks.csv -o blanks.parquet");
    assert!(told.contains("--user 'customer id' --item item"), "{told}");
}

#[test]
fn a_file_without_usual_names_is_told_how_it_is_read() {
    let home = Home::new();
    home.write("de.csv", "alpha;beta\n1;2\n3;4\n");
    let ran = home.ilk("inspect de.csv").expect_success("inspect de.csv");
    assert!(ran.stderr.contains("de.csv: read as CSV with delimiter `;`"), "{}", ran.stderr);
    assert!(ran.stdout.contains("name the user ID and item ID columns"), "{}", ran.stdout);
    let ran = home.ilk("inspect de.csv --delimiter ,").expect_success("inspect de.csv");
    assert!(
        ran.stderr.contains("with delimiter `,` it has 1 column; with `;` it has 2"),
        "{}",
        ran.stderr
    );
}

#[test]
fn settings_without_an_effect_are_noted() {
    let home = Home::with_orders();
    home.write("orders.parquet", parquet(&orders_batch()));
    let notes = |arguments: &str| {
        let told = home.stderr(arguments);
        let notes = told.lines().filter_map(|line| line.strip_prefix("note       "));
        notes.filter(|note| note.contains("no effect")).map(String::from).collect::<Vec<_>>()
    };
    let columns = "--user member --item sku --overwrite -o out.csv";
    for (flags, note) in [
        ("orders.csv --time-unit days", "--time-unit has no effect without --time"),
        ("orders.csv --time-format %d.%m.%Y", "--time-format has no effect without --time"),
        ("orders.csv --decimal ,", "--decimal has no effect without --weight or --where"),
        (
            "orders.parquet --delimiter ; --quote none",
            "--delimiter, --quote have no effect on inputs that are not CSV",
        ),
        ("orders.csv --ids text", "--ids text has no effect on CSV, whose IDs are text"),
    ] {
        assert_eq!(notes(&format!("run {flags} {columns}")), [note], "{flags}");
    }
    let used = "run orders.csv --time day --time-format %Y-%m-%d --weight quantity --decimal , --delimiter ,";
    assert_eq!(notes(&format!("{used} {columns}")), [""; 0]);
    let mut command = home.command(&format!("run orders.csv {columns}"));
    let ran = Ran::of(command.env("ILK_MEASUR", "llr").output().expect("ilk runs"));
    assert!(
        ran.stderr
            .contains("ILK_MEASUR is set, but it is not a setting; did you mean ILK_MEASURE?")
    );
}

#[test]
fn ids_that_are_spelled_otherwise_are_told() {
    let home = Home::new();
    let rows = (0..60).map(|row| format!("u{},{}\n", row % 9, 100 + row % 7));
    home.write("orders.csv", format!("user,item\n{}", rows.collect::<Vec<_>>().concat()));
    home.write("zeros.csv", "item,name,shelf\n00100,Tea,a\n00101,Pot,b\n102,Mug,a\n");
    home.write("none.csv", "item,name,shelf\n00100,Tea,a\nx7,Pot,b\n");
    home.write("other.csv", "item,name,shelf\nx7,Pot,b\n");
    home.write("zeros.txt", "00100\n102\n");
    let run = "run orders.csv --user user --item item -o out.csv";
    let told = home.stderr(&format!("{run} --labels zeros.csv --label name"));
    assert!(told.contains("6 of 7 items without a label in zeros.csv"), "{told}");
    let meant = "`00100` may mean `100`: they differ in leading zeros";
    assert!(told.contains(meant), "{told}");
    let refused = |flags: &str| {
        let ran = home.ilk(&format!("{run} --overwrite {flags}"));
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        ran.stderr
    };
    let told = refused("--labels none.csv --label name");
    assert!(
        told.contains("none of the 7 items has a label in none.csv") && told.contains(meant),
        "{told}"
    );
    let told = refused("--labels other.csv --label name");
    let sides = "the data has IDs such as `100`, and the table has IDs such as `x7`";
    assert!(told.contains(sides), "{told}");
    let told = refused("--labels none.csv --group shelf --within");
    assert!(
        told.contains("none of the 7 items has a group in none.csv") && told.contains(meant),
        "{told}"
    );
    for list in ["--only", "--for", "--exclude"] {
        let told = home.stderr(&format!("{run} --overwrite {list} zeros.txt"));
        assert!(
            told.contains(&format!("{list}: 1 of 2 IDs not in the data, such as 00100")),
            "{told}"
        );
        assert!(told.contains(&format!("{list}: {meant}")), "{told}");
    }
    home.write("zero.txt", "00100\n");
    let told = refused("--only zero.txt");
    assert!(
        told.contains("--only: its only ID, `00100`, is not in the data") && told.contains(meant),
        "{told}"
    );
}

#[test]
fn a_group_that_is_not_there_is_refused_before_anything_is_read() {
    let home = Home::with_orders();
    home.write("names.csv", "sku,name\ntea,Tea\n");
    for flags in ["--group shelf", "--labels names.csv --label name --group shelf"] {
        let ran = home
            .ilk(&format!("run orders.csv --user member --item sku --within {flags} -o out.csv"));
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
        assert!(ran.stderr.contains("has no column `shelf`"), "{}", ran.stderr);
    }
}
