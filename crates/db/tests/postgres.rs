//! The PostgreSQL engine against a real server.
#![cfg(test)]

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use db::engine::{Dump, Server, Text};
use db::manifest::Census;
use db::postgres::{Postgres, Script};
use db::{Deadline, Format, Url};
use kit::Failure;
use testkit::{Database, Wish};

fn deadline() -> Deadline {
    Deadline::after(Duration::from_secs(300))
}

fn connect(url: &str) -> Result<Postgres, Failure> {
    match Url::parse(url).unwrap() {
        Url::Postgres(address) => Postgres::connect(&address, &deadline()),
        other => panic!("{other} is no PostgreSQL database"),
    }
}

fn read(mut dump: Box<dyn Dump>) -> Result<(Vec<u8>, Census), Failure> {
    let mut bytes = Vec::new();
    let read = dump.read_to_end(&mut bytes);
    let census = dump.finish()?;
    read.unwrap();
    Ok((bytes, census))
}

fn rich() -> Database {
    let database = testkit::Postgres::shared().fresh();
    database.rich();
    database
}

#[test]
fn the_server_is_asked_and_its_own_clients_are_found() {
    let database = testkit::Postgres::shared().fresh();
    for url in [database.url(), database.socket_url()] {
        let server = connect(&url).unwrap();
        assert_eq!(server.version().split('.').next(), server.client_version().split('.').next());
        assert!(server.size(&deadline()).unwrap().is_some_and(|size| size > 1_000_000));
    }
}

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
    let directory = server.dump_directory(&dir.path().join("dump"), 2, &deadline()).unwrap();
    assert!(dir.path().join("dump/toc.dat").is_file() && directory == asked);
}

#[test]
fn a_name_is_only_a_name() {
    for name in [
        "a=b",
        "postgres://x",
        "-rf",
        "it's \"odd\"; DROP",
        "host=nowhere dbname=x",
        "größe 🔑",
        "%41$(id)\\",
        "template9",
    ] {
        let wish = Wish { name: name.to_owned(), role: format!("role of {name}"), ..Wish::default() };
        let database = testkit::Postgres::shared().make(wish);
        database.sql_as_app("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2);");
        for url in [database.url(), database.socket_url()] {
            let server = connect(&url).unwrap();
            assert_eq!(server.census(&deadline()).unwrap()["public.t"], 2, "{name}");
            assert_eq!(read(server.dump(Format::Plain, &deadline()).unwrap()).unwrap().1["public.t"], 2, "{name}");
            let dir = tempfile::tempdir().unwrap();
            let census = server.dump_directory(&dir.path().join("dump"), 2, &deadline()).unwrap();
            assert_eq!(census["public.t"], 2, "{name}");
        }
    }
}

#[test]
fn a_database_that_is_not_there_has_no_size() {
    let database = testkit::Postgres::shared().fresh();
    let server = connect(&database.named("gone").url()).unwrap();
    assert_eq!(server.size(&deadline()).unwrap(), None);
    assert_eq!(server.census(&deadline()).unwrap_err().exit.code(), 66);
}

#[test]
fn who_is_not_let_in_is_77_and_what_does_not_answer_69() {
    let database = testkit::Postgres::shared().fresh();
    let url = database.url();
    let (begin, end) = url.split_once('@').unwrap();
    let (role, _) = begin.rsplit_once(':').unwrap();
    let wrong = connect(&format!("{role}:wr0ng@{end}")).unwrap_err();
    assert_eq!(wrong.exit.code(), 77);
    assert!(wrong.message.contains("password authentication failed") && !wrong.message.contains("wr0ng"), "{wrong:?}");
    let none = connect(&format!("{role}@{end}")).unwrap_err();
    assert!(none.exit.code() == 77 && none.message.contains("no password supplied"), "{none:?}");
    let refused = connect("postgres://app:s3cret@127.0.0.1:1/app").unwrap_err();
    assert_eq!(refused.exit.code(), 69);
    assert_eq!(
        refused.message,
        "cannot connect to postgres://127.0.0.1:1/app: connection to server at \"127.0.0.1\", port 1 failed: Connection refused"
    );
    assert_eq!(connect("postgres://app@no.such.host.invalid/app").unwrap_err().exit.code(), 69);
    assert_eq!(connect(&format!("{url}?sslmode=sometimes")).unwrap_err().exit.code(), 78);
    assert_eq!(connect(&format!("{url}?schema=public")).unwrap_err().exit.code(), 78);
    let plain = connect(&format!("{url}?sslmode=require")).unwrap_err();
    assert!(plain.exit.code() == 69 && plain.message.contains("SSL"), "{plain:?}");
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

#[test]
fn what_the_role_may_not_read_is_said_with_the_grant_that_helps() {
    let database = rich();
    let server = connect(&database.url()).unwrap();
    server.require_privileges(&deadline()).unwrap();
    database.rich_as_admin();
    let failure = server.require_privileges(&deadline()).unwrap_err();
    let role = format!("\"{}\"", database.role());
    assert_eq!(failure.exit.code(), 77);
    let hint = failure.hint.unwrap();
    for statement in [format!("GRANT pg_read_all_data TO {role};"), format!("ALTER ROLE {role} BYPASSRLS;")] {
        assert!(hint.contains(&statement), "{hint}");
        database.sql(&statement);
    }
    server.require_privileges(&deadline()).unwrap();
    let (_, census) = read(server.dump(Format::Plain, &deadline()).unwrap()).unwrap();
    assert_eq!((census["public.forced"], census["of_other.things"]), (2, 5));
    assert_eq!(server.census(&deadline()).unwrap(), census);
    database.sql("ALTER LARGE OBJECT 4711 OWNER TO postgres");
    let failure = server.require_privileges(&deadline()).unwrap_err();
    database.sql(&format!("GRANT SELECT ON LARGE OBJECT 4711 TO {role};"));
    assert!(failure.hint.unwrap().ends_with(&format!("GRANT SELECT ON LARGE OBJECT 4711 TO {role};")));
    server.require_privileges(&deadline()).unwrap();
    read(server.dump(Format::Plain, &deadline()).unwrap()).unwrap();
}

#[test]
fn a_dump_that_may_not_read_everything_is_77() {
    let database = rich();
    database.rich_as_admin();
    let server = connect(&database.url()).unwrap();
    for format in [Format::Plain, Format::Custom] {
        let failure = server.dump(format, &deadline()).and_then(read).unwrap_err();
        assert!(failure.exit.code() == 77 && failure.message.contains("permission denied"), "{failure:?}");
    }
    let dir = tempfile::tempdir().unwrap();
    let failure = server.dump_directory(&dir.path().join("dump"), 2, &deadline()).unwrap_err();
    assert_eq!(failure.exit.code(), 77);
}

#[test]
fn the_globals_bring_roles_and_settings_back_and_may_be_run_twice() {
    let own = testkit::Postgres::start();
    let database = own.fresh();
    database.rich();
    database.rich_as_admin();
    let role = database.role().to_owned();
    own.sql(&format!(
        "CREATE ROLE \"it's \\ a \"\"group\" NOLOGIN CONNECTION LIMIT 3 VALID UNTIL 'infinity';
         GRANT \"it's \\ a \"\"group\" TO \"{role}\" WITH ADMIN OPTION; ALTER ROLE \"{role}\" SET search_path = '';
         ALTER ROLE \"{role}\" SET my.setting = 'a''b\\c'"
    ));
    let globals = connect(&database.url()).unwrap().globals(&deadline()).unwrap();
    assert!(
        !globals.contains(database.password()) && !globals.contains("SCRAM") && !globals.contains("PASSWORD"),
        "{globals}"
    );
    let roles = "SELECT rolname, rolsuper, rolcreatedb, rolcanlogin, rolconnlimit, rolvaliduntil, rolconfig FROM pg_roles ORDER BY 1;
        SELECT roleid::regrole, member::regrole, admin_option FROM pg_auth_members ORDER BY 1, 2";
    let other = testkit::Postgres::start();
    let made = globals.lines().find_map(|line| line.strip_prefix("-- CREATE DATABASE")).unwrap();
    let (before, after) = globals.split_at(globals.find("\n-- CREATE DATABASE").unwrap());
    other.sql(before);
    other.sql(&format!("CREATE DATABASE {made}"));
    other.sql(after);
    assert_eq!(other.sql(roles), own.sql(roles));
    let twin = other.make(Wish::default()).named(database.name());
    assert_eq!(twin.properties(), database.properties());
    let before = other.sql(roles);
    other.sql(&globals);
    assert_eq!(other.sql(roles), before);
}

#[test]
fn a_password_file_is_respected() {
    use std::os::unix::fs::PermissionsExt;
    let database = testkit::Postgres::shared().fresh();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("passwords");
    std::fs::write(&file, format!("127.0.0.1:*:*:{}:{}\n", database.role(), database.password())).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let url = database.url().replace(&format!(":{}@", database.password()), "@");
    assert_eq!(connect(&url).unwrap_err().exit.code(), 77);
    connect(&format!("{url}?passfile={}", file.display())).unwrap();
    let env = dir.path().join("deploy.env");
    std::fs::write(&env, format!("DATABASE_URL={url}\nPGPASSFILE={}\n", file.display())).unwrap();
    std::fs::set_permissions(&env, std::fs::Permissions::from_mode(0o600)).unwrap();
    let settings = kit::settings::Settings::load(env.to_str()).unwrap();
    let Url::Postgres(address) = Url::require(&settings).unwrap() else { panic!("it is PostgreSQL") };
    Postgres::connect(&address, &deadline()).unwrap();
}

#[test]
fn no_argument_of_a_client_holds_a_name_or_a_secret() {
    let wish = Wish {
        name: "canary_name".to_owned(),
        role: "canary_role".to_owned(),
        password: "canary_password".to_owned(),
        ..Wish::default()
    };
    let database = testkit::Postgres::shared().make(wish);
    let server = connect(&database.url()).unwrap();
    for format in [Format::Plain, Format::Custom] {
        let dump = server.dump(format, &deadline()).unwrap();
        let children = testkit::processes().into_iter().filter(|process| process.parent == std::process::id());
        for child in children {
            let line = std::fs::read(format!("/proc/{}/cmdline", child.pid)).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            assert!(!line.contains("canary"), "{line}");
        }
        read(dump).unwrap();
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
