//! Checks of a port, against real sockets that behave as servers do.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use testkit::Sandbox;

use crate::{fails, once, passes, refuses, smoke};

/// A server that does this with every connection; its address.
pub(crate) fn listens(behave: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> String {
    listens_at("127.0.0.1:0", behave)
}

fn listens_at(address: &str, behave: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> String {
    let listener = TcpListener::bind(address).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let behave = behave.clone();
            thread::spawn(move || behave(stream.unwrap()));
        }
    });
    address
}

/// Waits until the client goes away.
pub(crate) fn hang(mut stream: &TcpStream) {
    drop(stream.read_to_end(&mut Vec::new()));
}

pub(crate) fn says(greeting: &'static [u8]) -> String {
    listens(move |mut stream| {
        drop(stream.write_all(greeting));
        hang(&stream);
    })
}

/// A port where nobody listens, of an address of its own.
pub(crate) fn nobody() -> String {
    TcpListener::bind("127.0.88.1:0").unwrap().local_addr().unwrap().to_string()
}

fn port(address: &str, expect: &str) -> String {
    once("tcp", &format!("address = '{address}'"), expect)
}

#[test]
fn an_open_port_is_open_and_not_closed() {
    let sandbox = Sandbox::new();
    let address = listens(|stream| hang(&stream));
    passes(&sandbox, &port(&address, "['open', 'time < 10s']"), "open, ");
    fails(&sandbox, &port(&address, "'closed'"), "something accepts the connection, expected closed\n");
    let slow = port(&address, "'time < 1ms'").replace("1ms", "0ms");
    refuses(&sandbox, &slow, "a length of time");
}

#[test]
fn a_port_where_nobody_listens_is_closed_and_not_open() {
    let sandbox = Sandbox::new();
    let address = nobody();
    passes(&sandbox, &port(&address, "'closed'"), "closed: it refuses the connection\n");
    fails(&sandbox, &port(&address, "'open'"), &format!("{address} refuses the connection\n"));
    fails(&sandbox, &port(&address, "'banner not contains \"x\"'"), &format!("{address} refuses the connection\n"));
}

#[test]
fn an_ipv6_address_stands_in_brackets_and_a_name_is_looked_up() {
    let sandbox = Sandbox::new();
    let address = listens_at("[::1]:0", |stream| hang(&stream));
    passes(&sandbox, &port(&address, "'open'"), "open, ");
    let address = listens(|stream| hang(&stream)).replace("127.0.0.1", "localhost");
    passes(&sandbox, &port(&address, "'open'"), "open, ");
}

#[test]
fn a_name_that_cannot_be_resolved_fails_also_where_closed_is_expected() {
    let sandbox = Sandbox::new();
    for expect in ["'open'", "'closed'"] {
        fails(
            &sandbox,
            &port("no-such-host.invalid:80", expect),
            "the name of no-such-host.invalid:80 cannot be resolved",
        );
    }
}

#[test]
fn a_port_that_swallows_connections_is_closed_in_time() {
    let sandbox = Sandbox::new();
    // A backlog that is full: the kernel drops what comes, as a firewall does.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut held = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        held.push(stream);
    }
    let checks = |expect: &str| port(&address.to_string(), expect) + "timeout = '500ms'\n";
    passes(&sandbox, &checks("'closed'"), "closed: no answer within 0.5 s\n");
    fails(&sandbox, &checks("'open'"), &format!("no answer from {address} within 0.5 s\n"));
}

#[test]
fn what_a_server_says_first_is_its_banner() {
    let sandbox = Sandbox::new();
    let address = says(b"SSH-2.0-OpenSSH_9.9\r\n");
    let expect = "['banner contains \"SSH-2.0\"', 'banner not contains \"dropbear\"']";
    passes(&sandbox, &port(&address, expect), "open, ");
    let other = port(&address, "'banner contains \"220 \"'") + "timeout = '500ms'\n";
    fails(&sandbox, &other, "the banner does not: `SSH-2.0-OpenSSH_9.9`, expected banner contains \"220 \"\n");
    fails(&sandbox, &port(&address, "'banner not contains \"SSH\"'"), "the banner has it, expected ");
}

#[test]
fn a_banner_may_come_in_pieces() {
    let sandbox = Sandbox::new();
    let address = listens(|mut stream| {
        for piece in [&b"220-wel"[..], b"come\r\n", b"220 ready\r\n"] {
            drop(stream.write_all(piece));
            drop(stream.flush());
            thread::sleep(Duration::from_millis(30));
        }
        hang(&stream);
    });
    passes(&sandbox, &port(&address, "'banner contains \"220 ready\"'"), "open, ");
}

#[test]
fn a_server_that_accepts_and_hangs_fails_a_banner_in_time() {
    let sandbox = Sandbox::new();
    let address = listens(|stream| hang(&stream));
    for expect in ["'banner contains \"SSH\"'", "'banner not contains \"SSH\"'"] {
        let checks = port(&address, expect) + "timeout = '500ms'\n";
        fails(&sandbox, &checks, &format!("{address} accepts, and says nothing within 0.5 s\n"));
    }
    let closing = listens(drop);
    fails(
        &sandbox,
        &port(&closing, "'banner contains \"SSH\"'"),
        &format!("{closing} accepts, and ends without a word\n"),
    );
}

#[test]
fn an_endless_or_dripping_banner_keeps_nobody() {
    let sandbox = Sandbox::new();
    let endless = listens(|mut stream| while stream.write_all(&[b'x'; 4096]).is_ok() {});
    // Nobody knows what it goes on with.
    for expect in ["'banner contains \"SSH\"'", "'banner not contains \"SSH\"'", "'banner matches \"^x+$\"'"] {
        fails(&sandbox, &port(&endless, expect), "the banner is longer than is read, expected banner ");
    }
    let dripping = listens(|mut stream| {
        while stream.write_all(b"y").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let checks = port(&dripping, "'banner contains \"SSH\"'") + "timeout = '500ms'\n";
    // Not cut: it was not listened to until there was too much of it.
    smoke(&sandbox, &checks)
        .code(1)
        .stdout_has("the banner does not: `y")
        .stdout_has("y`, expected")
        .any_stderr()
        .check();
}

#[test]
fn a_banner_that_is_no_text_steers_no_terminal() {
    let sandbox = Sandbox::new();
    let address = says(b"\x1b[2J\xff\xfe\x9b31m\x07\n");
    let checks = port(&address, "'banner contains \"SSH\"'") + "timeout = '500ms'\n";
    let ran = smoke(&sandbox, &checks).code(1).stdout_has("the banner does not: `").any_stderr().check();
    assert!(!(ran.stdout + &ran.stderr + &sandbox.read("prod/journal.ndjson")).contains(['\u{1b}', '\u{9b}', '\u{7}']));
}

#[test]
fn a_port_that_opens_late_is_waited_for_after_an_activation() {
    let sandbox = Sandbox::new();
    let address = nobody();
    let later = address.clone();
    let server = thread::spawn(move || {
        thread::sleep(Duration::from_millis(600));
        listens_at(&later, |stream| hang(&stream))
    });
    let run = smoke(&sandbox, &port(&address, "'open'")).args(["--startup-wait", "60s"]);
    run.stdout_has("it  pass  open, ").check();
    server.join().unwrap();
}
