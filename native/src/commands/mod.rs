//! What each command does: thin functions over the layers below.

mod config;
mod demo;
mod inspect;
mod run;
mod similar;

pub(crate) use self::{
    config::{Form, config},
    demo::demo,
    inspect::inspect,
    run::{Options, Run, run},
    similar::similar,
};
