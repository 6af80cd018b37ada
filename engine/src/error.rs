//! What stops a job: one line about what is wrong, perhaps one about what to do.

use std::{fmt, io, path::Path};

use crate::record::StageName;

/// What kind of trouble an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Input, output or settings that cannot be used.
    Input,
    /// A guard refused: too many bad rows, too much work, a budget that would be exceeded.
    Refused,
    /// The result is not like what it was to be like, and takes nobody's place.
    Withheld,
    /// The engine itself is wrong.
    Internal,
    /// Nobody reads standard output any more, which is not trouble.
    ClosedPipe,
}

/// What a run may take of a disk is taken; the limit in words.
#[derive(Debug)]
pub(crate) struct OverDisk(pub(crate) String);

impl fmt::Display for OverDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the run needs more than {} of disk space (max_disk)", self.0)
    }
}

impl std::error::Error for OverDisk {}

impl OverDisk {
    /// Makes an error of what a place that is written to reported, if it is this.
    pub(crate) fn of(error: &io::Error) -> Option<Error> {
        let over = error.get_ref()?.downcast_ref::<Self>()?;
        Some(Error::refused(over.to_string()).with_help(
            "raise --max-disk, or raise --memory to reduce working files; with --run-dir, the same \
             command resumes the run",
        ))
    }
}

/// Why a job did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    message: String,
    help: Option<String>,
    /// The stage whose result is damaged or gone.
    damage: Option<StageName>,
    /// The column that a file lacks.
    column: Option<String>,
}

impl Error {
    /// Makes an error of `kind`; `message` is one line, in lower case, without a full stop.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), help: None, damage: None, column: None }
    }

    /// Makes an error of [`Kind::Input`].
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(Kind::Input, message)
    }

    /// Makes an error of [`Kind::Refused`].
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message)
    }

    /// Makes an error of [`Kind::Withheld`].
    pub fn withheld(message: impl Into<String>) -> Self {
        Self::new(Kind::Withheld, message)
    }

    /// Makes an error of [`Kind::Internal`].
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, message)
    }

    /// Makes an error of a file that cannot be used, with the system's reason and what helps where
    /// that is known; `what`: `read`, `write`, …
    pub fn file(what: &str, path: &Path, error: &io::Error) -> Self {
        if let Some(over) = OverDisk::of(error) {
            return over;
        }
        let reads = what.starts_with("read") || what.starts_with("find");
        let help = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Some("free some space, or use another disk")
            }
            io::ErrorKind::FileTooLarge => {
                Some("raise the limit on the size of files (ulimit -f), or write less")
            }
            io::ErrorKind::PermissionDenied if reads => Some("check the read permission"),
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem if !reads => {
                Some("check the write permission, or write elsewhere")
            }
            _ => None,
        };
        Self::input(format!("cannot {what} {}: {}", path.display(), reason(error)))
            .with_help_if(help.map(Into::into))
    }

    /// Makes an error of standard output: of [`Kind::ClosedPipe`] where its reader has gone away.
    pub fn stdout(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Kind::ClosedPipe, "standard output is closed"),
            _ => Self::input(format!("cannot write to standard output: {}", reason(error))),
        }
    }

    /// Makes an error of a table that could not be written to `target`.
    pub fn writing(target: &Path, error: ilk_formats::Error) -> Self {
        match error {
            ilk_formats::Error::Write { source } => Self::file("write", target, &source),
            error => error.into(),
        }
    }

    /// The error of a stage whose result is damaged or missing; the stage can be run again.
    pub(crate) fn damaged(stage: StageName, what: impl Into<String>) -> Self {
        Self { damage: Some(stage), ..Self::input(what) }
    }

    /// Returns the stage whose result is damaged or gone, if that is what is wrong.
    pub(crate) const fn damage(&self) -> Option<StageName> {
        self.damage
    }

    /// Adds what to do next.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds what to do next, where there is something to say.
    #[must_use]
    pub fn with_help_if(self, help: Option<String>) -> Self {
        match help {
            Some(help) => self.with_help(help),
            None => self,
        }
    }

    /// Returns the kind.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the column that a file lacks, if that is what is wrong.
    pub fn missing_column(&self) -> Option<&str> {
        self.column.as_deref()
    }

    /// Returns what is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns what to do next, where there is something to say. Flags are those of the program
    /// `ilk`.
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, " ({help})"))
    }
}

impl std::error::Error for Error {}

impl From<ilk_formats::Error> for Error {
    fn from(error: ilk_formats::Error) -> Self {
        let column = match &error {
            ilk_formats::Error::MissingColumn { column, .. } => Some(column.clone()),
            _ => None,
        };
        Self { column, ..Self::input(error.to_string()) }
    }
}

/// Returns what the system says, without the number that std adds.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_is_wrong_and_what_to_do() {
        let error = Error::input("no file matches `x/*.csv`").with_help("quote the pattern");
        assert_eq!(error.to_string(), "no file matches `x/*.csv` (quote the pattern)");
        assert_eq!((error.kind(), error.help()), (Kind::Input, Some("quote the pattern")));
    }

    #[test]
    fn the_systems_reason_comes_without_its_number() {
        let error = io::Error::from_raw_os_error(2);
        assert!(!reason(&error).contains("os error"), "{}", reason(&error));
    }
}
