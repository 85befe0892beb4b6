//! What leaves this machine: the dump on stdout, and the copy that BACKUP_AFTER_COMMAND makes.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use testkit::{Run, Sandbox, tool_path};

use crate::server::{backup, litter, megabytes, number, server, sets};

/// A shell in which `$B` is backup-db.
fn shell(sandbox: &Sandbox, script: &str) -> Run {
    let run = sandbox.program("/bin/sh".as_ref()).env("B", tool_path("backup-db"));
    run.env("PUSHBACK_ENV", sandbox.env_file()).args(["-c", script])
}

#[test]
fn a_dump_goes_to_stdout_and_no_set_is_made() {
    let sandbox = server("CREATE TABLE t(x); INSERT INTO t VALUES (1), (2)");
    for (codec, reader) in [("gzip", "gzip -dc"), ("zstd", "zstd -dc"), ("none", "cat")] {
        shell(&sandbox, &format!("\"$B\" --output - --compress {codec} | {reader} >copy && echo done"))
            .stdout("done\n")
            .check();
        let copy = Connection::open(sandbox.path("copy")).unwrap();
        assert_eq!(number(&copy, "SELECT count(*) FROM t"), 2, "{codec}");
    }
    assert!(sets(&sandbox).is_empty() && litter(&sandbox).is_empty());
    let last = sandbox.journal().pop().unwrap();
    assert_eq!((&last["success"], &last["details"]["rows"]), (&true.into(), &2.into()));
}

#[test]
fn a_dump_that_nobody_takes_whole_is_74() {
    let sandbox = server(&megabytes(4));
    for sink in ["> /dev/full", "| head -c 1000 >/dev/null"] {
        let script = format!("{{ \"$B\" --compress none --output -; echo $? >code; }} {sink}");
        shell(&sandbox, &script).any_stderr().check();
        assert_eq!(sandbox.read("code"), "74\n", "{sink}");
        assert_eq!(sandbox.journal().pop().unwrap()["exit_code"], 74, "{sink}");
    }
    assert!(litter(&sandbox).is_empty());
}

#[test]
fn there_is_one_place_to_write_a_dump_to() {
    let sandbox = server("CREATE TABLE t(x)");
    sandbox.tool("backup-db").args(["--output", "dump.gz"]).code(2).any_stderr().check();
    sandbox.tool("backup-db").args(["--output", "-", "--json"]).code(2).any_stdout().any_stderr().check();
    sandbox.tool("backup-db").args(["list", "--output", "-"]).code(2).stderr_has("belongs to backup-db create").check();
}

#[test]
fn a_command_gets_the_path_of_each_new_backup_and_only_what_is_listed_for_it() {
    let sandbox = server("CREATE TABLE t(x)");
    sandbox.set("BACKUP_AFTER_COMMAND", "cp -R \"$PUSHBACK_BACKUP\" ../../copy && env >../../env && pwd");
    sandbox.set("BACKUP_AFTER_ENV", "RCLONE_CONFIG");
    sandbox.set("RCLONE_CONFIG", "/etc/rclone.conf");
    sandbox.set("APP_SECRET", "canary");
    let set = backup(&sandbox);
    for file in ["manifest.json", "database.sqlite.gz", "SHA256SUMS"] {
        assert_eq!(fs::read(set.join(file)).unwrap(), fs::read(sandbox.path("copy").join(file)).unwrap());
    }
    let env = sandbox.read("env");
    assert!(env.contains("RCLONE_CONFIG=/etc/rclone.conf") && !env.contains("canary"), "{env}");
    let log = sandbox.read("prod/logs/backup-after.log");
    assert_eq!(Path::new(log.trim()).canonicalize().unwrap(), set.parent().unwrap().canonicalize().unwrap());
}

#[test]
fn a_command_that_fails_is_74_and_rotates_nothing() {
    let sandbox = server("CREATE TABLE t(x)");
    let first = backup(&sandbox);
    sandbox.set("BACKUP_KEEP_LAST", "1");
    sandbox.set("BACKUP_AFTER_COMMAND", "echo no route; exit 3");
    let run = sandbox.tool("backup-db").code(74);
    let said = "the backup is made, but BACKUP_AFTER_COMMAND exited with 3; no old backup was removed\nhint: ";
    run.stderr_has(said).check();
    assert_eq!(sandbox.read("prod/logs/backup-after.log"), "no route\n");
    assert!(first.exists() && sets(&sandbox).len() == 2);
    sandbox.set("BACKUP_AFTER_COMMAND", "sleep 600");
    sandbox.tool("backup-db").args(["--timeout", "1s"]).code(124).stderr_has("took longer than it may").check();
    sandbox.set("BACKUP_AFTER_COMMAND", "true");
    sandbox.tool("backup-db").any_stdout().stderr_has("removed ").check();
    assert_eq!(sets(&sandbox).len(), 1);
}

#[test]
fn more_files_come_along_when_they_are_named() {
    let sandbox = server("CREATE TABLE t(x)");
    let (site, unit) = (sandbox.write("nginx/site.conf", "server {}"), sandbox.write("app.service", "[Unit]"));
    sandbox.set("BACKUP_INCLUDE", &format!("{} {}", site.display(), unit.display()));
    let set = backup(&sandbox);
    assert_eq!(fs::read_to_string(set.join("config/site.conf")).unwrap(), "server {}");
    assert!(sandbox.tool("backup-db").args(["verify", "latest"]).any_stdout().check().stdout.contains("verified"));
    let manifest = fs::read_to_string(set.join("manifest.json")).unwrap();
    assert!(manifest.contains(&format!("\"config/app.service\": \"{}\"", unit.display())), "{manifest}");
    let blank = sandbox.write("with blanks/my site.conf", "blank {}");
    let run = sandbox.tool("backup-db").arg("--include").arg(&blank).any_stderr();
    let set = PathBuf::from(run.any_stdout().check().stdout.trim_end());
    assert_eq!(fs::read_to_string(set.join("config/my site.conf")).unwrap(), "blank {}");
    assert!(!set.join("config/site.conf").exists(), "the option says all that comes along");
    let other = sandbox.write("other/site.conf", "");
    let odd = sandbox.write("od\\d", "");
    for (include, said) in [
        (format!("{} {}", site.display(), other.display()), "another file in config/ has that name"),
        ("site.conf".to_owned(), "it is no absolute path of a file"),
        (odd.display().to_string(), "its name holds"),
        (sandbox.path("nginx").display().to_string(), "there is no such file"),
        (sandbox.path("missing").display().to_string(), "there is no such file"),
    ] {
        sandbox.set("BACKUP_INCLUDE", "");
        let run = include.split(' ').fold(sandbox.tool("backup-db"), |run, path| run.args(["--include", path]));
        run.code(78).stderr_has(said).check();
    }
    assert!(sets(&sandbox).len() == 2 && litter(&sandbox).is_empty());
}
