//! Reading as a task: chunk by chunk into memory, sampled on the way.

use std::sync::Arc;

use ilk_core::{
    data::Rows,
    job::{Job, Of},
    prepare::{Cleaned, Needs, Sample, Smallest, Tally, clean, encode},
};
use ilk_formats::{Cursor, Source as _, Table, notes_of_files, notes_of_rows, notes_of_settings};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::{
    data::{Data, Read},
    error::Fault,
    memory::{self, PerRow},
    records::{ReadRequest, SampleRequest},
    source::JsSource,
    task::{Progress, Task, step, unfinished},
    threads::crew,
};

/// Every column that is named is kept, so that any job can be run on the data.
pub(crate) fn all_needs(request: &ReadRequest) -> Needs {
    let given = request.source.given();
    Needs { weight: given.weight, time: given.time }
}

/// What reading will take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forecast {
    /// Rows there are, about.
    pub(crate) rows: f64,
    /// Rows that will be kept, before a sample is taken.
    pub(crate) kept: f64,
    pub(crate) is_exact: bool,
    pub(crate) per_row: PerRow,
}

impl Forecast {
    /// Refuses what would not fit.
    pub(crate) fn check(&self, name: &str, rate: Option<f64>) -> Result<(), Fault> {
        let rate = rate.unwrap_or(1.0);
        let (rows, fits) = (self.kept * rate, memory::left() / self.per_row.most());
        if rows <= fits {
            return Ok(());
        }
        Err(memory::refusal(name, rows, rate, fits, rows * self.per_row.most()))
    }
}

/// Files being read.
#[wasm_bindgen]
pub struct Reading {
    tables: Vec<Table>,
    sources: Vec<Arc<JsSource>>,
    job: Job,
    request: ReadRequest,
    per_row: PerRow,
    sampler: Sampler,
    /// File and part being read.
    file: usize,
    part: usize,
    cursor: Option<Cursor>,
    /// Bytes read before, for the progress.
    taken: u64,
    chunks: Vec<Cleaned>,
    tally: Tally,
    data: Option<Data>,
    is_read: bool,
}

/// Which users are kept.
enum Sampler {
    Rate(Sample),
    /// The users of the smallest hashes so far; the bound that the chunks were last thinned by.
    Users {
        smallest: Smallest,
        thinned: Sample,
    },
}

impl Sampler {
    fn new(request: Option<SampleRequest>) -> Result<Self, Fault> {
        let Some(request) = request else { return Ok(Self::Rate(Sample::ALL)) };
        if request.rest {
            let why = "sample.rest needs data that was already read: call its sample()";
            return Err(Fault::new("setting", why).with("setting", "sample"));
        }
        Ok(match request.users()? {
            Some(users) => Self::Users { smallest: Smallest::new(users), thinned: Sample::ALL },
            None => Self::Rate(request.of_rate()?),
        })
    }
}

#[wasm_bindgen]
impl Reading {
    /// Reads for about so many milliseconds.
    ///
    /// # Errors
    /// For damaged files, ids that do not go together, no rows, and rows that do not fit.
    #[wasm_bindgen(unchecked_return_type = "Progress")]
    pub fn step(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "number")] milliseconds: &JsValue,
    ) -> Result<JsValue, Fault> {
        step(self, milliseconds)
    }

    /// Takes the data, once.
    ///
    /// # Errors
    /// If it is not read yet, or was taken.
    pub fn finish(&mut self) -> Result<Data, Fault> {
        self.data.take().ok_or_else(unfinished)
    }
}

impl Task for Reading {
    fn advance(&mut self) -> Result<(), Fault> {
        if self.data.is_some() {
            return Ok(());
        }
        if self.is_read {
            return self.encode();
        }
        let Some(table) = self.tables.get(self.file) else {
            self.is_read = true;
            return Ok(());
        };
        if self.part == table.parts().len() {
            (self.file, self.part, self.taken) = (self.file + 1, 0, 0);
            return Ok(());
        }
        let cursor = match &mut self.cursor {
            Some(cursor) => cursor,
            None => self.cursor.insert(table.begin(self.part)?),
        };
        let Some(rows) = table.next(cursor)? else {
            (self.cursor, self.part) = (None, self.part + 1);
            return Ok(());
        };
        let sample = self.sample_of(&rows);
        let (chunk, tally) = clean(rows, &self.job, all_needs(&self.request));
        self.tally.merge(tally);
        self.chunks.push(sample.of_cleaned(chunk, self.job.of));
        self.check_memory()
    }

    fn progress(&self) -> Progress {
        if self.data.is_some() {
            return Progress { stage: "reading", done: 1.0, finished: true };
        }
        let stage = if self.is_read { "sorting" } else { "reading" };
        Progress { stage, done: if self.is_read { 0.0 } else { self.share() }, finished: false }
    }
}

impl Reading {
    pub(crate) fn new(
        tables: Vec<Table>,
        sources: Vec<Arc<JsSource>>,
        job: Job,
        request: &ReadRequest,
        forecast: Forecast,
    ) -> Result<Self, Fault> {
        let sampler = Sampler::new(request.sample)?;
        let taken = sources[0].taken();
        Ok(Self {
            tables,
            sources,
            job,
            request: request.clone(),
            per_row: forecast.per_row,
            sampler,
            file: 0,
            part: 0,
            cursor: None,
            taken,
            chunks: Vec::new(),
            tally: Tally::default(),
            data: None,
            is_read: false,
        })
    }

    /// Returns whose rows of the next chunk are kept.
    fn sample_of(&mut self, rows: &Rows) -> Sample {
        // What is compared is whole; the other side is sampled.
        let of = self.job.of;
        match &mut self.sampler {
            Sampler::Rate(sample) => *sample,
            Sampler::Users { smallest, thinned } => {
                smallest.see(rows, of);
                let sample = smallest.sample();
                // Rows that were kept go as well once half of them would.
                if sample.rate() <= thinned.rate() / 2.0 {
                    thin(&mut self.chunks, sample, of);
                    *thinned = sample;
                }
                sample
            }
        }
    }

    /// Refuses to go on where what is still to come would not fit.
    fn check_memory(&self) -> Result<(), Fault> {
        let kept = self.chunks.iter().map(Cleaned::len).sum::<usize>() as f64;
        let still = kept * (self.per_row.most() - self.per_row.cleaned).max(0.0);
        let left = memory::left_while_reading();
        if still <= left {
            return Ok(());
        }
        let share = self.share().max(0.01);
        let bytes = kept * self.per_row.most();
        let fits = kept * (1.0 - (still - left) / bytes).max(0.01);
        let rate = match &self.sampler {
            Sampler::Rate(sample) => sample.rate(),
            Sampler::Users { smallest, .. } => smallest.sample().rate(),
        };
        let name = self.sources[self.file].name();
        Err(memory::refusal(name, kept / share, rate, fits, bytes / share))
    }

    /// The share of the files that was read, by bytes.
    fn share(&self) -> f64 {
        let lengths = self.sources.iter().map(|source| source.len() as f64);
        let (before, all) =
            lengths.enumerate().fold((0.0, 0.0), |(before, all), (file, length)| {
                (before + if file < self.file { length } else { 0.0 }, all + length)
            });
        let (Some(table), Some(source)) = (self.tables.get(self.file), self.sources.get(self.file))
        else {
            return 1.0;
        };
        // Parts say how large they are; where there is but one, what was asked for does.
        let of_file = if table.parts().len() > 1 {
            let sizes = table.parts().iter().map(|part| part.bytes as f64);
            let (done, whole) =
                sizes.enumerate().fold((0.0, 0.0), |(done, whole), (part, size)| {
                    (done + if part < self.part { size } else { 0.0 }, whole + size)
                });
            done / whole.max(1.0)
        } else {
            (source.taken().saturating_sub(self.taken)) as f64 / (source.len() as f64).max(1.0)
        };
        let current = source.len() as f64 * of_file.min(1.0);
        ((before + current) / all.max(1.0)).min(1.0)
    }

    fn encode(&mut self) -> Result<(), Fault> {
        if self.tally.rows == 0 {
            let names = self.sources.iter().map(|source| source.name().to_owned());
            let message = format!("no rows in {}", names.collect::<Vec<_>>().join(", "));
            return Err(Fault::new("no_rows", message));
        }
        let mut chunks = std::mem::take(&mut self.chunks);
        if let Sampler::Users { smallest, .. } = &self.sampler {
            thin(&mut chunks, smallest.sample(), self.job.of);
        }
        let encoded = encode(chunks, &crew())?;
        let names = self.sources.iter().map(|source| source.name().to_owned()).collect();
        let read = Read {
            encoded,
            tally: std::mem::take(&mut self.tally),
            files: names,
            notes: self.notes()?,
        };
        self.data = Some(Data::new(read, &self.job, &self.request));
        Ok(())
    }

    /// Lists what may be read otherwise than it is meant.
    fn notes(&self) -> Result<Vec<String>, Fault> {
        let has_csv = self.tables.iter().any(|table| table.dialect().is_some());
        let options = self.request.source.options()?;
        let name = |name: &str| format!("source.{name}");
        let mut notes = notes_of_files(&self.tables);
        notes.extend(notes_of_settings(&[&options], has_csv, &name));
        notes.extend(notes_of_rows(&self.tables));
        Ok(notes)
    }
}

fn thin(chunks: &mut Vec<Cleaned>, sample: Sample, of: Of) {
    *chunks = chunks.drain(..).map(|chunk| sample.of_cleaned(chunk, of)).collect();
}
