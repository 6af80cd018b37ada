//! Comparing as a task: the matrix, the plan, then tile by tile.

use std::rc::Rc;

use ilk_core::{
    executor::Executor as _,
    interactions::Folded,
    job::Job,
    kernel::{Comparison as Computation, ItemFilter, Kernel, Worker, codes_of},
    matrix::{Layout, Matrix},
    plan::{Plan, Tile},
};
use self_cell::self_cell;
use serde::Serialize;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::{
    error::Fault,
    neighbours::Neighbours,
    records::{CompareRequest, to_js},
    task::{Progress, Task, step, unfinished},
    threads::crew,
};

/// Interactions being compared.
#[wasm_bindgen]
pub struct Comparison {
    layout: Layout,
    unknown: Vec<String>,
    state: State,
}

enum State {
    Begun(Option<Question>),
    Computing {
        computing: Computing,
        /// The tile to compute next.
        next: usize,
        /// What those before it were predicted to cost.
        done: u64,
    },
    Finished(Option<Box<Neighbours>>),
}

/// What is asked.
pub(crate) struct Question {
    pub(crate) folded: Rc<Folded>,
    pub(crate) job: Job,
    pub(crate) filter: ItemFilter,
}

/// The question with what it is computed from.
pub(crate) struct Ground {
    pub(crate) question: Question,
    pub(crate) matrix: Matrix,
    plan: Plan,
}

/// Taken out when all tiles are computed.
type Running<'a> = Option<(Computation<'a>, Worker)>;

self_cell!(
    struct Computing {
        owner: Ground,

        #[covariant]
        dependent: Running,
    }
);

/// What the work is, known before it is done.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Work {
    pair_operations: f64,
    predicted_seconds: f64,
    tiles: usize,
    head_items: usize,
    unknown_ids: Vec<String>,
}

#[wasm_bindgen]
impl Comparison {
    /// Compares for about so many milliseconds.
    ///
    /// # Errors
    /// Never.
    #[wasm_bindgen(unchecked_return_type = "Progress")]
    pub fn step(&mut self, milliseconds: f64) -> Result<JsValue, Fault> {
        step(self, milliseconds)
    }

    /// Says what the work is; arranges the matrix first if that is still to do.
    ///
    /// # Errors
    /// If the comparison is finished.
    #[wasm_bindgen(unchecked_return_type = "Work")]
    pub fn work(&mut self) -> Result<JsValue, Fault> {
        if matches!(self.state, State::Begun(_)) {
            self.advance()?;
        }
        let State::Computing { computing, .. } = &self.state else { return Err(unfinished()) };
        let Ground { matrix, plan, .. } = computing.borrow_owner();
        to_js(&Work {
            pair_operations: plan.operations as f64,
            predicted_seconds: plan.cost as f64 / 1e12,
            tiles: plan.tiles.len(),
            head_items: matrix.head_items(),
            unknown_ids: self.unknown.clone(),
        })
    }

    /// Takes the neighbours, once.
    ///
    /// # Errors
    /// If they are not computed yet, or were taken.
    pub fn finish(&mut self) -> Result<Neighbours, Fault> {
        let State::Finished(found) = &mut self.state else { return Err(unfinished()) };
        found.take().map(|found| *found).ok_or_else(unfinished)
    }
}

impl Task for Comparison {
    fn advance(&mut self) -> Result<(), Fault> {
        match &mut self.state {
            State::Begun(question) => {
                let question = question.take().ok_or_else(unfinished)?;
                let computing = begin(question, self.layout);
                self.state = State::Computing { computing, next: 0, done: 0 };
            }
            State::Computing { computing, next, done } => {
                let tiles = computing.borrow_owner().plan.tiles.len();
                if *next < tiles {
                    let last = (*next + crew().workers() * TILES).min(tiles);
                    *done += compute(computing, *next..last);
                    *next = last;
                } else {
                    let State::Computing { computing, .. } =
                        std::mem::replace(&mut self.state, State::Finished(None))
                    else {
                        return Err(unfinished());
                    };
                    self.state = State::Finished(finish(computing));
                }
            }
            State::Finished(_) => {}
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        match &self.state {
            State::Begun(_) => Progress { stage: "arranging", done: 0.0, finished: false },
            State::Computing { computing, done, .. } => {
                let all = computing.borrow_owner().plan.cost.max(1);
                let done = (*done as f64 / all as f64).min(1.0);
                Progress { stage: "comparing", done, finished: false }
            }
            State::Finished(_) => Progress { stage: "comparing", done: 1.0, finished: true },
        }
    }
}

/// Tiles that a worker computes between two looks at the clock; a job has about 512.
const TILES: usize = 2;

/// Arranges the matrix and plans the tiles.
fn begin(question: Question, layout: Layout) -> Computing {
    let (interactions, weighting) = (&question.folded.interactions, question.job.weighting);
    let matrix = Matrix::with_layout(interactions, weighting, layout, &crew());
    let plan = Plan::new(&matrix, &question.filter);
    Computing::new(Ground { question, matrix, plan }, |ground| {
        let Ground { question: Question { job, filter, .. }, matrix, plan } = ground;
        let computation =
            Computation::new(matrix.table(), job, filter, plan.sides, matrix.kernel());
        let worker = computation.worker();
        Some((computation, worker))
    })
}

/// Computes some of the tiles; returns what they were predicted to cost.
fn compute(computing: &mut Computing, tiles: std::ops::Range<usize>) -> u64 {
    computing.with_dependent_mut(|ground, running| {
        let Some((computation, worker)) = running else { return 0 };
        let Ground { matrix, plan, .. } = ground;
        let tiles = &plan.tiles[tiles];
        let tile = |tile: &Tile, worker: &mut Worker| {
            let columns = &matrix.columns()[tile.columns];
            computation.compute(matrix.rows(), columns, plan.rows(tile), worker);
        };
        if crew().workers() == 1 {
            for next in tiles {
                tile(next, worker);
            }
        } else {
            let init = || computation.worker();
            crew().map_with(tiles.len(), init, |worker, next| tile(&tiles[next], worker));
        }
        tiles.iter().map(|tile| tile.cost).sum()
    })
}

/// Takes the neighbours out.
fn finish(mut computing: Computing) -> Option<Box<Neighbours>> {
    let (computation, _) = computing.with_dependent_mut(|_, running| running.take())?;
    let found = computation.neighbours(&crew());
    let Ground { question, matrix, .. } = computing.into_owner();
    Some(Box::new(Neighbours::new(question, matrix, found)))
}

impl Comparison {
    pub(crate) fn new(
        folded: Rc<Folded>,
        job: Job,
        request: &CompareRequest,
    ) -> Result<Self, Fault> {
        let ids = &folded.catalogue.ids;
        let mut unknown = Vec::new();
        let mut codes = |list: &Option<Vec<String>>| {
            let list = list.as_ref()?;
            let (codes, not_there) = codes_of(ids, list.iter().map(String::as_str));
            unknown.extend(not_there.into_iter().map(String::from));
            Some(codes)
        };
        let (only, exclude, wanted) =
            (codes(&request.only), codes(&request.exclude), codes(&request.wanted));
        let filter =
            ItemFilter::new(ids.len(), only.as_deref(), exclude.as_deref(), wanted.as_deref());
        let layout = match &request.kernel {
            None => Layout::default(),
            Some(name) => Layout { kernel: kernel(name)?, ..Layout::default() },
        };
        let question = Question { folded, job, filter };
        Ok(Self { layout, unknown, state: State::Begun(Some(question)) })
    }
}

fn kernel(name: &str) -> Result<Kernel, Fault> {
    let available = Kernel::available();
    let named = available.iter().find(|kernel| kernel.name() == name);
    named.copied().ok_or_else(|| {
        let names = available.iter().map(|kernel| kernel.name()).collect::<Vec<_>>().join(", ");
        let message = format!("kernel `{name}` is not available; choose one of: {names}");
        Fault::new("setting", message).with("setting", "kernel")
    })
}
