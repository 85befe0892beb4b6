//! release current, list and prune: what is live, what is verified, and what may go.
#![cfg(test)]

use std::fs;

use serde_json::json;
use testkit::{Run, Sandbox, commit_of, release_of};

/// Deployments 1 to `count`, each verified.
fn verified(count: u64) -> Sandbox {
    let sandbox = Sandbox::new();
    (1..=count).for_each(|number| sandbox.deployed(number, Some(0)));
    sandbox
}

fn prune(sandbox: &Sandbox, args: &[&str]) -> Run {
    sandbox.tool("release").arg("prune").args(args)
}

fn on_disk(sandbox: &Sandbox) -> Vec<u64> {
    let entries = fs::read_dir(sandbox.root().join("releases")).unwrap();
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut numbers: Vec<u64> = entries.filter_map(|entry| name(entry).split('-').next()?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn current_is_the_name_of_the_live_release() {
    let sandbox = verified(2);
    sandbox.tool("release").arg("current").stdout("2-0000002\n").check();
}

#[test]
fn a_live_commit_is_told_as_such_only_when_it_is_verified_and_not_bad() {
    let sandbox = verified(1);
    let is = || sandbox.tool("release").args(["current", "--is", &commit_of(1)]);
    is().any_stderr().check();
    let bad = json!({"tool": "rollback", "command": "last", "phase": "begin",
                     "details": {"from": release_of(1), "bad": true}});
    sandbox.history(&[bad]);
    is().code(1).check();
}

#[test]
fn a_list_tells_verdicts_in_the_order_of_numbers() {
    let sandbox = Sandbox::new();
    for (number, code) in [(10, Some(4)), (9, Some(0)), (2, Some(0))] {
        sandbox.deployed(number, code);
    }
    let bad = json!({"tool": "rollback", "command": "deploy", "phase": "begin", "deploy": "prod-10",
                     "details": {"from": release_of(10), "bad": true}});
    sandbox.history(&[bad]);
    sandbox.staged(11);
    sandbox.write("prod/releases/somebody-elses/file", "");
    let lines = "2-0000002  verified  live\n9-0000009  verified\n10-000000a  bad\n11-000000b  unverified\n";
    sandbox.tool("release").arg("list").stdout(lines).check();
}

#[test]
fn an_empty_environment_lists_nothing() {
    Sandbox::new().tool("release").arg("list").check();
}

#[test]
fn reading_appends_nothing_to_the_journal() {
    let sandbox = verified(2);
    let before = sandbox.read("prod/journal.ndjson");
    for args in [&["current"][..], &["list"], &["current", "--is", &commit_of(1)], &["prune", "--dry-run", "--keep=0"]]
    {
        let run = sandbox.tool("release").args(args);
        let code = i32::from(args.contains(&"--is"));
        run.code(code).any_stdout().any_stderr().check();
    }
    assert_eq!(sandbox.read("prod/journal.ndjson"), before);
}

#[test]
fn pruning_keeps_the_newest_verified_releases() {
    let sandbox = verified(9);
    prune(&sandbox, &[]).stdout("1-0000001\n2-0000002\n3-0000003\n4-0000004\n").check();
    assert_eq!(on_disk(&sandbox), [5, 6, 7, 8, 9]);
    prune(&sandbox, &[]).stderr("release: nothing to remove\n").check();
}

#[test]
fn pruning_never_removes_what_is_live_or_the_way_back() {
    let sandbox = verified(4);
    prune(&sandbox, &["--keep", "0"]).any_stdout().check();
    assert_eq!(on_disk(&sandbox), [3, 4]);
}

#[test]
fn pruning_never_removes_what_a_deployment_in_flight_needs() {
    let sandbox = verified(3);
    // It began over 3, staged 4, and has no end; 5 is staged for one that has not even begun.
    sandbox.deployed(4, None);
    sandbox.staged(5);
    prune(&sandbox, &["--keep", "0"]).any_stdout().check();
    assert_eq!(on_disk(&sandbox), [3, 4, 5]);
}

#[test]
fn pruning_removes_failed_releases_however_new() {
    let sandbox = verified(2);
    sandbox.deployed(3, Some(4));
    sandbox.tool("release").args(["activate", &release_of(2)]).any_stdout().check();
    sandbox.deployed(4, Some(0));
    prune(&sandbox, &[]).stdout("3-0000003\n").check();
}

#[test]
fn a_dry_run_only_says_what_would_go() {
    let sandbox = verified(3);
    let verdicts = "removes 1-0000001\nkeeps 2-0000002: a rollback goes there\nkeeps 3-0000003: live\n";
    prune(&sandbox, &["--keep=1", "--dry-run"]).stdout(verdicts).check();
    assert_eq!(on_disk(&sandbox), [1, 2, 3]);
}

#[test]
fn pruning_follows_no_link_out_of_a_release() {
    let sandbox = verified(3);
    sandbox.write("prod/shared/data/precious", "data");
    let link = sandbox.root().join("releases").join(release_of(1)).join("data");
    std::os::unix::fs::symlink("../../shared/data", link).unwrap();
    prune(&sandbox, &["--keep", "1"]).stdout("1-0000001\n").check();
    assert_eq!(sandbox.read("prod/shared/data/precious"), "data");
}
