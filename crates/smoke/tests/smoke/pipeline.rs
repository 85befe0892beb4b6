//! As a step of a deployment: checks from a setting, of a release, with its commit.

use std::os::unix::fs::symlink;

use testkit::{Run, Sandbox};

use crate::page;
use crate::server::{Server, answer};

const OLD: &str = "0123456701234567012345670123456701234567";
const NEW: &str = "3f2a1c9d3f2a1c9d3f2a1c9d3f2a1c9d3f2a1c9d";

/// Release 6 is live, release 7 is staged; each has its own checks, and says its own name.
fn two_releases() -> Sandbox {
    let sandbox = Sandbox::new();
    for (name, commit) in [("6-0123456", OLD), ("7-3f2a1c9", NEW)] {
        let release = format!("prod/releases/{name}");
        sandbox.write(&format!("{release}/REVISION"), format!("{commit}\n"));
        sandbox.write(&format!("{release}/name"), name);
        let checks = format!(
            "[[check]]\nname = '{name}'\nkind = 'command'\nrun = ['grep', '{name}', 'name']\n\
             attempts = 1\nexpect = ['exit == 0']\n"
        );
        sandbox.write(&format!("{release}/checks/smoke.toml"), checks);
    }
    symlink("releases/6-0123456", sandbox.root().join("current")).unwrap();
    sandbox.set("SMOKE_CHECKS", "checks/smoke.toml");
    sandbox
}

fn by_setting(sandbox: &Sandbox) -> Run {
    sandbox.tool("smoke-test").args(["--setting", "SMOKE_CHECKS"])
}

#[test]
fn by_hand_the_checks_are_those_of_the_live_release() {
    let sandbox = two_releases();
    by_setting(&sandbox).stdout_has("6-0123456  pass  exit 0\n").check();
    assert_eq!(sandbox.journal()[0]["release"], "6-0123456");
    assert_eq!(sandbox.journal()[0]["commit"], OLD);
}

#[test]
fn in_a_deployment_they_are_those_of_the_staged_release() {
    let sandbox = two_releases();
    by_setting(&sandbox)
        .env("PUSHBACK_DEPLOY", "prod-7")
        .env("PUSHBACK_STEP", "smoke")
        .stdout_has("7-3f2a1c9  pass  exit 0\n")
        .check();
    let record = &sandbox.journal()[0];
    assert_eq!((&record["deploy"], &record["step"]), (&"prod-7".into(), &"smoke".into()));
    assert_eq!((&record["release"], &record["success"]), (&"7-3f2a1c9".into(), &true.into()));
}

#[test]
fn a_rollback_checks_the_release_that_it_names() {
    let sandbox = two_releases();
    by_setting(&sandbox)
        .env("PUSHBACK_DEPLOY", "prod-7")
        .env("PUSHBACK_RELEASE", "6-0123456")
        .stdout_has("6-0123456  pass  exit 0\n")
        .check();
}

#[test]
fn a_release_that_is_gone_is_66() {
    let sandbox = two_releases();
    by_setting(&sandbox).env("PUSHBACK_DEPLOY", "prod-8").code(66).stderr_has("prod-8 has no staged release").check();
    by_setting(&sandbox).args(["--release", "5-aaaaaaa"]).code(66).stderr_has("there is no release 5-aaaaaaa").check();
}

#[test]
fn a_setting_that_names_no_file_is_66_and_nothing_live_too() {
    let sandbox = two_releases();
    sandbox.set("SMOKE_CHECKS", "checks/other.toml");
    by_setting(&sandbox)
        .code(66)
        .stderr_has("releases/6-0123456/checks/other.toml\n")
        .stderr_has("hint: SMOKE_CHECKS names it")
        .check();
    let empty = Sandbox::new();
    empty.set("SMOKE_CHECKS", "checks/smoke.toml");
    by_setting(&empty).code(66).stderr_has("no release is live").check();
}

#[test]
fn an_empty_setting_is_skipped_and_recorded() {
    let sandbox = Sandbox::new();
    for setting in ["SMOKE_CHECKS", "PREFLIGHT_CHECKS"] {
        sandbox
            .tool("smoke-test")
            .args(["--setting", setting])
            .stderr(format!("smoke-test: {setting} is empty: skipped\n"))
            .check();
    }
    let journal = sandbox.journal();
    assert_eq!(journal[0]["details"]["skipped"], "SMOKE_CHECKS is empty");
    assert_eq!(journal[1]["success"], true);
}

#[test]
fn without_smoke_checks_the_address_of_the_app_is_asked() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|_| answer(200, ""));
    sandbox.set("API_URL", &server.url(""));
    by_setting(&sandbox).stdout_has("url  pass  status 200, ").check();
    sandbox.tool("smoke-test").args(["--setting", "PREFLIGHT_CHECKS"]).stderr_has("skipped").check();
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_path_is_joined_to_the_address_of_the_app() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|_| answer(200, ""));
    sandbox.set("API_URL", &server.url("/app/"));
    crate::smoke(&sandbox, &page("/health?x=1", "")).stdout_has("page  pass  ").check();
    assert_eq!(server.requests()[0].line, "GET /app/health?x=1");
}

/// A sandbox whose staged release 7 is asked for its commit; the live release 6 answers.
fn asks_for_commit(setting: &str) -> (Sandbox, Server) {
    let sandbox = two_releases();
    let server = Server::answers(|_| answer(200, &format!(r#"{{"commit":"{OLD}"}}"#)));
    let checks = page(&server.url("/"), "commit = '$.commit'");
    sandbox.write("prod/releases/7-3f2a1c9/checks/page.toml", checks);
    sandbox.set(setting, "checks/page.toml");
    (sandbox, server)
}

#[test]
fn the_commit_of_the_release_must_answer() {
    let (sandbox, _server) = asks_for_commit("SMOKE_CHECKS");
    by_setting(&sandbox)
        .env("PUSHBACK_DEPLOY", "prod-7")
        .code(1)
        .stdout_has("page  stale  commit 012345670123 answers, expected 3f2a1c9d3f2a")
        .any_stderr()
        .check();
    assert_eq!(sandbox.journal()[0]["details"]["expected_commit"], NEW);
}

#[test]
fn before_an_activation_the_old_commit_may_answer() {
    let (sandbox, _server) = asks_for_commit("PREFLIGHT_CHECKS");
    sandbox
        .tool("smoke-test")
        .args(["--setting", "PREFLIGHT_CHECKS"])
        .env("PUSHBACK_DEPLOY", "prod-7")
        .env("PUSHBACK_STEP", "preflight")
        .stdout_has("page  pass  status 200, commit not compared, ")
        .check();
}

#[test]
fn an_expected_commit_that_no_check_looks_at_is_78() {
    let sandbox = two_releases();
    by_setting(&sandbox)
        .args(["--expect-commit", OLD])
        .code(78)
        .stderr_has("no check looks at the commit that answers\nhint: add commit = \"json $.commit\"")
        .check();
}

#[test]
fn a_file_given_by_hand_is_one_of_the_current_directory() {
    let sandbox = two_releases();
    sandbox.write("name", "here");
    sandbox.write(
        "mine.toml",
        "[[check]]\nname = 'mine'\nkind = 'command'\nrun = ['grep', 'here', 'name']\nexpect = 'exit == 0'\n",
    );
    sandbox.tool("smoke-test").arg("mine.toml").stdout_has("mine  pass  exit 0\n").check();
}

#[test]
fn a_disk_of_the_release_is_found() {
    let sandbox = two_releases();
    let checks = "[[check]]\nname = 'disk'\nkind = 'disk'\npath = 'checks'\nattempts = 1\nexpect = 'free > 1B'\n";
    sandbox.write("prod/releases/6-0123456/checks/smoke.toml", checks);
    by_setting(&sandbox).stdout_has("disk  pass  ").check();
}

#[test]
fn a_startup_wait_that_is_no_time_is_78_before_anything_is_touched() {
    let sandbox = two_releases();
    sandbox.set("STARTUP_WAIT", "soon");
    by_setting(&sandbox)
        .env("PUSHBACK_STEP", "preflight")
        .arg("--dry-run")
        .code(78)
        .stderr_has("STARTUP_WAIT: `soon` is not a length of time")
        .check();
}
