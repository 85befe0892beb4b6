//! restore-db: the live database becomes what the backup holds, or stays what it was, and nobody sees a mix.

use server::strace::{ERRORS, Fault, Strace};
use server::sweep::{Scene, Struck, sweep};
use testkit::{Run, Sandbox};

use crate::shop::{Shop, names};

/// A restore of the backup while somebody reads. With `WAL`, the database keeps a write-ahead log.
struct Restore<const WAL: bool>(Shop);

impl<const WAL: bool> Scene for Restore<WAL> {
    fn set() -> Self {
        Self(Shop::open(if WAL { "wal" } else { "delete" }))
    }

    fn sandbox(&self) -> &Sandbox {
        &self.0.sandbox
    }

    fn run(&self, strace: &Strace) -> Run {
        strace.tool(&self.0.sandbox, "restore-db").args(["--yes", "--timeout", "20s", &self.0.first])
    }

    fn meanwhile(&self) -> bool {
        let words = self.0.sql("select group_concat(distinct word) from t");
        let busy = words.contains("database is locked");
        assert!(busy || words == "old" || words == "new", "a reader sees {words:?}");
        true
    }

    fn judge(&self, struck: &Struck) {
        let shop = &self.0;
        let dump = shop.dump();
        assert!(dump == shop.old || dump == shop.new, "the database holds neither the old nor the new");
        if !struck.is_kill() {
            struck.ended_in_order("restore-db");
            let restored = dump == shop.old;
            assert!(restored || !struck.is_done(), "done, and not restored: {}", struck.stderr);
            // An error after the commit is told as what it is: nobody is to believe that nothing happened.
            let told = ["or what the backup holds", "the restored database", "may have its name already"];
            let is_told = struck.status.code() == Some(74) && told.iter().any(|words| struck.stderr.contains(words));
            assert!(!restored || struck.is_done() || is_told, "{}, and restored: {}", struck.status, struck.stderr);
        }
        for saved in shop.sets().iter().filter(|set| **set != shop.first) {
            let manifest = shop.sandbox.read(&format!("prod/backups/{saved}/manifest.json"));
            assert!(manifest.contains("\"before restore-db\""), "{saved} is no backup of what was live");
        }
        shop.sandbox.tool("backup-db").arg("verify").any_stdout().check();
        let content = shop.content(&shop.first);
        shop.sandbox.tool("restore-db").args(["-q", "--yes", &shop.first]).any_stdout().check();
        assert!(shop.dump() == shop.old, "running it again restores");
        assert!(shop.content(&shop.first) == content, "the backup has changed");
        let beside = names(shop.database().parent().unwrap());
        assert!(beside.iter().all(|name| name.starts_with("app.sqlite")), "{beside:?} is left");
    }
}

#[test]
fn a_restore_killed_at_any_call_leaves_the_old_data_or_the_new() {
    sweep::<Restore<false>>("restore-db, killed", &[Fault::Kill]);
}

#[test]
fn a_restore_into_a_write_ahead_log_killed_at_any_call_leaves_the_old_data_or_the_new() {
    sweep::<Restore<true>>("restore-db into WAL, killed", &[Fault::Kill]);
}

#[test]
fn a_restore_that_meets_an_error_at_any_call_leaves_the_old_data_or_the_new_and_says_which() {
    sweep::<Restore<false>>("restore-db, errors", &ERRORS);
}

#[test]
fn a_restore_into_a_write_ahead_log_that_meets_an_error_leaves_the_old_data_or_the_new() {
    sweep::<Restore<true>>("restore-db into WAL, errors", &ERRORS);
}
