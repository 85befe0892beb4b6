//! Setting a repository up: the hook is a link to this binary, and git's config says which ref goes where.

use std::fs;
use std::io;
use std::path::Path;

use kit::failure::Attempt;
use kit::git::Repository;
use kit::{Context, Exit, Failure, Outcome, files};

use crate::map::Map;

/// Where deployments pin their commits; hidden, so that no pusher moves or sees them.
pub(crate) const PINS: &str = "refs/deploys";

pub(crate) fn install(path: &Path, maps: &[String], cx: &mut Context) -> Result<Outcome, Failure> {
    let path =
        fs::canonicalize(path).attempt_or(Exit::ABSENT, format_args!("open the repository {}", path.display()))?;
    let repository = Repository::at(&path);
    if is_bare(&repository)? != Some(true) {
        let failure = Failure::new(Exit::ABSENT, format!("{} is no bare repository", path.display()));
        return Err(failure.hint("make one: git init --bare"));
    }
    let maps = maps.iter().map(|map| Map::parse(map, &repository)).collect::<Result<Vec<_>, _>>()?;
    cx.changes();
    link_hook(&repository)?;
    for map in &maps {
        let key = format!("pushback.{}.env", map.reference);
        repository.ask(["config", "--replace-all", &key, &map.environment.to_string_lossy()])?;
        cx.say(&format!("{} deploys with {}", map.reference, map.environment.display()));
    }
    repository.ask(["config", "receive.advertisePushOptions", "true"])?;
    let hidden = repository.run(&["config", "--get-all", "transfer.hideRefs"])?.text();
    if !hidden.lines().any(|line| line == PINS) {
        repository.ask(["config", "--add", "transfer.hideRefs", PINS])?;
    }
    Ok(Outcome::done(path.join("hooks/post-receive").display().to_string()))
}

/// Whether this directory is bare, or else has a work tree; none when it is no repository, or only a part of one.
pub(crate) fn is_bare(repository: &Repository) -> Result<Option<bool>, Failure> {
    let answer = repository.run(&["rev-parse", "--is-bare-repository", "--absolute-git-dir"])?;
    Ok(match answer.text().split_once('\n') {
        Some(("true", dir)) if Path::new(dir) == repository.path() => Some(true),
        Some(("false", _)) => Some(false),
        _ => None,
    })
}

/// Points the hook at this binary. A hook that somebody else wrote is left alone.
fn link_hook(repository: &Repository) -> Result<(), Failure> {
    let elsewhere = repository.run(&["config", "--get", "core.hooksPath"])?.text();
    if !elsewhere.is_empty() {
        let message = format!("core.hooksPath is {elsewhere}: git would not run the hook of this repository");
        return Err(Failure::new(Exit::SETTINGS, message).hint("git config --unset core.hooksPath"));
    }
    let own = std::env::current_exe().and_then(fs::canonicalize).attempt("find this tool's own path")?;
    let hooks = repository.path().join("hooks");
    files::make_dir(&hooks)?;
    let hook = hooks.join("post-receive");
    let target = fs::read_link(&hook);
    let is_ours = target.as_ref().is_ok_and(|target| target.file_name() == own.file_name());
    match hook.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        _ if is_ours => {}
        _ => {
            let message = format!("{} is a hook of somebody else's", hook.display());
            return Err(Failure::new(Exit::CANNOT_CREATE, message).hint("move it away, or call `post-receive` from it"));
        }
    }
    files::point(&hook, &own)
}
