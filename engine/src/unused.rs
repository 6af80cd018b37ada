//! Settings of a data source that have no effect, which would otherwise change nothing and say nothing.

use ilk_formats::Table;

use crate::{csv::CsvSettings, progress::Reporter, source::DataSource};

/// Notes each setting that has no effect on what is read.
pub(crate) fn report(source: &DataSource, tables: &[Table], reporter: &Reporter) {
    for (flags, why) in unused(source, tables.iter().any(|table| table.dialect().is_some())) {
        let have = if flags.len() == 1 { "has" } else { "have" };
        reporter.note(format!("{} {have} no effect {why}", flags.join(", ")));
    }
}

/// Lists the flags without an effect, and why.
fn unused(source: &DataSource, has_csv: bool) -> Vec<(Vec<String>, &'static str)> {
    let flag = |(name, is_given): (&str, bool)| is_given.then(|| format!("--{name}"));
    let has_time = source.time.is_some();
    let of_times =
        [("time-unit", source.time_unit.is_some()), ("time-format", source.time_format.is_some())];
    let of_times = of_times.into_iter().filter(|_| !has_time).filter_map(flag).collect();
    let target = &source.target;
    let has_numbers = source.weight.is_some()
        || target.weight.is_some()
        || !source.conditions.is_empty()
        || !target.conditions.is_empty();
    let is_decimal = |name: &str| name == "decimal";
    let decimal = source.csv.said().into_iter().filter(|(name, _)| is_decimal(name));
    let decimal = decimal.filter(|_| !has_numbers).map(|(name, _)| format!("--{name}")).collect();
    let of_csv = if has_csv { Vec::new() } else { flags_of(&source.csv) };
    let all = [
        (of_times, "without --time"),
        (decimal, "without --weight or --where"),
        (of_csv, "on inputs that are not CSV"),
    ];
    all.into_iter().filter(|(flags, _): &(Vec<String>, _)| !flags.is_empty()).collect()
}

/// Names the flags that say how CSV files are written, each once.
fn flags_of(csv: &CsvSettings) -> Vec<String> {
    let mut flags: Vec<String> = Vec::new();
    for (name, value) in csv.said() {
        let flag = format!("--{}", name.replace('_', "-"));
        // Weights may be text in any format; what is off has no effect to have.
        if name != "decimal" && value != "false" && !flags.contains(&flag) {
            flags.push(flag);
        }
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(change: impl FnOnce(&mut DataSource), has_csv: bool) -> Vec<String> {
        let mut source = DataSource::new(["orders.csv"], "user", "item");
        change(&mut source);
        let unused = unused(&source, has_csv);
        unused.into_iter().map(|(flags, why)| format!("{} {why}", flags.join(", "))).collect()
    }

    #[test]
    fn settings_without_an_effect_are_named() {
        let time_unit = "ms".parse().ok();
        let without_time = |source: &mut DataSource| source.time_unit = time_unit;
        assert_eq!(told(without_time, true), ["--time-unit without --time"]);
        let with_time = |source: &mut DataSource| {
            source.time_unit = time_unit;
            source.time = Some("when".into());
        };
        assert_eq!(told(with_time, true), [""; 0]);
        let of_csv = |source: &mut DataSource| {
            source.csv.delimiter = ";".parse().ok();
            source.csv.null = vec!["NA".into(), "-".into()];
            source.csv.no_header = Some(false);
            source.csv.decimal = ",".parse().ok();
        };
        assert_eq!(told(of_csv, true), ["--decimal without --weight or --where"]);
        assert_eq!(
            told(of_csv, false),
            [
                "--decimal without --weight or --where",
                "--delimiter, --null on inputs that are not CSV"
            ]
        );
    }
}
