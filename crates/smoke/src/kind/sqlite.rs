//! A SQLite database: what a query gives, and whether the file is sound. It is only read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use db::sqlite::{Answer, Asked, Cell, Place, is_one_statement, size};
use db::{Deadline, Url};
use kit::{Exit, Failure};
use rustix::fs::{Access, access};
use serde_json::Value;

use crate::cursor::{Cursor, Wrong};
use crate::expectation::{Assertion, Expectations};
use crate::finding::{Finding, unseen};
use crate::keys::Keys;
use crate::kind::Subject;
use crate::relation::Relation;
use crate::text::{excerpt, spell};
use crate::trial::Conditions;

/// A check of a database.
#[derive(Debug)]
pub(crate) struct Database {
    path: PathBuf,
    query: Option<String>,
    expectations: Expectations<DataAssertion>,
}

/// What was seen of a database.
#[derive(Debug)]
pub(crate) struct Data {
    /// How many rows and columns the query gives.
    rows: usize,
    columns: usize,
    /// The values that are looked at.
    cells: BTreeMap<Place, Option<Cell>>,
    /// `ok`, or what is wrong; only when it was asked for.
    integrity: String,
    took: Duration,
}

/// Takes the keys of a sqlite check.
pub(crate) fn read(keys: &mut Keys<'_>) -> Result<Box<dyn Subject>, Failure> {
    let path = match keys.text("database")? {
        Some(path) if !path.is_empty() => path.into(),
        _ => default_path(keys)?,
    };
    let query = keys.literal("query")?;
    let expectations: Expectations<DataAssertion> = keys.expectations()?;
    let only_integrity = expectations.assertions().all(|one| matches!(one, DataAssertion::Integrity));
    let needs_query =
        expectations.assertions().any(|one| matches!(one, DataAssertion::Cell(..) | DataAssertion::Count(..)));
    let some_integrity = expectations.assertions().any(|one| matches!(one, DataAssertion::Integrity));
    match &query {
        None if needs_query || !some_integrity => {
            return Err(keys.wrong("`query` is missing: \"select count(*) from …\""));
        }
        Some(_) if only_integrity => return Err(keys.wrong_at("query", "no expectation looks at what `query` gives")),
        Some(query) if !is_one_statement(query) => return Err(keys.wrong_at("query", "`query` must be one statement")),
        _ => {}
    }
    Ok(Box::new(Database { path, query, expectations }))
}

/// The database of the settings.
fn default_path(keys: &Keys<'_>) -> Result<PathBuf, Failure> {
    let complain = |failure| keys.because("database", "its `database` is that of DATABASE_URL", failure);
    Url::require(keys.settings()).and_then(|url| url.require_file().map(ToOwned::to_owned)).map_err(complain)
}

impl Subject for Database {
    fn spell(&self) -> String {
        let path = self.path.display();
        self.query.as_ref().map_or_else(|| path.to_string(), |query| format!("{path}: {query}"))
    }

    fn look(&self, timeout: Duration, conditions: &Conditions) -> Finding {
        let path = conditions.dir.join(&self.path);
        match size(&path) {
            Ok(None) => return Finding::bad(format!("there is no database {}", path.display())),
            Ok(Some(0)) => return Finding::bad(format!("{} has no bytes, so it is no database", path.display())),
            Err(failure) if failure.exit == Exit::DAMAGED => return Finding::bad(failure.message),
            Err(failure) => return Finding::blind(failure),
            Ok(Some(_)) => {}
        }
        // Not opened to find out: to close it would take the locks of other checks away (fcntl(2)).
        if let Err(errno) = access(&path, Access::READ_OK) {
            return unseen(format_args!("read {}", path.display()), &errno.into());
        }
        match self.ask(&path, timeout) {
            Ok(data) => self.judge(&data),
            Err(failure) => Finding::bad(failure.message),
        }
    }
}

impl Database {
    fn ask(&self, path: &Path, timeout: Duration) -> Result<Data, Failure> {
        let began = Instant::now();
        let asked = Asked::open(path, &Deadline::after(timeout))?;
        let places = self.expectations.assertions().filter_map(|assertion| match assertion {
            DataAssertion::Cell(place, ..) => Some(*place),
            _ => None,
        });
        let places: Vec<Place> = places.collect();
        let answer = match &self.query {
            Some(query) => asked.rows(query, &places)?,
            None => Answer { rows: 0, columns: 0, cells: Vec::new() },
        };
        let integrity = if self.looks_at_integrity() { asked.integrity()? } else { String::new() };
        let cells = places.into_iter().zip(answer.cells).collect();
        Ok(Data { rows: answer.rows, columns: answer.columns, cells, integrity, took: began.elapsed() })
    }

    fn looks_at_integrity(&self) -> bool {
        self.expectations.assertions().any(|assertion| matches!(assertion, DataAssertion::Integrity))
    }

    fn judge(&self, data: &Data) -> Finding {
        match self.expectations.judge(data) {
            Ok(()) => {
                let rows = self.query.as_ref().map(|_| data.size());
                let sound = self.looks_at_integrity().then(|| "sound".to_owned());
                let seen: Vec<String> = rows.into_iter().chain(sound).collect();
                Finding::good(format!("{}, {} ms", seen.join(", "), data.took.as_millis()))
            }
            Err(instead) => Finding::bad(instead),
        }
    }
}

impl Data {
    fn size(&self) -> String {
        if self.rows == 1 { "1 row".to_owned() } else { format!("{} rows", self.rows) }
    }
}

/// What can be asserted of a database.
#[derive(Clone, Debug)]
pub(crate) enum DataAssertion {
    /// `rows[0][1] == "x"`
    Cell(Place, Relation, Value),
    /// `count == 3`
    Count(Relation, usize),
    /// `integrity == "ok"`
    Integrity,
    /// `time < 800ms`
    Time(Relation, Duration),
}

impl Assertion for DataAssertion {
    type Seen = Data;

    const WORDS: &'static str = "rows, count, integrity or time (a sqlite check)";

    fn read(word: &str, cursor: &mut Cursor<'_>) -> Option<Result<Self, Wrong>> {
        match word {
            "rows" => Some(read_cell(cursor)),
            "count" => Some(read_count(cursor)),
            "integrity" => Some(read_integrity(cursor)),
            "time" => Some(Relation::read_time(cursor).map(|(relation, limit)| Self::Time(relation, limit))),
            _ => None,
        }
    }

    fn judge(&self, data: &Data) -> Result<(), String> {
        match self {
            Self::Cell((row, column), relation, wanted) => {
                let place = format!("rows[{row}][{column}]");
                let Some(Some(cell)) = data.cells.get(&(*row, *column)) else {
                    let (size, columns) = (data.size(), data.columns);
                    return Err(format!("there is no {place} in {size} of {columns} columns"));
                };
                compare(cell, *relation, wanted).map_err(|seen| format!("{place} is {seen}"))
            }
            Self::Count(relation, wanted) if relation.holds(&data.rows, wanted) => Ok(()),
            Self::Count(..) => Err(format!("there are {}", data.size())),
            Self::Integrity if data.integrity == "ok" => Ok(()),
            Self::Integrity => Err(format!("the database is damaged: {}", excerpt(&data.integrity))),
            Self::Time(relation, limit) if relation.holds(&data.took, limit) => Ok(()),
            Self::Time(..) => Err(format!("the answer took {} ms", data.took.as_millis())),
        }
    }
}

/// Compares; the error is the value for a person.
fn compare(cell: &Cell, relation: Relation, wanted: &Value) -> Result<(), String> {
    let value = match cell {
        Cell::Null => Value::Null,
        Cell::Integer(number) => Value::from(*number),
        Cell::Real(number) => Value::from(*number),
        Cell::Text(text) => Value::from(text.as_str()),
        // It equals nothing that can be written here.
        Cell::Blob(length) => return Err(format!("a blob of {length} bytes")),
    };
    if relation.holds_between(&value, wanted) { Ok(()) } else { Err(spell(&value)) }
}

fn read_cell(cursor: &mut Cursor<'_>) -> Result<DataAssertion, Wrong> {
    let place = (read_index(cursor)?, read_index(cursor)?);
    let (relation, wanted) = Relation::read_value(cursor)?;
    Ok(DataAssertion::Cell(place, relation, wanted))
}

fn read_index(cursor: &mut Cursor<'_>) -> Result<usize, Wrong> {
    let here = cursor.clone();
    let expected = "a row and a column, as in rows[0][0]";
    let index = if cursor.take("[") { cursor.take_while(|c| c.is_ascii_digit()).parse().ok() } else { None };
    index.filter(|_| cursor.take("]")).ok_or_else(|| here.wrong(expected))
}

fn read_count(cursor: &mut Cursor<'_>) -> Result<DataAssertion, Wrong> {
    let relation = Relation::read(cursor, Relation::ANY)?;
    cursor.blanks();
    let here = cursor.clone();
    let expected = "a number of rows";
    let count = usize::try_from(cursor.number(expected)?).map_err(|_| here.wrong(expected))?;
    Ok(DataAssertion::Count(relation, count))
}

fn read_integrity(cursor: &mut Cursor<'_>) -> Result<DataAssertion, Wrong> {
    Relation::read(cursor, &[Relation::Equal])?;
    cursor.blanks();
    let here = cursor.clone();
    match cursor.quoted() {
        Ok(text) if text == "ok" => Ok(DataAssertion::Integrity),
        _ => Err(here.wrong("\"ok\"")),
    }
}
