//! A table for a person, and for the lines that git shows with `remote:`. Below it what was seen of checks that failed.

use std::fmt::Write as _;

use kit::clock;

use crate::report::{Ran, number};
use crate::trial::Trial;
use crate::verdict::Verdict;

pub(super) fn write(ran: &Ran<'_>) -> String {
    let width = ran.pairs.iter().map(|(check, _)| check.name.chars().count()).max();
    let verdicts = ran.pairs.iter().map(|(_, trial)| trial.verdict.word().len()).max();
    let mut text = String::new();
    for (check, trial) in &ran.pairs {
        // Writing to a String does not fail.
        writeln!(
            text,
            "{:width$}  {:verdicts$}  {}{}",
            check.name,
            trial.verdict.word(),
            trial.message,
            effort(trial),
            width = width.unwrap_or_default(),
            verdicts = verdicts.unwrap_or_default(),
        )
        .ok();
    }
    let evidence = evidence(ran);
    let end = if evidence.is_empty() { "" } else { "\n" };
    let counts: Vec<String> = Verdict::ALL
        .iter()
        .map(|verdict| (verdict, ran.count(*verdict)))
        .filter(|(_, count)| *count > 0)
        .map(|(verdict, count)| format!("{count} {}", verdict.word()))
        .collect();
    let took = clock::spell(clock::milliseconds(ran.took));
    format!("{text}{evidence}{end}{}: {} ({took})\n", number(ran.pairs.len()), counts.join(", "))
}

/// What was seen, under the name of each check, and what the app itself said.
fn evidence(ran: &Ran<'_>) -> String {
    let mut text = String::new();
    for (check, trial) in ran.pairs.iter().filter(|(_, trial)| !trial.evidence.is_empty()) {
        text.push_str(&format!("\n{}\n", check.name));
        for (name, shown) in trial.evidence.iter() {
            exhibit(&mut text, name, shown);
        }
    }
    if let Some(said) = &ran.app_said {
        text.push('\n');
        exhibit(&mut text, "the app's log, since the beginning", said);
    }
    text
}

/// One line stands beside its name, several below it.
fn exhibit(text: &mut String, name: &str, shown: &str) {
    let lines: Vec<&str> = shown.lines().collect();
    match lines.as_slice() {
        [line] => text.push_str(&format!("  {name}: {line}\n")),
        lines => text.push_str(&format!("  {name}:\n    {}\n", lines.join("\n    "))),
    }
}

/// How much it took, where that is worth a word.
fn effort(trial: &Trial) -> String {
    let took = clock::spell(clock::milliseconds(trial.took));
    match (trial.verdict, trial.attempts) {
        (Verdict::Skipped | Verdict::Pass, _) | (_, 1) => String::new(),
        (_, attempts) => format!(" ({attempts} attempts, {took})"),
    }
}
