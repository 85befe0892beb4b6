//! The tools that `deploy-status` asks, as stand-ins that answer by their contracts. What they were asked is written
//! down.

use serde_json::{Value, json};
use testkit::{Run, Sandbox, release_of};

/// An environment whose second deployment is live and well: the tools around it are stand-ins, but for the queue.
pub(crate) fn well() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, Some(0));
    sandbox.deployed(2, Some(0));
    sandbox.set("SMOKE_CHECKS", "smoke.toml");
    sandbox.set("DATABASE_URL", "sqlite:///nonexistent");
    sandbox.family(&["deploy-status", "deploy-queue"]);
    answers(
        &sandbox,
        "smoke-test",
        0,
        &json!({"source": "smoke.toml", "checks": [check("health", "pass", "status 200")]}),
    );
    answers(&sandbox, "backup-db", 0, &json!({"backups": [backup(&Value::Null)], "others": 0}));
    answers(&sandbox, "rollback", 0, &way_back(&[]));
    sandbox
}

/// A run of `deploy-status`.
pub(crate) fn status(sandbox: &Sandbox) -> Run {
    sandbox.own_tool("deploy-status")
}

/// What it prints with --json, when it ends with this code.
pub(crate) fn told(sandbox: &Sandbox, code: i32) -> Value {
    status(sandbox).arg("--json").code(code).any_stdout().any_stderr().check().json()
}

pub(crate) fn check(name: &str, verdict: &str, message: &str) -> Value {
    json!({"name": name, "kind": "http", "verdict": verdict, "attempts": 1, "duration_ms": 2, "message": message})
}

pub(crate) fn backup(damaged: &Value) -> Value {
    json!({"name": "2020-01-01T00-00-00Z", "path": "/b/2020-01-01T00-00-00Z", "created_at": "2020-01-01T00:00:00.000Z",
           "database": "/app.sqlite", "env": "prod", "deploy": "prod-2", "commit": null, "label": null,
           "raw_size": 8192, "stored_size": 2048, "rows": 7, "damaged": damaged})
}

pub(crate) fn way_back(problems: &[&str]) -> Value {
    json!({"to": release_of(1), "commit": "0000001", "expected_ms": 1500, "measured": true, "problems": problems})
}

/// Puts a tool in place that answers with these details and ends with this code.
pub(crate) fn answers(sandbox: &Sandbox, tool: &str, code: u8, details: &Value) {
    let mut object = json!({"v": 1, "tool": tool, "success": code == 0, "exit_code": code, "duration_ms": 5,
                            "started_at": "2026-11-21T10:15:00.000Z", "details": details});
    if code != 0 {
        object["error"] = json!({"kind": "no", "message": format!("{tool} says no"), "hint": "look at it"});
    }
    prints(sandbox, tool, code, &object.to_string());
}

/// The same with a text that may be no answer.
pub(crate) fn prints(sandbox: &Sandbox, tool: &str, code: u8, text: &str) {
    let printed = sandbox.write(&format!("{tool}.json"), text);
    let asked = sandbox.path("asked");
    let note = format!("echo \"{tool} $*|$PUSHBACK_ENV|$PUSHBACK_DEPLOY$PUSHBACK_STEP$PUSHBACK_RELEASE\"");
    sandbox.stand_in(tool, &format!("{note} >> {}; cat {}; exit {code}", asked.display(), printed.display()));
}

/// The name of every file below `DEPLOY_ROOT`.
pub(crate) fn files(sandbox: &Sandbox) -> String {
    let found = sandbox.program("find".as_ref()).arg(sandbox.root()).any_stdout().check().stdout;
    let mut names: Vec<&str> = found.lines().collect();
    names.sort_unstable();
    names.join("\n")
}
