//! What may go, in other words than the plan says it, and with a calendar that is made of the names.

use db::entry::moment;
use kit::clock::{self, Time};

use super::Rules;
use super::histories::{DAY, Present};
use super::span::Span;

/// A backup may go when no deployment that is pinned made it, when so many newer ones count as `last` says, when one that
/// counts is more than `days` newer, or not less than `within`, and when each rule of periods has enough in newer ones. What
/// counts is ours, under its own name, not seen to be damaged, not suspect, and not newer than the newest sound one: of
/// those everybody would have been found out.
pub(super) fn may_go<'a>(there: &'a [Present], rules: &Rules, pinned: &str) -> Vec<&'a Present> {
    let counting = counting(there);
    let may_go = |it: &Present| {
        let newer: Vec<&Present> = counting.iter().copied().filter(|other| age(other) > age(it)).collect();
        let is_oldest = newer.len() + 1 == counting.len();
        let is_pinned = it.entry.manifest.as_ref().unwrap().deploy.as_deref() == Some(pinned);
        let enough = rules.last.is_none_or(|last| newer.len() >= last as usize);
        !newer.is_empty()
            && !is_pinned
            && enough
            && is_old(it, &newer, rules)
            && is_stood_for(it, &newer, is_oldest, rules)
    };
    counting.iter().copied().filter(|it| may_go(it)).collect()
}

fn counting(there: &[Present]) -> Vec<&Present> {
    let is_ours = |it: &&Present| {
        let name = it.entry.path.file_name().unwrap().to_str().unwrap();
        let manifest = it.entry.manifest.as_ref();
        moment(name).is_some()
            && manifest.is_some_and(|it| it.database == "/srv/app.sqlite" && it.env.as_deref() == Some("prod"))
    };
    let has_no_flaw = |it: &&Present| it.entry.damaged.is_none() && it.entry.mark.suspect.is_none();
    let ours: Vec<&Present> = there.iter().filter(is_ours).filter(has_no_flaw).collect();
    let beyond_all_sound =
        |it: &Present| !it.is_sound && ours.iter().all(|other| !other.is_sound || age(it) > age(other));
    ours.iter().copied().filter(|it| !beyond_all_sound(it)).collect()
}

fn is_old(it: &Present, newer: &[&Present], rules: &Rules) -> bool {
    let later = |other: &Present| (age(other).0 - age(it).0).num_seconds();
    let is_long_ago = rules.days.is_none_or(|days| newer.iter().any(|other| later(other) > i64::from(days) * DAY));
    let is_beyond = |span: &Span| newer.iter().any(|other| age(it).0 <= back(age(other).0, &span.to_string()));
    is_long_ago && rules.within.as_ref().is_none_or(is_beyond)
}

/// What the sets of a period have in common, and no others.
type Name = fn(&Present) -> String;

/// Whether every rule of periods can do without it: there is a newer one in the same period, which the oldest has to
/// outlive until the rule has enough, or enough periods with a newer one.
fn is_stood_for(it: &Present, newer: &[&Present], is_oldest: bool, rules: &Rules) -> bool {
    let periods: [(Option<u32>, Name); 5] = [
        (rules.hourly, |it| it.entry.name[..13].to_owned()),
        (rules.daily, |it| it.entry.name[..10].to_owned()),
        // 1 January 1970 was a Thursday.
        (rules.weekly, |it| (age(it).0.timestamp() + 3 * DAY).div_euclid(7 * DAY).to_string()),
        (rules.monthly, |it| it.entry.name[..7].to_owned()),
        (rules.yearly, |it| it.entry.name[..4].to_owned()),
    ];
    periods.into_iter().all(|(wanted, period)| {
        let mut found: Vec<String> = newer.iter().map(|other| period(other)).collect();
        found.sort();
        found.dedup();
        wanted.is_none_or(|wanted| found.len() >= wanted as usize || (found.contains(&period(it)) && !is_oldest))
    })
}

/// So long before, by counting on the calendar: `1y1m1d1h`.
fn back(time: Time, span: &str) -> Time {
    let number = |unit: char| -> i64 {
        let before = span.split(unit).next().filter(|before| before.len() < span.len());
        before.map_or(0, |it| it.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap())
    };
    let name = clock::file_name(time);
    let parts: Vec<i64> = name[..10].split('-').map(|part| part.parse().unwrap()).collect();
    let months = parts[0] * 12 + parts[1] - 1 - number('y') * 12 - number('m');
    let mut days = (1..=parts[2]).rev();
    let on = |day: i64| format!("{:04}-{:02}-{day:02}{}", months / 12, months % 12 + 1, &name[10..]);
    let found = days.find_map(|day| clock::of_file_name(&on(day))).unwrap();
    let seconds = number('d') * DAY + number('h') * 3600;
    found - std::time::Duration::from_secs(seconds.unsigned_abs())
}

fn age(present: &Present) -> (Time, u32) {
    moment(&present.entry.name).unwrap()
}
