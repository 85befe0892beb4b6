//! Databases on real servers: what is backed up is whole, and restores by the engine's own client.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use testkit::{Database, Mariadb, Postgres, Run, Sandbox, wait_until};

use crate::server::{litter, sets};

/// An environment whose database is this one.
fn environment(database: &Database) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.set("DATABASE_URL", &database.url());
    sandbox
}

fn create(sandbox: &Sandbox) -> Run {
    sandbox.tool("backup-db")
}

/// Makes a backup, which verifies; its directory.
fn made(sandbox: &Sandbox, args: &[&str]) -> PathBuf {
    let made = PathBuf::from(create(sandbox).args(args).any_stdout().any_stderr().check().stdout.trim_end());
    let name = made.file_name().unwrap().to_str().unwrap().to_owned();
    sandbox.tool("backup-db").args(["verify", &name]).stdout_has(format!("{name}  verified  ")).check();
    made
}

fn manifest(set: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(set.join("manifest.json")).unwrap()).unwrap()
}

/// What decodes this file.
fn decoder(file: &str) -> &'static str {
    match file.rsplit_once('.') {
        Some((_, "gz")) => "gzip -dc",
        Some((_, "zst")) => "zstd -dc",
        _ => "cat",
    }
}

/// Restores a set of PostgreSQL by hand, as docs/recovery.md says.
fn restore_postgres(sandbox: &Sandbox, set: &Path, to: &Database) {
    let file = manifest(set)["file"].as_str().unwrap().to_owned();
    let stored = set.join(&file);
    let client = if file.contains(".dir") {
        format!("{} --exit-on-error -j2 -d \"$TO\" {}", Postgres::program("pg_restore").display(), stored.display())
    } else if file.contains(".dump") {
        format!("{} --exit-on-error -d \"$TO\"", Postgres::program("pg_restore").display())
    } else {
        format!("{} -Xq -v ON_ERROR_STOP=1 -d \"$TO\" >/dev/null", Postgres::program("psql").display())
    };
    let decoded = format!("{} {} | ", decoder(&file), stored.display());
    let script = if file.contains(".dir") { client } else { decoded + &client };
    sandbox.program("/bin/sh".as_ref()).env("TO", to.url()).args(["-c", &script]).check();
}

/// The same of MariaDB.
fn restore_mariadb(sandbox: &Sandbox, server: &Mariadb, set: &Path, to: &Database) {
    let file = manifest(set)["file"].as_str().unwrap().to_owned();
    let client = format!(
        "{} --no-defaults --default-character-set=utf8mb4 -S {} -u {} {}",
        Mariadb::program("mariadb").display(),
        server.socket().display(),
        to.role(),
        to.name()
    );
    let script = format!("{} {} | {client}", decoder(&file), set.join(&file).display());
    sandbox.program("/bin/sh".as_ref()).env("MYSQL_PWD", to.password()).args(["-c", &script]).check();
}

fn assert_same(from: &Database, to: &Database, what: &str) {
    assert_eq!(from.fingerprint(), to.fingerprint(), "{what}");
    assert!(from.schema() == to.schema(), "{what}: the structure differs");
}

#[test]
fn a_postgresql_database_comes_back_from_each_format_and_codec() {
    let server = Postgres::shared();
    let from = server.fresh_creator();
    from.rich();
    let sandbox = environment(&from);
    for (number, (format, codec)) in [
        ("plain", "gzip"),
        ("plain", "zstd"),
        ("plain", "none"),
        ("custom", "gzip"),
        ("custom", "zstd"),
        ("directory", "gzip"),
    ]
    .into_iter()
    .enumerate()
    {
        let what = format!("{format}, {codec}");
        let set = made(&sandbox, &["--format", format, "--compress", codec]);
        let told = manifest(&set);
        assert_eq!((&told["engine"], &told["format"]), (&"postgres".into(), &format.into()), "{what}");
        assert!(told["engine_version"].as_str().unwrap().starts_with("15."), "{told}");
        assert!(told["client_version"].as_str().unwrap().starts_with("15."), "{told}");
        let to = from.named(&format!("{}_{number}", from.name()));
        from.sql_as_app(&format!("CREATE DATABASE \"{}\"", to.name()));
        restore_postgres(&sandbox, &set, &to);
        assert_same(&from, &to, &what);
    }
    let globals = fs::read_to_string(sets(&sandbox)[0].join("globals.sql")).unwrap();
    assert!(globals.contains(from.role()) && !globals.contains(from.password()), "{globals}");
}

#[test]
fn a_mariadb_database_comes_back() {
    let server = Mariadb::shared();
    let from = server.fresh_creator();
    from.rich();
    let sandbox = environment(&from);
    for (number, codec) in ["gzip", "zstd", "none"].into_iter().enumerate() {
        let set = made(&sandbox, &["--compress", codec]);
        let told = manifest(&set);
        assert_eq!((&told["engine"], &told["format"]), (&"mysql".into(), &"plain".into()));
        assert!(told["engine_version"].as_str().unwrap().contains("MariaDB"), "{told}");
        let to = from.named(&format!("{}_{number}", from.name()));
        from.sql_as_app(&format!("CREATE DATABASE {}", to.name()));
        restore_mariadb(&sandbox, server, &set, &to);
        assert_same(&from, &to, codec);
    }
    create(&sandbox).args(["--format", "custom"]).code(78).stderr_has("mysql has one format of dumps only").check();
}

#[test]
fn a_set_of_a_server_is_listed_checked_and_streamed_like_any_other() {
    for database in [Postgres::shared().fresh(), Mariadb::shared().fresh()] {
        database.sql_as_app("CREATE TABLE t (x int)");
        database.sql_as_app("INSERT INTO t VALUES (1), (2), (3)");
        let sandbox = environment(&database);
        let check = sandbox.tool("backup-db").arg("check");
        check.stdout_has("\nthe role may read all that a backup needs\n").check();
        made(&sandbox, &[]);
        let list = sandbox.tool("backup-db").args(["list", "--json"]).any_stdout().check().json();
        let backup = &list["details"]["backups"][0];
        assert_eq!((&backup["rows"], &backup["grade"]), (&3.into(), &"verified".into()));
        assert!(!list.to_string().contains(database.password()));
        let script = "\"$B\" --output - | gzip -dc | tail -8";
        let run = sandbox.program("/bin/sh".as_ref()).env("B", testkit::tool_path("backup-db"));
        let run = run.env("PUSHBACK_ENV", sandbox.env_file()).args(["-c", script]);
        let end = run.any_stdout().check().stdout;
        assert!(end.contains("dump complete") || end.contains("Dump completed"), "{end}");
        assert_eq!((sets(&sandbox).len(), litter(&sandbox).len()), (1, 0));
    }
}

#[test]
fn a_set_whose_text_was_changed_does_not_verify() {
    for (database, from, to) in [
        (Postgres::shared().fresh(), "dump complete", "dump complect"),
        (Mariadb::shared().fresh(), "Dump completed", "Dump complected"),
    ] {
        database.sql_as_app("CREATE TABLE t (x int)");
        database.sql_as_app("INSERT INTO t VALUES (1), (2), (3)");
        let sandbox = environment(&database);
        let set = made(&sandbox, &["--compress", "none"]);
        let path = set.join("database.sql");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from));
        for changed in [text.replace(from, to), text[..text.len() / 2].to_owned(), text.replace('3', "4")] {
            fs::write(&path, changed).unwrap();
            sandbox.tool("backup-db").args(["verify", "latest"]).code(1).any_stdout().any_stderr().check();
        }
    }
}

#[test]
fn a_dumper_that_dies_on_its_way_leaves_no_backup() {
    for (database, program) in [(Postgres::shared().fresh(), "pg_dump"), (Mariadb::shared().fresh(), "mariadb-dump")] {
        let rows = match program {
            "pg_dump" => "INSERT INTO t SELECT repeat('x', 1000) FROM generate_series(1, 20000)",
            _ => "INSERT INTO t SELECT repeat('x', 1000) FROM seq_1_to_20000",
        };
        database.sql_as_app("CREATE TABLE t (x text)");
        database.sql_as_app(rows);
        let sandbox = environment(&database);
        let run = create(&sandbox).args(["--output", "-", "--compress", "none"]);
        let mut child = run
            .into_command()
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // Nobody reads yet, so the dumper waits in the middle of its work.
        let own = child.id();
        let dumper = || {
            testkit::processes().into_iter().find(|process| {
                let parent = fs::read_to_string(format!("/proc/{}/stat", process.pid)).unwrap_or_default();
                let parent = parent.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)?.parse::<u32>().ok());
                let name = fs::read_to_string(format!("/proc/{}/comm", process.pid)).unwrap_or_default();
                let asks = fs::read_to_string(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
                parent == Some(own) && name.trim() == program && !asks.contains("--version")
            })
        };
        wait_until("the dumper is at work", || dumper().is_some());
        testkit::kill("KILL", dumper().unwrap().pid);
        let ended = {
            drop(child.stdout.take());
            child.wait_with_output().unwrap()
        };
        assert_eq!(ended.status.code(), Some(74), "{}", String::from_utf8_lossy(&ended.stderr));
        assert!(sets(&sandbox).is_empty() && litter(&sandbox).is_empty());
    }
}

#[test]
fn a_server_that_is_not_there_is_69_and_a_wrong_password_77_and_no_secret_is_told() {
    for database in [Postgres::shared().fresh(), Mariadb::shared().fresh()] {
        let sandbox = environment(&database);
        let url = database.url();
        let (scheme, rest) = url.split_once("://").unwrap();
        let (_, place) = rest.split_once('@').unwrap();
        let (server, name) = place.split_once('/').unwrap();
        for (url, code, hint) in [
            (format!("{scheme}://{}:s3cret@127.0.0.1:1/{name}", database.role()), 69, "hint: is the server running"),
            (format!("{scheme}://{}:s3cret@{server}/{name}", database.role()), 77, "hint: are user and password of"),
            (format!("{scheme}://{}:{}@{server}/nowhere", database.role(), database.password()), 66, ""),
        ] {
            // MariaDB does not say that a database is missing to those who may not use it.
            let codes: &[i32] = if scheme == "mysql" && code == 66 { &[66, 77] } else { &[code] };
            sandbox.set("DATABASE_URL", &url);
            let run = create(&sandbox).arg("--json").into_command().output().unwrap();
            let said = String::from_utf8_lossy(&run.stderr).into_owned() + &String::from_utf8_lossy(&run.stdout);
            assert!(run.status.code().is_some_and(|code| codes.contains(&code)), "{url}: {said}");
            assert!(said.contains(hint), "{url}: {said}");
            assert!(!said.contains("s3cret") && !said.contains(database.password()), "{said}");
        }
        assert!(sets(&sandbox).is_empty());
    }
}

#[test]
fn a_directory_is_dumped_by_several_jobs_and_whatever_is_wrong_in_it_is_seen() {
    let database = Postgres::shared().fresh();
    database.sql_as_app("CREATE TABLE t (x int); CREATE TABLE u (x int)");
    database.sql_as_app("INSERT INTO t VALUES (1), (2), (3)");
    let sandbox = environment(&database);
    create(&sandbox).args(["--format", "directory", "--output", "-"]).code(78).stderr_has("cannot be written").check();
    create(&sandbox).args(["--jobs", "2"]).code(78).stderr_has("say --format directory").check();
    let set = made(&sandbox, &["--format", "directory", "--jobs", "2"]);
    assert_eq!(manifest(&set)["tables"]["public.t"], 3);
    let dir = set.join("database.dir");
    let list = || sandbox.tool("backup-db").args(["list", "--json"]).any_stdout().check().json();
    assert!(list()["details"]["backups"][0]["damaged"].is_null());
    for entry in fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        let good = fs::read(&path).unwrap();
        fs::write(&path, [&good[..], b"x"].concat()).unwrap();
        assert!(list()["details"]["backups"][0]["damaged"].as_str().unwrap().starts_with("database.dir has "));
        sandbox.tool("backup-db").args(["verify", "latest"]).code(1).any_stdout().any_stderr().check();
        fs::remove_file(&path).unwrap();
        sandbox.tool("backup-db").args(["verify", "latest"]).code(1).any_stdout().any_stderr().check();
        fs::write(&path, good).unwrap();
    }
    sandbox.tool("backup-db").args(["verify", "latest"]).any_stdout().check();
}
