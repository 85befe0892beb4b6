//! What is dumped and counted, and what is refused.

use std::io::Read;
use std::time::Duration;

use db::engine::{Server, Text as _};
use db::mysql::Text;
use db::{Deadline, Format};
use testkit::{Database, Mariadb, Wish};

use crate::{code, connect, connected, deadline, dump};

#[test]
fn a_server_is_asked_by_tcp_and_by_its_socket() {
    let database = Mariadb::shared().fresh();
    for url in [database.url(), database.socket_url(), database.url().replace("127.0.0.1", "localhost")] {
        let server = connected(&url);
        assert!(server.version().contains("MariaDB") && server.client_version().contains("MariaDB"), "{url}");
        assert_eq!(server.size(&deadline()).unwrap(), Some(0), "{url}");
        assert_eq!(server.prepare(&deadline()).unwrap(), "");
    }
}

#[test]
fn a_rich_database_is_counted_alike_by_the_server_and_in_its_dump() {
    let database = Mariadb::shared().fresh_creator();
    database.rich();
    database.rich_as_admin();
    database.sql_as_app("UPDATE versioned SET a = 7 WHERE a = 1; DELETE FROM versioned WHERE a = 2; SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'");
    let server = connected(&database.url());
    server.prepare(&deadline()).unwrap();
    let (text, census) = dump(&server).unwrap();
    assert_eq!(census, server.census(&deadline()).unwrap());
    assert_eq!(census["versioned"], 3, "the past is dumped too");
    assert_eq!((census["texts"], census["empty"], census["-- no comment"]), (39, 0, 3));
    assert!(!census.contains_key("z view") && !census.contains_key("counting"));
    assert!(server.size(&deadline()).unwrap().unwrap() > 100_000);
    let mut harmless = Text::default();
    text.chunks(1000).for_each(|bytes| harmless.read(bytes));
    harmless.require_harmless().unwrap();
    let again = dump(&server).unwrap();
    assert!(text == again.0 && !text.windows(database.name().len()).any(|name| name == b"CREATE DATABASE"));
    let warnings = server.warnings(&deadline()).unwrap().join("\n");
    assert!(warnings.contains("`of_aria`, `of_myisam`") || warnings.contains("`of_myisam`, `of_aria`"), "{warnings}");
}

#[test]
fn a_database_that_is_not_there_is_told_from_one_that_may_not_be_seen() {
    let (database, other) = (Mariadb::shared().fresh(), Mariadb::shared().fresh());
    let absent = connected(&Mariadb::shared().admin_url().replace("/mysql", "/not_there"));
    assert_eq!(absent.size(&deadline()).unwrap(), None);
    assert_eq!(code(dump(&absent)).0, 66);
    let hidden = connected(&database.url().replace(database.name(), other.name()));
    assert_eq!(code(hidden.size(&deadline())).0, 77);
}

#[test]
fn who_is_not_let_in_is_77_and_where_nobody_answers_is_69() {
    let database = Mariadb::shared().fresh();
    let (exit, said) = code(connect(&database.url().replace(database.password(), "wr0ng-s3cret")));
    assert!(exit == 77 && said.contains("Access denied") && !said.contains("s3cret"), "{exit} {said}");
    for url in [
        database.url().replace(&format!(":{}/", Mariadb::shared().port()), ":1/"),
        database.url().replace("127.0.0.1", "no-such-host.invalid"),
        format!("mysql://app@localhost/{}?socket=/nonexistent/socket", database.name()),
        format!("{}?ssl-mode=required", database.url()),
        format!("{}?ssl-mode=verify_identity", database.url()),
    ] {
        let (exit, said) = code(connect(&url));
        assert!(exit == 69 && !said.contains(database.password()), "{url}: {exit} {said}");
    }
}

#[test]
fn odd_names_are_names_and_nothing_else() {
    let server = Mariadb::shared();
    for name in ["-rf", "--help", "a b", "a`b", "a'b\"c", "größe 日本", "a%b_c\\d", "#x;y", "@", "=", "a.b", "$(id)"]
    {
        let password = format!(" {name}#\"'\\ ");
        let database = server.make(Wish { name: name.to_owned(), password, creator: true, ..Wish::default() });
        database.sql_as_app("CREATE TABLE t (a INT); INSERT INTO t VALUES (1), (2)");
        for url in [database.url(), database.socket_url()] {
            let server = connected(&url);
            server.prepare(&deadline()).unwrap_or_else(|failure| panic!("{name}: {failure:?}"));
            let (_, census) = dump(&server).unwrap_or_else(|failure| panic!("{name}: {failure:?}"));
            assert_eq!(census, [("t".to_owned(), 2)].into(), "{name}");
            assert_eq!(server.census(&deadline()).unwrap(), census, "{name}");
        }
    }
}

#[test]
fn what_an_account_lacks_is_named_as_a_statement_that_grants_it() {
    let server = Mariadb::shared();
    let database = server.fresh();
    let account = format!("'{}'@'%'", database.role());
    let require = || connected(&database.url()).prepare(&deadline());
    require().unwrap();
    database.sql("CREATE DEFINER = root@localhost FUNCTION hidden() RETURNS INT RETURN 1");
    let (exit, said) = code(require());
    assert!(
        exit == 77 && said.contains("`hidden`") && said.contains(&format!("GRANT SELECT ON mysql.proc TO {account}")),
        "{said}"
    );
    assert_eq!(code(dump(&connected(&database.url()))).0, 77, "the dumper finds out too");
    server.sql(&format!("GRANT SELECT ON mysql.proc TO {account}"));
    require().unwrap();
    server.sql(&format!(
        "REVOKE ALL PRIVILEGES, GRANT OPTION FROM {account}; GRANT SELECT ON `{}`.* TO {account}",
        database.name()
    ));
    // What the hint says is enough, statement by statement.
    for _ in 0..3 {
        let Err(failure) = require() else { break };
        let grant = failure.hint.expect("a hint").replace("as an administrator: ", "");
        assert_eq!(failure.exit.code(), 77);
        server.sql(&grant);
    }
    require().unwrap();
    dump(&connected(&database.url())).unwrap();
}

#[test]
fn rights_that_come_with_a_role_count() {
    let server = Mariadb::shared();
    let database = server.fresh();
    let (account, name) = (format!("'{}'@'%'", database.role()), database.name());
    server.sql(&format!(
        "REVOKE ALL PRIVILEGES, GRANT OPTION FROM {account}; CREATE ROLE r_{name}; GRANT ALL ON `{name}`.* TO r_{name};
         GRANT r_{name} TO {account}; SET DEFAULT ROLE r_{name} FOR {account}"
    ));
    connected(&database.url()).prepare(&deadline()).unwrap();
}

/// A database whose dump is larger than what lies in pipes and buffers.
fn large() -> Database {
    let database = Mariadb::shared().fresh_creator();
    database.sql_as_app("CREATE TABLE t (a INT PRIMARY KEY, b LONGTEXT); INSERT INTO t SELECT seq, REPEAT('x', 100000) FROM seq_1_to_400");
    database
}

#[test]
fn a_dump_whose_session_the_server_ends_is_no_dump() {
    let database = large();
    let server = connected(&database.url());
    let mut dump = server.dump(Format::Plain, &deadline()).unwrap();
    dump.read_exact(&mut vec![0; 1_000_000]).unwrap();
    Mariadb::shared().sql(&format!("KILL USER '{}'@'%'", database.role()));
    let mut rest = Vec::new();
    dump.read_to_end(&mut rest).unwrap();
    let (exit, said) = code(dump.finish());
    assert!(matches!(exit, 69 | 74) && said.contains("dump"), "{exit} {said}");
}

#[test]
fn a_dump_from_a_server_that_goes_is_no_dump() {
    let server = Mariadb::start();
    let database = server.fresh();
    database.sql_as_app("CREATE TABLE t (a INT PRIMARY KEY, b LONGTEXT); INSERT INTO t SELECT seq, REPEAT('x', 100000) FROM seq_1_to_400");
    let connection = connected(&database.url());
    let mut dump = connection.dump(Format::Plain, &deadline()).unwrap();
    dump.read_exact(&mut vec![0; 1_000_000]).unwrap();
    server.kill_server();
    dump.read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(code(dump.finish()).0, 69);
    assert_eq!(code(connection.census(&deadline())).0, 69);
}

#[test]
fn a_dumper_that_is_killed_at_any_moment_made_no_dump() {
    let database = large();
    let server = connected(&database.url());
    for read in [0_usize, 1, 5_000_000, 30_000_000] {
        let mut dump = server.dump(Format::Plain, &deadline()).unwrap();
        dump.read_exact(&mut vec![0; read]).unwrap();
        let dumper = dumper_of(&database);
        testkit::kill("KILL", dumper);
        dump.read_to_end(&mut Vec::new()).unwrap();
        assert_eq!(code(dump.finish()).0, 74, "{read}");
    }
}

/// The dumper of this database, a child of this process.
fn dumper_of(database: &Database) -> u32 {
    let mut found = None;
    testkit::wait_until("the dumper runs", || {
        found = testkit::processes().into_iter().find(|process| {
            let line = std::fs::read_to_string(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
            process.parent == std::process::id()
                && line.contains("single-transaction")
                && line.contains(database.name())
        });
        found.is_some()
    });
    found.expect("it was found").pid
}

#[test]
fn no_program_gets_the_password_as_an_argument() {
    let database = large();
    let dump = connected(&database.url()).dump(Format::Plain, &deadline()).unwrap();
    let dumper = dumper_of(&database);
    for file in ["cmdline", "environ"] {
        let text = std::fs::read(format!("/proc/{dumper}/{file}")).unwrap();
        let text = String::from_utf8_lossy(&text);
        assert!(!text.contains(database.password()), "{file}");
    }
    drop(dump);
}

#[test]
fn a_table_that_cannot_be_read_fails_the_dump() {
    let database = Mariadb::shared().fresh();
    database.sql_as_app(
        "CREATE TABLE a (x INT); INSERT INTO a VALUES (1); CREATE VIEW broken AS SELECT x FROM a; DROP TABLE a",
    );
    let (exit, said) = code(dump(&connected(&database.url())));
    assert!(exit == 74 && said.contains("broken"), "{exit} {said}");
}

#[test]
fn other_formats_are_78() {
    let server = connected(&Mariadb::shared().fresh().url());
    assert_eq!(code(server.dump(Format::Custom, &deadline()).map(drop)).0, 78);
    assert_eq!(code(server.dump_directory("/nonexistent".as_ref(), 1, kit::Meter::default(), &deadline())).0, 78);
}

#[test]
fn a_deadline_that_passes_while_the_dump_is_made_is_124() {
    let database = large();
    let server = connected(&database.url());
    let deadline = Deadline::after(Duration::from_secs(1));
    let mut dump = server.dump(Format::Plain, &deadline).unwrap();
    testkit::wait_until("the deadline passes", || deadline.has_passed());
    assert_eq!(dump.read_to_end(&mut Vec::new()).unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    assert_eq!(code(dump.finish()).0, 124);
}
