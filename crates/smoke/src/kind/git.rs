//! A repository: its branch, its commit, and whether its work tree is clean. Nothing is fetched, and nothing written.

use std::fs::{self, File};
use std::io::Seek;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kit::failure::Attempt;
use kit::git::Repository;
use kit::process::{Sink, Status};
use kit::root::is_commit;
use kit::{Exit, Failure, clock};

use crate::commit::Commit;
use crate::content::{is_absent, read_at_most};
use crate::finding::{Finding, unseen};
use crate::grammar::cursor::{Cursor, Wrong};
use crate::grammar::expectation::{Assertion, Expectations};
use crate::grammar::keys::Keys;
use crate::grammar::relation::Relation;
use crate::grammar::text::excerpt;
use crate::kind::Subject;
use crate::trial::{Conditions, milliseconds};

/// How much of what git prints is read: the state of a work tree with a million changes is long.
const OUTPUT: u64 = 1 << 20;

/// A check of a repository.
#[derive(Debug)]
pub(crate) struct WorkTree {
    path: PathBuf,
    reference: String,
    expectations: Expectations<GitAssertion>,
}

/// What was seen of a repository; each only where it is looked at.
#[derive(Debug)]
pub(crate) struct State {
    reference: String,
    /// The branch of HEAD; none when HEAD is a commit.
    branch: Option<String>,
    commit: Option<Commit>,
    /// The commit that is checked, where one is known.
    live: Option<Commit>,
    /// What `git status` lists.
    changes: Vec<String>,
}

/// Why nothing was seen.
enum Unseen {
    Bad(String),
    Blind(Failure),
}

impl From<Failure> for Unseen {
    fn from(failure: Failure) -> Self {
        Self::Blind(failure)
    }
}

/// Takes the keys of a git check.
pub(crate) fn read(keys: &mut Keys<'_>) -> Result<Box<dyn Subject>, Failure> {
    let path = match keys.text("path")? {
        Some(path) if !path.is_empty() => path,
        _ => keys
            .settings()
            .require("DEPLOY_REPO")
            .map_err(|failure| keys.because("path", "its `path` is that of DEPLOY_REPO", failure))?,
    };
    let reference = keys.text("ref")?;
    let expectations: Expectations<GitAssertion> = keys.expectations()?;
    if reference.is_some() && !expectations.assertions().any(GitAssertion::is_of_commit) {
        return Err(keys.wrong_at("ref", "no expectation looks at the commit of `ref`"));
    }
    let reference = reference.unwrap_or_else(|| "HEAD".to_owned());
    if reference.is_empty() || reference.contains('\0') {
        return Err(keys.wrong_at("ref", "`ref` must be a name such as \"refs/heads/main\""));
    }
    Ok(Box::new(WorkTree { path: path.into(), reference, expectations }))
}

impl Subject for WorkTree {
    fn spell(&self) -> String {
        self.path.display().to_string()
    }

    fn look(&self, timeout: Duration, conditions: &Conditions) -> Finding {
        let path = conditions.dir.join(&self.path);
        let path = match fs::canonicalize(&path) {
            Ok(path) => path,
            Err(error) if is_absent(&error) => return Finding::bad(format!("{} is not there", path.display())),
            Err(error) => return unseen(format_args!("look at {}", path.display()), &error),
        };
        let Some(running) = conditions.may_start() else {
            return Finding::bad("interrupted".to_owned());
        };
        let asked = self.ask(&path, timeout, conditions);
        drop(running);
        match asked {
            Ok(state) => self.judge(&state),
            Err(Unseen::Bad(message)) => Finding::bad(message),
            Err(Unseen::Blind(failure)) => Finding::blind(failure),
        }
    }

    fn compares(&self) -> Option<String> {
        let live = self.expectations.assertions().any(|one| matches!(one, GitAssertion::Live));
        live.then(|| self.reference.clone())
    }
}

impl WorkTree {
    fn ask(&self, path: &Path, timeout: Duration, conditions: &Conditions) -> Result<State, Unseen> {
        let looks_at = |what: fn(&GitAssertion) -> bool| self.expectations.assertions().any(what);
        let git = Git { path, timeout };
        git.answer(&["rev-parse", "--git-dir"])?;
        let branch = if looks_at(|one| matches!(one, GitAssertion::Branch(..))) { git.branch()? } else { None };
        let commit = if looks_at(GitAssertion::is_of_commit) { git.commit(&self.reference)? } else { None };
        let status = ["status", "--porcelain", "--untracked-files=normal"];
        let changes =
            if looks_at(|one| matches!(one, GitAssertion::Clean)) { git.answer(&status)? } else { String::new() };
        let changes = changes.lines().map(str::to_owned).collect();
        Ok(State { reference: self.reference.clone(), branch, commit, live: conditions.expected.clone(), changes })
    }

    fn judge(&self, state: &State) -> Finding {
        if let Err(instead) = self.expectations.judge(state) {
            return Finding::bad(instead);
        }
        let branch = state.branch.as_ref().map(|branch| format!("on {branch}"));
        let commit = state.commit.as_ref().map(|commit| format!("{} is {}", self.reference, commit.short()));
        let blind = (self.compares().is_some() && state.live.is_none()).then(|| "commit not compared".to_owned());
        let clean = self.expectations.assertions().any(|one| matches!(one, GitAssertion::Clean));
        let clean = clean.then(|| "clean".to_owned());
        let seen: Vec<String> = [branch, commit, clean, blind].into_iter().flatten().collect();
        Finding::good(seen.join(", "))
    }
}

/// Git in one directory, asked in time.
struct Git<'a> {
    path: &'a Path,
    timeout: Duration,
}

impl Git<'_> {
    /// Runs git; its exit code and the beginning of what it printed. Not the repository around the directory is asked,
    /// no index is refreshed on disk, and no monitor of the repository's own is started.
    fn run(&self, args: &[&str]) -> Result<(u8, String, String), Unseen> {
        let make = || tempfile::tempfile().attempt("make a temporary file");
        let copy = |file: &File| file.try_clone().attempt("hand a file to a child");
        let (stdout, stderr) = (make()?, make()?);
        let ended = Repository::at(self.path)
            .program(&[&["-c", "core.fsmonitor=false"], args].concat())?
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_CEILING_DIRECTORIES", self.path.parent().unwrap_or(self.path))
            .stdout(Sink::File(copy(&stdout)?))
            .stderr(Sink::File(copy(&stderr)?))
            .deadline(self.timeout)
            .run()?;
        let doing = args.first().copied().unwrap_or_default();
        match ended.status {
            Status::Exit(code) => Ok((code, beginning(stdout)?, beginning(stderr)?)),
            Status::Signal(_) => Err(Unseen::Bad(format!("git {doing} {}", ended.status.spell()))),
            Status::Deadline => {
                let limit = clock::spell(milliseconds(self.timeout));
                Err(Unseen::Bad(format!("git {doing} was ended: it took longer than {limit}")))
            }
        }
    }

    /// What git printed; its last words when it fails.
    fn answer(&self, args: &[&str]) -> Result<String, Unseen> {
        match self.run(args)? {
            (0, stdout, _) => Ok(stdout),
            (_, _, stderr) => {
                let words = stderr.lines().find(|line| line.starts_with("fatal: ")).unwrap_or(&stderr);
                let message = format!("{}: git says {}", self.path.display(), excerpt(words));
                // A repository of somebody else's is one that git does not let us look into.
                let is_ours = words.contains("dubious ownership") || words.contains("ermission denied");
                Err(if is_ours { Unseen::Blind(Failure::new(Exit::IO, message)) } else { Unseen::Bad(message) })
            }
        }
    }

    fn branch(&self) -> Result<Option<String>, Unseen> {
        let (code, name, _) = self.run(&["symbolic-ref", "--quiet", "HEAD"])?;
        let name = name.trim_end();
        Ok((code == 0).then(|| name.strip_prefix("refs/heads/").unwrap_or(name).to_owned()))
    }

    fn commit(&self, reference: &str) -> Result<Option<Commit>, Unseen> {
        let name = format!("{reference}^{{commit}}");
        let (_, commit, _) = self.run(&["rev-parse", "--verify", "--quiet", "--end-of-options", &name])?;
        Ok(Some(commit.trim_end()).filter(|commit| is_commit(commit)).and_then(|commit| commit.parse().ok()))
    }
}

fn beginning(mut file: File) -> Result<String, Failure> {
    let bytes = file.rewind().and_then(|()| read_at_most(file, OUTPUT)).attempt("read what git printed")?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What can be asserted of a repository.
#[derive(Clone, Debug)]
pub(crate) enum GitAssertion {
    /// `branch == "main"`
    Branch(Relation, String),
    /// `clean`
    Clean,
    /// `commit == live`
    Live,
    /// `commit == "3f2a1c9"`
    Commit(Commit),
}

impl GitAssertion {
    const fn is_of_commit(&self) -> bool {
        matches!(self, Self::Live | Self::Commit(_))
    }
}

impl Assertion for GitAssertion {
    type Seen = State;

    const WORDS: &'static str = "branch, clean or commit (a git check)";

    fn read(word: &str, cursor: &mut Cursor<'_>) -> Option<Result<Self, Wrong>> {
        match word {
            "branch" => Some(
                Relation::read(cursor, Relation::ALIKE)
                    .and_then(|relation| Ok(Self::Branch(relation, cursor.quoted()?))),
            ),
            "clean" => Some(Ok(Self::Clean)),
            "commit" => Some(read_commit(cursor)),
            _ => None,
        }
    }

    fn judge(&self, state: &State) -> Result<(), String> {
        let (wanted, is_live) = match self {
            Self::Branch(relation, wanted) => {
                let branch = state.branch.as_ref().ok_or("HEAD is on no branch")?;
                let holds = relation.holds(branch, wanted);
                return if holds { Ok(()) } else { Err(format!("the branch is {}", excerpt(branch))) };
            }
            Self::Clean => {
                let Some(first) = state.changes.first() else { return Ok(()) };
                return Err(format!("{} files differ, the first: {}", state.changes.len(), excerpt(first)));
            }
            Self::Live => (state.live.as_ref(), true),
            Self::Commit(commit) => (Some(commit), false),
        };
        let reference = excerpt(&state.reference);
        let commit = state.commit.as_ref().ok_or_else(|| format!("there is no commit {reference}"))?;
        match wanted {
            Some(wanted) if !commit.agrees(wanted) => {
                let live = if is_live { format!(" and {} is live", wanted.short()) } else { String::new() };
                Err(format!("{reference} is {}{live}", commit.short()))
            }
            _ => Ok(()),
        }
    }
}

fn read_commit(cursor: &mut Cursor<'_>) -> Result<GitAssertion, Wrong> {
    Relation::read(cursor, &[Relation::Equal])?;
    cursor.blanks();
    let here = cursor.clone();
    if cursor.keyword("live").is_ok() {
        return Ok(GitAssertion::Live);
    }
    let commit = cursor.quoted().ok().and_then(|text| text.parse().ok());
    commit.map(GitAssertion::Commit).ok_or_else(|| here.wrong("live, or a commit such as \"3f2a1c9\""))
}
