//! What computes the tiles: this program, or a plugin in a sandbox.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use ilk_core::weighting::WeightKind;

use crate::{error::Error, memory::Bytes, pool::Pool};

/// A plugin that computes the tiles, opened when they are to be computed.
pub(crate) struct Plugin {
    path: PathBuf,
    opened: OnceLock<Sandbox>,
}

impl Plugin {
    /// Takes the plugin in a file.
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.into(), opened: OnceLock::new() }
    }

    /// Returns the sandbox, which is opened if it was not.
    ///
    /// # Errors
    /// For a file that is no plugin, and where there is no sandbox.
    pub(crate) fn open(&self, pool: &Pool) -> Result<&Sandbox, Error> {
        if let Some(sandbox) = self.opened.get() {
            return Ok(sandbox);
        }
        let sandbox = Sandbox::open(&self.path, pool)?;
        Ok(self.opened.get_or_init(|| sandbox))
    }
}

/// Predicts the bytes that tiles take in the sandbox, beside what this program takes: what crosses
/// the border, and in each instance rows and columns as they come and as they are arranged.
pub(crate) fn sandbox_bytes(interactions: usize, weights: WeightKind, workers: usize) -> usize {
    // Weights that are made of factors cross the border as weights of their own.
    let list = interactions * if weights == WeightKind::One { 4 } else { 12 };
    list * (1 + 3 * workers) + (workers << 20)
}

/// The error of a job that does not fit in memory, where plugins compare.
pub(crate) fn does_not_fit(limit: Bytes) -> Error {
    let why = format!("plugins compare in memory, and this job does not fit in {limit}");
    Error::input(why).with_help("leave out --engine, or allow more --memory")
}

#[cfg(not(feature = "plugins"))]
mod chosen {
    use std::path::Path;

    use ilk_core::{
        job::Job,
        kernel::Offer,
        matrix::Matrix,
        plan::{ItemFilter, Plan, Tile},
        result::Neighbours,
    };

    use crate::{error::Error, pool::Pool};

    /// No plugin: this program cannot run any.
    #[derive(Debug)]
    pub enum Sandbox {}

    impl Sandbox {
        /// Refuses, and describes how to get a program that can.
        ///
        /// # Errors
        /// Always.
        pub fn open(path: &Path, _: &Pool) -> Result<Self, Error> {
            let message = format!(
                "{} cannot run: this program was built without the sandbox",
                path.display()
            );
            Err(Error::input(message)
                .with_help("build it with: cargo build --release -p ilk --features plugins"))
        }

        /// Computes nothing, as there is none.
        pub fn neighbours(
            &self,
            _: &Matrix,
            _: &Plan,
            _: &Job,
            _: &ItemFilter,
            _: &Pool,
            _: impl Fn(usize) + Sync,
        ) -> Result<Neighbours, Error> {
            match *self {}
        }

        /// Prepares nothing, as there is none.
        pub fn tiling(
            &self,
            _: &Matrix,
            _: &Plan,
            _: &Job,
            _: &ItemFilter,
        ) -> Result<&Self, Error> {
            match *self {}
        }

        /// Computes nothing, as there is none.
        pub fn compute(&self, _: &Tile) -> Result<Vec<Offer>, Error> {
            match *self {}
        }
    }
}

#[cfg(feature = "plugins")]
mod chosen {
    use std::{
        path::Path,
        sync::{
            Mutex, PoisonError,
            atomic::{AtomicBool, Ordering::Relaxed},
        },
    };

    use etcetera::BaseStrategy as _;
    use ilk_core::{
        executor::Executor as _,
        job::{Job, SimilarityJob},
        kernel::{Comparison, Offer},
        matrix::{ItemTable, Matrix},
        measure::Measure,
        plan::{ItemFilter, Plan, Sides, Tile},
        result::{Neighbour, Neighbours},
    };
    use ilk_plugin_host::{self as host, Block, Host, Items, Limits, Offers, Plugin};

    use crate::{error::Error, pool::Pool};

    /// A plugin, and where it runs.
    pub struct Sandbox(pub Plugin);

    /// An instance, and which columns it holds.
    struct Seat {
        instance: host::Comparison,
        columns: Option<usize>,
    }

    /// A job's tiles in the sandbox, computed by any thread, in any order.
    pub struct Tiling<'a> {
        plugin: Plugin,
        matrix: &'a Matrix,
        plan: &'a Plan,
        filter: &'a ItemFilter,
        wish: String,
        rows: Block,
        items: Items,
        sides: host::Sides,
        /// The position of each code.
        positions: Vec<u32>,
        /// Instances that are not at work.
        free: Mutex<Vec<Seat>>,
    }

    impl Sandbox {
        /// Loads a plugin, for as many instances as there are threads.
        ///
        /// # Errors
        /// For a file that is no plugin, or not for this program.
        pub fn open(path: &Path, pool: &Pool) -> Result<Self, Error> {
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

        /// Prepares a job's tiles.
        ///
        /// # Errors
        /// If the job is none that plugins can be told.
        pub fn tiling<'a>(
            &self,
            matrix: &'a Matrix,
            plan: &'a Plan,
            job: &Job,
            filter: &'a ItemFilter,
        ) -> Result<Tiling<'a>, Error> {
            let rows = rows(matrix);
            Ok(Tiling {
                plugin: self.0.clone(),
                matrix,
                plan,
                filter,
                wish: wish(job)?,
                items: items(matrix, filter, &rows),
                rows,
                sides: match plan.sides {
                    Sides::Both => host::Sides::Both,
                    Sides::Row => host::Sides::Row,
                },
                positions: ItemTable::positions(matrix.table().codes()),
                free: Mutex::default(),
            })
        }

        /// Computes every tile of `plan` in the sandbox; `on_tile` is called
        /// with the number of each that is done.
        ///
        /// # Errors
        /// For whatever the plugin refuses or does wrong.
        pub fn neighbours(
            &self,
            matrix: &Matrix,
            plan: &Plan,
            job: &Job,
            filter: &ItemFilter,
            pool: &Pool,
            on_tile: impl Fn(usize) + Sync,
        ) -> Result<Neighbours, Error> {
            let tiling = self.tiling(matrix, plan, job, filter)?;
            let comparison =
                Comparison::new(matrix.table(), job, filter, plan.sides, matrix.kernel());
            let has_failed = AtomicBool::new(false);
            let tile = |index: usize| -> Result<(), Error> {
                if has_failed.load(Relaxed) {
                    return Ok(());
                }
                let tile = &plan.tiles[index];
                let offers = tiling.compute(tile);
                comparison.restore(offers.inspect_err(|_| has_failed.store(true, Relaxed))?);
                on_tile(index);
                Ok(())
            };
            pool.map(plan.tiles.len(), tile).into_iter().collect::<Result<(), _>>()?;
            drop(tiling);
            Ok(comparison.neighbours(pool))
        }
    }

    impl Tiling<'_> {
        /// Computes a tile; returns what is still among its item's k best of all that one instance
        /// has seen. As many instances are begun as threads call at the same time.
        ///
        /// # Errors
        /// For whatever the plugin refuses or does wrong.
        pub fn compute(&self, tile: &Tile) -> Result<Vec<Offer>, Error> {
            let computed = || -> Result<_, host::Error> {
                let mut seat = match self.seat(tile.columns) {
                    Some(seat) => seat,
                    None => self.begin()?,
                };
                let Seat { instance, columns } = &mut seat;
                if *columns != Some(tile.columns) {
                    let range = self.matrix.columns()[tile.columns].positions();
                    instance.columns_of_rows(range.start, range.len() as u32)?;
                    *columns = Some(tile.columns);
                }
                let offers = instance.compute(&self.plan.rows(tile).collect::<Vec<_>>())?;
                let offers = self.settle(&offers)?;
                self.free.lock().unwrap_or_else(PoisonError::into_inner).push(seat);
                Ok(offers)
            };
            computed().map_err(|error| failed(&error))
        }

        /// Takes an instance that is free, one with these columns if there is.
        fn seat(&self, columns: usize) -> Option<Seat> {
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            let place = free.iter().position(|seat| seat.columns == Some(columns));
            place.map(|place| free.swap_remove(place)).or_else(|| free.pop())
        }

        /// Takes offers in, and leaves out what was not asked for; a plugin may name items that
        /// there are not.
        fn settle(&self, offers: &Offers) -> Result<Vec<Offer>, host::Error> {
            let Offers { items, neighbours, scores, overlaps } = offers;
            let mut settled = Vec::with_capacity(items.len());
            for (at, code) in items.iter().enumerate() {
                let neighbour =
                    Neighbour { code: neighbours[at], score: scores[at], overlap: overlaps[at] };
                let position = |code: u32| self.positions.get(code as usize);
                let (Some(item), Some(_)) = (position(*code), position(neighbour.code)) else {
                    let why = "an item that is not among those it was given".into();
                    return Err(host::Error::BadOutput { function: "comparison.compute", why });
                };
                let is_wanted = self.filter.wants(*code) && self.filter.admits(neighbour.code);
                if is_wanted && neighbour.code != *code {
                    settled.push(Offer { item: *item, neighbour });
                }
            }
            Ok(settled)
        }

        fn begin(&self) -> Result<Seat, host::Error> {
            let mut instance = self.plugin.comparison(&self.wish, &self.items, self.sides)?;
            instance.rows(&self.rows)?;
            Ok(Seat { instance, columns: None })
        }
    }

    /// An error of the sandbox as one of the program.
    pub fn failed(error: &host::Error) -> Error {
        Error::input(error.to_string())
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
            users: table.population() as u32,
            numbers: table.users() as u32,
            codes: table.codes().to_vec(),
            supports: table.supports().to_vec(),
            squares: rows.weights.as_ref().map(|_| table.squares().to_vec()),
            candidates: listed(&|code| filter.admits(code)),
            wanted: listed(&|code| filter.wants(code)),
        }
    }
}

pub use chosen::Sandbox;
#[cfg(feature = "plugins")]
pub use chosen::failed;
