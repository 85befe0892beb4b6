//! run-step: one test for each exit code that it documents.
#![cfg(test)]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use testkit::{Sandbox, kill, wait_until};

#[test]
fn a_command_that_succeeds_is_0() {
    let sandbox = Sandbox::new();
    sandbox.tool("run-step").args(["test", "--", "true"]).check();
}

#[test]
fn a_command_that_fails_is_a_plain_no() {
    let sandbox = Sandbox::new();
    let run = sandbox.tool("run-step").args(["test", "--", "sh", "-c", "exit 78"]);
    let said = "run-step: test exited with 78: sh -c exit 78\nhint: its whole output is in ";
    run.code(1).stderr_has(said).check();
    assert_eq!(sandbox.journal()[0]["details"]["command_exit_code"], 78);
}

#[test]
fn a_command_that_a_signal_ends_is_a_plain_no_too() {
    let sandbox = Sandbox::new();
    let run = sandbox.tool("run-step").args(["test", "--", "sh", "-c", "kill -SEGV $$"]);
    run.code(1).stderr_has("test was ended by signal 11: ").check();
}

#[test]
fn wrong_usage_is_2() {
    let sandbox = Sandbox::new();
    for (args, said) in [
        (&["test"][..], "required arguments were not provided"),
        (&["test", "--setting", "TEST_COMMAND", "--", "true"], "cannot be used with"),
        (&["test", "--attempts", "0", "--", "true"], "--attempts"),
        (&["test", "--timeout", "soon", "--", "true"], "not a length of time"),
        (&["../test", "--", "true"], "cannot name a step"),
    ] {
        let run = sandbox.tool("run-step").args(args);
        run.code(2).stderr_has("run-step: ").stderr_has(said).check();
    }
}

#[test]
fn a_deployment_that_staged_nothing_is_66() {
    let sandbox = Sandbox::new();
    let run = sandbox.tool("run-step").env("PUSHBACK_DEPLOY", "prod-1");
    let run = run.args(["test", "--", "true"]).code(66);
    run.stderr_has("run-step: prod-1 has no staged release in ").check();
}

#[test]
fn a_command_that_is_not_there_is_69() {
    let sandbox = Sandbox::new();
    for command in [&["no-such-program"][..], &["sh", "-c", "no-such-program"]] {
        let run = sandbox.tool("run-step").args(["test", "--"]).args(command);
        run.code(69).stderr_has("no-such-program").check();
    }
}

#[test]
fn a_command_that_is_not_executable_is_69() {
    let sandbox = Sandbox::new();
    let file = sandbox.write("notes.txt", "hello");
    let run = sandbox.tool("run-step").args(["test", "--"]).arg(file);
    run.code(69).any_stderr().check();
}

#[test]
fn a_command_needs_no_program_but_its_own() {
    let sandbox = Sandbox::new();
    sandbox.tool("run-step").env("PATH", sandbox.path("bin")).args(["test", "--", "/bin/true"]).check();
}

#[test]
fn a_journal_or_a_log_that_cannot_be_written_is_74_and_nothing_runs() {
    for obstacle in ["prod/journal.ndjson/in-the-way", "prod/logs"] {
        let sandbox = Sandbox::new();
        sandbox.write(obstacle, "");
        let run = sandbox.tool("run-step").args(["test", "--", "touch", "ran"]);
        run.code(74).stderr_has("run-step: cannot ").check();
        assert!(!sandbox.path("ran").exists(), "{obstacle}");
    }
}

#[test]
fn settings_that_others_may_read_are_77() {
    let sandbox = Sandbox::new();
    fs::set_permissions(sandbox.env_file(), fs::Permissions::from_mode(0o644)).unwrap();
    let run = sandbox.tool("run-step").args(["test", "--", "touch", "ran"]);
    run.code(77).stderr_has("hint: chmod 600 ").check();
    assert!(!sandbox.path("ran").exists());
}

#[test]
fn wrong_settings_are_78() {
    for (name, value) in [
        ("STEP_TIMEOUT", "soon"),
        ("DEPLOY_ROOT", ""),
        ("DEPLOY_ENV", "--upload-pack"),
        ("PUSHBACK_DEPLOY", "../prod-1"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.set(name, value);
        let run = sandbox.tool("run-step").args(["test", "--", "touch", "ran"]);
        run.code(78).stderr_has(name).check();
        assert!(!sandbox.path("ran").exists(), "{name}");
    }
}

#[test]
fn a_command_that_takes_too_long_is_124() {
    let sandbox = Sandbox::new();
    let run = sandbox.tool("run-step").args(["test", "--timeout", "50ms", "--", "sleep", "600"]);
    run.code(124).stderr_has("test took longer than it may: sleep 600").check();
}

#[test]
fn a_signal_is_128_and_its_number() {
    for (signal, code) in [("HUP", 129), ("INT", 130), ("TERM", 143)] {
        let sandbox = Sandbox::new();
        let run = sandbox.tool("run-step").args(["test", "--", "sh", "-c", "touch ran; sleep 600"]);
        let mut child = run.spawn();
        wait_until("the command runs", || sandbox.path("ran").exists());
        kill(signal, child.id());
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
        assert_eq!(sandbox.journal()[0]["exit_code"], code);
    }
}
