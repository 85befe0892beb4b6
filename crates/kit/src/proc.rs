//! Living processes, as `/proc` tells (`proc_pid_stat(5)`).

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use rustix::param::clock_ticks_per_second;

use crate::files;

/// How much of a command line is read, in bytes.
const COMMAND: u64 = 1 << 20;

/// One process that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number, which may be given to another one after its end.
    pub pid: u32,
    /// The process that started it, or that took it over when that one was gone.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// Its session.
    pub session: u32,
    /// When it started, in clock ticks since boot: with the number it names one process for good.
    pub start: u64,
}

impl Process {
    /// The process of this number; none when it has ended, though nobody may have waited for it yet.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
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

    /// Whether it is this very process, or one that this has started: its child, a child of that, and so on.
    #[must_use]
    pub fn is_ours(self) -> bool {
        let parent = |process: &Self| Self::of(process.parent);
        std::iter::successors(Some(self), parent).any(|process| process.pid == std::process::id())
    }

    /// Its argument vector, at most a MiB of it, as it stands now: a program may write something else there
    /// (`proc_pid_cmdline(5)`). Empty for a thread of the kernel's, and for one that has ended meanwhile.
    pub fn command(self) -> io::Result<Vec<String>> {
        let mut bytes = Vec::new();
        File::open(format!("/proc/{}/cmdline", self.pid))?.take(COMMAND).read_to_end(&mut bytes)?;
        let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let words = bytes.get(..end).unwrap_or_default().split(|byte| *byte == 0);
        let words: Vec<String> = words.map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        Ok(if end == 0 { Vec::new() } else { words })
    }

    /// How long it runs (`proc_uptime(5)`).
    pub fn age(self) -> io::Result<Duration> {
        let text = fs::read_to_string("/proc/uptime")?;
        let uptime = text.split(' ').next().and_then(|seconds| seconds.parse().ok());
        let uptime = uptime.and_then(|seconds: f64| Duration::try_from_secs_f64(seconds).ok());
        let uptime = uptime.ok_or_else(|| io::Error::other("/proc/uptime holds no time"))?;
        let ticks = clock_ticks_per_second().max(1);
        let rest = Duration::from_millis(self.start % ticks * 1000 / ticks);
        Ok(uptime.saturating_sub(Duration::from_secs(self.start / ticks) + rest))
    }

    /// Whether `/proc` hides those of other users (`proc(5)`, `hidepid`).
    #[must_use]
    pub fn are_hidden() -> bool {
        File::open("/proc/1/cmdline").is_err()
    }

    /// All of them.
    #[must_use]
    pub fn all() -> Vec<Self> {
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
        // Our own session may have begun outside of our namespace, where it has no number. It leads one before it is sleep.
        let child = duct::cmd!("setsid", "sleep", "60").start().unwrap();
        let pid = child.pids()[0];
        while !Process::of(pid).unwrap().command().is_ok_and(|command| command == ["sleep", "60"]) {
            std::thread::yield_now();
        }
        let found = Process::of(pid).unwrap();
        assert_eq!((found.session, found.group, found.parent), (pid, pid, own.pid));
        assert!(Process::is_waiting_for_us(own.pid) && Process::is_waiting_for_us(own.parent));
        assert!(!Process::is_waiting_for_us(pid));
        assert!(own.is_ours() && found.is_ours() && !Process::of(own.parent).unwrap().is_ours());
        assert!(found.age().unwrap() < own.age().unwrap().max(std::time::Duration::from_secs(1)));
        child.kill().unwrap();
        child.wait().ok();
        assert_eq!(Process::of(pid), None);
        assert_eq!(Process::of(0), None);
    }
}
