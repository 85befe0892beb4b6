//! What one look at the checked thing found.

use std::fmt::Display;
use std::io;

use kit::{Exit, Failure};
use rustix::io::Errno;

/// Causes that lie on our side: too many open files, no memory, not allowed to open it at all.
const OURS: [Errno; 6] = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS, Errno::ACCESS, Errno::PERM];

/// A failure to look at something: ours, or what the thing does.
pub(crate) fn unseen(doing: impl Display, error: &io::Error) -> Finding {
    let message = Failure::io(doing, error).message;
    if is_ours(error) { Finding::Blind(Failure::new(Exit::IO, message)) } else { Finding::Bad(message) }
}

/// Whether it is our own side that kept us from looking.
pub(crate) fn is_ours(error: &io::Error) -> bool {
    Errno::from_io_error(error).is_some_and(|errno| OURS.contains(&errno))
}

/// The result of one attempt.
#[derive(Debug)]
pub(crate) enum Finding {
    /// All as expected, and what was seen.
    Good(String),
    /// Not as expected.
    Bad(String),
    /// Not as expected, and it will not be: what happened has happened.
    Lasting(String),
    /// Nobody listens: an app that is starting does that too.
    Refused(String),
    /// Another commit than the expected one answers.
    Stale(String),
    /// We could not look.
    Blind(Failure),
}

impl Finding {
    /// What was found, for a person.
    pub(crate) fn message(&self) -> &str {
        match self {
            Self::Good(message)
            | Self::Bad(message)
            | Self::Lasting(message)
            | Self::Refused(message)
            | Self::Stale(message) => message,
            Self::Blind(failure) => &failure.message,
        }
    }

    /// Whether another attempt could find something else. What keeps us from looking stays.
    pub(crate) fn may_change(&self) -> bool {
        matches!(self, Self::Bad(_) | Self::Refused(_) | Self::Stale(_))
    }
}
