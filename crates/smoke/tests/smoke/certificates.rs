//! Checks of what a port shows in a TLS handshake, against servers that `openssl` runs and against others that speak no TLS.

use std::fs;
use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use testkit::Sandbox;

use crate::ports::{hang, listens, nobody, says};
use crate::tls::{Authority, Server};
use crate::{fails, once, page, passes, refuses, smoke};

/// A check of this server that trusts the authority; `more` are further lines of it.
fn check(authority: &Authority<'_>, server: &Server, more: &str, expect: &str) -> String {
    let lines = format!("address = '{}'\nca = '{}'\n{more}", server.address(), authority.pem().display());
    once("tls", &lines, expect)
}

/// A check of an address where Mozilla's list is trusted.
fn port(address: &str) -> String {
    once("tls", &format!("address = '{address}'"), "'trusted'")
}

#[test]
fn a_trusted_certificate_is_as_expected() {
    let sandbox = Sandbox::new();
    let authority = Authority::new(&sandbox);
    let server = authority.serve("DNS:localhost", 61, false);
    let expect = "['trusted', 'certificate > 14d', 'certificate >= 48h', 'protocol == \"TLSv1.3\"',
        'issuer contains \"CN=ca\"', 'issuer not contains \"Encrypt\"', 'time < 10s']";
    passes(&sandbox, &check(&authority, &server, "", expect), "TLSv1.3, certificate ends in 6");
}

#[test]
fn what_is_not_as_expected_says_what_is() {
    let sandbox = Sandbox::new();
    let authority = Authority::new(&sandbox);
    let server = authority.serve("DNS:localhost", 1, false);
    for (expect, said) in [
        // It is a second younger, or not.
        ("certificate > 14d", "the certificate ends in 2"),
        ("certificate >= 36h", " h, expected certificate >= 36h\n"),
        ("protocol == \"TLSv1.2\"", "protocol is TLSv1.3, expected protocol == \"TLSv1.2\"\n"),
        ("issuer contains \"Encrypt\"", "the issuer does not: `CN=ca`, expected issuer contains \"Encrypt\"\n"),
        ("issuer not contains \"ca\"", "the issuer has it, expected issuer not contains \"ca\"\n"),
        ("time < 1ms", "the handshake took "),
    ] {
        let checks = check(&authority, &server, "", &format!("'{expect}'"));
        smoke(&sandbox, &checks).code(1).stdout_has("it  fail  ").stdout_has(said).any_stderr().check();
    }
}

#[test]
fn an_old_protocol_is_told() {
    let sandbox = Sandbox::new();
    let authority = Authority::new(&sandbox);
    let server = authority.serve("DNS:localhost", 61, false);
    drop(server);
    let server = authority.serve_with("cert.pem", "key.pem", &["-no_tls1_3"]);
    passes(&sandbox, &check(&authority, &server, "", "'protocol != \"TLSv1.3\"'"), "TLSv1.2, certificate ends in 6");
}

#[test]
fn a_certificate_that_is_foreign_or_its_own_fails() {
    let sandbox = Sandbox::new();
    let authority = Authority::new(&sandbox);
    for (name, own, why) in [
        ("DNS:other.example", false, " is not for localhost, but for `DnsName(\"other.example\")`\n"),
        ("DNS:localhost", true, " was issued by nobody who is trusted\n"),
    ] {
        let server = authority.serve(name, 2, own);
        let said = format!("the certificate of {}{why}", server.address());
        fails(&sandbox, &check(&authority, &server, "", "'trusted'"), &said);
    }
    let server = authority.serve_with("ca.pem", "ca.key", &[]);
    let said = format!("the certificate of {} is that of an authority, ", server.address());
    fails(&sandbox, &check(&authority, &server, "", "'certificate > 1h'"), &said);
}

#[test]
fn a_certificate_that_is_over_or_has_not_begun_fails_with_the_day() {
    let sandbox = Sandbox::new();
    let authority = Authority::new(&sandbox);
    for (begin, end, why) in [
        ("20200101000000Z", "20200131235959Z", "ended on 2020-01-31T23:59:59Z"),
        ("20990101000000Z", "20991231235959Z", "begins on 2099-01-01T00:00:00Z"),
    ] {
        let server = authority.serve_from(begin, end);
        let said = format!("the certificate of {} {why}\n", server.address());
        fails(&sandbox, &check(&authority, &server, "", "'trusted'"), &said);
    }
}

#[test]
fn a_private_authority_is_trusted_only_where_that_is_said() {
    let sandbox = Sandbox::new();
    let authority = Authority::new(&sandbox);
    let server = authority.serve("DNS:localhost", 2, false);
    let said = format!("the certificate of {} was issued by nobody who is trusted\n", server.address());
    fails(&sandbox, &port(&server.address()), &said);
    // A relative path begins where a release or, by hand, the current directory is.
    let checks = once("tls", &format!("address = '{}'\nca = 'ca.pem'", server.address()), "'trusted'");
    passes(&sandbox, &checks, "TLSv1.3, certificate ends in ");
}

#[test]
fn one_that_signs_itself_is_trusted_as_the_documentation_says() {
    let sandbox = Sandbox::new();
    let docs = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/checks.md")).unwrap();
    let (_, line) = docs.split_once("\n```sh\nopenssl ").unwrap();
    let args = line.split("\n```").next().unwrap().replace('\\', "");
    let make = |args: &str| {
        sandbox.program("openssl".as_ref()).args(args.split_whitespace()).any_stdout().any_stderr().check();
        Authority::new(&sandbox).serve_with("cert.pem", "key.pem", &[])
    };
    let check =
        |server: &Server| once("tls", &format!("address = '{}'\nca = 'cert.pem'", server.address()), "'trusted'");
    passes(&sandbox, &check(&make(&args)), "TLSv1.3, certificate ends in ");
    let server = make(&args.replace("-addext basicConstraints=CA:FALSE", ""));
    let said = format!("the certificate of {} is that of an authority, ", server.address());
    fails(&sandbox, &check(&server), &said);
}

#[test]
fn a_server_may_be_known_by_another_name_than_its_host() {
    let sandbox = Sandbox::new();
    let authority = Authority::new(&sandbox);
    let server = authority.serve("DNS:www.example.org,IP:127.0.0.1", 2, false);
    let checks = check(&authority, &server, "server_name = 'www.example.org'", "'trusted'");
    passes(&sandbox, &checks, "TLSv1.3, ");
    passes(&sandbox, &checks.replace("www.example.org", "127.0.0.1"), "TLSv1.3, ");
    fails(&sandbox, &checks.replace("www.example.org", "example.org"), "the certificate of localhost:");
}

#[test]
fn a_port_that_speaks_no_tls_fails() {
    let sandbox = Sandbox::new();
    let address = says(b"SSH-2.0-OpenSSH_9.9\r\n");
    fails(&sandbox, &port(&address), &format!("{address} does not speak TLS\n"));
    let address = listens(|mut stream| {
        // What it was told is read, so that the end is no reset.
        drop(stream.read(&mut [0; 4096]));
    });
    fails(&sandbox, &port(&address), &format!("{address} ends the connection in the middle of the handshake\n"));
    let address = nobody();
    fails(&sandbox, &port(&address), &format!("{address} refuses the connection\n"));
    fails(&sandbox, &port("no-such-host.invalid:443"), "the name of no-such-host.invalid:443 cannot be resolved\n");
}

#[test]
fn a_reset_fails() {
    let sandbox = Sandbox::new();
    // To close a connection that holds unread input resets it.
    let address = listens(|stream| drop(stream.peek(&mut [0])));
    fails(&sandbox, &port(&address), &format!("cannot shake hands with {address}: connection reset"));
}

#[test]
fn a_server_that_hangs_or_trickles_is_given_up_in_time() {
    let sandbox = Sandbox::new();
    let late = |address: &str| {
        let said = format!("no handshake with {address} within 0.5 s\n");
        fails(&sandbox, &(port(address) + "timeout = '500ms'\n"), &said);
    };
    late(&listens(|stream| hang(&stream)));
    // A record of 16 KiB (RFC 8446, 5.1), a byte at a time: each comes long before the timeout.
    late(&listens(|mut stream| {
        let mut record = [0x16, 3, 3, 0x40, 0].into_iter().chain(std::iter::repeat(0));
        while stream.write_all(&[record.next().unwrap()]).is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    }));
}

#[test]
fn an_alert_is_told() {
    let sandbox = Sandbox::new();
    // handshake_failure (RFC 8446, 6)
    let address = says(b"\x15\x03\x03\x00\x02\x02\x28");
    fails(&sandbox, &port(&address), &format!("{address} refuses the handshake: HandshakeFailure\n"));
}

#[test]
fn certificates_that_cannot_be_read_are_an_error_of_ours() {
    let sandbox = Sandbox::new();
    sandbox.write("empty.pem", "nothing\n");
    for (file, why) in [("nowhere.pem", "no such file or directory"), ("empty.pem", "there is none")] {
        let checks = once("tls", &format!("address = 'localhost:1'\nca = '{file}'"), "'trusted'");
        let run = smoke(&sandbox, &checks).code(74).any_stderr();
        run.stdout_has("it  error  cannot read the certificates in ").stdout_has(why).check();
    }
}

#[test]
fn what_is_not_understood_is_said() {
    let sandbox = Sandbox::new();
    for (lines, expect, said) in [
        ("", "trusted", "check `it`: `address` is missing: a host and a port"),
        ("address = 'localhost'", "trusted", "`address` must be a host and a port"),
        (
            "address = 'localhost:1'\nserver_name = 'a b'",
            "trusted",
            "`server_name` must be a name that a certificate can",
        ),
        ("address = 'größe:1'", "trusted", "no certificate can hold the name of this host"),
        (
            "address = 'localhost:1'",
            "certificate > 14",
            "column 15: expected a number of days or hours such as 14d or 36h",
        ),
        ("address = 'localhost:1'", "certificate < 14d", "column 13: expected >= or >"),
        ("address = 'localhost:1'", "protocol == 'SSLv3'", "expected \"TLSv1.2\" or \"TLSv1.3\", in quotes"),
        ("address = 'localhost:1'", "trusted 1", "column 9: expected the end"),
        ("address = 'localhost:1'", "status == 200", "expected trusted, certificate, protocol, issuer or time (a tls"),
    ] {
        refuses(&sandbox, &once("tls", lines, &format!("\"{expect}\"")), said);
    }
}

#[test]
fn a_page_may_be_asked_for_its_certificate_too() {
    let sandbox = Sandbox::new();
    let authority = Authority::new(&sandbox);
    let server = authority.serve("DNS:localhost", 61, false);
    let ca = authority.pem().display().to_string();
    let checks =
        |expect: &str| page(&format!("https://{}/", server.address()), &format!("ca = '{ca}'\nexpect = {expect}"));
    let passing = checks("['status == 200', 'certificate > 14d']");
    smoke(&sandbox, &passing).stdout_has("page  pass  status 200, certificate ends in 6").check();
    smoke(&sandbox, &checks("'certificate > 90d'"))
        .code(1)
        .stdout_has("page  fail  the certificate ends in 6")
        .stdout_has(" days, expected certificate > 90d")
        .any_stderr()
        .check();
    let unlike = checks("['status == 500', 'certificate > 14d']");
    smoke(&sandbox, &unlike).code(1).stdout_has("page  fail  status is 200, ").any_stderr().check();
    smoke(&sandbox, &checks("'certificate > 14d'").replace("localhost:", "127.0.0.1:"))
        .code(1)
        .stdout_has("certificate not valid for name")
        .any_stderr()
        .check();
}

#[test]
fn only_an_address_with_tls_has_a_certificate() {
    let sandbox = Sandbox::new();
    for more in ["", "\nsocket = '/run/app.sock'"] {
        let checks = page("http://localhost:1/", &format!("expect = 'certificate > 14d'{more}"));
        let said = "check `page`: only an address that begins with https:// has a `certificate`";
        refuses(&sandbox, &checks, said);
    }
    let checks = "[[check]]\nname = 'it'\nkind = 'flow'\n[[check.step]]\nname = 'one'\nurl = 'https://localhost:1/'\n";
    let run = smoke(&sandbox, &format!("{checks}expect = 'certificate > 14d'\n")).code(78);
    run.stderr_has("expected status, header, body, json or time (a step)").check();
}
