//! Setting a repository up: the hook is a link to this binary, and git's config says which ref goes where.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use kit::failure::Attempt;
use kit::git::Repository;
use kit::root::Root;
use kit::settings::Settings;
use kit::{Context, Exit, Failure, Outcome, files};

/// Where deployments pin their commits; hidden, so that no pusher moves or sees them.
const PINS: &str = "refs/deploys";

pub(crate) fn install(path: &Path, maps: &[String], cx: &mut Context) -> Result<Outcome, Failure> {
    let path =
        fs::canonicalize(path).attempt_or(Exit::ABSENT, format_args!("open the repository {}", path.display()))?;
    let repository = Repository::at(&path);
    match repository.ask(["rev-parse", "--is-bare-repository"]) {
        Ok(answer) if answer == "true" => {}
        Err(failure) if failure.exit == Exit::UNAVAILABLE => return Err(failure),
        _ => {
            let failure = Failure::new(Exit::ABSENT, format!("{} is no bare repository", path.display()));
            return Err(failure.hint("make one: git init --bare"));
        }
    }
    let maps = maps.iter().map(|map| Map::parse(map, &repository)).collect::<Result<Vec<_>, _>>()?;
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

/// A ref and the environment that it goes to, both proven.
struct Map {
    reference: String,
    environment: PathBuf,
}

impl Map {
    fn parse(text: &str, repository: &Repository) -> Result<Self, Failure> {
        let Some((name, file)) = text.split_once('=') else {
            return Err(Failure::new(Exit::USAGE, format!("{text:?} is not REF=ENV_FILE")));
        };
        let reference = if name.starts_with("refs/") { name.to_owned() } else { format!("refs/heads/{name}") };
        if !repository.run(&["check-ref-format", &reference])?.status.is_success() {
            return Err(Failure::new(Exit::USAGE, format!("{name:?} is not the name of a branch or ref")));
        }
        let environment =
            fs::canonicalize(file).attempt_or(Exit::SETTINGS, format_args!("open the environment file {file}"))?;
        let settings = Settings::load(Some(&environment.to_string_lossy()))?;
        Root::open(&settings)?;
        settings.require("DEPLOY_ENV")?;
        let deployed_from = settings.require("DEPLOY_REPO")?;
        if fs::canonicalize(&deployed_from).ok().as_deref() != Some(repository.path()) {
            let message = format!(
                "{} deploys from {deployed_from}, not from {}",
                environment.display(),
                repository.path().display()
            );
            return Err(
                Failure::new(Exit::SETTINGS, message).hint("set DEPLOY_REPO to the repository that is pushed to")
            );
        }
        Ok(Self { reference, environment })
    }
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
