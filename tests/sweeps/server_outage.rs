//! The server is killed while restore-db works: whoever reads, before it and after its restart, finds the old data or the new,
//! and the next run restores and clears up.

use std::fs;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use server::strace::{Fault, Strace};
use server::sweep::{Scene, Struck, sweep};
use testkit::{OwnServer, Run, Sandbox, kill, processes};

use crate::served::{Kind, Maria, Plain, Served};

const TOOL: &str = "restore-db";

/// A restore that is stopped at a call, and goes on when the server is gone.
struct Outage<K> {
    served: Served,
    server: OwnServer,
    is_down: AtomicBool,
    kind: PhantomData<K>,
}

impl<K: Kind> Scene for Outage<K> {
    const BOUND: usize = 16;

    fn set() -> Self {
        let server = OwnServer::start(K::ENGINE);
        let served = Served::with::<K>(server.fresh_creator());
        Self { served, server, is_down: AtomicBool::new(false), kind: PhantomData }
    }

    fn set_back(&self) {
        // The trace of the point before, which tells of a stop.
        drop(fs::remove_file(self.served.sandbox.path("trace")));
        self.restart();
        self.served.renew();
    }

    fn sandbox(&self) -> &Sandbox {
        &self.served.sandbox
    }

    fn run(&self, strace: &Strace) -> Run {
        strace.tool(&self.served.sandbox, TOOL).args(["--yes", "--timeout", "30s", &self.served.first])
    }

    fn meanwhile(&self) -> bool {
        self.read();
        let trace = self.served.sandbox.read("trace");
        if trace.contains("--- stopped by SIGSTOP ---") && !self.is_down.swap(true, Ordering::SeqCst) {
            self.server.kill();
            kill("CONT", self.tool());
        }
        true
    }

    fn judge(&self, struck: &Struck) {
        let served = &self.served;
        self.restart();
        struck.ended_in_order(TOOL);
        let state = served.state();
        assert!(state.rows == served.old.rows || state.rows == served.new.rows, "the rows are neither old nor new");
        let is_half = state != served.old && state != served.new;
        assert!(!is_half || !served.is_postgres(), "the database is neither the old nor the new");
        assert!(state == served.old || !struck.is_done(), "done, and not restored: {}", struck.stderr);
        let told = struck.stderr.contains("run restore-db again");
        assert!(state == served.new || struck.is_done() || told, "{}, and restored: {}", struck.status, struck.stderr);
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    self.read()
                }
            });
            let run = served.restore(&served.first).into_command().output();
            is_over.store(true, Ordering::SeqCst);
            reader.join().unwrap();
            let run = run.unwrap();
            assert!(run.status.success(), "it cannot be run again: {}", String::from_utf8_lossy(&run.stderr));
        });
        assert!(served.state() == served.old, "running it again restores");
        let beside = served.beside();
        assert!(!beside.iter().any(|name| name.contains("_restore_")), "{beside:?} is left");
        assert!(beside.len() == if served.is_postgres() { 2 } else { 1 }, "{beside:?} is left");
        assert_eq!(served.hidden(), [""; 0]);
    }
}

impl<K> Outage<K> {
    /// A reader sees the old data or the new, or that there is no server. PostgreSQL cuts each connection once.
    fn read(&self) {
        match self.served.words() {
            Ok(words) => assert!(words == "old" || words == "new", "a reader sees {words:?}"),
            Err(why) => {
                let cut = ["does not exist", "terminating connection", "server closed"];
                let is_cut = self.served.is_postgres() && cut.iter().any(|words| why.contains(words));
                assert!(is_cut || self.is_down.load(Ordering::SeqCst), "a reader sees nothing: {why}");
            }
        }
    }

    fn restart(&self) {
        if self.is_down.load(Ordering::SeqCst) {
            self.server.restart();
            self.is_down.store(false, Ordering::SeqCst);
        }
    }

    /// The tool that is stopped.
    fn tool(&self) -> u32 {
        let works_here = |pid: u32| {
            fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|dir| dir.starts_with(self.served.sandbox.path("")))
        };
        let all = processes();
        all.iter().find(|process| process.name == TOOL && works_here(process.pid)).expect("the tool is stopped").pid
    }
}

#[test]
fn a_restore_of_postgresql_whose_server_is_killed_leaves_the_old_data_or_the_new() {
    sweep::<Outage<Plain>>("restore-db of PostgreSQL, the server killed", &[Fault::Stop]);
}

#[test]
fn a_restore_of_mariadb_whose_server_is_killed_leaves_old_or_new_rows_and_is_finished_or_taken_back() {
    sweep::<Outage<Maria>>("restore-db of MariaDB, the server killed", &[Fault::Stop]);
}
