//! Pruning: old releases go, but never one that is pinned. What cannot be found out removes nothing.

use std::fs;

use kit::failure::Attempt;
use kit::root::{ReleaseName, Root};
use kit::{Context, Exit, Failure, Outcome, files, question};
use serde_json::{Map, Value};

use crate::pins::{Backup, Facts, Pin};
use crate::stage;

pub(crate) fn prune(keep: usize, dry_run: bool, cx: &mut Context) -> Result<Outcome, Failure> {
    if !dry_run {
        cx.records("prune")?;
    }
    let root = cx.root()?;
    let _lock = cx.lock(&root)?;
    let (staged, live, history, backups) = (root.staged()?, root.live()?, cx.history()?, backups(cx)?);
    let facts = Facts { staged: &staged, live: live.as_ref(), history: &history, backups: &backups, keep };
    let verdicts = facts.verdicts();
    let doomed: Vec<&ReleaseName> =
        verdicts.iter().filter(|(_, pin)| pin.is_none()).map(|(release, _)| release).collect();
    let names: Vec<String> = doomed.iter().map(ToString::to_string).collect();
    cx.detail("removed", names.clone());
    cx.detail("kept", kept(&verdicts));
    if dry_run {
        let lines: Vec<String> = verdicts.iter().map(spell).collect();
        return Ok(Outcome::done(lines.join("\n")));
    }
    if doomed.is_empty() {
        cx.say("nothing to remove");
        return Ok(Outcome::done(""));
    }
    stage::clear_leftovers(&root)?;
    for release in doomed {
        remove(release, &root)?;
    }
    Ok(Outcome::done(names.join("\n")))
}

/// `keeps 41-0c9e1d2: live`.
fn spell((release, pin): &(ReleaseName, Option<Pin>)) -> String {
    match pin {
        Some(pin) => format!("keeps {release}: {pin}"),
        None => format!("removes {release}"),
    }
}

/// Each release that stays, and why.
fn kept(verdicts: &[(ReleaseName, Option<Pin>)]) -> Map<String, Value> {
    let stays = verdicts.iter().filter_map(|(release, pin)| Some((release, pin.as_ref()?)));
    stays.map(|(release, pin)| (release.to_string(), pin.to_string().into())).collect()
}

/// The backups whose commit is known. Without a database there are none to ask for.
fn backups(cx: &Context) -> Result<Vec<Backup>, Failure> {
    if cx.settings.get("DATABASE_URL").or_else(|| cx.settings.get("DATABASE_URL_FILE")).is_none() {
        return Ok(Vec::new());
    }
    let unknown = |exit: Exit, why: &str| {
        let message = format!("cannot find out which releases the backups need, so nothing is removed: {why}");
        Failure::new(exit, message).hint("see for yourself: backup-db list")
    };
    let answer = question::ask(cx, "backup-db", &["list"], &[], question::DEADLINE);
    let record = answer.map_err(|failure| {
        // That time ran out is a code for the app's own commands.
        let exit = if failure.exit == Exit::DEADLINE { Exit::IO } else { failure.exit };
        unknown(exit, &failure.message)
    })?;
    if record.exit_code != Some(Exit::DONE.code()) {
        let why = record.error.map_or_else(|| "backup-db did not say why".to_owned(), |error| error.message);
        return Err(unknown(Exit::IO, &why));
    }
    let listed = record.details.get("backups").and_then(Value::as_array);
    let known: Option<Vec<Option<Backup>>> = listed.and_then(|listed| listed.iter().map(backup).collect());
    match known {
        Some(known) => Ok(known.into_iter().flatten().collect()),
        None => Err(unknown(Exit::IO, "the list of backup-db is not understood")),
    }
}

/// A backup of the list: `Some(None)` when its commit is not known, `None` when it is not understood.
#[expect(clippy::option_option, reason = "nothing known and nothing understood are two things")]
fn backup(listed: &Value) -> Option<Option<Backup>> {
    let name = listed.get("name")?.as_str()?.to_owned();
    match listed.get("commit") {
        None | Some(Value::Null) => Some(None),
        Some(commit) => Some(Some(Backup { name, commit: commit.as_str()?.to_owned(), release: release(listed)? })),
    }
}

/// The release that it names, `Some(None)` when it names none, `None` when that is not understood.
#[expect(clippy::option_option, reason = "nothing known and nothing understood are two things")]
fn release(listed: &Value) -> Option<Option<ReleaseName>> {
    match listed.get("release") {
        None | Some(Value::Null) => Some(None),
        Some(release) => Some(Some(release.as_str()?.parse().ok()?)),
    }
}

/// Takes a release's name away before its files: half a release is none, and the next run clears what is left of it.
fn remove(release: &ReleaseName, root: &Root) -> Result<(), Failure> {
    let partial = stage::partial(release, root);
    files::publish(&root.release(release), &partial)?;
    fs::remove_dir_all(&partial).attempt(format_args!("remove {}", partial.display()))
}
