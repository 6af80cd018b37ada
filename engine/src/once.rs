//! Each pair once: in memory, or a part of the items after the other where it does not fit.

use ilk_core::{
    kernel::{PairsOnce, pairs_once},
    result::Neighbour,
};

use crate::{
    context::Run,
    error::Error,
    findings::Findings,
    memory::Written,
    spill::{Found, Lists, Recording},
};

/// Bytes of a pair that is gathered, and of a list of it on its way.
const PAIR: usize = 2 * size_of::<Neighbour>();
/// Bytes of what is known of every item.
const ITEM: usize = 40;

/// Keeps each pair once, at its item of the smaller id. `items`: how many there are; `used`: bytes
/// that stay taken.
///
/// # Errors
/// If a disk fails.
pub(crate) fn once(
    run: Run<'_>,
    found: Findings,
    (items, used): (usize, usize),
) -> Result<Findings, Error> {
    let found = match found {
        Findings::Memory(found) => {
            return Ok(Findings::Memory(pairs_once(&found, run.means.pool)));
        }
        disk @ Findings::Disk(_) => disk,
    };
    let mut counts = vec![0; items];
    found.each(&mut |item, list| PairsOnce::count(&mut counts, item, list))?;
    let written = Written::of(items, run.job.top as usize, used);
    let room = run.means.budget.left_for_writing(used + items * ITEM, written) / PAIR;
    let work = run.on_disk(ilk_core::cost::Layout::default(), Recording::No)?;
    let mut once = Found::default();
    let parts = parts(&counts, room);
    let number = parts.len();
    for (part, items) in (0..).zip(parts) {
        let mut pairs = PairsOnce::new(items.clone(), &counts);
        found.each(&mut |item, list| pairs.see(item, list))?;
        let mut lists = Lists::new(work, ONCE + part, number);
        for (place, item) in items.enumerate() {
            lists.push(item, &pairs.list(place))?;
        }
        once.push(lists.finish()?);
    }
    Ok(Findings::Disk(once))
}

/// Number of the first part on disk: those of the lists that are read count from 0.
const ONCE: u32 = 1 << 31;

/// Cuts the items into parts of at most `room` pairs, unless one item has more.
fn parts(counts: &[u32], room: usize) -> Vec<std::ops::Range<u32>> {
    let (mut parts, mut first, mut sum) = (Vec::new(), 0, 0);
    for (item, count) in (0..).zip(counts) {
        if sum + *count as usize > room && item > first {
            parts.push(first..item);
            (first, sum) = (item, 0);
        }
        sum += *count as usize;
    }
    parts.push(first..counts.len() as u32);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_all_items_and_hold_no_more_than_there_is_room_for() {
        assert_eq!(parts(&[3, 2, 1, 9, 0, 4], 5), [0..2, 2..3, 3..4, 4..6]);
        assert_eq!(parts(&[3, 2, 1], 0), [0..1, 1..2, 2..3]);
        assert_eq!(parts(&[3, 2, 1], 6), std::slice::from_ref(&(0..3)));
        assert_eq!(parts(&[], 5), std::slice::from_ref(&(0..0)));
    }
}
