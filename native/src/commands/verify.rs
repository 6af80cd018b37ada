//! `ilk verify`: whether files are as they were written.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use ilk_engine::rundir::{self, Finding, MANIFEST, Verified};
use ilk_formats::{Soundness, check_result, printable};
use serde_json::{Value, json};

use crate::{
    cli::{TextOrJson, VerifyArgs},
    dated,
    error::Error,
    inputs::FileSource,
    output::{ITEMS, NEIGHBOURS, TARGETS},
    stdout,
    text::counted,
};

/// Checks the files of a run directory or a result, and prints what is wrong with them.
///
/// # Errors
/// For a place that holds neither, files that cannot be read, and, once it is printed, damage.
pub(crate) fn verify(args: &VerifyArgs) -> Result<(), Error> {
    let place = &args.place;
    let found = if place.join(MANIFEST).symlink_metadata().is_ok() {
        rundir::verify(place)?
    } else {
        files_of(place)?.into_iter().map(look_through).collect::<Result<Vec<_>, Error>>()?
    };
    stdout::print_text(&match args.format {
        TextOrJson::Text => text(&found),
        TextOrJson::Json => format!("{:#}\n", report(&found)),
    })?;
    let damaged = of(&found, is_damaged).count() as u64;
    if damaged == 0 {
        return Ok(());
    }
    let files = counted(found.len() as u64, "file");
    let name = place.display();
    Err(Error::input(format!("{name}: {damaged} of {files} damaged")).with_help(
        if place.join(MANIFEST).is_file() {
            "the same `ilk run` rebuilds what is damaged; --restart starts over"
        } else {
            "copy it again, or write it again with `ilk run`"
        },
    ))
}

/// Finds the files of a result.
fn files_of(place: &Path) -> Result<Vec<PathBuf>, Error> {
    if !place.is_dir() {
        return Ok(vec![place.to_owned()]);
    }
    let place = &dated::newest(place);
    let files = [NEIGHBOURS, ITEMS, TARGETS].map(|name| place.join(name));
    let files = files.into_iter().filter(|path| path.exists()).collect::<Vec<_>>();
    if files.is_empty() {
        let name = place.display();
        return Err(Error::input(format!("{name} is neither a run directory nor a result"))
            .with_help("name what `ilk run` wrote: a file, folder or run directory"));
    }
    Ok(files)
}

/// Looks through a file that is in no run directory.
fn look_through(path: PathBuf) -> Result<Verified, Error> {
    let source = FileSource::open(&path)?;
    let finding = match check_result(Arc::new(source)) {
        Ok(Soundness::Checksums) => Finding::Sound,
        Ok(Soundness::Readable) => Finding::Unchecked,
        Err(ilk_formats::Error::Damaged { place, why, .. }) => {
            Finding::Damaged { why: format!("{place}: {why}") }
        }
        Err(error @ ilk_formats::Error::NotAsNamed { .. }) => {
            Finding::Damaged { why: error.to_string() }
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Verified { path, finding })
}

fn is_damaged(finding: &Finding) -> bool {
    matches!(finding, Finding::Damaged { .. })
}

fn of(found: &[Verified], is: impl Fn(&Finding) -> bool) -> impl Iterator<Item = &Verified> {
    found.iter().filter(move |file| is(&file.finding))
}

/// A line for each file that is not as it was written, and one on all.
fn text(found: &[Verified]) -> String {
    let mut text = String::new();
    for Verified { path, finding } in found {
        let name = path.display().to_string();
        let name = printable(&name);
        let _ = match finding {
            Finding::Sound => Ok(()),
            Finding::Unchecked => {
                writeln!(text, "unchecked  {name}: readable, but has no checksums")
            }
            Finding::Absent => writeln!(text, "absent     {name}: moved or removed since the run"),
            Finding::Damaged { why } => writeln!(text, "damaged    {name}: {}", printable(why)),
        };
    }
    let sound = of(found, |finding| *finding == Finding::Sound).count() as u64;
    let all = counted(found.len() as u64, "file");
    let _ = writeln!(text, "sound      {sound} of {all}");
    text
}

fn report(found: &[Verified]) -> Value {
    let names = |is: &dyn Fn(&Finding) -> bool| {
        of(found, is).map(|file| file.path.display().to_string()).collect::<Vec<_>>()
    };
    let damaged = found.iter().filter_map(|Verified { path, finding }| match finding {
        Finding::Damaged { why } => Some(json!({"file": path.display().to_string(), "why": why})),
        _ => None,
    });
    let damaged = damaged.collect::<Vec<_>>();
    json!({
        "files": found.len(),
        "sound": names(&|finding| *finding == Finding::Sound).len(),
        "damaged": damaged,
        "unchecked": names(&|finding| *finding == Finding::Unchecked),
        "absent": names(&|finding| *finding == Finding::Absent),
    })
}
