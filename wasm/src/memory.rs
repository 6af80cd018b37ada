//! How much memory there is and how much rows take, so that a file that does not fit is refused
//! before it is loaded.

use std::{
    alloc::System,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use cap::Cap;
use ilk_core::{job::Given, prepare::Needs};
use peakmem_alloc::{PeakMemAlloc, PeakMemAllocTrait as _};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::{arguments, error::Fault};

#[global_allocator]
static ALLOCATOR: Cap<&PeakMemAlloc<System>> = Cap::new(&PEAK, usize::MAX);

static PEAK: PeakMemAlloc<System> = PeakMemAlloc::system();

/// The limit at first: what any browser on a desk gives.
const AT_FIRST: usize = 2 << 30;

/// The most that a module of 32 bits can use, less what it needs besides data.
const MOST: f64 = (4_096_u64 - 256) as f64 * (1 << 20) as f64;

static LIMIT: AtomicUsize = AtomicUsize::new(AT_FIRST);

/// Counts the bytes allocated at present.
pub(crate) fn in_use() -> usize {
    ALLOCATOR.allocated()
}

/// Forgets the peak so far.
pub(crate) fn begin_peak() {
    PEAK.reset_peak_memory();
}

/// Returns the most bytes that were in use since [`begin_peak`] beyond those in use then.
pub(crate) fn peak() -> usize {
    PEAK.get_peak_memory()
}

/// Returns the bytes that data may take, working memory included.
#[wasm_bindgen(js_name = memoryLimit)]
pub fn limit() -> f64 {
    LIMIT.load(Relaxed) as f64
}

/// Returns the bytes in use at present.
#[wasm_bindgen(js_name = memoryInUse)]
pub fn bytes_in_use() -> f64 {
    in_use() as f64
}

/// Sets the bytes that data may take; 2 GiB at first. What would take more is refused with the
/// sample that fits.
///
/// # Errors
/// If it is not from 1 MiB to 3,840 MiB.
#[wasm_bindgen(js_name = setMemoryLimit)]
pub fn set_limit(
    #[wasm_bindgen(unchecked_param_type = "number")] bytes: &JsValue,
) -> Result<(), Fault> {
    let least = (1 << 20) as f64;
    let bytes = arguments::number(
        "memoryLimit",
        bytes,
        least..=MOST,
        "a number of bytes from 1 MiB to 3,840 MiB",
    )?;
    LIMIT.store(bytes as usize, Relaxed);
    Ok(())
}

/// What a kept row takes on its way, at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PerRow {
    /// While it waits for its codes, as measured; ids that are text weigh most here.
    pub(crate) cleaned: f64,
    /// As codes, for as long as the data is open.
    pub(crate) event: f64,
    /// Beside that at the height of the work: folding or comparing.
    pub(crate) work: f64,
}

impl PerRow {
    /// Returns the memory of rows with the columns `given`; `cleaned` as measured.
    pub(crate) fn new(given: Given, cleaned: f64) -> Self {
        let Needs { weight, time } = Needs { weight: given.weight, time: given.time };
        let (weight, time) = (f64::from(u8::from(weight)), f64::from(u8::from(time)));
        let event = 8.0 + 8.0 * weight + 8.0 * time;
        let is_plain = weight + time == 0.0;
        // A copy of the events, and what they are sorted in.
        let folding = event + if is_plain { 16.0 } else { 48.0 };
        // The interactions, both orientations of the matrix, a head of bits.
        let comparing = event - 4.0 + if is_plain { 8.0 } else { 24.0 } + 16.0;
        Self { cleaned, event, work: folding.max(comparing) }
    }

    /// The most that a row takes at any moment.
    pub(crate) fn most(self) -> f64 {
        (self.cleaned + self.event).max(self.event + self.work)
    }
}

/// What readers need besides the rows: buffers, pages being unpacked.
const READING: f64 = (4 << 20) as f64;

/// Counts the bytes that are left for the rows of files not begun yet.
pub(crate) fn left() -> f64 {
    (left_while_reading() - READING).max(0.0)
}

/// Counts the bytes that are left while readers hold theirs.
pub(crate) fn left_while_reading() -> f64 {
    (limit() - in_use() as f64).max(0.0)
}

/// Returns the share of the users to read where `rows` are those of the share `rate` and only so many
/// fit: rounded down to two digits, with some room for users of different size.
pub(crate) fn rate_that_fits(rate: f64, rows: f64, fits: f64) -> f64 {
    let percent = 100.0 * 0.8 * rate * fits / rows.max(1.0);
    let scale = 10_f64.powf(percent.max(1e-6).log10().floor() - 1.0);
    (percent / scale).floor() * scale / 100.0
}

/// Refuses rows that do not fit; `rate`: the sample they are of; `fits`: how many rows do.
pub(crate) fn refusal(what: &str, rows: f64, rate: f64, fits: f64, bytes: f64) -> Fault {
    let percent = 100.0 * rate_that_fits(rate, rows, fits);
    let megabytes = |bytes: f64| format!("{:.0} MB", bytes / 1e6);
    Fault::new(
        "memory",
        format!(
            "{what}: about {} rows need about {}, but only {} fit in the limit of {}; open a sample \
             of {} % of the users, or raise the memory limit",
            rounded(rows),
            megabytes(bytes),
            rounded(fits),
            megabytes(limit()),
            (percent * 1e6).round() / 1e6
        ),
    )
    .with("rows", rows.round())
    .with("fits", fits.floor())
    .with("rate", percent / 100.0)
    .with("bytes", bytes.round())
    .with("limit", limit())
}

/// A number in few digits.
fn rounded(number: f64) -> String {
    match number {
        number if number >= 1e7 => format!("{:.0} million", number / 1e6),
        number if number >= 1e6 => format!("{:.1} million", number / 1e6),
        number if number >= 1e4 => format!("{:.0} thousand", number / 1e3),
        number => format!("{number:.0}"),
    }
}
