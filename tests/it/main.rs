//! Tests that need more than one member of the workspace: the conformance cases through the
//! library and through the program, and real data.

mod cases;
mod conformance;
mod crew;
mod dense;
mod encodings;
mod generated;
mod library;
mod measures_page;
mod module;
mod plugin;
mod program;
mod real_data;
mod reference;
