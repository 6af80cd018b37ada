//! Labels of the result's ids, from a table of their own.

use crate::data::{IdColumn, Ids, TextColumn};

/// Counts the labels that a table gives to each id. Cost: 24 B per id, and about 24 B and the
/// text for each distinct pair of an id and a label.
#[derive(Clone, Debug)]
pub struct LabelTally {
    /// The labels of each id, and the number of rows with each.
    counts: Vec<Vec<(Box<str>, u64)>>,
    rows: u64,
    bytes: usize,
}

impl LabelTally {
    /// Makes an empty tally for so many `ids`.
    pub fn new(ids: usize) -> Self {
        Self { counts: vec![Vec::new(); ids], rows: 0, bytes: ids * size_of::<Vec<()>>() }
    }

    /// Adds a chunk of the table: its ids, which match `ids` if their text is the same, and their labels.
    /// Rows of other ids and rows with a null are ignored.
    ///
    /// # Panics
    /// If the columns are not equally long, or `ids` are more than the tally was made for.
    pub fn add(&mut self, ids: &Ids, column: &IdColumn, labels: &TextColumn) {
        assert_eq!(column.len(), labels.codes.len(), "an id and a label in each row");
        self.rows += column.len() as u64;
        let codes = codes_of_rows(ids, column).into_iter().zip(labels.codes.iter().copied());
        let mut pairs = codes
            .filter_map(|(code, label)| (label != TextColumn::NULL).then_some((code?, label)))
            .collect::<Vec<_>>();
        pairs.sort_unstable();
        for same in pairs.chunk_by(|a, b| a == b) {
            let (code, label) = same[0];
            self.count(code, labels.dictionary.get(label as usize), same.len() as u64);
        }
    }

    fn count(&mut self, code: u32, label: &str, rows: u64) {
        let of_id = &mut self.counts[code as usize];
        if let Some((_, count)) = of_id.iter_mut().find(|(known, _)| **known == *label) {
            *count += rows;
        } else {
            self.bytes += size_of::<(Box<str>, u64)>() + label.len();
            of_id.push((label.into(), rows));
        }
    }

    /// Counts the rows that came in.
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// Counts the bytes that it takes.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Picks each id's most frequent label, of equally frequent ones the smallest; also returns how
    /// many ids have none.
    pub fn finish(self) -> (TextColumn, u64) {
        let mut chosen = TextColumn::default();
        let mut missing = 0;
        for of_id in self.counts {
            let best = of_id.into_iter().max_by(|(a, many), (b, few)| many.cmp(few).then(b.cmp(a)));
            chosen.codes.push(if let Some((label, _)) = best {
                chosen.dictionary.push(&label);
                chosen.dictionary.len() as u32 - 1
            } else {
                missing += 1;
                TextColumn::NULL
            });
        }
        (chosen, missing)
    }
}

/// Finds the code of every row's id; each distinct text is looked up once.
fn codes_of_rows(ids: &Ids, column: &IdColumn) -> Vec<Option<u32>> {
    match column {
        IdColumn::Text(column) => {
            let codes = column.dictionary.iter().map(|text| ids.find(text)).collect::<Vec<_>>();
            let code = |place: &u32| codes.get(*place as usize).copied().flatten();
            column.codes.iter().map(code).collect()
        }
        IdColumn::Integer(_) | IdColumn::Unsigned(_) => {
            let code = |row| ids.find(&column.display(row)?);
            (0..column.len()).map(code).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Cells, TextList};

    fn text(cells: &[Option<&str>]) -> TextColumn {
        let mut column = TextColumn::default();
        for cell in cells {
            column.codes.push(cell.map_or(TextColumn::NULL, |_| column.dictionary.len() as u32));
            if let Some(cell) = cell {
                column.dictionary.push(cell);
            }
        }
        column
    }

    fn named(ids: &Ids, chunks: &[(IdColumn, TextColumn)]) -> (Vec<Option<String>>, u64) {
        let mut tally = LabelTally::new(ids.len());
        for (column, labels) in chunks {
            tally.add(ids, column, labels);
        }
        let (labels, missing) = tally.finish();
        ((0..ids.len()).map(|row| labels.get(row).map(String::from)).collect(), missing)
    }

    #[test]
    fn the_most_frequent_label_wins_and_of_ties_the_smallest() {
        let ids = Ids::Integer(vec![1, 2, 3]);
        let first = (
            IdColumn::Integer(vec![1, 2, 2, 9].into()),
            text(&[Some("tea"), Some("mug"), Some("cup"), Some("?")]),
        );
        let second = (
            IdColumn::Integer(Cells {
                values: vec![1, 1, 0],
                valid: Some(vec![true, true, false]),
            }),
            text(&[Some("chai"), Some("chai"), Some("x")]),
        );
        let (labels, missing) = named(&ids, &[first.clone(), second.clone()]);
        assert_eq!(labels, [Some("chai".into()), Some("cup".into()), None]);
        assert_eq!(missing, 1);
        assert_eq!(named(&ids, &[second, first]), (labels, missing), "in any order");
    }

    #[test]
    fn ids_compare_by_what_they_read() {
        let integers = Ids::Integer(vec![7, 17850]);
        let column = IdColumn::Text(text(&[Some("17850.0"), Some("007"), Some("7")]));
        let labels = || text(&[Some("a"), Some("b"), Some("c")]);
        let (found, _) = named(&integers, &[(column, labels())]);
        assert_eq!(found, [Some("c".into()), Some("a".into())]);
        let texts = Ids::Text(["007", "7"].into_iter().collect::<TextList>());
        let column = IdColumn::Integer(vec![7, 8, 9].into());
        assert_eq!(named(&texts, &[(column, labels())]), (vec![None, Some("a".into())], 1));
    }

    #[test]
    fn bytes_grow_with_distinct_labels_only() {
        let ids = Ids::Integer(vec![1]);
        let mut tally = LabelTally::new(1);
        let column = IdColumn::Integer(vec![1, 1].into());
        tally.add(&ids, &column, &text(&[Some("tea"), Some("tea")]));
        let before = tally.bytes();
        tally.add(&ids, &column, &text(&[Some("tea"), None]));
        assert_eq!((tally.bytes(), tally.rows()), (before, 4));
        tally.add(&ids, &column, &text(&[Some("chai"), None]));
        assert!(tally.bytes() > before);
    }
}
