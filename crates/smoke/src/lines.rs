//! Checks as lines, quickly written by hand: `/login 200 Sign in`. An address or a path of `API_URL`, the status (200 unless
//! said) and a text that the page must contain.

use std::collections::BTreeMap;

use kit::{Exit, Failure, voice};
use serde_json::Value;

use crate::check::{Check, Defaults, of_page};
use crate::grammar::keys::NAME;
use crate::grammar::template::Template;
use crate::grammar::text::cut;
use crate::http::ask::absolute;
use crate::http::reference::without_query;

/// Whether a text is such lines, and no checks file: no line of TOML begins so.
pub(crate) fn are_lines(text: &str) -> bool {
    let begins = |line: &str| ["/", "http://", "https://"].iter().any(|start| line.starts_with(start));
    meant(text).next().is_some_and(|(_, line)| begins(line))
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
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

fn read(line: &str, defaults: &Defaults<'_>) -> Result<Check, Failure> {
    let (address, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let (status, text) = rest.trim().split_once(char::is_whitespace).unwrap_or((rest.trim(), ""));
    let status = if status.is_empty() { "200" } else { status };
    let mut expect = vec![format!("status == {status}")];
    if !text.trim().is_empty() {
        expect.push(format!("body contains {}", Value::from(text.trim())));
    }
    let url = absolute(Template::fixed(address), defaults.settings)?;
    // The address is shown without its query, which may hold a token.
    let name = cut(&voice::clean_line(without_query(address)), NAME);
    of_page(&name, url, expect, None, defaults).map_err(|wrong| Failure::new(Exit::SETTINGS, wrong))
}
