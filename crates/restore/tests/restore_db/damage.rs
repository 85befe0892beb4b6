//! A damaged backup is never restored, and the target is untouched.

use std::fs;
use std::path::{Path, PathBuf};

use testkit::Sandbox;

use crate::mutilation::{GZ, MUTILATIONS, append};
use crate::server::{DATABASE, backup, beside, fill, live, restore, restored, server};

fn copy_set(from: &Path, to: &Path) {
    fs::create_dir_all(to.join("config")).unwrap();
    for name in ["database.sqlite.gz", "manifest.json", "SHA256SUMS", "config/deploy.env"] {
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
}

/// A server whose live database has moved on since two backups were made of it.
fn two_backups(sandbox: &Sandbox) -> [PathBuf; 2] {
    let first = backup(sandbox);
    fill(&sandbox.path(DATABASE), "INSERT INTO t VALUES (4)");
    let second = backup(sandbox);
    fill(&sandbox.path(DATABASE), "UPDATE t SET x = 'live'");
    [first, second]
}

#[test]
fn a_damaged_backup_is_65_and_the_target_is_untouched_and_verify_says_the_same() {
    let sandbox = server("CREATE TABLE t(x); INSERT INTO t VALUES (1), (2), (3)");
    let [good, other] = two_backups(&sandbox);
    let before = fs::read(sandbox.path(DATABASE)).unwrap();
    for (index, (what, said, mutilate)) in MUTILATIONS.iter().enumerate() {
        let set = sandbox.path(format!("set-{index}"));
        copy_set(&good, &set);
        mutilate(&set, &other);
        let run = restore(&sandbox, &set).code(65);
        let ran = run.stderr_has("is damaged: ").stderr_has(*said).check();
        assert!(ran.stderr.contains("hint: restore another one"), "{what}: {}", ran.stderr);
        let run = sandbox.tool("backup-db").arg("verify").arg(&set).code(1);
        let verified = run.any_stdout().stderr_has("1 of 1 backup does not verify").check();
        let found = format!("{}  damaged: ", set.display());
        assert!(verified.stdout.starts_with(&found) && verified.stdout.contains(said), "{what}: {}", verified.stdout);
        assert!(fs::read(sandbox.path(DATABASE)).unwrap() == before, "{what}");
        assert_eq!(beside(&sandbox), ["app.sqlite"], "{what}");
    }
    sandbox.tool("backup-db").arg("verify").arg(&good).any_stdout().check();
    restored(&sandbox, &good);
    assert_eq!(live(&sandbox, "SELECT sum(x) FROM t"), "6");
}

#[test]
fn a_damaged_newest_backup_is_not_passed_over_in_silence() {
    let sandbox = server("CREATE TABLE t(x); INSERT INTO t VALUES (1), (2), (3)");
    let [_, newest] = two_backups(&sandbox);
    append(&newest.join(GZ), b"x");
    restore(&sandbox, "latest").code(65).stderr_has(newest.to_str().unwrap()).check();
    assert_eq!(live(&sandbox, "SELECT max(x) FROM t"), "live");
}

#[test]
fn a_file_is_no_backup() {
    let sandbox = server("CREATE TABLE t(x)");
    let file = sandbox.write("dump.sqlite.gz", "x");
    restore(&sandbox, &file).code(2).stderr_has("is no backup of ours").check();
    restore(&sandbox, file).arg("--unverified").code(65).stderr_has("there is no SQLite database in ").check();
    let empty = sandbox.path("empty");
    fs::create_dir(&empty).unwrap();
    restore(&sandbox, empty).code(65).stderr_has("manifest.json is missing").check();
}

#[test]
fn a_damaged_backup_is_not_restored_where_nothing_is_either() {
    let sandbox = server("CREATE TABLE t(x)");
    let set = backup(&sandbox);
    append(&set.join(GZ), b"x");
    fs::remove_file(sandbox.path(DATABASE)).unwrap();
    restore(&sandbox, set).code(65).any_stderr().check();
    assert!(beside(&sandbox).is_empty());
}

#[test]
fn two_backups_that_swapped_their_databases_are_both_damaged() {
    let sandbox = server("CREATE TABLE t(x); INSERT INTO t VALUES (1), (2), (3)");
    let [first, second] = two_backups(&sandbox);
    let before = fs::read(sandbox.path(DATABASE)).unwrap();
    fs::rename(first.join(GZ), sandbox.path("first.gz")).unwrap();
    fs::rename(second.join(GZ), first.join(GZ)).unwrap();
    fs::rename(sandbox.path("first.gz"), second.join(GZ)).unwrap();
    let run = sandbox.tool("backup-db").arg("verify").code(1).any_stdout();
    run.stderr_has("2 of 2 backups do not verify: ").check();
    for set in [first, second] {
        restore(&sandbox, set).code(65).stderr_has("its hash differs").check();
    }
    assert!(fs::read(sandbox.path(DATABASE)).unwrap() == before);
}

#[test]
fn a_backup_that_changes_after_it_was_verified_is_65_all_the_same() {
    let sandbox = server("CREATE TABLE t(x); INSERT INTO t VALUES (1), (2), (3)");
    let [_, set] = two_backups(&sandbox);
    let before = fs::read(sandbox.path(DATABASE)).unwrap();
    sandbox.tool("backup-db").args(["verify", "latest"]).stdout_has("  verified  ").check();
    append(&set.join(GZ), b"x");
    restore(&sandbox, "latest").code(65).stderr_has("its hash differs").check();
    assert!(fs::read(sandbox.path(DATABASE)).unwrap() == before);
}

#[test]
fn a_backup_of_another_database_verifies_and_is_not_restored_over_this_one() {
    let sandbox = server("CREATE TABLE t(x); INSERT INTO t VALUES (1), (2), (3)");
    let set = backup(&sandbox);
    let other = sandbox.path("prod/shared/other.sqlite");
    fill(&other, "CREATE TABLE other(x)");
    let before = fs::read(&other).unwrap();
    sandbox.set("DATABASE_URL", &format!("sqlite://{}", other.display()));
    sandbox.tool("backup-db").arg("verify").arg(&set).stdout_has("  verified  1 table, 3 rows").check();
    restore(&sandbox, &set).code(78).stderr_has("not of sqlite://").check();
    assert!(fs::read(&other).unwrap() == before);
}
