//! What may be read otherwise than it is meant, in words that every surface says: text of another
//! encoding, IDs that stand for nothing, settings without an effect.

use ilk_core::{
    data::TimeUnit,
    text::{counted, grouped},
};

use crate::{
    csv::NullWord,
    dialect::{CsvOptions, Decimal, Header},
    plan::ReadOptions,
    table::Table,
};

/// Lists what is known of files before their rows are read; what holds of several is said once.
pub fn notes_of_files(tables: &[Table]) -> Vec<String> {
    let notes = tables.iter().flat_map(|table| {
        table.notes().iter().map(|note| (note.clone(), table.name())).collect::<Vec<_>>()
    });
    said_once(notes)
}

/// Writes what is said of files, with the name of the first of which it is said.
pub fn said_once<'a>(notes: impl IntoIterator<Item = (String, &'a str)>) -> Vec<String> {
    let mut said: Vec<(String, &str, u64)> = Vec::new();
    for (text, name) in notes {
        match said.iter_mut().find(|(known, ..)| *known == text) {
            Some((.., others)) => *others += 1,
            None => said.push((text, name, 0)),
        }
    }
    let line = |(text, name, others): (String, &str, u64)| match others {
        0 => format!("{name}: {text}"),
        others => format!("{name} and {} more: {text}", grouped(others)),
    };
    said.into_iter().map(line).collect()
}

/// Lists what is known once the rows are read.
pub fn notes_of_rows(tables: &[Table]) -> Vec<String> {
    let of_table = |table: &Table| {
        let notes = table.garbled().into_iter().chain(table.thousands());
        notes.map(|text| format!("{}: {text}", table.name())).collect::<Vec<_>>()
    };
    let mut notes = tables.iter().flat_map(of_table).collect::<Vec<_>>();
    notes.extend(nulls(tables).iter().map(null_text));
    notes
}

/// Adds up the ids that may stand for missing values.
fn nulls(tables: &[Table]) -> Vec<NullWord> {
    let mut words: Vec<NullWord> = Vec::new();
    for word in tables.iter().flat_map(Table::null_words) {
        match words.iter_mut().find(|known| (known.role, known.text) == (word.role, word.text)) {
            Some(known) => known.rows += word.rows,
            None => words.push(word),
        }
    }
    words
}

fn null_text(NullWord { role, text, rows }: &NullWord) -> String {
    let has = if *rows == 1 { "has" } else { "have" };
    let quote = if text.contains('\\') { "'" } else { "" };
    format!(
        "{} {has} the {role} `{text}`; if that means none, add --null {quote}{text}{quote}",
        counted(*rows, "row"),
    )
}

/// Lists the settings that have no effect on what is read, which would otherwise change nothing and
/// say nothing. `readings`: how each behaviour is read, of which there are one or two; `has_csv`: one
/// of the files is CSV; `name`: what the surface calls a setting.
pub fn notes_of_settings(
    readings: &[&ReadOptions],
    has_csv: bool,
    name: &dyn Fn(&str) -> String,
) -> Vec<String> {
    let Some(options) = readings.first() else { return Vec::new() };
    let has_time = readings.iter().any(|options| options.time.is_some());
    let has_numbers =
        readings.iter().any(|options| options.weight.is_some() || !options.conditions.is_empty());
    let of_times = [
        ("time_unit", options.times.unit != TimeUnit::default()),
        ("time_format", options.times.pattern.is_some()),
    ];
    let decimal = [("decimal", options.decimal != Decimal::default())];
    let all = [
        (given(of_times, !has_time), format!("without {}", name("time"))),
        (given(decimal, !has_numbers), format!("without {} or {}", name("weight"), name("where"))),
        (given(of_csv(options), !has_csv), "on inputs that are not CSV".to_owned()),
    ];
    let all = all.into_iter().filter(|(settings, _)| !settings.is_empty());
    let note = |(settings, why): (Vec<&str>, String)| {
        let have = if settings.len() == 1 { "has" } else { "have" };
        let names = settings.into_iter().map(name).collect::<Vec<_>>().join(", ");
        format!("{names} {have} no effect {why}")
    };
    all.map(note).collect()
}

/// Names the settings that are given, if they have no effect.
fn given<const N: usize>(
    settings: [(&'static str, bool); N],
    have_no_effect: bool,
) -> Vec<&'static str> {
    let given = settings.into_iter().filter(|(_, is_given)| have_no_effect && *is_given);
    given.map(|(name, _)| name).collect()
}

/// Lists the settings that say how CSV files are written. Weights may be text in any format.
fn of_csv(options: &ReadOptions) -> [(&'static str, bool); 9] {
    let CsvOptions { delimiter, quote, escape, header, encoding, comment, .. } = &options.csv;
    [
        ("delimiter", delimiter.is_some()),
        ("quote", quote.is_some()),
        ("escape", escape.is_some()),
        ("no_header", *header == Header::Absent),
        ("skip_lines", options.csv.skip_lines > 0),
        ("encoding", encoding.is_some()),
        ("null", !options.nulls.is_empty()),
        ("comment", comment.is_some()),
        ("max_record_size", options.csv.max_record_size.is_some()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(change: impl FnOnce(&mut ReadOptions), has_csv: bool) -> Vec<String> {
        let mut options = ReadOptions::default();
        change(&mut options);
        notes_of_settings(&[&options], has_csv, &|name| format!("--{}", name.replace('_', "-")))
    }

    #[test]
    fn settings_without_an_effect_are_named() {
        let without_time = |options: &mut ReadOptions| options.times.unit = TimeUnit::Ms;
        assert_eq!(told(without_time, true), ["--time-unit has no effect without --time"]);
        let with_time = |options: &mut ReadOptions| {
            options.times.unit = TimeUnit::Ms;
            options.time = Some("when".into());
        };
        assert_eq!(told(with_time, true), [""; 0]);
        let of_csv = |options: &mut ReadOptions| {
            options.csv.delimiter = ";".parse().ok();
            options.nulls = vec!["NA".into(), "-".into()];
            options.decimal = Decimal::Comma;
        };
        assert_eq!(told(of_csv, true), ["--decimal has no effect without --weight or --where"]);
        assert_eq!(
            told(of_csv, false),
            [
                "--decimal has no effect without --weight or --where",
                "--delimiter, --null have no effect on inputs that are not CSV"
            ]
        );
        assert_eq!(told(|_| {}, false), [""; 0]);
    }

    #[test]
    fn a_second_behaviour_gives_settings_their_effect() {
        let options = ReadOptions { decimal: Decimal::Comma, ..ReadOptions::default() };
        let target = ReadOptions { weight: Some("price".into()), ..options.clone() };
        let name = |name: &str| name.to_owned();
        assert_eq!(notes_of_settings(&[&options, &target], true, &name), [""; 0]);
        let found = notes_of_settings(&[&options], true, &name);
        assert_eq!(found, ["decimal has no effect without weight or where"]);
    }

    #[test]
    fn what_holds_of_several_files_is_said_once() {
        let notes =
            [("a".to_owned(), "1.csv"), ("b".to_owned(), "1.csv"), ("a".to_owned(), "2.csv")];
        assert_eq!(said_once(notes), ["1.csv and 1 more: a", "1.csv: b"]);
    }
}
