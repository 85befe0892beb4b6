//! A question to a live database that changes nothing, not even what a killed program left to be rolled back.

use std::path::Path;
use std::time::Duration;

use kit::{Exit, Failure};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Statement};

use crate::answer::{Answer, Cell, Place};
use crate::deadline::Deadline;
use crate::sqlite::connection::{Access, explain, needs_recovery, open, patiently, touch};

/// How much memory SQLite may take for the questions of a process (`PRAGMA hard_heap_limit`), in bytes: a value of a
/// gigabyte must not be read whole.
const HEAP: u32 = 128 << 20;

/// A database that is open for questions.
#[derive(Debug)]
pub struct Asked {
    connection: Connection,
    doing: String,
    deadline: Deadline,
}

impl Asked {
    /// Opens a database read-only. Whatever others do with it, the deadline holds: 65 when it is no database, 75 when
    /// it stays locked, 124 when the deadline passes.
    pub fn open(path: &Path, deadline: &Deadline) -> Result<Self, Failure> {
        let doing = format!("ask {}", path.display());
        let connection = open(path, Access::Read, deadline)?;
        // SQLite would wait for five seconds of its own and look at no deadline; we try again ourselves.
        let prepared = connection.busy_timeout(Duration::ZERO).and_then(|()| {
            connection.execute_batch(&format!("PRAGMA query_only = ON; PRAGMA hard_heap_limit = {HEAP}"))
        });
        prepared.map_err(|error| explain(&doing, &error))?;
        if !patiently(&doing, deadline, || touch(&connection).map(|()| true).or_else(needs_recovery))? {
            let message =
                format!("cannot {doing}: a program was killed in a transaction, which must be rolled back first");
            return Err(Failure::new(Exit::DAMAGED, message).hint("the next program that writes to it does that"));
        }
        Ok(Self { connection, doing, deadline: *deadline })
    }

    /// Asks one query and reads all its rows; 78 when it is no query, or would change something.
    pub fn rows(&self, sql: &str, places: &[Place]) -> Result<Answer, Failure> {
        let mut statement = patiently(&self.doing, &self.deadline, || self.connection.prepare(sql))?;
        // VACUUM INTO and ATTACH, say, would make files even here.
        if !statement.readonly() || statement.column_count() == 0 {
            return Err(Failure::new(Exit::SETTINGS, "the query does not only read"));
        }
        patiently(&self.doing, &self.deadline, || read(&mut statement, places))
    }

    /// `ok`, or the first thing that is wrong with the database (`PRAGMA integrity_check`).
    pub fn integrity(&self) -> Result<String, Failure> {
        patiently(&self.doing, &self.deadline, || {
            // The app's own constraints may call functions that only the app has.
            self.connection.execute_batch("PRAGMA ignore_check_constraints = ON")?;
            self.connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        })
    }
}

fn read(statement: &mut Statement<'_>, places: &[Place]) -> rusqlite::Result<Answer> {
    let columns = statement.column_count();
    let mut answer = Answer { rows: 0, columns, cells: vec![None; places.len()] };
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for (place, cell) in places.iter().zip(&mut answer.cells) {
            if place.0 == answer.rows && place.1 < columns {
                *cell = Some(Cell::of(row.get_ref(place.1)?));
            }
        }
        answer.rows += 1;
    }
    Ok(answer)
}

impl Cell {
    fn of(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Integer(number),
            ValueRef::Real(number) => Self::Real(number),
            ValueRef::Text(text) => Self::Text(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Blob(bytes) => Self::Blob(bytes.len()),
        }
    }
}

/// Whether a text is exactly one statement, as far as its semicolons tell: what is in quotes or comments does not count.
#[must_use]
pub fn is_one_statement(sql: &str) -> bool {
    let (mut rest, mut ended, mut words) = (sql, false, false);
    while let Some(first) = rest.chars().next() {
        let length = token(rest);
        match first {
            _ if rest.starts_with("--") || rest.starts_with("/*") || first.is_whitespace() => {}
            ';' => ended = true,
            _ if ended => return false,
            _ => words = true,
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    words
}

/// The length of what `sql` begins with: something in quotes, a comment, or one character.
fn token(sql: &str) -> usize {
    let first = sql.chars().next().map_or(0, char::len_utf8);
    let end = [("'", "'"), ("\"", "\""), ("`", "`"), ("[", "]"), ("--", "\n"), ("/*", "*/")];
    let Some((opening, closing)) = end.into_iter().find(|(opening, _)| sql.starts_with(opening)) else {
        return first;
    };
    let inside = sql.get(opening.len()..).unwrap_or_default();
    inside.find(closing).map_or(sql.len(), |at| opening.len() + at + closing.len())
}

#[cfg(test)]
mod tests {
    use super::{Answer, Asked, Cell, is_one_statement};
    use crate::deadline::Deadline;
    use rusqlite::Connection;
    use std::time::Duration;

    fn ask(sql: &str, places: &[(usize, usize)]) -> Result<Answer, u8> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let setup = "CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 'x'), (2.5, x'00ff'), (NULL, 'a;b')";
        Connection::open(&path).unwrap().execute_batch(setup).unwrap();
        let asked = Asked::open(&path, &Deadline::after(Duration::from_secs(60))).unwrap();
        asked.rows(sql, places).map_err(|failure| failure.exit.code())
    }

    #[test]
    fn only_the_values_that_are_asked_for_are_kept() {
        let places = [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (3, 0), (0, 2)];
        let answer = ask("SELECT a, b FROM t", &places).unwrap();
        let text = |text: &str| Some(Cell::Text(text.to_owned()));
        let cells = [Some(Cell::Integer(1)), Some(Cell::Real(2.5)), Some(Cell::Blob(2)), Some(Cell::Null), text("a;b")];
        assert_eq!((answer.rows, answer.columns), (3, 2));
        assert_eq!(answer.cells, [&cells[..], &[None, None]].concat());
    }

    #[test]
    fn nothing_but_a_query_is_asked() {
        for sql in
            ["DELETE FROM t", "VACUUM INTO '/dev/null/x'", "BEGIN", "ATTACH '/nowhere' AS x", "PRAGMA journal_mode=WAL"]
        {
            assert_eq!(ask(sql, &[]), Err(78), "{sql}");
        }
        assert_eq!(ask("SELECT * FROM nowhere", &[]), Err(74));
        assert_eq!(ask("SELECT length(randomblob(900000000))", &[]), Err(74), "more memory than there is for it");
    }

    #[test]
    fn semicolons_in_quotes_and_comments_end_nothing() {
        for one in [
            "select 1",
            "select 1;",
            " select 1 ; -- done; or not\n",
            "select ';', \"a;\", [b;], `c;` /* ; */",
            "select 'it''s;'",
        ] {
            assert!(is_one_statement(one), "{one}");
        }
        for other in ["", " ; ", "-- select 1", "select 1; select 2", "select 1;;delete from t", "select '';x"] {
            assert!(!is_one_statement(other), "{other}");
        }
    }
}
