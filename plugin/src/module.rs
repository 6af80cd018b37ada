//! The core module: the same calls over linear memory, for hosts whose component support is slow
//! or absent. `docs/plugin.md` has the rules; in short:
//!
//! - `ilk_alloc` hands out buffers of a kept list, aligned to 8. A call takes the buffers that it
//!   is handed, so that they need not be freed; only what lies on the list can be handed over.
//! - Calls return a handle or 1, and 0 where something did not go well. What they have to say is
//!   at `ilk_answer`, `ilk_answer_length` bytes: the result, or `{"code": …, "message": …}`.

#![expect(
    unsafe_code,
    reason = "exported names are an unsafe attribute; no pointer is ever followed here"
)]

use std::{cell::RefCell, collections::BTreeMap};

use ilk_core::{job::Given as Columned, plan::Sides};
use serde::Deserialize;

use crate::{
    failure::Failure,
    planning::{Extent, costs},
    rows::{self, Columns, Weighing},
    session::{Request, Session, Source},
    tiles::{Block, Comparison, Items, Offers, merge},
};

/// What there is, by the handles and addresses that the host knows.
#[derive(Default)]
struct House {
    buffers: BTreeMap<usize, Vec<u64>>,
    sessions: BTreeMap<u32, Session>,
    comparisons: BTreeMap<u32, Comparison>,
    handles: u32,
    answer: Vec<u8>,
}

thread_local! {
    static HOUSE: RefCell<House> = RefCell::default();
}

/// A session's request, as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SessionRequest {
    source: Source,
    #[serde(default)]
    job: serde_json::Value,
    #[serde(default)]
    only: Option<Vec<String>>,
    #[serde(default)]
    exclude: Option<Vec<String>>,
    #[serde(default, rename = "for")]
    wanted: Option<Vec<String>>,
}

/// A comparison's request, as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TilesRequest {
    #[serde(default)]
    job: serde_json::Value,
    users: u32,
    numbers: u32,
    sides: SidesName,
    #[serde(default)]
    candidates: Option<Vec<u32>>,
    #[serde(default)]
    wanted: Option<Vec<u32>>,
}

/// A job, and which columns there are, as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JobRequest {
    #[serde(default)]
    job: serde_json::Value,
    weight: bool,
    time: bool,
}

/// A job, which columns there are, and how large the data is, as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CostsRequest {
    #[serde(default)]
    job: serde_json::Value,
    weight: bool,
    time: bool,
    users: u64,
    items: u64,
    interactions: u64,
    operations: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum SidesName {
    Both,
    Row,
}

/// A job that was left out is one of no settings.
fn job_text(job: &serde_json::Value) -> String {
    if job.is_null() { String::new() } else { job.to_string() }
}

fn wrong(message: impl Into<String>) -> Failure {
    Failure::new("call", message)
}

impl House {
    /// Takes a buffer of at least so many numbers off the list, and copies those.
    fn take<T: bytemuck::AnyBitPattern>(
        &mut self,
        address: usize,
        count: u32,
    ) -> Result<Vec<T>, Failure> {
        let words = self
            .buffers
            .remove(&address)
            .ok_or_else(|| wrong(format!("there is no buffer at {address}: take ilk_alloc's")))?;
        let all: &[T] = bytemuck::cast_slice(&words);
        let slice = all.get(..count as usize).ok_or_else(|| {
            wrong(format!("the buffer at {address} is shorter than the call says"))
        })?;
        Ok(slice.to_vec())
    }

    /// Does the same for a buffer that may be absent: an address of 0.
    fn take_some<T: bytemuck::AnyBitPattern>(
        &mut self,
        address: usize,
        count: u32,
    ) -> Result<Option<Vec<T>>, Failure> {
        if address == 0 { Ok(None) } else { self.take(address, count).map(Some) }
    }

    fn json<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Failure> {
        serde_json::from_slice(text).map_err(|error| Failure::new("setting", error.to_string()))
    }

    fn handle(&mut self) -> u32 {
        self.handles += 1;
        self.handles
    }

    fn session(&mut self, handle: u32) -> Result<&mut Session, Failure> {
        self.sessions.get_mut(&handle).ok_or_else(|| wrong(format!("no session {handle}")))
    }

    fn comparison(&mut self, handle: u32) -> Result<&mut Comparison, Failure> {
        let comparison = self.comparisons.get_mut(&handle);
        comparison.ok_or_else(|| wrong(format!("no comparison {handle}")))
    }

    /// Takes a block: starts, users and weights.
    fn block(
        &mut self,
        first: u32,
        items: u32,
        at: [usize; 3],
        users: u32,
    ) -> Result<Block, Failure> {
        let starts = items.checked_add(1).ok_or_else(|| wrong("too many items"))?;
        Ok(Block {
            first,
            starts: self.take(at[0], starts)?,
            users: self.take(at[1], users)?,
            weights: self.take_some(at[2], users)?,
        })
    }
}

/// What a call gives: a number for the host, and what it has to say.
type Given = Result<(u32, Vec<u8>), Failure>;

/// Makes a call.
fn call(run: impl FnOnce(&mut House) -> Given) -> u32 {
    HOUSE.with_borrow_mut(|house| {
        house.answer = Vec::new();
        let (number, answer) = run(house).unwrap_or_else(|failure| {
            // A record of two texts becomes JSON.
            (0, serde_json::to_vec(&failure).unwrap_or_default())
        });
        house.answer = answer;
        number
    })
}

fn to_json(record: &impl serde::Serialize) -> Given {
    let text = serde_json::to_vec(record);
    text.map(|text| (1, text)).map_err(|error| wrong(error.to_string()))
}

fn to_bytes(offers: &Offers) -> Vec<u8> {
    let Offers { items, neighbours, scores, overlaps } = offers;
    [
        bytemuck::cast_slice::<_, u8>(items),
        bytemuck::cast_slice(neighbours),
        bytemuck::cast_slice(scores),
        bytemuck::cast_slice(overlaps),
    ]
    .concat()
}

/// Returns the version of these calls: 1.
#[unsafe(no_mangle)]
extern "C" fn ilk_abi() -> u32 {
    1
}

/// Makes a buffer of `bytes`, at least one; 0 if there is no memory.
#[unsafe(no_mangle)]
extern "C" fn ilk_alloc(bytes: usize) -> usize {
    let count = bytes.div_ceil(size_of::<u64>()).max(1);
    let mut words = Vec::<u64>::new();
    if words.try_reserve_exact(count).is_err() {
        return 0;
    }
    words.resize(count, 0);
    let address = words.as_ptr().addr();
    HOUSE.with_borrow_mut(|house| house.buffers.insert(address, words));
    address
}

/// Frees a buffer that no call took.
#[unsafe(no_mangle)]
extern "C" fn ilk_free(address: usize) {
    HOUSE.with_borrow_mut(|house| house.buffers.remove(&address));
}

/// Returns where the last call's answer is; it stays there until the next call.
#[unsafe(no_mangle)]
extern "C" fn ilk_answer() -> usize {
    HOUSE.with_borrow(|house| house.answer.as_ptr().addr())
}

/// Returns the bytes of the last call's answer.
#[unsafe(no_mangle)]
extern "C" fn ilk_answer_length() -> usize {
    HOUSE.with_borrow(|house| house.answer.len())
}

/// Opens a session; takes the request. Returns its handle.
#[unsafe(no_mangle)]
extern "C" fn ilk_session_open(request: usize, length: u32) -> u32 {
    call(|house| {
        let text = house.take::<u8>(request, length)?;
        let SessionRequest { source, job, only, exclude, wanted } = House::json(&text)?;
        let request = Request { source, job: job_text(&job), only, exclude, wanted };
        let session = Session::open(request)?;
        let handle = house.handle();
        house.sessions.insert(handle, session);
        Ok((handle, Vec::new()))
    })
}

/// Takes the next bytes of an Arrow IPC stream.
#[unsafe(no_mangle)]
extern "C" fn ilk_session_add(session: u32, bytes: usize, length: u32) -> u32 {
    call(|house| {
        let bytes = house.take::<u8>(bytes, length)?;
        house.session(session)?.add(bytes)?;
        Ok((1, Vec::new()))
    })
}

/// Does the next piece of work; answers with its progress, as JSON.
#[unsafe(no_mangle)]
extern "C" fn ilk_session_step(session: u32) -> u32 {
    call(|house| to_json(&house.session(session)?.step()?))
}

/// Answers with the next bytes of the result; with none after the last ones.
#[unsafe(no_mangle)]
extern "C" fn ilk_session_next(session: u32) -> u32 {
    call(|house| Ok((1, house.session(session)?.next_bytes()?.unwrap_or_default())))
}

/// Answers with the notes, as JSON.
#[unsafe(no_mangle)]
extern "C" fn ilk_session_notes(session: u32) -> u32 {
    call(|house| to_json(&house.session(session)?.notes()))
}

/// Closes a session, finished or not.
#[unsafe(no_mangle)]
extern "C" fn ilk_session_close(session: u32) {
    HOUSE.with_borrow_mut(|house| house.sessions.remove(&session));
}

/// Opens a comparison; takes the request, and for each of `items` a code, a support and, unless
/// the address is 0, a sum of squares (f64). Returns its handle.
#[unsafe(no_mangle)]
extern "C" fn ilk_tiles_open(
    request: usize,
    length: u32,
    items: u32,
    codes: usize,
    supports: usize,
    squares: usize,
) -> u32 {
    call(|house| {
        let text = house.take::<u8>(request, length)?;
        let TilesRequest { job, users, numbers, sides, candidates, wanted } = House::json(&text)?;
        let items = Items {
            users,
            numbers,
            codes: house.take(codes, items)?,
            supports: house.take(supports, items)?,
            squares: house.take_some(squares, items)?,
            candidates,
            wanted,
        };
        let sides = match sides {
            SidesName::Both => Sides::Both,
            SidesName::Row => Sides::Row,
        };
        let comparison = Comparison::open(&job_text(&job), items, sides)?;
        let handle = house.handle();
        house.comparisons.insert(handle, comparison);
        Ok((handle, Vec::new()))
    })
}

/// Takes the rows of the tiles to come: `items + 1` starts, `count` users and, unless the address
/// is 0, as many weights (f64).
#[unsafe(no_mangle)]
extern "C" fn ilk_tiles_rows(
    comparison: u32,
    first: u32,
    items: u32,
    starts: usize,
    users: usize,
    weights: usize,
    count: u32,
) -> u32 {
    call(|house| {
        let block = house.block(first, items, [starts, users, weights], count)?;
        house.comparison(comparison)?.rows(block)?;
        Ok((1, Vec::new()))
    })
}

/// Takes the columns of the tiles to come, as rows are.
#[unsafe(no_mangle)]
extern "C" fn ilk_tiles_columns(
    comparison: u32,
    first: u32,
    items: u32,
    starts: usize,
    users: usize,
    weights: usize,
    count: u32,
) -> u32 {
    call(|house| {
        let block = house.block(first, items, [starts, users, weights], count)?;
        house.comparison(comparison)?.columns(block)?;
        Ok((1, Vec::new()))
    })
}

/// Takes as columns some of the rows' own items.
#[unsafe(no_mangle)]
extern "C" fn ilk_tiles_columns_of_rows(comparison: u32, first: u32, width: u32) -> u32 {
    call(|house| {
        house.comparison(comparison)?.columns_of_rows(first, width)?;
        Ok((1, Vec::new()))
    })
}

/// Computes rows against the columns; takes `count` positions. Answers with offers: as many
/// items, neighbours, scores (f32) and overlaps, one list after the other.
#[unsafe(no_mangle)]
extern "C" fn ilk_tiles_compute(comparison: u32, positions: usize, count: u32) -> u32 {
    call(|house| {
        let positions = house.take::<u32>(positions, count)?;
        let offers = house.comparison(comparison)?.compute(&positions)?;
        Ok((1, to_bytes(&offers)))
    })
}

/// Closes a comparison.
#[unsafe(no_mangle)]
extern "C" fn ilk_tiles_close(comparison: u32) {
    HOUSE.with_borrow_mut(|house| house.comparisons.remove(&comparison));
}

/// Brings `count` offers together, laid out as `ilk_tiles_compute` answers, and answers so.
#[unsafe(no_mangle)]
extern "C" fn ilk_merge(top: u32, offers: usize, count: u32) -> u32 {
    call(|house| {
        let words = count.checked_mul(4).ok_or_else(|| wrong("too many offers"))?;
        let all = house.take::<u32>(offers, words)?;
        let list = |number: usize| &all[number * count as usize..(number + 1) * count as usize];
        let offers = Offers {
            items: list(0).to_vec(),
            neighbours: list(1).to_vec(),
            scores: list(2).iter().map(|bits| f32::from_bits(*bits)).collect(),
            overlaps: list(3).to_vec(),
        };
        Ok((1, to_bytes(&merge(top, &offers)?)))
    })
}

/// Decides a job; answers with its settings, as JSON.
#[unsafe(no_mangle)]
extern "C" fn ilk_job(request: usize, length: u32) -> u32 {
    call(|house| {
        let text = house.take::<u8>(request, length)?;
        let JobRequest { job, weight, time } = House::json(&text)?;
        to_json(&rows::decide(&job_text(&job), Columned { weight, time })?)
    })
}

/// Predicts what tiles cost; takes the request, answers with the costs, as JSON.
#[unsafe(no_mangle)]
extern "C" fn ilk_costs(request: usize, length: u32) -> u32 {
    call(|house| {
        let text = house.take::<u8>(request, length)?;
        let CostsRequest { job, weight, time, users, items, interactions, operations } =
            House::json(&text)?;
        let extent = Extent { users, items, interactions, operations };
        to_json(&costs(&job_text(&job), Columned { weight, time }, extent)?)
    })
}

/// Hashes `count` texts of UTF-8 that lie one after the other, `length` bytes in all; takes
/// `count + 1` starts. Answers with as many numbers of 64 bits.
#[unsafe(no_mangle)]
extern "C" fn ilk_hashes(starts: usize, count: u32, bytes: usize, length: u32) -> u32 {
    call(|house| {
        let starts = count.checked_add(1).map(|count| house.take::<u32>(starts, count));
        let starts = starts.ok_or_else(|| wrong("too many texts"))??;
        let bytes = house.take::<u8>(bytes, length)?;
        Ok((1, bytemuck::cast_slice(&rows::hashes(&starts, &bytes)?).to_vec()))
    })
}

/// Reads `count` texts as times, laid out as `ilk_hashes` takes them; the request says how. Answers
/// with as many microseconds since 1970 (i64), the least number for what is no time.
#[unsafe(no_mangle)]
extern "C" fn ilk_times(
    request: usize,
    length: u32,
    starts: usize,
    count: u32,
    bytes: usize,
    bytes_length: u32,
) -> u32 {
    call(|house| {
        let text = house.take::<u8>(request, length)?;
        let rule: rows::Times = House::json(&text)?;
        let starts = count.checked_add(1).map(|count| house.take::<u32>(starts, count));
        let starts = starts.ok_or_else(|| wrong("too many texts"))??;
        let bytes = house.take::<u8>(bytes, bytes_length)?;
        Ok((1, bytemuck::cast_slice(&rows::times(rule, &starts, &bytes)?).to_vec()))
    })
}

/// Weighs `count` interactions; takes the request, and for each a weight (f64), a degree (u32), a
/// length (f64), a time and an anchor (i64), each unless its address is 0. Answers with as many f64.
#[unsafe(no_mangle)]
extern "C" fn ilk_weigh(
    request: usize,
    length: u32,
    count: u32,
    weights: usize,
    degrees: usize,
    lengths: usize,
    times: usize,
    anchors: usize,
) -> u32 {
    call(|house| {
        let text = house.take::<u8>(request, length)?;
        let request: Weighing = House::json(&text)?;
        let columns = Columns {
            count: count as usize,
            weights: house.take_some(weights, count)?,
            degrees: house.take_some(degrees, count)?,
            lengths: house.take_some(lengths, count)?,
            times: house.take_some(times, count)?,
            anchors: house.take_some(anchors, count)?,
        };
        Ok((1, bytemuck::cast_slice(&rows::weigh(&request, &columns)?).to_vec()))
    })
}
