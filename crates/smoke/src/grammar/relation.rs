//! How a value that was seen compares with the one that is expected.

use std::time::Duration;

use serde_json::Value;

use crate::grammar::cursor::{Cursor, Wrong, literal};

const SCALAR: &str = "a text in quotes, a number, true, false or null, and nothing after it";

const SIZE: &str = "== or != (only numbers have a size)";

/// How two values compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Relation {
    /// All of them. One that begins with another comes first.
    pub(crate) const ANY: &'static [Self] =
        &[Self::Equal, Self::NotEqual, Self::LessOrEqual, Self::Less, Self::GreaterOrEqual, Self::Greater];
    /// Below a limit.
    pub(crate) const BELOW: &'static [Self] = &[Self::LessOrEqual, Self::Less];
    /// Above a limit.
    pub(crate) const ABOVE: &'static [Self] = &[Self::GreaterOrEqual, Self::Greater];
    /// On one side of a limit.
    pub(crate) const BESIDE: &'static [Self] = &[Self::LessOrEqual, Self::Less, Self::GreaterOrEqual, Self::Greater];
    /// Alike or not.
    pub(crate) const ALIKE: &'static [Self] = &[Self::Equal, Self::NotEqual];

    /// Reads one of those allowed.
    pub(crate) fn read(cursor: &mut Cursor<'_>, allowed: &[Self]) -> Result<Self, Wrong> {
        cursor.blanks();
        let found = allowed.iter().find(|relation| cursor.take(relation.sign()));
        found.copied().ok_or_else(|| {
            let signs: Vec<_> = allowed.iter().map(|relation| relation.sign()).collect();
            cursor.wrong(signs.join(" or "))
        })
    }

    /// Reads one and the whole number that it compares with: `>= 3`.
    pub(crate) fn read_count(cursor: &mut Cursor<'_>) -> Result<(Self, u64), Wrong> {
        Ok((Self::read(cursor, Self::ANY)?, cursor.number("a number")?))
    }

    /// Reads one and the value that it compares with: `== "ok"`, `> 3`.
    pub(crate) fn read_value(cursor: &mut Cursor<'_>) -> Result<(Self, Value), Wrong> {
        let before = cursor.here();
        let relation = Self::read(cursor, Self::ANY)?;
        let here = cursor.here();
        let text = cursor.rest();
        if let Some(text) = literal(text) {
            let value = Value::String(here.fill(&text)?);
            return if Self::ALIKE.contains(&relation) { Ok((relation, value)) } else { Err(before.wrong(SIZE)) };
        }
        match serde_json::from_str::<Value>(text) {
            Ok(value) if value.is_array() || value.is_object() => Err(here.wrong(SCALAR)),
            Ok(value) if !value.is_number() && !Self::ALIKE.contains(&relation) => Err(before.wrong(SIZE)),
            Ok(value) => Ok((relation, value)),
            Err(_) => Err(here.wrong(SCALAR)),
        }
    }

    /// Reads one below a length of time: `< 800ms`.
    pub(crate) fn read_time(cursor: &mut Cursor<'_>) -> Result<(Self, Duration), Wrong> {
        Self::read_length(cursor, Self::BELOW)
    }

    /// Reads one of those allowed, and the length of time that it compares with: `> 10s`.
    pub(crate) fn read_length(cursor: &mut Cursor<'_>, allowed: &[Self]) -> Result<(Self, Duration), Wrong> {
        let relation = Self::read(cursor, allowed)?;
        let here = cursor.here();
        let text = cursor.rest();
        match kit::settings::duration(text) {
            // A number alone would be read as seconds, by us; not by everybody.
            Ok(limit) if text.ends_with(|c: char| c.is_ascii_alphabetic()) => Ok((relation, limit)),
            _ => Err(here.wrong("a length of time such as 800ms or 2s")),
        }
    }

    /// Whether it holds.
    pub(crate) fn holds<T: PartialOrd>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }

    /// Whether it holds between JSON values: numbers by their size, all else only alike or not.
    pub(crate) fn holds_between(self, left: &Value, right: &Value) -> bool {
        match (left.as_i64(), right.as_i64(), left.as_f64(), right.as_f64()) {
            (Some(left), Some(right), _, _) => self.holds(&left, &right),
            (_, _, Some(left), Some(right)) => self.holds(&left, &right),
            _ if self == Self::NotEqual => left != right,
            _ => self == Self::Equal && left == right,
        }
    }

    const fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

/// A text whose type nobody tells, in the type of what it is compared with: a number or one of PostgreSQL's `t` and `f`.
pub(crate) fn as_compared(text: &str, wanted: &Value) -> Value {
    let other = match (wanted, text) {
        (Value::Number(_), _) => serde_json::from_str(text).ok().filter(Value::is_number),
        (Value::Bool(_), "t" | "true") => Some(Value::Bool(true)),
        (Value::Bool(_), "f" | "false") => Some(Value::Bool(false)),
        _ => None,
    };
    other.unwrap_or_else(|| Value::from(text))
}

#[cfg(test)]
mod tests {
    use super::{Relation, as_compared};
    use serde_json::json;

    #[test]
    fn numbers_compare_by_size_and_all_else_only_alike_or_not() {
        let holds = |left, relation: Relation, right| relation.holds_between(&left, &right);
        assert!(holds(json!(1), Relation::Equal, json!(1.0)));
        assert!(holds(json!(9_007_199_254_740_993_i64), Relation::Greater, json!(9_007_199_254_740_992_i64)));
        assert!(holds(json!(-1), Relation::Less, json!(0.5)));
        assert!(holds(json!("1"), Relation::NotEqual, json!(1)));
        assert!(!holds(json!("a"), Relation::Less, json!("b")));
        assert!(holds(json!(null), Relation::Equal, json!(null)));
        assert!(!holds(json!([1]), Relation::GreaterOrEqual, json!([1])));
    }

    #[test]
    fn a_text_compares_as_what_it_is_compared_with() {
        for (text, wanted, value) in [
            ("12", json!(3), json!(12)),
            ("12.50", json!(3), json!(12.5)),
            ("12", json!("12"), json!("12")),
            ("t", json!(true), json!(true)),
            ("f", json!(true), json!(false)),
            ("t", json!("t"), json!("t")),
            ("", json!(0), json!("")),
            ("NaN", json!(0), json!("NaN")),
            ("007", json!(7), json!("007")),
            ("null", json!(null), json!("null")),
        ] {
            assert_eq!(as_compared(text, &wanted), value, "{text}");
        }
    }
}
