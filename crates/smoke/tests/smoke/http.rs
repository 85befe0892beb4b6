//! What a web server does or fails to do, and the verdict on it.

use std::io::Write;
use std::thread;
use std::time::Duration;

use testkit::Sandbox;

use crate::server::{Closed, Server, answer, hang};
use crate::{page, smoke};

#[test]
fn a_page_that_answers_as_expected_passes() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|_| answer(200, r#"{"status":"ok","items":[{"n":3}]}"#));
    let checks = page(
        &server.url("/health"),
        r#"expect = ['status == 200', 'json $.status == "ok"', 'json $.items[0].n >= 3', 'time < 60s']"#,
    );
    smoke(&sandbox, &checks).stdout_has("page  pass  status 200, ").check();
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_wrong_status_fails_after_all_attempts() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|_| answer(500, ""));
    smoke(&sandbox, &page(&server.url("/"), ""))
        .code(1)
        .stdout_has("page  fail  status is 500, expected status == 200 (3 attempts, ")
        .stdout_has("\n1 check: 1 fail (")
        .stderr("smoke-test: 1 of 1 check failed: page\n")
        .check();
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_page_that_fails_twice_and_then_passes_is_flaky() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|request| answer(if request.number < 3 { 503 } else { 200 }, ""));
    smoke(&sandbox, &page(&server.url("/"), ""))
        .stdout_has("page  flaky  status 200, ")
        .stdout_has(" (3 attempts, ")
        .check();
}

#[test]
fn a_server_that_hangs_fails_when_the_time_of_the_attempt_is_over() {
    let sandbox = Sandbox::new();
    let server = Server::behaves(|_, stream| hang(stream));
    smoke(&sandbox, &page(&server.url("/"), "timeout = '200ms'"))
        .code(1)
        .stdout_has(format!("no whole answer from {} within 0.2 s (3 attempts, ", server.url("/")))
        .any_stderr()
        .check();
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_body_that_never_ends_its_sentence_fails_too() {
    let sandbox = Sandbox::new();
    let server = Server::behaves(|_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").unwrap();
        hang(stream);
    });
    smoke(&sandbox, &page(&server.url("/"), "timeout = '200ms'"))
        .code(1)
        .stdout_has("no whole answer")
        .any_stderr()
        .check();
}

#[test]
fn a_body_that_is_cut_off_fails() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|_| "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_owned());
    smoke(&sandbox, &page(&server.url("/"), "")).code(1).stdout_has("page  fail  ").any_stderr().check();
}

#[test]
fn a_reset_connection_fails() {
    let sandbox = Sandbox::new();
    let server = Server::resets();
    smoke(&sandbox, &page(&server.url("/"), "")).code(1).stdout_has("page  fail  cannot ask ").any_stderr().check();
}

#[test]
fn garbage_instead_of_http_fails() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|_| "SSH-2.0-OpenSSH_9.2p1\r\n\r\n".to_owned());
    smoke(&sandbox, &page(&server.url("/"), "")).code(1).stdout_has("does not speak HTTP").any_stderr().check();
}

#[test]
fn tls_with_a_server_that_speaks_none_fails() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|_| answer(200, ""));
    let url = server.url("/").replace("http:", "https:");
    smoke(&sandbox, &page(&url, "")).code(1).stdout_has("page  fail  ").any_stderr().check();
}

#[test]
fn a_name_that_does_not_resolve_fails() {
    let sandbox = Sandbox::new();
    smoke(&sandbox, &page("http://nobody.invalid/", "timeout = '2s'"))
        .code(1)
        .stdout_has("page  fail  ")
        .any_stderr()
        .check();
}

#[test]
fn a_refused_connection_fails_by_hand_at_once() {
    let sandbox = Sandbox::new();
    sandbox.set("STARTUP_WAIT", "10m");
    let closed = Closed::new();
    smoke(&sandbox, &page(&closed.url("/"), ""))
        .code(1)
        .stdout_has("refuses the connection (3 attempts, ")
        .any_stderr()
        .check();
}

/// The second server hears of its third request long after the first check has been refused, and opens the first.
fn opens_late(closed: Closed) -> (String, Server) {
    let other = Server::answers(move |request| {
        if request.number == 3 {
            // It lives on in its threads.
            drop(closed.open(|_| answer(200, "")));
        }
        answer(if request.number < 3 { 503 } else { 200 }, "")
    });
    let checks = format!(
        "{}\n[[check]]\nname = 'other'\nkind = 'http'\nurl = '{}'\ninterval = '100ms'\nexpect = 'status == 200'\n",
        page(&closed.url("/"), "").replace("attempts = 3", "attempts = 1"),
        other.url("/")
    );
    (checks, other)
}

#[test]
fn an_app_that_is_starting_uses_up_no_attempt() {
    let sandbox = Sandbox::new();
    let (checks, _other) = opens_late(Closed::new());
    smoke(&sandbox, &checks)
        .args(["--startup-wait", "10m"])
        .stdout_has("page   pass   status 200, ")
        .stdout_has("other  flaky  status 200, ")
        .check();
}

#[test]
fn after_an_activation_the_app_may_be_starting() {
    for variable in [("PUSHBACK_STEP", "smoke"), ("PUSHBACK_STEP", "rollback"), ("PUSHBACK_PARENT", "rollback")] {
        let sandbox = Sandbox::new();
        let (checks, _other) = opens_late(Closed::new());
        smoke(&sandbox, &checks).env(variable.0, variable.1).stdout_has("page   pass   status 200, ").check();
    }
}

#[test]
fn an_endless_body_is_read_to_the_limit() {
    let sandbox = Sandbox::new();
    let server = Server::behaves(|_, stream| {
        let mut open = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nWelcome").is_ok();
        while open {
            open = stream.write_all(&[b'x'; 8192]).is_ok();
        }
    });
    smoke(&sandbox, &page(&server.url("/"), "expect = 'body contains \"Welcome\"'")).stdout_has("page  pass  ").check();
    for undecided in [
        "json $.a == 1",
        "body == 'Welcome'",
        "body != 'Welcome'",
        "body not contains 'error'",
        "body not matches 'error'",
        "body matches '^Welcomex+$'",
    ] {
        let run = smoke(&sandbox, &page(&server.url("/"), &format!("expect = {undecided:?}"))).code(1);
        run.stdout_has(format!("the body is longer than is read, expected {undecided}")).any_stderr().check();
    }
}

#[test]
fn no_foreign_text_steers_the_terminal_or_floods_it() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|_| answer(200, &format!("\u{1b}]0;x\u{7}\u{202e}\n\u{9b}31m{}", "y".repeat(10_000))));
    for flags in [["-v"], ["--json"]] {
        let ran = smoke(&sandbox, &page(&server.url("/"), "expect = 'body contains \"Welcome\"'"))
            .args(flags)
            .code(1)
            .stdout_has("the body does not: `")
            .any_stderr()
            .check();
        let text = ran.stdout + &ran.stderr;
        let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(steers), "{text:?}");
        assert!(text.len() < 5000, "{text:?}");
    }
}

#[test]
fn a_redirect_is_an_answer_and_is_not_followed() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|_| answer(302, "").replace("\r\n\r\n", "\r\nLocation: /elsewhere\r\n\r\n"));
    smoke(&sandbox, &page(&server.url("/"), "expect = 'status == 302'")).stdout_has("page  pass  status 302, ").check();
    let lines: Vec<String> = server.requests().into_iter().map(|request| request.line).collect();
    assert_eq!(lines, ["GET /"]);
}

#[test]
fn an_answer_that_takes_too_long_fails() {
    let sandbox = Sandbox::new();
    let server = Server::behaves(|_, stream| {
        // What is measured, not what is waited for.
        thread::sleep(Duration::from_millis(30));
        stream.write_all(answer(200, "").as_bytes()).unwrap();
    });
    smoke(&sandbox, &page(&server.url("/"), "expect = 'time < 20ms'"))
        .code(1)
        .stdout_has("page  fail  the answer took ")
        .stdout_has(" ms, expected time < 20ms (3 attempts, ")
        .any_stderr()
        .check();
}

#[test]
fn a_request_is_made_as_told_and_directly() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|_| answer(201, ""));
    let more = "method = 'POST'\nheaders = { X-Probe = 'yes' }\nexpect = 'status < 300'";
    let proxy = Closed::new().url("/");
    smoke(&sandbox, &page(&server.url("/a/b?token=secret"), more))
        .env("http_proxy", &proxy)
        .env("ALL_PROXY", &proxy)
        .stdout_has("page  pass  status 201, ")
        .check();
    let request = server.requests().remove(0);
    assert_eq!(request.line, "POST /a/b?token=secret");
    for header in [
        "x-probe: yes".to_owned(),
        format!("host: {}", server.address()),
        format!("user-agent: pushback-smoke-test/{}", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(request.headers.contains(&header), "{header}: {request:?}");
    }
}

#[test]
fn the_query_of_an_address_is_not_shown() {
    let sandbox = Sandbox::new();
    let url = Closed::new().url("/a?token=secret");
    let ran = smoke(&sandbox, &page(&url, "")).code(1).stdout_has("/a refuses the connection").any_stderr().check();
    assert!(!(ran.stdout + &ran.stderr).contains("secret"));
}

#[test]
fn what_a_page_answered_is_shown_with_a_line_to_ask_again() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|_| answer(503, "db s3cret-token\nis down\n"));
    let keys = "method = \"PUT\"\nheaders = { Authorization = \"Bearer ${TOKEN}\", X-Api-Key = \"plain\", Accept = \"*/*\" }\n\
        json = { name = \"it's\", password = \"plain\", token = \"${TOKEN}\", keys = [{ pin = 1234 }] }\nexpect = \"status == 200\"";
    let checks = page(&server.url("/login?token=plain&to=a"), keys);
    let shown = format!(
        "\n\npage\n  status: 503\n  headers:\n    content-length: 24\n    \
         connection: close\n  body:\n    db [redacted]\n    is down\n  curl: curl -sS -i -X PUT -H 'Accept: */*' -H \
         \"Authorization: Bearer ${{TOKEN}}\" -H 'X-Api-Key: …' -H 'Content-Type: application/json' --data-raw \
         \"{{\\\"keys\\\":[{{\\\"pin\\\":\\\"…\\\"}}],\\\"name\\\":\\\"it's\\\",\\\"password\\\":\\\"…\\\",\\\"token\\\":\\\"${{TOKEN}}\\\"}}\" \
         '{}?token=…&to=a'\n\n",
        server.url("/login")
    );
    smoke(&sandbox, &checks).env("TOKEN", "s3cret-token").code(1).stdout_has(&shown).any_stderr().check();
}
