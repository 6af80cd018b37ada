//! The plan: every row meets every block once, and costs add up.

use std::collections::BTreeMap;

use ilk_core::{
    cost::Layout,
    executor::Sequential,
    matrix::Matrix,
    plan::{Plan, Sides},
    simd::Kernel,
    weighting::Weighting,
};

use crate::world::{Narrowing, World};

const CHUNK: usize = 512;

fn matrix(world: &World, kernel: Kernel, head: Option<usize>) -> Matrix {
    let layout = Layout { kernel, head, ..Layout::default() };
    Matrix::with_layout(&world.interactions, Weighting::Binary, layout, &Sequential)
}

/// The position of every item: by users descending, then by code descending.
fn positions(world: &World) -> Vec<usize> {
    let supports = world.interactions.supports();
    let mut codes = (0..supports.len()).collect::<Vec<_>>();
    codes.sort_by_key(|code| std::cmp::Reverse((supports[*code], *code)));
    let mut positions = vec![0; codes.len()];
    for (position, code) in codes.into_iter().enumerate() {
        positions[code] = position;
    }
    positions
}

/// Additions of every row against what `sides` says, among positions from `first` on.
fn additions(world: &World, positions: &[usize], first: usize, sides: Sides) -> Vec<u64> {
    let mut additions = vec![0; positions.len()];
    for user in 0..world.interactions.users() as u32 {
        let items = world.interactions.of(user).iter();
        let mut row = items.map(|item| positions[*item as usize]).collect::<Vec<_>>();
        row.sort_unstable();
        let head = row.partition_point(|position| *position < first);
        for (before, position) in row.iter().enumerate() {
            additions[*position] += match sides {
                Sides::Both => before.saturating_sub(head),
                Sides::Row => row.len() - head,
            } as u64;
        }
    }
    additions
}

/// Checks the plan of `world` and returns its sides.
fn check(world: &World, head: Option<usize>, narrowing: &Narrowing) -> Sides {
    let matrix = matrix(world, Kernel::PORTABLE, head);
    let plan = Plan::new(&matrix, &narrowing.filter(world.items()));
    let (items, start, sides) = (matrix.items(), matrix.head_items(), plan.sides);
    let positions = positions(world);
    let mut wanted = vec![sides == Sides::Both; items];
    if let (Sides::Row, Some(codes)) = (sides, &narrowing.wanted) {
        for code in codes {
            wanted[positions[*code as usize]] = true;
        }
    }
    let mut met = BTreeMap::new();
    for tile in &plan.tiles {
        let columns = &matrix.columns()[tile.columns];
        let block_start = columns.positions().start as usize;
        let is_tail = columns.bits().is_none();
        assert_eq!(block_start, if is_tail { start } else { tile.columns * CHUNK });
        let block = if is_tail { usize::MAX } else { tile.columns };
        assert!(tile.cost > 0 && block_start < items);
        let met = met.entry(block).or_insert_with(|| vec![0; items]);
        for row in plan.rows(tile) {
            assert!(sides == Sides::Row || row as usize >= block_start, "a row before its block");
            met[row as usize] += 1;
        }
    }
    let least = |block_start: usize| if sides == Sides::Both { block_start } else { 0 };
    for chunk in 0..start.div_ceil(CHUNK) {
        let met = met.remove(&chunk).unwrap_or_else(|| vec![0; items]);
        for row in 0..items {
            let meets = wanted[row] && row >= least(chunk * CHUNK);
            assert_eq!(met[row], usize::from(meets), "row {row}, chunk {chunk}, {sides:?}");
        }
    }
    let met_tail = met.remove(&usize::MAX).unwrap_or_else(|| vec![0; items]);
    for (row, additions) in additions(world, &positions, start, sides).into_iter().enumerate() {
        // Rows without a user in the tail may be left out.
        let must = wanted[row] && row >= least(start) && additions > 0;
        assert!(met_tail[row] <= 1 && (met_tail[row] == 1 || !must), "row {row}, tail, {sides:?}");
    }
    assert!(met.is_empty(), "there are no other blocks");
    assert_eq!(plan.tiles.iter().map(|tile| tile.cost).sum::<u64>(), plan.cost);
    let all = additions(world, &positions, 0, sides);
    let operations = (0..items).filter(|row| wanted[*row]).map(|row| all[row]).sum::<u64>();
    assert_eq!(plan.operations, operations);
    sides
}

/// The users of each of so many items.
type Shape = fn(u32) -> Vec<Vec<u32>>;

#[test]
fn every_row_meets_every_block_once() {
    // A user with everything, pairs that nobody else shares, and crowds in between.
    let shapes: [Shape; 4] = [
        |items| (0..items).map(|_| vec![0]).collect(),
        |items| (0..items).map(|item| vec![item, item + 1]).collect(),
        |items| (0..items).map(|item| vec![item]).collect(),
        |items| (0..items).map(|item| (item % 3..=item % 40).collect()).collect(),
    ];
    for shape in shapes {
        for items in [1, 2, 3, 512, 513, 1_025] {
            let mut of_items = shape(items);
            // A user of their own for those who have none, so that no item is lost.
            for (item, users) in (5_000..).zip(&mut of_items) {
                if users.is_empty() {
                    users.push(item);
                }
            }
            let world = World::of_items(&of_items);
            assert_eq!(world.items(), items as usize);
            for head in [Some(0), Some(1), Some(2), Some(9), None] {
                assert_eq!(check(&world, head, &Narrowing::default()), Sides::Both);
                for wanted in [vec![], vec![0], vec![items - 1], (0..items).step_by(9).collect()] {
                    let wanted = Some(wanted);
                    check(&world, head, &Narrowing { wanted, ..Narrowing::default() });
                }
            }
        }
    }
}

#[test]
fn an_order_of_many_rows_reaches_each() {
    let one_user = World::of_items(&vec![vec![0]; 100_003]);
    let pairs = World::of_items(&(0..100_003).map(|item| vec![item, item + 1]).collect::<Vec<_>>());
    for world in [one_user, pairs] {
        assert_eq!(check(&world, Some(1), &Narrowing::default()), Sides::Both);
        let few = Narrowing { wanted: Some(vec![7, 511, 99_999]), ..Narrowing::default() };
        assert_eq!(check(&world, Some(1), &few), Sides::Row);
    }
}

#[test]
fn nothing_wanted_is_nothing_to_do() {
    let world = World::of_items(&vec![vec![0, 1]; 700]);
    let narrowing = Narrowing { wanted: Some(Vec::new()), ..Narrowing::default() };
    for head in [Some(0), Some(1), Some(2), None] {
        let plan = Plan::new(&matrix(&world, Kernel::PORTABLE, head), &narrowing.filter(700));
        assert_eq!((plan.tiles.len(), plan.cost, plan.operations), (0, 0, 0));
    }
}

#[test]
fn the_head_is_made_of_chunks_there_are() {
    let dense = (0..1_100).map(|item| (item % 7..300).collect()).collect::<Vec<Vec<u32>>>();
    let worlds = [
        Vec::new(),
        vec![vec![0]],
        vec![(0..3_000).collect()],
        vec![vec![0]; 2_000],
        (0..2_000).map(|item| vec![item]).collect(),
        dense,
    ];
    let mut heads = Vec::new();
    for of_items in worlds {
        let world = World::of_items(&of_items);
        let items = world.items();
        for kernel in Kernel::available() {
            for head in [None, Some(0), Some(1), Some(usize::MAX)] {
                let found = matrix(&world, kernel, head).head_items();
                assert!(found <= items && (found.is_multiple_of(CHUNK) || found == items));
                if let Some(head) = head {
                    assert_eq!(found, head.saturating_mul(CHUNK).min(items));
                } else {
                    heads.push(found);
                }
            }
        }
        let weighted = Matrix::new(&world.interactions, Weighting::Raw, &Sequential);
        assert_eq!(weighted.head_items(), 0, "weights are no bits");
    }
    assert!(heads.iter().any(|head| *head > 0), "dense data deserves a head");
}
