//! What one look at the checked thing found.

use kit::Failure;

/// The result of one attempt.
#[derive(Debug)]
pub(crate) enum Finding {
    /// All as expected, and what was seen.
    Good(String),
    /// Not as expected.
    Bad(String),
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
            Self::Good(message) | Self::Bad(message) | Self::Refused(message) | Self::Stale(message) => message,
            Self::Blind(failure) => &failure.message,
        }
    }

    /// Whether another attempt could find something else. What keeps us from looking stays.
    pub(crate) fn may_change(&self) -> bool {
        matches!(self, Self::Bad(_) | Self::Refused(_) | Self::Stale(_))
    }
}
