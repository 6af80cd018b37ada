//! Logarithm: ln(1 + w).

/// Weighs one interaction.
pub fn weigh(weight: f64) -> f64 {
    libm::log1p(weight)
}
