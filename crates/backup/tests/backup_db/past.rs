//! Backups of other times: real sets whose name, manifest and SHA256SUMS say that they were made then.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use db::{Deadline, checksums};
use serde_json::{Value, json};
use testkit::Sandbox;

use crate::server::{backup, server};

/// A server that has been backed up, and that backup, which lies elsewhere: BACKUP_DIR is empty.
pub(crate) fn server_with_template() -> (Sandbox, PathBuf) {
    let sandbox = server("CREATE TABLE t(x); INSERT INTO t VALUES (1), (2)");
    let (made, template) = (backup(&sandbox), sandbox.path("template"));
    fs::rename(made, &template).unwrap();
    (sandbox, template)
}

/// A copy of the template in BACKUP_DIR, made when its name says.
pub(crate) fn made(sandbox: &Sandbox, template: &Path, name: &str) -> PathBuf {
    made_with(sandbox, template, name, |_| {})
}

/// The same with another change of its manifest.
pub(crate) fn made_with(sandbox: &Sandbox, template: &Path, name: &str, change: impl Fn(&mut Value)) -> PathBuf {
    let set = sandbox.path("prod/backups").join(name);
    fs::create_dir_all(set.join("config")).unwrap();
    for file in ["database.sqlite.gz", "config/deploy.env"] {
        fs::copy(template.join(file), set.join(file)).unwrap();
    }
    let mut manifest: Value = serde_json::from_slice(&fs::read(template.join("manifest.json")).unwrap()).unwrap();
    // 2026-11-21T10-15-00Z… → 2026-11-21T10:15:00.000Z
    let (date, time) = name.split_once('T').unwrap();
    manifest["created_at"] = json!(format!("{date}T{}.000Z", time[..8].replace('-', ":")));
    change(&mut manifest);
    fs::write(set.join("manifest.json"), manifest.to_string()).unwrap();
    let sums = checksums::of_set(&set, &Deadline::after(Duration::from_secs(60))).unwrap();
    fs::write(set.join("SHA256SUMS"), checksums::to_text(&sums)).unwrap();
    set
}

/// Damages a set so that only reading it shows it: the length stays.
pub(crate) fn rot(set: &Path) {
    let path = set.join("database.sqlite.gz");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(path, bytes).unwrap();
}

/// Damages a set so that a look at the directory shows it.
pub(crate) fn truncate(set: &Path) {
    fs::write(set.join("database.sqlite.gz"), "").unwrap();
}

/// The names in BACKUP_DIR, sorted, but for the lock.
pub(crate) fn names(sandbox: &Sandbox) -> Vec<String> {
    let entries = fs::read_dir(sandbox.path("prod/backups")).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != ".lock");
    names.sort();
    names
}
