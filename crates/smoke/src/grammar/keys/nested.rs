//! Tables within the table of a check: the steps of a flow, and what each of them captures.

use kit::Failure;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::grammar::cursor::{Cursor, Wrong};
use crate::grammar::keys::{Keys, NAME};
use crate::grammar::text::excerpt;
use crate::grammar::variable::is_name;

impl<'a> Keys<'a> {
    /// The tables under this key, each called `word` and its number; none where there is none.
    pub(crate) fn tables(&mut self, key: &str, word: &str) -> Result<Vec<Self>, Failure> {
        let wanted = format!("tables, written [[check.{key}]], in two pairs of brackets");
        let values: Vec<_> = match self.take(key) {
            None => Vec::new(),
            Some(DeValue::Array(values)) => values.into_iter().collect(),
            Some(_) => return Err(self.mistyped(key, &wanted)),
        };
        let open = |(index, value): (usize, Spanned<DeValue<'a>>)| {
            let span = value.span();
            let title = format!("{}, {word} {}", self.title, index + 1);
            match value.into_inner() {
                DeValue::Table(table) => Ok(Self::open(title, Spanned::new(span, table), self.text, self.settings())),
                _ => Err(self.mistyped(key, &wanted)),
            }
        };
        values.into_iter().enumerate().map(open).collect()
    }

    /// Where `${NAME}` is one of these, it is no setting but what an earlier step captured.
    pub(crate) fn know(&mut self, captures: &[String]) {
        self.variables.captures = captures.to_vec();
    }

    /// Takes over what a table within this one expects, and what nobody is to see of it.
    pub(crate) fn absorb(&mut self, name: &str, inner: Self) {
        let (_, expect, secrets) = inner.into_parts();
        self.expect.extend(expect.into_iter().map(|line| format!("{name}: {line}")));
        for secret in secrets {
            self.hide(&secret);
        }
    }

    /// A table of lines, each of which is read so; their names are those of variables.
    pub(crate) fn named_lines<T>(
        &mut self,
        key: &str,
        read: impl Fn(&mut Cursor<'_>) -> Result<T, Wrong>,
    ) -> Result<Vec<(String, T)>, Failure> {
        let table: DeTable<'a> = match self.take(key) {
            None => return Ok(Vec::new()),
            Some(DeValue::Table(table)) => table,
            Some(_) => return Err(self.mistyped(key, "a table of texts, as in { id = 'json $.id' }")),
        };
        let line = |(name, value): (Spanned<DeString<'a>>, Spanned<DeValue<'a>>)| {
            let (start, name) = (value.span().start, name.into_inner());
            let shown = excerpt(&name);
            let DeValue::String(line) = value.into_inner() else {
                return Err(self.wrong_there(start, format!("`{key}`: what {shown} stands for must be a text")));
            };
            if !is_name(&name) || name.len() > NAME {
                let wanted = format!("letters, digits and _, {NAME} at most");
                return Err(self.wrong_there(start, format!("`{key}`: {shown} is no name: {wanted}")));
            }
            let mut cursor = Cursor::new(&line).with(&self.variables);
            let value = read(&mut cursor).and_then(|value| cursor.end().map(|()| value));
            let value = value.map_err(|wrong| {
                let complaint = format!("`{key}`: {name} = {}, {wrong}", excerpt(&line));
                Failure { hint: wrong.hint, ..self.wrong_there(start, complaint) }
            });
            Ok((name.into_owned(), value?))
        };
        table.into_iter().map(line).collect()
    }
}
