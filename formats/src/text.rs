//! Text columns: dictionaries built from cells.

use std::hash::BuildHasher;

use arrow_schema::DataType;
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use ilk_core::data::{TextColumn, TextList};

/// Builds a [`TextColumn`] cell by cell, each distinct string once.
#[derive(Default)]
pub(crate) struct TextBuilder {
    column: TextColumn,
    table: HashTable<u32>,
    hasher: FixedState,
    bytes: usize,
}

impl TextBuilder {
    /// Starts a column of so many rows.
    pub(crate) fn with_capacity(rows: usize) -> Self {
        let mut builder = Self::default();
        builder.column.codes.reserve(rows);
        builder
    }

    /// Counts the bytes of the distinct strings.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Appends a cell.
    pub(crate) fn push(&mut self, text: Option<&str>) {
        let code = text.map_or(TextColumn::NULL, |text| self.code(text));
        self.column.codes.push(code);
    }

    /// Returns the code of `text`, giving it one if it has none.
    fn code(&mut self, text: &str) -> u32 {
        // Tables are often sorted by one of their columns.
        if let Some(&last) = self.column.codes.last()
            && last != TextColumn::NULL
            && self.column.dictionary.get(last as usize) == text
        {
            return last;
        }
        let dictionary = &mut self.column.dictionary;
        let hash = self.hasher.hash_one(text);
        let same = |code: &u32| dictionary.get(*code as usize) == text;
        if let Some(code) = self.table.find(hash, same) {
            return *code;
        }
        let code = dictionary.len() as u32;
        dictionary.push(text);
        self.bytes += text.len();
        let rehash = |code: &u32| self.hasher.hash_one(dictionary.get(*code as usize));
        self.table.insert_unique(hash, code, rehash);
        code
    }

    /// Builds the column of cells that should hold text.
    pub(crate) fn of_bytes<'a>(cells: impl Iterator<Item = Option<&'a [u8]>>) -> Texts {
        let mut builder = Self::with_capacity(cells.size_hint().0);
        let mut unreadable = Vec::new();
        for (row, cell) in cells.enumerate() {
            let text = cell.map(std::str::from_utf8);
            if matches!(text, Some(Err(_))) {
                unreadable.push(row as u32);
            }
            builder.push(text.and_then(Result::ok));
        }
        Texts { column: builder.finish(), unreadable }
    }

    /// Returns the column.
    pub(crate) fn finish(self) -> TextColumn {
        self.column
    }
}

/// Text cells, and the rows that hold bytes that are no text (as null).
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts {
    /// The cells.
    pub(crate) column: TextColumn,
    /// Rows that hold bytes that are no text, ascending.
    pub(crate) unreadable: Vec<u32>,
}

impl Texts {
    /// Copies out the cells at `places`, nulls where there is none.
    pub(crate) fn take(&self, places: &[Option<usize>]) -> Self {
        let mut new = vec![TextColumn::NULL; self.column.dictionary.len()];
        let mut dictionary = TextList::new();
        let mut codes = Vec::with_capacity(places.len());
        let mut unreadable = Vec::new();
        for (row, place) in places.iter().enumerate() {
            let code = place.map_or(TextColumn::NULL, |place| self.column.codes[place]);
            let Some(code) = new.get_mut(code as usize).map(|new| (code, new)) else {
                let broken = place.is_some_and(|place| self.unreadable.contains(&(place as u32)));
                if broken {
                    unreadable.push(row as u32);
                }
                codes.push(TextColumn::NULL);
                continue;
            };
            let (old, new) = code;
            if *new == TextColumn::NULL {
                *new = dictionary.len() as u32;
                dictionary.push(self.column.dictionary.get(old as usize));
            }
            codes.push(*new);
        }
        Self { column: TextColumn { codes, dictionary, untyped: false }, unreadable }
    }

    /// Appends the cells of another column.
    pub(crate) fn append(&mut self, other: &Self) {
        let rows = self.column.codes.len() as u32;
        let all = (0..rows as usize).map(|row| self.column.get(row));
        let more = (0..other.column.codes.len()).map(|row| other.column.get(row));
        let mut builder = TextBuilder::default();
        all.chain(more).for_each(|cell| builder.push(cell));
        self.column = builder.finish();
        self.unreadable.extend(other.unreadable.iter().map(|row| rows + row));
    }

    /// Cuts off the rows from `start` on and returns them; both keep the whole dictionary.
    pub(crate) fn split_off(&mut self, start: usize) -> Self {
        let codes = self.column.codes.split_off(start);
        let (dictionary, untyped) = (self.column.dictionary.clone(), self.column.untyped);
        let place = self.unreadable.partition_point(|row| (*row as usize) < start);
        let mut unreadable = self.unreadable.split_off(place);
        for row in &mut unreadable {
            *row -= start as u32;
        }
        Self { column: TextColumn { codes, dictionary, untyped }, unreadable }
    }
}

/// Returns true if cells of this type are text, or bytes that may be.
pub(crate) fn is_text(data_type: &DataType) -> bool {
    use DataType::{
        Binary, BinaryView, Dictionary, FixedSizeBinary, LargeBinary, LargeUtf8, Utf8, Utf8View,
    };
    match data_type {
        Utf8 | LargeUtf8 | Utf8View | Binary | LargeBinary | BinaryView => true,
        FixedSizeBinary(width) => *width != 16,
        Dictionary(_, values) => is_text(values),
        _ => false,
    }
}
