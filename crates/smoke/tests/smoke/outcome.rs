//! What all checks together mean: gates, warnings, the deadline, the JSON, the journal.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::{Pid, Signal, kill_process};
use testkit::{Sandbox, wait_until};

use crate::server::{Server, answer, hang};
use crate::{DISK, FULL, page, smoke};

#[test]
fn a_gate_that_fails_skips_the_rest() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|_| answer(200, ""));
    let checks = format!("{}\n{DISK}\n{FULL}gate = true\n", page(&server.url("/"), ""));
    smoke(&sandbox, &checks)
        .code(1)
        .stdout_has("page  skipped  not checked, because the gate full did not pass\n")
        .stdout_has("disk  skipped  ")
        .stdout_has("full  fail     ")
        .stdout_has("3 checks: 1 fail, 2 skipped (")
        .stderr("smoke-test: 1 of 3 checks failed: full\n")
        .check();
    assert!(server.requests().is_empty());
}

#[test]
fn a_gate_that_cannot_be_made_skips_the_rest_too() {
    let sandbox = Sandbox::new();
    let gate = "[[check]]\nname = 'gate'\nkind = 'command'\nrun = ['no-such-program-here']\n\
        expect = 'exit == 0'\ngate = true\n";
    smoke(&sandbox, &format!("{DISK}{gate}"))
        .code(69)
        .stdout_has("2 checks: 1 error, 1 skipped (")
        .any_stderr()
        .check();
}

#[test]
fn gates_come_first_and_the_table_keeps_the_order_of_the_file() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|_| answer(200, ""));
    let checks: String = (0..40)
        .map(|n| {
            let gate = if n % 4 == 3 { "gate = true" } else { "" };
            page(&server.url(&format!("/{n}")), gate).replace("'page'", &format!("'page {n:02}'"))
        })
        .collect();
    let ran = smoke(&sandbox, &checks).stdout_has("40 checks: 40 pass (").check();
    let names: Vec<String> = ran.stdout.lines().take(40).map(|line| line[..7].to_owned()).collect();
    assert_eq!(names, (0..40).map(|n| format!("page {n:02}")).collect::<Vec<_>>());
    let gates = server.requests().iter().take(10).all(|request| {
        let number: usize = request.line.rsplit('/').next().unwrap().parse().unwrap();
        number % 4 == 3
    });
    assert!(gates, "{:?}", server.requests());
}

#[test]
fn a_check_that_only_warns_stops_nothing() {
    let sandbox = Sandbox::new();
    smoke(&sandbox, &format!("{FULL}severity = 'warn'\ngate = true\n{DISK}"))
        .stdout_has("full  warn  ")
        .stdout_has("disk  pass  ")
        .stdout_has("2 checks: 1 pass, 1 warn (")
        .check();
}

#[test]
fn a_failure_outweighs_an_error() {
    let sandbox = Sandbox::new();
    let error = "[[check]]\nname = 'error'\nkind = 'command'\nrun = ['no-such-program-here']\nexpect = 'exit == 0'\n";
    smoke(&sandbox, &format!("{FULL}{error}"))
        .code(1)
        .stdout_has("2 checks: 1 fail, 1 error (")
        .stderr("smoke-test: 1 of 2 checks failed: full\n")
        .check();
}

#[test]
fn the_deadline_ends_all_checks_and_those_unfinished_fail() {
    let sandbox = Sandbox::new();
    let hanging = Server::behaves(|_, stream| hang(stream));
    let failing = Server::answers(|_| answer(500, ""));
    let many = page(&failing.url("/"), "").replace("attempts = 3\ninterval = '10ms'", "attempts = 100");
    let checks = format!("{many}{}", page(&hanging.url("/"), "timeout = '10m'").replace("'page'", "'hang'"));
    smoke(&sandbox, &checks)
        .args(["--deadline", "2s", "--interval", "10m"])
        .code(1)
        .stdout_has("page  fail  status is 500, expected status == 200; the deadline of 2.0 s passed\n")
        .stdout_has("hang  fail  no whole answer from ")
        .stdout_has("; the deadline of 2.0 s passed\n")
        .any_stderr()
        .check();
}

#[test]
fn the_deadline_is_a_setting_of_the_deployment() {
    let sandbox = Sandbox::new();
    sandbox.set("DEPLOYMENT_TIMEOUT", "300ms");
    let server = Server::behaves(|_, stream| hang(stream));
    smoke(&sandbox, &page(&server.url("/"), "timeout = '10m'"))
        .code(1)
        .stdout_has("the deadline of 0.3 s passed")
        .any_stderr()
        .check();
    sandbox.set("DEPLOYMENT_TIMEOUT", "soon");
    smoke(&sandbox, DISK).code(78).stderr_has("a setting is wrong").check();
}

#[test]
fn a_signal_does_not_wait_for_a_server_that_hangs() {
    let sandbox = Sandbox::new();
    let server = Server::behaves(|_, stream| hang(stream));
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let before = server.requests().len();
        let mut tool = smoke(&sandbox, &page(&server.url("/"), "timeout = '10m'")).spawn();
        wait_until("the server is asked", || server.requests().len() > before);
        kill_process(Pid::from_child(&tool), signal).unwrap();
        assert_eq!(tool.wait().unwrap().code(), Some(code));
    }
}

#[test]
fn a_run_leaves_one_record_and_a_dry_run_none() {
    let sandbox = Sandbox::new();
    smoke(&sandbox, DISK).arg("--dry-run").stdout("disk  disk  /: free > 1B\n").check();
    assert!(sandbox.journal().is_empty());
    smoke(&sandbox, FULL).code(1).stdout_has("fail").any_stderr().check();
    let journal = sandbox.journal();
    assert_eq!(journal.len(), 1);
    assert_eq!((&journal[0]["tool"], &journal[0]["command"]), (&"smoke-test".into(), &"check".into()));
    assert_eq!(journal[0]["details"]["checks"][0]["verdict"], "fail");
}

#[test]
fn a_dry_run_asks_nobody_and_says_what_would_be_asked() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|_| answer(200, ""));
    let url = server.url("/");
    smoke(&sandbox, &page(&url, "gate = true\ncommit = '$.c'"))
        .args(["--dry-run", "--expect-commit", "3f2a1c9"])
        .stdout(format!("page  http  (gate) GET {url}: status == 200, commit $.c is 3f2a1c9\n"))
        .check();
    assert!(server.requests().is_empty());
}

#[test]
fn checks_can_come_from_stdin_but_not_in_a_deployment() {
    let sandbox = Sandbox::new();
    sandbox.tool("smoke-test").arg("-").stdin(DISK).stdout_has("disk  pass  ").check();
    sandbox
        .tool("smoke-test")
        .arg("-")
        .stdin("x")
        .code(78)
        .stderr_has("smoke-test: the checks on stdin: line 1, column 2: ")
        .check();
    sandbox
        .tool("smoke-test")
        .arg("-")
        .env("PUSHBACK_DEPLOY", "prod-7")
        .code(2)
        .stderr_has("stdin holds the lock")
        .check();
}

#[test]
fn a_wrong_command_line_is_2() {
    let sandbox = Sandbox::new();
    for args in [
        &[][..],
        &[""],
        &["x", "--setting", "SMOKE_CHECKS"],
        &["x", "--expect-commit", "abc"],
        &["x", "--expect-commit", "unknown"],
        &["x", "--attempts", "0"],
        &["x", "--deadline", "0"],
        &["x", "--inconclusive", "maybe"],
        &["x", "--release", "latest"],
        &["x", "y"],
    ] {
        sandbox.tool("smoke-test").args(args).code(2).any_stderr().check();
    }
}

#[test]
fn a_checks_file_that_is_not_there_is_66() {
    let sandbox = Sandbox::new();
    sandbox
        .tool("smoke-test")
        .arg("no/such.toml")
        .code(66)
        .stderr("smoke-test: there is no checks file no/such.toml\n")
        .check();
}

#[test]
fn settings_that_others_may_read_are_77() {
    let sandbox = Sandbox::new();
    fs::set_permissions(sandbox.env_file(), fs::Permissions::from_mode(0o644)).unwrap();
    smoke(&sandbox, DISK).code(77).any_stderr().check();
}

#[test]
fn a_result_that_cannot_be_delivered_does_not_change_the_verdict() {
    let sandbox = Sandbox::new();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = smoke(&sandbox, DISK).into_command();
    let status = command.stdout(full).stderr(std::process::Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(0), "the record has it");
}
