//! What queries give on real PostgreSQL and MariaDB servers.

use std::fs;

use testkit::{Database, Mariadb, Postgres, Process, Sandbox, processes, wait_until};

use crate::{fails, once, passes, refuses, smoke};

const TABLE: &str = "CREATE TABLE entries (id INTEGER, name VARCHAR(50), score NUMERIC(10,2));
    INSERT INTO entries VALUES (1, 'hello', 0.5), (2, NULL, -3), (3, '', 1000000)";

/// A database of each kind, with three entries, that the settings name.
fn databases() -> [(&'static str, Database, Sandbox); 2] {
    [("postgres", Postgres::shared().fresh()), ("mysql", Mariadb::shared().fresh())].map(|(kind, database)| {
        database.sql_as_app(TABLE);
        let sandbox = Sandbox::new();
        sandbox.set("DATABASE_URL", &database.url());
        (kind, database, sandbox)
    })
}

fn check(kind: &str, query: &str, expect: &str) -> String {
    once(kind, &format!("query = \"{query}\""), expect)
}

/// Where it is, for a person.
fn shown(kind: &str, database: &Database) -> String {
    let port = database.url().rsplit_once('@').unwrap().1.to_owned();
    format!("{kind}://{port}")
}

#[test]
fn the_values_of_a_query_are_compared() {
    for (kind, _, sandbox) in databases() {
        let expect = "['rows[0][0] == 1', 'rows[0][0] == \"1\"', 'rows[0][1] == \"hello\"', 'rows[0][2] == 0.5',
            'rows[1][1] == null', 'rows[1][2] < 0', 'rows[2][1] != null', 'rows[2][2] >= 1e6', 'count == 3', 'time < 10s']";
        passes(&sandbox, &check(kind, "select id, name, score from entries order by id", expect), "3 rows, ");
        passes(&sandbox, &check(kind, "select count(*) from entries; -- all", "'rows[0][0] > 0'"), "1 row, ");
        passes(&sandbox, &check(kind, "select 1 from entries where id = 9", "'count == 0'"), "0 rows, ");
        passes(
            &sandbox,
            &check(
                kind,
                "select 'NULL', null, '<row>&amp;'",
                "['rows[0][0] == \"NULL\"', 'rows[0][1] == null', 'rows[0][2] == \"<row>&amp;\"']",
            ),
            "1 row, ",
        );
        passes(
            &sandbox,
            &check(kind, "select 'a\\\\nb|\\\\tc'", "'rows[0][0] contains \"x\"'")
                .replace("contains \"x\"", "!= \"x\""),
            "1 row, ",
        );
    }
}

#[test]
fn a_boolean_of_postgres_is_true_or_false() {
    let [(kind, _, sandbox), _] = databases();
    let expect = "['rows[0][0] == true', 'rows[0][1] != true', 'rows[0][1] == false', 'rows[0][2] == null']";
    passes(&sandbox, &check(kind, "select 1 = 1, 1 = 2, null::boolean", expect), "1 row, ");
}

#[test]
fn what_is_not_as_expected_says_what_is() {
    for (kind, database, sandbox) in databases() {
        let asked = format!("cannot ask {}: ", shown(kind, &database));
        for (query, expect, said) in [
            ("select count(*) from entries", "rows[0][0] > 3", "rows[0][0] is 3, expected rows[0][0] > 3\n"),
            ("select name from entries where id = 1", "rows[0][0] != \"hello\"", "rows[0][0] is \"hello\", expected "),
            (
                "select name from entries where id = 3",
                "rows[0][0] == null",
                "rows[0][0] is \"\", expected rows[0][0] == ",
            ),
            (
                "select name from entries where id = 2",
                "rows[0][0] == \"\"",
                "rows[0][0] is null, expected rows[0][0] == \"\"",
            ),
            (
                "select id, name from entries",
                "rows[3][0] == 1",
                "there is no rows[3][0] in 3 rows of 2 columns, expected ",
            ),
            ("select id from entries where id = 9", "rows[0][0] == 1", "there is no rows[0][0] in 0 rows, expected "),
            ("select id from entries", "count < 2", "there are 3 rows, expected count < 2\n"),
            ("select id from entries", "count == 3', 'time < 1ms", "the answer took "),
            ("select * from nowhere", "count == 0", &asked),
            ("nonsense", "count == 0", &asked),
            ("delete from entries", "count == 0", &asked),
            ("create table more (id integer)", "count == 0", &asked),
        ] {
            fails(&sandbox, &check(kind, query, &format!("['{expect}']")), said);
        }
        assert_eq!(database.sql_as_app("select count(*) from entries").trim(), "3");
    }
}

#[test]
fn only_the_compared_value_is_shown_cut_and_cleaned() {
    for (kind, _, sandbox) in databases() {
        let query = "select concat(chr(27), '[2J', repeat('x', 10000)), 's3cret' from entries where id = 1";
        let query = if kind == "mysql" { query.replace("chr", "char") } else { query.to_owned() };
        let checks = check(kind, &query, "'rows[0][0] == \"hello\"'");
        let ran = smoke(&sandbox, &checks).code(1).stdout_has("it  fail  rows[0][0] is `").any_stderr().check();
        let said = ran.stdout.clone() + &ran.stderr + &sandbox.read("prod/journal.ndjson");
        assert!(!said.contains('\u{1b}') && !said.contains("s3cret"), "{said}");
        assert!(ran.stdout.len() < 500, "{}", ran.stdout);
    }
}

#[test]
fn a_query_that_takes_too_long_or_gives_too_much_is_ended() {
    for (kind, database, sandbox) in databases() {
        let sleep = if kind == "postgres" { "select pg_sleep(600)" } else { "select sleep(600)" };
        let late = format!("no answer from {} within 0.7 s\n", shown(kind, &database));
        fails(&sandbox, &(check(kind, sleep, "'count == 1'") + "timeout = '700ms'\n"), &late);
        let endless = if kind == "postgres" {
            "select repeat('x', 1000) from generate_series(1, 100000)"
        } else {
            "select repeat('x', 1000) from seq_1_to_100000000"
        };
        let said = format!("cannot ask {}: the query gives more than 4 MiB\n", shown(kind, &database));
        fails(&sandbox, &check(kind, endless, "'count == 1'"), &said);
    }
}

#[test]
fn who_is_not_let_in_or_finds_nobody_fails_without_the_password() {
    for (kind, database, sandbox) in databases() {
        let checks = check(kind, "select 1", "'count == 1'");
        let fails = |url: &str, said: &str| {
            sandbox.set("DATABASE_URL", url);
            let ran =
                smoke(&sandbox, &checks).code(1).stdout_has(format!("it  fail  cannot ask {kind}://")).stdout_has(said);
            let ran = ran.any_stderr().check();
            let journal = sandbox.read("prod/journal.ndjson");
            assert!(!(ran.stdout + &ran.stderr + &journal).contains("wr0ng-s3cret"));
        };
        fails(&database.url().replace(database.password(), "wr0ng-s3cret"), database.role());
        fails(&database.url().replace(&format!("/{}", database.name()), "/nowhere"), "nowhere");
        fails(&format!("{kind}://app:wr0ng-s3cret@127.0.0.88:1/app"), "127.0.0.88");
    }
}

/// The processes of the client that asks this database: what their arguments say.
fn clients(database: &Database) -> Vec<String> {
    let arguments = |process: Process| fs::read_to_string(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
    let clients = processes().into_iter().filter(|process| ["psql", "mariadb"].contains(&process.name.as_str()));
    clients.map(arguments).filter(|arguments| arguments.contains(database.name())).collect()
}

#[test]
fn no_argument_of_a_client_holds_the_password_and_no_client_is_left() {
    for (kind, database, sandbox) in databases() {
        let sleep = if kind == "postgres" { "pg_sleep" } else { "sleep" };
        // psql's arguments hold the query, mariadb's the name of the database.
        let query = format!("select {sleep}(600), '{}'", database.name());
        let checks = check(kind, &query, "'count == 1'") + "timeout = '2s'\n";
        let mut smoke = smoke(&sandbox, &checks).spawn();
        let mut seen = Vec::new();
        wait_until("the client asks", || {
            seen = clients(&database);
            !seen.is_empty()
        });
        assert!(!seen.concat().contains(database.password()), "{seen:?}");
        assert_eq!(smoke.wait().unwrap().code(), Some(1));
        assert_eq!(clients(&database), Vec::<String>::new());
    }
}

#[test]
fn a_database_may_be_named_in_the_check_and_reached_by_its_socket() {
    for (kind, database, sandbox) in databases() {
        sandbox.set("DATABASE_URL", "");
        sandbox.set("OTHER_URL", &database.socket_url());
        let checks =
            once(kind, "database = '${OTHER_URL}'\nquery = 'select count(*) from entries'", "'rows[0][0] == 3'");
        passes(&sandbox, &checks, "1 row, ");
        let plan = smoke(&sandbox, &checks).arg("--dry-run").stdout_has(": select count(*) from entries").check();
        assert!(!plan.stdout.contains(database.password()));
    }
}

#[test]
fn the_version_of_the_schema_is_that_of_the_release() {
    for (kind, database, sandbox) in databases() {
        database.sql_as_app("CREATE TABLE schema_migrations (version VARCHAR(20)); INSERT INTO schema_migrations VALUES ('20261120101500'), ('20261121090000')");
        let checks = check(kind, "select max(version) from schema_migrations", "'rows[0][0] >= 20261121090000'");
        passes(&sandbox, &checks, "1 row, ");
        fails(&sandbox, &checks.replace(">= 20261121", ">= 20261122"), "rows[0][0] is 20261121090000, expected ");
    }
}

#[test]
fn no_query_is_a_command_to_the_client() {
    for (kind, _, sandbox) in databases() {
        for query in
            ["\\\\! touch made", "select 1 \\\\g made", "system touch made", "\\\\o made", "tee made", ":DBNAME"]
        {
            let run = smoke(&sandbox, &check(kind, query, "'count == 0'")).code(1);
            run.stdout_has("it  fail  cannot ask ").any_stderr().check();
        }
        assert!(!sandbox.path("made").exists());
    }
}

#[test]
fn nothing_is_written_even_where_two_statements_are_taken_for_one() {
    for (kind, database, sandbox) in databases() {
        // Each engine ends a text where another one would not.
        let (before, after) = if kind == "postgres" { ("$$'$$", "$$'$$") } else { (r"'\\'', 1", "''") };
        let query = format!("select {before}; commit; delete from entries; select {after}");
        let said = if kind == "postgres" { "DELETE in a read-only transaction" } else { "in a READ ONLY transaction" };
        let run = smoke(&sandbox, &check(kind, &query, "'count == 1'")).code(1).any_stderr();
        run.stdout_has("it  fail  cannot ask ").stdout_has(said).check();
        assert_eq!(database.sql_as_app("select count(*) from entries").trim(), "3");
    }
}

#[test]
fn without_a_client_program_the_check_could_not_be_made() {
    let [_, (kind, _, sandbox)] = databases();
    let run = smoke(&sandbox, &check(kind, "select 1", "'count == 1'")).env("PATH", sandbox.path("bin")).code(69);
    run.stdout_has("it  error  cannot run mariadb or mysql: neither is installed, or on PATH").any_stderr().check();
}

#[test]
fn a_connection_that_is_to_be_protected_and_is_not_fails() {
    for (kind, database, sandbox) in databases() {
        let (mode, said) = match kind {
            "postgres" => ("sslmode=require", "server does not support SSL, but SSL was required"),
            _ => ("ssl-mode=required", "the server offers no TLS, and ssl-mode requires it"),
        };
        sandbox.set("DATABASE_URL", &format!("{}?{mode}", database.url()));
        let run = smoke(&sandbox, &check(kind, "select 1", "'count == 1'")).code(1).any_stderr();
        run.stdout_has("it  fail  cannot ").stdout_has(said).check();
    }
}

#[test]
fn what_is_not_understood_is_said() {
    for (kind, _, sandbox) in databases() {
        for (lines, expect, said) in [
            ("query = 'select 1; select 2'", "count == 1", "`query` must be one statement"),
            ("query = 'select 1'", "time < 1s", "no expectation looks at what `query` gives"),
            ("query = 'select 1'", "answers", "expected rows, count or time (a query)"),
            ("query = 'select 1'\ndatabase = 'sqlite:///srv/x'", "count == 1", "sqlite:///srv/x is no database of "),
        ] {
            refuses(&sandbox, &once(kind, lines, &format!("'{expect}'")), said);
        }
        let scheme = kind;
        let odd = format!("query = 'select 1'\ndatabase = '{scheme}://u:s3cret@h/d?nonsense=1'");
        let run = smoke(&sandbox, &once(kind, &odd, "'count == 1'")).code(78).stderr_has("`nonsense`");
        assert!(!run.check().stderr.contains("s3cret"));
    }
}
