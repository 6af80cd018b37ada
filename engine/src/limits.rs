//! What the system lets a process take, and how a program ends in order where it would take more.
//!
//! A file past the limit of its size gives an error like a full disk, once [`fail_writes`] has been
//! called; by itself the system would end the process. Memory that is not there ends the process, as
//! [`Allocator`] and [`end_with`] have it: working files are removed, and somebody can say why.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::publish::{Abandoned, abandon_in_need};

/// Makes writing past a limit of the size of files an error, where the system would end the process.
pub fn fail_writes() {
    #[cfg(unix)]
    {
        #[expect(unsafe_code, reason = "a setting of the system, which no crate wraps")]
        // SAFETY: a signal that is ignored runs no code; nobody else has set what becomes of it.
        let before = unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
        if before == libc::SIG_ERR {
            tracing::debug!("a file past its limit ends the process");
        }
    }
}

/// Returns the bytes of address space that the process may have, where that is limited (`ulimit -v`).
pub(crate) fn address_space() -> Option<u64> {
    #[cfg(target_os = "linux")]
    {
        rustix::process::getrlimit(rustix::process::Resource::As).current
    }
    #[cfg(not(target_os = "linux"))]
    {
        None
    }
}

/// What a program does where memory has run out: it ends the process. What was left behind is removed
/// by then; the argument is how many bytes were asked for.
pub type End = fn(usize, Option<Abandoned>) -> std::convert::Infallible;

static END: OnceLock<End> = OnceLock::new();

/// What is given back so that ending has something to work with.
static RESERVE: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Bytes of it: as many as the system takes back at once.
const RESERVED: usize = 1 << 20;

/// Ends the program with `end` where [`Allocator`] gets no more memory from here on.
pub fn end_with(end: End) {
    if let Ok(mut reserve) = RESERVE.lock() {
        *reserve = vec![0; RESERVED];
    }
    END.get_or_init(|| end);
}

/// The system's allocator, which does not return where it has nothing to give: see [`end_with`].
#[derive(Clone, Copy, Debug)]
pub struct Allocator;

#[expect(unsafe_code, reason = "an allocator is told to the language so")]
// SAFETY: every call is handed to the system's allocator as it is, and so is what that returns.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        given(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        given(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as the caller promises.
        given(unsafe { System.realloc(place, layout, size) }, size)
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(place, layout) }
    }
}

#[inline]
fn given(place: *mut u8, bytes: usize) -> *mut u8 {
    if place.is_null() {
        run_out(bytes);
    }
    place
}

thread_local! {
    /// This thread is ending the process.
    static IS_ENDING: Cell<bool> = const { Cell::new(false) };
}

/// Ends the process; returns where nobody has said how, or where that itself gets no memory.
#[cold]
fn run_out(bytes: usize) {
    static ANY: AtomicBool = AtomicBool::new(false);
    let Some(end) = END.get() else { return };
    if IS_ENDING.get() {
        return;
    }
    if ANY.swap(true, Ordering::SeqCst) {
        // Another thread is at it.
        loop {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    IS_ENDING.set(true);
    if let Ok(mut reserve) = RESERVE.try_lock() {
        *reserve = Vec::new();
    }
    end(bytes, abandon_in_need());
}

/// Writes to standard error past every lock that a thread may hold for good.
pub fn tell(text: &str) {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd as _;
        // Nobody is left to tell where that fails.
        let _ = rustix::io::write(std::io::stderr().as_fd(), text.as_bytes());
    }
    #[cfg(not(unix))]
    {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
    }
}
