//! `ilk similar`: one item's neighbours.

use std::{fmt::Write as _, path::Path};

use ilk_core::{data::canonical_integer, job::Pairs};
use ilk_formats::{NeighbourRow, read_items, read_neighbours};

use super::results::{WHAT_IT_READS, open, table_of};
use crate::{
    cli::SimilarArgs,
    error::Error,
    output::ITEMS,
    stdout,
    text::{self, Align, Table, closest, counted, shortened},
};

/// Prints the neighbours of one item.
///
/// # Errors
/// For an output that cannot be read and an item that is not in it.
pub(crate) fn similar(args: &SimilarArgs) -> Result<(), Error> {
    let path = table_of(&args.out)?;
    let mut rows = Vec::new();
    let mut keep = |row| {
        rows.push(row);
        Ok(())
    };
    read_neighbours(open(&path)?, Some(&args.item), &mut keep).map_err(|error| match error {
        ilk_formats::Error::MissingColumn { .. } => Error::from(error).with_help(WHAT_IT_READS),
        error => error.into(),
    })?;
    let is_once = args.pairs == Some(Pairs::Once);
    if is_once {
        rows.extend(turned(&path, &args.item)?);
        rank_again(&mut rows);
    } else {
        rows.sort_by_key(|row| row.rank);
    }
    if rows.is_empty() {
        return without_neighbours(args, &path);
    }
    let total = rows.len();
    rows.truncate(args.count as usize);
    let mut report = render(&rows);
    if total > rows.len() {
        let more = counted((total - rows.len()) as u64, "more neighbour");
        let _ = writeln!(report, "\n{more}: add -n {total}");
    }
    stdout::print_text(&report)
}

/// Returns the rows in which the item is the neighbour, turned around. Cost: a pass over the table.
fn turned(path: &Path, item: &str) -> Result<Vec<NeighbourRow>, Error> {
    let mut turned = Vec::new();
    let mut see = |row: NeighbourRow| {
        if row.neighbour == item {
            turned.push(NeighbourRow {
                item: row.neighbour,
                neighbour: row.item,
                item_label: row.neighbour_label,
                neighbour_label: row.item_label,
                ..row
            });
        }
        Ok::<_, ilk_formats::Error>(())
    };
    read_neighbours(open(path)?, None, &mut see)?;
    Ok(turned)
}

/// Numbers rows anew, best first; of equal scores the smaller id.
fn rank_again(rows: &mut [NeighbourRow]) {
    let number = |row: &NeighbourRow| canonical_integer(&row.neighbour);
    rows.sort_by(|a, b| {
        let by_id = number(a).cmp(&number(b)).then_with(|| a.neighbour.cmp(&b.neighbour));
        b.score.total_cmp(&a.score).then(by_id)
    });
    for (rank, row) in (1..).zip(rows) {
        row.rank = rank;
    }
}

/// Columns of the terminal that an id or a label takes up at most: ids may be of any length.
const LONGEST: usize = 80;

/// Shows the item and its neighbours.
fn render(rows: &[NeighbourRow]) -> String {
    let Some(first) = rows.first() else { return String::new() };
    let mut title = shortened(&first.item, LONGEST);
    if let Some(label) = &first.item_label {
        title = format!("{title}  {}", shortened(label, LONGEST));
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
            shortened(&row.neighbour, LONGEST),
            format!("{:.4}", row.score),
            text::grouped(row.overlap.unsigned_abs()),
        ];
        if has_labels {
            cells.insert(2, shortened(row.neighbour_label.as_deref().unwrap_or(""), LONGEST));
        }
        table.row(cells);
    }
    let width = text::width();
    format!("{}\n\n{}", text::wrapped(&title, width, 2), table.render(width))
}

/// Reports an item without neighbours, or one that does not exist with the closest IDs.
fn without_neighbours(args: &SimilarArgs, path: &Path) -> Result<(), Error> {
    let mut known = Vec::new();
    let mut see = |item: &str, label: Option<&str>| {
        known.push(Known { item: item.to_owned(), label: label.map(str::to_owned) });
        Ok::<(), Error>(())
    };
    // A folder lists all items; a table alone only those with neighbours.
    let items = path.with_file_name(ITEMS);
    let listed = args.out.is_dir() && items.is_file();
    read_items(open(if listed { &items } else { path })?, &mut see)?;
    let name = format!("item `{}`", shortened(&args.item, LONGEST));
    if known.iter().any(|known| known.item == args.item) {
        return Err(Error::input(format!("{name} has no neighbours"))
            .with_help("its users have no other items, or no pair passed the job's limits"));
    }
    let out = args.out.display();
    let error = if listed {
        Error::input(format!("no {name} in {out}"))
    } else {
        Error::input(format!("no {name} with neighbours in {out}"))
    };
    Err(error.with_help(if known.is_empty() {
        "the table has no rows".into()
    } else {
        suggestion(&args.item, &known)
    }))
}

/// An item of the table.
struct Known {
    item: String,
    label: Option<String>,
}

/// Names the items whose id, or whose label, is most like `text`.
fn suggestion(text: &str, known: &[Known]) -> String {
    let ids = closest(text, known.iter().map(|known| known.item.as_str()));
    let mut found: Vec<&Known> = ids
        .iter()
        .filter_map(|id| known.iter().find(|known| known.item == *id))
        .chain(by_label(text, known))
        .collect();
    let mut seen = std::collections::HashSet::new();
    found.retain(|known| seen.insert(known.item.as_str()));
    if found.is_empty() {
        return "IDs must match exactly: see the item column of the table".into();
    }
    let names = found.iter().take(3).map(|known| match &known.label {
        Some(label) => format!("`{}` ({})", shortened(&known.item, 40), shortened(label, 40)),
        None => format!("`{}`", shortened(&known.item, 40)),
    });
    format!("did you mean {}?", names.collect::<Vec<_>>().join(" or "))
}

/// Finds the items whose labels hold `text`, the shortest labels first; else those with the
/// closest labels.
fn by_label<'a>(text: &str, known: &'a [Known]) -> Vec<&'a Known> {
    let lower = text.to_lowercase();
    let labelled = || known.iter().filter_map(|known| Some((known, known.label.as_deref()?)));
    let mut holding: Vec<_> = labelled()
        .filter(|(_, label)| !lower.is_empty() && label.to_lowercase().contains(&lower))
        .collect();
    if holding.is_empty() {
        let labels = closest(text, labelled().map(|(_, label)| label));
        let of_label = |label: &&str| labelled().find(|(_, known)| known == label);
        return labels.iter().filter_map(of_label).map(|(known, _)| known).collect();
    }
    holding.sort_by_key(|(_, label)| label.chars().count());
    holding.into_iter().take(3).map(|(known, _)| known).collect()
}
