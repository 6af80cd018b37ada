//! Weighs interactions, one user after the other.

use super::{
    bm25, center,
    choice::{Anchor, Centred, Idf, Weighting},
    decay, log, tfidf,
    user_row::UserRow,
};

/// What has to be known of all interactions before any of them is weighed: gathered user by user,
/// in ascending order.
#[derive(Clone, Debug)]
pub struct Totals {
    needs: Needed,
    /// The sum of each item's weights, in ascending order of users.
    sums: Vec<f64>,
    /// The users of each item.
    counts: Vec<u32>,
    /// The newest time of each item.
    newest_of: Vec<i64>,
    /// The newest time.
    newest: Option<i64>,
    /// All items.
    items: usize,
    /// The first item of a second behaviour, if there are two.
    target: Option<u32>,
}

/// Which totals a weighting looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needed {
    Nothing,
    Lengths,
    Means,
    NewestOfItems,
    Newest,
}

impl Totals {
    /// Begins with nothing. `items`: all items.
    pub fn new(weighting: Weighting, items: usize) -> Self {
        let needs = match weighting {
            Weighting::Bm25 { .. } => Needed::Lengths,
            Weighting::Centred(Centred::ByItem) => Needed::Means,
            Weighting::Decay { anchor: Anchor::Item, .. } => Needed::NewestOfItems,
            Weighting::Decay { .. } => Needed::Newest,
            _ => Needed::Nothing,
        };
        let sums = matches!(needs, Needed::Lengths | Needed::Means);
        let of = |wanted: bool| if wanted { items } else { 0 };
        Self {
            needs,
            sums: vec![0.0; of(sums)],
            counts: vec![0; of(needs == Needed::Means)],
            newest_of: vec![i64::MIN; of(needs == Needed::NewestOfItems)],
            newest: None,
            items,
            target: None,
        }
    }

    /// Says which items are those of a second behaviour: all from `target` on. Each behaviour is then
    /// weighed as if it were alone, but for the present of decay, which is that of both.
    #[must_use]
    pub fn with_target(self, target: Option<u32>) -> Self {
        Self { target, ..self }
    }

    /// Returns whether the weighting looks at any.
    pub fn are_needed(&self) -> bool {
        self.needs != Needed::Nothing
    }

    /// Takes in one user, or several at once, the items of one after those of another. Users come in
    /// ascending order.
    pub fn add(&mut self, row: UserRow<'_>) {
        match self.needs {
            Needed::Nothing => {}
            Needed::Lengths => bm25::add_lengths(row, &mut self.sums),
            Needed::Means => {
                bm25::add_lengths(row, &mut self.sums);
                row.items.iter().for_each(|item| self.counts[*item as usize] += 1);
            }
            Needed::NewestOfItems => {
                for (item, time) in row.items.iter().zip(row.times.unwrap_or_default()) {
                    let newest = &mut self.newest_of[*item as usize];
                    *newest = (*newest).max(*time);
                }
            }
            Needed::Newest => {
                let newest = row.times.unwrap_or_default().iter().max().copied();
                self.newest = self.newest.max(newest);
            }
        }
    }
}

/// Weighs the interactions of one user after the other, with what has to be known of all of them.
#[derive(Clone, Debug)]
pub struct Weigher {
    weighting: Weighting,
    /// The items of the first behaviour, and of the second if there are two.
    items: (u32, Option<u32>),
    /// Per item: the saturation of BM25, or the mean to subtract.
    of_items: Vec<f64>,
    /// Per item, for decay relative to each item's newest time: whole half-lives up to it.
    half_lives: Vec<i64>,
    /// For decay: the present, or whole half-lives up to the newest time.
    present: i64,
}

impl Weigher {
    /// Returns whether every weight is 1 after weighting, so that overlaps are all there is to
    /// count. `has_weights`: interactions have weights before it.
    pub const fn is_unit(weighting: Weighting, has_weights: bool) -> bool {
        match weighting {
            Weighting::Binary => true,
            Weighting::Raw => !has_weights,
            _ => false,
        }
    }

    /// Prepares to weigh. `totals`: of all interactions.
    pub fn new(weighting: Weighting, totals: Totals) -> Self {
        let Totals { sums, counts, newest_of, newest, items, target, .. } = totals;
        let (mut of_items, mut half_lives, mut present) = (Vec::new(), Vec::new(), 0);
        match weighting {
            Weighting::Bm25 { k1, b, .. } => {
                let (input, bought) = sums.split_at(target.map_or(items, |first| first as usize));
                for sums in [input, bought] {
                    let average = sums.iter().sum::<f64>() / sums.len() as f64;
                    let saturate = |length: &f64| bm25::saturation(k1, b, *length, average);
                    of_items.extend(sums.iter().map(saturate));
                }
            }
            Weighting::Centred(Centred::ByItem) => {
                let both = sums.into_iter().zip(counts);
                of_items = both.map(|(sum, count)| center::mean(sum, count)).collect();
            }
            Weighting::Decay { half_life, now, anchor } => match anchor {
                Anchor::Item => {
                    let whole = |time| decay::half_lives(time, half_life);
                    half_lives = newest_of.into_iter().map(whole).collect();
                }
                Anchor::All => {
                    present = decay::half_lives(newest.unwrap_or_default(), half_life);
                }
                Anchor::Now => present = now.or(newest).unwrap_or_default(),
            },
            _ => {}
        }
        let all = items as u32;
        let items = target.map_or((all, None), |first| (first, Some(all - first)));
        Self { weighting, items, of_items, half_lives, present }
    }

    /// Returns what a user with so many items brings to the weight of an interaction that had none:
    /// this times what the item brings.
    pub fn of_user(&self, items: u32) -> f64 {
        match self.weighting {
            Weighting::Tfidf { idf } | Weighting::Bm25 { idf, .. } => {
                tfidf::idf(self.items.0, items, idf)
            }
            Weighting::Log => log::weigh(1.0),
            _ => 1.0,
        }
    }

    /// Returns what an item brings, unless all bring 1.
    pub(crate) fn of_item(&self, item: u32) -> Option<f64> {
        let Weighting::Bm25 { k1, .. } = self.weighting else { return None };
        Some(bm25::saturate(1.0, k1, self.of_items[item as usize]))
    }

    /// Appends a user's weights to `weights`.
    pub fn weigh(&self, row: UserRow<'_>, weights: &mut Vec<f64>) {
        let (input, Some(bought)) = self.items else {
            return self.weigh_alone(row, self.items.0, weights);
        };
        let (of_input, of_target) = row.split(input);
        self.weigh_alone(of_input, input, weights);
        self.weigh_alone(of_target, bought, weights);
    }

    /// Appends the weights of a user and one behaviour, which has so many items.
    fn weigh_alone(&self, row: UserRow<'_>, items: u32, weights: &mut Vec<f64>) {
        let raw = |at: usize| row.weights.map_or(1.0, |weights| weights[at]);
        let of_item = |at: usize| self.of_items[row.items[at] as usize];
        let all = 0..row.items.len();
        let degree = row.items.len() as u32;
        let of_degree = |idf: Idf| tfidf::idf(items, degree, idf);
        match self.weighting {
            Weighting::Binary => weights.extend(all.map(|_| 1.0)),
            Weighting::Raw => weights.extend(all.map(raw)),
            Weighting::Centred(by) => {
                let of_user = center::mean(all.clone().map(raw).fold(0.0, |a, b| a + b), degree);
                let mean = |at| if by == Centred::ByUser { of_user } else { of_item(at) };
                weights.extend(all.map(|at| center::weigh(raw(at), mean(at))));
            }
            Weighting::Log => weights.extend(all.map(|at| log::weigh(raw(at)))),
            Weighting::Tfidf { idf } => {
                let idf = of_degree(idf);
                weights.extend(all.map(|at| tfidf::weigh(raw(at), idf)));
            }
            Weighting::Bm25 { k1, idf, .. } => {
                let idf = of_degree(idf);
                weights.extend(all.map(|at| bm25::saturate(raw(at), k1, of_item(at)) * idf));
            }
            Weighting::Decay { half_life, anchor, .. } => {
                let time = |at: usize| row.times.map_or(0, |times| times[at]);
                let weigh = |at: usize| match anchor {
                    Anchor::Item => {
                        let halvings = self.half_lives[row.items[at] as usize];
                        decay::weigh_since(raw(at), time(at), half_life, halvings)
                    }
                    Anchor::All => decay::weigh_since(raw(at), time(at), half_life, self.present),
                    Anchor::Now => {
                        decay::weigh(raw(at), self.present.saturating_sub(time(at)), half_life)
                    }
                };
                weights.extend(all.map(weigh));
            }
        }
    }
}
