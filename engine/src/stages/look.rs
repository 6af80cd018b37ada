//! The first stages by themselves, for those who look at the data and compute nothing of it.

use ilk_core::{
    job::Job,
    prepare::{Cleaned, Encoded, Folded, Needs, Tally, encode},
};

use super::encode::{doubtful_items, folded_text, in_memory, mixed_ids, report_folding};
use crate::{
    csv::{report_ids, report_read},
    error::Error,
    files::{Files, Held},
    pool::Pool,
    progress::Reporter,
};

/// The rows that were kept, and what became of the others.
pub struct Cleaning {
    chunks: Vec<Cleaned>,
    /// How many rows took which path.
    pub tally: Tally,
    names: Vec<String>,
    target: Option<u32>,
}

impl Cleaning {
    /// Reads and cleans all rows into memory.
    ///
    /// # Errors
    /// For files that turn out damaged, and where there is no row at all.
    pub fn read(
        files: &Files,
        (job, needs): (&Job, Needs),
        pool: &Pool,
        reporter: &Reporter,
    ) -> Result<Self, Error> {
        let (held, stage) = (Held::default(), reporter.stage("reading", files.row_count()));
        let progress = |rows| stage.advance(rows);
        let tally = files.stream((job, needs), pool, &progress, &|part, chunk| {
            held.add(part, chunk);
            Ok(())
        })?;
        if tally.rows == 0 {
            return Err(files.no_rows());
        }
        stage.count("rows", tally.rows);
        stage.count("kept", tally.kept());
        stage.finish(files.read_text(tally.rows));
        report_read(&files.tables, reporter);
        Ok(Self::of(files, held.finish(), tally))
    }

    /// Puts together all rows of `files`.
    pub(super) fn of(files: &Files, chunks: Vec<Cleaned>, tally: Tally) -> Self {
        Self { chunks, tally, names: files.names.clone(), target: files.target }
    }

    /// Puts together what was read otherwise; `names`: of the files, by number.
    pub fn new(chunks: Vec<Cleaned>, tally: Tally, names: Vec<String>) -> Self {
        Self { chunks, tally, names, target: None }
    }

    /// Encodes the rows, for commands that fold them in a way of their own.
    ///
    /// # Errors
    /// For ids that do not go together.
    pub fn encode(self, pool: &Pool) -> Result<Encoded, Error> {
        encode(self.chunks, pool).map_err(|error| mixed_ids(&error, &self.names))
    }

    /// Encodes and folds the rows into interactions.
    ///
    /// # Errors
    /// For ids that do not go together.
    pub fn fold(
        self,
        (job, needs): (&Job, Needs),
        pool: &Pool,
        reporter: &Reporter,
    ) -> Result<Folded, Error> {
        let mut stage = reporter.stage("sorting", None);
        let folded = in_memory(self.chunks, (&self.names, self.target), (job, needs), pool)?;
        stage.clear();
        let doubtful = [folded.others.doubtful(), doubtful_items(&folded.catalogue)];
        report_ids(doubtful, job, reporter);
        report_folding(&folded.folding, folded.interactions.pair_operations(), job, reporter);
        let sides = (folded.others.len() as u64, folded.catalogue.ids.len() as u64);
        let (users, items) = match job.of {
            ilk_core::job::Of::Items => sides,
            ilk_core::job::Of::Users => (sides.1, sides.0),
        };
        let interactions = folded.interactions.len() as u64;
        stage.count("users", users);
        stage.count("items", items);
        stage.count("interactions", interactions);
        stage.finish(folded_text(sides, interactions, job.of));
        Ok(folded)
    }
}
