//! Random histories of a directory of backups, against a model that says what may go in other words.

use std::path::{Path, PathBuf};
use std::time::Duration;

use db::digest::Digest;
use db::entry::moment;
use db::manifest::{Census, Raw, VERSION};
use db::{Codec, Engine, Entry, Format, Manifest};
use kit::clock::{self, Time};
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, prop_oneof, proptest};

use super::{Decision, Rules, plan, settle};
use crate::owner::Owner;

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
    Prune(Rules),
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
struct Present {
    entry: Entry,
    is_sound: bool,
}

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

fn events() -> impl Strategy<Value = Vec<Event>> {
    let clock = prop_oneof![
        // A night; the nights in which summer time begins and ends; the same second; a moment later.
        8 => Just(DAY),
        2 => prop_oneof![Just(DAY - HOUR), Just(DAY + HOUR)],
        2 => 0..3_i64,
        2 => -3 * DAY..30 * DAY,
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
    let rule = |range| prop_oneof![Just(None), proptest::strategy::Strategy::prop_map(range, Some)];
    let rules = (rule(1..6_u32), rule(1..9_u32)).prop_map(|(last, days)| Rules { last, days });
    vec(
        prop_oneof![
            4 => clock.prop_map(Event::Clock),
            6 => whose.prop_map(Event::Backup),
            1 => (0..20_usize).prop_map(Event::Rename),
            2 => (0..20_usize, damage).prop_map(|(index, damage)| Event::Damage(index, damage)),
            3 => rules.prop_map(Event::Prune),
        ],
        1..40,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn what_goes_is_what_the_model_lets_go_in_every_history(events in events()) {
        // Two nights before a leap day.
        let mut now = clock::of_file_name("2024-02-27T03-15-00Z").unwrap();
        let mut there: Vec<Present> = Vec::new();
        for event in events {
            match event {
                Event::Clock(seconds) => now = moved(now, seconds),
                Event::Backup(whose) => there.push(made(now, whose, &there)),
                Event::Rename(index) => rename(&mut there, index),
                Event::Damage(index, how) => damage(&mut there, index, how),
                Event::Prune(rules) => prune(&mut there, &rules),
            }
        }
    }
}

/// Prunes as the tool does, and compares with the model.
fn prune(there: &mut Vec<Present>, rules: &Rules) {
    // The order in which a directory is read is anybody's guess.
    let mut entries: Vec<Entry> = there.iter().rev().map(|present| present.entry.clone()).collect();
    let sound = |entry: &Entry| there.iter().any(|present| present.entry.path == entry.path && present.is_sound);
    settle(&mut entries, &owner(), rules, |entry| Ok((!sound(entry)).then(|| "found out".to_owned()))).unwrap();
    let plan = plan(&entries, &owner(), rules);
    let mut gone: Vec<&Path> = plan.iter().filter(|it| it.is_removed()).map(|it| it.entry.path.as_path()).collect();
    gone.sort();
    let mut may_go: Vec<&Path> = may_go(there, rules).iter().map(|present| present.entry.path.as_path()).collect();
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

/// The model. A backup may go when so many newer ones count as `last` says, and one that counts is more than `days`
/// newer. What counts is ours, under its own name, not seen to be damaged, and not newer than the newest sound one: of
/// those everybody would have been found out.
fn may_go<'a>(there: &'a [Present], rules: &Rules) -> Vec<&'a Present> {
    let is_ours = |it: &&Present| {
        let name = it.entry.path.file_name().unwrap().to_str().unwrap();
        let manifest = it.entry.manifest.as_ref();
        moment(name).is_some()
            && manifest.is_some_and(|it| it.database == "/srv/app.sqlite" && it.env.as_deref() == Some("prod"))
    };
    let ours: Vec<&Present> = there.iter().filter(is_ours).filter(|it| it.entry.damaged.is_none()).collect();
    let is_newer = |one: &Present, other: &Present| age(one) > age(other);
    let beyond_all_sound =
        |it: &Present| !it.is_sound && ours.iter().all(|other| !other.is_sound || is_newer(it, other));
    let counting: Vec<&Present> = ours.iter().copied().filter(|it| !beyond_all_sound(it)).collect();
    let may_go = |it: &Present| {
        let newer: Vec<_> = counting.iter().filter(|other| is_newer(other, it)).collect();
        let enough = rules.last.is_none_or(|last| newer.len() >= last as usize);
        let later = |other: &Present| (age(other).0 - age(it).0).num_seconds();
        let long_ago = rules.days.is_none_or(|days| newer.iter().any(|other| later(other) > i64::from(days) * DAY));
        !newer.is_empty() && enough && long_ago
    };
    counting.iter().copied().filter(|it| may_go(it)).collect()
}

fn age(present: &Present) -> (Time, u32) {
    moment(&present.entry.name).unwrap()
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
    Present { entry: entry(&name, &owner), is_sound: true }
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

pub(super) fn owner() -> Owner {
    Owner { database: "/srv/app.sqlite".into(), env: Some("prod".to_owned()) }
}

/// A good set with this name, made when its name says.
pub(super) fn entry(name: &str, owner: &Owner) -> Entry {
    let manifest = Manifest {
        v: VERSION,
        engine: Engine::Sqlite,
        client_version: None,
        finished_at: None,
        format: Format::Sqlite,
        engine_version: String::new(),
        tool_version: String::new(),
        database: owner.database.clone(),
        created_at: moment(name).unwrap().0,
        env: owner.env.clone(),
        deploy: None,
        commit: None,
        label: None,
        compression: Codec::Gzip,
        file: "database.sqlite.gz".to_owned(),
        raw: Raw { size: 0, sha256: None },
        stored: Digest { size: 0, sha256: String::new() },
        tables: Census::new(),
        config: std::collections::BTreeMap::new(),
    };
    let path = Path::new("/srv/backups").join(name);
    Entry { name: name.to_owned(), path, is_ours: true, manifest: Some(manifest), damaged: None }
}
