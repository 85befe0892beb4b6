use testkit::Sandbox;

use crate::past::{made, names, server_with_template, truncate};

/// Every rule of periods, and what it keeps of the sets of [`year`], newest first.
const RULES: [(&str, &str, &[&str]); 8] = [
    ("--keep-last", "2", &["2021-01-04T03-30-00Z", "2021-01-04T03-00-00Z"]),
    ("--keep-hourly", "2", &["2021-01-04T03-30-00Z", "2021-01-04T02-00-00Z"]),
    ("--keep-daily", "2", &["2021-01-04T03-30-00Z", "2021-01-03T23-59-59Z"]),
    ("--keep-weekly", "3", &["2021-01-04T03-30-00Z", "2021-01-03T23-59-59Z", "2020-12-27T03-00-00Z"]),
    ("--keep-monthly", "3", &["2021-01-04T03-30-00Z", "2020-12-28T03-00-00Z", "2020-02-29T03-00-00Z"]),
    ("--keep-yearly", "2", &["2021-01-04T03-30-00Z", "2020-12-28T03-00-00Z"]),
    (
        "--keep-within",
        "1d4h",
        &["2021-01-04T03-30-00Z", "2021-01-04T03-00-00Z", "2021-01-04T02-00-00Z", "2021-01-03T23-59-59Z"],
    ),
    (
        "--keep-days",
        "8",
        &[
            "2021-01-04T03-30-00Z",
            "2021-01-04T03-00-00Z",
            "2021-01-04T02-00-00Z",
            "2021-01-03T23-59-59Z",
            "2020-12-28T03-00-00Z",
        ],
    ),
];

/// Sets around the turn of a year that ends with a week 53, and the last of them: a set that is damaged.
fn year() -> Sandbox {
    let (sandbox, template) = server_with_template();
    for name in [
        "2020-02-28T03-00-00Z",
        "2020-02-29T03-00-00Z",
        "2020-12-27T03-00-00Z",
        "2020-12-28T03-00-00Z",
        "2021-01-03T23-59-59Z",
        "2021-01-04T02-00-00Z",
        "2021-01-04T03-00-00Z",
        "2021-01-04T03-30-00Z",
    ] {
        made(&sandbox, &template, name);
    }
    truncate(&made(&sandbox, &template, "2021-01-05T03-00-00Z"));
    sandbox
}

/// What a dry run keeps with this rule, newest first.
fn kept(sandbox: &Sandbox, rule: &[&str]) -> Vec<String> {
    let ran = sandbox.tool("backup-db").args(["prune", "--dry-run"]).args(rule).any_stdout().check();
    let kept = ran.stdout.lines().filter_map(|line| line.strip_prefix("keep "));
    kept.map(|line| line.split(':').next().unwrap().to_owned()).collect()
}

#[test]
fn each_rule_keeps_what_restic_would_and_the_setting_is_as_good_as_the_flag() {
    let sandbox = year();
    for (flag, value, expected) in RULES {
        assert_eq!(kept(&sandbox, &[flag, value]), expected, "{flag} {value}");
        let setting = format!("BACKUP_{}", flag.trim_start_matches("--").to_uppercase().replace('-', "_"));
        sandbox.set(&setting, value);
        assert_eq!(kept(&sandbox, &[]), expected, "{setting}={value}");
        sandbox.set(&setting, "");
    }
    assert_eq!(names(&sandbox).len(), 9);
}

#[test]
fn every_keep_and_every_removal_has_its_reason() {
    let sandbox = year();
    let rules = ["--keep-last=1", "--keep-daily=2", "--keep-weekly=2", "--keep-yearly=3", "--keep-within=4h"];
    let ran = sandbox.tool("backup-db").args(["prune", "--dry-run"]).args(rules).any_stdout().check();
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines[0].starts_with("leave 2021-01-05T03-00-00Z: damaged, and counts for nothing: "), "{}", lines[0]);
    assert_eq!(
        lines[1..],
        [
            "keep 2021-01-04T03-30-00Z: newest good, last 1, within 4h, daily 2021-01-04, weekly 2021-W01, yearly 2021",
            "keep 2021-01-04T03-00-00Z: within 4h",
            "keep 2021-01-04T02-00-00Z: within 4h",
            "keep 2021-01-03T23-59-59Z: within 4h, daily 2021-01-03, weekly 2020-W53",
            "keep 2020-12-28T03-00-00Z: yearly 2020",
            "remove 2020-12-27T03-00-00Z: no rule keeps it",
            "remove 2020-02-29T03-00-00Z: no rule keeps it",
            "keep 2020-02-28T03-00-00Z: oldest until there are 3 yearly",
        ]
    );
}

#[test]
fn a_rule_that_would_keep_nothing_or_is_none_is_2_and_78() {
    let sandbox = year();
    for flag in ["--keep-hourly", "--keep-daily", "--keep-weekly", "--keep-monthly", "--keep-yearly"] {
        sandbox.tool("backup-db").args(["prune", flag, "0"]).code(2).stderr_has("supported: 1 and more").check();
    }
    for wrong in ["0d", "soon", "2w", "30min", "-1d"] {
        let run = sandbox.tool("backup-db").args(["prune", &format!("--keep-within={wrong}")]).code(2);
        run.stderr_has("supported: y m d h").check();
    }
    sandbox.set("BACKUP_KEEP_WITHIN", "30");
    let run = sandbox.tool("backup-db").arg("prune").code(78);
    run.stderr_has("a setting is wrong: BACKUP_KEEP_WITHIN: ").check();
    assert_eq!(names(&sandbox).len(), 9);
}
