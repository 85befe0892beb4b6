//! The real servers that tests get: they serve, they fall and come back, and they leave nothing behind.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use testkit::{Mariadb, Postgres, Process, Sandbox, Wish, is_alive, kill, processes, wait_until};

const AWKWARD: &str = "p:w @/%?#[]&='\"\\$é🔑";

fn awkward(creator: bool) -> Wish {
    let usual = Wish::default();
    Wish {
        name: format!("{} od_d=%é'`\"", usual.name),
        role: format!("{} r'`\"", usual.role),
        password: AWKWARD.into(),
        creator,
    }
}

fn psql(url: &str, text: &str) -> (bool, String) {
    let run = Command::new(Postgres::program("psql")).args(["-XAtq", "-d", url, "-c", text]).output();
    let run = run.expect("psql runs");
    (run.status.success(), String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned())
}

#[test]
fn a_fresh_postgresql_database_is_reached_by_tcp_and_by_socket_with_its_password_only() {
    let server = Postgres::shared();
    for database in [server.fresh(), server.make(awkward(false))] {
        for url in [database.url(), database.socket_url()] {
            let (well, told) = psql(&url, "SELECT current_database() || ' ' || current_user");
            assert!(well && told == format!("{} {}\n", database.name(), database.role()), "{url}: {told}");
        }
        let (well, told) = psql(&database.admin_url(), "SELECT rolsuper FROM pg_roles WHERE rolname = current_user");
        assert!(well && told == "t\n", "{told}");
        let (well, told) = psql(&database.url().replace("@127", "x@127"), "SELECT 1");
        assert!(!well && told.contains("password authentication failed"), "{told}");
        assert!(database.exists() && !database.named("another").exists());
    }
}

#[test]
fn an_app_of_postgresql_may_create_databases_only_when_the_test_says_so() {
    let server = Postgres::shared();
    let refused = server.fresh().try_sql_as_app("CREATE DATABASE not_mine");
    assert!(refused.is_err_and(|words| words.contains("permission denied to create database")));
    let creator = server.make(awkward(true));
    creator.sql_as_app("CREATE DATABASE \"mine's\"");
    assert!(creator.named("mine's").exists());
}

#[test]
fn a_fresh_mariadb_database_is_reached_by_tcp_and_by_socket_with_its_password_only() {
    let server = Mariadb::shared();
    for database in [server.fresh(), server.make(awkward(false))] {
        let client = |args: &[String], password: &str| {
            let mut client = Command::new(Mariadb::program("mariadb"));
            let fixed = ["--no-defaults", "--default-character-set=utf8mb4", "-BNr", "-e", "SELECT DATABASE(), USER()"];
            let run = client.args(fixed).args(args).env("MYSQL_PWD", password).output().expect("mariadb runs");
            (run.status.success(), String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned())
        };
        let who = [format!("-u{}", database.role()), format!("-D{}", database.name())];
        let tcp = ["--protocol=tcp".to_owned(), "-h127.0.0.1".to_owned(), format!("-P{}", server.port())];
        let socket = [format!("-S{}", server.socket().display())];
        for (place, host) in [(&tcp[..], "127.0.0.1"), (&socket[..], "localhost")] {
            let args = [place, &who[..]].concat();
            let (well, told) = client(&args, database.password());
            assert!(well && told == format!("{}\t{}@{host}\n", database.name(), database.role()), "{told}");
            let (well, told) = client(&args, "wrong");
            assert!(!well && told.contains("Access denied"), "{told}");
        }
        assert!(database.exists() && !database.named("another").exists());
    }
}

#[test]
fn an_app_of_mariadb_makes_databases_beside_its_own_only_when_the_test_says_so() {
    let server = Mariadb::shared();
    let plain = server.fresh();
    let beside = |name: &str| format!("CREATE DATABASE `{}_beside`", name.replace('`', "``"));
    assert!(plain.try_sql_as_app(&beside(plain.name())).is_err_and(|words| words.contains("Access denied")));
    let creator = server.make(awkward(true));
    creator.sql_as_app(&beside(creator.name()));
    assert!(creator.named(&format!("{}_beside", creator.name())).exists());
    assert!(creator.try_sql_as_app("CREATE DATABASE elsewhere").is_err());
}

#[test]
fn the_password_in_an_address_is_written_so_that_it_survives() {
    let url = Postgres::shared().make(awkward(false)).url();
    assert!(url.contains(":p%3Aw%20%40%2F%25%3F%23%5B%5D%26%3D%27%22%5C%24%C3%A9%F0%9F%94%91@127.0.0.1:"), "{url}");
}

#[test]
fn sql_that_fails_ends_the_test_with_the_clients_words() {
    for database in [Postgres::shared().fresh(), Mariadb::shared().fresh()] {
        let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            database.sql("SELECT 1;\nSELECT * FROM nowhere;\nCREATE TABLE too_late (a int);");
        }));
        let words = failed.expect_err("it ends").downcast::<String>().expect("in words");
        assert!(words.contains("nowhere") && words.contains("exist"), "{words}");
        assert!(database.fingerprint().keys().all(|table| !table.contains("too_late")), "it stopped at the error");
    }
}

#[test]
fn a_killed_postgresql_server_comes_back_with_what_was_committed() {
    let server = Postgres::start();
    let database = server.fresh();
    database.sql_as_app("CREATE TABLE kept AS SELECT 7 AS a");
    let mut busy = Command::new(Postgres::program("psql"));
    let busy = busy.args(["-XAtq", "-d", &database.url(), "-c", "SELECT 'here', pg_sleep(600)"]);
    let mut busy = busy.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("psql runs");
    let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT ''here%'";
    wait_until("the query runs", || database.sql(sleeps) == "1\n");
    let pid = server.pid().to_string();
    server.kill_server();
    assert!(!is_alive(&pid));
    assert!(!busy.wait().expect("psql ends").success(), "its connection is lost");
    assert!(database.try_sql_as_app("SELECT 1").is_err(), "nobody answers");
    server.restart();
    assert_eq!(database.sql_as_app("SELECT a FROM kept"), "7\n");
    server.stop();
    assert!(database.try_sql_as_app("SELECT 1").is_err(), "nobody answers");
    server.restart();
    assert_eq!(database.sql_as_app("SELECT a FROM kept"), "7\n");
}

#[test]
fn a_killed_mariadb_server_comes_back_with_what_was_committed() {
    let server = Mariadb::start();
    let database = server.fresh();
    database.sql_as_app("CREATE TABLE kept (a INT); INSERT INTO kept VALUES (7)");
    let pid = server.pid().to_string();
    server.kill_server();
    assert!(!is_alive(&pid) && database.try_sql_as_app("SELECT 1").is_err(), "nobody answers");
    server.restart();
    assert_eq!(database.sql_as_app("SELECT a FROM kept"), "7\n");
    server.stop();
    assert!(database.try_sql_as_app("SELECT 1").is_err(), "nobody answers");
    server.restart();
    assert_eq!(database.sql_as_app("SELECT a FROM kept"), "7\n");
}

#[test]
fn a_server_that_is_dropped_is_gone_with_its_directory() {
    let (postgres, mariadb) = (Postgres::start(), Mariadb::start());
    let pids = [postgres.pid().to_string(), mariadb.pid().to_string()];
    let dirs = [postgres.socket_dir().to_owned(), mariadb.socket().parent().expect("it lies there").to_owned()];
    assert!(dirs.iter().all(|dir| dir.join("data").exists()) && pids.iter().all(|pid| is_alive(pid)));
    drop((postgres, mariadb));
    assert!(!dirs.iter().any(|dir| dir.exists()) && !pids.iter().any(|pid| is_alive(pid)));
}

#[test]
fn a_killed_server_that_is_dropped_leaves_no_shared_memory() {
    let server = Postgres::start();
    server.kill_server();
    let pid_file = std::fs::read_to_string(server.socket_dir().join("data/postmaster.pid")).expect("it was killed");
    let memory = pid_file.lines().nth(6).expect("a key and a number").split_whitespace().last().expect("a number");
    let is_there = || {
        let listed = std::fs::read_to_string("/proc/sysvipc/shm").expect("the kernel lists them");
        listed.lines().any(|line| line.split_whitespace().nth(1) == Some(memory))
    };
    assert!(is_there(), "PostgreSQL holds {memory}");
    drop(server);
    assert!(!is_there());
}

/// A test process of its own that holds a server of either kind, one process and one directory each.
struct Holder {
    process: Child,
    held: Vec<(String, PathBuf)>,
}

impl Holder {
    /// Runs this very test in another process; `program` is where this test program lies, for it makes its data there.
    fn start(test: &str, program: &Path) -> Self {
        let mut process = Command::new(program)
            .args(["--exact", test, "--nocapture"])
            .env("PUSHBACK_HOLD_SERVERS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a test runs");
        // Read, and kept open: it goes on printing.
        let lines = BufReader::new(process.stdout.as_mut().expect("it is piped")).lines().map_while(Result::ok);
        let held = lines.filter_map(|line| {
            let (pid, dir) = line.strip_prefix("HELD ")?.split_once(' ')?;
            Some((pid.to_owned(), PathBuf::from(dir)))
        });
        let held: Vec<_> = held.take(2).collect();
        assert_eq!(held.len(), 2, "it holds a server of either kind");
        assert!(held.iter().all(|(pid, dir)| is_alive(pid) && dir.join("data").exists()));
        Self { process, held }
    }

    /// What the other process does instead of the test: it holds servers until its standard input ends.
    fn is_this() -> bool {
        if std::env::var_os("PUSHBACK_HOLD_SERVERS").is_none() {
            return false;
        }
        let (postgres, mariadb) = (Postgres::shared(), Mariadb::shared());
        println!("\nHELD {} {}", postgres.pid(), postgres.socket_dir().display());
        println!("\nHELD {} {}", mariadb.pid(), mariadb.socket().parent().expect("it lies there").display());
        std::io::stdin().read_to_end(&mut Vec::new()).expect("it waits here for its end");
        true
    }

    fn is_gone(&self) -> bool {
        !self.held.iter().any(|(pid, dir)| is_alive(pid) || dir.exists())
    }
}

#[test]
fn a_test_process_that_is_killed_leaves_no_server_and_no_directory() {
    if Holder::is_this() {
        return;
    }
    let test = "a_test_process_that_is_killed_leaves_no_server_and_no_directory";
    let mut holder = Holder::start(test, &std::env::current_exe().expect("a test knows its own path"));
    let children = of_servers(&holder.held);
    kill("KILL", holder.process.id());
    drop(holder.process.wait());
    wait_until("servers and directories are gone", || holder.is_gone() && !children.iter().any(Process::lives));
}

#[test]
fn two_test_processes_that_both_are_the_first_to_make_the_data_do_not_mind_each_other() {
    if Holder::is_this() {
        return;
    }
    let test = "two_test_processes_that_both_are_the_first_to_make_the_data_do_not_mind_each_other";
    let sandbox = Sandbox::new();
    let program = sandbox.path("target/debug/deps/servers");
    std::fs::create_dir_all(sandbox.path("target/debug/deps")).expect("directories can be made");
    // By another process: a child that another test is just starting would hold the file open for writing, and what is
    // open for writing cannot be run.
    let own = std::env::current_exe().expect("a test knows its own path");
    assert!(Command::new("cp").args([&own, &program]).status().expect("cp runs").success());
    let mut holders: Vec<Holder> = std::thread::scope(|scope| {
        let both = [(); 2].map(|()| scope.spawn(|| Holder::start(test, &program)));
        both.into_iter().map(|one| one.join().expect("it holds servers")).collect()
    });
    let kept = std::fs::read_dir(sandbox.path("target/servers")).expect("the data is kept").flatten();
    let mut kept: Vec<String> = kept.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    kept.sort();
    assert!(kept.len() == 2 && kept[0].starts_with("mariadb-10") && kept[1].starts_with("postgres-1"), "{kept:?}");
    for holder in &mut holders {
        drop(holder.process.stdin.take());
        assert!(holder.process.wait().expect("it ends").success());
    }
    wait_until("servers and directories are gone", || holders.iter().all(Holder::is_gone));
}

#[test]
fn a_server_that_stands_still_answers_when_it_goes_on_and_ends_when_it_does_not() {
    let (postgres, mariadb) = (Postgres::start(), Mariadb::start());
    for database in [postgres.fresh(), mariadb.fresh()] {
        postgres.pause();
        mariadb.pause();
        let (told, answer) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let database = &database;
            scope.spawn(move || told.send(database.sql("SELECT 1")));
            let early = answer.recv_timeout(std::time::Duration::from_millis(300));
            assert!(early.is_err(), "a stopped server answered: {early:?}");
            postgres.resume();
            mariadb.resume();
        });
        assert_eq!(answer.recv().expect("it answers"), "1\n");
    }
    postgres.pause();
    mariadb.pause();
    let dirs = [postgres.socket_dir().to_owned(), mariadb.socket().parent().expect("it lies there").to_owned()];
    drop((postgres, mariadb));
    assert!(!dirs.iter().any(|dir| dir.exists()));
}

/// The processes that the servers started.
fn of_servers(held: &[(String, PathBuf)]) -> Vec<Process> {
    let is_child = |process: &Process| held.iter().any(|(pid, _)| process.parent.to_string() == *pid);
    let children: Vec<_> = processes().into_iter().filter(is_child).collect();
    assert!(!children.is_empty(), "PostgreSQL has helpers");
    children
}

#[test]
fn a_socket_lies_where_its_path_fits_and_every_user_gets_to_it() {
    use std::os::unix::fs::PermissionsExt;
    let dirs = [Postgres::shared().socket_dir().to_owned(), Mariadb::shared().socket()];
    for dir in dirs {
        assert!(dir.as_os_str().len() < 80, "{}", dir.display());
        let passes = |dir: &Path| dir.metadata().is_ok_and(|dir| dir.permissions().mode() & 0o001 != 0);
        assert!(dir.ancestors().all(passes), "{}", dir.display());
    }
}
