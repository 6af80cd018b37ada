//! What `ilk inspect` finds, in JSON: stable names, with their units.

use ilk_core::{
    data::{Ids, display_time},
    forecast::{Degrees, Profile},
    prepare::{Folded, Reason, Tally, Times},
};
use ilk_engine::parts::row_record;
use serde_json::{Map, Value, json};

/// A column of the first file.
pub(super) struct InspectedColumn {
    pub(super) name: String,
    pub(super) type_name: String,
    /// What it serves as, and whether that is a guess.
    pub(super) uses: Vec<(&'static str, bool)>,
}

/// Lists columns.
pub(super) fn columns(columns: &[InspectedColumn]) -> Value {
    let column = |column: &InspectedColumn| {
        let uses = column.uses.iter().map(
            |(role, is_guessed)| json!({"role": role.replace('-', "_"), "guessed": is_guessed}),
        );
        json!({
            "name": column.name,
            "type": column.type_name,
            "used_as": uses.collect::<Vec<_>>(),
        })
    };
    columns.iter().map(column).collect()
}

/// Counts rows by what became of them, with the first of those set aside.
pub(super) fn rows(tally: &Tally, names: &[String]) -> Value {
    let reasons = Reason::ALL.into_iter();
    let counts = reasons.map(|reason| (reason.name().to_owned(), json!(tally.count(reason))));
    let samples = tally.samples.iter().map(|row| Value::Object(row_record(row, names)));
    json!({
        "read": tally.rows,
        "kept": tally.kept(),
        "set_aside": counts.collect::<Map<_, _>>(),
        "first_set_aside": samples.collect::<Vec<_>>(),
    })
}

/// Tells the range of times; null where there are none.
pub(super) fn times(times: &Times) -> Value {
    let (Some(earliest), Some(latest)) = (times.earliest, times.latest) else { return Value::Null };
    json!({
        "earliest_utc": display_time(earliest.time),
        "latest_utc": display_time(latest.time),
        "numbers_read_as": times.guesses.unit().map(|unit| unit.to_string()),
    })
}

/// Describes the interactions: size, skew and work.
pub(super) fn profile(profile: &Profile, folded: &Folded) -> Map<String, Value> {
    let Profile { users, items, interactions, .. } = profile;
    let heaviest = profile
        .work_of_heaviest
        .iter()
        .map(|(share, work)| json!({"share_of_users": share, "share_of_pair_operations": work}));
    let ids = &folded.catalogue.ids;
    let labels = folded.catalogue.labels.as_ref();
    let top_users = profile
        .top_users
        .iter()
        .map(|(code, items)| json!({"user": id(&folded.others, *code), "items": items}));
    let top_items = profile.top_items.iter().map(|(code, users)| {
        let label = labels.and_then(|labels| labels.get(*code as usize));
        json!({"item": id(ids, *code), "label": label, "users": users})
    });
    let facts = json!({
        "users": users,
        "items": items,
        "interactions": interactions,
        "duplicate_rows": folded.folding.events - folded.folding.pairs,
        "share_of_pairs_with_interaction":
            *interactions as f64 / (*users as f64 * *items as f64).max(1.0),
        // Past 64 bits there is no number that readers agree on.
        "pair_operations": u64::try_from(profile.pair_operations).ok(),
        "work_of_heaviest_users": heaviest.collect::<Vec<_>>(),
        "items_per_user": degrees(&profile.user_degrees),
        "users_per_item": degrees(&profile.item_degrees),
        "users_with_most_items": top_users.collect::<Vec<_>>(),
        "items_with_most_users": top_items.collect::<Vec<_>>(),
    });
    if let Value::Object(facts) = facts { facts } else { Map::new() }
}

fn degrees(degrees: &Degrees) -> Value {
    let Degrees { median, mean, p90, p99, most, histogram } = degrees;
    let bins = histogram.iter().zip(0_u32..).map(|(count, bin)| {
        let from = 1_u64 << bin;
        json!({"from": from, "to": from - 1 + from, "count": count})
    });
    json!({
        "median": median,
        "mean": mean,
        "p90": p90,
        "p99": p99,
        "max": most,
        "histogram": bins.collect::<Vec<_>>(),
    })
}

/// Returns an ID with its type.
fn id(ids: &Ids, code: u32) -> Value {
    match ids {
        Ids::Integer(ids) => json!(ids[code as usize]),
        Ids::Unsigned(ids) => json!(ids[code as usize]),
        Ids::Text(ids) => json!(ids.get(code as usize)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_keep_their_type() {
        assert_eq!(id(&Ids::Unsigned(vec![u64::MAX]), 0).to_string(), "18446744073709551615");
        assert_eq!(id(&Ids::Integer(vec![i64::MIN]), 0).to_string(), "-9223372036854775808");
        assert_eq!(id(&Ids::Text(["7"].into_iter().collect()), 0).to_string(), "\"7\"");
    }

    #[test]
    fn bins_of_degrees_name_their_bounds() {
        let three = Degrees { median: 2, most: 3, histogram: vec![1, 2], ..Degrees::default() };
        let bins = &degrees(&three)["histogram"];
        assert_eq!(
            bins.to_string(),
            r#"[{"count":1,"from":1,"to":1},{"count":2,"from":2,"to":3}]"#
        );
    }
}
