//! The user's own commands (`TEST_COMMAND`, `START_COMMAND` …): the one place where a shell runs a text.
//!
//! They lead a session of their own, read `/dev/null`, and get an environment made for them. What is not listed there,
//! they do not get: a test suite that inherits the live `DATABASE_URL` wipes production.
//!
//! Two of an environment never work at once, though a tool may be killed at any instant and leave its command at work: the
//! [forerunner](crate::forerunner) sees to that.

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use crate::failure::{Attempt, Failure};
use crate::process::{Program, Sink, Status};
use crate::root::Root;

/// A setting's text as the argument vector that runs it: the only `sh -c` of the family.
#[must_use]
pub fn shell(text: &str) -> Vec<OsString> {
    vec!["/bin/sh".into(), "-c".into(), text.into()]
}

/// Runs a command of this environment in `dir`, its output going to `log`, and waits for the direct child only.
///
/// The environment is PATH, HOME, user and language, and `env` on top. After `deadline` the command's whole session is
/// ended. One that a killed tool has left at work is ended first: two never work at once.
pub fn run(
    command: &[OsString],
    dir: &Path,
    env: &[(OsString, OsString)],
    log: File,
    deadline: Duration,
    root: &Root,
) -> Result<Status, Failure> {
    let errors = log.try_clone().attempt("hand a log to a child")?;
    Ok(apart(command, dir, env, log, errors, deadline).noted_in(&root.commands()).run()?.status)
}

/// Runs one with a file for each of its streams, for one whose stdout is looked at.
pub fn run_apart(
    command: &[OsString],
    dir: &Path,
    env: &[(OsString, OsString)],
    output: File,
    errors: File,
    deadline: Duration,
) -> Result<Status, Failure> {
    Ok(apart(command, dir, env, output, errors, deadline).run()?.status)
}

fn apart(
    command: &[OsString],
    dir: &Path,
    env: &[(OsString, OsString)],
    output: File,
    errors: File,
    deadline: Duration,
) -> Program {
    let program = env.iter().fold(Program::command(command), |program, (name, value)| program.env(name, value));
    program.dir(dir).deadline(deadline).stdout(Sink::File(output)).stderr(Sink::File(errors))
}
