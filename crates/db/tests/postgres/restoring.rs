//! Restores into a database beside the live one.

use std::io::Write;

use db::engine::Server;
use db::manifest::Census;
use db::postgres::{Keeper, Postgres, Scratch};
use db::{Address, Format, Trust, Url};
use kit::Failure;
use testkit::{Database, Wish};

use crate::{connect, deadline, read, rich};

/// The address in a URL.
pub(crate) fn address(url: &str) -> Address {
    match Url::parse(url).unwrap() {
        Url::Postgres(address) => address,
        other => panic!("{other} is no PostgreSQL database"),
    }
}

/// A scratch database of the superuser's.
pub(crate) fn scratch(server: &Postgres, database: &Database) -> Scratch {
    let keeper = Keeper::find(server, Some(&address(&database.admin_url())), &deadline()).unwrap();
    Scratch::create(keeper, &deadline()).unwrap()
}

/// Loads a text.
pub(crate) fn load(scratch: &Scratch, text: &[u8], trust: Trust) -> Result<Census, Failure> {
    let mut loading = scratch.load(trust, &deadline())?;
    let written = text.chunks(1 << 16).try_for_each(|piece| loading.write_all(piece));
    let census = loading.finish()?;
    written.unwrap();
    Ok(census)
}

fn dump(server: &Postgres) -> (Vec<u8>, Census) {
    read(server.dump(Format::Plain, &deadline()).unwrap()).unwrap()
}

#[test]
fn the_app_itself_restores_all_that_it_made() {
    let database = testkit::Postgres::shared().fresh_creator();
    database.rich();
    let server = connect(&database.url()).unwrap();
    let (text, census) = dump(&server);
    let keeper = Keeper::find(&server, None, &deadline()).unwrap();
    let scratch = Scratch::create(keeper, &deadline()).unwrap();
    let (before, schema, properties) = (database.fingerprint(), database.schema(), database.properties());
    assert_eq!(load(&scratch, &text, Trust::Unverified).unwrap(), census);
    assert_eq!(scratch.census(&deadline()).unwrap(), census);
    let twin = database.named(scratch.name());
    assert_eq!((twin.fingerprint(), twin.schema()), (before.clone(), schema.clone()));
    let kept = scratch.swap(&deadline()).unwrap().unwrap();
    assert_eq!((database.fingerprint(), database.schema(), database.properties()), (before, schema, properties));
    assert!(database.named(&kept).exists() && !twin.exists());
}

#[test]
fn the_administrator_restores_what_belongs_to_others_in_every_format() {
    let database = rich();
    database.rich_as_admin();
    database.sql(&format!("GRANT pg_read_all_data TO \"{0}\"; ALTER ROLE \"{0}\" BYPASSRLS", database.role()));
    let server = connect(&database.url()).unwrap();
    let expected = (database.fingerprint(), database.schema());
    let (text, census) = dump(&server);
    let plain = scratch(&server, &database);
    assert_eq!(load(&plain, &text, Trust::Verified).unwrap(), census);
    let twin = database.named(plain.name());
    assert_eq!((twin.fingerprint(), twin.schema()), expected);
    plain.discard().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("database.dump");
    std::fs::write(&file, read(server.dump(Format::Custom, &deadline()).unwrap()).unwrap().0).unwrap();
    let directory = dir.path().join("database.dir");
    server.dump_directory(&directory, 2, kit::Meter::default(), &deadline()).unwrap();
    for archive in [file, directory] {
        let scratch = scratch(&server, &database);
        scratch.load_archive(&archive, 2, Trust::Verified, &deadline()).unwrap();
        assert_eq!(scratch.census(&deadline()).unwrap(), census);
        let twin = database.named(scratch.name());
        assert_eq!((twin.fingerprint(), twin.schema()), expected);
        scratch.discard().unwrap();
        assert!(!twin.exists());
    }
}

#[test]
fn what_the_app_may_not_give_away_is_77_with_a_hint() {
    let database = testkit::Postgres::shared().fresh_creator();
    let server = connect(&database.url()).unwrap();
    let scratch = Scratch::create(Keeper::find(&server, None, &deadline()).unwrap(), &deadline()).unwrap();
    let failure = load(
        &scratch,
        b"CREATE TABLE t (a int); ALTER TABLE t OWNER TO postgres;\n-- PostgreSQL database dump complete\n",
        Trust::Verified,
    );
    let failure = failure.unwrap_err();
    assert!(failure.exit.code() == 77 && failure.hint.unwrap().contains("ADMIN_DATABASE_URL"));
    scratch.discard().unwrap();
}

#[test]
fn odd_names_are_restored_into() {
    for name in ["a=b", "postgres://x", "-rf", "it's \"odd\"; DROP", "größe 🔑 \\", "postgres_before_x"] {
        let long = format!("{name}{}", "x".repeat(63 - name.len()));
        let database = testkit::Postgres::shared().make(Wish { name: long, creator: true, ..Wish::default() });
        database.sql_as_app("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2);");
        let server = connect(&database.url()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        server.dump_directory(&dir.path().join("dump"), 1, kit::Meter::default(), &deadline()).unwrap();
        let scratch = Scratch::create(Keeper::find(&server, None, &deadline()).unwrap(), &deadline()).unwrap();
        scratch.load_archive(&dir.path().join("dump"), 2, Trust::Verified, &deadline()).unwrap();
        database.sql_as_app("INSERT INTO t VALUES (3)");
        let kept = scratch.swap(&deadline()).unwrap().unwrap();
        assert_eq!(database.sql_as_app("SELECT count(*) FROM t"), "2\n", "{name}");
        assert_eq!(database.named(&kept).sql_as_app("SELECT count(*) FROM t"), "3\n", "{name}");
    }
}

#[test]
fn who_may_not_make_databases_is_told_what_to_run() {
    let database = testkit::Postgres::shared().fresh();
    let server = connect(&database.url()).unwrap();
    let failure = Keeper::find(&server, None, &deadline()).unwrap_err();
    assert_eq!(failure.exit.code(), 77);
    let statement = format!("ALTER ROLE \"{}\" CREATEDB;", database.role());
    assert!(failure.hint.unwrap().contains(&statement));
    database.sql(&statement);
    Keeper::find(&server, None, &deadline()).unwrap();
    database.sql(&format!("ALTER DATABASE \"{}\" OWNER TO postgres", database.name()));
    let failure = Keeper::find(&server, None, &deadline()).unwrap_err();
    let statement = format!("ALTER DATABASE \"{}\" OWNER TO \"{}\";", database.name(), database.role());
    assert!(failure.exit.code() == 77 && failure.hint.unwrap().contains(&statement));
    let other = testkit::Postgres::start();
    let failure = Keeper::find(&server, Some(&address(&other.admin_url())), &deadline()).unwrap_err();
    assert_eq!(failure.exit.code(), 78, "{failure:?}");
}

#[test]
fn a_dump_that_is_not_whole_or_not_only_sql_is_refused() {
    let database = rich();
    let server = connect(&database.url()).unwrap();
    let (text, _) = dump(&server);
    let scratch = scratch(&server, &database);
    let canary = tempfile::tempdir().unwrap();
    let touch = format!("\\! touch {}\n", canary.path().join("canary").display());
    let program =
        format!("CREATE TABLE x (a text); COPY x FROM PROGRAM '{}';\n", touch.trim_start_matches("\\! ").trim());
    for (what, text, code) in [
        ("cut in the rows", text[..text.len() / 3].to_vec(), 65),
        ("nothing", Vec::new(), 65),
        ("a command", [touch.as_bytes(), &text].concat(), 65),
        ("a command behind SQL", format!("SELECT 1 {touch}").into_bytes(), 65),
        ("an error", [b"SELECT 1/0;\n", &text[..]].concat(), 74),
        ("no SQL", vec![0xff; 1 << 20], 65),
        ("a program", [program.as_bytes(), &text].concat(), 77),
    ] {
        let failure = load(&scratch, &text, Trust::Unverified).unwrap_err();
        assert_eq!(failure.exit.code(), code, "{what}: {failure:?}");
    }
    assert!(!canary.path().join("canary").exists());
    scratch.discard().unwrap();
}

#[test]
fn what_a_killed_restore_has_left_the_next_one_drops_and_nothing_else() {
    let database = testkit::Postgres::shared().fresh();
    let server = connect(&database.url()).unwrap();
    let name = database.name();
    let others = ["restore_mine", "restore_2026-11-21T10-15-00Z_mine", "before_2026-11-21T10-15-00Z"];
    let left = database.named(&format!("{name}_restore_2026-11-21T10-15-00Z"));
    for other in others.map(|other| format!("{name}_{other}")).iter().chain([&left.name().to_owned()]) {
        database.sql(&format!("CREATE DATABASE \"{other}\""));
    }
    let first = scratch(&server, &database);
    assert!(!left.exists());
    let second = scratch(&server, &database);
    assert!(database.named(first.name()).exists() && first.name() != second.name());
    let names = [first.name().to_owned(), second.name().to_owned()];
    drop((first, second));
    testkit::wait_until("their makers are gone", || {
        scratch(&server, &database).discard().unwrap();
        names.iter().all(|name| !database.named(name).exists())
    });
    for other in others {
        assert!(database.named(&format!("{name}_{other}")).exists(), "{other}");
    }
}

#[test]
fn a_server_killed_in_the_middle_leaves_the_live_database_as_it_was() {
    let own = testkit::Postgres::start();
    let database = own.fresh();
    database.rich();
    let server = connect(&database.url()).unwrap();
    let (text, _) = dump(&server);
    // Sequences skip some numbers in a crash, unless a checkpoint wrote them down.
    own.sql("CHECKPOINT");
    let before = database.fingerprint();
    let scratch = scratch(&server, &database);
    let left = database.named(scratch.name());
    let mut loading = scratch.load(Trust::Verified, &deadline()).unwrap();
    loading.write_all(&text[..text.len() / 2]).unwrap();
    own.kill_server();
    drop(loading.write_all(&text[text.len() / 2..]));
    let failure = loading.finish().unwrap_err();
    assert_eq!(failure.exit.code(), 69, "{failure:?}");
    assert_eq!(scratch.discard().unwrap_err().exit.code(), 69);
    own.restart();
    let mut after = database.fingerprint();
    // The server itself empties unlogged tables after a crash.
    after.insert("public.unlogged".to_owned(), before["public.unlogged"].clone());
    assert_eq!(after, before);
    assert!(left.exists());
    crate::restoring::scratch(&server, &database).discard().unwrap();
    assert!(!left.exists());
}
