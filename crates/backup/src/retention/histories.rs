//! Random histories of a directory of backups, against a model that says what may go in other words.

use std::path::{Path, PathBuf};
use std::time::Duration;

use db::Entry;
use kit::clock::{self, Time};
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, prop_oneof, proptest};
use proptest::sample::select;

use super::model::may_go;
use super::sample::{entry, owner};
use super::span::Span;
use super::{Decision, Policy, Rules, plan, settle};
use crate::pins::Pin;

/// What happens to a server, one after the other.
#[derive(Clone, Debug)]
enum Event {
    /// The clock goes on, or is set.
    Clock(i64),
    /// A backup is made; one that fails makes nothing.
    Backup(Whose),
    /// A person gives the backup with this index another name.
    Rename(usize),
    /// The backup with this index is damaged.
    Damage(usize, Damage),
    /// The gate finds the backup with this index suspect.
    Suspect(usize),
    /// A person accepts the backup with this index.
    Accept(usize),
    /// Old backups go, but not those of the deployment with this number.
    Prune(Rules, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Ours,
    OfAnotherDatabase,
    OfAnotherEnvironment,
    OfNoEnvironment,
}

#[derive(Clone, Copy, Debug)]
enum Damage {
    /// Whoever looks at the directory sees it.
    Seen,
    /// The manifest cannot be read.
    Unreadable,
    /// Only a full verification finds it.
    Hidden,
}

/// A set in the directory, and whether it would restore in truth.
#[derive(Clone, Debug)]
pub(super) struct Present {
    pub(super) entry: Entry,
    pub(super) is_sound: bool,
}

const HOUR: i64 = 3600;
pub(super) const DAY: i64 = 24 * HOUR;

fn events() -> impl Strategy<Value = Vec<Event>> {
    let clock = prop_oneof![
        // A night; the nights in which summer time begins and ends; the same second; a moment later.
        8 => Just(DAY),
        2 => prop_oneof![Just(DAY - HOUR), Just(DAY + HOUR)],
        2 => 0..3_i64,
        2 => -3 * DAY..30 * DAY,
        // Within a day; a month, a year.
        2 => HOUR / 2..9 * HOUR,
        2 => 28 * DAY..370 * DAY,
        // A clock that was set wrong by years, and back.
        1 => prop_oneof![Just(3650 * DAY), Just(-3650 * DAY)],
    ];
    let whose = prop_oneof![
        6 => Just(Whose::Ours),
        1 => Just(Whose::OfAnotherDatabase),
        1 => Just(Whose::OfAnotherEnvironment),
        1 => Just(Whose::OfNoEnvironment),
    ];
    let damage = prop_oneof![1 => Just(Damage::Seen), 1 => Just(Damage::Unreadable), 3 => Just(Damage::Hidden)];
    vec(
        prop_oneof![
            4 => clock.prop_map(Event::Clock),
            6 => whose.prop_map(Event::Backup),
            1 => (0..20_usize).prop_map(Event::Rename),
            2 => (0..20_usize, damage).prop_map(|(index, damage)| Event::Damage(index, damage)),
            1 => (0..20_usize).prop_map(Event::Suspect),
            1 => (0..20_usize).prop_map(Event::Accept),
            3 => (rules(), 0..40_usize).prop_map(|(rules, pinned)| Event::Prune(rules, pinned)),
        ],
        1..40,
    )
}

/// Each rule is there or not. One that keeps the oldest all the time would leave little to be seen: few are wanted.
fn rules() -> impl Strategy<Value = Rules> {
    let few = || prop_oneof![2 => Just(None), 1 => (1..4_u32).prop_map(Some)];
    let spans = ["1h", "36h", "1d", "5d", "1m", "13m", "1y", "1y1m1d1h"].map(|text| Span::parse(text).unwrap());
    let within = prop_oneof![2 => Just(None), 1 => select(spans.to_vec()).prop_map(Some)];
    let recent = (few(), within, prop_oneof![2 => Just(None), 1 => (1..9_u32).prop_map(Some)]);
    (recent, few(), few(), few(), few(), few()).prop_map(
        |((last, within, days), hourly, daily, weekly, monthly, yearly)| Rules {
            last,
            hourly,
            daily,
            weekly,
            monthly,
            yearly,
            within,
            days,
        },
    )
}

/// When a history begins: nights before a leap day, a week 53, a new year that begins in the last week of the old one,
/// and one that is in the week of the new one.
fn beginnings() -> impl Strategy<Value = Time> {
    let names = ["2024-02-27T03-15-00Z", "2020-12-26T23-30-00Z", "2026-12-31T03-15-00Z", "2024-12-28T03-15-00Z"];
    select(names.map(|name| clock::of_file_name(name).unwrap()).to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn what_goes_is_what_the_model_lets_go_in_every_history(events in events(), beginning in beginnings()) {
        let mut now = beginning;
        let mut there: Vec<Present> = Vec::new();
        for event in events {
            match event {
                Event::Clock(seconds) => now = moved(now, seconds),
                Event::Backup(whose) => there.push(made(now, whose, &there)),
                Event::Rename(index) => rename(&mut there, index),
                Event::Damage(index, how) => damage(&mut there, index, how),
                Event::Suspect(index) => mark(&mut there, index, Some("it shrank".to_owned())),
                Event::Accept(index) => mark(&mut there, index, None),
                Event::Prune(rules, pinned) => prune(&mut there, rules, pinned),
            }
        }
    }
}

/// Prunes as the tool does, and compares with the model.
fn prune(there: &mut Vec<Present>, rules: Rules, pinned: usize) {
    let pinned = deploy(pinned);
    let pins = vec![Pin { deploy: pinned.clone(), reason: String::new() }];
    let policy = Policy { owner: owner(), rules, pins };
    // The order in which a directory is read is anybody's guess.
    let mut entries: Vec<Entry> = there.iter().rev().map(|present| present.entry.clone()).collect();
    let sound = |entry: &Entry| there.iter().any(|present| present.entry.path == entry.path && present.is_sound);
    settle(&mut entries, &policy, |entry| Ok((!sound(entry)).then(|| "found out".to_owned()))).unwrap();
    let plan = plan(&entries, &policy);
    let mut gone: Vec<&Path> = plan.iter().filter(|it| it.is_removed()).map(|it| it.entry.path.as_path()).collect();
    gone.sort();
    let mut may_go: Vec<&Path> =
        may_go(there, &rules, &pinned).iter().map(|present| present.entry.path.as_path()).collect();
    may_go.sort();
    assert_eq!(gone, may_go, "{rules:?}");
    assert!(gone.is_empty() || newest_kept(&plan).is_some_and(|path| sound(&there_at(there, path).entry)));
    let gone: Vec<PathBuf> = gone.into_iter().map(Path::to_owned).collect();
    there.retain(|present| !gone.contains(&present.entry.path));
}

fn newest_kept<'a>(plan: &[Decision<'a>]) -> Option<&'a Path> {
    plan.iter().find(|decision| decision.is_kept()).map(|decision| decision.entry.path.as_path())
}

fn there_at<'a>(there: &'a [Present], path: &Path) -> &'a Present {
    there.iter().find(|present| present.entry.path == path).unwrap()
}

fn made(now: Time, whose: Whose, there: &[Present]) -> Present {
    let first = clock::file_name(now);
    let numbered = (2..).map(|number| format!("{first}-{number}"));
    let is_free = |name: &String| there.iter().all(|present| present.entry.name != *name);
    let name = std::iter::once(first.clone()).chain(numbered).find(is_free).unwrap();
    let mut owner = owner();
    match whose {
        Whose::Ours => {}
        Whose::OfAnotherDatabase => owner.database = "/srv/other.sqlite".into(),
        Whose::OfAnotherEnvironment => owner.env = Some("dev".to_owned()),
        Whose::OfNoEnvironment => owner.env = None,
    }
    let mut entry = entry(&name, &owner);
    entry.manifest.as_mut().unwrap().deploy = Some(deploy(there.len()));
    Present { entry, is_sound: true }
}

fn deploy(number: usize) -> String {
    format!("prod-{number}")
}

fn mark(there: &mut [Present], index: usize, suspect: Option<String>) {
    if let Some(present) = there.get_mut(index) {
        present.entry.mark.suspect = suspect;
    }
}

fn rename(there: &mut [Present], index: usize) {
    if let Some(present) = there.get_mut(index) {
        present.entry.path = present.entry.path.with_file_name(format!("keep-{}", present.entry.name));
        present.entry.is_ours = false;
    }
}

fn damage(there: &mut [Present], index: usize, how: Damage) {
    let Some(present) = there.get_mut(index) else { return };
    present.is_sound = false;
    match how {
        Damage::Hidden => return,
        Damage::Seen => {}
        Damage::Unreadable => present.entry.manifest = None,
    }
    present.entry.damaged = Some("seen".to_owned());
}

fn moved(now: Time, seconds: i64) -> Time {
    let length = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { now - length } else { now + length }
}
