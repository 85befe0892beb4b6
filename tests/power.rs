//! A power cut, on a real ext4: what a tool said is done is there afterwards, and what is there is whole.
//!
//! The file system lies in an image on a loop device. The power goes when the bytes that the image holds at that moment
//! are copied: what the kernel has not yet written out is lost. The copy is mounted, which replays the journal of ext4.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::{Run, Sandbox, note, release_of};

/// A directory with an ext4 mounted on it; nothing stays mounted when it is dropped.
struct Disk {
    mount: PathBuf,
}

impl Disk {
    /// Mounts an image; `None`, and a word in the notes, where that is not allowed.
    fn mount(image: &Path, mount: PathBuf) -> Option<Self> {
        fs::create_dir_all(&mount).unwrap();
        // Nothing is written out in time by itself: only what a tool flushes survives.
        let told = Command::new("mount").args(["-o", "loop,commit=300"]).args([image, &mount]).output().unwrap();
        if told.status.success() {
            return Some(Self { mount });
        }
        let why = String::from_utf8_lossy(&told.stderr).trim().replace('\n', "; ");
        note(&format!("SKIPPED: power cuts: no file system can be mounted here: {why}"));
        None
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.mount).status();
        let lazily = || Command::new("umount").arg("--lazy").arg(&self.mount).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            lazily().expect("umount runs");
        }
    }
}

/// Makes an ext4, sets a stage on it, lets `work` happen, cuts the power, and lets `judge` look at what is left.
fn after_a_power_cut(work: impl Fn(&Sandbox), judge: impl Fn(&Sandbox)) {
    let place = tempfile::tempdir().unwrap();
    let (image, cut) = (place.path().join("disk"), place.path().join("cut"));
    fs::File::create(&image).and_then(|file| file.set_len(64 << 20)).unwrap();
    let made = Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image).status();
    assert!(made.is_ok_and(|status| status.success()), "mkfs.ext4 makes a file system");
    let sandbox = Sandbox::new();
    let (aside, root) = (sandbox.path("prod.aside"), sandbox.root());
    fs::rename(&root, &aside).unwrap();
    let Some(disk) = Disk::mount(&image, root.clone()) else { return };
    copy(&aside.join("deploy.env"), &root.join("deploy.env"));
    fs::remove_dir(root.join("lost+found")).unwrap();
    prepare(&sandbox);
    sync();
    sandbox.write("cut", format!("#!/bin/sh\nexec cp --sparse=always {} {}\n", image.display(), cut.display()));
    work(&sandbox);
    if !cut.exists() {
        copy(&image, &cut);
    }
    drop(disk);
    let _disk = Disk::mount(&cut, root).expect("what could be mounted before can be mounted again");
    judge(&sandbox);
}

/// Two releases, the first of them live, and a database of one row.
fn prepare(sandbox: &Sandbox) {
    sandbox.set("DATABASE_URL", &format!("sqlite://{}", sandbox.path("prod/app.sqlite").display()));
    sandbox.set("DEPLOY_REPO", &sandbox.path("repo.git").display().to_string());
    sql(sandbox, "create table t (word); insert into t values ('old')");
    sandbox.deployed(1, Some(0));
    sandbox.staged(2);
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").args(["-a", "--sparse=always"]).args([from, to]).status();
    assert!(copied.is_ok_and(|status| status.success()), "{} can be copied", from.display());
}

fn sync() {
    assert!(Command::new("sync").status().is_ok_and(|status| status.success()));
}

fn sql(sandbox: &Sandbox, sql: &str) -> String {
    let shell = sandbox.program("sqlite3".as_ref()).arg("-batch").arg(sandbox.path("prod/app.sqlite"));
    shell.arg(sql).any_stdout().check().stdout.trim_end().to_owned()
}

fn quiet(run: Run) -> String {
    run.any_stdout().any_stderr().check().stdout.trim_end().to_owned()
}

#[test]
fn what_is_only_written_and_not_flushed_is_lost() {
    // Without this the others would prove nothing: the cut must be one.
    after_a_power_cut(
        |sandbox| drop(sandbox.write("prod/unflushed", "soon gone")),
        |sandbox| assert!(!sandbox.path("prod/unflushed").exists()),
    );
}

#[test]
fn a_backup_that_was_told_is_there_and_can_be_restored() {
    after_a_power_cut(
        |sandbox| {
            quiet(sandbox.tool("backup-db"));
            sql(sandbox, "update t set word = 'new'");
        },
        |sandbox| {
            quiet(sandbox.tool("restore-db").args(["--yes", "latest"]));
            assert_eq!(sql(sandbox, "select word from t"), "old");
            assert_eq!(sandbox.journal().last().unwrap()["command"], "restore");
        },
    );
}

#[test]
fn a_restore_that_was_told_is_there() {
    after_a_power_cut(
        |sandbox| {
            quiet(sandbox.tool("backup-db"));
            sql(sandbox, "update t set word = 'new'");
            quiet(sandbox.tool("restore-db").args(["--yes", "latest"]));
        },
        |sandbox| {
            assert_eq!(sql(sandbox, "select word from t"), "old");
            assert_eq!(sandbox.journal().last().unwrap()["tool"], "restore-db");
        },
    );
}

#[test]
fn an_activation_that_was_told_is_live_and_in_the_journal() {
    after_a_power_cut(
        |sandbox| drop(quiet(sandbox.tool("release").args(["activate", &release_of(2)]))),
        |sandbox| {
            assert_eq!(sandbox.live(), release_of(2));
            assert_eq!(quiet(sandbox.tool("release").arg("current")), release_of(2));
            let journal = sandbox.journal();
            assert_eq!((&journal.last().unwrap()["tool"], journal.len()), (&"release".into(), 8));
        },
    );
}

#[test]
fn the_power_goes_in_the_middle_of_an_activation_and_the_journal_says_what_was_begun() {
    after_a_power_cut(
        |sandbox| {
            sandbox.set("RELOAD_COMMAND", &format!("sh {}", sandbox.path("cut").display()));
            quiet(sandbox.tool("release").args(["activate", &release_of(2)]));
        },
        |sandbox| {
            assert_eq!(quiet(sandbox.tool("release").arg("current")), release_of(2));
            let last = sandbox.journal().pop().unwrap();
            assert_eq!((&last["command"], &last["phase"]), (&"activate".into(), &"begin".into()));
        },
    );
}

#[test]
fn a_step_that_was_told_is_in_the_journal() {
    after_a_power_cut(
        |sandbox| drop(quiet(sandbox.tool("run-step").args(["swept", "--", "true"]))),
        |sandbox| assert_eq!(sandbox.journal().last().unwrap()["command"], "swept"),
    );
}
