use std::collections::{BTreeMap, BTreeSet};

use xxhash_rust::xxh3::xxh3_64;

use super::{catalogue::TOGETHER, *};
use ilk_core::{
    job::{Given, SimilarityJob},
    measure::MeasureName,
    testing::oracle::{Answer, Event, Id, Lists, similar},
};

fn answer(measure: MeasureName) -> Answer {
    let events = order_lines().into_iter().map(|line| Event {
        user: line.member.map(|member| Id::Integer(member.into())),
        item: Some(Id::Text(line.product.name.into())),
        weight: Some(line.quantity.into()),
        ..Event::default()
    });
    let given = Given { weight: true, time: false };
    let job = SimilarityJob { measure: Some(measure), top: Some(6), ..SimilarityJob::default() };
    similar(&events.collect::<Vec<_>>(), given, &job.resolve(given).unwrap(), &Lists::default())
}

#[test]
fn the_shop_has_twelve_shelves_of_twenty_five_distinct_products() {
    let mut shelves = BTreeMap::<&str, usize>::new();
    for product in products() {
        *shelves.entry(product.category).or_default() += 1;
    }
    assert_eq!(shelves.len(), 12);
    assert!(shelves.values().all(|products| *products == 25), "{shelves:?}");
    let names = products().iter().map(|product| product.name).collect::<BTreeSet<_>>();
    let skus = products().iter().map(|product| product.sku).collect::<BTreeSet<_>>();
    assert_eq!((names.len(), skus.len()), (300, 300));
    assert!(TOGETHER.iter().flat_map(|line| *line).all(|sku| skus.contains(sku)));
}

#[test]
fn a_year_has_its_members_guests_and_returns() {
    let lines = order_lines();
    let members = lines.iter().filter_map(|line| line.member).collect::<BTreeSet<_>>();
    let sold = lines.iter().map(|line| line.product.sku).collect::<BTreeSet<_>>();
    let count = |which: fn(&OrderLine) -> bool| lines.iter().filter(|line| which(line)).count();
    assert_eq!(lines.len(), 27_195);
    assert_eq!((members.len(), sold.len()), (2_000, 300));
    assert_eq!(count(|line| line.member.is_none()), 852);
    assert_eq!(count(|line| line.quantity < 0), 564);
    assert_eq!(count(|line| line.quantity == 0), 0);
    assert_eq!(count(|line| line.date.year() != 2025), 0);
    assert!(lines.is_sorted_by_key(|line| (line.order, line.date)));
}

#[test]
fn the_csv_is_the_same_everywhere() {
    let csv = csv();
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("order,date,member,sku,product,category,quantity,price"));
    assert_eq!(
        lines.next(),
        Some("500001,2025-01-01,10052,SP-501,Merino running socks,Sport,2,14.90")
    );
    assert!(!csv.contains('\r') && csv.ends_with('\n'));
    assert_eq!(xxh3_64(csv.as_bytes()), 8_996_638_765_055_497_404);
}

#[test]
fn what_goes_together_is_found_together() {
    let expected = [
        ("Espresso beans, dark roast 1 kg", "Burr coffee grinder"),
        ("Espresso beans, dark roast 1 kg", "Descaler for coffee machines 500 ml"),
        ("Dome tent, 3 persons", "Self-inflating sleeping mat"),
        ("Single-burner camping stove", "Gas cartridge 450 g"),
        ("Earl grey, loose leaf 250 g", "Merino yarn, moss green 50 g"),
        ("Baby sleeping bag 1.0 tog", "Blackout curtains, pair"),
        ("Spaghetti 500 g", "Basil pesto 190 g"),
        ("Strong bread flour 1.5 kg", "Dried yeast, 10 sachets"),
        ("Salted popcorn 150 g", "Board game, the lighthouse keepers"),
        ("Tomato seedlings, tray of 6", "Bamboo canes, 20 pcs"),
    ];
    for measure in [MeasureName::Cosine, MeasureName::Llr] {
        let answer = answer(measure);
        assert!(answer.items.iter().all(|item| item.neighbours.len() == 6));
        for (name, neighbour) in expected {
            let item = answer.items.iter().find(|item| item.id == Id::Text(name.into())).unwrap();
            let found = item.neighbours.iter().any(|found| found.id == Id::Text(neighbour.into()));
            assert!(found, "{neighbour} is no neighbour of {name} by {measure}: {item:?}");
        }
    }
}
