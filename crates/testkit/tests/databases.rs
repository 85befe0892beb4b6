//! The databases that tests fill and compare.

use std::process::{Command, Stdio};

use testkit::{Database, Mariadb, Postgres};

/// The engine's own dumper, piped into its own client: what a perfect tool does.
fn round_trip(dumper: &mut Command, client: &mut Command) {
    let mut dumper = dumper.stdout(Stdio::piped()).spawn().expect("the dumper runs");
    let dump = dumper.stdout.take().expect("it is piped");
    let client = client.stdin(dump).stdout(Stdio::null()).stderr(Stdio::piped()).output().expect("the client runs");
    assert!(dumper.wait().expect("the dumper ends").success(), "the dumper failed");
    assert!(client.status.success(), "{}", String::from_utf8_lossy(&client.stderr));
}

fn postgres_round_trip(from: &str, to: &str) {
    let (mut dumper, mut client) =
        (Command::new(Postgres::program("pg_dump")), Command::new(Postgres::program("psql")));
    round_trip(dumper.args(["-d", from]), client.args(["-Xq", "-v", "ON_ERROR_STOP=1", "-d", to]));
}

fn mariadb_round_trip(server: &Mariadb, from: &Database, to: &Database, user: (&str, &str)) {
    let program = |name: &str| {
        let mut command = Command::new(Mariadb::program(name));
        command.args(["--no-defaults", "--default-character-set=utf8mb4", "-S"]).arg(server.socket());
        command.args(["-u", user.0]).env("MYSQL_PWD", user.1);
        command
    };
    let (mut dumper, mut client) = (program("mariadb-dump"), program("mariadb"));
    dumper.args(["--single-transaction", "--routines", "--triggers", "--events", "--hex-blob", "--no-tablespaces"]);
    round_trip(dumper.arg(from.name()), client.arg(to.name()));
}

fn assert_same(from: &Database, to: &Database) {
    let (before, after) = (from.fingerprint(), to.fingerprint());
    assert!(before.len() > 10, "{before:?}");
    assert_eq!(before, after);
    similar(&from.schema(), &to.schema());
}

/// Equal, and if not, the first lines that differ.
fn similar(one: &str, other: &str) {
    let differs = one.lines().zip(other.lines()).find(|(one, other)| one != other);
    assert!(one == other, "{differs:#?}");
}

#[test]
fn a_rich_postgresql_database_that_its_app_dumps_and_restores_is_the_same() {
    let server = Postgres::shared();
    let from = server.fresh_creator();
    from.rich();
    from.sql_as_app("CREATE DATABASE copy");
    let to = from.named("copy");
    postgres_round_trip(&from.url(), &to.url());
    assert_same(&from, &to);
}

#[test]
fn a_rich_postgresql_database_with_objects_of_others_is_the_same_when_the_superuser_dumps_and_restores_it() {
    let server = Postgres::shared();
    let from = server.fresh_creator();
    from.rich();
    from.rich_as_admin();
    server.sql("CREATE DATABASE copy_by_admin");
    let to = from.named("copy_by_admin");
    postgres_round_trip(&from.url_as_admin(), &to.url_as_admin());
    assert_same(&from, &to);
    let properties = from.properties();
    for property in [from.role(), "UTF8", "C.UTF-8", "17", "the app's; own", "123s", "work_mem=5MB", "=c/"] {
        assert!(properties.contains(property), "{property}: {properties}");
    }
    assert_ne!(properties, to.properties(), "a plain dump leaves them out");
}

#[test]
fn a_rich_mariadb_database_that_its_app_dumps_and_restores_is_the_same() {
    let server = Mariadb::shared();
    let from = server.fresh_creator();
    from.rich();
    let to = from.named(&format!("{}_copy", from.name()));
    from.sql_as_app(&format!("CREATE DATABASE {}", to.name()));
    mariadb_round_trip(server, &from, &to, (from.role(), from.password()));
    assert_same(&from, &to);
}

#[test]
fn a_rich_mariadb_database_with_objects_of_others_is_the_same_when_its_app_may_name_other_definers() {
    let server = Mariadb::shared();
    let from = server.fresh_creator();
    from.rich();
    from.rich_as_admin();
    let to = from.named(&format!("{}_copy", from.name()));
    from.sql_as_app(&format!("CREATE DATABASE {}", to.name()));
    mariadb_round_trip(server, &from, &to, (from.role(), from.password()));
    assert_same(&from, &to);
}

/// What each statement does to a fingerprint: `true`, it shows.
fn fingerprint_shows(database: &Database, statements: &[(&str, bool)]) {
    for (statement, shows) in statements {
        let before = database.fingerprint();
        database.sql_as_app(statement);
        assert_eq!(before != database.fingerprint(), *shows, "{statement}");
    }
}

#[test]
fn the_fingerprint_of_postgresql_shows_every_change_and_no_other_order() {
    let database = Postgres::shared().fresh();
    database.sql_as_app("CREATE TABLE t (t text, b bytea, n numeric); CREATE SEQUENCE s; CREATE SCHEMA other;");
    fingerprint_shows(
        &database,
        &[
            ("INSERT INTO t VALUES ('a', NULL, 1), ('b', '', 2), ('b', '', 2)", true),
            (
                "CREATE TABLE x AS TABLE t; DELETE FROM t; INSERT INTO t SELECT * FROM x ORDER BY t DESC; DROP TABLE x",
                false,
            ),
            ("UPDATE t SET b = '' WHERE t = 'a'", true),
            (
                "UPDATE t SET t = CASE t WHEN 'a' THEN 'b' ELSE 'a' END WHERE ctid IN (SELECT max(ctid) FROM t GROUP BY t)",
                true,
            ),
            ("UPDATE t SET n = 1.0 WHERE n = 1", true),
            ("DELETE FROM t WHERE ctid = (SELECT max(ctid) FROM t)", true),
            ("UPDATE t SET n = n", false),
            ("SELECT nextval('s')", true),
            ("SELECT nextval('s')", true),
            ("SELECT lo_from_bytea(9, 'a')", true),
            ("SELECT lo_put(9, 0, 'b')", true),
            ("CREATE MATERIALIZED VIEW m AS SELECT 1 AS a WITH NO DATA", true),
            ("REFRESH MATERIALIZED VIEW m", true),
            ("ALTER TABLE t SET SCHEMA other", true),
            ("CREATE VIEW v AS SELECT 1", false),
        ],
    );
}

#[test]
fn the_fingerprint_of_mariadb_shows_every_change_and_no_other_order() {
    let database = Mariadb::shared().fresh();
    database.sql_as_app(
        "CREATE TABLE t (t TEXT, b BLOB, d DECIMAL(9, 3), f DOUBLE, bits BIT(9), p POINT, v TEXT CHARSET latin1, e ENUM('', 'x'));
         CREATE SEQUENCE s;",
    );
    fingerprint_shows(
        &database,
        &[
            ("INSERT INTO t (t, b, d, f) VALUES ('a', NULL, 1, 1), ('b', '', 2, 2), ('b', '', 2, 2)", true),
            (
                "CREATE TABLE x AS SELECT * FROM t; DELETE FROM t; INSERT INTO t SELECT * FROM x ORDER BY t DESC; DROP TABLE x",
                false,
            ),
            ("UPDATE t SET b = '' WHERE t = 'a'", true),
            ("UPDATE t SET t = 'A' WHERE t = 'a'", true),
            ("UPDATE t SET t = 'A ' WHERE t = 'a'", true),
            ("UPDATE t SET d = 1.001 WHERE d = 1", true),
            ("UPDATE t SET f = 1.0000000000000002 WHERE f = 1", true),
            ("UPDATE t SET bits = 0", true),
            ("UPDATE t SET bits = 257", true),
            ("UPDATE t SET bits = 1", true),
            ("UPDATE t SET p = POINT(1, 2)", true),
            ("UPDATE t SET p = ST_GeomFromText('POINT(1 2)', 4326)", true),
            ("UPDATE t SET v = 'ä'", true),
            ("UPDATE t SET v = 'a'", true),
            ("UPDATE t SET e = ''", true),
            ("UPDATE t SET b = UNHEX('00')", true),
            ("UPDATE t SET b = UNHEX('0000')", true),
            ("DELETE FROM t LIMIT 1", true),
            ("UPDATE t SET d = d", false),
            ("SELECT NEXTVAL(s)", true),
            ("CREATE TABLE T (a INT)", true),
            ("CREATE VIEW v AS SELECT 1", false),
        ],
    );
}

#[test]
fn a_schema_is_the_same_from_run_to_run_and_shows_what_changes() {
    for database in [Postgres::shared().fresh(), Mariadb::shared().fresh()] {
        database.sql_as_app("CREATE TABLE t (a INT)");
        let before = database.schema();
        assert_eq!(before, database.schema());
        database.sql_as_app("INSERT INTO t VALUES (1)");
        assert_eq!(before, database.schema());
        database.sql_as_app("CREATE INDEX i ON t (a)");
        assert_ne!(before, database.schema());
        assert!(!before.contains(database.name()) && !before.contains("restrict"), "{before}");
    }
}

#[test]
fn a_rich_sqlite_database_is_whole() {
    let sandbox = testkit::Sandbox::new();
    let path = sandbox.path("rich.sqlite");
    testkit::rich_sqlite(&path);
    let ask = |question: &str| {
        let told = Command::new("sqlite3").arg(&path).arg(question).output().expect("sqlite3 runs");
        String::from_utf8_lossy(&told.stdout).into_owned()
    };
    assert_eq!(ask("PRAGMA integrity_check; PRAGMA foreign_key_check; PRAGMA user_version"), "ok\n4711\n");
    assert_eq!(ask("SELECT count(DISTINCT b) FROM bytes WHERE id < 256"), "256\n");
}

#[test]
fn a_rich_database_holds_every_byte() {
    let (postgres, mariadb) = (Postgres::shared().fresh(), Mariadb::shared().fresh());
    postgres.rich();
    mariadb.rich();
    assert_eq!(postgres.sql("SELECT count(DISTINCT b) FROM bytes WHERE length(b) = 1"), "256\n");
    assert_eq!(postgres.sql("SELECT length(b) FROM bytes WHERE id = 0"), "256\n");
    assert_eq!(mariadb.sql("SELECT COUNT(DISTINCT b) FROM bytes WHERE LENGTH(b) = 1"), "256\n");
    assert_eq!(mariadb.sql("SELECT LENGTH(b) FROM bytes WHERE id = 300"), "256\n");
}
