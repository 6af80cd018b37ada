//! The writer of Parquet in a module of its own: it was a fifth of the package, and most who look at a
//! result do not save it so.
//!
//! What is written comes in columns; text as the bytes of all strings and where each ends.

use ilk_core::{
    data::{Ids, TextColumn, TextList},
    result::{Catalogue, Neighbour, Neighbours},
};
use ilk_formats::{ListQuality, OutputFormat, write_items, write_neighbours};
use wasm_bindgen::{JsError, prelude::wasm_bindgen};

/// A result on its way into files.
#[wasm_bindgen]
pub struct Tables {
    catalogue: Catalogue,
    neighbours: Neighbours,
}

#[wasm_bindgen]
impl Tables {
    /// Takes items whose ids are integers, ascending, and the users of each.
    #[wasm_bindgen(js_name = ofIntegers)]
    pub fn of_integers(ids: Vec<i64>, supports: Vec<u32>) -> Self {
        Self::new(Ids::Integer(ids), supports)
    }

    /// Does so with integers without a sign.
    #[wasm_bindgen(js_name = ofUnsigned)]
    pub fn of_unsigned(ids: Vec<u64>, supports: Vec<u32>) -> Self {
        Self::new(Ids::Unsigned(ids), supports)
    }

    /// Does so with text.
    ///
    /// # Errors
    /// Where it is no text.
    #[wasm_bindgen(js_name = ofText)]
    pub fn of_text(text: Vec<u8>, ends: &[u32], supports: Vec<u32>) -> Result<Self, JsError> {
        Ok(Self::new(Ids::Text(list(text, ends)?), supports))
    }

    /// Gives the items labels: the distinct ones, and which of them each has.
    ///
    /// # Errors
    /// Where they are no text.
    pub fn label(&mut self, text: Vec<u8>, ends: &[u32], codes: Vec<u32>) -> Result<(), JsError> {
        let dictionary = list(text, ends)?;
        self.catalogue.labels = Some(TextColumn { codes, dictionary, untyped: false });
        Ok(())
    }

    /// Appends the lists of some items, of so many neighbours each.
    pub fn push(&mut self, counts: &[u32], codes: &[u32], scores: &[f32], overlaps: &[u32]) {
        let mut entries = codes.iter().zip(scores).zip(overlaps).map(|((code, score), overlap)| {
            Neighbour { code: *code, score: *score, overlap: *overlap }
        });
        for count in counts {
            self.neighbours.push(entries.by_ref().take(*count as usize));
        }
    }

    /// Writes the table of neighbours.
    ///
    /// # Errors
    /// None: memory takes it.
    pub fn neighbours(&self) -> Result<Vec<u8>, JsError> {
        let mut bytes = Vec::new();
        write_neighbours(OutputFormat::Parquet, &mut bytes, &self.catalogue, &self.neighbours)?;
        Ok(bytes)
    }

    /// Writes the table of items.
    ///
    /// # Errors
    /// None: memory takes it.
    pub fn items(&self) -> Result<Vec<u8>, JsError> {
        let mut bytes = Vec::new();
        let lists = ListQuality::of_all(&self.neighbours);
        write_items(OutputFormat::Parquet, &mut bytes, &self.catalogue, &lists)?;
        Ok(bytes)
    }
}

impl Tables {
    fn new(ids: Ids, supports: Vec<u32>) -> Self {
        let catalogue = Catalogue { ids, labels: None, supports, target: None };
        Self { catalogue, neighbours: Neighbours::new() }
    }
}

/// Cuts text where its strings end.
fn list(text: Vec<u8>, ends: &[u32]) -> Result<TextList, JsError> {
    let text = String::from_utf8(text)?;
    let starts = [0].into_iter().chain(ends.iter().copied());
    Ok(starts.zip(ends).map(|(start, end)| &text[start as usize..*end as usize]).collect())
}
