//! The conformance cases: what is expected is what the oracle says, and the library gives it.

use std::fs;

use ilk_core::executor::Sequential;

use crate::{cases, crew::Crew, encodings::Encoding, generated, library, reference};

/// Set to anything but `0`, the first test here writes: files that are made are written anew instead of compared.
const BLESS: &str = "ILK_CONFORMANCE_BLESS";

fn blesses() -> bool {
    std::env::var_os(BLESS).is_some_and(|value| value != "0")
}

/// Compares a file that is made with what makes it, or writes it.
fn check_made(path: &std::path::Path, made: &str, who: &str) -> Result<(), String> {
    if blesses() {
        fs::write(path, made).expect("a writable checkout");
        return Ok(());
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    if found == made {
        return Ok(());
    }
    let place = found.lines().zip(made.lines()).position(|(one, other)| one != other);
    let line = place.unwrap_or_else(|| found.lines().count().min(made.lines().count()));
    let show = |text: &str| text.lines().nth(line).unwrap_or("(end)").to_owned();
    Err(format!(
        "{} line {}: `{}`, {who} says `{}`; if that is right, run the tests with {BLESS}=1",
        path.display(),
        line + 1,
        show(&found),
        show(made)
    ))
}

fn check_all(results: impl IntoIterator<Item = Result<(), String>>) {
    let wrong = results.into_iter().filter_map(Result::err).collect::<Vec<_>>();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

// One test for both, so that blessing does not read what it is about to write.
#[test]
fn files_that_are_made_are_what_makes_them() {
    check_all(
        generated::files()
            .into_iter()
            .map(|(file, text)| check_made(&cases::home().join(file), &text, "the generator")),
    );
    check_all(cases::all().iter().chain(&cases::two_behaviours()).map(|case| {
        check_made(&case.path("expected.csv"), &reference::expected(case), "the oracle")
    }));
}

#[test]
fn every_case_is_told_of_and_shows_something() {
    let readme = fs::read_to_string(cases::home().join("README.md")).expect("a README");
    let mut measures = Vec::new();
    let mut weightings = Vec::new();
    for case in cases::two_behaviours() {
        assert!(readme.contains(&format!("`{}`", case.name)), "{} is not in README.md", case.name);
        assert!(case.text("expected.csv").lines().count() > 1, "{}", case.name);
    }
    for case in cases::all() {
        assert!(readme.contains(&format!("`{}`", case.name)), "{} is not in README.md", case.name);
        let rows = case.text("expected.csv").lines().count();
        let is_empty = case.name.ends_with("-nothing-qualifies");
        assert_eq!(rows == 1, is_empty, "{}: {rows} lines", case.name);
        measures.push(case.job.measure.name());
        weightings.push(case.job.weighting.name());
    }
    for measure in ilk_core::measure::MeasureName::ALL {
        assert!(measures.contains(measure), "no case for {measure}");
    }
    for weighting in ilk_core::weighting::WeightingName::ALL {
        assert!(weightings.contains(weighting), "no case for {weighting}");
    }
}

#[test]
fn the_library_gives_what_is_expected_from_every_encoding() {
    for case in cases::all() {
        let expected = case.text("expected.csv");
        for encoding in Encoding::ALL {
            let alone = library::run(&case, encoding.files(&case), &Sequential);
            let found = library::csv_text(&alone.0, &alone.1);
            assert_eq!(found, expected, "{} from {encoding:?}", case.name);
            let together = library::run(&case, encoding.files(&case), &Crew(3));
            assert_eq!(together, alone, "{} from {encoding:?} on three threads", case.name);
        }
    }
}
