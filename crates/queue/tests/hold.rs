//! deploy-queue hold and unhold: a person decides whether anything begins.
#![cfg(test)]

use serde_json::{Value, json};
use testkit::{Repository, Run, Sandbox, commit_of, wait_until};

/// A queue whose pipeline writes down that it ran, and goes on until `go` is there.
fn queue() -> (Sandbox, Repository) {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository();
    sandbox.family(&["deploy-queue", "release", "rollback", "smoke-test"]);
    sandbox.stand_in(
        "deploy",
        "home=${PUSHBACK_ENV%/prod/deploy.env}; echo \"$PUSHBACK_DEPLOY\" >> $home/calls; \
         until [ -e $home/go ]; do sleep 0.02; done",
    );
    repository.push("one");
    (sandbox, repository)
}

fn tool(sandbox: &Sandbox, args: &[&str]) -> Run {
    sandbox.own_tool("deploy-queue").args(args)
}

fn records(sandbox: &Sandbox, command: &str) -> Vec<Value> {
    let mut journal = sandbox.journal();
    journal.retain(|record| record["tool"] == "deploy-queue" && record["command"] == command);
    journal
}

/// Waits until the pipeline of this deployment is at work.
fn runs(sandbox: &Sandbox, deploy: &str) {
    wait_until("the pipeline runs", || sandbox.read("calls").lines().any(|line| line == deploy));
}

#[test]
fn while_it_is_held_nothing_begins_and_what_is_submitted_waits_for_the_end_of_the_hold() {
    let (sandbox, _) = queue();
    sandbox.write("go", "");
    let held = tool(&sandbox, &["hold", "--by", "Ada", "the disk is being changed"]);
    held.stdout_has("held by Ada since 2").stdout_has("Z: the disk is being changed\n").check();
    let told = tool(&sandbox, &["submit", "--force", "main"]).any_stdout().check().stdout;
    assert!(told.contains("submission 1: ") && told.contains("waits: held by Ada since"), "{told}");
    // A runner that is started all the same leaves it alone.
    tool(&sandbox, &["run"]).stderr_has("1 wait").check();
    let listed = tool(&sandbox, &["list"]).any_stdout().check().stdout;
    assert!(listed.starts_with("held by Ada since") && listed.contains("begins when the hold ends"), "{listed}");
    assert!(!listed.contains("no runner"), "{listed}");
    assert!(sandbox.read("calls").is_empty() && records(&sandbox, "begin").is_empty());
    tool(&sandbox, &["unhold"]).stdout("not held any more; submission 1 begins\n").check();
    wait_until("it is deployed", || sandbox.is_idle());
    assert_eq!(sandbox.read("calls"), "prod-1\n");
    let log = tool(&sandbox, &["log"]).any_stdout().check().stdout;
    assert!(log.contains("held, by Ada: the disk is being changed") && log.contains("not held any more"), "{log}");
}

#[test]
fn whoever_follows_is_told_of_the_hold_and_what_to_do_and_gets_75() {
    let (sandbox, _) = queue();
    tool(&sandbox, &["hold", "--by", "Ada", "wait"]).any_stdout().check();
    let run = tool(&sandbox, &["submit", "--follow", "main"]).code(75);
    let run = run.stderr_has("submission 1 waits: held by Ada since");
    run.stderr_has("hint: deploy-queue unhold lets it begin; deploy-queue cancel 1 takes it back").check();
    // One that waits already when the hold comes.
    tool(&sandbox, &["unhold"]).any_stdout().check();
    runs(&sandbox, "prod-1");
    let mut follower = tool(&sandbox, &["submit", "--follow", "--force", "main"]).spawn();
    wait_until("it waits", || {
        records(&sandbox, "submit").len() == 1 && sandbox.path("prod/state/queue/2.json").exists()
    });
    tool(&sandbox, &["hold", "again"]).any_stdout().stderr_has("prod-1 is in progress and goes on").check();
    assert_eq!(follower.wait().unwrap().code(), Some(75));
    sandbox.write("go", "");
    wait_until("prod-1 has ended", || !records(&sandbox, "end").is_empty());
    assert_eq!(sandbox.read("calls"), "prod-1\n");
}

#[test]
fn a_hold_is_one_line_with_a_reason_and_the_last_one_counts() {
    let (sandbox, _) = queue();
    tool(&sandbox, &["hold", " "]).code(2).stderr_has("without a reason").stderr_has("hint: ").check();
    tool(&sandbox, &["hold"]).code(2).any_stderr().check();
    tool(&sandbox, &["hold", "--by", "A\u{1b}da", "first\n\u{1b}[2J"]).any_stdout().check();
    tool(&sandbox, &["hold", "--by", "Bob", "second"]).stdout_has("held by Bob").check();
    let run = tool(&sandbox, &["list", "--json"]).any_stdout().check().json();
    assert_eq!((&run["details"]["held"]["reason"], &run["details"]["held"]["by"]), (&json!("second"), &json!("Bob")));
    assert!(!sandbox.read("prod/journal.ndjson").contains('\u{1b}'));
    tool(&sandbox, &["unhold"]).stdout("not held any more; nothing waits\n").check();
    tool(&sandbox, &["unhold"]).stderr("deploy-queue: nothing is held: skipped\n").check();
    assert_eq!(
        tool(&sandbox, &["list", "--json"]).any_stdout().any_stderr().check().json()["details"]["held"],
        Value::Null
    );
}

#[test]
fn a_hold_that_cannot_be_written_down_is_no_hold() {
    let (sandbox, _) = queue();
    sandbox.set("PUSHBACK_JOURNAL", "/dev/full");
    tool(&sandbox, &["hold", "reason"]).code(74).stderr_has("cannot ").check();
}

#[test]
fn what_a_killed_deployment_left_is_settled_while_it_is_held() {
    let (sandbox, _) = queue();
    sandbox.history(&[json!({"tool": "deploy-queue", "command": "begin", "deploy": "prod-1", "commit": commit_of(1)})]);
    tool(&sandbox, &["hold", "reason"]).any_stdout().any_stderr().check();
    tool(&sandbox, &["run"]).stderr_has("prod-1 was killed; settling it").check();
    assert_eq!(records(&sandbox, "end").len(), 1);
}

#[test]
fn submissions_that_a_runner_left_are_listed_with_what_to_do() {
    let (sandbox, _) = queue();
    let entry = json!({"v": 1, "number": 4, "commit": commit_of(9), "ref": null, "by": "Ada", "door": "operator",
                       "force": false, "submitted_at": "2026-11-21T10:15:00Z"});
    sandbox.write("prod/state/queue/4.json", entry.to_string());
    sandbox.history(&[json!({"tool": "deploy-queue", "command": "run", "success": false, "exit_code": 78,
                             "error": {"kind": "settings", "message": "current is not a symbolic link"}})]);
    let run = tool(&sandbox, &["list"]).stdout_has("submission 4").stdout_has("by Ada; is next");
    let why = "no runner is at work, the last one stopped: current is not a symbolic link; deploy-queue run starts one";
    run.stdout_has(why).check();
}
