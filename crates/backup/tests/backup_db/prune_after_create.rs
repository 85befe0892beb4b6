use std::fs;
use std::path::PathBuf;

use serde_json::json;
use testkit::Sandbox;

use crate::past::{made, names, rot, server_with_template, truncate};
use crate::server::{DATABASE, without_database};

/// A server with three old backups, which are to be pruned down to `last`.
fn three_old(last: &str) -> (Sandbox, Vec<PathBuf>) {
    let (sandbox, template) = server_with_template();
    let sets = [1, 2, 3].map(|day| made(&sandbox, &template, &format!("2024-03-{day:02}T03-00-00Z")));
    sandbox.set("BACKUP_KEEP_LAST", last);
    (sandbox, sets.to_vec())
}

#[test]
fn a_backup_prunes_by_the_settings_and_its_record_says_so() {
    let (sandbox, sets) = three_old("2");
    let said = "backup-db: removed 2024-03-01T03-00-00Z, 2024-03-02T03-00-00Z\n";
    let record = sandbox.tool("backup-db").arg("--json").any_stdout().stderr(said).check().json();
    assert_eq!(record["details"]["pruned"], json!(["2024-03-01T03-00-00Z", "2024-03-02T03-00-00Z"]));
    assert!(sets[2].exists());
    assert_eq!(names(&sandbox).len(), 2);
    let journal = sandbox.journal();
    assert_eq!((journal.len(), &journal[1]), (2, &record));
}

#[test]
fn without_a_rule_nothing_is_pruned_and_nothing_said() {
    let (sandbox, _) = three_old("");
    let record = sandbox.tool("backup-db").arg("--json").any_stdout().check().json();
    assert_eq!(record["details"].get("pruned"), None);
    assert_eq!(names(&sandbox).len(), 4);
    sandbox.tool("backup-db").args(["--keep-last", "1", "-q"]).any_stdout().check();
    assert_eq!(names(&sandbox).len(), 1);
}

#[test]
fn a_backup_that_fails_or_is_skipped_prunes_nothing() {
    let (sandbox, sets) = three_old("1");
    fs::remove_file(sandbox.path(DATABASE)).unwrap();
    sandbox.tool("backup-db").code(66).any_stderr().check();
    sandbox.tool("backup-db").args(["--if-absent", "skip"]).any_stderr().check();
    sandbox.write(DATABASE, "no database");
    sandbox.tool("backup-db").code(65).any_stderr().check();
    assert!(sets.iter().all(|set| set.exists()));
    let fresh = without_database();
    fresh.set("BACKUP_KEEP_LAST", "1");
    fresh.tool("backup-db").args(["--if-absent", "skip"]).any_stderr().check();
    assert!(!fresh.path("prod/backups").exists());
}

#[test]
fn damaged_ones_stay_and_are_named() {
    let (sandbox, sets) = three_old("1");
    truncate(&sets[1]);
    // Nobody reads the old ones: the new one is verified and counts.
    rot(&sets[2]);
    let run = sandbox.tool("backup-db").any_stdout();
    run.stderr_has("backup-db: 2024-03-02T03-00-00Z is damaged and stays until a person removes it: ")
        .stderr_has("backup-db: removed 2024-03-01T03-00-00Z, 2024-03-03T03-00-00Z\n")
        .check();
    assert!(sets[1].exists() && names(&sandbox).len() == 2);
}

#[test]
fn a_pruning_that_fails_is_a_warning_and_the_record_says_so() {
    let (sandbox, sets) = three_old("1");
    let hidden = format!("{}/.partial-'$$'-2024-03-02T03-00-00Z/x", sandbox.path("prod/backups").display());
    let script = format!("mkdir -p '{hidden}' && exec \"$0\" \"$@\"");
    let lock = fs::File::create(sandbox.path("prod/backups/.lock")).unwrap();
    lock.lock_shared().unwrap();
    let run = sandbox.program("/bin/sh".as_ref()).args(["-c", &script]).arg(testkit::tool_path("backup-db"));
    let run = run.env("PUSHBACK_ENV", sandbox.env_file());
    run.any_stdout().stderr_has("backup-db: the backup is made, but pruning failed: cannot remove ").check();
    lock.unlock().unwrap();
    let record = sandbox.journal().pop().unwrap();
    assert_eq!((&record["success"], &record["exit_code"]), (&json!(true), &json!(0)));
    assert_eq!(record["details"]["pruned"], json!(["2024-03-01T03-00-00Z"]));
    assert!(record["details"]["prune_failed"].as_str().unwrap().starts_with("cannot remove "));
    assert!(!sets[0].exists() && sets[1].exists() && sets[2].exists());
}

#[test]
fn a_backup_from_a_time_to_come_does_not_cost_the_new_ones() {
    let (sandbox, template) = server_with_template();
    made(&sandbox, &template, "2999-01-01T00-00-00Z");
    made(&sandbox, &template, "2024-03-01T03-00-00Z");
    sandbox.set("BACKUP_KEEP_DAYS", "7");
    let run = sandbox.tool("backup-db").any_stdout();
    run.stderr_has("no rule keeps the new backup, because 2999-01-01T00-00-00Z is newer: was the clock set back?")
        .check();
    assert_eq!(names(&sandbox).len(), 3);
    // With a second rule the new ones are kept, and the old one goes.
    sandbox.set("BACKUP_KEEP_LAST", "2");
    sandbox.tool("backup-db").any_stdout().any_stderr().check();
    assert_eq!(names(&sandbox).len(), 2);
}
