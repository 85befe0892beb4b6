//! After the verdict: what passed has to go on passing.

use testkit::Sandbox;

use crate::server::{Server, answer, hang};
use crate::{DISK, FULL, page, smoke};

#[test]
fn what_goes_on_passing_passes_and_was_asked_more_than_once() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|_| answer(200, ""));
    let checks = format!("{}{FULL}severity = \"warn\"\n", page(&server.url("/"), ""));
    let run = smoke(&sandbox, &checks).args(["--watch", "300ms", "--interval", "20ms"]);
    run.stdout_has("page  pass  ").stdout_has("full  warn  ").check();
    assert!(server.requests().len() > 2, "{}", server.requests().len());
}

#[test]
fn what_only_warns_is_lost_and_the_rest_goes_on_to_be_watched() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|request| answer(if request.number > 6 { 502 } else { 200 }, ""));
    sandbox.write("there", "");
    sandbox.fake("once", "#!/bin/sh\n[ -e \"$HOME/there\" ] && rm \"$HOME/there\"\n");
    let warns = "[[check]]\nname = 'once'\nkind = 'command'\nrun = ['once']\nexpect = 'exit == 0'\nseverity = 'warn'\n";
    let checks = format!("{}{warns}", page(&server.url("/"), ""));
    let run = smoke(&sandbox, &checks).args(["--watch", "1h", "--interval", "10ms"]);
    run.code(1).stdout_has("page  fail  lost after ").stdout_has("once  warn  lost after ").any_stderr().check();
    assert_eq!(server.requests().len(), 7);
}

#[test]
fn the_first_loss_fails_whatever_the_attempts() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|request| answer(if request.number == 3 { 502 } else { 200 }, "gone"));
    let run =
        smoke(&sandbox, &format!("{}{DISK}", page(&server.url("/"), ""))).args(["--watch", "1h", "--interval", "10ms"]);
    let lost = run.code(1).stdout_has(": status is 502, expected status == 200\n").stdout_has("body: gone\n");
    let ran = lost.stderr("smoke-test: 1 of 2 checks failed: page\n").check();
    assert!(ran.stdout.starts_with("page  fail  lost after "), "{}", ran.stdout);
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn checks_that_do_not_all_pass_are_not_watched() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|_| answer(200, ""));
    let run = smoke(&sandbox, &format!("{}{FULL}", page(&server.url("/"), ""))).args(["--watch", "1h"]);
    run.code(1).stdout_has("2 checks: 1 pass, 1 fail").any_stderr().check();
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn an_app_that_hangs_while_it_is_watched_is_lost_after_the_timeout() {
    let sandbox = Sandbox::new();
    let server = Server::behaves(|request, stream| match request.number {
        1 => drop(std::io::Write::write_all(stream, answer(200, "").as_bytes())),
        _ => hang(stream),
    });
    let checks = page(&server.url("/"), "timeout = '200ms'");
    let run = smoke(&sandbox, &checks).args(["--watch", "1h", "--interval", "10ms"]);
    run.code(1).stdout_has("page  fail  lost after ").stdout_has(" within 0.2 s").any_stderr().check();
}
