//! rollback --check: the way back is proven before it is needed, and nothing is touched.
#![cfg(test)]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use testkit::{Run, Sandbox, commit_of, release_of};

fn check(sandbox: &Sandbox) -> Run {
    sandbox.tool("rollback").arg("--check")
}

/// What `--check --json` tells, after it ended with this code.
fn details(sandbox: &Sandbox, code: i32) -> Value {
    let ran = check(sandbox).arg("--json").code(code).any_stdout().any_stderr().check();
    serde_json::from_str::<Value>(&ran.stdout).unwrap()["details"].clone()
}

/// The only problem with the way back.
fn problem(sandbox: &Sandbox) -> String {
    let details = details(sandbox, 1);
    let problems = details["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems[0].as_str().unwrap().to_owned()
}

fn verified(count: u64) -> Sandbox {
    let sandbox = Sandbox::new();
    (1..=count).for_each(|number| sandbox.deployed(number, Some(0)));
    sandbox
}

#[test]
fn what_is_live_is_the_way_back_of_the_next_deployment() {
    let sandbox = verified(2);
    let told = json!({"to": release_of(2), "commit": commit_of(2), "expected_ms": 10, "measured": 2, "problems": []});
    assert_eq!(details(&sandbox, 0), told);
    check(&sandbox).stdout("back to 2-0000002, in about 0.0 s (2 activations so far)\n").check();
}

#[test]
fn nothing_live_is_a_first_deployment_and_never_blocked() {
    let sandbox = Sandbox::new();
    check(&sandbox).stdout("nothing is live yet: a first deployment has nothing to go back to\n").check();
    let told = json!({"to": null, "commit": null, "expected_ms": null, "measured": 0, "problems": []});
    assert_eq!(details(&sandbox, 0), told);
    assert!(!sandbox.root().join("journal.ndjson").exists() && !sandbox.root().join("state").exists());
}

#[test]
fn past_rollbacks_tell_how_long_it_takes() {
    let sandbox = verified(1);
    let back = |took: u64| json!({"tool": "rollback", "command": "last", "success": true, "exit_code": 0, "duration_ms": took});
    sandbox.history(&[back(3000), back(9000), back(3200)]);
    check(&sandbox).stdout("back to 1-0000001, in about 3.2 s (3 rollbacks so far)\n").check();
    let details = details(&sandbox, 0);
    assert_eq!((&details["expected_ms"], &details["measured"]), (&3200.into(), &3.into()));
}

#[test]
fn a_bad_release_that_is_live_is_no_way_back_but_the_newest_verified_one_is() {
    let sandbox = verified(3);
    sandbox.tool("rollback").arg("--last").any_stdout().any_stderr().check();
    sandbox.tool("release").args(["activate", &release_of(3)]).any_stdout().check();
    assert_eq!(details(&sandbox, 0)["to"], release_of(2));
    // And that is where a deployment that fails now goes.
    sandbox.deployed(4, None);
    sandbox.tool("rollback").args(["--deploy", "prod-4"]).any_stdout().any_stderr().check();
    assert_eq!(sandbox.live(), release_of(2));
}

#[test]
fn a_bad_release_with_nothing_verified_behind_it_is_1() {
    let sandbox = verified(1);
    sandbox.history(&[json!({"tool": "rollback", "command": "deploy", "phase": "begin", "deploy": "prod-1",
                             "details": {"from": release_of(1), "bad": true}})]);
    let details = details(&sandbox, 1);
    assert_eq!(details["to"], Value::Null);
    let sentence = "1-0000001 is live and marked bad, and no verified release is left to go back to";
    assert_eq!(details["problems"], json!([sentence]));
    check(&sandbox).code(1).stderr(format!("rollback: {sentence}\n")).check();
}

#[test]
fn a_release_that_is_gone_is_1_and_told_once() {
    let sandbox = verified(1);
    fs::remove_dir_all(sandbox.root().join("releases").join(release_of(1))).unwrap();
    assert!(problem(&sandbox).starts_with("there is no release 1-0000001 in "));
    check(&sandbox).code(1).stderr_has("the way back to 1-0000001 is broken: there is no release").check();
}

#[test]
fn a_release_that_holds_another_commit_is_1() {
    let sandbox = verified(1);
    // The first digits, which the name tells, agree; what the journal tells does not.
    sandbox.write(&format!("prod/releases/{}/REVISION", release_of(1)), format!("0000001{}\n", "f".repeat(33)));
    assert!(problem(&sandbox).ends_with(", which is not its commit"));
}

#[test]
fn commands_of_the_app_that_contradict_each_other_are_1() {
    let sandbox = verified(1);
    sandbox.set("START_COMMAND", "true");
    assert_eq!(problem(&sandbox), "STOP_COMMAND and START_COMMAND belong together, and one of them is not set");
}

#[test]
fn settings_of_the_app_that_others_may_read_are_1() {
    let sandbox = verified(1);
    let file = sandbox.write("prod/app.env", "A=b\n");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    sandbox.set("APP_ENV_FILE", &file.display().to_string());
    assert!(problem(&sandbox).contains("app.env"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(details(&sandbox, 0)["to"], release_of(1));
}

#[test]
fn smoke_checks_that_the_old_release_does_not_have_or_cannot_read_are_1() {
    let sandbox = verified(1);
    sandbox.set("SMOKE_CHECKS", "smoke.toml");
    assert!(problem(&sandbox).starts_with("there is no checks file "));
    let checks = sandbox.write(&format!("prod/releases/{}/smoke.toml", release_of(1)), "[[check]]\nkind = 'magic'\n");
    assert!(problem(&sandbox).contains("smoke.toml"));
    fs::write(checks, "[[check]]\nname = 'app'\nkind = 'command'\nrun = ['true']\nexpect = 'exit == 0'\n").unwrap();
    assert_eq!(details(&sandbox, 0)["problems"], json!([]));
}

#[test]
fn a_journal_that_cannot_be_appended_to_is_1() {
    let sandbox = verified(1);
    // A file that can be read and that refuses a writer, root included.
    sandbox.set("PUSHBACK_JOURNAL", "/sys/devices/system/cpu/possible");
    assert!(problem(&sandbox).starts_with("cannot open the journal /sys/devices/system/cpu/possible"));
}

#[test]
fn a_release_of_which_nothing_was_measured_is_a_way_back_all_the_same() {
    let sandbox = Sandbox::new();
    sandbox.staged(1);
    sandbox.tool("release").args(["activate", &release_of(1)]).any_stdout().check();
    check(&sandbox).stdout("back to 1-0000001; how long that takes is not known yet\n").check();
}

#[test]
fn every_problem_is_told_and_a_missing_tool_is_one() {
    let sandbox = verified(1);
    sandbox.family(&["rollback", "release"]);
    sandbox.set("START_COMMAND", "true");
    let run = sandbox.own_tool("rollback").arg("--check").code(1);
    run.stderr_has("belong together")
        .stderr_has("; cannot run smoke-test: it is neither beside this tool nor on PATH")
        .check();
}

#[test]
fn a_tool_that_answers_nonsense_is_a_problem_and_no_bug() {
    let sandbox = verified(1);
    sandbox.family(&["rollback", "release"]);
    sandbox.stand_in("smoke-test", "echo '{'; exit 3");
    let run = sandbox.own_tool("rollback").arg("--check").code(1);
    run.stderr_has("smoke-test exited with 3 and its answer is not understood").check();
}

#[test]
fn looking_takes_no_lock_and_leaves_no_trace() {
    let sandbox = verified(2);
    sandbox.set("RELOAD_COMMAND", "touch ../../reloaded");
    let before = sandbox.read("prod/journal.ndjson");
    let lock = sandbox.hold_lock("a deployment");
    check(&sandbox).env("PUSHBACK_DEPLOY", "prod-3").env("PUSHBACK_STEP", "preflight").any_stdout().check();
    lock.unlock().unwrap();
    assert_eq!(sandbox.read("prod/journal.ndjson"), before);
    assert!(!sandbox.path("prod/reloaded").exists());
}

#[test]
fn a_current_that_is_no_release_could_not_be_judged_and_is_78() {
    let sandbox = verified(1);
    fs::remove_file(sandbox.root().join("current")).unwrap();
    fs::create_dir(sandbox.root().join("current")).unwrap();
    check(&sandbox).code(78).stderr_has("is not a symbolic link").check();
}
