//! What a manifest says of the machine, and what a stage took of it.

use std::{fs, thread};

use ilk_core::kernel::Kernel;
use serde::{Deserialize, Serialize};

/// The machine a run was on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// Its operating system.
    pub(crate) system: String,
    /// Its instruction set.
    pub(crate) architecture: String,
    /// The instructions that pairs are counted with.
    pub(crate) kernel: String,
    /// Cores that the program may use.
    pub(crate) cores: Option<usize>,
    /// Bytes of memory, where the system tells.
    pub(crate) memory: Option<u64>,
}

impl Machine {
    /// Looks at this machine.
    pub(crate) fn here(kernel: Kernel) -> Self {
        Self {
            system: std::env::consts::OS.into(),
            architecture: std::env::consts::ARCH.into(),
            kernel: kernel.name().into(),
            cores: thread::available_parallelism().ok().map(Into::into),
            memory: kilobytes("/proc/meminfo", "MemTotal:"),
        }
    }
}

/// Lets the peak of memory be counted from here on, where the system can (Linux).
pub(crate) fn reset_peak_memory() {
    if cfg!(target_os = "linux") {
        // Without it the peak is that of the whole process: no reason to stop.
        let _ = fs::write("/proc/self/clear_refs", "5");
    }
}

/// Returns the most bytes that were resident at a time since [`reset_peak_memory`], where the
/// system tells.
pub(crate) fn peak_memory() -> Option<u64> {
    kilobytes("/proc/self/status", "VmHWM:")
}

/// Finds `NAME 123 kB` in a file of the system; returns bytes.
fn kilobytes(file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let number: u64 = line.split_whitespace().next()?.parse().ok()?;
    number.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_peak_is_that_since_the_reset() {
        reset_peak_memory();
        let before = peak_memory().unwrap();
        // Other tests of the process take and free a little meanwhile.
        let block = vec![1_u8; 128 << 20];
        let after = peak_memory().unwrap();
        assert!(after >= before + (64 << 20), "{before} {after} {}", block.len());
        drop(block);
        reset_peak_memory();
        assert!(peak_memory().unwrap() < after - (64 << 20), "the peak is that since the reset");
        assert!(Machine::here(Kernel::detect()).memory.unwrap() > 64 << 20);
    }
}
