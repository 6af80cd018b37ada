//! Ids of several columns, such as a receipt's number within a shop: one text of all of them.
//!
//! The cells stand in the order of the columns with a `|` between; a `|` or `\` in a cell has a `\`
//! before it, so that different cells never read the same. If any cell is null, the id is.

use ilk_core::data::{IdColumn, TextColumn, canonical_digits};

use crate::text::TextBuilder;

/// What stands between cells.
const BAR: char = '|';
/// What stands before a bar, or itself, inside a cell.
const ESCAPE: char = '\\';

/// Writes cells as one id into `text`; tells whether there is one.
pub(crate) fn join<'c>(text: &mut String, cells: impl Iterator<Item = Option<&'c str>>) -> bool {
    text.clear();
    for (index, cell) in cells.enumerate() {
        let Some(cell) = cell else { return false };
        if index > 0 {
            text.push(BAR);
        }
        for character in cell.chars() {
            if character == BAR || character == ESCAPE {
                text.push(ESCAPE);
            }
            text.push(character);
        }
    }
    true
}

/// Spells a cell of a format without types as one with types would: `7.0` is the integer 7.
pub(crate) fn spelled(cell: &str) -> &str {
    canonical_digits(cell).unwrap_or(cell)
}

/// Joins columns of ids, row by row.
pub(crate) fn join_columns(columns: &[IdColumn], rows: usize) -> IdColumn {
    let mut builder = TextBuilder::with_capacity(rows);
    let mut text = String::new();
    for row in 0..rows {
        let cells = columns.iter().map(|column| column.display(row)).collect::<Vec<_>>();
        let cells = columns.iter().zip(&cells).map(|(column, cell)| {
            let is_untyped = matches!(column, IdColumn::Text(TextColumn { untyped: true, .. }));
            cell.as_deref().map(|cell| if is_untyped { spelled(cell) } else { cell })
        });
        let is_id = join(&mut text, cells);
        builder.push(is_id.then_some(text.as_str()));
    }
    IdColumn::Text(builder.finish())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn joined(cells: &[Option<&str>]) -> Option<String> {
        let mut text = "left over".to_owned();
        join(&mut text, cells.iter().copied()).then_some(text)
    }

    #[test]
    fn cells_stand_side_by_side_and_nulls_make_no_id() {
        assert_eq!(joined(&[Some("12"), Some("7")]), Some("12|7".into()));
        assert_eq!(joined(&[Some("a|b"), Some("\\")]), Some("a\\|b|\\\\".into()));
        assert_eq!(joined(&[Some("12"), None]), None);
        assert_eq!((spelled("7.0"), spelled("007"), spelled("x")), ("7", "007", "x"));
    }

    #[test]
    fn columns_of_any_type_join() {
        let text = |cells: &[&str], untyped| {
            let codes = (0..cells.len() as u32).collect();
            IdColumn::Text(TextColumn { codes, dictionary: cells.iter().collect(), untyped })
        };
        let columns = [
            IdColumn::Integer(vec![1, 2].into()),
            text(&["7.0", "x"], true),
            text(&["7.0", "y"], false),
        ];
        let IdColumn::Text(found) = join_columns(&columns, 2) else { panic!("text") };
        assert_eq!((found.get(0), found.get(1)), (Some("1|7|7.0"), Some("2|x|y")));
        assert!(!found.untyped);
    }

    proptest! {
        #[test]
        fn different_cells_never_read_the_same(
            rows in proptest::collection::vec(proptest::collection::vec("[a|\\\\]{0,3}", 2), 1..40),
        ) {
            let mut known = BTreeMap::new();
            for row in rows {
                let cells = row.iter().map(|cell| Some(cell.as_str())).collect::<Vec<_>>();
                let id = joined(&cells).unwrap();
                if let Some(before) = known.insert(id, row.clone()) {
                    prop_assert_eq!(before, row);
                }
            }
        }
    }
}
