//! What a run tells while it works: events and spans of `tracing`, for whoever subscribes. Bars,
//! where a program has some, stand beside them ([`Bars`]).
//!
//! Every event has the target `ilk` and the fields `event` (`stage_started`, `progress`,
//! `stage_finished`, `counted`, `note`, `row`, `run_finished`), `name`, `message` and `record`, a JSON
//! object of what else there is to know. What happens within a stage lies in its span `stage`.

mod bar;
mod estimate;
mod event;
mod reporter;
mod ticker;

pub use self::{
    bar::{Bar, Bars},
    estimate::{Estimate, Expected},
    event::TARGET,
    reporter::{Reporter, Stage, Telling, cpu_seconds, seconds_text},
    ticker::Ticker,
};
