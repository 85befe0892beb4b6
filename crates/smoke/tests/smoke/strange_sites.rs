//! Crawls of sites such as no web server has by itself.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::thread;
use std::time::Duration;

use testkit::{Sandbox, kill, wait_until};

use crate::crawls::crawl;
use crate::server::{Closed, Request, Server, hang};
use crate::{fails, passes, smoke};

/// A page of HTML.
fn html(body: &str) -> String {
    typed("text/html; charset=utf-8", body)
}

fn typed(kind: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

fn status(line: &str) -> String {
    format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

/// What is asked for, `GET /a`, of each request.
fn asked(server: &Server) -> Vec<String> {
    let mut lines: Vec<String> = server.requests().into_iter().map(|request| request.line).collect();
    lines.sort();
    lines
}

fn path(request: &Request) -> &str {
    request.line.split(' ').nth(1).unwrap()
}

#[test]
fn a_start_where_nobody_listens_counts_as_an_app_that_is_starting() {
    let sandbox = Sandbox::new();
    let closed = Closed::new();
    let url = closed.url("/");
    fails(&sandbox, &crawl(&url, "", "'broken == 0'"), &format!("{url} refuses the connection\n"));
    let hanging = Server::behaves(|_, stream| hang(stream));
    let checks = crawl(&hanging.url("/"), "timeout = '300ms'", "'broken == 0'");
    fails(&sandbox, &checks, &format!("no whole answer from {} within 0.3 s\n", hanging.url("/")));
    let later = thread::spawn(move || {
        thread::sleep(Duration::from_millis(600));
        closed.open(|_| html(""))
    });
    smoke(&sandbox, &crawl(&url, "", "'broken == 0'"))
        .args(["--startup-wait", "60s"])
        .stdout_has("1 address, 0 broken")
        .check();
    drop(later.join().unwrap());
}

#[test]
fn a_site_without_end_ends_at_the_limits() {
    let sandbox = Sandbox::new();
    let calendar = |request: &Request| {
        let day: u64 = path(request).rsplit('=').next().unwrap().parse().unwrap_or(0);
        html(&format!("<a href='/?day={}'>x</a><a href='?same&day={}'>x</a>", day + 1, day + 2))
    };
    let server = Server::answers(calendar);
    passes(
        &sandbox,
        &crawl(&server.url("/"), "depth = 3", "['broken == 0', 'pages > 10']"),
        "11 addresses, 0 broken, ",
    );
    let server = Server::answers(calendar);
    let run = smoke(&sandbox, &crawl(&server.url("/"), "depth = 20\npages = 30", "'broken == 0'"));
    run.stdout_has("30 addresses, 0 broken, ").stdout_has(" ms; there are more than `pages` allows\n").check();
    assert_eq!(server.requests().len(), 30);
    let server = Server::answers(calendar);
    passes(&sandbox, &crawl(&server.url("/"), "depth = 0", "'broken == 0'"), "1 address, 0 broken, ");
}

#[test]
fn a_page_of_ten_thousand_links_and_one_that_is_too_long_do_no_harm() {
    let sandbox = Sandbox::new();
    let links = (0..10_000).map(|n| format!("<a href=/{n}>x</a>")).collect::<Vec<_>>().concat();
    let long = format!("<a href=/{}>x</a>{links}", "y".repeat(3_000));
    let server = Server::answers(move |request| html(if path(request) == "/" { &long } else { "" }));
    let run = smoke(&sandbox, &crawl(&server.url("/"), "pages = 20", "'broken == 0'"));
    run.stdout_has("20 addresses, 0 broken, ").stdout_has("; 1 address too long to be asked\n").check();
    assert_eq!(server.requests().len(), 20);
}

#[test]
fn redirects_without_end_are_broken() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|request| match path(request) {
        "/" => html("<a href=/r0>x</a><a href=/nowhere>x</a>"),
        "/nowhere" => status("302 Found"),
        hop => {
            let hop: u32 = hop[2..].parse().unwrap();
            status(&format!("302 Found\r\nLocation: /r{}", hop + 1))
        }
    });
    let checks = crawl(&server.url("/"), "redirects = 2", "'broken == 0'");
    fails(
        &sandbox,
        &checks,
        "2 are broken: /nowhere (302 without an address, linked from /), \
         /r2 (redirects more than 2 times, redirected from /r0, linked from /), expected broken == 0\n",
    );
    assert_eq!(server.requests().len(), 5);
}

#[test]
fn an_endless_body_a_packed_page_and_garbage_do_no_harm() {
    let sandbox = Sandbox::new();
    let server = Server::behaves(|request, stream| {
        let text = match path(request) {
            "/" => html("<a href=/endless>x</a><a href=/packed>x</a><a href=/garbage>x</a><img src=/bytes>"),
            "/packed" => html("<a href=/never>x</a>").replacen("\r\n", "\r\nContent-Encoding: gzip\r\n", 1),
            "/bytes" => typed("image/png", "\u{0}"),
            "/garbage" => {
                let page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<a href='/\xff\xfe'<<<a href=\x1b[2J>\xc3";
                drop(stream.write_all(page));
                return;
            }
            "/endless" => {
                drop(stream.write_all(
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<a href=/last>x</a>",
                ));
                while stream.write_all(&[b'x'; 4096]).is_ok() {}
                return;
            }
            "/last" => html(""),
            _ => status("404 Not Found"),
        };
        drop(stream.write_all(text.as_bytes()));
    });
    let ran = smoke(&sandbox, &crawl(&server.url("/"), "", "['broken < 5', 'pages >= 6']"))
        .stdout_has("; 2 addresses not read to the end\n")
        .check();
    assert!(asked(&server).contains(&"GET /last".to_owned()));
    assert!(!asked(&server).contains(&"GET /never".to_owned()));
    assert!(!(ran.stdout + &sandbox.read("prod/journal.ndjson")).contains(['\u{1b}', '\u{202e}']));
}

#[test]
fn links_of_others_are_asked_only_where_that_is_wanted_and_never_fail() {
    let sandbox = Sandbox::new();
    let other = Server::answers(|request| match (path(request), &request.line[..4]) {
        ("/no-head", "HEAD") => status("405 Method Not Allowed"),
        ("/gone?token=s3cret", _) => status("404 Not Found"),
        _ => status("200 OK"),
    });
    let closed = Closed::new();
    let page = format!(
        "<a href='{}'>x</a><a href='{}'>x</a><a href='{}'>x</a><a href='{}'>x</a><a href=/away>x</a>",
        other.url("/"),
        other.url("/no-head"),
        other.url("/gone?token=s3cret#a"),
        closed.url("/")
    );
    let away = other.url("/away");
    let server = Server::answers(move |request| match path(request) {
        "/" => html(&page),
        _ => status(&format!("302 Found\r\nLocation: {away}")),
    });
    let lines = "headers = { X-Key = 'mine' }\nbasic = 'me:pw'";
    passes(&sandbox, &crawl(&server.url("/"), lines, "'broken == 0'"), "2 addresses, 0 broken, ");
    assert_eq!(other.requests().len(), 0);
    let run = smoke(&sandbox, &crawl(&server.url("/"), &format!("{lines}\nexternal = 'warn'"), "'broken == 0'"));
    let said = format!(
        "; elsewhere 2 are broken: {} (404, linked from /), {} (it, or where it leads, refuses the connection, linked from /)\n",
        other.url("/gone?…"),
        closed.url("/")
    );
    run.stdout_has("2 addresses, 0 broken, ").stdout_has(said).check();
    assert_eq!(asked(&other), ["GET /no-head", "HEAD /", "HEAD /away", "HEAD /gone?token=s3cret", "HEAD /no-head"]);
    let headers: Vec<String> = other.requests().into_iter().flat_map(|request| request.headers).collect();
    assert!(
        !headers.iter().any(|header| header.contains("mine") || header.starts_with("authorization")),
        "{headers:?}"
    );
    let own: Vec<String> = server.requests().into_iter().flat_map(|request| request.headers).collect();
    assert_eq!(own.iter().filter(|header| *header == "x-key: mine").count(), 4);
}

/// Servers may do so at any time (RFC 9112, 9.3.1), and a page that is found meanwhile must not look broken.
#[test]
fn a_server_that_ends_its_connections_without_a_word_is_asked_again() {
    let sandbox = Sandbox::new();
    let links = (0..60).map(|n| format!("<a href=/{n}>x</a>")).collect::<Vec<_>>().concat();
    let page = html(&links).replace("Connection: close\r\n", "");
    let server = Server::answers({
        let page = page.clone();
        move |_| page.clone()
    });
    passes(&sandbox, &crawl(&server.url("/"), "per_host = 2", "'broken == 0'"), "61 addresses, 0 broken, ");
    let path = sandbox.path("app.sock");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut head) = (stream.unwrap(), [0; 1024]);
            let length = stream.read(&mut head).unwrap();
            assert!(head[..length].ends_with(b"\r\n\r\n"));
            stream.write_all(page.as_bytes()).unwrap();
        }
    });
    let checks = crawl("http://app.example/", &format!("socket = '{}'\nper_host = 2", path.display()), "'broken == 0'");
    passes(&sandbox, &checks, "61 addresses, 0 broken, ");
}

#[test]
fn what_is_ignored_is_not_asked_and_a_download_is_not_fetched() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|request| match path(request) {
        "/" => html(
            "<a href='/logout?next=/'>x</a><a href=/a/1/edit>x</a><a href=/big download>x</a><a href=/to-logout>x</a>",
        ),
        "/to-logout" => status("302 Found\r\nLocation: /logout"),
        _ => status("200 OK"),
    });
    passes(
        &sandbox,
        &crawl(&server.url("/"), "ignore = ['/logout', '/a/*/edit$']", "'broken == 0'"),
        "3 addresses, 0 broken, ",
    );
    assert_eq!(asked(&server), ["GET /", "GET /to-logout", "HEAD /big"]);
}

#[test]
fn no_secret_of_a_query_is_shown() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|request| match path(request) {
        "/" => html("<a href='/a?id=7&amp;token=s3cret-one&amp;sig=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'>x</a>"),
        _ => status("404 Not Found"),
    });
    fails(
        &sandbox,
        &crawl(&server.url("/"), "", "'broken == 0'"),
        "1 is broken: /a?id=7&token=…&sig=… (404, linked from /), ",
    );
    assert!(!sandbox.read("prod/journal.ndjson").contains("s3cret-one"));
}

#[test]
fn a_signal_ends_a_crawl_at_once() {
    let sandbox = Sandbox::new();
    let server = Server::behaves(|request, stream| {
        if path(request) == "/" {
            drop(stream.write_all(html("<a href=/slow>x</a>").as_bytes()));
        } else {
            hang(stream);
        }
    });
    let checks = crawl(&server.url("/"), "timeout = '10m'", "'broken == 0'");
    let mut child = smoke(&sandbox, &checks).args(["--deadline", "10m"]).spawn();
    wait_until("the page that hangs is asked", || server.requests().len() == 2);
    kill("TERM", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(143));
}
