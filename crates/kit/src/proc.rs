//! Living processes, as `/proc` tells (`proc_pid_stat(5)`).

use std::fs;
use std::path::Path;

use crate::files;

/// One process that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    /// Its number, which may be given to another one after its end.
    pub(crate) pid: u32,
    /// The process that started it, or that took it over when that one was gone.
    pub(crate) parent: u32,
    /// Its process group.
    pub(crate) group: u32,
    /// Its session.
    pub(crate) session: u32,
    /// When it started, in clock ticks since boot: with the number it names one process for good.
    pub(crate) start: u64,
}

impl Process {
    /// The process of this number; none when it has ended, though nobody may have waited for it yet.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name comes first and may hold anything; then state, parent, group, session, and the start as the 20th.
        let (_, fields) = text.rsplit_once(')')?;
        let mut fields = fields.split_whitespace();
        let alive = !matches!(fields.next()?, "Z" | "X");
        let mut number = |skip: usize| fields.nth(skip)?.parse::<u64>().ok();
        let (parent, group, session, start) = (number(0)?, number(0)?, number(0)?, number(15)?);
        let small = |number: u64| u32::try_from(number).ok();
        alive.then_some(Self { pid, parent: small(parent)?, group: small(group)?, session: small(session)?, start })
    }

    /// Whether it is this very process, or one that waits for it: its parent, the parent of that, and so on.
    pub(crate) fn is_waiting_for_us(pid: u32) -> bool {
        let parent = |pid: &u32| Self::of(*pid).map(|process| process.parent);
        std::iter::successors(Some(std::process::id()), parent).any(|ours| ours == pid)
    }

    /// All of them.
    pub(crate) fn all() -> Vec<Self> {
        let listed = files::list(Path::new("/proc")).unwrap_or_default();
        listed.iter().filter_map(|path| Self::of(path.file_name()?.to_str()?.parse().ok()?)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Process;

    #[test]
    fn this_process_is_alive_and_one_that_leads_a_session_is_in_it() {
        let own = Process::of(std::process::id()).unwrap();
        assert!(own.start > 0 && Process::all().contains(&own));
        // Our own session may have begun outside of our namespace, where it has no number.
        let child = duct::cmd!("setsid", "sleep", "60").start().unwrap();
        let pid = child.pids()[0];
        while Process::of(pid).unwrap().session != pid {
            std::thread::yield_now();
        }
        let found = Process::of(pid).unwrap();
        assert_eq!((found.group, found.parent), (pid, own.pid));
        assert!(Process::is_waiting_for_us(own.pid) && Process::is_waiting_for_us(own.parent));
        assert!(!Process::is_waiting_for_us(pid));
        child.kill().unwrap();
        child.wait().ok();
        assert_eq!(Process::of(pid), None);
        assert_eq!(Process::of(0), None);
    }
}
