//! What each command does: thin functions over the layers below.

mod compare;
mod config;
mod demo;
mod evaluate;
mod explain;
#[cfg(feature = "explore")]
mod explore;
mod grid;
mod guess;
mod inspect;
mod inspected;
mod plan;
mod plugin;
mod results;
mod run;
mod sample;
mod similar;
mod status;
mod usage;
mod verify;

#[cfg(feature = "explore")]
pub(crate) use self::explore::explore;
pub(crate) use self::{
    compare::compare,
    config::{Form, config},
    demo::demo,
    evaluate::evaluate,
    explain::explain,
    guess::with_guess,
    inspect::inspect,
    plan::plan,
    plugin::plugin,
    run::{Options, deadline, run},
    sample::sample,
    similar::similar,
    status::status,
    usage::usage,
    verify::verify,
};
