//! Whether a backup can be made is found out without making one.

use testkit::Sandbox;

use crate::server::{backup, megabytes, server, sets, without_database};

fn check(sandbox: &Sandbox) -> testkit::Run {
    sandbox.tool("backup-db").arg("check")
}

#[test]
fn with_room_for_it_a_backup_can_be_made() {
    let sandbox = server(&megabytes(1));
    let before = sandbox.read("prod/journal.ndjson");
    check(&sandbox).stdout_has("and there is no backup yet\n").check();
    assert!(sets(&sandbox).is_empty() && !sandbox.path("prod/backups").exists());
    assert_eq!(sandbox.read("prod/journal.ndjson"), before);
    let set = backup(&sandbox);
    let name = set.file_name().unwrap().to_str().unwrap();
    check(&sandbox).stdout_has(format!("needed: {name} has ")).check();
    let json = check(&sandbox).arg("--json").any_stdout().check().json();
    assert!(json["details"]["free"].as_u64() > json["details"]["needed"].as_u64());
}

#[test]
fn without_room_the_answer_is_no() {
    let sandbox = server(&megabytes(4));
    let place = sandbox.path("small");
    let mounted = format!(
        "mkdir {0} && mount -t tmpfs -o size=2m tmpfs {0} && \"$B\" check --backup-dir {0}; code=$?; umount {0}; exit $code",
        place.display()
    );
    let run = sandbox.program("/usr/bin/unshare".as_ref()).env("PUSHBACK_ENV", sandbox.env_file());
    let run = run.env("B", testkit::tool_path("backup-db")).args(["-rm", "--", "/bin/sh", "-c", &mounted]);
    run.code(1).stderr_has("backup-db: there is no room for a backup: ").stderr_has("hint: make room").check();
}

#[test]
fn without_a_database_it_is_66() {
    check(&without_database()).code(66).stderr_has("there is no database").check();
}

#[test]
fn a_file_that_is_no_database_cannot_be_backed_up() {
    let sandbox = server("CREATE TABLE t(x)");
    std::fs::write(sandbox.path(crate::server::DATABASE), vec![b'x'; 10_000]).unwrap();
    let run = sandbox.tool("backup-db").arg("check").code(1);
    run.stderr_has("app.sqlite cannot be backed up: ").stderr_has("restore-db").check();
}

#[test]
fn the_label_of_restore_db_is_nobody_elses() {
    let sandbox = server("CREATE TABLE t(x)");
    let run = sandbox.tool("backup-db").args(["--label", "before restore-db"]).code(2);
    run.stderr_has("is that of restore-db, for its --undo").check();
}
