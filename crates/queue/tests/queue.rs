//! deploy-queue: what is deployed, in which order, under which name, and what everybody is told.
#![cfg(test)]

use std::fs;

use serde_json::json;
use testkit::{Repository, Run, Sandbox, commit_of, wait_until};

/// A queue whose pipeline writes down each call and succeeds.
fn queue() -> (Sandbox, Repository) {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository();
    sandbox.family(&["deploy-queue", "release", "rollback", "smoke-test"]);
    sandbox.stand_in(
        "deploy",
        "echo \"$PUSHBACK_DEPLOY $*\" >> ${PUSHBACK_ENV%/prod/deploy.env}/calls; echo said; printf '\\033[31mred\\n' >&2",
    );
    repository.push("one");
    (sandbox, repository)
}

fn tool(sandbox: &Sandbox, args: &[&str]) -> Run {
    sandbox.own_tool("deploy-queue").args(args)
}

fn submit(sandbox: &Sandbox, args: &[&str]) {
    tool(sandbox, &["submit"]).args(args).any_stdout().check();
}

fn settle(sandbox: &Sandbox) {
    wait_until("the queue is worked off", || sandbox.is_idle());
}

fn call(sandbox: &Sandbox, deploy: &str, commit: &str) -> String {
    format!("{deploy} {} {commit}\n", sandbox.env_file().display())
}

fn records(sandbox: &Sandbox, command: &str) -> Vec<serde_json::Value> {
    let mut journal = sandbox.journal();
    journal.retain(|record| record["command"] == command);
    journal
}

#[test]
fn a_deployment_begins_and_ends_in_the_journal_and_pins_its_commit() {
    let (sandbox, repository) = queue();
    let commit = repository.git(&["rev-parse", "HEAD"]);
    submit(&sandbox, &["--by", "Ada", "main"]);
    settle(&sandbox);
    assert_eq!(sandbox.read("calls"), call(&sandbox, "prod-1", &commit));
    let begin = &records(&sandbox, "begin")[0];
    assert_eq!((&begin["deploy"], &begin["commit"]), (&"prod-1".into(), &commit.clone().into()));
    for (key, value) in [
        ("subject", json!("one")),
        ("author", json!("Tester")),
        ("by", json!("Ada")),
        ("door", json!("operator")),
        ("previous", json!(null)),
    ] {
        assert_eq!(begin["details"][key], value, "{begin}");
    }
    assert_eq!(records(&sandbox, "end")[0]["exit_code"], 0);
    let pin = repository.git(&["--git-dir", &repository.bare.to_string_lossy(), "rev-parse", "refs/deploys/prod/1"]);
    assert_eq!(pin, commit);
}

#[test]
fn of_those_that_wait_only_the_newest_is_deployed_and_the_others_are_told() {
    let (sandbox, repository) = queue();
    let lock = sandbox.hold_lock("the test");
    let commits: Vec<String> = ["a", "b", "c"].iter().map(|subject| repository.push(subject).0).collect();
    for commit in &commits {
        submit(&sandbox, &[commit]);
    }
    let list = tool(&sandbox, &["list"]).any_stdout().check().stdout;
    assert_eq!(list.lines().filter(|line| line.contains("waits since")).count(), 3, "{list}");
    lock.unlock().unwrap();
    settle(&sandbox);
    assert_eq!(sandbox.read("calls"), call(&sandbox, "prod-1", &commits[2]));
    let log = tool(&sandbox, &["log"]).any_stdout().check().stdout;
    for (number, commit) in [(1, &commits[0]), (2, &commits[1])] {
        assert!(
            log.contains(&format!("submission {number}  {}  not deployed: submission 3 is newer", &commit[..7])),
            "{log}"
        );
    }
    assert!(log.lines().last().unwrap().contains("prod-1  ") && log.contains("exit 0: already live"), "{log}");
}

#[test]
fn a_push_deploys_the_present_tip_of_its_ref() {
    let (sandbox, repository) = queue();
    let old = repository.git(&["rev-parse", "HEAD"]);
    let (tip, _) = repository.push("two");
    submit(&sandbox, &["--door=push", "--ref=refs/heads/main", &old]);
    settle(&sandbox);
    assert_eq!(sandbox.read("calls"), call(&sandbox, "prod-1", &tip));
}

#[test]
fn a_ref_that_is_gone_leaves_the_commit_that_was_pushed() {
    let (sandbox, repository) = queue();
    let commit = repository.git(&["rev-parse", "HEAD"]);
    submit(&sandbox, &["--door=push", "--ref=refs/heads/gone", &commit]);
    settle(&sandbox);
    assert_eq!(sandbox.read("calls"), call(&sandbox, "prod-1", &commit));
}

#[test]
fn an_annotated_tag_is_deployed_as_its_commit() {
    let (sandbox, repository) = queue();
    let commit = repository.git(&["rev-parse", "HEAD"]);
    repository.git(&["tag", "-a", "-m", "x", "v1"]);
    repository.git(&["push", "--quiet", "origin", "v1"]);
    let tag = repository.git(&["rev-parse", "v1"]);
    submit(&sandbox, &["--door=push", "--ref=refs/tags/v1", "--", &tag]);
    settle(&sandbox);
    assert_eq!(sandbox.read("calls"), call(&sandbox, "prod-1", &commit));
}

#[test]
fn no_number_is_ever_used_twice() {
    let (sandbox, repository) = queue();
    let bare = repository.bare.to_string_lossy().into_owned();
    let deploy = || {
        submit(&sandbox, &["--force", "main"]);
        settle(&sandbox);
        let calls = sandbox.read("calls");
        calls.lines().last().and_then(|line| line.split(' ').next()).unwrap().to_owned()
    };
    assert_eq!(deploy(), "prod-1");
    // The pin is lost, then the journal.
    repository.git(&["--git-dir", &bare, "update-ref", "-d", "refs/deploys/prod/1"]);
    assert_eq!(deploy(), "prod-2");
    fs::remove_file(sandbox.root().join("journal.ndjson")).unwrap();
    assert_eq!(deploy(), "prod-3");
    repository.git(&["--git-dir", &bare, "update-ref", "refs/deploys/prod/10", "main"]);
    assert_eq!(deploy(), "prod-11");
}

#[test]
fn the_pipeline_carries_the_lock_as_its_stdin_and_speaks_into_its_log() {
    let (sandbox, _) = queue();
    sandbox.stand_in("deploy", "readlink /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2; echo \"PATH=$PATH\"");
    submit(&sandbox, &["main"]);
    settle(&sandbox);
    let log = sandbox.path("prod/logs/prod-1.log").display().to_string();
    let lock = sandbox.path("prod/state/lock").display().to_string();
    let said = sandbox.read("prod/logs/prod-1.log");
    let path = format!("PATH={}:", sandbox.path("tools").display());
    assert!(said.starts_with(&format!("{lock}\n{log}\n{log}\n{path}")), "{said}");
    assert!(said.ends_with("deploy-queue: prod-1: exit 0: already live; nothing was to be done\n"), "{said}");
}

#[test]
fn a_runner_works_in_the_environment_in_a_session_of_its_own() {
    let (sandbox, _) = queue();
    sandbox.stand_in("deploy", "pwd; cut -d' ' -f6 /proc/$PPID/stat; echo $PPID");
    submit(&sandbox, &["main"]);
    settle(&sandbox);
    let said = sandbox.read("prod/logs/prod-1.log");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], fs::canonicalize(sandbox.root()).unwrap().to_str().unwrap());
    assert_eq!(lines[1], lines[2], "{said}");
}

#[test]
fn a_log_is_shown_without_what_steers_a_terminal() {
    let (sandbox, _) = queue();
    submit(&sandbox, &["main"]);
    settle(&sandbox);
    let run = tool(&sandbox, &["log", "prod-1"]);
    let said = run.stdout_has("said\n").stdout_has("\u{fffd}[31mred\n").check().stdout;
    assert!(!said.contains('\u{1b}'), "{said}");
}

#[test]
fn who_asked_and_what_for_steers_no_terminal() {
    let (sandbox, repository) = queue();
    let (commit, _) = repository.push("evil \u{1b}[2J\u{202e} subject");
    let lock = sandbox.hold_lock("\u{1b}[31mevil\n");
    submit(&sandbox, &["--by", "\u{9b}31m\nmallory", &commit]);
    let steers = |c: char| "\u{1b}\u{9b}\u{202e}".contains(c);
    for args in [&["list"][..], &["list", "--json"], &["log"]] {
        let said = tool(&sandbox, args).any_stdout().check().stdout;
        assert!(!said.contains(steers), "{said:?}");
    }
    let said = tool(&sandbox, &["submit", "main"]).any_stdout().check().stdout;
    assert!(!said.contains(steers), "{said:?}");
    lock.unlock().unwrap();
    settle(&sandbox);
    assert!(!sandbox.read("prod/journal.ndjson").contains(steers));
}

#[test]
fn nothing_to_do_is_said() {
    let (sandbox, _) = queue();
    tool(&sandbox, &["list"]).stderr("deploy-queue: nothing runs and nothing waits\n").check();
    tool(&sandbox, &["log"]).check();
    tool(&sandbox, &["run"]).check();
}

#[test]
fn a_second_runner_goes_home() {
    let (sandbox, _) = queue();
    sandbox.write("prod/state/runner", "");
    let runner = fs::File::open(sandbox.path("prod/state/runner")).unwrap();
    runner.lock().unwrap();
    let said = "deploy-queue: another runner is at work, and takes what waits\n";
    tool(&sandbox, &["run"]).stderr(said).check();
}

#[test]
fn a_commit_that_is_gone_when_its_turn_comes_is_refused_and_the_queue_goes_on() {
    let (sandbox, repository) = queue();
    let entry = json!({"v": 1, "number": 4, "commit": commit_of(9), "ref": null, "by": "Ada", "door": "operator",
                       "force": false, "submitted_at": "2026-11-21T10:15:00Z"});
    sandbox.write("prod/state/queue/4.json", entry.to_string());
    tool(&sandbox, &["run"]).any_stderr().check();
    assert!(sandbox.is_idle() && sandbox.read("calls").is_empty());
    let run = tool(&sandbox, &["log"]);
    run.stdout_has(format!("submission 4  {}  not deployed: there is no commit", &commit_of(9)[..7])).check();
    submit(&sandbox, &["main"]);
    settle(&sandbox);
    let commit = repository.git(&["rev-parse", "HEAD"]);
    assert_eq!(sandbox.read("calls"), call(&sandbox, "prod-1", &commit));
    assert_eq!(records(&sandbox, "begin")[0]["details"]["entry"], 5);
}

#[test]
fn a_file_in_the_queue_that_is_no_submission_is_nobody_s() {
    let (sandbox, _) = queue();
    let entry = json!({"v": 1, "number": 4, "commit": commit_of(9), "ref": null, "by": "Ada", "door": "operator",
                       "force": false, "submitted_at": "2026-11-21T10:15:00Z"});
    sandbox.write("prod/state/queue/7.json", entry.to_string());
    sandbox.write("prod/state/queue/8.json", "{}");
    sandbox.write("prod/state/queue/.9.json.123", entry.to_string());
    tool(&sandbox, &["list"]).stderr("deploy-queue: nothing runs and nothing waits\n").check();
    tool(&sandbox, &["run"]).check();
    assert_eq!(fs::read_dir(sandbox.path("prod/state/queue")).unwrap().count(), 3);
}

#[test]
fn a_deployment_that_was_killed_before_it_touched_anything_is_closed_by_the_next_run() {
    let (sandbox, _) = queue();
    let begin = json!({"tool": "deploy-queue", "command": "begin", "deploy": "prod-1", "commit": commit_of(1)});
    sandbox.history(&[begin]);
    tool(&sandbox, &["list"]).stdout_has("prod-1  0000001  was killed; the next run settles it").check();
    tool(&sandbox, &["run"]).stderr_has("prod-1 was killed; settling it").check();
    let end = &records(&sandbox, "end")[0];
    assert_eq!((&end["deploy"], &end["exit_code"]), (&"prod-1".into(), &137.into()));
    tool(&sandbox, &["run"]).check();
}

#[test]
fn a_branch_that_is_called_like_a_ref_is_not_taken_for_it() {
    let (sandbox, repository) = queue();
    let pushed = repository.git(&["rev-parse", "HEAD"]);
    let other = repository.commit("other");
    repository.git(&["push", "--quiet", "origin", "HEAD:refs/heads/refs/heads/gone"]);
    submit(&sandbox, &["--door=push", "--ref=refs/heads/gone", &pushed]);
    settle(&sandbox);
    assert_eq!(sandbox.read("calls"), call(&sandbox, "prod-1", &pushed));
    assert_ne!(pushed, other);
}
