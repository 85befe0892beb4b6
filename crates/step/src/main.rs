//! run-step: a command runs in the staged release with an environment made for it, a log of its own, a deadline and
//! one record; its failure is a plain no.

mod args;
mod command;

use std::process::ExitCode;
use std::time::Instant;

use kit::process::Status;
use kit::{Context, Exit, Failure, Outcome, Tool, clock, signal};

use crate::args::Args;
use crate::command::Step;

const TOOL: Tool = Tool {
    name: "run-step",
    exits: &[
        (Exit::DONE, "the command succeeded, or its setting is empty: the step is skipped"),
        (Exit::NO, "the command failed, at every attempt"),
        (Exit::ABSENT, "the release, or the directory to run in, is not there"),
        (Exit::UNAVAILABLE, "the command cannot be run: it is not there or not executable"),
        (Exit::DEADLINE, "the command took longer than --timeout and was ended with its whole session"),
    ],
    examples: &[
        ("run-step -e prod test --setting TEST_COMMAND", "Run the tests of the deployment named by PUSHBACK_DEPLOY"),
        ("run-step nightly --timeout 10m --attempts 3 -- ./import --all", "Run a command by hand, three times at most"),
    ],
};

fn main() -> ExitCode {
    kit::tool::main(&TOOL, run)
}

fn run(args: &Args, cx: &mut Context) -> Result<Outcome, Failure> {
    cx.records(&args.name)?;
    let Some(step) = Step::plan(args, cx)? else {
        let setting = args.setting.as_deref().unwrap_or_default();
        return Ok(cx.skip(&format!("{setting} is empty")));
    };
    cx.say_more(&format!("{}: {} in {}", args.name, step.spell(), step.dir().display()));
    let began = Instant::now();
    let mut status = step.run()?;
    let mut attempts = 1;
    while attempts < args.attempts && status != Status::Exit(0) {
        cx.say(&format!("{} {}; trying again in {:?}", args.name, status.spell(), args.wait));
        signal::sleep(args.wait)?;
        status = step.run()?;
        attempts += 1;
    }
    cx.detail("attempts", attempts);
    cx.detail("took_ms", clock::milliseconds(began.elapsed()));
    step.judge(&args.name, status, cx)
}
