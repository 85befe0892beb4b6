//! What the state of an environment means: an exit code, the reasons for it, and what else a person should know. Pure.

use kit::{Exit, Failure};

use crate::health::Verdict;
use crate::live::Live;
use crate::status::Status;

/// The answer.
#[derive(Debug)]
pub(crate) struct Judgement {
    /// Why it is not healthy, or why that is not known; `None` when it is.
    pub(crate) failure: Option<Failure>,
    /// What a person should know, healthy or not.
    pub(crate) warnings: Vec<String>,
}

impl Judgement {
    pub(crate) fn of(status: &Status) -> Self {
        Self { failure: failure(status), warnings: warnings(status) }
    }

    pub(crate) fn exit(&self) -> Exit {
        self.failure.as_ref().map_or(Exit::DONE, |failure| failure.exit)
    }

    /// The exit code in a word or two.
    pub(crate) fn word(&self) -> &'static str {
        match self.exit() {
            Exit::DONE => "healthy",
            Exit::NO => "not healthy",
            _ => "not known",
        }
    }
}

/// A reason that is known outweighs what is not known: both are told.
fn failure(status: &Status) -> Option<Failure> {
    let name = &status.environment;
    let live = match &status.live {
        Ok(live) => live.as_ref(),
        Err(failure) => return Some(not_known(name, failure)),
    };
    let reasons = reasons(live, status);
    let Some((_, hint)) = reasons.first() else {
        return match &status.health.verdict {
            Verdict::Unknown(failure) => Some(not_known(name, failure)),
            _ => None,
        };
    };
    let said: Vec<&str> = reasons.iter().map(|(reason, _)| reason.as_str()).collect();
    Some(Failure::new(Exit::NO, format!("{name} is not healthy: {}", said.join("; "))).hint(*hint))
}

fn not_known(name: &str, why: &Failure) -> Failure {
    let message = format!("it is not known whether {name} is healthy: {}", why.message);
    Failure { message, ..why.clone() }
}

/// Why the environment is not healthy, each with what to do next.
fn reasons(live: Option<&Live>, status: &Status) -> Vec<(String, &'static str)> {
    let mut reasons = Vec::new();
    match live {
        None => reasons.push(("nothing is live".to_owned(), "release list shows what can be activated")),
        Some(live) if live.bad => {
            let reason = format!("{} is marked bad, for a rollback left it", live.release);
            reasons.push((reason, "rollback --last goes back to a release that was verified"));
        }
        Some(live) if !may_be_trusted(live, status) => {
            let reason = format!("{} was never verified", live.release);
            reasons
                .push((reason, "deployment-report tells why; to deploy it anew: deploy-queue submit --force COMMIT"));
        }
        Some(_) => {}
    }
    if let Some(deploy) = &status.critical {
        let reason = format!("{deploy} ended with 5, and nothing better came since");
        reasons.push((reason, "a deployment, a rollback or a recorded smoke test that succeeds settles it"));
    }
    if let Verdict::Unhealthy(failure) = &status.health.verdict {
        reasons.push((failure.message.clone(), "logs/app.log has what the app said; rollback --last goes back"));
    }
    reasons
}

/// Verified; or there is no test that could verify it; or its deployment is about to tell.
fn may_be_trusted(live: &Live, status: &Status) -> bool {
    let runs = |deploy| status.queue.as_ref().is_ok_and(|queue| queue.runs(deploy));
    live.verified || matches!(status.health.verdict, Verdict::None(_)) || live.deploy.as_ref().is_some_and(runs)
}

/// What does not make the environment unhealthy, and will when it is needed.
fn warnings(status: &Status) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Ok(queue) = &status.queue {
        let hold = queue.held.as_ref();
        warnings.extend(hold.map(|hold| format!("deployments are held by {}: {}", hold.by, hold.reason)));
        let killed = queue.killed().iter();
        warnings.extend(killed.map(|deploy| format!("{deploy} was killed: deploy-queue run settles it")));
    }
    match &status.backup {
        Ok(Some(backup)) => {
            let damage = backup.damaged.as_ref();
            warnings.extend(damage.map(|why| format!("the last backup, {}, is damaged: {why}", backup.name)));
            let doubt = backup.suspect.as_ref();
            warnings.extend(doubt.map(|why| format!("the last backup, {}, is suspect: {why}", backup.name)));
        }
        Ok(None) if status.has_database => warnings.push("there is no backup".to_owned()),
        _ => {}
    }
    if let Ok(way_back) = &status.way_back {
        warnings.extend(way_back.problems.iter().map(|problem| format!("the way back is broken: {problem}")));
    }
    if status.unreadable > 0 {
        warnings.push(format!("{} lines of the journal could not be read", status.unreadable));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::Judgement;
    use crate::health::Verdict;
    use crate::live::Live;
    use crate::queue::Queue;
    use crate::status::Status;
    use crate::way_back::WayBack;
    use kit::{Exit, Failure};
    use serde_json::{Value, json};

    /// An environment that is well.
    fn well() -> Status {
        let live = Live {
            release: "2-abcdefa".parse().unwrap(),
            commit: "abcdefa".repeat(6)[..40].to_owned(),
            tags: Ok(Vec::new()),
            deploy: "prod-2".parse().ok(),
            reference: None,
            author: None,
            subject: None,
            by: None,
            since: None,
            verified: true,
            bad: false,
        };
        Status {
            environment: "prod".to_owned(),
            live: Ok(Some(live)),
            health: Verdict::Healthy.into(),
            backup: Ok(None),
            has_database: false,
            way_back: Ok(WayBack::default()),
            queue: Ok(Queue::default()),
            deployments: Vec::new(),
            critical: None,
            unreadable: 0,
        }
    }

    fn judge(change: impl FnOnce(&mut Status)) -> (u8, String) {
        let mut status = well();
        change(&mut status);
        let judgement = Judgement::of(&status);
        let said = judgement.failure.as_ref().map(|failure| failure.message.clone());
        (judgement.exit().code(), said.unwrap_or_default())
    }

    fn live(status: &mut Status) -> &mut Live {
        status.live.as_mut().unwrap().as_mut().unwrap()
    }

    fn fails(code: u8, sentence: &str) -> Failure {
        Failure::new(Exit::of_child(code), sentence)
    }

    fn queue(value: Value) -> Queue {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_is_verified_and_passes_now_is_healthy() {
        assert_eq!(judge(|_| ()), (0, String::new()));
    }

    #[test]
    fn each_reason_alone_makes_it_not_healthy() {
        let not = |change: fn(&mut Status), reason: &str| {
            assert_eq!(judge(change), (1, format!("prod is not healthy: {reason}")));
        };
        not(|status| status.live = Ok(None), "nothing is live");
        not(|status| live(status).bad = true, "2-abcdefa is marked bad, for a rollback left it");
        not(|status| live(status).verified = false, "2-abcdefa was never verified");
        not(|status| status.critical = "prod-3".parse().ok(), "prod-3 ended with 5, and nothing better came since");
        not(|status| status.health = Verdict::Unhealthy(fails(1, "1 check failed")).into(), "1 check failed");
    }

    #[test]
    fn all_reasons_are_told_and_outweigh_what_is_not_known() {
        let (code, said) = judge(|status| {
            live(status).bad = true;
            status.critical = "prod-3".parse().ok();
            status.health = Verdict::Unknown(fails(69, "curl is missing")).into();
        });
        assert_eq!(code, 1);
        assert!(said.contains("marked bad") && said.contains("prod-3 ended with 5"), "{said}");
    }

    #[test]
    fn what_is_not_known_keeps_its_code_and_is_never_1() {
        for code in [65, 66, 69, 74, 77, 78, 101, 124, 143] {
            let (exit, said) = judge(|status| status.health = Verdict::Unknown(fails(code, "why")).into());
            assert_eq!((exit, &*said), (code, "it is not known whether prod is healthy: why"));
            assert_eq!(judge(|status| status.live = Err(fails(code, "why"))).0, code);
        }
    }

    #[test]
    fn what_no_test_could_verify_and_what_is_just_being_verified_is_trusted() {
        assert_eq!(
            judge(|status| {
                live(status).verified = false;
                status.health = Verdict::None("no smoke test is set").into();
            })
            .0,
            0
        );
        let unverified = |holder: Value, running: Value| {
            judge(|status| {
                live(status).verified = false;
                status.queue = Ok(queue(json!({"running": running, "waiting": [], "holder": holder})));
            })
            .0
        };
        assert_eq!(unverified(json!("deploy-queue run"), json!(["prod-2"])), 0);
        assert_eq!(unverified(json!("deploy-queue run"), json!(["prod-3"])), 1);
        // It was killed: nobody is about to tell anything.
        assert_eq!(unverified(json!(null), json!(["prod-2"])), 1);
    }

    #[test]
    fn a_part_that_cannot_be_asked_does_not_change_the_answer() {
        let (code, _) = judge(|status| {
            status.backup = Err(fails(74, "x"));
            status.way_back = Err(fails(66, "x"));
            status.queue = Err(fails(69, "x"));
        });
        assert_eq!(code, 0);
    }

    #[test]
    fn what_will_be_missed_one_day_is_warned_of_and_stays_healthy() {
        let mut status = well();
        status.has_database = true;
        status.unreadable = 2;
        status.queue = Ok(queue(
            json!({"running": ["prod-3"], "waiting": [], "held": {"reason": "exams", "by": "ada", "since": ""}, "holder": null}),
        ));
        status.way_back.as_mut().unwrap().problems.push("1-abcdefa is gone".to_owned());
        let judgement = Judgement::of(&status);
        assert_eq!(judgement.exit(), Exit::DONE);
        assert_eq!(
            judgement.warnings,
            [
                "deployments are held by ada: exams",
                "prod-3 was killed: deploy-queue run settles it",
                "there is no backup",
                "the way back is broken: 1-abcdefa is gone",
                "2 lines of the journal could not be read",
            ]
        );
        status.backup = Ok(serde_json::from_value(json!({"name": "b", "damaged": "no manifest"})).unwrap());
        let warnings = Judgement::of(&status).warnings;
        assert!(warnings.contains(&"the last backup, b, is damaged: no manifest".to_owned()), "{warnings:?}");
        status.backup = Ok(serde_json::from_value(json!({"name": "b", "suspect": "it has 1 row"})).unwrap());
        let warnings = Judgement::of(&status).warnings;
        assert!(warnings.contains(&"the last backup, b, is suspect: it has 1 row".to_owned()), "{warnings:?}");
    }
}
