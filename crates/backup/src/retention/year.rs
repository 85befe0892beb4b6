//! 400 nights of a backup each, which prunes after itself, through a leap day and a week 53.

use std::time::Duration;

use kit::clock;

use super::sample::{entry, owner, policy};
use super::{Rules, plan};

/// What is left on 3 February 2021 of a backup each night from 1 January 2020, newest first, and why.
const LEFT: [(&str, &str); 24] = [
    ("2021-02-03", "newest good, last 3, daily 2021-02-03, weekly 2021-W05, monthly 2021-02, yearly 2021"),
    ("2021-02-02", "last 3, daily 2021-02-02"),
    ("2021-02-01", "last 3, daily 2021-02-01"),
    ("2021-01-31", "daily 2021-01-31, weekly 2021-W04, monthly 2021-01"),
    ("2021-01-30", "daily 2021-01-30"),
    ("2021-01-29", "daily 2021-01-29"),
    ("2021-01-28", "daily 2021-01-28"),
    ("2021-01-24", "weekly 2021-W03"),
    ("2021-01-17", "weekly 2021-W02"),
    ("2021-01-10", "weekly 2021-W01"),
    ("2021-01-03", "weekly 2020-W53"),
    ("2020-12-31", "monthly 2020-12, yearly 2020"),
    ("2020-11-30", "monthly 2020-11"),
    ("2020-10-31", "monthly 2020-10"),
    ("2020-09-30", "monthly 2020-09"),
    ("2020-08-31", "monthly 2020-08"),
    ("2020-07-31", "monthly 2020-07"),
    ("2020-06-30", "monthly 2020-06"),
    ("2020-05-31", "monthly 2020-05"),
    ("2020-04-30", "monthly 2020-04"),
    ("2020-03-31", "monthly 2020-03"),
    ("2020-02-29", "monthly 2020-02"),
    ("2020-01-31", "monthly 2020-01"),
    ("2020-01-01", "oldest until there are 3 yearly"),
];

#[test]
fn four_hundred_nights_leave_what_the_table_says() {
    let rules = Rules {
        last: Some(3),
        daily: Some(7),
        weekly: Some(6),
        monthly: Some(14),
        yearly: Some(3),
        ..Rules::default()
    };
    let (policy, first) = (policy(rules), clock::of_file_name("2020-01-01T03-00-00Z").unwrap());
    let mut entries = Vec::new();
    for night in 0..400 {
        entries.push(entry(&clock::file_name(first + Duration::from_secs(24 * 3600 * night)), &owner()));
        let plan = plan(&entries, &policy);
        let gone: Vec<String> = plan.iter().filter(|it| it.is_removed()).map(|it| it.entry.name.clone()).collect();
        entries.retain(|entry| !gone.contains(&entry.name));
    }
    let said: Vec<String> = plan(&entries, &policy).iter().map(super::Decision::spell).collect();
    let expected = LEFT.map(|(day, why)| format!("keep {day}T03-00-00Z: {why}"));
    assert_eq!(said, expected);
}
