//! What a job writes must not replace what it reads, and the next run must not read it.

use std::path::{Path, PathBuf};

use crate::{
    error::Error,
    files::Files,
    inputs::{self, is_hidden, is_readable},
    labels::LabelTable,
    request::{Request, is_stdout},
    source::DataSource,
};

/// Refuses outputs, and a run directory, that are or hold something that the job reads: it would be
/// replaced afterwards. Refuses those that lie in a folder that is read: the next run would read them.
///
/// # Errors
/// If it is so, and where two outputs are one file.
pub(crate) fn check_outputs(
    request: &Request,
    run_dir: Option<&Path>,
    files: &Files,
    labels: Option<&LabelTable>,
) -> Result<(), Error> {
    let labels = labels.into_iter().flat_map(|labels| labels.files().paths());
    let reads = Reads {
        inputs: files.paths().chain(labels).map(Path::to_owned).collect(),
        others: request.lists.paths().chain(&request.besides.reads).cloned().collect(),
        folders: folders_of(&request.source),
    };
    let out = request.publication.out.iter().filter(|out| !is_stdout(out));
    let outputs = out.chain(&request.besides.writes);
    let outputs = outputs.map(|path| Place { path, what: "output" }).collect::<Vec<_>>();
    let run_dir = run_dir.map(|path| Place { path, what: "run directory" });
    for place in outputs.iter().chain(&run_dir) {
        reads.check(place)?;
    }
    for (number, Place { path, .. }) in outputs.iter().enumerate() {
        if let Some(other) = outputs[..number].iter().find(|other| is_same(other.path, path)) {
            let other = other.path.display();
            return Err(Error::input(format!("two outputs are the same file: {other}"))
                .with_help("give each its own path"));
        }
    }
    Ok(())
}

/// Does the same for one output of a command that is no run; `others`: what else it reads.
///
/// # Errors
/// If it is so, and if the files of `--labels` cannot be found.
pub fn check_output(
    path: &Path,
    source: &DataSource,
    files: &Files,
    others: Vec<PathBuf>,
) -> Result<(), Error> {
    let labels = match &source.labels[..] {
        [] => Vec::new(),
        labels => inputs::resolve(labels, source.table_formats())?.files,
    };
    let labels = labels.into_iter().map(|file| file.path);
    let inputs = files.paths().map(Path::to_owned).chain(labels).collect();
    let reads = Reads { inputs, others, folders: folders_of(source) };
    reads.check(&Place { path, what: "output" })
}

/// A place that is written.
struct Place<'a> {
    path: &'a Path,
    what: &'static str,
}

/// Everything that is read.
struct Reads {
    /// Files of the inputs, the target and the labels.
    inputs: Vec<PathBuf>,
    /// Lists, and the files of the caller.
    others: Vec<PathBuf>,
    /// Folders that are searched for files.
    folders: Vec<PathBuf>,
}

impl Reads {
    fn check(&self, Place { path, what }: &Place<'_>) -> Result<(), Error> {
        let name = path.display();
        if let Some(place) = path.canonicalize().ok().as_ref() {
            let is_there =
                |path: &&PathBuf| path.canonicalize().is_ok_and(|path| path.starts_with(place));
            if let Some(input) = self.inputs.iter().find(is_there) {
                let holds = if place.is_dir() {
                    format!("holds the input {}", input.display())
                } else {
                    "is also an input".into()
                };
                return Err(Error::input(format!("{what} {name} {holds}"))
                    .with_help("write elsewhere, or leave it out of the inputs"));
            }
        }
        if self.others.iter().any(|other| is_same(path, other)) {
            return Err(Error::input(format!("{what} {name} is read by the job"))
                .with_help("write to another place"));
        }
        let Some(folder) = self.folders.iter().find(|folder| would_be_read(path, folder)) else {
            return Ok(());
        };
        let own = path.file_name().unwrap_or_default().to_string_lossy();
        Err(Error::input(format!(
            "{what} {name} is in the input folder {}; the next run would read it",
            folder.display()
        ))
        .with_help(format!(
            "write elsewhere, or under a name that is not read, such as {}",
            folder.join(format!("_{own}")).display()
        )))
    }
}

/// Finds the folders among the inputs, the target and the labels.
fn folders_of(source: &DataSource) -> Vec<PathBuf> {
    let all = source.input.iter().chain(&source.target.input).chain(&source.labels);
    all.map(PathBuf::from).filter(|path| path.is_dir()).collect()
}

/// Returns true if what is written to `place` would be found in `folder`.
fn would_be_read(place: &Path, folder: &Path) -> bool {
    let (Some(place), Some(folder)) = (real(place), real(folder)) else { return false };
    let Ok(below) = place.strip_prefix(&folder) else { return false };
    let is_file = place.extension().is_some() && !place.is_dir();
    let is_passed_over = below.iter().any(|name| is_hidden(Path::new(name)));
    below.iter().next().is_some() && !is_passed_over && (!is_file || is_readable(&place))
}

/// Returns true if two paths are one place, whether or not there is something.
fn is_same(one: &Path, other: &Path) -> bool {
    real(one).is_some_and(|one| real(other) == Some(one))
}

/// Returns where a path leads, whether or not there is something: its folder may be a link.
fn real(path: &Path) -> Option<PathBuf> {
    if let Ok(real) = path.canonicalize() {
        return Some(real);
    }
    let absolute = std::path::absolute(path).ok()?;
    let parent = absolute.parent().and_then(|parent| parent.canonicalize().ok());
    Some(match (parent, absolute.file_name()) {
        (Some(parent), Some(name)) => parent.join(name),
        _ => absolute,
    })
}
