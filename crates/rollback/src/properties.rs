//! Where rollbacks go and whom the guard refuses, in ten thousand random histories, against what is really so.

use kit::history::History;
use kit::journal::read_from;
use kit::root::{DeployId, ReleaseName};
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, TestCaseError, any, prop_assert, prop_assert_eq, proptest};
use testkit::{Saga, commit_of};

use crate::commit::Named;
use crate::guard::objection;
use crate::target::{Plan, last, to, undo};

type Held = Result<(), TestCaseError>;

/// The word for a deployment that is killed.
const KILLED: u16 = 8;

/// What the tools see of a saga.
fn seen(saga: &Saga) -> History {
    let lines = read_from(saga.journal.as_bytes()).unwrap();
    assert_eq!(lines.unreadable, 0);
    History::from_lines(lines)
}

fn live(saga: &Saga) -> Option<ReleaseName> {
    saga.live.map(|number| saga.name(number).parse().unwrap())
}

fn staged(saga: &Saga) -> Vec<ReleaseName> {
    let there = saga.releases.iter().filter(|(_, release)| release.on_disk);
    there.map(|(number, _)| saga.name(*number).parse().unwrap()).collect()
}

fn id(number: u64) -> DeployId {
    DeployId::new("prod", number)
}

/// The numbers of the releases that a plan leaves and goes to.
fn way(plan: &Plan) -> Option<(Option<u64>, u64)> {
    match plan {
        Plan::Back { from, to } => Some((from.as_ref().map(ReleaseName::number), to.number())),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn in_every_history_rollback_and_guard_do_what_is_right(words in vec(any::<u16>(), 0..14), killed in any::<bool>()) {
        let words = [words, if killed { vec![KILLED] } else { Vec::new() }].concat();
        let saga = Saga::tell(&words);
        let history = seen(&saga);
        a_person_lands_on_a_verified_release_that_is_not_bad_and_not_on_the_one_that_is_left(&saga, &history)?;
        a_deployment_is_undone_to_what_was_live_or_if_that_is_bad_to_a_verified_release(&saga, &history)?;
        the_check_tells_where_a_deployment_that_began_now_would_go(&saga, &history)?;
        what_is_undone_is_never_undone_again_so_n_failures_are_n_rollbacks_at_most(&saga, &history)?;
        the_guard_refuses_after_two_rollbacks_in_an_hour_and_a_commit_that_was_rolled_back(&saga, &history)?;
    }
}

fn a_person_lands_on_a_verified_release_that_is_not_bad_and_not_on_the_one_that_is_left(
    saga: &Saga,
    history: &History,
) -> Held {
    let mut plans: Vec<Plan> = last(history, live(saga)).into_iter().collect();
    prop_assert_eq!(plans.first().and_then(way), saga.last());
    for commit in 0..4 {
        let named: Named = commit_of(commit).parse().unwrap();
        let release = named.release(history, &staged(saga));
        prop_assert_eq!(release.as_ref().ok().map(ReleaseName::number), saga.to(commit).map(|(_, to)| to));
        let Ok(release) = release else { continue };
        let plan = to(history, live(saga), release.clone());
        let there = saga.interrupted.is_none() && saga.live == Some(release.number());
        if there && saga.releases[&release.number()].passed {
            prop_assert!(matches!(plan, Plan::Nothing(_)), "{plan:?}");
        } else {
            prop_assert_eq!(way(&plan), saga.to(commit));
        }
        plans.push(plan);
    }
    for (from, to) in plans.iter().filter_map(way) {
        prop_assert!(saga.is_good(to) && from != Some(to), "{from:?} to {to}");
    }
    Ok(())
}

fn a_deployment_is_undone_to_what_was_live_or_if_that_is_bad_to_a_verified_release(
    saga: &Saga,
    history: &History,
) -> Held {
    let Some(open) = &saga.open else {
        return Ok(());
    };
    // Whatever the guard thinks of the next one: the undoing of this one is never refused.
    let plan = undo(history, live(saga), &id(open.number)).unwrap();
    let wanted = open.previous.and_then(|previous| saga.back(previous, open.number));
    match plan {
        Plan::Back { from, to } => {
            prop_assert_eq!((from.map(|from| from.number()), Some(to.number())), (Some(open.number), wanted));
            prop_assert!(to.number() != open.number && !saga.releases[&to.number()].bad);
            prop_assert!(open.previous == Some(to.number()) || saga.is_good(to.number()));
        }
        plan => prop_assert!(wanted.is_none() && matches!(plan, Plan::Stop { .. }), "{plan:?}"),
    }
    Ok(())
}

fn the_check_tells_where_a_deployment_that_began_now_would_go(saga: &Saga, history: &History) -> Held {
    if let Some(live) = live(saga) {
        let told = history.way_back(&live, u64::MAX).map(|to| to.number());
        prop_assert_eq!(told, saga.back(live.number(), u64::MAX));
    }
    Ok(())
}

fn what_is_undone_is_never_undone_again_so_n_failures_are_n_rollbacks_at_most(saga: &Saga, history: &History) -> Held {
    for number in &saga.settled {
        let plan = undo(history, live(saga), &id(*number)).unwrap();
        prop_assert!(matches!(plan, Plan::Nothing(_)), "{number}: {plan:?}");
    }
    Ok(())
}

fn the_guard_refuses_after_two_rollbacks_in_an_hour_and_a_commit_that_was_rolled_back(
    saga: &Saga,
    history: &History,
) -> Held {
    let now = saga.now().parse().unwrap();
    prop_assert_eq!(objection(history, None, now).is_some(), saga.is_guarded(None));
    for commit in 0..4 {
        let deployment = history.deployments.iter().find(|deployment| deployment.commit == commit_of(commit));
        if deployment.is_some() {
            prop_assert_eq!(objection(history, deployment, now).is_some(), saga.is_guarded(Some(commit)));
        }
    }
    Ok(())
}
