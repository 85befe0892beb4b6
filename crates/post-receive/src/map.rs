//! Which ref deploys with which environment: what a person writes, and what has to hold for it to work.

use std::fs;
use std::path::{Path, PathBuf};

use kit::failure::Attempt;
use kit::git::Repository;
use kit::root::Root;
use kit::settings::Settings;
use kit::{Exit, Failure};

/// A ref and the environment that it goes to, both proven.
pub(crate) struct Map {
    pub(crate) reference: String,
    pub(crate) environment: PathBuf,
}

impl Map {
    /// Reads `REF=ENV_FILE`.
    pub(crate) fn parse(text: &str, repository: &Repository) -> Result<Self, Failure> {
        let Some((name, file)) = split(text) else {
            return Err(Failure::new(Exit::USAGE, format!("{text:?} is not REF=ENV_FILE")));
        };
        let reference = if name.starts_with("refs/") { name.to_owned() } else { format!("refs/heads/{name}") };
        if !is_ref(&reference, repository)? {
            return Err(Failure::new(Exit::USAGE, format!("{name:?} is not the name of a branch or ref")));
        }
        let environment =
            fs::canonicalize(file).attempt_or(Exit::SETTINGS, format_args!("open the environment file {file}"))?;
        prove(&environment.to_string_lossy(), repository)?;
        Ok(Self { reference, environment })
    }
}

/// Both a branch and a path may hold a `=`: the one that a file stands behind is ours, the first in doubt.
fn split(text: &str) -> Option<(&str, &str)> {
    let splits = || text.match_indices('=').filter_map(|(at, _)| Some((text.get(..at)?, text.get(at + 1..)?)));
    splits().find(|(_, file)| Path::new(file).is_file()).or_else(|| splits().next())
}

/// Whether this is the full name of a ref that git could have.
pub(crate) fn is_ref(reference: &str, repository: &Repository) -> Result<bool, Failure> {
    Ok(reference.starts_with("refs/") && repository.run(&["check-ref-format", reference])?.status.is_success())
}

/// Whether an environment can deploy from this repository: its settings can be read by this user, who owns its
/// directory, and it names this repository.
pub(crate) fn prove(environment: &str, repository: &Repository) -> Result<(), Failure> {
    let settings = Settings::load(Some(environment))?;
    Root::open(&settings)?;
    settings.require("DEPLOY_ENV")?;
    let deployed_from = settings.require("DEPLOY_REPO")?;
    if fs::canonicalize(&deployed_from).ok().as_deref() != Some(repository.path()) {
        let message = format!("{environment} deploys from {deployed_from}, not from {}", repository.path().display());
        return Err(Failure::new(Exit::SETTINGS, message).hint("set DEPLOY_REPO to the repository that is pushed to"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn the_file_decides_which_equals_sign_is_meant() {
        assert_eq!(split("a=b=/etc/passwd"), Some(("a=b", "/etc/passwd")));
        assert_eq!(split("main=/no/such=file"), Some(("main", "/no/such=file")));
        assert_eq!(split("main"), None);
    }
}
