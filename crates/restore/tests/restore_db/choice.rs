//! Which backup is restored, and what is found out without restoring it.

use std::fs;

use serde_json::Value;
use testkit::Sandbox;

use crate::server::{DATABASE, backup, beside, fill, live, restore, server};

/// Three backups, each with one row more; the second has a label. Their names.
fn three(sandbox: &Sandbox) -> Vec<String> {
    let mut names = Vec::new();
    for label in ["", "before the import", ""] {
        let labelled = ["--label", label];
        let run = sandbox.tool("backup-db").args(labelled.into_iter().filter(|_| !label.is_empty()));
        let path = run.any_stdout().check().stdout;
        names.push(path.trim_end().rsplit('/').next().unwrap().to_owned());
        fill(&sandbox.path(DATABASE), "INSERT INTO t VALUES (0)");
    }
    names
}

/// When a backup says that it was made.
fn made(sandbox: &Sandbox, name: &str) -> String {
    let manifest = sandbox.read(&format!("prod/backups/{name}/manifest.json"));
    serde_json::from_str::<Value>(&manifest).unwrap()["created_at"].as_str().unwrap().to_owned()
}

fn rows(sandbox: &Sandbox) -> String {
    live(sandbox, "SELECT count(*) FROM t")
}

#[test]
fn the_newest_before_a_moment_and_the_newest_with_a_label_are_found() {
    let sandbox = server("CREATE TABLE t(x)");
    let names = three(&sandbox);
    let run = |args: [&str; 2]| sandbox.tool("restore-db").arg("--yes").args(args).any_stdout().any_stderr();
    run(["--before", &made(&sandbox, &names[2])]).check();
    assert_eq!(rows(&sandbox), "1");
    run(["--before", &made(&sandbox, &names[1])]).check();
    assert_eq!(rows(&sandbox), "0");
    run(["--label", "before the import"]).check();
    assert_eq!(rows(&sandbox), "1");
    run(["--before", "2001-01-01T00:00:00Z"]).code(66).check();
    run(["--label", "after"]).code(66).check();
    run(["--before", "yesterday"]).code(2).check();
    sandbox.tool("restore-db").args(["--yes", "latest", "--label", "x"]).code(2).any_stderr().check();
    sandbox.tool("restore-db").arg("--yes").code(2).any_stderr().check();
}

#[test]
fn a_dry_run_says_what_would_be_replaced_and_replaces_nothing() {
    let sandbox = server("CREATE TABLE t(x)");
    three(&sandbox);
    let (before, journal) = (fs::read(sandbox.path(DATABASE)).unwrap(), sandbox.read("prod/journal.ndjson"));
    let neighbours = beside(&sandbox);
    let lock = sandbox.hold_lock("somebody else");
    let run = sandbox.tool("restore-db").args(["--dry-run", "latest"]);
    run.stdout_has(", 1 table, 3 rows) from the backup ").check();
    lock.unlock().unwrap();
    assert!(fs::read(sandbox.path(DATABASE)).unwrap() == before);
    assert_eq!(beside(&sandbox), neighbours);
    assert_eq!(sandbox.read("prod/journal.ndjson"), journal);
}

#[test]
fn a_drill_proves_a_backup_gives_it_its_grade_and_touches_nothing() {
    let sandbox = server("CREATE TABLE t(x)");
    let set = backup(&sandbox);
    fill(&sandbox.path(DATABASE), "INSERT INTO t VALUES (0)");
    let neighbours = beside(&sandbox);
    sandbox.tool("restore-db").args(["--drill", "latest"]).stdout_has(", 1 table, 0 rows, in ").check();
    assert_eq!((rows(&sandbox).as_str(), beside(&sandbox)), ("1", neighbours));
    let grade = |sandbox: &Sandbox| {
        let list = sandbox.tool("backup-db").args(["list", "--json"]).any_stdout().check().json();
        list["details"]["backups"][0]["grade"].clone()
    };
    assert_eq!(grade(&sandbox), "restored");
    assert!(sandbox.journal().last().unwrap()["details"]["took_ms"].is_u64());
    // Damage is an answer, and takes the grade away.
    let stored = set.join("database.sqlite.gz");
    let mut bytes = fs::read(&stored).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&stored, bytes).unwrap();
    sandbox.tool("restore-db").args(["--drill", "latest"]).code(1).stderr_has("is damaged").check();
    assert_eq!(grade(&sandbox), "written");
    sandbox.tool("restore-db").args(["--drill", "2001-01-01T00-00-00Z"]).code(66).any_stderr().check();
    restore(&sandbox, &set).code(65).any_stderr().check();
}
