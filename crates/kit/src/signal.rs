//! SIGINT, SIGTERM and SIGHUP ask a tool to stop. It notices at the next check, ends its children, leaves nothing half
//! done, and exits with 128+n.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::exit::Exit;
use crate::failure::{Attempt, Failure};

/// The last signal received; 0 for none. A signal's disposition belongs to the process, hence the one static.
static RECEIVED: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

/// Takes the three signals over. Called once, by `tool::main`.
pub(crate) fn watch() -> Result<(), Failure> {
    let received = RECEIVED.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        let number = usize::try_from(signal).unwrap_or_default();
        signal_hook::flag::register_usize(signal, Arc::clone(received), number).attempt("watch for signals")?;
    }
    Ok(())
}

/// The signal that asked this tool to stop, if any.
#[must_use]
pub fn received() -> Option<i32> {
    let number = RECEIVED.get()?.load(Ordering::SeqCst);
    i32::try_from(number).ok().filter(|number| *number != 0)
}

/// Forgets the signal. For the one tool that must still undo what it began.
pub fn forget() {
    if let Some(received) = RECEIVED.get() {
        received.store(0, Ordering::SeqCst);
    }
}

/// Fails with 128+n once a signal has asked this tool to stop. Long loops call it at each turn.
pub fn check() -> Result<(), Failure> {
    match received() {
        None => Ok(()),
        Some(signal) => Err(Failure::new(Exit::signal(signal), format!("interrupted by signal {signal}"))),
    }
}

/// Sleeps, but not longer than until a signal asks this tool to stop.
pub fn sleep(length: Duration) -> Result<(), Failure> {
    let began = Instant::now();
    while let Some(rest) = length.checked_sub(began.elapsed()) {
        check()?;
        thread::sleep(rest.min(Duration::from_millis(50)));
    }
    check()
}
