use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::server::{DATABASE, backup, content, fill, number, server, sets};

const TABLE: &str = "CREATE TABLE t(x); INSERT INTO t VALUES (1), (2); CREATE TABLE \"ü \"\"\"(x)";

fn manifest(set: &Path) -> Value {
    serde_json::from_slice(&fs::read(set.join("manifest.json")).unwrap()).unwrap()
}

#[test]
fn a_set_tells_where_it_comes_from() {
    let sandbox = server(TABLE);
    let commit = "3f2a1c9".to_owned() + &"0".repeat(33);
    sandbox.write("prod/releases/41-3f2a1c9/REVISION", format!("{commit}\n"));
    std::os::unix::fs::symlink("releases/41-3f2a1c9", sandbox.path("prod/current")).unwrap();
    let run = sandbox.tool("backup-db").env("PUSHBACK_DEPLOY", "prod-42");
    let ran = run.args(["--label", "before <it>"]).any_stdout().check();
    let set = Path::new(ran.stdout.trim_end());
    let manifest = manifest(set);
    for (key, value) in [
        ("v", json!(1)),
        ("engine", json!("sqlite")),
        ("database", json!(sandbox.path(DATABASE))),
        ("env", json!("prod")),
        ("deploy", json!("prod-42")),
        ("commit", json!(commit)),
        ("label", json!("before <it>")),
        ("compression", json!("gzip")),
        ("file", json!("database.sqlite.gz")),
        ("tables", json!({"t": 2, "ü \"": 0})),
        ("config", json!({"config/deploy.env": sandbox.env_file()})),
    ] {
        assert_eq!(manifest[key], value, "{key}");
    }
    let created = manifest["created_at"].as_str().unwrap();
    assert_eq!(&created[..10], &set.file_name().unwrap().to_str().unwrap()[..10]);
    let stored = fs::metadata(set.join("database.sqlite.gz")).unwrap().len();
    assert_eq!(manifest["stored"]["size"], json!(stored));
}

#[test]
fn one_record_says_what_was_made() {
    let sandbox = server(TABLE);
    let ran = sandbox.tool("backup-db").arg("--json").any_stdout().check();
    let record = ran.json();
    assert_eq!(sandbox.journal(), std::slice::from_ref(&record));
    assert_eq!((&record["command"], &record["success"]), (&json!("create"), &json!(true)));
    let details = &record["details"];
    assert_eq!(details["path"], json!(sets(&sandbox)[0]));
    assert_eq!((&details["tables"], &details["rows"]), (&json!(2), &json!(2)));
    assert_eq!(details["sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn sha256sum_finds_every_file_in_order() {
    let sandbox = server(TABLE);
    let set = backup(&sandbox);
    let run = sandbox.program("/usr/bin/sha256sum".as_ref()).dir(&set);
    run.args(["--check", "--strict", "SHA256SUMS"])
        .stdout("config/deploy.env: OK\ndatabase.sqlite.gz: OK\nmanifest.json: OK\n")
        .check();
    let mut names: Vec<_> = fs::read_dir(&set).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["SHA256SUMS", "config", "database.sqlite.gz", "manifest.json"]);
}

#[test]
fn the_settings_are_in_the_set() {
    let sandbox = server(TABLE);
    let app = sandbox.write("app.env", "SECRET=1\n");
    sandbox.set("APP_ENV_FILE", app.to_str().unwrap());
    let config = backup(&sandbox).join("config");
    assert_eq!(fs::read(config.join("app.env")).unwrap(), b"SECRET=1\n");
    assert_eq!(fs::read(config.join("deploy.env")).unwrap(), fs::read(sandbox.env_file()).unwrap());
}

#[test]
fn backups_of_one_second_have_names_of_their_own() {
    let sandbox = server(TABLE);
    let children: Vec<_> = (0..6).map(|_| sandbox.tool("backup-db").spawn()).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let sets = sets(&sandbox);
    assert_eq!(sets.len(), 6);
    for set in sets {
        assert_eq!(number(&content(&sandbox, &set), "SELECT count(*) FROM t"), 2);
    }
}

#[test]
fn a_name_that_is_taken_by_something_else_is_left_alone() {
    let sandbox = server(TABLE);
    let first = backup(&sandbox);
    let name = first.file_name().unwrap().to_str().unwrap();
    // The same second again: every name of the next minute is taken by a file, a directory or a dangling link.
    let minute = &name[..17];
    fs::remove_dir_all(&first).unwrap();
    let next = next_minute(minute);
    for (second, minute) in (0..60).flat_map(|second| [(second, minute), (second, &next)]) {
        let path = sandbox.path(format!("prod/backups/{minute}{second:02}Z"));
        match second % 3 {
            0 => fs::write(path, "mine").unwrap(),
            1 => fs::create_dir(path).unwrap(),
            _ => std::os::unix::fs::symlink("/nonexistent", path).unwrap(),
        }
    }
    let set = backup(&sandbox);
    assert!(set.to_str().unwrap().ends_with("Z-2"), "{}", set.display());
    content(&sandbox, &set);
}

/// `2026-11-21T10-15-` → `2026-11-21T10-16-`; at the turn of an hour a minute that does not exist, which is no matter.
fn next_minute(minute: &str) -> String {
    let number: u32 = minute[14..16].parse().unwrap();
    format!("{}{:02}-", &minute[..14], number + 1)
}

#[test]
fn without_a_root_a_backup_directory_is_enough() {
    let sandbox = server(TABLE);
    sandbox.set("DEPLOY_ROOT", "");
    sandbox.set("BACKUP_DIR", sandbox.path("elsewhere/deep").to_str().unwrap());
    let set = backup(&sandbox);
    assert!(set.starts_with(sandbox.path("elsewhere/deep")));
    assert!(sandbox.journal().is_empty());
    assert_eq!(manifest(&set).get("commit"), None);
}

#[test]
fn the_live_database_is_not_changed() {
    let sandbox = server(TABLE);
    for mode in ["DELETE", "WAL"] {
        fill(&sandbox.path(DATABASE), &format!("PRAGMA journal_mode = {mode}"));
        let before = fs::read(sandbox.path(DATABASE)).unwrap();
        backup(&sandbox);
        assert!(fs::read(sandbox.path(DATABASE)).unwrap() == before, "{mode}");
    }
}
