//! What a result must be like to take the place of the one before: a guard against publishing what a
//! broken day came to.

use std::{path::Path, sync::Arc};

use ilk_core::result::Catalogue;
use ilk_formats::{CsvOptions, Input, read_items, read_neighbours};

use crate::{
    error::Error,
    findings::Findings,
    inputs::FileSource,
    text::{counted, grouped},
};

/// What a result must be like to be published.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Expected {
    /// It has so many rows at least.
    pub min_rows: Option<u64>,
    /// The share, from 0 on, by which it may differ from the result that it replaces: in its rows, and in
    /// the items that have neighbours.
    pub max_change: Option<f64>,
}

impl Expected {
    /// Refuses a result that is not like that; `old`: the table of the one that it replaces, which may
    /// not be there, or `None` for standard output. Cost: with a limit of change, a pass over the items of the old table.
    ///
    /// # Errors
    /// If it is not, and if the old table cannot be read.
    pub(crate) fn check(
        self,
        old: Option<&Path>,
        catalogue: &Catalogue,
        found: &Findings,
    ) -> Result<(), Error> {
        if self == Self::default() {
            return Ok(());
        }
        let rows = found.rows();
        if let Some(least) = self.min_rows.filter(|least| rows < *least) {
            let place =
                old.map_or_else(|| "standard output".into(), |old| old.display().to_string());
            return Err(Error::withheld(format!(
                "the result has {}, fewer than min_rows {}; {place} was not written",
                counted(rows, "row"),
                grouped(least)
            )));
        }
        let old = old.filter(|old| old.is_file());
        let Some((most, old)) = self.max_change.zip(old) else { return Ok(()) };
        let place = old.display();
        let before = Before::read(old, catalogue, found).map_err(|error| {
            Error::withheld(format!(
                "{place} cannot be compared with the new result: {}",
                error.message()
            ))
        })?;
        let change = before.change(rows);
        if change <= most {
            return Ok(());
        }
        Err(Error::withheld(format!(
            "the result differs by {} from {place}, more than max_change {}: rows {} -> {}, items \
             without neighbours now {} of {}; the old output was not replaced",
            percent(change),
            percent(most),
            grouped(before.rows),
            grouped(rows),
            grouped(before.gone),
            grouped(before.items),
        )))
    }
}

/// Writes a share as people read it.
fn percent(share: f64) -> String {
    format!("{} %", (share * 1000.0).round() / 10.0)
}

/// What the result before was like.
struct Before {
    rows: u64,
    /// Items that had neighbours.
    items: u64,
    /// Those of them that have none now.
    gone: u64,
}

impl Before {
    fn read(old: &Path, catalogue: &Catalogue, found: &Findings) -> Result<Self, Error> {
        let mut has_some = vec![false; catalogue.ids.len()];
        found.each(&mut |item, list| has_some[item as usize] = !list.is_empty())?;
        let source = Arc::new(FileSource::open(old)?);
        let ids = catalogue.compared_ids();
        let mut before = Self { rows: row_count(&source)?, items: 0, gone: 0 };
        read_items(source, &mut |item, _| {
            before.items += 1;
            let code = ids.find(item);
            before.gone += u64::from(!code.is_some_and(|code| has_some[code as usize]));
            Ok::<_, Error>(())
        })?;
        Ok(before)
    }

    /// Returns the larger of the share of rows that came or went, and that of the items that went.
    fn change(&self, rows: u64) -> f64 {
        let share = |part: u64, of: u64| part as f64 / of.max(1) as f64;
        share(rows.abs_diff(self.rows), self.rows).max(share(self.gone, self.items))
    }
}

/// Counts the rows of a table.
fn row_count(source: &Arc<FileSource>) -> Result<u64, Error> {
    let input = Input::open(source.clone(), &CsvOptions::default())?;
    if let Some(rows) = input.row_count() {
        return Ok(rows);
    }
    let mut rows = 0;
    read_neighbours(source.clone(), None, &mut |_| {
        rows += 1;
        Ok::<_, Error>(())
    })?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_larger_change_counts() {
        let before = Before { rows: 100, items: 10, gone: 2 };
        assert!((before.change(70) - 0.3).abs() < 1e-12);
        assert!((before.change(130) - 0.3).abs() < 1e-12);
        assert!((before.change(95) - 0.2).abs() < 1e-12);
        let none = Before { rows: 0, items: 0, gone: 0 };
        assert!((none.change(0) - 0.0).abs() < 1e-12);
    }
}
