//! Some checks of a file, more of them at once, and how strictly they are judged.

use testkit::Sandbox;

use crate::server::{Server, answer};
use crate::{DISK, FULL, page, smoke};

/// Two checks of the disk, the second of which fails, with tags.
fn tagged() -> String {
    format!("{DISK}tags = ['machine', 'fast']\n{FULL}tags = ['machine']\n")
}

#[test]
fn only_what_is_meant_is_checked() {
    let sandbox = Sandbox::new();
    for meant in
        [&["--only", "disk"][..], &["--skip", "full"], &["--tag", "fast"], &["--tag", "machine", "--skip", "full"]]
    {
        smoke(&sandbox, &tagged()).args(meant).stdout_has("disk  pass  ").stdout_has("1 check: 1 pass (").check();
    }
    let both = smoke(&sandbox, &tagged()).args(["--only", "full", "--only", "disk"]);
    both.code(1).stdout_has("2 checks: 1 pass, 1 fail (").any_stderr().check();
    smoke(&sandbox, &tagged()).args(["--list", "--tag", "fast"]).stdout("disk  disk  /: free > 1B\n").check();
}

#[test]
fn a_name_that_no_check_has_is_2_and_so_is_nothing_at_all() {
    let sandbox = Sandbox::new();
    for (args, sentence) in [
        (&["--only", "disc"][..], "there is no check `disc`"),
        (&["--skip", "disc"], "one of: disk, full"),
        (&["--tag", "slow"], "no check has the tag `slow`"),
        (&["--only", "disk", "--skip", "disk"], "no check is left: a test of nothing would pass"),
        (&["--only", "full", "--tag", "fast"], "no check is left"),
    ] {
        smoke(&sandbox, &tagged()).args(args).code(2).stderr_has(sentence).check();
    }
    smoke(&sandbox, DISK).args(["--tag", "x"]).code(2).stderr_has("there are none").check();
}

#[test]
fn a_check_passes_when_so_many_looks_in_a_row_are_good() {
    let sandbox = Sandbox::new();
    let statuses = |statuses: &'static [u16]| {
        Server::answers(move |request| answer(*statuses.get(request.number - 1).unwrap_or(&500), ""))
    };
    for (answers, attempts, consecutive, verdict, asked) in [
        (&[200, 200, 200][..], 5, 3, "pass", 3),
        (&[200, 500, 200, 200], 5, 2, "flaky", 4),
        (&[500, 200], 2, 2, "fail", 2),
        (&[200, 500, 200, 500], 4, 2, "fail", 4),
    ] {
        let server = statuses(answers);
        let more = format!("consecutive = {consecutive}");
        let checks = page(&server.url("/"), &more).replace("attempts = 3", &format!("attempts = {attempts}"));
        let code = u8::from(verdict == "fail");
        let run = smoke(&sandbox, &checks).code(code.into()).stdout_has(format!("page  {verdict}  "));
        run.any_stderr().check();
        assert_eq!(server.requests().len(), asked, "{answers:?}");
    }
    let server = statuses(&[500, 200]);
    let checks = page(&server.url("/"), "consecutive = 2").replace("attempts = 3", "attempts = 2");
    smoke(&sandbox, &checks).code(1).stdout_has(", but only 1 of 2 times in a row").any_stderr().check();
}

#[test]
fn what_takes_its_time_to_start_uses_up_no_attempt() {
    let sandbox = Sandbox::new();
    let starting = || Server::answers(|request| answer(if request.number < 4 { 503 } else { 200 }, ""));
    let server = starting();
    let once = |server: &Server, more: &str| page(&server.url("/"), more).replace("attempts = 3", "attempts = 1");
    let starts = once(&server, "start_period = '10m'");
    smoke(&sandbox, &starts).args(["--startup-wait", "1s"]).stdout_has("page  pass  ").check();
    assert_eq!(server.requests().len(), 4);
    // Nothing was started.
    smoke(&sandbox, &once(&starting(), "start_period = '10m'")).code(1).any_stdout().any_stderr().check();
    smoke(&sandbox, &once(&starting(), "")).code(1).stdout_has("page  fail  ").any_stderr().check();
}

#[test]
fn what_is_strict_fails_what_is_flaky() {
    let sandbox = Sandbox::new();
    let flaky = || Server::answers(|request| answer(if request.number == 1 { 500 } else { 200 }, ""));
    smoke(&sandbox, &page(&flaky().url("/"), "")).stdout_has("page  flaky  ").check();
    smoke(&sandbox, &page(&flaky().url("/"), ""))
        .arg("--strict")
        .code(1)
        .stdout_has("page  flaky  ")
        .stderr("smoke-test: 1 of 1 check failed: page (flaky)\n")
        .check();
}

#[test]
fn no_more_checks_run_at_once_than_is_said() {
    let sandbox = Sandbox::new();
    // Each answers when as many are waiting as may: more of them would never come, fewer would wait in vain.
    let waiting = std::sync::Arc::new(std::sync::Barrier::new(4));
    let server = Server::answers(move |_| {
        waiting.wait();
        answer(200, "")
    });
    let checks: String = (0..8).map(|n| page(&server.url("/"), "").replace("'page'", &format!("'page {n}'"))).collect();
    smoke(&sandbox, &checks).args(["--concurrency", "4"]).stdout_has("8 checks: 8 pass (").check();
    smoke(&sandbox, DISK).args(["--concurrency", "0"]).code(2).stderr_has("0 is not in 1..=1000").check();
}
