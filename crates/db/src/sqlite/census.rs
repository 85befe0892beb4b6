//! Whether a database is sound, and what it holds.

use std::path::Path;

use kit::{Exit, Failure};
use rusqlite::{Connection, Error};

use crate::deadline::Deadline;
use crate::manifest::Census;
use crate::sqlite::connection::{Access, open, open_live, patiently};

/// Checks a database through and through (`PRAGMA quick_check`) and counts the rows of its tables: 65 when it is
/// damaged.
///
/// The copy must be ours alone: a database in WAL mode makes its `-wal` and `-shm` beside it and takes them away again.
pub fn inspect(path: &Path, deadline: &Deadline) -> Result<Census, Failure> {
    let connection = open(path, Access::Write, deadline)?;
    check(&connection, path, deadline)?;
    count(&connection, path, deadline)
}

/// The same for a database that others use, which is only read.
pub fn inspect_live(path: &Path, deadline: &Deadline) -> Result<Census, Failure> {
    let connection = open_live(path, deadline)?;
    check(&connection, path, deadline)?;
    count(&connection, path, deadline)
}

fn check(connection: &Connection, path: &Path, deadline: &Deadline) -> Result<(), Failure> {
    let doing = format!("check {}", path.display());
    // A row that breaks one of the app's own CHECK constraints is no damage, and may call functions that only the app has.
    let answer: String = patiently(&doing, deadline, || {
        connection.execute_batch("PRAGMA ignore_check_constraints = ON")?;
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
    })?;
    if answer == "ok" {
        Ok(())
    } else {
        let answer = answer.split_whitespace().collect::<Vec<_>>().join(" ");
        Err(Failure::new(Exit::DAMAGED, format!("{} is damaged: {answer}", path.display())))
    }
}

/// Counts the rows of ordinary tables and of virtual ones whose module is at hand. The shadow tables behind a virtual
/// table are its own affair, as are SQLite's (`sqlite_sequence` …).
pub(crate) fn count(connection: &Connection, path: &Path, deadline: &Deadline) -> Result<Census, Failure> {
    let doing = format!("count the rows of {}", path.display());
    patiently(&doing, deadline, || {
        // One transaction, so that the counts belong together.
        let transaction = connection.unchecked_transaction()?;
        let mut census = Census::new();
        for table in tables(&transaction)? {
            match rows(&transaction, &table) {
                Ok(rows) => drop(census.insert(table, rows)),
                Err(error) if lacks_module(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(census)
    })
}

fn tables(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(
        "SELECT name FROM pragma_table_list \
         WHERE schema = 'main' AND type IN ('table', 'virtual') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )?;
    let names = statement.query_map([], |row| row.get(0))?;
    names.collect()
}

fn rows(connection: &Connection, table: &str) -> rusqlite::Result<u64> {
    let name = table.replace('"', "\"\"");
    let sql = format!("SELECT count(*) FROM main.\"{name}\"");
    let rows: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
    Ok(rows.unsigned_abs())
}

fn lacks_module(error: &Error) -> bool {
    error.to_string().starts_with("no such module")
}

#[cfg(test)]
mod tests {
    use super::inspect;
    use crate::deadline::Deadline;
    use crate::manifest::Census;
    use rusqlite::Connection;
    use std::time::Duration;

    fn census(sql: &str) -> Census {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        inspect(&path, &Deadline::after(Duration::from_secs(60))).unwrap()
    }

    #[test]
    fn names_with_quotes_spaces_and_umlauts_are_counted() {
        let found = census(
            "CREATE TABLE \"a \"\"b\"\" 'c'\"(x); INSERT INTO \"a \"\"b\"\" 'c'\" VALUES (1), (2);
             CREATE TABLE \"größe; DROP TABLE x\"(x); CREATE TABLE [ ](x); CREATE TABLE sqlitex(x);
             CREATE VIEW v AS SELECT 1",
        );
        let expected = [("a \"b\" 'c'", 2), ("größe; DROP TABLE x", 0), (" ", 0), ("sqlitex", 0)];
        assert_eq!(found, expected.map(|(name, rows)| (name.to_owned(), rows)).into());
    }

    #[test]
    fn a_virtual_table_counts_once_and_its_shadows_not_at_all() {
        let found = census("CREATE VIRTUAL TABLE docs USING fts5(text); INSERT INTO docs VALUES ('one'), ('two')");
        assert_eq!(found, [("docs".to_owned(), 2)].into());
    }

    #[test]
    fn a_table_whose_module_is_not_at_hand_stops_nothing() {
        let found = census(
            "CREATE TABLE t(x); PRAGMA writable_schema = ON;
             INSERT INTO sqlite_schema VALUES ('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING nowhere(x)')",
        );
        assert_eq!(found, [("t".to_owned(), 0)].into());
    }

    #[test]
    fn a_database_without_tables_is_sound() {
        assert_eq!(census("PRAGMA user_version = 7"), Census::new());
    }
}
