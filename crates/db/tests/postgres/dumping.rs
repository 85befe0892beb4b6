//! Dumps, how they are counted, and how they fail.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use db::engine::{Server, Text};
use db::postgres::Script;
use db::{Deadline, Format};
use testkit::Database;

use crate::{connect, deadline, read, rich};

#[test]
fn every_way_of_counting_gives_the_same_numbers() {
    let database = rich();
    let server = connect(&database.url()).unwrap();
    let asked = server.census(&deadline()).unwrap();
    assert!(asked["public.line\nfeed\tand tab"] == 1 && asked["public.COPY public.x (a) FROM stdin;"] == 1);
    assert_eq!((asked["public.parent"], asked["public.child"], asked["public.no_columns"]), (1, 1, 2));
    assert_eq!((asked["Side Room.order"], asked["public.empty"], asked.get("public.parts")), (50, 0, None));
    let (text, plain) = read(server.dump(Format::Plain, &deadline()).unwrap()).unwrap();
    assert_eq!(plain, asked);
    let mut script = Box::new(Script::default());
    script.read(&text);
    assert_eq!(script.finish().unwrap(), asked);
    let (archive, custom) = read(server.dump(Format::Custom, &deadline()).unwrap()).unwrap();
    assert!(archive.starts_with(b"PGDMP") && custom == asked);
    let dir = tempfile::tempdir().unwrap();
    let directory = server.dump_directory(&dir.path().join("dump"), 2, kit::Meter::default(), &deadline()).unwrap();
    assert!(dir.path().join("dump/toc.dat").is_file() && directory == asked);
}

#[test]
fn a_dumper_that_is_killed_has_made_no_dump() {
    let database = rich();
    let server = connect(&database.url()).unwrap();
    database.sql_as_app("CREATE TABLE large AS SELECT i, repeat('x', 100) AS t FROM generate_series(1, 100000) i");
    for format in [Format::Plain, Format::Custom] {
        let mut dump = server.dump(format, &deadline()).unwrap();
        let mut some = vec![0; 1 << 20];
        dump.read_exact(&mut some).unwrap();
        let own = testkit::processes().into_iter().filter(|process| process.parent == std::process::id());
        let dumpers: Vec<_> = own.filter(|process| is_dump_of(process.pid, &database)).collect();
        assert_eq!(dumpers.len(), 1);
        testkit::kill("KILL", dumpers[0].pid);
        let mut rest = Vec::new();
        drop(dump.read_to_end(&mut rest));
        let failure = dump.finish().unwrap_err();
        assert_eq!(failure.exit.code(), 74, "{failure:?}");
        assert!(failure.message.contains("was ended by signal 9"), "{failure:?}");
    }
}

#[test]
fn a_server_that_goes_away_leaves_no_dump() {
    let own = testkit::Postgres::start();
    let database = own.fresh();
    database.sql_as_app("CREATE TABLE large AS SELECT i, repeat('x', 100) AS t FROM generate_series(1, 100000) i");
    let server = connect(&database.url()).unwrap();
    let mut dump = server.dump(Format::Plain, &deadline()).unwrap();
    dump.read_exact(&mut vec![0; 1 << 20]).unwrap();
    own.kill_server();
    drop(dump.read_to_end(&mut Vec::new()));
    let failure = dump.finish().unwrap_err();
    assert_eq!(failure.exit.code(), 69, "{failure:?}");
    assert_eq!(server.size(&deadline()).unwrap_err().exit.code(), 69);
    assert_eq!(connect(&database.url()).unwrap_err().exit.code(), 69);
}

#[test]
fn a_dump_that_nobody_read_to_its_end_is_none() {
    let database = rich();
    let server = connect(&database.url()).unwrap();
    let dump = server.dump(Format::Plain, &deadline()).unwrap();
    assert_eq!(dump.finish().unwrap_err().exit.code(), 74);
    assert_eq!(server.dump(Format::Directory, &deadline()).map(drop).unwrap_err().exit.code(), 78);
}

#[test]
fn a_lock_that_somebody_holds_is_not_waited_for_beyond_the_deadline() {
    let database = testkit::Postgres::shared().fresh();
    database.sql_as_app("CREATE TABLE t (a int)");
    let server = connect(&database.url()).unwrap();
    let key = "SELECT 'hold', pg_sleep(600)";
    let holder = std::thread::scope(|scope| {
        let held = scope.spawn(|| drop(database.try_sql_as_app(&format!("BEGIN; LOCK TABLE t; {key}; COMMIT;"))));
        let waits = format!("SELECT pid FROM pg_stat_activity WHERE query LIKE '%{key}%' AND datname = '{}' AND pid <> pg_backend_pid()",
            database.name()).replace("'hold'", "''hold''");
        testkit::wait_until("somebody holds the lock", || !database.sql(&waits).is_empty());
        let brief = Deadline::after(Duration::from_secs(2));
        let plain = read(server.dump(Format::Plain, &brief).unwrap()).unwrap_err();
        assert!([74, 124].contains(&plain.exit.code()), "{plain:?}");
        let census = server.census(&Deadline::after(Duration::from_secs(2))).unwrap_err();
        assert_eq!(census.exit.code(), 124, "{census:?}");
        database.sql(&waits.replace("SELECT pid", "SELECT pg_terminate_backend(pid)"));
        held.join()
    });
    holder.unwrap();
}

#[test]
fn names_and_rows_in_another_encoding_are_counted_alike() {
    let server = testkit::Postgres::shared();
    let database = server.fresh();
    for encoding in ["LATIN1", "SQL_ASCII", "EUC_JP"] {
        let name = format!("{} {encoding}", database.name());
        server.sql(&format!(
            "CREATE DATABASE \"{name}\" TEMPLATE template0 OWNER \"{}\" ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'",
            database.role()
        ));
        let database = database.named(&name);
        database.sql_as_app("CREATE TABLE \"é\" (a text); INSERT INTO \"é\" VALUES ('é'), ('b')");
        let engine = connect(&database.url()).unwrap();
        let asked = engine.census(&deadline()).unwrap();
        assert_eq!((asked.len(), asked.values().sum::<u64>()), (1, 2), "{encoding}");
        assert_eq!(read(engine.dump(Format::Plain, &deadline()).unwrap()).unwrap().1, asked, "{encoding}");
        assert_eq!(read(engine.dump(Format::Custom, &deadline()).unwrap()).unwrap().1, asked, "{encoding}");
    }
}

/// Whether a process is a `pg_dump` of this database.
fn is_dump_of(pid: u32, database: &Database) -> bool {
    let has = |file: &str, text: &str| {
        let bytes = std::fs::read(Path::new("/proc").join(pid.to_string()).join(file)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).contains(text)
    };
    has("cmdline", "pg_dump") && has("environ", &format!("PGDATABASE={}\0", database.name()))
}
