//! Reads two columns of a file into memory: `reading FILE USER ITEM THREADS ROUNDS` prints rows, and
//! seconds and CPU seconds of each round, as JSON.

#![expect(clippy::print_stdout, reason = "its output is its result")]

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use bytes::Bytes;
use ilk_core::data::Rows;
use ilk_formats::{Error, ReadOptions, Source, Table};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;

/// A file that several threads read.
struct OnDisk {
    name: String,
    file: File,
    length: u64,
}

impl Source for OnDisk {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes.into())
    }
}

fn main() {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    let [path, user, item, threads, rounds] = &arguments[..] else { return usage() };
    let (Ok(threads), Ok(rounds)) = (threads.parse(), rounds.parse::<usize>()) else {
        return usage();
    };
    let options = ReadOptions { user: user.clone(), item: item.clone(), ..ReadOptions::default() };
    let (mut rows, mut seconds, mut cpu) = (0, Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (clock, before) = (Instant::now(), cpu_seconds());
        let chunks = read(path, &options, threads);
        seconds.push(clock.elapsed().as_secs_f64());
        cpu.push(cpu_seconds() - before);
        rows = chunks.iter().map(Rows::len).sum();
    }
    println!("{}", json!({ "rows": rows, "seconds": seconds, "cpu_seconds": cpu }));
}

fn usage() {
    println!("usage: reading FILE USER ITEM THREADS ROUNDS");
    std::process::exit(2);
}

/// Reads all rows, and holds them.
fn read(path: &str, options: &ReadOptions, threads: usize) -> Vec<Rows> {
    let file = File::open(path).expect("a file");
    let length = file.metadata().expect("a file's length").len();
    let source = OnDisk { name: path.to_owned(), file, length };
    let table = Table::open(Arc::new(source), 0, options).expect("a table");
    let (next, chunks) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let part = next.fetch_add(1, Ordering::Relaxed);
                    if part >= table.parts().len() {
                        break;
                    }
                    let read = table.read(part, &mut |rows| {
                        chunks.lock().expect("no thread failed").push(rows);
                        Ok::<_, Error>(())
                    });
                    read.expect("readable rows");
                }
            });
        }
    });
    chunks.into_inner().expect("no thread failed")
}

/// CPU seconds of this process so far.
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
