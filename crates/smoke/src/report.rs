//! What a run tells: a table, the record's details, and the sentence for a failure.

mod junit;
mod prometheus;
mod table;
mod tap;

use std::path::PathBuf;
use std::time::Duration;

use kit::{Context, Exit, Failure, Outcome, clock, files, voice};
use serde_json::{Value, json};

use crate::args::{Args, Format, Inconclusive, Judging, Telling};
use crate::baseline;
use crate::check::Check;
use crate::grammar::quantity::counted;
use crate::log::mark::{LOGS, Mark};
use crate::plan::Plan;
use crate::trial::Trial;
use crate::verdict::{Answer, Verdict, answer, unknown};

/// What was done, as every format tells it.
struct Ran<'a> {
    pairs: Vec<(&'a Check, &'a Trial)>,
    answer: Answer,
    strict: bool,
    /// What it means that something could not be found out.
    inconclusive: Inconclusive,
    took: Duration,
    /// The end of what the app logged meanwhile.
    app_said: Option<String>,
}

impl<'a> Ran<'a> {
    fn new(plan: &'a Plan, trials: &'a [Trial], judging: &Judging, cx: &Context) -> Self {
        let Judging { strict, inconclusive, .. } = *judging;
        let verdicts: Vec<Verdict> = trials.iter().map(|trial| trial.verdict).collect();
        let answer = answer(&verdicts, strict);
        let app_said = if answer == Answer::No { plan.app_said(cx) } else { None };
        let pairs = plan.checks.iter().zip(trials).collect();
        Self { pairs, answer, strict, inconclusive, took: plan.conditions.began.elapsed(), app_said }
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.pairs.iter().filter(|(_, trial)| trial.verdict == verdict).count()
    }

    fn told(&self, format: Format) -> String {
        match format {
            Format::Text => table::write(self),
            Format::Junit => junit::write(self),
            Format::Tap => tap::write(self),
            Format::Prometheus => prometheus::write(self),
        }
    }
}

/// Puts the result into the record, writes the files that are asked for, and turns it all into an outcome.
pub(crate) fn conclude(plan: &Plan, trials: &[Trial], args: &Args, cx: &mut Context) -> Outcome {
    details(plan, cx);
    cx.detail("checks", found(&plan.checks, trials));
    let ran = Ran::new(plan, trials, &args.judging, cx);
    if let Some(said) = &ran.app_said {
        cx.detail("app_log", said.clone());
    }
    let text = ran.told(if args.telling.output.is_some() { Format::Text } else { args.telling.format });
    match (ran.answer, keep(&ran, plan, trials, &args.telling)) {
        (Answer::Yes, Ok(())) => Outcome::done(text),
        (Answer::Yes | Answer::Unknown, Err(failure)) => Outcome::failed(failure, text),
        (Answer::Unknown, Ok(())) => {
            let cause = trials.iter().find_map(|trial| trial.cause).unwrap_or(Exit::IO);
            Outcome::failed(not_known(&ran.pairs, unknown(cause), ran.inconclusive), text)
        }
        // That a check failed is the news, whatever became of a file.
        (Answer::No, kept) => {
            if let Err(failure) = kept {
                cx.warn(&failure.message);
            }
            Outcome::failed(with_app_log(Failure::new(Exit::NO, failed(&ran)), cx), text)
        }
    }
}

/// 73 for a file that is none, before anything is asked: what takes the place of a device or a link is not what was named.
pub(crate) fn check_files(telling: &Telling) -> Result<(), Failure> {
    let is_irregular = |path: &&PathBuf| path.symlink_metadata().is_ok_and(|found| !found.is_file());
    match telling.output.iter().chain(&telling.record).find(is_irregular) {
        None => Ok(()),
        Some(path) => {
            let message = format!("cannot write {}: it is not a regular file", path.display());
            Err(Failure::new(Exit::CANNOT_CREATE, message).hint("name a file; without --output all goes to stdout"))
        }
    }
}

/// Writes the files that are asked for.
fn keep(ran: &Ran<'_>, plan: &Plan, trials: &[Trial], telling: &Telling) -> Result<(), Failure> {
    let of_no_use = |failure: Failure| Failure { exit: Exit::CANNOT_CREATE, ..failure };
    if let Some(path) = &telling.record {
        baseline::record(path, &plan.checks, trials).map_err(of_no_use)?;
    }
    match &telling.output {
        Some(path) => files::write_public(path, ran.told(telling.format).as_bytes()).map_err(of_no_use),
        None => Ok(()),
    }
}

/// What was seen of a check, as one text.
fn shown(trial: &Trial) -> String {
    let lines: Vec<String> = trial.evidence.iter().map(|(name, text)| format!("{name}: {text}")).collect();
    lines.join("\n")
}

/// What was found of each check.
pub(crate) fn found(checks: &[Check], trials: &[Trial]) -> Vec<Value> {
    checks.iter().zip(trials).map(|(check, trial)| detail(check, trial)).collect()
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
        "duration_ms": clock::milliseconds(trial.took),
        "latency_ms": clock::milliseconds(trial.latency),
        "message": trial.message,
    });
    if let Some(members) = detail.as_object_mut() {
        let before = trial.latency_before.map(|before| ("latency_before_ms".to_owned(), before.into()));
        let evidence = Some(trial.evidence.to_json()).filter(|_| !trial.evidence.is_empty());
        members.extend(before.into_iter().chain(evidence.map(|evidence| ("evidence".to_owned(), evidence))));
    }
    detail
}

fn number(checks: usize) -> String {
    counted(checks, "check", "checks")
}

fn failed(ran: &Ran<'_>) -> String {
    let failed: Vec<String> = ran
        .pairs
        .iter()
        .filter(|(_, trial)| trial.verdict.is_no(ran.strict))
        .map(|(check, trial)| match trial.verdict {
            Verdict::Stale | Verdict::Flaky => format!("{} ({})", check.name, trial.verdict.word()),
            _ => check.name.clone(),
        })
        .collect();
    let all = number(ran.pairs.len());
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
