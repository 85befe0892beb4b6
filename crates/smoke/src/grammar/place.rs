//! Where in a checks file something stands.

use std::fmt::{self, Display};
use std::ops::Range;

/// A place; lines and columns count characters from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    line: usize,
    column: usize,
}

impl Place {
    /// Where a span of the text begins.
    pub(crate) fn of(text: &str, span: &Range<usize>) -> Self {
        let before = text.get(..span.start).unwrap_or_default();
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self { line: before.matches('\n').count() + 1, column }
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn lines_and_columns_count_characters_from_1() {
        let text = "größe = 1\nname = 2\n";
        for (at, place) in
            [(0, "line 1, column 1"), (10, "line 1, column 9"), (12, "line 2, column 1"), (99, "line 1, column 1")]
        {
            assert_eq!(Place::of(text, &(at..at)).to_string(), place, "{at}");
        }
    }
}
