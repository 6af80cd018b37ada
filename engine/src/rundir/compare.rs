//! What differs between the run in a directory and the one that was asked for.

use std::path::Path;

use ilk_core::executor::Executor as _;

use super::{
    fingerprint::{Fingerprint, differences},
    manifest::{Manifest, Task},
};
use crate::{
    checksum::Checksum,
    error::Error,
    inputs,
    pool::Pool,
    source::{Lists, Record, Setting},
    text::{counted, quoted},
};

/// Settings that change how or where, but not what: a run goes on with others. Inputs and lists
/// are compared by what their files hold; guards only decide whether to go on.
const FREE: [&str; 26] = [
    "input",
    "only",
    "exclude",
    "for",
    "labels",
    "out",
    "run_dir",
    "threads",
    "memory",
    "budget_time",
    "budget_memory",
    "budget_cost",
    "budget_hard",
    "price_per_hour",
    "shard_size",
    "max_bad_rows",
    "max_disk",
    "strict",
    "overwrite",
    "keep",
    "report",
    "restart_if_changed",
    "min_rows",
    "max_change",
    "csv_safe",
    "out_format",
];

/// What differs, in a few words each.
pub(crate) struct Changes(Vec<String>);

impl Changes {
    /// Compares what a run computes with what is asked for now. Inputs count once stage `read` has
    /// looked at them.
    pub(crate) fn find(then: &Task, now: &Task) -> Self {
        let mut found = settings(&then.job.settings, &now.job.settings);
        if !then.inputs.is_empty() {
            found.extend(differences(&then.inputs, &now.inputs));
        }
        for name in ["only", "exclude", "for", "labels"] {
            let of = |task: &Task| task.lists.get(name).cloned().unwrap_or_default();
            let changed = differences(&of(then), &of(now));
            found.extend(changed.into_iter().map(|change| format!("--{name}: {change}")));
        }
        found.extend(engines(then.engine.as_ref(), now.engine.as_ref()));
        Self(found)
    }

    /// Refuses to go on if anything differs.
    ///
    /// # Errors
    /// If so.
    pub(crate) fn check(&self, run_dir: &str) -> Result<(), Error> {
        const SHOWN: usize = 4;
        if self.0.is_empty() {
            return Ok(());
        }
        let mut text = self.0.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
        if self.0.len() > SHOWN {
            text = format!("{text}; and {} more", self.0.len() - SHOWN);
        }
        Err(Error::input(format!("{run_dir} was created with different settings or input: {text}"))
            .with_help("start over with --restart, or choose another run directory"))
    }
}

/// Refuses to speak of the run in `folder`, if there is one, from inputs that are not its own any more:
/// `names`, in the order in which it read them.
///
/// # Errors
/// If they have changed, or cannot be read.
pub fn check_inputs(folder: &Path, names: &[String], pool: &Pool) -> Result<(), Error> {
    let manifest = if folder.is_dir() { Manifest::load(folder)? } else { None };
    let Some(then) = manifest.map(|run| run.task.inputs).filter(|inputs| !inputs.is_empty()) else {
        return Ok(());
    };
    let now = fingerprints(names, pool)?;
    let change = if then.len() == now.len() {
        then.iter().zip(&now).find_map(|(then, now)| then.difference(now))
    } else {
        Some(format!("{}, now {}", counted(then.len() as u64, "file"), now.len()))
    };
    change.map_or(Ok(()), |change| {
        let folder = folder.display();
        Err(Error::input(format!("the input of {folder} has changed: {change}")).with_help(
            format!(
                "`ilk run … --run-dir {} --restart` uses the new input; or name the input",
                quoted(&folder.to_string())
            ),
        ))
    })
}

/// Looks at files.
pub(super) fn fingerprints(names: &[String], pool: &Pool) -> Result<Vec<Fingerprint>, Error> {
    let found = pool.map(names.len(), |index| Fingerprint::of(Path::new(&names[index])));
    found.into_iter().collect()
}

/// Compares what computes the tiles: a plugin may find anything, and its name does not matter.
fn engines(then: Option<&Fingerprint>, now: Option<&Fingerprint>) -> Option<String> {
    if let (Some(then), Some(now)) = (then, now) {
        return then.difference(now).map(|change| format!("--engine: {change}"));
    }
    let name = |engine: Option<&Fingerprint>| {
        engine.map_or_else(|| "native".into(), |plugin| format!("plugin:{}", plugin.path))
    };
    (then.is_some() || now.is_some())
        .then(|| format!("engine was {}, is {}", name(then), name(now)))
}

/// Compares settings by name.
fn settings(then: &[Setting], now: &[Setting]) -> Vec<String> {
    let value = |settings: &[Setting], name: &str| {
        let found = settings.iter().find(|setting| setting.name == name);
        found.map(|setting| setting.value.clone())
    };
    let none = || "–".to_owned();
    let mut found = Vec::new();
    for setting in now.iter().filter(|setting| !FREE.contains(&setting.name.as_str())) {
        let was = value(then, &setting.name).unwrap_or_else(none);
        if was != setting.value {
            let Setting { name, value, origin } = setting;
            found.push(format!("{name} was {was}, is {value} ({origin})"));
        }
    }
    let gone = then.iter().filter(|setting| !FREE.contains(&setting.name.as_str()));
    let gone = gone.filter(|setting| setting.value != none());
    for setting in gone.filter(|setting| value(now, &setting.name).is_none()) {
        found.push(format!("{} was {}, is –", setting.name, setting.value));
    }
    found
}

/// Names a job on some files: the same name for the same job on the same content.
///
/// # Errors
/// If a file cannot be read.
pub fn identity(job: &Record, names: &[String]) -> Result<String, Error> {
    let decides = |setting: &&Setting| !FREE.contains(&setting.name.as_str());
    let settings = job.settings.iter().filter(decides);
    let mut text = settings
        .map(|Setting { name, value, .. }| format!("{name} {value}\n"))
        .collect::<Vec<_>>()
        .concat();
    let Lists { only, exclude, targets, .. } = &job.lists;
    for paths in [only, exclude, targets] {
        text.push_str(";\n");
        for path in paths {
            text.push_str(&Fingerprint::of(path)?.identity());
        }
    }
    for name in names {
        text.push_str(&Fingerprint::of(Path::new(name))?.identity());
    }
    if !job.source.labels.is_empty() {
        text.push_str(";\n");
        for file in inputs::resolve(&job.source.labels, job.source.table_formats())?.files {
            text.push_str(&Fingerprint::of(&file.path)?.identity());
        }
    }
    Ok(Checksum::of(text.as_bytes()).digits())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(name: &str, value: &str) -> Setting {
        Setting { name: name.into(), value: value.into(), origin: "default".into() }
    }

    #[test]
    fn only_what_changes_the_result_counts() {
        let then = [setting("top", "50"), setting("threads", "2"), setting("alpha", "0.5")];
        let now = [setting("top", "20"), setting("threads", "4"), setting("k1", "1.2")];
        assert_eq!(
            settings(&then, &now),
            ["top was 50, is 20 (default)", "k1 was –, is 1.2 (default)", "alpha was 0.5, is –"]
        );
        assert_eq!(settings(&then, &then), Vec::<String>::new());
    }
}
