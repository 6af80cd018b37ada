//! How far the neighbours of two parts of the users agree.

use crate::{
    executor::Executor,
    job::Job,
    kernel::neighbours,
    matrix::Matrix,
    plan::{ItemFilter, Plan},
    prepare::{Interactions, Part},
};

/// How far two lists of neighbours agree, over items.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Agreement {
    /// Items that have neighbours in one of them at least.
    pub items: usize,
    /// The mean, over these items, of the neighbours that both lists have, divided by the length
    /// of the longer list.
    pub mean: f64,
    /// Where the mean of all items lies, with a confidence of 95 % (normal approximation; each
    /// item counts alike and for itself).
    pub interval: (f64, f64),
}

impl Agreement {
    /// Compares the lists of each item, whose codes ascend.
    ///
    /// # Panics
    /// If there are not as many.
    pub fn of(one: &[Vec<u32>], other: &[Vec<u32>]) -> Self {
        assert_eq!(one.len(), other.len(), "every item has two lists");
        let longer = |(one, other): (&Vec<u32>, &Vec<u32>)| one.len().max(other.len());
        let lists = one.iter().zip(other).filter(|lists| longer(*lists) > 0);
        let shares = lists.map(|(one, other)| {
            let both = one.iter().filter(|code| other.binary_search(code).is_ok()).count();
            both as f64 / longer((one, other)) as f64
        });
        let shares = shares.collect::<Vec<_>>();
        if shares.is_empty() {
            return Self::default();
        }
        let items = shares.len() as f64;
        let mean = shares.iter().sum::<f64>() / items;
        let squares = shares.iter().map(|share| (share - mean) * (share - mean)).sum::<f64>();
        let deviation = (squares / (items - 1.0).max(1.0) / items).sqrt();
        // Of one item nothing is known but itself.
        let slack = if shares.len() > 1 { 1.96 * deviation } else { 1.0 };
        let interval = ((mean - slack).max(0.0), (mean + slack).min(1.0));
        Self { items: shares.len(), mean, interval }
    }
}

/// Finds the neighbours that some of the users give to some of the items: for each item of
/// `asked` its neighbours' codes, ascending. All codes are those of `interactions`, and weights
/// are those of the part alone.
pub fn neighbours_of_part(
    interactions: &Interactions,
    keep: impl Fn(u32) -> bool,
    asked: &[u32],
    job: &Job,
    executor: &impl Executor,
) -> Vec<Vec<u32>> {
    let Part { interactions, items, .. } = interactions.of_users(keep);
    let mut lists = vec![Vec::new(); asked.len()];
    let codes = asked.iter().map(|code| items.binary_search(code));
    let wanted = codes.clone().filter_map(|code| Some(code.ok()? as u32)).collect::<Vec<_>>();
    let filter = ItemFilter::new(items.len(), None, None, Some(&wanted));
    let matrix = Matrix::new(&interactions, job, executor);
    let plan = Plan::of_job(&matrix, job, &filter);
    let found = neighbours(&matrix, &plan, job, &filter, executor, |_| {});
    for (list, code) in lists.iter_mut().zip(codes) {
        if let Ok(code) = code {
            let neighbours = found.of(code as u32).iter();
            list.extend(neighbours.map(|neighbour| items[neighbour.code as usize]));
            list.sort_unstable();
        }
    }
    lists
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agreement_is_a_mean_over_items_with_an_interval() {
        let one = [vec![1, 2, 3, 4], vec![], vec![5], vec![7, 8]];
        let other = [vec![2, 4], vec![], vec![], vec![7, 8]];
        let agreement = Agreement::of(&one, &other);
        // 2 of 4, 0 of 1, 2 of 2; the item without neighbours says nothing.
        assert_eq!((agreement.items, agreement.mean), (3, 0.5));
        // Standard deviation 0.5, by hand.
        let slack = 1.96 * 0.5 / 3.0_f64.sqrt();
        assert!((agreement.interval.0 - (0.5 - slack).max(0.0)).abs() < 1e-12);
        assert!((agreement.interval.1 - (0.5 + slack).min(1.0)).abs() < 1e-12);
        assert_eq!(Agreement::of(&one, &one).mean, 1.0);
        assert_eq!(Agreement::of(&[vec![1]], &[vec![1]]).interval, (0.0, 1.0));
        assert_eq!(Agreement::of(&[], &[]), Agreement::default());
    }

    #[test]
    fn a_part_of_the_users_has_neighbours_of_its_own() {
        // Two users who share nothing: each alone makes its items neighbours.
        let interactions = Interactions::of_rows([vec![0, 1], vec![2, 3]].into_iter(), 4);
        let job = crate::job::SimilarityJob::default().resolve(crate::job::Given::default());
        let of = |keep: fn(u32) -> bool| {
            let job = job.as_ref().unwrap();
            neighbours_of_part(&interactions, keep, &[1, 2], job, &crate::executor::Sequential)
        };
        assert_eq!(of(|_| true), [[0], [3]]);
        assert_eq!(of(|user| user == 1), [vec![], vec![3]]);
        assert_eq!(of(|_| false), [[0; 0]; 2]);
    }
}
