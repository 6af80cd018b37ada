//! An explanation as a record.

use ilk_core::{
    insight::{Explanation, Need, Rival, Standing},
    measure::Pair,
    result::Neighbour,
};
use serde::Serialize;

use crate::records::{ItemRecord, NeighbourRecord};

/// What [`Explanation`] says, with ids instead of codes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExplanationRecord {
    item: ItemRecord,
    neighbour: ItemRecord,
    overlap: u32,
    users: u32,
    dot: f64,
    item_square: f64,
    neighbour_square: f64,
    is_weighted: bool,
    score: Option<f32>,
    standing: &'static str,
    rank: Option<u32>,
    qualified: u32,
    measures: Vec<MeasureRecord>,
    contributions: Vec<ContributionRecord>,
    above: Option<RivalRecord>,
    below: Option<NeighbourRecord>,
    entry: Option<RivalRecord>,
}

#[derive(Serialize)]
struct MeasureRecord {
    measure: &'static str,
    score: Option<f64>,
    reverse: Option<f64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ContributionRecord {
    user: String,
    items: u32,
    item_weight: f64,
    neighbour_weight: f64,
    share: f64,
}

#[derive(Serialize)]
struct RivalRecord {
    neighbour: Option<NeighbourRecord>,
    needs: NeedRecord,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum NeedRecord {
    Overlap(u32),
    Dot(f64),
    Impossible,
    Several,
}

/// What the codes of an explanation stand for.
pub(crate) struct Names<'a> {
    pub(crate) item: &'a dyn Fn(u32) -> ItemRecord,
    pub(crate) user: &'a dyn Fn(u32) -> String,
}

impl Names<'_> {
    fn neighbour(&self, rank: u32, neighbour: &Neighbour) -> NeighbourRecord {
        let Neighbour { code, score, overlap } = *neighbour;
        NeighbourRecord { rank, score, overlap, item: (self.item)(code) }
    }
}

impl ExplanationRecord {
    /// Explains the neighbour with code `neighbour` of the item with code `item`; `top`: how many
    /// neighbours the job keeps.
    pub(crate) fn of(
        explanation: &Explanation,
        (item, neighbour): (u32, u32),
        top: u32,
        names: &Names<'_>,
    ) -> Self {
        let Pair { overlap, users, dot, item_square, neighbour_square, .. } = explanation.pair;
        let rank = match explanation.standing {
            Standing::Rank(rank) => Some(rank),
            _ => None,
        };
        let rival = |rank: u32| {
            move |rival: &Rival| RivalRecord {
                neighbour: rival.neighbour.as_ref().map(|ahead| names.neighbour(rank, ahead)),
                needs: match rival.needs {
                    Need::Overlap(overlap) => NeedRecord::Overlap(overlap),
                    Need::Dot(dot) => NeedRecord::Dot(dot),
                    Need::Impossible => NeedRecord::Impossible,
                    Need::Several => NeedRecord::Several,
                },
            }
        };
        let next_to = |step: i64| rank.map_or(0, |rank| (i64::from(rank) + step) as u32);
        let measures = explanation.measures.iter().map(|value| MeasureRecord {
            measure: value.measure.name().name(),
            score: value.score,
            reverse: value.reverse,
        });
        let contributions = explanation.contributions.iter().map(|one| ContributionRecord {
            user: (names.user)(one.user),
            items: one.items,
            item_weight: one.item_weight,
            neighbour_weight: one.neighbour_weight,
            share: one.share,
        });
        Self {
            item: (names.item)(item),
            neighbour: (names.item)(neighbour),
            overlap,
            users,
            dot,
            item_square,
            neighbour_square,
            is_weighted: explanation.is_weighted,
            score: explanation.score,
            standing: standing_name(explanation.standing),
            rank,
            qualified: explanation.qualified,
            measures: measures.collect(),
            contributions: contributions.collect(),
            above: explanation.above.as_ref().map(rival(next_to(-1))),
            below: explanation.below.as_ref().map(|below| names.neighbour(next_to(1), below)),
            entry: explanation.entry.as_ref().map(rival(top)),
        }
    }
}

const fn standing_name(standing: Standing) -> &'static str {
    match standing {
        Standing::Rank(_) => "ranked",
        Standing::Itself => "itself",
        Standing::NothingShared => "nothing_shared",
        Standing::LeftOut => "left_out",
        Standing::OtherGroup => "other_group",
        Standing::OverlapTooSmall => "overlap_too_small",
        Standing::NoPair => "no_pair",
        Standing::BelowThreshold => "below_threshold",
    }
}
