//! backup-db of a database on a server: a backup has its final name and is complete, or does not exist.

use std::marker::PhantomData;

use server::strace::{ERRORS, Fault, Strace};
use server::sweep::{Scene, Struck, sweep};
use testkit::{Run, Sandbox};

use crate::served::{Custom, Kind, Maria, Plain, Served};

/// A second backup, where a killed run has left something.
struct Backup<K> {
    served: Served,
    /// What the first backup is made of.
    first: Vec<(String, Vec<u8>)>,
    kind: PhantomData<K>,
}

impl<K: Kind> Scene for Backup<K> {
    const BOUND: usize = 24;

    fn set() -> Self {
        let served = Served::open::<K>();
        served.sandbox.write("prod/backups/.partial-1/config/left", "by a killed run");
        let first = served.content(&served.first);
        Self { served, first, kind: PhantomData }
    }

    fn sandbox(&self) -> &Sandbox {
        &self.served.sandbox
    }

    fn run(&self, strace: &Strace) -> Run {
        strace.tool(&self.served.sandbox, "backup-db").args(["--timeout", "30s"])
    }

    fn judge(&self, struck: &Struck) {
        let served = &self.served;
        served.settle();
        assert!(served.state() == served.new, "the live database has changed");
        assert_eq!(served.beside().len(), 1, "something is beside it");
        let sets = served.sets();
        assert!(sets.contains(&served.first) && sets.len() <= 2, "{sets:?}");
        assert!(served.content(&served.first) == self.first, "the first backup has changed");
        if !struck.is_kill() {
            struck.ended_in_order("backup-db");
            assert_eq!(struck.is_done(), sets.len() == 2, "{}, with {sets:?}: {}", struck.status, struck.stderr);
        }
        for set in sets.iter().filter(|set| **set != served.first) {
            served.sandbox.tool("backup-db").args(["verify", set]).any_stdout().check();
            served.database.sql_as_app("UPDATE t SET word = 'lost'; DROP TABLE more");
            // What was live is not kept: nothing is to be beside the live database.
            served.restore(set).args(["--keep-previous", "0"]).any_stdout().check();
            assert!(served.state() == served.new, "{set} does not hold what the database held");
        }
        served.sandbox.tool("backup-db").any_stdout().check();
        assert_eq!(served.hidden(), [""; 0], "the next run clears what is left");
    }
}

#[test]
fn a_backup_of_postgresql_killed_at_any_call_is_whole_or_not_there() {
    sweep::<Backup<Plain>>("backup-db of PostgreSQL, killed", &[Fault::Kill]);
}

#[test]
fn a_backup_of_postgresql_that_meets_an_error_at_any_call_is_whole_or_not_there_and_says_which() {
    sweep::<Backup<Plain>>("backup-db of PostgreSQL, errors", &ERRORS);
}

#[test]
fn an_archive_of_postgresql_that_meets_anything_at_any_call_is_whole_or_not_there() {
    sweep::<Backup<Custom>>("backup-db of PostgreSQL, an archive", &[&[Fault::Kill][..], &ERRORS].concat());
}

#[test]
fn a_backup_of_mariadb_killed_at_any_call_is_whole_or_not_there() {
    sweep::<Backup<Maria>>("backup-db of MariaDB, killed", &[Fault::Kill]);
}

#[test]
fn a_backup_of_mariadb_that_meets_an_error_at_any_call_is_whole_or_not_there_and_says_which() {
    sweep::<Backup<Maria>>("backup-db of MariaDB, errors", &ERRORS);
}
