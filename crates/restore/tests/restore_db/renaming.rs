//! A live file that is missing or damaged is replaced by a new one.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use rusqlite::Connection;
use serde_json::json;

use crate::server::{DATABASE, backup, beside, fill, live, restore, restored, server};

const TABLE: &str = "CREATE TABLE t(x); INSERT INTO t VALUES (1), (2)";

#[test]
fn a_missing_database_is_made_privately_and_a_stale_wal_is_moved_aside() {
    let sandbox = server(&format!("PRAGMA journal_mode = WAL; {TABLE}"));
    let set = backup(&sandbox);
    let app = Connection::open(sandbox.path(DATABASE)).unwrap();
    app.execute_batch("UPDATE t SET x = 'stale'").unwrap();
    let wal = fs::read(sandbox.path(format!("{DATABASE}-wal"))).unwrap();
    drop(app);
    fs::remove_file(sandbox.path(DATABASE)).unwrap();
    sandbox.write(&format!("{DATABASE}-wal"), &wal);
    let said = restored(&sandbox, &set);
    assert!(said.contains("which is not there, from the backup"), "{said}");
    assert!(said.contains("restart the app"), "{said}");
    assert_eq!(live(&sandbox, "SELECT sum(x) FROM t"), "3");
    assert_eq!(live(&sandbox, "PRAGMA integrity_check"), "ok");
    assert_eq!(fs::metadata(sandbox.path(DATABASE)).unwrap().mode() & 0o7777, 0o600);
    let kept = beside(&sandbox).into_iter().find(|name| name.ends_with("-wal")).unwrap();
    assert!(kept.starts_with("app.sqlite.damaged-"), "{kept}");
    assert!(fs::read(sandbox.path("prod/shared").join(kept)).unwrap() == wal);
}

#[test]
fn a_damaged_database_is_kept_and_its_mode_goes_to_the_new_one() {
    let sandbox = server(TABLE);
    let set = backup(&sandbox);
    let path = sandbox.path(DATABASE);
    let mut malformed = fs::read(&path).unwrap();
    malformed[100..].fill(0x55);
    let mut short = fs::read(&path).unwrap();
    short.truncate(4096);
    for damaged in [b"no database".to_vec(), Vec::new(), malformed, short] {
        fs::write(&path, &damaged).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        sandbox.write(&format!("{DATABASE}-wal"), "stale");
        sandbox.write(&format!("{DATABASE}-journal"), "stale");
        let said = restored(&sandbox, &set);
        assert!(said.contains("what was there is kept as "), "{said}");
        assert_eq!(live(&sandbox, "SELECT sum(x) FROM t"), "3");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
        let record = sandbox.journal().pop().unwrap();
        assert_eq!(record["details"]["replaced"], json!("by rename"));
        let kept = record["details"]["kept"].as_str().unwrap().to_owned();
        assert!(fs::read(&kept).unwrap() == damaged);
        assert!(["-wal", "-journal"].iter().all(|suffix| !sandbox.path(format!("{DATABASE}{suffix}")).exists()));
    }
}

#[test]
fn a_link_to_the_database_stays_a_link() {
    let sandbox = server(TABLE);
    let link = sandbox.path("prod/shared/link.sqlite");
    symlink("app.sqlite", &link).unwrap();
    sandbox.set("DATABASE_URL", &format!("sqlite://{}", link.display()));
    let set = backup(&sandbox);
    for damage in [false, true] {
        if damage {
            fs::write(sandbox.path(DATABASE), "no database").unwrap();
        } else {
            fill(&link, "DELETE FROM t");
        }
        restored(&sandbox, &set);
        assert!(link.is_symlink());
        assert_eq!(live(&sandbox, "SELECT sum(x) FROM t"), "3");
    }
    fs::remove_file(sandbox.path(DATABASE)).unwrap();
    restore(&sandbox, &set).code(66).stderr_has("points at nothing").check();
}

#[test]
fn a_directory_in_its_place_is_left_alone() {
    let sandbox = server(TABLE);
    let set = backup(&sandbox);
    fs::remove_file(sandbox.path(DATABASE)).unwrap();
    fs::create_dir(sandbox.path(DATABASE)).unwrap();
    restore(&sandbox, &set).code(65).stderr_has("is not a regular file").check();
    assert_eq!(beside(&sandbox), ["app.sqlite"]);
}
