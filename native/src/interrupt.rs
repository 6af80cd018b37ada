//! How the program is interrupted: by a signal, by the end of its standard input, or by its budget.

use std::{
    env,
    io::{self, IsTerminal as _, Write as _},
    process,
    sync::{
        Mutex, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use ilk_engine::{pool::NO_THREADS, publish::abandon};

use crate::{
    error::{Error, Kind, reason},
    usage,
};

/// Makes Ctrl-C, SIGTERM and SIGHUP remove working files and end the program with 130.
///
/// # Errors
/// If the system does not take the handler.
pub(crate) fn install_signal_handler() -> Result<(), Error> {
    ctrlc::set_handler(interrupt).map_err(|error| {
        Error::input(format!("cannot handle signals: {error}")).with_help(NO_THREADS)
    })
}

/// Set, it makes [`end_with_stdin_if_asked`] do so.
pub(crate) const END_WITH_STDIN: &str = "ILK_END_WITH_STDIN";

/// Where [`END_WITH_STDIN`] asks, ends the program as a signal does once standard input ends:
/// whoever started it may end it so on any system, and cannot go away without that.
pub(crate) fn end_with_stdin_if_asked() {
    if env::var_os(END_WITH_STDIN).is_none() {
        return;
    }
    thread::spawn(|| {
        // Whatever comes is passed over; an input that cannot be read has ended.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        interrupt();
    });
}

/// Ends the program with an error after a time, unless it is dropped before.
#[derive(Debug)]
pub(crate) struct Deadline {
    /// Dropped to tell the thread that the work is done.
    over: Option<mpsc::Sender<()>>,
    waiter: Option<JoinHandle<()>>,
}

impl Deadline {
    /// Begins to wait for `span`.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(crate) fn start(span: Duration, error: Error) -> Result<Self, Error> {
        let (over, work) = mpsc::channel();
        let waiter = thread::Builder::new().name("deadline".into()).spawn(move || {
            if work.recv_timeout(span) == Err(RecvTimeoutError::Timeout) {
                stop(&error);
            }
        });
        let waiter = waiter.map_err(|error| {
            Error::input(format!("cannot start a thread: {}", reason(&error))).with_help(NO_THREADS)
        })?;
        Ok(Self { over: Some(over), waiter: Some(waiter) })
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        drop(self.over.take());
        if let Some(waiter) = self.waiter.take() {
            // If its time has come it ends the program.
            let _ = waiter.join();
        }
    }
}

/// Removes working files and ends the program with an error.
fn stop(error: &Error) {
    // Kept until the end: no new working file comes into being meanwhile.
    let _abandoned = abandon();
    // So is this: nothing is told after the error by threads that still work.
    let _silence = io::stderr().lock();
    begin_line();
    let _ = error.report_as_asked();
    usage::end(Some(error));
    process::exit(error.kind().exit_code().into());
}

/// Begins a line, whatever bar stands there.
fn begin_line() {
    if io::stderr().is_terminal() {
        let _ = io::stderr().write_all(b"\n");
    }
}

/// Removes working files and ends the program with 130.
fn interrupt() {
    // Kept until the end: no new working file comes into being meanwhile.
    let _abandoned = abandon();
    let _silence = io::stderr().lock();
    usage::interrupt();
    // The next prompt begins there.
    begin_line();
    if let Some(line) = &*FAREWELL.lock().unwrap_or_else(PoisonError::into_inner) {
        let _ = writeln!(io::stderr(), "{line}");
    }
    process::exit(i32::from(Kind::Interrupted.exit_code()));
}

/// What is said after an interruption, where there is somebody to say it to.
static FAREWELL: Mutex<Option<String>> = Mutex::new(None);

/// Prints nothing after an interruption from now on: interrupting is how the command ends.
#[cfg(feature = "explore")]
pub(crate) fn forget_farewell() {
    *FAREWELL.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

/// Sets the line that is said to stderr after an interruption from now on.
pub(crate) fn set_farewell(line: impl Into<String>) {
    *FAREWELL.lock().unwrap_or_else(PoisonError::into_inner) = Some(line.into());
}
