//! What the benchmarks share: data of four shapes, on its way through the pipeline.

use ilk_core::{
    data::{Cells, IdColumn, Rows},
    executor::Executor,
    job::{Given, Job, SimilarityJob},
    measure::MeasureName,
    prepare::{Cleaned, Interactions, Needs, clean, encode, fold},
    testing::generate::Crowd,
    weighting::WeightingName,
};

/// Data of a name: about as many users per item as in the set of that name of `cargo xtask
/// bench`, in a size that one core compares in about a second.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// How it is called.
    pub name: &'static str,
    /// What is drawn.
    pub crowd: Crowd,
}

/// The shapes: page views, orders, very active users, and something between.
pub const SHAPES: [Shape; 4] = [
    // Few items, popular ones very much so, some users far more active than others.
    Shape {
        name: "views",
        crowd: Crowd { users: 12_000, items: 4_000, drawn: 1_600_000, zipf: 1.0, sigma: 1.1 },
    },
    // Many users of ten items each.
    Shape {
        name: "orders",
        crowd: Crowd { users: 100_000, items: 10_000, drawn: 1_000_000, zipf: 0.8, sigma: 0.9 },
    },
    // Every user has hundreds of items.
    Shape {
        name: "dense",
        crowd: Crowd { users: 1_200, items: 4_000, drawn: 840_000, zipf: 0.7, sigma: 0.2 },
    },
    Shape {
        name: "small",
        crowd: Crowd { users: 8_000, items: 2_000, drawn: 400_000, zipf: 0.9, sigma: 1.0 },
    },
];

impl Shape {
    /// Finds a shape by its name.
    pub fn find(name: &str) -> Option<Self> {
        SHAPES.into_iter().find(|shape| shape.name == name)
    }

    /// The shape with `factor` times as many users, each as active as before.
    pub fn times(self, factor: f64) -> Self {
        let users = (f64::from(self.crowd.users) * factor).round().max(1.0);
        let drawn = self.crowd.drawn as f64 * factor;
        let crowd = Crowd { users: users as u32, drawn: drawn as u64, ..self.crowd };
        Self { crowd, ..self }
    }

    /// Draws the rows, in chunks as a reader would hand them over.
    pub fn rows(&self) -> Vec<Rows> {
        const CHUNK: usize = 1 << 16;
        let pairs = self.crowd.pairs(0);
        let column = |values: Vec<i64>| IdColumn::Integer(Cells { values, valid: None });
        let chunks = pairs.chunks(CHUNK).enumerate().map(|(index, chunk)| Rows {
            file: 0,
            first_row: (index * CHUNK) as u64 + 1,
            places: None,
            user: column(chunk.iter().map(|(user, _)| i64::from(*user)).collect()),
            item: column(chunk.iter().map(|(_, item)| i64::from(*item)).collect()),
            weight: None,
            time: None,
            label: None,
            kept: None,
            unreadable: Vec::new(),
        });
        chunks.collect()
    }

    /// Draws the interactions.
    ///
    /// # Panics
    /// Never: made-up ids go together.
    pub fn interactions(&self, job: &Job, executor: &impl Executor) -> Interactions {
        let encoded = encode(cleaned(self.rows(), job), executor).expect("one kind of ids");
        fold(encoded, job, needs(job), executor).interactions
    }
}

/// The job that is timed: cosine, 50 neighbours.
///
/// # Panics
/// Never: its settings are valid.
pub fn job(weighting: WeightingName) -> Job {
    let job = SimilarityJob {
        measure: Some(MeasureName::Cosine),
        weighting: Some(weighting),
        top: Some(50),
        ..SimilarityJob::default()
    };
    job.resolve(Given::default()).expect("a valid job")
}

/// What the job looks at, where the data has users and items only.
pub fn needs(job: &Job) -> Needs {
    Needs::of(job, Given::default())
}

/// Cleans all chunks.
pub fn cleaned(rows: Vec<Rows>, job: &Job) -> Vec<Cleaned> {
    rows.into_iter().map(|rows| clean(rows, job, needs(job)).0).collect()
}

/// The sizes of a benchmark: full for `cargo bench`, tiny when it only has to run (`cargo test`).
pub fn factor() -> f64 {
    if std::env::args().any(|argument| argument == "--bench") { 1.0 } else { 0.01 }
}

#[cfg(test)]
mod tests {
    use ilk_core::executor::Sequential;

    use super::*;

    #[test]
    fn more_users_are_as_active_as_before() {
        let job = job(WeightingName::Binary);
        for shape in SHAPES {
            let one = shape.times(0.1).interactions(&job, &Sequential);
            let two = shape.times(0.2).interactions(&job, &Sequential);
            let growth = two.len() as f64 / one.len() as f64;
            assert!((1.6..2.4).contains(&growth), "{}: {growth}", shape.name);
        }
    }
}
