//! Comparing as a task: the matrix, the plan, then tile by tile.

use std::{rc::Rc, sync::Arc};

use ilk_core::{
    cost::Layout,
    executor::Executor as _,
    job::Job,
    kernel::{self, NoneLeft, best_without_threshold, none_listed},
    plan::{ItemFilter, codes_of},
    prepare::Folded,
    simd::Kernel,
};
use serde::Serialize;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::{
    error::Fault,
    neighbours::{Neighbours, Question},
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
    Begun(Question),
    Computing(Box<(Question, kernel::Task)>),
    Finished(Option<Box<Neighbours>>),
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
    /// If `milliseconds` are no number, and for a threshold or lists that leave nothing.
    #[wasm_bindgen(unchecked_return_type = "Progress")]
    pub fn step(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "number")] milliseconds: &JsValue,
    ) -> Result<JsValue, Fault> {
        step(self, milliseconds)
    }

    /// Returns the work to do; arranges the matrix first if that is still to do.
    ///
    /// # Errors
    /// If the comparison is finished.
    #[wasm_bindgen(unchecked_return_type = "Work")]
    pub fn work(&mut self) -> Result<JsValue, Fault> {
        if matches!(self.state, State::Begun(_)) {
            self.advance()?;
        }
        let State::Computing(computing) = &self.state else { return Err(unfinished()) };
        let kernel::Work { operations, cost, tiles, head_items } = computing.1.work();
        to_js(&Work {
            pair_operations: operations as f64,
            predicted_seconds: cost as f64 / 1e12,
            tiles,
            head_items,
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
        self.state = match std::mem::replace(&mut self.state, State::Finished(None)) {
            State::Begun(question) => {
                let task = begin(&question, self.layout);
                State::Computing(Box::new((question, task)))
            }
            State::Computing(mut computing) if !computing.1.is_complete() => {
                computing.1.advance(crew().workers() * TILES, &crew());
                State::Computing(computing)
            }
            State::Computing(computing) => State::Finished(Some(Box::new(finish(*computing)?))),
            finished @ State::Finished(_) => finished,
        };
        Ok(())
    }

    fn progress(&self) -> Progress {
        match &self.state {
            State::Begun(_) => Progress { stage: "arranging", done: 0.0, finished: false },
            State::Computing(computing) => {
                Progress { stage: "comparing", done: computing.1.done(), finished: false }
            }
            State::Finished(_) => Progress { stage: "comparing", done: 1.0, finished: true },
        }
    }
}

/// Tiles that a worker computes between two looks at the clock; a job has about 512.
const TILES: usize = 2;

/// Arranges the matrix and plans the tiles.
fn begin(question: &Question, layout: Layout) -> kernel::Task {
    let Question { folded, job, filter, .. } = question;
    kernel::Task::new(&folded.interactions, job, filter, layout, &crew())
}

/// Takes the neighbours out. A threshold or lists that leave none are refused.
fn finish((question, task): (Question, kernel::Task)) -> Result<Neighbours, Fault> {
    let matrix = Arc::clone(task.matrix());
    let found = task.finish(&crew());
    let Question { folded, job, filter, lists } = &question;
    if found.is_empty()
        && let Some(none) = NoneLeft::of(job, lists.iter().copied(), "")
    {
        let supports = &folded.catalogue.supports;
        let best = || best_without_threshold(&matrix, supports, job, filter, &crew());
        return Err(none.with_best(best).into());
    }
    Ok(Neighbours::new(question, matrix, found))
}

impl Comparison {
    pub(crate) fn new(
        folded: Rc<Folded>,
        job: Job,
        request: &CompareRequest,
    ) -> Result<Self, Fault> {
        let ids = &folded.catalogue.ids;
        let mut unknown = Vec::new();
        let mut codes = |name: &str, list: &Option<Vec<String>>| {
            let Some(list) = list else { return Ok(None) };
            let (codes, not_there) = codes_of(ids, list.iter().map(String::as_str));
            if codes.is_empty() && !list.is_empty() && name != "exclude" {
                return Err(Fault::new("refused", none_listed(name, list, ids).to_string()));
            }
            unknown.extend(not_there.into_iter().map(String::from));
            Ok(Some(codes))
        };
        let only = codes("only", &request.only)?;
        let exclude = codes("exclude", &request.exclude)?;
        let wanted = codes("for", &request.wanted)?;
        let filter =
            ItemFilter::new(ids.len(), only.as_deref(), exclude.as_deref(), wanted.as_deref());
        let layout = match &request.kernel {
            None => Layout::default(),
            Some(name) => Layout { kernel: named(name)?, ..Layout::default() },
        };
        let lists =
            [("only", &request.only), ("exclude", &request.exclude), ("for", &request.wanted)];
        let given = lists.into_iter().filter(|(_, list)| list.is_some());
        let lists = given.map(|(name, _)| name).collect();
        let question = Question { folded, job, filter, lists };
        Ok(Self { layout, unknown, state: State::Begun(question) })
    }
}

fn named(name: &str) -> Result<Kernel, Fault> {
    let available = Kernel::available();
    let named = available.iter().find(|kernel| kernel.name() == name);
    named.copied().ok_or_else(|| {
        let names = available.iter().map(|kernel| kernel.name()).collect::<Vec<_>>().join(", ");
        let message = format!("kernel `{name}` is not available; choose one of: {names}");
        Fault::new("setting", message).with("setting", "kernel")
    })
}
