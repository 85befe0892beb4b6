//! A damaged backup is never restored, and the target is untouched.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use db::{Codec, Deadline, Format, Set};
use testkit::{Database, Mariadb, Postgres, Sandbox};

use crate::databases::{environment, left_beside};
use crate::mutilation::{FILE, MUTILATIONS, Of, append, copy_set, data};
use crate::server::{DATABASE, backup, beside, fill, live, restore, restored, server};

/// The file that holds a SQLite database.
const GZ: &str = "database.sqlite.gz";

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
    let of_sqlite = MUTILATIONS.iter().filter(|(of, ..)| of.has(Format::Sqlite, Codec::Gzip));
    for (index, (_, what, said, mutilate)) in of_sqlite.enumerate() {
        let said = &said.replace(FILE, GZ);
        let set = sandbox.path(format!("set-{index}"));
        copy_set(&good, &set);
        mutilate(&set, &other);
        let run = restore(&sandbox, &set).code(65);
        let ran = run.stderr_has("is damaged: ").stderr_has(said).check();
        assert!(ran.stderr.contains("hint: restore another one"), "{what}: {}", ran.stderr);
        let run = sandbox.tool("backup-db").arg("verify").arg(&set).code(1);
        let verified = run.any_stdout().stderr_has("1 of 1 backup does not verify").check();
        let found = format!("{}  damaged: ", set.display());
        assert!(
            verified.stdout.starts_with(&found) && verified.stdout.contains(said.as_str()),
            "{what}: {}",
            verified.stdout
        );
        assert!(fs::read(sandbox.path(DATABASE)).unwrap() == before, "{what}");
        assert_eq!(beside(&sandbox), ["app.sqlite"], "{what}");
    }
    sandbox.tool("backup-db").arg("verify").arg(&good).any_stdout().check();
    restored(&sandbox, &good);
    assert_eq!(live(&sandbox, "SELECT sum(x) FROM t"), "6");
}

/// Damages sets of a database on a server in each way that there is for them. Whatever the way, it is seen, nothing live is
/// touched and nothing is left on the server.
fn each_damage_is_seen(database: &Database, forms: &[(Format, Codec)]) {
    database.sql_as_app("CREATE TABLE t (x int); CREATE TABLE u (x int)");
    database.sql_as_app("INSERT INTO u VALUES (9)");
    let sandbox = environment(database);
    for (number, (format, codec)) in forms.iter().enumerate() {
        let [good, other] = two_sets(&sandbox, database, *format, *codec);
        let live = database.fingerprint();
        let mut verify = sandbox.tool("backup-db").arg("verify").code(1);
        let mut expected = Vec::new();
        let ways = MUTILATIONS.iter().filter(|(of, ..)| of.has(*format, *codec) && (number == 0 || *of != Of::Set));
        for (index, (_, what, said, mutilate)) in ways.enumerate() {
            let (set, what) =
                (sandbox.path(format!("{format}-{codec}-{index}")), format!("{what} ({format}, {codec})"));
            copy_set(&good, &set);
            let said = said.replace(FILE, data(&set).strip_prefix(&set).unwrap().to_str().unwrap());
            mutilate(&set, &other);
            let run = restore(&sandbox, &set).arg("--without-safety-backup").code(65);
            let ran = run.stderr_has("is damaged: ").stderr_has(&said).check();
            assert!(ran.stderr.contains("hint: restore another one"), "{what}: {}", ran.stderr);
            let drill = sandbox.tool("restore-db").arg("--drill").arg(&set).code(1);
            drill.stderr_has("is damaged: ").stderr_has(&said).check();
            // What only loading it shows has reached the server.
            if Set::open(&set, &Deadline::after(Duration::from_secs(60))).is_ok() {
                assert_eq!(left_beside(database), [database.name()], "{what}");
            }
            verify = verify.arg(&set);
            expected.push((format!("{}  damaged: ", set.display()), said, what));
        }
        let verified = verify.any_stdout().any_stderr().check().stdout;
        assert!(expected.len() >= 12 && verified.lines().count() == expected.len(), "{verified}");
        for (line, (begin, said, what)) in verified.lines().zip(expected) {
            assert!(line.starts_with(&begin) && line.contains(&said), "{what}: {line}");
        }
        assert_eq!((database.fingerprint(), left_beside(database).len()), (live, 1), "{format}, {codec}");
        sandbox.tool("backup-db").arg("verify").args([&good, &other]).any_stdout().check();
        // What changes after it was verified is seen all the same.
        append(&data(&other), b"x");
        restore(&sandbox, &other).code(65).stderr_has("its hash differs").check();
        let run = restore(&sandbox, &good).args(["--without-safety-backup", "--keep-previous=0"]);
        run.any_stdout().any_stderr().check();
        assert_eq!(database.sql("SELECT sum(x) FROM t").trim(), "6");
    }
}

/// Two sets of a database that has moved on since: the first has three rows, the second four.
fn two_sets(sandbox: &Sandbox, database: &Database, format: Format, codec: Codec) -> [PathBuf; 2] {
    database.sql_as_app("DELETE FROM t");
    database.sql_as_app("INSERT INTO t VALUES (1), (2), (3)");
    ["4", "5"].map(|next| {
        let args = [format!("--format={format}"), format!("--compress={codec}")];
        let made = sandbox.tool("backup-db").args(args).any_stdout().check().stdout;
        database.sql_as_app(&format!("INSERT INTO t VALUES ({next})"));
        PathBuf::from(made.trim_end())
    })
}

#[test]
fn a_damaged_backup_of_postgresql_is_65_and_nothing_is_touched_and_a_drill_and_verify_say_the_same() {
    let forms = [
        (Format::Plain, Codec::Gzip),
        (Format::Plain, Codec::Zstd),
        (Format::Plain, Codec::None),
        (Format::Custom, Codec::Zstd),
        (Format::Directory, Codec::Gzip),
    ];
    each_damage_is_seen(&Postgres::shared().fresh_creator(), &forms);
}

#[test]
fn a_damaged_backup_of_mariadb_is_65_and_nothing_is_touched_and_a_drill_and_verify_say_the_same() {
    let forms = [Codec::Gzip, Codec::Zstd, Codec::None].map(|codec| (Format::Plain, codec));
    each_damage_is_seen(&Mariadb::shared().fresh_creator(), &forms);
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
