//! The repository that commits are deployed from, asked through the user's own git.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::process::{Ended, Program, Status};
use crate::root::is_commit;
use crate::settings::Settings;

/// Git answers from the local disk; one that hangs must not hold the lock for ever.
const DEADLINE: Duration = Duration::from_secs(300);

/// A repository on this machine.
#[derive(Clone, Debug)]
pub struct Repository {
    path: PathBuf,
}

impl Repository {
    /// The repository that `DEPLOY_REPO` names: 78 when it is not set, 66 when there is none.
    pub fn open(settings: &Settings) -> Result<Self, Failure> {
        let repository = Self::at(Path::new(&settings.require("DEPLOY_REPO")?));
        repository.ask(["rev-parse", "--git-dir"]).map_err(|failure| {
            if failure.exit == Exit::UNAVAILABLE {
                return failure;
            }
            let message =
                format!("DEPLOY_REPO {} is no git repository: {}", repository.path.display(), failure.message);
            Failure::new(Exit::ABSENT, message).hint("make one: git init --bare, then post-receive install")
        })?;
        Ok(repository)
    }

    /// The repository that `DEPLOY_REPO` names, and the commit that `name` means in it. It is proven only when there is
    /// no such commit: a question to git takes milliseconds, and a pusher waits.
    pub fn find(settings: &Settings, name: &str) -> Result<(Self, String), Failure> {
        let repository = Self::at(Path::new(&settings.require("DEPLOY_REPO")?));
        match repository.commit(name) {
            Ok(commit) => Ok((repository, commit)),
            Err(failure) => Self::open(settings).and(Err(failure)),
        }
    }

    /// The repository in this directory, unproven.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Its directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs git and returns what it printed; 74 with git's own last words when it fails.
    pub fn ask<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Result<String, Failure> {
        let args: Vec<_> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        // The name of git's command: what comes before it is `-c NAME=value`.
        let name =
            |arg: &&OsString| !arg.as_encoded_bytes().starts_with(b"-") && !arg.as_encoded_bytes().contains(&b'=');
        let doing = args.iter().find(name).map(|arg| arg.to_string_lossy().into_owned()).unwrap_or_default();
        let ended = self.run(&args)?;
        if ended.status.is_success() {
            return Ok(ended.text());
        }
        Err(Failure::new(Exit::IO, format!("git {doing} failed in {}: {}", self.path.display(), ended.last_words())))
    }

    /// Runs git and returns how it ended, for questions whose answer is the exit code.
    pub fn run<A: AsRef<OsStr>>(&self, args: &[A]) -> Result<Ended, Failure> {
        self.program(args)?.run()
    }

    /// Git in this repository, about to run: for a question with a deadline or a limit of its own.
    pub fn program<A: AsRef<OsStr>>(&self, args: &[A]) -> Result<Program, Failure> {
        // Replacement objects and grafts would deploy something else than the commit that was named.
        Ok(Program::find("git")?
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .arg("-C")
            .arg(&self.path)
            .args(args)
            .deadline(DEADLINE))
    }

    /// The full name of the commit that the ref of exactly this name has as its tip, tags peeled: 66 when there is none.
    /// [`Repository::commit`] would take `refs/heads/refs/heads/main` for a `refs/heads/main` that is gone.
    pub fn tip(&self, reference: &str) -> Result<String, Failure> {
        let shown = self.run(&["show-ref", "--verify", "--hash", "--", reference])?;
        match shown.status {
            Status::Exit(0) => self.commit(&shown.text()),
            Status::Exit(_) => {
                Err(Failure::new(Exit::ABSENT, format!("there is no {reference} in {}", self.path.display())))
            }
            status => Err(Failure::new(Exit::IO, format!("git show-ref {}", status.spell()))),
        }
    }

    /// The full name of the commit that `name` means, tags peeled: 66 when there is none.
    pub fn commit(&self, name: &str) -> Result<String, Failure> {
        let ended =
            self.run(&["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{name}^{{commit}}")])?;
        let commit = ended.text();
        match ended.status {
            Status::Exit(0) if is_commit(&commit) => Ok(commit),
            Status::Exit(_) => {
                let message = format!("there is no commit {name} in {}", self.path.display());
                Err(Failure::new(Exit::ABSENT, message).hint("push it first, or name another branch, tag or commit"))
            }
            status => Err(Failure::new(Exit::IO, format!("git rev-parse {}", status.spell()))),
        }
    }
}
