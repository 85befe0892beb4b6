//! The Test Anything Protocol, version 14 (testanything.org).

use serde_json::Value;

use crate::check::Check;
use crate::report::{Ran, shown};
use crate::trial::Trial;
use crate::verdict::Verdict;

pub(super) fn write(ran: &Ran<'_>) -> String {
    let mut text = format!("TAP version 14\n1..{}\n", ran.pairs.len());
    for (number, (check, trial)) in (1..).zip(&ran.pairs) {
        text.push_str(&line(number, check, trial, ran.strict));
        if trial.verdict != Verdict::Pass && trial.verdict != Verdict::Skipped {
            text.push_str(&diagnostics(trial));
        }
    }
    text
}

/// What only warns is a test point that is not ok and does not count: TAP calls that `TODO`.
fn line(number: usize, check: &Check, trial: &Trial, strict: bool) -> String {
    let name = check.name.replace('\\', "\\\\").replace('#', "\\#");
    let (ok, directive) = match trial.verdict {
        Verdict::Skipped => ("ok", format!(" # SKIP {}", trial.message)),
        Verdict::Warn => ("not ok", " # TODO only warns".to_owned()),
        Verdict::Pass | Verdict::Flaky if !trial.verdict.is_no(strict) => ("ok", String::new()),
        _ => ("not ok", String::new()),
    };
    format!("{ok} {number} - {name}{directive}\n")
}

/// A block of YAML; texts of JSON are texts of YAML too.
fn diagnostics(trial: &Trial) -> String {
    let text = |text: &str| Value::from(text).to_string();
    let mut block = format!("  ---\n  verdict: {}\n  message: {}\n", trial.verdict.word(), text(&trial.message));
    let shown = shown(trial);
    if !shown.is_empty() {
        block.push_str(&format!("  evidence: {}\n", text(&shown)));
    }
    block + "  ...\n"
}
