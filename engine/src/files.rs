//! The files of a data source: opened, and read chunk by chunk on all threads.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use ilk_core::{
    data::Rows,
    executor::Executor,
    job::Job,
    prepare::{Cleaned, Needs, Tally, clean},
};
use ilk_formats::{ReadOptions, Table};

use crate::{
    csv::{report_dialects, report_settings},
    error::Error,
    inputs::{self, FileSource, InputFile, TableFormats},
    progress::{Reporter, Stage},
    schemas,
    source::{DataSource, TargetSource},
    text::{counted, grouped},
};

/// Takes the kept rows of a chunk, with the number of the part of all files that it is of.
type Sink<'a> = &'a (dyn Fn(usize, Cleaned) -> Result<(), Error> + Sync);

/// The files of a data source, opened.
pub struct Files {
    /// By number.
    pub tables: Vec<Table>,
    /// As people named them, by number.
    pub names: Vec<String>,
    /// The number of the first file of a second behaviour, if there are two.
    pub target: Option<u32>,
    options: ReadOptions,
    inputs: Vec<InputFile>,
}

impl Files {
    /// Finds and opens the files of `source`; they are read in chunks of at most `chunk_rows`.
    ///
    /// # Errors
    /// For inputs that name nothing and files that cannot be used.
    pub fn open(
        source: &DataSource,
        chunk_rows: Option<usize>,
        reporter: &Reporter,
    ) -> Result<Self, Error> {
        let options = ReadOptions {
            user: source.user.clone(),
            item: source.item.clone(),
            weight: source.weight.clone(),
            time: source.time.clone(),
            item_label: source.item_label.clone(),
            conditions: source.conditions.clone(),
            item_separator: source.item_separator.clone(),
            times: source.time_rule(),
            format: source.input_format,
            csv: source.csv.options(),
            nulls: source.csv.null.clone(),
            decimal: source.csv.decimal.unwrap_or_default(),
            chunk_rows,
            constants: Vec::new(),
        };
        let mut files = Self {
            tables: Vec::new(),
            names: Vec::new(),
            target: None,
            options: options.clone(),
            inputs: Vec::new(),
        };
        files.add(&source.input, source.table_formats(), &options, reporter)?;
        let target = &source.target;
        let target_options = target.is_given().then(|| target_options(target, options.clone()));
        if let Some(options) = &target_options {
            files.target = Some(files.tables.len() as u32);
            files.add(&target.input, source.table_formats(), options, reporter)?;
        }
        report_dialects(&files.tables, &files.names, reporter);
        let readings = [&options].into_iter().chain(&target_options).collect::<Vec<_>>();
        report_settings(&readings, &files.tables, reporter);
        Ok(files)
    }

    /// Finds and opens the files of a behaviour.
    fn add(
        &mut self,
        inputs: &[String],
        table_formats: TableFormats,
        options: &ReadOptions,
        reporter: &Reporter,
    ) -> Result<(), Error> {
        let inputs = inputs::resolve(inputs, table_formats)?;
        if let Some(empty) = inputs.empty_text() {
            reporter.count("skipped", empty, &[("files", inputs.empty.len() as u64)]);
        }
        if let Some(skipped) = inputs.skipped_text() {
            reporter.count("skipped", skipped, &[("files", inputs.skipped.len() as u64)]);
        }
        let paths = inputs.files.iter().map(|file| file.path.clone()).collect::<Vec<_>>();
        for (number, file) in (self.tables.len() as u32..).zip(&inputs.files) {
            let source = FileSource::open(&file.path)?;
            let options = ReadOptions { constants: file.constants.clone(), ..options.clone() };
            let table = Table::open(Arc::new(source), number, &options);
            self.tables.push(table.map_err(|error| schemas::explain(error, &paths, &options))?);
            self.names.push(file.path.display().to_string());
        }
        self.inputs.extend(inputs.files);
        Ok(())
    }

    /// Reads and cleans all rows, and hands on the kept ones, chunk by chunk, from any thread:
    /// the number of the part of all files, and a chunk of it. `progress` is told of rows.
    ///
    /// # Errors
    /// For files that turn out damaged, and what `sink` returns.
    pub(crate) fn stream(
        &self,
        (job, needs): (&Job, Needs),
        pool: &impl Executor,
        progress: &(dyn Fn(u64) + Sync),
        sink: Sink<'_>,
    ) -> Result<Tally, Error> {
        let order = (0..self.parts().count()).collect::<Vec<_>>();
        self.stream_in((&order, &|| true), (job, needs), pool, (progress, sink))
    }

    /// Does so with the parts in `order`, as long as `goes_on` says so.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn stream_in(
        &self,
        ordered: (&[usize], &(dyn Fn() -> bool + Sync)),
        (job, needs): (&Job, Needs),
        pool: &impl Executor,
        (progress, sink): (&(dyn Fn(u64) + Sync), Sink<'_>),
    ) -> Result<Tally, Error> {
        let tallies = self.each_in(ordered, pool, progress, |part, rows| {
            let (chunk, tally) = clean(rows, job, needs);
            sink(part, chunk)?;
            Ok(tally)
        })?;
        let mut tally = Tally::default();
        for of_chunk in tallies {
            tally.merge(of_chunk);
        }
        Ok(tally)
    }

    /// Returns about how many bytes each part of all files takes up.
    pub(crate) fn bytes_of_parts(&self) -> Vec<u64> {
        self.parts().map(|(file, part)| self.tables[file].parts()[part].bytes).collect()
    }

    /// Reads all rows, hands each chunk to `make` with the number of the part it is of, and returns
    /// what it makes of them in the order of the files; the stage is still to be finished.
    ///
    /// # Errors
    /// For files that turn out damaged, where there is no row at all, and what `make` returns.
    pub fn each_chunk<'r, T: Send>(
        &self,
        pool: &impl Executor,
        reporter: &'r Reporter,
        make: impl Fn(usize, Rows) -> Result<T, Error> + Sync,
    ) -> Result<(Vec<T>, Stage<'r>), Error> {
        let (stage, rows) = (reporter.stage("reading", self.row_count()), AtomicU64::new(0));
        let progress = |count| {
            rows.fetch_add(count, Ordering::Relaxed);
            stage.advance(count);
        };
        let made = self.each(pool, &progress, make)?;
        let rows = rows.into_inner();
        if rows == 0 {
            return Err(self.no_rows());
        }
        stage.count("rows", rows);
        Ok((made, stage))
    }

    /// The error of an input without rows.
    pub(crate) fn no_rows(&self) -> Error {
        Error::input(format!("no rows in {}", self.text()))
            .with_help("check that the inputs are the files you mean")
    }

    /// Reads all rows, and returns what `make` makes of the chunks, in the order of the files.
    ///
    /// # Errors
    /// For files that turn out damaged, and what `make` returns.
    pub(crate) fn each<T: Send>(
        &self,
        pool: &impl Executor,
        progress: &(dyn Fn(u64) + Sync),
        make: impl Fn(usize, Rows) -> Result<T, Error> + Sync,
    ) -> Result<Vec<T>, Error> {
        let order = (0..self.parts().count()).collect::<Vec<_>>();
        self.each_in((&order, &|| true), pool, progress, make)
    }

    /// Does so with the parts in `order`, as long as `goes_on` says so.
    fn each_in<T: Send>(
        &self,
        (order, goes_on): (&[usize], &(dyn Fn() -> bool + Sync)),
        pool: &impl Executor,
        progress: &(dyn Fn(u64) + Sync),
        make: impl Fn(usize, Rows) -> Result<T, Error> + Sync,
    ) -> Result<Vec<T>, Error> {
        let parts = self.parts().collect::<Vec<_>>();
        let failed = AtomicBool::new(false);
        let results = pool.map(order.len(), |rank| {
            let mut made = Vec::new();
            if failed.load(Ordering::Relaxed) || !goes_on() {
                return Ok(made);
            }
            let index = order[rank];
            let (table, part) = parts[index];
            let read = self.tables[table].read(part, &mut |chunk| {
                let count = chunk.len() as u64;
                made.push(make(index, chunk)?);
                progress(count);
                Ok::<(), Error>(())
            });
            failed.fetch_or(read.is_err(), Ordering::Relaxed);
            read.map(|()| made)
        });
        // Parts are begun in order, so the first failed one is always among those that were tried.
        let mut made = Vec::new();
        for result in results {
            made.extend(result?);
        }
        Ok(made)
    }

    /// Walks the parts of all files: the number of the file, and that of the part in it.
    fn parts(&self) -> impl Iterator<Item = (usize, usize)> {
        let files = self.tables.iter().enumerate();
        files.flat_map(|(file, table)| (0..table.parts().len()).map(move |part| (file, part)))
    }

    /// Describes how many rows were read.
    pub fn read_text(&self, rows: u64) -> String {
        let files = counted(self.names.len() as u64, "file");
        format!("{} from {files}", counted(rows, "row"))
    }

    /// Returns the number of rows where all files say it.
    pub fn row_count(&self) -> Option<u64> {
        self.tables.iter().map(Table::row_count).sum()
    }

    /// Counts the bytes that a thread takes at most, about, for reading.
    pub(crate) fn bytes_of_reading(&self) -> usize {
        self.tables.iter().map(Table::bytes_of_reading).max().unwrap_or_default()
    }

    /// Returns the names of the files, by number.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns where the files are, by number.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.inputs.iter().map(|file| file.path.as_path())
    }

    /// Returns the columns that have one value in a whole file, from the names of its folders.
    pub(crate) fn constants(&self, file: usize) -> &[(String, String)] {
        &self.inputs[file].constants
    }

    /// Returns the columns that are read, and the names they have.
    pub const fn options(&self) -> &ReadOptions {
        &self.options
    }

    /// Names the files in a few words.
    pub fn text(&self) -> String {
        match &self.names[..] {
            [name] => name.clone(),
            [first, .., last] => {
                format!("{} files ({first} … {last})", grouped(self.names.len() as u64))
            }
            [] => "the input".into(),
        }
    }
}

/// Returns how the files of a second behaviour are read: their columns are called as those of the
/// input where nothing else is said; only the input has labels.
fn target_options(target: &TargetSource, options: ReadOptions) -> ReadOptions {
    ReadOptions {
        user: target.user.clone().unwrap_or(options.user),
        item: target.item.clone().unwrap_or(options.item),
        weight: target.weight.clone().or(options.weight),
        time: target.time.clone().or(options.time),
        item_label: None,
        conditions: target.conditions.clone(),
        ..options
    }
}

/// Chunks in memory, from several threads.
#[derive(Debug, Default)]
pub(crate) struct Held(Mutex<Vec<(usize, Cleaned)>>);

impl Held {
    /// Takes in a chunk of a part; those of one part come in order.
    pub(crate) fn add(&self, part: usize, chunk: Cleaned) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((part, chunk));
    }

    /// Gives out the chunks in the order of the files.
    pub(crate) fn finish(self) -> Vec<Cleaned> {
        self.by_part().into_iter().map(|(_, chunk)| chunk).collect()
    }

    /// Gives out the chunks in the order of the files, with the numbers of their parts.
    pub(crate) fn by_part(self) -> Vec<(usize, Cleaned)> {
        let mut chunks = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        chunks.sort_by_key(|(part, _)| *part);
        chunks
    }
}
