//! Text of Parquet, read as codes.
//!
//! The library decodes text into one small object per cell. Here its pages are handed to the decoder
//! of 32-bit integers instead: pages that name entries of a dictionary as they are, with a dictionary
//! in which every entry is its own place; others with their cells counted through. What the codes
//! stand for is kept beside it. So levels and runs are the library's work, and a cell costs what
//! an integer costs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use parquet::{
    basic::{Encoding, Type as PhysicalType},
    column::{
        page::{Page, PageMetadata, PageReader},
        reader::ColumnReaderImpl,
    },
    data_type::{ByteArray, ByteArrayType, Int32Type},
    errors::{ParquetError, Result},
    schema::types::{ColumnDescPtr, ColumnDescriptor, ColumnPath, Type},
};

use ilk_core::data::{TextColumn, TextList};

use crate::text::{TextBuilder, Texts};

/// What the codes of a column stand for.
#[derive(Debug, Default)]
struct Entries {
    /// Of the dictionary page.
    dictionary: Run,
    /// Of pages without one, each from a code on, ascending.
    plain: Vec<(u32, Run)>,
    /// The next code.
    next: u32,
}

/// Cells that stand one after the other.
#[derive(Debug, Default)]
struct Run {
    bytes: Bytes,
    /// Where each begins and ends.
    places: Vec<(u32, u32)>,
}

impl Run {
    fn get(&self, place: usize) -> &[u8] {
        let (start, end) = self.places[place];
        &self.bytes[start as usize..end as usize]
    }

    /// Finds the cells of a page in which the length stands before each.
    fn of_plain(bytes: Bytes) -> Result<Self> {
        let (mut places, mut next) = (Vec::new(), 0_usize);
        let cut = || ParquetError::EOF("text is cut short".into());
        u32::try_from(bytes.len()).map_err(|_| cut())?;
        while next < bytes.len() {
            let length = bytes.get(next..next + 4).ok_or_else(cut)?;
            let length = u32::from_le_bytes(length.try_into().map_err(|_| cut())?) as usize;
            let start = next + 4;
            next = start.checked_add(length).filter(|end| *end <= bytes.len()).ok_or_else(cut)?;
            places.push((start as u32, next as u32));
        }
        Ok(Self { bytes, places })
    }

    /// Decodes cells packed in one of the other ways, with the library.
    fn of_packed(bytes: &Bytes, encoding: Encoding) -> Result<Self> {
        let count = count_packed(bytes)?;
        let page = Page::DataPage {
            buf: bytes.clone(),
            num_values: count,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let column = descriptor(PhysicalType::BYTE_ARRAY, 0)?;
        let mut reader =
            ColumnReaderImpl::<ByteArrayType>::new(column, Box::new(Single(Some(page))));
        let mut cells: Vec<ByteArray> = Vec::new();
        reader.read_records(count as usize, None, None, &mut cells)?;
        let (mut text, mut places) = (Vec::new(), Vec::with_capacity(cells.len()));
        for cell in &cells {
            let start = text.len() as u32;
            text.extend_from_slice(cell.data());
            places.push((start, text.len() as u32));
        }
        Ok(Self { bytes: text.into(), places })
    }
}

/// Reads how many values a page of differences holds: the third number of its head.
fn count_packed(bytes: &[u8]) -> Result<u32> {
    let mut rest = bytes.iter();
    let mut number = || {
        let (mut value, mut shift) = (0_u64, 0);
        for byte in rest.by_ref() {
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return u32::try_from(value).ok();
            }
            if shift > 28 {
                return None;
            }
        }
        None
    };
    let head = [number(), number(), number()];
    head[2].ok_or_else(|| ParquetError::EOF("a page without its head".into()))
}

/// One page.
struct Single(Option<Page>);

impl Iterator for Single {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.take().map(Ok)
    }
}

impl PageReader for Single {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        Ok(self.0.take())
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        Ok(None)
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.0 = None;
        Ok(())
    }
}

/// Describes a flat column of a type.
fn descriptor(physical: PhysicalType, max_def_level: i16) -> Result<ColumnDescPtr> {
    let leaf = Type::primitive_type_builder("codes", physical).build()?;
    Ok(Arc::new(ColumnDescriptor::new(Arc::new(leaf), max_def_level, 0, ColumnPath::from("codes"))))
}

/// Pages of text, turned into pages of codes.
struct Pages {
    inner: Box<dyn PageReader>,
    entries: Arc<Mutex<Entries>>,
    max_def_level: i16,
}

/// Gives out what a lock guards, also after a panic: decoders of damaged files may panic.
fn lock(entries: &Mutex<Entries>) -> MutexGuard<'_, Entries> {
    entries.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pages {
    fn turn(&self, page: Page) -> Result<Page> {
        let is_named =
            |encoding| matches!(encoding, Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY);
        match page {
            Page::DictionaryPage { buf, is_sorted, .. } => {
                let run = Run::of_plain(buf)?;
                let mut entries = lock(&self.entries);
                if entries.next > 0 {
                    return Err(ParquetError::General("a second dictionary".into()));
                }
                let count = run.places.len() as u32;
                (entries.dictionary, entries.next) = (run, count);
                Ok(Page::DictionaryPage {
                    buf: codes(0, count).into(),
                    num_values: count,
                    encoding: Encoding::PLAIN,
                    is_sorted,
                })
            }
            Page::DataPage { encoding, .. } | Page::DataPageV2 { encoding, .. }
                if is_named(encoding) =>
            {
                Ok(page)
            }
            Page::DataPage {
                buf,
                num_values,
                encoding,
                def_level_encoding,
                rep_level_encoding,
                ..
            } => {
                let levels = self.levels(&buf, num_values, def_level_encoding)?;
                let buf = self.count(&buf, levels, encoding)?;
                Ok(Page::DataPage {
                    buf,
                    num_values,
                    encoding: Encoding::PLAIN,
                    def_level_encoding,
                    rep_level_encoding,
                    statistics: None,
                })
            }
            Page::DataPageV2 {
                buf,
                num_values,
                encoding,
                num_nulls,
                num_rows,
                def_levels_byte_len,
                rep_levels_byte_len,
                is_compressed,
                ..
            } => {
                let levels = def_levels_byte_len as usize + rep_levels_byte_len as usize;
                let buf = self.count(&buf, levels, encoding)?;
                Ok(Page::DataPageV2 {
                    buf,
                    num_values,
                    encoding: Encoding::PLAIN,
                    num_nulls,
                    num_rows,
                    def_levels_byte_len,
                    rep_levels_byte_len,
                    is_compressed,
                    statistics: None,
                })
            }
        }
    }

    /// Counts the bytes of levels before the cells of a page.
    fn levels(&self, bytes: &[u8], rows: u32, encoding: Encoding) -> Result<usize> {
        if self.max_def_level == 0 {
            return Ok(0);
        }
        #[expect(deprecated, reason = "old files have such levels")]
        let is_bit_packed = encoding == Encoding::BIT_PACKED;
        if is_bit_packed {
            return Ok((rows as usize).div_ceil(8));
        }
        let length = bytes.first_chunk::<4>().map(|length| u32::from_le_bytes(*length) as usize);
        let end = length.and_then(|length| length.checked_add(4));
        end.ok_or_else(|| ParquetError::EOF("levels are cut short".into()))
    }

    /// Takes over the cells of a page, and puts their codes into their place.
    fn count(&self, bytes: &Bytes, levels: usize, encoding: Encoding) -> Result<Bytes> {
        if levels > bytes.len() {
            return Err(ParquetError::EOF("levels are cut short".into()));
        }
        let cells = bytes.slice(levels..);
        let run = match encoding {
            Encoding::PLAIN => Run::of_plain(cells)?,
            Encoding::DELTA_LENGTH_BYTE_ARRAY | Encoding::DELTA_BYTE_ARRAY => {
                Run::of_packed(&cells, encoding)?
            }
            other => return Err(ParquetError::NYI(format!("text in the encoding {other}"))),
        };
        let mut entries = lock(&self.entries);
        let (first, count) = (entries.next, run.places.len() as u32);
        let next = first.checked_add(count).filter(|next| i32::try_from(*next).is_ok());
        entries.next = next.ok_or_else(|| ParquetError::General("too much text".into()))?;
        entries.plain.push((first, run));
        let mut page = bytes[..levels].to_vec();
        page.extend(codes(first, count));
        Ok(page.into())
    }
}

/// Consecutive codes as the decoder of integers takes them.
fn codes(first: u32, count: u32) -> Vec<u8> {
    (first..first + count).flat_map(u32::to_le_bytes).collect()
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.inner.get_next_page()?;
        page.map(|page| self.turn(page)).transpose()
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.inner.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.inner.skip_next_page()
    }
}

/// Whether bytes that are no text are damage, or merely cells that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// The file calls the column text.
    Text,
    /// It calls it bytes.
    Bytes,
}

/// Reads a column of text.
pub(crate) struct TextReader {
    codes: ColumnReaderImpl<Int32Type>,
    entries: Arc<Mutex<Entries>>,
    promise: Promise,
    levels: Vec<i16>,
    max_def_level: i16,
}

impl TextReader {
    pub(crate) fn new(
        column: &ColumnDescriptor,
        pages: Box<dyn PageReader>,
        promise: Promise,
    ) -> Result<Self> {
        let max_def_level = column.max_def_level();
        let entries = Arc::new(Mutex::new(Entries::default()));
        let pages = Pages { inner: pages, entries: Arc::clone(&entries), max_def_level };
        let column = descriptor(PhysicalType::INT32, max_def_level)?;
        let codes = ColumnReaderImpl::new(column, Box::new(pages));
        Ok(Self { codes, entries, promise, levels: Vec::new(), max_def_level })
    }

    /// Reads up to so many rows.
    pub(crate) fn read(&mut self, rows: usize) -> Result<Texts> {
        // Cells of pages that are over are not asked for again.
        let mut places = Vec::with_capacity(rows);
        self.levels.clear();
        {
            let mut entries = lock(&self.entries);
            let last = entries.plain.len().saturating_sub(1);
            entries.plain.drain(..last);
        }
        self.codes.read_records(rows, Some(&mut self.levels), None, &mut places)?;
        let mut codes: Vec<u32> = if self.max_def_level == 0 || places.len() == self.levels.len() {
            places.into_iter().map(|code| code as u32).collect()
        } else {
            let mut places = places.into_iter();
            let code = |level: &i16| {
                let there = (*level == self.max_def_level).then(|| places.next()).flatten();
                there.map_or(TextColumn::NULL, |code| code as u32)
            };
            self.levels.iter().map(code).collect()
        };
        let entries = lock(&self.entries);
        if entries.plain.is_empty() {
            return named(&mut codes, &entries.dictionary, self.promise);
        }
        spelled(&codes, &entries, self.promise)
    }
}

fn no_text() -> ParquetError {
    ParquetError::General("text that is not UTF-8".into())
}

/// Takes over a dictionary: the codes stay, without the entries that are not named.
fn named(codes: &mut Vec<u32>, dictionary: &Run, promise: Promise) -> Result<Texts> {
    let mut places = vec![TextColumn::NULL; dictionary.places.len()];
    for code in codes.iter().filter(|code| **code != TextColumn::NULL) {
        let place = places.get_mut(*code as usize);
        *place.ok_or_else(|| ParquetError::General("a code past its dictionary".into()))? = 0;
    }
    let (mut list, mut no_texts, mut unreadable) = (TextList::new(), false, Vec::new());
    for (entry, place) in places.iter_mut().enumerate().filter(|(_, place)| **place == 0) {
        match std::str::from_utf8(dictionary.get(entry)) {
            Ok(text) => {
                *place = list.len() as u32;
                list.push(text);
            }
            Err(_) if promise == Promise::Text => return Err(no_text()),
            Err(_) => {
                no_texts = true;
                *place = TextColumn::NULL;
            }
        }
    }
    if no_texts {
        let rows = codes.iter().enumerate().filter(|(_, code)| **code != TextColumn::NULL);
        let broken = rows.filter(|(_, code)| places[**code as usize] == TextColumn::NULL);
        unreadable = broken.map(|(row, _)| row as u32).collect();
    }
    if no_texts || list.len() < places.len() {
        for code in codes.iter_mut().filter(|code| **code != TextColumn::NULL) {
            *code = places[*code as usize];
        }
    }
    let column = TextColumn { codes: std::mem::take(codes), dictionary: list, untyped: false };
    Ok(Texts { column, unreadable })
}

/// Gives each distinct text a code of its own.
fn spelled(codes: &[u32], entries: &Entries, promise: Promise) -> Result<Texts> {
    let mut builder = TextBuilder::with_capacity(codes.len());
    let mut unreadable = Vec::new();
    let named = entries.dictionary.places.len() as u32;
    let mut run = 0;
    for (row, code) in codes.iter().enumerate() {
        if *code == TextColumn::NULL {
            builder.push(None);
            continue;
        }
        let bytes = if *code < named {
            entries.dictionary.get(*code as usize)
        } else {
            // Codes of such pages rise.
            while entries.plain.get(run + 1).is_some_and(|(first, _)| first <= code) {
                run += 1;
            }
            let (first, cells) = &entries.plain[run];
            cells.get((code - first) as usize)
        };
        let text = std::str::from_utf8(bytes).ok();
        if text.is_none() {
            if promise == Promise::Text {
                return Err(no_text());
            }
            unreadable.push(row as u32);
        }
        builder.push(text);
    }
    Ok(Texts { column: builder.finish(), unreadable })
}
