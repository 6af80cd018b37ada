//! Blocks cut anywhere, tiles in any order, interrupted and restored: the same neighbours.

use std::ops::Range;

use ilk_core::{
    cost::Layout,
    executor::Sequential,
    job::Job,
    kernel::{Comparison, Offer},
    matrix::{ColumnBlock, Matrix, RowBlock},
    measure::Measure,
    plan::{ItemFilter, RowOrder, Sides},
    result::Neighbours,
    simd::{BitRow, Kernel},
    testing::generate::Crowd,
    weighting::{Idf, Weighting},
};
use rand_pcg::Pcg32;

use crate::{
    crew::below,
    world::{Narrowing, World, job, run},
};

/// Positions from one cut to the next.
fn cuts(items: u32, pieces: u32, dice: &mut Pcg32) -> Vec<Range<u32>> {
    let mut cuts =
        (1..pieces).map(|_| 1 + below(dice, items as usize - 1) as u32).collect::<Vec<_>>();
    cuts.extend([0, items]);
    cuts.sort_unstable();
    cuts.dedup();
    cuts.windows(2).map(|ends| ends[0]..ends[1]).collect()
}

/// The rows at some positions of the block of all rows.
fn rows(all: &RowBlock, positions: Range<u32>) -> RowBlock {
    let parts = all.parts();
    let starts = &parts.starts[positions.start as usize..=positions.end as usize];
    let range = starts[0]..starts[starts.len() - 1];
    RowBlock::new(
        positions.start,
        all.users(),
        starts.iter().map(|start| start - starts[0]).collect(),
        parts.indices[range.clone()].to_vec(),
        parts.weights.map(|weights| weights[range].to_vec()),
    )
    .expect("a part of good lists is good")
}

/// The columns at some positions, as lists or as bits.
fn columns(all: &RowBlock, positions: Range<u32>, as_bits: bool) -> ColumnBlock {
    let parts = all.parts();
    let (first, width) = (positions.start, positions.len() as u32);
    let mut lists = vec![Vec::new(); all.users()];
    for position in positions {
        for at in parts.starts[position as usize]..parts.starts[position as usize + 1] {
            let weight = parts.weights.as_ref().map(|weights| weights[at]);
            lists[parts.indices[at] as usize].push((position - first, weight));
        }
    }
    if as_bits {
        let bits = |list: &Vec<(u32, Option<f64>)>| {
            let mut row = BitRow::default();
            for (bit, _) in list {
                row.0[*bit as usize / 64] |= 1 << (bit % 64);
            }
            row
        };
        let rows = lists.iter().map(bits).collect();
        return ColumnBlock::of_bits(first, width, rows).expect("narrow enough");
    }
    let mut starts = vec![0];
    starts.extend(lists.iter().scan(0, |sum, list| {
        *sum += list.len();
        Some(*sum)
    }));
    let entries = lists.into_iter().flatten();
    let (list, weights): (_, Vec<_>) = entries.unzip();
    let weights = parts.weights.as_ref().map(|_| weights.into_iter().flatten().collect());
    ColumnBlock::of_lists(first, width, starts, list, weights).expect("positions ascend")
}

struct Tile {
    rows: usize,
    columns: usize,
    positions: Vec<u32>,
}

/// Computes a job tile by tile; somewhere in the middle all is dropped but what was recorded.
fn compute(matrix: &Matrix, job: &Job, filter: &ItemFilter, sides: Sides, seed: u64) -> Neighbours {
    let mut dice = Pcg32::new(seed, 9);
    let items = matrix.items() as u32;
    let (table, all) = (matrix.table(), matrix.rows());
    let weighted = all.parts().weights.is_some();
    let row_blocks =
        cuts(items, 4, &mut dice).into_iter().map(|part| rows(all, part)).collect::<Vec<_>>();
    let column_blocks = cuts(items, 5, &mut dice)
        .into_iter()
        .map(|part| {
            let as_bits = !weighted && part.len() <= 512 && below(&mut dice, 2) == 0;
            columns(all, part, as_bits)
        })
        .collect::<Vec<_>>();
    let mut tiles = Vec::new();
    for (columns, of_columns) in column_blocks.iter().enumerate() {
        for (rows, of_rows) in row_blocks.iter().enumerate() {
            let least = if sides == Sides::Both { of_columns.positions().start } else { 0 };
            let positions = of_rows.positions().start.max(least)..of_rows.positions().end;
            if positions.is_empty() {
                continue;
            }
            let order = [RowOrder::spread, RowOrder::rarest_first][below(&mut dice, 2)];
            let order = order(positions.start, positions.len() as u32);
            let positions = (0..order.count()).map(|rank| order.row(rank)).collect::<Vec<_>>();
            for positions in positions.chunks(positions.len().div_ceil(2)) {
                tiles.push(Tile { rows, columns, positions: positions.to_vec() });
            }
        }
    }
    // Any order of tiles.
    for last in (1..tiles.len()).rev() {
        tiles.swap(last, below(&mut dice, last + 1));
    }
    let step = |comparison: &Comparison, tiles: &[Tile]| -> Vec<Vec<Offer>> {
        let mut worker = comparison.recording_worker(0);
        let survivors = |tile: &Tile| {
            let (rows, columns) = (&row_blocks[tile.rows], &column_blocks[tile.columns]);
            comparison.compute(rows, columns, tile.positions.iter().copied(), &mut worker);
            comparison.survivors(&mut worker)
        };
        tiles.iter().map(survivors).collect()
    };
    let begin = || Comparison::new(table, job, filter, sides, matrix.kernel());
    let interruption = below(&mut dice, tiles.len());
    let done = step(&begin(), &tiles[..interruption]);
    let comparison = begin();
    comparison.restore(done.into_iter().rev().flatten());
    step(&comparison, &tiles[interruption..]);
    comparison.neighbours(&Sequential)
}

#[test]
fn blocks_tiles_and_interruptions_do_not_show() {
    let crowd = Crowd { users: 150, items: 700, drawn: 6_000, zipf: 0.9, sigma: 1.0 };
    let world = World::crowd(crowd, 3);
    let jobs = [
        job(Measure::Cosine, Weighting::Binary, 5),
        job(Measure::Llr, Weighting::Binary, 20),
        job(Measure::Conditional { alpha: 0.5 }, Weighting::Binary, 1),
        job(Measure::Cosine, Weighting::Tfidf { idf: Idf::AtLeastZero }, 10),
        Job { threshold: Some(0.1), ..job(Measure::Jaccard, Weighting::Binary, 1_000) },
    ];
    for job in jobs {
        for kernel in [Kernel::detect(), Kernel::PORTABLE] {
            let layout = Layout { kernel, ..Layout::default() };
            let matrix = Matrix::with_layout(&world.interactions, &job, layout, &Sequential);
            for (seed, narrowing) in (0..).zip(Narrowing::some(world.items(), 4)) {
                let expected = run(&matrix, &job, &narrowing, &Sequential).neighbours;
                let filter = narrowing.filter(world.items());
                for sides in [Sides::Both, Sides::Row] {
                    let found = compute(&matrix, &job, &filter, sides, seed);
                    assert!(found == expected, "{job:?} {narrowing:?} {sides:?}");
                }
            }
        }
    }
}

#[test]
fn parts_that_do_not_go_together_are_no_block() {
    let good = || (vec![0, 2, 3], vec![0, 4, 1]);
    let block = |starts, list, weights| RowBlock::new(7, 5, starts, list, weights);
    let (starts, list) = good();
    assert_eq!(block(starts, list, Some(vec![0.5; 3])).unwrap().positions(), 7..9);
    let bad: [(Vec<usize>, Vec<u32>); 6] = [
        (vec![], vec![]),
        (vec![0, 2, 4], vec![0, 4, 1]),
        (vec![1, 2, 3], vec![0, 4, 1]),
        (vec![0, 3, 2], vec![0, 4, 1]),
        (vec![0, 2, 3], vec![4, 0, 1]),
        (vec![0, 2, 3], vec![0, 5, 1]),
    ];
    for (starts, list) in bad {
        assert!(block(starts.clone(), list.clone(), None).is_err(), "{starts:?} {list:?}");
    }
    let (starts, list) = good();
    assert!(block(starts, list, Some(vec![0.5; 2])).is_err());
    assert!(ColumnBlock::of_bits(0, 513, Vec::new()).is_err());
    assert!(ColumnBlock::of_bits(0, 0, Vec::new()).is_err());
}
