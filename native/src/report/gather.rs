//! What a report says of data, rows and result, gathered from what a run shows.

use ilk_core::{
    prepare::{Folding, pairs_among},
    result::{Catalogue, Neighbour, Overlaps},
};
use ilk_engine::{Degrees, Walk};

use super::{
    Aside, DataShape, Example, ExampleNeighbour, Outcome, OverlapCounts, ResultShape, Scores, Step,
};
use crate::text::{counted, grouped};

impl DataShape {
    /// Describes interactions by how many items users have, and users items.
    pub(super) fn of(users: &Degrees, items: &Degrees) -> Self {
        Self {
            users: count(users),
            items: count(items),
            interactions: users.iter().map(|(degree, count)| degree * count).sum(),
            work: work(users),
            user_degrees: tail(users),
            item_degrees: tail(items),
        }
    }
}

/// Counts them.
fn count(degrees: &Degrees) -> u64 {
    degrees.iter().map(|(_, count)| count).sum()
}

/// Counts how many are d or more, for d over their whole range.
fn tail(degrees: &Degrees) -> Vec<(u64, u64)> {
    let Some((most, _)) = degrees.iter().next_back() else { return Vec::new() };
    let (mut left, mut next) = (count(degrees), degrees.iter().peekable());
    let tail = spread(most).map(|least| {
        while let Some((_, count)) = next.next_if(|(degree, _)| *degree < least) {
            left -= count;
        }
        (least, left)
    });
    tail.collect()
}

/// Returns the share of the pair operations that the heaviest users cause.
fn work(degrees: &Degrees) -> Vec<(f64, f64)> {
    let pairs = |degree: u64| pairs_among(degree as usize) as f64;
    let all = degrees.iter().map(|(degree, count)| pairs(degree) * count as f64);
    let (users, all) = (count(degrees), all.sum::<f64>());
    if all == 0.0 {
        return Vec::new();
    }
    let (mut before, mut work) = (0, 0.0);
    let mut next = degrees.iter().rev().peekable();
    let shares = spread(users).map(|point| {
        while let Some((degree, count)) = next.next_if(|(_, count)| before + count <= point) {
            before += count;
            work += pairs(degree) * count as f64;
        }
        let some = next.peek().map_or(0.0, |(degree, _)| pairs(*degree));
        (point as f64 / users as f64, (work + some * (point - before) as f64) / all)
    });
    shares.collect()
}

/// Points of a curve, spread evenly over its logarithm.
const POINTS: usize = 160;

/// Walks about [`POINTS`] of the numbers from 1 to `last`, the first and the last among them.
fn spread(last: u64) -> impl Iterator<Item = u64> {
    let step = (last.max(1) as f64).ln() / POINTS as f64;
    let points = (0..=POINTS).map(move |point| (step * point as f64).exp().round() as u64);
    let mut before = 0;
    points.map(move |point| point.clamp(1, last.max(1))).filter(move |point| {
        let is_new = *point > before;
        before = *point;
        is_new
    })
}

/// Puts rows that were shown to the reasons why rows were set aside: each row after its reason.
pub(super) fn asides(counts: Vec<(String, u64)>, rows: &[(String, String)]) -> Vec<Aside> {
    let aside = |(reason, count): (String, u64)| {
        let examples = rows.iter().filter(|(why, _)| *why == reason);
        let examples = examples.map(|(_, row)| row.clone()).collect();
        Aside { reason, count, examples }
    };
    counts.into_iter().map(aside).collect()
}

/// Follows the rows to the interactions.
pub(super) fn funnel(rows: u64, aside: &[Aside], folding: &Folding) -> Vec<Step> {
    let step = |name: &str, count, remark: String| Step { name: name.into(), count, remark };
    let aside = aside.iter().map(|aside| aside.count).sum::<u64>();
    let remark =
        if aside > 0 { format!("{} set aside", counted(aside, "row")) } else { String::new() };
    let mut steps =
        vec![step("rows read", rows, String::new()), step("rows kept", rows - aside, remark)];
    let repeated = folding.events - folding.pairs;
    let repeated = if repeated > 0 { counted(repeated, "repeated row") } else { String::new() };
    let lost = [
        (folding.netted_away, "netted away"),
        (folding.capped_pairs, "over --max-items-per-user"),
        (folding.rare_pairs, "of rare items"),
    ];
    let remarks = lost.iter().filter(|(count, _)| *count > 0);
    let remarks = remarks.map(|(count, why)| format!("{} {why}", grouped(*count)));
    let lost = lost.iter().map(|(count, _)| count).sum::<u64>();
    let remarks = remarks.collect::<Vec<_>>().join(", ");
    if lost == 0 {
        steps.push(step("interactions", folding.pairs, repeated));
    } else {
        steps.push(step("pairs of user and item", folding.pairs, repeated));
        steps.push(step("interactions", folding.pairs - lost, remarks));
    }
    steps
}

impl Outcome {
    /// Describes a result of `top` neighbours per item at most. Cost: two passes over it.
    ///
    /// # Errors
    /// What `walk` returns.
    pub(super) fn of(
        catalogue: &Catalogue,
        top: u32,
        walk: Walk<'_>,
    ) -> Result<Self, ilk_engine::Error> {
        let mut lengths = vec![0_u32; catalogue.ids.len()];
        let (mut least, mut most) = (f32::INFINITY, f32::NEG_INFINITY);
        let mut overlaps = OverlapBins::default();
        walk(&mut |item, list| {
            lengths[item as usize] = list.len() as u32;
            overlaps.see(list);
            for neighbour in list {
                (least, most) = (least.min(neighbour.score), most.max(neighbour.score));
            }
        })?;
        let mut shape = ResultShape::default();
        // Items of a second behaviour are neighbours only.
        for length in &lengths[..catalogue.compared().len()] {
            shape.neighbours += u64::from(*length);
            match length {
                0 => shape.none += 1,
                length if *length >= top => shape.full += 1,
                _ => shape.some += 1,
            }
        }
        let chosen = choose(catalogue, &lengths);
        let mut scores = (least <= most).then(|| Bins::new(least.into(), most.into()));
        let mut examples = vec![None; chosen.len()];
        walk(&mut |item, list| {
            if let Some(scores) = &mut scores {
                for neighbour in list {
                    scores.add(neighbour.score.into());
                }
            }
            if let Some(place) = chosen.iter().position(|(code, _)| *code == item) {
                examples[place] = Some(example(catalogue, item, list, chosen[place].1));
            }
        })?;
        Ok(Self {
            shape: Some(shape),
            scores: scores.map(Bins::finish),
            overlaps: overlaps.finish(),
            examples: examples.into_iter().flatten().collect(),
        })
    }
}

/// Where bins of overlaps begin: one by one, then in steps of 1, 2 and 5.
const OVERLAPS: [u32; 20] = [
    0,
    1,
    2,
    3,
    4,
    5,
    10,
    20,
    50,
    100,
    200,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
];

/// Overlaps being counted.
#[derive(Default)]
struct OverlapBins {
    counts: [u64; OVERLAPS.len()],
    all: Overlaps,
}

impl OverlapBins {
    /// Counts the neighbours of an item.
    fn see(&mut self, list: &[Neighbour]) {
        self.all.see(list);
        for neighbour in list {
            // The first begins at 0.
            self.counts[OVERLAPS.partition_point(|first| *first <= neighbour.overlap) - 1] += 1;
        }
    }

    /// Leaves out bins before and after those that hold something.
    fn finish(self) -> OverlapCounts {
        let last = |bin: usize| OVERLAPS.get(bin + 1).map_or(u32::MAX, |next| next - 1);
        let bins = OVERLAPS.into_iter().zip(self.counts).enumerate();
        let bins = bins.map(|(bin, (first, count))| (first, last(bin), count));
        let mut bins = bins.skip_while(|(.., count)| *count == 0).collect::<Vec<_>>();
        bins.truncate(bins.iter().rposition(|(.., count)| *count > 0).map_or(0, |last| last + 1));
        OverlapCounts { bins, advice: self.all.advice() }
    }
}

/// Scores being counted in bins of equal width.
struct Bins {
    is_log: bool,
    low: f64,
    width: f64,
    counts: Vec<u64>,
}

impl Bins {
    const COUNT: usize = 40;

    /// Prepares for scores from `least` to `most`.
    fn new(least: f64, most: f64) -> Self {
        let is_log = least > 0.0 && most / least > 100.0;
        let scale = |score: f64| if is_log { score.log10() } else { score };
        let (low, mut high) = (scale(least), scale(most));
        if high <= low {
            high = low + 1.0;
        }
        let width = (high - low) / Self::COUNT as f64;
        Self { is_log, low, width, counts: vec![0; Self::COUNT] }
    }

    fn add(&mut self, score: f64) {
        let score = if self.is_log { score.log10() } else { score };
        let bin = ((score - self.low) / self.width) as usize;
        self.counts[bin.min(Self::COUNT - 1)] += 1;
    }

    fn finish(self) -> Scores {
        let edge = |edge: usize| {
            let edge = self.width.mul_add(edge as f64, self.low);
            if self.is_log { 10.0_f64.powf(edge) } else { edge }
        };
        let edges = (0..=Self::COUNT).map(edge).collect();
        Scores { is_log: self.is_log, edges, counts: self.counts }
    }
}

/// Chooses nine items that have neighbours: popular, middling and rare ones, by their place in
/// the order of popularity. `lengths`: how many neighbours each item has.
fn choose(catalogue: &Catalogue, lengths: &[u32]) -> Vec<(u32, &'static str)> {
    const PLACES: [(f64, &str); 9] = [
        (0.0, "popular"),
        (0.001, "popular"),
        (0.01, "popular"),
        (0.3, "middle"),
        (0.45, "middle"),
        (0.6, "middle"),
        (0.85, "rare"),
        (0.95, "rare"),
        (1.0, "rare"),
    ];
    let items = (0..).zip(lengths).filter(|(_, length)| **length > 0);
    let mut items = items.map(|(item, _)| item).collect::<Vec<u32>>();
    items.sort_by_key(|item| std::cmp::Reverse(catalogue.supports[*item as usize]));
    let mut chosen = Vec::new();
    for (number, (place, kind)) in PLACES.into_iter().enumerate() {
        let Some(last) = items.len().checked_sub(1) else { break };
        // Where places fall together the next item is taken.
        let after = chosen.last().map_or(0, |(place, _): &(usize, &str)| place + 1);
        let left = PLACES.len() - 1 - number;
        let place = ((place * last as f64).round() as usize).min(last.saturating_sub(left));
        let place = place.max(after);
        if place <= last {
            chosen.push((place, kind));
        }
    }
    chosen.into_iter().map(|(place, kind)| (items[place], kind)).collect()
}

fn example(catalogue: &Catalogue, item: u32, list: &[Neighbour], kind: &str) -> Example {
    const SHOWN: usize = 5;
    let id = |code: u32| catalogue.ids.display(code).into_owned();
    let label = |code: u32| {
        let labels = catalogue.labels.as_ref()?;
        labels.get(code as usize).map(str::to_owned)
    };
    let neighbours = list.iter().take(SHOWN).map(|neighbour| ExampleNeighbour {
        id: id(neighbour.code),
        label: label(neighbour.code),
        score: neighbour.score,
        overlap: neighbour.overlap.into(),
    });
    Example {
        kind: kind.into(),
        id: id(item),
        label: label(item),
        support: catalogue.supports[item as usize].into(),
        total: list.len() as u64,
        neighbours: neighbours.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn neighbour(overlap: u32) -> Neighbour {
        Neighbour { code: 0, score: 0.5, overlap }
    }

    #[test]
    fn overlaps_are_counted_in_bins() {
        let mut bins = OverlapBins::default();
        bins.see(&[1, 1, 3, 7].map(neighbour));
        bins.see(&[neighbour(19)]);
        let counts = bins.finish();
        let expected = [(1, 1, 2), (2, 2, 0), (3, 3, 1), (4, 4, 0), (5, 9, 1), (10, 19, 1)];
        assert_eq!(counts.bins, expected);
        assert_eq!((counts.total(), counts.alone()), (5, 2));
        // Two items of two keep a neighbour with more users.
        assert_eq!(counts.advice, Some(3));
        assert_eq!(OverlapBins::default().finish(), OverlapCounts::default());
        let mut many = OverlapBins::default();
        many.see(&[neighbour(u32::MAX)]);
        assert_eq!(many.finish().bins, [(100_000_000, u32::MAX, 1)]);
    }

    #[test]
    fn bins_of_scores_end_where_scores_do() {
        let mut bins = Bins::new(0.001, 0.9);
        bins.add(0.001);
        bins.add(0.9);
        let scores = bins.finish();
        assert!(scores.is_log);
        let ends = (scores.edges[0], scores.edges[scores.edges.len() - 1]);
        assert!((ends.0 - 0.001).abs() < 1e-9 && (ends.1 - 0.9).abs() < 1e-9, "{ends:?}");
        assert_eq!((scores.counts[0], scores.counts[39]), (1, 1));
    }

    #[test]
    fn rows_stand_with_their_reasons() {
        let counts = vec![("null_user".into(), 3), ("filtered".into(), 2)];
        let rows = [("null_user".into(), "row 2: user null, item tea".into())];
        let asides = asides(counts, &rows);
        assert_eq!(asides[0].examples, ["row 2: user null, item tea"]);
        assert!(asides[1].examples.is_empty());
        let steps = funnel(10, &asides, &Folding { events: 5, pairs: 5, ..Folding::default() });
        assert_eq!((steps[1].count, steps[1].remark.as_str()), (5, "5 rows set aside"));
    }
}
