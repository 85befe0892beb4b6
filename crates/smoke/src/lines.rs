//! Checks as lines, quickly written by hand: `/login 200 Sign in`. An address or a path of `API_URL`, the status (200 unless
//! said) and a text that the page must contain.

use std::collections::BTreeMap;

use kit::{Exit, Failure, voice};
use serde_json::Value;

use crate::check::{Check, Defaults, of_page};
use crate::grammar::cursor::{Cursor, Wrong};
use crate::grammar::keys::NAME;
use crate::grammar::template::Template;
use crate::grammar::text::cut;
use crate::http::ask::absolute;
use crate::http::reference::without_query;

/// Whether a text is such lines, and no checks file: no line of TOML begins so.
pub(crate) fn are_lines(text: &str) -> bool {
    let begins = |line: &str| ["/", "http://", "https://"].iter().any(|start| line.starts_with(start));
    meant(text).next().is_some_and(|(_, line)| begins(line.trim_start()))
}

/// Reads them; 78 with the line of what is wrong.
pub(crate) fn parse(text: &str, defaults: &Defaults<'_>) -> Result<Vec<Check>, Failure> {
    let mut checks = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (number, line) in meant(text) {
        let wrong = |sentence: String| Failure::new(Exit::SETTINGS, format!("line {number}: {sentence}"));
        let check = read(line, defaults).map_err(|failure| Failure { hint: failure.hint, ..wrong(failure.message) })?;
        let times = seen.entry(check.name.clone()).or_default();
        *times += 1;
        let name = if *times == 1 { check.name } else { format!("{} #{times}", check.name) };
        checks.push(Check { name, ..check });
    }
    Ok(checks)
}

/// The lines that are neither empty nor a comment, with their numbers.
fn meant(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim_end()));
    lines.filter(|(_, line)| !line.is_empty() && !line.trim_start().starts_with('#'))
}

/// For whoever meant lines, when what came is neither that nor a checks file.
pub(crate) fn hint(text: &str, failure: Failure) -> Failure {
    if text.contains("[[check]]") || failure.hint.is_some() {
        return failure;
    }
    failure.hint("a line begins with `/`, `http://` or `https://`; else it is a checks file, with [[check]] tables")
}

fn read(line: &str, defaults: &Defaults<'_>) -> Result<Check, Failure> {
    if line.contains("${") {
        let message = "`${` means nothing in a line, which is sent as it is";
        return Err(Failure::new(Exit::SETTINGS, message).hint("write a checks file: there it names a setting"));
    }
    let mut cursor = Cursor::new(line);
    cursor.here();
    let address = cursor.take_while(|c| !c.is_whitespace());
    let status = status(&mut cursor).map_err(|wrong| Failure::new(Exit::SETTINGS, wrong.to_string()))?;
    let text = cursor.rest();
    let mut expect = vec![format!("status == {status}")];
    if !text.is_empty() {
        expect.push(format!("body contains {}", Value::from(text)));
    }
    let url = absolute(Template::fixed(address), defaults.settings)?;
    // The address is shown without its query, which may hold a token.
    let name = cut(&voice::clean_line(without_query(address)), NAME);
    of_page(&name, url, expect, None, defaults).map_err(|wrong| Failure::new(Exit::SETTINGS, wrong))
}

/// The status that comes next, if any does.
fn status(cursor: &mut Cursor<'_>) -> Result<u16, Wrong> {
    let here = cursor.here();
    match cursor.take_while(|c| !c.is_whitespace()) {
        "" => Ok(200),
        digits => {
            // `+200` would be a number too.
            let digits = Some(digits).filter(|digits| digits.len() == 3);
            let status = digits.and_then(|digits| digits.parse().ok()).filter(|status| (100..=599).contains(status));
            status.ok_or_else(|| here.wrong("a status from 100 to 599"))
        }
    }
}
