//! A result in memory, for programs that go on with it themselves.

use std::sync::{Mutex, PoisonError};

use ilk_core::{
    data::Ids,
    result::{Catalogue, Neighbours},
};

use crate::{
    error::Error,
    observe::{Observer, Walk},
    progress::Reporter,
    request::Request,
    run::run,
};

/// The neighbours of all items, and what their codes stand for.
#[derive(Clone, Debug)]
pub struct Similar {
    /// What is compared: ids, labels, supports, by code.
    pub catalogue: Catalogue,
    /// The neighbours of every code, best first.
    pub neighbours: Neighbours,
}

impl Similar {
    /// Walks the rows of the result: an item, its neighbour, and how alike they are.
    ///
    /// # Examples
    /// See the front page.
    pub fn rows(&self) -> impl Iterator<Item = (String, String, f32)> {
        let name = |code| self.catalogue.ids.display(code).into_owned();
        let items = 0..self.neighbours.items() as u32;
        items.flat_map(move |item| {
            let list = self.neighbours.of(item).iter();
            list.map(move |other| (name(item), name(other.code), other.score))
        })
    }
}

/// Runs a job and returns its neighbours, which have to fit in memory; they are also written where
/// the request names an output. Nothing else is kept.
///
/// # Errors
/// For input that cannot be read, output that cannot be written, and guards that refuse.
pub fn neighbours(request: &Request, reporter: &Reporter) -> Result<Similar, Error> {
    let none = Catalogue {
        ids: Ids::Integer(Vec::new()),
        labels: None,
        supports: Vec::new(),
        target: None,
    };
    let nothing = Similar { catalogue: none, neighbours: Neighbours::new() };
    let gathered = Gathered(Mutex::new(nothing));
    run(request, None, &gathered, reporter)?;
    Ok(gathered.0.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Takes the result.
struct Gathered(Mutex<Similar>);

impl Observer for Gathered {
    fn saw_result(&self, catalogue: &Catalogue, _: u32, walk: Walk<'_>) -> Result<(), Error> {
        let mut neighbours = Neighbours::new();
        walk(&mut |item, list| {
            // Items that were not asked for have none.
            while neighbours.items() < item as usize {
                neighbours.push([]);
            }
            neighbours.push(list.iter().copied());
        })?;
        while neighbours.items() < catalogue.ids.len() {
            neighbours.push([]);
        }
        let result = Similar { catalogue: catalogue.clone(), neighbours };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = result;
        Ok(())
    }
}
