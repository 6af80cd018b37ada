//! What a manifest says of the machine.

use std::thread;

use ilk_core::simd::Kernel;
use serde::{Deserialize, Serialize};

use crate::machine;

/// The machine a run was on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Its operating system.
    pub system: String,
    /// Its instruction set.
    pub architecture: String,
    /// The instructions that pairs are counted with.
    pub kernel: String,
    /// Cores that the program may use.
    pub cores: Option<usize>,
    /// Bytes of memory, where the system tells.
    pub memory: Option<u64>,
}

impl Machine {
    /// Looks at this machine.
    pub fn here(kernel: Kernel) -> Self {
        Self {
            system: std::env::consts::OS.into(),
            architecture: std::env::consts::ARCH.into(),
            kernel: kernel.name().into(),
            cores: thread::available_parallelism().ok().map(Into::into),
            memory: machine::memory_built_in(),
        }
    }
}
