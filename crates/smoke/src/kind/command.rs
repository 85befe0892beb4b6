//! A command of the user's own: an argument vector, no shell, an environment made for it.

use std::ffi::OsString;
use std::time::Duration;

use kit::Failure;

use crate::end::End;
use crate::evidence::Evidence;
use crate::finding::Finding;
use crate::grammar::cursor::{Cursor, Wrong};
use crate::grammar::expectation::{Assertion, Expectations};
use crate::grammar::keys::Keys;
use crate::grammar::relation::Relation;
use crate::grammar::text::{Match, Seen, excerpt};
use crate::kind::Subject;
use crate::trial::Conditions;

/// A check by a command.
#[derive(Debug)]
struct Command {
    argv: Vec<OsString>,
    expectations: Expectations<EndAssertion>,
}

/// Takes the keys of a command check.
pub(crate) fn read(keys: &mut Keys<'_>) -> Result<Box<dyn Subject>, Failure> {
    let argv = keys.list("run", false)?;
    let program = argv.first().map(String::as_str).unwrap_or_default();
    if program.is_empty() || program.starts_with('-') || argv.iter().any(|word| word.contains('\0')) {
        return Err(keys.wrong_at("run", "`run` must begin with a program, as in run = [\"bin/check\", \"--all\"]"));
    }
    let argv = argv.into_iter().map(OsString::from).collect();
    Ok(Box::new(Command { argv, expectations: keys.expectations()? }))
}

impl Command {
    fn judge(&self, end: &End) -> Finding {
        let evidence = || Evidence::default().and("stdout", &end.stdout).and("stderr", &end.stderr);
        match self.expectations.judge(end) {
            Ok(()) => Finding::good(format!("exit {}", end.code)),
            Err(instead) => match end.stderr.trim().lines().next_back() {
                Some(words) => Finding::bad(format!("{instead}; its last words: {}", excerpt(words))).with(evidence()),
                None => Finding::bad(instead).with(evidence()),
            },
        }
    }
}

impl Subject for Command {
    fn spell(&self) -> String {
        let words: Vec<_> = self.argv.iter().map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    }

    fn look(&self, timeout: Duration, conditions: &Conditions) -> Finding {
        let commit = conditions.commit.as_ref();
        let env: Vec<(OsString, OsString)> =
            commit.map(|commit| ("PUSHBACK_COMMIT".into(), commit.into())).into_iter().collect();
        match End::of(&self.argv, &env, timeout, conditions) {
            Ok(end) => self.judge(&end),
            Err(finding) => finding,
        }
    }
}

/// What can be asserted of a command.
#[derive(Clone, Debug)]
pub(crate) enum EndAssertion {
    /// `exit == 0`
    Exit(Relation, u8),
    /// `stdout contains "…"`
    Stdout(Match),
}

impl Assertion for EndAssertion {
    type Seen = End;

    const WORDS: &'static str = "exit or stdout (a command check)";

    fn read(word: &str, cursor: &mut Cursor<'_>) -> Option<Result<Self, Wrong>> {
        match word {
            "exit" => Some(read_exit(cursor)),
            "stdout" => Some(Match::read(cursor).map(Self::Stdout)),
            _ => None,
        }
    }

    fn judge(&self, end: &End) -> Result<(), String> {
        match self {
            Self::Exit(relation, code) if relation.holds(&end.code, code) => Ok(()),
            Self::Exit(..) => Err(format!("exit is {}", end.code)),
            Self::Stdout(contains) => contains.judge("stdout", Seen::new(&end.stdout, end.cut)),
        }
    }
}

fn read_exit(cursor: &mut Cursor<'_>) -> Result<EndAssertion, Wrong> {
    let relation = Relation::read(cursor, Relation::ANY)?;
    let here = cursor.here();
    let expected = "an exit code from 0 to 255";
    let code = u8::try_from(cursor.number(expected)?).map_err(|_| here.wrong(expected))?;
    Ok(EndAssertion::Exit(relation, code))
}
