//! A database on a server with one backup, of a time when every row said `old`; now they say `new`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use server::sweep::Struck;
use testkit::{Database, Engine, Mariadb, Postgres, Run, Sandbox, wait_until};

use crate::shop::names;

/// What is swept: an engine, and a format of its dumps.
pub(crate) trait Kind: Sync {
    const ENGINE: Engine;
    const FORMAT: &str = "plain";
}

/// PostgreSQL, dumped as SQL.
pub(crate) struct Plain;

/// PostgreSQL, dumped as an archive.
pub(crate) struct Custom;

/// MariaDB.
pub(crate) struct Maria;

impl Kind for Plain {
    const ENGINE: Engine = Engine::Postgres;
}

impl Kind for Custom {
    const ENGINE: Engine = Engine::Postgres;
    const FORMAT: &str = "custom";
}

impl Kind for Maria {
    const ENGINE: Engine = Engine::Mariadb;
}

/// Two tables that change together, and what hangs on them.
const OLD: [&str; 2] = [
    "CREATE TABLE t (i int PRIMARY KEY, word text);
     CREATE TABLE u (i int, word text);
     INSERT INTO t SELECT i, 'old' FROM generate_series(1, 200) i;
     INSERT INTO u VALUES (1, 'old');
     CREATE VIEW v AS SELECT i FROM t;
     CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';",
    "CREATE TABLE t (i int PRIMARY KEY, word text);
     CREATE TABLE u (i int, word text);
     INSERT INTO t SELECT seq, 'old' FROM seq_1_to_200;
     INSERT INTO u VALUES (1, 'old');
     CREATE VIEW v AS SELECT i FROM t;
     CREATE TRIGGER first BEFORE INSERT ON u FOR EACH ROW SET NEW.i = 1;
     CREATE PROCEDURE f() SELECT 1;
     CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1;",
];

const NEW: [&str; 2] = [
    "UPDATE t SET word = 'new'; UPDATE u SET word = 'new';
     CREATE TABLE more AS SELECT i FROM t; CREATE VIEW w AS SELECT 1 AS a;
     DROP FUNCTION f(); CREATE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT 2';",
    "UPDATE t SET word = 'new'; UPDATE u SET word = 'new';
     CREATE TABLE more AS SELECT i FROM t; CREATE VIEW w AS SELECT 1 AS a;
     DROP TRIGGER first; CREATE TRIGGER second BEFORE INSERT ON t FOR EACH ROW SET NEW.i = 2;
     DROP PROCEDURE f; CREATE PROCEDURE g() SELECT 2; DROP EVENT e;",
];

const WORDS: [&str; 2] = [
    "SELECT string_agg(DISTINCT word, '+') FROM (SELECT word FROM t UNION ALL SELECT word FROM u) words",
    "SELECT GROUP_CONCAT(DISTINCT word SEPARATOR '+') FROM (SELECT word FROM t UNION ALL SELECT word FROM u) words",
];

/// All that a restore must bring back: the rows, and what is round them.
#[derive(Debug, PartialEq)]
pub(crate) struct State {
    rows: BTreeMap<String, String>,
    round: (String, String),
}

pub(crate) struct Served {
    pub(crate) sandbox: Sandbox,
    pub(crate) database: Database,
    pub(crate) old: State,
    pub(crate) new: State,
    /// The name of the backup.
    pub(crate) first: String,
}

impl Served {
    /// On the server that the tests share.
    pub(crate) fn open<K: Kind>() -> Self {
        Self::with::<K>(match K::ENGINE {
            Engine::Postgres => Postgres::shared().fresh_creator(),
            Engine::Mariadb => Mariadb::shared().fresh_creator(),
        })
    }

    /// In this database.
    pub(crate) fn with<K: Kind>(database: Database) -> Self {
        let sandbox = Sandbox::new();
        sandbox.set("DATABASE_URL", &database.url());
        if K::ENGINE == Engine::Postgres {
            sandbox.set("BACKUP_FORMAT", K::FORMAT);
        }
        database.sql_as_app(of(&OLD, &database));
        sandbox.tool("backup-db").any_stdout().check();
        let old = state(&database);
        database.sql_as_app(of(&NEW, &database));
        let new = state(&database);
        let mut served = Self { sandbox, database, old, new, first: String::new() };
        served.first = served.sets().concat();
        served
    }

    /// What the live database holds.
    pub(crate) fn state(&self) -> State {
        state(&self.database)
    }

    /// Reads both tables in one statement: they are old or new. PostgreSQL cuts each connection once.
    pub(crate) fn read(&self, may_be_down: bool) {
        match self.database.try_sql_as_app(of(&WORDS, &self.database)) {
            Ok(words) => assert!(matches!(words.trim_end(), "old" | "new"), "a reader sees {words:?}"),
            Err(why) => {
                let cut = ["FATAL:  database \"", "terminating connection", "server closed"];
                let is_cut = self.is_postgres() && cut.iter().any(|words| why.contains(words));
                assert!(is_cut || may_be_down, "a reader sees nothing: {why}");
            }
        }
    }

    /// After a restore that was struck the database is the old one or the new one, and the tool has told the truth. What hangs
    /// on the tables of MySQL follows from the plan: the next run finishes it.
    pub(crate) fn is_old_or_new(&self, struck: &Struck) {
        let state = self.state();
        assert!(state.rows == self.old.rows || state.rows == self.new.rows, "the rows are neither old nor new");
        let is_whole = state == self.old || state == self.new;
        assert!(is_whole || !self.is_postgres(), "the database is neither the old nor the new");
        if !struck.is_kill() {
            struck.ended_in_order("restore-db");
            assert!(state == self.old || !struck.is_done(), "done, and not restored: {}", struck.stderr);
            let told = struck.stderr.contains("run restore-db again");
            assert!(
                state == self.new || struck.is_done() || told,
                "{}, and restored: {}",
                struck.status,
                struck.stderr
            );
        }
    }

    /// After a restore that was done the database is the old one, and nothing is left but what PostgreSQL keeps for an undo.
    pub(crate) fn is_restored(&self) {
        assert!(self.state() == self.old, "running it again restores");
        let beside = self.beside();
        assert!(!beside.iter().any(|name| name.contains("_restore_")), "{beside:?} is left");
        assert_eq!(beside.len(), if self.is_postgres() { 2 } else { 1 }, "{beside:?} is left");
        assert_eq!(self.hidden(), [""; 0]);
    }

    /// Gives the live database its newer content, and takes away what is beside it.
    pub(crate) fn renew(&self) {
        let name = self.database.name();
        let drop_all = |all: Vec<String>| -> String {
            let force = if self.is_postgres() { " WITH (FORCE)" } else { "" };
            all.iter().map(|name| format!("DROP DATABASE IF EXISTS {name}{force};\n")).collect()
        };
        let create = if self.is_postgres() {
            format!("CREATE DATABASE {name} OWNER {};", self.database.role())
        } else {
            format!("CREATE DATABASE {name};")
        };
        self.server().sql(&(drop_all(self.beside()) + &create));
        self.database.sql_as_app(of(&OLD, &self.database));
        self.database.sql_as_app(of(&NEW, &self.database));
    }

    /// The databases whose names begin with that of the live one.
    pub(crate) fn beside(&self) -> Vec<String> {
        let (names, database) = match self.database.engine() {
            Engine::Postgres => ("datname", "pg_database"),
            Engine::Mariadb => ("schema_name", "information_schema.schemata"),
        };
        let name = self.database.name();
        let sql = format!("SELECT {names} FROM {database} WHERE {names} LIKE '{name}%' ORDER BY 1");
        // PostgreSQL's names of what was made by a restore hold dashes.
        let quote = if self.is_postgres() { "\"" } else { "`" };
        self.server().sql(&sql).lines().map(|name| format!("{quote}{name}{quote}")).collect()
    }

    /// Waits until the server has done what a tool that is gone has asked it to.
    pub(crate) fn settle(&self) {
        let sql = match self.database.engine() {
            Engine::Postgres => "SELECT count(*) FROM pg_stat_activity WHERE usename = ",
            Engine::Mariadb => "SELECT count(*) FROM information_schema.processlist WHERE user = ",
        };
        let sql = format!("{sql}'{}'", self.database.role());
        wait_until("nobody is connected any more", || self.server().sql(&sql).trim() == "0");
    }

    /// A run of restore-db that must do what it is told.
    pub(crate) fn restore(&self, set: &str) -> Run {
        let run = self.sandbox.tool("restore-db").args(["-q", "--yes"]);
        if self.is_postgres() { run.arg(set) } else { run.args(["--without-safety-backup", set]) }
    }

    /// The backups under their final names, in the order of time.
    pub(crate) fn sets(&self) -> Vec<String> {
        let mut sets = names(&self.backups());
        sets.retain(|name| !name.starts_with('.'));
        sets
    }

    /// What lies hidden beside them, but for the lock.
    pub(crate) fn hidden(&self) -> Vec<String> {
        let mut hidden = names(&self.backups());
        hidden.retain(|name| name.starts_with('.') && name != ".lock");
        hidden
    }

    pub(crate) fn backups(&self) -> PathBuf {
        self.sandbox.root().join("backups")
    }

    /// The content of every file of a set.
    pub(crate) fn content(&self, set: &str) -> Vec<(String, Vec<u8>)> {
        let set = self.backups().join(set);
        let files = names(&set).into_iter().filter(|name| set.join(name).is_file());
        files.map(|name| (name.clone(), fs::read(set.join(name)).expect("a file of a set can be read"))).collect()
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.database.engine() == Engine::Postgres
    }

    /// The maintenance database.
    fn server(&self) -> Database {
        self.database.named(if self.is_postgres() { "postgres" } else { "mysql" })
    }
}

fn state(database: &Database) -> State {
    State { rows: database.fingerprint(), round: (database.schema(), database.properties()) }
}

fn of<'a>(texts: &[&'a str; 2], database: &Database) -> &'a str {
    match database.engine() {
        Engine::Postgres => texts[0],
        Engine::Mariadb => texts[1],
    }
}
