//! What each command does: thin functions over the layers below.

mod config;
mod demo;
mod inspect;
mod plan;
mod run;
mod sample;
mod similar;

pub(crate) use self::{
    config::{Form, config},
    demo::demo,
    inspect::inspect,
    plan::plan,
    run::{Options, Run, run},
    sample::sample,
    similar::similar,
};
