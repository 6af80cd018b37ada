//! What each stage does.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use ilk_core::{
    encode::encode,
    executor::Executor as _,
    interactions::{Folded, fold},
    kernel::Comparison,
    matrix::ItemTable,
    neighbours::Neighbour,
    plan::{Plan, Sides},
    topk::Offer,
};
use ilk_formats::{CellType, OutputFormat, Values, write_neighbours};

use super::{
    Damage, Failure, Folder, StageName, StageRun,
    cleaning::{Cleaner, tally_of},
    files, tables,
    tables::{naming, read_cleaned, read_offers, tiles_in, write_offers},
    work::Work,
};
use crate::{
    error::Error,
    pipeline::{HEAVIEST_PLAN, check_rows, mixed_ids, report_folding, report_set_aside},
    text::{counted, grouped, rounded},
};

/// Work of one thread after which what its tiles found is written.
const COMMIT: Duration = Duration::from_secs(1);

impl Work<'_> {
    /// Lists the inputs; opening them has checked their columns.
    pub(super) fn read(&mut self) -> Result<(), Failure> {
        let run = self.begin(StageName::Read, None);
        let Some(opened) = &self.files else { return Err(unopened().into()) };
        let inputs = self.dir.manifest().map(|manifest| manifest.inputs.clone());
        let inputs = inputs.unwrap_or_default();
        let rows = opened.tables.iter().map(ilk_formats::Table::row_count);
        let known = rows.clone().sum::<Option<u64>>();
        let bytes = inputs.iter().map(|file| file.bytes).sum::<u64>();
        let columns = [
            ("file", CellType::U32),
            ("path", CellType::Text),
            ("format", CellType::Text),
            ("rows", CellType::Text),
            ("bytes", CellType::U64),
            ("modified", CellType::Text),
            ("content", CellType::Text),
        ];
        let mut writing = tables::Writing::new(run.create(files::INPUTS)?, &columns)?;
        writing.write(vec![
            Values::U32((0..inputs.len() as u32).collect()),
            tables::text_column(inputs.iter().map(|file| Some(file.path.clone()))),
            tables::text_column(
                opened.tables.iter().map(|table| Some(table.format().name().to_owned())),
            ),
            tables::text_column(rows.map(|rows| rows.map(|rows| rows.to_string()))),
            Values::U64(inputs.iter().map(|file| file.bytes).collect()),
            tables::text_column(inputs.iter().map(|file| file.modified.clone())),
            tables::text_column(inputs.iter().map(|file| Some(file.content.to_string()))),
        ])?;
        run.add(writing.finish()?.publish()?);
        let files = inputs.len() as u64;
        run.count("files", files);
        run.count("input_bytes", bytes);
        let size = indicatif::HumanBytes(bytes);
        let message = match known {
            Some(rows) => format!("{}, {}, {size}", counted(files, "file"), counted(rows, "row")),
            None => format!("{}, {size}", counted(files, "file")),
        };
        let rows = known.unwrap_or_default();
        self.dir.finish(run, rows, rows, message)?;
        Ok(())
    }

    /// Reads all rows, keeps each or sets it aside.
    pub(super) fn clean(&mut self) -> Result<(), Failure> {
        let Some(opened) = &self.files else { return Err(unopened().into()) };
        let total = opened.tables.iter().map(ilk_formats::Table::row_count).sum();
        let run = self.begin(StageName::Clean, total);
        let cleaner = Cleaner::new(self.dir.path(), opened, &self.job, self.needs)?;
        let cleaned = cleaner.clean(&self.pool, &run)?;
        self.check_unchanged()?;
        let quarantine = tables::gather_aside(run.create(files::QUARANTINE)?, &cleaned.aside)?;
        run.add(quarantine.publish()?);
        cleaned.files.into_iter().for_each(|file| run.add(file));
        let tally = cleaned.tally;
        if tally.rows == 0 {
            return Err(Error::input(format!("no rows in {}", opened.text()))
                .with_help("check that the inputs are the files you mean")
                .into());
        }
        run.count("rows", tally.rows);
        run.count("kept", tally.kept());
        for reason in ilk_core::clean::Reason::ALL {
            run.count(reason.name(), tally.count(reason));
        }
        run.count("pieces_found", cleaned.found);
        let kept = grouped(tally.kept());
        let message = format!("{kept} of {} kept", counted(tally.rows, "row"));
        self.hands.chunks = cleaned.chunks;
        self.dir.finish(run, tally.rows, tally.kept(), message)?;
        report_set_aside(&tally, &opened.names, self.reporter);
        super::remove(&self.dir.file(files::SET_ASIDE))?;
        Ok(())
    }

    /// Refuses inputs that were written to while they were read.
    fn check_unchanged(&self) -> Result<(), Error> {
        for file in self.dir.manifest().into_iter().flat_map(|manifest| &manifest.inputs) {
            let path = Path::new(&file.path);
            let metadata = fs::metadata(path).map_err(|error| Error::file("read", path, &error))?;
            let modified = metadata.modified().ok().and_then(super::fingerprint::time_text);
            if metadata.len() != file.bytes || modified != file.modified {
                return Err(Error::input(format!(
                    "{} was written to while it was read",
                    file.path
                ))
                .with_help("wait until nobody writes to it, then begin anew with --restart"));
            }
        }
        Ok(())
    }

    /// Gives ids their codes and folds rows into interactions.
    pub(super) fn encode(&mut self) -> Result<(), Failure> {
        check_rows(&tally_of(self.record(StageName::Clean)?), &self.job)?;
        let rows = self.record(StageName::Clean)?.rows_out;
        let mut run = self.begin(StageName::Encode, None);
        let chunks = if let Some(chunks) = self.hands.chunks.take() {
            chunks
        } else {
            let paths = self.dir.verified(StageName::Clean, files::CLEANED)?;
            let read = |index: usize| read_cleaned(&paths[index], &self.job, self.needs);
            let read = self.pool.map(paths.len(), read).into_iter();
            read.collect::<Result<Vec<_>, Error>>()?.into_iter().flatten().collect()
        };
        let names = self.dir.manifest().into_iter().flat_map(|manifest| &manifest.inputs);
        let names = names.map(|file| file.path.clone()).collect::<Vec<_>>();
        let encoded = encode(chunks, &self.pool).map_err(|error| mixed_ids(&error, &names))?;
        let Folded { interactions, catalogue, others, folding } =
            fold(encoded, &self.job, self.needs, &self.pool);
        let degrees = interactions.degrees().map(|degree| degree as u32).collect::<Vec<_>>();
        let written = self.pool.map(3, |table| {
            let file = |name| run.create(name);
            let file = match table {
                0 => tables::write_interactions(file(files::INTERACTIONS)?, &interactions)?,
                1 => tables::write_items(file(files::ITEMS)?, &catalogue)?,
                _ => tables::write_users(file(files::USERS)?, &others, &degrees)?,
            };
            file.publish().map(|file| run.add(file))
        });
        written.into_iter().collect::<Result<(), Error>>()?;
        let (users, items) = (others.len() as u64, catalogue.ids.len() as u64);
        let pairs = interactions.len() as u64;
        for (name, count) in [
            ("users", users),
            ("items", items),
            ("interactions", pairs),
            ("events", folding.events),
            ("pairs", folding.pairs),
            ("netted_away", folding.netted_away),
            ("capped_users", folding.capped_users),
            ("capped_pairs", folding.capped_pairs),
            ("rare_items", folding.rare_items),
            ("rare_pairs", folding.rare_pairs),
            ("emptied_users", folding.emptied_users),
        ] {
            run.count(name, count);
        }
        run.clear();
        let operations = interactions.degrees().map(|items| (items as u128).pow(2)).sum();
        report_folding(&folding, operations, &self.job, self.reporter);
        let (users, items) = match self.job.of {
            ilk_core::job::Of::Items => (users, items),
            ilk_core::job::Of::Users => (items, users),
        };
        let message = format!(
            "{} of {} and {}",
            counted(pairs, "interaction"),
            counted(users, "user"),
            counted(items, "item")
        );
        self.hands.interactions = Some(interactions);
        self.hands.catalogue = Some(catalogue);
        self.hands.users = Some(others);
        self.dir.finish(run, rows, pairs, message)?;
        Ok(())
    }

    /// Weighs the interactions and puts the items in the order of their popularity.
    pub(super) fn arrange(&mut self) -> Result<(), Failure> {
        let run = self.begin(StageName::Matrix, None);
        self.load_matrix()?;
        let Some(matrix) = &self.hands.matrix else { return Err(unopened().into()) };
        run.add(tables::write_matrix(run.create(files::MATRIX)?, matrix)?.publish()?);
        let (items, head) = (matrix.items() as u64, matrix.head_items() as u64);
        run.count("items", items);
        run.count("users", matrix.users() as u64);
        run.count("head_items", head);
        run.count("blocks", matrix.columns().len() as u64);
        let message = match head {
            0 => format!("{} as lists", counted(items, "item")),
            head => format!("{}, {} of them as bits", counted(items, "item"), grouped(head)),
        };
        let pairs = self.record(StageName::Encode)?.rows_out;
        self.dir.finish(run, pairs, items, message)?;
        Ok(())
    }

    /// Cuts the work into tiles.
    pub(super) fn plan(&mut self) -> Result<(), Failure> {
        let run = self.begin(StageName::Plan, None);
        self.load_plan()?;
        let (Some(matrix), Some(plan)) = (&self.hands.matrix, &self.hands.plan) else {
            return Err(unopened().into());
        };
        if plan.operations > HEAVIEST_PLAN
            && let Some(refusal) = self.hands.refusal.take()
        {
            return Err(refusal.into());
        }
        run.add(tables::write_plan(run.create(files::PLAN)?, matrix, plan)?.publish()?);
        let tiles = plan.tiles.len() as u64;
        run.count("tiles", tiles);
        run.count("pair_operations", plan.operations);
        run.count("predicted_core_microseconds", plan.cost / 1_000_000);
        run.count("both_sides", u64::from(plan.sides == Sides::Both));
        let operations = rounded(plan.operations.into());
        let message = format!("{}, {operations} pair operations", counted(tiles, "tile"));
        let items = matrix.items() as u64;
        self.dir.finish(run, items, tiles, message)?;
        Ok(())
    }

    /// Makes sure that matrix and plan are in hand.
    fn load_plan(&mut self) -> Result<(), Failure> {
        self.load_filter()?;
        self.load_matrix()?;
        if self.hands.plan.is_none()
            && let (Some(matrix), Some(filter)) = (&self.hands.matrix, &self.hands.filter)
        {
            self.hands.plan = Some(Plan::new(matrix, filter));
        }
        Ok(())
    }

    /// Computes the tiles that are not done.
    pub(super) fn tiles(&mut self) -> Result<(), Failure> {
        let run = self.begin(StageName::Tiles, None);
        let is_fresh = self.hands.plan.is_some();
        self.load_plan()?;
        let (Some(matrix), Some(plan), Some(filter)) =
            (&self.hands.matrix, &self.hands.plan, &self.hands.filter)
        else {
            return Err(unopened().into());
        };
        if !is_fresh {
            self.check_plan(&run)?;
        }
        let folder = Folder::create(self.dir.path(), files::TILES)?;
        let committed = Committed::find(&folder, self.dir.path(), plan.tiles.len())?;
        let kernel = matrix.kernel();
        let comparison = Comparison::new(matrix.table(), &self.job, filter, plan.sides, kernel);
        let positions = ItemTable::positions(matrix.table().codes());
        for path in &committed.paths {
            restore(&comparison, &positions, path)?;
        }
        let left = (0..plan.tiles.len()).filter(|tile| !committed.tiles[*tile]);
        let left = left.collect::<Vec<_>>();
        let found = (plan.tiles.len() - left.len()) as u64;
        if found > 0 {
            let text = format!(
                "{} of {} are done",
                grouped(found),
                counted(plan.tiles.len() as u64, "tile")
            );
            self.reporter.count("resuming", text, &[("tiles", found)]);
        }
        run.expect(left.iter().map(|tile| plan.tiles[*tile].cost).sum());
        let computing = Computing { matrix, plan, comparison: &comparison, left: &left, folder };
        let files = computing.compute(&self.pool, &run)?;
        let offers = files.iter().map(|(_, offers)| offers).sum::<u64>() + committed.offers;
        run.count("tiles", plan.tiles.len() as u64);
        run.count("tiles_found", found);
        run.count("tiles_computed", left.len() as u64);
        run.count("files_dropped", committed.dropped);
        run.count("commits", files.len() as u64);
        run.count("offers", offers);
        let files = files.into_iter().map(|(file, _)| file).chain(committed.files);
        files.for_each(|file| run.add(file));
        let tiles = plan.tiles.len() as u64;
        let message = format!("{}, {}", counted(tiles, "tile"), counted(offers, "candidate"));
        self.hands.matrix = None;
        self.hands.plan = None;
        self.dir.finish(run, tiles, offers, message)?;
        Ok(())
    }

    /// Checks that the plan of now is the one whose tiles are numbered in the directory: other
    /// instructions are worth other tiles.
    fn check_plan(&self, run: &StageRun<'_>) -> Result<(), Failure> {
        self.one(StageName::Plan, files::PLAN)?;
        let (Some(matrix), Some(plan)) = (&self.hands.matrix, &self.hands.plan) else {
            return Err(unopened().into());
        };
        let now = tables::write_plan(run.create(files::PLAN)?, matrix, plan)?.total();
        let record = self.record(StageName::Plan)?;
        let is_same = record.files.iter().any(|file| (file.bytes, file.checksum) == now);
        if is_same {
            return Ok(());
        }
        let what = "the tiles are those of other instructions".into();
        Err(Failure::Damage(Damage { stage: StageName::Plan, what }))
    }

    /// Takes the best of what the tiles found.
    pub(super) fn merge(&mut self) -> Result<(), Failure> {
        let run = self.begin(StageName::Merge, None);
        let paths = self.dir.verified(StageName::Tiles, files::TILES)?;
        self.load_filter()?;
        let users = self.record(StageName::Matrix)?.count("users") as usize;
        let table = self.one(StageName::Matrix, files::MATRIX)?;
        let table = tables::read_item_table(&table, users)?;
        let Some(filter) = &self.hands.filter else { return Err(unopened().into()) };
        let kernel = self.layout.kernel;
        // Nothing is computed here, so it does not matter which pairs rows would compute.
        let comparison = Comparison::new(&table, &self.job, filter, Sides::Both, kernel);
        let positions = ItemTable::positions(table.codes());
        let restored =
            self.pool.map(paths.len(), |index| restore(&comparison, &positions, &paths[index]));
        let offers = restored.into_iter().sum::<Result<u64, Error>>()?;
        let neighbours = comparison.neighbours(&self.pool);
        run.add(tables::write_merged(run.create(files::MERGED)?, &neighbours)?.publish()?);
        let items = 0..neighbours.items() as u32;
        let items = items.filter(|item| !neighbours.of(*item).is_empty()).count() as u64;
        let rows = neighbours.len() as u64;
        run.count("neighbours", rows);
        run.count("items_with_neighbours", items);
        let message = format!("{} of {}", counted(rows, "neighbour"), counted(items, "item"));
        self.hands.neighbours = Some(neighbours);
        self.dir.finish(run, offers, rows, message)?;
        Ok(())
    }

    /// Writes the result into the run directory, and outside of it where that was asked for.
    pub(super) fn write(&mut self) -> Result<(), Failure> {
        let run = self.begin(StageName::Write, None);
        self.load_catalogue()?;
        let Some(catalogue) = self.hands.catalogue.take() else { return Err(unopened().into()) };
        let neighbours = if let Some(neighbours) = self.hands.neighbours.take() {
            neighbours
        } else {
            let path = self.one(StageName::Merge, files::MERGED)?;
            tables::read_merged(&path, catalogue.ids.len())?
        };
        let mut file = run.create(files::NEIGHBOURS)?;
        let target = file.target().to_owned();
        write_neighbours(OutputFormat::Parquet, &mut file, &catalogue, &neighbours)
            .map_err(|error| naming(&target, error))?;
        run.add(file.publish()?);
        let rows = neighbours.len() as u64;
        run.count("rows", rows);
        let out = self.write_out(&catalogue, &neighbours)?;
        let place = self.dir.file(files::NEIGHBOURS);
        let out = out.map_or_else(String::new, |out| format!(" and {}", out.display()));
        let message = format!("{} to {}{out}", counted(rows, "row"), place.display());
        self.dir.finish(run, rows, rows, message)?;
        if rows == 0 {
            self.reporter.note("no pair qualified: the table has no rows");
        }
        Ok(())
    }
}

/// A result that was just made is not in hand.
fn unopened() -> Error {
    Error::internal("a stage runs without what it needs")
}

/// Takes what tiles found back in; returns how much it was.
fn restore(comparison: &Comparison<'_>, positions: &[u32], path: &Path) -> Result<u64, Error> {
    const MOST: usize = 1 << 16;
    let (mut offers, mut count) = (Vec::with_capacity(MOST), 0);
    read_offers(path, &mut |code, neighbour| {
        let item = positions.get(code as usize).copied();
        let item = item.ok_or_else(|| Error::internal("an offer to an item that is not there"))?;
        offers.push(Offer { item, neighbour });
        count += 1;
        if offers.len() == MOST {
            comparison.restore(offers.drain(..));
        }
        Ok(())
    })?;
    comparison.restore(offers);
    Ok(count)
}

/// What an interrupted stage has committed.
struct Committed {
    files: Vec<super::FileRecord>,
    paths: Vec<PathBuf>,
    /// Which tiles are done.
    tiles: Vec<bool>,
    offers: u64,
    /// Files that were not whole.
    dropped: u64,
}

impl Committed {
    /// Looks through the folder of tiles.
    fn find(folder: &Folder, run_dir: &Path, count: usize) -> Result<Self, Error> {
        let (files, dropped) = folder.whole()?;
        let mut found = Self {
            files: Vec::new(),
            paths: Vec::new(),
            tiles: vec![false; count],
            offers: 0,
            dropped,
        };
        for file in files {
            let path = run_dir.join(&file.name);
            let tiles = tiles_in(&path)?.into_iter().map(|tile| tile as usize).collect::<Vec<_>>();
            // Tiles of another plan, or the same ones twice: the file is of no use.
            if tiles.iter().any(|tile| found.tiles.get(*tile) != Some(&false)) {
                super::remove(&path)?;
                found.dropped += 1;
                continue;
            }
            for tile in tiles {
                found.tiles[tile] = true;
            }
            found.offers += tables::row_count(&path)?;
            found.files.push(file);
            found.paths.push(path);
        }
        Ok(found)
    }
}

/// Tiles being computed.
struct Computing<'a> {
    matrix: &'a ilk_core::matrix::Matrix,
    plan: &'a Plan,
    comparison: &'a Comparison<'a>,
    /// The tiles to compute, in order.
    left: &'a [usize],
    folder: Folder,
}

/// What one thread has found and not yet written.
#[derive(Default)]
struct Pending {
    tiles: Vec<u32>,
    offers: Vec<(u32, Neighbour)>,
}

impl Pending {
    fn append(&mut self, mut other: Self) {
        self.tiles.append(&mut other.tiles);
        self.offers.append(&mut other.offers);
    }
}

/// A file of tiles, and how many offers are in it.
type Commit = (super::FileRecord, u64);

impl Computing<'_> {
    /// Computes the tiles on all threads. A thread writes what it has found after a second of
    /// work, at the end of a tile: whatever happens, no more is lost than that second and a tile
    /// of each thread. What is left at the end goes into one file.
    fn compute(&self, pool: &crate::pool::Pool, run: &StageRun<'_>) -> Result<Vec<Commit>, Error> {
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let commits = Mutex::new(Vec::new());
        let workers = pool.map(pool.workers(), |_| {
            let done = self.work(&next, &failed, &commits, run);
            failed.fetch_or(done.is_err(), Ordering::Relaxed);
            done
        });
        let mut rest = Pending::default();
        for of_worker in workers {
            rest.append(of_worker?);
        }
        let mut commits = commits.into_inner().unwrap_or_else(PoisonError::into_inner);
        commits.extend(self.commit(rest)?);
        Ok(commits)
    }

    /// What one thread does; returns what it has not written.
    fn work(
        &self,
        next: &AtomicUsize,
        failed: &AtomicBool,
        commits: &Mutex<Vec<Commit>>,
        run: &StageRun<'_>,
    ) -> Result<Pending, Error> {
        let (matrix, comparison) = (self.matrix, self.comparison);
        let mut worker = comparison.recording_worker();
        let (mut since, mut tiles) = (Instant::now(), Vec::new());
        let take = |worker: &mut _, tiles: &mut Vec<u32>| {
            let code = |position: u32| matrix.table().codes()[position as usize];
            let offers = comparison.survivors(worker).into_iter();
            let offers = offers.map(|offer| (code(offer.item), offer.neighbour)).collect();
            Pending { tiles: std::mem::take(tiles), offers }
        };
        while !failed.load(Ordering::Relaxed) {
            let Some(tile) = self.left.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
            let of_plan = &self.plan.tiles[*tile];
            let columns = &matrix.columns()[of_plan.columns];
            comparison.compute(matrix.rows(), columns, self.plan.rows(of_plan), &mut worker);
            run.advance(of_plan.cost);
            tiles.push(*tile as u32);
            if since.elapsed() >= COMMIT {
                let commit = self.commit(take(&mut worker, &mut tiles))?;
                commits.lock().unwrap_or_else(PoisonError::into_inner).extend(commit);
                since = Instant::now();
            }
        }
        Ok(take(&mut worker, &mut tiles))
    }

    /// Writes what was found, whole or not at all.
    fn commit(&self, mut pending: Pending) -> Result<Option<Commit>, Error> {
        let Some(first) = pending.tiles.iter().min() else { return Ok(None) };
        let file = self.folder.begin(&format!("{first:06}"))?;
        // Sorted, the table is a third of the size.
        pending
            .offers
            .sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| ilk_core::topk::rank(&a.1, &b.1)));
        let offers = pending.offers.len() as u64;
        let file = write_offers(file, &pending.tiles, &pending.offers)?;
        Ok(Some((Folder::publish(file)?, offers)))
    }
}
