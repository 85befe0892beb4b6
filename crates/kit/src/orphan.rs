//! Commands that outlive the tool that ran them. A tool that is killed alone leaves its command at work: a
//! `START_COMMAND`, say, that starts the new release while the old one is being brought back. So each command in
//! progress has a note in `state/commands`, and before the next one begins, those whose tool is gone are ended.
//!
//! What a command started and left behind in a session of its own, an app, is no part of it.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use crate::ending::end_session;
use crate::files;
use crate::proc::Process;

/// The note of one command in progress; dropping it takes it away.
#[derive(Debug)]
pub(crate) struct Note {
    path: PathBuf,
}

impl Note {
    /// Notes the command that leads a session, under its number. A note that cannot be written is none: a full disk
    /// must not keep the way back from being gone.
    pub(crate) fn write(dir: &Path, leader: u32) -> Self {
        let path = dir.join(leader.to_string());
        if let (Some(command), Some(tool)) = (Process::of(leader), Process::of(process::id())) {
            let text = format!("{} {} {}\n", command.start, tool.pid, tool.start);
            let written = files::make_private_dir(dir).map(|()| files::create(&path));
            drop(written.map(|file| file.and_then(|mut file| file.write_all(text.as_bytes()))));
        }
        Self { path }
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        fs::remove_file(&self.path).ok();
    }
}

/// Ends every noted command whose tool is gone, with its whole session: SIGTERM, and after `grace` SIGKILL.
pub(crate) fn end_all(dir: &Path, grace: Duration) -> io::Result<()> {
    let notes = match files::list(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        notes => notes?,
    };
    for path in notes {
        let leader = path.file_name().and_then(|name| name.to_str()?.parse().ok());
        let text = fs::read_to_string(&path).unwrap_or_default();
        let numbers: Vec<u64> = text.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        let (Some(leader), &[command_start, tool, tool_start]) = (leader, &numbers[..]) else {
            continue;
        };
        let lives = |pid: u32, start: u64| Process::of(pid).is_some_and(|process| process.start == start);
        if u32::try_from(tool).is_ok_and(|tool| lives(tool, tool_start)) {
            continue;
        }
        if lives(leader, command_start) {
            end_session(leader, grace)?;
        }
        fs::remove_file(&path).ok();
    }
    Ok(())
}
