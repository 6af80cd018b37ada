//! The result: looked at item by item, as columns, or as a file.

use std::{rc::Rc, sync::Arc};

use ilk_core::{
    insight::Explainer,
    job::{Job, Of, Pairs},
    kernel::pairs_once,
    matrix::Matrix,
    plan::ItemFilter,
    prepare::Folded,
    result::{Catalogue, Neighbour},
};
use ilk_formats::{Error, ListQuality, OutputFormat, write_items, write_neighbours};
use js_sys::{Float32Array, Object, Reflect, Uint8Array, Uint32Array};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

#[cfg(target_family = "wasm")]
use crate::aside;
use crate::{
    arguments,
    error::Fault,
    explanation::{ExplanationRecord, Names},
    records::{ItemRecord, NeighbourRecord, to_js},
    threads::crew,
};

/// What is asked.
pub(crate) struct Question {
    pub(crate) folded: Rc<Folded>,
    pub(crate) job: Job,
    pub(crate) filter: ItemFilter,
    /// The names of the lists that made the filter.
    pub(crate) lists: Vec<&'static str>,
}

/// The neighbours of every item, best first.
#[wasm_bindgen]
pub struct Neighbours {
    question: Question,
    matrix: Arc<Matrix>,
    found: ilk_core::result::Neighbours,
}

#[wasm_bindgen]
impl Neighbours {
    /// Counts the items, those without neighbours included; their codes are 0 up to this, in the
    /// order of ids.
    #[wasm_bindgen(getter)]
    pub fn items(&self) -> u32 {
        self.found.items() as u32
    }

    /// Counts the neighbours of all items together.
    #[wasm_bindgen(getter)]
    pub fn length(&self) -> f64 {
        self.found.len() as f64
    }

    /// Returns the neighbours of the item with this id, best first.
    ///
    /// # Errors
    /// If there is no such item, or `id` is no ID.
    #[wasm_bindgen(unchecked_return_type = "NeighbourRecord[]")]
    pub fn of(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string | number | bigint")] id: &JsValue,
    ) -> Result<JsValue, Fault> {
        let code = self.code("id", id)?;
        let record = |(rank, neighbour): (u32, &Neighbour)| NeighbourRecord {
            rank,
            score: neighbour.score,
            overlap: neighbour.overlap,
            item: self.record(neighbour.code),
        };
        to_js(&(1..).zip(self.found.of(code)).map(record).collect::<Vec<_>>())
    }

    /// Explains why two items are alike, or why not: what the pair is made of, what every measure
    /// makes of it, who contributes most, and what would change its rank. `users`: how many of
    /// those who contribute to name; default 10.
    ///
    /// # Errors
    /// If there is no such item, one of the two is no ID, or `users` no whole number.
    #[wasm_bindgen(unchecked_return_type = "Explanation")]
    pub fn explain(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string | number | bigint")] item: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "string | number | bigint")] neighbour: &JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "number | null")] users: &JsValue,
    ) -> Result<JsValue, Fault> {
        let (item, neighbour) = (self.code("item", item)?, self.code("neighbour", neighbour)?);
        let users = arguments::count_or("users", users, 10)? as usize;
        let Question { folded, job, filter, .. } = &self.question;
        let explainer =
            Explainer { interactions: &folded.interactions, matrix: &self.matrix, job, filter };
        let explanation = explainer.explain(item, neighbour, users, &crew());
        let names = Names {
            item: &|code| self.record(code),
            user: &|user| folded.others.display(user).into(),
        };
        to_js(&ExplanationRecord::of(&explanation, (item, neighbour), job.top, &names))
    }

    /// Returns the item with this id; `undefined` where there is none.
    ///
    /// # Errors
    /// If `id` is no ID.
    #[wasm_bindgen(unchecked_return_type = "ItemRecord | undefined")]
    pub fn find(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string | number | bigint")] id: &JsValue,
    ) -> Result<JsValue, Fault> {
        let id = arguments::id("id", id)?;
        to_js(&self.catalogue().ids.find(&id).map(|code| self.record(code)))
    }

    /// Returns the item with this code.
    ///
    /// # Errors
    /// If there is no such code, or `code` is no whole number.
    #[wasm_bindgen(unchecked_return_type = "ItemRecord")]
    pub fn item(
        &self,
        #[wasm_bindgen(unchecked_param_type = "number")] code: &JsValue,
    ) -> Result<JsValue, Fault> {
        let code = self.known(arguments::count("code", code)?)?;
        to_js(&self.record(code))
    }

    /// Returns the most popular items whose id or label holds `text`, in any case of letters; of
    /// an empty text, the most popular ones.
    ///
    /// # Errors
    /// If `text` is no text, or `limit` no whole number.
    #[wasm_bindgen(unchecked_return_type = "ItemRecord[]")]
    pub fn search(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string")] text: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "number")] limit: &JsValue,
    ) -> Result<JsValue, Fault> {
        let limit = arguments::count("limit", limit)?;
        let wanted = arguments::text("text", text)?.to_lowercase();
        let catalogue = self.catalogue();
        let holds = |text: &str| text.to_lowercase().contains(&wanted);
        let matches = |code: &u32| {
            wanted.is_empty()
                || holds(&catalogue.ids.display(*code))
                || self.label(*code).is_some_and(holds)
        };
        let mut codes = (0..self.items()).filter(matches).collect::<Vec<_>>();
        codes.sort_by_key(|code| std::cmp::Reverse(catalogue.supports[*code as usize]));
        codes.truncate(limit as usize);
        to_js(&codes.into_iter().map(|code| self.record(code)).collect::<Vec<_>>())
    }

    /// Returns the ids of items by their codes, or of all.
    ///
    /// # Errors
    /// If there is no such code, or `codes` are no whole numbers.
    pub fn ids(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "Uint32Array | number[] | null")]
        codes: &JsValue,
    ) -> Result<Vec<String>, Fault> {
        let codes = arguments::counts("codes", codes)?;
        let codes = codes.unwrap_or_else(|| (0..self.items()).collect());
        let ids = &self.catalogue().ids;
        codes.into_iter().map(|code| Ok(ids.display(self.known(code)?).into())).collect()
    }

    /// Returns the users of every item, by code.
    pub fn supports(&self) -> Uint32Array {
        Uint32Array::from(self.catalogue().supports.as_slice())
    }

    /// Returns all lists as columns: the neighbours of the item with code c are those from
    /// `starts[c]` up to `starts[c + 1]`.
    #[wasm_bindgen(unchecked_return_type = "NeighbourColumns")]
    pub fn columns(&self) -> Object {
        let (mut starts, mut codes) = (vec![0_u32], Vec::with_capacity(self.found.len()));
        let (mut scores, mut overlaps) = (Vec::with_capacity(self.found.len()), Vec::new());
        for item in 0..self.items() {
            for neighbour in self.found.of(item) {
                codes.push(neighbour.code);
                scores.push(neighbour.score);
                overlaps.push(neighbour.overlap);
            }
            starts.push(codes.len() as u32);
        }
        let columns = Object::new();
        let set = |name: &str, column: &JsValue| {
            // An object of our own takes any property.
            let _ = Reflect::set(&columns, &name.into(), column);
        };
        set("starts", &Uint32Array::from(starts.as_slice()).into());
        set("codes", &Uint32Array::from(codes.as_slice()).into());
        set("scores", &Float32Array::from(scores.as_slice()).into());
        set("overlaps", &Uint32Array::from(overlaps.as_slice()).into());
        columns
    }

    /// Writes the table of neighbours as `ilk run` does: `parquet`, `csv`, `jsonl` or `arrow`; with
    /// `pairs` `once`, each pair once.
    ///
    /// # Errors
    /// For another format, or where the writer of Parquet cannot be fetched.
    #[wasm_bindgen(js_name = export)]
    pub fn export_neighbours(
        &self,
        #[wasm_bindgen(unchecked_param_type = "OutputFormat")] format: &JsValue,
    ) -> Result<Uint8Array, Fault> {
        let once;
        let found = match self.question.job.pairs {
            Pairs::Both => &self.found,
            Pairs::Once => {
                once = pairs_once(&self.found, &crew());
                &once
            }
        };
        match output_format(format)? {
            #[cfg(target_family = "wasm")]
            OutputFormat::Parquet => aside::parquet_of_neighbours(self.catalogue(), found),
            format => bytes(|bytes| write_neighbours(format, bytes, self.catalogue(), found)),
        }
    }

    /// Writes the table of items: id, label, support, number of neighbours, and the share of them
    /// that rest on a single user.
    ///
    /// # Errors
    /// For another format, or where the writer of Parquet cannot be fetched.
    #[wasm_bindgen(js_name = exportItems)]
    pub fn export_items(
        &self,
        #[wasm_bindgen(unchecked_param_type = "OutputFormat")] format: &JsValue,
    ) -> Result<Uint8Array, Fault> {
        match output_format(format)? {
            #[cfg(target_family = "wasm")]
            OutputFormat::Parquet => aside::parquet_of_items(self.catalogue(), &self.found),
            format => {
                let lists = ListQuality::of_all(&self.found);
                bytes(|bytes| write_items(format, bytes, self.catalogue(), &lists))
            }
        }
    }
}

impl Neighbours {
    pub(crate) fn new(
        question: Question,
        matrix: Arc<Matrix>,
        found: ilk_core::result::Neighbours,
    ) -> Self {
        Self { question, matrix, found }
    }

    fn catalogue(&self) -> &Catalogue {
        &self.question.folded.catalogue
    }

    fn code(&self, name: &'static str, id: &JsValue) -> Result<u32, Fault> {
        let id = arguments::id(name, id)?;
        self.catalogue().ids.find(&id).ok_or_else(|| {
            let what = match self.question.job.of {
                Of::Items => "item",
                Of::Users => "user",
            };
            Fault::new("unknown_item", format!("there is no {what} `{id}`")).with("id", id.as_str())
        })
    }

    /// Returns a code that an item has.
    fn known(&self, code: u32) -> Result<u32, Fault> {
        if code < self.items() {
            return Ok(code);
        }
        let message = format!("code is {code}, expected one below {}", self.items());
        Err(Fault::new("unknown_item", message))
    }

    fn label(&self, code: u32) -> Option<&str> {
        self.catalogue().labels.as_ref()?.get(code as usize)
    }

    fn record(&self, code: u32) -> ItemRecord {
        let catalogue = self.catalogue();
        ItemRecord {
            code,
            id: catalogue.ids.display(code).into(),
            label: self.label(code).map(Into::into),
            support: catalogue.supports[code as usize],
        }
    }
}

/// What was written, as JavaScript's own.
fn bytes(write: impl FnOnce(&mut Vec<u8>) -> Result<(), Error>) -> Result<Uint8Array, Fault> {
    let mut bytes = Vec::new();
    write(&mut bytes)?;
    Ok(Uint8Array::from(bytes.as_slice()))
}

fn output_format(name: &JsValue) -> Result<OutputFormat, Fault> {
    let name = arguments::text("format", name)?;
    name.parse().map_err(|_| {
        let message = format!("format is `{name}`, expected parquet, csv, jsonl, arrow or arrows");
        Fault::new("setting", message).with("setting", "format")
    })
}
