//! Interactions on disk: folded from runs, or taken out of memory.

use ilk_core::{
    data::{DoubtfulIds, Id, Ids, TextColumn},
    executor::Executor as _,
    job::{Duplicates, Job, NegativeWeights, Of},
    prepare::{self as interactions, Folding, IdKind, SupportedItems, TypedIds, UserRows},
    result::Catalogue,
};

use super::{
    buckets::{self, Buckets, Census, id_bytes},
    reading::Spilled,
    runs::RunWriter,
    store::Store,
    work::{Progress, Work},
};
use crate::{
    error::Error,
    misfit::{Needed, does_not_fit},
};

/// Interactions on disk.
pub(crate) struct Folded {
    pub(super) buckets: Buckets,
    pub(super) items: SupportedItems,
    pub(super) census: Census,
    /// What became of the events.
    pub(crate) folding: Folding,
    /// Ids of the users, where they have changed places with items.
    others: Option<Ids>,
    /// Some weights differ from 1.
    pub(super) has_weights: bool,
    /// Users who were left without items, and count in N.
    pub(super) emptied: u64,
}

/// Folds what was read into interactions; also returns what is compared. Progress: as
/// [`Spilled::work`] says.
///
/// # Errors
/// If the disk fails, or something of which there is one per item does not fit.
pub(crate) fn fold(
    spilled: Spilled,
    work: Work<'_>,
    progress: Progress<'_>,
) -> Result<(Folded, Catalogue), Error> {
    let Spilled { runs, items, codes, target, labels, events } = spilled;
    let mut buckets = buckets::fold(&runs, (&items, target), &codes, work, progress)?;
    drop((runs, codes));
    let kept = SupportedItems::new(&buckets.supports, work.job);
    buckets.count(&kept, work.pool)?;
    let census = buckets.census();
    if census.users >= u64::from(u32::MAX) {
        let distinct = census.users as usize;
        let error = ilk_core::prepare::check_count("user", distinct).err();
        return Err(Error::input(error.map_or_else(String::new, |error| error.to_string())));
    }
    let folding = Folding {
        events,
        rare_items: kept.rare,
        rare_pairs: census.dropped.0,
        emptied_users: census.dropped.1,
        ..buckets.folding
    };
    let mut catalogue = kept.catalogue(&items, labels.as_ref(), &buckets.supports);
    catalogue.target = kept.target(target);
    drop(items);
    let has_weights = work.needs.weight;
    let emptied = folding.emptied_users;
    let folded =
        Folded { buckets, items: kept, census, folding, others: None, has_weights, emptied };
    match work.job.of {
        Of::Items => Ok((folded, catalogue)),
        Of::Users => folded.transposed(catalogue, work, progress),
    }
}

/// Takes interactions out of memory, where only what follows does not fit.
///
/// # Errors
/// If the disk fails.
pub(crate) fn spill(
    interactions: &interactions::Interactions,
    users: &Ids,
    work: Work<'_>,
) -> Result<Folded, Error> {
    let emptied = (interactions.population() - interactions.users()) as u64;
    Ok(Folded::of(Buckets::of_memory(interactions, users, work)?, emptied, work))
}

/// Counts the bytes of what is compared.
pub(crate) fn catalogue_bytes(catalogue: &Catalogue) -> usize {
    let labels = catalogue.labels.as_ref().map_or(0, label_bytes);
    id_bytes(&catalogue.ids) + catalogue.ids.len() * 4 + labels
}

/// Counts the bytes that labels take.
fn label_bytes(labels: &TextColumn) -> usize {
    labels.dictionary.bytes() + labels.codes.len() * 12
}

impl Folded {
    /// Takes interactions that were folded before: all that are there count. `emptied`: users who were
    /// left without items.
    pub(crate) fn of(buckets: Buckets, emptied: u64, work: Work<'_>) -> Self {
        let items = SupportedItems::new(&buckets.supports, &as_it_is(work.job));
        let (census, has_weights) = (buckets.census(), work.needs.weight);
        let folding = Folding::default();
        Self { buckets, items, census, folding, others: None, has_weights, emptied }
    }

    /// Walks the users in order: the code of the first, then some of them with their items.
    ///
    /// # Errors
    /// If the disk fails.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Result<(u32, UserRows), Error>> {
        let mut first = 0;
        (0..self.buckets.all.len()).map(move |bucket| {
            let rows = self.buckets.read(bucket, &self.items)?;
            let before = first;
            first += rows.users.len() as u32;
            Ok((before, rows))
        })
    }

    /// Returns the ids of users as people wrote them; `users`: of [`rows`](Self::rows).
    pub(crate) fn ids_of(&self, users: Ids) -> Ids {
        match (&self.others, &users) {
            (Some(ids), Ids::Integer(codes)) => {
                ids.select(&codes.iter().map(|code| *code as u32).collect::<Vec<_>>())
            }
            _ => users,
        }
    }

    /// Returns the first code of the items of a second behaviour, if there are two.
    pub(super) fn target(&self) -> Option<u32> {
        self.items.target(self.buckets.target)
    }

    /// Finds a user with an item of the input, and one with an item of the target.
    ///
    /// # Errors
    /// If the disk fails.
    pub(crate) fn examples(&self) -> Result<[Option<String>; 2], Error> {
        let mut found = [None, None];
        let Some(first) = self.target() else { return Ok(found) };
        for rows in self.rows() {
            let (_, rows) = rows?;
            let users = (0..)
                .zip(&rows.degrees)
                .flat_map(|(user, degree)| std::iter::repeat_n(user, *degree as usize));
            for (user, item) in users.zip(&rows.items) {
                let place = &mut found[usize::from(*item >= first)];
                place.get_or_insert_with(|| rows.users.display(user).into_owned());
            }
            if found.iter().all(Option::is_some) {
                break;
            }
        }
        Ok(found)
    }

    /// Returns how many users have how many items, and how many users each item has.
    pub(crate) fn degrees(&self) -> (Vec<(u32, u64)>, Vec<u32>) {
        let users = self.census.degrees.iter().map(|(degree, users)| (*degree, *users)).collect();
        let items = self.items.kept.iter().map(|item| self.buckets.supports[*item as usize]);
        (users, items.collect())
    }

    /// Finds those of the users (of items) or items (of users) that may be meant otherwise.
    pub(crate) fn doubtful_others(&self) -> DoubtfulIds {
        self.others.as_ref().map_or_else(|| self.census.doubtful.clone(), Ids::doubtful)
    }

    /// Counts the users (of items) or items (of users).
    pub(crate) fn others(&self) -> u64 {
        self.census.users
    }

    /// Counts the interactions.
    pub(crate) fn interactions(&self) -> u64 {
        self.census.interactions
    }

    /// Counts the pair operations.
    pub(crate) fn operations(&self) -> u128 {
        self.census.operations
    }

    /// Walks the number of items of every user, most items first.
    pub(crate) fn each_degree(&self) -> impl Iterator<Item = usize> + Clone {
        self.census.each_degree()
    }

    /// Finds the name of the first user with most items.
    ///
    /// # Errors
    /// If the disk fails.
    pub(crate) fn heaviest_user(&self) -> Result<String, Error> {
        let most = self.census.degrees.keys().next_back().copied().unwrap_or_default();
        let has_it =
            |bucket: &&usize| self.buckets.all[**bucket].census.degrees.contains_key(&most);
        let all = (0..self.buckets.all.len()).collect::<Vec<_>>();
        let Some(bucket) = all.iter().find(has_it) else { return Ok(String::new()) };
        let rows = self.buckets.read(*bucket, &self.items)?;
        let user = rows.degrees.iter().position(|degree| *degree == most).unwrap_or_default();
        Ok(match (&self.others, rows.users.id(user as u32)) {
            (Some(ids), Id::Integer(code)) => ids.display(code as u32).into_owned(),
            _ => rows.users.display(user as u32).into_owned(),
        })
    }

    /// Swaps the roles of users and items, through runs sorted by item.
    fn transposed(
        self,
        catalogue: Catalogue,
        work: Work<'_>,
        progress: Progress<'_>,
    ) -> Result<(Self, Catalogue), Error> {
        let Self { buckets, items, census, folding, has_weights, .. } = self;
        let users = census.users as usize;
        if users * 48 > work.budget.left(0) {
            return Err(does_not_fit(
                &format!("{users} users, which are compared,"),
                Needed::all(users * 100),
                work.budget,
            ));
        }
        let room = work.budget.left(users * 48) / 2 / work.budget.workers / 3 * 2;
        let store = Store::new(work.folder, "runs-by-item", work.budget.shard.0);
        let writer = RunWriter::new(store, IdKind::Integer, work.needs, room);
        let mut first = 0;
        let firsts = buckets.all.iter().map(|bucket| {
            let before = first;
            first += bucket.census.users as u32;
            before
        });
        let firsts = firsts.collect::<Vec<_>>();
        let ids = work.pool.map(firsts.len(), |bucket| {
            let rows = buckets.read(bucket, &items)?;
            let keys = rows.items.iter().map(|item| i64::from(*item)).collect();
            let all = (firsts[bucket]..).zip(&rows.degrees);
            let users = all.flat_map(|(user, degree)| (0..*degree).map(move |_| user));
            let users = users.collect::<Vec<_>>();
            let (weights, times) = (rows.weights.as_deref(), rows.times.as_deref());
            writer.add(TypedIds::Keys(keys), &users, weights, times)?;
            Ok::<_, Error>((rows.users, rows.degrees))
        });
        let runs = writer.finish(work.pool)?;
        drop(buckets);
        let (mut all, mut supports) = (None::<Ids>, Vec::with_capacity(users));
        for of_bucket in ids {
            let (ids, degrees): (Ids, Vec<u32>) = of_bucket?;
            supports.extend(degrees);
            match &mut all {
                None => all = Some(ids),
                Some(all) => all.append(&ids),
            }
        }
        let ids = all.unwrap_or_else(|| Ids::Integer(Vec::new()));
        let as_it_is = as_it_is(work.job);
        let codes = (0..users as u32).collect::<Vec<_>>();
        let buckets =
            buckets::fold(&runs, (&ids, None), &codes, Work { job: &as_it_is, ..work }, progress)?;
        let items = SupportedItems::new(&buckets.supports, &as_it_is);
        let others = Some(catalogue.ids);
        let catalogue = Catalogue { ids, labels: None, supports, target: None };
        let census = buckets.census();
        // Items that were dropped are not counted.
        let emptied = 0;
        Ok((Self { buckets, items, census, folding, others, has_weights, emptied }, catalogue))
    }
}

/// Returns the job for interactions that are folded: each pair is there once.
fn as_it_is(job: &Job) -> Job {
    Job {
        duplicates: Duplicates::Max,
        negative_weights: NegativeWeights::Drop,
        max_items_per_user: None,
        min_support: 1,
        ..job.clone()
    }
}
