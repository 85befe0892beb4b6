//! A path into a JSON document (RFC 9535), such as `$.items[0].name`, and where it ends in a line.

use std::fmt::{self, Display};

use serde_json::Value;

use crate::grammar::cursor::{Cursor, Wrong};

/// How many brackets may stand in each other. Whoever reads and follows a path goes as deep: 340,000 overflowed the stack.
const DEEPEST: u32 = 32;

/// How many selectors the brackets of a path may have, multiplied: so many times it may find a value, and all that it finds is
/// in memory.
const SELECTORS: u32 = 16;

/// Where in a document values stand.
#[derive(Clone, Debug)]
pub(crate) struct JsonPath {
    path: serde_json_path::JsonPath,
    /// As it stands in the file: serde_json_path 0.7.2 spells `$..*` with three dots.
    written: String,
}

impl JsonPath {
    /// Reads a path and steps over it: it ends with the first blank or relation that is in no brackets and no quotes.
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Wrong> {
        let here = cursor.here();
        let mut nesting = Nesting::new();
        let text = cursor.take_while(|c| nesting.goes_on(c));
        if !text.starts_with('$') {
            return Err(here.wrong("a path such as $.status"));
        }
        if nesting.deepest > DEEPEST {
            return Err(here.wrong(format_args!("a path with at most {DEEPEST} brackets in each other")));
        }
        // Each `..` multiplies what is found by the depth of the document: `$..*..*..*` in 40 kB took all memory.
        if nesting.descents > 1 {
            return Err(here.wrong("a path with `..` at most once"));
        }
        if nesting.product > SELECTORS {
            let expected = format!("a path whose brackets, multiplied, have at most {SELECTORS} selectors");
            return Err(here.wrong(expected));
        }
        // Where a text ends within an escape, `$['\u`, serde_json_path 0.7.2 panics.
        if nesting.quote.is_some() {
            return Err(here.wrong("a path by RFC 9535 (a quote in it has no end)"));
        }
        match serde_json_path::JsonPath::parse(text) {
            Ok(path) => Ok(Self { path, written: text.to_owned() }),
            Err(error) => {
                let before =
                    text.char_indices().nth(error.position().saturating_sub(1)).map_or(text.len(), |(at, _)| at);
                let there = here.behind(before);
                Err(there.wrong(format_args!("a path by RFC 9535 ({})", error.message())))
            }
        }
    }

    /// The values there, in the order of the document.
    pub(crate) fn find<'a>(&self, document: &'a Value) -> Vec<&'a Value> {
        self.path.query(document).all()
    }
}

impl Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// How deep in brackets and quotes a path is, and how often it may find a value.
struct Nesting {
    brackets: u32,
    deepest: u32,
    quote: Option<char>,
    is_escaped: bool,
    is_behind_dot: bool,
    /// How often there is `..`.
    descents: u32,
    /// Of the selectors of the last bracket that began. One within another is taken for one behind it: that makes more of them.
    selectors: u32,
    /// Of the numbers of selectors in all brackets.
    product: u32,
}

impl Nesting {
    const fn new() -> Self {
        Self {
            brackets: 0,
            deepest: 0,
            quote: None,
            is_escaped: false,
            is_behind_dot: false,
            descents: 0,
            selectors: 1,
            product: 1,
        }
    }

    /// Counts what finds values several times.
    fn count(&mut self, c: char) {
        match c {
            '.' if self.is_behind_dot => self.descents += 1,
            '[' => self.selectors = 1,
            ',' => {
                self.product = (self.product / self.selectors).saturating_mul(self.selectors + 1);
                self.selectors += 1;
            }
            _ => {}
        }
        self.is_behind_dot = c == '.';
    }

    /// Whether a character still belongs to the path.
    fn goes_on(&mut self, c: char) -> bool {
        if self.quote.is_none() {
            self.count(c);
        }
        match (self.quote, c) {
            (Some(_), _) if self.is_escaped => self.is_escaped = false,
            (Some(_), '\\') => self.is_escaped = true,
            (Some(quote), c) if quote == c => self.quote = None,
            (None, '\'' | '"') => self.quote = Some(c),
            (None, '[' | '(') => {
                self.brackets += 1;
                self.deepest = self.deepest.max(self.brackets);
            }
            (None, ']' | ')') => self.brackets = self.brackets.saturating_sub(1),
            (None, ' ' | '\t' | '=' | '!' | '<' | '>') => return self.brackets > 0,
            _ => {}
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{Cursor, JsonPath, Wrong};
    use serde_json::{Value, json};

    /// A text that is a path and nothing else.
    fn parse(text: &str) -> Result<JsonPath, Wrong> {
        let mut cursor = Cursor::new(text);
        let path = JsonPath::read(&mut cursor)?;
        cursor.end().map(|()| path)
    }

    fn find(path: &str, document: &Value) -> Vec<Value> {
        parse(path).unwrap().find(document).into_iter().cloned().collect()
    }

    #[test]
    fn a_path_finds_what_rfc_9535_says() {
        let document = json!({"a": [{"b c": 1, "d": "x"}, {"d": "y"}], "0": "name", "größe": 2});
        for (path, found) in [
            ("$.a[0]['b c']", vec![json!(1)]),
            ("$[\"0\"]", vec![json!("name")]),
            ("$.größe", vec![json!(2)]),
            ("$.a[*].d", vec![json!("x"), json!("y")]),
            ("$.a[-1].d", vec![json!("y")]),
            ("$..d", vec![json!("x"), json!("y")]),
            ("$.a[?@.d == 'y' && !@['b c']].d", vec![json!("y")]),
            ("$.a[?length(@.d) > 1]", vec![]),
            ("$", vec![document.clone()]),
            ("$.a.b", vec![]),
        ] {
            assert_eq!(find(path, &document), found, "{path}");
        }
    }

    #[test]
    fn a_path_ends_where_the_relation_begins() {
        for (line, path, rest) in [
            ("$.a==1", "$.a", "==1"),
            ("$.a[?@.b == ']' ].c != 2", "$.a[?@.b == ']' ].c", " != 2"),
            ("$['a == \\'b'] exists", "$['a == \\'b']", " exists"),
            ("$>1", "$", ">1"),
        ] {
            let mut cursor = Cursor::new(line);
            let expected = parse(path).unwrap().to_string();
            assert_eq!(JsonPath::read(&mut cursor).unwrap().to_string(), expected, "{line}");
            assert_eq!(cursor.rest(), rest.trim(), "{line}");
        }
        for wrong in [
            "",
            "a",
            ".a",
            "$.",
            "$[",
            "$[a]",
            "$[0",
            "$a",
            "$.a b",
            "$.b-c",
            "$.0",
            "$[01]",
            "$['a",
            "$['\\u",
            "$[\"\\uD834\\u",
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
        let nested = |deep: usize| format!("$[?{}@.a{}]", "(".repeat(deep), ")".repeat(deep));
        assert!(parse(&nested(31)).is_ok());
        for deep in [32, 100_000] {
            let complaint = parse(&nested(deep)).unwrap_err().to_string();
            assert!(complaint.starts_with("column 1: expected a path with at most 32 brackets"), "{complaint}");
        }
    }

    #[test]
    fn a_path_that_finds_values_over_and_over_is_refused() {
        for path in [
            "$..a['..']",
            "$..['a..b', \"..\"]",
            "$[?@.a == '..' && @..b]",
            "$[0,1][2,3]['a','b'][*,*]",
            "$[?@['a,b'],1]",
        ] {
            assert!(parse(path).is_ok(), "{path}");
        }
        for path in ["$..a..b", "$..*..*..*", "$..[?@..a]", "$..[0]..[1]"] {
            let complaint = parse(path).unwrap_err().to_string();
            assert!(complaint.starts_with("column 1: expected a path with `..` at most once, found `$"), "{complaint}");
        }
        let many = format!("$[{}*]", "*,".repeat(100_000));
        for path in ["$[0,1][2,3][4,5][6,7][8,9]", "$[*,*,*][*,*,*][*,*]", "$[?@[0],*,*,*,*][0,1,2,3]", &many] {
            let complaint = parse(path).unwrap_err().to_string();
            let expected = "column 1: expected a path whose brackets, multiplied, have at most 16 selectors, found `$";
            assert!(complaint.starts_with(expected), "{complaint}");
        }
        assert!(parse(&format!("$[{}*]", "*,".repeat(15))).is_ok());
    }
}
