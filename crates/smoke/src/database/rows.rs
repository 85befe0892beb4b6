//! What a query gives, and what is asserted of it, whichever database was asked.

use std::collections::BTreeMap;
use std::time::Duration;

use db::{Answer, Cell, Place};
use serde_json::Value;

use crate::grammar::cursor::{Cursor, Wrong};
use crate::grammar::expectation::Assertion;
use crate::grammar::quantity::counted;
use crate::grammar::relation::{Relation, as_compared};
use crate::grammar::text::spell;

/// The answer to a query.
#[derive(Debug)]
pub(crate) struct Rows {
    /// How many rows and columns the query gives.
    count: usize,
    columns: usize,
    /// The values that are looked at.
    cells: BTreeMap<Place, Option<Cell>>,
    took: Duration,
}

impl Rows {
    /// An answer with the values of these places.
    pub(crate) fn new(answer: Answer, places: Vec<Place>, took: Duration) -> Self {
        Self {
            count: answer.rows,
            columns: answer.columns,
            cells: places.into_iter().zip(answer.cells).collect(),
            took,
        }
    }

    /// How many there are, for a person.
    pub(crate) fn size(&self) -> String {
        counted(self.count, "row", "rows")
    }

    pub(crate) fn took(&self) -> Duration {
        self.took
    }

    fn spell(&self) -> String {
        if self.count == 0 { self.size() } else { format!("{} of {} columns", self.size(), self.columns) }
    }
}

/// What can be asserted of an answer.
#[derive(Clone, Debug)]
pub(crate) enum RowsAssertion {
    /// `rows[0][1] == "x"`
    Cell(Place, Relation, Value),
    /// `count == 3`
    Count(Relation, usize),
    /// `time < 800ms`
    Time(Relation, Duration),
}

impl RowsAssertion {
    /// The value that it looks at.
    pub(crate) const fn place(&self) -> Option<Place> {
        match self {
            Self::Cell(place, ..) => Some(*place),
            _ => None,
        }
    }

    /// Whether it looks at what a query gives.
    pub(crate) const fn needs_query(&self) -> bool {
        matches!(self, Self::Cell(..) | Self::Count(..))
    }
}

impl Assertion for RowsAssertion {
    type Seen = Rows;

    const WORDS: &'static str = "rows, count or time (a query)";

    fn read(word: &str, cursor: &mut Cursor<'_>) -> Option<Result<Self, Wrong>> {
        match word {
            "rows" => Some(read_cell(cursor)),
            "count" => Some(read_count(cursor)),
            "time" => Some(Relation::read_time(cursor).map(|(relation, limit)| Self::Time(relation, limit))),
            _ => None,
        }
    }

    fn judge(&self, seen: &Rows) -> Result<(), String> {
        match self {
            Self::Cell((row, column), relation, wanted) => {
                let place = format!("rows[{row}][{column}]");
                let Some(Some(cell)) = seen.cells.get(&(*row, *column)) else {
                    return Err(format!("there is no {place} in {}", seen.spell()));
                };
                compare(cell, *relation, wanted).map_err(|seen| format!("{place} is {seen}"))
            }
            Self::Count(relation, wanted) if relation.holds(&seen.count, wanted) => Ok(()),
            Self::Count(..) => Err(format!("there are {}", seen.size())),
            Self::Time(relation, limit) if relation.holds(&seen.took, limit) => Ok(()),
            Self::Time(..) => Err(format!("the answer took {} ms", seen.took.as_millis())),
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
        Cell::Printed(text) => as_compared(text, wanted),
        // It equals nothing that can be written here.
        Cell::Blob(length) => return Err(format!("a blob of {length} bytes")),
    };
    if relation.holds_between(&value, wanted) { Ok(()) } else { Err(spell(&value)) }
}

fn read_cell(cursor: &mut Cursor<'_>) -> Result<RowsAssertion, Wrong> {
    let place = (read_index(cursor)?, read_index(cursor)?);
    let (relation, wanted) = Relation::read_value(cursor)?;
    Ok(RowsAssertion::Cell(place, relation, wanted))
}

fn read_index(cursor: &mut Cursor<'_>) -> Result<usize, Wrong> {
    let here = cursor.clone();
    let expected = "a row and a column, as in rows[0][0]";
    let index = if cursor.take("[") { cursor.take_while(|c| c.is_ascii_digit()).parse().ok() } else { None };
    index.filter(|_| cursor.take("]")).ok_or_else(|| here.wrong(expected))
}

fn read_count(cursor: &mut Cursor<'_>) -> Result<RowsAssertion, Wrong> {
    let relation = Relation::read(cursor, Relation::ANY)?;
    let here = cursor.here();
    let expected = "a number of rows";
    let count = usize::try_from(cursor.number(expected)?).map_err(|_| here.wrong(expected))?;
    Ok(RowsAssertion::Count(relation, count))
}
