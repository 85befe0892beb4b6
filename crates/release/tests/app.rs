//! release activate: the app that it starts is on its own, with its own settings and none of ours.
#![cfg(test)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use testkit::{Run, Sandbox, commit_of, is_alive, kill, release_of, wait_until};

fn activate(sandbox: &Sandbox) -> Run {
    sandbox.tool("release").args(["activate", &release_of(1)]).any_stdout()
}

/// A sandbox whose app is a daemon that writes its number to `prod/pid`.
fn daemon() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.staged(1);
    sandbox.set("STOP_COMMAND", "true");
    sandbox.set("START_COMMAND", "sleep 600 & echo $! > ../../pid");
    sandbox
}

/// The number of the app, once it is the app: between fork and exec it is still the shell, which is moving its files.
fn app_of(sandbox: &Sandbox) -> String {
    let pid = sandbox.read("prod/pid").trim().to_owned();
    wait_until("the app is the app", || {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "sleep\n")
    });
    pid
}

fn session_of(pid: &str) -> String {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    fields.split(' ').nth(3).unwrap().to_owned()
}

/// Where the open files of a process lead.
fn open_files(pid: &str) -> BTreeMap<String, String> {
    let entries = fs::read_dir(format!("/proc/{}/fd", pid.trim())).unwrap().flatten();
    let target = |path: &Path| fs::read_link(path).unwrap().to_string_lossy().into_owned();
    entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), target(&entry.path()))).collect()
}

#[test]
fn the_app_outlives_the_tool_in_a_session_of_its_own() {
    let sandbox = daemon();
    activate(&sandbox).check();
    let pid = app_of(&sandbox);
    assert!(is_alive(&pid));
    assert_ne!(session_of(&pid), session_of("self"));
    kill("KILL", pid);
}

#[test]
fn the_app_reads_dev_null_and_speaks_into_its_log_and_holds_nothing_else_of_ours() {
    let sandbox = daemon();
    let lock = sandbox.hold_lock("the pipeline");
    activate(&sandbox).stdin_file(lock).check();
    let pid = app_of(&sandbox);
    let open = open_files(&pid);
    let log = sandbox.path("prod/logs/app.log").display().to_string();
    assert_eq!([&open["0"], &open["1"], &open["2"]], ["/dev/null", &log, &log]);
    let ours = open.values().filter(|path| path.starts_with(&*sandbox.path("").to_string_lossy()));
    assert_eq!(ours.count(), 2, "{open:?}");
    // The pipeline is gone and the app runs: the lock is free.
    wait_until("the lock is free", || {
        let flock = sandbox.program("flock".as_ref()).arg("--nonblock").arg(sandbox.path("prod/state/lock"));
        flock.arg("true").into_command().status().is_ok_and(|status| status.success())
    });
    assert!(is_alive(&pid));
    kill("KILL", pid);
}

#[test]
fn the_app_gets_its_own_settings_and_none_of_ours() {
    let sandbox = Sandbox::new();
    sandbox.staged(1);
    let file = sandbox.write("app.env", "# the app's\nDATABASE_URL='sqlite:///live'\nGREETING=hello there\n");
    sandbox.program("chmod".as_ref()).arg("600").arg(&file).check();
    sandbox.set("APP_ENV_FILE", &file.display().to_string());
    sandbox.set("TELEGRAM_API_TOKEN", "canary");
    sandbox.set("RELOAD_COMMAND", "exec env");
    activate(&sandbox).env("WEBHOOK_SECRET", "canary").env("PUSHBACK_DEPLOY", "prod-1").check();
    let said = sandbox.read("prod/logs/app.log");
    let variables: BTreeMap<&str, &str> = said.lines().filter_map(|line| line.split_once('=')).collect();
    let names: Vec<&str> = variables.keys().copied().filter(|name| *name != "PWD").collect();
    assert_eq!(names, ["DATABASE_URL", "GREETING", "HOME", "LANG", "PATH", "PUSHBACK_COMMIT"], "{said}");
    assert_eq!((variables["GREETING"], variables["DATABASE_URL"]), ("hello there", "sqlite:///live"));
    assert_eq!(variables["PUSHBACK_COMMIT"], commit_of(1));
}

#[test]
fn an_app_env_file_that_is_not_there_or_not_understood_is_78() {
    let sandbox = Sandbox::new();
    sandbox.staged(1);
    sandbox.set("RELOAD_COMMAND", "true");
    sandbox.set("APP_ENV_FILE", "/nonexistent/app.env");
    activate(&sandbox).code(78).stderr_has("APP_ENV_FILE /nonexistent/app.env").check();
    let file = sandbox.write("app.env", "export A=canary\n");
    sandbox.program("chmod".as_ref()).arg("600").arg(&file).check();
    sandbox.set("APP_ENV_FILE", &file.display().to_string());
    let said = activate(&sandbox).code(78).stderr_has("line 1: ").check().stderr;
    assert!(!said.contains("canary"), "{said}");
    assert_eq!(sandbox.live(), "");
}

#[test]
fn the_log_of_the_app_is_continued_and_private() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    sandbox.staged(1);
    sandbox.set("RELOAD_COMMAND", "echo reloaded; echo loudly >&2");
    activate(&sandbox).check();
    activate(&sandbox).check();
    assert_eq!(sandbox.read("prod/logs/app.log"), "reloaded\nloudly\nreloaded\nloudly\n");
    let mode = fs::metadata(sandbox.path("prod/logs/app.log")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
