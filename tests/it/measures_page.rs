//! The page on measures: every measure has a section, and its example gives the number it says.

use ilk_core::{MeasureName, SimilarityJob, Triples, WeightingName, job::Preset, similar_items};

const PAGE: &str = include_str!("../../docs/measures.md");

/// The pair that the page's examples are of: x and y of its table, and users of neither.
fn pair() -> Triples {
    let (x, y) = ([2.0, 4.0, 3.0, 1.0], [1.0, 2.0, 3.0, 0.0, 2.0, 2.0, 1.0]);
    let mut triples = Triples::new();
    for (user, weight) in (1_i64..).zip(x) {
        triples.push(user, "item", weight);
    }
    for (user, weight) in (1_i64..).zip(y).filter(|(_, weight)| *weight > 0.0) {
        triples.push(user, "neighbour", weight);
    }
    (8_i64..=12).for_each(|user| triples.push(user, "other", 1.0));
    triples
}

/// What the neighbour scores for the item.
fn score(measure: MeasureName) -> f32 {
    let bare = SimilarityJob { measure: Some(measure), ..SimilarityJob::default() };
    let raw = SimilarityJob { weighting: Some(WeightingName::Raw), ..bare.clone() };
    // A measure that counts users takes no weights.
    let job = raw.resolve(Triples::GIVEN).or_else(|_| bare.resolve(Triples::GIVEN));
    let job = job.expect("defaults go together");
    let data = pair().fold(&job).expect("a small table");
    let ids = &data.catalogue.ids;
    let (item, neighbour) = (ids.find("item").expect("it"), ids.find("neighbour").expect("it"));
    let found = similar_items(&data.interactions, &job);
    let is_it = |found: &&ilk_core::Neighbour| found.code == neighbour;
    found.of(item).iter().find(is_it).expect("a neighbour").score
}

#[test]
fn every_measure_has_a_section_whose_example_is_right() {
    for measure in MeasureName::ALL {
        let begin = PAGE.find(&format!("\n### `{measure}`\n"));
        let section = &PAGE[begin.unwrap_or_else(|| panic!("{measure} has no section"))..];
        let example = section.lines().find_map(|line| line.strip_prefix("Example: "));
        let example = example.unwrap_or_else(|| panic!("{measure} has no example"));
        let number = example.rsplit(' ').next().unwrap_or_default();
        assert_eq!(number, format!("{:.4}", score(*measure)), "{measure}: {example}");
        // Between its title and its example a section says for whom it is.
        let about = section.split("\nExample: ").next().unwrap_or_default();
        for part in ["\n- Popular and rare: ", "\n- Use it "] {
            assert!(about.contains(part), "{measure} lacks {part:?}");
        }
    }
}

#[test]
fn every_weighting_and_preset_has_a_line() {
    let names = WeightingName::NAMES.iter().chain(Preset::NAMES);
    for name in names {
        assert!(PAGE.contains(&format!("\n| `{name}` |")), "{name} is not on the page");
    }
}
