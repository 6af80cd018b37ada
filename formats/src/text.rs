//! Text columns: dictionaries built from plain cells or taken over from Arrow.

use std::{hash::BuildHasher, sync::Arc};

use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray,
    cast::AsArray,
    types::{
        Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    },
};
use arrow_buffer::{ArrowNativeType, Buffer, ScalarBuffer};
use arrow_schema::DataType;
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use ilk_core::ids::{TextColumn, TextList};

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

    /// Returns the column.
    pub(crate) fn finish(self) -> TextColumn {
        self.column
    }
}

/// Text cells of an Arrow array, and the rows that hold bytes that are no text (as null).
pub(crate) struct Texts {
    /// The cells.
    pub(crate) column: TextColumn,
    /// Rows that hold bytes that are no text, ascending.
    pub(crate) unreadable: Vec<u32>,
}

/// Takes over an array of text or bytes, or a dictionary of such; `None` for other types.
pub(crate) fn texts(array: ArrayRef) -> Option<Texts> {
    if let DataType::Dictionary(_, values) = array.data_type() {
        return is_text(values).then(|| dictionary_texts(array)).flatten();
    }
    let mut builder = TextBuilder::with_capacity(array.len());
    let mut unreadable = Vec::new();
    let found = each_bytes(array.as_ref(), |row, bytes| {
        let text = bytes.map(std::str::from_utf8);
        if matches!(text, Some(Err(_))) {
            unreadable.push(row as u32);
        }
        builder.push(text.and_then(Result::ok));
    });
    found.then(|| Texts { column: builder.finish(), unreadable })
}

/// Tells whether [`texts`] takes arrays of this type.
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

/// Walks the cells of an array of text or bytes; false for other types.
fn each_bytes(array: &dyn Array, mut f: impl FnMut(usize, Option<&[u8]>)) -> bool {
    macro_rules! walk {
        ($cells:expr) => {{
            for (row, cell) in $cells.iter().enumerate() {
                f(row, cell.map(AsRef::<[u8]>::as_ref));
            }
        }};
    }
    match array.data_type() {
        DataType::Utf8 => walk!(array.as_string::<i32>()),
        DataType::LargeUtf8 => walk!(array.as_string::<i64>()),
        DataType::Utf8View => walk!(array.as_string_view()),
        DataType::Binary => walk!(array.as_binary::<i32>()),
        DataType::LargeBinary => walk!(array.as_binary::<i64>()),
        DataType::BinaryView => walk!(array.as_binary_view()),
        DataType::FixedSizeBinary(_) => walk!(array.as_fixed_size_binary()),
        _ => return false,
    }
    true
}

/// Takes over a dictionary; its keys become the codes.
fn dictionary_texts(array: ArrayRef) -> Option<Texts> {
    let values = Arc::clone(array.as_any_dictionary().values());
    let mut codes = dictionary_codes(array)?;
    // A key past the dictionary can only come from a damaged file; the reader checks them.
    let size = values.len() as u32;
    let mut used = vec![false; values.len()];
    for code in &mut codes {
        if *code < size {
            used[*code as usize] = true;
        } else {
            *code = TextColumn::NULL;
        }
    }
    let all_used = used.iter().all(|used| *used);
    let (mut dictionary, mut next) = (TextList::new(), 0);
    let mut places = vec![TextColumn::NULL; values.len()];
    let mut no_text = vec![false; values.len()];
    let mut changed = !all_used;
    each_bytes(values.as_ref(), |place, bytes| match bytes.map(std::str::from_utf8) {
        _ if !used[place] => {}
        Some(Ok(text)) => {
            dictionary.push(text);
            places[place] = next;
            next += 1;
        }
        other => {
            changed = true;
            no_text[place] = other.is_some();
        }
    });
    let mut unreadable = Vec::new();
    if changed {
        for (row, code) in codes.iter_mut().enumerate() {
            if *code != TextColumn::NULL {
                if no_text[*code as usize] {
                    unreadable.push(row as u32);
                }
                *code = places[*code as usize];
            }
        }
    }
    Some(Texts { column: TextColumn { codes, dictionary, untyped: false }, unreadable })
}

/// Takes the keys out of a dictionary array, nulls as [`TextColumn::NULL`].
fn dictionary_codes(array: ArrayRef) -> Option<Vec<u32>> {
    let DataType::Dictionary(keys, _) = array.data_type() else { return None };
    macro_rules! narrow {
        ($($key:ident => $type:ty),+) => {
            match keys.as_ref() {
                DataType::Int32 => key_codes(array.as_dictionary::<Int32Type>().keys().clone(), array),
                $(DataType::$key => {
                    let keys = array.as_dictionary::<$type>().keys();
                    keys.iter()
                        .map(|key| key.map_or(TextColumn::NULL, |key| {
                            u32::try_from(key.as_usize()).unwrap_or(TextColumn::NULL)
                        }))
                        .collect()
                })+
                _ => return None,
            }
        };
    }
    Some(narrow!(
        Int8 => Int8Type, Int16 => Int16Type, Int64 => Int64Type,
        UInt8 => UInt8Type, UInt16 => UInt16Type, UInt32 => UInt32Type, UInt64 => UInt64Type
    ))
}

/// Moves 32-bit keys out of their array where nothing else holds them.
fn key_codes(keys: PrimitiveArray<Int32Type>, array: ArrayRef) -> Vec<u32> {
    drop(array);
    let (mut codes, valid) = own_values::<Int32Type, u32>(keys);
    if let Some(valid) = valid {
        for (code, valid) in codes.iter_mut().zip(valid) {
            if !valid {
                *code = TextColumn::NULL;
            }
        }
    }
    codes
}

/// Moves the values out of an array, or copies them where the buffer is shared. `N` is as wide
/// as the array's own type.
pub(crate) fn own_values<T: ArrowPrimitiveType, N: ArrowNativeType>(
    array: PrimitiveArray<T>,
) -> (Vec<N>, Option<Vec<bool>>) {
    let (_, values, nulls) = array.into_parts();
    let length = values.len();
    let copy = |buffer: Buffer| ScalarBuffer::<N>::new(buffer, 0, length).to_vec();
    let values = values.into_inner().into_vec::<N>().unwrap_or_else(copy);
    let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
    (values, nulls.map(|nulls| nulls.iter().collect()))
}

#[cfg(test)]
mod tests {
    use arrow_array::{BinaryArray, DictionaryArray, StringArray, StringViewArray};

    use super::*;

    fn cells(texts: &Texts) -> Vec<Option<&str>> {
        (0..texts.column.codes.len()).map(|row| texts.column.get(row)).collect()
    }

    #[test]
    fn plain_text_and_views_become_distinct_strings() {
        let cells_in = [Some("b"), None, Some("a"), Some("b"), Some("")];
        let arrays: [ArrayRef; 2] = [
            Arc::new(StringArray::from(cells_in.to_vec())),
            Arc::new(StringViewArray::from(cells_in.to_vec())),
        ];
        for array in arrays {
            let found = texts(array).unwrap();
            assert_eq!(cells(&found), cells_in);
            assert_eq!(found.column.dictionary.len(), 3);
        }
    }

    #[test]
    fn dictionaries_drop_unused_null_and_unreadable_entries() {
        let values = BinaryArray::from_opt_vec(vec![
            Some(b"unused".as_slice()),
            Some(b"\xff"),
            None,
            Some(b"a"),
        ]);
        let keys = arrow_array::Int8Array::from(vec![Some(3), Some(1), Some(2), None, Some(3)]);
        let array = DictionaryArray::new(keys, Arc::new(values));
        let found = texts(Arc::new(array)).unwrap();
        assert_eq!(cells(&found), [Some("a"), None, None, None, Some("a")]);
        assert_eq!(found.unreadable, [1]);
        assert_eq!(found.column.dictionary.len(), 1);
    }
}
