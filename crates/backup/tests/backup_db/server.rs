//! A server with a database, and what the tests ask of its backups.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use db::{Deadline, Set};
use rusqlite::Connection;
use testkit::Sandbox;

/// Where the database lies in a sandbox.
pub(crate) const DATABASE: &str = "prod/shared/app.sqlite";

/// A sandbox whose database holds what `sql` makes.
pub(crate) fn server(sql: &str) -> Sandbox {
    let sandbox = without_database();
    fill(&sandbox.path(DATABASE), sql);
    sandbox
}

/// A sandbox whose settings name a database that is not there.
pub(crate) fn without_database() -> Sandbox {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("prod/shared")).unwrap();
    let url = format!("sqlite://{}", sandbox.path(DATABASE).display());
    sandbox.set("DATABASE_URL", &url);
    sandbox
}

/// Runs `sql` on a database, which is made if it is missing.
pub(crate) fn fill(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

/// Makes a backup and returns its path.
pub(crate) fn backup(sandbox: &Sandbox) -> PathBuf {
    let ran = sandbox.tool("backup-db").any_stdout().check();
    PathBuf::from(ran.stdout.trim_end())
}

/// What lies in BACKUP_DIR under a name that is not hidden.
pub(crate) fn sets(sandbox: &Sandbox) -> Vec<PathBuf> {
    entries(sandbox).into_iter().filter(|path| !is_hidden(path)).collect()
}

/// What lies there hidden, but for the lock.
pub(crate) fn litter(sandbox: &Sandbox) -> Vec<PathBuf> {
    let hidden = entries(sandbox).into_iter().filter(|path| is_hidden(path));
    hidden.filter(|path| !path.ends_with(".lock")).collect()
}

fn entries(sandbox: &Sandbox) -> Vec<PathBuf> {
    match fs::read_dir(sandbox.path("prod/backups")) {
        Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
        Err(_) => Vec::new(),
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().unwrap().to_string_lossy().starts_with('.')
}

/// The database in a backup, verified and unpacked.
pub(crate) fn content(sandbox: &Sandbox, set: &Path) -> Connection {
    let deadline = Deadline::after(Duration::from_secs(60));
    let mut bytes = Vec::new();
    let set = Set::open(set, &deadline).unwrap();
    set.unpack(&mut bytes, &deadline).unwrap();
    let path = sandbox.path("unpacked.sqlite");
    fs::write(&path, bytes).unwrap();
    Connection::open(path).unwrap()
}

/// One number from a database.
pub(crate) fn number(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// SQL that makes a table of about this many MiB.
pub(crate) fn megabytes(count: u32) -> String {
    format!(
        "CREATE TABLE big(x); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) \
         INSERT INTO big SELECT randomblob(1000000) FROM n"
    )
}
