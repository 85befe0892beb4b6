//! Dumpers that end before their work does: killed, with an error, or as if all were well.

use std::fs;

use testkit::{Database, Engine, Mariadb, OwnServer, Postgres, Run, Sandbox, tool_path, wait_until};

use crate::server::{litter, sets};

/// How a dumper ends that has said a part of what it has to say: killed, with an error, or with its output closed and 0.
const ENDS: [&str; 3] = ["kill -KILL $$", "exit 1", "exit 0"];

/// Rows that are a few times what pipes hold.
const ROWS: [&str; 2] = [
    "CREATE TABLE t (x text); INSERT INTO t SELECT repeat(md5(i::text), 32) FROM generate_series(1, 4000) i",
    "CREATE TABLE t (x text); INSERT INTO t SELECT REPEAT(MD5(seq), 32) FROM seq_1_to_4000",
];

/// An environment with one good backup of a database, and what stands in for its dumper.
struct Stage {
    sandbox: Sandbox,
    format: &'static str,
    /// Where the engine's own dumper is.
    dumper: String,
    /// The name of the good backup.
    good: String,
    /// The length of its dump.
    length: u64,
}

impl Stage {
    fn set(database: &Database, format: &'static str) -> Self {
        let sandbox = Sandbox::new();
        sandbox.set("DATABASE_URL", &database.url());
        sandbox.set("BACKUP_FORMAT", format);
        let dumper = match database.engine() {
            Engine::Postgres => Postgres::program("pg_dump"),
            Engine::Mariadb => Mariadb::program("mariadb-dump"),
        };
        let made = sandbox.tool("backup-db").arg("--json").any_stdout().check().json();
        let good = made["details"]["path"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let length = made["details"]["size_raw"].as_u64().unwrap();
        fs::copy(&dumper, sandbox.path("real")).unwrap();
        Self { sandbox, format, dumper: dumper.display().to_string(), good, length }
    }

    /// A backup whose dumper is this script, in a namespace of its own.
    fn backup(&self, script: &str) -> Run {
        self.sandbox.fake("stand-in", &format!("#!/bin/sh\n{script}\n"));
        let run = self.sandbox.program("/usr/bin/unshare".as_ref()).env("PUSHBACK_ENV", self.sandbox.env_file());
        let run = run.args(["-rm", "--", "/bin/sh", "-c", "mount --bind \"$1\" \"$2\" && exec \"$3\"", "-"]);
        run.arg(self.sandbox.path("bin/stand-in")).arg(&self.dumper).arg(tool_path("backup-db"))
    }

    /// A dumper that says so many hundredths of what it has to say. The table of contents of a directory comes last.
    fn script(&self, hundredths: u64, end: &str) -> String {
        let real = self.sandbox.path("real").display().to_string();
        let version = format!("case \" $* \" in *' --version '*) exec {real} \"$@\" ;; esac");
        if self.format != "directory" {
            let bytes = self.length * hundredths / 100;
            return format!("{version}\n{real} \"$@\" | head -c {bytes}\n{end}");
        }
        let cut = format!("truncate -s $(($(stat -c %s \"$file\") * {hundredths} / 100)) \"$file\"");
        format!(
            "{version}\n{real} \"$@\"\nfor dir; do :; done\nrm \"$dir/toc.dat\"\nfor file in \"$dir\"/*; do {cut}; done\n{end}"
        )
    }

    /// The dump that ends so is no backup, and the good one is still the latest.
    fn ends(&self, hundredths: u64, end: &str) {
        let ran = self.backup(&self.script(hundredths, end)).into_command().output().unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        let what = format!("{}, {hundredths} %, {end}: {said}", self.format);
        // A dump that its own dumper calls whole is damaged.
        let code = if end == "exit 0" { 65 } else { 74 };
        assert_eq!(ran.status.code(), Some(code), "{what}");
        assert!(said.starts_with("backup-db: ") && ran.stdout.is_empty(), "{what}");
        assert_eq!((sets(&self.sandbox).len(), litter(&self.sandbox).len()), (1, 0), "{what}");
        assert!(self.sandbox.is_deserted(), "{what}");
    }

    /// Ends at parts from the first hundredth to the last one, in each way.
    fn ends_at_any_part(&self) {
        for (first, end) in (1..).step_by(8).zip(ENDS) {
            for hundredths in (first..99).step_by(24).chain([99]) {
                self.ends(hundredths, end);
            }
        }
        let latest = || self.sandbox.tool("backup-db").args(["verify", "latest"]);
        latest().stdout_has(format!("{}  verified  ", self.good)).check();
        // What stands in is no reason by itself.
        self.backup("exec \"$HOME/real\" \"$@\"").any_stdout().check();
        assert_eq!(sets(&self.sandbox).len(), 2);
        latest().any_stdout().check();
    }
}

#[test]
fn a_pg_dump_that_ends_at_any_part_of_its_work_leaves_no_backup() {
    let database = Postgres::shared().fresh();
    database.sql_as_app(ROWS[0]);
    for format in ["plain", "custom", "directory"] {
        Stage::set(&database, format).ends_at_any_part();
    }
}

#[test]
fn a_mariadb_dump_that_ends_at_any_part_of_its_work_leaves_no_backup() {
    let database = Mariadb::shared().fresh();
    database.sql_as_app(ROWS[1]);
    Stage::set(&database, "plain").ends_at_any_part();
}

/// Begins a backup and lets the server stand still while it is dumped: the backup is given up. `false` when it was over
/// before that.
fn stands_still(sandbox: &Sandbox, server: &OwnServer) -> bool {
    let mut backup = sandbox.tool("backup-db").args(["--timeout", "5s"]).spawn();
    wait_until("it dumps", || {
        let is_dumped = litter(sandbox).iter().any(|set| set.join("database.sql.gz").exists());
        is_dumped || backup.try_wait().unwrap().is_some()
    });
    server.pause();
    wait_until("it is given up", || backup.try_wait().unwrap().is_some());
    server.resume();
    let status = backup.wait().unwrap();
    assert!(status.success() || status.code() == Some(124), "{status}");
    !status.success()
}

#[test]
fn a_server_that_stands_still_in_the_middle_of_a_dump_is_given_up_at_the_deadline() {
    for (engine, rows) in [(Engine::Postgres, ROWS[0]), (Engine::Mariadb, ROWS[1])] {
        let server = OwnServer::start(engine);
        let database = server.fresh_creator();
        database.sql_as_app(&rows.replace("4000", "40000"));
        let sandbox = Sandbox::new();
        sandbox.set("DATABASE_URL", &database.url());
        let made = (0..20).take_while(|_| !stands_still(&sandbox, &server)).count();
        assert!(made < 20, "it was always over before the server stood still");
        assert_eq!((sets(&sandbox).len(), litter(&sandbox).len()), (made, 0));
        sandbox.tool("backup-db").any_stdout().check();
        assert_eq!(sets(&sandbox).len(), made + 1);
    }
}
