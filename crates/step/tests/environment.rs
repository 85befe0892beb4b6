//! run-step: what the command is given and what it is not.
#![cfg(test)]

use std::collections::BTreeMap;
use std::fs;

use testkit::{Sandbox, commit_of, release_of};

/// A sandbox with the staged release of prod-1, and the log that its step `test` writes.
fn staged() -> (Sandbox, &'static str) {
    let sandbox = Sandbox::new();
    sandbox.staged(1);
    (sandbox, "prod/logs/prod-1-test.log")
}

fn variables(log: &str) -> BTreeMap<&str, &str> {
    log.lines().filter_map(|line| line.split_once('=')).collect()
}

#[test]
fn the_environment_is_made_and_holds_nothing_of_ours() {
    let (sandbox, log) = staged();
    sandbox.set("DATABASE_URL", "postgres://app:canary@db/app");
    sandbox.set("TEST_ENV", "TEST_DATABASE_URL EMPTY NOT_SET");
    sandbox.set("TEST_DATABASE_URL", "sqlite:///tmp/test");
    sandbox.set("EMPTY", "");
    let run = sandbox.tool("run-step").env("PUSHBACK_DEPLOY", "prod-1").env("TELEGRAM_API_TOKEN", "canary");
    run.env("GIT_DIR", "canary").args(["test", "--", "env"]).check();
    let said = sandbox.read(log);
    let names: Vec<&str> = variables(&said).into_keys().collect();
    assert_eq!(names, ["HOME", "LANG", "PATH", "PUSHBACK_COMMIT", "TEST_DATABASE_URL"], "{said}");
    assert_eq!(variables(&said)["PUSHBACK_COMMIT"], commit_of(1));
}

#[test]
fn each_step_has_a_list_of_its_own() {
    let (sandbox, _) = staged();
    sandbox.set("TEST_ENV", "ONLY_FOR_TESTS");
    sandbox.set("ONLY_FOR_TESTS", "1");
    let run = sandbox.tool("run-step").env("PUSHBACK_DEPLOY", "prod-1");
    run.args(["build", "--", "env"]).check();
    assert!(!sandbox.read("prod/logs/prod-1-build.log").contains("ONLY_FOR_TESTS"));
}

#[test]
fn the_live_database_is_not_among_them_unless_it_is_listed() {
    let (sandbox, log) = staged();
    sandbox.set("DATABASE_URL", "sqlite:///live");
    sandbox.set("TEST_COMMAND", "echo \"url=${DATABASE_URL-none}\"");
    let test = || {
        let run = sandbox.tool("run-step").env("PUSHBACK_DEPLOY", "prod-1");
        run.args(["test", "--setting", "TEST_COMMAND"]).check();
        sandbox.read(log)
    };
    assert_eq!(test(), "url=none\n");
    sandbox.set("TEST_ENV", "DATABASE_URL");
    assert_eq!(test(), "url=sqlite:///live\n");
}

#[test]
fn stdin_is_dev_null_and_neither_the_lock_nor_the_journal_is_open() {
    let (sandbox, log) = staged();
    let lock = sandbox.hold_lock("the test");
    let run = sandbox.tool("run-step").env("PUSHBACK_DEPLOY", "prod-1").stdin_file(lock);
    run.args(["test", "--", "ls", "-l", "/proc/self/fd"]).check();
    let said = sandbox.read(log);
    let at = |number: u32| said.split_once(&format!(" {number} -> ")).map(|(_, rest)| rest.lines().next().unwrap());
    let log = sandbox.path(log).display().to_string();
    assert_eq!((at(0), at(1), at(2)), (Some("/dev/null"), Some(&*log), Some(&*log)), "{said}");
    // Whoever runs the tests may leave files of their own open; of the environment there is only the log, twice.
    assert_eq!(said.matches(&*sandbox.path("").to_string_lossy()).count(), 2, "{said}");
}

#[test]
fn a_step_of_a_deployment_runs_in_its_release() {
    let (sandbox, log) = staged();
    let run = sandbox.tool("run-step").env("PUSHBACK_DEPLOY", "prod-1");
    run.args(["test", "--", "pwd"]).check();
    let release = fs::canonicalize(sandbox.root()).unwrap().join("releases").join(release_of(1));
    assert_eq!(sandbox.read(log), format!("{}\n", release.display()));
    let record = &sandbox.journal()[0];
    assert_eq!((&record["release"], &record["commit"]), (&release_of(1).into(), &commit_of(1).into()));
}

#[test]
fn a_step_by_hand_runs_where_the_person_is() {
    let sandbox = Sandbox::new();
    sandbox.write("here/file", "");
    let run = sandbox.tool("run-step").dir(&sandbox.path("here"));
    run.args(["look", "--", "cp", "file", "copy"]).check();
    assert!(sandbox.path("here/copy").exists());
}

#[test]
fn no_shell_looks_at_the_words_of_a_command() {
    let (sandbox, log) = staged();
    let evil = "$(touch x); `touch x` & *";
    let run = sandbox.tool("run-step").env("PUSHBACK_DEPLOY", "prod-1");
    run.args(["test", "--", "printf", "%s|", "--", evil, "-n"]).check();
    assert_eq!(sandbox.read(log), format!("--|{evil}|-n|"));
}

#[test]
fn an_empty_setting_is_recorded_as_skipped() {
    let sandbox = Sandbox::new();
    let run = sandbox.tool("run-step").args(["test", "--setting", "TEST_COMMAND"]);
    run.stderr("run-step: TEST_COMMAND is empty: skipped\n").check();
    let record = &sandbox.journal()[0];
    assert_eq!(record["details"]["skipped"], "TEST_COMMAND is empty");
    assert_eq!((&record["command"], &record["success"]), (&"test".into(), &true.into()));
}
