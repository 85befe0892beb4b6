//! backup-db: a backup either has its final name and is complete, or does not exist; and the newest good one is never
//! removed.

mod accept;
mod after;
mod args;
mod capture;
mod config;
mod create;
mod gate;
mod listing;
mod manner;
mod owner;
mod partial;
mod pins;
mod proof;
mod prune;
mod quantity;
mod readiness;
mod retention;
mod source;
mod stream;
mod verify;

use std::process::ExitCode;

use kit::{Context, Exit, Failure, Outcome, Tool};

use crate::args::{Args, Command};

const TOOL: Tool = Tool {
    name: "backup-db",
    exits: &[
        (
            Exit::DONE,
            "the backup is made; listed; all verify; pruned; accepted; check: a backup can be made; with --if-absent skip: or there is \
             nothing to back up yet",
        ),
        (
            Exit::NO,
            "the backup is made, but far smaller than the last good one: it is suspect, and nothing was removed; verify: at \
             least one backup does not verify; check: there is no room for a backup",
        ),
        (Exit::USAGE, "wrong usage; prune: no rule says what to keep; nothing was removed"),
        (
            Exit::DAMAGED,
            "the database is damaged, or the file is no database, or the dump is not whole; no backup was made; accept: the backup \
             is damaged",
        ),
        (
            Exit::ABSENT,
            "the database, or DEPLOY_ROOT, is not there; verify, accept: there is no such backup, or none at all",
        ),
        (
            Exit::UNAVAILABLE,
            "the server does not answer, or its client programs are missing: no backup was made; verify, prune: pg_restore, \
             which alone reads archives, is missing",
        ),
        (Exit::CANNOT_CREATE, "BACKUP_DIR cannot be made or written to"),
        (
            Exit::IO,
            "reading, writing or the dumper failed: no backup was made; or BACKUP_AFTER_COMMAND did: the backup is made, \
             nothing was removed",
        ),
        (Exit::BUSY, "others kept the database locked all the time"),
        (
            Exit::NOT_PERMITTED,
            "others may read the settings, the server does not let the role in, or that may not read all that a backup needs",
        ),
        (Exit::DEADLINE, "it took longer than --timeout"),
    ],
    examples: &[
        ("backup-db -e prod", "Back up and print the path of the backup; the line for a nightly cron job"),
        ("backup-db -e prod --label 'before the import'", "Leave a word for the person who restores it"),
        ("backup-db -e prod check", "Ask whether a backup can be made: the server, what its role may read, and room"),
        ("backup-db -e prod list", "Show what there is to restore"),
        ("backup-db -e prod verify latest", "Prove that the newest backup would restore"),
        (
            "backup-db -e prod accept 2026-11-21T10-15-00Z",
            "Let a suspect backup count: it was right that so much is gone",
        ),
        (
            "backup-db -e prod prune --keep-last 3 --keep-daily 7 --keep-monthly 12 --dry-run",
            "See what would go, and why",
        ),
    ],
};

fn main() -> ExitCode {
    kit::tool::main(&TOOL, run)
}

fn run(args: &Args, cx: &mut Context) -> Result<Outcome, Failure> {
    args.check()?;
    match args.command {
        Command::Create => create::create(args, cx),
        Command::Check => readiness::check(args, cx),
        Command::List => listing::list(args, cx),
        Command::Verify => verify::verify(args, cx),
        Command::Prune => prune::prune(args, cx),
        Command::Accept => accept::accept(args, cx),
    }
}
