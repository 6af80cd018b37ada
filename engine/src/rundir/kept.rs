//! What a run directory keeps of its stages, read back.

use std::{collections::BTreeMap, path::PathBuf, rc::Rc};

use ilk_core::{
    cost::Layout, data::Ids, executor::Executor as _, kernel::Comparison, matrix::ItemTable,
    plan::Sides, prepare::Interactions, result::Catalogue,
};

use super::{checking::checked, files, tables, tiles::restore};
use crate::{
    context::Run,
    error::Error,
    findings::Findings,
    handed::Named,
    keep::{Kept, Sink, Step},
    memory::{self, Size},
    record::{FileRecord, StageName, StageRecord},
    spill::{self, Found, Gathering, Lists, Recording, catalogue_bytes, rounds_of_merging},
};

/// The results of the stages that are done, and where they are.
#[derive(Clone)]
pub(crate) struct Results {
    path: Rc<PathBuf>,
    stages: Rc<BTreeMap<StageName, StageRecord>>,
}

impl Results {
    /// Takes the records of stages in a run directory.
    pub(super) fn new(path: PathBuf, stages: BTreeMap<StageName, StageRecord>) -> Self {
        Self { path: Rc::new(path), stages: Rc::new(stages) }
    }

    /// Returns the record of a stage.
    ///
    /// # Errors
    /// With the damage, if the stage is not done.
    pub(super) fn record(&self, stage: StageName) -> Result<&StageRecord, Error> {
        let record = self.stages.get(&stage).filter(|record| !record.again);
        record.ok_or_else(|| Error::damaged(stage, format!("stage {stage} is not done")))
    }

    /// Returns the paths of a stage's files whose names begin with `prefix`, in order, each checked
    /// against its checksum. Cost: one pass over the files.
    ///
    /// # Errors
    /// With the damage, if one is not what it was.
    pub(super) fn verified(&self, stage: StageName, prefix: &str) -> Result<Vec<PathBuf>, Error> {
        let files = self.record(stage)?.files.iter().filter(|file| file.name.starts_with(prefix));
        let verify = |file: &FileRecord| {
            let path = self.path.join(&file.name);
            let wrong = checked(&path, file)?;
            wrong.map_or(Ok(path), |what| Err(Error::damaged(stage, what)))
        };
        files.map(verify).collect()
    }

    /// Returns the one file of a stage with that name, checked.
    ///
    /// # Errors
    /// With the damage, if it is not what it was.
    pub(super) fn one(&self, stage: StageName, name: &str) -> Result<PathBuf, Error> {
        let gone = || format!("{} is missing", self.path.join(name).display());
        let found = self.verified(stage, name)?.pop();
        found.ok_or_else(|| Error::damaged(stage, gone()))
    }

    /// Streams the kept rows, from any thread: the number of a file, and a chunk of it.
    ///
    /// # Errors
    /// For damaged rows, and what `sink` returns.
    pub(super) fn each_row(&self, run: Run<'_>, sink: Sink<'_>) -> Result<(), Error> {
        let paths = self.verified(StageName::Clean, files::CLEANED)?;
        let (of_job, chunk_rows) = ((run.job, run.needs), run.means.budget.chunk_rows());
        let read = run.means.readers().map(paths.len(), |part| {
            let sink = |chunk| sink(part, chunk);
            tables::each_cleaned(&paths[part], of_job, chunk_rows, &sink)
        });
        read.into_iter().collect()
    }

    /// Reads what is known of the items, by position.
    fn table(&self) -> Result<ItemTable, Error> {
        let users = self.record(StageName::Matrix)?.count("users") as usize;
        let table = tables::read_item_table(&self.one(StageName::Matrix, files::MATRIX)?, users)?;
        Ok(table.with_population(users + self.emptied()? as usize))
    }

    /// Counts the users who were left without items and count in N.
    fn emptied(&self) -> Result<u64, Error> {
        Ok(self.record(StageName::Encode)?.count("uncompared_users"))
    }

    /// Takes the best of what tiles found in memory.
    fn merge_in_memory(
        &self,
        run: Run<'_>,
        step: &Step<'_>,
        named: &Named,
    ) -> Result<(Findings, u64), Error> {
        let paths = self.verified(StageName::Tiles, files::TILES)?;
        let (table, filter) = (self.table()?, &named.filter);
        // Nothing is computed here, so it does not matter which pairs rows would compute.
        let comparison = Comparison::new(&table, run.job, filter, Sides::Both, run.means.kernel);
        let positions = ItemTable::positions(table.codes());
        step.expect(paths.len() as u64);
        let restored = run.means.restorers().map(paths.len(), |index| {
            let restored = restore(&comparison, &positions, filter, &paths[index]);
            step.advance(1);
            restored
        });
        let offers = restored.into_iter().sum::<Result<u64, Error>>()?;
        Ok((Findings::Memory(comparison.neighbours(run.means.pool)), offers))
    }

    /// Takes the best of what tiles found, in as many rounds as it takes to hold them.
    fn merge_on_disk(
        &self,
        run: Run<'_>,
        step: &Step<'_>,
        named: &Named,
    ) -> Result<(Findings, u64), Error> {
        let paths = self.verified(StageName::Tiles, files::TILES)?;
        let (table, kernel) = (self.table()?, run.means.kernel);
        let positions = ItemTable::positions(table.codes());
        let layout = Layout { kernel, ..Layout::default() };
        let work = run.on_disk(layout, Recording::Yes)?;
        let used = catalogue_bytes(&named.catalogue);
        let rounds = rounds_of_merging(&table, run.job, &named.filter, used, work)?;
        let (mut found, mut offers) = (Found::default(), 0);
        step.expect(u64::from(rounds.number) * paths.len() as u64);
        for round in 0..rounds.number {
            let filter = rounds.filter(round, &table, &named.filter);
            // Nothing is computed here, so it does not matter which pairs rows would compute.
            let comparison = Comparison::new(&table, run.job, &filter, Sides::Row, kernel);
            let restored = run.means.restorers().map(paths.len(), |index| {
                let restored = restore(&comparison, &positions, &filter, &paths[index]);
                step.advance(1);
                restored
            });
            offers += restored.into_iter().sum::<Result<u64, Error>>()?;
            let lists = Lists::new(work, round, rounds.number as usize);
            found.push(lists.take(&comparison, &positions, &filter)?);
            // Other threads may make the lists of the next round.
            memory::trim();
        }
        Ok((Findings::Disk(found), offers))
    }
}

/// Counts the items of the input, where there is a second behaviour.
fn input_items(encode: &StageRecord) -> Option<u32> {
    encode.counters.get("input_items").map(|items| *items as u32)
}

impl Kept for Results {
    fn size(&self, top: u32) -> Result<Size, Error> {
        let encode = self.record(StageName::Encode)?;
        // Users and items as they are compared.
        let count = |name: &str| encode.count(name) as usize;
        Ok(Size {
            users: count("users"),
            items: count("items"),
            interactions: count("interactions"),
            top: top as usize,
            catalogue: count("catalogue_bytes"),
        })
    }

    fn catalogue(&self) -> Result<Catalogue, Error> {
        let catalogue = tables::read_items(&self.one(StageName::Encode, files::ITEMS)?)?;
        Ok(Catalogue { target: input_items(self.record(StageName::Encode)?), ..catalogue })
    }

    fn users(&self) -> Result<Ids, Error> {
        tables::read_users(&self.one(StageName::Encode, files::USERS)?)
    }

    fn heaviest_user(&self) -> Result<String, Error> {
        tables::heaviest_user(&self.one(StageName::Encode, files::USERS)?)
    }

    fn interactions(&self, run: Run<'_>) -> Result<Interactions, Error> {
        let encode = self.record(StageName::Encode)?;
        let path = self.one(StageName::Encode, files::INTERACTIONS)?;
        let items = encode.count("items") as usize;
        let interactions = tables::read_interactions(&path, items, run.needs)?;
        let interactions = interactions.with_target(input_items(encode));
        Ok(interactions.with_emptied(self.emptied()? as usize))
    }

    fn gathered(&self, work: spill::Work<'_>) -> Result<spill::Folded, Error> {
        let encode = self.record(StageName::Encode)?;
        let (items, target) = (encode.count("items") as usize, input_items(encode));
        let path = self.one(StageName::Encode, files::INTERACTIONS)?;
        let mut gathering = Gathering::new(items, target, work);
        tables::each_interactions(&path, &mut |users, items, weights, times| {
            gathering.add(users, items, weights, times)
        })?;
        Ok(spill::Folded::of(gathering.finish()?, self.emptied()?, work))
    }

    fn check_plan(&self) -> Result<(), Error> {
        self.one(StageName::Plan, files::PLAN).map(drop)
    }

    fn merge(
        &self,
        run: Run<'_>,
        step: &Step<'_>,
        named: &Named,
    ) -> Result<(Findings, u64), Error> {
        if run.fits(self.size(run.job.top)?, Recording::Yes) {
            self.merge_in_memory(run, step, named)
        } else {
            self.merge_on_disk(run, step, named)
        }
    }

    fn found(&self, run: Run<'_>, items: usize) -> Result<Findings, Error> {
        let path = self.one(StageName::Merge, files::MERGED)?;
        if run.fits(self.size(run.job.top)?, Recording::Yes) {
            return Ok(Findings::Memory(tables::read_merged(&path, items)?));
        }
        let layout = Layout { kernel: run.means.kernel, ..Layout::default() };
        let mut lists = Lists::new(run.on_disk(layout, Recording::Yes)?, 0, 1);
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
        Ok(Findings::Disk(found))
    }
}
