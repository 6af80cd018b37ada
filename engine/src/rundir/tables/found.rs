//! The plan, what tiles found, and the neighbours.

use std::path::Path;

use ilk_core::{
    data::TextColumn,
    result::{Neighbour, Neighbours},
};
use ilk_formats::{CellType, Values, read_plain};

use super::table::{
    CHUNK, Writing, chunks, chunks_of, codes_of, notes, open, part_name, push_text, unfit,
};
use crate::{
    error::Error, handed::PlannedTile, memory::FOUND_ROWS, observe::Timed,
    rundir::stage::StageFile, spill::Area,
};

/// Columns of the plan.
const PLAN: [(&str, CellType); 5] = [
    ("tile", CellType::U32),
    ("block", CellType::U32),
    ("columns", CellType::Text),
    ("rows", CellType::U32),
    ("predicted_microseconds", CellType::U64),
];

/// Writes the tiles in the order to compute them: which block of columns, how many rows of the
/// matrix, and what each costs one core.
///
/// # Errors
/// If the disk refuses.
pub(crate) fn write_plan(file: StageFile, tiles: &[PlannedTile]) -> Result<StageFile, Error> {
    let mut writing = Writing::new(file, &PLAN)?;
    for range in chunks(tiles.len()) {
        let mut columns = TextColumn::default();
        let tiles = &tiles[range.clone()];
        for tile in tiles {
            push_text(&mut columns, Some(part_name(tile.is_head)));
        }
        writing.write(vec![
            codes_of(&range),
            Values::U32(tiles.iter().map(|tile| tile.block).collect()),
            Values::Text(columns),
            Values::U32(tiles.iter().map(|tile| tile.area.len()).collect()),
            Values::U64(tiles.iter().map(|tile| tile.cost / 1_000_000).collect()),
        ])?;
    }
    writing.finish()
}

/// Columns of what tiles found: codes, score and overlap.
const OFFERS: [(&str, CellType); 4] = [
    ("item", CellType::U32),
    ("neighbour", CellType::U32),
    ("score", CellType::F32),
    ("overlap", CellType::U32),
];

/// What tiles found on its way into a table, item and neighbour as codes. The file notes which
/// tiles are in it, also those that found nothing, and who computed them when.
pub(crate) struct OfferTable(Writing);

impl OfferTable {
    /// Begins the table of some tiles.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn new<'t>(
        file: StageFile,
        tiles: impl Iterator<Item = (&'t Area, &'t Timed)>,
    ) -> Result<Self, Error> {
        let mut writing = Writing::in_groups(file, &OFFERS, FOUND_ROWS)?;
        let tiles = tiles.map(|(area, timed)| {
            let Timed { worker, began, ended, .. } = timed;
            format!("{area} {worker} {began:.6} {ended:.6}")
        });
        writing.note(TILES, &tiles.collect::<Vec<_>>().join(","));
        Ok(Self(writing))
    }

    /// Appends offers: item, neighbour.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn push(&mut self, offers: &[(u32, Neighbour)]) -> Result<(), Error> {
        for range in chunks_of(FOUND_ROWS, offers.len()) {
            let rows = &offers[range];
            self.0.write(vec![
                Values::U32(rows.iter().map(|(item, _)| *item).collect()),
                Values::U32(rows.iter().map(|(_, neighbour)| neighbour.code).collect()),
                Values::F32(rows.iter().map(|(_, neighbour)| neighbour.score).collect()),
                Values::U32(rows.iter().map(|(_, neighbour)| neighbour.overlap).collect()),
            ])?;
        }
        Ok(())
    }

    /// Ends the table.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn finish(self) -> Result<StageFile, Error> {
        self.0.finish()
    }
}

/// The note of a file that says which tiles are in it: area, worker, seconds of begin and end.
const TILES: &str = "ilk.tiles";

/// Reads which tiles a file holds; they are numbered as they come.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn tiles_in(path: &Path) -> Result<Vec<(Area, Timed)>, Error> {
    let notes = notes(path)?;
    let tiles = notes.get(TILES).map_or("", String::as_str);
    let timed = |(tile, text): (usize, &str)| {
        let mut parts = text.split_ascii_whitespace();
        let area = parts.next()?.parse().ok()?;
        let timed = Timed {
            tile,
            worker: parts.next()?.parse().ok()?,
            began: parts.next()?.parse().ok()?,
            ended: parts.next()?.parse().ok()?,
        };
        Some((area, timed))
    };
    let tiles = tiles.split(',').filter(|tile| !tile.is_empty()).enumerate();
    tiles.map(|tile| timed(tile).ok_or_else(|| unfit(path))).collect()
}

/// Streams what tiles found: item, neighbour.
///
/// # Errors
/// If the file cannot be read, and whatever `sink` returns.
pub(crate) fn read_offers(
    path: &Path,
    sink: &mut dyn FnMut(u32, Neighbour) -> Result<(), Error>,
) -> Result<(), Error> {
    read_plain(open(path)?, &["item", "neighbour", "score", "overlap"], &mut |values| {
        let values = <[Values; 4]>::try_from(values).map_err(|_| unfit(path))?;
        let [Values::U32(items), Values::U32(codes), Values::F32(scores), Values::U32(overlaps)] =
            values
        else {
            return Err(unfit(path));
        };
        let rows = items.into_iter().zip(codes).zip(scores).zip(overlaps);
        for (((item, code), score), overlap) in rows {
            sink(item, Neighbour { code, score, overlap })?;
        }
        Ok(())
    })
}

/// Columns of the neighbours as codes.
const MERGED: [(&str, CellType); 5] = [
    ("item", CellType::U32),
    ("neighbour", CellType::U32),
    ("rank", CellType::U32),
    ("score", CellType::F32),
    ("overlap", CellType::U32),
];

/// The neighbours, as codes, on their way into a table: items by ascending code.
pub(crate) struct MergedTable {
    writing: Writing,
    rows: Vec<(u32, u32, Neighbour)>,
}

impl MergedTable {
    /// Begins the table.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn new(file: StageFile) -> Result<Self, Error> {
        Ok(Self { writing: Writing::new(file, &MERGED)?, rows: Vec::with_capacity(CHUNK) })
    }

    /// Appends an item's neighbours, best first.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn push(&mut self, item: u32, list: &[Neighbour]) -> Result<(), Error> {
        for (neighbour, rank) in list.iter().zip(1..) {
            self.rows.push((item, rank, *neighbour));
            if self.rows.len() == CHUNK {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        let rows = &self.rows;
        let values = vec![
            Values::U32(rows.iter().map(|(item, ..)| *item).collect()),
            Values::U32(rows.iter().map(|(.., neighbour)| neighbour.code).collect()),
            Values::U32(rows.iter().map(|(_, rank, _)| *rank).collect()),
            Values::F32(rows.iter().map(|(.., neighbour)| neighbour.score).collect()),
            Values::U32(rows.iter().map(|(.., neighbour)| neighbour.overlap).collect()),
        ];
        self.writing.write(values)?;
        self.rows.clear();
        Ok(())
    }

    /// Ends the table.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn finish(mut self) -> Result<StageFile, Error> {
        if !self.rows.is_empty() {
            self.flush()?;
        }
        self.writing.finish()
    }
}

/// Reads a [`MergedTable`]; `items` is how many items there are.
///
/// # Errors
/// If the file cannot be read.
pub(crate) fn read_merged(path: &Path, items: usize) -> Result<Neighbours, Error> {
    let mut neighbours = Neighbours::new();
    let (mut next, mut of_next) = (0, Vec::new());
    read_offers(path, &mut |item, neighbour| {
        while next < item {
            neighbours.push(of_next.drain(..));
            next += 1;
        }
        of_next.push(neighbour);
        if item < next || item as usize >= items { Err(unfit(path)) } else { Ok(()) }
    })?;
    while neighbours.items() < items {
        neighbours.push(of_next.drain(..));
    }
    Ok(neighbours)
}
