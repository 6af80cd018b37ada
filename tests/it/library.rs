//! The library from bytes to neighbours, as a program puts it together.

use std::sync::Arc;

use ilk_core::{
    executor::{Executor, Sequential},
    job::{Given, Job, Pairs},
    kernel::{neighbours, pairs_once},
    matrix::Matrix,
    plan::{ItemFilter, Plan, codes_of},
    prepare::{Folded, Interactions, Needs, Tally, clean, encode, fold},
    result::{Catalogue, Neighbours},
};
use ilk_formats::{
    Error, Memory, OutputFormat, ReadOptions, Source, Table, read_id_list, write_neighbours,
};

use crate::{cases::Case, encodings::File};

/// Reads, cleans and folds all rows.
///
/// # Panics
/// If they cannot be read.
pub(crate) fn fold_sources(
    sources: Vec<Arc<dyn Source>>,
    options: &ReadOptions,
    job: &Job,
    executor: &impl Executor,
) -> (Tally, Folded) {
    let given = Given { weight: options.weight.is_some(), time: options.time.is_some() };
    let needs = Needs::of(job, given);
    let (mut chunks, mut tally) = (Vec::new(), Tally::default());
    for (number, source) in (0..).zip(sources) {
        let table = Table::open(source, number, options).expect("a readable file");
        for part in 0..table.parts().len() {
            let read = table.read(part, &mut |rows| {
                let (chunk, of_chunk) = clean(rows, job, needs);
                chunks.push(chunk);
                tally.merge(of_chunk);
                Ok::<_, Error>(())
            });
            read.expect("a readable file");
        }
    }
    let encoded = encode(chunks, executor).expect("ids of one kind");
    (tally, fold(encoded, job, needs, executor))
}

/// Compares everything `filter` lets through.
pub(crate) fn compare(
    interactions: &Interactions,
    job: &Job,
    filter: &ItemFilter,
    executor: &impl Executor,
) -> Neighbours {
    let matrix = Matrix::new(interactions, job, executor);
    let plan = Plan::new(&matrix, filter);
    neighbours(&matrix, &plan, job, filter, executor, |_| {})
}

/// Reads the interactions of a case as they stand.
///
/// # Panics
/// If they cannot be read.
pub(crate) fn folded(case: &Case) -> (Tally, Folded) {
    let source = Memory::new("whole.csv", case.text(&case.source.input));
    fold_sources(vec![Arc::new(source)], &read_options(case), &case.job, &Sequential)
}

/// Runs a case on files in memory.
///
/// # Panics
/// If the job's guards refuse, or the files cannot be read.
pub(crate) fn run(
    case: &Case,
    files: Vec<File>,
    executor: &impl Executor,
) -> (Catalogue, Neighbours) {
    let source = |(name, bytes): File| -> Arc<dyn Source> { Arc::new(Memory::new(name, bytes)) };
    let options = read_options(case);
    let sources = files.into_iter().map(source).collect();
    let (tally, folded) = fold_sources(sources, &options, &case.job, executor);
    tally.check(&case.job).unwrap_or_else(|refusal| panic!("{}: {refusal}", case.name));
    let ids = &folded.catalogue.ids;
    let codes = |file: &Option<String>| {
        let file = file.as_ref()?;
        let source = Memory::new(file.clone(), case.text(file));
        let list = read_id_list(Arc::new(source), &case.source.item).expect("a readable list");
        Some(codes_of(ids, list.iter()).0)
    };
    let (only, exclude, wanted) =
        (codes(&case.lists.only), codes(&case.lists.exclude), codes(&case.lists.wanted));
    let filter = ItemFilter::new(ids.len(), only.as_deref(), exclude.as_deref(), wanted.as_deref());
    let found = compare(&folded.interactions, &case.job, &filter, executor);
    let found = match case.job.pairs {
        Pairs::Both => found,
        Pairs::Once => pairs_once(&found, executor),
    };
    (folded.catalogue, found)
}

fn read_options(case: &Case) -> ReadOptions {
    let source = &case.source;
    let condition = |text: &String| text.parse().expect("a condition");
    ReadOptions {
        user: source.user.clone(),
        item: source.item.clone(),
        weight: source.weight.clone(),
        time: source.time.clone(),
        item_label: source.item_label.clone(),
        conditions: source.conditions.iter().map(condition).collect(),
        ..ReadOptions::default()
    }
}

/// Writes a result as CSV.
///
/// # Panics
/// Never, to memory.
pub(crate) fn csv_text(catalogue: &Catalogue, found: &Neighbours) -> String {
    let mut bytes = Vec::new();
    write_neighbours(OutputFormat::Csv, &mut bytes, catalogue, found).expect("memory takes it");
    String::from_utf8(bytes).expect("UTF-8")
}
