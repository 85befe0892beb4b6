//! backup-db: a backup has its final name and is complete, or does not exist.

use server::strace::{ERRORS, Fault, Strace};
use server::sweep::{Scene, Struck, sweep};
use testkit::{Run, Sandbox};

use crate::shop::{Shop, names};

/// A shop that makes its second backup, where a killed run has left something.
struct Backup(Shop);

impl Scene for Backup {
    fn set() -> Self {
        let shop = Shop::open("wal");
        shop.sandbox.write("prod/backups/.partial-1/config/left", "by a killed run");
        Self(shop)
    }

    fn sandbox(&self) -> &Sandbox {
        &self.0.sandbox
    }

    fn run(&self, strace: &Strace) -> Run {
        strace.tool(&self.0.sandbox, "backup-db")
    }

    fn judge(&self, struck: &Struck) {
        let shop = &self.0;
        assert!(shop.dump() == shop.new, "the live database has changed");
        let sets = shop.sets();
        assert!(sets.contains(&shop.first) && sets.len() <= 2, "{sets:?}");
        if !struck.is_kill() {
            struck.ended_in_order("backup-db");
            assert_eq!(struck.is_done(), sets.len() == 2, "{}, with {sets:?}: {}", struck.status, struck.stderr);
        }
        for set in &sets {
            shop.sandbox.tool("restore-db").args(["-q", "--yes", set]).any_stdout().check();
            let then = if *set == shop.first { &shop.old } else { &shop.new };
            assert!(shop.dump() == *then, "{set} does not hold what the database held");
        }
        shop.sandbox.tool("backup-db").any_stdout().check();
        let hidden: Vec<_> = names(&shop.backups()).into_iter().filter(|name| name.starts_with('.')).collect();
        assert_eq!(hidden, [".lock"], "the next run clears what is left");
    }
}

#[test]
fn a_backup_killed_at_any_call_is_whole_or_not_there() {
    sweep::<Backup>("backup-db, killed", &[Fault::Kill]);
}

#[test]
fn a_backup_that_meets_an_error_at_any_call_is_whole_or_not_there_and_says_which() {
    sweep::<Backup>("backup-db, errors", &ERRORS);
}
