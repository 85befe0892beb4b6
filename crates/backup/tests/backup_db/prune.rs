use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use kit::clock;
use serde_json::json;
use testkit::Sandbox;

use crate::past::{made, made_with, names, rot, server_with_template, truncate};
use crate::server::litter;

/// Five nights around a leap day, and the rules to prune by.
fn five_nights() -> (Sandbox, Vec<std::path::PathBuf>) {
    let (sandbox, template) = server_with_template();
    let nights = ["02-27", "02-28", "02-29", "03-01", "03-02"];
    let sets = nights.map(|night| made(&sandbox, &template, &format!("2024-{night}T03-00-00Z")));
    (sandbox, sets.to_vec())
}

const ALL: [&str; 5] = [
    "2024-02-27T03-00-00Z",
    "2024-02-28T03-00-00Z",
    "2024-02-29T03-00-00Z",
    "2024-03-01T03-00-00Z",
    "2024-03-02T03-00-00Z",
];

fn prune(sandbox: &Sandbox, rules: &[&str]) -> testkit::Run {
    sandbox.tool("backup-db").arg("prune").args(rules)
}

#[test]
fn what_no_rule_keeps_is_removed_oldest_first_and_recorded() {
    let (sandbox, _) = five_nights();
    let run = prune(&sandbox, &["--keep-last", "1", "--keep-days", "2"]);
    run.stdout("2024-02-27T03-00-00Z\n2024-02-28T03-00-00Z\n").check();
    assert_eq!(names(&sandbox), ALL[2..]);
    let record = sandbox.journal().pop().unwrap();
    assert_eq!((&record["command"], &record["success"]), (&json!("prune"), &json!(true)));
    assert_eq!(record["details"], json!({"removed": ALL[..2]}));
    // Twice changes nothing.
    let run = prune(&sandbox, &["--keep-last", "1", "--keep-days", "2"]);
    run.stderr("backup-db: nothing to remove\n").check();
    assert_eq!(names(&sandbox), ALL[2..]);
}

#[test]
fn a_dry_run_says_why_and_changes_nothing() {
    let (sandbox, sets) = five_nights();
    truncate(&sets[3]);
    let expected = "keep 2024-03-02T03-00-00Z: newest good, last 2, within 2 days\n\
                    leave 2024-03-01T03-00-00Z: damaged, and counts for nothing: database.sqlite.gz has 0 bytes, not 165\n\
                    keep 2024-02-29T03-00-00Z: last 2, within 2 days\n\
                    remove 2024-02-28T03-00-00Z: no rule keeps it\n\
                    remove 2024-02-27T03-00-00Z: no rule keeps it\n";
    let length = fs::metadata(sets[0].join("database.sqlite.gz")).unwrap().len();
    let expected = expected.replace("not 165", &format!("not {length}"));
    prune(&sandbox, &["--keep-last", "2", "--keep-days", "2", "--dry-run"]).stdout(expected).check();
    assert_eq!(names(&sandbox), ALL);
    assert_eq!(sandbox.journal().len(), 1, "a dry run is no record");
}

#[test]
fn rules_come_from_the_settings_and_none_is_2() {
    let (sandbox, _) = five_nights();
    let run = prune(&sandbox, &[]).code(2);
    run.stderr_has("will not prune: nothing says what to keep\nhint: say --keep-last N").check();
    for (name, wrong) in [("BACKUP_KEEP_LAST", "0"), ("BACKUP_KEEP_DAYS", "0"), ("BACKUP_KEEP_DAYS", "soon")] {
        sandbox.set(name, wrong);
        prune(&sandbox, &[]).code(78).stderr_has(format!("a setting is wrong: {name}: ")).check();
        sandbox.set(name, "");
    }
    for wrong in ["0", "-1", "x", "99999999999"] {
        prune(&sandbox, &[&format!("--keep-last={wrong}")]).code(2).stderr_has("supported: 1 ").check();
    }
    assert_eq!(names(&sandbox), ALL);
    sandbox.set("BACKUP_KEEP_LAST", "4");
    prune(&sandbox, &[]).stdout("2024-02-27T03-00-00Z\n").check();
    prune(&sandbox, &["--keep-last", "3"]).stdout("2024-02-28T03-00-00Z\n").check();
}

#[test]
fn seven_bad_nights_never_remove_the_last_good_backup() {
    let (sandbox, template) = server_with_template();
    for day in 1..=9 {
        let set = made(&sandbox, &template, &format!("2024-03-{day:02}T03-00-00Z"));
        if day > 2 {
            rot(&set);
        }
    }
    let before = names(&sandbox);
    let run = prune(&sandbox, &["--keep-last", "1"]).stdout("2024-03-01T03-00-00Z\n");
    let ran = run.any_stderr().check();
    for day in 3..=9 {
        let said = format!("2024-03-{day:02}T03-00-00Z is damaged and stays until a person removes it: ");
        assert!(ran.stderr.contains(&said), "{}", ran.stderr);
    }
    assert_eq!(names(&sandbox), before[1..]);
    rot(&sandbox.path("prod/backups/2024-03-02T03-00-00Z"));
    prune(&sandbox, &["--keep-last", "1"]).any_stderr().check();
    assert_eq!(names(&sandbox), before[1..], "none is good: none goes");
}

#[test]
fn the_clock_says_nothing_about_what_goes() {
    let (sandbox, template) = server_with_template();
    // All long ago, seen from now; and one from a future that a wrong clock made.
    for name in ALL.iter().chain(&["2999-01-01T00-00-00Z"]) {
        made(&sandbox, &template, name);
    }
    prune(&sandbox, &["--keep-last", "6", "--keep-days", "1"]).stderr("backup-db: nothing to remove\n").check();
    fs::remove_dir_all(sandbox.path("prod/backups/2999-01-01T00-00-00Z")).unwrap();
    prune(&sandbox, &["--keep-days", "3"]).stdout("2024-02-27T03-00-00Z\n").check();
}

#[test]
fn only_what_this_tool_wrote_for_this_database_goes() {
    let (sandbox, template) = server_with_template();
    let old = |day: u32| format!("2024-01-{day:02}T03-00-00Z");
    made_with(&sandbox, &template, &old(1), |it| it["env"] = json!("dev"));
    made_with(&sandbox, &template, &old(2), |it| drop(it.as_object_mut().unwrap().remove("env")));
    made_with(&sandbox, &template, &old(3), |it| it["database"] = json!("/srv/other.sqlite"));
    fs::remove_file(made(&sandbox, &template, &old(4)).join("manifest.json")).unwrap();
    truncate(&made(&sandbox, &template, &old(5)));
    let renamed = made(&sandbox, &template, &old(6));
    fs::rename(&renamed, renamed.with_file_name("before-the-upgrade")).unwrap();
    sandbox.write("prod/backups/2024-01-07T03-00-00Z", "a file");
    fs::create_dir_all(sandbox.path("elsewhere")).unwrap();
    fs::rename(made(&sandbox, &template, &old(8)), sandbox.path("elsewhere/set")).unwrap();
    symlink(sandbox.path("elsewhere/set"), sandbox.path("prod/backups").join(old(8))).unwrap();
    sandbox.write("prod/backups/notes/todo.txt", "");
    let before = names(&sandbox);
    let (doomed, newest) = (made(&sandbox, &template, &old(9)), made(&sandbox, &template, &old(10)));
    let ran = prune(&sandbox, &["--keep-last", "1"]).stdout(format!("{}\n", old(9))).any_stderr().check();
    assert!(ran.stderr.contains(&old(4)) && ran.stderr.contains(&old(5)), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 2, "{}", ran.stderr);
    assert!(!doomed.exists() && newest.exists());
    let after: Vec<String> = names(&sandbox).into_iter().filter(|name| *name != old(10)).collect();
    assert_eq!(after, before);
    assert!(sandbox.path("elsewhere/set/manifest.json").exists());
}

#[test]
fn what_a_killed_run_left_is_cleared() {
    let (sandbox, sets) = five_nights();
    fs::rename(&sets[0], sets[0].with_file_name(".partial-1-2024-02-27T03-00-00Z")).unwrap();
    fs::remove_file(sandbox.path("prod/backups/.partial-1-2024-02-27T03-00-00Z/manifest.json")).unwrap();
    assert_eq!(litter(&sandbox).len(), 1);
    prune(&sandbox, &["--keep-last", "4"]).stderr("backup-db: nothing to remove\n").check();
    assert_eq!(names(&sandbox), ALL[1..]);
}

#[test]
fn prunes_at_once_and_with_backups_do_no_harm() {
    let (sandbox, _) = five_nights();
    let mut children = Vec::new();
    for _ in 0..3 {
        children.push(prune(&sandbox, &["--keep-last", "2"]).spawn());
        children.push(sandbox.tool("backup-db").spawn());
    }
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    prune(&sandbox, &["--keep-last", "2"]).any_stdout().any_stderr().check();
    assert_eq!(names(&sandbox).len(), 2);
    sandbox.tool("backup-db").arg("verify").any_stdout().check();
}

#[test]
fn a_set_that_cannot_be_removed_is_a_failure_and_what_went_is_told() {
    let (sandbox, sets) = five_nights();
    // A name that is taken by something that a rename does not replace.
    let process = "$$";
    let script = format!(
        "mkdir -p '{0}/.partial-'{process}'-2024-02-28T03-00-00Z/x' && exec \"$0\" \"$@\"",
        sandbox.path("prod/backups").display()
    );
    // While somebody builds a backup, nothing hidden is cleared away.
    let lock = fs::File::create(sandbox.path("prod/backups/.lock")).unwrap();
    lock.lock_shared().unwrap();
    let run = sandbox.program("/bin/sh".as_ref()).args(["-c", &script]).arg(testkit::tool_path("backup-db"));
    let run = run.args(["prune", "--keep-last", "1", "--json"]).env("PUSHBACK_ENV", sandbox.env_file()).code(74);
    let record = run.any_stdout().stderr_has("cannot remove ").check().json();
    lock.unlock().unwrap();
    assert_eq!(record["details"]["removed"], json!([ALL[0]]));
    assert!(!sets[0].exists() && sets[1..].iter().all(|set| set.exists()));
}

#[test]
fn nothing_is_removed_unless_the_newest_could_be_verified() {
    let (sandbox, sets) = five_nights();
    let run = prune(&sandbox, &["--keep-last", "1", "--timeout", "1ms"]).code(124);
    run.stderr_has("not done after").check();
    assert!(sets.iter().all(|set| set.exists()));
}

#[test]
fn four_hundred_days_leave_what_the_rules_say() {
    let (sandbox, template) = server_with_template();
    // Every ninth night the backup failed; every seventeenth is cut off; the last seven have rotted unseen.
    let nights: Vec<u32> = (0..400).filter(|night| night % 9 != 4).collect();
    let (is_cut, has_rotted) = (|night: u32| night % 17 == 3, |night: u32| night > 392);
    for night in &nights {
        let set = made(&sandbox, &template, &name_of(*night));
        match night {
            night if is_cut(*night) => truncate(&set),
            night if has_rotted(*night) => rot(&set),
            _ => {}
        }
    }
    let time = |night| clock::of_file_name(&name_of(night)).unwrap();
    let is_recent = |night| (time(392) - time(night)).num_seconds() <= 30 * 24 * 3600;
    let is_good = |night: u32| !is_cut(night) && !has_rotted(night);
    let stay = nights.iter().filter(|night| !is_good(**night) || is_recent(**night));
    let expected: Vec<String> = stay.map(|night| name_of(*night)).collect();
    prune(&sandbox, &["--keep-last", "7", "--keep-days", "30"]).any_stdout().any_stderr().check();
    assert_eq!(names(&sandbox), expected);
    let good = nights.iter().filter(|night| is_good(**night) && is_recent(**night)).map(|night| name_of(*night));
    let good: Vec<String> = good.collect();
    assert!(good.len() > 20 && expected.len() > good.len() + 20, "{good:?}");
    sandbox.tool("backup-db").arg("verify").args(good).any_stdout().check();
    // Twice changes nothing.
    prune(&sandbox, &["--keep-last", "7", "--keep-days", "30"]).any_stderr().check();
    assert_eq!(names(&sandbox), expected);
}

/// The backup of a nightly job at three o'clock in Berlin: 1 o'clock UTC in summer, and 2 from the end of October 2023 to
/// the end of March 2024, and again from the end of that October.
fn name_of(night: u32) -> String {
    let first = clock::of_file_name("2023-10-01T01-00-00Z").unwrap();
    let winter = u64::from((28..182).contains(&night) || night >= 392);
    clock::file_name(first + Duration::from_secs(3600 * (24 * u64::from(night) + winter)))
}
