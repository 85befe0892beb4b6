//! A question to a live database, in a transaction that can only read, through `psql`.

use std::path::PathBuf;

use kit::process::Program;
use kit::{Exit, Failure};

use crate::address::Address;
use crate::answer::{Answer, Place, Printed, Reply, too_much};
use crate::deadline::Deadline;
use crate::postgres::client::any_psql;
use crate::postgres::session::random_key;
use crate::postgres::{connection, trouble};

/// What psql is told before its first statement: to stop at the first error, to hold no more than some rows at a time, and how
/// to print.
const ARGUMENTS: [&str; 9] = [
    "--no-psqlrc",
    "--no-password",
    "--quiet",
    "--no-align",
    "--tuples-only",
    "--record-separator-zero",
    "--set=ON_ERROR_STOP=1",
    "--set=VERBOSITY=verbose",
    "--set=FETCH_COUNT=1000",
];

/// Whom to ask, and with which program.
#[derive(Debug)]
pub struct Asker {
    psql: PathBuf,
    address: Address,
}

impl Asker {
    /// Refuses an address that says what no client understands: 78.
    pub fn check(address: &Address) -> Result<(), Failure> {
        connection::lead(Program::at("psql"), address).map(drop)
    }

    /// Finds a client: 69 when none is installed.
    pub fn find(address: &Address) -> Result<Self, Failure> {
        Ok(Self { psql: any_psql()?, address: address.clone() })
    }

    /// Asks one query. A failure is ours: the client cannot be started, say.
    pub fn ask(&self, sql: &str, places: &[Place], deadline: &Deadline) -> Result<Reply, Failure> {
        let doing = format!("ask {}", self.address);
        // No value holds a text that nobody can foresee.
        let (column, null) = (random_key()?, random_key()?);
        // A query that nobody waits for any more ends by itself.
        let milliseconds = deadline.remaining().as_millis().clamp(1, i32::MAX.unsigned_abs().into());
        let psql = connection::lead(Program::at(&self.psql), &self.address)?
            .args(ARGUMENTS)
            .arg(format!("--field-separator={column}"))
            .arg(format!("--pset=null={null}"))
            .arg(format!("--command=SET statement_timeout = {milliseconds}"))
            .arg("--command=SET default_transaction_read_only = on; SET client_min_messages = error")
            .arg("--command=BEGIN TRANSACTION READ ONLY")
            // What begins with a blank is no command to psql itself, whatever follows.
            .arg(format!("--command= {sql}"))
            .env("PGCLIENTENCODING", "UTF8")
            .deadline(deadline.remaining());
        let (printed, ended) = match Printed::of(psql.produce()?)? {
            Printed::All(printed, ended) => (printed, ended),
            Printed::TooMuch => return Ok(too_much(&doing)),
        };
        if !ended.status.is_success() {
            let failure = trouble::failure(&doing, &ended);
            return Ok(if failure.exit == Exit::DEADLINE { Reply::Late } else { Reply::Refused(failure.message) });
        }
        Ok(Reply::Answer(Answer::of(&rows(&printed, &column, &null), places)))
    }
}

/// A NUL stands behind each row.
fn rows(printed: &[u8], column: &str, null: &str) -> Vec<Vec<Option<String>>> {
    let printed = String::from_utf8_lossy(printed);
    let value = |value: &str| (value != null).then(|| value.to_owned());
    let rows = printed.split_terminator('\0');
    rows.map(|row| row.split(column).map(value).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::rows;

    #[test]
    fn rows_end_with_nul_and_null_is_no_empty_text() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(rows(b"1|\0\n|N\0", "|", "N"), [vec![text("1"), text("")], vec![text("\n"), None]]);
        assert!(rows(b"", "|", "N").is_empty());
    }
}
