//! What a query gives, whichever engine was asked.

use std::io::{self, Read};

use kit::process::{Ended, Producer};
use kit::{Attempt, Failure};

/// How much a client program may print, in bytes: a query that is looked at by a program gives little, and one without end
/// must not fill the memory.
const PRINTED: usize = 4 << 20;

/// Where a value stands in an answer: row and column, from 0.
pub type Place = (usize, usize);

/// One value of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// `NULL`
    Null,
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Real(f64),
    /// A text; what is not UTF-8 in it is replaced.
    Text(String),
    /// What a client program printed of a value whose type it does not tell.
    Printed(String),
    /// So many bytes.
    Blob(usize),
}

/// What a query gives: the number of its rows and columns, and the values that were asked for, where there are any.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// How many rows there are.
    pub rows: usize,
    /// How many columns each of them has; 0 where there is no row that tells.
    pub columns: usize,
    /// The values at the places, in their order.
    pub cells: Vec<Option<Cell>>,
}

impl Answer {
    /// Of all rows only what is asked for.
    pub(crate) fn of(rows: &[Vec<Option<String>>], places: &[Place]) -> Self {
        let cell = |(row, column): &Place| {
            let value = rows.get(*row)?.get(*column)?;
            Some(value.clone().map_or(Cell::Null, Cell::Printed))
        };
        let cells = places.iter().map(cell).collect();
        Self { rows: rows.len(), columns: rows.first().map_or(0, Vec::len), cells }
    }
}

/// What became of a question to a server.
#[derive(Debug)]
pub enum Reply {
    /// It was answered.
    Answer(Answer),
    /// It was not answered in time.
    Late,
    /// The server was not reached, refused, or gave more than is read: why, without a secret.
    Refused(String),
}

/// How a client program ended, and all that it printed.
pub(crate) enum Printed {
    All(Vec<u8>, Ended),
    TooMuch,
}

impl Printed {
    /// Reads it to its end.
    pub(crate) fn of(mut client: Producer) -> Result<Self, Failure> {
        let mut printed = Vec::new();
        let limit = u64::try_from(PRINTED).unwrap_or(u64::MAX);
        match client.by_ref().take(limit + 1).read_to_end(&mut printed) {
            // How it ended says that it took too long.
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
            read => drop(read.attempt("read what a database client prints")?),
        }
        if printed.len() > PRINTED {
            return Ok(Self::TooMuch);
        }
        Ok(Self::All(printed, client.finish()?))
    }
}

/// The sentence for an answer that is too long.
pub(crate) fn too_much(doing: &str) -> Reply {
    Reply::Refused(format!("cannot {doing}: the query gives more than {} MiB", PRINTED >> 20))
}
