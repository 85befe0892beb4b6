use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use rusqlite::Connection;
use serde_json::json;
use testkit::tool_path;

use crate::server::{DATABASE, fill, litter, megabytes, server, sets, without_database};

const TABLE: &str = "CREATE TABLE t(x); INSERT INTO t VALUES (1), (2)";

#[test]
fn done_prints_the_path_and_nothing_else() {
    let sandbox = server(TABLE);
    let ran = sandbox.tool("backup-db").arg("create").any_stdout().check();
    assert_eq!(ran.stdout.trim_end(), sets(&sandbox)[0].to_str().unwrap());
    assert!(litter(&sandbox).is_empty());
}

#[test]
fn without_a_database_there_may_be_nothing_to_do() {
    let sandbox = without_database();
    let missing = format!("backup-db: there is no database {} yet: skipped\n", sandbox.path(DATABASE).display());
    sandbox.tool("backup-db").args(["--if-absent", "skip"]).stderr(missing).check();
    sandbox.set("DATABASE_URL", "");
    sandbox
        .tool("backup-db")
        .args(["--if-absent", "skip"])
        .stderr("backup-db: DATABASE_URL is not set: skipped\n")
        .check();
    assert!(sets(&sandbox).is_empty() && !sandbox.path("prod/backups").exists());
    let journal = sandbox.journal();
    assert_eq!(journal.len(), 2);
    assert_eq!(journal[1]["details"], json!({"skipped": "DATABASE_URL is not set"}));
}

#[test]
fn a_wrong_command_line_is_2_and_names_what_is_supported() {
    let sandbox = server(TABLE);
    let run = sandbox.tool("backup-db").arg("lst").code(2);
    let said =
        "backup-db: invalid value 'lst' for '[COMMAND]' [possible values: create, check, list, verify, prune, accept]";
    run.stderr_has(said).check();
    let run = sandbox.tool("backup-db").args(["--if-absent", "maybe"]).code(2);
    run.stderr_has("[possible values: fail, skip]").check();
    assert!(sandbox.journal().is_empty());
}

#[test]
fn a_file_that_is_no_database_is_65_and_not_backed_up() {
    let sandbox = without_database();
    for content in ["", "no database", &"no database ".repeat(1000)] {
        sandbox.write(DATABASE, content);
        sandbox.tool("backup-db").code(65).stderr_has("backup-db: ").check();
        assert!(sets(&sandbox).is_empty() && litter(&sandbox).is_empty());
    }
    fs::remove_file(sandbox.path(DATABASE)).unwrap();
    fs::create_dir(sandbox.path(DATABASE)).unwrap();
    sandbox.tool("backup-db").code(65).stderr_has("is not a regular file").check();
}

#[test]
fn a_damaged_database_is_65_and_not_backed_up() {
    let sandbox = server(&megabytes(1));
    let mut bytes = fs::read(sandbox.path(DATABASE)).unwrap();
    bytes[4096..8192].fill(0x55);
    fs::write(sandbox.path(DATABASE), bytes).unwrap();
    sandbox.tool("backup-db").code(65).stderr_has("is damaged: ").check();
    assert!(sets(&sandbox).is_empty() && litter(&sandbox).is_empty());
}

#[test]
fn a_missing_database_is_66_unless_it_may_be_skipped() {
    let sandbox = without_database();
    let run = sandbox.tool("backup-db").code(66);
    run.stderr_has("there is no database").stderr_has("hint: ").check();
    sandbox.history(&[
        json!({"tool": "deploy-queue", "command": "begin", "deploy": "prod-1", "commit": "a".repeat(40)}),
        json!({"tool": "release", "command": "activate", "deploy": "prod-1", "phase": "begin"}),
    ]);
    let run = sandbox.tool("backup-db").args(["--if-absent", "skip"]).code(66);
    run.stderr_has("a deployment has touched this environment before")
        .stderr_has("hint: restore it with restore-db latest")
        .check();
}

#[test]
fn a_missing_root_is_66() {
    let sandbox = server(TABLE);
    sandbox.set("DEPLOY_ROOT", "/nonexistent/root");
    sandbox.tool("backup-db").code(66).stderr_has("DEPLOY_ROOT").check();
}

#[test]
fn a_backup_directory_that_cannot_be_made_is_73() {
    let sandbox = server(TABLE);
    let file = sandbox.write("file", "");
    let run = sandbox.tool("backup-db").arg("--backup-dir").arg(file.join("backups"));
    run.code(73).stderr_has("cannot make a backup in").check();
    let run = sandbox.tool("backup-db").arg("--backup-dir").arg(file);
    run.code(73).stderr_has("cannot make a backup in").check();
}

#[test]
fn a_full_disk_is_74_and_nothing_is_left() {
    let sandbox = server(&megabytes(2));
    for blocks in [1, 100, 1500, 1900] {
        // A file may not grow beyond this many blocks of 512 or 1024 bytes.
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\"");
        let run = sandbox.program("/bin/sh".as_ref()).args(["-c", &script]);
        let run = run.arg(tool_path("backup-db")).env("PUSHBACK_ENV", sandbox.env_file());
        run.code(74).stderr_has("backup-db: cannot ").check();
        assert!(sets(&sandbox).is_empty() && litter(&sandbox).is_empty(), "{blocks}");
    }
}

#[test]
fn a_database_that_stays_locked_is_75() {
    let sandbox = server(TABLE);
    let holder = Connection::open(sandbox.path(DATABASE)).unwrap();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let run = sandbox.tool("backup-db").args(["--timeout", "300ms"]).code(75);
    run.stderr_has("locked").check();
    assert!(sets(&sandbox).is_empty() && litter(&sandbox).is_empty());
    drop(holder);
    sandbox.tool("backup-db").any_stdout().check();
}

#[test]
fn settings_that_others_may_read_are_77() {
    let sandbox = server(TABLE);
    fs::set_permissions(sandbox.env_file(), Permissions::from_mode(0o644)).unwrap();
    sandbox.tool("backup-db").code(77).stderr_has("others may read it").check();
}

#[test]
fn wrong_settings_are_78() {
    let sandbox = server(TABLE);
    let run = || sandbox.tool("backup-db").code(78);
    run().args(["--backup-dir", "relative"]).stderr_has("not an absolute path").check();
    sandbox.set("APP_ENV_FILE", "/nonexistent/app.env");
    run().stderr_has("copy /nonexistent/app.env").check();
    assert!(sets(&sandbox).is_empty() && litter(&sandbox).is_empty());
    sandbox.set("STEP_TIMEOUT", "soon");
    run().stderr_has("a setting is wrong").check();
    sandbox.set("STEP_TIMEOUT", "");
    sandbox.set("DATABASE_URL", "sqlite://app.sqlite");
    run().stderr_has("is not absolute").check();
    sandbox.set("DATABASE_URL", "");
    run().stderr_has("DATABASE_URL is not set").check();
}

#[test]
fn the_url_may_come_from_a_file() {
    let sandbox = server(TABLE);
    let file = sandbox.write("url", format!("sqlite://{}\n", sandbox.path(DATABASE).display()));
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    sandbox.set("DATABASE_URL", "");
    sandbox.set("DATABASE_URL_FILE", file.to_str().unwrap());
    sandbox.tool("backup-db").any_stdout().check();
}

#[test]
fn a_deadline_that_passes_is_124() {
    let sandbox = without_database();
    fill(&sandbox.path(DATABASE), &megabytes(40));
    let run = sandbox.tool("backup-db").args(["--timeout", "5ms"]).code(124);
    run.stderr_has("not done after").check();
    assert!(sets(&sandbox).is_empty() && litter(&sandbox).is_empty());
}
