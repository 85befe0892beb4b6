//! rollback --to-commit and --to-version: only to verified releases, and what else was asked for is told.
#![cfg(test)]

use std::fs;

use serde_json::json;
use testkit::{Run, Sandbox, commit_of, release_of};

fn to(sandbox: &Sandbox, commit: &str) -> Run {
    sandbox.tool("rollback").args(["--to-commit", commit])
}

/// Deployments 1 to `count`, each verified.
fn verified(count: u64) -> Sandbox {
    let sandbox = Sandbox::new();
    (1..=count).for_each(|number| sandbox.deployed(number, Some(0)));
    sandbox
}

/// A second deployment of the commit of deployment 1, staged and ended with this code, but not made live.
fn again(sandbox: &Sandbox, number: u64, code: u8) -> String {
    let (deploy, commit, release) = (format!("prod-{number}"), commit_of(1), format!("{number}-0000001"));
    sandbox.write(&format!("prod/releases/{release}/REVISION"), format!("{commit}\n"));
    sandbox.history(&[
        json!({"tool": "deploy-queue", "command": "begin", "deploy": deploy, "commit": commit,
               "details": {"previous": sandbox.live()}}),
        json!({"tool": "release", "command": "stage", "deploy": deploy, "success": true, "release": release}),
        json!({"tool": "release", "command": "activate", "phase": "begin", "deploy": deploy}),
        json!({"tool": "deploy-queue", "command": "end", "deploy": deploy, "success": code == 0, "exit_code": code}),
    ]);
    release
}

fn is_bad(sandbox: &Sandbox, number: u64) -> bool {
    let list = sandbox.tool("release").arg("list").any_stdout().check().stdout;
    list.contains(&format!("{}  bad", release_of(number)))
}

#[test]
fn a_person_goes_back_to_a_commit_by_its_first_digits_and_what_is_left_is_bad() {
    let sandbox = verified(3);
    let path = sandbox.root().join("releases").join(release_of(1));
    to(&sandbox, "0000001").stdout(format!("{}\n", path.display())).any_stderr().check();
    assert_eq!(sandbox.live(), release_of(1));
    assert!(is_bad(&sandbox, 3) && !is_bad(&sandbox, 2));
    assert_eq!(sandbox.journal().last().unwrap()["command"], "to-commit");
}

#[test]
fn a_person_goes_forward_again_and_keeps_what_is_left_good() {
    let sandbox = verified(3);
    to(&sandbox, &commit_of(1)).arg("--keep-good").any_stdout().any_stderr().check();
    to(&sandbox, &commit_of(3).to_uppercase()).arg("--keep-good").any_stdout().any_stderr().check();
    assert_eq!(sandbox.live(), release_of(3));
    assert!((1..=3).all(|number| !is_bad(&sandbox, number)));
}

#[test]
fn a_commit_that_is_live_and_verified_already_is_0_and_nothing_runs() {
    let sandbox = verified(2);
    sandbox.set("RELOAD_COMMAND", "touch ../../reloaded");
    let run = to(&sandbox, "0000002");
    run.stderr("rollback: 2-0000002 is live and verified already: skipped\n").check();
    assert!(!sandbox.path("prod/reloaded").exists() && !is_bad(&sandbox, 2));
}

#[test]
fn of_several_releases_of_a_commit_the_newest_good_one_is_taken() {
    let sandbox = verified(1);
    let good = again(&sandbox, 2, 0);
    again(&sandbox, 3, 4);
    sandbox.deployed(4, Some(0));
    to(&sandbox, "0000001").any_stdout().any_stderr().check();
    assert_eq!(sandbox.live(), good);
    // Without its directory the older one, as good, is the way.
    sandbox.deployed(5, Some(0));
    fs::remove_dir_all(sandbox.root().join("releases").join(good)).unwrap();
    to(&sandbox, "0000001").any_stdout().any_stderr().check();
    assert_eq!(sandbox.live(), release_of(1));
}

#[test]
fn a_commit_that_was_never_verified_is_1_with_two_ways_on() {
    let sandbox = verified(2);
    sandbox.deployed(3, Some(4));
    sandbox.deployed(4, Some(0));
    let run = to(&sandbox, "0000003").code(1).stderr_has("3-0000003 was never verified");
    run.stderr_has("release activate 3-0000003").stderr_has("deploy-queue submit --force --follow 0000003").check();
    assert_eq!(sandbox.live(), release_of(4));
}

#[test]
fn a_commit_that_is_marked_bad_is_1_and_says_so() {
    let sandbox = verified(2);
    to(&sandbox, "0000001").any_stdout().any_stderr().check();
    let run = to(&sandbox, "0000002").code(1);
    run.stderr_has("2-0000002 is marked bad: a rollback left it").stderr_has("takes it live all the same").check();
    assert_eq!(sandbox.live(), release_of(1));
}

#[test]
fn a_release_that_the_journal_does_not_know_is_not_verified_and_1() {
    let sandbox = verified(1);
    sandbox.staged(2);
    to(&sandbox, "0000002").code(1).stderr_has("the journal does not know 2-0000002").check();
}

#[test]
fn a_verified_commit_whose_release_is_gone_is_66_with_the_way_on() {
    let sandbox = verified(2);
    fs::remove_dir_all(sandbox.root().join("releases").join(release_of(1))).unwrap();
    let run = to(&sandbox, "0000001").code(66).stderr_has("1-0000001 was verified, but it was pruned or removed");
    run.stderr_has(format!("deploy-queue submit --force --follow {}", commit_of(1))).check();
    assert_eq!(sandbox.live(), release_of(2));
}

#[test]
fn a_commit_that_nobody_knows_is_66() {
    let sandbox = verified(1);
    let run = to(&sandbox, "abcdef0").code(66);
    run.stderr_has("no deployment was of a commit abcdef0").stderr_has("deploy-queue log").check();
}

#[test]
fn digits_that_fit_two_commits_are_2_and_both_are_named() {
    let sandbox = verified(1);
    let other = format!("0000001{}", "f".repeat(33));
    sandbox.history(&[json!({"tool": "deploy-queue", "command": "begin", "deploy": "prod-2", "commit": other})]);
    let run = to(&sandbox, "0000001").code(2).stderr_has("0000001 is ambiguous").stderr_has("give more digits");
    run.stderr_has(commit_of(1)).stderr_has(other).check();
    to(&sandbox, &commit_of(1)).stderr_has("already").check();
}

#[test]
fn a_rollback_that_did_not_get_there_is_finished_and_not_begun_from_where_it_got() {
    let sandbox = verified(3);
    sandbox.set("RELOAD_COMMAND", "exit 1");
    to(&sandbox, "0000001").code(74).any_stderr().check();
    assert_eq!(sandbox.live(), release_of(1));
    sandbox.set("RELOAD_COMMAND", "touch ../../reloaded");
    to(&sandbox, "0000001").any_stdout().any_stderr().check();
    // It is live already, but the app had not taken it.
    assert!(sandbox.path("prod/reloaded").exists() && is_bad(&sandbox, 3) && !is_bad(&sandbox, 1));
    to(&sandbox, "0000001").stderr_has("already").check();
}

/// A verified deployment 1 of a real commit, tagged, and another verified one above it.
fn tagged() -> (Sandbox, String) {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository();
    let (commit, _) = repository.push("one");
    for tag in [&["tag", "light"][..], &["tag", "-a", "-m", "one", "v1"], &["tag", "tree", "HEAD^{tree}"]] {
        repository.git(tag);
    }
    // A branch that a careless look-up would take for a tag.
    repository.git(&["push", "--quiet", "--tags", "origin", "HEAD:refs/heads/refs/tags/decoy", "HEAD:refs/heads/only"]);
    let release = format!("1-{}", &commit[..7]);
    sandbox.write(&format!("prod/releases/{release}/REVISION"), format!("{commit}\n"));
    sandbox.history(&[
        json!({"tool": "deploy-queue", "command": "begin", "deploy": "prod-1", "commit": commit}),
        json!({"tool": "release", "command": "stage", "deploy": "prod-1", "success": true, "release": release}),
        json!({"tool": "release", "command": "activate", "phase": "begin", "deploy": "prod-1"}),
        json!({"tool": "deploy-queue", "command": "end", "deploy": "prod-1", "success": true, "exit_code": 0}),
    ]);
    sandbox.deployed(2, Some(0));
    (sandbox, release)
}

#[test]
fn a_tag_is_peeled_to_its_commit() {
    for tag in ["light", "v1"] {
        let (sandbox, release) = tagged();
        sandbox.tool("rollback").args(["--to-version", tag]).any_stdout().any_stderr().check();
        assert_eq!(sandbox.live(), release);
        assert_eq!(sandbox.journal().last().unwrap()["command"], "to-version");
    }
}

#[test]
fn nothing_but_a_tag_is_a_version() {
    let (sandbox, _) = tagged();
    for tag in ["v2", "only", "main", "decoy", "refs/tags/v1", "v1~0", "v1^{commit}", "v*", "", "-d", "../heads/main"] {
        let run = sandbox.tool("rollback").arg(format!("--to-version={tag}")).code(66);
        run.stderr_has(format!("there is no tag {tag}")).check();
    }
    let run = sandbox.tool("rollback").args(["--to-version", "tree"]).code(66);
    run.stderr_has("the tag tree is not of a commit").check();
    assert_eq!(sandbox.live(), release_of(2));
}

#[test]
fn a_version_without_a_repository_is_78_and_without_a_git_69() {
    let sandbox = verified(1);
    let run = |sandbox: &Sandbox| sandbox.tool("rollback").args(["--to-version", "v1"]);
    run(&sandbox).code(78).stderr_has("DEPLOY_REPO is not set").check();
    let (sandbox, _) = tagged();
    run(&sandbox).env("PATH", sandbox.path("bin")).code(69).stderr_has("cannot run git").check();
}
