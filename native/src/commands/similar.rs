//! `ilk similar`: one item's neighbours.

use std::{path::Path, sync::Arc};

use ilk_formats::{NeighbourRow, read_items, read_neighbours};

use crate::{
    cli::SimilarArgs,
    error::Error,
    inputs::FileSource,
    output::{ITEMS, NEIGHBOURS},
    stdout,
    text::{self, Align, Table, closest, printable, shortened},
};

/// Prints the neighbours of one item.
///
/// # Errors
/// For an output that cannot be read and an item that is not in it.
pub(crate) fn similar(args: &SimilarArgs) -> Result<(), Error> {
    let folder = args.out.is_dir();
    let path = if folder { args.out.join(NEIGHBOURS) } else { args.out.clone() };
    let mut rows = Vec::new();
    read_neighbours(open(&path)?, Some(&args.item), &mut |row| {
        rows.push(row);
        Ok::<(), Error>(())
    })?;
    if rows.is_empty() {
        return without_neighbours(args, &path);
    }
    rows.sort_by_key(|row| row.rank);
    rows.truncate(args.count as usize);
    stdout::print_text(&render(&rows))
}

fn open(path: &Path) -> Result<Arc<FileSource>, Error> {
    FileSource::open(path).map(Arc::new)
}

/// Shows the item and its neighbours.
pub(crate) fn render(rows: &[NeighbourRow]) -> String {
    let Some(first) = rows.first() else { return String::new() };
    let mut title = printable(&first.item);
    if let Some(label) = &first.item_label {
        title = format!("{title}  {}", printable(label));
    }
    let has_labels = rows.iter().any(|row| row.neighbour_label.is_some());
    let mut columns = vec![
        ("rank", Align::Right),
        ("neighbour", Align::Left),
        ("score", Align::Right),
        ("overlap", Align::Right),
    ];
    if has_labels {
        columns.insert(2, ("label", Align::Left));
    }
    let mut table = Table::new(columns);
    for row in rows {
        let mut cells = vec![
            row.rank.to_string(),
            printable(&row.neighbour),
            format!("{:.4}", row.score),
            text::grouped(row.overlap.unsigned_abs()),
        ];
        if has_labels {
            cells.insert(2, row.neighbour_label.as_deref().map(printable).unwrap_or_default());
        }
        table.row(cells);
    }
    format!("{title}\n\n{}", table.render(text::width()))
}

/// Tells an item without neighbours from one that is not there, and suggests the closest ids.
fn without_neighbours(args: &SimilarArgs, path: &Path) -> Result<(), Error> {
    let mut known = Vec::new();
    let mut see = |item: &str, label: Option<&str>| {
        known.push((item.to_owned(), label.map(str::to_owned)));
        Ok::<(), Error>(())
    };
    // A folder lists all items; a table alone only those with neighbours.
    let items = path.with_file_name(ITEMS);
    let listed = args.out.is_dir() && items.is_file();
    read_items(open(if listed { &items } else { path })?, &mut see)?;
    let name = printable(&shortened(&args.item, 60));
    if known.iter().any(|(item, _)| *item == args.item) {
        return Err(Error::input(format!("item {name} has no neighbours"))
            .with_help("its users touched nothing else, or no pair qualified"));
    }
    let suggestions = closest(&args.item, known.iter().map(|(item, _)| item.as_str()))
        .into_iter()
        .map(|item| {
            let label = known
                .iter()
                .find(|(known, _)| known == item)
                .and_then(|(_, label)| label.as_deref());
            label.map_or_else(
                || printable(item),
                |label| format!("{} ({})", printable(item), printable(label)),
            )
        })
        .collect::<Vec<_>>();
    let error = Error::input(format!("no item {name} with neighbours in {}", args.out.display()));
    Err(if suggestions.is_empty() {
        error.with_help("ids are compared exactly; look at the item column of the table")
    } else {
        error.with_help(format!("closest ids: {}", suggestions.join(", ")))
    })
}
