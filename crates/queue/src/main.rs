//! deploy-queue: one deployment at a time, the newest submission wins, everybody learns what became of theirs, and what
//! a killed deployment left is finished or undone before the next one begins.

mod args;
mod cancel;
mod deployment;
mod entry;
mod fate;
mod follow;
mod hold;
mod listing;
mod recovery;
mod runner;
mod submit;

use std::process::ExitCode;

use kit::{Context, Exit, Failure, Outcome, Tool};

use crate::args::{Args, Command};

const TOOL: Tool = Tool {
    name: "deploy-queue",
    exits: &[
        (Exit::DONE, "done; for `run`: nothing waits any more, or another runner is at work"),
        (
            Exit::ABSENT,
            "there is no such commit, repository or deployment; for `cancel`: it does not wait or run any more",
        ),
        (Exit::UNAVAILABLE, "git or another tool of the family is missing"),
        (Exit::IO, "reading, writing or git failed"),
        (
            Exit::BUSY,
            "for `submit --follow`: a newer submission took its place, it was cancelled, or it waits because the \
             environment is held; for `cancel`: the deployment is being rolled back already, or works on alone",
        ),
        (Exit::NOT_PERMITTED, "the environment belongs to another user"),
    ],
    examples: &[
        (
            "deploy-queue -e prod submit --follow main",
            "Deploy the tip of main, watch, and exit with the deployment's code (see deploy)",
        ),
        ("deploy-queue -e prod submit --force 3f2a1c9", "Deploy a commit although it is live, or was rolled back"),
        ("deploy-queue -e prod list", "Show what runs and what waits"),
        ("deploy-queue -e prod hold 'prod-41 is being looked into'", "Let no deployment begin, whatever is pushed"),
        ("deploy-queue -e prod cancel prod-42", "Stop the deployment in progress and undo what it did"),
        ("deploy-queue -e prod log prod-42", "Print the log of a deployment"),
        ("deploy-queue -e prod run", "Work the queue off now, and settle what a killed deployment left (at boot, say)"),
    ],
};

fn main() -> ExitCode {
    kit::tool::main(&TOOL, run)
}

fn run(args: &Args, cx: &mut Context) -> Result<Outcome, Failure> {
    match &args.command {
        Command::Submit(submission) => submit::submit(submission, cx),
        Command::Run => runner::run(cx),
        Command::List => listing::list(cx),
        Command::Hold { reason, by } => hold::hold(reason, by.as_deref(), cx),
        Command::Unhold { by } => hold::unhold(by.as_deref(), cx),
        Command::Cancel { targets, by } => cancel::cancel(targets, by.as_deref(), cx),
        Command::Log { deployment: None, last } => listing::log(*last, cx),
        Command::Log { deployment: Some(id), .. } => listing::show(id, cx),
    }
}
