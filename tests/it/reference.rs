//! What a case must give, by the naive oracle: nothing of the code under test takes part but the
//! scalar formulas, which the oracle's own tests check.

use std::collections::{BTreeMap, BTreeSet};

use ilk_core::{
    data::parse_time,
    job::Pairs,
    testing::oracle::{Answer, Event, Id, Lists, OracleItem, OracleNeighbour, across, similar},
};

use crate::cases::{Case, Sheet, Source};

/// What the ids of a column without types are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Integer,
    Unsigned,
    Text,
}

/// Decides what the cells of a column are: integers if each is written as an integer is, without
/// leading zeros or a plus, and one type of 64 bits holds them all.
pub(crate) fn kind(cells: &[Option<&str>]) -> Kind {
    let number = |text: &str| {
        let number = text.parse::<i128>().ok()?;
        (number.to_string() == text).then_some(number)
    };
    let Some(numbers) = cells.iter().flatten().map(|text| number(text)).collect::<Option<Vec<_>>>()
    else {
        return Kind::Text;
    };
    let fit = |least: i128, most: i128| numbers.iter().all(|one| (least..=most).contains(one));
    if fit(i64::MIN.into(), i64::MAX.into()) {
        Kind::Integer
    } else if fit(0, u64::MAX.into()) {
        Kind::Unsigned
    } else {
        Kind::Text
    }
}

impl Kind {
    /// Makes an id of a cell.
    fn id(self, text: &str) -> Id {
        match self {
            Self::Text => Id::Text(text.into()),
            _ => Id::Integer(text.parse().expect("an integer")),
        }
    }
}

/// Computes what `expected.csv` must hold.
pub(crate) fn expected(case: &Case) -> String {
    let sheet = case.sheet();
    let (users, mut items) = (sheet.column(&case.source.user), sheet.column(&case.source.item));
    let target = case.source.target.as_ref().map(|file| {
        let source = &case.source;
        let other = |name: &Option<String>, usual: &String| name.clone().unwrap_or(usual.clone());
        let source = Source {
            user: other(&source.target_user, &source.user),
            item: other(&source.target_item, &source.item),
            item_label: None,
            ..source.clone()
        };
        (Sheet::parse(&case.text(file)), source)
    });
    if let Some((sheet, source)) = &target {
        items.extend(sheet.column(&source.item));
    }
    let compared = match case.job.of {
        ilk_core::job::Of::Items => kind(&items),
        ilk_core::job::Of::Users => kind(&users),
    };
    let list = |file: &Option<String>| {
        let text = case.text(file.as_ref()?);
        let ids = text.lines().filter(|line| !line.is_empty()).map(|line| compared.id(line));
        Some(ids.collect::<BTreeSet<_>>())
    };
    let lists = Lists {
        only: list(&case.lists.only),
        exclude: list(&case.lists.exclude).unwrap_or_default(),
        wanted: list(&case.lists.wanted),
    };
    let input = events(&case.source, &sheet);
    let mut answer = match &target {
        None => similar(&input, case.given, &case.job, &lists),
        Some((sheet, source)) => {
            across((&input, &events(source, sheet)), case.given, &case.job, &lists)
        }
    };
    if case.job.pairs == Pairs::Once {
        once(&mut answer);
    }
    table(&answer, case.has_labels())
}

/// Moves every pair to its item of the smaller id, where it stands once.
fn once(answer: &mut Answer) {
    let all = std::mem::take(&mut answer.items);
    for item in &all {
        let mut pairs = BTreeMap::new();
        for other in item.neighbours.iter().filter(|other| other.id > item.id) {
            pairs.insert(other.id.clone(), other.clone());
        }
        for other in all.iter().filter(|other| other.id > item.id) {
            let of_item = other.neighbours.iter().find(|one| one.id == item.id);
            if let Some(found) = of_item {
                pairs.insert(
                    other.id.clone(),
                    OracleNeighbour { id: other.id.clone(), ..found.clone() },
                );
            }
        }
        let mut neighbours = pairs.into_values().collect::<Vec<_>>();
        neighbours.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
        answer.items.push(OracleItem { neighbours, ..item.clone() });
    }
}

/// Makes events of the rows that satisfy the conditions.
fn events(source: &Source, sheet: &Sheet) -> Vec<Event> {
    let ids = |name| {
        let cells = sheet.column(name);
        let kind = kind(&cells);
        cells.into_iter().map(move |cell| cell.map(|text| kind.id(text))).collect::<Vec<_>>()
    };
    let (users, items) = (ids(&source.user), ids(&source.item));
    let optional = |name: &Option<String>| {
        name.as_ref().map_or_else(|| vec![None; sheet.rows.len()], |name| sheet.column(name))
    };
    let (weights, times, labels) =
        (optional(&source.weight), optional(&source.time), optional(&source.item_label));
    let conditions = source.conditions.iter().map(|condition| {
        let (name, value) = condition.split_once('=').expect("conditions here say COL=VALUE");
        (sheet.column(name), value)
    });
    let conditions = conditions.collect::<Vec<_>>();
    let holds = |row: usize| conditions.iter().all(|(cells, value)| cells[row] == Some(*value));
    let event = |row: usize| Event {
        user: users[row].clone(),
        item: items[row].clone(),
        weight: weights[row].and_then(|text| text.parse().ok()),
        time: times[row].and_then(parse_time),
        label: labels[row].map(Into::into),
    };
    (0..sheet.rows.len()).filter(|row| holds(*row)).map(event).collect()
}

/// Writes the table of neighbours.
fn table(answer: &Answer, has_labels: bool) -> String {
    let mut header = vec!["item", "neighbour", "rank", "score", "overlap"];
    if has_labels {
        header.extend(["item_label", "neighbour_label"]);
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).expect("memory takes it");
    let label = |item: &OracleItem| item.label.clone().unwrap_or_default();
    for item in &answer.items {
        for (rank, neighbour) in (1..).zip(&item.neighbours) {
            let mut record = vec![
                item.id.to_string(),
                neighbour.id.to_string(),
                i32::to_string(&rank),
                neighbour.score.to_string(),
                neighbour.overlap.to_string(),
            ];
            if has_labels {
                let other = answer.items.iter().find(|other| other.id == neighbour.id);
                record.extend([label(item), other.map(label).unwrap_or_default()]);
            }
            writer.write_record(record).expect("memory takes it");
        }
    }
    String::from_utf8(writer.into_inner().expect("memory takes it")).expect("UTF-8")
}
