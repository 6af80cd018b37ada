//! Bytes in, rows out, and back: every format, every id type, and damage.

mod csv;
#[cfg(test)]
mod csv_files;
#[cfg(test)]
mod csv_laws;
mod damage;
#[cfg(test)]
mod encodings;
mod errors;
#[cfg(test)]
mod files;
mod golden;
mod ids;
#[cfg(test)]
mod json_laws;
#[cfg(test)]
mod results;
mod roundtrip;
#[cfg(test)]
mod tools;
