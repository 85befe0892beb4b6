//! What is told of an environment that is well, to a person and to a program, and what is asked for it.

use serde_json::{Value, json};
use testkit::{commit_of, release_of};

use crate::stand_in::{answers, check, files, status, told, well};

#[test]
fn a_person_is_told_what_is_live_and_what_stands_behind_it() {
    let sandbox = well();
    let repository = sandbox.repository();
    repository.push("one");
    let said = status(&sandbox).any_stdout().check().stdout;
    // How long ago that was changes from day to day.
    let ageless = |line: &str| match line.split_once(" ago") {
        Some((head, tail)) => format!("{}AGO{tail}", head.trim_end_matches(|c: char| c != '(' && c != ',')),
        None => line.replace("(in ", "(in: "),
    };
    let lines: Vec<String> = said.lines().map(ageless).collect();
    let since = lines.iter().position(|line| line.starts_with("  since ")).unwrap();
    assert!(lines[since].starts_with("  since     2026-11-21T10:15:00.000Z ("), "{said}");
    let expected = format!(
        "prod: healthy

  live      2-0000002  Change 2
  commit    {}
  tags      none
  from      refs/heads/main, by Ada, asked for by ada
{}
  verified  yes
  health    1 check passes
  backup    2020-01-01T00-00-00Z,AGO, 2.0 KiB
  way back  to 1-0000001, in about 1.5 s
  queue     nothing runs, nothing waits

  2026-11-21T10:15:00.000Z  prod-2  0000002  exit 0: live and verified (1.5 s)
  2026-11-21T10:15:00.000Z  prod-1  0000001  exit 0: live and verified (1.5 s)
",
        commit_of(2),
        lines[since],
    );
    assert_eq!(lines.join("\n") + "\n", expected);
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap_or_else(|| panic!("{value}")).keys().map(String::as_str).collect()
}

#[test]
fn a_program_is_told_the_same_under_keys_that_stay() {
    let sandbox = well();
    sandbox.repository().push("one");
    let object = told(&sandbox, 0);
    let details = &object["details"];
    let parts = ["live", "health", "backup", "deployments", "queue", "way_back", "unreadable_lines", "warnings"];
    assert_eq!(keys(details), parts);
    let live = json!({"release": release_of(2), "commit": commit_of(2), "tags": [], "deploy": "prod-2",
                      "ref": "refs/heads/main", "author": "Ada", "subject": "Change 2",
                      "since": "2026-11-21T10:15:00.000Z", "by": "ada", "verified": true, "bad": false});
    assert_eq!(details["live"], live);
    let health = json!({"verdict": "healthy", "recorded_at": null, "checks": [check("health", "pass", "status 200")],
                        "error": null});
    assert_eq!(details["health"], health);
    let backup = &details["backup"];
    assert_eq!((&backup["stored_size"], &backup["rows"], &backup["label"]), (&json!(2048), &json!(7), &Value::Null));
    assert_eq!(keys(backup).len(), 13);
    assert_eq!(details["queue"], json!({"running": [], "waiting": [], "held": null, "holder": null}));
    let way_back = json!({"to": release_of(1), "commit": "0000001", "expected_ms": 1500, "measured": true,
                          "problems": []});
    assert_eq!(details["way_back"], way_back);
    let last = json!({"deploy": "prod-2", "commit": commit_of(2), "subject": "Change 2",
                      "began_at": "2026-11-21T10:15:00.000Z", "exit_code": 0, "outcome": "live and verified",
                      "duration_ms": 1500});
    assert_eq!(details["deployments"][0], last);
    assert_eq!((&details["unreadable_lines"], &details["warnings"]), (&json!(0), &json!([])));
    assert!(object.get("command").is_none() && object.get("error").is_none());
}

#[test]
fn the_last_five_deployments_are_told_the_newest_first() {
    let sandbox = well();
    for number in 3..=7 {
        sandbox.deployed(number, Some(0));
    }
    let details = &told(&sandbox, 0)["details"];
    let names: Vec<&str> =
        details["deployments"].as_array().unwrap().iter().map(|one| one["deploy"].as_str().unwrap()).collect();
    assert_eq!(names, ["prod-7", "prod-6", "prod-5", "prod-4", "prod-3"]);
}

#[test]
fn each_tool_is_asked_once_about_what_is_live_whatever_this_run_is_a_part_of() {
    let sandbox = well();
    let run = status(&sandbox).env("PUSHBACK_DEPLOY", "prod-1").env("PUSHBACK_STEP", "smoke");
    run.env("PUSHBACK_RELEASE", release_of(1)).args(["--timeout", "20s"]).any_stdout().check();
    let asked = sandbox.read("asked");
    let env = sandbox.env_file();
    let expected = [
        "smoke-test --setting SMOKE_CHECKS --attempts 1 --no-record --deadline 20000ms --json",
        "backup-db list --json",
        "rollback --check --json",
    ];
    let expected: Vec<String> = expected.iter().map(|line| format!("{line}|{}|", env.display())).collect();
    assert_eq!(asked.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn settings_may_stand_in_the_environment_alone() {
    let sandbox = well();
    let run = status(&sandbox).env_remove("PUSHBACK_ENV").env("DEPLOY_ENV", "prod");
    run.env("DEPLOY_ROOT", sandbox.root()).stdout_has("prod: healthy\n").check();
}

#[test]
fn it_changes_nothing_and_waits_for_nobody() {
    let sandbox = well();
    let before = (files(&sandbox), sandbox.read("prod/journal.ndjson"));
    told(&sandbox, 0);
    assert_eq!((files(&sandbox), sandbox.read("prod/journal.ndjson")), before);
    let _lock = sandbox.hold_lock("rollback, process 1");
    status(&sandbox).stdout_has("queue     busy: the lock is held by rollback, process 1, nothing waits").check();
}

#[test]
fn with_q_only_the_exit_code_tells() {
    let sandbox = well();
    status(&sandbox).arg("-q").check();
    answers(&sandbox, "smoke-test", 1, &json!({"checks": []}));
    status(&sandbox).arg("-q").code(1).check();
    answers(&sandbox, "smoke-test", 69, &json!({"checks": []}));
    status(&sandbox).arg("-q").code(69).check();
    // A program that reads the object gets it whole.
    let object = status(&sandbox).args(["-q", "--json"]).code(69).any_stdout().any_stderr().check().json();
    assert_eq!(object["error"]["kind"], "unavailable");
}
