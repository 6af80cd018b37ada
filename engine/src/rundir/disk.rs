//! Stages of a job that does not fit in memory: the same files, made through working files.
//!
//! Working files lie in a folder of the run directory and are no result: they are gone with the
//! process, and made again from the results when a stage needs them.

use ilk_core::{
    cost::Machine,
    executor::Executor as _,
    ids::Ids,
    kernel::{Comparison, ItemFilter},
    matrix::{ItemTable, WeightKind},
    neighbours::Catalogue,
    plan::Sides,
};
use ilk_formats::OutputFormat;

use super::{
    Failure, StageName, StageRun, files, steps::unopened, tables, tiles::restore, work::Work,
};
use crate::{
    error::Error,
    guard::DiskWork,
    machine,
    memory::{Size, of_comparing},
    pipeline::{mixed_ids, too_heavy},
    publish::NewFolder,
    sandbox::sandbox_bytes,
    spill::{
        self, Covered, Ending, Found, Gathering, Lists, Recording, Rounds, Spiller, Workplace,
        catalogue_bytes, rounds_of_merging,
    },
};

impl Work<'_> {
    /// Tells whether comparing goes through working files. That depends on the size of the job
    /// alone, so that a run goes on as it began.
    pub(super) fn is_on_disk(&self) -> Result<bool, Failure> {
        let encode = self.record(StageName::Encode)?;
        // Users and items as they are compared.
        let count = |name: &str| encode.count(name) as usize;
        let size = Size {
            users: count("users"),
            items: count("items"),
            interactions: count("interactions"),
            top: self.job.top as usize,
        };
        let weights = WeightKind::of(self.job.weighting, self.needs.weight);
        let mut needed = of_comparing(size, self.needs, weights, self.budget.workers);
        if self.is_sandboxed() {
            needed += sandbox_bytes(size.interactions, weights, self.budget.workers);
        }
        Ok(needed > self.budget.left(0))
    }

    /// Tells whether a plugin computes the tiles, which it does in memory only.
    pub(super) fn is_sandboxed(&self) -> bool {
        self.dir.manifest().is_some_and(|manifest| manifest.engine.is_some())
    }

    /// Makes sure that there is a folder for working files.
    pub(super) fn make_workplace(&mut self) -> Result<(), Error> {
        if self.hands.workplace.is_none() {
            let path = self.dir.file(files::WORK);
            self.hands.workplace = Some(Workplace::At(&path).make(&self.budget)?);
        }
        Ok(())
    }

    /// What the steps through working files share.
    pub(super) fn on_disk(&self) -> Result<spill::Work<'_>, Error> {
        let folder = self.hands.workplace.as_ref().map(NewFolder::path);
        Ok(spill::Work {
            job: &self.job,
            needs: self.needs,
            layout: self.layout,
            budget: &self.budget,
            folder: folder.ok_or_else(|| Error::internal("no folder for working files"))?,
            pool: &self.pool,
            recording: Recording::Yes,
        })
    }

    /// Folds spilled rows, and writes the tables of the stage.
    pub(super) fn encode_on_disk(
        &self,
        spiller: Spiller,
        run: &StageRun<'_>,
    ) -> Result<(spill::Folded, Catalogue), Failure> {
        let names = self.input_names();
        let mixed = |error: &_| mixed_ids(error, &names);
        let spilled = match spiller.finish(&self.pool, mixed)? {
            Ending::Done(spilled) => spilled,
            Ending::Again(spiller) => {
                self.reporter
                    .note("ids are of another kind than they looked at first: reading again");
                self.each_cleaned(&|_, chunk| spiller.add(chunk))?;
                match spiller.finish(&self.pool, mixed)? {
                    Ending::Done(spilled) => spilled,
                    Ending::Again(_) => {
                        return Err(Error::internal("kept rows are not what they were").into());
                    }
                }
            }
        };
        run.expect(spilled.work(self.job.of));
        let progress = |units| run.advance(units);
        let (folded, catalogue) = spill::fold(*spilled, self.on_disk()?, &progress)?;
        let interactions = run.create(files::INTERACTIONS)?;
        let mut interactions = tables::InteractionTable::new(interactions, self.needs)?;
        let mut users = tables::UserTable::new(run.create(files::USERS)?);
        for rows in folded.rows() {
            let (first, rows) = rows?;
            let all = (first..).zip(&rows.degrees);
            let codes = all.flat_map(|(user, items)| std::iter::repeat_n(user, *items as usize));
            interactions.push(
                &codes.collect::<Vec<_>>(),
                &rows.items,
                rows.weights.as_deref(),
                rows.times.as_deref(),
            )?;
            users.push(&folded.ids_of(rows.users), &rows.degrees)?;
        }
        run.add(interactions.finish()?.publish()?);
        run.add(users.finish()?.publish()?);
        run.add(tables::write_items(run.create(files::ITEMS)?, &catalogue)?.publish()?);
        Ok((folded, catalogue))
    }

    /// Makes sure that what is left of the job is arranged on disk, and says how far it is.
    ///
    /// # Errors
    /// For damaged results, where the disk fails, and where the job is too much work.
    pub(super) fn load_arranged(&mut self, run: &StageRun<'_>) -> Result<(), Failure> {
        if self.hands.arranged.is_some() {
            return Ok(());
        }
        self.load_filter()?;
        self.make_workplace()?;
        let folded = match (self.hands.folded.take(), self.hands.interactions.take()) {
            (Some(folded), _) => folded,
            (None, Some(interactions)) => {
                let codes = 0..interactions.users() as u32;
                let none = Ids::Integer(codes.map(i64::from).collect());
                spill::spill(&interactions, &none, self.on_disk()?)?
            }
            (None, None) => self.read_folded()?,
        };
        self.hands.users = None;
        if !self.force {
            let users = self.one(StageName::Encode, files::USERS)?;
            let refusal = too_heavy(folded.each_degree(), |_| tables::heaviest_user(&users))?;
            self.refuse_heavy(refusal)?;
        }
        if let Some(guard) = &self.guard {
            guard.check_limit(self.budget.limit)?;
        }
        let (Some(filter), Some(catalogue)) = (&self.hands.filter, &self.hands.catalogue) else {
            return Err(unopened().into());
        };
        let used = self.record(StageName::Encode)?.count("catalogue_bytes") as usize;
        let degrees = folded.degrees().0;
        let done = self.hands.committed.as_ref();
        let covered = Covered(done.map_or(&[], |done| done.areas.as_slice()));
        run.expect(2 * folded.interactions());
        let progress = |units| run.advance(units);
        let arranged = folded.arrange(used, (filter, covered), self.on_disk()?, &progress)?;
        if let Some(guard) = &self.guard {
            guard.check_time_on_disk(&DiskWork {
                arranged: &arranged,
                degrees: &degrees,
                catalogue,
                format: OutputFormat::Parquet,
                machine: self.layout.machine.unwrap_or_else(|| Machine::of(self.layout.kernel)),
                workers: machine::cores(self.pool.workers()),
                before: self.before + done.map_or(0.0, |done| done.seconds),
            })?;
        }
        self.hands.arranged = Some(arranged);
        Ok(())
    }

    /// Reads the interactions into working files.
    fn read_folded(&self) -> Result<spill::Folded, Failure> {
        let items = self.record(StageName::Encode)?.count("items") as usize;
        let path = self.one(StageName::Encode, files::INTERACTIONS)?;
        let mut gathering = Gathering::new(items, self.on_disk()?);
        tables::each_interactions(&path, &mut |users, items, weights, times| {
            gathering.add(users, items, weights, times)
        })?;
        Ok(gathering.finish()?)
    }

    /// Decides in how many rounds what tiles found is taken in.
    pub(super) fn rounds_of_merging(
        &self,
        table: &ItemTable,
        filter: &ItemFilter,
    ) -> Result<Rounds, Failure> {
        let used = self.record(StageName::Encode)?.count("catalogue_bytes") as usize;
        Ok(rounds_of_merging(table, &self.job, filter, used, self.on_disk()?)?)
    }

    /// Takes the best of what the tiles found, in as many rounds as it takes to hold them.
    pub(super) fn merge_on_disk(&mut self, run: &StageRun<'_>) -> Result<[u64; 3], Failure> {
        self.make_workplace()?;
        let paths = self.dir.verified(StageName::Tiles, files::TILES)?;
        let table = self.read_table()?;
        let positions = ItemTable::positions(table.codes());
        let Some(filter) = &self.hands.filter else { return Err(unopened().into()) };
        let work = self.on_disk()?;
        let rounds = self.rounds_of_merging(&table, filter)?;
        let (mut found, mut offers) = (Found::default(), 0);
        run.expect(u64::from(rounds.number) * paths.len() as u64);
        for round in 0..rounds.number {
            let filter = rounds.filter(round, &table, filter);
            // Nothing is computed here, so it does not matter which pairs rows would compute.
            let kernel = self.layout.kernel;
            let comparison = Comparison::new(&table, &self.job, &filter, Sides::Row, kernel);
            let restored = self.pool.map(paths.len(), |index| {
                let restored = restore(&comparison, &positions, &filter, &paths[index]);
                run.advance(1);
                restored
            });
            offers += restored.into_iter().sum::<Result<u64, Error>>()?;
            found.push(Lists::new(work, round).take(&comparison, &positions, &filter)?);
        }
        let mut merged = tables::MergedTable::new(run.create(files::MERGED)?)?;
        let (mut rows, mut items) = (0, 0);
        for list in found.walk() {
            let (item, list) = list?;
            rows += list.len() as u64;
            items += u64::from(!list.is_empty());
            merged.push(item, &list)?;
        }
        run.add(merged.finish()?.publish()?);
        self.hands.found = Some(found);
        Ok([offers, rows, items])
    }

    /// Makes sure that the neighbours are on disk as lists.
    pub(super) fn load_found(&mut self) -> Result<(), Failure> {
        if self.hands.found.is_some() {
            return Ok(());
        }
        self.make_workplace()?;
        let path = self.one(StageName::Merge, files::MERGED)?;
        let mut lists = Lists::new(self.on_disk()?, 0);
        let (mut of_item, mut list) = (0, Vec::new());
        tables::read_offers(&path, &mut |item, neighbour| {
            if item != of_item {
                lists.push(of_item, &list)?;
                list.clear();
                of_item = item;
            }
            list.push(neighbour);
            Ok(())
        })?;
        lists.push(of_item, &list)?;
        let mut found = Found::default();
        found.push(lists.finish()?);
        self.hands.found = Some(found);
        Ok(())
    }

    /// Counts the bytes of what is compared, as later stages reckon with them.
    pub(super) fn count_catalogue(run: &StageRun<'_>, catalogue: &Catalogue) {
        run.count("catalogue_bytes", catalogue_bytes(catalogue) as u64);
    }
}
