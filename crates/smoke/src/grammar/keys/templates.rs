//! Texts that are put together when they are needed, tables of them, and JSON in which they stand.

use kit::Failure;
use serde_json::{Number, Value};
use toml::Spanned;
use toml::de::{DeString, DeValue};

use crate::grammar::keys::Keys;
use crate::grammar::template::{Shape, Template};

impl Keys<'_> {
    /// An address that must be there, with what is named in it.
    pub(crate) fn required_address(&mut self, key: &str, wanted: &str) -> Result<Template, Failure> {
        let text = self.literal(key)?.ok_or_else(|| self.missing(key, wanted))?;
        self.because_of(key, self.variables.address(&text))
    }

    /// A text that is a secret, with what is named in it, or this one instead.
    pub(crate) fn template_or(&mut self, key: &str, instead: &str) -> Result<Template, Failure> {
        let text = self.literal(key)?.unwrap_or_else(|| instead.to_owned());
        self.to_template(key, &text)
    }

    /// A text that may be a secret, with what is named in it.
    pub(crate) fn template(&mut self, key: &str) -> Result<Option<Template>, Failure> {
        self.literal(key)?.map(|text| self.to_template(key, &text)).transpose()
    }

    fn to_template(&self, key: &str, text: &str) -> Result<Template, Failure> {
        self.because_of(key, self.variables.template(text))
    }

    fn because_of(&self, key: &str, filled: Result<Template, Failure>) -> Result<Template, Failure> {
        filled.map_err(|failure| self.because(key, &format!("`{key}`"), failure))
    }

    /// A table of texts, with what is named in them.
    pub(crate) fn templates(&mut self, key: &str) -> Result<Vec<(String, Template)>, Failure> {
        let wanted = "a table of texts, as in { Accept = \"text/html\" }";
        match self.take(key) {
            None => Ok(Vec::new()),
            Some(DeValue::Table(table)) => table
                .into_iter()
                .map(|(name, value)| match value.into_inner() {
                    DeValue::String(text) => Ok((name.into_inner().into_owned(), self.to_template(key, &text)?)),
                    _ => Err(self.mistyped(key, wanted)),
                })
                .collect(),
            Some(_) => Err(self.mistyped(key, wanted)),
        }
    }

    /// A table as JSON, with what is named in its texts.
    pub(crate) fn json(&mut self, key: &str) -> Result<Option<Shape>, Failure> {
        match self.take(key) {
            None => Ok(None),
            Some(value @ (DeValue::Table(_) | DeValue::Array(_))) => self.to_json(key, value).map(Some),
            Some(_) => Err(self.mistyped(key, "a table, as in { name = \"me\" }")),
        }
    }

    fn to_json(&self, key: &str, value: DeValue<'_>) -> Result<Shape, Failure> {
        let wrong = || self.wrong_at(key, format!("`{key}` holds a value that JSON has not"));
        Ok(match value {
            DeValue::String(text) => Shape::Text(self.to_template(key, &text)?),
            DeValue::Boolean(flag) => Shape::Fixed(Value::Bool(flag)),
            DeValue::Integer(number) => {
                let number = i64::from_str_radix(number.as_str(), number.radix()).map_err(|_| wrong())?;
                Shape::Fixed(Value::from(number))
            }
            DeValue::Float(number) => {
                let number = number.as_str().parse().ok().and_then(Number::from_f64);
                Shape::Fixed(Value::Number(number.ok_or_else(wrong)?))
            }
            DeValue::Datetime(time) => Shape::Fixed(Value::String(time.to_string())),
            DeValue::Array(values) => {
                let values = values.into_iter().map(|value| self.to_json(key, value.into_inner()));
                Shape::List(values.collect::<Result<_, _>>()?)
            }
            DeValue::Table(table) => {
                let pair = |(name, value): (Spanned<DeString<'_>>, Spanned<DeValue<'_>>)| {
                    Ok((name.into_inner().into_owned(), self.to_json(key, value.into_inner())?))
                };
                Shape::Table(table.into_iter().map(pair).collect::<Result<_, Failure>>()?)
            }
        })
    }
}
