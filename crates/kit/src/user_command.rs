//! The user's own commands (`TEST_COMMAND`, `START_COMMAND` …): the one place where a shell runs a text.
//!
//! They lead a session of their own, read `/dev/null`, and get an environment made for them. What is not listed there,
//! they do not get: a test suite that inherits the live `DATABASE_URL` wipes production.
//!
//! None begins before it is noted as one that its tool has at work, so a tool may be killed at any instant: its
//! [`forerunner`] sees to that.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{self, ExitCode};
use std::time::Duration;

use crate::exit::Exit;
use crate::failure::{Attempt, Failure};
use crate::process::{Program, Sink, Status};
use crate::root::Root;
use crate::{orphan, voice};

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
    let notes = root.state().join("commands");
    Ok(apart(command, dir, env, log, errors, deadline, notes.as_os_str()).noted_in(&notes).run()?.status)
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
    Ok(apart(command, dir, env, output, errors, deadline, NOWHERE.as_ref()).run()?.status)
}

fn apart(
    command: &[OsString],
    dir: &Path,
    env: &[(OsString, OsString)],
    output: File,
    errors: File,
    deadline: Duration,
    notes: &OsStr,
) -> Program {
    let program = env.iter().fold(Program::forerunner(), |program, (name, value)| program.env(name, value));
    let program = program.arg(notes).arg(process::id().to_string()).args(command);
    program.dir(dir).deadline(deadline).stdout(Sink::File(output)).stderr(Sink::File(errors))
}

/// The name under which an executable of the family is started to become a command: its arguments are the directory of
/// the notes, the number of the tool that starts it, and the command.
pub(crate) const FORERUNNER: &str = "pushback-command";

/// The directory of the notes when none is to be made.
const NOWHERE: &str = "";

/// What a command that could not be started exits with: not executable, not there (`sh(1)`); it does so after a sentence in its log that begins with
/// [`FORERUNNER`].
const CANNOT_RUN: [u8; 2] = [126, 127];

/// Whether a command was not there, or not executable: `said` is what it said on stderr. A command that exits with 127
/// by itself says something else.
#[must_use]
pub fn could_not_start(status: Status, said: &str) -> bool {
    matches!(status, Status::Exit(code) if CANNOT_RUN.contains(&code)) && said.starts_with(FORERUNNER)
}

/// Becomes the command, if it is as its forerunner that this process was started: first the session, then the note,
/// then a look whether the tool still lives. When the tool is killed before that look, nothing begins; when it is killed
/// afterwards, the note is there, and whatever is to begin next ends the command first.
///
/// Returns only when there is nothing to become, or when the command cannot be run.
pub(crate) fn forerunner(args: &[OsString]) -> Option<ExitCode> {
    let [name, notes, tool, program, rest @ ..] = args else {
        return None;
    };
    let tool: u32 = tool.to_str().filter(|_| name == FORERUNNER)?.parse().ok()?;
    rustix::process::setsid().ok();
    let (notes, own) = (Path::new(notes), process::id());
    if notes != Path::new(NOWHERE) {
        orphan::write(notes, own, tool);
    }
    let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
    if parent != Some(tool) {
        drop(fs::remove_file(orphan::note(notes, own)));
        return Some(ExitCode::from(Exit::signal(9).code()));
    }
    let error = become_program(program, rest);
    voice::line(&format!("{FORERUNNER}: cannot run {}: {error}", voice::word(Path::new(program).display())));
    let [not_executable, not_there] = CANNOT_RUN;
    Some(ExitCode::from(if error.kind() == io::ErrorKind::NotFound { not_there } else { not_executable }))
}

#[expect(clippy::disallowed_methods, reason = "nothing is started: this process itself becomes the command")]
fn become_program(program: &OsStr, args: &[OsString]) -> io::Error {
    process::Command::new(program).args(args).exec()
}
