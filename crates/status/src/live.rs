//! What is live: the release that `current` names, and what the journal and git tell of it.

use kit::clock::{Time, rfc3339};
use kit::git::Repository;
use kit::history::History;
use kit::journal::Record;
use kit::root::{DeployId, ReleaseName};
use kit::{Context, Failure};
use serde_json::{Value, json};

use crate::status::found;

/// The live release.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) release: ReleaseName,
    pub(crate) commit: String,
    /// The tags that point at the commit.
    pub(crate) tags: Result<Vec<String>, Failure>,
    /// The deployment that staged it.
    pub(crate) deploy: Option<DeployId>,
    pub(crate) reference: Option<String>,
    pub(crate) author: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) by: Option<String>,
    /// Since when it has been live without a break.
    pub(crate) since: Option<Time>,
    /// Whether its deployment ended as verified.
    pub(crate) verified: bool,
    /// Whether a rollback left it for good.
    pub(crate) bad: bool,
}

impl Live {
    /// What is live now; `None` when nothing is. A `current` that leads nowhere is a failure.
    pub(crate) fn look(history: &History, cx: &Context) -> Result<Option<Self>, Failure> {
        let root = cx.root()?;
        let Some(release) = root.live()? else {
            return Ok(None);
        };
        let hint = "`current` points at it: rollback --last goes to a verified release that is left";
        let commit = root.revision(&release).map_err(|failure| failure.hint(hint))?;
        let deployment = history.deployments.iter().rfind(|one| one.release.as_ref() == Some(&release));
        let told = |key: &str| deployment.and_then(|one| one.begin()?.text(key)).map(str::to_owned);
        Ok(Some(Self {
            tags: tags(&commit, cx),
            deploy: deployment.map(|one| one.id.clone()),
            reference: told("ref"),
            author: told("author"),
            subject: told("subject"),
            by: told("by"),
            since: since(&release, &history.records),
            verified: deployment.is_some_and(kit::history::Deployment::is_verified),
            bad: history.is_bad(&release),
            commit,
            release,
        }))
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "release": self.release.to_string(),
            "commit": self.commit,
            "tags": found(&self.tags, |tags| json!(tags)),
            "deploy": self.deploy.as_ref().map(ToString::to_string),
            "ref": self.reference,
            "author": self.author,
            "subject": self.subject,
            "since": self.since.map(rfc3339),
            "by": self.by,
            "verified": self.verified,
            "bad": self.bad,
        })
    }
}

fn tags(commit: &str, cx: &Context) -> Result<Vec<String>, Failure> {
    let repository = Repository::open(&cx.settings)?;
    let points = format!("--points-at={commit}");
    let refs = repository.ask(["for-each-ref", "--format=%(refname:lstrip=2)", &points, "refs/tags/"])?;
    Ok(refs.lines().map(str::to_owned).collect())
}

/// When a release went live: its first activation after that of any other. To activate what is live restarts the app
/// and begins nothing new.
fn since(release: &ReleaseName, records: &[Record]) -> Option<Time> {
    let name = release.to_string();
    let switches = |record: &&Record| record.is("release", "activate") || record.is("release", "deactivate");
    let to_it = |record: &&Record| record.is("release", "activate") && record.release.as_deref() == Some(&name);
    let switches = records.iter().rev().filter(switches).skip_while(|record| !to_it(record));
    switches.take_while(to_it).last().map(|record| record.started_at)
}

#[cfg(test)]
mod tests {
    use super::since;
    use kit::clock::rfc3339;
    use kit::journal::read_from;

    /// The minute at which release 1 went live, by a story of `command release minute`.
    fn minute(story: &[(&str, u8, u8)]) -> Option<String> {
        let line = |(command, release, minute): &(&str, u8, u8)| {
            let time = format!("2026-11-21T10:{minute:02}:00Z");
            format!(
                r#"{{"v":1,"tool":"release","command":"{command}","release":"{release}-abcdefa","started_at":"{time}","duration_ms":0}}"#
            ) + "\n"
        };
        let text: String = story.iter().map(line).collect();
        let lines = read_from(text.as_bytes()).unwrap();
        assert_eq!(lines.unreadable, 0);
        let since = since(&"1-abcdefa".parse().unwrap(), &lines.records);
        since.map(|time| rfc3339(time)[14..16].to_owned())
    }

    #[test]
    fn a_restart_of_what_is_live_begins_nothing_new() {
        let story = [("stage", 1, 1), ("activate", 1, 2), ("activate", 1, 3), ("stage", 2, 4), ("activate", 1, 5)];
        assert_eq!(minute(&story).as_deref(), Some("02"));
    }

    #[test]
    fn what_a_rollback_brought_back_is_live_since_the_rollback() {
        assert_eq!(minute(&[("activate", 1, 1), ("activate", 2, 2), ("activate", 1, 3)]).as_deref(), Some("03"));
    }

    #[test]
    fn what_was_stopped_is_live_since_it_was_activated_again() {
        assert_eq!(minute(&[("activate", 1, 1), ("deactivate", 1, 2), ("activate", 1, 3)]).as_deref(), Some("03"));
    }

    #[test]
    fn a_switch_to_another_release_that_failed_took_nothing_away() {
        assert_eq!(minute(&[("activate", 1, 1), ("activate", 2, 2)]).as_deref(), Some("01"));
        assert_eq!(minute(&[("activate", 2, 2)]), None);
    }
}
