//! `ilk similar`: neighbours of items.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fmt::Write as _,
    path::{Path, PathBuf},
};

use ilk_core::{data::canonical_integer, job::Pairs};
use ilk_formats::{NeighbourRow, has_integer_ids, read_items, read_neighbours};
use serde::Serialize;

use super::results::{WHAT_IT_READS, open, table_of};
use crate::{
    cli::{SimilarArgs, SimilarFormat},
    error::Error,
    output::ITEMS,
    stdout,
    text::{self, Align, Table, closest, counted, shortened},
};

/// Prints the neighbours of items. Those that cannot be shown are named after the others.
///
/// # Errors
/// For an output that cannot be read, and items that are not in it.
pub(crate) fn similar(args: &SimilarArgs) -> Result<(), Error> {
    let path = table_of(&args.out)?;
    let is_once = args.pairs == Some(Pairs::Once);
    let table = ResultTable { path, out: &args.out, is_once };
    let Found { lists, called, lost } = table.find(&args.items)?;
    let found = args.items.iter().filter_map(|item| lists.get(called.get(item).unwrap_or(item)));
    let found = found.map(Vec::as_slice).collect::<Vec<_>>();
    let count = args.count as usize;
    let text = match args.format {
        SimilarFormat::Text => pages(&found, count),
        SimilarFormat::Json if found.is_empty() => String::new(),
        SimilarFormat::Json => {
            let is_integer = args.ids.is_none() && has_integer_ids(open(&table.path)?)?;
            lines(&found, count, is_integer)?
        }
    };
    stdout::print_text(&text)?;
    all_lost(&lost).map_or(Ok(()), Err)
}

/// Makes one error of all; `None` if there is none.
fn all_lost(lost: &[Error]) -> Option<Error> {
    let messages = lost.iter().map(Error::message).collect::<Vec<_>>();
    let mut helps = lost.iter().filter_map(Error::help).collect::<Vec<_>>();
    helps.dedup();
    let help = (!helps.is_empty()).then(|| helps.join("; "));
    (!lost.is_empty()).then(|| Error::input(messages.join("; ")).with_help_if(help))
}

/// The rows of items, best first, by the ID of the item.
type Lists = BTreeMap<String, Vec<NeighbourRow>>;

/// What was found of the items that were asked for.
struct Found {
    lists: Lists,
    /// The IDs of those that were named by their labels.
    called: BTreeMap<String, String>,
    /// Why some are not shown, in the order they were asked for.
    lost: Vec<Error>,
}

/// A table of neighbours.
struct ResultTable<'a> {
    path: PathBuf,
    /// What people call the result.
    out: &'a Path,
    /// Each pair is in it once.
    is_once: bool,
}

impl ResultTable<'_> {
    /// Finds the lists of items by their IDs, or else by their labels.
    fn find(&self, items: &[String]) -> Result<Found, Error> {
        let mut lists = self.lists(items)?;
        let mut seen = BTreeSet::new();
        let unknown = items.iter().filter(|item| !lists.contains_key(*item) && seen.insert(*item));
        let unknown = unknown.collect::<Vec<_>>();
        let (mut called, mut lost) = (BTreeMap::new(), Vec::new());
        if unknown.is_empty() {
            return Ok(Found { lists, called, lost });
        }
        let known = self.known()?;
        let named = unknown.into_iter().map(|item| (item, known.item_of(item).map(str::to_owned)));
        let named = named.collect::<Vec<_>>();
        let ids = named.iter().filter_map(|(_, id)| id.as_ref().ok().cloned());
        lists.extend(self.lists(&ids.collect::<Vec<_>>())?);
        for (item, id) in named {
            match id {
                Ok(id) if lists.contains_key(&id) => {
                    called.insert(item.clone(), id);
                }
                Ok(_) => lost.push(without_neighbours(item)),
                Err(error) => lost.push(error),
            }
        }
        Ok(Found { lists, called, lost })
    }

    /// Reads the lists of items. Cost: of Parquet, as much as holds their rows; else a pass over the
    /// table, as for pairs that are there once.
    fn lists(&self, items: &[String]) -> Result<Lists, Error> {
        let mut lists = Lists::new();
        let wanted = items.iter().map(String::as_str).collect::<BTreeSet<_>>();
        let is_parquet = self.path.extension().is_some_and(|ending| ending == "parquet");
        if wanted.is_empty() {
            return Ok(lists);
        }
        if !self.is_once && (is_parquet || wanted.len() == 1) {
            for item in wanted {
                self.read(Some(item), &mut |row| {
                    lists.entry(row.item.clone()).or_default().push(row);
                })?;
            }
        } else {
            self.read(None, &mut |row| {
                if self.is_once && wanted.contains(row.neighbour.as_str()) {
                    let turned = turned(row.clone());
                    lists.entry(turned.item.clone()).or_default().push(turned);
                }
                if wanted.contains(row.item.as_str()) {
                    lists.entry(row.item.clone()).or_default().push(row);
                }
            })?;
        }
        for rows in lists.values_mut() {
            if self.is_once {
                rank_again(rows);
            } else {
                rows.sort_by_key(|row| row.rank);
            }
        }
        Ok(lists)
    }

    fn read(&self, item: Option<&str>, see: &mut dyn FnMut(NeighbourRow)) -> Result<(), Error> {
        let mut sink = |row| {
            see(row);
            Ok(())
        };
        read_neighbours(open(&self.path)?, item, &mut sink).map_err(|error| match error {
            ilk_formats::Error::MissingColumn { .. } => Error::from(error).with_help(WHAT_IT_READS),
            error => error.into(),
        })
    }

    /// Reads which items there are: a folder lists all, a table alone only those with neighbours.
    fn known(&self) -> Result<KnownItems<'_>, Error> {
        let mut items = Vec::new();
        let mut see = |item: &str, label: Option<&str>| {
            items.push(Known { item: item.to_owned(), label: label.map(str::to_owned) });
            Ok::<(), Error>(())
        };
        let all = self.path.with_file_name(ITEMS);
        let are_all = self.out.is_dir() && all.is_file();
        read_items(open(if are_all { &all } else { &self.path })?, &mut see)?;
        Ok(KnownItems { items, are_all, out: self.out })
    }
}

/// Turns a pair around.
fn turned(row: NeighbourRow) -> NeighbourRow {
    NeighbourRow {
        item: row.neighbour,
        neighbour: row.item,
        item_label: row.neighbour_label,
        neighbour_label: row.item_label,
        ..row
    }
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

/// Shows lists one below the other.
fn pages(lists: &[&[NeighbourRow]], count: usize) -> String {
    let page = |rows: &&[NeighbourRow]| {
        let mut page = render(&rows[..count.min(rows.len())]);
        if rows.len() > count {
            let more = counted((rows.len() - count) as u64, "more neighbour");
            let _ = writeln!(page, "\n{more}: add -n {}", rows.len());
        }
        page
    };
    lists.iter().map(page).collect::<Vec<_>>().join("\n")
}

/// An ID as its table has it.
#[derive(Serialize)]
#[serde(untagged)]
enum Id<'a> {
    Integer(i64),
    Unsigned(u64),
    Text(&'a str),
}

impl<'a> Id<'a> {
    fn of(text: &'a str, is_integer: bool) -> Self {
        let integer = || text.parse().map(Self::Integer).ok();
        let unsigned = || text.parse().map(Self::Unsigned).ok();
        let number = if is_integer { integer().or_else(unsigned) } else { None };
        number.unwrap_or(Self::Text(text))
    }
}

/// The list of an item in JSON.
#[derive(Serialize)]
struct ItemList<'a> {
    item: Id<'a>,
    label: Option<&'a str>,
    /// Neighbours that the result has of it.
    total: usize,
    neighbours: Vec<ListedNeighbour<'a>>,
}

/// A neighbour in JSON.
#[derive(Serialize)]
struct ListedNeighbour<'a> {
    item: Id<'a>,
    label: Option<&'a str>,
    rank: i32,
    score: f32,
    overlap: i64,
}

/// Writes lists as JSON, one a line.
fn lines(lists: &[&[NeighbourRow]], count: usize, is_integer: bool) -> Result<String, Error> {
    let mut text = String::new();
    for rows in lists {
        let Some(first) = rows.first() else { continue };
        let listed = rows.iter().take(count).map(|row| ListedNeighbour {
            item: Id::of(&row.neighbour, is_integer),
            label: row.neighbour_label.as_deref(),
            rank: row.rank,
            score: row.score,
            overlap: row.overlap,
        });
        let list = ItemList {
            item: Id::of(&first.item, is_integer),
            label: first.item_label.as_deref(),
            total: rows.len(),
            neighbours: listed.collect(),
        };
        let line = serde_json::to_string(&list);
        text += &line.map_err(|error| Error::internal(error.to_string()))?;
        text.push('\n');
    }
    Ok(text)
}

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

/// Makes an error of an item that has no neighbours.
fn without_neighbours(item: &str) -> Error {
    Error::input(format!("{} has no neighbours", name_of(item)))
        .with_help("its users have no other items, or no pair passed the job's limits")
}

/// Names an item as it was asked for.
fn name_of(item: &str) -> String {
    format!("item `{}`", shortened(item, LONGEST))
}

/// The items that a result tells of.
struct KnownItems<'a> {
    items: Vec<Known>,
    /// They are all there are, with or without neighbours.
    are_all: bool,
    /// What people call the result.
    out: &'a Path,
}

impl KnownItems<'_> {
    /// Finds the ID of the item that is asked for by a text without a list of its own: the item of that
    /// ID, or else the one of that label.
    ///
    /// # Errors
    /// If there is none, with the closest ones, and if there are several.
    fn item_of(&self, text: &str) -> Result<&str, Error> {
        if self.items.iter().any(|known| known.item == text) {
            return Err(without_neighbours(text));
        }
        let lower = text.to_lowercase();
        let labelled = |is: &dyn Fn(&str) -> bool| {
            let items = self.items.iter().filter(|known| known.label.as_deref().is_some_and(is));
            items.map(|known| known.item.as_str()).collect::<Vec<_>>()
        };
        let mut found = labelled(&|label| label == text);
        if found.is_empty() {
            found = labelled(&|label| label.to_lowercase() == lower);
        }
        match found[..] {
            [] => Err(self.missing(text)),
            [item] => Ok(item),
            [..] => Err(several(text, &found)),
        }
    }

    /// Makes an error of an item that is not there.
    fn missing(&self, text: &str) -> Error {
        let (name, out) = (name_of(text), self.out.display());
        let error = if self.are_all {
            Error::input(format!("no {name} in {out}"))
        } else {
            Error::input(format!("no {name} with neighbours in {out}"))
        };
        error.with_help(if self.items.is_empty() {
            "the table has no rows".into()
        } else {
            suggestion(text, &self.items)
        })
    }
}

/// Makes an error of a label that several items have.
fn several(label: &str, items: &[&str]) -> Error {
    let shown = items.iter().take(3).map(|item| format!("`{}`", shortened(item, 40)));
    let more = if items.len() > 3 { ", …" } else { "" };
    let number = counted(items.len() as u64, "item");
    Error::input(format!("{number} are labelled `{}`", shortened(label, LONGEST)))
        .with_help(format!("name one by its ID: {}{more}", shown.collect::<Vec<_>>().join(", ")))
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
    let mut seen = HashSet::new();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn row(item: &str, neighbour: &str, score: f32) -> NeighbourRow {
        NeighbourRow {
            item: item.into(),
            neighbour: neighbour.into(),
            rank: 1,
            score,
            overlap: 3,
            ..NeighbourRow::default()
        }
    }

    #[test]
    fn ids_keep_type_and_digits_in_json() {
        let most = u64::MAX.to_string();
        let rows = [row(&most, "-9223372036854775808", 0.866_025_4)];
        insta::assert_snapshot!(lines(&[&rows], 5, true).unwrap(), @r#"{"item":18446744073709551615,"label":null,"total":1,"neighbours":[{"item":-9223372036854775808,"label":null,"rank":1,"score":0.8660254,"overlap":3}]}"#);
        let rows = [row("007", "a\"b", f32::INFINITY)];
        insta::assert_snapshot!(lines(&[&rows], 5, false).unwrap(), @r#"{"item":"007","label":null,"total":1,"neighbours":[{"item":"a\"b","label":null,"rank":1,"score":null,"overlap":3}]}"#);
    }

    #[test]
    fn labels_name_items_where_that_is_clear() {
        let known = |item: &str, label: Option<&str>| Known {
            item: item.into(),
            label: label.map(Into::into),
        };
        let items = vec![
            known("1", Some("Tea")),
            known("2", Some("tea")),
            known("3", Some("Mug")),
            known("4", Some("Mug")),
            known("Mug", None),
            known("5", Some("Earl Grey")),
        ];
        let items = KnownItems { items, are_all: true, out: Path::new("out") };
        assert_eq!(items.item_of("Tea").unwrap(), "1");
        assert_eq!(items.item_of("earl grey").unwrap(), "5");
        let told = |text| items.item_of(text).unwrap_err().message().to_owned();
        assert_eq!(told("TEA"), "2 items are labelled `TEA`");
        // The item of that ID comes first.
        assert_eq!(told("Mug"), "item `Mug` has no neighbours");
        assert_eq!(told("zzz"), "no item `zzz` in out");
    }
}
