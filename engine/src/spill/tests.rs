//! Small data under budgets far smaller still: the bytes must be those of a run in memory.

use std::{
    fmt::Write as _,
    fs,
    num::{NonZeroU32, NonZeroUsize},
    path::Path,
    sync::Arc,
};

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use ilk_core::{
    job::{Duplicates, NegativeWeights, Of, Pairs, Preset, SimilarityJob},
    measure::MeasureName,
    prepare::Needs,
    weighting::WeightingName,
};
use parquet::{arrow::ArrowWriter, file::properties::WriterProperties};

use crate::{
    error::Error,
    memory::{Allowance, of_folding},
    observe::Unobserved,
    pool::Pool,
    progress::{Reporter, Telling},
    publish::Existing,
    request::{Publication, Request},
    run::run_within,
    source::{DataSource, Lists},
};

/// A row: user, item, weight, day.
#[derive(Clone, Copy)]
struct Row {
    user: u64,
    item: u64,
    weight: f64,
    day: u64,
}

/// Draws rows: few popular items, users of any activity, one with very much, duplicates, returns.
fn rows(count: usize) -> Vec<Row> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = move |bound: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    (0..count)
        .map(|row| {
            let (a, b) = (below(400), below(400));
            let user = if row % 4 == 0 { 200 } else { a.min(b) };
            let (a, b) = (below(60), below(60));
            let weight = [1.0, 2.0, 2.5, 0.1, -1.0, 1e-3, 7.0][below(7) as usize];
            Row { user, item: a * b / 60, weight, day: 1 + below(28) }
        })
        .collect()
}

/// How an id is spelt.
type Spelling = fn(u64) -> String;

/// Writes rows as CSV files, a third each.
fn csv(home: &Path, rows: &[Row], user: Spelling, item: Spelling) -> Vec<String> {
    let write = |(number, rows): (usize, &[Row])| {
        let mut text = String::from("user,item,weight,day,label\n");
        for Row { user: u, item: i, weight, day } in rows {
            let label = ["a", "b"][(*day % 3 / 2) as usize];
            writeln!(text, "{},{},{weight},2026-01-{day:02},{label}{i}", user(*u), item(*i))
                .unwrap();
        }
        let path = home.join(format!("{number}.csv"));
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    rows.chunks(rows.len().div_ceil(3)).enumerate().map(write).collect()
}

/// Writes rows as a Parquet file of many row groups.
fn parquet(home: &Path, rows: &[Row], user: Option<Spelling>) -> Vec<String> {
    let integers = |of: fn(&Row) -> u64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| of(row).cast_signed())))
    };
    let texts = |spell: Spelling| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| spell(row.user))))
    };
    let weights: ArrayRef =
        Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.weight)));
    let batch = RecordBatch::try_from_iter([
        ("user", user.map_or_else(|| integers(|row| row.user), texts)),
        ("item", integers(|row| row.item)),
        ("weight", weights),
    ]);
    let batch = batch.unwrap();
    let path = home.join("rows.parquet");
    let groups = WriterProperties::builder().set_max_row_group_row_count(Some(700)).build();
    let file = fs::File::create(&path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(groups)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    vec![path.display().to_string()]
}

/// The columns that a job looks at.
#[derive(Clone, Copy, Default)]
struct Columns {
    weight: bool,
    time: bool,
    label: bool,
}

fn request(home: &Path, input: Vec<String>, columns: Columns, job: &SimilarityJob) -> Request {
    let named = |is: bool, name: &str| is.then(|| name.to_owned());
    let source = DataSource {
        weight: named(columns.weight, "weight"),
        time: named(columns.time, "day"),
        item_label: named(columns.label, "label"),
        ..DataSource::new(input, "user", "item")
    };
    let job = job.resolve(source.given()).unwrap();
    let out = Some(home.join("out.parquet"));
    let publication = Publication { out, existing: Existing::Replace, ..Publication::default() };
    Request { publication, ..Request::new(source, job, None) }
}

/// Runs a job; `None` stands for memory without end.
fn run(request: &Request, budget: Option<u64>, threads: usize) -> Result<Vec<u8>, Error> {
    let budget = budget.map_or_else(
        || Allowance::new(None, None, threads),
        |bytes| Allowance::of_data(bytes, threads),
    );
    let reporter = Reporter::new(Telling::Nothing);
    let pool = Pool::new(NonZeroUsize::new(threads))?;
    run_within(request, (&pool, &budget), &Unobserved, &reporter)?;
    Ok(fs::read(request.publication.out.as_deref().unwrap()).unwrap())
}

/// Checks that budgets of 40 and 100 KiB change nothing.
#[track_caller]
fn assert_same(request: &Request, rows: usize) {
    assert_same_within(request, rows, &[(40 << 10, 1), (60 << 10, 2), (100 << 10, 3)]);
}

/// Checks that budgets, each on so many threads, change nothing.
#[track_caller]
fn assert_same_within(request: &Request, rows: usize, budgets: &[(u64, usize)]) {
    let expected = run(request, None, 2).unwrap();
    assert!(expected.len() > 1_000, "there are neighbours");
    for (budget, threads) in budgets.iter().copied() {
        let needs = Needs { weight: false, time: false };
        let fits = of_folding(rows as u64, rows * 16, needs)
            <= Allowance::of_data(budget, threads).left(0);
        assert!(!fits, "the rows are too many for memory");
        let found =
            run(request, Some(budget), threads).unwrap_or_else(|error| panic!("{budget}: {error}"));
        assert!(found == expected, "{budget} bytes, {threads} threads");
    }
    let left = fs::read_dir(request.publication.out.as_ref().unwrap().parent().unwrap()).unwrap();
    let left = left.filter(|entry| {
        entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".partial")
    });
    assert_eq!(left.count(), 0, "working files are gone");
}

const WEIGHT: Columns = Columns { weight: true, time: false, label: false };
const TIME: Columns = Columns { weight: true, time: true, label: false };

fn plain(id: u64) -> String {
    id.to_string()
}

#[test]
fn every_weighting_gives_the_same_bytes() {
    let home = tempfile::tempdir().unwrap();
    let rows = rows(6_000);
    let input = csv(home.path(), &rows, plain, plain);
    for weighting in WeightingName::ALL {
        let job = SimilarityJob {
            weighting: Some(*weighting),
            half_life: (*weighting == WeightingName::Decay).then(|| "5d".into()),
            ..SimilarityJob::default()
        };
        let request = request(home.path(), input.clone(), TIME, &job);
        assert_same(&request, rows.len());
    }
}

#[test]
fn weights_made_of_factors_give_the_same_bytes() {
    let home = tempfile::tempdir().unwrap();
    let rows = rows(9_000);
    let input = csv(home.path(), &rows, plain, plain);
    for weighting in [WeightingName::Tfidf, WeightingName::Log, WeightingName::Bm25] {
        for (of, top) in [(Of::Items, 50), (Of::Items, 3), (Of::Users, 3)] {
            let job = SimilarityJob {
                weighting: Some(weighting),
                of: Some(of),
                top: Some(top),
                ..SimilarityJob::default()
            };
            let request = request(home.path(), input.clone(), Columns::default(), &job);
            match of {
                Of::Items => assert_same(&request, rows.len()),
                // There are more users than 40 KiB could tell apart.
                Of::Users => {
                    assert_same_within(&request, rows.len(), &[(80 << 10, 1), (100 << 10, 2)]);
                }
            }
        }
    }
}

#[test]
fn every_policy_of_folding_gives_the_same_bytes() {
    let home = tempfile::tempdir().unwrap();
    let rows = rows(6_000);
    let input = csv(home.path(), &rows, plain, plain);
    let raw = SimilarityJob { weighting: Some(WeightingName::Raw), ..SimilarityJob::default() };
    let of = |duplicates| SimilarityJob { duplicates: Some(duplicates), ..raw.clone() };
    let jobs = [
        of(Duplicates::Max),
        of(Duplicates::Last),
        SimilarityJob { negative_weights: Some(NegativeWeights::Net), ..raw.clone() },
        SimilarityJob { max_items_per_user: Some(7), ..raw.clone() },
        SimilarityJob { max_items_per_user: Some(7), min_support: Some(40), ..raw.clone() },
        SimilarityJob { min_support: Some(60), like: Some(Preset::ImplicitBm25), ..raw.clone() },
    ];
    for job in jobs {
        let job = SimilarityJob { weighting: job.weighting.filter(|_| job.like.is_none()), ..job };
        assert_same(&request(home.path(), input.clone(), TIME, &job), rows.len());
    }
}

#[test]
fn counting_measures_give_the_same_bytes() {
    let home = tempfile::tempdir().unwrap();
    let rows = rows(8_000);
    let input = parquet(home.path(), &rows, None);
    for measure in [MeasureName::Llr, MeasureName::Jaccard, MeasureName::Conditional] {
        for (min_support, cap, top) in [(1, None, 50), (30, Some(5), 3)] {
            let job = SimilarityJob {
                measure: Some(measure),
                min_support: Some(min_support),
                max_items_per_user: cap,
                top: Some(top),
                ..SimilarityJob::default()
            };
            assert_same(&request(home.path(), input.clone(), Columns::default(), &job), rows.len());
        }
    }
}

#[test]
fn users_are_compared_alike() {
    let home = tempfile::tempdir().unwrap();
    let rows = rows(20_000);
    let spread =
        |row: &Row| Row { user: row.user % 50, item: (row.item + 11) * row.day % 300, ..*row };
    let rows = rows.iter().map(spread);
    let rows = rows.collect::<Vec<_>>();
    let input = csv(home.path(), &rows, |user| format!("u{user}"), plain);
    for weighting in [WeightingName::Binary, WeightingName::Bm25, WeightingName::Decay] {
        let job = SimilarityJob {
            of: Some(Of::Users),
            weighting: Some(weighting),
            half_life: (weighting == WeightingName::Decay).then(|| "5d".into()),
            min_support: Some(3),
            max_items_per_user: Some(40),
            ..SimilarityJob::default()
        };
        assert_same(&request(home.path(), input.clone(), TIME, &job), rows.len());
    }
}

#[test]
fn ids_of_every_kind_give_the_same_bytes() {
    let home = tempfile::tempdir().unwrap();
    let rows = rows(6_000);
    let far = |id: u64| (id.cast_signed() * 987_654_321_987 - 5_000_000_000).to_string();
    let wide = |id: u64| (u64::MAX - id * 1_000_003).to_string();
    let text = |id: u64| format!("{}ü{id}", "x".repeat(id as usize % 5));
    // Integers to begin with: only a late row tells that the column is text.
    let late = |id: u64| if id == 399 || id == 58 { "007".into() } else { id.to_string() };
    let spellings: [(Spelling, Spelling); 5] =
        [(far, plain), (wide, far), (text, wide), (plain, text), (late, late)];
    let job = SimilarityJob::default();
    let columns = Columns { label: true, ..Columns::default() };
    for (user, item) in spellings {
        let input = csv(home.path(), &rows, user, item);
        assert_same(&request(home.path(), input, columns, &job), rows.len());
    }
    let input = parquet(home.path(), &rows, Some(text));
    assert_same(&request(home.path(), input, WEIGHT, &job), rows.len());
}

#[test]
fn lists_of_items_give_the_same_bytes() {
    let home = tempfile::tempdir().unwrap();
    let rows = rows(6_000);
    let input = csv(home.path(), &rows, plain, plain);
    let list = |name: &str, ids: std::ops::Range<u64>| {
        let path = home.path().join(name);
        fs::write(&path, ids.map(plain).collect::<Vec<_>>().join("\n")).unwrap();
        vec![path]
    };
    let (only, exclude, targets) = (list("only", 0..40), list("exclude", 5..9), list("for", 3..30));
    for lists in [
        Lists { only: only.clone(), exclude, ..Lists::default() },
        Lists { only, targets: targets.clone(), ..Lists::default() },
        Lists { targets, ..Lists::default() },
    ] {
        let job = SimilarityJob { top: Some(10), ..SimilarityJob::default() };
        let request = request(home.path(), input.clone(), Columns::default(), &job);
        assert_same(&Request { lists, ..request }, rows.len());
    }
}

#[test]
fn pairs_written_once_give_the_same_bytes() {
    let home = tempfile::tempdir().unwrap();
    let rows = rows(9_000);
    let input = csv(home.path(), &rows, plain, |item| format!("i{item}"));
    for (of, top, least) in
        [(Of::Items, 3, 40 << 10), (Of::Items, 50, 40 << 10), (Of::Users, 3, 80 << 10)]
    {
        let job = SimilarityJob {
            of: Some(of),
            top: Some(top),
            pairs: Some(Pairs::Once),
            ..SimilarityJob::default()
        };
        let request = request(home.path(), input.clone(), Columns::default(), &job);
        assert_same_within(&request, rows.len(), &[(least, 1), (100 << 10, 2)]);
    }
}

#[test]
fn labels_and_groups_give_the_same_bytes() {
    let home = tempfile::tempdir().unwrap();
    let rows = rows(9_000);
    let input = csv(home.path(), &rows, plain, plain);
    let table = home.path().join("products.csv");
    let products = (0..55).map(|item| format!("{item},name {item},{}\n", item % 4));
    fs::write(&table, format!("sku,name,kind\n{}", products.collect::<String>())).unwrap();
    let labels = vec![table.display().to_string()];
    for (within, most) in [(false, None), (true, None), (false, Some(2)), (true, Some(7))] {
        for (of_table, top) in [(false, 5), (true, 5), (true, 50)] {
            let lists =
                Lists { within, max_per_group: most.and_then(NonZeroU32::new), ..Lists::default() };
            let job = SimilarityJob { top: Some(top), ..SimilarityJob::default() };
            let request = request(home.path(), input.clone(), Columns::default(), &job);
            let group = lists.rule().map(|_| if of_table { "kind" } else { "weight" }.to_owned());
            let source = DataSource { group, ..request.source.clone() };
            let table = DataSource {
                labels: labels.clone(),
                label_id: Some("sku".into()),
                label: Some("name".into()),
                ..source.clone()
            };
            let source = if of_table { table } else { source };
            assert_same(&Request { source, lists, ..request }, rows.len());
        }
    }
}

/// A request of two behaviours: the last of the files holds the second.
fn of_two(request: Request) -> Request {
    let mut source = request.source.clone();
    source.target.input = source.input.split_off(source.input.len() - 1);
    Request { source, ..request }
}

#[test]
fn two_behaviours_give_the_same_bytes() {
    let home = tempfile::tempdir().unwrap();
    let rows = rows(9_000);
    // Integers to begin with: only a late row tells that the column is text.
    let late = |id: u64| if id == 58 { "007".into() } else { id.to_string() };
    for item in [plain, late as Spelling] {
        let input = csv(home.path(), &rows, plain, item);
        for weighting in WeightingName::ALL {
            let weighted = SimilarityJob {
                weighting: Some(*weighting),
                half_life: (*weighting == WeightingName::Decay).then(|| "5d".into()),
                top: Some(5),
                ..SimilarityJob::default()
            };
            let capped = SimilarityJob {
                min_support: Some(40),
                max_items_per_user: Some(5),
                ..weighted.clone()
            };
            for (job, columns) in
                [(&weighted, TIME), (&capped, TIME), (&capped, Columns { weight: false, ..TIME })]
            {
                let columns = Columns { label: true, ..columns };
                let request = of_two(request(home.path(), input.clone(), columns, job));
                assert_same_within(&request, rows.len(), &[(110 << 10, 1), (150 << 10, 3)]);
            }
        }
    }
    let list = home.path().join("list");
    fs::write(&list, (3..40).map(plain).collect::<Vec<_>>().join("\n")).unwrap();
    let input = csv(home.path(), &rows, plain, plain);
    let job = SimilarityJob { measure: Some(MeasureName::Llr), ..SimilarityJob::default() };
    let request = of_two(request(home.path(), input, Columns::default(), &job));
    for lists in [
        Lists { only: vec![list.clone()], ..Lists::default() },
        Lists { targets: vec![list], ..Lists::default() },
    ] {
        assert_same(&Request { lists, ..request.clone() }, rows.len());
    }
}

#[test]
fn two_behaviours_without_a_user_in_common_are_refused_in_the_same_words() {
    let home = tempfile::tempdir().unwrap();
    let mut rows = rows(6_000);
    rows.iter_mut().skip(4_000).for_each(|row| row.user += 1_000);
    let input = csv(home.path(), &rows, plain, plain);
    let job = SimilarityJob::default();
    let request = of_two(request(home.path(), input, Columns::default(), &job));
    let text = |budget| run(&request, budget, 2).unwrap_err().to_string();
    assert!(text(None).contains("no user in common"), "{}", text(None));
    assert_eq!(text(Some(60 << 10)), text(None));
}

#[test]
fn what_leaves_nothing_is_answered_alike() {
    let home = tempfile::tempdir().unwrap();
    let rows = rows(6_000);
    let input = csv(home.path(), &rows, plain, plain);
    let rare = SimilarityJob { min_support: Some(1_000), ..SimilarityJob::default() };
    let late = |request: Request| {
        let conditions = vec!["day>2027-01-01".parse().unwrap()];
        Request { source: DataSource { conditions, ..request.source.clone() }, ..request }
    };
    let default = SimilarityJob::default();
    for request in [
        request(home.path(), input.clone(), Columns::default(), &rare),
        late(request(home.path(), input, Columns::default(), &default)),
    ] {
        let answer = |budget| run(&request, budget, 2).map_err(|error| error.to_string());
        assert!(answer(Some(60 << 10)) == answer(None));
    }
}

#[test]
fn mixed_ids_are_refused_in_the_same_words() {
    let home = tempfile::tempdir().unwrap();
    let rows = rows(6_000);
    let mut input = csv(home.path(), &rows, |user| format!("u{user}"), plain);
    input.extend(parquet(home.path(), &rows, None));
    let request = request(home.path(), input, Columns::default(), &SimilarityJob::default());
    let text = |budget| run(&request, budget, 2).unwrap_err().to_string();
    assert!(text(None).contains("user ids are integers in"), "{}", text(None));
    assert_eq!(text(Some(60 << 10)), text(None));
}

#[test]
fn what_cannot_be_cut_is_refused_with_what_would_do() {
    let home = tempfile::tempdir().unwrap();
    let rows = rows(6_000);
    let input = csv(home.path(), &rows, plain, plain);
    let job = SimilarityJob::default();
    let request = request(home.path(), input, WEIGHT, &job);
    let error = run(&request, Some(2 << 10), 1).unwrap_err();
    assert!(error.message().contains("do not fit in memory of 2.0 KiB"), "{error}");
    assert!(error.help().unwrap().contains("--memory "), "{error}");
}
