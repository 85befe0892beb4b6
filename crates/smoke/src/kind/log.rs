//! A log: what stands in the lines that are new since the deployment, or the rollback, began.

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

use kit::{Failure, clock};

use crate::finding::{Finding, unseen};
use crate::grammar::cursor::{Cursor, Wrong};
use crate::grammar::expectation::{Assertion, Expectations};
use crate::grammar::keys::Keys;
use crate::grammar::text::{Match, excerpt};
use crate::kind::Subject;
use crate::log::fingerprint;
use crate::log::new_lines::{self, NewLines, Reading};
use crate::log::old_lines;
use crate::log::pieces::pieces;
use crate::trial::Conditions;

/// A check of a log.
#[derive(Debug)]
struct Log {
    path: String,
    /// The app's own, which is there once the app has said anything.
    own: bool,
    expectations: Expectations<LineAssertion>,
}

/// New lines, and until when they may be looked at.
#[derive(Debug)]
pub(crate) struct Lines {
    new: NewLines,
    /// The last of what stood there before, where somebody asks for it.
    old: Vec<u8>,
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
        let mark = marks.find(|mark| mark.log == self.path);
        let compares = self.expectations.assertions().any(|assertion| assertion.unseen);
        let old = if compares { old_lines::read(&path, mark) } else { Ok(Vec::new()) };
        match old.and_then(|old| Ok((old, new_lines::read(&path, mark)?))) {
            Ok((old, Reading::Lines(new))) => self.judge(&Lines { new, old, began, timeout }),
            Ok((_, Reading::Other)) => Finding::bad(format!("{} is not a regular file", path.display())),
            Ok((_, Reading::Absent)) => self.judge_absent(&path),
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
        failures
            .find(|(assertion, _)| !assertion.pattern.is_wanted())
            .map_or(first, |(_, instead)| Finding::lasting(instead))
    }

    /// An app that has said nothing has logged no error. But a path with a mistake in it would pass for ever.
    fn judge_absent(&self, path: &Path) -> Finding {
        if self.own && self.expectations.assertions().all(|assertion| !assertion.pattern.is_wanted()) {
            Finding::good(format!("there is no such file: nothing was logged in {}", path.display()))
        } else {
            Finding::bad(format!("there is no such file {}", path.display()))
        }
    }
}

impl Lines {
    /// Looks at each piece that fits, until `look` has seen enough or the time is over.
    fn each_that_fits<'a>(
        &self,
        pattern: &Match,
        pieces: impl Iterator<Item = &'a [u8]>,
        mut look: impl FnMut(&str) -> bool,
    ) -> Result<(), String> {
        for piece in pieces {
            if self.began.elapsed() >= self.timeout {
                let limit = clock::spell(clock::milliseconds(self.timeout));
                return Err(format!("not all new lines could be looked at within {limit}"));
            }
            let text = String::from_utf8_lossy(piece);
            if pattern.fits(&text) && look(&text) {
                break;
            }
        }
        Ok(())
    }

    /// The sorts of those that fit and stood there before.
    fn known(&self, pattern: &Match) -> Result<HashSet<String>, String> {
        let mut known = HashSet::new();
        self.each_that_fits(pattern, pieces(&self.old), |text| {
            known.insert(fingerprint::of(text));
            false
        })?;
        Ok(known)
    }
}

/// What can be asserted of new lines: that one fits, or that none does; or none of a sort that was not there before.
#[derive(Clone, Debug)]
pub(crate) struct LineAssertion {
    /// Only lines of another sort than all before count.
    unseen: bool,
    pattern: Match,
}

impl Assertion for LineAssertion {
    type Seen = Lines;

    const WORDS: &'static str = "lines or unseen (a log check)";

    fn read(word: &str, cursor: &mut Cursor<'_>) -> Option<Result<Self, Wrong>> {
        let unseen = match word {
            "lines" => false,
            "unseen" => true,
            _ => return None,
        };
        let here = cursor.here();
        Some(match Match::read(cursor) {
            Ok(pattern) if unseen && pattern.is_wanted() => Err(here.wrong("`not`")),
            pattern => pattern.map(|pattern| Self { unseen, pattern }),
        })
    }

    fn judge(&self, lines: &Lines) -> Result<(), String> {
        let known = if self.unseen { lines.known(&self.pattern)? } else { HashSet::new() };
        let (mut count, mut first) = (0, None);
        lines.each_that_fits(&self.pattern, lines.new.pieces(), |text| {
            if !self.unseen || !known.contains(&fingerprint::of(text)) {
                count += 1;
                first.get_or_insert_with(|| excerpt(text));
            }
            self.pattern.is_wanted()
        })?;
        let (notes, sort) = (lines.new.notes(), if self.unseen { " of a new sort" } else { "" });
        match first {
            Some(_) if self.pattern.is_wanted() => Ok(()),
            None if !self.pattern.is_wanted() && lines.new.is_whole() => Ok(()),
            None => Err(lines.new.spell_none()),
            Some(first) if count == 1 => Err(format!("1 new line{sort}: {first}{notes}")),
            Some(first) => Err(format!("{count} new lines{sort}, the first: {first}{notes}")),
        }
    }
}
