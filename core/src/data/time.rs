//! Dates, times and durations as text and as numbers.

use std::{fmt, str::FromStr};

use jiff::{
    SpanRelativeTo, Timestamp, Unit,
    civil::{Date, DateTime, Time},
    fmt::strtime,
    tz::TimeZone,
};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;
/// 1990-01-01T00:00:00Z in microseconds: numbers of times before it are not guessed.
const EARLIEST: i64 = 7_305 * DAY;
/// 2100-01-01T00:00:00Z in microseconds: the end of what is guessed where nobody knows the present.
const LATEST: i64 = 47_482 * DAY;

/// Parses a point in time into microseconds since 1970-01-01T00:00:00Z.
///
/// Takes ISO 8601 dates (`2026-01-31`, also `2026/01/31`), times with `T` or a space between, with
/// an offset, `Z` or `UTC` (a space before it or not) or without (then UTC), and plain numbers,
/// which are seconds since 1970.
pub fn parse_time(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return from_seconds(seconds);
    }
    parse_words(text)
}

/// Parses a point in time that is no plain number.
fn parse_words(text: &str) -> Option<i64> {
    parse_iso(text).or_else(|| parse_iso(&normalized(text)?))
}

fn parse_iso(text: &str) -> Option<i64> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant.as_microsecond());
    }
    // A zone by its name and without an offset, as in `[Europe/Paris]`: it would be passed over.
    if text.contains('[') {
        return None;
    }
    in_utc(text.parse().ok()?)
}

fn in_utc(civil: DateTime) -> Option<i64> {
    Some(TimeZone::UTC.to_timestamp(civil).ok()?.as_microsecond())
}

/// Brings usual spellings to ISO 8601: `2010/12/01`, and zones after a space. `None` if there is
/// nothing to change.
fn normalized(text: &str) -> Option<String> {
    let mut zone = "";
    let mut rest = text;
    for name in ["UTC", "GMT", "Z"] {
        if let Some(before) = text.strip_suffix(name) {
            (rest, zone) = (before.trim_end(), "Z");
            break;
        }
    }
    if let Some((before, offset)) = rest.rsplit_once(' ')
        && offset.starts_with(['+', '-'])
    {
        (rest, zone) = (before.trim_end(), offset);
    }
    let slashes = matches!(rest.as_bytes(), [_, _, _, _, b'/', _, _, b'/', ..]);
    let is_date = rest.len() == 10;
    if zone.is_empty() && !slashes {
        return None;
    }
    let mut iso = if slashes { rest.replacen('/', "-", 2) } else { rest.to_owned() };
    if !zone.is_empty() && is_date {
        iso.push_str("T00:00:00");
    }
    iso.push_str(zone);
    Some(iso)
}

/// Turns seconds since 1970 into microseconds; `None` if not finite or past 292,000 years.
pub fn from_seconds(seconds: f64) -> Option<i64> {
    let micros = seconds * 1e6;
    (micros.abs() < 9.2e18).then_some(micros as i64)
}

/// Parses a duration such as `90d`, `12h` or `1h 30m` into microseconds; a day has 24 hours.
pub fn parse_duration(text: &str) -> Option<i64> {
    let span: jiff::Span = text.trim().parse().ok()?;
    let micros = span.total((Unit::Microsecond, SpanRelativeTo::days_are_24_hours())).ok()?;
    (micros.abs() < 9.2e18).then_some(micros as i64)
}

/// Spells microseconds since 1970 as people read them: `2026-01-31`, or with the time of day where
/// it is not midnight; the number itself where no calendar reaches that far.
pub fn display_time(micros: i64) -> String {
    let Ok(instant) = Timestamp::from_microsecond(micros) else { return micros.to_string() };
    if micros.rem_euclid(DAY) == 0 {
        return TimeZone::UTC.to_datetime(instant).date().to_string();
    }
    let civil = TimeZone::UTC.to_datetime(instant);
    format!("{} {}", civil.date(), civil.time())
}

/// What numbers in a time column count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum TimeUnit {
    /// Whatever puts the number between 1990 and the day after tomorrow; all must count the same.
    #[default]
    Auto,
    /// Seconds since 1970.
    S,
    /// Milliseconds since 1970.
    Ms,
    /// Microseconds since 1970.
    Us,
    /// Nanoseconds since 1970.
    Ns,
    /// Days since 1970.
    Days,
    /// Dates written as one number, such as 20260131.
    Yyyymmdd,
}

impl TimeUnit {
    /// The names, in the order of the variants.
    pub const NAMES: &[&str] = &["auto", "s", "ms", "us", "ns", "days", "yyyymmdd"];
    /// What a number may count.
    const MEANINGS: [Self; 6] = [Self::S, Self::Ms, Self::Us, Self::Ns, Self::Days, Self::Yyyymmdd];

    /// Returns the name.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Turns a whole number into microseconds since 1970; `None` if it is no time in this unit.
    fn whole(self, value: i128) -> Option<i64> {
        let micros = match self {
            Self::S | Self::Auto => value.checked_mul(1_000_000)?,
            Self::Ms => value.checked_mul(1_000)?,
            Self::Us => value,
            Self::Ns => value.div_euclid(1_000),
            Self::Days => value.checked_mul(DAY.into())?,
            Self::Yyyymmdd => return date_of_number(value),
        };
        i64::try_from(micros).ok().filter(|micros| *micros > i64::MIN)
    }

    /// Does the same for any number; fractions are cut to microseconds.
    fn float(self, value: f64) -> Option<i64> {
        let per_unit = match self {
            Self::S | Self::Auto => 1e6,
            Self::Ms => 1e3,
            Self::Us => 1.0,
            Self::Ns => 1e-3,
            Self::Days => DAY as f64,
            Self::Yyyymmdd => {
                return (value.fract() == 0.0 && value.abs() < 1e9)
                    .then(|| date_of_number(value as i128))
                    .flatten();
            }
        };
        let micros = value * per_unit;
        (micros.abs() < 9.2e18).then_some(micros as i64)
    }
}

impl fmt::Display for TimeUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for TimeUnit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Auto].into_iter().chain(Self::MEANINGS);
        all.into_iter().find(|unit| unit.name() == text).ok_or_else(|| {
            format!("`{text}` is not a time unit; expected {}", Self::NAMES.join(", "))
        })
    }
}

/// Reads 20260131 as a date.
fn date_of_number(value: i128) -> Option<i64> {
    let value = i32::try_from(value).ok().filter(|value| (10_000..=99_991_231).contains(value))?;
    let (year, month, day) = (value / 10_000, value / 100 % 100, value % 100);
    let date = Date::new(i16::try_from(year).ok()?, month as i8, day as i8).ok()?;
    in_utc(date.to_datetime(Time::midnight()))
}

/// How the cells of a time column are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeRule {
    /// What numbers count.
    pub unit: TimeUnit,
    /// How text is written, in the terms of strftime; ISO 8601 and its relatives where `None`.
    pub pattern: Option<String>,
    /// The present in microseconds since 1970, where the surface has a clock. It decides which
    /// numbers are refused, never what one means.
    pub now: Option<i64>,
}

/// A point in time that was read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub micros: i64,
    /// What had to be guessed of it.
    pub guess: Guess,
}

/// What a number was taken to count, where nobody said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Guess {
    /// Nothing had to be guessed.
    None,
    /// The one unit that puts it between 1990 and the day after tomorrow.
    Unit(TimeUnit),
    /// No unit does; it was taken to be seconds.
    Unlikely,
}

impl Moment {
    const fn sure(micros: i64) -> Self {
        Self { micros, guess: Guess::None }
    }
}

impl TimeRule {
    /// Checks a pattern of strftime.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_pattern(pattern: &str) -> Result<(), String> {
        if !pattern.contains('%') {
            return Err("it has no %-directive".into());
        }
        let example = jiff::civil::datetime(2026, 1, 31, 12, 34, 56, 0);
        let example = example.to_zoned(TimeZone::UTC).map_err(|error| error.to_string())?;
        let text = strtime::format(pattern, &example).map_err(|error| error.to_string())?;
        let broken = strtime::parse(pattern, &text).map_err(|error| error.to_string())?;
        match of_pattern(&broken) {
            Some(_) => Ok(()),
            None => Err("it does not tell year, month and day".into()),
        }
    }

    /// Reads a cell of text.
    pub fn text(&self, text: &str) -> Option<Moment> {
        let text = text.trim();
        if let Some(pattern) = &self.pattern {
            return of_pattern(&strtime::parse(pattern, text).ok()?).map(Moment::sure);
        }
        if let Ok(whole) = text.parse::<i64>() {
            return self.whole(whole.into());
        }
        if let Ok(number) = text.parse::<f64>() {
            return self.float(number);
        }
        parse_words(text).map(Moment::sure)
    }

    /// Reads a whole number.
    pub fn whole(&self, value: i128) -> Option<Moment> {
        if self.pattern.is_some() {
            return self.text(&value.to_string());
        }
        self.number(|unit| unit.whole(value))
    }

    /// Reads any number.
    pub fn float(&self, value: f64) -> Option<Moment> {
        if self.pattern.is_some() {
            return self.text(&value.to_string());
        }
        self.number(|unit| unit.float(value))
    }

    fn number(&self, micros: impl Fn(TimeUnit) -> Option<i64>) -> Option<Moment> {
        if self.unit != TimeUnit::Auto {
            return micros(self.unit).map(Moment::sure);
        }
        let latest = self.now.map_or(LATEST, |now| now.saturating_add(2 * DAY));
        let likely = |unit: &TimeUnit| {
            micros(*unit).is_some_and(|micros| (EARLIEST..=latest).contains(&micros))
        };
        // The ranges do not touch one another before the year 2100.
        if let Some(unit) = TimeUnit::MEANINGS.into_iter().find(likely) {
            let micros = micros(unit)?;
            return Some(Moment { micros, guess: Guess::Unit(unit) });
        }
        micros(TimeUnit::S).map(|micros| Moment { micros, guess: Guess::Unlikely })
    }
}

fn of_pattern(broken: &strtime::BrokenDownTime) -> Option<i64> {
    if let Some(instant) = broken.timestamp() {
        return Some(instant.as_microsecond());
    }
    if let Ok(instant) = broken.to_timestamp() {
        return Some(instant.as_microsecond());
    }
    let date = broken.to_date().ok()?;
    let time = if broken.hour().is_some() { broken.to_time().ok()? } else { Time::midnight() };
    in_utc(date.to_datetime(time))
}

/// Lists what a number is in each unit that makes it a time, for messages.
pub fn readings_of(value: f64) -> String {
    let reading = |unit: TimeUnit| Some(format!("{} as {unit}", display_time(unit.float(value)?)));
    let readings = TimeUnit::MEANINGS.into_iter().filter_map(reading).collect::<Vec<_>>();
    if readings.is_empty() { "no time in any unit".into() } else { readings.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_769_860_800_000_000;

    #[test]
    fn times_are_read_in_their_usual_forms() {
        for text in [
            "2026-01-31T12:00:00Z",
            "2026-01-31 12:00:00",
            "2026-01-31T13:00:00+01:00",
            "2026-01-31 12:00:00 UTC",
            "2026-01-31 12:00:00 Z",
            "2026-01-31 12:00:00Z",
            "2026-01-31 12:00:00 +0000",
            "2026-01-31 13:00:00 +01:00",
            "2026-01-31 12:00:00.000 UTC",
            "2026-01-31 12:00",
            "2026/01/31 12:00",
            "2026/01/31 12:00:00 UTC",
            "1769860800",
            "1769860800.0",
        ] {
            assert_eq!(parse_time(text), Some(NOON), "{text}");
        }
        for text in ["2026-01-31", "2026/01/31", "2026-01-31 UTC", "2026-01-31 +0000"] {
            assert_eq!(parse_time(text), Some(NOON - DAY / 2), "{text}");
        }
        for text in [
            "2026-01-31T12:00:00[Europe/Paris]",
            "",
            "yesterday",
            "31/01/2026",
            "nan",
            "inf",
            "1e300",
            "UTC",
            "Z",
            "2026/13/01",
        ] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_read_with_their_unit() {
        assert_eq!(parse_duration("90d"), Some(90 * 86_400_000_000));
        assert_eq!(parse_duration("1h 30m"), Some(5_400_000_000));
        assert_eq!(parse_duration("90"), None);
    }

    #[test]
    fn the_unit_of_a_number_is_the_one_that_puts_it_into_our_days() {
        let rule = TimeRule { now: Some(NOON), ..TimeRule::default() };
        for (number, unit) in [
            ("1769860800", TimeUnit::S),
            ("1769860800.0", TimeUnit::S),
            ("1769860800000", TimeUnit::Ms),
            ("1769860800000000", TimeUnit::Us),
            ("1769860800000000000", TimeUnit::Ns),
        ] {
            let expected = Moment { micros: NOON, guess: Guess::Unit(unit) };
            assert_eq!(rule.text(number), Some(expected), "{number}");
        }
        for (number, unit) in [(20_484, TimeUnit::Days), (20_260_131, TimeUnit::Yyyymmdd)] {
            let expected = Moment { micros: NOON - DAY / 2, guess: Guess::Unit(unit) };
            assert_eq!(rule.whole(number), Some(expected), "{number}");
        }
        // The day after tomorrow is the last; years, minutes and numbers of rows are no times.
        assert_eq!(rule.whole(20_260_202).map(|m| m.guess), Some(Guess::Unit(TimeUnit::Yyyymmdd)));
        for number in [20_260_203, 2026, 0, 1_000, 29_497_680, 20_261_399] {
            assert_eq!(rule.whole(number).map(|m| m.guess), Some(Guess::Unlikely), "{number}");
        }
    }

    #[test]
    fn no_number_has_two_likely_units() {
        let all = TimeUnit::MEANINGS;
        for number in (0..64).flat_map(|bits| [1_i128 << bits, (1 << bits) * 3 / 2]) {
            let likely = all.iter().filter(|unit| {
                unit.whole(number).is_some_and(|micros| (EARLIEST..=LATEST).contains(&micros))
            });
            assert!(likely.count() <= 1, "{number}");
        }
        // The ends of each range, in every unit.
        let ends = |unit: TimeUnit| match unit {
            TimeUnit::S => [i128::from(EARLIEST) / 1_000_000, i128::from(LATEST) / 1_000_000],
            TimeUnit::Ms => [i128::from(EARLIEST) / 1_000, i128::from(LATEST) / 1_000],
            TimeUnit::Ns => [i128::from(EARLIEST) * 1_000, i128::from(LATEST) * 1_000],
            TimeUnit::Days => [7_305, 47_482],
            TimeUnit::Yyyymmdd => [19_900_101, 21_000_101],
            TimeUnit::Us | TimeUnit::Auto => [EARLIEST.into(), LATEST.into()],
        };
        let mut ranges = all.map(ends);
        ranges.sort_unstable();
        assert!(ranges.windows(2).all(|pair| pair[0][1] < pair[1][0]));
    }

    #[test]
    fn a_unit_that_is_given_holds_for_all_numbers() {
        let rule = |unit| TimeRule { unit, ..TimeRule::default() };
        let sure = |micros| Some(Moment { micros, guess: Guess::None });
        assert_eq!(rule(TimeUnit::S).whole(0), sure(0));
        assert_eq!(rule(TimeUnit::Ms).text("1500"), sure(1_500_000));
        assert_eq!(rule(TimeUnit::Days).whole(-1), sure(-DAY));
        assert_eq!(rule(TimeUnit::Days).float(1.5), sure(DAY * 3 / 2));
        assert_eq!(rule(TimeUnit::Ns).whole(-1), sure(-1));
        assert_eq!(rule(TimeUnit::Yyyymmdd).whole(20_260_131), sure(NOON - DAY / 2));
        assert_eq!(rule(TimeUnit::Yyyymmdd).whole(20_261_301), None);
        assert_eq!(rule(TimeUnit::S).whole(i64::MAX.into()), None);
    }

    #[test]
    fn text_is_read_by_its_pattern() {
        let rule =
            |pattern: &str| TimeRule { pattern: Some(pattern.into()), ..TimeRule::default() };
        let micros = |pattern, text| rule(pattern).text(text).map(|moment| moment.micros);
        assert_eq!(micros("%d/%m/%Y", "31/01/2026"), Some(NOON - DAY / 2));
        assert_eq!(micros("%d.%m.%Y %H:%M", "31.01.2026 12:00"), Some(NOON));
        assert_eq!(micros("%m/%d/%Y %I:%M:%S %p", "1/31/2026 12:00:00 PM"), Some(NOON));
        assert_eq!(micros("%d %b %Y %H:%M %z", "31 Jan 2026 13:00 +0100"), Some(NOON));
        assert_eq!(micros("%d/%m/%Y", "2026-01-31"), None);
        assert_eq!(rule("%Y%m%d").whole(20_260_131).map(|m| m.micros), Some(NOON - DAY / 2));
        for pattern in ["%d/%m/%Y", "%Y%m%d", "%s", "%Y-%m-%dT%H:%M:%S%.f%z"] {
            assert_eq!(TimeRule::check_pattern(pattern), Ok(()), "{pattern}");
        }
        for pattern in ["", "dd/mm/yyyy", "%H:%M", "%!", "%"] {
            assert!(TimeRule::check_pattern(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn times_are_spelled_for_people() {
        assert_eq!(display_time(NOON), "2026-01-31 12:00:00");
        assert_eq!(display_time(NOON - DAY / 2), "2026-01-31");
        assert_eq!(readings_of(20_111_201.0).matches(" as ").count(), 6);
        assert!(readings_of(20_111_201.0).contains("2011-12-01 as yyyymmdd"));
    }
}
