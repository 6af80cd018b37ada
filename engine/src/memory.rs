//! How much memory there is, and what a job would take of it.

use std::{fmt, str::FromStr};

use bytesize::ByteSize;
use ilk_core::{
    kernel::{Offer, bytes_of_gathering, most_kept},
    prepare::Needs,
    result::Neighbour,
    weighting::WeightKind,
};
use ilk_formats::{MOST_READ, bytes_of_writing};
use serde::{Deserialize, Serialize};
use sysinfo::{MemoryRefreshKind, ProcessRefreshKind, ProcessesToUpdate, RefreshKind, System};

use crate::limits::address_space;

/// A number of bytes as people write it: `256MiB`, `1.5GiB`, `2GB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bytes(pub u64);

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let size = text.parse::<ByteSize>().ok().filter(|size| size.as_u64() > 0);
        // A bare number is more often a slip than a number of bytes.
        let has_unit = text.ends_with(|last: char| last.is_ascii_alphabetic());
        let size = size.filter(|_| has_unit);
        size.map(|size| Self(size.as_u64()))
            .ok_or_else(|| "expected a size such as 512MiB or 2GiB".into())
    }
}

impl TryFrom<String> for Bytes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map_err(|expected| format!("`{text}`: {expected}"))
    }
}

impl From<Bytes> for String {
    fn from(bytes: Bytes) -> Self {
        // What is read back must be the same, to the byte.
        let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        let exact = units.into_iter().find(|(unit, _)| bytes.0.is_multiple_of(*unit));
        exact.map_or_else(
            || format!("{}B", bytes.0),
            |(unit, name)| format!("{}{name}", bytes.0 / unit),
        )
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ByteSize::b(self.0).display().iec().fmt(f)
    }
}

/// The memory that the process may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// What was asked for, or allowed by default.
    pub limit: Bytes,
    /// Bytes of files that working data is cut into.
    pub shard: Bytes,
    /// Threads that work at the same time.
    pub workers: usize,
    overhead: Overhead,
}

/// Rows of a row group of what tiles found.
pub(crate) const FOUND_ROWS: usize = 16 << 10;

/// Bytes that writing or reading such a row group takes: of each row 16 bytes, which are there as offers, as
/// columns, as cells of a page, and compressed, each with as much again for what buffers leave unused.
const FOUND_BYTES: usize = 2 * 4 * size_of::<Offer>() * FOUND_ROWS;

/// What is taken beside data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Overhead {
    /// The program itself with its tables, measured and rounded up.
    program: usize,
    /// Every thread, measured and rounded up.
    thread: usize,
    /// A row group of the output on its way, at most.
    writer: usize,
    /// A piece of an input on its way, at most: bytes, cells, and the chunk that comes of them.
    reader: usize,
    /// A row group of what tiles found on its way into its file, or back.
    found: usize,
}

impl Overhead {
    fn real() -> Self {
        let writer = bytes_of_writing(usize::MAX, usize::MAX);
        Self { program: 20 << 20, thread: 1 << 20, writer, reader: MOST_READ, found: FOUND_BYTES }
    }
}

/// A table of neighbours that will be written.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    /// Its rows, at most.
    rows: usize,
    /// Bytes of the IDs and labels of a row, about.
    names: usize,
}

impl Written {
    /// Describes the table of so many items, each with its `top` neighbours; `catalogue`: bytes of the
    /// IDs and labels of all of them.
    pub fn of(items: usize, top: usize, catalogue: usize) -> Self {
        let rows = items.saturating_mul(top.min(items));
        Self { rows, names: 2 * catalogue / items.max(1) }
    }
}

impl Allowance {
    /// The size of working files unless people say otherwise.
    pub const SHARD: Bytes = Bytes(256 << 20);

    /// Returns what people said, else 70 % of what the machine or its container allows.
    pub fn limit_of(memory: Option<Bytes>) -> Bytes {
        memory.unwrap_or_else(|| Bytes(allowed() / 10 * 7))
    }

    /// Takes what people said, else 70 % of what the machine or its container allows.
    pub fn new(memory: Option<Bytes>, shard: Option<Bytes>, workers: usize) -> Self {
        if memory.is_some() {
            give_freed_back();
        }
        let limit = Self::limit_of(memory);
        let shard = shard.unwrap_or(Self::SHARD);
        Self { limit, shard, workers, overhead: Overhead::real() }
    }

    /// Returns the same under another limit.
    pub(crate) fn under(&self, limit: Bytes) -> Self {
        Self { limit, ..*self }
    }

    /// Makes a budget of data alone, for tests on little of it.
    #[cfg(test)]
    pub fn of_data(bytes: u64, workers: usize) -> Self {
        let overhead = Overhead { program: 0, thread: 0, writer: 0, reader: 0, found: 0 };
        Self { limit: Bytes(bytes), shard: Bytes(bytes), workers, overhead }
    }

    /// Returns the least limit under which working files help.
    pub fn least(&self) -> Bytes {
        let Overhead { program, thread, writer, reader, .. } = self.overhead;
        // Of data, each thread works on four times as much as it takes itself.
        let least = program + writer.max(reader) + self.workers * 5 * thread;
        Bytes((least + least / 15) as u64)
    }

    /// Counts the bytes that are left for data beside `used` ones while a table is written.
    pub fn left_for_writing(&self, used: usize, table: Written) -> usize {
        self.left(used + self.writer_of(table))
    }

    /// Counts the bytes that the writer of a table takes.
    pub fn writer_of(&self, table: Written) -> usize {
        bytes_of_writing(table.rows, table.names).min(self.overhead.writer)
    }

    /// Returns the same where a reader of the inputs takes so many bytes, if that is less than readers
    /// take at most.
    pub(crate) fn reading(self, bytes: usize) -> Self {
        let reader = bytes.min(self.overhead.reader);
        Self { overhead: Overhead { reader, ..self.overhead }, ..self }
    }

    /// Counts the bytes that are left for data beside `used` ones.
    pub fn left(&self, used: usize) -> usize {
        let limit = usize::try_from(self.limit.0).unwrap_or(usize::MAX);
        // Allocators keep some for themselves.
        let usable = limit - limit / 16;
        usable.saturating_sub(self.overhead.program + self.workers * self.overhead.thread + used)
    }

    /// Counts the threads, at least one, that may read at the same time: together they take at most half
    /// of what is left for data.
    pub fn readers(&self) -> usize {
        self.threads_of(self.overhead.reader, 2)
    }

    /// Counts the threads, at least one, that may write what their tiles found at the same time: together
    /// they take at most a sixteenth of what is left for data.
    pub(crate) fn committers(&self) -> usize {
        self.threads_of(self.overhead.found, 16)
    }

    /// Counts the threads, at least one, that may take in what tiles found at the same time: together
    /// they take at most an eighth of what is left for data.
    pub(crate) fn restorers(&self) -> usize {
        self.threads_of(self.overhead.found, 8)
    }

    /// Counts the bytes that [`restorers`](Self::restorers) take.
    pub(crate) fn restoring(&self) -> usize {
        self.restorers() * self.overhead.found
    }

    /// Counts the threads that may take `bytes` each, so that together they take at most this part of
    /// what is left for data.
    fn threads_of(&self, bytes: usize, part: usize) -> usize {
        (self.left(0) / part / bytes.max(1)).clamp(1, self.workers)
    }

    /// Counts the bytes that are left for data beside `used` ones while files are read: at least half
    /// of them, as pieces of small files are small.
    pub fn left_for_reading(&self, used: usize) -> usize {
        let left = self.left(used);
        left - (self.readers() * self.overhead.reader).min(left / 2)
    }

    /// Counts the bytes of what a thread's tiles have found after which it is written, where that is
    /// kept.
    pub(crate) fn most_recorded(&self) -> usize {
        (self.left(0) / self.workers / 32).max(1 << 16)
    }

    /// Counts the bytes of what the tiles of all threads have found and not yet written, where that is
    /// kept.
    pub(crate) fn recording(&self) -> usize {
        // A piece of a tile offers up to two times as much before it comes to its end, and some is kept
        // for the next file; one more for what tiles of the columns before left.
        let parts = 4 * self.workers + 1;
        parts * self.most_recorded() + self.committers() * self.overhead.found
    }

    /// Counts the rows that a chunk of a file may have, so that every thread can hold some.
    pub fn chunk_rows(&self) -> usize {
        (self.left(0) / self.workers / 1024).clamp(64, 512 << 10)
    }
}

/// Makes the allocator hand back what is free now, so that memory measured from here on is all that
/// is taken from here on.
pub fn trim() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        #[expect(unsafe_code, reason = "a function of the C library, which no crate wraps")]
        // SAFETY: malloc_trim takes a number, locks what it changes, and may be called at any time.
        let gave = unsafe { libc::malloc_trim(0) == 1 };
        tracing::debug!(gave, "free memory was handed back");
    }
}

/// Makes the allocator hand large pieces back to the system as soon as they are free.
///
/// GNU's keeps pieces of up to 32 MiB once it has seen some freed, a heap for each thread: a peak
/// then depends on which thread freed what (16 MiB more under a limit of 64 MiB, and another 6 MiB
/// more in one run out of forty). Costs 2 to 8 % of the time, so it is done for a promise only.
fn give_freed_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        const LARGE: libc::c_int = 1 << 20;
        #[expect(unsafe_code, reason = "a setting of the C library, which no crate wraps")]
        // SAFETY: mallopt takes two numbers, locks what it changes, and may be called at any time.
        let is_set = unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE) == 1
                && libc::mallopt(libc::M_TRIM_THRESHOLD, LARGE) == 1
        };
        if !is_set {
            tracing::debug!("the allocator keeps what is freed");
        }
    }
}

/// Counts the bytes that the machine, the container or a limit of the process allows.
fn allowed() -> u64 {
    /// Address space that a process takes without having memory there: its program, stacks, and what
    /// allocators put by.
    const UNUSED: u64 = 96 << 20;
    let of_machine = of_machine();
    let of_process = address_space().map(|limit| limit.saturating_sub(UNUSED).max(1));
    of_process.map_or(of_machine, |limit| limit.min(of_machine))
}

/// Counts the bytes that the machine or the container has.
fn of_machine() -> u64 {
    let memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    // A system that tells nothing is taken for a small one.
    let Ok(mut system) = System::new_with_specifics(memory) else { return 2 << 30 };
    let machine = system.total_memory();
    let of_container = sysinfo::get_current_pid().ok().and_then(|pid| {
        let processes = ProcessesToUpdate::Some(&[pid]);
        system.refresh_processes_specifics(processes, false, ProcessRefreshKind::nothing());
        Some(system.process(pid)?.cgroup_limits()?.total_memory)
    });
    of_container.filter(|limit| *limit > 0).map_or(machine, |limit| limit.min(machine))
}

/// Predicts the bytes that reading, encoding and folding take at most. `held`: of the chunks that
/// are read, and what their texts take while they are encoded.
pub fn of_folding(rows: u64, held: usize, needs: Needs) -> usize {
    let rows = usize::try_from(rows).unwrap_or(usize::MAX);
    // Codes of both columns beside the chunks, and the distinct ids of one of them.
    let encoding = held.saturating_add(rows.saturating_mul(16));
    let event = if needs.weight || needs.time { 72 } else { 16 };
    encoding.max(rows.saturating_mul(event))
}

/// Predicts the bytes that a chunk's rows take while they are read.
pub fn of_row(needs: Needs) -> usize {
    16 + 8 * usize::from(needs.weight) + 8 * usize::from(needs.time)
}

/// Predicts the bytes that working files of so many rows take at once, at least: measured were 12 to 19 a
/// row, and 28 with weights.
pub fn least_on_disk(rows: u64, needs: Needs) -> u64 {
    rows.saturating_mul(8 + 8 * u64::from(needs.weight) + 8 * u64::from(needs.time))
}

/// What a job in memory compares.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Those who are not compared.
    pub users: usize,
    /// Those who are.
    pub items: usize,
    /// Interactions.
    pub interactions: usize,
    /// Neighbours that are kept per item.
    pub top: usize,
    /// Bytes of the IDs and labels of what is compared.
    pub catalogue: usize,
}

/// Predicts the bytes that the neighbours of so many items take while tiles are computed; `others`:
/// how many there may be of one.
pub fn of_lists(items: usize, others: usize, top: usize) -> usize {
    // Of a neighbour, with what an allocator leaves unused between lists of many.
    const NEIGHBOUR: usize = 22;
    // A list of few grows to many times as much before it is cut.
    let most = size_of::<Neighbour>() * most_kept(top).min(others) + 16;
    items.saturating_mul(most.max(NEIGHBOUR * top.min(others)))
}

/// Counts the bytes of what a thread gathers for lists of `top`, past what all threads have room for.
pub(crate) fn of_gathering(top: usize) -> usize {
    const USUAL: usize = 64;
    bytes_of_gathering(top) - bytes_of_gathering(top.min(USUAL))
}

/// Predicts the bytes that comparing takes at most, interactions included.
pub fn of_comparing(size: Size, needs: Needs, weights: WeightKind, workers: usize) -> usize {
    let Size { users, items, interactions, top, .. } = size;
    let held = 4 + 8 * usize::from(needs.weight) + 8 * usize::from(needs.time);
    // Sorted by position, by item and by user; lists of users are put together from parts.
    let has_own = weights == WeightKind::Own;
    let sorted = if has_own { 8 + 50 } else { 16 };
    // No more bits than the head may have.
    let chunks = items.div_ceil(512).saturating_mul(users).saturating_mul(64);
    let bits = if has_own { 0 } else { chunks.min((16 * interactions).max(64 << 20)) };
    let lists = of_lists(items, items, top) + items * (136 + workers * 48);
    let lists = lists.saturating_add(workers * of_gathering(top));
    let factors = if weights == WeightKind::Separable { 8 * (users + items) } else { 0 };
    (interactions * (held + sorted) + users * 24 + bits + factors).saturating_add(lists)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_unit_and_written_back_exactly() {
        for (text, bytes) in [("256MiB", 256 << 20), ("1.5 GiB", 3 << 29), ("2GB", 2_000_000_000)] {
            let size = text.parse::<Bytes>().unwrap();
            assert_eq!(size, Bytes(bytes), "{text}");
            assert_eq!(String::from(size).parse(), Ok(size));
        }
        for text in ["", "12", "0MiB", "much", "-1GiB"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
    }

    #[test]
    fn short_lists_take_more_than_what_they_keep() {
        assert_eq!(of_lists(1_000, 1_000_000, 50), 1_000 * 22 * 50);
        // Nine neighbours of 12 B before all but one go.
        assert_eq!(of_lists(1_000, 1_000_000, 1), 1_000 * (9 * 12 + 16));
        assert_eq!(of_lists(10, 3, 50), 10 * 22 * 3);
    }

    /// A limit on the real overhead, in MiB.
    fn under(limit: u64, workers: usize) -> Allowance {
        Allowance {
            limit: Bytes(limit << 20),
            shard: Allowance::SHARD,
            workers,
            overhead: Overhead::real(),
        }
    }

    #[test]
    fn readers_take_half_of_what_is_left_at_most() {
        for (limit, workers, readers) in
            [(16, 8, 1), (64, 1, 1), (64, 2, 1), (128, 8, 3), (512, 8, 8), (1 << 20, 8, 8)]
        {
            let budget = under(limit, workers);
            assert_eq!(budget.readers(), readers, "{limit} MiB, {workers} threads");
            assert!(budget.left_for_reading(0) >= budget.left(0) / 2);
            if readers > 1 {
                assert!(budget.readers() * MOST_READ <= budget.left(0) / 2);
            }
            // Small pieces leave room for more of them, large ones take no more than was measured.
            assert_eq!(budget.reading(1 << 10).readers(), if limit == 16 { 1 } else { workers });
            assert_eq!(budget.reading(usize::MAX).readers(), readers);
        }
    }

    #[test]
    fn few_threads_write_and_restore_what_tiles_found_where_memory_is_short() {
        let counts = |limit, workers| {
            let budget = under(limit, workers);
            (budget.committers(), budget.restorers())
        };
        assert_eq!(counts(64, 2), (1, 2));
        assert_eq!(counts(96, 8), (1, 3));
        assert_eq!(counts(1024, 8), (8, 8));
        for limit in [64, 96, 128, 256, 512, 4096] {
            for workers in [1, 2, 8] {
                let budget = under(limit, workers);
                let most = budget.left(0) / 32 * (4 * workers + 1) / workers;
                assert!(budget.recording() <= most + budget.left(0) / 16 + FOUND_BYTES);
            }
        }
    }

    #[test]
    fn what_is_known_to_be_little_leaves_more() {
        let budget = under(64, 2);
        let (few, many) = (Written::of(100, 10, 1 << 10), Written::of(100_000, 50, 1 << 24));
        assert_eq!(budget.left(0) - budget.left_for_writing(0, many), 26 << 20);
        assert_eq!(budget.writer_of(few), 1_000 * (12 + 64 + 20));
    }

    #[test]
    fn only_long_lists_gather_more_than_threads_have_room_for() {
        assert_eq!(of_gathering(1), 0);
        assert_eq!(of_gathering(64), 0);
        assert_eq!(of_gathering(500), (128 * 500 - 8192) * 3 * 16);
    }

    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn trimming_hands_back_what_was_freed() {
        let held = || crate::machine::memory_held().expect("Linux tells");
        // Pieces too small to be mapped by themselves; the last one keeps the others from the heap's end.
        let mut pieces = (0..1_500).map(|_| vec![1_u8; 16 << 10]).collect::<Vec<_>>();
        let last = pieces.pop();
        drop(pieces);
        let before = held();
        trim();
        let after = held();
        drop(last);
        assert!(after + (12 << 20) < before, "{after} of {before} bytes are still held");
    }

    #[test]
    fn a_machine_has_memory() {
        assert!(allowed() > 1 << 20);
    }
}
