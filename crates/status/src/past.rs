//! The last deployments, and whether one of them still asks for a person.

use kit::clock::{Time, rfc3339};
use kit::history::{Deployment, History};
use kit::journal::Record;
use kit::root::DeployId;
use serde_json::{Value, json};

use crate::health;

/// How many of the last deployments are told.
const TOLD: usize = 5;

/// The exit code of a deployment that there was no way back from.
const NO_WAY_BACK: u8 = 5;

/// A deployment in one line.
#[derive(Debug)]
pub(crate) struct Past {
    pub(crate) deploy: DeployId,
    pub(crate) commit: String,
    pub(crate) subject: Option<String>,
    pub(crate) began_at: Time,
    /// How it ended, and how long it took; `None` while it runs, and after it was killed.
    pub(crate) end: Option<(u8, &'static str, u64)>,
}

impl Past {
    /// The last deployments, newest first.
    pub(crate) fn of(history: &History) -> Vec<Self> {
        history.deployments.iter().rev().take(TOLD).map(Self::one).collect()
    }

    fn one(deployment: &Deployment) -> Self {
        let end = deployment.records.iter().rfind(|record| record.is("deploy-queue", "end"));
        let end = deployment.exit_code.zip(end).map(|(code, end)| (code, deployment.outcome(code), end.duration_ms));
        Self {
            deploy: deployment.id.clone(),
            commit: deployment.commit.clone(),
            subject: deployment.begin().and_then(|begin| begin.text("subject")).map(str::to_owned),
            began_at: deployment.began_at,
            end,
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "deploy": self.deploy.to_string(),
            "commit": self.commit,
            "subject": self.subject,
            "began_at": rfc3339(self.began_at),
            "exit_code": self.end.map(|(code, ..)| code),
            "outcome": self.end.map(|(_, outcome, _)| outcome),
            "duration_ms": self.end.map(|(.., took)| took),
        })
    }
}

/// The last deployment that there was no way back from, unless something better came since.
pub(crate) fn critical(history: &History) -> Option<DeployId> {
    let is_critical = |record: &Record| record.is("deploy-queue", "end") && record.exit_code == Some(NO_WAY_BACK);
    let last = history.records.iter().rposition(is_critical)?;
    let (end, since) = history.records.get(last..)?.split_first()?;
    if since.iter().any(is_better) { None } else { end.deploy.as_ref()?.parse().ok() }
}

/// Whether a record tells that somebody set things right: a deployment, a rollback or a smoke test that succeeded, or
/// a person who took a release live (which is judged like any other).
fn is_better(record: &Record) -> bool {
    let by_hand = record.deploy.is_none() && record.parent.is_none();
    let tells = match record.tool.as_str() {
        "deploy-queue" => record.is("deploy-queue", "end"),
        "rollback" => record.command.as_deref() != Some("guard"),
        "smoke-test" => health::is_test_of_what_is_live(record),
        "release" => record.is("release", "activate") && by_hand,
        _ => false,
    };
    tells && record.success == Some(true) && !record.details.contains_key("skipped")
}

#[cfg(test)]
mod tests {
    use super::critical;
    use kit::history::History;
    use kit::journal::read_from;

    fn is_critical(records: &[&str]) -> bool {
        let head = r#""v":1,"started_at":"2026-11-21T10:15:00Z","duration_ms":0"#;
        let text: Vec<String> = records.iter().map(|record| format!("{{{head},{record}}}\n")).collect();
        let lines = read_from(text.concat().as_bytes()).unwrap();
        assert_eq!(lines.unreadable, 0);
        critical(&History::from_lines(lines)).is_some()
    }

    const CRITICAL: &str = r#""tool":"deploy-queue","command":"end","deploy":"prod-1","success":false,"exit_code":5"#;

    #[test]
    fn a_deployment_without_a_way_back_asks_for_a_person_until_something_better_comes() {
        assert!(!is_critical(&[]));
        assert!(is_critical(&[CRITICAL]));
        for better in [
            r#""tool":"deploy-queue","command":"end","deploy":"prod-2","success":true,"exit_code":0"#,
            r#""tool":"rollback","command":"deploy","deploy":"prod-1","success":true"#,
            r#""tool":"rollback","command":"last","success":true"#,
            r#""tool":"smoke-test","command":"check","success":true,"details":{"expected_commit":"abcdefa"}"#,
            r#""tool":"release","command":"activate","success":true,"release":"1-abcdefa""#,
        ] {
            assert!(!is_critical(&[CRITICAL, better]), "{better}");
            assert!(is_critical(&[better, CRITICAL]), "{better}");
        }
    }

    #[test]
    fn what_fails_or_touches_nothing_is_not_better() {
        for no_better in [
            r#""tool":"deploy-queue","command":"end","deploy":"prod-2","success":false,"exit_code":1"#,
            r#""tool":"rollback","command":"deploy","deploy":"prod-1","success":false"#,
            r#""tool":"rollback","command":"deploy","deploy":"prod-1","phase":"begin""#,
            r#""tool":"rollback","command":"deploy","deploy":"prod-0","success":true,"details":{"skipped":"nothing"}"#,
            r#""tool":"rollback","command":"guard","deploy":"prod-2","step":"guard","success":true"#,
            r#""tool":"smoke-test","command":"check","step":"preflight","deploy":"prod-2","success":true"#,
            r#""tool":"smoke-test","command":"check","success":true"#,
            r#""tool":"release","command":"activate","deploy":"prod-2","success":true,"release":"2-abcdefa""#,
            r#""tool":"release","command":"stage","deploy":"prod-2","success":true,"release":"2-abcdefa""#,
        ] {
            assert!(is_critical(&[CRITICAL, no_better]), "{no_better}");
        }
    }
}
