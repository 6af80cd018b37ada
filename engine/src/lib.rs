//! Runs Ilk's jobs: from files of interactions (who bought, viewed, played what) to the k most
//! similar items of every item, exactly.
//!
//! ```
//! use ilk_core::job::SimilarityJob;
//! use ilk_engine::{DataSource, Request, neighbours, progress::Reporter};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let home = tempfile::tempdir()?;
//! let orders = home.path().join("orders.csv");
//! std::fs::write(&orders, "member,product\n1,tea\n1,milk\n2,tea\n2,milk\n3,milk\n")?;
//!
//! let source = DataSource::new([orders.display().to_string()], "member", "product");
//! let job = SimilarityJob { top: Some(10), ..SimilarityJob::default() };
//! let job = job.resolve(source.given())?;
//! let similar = neighbours(&Request::new(source, job, None), &Reporter::default())?;
//!
//! // Two of three members who bought milk bought tea: 2 / sqrt(3 * 2).
//! let rows = similar.rows().collect::<Vec<_>>();
//! assert_eq!(rows[0], ("milk".into(), "tea".into(), 0.8164966));
//! # Ok(())
//! # }
//! ```
//!
//! [`run()`] writes the result to a file, and keeps every stage's result in a run directory where one
//! is named, from which an interrupted run resumes. Jobs larger than memory go through working
//! files. What happens is told by a [`progress::Reporter`]; an [`Observer`] sees data, tiles and
//! result.
//!
//! # The way of the data
//! A run is one line of stages (`line.rs`): read, clean, encode, matrix, plan, tiles, merge, write,
//! a file each in `stages/`. Within a stage the data lie in memory or on disk (`data.rs`): `spill/`
//! is how a stage works through files. What a run keeps on its way is a `Keep`: nothing
//! (`nothing.rs`), or a run directory (`rundir/`).

mod apart;
mod checksum;
mod columns;
mod context;
mod csv;
mod data;
#[doc(hidden)]
pub mod dated;
mod disk;
#[doc(hidden)]
pub mod drawing;
mod error;
mod expected;
#[doc(hidden)]
pub mod files;
mod findings;
mod guard;
mod handed;
mod hints;
#[doc(hidden)]
pub mod inputs;
#[doc(hidden)]
pub mod journal;
mod keep;
#[doc(hidden)]
pub mod labels;
mod left;
#[doc(hidden)]
pub mod limits;
mod line;
#[doc(hidden)]
pub mod lists;
#[doc(hidden)]
pub mod machine;
#[doc(hidden)]
pub mod memory;
mod misfit;
mod nothing;
mod observe;
mod once;
#[doc(hidden)]
pub mod output;
mod pace;
#[doc(hidden)]
pub mod pool;
pub mod progress;
#[doc(hidden)]
pub mod publish;
mod record;
mod request;
mod result;
mod run;
#[doc(hidden)]
pub mod rundir;
#[doc(hidden)]
pub mod sandbox;
mod schemas;
mod source;
mod spill;
mod stages;
#[doc(hidden)]
pub mod text;
#[doc(hidden)]
pub mod times;

pub use ilk_formats::{Formulas, IdStyle, Spelling};

pub use self::{
    csv::CsvSettings,
    error::{Error, Kind, reason},
    expected::Expected,
    memory::Bytes,
    observe::{Degrees, Kept, Lazily, Observer, Place, Tiles, Timed, Unobserved, Walk},
    publish::{Abandoned, Existing, abandon},
    record::{FileRecord, StageName, StageRecord},
    request::{
        Besides, Budget, Earlier, Publication, Request, Resources, RunPlace, is_stdout, place_text,
    },
    result::{Similar, neighbours},
    run::run,
    source::{DataSource, Lists, PartialSource, Record, Setting, TargetSource, TimeFormat, needs},
};
/// Parts of a run, for the commands of the program `ilk` that are no runs.
#[doc(hidden)]
pub mod parts {
    pub use crate::{
        apart::check_output,
        guard::{cap_of_heavy, heavy_user, held, remedies_text},
        stages::{
            Cleaning, Glimpse, Glimpsed, Haste, check_rows, report_set_aside, report_unused,
            row_record, row_text,
        },
    };
}
