//! release: a commit is staged whole or not at all, and one rename makes it live: whoever reads `current` sees the old
//! release or the new one.

mod archive;
mod args;
mod listing;
mod pins;
#[cfg(test)]
mod properties;
mod prune;
mod restart;
mod shared;
mod stage;
mod switch;

use std::process::ExitCode;

use kit::{Context, Exit, Failure, Outcome, Tool};

use crate::args::{Args, Command};

const TOOL: Tool = Tool {
    name: "release",
    exits: &[
        (Exit::DONE, "done; for `current --is`: that commit is live and verified"),
        (Exit::NO, "for `current --is`: that commit is not live, or not verified"),
        (Exit::DAMAGED, "the release's REVISION does not hold a commit"),
        (Exit::ABSENT, "there is no such commit or release, or nothing is live"),
        (Exit::UNAVAILABLE, "git or tar is missing; for prune: backup-db is"),
        (Exit::CANNOT_CREATE, "the deployment has a staged release already"),
        (
            Exit::IO,
            "reading, writing, git, or a command that stops, starts or reloads the app failed; for prune: what the \
             backups need could not be found out, and nothing was removed",
        ),
        (Exit::BUSY, "somebody else holds the environment's lock"),
        (Exit::NOT_PERMITTED, "the environment belongs to another user"),
        (Exit::SETTINGS, "settings are wrong, or ask for what is not supported yet"),
        (Exit::DEADLINE, "a command that stops, starts or reloads the app took longer than DEPLOYMENT_TIMEOUT"),
    ],
    examples: &[
        ("release -e prod list", "Show the releases on disk and which is live"),
        ("release -e prod activate 41-0c9e1d2", "Make a staged release live and restart the app"),
        ("release -e prod current --is 3f2a1c9", "Ask whether a commit is live and verified"),
        ("release -e prod prune --keep 5", "Remove old releases, never one that a rollback or a backup needs"),
    ],
};

fn main() -> ExitCode {
    kit::tool::main(&TOOL, run)
}

fn run(args: &Args, cx: &mut Context) -> Result<Outcome, Failure> {
    match &args.command {
        Command::Stage { commit } => stage::stage(commit, cx),
        Command::Activate { release, dry_run: true, .. } => switch::rehearse(release.clone(), cx),
        Command::Activate { release, timeout, .. } => switch::activate(release.clone(), *timeout, cx),
        Command::Deactivate { timeout } => switch::deactivate(*timeout, cx),
        Command::Current { is } => listing::current(is.as_deref(), cx),
        Command::List => listing::list(cx),
        Command::Prune { keep, dry_run } => prune::prune(*keep, *dry_run, cx),
    }
}
