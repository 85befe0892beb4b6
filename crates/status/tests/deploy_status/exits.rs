//! deploy-status: one test for each exit code that it documents.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::json;
use testkit::{Sandbox, commit_of, kill, release_of, tool_path, wait_until};

use crate::stand_in::{answers, check, prints, status, told, well};

/// Makes `current` point somewhere.
fn point(sandbox: &Sandbox, target: &str) {
    let current = sandbox.root().join("current");
    fs::remove_file(&current).unwrap();
    symlink(target, current).unwrap();
}

#[test]
fn a_release_that_is_verified_and_passes_its_checks_is_0() {
    status(&well()).stdout_has("prod: healthy\n").check();
}

#[test]
fn a_release_that_no_test_could_verify_is_0() {
    let sandbox = well();
    sandbox.deployed(3, Some(6));
    answers(&sandbox, "smoke-test", 0, &json!({"skipped": "SMOKE_CHECKS is empty"}));
    status(&sandbox).stdout_has("health    not asked: no smoke test is set\n").stdout_has("verified  no\n").check();
}

#[test]
fn a_check_that_fails_is_1() {
    let sandbox = well();
    answers(&sandbox, "smoke-test", 1, &json!({"checks": [check("front", "fail", "status is 500")]}));
    let run = status(&sandbox).code(1).stderr_has("deploy-status: prod is not healthy: smoke-test says no\nhint: ");
    run.stdout_has("prod: not healthy\n").stdout_has("            front: fail: status is 500\n").check();
    let object = told(&sandbox, 1);
    assert_eq!(
        (&object["error"]["kind"], &object["details"]["health"]["verdict"]),
        (&"no".into(), &"unhealthy".into())
    );
}

#[test]
fn nothing_live_is_1() {
    let sandbox = well();
    fs::remove_file(sandbox.root().join("current")).unwrap();
    let run = status(&sandbox).code(1).stderr_has("prod is not healthy: nothing is live\nhint: release list");
    run.stdout_has("  live      nothing\n  health    not asked: nothing is live\n").check();
    assert!(!sandbox.read("asked").contains("smoke-test"));
    assert_eq!(told(&sandbox, 1)["details"]["live"], serde_json::Value::Null);
}

#[test]
fn an_environment_to_which_nothing_was_deployed_yet_is_1() {
    let sandbox = Sandbox::new();
    sandbox.tool("deploy-status").code(1).stdout_has("queue     nothing runs").stderr_has("nothing is live").check();
    assert!(!sandbox.path("prod/journal.ndjson").exists());
}

#[test]
fn a_live_release_that_is_marked_bad_is_1() {
    let sandbox = well();
    sandbox.history(&[json!({"tool": "rollback", "command": "last", "phase": "begin",
                             "details": {"from": release_of(2), "to": release_of(1), "bad": true}})]);
    let run = status(&sandbox).code(1).stdout_has("  verified  no: it is marked bad\n");
    run.stderr_has("2-0000002 is marked bad, for a rollback left it\nhint: rollback --last").check();
}

#[test]
fn a_live_release_that_was_never_verified_is_1() {
    let sandbox = well();
    sandbox.deployed(3, Some(6));
    status(&sandbox).code(1).stdout_has("  verified  no\n").stderr_has("3-0000003 was never verified\nhint: ").check();
}

#[test]
fn a_deployment_without_a_way_back_is_1_until_something_better_comes() {
    let sandbox = well();
    sandbox.deployed(3, Some(5));
    point(&sandbox, &format!("releases/{}", release_of(2)));
    status(&sandbox).code(1).any_stdout().stderr_has("prod-3 ended with 5, and nothing better came since").check();
    sandbox.history(&[json!({"tool": "smoke-test", "command": "check", "success": true, "exit_code": 0,
                             "release": release_of(2), "details": {"expected_commit": commit_of(2), "checks": []}})]);
    status(&sandbox).stdout_has("prod: healthy\n").check();
}

#[test]
fn wrong_usage_is_2() {
    for args in [&["prod-1"][..], &["--timeout", "soon"], &["--check"]] {
        status(&well()).args(args).code(2).any_stderr().check();
    }
}

#[test]
fn a_live_release_that_is_damaged_is_65() {
    let sandbox = well();
    sandbox.write(&format!("prod/releases/{}/REVISION", release_of(2)), "main\n");
    let run = status(&sandbox).code(65).stdout_has("prod: not known\n").stderr_has("does not hold a commit");
    run.stdout_has("  backup    2020-01-01T00-00-00Z").check();
}

#[test]
fn a_current_that_dangles_and_a_checks_file_that_is_gone_are_66() {
    let sandbox = well();
    answers(&sandbox, "smoke-test", 66, &json!({}));
    let run = status(&sandbox).code(66).stdout_has("  health    could not be found out: smoke-test says no\n");
    run.stderr_has("it is not known whether prod is healthy: smoke-test says no\nhint: look at it\n").check();
    fs::remove_dir_all(sandbox.root().join("releases").join(release_of(2))).unwrap();
    let run = status(&sandbox).code(66).stdout_has("  live      could not be found out: there is no release 2-0000002");
    run.stdout_has("  way back  to 1-0000001").stderr_has("hint: `current` points at it").check();
}

#[test]
fn a_program_or_a_tool_that_is_missing_is_69() {
    let sandbox = well();
    answers(&sandbox, "smoke-test", 69, &json!({"checks": [check("app", "error", "cannot run app-check")]}));
    let run = status(&sandbox).code(69).any_stderr();
    run.stdout_has("            app: error: cannot run app-check\n").check();
    fs::remove_file(sandbox.path("tools/smoke-test")).unwrap();
    status(&sandbox).code(69).any_stdout().stderr_has("cannot run smoke-test").check();
}

#[test]
fn a_check_that_could_not_be_made_or_a_journal_that_cannot_be_read_is_74() {
    let sandbox = well();
    answers(&sandbox, "smoke-test", 74, &json!({"checks": []}));
    status(&sandbox).code(74).any_stdout().stderr_has("it is not known").check();
    prints(&sandbox, "smoke-test", 0, "");
    status(&sandbox)
        .code(74)
        .any_stdout()
        .stderr_has("smoke-test exited with 0 and its answer is not understood")
        .check();
    // A smoke test that somebody killed, or that does not know what it is asked, is no end and no usage of ours.
    sandbox.stand_in("smoke-test", "kill -9 $$");
    status(&sandbox).code(74).any_stdout().stderr_has("smoke-test was ended by signal 9").check();
    answers(&sandbox, "smoke-test", 2, &json!({}));
    status(&sandbox).code(74).any_stdout().any_stderr().check();
    let journal = sandbox.root().join("journal.ndjson");
    fs::remove_file(&journal).unwrap();
    fs::create_dir(&journal).unwrap();
    status(&sandbox).code(74).stderr_has("cannot read the journal").check();
}

#[test]
fn a_page_that_nobody_gets_is_74() {
    let sandbox = well();
    let shell = sandbox.program(Path::new("/bin/sh")).env("PUSHBACK_ENV", sandbox.env_file());
    let run = shell.args(["-c", "exec \"$0\" >/dev/full"]).arg(sandbox.path("tools/deploy-status"));
    run.code(74).stderr_has("cannot write the result to stdout: no space left on device").check();
}

#[test]
fn settings_that_others_may_read_are_77() {
    let sandbox = well();
    sandbox.program("chmod".as_ref()).arg("644").arg(sandbox.env_file()).check();
    status(&sandbox).arg("-q").code(77).stderr_has("others may read").check();
}

#[test]
fn an_environment_of_somebody_else_is_77() {
    // As root /proc/1 is ours: then a directory is given away.
    let sandbox = well();
    let given = sandbox.program("chown".as_ref()).args(["12345"]).arg(sandbox.root()).into_command().output().unwrap();
    if !given.status.success() {
        sandbox.set("DEPLOY_ROOT", "/proc/1");
    }
    status(&sandbox).code(77).stderr_has("who alone works in it").check();
}

#[test]
fn settings_that_are_wrong_and_a_current_that_is_no_link_are_78() {
    let sandbox = well();
    status(&sandbox).env_remove("PUSHBACK_ENV").code(78).stderr_has("DEPLOY_ROOT is not set").check();
    answers(&sandbox, "smoke-test", 78, &json!({}));
    status(&sandbox).code(78).any_stdout().stderr_has("it is not known").check();
    point(&sandbox, "/etc");
    status(&sandbox).code(78).stdout_has("  queue     nothing runs").stderr_has("which is no release").check();
    let current = sandbox.root().join("current");
    fs::remove_file(&current).unwrap();
    fs::create_dir(&current).unwrap();
    let run =
        status(&sandbox).code(78).stdout_has("  live      could not be found out: ").stdout_has("prod: not known\n");
    run.stdout_has("exit 0: live and verified").stderr_has("is not a symbolic link\nhint: move it away").check();
}

#[test]
fn a_smoke_test_that_does_not_end_is_124() {
    let sandbox = well();
    sandbox.stand_in("smoke-test", "exec sleep 600");
    let run = status(&sandbox).args(["--timeout", "1ms"]).code(124).stderr_has("smoke-test took longer than it may");
    run.stdout_has("  backup    2020-01-01T00-00-00Z").check();
}

#[test]
fn an_interrupted_question_is_128_and_the_signal_and_leaves_nobody_at_work() {
    for (signal, code) in [("TERM", 143), ("INT", 130), ("HUP", 129)] {
        let sandbox = well();
        let (pid, asked) = (sandbox.path("pid"), sandbox.path("asked"));
        sandbox
            .stand_in("smoke-test", &format!("echo $$ > {}; touch {}; exec sleep 600", pid.display(), asked.display()));
        let mut child = status(&sandbox).spawn();
        wait_until("the smoke test is asked", || asked.exists());
        kill(signal, child.id());
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert!(!testkit::is_alive(&sandbox.read("pid")));
    }
}

#[test]
fn the_real_tool_needs_no_family_to_say_that_nothing_is_live() {
    let sandbox = Sandbox::new();
    assert!(tool_path("deploy-status").exists());
    sandbox.family(&["deploy-status"]);
    let run = status(&sandbox).code(1).stderr_has("nothing is live");
    run.stdout_has("  queue     could not be found out: cannot run deploy-queue").check();
}
