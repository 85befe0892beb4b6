//! A log: what stands in the lines that are new since the deployment, or the rollback, began.

use std::path::Path;
use std::time::{Duration, Instant};

use kit::{Failure, clock};

use crate::cursor::{Cursor, Wrong};
use crate::expectation::{Assertion, Expectations};
use crate::finding::{Finding, unseen};
use crate::keys::Keys;
use crate::kind::Subject;
use crate::new_lines::{self, NewLines, Reading};
use crate::text::{Match, excerpt};
use crate::trial::{Conditions, milliseconds};

/// A check of a log.
#[derive(Debug)]
pub(crate) struct Log {
    path: String,
    /// The app's own, which is there once the app has said anything.
    own: bool,
    expectations: Expectations<LineAssertion>,
}

/// New lines, and until when they may be looked at.
#[derive(Debug)]
pub(crate) struct Lines {
    new: NewLines,
    began: Instant,
    timeout: Duration,
}

/// Takes the keys of a log check.
pub(crate) fn read(keys: &mut Keys<'_>) -> Result<Box<dyn Subject>, Failure> {
    let (path, own) = match keys.text("path")? {
        Some(path) if !path.is_empty() => (path, false),
        _ => {
            let root = keys.settings().require("DEPLOY_ROOT");
            let root = root.map_err(|failure| keys.because("path", "its `path` is the log of the app", failure))?;
            (of_app(&root), true)
        }
    };
    Ok(Box::new(Log { path, own, expectations: keys.expectations()? }))
}

/// The log of what the app prints.
pub(crate) fn of_app(root: &str) -> String {
    format!("{}/logs/app.log", root.trim_end_matches('/'))
}

impl Subject for Log {
    fn spell(&self) -> String {
        self.path.clone()
    }

    fn look(&self, timeout: Duration, conditions: &Conditions) -> Finding {
        let began = Instant::now();
        let path = conditions.dir.join(&self.path);
        let mut marks = conditions.marks.iter().flatten();
        match new_lines::read(&path, marks.find(|mark| mark.log == self.path)) {
            Ok(Reading::Lines(new)) => self.judge(&Lines { new, began, timeout }),
            Ok(Reading::Other) => Finding::bad(format!("{} is not a regular file", path.display())),
            Ok(Reading::Absent) => self.judge_absent(&path),
            Err(error) => unseen(format_args!("read {}", path.display()), &error),
        }
    }

    fn log(&self) -> Option<&str> {
        Some(&self.path)
    }
}

impl Log {
    fn judge(&self, lines: &Lines) -> Finding {
        let mut failures = self.expectations.failures(lines).peekable();
        let Some((_, first)) = failures.peek() else {
            return Finding::good(lines.new.spell());
        };
        let first = Finding::bad(first.clone());
        // What should not have been logged is not taken back. What should be may still come.
        failures.find(|(assertion, _)| !assertion.0.is_wanted()).map_or(first, |(_, instead)| Finding::lasting(instead))
    }

    /// An app that has said nothing has logged no error. But a path with a mistake in it would pass for ever.
    fn judge_absent(&self, path: &Path) -> Finding {
        if self.own && self.expectations.assertions().all(|assertion| !assertion.0.is_wanted()) {
            Finding::good(format!("there is no such file: nothing was logged in {}", path.display()))
        } else {
            Finding::bad(format!("there is no such file {}", path.display()))
        }
    }
}

/// What can be asserted of new lines: that one fits, or that none does.
#[derive(Clone, Debug)]
pub(crate) struct LineAssertion(Match);

impl Assertion for LineAssertion {
    type Seen = Lines;

    const WORDS: &'static str = "lines (a log check)";

    fn read(word: &str, cursor: &mut Cursor<'_>) -> Option<Result<Self, Wrong>> {
        (word == "lines").then(|| Match::read(cursor).map(Self))
    }

    fn judge(&self, lines: &Lines) -> Result<(), String> {
        let (mut count, mut first) = (0, None);
        for piece in lines.new.pieces() {
            if lines.began.elapsed() >= lines.timeout {
                let limit = clock::spell(milliseconds(lines.timeout));
                return Err(format!("not all new lines could be looked at within {limit}"));
            }
            let text = String::from_utf8_lossy(piece);
            if self.0.fits(&text) {
                count += 1;
                first.get_or_insert_with(|| excerpt(&text));
                if self.0.is_wanted() {
                    return Ok(());
                }
            }
        }
        let notes = lines.new.notes();
        match first {
            None if !self.0.is_wanted() => Ok(()),
            None => Err(format!("none of {}", lines.new.spell())),
            Some(first) if count == 1 => Err(format!("1 new line: {first}{notes}")),
            Some(first) => Err(format!("{count} new lines, the first: {first}{notes}")),
        }
    }
}
