//! smoke-test: every check has a verdict within the deadline, what could not be looked at never counts as passed, and
//! nothing is changed.

mod args;
mod baseline;
mod check;
mod commit;
mod content;
mod crawl;
mod database;
mod end;
mod evidence;
mod finding;
mod flow;
mod grammar;
mod http;
mod kind;
mod lines;
mod log;
mod plan;
mod report;
mod schedule;
mod selection;
mod source;
mod trial;
mod verdict;
mod watch;
mod wire;

use std::process::ExitCode;

use kit::{Context, Exit, Failure, Outcome, Tool};

use crate::args::Args;
use crate::baseline::Baseline;
use crate::grammar::quantity::counted;
use crate::log::mark::PREPARE;
use crate::plan::Plan;
use crate::trial::Trial;
use crate::watch::Watch;

const TOOL: Tool = Tool {
    name: "smoke-test",
    exits: &[
        (Exit::DONE, "every check passed (pass, flaky) or only warns, or the setting is empty: skipped"),
        (Exit::NO, "a check failed, or another commit answers (fail, stale)"),
        (Exit::DAMAGED, "the baseline is none"),
        (Exit::ABSENT, "the checks file, the release or the baseline is not there"),
        (Exit::UNAVAILABLE, "nothing failed, but a program that a check runs is missing (error)"),
        (Exit::CANNOT_CREATE, "nothing failed, but a file that --output or --record names cannot be written"),
        (Exit::IO, "nothing failed, but a check could not be made (error), or reading failed"),
        (Exit::SETTINGS, "the checks file or a setting is wrong; no check was made"),
    ],
    examples: &[
        ("smoke-test https://example.org/", "Ask an address: does it answer with status 200?"),
        ("printf '/login 200 Sign in\\n' | smoke-test -e prod -", "Ask for some pages, a line each"),
        (
            "smoke-test checks/smoke.toml --expect-commit 3f2a1c9",
            "Make the checks of a file; the app must tell that it runs this commit",
        ),
        ("smoke-test -e prod --setting SMOKE_CHECKS", "Make the checks of the live release, as the pipeline does"),
        ("smoke-test checks/smoke.toml --dry-run", "Read a checks file and print what it asks for"),
        (
            "smoke-test -e prod --setting SMOKE_CHECKS --no-record --json",
            "Look again and again, for a monitor: the journal stays as it is",
        ),
        (
            "smoke-test checks/smoke.toml --baseline before.json --watch 60s",
            "After a change by hand: what did it break, against what --record before.json found, and does it last?",
        ),
    ],
};

fn main() -> ExitCode {
    kit::tool::main(&TOOL, run)
}

fn run(args: &Args, cx: &mut Context) -> Result<Outcome, Failure> {
    if !args.dry_run && !args.prepare && !args.no_record {
        cx.records("check")?;
    }
    let Some(plan) = Plan::make(args, cx)? else {
        return Ok(cx.skip(&format!("{} is empty", args.setting.as_deref().unwrap_or_default())));
    };
    if args.dry_run {
        report::announce(&plan, cx);
        return Ok(Outcome::done(plan.spell()));
    }
    if args.prepare {
        return prepare(&plan, cx);
    }
    let trials = make(&plan, args, cx)?;
    Ok(report::conclude(&plan, &trials, args, cx))
}

/// Makes the checks, compares them with what was before, and watches whether it lasts.
fn make(plan: &Plan, args: &Args, cx: &Context) -> Result<Vec<Trial>, Failure> {
    cx.say_more(&format!("{}: {}", plan.source, counted(plan.checks.len(), "check", "checks")));
    // What is wrong with the files is found before anything is asked.
    report::check_files(&args.telling)?;
    let before = args.judging.baseline.as_deref().map(Baseline::read).transpose()?;
    let mut trials = schedule::run(&plan.checks, &plan.conditions, cx.meter("made").line())?;
    if let Some(before) = before {
        trials = before.compare(&plan.checks, trials);
    }
    if let Some(length) = args.judging.watch {
        trials = Watch { length, interval: args.interval }.hold(plan, trials, args.judging.strict)?;
    }
    Ok(trials)
}

/// Notes where the logs end now. Without an environment and a check of a log there is nothing to note.
fn prepare(plan: &Plan, cx: &mut Context) -> Result<Outcome, Failure> {
    let marks = plan.note_logs(cx)?;
    if !marks.is_empty() {
        cx.records(PREPARE)?;
    }
    report::note(plan, &marks, cx);
    Ok(Outcome::done(plan.spell()))
}
