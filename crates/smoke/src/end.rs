//! How a program ended that a check has run: an argument vector, no shell, an environment made for it, ended in time.

use std::ffi::OsString;
use std::fs::File;
use std::io::Seek;
use std::time::Duration;

use kit::failure::Attempt;
use kit::process::Status;
use kit::{Exit, Failure, clock, forerunner, user_command};

use crate::content::read_text;
use crate::finding::Finding;
use crate::trial::Conditions;

/// How much of what a program prints is looked at.
const OUTPUT: u64 = 1 << 20;

/// The end of a program that ended by itself.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) code: u8,
    /// The first MiB of what it printed.
    pub(crate) stdout: String,
    /// Whether it printed more.
    pub(crate) cut: bool,
    pub(crate) stderr: String,
}

impl End {
    /// Runs a program where relative paths begin. It is bad when it does not end by itself, and we are blind when it is not
    /// there (69).
    pub(crate) fn of(
        argv: &[OsString],
        env: &[(OsString, OsString)],
        timeout: Duration,
        conditions: &Conditions,
    ) -> Result<Self, Finding> {
        let Some(_running) = conditions.may_start() else {
            return Err(Finding::bad("interrupted"));
        };
        let printed = Printed::nothing()?;
        let (stdout, stderr) = printed.handles()?;
        let status = user_command::run_apart(argv, &conditions.dir, env, stdout, stderr, timeout)?;
        let program = argv.first().map(|word| word.to_string_lossy()).unwrap_or_default();
        printed.end(&program, status, timeout)
    }
}

/// Where a program prints to: files without a name, so that no program waits for a reader, however much it prints.
#[derive(Debug)]
pub(crate) struct Printed {
    stdout: File,
    stderr: File,
}

impl Printed {
    pub(crate) fn nothing() -> Result<Self, Failure> {
        let make = || tempfile::tempfile().attempt("make a temporary file");
        Ok(Self { stdout: make()?, stderr: make()? })
    }

    /// Both files, for the program.
    pub(crate) fn handles(&self) -> Result<(File, File), Failure> {
        let copy = |file: &File| file.try_clone().attempt("hand a file to a child");
        Ok((copy(&self.stdout)?, copy(&self.stderr)?))
    }

    /// What it means that the program, which is called so, ended with this status.
    pub(crate) fn end(self, program: &str, status: Status, timeout: Duration) -> Result<End, Finding> {
        let ((stdout, cut), (stderr, _)) = (beginning(self.stdout)?, beginning(self.stderr)?);
        match status {
            status if forerunner::could_not_start(status, &stderr) => {
                let message = format!("cannot run {program}: it is not there, or not executable");
                Err(Failure::new(Exit::UNAVAILABLE, message).into())
            }
            Status::Exit(code) => Ok(End { code, stdout, cut, stderr }),
            Status::Signal(_) => Err(Finding::bad(format!("{program} {}", status.spell()))),
            Status::Deadline => {
                let limit = clock::spell(clock::milliseconds(timeout));
                Err(Finding::bad(format!("{program} was ended: it took longer than {limit}")))
            }
        }
    }
}

fn beginning(mut file: File) -> Result<(String, bool), Failure> {
    file.rewind().and_then(|()| read_text(file, OUTPUT)).attempt("read what a command printed")
}
