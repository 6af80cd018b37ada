//! A plugin of one's own, shown whole in `docs/plugin.md`: an item's neighbours are those that
//! most of its users have, too. `cargo xtask plugin` builds it, and tests run it.
#![cfg(target_family = "wasm")]
#![expect(
    missing_docs,
    unsafe_code,
    clippy::all,
    clippy::pedantic,
    reason = "what wit-bindgen makes"
)]

wit_bindgen::generate!({ path: "../../plugin-host/wit", world: "tile-engine" });
use exports::ilk::similarity::tiles::*;

type Lists = std::cell::RefCell<Vec<(u32, Vec<u32>)>>;
struct Share(Vec<u32>, Sides, Lists, Lists);

fn lists(block: Block) -> Vec<(u32, Vec<u32>)> {
    let users = |ends: &[u32]| block.users[ends[0] as usize..ends[1] as usize].to_vec();
    (block.first..).zip(block.starts.windows(2).map(users)).collect()
}

impl GuestComparison for Share {
    fn open(_: String, items: Items, sides: Sides) -> Result<Comparison, Failure> {
        Ok(Comparison::new(Share(items.codes, sides, Lists::default(), Lists::default())))
    }
    fn rows(&self, block: Block) -> Result<(), Failure> {
        Ok(drop(self.2.replace(lists(block))))
    }
    fn columns(&self, block: Block) -> Result<(), Failure> {
        Ok(drop(self.3.replace(lists(block))))
    }
    fn columns_of_rows(&self, first: u32, width: u32) -> Result<(), Failure> {
        let (rows, range) = (self.2.borrow(), first..first + width);
        let columns = rows.iter().filter(|list| range.contains(&list.0)).cloned().collect();
        Ok(drop(self.3.replace(columns)))
    }
    fn compute(&self, positions: Vec<u32>) -> Result<Offers, Failure> {
        let (Self(codes, sides, rows, columns), mut found) = (self, Vec::new());
        for (row, users) in rows.borrow().iter().filter(|list| positions.contains(&list.0)) {
            for (column, others) in columns.borrow().iter() {
                let both = users.iter().filter(|user| others.binary_search(user).is_ok()).count();
                let mut offer = |item: &u32, other: &u32, users: &[u32]| {
                    let score = both as f32 / users.len() as f32;
                    found.push((codes[*item as usize], codes[*other as usize], score, both as u32));
                };
                if both > 0 && (column < row || *sides == Sides::Row && column > row) {
                    offer(row, column, users);
                    (*sides == Sides::Both).then(|| offer(column, row, others));
                }
            }
        }
        let (items, neighbours, scores, overlaps) = found.into_iter().collect();
        Ok(Offers { items, neighbours, scores, overlaps })
    }
}

impl Guest for Share {
    type Comparison = Self;
    fn merge(_: u32, offers: Offers) -> Result<Offers, Failure> {
        Ok(offers)
    }
}
export!(Share);
