use std::process::Child;

use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};
use testkit::{Sandbox, wait_until};

use crate::past::{made, server_with_template};
use crate::server::{DATABASE, backup, content, litter, megabytes, server, sets};

/// A backup that waits, because somebody holds the database; dropping the connection lets it go on.
fn waiting(sandbox: &Sandbox) -> (Connection, Child) {
    let holder = Connection::open(sandbox.path(DATABASE)).unwrap();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let child = sandbox.tool("backup-db").spawn();
    wait_until("a backup has begun", || !litter(sandbox).is_empty());
    (holder, child)
}

fn end(child: &mut Child, signal: Signal) -> Option<i32> {
    kill_process(Pid::from_child(child), signal).unwrap();
    child.wait().unwrap().code()
}

#[test]
fn a_signal_ends_it_and_nothing_is_left() {
    let sandbox = server("CREATE TABLE t(x)");
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let (_holder, mut child) = waiting(&sandbox);
        assert_eq!(end(&mut child, signal), Some(code));
        assert!(sets(&sandbox).is_empty() && litter(&sandbox).is_empty());
    }
}

#[test]
fn a_kill_leaves_no_backup_and_the_next_run_clears_what_it_left() {
    let sandbox = server("CREATE TABLE t(x)");
    let (holder, mut child) = waiting(&sandbox);
    assert_eq!(end(&mut child, Signal::KILL), None);
    assert!(sets(&sandbox).is_empty());
    assert_eq!(litter(&sandbox).len(), 1);
    drop(holder);
    backup(&sandbox);
    assert_eq!((sets(&sandbox).len(), litter(&sandbox).len()), (1, 0));
}

#[test]
fn a_kill_at_any_stage_leaves_only_complete_backups() {
    let sandbox = server(&megabytes(30));
    for stage in
        [".snapshot.sqlite", "database.sqlite.gz", "config", "config/deploy.env", "manifest.json", "SHA256SUMS"]
    {
        let before = sets(&sandbox).len();
        let mut child = sandbox.tool("backup-db").spawn();
        wait_until("the stage is reached", || {
            litter(&sandbox).iter().any(|partial| partial.join(stage).exists()) || sets(&sandbox).len() > before
        });
        end(&mut child, Signal::KILL);
        for set in sets(&sandbox) {
            assert_eq!(crate::server::number(&content(&sandbox, &set), "SELECT count(*) FROM big"), 30);
        }
    }
    backup(&sandbox);
    assert!(litter(&sandbox).is_empty());
}

#[test]
fn a_backup_in_progress_is_not_taken_for_litter() {
    let sandbox = server("CREATE TABLE t(x)");
    let other = server("CREATE TABLE other(x)");
    other.set("BACKUP_DIR", sandbox.path("prod/backups").to_str().unwrap());
    let (holder, mut child) = waiting(&sandbox);
    let of_other = backup(&other);
    assert_eq!(sets(&sandbox), [of_other]);
    assert_eq!(litter(&sandbox).len(), 1);
    drop(holder);
    assert!(child.wait().unwrap().success());
    assert_eq!((sets(&sandbox).len(), litter(&sandbox).len()), (2, 0));
}

#[test]
fn a_kill_in_the_middle_of_a_prune_leaves_whole_backups_and_the_next_run_clears_up() {
    let (sandbox, template) = server_with_template();
    for day in 1..=28 {
        made(&sandbox, &template, &format!("2024-02-{day:02}T03-00-00Z"));
    }
    let prune = || sandbox.tool("backup-db").args(["prune", "--keep-last", "1"]);
    for _ in 0..5 {
        let before = sets(&sandbox).len();
        let mut child = prune().spawn();
        wait_until("the first is gone", || sets(&sandbox).len() < before || child.try_wait().unwrap().is_some());
        // It may have ended by itself meanwhile.
        drop(child.kill());
        child.wait().unwrap();
        let listed = sandbox.tool("backup-db").args(["list", "--json"]).any_stdout().check().json();
        let listed = listed["details"]["backups"].as_array().unwrap().clone();
        assert!(listed.iter().all(|set| set["damaged"].is_null()), "{listed:?}");
        assert!(listed.iter().any(|set| set["name"] == "2024-02-28T03-00-00Z"));
    }
    prune().any_stdout().any_stderr().check();
    assert_eq!((sets(&sandbox).len(), litter(&sandbox).len()), (1, 0));
    sandbox.tool("backup-db").arg("verify").any_stdout().check();
}

#[test]
fn what_cannot_be_cleared_is_named_and_keeps_no_backup_from_being_made() {
    let sandbox = server("CREATE TABLE t(x)");
    backup(&sandbox);
    // A directory that cannot go while something is mounted in it.
    let left = sandbox.path("prod/backups/.partial-4999999-2026-01-02T03-04-05Z");
    let script = format!(
        "mkdir -p {0}/busy && mount -t tmpfs tmpfs {0}/busy && \"$B\" && \"$B\" verify -q; code=$?; umount {0}/busy; exit $code",
        left.display()
    );
    let run = sandbox.program("/usr/bin/unshare".as_ref()).env("PUSHBACK_ENV", sandbox.env_file());
    let run = run.env("B", testkit::tool_path("backup-db")).args(["-rm", "--", "/bin/sh", "-c", &script]);
    run.any_stdout().stderr_has(format!("{} was left by a run that ended early", left.display())).check();
    assert_eq!(sets(&sandbox).len(), 2);
    backup(&sandbox);
    assert!(litter(&sandbox).is_empty(), "once it can, the next run clears it");
}
