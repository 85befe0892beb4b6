//! What is asked of a web server, and what of its answer is looked at.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::thread;

use testkit::Sandbox;

use crate::server::{Request, Server, answer};
use crate::{page, smoke};

/// An answer with these header lines.
fn with_headers(status: u16, headers: &str) -> String {
    format!("HTTP/1.1 {status} Word\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n")
}

#[test]
fn headers_are_compared_whatever_their_case_and_however_many() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|_| {
        with_headers(
            200,
            "Content-type: text/html; charset=utf-8\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Empty:\r\n",
        )
    });
    let all = [
        "header CONTENT-TYPE contains 'text/html'",
        "header content-type == 'text/html; charset=utf-8'",
        "header Set-Cookie == 'b=2'",
        "header Set-Cookie matches '^a='",
        "header Set-Cookie not contains 'c='",
        "header X-Empty exists",
        "header Server missing",
    ];
    smoke(&sandbox, &page(&server.url("/"), &format!("expect = {all:?}"))).stdout_has("page  pass").check();
    for (line, said) in [
        ("header Server exists", "the header server is missing, expected header Server exists"),
        ("header Set-Cookie missing", "the header set-cookie is `a=1`, expected "),
        ("header Set-Cookie not contains 'b='", "the header set-cookie has it, expected "),
        ("header Set-Cookie != 'b=2'", "the header set-cookie is `a=1`, expected "),
        ("header Set-Cookie contains 'c='", "the header set-cookie does not: `a=1`, expected "),
        ("header X-Empty contains 'c='", "the header x-empty is empty, expected "),
        ("header Server contains 'c='", "the header server is missing, expected "),
    ] {
        let run = smoke(&sandbox, &page(&server.url("/"), &format!("expect = {line:?}"))).code(1);
        run.stdout_has(format!("page  fail  {said}")).any_stderr().check();
    }
}

#[test]
fn a_body_is_compared_whole_in_part_or_by_a_pattern() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|_| answer(200, "pong\n"));
    let newline = "body contains \"g\\n\"";
    let same = "body == \"pong\\r\\n\"";
    for line in ["body == 'pong'", "body != 'ping'", "body matches '^p.n'", "body not matches 'x'", newline, same] {
        smoke(&sandbox, &page(&server.url("/"), &format!("expect = {line:?}"))).stdout_has("page  pass").check();
    }
    for (line, said) in [
        ("body != \"pong\\n\"", "the body is `pong`, expected body != "),
        ("body == 'ping'", "the body is `pong`, expected body == 'ping'"),
        ("body not matches 'o'", "the body has it, expected "),
        ("body matches '^x'", "the body does not: `pong`, expected "),
    ] {
        let run = smoke(&sandbox, &page(&server.url("/"), &format!("expect = {line:?}"))).code(1);
        run.stdout_has(format!("page  fail  {said}")).any_stderr().check();
    }
}

#[test]
fn a_text_a_form_or_json_is_sent() {
    let sandbox = Sandbox::new();
    sandbox.set("PASSWORD", "a&b=\"ü\" ");
    sandbox.set("NAME", "me");
    for (lines, method, kind, body) in [
        ("body = 'hello ${NAME}'", "POST", "text/plain; charset=utf-8", "hello me"),
        ("body = '<a/>'\nheaders = { Content-type = 'text/xml' }\nmethod = 'PUT'", "PUT", "text/xml", "<a/>"),
        (
            "form = { user = '${NAME}', 'pass word' = '${PASSWORD}' }",
            "POST",
            "application/x-www-form-urlencoded",
            "pass%20word=a%26b%3D%22%C3%BC%22&user=me",
        ),
        (
            "json = { user = '${PASSWORD}', n = 0x1F, f = 1.5, t = true, l = [1, { d = 2026-01-02 }] }",
            "POST",
            "application/json",
            "{\"f\":1.5,\"l\":[1,{\"d\":\"2026-01-02\"}],\"n\":31,\"t\":true,\"user\":\"a&b=\\\"ü\\\"\"}",
        ),
    ] {
        let server = Server::answers(|_| answer(200, ""));
        smoke(&sandbox, &page(&server.url("/x"), lines)).stdout_has("page  pass").check();
        let request = &server.requests()[0];
        assert_eq!((request.line.as_str(), request.body.as_str()), (format!("{method} /x").as_str(), body));
        assert!(request.headers.contains(&format!("content-type: {kind}")), "{request:?}");
    }
    let refused = |lines: &str, sentence: &str| {
        smoke(&sandbox, &page("http://h/", lines)).arg("--dry-run").code(78).stderr_has(sentence).check();
    };
    refused("body = 'a'\nform = { a = 'b' }", "it sends one of `body`, `form` and `json`, not several");
    refused("json = 'a'", "`json` must be a table");
    refused("json = { a = nan }", "`json` holds a value that JSON has not");
    refused("redirects = 21", "`redirects` must be a number from 0 to 20");
    refused("basic = 'me'", "`basic` must be a user and a password");
}

#[test]
fn a_user_and_a_password_are_sent_and_never_shown() {
    let sandbox = Sandbox::new();
    sandbox.set("PASSWORD", "canary:ü");
    let server = Server::answers(|request| {
        answer(200, request.headers.iter().find(|header| header.starts_with("authorization")).unwrap())
    });
    let checks = page(&server.url("/"), "basic = 'me:${PASSWORD}'\nexpect = 'body == \"x\"'");
    let ran = smoke(&sandbox, &checks).args(["--json", "--attempts", "1"]).code(1).any_stdout().any_stderr().check();
    assert!(server.requests()[0].headers.contains(&"authorization: Basic bWU6Y2FuYXJ5OsO8".to_owned()));
    assert!(ran.stdout.contains("authorization: Basic [redacted]"), "{}", ran.stdout);
    for text in [ran.stdout, ran.stderr, sandbox.read("prod/journal.ndjson")] {
        assert!(!text.contains("canary") && !text.contains("bWU6"), "{text}");
    }
}

#[test]
fn redirects_are_followed_as_often_as_is_said() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|request| match request.line.rsplit('/').next().unwrap().parse::<u32>() {
        Ok(0) => answer(200, "there"),
        Ok(left) => with_headers(302, &format!("Location: /{}\r\n", left - 1)),
        Err(_) => with_headers(302, "Location: /loop\r\n"),
    });
    let expect = |path: &str, lines: &str| smoke(&sandbox, &page(&server.url(path), lines));
    expect("/2", "expect = ['status == 302', 'header Location == \"/1\"']").stdout_has("pass").check();
    expect("/2", "redirects = 2\nexpect = ['status == 200', 'body == \"there\"']").stdout_has("pass").check();
    let run = expect("/3", "redirects = 2").code(1).any_stderr();
    run.stdout_has("/3: more than 2 redirects (3 attempts, ").check();
    expect("/loop", "redirects = 20").code(1).any_stderr().stdout_has("/loop: more than 20 redirects").check();
}

#[test]
fn what_belongs_to_one_origin_does_not_follow_a_redirect_to_another() {
    let sandbox = Sandbox::new();
    let other = Server::answers(|_| answer(200, "other"));
    let away = format!("Location: {}\r\nSet-Cookie: s=1; Path=/\r\n", other.url("/"));
    let server = Server::answers(move |request| match request.line.as_str() {
        "GET /away" => with_headers(302, &away),
        "GET /on" => with_headers(302, "Location: /there\r\nSet-Cookie: s=1; Path=/\r\n"),
        _ => answer(200, "there"),
    });
    let own = "redirects = 1\nheaders = { Authorization = \"Bearer abc\", X-Key = \"k\", Cookie = \"a=b\" }";
    for path in ["/away", "/on"] {
        smoke(&sandbox, &page(&server.url(path), own)).stdout_has("page  pass  status 200, ").check();
    }
    let sent = |request: &Request, name: &str| request.headers.iter().find(|line| line.starts_with(name)).cloned();
    let foreign = other.requests();
    assert!(["authorization", "x-key"].iter().all(|name| sent(&foreign[0], name).is_none()), "{foreign:?}");
    // Cookies know hosts, and no ports (RFC 6265, 8.5): that of the server goes there, that of the check does not.
    assert_eq!(sent(&foreign[0], "cookie").as_deref(), Some("cookie: s=1"));
    let there = server.requests().pop().unwrap();
    assert_eq!(there.line, "GET /there");
    assert_eq!(sent(&there, "cookie: ").as_deref(), Some("cookie: a=b; s=1"));
    assert_eq!(sent(&there, "x-key: ").as_deref(), Some("x-key: k"));
}

#[test]
fn an_app_is_asked_on_its_socket() {
    let sandbox = Sandbox::new();
    let path = sandbox.path("app.sock");
    let check = |more: &str| page("http://app.example/health", &format!("socket = '{}'\n{more}", path.display()));
    let run = smoke(&sandbox, &check("")).code(1).any_stderr();
    let on = format!(" on {}", path.display());
    run.stdout_has(format!("page  fail  cannot ask http://app.example/health{on}: no such file or directory")).check();
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
            let line = lines.next().unwrap();
            let host = lines.find(|line| line.to_lowercase().starts_with("host: ")).unwrap();
            if !line.contains("/hang") {
                stream.write_all(answer(200, &format!("{line}, {host}")).as_bytes()).unwrap();
                continue;
            }
            // Held open, and nothing is said.
            std::mem::forget(stream);
        }
    });
    let expect = "expect = 'body matches \"^GET /health HTTP/1.1, [Hh]ost: app.example$\"'";
    smoke(&sandbox, &check(expect)).stdout_has("page  pass").check();
    let hang = check("timeout = '200ms'").replace("/health", "/hang");
    let run = smoke(&sandbox, &hang).code(1).any_stderr();
    run.stdout_has(format!("page  fail  no whole answer from http://app.example/hang{on} within 0.2 s")).check();
    let tls = check("").replace("http:", "https:");
    smoke(&sandbox, &tls).arg("--list").code(78).stderr_has("an address behind a `socket` begins with http://").check();
}
