//! The component: the WIT's types into ours and back.

#![expect(
    unsafe_code,
    clippy::all,
    clippy::pedantic,
    reason = "what wit-bindgen generates; nothing here is written by hand but conversions"
)]

use std::cell::RefCell;

use ilk_core::{data::TimeUnit, job::Given};

use crate::{failure::Failure, planning as plans, session, tiles as ours};

wit_bindgen::generate!({ path: "../plugin-host/wit", world: "plugin" });

use exports::ilk::similarity::{planning, tables, tiles};

struct Plugin;

export!(Plugin);

struct Session(RefCell<session::Session>);

struct Comparison(RefCell<ours::Comparison>);

impl From<Failure> for tables::Failure {
    fn from(Failure { code, message }: Failure) -> Self {
        Self { code: code.into(), message }
    }
}

impl From<Failure> for tiles::Failure {
    fn from(Failure { code, message }: Failure) -> Self {
        Self { code: code.into(), message }
    }
}

impl From<Failure> for planning::Failure {
    fn from(Failure { code, message }: Failure) -> Self {
        Self { code: code.into(), message }
    }
}

impl planning::Guest for Plugin {
    fn predict(
        job: String,
        given: planning::Columns,
        extent: planning::Extent,
    ) -> Result<planning::Costs, planning::Failure> {
        let given = Given { weight: given.weight, time: given.time };
        let planning::Extent { users, items, interactions, operations } = extent;
        let extent = plans::Extent { users, items, interactions, operations };
        let plans::Costs { seconds, bytes } = plans::costs(&job, given, extent)?;
        Ok(planning::Costs {
            seconds: planning::Seconds {
                operation: seconds.operation,
                interaction: seconds.interaction,
                item: seconds.item,
            },
            bytes: planning::Memory {
                instance: bytes.instance,
                interaction: bytes.interaction,
                item: bytes.item,
                neighbour: bytes.neighbour,
                offer: bytes.offer,
            },
        })
    }
}

/// Reads the name of a unit.
fn time_unit(name: &str) -> Result<TimeUnit, Failure> {
    name.parse().map_err(|why| Failure::new("setting", format!("source.time_unit: {why}")))
}

impl tables::Guest for Plugin {
    type Session = Session;
}

impl tables::GuestSession for Session {
    fn open(request: tables::Request) -> Result<tables::Session, tables::Failure> {
        let tables::Request { source, job, only, exclude, wanted } = request;
        let source = session::Source {
            user: source.user,
            item: source.item,
            weight: source.weight,
            time: source.time,
            item_label: source.item_label,
            time_unit: source.time_unit.map(|unit| time_unit(&unit)).transpose()?,
            time_format: source.time_format,
            conditions: source.conditions,
        };
        let request = session::Request { source, job, only, exclude, wanted };
        let session = session::Session::open(request)?;
        Ok(tables::Session::new(Session(RefCell::new(session))))
    }

    fn add(&self, bytes: Vec<u8>) -> Result<(), tables::Failure> {
        Ok(self.0.borrow_mut().add(bytes)?)
    }

    fn step(&self) -> Result<tables::Progress, tables::Failure> {
        let session::Progress { stage, done, finished } = self.0.borrow_mut().step()?;
        Ok(tables::Progress { stage: stage.into(), done, finished })
    }

    fn next(&self) -> Result<Option<Vec<u8>>, tables::Failure> {
        Ok(self.0.borrow_mut().next_bytes()?)
    }

    fn notes(&self) -> Vec<tables::Note> {
        let note = |note: &session::Note| tables::Note {
            code: note.code.into(),
            count: note.count,
            text: note.text.clone(),
        };
        self.0.borrow().notes().iter().map(note).collect()
    }
}

impl From<tiles::Block> for ours::Block {
    fn from(tiles::Block { first, starts, users, weights }: tiles::Block) -> Self {
        Self { first, starts, users, weights }
    }
}

impl From<ours::Offers> for tiles::Offers {
    fn from(ours::Offers { items, neighbours, scores, overlaps }: ours::Offers) -> Self {
        Self { items, neighbours, scores, overlaps }
    }
}

impl tiles::Guest for Plugin {
    type Comparison = Comparison;

    fn merge(top: u32, offers: tiles::Offers) -> Result<tiles::Offers, tiles::Failure> {
        let tiles::Offers { items, neighbours, scores, overlaps } = offers;
        Ok(ours::merge(top, &ours::Offers { items, neighbours, scores, overlaps })?.into())
    }
}

impl tiles::GuestComparison for Comparison {
    fn open(
        job: String,
        items: tiles::Items,
        sides: tiles::Sides,
    ) -> Result<tiles::Comparison, tiles::Failure> {
        let tiles::Items { users, numbers, codes, supports, squares, candidates, wanted } = items;
        let items = ours::Items { users, numbers, codes, supports, squares, candidates, wanted };
        let sides = match sides {
            tiles::Sides::Both => ilk_core::plan::Sides::Both,
            tiles::Sides::Row => ilk_core::plan::Sides::Row,
        };
        let comparison = ours::Comparison::open(&job, items, sides)?;
        Ok(tiles::Comparison::new(Comparison(RefCell::new(comparison))))
    }

    fn rows(&self, block: tiles::Block) -> Result<(), tiles::Failure> {
        Ok(self.0.borrow_mut().rows(block.into())?)
    }

    fn columns(&self, block: tiles::Block) -> Result<(), tiles::Failure> {
        Ok(self.0.borrow_mut().columns(block.into())?)
    }

    fn columns_of_rows(&self, first: u32, width: u32) -> Result<(), tiles::Failure> {
        Ok(self.0.borrow_mut().columns_of_rows(first, width)?)
    }

    fn compute(&self, positions: Vec<u32>) -> Result<tiles::Offers, tiles::Failure> {
        Ok(self.0.borrow_mut().compute(&positions)?.into())
    }
}
