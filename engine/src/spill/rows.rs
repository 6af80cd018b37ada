//! Rows of users on disk: blocks of runs, folded buckets.

use bytemuck::cast_slice;
use ilk_core::{
    data::{Id, Ids, TextList},
    prepare::UserRows,
};

use super::store::{Extent, Store};
use crate::error::Error;

/// Where rows lie and what they are made of.
#[derive(Clone, Debug)]
pub(super) struct RowsAt {
    extent: Extent,
    kind: Kind,
    /// Users.
    pub(super) users: u32,
    /// Entries of all users together.
    pub(super) entries: u32,
    weights: bool,
    times: bool,
}

impl RowsAt {
    /// Counts the bytes of the users and of how many entries each has.
    pub(super) fn user_bytes(&self) -> usize {
        let columns = 4 + 8 * usize::from(self.weights) + 8 * usize::from(self.times);
        (self.extent.length as usize).saturating_sub(self.entries as usize * columns)
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Integer,
    Unsigned,
    Text,
}

/// Rows on disk with the first and the last of their users.
#[derive(Clone, Debug)]
pub(super) struct BlockAt {
    pub(super) rows: RowsAt,
    pub(super) first: Id,
    pub(super) last: Id,
}

/// Appends rows to a store; `buffer` is for reuse.
///
/// # Errors
/// If the disk refuses.
pub(super) fn write(store: &Store, rows: &UserRows, buffer: &mut Vec<u8>) -> Result<RowsAt, Error> {
    buffer.clear();
    // Wide numbers first: all lie where numbers of their width may lie.
    let kind = match &rows.users {
        Ids::Integer(ids) => {
            buffer.extend_from_slice(cast_slice(ids));
            Kind::Integer
        }
        Ids::Unsigned(ids) => {
            buffer.extend_from_slice(cast_slice(ids));
            Kind::Unsigned
        }
        Ids::Text(_) => Kind::Text,
    };
    rows.weights.iter().for_each(|all| buffer.extend_from_slice(cast_slice(all)));
    rows.times.iter().for_each(|all| buffer.extend_from_slice(cast_slice(all)));
    buffer.extend_from_slice(cast_slice(&rows.degrees));
    buffer.extend_from_slice(cast_slice(&rows.items));
    if let Ids::Text(texts) = &rows.users {
        for text in texts.iter() {
            buffer.extend_from_slice(&(text.len() as u32).to_ne_bytes());
        }
        texts.iter().for_each(|text| buffer.extend_from_slice(text.as_bytes()));
    }
    Ok(RowsAt {
        extent: store.append(buffer)?,
        kind,
        users: rows.users.len() as u32,
        entries: rows.items.len() as u32,
        weights: rows.weights.is_some(),
        times: rows.times.is_some(),
    })
}

/// Appends rows of a run, which are some.
///
/// # Errors
/// If the disk refuses.
pub(super) fn write_block(
    store: &Store,
    rows: &UserRows,
    buffer: &mut Vec<u8>,
) -> Result<BlockAt, Error> {
    let last = rows.users.len() as u32 - 1;
    Ok(BlockAt {
        rows: write(store, rows, buffer)?,
        first: rows.users.id(0),
        last: rows.users.id(last),
    })
}

/// Reads rows back; `buffer` is for reuse.
///
/// # Errors
/// If the disk fails, or the bytes are not those that were written.
pub(super) fn read(store: &Store, at: &RowsAt, buffer: &mut Vec<u64>) -> Result<UserRows, Error> {
    buffer.resize((at.extent.length as usize).div_ceil(8), 0);
    store.read_into(&at.extent, buffer)?;
    let mut rest: &[u8] = &cast_slice(buffer.as_slice())[..at.extent.length as usize];
    let mut take = |bytes: usize| {
        let (taken, left) = rest.split_at(bytes);
        rest = left;
        taken
    };
    let (users, entries) = (at.users as usize, at.entries as usize);
    let ids = match at.kind {
        Kind::Integer => Some(Ids::Integer(cast_slice(take(users * 8)).to_vec())),
        Kind::Unsigned => Some(Ids::Unsigned(cast_slice(take(users * 8)).to_vec())),
        Kind::Text => None,
    };
    let weights = at.weights.then(|| cast_slice(take(entries * 8)).to_vec());
    let times = at.times.then(|| cast_slice(take(entries * 8)).to_vec());
    let degrees = cast_slice(take(users * 4)).to_vec();
    let items = cast_slice(take(entries * 4)).to_vec();
    let users = ids.unwrap_or_else(|| {
        let lengths: &[u32] = cast_slice(take(users * 4));
        let mut texts = TextList::new();
        for length in lengths {
            // What has its checksum is what was written.
            texts.push(std::str::from_utf8(take(*length as usize)).unwrap_or_default());
        }
        Ids::Text(texts)
    });
    Ok(UserRows { users, degrees, items, weights, times })
}
