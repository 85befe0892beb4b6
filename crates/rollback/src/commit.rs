//! A commit as a person names it, and the release that a rollback goes to for it.

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::str::FromStr;

use kit::git::Repository;
use kit::history::History;
use kit::process::Status;
use kit::root::{ReleaseName, commit_digits, is_commit};
use kit::{Context, Exit, Failure};

/// The first digits of a commit, or all: 7 to 64 of them, lower case.
#[derive(Clone, Debug)]
pub(crate) struct Named(String);

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        commit_digits(text).map(Self)
    }
}

impl Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Named {
    /// The commit that a tag of `DEPLOY_REPO` means, annotated or not: exactly `refs/tags/TAG`, no other ref and no
    /// expression. 66 when there is none.
    pub(crate) fn of_tag(tag: &str, cx: &Context) -> Result<Self, Failure> {
        let repository = Repository::open(&cx.settings)?;
        // rev-parse would also find a branch called refs/tags/v1, and take `v1~3` for an expression.
        let ended = repository.run(&["show-ref", "--verify", "--hash", "--", &format!("refs/tags/{tag}")])?;
        let object = ended.text();
        match ended.status {
            Status::Exit(0) if is_commit(&object) => {}
            Status::Exit(_) => {
                let message = format!("there is no tag {tag} in {}", repository.path().display());
                return Err(Failure::new(Exit::ABSENT, message).hint("push it: git push REMOTE TAG"));
            }
            status => return Err(Failure::new(Exit::IO, format!("git show-ref {}", status.spell()))),
        }
        let commit = repository.commit(&object);
        commit.map(Self).map_err(|failure| match failure.exit {
            Exit::ABSENT => Failure::new(Exit::ABSENT, format!("the tag {tag} is not of a commit")),
            _ => failure,
        })
    }

    /// The newest verified release of this commit that is not bad and on disk. A commit that has none is 1; one whose
    /// release is gone, or that nobody knows, 66; digits that fit two commits are 2.
    pub(crate) fn release(&self, history: &History, staged: &[ReleaseName]) -> Result<ReleaseName, Failure> {
        let Some(commit) = self.resolve(history)? else {
            return Err(self.unknown(staged));
        };
        let deployments = history.deployments.iter().filter(|deployment| deployment.commit == commit);
        let releases: Vec<&ReleaseName> = deployments.filter_map(|deployment| deployment.release.as_ref()).collect();
        let good: Vec<&ReleaseName> = releases.iter().copied().filter(|release| history.is_good(release)).collect();
        if let Some(newest) = good.iter().copied().filter(|release| staged.contains(release)).max() {
            return Ok(newest.clone());
        }
        let again = format!("deploy-queue submit --force --follow {commit}");
        if let Some(gone) = good.iter().max() {
            let message = format!("{gone} was verified, but it was pruned or removed");
            return Err(Failure::new(Exit::ABSENT, message).hint(format!("deploy it again: {again}")));
        }
        let (why, hint) = match releases.iter().copied().max() {
            None => (format!("no release of {self} was ever staged"), format!("deploy it: {again}")),
            Some(newest) => (Self::objection(newest, history), Self::all_the_same(newest, staged, &again)),
        };
        Err(Failure::new(Exit::NO, why).hint(hint))
    }

    /// The one commit that the digits fit; `None` when no deployment was of such a commit.
    fn resolve(&self, history: &History) -> Result<Option<String>, Failure> {
        let commits = history.deployments.iter().map(|deployment| deployment.commit.as_str());
        let fitting: BTreeSet<&str> = commits.filter(|commit| commit.starts_with(&self.0)).collect();
        if fitting.len() > 1 {
            let commits: Vec<&str> = fitting.into_iter().collect();
            let message = format!("{self} is ambiguous: it may be {}", commits.join(" or "));
            return Err(Failure::new(Exit::USAGE, message).hint("give more digits"));
        }
        Ok(fitting.into_iter().next().map(str::to_owned))
    }

    fn objection(release: &ReleaseName, history: &History) -> String {
        if history.is_bad(release) {
            format!("{release} is marked bad: a rollback left it")
        } else {
            format!("{release} was never verified")
        }
    }

    fn all_the_same(release: &ReleaseName, staged: &[ReleaseName], again: &str) -> String {
        if staged.contains(release) {
            format!("release activate {release} takes it live all the same; or deploy it again: {again}")
        } else {
            format!("deploy it again: {again}")
        }
    }

    fn unknown(&self, staged: &[ReleaseName]) -> Failure {
        let is_of_commit = |release: &&ReleaseName| **release == ReleaseName::new(release.number(), &self.0);
        match staged.iter().rfind(is_of_commit) {
            Some(release) => Failure::new(Exit::NO, format!("the journal does not know {release}: it is not verified"))
                .hint(format!("release activate {release} takes it live all the same")),
            None => Failure::new(Exit::ABSENT, format!("no deployment was of a commit {self}"))
                .hint("deploy-queue log lists the deployments"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Named;

    #[test]
    fn a_commit_is_7_to_64_digits() {
        assert_eq!("3F2A1C9".parse::<Named>().unwrap().to_string(), "3f2a1c9");
        for wrong in ["", "3f2a1c", "main", "-3f2a1c9", "3f2a1c9~1", &"a".repeat(65)] {
            assert!(wrong.parse::<Named>().is_err(), "{wrong:?}");
        }
    }
}
