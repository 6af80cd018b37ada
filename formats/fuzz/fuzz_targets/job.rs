#![no_main]
//! Jobs as people write them: their values, decided and checked.

use ilk_core::job::{Given, SimilarityJob};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(job) = serde_json::from_str::<SimilarityJob>(text) else { return };
    for given in [Given::default(), Given { weight: true, time: true }] {
        let _ = job.resolve(given);
    }
});
