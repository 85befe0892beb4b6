//! Checks that are written by hand, a line each.

use testkit::Sandbox;

use crate::server::{Server, answer};

#[test]
fn a_line_is_an_address_a_status_and_a_text() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|request| match request.line.as_str() {
        "GET /login" => answer(200, "<h1>Sign in \"here\"</h1>"),
        "GET /admin?key=canary" => answer(302, ""),
        _ => answer(200, "hello"),
    });
    sandbox.set("API_URL", &server.url("/"));
    let elsewhere = server.url("/other");
    let lines = format!("# by hand\n\n/\n/login  200   Sign in \"here\" \n/admin?key=canary 302\n{elsewhere} 200\n");
    let ran = sandbox.tool("smoke-test").arg("-").stdin(lines);
    let ran = ran.stdout_has("/login ").stdout_has("4 checks: 4 pass (").check();
    assert!(!ran.stdout.contains("canary") && !sandbox.read("prod/journal.ndjson").contains("canary"));
    assert_eq!(server.requests().len(), 4);
    let fails = |line: &str, said: &str| {
        let run = sandbox.tool("smoke-test").args(["-", "--attempts", "1"]).stdin(line).code(1);
        run.stdout_has(said).any_stderr().check();
    };
    let twice = sandbox
        .tool("smoke-test")
        .arg("-")
        .stdin("/a?x=1\n/a?x=2\n")
        .stdout_has("/a     pass")
        .stdout_has("/a #2  pass");
    twice.check();
    fails("/ 404", "/  fail  status is 200, expected status == 404\n");
    fails("/ 200 Sign out", "/  fail  the body does not: `hello`, expected body contains \"Sign out\"\n");
}

#[test]
fn a_line_that_is_not_understood_is_78_with_its_number() {
    let sandbox = Sandbox::new();
    for (lines, sentence) in [
        ("/login", "line 1: API_URL is not set"),
        ("http://h/\nh/x", "line 2: the address must begin with http:// or https:// and name a host"),
        ("http://h/ ok", "line 1: column 11: expected a status from 100 to 599, found `ok`"),
        ("http://h/ 99", "line 1: column 11: expected a status from 100 to 599"),
        ("# a\n/login foo bar", "line 2: column 8: expected a status from 100 to 599, found `foo bar`"),
        (" /login\t+200", "line 1: column 9: expected a status from 100 to 599, found `+200`"),
        ("/login?key=${KEY}", "line 1: `${` means nothing in a line, which is sent as it is"),
        ("http://h/\n/a 200 ${NAME}", "line 2: `${` means nothing in a line"),
    ] {
        let run = sandbox.tool("smoke-test").arg("-").stdin(lines).code(78);
        run.stderr_has(format!("smoke-test: the checks on stdin: {sentence}")).check();
    }
}

#[test]
fn whoever_meant_a_line_is_told_how_one_begins() {
    let sandbox = Sandbox::new();
    let hint = "hint: a line begins with `/`, `http://` or `https://`; ";
    for (text, is_told) in [
        ("127.0.0.1:8000/", true),
        ("HTTP://h/ 200", true),
        ("", true),
        ("[[check]]\nname =", false),
        ("[[check]]\nname = 'a'\n", false),
    ] {
        let ran = sandbox.tool("smoke-test").arg("-").stdin(text).code(78).any_stderr().check();
        assert_eq!(ran.stderr.contains(hint), is_told, "{}", ran.stderr);
    }
    let run = sandbox.tool("smoke-test").arg("-").stdin("/a?b=${C}").code(78);
    run.stderr_has("hint: write a checks file: there it names a setting").check();
}
