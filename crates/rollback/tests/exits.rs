//! rollback: one test for each exit code that it documents.
#![cfg(test)]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use testkit::{Run, Sandbox, kill, release_of, wait_until};

/// Two verified deployments; the second is live.
fn verified() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, Some(0));
    sandbox.deployed(2, Some(0));
    sandbox
}

fn last(sandbox: &Sandbox) -> Run {
    sandbox.tool("rollback").arg("--last")
}

/// A smoke test of release 1 that has this verdict.
fn smoke(sandbox: &Sandbox, command: &str) {
    let checks =
        format!("[[check]]\nname = 'app'\nkind = 'command'\nrun = [{command}]\nattempts = 1\nexpect = 'exit == 0'\n");
    sandbox.write(&format!("prod/releases/{}/smoke.toml", release_of(1)), checks);
    sandbox.set("SMOKE_CHECKS", "smoke.toml");
}

#[test]
fn going_back_to_a_release_that_works_is_0_and_its_path_is_printed() {
    let sandbox = verified();
    smoke(&sandbox, "'true'");
    let path = sandbox.root().join("releases").join(release_of(1));
    last(&sandbox).stdout(format!("{}\n", path.display())).any_stderr().check();
    assert_eq!(sandbox.live(), release_of(1));
}

#[test]
fn a_release_that_fails_its_smoke_test_is_1_and_live() {
    let sandbox = verified();
    smoke(&sandbox, "'false'");
    last(&sandbox).code(1).stderr_has("1-0000001 is live again, but it fails its smoke test").check();
    assert_eq!(sandbox.live(), release_of(1));
}

#[test]
fn a_deployment_under_a_later_one_is_1_and_nothing_changes() {
    let sandbox = verified();
    sandbox.deployed(3, Some(0));
    let run = sandbox.tool("rollback").args(["--deploy", "prod-2"]).code(1);
    run.stderr_has("3-0000003 went live after prod-2").check();
    assert_eq!(sandbox.live(), release_of(3));
}

#[test]
fn wrong_usage_is_2() {
    let sandbox = verified();
    for args in [
        &[][..],
        &["--last", "--guard"],
        &["--last", "--deploy", "prod-1"],
        &["--deploy", "42"],
        &["--deploy", "prod-042"],
        &["--deploy", "../prod-1"],
        &["--guard", "--keep-good"],
        &["--check", "--keep-good"],
        &["--check", "--last"],
        &["--to-commit", "abcdef"],
        &["--to-commit", "main"],
        &["--to-commit", "0000001", "--to-version", "v1"],
        &["--to-version", "-rf"],
    ] {
        sandbox.tool("rollback").args(args).code(2).stderr_has("rollback: ").check();
        assert_eq!(sandbox.live(), release_of(2), "{args:?}");
    }
}

#[test]
fn a_release_to_go_back_to_that_is_damaged_is_65_and_what_is_live_stays() {
    let sandbox = verified();
    sandbox.write(&format!("prod/releases/{}/REVISION", release_of(1)), "main\n");
    last(&sandbox).code(65).stderr_has("REVISION does not hold a commit").check();
    assert_eq!(sandbox.live(), release_of(2));
}

#[test]
fn a_deployment_that_never_was_is_66() {
    let sandbox = verified();
    let run = sandbox.tool("rollback").args(["--deploy", "prod-9"]).code(66);
    run.stderr_has("the journal knows no deployment prod-9").check();
}

#[test]
fn no_release_to_go_back_to_is_66() {
    let sandbox = Sandbox::new();
    last(&sandbox).code(66).stderr_has("nothing is live").check();
    sandbox.deployed(1, Some(0));
    last(&sandbox).code(66).stderr_has("no release before 1-0000001 was verified").check();
    assert_eq!(sandbox.live(), release_of(1));
}

#[test]
fn a_release_to_go_back_to_that_was_pruned_is_66_and_what_is_live_stays() {
    let sandbox = verified();
    fs::remove_dir_all(sandbox.root().join("releases").join(release_of(1))).unwrap();
    last(&sandbox).code(66).stderr_has("it was pruned or removed").check();
    assert_eq!(sandbox.live(), release_of(2));
}

#[test]
fn a_first_deployment_that_is_undone_is_66_and_the_app_is_stopped() {
    let sandbox = Sandbox::new();
    sandbox.set("STOP_COMMAND", "touch ../../stopped");
    sandbox.set("START_COMMAND", "true");
    sandbox.deployed(1, None);
    let run = sandbox.tool("rollback").args(["--deploy", "prod-1"]).code(66);
    run.stderr_has("there is no release to go back to: the app is stopped, and nothing is live").check();
    assert!(sandbox.live().is_empty() && sandbox.path("prod/stopped").exists());
}

#[test]
fn a_program_that_is_missing_is_69() {
    let sandbox = verified();
    sandbox.repository();
    let run = sandbox.tool("rollback").env("PATH", sandbox.path("bin")).args(["--to-version", "v1"]).code(69);
    run.stderr_has("cannot run git: it is not installed").check();
}

#[test]
fn a_tool_of_the_family_that_is_missing_is_69() {
    let sandbox = verified();
    sandbox.family(&["rollback"]);
    let run = sandbox.own_tool("rollback").arg("--last").code(69);
    run.stderr_has("cannot run release: it is neither beside this tool nor on PATH").check();
    assert_eq!(sandbox.live(), release_of(2));
}

#[test]
fn an_app_that_does_not_reload_is_74() {
    let sandbox = verified();
    sandbox.set("RELOAD_COMMAND", "exit 1");
    last(&sandbox).code(74).stderr_has("rollback: release activate exited with 74").check();
}

#[test]
fn a_lock_that_somebody_holds_is_75() {
    let sandbox = verified();
    let _lock = sandbox.hold_lock("the test");
    last(&sandbox).code(75).stderr_has("is held by the test").check();
    assert_eq!(sandbox.live(), release_of(2));
}

#[test]
fn settings_that_others_may_read_are_77() {
    let sandbox = verified();
    fs::set_permissions(sandbox.env_file(), fs::Permissions::from_mode(0o644)).unwrap();
    last(&sandbox).code(77).any_stderr().check();
    assert_eq!(sandbox.live(), release_of(2));
}

#[test]
fn settings_that_contradict_each_other_are_78() {
    let sandbox = verified();
    sandbox.set("START_COMMAND", "true");
    last(&sandbox).code(78).stderr_has("belong together").check();
    assert_eq!(sandbox.live(), release_of(2));
}

#[test]
fn an_app_that_takes_too_long_is_124() {
    let sandbox = verified();
    sandbox.set("RELOAD_COMMAND", "exec sleep 600");
    sandbox.set("DEPLOYMENT_TIMEOUT", "100ms");
    last(&sandbox).code(124).stderr_has("rollback: release activate exited with 124").check();
}

#[test]
fn a_signal_is_128_and_its_number_and_running_again_finishes() {
    let sandbox = verified();
    sandbox.set("RELOAD_COMMAND", "[ -e ../../again ] && exit; touch ../../reloads; exec sleep 600");
    let mut child = last(&sandbox).spawn();
    wait_until("the app reloads", || sandbox.path("prod/reloads").exists());
    kill("TERM", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(143));
    sandbox.write("prod/again", "");
    last(&sandbox).any_stdout().any_stderr().check();
    assert_eq!(sandbox.live(), release_of(1));
}

#[test]
fn a_guard_that_objects_is_75_and_one_that_does_not_is_0() {
    let sandbox = verified();
    sandbox.tool("rollback").arg("--guard").check();
    let now = sandbox.program("date".as_ref()).args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]).any_stdout().check().stdout;
    for deploy in ["prod-1", "prod-2"] {
        let undone = json!({"tool": "rollback", "command": "deploy", "phase": "begin", "deploy": deploy,
                            "started_at": now.trim(), "details": {"bad": true}});
        sandbox.history(&[undone]);
    }
    let run = sandbox.tool("rollback").arg("--guard").code(75);
    run.stderr_has("a person must look first: 2 deployments were rolled back automatically within the last hour")
        .check();
}
