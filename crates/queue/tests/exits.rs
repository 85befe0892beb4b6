//! deploy-queue: one test for each exit code that it documents, and those of a deployment that is followed.
#![cfg(test)]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use testkit::{Repository, Run, Sandbox, is_alive, kill, wait_until};

/// A queue whose pipeline is this script.
fn queue(pipeline: &str) -> (Sandbox, Repository) {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository();
    sandbox.family(&["deploy-queue", "release", "rollback", "run-step", "smoke-test"]);
    sandbox.stand_in("deploy", pipeline);
    repository.push("one");
    (sandbox, repository)
}

/// A pipeline that says that it runs, and goes on when it is told to.
const WAITS: &str = "cd ${PUSHBACK_ENV%/prod/deploy.env}; echo $$ > pid; until [ -e go ]; do sleep 0.02; done";

fn submit(sandbox: &Sandbox, args: &[&str]) -> Run {
    sandbox.own_tool("deploy-queue").arg("submit").args(args)
}

fn settle(sandbox: &Sandbox) {
    wait_until("the queue is worked off", || sandbox.is_idle());
}

#[test]
fn a_submission_is_0_at_once_and_says_what_happens_next() {
    let (sandbox, repository) = queue(WAITS);
    let commit = repository.git(&["rev-parse", "HEAD"]);
    let place = format!("submission 1: {} to prod, begins now\n", &commit[..7]);
    submit(&sandbox, &["main"]).stdout(place).check();
    wait_until("the pipeline runs", || !sandbox.read("pid").is_empty());
    assert!(!sandbox.is_idle());
    sandbox.write("go", "");
    settle(&sandbox);
}

#[test]
fn who_follows_a_deployment_gets_its_code() {
    for (code, records) in
        [(0, ""), (1, "run-step test -- false"), (2, "run-step build -- false"), (75, "run-step guard -- false")]
    {
        let (sandbox, _) = queue(&format!("{records}\nexit {code}"));
        let run = submit(&sandbox, &["--follow", "main"]).code(code);
        run.stdout_has(format!("prod-1: exit {code}: ")).stderr_has("submission 1: ").check();
        settle(&sandbox);
    }
}

#[test]
fn wrong_usage_is_2() {
    let (sandbox, _) = queue("true");
    for args in [
        &[][..],
        &["submit"],
        &["submit", "--door=window", "main"],
        &["log", "prod"],
        &["log", "--last", "x"],
        &["hold"],
        &["cancel"],
        &["cancel", "x y"],
    ] {
        sandbox.own_tool("deploy-queue").args(args).code(2).any_stderr().check();
    }
}

#[test]
fn what_is_not_there_is_66() {
    let (sandbox, _) = queue("true");
    for target in ["no-such-branch", "-rf", "--upload-pack=id", "abcdef0", "HEAD:app", ""] {
        submit(&sandbox, &["--", target]).code(66).stderr_has(format!("there is no commit {target} in ")).check();
    }
    let run = sandbox.own_tool("deploy-queue").args(["log", "prod-9"]).code(66);
    run.stderr_has("there is no log of prod-9").check();
    sandbox.set("DEPLOY_REPO", "/nonexistent");
    submit(&sandbox, &["main"]).code(66).stderr_has("is no git repository").check();
    assert!(sandbox.is_idle());
}

#[test]
fn a_git_that_is_missing_is_69() {
    let (sandbox, _) = queue("true");
    let run = submit(&sandbox, &["main"]).env("PATH", sandbox.path("bin"));
    run.code(69).stderr_has("cannot run git: it is not installed").check();
}

#[test]
fn a_pipeline_that_is_missing_is_74_and_not_what_preflight_says() {
    let (sandbox, _) = queue("true");
    fs::remove_file(sandbox.path("tools/deploy")).unwrap();
    let run = submit(&sandbox, &["--follow", "main"]).code(74);
    run.stdout_has("prod-1: exit 74: ").any_stderr().check();
    settle(&sandbox);
}

#[test]
fn a_journal_that_cannot_be_written_is_74_and_nothing_is_queued() {
    let (sandbox, _) = queue("true");
    fs::create_dir(sandbox.root().join("journal.ndjson")).unwrap();
    submit(&sandbox, &["main"]).code(74).stderr_has("cannot open the journal").check();
    assert!(!sandbox.path("prod/state/queue/1.json").exists());
}

#[test]
fn an_exit_code_that_no_step_explains_is_not_believed() {
    for (script, code) in [("exit 1", 74), ("exit 4", 74), ("exit 2", 74), ("exit 127", 74), ("kill -9 $$", 137)] {
        let (sandbox, _) = queue(script);
        submit(&sandbox, &["--follow", "main"]).code(code).any_stdout().any_stderr().check();
        settle(&sandbox);
        // The last record is that of whoever followed.
        let mut journal = sandbox.journal().into_iter();
        let end = journal.find(|record| record["command"] == "end").unwrap();
        assert_eq!(end["exit_code"], code, "{script}");
        assert!(end["details"]["note"].as_str().unwrap().ends_with(": nothing was left to undo"), "{end}");
    }
}

#[test]
fn a_submission_that_a_newer_one_overtakes_is_75_for_who_follows_it() {
    let (sandbox, _) = queue("true");
    let lock = sandbox.hold_lock("the test");
    let mut first = submit(&sandbox, &["--follow", "main"]).spawn();
    wait_until("the first one waits", || sandbox.path("prod/state/queue/1.json").exists());
    let run = submit(&sandbox, &["main"]).stdout_has(", next after the test");
    run.stdout_has("; takes the place of submission 1, which is not deployed").check();
    lock.unlock().unwrap();
    assert_eq!(first.wait().unwrap().code(), Some(75));
    settle(&sandbox);
}

#[test]
fn settings_that_others_may_read_are_77() {
    let (sandbox, _) = queue("true");
    fs::set_permissions(sandbox.env_file(), fs::Permissions::from_mode(0o644)).unwrap();
    submit(&sandbox, &["main"]).code(77).any_stderr().check();
}

#[test]
fn settings_that_say_too_little_are_78() {
    for name in ["DEPLOY_ROOT", "DEPLOY_ENV", "DEPLOY_REPO"] {
        let (sandbox, _) = queue("true");
        sandbox.set(name, "");
        submit(&sandbox, &["main"]).code(78).stderr_has(format!("{name} is not set\nhint: add {name}=… to ")).check();
    }
}

#[test]
fn who_stops_following_is_128_and_the_signal_and_the_deployment_goes_on() {
    let (sandbox, _) = queue(&format!("{WAITS}; touch done"));
    let mut child = submit(&sandbox, &["--follow", "main"]).spawn();
    wait_until("the pipeline runs", || !sandbox.read("pid").is_empty());
    kill("INT", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(is_alive(&sandbox.read("pid")));
    sandbox.write("go", "");
    settle(&sandbox);
    assert!(sandbox.path("done").exists());
}

#[test]
fn a_runner_that_is_told_to_stop_settles_its_deployment_first() {
    let (sandbox, _) = queue(WAITS);
    let runner = sandbox.path("prod/state/runner");
    sandbox.write("prod/state/runner", "");
    let held = fs::File::open(&runner).unwrap();
    held.lock().unwrap();
    submit(&sandbox, &["main"]).any_stdout().check();
    wait_until("its own runner went home", || sandbox.read("prod/logs/runner.log").contains("another runner"));
    held.unlock().unwrap();
    let mut child = sandbox.own_tool("deploy-queue").arg("run").spawn();
    wait_until("the pipeline runs", || !sandbox.read("pid").is_empty());
    kill("TERM", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(sandbox.is_idle() && !is_alive(&sandbox.read("pid")));
    let mut journal = sandbox.journal().into_iter();
    let end = journal.find(|record| record["command"] == "end").unwrap();
    assert_eq!(end["exit_code"], 143);
}
