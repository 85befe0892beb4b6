//! A command begins only when it is noted, and only for a tool that lives: the tool may be killed at any instant.
#![cfg(test)]

use std::os::unix::process::CommandExt;
use std::process::{ExitStatus, id};

use testkit::{Sandbox, tool_path};

/// The forerunner of a command that tells its note, its session and itself, started for a tool of this number.
fn forerunner(sandbox: &Sandbox, tool: u32) -> ExitStatus {
    let run = sandbox.program(&tool_path("run-step")).arg(sandbox.path("notes")).arg(tool.to_string());
    let tell = "exec >ran; readlink notes/$$; ps -o sid= -p $$; echo $$";
    let run = run.args(["/bin/sh", "-c", &format!("cd {}; {tell}", sandbox.path("").display())]);
    run.into_command().arg0("pushback-command").status().unwrap()
}

#[test]
fn a_command_is_noted_and_leads_a_session_before_it_begins() {
    let sandbox = Sandbox::new();
    assert!(forerunner(&sandbox, id()).success());
    let said = sandbox.read("ran");
    let [note, session, own] = said.lines().collect::<Vec<_>>()[..] else { panic!("{said}") };
    assert_eq!(session.trim(), own);
    assert_eq!(note.split(' ').nth(1), Some(id().to_string().as_str()), "the tool is named: {note}");
}

#[test]
fn a_command_does_not_begin_for_a_tool_that_is_gone() {
    let sandbox = Sandbox::new();
    assert_eq!(forerunner(&sandbox, 1).code(), Some(137));
    assert!(!sandbox.path("ran").exists());
    assert_eq!(sandbox.path("notes").read_dir().unwrap().count(), 0, "no note is left");
}
