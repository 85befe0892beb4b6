//! Activation: announce, link, stop, switch, start. The switch itself is one rename.

use std::fs;
use std::time::Duration;

use kit::failure::Attempt;
use kit::root::{ReleaseName, Root};
use kit::{Context, Exit, Failure, Outcome, files};
use serde_json::Map;

use crate::restart::{self, App, Restart};
use crate::shared::SharedPaths;

pub(crate) fn activate(release: Option<ReleaseName>, timeout: Duration, cx: &mut Context) -> Result<Outcome, Failure> {
    cx.records("activate")?;
    let restart = Restart::plan(&cx.settings)?;
    if !cx.is_going_back() {
        restart::environment(&cx.settings)?;
    }
    let shared = SharedPaths::plan(&cx.settings)?;
    let root = cx.root()?;
    let _lock = cx.lock(&root)?;
    let release = chosen(release, &root, cx)?;
    let commit = root.revision(&release)?;
    let before = root.live()?;
    cx.concerns(&release, Some(&commit));
    let directory = root.release(&release);
    // Before the begin: links in a release that is not live touch nothing, and a refusal is no reason to roll back.
    shared.link(&directory, &root.shared())?;
    cx.begins(Map::from_iter([("previous".to_owned(), before.as_ref().map(ToString::to_string).into())]))?;
    if let (Restart::StopStart { stop, .. }, Some(before)) = (&restart, &before) {
        stop_app(stop, before, &release, timeout, cx, &root)?;
    }
    files::point(&root.current(), format!("releases/{release}").as_ref())?;
    let app = App { settings: &cx.settings, root: &root, timeout };
    match &restart {
        Restart::Nothing => {}
        Restart::Reload(reload) => app.run("RELOAD_COMMAND", reload, &directory, &commit)?,
        Restart::StopStart { start, .. } => app.run("START_COMMAND", start, &directory, &commit)?,
    }
    Ok(Outcome::done(directory.display().to_string()))
}

/// Proves whatever can be proven of an activation without touching anything, and tells what it would do.
pub(crate) fn rehearse(release: Option<ReleaseName>, cx: &mut Context) -> Result<Outcome, Failure> {
    let restart = Restart::plan(&cx.settings)?;
    restart::environment(&cx.settings)?;
    let shared = SharedPaths::plan(&cx.settings)?;
    let root = cx.root()?;
    let release = chosen(release, &root, cx)?;
    let commit = root.revision(&release)?;
    cx.concerns(&release, Some(&commit));
    shared.refuse_missing(&root.shared())?;
    Ok(Outcome::done(restart.spell(root.live()?.as_ref(), &release)))
}

/// The release that is named, else the one that the deployment staged.
fn chosen(release: Option<ReleaseName>, root: &Root, cx: &Context) -> Result<ReleaseName, Failure> {
    match (release, cx.deploy()?) {
        (Some(release), _) => Ok(release),
        (None, Some(deploy)) => root.staged_by(&deploy),
        (None, None) => Err(Failure::new(Exit::USAGE, "which release? name one of those that `release list` shows")),
    }
}

/// Stops the app in the release that runs. While going back, a release whose stop script is broken or gone must not
/// keep the way shut: then the script of the release that is to run is tried as well, and its failure only said.
fn stop_app(
    stop: &str,
    before: &ReleaseName,
    next: &ReleaseName,
    timeout: Duration,
    cx: &Context,
    root: &Root,
) -> Result<(), Failure> {
    let app = App { settings: &cx.settings, root, timeout };
    let stop_in = |release: &ReleaseName| {
        let commit = root.revision(release)?;
        app.run("STOP_COMMAND", stop, &root.release(release), &commit)
    };
    let Err(failure) = stop_in(before) else {
        return Ok(());
    };
    if !cx.is_going_back() && failure.exit != Exit::ABSENT {
        return Err(failure);
    }
    cx.warn(&format!("cannot stop {before} with its own script ({}); trying that of {next}", failure.message));
    if let Err(failure) = stop_in(next) {
        cx.warn(&format!("{}; going on, for the smoke test will tell", failure.message));
    }
    Ok(())
}

pub(crate) fn deactivate(timeout: Duration, cx: &mut Context) -> Result<Outcome, Failure> {
    cx.records("deactivate")?;
    let restart = Restart::plan(&cx.settings)?;
    let root = cx.root()?;
    let _lock = cx.lock(&root)?;
    let Some(live) = root.live()? else {
        return Ok(cx.skip("nothing is live"));
    };
    cx.concerns(&live, None);
    cx.begins(Map::new())?;
    match &restart {
        Restart::StopStart { stop, .. } => stop_app(stop, &live, &live, timeout, cx, &root)?,
        _ => cx.warn("there is no STOP_COMMAND: if the app runs, it still does"),
    }
    let current = root.current();
    fs::remove_file(&current)
        .and_then(|()| files::sync_dir(root.path()))
        .attempt(format_args!("take {} away", current.display()))?;
    Ok(Outcome::done(""))
}
