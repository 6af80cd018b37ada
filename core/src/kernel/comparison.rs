//! A job being computed: tiles in, offers gathered, neighbours out.

use super::{
    scale::ScoreScale,
    scorer::{Recording, Scorer, Workspace},
    topk::Offer,
    whole::{WholeTile, WholeWorkspace},
};
use crate::{
    executor::Executor,
    job::Job,
    matrix::{ColumnBlock, CommonUsers, ItemTable, Least, Matrix, RowBlock, Separable},
    measure::Measure,
    plan::{ItemFilter, Plan, Sides, Tile},
    result::{Neighbour, Neighbours, Piece},
    simd::Kernel,
    weighting::WeightKind,
};

/// The tiles of one job, computed in any order, by any number of workers, from blocks that may
/// come and go. The result is the same whatever the order, the workers and the blocks.
///
/// Together the tiles must cover, once, every pair of a row and a column: with [`Sides::Both`]
/// every pair of two positions, row after column (smaller columns than rows are all there is to
/// compute); with [`Sides::Row`] every row that is asked for against every position.
///
/// Cost: about 60 B per item, and up to 18·k B per item once offers came in.
#[derive(Debug)]
pub struct Comparison {
    scorer: Scorer,
}

/// What one thread needs to compute tiles, reused from tile to tile. Cost: about 28 B per position
/// of the widest block of columns, 48 B with weights.
#[derive(Debug, Default)]
pub struct Worker {
    counts: Workspace<()>,
    weights: Workspace<f64>,
    separable: Workspace<Separable>,
    least: Workspace<Least>,
    common: Workspace<CommonUsers>,
    whole: WholeWorkspace,
    recording: Option<Recording>,
}

impl Worker {
    /// Counts the offers that a recording worker holds. Cost: 16 B each, 32 B at times.
    pub fn recorded(&self) -> usize {
        self.recording.as_ref().map_or(0, Recording::len)
    }
}

impl Comparison {
    /// Begins the job on the items of `table`. Cost: O(items).
    pub fn new(
        table: &ItemTable,
        job: &Job,
        filter: &ItemFilter,
        sides: Sides,
        kernel: Kernel,
    ) -> Self {
        Self { scorer: Scorer::new(table, job, filter, sides, kernel) }
    }

    /// Returns the items.
    pub fn table(&self) -> &ItemTable {
        self.scorer.table()
    }

    /// Makes a worker.
    pub fn worker(&self) -> Worker {
        Worker::default()
    }

    /// Makes a worker that keeps what its tiles find, for [`survivors`](Self::survivors). Up to `room`
    /// offers it takes no more memory than for so many; past that, up to twice as much as it needs.
    pub fn recording_worker(&self, room: usize) -> Worker {
        Worker { recording: Some(Recording::new(room)), ..Worker::default() }
    }

    /// Computes a tile: `positions`, all of them in `rows`, against `columns`. With
    /// [`Sides::Both`] positions lie at or after the first of `columns`, and only smaller columns
    /// are looked at.
    ///
    /// # Panics
    /// If a position is not in `rows`, blocks are of different users or kinds of weight, or the
    /// measure only counts and there are weights, which no resolved job asks for.
    pub fn compute(
        &self,
        rows: &RowBlock,
        columns: &ColumnBlock,
        positions: impl Iterator<Item = u32>,
        worker: &mut Worker,
    ) {
        assert_eq!(rows.users(), columns.users(), "both blocks are of the same users");
        let Worker { counts, weights, separable, least, common, recording, .. } = worker;
        let recording = recording.as_mut();
        let measure = self.scorer.job().measure;
        assert!(
            rows.kind() == WeightKind::One || measure.is_weighted(),
            "a measure that counts takes no weights"
        );
        let sums_up = measure.is_common() || measure == Measure::WeightedJaccard;
        match rows.kind() {
            WeightKind::One => self.scorer.tile(rows, columns, positions, counts, recording),
            WeightKind::Separable => {
                assert!(
                    !sums_up,
                    "a measure that does not multiply weights takes them as they are"
                );
                self.scorer.tile(rows, columns, positions, separable, recording);
            }
            WeightKind::Own if measure.is_common() => {
                self.scorer.tile(rows, columns, positions, common, recording);
            }
            WeightKind::Own if sums_up => {
                self.scorer.tile(rows, columns, positions, least, recording);
            }
            WeightKind::Own => self.scorer.tile(rows, columns, positions, weights, recording),
        }
    }

    /// Computes a tile of a matrix in memory.
    ///
    /// # Panics
    /// As for [`compute`](Self::compute), and if the tile is not of `plan`, or `plan` not of
    /// `matrix`.
    pub fn compute_tile(&self, matrix: &Matrix, plan: &Plan, tile: &Tile, worker: &mut Worker) {
        let columns = &matrix.columns()[tile.columns];
        if let Some((rows, lists)) =
            columns.lists_of_counts(matrix.rows()).filter(|_| tile.is_whole)
        {
            let Worker { counts, whole, recording, .. } = worker;
            let tile_of = WholeTile {
                rows,
                first: columns.positions().start,
                columns: lists,
                additions: &matrix.additions_on_tail().all,
            };
            self.scorer.whole_tile(&tile_of, plan.rows(tile), whole, counts, recording.as_mut());
        } else {
            self.compute(matrix.rows(), columns, plan.rows(tile), worker);
        }
    }

    /// Takes out of a recording worker what its tiles found since the last call: the offers that
    /// are still among their item's k best so far. Those of all tiles together, [restored](
    /// Self::restore) in any order, are as good as the tiles.
    pub fn survivors(&self, worker: &mut Worker) -> Vec<Offer> {
        let Some(recording) = &mut worker.recording else { return Vec::new() };
        recording.take(self.scorer.selection())
    }

    /// Takes offers in that were found elsewhere for a tile of `worker`'s, as if it had computed
    /// that.
    ///
    /// # Panics
    /// If an offer's item is not in the table.
    pub fn record(&self, offers: impl IntoIterator<Item = Offer>, worker: &mut Worker) {
        self.scorer.restore(offers, worker.recording.as_mut());
    }

    /// Returns the scale of the scores that offers hold.
    pub fn scale(&self) -> ScoreScale {
        self.scorer.scale()
    }

    /// Takes offers in that tiles found before.
    ///
    /// # Panics
    /// If an offer's item is not in the table.
    pub fn restore(&self, offers: impl IntoIterator<Item = Offer>) {
        self.scorer.restore(offers, None);
    }

    /// Takes out what the item at `position` has so far, in no order, to make room. Its bar stays:
    /// what comes later is to be put beside it.
    ///
    /// # Panics
    /// If there is no such position.
    pub fn withdraw(&self, position: u32) -> Vec<Neighbour> {
        self.scorer.selection().withdraw(position)
    }

    /// Takes the neighbours of the item at `position` out, best first.
    ///
    /// # Panics
    /// If there is no such position.
    pub fn take(&self, position: u32) -> Vec<Neighbour> {
        self.scorer.take_out(position)
    }

    /// Takes every item's neighbours out, by ascending code.
    pub fn neighbours(self, executor: &impl Executor) -> Neighbours {
        let codes = self.scorer.table().codes();
        let positions = ItemTable::positions(codes);
        let selection = self.scorer.selection();
        let pieces = positions.chunks(Piece::ITEMS).collect::<Vec<_>>();
        Neighbours::of_pieces(executor.map(pieces.len(), |index| {
            let counts = pieces[index].iter().map(|position| selection.count(*position));
            let mut piece = Piece::with_capacity(counts.sum());
            for position in pieces[index] {
                piece.push(self.scorer.take_out(*position));
            }
            piece
        }))
    }
}
