//! Checks of PostgreSQL and MariaDB servers without a login, against real ones and against some that only look like one.

use std::io::{Read, Write};
use std::iter;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use testkit::{Mariadb, Postgres, Sandbox};

use crate::ports::{hang, listens, nobody, says};
use crate::{fails, once, passes, smoke};

fn check(kind: &str, address: &str, expect: &str) -> String {
    once(kind, &format!("address = '{address}'"), expect)
}

/// A server that says this to whoever has said something.
fn answers(words: &'static [u8]) -> String {
    listens(move |mut stream| {
        drop(stream.read(&mut [0; 1024]));
        drop(stream.write_all(words));
        hang(&stream);
    })
}

fn on_loopback(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

#[test]
fn a_postgres_server_answers_whoever_asks() {
    let sandbox = Sandbox::new();
    let server = Postgres::shared();
    let checks = check("postgres", &on_loopback(server.port()), "['answers', 'time < 10s']");
    passes(&sandbox, &checks, "answers, ");
    let database = server.fresh();
    sandbox.set("DATABASE_URL", &database.url());
    passes(&sandbox, &once("postgres", "", "'answers'"), "answers, ");
    let of_url = once("postgres", "database = '${DATABASE_URL}'", "'answers'");
    passes(&sandbox, &of_url, "answers, ");
    let plan = smoke(&sandbox, &of_url).arg("--dry-run").stdout_has(on_loopback(server.port())).check();
    assert!(!plan.stdout.contains(database.password()));
}

#[test]
fn a_mariadb_server_greets_with_its_version() {
    let sandbox = Sandbox::new();
    let server = Mariadb::shared();
    let address = on_loopback(server.port());
    let expect = "['answers', 'version contains \"MariaDB\"', 'version not matches \"^5[.]5\"', 'time < 10s']";
    passes(&sandbox, &check("mysql", &address, expect), "answers, version `1");
    fails(&sandbox, &check("mysql", &address, "'version contains \"8.4\"'"), "the version does not: `1");
    sandbox.set("DATABASE_URL", &server.fresh().url());
    passes(&sandbox, &once("mysql", "", "'answers'"), "answers, version `");
}

#[test]
fn a_slow_answer_fails() {
    let sandbox = Sandbox::new();
    let slow = listens(|mut stream| {
        drop(stream.read(&mut [0; 1024]));
        thread::sleep(Duration::from_millis(20));
        drop(stream.write_all(b"R\0\0\0\x08\0\0\0\x03"));
        hang(&stream);
    });
    fails(&sandbox, &check("postgres", &slow, "['answers', 'time < 20ms']"), "the answer took ");
    passes(&sandbox, &check("postgres", &slow, "['answers', 'time < 10s']"), "answers, ");
}

#[test]
fn a_postgres_server_that_lets_nobody_in_fails_and_one_that_refuses_somebody_answers() {
    let sandbox = Sandbox::new();
    let error = |words: &'static [u8]| answers(words);
    let starting = error(b"E\0\0\0\x4aSFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0Fpostmaster.c\0\0");
    let said = format!("{starting} refuses: `the database system is starting up (57P03)`\n");
    fails(&sandbox, &check("postgres", &starting, "'answers'"), &said);
    let full = error(b"E\0\0\0\x3bSFATAL\0C53300\0Msorry, too many clients already\0Rx\0Fx\0\0\0");
    fails(
        &sandbox,
        &check("postgres", &full, "'answers'"),
        &format!("{full} refuses: `sorry, too many clients already (53300)`"),
    );
    let unknown = error(b"E\0\0\0\x2bSFATAL\0C28000\0Mno pg_hba.conf entry \0\0\0");
    passes(&sandbox, &check("postgres", &unknown, "'answers'"), "answers, ");
}

#[test]
fn a_mariadb_server_that_is_full_fails() {
    let sandbox = Sandbox::new();
    let server = Mariadb::start();
    server.sql("SET GLOBAL max_connections = 10");
    let address = on_loopback(server.port());
    let held: Vec<TcpStream> = (0..12).map(|_| TcpStream::connect(&address).unwrap()).collect();
    let said = format!("{address} refuses: `Too many connections (1040)`\n");
    fails(&sandbox, &check("mysql", &address, "'answers'"), &said);
    drop(held);
    let checks = check("mysql", &address, "'answers'").replace("attempts = 1", "attempts = 100\ninterval = '50ms'");
    smoke(&sandbox, &checks).stdout_has("answers, version `1").check();
}

#[test]
fn a_server_that_is_down_or_stands_still_fails_in_time() {
    let sandbox = Sandbox::new();
    let (postgres, mariadb) = (Postgres::start(), Mariadb::start());
    for (kind, server) in [("postgres", &*postgres), ("mysql", &*mariadb)] {
        let checks = check(kind, &on_loopback(server.port()), "'answers'") + "timeout = '500ms'\n";
        server.pause();
        let said = format!("{} accepts, and does not answer within 0.5 s\n", on_loopback(server.port()));
        fails(&sandbox, &checks, &said);
        server.resume();
        server.stop();
        fails(&sandbox, &checks, &format!("{} refuses the connection\n", on_loopback(server.port())));
    }
    let address = nobody();
    fails(&sandbox, &check("postgres", &address, "'answers'"), &format!("{address} refuses the connection\n"));
}

#[test]
fn what_speaks_something_else_fails() {
    let sandbox = Sandbox::new();
    let foreign = |kind: &str, protocol: &str, address: &str| {
        let said = format!("{address} does not speak {protocol}'s protocol: it says `");
        fails(&sandbox, &check(kind, address, "'answers'"), &said);
    };
    foreign("postgres", "PostgreSQL", &answers(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    foreign("postgres", "PostgreSQL", &answers(b"-ERR unknown command\r\n"));
    foreign("postgres", "PostgreSQL", &answers(b"R\x7f\xff\xff\xff"));
    foreign("postgres", "PostgreSQL", &answers(b"R\0\0\0\x04"));
    foreign("mysql", "MySQL", &says(b"SSH-2.0-OpenSSH_9.9\r\n"));
    foreign("mysql", "MySQL", &says(b"\xff\xff\xff\0\x0a"));
    foreign("mysql", "MySQL", &says(b"\x05\0\0\0\x09old\0"));
    // Each waits for the other to say something first.
    let address = on_loopback(Postgres::shared().port());
    let checks = check("mysql", &address, "'answers'") + "timeout = '500ms'\n";
    fails(&sandbox, &checks, &format!("{address} accepts, and does not answer within 0.5 s\n"));
    let address = on_loopback(Mariadb::shared().port());
    foreign("postgres", "PostgreSQL", &address);
}

#[test]
fn an_answer_that_comes_a_byte_at_a_time_ends_with_the_timeout() {
    let sandbox = Sandbox::new();
    let trickle = |begin: &'static [u8]| {
        listens(move |mut stream| {
            let mut bytes = begin.iter().copied().chain(iter::repeat(b'x'));
            while stream.write_all(&[bytes.next().unwrap()]).is_ok() {
                thread::sleep(Duration::from_millis(20));
            }
        })
    };
    for (kind, begin) in
        [("postgres", b"R\0\0\x70\0".as_slice()), ("mysql", b"\0\x0f\0\0\x0a"), ("redis", b"$100000\r\n")]
    {
        let address = trickle(begin);
        let checks = check(kind, &address, "'answers'") + "timeout = '500ms'\n";
        fails(&sandbox, &checks, &format!("{address} does not answer to the end within 0.5 s\n"));
    }
}

#[test]
fn half_an_answer_fails_in_time() {
    let sandbox = Sandbox::new();
    for (kind, address) in [("postgres", answers(b"R\0\0\0\x08\0")), ("mysql", says(b"\x50\0\0\0\x0a8.0"))] {
        let checks = check(kind, &address, "'answers'") + "timeout = '500ms'\n";
        fails(&sandbox, &checks, &format!("{address} does not answer to the end within 0.5 s\n"));
    }
}

#[test]
fn what_is_not_understood_is_said() {
    let sandbox = Sandbox::new();
    for (kind, lines, expect, said) in [
        ("postgres", "", "answers", "its `database` is that of DATABASE_URL: DATABASE_URL is not set"),
        ("postgres", "address = 'localhost'", "answers", "`address` must be a host and a port"),
        ("postgres", "address = 'localhost:1'", "version contains \"1\"", "PostgreSQL tells its version to nobody"),
        (
            "postgres",
            "address = 'localhost:1'",
            "rows[0][0] == 1",
            "expected answers, version or time (without a query)",
        ),
        ("mysql", "address = 'localhost:1'\nquery = 'select 1'", "count == 1", "a query needs a `database`"),
        (
            "mysql",
            "address = 'localhost:1'\ndatabase = 'mysql://h/d'",
            "answers",
            "an `address` or a `database`, not both",
        ),
        (
            "mysql",
            "database = 'postgres://u:s3cret@h/d'",
            "answers",
            "postgres://h/d is no database of MySQL or MariaDB",
        ),
        ("postgres", "database = 'mysql://u:s3cret@h/d'", "answers", "mysql://h/d is no database of PostgreSQL"),
        ("postgres", "database = 'postgres:///app?host=/run'", "answers", "reached by a socket needs a `query`"),
        ("mysql", "database = 's3cret'", "answers", "it has no `://`"),
    ] {
        let run = smoke(&sandbox, &once(kind, lines, &format!("'{expect}'"))).code(78).stderr_has(said);
        assert!(!run.check().stderr.contains("s3cret"));
    }
}
