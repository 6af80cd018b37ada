//! `ilk demo`: the whole job on a made-up shop.

use std::{fmt::Write as _, fs, path::Path, sync::Arc};

use ilk_engine::{DataSource, Request, Unobserved};
use ilk_formats::{NeighbourRow, read_neighbours};
use ilk_shop as shop;

use crate::{
    error::Error,
    inputs::FileSource,
    output::NEIGHBOURS,
    progress::Reporter,
    publish::NewFolder,
    stdout,
    text::{Align, Table, width},
};

/// Products shown, from different corners of the shop.
const SHOWN: usize = 12;

/// Neighbours shown of each.
const NEIGHBOURS_SHOWN: usize = 3;

/// Name of the shop's orders in the folder.
const ORDERS: &str = "orders.csv";

/// Runs the demo; `keep` names a new folder for the shop's orders and the result.
///
/// # Errors
/// If `keep` cannot be written.
pub(crate) fn demo(keep: Option<&Path>, reporter: &Reporter) -> Result<(), Error> {
    let folder = match keep {
        Some(folder) => NewFolder::create(folder)?,
        None => NewFolder::temporary()?,
    };
    let orders = folder.path().join(ORDERS);
    fs::write(&orders, shop::csv()).map_err(|error| Error::file("write", &orders, &error))?;
    let out = folder.path().join("similar");
    let place = keep.is_none().then(|| "a temporary folder".into());
    let mut request = request(&orders, &out)?;
    request.publication.place = place;
    ilk_engine::run(&request, None, &Unobserved, reporter)?;
    let mut rows = Vec::new();
    let table = out.join(NEIGHBOURS);
    read_neighbours(Arc::new(FileSource::open(&table)?), None, &mut |row: NeighbourRow| {
        if row.rank as usize <= NEIGHBOURS_SHOWN {
            rows.push(row);
        }
        Ok::<(), Error>(())
    })?;
    if keep.is_some() {
        folder.keep();
    }
    stdout::print_text(&text(&rows, keep))
}

/// The job that people would write for such a shop: at least five members in common, chance
/// pairs of rare products damped.
fn request(orders: &Path, out: &Path) -> Result<Request, Error> {
    let job = ilk_core::job::SimilarityJob {
        min_overlap: Some(5),
        shrinkage: Some(10.0),
        ..Default::default()
    };
    let source = DataSource {
        weight: Some("quantity".into()),
        item_label: Some("product".into()),
        ..DataSource::new([orders.display().to_string()], "member", "sku")
    };
    let resolved =
        job.resolve(source.given()).map_err(|error| Error::internal(error.to_string()))?;
    Ok(Request::new(source, resolved, Some(out.into())))
}

/// The table, and the commands for your own file.
fn text(rows: &[NeighbourRow], keep: Option<&Path>) -> String {
    // As the reader called it: a fresh build is not on the path yet.
    let ilk = std::env::args().next().unwrap_or_else(|| "ilk".into());
    let mut table = Table::new([
        ("item you've viewed", Align::Left),
        ("items we think you'll love", Align::Left),
        ("score", Align::Right),
    ]);
    let items = rows.chunk_by(|a, b| a.item == b.item).collect::<Vec<_>>();
    let step = (items.len() / SHOWN).max(1);
    for neighbours in items.iter().skip(step / 2).step_by(step).take(SHOWN) {
        for (index, row) in neighbours.iter().enumerate() {
            let label =
                |label: &Option<String>, id: &str| label.clone().unwrap_or_else(|| id.into());
            let viewed = if index == 0 { label(&row.item_label, &row.item) } else { String::new() };
            let loved = label(&row.neighbour_label, &row.neighbour);
            table.row([viewed, loved, format!("{:.2}", row.score)]);
        }
    }
    let mut text = format!("\nFrom the orders of a made-up shop:\n\n{}\n", table.render(width()));
    let written = match keep {
        Some(folder) => {
            let (folder, item) = (folder.display(), rows.first().map_or("SKU", |row| &row.item));
            writeln!(
                text,
                "The orders and the result are in {folder}. To repeat it:\n  \
                 {ilk} inspect {folder}/{ORDERS}\n  \
                 {ilk} run {folder}/{ORDERS} --user member --item sku --weight quantity \\\n    \
                 --item-label product --min-overlap 5 --shrinkage 10 --out {folder}/again.parquet\n  \
                 {ilk} similar {folder}/again.parquet {item}"
            )
        }
        None => writeln!(
            text,
            "On your own file (Parquet, CSV, JSON Lines or Arrow):\n  \
             {ilk} inspect orders.parquet\n  \
             {ilk} run orders.parquet --user member --item product --min-overlap 3 \\\n    \
             --out similar.parquet\n  \
             {ilk} similar similar.parquet PRODUCT\n\
             To keep the shop's orders and the whole result: {ilk} demo --keep DIR"
        ),
    };
    debug_assert!(written.is_ok(), "writing to a string cannot fail");
    text
}
