//! What a record says about where it was made.

use std::{fs, thread};

use anyhow::Result;
use serde::Serialize;

use crate::{text::table, workspace::Workspace};

/// The machine, as far as it tells.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    /// Name of the processor.
    pub(crate) cpu: String,
    /// What it can do beyond its family, of what the kernels look at.
    instructions: String,
    /// Hardware threads that may be used.
    cores: usize,
    /// Caches of the first core.
    caches: String,
    memory: String,
    system: String,
    /// Load averages before the first run: 1, 5 and 15 minutes.
    pub(crate) load_before: String,
}

const UNKNOWN: &str = "unknown";

impl Machine {
    /// Looks at the machine. What only Linux tells is unknown elsewhere.
    pub(crate) fn look() -> Self {
        let processor = read("/proc/cpuinfo");
        let memory = field(&read("/proc/meminfo"), "MemTotal")
            .and_then(|text| text.split(' ').next()?.parse::<f64>().ok())
            .map_or(UNKNOWN.into(), |kib| format!("{:.1} GiB", kib / 1024.0 / 1024.0));
        let kernel = read("/proc/sys/kernel/osrelease");
        let load = read("/proc/loadavg");
        Self {
            cpu: field(&processor, "model name").unwrap_or(UNKNOWN.into()),
            instructions: instructions(&field(&processor, "flags").unwrap_or_default()),
            cores: thread::available_parallelism().map_or(1, usize::from),
            caches: caches(),
            memory,
            system: format!(
                "{} {} {}",
                std::env::consts::OS,
                kernel.trim(),
                std::env::consts::ARCH
            ),
            load_before: load.split(' ').take(3).collect::<Vec<_>>().join(" "),
        }
    }

    /// The machine, and what was built with what on it, as part of a page.
    pub(crate) fn page(&self, versions: &[(String, String)]) -> String {
        let pairs = |heading: [&str; 2], lines: &[(String, String)]| {
            let rows = lines.iter().map(|(name, value)| vec![name.clone(), value.clone()]);
            table(
                &std::iter::once(heading.map(String::from).into()).chain(rows).collect::<Vec<_>>(),
            )
        };
        let machine = self.lines().map(|(name, value)| (name.to_owned(), value));
        format!(
            "## Machine\n\n{}\n\n## Versions\n\n{}",
            pairs(["machine", ""], &machine),
            pairs(["program", "version"], versions)
        )
    }

    /// Name and value of everything, for a table.
    pub(super) fn lines(&self) -> [(&'static str, String); 7] {
        [
            ("CPU", self.cpu.clone()),
            ("instructions", self.instructions.clone()),
            ("cores", self.cores.to_string()),
            ("caches of a core", self.caches.clone()),
            ("memory", self.memory.clone()),
            ("system", self.system.clone()),
            ("load before", self.load_before.clone()),
        ]
    }
}

/// Returns the MiB of memory that programs may still take, where the system tells.
pub(super) fn available_mib() -> Option<u64> {
    let available = field(&read("/proc/meminfo"), "MemAvailable")?;
    Some(available.split(' ').next()?.parse::<u64>().ok()? / 1024)
}

/// Versions of what built the program, and of the program: name and version.
///
/// # Errors
/// Where rustc or git cannot be asked.
pub(crate) fn versions(workspace: &Workspace) -> Result<Vec<(String, String)>> {
    let ask = |program: &str, arguments: &[&str]| -> Result<String> {
        let output = workspace.command(program).args(arguments).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = ask("git", &["rev-parse", "--short=12", "HEAD"])?;
    // Records that were made before change nothing of what is measured.
    let changed = ["status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench/records"];
    let changed = ask("git", &changed)?;
    let changed = if changed.is_empty() { "" } else { ", with changes" };
    let rustc = ask("rustc", &["--version"])?;
    Ok(vec![("ilk".into(), format!("commit {commit}{changed}")), ("rustc".into(), rustc)])
}

/// The packages pinned in a list of requirements.
pub(super) fn pinned(requirements: &str) -> Vec<(String, String)> {
    let pins = requirements.lines().filter_map(|line| line.split_once("=="));
    pins.map(|(name, version)| (name.into(), version.trim().into())).collect()
}

/// The day, in UTC.
pub(crate) fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}

/// Letters and digits in lower case, a hyphen for whatever is between them.
pub(crate) fn slug(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The value of the first line `NAME : VALUE`.
fn field(text: &str, name: &str) -> Option<String> {
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = lines.find(|(key, _)| key.trim() == name)?;
    Some(value.trim().into())
}

fn instructions(flags: &str) -> String {
    const LOOKED_AT: [&str; 6] =
        ["popcnt", "avx2", "avx512f", "avx512bw", "avx512vl", "avx512_vpopcntdq"];
    let flags = flags.split(' ').collect::<Vec<_>>();
    LOOKED_AT.into_iter().filter(|flag| flags.contains(flag)).collect::<Vec<_>>().join(" ")
}

fn caches() -> String {
    let cache = |index: usize| {
        let of = |name| {
            let path = format!("/sys/devices/system/cpu/cpu0/cache/index{index}/{name}");
            fs::read_to_string(path).map(|text| text.trim().to_owned())
        };
        let kind = match of("type").ok()?.as_str() {
            "Data" => "d",
            "Instruction" => "i",
            _ => "",
        };
        Some(format!("L{}{kind} {}", of("level").ok()?, of("size").ok()?))
    };
    (0..).map_while(cache).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_proc_are_found() {
        let text = "processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\nflags\t\t: fpu avx2 popcnt\n";
        assert_eq!(field(text, "model name").as_deref(), Some("Some CPU @ 3 GHz"));
        assert_eq!(field(text, "model"), None);
        assert_eq!(instructions(&field(text, "flags").unwrap()), "popcnt avx2");
    }

    #[test]
    fn pins_are_read() {
        let pins = pinned("# Peers\nimplicit==0.7.3\n\n# More.\ntqdm==4.70.1\n");
        let pins = pins.iter().map(|(name, version)| (&**name, &**version)).collect::<Vec<_>>();
        assert_eq!(pins, [("implicit", "0.7.3"), ("tqdm", "4.70.1")]);
    }
}
