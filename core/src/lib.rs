//! Exact top-k similar items from interaction data: for every item, the k most similar others.
//!
//! ```
//! use ilk_core::{SimilarityJob, Triples, similar_items};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let bought = vec![
//!     ("ann", "tea", 2.0), ("ann", "milk", 1.0),
//!     ("bob", "tea", 1.0), ("bob", "milk", 3.0), ("bob", "salt", 1.0),
//! ];
//! let job = SimilarityJob::default().resolve(Triples::GIVEN)?;
//! let data = bought.into_iter().collect::<Triples>().fold(&job)?;
//! let neighbours = similar_items(&data.interactions, &job);
//!
//! let ids = &data.catalogue.ids;
//! let tea = ids.find("tea").expect("tea was bought");
//! let found = neighbours.of(tea).iter().map(|neighbour| ids.display(neighbour.code));
//! assert_eq!(found.collect::<Vec<_>>(), ["milk", "salt"]);
//! # Ok(())
//! # }
//! ```
//!
//! A [`SimilarityJob`] is what people write, with every setting optional; resolved, it is the
//! [`Job`] that runs. The result depends on the set of interactions and the job alone, to the bit:
//! not on the order of rows, the threads or the machine.
//!
//! Everything here is pure computation: no files, no clock, no environment, no printing and no
//! threads of its own. [`similar_items_with`] borrows its caller's threads through an
//! [`Executor`].

#[doc(hidden)]
pub mod cost;
#[doc(hidden)]
pub mod data;
#[doc(hidden)]
pub mod executor;
#[doc(hidden)]
pub mod forecast;
#[doc(hidden)]
pub mod insight;
pub mod job;
#[doc(hidden)]
pub mod kernel;
#[doc(hidden)]
pub mod matrix;
pub mod measure;
mod names;
#[doc(hidden)]
pub mod plan;
#[doc(hidden)]
pub mod prepare;
#[doc(hidden)]
pub mod result;
#[doc(hidden)]
pub mod simd;
#[cfg(feature = "testing")]
pub mod testing;
#[doc(hidden)]
pub mod text;
pub mod weighting;

pub use crate::{
    data::{Id, Ids, TextColumn, TextList},
    executor::{Executor, Sequential},
    job::{Given, Job, JobError, SimilarityJob},
    kernel::{similar_items, similar_items_with},
    measure::{Measure, MeasureName},
    names::UnknownName,
    prepare::{
        EncodeError, Folded, Folding, Interactions, InteractionsError, Reason, Refusal, Triples,
        TriplesError,
    },
    result::{Catalogue, Neighbour, Neighbours},
    weighting::{Weighting, WeightingName},
};
