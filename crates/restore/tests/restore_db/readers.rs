//! Whoever reads during a restore sees the old content or the new one.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use testkit::{Sandbox, wait_until};

use crate::server::{DATABASE, backup, fill, restored, server};

fn content(word: &str) -> String {
    format!(
        "DROP TABLE IF EXISTS a; DROP TABLE IF EXISTS b; CREATE TABLE a(word); CREATE TABLE b(word, filler);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
         INSERT INTO b SELECT '{word}', randomblob(2000) FROM n; INSERT INTO a SELECT word FROM b"
    )
}

/// Reads both tables in one transaction; whatever is seen, every word is the same.
fn read(sandbox: &Sandbox, stop: &AtomicBool, seen: &[AtomicU32; 2]) {
    let kept = Connection::open(sandbox.path(DATABASE)).unwrap();
    while !stop.load(Ordering::SeqCst) {
        let fresh = Connection::open(sandbox.path(DATABASE)).unwrap();
        for reader in [&kept, &fresh] {
            reader.busy_timeout(Duration::from_secs(60)).unwrap();
            let sql =
                "SELECT group_concat(DISTINCT word), count(*) FROM (SELECT word FROM a UNION ALL SELECT word FROM b)";
            let answer = reader.query_row(sql, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)));
            let (word, count) = answer.unwrap();
            assert_eq!(count, 1000);
            let index = ["old", "new"].iter().position(|one| *one == word);
            seen[index.expect("no mix")].fetch_add(1, Ordering::SeqCst);
        }
    }
}

fn readers_see_old_or_new(mode: &str) {
    let sandbox = server(&format!("PRAGMA journal_mode = {mode}; {}", content("old")));
    let old = backup(&sandbox);
    fill(&sandbox.path(DATABASE), &content("new"));
    let new = backup(&sandbox);
    let (stop, seen) = (AtomicBool::new(false), [AtomicU32::new(0), AtomicU32::new(0)]);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| read(&sandbox, &stop, &seen));
        }
        for round in 0..6 {
            let index = round % 2;
            restored(&sandbox, [&old, &new][index]);
            let before = seen[index].load(Ordering::SeqCst);
            wait_until("a reader sees what was restored", || seen[index].load(Ordering::SeqCst) > before);
        }
        stop.store(true, Ordering::SeqCst);
    });
}

#[test]
fn readers_see_old_or_new_in_wal_mode() {
    readers_see_old_or_new("WAL");
}

#[test]
fn readers_see_old_or_new_in_delete_mode() {
    readers_see_old_or_new("DELETE");
}
