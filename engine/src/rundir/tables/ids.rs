//! Items and users, by code.

use std::path::Path;

use ilk_core::{
    data::{Ids, TextColumn, TextList},
    result::Catalogue,
};
use ilk_formats::{CellType, Values, read_plain};

use super::table::{
    CHUNK, Writing, chunks, codes_of, has_column, id_type, id_values, open, push_text, text_of,
    unfit,
};
use crate::{error::Error, rundir::stage::StageFile};

/// Writes what is compared: `code`, `item`, `label` where there are labels, `support`.
///
/// # Errors
/// If the disk refuses.
pub(crate) fn write_items(file: StageFile, catalogue: &Catalogue) -> Result<StageFile, Error> {
    let mut columns = vec![("code", CellType::U32), ("item", id_type(&catalogue.ids))];
    columns.extend(catalogue.labels.as_ref().map(|_| ("label", CellType::Text)));
    columns.push(("support", CellType::U32));
    let mut writing = Writing::new(file, &columns)?;
    for range in chunks(catalogue.ids.len()) {
        let mut values = vec![codes_of(&range), id_values(&catalogue.ids, range.clone())];
        let labels = catalogue.labels.as_ref();
        values.extend(
            labels.map(|labels| Values::Text(text_of(range.clone(), |place| labels.get(place)))),
        );
        values.push(Values::U32(catalogue.supports[range].to_vec()));
        writing.write(values)?;
    }
    writing.finish()
}

/// Ids on their way in; the first chunk says what they are.
#[derive(Default)]
struct Gathering(Option<Ids>);

impl Gathering {
    fn extend(&mut self, values: Values) -> Option<()> {
        match (values, &mut self.0) {
            (Values::I64(new), Some(Ids::Integer(ids))) => ids.extend(new),
            (Values::I64(new), ids @ None) => *ids = Some(Ids::Integer(new)),
            (Values::U64(new), Some(Ids::Unsigned(ids))) => ids.extend(new),
            (Values::U64(new), ids @ None) => *ids = Some(Ids::Unsigned(new)),
            (Values::Text(new), ids) => {
                let ids = ids.get_or_insert_with(|| Ids::Text(TextList::new()));
                let Ids::Text(list) = ids else { return None };
                for row in 0..new.codes.len() {
                    list.push(new.get(row)?);
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// Without any id the kind does not matter.
    fn finish(self) -> Ids {
        self.0.unwrap_or(Ids::Integer(Vec::new()))
    }
}

/// Reads what [`write_items`] wrote.
///
/// # Errors
/// If the file cannot be read.
pub(crate) fn read_items(path: &Path) -> Result<Catalogue, Error> {
    let source = open(path)?;
    let has_labels = has_column(&source, "label")?;
    let names = if has_labels { &["item", "support", "label"][..] } else { &["item", "support"] };
    let (mut ids, mut supports) = (Gathering::default(), Vec::new());
    let mut labels = has_labels.then(TextColumn::default);
    read_plain(source, names, &mut |values| {
        let mut values = values.into_iter();
        let (Some(item), Some(Values::U32(support))) = (values.next(), values.next()) else {
            return Err(unfit(path));
        };
        ids.extend(item).ok_or_else(|| unfit(path))?;
        supports.extend(support);
        if let (Some(labels), Some(Values::Text(new))) = (&mut labels, values.next()) {
            (0..new.codes.len()).for_each(|row| push_text(labels, new.get(row)));
        }
        Ok(())
    })?;
    Ok(Catalogue { ids: ids.finish(), labels, supports, target: None })
}

/// The other side on its way into a table: `code`, `user`, `degree`. Users come in order, any
/// number at a time; the bytes are the same.
pub(crate) struct UserTable {
    writing: Writing,
    written: usize,
    ids: Ids,
    degrees: Vec<u32>,
}

impl UserTable {
    /// Begins the table; `ids`: some like those that come.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn new(file: StageFile, ids: &Ids) -> Result<Self, Error> {
        let columns = [("code", CellType::U32), ("user", id_type(ids)), ("degree", CellType::U32)];
        let writing = Writing::new(file, &columns)?;
        Ok(Self { writing, written: 0, ids: ids.slice(0..0), degrees: Vec::new() })
    }

    /// Appends users with the number of their items.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn push(&mut self, ids: &Ids, degrees: &[u32]) -> Result<(), Error> {
        self.ids.append(ids);
        self.degrees.extend_from_slice(degrees);
        let whole = self.degrees.len() / CHUNK * CHUNK;
        self.flush(whole)
    }

    /// Writes so many of the users that wait.
    fn flush(&mut self, count: usize) -> Result<(), Error> {
        if count == 0 {
            return Ok(());
        }
        for range in chunks(count) {
            let codes = self.written + range.start..self.written + range.end;
            let (codes, ids) = (codes_of(&codes), id_values(&self.ids, range.clone()));
            self.writing.write(vec![codes, ids, Values::U32(self.degrees[range].to_vec())])?;
        }
        self.written += count;
        self.ids = self.ids.slice(count..self.ids.len());
        self.degrees.drain(..count);
        Ok(())
    }

    /// Ends the table.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn finish(mut self) -> Result<StageFile, Error> {
        self.flush(self.degrees.len())?;
        self.writing.finish()
    }
}

/// Reads the ids of a [`UserTable`].
///
/// # Errors
/// If the file cannot be read.
pub(crate) fn read_users(path: &Path) -> Result<Ids, Error> {
    let mut ids = Gathering::default();
    read_plain(open(path)?, &["user"], &mut |values| {
        values.into_iter().try_for_each(|values| ids.extend(values)).ok_or_else(|| unfit(path))
    })?;
    Ok(ids.finish())
}

/// Finds the id of the first of the users with most items.
///
/// # Errors
/// If the file cannot be read.
pub(crate) fn heaviest_user(path: &Path) -> Result<String, Error> {
    let mut heaviest = (0, String::new());
    read_plain(open(path)?, &["user", "degree"], &mut |values| {
        let mut values = values.into_iter();
        let (Some(users), Some(Values::U32(degrees))) = (values.next(), values.next()) else {
            return Err(unfit(path));
        };
        let most = degrees.iter().enumerate().rev().max_by_key(|(_, degree)| **degree);
        if let Some((row, degree)) = most.filter(|(_, degree)| **degree > heaviest.0) {
            let mut ids = Gathering::default();
            ids.extend(users).ok_or_else(|| unfit(path))?;
            heaviest = (*degree, ids.finish().display(row as u32).into_owned());
        }
        Ok(())
    })?;
    Ok(heaviest.1)
}
