use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use testkit::wait_until;

use crate::past::{made, made_with, names, rot, server_with_template, truncate};
use crate::server::{DATABASE, backup, litter, megabytes, server};

#[test]
fn all_that_verify_is_0_and_each_has_a_line() {
    let (sandbox, template) = server_with_template();
    made(&sandbox, &template, "2024-03-01T03-00-00Z");
    made(&sandbox, &template, "2024-03-02T03-00-00Z");
    made_with(&sandbox, &template, "2024-03-03T03-00-00Z", |it| it["database"] = json!("/srv/other.sqlite"));
    // Nobody needs the live database for it.
    fs::remove_file(sandbox.path(DATABASE)).unwrap();
    let expected = "2024-03-02T03-00-00Z  verified  1 table, 2 rows\n2024-03-01T03-00-00Z  verified  1 table, 2 rows\n";
    sandbox.tool("backup-db").arg("verify").stdout(expected).check();
    assert_eq!(names(&sandbox).len(), 3, "nothing is left of the copies");
    assert_eq!(sandbox.journal().len(), 1, "a verification is no record");
}

#[test]
fn one_that_does_not_verify_is_1_and_the_others_are_verified_all_the_same() {
    let (sandbox, template) = server_with_template();
    made(&sandbox, &template, "2024-03-01T03-00-00Z");
    rot(&made(&sandbox, &template, "2024-03-02T03-00-00Z"));
    made(&sandbox, &template, "2024-03-03T03-00-00Z");
    let run = sandbox.tool("backup-db").args(["verify", "--json"]).code(1).any_stdout();
    let said = "backup-db: 1 of 3 backups does not verify: 2024-03-02T03-00-00Z\nhint: ";
    let record = run.stderr_has(said).check().json();
    let damaged = "database.sqlite.gz is not what it was: its hash differs";
    let good = "1 table, 2 rows";
    assert_eq!(
        record["details"]["backups"],
        json!([
            {"name": "2024-03-03T03-00-00Z", "verdict": "verified", "message": good},
            {"name": "2024-03-02T03-00-00Z", "verdict": "damaged", "message": damaged},
            {"name": "2024-03-01T03-00-00Z", "verdict": "verified", "message": good},
        ])
    );
    assert_eq!(record["error"]["kind"], json!("no"));
    let run = sandbox.tool("backup-db").args(["verify", "2024-03-02T03-00-00Z"]).code(1);
    run.stdout(format!("2024-03-02T03-00-00Z  damaged: {damaged}\n")).stderr_has("1 of 1 backup does not").check();
}

#[test]
fn one_that_does_not_even_say_whose_it_is_does_not_pass() {
    let (sandbox, template) = server_with_template();
    fs::remove_file(made(&sandbox, &template, "2024-03-01T03-00-00Z").join("manifest.json")).unwrap();
    let expected = "2024-03-01T03-00-00Z  damaged: manifest.json is missing\n";
    sandbox.tool("backup-db").arg("verify").code(1).stdout(expected).any_stderr().check();
}

#[test]
fn backups_are_named_by_name_by_path_and_as_the_latest() {
    let (sandbox, template) = server_with_template();
    made(&sandbox, &template, "2024-03-01T03-00-00Z");
    truncate(&made(&sandbox, &template, "2024-03-02T03-00-00Z"));
    let run = sandbox.tool("backup-db").args(["verify", "latest"]).code(1).any_stderr();
    run.stdout_has("2024-03-02T03-00-00Z  damaged: ").check();
    let run = sandbox.tool("backup-db").args(["verify", "2024-03-01T03-00-00Z"]).arg(&template);
    let template = template.display();
    run.stdout(format!("2024-03-01T03-00-00Z  verified  1 table, 2 rows\n{template}  verified  1 table, 2 rows\n"))
        .check();
}

#[test]
fn one_that_is_not_there_is_66_and_the_others_are_verified_all_the_same() {
    let (sandbox, template) = server_with_template();
    sandbox.tool("backup-db").arg("verify").code(66).stderr_has("there is no backup of ").check();
    sandbox.tool("backup-db").args(["verify", "latest"]).code(66).any_stdout().stderr_has("there is no backup").check();
    made(&sandbox, &template, "2024-03-01T03-00-00Z");
    let run = sandbox.tool("backup-db").args(["verify", "2023-01-01T00-00-00Z", "/nonexistent", "latest"]).code(66);
    let ran = run.any_stdout().stderr_has("there is no backup 2023-01-01T00-00-00Z in ").check();
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines[0].starts_with("2023-01-01T00-00-00Z  absent: ") && lines[1].starts_with("/nonexistent  absent: "));
    assert_eq!(lines[2], "2024-03-01T03-00-00Z  verified  1 table, 2 rows");
    // No is an answer, whatever else is not there.
    rot(&sandbox.path("prod/backups/2024-03-01T03-00-00Z"));
    sandbox.tool("backup-db").args(["verify", "nope", "latest"]).code(1).any_stdout().any_stderr().check();
    sandbox.tool("backup-db").args(["verify", ""]).code(2).stderr_has("it is empty").check();
}

#[test]
fn a_place_that_takes_no_copy_is_73() {
    let (sandbox, template) = server_with_template();
    let file = sandbox.write("file", "");
    let run = sandbox.tool("backup-db").arg("verify").arg(&template).arg("--backup-dir").arg(file).code(73);
    run.stdout_has("unknown: cannot unpack a copy in ").stderr_has("hint: to verify, a copy is unpacked there").check();
}

#[test]
fn a_full_disk_is_74_and_nothing_is_left() {
    let sandbox = server(&megabytes(2));
    let set = backup(&sandbox);
    let script = "trap '' XFSZ; ulimit -f 1500; exec \"$0\" \"$@\"";
    let run = sandbox.program("/bin/sh".as_ref()).args(["-c", script]).arg(testkit::tool_path("backup-db"));
    let run = run.arg("verify").env("PUSHBACK_ENV", sandbox.env_file()).code(74);
    run.stdout_has("unknown: cannot write").stderr_has("backup-db: cannot write").check();
    assert!(set.exists() && litter(&sandbox).is_empty());
}

#[test]
fn a_set_that_may_not_be_read_is_77_and_not_called_damaged() {
    if rustix::process::geteuid().is_root() {
        // Nothing is forbidden to root: somebody else's environment is.
        let sandbox = server("CREATE TABLE t(x)");
        backup(&sandbox);
        std::os::unix::fs::chown(sandbox.root(), Some(1), None).unwrap();
        for command in ["list", "verify"] {
            sandbox.tool("backup-db").arg(command).code(77).stderr_has("belongs to user 1").check();
        }
        return;
    }
    let sandbox = server("CREATE TABLE t(x)");
    let set = backup(&sandbox);
    fs::set_permissions(set.join("database.sqlite.gz"), Permissions::from_mode(0o000)).unwrap();
    let run = sandbox.tool("backup-db").arg("verify").code(77);
    run.stdout_has("unknown: cannot read ").stderr_has("permission denied").check();
}

#[test]
fn without_a_database_url_is_78() {
    let (sandbox, _) = server_with_template();
    sandbox.set("DATABASE_URL", "");
    for command in ["verify", "prune"] {
        let run = sandbox.tool("backup-db").args([command, "--keep-last", "1"]).code(78);
        run.stderr_has("DATABASE_URL is not set").check();
    }
}

#[test]
fn a_deadline_that_passes_is_124() {
    let sandbox = server(&megabytes(40));
    backup(&sandbox);
    let run = sandbox.tool("backup-db").args(["verify", "--timeout", "5ms"]).code(124);
    run.stdout_has("unknown: not done after").stderr_has("not done after").check();
    assert!(litter(&sandbox).is_empty());
}

#[test]
fn a_signal_ends_it_and_nothing_is_left() {
    let sandbox = server(&megabytes(60));
    let set = backup(&sandbox);
    let mut child = sandbox.tool("backup-db").arg("verify").spawn();
    wait_until("a copy is being made", || !litter(&sandbox).is_empty());
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(set.exists() && litter(&sandbox).is_empty());
}
