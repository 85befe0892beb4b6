//! Which commit answers.

use testkit::Sandbox;

use crate::server::{Server, answer};
use crate::{page, smoke};

const NEW: &str = "3f2a1c9d3f2a1c9d3f2a1c9d3f2a1c9d3f2a1c9d";
const OLD: &str = "0123456701234567012345670123456701234567";

fn commit(name: &str) -> String {
    answer(200, &format!(r#"{{"commit":"{name}"}}"#))
}

#[test]
fn an_old_process_that_still_answers_is_stale() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|_| commit(OLD));
    smoke(&sandbox, &page(&server.url("/"), "commit = '$.commit'"))
        .args(["--expect-commit", NEW])
        .code(1)
        .stdout_has("page  stale  commit 012345670123 answers, expected 3f2a1c9d3f2a (3 attempts, ")
        .stdout_has("1 check: 1 stale (")
        .stderr("smoke-test: 1 of 1 check failed: page (stale)\n")
        .check();
}

#[test]
fn an_old_process_that_fails_is_stale_all_the_same() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|_| commit(OLD).replace("200", "500"));
    smoke(&sandbox, &page(&server.url("/"), "commit = '$.commit'"))
        .args(["--expect-commit", NEW])
        .code(1)
        .stdout_has("page  stale  ")
        .any_stderr()
        .check();
}

#[test]
fn the_new_process_is_awaited() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|request| commit(if request.number < 2 { OLD } else { NEW }));
    smoke(&sandbox, &page(&server.url("/"), "commit = '$.commit'"))
        .args(["--expect-commit", &NEW[..7]])
        .stdout_has("page  flaky  status 200, commit 3f2a1c9, ")
        .check();
}

#[test]
fn an_answer_without_a_commit_fails() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|_| answer(200, "{}"));
    smoke(&sandbox, &page(&server.url("/"), "commit = '$.commit'"))
        .args(["--expect-commit", NEW])
        .code(1)
        .stdout_has("page  fail  there is no $.commit in the answer, expected commit 3f2a1c9d3f2a (3")
        .any_stderr()
        .check();
}

#[test]
fn without_an_expected_commit_none_is_compared_and_it_says_so() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|_| commit(OLD));
    smoke(&sandbox, &page(&server.url("/"), "commit = '$.commit'"))
        .stdout_has("page  pass  status 200, commit not compared, ")
        .check();
}

#[test]
fn a_bare_address_is_one_check() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|_| commit(OLD));
    let url = || sandbox.tool("smoke-test").arg(server.url("/health")).args(["--attempts", "1"]);
    url().stdout_has("url  pass  status 200, ").check();
    url().args(["--expect-commit", &OLD[..7]]).stdout_has("url  pass  status 200, commit 0123456, ").check();
    url().args(["--expect-commit", NEW]).code(1).stdout_has("url  stale  ").any_stderr().check();
}

#[test]
fn a_header_tells_the_commit_as_well() {
    let sandbox = Sandbox::new();
    let with =
        |header: &'static str| Server::answers(move |_| answer(200, "").replacen("\r\n", &format!("\r\n{header}"), 1));
    let look = |header: &'static str| {
        let server = with(header);
        let checks =
            page(&server.url("/"), "commit = 'header X-Commit'\nattempts = 1").replacen("attempts = 3\n", "", 1);
        (smoke(&sandbox, &checks).args(["--expect-commit", "3f2a1c9d3f2a"]), server)
    };
    let (run, _server) = look("X-Commit: 3F2A1C9\r\n");
    run.stdout_has("page  pass  status 200, commit 3f2a1c9d3f2a, ").check();
    let (run, _server) = look("X-Commit: 0000000\r\n");
    run.code(1).stdout_has("page  stale  commit 0000000 answers, expected 3f2a1c9d3f2a\n").any_stderr().check();
    let (run, _server) = look("");
    run.code(1)
        .stdout_has("page  fail  there is no header x-commit in the answer, expected commit")
        .any_stderr()
        .check();
    let (run, _server) = look("X-Commit: 3f2a1c9\r\nX-Commit: 0000000\r\n");
    run.code(1).stdout_has("page  fail  header x-commit has 2 values, expected commit").any_stderr().check();
}
