//! Backups that a release needs: those that its own deployment made, before it touched the database.
//!
//! Only two releases count, the live one and the one that a rollback goes to, and the deployments that have not ended.
//! Other releases are kept by `release prune` for the sake of a backup, and if such a one kept its backup in turn, both
//! would stay for ever.

use kit::history::History;
use kit::root::{ReleaseName, Root};
use kit::{Context, Failure};

/// A deployment whose backups stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pin {
    /// Its name, as the manifests have it.
    pub(crate) deploy: String,
    /// Why, in the plan.
    pub(crate) reason: String,
}

impl Pin {
    /// The pins of the environment: none without one, and none where no deployment is in the journal.
    pub(crate) fn find(cx: &Context) -> Result<Vec<Self>, Failure> {
        if cx.settings.get("DEPLOY_ROOT").is_none() {
            return Ok(Vec::new());
        }
        let root: Root = cx.root()?;
        Ok(Self::all(root.live()?.as_ref(), &cx.history()?))
    }

    fn all(live: Option<&ReleaseName>, history: &History) -> Vec<Self> {
        let mut releases: Vec<(ReleaseName, &str)> = Vec::new();
        releases.extend(live.map(|live| (live.clone(), "which is live")));
        let back = match live {
            Some(live) => [history.good_before(live), history.way_back(live, u64::MAX)],
            None => [history.good().max().cloned(), None],
        };
        for release in back.into_iter().flatten() {
            if releases.iter().all(|(known, _)| *known != release) {
                releases.push((release, "which a rollback goes to"));
            }
        }
        let of_release = |(release, why): &(ReleaseName, &str)| {
            let made = history.deployments.iter().filter(|deployment| deployment.release.as_ref() == Some(release));
            let pin = |id: String, why: &str| Self { reason: format!("the backup of {id}, {why}"), deploy: id };
            made.map(|deployment| pin(deployment.id.to_string(), why)).collect::<Vec<_>>()
        };
        let open = history.open().map(|open| open.id.to_string());
        let unended = open.map(|id| Self { reason: format!("the backup of {id}, which has not ended"), deploy: id });
        releases.iter().flat_map(of_release).chain(unended).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Pin;
    use kit::history::History;
    use kit::journal::read_from;
    use kit::root::ReleaseName;

    /// Deployments 1 to `count`, all verified; what a rollback left for good follows.
    fn history(count: u64, bad: &[u64]) -> History {
        let mut text = String::new();
        let head =
            |number| format!(r#""v":1,"started_at":"2026-11-21T10:15:00Z","duration_ms":0,"deploy":"prod-{number}""#);
        for number in 1..=count {
            let head = head(number);
            text += &format!(
                r#"{{{head},"tool":"deploy-queue","command":"begin","commit":"abcdefa1"}}
                {{{head},"tool":"release","command":"stage","success":true,"release":"{number}-abcdefa"}}
                {{{head},"tool":"release","command":"activate","phase":"begin"}}
                {{{head},"tool":"deploy-queue","command":"end","success":true,"exit_code":0}}
                "#
            );
        }
        for number in bad {
            let details = format!(r#""details":{{"from":"{number}-abcdefa","bad":true}}"#);
            text += &format!(
                "{{{},\"tool\":\"rollback\",\"command\":\"last\",\"phase\":\"begin\",{details}}}\n",
                head(*number)
            );
        }
        History::from_lines(read_from(text.as_bytes()).unwrap())
    }

    fn reasons(live: Option<&str>, history: &History) -> Vec<String> {
        let live: Option<ReleaseName> = live.map(|name| name.parse().unwrap());
        Pin::all(live.as_ref(), history).into_iter().map(|pin| pin.reason).collect()
    }

    #[test]
    fn the_backups_of_the_live_release_and_of_the_way_back_are_pinned_and_no_others() {
        let history = history(5, &[3]);
        let live = "the backup of prod-5, which is live";
        assert_eq!(reasons(Some("5-abcdefa"), &history), [live, "the backup of prod-4, which a rollback goes to"]);
        let live = "the backup of prod-4, which is live";
        assert_eq!(reasons(Some("4-abcdefa"), &history), [live, "the backup of prod-2, which a rollback goes to"]);
    }

    #[test]
    fn a_live_release_that_is_bad_has_two_ways_back() {
        let said = reasons(Some("3-abcdefa"), &history(5, &[3]));
        assert_eq!(
            said,
            [
                "the backup of prod-3, which is live",
                "the backup of prod-2, which a rollback goes to",
                "the backup of prod-5, which a rollback goes to",
            ]
        );
    }

    #[test]
    fn the_backup_of_a_deployment_that_has_not_ended_is_pinned() {
        let begin = r#"{"v":1,"started_at":"2026-11-21T10:15:00Z","duration_ms":0,"deploy":"prod-1","tool":"deploy-queue","command":"begin","commit":"abcdefa1"}"#;
        let history = History::from_lines(read_from(begin.as_bytes()).unwrap());
        assert_eq!(reasons(None, &history), ["the backup of prod-1, which has not ended"]);
    }

    #[test]
    fn without_a_journal_nothing_is_pinned_and_without_a_live_release_the_newest_good_one() {
        assert!(Pin::all(Some(&"1-abcdefa".parse().unwrap()), &History::default()).is_empty());
        assert_eq!(reasons(None, &history(2, &[])), ["the backup of prod-2, which a rollback goes to"]);
        assert!(reasons(None, &History::default()).is_empty());
    }
}
