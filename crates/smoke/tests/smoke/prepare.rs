//! What a run leaves in the journal: a check one record, `--prepare` where the logs end, `--no-record` nothing.

use testkit::{Run, Sandbox, commit_of, release_of};

use crate::{DISK, FULL, once, smoke};

/// A live release with these checks.
fn live(checks: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, Some(0));
    sandbox.write(&format!("prod/releases/{}/checks/smoke.toml", release_of(1)), checks);
    sandbox.set("SMOKE_CHECKS", "checks/smoke.toml");
    sandbox
}

fn by_setting(sandbox: &Sandbox) -> Run {
    sandbox.tool("smoke-test").args(["--setting", "SMOKE_CHECKS"])
}

fn logs() -> String {
    let log = |name: &str, path: &str| {
        once("log", path, "'lines not contains \"ERROR\"'").replace("'it'", &format!("'{name}'"))
    };
    [log("own", ""), log("twice", ""), log("other", "path = 'log/other.log'"), log("here", "path = '/nowhere/x.log'")]
        .concat()
}

#[test]
fn where_each_log_ends_is_noted_once() {
    let sandbox = live(&logs());
    sandbox.write("prod/logs/app.log", "12345");
    sandbox.write(&format!("prod/releases/{}/log/other.log", release_of(1)), "1234567");
    let before = sandbox.journal().len();
    by_setting(&sandbox).arg("--prepare").stdout_has("own    log  ").check();
    let journal = sandbox.journal();
    assert_eq!(journal.len(), before + 1);
    let record = &journal[before];
    assert_eq!((&record["tool"], &record["command"]), (&"smoke-test".into(), &"prepare".into()));
    assert_eq!((&record["release"], &record["commit"]), (&release_of(1).into(), &commit_of(1).into()));
    let noted: Vec<_> = record["details"]["logs"].as_array().unwrap().iter().map(|log| log["size"].as_u64()).collect();
    assert_eq!(noted, [None, Some(5), Some(7)], "{record}");
}

#[test]
fn without_a_check_of_a_log_the_apps_own_is_noted() {
    let sandbox = live(DISK);
    let before = sandbox.journal().len();
    by_setting(&sandbox).arg("--prepare").stdout("disk  disk  /: free > 1B\n").check();
    let journal = sandbox.journal();
    let path = sandbox.path("prod/logs/app.log").display().to_string();
    assert_eq!(journal[before]["details"]["logs"], serde_json::json!([{ "path": path }]));
}

#[test]
fn what_the_app_logged_since_is_shown_when_a_check_fails() {
    let sandbox = live(FULL);
    sandbox.write("prod/logs/app.log", "said before\n");
    by_setting(&sandbox).arg("--prepare").any_stdout().check();
    let failing = || by_setting(&sandbox).args(["--attempts", "1", "--no-record"]).code(1).any_stderr();
    let silent = failing().stdout_has("full  fail  ").check();
    assert!(!silent.stdout.contains("the app's log"), "{}", silent.stdout);
    let long = format!("{}\nTraceback: \u{1b}[31mboom\n  in main\n", "x".repeat(5000));
    sandbox.write("prod/logs/app.log", format!("said before\n{long}"));
    let said =
        "\n  the app's log, since the beginning:\n    Traceback: \u{fffd}[31mboom\n      in main\n\n1 check: 1 fail (";
    let loud = failing().stdout_has(said).check();
    assert!(!loud.stdout.contains("said before") && !loud.stdout.contains("xxx"), "{}", loud.stdout);
    let printed = failing().arg("--json").stdout_has("{").check().json();
    assert_eq!(printed["details"]["app_log"], "Traceback: \u{fffd}[31mboom\n  in main");
}

#[test]
fn checks_that_are_not_understood_are_78_before_anything_is_noted() {
    let sandbox = live(&(logs() + "[[check]]\nname = 'x'\nkind = 'psychic'\n"));
    by_setting(&sandbox).arg("--prepare").code(78).stderr_has("there is no kind psychic").check();
}

#[test]
fn to_prepare_a_setting_must_be_named() {
    let sandbox = Sandbox::new();
    for args in [
        &["x", "--prepare"][..],
        &["--setting", "X", "--prepare", "--dry-run"],
        &["--setting", "X", "--prepare", "--no-record"],
    ] {
        sandbox.tool("smoke-test").args(args).code(2).any_stderr().check();
    }
}

#[test]
fn a_monitor_asks_the_live_release_and_leaves_no_record() {
    let sandbox = live(&format!("{DISK}{FULL}"));
    let before = sandbox.journal().len();
    let run = by_setting(&sandbox).args(["--attempts", "1", "--no-record", "--json"]).dir(&sandbox.path("bin"));
    let printed = run.code(1).stdout_has("{").any_stderr().check().json();
    assert_eq!((&printed["release"], &printed["command"]), (&release_of(1).into(), &serde_json::Value::Null));
    let checks = &printed["details"]["checks"];
    assert_eq!((&checks[0]["name"], &checks[0]["verdict"]), (&"disk".into(), &"pass".into()));
    assert_eq!((&checks[1]["name"], &checks[1]["verdict"]), (&"full".into(), &"fail".into()));
    assert!(checks[1]["message"].as_str().unwrap().contains("expected free > 9000000TB"));
    assert_eq!(sandbox.journal().len(), before);
    smoke(&sandbox, DISK).arg("--no-record").stdout_has("disk  pass  ").check();
    assert_eq!(sandbox.journal().len(), before);
}
