//! What the sandbox costs: `sandboxed FILE USER ITEM PLUGIN` compares a file natively and in a
//! plugin, on one thread each, and prints CPU seconds, the time of loading, and that of calls.
//! `cargo xtask bench --plugin` runs it.

#![expect(clippy::print_stdout, reason = "its output is its result")]

use std::{fs, path::Path, sync::Arc, time::Instant};

use arrow_array::{RecordBatch, UInt32Array};
use ilk_bench::job;
use ilk_core::{
    clean::{Needs, clean},
    encode::encode,
    executor::Sequential,
    interactions::{Interactions, fold},
    job::{Given, WeightingName},
    kernel::{ItemFilter, Kernel, neighbours},
    matrix::{Layout, Matrix},
    plan::Plan,
};
use ilk_formats::{Error, Memory, ReadOptions, Table};
use ilk_plugin_host::{Host, Limits, Plugin, Request};
use rustix::time::{ClockId, clock_gettime};

/// Rows of a batch.
const BATCH: usize = 1 << 20;

fn main() {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    let [file, user, item, plugin] = &arguments[..] else {
        println!("usage: sandboxed FILE USER ITEM PLUGIN");
        std::process::exit(2);
    };
    let interactions = read(file, user, item);
    println!(
        "{} interactions, one thread, CPU seconds of arranging and comparing",
        interactions.len()
    );
    let mut kernels = Kernel::available();
    kernels.retain(|kernel| [Kernel::detect().name(), "portable"].contains(&kernel.name()));
    let native = kernels.iter().map(|kernel| {
        let (seconds, found) = compare(&interactions, *kernel);
        println!("native {:<12}{seconds:>10.3}", kernel.name());
        (kernel.name(), seconds, found)
    });
    let native = native.collect::<Vec<_>>();
    let plugin = load(Path::new(plugin));
    let (seconds, found) = sandboxed(&plugin, &interactions);
    for (kernel, alone, expected) in native {
        assert_eq!(found, expected, "the sandbox finds as many neighbours");
        println!("{:.2}x native {kernel}", seconds / alone);
    }
    calls(&plugin);
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
    let matrix = Matrix::with_layout(interactions, job.weighting, layout, &Sequential);
    let plan = Plan::new(&matrix, &filter);
    let found = neighbours(&matrix, &plan, &job, &filter, &Sequential, |_| {});
    (cpu_seconds() - begin, found.len())
}

/// Loads the plugin without a cache, and from one.
fn load(path: &Path) -> Plugin {
    let limits = Limits { memory_bytes: 1 << 32, ..Limits::default() };
    let begin = Instant::now();
    let host = Host::new(limits).expect("a sandbox");
    host.load(path).expect("a plugin");
    println!("cold load         {:>10.3} s", begin.elapsed().as_secs_f64());
    let cache = path.with_file_name("cache");
    let cached = || {
        let host = Host::with_cache(limits, &cache).expect("a sandbox");
        let begin = Instant::now();
        let plugin = host.load(path).expect("a plugin");
        (begin.elapsed().as_secs_f64(), plugin)
    };
    cached();
    let (seconds, plugin) = cached();
    println!("load from cache   {:>10.1} ms", seconds * 1e3);
    plugin
}

/// Compares in the sandbox; returns the same.
fn sandboxed(plugin: &Plugin, interactions: &Interactions) -> (f64, usize) {
    let job = serde_json::json!({ "top": job(WeightingName::Binary).top }).to_string();
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
    let begin = cpu_seconds();
    for batch in &batches {
        session.add(batch).expect("rows");
    }
    let passing = cpu_seconds() - begin;
    println!("rows in           {passing:>10.3} s for {} MB", users.len() * 8 / 1_000_000);
    let begin = cpu_seconds();
    // The first step sorts; natively that is part of reading.
    session.step().expect("rows that make a job");
    println!("sorting           {:>10.3} s", cpu_seconds() - begin);
    let begin = cpu_seconds();
    while !session.step().expect("a step").finished {}
    let seconds = cpu_seconds() - begin;
    println!("sandboxed         {seconds:>10.3}");
    let begin = cpu_seconds();
    let (mut bytes, mut rows) = (0, 0);
    let mut stream = Vec::new();
    while let Some(piece) = session.next_bytes().expect("a piece") {
        bytes += piece.len();
        stream.extend(piece);
    }
    println!("rows out          {:>10.3} s for {} MB", cpu_seconds() - begin, bytes / 1_000_000);
    let read = ilk_formats::read_neighbours(
        Arc::new(Memory::new("found.arrows", stream)),
        None,
        &mut |_| {
            rows += 1;
            Ok::<_, Error>(())
        },
    );
    read.expect("a table of neighbours");
    (seconds, rows)
}

/// Times a thousand sessions that do nothing.
fn calls(plugin: &Plugin) {
    let request = Request { user: "user".into(), item: "item".into(), ..Request::default() };
    let open = || drop(plugin.session(&request).expect("a session"));
    (0..100).for_each(|_| open());
    let begin = Instant::now();
    (0..1_000).for_each(|_| open());
    println!("a session         {:>10.3} ms, begun and ended", begin.elapsed().as_secs_f64());
}

/// CPU seconds of this process so far.
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
