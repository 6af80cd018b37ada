//! Lexicographer's mutual information: c·log2(N·c / (a·b)). Below 0 where rarer than by chance.
//! Source: Kilgarriff et al., The Sketch Engine, 2004. N is users (one library takes items).

use super::pair::Pair;

pub(super) fn score(pair: &Pair) -> f64 {
    pair.overlap as f64 * libm::log2(pair.ratio_to_chance())
}
