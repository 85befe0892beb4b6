//! A SQLite database: what a query gives, and whether the file is sound. It is only read.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use db::sqlite::{Asked, is_one_statement, size};
use db::{Answer, Deadline, Place, Url};
use kit::{Exit, Failure};
use rustix::fs::{Access, access};

use crate::database::rows::{Rows, RowsAssertion};
use crate::finding::{Finding, unseen};
use crate::grammar::cursor::{Cursor, Wrong};
use crate::grammar::expectation::{Assertion, Expectations};
use crate::grammar::keys::Keys;
use crate::grammar::relation::Relation;
use crate::grammar::text::excerpt;
use crate::kind::Subject;
use crate::trial::Conditions;

/// A check of a database.
#[derive(Debug)]
struct Database {
    path: PathBuf,
    query: Option<String>,
    expectations: Expectations<DataAssertion>,
}

/// What was seen of a database.
#[derive(Debug)]
pub(crate) struct Data {
    rows: Rows,
    /// `ok`, or what is wrong; only when it was asked for.
    integrity: String,
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
    let needs_query = expectations.assertions().any(|one| matches!(one, DataAssertion::Rows(one) if one.needs_query()));
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
            Ok(data) => self.expectations.find(&data, |data| self.spell_seen(data)),
            Err(failure) => Finding::bad(failure.message),
        }
    }
}

impl Database {
    fn ask(&self, path: &Path, timeout: Duration) -> Result<Data, Failure> {
        let began = Instant::now();
        let asked = Asked::open(path, &Deadline::after(timeout))?;
        let places: Vec<Place> = self.expectations.assertions().filter_map(DataAssertion::place).collect();
        let answer = match &self.query {
            Some(query) => asked.rows(query, &places)?,
            None => Answer { rows: 0, columns: 0, cells: Vec::new() },
        };
        let integrity = if self.looks_at_integrity() { asked.integrity()? } else { String::new() };
        Ok(Data { rows: Rows::new(answer, places, began.elapsed()), integrity })
    }

    fn looks_at_integrity(&self) -> bool {
        self.expectations.assertions().any(|assertion| matches!(assertion, DataAssertion::Integrity))
    }

    fn spell_seen(&self, data: &Data) -> String {
        let rows = self.query.as_ref().map(|_| data.rows.size());
        let sound = self.looks_at_integrity().then(|| "sound".to_owned());
        let seen: Vec<String> = rows.into_iter().chain(sound).collect();
        format!("{}, {} ms", seen.join(", "), data.rows.took().as_millis())
    }
}

/// What can be asserted of a database.
#[derive(Clone, Debug)]
pub(crate) enum DataAssertion {
    /// What the query gives.
    Rows(RowsAssertion),
    /// `integrity == "ok"`
    Integrity,
}

impl DataAssertion {
    fn place(&self) -> Option<Place> {
        match self {
            Self::Rows(rows) => rows.place(),
            Self::Integrity => None,
        }
    }
}

impl Assertion for DataAssertion {
    type Seen = Data;

    const WORDS: &'static str = "rows, count, integrity or time (a sqlite check)";

    fn read(word: &str, cursor: &mut Cursor<'_>) -> Option<Result<Self, Wrong>> {
        match word {
            "integrity" => Some(read_integrity(cursor)),
            word => Some(RowsAssertion::read(word, cursor)?.map(Self::Rows)),
        }
    }

    fn judge(&self, data: &Data) -> Result<(), String> {
        match self {
            Self::Rows(rows) => rows.judge(&data.rows),
            Self::Integrity if data.integrity == "ok" => Ok(()),
            Self::Integrity => Err(format!("the database is damaged: {}", excerpt(&data.integrity))),
        }
    }
}

fn read_integrity(cursor: &mut Cursor<'_>) -> Result<DataAssertion, Wrong> {
    Relation::read(cursor, &[Relation::Equal])?;
    let here = cursor.here();
    match cursor.quoted() {
        Ok(text) if text == "ok" => Ok(DataAssertion::Integrity),
        _ => Err(here.wrong("\"ok\"")),
    }
}
