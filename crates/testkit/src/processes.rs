//! Processes that a test watches and ends.

use std::fs;
use std::process::Command;

/// Whether a process lives; one that has ended and that nobody has waited for does not.
pub fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    // proc_pid_stat(5): the state comes after the name, which may hold anything.
    stat.rsplit_once(") ").is_some_and(|(_, fields)| !fields.starts_with('Z'))
}

/// Sends a signal (`TERM`, `KILL` …) to a process, which must be there.
pub fn kill(signal: &str, pid: impl ToString) {
    let pid = pid.to_string();
    let told = Command::new("kill").args([&format!("-{signal}"), pid.trim()]).status().expect("kill runs");
    assert!(told.success(), "kill -{signal} {pid}");
}
