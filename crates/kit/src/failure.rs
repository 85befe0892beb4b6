//! The one failure type: an exit code, what was being done and why it failed, and what to do next.

use std::fmt::Display;
use std::io;

use crate::exit::Exit;

/// Why a tool stops. The message is one sentence without a final full stop; the hint says the next step.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The exit code: part of the contract, chosen where the failure happens.
    pub exit: Exit,
    /// `cannot do this: cause`.
    pub message: String,
    /// What the reader can do about it.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure with its code and sentence.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None }
    }

    /// Adds the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// An `io::Error` met while doing something, with the code that the *cause* deserves: a permission is 77, all
    /// else 74.
    #[must_use]
    pub fn io(doing: impl Display, error: &io::Error) -> Self {
        let exit = match error.kind() {
            io::ErrorKind::PermissionDenied => Exit::NOT_PERMITTED,
            _ => Exit::IO,
        };
        Self::new(exit, format!("cannot {doing}: {}", cause(error)))
    }
}

/// Says what was being attempted, at the `?`.
pub trait Attempt<T> {
    /// `cannot {doing}: {cause}` with the code that fits the cause (74, or 77 for a permission).
    fn attempt(self, doing: impl Display) -> Result<T, Failure>;
    /// The same with a code chosen by the caller.
    fn attempt_or(self, exit: Exit, doing: impl Display) -> Result<T, Failure>;
}

impl<T> Attempt<T> for io::Result<T> {
    fn attempt(self, doing: impl Display) -> Result<T, Failure> {
        self.map_err(|error| Failure::io(doing, &error))
    }

    fn attempt_or(self, exit: Exit, doing: impl Display) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(exit, format!("cannot {doing}: {}", cause(&error))))
    }
}

/// The system's words without Rust's ` (os error 2)`, in lower case as the middle of a sentence.
fn cause(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain(letters).collect(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Attempt, Exit};
    use std::io;

    #[test]
    fn a_missing_file_reads_as_a_sentence() {
        let failure = std::fs::read("/nonexistent/file").attempt("read /nonexistent/file").unwrap_err();
        assert_eq!(failure.exit, Exit::IO);
        assert_eq!(failure.message, "cannot read /nonexistent/file: no such file or directory");
    }

    #[test]
    fn a_permission_has_its_own_code() {
        let denied: io::Result<()> = Err(io::Error::from_raw_os_error(13));
        assert_eq!(denied.attempt("read x").unwrap_err().exit, Exit::NOT_PERMITTED);
    }
}
