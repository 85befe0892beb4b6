//! A backup beside the live database, then in its place: whole, or not at all.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use db::mysql::{Loaded, Mysql, Plan, Scratch, Stage, name_beside};
use db::{Deadline, Trust};
use kit::Failure;
use testkit::{Database, Mariadb};

use crate::{code, connected, deadline, dump};

const TIME: &str = "20261121T101500Z";

pub(crate) fn scratch(live: &Mysql, database: &Database) -> Scratch {
    Scratch::create(live, &name_beside(database.name(), "restore", TIME), &deadline()).unwrap()
}

fn load(scratch: &Scratch, text: &[u8]) -> Result<Loaded, Failure> {
    load_as(Trust::Verified, scratch, text)
}

pub(crate) fn load_as(trust: Trust, scratch: &Scratch, text: &[u8]) -> Result<Loaded, Failure> {
    let mut load = scratch.load(trust, &deadline())?;
    for bytes in text.chunks(10_007) {
        load.feed(bytes)?;
    }
    load.finish()
}

/// As far as the plan, which lies in the directory.
fn prepare(live: &Mysql, database: &Database, text: &[u8], dir: &Path) -> (Plan, PathBuf) {
    let path = dir.join("plan.json");
    let scratch = scratch(live, database);
    let loaded = load(&scratch, text).unwrap();
    scratch.require_equal(&loaded, None, &deadline()).unwrap();
    let before = name_beside(database.name(), "before", TIME);
    let plan = scratch.prepare(live, &loaded, &before, &path, &deadline()).unwrap();
    (plan, path)
}

fn restore(live: &Mysql, database: &Database, text: &[u8]) {
    let dir = tempfile::tempdir().unwrap();
    let (plan, path) = prepare(live, database, text, dir.path());
    live.carry_out(plan, &deadline()).unwrap();
    assert!(!path.exists());
}

/// The schemas of this database and those beside it.
fn schemas(database: &Database) -> Vec<String> {
    let sql = format!(
        "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE '{}%' ORDER BY 1",
        database.name()
    );
    database.sql(&sql).lines().map(str::to_owned).collect()
}

fn spoil(database: &Database) {
    database.sql(
        "SET foreign_key_checks = 0; DROP TABLE hen, counted; DROP SEQUENCE counting; DELETE FROM texts; UPDATE computed SET a = a + 50;
         ALTER TABLE kinds DROP COLUMN j; CREATE TABLE newer (a INT); INSERT INTO newer VALUES (1); CREATE SEQUENCE newer_sequence;
         DROP VIEW `z view`; CREATE VIEW newer_view AS SELECT 1 AS a; CREATE TABLE `z view` (a INT); CREATE VIEW counted AS SELECT 2 AS b;
         DROP TRIGGER second; CREATE TRIGGER newer_trigger BEFORE INSERT ON newer FOR EACH ROW SET NEW.a = 3;
         DROP PROCEDURE clean; CREATE FUNCTION clean() RETURNS INT RETURN 1; CREATE PROCEDURE newer_procedure() SELECT 1;
         DROP EVENT switched_off; CREATE EVENT newer_event ON SCHEDULE EVERY 1 DAY DO SELECT 1",
    );
}

#[test]
fn a_restored_database_is_the_backup_and_nothing_else() {
    let database = Mariadb::shared().fresh_creator();
    database.rich();
    database.rich_as_admin();
    let expected = (database.fingerprint(), database.schema(), database.properties());
    let live = connected(&database.url());
    let (text, _) = dump(&live).unwrap();
    for _ in 0..2 {
        spoil(&database);
        assert_ne!(expected.0, database.fingerprint());
        restore(&live, &database, &text);
        assert_eq!(expected.0, database.fingerprint());
        assert!(expected.1 == database.schema());
        assert_eq!(expected.2, database.properties());
        let before = name_beside(database.name(), "before", TIME);
        assert_eq!(schemas(&database), [database.name().to_owned(), before.clone()]);
        assert_eq!(database.named(&before).sql("SELECT a FROM newer"), "1\n");
        live.drop_schema(&before, &deadline()).unwrap();
    }
    assert!(dump(&live).unwrap().0 == text);
}

#[test]
fn what_a_restore_begins_is_finished_by_the_next_run_wherever_it_is_cut() {
    let database = Mariadb::shared().fresh_creator();
    database.rich();
    let expected = (database.fingerprint(), database.schema());
    let live = connected(&database.url());
    let (text, _) = dump(&live).unwrap();
    spoil(&database);
    let dir = tempfile::tempdir().unwrap();
    let (plan, path) = prepare(&live, &database, &text, dir.path());
    live.carry_out(plan, &Deadline::after(Duration::ZERO)).unwrap_err();
    let mut cuts = 0;
    // Each run is given a fifth more than the one before, and is ended in the midst of something.
    while let Some(plan) = Plan::find(&path).unwrap() {
        cuts += 1;
        let brief = Deadline::after(Duration::from_millis(5).mul_f64(1.2_f64.powi(cuts)));
        if let Err(failure) = live.carry_out(plan, &brief) {
            assert!(matches!(failure.exit.code(), 124 | 75 | 74), "{failure:?}");
        }
    }
    assert!(cuts > 10, "{cuts}");
    assert_eq!(expected.0, database.fingerprint());
    assert!(expected.1 == database.schema());
}

#[test]
fn a_plan_that_had_changed_nothing_is_taken_back() {
    let database = Mariadb::shared().fresh_creator();
    database.rich();
    let live = connected(&database.url());
    let (text, _) = dump(&live).unwrap();
    spoil(&database);
    let spoilt = (database.fingerprint(), database.schema());
    let dir = tempfile::tempdir().unwrap();
    let (_, path) = prepare(&live, &database, &text, dir.path());
    let plan = Plan::find(&path).unwrap().unwrap();
    assert_eq!(plan.stage, Stage::Prepared);
    assert!(!live.resume(plan, &deadline()).unwrap());
    assert_eq!(
        (spoilt, schemas(&database)),
        ((database.fingerprint(), database.schema()), vec![database.name().to_owned()])
    );
    assert!(!path.exists());
}

#[test]
fn readers_see_old_rows_or_new_ones_and_never_a_mix() {
    let database = Mariadb::shared().fresh_creator();
    database.sql_as_app(
        "CREATE TABLE a (v INT); CREATE TABLE b (v INT); INSERT INTO a VALUES (1); INSERT INTO b VALUES (1)",
    );
    let live = connected(&database.url());
    let (text, _) = dump(&live).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !done.load(Ordering::SeqCst) {
                // One client and many statements: a client's start takes longer than the swap.
                let read = database.sql_as_app(&"SELECT CONCAT(a.v, b.v) FROM a, b;\n".repeat(200));
                for seen in read.lines() {
                    assert!(matches!(seen, "11" | "22"), "{seen}");
                    reads += 1;
                }
            }
            reads
        });
        for _ in 0..5 {
            database.sql_as_app("START TRANSACTION; UPDATE a SET v = 2; UPDATE b SET v = 2; COMMIT");
            restore(&live, &database, &text);
            live.drop_schema(&name_beside(database.name(), "before", TIME), &deadline()).unwrap();
        }
        done.store(true, Ordering::SeqCst);
        assert!(reader.join().unwrap() > 100);
    });
    assert_eq!(database.sql_as_app("SELECT CONCAT(a.v, b.v) FROM a, b"), "11\n");
}

#[test]
fn a_text_that_does_what_no_dump_does_is_refused_before_it_is_sent() {
    let database = Mariadb::shared().fresh_creator();
    database.sql_as_app("CREATE TABLE t (a INT); INSERT INTO t VALUES (1)");
    let live = connected(&database.url());
    let (text, _) = dump(&live).unwrap();
    let name = database.name();
    for evil in [
        format!("USE `{name}`;\nDROP TABLE t;"),
        format!("DROP TABLE `{name}`.`t`;"),
        format!("/*!40000 USE `{name}` */; DROP TABLE t;"),
        "\\! touch /tmp/never".to_owned(),
        "ALTER DATABASE `x`\nCHARACTER SET latin1;".to_owned(),
        format!("PREPARE s FROM 'DROP TABLE `{name}`.`t`';"),
    ] {
        let scratch = scratch(&live, &database);
        let text = [evil.as_bytes(), b"\n", &text].concat();
        assert_eq!(code(load(&scratch, &text)).0, 65, "{evil}");
        scratch.drop_schema(&live, &deadline()).unwrap();
        assert_eq!(database.sql("SELECT a FROM t"), "1\n");
    }
}

#[test]
fn a_dump_that_breaks_off_or_lacks_rows_is_found_out() {
    let database = Mariadb::shared().fresh_creator();
    database.rich();
    let live = connected(&database.url());
    let (text, census) = dump(&live).unwrap();
    for length in [0, 10, text.len() / 2, text.len() - 4] {
        let scratch = scratch(&live, &database);
        assert_eq!(code(load(&scratch, &text[..length])).0, 65, "{length}");
        scratch.drop_schema(&live, &deadline()).unwrap();
    }
    let scratch = scratch(&live, &database);
    let loaded = load(&scratch, &text).unwrap();
    scratch.require_equal(&loaded, Some(&census), &deadline()).unwrap();
    let in_scratch = database.named(&name_beside(database.name(), "restore", TIME));
    assert_eq!(in_scratch.sql("SELECT COUNT(*) FROM information_schema.events WHERE event_schema = DATABASE()"), "0\n");
    in_scratch.sql("DELETE FROM texts LIMIT 1");
    let (exit, said) = code(scratch.require_equal(&loaded, Some(&census), &deadline()));
    assert!(exit == 65 && said.contains("texts"), "{said}");
}

#[test]
fn a_server_that_dies_in_mid_load_leaves_the_live_database_and_a_schema_that_is_found() {
    let server = Mariadb::start();
    let database = server.fresh_creator();
    database.rich();
    let before = database.fingerprint();
    let live = connected(&database.url());
    let (text, _) = dump(&live).unwrap();
    let scratch = scratch(&live, &database);
    let mut loading = scratch.load(Trust::Verified, &deadline()).unwrap();
    let (half, rest) = text.split_at(text.len() / 2);
    loading.feed(half).unwrap();
    server.kill_server();
    let failed = loading.feed(rest).and_then(|()| loading.finish());
    assert!(matches!(code(failed).0, 69 | 74));
    server.restart();
    assert_eq!(before, database.fingerprint());
    let left = live.abandoned(&deadline()).unwrap();
    assert_eq!(left, [name_beside(database.name(), "restore", TIME)]);
    live.drop_schema(&left[0], &deadline()).unwrap();
    assert!(live.abandoned(&deadline()).unwrap().is_empty());
}

#[test]
fn who_may_not_make_a_schema_is_told_the_statement_that_permits_it() {
    let database = Mariadb::shared().fresh();
    database.sql_as_app("CREATE TABLE t (a INT); INSERT INTO t VALUES (1)");
    let live = connected(&database.url());
    let (text, _) = dump(&live).unwrap();
    let made = Scratch::create(&live, &name_beside(database.name(), "restore", TIME), &deadline());
    let failure = made.err().unwrap();
    assert_eq!(failure.exit.code(), 77);
    database.sql(&failure.hint.unwrap().replace("as an administrator: ", ""));
    restore(&live, &database, &text);
}

#[test]
fn a_long_transaction_makes_the_swap_wait_and_the_next_run_goes_on() {
    let database = Mariadb::shared().fresh_creator();
    database.sql_as_app("CREATE TABLE t (a INT); INSERT INTO t VALUES (1)");
    let live = connected(&database.url());
    let (text, _) = dump(&live).unwrap();
    database.sql_as_app("UPDATE t SET a = 2");
    let dir = tempfile::tempdir().unwrap();
    let (plan, path) = prepare(&live, &database, &text, dir.path());
    std::thread::scope(|scope| {
        let user = scope.spawn(|| database.try_sql_as_app("START TRANSACTION; SELECT * FROM t; SELECT SLEEP(600)"));
        let holds = "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP(6%'";
        testkit::wait_until("the transaction holds the table", || database.sql(holds) == "1\n");
        assert!(matches!(code(live.carry_out(plan, &Deadline::after(Duration::from_secs(4)))).0, 75 | 124));
        let id = database.sql("SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP(6%'");
        database.sql(&format!("KILL {id}"));
        drop(user.join());
    });
    assert!(live.resume(Plan::find(&path).unwrap().unwrap(), &deadline()).unwrap());
    assert_eq!(database.sql("SELECT a FROM t"), "1\n");
}

#[test]
fn comments_in_routines_are_kept() {
    let database = Mariadb::shared().fresh_creator();
    database.sql_as_app("CREATE TABLE t (a INT)");
    database.sql("CREATE FUNCTION f() RETURNS INT /* it's ; */ RETURN 1");
    let live = connected(&database.url());
    let body = "SELECT HEX(body) FROM mysql.proc WHERE name = 'f'";
    let expected = database.sql(body);
    let (text, _) = dump(&live).unwrap();
    restore(&live, &database, &text);
    assert_eq!(expected, database.sql(body));
}

#[test]
fn the_live_collation_stays_when_routines_were_made_under_another() {
    let database = Mariadb::shared().fresh_creator();
    database.sql_as_app("CREATE TABLE t (a INT); CREATE FUNCTION f() RETURNS TEXT RETURN 'a;b'; CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1");
    database.sql(&format!("ALTER DATABASE `{}` CHARACTER SET latin1 COLLATE latin1_bin", database.name()));
    let live = connected(&database.url());
    let (text, _) = dump(&live).unwrap();
    assert!(String::from_utf8(text.clone()).unwrap().contains("\nALTER DATABASE `"));
    let properties = database.properties();
    database.sql_as_app("DROP FUNCTION f; DROP TRIGGER g");
    restore(&live, &database, &text);
    assert_eq!(properties, database.properties());
    assert_eq!(database.sql_as_app("INSERT INTO t VALUES (7); SELECT a, f() FROM t"), "1\ta;b\n");
}

#[test]
fn an_empty_backup_empties_the_database() {
    let database = Mariadb::shared().fresh_creator();
    let live = connected(&database.url());
    let (text, census) = dump(&live).unwrap();
    assert!(census.is_empty());
    database.rich();
    restore(&live, &database, &text);
    assert!(database.fingerprint().is_empty() && database.schema().lines().all(|line| !line.contains("CREATE")));
}

#[test]
fn who_may_not_name_other_definers_is_told_the_statement_that_permits_it() {
    let database = Mariadb::shared().fresh();
    database.rich_as_admin();
    database.sql(&format!(
        "GRANT ALL ON `{0}\\_%`.* TO '{1}'@'%'; GRANT SELECT ON mysql.proc TO '{1}'@'%'",
        database.name(),
        database.role()
    ));
    let live = connected(&database.url());
    let (text, _) = dump(&live).unwrap();
    let beside = scratch(&live, &database);
    let failure = load(&beside, &text).unwrap_err();
    assert_eq!(failure.exit.code(), 77, "{failure:?}");
    database.sql(&failure.hint.unwrap().replace("as an administrator: ", ""));
    beside.drop_schema(&live, &deadline()).unwrap();
    load(&scratch(&live, &database), &text).unwrap();
}

#[test]
fn a_row_that_is_too_large_for_the_server_is_found_before_it_is_sent() {
    let database = Mariadb::shared().fresh_creator();
    // In hexadecimal a row is twice as long as it was when it came in.
    database.sql_as_app("CREATE TABLE t (b LONGBLOB); INSERT INTO t VALUES (REPEAT('x', 10000000))");
    let live = connected(&database.url());
    let (text, _) = dump(&live).unwrap();
    let (exit, said) = code(load(&scratch(&live, &database), &text));
    assert!(exit == 78 && said.contains("max_allowed_packet"), "{exit} {said}");
}

#[test]
fn half_a_statement_that_turns_out_to_be_harmful_was_never_sent() {
    let database = Mariadb::shared().fresh_creator();
    database.sql_as_app("CREATE TABLE t (a INT); INSERT INTO t VALUES (1)");
    let live = connected(&database.url());
    let name = database.name();
    for evil in [
        format!("DROP TABLE\n`{name}`.`t`\n;\n"),
        format!("DELIMITER //\nSET @a = (1)\n;\nDROP TABLE `{name}`.`t`\n//\n"),
        format!("DELETE FROM\n`{name}`.`t`\n;\n"),
    ] {
        let scratch = scratch(&live, &database);
        let mut load = scratch.load(Trust::Verified, &deadline()).unwrap();
        let failed = evil.split_inclusive('\n').find_map(|line| load.feed(line.as_bytes()).err());
        assert_eq!(failed.map(|failure| failure.exit.code()), Some(65), "{evil}");
        // At the end of its input the client sends what it has.
        drop(load.finish());
        assert_eq!(database.sql("SELECT a FROM t"), "1\n", "{evil}");
        scratch.drop_schema(&live, &deadline()).unwrap();
    }
}
