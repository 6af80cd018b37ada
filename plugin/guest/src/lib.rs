//! A plugin of one's own, as `docs/plugin.md` shows it: an item's neighbours are those that most
//! of its users have, too. `cargo xtask plugin` builds it, and the host's tests run it.
#![cfg(target_family = "wasm")]
#![expect(unsafe_code, clippy::all, clippy::pedantic, reason = "what wit-bindgen generates")]

wit_bindgen::generate!({ path: "../wit", world: "tile-engine" });

use exports::ilk::similarity::tiles::{self, Block, Failure, Items, Offers, Sides};
use std::cell::RefCell;

struct Share {
    codes: Vec<u32>,
    rows: RefCell<Option<Block>>,
    columns: RefCell<Option<Block>>,
}

/// The users of a block's items, with the position of each.
fn lists(block: &Block) -> impl Iterator<Item = (u32, &[u32])> {
    let list = |ends: &[u32]| &block.users[ends[0] as usize..ends[1] as usize];
    (block.first..).zip(block.starts.windows(2).map(list))
}

impl tiles::GuestComparison for Share {
    fn open(_job: String, items: Items, _sides: Sides) -> Result<tiles::Comparison, Failure> {
        let (rows, columns) = Default::default();
        Ok(tiles::Comparison::new(Share { codes: items.codes, rows, columns }))
    }
    fn rows(&self, block: Block) -> Result<(), Failure> {
        Ok(drop(self.rows.replace(Some(block))))
    }
    fn columns(&self, block: Block) -> Result<(), Failure> {
        Ok(drop(self.columns.replace(Some(block))))
    }
    fn columns_of_rows(&self, _first: u32, _width: u32) -> Result<(), Failure> {
        Err(Failure { code: "block".into(), message: "give columns as a block".into() })
    }
    fn compute(&self, positions: Vec<u32>) -> Result<Offers, Failure> {
        let mut offers =
            Offers { items: vec![], neighbours: vec![], scores: vec![], overlaps: vec![] };
        let (rows, columns) = (self.rows.borrow(), self.columns.borrow());
        for (row, users) in rows.iter().flat_map(lists).filter(|row| positions.contains(&row.0)) {
            for (column, others) in columns.iter().flat_map(lists).filter(|column| column.0 != row)
            {
                let both = users.iter().filter(|user| others.binary_search(user).is_ok()).count();
                if both > 0 {
                    offers.items.push(self.codes[row as usize]);
                    offers.neighbours.push(self.codes[column as usize]);
                    offers.scores.push(both as f32 / users.len() as f32);
                    offers.overlaps.push(both as u32);
                }
            }
        }
        Ok(offers)
    }
}

struct Plugin;

impl tiles::Guest for Plugin {
    type Comparison = Share;
    fn merge(_top: u32, offers: Offers) -> Result<Offers, Failure> {
        Ok(offers) // A host may sort and cut them itself.
    }
}

export!(Plugin);
