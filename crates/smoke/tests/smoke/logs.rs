//! Checks of a log: which lines are new, and what stands in them.

use std::fs::{self, OpenOptions};
use std::io::Write;

use testkit::{Run, Sandbox};

use crate::{fails, once, passes, pipe, refuses, smoke};

fn log(expect: &str) -> String {
    once("log", "path = 'app.log'", expect)
}

#[test]
fn without_a_record_all_of_a_short_log_is_looked_at_and_this_is_said() {
    let sandbox = Sandbox::new();
    sandbox.write("app.log", "started\nERROR: no such table\nFATAL: bye\n");
    let all = "; all of it, because nothing tells what is new";
    passes(
        &sandbox,
        &log("['lines contains \"started\"', 'lines not contains \"Traceback\"']"),
        &format!("3 new lines{all}\n"),
    );
    let fatal = format!("1 new line: `FATAL: bye`{all}, expected lines not contains \"FATAL\"\n");
    fails(&sandbox, &log("'lines not contains \"FATAL\"'"), &fatal);
    let both =
        format!("2 new lines, the first: `ERROR: no such table`{all}, expected lines not matches \"^(ERROR|FATAL)\"\n");
    fails(&sandbox, &log("'lines not matches \"^(ERROR|FATAL)\"'"), &both);
    passes(&sandbox, &log("'lines matches \"^start[a-z]+$\"'"), "3 new lines");
    fails(&sandbox, &log("'lines contains \"ready\"'"), &format!("none of 3 new lines{all}, expected "));
}

#[test]
fn a_log_that_is_not_there_fails_unless_it_is_the_apps_own() {
    let sandbox = Sandbox::new();
    let said = format!("there is no such file {}\n", sandbox.path("app.log").display());
    fails(&sandbox, &log("'lines contains \"x\"'"), &said);
    fails(&sandbox, &log("'lines not contains \"x\"'"), &said);
    let own = |expect: &str| once("log", "", expect);
    passes(&sandbox, &own("'lines not contains \"x\"'"), "there is no such file: nothing was logged in ");
    fails(&sandbox, &own("'lines contains \"x\"'"), "there is no such file ");
    sandbox.write("prod/logs/app.log", "x\n");
    fails(&sandbox, &own("'lines not contains \"x\"'"), "1 new line: `x`");
}

#[test]
fn a_log_that_is_no_text_or_no_file_steers_nothing_and_keeps_nobody() {
    let sandbox = Sandbox::new();
    sandbox.write("app.log", b"\xff\xfe\x1b]0;title\x07 ERROR \x9b31m\r\n\n\0\n");
    let run = smoke(&sandbox, &log("'lines not contains \"ERROR\"'")).code(1).stdout_has("1 new line: `").any_stderr();
    let ran = run.check();
    let said = ran.stdout + &ran.stderr + &sandbox.read("prod/journal.ndjson");
    assert!(!said.contains(['\u{1b}', '\u{7}', '\u{9b}', '\r', '\0']), "{said:?}");
    fs::remove_file(sandbox.path("app.log")).unwrap();
    pipe(&sandbox.path("app.log"));
    fails(
        &sandbox,
        &log("'lines not contains \"x\"'"),
        &format!("{} is not a regular file\n", sandbox.path("app.log").display()),
    );
}

#[test]
fn what_should_not_have_been_logged_is_not_asked_for_again() {
    let sandbox = Sandbox::new();
    sandbox.write("app.log", "ERROR\n");
    let checks = |expect: &str| log(expect).replace("attempts = 1", "attempts = 3\ninterval = '10ms'");
    let run = smoke(&sandbox, &checks("['lines contains \"x\"', 'lines not contains \"ERROR\"']")).code(1).any_stderr();
    run.stdout_has("it  fail  1 new line: `ERROR`").check();
    assert_eq!(sandbox.journal()[0]["details"]["checks"][0]["attempts"], 1);
    fails(&sandbox, &checks("'lines contains \"x\"'"), "none of 1 new line");
    assert_eq!(sandbox.journal()[1]["details"]["checks"][0]["attempts"], 3);
}

#[test]
fn a_log_is_looked_at_after_everything_else() {
    let sandbox = Sandbox::new();
    sandbox.write("app.log", "");
    // What another check makes the app say counts.
    let other = "[[check]]\nname = 'other'\nkind = 'command'\nrun = ['sh', '-c', 'sleep 0.3; echo ERROR >> app.log']\n\
        expect = 'exit == 0'\n";
    let checks = log("'lines not contains \"ERROR\"'") + other;
    smoke(&sandbox, &checks).code(1).stdout_has("it     fail  1 new line: `ERROR`").any_stderr().check();
}

/// Release 7 is staged, with checks that look at `logs/app.log` of the environment; release 6 is live.
fn staged() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.deployed(6, Some(0));
    sandbox.staged(7);
    sandbox.set("SMOKE_CHECKS", "smoke.toml");
    expects(&sandbox, "'lines not contains \"ERROR\"'");
    sandbox
}

fn expects(sandbox: &Sandbox, expect: &str) {
    for release in [6, 7] {
        sandbox.write(&format!("prod/releases/{}/smoke.toml", testkit::release_of(release)), once("log", "", expect));
    }
}

fn step(sandbox: &Sandbox, step: &str) -> Run {
    let run = sandbox.tool("smoke-test").args(["--setting", "SMOKE_CHECKS"]);
    run.env("PUSHBACK_DEPLOY", "prod-7").env("PUSHBACK_STEP", step)
}

fn prepare(sandbox: &Sandbox) {
    step(sandbox, "preflight").arg("--prepare").any_stdout().check();
}

fn says(sandbox: &Sandbox, text: &str) {
    let path = sandbox.path("prod/logs/app.log");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn in_a_deployment_only_what_came_since_it_began_counts() {
    let sandbox = staged();
    says(&sandbox, "ERROR of yesterday\n");
    prepare(&sandbox);
    step(&sandbox, "smoke").stdout_has("it  pass  no new line\n").check();
    says(&sandbox, "started\n");
    step(&sandbox, "smoke").stdout_has("it  pass  1 new line\n").check();
    says(&sandbox, "ERROR of today\n");
    let run = step(&sandbox, "smoke").code(1).any_stderr();
    run.stdout_has("it  fail  1 new line: `ERROR of today`, expected lines not contains \"ERROR\"\n").check();
}

#[test]
fn a_log_that_is_rotated_meanwhile_is_read_on() {
    let sandbox = staged();
    says(&sandbox, "ERROR of yesterday\n");
    prepare(&sandbox);
    says(&sandbox, "one\n");
    fs::rename(sandbox.path("prod/logs/app.log"), sandbox.path("prod/logs/app.log.1")).unwrap();
    says(&sandbox, "two\n");
    step(&sandbox, "smoke").stdout_has("it  pass  2 new lines\n").check();
    fs::write(sandbox.path("prod/logs/app.log"), "").unwrap();
    prepare(&sandbox);
    says(&sandbox, "before\n");
    // copytruncate: the same file, cut short.
    prepare(&sandbox);
    fs::write(sandbox.path("prod/logs/app.log"), "new\n").unwrap();
    step(&sandbox, "smoke").stdout_has("it  pass  1 new line; it was cut short meanwhile\n").check();
    // It may have grown beyond the mark since.
    fs::write(sandbox.path("prod/logs/app.log"), "ERROR in a longer line\nnew\n").unwrap();
    let said = "it  fail  1 new line: `ERROR in a longer line`; it was cut short meanwhile, expected ";
    step(&sandbox, "smoke").code(1).stdout_has(said).any_stderr().check();
}

#[test]
fn a_line_of_a_hundred_megabytes_keeps_nobody() {
    let sandbox = staged();
    prepare(&sandbox);
    says(&sandbox, &"x".repeat(100_000_000));
    expects(&sandbox, "['lines not contains \"ERROR\"', 'lines not matches \"y{3}$\"']");
    let said = "it  fail  none of 273 new lines, but only 4.1 MB of 100.0 MB were read, expected lines not contains ";
    let ran = step(&sandbox, "smoke").code(1).stdout_has(said).any_stderr().check();
    assert!(ran.stdout.len() < 300);
    expects(&sandbox, "'unseen not contains \"ERROR\"'");
    let said = "it  fail  none of 273 new lines, but only 4.1 MB of 100.0 MB were read, expected unseen not contains ";
    step(&sandbox, "smoke").code(1).stdout_has(said).any_stderr().check();
    expects(&sandbox, "'lines contains \"x\"'");
    step(&sandbox, "smoke").stdout_has("it  pass  273 new lines; only 4.1 MB of 100.0 MB were read\n").check();
    expects(&sandbox, "'lines not contains \"x\"'");
    let ran = step(&sandbox, "smoke").code(1).stdout_has("the first: `xxx").any_stderr().check();
    assert!(ran.stdout.len() < 1000);
}

#[test]
fn a_word_far_out_in_a_long_line_is_found_wherever_it_stands() {
    let sandbox = Sandbox::new();
    sandbox.write("app.log", format!("{}ERROR boom\n", "x".repeat((1 << 14) - 2)));
    fails(&sandbox, &log("'lines not contains \"ERROR\"'"), "1 new line: `xxx");
}

#[test]
fn a_pattern_that_takes_for_ever_is_given_up_in_time() {
    let sandbox = Sandbox::new();
    sandbox.write("app.log", "a".repeat(1 << 20));
    let checks = log("'lines not matches \"(a|b|ab){1,30}c\"'") + "timeout = '100ms'\n";
    fails(&sandbox, &checks, "not all new lines could be looked at within 0.1 s, expected ");
}

#[test]
fn by_hand_it_is_what_came_since_the_last_deployment_began() {
    let sandbox = staged();
    says(&sandbox, "ERROR of yesterday\n");
    prepare(&sandbox);
    says(&sandbox, "started\n");
    let live = sandbox.root().join("current");
    fs::remove_file(&live).unwrap();
    std::os::unix::fs::symlink(format!("releases/{}", testkit::release_of(7)), live).unwrap();
    let by_hand = || sandbox.tool("smoke-test").args(["--setting", "SMOKE_CHECKS", "--no-record"]);
    by_hand().stdout_has("it  pass  1 new line\n").check();
    // A file of one's own too.
    passes(&sandbox, &once("log", "", "'lines not contains \"ERROR\"'"), "1 new line\n");
}

#[test]
fn a_relative_log_is_one_of_the_live_release_before_the_switch_and_of_the_new_one_after_it() {
    let sandbox = staged();
    let release = |number: u64| format!("prod/releases/{}", testkit::release_of(number));
    sandbox.write("prod/shared/log/web.log", "ERROR of yesterday\n");
    std::os::unix::fs::symlink("../../shared/log", sandbox.path(format!("{}/log", release(6)))).unwrap();
    let checks = once("log", "path = 'log/web.log'", "'lines not contains \"ERROR\"'");
    sandbox.write(&format!("{}/smoke.toml", release(7)), checks);
    prepare(&sandbox);
    std::os::unix::fs::symlink("../../shared/log", sandbox.path(format!("{}/log", release(7)))).unwrap();
    step(&sandbox, "smoke").stdout_has("it  pass  no new line\n").check();
    sandbox.write("prod/shared/log/web.log", "ERROR of yesterday\nERROR of today\n");
    step(&sandbox, "smoke").code(1).stdout_has("1 new line: `ERROR of today`").any_stderr().check();
}

#[test]
fn what_the_release_that_is_left_has_logged_does_not_speak_against_the_one_that_comes_back() {
    let sandbox = staged();
    prepare(&sandbox);
    says(&sandbox, "ERROR of release 7\n");
    let back = |args: &[&str]| {
        let run = sandbox.tool("smoke-test").args(["--setting", "SMOKE_CHECKS", "--release", &testkit::release_of(6)]);
        run.env("PUSHBACK_DEPLOY", "prod-7").env("PUSHBACK_PARENT", "rollback").args(args)
    };
    // On a full disk nothing could be noted.
    back(&[]).stdout_has("it  pass  no new line\n").check();
    back(&["--prepare"]).any_stdout().check();
    says(&sandbox, "ERROR of release 6\n");
    back(&[]).code(1).stdout_has("it  fail  1 new line: `ERROR of release 6`").any_stderr().check();
}

#[test]
fn an_error_that_was_logged_before_is_no_new_one() {
    let sandbox = staged();
    says(&sandbox, "2026-11-20 ERROR 17: no row 'a' in 3.5 ms\nTraceback 1\n");
    expects(&sandbox, "['unseen not matches \"ERROR|Traceback\"', 'lines contains \"started\"']");
    prepare(&sandbox);
    says(&sandbox, "started\n2026-11-21 ERROR 4711: no row 'b' in 15.25 ms\n");
    step(&sandbox, "smoke").stdout_has("it  pass  2 new lines\n").check();
    says(&sandbox, "2026-11-21 ERROR 4712: no table 'c'\n2026-11-21 ERROR 4713: no table 'd'\n");
    let run = step(&sandbox, "smoke").code(1).any_stderr();
    let said =
        "2 new lines of a new sort, the first: `2026-11-21 ERROR 4712: no table 'c'`, expected unseen not matches ";
    run.stdout_has(format!("it  fail  {said}")).check();
    // An old line of this sort that was no error excuses none that is.
    expects(&sandbox, "'unseen not matches \"status 5..\"'");
    says(&sandbox, "status 200\n");
    prepare(&sandbox);
    says(&sandbox, "status 502\n");
    let run = step(&sandbox, "smoke").code(1).any_stderr();
    run.stdout_has("it  fail  1 new line of a new sort: `status 502`, expected unseen ").check();
}

#[test]
fn what_was_logged_before_is_found_in_a_log_that_was_rotated() {
    let sandbox = staged();
    says(&sandbox, "ERROR 1\n");
    expects(&sandbox, "'unseen not contains \"ERROR\"'");
    prepare(&sandbox);
    fs::rename(sandbox.path("prod/logs/app.log"), sandbox.path("prod/logs/app.log.1")).unwrap();
    says(&sandbox, "ERROR 2\n");
    step(&sandbox, "smoke").stdout_has("it  pass  1 new line\n").check();
    // The next deployment begins just after it.
    prepare(&sandbox);
    says(&sandbox, "ERROR 3\nERROR other\n");
    let run = step(&sandbox, "smoke").code(1).any_stderr();
    run.stdout_has("it  fail  1 new line of a new sort: `ERROR other`, expected unseen ").check();
}

#[test]
fn without_a_record_every_sort_is_new_and_this_is_said() {
    let sandbox = Sandbox::new();
    sandbox.write("app.log", "ERROR 1\nERROR 2\n");
    let said =
        "2 new lines of a new sort, the first: `ERROR 1`; all of it, because nothing tells what is new, expected ";
    fails(&sandbox, &log("'unseen not contains \"ERROR\"'"), said);
    passes(
        &sandbox,
        &log("'unseen not contains \"FATAL\"'"),
        "2 new lines; all of it, because nothing tells what is new\n",
    );
    let wanted = log("'unseen contains \"ERROR\"'");
    refuses(&sandbox, &wanted, "expected `not`, found `contains \"ERROR\"`");
}
