//! release prune: what is pinned stays, and what cannot be found out removes nothing.
#![cfg(test)]

use std::fs;

use serde_json::json;
use testkit::{Run, Sandbox, commit_of, release_of};

/// Deployments 1 to `count`, each verified, of an app with a database; the real release and a stand-in for backup-db.
fn verified(count: u64, backup_db: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    (1..=count).for_each(|number| sandbox.deployed(number, Some(0)));
    sandbox.set("DATABASE_URL", "sqlite:///srv/app.sqlite");
    sandbox.family(&["release"]);
    sandbox.stand_in("backup-db", backup_db);
    sandbox
}

fn prune(sandbox: &Sandbox, args: &[&str]) -> Run {
    sandbox.own_tool("release").args(["prune", "--keep=0"]).args(args)
}

/// A script that lists backups of these commits, when it is asked as agreed.
fn lists(commits: &[Option<String>]) -> String {
    let backup = |(number, commit): (usize, &Option<String>)| json!({"name": format!("b{number}"), "commit": commit});
    let backups: Vec<_> = commits.iter().enumerate().map(backup).collect();
    let details = json!({"backups": backups});
    format!(
        "[ \"$*\" = 'list --json' ] && [ -z \"$PUSHBACK_DEPLOY\" ] || exit 2\n{}",
        answers(&format!("\"details\":{details}"))
    )
}

/// A script that prints a record with these fields.
fn answers(fields: &str) -> String {
    format!(r#"echo '{{"v":1,"tool":"backup-db","started_at":"2026-11-21T10:15:00Z","duration_ms":1,{fields}}}'"#)
}

fn on_disk(sandbox: &Sandbox) -> usize {
    fs::read_dir(sandbox.root().join("releases")).unwrap().count()
}

#[test]
fn a_release_whose_commit_a_kept_backup_names_stays() {
    let sandbox = verified(5, &lists(&[Some(commit_of(2)), None, Some(commit_of(9))]));
    let verdicts = "removes 1-0000001\nkeeps 2-0000002: the backup b0 is of its commit\nremoves 3-0000003\n\
                    keeps 4-0000004: a rollback goes there\nkeeps 5-0000005: live\n";
    prune(&sandbox, &["--dry-run"]).env("PUSHBACK_DEPLOY", "prod-5").stdout(verdicts).check();
    prune(&sandbox, &[]).stdout("1-0000001\n3-0000003\n").check();
    let details = sandbox.journal().last().unwrap()["details"].clone();
    assert_eq!(details["removed"], json!([release_of(1), release_of(3)]));
    assert_eq!(details["kept"][release_of(2)], "the backup b0 is of its commit");
}

#[test]
fn a_release_stays_as_long_as_the_real_backup_of_its_commit_does() {
    let sandbox = Sandbox::new();
    let database = sandbox.path("app.sqlite");
    sandbox.program("sqlite3".as_ref()).arg(&database).arg("create table t (x)").check();
    sandbox.set("DATABASE_URL", &format!("sqlite://{}", database.display()));
    (1..=2).for_each(|number| sandbox.deployed(number, Some(0)));
    sandbox.tool("backup-db").any_stdout().any_stderr().check();
    (3..=5).for_each(|number| sandbox.deployed(number, Some(0)));
    let prune = || sandbox.tool("release").args(["prune", "--keep=0"]);
    prune().arg("--dry-run").stdout_has("keeps 2-0000002: the backup ").check();
    prune().stdout("1-0000001\n3-0000003\n").check();
    sandbox.tool("backup-db").any_stdout().any_stderr().check();
    sandbox.tool("backup-db").args(["prune", "--keep-last=1"]).any_stdout().check();
    prune().stdout("2-0000002\n").check();
}

#[test]
fn backups_that_cannot_be_listed_keep_everything_and_are_74() {
    let on_fire = answers(r#""error":{"kind":"io","message":"the disk is on fire"}"#);
    for (script, why) in [
        ("exit 2", "its answer is not understood"),
        ("echo '{}'", "its answer is not understood"),
        ("kill -9 $$", "backup-db was ended by signal 9"),
        (&answers(r#""details":{}"#), "the list of backup-db is not understood"),
        (&answers(r#""details":{"backups":[{"name":"b","commit":7}]}"#), "the list of backup-db is not understood"),
        (&format!("{on_fire}; exit 65"), "the disk is on fire"),
    ] {
        let sandbox = verified(4, script);
        let run = prune(&sandbox, &[]).code(74).stderr_has("so nothing is removed").stderr_has(why);
        run.stderr_has("hint: see for yourself: backup-db list").check();
        assert_eq!(on_disk(&sandbox), 4, "{script}");
    }
}

#[test]
fn a_backup_db_that_is_missing_is_69_and_removes_nothing() {
    let sandbox = verified(4, "true");
    fs::remove_file(sandbox.path("tools/backup-db")).unwrap();
    prune(&sandbox, &[]).code(69).stderr_has("so nothing is removed: cannot run backup-db").check();
    assert_eq!(on_disk(&sandbox), 4);
}

#[test]
fn without_a_database_nobody_is_asked_for_backups() {
    let sandbox = verified(4, "exit 1");
    // A secret in a file is a database as well.
    sandbox.set("DATABASE_URL", "");
    sandbox.set("DATABASE_URL_FILE", "/srv/secret");
    prune(&sandbox, &[]).code(74).stderr_has("so nothing is removed").check();
    sandbox.set("DATABASE_URL_FILE", "");
    prune(&sandbox, &[]).stdout("1-0000001\n2-0000002\n").check();
}

#[test]
fn where_an_interrupted_rollback_was_going_stays() {
    let sandbox = verified(5, &lists(&[]));
    sandbox.history(&[json!({"tool": "rollback", "command": "to-commit", "phase": "begin",
                             "details": {"from": release_of(5), "to": release_of(2), "bad": true}})]);
    let run = prune(&sandbox, &["--dry-run"]).stdout_has("keeps 2-0000002: an interrupted rollback goes there");
    run.stdout_has("removes 1-0000001\n").stdout_has("removes 3-0000003\n").check();
}

#[test]
fn a_release_staged_by_a_deployment_that_was_killed_before_it_could_tell_stays() {
    let sandbox = verified(3, &lists(&[]));
    sandbox.staged(4);
    sandbox.history(&[json!({"tool": "deploy-queue", "command": "begin", "deploy": "prod-4", "commit": commit_of(4),
                             "details": {"previous": release_of(1)}})]);
    let run = prune(&sandbox, &["--dry-run"]).stdout_has("keeps 1-0000001: prod-4 has not ended");
    run.stdout_has("keeps 4-0000004: newer than every deployment that ended").check();
}

#[test]
fn with_a_bad_release_live_the_newest_verified_one_stays_whatever_its_number() {
    let sandbox = verified(4, &lists(&[]));
    sandbox.history(&[json!({"tool": "rollback", "command": "last", "phase": "begin",
                             "details": {"from": release_of(2), "to": release_of(1), "bad": true}})]);
    sandbox.own_tool("release").args(["activate", &release_of(2)]).any_stdout().check();
    let verdicts = "keeps 1-0000001: a rollback goes there\nkeeps 2-0000002: live\nremoves 3-0000003\n\
                    keeps 4-0000004: a rollback goes there\n";
    prune(&sandbox, &["--dry-run"]).stdout(verdicts).check();
}
