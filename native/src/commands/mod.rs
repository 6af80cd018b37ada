//! What each command does: thin functions over the layers below.

mod config;
mod demo;
mod evaluate;
mod explain;
mod inspect;
mod run;
mod similar;
mod usage;

pub(crate) use self::{
    config::{Form, config},
    demo::demo,
    evaluate::evaluate,
    explain::explain,
    inspect::inspect,
    run::{Options, Run, run},
    similar::similar,
    usage::usage,
};
