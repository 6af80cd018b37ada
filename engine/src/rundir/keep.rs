//! A run directory keeps what every stage leaves.

use std::{collections::BTreeSet, fs, path::Path};

use ilk_core::{
    cost::Machine as Costs,
    data::Ids,
    executor::Executor as _,
    prepare::{Reason, Tally},
};
use ilk_formats::{CellType, OutputFormat, OutputStyle, Values};

use super::{
    checking::remove,
    cleaning::{Cleaner, noted_tally, tally_of},
    dir::RunDir,
    files,
    kept::Results,
    manifest::Published,
    tables, tiles,
};
use crate::{
    checksum::Checksum,
    context::Run,
    data::{Data, Made, Scale},
    error::{Error, Kind},
    files::Files,
    findings::Findings,
    handed::{Arrangement, Cleaned, Committed, Encoded, Laid, Merged, Tiled},
    keep::{CleanedFor, Counted, Ending, Keep, Sink, Step},
    machine, memory,
    observe::{Kept, Place, Tiles, Timed, block_name},
    progress::Reporter,
    record::{FileRecord, GROUPS, StageName, time_text},
    request::place_text,
    spill::{Area, Holding, Recording},
    stages::{row_text, shown_rows},
    text::counted,
    times,
};

impl<'r> Keep<'r> for RunDir {
    type Again = ();
    type Done = Results;

    const RECORDING: Recording = Recording::Yes;

    fn done(&self, stage: StageName) -> Option<Results> {
        let record = self.manifest().done(stage).filter(|_| self.alone != Some(stage));
        record.map(|_| self.results())
    }

    fn begin(
        &mut self,
        run: Run<'r>,
        (stage, _): (StageName, Scale),
        total: Option<u64>,
    ) -> Step<'r> {
        // What the stage before left free is none of this one's memory.
        memory::trim();
        // Where the system does not let it the peak is that of the whole process: no reason to stop.
        machine::forget_peak_memory();
        Step::new(stage, run.reporter.stage(stage.name(), total))
    }

    fn finish(&mut self, step: Step<'r>, ending: Ending) -> Result<(), Error> {
        let stage = step.name();
        let (record, told) = step.end(&ending);
        let before = self.manifest().stages.get(&stage);
        let is_other = before.is_some_and(|before| before.files != record.files);
        // What tiles found holds whatever the cut.
        if is_other && stage != StageName::Plan {
            self.undo(stage.after())?;
        }
        self.update(|manifest| {
            manifest.stages.insert(stage, record);
        })?;
        told.finish(ending.of_stage);
        if stage == StageName::Clean {
            // All of it is in one table by now.
            remove(&self.file(files::SET_ASIDE))?;
            self.disk().measure(self.path());
        }
        Ok(())
    }

    fn read(&mut self, run: Run<'r>, opened: &Files) -> Result<(), Error> {
        let step = self.begin(run, (StageName::Read, Scale::Memory), None);
        let inputs = &self.manifest().task.inputs;
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
        let mut writing = tables::Writing::new(self.create(files::INPUTS)?, &columns)?;
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
        step.add(writing.finish()?.publish()?);
        let files = inputs.len() as u64;
        step.count("files", files);
        step.count("input_bytes", bytes);
        let size = indicatif::HumanBytes(bytes);
        let of_stage = match known {
            Some(rows) => format!("{}, {}, {size}", counted(files, "file"), counted(rows, "row")),
            None => format!("{}, {size}", counted(files, "file")),
        };
        let rows = known.unwrap_or_default();
        self.finish(step, Ending { rows_in: rows, rows_out: rows, of_stage, ..Ending::default() })
    }

    fn clean(
        &mut self,
        run: Run<'r>,
        step: &Step<'_>,
        opened: &'r Files,
    ) -> Result<CleanedFor<'r, Self>, Error> {
        let cleaner = Cleaner::new((self.path(), self.disk()), opened, run.job, run.needs)?;
        let holding = Holding::new(*run.means.budget, run.needs, opened.row_count());
        if !holding.holds() {
            // What is too little for working files is told before the rows are read.
            run.means.desk.folder(run.means.budget)?;
        }
        let cleaned = cleaner.clean(&run.means.readers(), step, &holding)?;
        self.check_unchanged()?;
        let quarantine = tables::gather_aside(self.create(files::QUARANTINE)?, &cleaned.aside)?;
        step.add(quarantine.publish()?);
        cleaned.files.into_iter().for_each(|file| step.add(file));
        step.count("pieces_found", cleaned.found);
        Ok(Cleaned { tally: cleaned.tally, rows: holding.finish().map(Data::Memory), again: () })
    }

    fn cleaned(&self, done: Results) -> Result<CleanedFor<'r, Self>, Error> {
        let tally = tally_of(done.record(StageName::Clean)?);
        Ok(Cleaned { tally, rows: None, again: () })
    }

    fn again(&self, run: Run<'r>, (): &(), sink: Sink<'_>) -> Result<(), Error> {
        self.results().each_row(run, sink)
    }

    fn encoded(&mut self, run: Run<'r>, step: &Step<'_>, encoded: &Encoded) -> Result<(), Error> {
        let Encoded { folded, catalogue, .. } = encoded;
        match folded {
            Data::Memory((interactions, users)) => {
                let written = run.means.pool.map(3, |table| match table {
                    0 => {
                        let file = self.create(files::INTERACTIONS)?;
                        let mut table = tables::InteractionTable::new(file, run.needs)?;
                        table.push_all(interactions)?;
                        table.finish()?.publish()
                    }
                    1 => tables::write_items(self.create(files::ITEMS)?, catalogue)?.publish(),
                    _ => {
                        let degrees = interactions.degrees().map(|degree| degree as u32);
                        let mut table = tables::UserTable::new(self.create(files::USERS)?, users)?;
                        table.push(users, &degrees.collect::<Vec<_>>())?;
                        table.finish()?.publish()
                    }
                });
                written.into_iter().try_for_each(|file| file.map(|file| step.add(file)))
            }
            Data::Disk(folded) => {
                let interactions = self.create(files::INTERACTIONS)?;
                let mut interactions = tables::InteractionTable::new(interactions, run.needs)?;
                let begin = |ids: &Ids| tables::UserTable::new(self.create(files::USERS)?, ids);
                let mut users = None;
                for rows in folded.rows() {
                    let (first, rows) = rows?;
                    let all = (first..).zip(&rows.degrees);
                    let codes =
                        all.flat_map(|(user, items)| std::iter::repeat_n(user, *items as usize));
                    interactions.push(
                        &codes.collect::<Vec<_>>(),
                        &rows.items,
                        rows.weights.as_deref(),
                        rows.times.as_deref(),
                    )?;
                    let ids = folded.ids_of(rows.users);
                    let users = match &mut users {
                        Some(users) => users,
                        None => users.insert(begin(&ids)?),
                    };
                    users.push(&ids, &rows.degrees)?;
                }
                let users = users.map_or_else(|| begin(&Ids::Integer(Vec::new())), Ok)?;
                step.add(interactions.finish()?.publish()?);
                step.add(users.finish()?.publish()?);
                step.add(tables::write_items(self.create(files::ITEMS)?, catalogue)?.publish()?);
                Ok(())
            }
        }
    }

    fn costs(&self) -> Option<Costs> {
        self.manifest().host.costs
    }

    fn measured(&mut self, costs: Costs) -> Result<(), Error> {
        self.update(|manifest| manifest.host.costs = Some(costs))
    }

    fn committed(&mut self) -> Result<Committed, Error> {
        if !self.file(files::TILES).is_dir() {
            return Ok(Committed::default());
        }
        let folder = self.folder(files::TILES)?;
        let plan = self.manifest().done(StageName::Plan);
        let through_files = plan.is_some_and(|plan| plan.counters.contains_key(GROUPS));
        Ok(Committed { through_files, ..tiles::find(&folder, self.path())? })
    }

    fn seconds_before(&self) -> f64 {
        self.seconds_before
    }

    fn peak_of_reading(&self) -> Option<u64> {
        let manifest = self.manifest();
        let stages = StageName::Matrix.before().filter_map(|stage| manifest.done(stage));
        stages.filter_map(|record| record.peak_memory).max()
    }

    fn style(&self) -> OutputStyle {
        OutputFormat::Parquet.into()
    }

    fn laid(&mut self, step: &Step<'_>, arrangement: &Arrangement) -> Result<(), Error> {
        let (table, head) = (arrangement.table(), arrangement.head_items() as usize);
        step.add(tables::write_matrix(self.create(files::MATRIX)?, table, head)?.publish()?);
        Ok(())
    }

    fn planned(&mut self, step: &Step<'_>, arrangement: &Arrangement) -> Result<(), Error> {
        let planned = arrangement.planned();
        step.add(tables::write_plan(self.create(files::PLAN)?, &planned)?.publish()?);
        Ok(())
    }

    fn tiles(&mut self, run: Run<'r>, step: Step<'r>, laid: Laid) -> Result<Tiled<Results>, Error> {
        let folder = self.folder(files::TILES)?;
        let (candidates, tiles) = tiles::record(run, &step, &laid, (&folder, self.path()))?;
        let of_stage = format!("{}, {}", counted(tiles, "tile"), counted(candidates, "candidate"));
        let ending = Ending { rows_in: tiles, rows_out: candidates, of_stage, ..Ending::default() };
        // The matrix is not needed any more.
        let Laid { named, arrangement, .. } = laid;
        drop(arrangement);
        self.finish(step, ending)?;
        Ok(Tiled::Kept(self.results(), Made::Now(named)))
    }

    fn merged(&mut self, _: &Results, step: &Step<'_>, found: &Findings) -> Result<Counted, Error> {
        let mut merged = tables::MergedTable::new(self.create(files::MERGED)?)?;
        let (mut counted, mut failed) = (Counted::default(), Ok(()));
        found.each(&mut |item, list| {
            counted.neighbours += list.len() as u64;
            counted.items += u64::from(!list.is_empty());
            if failed.is_ok() {
                failed = merged.push(item, list);
            }
        })?;
        failed?;
        step.add(merged.finish()?.publish()?);
        Ok(counted)
    }

    fn write(
        &mut self,
        run: Run<'r>,
        step: &Step<'_>,
        merged: &Merged,
    ) -> Result<(u64, String), Error> {
        let Merged { catalogue, found } = merged;
        let mut file = self.create(files::NEIGHBOURS)?;
        let target = file.target().to_owned();
        let name = |error| Error::writing(&target, error);
        let rows = found.write(OutputFormat::Parquet.into(), &mut file, catalogue.into(), &name)?;
        step.add(file.publish()?);
        self.publish(merged, run.reporter)?;
        self.tell(run, merged)?;
        let place = self.file(files::NEIGHBOURS).display().to_string();
        let outs = self.outs.places.iter().filter(|_| self.outs.withheld.is_none());
        let outs = outs.map(|out| format!(" and {}", place_text(out)));
        Ok((rows, place + &outs.collect::<String>()))
    }
}

impl RunDir {
    /// Refuses inputs that were written to while they were read.
    fn check_unchanged(&self) -> Result<(), Error> {
        for file in &self.manifest().task.inputs {
            let path = Path::new(&file.path);
            let metadata = fs::metadata(path).map_err(|error| Error::file("read", path, &error))?;
            let modified = metadata.modified().ok().and_then(time_text);
            if metadata.len() != file.bytes || modified != file.modified {
                return Err(Error::input(format!(
                    "{} was modified while it was being read",
                    file.path
                ))
                .with_help("wait until nothing writes to it, then start over with --restart"));
            }
        }
        Ok(())
    }

    /// Writes the outputs outside of the run directory that are still to be written.
    fn publish(&mut self, merged: &Merged, reporter: &Reporter) -> Result<(), Error> {
        for mut output in std::mem::take(&mut self.outs.left) {
            output.report_ids(&merged.catalogue, reporter);
            if let Err(error) = output.fill_checked(&merged.catalogue, &merged.found) {
                let kept = self.file(files::NEIGHBOURS);
                self.outs.withheld = Some(match error.kind() {
                    Kind::Withheld => error.with_help(format!(
                        "{} holds the new result; the same command with --force publishes it",
                        kept.display()
                    )),
                    Kind::ClosedPipe => error,
                    _ => return Err(error),
                });
                continue;
            }
            if output.is_piped() {
                continue;
            }
            let mut files = Vec::new();
            for (name, path) in output.filled() {
                let sum = Checksum::of_file(&path);
                let (bytes, checksum) = sum.map_err(|error| Error::file("read", &path, &error))?;
                files.push(FileRecord { name: name.into(), bytes, checksum });
            }
            let spelling = output.spelling();
            let target = output.target().to_owned();
            let place = output.settle().to_owned();
            let path =
                std::path::absolute(&place).map_err(|error| Error::file("find", &place, &error))?;
            // Said before it is there: after an interruption in between it is known as ours.
            let published = Published { path, files, spelling };
            self.update(|manifest| manifest.out = Some(published))?;
            output.publish(reporter)?;
            // What is dated has a place of its own.
            let places = self.outs.places.iter_mut().filter(|other| **other == target);
            places.for_each(|other| place.clone_into(other));
        }
        Ok(())
    }

    /// Reports to the observer everything that the directory holds, whichever process made it.
    fn tell(&self, run: Run<'_>, merged: &Merged) -> Result<(), Error> {
        let Merged { catalogue, found } = merged;
        run.observer.saw_kept(&|| self.seen(run, merged))?;
        run.observer.saw_result(catalogue, run.job.top, &|visit| found.each(visit))
    }

    /// Returns what became of all rows, whichever process read them.
    fn tally(&self) -> Tally {
        let cleaned = self.manifest().done(StageName::Clean).into_iter();
        let cleaned = cleaned.flat_map(|record| &record.files);
        let cleaned = cleaned.filter(|file| file.name.starts_with(files::CLEANED));
        noted_tally(cleaned.map(|file| self.file(&file.name)))
    }

    /// Gathers what the directory holds for those who watch.
    fn seen(&self, run: Run<'_>, merged: &Merged) -> Result<Kept, Error> {
        let results = self.results();
        let users = results.one(StageName::Encode, files::USERS)?;
        let mut degrees = Vec::new();
        tables::each_number(&users, "degree", &mut |degree| degrees.push(u64::from(degree)))?;
        let items = merged.catalogue.supports.iter().map(|support| u64::from(*support));
        let mut tiles = Vec::new();
        for path in results.verified(StageName::Tiles, files::TILES)? {
            tiles.extend(tables::tiles_in(&path)?);
        }
        tiles.sort_by(|(_, a), (_, b)| a.began.total_cmp(&b.began));
        let columns = tiles.iter().map(|(area, _)| area.columns().start);
        let columns = columns.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
        let place = |(area, _): &(Area, Timed)| Place {
            block: columns.partition_point(|first| *first < area.columns().start) as u32,
            rows: area.len(),
        };
        let places = tiles.iter().map(place).collect::<Vec<_>>();
        let manifest = self.manifest();
        let of_stage = |stage| Some((stage, manifest.done(stage)?.clone()));
        let head = results.record(StageName::Matrix)?.count("head_items");
        let blocks = columns.iter().enumerate();
        let blocks = blocks.map(|(block, first)| block_name(block, u64::from(*first) < head));
        let operations = results.record(StageName::Plan)?.count("pair_operations");
        let tally = self.tally();
        let rows = Reason::ALL.into_iter().flat_map(|reason| shown_rows(&tally, reason));
        let aside = rows.map(|row| (row.reason, row_text(row, run.names)));
        let timed = (0..).zip(tiles).map(|(tile, (_, timed))| Timed { tile, ..timed });
        Ok(Kept {
            users: degrees.into_iter().collect(),
            items: items.collect(),
            stages: StageName::ALL.into_iter().filter_map(of_stage).collect(),
            attempts: manifest.life.attempts,
            begun: manifest.life.begun.clone(),
            aside: aside.collect(),
            times: times::text(&tally.times),
            timed: timed.collect(),
            tiles: Tiles { blocks: blocks.collect(), places, operations },
        })
    }
}
