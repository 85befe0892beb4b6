//! The server is killed while a tool works on its database. A backup is whole or not there; of a restore, whoever reads before
//! the kill and after the restart finds the old data or the new; and the next run does its work and clears up.

use std::fs;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use server::strace::{Fault, Strace};
use server::sweep::{Scene, Struck, sweep};
use testkit::{OwnServer, Run, Sandbox, kill, processes};

use crate::served::{Kind, Maria, Plain, Served};

/// A tool that is stopped at a call, and goes on when the server is gone.
struct Outage {
    served: Served,
    server: OwnServer,
    is_down: AtomicBool,
    tool: &'static str,
}

impl Outage {
    fn of<K: Kind>(tool: &'static str) -> Self {
        let server = OwnServer::start(K::ENGINE);
        let served = Served::with::<K>(server.fresh_creator());
        Self { served, server, is_down: AtomicBool::new(false), tool }
    }

    fn set_back(&self) {
        // The trace of the point before, which tells of a stop.
        drop(fs::remove_file(self.served.sandbox.path("trace")));
        self.restart();
    }

    /// Reads, and kills the server once the tool stands still.
    fn meanwhile(&self) -> bool {
        self.read();
        let trace = self.served.sandbox.read("trace");
        if trace.contains("--- stopped by SIGSTOP ---") && !self.is_down.swap(true, Ordering::SeqCst) {
            self.server.kill();
            kill("CONT", self.process());
        }
        true
    }

    /// A reader sees the old data or the new, or that there is no server.
    fn read(&self) {
        self.served.read(self.is_down.load(Ordering::SeqCst));
    }

    fn restart(&self) {
        if self.is_down.load(Ordering::SeqCst) {
            self.server.restart();
            self.is_down.store(false, Ordering::SeqCst);
        }
    }

    /// The tool that is stopped.
    fn process(&self) -> u32 {
        let works_here = |pid: u32| {
            fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|dir| dir.starts_with(self.served.sandbox.path("")))
        };
        let all = processes();
        all.iter().find(|process| process.name == self.tool && works_here(process.pid)).expect("it is stopped").pid
    }
}

/// A second backup.
struct Backup<K>(Outage, PhantomData<K>);

impl<K: Kind> Scene for Backup<K> {
    const BOUND: usize = 12;

    fn set() -> Self {
        Self(Outage::of::<K>("backup-db"), PhantomData)
    }

    fn set_back(&self) {
        self.0.set_back();
    }

    fn sandbox(&self) -> &Sandbox {
        &self.0.served.sandbox
    }

    fn run(&self, strace: &Strace) -> Run {
        strace.tool(self.sandbox(), "backup-db").args(["--timeout", "30s"])
    }

    fn meanwhile(&self) -> bool {
        self.0.meanwhile()
    }

    fn judge(&self, struck: &Struck) {
        let served = &self.0.served;
        self.0.restart();
        struck.ended_in_order("backup-db");
        assert!(served.state() == served.new, "the live database has changed");
        let sets = served.sets();
        assert!(sets.contains(&served.first) && sets.len() <= 2, "{sets:?}");
        assert_eq!(struck.is_done(), sets.len() == 2, "{}, with {sets:?}: {}", struck.status, struck.stderr);
        assert_eq!(served.hidden(), [""; 0], "a tool that was not killed clears up itself");
        let run = served.sandbox.tool("backup-db").any_stdout().check();
        served.sandbox.tool("backup-db").arg("verify").any_stdout().check();
        served.database.sql_as_app("UPDATE t SET word = 'old'; DROP TABLE more");
        let last = if struck.is_done() { sets.last().unwrap() } else { run.stdout.trim_end() };
        served.restore(last).any_stdout().check();
        assert!(served.state() == served.new, "{last} does not hold what the database held");
    }
}

/// A restore of the backup.
struct Restore<K>(Outage, PhantomData<K>);

impl<K: Kind> Scene for Restore<K> {
    const BOUND: usize = 16;

    fn set() -> Self {
        Self(Outage::of::<K>("restore-db"), PhantomData)
    }

    fn set_back(&self) {
        self.0.set_back();
        self.0.served.renew();
    }

    fn sandbox(&self) -> &Sandbox {
        &self.0.served.sandbox
    }

    fn run(&self, strace: &Strace) -> Run {
        strace.tool(self.sandbox(), "restore-db").args(["--yes", "--timeout", "30s", &self.0.served.first])
    }

    fn meanwhile(&self) -> bool {
        self.0.meanwhile()
    }

    fn judge(&self, struck: &Struck) {
        let served = &self.0.served;
        self.0.restart();
        served.is_old_or_new(struck);
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    self.0.read();
                }
            });
            let run = served.restore(&served.first).into_command().output();
            is_over.store(true, Ordering::SeqCst);
            reader.join().unwrap();
            let run = run.unwrap();
            assert!(run.status.success(), "it cannot be run again: {}", String::from_utf8_lossy(&run.stderr));
        });
        served.is_restored();
    }
}

#[test]
fn a_backup_of_postgresql_whose_server_is_killed_is_whole_or_not_there() {
    sweep::<Backup<Plain>>("backup-db of PostgreSQL, the server killed", &[Fault::Stop]);
}

#[test]
fn a_backup_of_mariadb_whose_server_is_killed_is_whole_or_not_there() {
    sweep::<Backup<Maria>>("backup-db of MariaDB, the server killed", &[Fault::Stop]);
}

#[test]
fn a_restore_of_postgresql_whose_server_is_killed_leaves_the_old_data_or_the_new() {
    sweep::<Restore<Plain>>("restore-db of PostgreSQL, the server killed", &[Fault::Stop]);
}

#[test]
fn a_restore_of_mariadb_whose_server_is_killed_leaves_old_or_new_rows_and_is_finished_or_taken_back() {
    sweep::<Restore<Maria>>("restore-db of MariaDB, the server killed", &[Fault::Stop]);
}
