//! The tables that stages leave: into Parquet and back.

mod found;
mod ids;
mod interactions;
mod rows;
mod stages;
mod table;

pub(super) use self::{
    found::{MergedTable, OfferTable, read_merged, read_offers, tiles_in, write_plan},
    ids::{UserTable, heaviest_user, read_items, read_users, write_items},
    interactions::{
        InteractionTable, each_interactions, read_interactions, read_item_table, write_matrix,
    },
    rows::{Aside, Shape, cleaned_values, each_cleaned, gather_aside},
    stages::files_of,
    table::{Writing, each_number, instant, notes, open, row_count, text_column, unfit},
};
