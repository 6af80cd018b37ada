//! What a plugin may take.

use std::time::Duration;

/// What a plugin may take. Each [`Session`](crate::Session) and
/// [`Comparison`](crate::Comparison) has all of it to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory, at most 4 GiB; default 1 GiB.
    pub memory_bytes: usize,
    /// Time from the beginning of a session or comparison to the end of its last call, kept to
    /// within about 20 ms; default none. The checks that keep it slow inner loops down, and take
    /// a quarter of the time of compiling.
    pub deadline: Option<Duration>,
    /// Units of work, about one per instruction; counting them costs about a fifth of the speed.
    /// Default none.
    pub fuel: Option<u64>,
    /// Bytes of stack, from 64 KiB on; default 512 KiB.
    pub stack_bytes: usize,
    /// Entries of tables of functions; default 20,000.
    pub table_elements: usize,
    /// Sessions and comparisons at the same time; default 32. Their address space is set aside
    /// beforehand, 4 GiB each, their memory is not.
    pub instances: u32,
    /// Bytes of a plugin's file; default 64 MiB.
    pub plugin_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 1 << 30,
            deadline: None,
            fuel: None,
            stack_bytes: 512 << 10,
            table_elements: 20_000,
            instances: 32,
            plugin_bytes: 64 << 20,
        }
    }
}

/// A century: past it, adding to a clock's time may overflow.
const LONGEST: Duration = Duration::from_hours(100 * 365 * 24);

impl Limits {
    /// Returns them as far as they can be: memory within 32 bits, a stack that holds a call, a
    /// deadline that a clock can name.
    pub(crate) fn clamped(self) -> Self {
        Self {
            memory_bytes: self.memory_bytes.clamp(1 << 16, 1 << 32),
            deadline: self.deadline.map(|time| time.min(LONGEST)),
            stack_bytes: self.stack_bytes.clamp(64 << 10, 64 << 20),
            instances: self.instances.clamp(1, 1_000),
            ..self
        }
    }
}
