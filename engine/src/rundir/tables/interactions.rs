//! Interactions, and the items in the order of the matrix.

use std::path::Path;

use ilk_core::{
    data::TextColumn,
    matrix::ItemTable,
    prepare::{Interactions, Needs},
};
use ilk_formats::{CellType, Values, read_plain};

use super::table::{
    CHUNK, Writing, chunks, codes_of, has_column, open, part_name, push_text, unfit,
};
use crate::{error::Error, rundir::stage::StageFile};

/// Interactions on their way into a table, user by user: codes `user` and `item`, and `weight` and
/// `time` where the job looks at them. They come in order, any number at a time; the bytes are the
/// same.
pub(crate) struct InteractionTable {
    writing: Writing,
    users: Vec<u32>,
    items: Vec<u32>,
    weights: Option<Vec<f64>>,
    times: Option<Vec<i64>>,
}

impl InteractionTable {
    /// Begins the table.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn new(file: StageFile, needs: Needs) -> Result<Self, Error> {
        let (weights, times) = (needs.weight.then(Vec::new), needs.time.then(Vec::new));
        let mut columns = vec![("user", CellType::U32), ("item", CellType::U32)];
        columns.extend(weights.as_ref().map(|_| ("weight", CellType::F64)));
        columns.extend(times.as_ref().map(|_| ("time", CellType::Time)));
        let writing = Writing::new(file, &columns)?;
        Ok(Self { writing, users: Vec::new(), items: Vec::new(), weights, times })
    }

    /// Appends interactions.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn push(
        &mut self,
        users: &[u32],
        items: &[u32],
        weights: Option<&[f64]>,
        times: Option<&[i64]>,
    ) -> Result<(), Error> {
        let mut start = 0;
        while start < users.len() {
            let end = users.len().min(start + CHUNK - self.users.len());
            self.users.extend_from_slice(&users[start..end]);
            self.items.extend_from_slice(&items[start..end]);
            if let (Some(all), Some(more)) = (&mut self.weights, weights) {
                all.extend_from_slice(&more[start..end]);
            }
            if let (Some(all), Some(more)) = (&mut self.times, times) {
                all.extend_from_slice(&more[start..end]);
            }
            if self.users.len() == CHUNK {
                self.flush()?;
            }
            start = end;
        }
        Ok(())
    }

    /// Appends all interactions of a job.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn push_all(&mut self, interactions: &Interactions) -> Result<(), Error> {
        let (weights, times) = (interactions.weights(), interactions.times());
        let degrees = (0..).zip(interactions.degrees());
        let mut users = degrees.flat_map(|(user, degree)| std::iter::repeat_n(user, degree));
        for range in chunks(interactions.len()) {
            self.push(
                &users.by_ref().take(range.len()).collect::<Vec<_>>(),
                &interactions.all_items()[range.clone()],
                weights.map(|all| &all[range.clone()]),
                times.map(|all| &all[range.clone()]),
            )?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        let take = std::mem::take::<Vec<u32>>;
        let mut values =
            vec![Values::U32(take(&mut self.users)), Values::U32(take(&mut self.items))];
        values.extend(self.weights.as_mut().map(|all| Values::F64(std::mem::take(all))));
        values.extend(self.times.as_mut().map(|all| Values::Time(std::mem::take(all))));
        self.writing.write(values)
    }

    /// Ends the table.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn finish(mut self) -> Result<StageFile, Error> {
        if !self.users.is_empty() {
            self.flush()?;
        }
        self.writing.finish()
    }
}

/// Takes interactions in: users, items, weights, times.
pub(crate) type InteractionSink<'a> =
    &'a mut dyn FnMut(&[u32], &[u32], Option<&[f64]>, Option<&[i64]>) -> Result<(), Error>;

/// Streams the interactions of an [`InteractionTable`].
///
/// # Errors
/// If the file cannot be read, and whatever `sink` returns.
pub(crate) fn each_interactions(path: &Path, sink: InteractionSink<'_>) -> Result<(), Error> {
    let source = open(path)?;
    let mut names = vec!["user", "item"];
    for name in ["weight", "time"] {
        if has_column(&source, name)? {
            names.push(name);
        }
    }
    read_plain(source, &names, &mut |values| {
        let (mut weights, mut times) = (None, None);
        let [Values::U32(users), Values::U32(items), rest @ ..] = values.as_slice() else {
            return Err(unfit(path));
        };
        for column in rest {
            match column {
                Values::F64(values) => weights = Some(values.as_slice()),
                Values::Time(values) => times = Some(values.as_slice()),
                _ => return Err(unfit(path)),
            }
        }
        sink(users, items, weights, times)
    })
}

/// Reads an [`InteractionTable`]; `items` is how many items there are.
///
/// # Errors
/// If the file cannot be read.
pub(crate) fn read_interactions(
    path: &Path,
    items: usize,
    needs: Needs,
) -> Result<Interactions, Error> {
    let (mut ends, mut codes) = (Vec::new(), Vec::new());
    let (mut weights, mut times) = (needs.weight.then(Vec::new), needs.time.then(Vec::new));
    each_interactions(path, &mut |users, new, new_weights, new_times| {
        let before = codes.len();
        for (place, user) in (before + 1..).zip(users) {
            ends.resize(ends.len().max(*user as usize + 1), place);
            if let Some(end) = ends.last_mut() {
                *end = place;
            }
        }
        codes.extend_from_slice(new);
        if let (Some(all), Some(more)) = (&mut weights, new_weights) {
            all.extend_from_slice(more);
        }
        if let (Some(all), Some(more)) = (&mut times, new_times) {
            all.extend_from_slice(more);
        }
        Ok(())
    })?;
    Interactions::new(ends, codes, items, weights, times).map_err(|_| unfit(path))
}

/// Columns of the items in the order of the matrix.
const MATRIX: [(&str, CellType); 5] = [
    ("position", CellType::U32),
    ("item", CellType::U32),
    ("support", CellType::U32),
    ("squares", CellType::F64),
    ("columns", CellType::Text),
];

/// Writes the items in the order of the matrix: code, users, sum of squared weights, and whether
/// they are among the `head` first ones, of the dense head.
///
/// # Errors
/// If the disk refuses.
pub(crate) fn write_matrix(
    file: StageFile,
    table: &ItemTable,
    head: usize,
) -> Result<StageFile, Error> {
    let mut writing = Writing::new(file, &MATRIX)?;
    for range in chunks(table.len()) {
        let mut columns = TextColumn::default();
        for position in range.clone() {
            push_text(&mut columns, Some(part_name(position < head)));
        }
        writing.write(vec![
            codes_of(&range),
            Values::U32(table.codes()[range.clone()].to_vec()),
            Values::U32(table.supports()[range.clone()].to_vec()),
            Values::F64(table.squares()[range].to_vec()),
            Values::Text(columns),
        ])?;
    }
    writing.finish()
}

/// Reads what [`write_matrix`] wrote, for the matrix of `users` users.
///
/// # Errors
/// If the file cannot be read.
pub(crate) fn read_item_table(path: &Path, users: usize) -> Result<ItemTable, Error> {
    let (mut codes, mut supports, mut squares) = (Vec::new(), Vec::new(), Vec::new());
    read_plain(open(path)?, &["item", "support", "squares"], &mut |values| {
        let values = <[Values; 3]>::try_from(values).map_err(|_| unfit(path))?;
        let [Values::U32(item), Values::U32(support), Values::F64(square)] = values else {
            return Err(unfit(path));
        };
        codes.extend(item);
        supports.extend(support);
        squares.extend(square);
        Ok(())
    })?;
    Ok(ItemTable::new(users, codes, supports, squares))
}
