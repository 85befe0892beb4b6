//! What is kept, and what may go: a pure function over what the manifests say.

#[cfg(test)]
mod histories;

use db::Entry;
use kit::Failure;
use kit::clock::Time;

use crate::owner::Owner;
use crate::quantity::count;

const DAY: u64 = 24 * 60 * 60 * 1000;

/// What is to be kept. A set is kept when any rule keeps it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// The newest so many.
    pub(crate) last: Option<u32>,
    /// What was made within so many days before the newest.
    pub(crate) days: Option<u32>,
}

/// What becomes of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is kept, and why.
    Keep(Vec<String>),
    /// No rule keeps it.
    Remove,
    /// It is damaged: it counts for nothing, and a person decides what becomes of it.
    Leave(String),
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

    /// `keep NAME: newest good, last 3`.
    pub(crate) fn spell(&self) -> String {
        let name = &self.entry.name;
        match &self.fate {
            Fate::Keep(reasons) => format!("keep {name}: {}", reasons.join(", ")),
            Fate::Remove => format!("remove {name}: no rule keeps it"),
            Fate::Leave(why) => format!("leave {name}: damaged, and counts for nothing: {why}"),
        }
    }
}

/// Decides on the owner's sets that this tool made and that nobody renamed, newest first; all others are not in the
/// plan. The newest good one is kept whatever the rules, and days are counted back from it: not from now, or a clock
/// that jumps ahead would empty the directory. A set that might be the owner's, because its manifest cannot be read, is
/// in the plan to be left.
pub(crate) fn plan<'a>(entries: &'a [Entry], owner: &Owner, rules: &Rules) -> Vec<Decision<'a>> {
    let is_concerned = |entry: &&Entry| entry.is_ours && (entry.manifest.is_none() || owner.owns(entry));
    let mut entries: Vec<&Entry> = entries.iter().filter(is_concerned).collect();
    entries.sort_by_cached_key(|entry| entry.newest_first());
    let mut newest = None;
    let mut rank = 0;
    let mut decide = |entry: &Entry| match (&entry.damaged, entry.made_at()) {
        (None, Some(made_at)) => {
            rank += 1;
            fate(rank, made_at, *newest.get_or_insert(made_at), rules)
        }
        (why, _) => Fate::Leave(why.clone().unwrap_or_default()),
    };
    entries.into_iter().map(|entry| Decision { entry, fate: decide(entry) }).collect()
}

/// Makes sure of the newest set that is kept, before anything is removed: `damage` looks at it in full. One that is
/// damaged counts for nothing from here on, and the next is the newest. So nights of bad backups never push out the last
/// good one.
pub(crate) fn settle(
    entries: &mut [Entry],
    owner: &Owner,
    rules: &Rules,
    mut damage: impl FnMut(&Entry) -> Result<Option<String>, Failure>,
) -> Result<(), Failure> {
    loop {
        let plan = plan(entries, owner, rules);
        // Where nothing goes, nothing is to be proven: to count for less never removes more.
        let goes = plan.iter().any(Decision::is_removed);
        let Some(newest) = plan.iter().find(|decision| goes && decision.is_kept()) else {
            return Ok(());
        };
        let Some(why) = damage(newest.entry)? else {
            return Ok(());
        };
        let path = newest.entry.path.clone();
        if let Some(entry) = entries.iter_mut().find(|entry| entry.path == path) {
            entry.damaged = Some(why);
        }
    }
}

/// The fate of the good set with this rank among the good ones; the newest has rank 1.
fn fate(rank: u32, made_at: Time, newest: Time, rules: &Rules) -> Fate {
    let mut reasons = Vec::new();
    if rank == 1 {
        reasons.push("newest good".to_owned());
    }
    if let Some(last) = rules.last.filter(|last| rank <= *last) {
        reasons.push(format!("last {last}"));
    }
    let age = u64::try_from((newest - made_at).num_milliseconds()).unwrap_or_default();
    if let Some(days) = rules.days.filter(|days| age <= u64::from(*days) * DAY) {
        reasons.push(format!("within {}", count(days.into(), "day")));
    }
    if reasons.is_empty() { Fate::Remove } else { Fate::Keep(reasons) }
}

#[cfg(test)]
mod tests {
    use super::histories::{entry, owner};
    use super::{Fate, Rules, plan};

    fn spelled(rules: Rules, sets: &[(&str, bool)]) -> Vec<String> {
        let mut entries: Vec<_> = sets.iter().map(|(name, _)| entry(name, &owner())).collect();
        for (entry, (_, is_good)) in entries.iter_mut().zip(sets) {
            entry.damaged = (!is_good).then(|| "why".to_owned());
        }
        plan(&entries, &owner(), &rules).iter().map(super::Decision::spell).collect()
    }

    #[test]
    fn a_set_is_kept_by_any_rule_and_each_says_so() {
        let said = spelled(
            Rules { last: Some(2), days: Some(1) },
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
            Rules { last: Some(1), days: None },
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
        assert!(plan(&[renamed, of_other], &owner(), &Rules { last: Some(1), days: None }).is_empty());
    }

    #[test]
    fn one_whose_manifest_cannot_be_read_is_left() {
        let mut unreadable = entry("2024-03-01T03-00-00Z", &owner());
        unreadable.manifest = None;
        unreadable.damaged = Some("manifest.json is missing".to_owned());
        let entries = [unreadable];
        let plan = plan(&entries, &owner(), &Rules { last: Some(1), days: None });
        assert_eq!(plan[0].fate, Fate::Leave("manifest.json is missing".to_owned()));
    }
}
