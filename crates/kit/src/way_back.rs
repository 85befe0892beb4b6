//! The ways back that the history leaves open. `rollback` goes them and `release prune` keeps them, so both ask here.

use crate::history::History;
use crate::journal::Record;
use crate::root::ReleaseName;

/// A rollback that began and did not get there, whatever stopped it, and nothing has changed the environment since.
#[derive(Debug, PartialEq, Eq)]
pub struct Interrupted {
    /// Whether a person asked for it: not the undoing of a deployment, which the queue settles.
    pub by_hand: bool,
    /// The release that it left.
    pub from: Option<ReleaseName>,
    /// The release that it was to reach; `None` when there was nothing to go back to.
    pub to: Option<ReleaseName>,
}

impl History {
    /// Where a deployment that began over `previous` goes back to: there, unless that is marked bad, which a person
    /// may have put live all the same. Then it is the newest verified release with a number below `before`.
    #[must_use]
    pub fn way_back(&self, previous: &ReleaseName, before: u64) -> Option<ReleaseName> {
        if !self.is_bad(previous) {
            return Some(previous.clone());
        }
        self.good().filter(|good| good.number() < before).max().cloned()
    }

    /// The newest verified release before this one that is not bad.
    #[must_use]
    pub fn good_before(&self, release: &ReleaseName) -> Option<ReleaseName> {
        self.good().filter(|good| *good < release).max().cloned()
    }

    /// The rollback that was interrupted, if the last change of the environment was one.
    #[must_use]
    pub fn interrupted(&self) -> Option<Interrupted> {
        let of_rollback = |record: &Record| record.parent.as_deref() == Some("rollback");
        let begins = |record: &Record| record.is("deploy-queue", "begin") || (record.begins() && !of_rollback(record));
        let last = self.records.iter().rposition(begins)?;
        let (begin, after) = self.records.get(last..)?.split_first()?;
        // It got there once the smoke test has spoken, whatever it said: from there a person may go further back.
        let spoke = |record: &Record| {
            let smoke = record.is("smoke-test", "check") && of_rollback(record);
            smoke && record.exit_code.is_some_and(|code| code < 128)
        };
        if begin.tool != "rollback" || after.iter().any(spoke) {
            return None;
        }
        let release = |key: &str| begin.text(key)?.parse().ok();
        Some(Interrupted { by_hand: !begin.is("rollback", "deploy"), from: release("from"), to: release("to") })
    }
}

#[cfg(test)]
mod tests {
    use super::Interrupted;
    use crate::history::History;
    use crate::journal::read_from;

    fn interrupted(records: &[&str]) -> Option<Interrupted> {
        let lines: Vec<String> = records
            .iter()
            .map(|record| {
                format!("{{\"v\":1,\"started_at\":\"2026-11-21T10:15:00Z\",\"duration_ms\":0,\"deploy\":\"prod-9\",\"commit\":\"a\",{record}}}\n")
            })
            .collect();
        let lines = read_from(lines.concat().as_bytes()).unwrap();
        assert_eq!(lines.unreadable, 0);
        History::from_lines(lines).interrupted()
    }

    const BACK: &str = r#""tool":"rollback","command":"last","phase":"begin","details":{"from":"3-abcdefa","to":"2-abcdefa","bad":true}"#;
    const SWITCH: &str = r#""tool":"release","command":"activate","phase":"begin","parent":"rollback""#;
    const SMOKE: &str = r#""tool":"smoke-test","command":"check","parent":"rollback","exit_code":1"#;
    const KILLED: &str = r#""tool":"smoke-test","command":"check","parent":"rollback","exit_code":143"#;
    const BY_HAND: &str = r#""tool":"release","command":"activate","phase":"begin""#;
    const DEPLOY: &str = r#""tool":"deploy-queue","command":"begin""#;

    #[test]
    fn a_rollback_is_interrupted_until_its_smoke_test_has_spoken() {
        for records in [&[BACK][..], &[BACK, SWITCH], &[BACK, SWITCH, KILLED]] {
            let killed = interrupted(records).unwrap();
            assert!(killed.by_hand, "{records:?}");
            assert_eq!((killed.from.unwrap().number(), killed.to.unwrap().number()), (3, 2));
        }
        assert_eq!(interrupted(&[BACK, SWITCH, SMOKE]), None);
    }

    #[test]
    fn whatever_changes_the_environment_afterwards_settles_it() {
        for next in [BY_HAND, DEPLOY] {
            assert_eq!(interrupted(&[BACK, SWITCH, next]), None, "{next}");
        }
    }
}
