//! A path into a JSON document, such as `$.items[0].name`.

use std::fmt::{self, Display};

use serde_json::Value;

use crate::cursor::{Cursor, Wrong};

/// Where in a document a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonPath {
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(usize),
}

impl JsonPath {
    /// `$.commit`, where the commit is looked for when only a URL is known.
    pub(crate) fn commit() -> Self {
        Self { steps: vec![Step::Name("commit".to_owned())] }
    }

    /// Reads a path and steps over it.
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Wrong> {
        cursor.blanks();
        if !cursor.take("$") {
            return Err(cursor.wrong("a path such as $.status"));
        }
        let mut steps = Vec::new();
        loop {
            if cursor.take(".") {
                let here = cursor.clone();
                let name = cursor.take_while(|c| c.is_alphanumeric() || c == '_' || c == '-');
                if name.is_empty() {
                    return Err(here.wrong("a name"));
                }
                steps.push(Step::Name(name.to_owned()));
            } else if cursor.take("[") {
                let here = cursor.clone();
                let index = cursor.take_while(|c| c.is_ascii_digit());
                let index = index.parse().map_err(|_| here.wrong("an index such as 0"))?;
                if !cursor.take("]") {
                    return Err(cursor.wrong("`]`"));
                }
                steps.push(Step::Index(index));
            } else {
                return Ok(Self { steps });
            }
        }
    }

    /// Reads a text that is a path and nothing else.
    pub(crate) fn parse(text: &str) -> Result<Self, Wrong> {
        let mut cursor = Cursor::new(text);
        let path = Self::read(&mut cursor)?;
        cursor.end()?;
        Ok(path)
    }

    /// The value there, if there is one.
    pub(crate) fn find<'a>(&self, document: &'a Value) -> Option<&'a Value> {
        self.steps.iter().try_fold(document, |value, step| match step {
            Step::Name(name) => value.get(name),
            Step::Index(index) => value.get(index),
        })
    }
}

impl Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        self.steps.iter().try_for_each(|step| match step {
            Step::Name(name) => write!(f, ".{name}"),
            Step::Index(index) => write!(f, "[{index}]"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::JsonPath;
    use serde_json::json;

    #[test]
    fn a_path_finds_names_and_indexes() {
        let document = json!({"a": [{"b-c": 1}, 2], "0": "name"});
        let find = |path: &str| JsonPath::parse(path).unwrap().find(&document).cloned();
        assert_eq!(find("$.a[0].b-c"), Some(json!(1)));
        assert_eq!(find("$.0"), Some(json!("name")));
        assert_eq!(find("$"), Some(document.clone()));
        for absent in ["$.a[2]", "$.a.b", "$[0]", "$.0.x"] {
            assert_eq!(find(absent), None, "{absent}");
        }
    }

    #[test]
    fn a_path_is_written_as_it_was_read() {
        for path in ["$", "$.a", "$[3]", "$.a[0].b_c-d", "$.größe"] {
            assert_eq!(JsonPath::parse(path).unwrap().to_string(), path);
        }
        for wrong in ["", "a", ".a", "$.", "$..a", "$[", "$[a]", "$[0", "$a", "$.a b", "$[99999999999999999999]"] {
            assert!(JsonPath::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
