//! Servers that mean harm: each is a failed check, in time, in little memory, and nothing of it steers the terminal.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;
use testkit::{Ran, Sandbox};

use crate::server::{Server, answer, hang};
use crate::{once, smoke_measured};

/// What smoke-test may take, whatever it is answered; in KiB.
const MOST: u64 = 32 * 1024;

/// Lets a server do its worst: the check fails, the reason begins so, and it was found out in time and in little memory. What
/// ends a server that goes on for ever is the timeout: the deadline of the whole run would say so in the reason.
fn fails_well(lines: &str, expect: &str, said: &str, behave: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> Ran {
    let sandbox = Sandbox::new();
    let server = Server::behaves(move |_, stream| behave(stream));
    let lines = format!("url = '{}'\ntimeout = '300ms'\n{lines}", server.url("/"));
    let said = said.replace("URL", &server.url("/"));
    let run = smoke_measured(&sandbox, &once("http", &lines, &format!("{expect:?}"))).code(1);
    let ran = run.stdout_has(format!("it  fail  {said}")).any_stderr().check();
    let peak = sandbox.peak();
    assert!(peak <= MOST, "{peak} KiB for {said}");
    for text in [&ran.stdout, &ran.stderr, &sandbox.read("prod/journal.ndjson")] {
        assert!(!text.contains(steers), "{text:?}");
    }
    ran
}

/// Whether a character could move the cursor, or turn the text round.
fn steers(c: char) -> bool {
    (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c)
}

/// Says something once, and then something again and again until nobody listens any more.
fn for_ever(stream: &mut TcpStream, once: &[u8], again: &[u8], pause: Duration) {
    let mut open = stream.write_all(once).is_ok();
    while open {
        // It is slow on purpose; nobody waits for it.
        thread::sleep(pause);
        open = stream.write_all(again).is_ok();
    }
}

const FAST: Duration = Duration::ZERO;
const SLOW: Duration = Duration::from_millis(50);

#[test]
fn a_body_without_end_fills_no_memory() {
    let page = [b'x'; 8192];
    for head in ["", "Content-Length: 10000000000\r\n", "Content-Encoding: gzip\r\nContent-Length: 9999999999\r\n"] {
        let head = format!("HTTP/1.1 200 OK\r\n{head}\r\n");
        let expect = "body contains \"Welcome\"";
        fails_well("", expect, "the body is longer than is read, ", move |stream| {
            for_ever(stream, head.as_bytes(), &page, FAST);
        });
    }
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = [b"2000\r\n", page.as_slice(), b"\r\n"].concat();
    fails_well("", "json $.a == 1", "the body is longer than is read, ", move |stream| {
        for_ever(stream, chunked, &chunk, FAST);
    });
}

#[test]
fn what_trickles_for_ever_is_ended_by_the_timeout() {
    let late = "no whole answer from URL within 0.3 s\n";
    for (once, again) in [
        ("", "\r\n"),
        ("HTTP/1.1 200 ", "O"),
        ("HTTP/1.1 200 OK\r\nX: ", "x"),
        ("HTTP/1.1 200 OK\r\n\r\n", "x"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", "x"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", "x"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ", "x"),
        ("", "HTTP/1.1 100 Continue\r\n\r\n"),
    ] {
        fails_well("", "status == 201", late, move |stream| {
            for_ever(stream, once.as_bytes(), again.as_bytes(), SLOW);
        });
    }
    // A redirect that goes on after it has said where.
    let redirect = b"HTTP/1.1 302 Found\r\nLocation: /\r\nX: ";
    fails_well("redirects = 20", "status == 201", late, |stream| {
        for_ever(stream, redirect, b"x", SLOW);
    });
}

#[test]
fn what_floods_for_ever_is_ended_by_the_timeout_or_a_limit() {
    let late = "no whole answer from URL within 0.3 s\n";
    let stalled = "no answer from URL: body data reading stalled";
    let big = "no answer from URL: response header is too big: ";
    let many = "URL does not speak HTTP: http parse resulted in too many headers";
    for (once, again, said) in [
        ("", "HTTP/1.1 100 Continue\r\n\r\n", big),
        ("", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", big),
        ("", "\r\n", big),
        ("HTTP/1.1 200 ", "x", big),
        ("HTTP/1.1 200 OK\r\nX: ", "x", big),
        ("HTTP/1.1 200 OK\r\n", "X: x\r\n", many),
        ("HTTP/1.1 302 Found\r\n", "Location: /\r\n", many),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "0", stalled),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", "x", stalled),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X: x\r\n", late),
    ] {
        let again = again.repeat(1000);
        fails_well("", "status == 201", said, move |stream| {
            for_ever(stream, once.as_bytes(), again.as_bytes(), FAST);
        });
    }
}

#[test]
fn what_is_no_http_is_no_answer() {
    let (no_http, ended) = ("URL does not speak HTTP: ", "cannot ask URL: peer disconnected\n");
    for (text, said) in [
        (&b"<html>HTTP/0.9</html>"[..], no_http),
        (b"\0\xff\x1b]0;x\x07\xe2\x80\xae\r\n\r\n", no_http),
        (b"HTTP/2.0 200 OK\r\n\r\n", no_http),
        (b"HTTP/1.1 20 OK\r\n\r\n", no_http),
        (b"HTTP/1.1 200 OK\r\nX: \x1b[2J\r\n\r\n", no_http),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", no_http),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", no_http),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nxx", no_http),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", no_http),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", no_http),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nx", no_http),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n", no_http),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx", ended),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", ended),
        (b"", ended),
    ] {
        fails_well("", "status == 201", said, move |stream| drop(stream.write_all(text)));
    }
}

#[test]
fn a_connection_that_is_reset_in_the_middle_is_no_answer() {
    // Where a body has no length, it ends with the connection; but not with its end by force.
    for said in ["", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "HTTP/1.1 200 OK\r\n\r\nhalf"] {
        fails_well("", "status == 201", "cannot ask URL: ", move |stream| {
            stream.write_all(said.as_bytes()).unwrap();
            // What is closed without time to linger is reset.
            set_socket_linger(&*stream, Some(Duration::ZERO)).unwrap();
        });
    }
}

#[test]
fn a_body_that_is_no_text_or_no_json_is_shown_clean() {
    let nested = format!("the body is not JSON: `{}…`, expected json $.a == 1", "[".repeat(200));
    for (body, said) in [
        (b"\xff\xfe\x00\x80".to_vec(), "the body is not JSON: `"),
        (b"{\"a\":1".to_vec(), "the body is not JSON: `{\"a\":1`, "),
        (b"{\"a\":1}}".to_vec(), "the body is not JSON: `{\"a\":1}}`, "),
        (b"{\"a\":\"\xff\"}".to_vec(), "$.a is "),
        (b"{\"a\":1e999}".to_vec(), "the body is not JSON: `"),
        ("[".repeat(100_000).into_bytes(), &nested),
        ("{\"a\":".repeat(100_000).into_bytes(), "the body is not JSON: `{\"a\":{\"a\":"),
        (b"{\"a\":\"\\u001b[2J\\u202e\\ud800\"}".to_vec(), "the body is not JSON: `"),
        (b"{\"a\":\"\\u001b[2J\\u202e\\u0085\"}".to_vec(), "$.a is \""),
        ("\u{1b}]0;x\u{7}\u{9b}31m\u{202e}\u{2066}\r\u{8}".into(), "the body is not JSON: `"),
    ] {
        let head = format!("HTTP/1.1 200 OK\r\nX-Turned: \u{202e}\u{9b}2J\r\nContent-Length: {}\r\n\r\n", body.len());
        let whole = [head.as_bytes(), &body].concat();
        fails_well("", "json $.a == 1", said, move |stream| drop(stream.write_all(&whole)));
    }
}

#[test]
fn what_is_compressed_stays_so() {
    let sandbox = Sandbox::new();
    let bomb = sandbox.write("bomb", vec![b'x'; 20 << 20]);
    sandbox.program("gzip".as_ref()).arg(&bomb).check();
    let bomb = std::fs::read(sandbox.path("bomb.gz")).unwrap();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", bomb.len());
    let whole = [head.as_bytes(), &bomb].concat();
    fails_well("", "body contains \"xxx\"", "the body does not: `", move |stream| drop(stream.write_all(&whole)));
}

#[test]
fn an_answer_that_has_no_body_has_none() {
    let text = "HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\nWelcome";
    let said = "the body is empty, expected ";
    fails_well("", "body contains \"Welcome\"", said, |stream| drop(stream.write_all(text.as_bytes())));
    fails_well("method = 'HEAD'", "body contains \"Welcome\"", said, |stream| {
        drop(stream.write_all(answer(200, "Welcome").as_bytes()));
    });
    fails_well("", "status == 201", "status is 204, ", |stream| {
        for_ever(stream, text.as_bytes(), b"x", FAST);
    });
}

#[test]
fn a_redirect_leads_to_nothing_but_the_web() {
    for (location, said) in [
        ("ftp://127.0.0.1/", "URL redirects to no address that can be asked\n"),
        ("//", "URL redirects to no address that can be asked\n"),
        // As a browser sends it.
        ("/\u{202e}\u{9b}2J", "URL: more than 3 redirects\n"),
        ("/\u{1b}[2J", "URL does not speak HTTP: http parse fail: invalid header value\n"),
        ("http://127.0.77.1:1/", "`http://127.0.77.1:1/` refuses the connection\n"),
        ("file:///etc/passwd", "URL redirects to no address that can be asked\n"),
        ("http://[::1", "URL redirects to no address that can be asked\n"),
    ] {
        fails_well("redirects = 3", "status == 201", said, move |stream| {
            let head = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
            drop(stream.write_all(head.as_bytes()));
        });
    }
}

#[test]
fn a_server_that_accepts_and_hangs_holds_nobody() {
    fails_well("", "status == 201", "no whole answer from URL within 0.3 s\n", hang);
    // The system accepts for it.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", silent.local_addr().unwrap());
    let sandbox = Sandbox::new();
    let run = smoke_measured(&sandbox, &once("http", &format!("url = '{url}'\ntimeout = '300ms'"), "'status == 200'"));
    run.code(1).stdout_has(format!("it  fail  no whole answer from {url} within 0.3 s\n")).any_stderr().check();
}

#[test]
fn large_documents_are_looked_at_one_at_a_time() {
    let sandbox = Sandbox::new();
    let page = answer(200, &format!("[{}1]", "1,".repeat(500_000)));
    let server = Server::answers(move |_| page.clone());
    let check = |number: usize| {
        once("http", &format!("url = '{}'", server.url("/")), "'json $..* == 2'")
            .replace("'it'", &format!("'{number}'"))
    };
    let checks: String = (0..16).map(check).collect();
    let run = smoke_measured(&sandbox, &checks).code(1).stdout_has("0   fail  $..* is 1, expected json $..* == 2");
    run.stdout_has("16 checks: 16 fail (").any_stderr().check();
    // A document, and what a path finds in it.
    assert!(sandbox.peak() <= 160 * 1024, "{} KiB", sandbox.peak());
}
