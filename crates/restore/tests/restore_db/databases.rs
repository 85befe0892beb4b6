//! Databases on real servers become what a backup holds, or stay what they were.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use testkit::{Database, Mariadb, Postgres, Run, Sandbox, processes, wait_until};

/// An environment whose database is this one.
pub(crate) fn environment(database: &Database) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.set("DATABASE_URL", &database.url());
    sandbox
}

/// One database of each engine, whose role may make others.
pub(crate) fn both() -> [Database; 2] {
    [Postgres::shared().fresh_creator(), Mariadb::shared().fresh_creator()]
}

fn backup(sandbox: &Sandbox, args: &[&str]) -> PathBuf {
    PathBuf::from(sandbox.tool("backup-db").args(args).any_stdout().any_stderr().check().stdout.trim_end())
}

fn restore(sandbox: &Sandbox, args: &[&str]) -> Run {
    sandbox.tool("restore-db").arg("--yes").args(args)
}

/// All that a restore must bring back.
pub(crate) fn state(database: &Database) -> (BTreeMap<String, String>, String, String) {
    (database.fingerprint(), database.schema(), database.properties())
}

/// The databases of the server whose names begin with that of this one.
pub(crate) fn left_beside(database: &Database) -> Vec<String> {
    let sql = match database.engine() {
        testkit::Engine::Postgres => "SELECT datname FROM pg_database WHERE datname LIKE '{}%' ORDER BY 1",
        testkit::Engine::Mariadb => {
            "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE '{}%' ORDER BY 1"
        }
    };
    database.sql(&sql.replace("{}", database.name())).lines().map(str::to_owned).collect()
}

/// Two rows in a table.
fn simple(database: &Database) {
    database.sql_as_app("CREATE TABLE t (x int)");
    database.sql_as_app("INSERT INTO t VALUES (1), (2)");
}

fn rows(database: &Database) -> String {
    database.sql("SELECT count(*) FROM t").trim().to_owned()
}

#[test]
fn a_postgresql_database_becomes_the_backup_and_a_restore_can_be_undone() {
    let database = Postgres::shared().fresh_creator();
    database.rich();
    let sandbox = environment(&database);
    let good = state(&database);
    for format in ["plain", "custom", "directory"] {
        let set = backup(&sandbox, &["--format", format]);
        database.sql_as_app("CREATE TABLE newer (x int); INSERT INTO newer VALUES (1)");
        database.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
        let bad = state(&database);
        restore(&sandbox, &[set.to_str().unwrap()]).any_stdout().stderr_has("what was live is kept as").check();
        assert!(state(&database) == good, "{format}");
        assert_eq!(left_beside(&database).len(), 2, "{format}: what was live is kept, and nothing else");
        restore(&sandbox, &["--undo"]).any_stdout().stderr_has("is live again").check();
        assert!(state(&database) == bad, "{format}");
        restore(&sandbox, &["--undo"]).any_stdout().any_stderr().check();
        assert!(state(&database) == good, "{format}");
    }
}

#[test]
fn a_mariadb_database_becomes_the_backup_and_a_restore_can_be_undone() {
    let database = Mariadb::shared().fresh_creator();
    database.rich();
    let sandbox = environment(&database);
    let good = state(&database);
    let set = backup(&sandbox, &[]);
    // The backup of what is live must not push out the one that is being restored.
    sandbox.set("BACKUP_KEEP_LAST", "1");
    sandbox.set("BACKUP_AFTER_COMMAND", "false");
    database.sql("CREATE TABLE newer (x int); DELETE FROM texts; CREATE VIEW newer_view AS SELECT 1 AS a");
    let bad = state(&database);
    restore(&sandbox, &[set.to_str().unwrap()]).any_stdout().stderr_has("what is live now is kept as").check();
    assert!(state(&database) == good);
    assert_eq!(left_beside(&database), [database.name()]);
    restore(&sandbox, &["--undo"]).any_stdout().any_stderr().check();
    assert!(state(&database) == bad);
    assert_eq!(left_beside(&database), [database.name()]);
    // What a restore has kept is not the latest, and an older one is not what was live before the last.
    restore(&sandbox, &["--without-safety-backup", "latest"]).any_stdout().any_stderr().check();
    assert!(state(&database) == good);
    restore(&sandbox, &["--undo"]).code(66).stderr_has("made no backup of what it replaced").check();
}

#[test]
fn a_dry_run_and_a_drill_touch_nothing_and_leave_nothing() {
    for database in both() {
        simple(&database);
        let sandbox = environment(&database);
        backup(&sandbox, &[]);
        database.sql_as_app("INSERT INTO t VALUES (3)");
        let dry = sandbox.tool("restore-db").args(["--dry-run", "latest"]);
        dry.stdout_has(", 1 table, 2 rows)").check();
        let drill = sandbox.tool("restore-db").args(["--drill", "latest"]);
        drill.stdout_has(", 1 table, 2 rows, in ").any_stderr().check();
        let foreign = sandbox.write("foreign.sql", "CREATE TABLE u (x int);\n");
        let unseen = sandbox.tool("restore-db").args(["--dry-run", "--unverified"]).arg(foreign);
        unseen.stdout_has("; what is in it was not looked at\n").any_stderr().check();
        assert_eq!((rows(&database).as_str(), left_beside(&database).len()), ("3", 1));
        let list = sandbox.tool("backup-db").args(["list", "--json"]).any_stdout().check().json();
        assert_eq!(list["details"]["backups"][0]["grade"], "restored");
    }
}

#[test]
fn who_keeps_nothing_is_told_that_there_is_no_way_back() {
    let database = Postgres::shared().fresh_creator();
    simple(&database);
    let sandbox = environment(&database);
    let set = backup(&sandbox, &[]);
    let run = restore(&sandbox, &["--without-safety-backup", "--keep-previous=0", set.to_str().unwrap()]);
    let ran = run.any_stdout().stderr_has("dropped what was live: ").stderr_has("; there is no --undo\n").check();
    assert!(!ran.stderr.contains("is kept"), "{}", ran.stderr);
    assert_eq!(left_beside(&database), [database.name()]);
}

#[test]
fn a_backup_of_another_database_or_engine_is_78() {
    let [postgres, mariadb] = both();
    for (one, other_engine) in [(&postgres, &mariadb), (&mariadb, &postgres)] {
        simple(one);
        let sandbox = environment(one);
        let set = backup(&sandbox, &[]);
        let set = set.to_str().unwrap();
        let other = one.named(&format!("{}_2", one.name()));
        one.sql_as_app(&format!("CREATE DATABASE {}", other.name()));
        sandbox.set("DATABASE_URL", &other.url());
        restore(&sandbox, &[set]).code(78).stderr_has("say --into-other").check();
        sandbox.tool("restore-db").args(["--drill", set]).code(78).stderr_has("say --into-other").check();
        restore(&sandbox, &["--into-other", "--without-safety-backup", set]).any_stdout().any_stderr().check();
        assert_eq!((rows(&other).as_str(), rows(one).as_str()), ("2", "2"));
        sandbox.set("DATABASE_URL", &other_engine.url());
        restore(&sandbox, &["--into-other", set])
            .code(78)
            .stderr_has("set DATABASE_URL to a database of that engine")
            .check();
        sandbox.tool("restore-db").args(["--drill", set]).code(78).any_stderr().check();
        // It is whole, whatever the settings say.
        sandbox.tool("backup-db").args(["verify", set]).stdout_has("  verified  1 table, 2 rows").check();
        let is_scratch = |name: &String| name.contains("_restore_");
        assert!(![one, other_engine].into_iter().flat_map(left_beside).any(|name| is_scratch(&name)));
    }
}

#[test]
fn a_role_that_may_not_make_databases_is_told_what_it_needs_and_an_administrator_helps() {
    let server = Postgres::shared();
    let database = server.fresh();
    simple(&database);
    let sandbox = environment(&database);
    backup(&sandbox, &[]);
    database.sql_as_app("DELETE FROM t");
    restore(&sandbox, &["latest"]).code(77).stderr_has(" CREATEDB;").stderr_has("ADMIN_DATABASE_URL").check();
    assert_eq!(rows(&database), "0");
    sandbox.set("ADMIN_DATABASE_URL", &database.admin_url());
    let ran = restore(&sandbox, &["latest"]).any_stdout().any_stderr().check();
    assert_eq!(rows(&database), "2");
    assert!(!(ran.stdout + &ran.stderr + &sandbox.read("prod/journal.ndjson")).contains(database.password()));
}

#[test]
fn a_restore_that_is_killed_while_it_loads_touches_nothing_and_the_next_one_clears_up() {
    for database in both() {
        let (table, fill) = match database.engine() {
            testkit::Engine::Postgres => (
                "CREATE TABLE t (x int, y text)",
                "INSERT INTO t SELECT x, repeat('x', 1000) FROM generate_series(1, 20000) x",
            ),
            testkit::Engine::Mariadb => {
                ("CREATE TABLE t (x int, y text)", "INSERT INTO t SELECT seq, repeat('x', 1000) FROM seq_1_to_20000")
            }
        };
        database.sql_as_app(table);
        database.sql_as_app(fill);
        let sandbox = environment(&database);
        backup(&sandbox, &[]);
        database.sql_as_app("DELETE FROM t WHERE x > 5");
        let mut child = restore(&sandbox, &["--without-safety-backup", "latest"]).into_command().spawn().unwrap();
        wait_until("the scratch database is there", || left_beside(&database).len() > 1);
        testkit::kill("KILL", child.id());
        child.wait().unwrap();
        wait_until("its client is gone", || {
            let is_its = |process: &testkit::Process| {
                let words = fs::read(format!("/proc/{}/environ", process.pid)).unwrap_or_default();
                String::from_utf8_lossy(&words).contains(&format!("{}_restore_", database.name()))
            };
            !processes().iter().any(is_its)
        });
        assert_eq!(rows(&database), "5");
        restore(&sandbox, &["--without-safety-backup", "latest"]).any_stdout().any_stderr().check();
        assert_eq!(rows(&database), "20000");
        assert!(!left_beside(&database).iter().any(|name| name.contains("_restore_")), "{:?}", left_beside(&database));
    }
}

#[test]
fn what_killed_restores_of_mariadb_have_left_beside_it_goes_and_nothing_else() {
    let database = Mariadb::shared().fresh_creator();
    simple(&database);
    let sandbox = environment(&database);
    backup(&sandbox, &[]);
    let named = |end: &str| format!("{}_{end}", database.name());
    let (left, others) = (["before_20261121T101500Z", "restore_20261121T101500Z"], ["before_mine", "older"]);
    for end in left.iter().chain(&others) {
        database.sql(&format!("CREATE DATABASE {}", named(end)));
    }
    restore(&sandbox, &["--without-safety-backup", "latest"]).any_stdout().any_stderr().check();
    assert_eq!(left_beside(&database), [database.name().to_owned(), named(others[0]), named(others[1])]);
}

#[test]
fn dumps_that_other_programs_made_are_restored_when_that_is_said() {
    for database in both() {
        simple(&database);
        let sandbox = environment(&database);
        let is_postgres = database.engine() == testkit::Engine::Postgres;
        let dumps = if is_postgres {
            let dumper = format!("{} -d \"$URL\"", Postgres::program("pg_dump").display());
            vec![
                format!("{dumper} >dump.sql"),
                format!("{dumper} --inserts --no-owner | gzip >dump.sql.gz"),
                format!("{dumper} -Fc >dump.dump"),
                format!("{dumper} -Fc | zstd -q >dump.dump.zst"),
            ]
        } else {
            let dumper = |name| format!("{} --no-defaults -h 127.0.0.1", Mariadb::program(name).display());
            let to = format!("-P {} -u {} {}", Mariadb::shared().port(), database.role(), database.name());
            vec![
                format!("{} {to} >dump.sql", dumper("mariadb-dump")),
                format!("{} --skip-extended-insert --skip-opt {to} | zstd -q >dump.sql.zst", dumper("mysqldump")),
            ]
        };
        for script in dumps {
            let shell = sandbox.program("/bin/sh".as_ref()).env("URL", database.url());
            shell.env("MYSQL_PWD", database.password()).args(["-c", &script]).check();
            let file = script.rsplit_once('>').unwrap().1;
            restore(&sandbox, &[file]).code(2).stderr_has("say --unverified").check();
            for source in [file, "-"] {
                database.sql_as_app("DELETE FROM t");
                let run = restore(&sandbox, &["--unverified", "--without-safety-backup", source]);
                let run = run.stdin_file(fs::File::open(sandbox.path(file)).unwrap());
                run.any_stdout().any_stderr().check();
                assert_eq!(rows(&database), "2", "{script}, from {source}");
            }
        }
    }
}

#[test]
fn an_archive_in_a_directory_that_pg_dump_made_is_restored_when_that_is_said() {
    let database = Postgres::shared().fresh_creator();
    simple(&database);
    let sandbox = environment(&database);
    let dumper = sandbox.program(&Postgres::program("pg_dump")).args(["-Fd", "-j2", "-f", "dump.dir"]);
    dumper.args(["-d", &database.url()]).check();
    database.sql_as_app("DELETE FROM t");
    restore(&sandbox, &["./dump.dir"]).code(65).stderr_has("manifest.json is missing").check();
    restore(&sandbox, &["--unverified", "dump.dir"]).any_stdout().any_stderr().check();
    assert_eq!(rows(&database), "2");
    fs::remove_file(sandbox.path("dump.dir/toc.dat")).unwrap();
    restore(&sandbox, &["--unverified", "./dump.dir"]).code(2).stderr_has("for files of other programs").check();
}

#[test]
fn what_another_engine_made_and_what_is_torn_is_65_and_nothing_is_left() {
    let [postgres, mariadb] = both();
    simple(&postgres);
    simple(&mariadb);
    for (one, other) in [(&postgres, &mariadb), (&mariadb, &postgres)] {
        let (sandbox, others) = (environment(one), environment(other));
        let plain = backup(&others, &["--compress", "none"]).join("database.sql");
        testkit::rich_sqlite(&sandbox.path("app.sqlite"));
        fs::write(sandbox.path("empty.sql"), "").unwrap();
        fs::write(sandbox.path("torn.dump"), "PGDMP\x01\x0e").unwrap();
        for file in [plain.to_str().unwrap(), "app.sqlite", "empty.sql", "torn.dump"] {
            let run = restore(&sandbox, &["--unverified", "--without-safety-backup", file]).code(65);
            run.stderr_has("for which nobody vouches\nrestore-db: ").check();
            assert_eq!((rows(one).as_str(), left_beside(one).len()), ("2", 1), "{file}");
        }
    }
}

#[test]
fn commands_for_the_client_in_a_foreign_dump_never_run() {
    for database in both() {
        simple(&database);
        let sandbox = environment(&database);
        let marker = sandbox.path("pwned");
        let commands = if database.engine() == testkit::Engine::Postgres {
            vec![
                format!("\\! touch {}", marker.display()),
                format!("\\o {}", marker.display()),
                "\\c postgres".to_owned(),
            ]
        } else {
            vec![
                format!("\\! touch {}", marker.display()),
                format!("system touch {};", marker.display()),
                "USE mysql;".to_owned(),
            ]
        };
        let end = if database.engine() == testkit::Engine::Postgres {
            "--\n-- PostgreSQL database dump complete\n--\n"
        } else {
            "-- Dump completed\n"
        };
        for command in commands {
            let dump = format!("CREATE TABLE evil (x int);\n{command}\n{end}");
            let file = sandbox.write("evil.sql", &dump);
            let run = restore(&sandbox, &["--unverified", "--without-safety-backup", file.to_str().unwrap()]);
            let ran = run.any_stdout().any_stderr().into_command().output().unwrap();
            assert!(matches!(ran.status.code(), Some(65 | 74)), "{command}: {}", String::from_utf8_lossy(&ran.stderr));
            assert!(!marker.exists(), "{command}");
            assert_eq!((rows(&database).as_str(), left_beside(&database).len()), ("2", 1), "{command}");
        }
    }
}

#[test]
fn no_password_is_an_argument_of_a_program() {
    for database in both() {
        simple(&database);
        let sandbox = environment(&database);
        let traced = |tool: &str, args: &[&str]| {
            let run = sandbox.program("/usr/bin/strace".as_ref()).args([
                "-f",
                "-qq",
                "-s",
                "100000",
                "-e",
                "trace=execve",
                "-o",
                "trace",
            ]);
            let run = run.env("PUSHBACK_ENV", sandbox.env_file()).arg(testkit::tool_path(tool)).args(args);
            run.any_stdout().any_stderr().check();
            let trace = sandbox.read("trace");
            assert!(trace.contains("psql") || trace.contains("mariadb"), "the client programs are seen: {trace}");
            assert!(!trace.contains(database.password()), "{trace}");
        };
        traced("backup-db", &[]);
        traced("backup-db", &["check"]);
        traced("restore-db", &["--yes", "latest"]);
        traced("restore-db", &["--drill", "latest"]);
    }
}

#[test]
fn a_database_that_is_gone_is_made_anew_where_its_kind_is_known() {
    let [postgres, mariadb] = both();
    for database in [&postgres, &mariadb] {
        simple(database);
        let sandbox = environment(database);
        backup(&sandbox, &[]);
        let good = (database.fingerprint(), database.schema());
        let server = database.named(if database.engine() == testkit::Engine::Postgres { "postgres" } else { "mysql" });
        server.sql(&format!("DROP DATABASE {}", database.name()));
        let run = restore(&sandbox, &["latest"]).any_stdout();
        if database.engine() == testkit::Engine::Postgres {
            run.stderr_has("which is not there, from the backup").check();
            assert_eq!(left_beside(database), [database.name()]);
        } else {
            run.code(66).stderr_has("hint: make an empty one first").check();
            server.sql(&format!("CREATE DATABASE {} CHARACTER SET utf8mb4", database.name()));
            restore(&sandbox, &["latest"]).any_stdout().any_stderr().check();
        }
        assert!((database.fingerprint(), database.schema()) == good);
    }
}
