//! deployment-report: what a journal tells, whoever wrote it.
#![cfg(test)]

use std::path::Path;

use serde_json::{Value, json};
use testkit::{Run, Sandbox, commit_of, release_of, tool_path};

fn report(sandbox: &Sandbox) -> Run {
    sandbox.tool("deployment-report")
}

fn json_of(sandbox: &Sandbox, args: &[&str]) -> Value {
    report(sandbox).args(args).args(["--format", "json"]).any_stdout().any_stderr().check().json()
}

/// A deployment that went well, step by step.
fn story() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, Some(0));
    let begin = json!({"tool": "deploy-queue", "command": "begin", "deploy": "prod-2", "commit": commit_of(2),
        "details": {"previous": release_of(1), "subject": "Say \"hello\" <b>", "author": "Ada", "by": "deploy",
                    "door": "push", "ref": "refs/heads/main"}});
    let step = |tool: &str, step: &str, details: Value| {
        let command = if step == "smoke" { "check" } else { step };
        json!({"tool": tool, "command": command, "step": step, "deploy": "prod-2", "success": true, "exit_code": 0,
               "duration_ms": 1234, "release": release_of(2), "details": details})
    };
    sandbox.history(&[
        begin,
        step("release", "stage", json!({})),
        step("run-step", "test", json!({"skipped": "TEST_COMMAND is empty"})),
        json!({"tool": "release", "command": "activate", "step": "activate", "phase": "begin", "deploy": "prod-2"}),
        step("release", "activate", json!({})),
        step("smoke-test", "smoke", json!({"summary": "3 pass"})),
        json!({"tool": "deploy-queue", "command": "end", "deploy": "prod-2", "success": true, "exit_code": 0,
               "duration_ms": 65_000}),
    ]);
    sandbox
}

#[test]
fn the_last_deployment_is_told_as_text() {
    let text = "prod-2  0000002  Say \"hello\" <b>
2026-11-21T10:15:00.000Z, by Ada, from refs/heads/main, asked for by deploy

  stage     ok          1.2 s
  test      skipped     1.2 s  TEST_COMMAND is empty
  activate  ok          1.2 s
  smoke     ok          1.2 s  3 pass

prod-2: exit 0: live and verified (1 min 05 s)
";
    report(&story()).stdout(text).check();
}

#[test]
fn a_deployment_can_be_named_by_argument_or_by_the_pipeline() {
    let sandbox = story();
    report(&sandbox).arg("prod-1").stdout_has("prod-1  0000001  Change 1\n").check();
    report(&sandbox).env("PUSHBACK_DEPLOY", "prod-1").stdout_has("prod-1  0000001").check();
    report(&sandbox).env("PUSHBACK_DEPLOY", "prod-1").arg("prod-2").stdout_has("prod-2  0000002").check();
}

#[test]
fn the_same_is_told_as_json() {
    let told = json_of(&story(), &[]);
    let keys: Vec<&String> = told.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "deploy",
            "commit",
            "subject",
            "author",
            "ref",
            "by",
            "door",
            "began_at",
            "duration_ms",
            "previous",
            "release",
            "exit_code",
            "outcome",
            "rolled_back",
            "steps"
        ]
    );
    assert_eq!((&told["subject"], &told["duration_ms"]), (&"Say \"hello\" <b>".into(), &65_000.into()));
    assert_eq!((&told["previous"], &told["release"]), (&release_of(1).into(), &release_of(2).into()));
    assert_eq!(
        told["steps"][1],
        json!({"step": "test", "verdict": "skipped", "duration_ms": 1234, "note": "TEST_COMMAND is empty"})
    );
}

#[test]
fn with_json_the_report_is_a_part_of_the_one_object() {
    let sandbox = story();
    let object = report(&sandbox).arg("--json").any_stdout().check().json();
    assert_eq!(object["details"]["report"], json_of(&sandbox, &[]));
}

#[test]
fn a_failed_deployment_is_told_with_the_reason_and_never_as_live() {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, None);
    sandbox.history(&[
        json!({"tool": "smoke-test", "command": "check", "step": "smoke", "deploy": "prod-1", "success": false, "exit_code": 1,
               "error": {"kind": "no", "message": "health: status is 500"}}),
        json!({"tool": "release", "command": "activate", "step": "rollback", "parent": "rollback", "deploy": "prod-1",
               "success": true}),
        json!({"tool": "rollback", "command": "deploy", "step": "rollback", "deploy": "prod-1", "success": true,
               "details": {"plan": "back to 0-0000000"}}),
        json!({"tool": "deploy-queue", "command": "end", "deploy": "prod-1", "success": false, "exit_code": 4}),
    ]);
    let said = report(&sandbox).stdout_has("smoke     failed").stdout_has("health: status is 500").check().stdout;
    assert!(said.contains("rollback  ok") && said.contains("back to 0-0000000"), "{said}");
    assert!(said.contains("exit 4: the smoke test failed; rolled back") && !said.contains("verified"), "{said}");
    assert_eq!(json_of(&sandbox, &[])["rolled_back"], true);
}

#[test]
fn a_success_that_no_smoke_test_bears_out_is_not_called_verified() {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, None);
    let run = report(&sandbox).args(["--outcome", "0"]);
    let said = run.stdout_has("it is not known to work").check().stdout;
    assert!(!said.contains("verified"), "{said}");
}

#[test]
fn the_journal_s_word_counts_more_than_the_pipeline_s() {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, Some(4));
    report(&sandbox).args(["--outcome", "0"]).stdout_has("exit 4: ").check();
}

#[test]
fn a_deployment_without_an_end_runs_or_was_killed() {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, None);
    report(&sandbox).stdout_has("prod-1: it has no end: it runs, or was killed").check();
}

#[test]
fn no_deployment_or_none_of_that_name_is_66() {
    let sandbox = Sandbox::new();
    let nothing = "deployment-report: the journal knows no deployment\n";
    report(&sandbox).code(66).stderr_has(nothing).check();
    report(&sandbox).args(["--journal", "-"]).code(66).stderr_has(nothing).check();
    report(&sandbox).args(["--journal", "/nonexistent"]).code(66).stderr_has(nothing).check();
    report(&story()).arg("prod-9").code(66).stderr_has("the journal knows no deployment prod-9\n").check();
}

#[test]
fn wrong_usage_is_2() {
    for args in [&["42"][..], &["--format", "html"], &["--outcome", "300"], &["prod-1", "prod-2"]] {
        report(&story()).args(args).code(2).any_stderr().check();
    }
}

#[test]
fn a_report_that_cannot_be_delivered_or_a_journal_that_cannot_be_read_is_74() {
    let sandbox = story();
    let shell = sandbox.program(Path::new("/bin/sh")).env("PUSHBACK_ENV", sandbox.env_file());
    let run = shell.args(["-c", "exec \"$0\" >/dev/full"]).arg(tool_path("deployment-report"));
    run.code(74).stderr_has("cannot write the result to stdout: no space left on device").check();
    report(&sandbox).arg("--journal").arg(sandbox.root()).code(74).stderr_has("cannot read the journal").check();
}

#[test]
fn settings_that_say_nothing_are_78_and_a_report_changes_nothing() {
    let sandbox = story();
    let before = sandbox.read("prod/journal.ndjson");
    report(&sandbox).env_remove("PUSHBACK_ENV").code(78).stderr_has("DEPLOY_ROOT is not set").check();
    report(&sandbox).any_stdout().check();
    assert_eq!(sandbox.read("prod/journal.ndjson"), before);
}
