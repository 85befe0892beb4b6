//! What a database was before a restore is kept, and can be put back: SQLite, and MariaDB where a restore was interrupted.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use testkit::{Mariadb, Run, Sandbox, tool_path, wait_until};

use crate::databases::environment;
use crate::server::{DATABASE, backup, beside, fill, live, megabytes, restore, restored, server};

const ONE: &str = "CREATE TABLE t(x); INSERT INTO t VALUES (1)";

fn undo(sandbox: &Sandbox) -> Run {
    restore(sandbox, "--undo")
}

fn undone(sandbox: &Sandbox) {
    undo(sandbox).any_stdout().any_stderr().check();
}

fn change(sandbox: &Sandbox, value: u32) {
    fill(&sandbox.path(DATABASE), &format!("UPDATE t SET x = {value}"));
}

fn value(sandbox: &Sandbox) -> String {
    live(sandbox, "SELECT x FROM t")
}

/// The labels of the backups, newest first.
fn labels(sandbox: &Sandbox) -> Vec<Value> {
    let list = sandbox.tool("backup-db").args(["list", "--json"]).any_stdout().check().json();
    list["details"]["backups"].as_array().unwrap().iter().map(|backup| backup["label"].clone()).collect()
}

#[test]
fn a_restore_can_be_undone_and_so_can_that() {
    for mode in ["DELETE", "WAL"] {
        let sandbox = server(&format!("PRAGMA journal_mode = {mode}; {ONE}"));
        let set = backup(&sandbox);
        // The backup of what is live must not push out the one that is being restored.
        sandbox.set("BACKUP_KEEP_LAST", "1");
        sandbox.set("BACKUP_AFTER_COMMAND", "false");
        change(&sandbox, 2);
        restored(&sandbox, &set);
        assert_eq!(value(&sandbox), "1");
        let mut journal = sandbox.journal();
        let (record, made) = (journal.pop().unwrap(), journal.pop().unwrap());
        assert_eq!((&made["tool"], &made["parent"]), (&json!("backup-db"), &json!("restore-db")));
        assert_eq!(record["details"]["saved"], made["details"]["path"]);
        for expected in ["2", "1", "2"] {
            undone(&sandbox);
            assert_eq!(value(&sandbox), expected, "{mode}");
        }
        assert_eq!(beside(&sandbox), ["app.sqlite"]);
        let label = json!("before restore-db");
        assert_eq!(labels(&sandbox), [label.clone(), label.clone(), label.clone(), label, Value::Null]);
    }
}

#[test]
fn the_latest_is_not_what_a_restore_has_kept() {
    let sandbox = server(ONE);
    let set = backup(&sandbox);
    change(&sandbox, 2);
    // Whoever runs it again, because it was killed or out of doubt, gets the same again.
    for choice in [["latest"].as_slice(), &["latest"], &["--before", "2999-01-01T00:00:00Z"]] {
        let run = sandbox.tool("restore-db").arg("--yes").args(choice);
        run.any_stdout().stderr_has(format!("from the backup {}", set.display())).check();
        assert_eq!(value(&sandbox), "1");
    }
    sandbox.tool("backup-db").args(["verify", "latest"]).stdout_has(set.file_name().unwrap().to_str().unwrap()).check();
    restore(&sandbox, "--label").arg("before restore-db").any_stdout().any_stderr().check();
    assert_eq!(value(&sandbox), "1");
}

#[test]
fn an_emptied_database_is_what_was_live_all_the_same() {
    let rows =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO t SELECT i FROM n";
    let sandbox = server(&format!("CREATE TABLE t(x); {rows}"));
    let set = backup(&sandbox);
    fill(&sandbox.path(DATABASE), "DELETE FROM t");
    let said = restored(&sandbox, &set);
    assert!(said.contains("suspect") && said.contains("is kept as a backup"), "{said}");
    undone(&sandbox);
    assert_eq!(live(&sandbox, "SELECT count(*) FROM t"), "0");
}

#[test]
fn nothing_older_is_put_back_when_the_last_restore_has_kept_nothing() {
    let sandbox = server(ONE);
    undo(&sandbox).code(66).stderr_has("hint: name the backup that is wanted").check();
    let set = backup(&sandbox);
    change(&sandbox, 2);
    restored(&sandbox, &set);
    change(&sandbox, 3);
    restore(&sandbox, &set).arg("--without-safety-backup").any_stdout().any_stderr().check();
    let refused = undo(&sandbox).code(66).stderr_has("made no backup of what it replaced\n");
    refused.stderr_has("hint: what was live before an earlier restore is in the backup 2").check();
    fs::write(sandbox.path(DATABASE), "no database").unwrap();
    let said = restored(&sandbox, &set);
    assert!(said.contains("no backup is made first"), "{said}");
    undo(&sandbox).code(66).stderr_has("what was there is kept as ").stderr_has("app.sqlite.damaged-").check();
    assert_eq!(value(&sandbox), "1");
}

#[test]
fn a_restore_that_changed_nothing_is_not_the_one_that_is_undone() {
    let sandbox = server(ONE);
    let set = backup(&sandbox);
    change(&sandbox, 2);
    restored(&sandbox, &set);
    let app = Connection::open(sandbox.path(DATABASE)).unwrap();
    app.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut child = restore(&sandbox, &set).spawn();
    wait_until("what is live is saved", || labels(&sandbox).len() == 3);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(sandbox.journal().pop().unwrap()["details"]["replaced"], json!("nothing"));
    drop(app);
    undone(&sandbox);
    assert_eq!(value(&sandbox), "2");
}

#[test]
fn what_cannot_be_saved_is_not_replaced_unless_that_is_said() {
    let sandbox = server(ONE);
    let set = backup(&sandbox);
    fill(&sandbox.path(DATABASE), &megabytes(2, "new"));
    let before = fs::read(sandbox.path(DATABASE)).unwrap();
    let on_a_full_disk = |more: &[&str]| {
        // Room for what comes and not for what is there: a file may not grow beyond so many blocks.
        let run = sandbox.program("/bin/sh".as_ref()).args(["-c", "trap '' XFSZ; ulimit -f 500; exec \"$0\" \"$@\""]);
        let run = run.arg(tool_path("restore-db")).arg("--yes").arg(&set).args(more);
        run.env("PUSHBACK_ENV", sandbox.env_file())
    };
    let run = on_a_full_disk(&[]).code(74).stderr_has("what is live could not be backed up first");
    run.stderr_has("hint: nothing was touched; if it is beyond saving: --without-safety-backup").check();
    assert!(fs::read(sandbox.path(DATABASE)).unwrap() == before);
    assert_eq!((beside(&sandbox), labels(&sandbox).len()), (vec!["app.sqlite".to_owned()], 1));
    restore(&sandbox, &set).arg("--without-safety-backup").any_stdout().any_stderr().check();
    assert_eq!((value(&sandbox).as_str(), labels(&sandbox).len()), ("1", 1));
}

#[test]
fn damage_that_only_the_backup_meets_is_kept_beside_the_new_file() {
    for saves in [true, false] {
        let sandbox = server(&megabytes(1, "good"));
        let set = backup(&sandbox);
        let path = sandbox.path(DATABASE);
        let mut bytes = fs::read(&path).unwrap();
        bytes[40_960..81_920].fill(0x55);
        fs::write(&path, &bytes).unwrap();
        let run = restore(&sandbox, &set).args((!saves).then_some("--without-safety-backup"));
        run.any_stdout().any_stderr().check();
        assert_eq!(live(&sandbox, "PRAGMA integrity_check"), "ok");
        assert_eq!(live(&sandbox, "SELECT word FROM big"), "good");
        let kept = sandbox.journal().pop().unwrap()["details"]["kept"].as_str().map(PathBuf::from);
        assert_eq!(kept.is_some(), saves);
        assert!(kept.is_none_or(|kept| fs::read(kept).unwrap() == bytes));
    }
}

#[test]
fn outside_of_an_environment_it_is_the_same() {
    let sandbox = server(ONE);
    sandbox.set("BACKUP_DIR", &sandbox.path("backups").display().to_string());
    sandbox.set("DEPLOY_ROOT", "");
    let set = backup(&sandbox);
    change(&sandbox, 2);
    restored(&sandbox, &set);
    assert_eq!((value(&sandbox).as_str(), labels(&sandbox).len()), ("1", 2));
    undone(&sandbox);
    assert_eq!(value(&sandbox), "2");
}

#[test]
fn a_restore_that_was_interrupted_and_run_again_is_undone_to_what_was_live_before_it() {
    let database = Mariadb::shared().fresh_creator();
    let sandbox = environment(&database);
    database.sql_as_app("CREATE TABLE t (x int); INSERT INTO t VALUES (1)");
    sandbox.tool("backup-db").any_stdout().check();
    database.sql_as_app("INSERT INTO t VALUES (2)");
    // Killed at the very end: all is swapped, and the plan still lies there.
    let plan = sandbox.path("prod/state/restore-mysql.json");
    let strace = sandbox.program("strace".as_ref()).env("PUSHBACK_ENV", sandbox.env_file());
    let strace = strace.args(["-qq", "-o", "/dev/null", "-e", "inject=unlink,unlinkat:signal=KILL", "-P"]).arg(&plan);
    let mut killed = strace.arg(tool_path("restore-db")).args(["--yes", "latest"]).into_command();
    killed.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(!killed.status().unwrap().success() && plan.exists());
    let rows = || database.sql("SELECT count(*) FROM t").trim().to_owned();
    assert_eq!(rows(), "1");
    let again = sandbox.tool("restore-db").args(["--yes", "latest"]).any_stdout();
    again.stderr_has("a restore that was interrupted is finished").stderr_has("is kept in ").check();
    assert_eq!(rows(), "1");
    sandbox.tool("restore-db").args(["--yes", "--undo"]).any_stdout().any_stderr().check();
    assert_eq!(rows(), "2", "what was live before the first of the two");
}
