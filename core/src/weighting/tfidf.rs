//! TF-IDF with a square root, as implicit's `TFIDFRecommender` has it: √w·idf.

/// Inverse document frequency of a user: ln I − ln(1 + df), never below 0.
/// `items`: I, all items; `user_items`: df, the items of the user.
pub fn idf(items: u32, user_items: u32) -> f64 {
    (libm::log(items as f64) - libm::log1p(user_items as f64)).max(0.0)
}

/// Weighs one interaction of a user with that `idf`.
pub fn weigh(weight: f64, idf: f64) -> f64 {
    weight.sqrt() * idf
}
