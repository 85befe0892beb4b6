//! Pruning: old releases go, but never the one that is live, one in flight, or one that a rollback would go back to.

use std::collections::HashSet;
use std::fs;

use kit::failure::Attempt;
use kit::history::History;
use kit::root::{ReleaseName, Root};
use kit::{Context, Failure, Outcome, files};

use crate::stage;

pub(crate) fn prune(keep: usize, dry_run: bool, cx: &mut Context) -> Result<Outcome, Failure> {
    if !dry_run {
        cx.records("prune")?;
    }
    let root = cx.root()?;
    let _lock = cx.lock(&root)?;
    let doomed = plan(&root.staged()?, root.live()?.as_ref(), &cx.history()?, keep);
    let names: Vec<String> = doomed.iter().map(ToString::to_string).collect();
    cx.detail("removed", names.clone());
    if !dry_run && !doomed.is_empty() {
        stage::clear_leftovers(&root)?;
        for release in &doomed {
            remove(release, &root)?;
        }
    }
    if names.is_empty() {
        cx.say("nothing to remove");
    }
    Ok(Outcome::done(names.join("\n")))
}

/// Takes a release's name away before its files: half a release is none, and the next run clears what is left of it.
fn remove(release: &ReleaseName, root: &Root) -> Result<(), Failure> {
    let partial = stage::partial(release, root);
    files::publish(&root.release(release), &partial)?;
    fs::remove_dir_all(&partial).attempt(format_args!("remove {}", partial.display()))
}

/// The releases that may go, oldest first.
fn plan(staged: &[ReleaseName], live: Option<&ReleaseName>, history: &History, keep: usize) -> Vec<ReleaseName> {
    let mut pinned: HashSet<&ReleaseName> = live.into_iter().collect();
    // `rollback --last` goes to the newest good release before the live one.
    pinned.extend(history.good().rev().find(|good| live.is_none_or(|live| *good < live)));
    pinned.extend(history.good().rev().take(keep));
    for open in history.open() {
        pinned.extend(open.release.iter().chain(&open.previous));
    }
    let newest_deployment = history.deployments.last().map(|deployment| deployment.id.number());
    let in_flight = |release: &ReleaseName| newest_deployment.is_some_and(|newest| release.number() > newest);
    let doomed = staged.iter().filter(|release| !pinned.contains(release) && !in_flight(release));
    doomed.cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::plan;
    use kit::history::History;
    use kit::journal::read_from;
    use kit::root::ReleaseName;

    /// Deployments 1 to `count`, each verified.
    fn verified(count: u64) -> (Vec<ReleaseName>, History) {
        let mut text = String::new();
        let mut names = Vec::new();
        for number in 1..=count {
            let head = format!(r#""v":1,"started_at":"2026-11-21T10:15:00Z","duration_ms":0,"deploy":"prod-{number}""#);
            names.push(format!("{number}-abcdefa").parse().unwrap());
            text += &format!(
                r#"{{{head},"tool":"deploy-queue","command":"begin","commit":"abcdefa1"}}
                {{{head},"tool":"release","command":"stage","success":true,"release":"{number}-abcdefa"}}
                {{{head},"tool":"release","command":"activate","phase":"begin"}}
                {{{head},"tool":"deploy-queue","command":"end","success":true,"exit_code":0}}
                "#
            );
        }
        (names, History::from_lines(read_from(text.as_bytes()).unwrap()))
    }

    #[test]
    fn the_live_release_and_the_way_back_stay_even_when_none_is_to_be_kept() {
        let (names, history) = verified(5);
        let doomed = plan(&names, Some(&names[3]), &history, 0);
        assert_eq!(doomed, [names[0].clone(), names[1].clone(), names[4].clone()]);
    }

    #[test]
    fn a_release_that_the_journal_does_not_know_yet_stays() {
        let (mut names, history) = verified(2);
        names.push("3-abcdefa".parse().unwrap());
        assert!(!plan(&names, Some(&names[1]), &history, 0).contains(&names[2]));
    }

    #[test]
    fn as_many_as_asked_for_stay() {
        let (names, history) = verified(5);
        assert_eq!(plan(&names, Some(&names[4]), &history, 3), names[..2]);
    }
}
