use std::fs;

use serde_json::json;
use testkit::{Sandbox, commit_of, release_of};

use crate::past::{made, made_with, names, server_with_template};
use crate::server::backup;

const ALL: [&str; 5] = [
    "2024-03-01T03-00-00Z",
    "2024-03-02T03-00-00Z",
    "2024-03-03T03-00-00Z",
    "2024-03-04T03-00-00Z",
    "2024-03-05T03-00-00Z",
];

/// Deployments 41 to 43, each with the backup that it made; 44 failed; the last backup is one of the night.
fn server_with_deployments() -> Sandbox {
    let (sandbox, template) = server_with_template();
    for (number, name) in (41..=44).zip(ALL) {
        made_with(&sandbox, &template, name, |it| it["deploy"] = json!(format!("prod-{number}")));
    }
    made(&sandbox, &template, ALL[4]);
    for number in 41..=43 {
        sandbox.deployed(number, Some(0));
    }
    sandbox
}

fn plan(sandbox: &Sandbox) -> Vec<String> {
    let ran = sandbox.tool("backup-db").args(["prune", "--keep-last=1", "--dry-run"]).any_stdout().check();
    ran.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn the_backups_of_the_live_release_and_of_the_way_back_stay() {
    let sandbox = server_with_deployments();
    assert_eq!(
        plan(&sandbox),
        [
            "keep 2024-03-05T03-00-00Z: newest good, last 1",
            "remove 2024-03-04T03-00-00Z: no rule keeps it",
            "keep 2024-03-03T03-00-00Z: the backup of prod-43, which is live",
            "keep 2024-03-02T03-00-00Z: the backup of prod-42, which a rollback goes to",
            "remove 2024-03-01T03-00-00Z: no rule keeps it",
        ]
    );
    let gone = "2024-03-01T03-00-00Z\n2024-03-04T03-00-00Z\n";
    sandbox.tool("backup-db").args(["prune", "--keep-last=1"]).stdout(gone).check();
    assert_eq!(names(&sandbox), [ALL[1], ALL[2], ALL[4]]);
}

#[test]
fn they_stay_after_a_new_backup_too_and_go_when_their_release_is_live_no_more() {
    let sandbox = server_with_deployments();
    sandbox.set("BACKUP_KEEP_LAST", "1");
    let said = "backup-db: removed 2024-03-01T03-00-00Z, 2024-03-04T03-00-00Z, 2024-03-05T03-00-00Z\n";
    sandbox.tool("backup-db").any_stdout().stderr(said).check();
    sandbox.deployed(45, Some(0));
    sandbox.tool("backup-db").arg("prune").stdout("2024-03-02T03-00-00Z\n").check();
    assert_eq!(names(&sandbox).len(), 2);
}

#[test]
fn without_a_journal_no_release_needs_a_backup() {
    let sandbox = server_with_deployments();
    fs::remove_file(sandbox.path("prod/journal.ndjson")).unwrap();
    assert_eq!(plan(&sandbox).iter().filter(|line| line.starts_with("remove ")).count(), 4);
}

#[test]
fn what_cannot_be_found_out_removes_nothing() {
    let sandbox = server_with_deployments();
    let current = sandbox.path("prod/current");
    fs::remove_file(&current).unwrap();
    fs::write(&current, "").unwrap();
    sandbox.tool("backup-db").args(["prune", "--keep-last=1"]).code(78).stderr_has("is not a symbolic link").check();
    assert_eq!(names(&sandbox), ALL);
    sandbox.set("BACKUP_KEEP_LAST", "1");
    let run = sandbox.tool("backup-db").any_stdout();
    run.stderr_has("the backup is made, but pruning failed: ").check();
    assert_eq!(names(&sandbox).len(), 6);
}

#[test]
fn a_backup_names_the_release_that_was_live() {
    let (sandbox, _) = server_with_template();
    sandbox.deployed(41, Some(0));
    let manifest = fs::read_to_string(backup(&sandbox).join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!((&manifest["release"], &manifest["commit"]), (&json!(release_of(41)), &json!(commit_of(41))));
}
