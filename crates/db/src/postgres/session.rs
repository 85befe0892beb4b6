//! A conversation with a server, through `psql`: questions go in by a pipe, answers come out with a NUL behind each value,
//! which no text in a database can hold.

use std::fs::File;
use std::io::{self, PipeWriter, Read, Write};
use std::os::fd::OwnedFd;

use kit::process::{Ended, Producer, Program};
use kit::{Attempt, Exit, Failure};

use crate::deadline::Deadline;
use crate::postgres::trouble;

/// An open connection. It ends when this is dropped, and what it began is undone then.
#[derive(Debug)]
pub(crate) struct Session {
    psql: Option<Producer>,
    orders: PipeWriter,
    end: String,
    read: Vec<u8>,
    doing: String,
}

/// What psql is told before its first statement: to stop at the first error, and how to print.
const ARGUMENTS: [&str; 10] = [
    "--no-psqlrc",
    "--no-password",
    "--quiet",
    "--no-align",
    "--tuples-only",
    "--field-separator-zero",
    "--record-separator-zero",
    "--set=ON_ERROR_STOP=1",
    "--set=VERBOSITY=verbose",
    "--file=-",
];

impl Session {
    /// Connects; else how psql ended, whose words say why. `doing` is the end of the sentence that a failure becomes:
    /// `postgres://db/app`.
    pub(crate) fn open(psql: Program, doing: &str, deadline: &Deadline) -> Result<Result<Self, Ended>, Failure> {
        deadline.check()?;
        let (theirs, orders) = io::pipe().attempt("make a pipe")?;
        let psql = psql
            .args(ARGUMENTS)
            .env("PGCLIENTENCODING", "UTF8")
            .stdin(OwnedFd::from(theirs).into())
            .deadline(deadline.remaining());
        let end = random_key()?;
        let mut session =
            Self { psql: Some(psql.produce()?), orders, end, read: Vec::new(), doing: format!("connect to {doing}") };
        // A query that nobody waits for any more ends by itself, and a snapshot is held as long as it is needed.
        let milliseconds = deadline.remaining().as_millis().clamp(1, i32::MAX.unsigned_abs().into());
        let preamble = format!(
            "SET statement_timeout = {milliseconds}; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; \
             SET client_min_messages = error; SET search_path = pg_catalog; SET row_security = off;"
        );
        session.tell(&preamble)?;
        if session.fetch()?.is_none() {
            return session.end().map(Err);
        }
        session.doing = format!("ask {doing}");
        Ok(Ok(session))
    }

    /// Asks, and waits for the rows, each with so many values.
    pub(crate) fn ask(&mut self, sql: &str, columns: usize) -> Result<Vec<Vec<String>>, Failure> {
        self.tell(sql)?;
        self.answer(columns)
    }

    /// Asks for one value. NULL is an empty text.
    pub(crate) fn value(&mut self, sql: &str) -> Result<String, Failure> {
        Ok(self.ask(sql, 1)?.pop().and_then(|mut row| row.pop()).unwrap_or_default())
    }

    /// Asks, for an answer that is fetched later. The question is short enough for a pipe, so nothing waits here.
    pub(crate) fn tell(&mut self, sql: &str) -> Result<(), Failure> {
        let written = self.orders.write_all(format!("{sql}\n\\echo {}\n", self.end).as_bytes());
        match written {
            // It has ended: the answer says why.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written.attempt("write to psql"),
        }
    }

    /// Waits a moment, and says whether there is an answer by now. A connection that is lost has one too: that it is lost.
    pub(crate) fn has_answered(&self) -> Result<bool, Failure> {
        self.psql.as_ref().map_or(Ok(true), Producer::is_ready).attempt("wait for psql")
    }

    /// Waits for the rows of the oldest question that has not been answered.
    pub(crate) fn answer(&mut self, columns: usize) -> Result<Vec<Vec<String>>, Failure> {
        let Some(rows) = self.fetch()? else {
            return Err(self.end().map_or_else(|failure| failure, |ended| trouble::failure(&self.doing, &ended)));
        };
        let mut values: Vec<String> = rows.split('\0').map(str::to_owned).collect();
        // A NUL stands behind the last one too.
        values.pop();
        Ok(values.chunks(columns).map(<[String]>::to_vec).collect())
    }

    /// What psql prints for the oldest question; `None` once it has ended.
    fn fetch(&mut self) -> Result<Option<String>, Failure> {
        let end = format!("{}\n", self.end);
        let mut chunk = [0; 1 << 14];
        loop {
            if let Some(rows) = self.read.strip_suffix(end.as_bytes()) {
                let rows = String::from_utf8_lossy(rows).into_owned();
                self.read.clear();
                return Ok(Some(rows));
            }
            match self.psql.as_mut().map(|psql| psql.read(&mut chunk)) {
                Some(Ok(length @ 1..)) => self.read.extend(chunk.iter().take(length)),
                // It may be well, and wait for the next question for ever.
                Some(Err(error)) if error.kind() != io::ErrorKind::TimedOut => {
                    drop(self.psql.take());
                    return Err(Failure::io(&self.doing, &error));
                }
                _ => return Ok(None),
            }
        }
    }

    /// How psql has ended, or is ended now because its time is up.
    fn end(&mut self) -> Result<Ended, Failure> {
        self.psql.take().map_or_else(
            || Err(Failure::new(Exit::UNAVAILABLE, format!("cannot {}: the connection is lost", self.doing))),
            Producer::finish,
        )
    }

    /// Ends it in good order.
    pub(crate) fn close(self) -> Result<(), Failure> {
        drop(self.orders);
        match self.psql.map(Producer::finish).transpose()? {
            Some(ended) if !ended.status.is_success() => Err(trouble::failure(&self.doing, &ended)),
            _ => Ok(()),
        }
    }
}

/// A text that nobody can have foreseen: 32 hexadecimal digits.
pub(crate) fn random_key() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).attempt("read /dev/urandom")?;
    Ok(format!("{:032x}", u128::from_le_bytes(bytes)))
}
