//! run-step: a deadline or a signal ends the whole session of a command, and a daemon that is left behind delays nobody.
#![cfg(test)]

use testkit::{Run, Sandbox, is_alive, kill, wait_until};

/// A child, a grandchild that ignores TERM, one that holds the output, one whose parent is gone already. Each writes
/// its number to `pids`.
const KIN: &str = "#!/bin/sh
echo $$ >> pids
sh -c 'echo $$ >> pids; trap \"\" TERM; while :; do sleep 0.05; done' &
sleep 600 & echo $! >> pids
sh -c 'sleep 600 & echo $! >> pids'
touch ready
trap '' TERM
while :; do sleep 0.05; done
";

fn kin(sandbox: &Sandbox) -> Vec<String> {
    sandbox.read("pids").lines().map(str::to_owned).collect()
}

fn step(sandbox: &Sandbox, more: &[&str]) -> Run {
    sandbox.fake("kin", KIN);
    sandbox.tool("run-step").arg("test").args(more).args(["--", "kin"])
}

fn all_are_gone(sandbox: &Sandbox) {
    let kin = kin(sandbox);
    assert_eq!(kin.len(), 4);
    for pid in kin {
        assert!(!is_alive(&pid), "{pid} lives");
    }
}

#[test]
fn a_signal_ends_children_that_ignore_it_and_all_their_kin() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let sandbox = Sandbox::new();
        let mut child = step(&sandbox, &[]).spawn();
        wait_until("all of them run", || sandbox.path("ready").exists());
        kill(signal, child.id());
        assert_eq!(child.wait().unwrap().code(), Some(code));
        all_are_gone(&sandbox);
    }
}

#[test]
fn a_deadline_ends_children_that_ignore_it_and_all_their_kin() {
    let sandbox = Sandbox::new();
    let run = step(&sandbox, &["--timeout", "1s"]).code(124);
    run.stderr_has("test took longer than it may: kin").check();
    all_are_gone(&sandbox);
}

#[test]
fn a_signal_between_two_attempts_ends_the_wait() {
    let sandbox = Sandbox::new();
    let run = sandbox.tool("run-step").args(["test", "--attempts", "2", "--wait", "2h"]);
    let mut child = run.args(["--", "sh", "-c", "touch ran; exit 1"]).spawn();
    wait_until("the first attempt was made", || sandbox.path("ran").exists());
    kill("TERM", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

#[test]
fn a_daemon_that_holds_the_output_does_not_block_the_tool_and_lives_on() {
    let sandbox = Sandbox::new();
    let run = sandbox.tool("run-step").args(["test", "--", "sh", "-c", "sleep 600 & echo $! > pid"]);
    run.check();
    let daemon = sandbox.read("pid");
    assert!(is_alive(&daemon));
    kill("KILL", daemon);
}

#[test]
fn a_command_leads_a_session_of_its_own() {
    let sandbox = Sandbox::new();
    sandbox.staged(1);
    let run = sandbox.tool("run-step").env("PUSHBACK_DEPLOY", "prod-1");
    run.args(["test", "--", "sh", "-c", "echo $$; cut -d' ' -f6 /proc/$$/stat"]).check();
    let said = sandbox.read("prod/logs/prod-1-test.log");
    let (own, session) = said.trim().split_once('\n').unwrap();
    assert_eq!(own, session);
}
