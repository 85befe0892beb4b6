//! Children that outlive the tool that ran them. A tool that is killed alone leaves its child at work: a `START_COMMAND`,
//! say, that starts the new release while the old one is being brought back, or the `release` of a killed `rollback`. So
//! each has a note in `state/commands` before it begins, and before the next one begins, those whose tool is gone are ended.
//!
//! A note is a symbolic link, made by one system call: it is there with all that it says, or not at all. What a command
//! started and left behind in a session of its own, an app, is no part of it.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::ending::end_session;
use crate::files;
use crate::proc::Process;

/// The note of the command that leads a session, by its number.
pub(crate) fn note(dir: &Path, leader: u32) -> PathBuf {
    dir.join(leader.to_string())
}

/// Notes that this process is about to become a command of `tool`. A note that cannot be written is none: a full disk
/// must not keep the way back from being gone.
pub(crate) fn write(dir: &Path, own: u32, tool: u32) {
    if let (Some(command), Some(tool)) = (Process::of(own), Process::of(tool)) {
        let path = note(dir, own);
        // A process that had this number before may have left its own.
        fs::remove_file(&path).ok();
        let text = format!("{} {} {}", command.start, tool.pid, tool.start);
        drop(files::make_private_dir(dir).map(|()| symlink(text, path)));
    }
}

/// Ends every noted child whose tool is gone, with its whole session: SIGTERM, and after `grace` SIGKILL. It may be one of
/// them that asks, because what it was to do goes on: it and those who wait for it are let be.
pub(crate) fn end_all(dir: &Path, grace: Duration) -> io::Result<()> {
    // One that had to be killed has left children of its own.
    while end_some(dir, grace)? {}
    Ok(())
}

/// The same, but for those whose tool ends only now; whether there was any.
fn end_some(dir: &Path, grace: Duration) -> io::Result<bool> {
    let notes = match files::list(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        notes => notes?,
    };
    let mut ended = false;
    for path in notes {
        let leader = path.file_name().and_then(|name| name.to_str()?.parse().ok());
        let text = fs::read_link(&path).unwrap_or_default().to_string_lossy().into_owned();
        let numbers: Vec<u64> = text.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        let (Some(leader), &[start, tool, tool_start]) = (leader, &numbers[..]) else {
            continue;
        };
        if u32::try_from(tool).is_ok_and(|tool| lives(tool, tool_start)) {
            continue;
        }
        if lives(leader, start) {
            if Process::is_waiting_for_us(leader) {
                continue;
            }
            end_session(leader, grace)?;
            ended = true;
        }
        fs::remove_file(&path).ok();
    }
    Ok(ended)
}

fn lives(pid: u32, start: u64) -> bool {
    Process::of(pid).is_some_and(|process| process.start == start)
}
