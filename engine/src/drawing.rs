//! The rows of some users, drawn from files while they are read.

use std::{
    io::Write,
    sync::{Mutex, PoisonError},
};

use ilk_core::{
    data::Rows,
    job::Of,
    prepare::{IdKind, Kinds, Sample, Smallest, sampled_side},
};
use ilk_formats::{OutputStyle, Packer, write_rows};

use crate::{
    error::Error, files::Files, pool::Pool, progress::Reporter, stages::encode::mixed_ids,
};

/// How many users are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Size {
    /// A share of all, above 0.
    Rate(f64),
    /// So many.
    Users(usize),
    /// As many as have at most so many rows, of the shares 100, 50, 20, 10, 5, 2, 1 … %: one that
    /// people can ask for again.
    Rows(usize),
}

impl Size {
    /// Gathers who in a chunk may be among so many users.
    fn smallest_of(self, rows: &Rows, of: Of) -> Option<Smallest> {
        let Self::Users(users) = self else { return None };
        let mut smallest = Smallest::new(users);
        smallest.see(rows, of);
        Some(smallest)
    }
}

/// The rows that were drawn.
pub struct Drawn {
    /// Whose rows they are.
    pub sample: Sample,
    /// In the order of the files.
    pub chunks: Vec<Rows>,
    kinds: [Kinds; 2],
    /// Rows of everybody.
    pub all: u64,
    /// Rows that nobody is drawn by.
    pub left: Left,
}

/// Rows that are in no sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Those that cannot be read.
    pub unreadable: u64,
    /// Those that say nothing where the id to draw by should be.
    pub of_nobody: u64,
}

impl Drawn {
    /// Draws from the files while they are read.
    ///
    /// # Errors
    /// For files that turn out damaged, and where there is no row at all.
    pub fn draw(
        size: Size,
        files: &Files,
        of: Of,
        pool: &Pool,
        reporter: &Reporter,
    ) -> Result<Self, Error> {
        let drawing = Mutex::new(Drawing::new(size));
        let lock = || drawing.lock().unwrap_or_else(PoisonError::into_inner);
        let (seen, stage) = files.each_chunk(pool, reporter, |part, rows| {
            let count = rows.len() as u64;
            let mut kinds = [Kinds::default(); 2];
            kinds[0].see(&rows.user, rows.file);
            kinds[1].see(&rows.item, rows.file);
            let unreadable = rows.unreadable.len() as u64;
            let rows = rows.readable();
            let ids = sampled_side(&rows.user, &rows.item, of);
            let of_nobody = (0..rows.len()).filter(|row| ids.is_null(*row)).count() as u64;
            let of_chunk = size.smallest_of(&rows, of);
            let sample = lock().look(of_chunk);
            let thinned = sample.of_rows(rows, of);
            lock().keep(part, thinned, sample, of);
            Ok((kinds, count, Left { unreadable, of_nobody }))
        })?;
        let drawing = drawing.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (sample, chunks) = drawing.finish(of);
        let kinds = [Kinds::default(); 2];
        let mut drawn = Self { sample, chunks, kinds, all: 0, left: Left::default() };
        for ([users, items], count, left) in seen {
            drawn.kinds[0].merge(&users);
            drawn.kinds[1].merge(&items);
            drawn.all += count;
            drawn.left.unreadable += left.unreadable;
            drawn.left.of_nobody += left.of_nobody;
        }
        stage.finish(files.read_text(drawn.all));
        Ok(drawn)
    }

    /// Counts the rows.
    pub fn rows(&self) -> u64 {
        self.chunks.iter().map(|rows| rows.len() as u64).sum()
    }

    /// Decides what kinds of ids users and items have in all files.
    ///
    /// # Errors
    /// For ids that do not go together.
    pub fn kinds(&self, files: &Files) -> Result<[IdKind; 2], Error> {
        let kinds = [self.kinds[0].decide("user"), self.kinds[1].decide("item")];
        let [user, item] = kinds.map(|kind| kind.map_err(|error| mixed_ids(&error, files.names())));
        Ok([user?, item?])
    }

    /// Writes the rows with the columns of `files`. The same rows give the same bytes.
    ///
    /// # Errors
    /// What `out` reports.
    pub fn write(
        &self,
        style: OutputStyle,
        files: &Files,
        kinds: [IdKind; 2],
        out: impl Write + Send,
    ) -> Result<(), ilk_formats::Error> {
        let mut packer = Packer::new(out, style.packing)?;
        write_rows(style.format, &mut packer, files.options(), kinds, &self.chunks)?;
        packer.finish().map(drop)
    }
}

/// The shares of [`Size::Rows`], largest first.
const SHARES: [f64; 16] =
    [1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 5e-3, 2e-3, 1e-3, 5e-4, 2e-4, 1e-4, 1e-5, 1e-6, 1e-7];

/// Rows that may still be in the sample: whoever is out of it for what was seen so far stays out.
struct Drawing {
    rule: Rule,
    chunks: Vec<(usize, Rows)>,
    rows: usize,
}

enum Rule {
    Fixed(Sample),
    Smallest(Smallest),
    /// The place among [`SHARES`], and the most rows.
    Fitting(usize, usize),
}

impl Drawing {
    fn new(size: Size) -> Self {
        let rule = match size {
            Size::Rate(rate) => Rule::Fixed(Sample::of_rate(rate).unwrap_or(Sample::ALL)),
            Size::Users(users) => Rule::Smallest(Smallest::new(users)),
            Size::Rows(most) => Rule::Fitting(0, most),
        };
        Self { rule, chunks: Vec::new(), rows: 0 }
    }

    /// Takes note of who is in a chunk; returns the sample as far as it is known.
    fn look(&mut self, of_chunk: Option<Smallest>) -> Sample {
        if let (Rule::Smallest(smallest), Some(of_chunk)) = (&mut self.rule, of_chunk) {
            smallest.merge(of_chunk);
        }
        self.sample()
    }

    fn sample(&self) -> Sample {
        match &self.rule {
            Rule::Fixed(sample) => *sample,
            Rule::Smallest(smallest) => smallest.sample(),
            Rule::Fitting(place, _) => Sample::of_rate(SHARES[*place]).unwrap_or(Sample::ALL),
        }
    }

    /// Keeps what `sample` has left of a chunk of a part; where rows are too many, a smaller share of
    /// all.
    fn keep(&mut self, part: usize, mut rows: Rows, sample: Sample, of: Of) {
        // Meanwhile others may have taken a smaller share: what it leaves out does not count.
        if matches!(self.rule, Rule::Fitting(..)) && self.sample() != sample {
            rows = self.sample().of_rows(rows, of);
        }
        self.rows += rows.len();
        self.chunks.push((part, rows));
        while let Rule::Fitting(place, most) = &mut self.rule
            && self.rows > *most
            && *place + 1 < SHARES.len()
        {
            *place += 1;
            self.thin(of);
        }
    }

    fn thin(&mut self, of: Of) {
        let sample = self.sample();
        let chunks = std::mem::take(&mut self.chunks).into_iter();
        self.chunks = chunks.map(|(part, rows)| (part, sample.of_rows(rows, of))).collect();
        self.rows = self.chunks.iter().map(|(_, rows)| rows.len()).sum();
    }

    fn finish(mut self, of: Of) -> (Sample, Vec<Rows>) {
        self.thin(of);
        // Those of one part come in order.
        self.chunks.sort_by_key(|(part, _)| *part);
        (self.sample(), self.chunks.into_iter().map(|(_, rows)| rows).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, num::NonZeroUsize};

    use super::*;
    use crate::{progress::Telling, source::DataSource};

    /// Rows of 500 users with 1 to 20 items each, in several files.
    fn files(folder: &std::path::Path) -> Files {
        for file in 0..5 {
            let rows = (0..500).flat_map(|user| {
                let items = (user * 7 % 20 + 1) as usize;
                (0..items).filter(move |item| item % 5 == file).map(move |item| (user, item))
            });
            let rows =
                rows.map(|(user, item)| format!("{user},{item}")).collect::<Vec<_>>().join("\n");
            fs::write(folder.join(format!("{file}.csv")), format!("user,item\n{rows}\n")).unwrap();
        }
        let source = DataSource::new([folder.display().to_string()], "user", "item");
        Files::open(&source, None, &silent()).unwrap()
    }

    fn silent() -> Reporter {
        Reporter::new(Telling::Nothing)
    }

    fn draw(files: &Files, size: Size, threads: usize) -> Drawn {
        let pool = Pool::new(NonZeroUsize::new(threads)).unwrap();
        Drawn::draw(size, files, Of::Items, &pool, &silent()).unwrap()
    }

    #[test]
    fn a_fitting_sample_is_the_largest_share_that_people_can_ask_for() {
        let home = tempfile::tempdir().unwrap();
        let files = files(home.path());
        let all = draw(&files, Size::Rate(1.0), 1).rows() as usize;
        for most in [all, all - 1, all / 2, all / 4, all / 30, 3] {
            let fitting = draw(&files, Size::Rows(most), 1);
            let place =
                SHARES.iter().position(|share| Sample::of_rate(*share) == Some(fitting.sample));
            let place = place.expect("a share of the table");
            assert!(fitting.rows() as usize <= most, "{most}");
            assert_eq!(fitting.chunks, draw(&files, Size::Rate(SHARES[place]), 1).chunks, "{most}");
            if let Some(larger) = place.checked_sub(1) {
                let larger = draw(&files, Size::Rate(SHARES[larger]), 1);
                assert!(larger.rows() as usize > most, "{most}");
            }
            let shared = draw(&files, Size::Rows(most), 4);
            assert_eq!((shared.sample, shared.chunks), (fitting.sample, fitting.chunks), "{most}");
        }
    }
}
