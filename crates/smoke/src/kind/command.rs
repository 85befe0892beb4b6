//! A command of the user's own: an argument vector, no shell, an environment made for it.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::time::Duration;

use kit::failure::Attempt;
use kit::process::Status;
use kit::{Exit, Failure, clock, forerunner, user_command};

use crate::cursor::{Cursor, Wrong};
use crate::evidence::Evidence;
use crate::expectation::{Assertion, Expectations};
use crate::finding::Finding;
use crate::keys::Keys;
use crate::kind::Subject;
use crate::relation::Relation;
use crate::text::{Match, excerpt};
use crate::trial::{Conditions, milliseconds};

/// How much of what a command prints is looked at.
const OUTPUT: u64 = 1 << 20;

/// A check by a command.
#[derive(Debug)]
pub(crate) struct Command {
    argv: Vec<OsString>,
    expectations: Expectations<EndAssertion>,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct End {
    code: u8,
    stdout: String,
    stderr: String,
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
    fn run(&self, timeout: Duration, dir: &Path, commit: Option<&str>) -> Result<Result<End, String>, Failure> {
        let make = || tempfile::tempfile().attempt("make a temporary file");
        let (stdout, stderr) = (make()?, make()?);
        let env: Vec<(OsString, OsString)> =
            commit.map(|commit| ("PUSHBACK_COMMIT".into(), commit.into())).into_iter().collect();
        let copy = |file: &File| file.try_clone().attempt("hand a file to a child");
        let status = user_command::run_apart(&self.argv, dir, &env, copy(&stdout)?, copy(&stderr)?, timeout)?;
        let (stdout, stderr) = (read_output(stdout)?, read_output(stderr)?);
        let program = self.argv.first().map(|word| word.to_string_lossy()).unwrap_or_default();
        match status {
            status if forerunner::could_not_start(status, &stderr) => {
                let message = format!("cannot run {program}: it is not there, or not executable");
                Err(Failure::new(Exit::UNAVAILABLE, message))
            }
            Status::Exit(code) => Ok(Ok(End { code, stdout, stderr })),
            Status::Signal(_) => Ok(Err(format!("{program} {}", status.spell()))),
            Status::Deadline => {
                let limit = clock::spell(milliseconds(timeout));
                Ok(Err(format!("{program} was ended: it took longer than {limit}")))
            }
        }
    }

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
        let Some(running) = conditions.may_start() else {
            return Finding::bad("interrupted".to_owned());
        };
        let ended = self.run(timeout, &conditions.dir, conditions.commit.as_deref());
        drop(running);
        match ended {
            Ok(Ok(end)) => self.judge(&end),
            Ok(Err(message)) => Finding::bad(message),
            Err(failure) => Finding::blind(failure),
        }
    }
}

fn read_output(mut file: File) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.take(OUTPUT).read_to_end(&mut bytes)).attempt("read what a command printed")?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
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
            Self::Stdout(contains) => contains.judge("stdout", &end.stdout),
        }
    }
}

fn read_exit(cursor: &mut Cursor<'_>) -> Result<EndAssertion, Wrong> {
    let relation = Relation::read(cursor, Relation::ANY)?;
    cursor.blanks();
    let here = cursor.clone();
    let expected = "an exit code from 0 to 255";
    let code = u8::try_from(cursor.number(expected)?).map_err(|_| here.wrong(expected))?;
    Ok(EndAssertion::Exit(relation, code))
}
