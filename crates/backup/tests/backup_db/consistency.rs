use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use testkit::{Sandbox, wait_until};

use crate::server::{DATABASE, backup, content, fill, megabytes, number, server, without_database};

/// Backs up while a program writes the same number into two tables in each transaction; in every backup the two agree.
fn backups_while_a_writer_loops(mode: &str) {
    let sandbox =
        server(&format!("PRAGMA journal_mode = {mode}; CREATE TABLE a(x); CREATE TABLE b(x); {}", megabytes(12)));
    let (stop, written) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| write_until(&sandbox, &stop, &written));
        for _ in 0..5 {
            let before = written.load(Ordering::SeqCst);
            wait_until("the writer writes", || written.load(Ordering::SeqCst) > before);
            let at_least = written.load(Ordering::SeqCst);
            let copy = content(&sandbox, &backup(&sandbox));
            let count = number(&copy, "SELECT count(*) FROM a");
            assert_eq!(number(&copy, "SELECT count(*) FROM a JOIN b USING (x)"), count);
            assert_eq!(number(&copy, "SELECT count(*) FROM b"), count);
            assert!(count >= i64::from(at_least));
        }
        stop.store(true, Ordering::SeqCst);
    });
}

fn write_until(sandbox: &Sandbox, stop: &AtomicBool, written: &AtomicU32) {
    let mut writer = Connection::open(sandbox.path(DATABASE)).unwrap();
    writer.busy_timeout(Duration::from_secs(60)).unwrap();
    writer.execute_batch("PRAGMA synchronous = OFF").unwrap();
    for x in 0.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let transaction = writer.transaction().unwrap();
        transaction.execute("INSERT INTO a VALUES (?1)", [x]).unwrap();
        transaction.execute("INSERT INTO b VALUES (?1)", [x]).unwrap();
        transaction.commit().unwrap();
        written.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_backup_is_of_one_instant_while_a_writer_loops_in_wal_mode() {
    backups_while_a_writer_loops("WAL");
}

#[test]
fn a_backup_is_of_one_instant_while_a_writer_loops_in_delete_mode() {
    backups_while_a_writer_loops("DELETE");
}

#[test]
fn what_is_not_committed_is_not_in_the_backup() {
    let sandbox = server("PRAGMA journal_mode = WAL; CREATE TABLE t(x)");
    let writer = Connection::open(sandbox.path(DATABASE)).unwrap();
    writer.execute_batch("INSERT INTO t VALUES (1); BEGIN; INSERT INTO t VALUES (2)").unwrap();
    let copy = content(&sandbox, &backup(&sandbox));
    assert_eq!(number(&copy, "SELECT sum(x) FROM t"), 1);
}

#[test]
fn what_only_the_wal_holds_is_in_the_backup() {
    let sandbox = server("PRAGMA journal_mode = WAL; CREATE TABLE t(x)");
    let app = Connection::open(sandbox.path(DATABASE)).unwrap();
    app.execute_batch("PRAGMA wal_autocheckpoint = 0; INSERT INTO t VALUES (7)").unwrap();
    let copy = content(&sandbox, &backup(&sandbox));
    assert_eq!(number(&copy, "SELECT sum(x) FROM t"), 7);
    assert_eq!(number(&app, "SELECT sum(x) FROM t"), 7);
}

#[test]
fn a_transaction_whose_program_was_killed_is_rolled_back_first() {
    let sandbox = without_database();
    let crashed = sandbox.path("crashed.sqlite");
    fill(&crashed, "CREATE TABLE t(x); INSERT INTO t VALUES (1)");
    let writer = Connection::open(&crashed).unwrap();
    // A cache of one page: the transaction reaches the file before it ends, and its journal is on disk.
    writer.execute_batch("PRAGMA cache_size = 1; BEGIN; UPDATE t SET x = 2").unwrap();
    writer.execute_batch(&megabytes(1)).unwrap();
    for suffix in ["", "-journal"] {
        let from = sandbox.path(format!("crashed.sqlite{suffix}"));
        fs::copy(from, sandbox.path(format!("{DATABASE}{suffix}"))).unwrap();
    }
    let copy = content(&sandbox, &backup(&sandbox));
    assert_eq!(number(&copy, "SELECT sum(x) FROM t"), 1);
    assert_eq!(number(&copy, "SELECT count(*) FROM sqlite_schema"), 1);
}

#[test]
fn a_database_without_tables_and_one_of_another_page_size_are_backed_up() {
    for sql in ["PRAGMA user_version = 7", "PRAGMA page_size = 65536; PRAGMA user_version = 7"] {
        let sandbox = server(sql);
        let copy = content(&sandbox, &backup(&sandbox));
        assert_eq!(number(&copy, "PRAGMA user_version"), 7);
    }
}
