//! deploy-status: what is live and whether it works now, told without changing anything; 0 only when it is verified
//! and its checks pass, and never 1 for what could not be found out.

mod args;
mod backup;
mod health;
mod judgement;
mod live;
mod page;
mod past;
mod question;
mod queue;
mod status;
mod way_back;

use std::process::ExitCode;

use kit::{Context, Exit, Failure, Outcome, Tool, clock};

use crate::args::Args;
use crate::judgement::Judgement;
use crate::status::Status;

const TOOL: Tool = Tool {
    name: "deploy-status",
    exits: &[
        (Exit::DONE, "healthy: something is live, verified, and its checks pass (or no smoke test is set)"),
        (
            Exit::NO,
            "not healthy: nothing is live, a check fails, what is live is bad or was never verified, or a deployment \
             ended with 5 and nothing better came since",
        ),
        (Exit::DAMAGED, "not known: the live release is damaged"),
        (Exit::ABSENT, "not known: `current` points at a release that is gone, or the checks file is not there"),
        (Exit::UNAVAILABLE, "not known: a tool, or the program of a check, is missing"),
        (Exit::IO, "not known: a check could not be made, or reading failed"),
        (Exit::SETTINGS, "the settings or the checks are wrong, or `current` is no link to a release"),
        (Exit::DEADLINE, "not known: the smoke test did not end in time"),
    ],
    examples: &[
        ("deploy-status -e prod", "Show what is live, whether it works, and what stands behind it"),
        ("deploy-status -e prod -q --timeout 20s || echo prod needs a person", "Ask as a monitor does"),
        ("watch -n5 deploy-status -e prod", "Watch an environment"),
        ("deploy-status -e prod --no-check --json", "Tell a program, without a request to the app"),
    ],
};

fn main() -> ExitCode {
    kit::tool::main(&TOOL, run)
}

fn run(args: &Args, cx: &mut Context) -> Result<Outcome, Failure> {
    let status = Status::gather(args, cx)?;
    let judgement = Judgement::of(&status);
    status.detail(cx);
    cx.detail("warnings", judgement.warnings.clone());
    if cx.is_silent() {
        return Ok(Outcome::with(judgement.exit(), ""));
    }
    let text = page::page(&status, &judgement, clock::now());
    Ok(match judgement.failure {
        Some(failure) => Outcome::failed(failure, text),
        None => Outcome::done(text),
    })
}
