//! What the sandbox costs: `sandboxed FILE USER ITEM PLUGIN ROUNDS` compares a file natively and in
//! a plugin, in turns, on one thread each, and prints as JSON what each round took.
//! `cargo xtask bench --plugin` runs it.

#![expect(clippy::print_stdout, reason = "its output is its result")]

use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use arrow_array::{RecordBatch, UInt32Array};
use ilk_bench::job;
use ilk_core::{
    cost::Layout,
    executor::Sequential,
    job::Given,
    kernel::neighbours,
    matrix::Matrix,
    plan::{ItemFilter, Plan},
    prepare::{Interactions, Needs, clean, encode, fold},
    simd::Kernel,
    weighting::WeightingName,
};
use ilk_formats::{Error, Memory, ReadOptions, Table};
use ilk_plugin_host::{Host, Limits, Plugin, Request};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;

/// Rows of a batch.
const BATCH: usize = 1 << 20;

/// CPU seconds of a session, part by part.
#[derive(Clone, Copy)]
struct Session {
    rows_in: f64,
    sorting: f64,
    computing: f64,
    rows_out: f64,
    bytes_out: usize,
    neighbours: usize,
}

fn main() {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    let [file, user, item, plugin, rounds] = &arguments[..] else {
        println!("usage: sandboxed FILE USER ITEM PLUGIN ROUNDS");
        std::process::exit(2);
    };
    let rounds: usize = rounds.parse().expect("a number of rounds");
    let interactions = read(file, user, item);
    let best = Kernel::detect();
    let mut kernels = Kernel::available();
    kernels.retain(|kernel| [best.name(), "portable"].contains(&kernel.name()));
    let path = Path::new(plugin);
    // A deadline that is not reached: what it costs is looking at it.
    let hour = Some(Duration::from_hours(1));
    let hosts = [None, hour].map(|deadline| load(path, deadline));
    let mut native = vec![Vec::new(); kernels.len()];
    let mut sessions = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (seconds, kernel) in native.iter_mut().zip(&kernels) {
            seconds.push(compare(&interactions, *kernel));
        }
        for (sessions, host) in sessions.iter_mut().zip(&hosts) {
            sessions.push(sandboxed(host, &interactions));
        }
    }
    let found = native[0][0].1;
    assert!(native.iter().flatten().all(|(_, neighbours)| *neighbours == found));
    let all = sessions.iter().flatten();
    assert!(all.clone().all(|session| session.neighbours == found), "as many in the sandbox");
    let of = |part: fn(&Session) -> f64| sessions[0].iter().map(part).collect::<Vec<_>>();
    let native = kernels.iter().zip(&native).map(|(kernel, rounds)| {
        let seconds = rounds.iter().map(|(seconds, _)| *seconds).collect::<Vec<_>>();
        (kernel.name(), seconds)
    });
    println!(
        "{}",
        json!({
            "interactions": interactions.len(),
            "neighbours": found,
            "native": native.collect::<Vec<_>>(),
            "best": best.name(),
            "sandboxed": of(|session| session.computing),
            "with_deadline": sessions[1].iter().map(|it| it.computing).collect::<Vec<_>>(),
            "rows_in": of(|session| session.rows_in),
            "bytes_in": interactions.len() * 8,
            "sorting": of(|session| session.sorting),
            "rows_out": of(|session| session.rows_out),
            "bytes_out": sessions[0][0].bytes_out,
            "cold_load": (0..rounds).map(|_| cold(path, None)).collect::<Vec<_>>(),
            "cold_load_with_deadline": (0..rounds).map(|_| cold(path, hour)).collect::<Vec<_>>(),
            "cached_load": cached(path, rounds),
            "call": (0..rounds).map(|_| call(&hosts[0])).collect::<Vec<_>>(),
        })
    );
}

fn read(file: &str, user: &str, item: &str) -> Interactions {
    let bytes = fs::read(file).expect("a readable file");
    let options = ReadOptions { user: user.into(), item: item.into(), ..ReadOptions::default() };
    let table = Table::open(Arc::new(Memory::new(file, bytes)), 0, &options).expect("a table");
    let job = job(WeightingName::Binary);
    let needs = Needs::of(&job, Given::default());
    let mut chunks = Vec::new();
    for part in 0..table.parts().len() {
        let read = table.read(part, &mut |rows| {
            chunks.push(clean(rows, &job, needs).0);
            Ok::<_, Error>(())
        });
        read.expect("readable rows");
    }
    let encoded = encode(chunks, &Sequential).expect("ids of one kind");
    fold(encoded, &job, needs, &Sequential).interactions
}

/// Compares natively; returns CPU seconds and how many neighbours there are.
fn compare(interactions: &Interactions, kernel: Kernel) -> (f64, usize) {
    let (job, filter) = (job(WeightingName::Binary), ItemFilter::default());
    let begin = cpu_seconds();
    let layout = Layout { kernel, ..Layout::default() };
    let matrix = Matrix::with_layout(interactions, &job, layout, &Sequential);
    let plan = Plan::new(&matrix, &filter);
    let found = neighbours(&matrix, &plan, &job, &filter, &Sequential, |_| {});
    (cpu_seconds() - begin, found.len())
}

fn limits(deadline: Option<Duration>) -> Limits {
    Limits { memory_bytes: 1 << 32, deadline, ..Limits::default() }
}

fn load(path: &Path, deadline: Option<Duration>) -> Plugin {
    Host::new(limits(deadline)).expect("a sandbox").load(path).expect("a plugin")
}

/// Returns the seconds of loading the plugin without a cache, by the clock: all cores compile.
fn cold(path: &Path, deadline: Option<Duration>) -> f64 {
    let begin = Instant::now();
    drop(load(path, deadline));
    begin.elapsed().as_secs_f64()
}

/// Returns the seconds of loading the plugin from the cache, each time with a sandbox of its own.
fn cached(path: &Path, rounds: usize) -> Vec<f64> {
    let folder = path.with_file_name("cache");
    let load = || {
        let host = Host::with_cache(limits(None), &folder).expect("a sandbox");
        let begin = Instant::now();
        drop(host.load(path).expect("a plugin"));
        begin.elapsed().as_secs_f64()
    };
    load();
    (0..rounds).map(|_| load()).collect()
}

/// Compares in the sandbox.
fn sandboxed(plugin: &Plugin, interactions: &Interactions) -> Session {
    let job = json!({ "top": job(WeightingName::Binary).top }).to_string();
    let request = Request { user: "user".into(), item: "item".into(), job, ..Request::default() };
    let users = (0..interactions.users() as u32)
        .flat_map(|user| std::iter::repeat_n(user, interactions.of(user).len()));
    let users = users.collect::<Vec<_>>();
    let batches = users.chunks(BATCH).zip(interactions.all_items().chunks(BATCH));
    let batches = batches.map(|(users, items)| {
        let column = |codes: &[u32]| Arc::new(UInt32Array::from(codes.to_vec())) as _;
        let columns = [("user", column(users)), ("item", column(items))];
        RecordBatch::try_from_iter(columns).expect("columns of one length")
    });
    let batches = batches.collect::<Vec<_>>();
    let mut session = plugin.session(&request).expect("a session");
    let mut begin = cpu_seconds();
    let mut lap = || {
        let seconds = cpu_seconds() - begin;
        begin += seconds;
        seconds
    };
    for batch in &batches {
        session.add(batch).expect("rows");
    }
    let rows_in = lap();
    // The first step sorts; natively that is part of reading.
    session.step().expect("rows that make a job");
    let sorting = lap();
    while !session.step().expect("a step").finished {}
    let computing = lap();
    let mut stream = Vec::new();
    while let Some(piece) = session.next_bytes().expect("a piece") {
        stream.extend(piece);
    }
    let (rows_out, bytes_out) = (lap(), stream.len());
    let mut neighbours = 0;
    let source = Arc::new(Memory::new("found.arrows", stream));
    let read = ilk_formats::read_neighbours(source, None, &mut |_| {
        neighbours += 1;
        Ok::<_, Error>(())
    });
    read.expect("a table of neighbours");
    Session { rows_in, sorting, computing, rows_out, bytes_out, neighbours }
}

/// Returns the seconds of a session that does nothing, begun and ended in a pooled instance: the
/// mean of a thousand.
fn call(plugin: &Plugin) -> f64 {
    const CALLS: u32 = 1_000;
    let request = Request { user: "user".into(), item: "item".into(), ..Request::default() };
    let open = || drop(plugin.session(&request).expect("a session"));
    (0..100).for_each(|_| open());
    let begin = Instant::now();
    (0..CALLS).for_each(|_| open());
    begin.elapsed().as_secs_f64() / f64::from(CALLS)
}

/// CPU seconds of this process so far.
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
