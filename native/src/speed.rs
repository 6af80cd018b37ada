//! How fast this machine is: measured once, and kept beside the ledger of past runs.

use std::{fs, io, path::Path};

use ilk_core::{cost::Machine, simd::Kernel};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{machine::calibrate, progress::Reporter, usage};

/// How long a measurement is believed.
const BELIEVED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Whether an earlier measurement will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    /// One of the last weeks will.
    Any,
    /// The machine is measured anew.
    New,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Speed {
    host: Host,
    /// When.
    pub(crate) measured: Timestamp,
    /// What a core pays for each step, in picoseconds.
    pub(crate) machine: Machine,
}

/// What was measured on, and by what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Host {
    version: String,
    kernel: String,
    processor: String,
    cores: Option<usize>,
}

impl Host {
    fn here(kernel: Kernel) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            kernel: kernel.name().into(),
            processor: processor(),
            cores: std::thread::available_parallelism().ok().map(Into::into),
        }
    }
}

/// Names the processor, where Linux tells; else its instruction set.
fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name"));
    let name = name.map(|rest| rest.trim_start_matches([' ', '\t', ':']));
    name.unwrap_or(std::env::consts::ARCH).to_owned()
}

/// Returns how fast this machine is with `kernel`: as kept, or as measured now, which takes two
/// seconds at most. What cannot be kept is measured the next time.
pub(crate) fn of_this_machine(kernel: Kernel, age: Age, reporter: &Reporter) -> Speed {
    let place = usage::place().map(|ledger| ledger.with_file_name("machine.json"));
    let (host, now) = (Host::here(kernel), Timestamp::now());
    let kept = place.as_deref().filter(|_| age == Age::Any).and_then(read);
    if let Some(kept) = kept.filter(|kept| kept.holds(&host, now)) {
        return kept;
    }
    let stage = reporter.stage("measuring", None);
    let speed = Speed { host, measured: now, machine: calibrate(kernel) };
    stage.finish("the speed of this machine");
    if let Some(place) = place {
        // Measured again the next time, which is no reason to fail.
        let _ = write(&place, &speed);
    }
    speed
}

impl Speed {
    /// Returns whether the measurement is of this host, and neither old nor of another clock.
    fn holds(&self, host: &Host, now: Timestamp) -> bool {
        let age = now.duration_since(self.measured);
        self.host == *host && age >= SignedDuration::ZERO && age < BELIEVED
    }
}

fn read(place: &Path) -> Option<Speed> {
    serde_json::from_str(&fs::read_to_string(place).ok()?).ok()
}

fn write(place: &Path, speed: &Speed) -> io::Result<()> {
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder)?;
    }
    // Whoever reads meanwhile reads the one or the other.
    let new = place.with_extension(format!("{}.new", std::process::id()));
    fs::write(&new, serde_json::to_vec(speed)?)?;
    fs::rename(&new, place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speed(measured: &str) -> Speed {
        let kernel = Kernel::detect();
        let measured = measured.parse().expect("a time");
        Speed { host: Host::here(kernel), measured, machine: Machine::of(kernel) }
    }

    #[test]
    fn a_measurement_holds_for_its_host_and_for_a_month() {
        let speed = speed("2026-11-01T10:00:00Z");
        let holds = |host: &Host, now: &str| speed.holds(host, now.parse().expect("a time"));
        assert!(holds(&speed.host, "2026-11-01T10:00:00Z"));
        assert!(holds(&speed.host, "2026-12-01T09:00:00Z"));
        assert!(!holds(&speed.host, "2026-12-01T11:00:00Z"), "old");
        assert!(!holds(&speed.host, "2026-10-31T10:00:00Z"), "from the future");
        let other = Host { processor: "another".into(), ..speed.host.clone() };
        assert!(!holds(&other, "2026-11-01T10:00:00Z"));
    }

    #[test]
    fn what_is_kept_is_read_again_and_a_torn_file_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("state/machine.json");
        assert_eq!(read(&place), None);
        let speed = speed("2026-11-01T10:00:00Z");
        write(&place, &speed).expect("written");
        assert_eq!(read(&place), Some(speed));
        let names = fs::read_dir(folder.path().join("state")).expect("a folder").count();
        assert_eq!(names, 1);
        let bytes = fs::read(&place).expect("there");
        fs::write(&place, &bytes[..bytes.len() / 2]).expect("torn");
        assert_eq!(read(&place), None);
    }
}
