//! What leaves no neighbours is refused by its name, with the words of the program.

use std::sync::Arc;

use arrow_array::{Int64Array, RecordBatch, StringArray};
use arrow_ipc::writer::StreamWriter;
use ilk_plugin::{Failure, Request, Session, Source};

/// Four rows: a and b share one of two users, c is alone.
fn table() -> Vec<u8> {
    let users = Int64Array::from(vec![1, 1, 2, 3]);
    let items = StringArray::from(vec!["a", "b", "a", "c"]);
    let columns = [("user", Arc::new(users) as _), ("item", Arc::new(items) as _)];
    let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).expect("memory");
    writer.write(&batch).expect("memory");
    writer.into_inner().expect("memory")
}

fn run(request: Request) -> Result<usize, Failure> {
    let source = Source { user: "user".into(), item: "item".into(), ..request.source };
    let mut session = Session::open(Request { source, ..request })?;
    session.add(table())?;
    while !session.step()?.finished {}
    let mut bytes = 0;
    while let Some(piece) = session.next_bytes()? {
        bytes += piece.len();
    }
    Ok(bytes)
}

fn refusal(request: Request) -> String {
    let failure = run(request).expect_err("it is refused");
    assert_eq!(failure.code, "refused");
    failure.message
}

#[test]
fn a_threshold_is_named_with_the_highest_score() {
    let request = Request { job: r#"{"threshold": 2}"#.into(), ..Request::default() };
    assert_eq!(
        refusal(request),
        "threshold 2 leaves no neighbours; the highest score of the most popular items is 0.70710677"
    );
}

#[test]
fn lists_are_named() {
    let alone = Request { wanted: Some(vec!["c".into()]), ..Request::default() };
    assert_eq!(
        refusal(alone.clone()),
        "wanted leaves no neighbours; leave out wanted to see what there is"
    );
    let both = Request { job: r#"{"threshold": 0.5}"#.into(), ..alone };
    assert!(refusal(both).starts_with("wanted and threshold 0.5 leave no neighbours"));
    let unknown = Request { only: Some(vec!["x".into(), "y".into()]), ..Request::default() };
    assert_eq!(
        refusal(unknown),
        "only: none of its 2 IDs is in the data, such as `x`; the data has IDs such as `a`, `b`, `c`"
    );
}

#[test]
fn conditions_are_named() {
    let source = Source { conditions: vec!["item=x".into()], ..Source::default() };
    assert_eq!(
        refusal(Request { source, ..Request::default() }),
        "no row is left of 4 (filtered: 4); change the conditions of where: item=x"
    );
}

#[test]
fn thresholds_of_presets_are_no_choice() {
    let job = r#"{"like": "lenskit-itemknn", "duplicates": "sum", "min_overlap": 9}"#;
    assert!(run(Request { job: job.into(), ..Request::default() }).is_ok());
}
