//! Where a rollback goes: a pure choice from the history and what is live.

use kit::history::History;
use kit::root::{DeployId, ReleaseName};
use kit::way_back::Interrupted;
use kit::{Exit, Failure};

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Nothing, and why.
    Nothing(String),
    /// Switch back.
    Back { from: Option<ReleaseName>, to: ReleaseName },
    /// There is nothing to go back to: stop what runs.
    Stop { from: Option<ReleaseName> },
}

impl Plan {
    /// The plan in words, for the record.
    pub(crate) fn spell(&self) -> String {
        match self {
            Self::Nothing(why) => format!("nothing: {why}"),
            Self::Back { to, .. } => format!("back to {to}"),
            Self::Stop { .. } => "stop: there is nothing to go back to".to_owned(),
        }
    }
}

/// Undoes one deployment: back to what its `begin` names, unless that is marked bad.
pub(crate) fn undo(history: &History, live: Option<ReleaseName>, id: &DeployId) -> Result<Plan, Failure> {
    let Some(deployment) = history.deployment(id) else {
        let failure = Failure::new(Exit::ABSENT, format!("the journal knows no deployment {id}"));
        return Err(failure.hint("deploy-queue log lists them"));
    };
    if !deployment.touched {
        return Ok(Plan::Nothing(format!("{id} touched nothing")));
    }
    if deployment.undone {
        return Ok(Plan::Nothing(format!("{id} is rolled back already")));
    }
    let its_own = [deployment.release.as_ref(), deployment.previous.as_ref()];
    if let Some(other) = live.filter(|live| !its_own.contains(&Some(live))) {
        let message = format!("{other} went live after {id}, and undoing {id} would undo that too");
        return Err(Failure::new(Exit::NO, message).hint("rollback --last goes back from what is live now"));
    }
    let from = deployment.release.clone();
    Ok(match deployment.previous.as_ref().and_then(|previous| history.way_back(previous, id.number())) {
        Some(to) => Plan::Back { from, to },
        None => Plan::Stop { from },
    })
}

/// Goes back from what is live to the newest verified release before it. A rollback that was interrupted is finished
/// first, or a second one would go one release too far.
pub(crate) fn last(history: &History, live: Option<ReleaseName>) -> Result<Plan, Failure> {
    if let Some(Interrupted { from, to: Some(to), .. }) = interrupted(history) {
        return Ok(Plan::Back { from, to });
    }
    let live = live.ok_or_else(|| {
        Failure::new(Exit::ABSENT, "nothing is live, so there is nothing to go back from")
            .hint("release list shows what can be activated")
    })?;
    match history.good_before(&live) {
        Some(to) => Ok(Plan::Back { to, from: Some(live) }),
        None => Err(Failure::new(Exit::ABSENT, format!("no release before {live} was verified and is not bad"))
            .hint("deploy-queue log shows what became of each deployment")),
    }
}

/// Goes to this verified release. What is left is what was live before: where an interrupted rollback got does not
/// count, and of a release that is gone to again nothing bad is known.
pub(crate) fn to(history: &History, live: Option<ReleaseName>, to: ReleaseName) -> Plan {
    let interrupted = interrupted(history);
    if interrupted.is_none() && live.as_ref() == Some(&to) && history.passed_last(&to) {
        return Plan::Nothing(format!("{to} is live and verified already"));
    }
    let left = interrupted.and_then(|it| it.from).or(live);
    Plan::Back { from: left.filter(|left| *left != to), to }
}

/// What a person began and what did not get there. An undoing that failed is the queue's business.
fn interrupted(history: &History) -> Option<Interrupted> {
    history.interrupted().filter(|it| it.by_hand)
}

#[cfg(test)]
mod tests {
    use super::{Plan, last, to, undo};
    use kit::history::History;
    use kit::journal::read_from;
    use kit::root::ReleaseName;

    /// A history in short: `1+` verified, `1-` touched and not verified, `1.` not touched; `<1` rolled back from 1.
    fn history(story: &[&str]) -> History {
        let mut text = String::new();
        let mut before: Option<String> = None;
        for word in story {
            let number = word.trim_matches(['+', '-', '.', '<']);
            let release = format!("{number}-abcdefa");
            let mut line = |fields: &str| {
                text += &format!(
                    r#"{{"v":1,"started_at":"2026-11-21T10:15:00Z","duration_ms":0,"deploy":"prod-{number}",{fields}}}"#
                );
                text.push('\n');
            };
            if word.starts_with('<') {
                line(&format!(
                    r#""tool":"rollback","command":"deploy","phase":"begin","details":{{"from":"{release}","bad":true}}"#
                ));
                line(r#""tool":"rollback","command":"deploy","success":true"#);
                continue;
            }
            let previous = before.as_ref().map_or("null".to_owned(), |name| format!("\"{name}\""));
            line(&format!(
                r#""tool":"deploy-queue","command":"begin","commit":"abcdefa1","details":{{"previous":{previous}}}"#
            ));
            line(&format!(r#""tool":"release","command":"stage","success":true,"release":"{release}""#));
            if !word.ends_with('.') {
                line(r#""tool":"release","command":"activate","phase":"begin""#);
            }
            if word.ends_with('+') {
                line(r#""tool":"deploy-queue","command":"end","success":true,"exit_code":0"#);
                before = Some(release);
            }
        }
        History::from_lines(read_from(text.as_bytes()).unwrap())
    }

    fn release(number: u64) -> ReleaseName {
        ReleaseName::new(number, "abcdefa1")
    }

    fn undoes(story: &[&str], live: Option<u64>, number: u64) -> Result<Plan, i32> {
        let id = format!("prod-{number}").parse().unwrap();
        undo(&history(story), live.map(release), &id).map_err(|failure| failure.exit.code().into())
    }

    fn back(from: u64, to: u64) -> Plan {
        Plan::Back { from: Some(release(from)), to: release(to) }
    }

    #[test]
    fn a_deployment_is_undone_to_what_was_live_when_it_began() {
        assert_eq!(undoes(&["1+", "2+", "3-"], Some(3), 3), Ok(back(3, 2)));
        // Also when it failed before the switch: one before `current` would be one too far.
        assert_eq!(undoes(&["1+", "2+", "3-"], Some(2), 3), Ok(back(3, 2)));
    }

    #[test]
    fn undoing_twice_or_undoing_nothing_changes_nothing() {
        assert!(matches!(undoes(&["1+", "2-", "<2"], Some(1), 2), Ok(Plan::Nothing(_))));
        assert!(matches!(undoes(&["1+", "2."], Some(1), 2), Ok(Plan::Nothing(_))));
    }

    #[test]
    fn a_first_deployment_or_a_bad_one_before_leaves_nothing_to_go_back_to() {
        assert_eq!(undoes(&["1-"], Some(1), 1), Ok(Plan::Stop { from: Some(release(1)) }));
        assert_eq!(undoes(&["1+", "<1", "2-"], Some(2), 2), Ok(Plan::Stop { from: Some(release(2)) }));
    }

    #[test]
    fn when_what_was_live_is_bad_the_newest_verified_release_before_it_is_the_way_back() {
        assert_eq!(undoes(&["1+", "2+", "<2", "3-"], Some(3), 3), Ok(back(3, 1)));
    }

    #[test]
    fn an_old_deployment_is_not_undone_over_the_head_of_a_later_one() {
        assert_eq!(undoes(&["1+", "2+", "3+"], Some(3), 2), Err(1));
        assert_eq!(undoes(&["1+"], Some(1), 9), Err(66));
    }

    #[test]
    fn a_person_goes_back_to_the_last_verified_release_that_is_not_bad() {
        let goes = |story: &[&str], live: u64| {
            last(&history(story), Some(release(live))).map_err(|failure| failure.exit.code())
        };
        assert_eq!(goes(&["1+", "2+", "3+"], 3), Ok(back(3, 2)));
        assert_eq!(goes(&["1+", "2-", "3+"], 3), Ok(back(3, 1)));
        assert_eq!(goes(&["1+", "2+", "3+", "<2"], 3), Ok(back(3, 1)));
        assert_eq!(goes(&["9+", "10+"], 10), Ok(back(10, 9)));
        assert_eq!(goes(&["1+"], 1), Err(66));
    }

    #[test]
    fn a_killed_rollback_is_finished_and_not_begun_again_from_where_it_got() {
        let mut history = history(&["1+", "2+", "3+"]);
        let begin = r#"{"v":1,"started_at":"2026-11-21T10:15:00Z","duration_ms":0,"tool":"rollback","command":"last","phase":"begin","details":{"from":"3-abcdefa","to":"2-abcdefa","bad":true}}"#;
        history.records.extend(read_from(begin.as_bytes()).unwrap().records);
        assert_eq!(last(&history, Some(release(2))).ok(), Some(back(3, 2)));
        // It had only noted where the logs end.
        let noted = r#"{"v":1,"started_at":"2026-11-21T10:15:00Z","duration_ms":0,"tool":"smoke-test","command":"prepare","success":true,"exit_code":0,"parent":"rollback"}"#;
        history.records.extend(read_from(noted.as_bytes()).unwrap().records);
        assert_eq!(last(&history, Some(release(2))).ok(), Some(back(3, 2)));
    }

    #[test]
    fn a_person_goes_to_a_release_older_or_newer_and_not_to_where_it_is_already() {
        let goes = |live: u64, target: u64| to(&history(&["1+", "2+", "3+"]), Some(release(live)), release(target));
        assert_eq!(goes(3, 1), back(3, 1));
        assert_eq!(goes(1, 3), back(1, 3));
        assert!(matches!(goes(2, 2), Plan::Nothing(_)));
        assert_eq!(to(&history(&["1+"]), None, release(1)), Plan::Back { from: None, to: release(1) });
    }

    #[test]
    fn a_release_that_failed_its_last_smoke_test_is_tried_again_and_not_left() {
        let mut history = history(&["1+", "2+"]);
        let smoke = r#"{"v":1,"started_at":"2026-11-21T10:15:00Z","duration_ms":0,"tool":"smoke-test","command":"check","step":"rollback","parent":"rollback","release":"2-abcdefa","success":false,"exit_code":1}"#;
        history.records.extend(read_from(smoke.as_bytes()).unwrap().records);
        assert_eq!(to(&history, Some(release(2)), release(2)), Plan::Back { from: None, to: release(2) });
    }

    #[test]
    fn a_killed_rollback_to_a_commit_is_finished_and_where_it_got_is_never_left() {
        let mut history = history(&["1+", "2+", "3+"]);
        let begin = r#"{"v":1,"started_at":"2026-11-21T10:15:00Z","duration_ms":0,"tool":"rollback","command":"to-commit","phase":"begin","details":{"from":"3-abcdefa","to":"1-abcdefa","bad":true}}"#;
        history.records.extend(read_from(begin.as_bytes()).unwrap().records);
        assert_eq!(to(&history, Some(release(1)), release(1)), back(3, 1));
        assert_eq!(to(&history, Some(release(1)), release(2)), back(3, 2));
        assert_eq!(last(&history, Some(release(1))).ok(), Some(back(3, 1)));
    }
}
