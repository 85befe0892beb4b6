//! Checks of a SQLite database, against real ones.

use std::fs;
use std::path::PathBuf;

use rusqlite::Connection;
use testkit::Sandbox;

use crate::{fails, once, passes, smoke};

/// A database with two entries.
fn database(sandbox: &Sandbox) -> PathBuf {
    let path = sandbox.path("app.sqlite");
    let sql = "CREATE TABLE entries(id INTEGER, text TEXT, score REAL, raw BLOB);
        INSERT INTO entries VALUES (1, 'hello', 0.5, x'00ff'), (2, NULL, -3, NULL)";
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    path
}

fn check(query: &str, expect: &str) -> String {
    once("sqlite", &format!("database = 'app.sqlite'\nquery = \"{query}\""), expect)
}

#[test]
fn the_values_of_a_query_are_compared() {
    let sandbox = Sandbox::new();
    database(&sandbox);
    let expect = "['rows[0][0] == 1', 'rows[0][1] == \"hello\"', 'rows[0][2] < 1', 'rows[1][1] == null',
        'rows[1][0] >= 2', 'count == 2', 'time < 10s']";
    passes(&sandbox, &check("select id, text, score from entries order by id", expect), "2 rows, ");
    passes(&sandbox, &check("select count(*) from entries; -- all", "'rows[0][0] > 0'"), "1 row, ");
}

#[test]
fn only_the_compared_value_is_shown_cut_and_cleaned() {
    let sandbox = Sandbox::new();
    let path = database(&sandbox);
    let long = format!("\u{1b}[2J{}", "x".repeat(10_000));
    Connection::open(path).unwrap().execute("UPDATE entries SET text = ?1", [long]).unwrap();
    let checks = check("select text, 's3cret' from entries", "'rows[0][0] == \"hello\"'");
    let ran = smoke(&sandbox, &checks).code(1).stdout_has("it  fail  rows[0][0] is `").any_stderr().check();
    let said = ran.stdout.clone() + &ran.stderr + &sandbox.read("prod/journal.ndjson");
    assert!(!said.contains('\u{1b}') && !said.replace(&checks, "").contains("s3cret"), "{said}");
    assert!(ran.stdout.len() < 500, "{}", ran.stdout);
}

#[test]
fn what_is_not_as_expected_says_what_is() {
    let sandbox = Sandbox::new();
    database(&sandbox);
    for (query, expect, said) in [
        ("select count(*) from entries", "rows[0][0] > 2", "rows[0][0] is 2, expected rows[0][0] > 2\n"),
        ("select text from entries", "rows[0][0] != \\\"hello\\\"", "rows[0][0] is \"hello\", expected "),
        ("select raw from entries", "rows[0][0] != \\\"x\\\"", "rows[0][0] is a blob of 2 bytes, expected "),
        ("select id from entries", "rows[2][0] == 1", "there is no rows[2][0] in 2 rows of 1 columns, expected "),
        ("select id from entries", "rows[0][1] == 1", "there is no rows[0][1] in 2 rows of 1 columns, expected "),
        ("select id from entries where 0", "rows[0][0] == 1", "there is no rows[0][0] in 0 rows, "),
        ("select id from entries", "count < 2", "there are 2 rows, expected count < 2\n"),
        ("select * from nowhere", "count == 0", "cannot ask "),
        ("nonsense", "count == 0", "cannot ask "),
        ("delete from entries", "count == 0", "the query does not only read\n"),
        ("vacuum into 'copy.sqlite'", "count == 0", "the query does not only read\n"),
    ] {
        fails(&sandbox, &check(query, &format!("\"{expect}\"")), said);
    }
    let left = Connection::open(sandbox.path("app.sqlite")).unwrap();
    assert_eq!(left.query_row("SELECT count(*) FROM entries", [], |row| row.get(0)), Ok(2));
    assert!(!sandbox.path("copy.sqlite").exists());
}

#[test]
fn a_sound_database_has_integrity_and_a_damaged_one_has_not() {
    let sandbox = Sandbox::new();
    let path = database(&sandbox);
    Connection::open(&path)
        .unwrap()
        .execute_batch(
            "CREATE INDEX i ON entries(text);
             WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2000)
             INSERT INTO entries(id, text) SELECT x, hex(randomblob(50)) FROM n",
        )
        .unwrap();
    let checks = once("sqlite", "database = 'app.sqlite'", "'integrity == \"ok\"'");
    passes(&sandbox, &checks, "sound, ");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4096].fill(0x55);
    fs::write(&path, bytes).unwrap();
    fails(&sandbox, &checks, "the database is damaged: `");
}

#[test]
fn what_is_no_database_fails_and_nothing_is_made() {
    let sandbox = Sandbox::new();
    let checks = || check("select 1", "'count == 1'");
    fails(&sandbox, &checks(), "there is no database ");
    let files = || fs::read_dir(sandbox.path("")).unwrap().count();
    let before = files();
    fails(&sandbox, &checks(), "there is no database ");
    assert_eq!(files(), before);
    sandbox.write("app.sqlite", "");
    fails(&sandbox, &checks(), &format!("{} has no bytes", sandbox.path("app.sqlite").display()));
    sandbox.write("app.sqlite", "this is no database, though it is long enough to be taken for one".repeat(100));
    fails(&sandbox, &checks(), "cannot ");
    fs::remove_file(sandbox.path("app.sqlite")).unwrap();
    fs::create_dir(sandbox.path("app.sqlite")).unwrap();
    fails(&sandbox, &checks(), &format!("{} is not a regular file", sandbox.path("app.sqlite").display()));
}

#[test]
fn a_locked_database_fails_in_time_and_passes_once_it_is_free() {
    let sandbox = Sandbox::new();
    let holder = Connection::open(database(&sandbox)).unwrap();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let checks = check("select 1", "'count == 1'");
    fails(&sandbox, &format!("{checks}timeout = '300ms'\n"), "cannot ask ");
    holder.execute_batch("COMMIT").unwrap();
    passes(&sandbox, &checks, "1 row, ");
}

#[test]
fn a_query_without_end_is_ended() {
    let sandbox = Sandbox::new();
    database(&sandbox);
    let endless = "with recursive n(x) as (select 1 union all select x + 1 from n) select count(*) from n";
    fails(&sandbox, &(check(endless, "'count == 1'") + "timeout = '300ms'\n"), "not done after 0.3 s\n");
}

#[test]
fn a_slow_query_fails() {
    let sandbox = Sandbox::new();
    database(&sandbox);
    let slow =
        "with recursive n(x) as (select 1 union all select x + 1 from n where x < 300000) select count(*) from n";
    fails(&sandbox, &check(slow, "['rows[0][0] == 300000', 'time < 1ms']"), "the answer took ");
}

#[test]
fn a_query_that_wants_more_memory_than_there_is_for_it_fails() {
    let sandbox = Sandbox::new();
    database(&sandbox);
    fails(&sandbox, &check("select randomblob(900000000)", "'count == 1'"), "cannot ask ");
}

#[test]
fn the_database_of_the_settings_is_the_one_that_is_asked() {
    let sandbox = Sandbox::new();
    let path = database(&sandbox);
    sandbox.set("DATABASE_URL", &format!("sqlite://{}", path.display()));
    let checks = once("sqlite", "query = 'select count(*) from entries'", "'rows[0][0] == 2'");
    passes(&sandbox, &checks, "1 row, ");
    sandbox.set("DATABASE_URL", "postgres://app:s3cret@db/app");
    let run = smoke(&sandbox, &checks)
        .code(78)
        .stderr_has("postgres://db/app is a database on a server; this works on SQLite databases only");
    assert!(!run.check().stderr.contains("s3cret"));
}

#[test]
fn a_live_database_in_wal_mode_is_read_as_it_is() {
    let sandbox = Sandbox::new();
    let writer = Connection::open(database(&sandbox)).unwrap();
    writer.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE; DELETE FROM entries").unwrap();
    passes(&sandbox, &check("select count(*) from entries", "'rows[0][0] == 2'"), "1 row, ");
    writer.execute_batch("COMMIT").unwrap();
    passes(&sandbox, &check("select count(*) from entries", "'rows[0][0] == 0'"), "1 row, ");
}

#[test]
fn what_a_killed_program_left_is_not_rolled_back_by_a_look() {
    let sandbox = Sandbox::new();
    let path = database(&sandbox);
    let writer = Connection::open(&path).unwrap();
    // More than the cache holds, so that it stands in the file with its journal beside it, as after a kill.
    writer
        .execute_batch(
            "PRAGMA cache_size = 1; BEGIN; WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 5000)
             INSERT INTO entries(id, text) SELECT x, hex(randomblob(50)) FROM n",
        )
        .unwrap();
    fs::copy(&path, sandbox.path("killed.sqlite")).unwrap();
    fs::copy(sandbox.path("app.sqlite-journal"), sandbox.path("killed.sqlite-journal")).unwrap();
    let journal = fs::read(sandbox.path("killed.sqlite-journal")).unwrap();
    let checks = check("select 1", "'count == 1'").replace("app.sqlite", "killed.sqlite");
    fails(&sandbox, &checks, "cannot ask ");
    assert_eq!(fs::read(sandbox.path("killed.sqlite-journal")).unwrap(), journal);
}
