//! Whatever comes in by `comparison.open`, its blocks and `merge`: offers that go together or a
//! failure of one line, never a panic.

#![no_main]

use arbitrary::Arbitrary;
use ilk_core::plan::Sides;
use ilk_plugin::{Block, Comparison, Failure, Items, Offers, merge};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct AnyBlock {
    first: u8,
    /// Lengths of the items' lists; the starts follow, or are anything.
    lengths: Vec<u8>,
    starts: Option<Vec<u32>>,
    /// Distances from one user to the next; the users follow, or are anything.
    gaps: Vec<u8>,
    users: Option<Vec<u32>>,
    weights: Vec<f64>,
}

impl AnyBlock {
    fn block(self, is_weighted: bool) -> Block {
        let mut starts = vec![0];
        let mut users = Vec::new();
        for length in self.lengths.iter().take(16) {
            let length = length % 8;
            let gaps = self.gaps.iter().cycle().skip(users.len()).take(length.into());
            let mut user = 0;
            for gap in gaps {
                user += u32::from(gap % 4);
                users.push(user);
                user += 1;
            }
            starts.push(users.len() as u32);
        }
        let (starts, users) = (self.starts.unwrap_or(starts), self.users.unwrap_or(users));
        let weights = is_weighted.then(|| {
            let cycle = self.weights.iter().copied().chain([1.0]).cycle();
            cycle.take(users.len()).collect()
        });
        Block { first: self.first.into(), starts, users, weights }
    }
}

#[derive(Arbitrary, Debug)]
enum Call {
    Rows(AnyBlock),
    Columns(AnyBlock),
    ColumnsOfRows { first: u32, width: u32 },
    NearColumnsOfRows { first: u8, width: u8 },
    Compute(Vec<u8>),
}

#[derive(Arbitrary, Debug)]
struct Input {
    users: u16,
    numbers: u16,
    codes: Option<Vec<u16>>,
    supports: Vec<u8>,
    /// In their order.
    is_sorted: bool,
    squares: Option<Vec<f64>>,
    candidates: Option<Vec<u8>>,
    wanted: Option<Vec<u8>>,
    is_both: bool,
    job: Result<u8, String>,
    calls: Vec<Call>,
    top: u32,
    merged: Vec<(u8, u8, f32, u32)>,
}

const JOBS: [&str; 6] = [
    "",
    r#"{"measure": "llr", "top": 1}"#,
    r#"{"measure": "jaccard", "min_overlap": 2, "threshold": 0.5}"#,
    r#"{"measure": "dot", "top": 3, "shrinkage": 2}"#,
    r#"{"measure": "lift", "kappa": 1}"#,
    r#"{"measure": "npmi"}"#,
];

/// Checks what came back.
fn check(result: Result<Offers, Failure>) {
    match result {
        Ok(Offers { items, neighbours, scores, overlaps }) => {
            let lengths = [neighbours.len(), scores.len(), overlaps.len()];
            assert!(lengths.iter().all(|length| *length == items.len()), "as many in each list");
        }
        Err(failure) => {
            assert!(!failure.message.is_empty() && !failure.message.contains('\n'), "{failure:?}");
        }
    }
}

fuzz_target!(|input: Input| {
    let Input { mut supports, is_sorted, squares, candidates, wanted, calls, .. } = input;
    supports.truncate(64);
    if is_sorted {
        supports.sort_by_key(|support| std::cmp::Reverse(*support));
    }
    let count = supports.len();
    let wide = |list: Option<Vec<u8>>| {
        list.map(|list| list.into_iter().map(u32::from).collect::<Vec<_>>())
    };
    let codes = input.codes.map_or_else(
        || (0..count as u32).rev().collect(),
        |codes| codes.into_iter().map(u32::from).collect(),
    );
    let is_weighted = squares.is_some();
    let squares = squares.map(|squares| {
        let cycle = squares.into_iter().chain([1.0]).cycle();
        cycle.take(count).collect()
    });
    let items = Items {
        users: input.users.into(),
        numbers: input.numbers.into(),
        codes,
        supports: supports.into_iter().map(u32::from).collect(),
        squares,
        candidates: wide(candidates),
        wanted: wide(wanted),
    };
    let job = match &input.job {
        Ok(number) => JOBS[*number as usize % JOBS.len()],
        Err(text) => text,
    };
    let sides = if input.is_both { Sides::Both } else { Sides::Row };
    match Comparison::open(job, items, sides) {
        Err(failure) => check(Err(failure)),
        Ok(mut comparison) => {
            for call in calls {
                let nothing = |done: Result<(), Failure>| check(done.map(|()| Offers::default()));
                match call {
                    Call::Rows(block) => nothing(comparison.rows(block.block(is_weighted))),
                    Call::Columns(block) => nothing(comparison.columns(block.block(is_weighted))),
                    Call::ColumnsOfRows { first, width } => {
                        nothing(comparison.columns_of_rows(first, width));
                    }
                    Call::NearColumnsOfRows { first, width } => {
                        nothing(comparison.columns_of_rows(first.into(), width.into()));
                    }
                    Call::Compute(positions) => {
                        let positions = positions.into_iter().map(u32::from).collect::<Vec<_>>();
                        check(comparison.compute(&positions));
                    }
                }
            }
        }
    }
    let mut offers = Offers::default();
    for (item, neighbour, score, overlap) in input.merged {
        offers.items.push(item.into());
        offers.neighbours.push(neighbour.into());
        offers.scores.push(score);
        offers.overlaps.push(overlap);
    }
    check(merge(input.top, &offers));
});
