//! Dumps, state, logs and copies of settings are private from their first instant: the modes are in the calls themselves.

use std::collections::HashSet;
use std::fs;

use server::strace::creations;
use testkit::{Run, Sandbox, release_of, tool_path};

use crate::shop::Shop;

/// A run under a umask that takes nothing away, and what it and its children created in `DEPLOY_ROOT`.
fn watch(sandbox: &Sandbox, tool: &str, args: &[&str]) -> Vec<(String, u32)> {
    let trace = sandbox.path("trace");
    let run: Run = sandbox.program("/bin/sh".as_ref()).env("PUSHBACK_ENV", sandbox.env_file());
    let run = run.args(["-c", "umask 000; exec \"$@\"", "-", "strace", "-f", "-qq", "-o"]);
    run.arg(&trace).arg(tool_path(tool)).args(args).any_stdout().any_stderr().check();
    let root = sandbox.root().display().to_string();
    let created = creations(&fs::read_to_string(trace).expect("there is a trace"));
    let releases = format!("{root}/releases");
    let mut seen = HashSet::new();
    let is_ours = |path: &str| path.starts_with(&root) && !path.starts_with(&releases);
    // O_CREAT makes nothing that is there: only the first call counts.
    created.into_iter().filter(|(path, _)| is_ours(path) && seen.insert(path.clone())).collect()
}

/// Asserts that a run created something whose path ends so, and nothing that others may look at.
fn is_private(sandbox: &Sandbox, tool: &str, args: &[&str], expected: &[&str]) {
    let created = watch(sandbox, tool, args);
    for (path, mode) in &created {
        assert_eq!(mode & 0o077, 0, "{tool} makes {path} with {mode:o}");
    }
    for name in expected {
        assert!(created.iter().any(|(path, _)| path.ends_with(name)), "{tool} made no {name}: {created:?}");
    }
}

#[test]
fn a_backup_and_a_restore_make_nothing_that_others_can_read() {
    let shop = Shop::open("delete");
    fs::remove_dir_all(shop.backups()).unwrap();
    let dump = ["backups", ".lock", "database.sqlite.gz", "config/deploy.env", "config/app.env", ".snapshot.sqlite"];
    is_private(&shop.sandbox, "backup-db", &[], &dump);
    // What SQLite makes beside a database has the mode of the database, which is the app's choice.
    shop.sandbox.program("chmod".as_ref()).arg("600").arg(shop.database()).check();
    is_private(&shop.sandbox, "restore-db", &["--yes", "latest"], &["state", "state/lock", "app.sqlite-journal"]);
}

#[test]
fn a_step_its_log_and_the_journal_are_private() {
    let sandbox = Sandbox::new();
    is_private(&sandbox, "run-step", &["test", "--", "true"], &["journal.ndjson", "logs", "-test.log"]);
}

#[test]
fn the_queue_its_state_and_its_logs_are_private() {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository();
    repository.push("one");
    is_private(&sandbox, "deploy-queue", &["submit", "main"], &["state/submit", "state/queue", "logs/runner.log"]);
    testkit::wait_until("the runner is through", || sandbox.is_idle() && sandbox.is_deserted());
}

#[test]
fn an_activation_and_a_rollback_keep_their_logs_and_shared_data_private() {
    let sandbox = Sandbox::new();
    sandbox.set("SHARED_PATHS", "data/");
    sandbox.set("RELOAD_COMMAND", "true");
    sandbox.deployed(1, Some(0));
    sandbox.deployed(2, Some(0));
    is_private(&sandbox, "release", &["activate", &release_of(2)], &["shared/data", "logs/app.log", "state/lock"]);
    is_private(&sandbox, "rollback", &["--last"], &[]);
}
