//! The naive oracle: the pipeline step by step, dense, obvious and slow.
//!
//! It shares with the real pipeline only the scalar formulas ([`Measure::score`] and
//! [`crate::weighting`]), which its tests check against textbook formulas. Everything is exact
//! or summed in the stated order, so the real pipeline must equal it to the bit. Cost:
//! O(items² x users) time, items x users space.
//!
//! [`Measure::score`]: crate::measure::Measure::score

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use xxhash_rust::xxh3::xxh3_64;

use crate::{
    data::Ids,
    job::{Duplicates, Given, Job, NegativeWeights, Of},
    measure::{Common, Measure, Pair},
    result::{Catalogue, Neighbours},
    weighting::{self, Anchor, Centred, Weighting},
};

/// An id; all ids of a column are of one kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Id {
    /// Compares as a number; fits 64 bits.
    Integer(i128),
    /// Compares as bytes.
    Text(String),
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// A raw row. Columns that the job does not name are ignored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// Who touched.
    pub user: Option<Id>,
    /// What was touched.
    pub item: Option<Id>,
    /// How much; may be anything.
    pub weight: Option<f64>,
    /// When, in microseconds since 1970.
    pub time: Option<i64>,
    /// How the item is called.
    pub label: Option<String>,
}

/// Lists of ids that narrow a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lists {
    /// Only these may be neighbours, if given.
    pub only: Option<BTreeSet<Id>>,
    /// These may not be neighbours.
    pub exclude: BTreeSet<Id>,
    /// Neighbours are wanted for these only, if given.
    pub wanted: Option<BTreeSet<Id>>,
}

/// What comes out.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Rows set aside, by the name of the reason; reasons that do not occur are absent.
    pub reasons: BTreeMap<&'static str, u64>,
    /// N: users with at least one interaction, also with rare items.
    pub users: u32,
    /// The items, ascending by id; those without neighbours and those not wanted too.
    pub items: Vec<OracleItem>,
}

/// An item of the answer (a user, where users are compared).
#[derive(Clone, Debug, PartialEq)]
pub struct OracleItem {
    /// Its id.
    pub id: Id,
    /// Its most frequent label among the rows kept, of equally frequent ones the smallest; none
    /// where users are compared.
    pub label: Option<String>,
    /// Its users.
    pub support: u32,
    /// Its neighbours, best first.
    pub neighbours: Vec<OracleNeighbour>,
}

/// A neighbour of an item.
#[derive(Clone, Debug, PartialEq)]
pub struct OracleNeighbour {
    /// Its id.
    pub id: Id,
    /// How alike the two are.
    pub score: f32,
    /// Users of both.
    pub overlap: u32,
}

/// Runs the pipeline from step 3 (ids) to step 12 (top k). `strict`, `max_bad_rows` and
/// `negative_weights = error` are guards of the caller, who finds what they need in the
/// answer's reasons.
pub fn similar(events: &[Event], given: Given, job: &Job, lists: &Lists) -> Answer {
    let (rows, reasons) = clean(events, given, job);
    let mut labels = if job.of == Of::Items { labels(&rows) } else { BTreeMap::new() };
    let mut pairs = fold(&rows, job);
    if let Some(cap) = job.max_items_per_user {
        pairs = cap_users(pairs, cap as usize);
    }
    let mut population = users_of(&pairs);
    pairs = drop_rare(pairs, job.min_support as usize);
    if job.of == Of::Users {
        pairs = pairs.into_iter().map(|((user, item), cell)| ((item, user), cell)).collect();
        population = users_of(&pairs);
    }
    let dense = Dense::new(&pairs, &everybody(&[&pairs]), population);
    let weighted = dense.weigh(&job.weighting, dense.newest());
    let items = (0..dense.items.len()).map(|item| OracleItem {
        id: dense.items[item].clone(),
        label: labels.remove(&dense.items[item]),
        support: dense.support(item),
        neighbours: dense.neighbours(item, &weighted, job, lists),
    });
    Answer { reasons, users: population, items: items.collect() }
}

/// Does the same for two behaviours: finds the neighbours of the items of `input` among the items of
/// `target`. The items of the answer are those of the input, then those of the target, which have no
/// neighbours and no labels.
pub fn across(
    (input, target): (&[Event], &[Event]),
    given: Given,
    job: &Job,
    lists: &Lists,
) -> Answer {
    let mut reasons = BTreeMap::new();
    let both = [input, target].map(|events| {
        let (rows, of_rows) = clean(events, given, job);
        for (reason, count) in of_rows {
            *reasons.entry(reason).or_insert(0) += count;
        }
        let pairs = fold(&rows, job);
        job.max_items_per_user.map_or(pairs.clone(), |cap| cap_users(pairs, cap as usize))
    });
    let population = everybody(&[&both[0], &both[1]]).len() as u32;
    let both = both.map(|pairs| drop_rare(pairs, job.min_support as usize));
    let users = everybody(&[&both[0], &both[1]]);
    let [input, target] = both.map(|pairs| Dense::new(&pairs, &users, population));
    let newest = input.newest().max(target.newest());
    let mut weighted = input.weigh(&job.weighting, newest);
    weighted.extend(target.weigh(&job.weighting, newest));
    let first = input.items.len();
    let dense = Dense {
        population,
        items: [input.items, target.items].concat(),
        cells: [input.cells, target.cells].concat(),
        target: Some(first),
    };
    let items = (0..dense.items.len()).map(|item| OracleItem {
        id: dense.items[item].clone(),
        label: None,
        support: dense.support(item),
        neighbours: if item < first {
            dense.neighbours(item, &weighted, job, lists)
        } else {
            Vec::new()
        },
    });
    Answer { reasons, users: population, items: items.collect() }
}

/// All users of some pairs.
fn everybody(pairs: &[&Pairs]) -> BTreeSet<Id> {
    pairs.iter().flat_map(|pairs| pairs.keys()).map(|(user, _)| user.clone()).collect()
}

fn users_of(pairs: &Pairs) -> u32 {
    pairs.keys().map(|(user, _)| user).collect::<BTreeSet<_>>().len() as u32
}

/// A row that was kept.
struct Row {
    user: Id,
    item: Id,
    weight: f64,
    time: Option<i64>,
    label: Option<String>,
}

/// What is known of a pair of user and item.
#[derive(Clone, Copy)]
struct Cell {
    weight: f64,
    time: Option<i64>,
}

/// Interactions by (user, item).
type Pairs = BTreeMap<(Id, Id), Cell>;

/// Steps 3 to 5.
fn clean(events: &[Event], given: Given, job: &Job) -> (Vec<Row>, BTreeMap<&'static str, u64>) {
    let mut rows = Vec::new();
    let mut reasons = BTreeMap::new();
    for event in events {
        match clean_row(event, given, job) {
            Ok(row) => rows.push(row),
            Err(reason) => *reasons.entry(reason).or_insert(0) += 1,
        }
    }
    (rows, reasons)
}

fn clean_row(event: &Event, given: Given, job: &Job) -> Result<Row, &'static str> {
    let user = event.user.clone().ok_or("null_user")?;
    let item = event.item.clone().ok_or("null_item")?;
    let weight = if given.weight { event.weight.unwrap_or(f64::NAN) } else { 1.0 };
    if weight.is_nan() || weight.abs() > f64::from(f32::MAX) {
        return Err("bad_weight");
    }
    // The smallest i64 stands for "no time" in columns.
    let time = if given.time { event.time.filter(|time| *time != i64::MIN) } else { None };
    if given.time && time.is_none() {
        return Err("bad_time");
    }
    let counts = matches!(job.negative_weights, NegativeWeights::Net | NegativeWeights::Keep);
    if weight <= 0.0 && !counts {
        return Err("nonpositive_weight");
    }
    Ok(Row { user, item, weight, time, label: event.label.clone() })
}

fn labels(rows: &[Row]) -> BTreeMap<Id, String> {
    let mut counts: BTreeMap<&Id, BTreeMap<&String, usize>> = BTreeMap::new();
    for row in rows {
        if let Some(label) = &row.label {
            *counts.entry(&row.item).or_default().entry(label).or_default() += 1;
        }
    }
    let mut labels = BTreeMap::new();
    for (item, counts) in counts {
        let most = counts.values().max().copied();
        // Labels ascend, so the first of the most frequent is the smallest.
        if let Some((label, _)) = counts.into_iter().find(|(_, count)| Some(*count) == most) {
            labels.insert(item.clone(), label.clone());
        }
    }
    labels
}

/// Step 6, and the end of step 5 for netted weights.
fn fold(rows: &[Row], job: &Job) -> Pairs {
    let mut groups: BTreeMap<(Id, Id), Vec<Cell>> = BTreeMap::new();
    for row in rows {
        let cell = Cell { weight: row.weight, time: row.time };
        groups.entry((row.user.clone(), row.item.clone())).or_default().push(cell);
    }
    let mut pairs = Pairs::new();
    for (pair, mut cells) in groups {
        cells.sort_by(|a, b| a.weight.total_cmp(&b.weight));
        let newest = cells.iter().filter_map(|cell| cell.time).max();
        let largest = cells[cells.len() - 1].weight;
        let cell = match job.duplicates {
            Duplicates::Sum => {
                let mut weight = 0.0;
                for cell in &cells {
                    weight += decayed(*cell, newest, job);
                }
                Cell { weight, time: newest }
            }
            Duplicates::Max => Cell { weight: largest, time: newest },
            Duplicates::One => Cell { weight: 1.0, time: newest },
            Duplicates::Last => {
                let last = cells.iter().filter(|cell| cell.time == newest);
                let weight = last.map(|cell| cell.weight).max_by(f64::total_cmp);
                Cell { weight: weight.unwrap_or(largest), time: newest }
            }
        };
        if cell.weight > 0.0 || job.negative_weights == NegativeWeights::Keep {
            pairs.insert(pair, cell);
        }
    }
    pairs
}

/// What an event weighs at the newest time of its pair.
fn decayed(cell: Cell, newest: Option<i64>, job: &Job) -> f64 {
    match (job.weighting, cell.time, newest) {
        (Weighting::Decay { half_life, .. }, Some(time), Some(newest)) => {
            weighting::decay::weigh(cell.weight, newest.saturating_sub(time), half_life)
        }
        _ => cell.weight,
    }
}

/// Step 7.
fn cap_users(pairs: Pairs, cap: usize) -> Pairs {
    let mut of_users: BTreeMap<Id, Vec<(Id, Cell)>> = BTreeMap::new();
    for ((user, item), cell) in pairs {
        of_users.entry(user).or_default().push((item, cell));
    }
    let mut kept = Pairs::new();
    for (user, mut cells) in of_users {
        let hash = |item: &Id| xxh3_64(format!("{user}\0{item}").as_bytes());
        cells.sort_by(|(item_a, a), (item_b, b)| {
            let heavier = b.weight.total_cmp(&a.weight);
            let newer = b.time.cmp(&a.time);
            heavier.then(newer).then(hash(item_a).cmp(&hash(item_b))).then(item_a.cmp(item_b))
        });
        cells.truncate(cap);
        kept.extend(cells.into_iter().map(|(item, cell)| ((user.clone(), item), cell)));
    }
    kept
}

/// Step 8; users without interactions disappear with their last one.
fn drop_rare(mut pairs: Pairs, least: usize) -> Pairs {
    let mut supports: BTreeMap<Id, usize> = BTreeMap::new();
    for (_, item) in pairs.keys() {
        *supports.entry(item.clone()).or_default() += 1;
    }
    pairs.retain(|(_, item), _| supports[item] >= least);
    pairs
}

/// Steps 9 to 12, on a full table.
struct Dense {
    /// N.
    population: u32,
    items: Vec<Id>,
    /// Per item, per user.
    cells: Vec<Vec<Option<Cell>>>,
    /// The first item of a second behaviour, if there are two.
    target: Option<usize>,
}

impl Dense {
    fn new(pairs: &Pairs, users: &BTreeSet<Id>, population: u32) -> Self {
        let items: BTreeSet<&Id> = pairs.keys().map(|(_, item)| item).collect();
        let mut cells = Vec::new();
        for item in &items {
            let of_user = |user: &Id| pairs.get(&(user.clone(), (*item).clone())).copied();
            cells.push(users.iter().map(of_user).collect());
        }
        let owned = |ids: BTreeSet<&Id>| ids.into_iter().cloned().collect();
        Self { population, items: owned(items), cells, target: None }
    }

    fn newest(&self) -> Option<i64> {
        self.cells.iter().flatten().flatten().filter_map(|cell| cell.time).max()
    }

    fn support(&self, item: usize) -> u32 {
        self.cells[item].iter().flatten().count() as u32
    }

    fn items_of(&self, user: usize) -> u32 {
        self.cells.iter().filter(|cells| cells[user].is_some()).count() as u32
    }

    fn overlap(&self, item: usize, other: usize) -> u32 {
        let both = self.cells[item].iter().zip(&self.cells[other]);
        both.filter(|(x, y)| x.is_some() && y.is_some()).count() as u32
    }

    /// Weighs every cell; `newest` is the newest time there is.
    fn weigh(&self, weighting: &Weighting, newest: Option<i64>) -> Vec<Vec<Option<f64>>> {
        let items = self.items.len() as u32;
        let idf = |user, kind| weighting::tfidf::idf(items, self.items_of(user), kind);
        let lengths = self.cells.iter().map(|cells| {
            let mut length = 0.0;
            for cell in cells.iter().flatten() {
                length += cell.weight;
            }
            length
        });
        let lengths: Vec<f64> = lengths.collect();
        let mut total = 0.0;
        for length in &lengths {
            total += length;
        }
        let average = total / items as f64;
        let weigh = |item: usize, user: usize, cell: Cell| match *weighting {
            Weighting::Binary => 1.0,
            Weighting::Raw => cell.weight,
            Weighting::Log => weighting::log::weigh(cell.weight),
            Weighting::Centred(Centred::ByItem) => {
                weighting::center::weigh(cell.weight, mean(self.cells[item].iter().flatten()))
            }
            Weighting::Centred(Centred::ByUser) => {
                let of_user = self.cells.iter().filter_map(|cells| cells[user].as_ref());
                weighting::center::weigh(cell.weight, mean(of_user))
            }
            Weighting::Tfidf { idf: kind } => weighting::tfidf::weigh(cell.weight, idf(user, kind)),
            Weighting::Bm25 { k1, b, idf: kind } => {
                let saturation = weighting::bm25::saturation(k1, b, lengths[item], average);
                weighting::bm25::saturate(cell.weight, k1, saturation) * idf(user, kind)
            }
            Weighting::Decay { half_life, now, anchor } => {
                let time = cell.time.unwrap_or(0);
                let newest_of_item = self.cells[item].iter().flatten().filter_map(|cell| cell.time);
                let since = |newest: Option<i64>| {
                    let halvings = weighting::decay::half_lives(newest.unwrap_or(0), half_life);
                    weighting::decay::weigh_since(cell.weight, time, half_life, halvings)
                };
                match anchor {
                    Anchor::Item => since(newest_of_item.max()),
                    Anchor::All => since(newest),
                    Anchor::Now => {
                        let age = now.or(newest).unwrap_or(0).saturating_sub(time);
                        weighting::decay::weigh(cell.weight, age, half_life)
                    }
                }
            }
        };
        let mut weighted = Vec::new();
        for (item, cells) in self.cells.iter().enumerate() {
            let cells = cells.iter().enumerate();
            let weigh =
                |(user, cell): (usize, &Option<Cell>)| cell.map(|cell| weigh(item, user, cell));
            weighted.push(cells.map(weigh).collect());
        }
        weighted
    }

    fn neighbours(
        &self,
        item: usize,
        weighted: &[Vec<Option<f64>>],
        job: &Job,
        lists: &Lists,
    ) -> Vec<OracleNeighbour> {
        if lists.wanted.as_ref().is_some_and(|wanted| !wanted.contains(&self.items[item])) {
            return Vec::new();
        }
        let exponent = if job.measure == Measure::Dot { exponent(weighted) } else { 0 };
        let mut found = Vec::new();
        let others = self.target.unwrap_or(0)..self.items.len();
        for other in others.filter(|other| *other != item) {
            let id = &self.items[other];
            let allowed = lists.only.as_ref().is_none_or(|only| only.contains(id));
            if !allowed || lists.exclude.contains(id) {
                continue;
            }
            let overlap = self.overlap(item, other);
            let Some(score) = self.score(item, other, weighted, job) else { continue };
            // Dot products may all lie outside of what f32 holds: then they are compared by the
            // scale of the largest there can be.
            let rank = libm::scalbn(score, exponent) as f32;
            let score = libm::scalbn(f64::from(rank), -exponent) as f32;
            let score = score.clamp(f32::MIN, f32::MAX);
            if job.threshold.is_none_or(|threshold| score >= threshold) {
                found.push((rank, OracleNeighbour { id: id.clone(), score, overlap }));
            }
        }
        found.sort_by(|(a_rank, a), (b_rank, b)| {
            b_rank.total_cmp(a_rank).then_with(|| a.id.cmp(&b.id))
        });
        found.truncate(job.top as usize);
        found.into_iter().map(|(_, neighbour)| neighbour).collect()
    }

    /// Scores a pair, `None` where the two are no neighbours.
    fn score(
        &self,
        item: usize,
        other: usize,
        weighted: &[Vec<Option<f64>>],
        job: &Job,
    ) -> Option<f64> {
        let overlap = self.overlap(item, other);
        if overlap == 0 || overlap < job.min_overlap {
            return None;
        }
        let pair = Pair {
            overlap,
            item_support: self.support(item),
            neighbour_support: self.support(other),
            users: self.population,
            dot: dot(&weighted[item], &weighted[other]),
            item_square: dot(&weighted[item], &weighted[item]),
            neighbour_square: dot(&weighted[other], &weighted[other]),
            item_sum: over_both(&weighted[item], &weighted[item], |x, _| x),
            neighbour_sum: over_both(&weighted[other], &weighted[other], |x, _| x),
            least: over_both(&weighted[item], &weighted[other], f64::min),
            common: Common {
                x: over_both(&weighted[item], &weighted[other], |x, _| x),
                y: over_both(&weighted[item], &weighted[other], |_, y| y),
                xx: over_both(&weighted[item], &weighted[other], |x, _| x * x),
                yy: over_both(&weighted[item], &weighted[other], |_, y| y * y),
                apart: over_both(&weighted[item], &weighted[other], |x, y| (x - y) * (x - y)),
            },
        };
        let mut score = job.measure.score(&pair)?;
        if job.shrinkage > 0.0 {
            // The correlation of one pair of numbers says nothing.
            let free = if job.measure == Measure::Pearson { overlap - 1 } else { overlap };
            score *= free as f64 / (free as f64 + job.shrinkage);
        }
        assert!(!score.is_nan(), "{pair:?} scores NaN under {:?}", job.measure);
        Some(score)
    }
}

/// By which power of two scores are compared: 0 unless the largest Σx² is past 2^126 or below 2^-60,
/// else that which brings it to 2^125.
fn exponent(weighted: &[Vec<Option<f64>>]) -> i32 {
    let squares = weighted.iter().map(|column| dot(column, column));
    let most = squares.fold(0.0, f64::max);
    let fits = most == 0.0 || (libm::exp2(-60.0)..=libm::exp2(126.0)).contains(&most);
    if fits { 0 } else { 125 - libm::ilogb(most) }
}

/// Sums the products in order of users, over those of both.
fn dot(x: &[Option<f64>], y: &[Option<f64>]) -> f64 {
    over_both(x, y, |x, y| x * y)
}

/// Sums in order of users, over those of both.
fn over_both(x: &[Option<f64>], y: &[Option<f64>], each: impl Fn(f64, f64) -> f64) -> f64 {
    let mut sum = 0.0;
    for (x, y) in x.iter().zip(y) {
        if let (Some(x), Some(y)) = (x, y) {
            sum += each(*x, *y);
        }
    }
    sum
}

/// The mean weight of some cells, added up in their order.
fn mean<'a>(cells: impl Iterator<Item = &'a Cell>) -> f64 {
    let (mut sum, mut count) = (0.0, 0);
    for cell in cells {
        sum += cell.weight;
        count += 1;
    }
    weighting::center::mean(sum, count)
}

impl Answer {
    /// Returns where a result differs from the answer, scores compared bit by bit; `None` if nowhere.
    pub fn difference(&self, catalogue: &Catalogue, neighbours: &Neighbours) -> Option<String> {
        if catalogue.ids.len() != self.items.len() || neighbours.items() != self.items.len() {
            let (ids, lists) = (catalogue.ids.len(), neighbours.items());
            return Some(format!("{ids} ids, {lists} lists; expected {}", self.items.len()));
        }
        for (code, expected) in self.items.iter().enumerate() {
            let id = id_of(&catalogue.ids, code);
            let label = catalogue.labels.as_ref().and_then(|labels| labels.get(code));
            let support = catalogue.supports[code];
            let known = (&id, label, support);
            let wanted = (&expected.id, expected.label.as_deref(), expected.support);
            // Where there is no label column, labels are nobody's business.
            let same_label = catalogue.labels.is_none() || label == wanted.1;
            if *known.0 != *wanted.0 || known.2 != wanted.2 || !same_label {
                return Some(format!("item {code} is {known:?}, expected {wanted:?}"));
            }
            let found = neighbours.of(code as u32).iter().map(|neighbour| OracleNeighbour {
                id: id_of(&catalogue.ids, neighbour.code as usize),
                score: neighbour.score,
                overlap: neighbour.overlap,
            });
            let found = found.collect::<Vec<_>>();
            let bits = |list: &[OracleNeighbour]| {
                list.iter().map(|neighbour| neighbour.score.to_bits()).collect::<Vec<_>>()
            };
            if found != expected.neighbours || bits(&found) != bits(&expected.neighbours) {
                let expected = &expected.neighbours;
                return Some(format!("neighbours of {id}: {found:?}, expected {expected:?}"));
            }
        }
        None
    }
}

fn id_of(ids: &Ids, code: usize) -> Id {
    match ids {
        Ids::Integer(values) => Id::Integer(values[code].into()),
        Ids::Unsigned(values) => Id::Integer(values[code].into()),
        Ids::Text(list) => Id::Text(list.get(code).into()),
    }
}
