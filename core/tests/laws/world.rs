//! What the laws are about: events, the ways they may be dealt out in chunks and files, and the
//! real pipeline from rows to neighbours.

use std::collections::{BTreeMap, BTreeSet};

use ilk_core::{
    cost::{Layout, Machine},
    data::{BadCell, IdColumn, Ids, Rows, TextColumn},
    executor::{Executor, Sequential},
    job::{Given, Job, Of},
    kernel::neighbours,
    matrix::Matrix,
    plan::{ItemFilter, Plan, codes_of},
    prepare::{EncodeError, Folding, Interactions, Needs, Tally, clean, encode, fold},
    result::{Catalogue, Neighbour, Neighbours},
    simd::Kernel,
    testing::{
        generate::{self, Crowd, Shape},
        oracle::{Event, Id, Lists},
    },
};
use proptest::{
    collection::vec,
    option,
    prelude::{Strategy, any},
    prop_oneof,
    sample::select,
};
use rand_pcg::Pcg32;

use crate::{
    crew::{Crew, below, shuffle},
    jobs::Task,
};

/// Any events: a known shape, or rows drawn one by one, which shrink to few.
pub(crate) fn events() -> impl Strategy<Value = Vec<Event>> {
    prop_oneof![
        3 => (select(Shape::ALL), 0..100_000_u64)
            .prop_map(|(shape, seed)| generate::events(shape, seed)),
        2 => drawn_events(9, 9, 80),
    ]
}

/// Any events without nulls, returns and other trouble.
pub(crate) fn clean_events() -> impl Strategy<Value = Vec<Event>> {
    let shapes = select(&Shape::ALL[..Shape::ALL.len() - 1]);
    (shapes, 0..100_000_u64).prop_map(|(shape, seed)| generate::events(shape, seed))
}

/// Up to `rows` events of so many users and items.
fn drawn_events(users: i64, items: i64, rows: usize) -> impl Strategy<Value = Vec<Event>> {
    let weight = select(vec![1.0, 2.0, 0.1, 0.3, 7.5, 1e-16, -0.3, -1.0, 0.0, f64::NAN]);
    let event = (0..users, 0..items, weight, 0..50_i64, option::of("[ab]")).prop_map(
        |(user, item, weight, day, label)| Event {
            user: Some(Id::Integer(user.into())),
            item: Some(Id::Integer((item * 3 - 10).into())),
            weight: Some(weight),
            time: Some(1_735_689_600_000_000 + day * 86_400_000_000),
            label,
        },
    );
    vec(event, 0..rows)
}

/// A few thousand users and hundreds of items: enough for several tiles, and for lists that are
/// cut down while they grow.
pub(crate) fn crowd(users: u32, items: u32, drawn: u64, seed: u64) -> Vec<Event> {
    let crowd = Crowd { users, items, drawn, zipf: 0.9, sigma: 1.0 };
    let event = |(user, item): (u32, u32)| Event {
        user: Some(Id::Integer(user.into())),
        item: Some(Id::Integer((i128::from(item) * 7) % 1009)),
        weight: Some(0.25 * f64::from((user * 7 + item * 3) % 11 + 1)),
        time: Some(1_735_689_600_000_000 + i64::from((user * 5 + item) % 90) * 86_400_000_000),
        label: None,
    };
    crowd.pairs(seed).into_iter().map(event).collect()
}

/// How events come in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deal {
    /// Decides the order of rows, chunks and tasks, where chunks end, and the layout.
    pub(crate) seed: u64,
    /// Number of chunks.
    pub(crate) chunks: usize,
    /// Number of threads.
    pub(crate) workers: usize,
    /// User and item columns come without a type.
    pub(crate) untyped: [bool; 2],
    /// One row in so many cannot be read or misses a condition; 0 for none.
    pub(crate) troubled: usize,
}

impl Deal {
    /// All rows in one chunk, in order, on one thread.
    pub(crate) const PLAIN: Self =
        Self { seed: 0, chunks: 1, workers: 1, untyped: [false, false], troubled: 0 };
}

/// Any way for events to come in.
pub(crate) fn deals() -> impl Strategy<Value = Deal> {
    let troubled = prop_oneof![2 => 0..1_usize, 1 => 2..12_usize];
    (any::<u64>(), 1..7_usize, 1..9_usize, any::<[bool; 2]>(), troubled).prop_map(
        |(seed, chunks, workers, untyped, troubled)| Deal {
            seed,
            chunks,
            workers,
            untyped,
            troubled,
        },
    )
}

/// Events dealt out.
pub(crate) struct Dealt {
    /// The chunks, in any order.
    pub(crate) chunks: Vec<Rows>,
    /// The events that can be read and satisfy the conditions, with ids as they are understood.
    pub(crate) counted: Vec<Event>,
    /// Rows that cannot be read.
    pub(crate) unreadable: u64,
    /// Rows that miss a condition.
    pub(crate) filtered: u64,
    /// Whose threads run the tasks.
    pub(crate) crew: Crew,
    /// How the matrix is laid out and computed.
    pub(crate) layout: Layout,
}

/// Draws a layout: any instructions there are, any size of the dense head.
fn layout(seed: u64) -> Layout {
    if seed == 0 {
        return Layout::default();
    }
    let mut dice = Pcg32::new(seed, 4);
    let kernels = Kernel::available();
    // Machines may be as odd as they like.
    let usual = Machine::of(kernels[0]);
    let machines = [
        None,
        Some(Machine { chunk: 1, bit_row: 1, ..usual }),
        Some(Machine { addition: 0, sparse_addition: 0, ..usual }),
        Some(Machine { row: 1 << 30, visit: 1 << 30, sparse_visit: 1 << 30, ..usual }),
        // Whole rows cost nothing, or more than any other.
        Some(Machine {
            whole_row: 0,
            whole_visit: 0,
            whole_addition: 0,
            far_whole_addition: 0,
            whole_neighbour: 0,
            ..usual
        }),
        Some(Machine { whole_row: 1 << 30, ..usual }),
    ];
    Layout {
        kernel: kernels[below(&mut dice, kernels.len())],
        head: [None, Some(0), Some(1), Some(2)][below(&mut dice, 4)],
        machine: machines[below(&mut dice, machines.len())],
        model: machines[below(&mut dice, machines.len())],
    }
}

/// What becomes of a row before it is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Counted,
    Filtered,
    Unreadable,
}

/// Deals out `events`.
pub(crate) fn deal(events: &[Event], given: Given, deal: Deal) -> Dealt {
    let mut dice = Pcg32::new(deal.seed, 2);
    let mut rows = events.iter().cloned().map(|event| (event, Fate::Counted)).collect::<Vec<_>>();
    if deal.troubled > 0 {
        for (event, fate) in &mut rows {
            let hit = below(&mut dice, 2 * deal.troubled);
            if hit == 0 {
                (*event, *fate) = (Event::default(), Fate::Unreadable);
            } else if hit == 1 {
                *fate = Fate::Filtered;
            }
        }
    }
    let is_plain = deal.chunks == 1 && deal.workers == 1 && deal.seed == 0;
    if !is_plain {
        shuffle(&mut rows, deal.seed);
    }
    let mut ends = (1..deal.chunks).map(|_| below(&mut dice, rows.len() + 1)).collect::<Vec<_>>();
    ends.push(rows.len());
    ends.sort_unstable();
    let (mut chunks, mut start, mut file, mut first_row) = (Vec::new(), 0, 0, 1);
    for end in ends {
        let mut chunk = chunk_of(&rows[start..end], given, deal);
        (chunk.file, chunk.first_row) = (file, first_row);
        first_row += chunk.len() as u64;
        if below(&mut dice, 2) == 0 {
            (file, first_row) = (file + 1, 1);
        }
        chunks.push(chunk);
        start = end;
    }
    shuffle(&mut chunks, deal.seed);
    let count = |fate| rows.iter().filter(|(_, other)| *other == fate).count() as u64;
    let (unreadable, filtered) = (count(Fate::Unreadable), count(Fate::Filtered));
    let mut understood = rows.iter().map(|(event, _)| event.clone()).collect::<Vec<_>>();
    if deal.untyped[0] {
        understand(&mut understood, |event| &mut event.user);
    }
    if deal.untyped[1] {
        understand(&mut understood, |event| &mut event.item);
    }
    let counted = understood.into_iter().zip(&rows);
    let counted = counted.filter(|(_, (_, fate))| *fate == Fate::Counted);
    Dealt {
        counted: counted.map(|(event, _)| event).collect(),
        chunks,
        unreadable,
        filtered,
        crew: Crew { workers: deal.workers, seed: deal.seed },
        layout: layout(deal.seed),
    }
}

fn chunk_of(rows: &[(Event, Fate)], given: Given, deal: Deal) -> Rows {
    let events = rows.iter().map(|(event, _)| event.clone()).collect::<Vec<_>>();
    let mut chunk = generate::rows(&events, given, 0);
    if deal.troubled > 0 {
        chunk.kept = Some(rows.iter().map(|(_, fate)| *fate != Fate::Filtered).collect());
        let unreadable = (0..).zip(rows).filter(|(_, (_, fate))| *fate == Fate::Unreadable);
        chunk.unreadable = unreadable.map(|(row, _)| BadCell::new(row, "torn")).collect();
    }
    if deal.untyped[0] {
        chunk.user = without_type(&chunk.user);
    }
    if deal.untyped[1] {
        chunk.item = without_type(&chunk.item);
    }
    chunk
}

/// The same ids as a file without types has them.
fn without_type(column: &IdColumn) -> IdColumn {
    let texts = (0..column.len()).map(|row| column.display(row).map(String::from));
    IdColumn::Text(untyped_text(texts))
}

/// A text column without a type.
pub(crate) fn untyped_text(texts: impl Iterator<Item = Option<String>>) -> TextColumn {
    let mut known = BTreeMap::new();
    let mut column = TextColumn { untyped: true, ..TextColumn::default() };
    for text in texts {
        let code = text.map_or(TextColumn::NULL, |text| {
            *known.entry(text).or_insert_with_key(|text| {
                column.dictionary.push(text);
                column.dictionary.len() as u32 - 1
            })
        });
        column.codes.push(code);
    }
    column
}

/// Makes of ids without a type what they are: integers if all of them are written as integers
/// are and fit one type of 64 bits, else text.
fn understand(events: &mut [Event], id: impl Fn(&mut Event) -> &mut Option<Id>) {
    let texts = events.iter_mut().filter_map(|event| id(event).as_ref().map(ToString::to_string));
    let numbers = texts.map(|text| {
        let number = text.parse::<i128>().ok()?;
        (number.to_string() == text).then_some(number)
    });
    let numbers = numbers.collect::<Option<Vec<_>>>();
    let fits = |least: i128, most: i128| {
        numbers.as_ref().is_some_and(|all| all.iter().all(|one| (least..=most).contains(one)))
    };
    let are_integers =
        fits(i64::MIN.into(), i64::MAX.into()) || fits(u64::MIN.into(), u64::MAX.into());
    for event in events {
        if let Some(id) = id(event) {
            let text = id.to_string();
            *id = match text.parse() {
                Ok(number) if are_integers => Id::Integer(number),
                _ => Id::Text(text),
            };
        }
    }
}

/// Which lists narrow a job: seeds of subsets of the ids there are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Narrowing {
    pub(crate) only: Option<u64>,
    pub(crate) exclude: Option<u64>,
    pub(crate) wanted: Option<u64>,
}

/// Any lists, often none.
pub(crate) fn narrowings() -> impl Strategy<Value = Narrowing> {
    let list = || option::weighted(0.25, any::<u64>());
    (list(), list(), list()).prop_map(|(only, exclude, wanted)| Narrowing { only, exclude, wanted })
}

impl Narrowing {
    /// Draws the lists from the ids of `events`; each also holds an id that is not there.
    pub(crate) fn lists(self, events: &[Event], of: Of) -> Lists {
        let ids = events.iter().filter_map(|event| match of {
            Of::Items => event.item.clone(),
            Of::Users => event.user.clone(),
        });
        let ids = ids.collect::<BTreeSet<_>>();
        let stranger = match ids.first() {
            Some(Id::Integer(_)) => Id::Integer(4_711_000),
            _ => Id::Text("nobody".into()),
        };
        let draw = |seed| {
            let mut dice = Pcg32::new(seed, 3);
            let drawn = ids.iter().filter(|_| below(&mut dice, 2) == 0).cloned();
            drawn.chain([stranger.clone()]).collect::<BTreeSet<_>>()
        };
        Lists {
            only: self.only.map(draw),
            exclude: self.exclude.map(draw).unwrap_or_default(),
            wanted: self.wanted.map(draw),
        }
    }
}

/// What the real pipeline makes of rows.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) tally: Tally,
    pub(crate) folding: Folding,
    pub(crate) interactions: Interactions,
    pub(crate) catalogue: Catalogue,
    pub(crate) others: Ids,
    pub(crate) tiles: usize,
    pub(crate) neighbours: Neighbours,
}

/// Runs the real pipeline.
pub(crate) fn run(
    chunks: Vec<Rows>,
    task: (Given, &Job),
    lists: &Lists,
    executor: &impl Executor,
) -> Result<Outcome, EncodeError> {
    run_laid_out(chunks, task, lists, &Layout::default(), executor)
}

/// Runs the real pipeline with a layout of the test's choice.
pub(crate) fn run_laid_out(
    chunks: Vec<Rows>,
    (given, job): (Given, &Job),
    lists: &Lists,
    layout: &Layout,
    executor: &impl Executor,
) -> Result<Outcome, EncodeError> {
    let needs = Needs::of(job, given);
    let mut tally = Tally::default();
    let mut cleaned = Vec::new();
    for chunk in chunks {
        let (kept, of_chunk) = clean(chunk, job, needs);
        tally.merge(of_chunk);
        cleaned.push(kept);
    }
    let folded = fold(encode(cleaned, executor)?, job, needs, executor);
    let filter = filter(&folded.catalogue.ids, lists);
    let matrix = Matrix::with_layout(&folded.interactions, job, *layout, executor);
    let plan = Plan::of_job(&matrix, job, &filter);
    let found = neighbours(&matrix, &plan, job, &filter, executor, |_| {});
    Ok(Outcome {
        tally,
        folding: folded.folding,
        interactions: folded.interactions,
        catalogue: folded.catalogue,
        others: folded.others,
        tiles: plan.tiles.len(),
        neighbours: found,
    })
}

pub(crate) fn filter(ids: &Ids, lists: &Lists) -> ItemFilter {
    let codes = |list: &BTreeSet<Id>| {
        let texts = list.iter().map(ToString::to_string).collect::<Vec<_>>();
        codes_of(ids, texts.iter().map(String::as_str)).0
    };
    ItemFilter::new(
        ids.len(),
        lists.only.as_ref().map(codes).as_deref(),
        (!lists.exclude.is_empty()).then(|| codes(&lists.exclude)).as_deref(),
        lists.wanted.as_ref().map(codes).as_deref(),
    )
}

/// Runs the real pipeline on events in one chunk, on one thread, without lists.
pub(crate) fn similar(events: &[Event], task: &Task) -> Outcome {
    similar_among(events, task, &Lists::default())
}

/// The same with lists.
pub(crate) fn similar_among(events: &[Event], task: &Task, lists: &Lists) -> Outcome {
    let chunks = vec![generate::rows(events, task.given, 0)];
    run(chunks, (task.given, &task.job()), lists, &Sequential).expect("ids of one kind")
}

/// One row of the neighbours table; the score bit by bit.
pub(crate) type Line = (String, String, u32, u32);

impl Outcome {
    /// The rows of the neighbours table: item, neighbour, bits of the score, overlap.
    pub(crate) fn table(&self) -> Vec<Line> {
        let name = |code| self.catalogue.ids.display(code).into_owned();
        let line = |item, found: &Neighbour| {
            (name(item), name(found.code), found.score.to_bits(), found.overlap)
        };
        let items = 0..self.neighbours.items() as u32;
        items
            .flat_map(|item| self.neighbours.of(item).iter().map(move |found| line(item, found)))
            .collect()
    }

    /// Score bits and overlap by item and neighbour.
    pub(crate) fn pairs(&self) -> BTreeMap<(String, String), (u32, u32)> {
        let lines = self.table().into_iter();
        lines.map(|(item, other, score, overlap)| ((item, other), (score, overlap))).collect()
    }

    /// The neighbours of the item that reads `id`.
    pub(crate) fn of(&self, id: &str) -> &[Neighbour] {
        let code = self.catalogue.ids.find(id);
        self.neighbours.of(code.unwrap_or_else(|| panic!("{id} is there")))
    }

    /// The names of the neighbours of the item that reads `id`, best first.
    pub(crate) fn names_of(&self, id: &str) -> Vec<String> {
        let name = |found: &Neighbour| self.catalogue.ids.display(found.code).into_owned();
        self.of(id).iter().map(name).collect()
    }
}

/// Events from (user, item, weight) without anything else.
pub(crate) fn weighted_events(rows: &[(i64, &str, f64)]) -> Vec<Event> {
    let event = |(user, item, weight): &(i64, &str, f64)| Event {
        user: Some(Id::Integer((*user).into())),
        item: Some(Id::Text((*item).into())),
        weight: Some(*weight),
        time: Some(0),
        label: None,
    };
    rows.iter().map(event).collect()
}

/// Events of weight 1 from baskets: the items of user 0, of user 1 and so on.
pub(crate) fn baskets(baskets: &[&[&str]]) -> Vec<Event> {
    let rows = (0..).zip(baskets);
    let rows = rows.flat_map(|(user, items)| items.iter().map(move |item| (user, *item, 1.0)));
    weighted_events(&rows.collect::<Vec<_>>())
}
