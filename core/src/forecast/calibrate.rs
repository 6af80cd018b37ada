//! Small jobs whose time tells what this machine pays for each step of the cost model.
//!
//! Core has no clock: a caller with one runs each [`Workload`] a few times and hands the shortest
//! time to [`Workload::learn`]. They are real jobs through the real kernels on made-up data,
//! shaped so that one step takes much of the time;
//! what they take is held against what they took on the machine that the model was fitted on.

use rand_pcg::{Pcg32, rand_core::Rng as _};

use crate::{
    cost::{Layout, Machine},
    executor::Sequential,
    job::{Given, Job, SimilarityJob},
    kernel::neighbours,
    matrix::Matrix,
    plan::{ItemFilter, Plan},
    prepare::Interactions,
    simd::Kernel,
    weighting::{Idf, Weighting},
};

/// A step of the cost model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Chunks of the head.
    Chunks,
    /// Bit rows in the second-level cache.
    BitRows,
    /// The same, with weights made of factors.
    WeightedBitRows,
    /// Bit rows in the third-level cache.
    FarBitRows,
    /// Bit rows in memory.
    DistantBitRows,
    /// Additions to sums that lie near.
    Additions,
    /// Neighbours that come into the result.
    Neighbours,
    /// Additions of sparse data.
    SparseAdditions,
    /// Arranging the matrix.
    Arranging,
}

impl Step {
    /// All steps, in order.
    pub const ALL: [Self; 9] = [
        Self::Chunks,
        Self::BitRows,
        Self::WeightedBitRows,
        Self::FarBitRows,
        Self::DistantBitRows,
        Self::Additions,
        Self::Neighbours,
        Self::SparseAdditions,
        Self::Arranging,
    ];

    /// What the step is learned from.
    const fn shape(self) -> Shape {
        let (head, top) = (Some(0), 1);
        match self {
            Self::Chunks => Shape { users: 500, items: 4_096, each: 150, head: Some(8), top },
            Self::BitRows => Shape { users: 16_000, items: 1_024, each: 120, head: Some(2), top },
            Self::WeightedBitRows => {
                Shape { users: 16_000, items: 512, each: 60, head: Some(1), top }
            }
            Self::FarBitRows => Shape { users: 150_000, items: 512, each: 12, head: Some(1), top },
            Self::DistantBitRows => {
                Shape { users: 800_000, items: 512, each: 2, head: Some(1), top }
            }
            Self::Additions => Shape { users: 6_000, items: 2_000, each: 60, head, top },
            Self::Neighbours => Shape { users: 3_000, items: 2_000, each: 40, head, top: 50 },
            Self::SparseAdditions | Self::Arranging => {
                Shape { users: 120_000, items: 60_000, each: 12, head, top }
            }
        }
    }

    /// What the step's interactions weigh.
    const fn weighting(self) -> Weighting {
        match self {
            Self::WeightedBitRows => Weighting::Tfidf { idf: Idf::AtLeastZero },
            _ => Weighting::Binary,
        }
    }

    /// Sets what `machine` pays for the step to `factor` times what is usual.
    fn set(self, machine: &mut Machine, usual: &Machine, factor: f64) {
        let times = |cost: u64| (cost as f64 * factor).round() as u64;
        match self {
            Self::Chunks => machine.chunk = times(usual.chunk),
            Self::BitRows => machine.bit_row = times(usual.bit_row),
            Self::WeightedBitRows => machine.weighted_bit_row = times(usual.weighted_bit_row),
            Self::FarBitRows => machine.far_bit_row = times(usual.far_bit_row),
            Self::DistantBitRows => machine.distant_bit_row = times(usual.distant_bit_row),
            Self::Additions => {
                machine.row = times(usual.row);
                machine.visit = times(usual.visit);
                machine.addition = times(usual.addition);
                machine.weighted_addition = times(usual.weighted_addition);
            }
            Self::Neighbours => {
                machine.neighbour = times(usual.neighbour);
                machine.weighted_neighbour = times(usual.weighted_neighbour);
                machine.collect = times(usual.collect);
            }
            Self::SparseAdditions => {
                machine.sparse_visit = times(usual.sparse_visit);
                machine.sparse_addition = times(usual.sparse_addition);
                machine.far_addition = times(usual.far_addition);
                machine.whole_row = times(usual.whole_row);
                machine.whole_visit = times(usual.whole_visit);
                machine.whole_addition = times(usual.whole_addition);
                machine.far_whole_addition = times(usual.far_whole_addition);
                machine.whole_neighbour = times(usual.whole_neighbour);
            }
            Self::Arranging => {
                machine.make_bit_row = times(usual.make_bit_row);
                machine.arrange = times(usual.arrange);
                machine.far_arrange = times(usual.far_arrange);
                machine.weighted_arrange = times(usual.weighted_arrange);
            }
        }
    }
}

/// Made-up data: so many users, each with about `each` of the items.
#[derive(Clone, Copy, Debug)]
struct Shape {
    users: usize,
    items: usize,
    each: usize,
    /// Chunks of the head.
    head: Option<usize>,
    /// Neighbours kept per item.
    top: u32,
}

impl Shape {
    fn interactions(self) -> Interactions {
        let mut dice = Pcg32::new(7, self.users as u64);
        let mut row = Vec::with_capacity(self.each);
        let rows = (0..self.users).map(|_| {
            row.clear();
            for _ in 0..self.each {
                // Popularity falls from the front, as it does where people choose.
                let chance = f64::from(dice.next_u32()) / 4_294_967_296.0;
                let item = (self.items as f64 * chance * chance.sqrt()) as u32;
                row.push(item.min(self.items as u32 - 1));
            }
            row.sort_unstable();
            row.dedup();
            row.clone()
        });
        Interactions::of_rows(rows, self.items)
    }
}

/// Microseconds that the workloads take, in the order of [`Step::ALL`], on the machine that
/// [`Machine::of`] was fitted on: `cargo run --release -p ilk-bench --bin workloads` prints them.
/// Two were not measured there, but on an EPYC of family 25: chunks, as what the kernels of the time
/// took less than those before, and bit rows with weights, as what the model says of them.
const AVX512: [u64; 9] = [8_130, 3_320, 10_800, 1_810, 6_310, 9_490, 16_500, 49_600, 18_000];

const AVX2: [u64; 9] = [20_900, 5_930, 47_000, 3_470, 9_550, 13_100, 29_500, 51_100, 18_200];

const PORTABLE: [u64; 9] = [22_900, 20_300, 52_000, 14_700, 40_200, 12_700, 29_100, 49_400, 18_100];

/// Returns what the model's machine pays and how long its workloads take. Where it has no such
/// instructions, a kernel is held against plain code.
fn reference(kernel: Kernel) -> (Machine, [u64; 9]) {
    match kernel.name() {
        "avx512" => (Machine::of(kernel), AVX512),
        "avx2" => (Machine::of(kernel), AVX2),
        _ => (Machine::of(Kernel::PORTABLE), PORTABLE),
    }
}

/// How much faster or slower than the model's a machine is believed to be: past it, a clock was
/// wrong.
const SPEEDS: std::ops::RangeInclusive<f64> = 0.05..=20.0;

/// A small job whose time tells what a step costs.
#[derive(Debug)]
pub struct Workload {
    step: Step,
    layout: Layout,
    interactions: Interactions,
    matrix: Matrix,
    plan: Plan,
    job: Job,
}

impl Workload {
    /// Prepares the job. Cost: up to 100 MB, and about 0.1 s of a core.
    ///
    /// # Panics
    /// Never: its job is valid.
    pub fn new(step: Step, kernel: Kernel) -> Self {
        let shape = step.shape();
        let job = SimilarityJob { top: Some(shape.top), ..SimilarityJob::default() };
        let job = job.resolve(Given::default()).expect("a valid job");
        let layout = Layout { kernel, head: shape.head, ..Layout::default() };
        let interactions = shape.interactions();
        let weighting = step.weighting();
        let matrix = Matrix::with_layout(&interactions, weighting, layout, &Sequential);
        let plan = Plan::new(&matrix, &ItemFilter::default());
        Self { step, layout, interactions, matrix, plan, job }
    }

    /// Does the work to be timed, on the caller's thread; returns how many neighbours it found.
    pub fn run(&self) -> usize {
        if self.step == Step::Arranging {
            return self.arrange().items();
        }
        let filter = ItemFilter::default();
        neighbours(&self.matrix, &self.plan, &self.job, &filter, &Sequential, |_| {}).len()
    }

    /// Sets what `machine` pays for the step: as much more than the model's machine as the
    /// workload took longer. `picoseconds`: the CPU time of [`run`](Self::run), the shortest of a
    /// few.
    pub fn learn(&self, machine: &mut Machine, picoseconds: u64) {
        let (usual, times) = reference(self.layout.kernel);
        let time = times[self.step as usize] as f64 * 1e6;
        let factor = (picoseconds as f64 / time).clamp(*SPEEDS.start(), *SPEEDS.end());
        self.step.set(machine, &usual, factor);
    }

    fn arrange(&self) -> Matrix {
        Matrix::with_layout(&self.interactions, Weighting::Binary, self.layout, &Sequential)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::estimate::Outlook;

    #[test]
    fn a_machine_is_learned_from_its_times() {
        let kernel = Kernel::PORTABLE;
        let usual = Machine::of(kernel);
        let mut machines = [(0.5, usual), (1.0, Machine { chunk: 1, ..usual }), (3.0, usual)];
        for step in Step::ALL {
            let workload = Workload::new(step, kernel);
            assert!(workload.run() > 0, "{step:?} does something");
            for (factor, machine) in &mut machines {
                let time = PORTABLE[step as usize] as f64 * 1e6;
                workload.learn(machine, (time * *factor) as u64);
            }
        }
        // Every field is learned by some step.
        for (factor, machine) in machines {
            let (learned, usual) = (fields(&machine), fields(&usual));
            for (name, cost) in &learned {
                assert_eq!(*cost, usual[name] * factor, "{name}, {factor} times");
            }
        }
    }

    fn fields(machine: &Machine) -> std::collections::BTreeMap<String, f64> {
        let value = serde_json::to_value(machine).unwrap();
        let fields = value.as_object().unwrap().iter();
        fields.map(|(name, cost)| (name.clone(), cost.as_f64().unwrap())).collect()
    }

    #[test]
    fn a_workload_is_dearer_where_its_step_is() {
        let steps = [Step::Chunks, Step::BitRows, Step::Additions, Step::SparseAdditions];
        for step in steps {
            let usual = Machine::of(Kernel::PORTABLE);
            let mut machine = usual;
            step.set(&mut machine, &usual, 10.0);
            let workload = Workload::new(step, Kernel::PORTABLE);
            let counting = |machine| {
                let layout = Layout { machine, ..workload.layout };
                let filter = ItemFilter::default();
                Outlook::of(&workload.interactions, &workload.job, &filter, layout, &Sequential)
                    .forecast(&workload.plan)
                    .counting
            };
            let (dear, usual) = (counting(Some(machine)), counting(None));
            assert!(dear > 5.0 * usual, "{step:?}: {dear} of {usual}");
        }
    }

    #[test]
    fn broken_clocks_make_no_broken_machines() {
        let workload = Workload::new(Step::Chunks, Kernel::PORTABLE);
        let usual = Machine::of(Kernel::PORTABLE);
        for picoseconds in [0, u64::MAX] {
            let mut machine = usual;
            workload.learn(&mut machine, picoseconds);
            assert!(machine.chunk > 0 && machine.chunk <= 20 * usual.chunk, "{machine:?}");
        }
    }
}
