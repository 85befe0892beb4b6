//! backup-db: a backup either has its final name and is complete, or does not exist.

mod args;
mod capture;
mod config;
mod partial;
mod source;

use std::process::ExitCode;

use db::{Deadline, Manifest, Store};
use kit::root::Root;
use kit::{Context, Exit, Failure, Outcome, Tool};

use crate::args::{Args, Command};
use crate::capture::{Facts, capture};
use crate::partial::Partial;
use crate::source::Source;

const TOOL: Tool = Tool {
    name: "backup-db",
    exits: &[
        (Exit::DONE, "the backup is made and verified; with --if-absent skip: or there is nothing to back up yet"),
        (Exit::DAMAGED, "the database is damaged, or the file is no database; no backup was made of it"),
        (Exit::ABSENT, "the database, or DEPLOY_ROOT, is not there"),
        (Exit::CANNOT_CREATE, "BACKUP_DIR cannot be made or written to"),
        (Exit::IO, "reading or writing failed: the disk is full, say"),
        (Exit::BUSY, "others kept the database locked all the time"),
        (Exit::DEADLINE, "it took longer than --timeout"),
    ],
    examples: &[
        ("backup-db -e prod", "Back up and print the path of the backup"),
        ("backup-db -e prod --label 'before the import'", "Leave a word for the person who restores it"),
    ],
};

fn main() -> ExitCode {
    kit::tool::main(&TOOL, run)
}

fn run(args: &Args, cx: &mut Context) -> Result<Outcome, Failure> {
    let Command::Create = args.command;
    let root = cx.settings.get("DEPLOY_ROOT").map(|_| cx.root()).transpose()?;
    cx.records("create")?;
    let url = match Source::find(args.if_absent, cx)? {
        Source::Database(url) => url,
        Source::Nothing(reason) => return Ok(cx.skip(&reason)),
    };
    let store = Store::at(args.backup_dir.as_deref(), &cx.settings)?;
    let deadline = Deadline::after(args.timeout);
    let facts = Facts {
        env: cx.settings.get("DEPLOY_ENV"),
        deploy: cx.deploy()?.map(|deploy| deploy.to_string()),
        commit: root.as_ref().and_then(live_commit),
        label: args.label.clone(),
    };
    let partial = Partial::begin(store.dir())?;
    let manifest = capture(partial.path(), &url, facts, &cx.settings, &deadline)?;
    let path = partial.publish(manifest.created_at)?.display().to_string();
    record(cx, &path, &manifest);
    Ok(Outcome::done(path))
}

/// The commit that is live, where that is known; a backup does not depend on it.
fn live_commit(root: &Root) -> Option<String> {
    let release = root.live().ok().flatten()?;
    root.revision(&release).ok()
}

fn record(cx: &mut Context, path: &str, manifest: &Manifest) {
    cx.detail("path", path);
    cx.detail("database", manifest.database.as_str());
    cx.detail("engine", manifest.engine.as_str());
    cx.detail("size_raw", manifest.raw.size);
    cx.detail("size_stored", manifest.stored.size);
    cx.detail("sha256", manifest.stored.sha256.as_str());
    cx.detail("tables", manifest.tables.len());
    cx.detail("rows", manifest.rows());
    cx.say_more(&format!(
        "{} tables, {} rows, {} bytes, compressed to {}",
        manifest.tables.len(),
        manifest.rows(),
        manifest.raw.size,
        manifest.stored.size
    ));
}
