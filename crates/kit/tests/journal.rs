//! The journal in every state in which a crash, a person or a later version can leave it: each tool still answers.
#![cfg(test)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::json;
use testkit::{Run, Sandbox, release_of};

/// A sandbox in which two deployments were verified, with a file of these bytes in the middle of its journal.
fn with_lines(middle: &[u8]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, Some(0));
    let first = fs::read(journal(&sandbox)).unwrap();
    fs::write(journal(&sandbox), "").unwrap();
    sandbox.deployed(2, Some(0));
    let second = fs::read(journal(&sandbox)).unwrap();
    fs::write(journal(&sandbox), [&first, middle, &second].concat()).unwrap();
    sandbox.write("prod/logs/prod-2.log", "it went well\n");
    sandbox
}

fn journal(sandbox: &Sandbox) -> PathBuf {
    sandbox.root().join("journal.ndjson")
}

/// Every tool that reads the journal, and what it must find in it.
fn readers(sandbox: &Sandbox) -> Vec<(&'static str, Run)> {
    let commit = testkit::commit_of(2);
    vec![
        ("list", sandbox.tool("release").arg("list").stdout_has("verified")),
        ("current", sandbox.tool("release").args(["current", "--is", &commit])),
        ("prune", sandbox.tool("release").args(["prune", "--dry-run"])),
        ("report", sandbox.tool("deployment-report").stdout_has("prod-2")),
        ("log", sandbox.tool("deploy-queue").arg("log").stdout_has("prod-1  ").stdout_has("prod-2  ")),
        ("queue", sandbox.tool("deploy-queue").arg("list")),
        ("guard", sandbox.tool("rollback").arg("--guard")),
        ("rollback", sandbox.tool("rollback").arg("--last").stdout_has(release_of(1))),
    ]
}

#[test]
fn lines_that_cannot_be_read_are_counted_and_every_tool_goes_on_with_the_rest() {
    let deep = format!("{}1{}\n", "[".repeat(200_000), "]".repeat(200_000));
    let deep_details = format!(
        "{{\"v\":1,\"tool\":\"x\",\"started_at\":\"2026-11-21T10:15:00Z\",\"duration_ms\":0,\"details\":{}}}\n",
        "{\"a\":".repeat(10_000)
    );
    let huge = format!("{}\n", "x".repeat(10_000_000));
    let future = format!("{}\n", json!({"v": 2, "tool": "deploy-queue", "command": "end", "deploy": "prod-1"}));
    let odd_types = "{\"v\":\"1\",\"tool\":[],\"details\":null}\n".to_owned();
    let twice = "{\"v\":1,\"v\":1,\"tool\":\"x\",\"tool\":\"y\"}\n".to_owned();
    for middle in [
        b"{\"v\":1,\"tool\":\"to\n".to_vec(),
        b"<?xml version='1.0'?>\n".to_vec(),
        b"\x00\xff\xfe\x1b[2J\n".to_vec(),
        vec![0; 4096].into_iter().chain(*b"\n").collect(),
        future.into_bytes(),
        deep.into_bytes(),
        deep_details.into_bytes(),
        huge.into_bytes(),
        odd_types.into_bytes(),
        twice.into_bytes(),
    ] {
        let sandbox = with_lines(&middle);
        for (name, run) in readers(&sandbox) {
            let ran = run.any_stdout().any_stderr().check();
            let counts = matches!(name, "report" | "log");
            assert_eq!(
                ran.stderr.contains(": 1 lines of the journal could not be read"),
                counts,
                "{name}: {}",
                ran.stderr
            );
        }
        assert_eq!(sandbox.live(), release_of(1));
    }
}

#[test]
fn a_record_of_ten_megabytes_is_a_record() {
    let record = json!({"v": 1, "tool": "run-step", "command": "test", "deploy": "prod-1", "step": "test",
                        "started_at": "2026-11-21T10:15:00.000Z", "duration_ms": 1, "success": true, "exit_code": 0,
                        "details": {"text": "x".repeat(10_000_000)}});
    let sandbox = with_lines(format!("{record}\n").as_bytes());
    for (_, run) in readers(&sandbox) {
        let ran = run.any_stdout().any_stderr().check();
        assert!(!ran.stderr.contains("could not be read"), "{}", ran.stderr);
    }
}

#[test]
fn a_last_line_that_was_torn_spoils_only_itself_whichever_tool_comes_next() {
    let sandbox = with_lines(b"");
    let mut text = fs::read(journal(&sandbox)).unwrap();
    text.extend_from_slice(b"{\"v\":1,\"tool\":\"rel");
    fs::write(journal(&sandbox), text).unwrap();
    sandbox.tool("rollback").arg("--last").any_stdout().any_stderr().check();
    let text = sandbox.read("prod/journal.ndjson");
    let torn: Vec<&str> =
        text.lines().filter(|line| serde_json::from_str::<serde_json::Value>(line).is_err()).collect();
    assert_eq!(torn, ["{\"v\":1,\"tool\":\"rel"]);
    assert_eq!(sandbox.live(), release_of(1));
}

/// Those that would have to read it, those that would have to append to it.
const TOOLS: [(&str, &[&str]); 10] = [
    ("release", &["list"]),
    ("release", &["prune"]),
    ("release", &["activate", "1-0000001"]),
    ("release", &["deactivate"]),
    ("rollback", &["--last"]),
    ("rollback", &["--guard"]),
    ("deploy-queue", &["log"]),
    ("deploy-queue", &["run"]),
    ("run-step", &["test", "--", "touch", "ran"]),
    ("deployment-report", &[]),
];

#[test]
fn what_is_no_file_in_its_place_is_74_at_once_and_nothing_is_done() {
    let sandbox = with_lines(b"");
    let repository = sandbox.repository();
    repository.push("one");
    let place = journal(&sandbox);
    fs::remove_file(&place).unwrap();
    for make in [&["mkdir"][..], &["mkfifo"], &["ln", "-s", "/dev/null"], &["ln", "-s", "journal.ndjson"]] {
        let (program, args) = make.split_first().unwrap();
        sandbox.program(format!("/usr/bin/{program}").as_ref()).args(args).arg(&place).check();
        for (tool, args) in TOOLS {
            let run = sandbox.tool(tool).args(args).code(74);
            run.stderr_has(format!("the journal {}: ", place.display())).check();
            assert_eq!(sandbox.live(), release_of(2), "{tool} {args:?}");
            assert!(!sandbox.path("ran").exists());
        }
        sandbox.program("/usr/bin/rm".as_ref()).args(["-rf"]).arg(&place).check();
    }
}

#[test]
fn a_journal_that_may_only_be_read_is_77_for_who_would_append_and_no_matter_for_who_reads() {
    let sandbox = with_lines(b"");
    // For root no mode is in the way: another user, who owns the environment, runs the tools.
    let script = "chown -R 65534 \"$0\" && chmod 755 \"$0\" && chmod 400 \"$0/prod/journal.ndjson\"";
    let give = sandbox.program("/bin/sh".as_ref()).args(["-c", script]).arg(sandbox.path(""));
    give.check();
    sandbox.family(&["release", "rollback", "smoke-test", "deployment-report", "run-step"]);
    fs::set_permissions(sandbox.path("tools"), fs::Permissions::from_mode(0o755)).unwrap();
    let run = |tool: &str| {
        let run = sandbox.program("/usr/bin/setpriv".as_ref()).env("PUSHBACK_ENV", sandbox.env_file());
        run.args(["--reuid=65534", "--clear-groups", "--"]).arg(sandbox.path("tools").join(tool))
    };
    run("release").arg("list").stdout_has("verified").check();
    run("deployment-report").stdout_has("prod-2").check();
    for (tool, args) in [
        ("release", &["activate", "1-0000001"][..]),
        ("rollback", &["--last"]),
        ("run-step", &["test", "--", "touch", "prod/ran"]),
    ] {
        run(tool).args(args).code(77).stderr_has("cannot open the journal").check();
    }
    assert_eq!(sandbox.live(), release_of(2));
    assert!(!sandbox.path("prod/ran").exists());
}

#[test]
fn a_journal_of_a_hundred_thousand_records_is_read_by_every_tool() {
    let sandbox = with_lines(b"");
    let old = fs::read(journal(&sandbox)).unwrap();
    fs::write(journal(&sandbox), "").unwrap();
    let step = |number: u64, step: &str| {
        json!({"v": 1, "tool": "run-step", "command": step, "deploy": format!("prod-{number}"), "step": step,
               "env": "prod", "started_at": "2026-01-01T00:00:00.000Z", "duration_ms": 1, "success": false,
               "exit_code": 1, "details": {}})
    };
    let mut text = Vec::new();
    for number in 3..10_003 {
        let begin = json!({"v": 1, "tool": "deploy-queue", "command": "begin", "deploy": format!("prod-{number}"),
                           "commit": testkit::commit_of(number), "started_at": "2026-01-01T00:00:00.000Z",
                           "duration_ms": 0, "details": {"previous": release_of(2), "entry": number}});
        let end = json!({"v": 1, "tool": "deploy-queue", "command": "end", "deploy": format!("prod-{number}"),
                         "success": false, "exit_code": 1, "started_at": "2026-01-01T00:00:00.000Z",
                         "duration_ms": 1, "details": {}});
        // Half of them name a deployment that the journal does not know.
        let steps = (0..8).map(|index| step(if index % 2 == 0 { number } else { 1_000_000 + number }, "test"));
        for record in [begin].into_iter().chain(steps).chain([end]) {
            text.extend(format!("{record}\n").into_bytes());
        }
    }
    fs::write(journal(&sandbox), [old, text].concat()).unwrap();
    assert_eq!(sandbox.journal().len(), 100_000 + 12);
    for (_, run) in readers(&sandbox) {
        run.any_stdout().any_stderr().check();
    }
    assert_eq!(sandbox.live(), release_of(1));
}
