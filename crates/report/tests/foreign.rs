//! deployment-report: a journal that is torn, foreign, evil or from elsewhere.
#![cfg(test)]

use serde_json::json;
use testkit::{Run, Sandbox};

fn report(sandbox: &Sandbox) -> Run {
    sandbox.tool("deployment-report")
}

/// Two deployments that went well.
fn story() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, Some(0));
    sandbox.deployed(2, Some(0));
    sandbox
}

#[test]
fn torn_and_foreign_lines_are_counted_and_the_rest_is_told() {
    let sandbox = story();
    let journal = sandbox.read("prod/journal.ndjson");
    let spoiled = format!("hello\n{{\"v\":99}}\n\n[1]\n{{\"v\":1,\"tool\":\n{journal}{{\"v\":1,\"tool\":\"to");
    sandbox.write("prod/journal.ndjson", spoiled);
    let run = report(&sandbox).stdout_has("live and verified");
    run.stderr("deployment-report: 5 lines of the journal could not be read\n").check();
    let object = report(&sandbox).arg("--json").any_stdout().any_stderr().check().json();
    assert_eq!(object["details"]["unreadable_lines"], 5);
}

#[test]
fn a_line_that_is_no_text_is_counted_too() {
    let sandbox = story();
    let mut journal = sandbox.read("prod/journal.ndjson").into_bytes();
    journal.extend_from_slice(b"{\"v\":1,\"tool\":\"\xff\xfe\"}\n\0\0\0\n");
    sandbox.write("prod/journal.ndjson", journal);
    report(&sandbox).any_stdout().stderr("deployment-report: 2 lines of the journal could not be read\n").check();
}

#[test]
fn foreign_text_steers_no_terminal() {
    let sandbox = Sandbox::new();
    let evil = "\u{1b}[2J\u{9b}31m\u{202e}gnp\u{2066}\r\u{7}\u{8}\nsecond line\t.";
    sandbox.history(&[
        json!({"tool": "deploy-queue", "command": "begin", "deploy": "prod-1", "commit": evil,
               "details": {"subject": evil, "author": evil, "by": evil, "ref": evil, "door": evil}}),
        json!({"tool": "run-step", "step": evil, "deploy": "prod-1", "success": false,
               "error": {"kind": "no", "message": evil}}),
        json!({"tool": "deploy-queue", "command": "end", "deploy": "prod-1", "success": false, "exit_code": 1,
               "details": {"note": evil}}),
    ]);
    let steers = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{2066}\u{9b}".contains(c);
    for format in ["text", "markdown", "json"] {
        let said = report(&sandbox).args(["--format", format]).any_stdout().any_stderr().check().stdout;
        assert!(!said.contains(steers), "{format}: {said:?}");
        assert!(!said.contains("\nsecond"), "{format}: {said:?}");
    }
    let said = report(&sandbox).arg("--json").any_stdout().any_stderr().check().stdout;
    assert!(!said.trim_end().contains(steers), "{said:?}");
}

#[test]
fn a_journal_from_elsewhere_is_read_from_a_file_or_stdin_without_any_settings() {
    let sandbox = story();
    let journal = sandbox.read("prod/journal.ndjson");
    let run = report(&sandbox).env_remove("PUSHBACK_ENV").args(["--journal", "-"]);
    run.stdin(journal.clone()).stdout_has("prod-2: exit 0: live and verified").check();
    let file = sandbox.write("copy.ndjson", journal);
    let run = report(&sandbox).env_remove("PUSHBACK_ENV").arg("--journal").arg(file);
    run.arg("prod-1").stdout_has("prod-1: exit 0").check();
}

#[test]
fn a_number_that_no_clock_ever_told_is_told_all_the_same() {
    let sandbox = story();
    let journal =
        sandbox.read("prod/journal.ndjson").replace("\"duration_ms\":5", &format!("\"duration_ms\":{}", u64::MAX));
    assert!(journal.contains(&u64::MAX.to_string()));
    sandbox.write("prod/journal.ndjson", journal);
    for format in ["text", "markdown", "json"] {
        report(&sandbox).args(["--format", format]).stdout_has("live and verified").check();
    }
}
