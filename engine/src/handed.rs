//! What stages hand on to one another.

use ilk_core::{
    cost::Layout,
    data::Ids,
    matrix::{ItemTable, Matrix},
    plan::{ItemFilter, Plan, Sides, Tile},
    prepare::{Folding, Interactions, Tally},
    result::Catalogue,
};

use crate::{
    data::{Data, Made, Scale},
    findings::Findings,
    guard::Reserve,
    memory::Size,
    observe::Tiles,
    record::FileRecord,
    spill::{self, Area, Arranged, Rows},
};

/// What stage `clean` leaves.
pub(crate) struct Cleaned<A> {
    /// What became of all rows.
    pub(crate) tally: Tally,
    /// Those that were kept, where they are in hand.
    pub(crate) rows: Option<Rows>,
    /// Where they can be read once more.
    pub(crate) again: A,
}

/// Interactions: in memory, with the ids of those who are not compared; or in working files.
pub(crate) type Folded = Data<(Interactions, Ids), spill::Folded>;

/// What stage `encode` leaves.
pub(crate) struct Encoded {
    /// The interactions.
    pub(crate) folded: Folded,
    /// What is compared.
    pub(crate) catalogue: Catalogue,
    /// What became of the rows.
    pub(crate) folding: Folding,
}

impl Encoded {
    /// Counts what there is.
    pub(crate) fn size(&self, top: u32) -> Size {
        let (users, interactions) = match &self.folded {
            Data::Memory((interactions, users)) => (users.len(), interactions.len()),
            Data::Disk(folded) => (folded.others() as usize, folded.interactions() as usize),
        };
        Size {
            users,
            items: self.catalogue.ids.len(),
            interactions,
            top: top as usize,
            catalogue: spill::catalogue_bytes(&self.catalogue),
        }
    }

    /// Counts the pair operations.
    pub(crate) fn operations(&self) -> u128 {
        match &self.folded {
            Data::Memory((interactions, _)) => interactions.pair_operations(),
            Data::Disk(folded) => folded.operations(),
        }
    }
}

/// What is compared, and which of it may be a neighbour or is asked for.
pub(crate) struct Named {
    pub(crate) catalogue: Catalogue,
    pub(crate) filter: ItemFilter,
}

/// What stages `matrix` and `plan` leave.
pub(crate) struct Laid {
    pub(crate) arrangement: Arrangement,
    /// How the matrix is laid out, and what a core pays.
    pub(crate) layout: Layout,
    pub(crate) named: Named,
    /// Why the job is too much work, unless few items are asked for.
    pub(crate) reserve: Reserve,
    /// The tiles that an interrupted run has computed.
    pub(crate) committed: Committed,
    /// CPU seconds that comparing through working files is predicted to take, if time is limited.
    pub(crate) predicted: Option<f64>,
}

/// A job of which only the tiles are left to be computed.
pub(crate) type Arrangement = Data<(Matrix, Plan), Arranged>;

impl Arrangement {
    /// Returns what is known of the items.
    pub(crate) fn table(&self) -> &ItemTable {
        match self {
            Self::Memory((matrix, _)) => matrix.table(),
            Self::Disk(arranged) => arranged.table(),
        }
    }

    /// Counts the items in the dense head.
    pub(crate) fn head_items(&self) -> u64 {
        match self {
            Self::Memory((matrix, _)) => matrix.head_items() as u64,
            Self::Disk(arranged) => arranged.head_items() as u64,
        }
    }

    /// Counts the blocks of columns, or groups of them.
    pub(crate) fn blocks(&self) -> u64 {
        match self {
            Self::Memory((matrix, _)) => matrix.columns().len() as u64,
            Self::Disk(arranged) => arranged.groups() as u64,
        }
    }

    /// Counts the pair operations.
    pub(crate) fn operations(&self) -> u64 {
        match self {
            Self::Memory((_, plan)) => plan.operations,
            Self::Disk(arranged) => arranged.operations(),
        }
    }

    /// Predicts what the tiles cost, in picoseconds of a core.
    pub(crate) fn cost(&self) -> u64 {
        match self {
            Self::Memory((_, plan)) => plan.cost,
            Self::Disk(arranged) => arranged.tiles().iter().map(|tile| tile.cost).sum(),
        }
    }

    /// Counts the tiles.
    pub(crate) fn tiles(&self) -> u64 {
        match self {
            Self::Memory((_, plan)) => plan.tiles.len() as u64,
            Self::Disk(arranged) => arranged.tiles().len() as u64,
        }
    }

    /// Returns where the tiles are computed.
    pub(crate) const fn scale(&self) -> Scale {
        match self {
            Self::Memory(_) => Scale::Memory,
            Self::Disk(_) => Scale::Disk,
        }
    }

    /// Describes the tiles for those who watch.
    pub(crate) fn seen(&self) -> Tiles {
        match self {
            Self::Memory((matrix, plan)) => Tiles::of_plan(plan, matrix),
            Self::Disk(arranged) => arranged.seen(),
        }
    }

    /// Lists the tiles in the order to compute them.
    pub(crate) fn planned(&self) -> Vec<PlannedTile> {
        match self {
            Self::Memory((matrix, plan)) => planned_in_memory(matrix, plan),
            Self::Disk(arranged) => {
                let tile = |tile: &spill::Tile| PlannedTile {
                    block: tile.group,
                    is_head: arranged.is_head(tile.group),
                    area: tile.area.clone(),
                    cost: tile.cost,
                };
                arranged.tiles().iter().map(tile).collect()
            }
        }
    }
}

/// Lists the tiles of a plan in memory, in the order to compute them.
pub(crate) fn planned_in_memory(matrix: &Matrix, plan: &Plan) -> Vec<PlannedTile> {
    let tile = |tile: &Tile| {
        let block = &matrix.columns()[tile.columns];
        let columns = block.positions();
        let first = if plan.sides == Sides::Both { columns.start } else { 0 };
        let circle = first..matrix.items() as u32;
        PlannedTile {
            block: tile.columns as u32,
            is_head: block.bits().is_some(),
            area: Area::new(plan.sides, columns, circle, plan.rows(tile)),
            cost: tile.cost,
        }
    };
    plan.tiles.iter().map(tile).collect()
}

/// A tile as stage `plan` writes it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlannedTile {
    /// Its block of columns.
    pub(crate) block: u32,
    /// The columns are of the dense head.
    pub(crate) is_head: bool,
    /// What it compares.
    pub(crate) area: Area,
    /// What one core takes, in picoseconds, by prediction.
    pub(crate) cost: u64,
}

/// The tiles that an interrupted run has computed and kept.
#[derive(Default)]
pub(crate) struct Committed {
    pub(crate) files: Vec<FileRecord>,
    /// What the tiles in them compared.
    pub(crate) areas: Vec<Area>,
    /// Candidates in them.
    pub(crate) offers: u64,
    /// Files that were not whole.
    pub(crate) dropped: u64,
    /// Seconds of the stage that its tiles took, from begin to end.
    pub(crate) seconds: f64,
    /// They are of a job that went through working files.
    pub(crate) through_files: bool,
}

/// What stage `tiles` leaves.
pub(crate) enum Tiled<D> {
    /// All neighbours: nothing is kept on the way.
    Found(Merged),
    /// Files of candidates; what they are named by is in hand, or kept as well.
    Kept(D, Made<Named, D>),
}

/// What stage `merge` leaves.
pub(crate) struct Merged {
    pub(crate) catalogue: Catalogue,
    pub(crate) found: Findings,
}
