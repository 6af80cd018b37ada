//! What wasmtime makes of the WIT.

/// Plugins that take tables.
pub(crate) mod tables {
    wasmtime::component::bindgen!({ path: "wit", world: "table-engine" });

    pub(crate) use exports::ilk::similarity::tables::{Failure, Request, Source};
}

/// Plugins that compute tiles.
pub(crate) mod tiles {
    wasmtime::component::bindgen!({ path: "wit", world: "tile-engine" });

    pub(crate) use exports::ilk::similarity::tiles::{Block, Failure, Items, Offers, Sides};
}
