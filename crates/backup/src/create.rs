//! Making a backup, and pruning by the rules that are set.

use db::{Deadline, Manifest, Store};
use kit::root::Root;
use kit::{Context, Failure, Outcome};

use crate::args::Args;
use crate::capture::{Facts, capture};
use crate::owner::Owner;
use crate::partial::Partial;
use crate::prune;
use crate::source::Source;

pub(crate) fn create(args: &Args, cx: &mut Context) -> Result<Outcome, Failure> {
    let root = cx.settings.get("DEPLOY_ROOT").map(|_| cx.root()).transpose()?;
    cx.records("create")?;
    let deadline = Deadline::after(args.timeout);
    let database = match Source::find(args.if_absent, &deadline, cx)? {
        Source::Database(database) => database,
        Source::Nothing(reason) => return Ok(cx.skip(&reason)),
    };
    let manner = args.manner(database.engine())?;
    let store = Store::at(args.backup_dir.as_deref(), &cx.settings)?;
    let facts = Facts {
        env: cx.settings.get("DEPLOY_ENV"),
        deploy: cx.deploy()?.map(|deploy| deploy.to_string()),
        commit: root.as_ref().and_then(live_commit),
        label: args.label.clone(),
    };
    let partial = Partial::begin(store.dir(), "make a backup")?;
    let manifest = capture(partial.path(), &database, facts, manner, &cx.settings, &deadline)?;
    let path = partial.publish(manifest.created_at)?;
    record(cx, &path.display().to_string(), &manifest);
    if let Some(rules) = args.rules() {
        let owner = Owner::of(database.identity(), &cx.settings);
        prune::after(&path, &store, &owner, &rules, &deadline, cx);
    }
    Ok(Outcome::done(path.display().to_string()))
}

/// The commit that is live, where that is known; a backup does not depend on it.
fn live_commit(root: &Root) -> Option<String> {
    let release = root.live().ok().flatten()?;
    root.revision(&release).ok()
}

fn record(cx: &mut Context, path: &str, manifest: &Manifest) {
    cx.detail("path", path);
    cx.detail("database", manifest.database.as_str());
    cx.detail("engine", manifest.engine.to_string());
    cx.detail("format", manifest.format.to_string());
    cx.detail("compression", manifest.compression.to_string());
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
