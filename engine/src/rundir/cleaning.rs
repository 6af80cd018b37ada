//! Stage `clean`: rows in pieces, each of which leaves its own files and is done once.

use std::{
    collections::BTreeMap,
    ops::Range,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use ilk_core::{
    executor::Executor,
    job::Job,
    prepare::{Cleaned, Needs, Reason, SetAside, Tally, Times, clean_each},
};
use ilk_formats::Table;
use serde::{Deserialize, Serialize};

use super::{
    checking::remove,
    files,
    stage::Folder,
    tables::{Aside, Shape, Writing, cleaned_values, notes},
};
use crate::{
    disk::Disk,
    error::Error,
    files::Files,
    keep::Step,
    record::{FileRecord, StageRecord},
    spill::Holding,
};

/// Bytes of input in a piece, about.
const PIECE: u64 = 16 << 20;
/// Rows of a file of kept rows at most; a chunk goes into one file.
const FILE_ROWS: usize = 4 << 20;
/// Rows of a row group of such a file at least, whatever the memory: footers say something of each.
const LEAST_GROUP: usize = 8 << 10;

/// Consecutive parts of an input, cleaned by one thread.
struct Piece {
    table: usize,
    parts: Range<usize>,
}

/// Cleans the inputs, piece by piece.
pub(super) struct Cleaner<'a> {
    inputs: &'a Files,
    job: &'a Job,
    needs: Needs,
    pieces: Vec<Piece>,
    cleaned: Folder,
    aside: Folder,
    run_dir: &'a Path,
}

/// What became of all rows.
pub(super) struct AllCleaned {
    pub(super) tally: Tally,
    /// The files of kept rows.
    pub(super) files: Vec<FileRecord>,
    /// Files of rows set aside, in the order of the inputs.
    pub(super) aside: Vec<PathBuf>,
    /// Pieces that were there already.
    pub(super) found: u64,
}

/// What became of the rows of a piece.
#[derive(Default)]
struct PieceCleaned {
    tally: Tally,
    files: Vec<FileRecord>,
    aside: Option<PathBuf>,
}

impl<'a> Cleaner<'a> {
    /// Cuts the inputs into pieces.
    ///
    /// # Errors
    /// If the system refuses.
    pub(super) fn new(
        (run_dir, disk): (&'a Path, &Disk),
        inputs: &'a Files,
        job: &'a Job,
        needs: Needs,
    ) -> Result<Self, Error> {
        let pieces = inputs.tables.iter().enumerate();
        let pieces = pieces.flat_map(|(table, opened)| cut(table, opened)).collect();
        let cleaned = Folder::create((run_dir, disk), files::CLEANED)?;
        let aside = Folder::create((run_dir, disk), files::SET_ASIDE)?;
        Ok(Self { inputs, job, needs, pieces, cleaned, aside, run_dir })
    }

    /// Cleans every piece that is not there already. The kept rows are also given to `holding`,
    /// unless some of them were there. Memory: a chunk and a row group for each thread.
    ///
    /// # Errors
    /// For inputs that turn out damaged, and where the disk refuses.
    pub(super) fn clean(
        &self,
        pool: &impl Executor,
        run: &Step<'_>,
        holding: &Holding,
    ) -> Result<AllCleaned, Error> {
        let mut there = self.find_pieces()?;
        let mut pieces = Vec::new();
        for piece in 0..self.pieces.len() {
            pieces.push(there.remove(&piece));
        }
        if pieces.iter().any(Option::is_some) {
            holding.give_up();
        }
        let failed = AtomicBool::new(false);
        let results = pool.map(self.pieces.len(), |piece| {
            if failed.load(Ordering::Relaxed) || pieces[piece].is_some() {
                return Ok(None);
            }
            let cleaned = self.clean_piece(piece, run, holding);
            failed.fetch_or(cleaned.is_err(), Ordering::Relaxed);
            cleaned.map(Some)
        });
        let mut all =
            AllCleaned { tally: Tally::default(), files: Vec::new(), aside: Vec::new(), found: 0 };
        for (found, result) in pieces.into_iter().zip(results) {
            all.found += u64::from(found.is_some());
            // A piece is begun in order, so the first failed one is always among those tried.
            let Some(piece) = result?.or(found) else { continue };
            all.tally.merge(piece.tally);
            all.files.extend(piece.files);
            all.aside.extend(piece.aside);
        }
        Ok(all)
    }

    /// Finds the pieces that are whole, and removes what is not.
    fn find_pieces(&self) -> Result<BTreeMap<usize, PieceCleaned>, Error> {
        let mut asides = by_piece(self.aside.whole()?.0);
        let mut found = BTreeMap::new();
        for (piece, files) in by_piece(self.cleaned.whole()?.0) {
            let aside = asides.remove(&piece).unwrap_or_default();
            let last =
                files.last().map(|file| notes(&self.run_dir.join(&file.name))).transpose()?;
            let tally = last.and_then(|mut notes| notes.remove(TALLY));
            let tally = tally.and_then(|text| serde_json::from_str::<TallyNote>(&text).ok());
            let is_whole = tally.as_ref().is_some_and(|tally| {
                tally.files == files.len() && (tally.set_aside() > 0) == (aside.len() == 1)
            });
            if let (Some(tally), true) = (tally, is_whole && piece < self.pieces.len()) {
                let aside = aside.first().map(|file| self.run_dir.join(&file.name));
                let tally = tally.into_tally();
                found.insert(piece, PieceCleaned { tally, files, aside });
            } else {
                for file in files.iter().chain(&aside) {
                    remove(&self.run_dir.join(&file.name))?;
                }
            }
        }
        // Rows set aside by pieces whose kept rows are not there.
        for file in asides.into_values().flatten() {
            remove(&self.run_dir.join(&file.name))?;
        }
        Ok(found)
    }

    fn clean_piece(
        &self,
        number: usize,
        run: &Step<'_>,
        holding: &Holding,
    ) -> Result<PieceCleaned, Error> {
        let Piece { table, parts } = &self.pieces[number];
        let (table, name) = (&self.inputs.tables[*table], &self.inputs.names[*table]);
        let (folder, group) = (&self.cleaned, holding.chunk_rows().max(LEAST_GROUP));
        let mut kept = Kept { folder, number, group, open: None, files: Vec::new() };
        let (mut aside, mut tally) = (Aside::default(), Tally::default());
        for part in parts.clone() {
            table.read(part, &mut |rows| {
                run.advance(rows.len() as u64);
                let (chunk, of_chunk) = clean_each(rows, self.job, self.needs, |rows, row, why| {
                    aside.push(name, rows, row, why);
                });
                tally.merge(of_chunk);
                aside.flush(|| self.aside.begin(&format!("{number:06}.000")))?;
                kept.write(&chunk)?;
                holding.add(number, chunk);
                Ok::<(), Error>(())
            })?;
        }
        // Before the kept rows, whose last file says that the piece is whole.
        let aside = aside.finish()?.map(Folder::publish).transpose()?;
        let aside = aside.map(|file| self.run_dir.join(file.name));
        let files = kept.finish(&tally)?;
        Ok(PieceCleaned { tally, files, aside })
    }
}

/// Cuts a table into pieces of consecutive parts.
fn cut(table: usize, opened: &Table) -> Vec<Piece> {
    let (mut pieces, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (index, part) in opened.parts().iter().enumerate() {
        bytes += part.bytes;
        if bytes >= PIECE || index + 1 == opened.parts().len() {
            pieces.push(Piece { table, parts: start..index + 1 });
            (start, bytes) = (index + 1, 0);
        }
    }
    pieces
}

/// Groups files by the piece their name begins with.
fn by_piece(files: Vec<FileRecord>) -> BTreeMap<usize, Vec<FileRecord>> {
    let mut pieces = BTreeMap::<usize, Vec<FileRecord>>::new();
    for file in files {
        let name = file.name.rsplit('/').next().unwrap_or_default();
        if let Some(piece) = name.split('.').next().and_then(|digits| digits.parse().ok()) {
            pieces.entry(piece).or_default().push(file);
        }
    }
    pieces
}

/// The kept rows of a piece on their way into files.
struct Kept<'a> {
    folder: &'a Folder,
    number: usize,
    /// Rows of a row group.
    group: usize,
    open: Option<Open>,
    files: Vec<FileRecord>,
}

/// A file that takes more rows of its shape.
struct Open {
    writing: Writing,
    shape: Shape,
    rows: usize,
}

impl Kept<'_> {
    fn write(&mut self, chunk: &Cleaned) -> Result<(), Error> {
        let shape = Shape::of(chunk);
        let is_full = |open: &mut Open| open.shape != shape || open.rows >= FILE_ROWS;
        if let Some(full) = self.open.take_if(is_full) {
            self.files.push(Folder::publish(full.writing.finish()?)?);
        }
        let mut open = if let Some(open) = self.open.take() {
            open
        } else {
            let stem = format!("{:06}.{:03}", self.number, self.files.len());
            let writing = shape.begin(self.folder.begin(&stem)?, chunk, self.group)?;
            Open { writing, shape, rows: 0 }
        };
        open.rows += chunk.len();
        open.writing.write(cleaned_values(chunk))?;
        self.open = Some(open);
        Ok(())
    }

    fn finish(mut self, tally: &Tally) -> Result<Vec<FileRecord>, Error> {
        if let Some(Open { mut writing, .. }) = self.open.take() {
            let note = TallyNote::of(tally, self.files.len() + 1);
            let note = serde_json::to_string(&note);
            writing.note(TALLY, &note.map_err(|error| Error::internal(error.to_string()))?);
            self.files.push(Folder::publish(writing.finish()?)?);
        }
        Ok(self.files)
    }
}

/// The note of a piece's last file: how many files there are and what became of the rows.
const TALLY: &str = "ilk.tally";

/// A tally as it stands in a file.
#[derive(Serialize, Deserialize)]
struct TallyNote {
    files: usize,
    rows: u64,
    set_aside: BTreeMap<String, u64>,
    samples: Vec<Sample>,
    #[serde(default)]
    times: Times,
}

#[derive(Serialize, Deserialize)]
struct Sample {
    reason: String,
    file: u32,
    row: u64,
    user: Option<String>,
    item: Option<String>,
    detail: Option<String>,
    #[serde(default)]
    cell: Option<String>,
}

impl TallyNote {
    fn of(tally: &Tally, files: usize) -> Self {
        let sample = |row: &SetAside| Sample {
            reason: row.reason.name().into(),
            file: row.file,
            row: row.row,
            user: row.user.clone(),
            item: row.item.clone(),
            detail: row.detail.clone(),
            cell: row.cell.clone(),
        };
        let counts = Reason::ALL.into_iter().map(|reason| (reason, tally.count(reason)));
        let counts = counts.filter(|(_, count)| *count > 0);
        Self {
            files,
            rows: tally.rows,
            set_aside: counts.map(|(reason, count)| (reason.name().into(), count)).collect(),
            samples: tally.samples.iter().map(sample).collect(),
            times: tally.times.clone(),
        }
    }

    fn set_aside(&self) -> u64 {
        self.set_aside.values().sum()
    }

    fn into_tally(self) -> Tally {
        let reason_of = |name: &str| Reason::ALL.into_iter().find(|reason| reason.name() == name);
        let sample = |row: Sample| {
            Some(SetAside {
                reason: reason_of(&row.reason)?,
                file: row.file,
                row: row.row,
                user: row.user,
                item: row.item,
                detail: row.detail,
                cell: row.cell,
            })
        };
        let counts = Reason::ALL.map(|reason| self.set_aside.get(reason.name()).copied());
        Tally {
            rows: self.rows,
            set_aside: counts.map(Option::unwrap_or_default),
            samples: self.samples.into_iter().filter_map(sample).collect(),
            times: self.times,
        }
    }
}

/// Puts the tally of all rows together from the files of kept rows, with samples; an empty one if they
/// do not tell: samples are a courtesy.
pub(super) fn noted_tally(files: impl Iterator<Item = PathBuf>) -> Tally {
    let mut all = Tally::default();
    for file in files {
        let note = notes(&file).ok().and_then(|mut notes| notes.remove(TALLY));
        let note = note.and_then(|text| serde_json::from_str::<TallyNote>(&text).ok());
        if let Some(note) = note {
            all.merge(note.into_tally());
        }
    }
    all
}

/// Takes the tally of all rows from the record of the stage, without samples.
pub(super) fn tally_of(record: &StageRecord) -> Tally {
    Tally {
        rows: record.count("rows"),
        set_aside: Reason::ALL.map(|reason| record.count(reason.name())),
        samples: Vec::new(),
        times: Times::default(),
    }
}
