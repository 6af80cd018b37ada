//! What the times in the data are like.

use ilk_core::{
    data::display_time,
    prepare::{Refusal, Tally, Times},
};

use crate::{error::Error, progress::Reporter, text::grouped};

/// Reports the range of times; nothing where there are none.
pub(crate) fn report(times: &Times, names: &[String], reporter: &Reporter) {
    let (Some(earliest), Some(latest)) = (times.earliest, times.latest) else { return };
    let seconds = |time: i64| u64::try_from(time.div_euclid(1_000_000)).unwrap_or_default();
    let counts = [("earliest", seconds(earliest.time)), ("latest", seconds(latest.time))];
    reporter.count("times", text(times).unwrap_or_default(), &counts);
    if latest.time > jiff::Timestamp::now().as_microsecond() {
        let file = match names {
            [_] => String::new(),
            _ => format!("{} ", names[latest.file as usize]),
        };
        reporter.note(format!(
            "the latest time, {}, is in the future ({file}row {})",
            display_time(latest.time),
            grouped(latest.row)
        ));
    }
}

/// Describes the range of times, and the unit their numbers were read in.
pub fn text(times: &Times) -> Option<String> {
    let (earliest, latest) = (times.earliest?, times.latest?);
    let unit = times.guesses.unit();
    let unit = unit.map_or_else(String::new, |unit| format!(" (numbers read as {unit})"));
    let (earliest, latest) = (display_time(earliest.time), display_time(latest.time));
    Some(format!("{earliest} to {latest}{unit}"))
}

/// Stops where nobody can tell what the numbers in the time column count.
///
/// # Errors
/// What they may be, and how to say which it is.
pub(crate) fn check(tally: &Tally) -> Result<(), Error> {
    let Err(Refusal::TimeUnit { readings }) = tally.check_times() else { return Ok(()) };
    Err(Error::input(format!(
        "cannot infer the unit of the numbers in the time column: {readings}"
    ))
    .with_help(
        "set it with --time-unit s, ms, us, ns, days or yyyymmdd, or fix the rows that differ",
    ))
}
