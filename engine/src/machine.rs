//! This machine: how fast it is, and what memory and disk it has.

use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use ilk_core::{
    cost::{Layout, Machine},
    forecast::{Step, Workload},
    result::{Catalogue, Neighbour, Neighbours},
    simd::Kernel,
};
use ilk_formats::{OutputStyle, Packer, write_neighbours};
use sysinfo::{MemoryRefreshKind, ProcessRefreshKind, ProcessesToUpdate, RefreshKind, System};

use crate::{error::Error, text::shortened};

/// How long measuring may take; steps that are left then keep their usual costs.
const PATIENCE: Duration = Duration::from_millis(1_900);

/// How long one step is measured, at least once and at most until here.
const PER_STEP: Duration = Duration::from_millis(80);

/// Measures what a core of this machine pays with `kernel`, in two seconds at most.
pub fn calibrate(kernel: Kernel) -> Machine {
    let mut machine = Machine::of(kernel);
    let started = Instant::now();
    let mut longest = Duration::ZERO;
    for step in Step::ALL {
        // What may not end in time is not begun.
        if started.elapsed() + longest > PATIENCE {
            break;
        }
        let begun = Instant::now();
        let workload = Workload::new(step, kernel);
        let mut best = u64::MAX;
        for _ in 0..8 {
            let before = thread_picoseconds();
            workload.run();
            best = best.min(thread_picoseconds() - before);
            if begun.elapsed() > PER_STEP {
                break;
            }
        }
        workload.learn(&mut machine, best);
        longest = longest.max(begun.elapsed());
    }
    machine
}

/// Takes the instructions that `ILK_KERNEL` names, for tests and benchmarks; else the fastest.
pub fn kernel() -> Result<Kernel, Error> {
    let Some(name) = std::env::var_os("ILK_KERNEL").filter(|name| !name.is_empty()) else {
        return Ok(Layout::default().kernel);
    };
    let available = Kernel::available();
    let named = available.iter().find(|kernel| name == kernel.name());
    named.copied().ok_or_else(|| {
        let names = available.iter().map(|kernel| kernel.name()).collect::<Vec<_>>().join(", ");
        let name = shortened(&name.to_string_lossy(), 40);
        Error::input(format!("ILK_KERNEL is {name}, which this machine does not have"))
            .with_help(format!("leave it out, or choose one of: {names}"))
    })
}

/// Lays matrices out for the instructions of [`kernel`].
///
/// # Errors
/// As there.
pub fn layout() -> Result<Layout, Error> {
    Ok(Layout { kernel: kernel()?, ..Layout::default() })
}

/// Counts the cores that so many threads share the work of.
pub fn cores(threads: usize) -> usize {
    std::thread::available_parallelism().map_or(threads, |cores| cores.get().min(threads))
}

/// Returns the CPU time of this thread, where the system tells; else the time that passed.
#[cfg(unix)]
fn thread_picoseconds() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec.cast_unsigned() * 1_000_000_000_000 + time.tv_nsec.cast_unsigned() * 1_000
}

#[cfg(not(unix))]
fn thread_picoseconds() -> u64 {
    use std::sync::LazyLock;
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_nanos() as u64 * 1_000
}

/// What a row of the result takes to write.
#[derive(Clone, Copy, Debug)]
pub struct Writing {
    /// Seconds.
    pub seconds: f64,
    /// Bytes.
    pub bytes: f64,
}

impl Writing {
    /// Rows that tell what a row takes.
    const ROWS: usize = 1 << 17;

    /// Writes a result, or as much of it as tells, to nowhere.
    pub fn measure(style: OutputStyle, catalogue: &Catalogue, found: &Neighbours) -> Self {
        let mut some = Neighbours::new();
        for item in 0..found.items() as u32 {
            if some.len() < Self::ROWS {
                some.push(found.of(item).iter().copied());
            }
        }
        let mut out = Counter(0);
        let before = thread_picoseconds();
        // Nowhere is never full.
        let written = Packer::new(&mut out, style.packing).and_then(|mut packer| {
            write_neighbours(style.format, &mut packer, catalogue, &some)?;
            packer.finish().map(drop)
        });
        debug_assert!(written.is_ok(), "{written:?}");
        let seconds = (thread_picoseconds() - before) as f64 / 1e12;
        let rows = some.len().max(1) as f64;
        Self { seconds: seconds / rows, bytes: out.0 as f64 / rows }
    }

    /// Does so where there is no result yet, with made-up neighbours of real items; `each`: of an
    /// item.
    pub fn guess(style: OutputStyle, catalogue: &Catalogue, each: usize) -> Self {
        let items = catalogue.ids.len().max(1);
        let each = each.min(items).max(1);
        let mut found = Neighbours::new();
        let mut place = 0_u64;
        for _ in 0..(Self::ROWS / each).min(catalogue.ids.len()) {
            found.push((0..each).map(|rank| {
                // A linear congruential generator (Knuth, MMIX) makes up what neighbours look like.
                place = place.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let code = (place >> 33) as usize % items;
                let score = 1.0 / (rank as f32 + 1.5 + (place >> 50) as f32 / 16_384.0);
                Neighbour { code: code as u32, score, overlap: (place >> 58) as u32 + 1 }
            }));
        }
        Self::measure(style, catalogue, &found)
    }
}

/// Counts bytes and forgets them.
struct Counter(u64);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Returns how many threads ran or waited for a core in the last minute, where the system tells.
pub fn load() -> Option<f64> {
    let load = System::load_average().ok()?;
    Some(load.one).filter(|load| *load > 0.0)
}

/// Returns the bytes of memory that the machine was built with, where the system tells.
pub fn memory_built_in() -> Option<u64> {
    Some(memory_of_system()?.total_memory())
}

fn memory_of_system() -> Option<System> {
    let memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    System::new_with_specifics(memory).ok()
}

/// Counts the bytes that this process may take in all: its own and what is free on the machine,
/// or in its container. `None` where the system does not tell.
pub fn memory_there_is() -> Option<u64> {
    let mut system = memory_of_system()?;
    let pid = sysinfo::get_current_pid().ok()?;
    let own = ProcessRefreshKind::nothing().with_memory();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, own);
    let process = system.process(pid)?;
    let free = system.available_memory();
    let of_container = process.cgroup_limits().filter(|limits| limits.total_memory > 0);
    let free = of_container.map_or(free, |limits| limits.free_memory.min(free));
    Some(free + process.memory())
}

/// Returns the most bytes that this process held at a time since the last
/// [`forget_peak_memory`], where the system tells.
pub fn peak_memory() -> Option<u64> {
    status("VmHWM:")
}

/// The highest peak that was forgotten.
static FORGOTTEN: AtomicU64 = AtomicU64::new(0);

/// Returns the most bytes that this process ever held at a time, where the system tells.
pub fn peak_of_process() -> Option<u64> {
    Some(peak_memory()?.max(FORGOTTEN.load(Ordering::Relaxed)))
}

/// Returns the bytes that this process holds, where the system tells.
pub fn memory_held() -> Option<u64> {
    status("VmRSS:")
}

/// Reads a figure of Linux' `status`.
fn status(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes = line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()?;
    Some(kilobytes * 1024)
}

/// Begins a new peak; false where the system does not let it: then the peak stays that of the whole
/// process.
pub fn forget_peak_memory() -> bool {
    FORGOTTEN.fetch_max(peak_memory().unwrap_or(0), Ordering::Relaxed);
    std::fs::write("/proc/self/clear_refs", "5").is_ok()
}

/// Counts the bytes that are free on the disk that holds `folder`.
#[cfg(unix)]
pub fn free_disk(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
pub fn free_disk(_: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use ilk_core::data::Ids;
    use ilk_formats::OutputFormat;

    use super::*;

    #[test]
    fn a_machine_has_memory_and_disk() {
        assert!(memory_there_is().is_none_or(|bytes| bytes > 1 << 20));
        assert!(memory_built_in().is_none_or(|bytes| bytes > 1 << 20));
        assert!(free_disk(Path::new(".")).is_none_or(|bytes| bytes > 0));
        assert_eq!(free_disk(Path::new("no such folder")), None);
        let (held, peak) = (memory_held(), peak_memory());
        assert!(held.is_none_or(|held| held > 1 << 20 && peak.is_some_and(|peak| peak > 0)));
    }

    /// Measured in a process of its own: other tests take and free memory all the while.
    #[test]
    #[cfg(target_os = "linux")]
    fn the_peak_is_that_since_it_was_forgotten() {
        const ALONE: &str = "ILK_TEST_ALONE";
        // The system counts pages by core, and adds them up a little late.
        const LATE: u64 = 4 << 20;
        if std::env::var_os(ALONE).is_none() {
            let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
            let name = "machine::tests::the_peak_is_that_since_it_was_forgotten";
            let output = alone.args([name, "--exact"]).env(ALONE, "1").output().unwrap();
            let told = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && told.contains("1 passed"), "{told}");
            return;
        }
        assert!(forget_peak_memory());
        let before = peak_memory().unwrap();
        let block = vec![1_u8; 128 << 20];
        let after = peak_memory().unwrap();
        assert!(after + LATE >= before + (128 << 20), "{before} {after} {}", block.len());
        drop(block);
        let kept = peak_memory().unwrap();
        assert!(kept + LATE >= after, "a peak stays: {after} {kept}");
        assert!(forget_peak_memory());
        let anew = peak_memory().unwrap();
        assert!(anew <= before + LATE, "{before} {after} {anew}");
        assert!(peak_of_process().unwrap() + LATE >= kept, "that of the process is not forgotten");
    }

    #[test]
    fn calibrating_ends() {
        let started = Instant::now();
        let kernel = Kernel::detect();
        let machine = calibrate(kernel);
        assert!(machine.chunk > 0 && machine.addition > 0);
        // Two seconds by itself; other tests share the machine.
        assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    }

    #[test]
    fn rows_of_real_ids_are_written_to_nowhere() {
        let ids = Ids::Integer((0..1_000).collect());
        let catalogue = Catalogue { ids, labels: None, supports: vec![1; 1_000], target: None };
        let packed = ["a.csv.gz", "a.jsonl.zst"].map(|name| OutputStyle::of_name(name).unwrap());
        let plain = OutputFormat::ALL.iter().map(|format| OutputStyle::from(*format));
        for style in plain.chain(packed) {
            let writing = Writing::guess(style, &catalogue, 50);
            assert!(writing.bytes > 1.0 && writing.seconds > 0.0, "{style}: {writing:?}");
        }
    }
}
