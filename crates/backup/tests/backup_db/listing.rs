use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};

use crate::past::{made, made_with, rot, server_with_template, truncate};
use crate::server::{DATABASE, backup, server, without_database};

#[test]
fn backups_are_listed_newest_first_with_what_a_person_looks_for() {
    let (sandbox, template) = server_with_template();
    made(&sandbox, &template, "2024-02-29T03-00-00Z");
    made_with(&sandbox, &template, "2024-02-29T03-00-00Z-2", |it| {
        it["commit"] = json!("3f2a1c9".to_owned() + &"0".repeat(33));
        it["label"] = json!("before\u{1b}[31m\nthe import");
    });
    made(&sandbox, &template, "2024-03-01T03-00-00Z");
    let ran = sandbox.tool("backup-db").arg("list").any_stdout().check();
    let lines: Vec<Vec<&str>> = ran.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["name", "age", "raw", "stored", "rows", "grade", "commit", "label"]);
    let names: Vec<_> = lines[1..].iter().map(|cells| cells[0]).collect();
    assert_eq!(names, ["2024-03-01T03-00-00Z", "2024-02-29T03-00-00Z-2", "2024-02-29T03-00-00Z"]);
    assert_eq!(lines[2][2..5], ["days", "8.0", "KiB"]);
    assert_eq!(lines[2][7..], ["2", "written", "3f2a1c9", "before\u{fffd}[31m", "the", "import"]);
    let second = ran.stdout.lines().nth(2).unwrap();
    assert_eq!(
        second.find("3f2a1c9"),
        ran.stdout.find("commit"),
        "the columns stand below each other:\n{}",
        ran.stdout
    );
    assert_eq!(sandbox.journal().len(), 1, "a list is no record");
}

#[test]
fn the_json_has_exactly_these_keys_and_null_for_what_is_not_known() {
    let (sandbox, template) = server_with_template();
    let good = made_with(&sandbox, &template, "2024-03-01T03-00-00Z", |it| {
        it["deploy"] = json!("prod-42");
        it["commit"] = json!("c".repeat(40));
        it["release"] = json!("41-ccccccc");
        it["label"] = json!("a label");
    });
    let unreadable = made(&sandbox, &template, "2024-03-02T03-00-00Z");
    fs::write(unreadable.join("manifest.json"), "{").unwrap();
    let details = sandbox.tool("backup-db").args(["list", "--json"]).any_stdout().check().json()["details"].clone();
    let backups = details["backups"].as_array().unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    let expected = "name path created_at database env deploy commit release engine format compression label raw_size \
                    stored_size rows damaged suspect grade graded_at";
    assert_eq!([keys(&backups[0]), keys(&backups[1])], [expected, expected]);
    let stored = fs::metadata(good.join("database.sqlite.gz")).unwrap().len();
    assert_eq!(
        backups[1],
        json!({"name": "2024-03-01T03-00-00Z", "path": good, "created_at": "2024-03-01T03:00:00.000Z",
               "database": sandbox.path(DATABASE), "env": "prod", "deploy": "prod-42", "commit": "c".repeat(40),
               "release": "41-ccccccc", "engine": "sqlite", "format": "sqlite", "compression": "gzip",
               "label": "a label", "raw_size": 8192, "stored_size": stored, "rows": 2,
               "damaged": null, "suspect": null, "grade": "written", "graded_at": null})
    );
    assert_eq!((&backups[0]["name"], &backups[0]["path"]), (&json!("2024-03-02T03-00-00Z"), &json!(unreadable)));
    assert!(backups[0]["damaged"].as_str().unwrap().starts_with("manifest.json is not JSON"));
    let unknown = backups[0].as_object().unwrap().values().filter(|value| value.is_null()).count();
    assert_eq!(unknown, 16);
}

/// What must be said, and what is done.
type Damage = (&'static str, fn(&Path));

#[test]
fn a_set_that_cannot_be_whole_is_damaged_and_says_why() {
    let (sandbox, template) = server_with_template();
    let damage: [Damage; 5] = [
        ("database.sqlite.gz has 0 bytes, not ", truncate),
        ("database.sqlite.gz is missing", |set| fs::remove_file(set.join("database.sqlite.gz")).unwrap()),
        ("manifest.json is missing", |set| fs::remove_file(set.join("manifest.json")).unwrap()),
        ("database.sqlite.gz is not a regular file", |set| {
            fs::rename(set.join("database.sqlite.gz"), set.join("other")).unwrap();
            symlink("other", set.join("database.sqlite.gz")).unwrap();
        }),
        ("manifest.json is not a regular file", |set| {
            fs::remove_file(set.join("manifest.json")).unwrap();
            let path = set.join("manifest.json");
            rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        }),
    ];
    for (day, (_, damage)) in damage.iter().enumerate() {
        damage(&made(&sandbox, &template, &format!("2024-03-{:02}T03-00-00Z", day + 1)));
    }
    let ran = sandbox.tool("backup-db").arg("list").any_stdout().check();
    for (line, (said, _)) in ran.stdout.lines().skip(1).zip(damage.iter().rev()) {
        assert!(line.contains(&format!("  damaged: {said}")), "{line}");
    }
    assert_eq!(ran.stdout.lines().count(), 6);
}

#[test]
fn what_only_reading_would_show_is_not_looked_for() {
    let (sandbox, template) = server_with_template();
    rot(&made(&sandbox, &template, "2024-03-01T03-00-00Z"));
    let ran = sandbox.tool("backup-db").args(["list", "--json"]).any_stdout().check().json();
    assert_eq!(ran["details"]["backups"][0]["damaged"], Value::Null);
}

#[test]
fn hidden_and_foreign_directories_are_no_backups() {
    let (sandbox, template) = server_with_template();
    made(&sandbox, &template, "2024-03-01T03-00-00Z");
    fs::rename(made(&sandbox, &template, "2024-03-02T03-00-00Z"), sandbox.path("prod/backups/.partial-1")).unwrap();
    sandbox.write("prod/backups/app/manifest.json", "{\"name\": \"an app\"}");
    sandbox.write("prod/backups/2024-03-03T03-00-00Z", "a file");
    sandbox.write("prod/backups/2024-03-04/notes.txt", "");
    let kept = made(&sandbox, &template, "2024-02-01T03-00-00Z");
    fs::rename(&kept, kept.with_file_name("before-the-upgrade")).unwrap();
    let ran = sandbox.tool("backup-db").args(["list", "--json"]).any_stdout().check().json();
    let backups = ran["details"]["backups"].as_array().unwrap();
    let names: Vec<_> = backups.iter().map(|backup| backup["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["2024-03-01T03-00-00Z", "before-the-upgrade"]);
}

#[test]
fn those_of_others_are_counted_and_shown_when_asked_for() {
    let (sandbox, template) = server_with_template();
    made(&sandbox, &template, "2024-03-01T03-00-00Z");
    made_with(&sandbox, &template, "2024-03-02T03-00-00Z", |it| it["env"] = json!("dev"));
    let said = "backup-db: 1 backup is of another database or environment: --all shows them\n";
    sandbox.tool("backup-db").arg("list").any_stdout().stderr(said).check();
    made_with(&sandbox, &template, "2024-03-03T03-00-00Z", |it| it["database"] = json!("/srv/other.sqlite"));
    let said = "backup-db: 2 backups are of another database or environment: --all shows them\n";
    let ran = sandbox.tool("backup-db").arg("list").any_stdout().stderr(said).check();
    assert_eq!(ran.stdout.lines().count(), 2);
    let ran = sandbox.tool("backup-db").args(["list", "--all"]).any_stdout().check();
    let cells = |line: usize| ran.stdout.lines().nth(line).unwrap().split_whitespace().collect::<Vec<_>>();
    assert!(cells(0).ends_with(&["commit", "env", "database", "label"]));
    assert!(cells(1).ends_with(&["prod", "/srv/other.sqlite"]));
    assert!(cells(2).contains(&"dev"));
}

#[test]
fn no_database_and_no_backup_is_no_failure() {
    let sandbox = without_database();
    let said = |of: &str| format!("backup-db: there is no backup{of} in {}\n", sandbox.path("prod/backups").display());
    let of = format!(" of {}", sandbox.path(DATABASE).display());
    sandbox.tool("backup-db").arg("list").stderr(said(&of)).check();
    sandbox.set("DATABASE_URL", "");
    let ran = sandbox.tool("backup-db").args(["list", "--json"]).stderr(said("")).any_stdout().check();
    assert_eq!(ran.json()["details"], json!({"backups": [], "others": 0}));
    assert!(!sandbox.path("prod/backups").exists() && sandbox.journal().is_empty());
}

#[test]
fn a_database_that_is_gone_still_has_its_backups() {
    let sandbox = server("CREATE TABLE t(x)");
    let set = backup(&sandbox);
    fs::remove_file(sandbox.path(DATABASE)).unwrap();
    let name = set.file_name().unwrap().to_str().unwrap();
    sandbox.tool("backup-db").arg("list").stdout_has(name).check();
}

#[test]
fn an_option_of_another_command_is_2() {
    let sandbox = server("CREATE TABLE t(x)");
    for (args, said) in [
        (["list", "--dry-run"], "--dry-run belongs to backup-db prune, not to list"),
        (["verify", "--all"], "--all belongs to backup-db list, not to verify"),
        (["prune", "--label=x"], "--label belongs to backup-db create, not to prune"),
        (["list", "--if-absent=skip"], "--if-absent belongs to backup-db create, not to list"),
        (["create", "latest"], "BACKUP belongs to backup-db verify and accept, not to create"),
    ] {
        sandbox.tool("backup-db").args(args).code(2).stderr(format!("backup-db: {said}\n")).check();
    }
    assert!(sandbox.journal().is_empty() && !sandbox.path("prod/backups").exists());
}
