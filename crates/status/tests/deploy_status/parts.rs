//! Each part by itself: what it says when all is not well, and that its failure takes nothing else down.

use std::fs;

use serde_json::{Value, json};
use testkit::{Sandbox, commit_of, release_of};

use crate::stand_in::{answers, backup, check, prints, status, told, way_back, well};

#[test]
fn a_tool_that_fails_makes_its_own_line_say_so() {
    for (tool, label, part) in
        [("backup-db", "backup", "backup"), ("rollback", "way back", "way_back"), ("deploy-queue", "queue", "queue")]
    {
        let sandbox = well();
        let says = |sentence: &str| {
            let line = format!("  {label:8}  could not be found out: {sentence}");
            status(&sandbox).stdout_has("prod: healthy").stdout_has(line).check();
        };
        answers(&sandbox, tool, 74, &json!({}));
        says(&format!("{tool} says no\n"));
        let error = json!({"kind": "io", "message": format!("{tool} says no"), "hint": "look at it"});
        assert_eq!(told(&sandbox, 0)["details"][part], json!({"error": error}));
        prints(&sandbox, tool, 0, "hello\n");
        says(&format!("{tool} exited with 0 and its answer is not understood: it exited with 0\n"));
        sandbox.stand_in(tool, "echo 'Killed by a test' >&2; kill -9 $$");
        says(&format!("{tool} was ended by signal 9\n"));
        answers(&sandbox, tool, 0, &json!({"backups": 1, "problems": 1, "running": 1}));
        says(&format!("{tool} gave an answer that is not understood: "));
        fs::remove_file(sandbox.path("tools").join(tool)).unwrap();
        says(&format!("cannot run {tool}: it is neither beside this tool nor on PATH\n"));
    }
}

#[test]
fn tags_that_cannot_be_asked_for_make_their_own_line_say_so() {
    let sandbox = well();
    status(&sandbox).stdout_has("  tags      could not be found out: DEPLOY_REPO is not set\n").check();
    assert_eq!(told(&sandbox, 0)["details"]["live"]["tags"]["error"]["kind"], "settings");
}

#[test]
fn the_tags_of_the_live_commit_are_told() {
    let sandbox = well();
    let repository = sandbox.repository();
    let (commit, _) = repository.push("one");
    sandbox.write(&format!("prod/releases/{}/REVISION", release_of(2)), &commit);
    repository.git(&["tag", "v1"]);
    repository.git(&["tag", "--annotate", "--message", "two", "v1.1"]);
    repository.push("two");
    repository.git(&["tag", "v2"]);
    repository.git(&["push", "--quiet", "--tags", "origin"]);
    status(&sandbox).stdout_has("  tags      v1, v1.1\n").check();
}

#[test]
fn a_backup_that_is_damaged_or_not_there_is_warned_of() {
    let sandbox = well();
    let warned = |backups: Value, line: &str, warning: &str| {
        answers(&sandbox, "backup-db", 0, &json!({"backups": backups}));
        let said = status(&sandbox).stdout_has(line).stdout_has("prod: healthy").check().stdout;
        assert_eq!(said.lines().filter(|line| line.starts_with("warning: ")).count(), usize::from(!warning.is_empty()));
        assert!(said.contains(warning), "{said}");
    };
    warned(
        json!([backup(&json!("database.sqlite.gz is missing")), backup(&Value::Null)]),
        "2.0 KiB, damaged\n",
        "warning: the last backup, 2020-01-01T00-00-00Z, is damaged: database.sqlite.gz is missing\n",
    );
    // One without a manifest has no time and no size.
    let nameless = json!({"name": "2020-01-01T00-00-00Z", "created_at": null, "stored_size": null, "damaged": "cut"});
    warned(json!([nameless]), "  backup    2020-01-01T00-00-00Z, damaged\n", "is damaged: cut\n");
    warned(json!([]), "  backup    none\n", "warning: there is no backup\n");
    // Without a database there is nothing to back up.
    sandbox.set("DATABASE_URL", "");
    warned(json!([]), "  backup    none\n", "");
}

#[test]
fn a_way_back_that_is_broken_is_warned_of() {
    let sandbox = well();
    answers(&sandbox, "rollback", 1, &way_back(&["1-0000001 is damaged", "the disk is full"]));
    let run = status(&sandbox).stdout_has("  way back  to 1-0000001, broken\n");
    run.stdout_has("warning: the way back is broken: 1-0000001 is damaged\n")
        .stdout_has("warning: the way back is broken: the disk is full\n")
        .check();
    answers(&sandbox, "rollback", 0, &json!({"to": null, "commit": null, "problems": []}));
    status(&sandbox).stdout_has("  way back  none: there is nothing to go back to\n").check();
}

#[test]
fn a_hold_and_what_waits_are_told() {
    let sandbox = well();
    sandbox.repository().push("one");
    let queue = |args: &[&str]| sandbox.own_tool("deploy-queue").args(args).any_stdout().any_stderr().check();
    queue(&["hold", "--by", "ada", "exams"]);
    queue(&["submit", "main"]);
    let run = status(&sandbox).stdout_has(", 1 submission waits, held\n");
    run.stdout_has("prod: healthy").stdout_has("\nwarning: deployments are held by ada: exams\n").check();
    assert_eq!(told(&sandbox, 0)["details"]["queue"]["held"]["reason"], "exams");
}

#[test]
fn a_deployment_in_progress_is_told_and_what_is_live_is_judged_all_the_same() {
    let sandbox = well();
    sandbox.history(&[json!({"tool": "deploy-queue", "command": "begin", "deploy": "prod-3", "commit": commit_of(3)})]);
    let lock = sandbox.hold_lock("deploy-queue run, process 1");
    let run = status(&sandbox).stdout_has("queue     prod-3 runs, nothing waits\n").stdout_has("prod: healthy\n");
    run.stdout_has("prod-3  0000003  runs, or was killed\n").stdout_has("2-0000002").check();
    lock.unlock().unwrap();
    // Nobody holds the lock any more: it was killed.
    let killed = "warning: prod-3 was killed: deploy-queue run settles it\n";
    status(&sandbox).stdout_has("queue     nothing runs").stdout_has(killed).check();
}

#[test]
fn a_release_that_is_just_being_verified_is_not_verified_yet() {
    let sandbox = well();
    sandbox.deployed(3, None);
    let lock = sandbox.hold_lock("deploy-queue run, process 1");
    status(&sandbox).stdout_has("verified  not yet: prod-3 runs\n").stdout_has("prod: healthy\n").check();
    lock.unlock().unwrap();
    status(&sandbox).code(1).any_stdout().stderr_has("3-0000003 was never verified\n").check();
}

#[test]
fn a_deployment_that_ends_while_the_app_is_asked_is_not_taken_for_one_that_never_ended() {
    let sandbox = well();
    sandbox.deployed(3, None);
    answers(&sandbox, "deploy-queue", 0, &json!({"running": ["prod-3"], "waiting": [], "holder": "deploy-queue run"}));
    let (running, idle) = (sandbox.path("deploy-queue.json"), r#"'s/"running":.*,"waiting/"running":[],"waiting/'"#);
    let end = r#"{"v":1,"tool":"deploy-queue","command":"end","deploy":"prod-3","success":true,"exit_code":0,"started_at":"2026-11-21T10:15:00Z","duration_ms":5}"#;
    let (journal, healthy) = (sandbox.root().join("journal.ndjson"), sandbox.path("smoke-test.json"));
    sandbox.stand_in(
        "smoke-test",
        &format!(
            "sed -i {idle} {}\necho '{end}' >> {}\ncat {}",
            running.display(),
            journal.display(),
            healthy.display()
        ),
    );
    status(&sandbox).stdout_has("prod: healthy\n").check();
    assert!(sandbox.read("deploy-queue.json").contains(r#""running":[]"#));
    status(&sandbox).stdout_has("verified  yes\n").check();
}

#[test]
fn checks_that_do_not_simply_pass_are_told_one_by_one() {
    let sandbox = well();
    let checks = json!([check("health", "pass", "status 200"), check("disk", "warn", "free is 4 %")]);
    answers(&sandbox, "smoke-test", 0, &json!({"checks": checks}));
    status(&sandbox).stdout_has("  health    1 of 2 checks pass\n            disk: warn: free is 4 %\n").check();
}

#[test]
fn torn_lines_of_the_journal_are_counted() {
    let sandbox = well();
    let journal = sandbox.read("prod/journal.ndjson");
    sandbox.write("prod/journal.ndjson", format!("hello\n{journal}{{\"v\":1,\"tool\":\"rel"));
    status(&sandbox).stdout_has("warning: 2 lines of the journal could not be read\n").check();
    assert_eq!(told(&sandbox, 0)["details"]["unreadable_lines"], 2);
}

#[test]
fn without_a_check_the_last_recorded_test_speaks() {
    let no_check = |sandbox: &Sandbox| status(sandbox).arg("--no-check");
    let sandbox = well();
    fs::remove_file(sandbox.path("tools/smoke-test")).unwrap();
    no_check(&sandbox).stdout_has("prod: healthy\n").stdout_has(", recorded ").check();
    let test = |code: u8, step: Value, details: Value| {
        json!({"tool": "smoke-test", "command": "check", "release": release_of(2), "success": code == 0, "step": step,
               "exit_code": code, "details": details, "error": {"kind": "no", "message": "1 of 2 checks failed: health"}})
    };
    // A preflight by hand says nothing about the app.
    sandbox.history(&[test(1, Value::Null, json!({"checks": []}))]);
    no_check(&sandbox).stdout_has("prod: healthy\n").check();
    let by_hand = json!({"expected_commit": commit_of(2), "checks": [check("health", "fail", "status is 500")]});
    sandbox.history(&[test(1, Value::Null, by_hand)]);
    let run = no_check(&sandbox).code(1).stderr_has("prod is not healthy: 1 of 2 checks failed: health\n");
    run.stdout_has("            health: fail: status is 500\n").check();
    sandbox.history(&[test(69, json!("smoke"), json!({"checks": []}))]);
    no_check(&sandbox).code(69).any_stdout().stderr_has("it is not known whether prod is healthy").check();
    sandbox.set("SMOKE_CHECKS", "");
    no_check(&sandbox).stdout_has("  health    not asked: no smoke test is set\n").check();
}

#[test]
fn without_a_check_and_without_a_record_it_is_not_known() {
    let sandbox = well();
    sandbox.write("prod/journal.ndjson", sandbox.read("prod/journal.ndjson").replace("smoke-test", "other-test"));
    let run = status(&sandbox).arg("--no-check").code(74).any_stdout();
    run.stderr_has("no smoke test of 2-0000002 is recorded\nhint: without --no-check it is asked now\n").check();
}
