//! deploy-queue cancel: a submission is taken back or has begun, never both; a deployment in progress is stopped by its
//! own runner, and what else waits goes on.
#![cfg(test)]

use serde_json::{Value, json};
use testkit::{Repository, Run, Sandbox, is_alive, kill, wait_until};

/// A queue whose pipeline writes down which deployment it is, and goes on when it is told to.
fn queue() -> (Sandbox, Repository) {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository();
    sandbox.family(&["deploy-queue", "release", "rollback", "run-step", "smoke-test"]);
    let script = "cd ${PUSHBACK_ENV%/prod/deploy.env}; echo $$ > pid; echo $PUSHBACK_DEPLOY >> calls
        until [ -e go ]; do sleep 0.02; done";
    sandbox.stand_in("deploy", script);
    sandbox.set("USER", "ada");
    repository.push("one");
    (sandbox, repository)
}

fn tool(sandbox: &Sandbox, args: &[&str]) -> Run {
    sandbox.own_tool("deploy-queue").args(args)
}

fn submit(sandbox: &Sandbox) {
    tool(sandbox, &["submit", "--force", "main"]).any_stdout().check();
}

fn records(sandbox: &Sandbox, command: &str) -> Vec<Value> {
    let mut journal = sandbox.journal();
    journal.retain(|record| record["command"] == command);
    journal
}

/// Waits until this deployment's pipeline runs.
fn runs(sandbox: &Sandbox, id: &str) {
    wait_until("the pipeline runs", || sandbox.read("calls").lines().last() == Some(id));
}

fn finish(sandbox: &Sandbox) {
    sandbox.write("go", "");
    wait_until("the queue is worked off", || sandbox.is_idle());
}

#[test]
fn a_submission_that_is_taken_back_is_not_deployed_and_whoever_follows_is_told() {
    let (sandbox, _) = queue();
    let lock = sandbox.hold_lock("the test");
    submit(&sandbox);
    let mut follows = tool(&sandbox, &["submit", "--follow", "main"]).spawn();
    wait_until("it waits", || sandbox.path("prod/state/queue/2.json").exists());
    tool(&sandbox, &["cancel", "2", "2"]).stdout("submission 2 is cancelled\n").check();
    assert_eq!(follows.wait().unwrap().code(), Some(75));
    lock.unlock().unwrap();
    finish(&sandbox);
    let begun: Vec<Value> = records(&sandbox, "begin").iter().map(|begin| begin["details"]["entry"].clone()).collect();
    assert_eq!(begun, [1]);
    tool(&sandbox, &["log"]).stdout_has("submission 2  ").stdout_has("not deployed: it was cancelled by ada").check();
}

#[test]
fn what_does_not_wait_is_66_with_what_became_of_it_and_nothing_is_cancelled() {
    let (sandbox, repository) = queue();
    let lock = sandbox.hold_lock("the test");
    for _ in 1..=3 {
        submit(&sandbox);
    }
    tool(&sandbox, &["cancel", "2"]).any_stdout().check();
    let refused = |what: &[&str], why: &str| {
        let run = tool(&sandbox, &["cancel"]).args(what).code(66).stderr_has(why);
        run.check();
    };
    refused(&["2"], "submission 2 does not wait: it was cancelled by ada");
    refused(&["3", "9"], "there is no submission 9\nhint: deploy-queue list shows what waits");
    refused(&["prod-1"], "there is no deployment prod-1");
    assert_eq!(records(&sandbox, "cancel").len(), 1);
    lock.unlock().unwrap();
    runs(&sandbox, "prod-1");
    refused(&["1"], "submission 1 does not wait: submission 3 is newer");
    refused(&["3"], "submission 3 does not wait: it has begun as prod-1\nhint: to stop it: deploy-queue cancel prod-1");
    refused(&["dev-1"], "there is no deployment dev-1");
    finish(&sandbox);
    refused(&["3"], "submission 3 does not wait: it was prod-1: exit 0: already live");
    refused(&["prod-1"], "prod-1 does not run: exit 0: already live");
    assert_eq!(repository.git(&["--git-dir", "../repo.git", "for-each-ref", "refs/deploys"]).lines().count(), 1);
}

#[test]
fn a_deployment_in_progress_is_stopped_and_what_waits_goes_on() {
    let (sandbox, _) = queue();
    submit(&sandbox);
    runs(&sandbox, "prod-1");
    let pipeline = sandbox.read("pid");
    let mut follows = tool(&sandbox, &["submit", "--follow", "--force", "main"]).spawn();
    wait_until("it waits", || sandbox.path("prod/state/queue/2.json").exists());
    let told = "prod-1: exit 143: cancelled; what was live is live\n";
    tool(&sandbox, &["cancel", "prod-1"]).stdout(told).check();
    assert!(!is_alive(&pipeline));
    runs(&sandbox, "prod-2");
    finish(&sandbox);
    assert_eq!(follows.wait().unwrap().code(), Some(0), "who waits for another is not told that the runner stopped");
    let ends: Vec<Value> = records(&sandbox, "end").iter().map(|end| end["exit_code"].clone()).collect();
    assert_eq!(ends, [143, 0]);
    assert!(records(&sandbox, "run").is_empty());
    assert_eq!((&records(&sandbox, "cancel")[0]["deploy"], records(&sandbox, "cancel").len()), (&"prod-1".into(), 1));
}

#[test]
fn a_deployment_whose_runner_was_killed_is_not_stopped_and_its_waiting_successor_is_left_alone() {
    let (sandbox, _) = queue();
    submit(&sandbox);
    runs(&sandbox, "prod-1");
    let pipeline = sandbox.read("pid");
    let note = sandbox.read("prod/state/runner");
    kill("KILL", note.split("process ").nth(1).unwrap().split(',').next().unwrap());
    let successor = tool(&sandbox, &["run"]).spawn();
    wait_until("another runner waits", || {
        sandbox.read("prod/state/runner").contains(&format!("process {},", successor.id()))
    });
    let run = tool(&sandbox, &["cancel", "prod-1"]).code(75).stderr_has("its pipeline works on alone\nhint: ");
    run.check();
    assert!(is_alive(&pipeline) && is_alive(&successor.id().to_string()));
    finish(&sandbox);
    assert_eq!(records(&sandbox, "end").len(), 1);
    drop(successor.wait_with_output());
}

#[test]
fn a_deployment_that_is_being_rolled_back_is_not_stopped_again() {
    let (sandbox, _) = queue();
    submit(&sandbox);
    runs(&sandbox, "prod-1");
    let undoing = json!({"tool": "rollback", "command": "deploy", "phase": "begin", "deploy": "prod-1"});
    sandbox.history(&[undoing]);
    let run = tool(&sandbox, &["cancel", "prod-1"]).code(75);
    run.stderr_has("prod-1 is being rolled back already\nhint: deploy-queue log prod-1 ").check();
    assert!(is_alive(&sandbox.read("pid")));
    finish(&sandbox);
}

#[test]
fn a_deployment_that_was_killed_does_not_run() {
    let (sandbox, _) = queue();
    sandbox.deployed(1, None);
    let run = tool(&sandbox, &["cancel", "prod-1"]).code(66).stderr_has("prod-1 does not run: it was killed\nhint: ");
    run.check();
}

#[test]
fn a_note_of_a_process_that_has_not_the_lock_stops_nobody() {
    let (sandbox, _) = queue();
    sandbox.deployed(1, None);
    let mut bystander = sandbox.program("/bin/sleep".as_ref()).arg("60").spawn();
    let note = format!("deploy-queue run, process {}, since 2026-11-21T10:15:00.000Z\n", bystander.id());
    let lock = sandbox.hold_lock(&note);
    let runner = sandbox.write("prod/state/runner", &note);
    let runner = std::fs::File::open(runner).unwrap();
    runner.lock().unwrap();
    tool(&sandbox, &["cancel", "prod-1"]).code(75).any_stderr().check();
    assert!(is_alive(&bystander.id().to_string()));
    bystander.kill().unwrap();
    bystander.wait().unwrap();
    lock.unlock().unwrap();
    runner.unlock().unwrap();
}

#[test]
fn a_submission_is_cancelled_or_begun_and_never_both() {
    let (sandbox, _) = queue();
    sandbox.write("go", "");
    for number in 1..=12 {
        submit(&sandbox);
        let cancelled = std::thread::scope(|scope| {
            // Sometimes before the runner takes it, sometimes after.
            let runner = scope.spawn(|| tool(&sandbox, &["run"]).any_stderr().check());
            let cancel = tool(&sandbox, &["cancel", &number.to_string()]).into_command().output().unwrap();
            runner.join().unwrap();
            cancel.status.code()
        });
        wait_until("the queue is worked off", || sandbox.is_idle());
        let of_number = |command: &str| {
            records(&sandbox, command).iter().filter(|record| record["details"]["entry"] == number).count()
        };
        let expected = if cancelled == Some(0) { (1, 0) } else { (0, 1) };
        assert_eq!((of_number("cancel"), of_number("begin")), expected, "cancel ended with {cancelled:?}");
    }
}

#[test]
fn a_submission_whose_file_outlived_its_cancellation_is_not_deployed() {
    let (sandbox, _) = queue();
    let lock = sandbox.hold_lock("the test");
    submit(&sandbox);
    let file = sandbox.read("prod/state/queue/1.json");
    tool(&sandbox, &["cancel", "1"]).any_stdout().check();
    // As a kill between the record and the removal leaves it.
    sandbox.write("prod/state/queue/1.json", file);
    tool(&sandbox, &["list"]).stdout_has("busy: the lock is held by the test").check();
    tool(&sandbox, &["cancel", "1"]).code(66).any_stderr().check();
    lock.unlock().unwrap();
    wait_until("the queue is worked off", || sandbox.is_idle());
    assert!(records(&sandbox, "begin").is_empty());
}

#[test]
fn a_runner_that_is_killed_as_it_begins_leaves_a_submission_that_can_begin_or_be_taken_back() {
    // Before its number is taken, and after.
    for take in ["", "git \"$@\";"] {
        for cancelled in [false, true] {
            let (sandbox, _) = queue();
            sandbox.write("go", "");
            let once = sandbox.path("killed").display().to_string();
            let script = format!(
                "#!/bin/sh\nPATH=${{PATH#*:}}\ncase \" $* \" in *\" update-ref \"*)
                [ -e {once} ] || {{ touch {once}; {take} kill -KILL $PPID; exit 1; }};; esac\nexec git \"$@\"\n"
            );
            sandbox.fake("git", &script);
            submit(&sandbox);
            wait_until("the runner was killed", || {
                sandbox.path("killed").exists()
                    && tool(&sandbox, &["list"]).any_stdout().check().stdout.contains("no runner is at work")
            });
            if cancelled {
                tool(&sandbox, &["cancel", "1"]).any_stdout().check();
            }
            tool(&sandbox, &["run"]).any_stderr().check();
            assert_eq!(records(&sandbox, "begin").len(), usize::from(!cancelled), "{take}");
            assert!(sandbox.is_idle());
        }
    }
}
