//! The loop guard: a deployment that would repeat a failure waits for a person. It refuses the *next deploy*, before
//! anything is touched; it never refuses a rollback.

use kit::clock::{self, Time};
use kit::history::{Deployment, History};
use kit::journal::Record;
use kit::lock::Lock;
use kit::{Context, Exit, Failure, Outcome};

/// This many automatic rollbacks …
const TOO_MANY: usize = 2;

/// … within this time ask for a person. One that lies in the future counts as well: the clock was set back.
const WINDOW: chrono::TimeDelta = chrono::TimeDelta::hours(1);

pub(crate) fn guard(cx: &mut Context) -> Result<Outcome, Failure> {
    let deploy = cx.deploy()?;
    if deploy.is_some() {
        cx.records("guard")?;
    }
    let root = cx.root()?;
    let history = cx.history()?;
    let deployment = deploy.as_ref().and_then(|id| history.deployment(id).cloned());
    if let Some(id) = deploy {
        // A variable that is left over from somewhere: nobody would settle what such a pipeline leaves.
        let in_progress = deployment.as_ref().is_some_and(|deployment| deployment.exit_code.is_none());
        let wrong = match () {
            () if !in_progress => "which is no deployment in progress",
            () if !Lock::is_inherited(&root)? => "but stdin is not the lock that its pipeline holds",
            () => "",
        };
        if !wrong.is_empty() {
            let failure = Failure::new(Exit::SETTINGS, format!("PUSHBACK_DEPLOY is {id}, {wrong}"));
            return Err(failure.hint("unset PUSHBACK_DEPLOY, then deploy-queue submit"));
        }
    }
    if deployment.as_ref().is_some_and(Deployment::is_forced) {
        cx.say("forced: the guard is not asked");
        return Ok(Outcome::done(""));
    }
    match objection(&history, deployment.as_ref(), clock::now()) {
        None => Ok(Outcome::done("")),
        Some((objection, hint)) => {
            Err(Failure::new(Exit::BUSY, format!("a person must look first: {objection}")).hint(hint))
        }
    }
}

/// Why a deploy should not begin and what a person can do; `None` when it may.
pub(crate) fn objection(
    history: &History,
    deployment: Option<&Deployment>,
    now: Time,
) -> Option<(String, &'static str)> {
    if let Some(deployment) = deployment
        && let Some(bad) = rolled_back(history, &deployment.commit)
    {
        let commit: String = deployment.commit.chars().take(7).collect();
        let hint = "push a fix; or, if this commit is not to blame, deploy-queue submit --force";
        return Some((format!("{commit} was rolled back before, as {bad}"), hint));
    }
    let recent = recent_rollbacks(history, now);
    let hint = "find the cause (deploy-queue log), then deploy the fix with deploy-queue submit --force";
    let objection = format!("{recent} deployments were rolled back automatically within the last hour");
    (recent >= TOO_MANY).then_some((objection, hint))
}

/// The release in which this commit was rolled back, unless it was verified again afterwards.
fn rolled_back(history: &History, commit: &str) -> Option<String> {
    let of_commit = history.deployments.iter().filter(|deployment| deployment.commit == commit);
    let releases = of_commit.filter_map(|deployment| deployment.release.as_ref());
    let last = releases.filter(|release| history.is_bad(release) || history.is_good(release)).max()?;
    history.is_bad(last).then(|| last.to_string())
}

/// How many deployments were rolled back by the pipeline lately. What came before a forced deployment does not count:
/// a person has looked.
fn recent_rollbacks(history: &History, now: Time) -> usize {
    let looked_at = history.deployments.iter().rposition(Deployment::is_forced).unwrap_or_default();
    let since = history.deployments.iter().skip(looked_at);
    let automatic = since.filter(|deployment| {
        let mut records = deployment.records.iter();
        records.any(|record| marks_bad(record) && record.started_at > now - WINDOW)
    });
    automatic.count()
}

/// A rollback that was asked for because the release did not work. One that only undoes what a power cut left says
/// nothing against the release.
fn marks_bad(record: &Record) -> bool {
    record.is("rollback", "deploy") && record.begins() && record.details.get("bad") == Some(&true.into())
}

#[cfg(test)]
mod tests {
    use super::objection;
    use kit::clock::Time;
    use kit::history::History;
    use kit::journal::read_from;

    fn at(minute: u32) -> Time {
        format!("2026-11-21T10:{minute:02}:00Z").parse().unwrap()
    }

    /// Deployments of the given commits, each rolled back at its minute.
    fn rolled_back(stories: &[(&str, u32, bool)]) -> History {
        let mut text = String::new();
        for (number, (commit, minute, forced)) in stories.iter().enumerate() {
            let head = format!(
                r#""v":1,"started_at":"2026-11-21T10:{minute:02}:00Z","duration_ms":0,"deploy":"prod-{number}""#
            );
            text += &format!(
                r#"{{{head},"tool":"deploy-queue","command":"begin","commit":"{commit}","details":{{"force":{forced}}}}}
                {{{head},"tool":"release","command":"stage","success":true,"release":"{number}-{commit}"}}
                {{{head},"tool":"rollback","command":"deploy","phase":"begin","details":{{"from":"{number}-{commit}","bad":true}}}}
                {{{head},"tool":"deploy-queue","command":"end","success":false,"exit_code":4}}
                "#
            );
        }
        let lines = read_from(text.as_bytes()).unwrap();
        assert_eq!(lines.unreadable, 0);
        History::from_lines(lines)
    }

    #[test]
    fn two_automatic_rollbacks_within_an_hour_ask_for_a_person() {
        let history = rolled_back(&[("aaaaaaa", 0, false), ("bbbbbbb", 30, false)]);
        assert!(objection(&history, None, at(59)).is_some());
        // An hour after the first one only the second is left.
        assert!(objection(&history, None, at(59) + chrono::TimeDelta::minutes(2)).is_none());
        // A clock that was set back does not open the door.
        assert!(objection(&history, None, at(0) - chrono::TimeDelta::days(300)).is_some());
    }

    #[test]
    fn one_rollback_stops_only_its_own_commit() {
        let history = rolled_back(&[("aaaaaaa", 0, false)]);
        let mut again = history.deployments[0].clone();
        assert!(objection(&history, Some(&again), at(59)).is_some());
        again.commit = "bbbbbbb".to_owned();
        assert!(objection(&history, Some(&again), at(59)).is_none());
    }

    #[test]
    fn a_forced_deployment_says_that_a_person_has_looked() {
        let history = rolled_back(&[("aaaaaaa", 0, false), ("bbbbbbb", 10, false), ("ccccccc", 20, true)]);
        assert!(objection(&history, None, at(30)).is_none());
    }
}
