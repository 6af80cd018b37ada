//! What a session says of the rows it was given.

use std::sync::Arc;

use arrow_array::{Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_ipc::writer::StreamWriter;
use ilk_plugin::{Note, Request, Session, Source};

/// User 1 rates tea twice; the newest row is 1,000 days after the oldest.
fn table() -> Vec<u8> {
    let users = Int64Array::from_iter_values([1, 1, 1, 2, 2]);
    let items = StringArray::from_iter_values(["tea", "tea", "mug", "tea", "mug"]);
    let weights = Float64Array::from_iter_values([1.0, 3.0, 2.0, 5.0, 4.0]);
    let days = ["2020-01-01", "2020-01-02", "2020-01-03", "2022-09-27", "2022-09-26"];
    let batch = RecordBatch::try_from_iter([
        ("user", Arc::new(users) as _),
        ("item", Arc::new(items) as _),
        ("weight", Arc::new(weights) as _),
        ("day", Arc::new(StringArray::from_iter_values(days)) as _),
    ]);
    let batch = batch.expect("columns of one length");
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).expect("memory");
    writer.write(&batch).expect("memory");
    writer.into_inner().expect("memory")
}

fn notes(job: &str, time: Option<&str>, lists: Request) -> Vec<Note> {
    let source = Source {
        user: "user".into(),
        item: "item".into(),
        weight: Some("weight".into()),
        time: time.map(Into::into),
        ..Source::default()
    };
    let mut session = Session::open(Request { source, job: job.into(), ..lists }).expect("a job");
    session.add(table()).expect("a table");
    while !session.step().expect("rows").finished {}
    session.notes().iter().filter(|note| note.code != "rows").cloned().collect()
}

#[test]
fn each_list_tells_of_its_own_unknown_ids() {
    let ids = |ids: &[&str]| Some(ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>());
    let lists = Request {
        only: ids(&["tea", "mug", "saw"]),
        exclude: ids(&["axe"]),
        wanted: ids(&["tea", "pot", "pan"]),
        ..Request::default()
    };
    let found = notes("{}", None, lists);
    let told = found.iter().map(|note| (note.code, note.count, note.text.as_str()));
    let text = |name: &str| format!("IDs of {name} that are not in the data");
    let (only, exclude, wanted) = (text("only"), text("exclude"), text("wanted"));
    let expected = [
        ("unknown_ids", 1, only.as_str()),
        ("unknown_ids", 1, exclude.as_str()),
        ("unknown_ids", 2, wanted.as_str()),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[test]
fn settings_without_an_effect_are_told_of() {
    let of = |time: Option<&str>| {
        let source = Source {
            user: "user".into(),
            item: "item".into(),
            time: time.map(Into::into),
            time_format: Some("%Y-%m-%d".into()),
            ..Source::default()
        };
        let session = Session::open(Request { source, job: "{}".into(), ..Request::default() });
        session.expect("a job").notes().to_vec()
    };
    assert_eq!(of(Some("day")), []);
    let text = "time_format has no effect without time".to_owned();
    assert_eq!(of(None), [Note { code: "unused_settings", count: 1, text }]);
}

#[test]
fn ratings_that_are_added_up_are_told_of() {
    let rated = r#"{"measure": "pearson", "weighting": "raw", "duplicates": "sum"}"#;
    let found = notes(rated, None, Request::default());
    assert_eq!(
        found.iter().map(|note| (note.code, note.count)).collect::<Vec<_>>(),
        [("repeated_ratings", 1)]
    );
    // The last one counts where there are times.
    let last = r#"{"measure": "pearson", "weighting": "raw"}"#;
    assert_eq!(notes(last, Some("day"), Request::default()), []);
    assert_eq!(notes("{}", None, Request::default()), []);
}

#[test]
fn weights_that_decay_to_nothing_are_told_of() {
    let of = |measure: &str, half_life: &str| {
        let job = format!(
            r#"{{"measure": "{measure}", "weighting": "decay", "half_life": "{half_life}"}}"#
        );
        notes(&job, Some("day"), Request::default())
    };
    let found = of("dot", "10d");
    assert_eq!(
        found.iter().map(|note| (note.code, note.count)).collect::<Vec<_>>(),
        [("vanishing_weights", 100)]
    );
    assert_eq!(of("dot", "100d"), []);
    // Counted from the newest row of each item.
    assert_eq!(of("cosine", "10d"), []);
}
