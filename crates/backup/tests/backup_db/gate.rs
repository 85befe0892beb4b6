use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use testkit::Sandbox;

use crate::past::names;
use crate::server::{DATABASE, backup, fill, server, sets};

const ROWS: &str = "CREATE TABLE t(x); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) \
                    INSERT INTO t SELECT i FROM n";

/// A server with a good backup of 1,000 rows, of which an accident left ten; only the newest backup is to be kept.
fn after_an_accident() -> (Sandbox, PathBuf) {
    let sandbox = server(ROWS);
    let good = backup(&sandbox);
    fill(&sandbox.path(DATABASE), "DELETE FROM t WHERE x > 10");
    sandbox.set("BACKUP_KEEP_LAST", "1");
    (sandbox, good)
}

/// Makes a backup that must be suspect, and returns its name.
fn suspect(sandbox: &Sandbox) -> String {
    let before = names(sandbox);
    sandbox.tool("backup-db").code(1).stderr_has("is made, but suspect: ").check();
    let new: Vec<String> = names(sandbox).into_iter().filter(|name| !before.contains(name)).collect();
    assert_eq!(new.len(), 1, "it is kept: {new:?}");
    new[0].clone()
}

#[test]
fn a_backup_that_lost_most_rows_is_kept_as_suspect_and_removes_nothing() {
    let (sandbox, good) = after_an_accident();
    let base = good.file_name().unwrap().to_str().unwrap();
    let run = sandbox.tool("backup-db").arg("--json").code(1).any_stdout();
    let said = format!("suspect: it has 10 rows, and {base} had 1,000 rows; no old backup was removed\nhint: ");
    let record = run.stderr_has(said).stderr_has("backup-db accept ").check().json();
    assert_eq!((&record["success"], &record["error"]["kind"]), (&json!(false), &json!("no")));
    let path = PathBuf::from(record["details"]["path"].as_str().unwrap());
    assert_eq!(record["details"]["suspect"], json!(format!("it has 10 rows, and {base} had 1,000 rows")));
    assert_eq!(sandbox.journal().pop().unwrap(), record);
    assert!(good.exists() && path.exists());
    let told: Value = serde_json::from_slice(&fs::read(path.join("grade.json")).unwrap()).unwrap();
    assert_eq!((&told["grade"], &told["suspect"]), (&json!("written"), &record["details"]["suspect"]));
    sandbox.tool("backup-db").args(["verify"]).any_stdout().check();
}

#[test]
fn a_suspect_backup_counts_for_nothing_until_it_is_accepted() {
    let (sandbox, good) = after_an_accident();
    let base = good.file_name().unwrap().to_str().unwrap();
    let (first, second) = (suspect(&sandbox), suspect(&sandbox));
    let ran = sandbox.tool("backup-db").args(["prune", "--dry-run"]).any_stdout().check();
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines[0].starts_with(&format!("leave {second}: suspect, and counts for nothing until it is accepted: ")));
    assert_eq!(lines[2], format!("keep {base}: newest good, last 1"));
    let ran = sandbox.tool("backup-db").arg("list").any_stdout().check();
    assert!(
        ran.stdout.lines().nth(1).unwrap().ends_with(&format!("suspect: it has 10 rows, and {base} had 1,000 rows"))
    );
    let ran = sandbox.tool("backup-db").args(["verify", "latest"]).any_stdout().check();
    assert!(ran.stdout.starts_with(base), "{}", ran.stdout);
    let ran = sandbox.tool("backup-db").args(["prune"]).any_stderr().check();
    assert!(ran.stderr.contains(&format!("{first} is suspect and stays until a person has looked at it: ")));
    sandbox.tool("restore-db").args(["--yes", "latest"]).any_stdout().any_stderr().check();
    // What was live before the restore is kept: as little, and as suspect.
    assert_eq!(sets(&sandbox).len(), 4);
    fill(&sandbox.path(DATABASE), "DELETE FROM t WHERE x > 10");
    sandbox.tool("backup-db").args(["accept", &second]).stdout(format!("{second}\n")).check();
    let record = sandbox.journal().pop().unwrap();
    assert_eq!((&record["command"], &record["details"]), (&json!("accept"), &json!({"accepted": [second]})));
    assert!(!sandbox.path("prod/backups").join(&second).join("grade.json").exists());
    let ran = sandbox.tool("backup-db").args(["verify", "latest"]).any_stdout().check();
    assert!(ran.stdout.starts_with(&second), "{}", ran.stdout);
    // It is what the next is measured by, and rotation goes on; what nobody accepted stays.
    sandbox.tool("backup-db").any_stdout().any_stderr().check();
    assert!(!good.exists() && sandbox.path("prod/backups").join(&first).exists());
    assert_eq!(sets(&sandbox).len(), 3);
}

#[test]
fn a_database_that_lost_most_bytes_is_suspect_too() {
    let sandbox = server("CREATE TABLE t(x); INSERT INTO t SELECT randomblob(1000000)");
    backup(&sandbox);
    fill(&sandbox.path(DATABASE), "UPDATE t SET x = NULL; VACUUM");
    sandbox.tool("backup-db").code(1).stderr_has("suspect: its database has 8.0 KiB, and that of ").check();
}

#[test]
fn a_tiny_database_a_new_one_and_that_of_another_may_be_of_any_size() {
    let sandbox = server("CREATE TABLE t(x); INSERT INTO t VALUES (1), (2), (3)");
    backup(&sandbox);
    fill(&sandbox.path(DATABASE), "DELETE FROM t");
    backup(&sandbox);
    let (sandbox, _) = after_an_accident();
    sandbox.set("DEPLOY_ENV", "dev");
    backup(&sandbox);
}

#[test]
fn the_limit_is_a_setting_and_0_is_none() {
    let (sandbox, _) = after_an_accident();
    sandbox.set("BACKUP_KEEP_LAST", "");
    sandbox.tool("backup-db").args(["--shrink-limit", "2"]).code(1).any_stderr().check();
    sandbox.set("BACKUP_SHRINK_LIMIT", "0");
    backup(&sandbox);
    sandbox.tool("backup-db").args(["--shrink-limit", "101"]).code(2).any_stderr().check();
    sandbox.set("BACKUP_SHRINK_LIMIT", "half");
    sandbox.tool("backup-db").code(78).stderr_has("a setting is wrong: BACKUP_SHRINK_LIMIT: ").check();
}

#[test]
fn only_a_suspect_backup_that_is_whole_is_accepted() {
    let (sandbox, good) = after_an_accident();
    let name = suspect(&sandbox);
    let accept = |what: &[&str]| sandbox.tool("backup-db").arg("accept").args(what);
    accept(&[]).code(2).stderr_has("accept needs the name of a suspect backup").check();
    accept(&["latest"]).code(2).stderr_has("`latest` is never one\nhint: ").check();
    accept(&[&name, "nope"]).code(66).stderr_has("there is no backup nope").check();
    accept(&["/nonexistent"]).code(66).stderr_has("there is no backup /nonexistent").check();
    accept(&["--quick", &name]).code(2).stderr_has("--quick belongs to backup-db verify, not to accept").check();
    let good = good.file_name().unwrap().to_str().unwrap();
    accept(&[good]).stderr(format!("backup-db: {good} is not suspect: nothing was to be done\n")).check();
    assert!(sandbox.path("prod/backups").join(&name).join("grade.json").exists(), "nothing of it was accepted");
    fs::write(sandbox.path("prod/backups").join(&name).join("database.sqlite.gz"), "").unwrap();
    accept(&[&name]).code(65).stderr_has("cannot accept ").check();
}

#[test]
fn suspect_backups_alone_are_no_latest_one() {
    let (sandbox, good) = after_an_accident();
    let name = suspect(&sandbox);
    fs::remove_dir_all(good).unwrap();
    let run = sandbox.tool("restore-db").args(["--yes", "latest"]).code(66);
    run.stderr_has("is suspect\nhint: ").stderr_has(format!("backup-db accept {name}")).check();
}

#[test]
fn a_kill_at_any_moment_leaves_no_suspect_backup_that_is_not_marked() {
    let (sandbox, good) = after_an_accident();
    let mut killed = 0;
    for call in ["fsync", "?rename,?renameat,?renameat2"] {
        for number in 1.. {
            let inject = format!("inject={call}:signal=KILL:when={number}");
            let run =
                sandbox.program("strace".as_ref()).args(["-f", "-o", "/dev/null", "-e"]).arg(format!("trace={call}"));
            let run = run.args(["-e", &inject]).arg(testkit::tool_path("backup-db"));
            let output = run.env("PUSHBACK_ENV", sandbox.env_file()).into_command().output().unwrap();
            for set in sets(&sandbox).iter().filter(|set| **set != good) {
                let told: Value = serde_json::from_slice(&fs::read(set.join("grade.json")).unwrap()).unwrap();
                assert!(told["suspect"].is_string(), "killed at {call} {number}");
            }
            if output.status.code() == Some(1) {
                break;
            }
            killed += 1;
        }
    }
    // The data, the files beside it and the directories are flushed, and three files and the set renamed.
    assert!(killed > 10, "{killed}");
    assert!(good.exists() && sets(&sandbox).len() > 2);
    sandbox.tool("backup-db").args(["verify", "latest"]).stdout_has("  verified  ").check();
}
