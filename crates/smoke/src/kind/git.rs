//! A repository: its branch, its commit, and whether its work tree is clean. Nothing is fetched, and nothing written.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kit::git::Repository;
use kit::process::Sink;
use kit::root::is_commit;
use kit::{Exit, Failure};

use crate::commit::Commit;
use crate::content::is_absent;
use crate::end::{End, Printed};
use crate::finding::{Finding, unseen};
use crate::grammar::cursor::{Cursor, Wrong};
use crate::grammar::expectation::{Assertion, Expectations};
use crate::grammar::keys::Keys;
use crate::grammar::quantity::counted;
use crate::grammar::relation::Relation;
use crate::grammar::text::excerpt;
use crate::kind::Subject;
use crate::trial::Conditions;

/// A check of a repository.
#[derive(Debug)]
struct WorkTree {
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
            return Finding::bad("interrupted");
        };
        let asked = self.ask(&path, timeout, conditions);
        drop(running);
        match asked {
            Ok(state) => self.expectations.find(&state, |state| self.spell_seen(state)),
            Err(finding) => finding,
        }
    }

    fn compares(&self) -> Option<String> {
        let live = self.expectations.assertions().any(|one| matches!(one, GitAssertion::Live));
        live.then(|| self.reference.clone())
    }
}

impl WorkTree {
    fn ask(&self, path: &Path, timeout: Duration, conditions: &Conditions) -> Result<State, Finding> {
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

    fn spell_seen(&self, state: &State) -> String {
        let branch = state.branch.as_ref().map(|branch| format!("on {branch}"));
        let commit = state.commit.as_ref().map(|commit| format!("{} is {}", self.reference, commit.short()));
        let blind = (self.compares().is_some() && state.live.is_none()).then(|| "commit not compared".to_owned());
        let clean = self.expectations.assertions().any(|one| matches!(one, GitAssertion::Clean));
        let clean = clean.then(|| "clean".to_owned());
        let seen: Vec<String> = [branch, commit, clean, blind].into_iter().flatten().collect();
        seen.join(", ")
    }
}

/// Git in one directory, asked in time.
struct Git<'a> {
    path: &'a Path,
    timeout: Duration,
}

impl Git<'_> {
    /// Runs git. Not the repository around the directory is asked,
    /// no index is refreshed on disk, and no monitor of the repository's own is started.
    fn run(&self, args: &[&str]) -> Result<End, Finding> {
        let printed = Printed::nothing()?;
        let (stdout, stderr) = printed.handles()?;
        let ended = Repository::at(self.path)
            .program(&[&["-c", "core.fsmonitor=false"], args].concat())?
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_CEILING_DIRECTORIES", self.path.parent().unwrap_or(self.path))
            .stdout(Sink::File(stdout))
            .stderr(Sink::File(stderr))
            .deadline(self.timeout)
            .run()?;
        let doing = args.first().copied().unwrap_or_default();
        printed.end(&format!("git {doing}"), ended.status, self.timeout)
    }

    /// What git printed; its last words when it fails.
    fn answer(&self, args: &[&str]) -> Result<String, Finding> {
        let end = self.run(args)?;
        if end.code == 0 {
            return Ok(end.stdout);
        }
        let words = end.stderr.lines().find(|line| line.starts_with("fatal: ")).unwrap_or(&end.stderr);
        let message = format!("{}: git says {}", self.path.display(), excerpt(words));
        // A repository of somebody else's is one that git does not let us look into.
        let is_ours = words.contains("dubious ownership") || words.contains("ermission denied");
        Err(if is_ours { Failure::new(Exit::IO, message).into() } else { Finding::bad(message) })
    }

    fn branch(&self) -> Result<Option<String>, Finding> {
        let end = self.run(&["symbolic-ref", "--quiet", "HEAD"])?;
        let name = end.stdout.trim_end();
        Ok((end.code == 0).then(|| name.strip_prefix("refs/heads/").unwrap_or(name).to_owned()))
    }

    fn commit(&self, reference: &str) -> Result<Option<Commit>, Finding> {
        let name = format!("{reference}^{{commit}}");
        let end = self.run(&["rev-parse", "--verify", "--quiet", "--end-of-options", &name])?;
        Ok(Some(end.stdout.trim_end()).filter(|commit| is_commit(commit)).and_then(|commit| commit.parse().ok()))
    }
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
                return Err(format!(
                    "{}, the first: {}",
                    counted(state.changes.len(), "file differs", "files differ"),
                    excerpt(first)
                ));
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
    let here = cursor.here();
    if cursor.keyword("live").is_ok() {
        return Ok(GitAssertion::Live);
    }
    let commit = cursor.quoted().ok().and_then(|text| text.parse().ok());
    commit.map(GitAssertion::Commit).ok_or_else(|| here.wrong("live, or a commit such as \"3f2a1c9\""))
}
