//! The notebook, served from the program with a sample of the data, and a button for the full run.

mod access;
mod batch;
mod pages;
mod server;

pub(crate) use self::{
    access::Access,
    batch::{Batches, Terms},
    pages::are_there,
    server::{Explored, Listening},
};
