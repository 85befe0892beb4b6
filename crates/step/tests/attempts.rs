//! run-step: attempts, logs and records.
#![cfg(test)]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use testkit::Sandbox;

/// A command that fails until it was tried `times` times.
fn succeeds_at(sandbox: &Sandbox, times: u32) {
    sandbox.fake(
        "flaky",
        &format!("#!/bin/sh\necho x >> tries\necho try $(wc -l < tries)\n[ $(wc -l < tries) -ge {times} ]\n"),
    );
}

#[test]
fn a_command_is_tried_until_it_succeeds() {
    let sandbox = Sandbox::new();
    succeeds_at(&sandbox, 2);
    let run = sandbox.tool("run-step").args(["test", "--attempts", "5", "--wait", "1ms"]);
    run.args(["--", "flaky"]).stderr("run-step: test exited with 1; trying again in 1ms\n").check();
    assert_eq!(sandbox.read("tries"), "x\nx\n");
    assert_eq!(sandbox.journal()[0]["details"]["attempts"], 2);
}

#[test]
fn a_command_that_fails_at_every_attempt_fails() {
    let sandbox = Sandbox::new();
    succeeds_at(&sandbox, 9);
    let run = sandbox.tool("run-step").args(["test", "-q", "--attempts", "3", "--wait", "1ms"]);
    let run = run.args(["--", "flaky"]).code(1);
    run.stderr_has("  | try 3\nrun-step: test exited with 1: flaky\n").check();
    assert_eq!(sandbox.read("tries"), "x\nx\nx\n");
    assert_eq!(sandbox.journal().len(), 1);
}

#[test]
fn an_attempt_that_takes_too_long_is_tried_again_too() {
    let sandbox = Sandbox::new();
    sandbox.fake("slow", "#!/bin/sh\n[ -e tried ] && exit 0\ntouch tried\nexec sleep 600\n");
    let run = sandbox.tool("run-step").args(["test", "--timeout", "300ms", "--attempts", "2", "--wait", "1ms"]);
    run.args(["--", "slow"]).stderr_has("took longer than it may; trying again").check();
}

#[test]
fn a_log_holds_the_last_attempt_and_only_its_owner_reads_it() {
    let sandbox = Sandbox::new();
    sandbox.staged(1);
    succeeds_at(&sandbox, 1);
    let step = || {
        let run = sandbox.program("/bin/sh".as_ref()).env("PUSHBACK_ENV", sandbox.env_file());
        let run = run.env("PUSHBACK_DEPLOY", "prod-1").arg("-c").arg("umask 0; exec \"$0\" test -- flaky");
        run.arg(testkit::tool_path("run-step")).check();
    };
    step();
    step();
    let release = format!("prod/releases/{}/tries", testkit::release_of(1));
    assert_eq!(sandbox.read(&release), "x\nx\n");
    assert_eq!(sandbox.read("prod/logs/prod-1-test.log"), "try 2\n");
    let mode = |path: &str| fs::metadata(sandbox.path(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("prod/logs/prod-1-test.log"), mode("prod/logs")), (0o600, 0o700));
    assert_eq!(mode("prod/journal.ndjson"), 0o600);
}

#[test]
fn a_failed_command_shows_its_last_twenty_lines_without_what_steers_a_terminal() {
    let sandbox = Sandbox::new();
    sandbox.fake("loud", "#!/bin/sh\nseq 1 30\nprintf '\\033[31mred\\342\\200\\256\\n' >&2\nexit 1\n");
    let run = sandbox.tool("run-step").args(["test", "--", "loud"]).code(1);
    let said = run.stderr_has("  | 12\n").stderr_has("  | \u{fffd}[31mred\u{fffd}\n").check().stderr;
    assert!(!said.contains("| 11\n") && !said.contains('\u{1b}'), "{said}");
}

#[test]
fn a_record_tells_what_ran_and_where_its_log_is() {
    let sandbox = Sandbox::new();
    sandbox.staged(1);
    let run = sandbox.tool("run-step").env("PUSHBACK_DEPLOY", "prod-1").env("PUSHBACK_STEP", "test");
    run.args(["test", "--", "true"]).check();
    let record = &sandbox.journal()[0];
    let log = sandbox.path("prod/logs/prod-1-test.log").display().to_string();
    assert_eq!(record["details"]["log"], json!(log));
    for (key, value) in
        [("tool", "run-step"), ("command", "test"), ("env", "prod"), ("deploy", "prod-1"), ("step", "test")]
    {
        assert_eq!(record[key], value, "{key}");
    }
}

#[test]
fn more_than_one_pipe_of_output_delays_nobody() {
    let sandbox = Sandbox::new();
    let run = sandbox.tool("run-step").args([
        "test",
        "--",
        "sh",
        "-c",
        "head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2",
    ]);
    run.check();
    let logs = fs::read_dir(sandbox.root().join("logs")).unwrap();
    let sizes: Vec<u64> = logs.map(|log| log.unwrap().metadata().unwrap().len()).collect();
    assert_eq!(sizes, [2_000_000]);
}

#[test]
fn of_a_flood_of_output_only_the_end_is_shown_and_all_of_it_logged() {
    let sandbox = Sandbox::new();
    let flood = "head -c 30000000 /dev/zero | tr '[:cntrl:]' x; echo; echo the last word; exit 1";
    let run = sandbox.tool("run-step").args(["test", "--", "sh", "-c", flood]).code(1);
    let said = run.stderr_has("the last word").check().stderr;
    assert!(said.len() < 20_000, "{} bytes", said.len());
    let logs = fs::read_dir(sandbox.path("prod/logs")).unwrap().flatten();
    let lengths: Vec<u64> = logs.map(|log| log.metadata().unwrap().len()).collect();
    assert_eq!(lengths, [30_000_000 + "\nthe last word\n".len() as u64]);
}
