//! Comparing as a task: the matrix, the plan, then tile by tile.

use std::rc::Rc;

use ilk_core::{
    interactions::Folded,
    job::Job,
    kernel::{ItemFilter, Kernel, codes_of, neighbours},
    matrix::{Layout, Matrix},
    plan::Plan,
};
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
    folded: Rc<Folded>,
    job: Job,
    filter: ItemFilter,
    unknown: Vec<String>,
    layout: Layout,
    state: State,
}

enum State {
    Begun,
    Planned(Box<(Matrix, Plan)>),
    Finished(Option<Neighbours>),
}

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
        if matches!(self.state, State::Begun) {
            self.advance()?;
        }
        let State::Planned(planned) = &self.state else { return Err(unfinished()) };
        let (matrix, plan) = &**planned;
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
        found.take().ok_or_else(unfinished)
    }
}

impl Task for Comparison {
    fn advance(&mut self) -> Result<(), Fault> {
        match &self.state {
            State::Begun => {
                let (interactions, weighting) = (&self.folded.interactions, self.job.weighting);
                let matrix = Matrix::with_layout(interactions, weighting, self.layout, &crew());
                let plan = Plan::new(&matrix, &self.filter);
                self.state = State::Planned(Box::new((matrix, plan)));
            }
            State::Planned(planned) => {
                let (matrix, plan) = &**planned;
                let found = neighbours(matrix, plan, &self.job, &self.filter, &crew(), |_| {});
                let found = Neighbours::new(Rc::clone(&self.folded), self.job.clone(), found);
                self.state = State::Finished(Some(found));
            }
            State::Finished(_) => {}
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        match &self.state {
            State::Begun => Progress { stage: "arranging", done: 0.0, finished: false },
            State::Planned(_) => Progress { stage: "comparing", done: 0.0, finished: false },
            State::Finished(_) => Progress { stage: "comparing", done: 1.0, finished: true },
        }
    }
}

impl Comparison {
    pub(crate) fn new(
        folded: Rc<Folded>,
        job: Job,
        request: CompareRequest,
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
        Ok(Self { folded, job, filter, unknown, layout, state: State::Begun })
    }
}

fn kernel(name: &str) -> Result<Kernel, Fault> {
    let available = Kernel::available();
    let named = available.iter().find(|kernel| kernel.name() == name);
    named.copied().ok_or_else(|| {
        let names = available.iter().map(|kernel| kernel.name()).collect::<Vec<_>>().join(", ");
        let message = format!("kernel is `{name}`, which is not there; choose one of: {names}");
        Fault::new("setting", message).with("setting", "kernel")
    })
}
