//! One lock per environment: whoever reads it on stdin has it, everybody else is told who does.
#![cfg(test)]

use std::fs::File;

use testkit::{Run, Sandbox, kill, release_of, wait_until};

/// The command that all of these tests run: it needs the lock and changes nothing.
fn prune(sandbox: &Sandbox) -> Run {
    sandbox.tool("release").args(["-q", "prune"])
}

#[test]
fn a_tool_that_reads_the_held_lock_on_stdin_has_it() {
    let sandbox = Sandbox::new();
    let lock = sandbox.hold_lock("the pipeline");
    prune(&sandbox).stdin_file(lock.try_clone().unwrap()).check();
    // It gave nothing up: the lock is still held afterwards.
    prune(&sandbox).code(75).stderr_has("is held by the pipeline\n").check();
}

#[test]
fn another_tool_is_75_and_told_who_has_it() {
    let sandbox = Sandbox::new();
    let lock = sandbox.hold_lock("deploy-queue run (prod-7), process 1\n");
    let run = prune(&sandbox).code(75);
    run.stderr_has("/prod/state/lock is held by deploy-queue run (prod-7), process 1\nhint: ").check();
    lock.unlock().unwrap();
    prune(&sandbox).check();
}

#[test]
fn the_lock_file_on_stdin_is_not_enough_when_another_holds_it() {
    let sandbox = Sandbox::new();
    let _lock = sandbox.hold_lock("somebody");
    let opened_again = File::open(sandbox.path("prod/state/lock")).unwrap();
    prune(&sandbox).stdin_file(opened_again).code(75).stderr_has("is held by somebody").check();
}

#[test]
fn the_lock_of_another_environment_on_stdin_is_worth_nothing() {
    let (sandbox, other) = (Sandbox::new(), Sandbox::new());
    let _held = sandbox.hold_lock("somebody");
    let lock = other.hold_lock("the test");
    prune(&sandbox).stdin_file(lock).code(75).stderr_has("is held by somebody").check();
}

#[test]
fn every_tool_that_changes_the_environment_waits_its_turn() {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, Some(0));
    sandbox.deployed(2, Some(0));
    let repository = sandbox.repository();
    repository.push("one");
    let _lock = sandbox.hold_lock("the test");
    for (tool, args) in [
        ("release", &["stage", "main"][..]),
        ("release", &["activate", &release_of(1)]),
        ("release", &["deactivate"]),
        ("rollback", &["--last"]),
        ("rollback", &["--deploy", "prod-2"]),
    ] {
        let run = sandbox.tool(tool).env("PUSHBACK_DEPLOY", "prod-9").args(args);
        run.code(75).stderr_has("is held by the test").check();
        assert_eq!(sandbox.live(), release_of(2));
    }
}

#[test]
fn a_tool_that_works_leaves_its_name_and_one_that_was_killed_no_lock() {
    let sandbox = Sandbox::new();
    sandbox.staged(1);
    sandbox.set("RELOAD_COMMAND", "echo $$ > ../../pid; exec sleep 600");
    let mut holder = sandbox.tool("release").args(["activate", &release_of(1)]).spawn();
    wait_until("the app is told to reload", || !sandbox.read("prod/pid").is_empty());
    let run = prune(&sandbox).code(75);
    run.stderr_has(format!("is held by release, process {}, since 2", holder.id())).check();
    kill("KILL", holder.id());
    holder.wait().unwrap();
    // The app's own command lives, and does not hold the lock.
    prune(&sandbox).check();
    kill("KILL", sandbox.read("prod/pid"));
}

#[test]
fn whoever_only_looks_makes_no_file_and_is_no_holder() {
    let sandbox = Sandbox::new();
    let nothing = || {
        let list = sandbox.tool("deploy-queue").arg("list");
        list.stderr("deploy-queue: nothing runs and nothing waits\n").check();
    };
    nothing();
    assert!(!sandbox.path("prod/state").exists());
    let looking = File::open(sandbox.write("prod/state/lock", "deploy-queue run, long ago\n")).unwrap();
    looking.lock_shared().unwrap();
    nothing();
    looking.unlock().unwrap();
    let _held = sandbox.hold_lock("the pipeline");
    sandbox.tool("deploy-queue").arg("list").stdout("busy: the lock is held by the pipeline\n").check();
}
