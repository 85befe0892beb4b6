//! The form of the JSON, pinned: a field that is not listed here fails the test.

use std::collections::BTreeMap;

use serde::Deserialize;
use testkit::{Sandbox, release_of};

use crate::{DISK, FULL, once, smoke};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the fields are the schema")]
struct Printed {
    v: u32,
    tool: String,
    command: Option<String>,
    success: bool,
    exit_code: u8,
    env: Option<String>,
    deploy: Option<String>,
    step: Option<String>,
    release: Option<String>,
    commit: Option<String>,
    started_at: String,
    duration_ms: u64,
    details: Details,
    error: Option<Wrong>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the fields are the schema")]
struct Wrong {
    kind: String,
    message: String,
    hint: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Details {
    source: String,
    expected_commit: Option<String>,
    checks: Option<Vec<Made>>,
    plan: Option<Vec<Planned>>,
    logs: Option<Vec<Log>>,
    #[expect(dead_code, reason = "the fields are the schema")]
    app_log: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Log {
    path: String,
    device: Option<u64>,
    inode: Option<u64>,
    #[expect(dead_code, reason = "not every file system tells")]
    born: Option<u64>,
    size: Option<u64>,
    tail: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the fields are the schema")]
struct Made {
    name: String,
    kind: String,
    verdict: String,
    attempts: u32,
    duration_ms: u64,
    latency_ms: u64,
    latency_before_ms: Option<u64>,
    message: String,
    evidence: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the fields are the schema")]
struct Planned {
    name: String,
    kind: String,
    gate: bool,
    severity: String,
    tags: Vec<String>,
    attempts: u32,
    subject: String,
    expect: Vec<String>,
}

#[test]
fn the_json_is_one_object_of_the_documented_form() {
    let sandbox = Sandbox::new();
    let ran = smoke(&sandbox, &format!("{DISK}{FULL}"))
        .arg("--json")
        .code(1)
        .stdout_has("{")
        .stderr("smoke-test: 1 of 2 checks failed: full\n")
        .check();
    let printed: Printed = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((printed.exit_code, printed.success), (1, false));
    assert_eq!(printed.details.source, sandbox.path("checks.toml").display().to_string());
    let checks = printed.details.checks.unwrap();
    let verdicts: Vec<_> = checks.iter().map(|made| (made.verdict.as_str(), made.attempts)).collect();
    assert_eq!(verdicts, [("pass", 1), ("fail", 1)]);
    assert_eq!(printed.error.unwrap().message, "1 of 2 checks failed: full");
    assert!(printed.details.plan.is_none() && printed.details.expected_commit.is_none());
}

#[test]
fn the_plan_as_json_has_the_documented_form() {
    let sandbox = Sandbox::new();
    let ran = smoke(&sandbox, DISK).args(["--json", "--dry-run"]).stdout_has("{").check();
    let printed: Printed = serde_json::from_str(&ran.stdout).unwrap();
    assert!(printed.details.checks.is_none());
    let plan = printed.details.plan.unwrap();
    assert_eq!((plan[0].attempts, plan[0].expect.as_slice()), (5, ["free > 1B".to_owned()].as_slice()));
}

#[test]
fn where_the_logs_end_as_json_has_the_documented_form() {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, Some(0));
    sandbox.set("SMOKE_CHECKS", "smoke.toml");
    let checks = once("log", "", "'lines not contains \"x\"'");
    sandbox.write(&format!("prod/releases/{}/smoke.toml", release_of(1)), checks);
    let prepared = || {
        let run = sandbox.tool("smoke-test").args(["--setting", "SMOKE_CHECKS", "--prepare", "--json"]);
        let printed: Printed = serde_json::from_str(&run.stdout_has("{").check().stdout).unwrap();
        assert!(printed.details.checks.is_none() && printed.details.plan.is_none());
        printed.details.logs.unwrap().remove(0)
    };
    let none = prepared();
    assert_eq!(none.path, sandbox.path("prod/logs/app.log").display().to_string());
    assert_eq!((none.device, none.inode, none.size, none.tail), (None, None, None, None));
    sandbox.write("prod/logs/app.log", "12345");
    let some = prepared();
    assert_eq!((some.device.is_some(), some.inode.is_some(), some.size), (true, true, Some(5)));
    // The SHA-256 of what stands there.
    let tail = "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5";
    assert_eq!(some.tail.as_deref(), Some(tail));
}
