use std::fs::{self, File, OpenOptions, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use rusqlite::Connection;
use serde_json::json;
use testkit::tool_path;

use crate::server::{DATABASE, backup, beside, fill, live, megabytes, restore, restored, server};

const TABLE: &str = "CREATE TABLE t(x); INSERT INTO t VALUES (1), (2)";

#[test]
fn done_prints_the_path_and_says_what_was_replaced() {
    let sandbox = server(TABLE);
    let set = backup(&sandbox);
    fill(&sandbox.path(DATABASE), "DELETE FROM t");
    let said = restored(&sandbox, "latest");
    let database = sandbox.path(DATABASE);
    let replaced = format!("replacing {} (8.0 KiB, 1 table, 0 rows) from", database.display());
    assert!(said.contains(&replaced) && said.contains(set.to_str().unwrap()), "{said}");
    assert!(said.contains("(8.0 KiB, 1 table, 2 rows)"), "{said}");
    assert_eq!(live(&sandbox, "SELECT count(*) FROM t"), "2");
    assert_eq!(beside(&sandbox), ["app.sqlite"]);
    let record = sandbox.journal().pop().unwrap();
    assert_eq!((&record["command"], &record["success"]), (&json!("restore"), &json!(true)));
    assert_eq!(record["details"]["backup"], json!(set));
    assert_eq!(record["details"]["replaced"], json!("in place"));
}

#[test]
fn a_backup_is_found_by_path_by_name_and_as_the_latest() {
    let sandbox = server(TABLE);
    let first = backup(&sandbox);
    fill(&sandbox.path(DATABASE), "INSERT INTO t VALUES (3)");
    backup(&sandbox);
    let rows = |expected: &str| assert_eq!(live(&sandbox, "SELECT count(*) FROM t"), expected);
    restored(&sandbox, &first);
    rows("2");
    restored(&sandbox, "latest");
    rows("3");
    restored(&sandbox, first.file_name().unwrap());
    rows("2");
}

#[test]
fn the_latest_is_the_newest_by_its_manifest_and_foreign_names_are_nobodys_business() {
    let sandbox = server(TABLE);
    let set = backup(&sandbox);
    let other = sandbox.path("prod/shared/other.sqlite");
    fill(&other, "CREATE TABLE other(x)");
    let run = sandbox.tool("backup-db").env("PUSHBACK_ENV", other_settings(&sandbox));
    run.any_stdout().check();
    for name in ["2999-01-01T00-00-00Z", ".partial-1", "zzz", "weird/manifest.json"] {
        fs::create_dir_all(sandbox.path("prod/backups").join(name)).unwrap();
    }
    sandbox.write("prod/backups/app/manifest.json", "{\"name\": \"an app\"}");
    sandbox.write("prod/backups/zzz.txt", "");
    let renamed = set.with_file_name("before-the-upgrade");
    fs::rename(&set, &renamed).unwrap();
    let said = restored(&sandbox, "latest");
    assert!(said.contains("before-the-upgrade"), "{said}");
}

/// Settings of another environment that keeps its backups in the same place.
fn other_settings(sandbox: &testkit::Sandbox) -> std::path::PathBuf {
    let text = sandbox.read("prod/deploy.env").replace("app.sqlite", "other.sqlite");
    let path = sandbox.write("other.env", text);
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path
}

#[test]
fn a_wrong_command_line_is_2_and_nothing_is_touched() {
    let sandbox = server(TABLE);
    backup(&sandbox);
    let run = || sandbox.tool("restore-db").code(2);
    run()
        .arg("latest")
        .stderr(
            "restore-db: will not replace a database unasked: stdin and stderr are no terminal\n\
             hint: say --yes to go on without a question\n",
        )
        .check();
    let run_stdin = run().args(["--yes", "-"]);
    run_stdin.stderr_has("standard input is no backup of ours").stderr_has("hint: say --unverified").check();
    run().arg("--yes").stderr_has("<BACKUP>").check();
    run().args(["--yes", ""]).stderr_has("it is empty").check();
    assert_eq!(sandbox.journal().len(), 1);
}

#[test]
fn a_backup_that_is_not_there_is_66() {
    let sandbox = server(TABLE);
    let run = |backup: &str| restore(&sandbox, backup).code(66);
    run("latest").stderr_has("there is no backup of ").check();
    backup(&sandbox);
    run("2026-01-01T00-00-00Z").stderr_has("there is no backup 2026-01-01T00-00-00Z in ").check();
    run("/nonexistent/set").stderr_has("there is no backup /nonexistent/set").check();
    sandbox.set("DEPLOY_ROOT", "/nonexistent/root");
    run("/nonexistent/set").stderr_has("DEPLOY_ROOT").check();
}

#[test]
fn a_place_that_takes_no_file_is_73() {
    let sandbox = server(TABLE);
    let set = backup(&sandbox);
    fs::remove_dir_all(sandbox.path("prod/shared")).unwrap();
    let run = restore(&sandbox, set).code(73);
    run.stderr_has("no such file or directory").stderr_has("hint: a directory").check();
}

#[test]
fn a_full_disk_is_74_and_nothing_is_touched() {
    let sandbox = server(&megabytes(2, "old"));
    let set = backup(&sandbox);
    fill(&sandbox.path(DATABASE), "UPDATE big SET word = 'new'");
    let before = fs::read(sandbox.path(DATABASE)).unwrap();
    for blocks in [100, 1500] {
        // A file may not grow beyond this many blocks of 512 or 1024 bytes.
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let run = sandbox.program("/bin/sh".as_ref()).args(["-c", &script]);
        let run = run.arg(tool_path("restore-db")).arg("--yes").arg(&set);
        let run = run.env("PUSHBACK_ENV", sandbox.env_file()).code(74);
        run.stderr_has("restore-db: cannot ").check();
        assert!(fs::read(sandbox.path(DATABASE)).unwrap() == before, "{blocks}");
        assert_eq!(beside(&sandbox), ["app.sqlite"]);
    }
}

#[test]
fn a_database_in_use_is_75_and_nothing_is_changed() {
    for mode in ["DELETE", "WAL"] {
        let sandbox = server(&format!("PRAGMA journal_mode = {mode}; {TABLE}"));
        let set = backup(&sandbox);
        let app = Connection::open(sandbox.path(DATABASE)).unwrap();
        app.execute_batch("INSERT INTO t VALUES (3); BEGIN IMMEDIATE").unwrap();
        let run = restore(&sandbox, &set).args(["--timeout", "300ms"]).code(75);
        run.stderr_has("others kept it busy").stderr_has("hint: stop the program").check();
        app.execute_batch("INSERT INTO t VALUES (4); COMMIT").unwrap();
        assert_eq!(live(&sandbox, "SELECT sum(x) FROM t"), "10");
        restored(&sandbox, &set);
        assert_eq!(live(&sandbox, "SELECT sum(x) FROM t"), "3");
    }
}

#[test]
fn the_lock_of_somebody_else_is_75_and_ours_is_taken_from_stdin() {
    let sandbox = server(TABLE);
    let set = backup(&sandbox);
    let path = sandbox.write("prod/state/lock", "deploy-queue (prod-7), process 1\n");
    let open = || -> File { OpenOptions::new().read(true).write(true).open(&path).unwrap() };
    let lock = open();
    lock.lock().unwrap();
    restore(&sandbox, &set).code(75).stderr_has("is held by deploy-queue (prod-7)").check();
    let mut command = restore(&sandbox, &set).into_command();
    let inherited = command.stdin(lock.try_clone().unwrap()).stderr(Stdio::null()).output().unwrap();
    assert!(inherited.status.success());
    // Without `--yes` a lock on stdin is nobody who could say no.
    let mut command = sandbox.tool("restore-db").arg(&set).into_command();
    assert_eq!(command.stdin(lock).output().unwrap().status.code(), Some(2));
}

#[test]
fn settings_that_others_may_read_are_77() {
    let sandbox = server(TABLE);
    fs::set_permissions(sandbox.env_file(), Permissions::from_mode(0o644)).unwrap();
    restore(&sandbox, "latest").code(77).stderr_has("others may read it").check();
}

#[test]
fn wrong_settings_are_78_and_no_password_is_said() {
    let sandbox = server(TABLE);
    let set = backup(&sandbox);
    let run = || restore(&sandbox, &set).code(78);
    for url in ["postgres://app:s3cret@db", "sqlite://s3cret", "mysql://:s3cret%@/x"] {
        sandbox.set("DATABASE_URL", url);
        let ran = run().arg("--json").any_stdout().stderr_has("supported: sqlite:///").check();
        assert!(!(ran.stdout + &ran.stderr).contains("s3cret"));
    }
    sandbox.set("DATABASE_URL", "");
    run().stderr_has("DATABASE_URL is not set").check();
}

#[test]
fn a_backup_of_another_database_is_78() {
    let sandbox = server(TABLE);
    let set = backup(&sandbox);
    let other = sandbox.path("prod/shared/other.sqlite");
    sandbox.set("DATABASE_URL", &format!("sqlite://{}", other.display()));
    let said = format!("not of sqlite://{}\nhint: to restore it there, set DATABASE_URL=", other.display());
    restore(&sandbox, &set).code(78).stderr_has(said).check();
    assert!(!other.exists());
}

#[test]
fn a_deadline_that_passes_is_124_and_nothing_is_touched() {
    let sandbox = server(&megabytes(30, "old"));
    let set = backup(&sandbox);
    let before = fs::read(sandbox.path(DATABASE)).unwrap();
    let run = restore(&sandbox, &set).args(["--timeout", "5ms"]).code(124);
    run.stderr_has("not done after").check();
    assert!(fs::read(sandbox.path(DATABASE)).unwrap() == before);
    assert_eq!(beside(&sandbox), ["app.sqlite"]);
}
