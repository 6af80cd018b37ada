//! Cells that hold lists: each element becomes a row of its own, beside which the row's other cells
//! are repeated.

use std::collections::HashMap;

use ilk_core::data::{IdColumn, Rows, TextColumn, TextList};

use crate::cells::{Batch, Column};

/// A decoded column; where it holds lists, one of their elements.
#[derive(Debug)]
pub(crate) struct Decoded {
    /// The cells, or the elements of all lists one after the other.
    pub(crate) column: Column,
    /// How many elements each row has, where it holds lists.
    pub(crate) counts: Option<Vec<u32>>,
}

impl From<Column> for Decoded {
    fn from(column: Column) -> Self {
        Self { column, counts: None }
    }
}

impl Decoded {
    /// Counts the rows.
    pub(crate) fn rows(&self) -> usize {
        self.counts.as_ref().map_or_else(|| self.column.len(), Vec::len)
    }
}

/// Two lists of one row that do not go together: the position of the row, and those of the columns.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Uneven {
    pub(crate) row: usize,
    pub(crate) columns: [usize; 2],
}

/// Makes a batch of columns of `rows` rows, of which some may hold lists; elements at the same
/// position of several lists stay together.
pub(crate) fn unfold(columns: Vec<Decoded>, rows: usize) -> Result<Batch, Uneven> {
    let mut lists = columns.iter().enumerate();
    let first = lists.find_map(|(place, column)| Some((place, column.counts.as_ref()?)));
    let Some((first, counts)) = first else {
        let columns = columns.into_iter().map(|decoded| decoded.column).collect();
        return Ok(Batch { columns, rows, places: None, unreadable: Vec::new(), of_rows: rows });
    };
    for (place, other) in lists {
        let Some(other) = &other.counts else { continue };
        if let Some(row) = counts.iter().zip(other).position(|(a, b)| a != b) {
            return Err(Uneven { row, columns: [first, place] });
        }
    }
    let of_rows = (0..).zip(counts);
    let places: Vec<u32> =
        of_rows.flat_map(|(row, count)| std::iter::repeat_n(row, *count as usize)).collect();
    let taken: Vec<_> = places.iter().map(|row| Some(*row as usize)).collect();
    let spread = |decoded: Decoded| match decoded.counts {
        Some(_) => decoded.column,
        None => decoded.column.take(&taken).unwrap_or(Column::nulls(taken.len())),
    };
    let columns = columns.into_iter().map(spread).collect();
    Ok(Batch {
        columns,
        rows: places.len(),
        places: Some(places),
        unreadable: Vec::new(),
        of_rows: rows,
    })
}

/// Splits items of text at a separator: each piece that is not empty becomes a row of its own, beside
/// which the row's other cells are repeated. A cell without any piece is null.
pub(crate) fn split_items(rows: Rows, separator: &str) -> Rows {
    let IdColumn::Text(items) = &rows.item else { return rows };
    let (mut dictionary, mut known) = (TextList::new(), HashMap::<&str, u32>::new());
    let mut pieces = Vec::with_capacity(items.dictionary.len());
    for text in items.dictionary.iter() {
        let found = text.split(separator).map(str::trim).filter(|piece| !piece.is_empty());
        let code = |piece| {
            *known.entry(piece).or_insert_with(|| {
                dictionary.push(piece);
                dictionary.len() as u32 - 1
            })
        };
        pieces.push(found.map(code).collect::<Vec<u32>>());
    }
    let (mut from, mut codes) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
    for (row, code) in items.codes.iter().enumerate() {
        let of_row = pieces.get(*code as usize).map_or(&[][..], Vec::as_slice);
        let of_row = if of_row.is_empty() { &[TextColumn::NULL][..] } else { of_row };
        from.extend(std::iter::repeat_n(row as u32, of_row.len()));
        codes.extend(of_row);
    }
    let untyped = items.untyped;
    let mut split = rows.repeat(&from);
    split.item = IdColumn::Text(TextColumn { codes, dictionary, untyped });
    split
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::Cells;

    fn column(values: &[i32]) -> Column {
        Column { cells: Cells::I32(values.to_vec()), valid: None }
    }

    #[test]
    fn elements_become_rows_beside_which_other_cells_are_repeated() {
        let lists = Decoded { column: column(&[5, 6, 7]), counts: Some(vec![2, 0, 1]) };
        let batch = unfold(vec![column(&[1, 2, 3]).into(), lists], 3).unwrap();
        assert_eq!((batch.rows, batch.places), (3, Some(vec![0, 0, 2])));
        let [Column { cells: Cells::I32(left), .. }, Column { cells: Cells::I32(right), .. }] =
            &batch.columns[..]
        else {
            panic!("the types stay");
        };
        assert_eq!((&left[..], &right[..]), (&[1, 1, 3][..], &[5, 6, 7][..]));
    }

    #[test]
    fn lists_of_one_row_must_be_equally_long() {
        let list = |counts: &[u32]| Decoded {
            column: column(&vec![0; counts.iter().sum::<u32>() as usize]),
            counts: Some(counts.to_vec()),
        };
        let found = unfold(vec![list(&[1, 2]), list(&[1, 3])], 2);
        assert_eq!(found.unwrap_err(), Uneven { row: 1, columns: [0, 1] });
    }
}
