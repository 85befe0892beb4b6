//! What a run tells: a table, the record's details, and the sentence for a failure.

use std::fmt::Write as _;

use kit::{Context, Exit, Failure, Outcome, clock, voice};
use serde_json::{Value, json};

use crate::args::{Inconclusive, Judging};
use crate::check::Check;
use crate::mark::{LOGS, Mark};
use crate::plan::Plan;
use crate::trial::{Trial, milliseconds};
use crate::verdict::{Answer, Verdict, answer, unknown};

/// All verdicts, as the summary counts them.
const COUNTED: [Verdict; 7] =
    [Verdict::Pass, Verdict::Flaky, Verdict::Warn, Verdict::Fail, Verdict::Stale, Verdict::Error, Verdict::Skipped];

/// Puts the result into the record and turns it into an outcome.
pub(crate) fn conclude(plan: &Plan, trials: &[Trial], judging: Judging, cx: &mut Context) -> Outcome {
    let pairs: Vec<(&Check, &Trial)> = plan.checks.iter().zip(trials).collect();
    details(plan, cx);
    let checks: Vec<Value> = pairs.iter().map(|(check, trial)| detail(check, trial)).collect();
    cx.detail("checks", checks);
    let text = table(&pairs, milliseconds(plan.conditions.began.elapsed()));
    let verdicts: Vec<Verdict> = trials.iter().map(|trial| trial.verdict).collect();
    match answer(&verdicts, judging.strict) {
        Answer::Yes => Outcome::done(text),
        Answer::No => Outcome::failed(with_app_log(Failure::new(Exit::NO, failed(&pairs, judging.strict)), cx), text),
        Answer::Unknown => {
            let cause = trials.iter().find_map(|trial| trial.cause).unwrap_or(Exit::IO);
            Outcome::failed(not_known(&pairs, unknown(cause), judging.inconclusive), text)
        }
    }
}

/// After an activation the app's own word says more than what was seen from outside.
fn with_app_log(failure: Failure, cx: &Context) -> Failure {
    match (cx.step(), cx.root()) {
        (Some("smoke" | "rollback"), Ok(root)) => {
            failure.hint(format!("what the app said: {}", root.logs().join("app.log").display()))
        }
        _ => failure,
    }
}

/// What the record says of any run.
fn details(plan: &Plan, cx: &mut Context) {
    cx.detail("source", plan.source.clone());
    if let Some(commit) = &plan.conditions.expected {
        cx.detail("expected_commit", commit.to_string());
    }
}

/// Puts the plan into the record.
pub(crate) fn announce(plan: &Plan, cx: &mut Context) {
    details(plan, cx);
    let checks: Vec<Value> = plan.checks.iter().map(planned).collect();
    cx.detail("plan", checks);
}

/// Puts where the logs end into the record.
pub(crate) fn note(plan: &Plan, marks: &[Mark], cx: &mut Context) {
    details(plan, cx);
    cx.detail(LOGS, marks.iter().map(Mark::to_json).collect::<Vec<_>>());
}

fn planned(check: &Check) -> Value {
    json!({
        "name": check.name,
        "kind": check.kind,
        "gate": check.gate,
        "severity": if check.warn { "warn" } else { "fail" },
        "tags": check.tags,
        "attempts": check.attempts,
        "subject": voice::clean_line(&check.subject.spell()),
        "expect": check.expect,
    })
}

fn detail(check: &Check, trial: &Trial) -> Value {
    let mut detail = json!({
        "name": check.name,
        "kind": check.kind,
        "verdict": trial.verdict.word(),
        "attempts": trial.attempts,
        "duration_ms": milliseconds(trial.took),
        "message": trial.message,
    });
    if let Some(members) = detail.as_object_mut().filter(|_| !trial.evidence.is_empty()) {
        members.insert("evidence".to_owned(), trial.evidence.to_json());
    }
    detail
}

fn table(pairs: &[(&Check, &Trial)], took: u64) -> String {
    let width = pairs.iter().map(|(check, _)| check.name.chars().count()).max();
    let verdicts = pairs.iter().map(|(_, trial)| trial.verdict.word().len()).max();
    let mut text = String::new();
    for (check, trial) in pairs {
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
    for (check, trial) in pairs.iter().filter(|(_, trial)| !trial.evidence.is_empty()) {
        writeln!(text, "\n{}", check.name).ok();
        for (name, shown) in trial.evidence.iter() {
            write_evidence(&mut text, name, shown);
        }
    }
    if pairs.iter().any(|(_, trial)| !trial.evidence.is_empty()) {
        text.push('\n');
    }
    let counts: Vec<String> = COUNTED
        .iter()
        .map(|verdict| (verdict, pairs.iter().filter(|(_, trial)| trial.verdict == *verdict).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(verdict, count)| format!("{count} {}", verdict.word()))
        .collect();
    let took = clock::spell(took);
    writeln!(text, "{}: {} ({took})", number(pairs.len()), counts.join(", ")).ok();
    text
}

/// One line stands beside its name, several below it.
fn write_evidence(text: &mut String, name: &str, shown: &str) {
    let lines: Vec<&str> = shown.lines().collect();
    match lines.as_slice() {
        [line] => writeln!(text, "  {name}: {line}").ok(),
        lines => writeln!(text, "  {name}:\n    {}", lines.join("\n    ")).ok(),
    };
}

/// How much it took, where that is worth a word.
fn effort(trial: &Trial) -> String {
    let took = clock::spell(milliseconds(trial.took));
    match (trial.verdict, trial.attempts) {
        (Verdict::Skipped | Verdict::Pass, _) | (_, 1) => String::new(),
        (_, attempts) => format!(" ({attempts} attempts, {took})"),
    }
}

fn number(checks: usize) -> String {
    if checks == 1 { "1 check".to_owned() } else { format!("{checks} checks") }
}

fn failed(pairs: &[(&Check, &Trial)], strict: bool) -> String {
    let failed: Vec<String> = pairs
        .iter()
        .filter(|(_, trial)| trial.verdict.is_no(strict))
        .map(|(check, trial)| match trial.verdict {
            Verdict::Stale | Verdict::Flaky => format!("{} ({})", check.name, trial.verdict.word()),
            _ => check.name.clone(),
        })
        .collect();
    let all = number(pairs.len());
    format!("{} of {all} failed: {}", failed.len(), failed.join(", "))
}

fn not_known(pairs: &[(&Check, &Trial)], exit: Exit, inconclusive: Inconclusive) -> Failure {
    let blind: Vec<String> = pairs
        .iter()
        .filter(|(_, trial)| trial.verdict == Verdict::Error)
        .map(|(check, trial)| format!("{}: {}", check.name, trial.message))
        .collect();
    let message = format!("{} of {} could not be made: {}", blind.len(), number(pairs.len()), blind.join("; "));
    match inconclusive {
        Inconclusive::Ask => Failure::new(exit, message).hint("this says nothing about the app: look at it yourself"),
        Inconclusive::Rollback => Failure::new(Exit::NO, format!("{message}; this counts as failed, as you asked")),
    }
}
