//! Making a backup, and pruning by the rules that are set.

use std::path::Path;

use db::store::SAFETY_LABEL;
use db::{Deadline, Manifest, Store, grade};
use kit::root::{ReleaseName, Root};
use kit::{Context, Exit, Failure, Outcome};

use crate::after;
use crate::args::Args;
use crate::capture::{Capture, Facts};
use crate::gate::Gate;
use crate::owner::Owner;
use crate::partial::Partial;
use crate::prune;
use crate::source::{Database, Source};
use crate::stream::stream;

pub(crate) fn create(args: &Args, cx: &mut Context) -> Result<Outcome, Failure> {
    let root = cx.settings.get("DEPLOY_ROOT").map(|_| cx.root()).transpose()?;
    cx.records("create")?;
    let deadline = Deadline::after(args.timeout);
    let database = match Source::find(args.if_absent, &deadline, cx)? {
        Source::Database(database) => database,
        Source::Nothing(reason) => return Ok(cx.skip(&reason)),
    };
    if let Database::Server { server, .. } = &database {
        server.warnings(&deadline)?.iter().for_each(|warning| cx.warn(warning));
    }
    let manner = args.wishes.manner(database.engine())?;
    if args.label.as_deref() == Some(SAFETY_LABEL) && !args.wishes.alone {
        let message = format!("the label {SAFETY_LABEL:?} is that of restore-db, for its --undo");
        return Err(Failure::new(Exit::USAGE, message).hint("choose another one"));
    }
    let store = Store::at(args.backup_dir.as_deref(), &cx.settings)?;
    if args.output.is_some() {
        manner.require_stream()?;
        return stream(&database, manner, store.dir(), &deadline, cx);
    }
    let live = root.as_ref().and_then(live);
    let facts = Facts {
        env: cx.settings.get("DEPLOY_ENV"),
        deploy: cx.deploy()?.map(|deploy| deploy.to_string()),
        commit: live.as_ref().and_then(|(root, release)| root.revision(release).ok()),
        release: live.map(|(_, release)| release.to_string()),
        label: args.label.clone(),
    };
    let owner = Owner::of(database.identity(), &cx.settings);
    let partial = Partial::begin(store.dir(), "make a backup")?;
    warn_of_left(&partial, cx);
    let gate = Gate::find(&store, &owner, args.shrink_limit)?;
    let expected = gate.as_ref().and_then(|gate| gate.expected(manner.format));
    let capture = Capture { database: &database, manner, expected, deadline: &deadline, cx };
    let manifest = capture.run(partial.path(), facts, &args.include(&cx.settings))?;
    let suspicion = gate.and_then(|gate| gate.suspicion(&manifest));
    if let Some(why) = &suspicion {
        // Before the set has its name: killed in between, it must not count as a good one.
        grade::doubt(partial.path(), &manifest, why)?;
    }
    let path = partial.publish(manifest.created_at)?;
    record(cx, &path.display().to_string(), &manifest);
    if let Some(why) = suspicion {
        cx.detail("suspect", why.as_str());
        return Err(suspect(&path, &why));
    }
    if !args.wishes.alone {
        after::hand_over(&path, root.as_ref(), args.timeout, cx)?;
        if let Some(rules) = args.rules() {
            prune::after(&path, &store, owner, rules, &deadline, cx);
        }
    }
    Ok(Outcome::done(path.display().to_string()))
}

/// Names what only a person can remove.
fn warn_of_left(partial: &Partial, cx: &Context) {
    for path in partial.left() {
        let path = path.display();
        cx.warn(&format!("{path} was left by a run that ended early, and cannot be removed; do it by hand"));
    }
}

fn suspect(path: &Path, why: &str) -> Failure {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let message = format!("the backup {name} is made, but suspect: {why}; no old backup was removed");
    let hint = format!("find out what happened to the database; if it is as it should be: backup-db accept {name}");
    Failure::new(Exit::NO, message).hint(hint)
}

/// The release that is live, where that is known; a backup does not depend on it.
fn live(root: &Root) -> Option<(&Root, ReleaseName)> {
    Some((root, root.live().ok().flatten()?))
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
