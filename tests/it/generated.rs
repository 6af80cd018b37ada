//! The conformance data that is drawn rather than written by hand.

use std::fmt::Write as _;

use ilk_core::testing::generate::Crowd;

const PRODUCTS: [&str; 10] =
    ["tea", "coffee", "milk", "bread", "jam", "butter", "apples", "rice", "soap", "salt"];

/// Returns the files that are drawn, with their paths below the folder of all cases.
pub(crate) fn files() -> Vec<(String, String)> {
    let cases = [
        ("02-jaccard", 2),
        ("03-dice", 3),
        ("04-overlap", 4),
        ("05-tversky", 5),
        ("06-asymmetric-cosine", 6),
        ("07-conditional", 7),
        ("08-lift", 8),
        ("09-sar-lift", 9),
        ("10-pmi", 10),
        ("11-npmi", 11),
        ("12-lexicographers-mi", 12),
        ("13-llr", 13),
        ("14-mahout-llr", 14),
        ("15-cooccurrence", 15),
        ("16-dot", 16),
        ("17-raw", 17),
        ("18-log", 18),
        ("19-tfidf", 19),
        ("20-bm25", 20),
        ("21-decay", 21),
        ("26-cap", 26),
        ("27-min-support", 27),
        ("28-shrinkage", 28),
        ("34-of-users", 34),
        ("51-tanimoto", 51),
        ("52-weighted-jaccard", 52),
        ("53-pearson", 53),
        ("54-surprise-cosine", 54),
        ("55-surprise-msd", 55),
        ("56-center-user", 56),
        ("57-lenskit-itemknn", 57),
        ("59-decay-dot", 59),
        ("60-decay-users", 60),
        ("61-min-support-chance", 61),
    ];
    let inputs =
        cases.into_iter().map(|(case, seed)| (format!("{case}/interactions.csv"), draw(seed)));
    let both = ["64-llr", "66-tfidf", "67-everything"].into_iter().zip([64, 66, 67]);
    let both = both.flat_map(|(case, seed)| {
        let path = |file| format!("{}/{case}/{file}", crate::cases::TWO_BEHAVIOURS);
        [(path("interactions.csv"), draw(seed)), (path("target.csv"), draw(seed + 100))]
    });
    inputs.chain(both).collect()
}

/// Draws about 60 rows of 15 members and 10 products, at most five products per member.
fn draw(seed: u64) -> String {
    let crowd = Crowd { users: 15, items: 20, drawn: 55, zipf: 0.6, sigma: 0.7 };
    let mut text = String::from("user,item,weight,time\n");
    for (user, item) in crowd.pairs(seed) {
        let mix = user * 7 + item * 13 + seed as u32;
        let (weight, day) = (1 + mix % 4, 1 + mix % 28);
        let product = PRODUCTS[item as usize % PRODUCTS.len()];
        let member = 101 + user;
        // Writing to a string does not fail.
        let _ = writeln!(text, "{member},{product},{weight},2026-01-{day:02}");
        // Some come back for more.
        if mix.is_multiple_of(5) {
            let _ = writeln!(text, "{member},{product},0.5,2026-02-{day:02}T18:30:00Z");
        }
    }
    text
}
