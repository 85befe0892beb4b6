//! restore-db: the live database becomes exactly what a verified backup holds, or stays exactly what it was.

mod args;
mod choice;
mod consent;
mod drill;
mod feeder;
mod mysql;
mod postgres;
mod restore;
mod safety;
mod server;
mod source;
mod sqlite;

use std::process::ExitCode;

use db::{Deadline, Store, Url};
use kit::{Context, Exit, Failure, Outcome, Tool};

use crate::args::Args;
use crate::consent::Consent;
use crate::restore::Restore;

const TOOL: Tool = Tool {
    name: "restore-db",
    exits: &[
        (Exit::DONE, "the live database is what the backup holds; --dry-run, --drill: the backup would restore"),
        (Exit::NO, "--drill: the backup would not restore"),
        (Exit::USAGE, "wrong usage; or what another program made, without --unverified"),
        (Exit::DAMAGED, "the backup or the dump is damaged; nothing was touched"),
        (Exit::ABSENT, "there is no such backup; no such database on the server; --undo: nothing to put back"),
        (
            Exit::UNAVAILABLE,
            "the server does not answer, or its client programs are missing; nothing was touched, or with a hint: run it again",
        ),
        (Exit::CANNOT_CREATE, "no file can be made beside the live database; nothing was touched"),
        (
            Exit::IO,
            "reading, writing or loading failed: the database is what it was, or with a hint to run this again what the \
             backup holds; or it does not verify",
        ),
        (Exit::BUSY, "others use the database or hold the environment's lock; nothing was touched"),
        (
            Exit::NOT_PERMITTED,
            "the live database may not be written, or the role may not do what a restore needs; nothing was touched",
        ),
        (Exit::SETTINGS, "settings are wrong, or the backup is of another database than DATABASE_URL"),
        (Exit::DEADLINE, "it took longer than --timeout; nothing was touched, or with a hint: run it again"),
    ],
    examples: &[
        ("restore-db -e prod latest", "Restore the newest backup, after a countdown of five seconds"),
        (
            "restore-db -e prod --before 2026-11-21T10:15:00Z --dry-run",
            "See what going back to before a moment would mean",
        ),
        ("restore-db -e prod --drill latest", "Prove that the newest backup restores, and learn how long it takes"),
        ("restore-db -e prod --undo", "Put back what was live before the last restore"),
        ("sqlite3 old.sqlite .dump | restore-db -e prod --yes --unverified -", "Restore what another program made"),
        ("restore-db -e prod --yes 2026-11-21T10-15-00Z", "Restore a backup of BACKUP_DIR from a script"),
    ],
};

fn main() -> ExitCode {
    kit::tool::main(&TOOL, run)
}

fn run(args: &Args, cx: &mut Context) -> Result<Outcome, Failure> {
    args.choice.check()?;
    if args.drill {
        return drill::drill(args, cx);
    }
    let consent = Consent::of(args.yes || args.dry_run)?;
    let url = Url::require(&cx.settings)?;
    let store = Store::at(args.backup_dir.as_deref(), &cx.settings)?;
    let root = cx.settings.get("DEPLOY_ROOT").map(|_| cx.root()).transpose()?;
    let lock = root.filter(|_| !args.dry_run).map(|root| cx.lock(&root)).transpose()?;
    if !args.dry_run {
        cx.records("restore")?;
    }
    let restore = Restore { args, consent, url: &url, store: &store, deadline: Deadline::after(args.timeout) };
    match &url {
        Url::Sqlite(_) => restore.file(lock.as_ref(), cx),
        Url::Postgres(address) => restore.postgres(address, cx),
        Url::Mysql(address) => restore.mysql(address, lock.as_ref(), cx),
    }
}
