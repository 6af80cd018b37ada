//! The notebook, served from the program with a sample of the data in it, and the full batch at the
//! press of a button.

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
