//! TF-IDF with a square root, as implicit's `TFIDFRecommender` has it: √w·idf.

use super::choice::Idf;

/// Inverse document frequency of a user: ln I − ln(1 + df). It is below 0 only for who has all
/// items; `at_least` says whether it then is 0.
/// `items`: I, all items; `user_items`: df, the items of the user.
pub fn idf(items: u32, user_items: u32, at_least: Idf) -> f64 {
    let idf = libm::log(items as f64) - libm::log1p(user_items as f64);
    match at_least {
        Idf::AtLeastZero => idf.max(0.0),
        Idf::Signed => idf,
    }
}

/// Weighs one interaction of a user with that `idf`.
pub fn weigh(weight: f64, idf: f64) -> f64 {
    weight.sqrt() * idf
}
