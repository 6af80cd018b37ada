//! What hosts need that prepare rows themselves, and leave only tiles to the plugin: the job
//! decided, hashes of ids, weights.

use ilk_core::{
    data::{Guess, Moment, TimeColumn, TimeRule, TimeUnit, hash_id},
    forecast::HEAVIEST_USER,
    job::{Given, Job},
    measure::Norm,
    prepare::Needs,
    weighting::{Anchor, Weigher, Weighting, bm25, center, decay, log, tfidf},
};
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, job};

/// A job with every setting decided, as far as a host that prepares rows has to know it.
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own, as JSON")]
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decided {
    /// `items` or `users`: what is compared.
    pub of: &'static str,
    /// Name of the measure.
    pub measure: &'static str,
    /// Name of the weighting.
    pub weighting: &'static str,
    /// `none`, `user` or `item`: whose mean is subtracted from weights.
    pub center: &'static str,
    /// What of each weight is summed up in `squares`: `squares` or `sums`.
    pub norm: &'static str,
    /// Neighbours kept per item.
    pub top: u32,
    /// Pairs scoring below are no neighbours.
    pub threshold: Option<f64>,
    /// Items with fewer users are dropped first.
    pub min_support: u32,
    /// How many items of one user are kept.
    pub max_items_per_user: Option<u32>,
    /// What becomes of several rows of one user and item.
    pub duplicates: &'static str,
    /// What becomes of rows whose weight is zero or less.
    pub negative_weights: &'static str,
    /// Share of rows that may be bad.
    pub max_bad_rows: f64,
    /// Rows that may be bad whatever their share.
    pub spared_bad_rows: u64,
    /// Set-aside rows are an error.
    pub strict: bool,
    /// The present of decay, microseconds since 1970, where the job names it.
    pub now: Option<i64>,
    /// Weights differ between pairs, and something looks at them.
    pub needs_weight: bool,
    /// Times are looked at.
    pub needs_time: bool,
    /// Tiles take weights: they are not all 1 after weighting.
    pub is_weighted: bool,
    /// Items of one user past which a job is refused.
    pub heaviest_user: u64,
}

/// Decides a job on data with the columns `given`.
///
/// # Errors
/// For settings that cannot be.
pub fn decide(wish: &str, given: Given) -> Result<Decided, Failure> {
    let job = job(wish)?.resolve(given)?;
    let Needs { weight, time } = Needs::of(&job, given);
    let now = match job.weighting {
        Weighting::Decay { now, .. } => now,
        _ => None,
    };
    Ok(Decided {
        of: job.of.name(),
        measure: job.measure.name().name(),
        weighting: job.weighting.name().name(),
        center: job.weighting.center().name(),
        norm: match job.measure.norm() {
            Norm::Squares => "squares",
            Norm::Sum => "sums",
        },
        top: job.top,
        threshold: job.threshold.map(f64::from),
        min_support: job.min_support,
        max_items_per_user: job.max_items_per_user,
        duplicates: job.duplicates.name(),
        negative_weights: job.negative_weights.name(),
        max_bad_rows: job.max_bad_rows,
        spared_bad_rows: job.spared_bad_rows,
        strict: job.strict,
        now,
        needs_weight: weight,
        needs_time: time,
        is_weighted: is_weighted(&job, weight),
        heaviest_user: HEAVIEST_USER,
    })
}

fn is_weighted(job: &Job, has_weights: bool) -> bool {
    !Weigher::is_unit(job.weighting, has_weights)
}

/// How the texts of a time column are read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Times {
    /// What numbers count.
    pub time_unit: Option<TimeUnit>,
    /// How they are written, in the terms of strftime; ISO 8601 where absent.
    pub time_format: Option<String>,
}

/// Reads texts that lie one after the other as times: microseconds since 1970, the least number for
/// what is none.
///
/// # Errors
/// For a format that is none, texts as [`hashes`] refuses them, and for numbers whose unit is not given.
pub fn times(rule: Times, starts: &[u32], bytes: &[u8]) -> Result<Vec<i64>, Failure> {
    let Times { time_unit, time_format: pattern } = rule;
    if let Some(Err(why)) = pattern.as_deref().map(TimeRule::check_pattern) {
        return Err(Failure::new("setting", format!("time_format: {why}")));
    }
    let rule = TimeRule { unit: time_unit.unwrap_or_default(), pattern, now: None };
    let read = |text: &str| match rule.text(text) {
        None => Ok(TimeColumn::NONE),
        Some(Moment { micros, guess: Guess::None }) => Ok(micros),
        Some(_) => {
            let why = format!("the time column holds numbers as text, such as {text}");
            Err(Failure::new("column", format!("{why}; say with time_unit what they count")))
        }
    };
    texts(starts, bytes).map(|text| read(text?)).collect()
}

/// Hashes texts that lie one after the other, as by-user samples do: XXH3-64, seed 0. `starts`
/// has one entry more than there are texts.
///
/// # Errors
/// Unless starts rise within `bytes`, and texts are UTF-8.
pub fn hashes(starts: &[u32], bytes: &[u8]) -> Result<Vec<u64>, Failure> {
    texts(starts, bytes).map(|text| Ok(hash_id(text?))).collect()
}

/// Walks texts that lie one after the other.
fn texts<'a>(starts: &'a [u32], bytes: &'a [u8]) -> impl Iterator<Item = Result<&'a str, Failure>> {
    let text =
        |ends: &[u32]| std::str::from_utf8(bytes.get(ends[0] as usize..ends[1] as usize)?).ok();
    starts.windows(2).map(move |ends| {
        let why = "starts must rise from text to text of UTF-8, and end within the bytes";
        text(ends).ok_or_else(|| Failure::new("block", why))
    })
}

/// What has to be known of all interactions to weigh some.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weighing {
    /// The job.
    #[serde(default)]
    pub job: serde_json::Value,
    /// All items.
    pub items: u32,
    /// The mean of all items' lengths, for BM25.
    #[serde(default)]
    pub average: f64,
    /// The newest time of all, for decay.
    #[serde(default)]
    pub newest: i64,
    /// These are events of one user and item that are about to be added up: with decay each weighs
    /// what is left of it at its anchor, the newest time of the pair; else what it weighs.
    #[serde(default)]
    pub events: bool,
}

/// Interactions to weigh, column by column; columns that the weighting does not look at may be
/// absent.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    /// How many there are.
    pub count: usize,
    /// What each weighs before weighting; absent where all weigh 1.
    pub weights: Option<Vec<f64>>,
    /// Items of the user of each; for the mean of an item the users of the item.
    pub degrees: Option<Vec<u32>>,
    /// Sum of the weights of the item of each, in ascending order of users; for the mean of a user
    /// the sum of the user's, in ascending order of items.
    pub lengths: Option<Vec<f64>>,
    /// Time of each, microseconds since 1970.
    pub times: Option<Vec<i64>>,
    /// Newest time of the item of each, or of the pair of an event.
    pub anchors: Option<Vec<i64>>,
}

/// Weighs interactions as [`Weigher`] does, in any order and grouping.
///
/// # Errors
/// For settings that cannot be, and columns that are missing or too short.
pub fn weigh(request: &Weighing, columns: &Columns) -> Result<Vec<f64>, Failure> {
    let Columns { count, weights, degrees, lengths, times, anchors } = columns;
    let wish = if request.job.is_null() { String::new() } else { request.job.to_string() };
    let job = job(&wish)?.resolve(Given { weight: true, time: true })?;
    let as_long = |length: Option<usize>| length.is_none_or(|length| length == *count);
    let all = [
        weights.as_ref().map(Vec::len),
        degrees.as_ref().map(Vec::len),
        lengths.as_ref().map(Vec::len),
        times.as_ref().map(Vec::len),
        anchors.as_ref().map(Vec::len),
    ];
    if !all.into_iter().all(as_long) {
        return Err(Failure::new("block", "the columns differ in length"));
    }
    let missing = |what: &str| {
        Failure::new("block", format!("weighting {} needs {what}", job.weighting.name()))
    };
    let raw = |at: usize| weights.as_ref().map_or(1.0, |all| all[at]);
    let every = 0..*count;
    if request.events {
        let Weighting::Decay { half_life, .. } = job.weighting else {
            return Ok(every.map(raw).collect());
        };
        let times = times.as_ref().ok_or_else(|| missing("times"))?;
        let anchors = anchors.as_ref().ok_or_else(|| missing("anchors"))?;
        let age = |at: usize| anchors[at].saturating_sub(times[at]);
        return Ok(every.map(|at| decay::weigh(raw(at), age(at), half_life)).collect());
    }
    Ok(match job.weighting {
        Weighting::Binary => every.map(|_| 1.0).collect(),
        Weighting::Raw => every.map(raw).collect(),
        Weighting::Log => every.map(|at| log::weigh(raw(at))).collect(),
        Weighting::Centred(_) => {
            let counts = degrees.as_ref().ok_or_else(|| missing("degrees"))?;
            let sums = lengths.as_ref().ok_or_else(|| missing("lengths"))?;
            let mean = |at: usize| center::mean(sums[at], counts[at]);
            every.map(|at| center::weigh(raw(at), mean(at))).collect()
        }
        Weighting::Tfidf { idf: kind } => {
            let degrees = degrees.as_ref().ok_or_else(|| missing("degrees"))?;
            let idf = |at: usize| tfidf::idf(request.items, degrees[at], kind);
            every.map(|at| tfidf::weigh(raw(at), idf(at))).collect()
        }
        Weighting::Bm25 { k1, b, idf: kind } => {
            let degrees = degrees.as_ref().ok_or_else(|| missing("degrees"))?;
            let lengths = lengths.as_ref().ok_or_else(|| missing("lengths"))?;
            let idf = |at: usize| tfidf::idf(request.items, degrees[at], kind);
            let saturation = |at: usize| bm25::saturation(k1, b, lengths[at], request.average);
            every.map(|at| bm25::saturate(raw(at), k1, saturation(at)) * idf(at)).collect()
        }
        Weighting::Decay { half_life, now, anchor } => {
            let times = times.as_ref().ok_or_else(|| missing("times"))?;
            let whole = |time| decay::half_lives(time, half_life);
            let since =
                |at: usize, halvings| decay::weigh_since(raw(at), times[at], half_life, halvings);
            match anchor {
                Anchor::Item => {
                    let anchors = anchors.as_ref().ok_or_else(|| missing("anchors"))?;
                    every.map(|at| since(at, whole(anchors[at]))).collect()
                }
                Anchor::All => every.map(|at| since(at, whole(request.newest))).collect(),
                Anchor::Now => {
                    let present = now.unwrap_or(request.newest);
                    let age = |at: usize| present.saturating_sub(times[at]);
                    every.map(|at| decay::weigh(raw(at), age(at), half_life)).collect()
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use ilk_core::weighting::{Totals, UserRow};

    use super::*;

    #[test]
    fn texts_hash_as_ids_of_samples_do() {
        let found = hashes(&[0, 2, 2, 5], b"17abc").expect("texts");
        assert_eq!(found, [hash_id("17"), hash_id(""), hash_id("abc")]);
        for starts in [&[0, 9][..], &[3, 1]] {
            assert_eq!(hashes(starts, b"17abc").expect_err("no text").code, "block");
        }
        assert!(hashes(&[0, 1], b"\xff").is_err());
    }

    #[test]
    fn times_are_read_as_everywhere() {
        let texts = ["31/01/2026", "2026-01-31", "", "nie"];
        let starts = [0, 10, 20, 20, 23];
        let read = |unit: Option<TimeUnit>, format: Option<&str>| {
            let rule = Times { time_unit: unit, time_format: format.map(Into::into) };
            times(rule, &starts, texts.concat().as_bytes())
        };
        let (day, none) = (1_769_817_600_000_000, TimeColumn::NONE);
        assert_eq!(read(None, Some("%d/%m/%Y")).expect("times"), [day, none, none, none]);
        assert_eq!(read(None, None).expect("times"), [none, day, none, none]);
        assert_eq!(read(None, Some("day")).expect_err("no format").code, "setting");
        let numbers =
            |unit| times(Times { time_unit: unit, time_format: None }, &[0, 10], b"1769817600");
        assert_eq!(numbers(Some(TimeUnit::S)).expect("seconds"), [day]);
        let refused = numbers(None).expect_err("no unit");
        assert_eq!(refused.code, "column");
        assert!(refused.message.contains("time_unit"), "{}", refused.message);
    }

    #[test]
    fn weights_are_those_of_whole_rows_bit_for_bit() {
        let rows: [(&[u32], &[f64], &[i64]); 2] = [
            (&[0, 2], &[1.5, 3.0], &[5_000_000, 9_000_000]),
            (&[1, 2, 3], &[0.1, 7.0, 2.0], &[1, 2, 3]),
        ];
        let mut lengths = vec![0.0; 4];
        let mut newest = [0; 4];
        let row =
            |(items, weights, times)| UserRow { items, weights: Some(weights), times: Some(times) };
        let mut users = [0; 4];
        for of_user in rows {
            bm25::add_lengths(row(of_user), &mut lengths);
            for (item, time) in of_user.0.iter().zip(of_user.2) {
                newest[*item as usize] = newest[*item as usize].max(*time);
                users[*item as usize] += 1;
            }
        }
        for wish in [
            r#"{"weighting": "raw", "measure": "cosine"}"#,
            r#"{"weighting": "log"}"#,
            r#"{"weighting": "tfidf"}"#,
            r#"{"weighting": "bm25", "k1": 2.5, "b": 0.3, "measure": "dot"}"#,
            r#"{"weighting": "decay", "half_life": "3s"}"#,
            r#"{"weighting": "decay", "half_life": "3s", "measure": "tanimoto"}"#,
            r#"{"weighting": "decay", "half_life": "3s", "measure": "dot"}"#,
            r#"{"weighting": "decay", "half_life": "3s", "measure": "dot", "now": "1970-01-02"}"#,
            r#"{"weighting": "raw", "center": "item"}"#,
            r#"{"like": "implicit-tfidf"}"#,
        ] {
            let given = Given { weight: true, time: true };
            let job = job(wish).expect("a job").resolve(given).expect("settings");
            let mut totals = Totals::new(job.weighting, 4);
            for of_user in rows {
                totals.add(row(of_user));
            }
            let weigher = Weigher::new(job.weighting, totals);
            let mut expected = Vec::new();
            for of_user in rows {
                weigher.weigh(row(of_user), &mut expected);
            }
            let items = rows.iter().flat_map(|of_user| of_user.0.to_vec()).collect::<Vec<_>>();
            let degrees =
                rows.iter().flat_map(|of_user| vec![of_user.0.len() as u32; of_user.0.len()]);
            let of_items = matches!(job.weighting, Weighting::Centred(_));
            let degrees = degrees.collect::<Vec<_>>();
            let users = items.iter().map(|item| users[*item as usize]).collect();
            let columns = Columns {
                count: 5,
                weights: Some(rows.iter().flat_map(|of_user| of_user.1.to_vec()).collect()),
                degrees: Some(if of_items { users } else { degrees }),
                lengths: Some(items.iter().map(|item| lengths[*item as usize]).collect()),
                times: Some(rows.iter().flat_map(|of_user| of_user.2.to_vec()).collect()),
                anchors: Some(items.iter().map(|item| newest[*item as usize]).collect()),
            };
            let request = Weighing {
                job: serde_json::from_str(wish).expect("JSON"),
                items: 4,
                average: lengths.iter().sum::<f64>() / 4.0,
                newest: 9_000_000,
                events: false,
            };
            let bits = |all: Vec<f64>| all.into_iter().map(f64::to_bits).collect::<Vec<_>>();
            assert_eq!(bits(weigh(&request, &columns).expect("weights")), bits(expected), "{wish}");
            let none = Columns { count: 5, ..Columns::default() };
            let needs = !matches!(job.weighting, Weighting::Raw | Weighting::Log);
            assert_eq!(weigh(&request, &none).is_err(), needs, "{wish}");
        }
    }

    #[test]
    fn a_job_is_decided_as_everywhere() {
        let given = Given { weight: true, time: false };
        let decided = decide(r#"{"like": "implicit-tfidf", "top": 7}"#, given).expect("a job");
        assert_eq!((decided.measure, decided.weighting, decided.top), ("cosine", "tfidf", 7));
        assert!(decided.needs_weight && decided.is_weighted && !decided.needs_time);
        assert_eq!(decided.duplicates, "sum");
        let plain = decide("", Given::default()).expect("a job");
        assert!(!plain.needs_weight && !plain.is_weighted);
        assert_eq!(plain.duplicates, "one");
        assert_eq!(decide(r#"{"top": 0}"#, given).expect_err("no job").code, "setting");
    }
}
