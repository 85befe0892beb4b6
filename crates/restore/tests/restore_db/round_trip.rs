use std::fs;

use rusqlite::Connection;

use crate::server::{DATABASE, backup, beside, fill, live, restored, server};

/// A bit of everything that a database can hold.
const EVERYTHING: &str = "
    CREATE TABLE \"users\"(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);
    INSERT INTO users(name) VALUES ('Zoë'), ('日本語'), ('🦀'), ('O''Hara'), ('\"quoted\"'), ('');
    CREATE TABLE \"größe \"\"in\"\" 'm²'; --\"(\"a b\" BLOB, \"select\");
    INSERT INTO \"größe \"\"in\"\" 'm²'; --\" VALUES (x'00ff00', NULL), (zeroblob(100000), 1e308), (randomblob(70000), -1);
    CREATE TABLE strict_one(x INTEGER) STRICT;
    CREATE TABLE keyed(k TEXT PRIMARY KEY, v) WITHOUT ROWID;
    INSERT INTO keyed VALUES ('a', 1), ('b', 2);
    CREATE TABLE computed(x, y GENERATED ALWAYS AS (x * 2) STORED); INSERT INTO computed(x) VALUES (21);
    CREATE INDEX by_name ON users(name COLLATE NOCASE);
    CREATE VIEW names AS SELECT name FROM users;
    CREATE TRIGGER t AFTER INSERT ON keyed BEGIN INSERT INTO strict_one VALUES (1); END;
    CREATE VIRTUAL TABLE docs USING fts5(body); INSERT INTO docs VALUES ('hello world'), ('good bye');
    CREATE VIRTUAL TABLE old_docs USING fts4(body); INSERT INTO old_docs VALUES ('hello');
    CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1); INSERT INTO boxes VALUES (1, 0, 2);
    PRAGMA user_version = 42; PRAGMA application_id = 7;
    ANALYZE;";

/// Everything in a database, as text: the schema, all rows, and what its pragmas say.
fn dump(path: &std::path::Path) -> String {
    let connection = Connection::open(path).unwrap();
    let mut dump = String::new();
    let mut queries = vec![
        "SELECT type, name, sql FROM sqlite_schema ORDER BY name".to_owned(),
        "SELECT user_version, application_id FROM pragma_user_version, pragma_application_id".to_owned(),
    ];
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let mut names = connection.prepare(sql).unwrap();
    let names = names.query_map([], |row| row.get::<_, String>(0)).unwrap();
    queries.extend(names.map(|name| format!("SELECT * FROM \"{}\"", name.unwrap().replace('"', "\"\""))));
    for query in queries {
        let mut statement = connection.prepare(&query).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                dump.push_str(&format!("{:?}|", row.get_ref(column).unwrap()));
            }
            dump.push('\n');
        }
    }
    dump
}

#[test]
fn everything_comes_back_in_every_journal_mode_and_page_size() {
    for (mode, page_size) in [("DELETE", 4096), ("WAL", 4096), ("DELETE", 512), ("WAL", 65536), ("TRUNCATE", 8192)] {
        let sandbox = server(&format!("PRAGMA page_size = {page_size}; PRAGMA journal_mode = {mode}; {EVERYTHING}"));
        let path = sandbox.path(DATABASE);
        let before = dump(&path);
        let set = backup(&sandbox);
        fill(&path, "DELETE FROM users; DROP TABLE docs; PRAGMA user_version = 43");
        assert_ne!(dump(&path), before);
        restored(&sandbox, &set);
        assert_eq!(dump(&path), before, "{mode} {page_size}");
        assert_eq!(live(&sandbox, "PRAGMA integrity_check"), "ok");
        assert_eq!(beside(&sandbox), ["app.sqlite"]);
        // The same where there is nothing any more.
        fs::remove_file(&path).unwrap();
        restored(&sandbox, &set);
        assert_eq!(dump(&path), before, "{mode} {page_size}");
        let stays = if mode == "WAL" { "wal" } else { "delete" };
        assert_eq!(live(&sandbox, "PRAGMA journal_mode"), stays);
        assert_eq!(live(&sandbox, "PRAGMA page_size"), page_size.to_string());
    }
}

#[test]
fn a_live_database_of_another_page_size_is_restored() {
    for mode in ["DELETE", "WAL"] {
        let sandbox = server("PRAGMA page_size = 1024; CREATE TABLE t(x); INSERT INTO t VALUES (1)");
        let set = backup(&sandbox);
        let path = sandbox.path(DATABASE);
        fill(&path, &format!("PRAGMA page_size = 8192; VACUUM; PRAGMA journal_mode = {mode}; DELETE FROM t"));
        let app = Connection::open(&path).unwrap();
        app.execute_batch("SELECT count(*) FROM t").unwrap();
        if mode == "WAL" {
            let run = crate::server::restore(&sandbox, &set).args(["--timeout", "300ms"]).code(75);
            run.stderr_has("hint: the backup has another page size").check();
            assert_eq!(live(&sandbox, "SELECT count(*) FROM t"), "0");
        }
        drop(app);
        restored(&sandbox, &set);
        assert_eq!(live(&sandbox, "SELECT count(*) FROM t"), "1");
        assert_eq!(live(&sandbox, "PRAGMA page_size"), "1024");
        assert_eq!(live(&sandbox, "PRAGMA journal_mode"), mode.to_lowercase());
    }
}

#[test]
fn a_program_that_keeps_the_database_open_sees_the_new_content() {
    for mode in ["DELETE", "WAL"] {
        let sandbox = server(&format!("PRAGMA journal_mode = {mode}; CREATE TABLE t(x); INSERT INTO t VALUES (1)"));
        let set = backup(&sandbox);
        let app = Connection::open(sandbox.path(DATABASE)).unwrap();
        app.execute_batch("ALTER TABLE t ADD COLUMN y; UPDATE t SET x = 2, y = 3").unwrap();
        let columns = || -> i64 {
            let sql = "SELECT count(*) FROM pragma_table_info('t')";
            app.query_row(sql, [], |row| row.get(0)).unwrap()
        };
        assert_eq!(columns(), 2);
        restored(&sandbox, &set);
        assert_eq!(columns(), 1);
        app.execute_batch("INSERT INTO t VALUES (5)").unwrap();
        assert_eq!(live(&sandbox, "SELECT group_concat(x) FROM t"), "1,5");
    }
}

#[test]
fn an_empty_database_comes_back_empty() {
    let sandbox = server("PRAGMA user_version = 1");
    let set = backup(&sandbox);
    fill(&sandbox.path(DATABASE), "CREATE TABLE t(x)");
    restored(&sandbox, &set);
    assert_eq!(live(&sandbox, "SELECT count(*) FROM sqlite_schema"), "0");
}

#[test]
fn a_restore_can_be_undone_by_the_backup_that_was_made_before_it() {
    let sandbox = server("CREATE TABLE t(x); INSERT INTO t VALUES (1)");
    let old = backup(&sandbox);
    fill(&sandbox.path(DATABASE), "UPDATE t SET x = 2");
    let new = backup(&sandbox);
    for (set, value) in [(&old, "1"), (&new, "2"), (&old, "1"), (&old, "1")] {
        restored(&sandbox, set);
        assert_eq!(live(&sandbox, "SELECT x FROM t"), value);
    }
}

#[test]
fn every_codec_gives_the_database_back_and_other_programs_read_it_too() {
    let sandbox = server(EVERYTHING);
    let before = dump(&sandbox.path(DATABASE));
    for (codec, suffix, reader) in [("gzip", ".gz", "gzip -dc"), ("zstd", ".zst", "zstd -dc"), ("none", "", "cat")] {
        let made = sandbox.tool("backup-db").args(["--compress", codec, "--threads", "3"]).any_stdout().check().stdout;
        let set = std::path::PathBuf::from(made.trim_end());
        sandbox.tool("backup-db").args(["verify", set.file_name().unwrap().to_str().unwrap()]).any_stdout().check();
        let stored = set.join(format!("database.sqlite{suffix}"));
        let copy = sandbox.path(format!("copy{suffix}"));
        let read = format!("{reader} {} >{}", stored.display(), copy.display());
        sandbox.program("/bin/sh".as_ref()).args(["-c", &read]).check();
        assert_eq!(dump(&copy), before, "{codec}");
        fill(&sandbox.path(DATABASE), "DELETE FROM users");
        restored(&sandbox, &set);
        assert_eq!(dump(&sandbox.path(DATABASE)), before, "{codec}");
    }
    let level = sandbox.tool("backup-db").args(["--compress", "zstd", "--level", "20"]).code(78);
    level.stderr_has("there is no level 20 of zstd\nhint: say --level 1 to 19").check();
}
