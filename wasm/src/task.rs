//! Long work in steps.

use serde::Serialize;
use wasm_bindgen::JsValue;

use crate::{arguments, error::Fault, records::to_js};

/// How far a task has got.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Progress {
    /// What it is doing.
    pub(crate) stage: &'static str,
    /// Share of the stage that is done, 0 to 1.
    pub(crate) done: f64,
    /// There is nothing left to do: the result can be taken.
    pub(crate) finished: bool,
}

/// Work that is done piece by piece.
pub(crate) trait Task {
    /// Does the next piece: a few milliseconds to a second. Does nothing once finished.
    fn advance(&mut self) -> Result<(), Fault>;

    /// Returns how far it has got.
    fn progress(&self) -> Progress;
}

/// Works for about so many milliseconds, at least one piece.
pub(crate) fn step(task: &mut impl Task, milliseconds: &JsValue) -> Result<JsValue, Fault> {
    let end = now() + arguments::milliseconds(milliseconds)?;
    loop {
        task.advance()?;
        let progress = task.progress();
        if progress.finished || now() >= end {
            return to_js(&progress);
        }
    }
}

/// Milliseconds of some clock.
pub(crate) fn now() -> f64 {
    js_sys::Date::now()
}

/// The error of taking a result that is not there.
pub(crate) fn unfinished() -> Fault {
    Fault::new(
        "unfinished",
        "no result is available: call step() until `finished` is true, then finish() once",
    )
}
