//! `ilk compare`: what differs between two results.

use std::{collections::HashMap, fmt::Write as _, path::Path};

use ilk_formats::{NeighbourRow, read_neighbours};
use serde_json::{Value, json};

use super::results::{WHAT_IT_READS, open, table_of};
use crate::{
    cli::{CompareArgs, TextOrJson},
    error::Error,
    stdout,
    text::{Align, Table, grouped, shortened, width},
};

/// Columns of the terminal that an ID or a label takes up at most.
const LONGEST: usize = 40;

/// Prints what differs between two results.
///
/// # Errors
/// For results that cannot be read.
pub(crate) fn compare(args: &CompareArgs) -> Result<(), Error> {
    let mut names = Names::default();
    let old = read(&args.old, &mut names)?;
    let new = read(&args.new, &mut names)?;
    let page = Page::of(&old, &new, names, args.count as usize);
    stdout::print_text(&match args.format {
        TextOrJson::Text => page.text(),
        TextOrJson::Json => format!("{:#}\n", page.json()),
    })
}

/// The lists of a result: for each item its neighbours, best first, by the numbers of [`Names`].
type Lists = HashMap<u32, Vec<u32>>;

/// IDs by number, and what items are called.
#[derive(Default)]
struct Names {
    numbers: HashMap<String, u32>,
    ids: Vec<String>,
    labels: HashMap<u32, String>,
}

impl Names {
    fn number(&mut self, id: String) -> u32 {
        if let Some(number) = self.numbers.get(&id) {
            return *number;
        }
        let number = self.ids.len() as u32;
        self.ids.push(id.clone());
        self.numbers.insert(id, number);
        number
    }
}

/// Reads a result. Memory: 4 bytes a row, and the IDs once.
fn read(place: &Path, names: &mut Names) -> Result<Lists, Error> {
    let mut ranked: HashMap<u32, Vec<(i32, u32)>> = HashMap::new();
    let mut see = |row: NeighbourRow| {
        let (item, neighbour) = (names.number(row.item), names.number(row.neighbour));
        if let Some(label) = row.item_label {
            names.labels.entry(item).or_insert(label);
        }
        ranked.entry(item).or_default().push((row.rank, neighbour));
        Ok(())
    };
    read_neighbours(open(&table_of(place)?)?, None, &mut see).map_err(|error| match error {
        ilk_formats::Error::MissingColumn { .. } => Error::from(error).with_help(WHAT_IT_READS),
        error => error.into(),
    })?;
    let list = |(item, mut list): (u32, Vec<(i32, u32)>)| {
        list.sort_unstable();
        (item, list.into_iter().map(|(_, neighbour)| neighbour).collect())
    };
    Ok(ranked.into_iter().map(list).collect())
}

/// How the list of an item changed.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Change {
    item: u32,
    kept: u64,
    gained: u64,
    lost: u64,
    /// Spearman's coefficient of the ranks of the neighbours kept, of two or more.
    correlation: Option<f64>,
}

impl Change {
    fn of(item: u32, old: &[u32], new: &[u32]) -> Self {
        let places = new.iter().zip(0_u32..).collect::<HashMap<_, _>>();
        // Where the neighbours kept stand in the new list, in the order of the old one.
        let kept = old.iter().filter_map(|neighbour| places.get(neighbour).copied());
        let kept = kept.collect::<Vec<_>>();
        let number = kept.len() as u64;
        Self {
            item,
            kept: number,
            gained: new.len() as u64 - number,
            lost: old.len() as u64 - number,
            correlation: spearman(&kept),
        }
    }

    /// The share of the neighbours of either list that are in both.
    fn agreement(&self) -> f64 {
        let all = self.kept + self.gained + self.lost;
        if all == 0 { 1.0 } else { self.kept as f64 / all as f64 }
    }

    /// Orders changes, the largest first.
    fn key(&self) -> (f64, f64) {
        (self.agreement(), self.correlation.unwrap_or(1.0))
    }
}

/// Spearman's rank correlation of places with the order they come in; `None` of fewer than two.
fn spearman(places: &[u32]) -> Option<f64> {
    let number = places.len();
    if number < 2 {
        return None;
    }
    let mut order = (0..number).collect::<Vec<_>>();
    order.sort_unstable_by_key(|place| places[*place]);
    let squares = order.iter().enumerate().map(|(rank, place)| {
        let apart = rank as f64 - *place as f64;
        apart * apart
    });
    let number = number as f64;
    Some(1.0 - 6.0 * squares.sum::<f64>() / (number * (number * number - 1.0)))
}

/// What is told.
struct Page {
    names: Names,
    /// Items with neighbours: in the old result, in the new one, in both.
    items: [u64; 3],
    /// Rows of the old result, and of the new one.
    rows: [u64; 2],
    /// Neighbours of all items: kept, gained, lost.
    neighbours: [u64; 3],
    /// Items of both whose lists differ in neighbours or order.
    changed: u64,
    /// The mean agreement of the items of either.
    agreement: f64,
    /// The mean correlation of the items that have one.
    correlation: Option<f64>,
    /// The most changed items.
    most: Vec<Change>,
}

impl Page {
    fn of(old: &Lists, new: &Lists, names: Names, count: usize) -> Self {
        let none = Vec::new();
        let added = new.keys().filter(|item| !old.contains_key(item));
        let mut changes = old
            .keys()
            .chain(added)
            .map(|item| {
                Change::of(*item, old.get(item).unwrap_or(&none), new.get(item).unwrap_or(&none))
            })
            .collect::<Vec<_>>();
        let id = |change: &Change| &names.ids[change.item as usize];
        changes.sort_by(|one, other| {
            let (first, second) = (one.key(), other.key());
            let by_change = first.0.total_cmp(&second.0).then(first.1.total_cmp(&second.1));
            by_change.then_with(|| id(one).cmp(id(other)))
        });
        let sum = |of: fn(&Change) -> u64| changes.iter().map(of).sum::<u64>();
        let mean = |values: Vec<f64>| {
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        let both = old.keys().filter(|item| new.contains_key(item)).count() as u64;
        let rows = |lists: &Lists| lists.values().map(|list| list.len() as u64).sum();
        let differs = |change: &&Change| old.get(&change.item) != new.get(&change.item);
        let changed = changes.iter().filter(differs).copied().collect::<Vec<_>>();
        let agreement = mean(changes.iter().map(Change::agreement).collect()).unwrap_or(1.0);
        Self {
            items: [old.len() as u64, new.len() as u64, both],
            rows: [rows(old), rows(new)],
            neighbours: [sum(|c| c.kept), sum(|c| c.gained), sum(|c| c.lost)],
            changed: changed.len() as u64,
            agreement,
            correlation: mean(changes.iter().filter_map(|change| change.correlation).collect()),
            most: changed.into_iter().take(count).collect(),
            names,
        }
    }

    fn label(&self, item: u32) -> Option<&str> {
        self.names.labels.get(&item).map(String::as_str)
    }

    fn text(&self) -> String {
        let [old, new, both] = self.items;
        let [kept, gained, lost] = self.neighbours;
        let mut table = Table::new([
            ("", Align::Left),
            ("old", Align::Right),
            ("new", Align::Right),
            ("both", Align::Right),
        ]);
        table.row(["items".into(), grouped(old), grouped(new), grouped(both)]);
        table.row([
            "neighbours".into(),
            grouped(self.rows[0]),
            grouped(self.rows[1]),
            grouped(kept),
        ]);
        let mut text = table.render(width());
        let correlation =
            self.correlation.map_or_else(|| "–".into(), |value| format!("{value:.4}"));
        let _ = write!(
            text,
            "\ngained            {}\nlost              {}\nitems changed     {}\nmean agreement    \
             {:.1} %\nrank correlation  {correlation}\n",
            grouped(gained),
            grouped(lost),
            grouped(self.changed),
            self.agreement * 100.0,
        );
        if self.most.is_empty() {
            return text;
        }
        let has_labels = self.most.iter().any(|change| self.label(change.item).is_some());
        let mut columns = vec![
            ("most changed", Align::Left),
            ("kept", Align::Right),
            ("gained", Align::Right),
            ("lost", Align::Right),
            ("correlation", Align::Right),
        ];
        if has_labels {
            columns.insert(1, ("label", Align::Left));
        }
        let mut table = Table::new(columns);
        for change in &self.most {
            let correlation = change.correlation.map(|value| format!("{value:.4}"));
            let mut cells = vec![
                shortened(&self.names.ids[change.item as usize], LONGEST),
                grouped(change.kept),
                grouped(change.gained),
                grouped(change.lost),
                correlation.unwrap_or_else(|| "–".into()),
            ];
            if has_labels {
                cells.insert(1, shortened(self.label(change.item).unwrap_or(""), LONGEST));
            }
            table.row(cells);
        }
        text + "\n" + &table.render(width())
    }

    fn json(&self) -> Value {
        let most = self.most.iter().map(|change| {
            json!({
                "item": self.names.ids[change.item as usize],
                "label": self.label(change.item),
                "kept": change.kept,
                "gained": change.gained,
                "lost": change.lost,
                "rank_correlation": change.correlation,
            })
        });
        let [old, new, both] = self.items;
        let [kept, gained, lost] = self.neighbours;
        json!({
            "items": {"old": old, "new": new, "both": both, "changed": self.changed},
            "neighbours": {
                "old": self.rows[0],
                "new": self.rows[1],
                "kept": kept,
                "gained": gained,
                "lost": lost,
            },
            "mean_agreement": self.agreement,
            "mean_rank_correlation": self.correlation,
            "most_changed": most.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_compared_by_what_they_keep_and_in_which_order() {
        let change = Change::of(7, &[1, 2, 3, 4], &[4, 3, 9, 2]);
        assert_eq!((change.kept, change.gained, change.lost), (3, 1, 1));
        assert_eq!(change.correlation, Some(-1.0));
        assert!((change.agreement() - 0.6).abs() < 1e-12);
        assert_eq!(Change::of(7, &[1], &[1]).correlation, None);
        assert_eq!(spearman(&[0, 1, 2, 3]), Some(1.0));
        // By hand: d² = 1 + 1 + 0 + 0, so 1 - 6 * 2 / (4 * 15).
        assert!((spearman(&[5, 2, 8, 9]).unwrap() - 0.8).abs() < 1e-12);
    }
}
