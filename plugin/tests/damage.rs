//! What comes into the plugin may be anything: it gives an error, never a panic, and what is
//! whole gives the same result however it is cut.

use std::sync::Arc;

use arrow_array::{Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_ipc::writer::StreamWriter;
use ilk_core::plan::Sides;
use ilk_plugin::{Block, Comparison, Failure, Items, Offers, Request, Session, Source, merge};
use proptest::{
    collection::vec,
    prelude::{ProptestConfig, any},
    prop_assert, prop_assert_eq, proptest,
};

fn request() -> Request {
    let source = Source {
        user: "user".into(),
        item: "item".into(),
        weight: Some("weight".into()),
        conditions: vec!["item!=item 9".into()],
        ..Source::default()
    };
    Request { source, job: r#"{"measure": "cosine", "top": 3}"#.into(), ..Request::default() }
}

/// Two streams, one after the other.
fn table() -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in 0..2 {
        let rows = || part * 40..(part + 1) * 40;
        let users = rows().map(|n| (n % 11 != 0).then_some(n % 7)).collect::<Int64Array>();
        let items = rows().map(|n| Some(format!("item {}", n % 5))).collect::<StringArray>();
        let weights = rows().map(|n| Some(n as f64)).collect::<Float64Array>();
        let batch = RecordBatch::try_from_iter([
            ("user", Arc::new(users) as _),
            ("item", Arc::new(items) as _),
            ("weight", Arc::new(weights) as _),
        ]);
        let batch = batch.expect("columns of one length");
        let mut writer = StreamWriter::try_new(&mut bytes, &batch.schema()).expect("memory");
        writer.write(&batch.slice(0, 13)).expect("memory");
        writer.write(&batch.slice(13, 27)).expect("memory");
        writer.finish().expect("memory");
    }
    bytes
}

/// Runs a session on pieces of bytes.
fn run(pieces: impl IntoIterator<Item = Vec<u8>>) -> Result<Vec<u8>, Failure> {
    run_request(request(), pieces)
}

fn run_request(
    request: Request,
    pieces: impl IntoIterator<Item = Vec<u8>>,
) -> Result<Vec<u8>, Failure> {
    let mut session = Session::open(request)?;
    for piece in pieces {
        session.add(piece)?;
    }
    while !session.step()?.finished {}
    let mut found = Vec::new();
    while let Some(piece) = session.next_bytes()? {
        found.extend(piece);
    }
    Ok(found)
}

#[test]
fn a_failure_is_one_line_whatever_it_quotes() {
    for condition in ["\0\n", "it\u{1b}em\n=1"] {
        let mut request = request();
        request.source.conditions = vec![condition.into()];
        let failure = run_request(request, [table()]).expect_err("no such column");
        assert!(!failure.message.contains(char::is_control), "{failure:?}");
    }
}

#[test]
fn an_item_has_no_more_users_than_its_support() {
    let items =
        Items { users: 3, numbers: 9, codes: vec![0, 1], supports: vec![3, 1], ..Items::default() };
    let block = Block { starts: vec![0, 3, 5], users: vec![0, 1, 2, 0, 1], ..Block::default() };
    let mut comparison = Comparison::open(r#"{"measure": "llr"}"#, items.clone(), Sides::Both)
        .expect("items that go together");
    let failure = comparison.rows(block.clone()).expect_err("one user too many");
    assert_eq!(failure.code, "block");
    assert_eq!(
        failure.message,
        "the item at position 1 has 2 users in the block, and a support of 1"
    );
    // That there are more users than `users` says cannot be seen; it must not matter.
    let items = Items { users: 3, supports: vec![3, 2], ..items };
    let mut comparison = Comparison::open(r#"{"measure": "llr"}"#, items, Sides::Both)
        .expect("items that go together");
    let block = Block { users: vec![0, 1, 2, 2, 8], ..block };
    comparison.rows(block).expect("lists as long as supports");
    comparison.columns_of_rows(0, 2).expect("both");
    comparison.compute(&[1]).expect("a result");
}

/// Decoders that give up by a panic are caught natively, and say nothing then.
fn silence() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !ilk_formats::is_decoding() {
                usual(panic);
            }
        }));
    });
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(ilk_core::testing::cases(400)) })]

    #[test]
    fn cuts_do_not_show(cuts in vec(1_usize..400, 1..60)) {
        let whole = table();
        let mut pieces = Vec::new();
        let mut rest = whole.as_slice();
        for cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece.to_vec());
            rest = after;
        }
        pieces.push(rest.to_vec());
        prop_assert_eq!(run(pieces), run([whole]));
    }

    #[test]
    fn damage_is_an_error(
        places in vec((any::<usize>(), any::<u8>()), 1..6),
        end in any::<usize>(),
        is_cut in any::<bool>(),
    ) {
        silence();
        let mut bytes = table();
        for (place, value) in places {
            let place = place % bytes.len();
            bytes[place] = value;
        }
        if is_cut {
            bytes.truncate(end % bytes.len());
        }
        // A result or an error; a panic would fail the test.
        if let Err(failure) = run([bytes]) {
            prop_assert!(!failure.message.is_empty() && !failure.message.contains('\n'));
        }
    }

    #[test]
    fn blocks_are_checked(
        codes in vec(0_u32..9, 0..5),
        supports in vec(0_u32..9, 0..5),
        starts in vec(0_u32..9, 0..5),
        users in vec(0_u32..9, 0..9),
        weights in vec(any::<f64>(), 0..9),
        (first, width, users_of, numbers) in (0_u32..5, any::<u32>(), 0_u32..12, 0_u32..12),
        positions in vec(0_u32..6, 0..6),
        is_weighted in any::<bool>(),
    ) {
        let items = Items {
            users: users_of,
            numbers,
            squares: is_weighted.then(|| vec![1.0; codes.len()]),
            codes,
            supports,
            ..Items::default()
        };
        let block = Block { first, starts, users, weights: is_weighted.then_some(weights) };
        for (sides, job) in [(Sides::Both, ""), (Sides::Row, r#"{"measure": "jaccard"}"#)] {
            let Ok(mut comparison) = Comparison::open(job, items.clone(), sides) else { continue };
            let _ = comparison.rows(block.clone());
            let _ = comparison.compute(&positions);
            let _ = comparison.columns(block.clone());
            let _ = comparison.compute(&positions);
            let _ = comparison.columns_of_rows(first, width);
            let _ = comparison.compute(&positions);
        }
    }

    #[test]
    fn merging_is_the_same_in_any_grouping(
        scores in vec((0_u32..4, 0_u32..6, 0_u8..4), 0..60),
        cut in any::<usize>(),
        top in 1_u32..5,
    ) {
        let mut seen = std::collections::BTreeMap::new();
        for (item, neighbour, score) in scores {
            seen.entry((item, neighbour)).or_insert(score);
        }
        let all = seen.into_iter().collect::<Vec<_>>();
        let offers = |list: &[((u32, u32), u8)]| Offers {
            items: list.iter().map(|((item, _), _)| *item).collect(),
            neighbours: list.iter().map(|((_, neighbour), _)| *neighbour).collect(),
            scores: list.iter().map(|(_, score)| *score as f32).collect(),
            overlaps: list.iter().map(|_| 1).collect(),
        };
        let whole = merge(top, &offers(&all));
        let (left, right) = all.split_at(cut % (all.len() + 1));
        let mut parts = merge(top, &offers(right)).expect("good offers");
        let left = merge(top, &offers(left)).expect("good offers");
        parts.items.extend(left.items);
        parts.neighbours.extend(left.neighbours);
        parts.scores.extend(left.scores);
        parts.overlaps.extend(left.overlaps);
        prop_assert_eq!(merge(top, &parts), whole);
    }
}
