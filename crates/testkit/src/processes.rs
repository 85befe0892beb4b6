//! Processes that a test watches and ends.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::sandbox::Sandbox;

/// Whether a process lives; one that has ended and that nobody has waited for does not.
pub fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    // proc_pid_stat(5): the state comes after the name, which may hold anything.
    stat.rsplit_once(") ").is_some_and(|(_, fields)| !fields.starts_with('Z'))
}

/// A living process, as `/proc` tells.
#[derive(Clone, Debug)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its parent's.
    pub parent: u32,
    /// Its session's.
    pub session: u32,
    /// The name of its program, cut at 15 characters.
    pub name: String,
    /// When it began, in ticks since boot: with the number, the one process that it is.
    pub began: u64,
}

/// All of them; those that have ended and that nobody has waited for are left out.
pub fn processes() -> Vec<Process> {
    let listed = fs::read_dir("/proc").expect("there is /proc");
    let numbers = listed.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter_map(Process::read).collect()
}

impl Process {
    /// proc_pid_stat(5): pid (name) state parent group session …, and the start as the 22nd field.
    fn read(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (head, fields) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        let small = |index: usize| u32::try_from(number(index)?).ok();
        let name = head.split_once('(')?.1.to_owned();
        (fields.first() != Some(&"Z")).then_some(Self {
            pid,
            parent: small(1)?,
            session: small(3)?,
            name,
            began: number(19)?,
        })
    }

    /// Whether it is still the same process.
    pub fn lives(&self) -> bool {
        Self::read(self.pid).is_some_and(|now| now.began == self.began)
    }
}

/// Sends a signal (`TERM`, `KILL` …) to one process, which must be there.
///
/// Never to a group: kill(1) of procps 4.0.2 reads `-KILL -12345` as `-KILL -1`, which is every process there is.
pub fn kill(signal: &str, pid: impl ToString) {
    let pid = pid.to_string();
    let pid: u32 = pid.trim().parse().unwrap_or_else(|_| panic!("{pid:?} is not the number of one process"));
    assert!(pid > 1, "process {pid} is not a test's to end");
    let told = Command::new("kill").args([format!("-{signal}"), pid.to_string()]).status().expect("kill runs");
    assert!(told.success(), "kill -{signal} {pid}");
}

/// Sends a signal to every process of a session that is still there, one by one.
pub fn kill_session(signal: &str, session: u32) {
    assert!(session > 1, "session {session} is not a test's to end");
    for process in processes().iter().filter(|process| process.session == session) {
        // One that has ended meanwhile is past being told.
        drop(Command::new("kill").args([format!("-{signal}"), process.pid.to_string()]).stderr(Stdio::null()).status());
    }
}

impl Sandbox {
    /// Whether no process works in the sandbox: what a tool started, and left running when it was killed, is through.
    pub fn is_deserted(&self) -> bool {
        let works_here =
            |process: &Path| fs::read_link(process.join("cwd")).is_ok_and(|dir| dir.starts_with(self.path("")));
        let processes = fs::read_dir("/proc").expect("/proc can be read").flatten();
        !processes.into_iter().any(|process| works_here(&process.path()))
    }
}
