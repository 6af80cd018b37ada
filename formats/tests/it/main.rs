//! Bytes in, rows out, and back: every format, every id type, and damage.

mod cases;
mod csv;
mod csv_files;
mod csv_laws;
mod damage;
#[cfg(test)]
mod encodings;
mod errors;
mod files;
mod golden;
mod ids;
#[cfg(test)]
mod results;
mod roundtrip;
#[cfg(test)]
mod tools;
