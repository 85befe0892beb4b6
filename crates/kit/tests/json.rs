//! With `--json` stdout is exactly one object of the documented form, whatever happens.
#![cfg(test)]

use serde::Deserialize;
use serde_json::{Map, Value};
use testkit::{Run, Sandbox, TOOLS, release_of};

/// The form of `docs/journal.md`, told here a second time: a field that comes or goes must be meant.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Object {
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
    parent: Option<String>,
    started_at: String,
    duration_ms: u64,
    details: Map<String, Value>,
    error: Option<Error>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Error {
    kind: String,
    message: String,
    hint: Option<String>,
}

/// Runs a tool that must end with this code, and reads the one object on its stdout.
fn object(run: Run, code: u8) -> Object {
    let stdout = run.code(code.into()).any_stdout().any_stderr().check().stdout;
    assert_eq!(stdout.matches('\n').count(), 1, "{stdout}");
    let object: Object = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"));
    assert_eq!((object.v, object.exit_code, object.success), (1, code, code == 0));
    assert_eq!(object.started_at.len(), "2026-11-21T10:15:00.123Z".len());
    assert!(object.started_at.ends_with('Z') && object.duration_ms < 600_000);
    object
}

#[test]
fn success_is_one_object() {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, Some(0));
    let object = object(sandbox.tool("release").args(["current", "--json"]), 0);
    assert_eq!((&*object.tool, object.env.as_deref()), ("release", Some("prod")));
    assert_eq!(object.release, Some(release_of(1)));
    assert_eq!(object.details["verified"], true);
    assert!(object.error.is_none() && object.commit.is_some());
}

#[test]
fn a_failure_is_one_object_with_its_kind_sentence_and_hint() {
    let sandbox = Sandbox::new();
    let object = object(sandbox.tool("deployment-report").arg("--json"), 66);
    let error = object.error.unwrap();
    assert_eq!((&*error.kind, &*error.message), ("absent", "the journal knows no deployment"));
    assert_eq!(error.hint.as_deref(), Some("deploy-queue log lists the deployments"));
}

#[test]
fn a_plain_no_is_one_object_too() {
    let sandbox = Sandbox::new();
    let object = object(sandbox.tool("release").args(["--json", "current", "--is", "abcdef0"]), 1);
    assert!(object.error.is_none());
}

#[test]
fn wrong_usage_is_one_object_of_every_tool() {
    let sandbox = Sandbox::new();
    for tool in TOOLS {
        let object = object(sandbox.tool(tool).args(["--json", "--no-such-flag"]), 2);
        let error = object.error.unwrap();
        assert_eq!((&*object.tool, &*error.kind), (tool, "usage"));
        assert!(error.message.contains("--no-such-flag") && !error.message.contains('\n'), "{error:?}");
    }
}

#[test]
fn wrong_settings_are_one_object() {
    let sandbox = Sandbox::new();
    let broken = sandbox.write("broken.env", "just words\n");
    make_private(&sandbox, &broken);
    let run = sandbox.tool("release").env("PUSHBACK_ENV", &broken);
    let object = object(run.args(["list", "--json"]), 78);
    assert_eq!(object.error.unwrap().kind, "settings");
}

#[test]
fn a_setting_behind_a_flag_that_is_wrong_is_one_object() {
    let sandbox = Sandbox::new();
    sandbox.set("STEP_TIMEOUT", "soon");
    let object = object(sandbox.tool("run-step").args(["--json", "test", "--", "true"]), 78);
    let error = object.error.unwrap();
    assert!(error.message.contains("soon"), "{error:?}");
}

#[test]
fn the_object_is_the_record_in_the_journal() {
    let sandbox = Sandbox::new();
    sandbox.staged(1);
    let run = sandbox.tool("run-step").env("PUSHBACK_DEPLOY", "prod-1").env("PUSHBACK_STEP", "test");
    let run = run.env("PUSHBACK_PARENT", "deploy");
    let stdout = run.args(["--json", "test", "--", "true"]).any_stdout().check().stdout;
    assert_eq!(sandbox.read("prod/journal.ndjson"), stdout);
    let object: Object = serde_json::from_str(&stdout).unwrap();
    let known = [object.command, object.deploy, object.step, object.parent].map(Option::unwrap);
    assert_eq!(known, ["test", "prod-1", "test", "deploy"]);
}

#[test]
fn a_command_that_says_json_is_not_us() {
    let sandbox = Sandbox::new();
    sandbox.tool("run-step").args(["test", "--", "echo", "--json"]).check();
    let run = sandbox.tool("run-step").args(["test", "--attempts=0", "--", "echo", "--json"]);
    run.code(2).stderr_has("run-step: ").check();
}

#[test]
fn sentences_stay_on_stderr_and_quiet_takes_them_away() {
    let sandbox = Sandbox::new();
    let run = || sandbox.tool("run-step").args(["--json", "test", "--setting", "TEST_COMMAND"]);
    run().stdout_has("{").stderr("run-step: TEST_COMMAND is empty: skipped\n").check();
    run().arg("-q").stdout_has("{").check();
}

/// What holds settings is private.
fn make_private(sandbox: &Sandbox, path: &std::path::Path) {
    sandbox.program("chmod".as_ref()).arg("600").arg(path).check();
}
