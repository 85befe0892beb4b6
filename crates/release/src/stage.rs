//! Staging: a commit becomes a directory that has its name only when it is complete and on disk.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use kit::failure::Attempt;
use kit::git::Repository;
use kit::root::{ReleaseName, Root};
use kit::{Context, Exit, Failure, Outcome, files};

use crate::archive;
use crate::restart::{self, Restart};
use crate::shared::SharedPaths;

/// What a release that is not complete yet is called; no release's name begins so.
const PARTIAL: &str = ".stage-";

pub(crate) fn stage(commit: &str, cx: &mut Context) -> Result<Outcome, Failure> {
    cx.records("stage")?;
    let Some(deploy) = cx.deploy()? else {
        let message = "cannot stage: PUSHBACK_DEPLOY does not say for which deployment";
        return Err(Failure::new(Exit::SETTINGS, message).hint("deploy-queue submit deploys a commit by hand"));
    };
    refuse_what_is_not_there_yet(cx)?;
    Restart::plan(&cx.settings)?;
    restart::environment(&cx.settings)?;
    let shared = SharedPaths::plan(&cx.settings)?;
    let root = cx.root()?;
    let _lock = cx.lock(&root)?;
    let (repository, commit) = Repository::find(&cx.settings, commit)?;
    let release = ReleaseName::new(deploy.number(), &commit);
    cx.concerns(&release, Some(&commit));
    if let Ok(there) = root.staged_by(&deploy) {
        let message = format!("{deploy} has staged {there} already, and a release is never made twice");
        return Err(Failure::new(Exit::CANNOT_CREATE, message).hint("submit the commit again: it gets a new number"));
    }
    files::make_dir(&root.releases())?;
    if let Err(failure) = clear_leftovers(&root) {
        // What another release left is in nobody's way; what bears this one's name will be.
        cx.warn(&failure.message);
    }
    let partial = partial(&release, &root);
    let staged = fill(&partial, &repository, &commit, &shared, &root);
    if let Err(failure) = staged {
        // What was half made says nothing; the next stage removes what this one could not.
        clear_leftovers(&root).ok();
        return Err(failure);
    }
    let path = root.release(&release);
    files::publish(&partial, &path)?;
    Ok(Outcome::done(path.display().to_string()))
}

fn fill(
    partial: &Path,
    repository: &Repository,
    commit: &str,
    shared: &SharedPaths,
    root: &Root,
) -> Result<(), Failure> {
    archive::extract(repository, commit, partial)?;
    shared.refuse_tracked(partial)?;
    shared.refuse_missing(&root.shared())?;
    let revision = partial.join("REVISION");
    if revision.symlink_metadata().is_ok() {
        let message = "the commit tracks a file REVISION, which is where a release keeps its commit";
        return Err(Failure::new(Exit::SETTINGS, message).hint("rename the file in the repository"));
    }
    let written = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&revision);
    written
        .and_then(|mut file| file.write_all(format!("{commit}\n").as_bytes()))
        .attempt(format_args!("write {}", revision.display()))?;
    files::sync_tree(partial)
}

/// Where a release is made, and unmade.
pub(crate) fn partial(release: &ReleaseName, root: &Root) -> PathBuf {
    root.releases().join(format!("{PARTIAL}{release}"))
}

/// Removes what a killed stage or prune left. The lock is held, so nobody is making it.
pub(crate) fn clear_leftovers(root: &Root) -> Result<(), Failure> {
    let doing = format!("clear leftovers in {}", root.releases().display());
    for path in files::list(&root.releases()).attempt(&doing)? {
        if !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(PARTIAL.as_bytes())) {
            continue;
        }
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.attempt(format_args!("remove the leftover {}", path.display()))?;
    }
    Ok(())
}

/// Settings that a later version will honour. To ignore one now would deploy something else than was asked for.
fn refuse_what_is_not_there_yet(cx: &Context) -> Result<(), Failure> {
    let strategy = cx.settings.get("RELEASE_STRATEGY").unwrap_or_else(|| "symlink".to_owned());
    if strategy != "symlink" {
        let message = format!("RELEASE_STRATEGY is {strategy}, which is not supported; supported: symlink");
        return Err(Failure::new(Exit::SETTINGS, message));
    }
    let later = [
        ("MIGRATIONS_DIR", "migrations are not supported yet; let BUILD_COMMAND or the app itself migrate"),
        ("REQUIRE_VERIFIED_IN", "this gate is not supported yet; deploy from the branch that you trust"),
    ];
    for (name, instead) in later {
        if cx.settings.get(name).is_some() {
            return Err(Failure::new(Exit::SETTINGS, format!("{name} is set, but {instead}")));
        }
    }
    Ok(())
}
