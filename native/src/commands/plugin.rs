//! `ilk plugin`: inspects a plugin, or runs the conformance cases in it.

use crate::{cli::PluginAction, error::Error};

/// Inspects a plugin, or checks it.
///
/// # Errors
/// For a file that is not a plugin, and one whose neighbours differ from the expected ones.
#[cfg(feature = "plugins")]
pub(crate) fn plugin(action: &PluginAction) -> Result<(), Error> {
    use ilk_engine::sandbox::Sandbox;

    use crate::pool::Pool;

    let pool = Pool::new(std::num::NonZeroUsize::new(1))?;
    match action {
        PluginAction::Inspect { path } => looking::inspect(path, &Sandbox::open(path, &pool)?.0),
        PluginAction::Check { path, cases } => {
            looking::check(path, &Sandbox::open(path, &pool)?.0, cases)
        }
    }
}

/// Reports how to build a program with plugins.
///
/// # Errors
/// Always.
#[cfg(not(feature = "plugins"))]
pub(crate) fn plugin(action: &PluginAction) -> Result<(), Error> {
    let (PluginAction::Inspect { path } | PluginAction::Check { path, .. }) = action;
    let pool = crate::pool::Pool::new(std::num::NonZeroUsize::new(1))?;
    Ok(ilk_engine::sandbox::Sandbox::open(path, &pool).map(drop)?)
}

#[cfg(feature = "plugins")]
mod looking {
    use std::{
        collections::BTreeMap,
        fmt::Write as _,
        fs,
        path::{Path, PathBuf},
        process::Command,
        sync::Arc,
    };

    use ilk_core::{
        job::Of,
        prepare::{Kinds, Sample},
    };
    use ilk_engine::sandbox::failed;
    use ilk_formats::{
        Memory, NeighbourRow, OutputFormat, ReadOptions, Table, read_id_list, read_neighbours,
        write_rows,
    };
    use ilk_plugin_host::{Plugin, Request};
    use serde::Deserialize;

    use crate::{
        error::{Error, Kind},
        stdout,
        text::{bytes_text, counted},
    };

    /// Prints what a plugin exports, imports and may take.
    pub(super) fn inspect(path: &Path, plugin: &Plugin) -> Result<(), Error> {
        let bytes = fs::metadata(path).map_err(|error| Error::file("read", path, &error))?.len();
        let limits = plugin.host().limits();
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{name:<10}{value}");
        };
        line("file", &format!("{}, {}", path.display(), bytes_text(bytes)));
        for interface in plugin.interfaces() {
            line("exports", &interface.to_string());
        }
        line("imports", "nothing");
        line("memory", &format!("at most {} per instance", bytes_text(limits.memory_bytes as u64)));
        line("stack", &format!("at most {}", bytes_text(limits.stack_bytes as u64)));
        line("deadline", "none: `ilk run` stops it on Ctrl-C");
        stdout::print_text(&text)
    }

    /// A case as it stands in its folder.
    #[derive(Deserialize)]
    struct JobFile {
        datasource: BTreeMap<String, Source>,
        job: serde_json::Map<String, serde_json::Value>,
    }

    #[derive(Deserialize)]
    struct Source {
        input: String,
        user: String,
        item: String,
        weight: Option<String>,
        time: Option<String>,
        item_label: Option<String>,
        #[serde(default, rename = "where")]
        conditions: Vec<String>,
    }

    /// Runs the conformance cases in a plugin, by tables and by tiles, as far as it has them.
    pub(super) fn check(path: &Path, plugin: &Plugin, cases: &Path) -> Result<(), Error> {
        let has = |name: &str| plugin.interfaces().iter().any(|one| one.name.ends_with(name));
        let mut wrong = Vec::new();
        let folders = folders(cases)?;
        for folder in &folders {
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let expected = fs::read(folder.join("expected.csv"));
            let expected = expected
                .map_err(|error| Error::file("read", &folder.join("expected.csv"), &error))?;
            if has("/tables") {
                let found = by_tables(plugin, folder)?;
                if found != rows("expected.csv", expected.clone())? {
                    wrong.push(format!("{name}: different neighbours by tables"));
                }
            }
            if has("/tiles") {
                match by_tiles(path, folder)? {
                    Ok(found) if found == expected => {}
                    Ok(_) => wrong.push(format!("{name}: different neighbours by tiles")),
                    Err(why) => wrong.push(format!("{name}: {why}")),
                }
            }
        }
        let checked = ["tables", "tiles"].into_iter().filter(|name| has(&format!("/{name}")));
        let checked = checked.collect::<Vec<_>>().join(" and by ");
        let cases = counted(folders.len() as u64, "case");
        if wrong.is_empty() {
            return stdout::print_text(&format!("{cases} by {checked}: all as expected\n"));
        }
        stdout::print_text(&(wrong.join("\n") + "\n"))?;
        let count = counted(wrong.len() as u64, "difference");
        Err(Error::new(Kind::Refused, format!("{count} in {cases} by {checked}")))
    }

    fn folders(cases: &Path) -> Result<Vec<PathBuf>, Error> {
        let unreadable = |error: std::io::Error| {
            Error::file("read", cases, &error)
                .with_help("name the folder `conformance` of the project with --cases")
        };
        let mut folders = Vec::new();
        for entry in fs::read_dir(cases).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.join("job.toml").exists() {
                folders.push(path);
            }
        }
        folders.sort();
        if folders.is_empty() {
            return Err(Error::input(format!("{} has no cases", cases.display()))
                .with_help("name the folder `conformance` of the project with --cases"));
        }
        Ok(folders)
    }

    /// Reads a table of neighbours.
    fn rows(name: &str, bytes: Vec<u8>) -> Result<Vec<NeighbourRow>, Error> {
        let mut rows = Vec::new();
        read_neighbours(Arc::new(Memory::new(name, bytes)), None, &mut |row| {
            rows.push(row);
            Ok::<_, Error>(())
        })?;
        Ok(rows)
    }

    /// Runs a case through sessions.
    fn by_tables(plugin: &Plugin, folder: &Path) -> Result<Vec<NeighbourRow>, Error> {
        let read = |name: &str| {
            let path = folder.join(name);
            fs::read(&path).map_err(|error| Error::file("read", &path, &error))
        };
        let file = String::from_utf8_lossy(&read("job.toml")?).into_owned();
        let JobFile { datasource, mut job } = toml::from_str(&file)
            .map_err(|error| Error::input(format!("{}: {}", folder.display(), error.message())))?;
        let Some(source) = datasource.into_values().next() else {
            return Err(Error::input(format!("{} names no data", folder.display())));
        };
        let mut list = |name: &str| -> Result<Option<Vec<String>>, Error> {
            let Some(file) = job.remove(name) else { return Ok(None) };
            let file = file.as_str().unwrap_or_default().to_owned();
            let bytes = read(&file)?;
            let list = read_id_list(Arc::new(Memory::new(file, bytes)), &source.item)?;
            Ok(Some(list.iter().map(str::to_owned).collect()))
        };
        let (only, exclude, wanted) = (list("only")?, list("exclude")?, list("for")?);
        let bytes = stream(&source, read(&source.input)?)?;
        let request = Request {
            user: source.user,
            item: source.item,
            weight: source.weight,
            time: source.time,
            item_label: source.item_label,
            // Times are in the stream as such.
            time_unit: None,
            time_format: None,
            // Rows that miss one are not in the stream.
            conditions: Vec::new(),
            job: serde_json::Value::Object(job).to_string(),
            only,
            exclude,
            wanted,
        };
        let found = || -> Result<Vec<u8>, ilk_plugin_host::Error> {
            let mut session = plugin.session(&request)?;
            for piece in bytes.chunks(1 << 20) {
                session.add_bytes(piece)?;
            }
            while !session.step()?.finished {}
            let mut found = Vec::new();
            while let Some(piece) = session.next_bytes()? {
                found.extend(piece);
            }
            Ok(found)
        };
        rows("found.arrows", found().map_err(|error| failed(&error))?)
    }

    /// Turns the file of a case into an Arrow stream.
    fn stream(source: &Source, bytes: Vec<u8>) -> Result<Vec<u8>, Error> {
        let conditions = source.conditions.iter().map(|text| text.parse());
        let conditions = conditions.collect::<Result<_, ilk_formats::ConditionError>>();
        let options = ReadOptions {
            user: source.user.clone(),
            item: source.item.clone(),
            weight: source.weight.clone(),
            time: source.time.clone(),
            item_label: source.item_label.clone(),
            conditions: conditions.map_err(|error| Error::input(error.to_string()))?,
            ..ReadOptions::default()
        };
        let memory = Arc::new(Memory::new(source.input.clone(), bytes));
        let table = Table::open(memory, 0, &options)?;
        let (mut chunks, mut kinds) = (Vec::new(), [Kinds::default(); 2]);
        for part in 0..table.parts().len() {
            table.read(part, &mut |rows| {
                kinds[0].see(&rows.user, 0);
                kinds[1].see(&rows.item, 0);
                chunks.push(Sample::ALL.of_rows(rows.readable(), Of::Items));
                Ok::<_, Error>(())
            })?;
        }
        let [user, item] = [kinds[0].decide("user"), kinds[1].decide("item")]
            .map(|kind| kind.map_err(|error| Error::input(error.to_string())));
        let mut file = Vec::new();
        write_rows(OutputFormat::Arrow, &mut file, &options, [user?, item?], &chunks)?;
        // A file is a stream between a mark of 8 bytes and a footer, its length and a mark of 6.
        let tail = file.len() - 10;
        let footer =
            u32::from_le_bytes([file[tail], file[tail + 1], file[tail + 2], file[tail + 3]]);
        Ok(file[8..tail - footer as usize].to_vec())
    }

    /// Runs a case as `ilk run` does; what goes wrong is said in words.
    fn by_tiles(path: &Path, folder: &Path) -> Result<Result<Vec<u8>, String>, Error> {
        let home = tempfile::tempdir().map_err(|error| Error::internal(error.to_string()))?;
        let out = home.path().join("found.csv");
        let program =
            std::env::current_exe().map_err(|error| Error::internal(error.to_string()))?;
        let mut run = Command::new(program);
        // Only what stands in the case counts.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("ILK_") {
                run.env_remove(name);
            }
        }
        let output = run
            .args(["run", "--quiet", "--threads", "2", "--job"])
            .arg(folder.join("job.toml"))
            .arg("--engine")
            .arg(format!("plugin:{}", path.display()))
            .arg("--out")
            .arg(&out)
            .env("ILK_USAGE_FILE", "off")
            .output()
            .map_err(|error| Error::internal(error.to_string()))?;
        if !output.status.success() {
            return Ok(Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        fs::read(&out).map(Ok).map_err(|error| Error::file("read", &out, &error))
    }
}
