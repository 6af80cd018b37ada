//! The conformance cases through the sandboxed plugin: by tables, and by tiles.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;
use ilk_core::{
    executor::Sequential,
    matrix::{ItemTable, Matrix},
    plan::{ItemFilter, Plan, codes_of},
    result::Neighbours,
};
use ilk_formats::{Error, Memory, NeighbourRow, read_id_list, read_neighbours};
use ilk_plugin_host::{Block, Found, Host, Items, Limits, Offers, Plugin, Request, Sides};

use crate::{
    cases::{self, Case},
    encodings::batch,
    library,
};

/// Finds what `cargo xtask plugin` built.
pub(crate) fn built(name: &str) -> PathBuf {
    let path = std::env::current_exe().expect("this test runs from somewhere");
    let path = path.ancestors().nth(3).expect("the target folder").join("plugin").join(name);
    assert!(path.exists(), "{} is not built: run `cargo xtask plugin` first", path.display());
    path
}

/// The plugin, compiled once for all tests.
fn plugin() -> &'static Plugin {
    static PLUGIN: OnceLock<Plugin> = OnceLock::new();
    PLUGIN.get_or_init(|| {
        let path = built("ilk.wasm");
        let cache = path.with_file_name("cache");
        let host = Host::with_cache(Limits::default(), cache).expect("a sandbox");
        host.load(path).expect("a plugin")
    })
}

/// Reads an id list of a case.
fn list(case: &Case, file: Option<&String>) -> Option<Vec<String>> {
    let file = file?;
    let source = Memory::new(file.clone(), case.text(file));
    let list = read_id_list(Arc::new(source), &case.source.item).expect("a readable list");
    Some(list.iter().map(str::to_owned).collect())
}

pub(crate) fn request(case: &Case) -> Request {
    let source = &case.source;
    Request {
        user: source.user.clone(),
        item: source.item.clone(),
        weight: source.weight.clone(),
        time: source.time.clone(),
        item_label: source.item_label.clone(),
        time_unit: None,
        time_format: None,
        conditions: source.conditions.clone(),
        job: case.job_json(),
        only: list(case, case.lists.only.as_ref()),
        exclude: list(case, case.lists.exclude.as_ref()),
        wanted: list(case, case.lists.wanted.as_ref()),
    }
}

pub(crate) fn rows_of(name: &str, bytes: Vec<u8>) -> Vec<NeighbourRow> {
    let mut rows = Vec::new();
    let read = read_neighbours(Arc::new(Memory::new(name, bytes)), None, &mut |row| {
        rows.push(row);
        Ok::<_, Error>(())
    });
    read.unwrap_or_else(|error| panic!("{name}: {error}"));
    rows
}

pub(crate) fn stream(table: &[RecordBatch]) -> Vec<u8> {
    let mut writer =
        StreamWriter::try_new(Vec::new(), &table[0].schema()).expect("memory takes it");
    for batch in table {
        writer.write(batch).expect("memory takes it");
    }
    writer.into_inner().expect("memory takes it")
}

#[test]
fn what_is_expected_comes_out_of_the_sandbox_however_the_table_is_cut() {
    for case in cases::all() {
        let expected = rows_of("expected.csv", case.text("expected.csv").into_bytes());
        let whole = batch(&case);
        for rows in [usize::MAX, 3] {
            let rows = rows.min(whole.num_rows());
            let pieces = (0..whole.num_rows()).step_by(rows);
            let pieces = pieces.map(|start| whole.slice(start, rows.min(whole.num_rows() - start)));
            let found = plugin().similar_items(&request(&case), pieces);
            let Found { table, .. } = found.unwrap_or_else(|e| panic!("{}: {e}", case.name));
            assert_eq!(rows_of("found.arrows", stream(&table)), expected, "{}", case.name);
        }
        // The same as bytes cut anywhere.
        let mut session = plugin().session(&request(&case)).expect("a session");
        for piece in stream(&[whole]).chunks(61) {
            session.add_bytes(piece).expect("a good stream");
        }
        let Found { table, notes } = session.finish(|_| {}).expect("neighbours");
        assert_eq!(rows_of("found.arrows", stream(&table)), expected, "{}", case.name);
        let rows = notes.iter().find(|note| note.code == "rows").expect("a note of the rows");
        assert_eq!(rows.count, case.sheet().rows.len() as u64);
    }
}

/// All rows of a matrix as a block, or some of them.
pub(crate) fn block(matrix: &Matrix, positions: std::ops::Range<u32>) -> Block {
    let parts = matrix.rows().parts();
    let starts = &parts.starts[positions.start as usize..=positions.end as usize];
    let range = starts[0]..starts[starts.len() - 1];
    Block {
        first: positions.start,
        starts: starts.iter().map(|start| (start - starts[0]) as u32).collect(),
        users: parts.indices[range.clone()].to_vec(),
        weights: parts.weights.map(|weights| weights[range].to_vec()),
    }
}

pub(crate) fn items(matrix: &Matrix, filter: &ItemFilter, job: &ilk_core::job::Job) -> Items {
    let table: &ItemTable = matrix.table();
    let listed = |keep: &dyn Fn(u32) -> bool| {
        let positions = (0..).zip(table.codes()).filter(|(_, code)| keep(**code));
        Some(positions.map(|(position, _)| position).collect())
    };
    let is_weighted = job.measure.is_weighted() && matrix.rows().parts().weights.is_some();
    Items {
        users: table.population() as u32,
        numbers: table.users() as u32,
        codes: table.codes().to_vec(),
        supports: table.supports().to_vec(),
        squares: is_weighted.then(|| table.squares().to_vec()),
        candidates: listed(&|code| filter.admits(code)),
        wanted: listed(&|code| filter.wants(code)),
    }
}

pub(crate) fn append(all: &mut Offers, more: Offers) {
    all.items.extend(more.items);
    all.neighbours.extend(more.neighbours);
    all.scores.extend(more.scores);
    all.overlaps.extend(more.overlaps);
}

/// Neighbours as offers: by item, best first.
pub(crate) fn as_offers(found: &Neighbours) -> Offers {
    let empty = || Offers { items: vec![], neighbours: vec![], scores: vec![], overlaps: vec![] };
    let mut all = empty();
    for item in 0..found.items() as u32 {
        for neighbour in found.of(item) {
            all.items.push(item);
            all.neighbours.push(neighbour.code);
            all.scores.push(neighbour.score);
            all.overlaps.push(neighbour.overlap);
        }
    }
    all
}

/// A case as hosts of tiles have it: the matrix, the items, and the neighbours to be found.
pub(crate) fn laid_out(case: &Case) -> (Matrix, Items, Offers) {
    let (tally, folded) = library::folded(case);
    tally.check(&case.job).expect("a job that goes on");
    let ids = &folded.catalogue.ids;
    let codes = |file: &Option<String>| {
        let list = list(case, file.as_ref())?;
        Some(codes_of(ids, list.iter().map(String::as_str)).0)
    };
    let (only, exclude, wanted) =
        (codes(&case.lists.only), codes(&case.lists.exclude), codes(&case.lists.wanted));
    let filter = ItemFilter::new(ids.len(), only.as_deref(), exclude.as_deref(), wanted.as_deref());
    let matrix = Matrix::new(&folded.interactions, &case.job, &Sequential);
    let plan = Plan::new(&matrix, &filter);
    let expected =
        ilk_core::kernel::neighbours(&matrix, &plan, &case.job, &filter, &Sequential, |_| {});
    let items = items(&matrix, &filter, &case.job);
    (matrix, items, as_offers(&expected))
}

#[test]
fn tiles_of_any_cut_merge_into_the_neighbours() {
    for case in cases::all() {
        let (matrix, items, expected) = laid_out(&case);
        let count = items.codes.len() as u32;
        let whole = 0..count;
        for cut in [count, count.div_ceil(2).max(1), 2] {
            let mut all = as_offers(&Neighbours::new());
            let cuts = whole.clone().step_by(cut.max(1) as usize);
            let blocks = cuts.map(|start| start..(start + cut.max(1)).min(count));
            let blocks = blocks.collect::<Vec<_>>();
            let comparison = plugin().comparison(&case.job_json(), &items, Sides::Row);
            let mut comparison = comparison.unwrap_or_else(|e| panic!("{}: {e}", case.name));
            for rows in &blocks {
                comparison.rows(&block(&matrix, rows.clone())).expect("good rows");
                for columns in &blocks {
                    comparison.columns(&block(&matrix, columns.clone())).expect("good columns");
                    let positions = rows.clone().collect::<Vec<_>>();
                    append(&mut all, comparison.compute(&positions).expect("a tile"));
                }
            }
            let merged = comparison.merge(case.job.top, &all).expect("merged");
            assert_eq!(format!("{merged:?}"), format!("{expected:?}"), "{} {cut}", case.name);
        }
        // Both sides at once, columns of the rows' own, tiles in the reverse order.
        let mut comparison =
            plugin().comparison(&case.job_json(), &items, Sides::Both).expect("a comparison");
        let mut all = as_offers(&Neighbours::new());
        comparison.rows(&block(&matrix, whole.clone())).expect("good rows");
        for start in whole.clone().rev().step_by(3) {
            let first = start.saturating_sub(2);
            comparison.columns_of_rows(first, start + 1 - first).expect("good columns");
            let positions = (first..count).collect::<Vec<_>>();
            append(&mut all, comparison.compute(&positions).expect("a tile"));
        }
        let merged = comparison.merge(case.job.top, &all).expect("merged");
        assert_eq!(format!("{merged:?}"), format!("{expected:?}"), "{}", case.name);
    }
}
