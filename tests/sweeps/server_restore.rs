//! restore-db of a database on a server: it becomes what the backup holds, or stays what it was, and nobody sees a mix. What
//! a run has left the next one clears.

use std::marker::PhantomData;

use server::strace::{ERRORS, Fault, Strace};
use server::sweep::{Scene, Struck, sweep};
use testkit::{Run, Sandbox};

use crate::served::{Custom, Kind, Maria, Plain, Served};

/// A restore of the backup while somebody reads.
struct Restore<K> {
    served: Served,
    /// What the backup is made of.
    first: Vec<(String, Vec<u8>)>,
    kind: PhantomData<K>,
}

impl<K: Kind> Scene for Restore<K> {
    const BOUND: usize = 24;

    fn set() -> Self {
        let served = Served::open::<K>();
        let first = served.content(&served.first);
        Self { served, first, kind: PhantomData }
    }

    fn set_back(&self) {
        self.served.renew();
    }

    fn sandbox(&self) -> &Sandbox {
        &self.served.sandbox
    }

    fn run(&self, strace: &Strace) -> Run {
        strace.tool(&self.served.sandbox, "restore-db").args(["--yes", "--timeout", "30s", &self.served.first])
    }

    fn meanwhile(&self) -> bool {
        self.served.read(false);
        true
    }

    fn judge(&self, struck: &Struck) {
        let served = &self.served;
        served.settle();
        served.is_old_or_new(struck);
        if !served.is_postgres() {
            self.settles();
        }
        for set in served.sets().iter().filter(|set| **set != served.first) {
            served.sandbox.tool("backup-db").args(["verify", set]).any_stdout().check();
        }
        served.restore(&served.first).any_stdout().check();
        served.is_restored();
        assert!(served.content(&served.first) == self.first, "the backup has changed");
    }
}

impl<K> Restore<K> {
    /// A run that comes to nothing itself finishes what was begun, or takes it back.
    fn settles(&self) {
        let served = &self.served;
        let file = served.sandbox.write("broken.sql", "SELECT 1;\n");
        let run = served.restore(&file.display().to_string()).arg("--unverified");
        run.code(65).any_stderr().check();
        let state = served.state();
        assert!(state == served.old || state == served.new, "the database is neither the old nor the new");
        assert_eq!(served.beside().len(), 1, "{:?}", served.beside());
        assert!(!served.sandbox.root().join("state/restore-mysql.json").exists(), "a plan is left");
    }
}

#[test]
fn a_restore_of_postgresql_killed_at_any_call_leaves_the_old_data_or_the_new() {
    sweep::<Restore<Plain>>("restore-db of PostgreSQL, killed", &[Fault::Kill]);
}

#[test]
fn a_restore_of_postgresql_that_meets_an_error_at_any_call_leaves_the_old_data_or_the_new_and_says_which() {
    sweep::<Restore<Plain>>("restore-db of PostgreSQL, errors", &ERRORS);
}

#[test]
fn an_archive_of_postgresql_restored_with_anything_at_any_call_leaves_the_old_data_or_the_new() {
    sweep::<Restore<Custom>>("restore-db of PostgreSQL, an archive", &[&[Fault::Kill][..], &ERRORS].concat());
}

#[test]
fn a_restore_of_mariadb_killed_at_any_call_leaves_old_or_new_rows_and_is_finished_or_taken_back() {
    sweep::<Restore<Maria>>("restore-db of MariaDB, killed", &[Fault::Kill]);
}

#[test]
fn a_restore_of_mariadb_that_meets_an_error_at_any_call_leaves_old_or_new_rows_and_says_which() {
    sweep::<Restore<Maria>>("restore-db of MariaDB, errors", &ERRORS);
}
