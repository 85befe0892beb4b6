//! What stands between a tool and a child that must never be at work unknown: this very executable, started under
//! another name, which becomes the child once it leads a session, has noted itself and has seen that its tool still
//! lives. So a tool may be killed at any instant: before that look nothing begins, and after it the note is there.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};

use crate::exit::Exit;
use crate::process::Status;
use crate::{orphan, voice};

/// The name that it is started under.
pub(crate) const NAME: &str = "pushback-command";

/// The directory of the notes when none is to be made.
pub(crate) const NOWHERE: &str = "";

/// What a command that could not be started exits with: not executable, not there (`sh(1)`); it does so after a sentence in
/// its log that begins with [`NAME`].
const CANNOT_RUN: [u8; 2] = [126, 127];

/// The executable and the arguments of a program's forerunner. It is the executable of this process, also when another
/// one has been installed in its place meanwhile.
pub(crate) fn of(notes: &Path, program: PathBuf, args: Vec<OsString>) -> (PathBuf, Vec<OsString>) {
    let own = process::id().to_string();
    let before = [notes.into(), own.into(), program.into_os_string()];
    ("/proc/self/exe".into(), before.into_iter().chain(args).collect())
}

/// Whether a command was not there, or not executable: `said` is what it said on stderr. A command that exits with 127
/// by itself says something else.
#[must_use]
pub fn could_not_start(status: Status, said: &str) -> bool {
    matches!(status, Status::Exit(code) if CANNOT_RUN.contains(&code)) && said.starts_with(NAME)
}

/// Becomes the program, if it is as its forerunner that this process was started. Returns only when there is nothing to
/// become, or when the program cannot be run.
pub(crate) fn run(args: &[OsString]) -> Option<ExitCode> {
    let [name, notes, tool, program, rest @ ..] = args else {
        return None;
    };
    let tool: u32 = tool.to_str().filter(|_| name == NAME)?.parse().ok()?;
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
    voice::line(&format!("{NAME}: cannot run {}: {error}", voice::word(Path::new(program).display())));
    let [not_executable, not_there] = CANNOT_RUN;
    Some(ExitCode::from(if error.kind() == io::ErrorKind::NotFound { not_there } else { not_executable }))
}

#[expect(clippy::disallowed_methods, reason = "nothing is started: this process itself becomes the program")]
fn become_program(program: &OsStr, args: &[OsString]) -> io::Error {
    process::Command::new(program).args(args).exec()
}
