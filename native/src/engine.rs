//! What computes the tiles: this program, or a plugin in a sandbox.

use std::{path::PathBuf, str::FromStr};

/// What computes the tiles of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Engine {
    /// This program.
    #[default]
    Native,
    /// The plugin in a file, one instance for each thread.
    Plugin(PathBuf),
}

impl FromStr for Engine {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "native" => Ok(Self::Native),
            Some(("plugin", path)) if !path.is_empty() => Ok(Self::Plugin(path.into())),
            _ => Err("expected `native` or `plugin:PATH`"),
        }
    }
}

#[cfg(not(feature = "plugins"))]
mod chosen {
    use std::path::Path;

    use ilk_core::{
        job::Job,
        kernel::ItemFilter,
        matrix::Matrix,
        neighbours::Neighbours,
        plan::{Plan, Tile},
    };

    use crate::{error::Error, pool::Pool};

    /// No plugin: this program cannot run any.
    #[derive(Debug)]
    pub(crate) enum Sandbox {}

    impl Sandbox {
        /// Says how to get a program that can.
        ///
        /// # Errors
        /// Always.
        pub(crate) fn open(path: &Path, _: &Pool) -> Result<Self, Error> {
            let message = format!("{} cannot be run: this program has no sandbox", path.display());
            Err(Error::input(message)
                .with_help("build one: cargo build --release -p ilk --features plugins"))
        }

        /// Computes nothing, as there is none.
        pub(crate) fn neighbours(
            &self,
            _: &Matrix,
            _: &Plan,
            _: &Job,
            _: &ItemFilter,
            _: &Pool,
            _: impl Fn(&Tile) + Sync,
        ) -> Result<Neighbours, Error> {
            match *self {}
        }
    }
}

#[cfg(feature = "plugins")]
mod chosen {
    use std::{
        path::Path,
        sync::atomic::{AtomicBool, Ordering::Relaxed},
    };

    use etcetera::BaseStrategy as _;
    use ilk_core::{
        executor::Executor as _,
        job::{Job, SimilarityJob},
        kernel::{Comparison, ItemFilter},
        matrix::{ItemTable, Matrix},
        measure::Measure,
        neighbours::{Neighbour, Neighbours},
        plan::{Plan, Sides, Tile},
        topk::Offer,
    };
    use ilk_plugin_host::{self as host, Block, Host, Items, Limits, Offers, Plugin};

    use crate::{error::Error, pool::Pool};

    /// A plugin, and where it runs.
    pub(crate) struct Sandbox(pub(crate) Plugin);

    /// What one thread has: its instance, and which columns that holds.
    type Seat = Option<(host::Comparison, Option<usize>)>;

    impl Sandbox {
        /// Loads a plugin, for as many instances as there are threads.
        ///
        /// # Errors
        /// For a file that is no plugin, or not for this program.
        pub(crate) fn open(path: &Path, pool: &Pool) -> Result<Self, Error> {
            let limits = Limits {
                memory_bytes: 1 << 32,
                instances: pool.workers() as u32 + 1,
                ..Limits::default()
            };
            // Without a home, or where it cannot be written, code is compiled each time.
            let folder = etcetera::choose_base_strategy().ok();
            let folder = folder.map(|folders| folders.cache_dir().join("ilk").join("plugins"));
            let cached = folder.and_then(|folder| Host::with_cache(limits, folder).ok());
            let host = match cached {
                Some(host) => host,
                None => Host::new(limits).map_err(|error| failed(&error))?,
            };
            host.load(path).map(Self).map_err(|error| failed(&error))
        }

        /// Computes every tile of `plan` in the sandbox; `on_tile` is called after each.
        ///
        /// # Errors
        /// For whatever the plugin refuses or does wrong.
        pub(crate) fn neighbours(
            &self,
            matrix: &Matrix,
            plan: &Plan,
            job: &Job,
            filter: &ItemFilter,
            pool: &Pool,
            on_tile: impl Fn(&Tile) + Sync,
        ) -> Result<Neighbours, Error> {
            let wish = wish(job)?;
            let rows = rows(matrix);
            let items = items(matrix, filter, &rows);
            let positions = ItemTable::positions(matrix.table().codes());
            let comparison =
                Comparison::new(matrix.table(), job, filter, plan.sides, matrix.kernel());
            let sides = match plan.sides {
                Sides::Both => host::Sides::Both,
                Sides::Row => host::Sides::Row,
            };
            let has_failed = AtomicBool::new(false);
            let tile = |seat: &mut Seat, index: usize| -> Result<(), host::Error> {
                let tile = &plan.tiles[index];
                let (instance, columns) = if let Some(seat) = seat {
                    seat
                } else {
                    let mut instance = self.0.comparison(&wish, &items, sides)?;
                    instance.rows(&rows)?;
                    seat.insert((instance, None))
                };
                if *columns != Some(tile.columns) {
                    let range = matrix.columns()[tile.columns].positions();
                    instance.columns_of_rows(range.start, range.len() as u32)?;
                    *columns = Some(tile.columns);
                }
                let offers = instance.compute(&plan.rows(tile).collect::<Vec<_>>())?;
                comparison.restore(settle(&offers, &positions)?);
                on_tile(tile);
                Ok(())
            };
            let done = pool.map_with(plan.tiles.len(), Seat::default, |seat, index| {
                if has_failed.load(Relaxed) {
                    return Ok(());
                }
                tile(seat, index).inspect_err(|_| has_failed.store(true, Relaxed))
            });
            done.into_iter().collect::<Result<(), _>>().map_err(|error| failed(&error))?;
            Ok(comparison.neighbours(pool))
        }
    }

    /// An error of the sandbox as one of the program.
    pub(crate) fn failed(error: &host::Error) -> Error {
        Error::input(error.to_string())
    }

    /// Takes offers in; a plugin may name items that there are not.
    fn settle(offers: &Offers, positions: &[u32]) -> Result<Vec<Offer>, host::Error> {
        let entry = |at: usize| {
            let neighbour = Neighbour {
                code: offers.neighbours[at],
                score: offers.scores[at],
                overlap: offers.overlaps[at],
            };
            let item = *positions.get(offers.items[at] as usize)?;
            positions.get(neighbour.code as usize)?;
            Some(Offer { item, neighbour })
        };
        let settled = (0..offers.items.len()).map(entry).collect::<Option<Vec<_>>>();
        settled.ok_or_else(|| host::Error::BadOutput {
            function: "comparison.compute",
            why: "an item that is not among those it was given".into(),
        })
    }

    /// What a job says of scores and lists; rows and weights have been dealt with.
    fn wish(job: &Job) -> Result<String, Error> {
        let (mut alpha, mut beta, mut kappa) = (None, None, None);
        match job.measure {
            Measure::Tversky { alpha: a, beta: b } => (alpha, beta) = (Some(a), Some(b)),
            Measure::AsymmetricCosine { alpha: a } | Measure::Conditional { alpha: a } => {
                alpha = Some(a);
            }
            Measure::Lift { kappa: k } => kappa = Some(k),
            _ => {}
        }
        let wish = SimilarityJob {
            measure: Some(job.measure.name()),
            alpha,
            beta,
            kappa,
            top: Some(job.top),
            min_overlap: Some(job.min_overlap),
            shrinkage: Some(job.shrinkage),
            threshold: job.threshold.map(f64::from),
            ..SimilarityJob::default()
        };
        serde_json::to_string(&wish).map_err(|error| Error::internal(error.to_string()))
    }

    /// All rows, as they cross the border.
    fn rows(matrix: &Matrix) -> Block {
        let parts = matrix.rows().parts();
        Block {
            first: 0,
            starts: parts.starts.iter().map(|start| *start as u32).collect(),
            users: parts.indices.to_vec(),
            weights: parts.weights.map(std::borrow::Cow::into_owned),
        }
    }

    fn items(matrix: &Matrix, filter: &ItemFilter, rows: &Block) -> Items {
        let table = matrix.table();
        let listed = |keep: &dyn Fn(u32) -> bool| {
            let listed = (0..).zip(table.codes()).filter(|(_, code)| keep(**code));
            let listed = listed.map(|(position, _)| position).collect::<Vec<_>>();
            (listed.len() < table.len()).then_some(listed)
        };
        Items {
            users: table.users() as u32,
            numbers: table.users() as u32,
            codes: table.codes().to_vec(),
            supports: table.supports().to_vec(),
            squares: rows.weights.as_ref().map(|_| table.squares().to_vec()),
            candidates: listed(&|code| filter.admits(code)),
            wanted: listed(&|code| filter.wants(code)),
        }
    }
}

pub(crate) use chosen::Sandbox;
#[cfg(feature = "plugins")]
pub(crate) use chosen::failed;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_are_named() {
        assert_eq!("native".parse(), Ok(Engine::Native));
        assert_eq!("plugin:a:b.wasm".parse(), Ok(Engine::Plugin("a:b.wasm".into())));
        for wrong in ["", "plugin", "plugin:", "wasm:a"] {
            assert!(wrong.parse::<Engine>().is_err(), "{wrong}");
        }
    }
}
