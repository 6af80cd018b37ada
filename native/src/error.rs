//! What stops the program, how it is told, and the exit code it ends with.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    fmt,
    io::{self, Write as _},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    process::ExitCode,
    sync::{Mutex, PoisonError},
};

pub(crate) use ilk_engine::reason;
use ilk_engine::{
    Abandoned,
    limits::{self, tell},
    pool,
};
use ilk_formats::printable;
use serde_json::json;

use crate::{
    log::{LogFormat, stamped},
    text::{hung, width_of_notes},
};

/// The kinds of trouble, each with its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Wrong usage, or input or output that cannot be used: 2.
    Input,
    /// A guard refused (bad rows, strict, budget): 1.
    Refused,
    /// The program itself is wrong: 3.
    Internal,
    /// It took as long as it may: 1.
    Stopped,
    /// The result is not like what it was to be like, and does not replace the one before: 4.
    Withheld,
    /// Ctrl-C or SIGTERM: 130.
    Interrupted,
    /// The reader of our output went away, which is not trouble: 0.
    ClosedPipe,
}

impl Kind {
    /// Returns the exit code.
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::ClosedPipe => 0,
            Self::Refused | Self::Stopped => 1,
            Self::Input => 2,
            Self::Internal => 3,
            Self::Withheld => 4,
            Self::Interrupted => 130,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::ClosedPipe => "closed_pipe",
            Self::Refused => "refused",
            Self::Stopped => "stopped",
            Self::Input => "input",
            Self::Internal => "internal",
            Self::Withheld => "withheld",
            Self::Interrupted => "interrupted",
        }
    }
}

/// One line about what is wrong, perhaps one about what to do, and the exit code.
#[derive(Debug)]
pub(crate) struct Error {
    kind: Kind,
    message: String,
    help: Option<String>,
    backtrace: Option<String>,
    /// The column that a file lacks.
    column: Option<String>,
}

impl Error {
    /// Makes an error of `kind`; `message` is one line, in lower case, without a full stop.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), help: None, backtrace: None, column: None }
    }

    /// Usage or input: exit code 2.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(Kind::Input, message)
    }

    /// A fault of the program: exit code 3.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, message)
    }

    /// A file that cannot be used, with the system's reason and what helps where that is known.
    pub(crate) fn file(what: &str, path: &Path, error: &io::Error) -> Self {
        ilk_engine::Error::file(what, path, error).into()
    }

    /// Adds what to do next.
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds what to do next, where there is something to say.
    pub(crate) fn with_help_if(self, help: Option<String>) -> Self {
        match help {
            Some(help) => self.with_help(help),
            None => self,
        }
    }

    /// Adds where that comes from.
    pub(crate) fn with_origin(self, origin: &str) -> Self {
        Self { message: format!("{} ({origin})", self.message), ..self }
    }

    /// Returns the column that a file lacks, if that is what is wrong.
    pub(crate) fn missing_column(&self) -> Option<&str> {
        self.column.as_deref()
    }

    /// Returns what is wrong.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Returns what to do next, where there is something to say.
    pub(crate) fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// Returns the kind.
    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// Prints the error to stderr and returns the exit code.
    pub(crate) fn report(&self, format: LogFormat) -> ExitCode {
        let code = self.kind.exit_code();
        if self.kind != Kind::ClosedPipe {
            // Nobody is left to tell if stderr is closed too.
            let _ = match format {
                LogFormat::Text => write!(io::stderr().lock(), "{}", self.lines(width_of_notes())),
                LogFormat::Json => writeln!(io::stderr().lock(), "{}", stamped(self.to_json())),
            };
        }
        ExitCode::from(code)
    }

    /// Does the same in the format that [`respect_limits`] was told, for errors that come from no
    /// command.
    pub(crate) fn report_as_asked(&self) -> ExitCode {
        let format = *LOG_FORMAT.lock().unwrap_or_else(PoisonError::into_inner);
        self.report(format)
    }

    /// Writes the lines people read, `error: …` and `help: …` where there is one, no wider than
    /// `width`.
    fn lines(&self, width: usize) -> String {
        let label = match self.kind {
            Kind::Internal => console::style("internal error:"),
            _ => console::style("error:").for_stderr().red().bold(),
        };
        let end = if self.kind == Kind::Internal { "; please report" } else { "" };
        let message = format!("{}{end}", printable(&self.message));
        let mut lines = hung(&label.to_string(), &message, width);
        if let Some(help) = &self.help {
            let label = console::style("help:").for_stderr().bold().to_string();
            lines.push('\n');
            lines.push_str(&hung(&label, &printable(help), width));
        }
        if let Some(backtrace) = &self.backtrace {
            lines.push('\n');
            lines.push_str(backtrace);
        }
        lines.push('\n');
        lines
    }

    fn to_json(&self) -> serde_json::Value {
        let mut record = json!({
            "event": "error",
            "kind": self.kind.name(),
            "message": self.message,
            "exit_code": self.kind.exit_code(),
        });
        if let Some(help) = &self.help {
            record["help"] = json!(help);
        }
        record
    }
}

/// The lines people read, each whole.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines(usize::MAX))
    }
}

impl From<ilk_engine::Error> for Error {
    fn from(error: ilk_engine::Error) -> Self {
        let kind = match error.kind() {
            ilk_engine::Kind::Input => Kind::Input,
            ilk_engine::Kind::Refused => Kind::Refused,
            ilk_engine::Kind::Withheld => Kind::Withheld,
            ilk_engine::Kind::ClosedPipe => Kind::ClosedPipe,
            _ => Kind::Internal,
        };
        let column = error.missing_column().map(Into::into);
        let told = Self::new(kind, error.message()).with_help_if(error.help().map(Into::into));
        Self { column, ..told }
    }
}

impl From<ilk_formats::Error> for Error {
    fn from(error: ilk_formats::Error) -> Self {
        ilk_engine::Error::from(error).into()
    }
}

/// What the last panic said: (one line, its backtrace where one was asked for).
static LAST_PANIC: Mutex<Option<(String, Option<String>)>> = Mutex::new(None);

/// Makes panics silent where they happen: decoders of foreign bytes may panic and be caught.
/// One that nobody catches is told by [`guard_panics`].
pub(crate) fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("no message").replace('\n', " ");
        let place = panic.location().map(|at| format!(" ({}:{})", at.file(), at.line()));
        let backtrace = Backtrace::capture();
        let asked_for = backtrace.status() == BacktraceStatus::Captured;
        *LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner) = Some((
            format!("{message}{}", place.unwrap_or_default()),
            asked_for.then(|| backtrace.to_string()),
        ));
    }));
}

/// Ends the program where memory has run out; what it had begun to write is gone by then.
pub(crate) fn end_without_memory(
    bytes: usize,
    abandoned: Option<Abandoned>,
) -> std::convert::Infallible {
    // Kept until the end: no new working file comes into being meanwhile.
    let _abandoned = abandoned;
    let error = Error::input(format!(
        "out of memory: the system refused {} more",
        ilk_engine::Bytes(bytes as u64)
    ))
    .with_help("allow less with --memory or --threads, or raise the limit (ulimit -v)");
    let format = *LOG_FORMAT.lock().unwrap_or_else(PoisonError::into_inner);
    tell(&match format {
        LogFormat::Text => error.lines(width_of_notes()),
        LogFormat::Json => format!("{}\n", stamped(error.to_json())),
    });
    std::process::exit(error.kind.exit_code().into())
}

/// How errors are told that come from no command.
static LOG_FORMAT: Mutex<LogFormat> = Mutex::new(LogFormat::Text);

/// Ends the program in order where the system gives no more memory, and gives errors where it ends
/// processes that write large files.
pub(crate) fn respect_limits(format: LogFormat) {
    *LOG_FORMAT.lock().unwrap_or_else(PoisonError::into_inner) = format;
    limits::fail_writes();
    limits::end_with(end_without_memory);
}

/// Finds out whether a panic is the system's doing: the standard library has no errors for it.
fn of_system(message: &str) -> Option<Error> {
    let reason = |message: &str| {
        let text = message.split("message: \"").nth(1).and_then(|text| text.split('"').next());
        text.unwrap_or("no reason given").to_lowercase()
    };
    if message.contains("failed to spawn thread") {
        let error = Error::input(format!("cannot start a thread: {}", reason(message)));
        return Some(error.with_help(pool::NO_THREADS));
    }
    let is_folder = message.contains("during closedir");
    is_folder.then(|| Error::input(format!("cannot close a folder: {}", reason(message))))
}

/// Runs `work`; a panic of it, also on a thread it waits for, becomes one short error, exit
/// code 3. The backtrace is part of it only where `RUST_BACKTRACE` asks.
pub(crate) fn guard_panics<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let last = LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (message, backtrace) = last.unwrap_or_else(|| ("panic".into(), None));
        if let Some(error) = of_system(&message) {
            return Err(error);
        }
        Err(Error { backtrace, ..Error::internal(message) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_of_the_system_are_told_as_its_errors() {
        let thread = "failed to spawn thread: Os { code: 11, kind: WouldBlock, message: \
                      \"Resource temporarily unavailable\" } (library/std/src/thread/mod.rs:1:2)";
        let error = of_system(thread).unwrap();
        assert_eq!(error.message(), "cannot start a thread: resource temporarily unavailable");
        let folder = "unexpected error during closedir: Os { code: 5, kind: Uncategorized, message: \
                      \"Input/output error\" } (library/std/src/sys/fs/unix.rs:1:2)";
        let error = of_system(folder).unwrap();
        assert_eq!(
            (error.message(), error.kind()),
            ("cannot close a folder: input/output error", Kind::Input)
        );
        assert!(of_system("index out of bounds").is_none());
    }

    #[test]
    fn long_errors_keep_to_the_width() {
        let error = Error::input("the folder full.d holds notes.md, which is not an output of ilk")
            .with_help("as in `ilk run orders.csv --user member --item product --out out.csv`");
        assert_eq!(
            console::strip_ansi_codes(&error.lines(60)),
            "error: the folder full.d holds notes.md, which is not an\n       \
             output of ilk\n\
             help: as in\n      \
             `ilk run orders.csv --user member --item product --out out.csv`\n"
        );
    }

    #[test]
    fn errors_read_as_one_line_and_a_help_line() {
        let error = Error::input("no file matches `x/*.csv`").with_help("quote the pattern");
        assert_eq!(
            console::strip_ansi_codes(&error.to_string()),
            "error: no file matches `x/*.csv`\nhelp: quote the pattern\n"
        );
        assert_eq!(
            error.to_json().to_string(),
            r#"{"event":"error","exit_code":2,"help":"quote the pattern","kind":"input","message":"no file matches `x/*.csv`"}"#
        );
    }
}
