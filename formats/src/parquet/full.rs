//! Columns that may hold nulls and hold none, read as if they could not: most of them. Levels, a number
//! per row, are then looked at run by run and not written out.

use std::sync::Arc;

use bytes::Bytes;
use parquet::{
    basic::Encoding,
    column::page::{Page, PageMetadata, PageReader},
    errors::{ParquetError, Result},
    schema::types::{ColumnDescPtr, ColumnDescriptor},
};

/// The column without levels.
pub(crate) fn required(column: &ColumnDescriptor) -> ColumnDescPtr {
    let (leaf, path) = (column.self_type_ptr(), column.path().clone());
    Arc::new(ColumnDescriptor::new(leaf, 0, 0, path))
}

/// Its pages without levels, of which each must say that the value is there.
pub(crate) struct Full(pub(crate) Box<dyn PageReader>);

impl Iterator for Full {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Full {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        self.0.get_next_page()?.map(full).transpose()
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.0.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.0.skip_next_page()
    }
}

/// Takes the levels off a page.
fn full(mut page: Page) -> Result<Page> {
    let nulls = || ParquetError::General("nulls where the footer says there are none".into());
    match &mut page {
        Page::DictionaryPage { .. } => {}
        Page::DataPage { buf, num_values, def_level_encoding, .. } => {
            let rows = *num_values as usize;
            let values = after_levels(buf, rows, *def_level_encoding).ok_or_else(nulls)?;
            *buf = values;
        }
        Page::DataPageV2 { buf, num_nulls, def_levels_byte_len, rep_levels_byte_len, .. } => {
            let levels = *def_levels_byte_len as usize + *rep_levels_byte_len as usize;
            if *num_nulls > 0 || levels > buf.len() {
                return Err(nulls());
            }
            *buf = buf.slice(levels..);
            (*def_levels_byte_len, *rep_levels_byte_len) = (0, 0);
        }
    }
    Ok(page)
}

/// The values of a page, if its levels say that all of them are there.
fn after_levels(bytes: &Bytes, rows: usize, encoding: Encoding) -> Option<Bytes> {
    #[expect(deprecated, reason = "old files have such levels")]
    if encoding == Encoding::BIT_PACKED {
        let levels = bytes.get(..rows.div_ceil(8))?;
        let is_there = |row: usize| levels[row / 8] << (row % 8) & 0x80 != 0;
        return (0..rows).all(is_there).then(|| bytes.slice(rows.div_ceil(8)..));
    }
    let length = u32::from_le_bytes(*bytes.first_chunk()?) as usize;
    let end = length.checked_add(4)?;
    all_there(bytes.get(4..end)?, rows).then(|| bytes.slice(end..))
}

/// Returns true if runs of levels say that every row has its value.
fn all_there(mut bytes: &[u8], rows: usize) -> bool {
    let mut left = rows;
    while left > 0 {
        let Some((head, rest)) = number(bytes) else { return false };
        // So many levels that are the same, or so many groups of eight bits.
        let (levels, length) =
            if head & 1 == 0 { (head >> 1, 1) } else { ((head >> 1) * 8, head >> 1) };
        let Some((run, rest)) = rest.split_at_checked(length) else { return false };
        let levels = levels.min(left);
        let is_full = match head & 1 {
            0 => run[0] == 1,
            _ => (0..levels).all(|row| run[row / 8] >> (row % 8) & 1 == 1),
        };
        if levels == 0 || !is_full {
            return false;
        }
        (left, bytes) = (left - levels, rest);
    }
    true
}

/// Reads a number of seven bits a byte.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0_usize;
    for (place, byte) in bytes.iter().enumerate().take(4) {
        value |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[place + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_looked_at_run_by_run() {
        // 300 ones as a run, and 8 of them bit by bit.
        let full = [0xd8, 0x04, 1, 0x03, 0xff];
        assert!(all_there(&full, 308) && all_there(&full, 301) && !all_there(&full, 309));
        assert!(!all_there(&[0xd8, 0x04, 0, 0x03, 0xff], 300));
        assert!(!all_there(&[0xd8, 0x04, 1, 0x03, 0xfd], 302));
        assert!(all_there(&[0xd8, 0x04, 1, 0x03, 0xfd], 301));
        assert!(!all_there(&[0x00, 1], 1) && !all_there(&[], 1) && all_there(&[], 0));
    }
}
