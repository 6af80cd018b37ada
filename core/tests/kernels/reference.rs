//! The reference: pair by pair, in the order of users, then a full sort.

use std::collections::BTreeSet;

use ilk_core::{
    job::Job,
    measure::{Common, Measure, Pair},
    result::{Neighbour, Neighbours},
    testing::oracle::{self, Event, Id, Lists},
    weighting::{self, Anchor, Centred, Weighting},
};

use crate::world::{GIVEN, MEASURES, Narrowing, Touch, WEIGHTINGS, World, job};

/// Weighted interactions by user and by item.
pub(crate) struct Reference {
    users: u32,
    /// Per item: (user, weight), ascending by user.
    of_items: Vec<Vec<(u32, f64)>>,
    /// Per user: (item, weight), ascending by item.
    of_users: Vec<Vec<(u32, f64)>>,
}

/// Every pair of items that the measure scores: all neighbours of every item, best first.
pub(crate) struct Ranking(Vec<Vec<Neighbour>>);

impl Reference {
    pub(crate) fn new(world: &World, weighting: Weighting) -> Self {
        let touches = &world.touches;
        let users = touches.last().map_or(0, |last| last.user + 1);
        let weights = weigh(touches, users as usize, world.items(), weighting);
        let mut of_items = vec![Vec::new(); world.items()];
        let mut of_users = vec![Vec::new(); users as usize];
        for (touch, weight) in touches.iter().zip(weights) {
            of_items[touch.item as usize].push((touch.user, weight));
            of_users[touch.user as usize].push((touch.item, weight));
        }
        Self { users, of_items, of_users }
    }

    /// Scores every pair under the measure and the shrinkage of `job`; nothing else of it counts.
    pub(crate) fn rank(&self, job: &Job) -> Ranking {
        let total = |of: fn(f64) -> f64| {
            let sum = |list: &Vec<(u32, f64)>| {
                let mut sum = 0.0;
                for (_, weight) in list {
                    sum += of(*weight);
                }
                sum
            };
            self.of_items.iter().map(sum).collect::<Vec<_>>()
        };
        let (squares, totals) = (total(|weight| weight * weight), total(|weight| weight));
        let most = squares.iter().copied().fold(0.0, f64::max);
        let fits = most == 0.0 || (libm::exp2(-60.0)..=libm::exp2(126.0)).contains(&most);
        let is_scaled = job.measure == Measure::Dot && !fits;
        let exponent = if is_scaled { 125 - libm::ilogb(most) } else { 0 };
        let mut sums = vec![(0, 0.0, 0.0, Common::default()); self.of_items.len()];
        let lists = self.of_items.iter().enumerate().map(|(item, users)| {
            for (user, x) in users {
                for (other, y) in &self.of_users[*user as usize] {
                    let (overlap, dot, least, common) = &mut sums[*other as usize];
                    *overlap += 1;
                    *dot += x * y;
                    *least += x.min(*y);
                    common.add(*x, *y);
                }
            }
            let mut found = Vec::new();
            let taken = sums.iter_mut().map(std::mem::take).enumerate();
            for (other, (overlap, dot, least, common)) in taken {
                if other == item || overlap == 0 {
                    continue;
                }
                let pair = Pair {
                    overlap,
                    item_support: users.len() as u32,
                    neighbour_support: self.of_items[other].len() as u32,
                    users: self.users,
                    dot,
                    item_square: squares[item],
                    neighbour_square: squares[other],
                    item_sum: totals[item],
                    neighbour_sum: totals[other],
                    least,
                    common,
                };
                if let Some(score) = score(&pair, job) {
                    // Compared by the scale of the largest dot product.
                    let rank = (libm::scalbn(score, exponent) as f32).clamp(f32::MIN, f32::MAX);
                    let score = libm::scalbn(rank.into(), -exponent) as f32;
                    let score = score.clamp(f32::MIN, f32::MAX);
                    found.push((rank, Neighbour { code: other as u32, score, overlap }));
                }
            }
            found.sort_by(|(a_rank, a), (b_rank, b)| {
                b_rank.total_cmp(a_rank).then(a.code.cmp(&b.code))
            });
            found.into_iter().map(|(_, found)| found).collect()
        });
        Ranking(lists.collect())
    }
}

fn score(pair: &Pair, job: &Job) -> Option<f64> {
    let mut score = job.measure.score(pair)?;
    if job.shrinkage > 0.0 {
        let free = pair.overlap - u32::from(job.measure == Measure::Pearson);
        score *= f64::from(free) / (f64::from(free) + job.shrinkage);
    }
    Some(score)
}

fn weigh(touches: &[Touch], users: usize, items: usize, weighting: Weighting) -> Vec<f64> {
    let mut degrees = vec![0; users];
    let mut lengths = vec![0.0; items];
    for touch in touches {
        degrees[touch.user as usize] += 1;
        lengths[touch.item as usize] += touch.weight;
    }
    let idf = |touch: &Touch, kind| {
        weighting::tfidf::idf(items as u32, degrees[touch.user as usize], kind)
    };
    let (mut totals, mut newest_of) = (vec![0.0; users], vec![i64::MIN; items]);
    for touch in touches {
        totals[touch.user as usize] += touch.weight;
        let newest = &mut newest_of[touch.item as usize];
        *newest = touch.time().max(*newest);
    }
    let supports = touches.iter().fold(vec![0; items], |mut supports, touch| {
        supports[touch.item as usize] += 1;
        supports
    });
    let average = lengths.iter().sum::<f64>() / items as f64;
    let newest = touches.iter().map(Touch::time).max();
    let weigh = |touch: &Touch| match weighting {
        Weighting::Binary => 1.0,
        Weighting::Raw => touch.weight,
        Weighting::Log => weighting::log::weigh(touch.weight),
        Weighting::Centred(by) => {
            let mean = match by {
                Centred::ByUser => weighting::center::mean(
                    totals[touch.user as usize],
                    degrees[touch.user as usize],
                ),
                Centred::ByItem => weighting::center::mean(
                    lengths[touch.item as usize],
                    supports[touch.item as usize],
                ),
            };
            weighting::center::weigh(touch.weight, mean)
        }
        Weighting::Tfidf { idf: kind } => weighting::tfidf::weigh(touch.weight, idf(touch, kind)),
        Weighting::Bm25 { k1, b, idf: kind } => {
            let length = lengths[touch.item as usize];
            let saturation = weighting::bm25::saturation(k1, b, length, average);
            weighting::bm25::saturate(touch.weight, k1, saturation) * idf(touch, kind)
        }
        Weighting::Decay { half_life, now, anchor } => {
            let since = |newest| {
                let halvings = weighting::decay::half_lives(newest, half_life);
                weighting::decay::weigh_since(touch.weight, touch.time(), half_life, halvings)
            };
            let present = now.or(newest).unwrap_or(0);
            match anchor {
                Anchor::Item => since(newest_of[touch.item as usize]),
                Anchor::All => since(newest.unwrap_or(0)),
                Anchor::Now => {
                    weighting::decay::weigh(touch.weight, present - touch.time(), half_life)
                }
            }
        }
    };
    touches.iter().map(weigh).collect()
}

impl Ranking {
    /// Returns all scores there are, ascending.
    pub(crate) fn scores(&self) -> Vec<f32> {
        let mut scores = self.0.iter().flatten().map(|found| found.score).collect::<Vec<_>>();
        scores.sort_by(f32::total_cmp);
        scores
    }

    /// Describes where a result differs from what `job` and `narrowing` ask for, scores compared
    /// bit by bit; `None` if nowhere.
    pub(crate) fn difference(
        &self,
        job: &Job,
        narrowing: &Narrowing,
        neighbours: &Neighbours,
    ) -> Option<String> {
        if neighbours.items() != self.0.len() {
            return Some(format!("{} lists, expected {}", neighbours.items(), self.0.len()));
        }
        let items = 0..self.0.len() as u32;
        let admitted = items.clone().map(|code| narrowing.admits(code)).collect::<Vec<_>>();
        let qualifies = |one: &&Neighbour| {
            one.overlap >= job.min_overlap
                && job.threshold.is_none_or(|threshold| one.score >= threshold)
                && admitted[one.code as usize]
        };
        let line = |one: &Neighbour| (one.code, one.score.to_bits(), one.overlap);
        for (item, all) in items.zip(&self.0) {
            let expected = all.iter().filter(qualifies).take(job.top as usize);
            let expected = expected.copied().filter(|_| narrowing.wants(item)).collect::<Vec<_>>();
            let found = neighbours.of(item);
            if !found.iter().map(line).eq(expected.iter().map(line)) {
                let at = found.iter().zip(&expected).take_while(|(a, b)| line(a) == line(b));
                let at = at.count();
                return Some(format!(
                    "item {item}, neighbour {at} of {} (expected {}): {:?}, expected {:?}",
                    found.len(),
                    expected.len(),
                    found.get(at),
                    expected.get(at),
                ));
            }
        }
        None
    }
}

/// The same touches as the oracle takes them.
fn events(world: &World) -> Vec<Event> {
    let event = |touch: &Touch| Event {
        user: Some(Id::Integer(touch.user.into())),
        item: Some(Id::Integer(touch.item.into())),
        weight: Some(touch.weight),
        time: Some(touch.time()),
        label: None,
    };
    world.touches.iter().map(event).collect()
}

#[test]
fn the_reference_equals_the_oracle() {
    let crowd = ilk_core::testing::generate::Crowd {
        users: 40,
        items: 30,
        drawn: 300,
        zipf: 0.8,
        sigma: 1.0,
    };
    let world = World::crowd(crowd, 3);
    let events = events(&world);
    let items = world.items();
    let cases = MEASURES.iter().flat_map(|measure| {
        let weightings = if measure.is_weighted() { WEIGHTINGS } else { &WEIGHTINGS[..1] };
        weightings.iter().map(move |weighting| (*measure, *weighting))
    });
    for (case, (measure, weighting)) in cases.enumerate() {
        let narrowings = Narrowing::some(items, case as u64);
        let narrowing = &narrowings[case % narrowings.len()];
        let mut job = job(measure, weighting, [1, 4, 100][case % 3]);
        job.min_overlap = 1 + case as u32 % 2;
        job.shrinkage = [0.0, 3.5][case / 2 % 2];
        let ranking = Reference::new(&world, weighting).rank(&job);
        let scores = ranking.scores();
        job.threshold = [None, scores.get(scores.len() / 3).copied()][case / 3 % 2];
        let answer = oracle::similar(&events, GIVEN, &job, &lists(narrowing));
        let mut found = Neighbours::new();
        for item in &answer.items {
            found.push(item.neighbours.iter().map(|one| {
                let Id::Integer(code) = one.id else { unreachable!("ids are integers") };
                Neighbour { code: code as u32, score: one.score, overlap: one.overlap }
            }));
        }
        let difference = ranking.difference(&job, narrowing, &found);
        assert_eq!(difference, None, "{job:?} {narrowing:?}");
    }
}

fn lists(narrowing: &Narrowing) -> Lists {
    let ids = |codes: &Vec<u32>| {
        codes.iter().map(|code| Id::Integer((*code).into())).collect::<BTreeSet<_>>()
    };
    Lists {
        only: narrowing.only.as_ref().map(ids),
        exclude: narrowing.exclude.as_ref().map(ids).unwrap_or_default(),
        wanted: narrowing.wanted.as_ref().map(ids),
    }
}

#[test]
fn a_difference_is_noticed() {
    let world = World::of_items(&[vec![0, 1], vec![0, 1], vec![0]]);
    let job = job(Measure::Cosine, Weighting::Binary, 2);
    let ranking = Reference::new(&world, Weighting::Binary).rank(&job);
    let right = [vec![(1, 1.0, 2), (2, 0.5_f32.sqrt(), 1)], vec![(0, 1.0, 2)], vec![(0, 0.5, 1)]];
    let mut found = Neighbours::new();
    for list in right {
        let neighbour = |(code, score, overlap)| Neighbour { code, score, overlap };
        found.push(list.into_iter().map(neighbour));
    }
    let difference = ranking.difference(&job, &Narrowing::default(), &found);
    let difference = difference.expect("item 1 lacks a neighbour");
    assert!(difference.starts_with("item 1, neighbour 1 of 1 (expected 2)"), "{difference}");
}
