//! The server is killed in the midst of a restore: while the backup is loaded, and at the swap. Whoever reads, before it and
//! after its restart, finds the old data or the new, and the next run restores and clears up.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use testkit::{Database, Engine, OwnServer, Run, Sandbox, wait_until};

/// A server with a database of 20 MB, whose rows said `old` when it was backed up and say `new` now.
struct Stage {
    sandbox: Sandbox,
    server: OwnServer,
    database: Database,
    is_down: AtomicBool,
}

impl Stage {
    fn set(engine: Engine) -> Self {
        let server = OwnServer::start(engine);
        let database = server.fresh_creator();
        let sandbox = Sandbox::new();
        sandbox.set("DATABASE_URL", &database.url());
        let numbers = match engine {
            Engine::Postgres => "generate_series(1, 20000) numbers",
            Engine::Mariadb => "seq_1_to_20000",
        };
        database.sql_as_app(&format!(
            "CREATE TABLE t (word text, x text); CREATE TABLE u (word text);
             INSERT INTO t SELECT 'old', repeat('x', 1000) FROM {numbers}; INSERT INTO u VALUES ('old')"
        ));
        sandbox.tool("backup-db").any_stdout().check();
        database.sql_as_app("UPDATE t SET word = 'new'; UPDATE u SET word = 'new'");
        Self { sandbox, server, database, is_down: AtomicBool::new(false) }
    }

    fn restore(&self) -> Run {
        let run = self.sandbox.tool("restore-db").args(["--yes", "latest"]);
        if self.is_postgres() { run } else { run.arg("--without-safety-backup") }
    }

    fn is_postgres(&self) -> bool {
        self.database.engine() == Engine::Postgres
    }

    /// Asks the administrator's database: at the swap nobody new gets into the live one.
    fn ask(&self, sql: &str) -> String {
        self.database.named(if self.is_postgres() { "postgres" } else { "mysql" }).sql(sql).trim().to_owned()
    }

    /// What the rows of both tables say, in one statement.
    fn words(&self) -> Result<String, String> {
        let all = "(SELECT word FROM t UNION ALL SELECT word FROM u) words";
        let list = if self.is_postgres() { "string_agg(DISTINCT word, '+')" } else { "GROUP_CONCAT(DISTINCT word)" };
        self.database.try_sql_as_app(&format!("SELECT {list} FROM {all}")).map(|words| words.trim_end().to_owned())
    }

    /// The databases beside the live one, and how many bytes are in those that are being loaded.
    fn beside(&self) -> (usize, u64) {
        let name = self.database.name();
        let sql = match self.database.engine() {
            Engine::Postgres => format!(
                "SELECT count(*), coalesce(sum(pg_database_size(datname)) FILTER (WHERE datname LIKE '{name}_restore_%'), 0)
                 FROM pg_database WHERE datname LIKE '{name}_%'"
            ),
            Engine::Mariadb => format!(
                "SELECT COUNT(*), (SELECT COALESCE(SUM(file_size), 0) FROM information_schema.innodb_sys_tablespaces
                   WHERE name LIKE '{name}\\_restore\\_%')
                 FROM information_schema.schemata WHERE schema_name LIKE '{name}\\_%'"
            ),
        };
        let told = self.ask(&sql);
        let mut numbers = told.split(['|', '\t']).map(|number| number.parse().expect("the server counts"));
        let (count, bytes): (u64, u64) = (numbers.next().unwrap(), numbers.next().unwrap());
        (usize::try_from(count).unwrap(), bytes)
    }

    /// A reader sees the old data or the new, or that there is no server. PostgreSQL cuts each connection once.
    fn read(&self) {
        match self.words() {
            Ok(words) => assert!(words == "old" || words == "new", "a reader sees {words:?}"),
            Err(why) => {
                let cut = ["FATAL:  database \"", "terminating connection", "server closed"];
                let is_cut = self.is_postgres() && cut.iter().any(|words| why.contains(words));
                assert!(is_cut || self.is_down.load(Ordering::SeqCst), "a reader sees nothing: {why}");
            }
        }
    }

    /// Begins a restore, kills the server at a moment of it, and starts it again, while somebody reads. `false` when the restore
    /// was over before that moment was seen.
    fn is_killed(&self, moment: impl Fn() -> bool) -> bool {
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    self.read();
                }
            });
            let ended = catch_unwind(AssertUnwindSafe(|| {
                let mut restore = self.restore().spawn();
                wait_until("the moment has come", || moment() || restore.try_wait().unwrap().is_some());
                if restore.try_wait().unwrap().is_some_and(|status| status.success()) {
                    return false;
                }
                self.is_down.store(true, Ordering::SeqCst);
                self.server.kill();
                let code = restore.wait().unwrap().code();
                assert!(matches!(code, Some(69 | 74)), "{code:?}");
                self.server.restart();
                self.is_down.store(false, Ordering::SeqCst);
                assert_eq!(self.words().unwrap(), "new", "nothing live was touched");
                true
            }));
            is_over.store(true, Ordering::SeqCst);
            reader.join().unwrap();
            ended.unwrap()
        })
    }

    /// Begins a restore and lets the server stand still while the backup is loaded: the restore is given up. `false` when it was
    /// over before that.
    fn stands_still(&self) -> bool {
        let mut restore = self.restore().args(["--timeout", "5s"]).spawn();
        let is_over = |restore: &mut Child| restore.try_wait().unwrap().is_some();
        wait_until("it loads", || self.beside().0 > 0 || is_over(&mut restore));
        self.server.pause();
        wait_until("it is given up", || is_over(&mut restore));
        self.server.resume();
        let status = restore.wait().unwrap();
        assert!(status.success() || status.code() == Some(124), "{status}");
        !status.success()
    }

    /// The next run restores, and leaves nothing but what PostgreSQL keeps for an undo.
    fn is_restored(&self) {
        self.restore().any_stdout().any_stderr().check();
        assert_eq!(self.words().unwrap(), "old");
        assert_eq!(self.beside().0, usize::from(self.is_postgres()));
    }
}

#[test]
fn a_server_that_stands_still_is_given_up_at_the_deadline_and_has_lost_nothing() {
    for engine in [Engine::Postgres, Engine::Mariadb] {
        let stage = Stage::set(engine);
        stage.server.pause();
        for (tool, args) in
            [("backup-db", &["--timeout", "2s"][..]), ("restore-db", &["--timeout", "2s", "--yes", "latest"])]
        {
            stage.sandbox.tool(tool).args(args).code(124).any_stderr().check();
        }
        stage.server.resume();
        let was_given_up = (0..20).any(|_| {
            stage.database.sql_as_app("UPDATE t SET word = 'new'; UPDATE u SET word = 'new'");
            stage.stands_still()
        });
        assert!(was_given_up, "it was always over before the server stood still");
        assert_eq!(stage.words().unwrap(), "new", "nothing live was touched");
        stage.is_restored();
    }
}

/// Ends whoever holds something, also when the test fails.
struct Ending<'a>(&'a OwnServer);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.kill();
    }
}

fn is_killed_while_it_loads(engine: Engine) {
    let stage = Stage::set(engine);
    for megabytes in [0, 9, 18] {
        let is_loaded = || {
            let (count, bytes) = stage.beside();
            count > 0 && bytes >= megabytes << 20
        };
        let was_killed = (0..20).any(|_| {
            stage.database.sql_as_app("UPDATE t SET word = 'new'; UPDATE u SET word = 'new'");
            stage.is_killed(is_loaded)
        });
        assert!(was_killed, "it was never seen that {megabytes} MB are loaded");
    }
    stage.is_restored();
}

#[test]
fn a_server_of_postgresql_killed_while_a_backup_is_loaded_has_lost_nothing() {
    is_killed_while_it_loads(Engine::Postgres);
}

#[test]
fn a_server_of_mariadb_killed_while_a_backup_is_loaded_has_lost_nothing() {
    is_killed_while_it_loads(Engine::Mariadb);
}

#[test]
fn a_server_killed_while_the_swap_waits_has_lost_nothing() {
    for (engine, holds, held, waits) in [
        (
            Engine::Postgres,
            "SELECT pg_sleep(600)",
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)' AND pid <> pg_backend_pid()",
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'ALTER DATABASE % RENAME TO %'",
        ),
        (
            Engine::Mariadb,
            "START TRANSACTION; SELECT COUNT(*) FROM u; SELECT SLEEP(600)",
            "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%SLEEP(600)' AND id <> connection_id()",
            "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'rename table %'",
        ),
    ] {
        let stage = Stage::set(engine);
        thread::scope(|scope| {
            // The administrator's connection is not ended by a restore of the app's.
            scope.spawn(|| drop(catch_unwind(AssertUnwindSafe(|| stage.database.sql(holds)))));
            let _end = Ending(&stage.server);
            wait_until("it is held", || stage.ask(held) != "0");
            assert!(stage.is_killed(|| stage.ask(waits) != "0"), "the swap did not wait");
        });
        stage.server.restart();
        stage.is_restored();
    }
}
