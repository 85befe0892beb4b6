//! What is kept, and what may go: a pure function over what the manifests say.

#[cfg(test)]
mod histories;
#[cfg(test)]
mod model;
mod period;
mod rules;
#[cfg(test)]
pub(crate) mod sample;
mod span;
#[cfg(test)]
mod year;

use db::Entry;
use kit::Failure;
use kit::clock::Time;

use crate::owner::Owner;
use crate::pins::Pin;

pub(crate) use rules::Rules;

/// Whose sets are judged, and what keeps one.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) owner: Owner,
    pub(crate) rules: Rules,
    pub(crate) pins: Vec<Pin>,
}

/// What becomes of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is kept, and why.
    Keep(Vec<String>),
    /// No rule keeps it.
    Remove,
    /// It is damaged: it counts for nothing, and a person decides what becomes of it.
    Damaged(String),
    /// It is suspect: it counts for nothing until a person has said that it may.
    Suspect(String),
}

/// A set and its fate.
#[derive(Clone, Debug)]
pub(crate) struct Decision<'a> {
    pub(crate) entry: &'a Entry,
    pub(crate) fate: Fate,
}

impl Decision<'_> {
    pub(crate) fn is_kept(&self) -> bool {
        matches!(self.fate, Fate::Keep(_))
    }

    pub(crate) fn is_removed(&self) -> bool {
        self.fate == Fate::Remove
    }

    /// `keep NAME: newest good, last 3, daily 2026-11-21`.
    pub(crate) fn spell(&self) -> String {
        let name = &self.entry.name;
        match &self.fate {
            Fate::Keep(reasons) => format!("keep {name}: {}", reasons.join(", ")),
            Fate::Remove => format!("remove {name}: no rule keeps it"),
            Fate::Damaged(why) => format!("leave {name}: damaged, and counts for nothing: {why}"),
            Fate::Suspect(why) => format!("leave {name}: suspect, and counts for nothing until it is accepted: {why}"),
        }
    }
}

/// Decides on the owner's sets that this tool made and that nobody renamed, newest first; all others are not in the
/// plan. The newest good one is kept whatever the rules, and so is what a release needs. What restore-db has made of what it
/// replaced is judged apart: however often somebody restores at night, no other backup goes for that. A set that might be
/// the owner's, because its manifest cannot be read, is in the plan to be left.
pub(crate) fn plan<'a>(entries: &'a [Entry], policy: &Policy) -> Vec<Decision<'a>> {
    let is_concerned = |entry: &&Entry| entry.is_ours && (entry.manifest.is_none() || policy.owner.owns(entry));
    let mut entries: Vec<&Entry> = entries.iter().filter(is_concerned).collect();
    entries.sort_by_cached_key(|entry| entry.newest_first());
    let good = entries.iter().filter(|entry| entry.is_good()).filter_map(|entry| Some((*entry, entry.made_at()?)));
    let (safety, good): (Vec<(&Entry, Time)>, Vec<_>) = good.partition(|(entry, _)| entry.is_safety());
    let mut good = reasons("newest good", &good, &policy.rules);
    let mut safety = reasons("newest before a restore", &safety, &policy.rules);
    let mut decide = |entry: &Entry| {
        left(entry).unwrap_or_else(|| {
            let of_kind = if entry.is_safety() { safety.next() } else { good.next() };
            keep(of_kind.unwrap_or_default().into_iter().chain(pinned(entry, &policy.pins)).collect())
        })
    };
    entries.into_iter().map(|entry| Decision { entry, fate: decide(entry) }).collect()
}

/// Why the rules keep each of these, newest first; the first is kept whatever they say.
fn reasons(first: &str, good: &[(&Entry, Time)], rules: &Rules) -> impl Iterator<Item = Vec<String>> + use<> {
    let mut judged = rules.judge(good);
    if let Some(newest) = judged.first_mut() {
        newest.insert(0, first.to_owned());
    }
    judged.into_iter()
}

/// The fate of what counts for nothing.
fn left(entry: &Entry) -> Option<Fate> {
    let damaged = entry.damaged.clone().map(Fate::Damaged);
    let suspect = || entry.mark.suspect.clone().map(Fate::Suspect);
    damaged.or_else(suspect).or_else(|| (!entry.is_good()).then(|| Fate::Damaged("it has no manifest".to_owned())))
}

fn keep(reasons: Vec<String>) -> Fate {
    if reasons.is_empty() { Fate::Remove } else { Fate::Keep(reasons) }
}

fn pinned<'a>(entry: &'a Entry, pins: &'a [Pin]) -> impl Iterator<Item = String> + 'a {
    let deploy = entry.manifest.as_ref().and_then(|manifest| manifest.deploy.as_ref());
    pins.iter().filter(move |pin| Some(&pin.deploy) == deploy).map(|pin| pin.reason.clone())
}

/// Makes sure of the newest set that is kept, before anything is removed, and of the newest of those before a restore: `damage`
/// looks at it in full. One that is damaged counts for nothing from here on, and the next is the newest. So nights of bad
/// backups never push out the last good one.
pub(crate) fn settle(
    entries: &mut [Entry],
    policy: &Policy,
    mut damage: impl FnMut(&Entry) -> Result<Option<String>, Failure>,
) -> Result<(), Failure> {
    for is_safety in [false, true] {
        while let Some(newest) = in_doubt(&plan(entries, policy), is_safety) {
            let Some(why) = damage(&newest)? else { break };
            if let Some(entry) = entries.iter_mut().find(|entry| entry.path == newest.path) {
                entry.damaged = Some(why);
            }
        }
    }
    Ok(())
}

/// The newest of its kind that is kept; none where nothing of that kind goes: to count for less never removes more.
fn in_doubt(plan: &[Decision], is_safety: bool) -> Option<Entry> {
    let of_kind = || plan.iter().filter(|decision| decision.entry.is_safety() == is_safety);
    of_kind()
        .find(|decision| decision.is_kept())
        .filter(|_| of_kind().any(Decision::is_removed))
        .map(|it| it.entry.clone())
}

#[cfg(test)]
mod tests {
    use super::sample::{entry, owner, policy};
    use super::{Fate, Rules, plan};
    use crate::pins::Pin;

    fn spelled(rules: Rules, sets: &[(&str, bool)]) -> Vec<String> {
        let mut entries: Vec<_> = sets.iter().map(|(name, _)| entry(name, &owner())).collect();
        for (entry, (_, is_good)) in entries.iter_mut().zip(sets) {
            entry.damaged = (!is_good).then(|| "why".to_owned());
        }
        plan(&entries, &policy(rules)).iter().map(super::Decision::spell).collect()
    }

    #[test]
    fn what_was_saved_before_restores_pushes_out_nothing_else() {
        let names = ["2024-03-05T03-00-00Z", "2024-03-04T03-00-00Z", "2024-03-03T03-00-00Z", "2024-03-02T03-00-00Z"];
        let mut entries: Vec<_> = names.iter().map(|name| entry(name, &owner())).collect();
        for entry in &mut entries[..2] {
            entry.manifest.as_mut().unwrap().label = Some(db::store::SAFETY_LABEL.to_owned());
        }
        let mut proven = Vec::new();
        let policy = policy(Rules { last: Some(1), ..Rules::default() });
        let prove = |entry: &db::Entry| {
            proven.push(entry.name.clone());
            Ok(None)
        };
        super::settle(&mut entries, &policy, prove).unwrap();
        assert_eq!(proven, [names[2], names[0]]);
        assert_eq!(
            plan(&entries, &policy).iter().map(super::Decision::spell).collect::<Vec<_>>(),
            [
                "keep 2024-03-05T03-00-00Z: newest before a restore, last 1",
                "remove 2024-03-04T03-00-00Z: no rule keeps it",
                "keep 2024-03-03T03-00-00Z: newest good, last 1",
                "remove 2024-03-02T03-00-00Z: no rule keeps it",
            ]
        );
    }

    #[test]
    fn a_set_is_kept_by_any_rule_and_each_says_so() {
        let said = spelled(
            Rules { last: Some(2), days: Some(1), ..Rules::default() },
            &[
                ("2024-03-01T03-00-00Z", true),
                ("2024-02-29T03-00-00Z", true),
                ("2024-02-29T02-59-59Z", true),
                ("2024-03-01T02-00-00Z", false),
            ],
        );
        assert_eq!(
            said,
            [
                "keep 2024-03-01T03-00-00Z: newest good, last 2, within 1 day",
                "leave 2024-03-01T02-00-00Z: damaged, and counts for nothing: why",
                "keep 2024-02-29T03-00-00Z: last 2, within 1 day",
                "remove 2024-02-29T02-59-59Z: no rule keeps it",
            ]
        );
    }

    #[test]
    fn a_tenth_backup_of_the_same_second_is_newer_than_the_second() {
        let said = spelled(
            Rules { last: Some(1), ..Rules::default() },
            &[("2024-03-01T03-00-00Z-2", true), ("2024-03-01T03-00-00Z-10", true), ("2024-03-01T03-00-00Z", true)],
        );
        assert_eq!(said[0], "keep 2024-03-01T03-00-00Z-10: newest good, last 1");
        assert!(said[1].starts_with("remove 2024-03-01T03-00-00Z-2:"), "{said:?}");
    }

    #[test]
    fn what_is_not_ours_is_not_in_the_plan() {
        let (mut renamed, mut of_other) =
            (entry("2024-03-01T03-00-00Z", &owner()), entry("2024-03-02T03-00-00Z", &owner()));
        renamed.is_ours = false;
        of_other.manifest.as_mut().unwrap().env = None;
        assert!(plan(&[renamed, of_other], &policy(Rules { last: Some(1), ..Rules::default() })).is_empty());
    }

    #[test]
    fn one_whose_manifest_cannot_be_read_is_left() {
        let mut unreadable = entry("2024-03-01T03-00-00Z", &owner());
        unreadable.manifest = None;
        unreadable.damaged = Some("manifest.json is missing".to_owned());
        let entries = [unreadable];
        let plan = plan(&entries, &policy(Rules { last: Some(1), ..Rules::default() }));
        assert_eq!(plan[0].fate, Fate::Damaged("manifest.json is missing".to_owned()));
    }

    #[test]
    fn the_newest_of_a_period_stands_for_it_and_periods_without_a_backup_do_not_count() {
        let rules = Rules { hourly: Some(1), daily: Some(2), weekly: Some(2), ..Rules::default() };
        let names = ["2024-03-05T03-30-00Z", "2024-03-05T03-00-00Z", "2024-02-29T03-00-00Z", "2024-02-28T03-00-00Z"];
        assert_eq!(
            spelled(rules, &names.map(|name| (name, true))),
            [
                "keep 2024-03-05T03-30-00Z: newest good, hourly 2024-03-05T03, daily 2024-03-05, weekly 2024-W10",
                "remove 2024-03-05T03-00-00Z: no rule keeps it",
                "keep 2024-02-29T03-00-00Z: daily 2024-02-29, weekly 2024-W09",
                "remove 2024-02-28T03-00-00Z: no rule keeps it",
            ]
        );
    }

    #[test]
    fn the_oldest_stays_until_there_are_as_many_periods_as_wanted() {
        let names = ["2024-03-05T03-00-00Z", "2024-03-04T03-00-00Z", "2024-03-03T03-00-00Z"].map(|name| (name, true));
        let said = spelled(Rules { monthly: Some(2), ..Rules::default() }, &names);
        assert_eq!(said[1], "remove 2024-03-04T03-00-00Z: no rule keeps it");
        assert_eq!(said[2], "keep 2024-03-03T03-00-00Z: oldest until there are 2 monthly");
        let said = spelled(Rules { monthly: Some(1), ..Rules::default() }, &names);
        assert_eq!(said[2], "remove 2024-03-03T03-00-00Z: no rule keeps it");
    }

    #[test]
    fn what_is_exactly_as_old_as_the_span_is_no_longer_within_it() {
        let rules = Rules { within: Some(super::span::Span::parse("1d").unwrap()), ..Rules::default() };
        let names = ["2024-03-01T03-00-00Z", "2024-02-29T03-00-01Z", "2024-02-29T03-00-00Z"];
        let said = spelled(rules, &names.map(|name| (name, true)));
        assert_eq!(said[1], "keep 2024-02-29T03-00-01Z: within 1d");
        assert_eq!(said[2], "remove 2024-02-29T03-00-00Z: no rule keeps it");
    }

    #[test]
    fn what_a_release_needs_stays_whatever_the_rules() {
        let mut entries =
            ["2024-03-03T03-00-00Z", "2024-03-02T03-00-00Z", "2024-03-01T03-00-00Z"].map(|name| entry(name, &owner()));
        entries[1].manifest.as_mut().unwrap().deploy = Some("prod-4".to_owned());
        entries[2].manifest.as_mut().unwrap().deploy = Some("prod-42".to_owned());
        let mut policy = policy(Rules { last: Some(1), ..Rules::default() });
        policy.pins =
            vec![Pin { deploy: "prod-42".to_owned(), reason: "the backup of prod-42, which is live".to_owned() }];
        let said: Vec<String> = plan(&entries, &policy).iter().map(super::Decision::spell).collect();
        assert_eq!(said[1], "remove 2024-03-02T03-00-00Z: no rule keeps it");
        assert_eq!(said[2], "keep 2024-03-01T03-00-00Z: the backup of prod-42, which is live");
    }

    #[test]
    fn a_suspect_one_is_left_and_is_not_the_newest() {
        let mut entries = ["2024-03-02T03-00-00Z", "2024-03-01T03-00-00Z"].map(|name| entry(name, &owner()));
        entries[0].mark.suspect = Some("it shrank".to_owned());
        let said: Vec<String> = plan(&entries, &policy(Rules { last: Some(1), ..Rules::default() }))
            .iter()
            .map(super::Decision::spell)
            .collect();
        assert_eq!(
            said[0],
            "leave 2024-03-02T03-00-00Z: suspect, and counts for nothing until it is accepted: it shrank"
        );
        assert_eq!(said[1], "keep 2024-03-01T03-00-00Z: newest good, last 1");
    }
}
