use std::fs;
use std::path::Path;

use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};
use testkit::{Sandbox, wait_until};

use crate::server::{DATABASE, backup, beside, fill, live, megabytes, restore, restored, server};

/// How far a restore has come, by what lies beside the live database.
const STAGES: [fn(&Sandbox) -> bool; 4] = [
    |sandbox| size_of(sandbox, ".app.sqlite.restore-") > 0,
    |sandbox| size_of(sandbox, ".app.sqlite.restore-") > 8_000_000,
    |sandbox| size_of(sandbox, "app.sqlite-") > 0,
    |sandbox| size_of(sandbox, "app.sqlite-") > 8_000_000,
];

/// The largest file whose name begins so and is not a shared memory, which has a size of its own.
fn size_of(sandbox: &Sandbox, prefix: &str) -> u64 {
    let names = beside(sandbox).into_iter();
    let sizes = names.filter(|name| name.starts_with(prefix) && !name.ends_with("-shm")).map(|name| {
        let path = sandbox.path("prod/shared").join(name);
        fs::metadata(path).map(|metadata| metadata.len()).unwrap_or_default()
    });
    sizes.max().unwrap_or_default()
}

fn killed_restores_leave_old_or_new(mode: &str) {
    let sandbox = server(&format!("PRAGMA journal_mode = {mode}; {}", megabytes(12, "old")));
    let set = backup(&sandbox);
    for stage in STAGES {
        fill(&sandbox.path(DATABASE), "UPDATE big SET word = 'new'");
        let mut child = restore(&sandbox, &set).spawn();
        wait_until("the stage is reached", || stage(&sandbox) || child.try_wait().unwrap().is_some());
        drop(child.kill());
        child.wait().unwrap();
        assert_eq!(live(&sandbox, "PRAGMA integrity_check"), "ok");
        let words = live(&sandbox, "SELECT group_concat(DISTINCT word) FROM big");
        assert!(["old", "new"].contains(&words.as_str()), "{words}");
        assert_eq!(live(&sandbox, "SELECT count(*) FROM big"), "12");
    }
    restored(&sandbox, &set);
    assert_eq!(live(&sandbox, "SELECT group_concat(DISTINCT word) FROM big"), "old");
    assert_eq!(beside(&sandbox), ["app.sqlite"]);
}

#[test]
fn a_kill_leaves_old_or_new_in_wal_mode_and_the_next_run_clears_up() {
    killed_restores_leave_old_or_new("WAL");
}

#[test]
fn a_kill_leaves_old_or_new_in_delete_mode_and_the_next_run_clears_up() {
    killed_restores_leave_old_or_new("DELETE");
}

#[test]
fn a_signal_ends_a_restore_that_waits_and_nothing_is_changed() {
    let sandbox = server("CREATE TABLE t(x); INSERT INTO t VALUES (1)");
    let set = backup(&sandbox);
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        // Before the database is open here: closing any file of it would take this process's locks away (fcntl(2)).
        let before = fs::read(sandbox.path(DATABASE)).unwrap();
        let app = Connection::open(sandbox.path(DATABASE)).unwrap();
        app.execute_batch("BEGIN IMMEDIATE").unwrap();
        let mut child = restore(&sandbox, &set).spawn();
        wait_until("the copy is there", || size_of(&sandbox, ".app.sqlite.restore-") > 0);
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert!(fs::read(sandbox.path(DATABASE)).unwrap() == before);
        assert_eq!(beside(&sandbox), ["app.sqlite"]);
    }
}

#[test]
fn only_the_leftovers_of_runs_that_are_gone_are_removed() {
    let sandbox = server("CREATE TABLE t(x)");
    let set = backup(&sandbox);
    let living = format!(".app.sqlite.restore-{}", std::process::id());
    let not_ours = [".app.sqlite.restore-mine", ".app.sqlite.restore-", "app.sqlite.restore-4194304"];
    for name in not_ours.into_iter().chain([living.as_str(), ".app.sqlite.restore-4194304-wal"]) {
        sandbox.write(Path::new("prod/shared").join(name).to_str().unwrap(), "x");
    }
    restored(&sandbox, &set);
    let mut expected = vec!["app.sqlite", living.as_str()];
    expected.extend(not_ours);
    expected.sort_unstable();
    assert_eq!(beside(&sandbox), expected);
}
