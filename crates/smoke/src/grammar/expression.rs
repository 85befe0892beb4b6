//! Regular expressions that are looked for in foreign texts, at a bounded cost.

use regex_lite::{Regex, RegexBuilder};

use crate::grammar::cursor::{Cursor, Wrong};
use crate::grammar::text::Seen;

/// How large a regular expression may become, in bytes.
const PATTERN: usize = 1 << 14;

/// How much a look for a pattern may cost: its size times that of the text, for each byte of the one takes the longer, the larger
/// the other. This is a second of a slow machine. Nothing interrupts it.
const COST: usize = 1 << 30;

/// A regular expression that is looked for in the beginning of a text only: the larger it is, the shorter that is.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    regex: Regex,
    reach: usize,
}

impl Expression {
    /// Reads it in quotes, the rest of the line.
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Wrong> {
        let here = cursor.here();
        let text = cursor.quoted_as_is()?;
        let build = |size: usize| RegexBuilder::new(&text).size_limit(size).build().map(|regex| (regex, COST / size));
        // It does not tell its size, but whether it has room in one.
        let sizes = (10..).map(|power| 1 << power).take_while(|size| *size < PATTERN);
        let small = sizes.map(build).find_map(Result::ok);
        let (regex, reach) = small
            .map_or_else(|| build(PATTERN), Ok)
            .map_err(|wrong| here.wrong(format_args!("a regular expression ({wrong})")))?;
        Ok(Self { regex, reach })
    }

    /// How many groups it has.
    pub(crate) fn groups(&self) -> usize {
        // The whole match counts as one.
        self.regex.captures_len() - 1
    }

    /// What its first group finds; the error says why it finds nothing in what is called so.
    pub(crate) fn first_group(&self, what: &str, seen: Seen<'_>) -> Result<String, String> {
        let seen = seen.within(self.reach);
        let groups = self.regex.captures(seen.text);
        let all = groups.as_ref().and_then(|groups| groups.get(0));
        seen.has(all.map(|all| all.end())).map_err(|why| format!("{what} {why}"))?;
        let found = groups.and_then(|groups| groups.get(1));
        found.map(|found| found.as_str().to_owned()).ok_or_else(|| format!("{what} does not match"))
    }

    /// Whether it is in a text; the error says why nobody knows.
    pub(super) fn find(&self, seen: Seen<'_>) -> Result<bool, &'static str> {
        let seen = seen.within(self.reach);
        seen.has(self.regex.find(seen.text).map(|found| found.end()))
    }
}

#[cfg(test)]
mod tests {
    use super::Expression;
    use crate::grammar::cursor::Cursor;
    use crate::grammar::text::{CUT, Seen};

    #[test]
    fn what_is_found_at_the_place_of_a_cut_is_not_captured() {
        let group = |line: &str| {
            let seen = Seen::new("id=12 of=34", true);
            Expression::read(&mut Cursor::new(line)).unwrap().first_group("it", seen)
        };
        assert_eq!(group("'id=(\\d+)'"), Ok("12".to_owned()));
        assert_eq!(group("'of=(\\d+)'"), Err(format!("it {CUT}")));
        assert_eq!(group("'no=(\\d+)'"), Err(format!("it {CUT}")));
        assert_eq!(group("'(y)?id'"), Err("it does not match".to_owned()));
    }
}
