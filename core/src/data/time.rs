//! Dates, times and durations as text.

use jiff::{SpanRelativeTo, Timestamp, Unit, civil};

/// Parses a point in time into microseconds since 1970-01-01T00:00:00Z.
///
/// Takes ISO 8601 dates (`2026-01-31`), times with `T` or a space between, with an offset or
/// without (then UTC), and plain numbers, which are seconds since 1970.
pub fn parse_time(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return from_seconds(seconds);
    }
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant.as_microsecond());
    }
    let civil: civil::DateTime = text.parse().ok()?;
    let zoned = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_microsecond())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_their_usual_forms() {
        let noon = 1_769_860_800_000_000;
        for text in [
            "2026-01-31T12:00:00Z",
            "2026-01-31 12:00:00",
            "2026-01-31T13:00:00+01:00",
            "1769860800",
            "1769860800.0",
        ] {
            assert_eq!(parse_time(text), Some(noon), "{text}");
        }
        assert_eq!(parse_time("2026-01-31"), Some(noon - 12 * 3_600_000_000));
        for text in ["", "yesterday", "31/01/2026", "nan", "inf", "1e300"] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_read_with_their_unit() {
        assert_eq!(parse_duration("90d"), Some(90 * 86_400_000_000));
        assert_eq!(parse_duration("1h 30m"), Some(5_400_000_000));
        assert_eq!(parse_duration("90"), None);
    }
}
