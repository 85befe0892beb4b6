use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use testkit::{Postgres, Sandbox, tool_path};

use crate::server::{server, sets};

/// Every file and directory below, with its mode.
fn modes(dir: &Path, found: &mut Vec<(String, u32)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let metadata = path.symlink_metadata().unwrap();
        found.push((path.display().to_string(), metadata.permissions().mode()));
        if metadata.is_dir() {
            modes(&path, found);
        }
    }
}

#[test]
fn nobody_else_can_read_a_backup_whatever_the_umask() {
    for umask in ["000", "022", "077"] {
        let sandbox = server("CREATE TABLE t(x)");
        let app = sandbox.write("app.env", "SECRET=1\n");
        fs::set_permissions(&app, Permissions::from_mode(0o644)).unwrap();
        sandbox.set("APP_ENV_FILE", app.to_str().unwrap());
        let run = sandbox.program("/bin/sh".as_ref());
        let run = run.args(["-c", &format!("umask {umask}; exec \"$0\"")]).arg(tool_path("backup-db"));
        run.env("PUSHBACK_ENV", sandbox.env_file()).any_stdout().check();
        assert_eq!(are_private(&sandbox.path("prod/backups")), 9, "under umask {umask}");
    }
}

#[test]
fn nobody_else_can_read_what_another_program_writes_into_a_backup() {
    let sandbox = Sandbox::new();
    let database = Postgres::shared().fresh();
    database.sql_as_app("CREATE TABLE t (x int)");
    sandbox.set("DATABASE_URL", &database.url());
    let run = sandbox.program("/bin/sh".as_ref());
    let run = run.args(["-c", "umask 000; exec \"$0\" --format directory"]).arg(tool_path("backup-db"));
    run.env("PUSHBACK_ENV", sandbox.env_file()).any_stdout().check();
    assert!(sets(&sandbox)[0].join("database.dir/toc.dat").is_file());
    are_private(&sandbox.path("prod/backups"));
}

/// Panics at a file or directory that others may use, and says how many there are.
fn are_private(store: &Path) -> usize {
    let mut found = vec![(store.display().to_string(), store.metadata().unwrap().permissions().mode())];
    modes(store, &mut found);
    for (path, mode) in &found {
        let expected = if mode & 0o040_000 == 0 { 0o600 } else { 0o700 };
        assert_eq!(mode & 0o7777, expected, "{path}");
    }
    found.len()
}

#[test]
fn no_password_is_ever_said() {
    let sandbox = server("CREATE TABLE t(x)");
    for url in ["postgres://app:s3cret@db:x/app", "mysql://app:s3cret@db", "s3cret", "sqlite://s3cret/db"] {
        sandbox.set("DATABASE_URL", url);
        let run = sandbox.tool("backup-db").arg("--json").arg("-v").code(78);
        let ran = run.any_stdout().stderr_has("supported: sqlite:///").check();
        let journal = sandbox.read("prod/journal.ndjson");
        for text in [ran.stdout, ran.stderr, journal] {
            assert!(!text.contains("s3cret"), "{text}");
        }
    }
    assert!(sets(&sandbox).is_empty());
}
