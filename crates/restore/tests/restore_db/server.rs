//! A server with a database that has been backed up, and what the tests ask of it.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use testkit::{Run, Sandbox};

/// Where the database lies in a sandbox.
pub(crate) const DATABASE: &str = "prod/shared/app.sqlite";

/// A sandbox whose database holds what `sql` makes.
pub(crate) fn server(sql: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("prod/shared")).unwrap();
    let url = format!("sqlite://{}", sandbox.path(DATABASE).display());
    sandbox.set("DATABASE_URL", &url);
    fill(&sandbox.path(DATABASE), sql);
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

/// A restore without a question.
pub(crate) fn restore(sandbox: &Sandbox, backup: impl AsRef<Path>) -> Run {
    sandbox.tool("restore-db").arg("--yes").arg(backup.as_ref())
}

/// A restore that must succeed.
pub(crate) fn restored(sandbox: &Sandbox, backup: impl AsRef<Path>) -> String {
    let path = sandbox.path(DATABASE);
    let run = restore(sandbox, backup).stdout(format!("{}\n", path.display()));
    run.any_stderr().check().stderr
}

/// The first column of the first row.
pub(crate) fn text(path: &Path, sql: &str) -> String {
    let connection = Connection::open(path).unwrap();
    let value: rusqlite::types::Value = connection.query_row(sql, [], |row| row.get(0)).unwrap();
    match value {
        rusqlite::types::Value::Integer(number) => number.to_string(),
        rusqlite::types::Value::Text(text) => text,
        other => panic!("{other:?}"),
    }
}

/// The same of the live database.
pub(crate) fn live(sandbox: &Sandbox, sql: &str) -> String {
    text(&sandbox.path(DATABASE), sql)
}

/// The names beside the live database, sorted, its own included.
pub(crate) fn beside(sandbox: &Sandbox) -> Vec<String> {
    let entries = fs::read_dir(sandbox.path("prod/shared")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// SQL that makes a table of about this many MiB whose rows all hold `word`.
pub(crate) fn megabytes(count: u32, word: &str) -> String {
    format!(
        "CREATE TABLE big(word, x); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) \
         INSERT INTO big SELECT '{word}', randomblob(1000000) FROM n"
    )
}
