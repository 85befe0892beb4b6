//! rollback: where it goes, what it tells, and that doing it twice changes nothing.
#![cfg(test)]

use serde_json::json;
use testkit::{Run, Sandbox, commit_of, release_of, tool_path};

fn last(sandbox: &Sandbox) -> Run {
    sandbox.tool("rollback").arg("--last").any_stdout().any_stderr()
}

fn undo(sandbox: &Sandbox, deploy: &str) -> Run {
    sandbox.tool("rollback").args(["--deploy", deploy]).any_stdout().any_stderr()
}

#[test]
fn undoing_a_deployment_twice_changes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, Some(0));
    sandbox.deployed(2, Some(0));
    sandbox.deployed(3, None);
    undo(&sandbox, "prod-3").check();
    assert_eq!(sandbox.live(), release_of(2));
    let run = sandbox.tool("rollback").args(["--deploy", "prod-3"]);
    run.stderr("rollback: prod-3 is rolled back already: skipped\n").check();
    assert_eq!(sandbox.live(), release_of(2));
}

#[test]
fn undoing_goes_to_what_was_live_and_not_to_the_newest_verified() {
    let sandbox = Sandbox::new();
    for number in [1, 2] {
        sandbox.deployed(number, Some(0));
    }
    // A person went back to 1, and 3 began over it.
    last(&sandbox).arg("--keep-good").check();
    sandbox.deployed(3, None);
    undo(&sandbox, "prod-3").check();
    assert_eq!(sandbox.live(), release_of(1));
}

#[test]
fn a_deployment_that_failed_before_the_switch_keeps_what_is_live() {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, Some(0));
    sandbox.deployed(2, Some(0));
    sandbox.staged(3);
    let begin = json!({"tool": "deploy-queue", "command": "begin", "deploy": "prod-3", "commit": commit_of(3),
                       "details": {"previous": release_of(2)}});
    sandbox.history(&[begin]);
    let run = sandbox.tool("rollback").args(["--deploy", "prod-3"]);
    run.stderr("rollback: prod-3 touched nothing: skipped\n").check();
    sandbox.history(&[json!({"tool": "release", "command": "activate", "phase": "begin", "deploy": "prod-3"})]);
    undo(&sandbox, "prod-3").check();
    assert_eq!(sandbox.live(), release_of(2));
}

#[test]
fn what_is_left_is_bad_and_never_gone_back_to() {
    let sandbox = Sandbox::new();
    for number in [1, 2, 3] {
        sandbox.deployed(number, Some(0));
    }
    last(&sandbox).check();
    assert_eq!(sandbox.live(), release_of(2));
    sandbox.deployed(4, Some(0));
    last(&sandbox).check();
    // Release 3 was verified and is nearer, but bad.
    assert_eq!(sandbox.live(), release_of(2));
    let list = sandbox.tool("release").arg("list").any_stdout().check().stdout;
    assert!(list.contains("3-0000003  bad\n") && list.contains("4-0000004  bad\n"), "{list}");
}

#[test]
fn what_a_person_keeps_good_stays_verified() {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, Some(0));
    sandbox.deployed(2, Some(0));
    last(&sandbox).arg("--keep-good").check();
    let list = sandbox.tool("release").arg("list").any_stdout().check().stdout;
    assert_eq!(list, "1-0000001  verified  live\n2-0000002  verified\n");
}

#[test]
fn unverified_releases_are_no_way_back() {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, Some(0));
    for code in [Some(4), Some(6), None] {
        sandbox.deployed(2, code);
    }
    sandbox.deployed(3, Some(0));
    last(&sandbox).check();
    assert_eq!(sandbox.live(), release_of(1));
}

#[test]
fn a_rollback_is_announced_with_what_it_leaves_and_where_it_goes() {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, Some(0));
    sandbox.deployed(2, Some(0));
    sandbox.set("RELOAD_COMMAND", "cp ../../journal.ndjson ../../seen");
    undo(&sandbox, "prod-2").check();
    let seen = sandbox.read("prod/seen");
    let mut records = seen.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let begin = records.rfind(|record| record["tool"] == "rollback").unwrap();
    let wanted = json!({"from": release_of(2), "to": release_of(1), "bad": true});
    for (key, value) in wanted.as_object().unwrap() {
        assert_eq!(&begin["details"][key], value, "{begin}");
    }
    assert_eq!((&begin["phase"], &begin["deploy"]), (&"begin".into(), &"prod-2".into()));
    let journal = sandbox.journal();
    let parents = journal.iter().filter(|record| record["parent"] == "rollback");
    let tools: Vec<_> = parents.map(|record| record["tool"].as_str().unwrap()).collect();
    assert_eq!(tools, ["release", "release", "smoke-test"]);
    assert_eq!(journal.last().unwrap()["command"], "deploy");
}

#[test]
fn the_app_is_stopped_where_it_runs_and_started_where_it_goes() {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, Some(0));
    sandbox.deployed(2, Some(0));
    sandbox.set("STOP_COMMAND", "echo stop $(basename $(pwd)) >> ../../log");
    sandbox.set("START_COMMAND", "echo start $(basename $(pwd)) >> ../../log");
    last(&sandbox).check();
    assert_eq!(sandbox.read("prod/log"), "stop 2-0000002\nstart 1-0000001\n");
}

#[test]
fn the_pipeline_s_lock_on_stdin_reaches_every_tool_that_it_runs() {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, Some(0));
    sandbox.deployed(2, None);
    let lock = sandbox.hold_lock("the pipeline");
    undo(&sandbox, "prod-2").stdin_file(lock.try_clone().unwrap()).check();
    assert_eq!(sandbox.live(), release_of(1));
    lock.unlock().unwrap();
}

#[test]
fn the_way_back_stays_open_on_a_full_disk() {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, Some(0));
    sandbox.deployed(2, Some(0));
    sandbox.set("RELOAD_COMMAND", "true");
    // No file can grow: what a full disk does, without the need for one.
    let shell = sandbox.program("/bin/sh".as_ref()).env("PUSHBACK_ENV", sandbox.env_file());
    let run = shell.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" --last"]).arg(tool_path("rollback"));
    let run = run.any_stdout().stderr_has("cannot append to the journal").stderr_has("going back all the same");
    run.check();
    assert_eq!(sandbox.live(), release_of(1));
}

#[test]
fn a_rollback_that_did_not_get_there_is_finished_and_not_begun_again_from_where_it_got() {
    let sandbox = Sandbox::new();
    for number in [1, 2, 3] {
        sandbox.deployed(number, Some(0));
    }
    sandbox.set("RELOAD_COMMAND", "exit 1");
    last(&sandbox).code(74).check();
    assert_eq!(sandbox.live(), release_of(2));
    let lock = sandbox.hold_lock("somebody in between");
    last(&sandbox).code(75).check();
    lock.unlock().unwrap();
    sandbox.set("RELOAD_COMMAND", "true");
    last(&sandbox).check();
    assert_eq!(sandbox.live(), release_of(2));
    last(&sandbox).check();
    assert_eq!(sandbox.live(), release_of(1));
}

#[test]
fn a_guard_by_hand_appends_nothing_and_in_a_deployment_one_record() {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, Some(0));
    let before = sandbox.journal().len();
    sandbox.tool("rollback").arg("--guard").check();
    assert_eq!(sandbox.journal().len(), before);
    // A deployment that has ended is none in progress: the variable is left over from somewhere.
    let left_over = sandbox.tool("rollback").env("PUSHBACK_DEPLOY", "prod-1").arg("--guard").code(78);
    left_over.stderr_has("no deployment in progress").check();
    sandbox.deployed(2, None);
    let before = sandbox.journal().len();
    let lock = sandbox.hold_lock("the pipeline");
    let guard = || sandbox.tool("rollback").env("PUSHBACK_DEPLOY", "prod-2").arg("--guard");
    guard().stdin_file(lock.try_clone().unwrap()).check();
    lock.unlock().unwrap();
    assert_eq!((sandbox.journal().len(), &sandbox.journal()[before]["command"]), (before + 1, &"guard".into()));
}

#[test]
fn a_pipeline_by_hand_in_the_name_of_a_deployment_in_progress_is_78() {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, None);
    let guard = || sandbox.tool("rollback").env("PUSHBACK_DEPLOY", "prod-1").arg("--guard").code(78);
    let sentence = "PUSHBACK_DEPLOY is prod-1, but stdin is not the lock that its pipeline holds";
    guard().stderr_has(sentence).stderr_has("unset PUSHBACK_DEPLOY").check();
    // The file of the lock is not the lock: the runner's own open file is.
    let lock = sandbox.hold_lock("the pipeline");
    let stranger = std::fs::File::open(sandbox.path("prod/state/lock")).unwrap();
    guard().stdin_file(stranger).stderr_has(sentence).check();
    lock.unlock().unwrap();
}

#[test]
fn a_commit_that_was_rolled_back_is_not_deployed_again_unless_forced() {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, Some(0));
    sandbox.deployed(2, Some(0));
    last(&sandbox).check();
    let lock = sandbox.hold_lock("the pipeline");
    let again = |deploy: &str, force: bool| {
        let begin = json!({"tool": "deploy-queue", "command": "begin", "deploy": deploy, "commit": commit_of(2),
                           "details": {"force": force}});
        sandbox.history(&[begin]);
        let guard = sandbox.tool("rollback").env("PUSHBACK_DEPLOY", deploy).arg("--guard");
        guard.stdin_file(lock.try_clone().unwrap())
    };
    let run = again("prod-3", false).code(75);
    run.stderr_has("a person must look first: 0000002 was rolled back before, as 2-0000002").check();
    again("prod-4", true).stderr("rollback: forced: the guard is not asked\n").check();
    lock.unlock().unwrap();
}
