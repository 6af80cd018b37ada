//! What each stage does.

use std::{cell::Cell, collections::BTreeSet, fs, path::Path, time::Instant};

use ilk_core::{
    clean::Cleaned,
    encode::encode,
    executor::Executor as _,
    interactions::{Folded, Folding, fold},
    kernel::{Comparison, ItemFilter, Worker},
    matrix::{ItemTable, Matrix},
    neighbours::Catalogue,
    plan::{Plan, Sides, Tile},
};
use ilk_formats::{CellType, OutputFormat, Values};

use super::{
    Failure, Folder, StageName, StageRun,
    cleaning::{Cleaner, tally_of},
    files, tables,
    tables::PlannedTile,
    tiles::{Commits, Committed, Computing, Overflow, Pending, restore},
    work::Work,
};
use crate::{
    error::Error,
    findings::Findings,
    observe::{Kept, Place, Tiles, Timed, block_name},
    pipeline::{HEAVIEST_PLAN, check_rows, mixed_ids, report_folding, report_set_aside},
    sandbox::does_not_fit,
    spill::{self, Area, Arranged, Between, Holding, Intake, Taken, Workplace},
    text::{counted, grouped, rounded},
};

/// The counter of stage `plan` that tells that tiles are computed through working files.
const GROUPS: &str = "column_groups";

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
        let holding = Holding::new(self.budget, self.needs, total);
        let cleaned = cleaner.clean(&self.pool, &run, &holding)?;
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
        self.hands.chunks = holding.finish();
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
        let taken = match self.hands.chunks.take() {
            Some(chunks) => Taken::Memory(chunks),
            None => self.take_cleaned(rows)?,
        };
        let encoded = match taken {
            Taken::Memory(chunks) => self.encode_in_memory(chunks, &run)?,
            Taken::Disk(spiller, folder) => {
                self.reporter.note(format!(
                    "more than fits in {} of memory: working in files in the run directory",
                    self.budget.limit
                ));
                self.hands.workplace = Some(folder);
                let (folded, catalogue) = self.encode_on_disk(*spiller, &run)?;
                let encoded = Encoded {
                    folding: folded.folding,
                    others: folded.others(),
                    items: catalogue.ids.len() as u64,
                    pairs: folded.interactions(),
                    operations: folded.operations(),
                };
                Self::count_catalogue(&run, &catalogue);
                self.hands.catalogue = Some(catalogue);
                self.hands.folded = Some(folded);
                encoded
            }
        };
        let Encoded { folding, others, items, pairs, operations } = encoded;
        for (name, count) in [
            ("users", others),
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
        report_folding(&folding, operations, &self.job, self.reporter);
        let (users, items) = match self.job.of {
            ilk_core::job::Of::Items => (others, items),
            ilk_core::job::Of::Users => (items, others),
        };
        let message = format!(
            "{} of {} and {}",
            counted(pairs, "interaction"),
            counted(users, "user"),
            counted(items, "item")
        );
        self.dir.finish(run, rows, pairs, message)?;
        Ok(())
    }

    /// Reads the kept rows back, into memory if they fit.
    fn take_cleaned(&self, rows: u64) -> Result<Taken, Failure> {
        let place = self.dir.file(files::WORK);
        let intake = Intake::new(self.budget, self.needs, Some(rows), Workplace::At(&place))?;
        self.each_cleaned(&|part, chunk| intake.add(part, chunk))?;
        Ok(intake.finish())
    }

    /// Streams the kept rows, from any thread: the number of a file, and a chunk of it.
    pub(super) fn each_cleaned(
        &self,
        sink: &(dyn Fn(usize, Cleaned) -> Result<(), Error> + Sync),
    ) -> Result<(), Failure> {
        let paths = self.dir.verified(StageName::Clean, files::CLEANED)?;
        let (of_job, chunk_rows) = ((&self.job, self.needs), self.budget.chunk_rows());
        let read = self.pool.map(paths.len(), |part| {
            let sink = |chunk| sink(part, chunk);
            tables::each_cleaned(&paths[part], of_job, chunk_rows, &sink)
        });
        read.into_iter().collect::<Result<(), Error>>()?;
        Ok(())
    }

    /// Returns the names of the inputs, by number.
    pub(super) fn input_names(&self) -> Vec<String> {
        let inputs = self.dir.manifest().into_iter().flat_map(|manifest| &manifest.inputs);
        inputs.map(|file| file.path.clone()).collect()
    }

    fn encode_in_memory(
        &mut self,
        chunks: Vec<Cleaned>,
        run: &StageRun<'_>,
    ) -> Result<Encoded, Failure> {
        let names = self.input_names();
        let encoded = encode(chunks, &self.pool).map_err(|error| mixed_ids(&error, &names))?;
        let folded = fold(encoded, &self.job, self.needs, &self.pool);
        let Folded { interactions, catalogue, others, folding } = folded;
        let written = self.pool.map(3, |table| {
            let file = |name| run.create(name);
            let file = match table {
                0 => {
                    let file = file(files::INTERACTIONS)?;
                    let mut table = tables::InteractionTable::new(file, self.needs)?;
                    table.push_all(&interactions)?;
                    table.finish()?
                }
                1 => tables::write_items(file(files::ITEMS)?, &catalogue)?,
                _ => {
                    let degrees = interactions.degrees().map(|degree| degree as u32);
                    let mut table = tables::UserTable::new(file(files::USERS)?);
                    table.push(&others, &degrees.collect::<Vec<_>>())?;
                    table.finish()?
                }
            };
            file.publish().map(|file| run.add(file))
        });
        written.into_iter().collect::<Result<(), Error>>()?;
        Self::count_catalogue(run, &catalogue);
        let encoded = Encoded {
            folding,
            others: others.len() as u64,
            items: catalogue.ids.len() as u64,
            pairs: interactions.len() as u64,
            operations: interactions.pair_operations(),
        };
        self.hands.interactions = Some(interactions);
        self.hands.catalogue = Some(catalogue);
        self.hands.users = Some(others);
        Ok(encoded)
    }

    /// Weighs the interactions and puts the items in the order of their popularity.
    pub(super) fn arrange(&mut self) -> Result<(), Failure> {
        self.measure()?;
        let run = self.begin(StageName::Matrix, None);
        self.load_layout(&run)?;
        let (table, head, blocks) = match self.hands.laid_out() {
            Some(LaidOut::Memory(matrix, _)) => {
                (matrix.table(), matrix.head_items(), matrix.columns().len())
            }
            Some(LaidOut::Disk(arranged)) => {
                (arranged.table(), arranged.head_items(), arranged.groups())
            }
            None => return Err(unopened().into()),
        };
        run.add(tables::write_matrix(run.create(files::MATRIX)?, table, head)?.publish()?);
        let (items, head) = (table.len() as u64, head as u64);
        run.count("items", items);
        run.count("users", table.users() as u64);
        run.count("head_items", head);
        run.count("blocks", blocks as u64);
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
        self.load_layout(&run)?;
        let Some(laid_out) = self.hands.laid_out() else { return Err(unopened().into()) };
        let operations = laid_out.operations();
        run.count("pair_operations", operations);
        if let LaidOut::Memory(_, plan) = laid_out {
            run.count("both_sides", u64::from(plan.sides == Sides::Both));
        }
        if let LaidOut::Disk(arranged) = laid_out {
            run.count(GROUPS, arranged.groups() as u64);
        }
        let (planned, items) = (laid_out.planned(), laid_out.table().len() as u64);
        if operations > HEAVIEST_PLAN
            && let Some(refusal) = self.hands.refusal.take()
        {
            return Err(refusal.into());
        }
        run.add(tables::write_plan(run.create(files::PLAN)?, &planned)?.publish()?);
        let tiles = planned.len() as u64;
        let cost = planned.iter().map(|tile| tile.cost).sum::<u64>();
        run.count("tiles", tiles);
        run.count("predicted_core_microseconds", cost / 1_000_000);
        let operations = rounded(operations.into());
        let message = format!("{}, {operations} pair operations", counted(tiles, "tile"));
        self.hands.is_planned = true;
        self.dir.finish(run, items, tiles, message)?;
        Ok(())
    }

    /// Makes sure that matrix and plan are in hand, or the same on disk: a run of which tiles are
    /// done is gone on with on disk, unless they are tiles of the plan in memory.
    fn load_layout(&mut self, run: &StageRun<'_>) -> Result<(), Failure> {
        self.load_filter()?;
        self.load_committed()?;
        if self.hands.laid_out().is_some() {
            return Ok(());
        }
        let is_begun = self.hands.committed.as_ref().is_some_and(|done| !done.areas.is_empty());
        let plan = self.dir.done(StageName::Plan);
        let was_on_disk = plan.is_some_and(|plan| plan.counters.contains_key(GROUPS));
        if self.is_on_disk()? || is_begun && was_on_disk {
            return self.load_on_disk(run);
        }
        self.load_matrix()?;
        let planned = self.hands.laid_out().map(|laid_out| laid_out.planned()).unwrap_or_default();
        let planned = planned.into_iter().map(|tile| tile.area).collect::<BTreeSet<_>>();
        let mut done = self.hands.committed.iter().flat_map(|done| &done.areas);
        if done.all(|area| planned.contains(area)) {
            return Ok(());
        }
        self.hands.matrix = None;
        self.load_on_disk(run)
    }

    /// Makes sure that matrix and plan are in hand on disk, which no plugin computes.
    fn load_on_disk(&mut self, run: &StageRun<'_>) -> Result<(), Failure> {
        if self.is_sandboxed() {
            return Err(does_not_fit(self.budget.limit).into());
        }
        self.load_arranged(run)
    }

    /// Computes the tiles that are not done.
    pub(super) fn tiles(&mut self) -> Result<(), Failure> {
        let run = self.begin(StageName::Tiles, None);
        let clock = Instant::now();
        if !self.hands.is_planned {
            self.one(StageName::Plan, files::PLAN)?;
        }
        self.load_layout(&run)?;
        let committed = self.hands.committed.take().unwrap_or_default();
        let (Some(laid_out), Some(filter)) = (self.hands.laid_out(), &self.hands.filter) else {
            return Err(unopened().into());
        };
        let planned = laid_out.planned();
        let done = committed.areas.iter().collect::<BTreeSet<_>>();
        let is_left = |tile: &usize| !done.contains(&planned[*tile].area);
        let left = (0..planned.len()).filter(is_left).collect::<Vec<_>>();
        let (found, computed) = (committed.areas.len() as u64, left.len() as u64);
        let tiles = found + computed;
        if found > 0 {
            let text = format!("{} of {} are done", grouped(found), counted(tiles, "tile"));
            self.reporter.count("resuming", text, &[("tiles", found)]);
        }
        run.expect(left.iter().map(|tile| planned[*tile].cost).sum());
        let folder = Folder::create(self.dir.path(), files::TILES)?;
        let tiling = Tiling {
            work: self,
            planned: &planned,
            committed: &committed,
            folder: &folder,
            clock: (clock, committed.seconds),
            run: &run,
        };
        let commits = match laid_out {
            LaidOut::Memory(matrix, plan) => tiling.in_memory(matrix, plan, filter, &left)?,
            LaidOut::Disk(arranged) => tiling.on_disk(arranged, filter)?,
        };
        let Commits { files, offers } = commits;
        let offers = offers + committed.offers;
        run.count("tiles", tiles);
        run.count("tiles_found", found);
        run.count("tiles_computed", computed);
        run.count("files_dropped", committed.dropped);
        run.count("commits", files.len() as u64);
        run.count("offers", offers);
        files.into_iter().chain(committed.files).for_each(|file| run.add(file));
        let message = format!("{}, {}", counted(tiles, "tile"), counted(offers, "candidate"));
        self.hands.matrix = None;
        self.hands.arranged = None;
        self.dir.finish(run, tiles, offers, message)?;
        Ok(())
    }

    /// Takes the best of what the tiles found.
    pub(super) fn merge(&mut self) -> Result<(), Failure> {
        let run = self.begin(StageName::Merge, None);
        self.load_filter()?;
        let [offers, rows, items] = if self.is_on_disk()? {
            self.merge_on_disk(&run)?
        } else {
            self.merge_in_memory(&run)?
        };
        run.count("neighbours", rows);
        run.count("items_with_neighbours", items);
        let message = format!("{} of {}", counted(rows, "neighbour"), counted(items, "item"));
        self.dir.finish(run, offers, rows, message)?;
        Ok(())
    }

    /// Reads what is known of the items, by position.
    pub(super) fn read_table(&self) -> Result<ItemTable, Failure> {
        let users = self.record(StageName::Matrix)?.count("users") as usize;
        let table = self.one(StageName::Matrix, files::MATRIX)?;
        Ok(tables::read_item_table(&table, users)?)
    }

    /// Tells the observer of everything that the directory holds, whichever process made it.
    fn tell(&self, catalogue: &Catalogue, found: &Findings) -> Result<(), Failure> {
        let damage = Cell::new(None);
        let seen = self.observer.saw_kept(&|| {
            self.seen(catalogue).map_err(|failure| match failure {
                Failure::Error(error) => error,
                Failure::Damage(found) => {
                    let error = Error::input(found.what.clone());
                    damage.set(Some(found));
                    error
                }
            })
        });
        if let Some(damage) = damage.take() {
            return Err(Failure::Damage(damage));
        }
        seen?;
        self.observer.saw_result(catalogue, self.job.top, &|visit| found.each(visit))?;
        Ok(())
    }

    /// Gathers what the directory holds for those who watch.
    fn seen(&self, catalogue: &Catalogue) -> Result<Kept, Failure> {
        let users = self.one(StageName::Encode, files::USERS)?;
        let mut degrees = Vec::new();
        tables::each_number(&users, "degree", &mut |degree| degrees.push(u64::from(degree)))?;
        let items = catalogue.supports.iter().map(|support| u64::from(*support));
        let mut tiles = Vec::new();
        for file in &self.record(StageName::Tiles)?.files {
            tiles.extend(tables::tiles_in(&self.dir.file(&file.name))?);
        }
        tiles.sort_by(|(_, a), (_, b)| a.began.total_cmp(&b.began));
        let columns = tiles.iter().map(|(area, _)| area.columns().start);
        let columns = columns.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
        let place = |(area, _): &(Area, Timed)| Place {
            block: columns.partition_point(|first| *first < area.columns().start) as u32,
            rows: area.len(),
        };
        let places = tiles.iter().map(place).collect::<Vec<_>>();
        let manifest = self.dir.manifest();
        let of_stage = |stage| Some((stage, manifest?.done(stage)?.clone()));
        let head = self.record(StageName::Matrix)?.count("head_items");
        let blocks = columns.iter().enumerate();
        let blocks = blocks.map(|(block, first)| block_name(block, u64::from(*first) < head));
        let operations = self.record(StageName::Plan)?.count("pair_operations");
        let timed = (0..).zip(tiles).map(|(tile, (_, timed))| Timed { tile, ..timed });
        Ok(Kept {
            users: degrees.into_iter().collect(),
            items: items.collect(),
            stages: StageName::ALL.into_iter().filter_map(of_stage).collect(),
            attempts: manifest.map_or(0, |manifest| manifest.attempts),
            timed: timed.collect(),
            tiles: Tiles { blocks: blocks.collect(), places, operations },
        })
    }

    fn merge_in_memory(&mut self, run: &StageRun<'_>) -> Result<[u64; 3], Failure> {
        let paths = self.dir.verified(StageName::Tiles, files::TILES)?;
        let table = self.read_table()?;
        let Some(filter) = &self.hands.filter else { return Err(unopened().into()) };
        let kernel = self.layout.kernel;
        // Nothing is computed here, so it does not matter which pairs rows would compute.
        let comparison = Comparison::new(&table, &self.job, filter, Sides::Both, kernel);
        let positions = ItemTable::positions(table.codes());
        run.expect(paths.len() as u64);
        let restored = self.pool.map(paths.len(), |index| {
            let restored = restore(&comparison, &positions, filter, &paths[index]);
            run.advance(1);
            restored
        });
        let offers = restored.into_iter().sum::<Result<u64, Error>>()?;
        let neighbours = comparison.neighbours(&self.pool);
        let mut merged = tables::MergedTable::new(run.create(files::MERGED)?)?;
        let mut items = 0;
        for item in 0..neighbours.items() as u32 {
            let list = neighbours.of(item);
            items += u64::from(!list.is_empty());
            merged.push(item, list)?;
        }
        run.add(merged.finish()?.publish()?);
        let rows = neighbours.len() as u64;
        self.hands.neighbours = Some(neighbours);
        Ok([offers, rows, items])
    }

    /// Writes the result into the run directory, and outside of it where that was asked for.
    pub(super) fn write(&mut self) -> Result<(), Failure> {
        let run = self.begin(StageName::Write, None);
        self.load_catalogue()?;
        if self.is_on_disk()? {
            self.load_found()?;
        } else if self.hands.neighbours.is_none() {
            let items = self.record(StageName::Encode)?.count("items") as usize;
            let path = self.one(StageName::Merge, files::MERGED)?;
            self.hands.neighbours = Some(tables::read_merged(&path, items)?);
        }
        let found = self.hands.neighbours.take().map(Findings::Memory);
        let found = found.or_else(|| self.hands.found.take().map(Findings::Disk));
        let (Some(catalogue), Some(found)) = (self.hands.catalogue.take(), found) else {
            return Err(unopened().into());
        };
        let mut file = run.create(files::NEIGHBOURS)?;
        let target = file.target().to_owned();
        let name = |error| Error::writing(&target, error);
        let rows = found.write(OutputFormat::Parquet, &mut file, &catalogue, name)?;
        run.add(file.publish()?);
        run.count("rows", rows);
        let out = self.write_out(&catalogue, &found)?;
        self.tell(&catalogue, &found)?;
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

/// What encoding left.
struct Encoded {
    folding: Folding,
    /// Those who are not compared.
    others: u64,
    items: u64,
    pairs: u64,
    operations: u128,
}

/// A job of which only the tiles are left to be computed.
#[derive(Clone, Copy)]
pub(super) enum LaidOut<'a> {
    /// In memory.
    Memory(&'a Matrix, &'a Plan),
    /// Through working files.
    Disk(&'a Arranged),
}

impl LaidOut<'_> {
    fn table(&self) -> &ItemTable {
        match self {
            Self::Memory(matrix, _) => matrix.table(),
            Self::Disk(arranged) => arranged.table(),
        }
    }

    fn operations(&self) -> u64 {
        match self {
            Self::Memory(_, plan) => plan.operations,
            Self::Disk(arranged) => arranged.operations(),
        }
    }

    /// Lists the tiles in the order to compute them.
    pub(super) fn planned(&self) -> Vec<PlannedTile> {
        match self {
            Self::Memory(matrix, plan) => {
                let tile = |tile: &Tile| {
                    let block = &matrix.columns()[tile.columns];
                    let columns = block.positions();
                    let first = if plan.sides == Sides::Both { columns.start } else { 0 };
                    let circle = first..matrix.items() as u32;
                    PlannedTile {
                        block: tile.columns as u32,
                        is_head: block.bits().is_some(),
                        area: Area::new(plan.sides, columns, circle, plan.rows(tile)),
                        cost: tile.cost,
                    }
                };
                plan.tiles.iter().map(tile).collect()
            }
            Self::Disk(arranged) => {
                let tile = |tile: &spill::Tile| PlannedTile {
                    block: tile.group,
                    is_head: arranged.is_head(tile.group),
                    area: tile.area.clone(),
                    cost: tile.cost,
                };
                arranged.tiles().iter().map(tile).collect()
            }
        }
    }
}

/// The tiles of a stage on their way into files.
struct Tiling<'a> {
    work: &'a Work<'a>,
    planned: &'a [PlannedTile],
    committed: &'a Committed,
    folder: &'a Folder,
    clock: (Instant, f64),
    run: &'a StageRun<'a>,
}

impl Tiling<'_> {
    /// Prepares to compute for a comparison.
    fn computing<'c>(
        &'c self,
        comparison: &'c Comparison<'c>,
        table: &'c ItemTable,
        on_tile: &'c (dyn Fn(usize) + Sync),
    ) -> Computing<'c> {
        let Self { folder, clock, planned, .. } = *self;
        let (codes, overflow) = (table.codes(), None);
        Computing { comparison, codes, planned, on_tile, folder, overflow, clock }
    }

    fn in_memory(
        &self,
        matrix: &Matrix,
        plan: &Plan,
        filter: &ItemFilter,
        left: &[usize],
    ) -> Result<Commits, Failure> {
        let Work { job, pool, .. } = self.work;
        let comparison = Comparison::new(matrix.table(), job, filter, plan.sides, matrix.kernel());
        let on_tile = |tile: usize| self.run.advance(self.planned[tile].cost);
        let positions = ItemTable::positions(matrix.table().codes());
        self.committed.restore(&comparison, &positions, filter)?;
        let computing = self.computing(&comparison, matrix.table(), &on_tile);
        let sandboxed = self.work.sandbox.as_ref();
        let sandboxed = sandboxed.map(|sandbox| sandbox.tiling(matrix, plan, job, filter));
        let sandboxed = sandboxed.transpose()?;
        let compute = |tile: usize, worker: &mut Worker, _: Between<'_>| {
            let tile = &plan.tiles[tile];
            if let Some(tiling) = &sandboxed {
                comparison.record(tiling.compute(tile)?, worker);
            } else {
                let columns = &matrix.columns()[tile.columns];
                comparison.compute(matrix.rows(), columns, plan.rows(tile), worker);
            }
            Ok(())
        };
        let mut commits = Commits::default();
        let rest = computing.compute(left, &compute, pool, &mut commits)?;
        computing.finish(rest, &mut commits)?;
        Ok(commits)
    }

    fn on_disk(&self, arranged: &Arranged, filter: &ItemFilter) -> Result<Commits, Failure> {
        let Work { job, pool, layout, .. } = self.work;
        let on_tile = |tile: usize| self.run.advance(self.planned[tile].cost);
        let mut commits = Commits::default();
        let comparison = arranged.comparison(job, filter, layout.kernel);
        self.restore_on_disk(arranged, &comparison, filter)?;
        let computing = self.computing(&comparison, arranged.table(), &on_tile);
        let overflow = Some(Overflow::new(self.work.on_disk()?));
        let computing = Computing { overflow, ..computing };
        let mut rest = Pending::default();
        arranged.each_group(filter, pool, |group| {
            let compute = |tile: usize, worker: &mut Worker, between: Between<'_>| {
                group.compute(tile, &comparison, worker, Some(between))?;
                group.forget_rows(tile, &comparison);
                Ok(())
            };
            rest.append(computing.compute(group.tiles, &compute, pool, &mut commits)?);
            group.forget(&comparison);
            // Small groups share a file.
            if computing.is_due(&rest) {
                computing.finish(std::mem::take(&mut rest), &mut commits)?;
            }
            Ok(())
        })?;
        computing.finish(rest, &mut commits)?;
        Ok(commits)
    }

    /// Takes in what was found before, as much at a time as fits: where it is not kept it has done
    /// its work when the bars stand as high.
    fn restore_on_disk(
        &self,
        arranged: &Arranged,
        comparison: &Comparison<'_>,
        filter: &ItemFilter,
    ) -> Result<(), Failure> {
        let (work, table) = (self.work, arranged.table());
        if self.committed.paths.is_empty() {
            return Ok(());
        }
        let positions = ItemTable::positions(table.codes());
        let rounds = work.rounds_of_merging(table, filter)?;
        for round in 0..rounds.number {
            let filter = rounds.filter(round, table, filter);
            self.committed.restore(comparison, &positions, &filter)?;
            arranged.forget_all(comparison);
        }
        Ok(())
    }
}

/// A result that was just made is not in hand.
pub(super) fn unopened() -> Error {
    Error::internal("a stage runs without what it needs")
}
