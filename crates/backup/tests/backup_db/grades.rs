use std::fs;
use std::path::Path;

use db::{Grade, grade};
use serde_json::{Value, json};
use testkit::Sandbox;

use crate::past::{made, rot, server_with_template, truncate};

fn sidecar(set: &Path) -> Value {
    serde_json::from_slice(&fs::read(set.join("grade.json")).unwrap()).unwrap()
}

fn listed(sandbox: &Sandbox) -> Value {
    sandbox.tool("backup-db").args(["list", "--json"]).any_stdout().check().json()["details"]["backups"].clone()
}

fn restored(set: &Path) {
    let manifest = db::Manifest::from_json(&fs::read(set.join("manifest.json")).unwrap()).unwrap();
    grade::give(set, &manifest, Grade::Restored { seconds: 12.5 }).unwrap();
}

#[test]
fn a_verified_backup_is_listed_as_such_with_the_time_and_the_seconds_it_took() {
    let (sandbox, template) = server_with_template();
    let set = made(&sandbox, &template, "2024-03-01T03-00-00Z");
    assert_eq!((&listed(&sandbox)[0]["grade"], &listed(&sandbox)[0]["graded_at"]), (&json!("written"), &Value::Null));
    sandbox.tool("backup-db").arg("verify").any_stdout().check();
    let told = sidecar(&set);
    let keys: Vec<&str> = told.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["v", "grade", "at", "sha256", "seconds"]);
    assert_eq!((&told["v"], &told["grade"]), (&json!(1), &json!("verified")));
    assert!(told["seconds"].as_f64().unwrap() >= 0.0);
    let manifest: Value = serde_json::from_slice(&fs::read(set.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(told["sha256"], manifest["stored"]["sha256"]);
    let backup = &listed(&sandbox)[0];
    assert_eq!((&backup["grade"], &backup["graded_at"]), (&json!("verified"), &told["at"]));
    let ran = sandbox.tool("backup-db").arg("list").any_stdout().check();
    assert!(ran.stdout.lines().nth(1).unwrap().contains("  verified  "), "{}", ran.stdout);
    // The set verifies with the file beside it, and is restored from.
    sandbox.tool("backup-db").arg("verify").any_stdout().check();
    sandbox.tool("restore-db").args(["--yes", "latest"]).any_stdout().any_stderr().check();
}

#[test]
fn a_better_grade_stays_and_damage_takes_it_away() {
    let (sandbox, template) = server_with_template();
    let set = made(&sandbox, &template, "2024-03-01T03-00-00Z");
    restored(&set);
    sandbox.tool("backup-db").arg("verify").any_stdout().check();
    assert_eq!((&sidecar(&set)["grade"], &sidecar(&set)["seconds"]), (&json!("restored"), &json!(12.5)));
    rot(&set);
    sandbox.tool("backup-db").arg("verify").code(1).any_stdout().any_stderr().check();
    assert!(!set.join("grade.json").exists());
    assert_eq!(listed(&sandbox)[0]["grade"], json!("written"));
}

#[test]
fn a_grade_of_other_data_is_none() {
    let (sandbox, template) = server_with_template();
    let (one, other) =
        (made(&sandbox, &template, "2024-03-01T03-00-00Z"), made(&sandbox, &template, "2024-03-02T03-00-00Z"));
    restored(&one);
    let text = fs::read_to_string(one.join("grade.json")).unwrap();
    let hash = sidecar(&one)["sha256"].as_str().unwrap().to_owned();
    fs::write(other.join("grade.json"), text.replace(&hash, &"0".repeat(64))).unwrap();
    let grades: Vec<Value> = listed(&sandbox).as_array().unwrap().iter().map(|it| it["grade"].clone()).collect();
    assert_eq!(grades, [json!("written"), json!("restored")]);
}

#[test]
fn a_grade_that_cannot_be_written_is_a_warning() {
    let (sandbox, template) = server_with_template();
    let set = made(&sandbox, &template, "2024-03-01T03-00-00Z");
    // A verification renames nothing else.
    let renames = "?rename,?renameat,?renameat2";
    let run = sandbox.program("strace".as_ref()).args(["-f", "-o", "/dev/null", "-e", &format!("trace={renames}")]);
    let run = run.args(["-e", &format!("inject={renames}:error=EIO")]).arg(testkit::tool_path("backup-db"));
    let run = run.arg("verify").env("PUSHBACK_ENV", sandbox.env_file());
    let said = "backup-db: the grade of 2024-03-01T03-00-00Z is not up to date: cannot write ";
    run.stdout_has("2024-03-01T03-00-00Z  verified  ").stderr_has(said).check();
    assert!(!set.join("grade.json").exists() && fs::read_dir(&set).unwrap().count() == 4);
}

#[test]
fn what_a_killed_run_left_of_the_file_is_no_damage_and_anything_else_is() {
    let (sandbox, template) = server_with_template();
    let set = made(&sandbox, &template, "2024-03-01T03-00-00Z");
    fs::write(set.join(".grade.json.123"), "{").unwrap();
    sandbox.tool("backup-db").arg("verify").any_stdout().check();
    for other in [".grade.json.", ".grade.json.x", "grade.json.1", "Grade.json", "config/grade.json"] {
        fs::write(set.join(other), "{}").unwrap();
        sandbox.tool("backup-db").arg("verify").code(1).stdout_has("does not belong to it").any_stderr().check();
        fs::remove_file(set.join(other)).unwrap();
    }
    fs::remove_file(set.join("grade.json")).ok();
    std::os::unix::fs::symlink("manifest.json", set.join("grade.json")).unwrap();
    sandbox.tool("backup-db").arg("verify").code(1).stdout_has("grade.json is not a regular file").any_stderr().check();
}

#[test]
fn a_quick_look_says_so_and_gives_no_grade() {
    let (sandbox, template) = server_with_template();
    let rotten = made(&sandbox, &template, "2024-03-01T03-00-00Z");
    rot(&rotten);
    let said = "2024-03-01T03-00-00Z  unread: the manifest and the length are right; nothing was read\n";
    sandbox.tool("backup-db").args(["verify", "--quick"]).stdout(said).check();
    assert!(!rotten.join("grade.json").exists());
    let cut = made(&sandbox, &template, "2024-03-02T03-00-00Z");
    truncate(&cut);
    let run = sandbox.tool("backup-db").args(["verify", "--quick", "--json"]).code(1).any_stdout();
    let record = run.stderr_has("1 of 2 backups does not verify: 2024-03-02T03-00-00Z").check().json();
    let verdicts: Vec<&Value> =
        record["details"]["backups"].as_array().unwrap().iter().map(|it| &it["verdict"]).collect();
    assert_eq!(verdicts, [&json!("damaged"), &json!("unread")]);
    let run = sandbox.tool("backup-db").args(["verify", "--quick"]).args(["nope", "/nonexistent"]).code(66);
    run.any_stdout().stderr_has("there is no backup nope").check();
    let run = sandbox.tool("backup-db").args(["verify", "--quick"]).arg(sandbox.root()).code(1);
    run.stdout_has("damaged: it is no backup").any_stderr().check();
    sandbox
        .tool("backup-db")
        .args(["list", "--quick"])
        .code(2)
        .stderr_has("--quick belongs to backup-db verify")
        .check();
}
