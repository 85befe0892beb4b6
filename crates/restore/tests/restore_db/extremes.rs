//! Databases with nothing in them, with very much in one row, and with very many tables come back as they were.

use std::path::Path;
use std::time::Instant;

use testkit::{Database, Engine, Mariadb, Postgres, Sandbox};

use crate::databases::{both, environment, left_beside, state};
use crate::server;

/// What a tool may take, with the programs that it runs, whatever the size of the database; in KiB.
const MOST: u64 = 64 * 1024;

/// Runs a tool, which must succeed and take little memory; what it printed.
fn measured(sandbox: &Sandbox, tool: &str, args: &[&str]) -> String {
    let began = Instant::now();
    let ran = sandbox.measured(tool).args(args).any_stdout().any_stderr().check();
    let peak = sandbox.peak();
    eprintln!("{tool} {}: {peak} KiB, {:.1} s", args.join(" "), began.elapsed().as_secs_f64());
    assert!(peak <= MOST, "{tool} {} takes {peak} KiB", args.join(" "));
    ran.stdout.trim_end().to_owned()
}

/// How many blobs of a megabyte: `PUSHBACK_BLOBS=1000 scripts/test large_blobs` takes more. Memory that grew with them would be
/// more than is allowed with these already.
fn blobs() -> u32 {
    let said = std::env::var_os("PUSHBACK_BLOBS");
    said.map_or(75, |number| number.to_str().and_then(|number| number.parse().ok()).expect("it is a number"))
}

/// Backs a database up and restores it over what is left when `spoil` was run: it is what it was.
fn comes_back(database: &Database, formats: &[&str], spoil: &str) {
    let sandbox = environment(database);
    let good = state(database);
    for format in formats {
        let set = measured(&sandbox, "backup-db", &["--format", format]);
        assert!(measured(&sandbox, "backup-db", &["verify", &set]).contains("  verified  "));
        database.sql_as_app(spoil);
        assert!(state(database) != good);
        let keep = "--keep-previous=0";
        measured(&sandbox, "restore-db", &["--yes", "--without-safety-backup", keep, &set]);
        assert!(state(database) == good, "{format}");
        assert_eq!(left_beside(database), [database.name()], "{format}");
    }
}

#[test]
fn an_empty_database_and_a_tiny_one_come_back() {
    for database in both() {
        let formats: &[&str] = match database.engine() {
            Engine::Postgres => &["plain", "custom", "directory"],
            Engine::Mariadb => &["plain"],
        };
        comes_back(&database, formats, "CREATE TABLE more (x int)");
        database.sql_as_app("CREATE TABLE t (x int); INSERT INTO t VALUES (1)");
        comes_back(&database, &["plain"], "DROP TABLE t");
    }
}

#[test]
fn a_thousand_tables_come_back() {
    for database in both() {
        let table = |i: u32| format!("CREATE TABLE t{i} (x int); INSERT INTO t{i} VALUES ({i});\n");
        let tables: String = (0..1000).map(table).collect();
        database.sql_as_app(&match database.engine() {
            Engine::Postgres => format!("BEGIN; {tables} COMMIT"),
            Engine::Mariadb => tables,
        });
        comes_back(&database, &["plain"], "DELETE FROM t7; DROP TABLE t8");
    }
}

#[test]
fn large_blobs_of_postgresql_come_back_in_little_memory() {
    let database = Postgres::shared().fresh_creator();
    let fill = "INSERT INTO blobs SELECT i, decode(repeat(md5(i::text), 65536), 'hex') FROM generate_series";
    database.sql_as_app(&format!("CREATE TABLE blobs (id int, b bytea); {fill}(1, 10) i"));
    comes_back(&database, &["plain", "custom"], "DELETE FROM blobs WHERE id > 1");
    database.sql_as_app(&format!("{fill}(11, {}) i", blobs()));
    comes_back(&database, &["plain"], "DELETE FROM blobs WHERE id > 1");
}

#[test]
fn large_blobs_of_mariadb_come_back_in_little_memory() {
    let database = Mariadb::shared().fresh_creator();
    let fill = "INSERT INTO blobs SELECT seq, REPEAT(UNHEX(MD5(seq)), 65536) FROM seq";
    database.sql_as_app(&format!("CREATE TABLE blobs (id int, b longblob); {fill}_1_to_10"));
    comes_back(&database, &["plain"], "DELETE FROM blobs WHERE id > 1");
    database.sql_as_app(&format!("{fill}_11_to_{}", blobs()));
    comes_back(&database, &["plain"], "DELETE FROM blobs WHERE id > 1");
}

#[test]
fn large_blobs_of_sqlite_come_back_in_little_memory() {
    let sandbox = server::server("CREATE TABLE blobs (id INTEGER PRIMARY KEY, b BLOB)");
    let path = sandbox.path(server::DATABASE);
    for number in [10, blobs()] {
        server::fill(
            &path,
            &format!(
                "DELETE FROM blobs; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {number})
                 INSERT INTO blobs SELECT i, randomblob(1000000) FROM n"
            ),
        );
        let good = hashes(&sandbox, &path);
        let set = measured(&sandbox, "backup-db", &[]);
        server::fill(&path, "UPDATE blobs SET b = x'00'");
        assert_ne!(hashes(&sandbox, &path), good);
        measured(&sandbox, "restore-db", &["--yes", &set]);
        assert!(hashes(&sandbox, &path) == good);
        sandbox.program("/bin/sh".as_ref()).args(["-c", "sqlite3 \"$0\" .dump >dump.sql"]).arg(&path).check();
        server::fill(&path, "UPDATE blobs SET b = x'00'");
        measured(&sandbox, "restore-db", &["--yes", "--unverified", "dump.sql"]);
        assert!(hashes(&sandbox, &path) == good);
    }
}

/// The rows of a SQLite database as `sha3sum` of `sqlite3` sees them.
fn hashes(sandbox: &Sandbox, path: &Path) -> String {
    sandbox.program("sqlite3".as_ref()).arg(path).arg(".sha3sum").any_stdout().check().stdout
}
