//! Where settings come from, and which are refused, as seen from a tool.
#![cfg(test)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use testkit::{Run, Sandbox};

/// A step that succeeds at once.
fn step(sandbox: &Sandbox) -> Run {
    sandbox.tool("run-step").args(["test", "--", "true"])
}

#[test]
fn the_file_beats_the_environment() {
    let sandbox = Sandbox::new();
    step(&sandbox).env("STEP_TIMEOUT", "junk").code(78).stderr_has("`junk`").check();
    sandbox.set("STEP_TIMEOUT", "10s");
    step(&sandbox).env("STEP_TIMEOUT", "junk").check();
    sandbox.set("STEP_TIMEOUT", "trash");
    step(&sandbox).env("STEP_TIMEOUT", "10s").code(78).stderr_has("`trash`").check();
}

#[test]
fn a_flag_beats_the_file_and_the_environment() {
    let sandbox = Sandbox::new();
    sandbox.set("STEP_TIMEOUT", "1ms");
    let run = sandbox.tool("run-step").env("STEP_TIMEOUT", "2ms");
    run.args(["test", "--timeout", "1h", "--", "sh", "-c", "echo"]).check();
    sandbox.set("STEP_TIMEOUT", "1h");
    let run = sandbox.tool("run-step").args(["test", "--timeout", "50ms", "--", "sleep", "600"]);
    run.code(124).any_stderr().check();
}

#[test]
fn the_environment_speaks_where_the_file_is_silent() {
    let sandbox = Sandbox::new();
    let run = sandbox.tool("run-step").env("STEP_TIMEOUT", "50ms");
    run.args(["test", "--", "sleep", "600"]).code(124).any_stderr().check();
}

#[test]
fn an_empty_value_in_the_file_takes_the_setting_away() {
    let sandbox = Sandbox::new();
    sandbox.set("STEP_TIMEOUT", "");
    step(&sandbox).env("STEP_TIMEOUT", "junk").check();
}

#[test]
fn without_a_file_the_environment_alone_speaks() {
    let sandbox = Sandbox::new();
    let run = step(&sandbox).env_remove("PUSHBACK_ENV").code(78);
    run.stderr_has("DEPLOY_ROOT is not set\nhint: name an environment file with -e, or set DEPLOY_ROOT").check();
    step(&sandbox).env_remove("PUSHBACK_ENV").env("DEPLOY_ROOT", sandbox.root()).check();
}

#[test]
fn the_option_beats_the_variable_that_names_the_file() {
    let sandbox = Sandbox::new();
    let file = sandbox.env_file().display().to_string();
    let release = || sandbox.tool("release").env("PUSHBACK_ENV", "/nonexistent/deploy.env");
    release().arg("list").code(78).any_stderr().check();
    // It may stand before or after the command.
    release().args(["-e", &file, "list"]).check();
    release().args(["list", "--environment", &file]).check();
}

#[test]
fn a_name_means_a_file_in_etc() {
    let sandbox = Sandbox::new();
    let run = sandbox.tool("release").args(["-e", "no-such-environment", "list"]).code(78);
    run.stderr_has("cannot read the settings in /etc/pushback/no-such-environment.env: there is no such file").check();
}

#[test]
fn a_file_that_is_not_understood_is_78_with_the_line_and_without_the_value() {
    for line in [
        "export A=canary",
        "A=can\\ary",
        "A='canary",
        "A='canary'x",
        "A=\"canary\"",
        "A=can\0canary",
        "A=canary\u{1b}[2J",
        "A=canary\u{b}",
        "A B=canary",
        "1A=canary",
        "DEPLOY_ENV=canary",
        "canary",
        // The last line of a key that was pasted in over several lines.
        "MIIcanary+/x==",
        "\u{a0}canary=x",
    ] {
        let sandbox = Sandbox::new();
        let text = format!("# first\n\n{}{line}\n", sandbox.read("prod/deploy.env"));
        fs::write(sandbox.env_file(), text).unwrap();
        let run = step(&sandbox).code(78).any_stdout().arg("--json").stderr_has("line 5: ");
        let ran = run.stderr_has("hint: a line is NAME=value").check();
        let said = ran.stderr + &ran.stdout;
        assert!(!said.contains("canary"), "{line}: {said}");
    }
}

#[test]
fn a_file_that_is_no_text_or_no_file_is_78() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.env_file(), b"# one\nA=\xff\n").unwrap();
    step(&sandbox).code(78).stderr_has("line 2: it is not UTF-8 text").check();
    let run = step(&sandbox).env("PUSHBACK_ENV", sandbox.root());
    run.code(78).stderr_has("it is not a regular file").check();
}

#[test]
fn windows_line_ends_and_a_missing_last_one_are_read_and_a_byte_order_mark_is_78() {
    let sandbox = Sandbox::new();
    let text = format!("{}STEP_TIMEOUT=junk", sandbox.read("prod/deploy.env"));
    fs::write(sandbox.env_file(), text.replace('\n', "\r\n")).unwrap();
    step(&sandbox).code(78).stderr_has("STEP_TIMEOUT: invalid value 'junk'").check();
    fs::write(sandbox.env_file(), format!("\u{feff}{text}")).unwrap();
    step(&sandbox).code(78).stderr_has("line 1: the file begins with a byte order mark").check();
}

#[test]
fn what_is_no_file_is_78_at_once_and_what_leads_nowhere_has_its_reason() {
    let sandbox = Sandbox::new();
    let fifo = sandbox.path("fifo").display().to_string();
    sandbox.program("/usr/bin/mkfifo".as_ref()).args(["-m", "600", &fifo]).check();
    symlink("loop", sandbox.path("loop")).unwrap();
    symlink("/nonexistent/file", sandbox.path("dangling")).unwrap();
    let at = |name: &str| sandbox.path(name).display().to_string();
    for (path, code, said) in [
        (fifo.clone(), 78, "it is not a regular file"),
        ("/dev/zero".to_owned(), 78, "it is not a regular file"),
        (at("loop"), 74, "too many levels of symbolic links"),
        (at("dangling"), 78, "there is no such file"),
        (format!("/{}", "x".repeat(300)), 74, "file name too long"),
    ] {
        step(&sandbox).env("PUSHBACK_ENV", &path).code(code).stderr_has(said).check();
        sandbox.set("APP_ENV_FILE", &path);
        let app = sandbox.tool("release").env("PUSHBACK_DEPLOY", "prod-1").args(["stage", "main"]);
        app.code(78).any_stderr().check();
        sandbox.set("APP_ENV_FILE", "");
        sandbox.set("DATABASE_URL_FILE", &path);
        sandbox.tool("backup-db").code(code).stderr_has(said).check();
        sandbox.set("DATABASE_URL_FILE", "");
    }
}

#[test]
fn a_file_that_is_huge_is_78_and_not_read() {
    let sandbox = Sandbox::new();
    sandbox.set("LONG", &"x".repeat(10_000_000));
    step(&sandbox).code(78).stderr_has("it is longer than 1 MiB").check();
    sandbox.set("LONG", &"x".repeat(1_000_000));
    step(&sandbox).check();
}

#[test]
fn a_file_that_the_system_lets_nobody_read_is_77() {
    let sandbox = Sandbox::new();
    // For root no mode is in the way: another user runs the tool, from a place that it can reach.
    fs::set_permissions(sandbox.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    let tool = sandbox.path("run-step");
    fs::copy(testkit::tool_path("run-step"), &tool).unwrap();
    let run = sandbox.program("/usr/bin/setpriv".as_ref()).env("PUSHBACK_ENV", sandbox.env_file());
    let run = run.args(["--reuid=65534", "--clear-groups", "--"]).arg(tool).args(["test", "--", "true"]);
    run.code(77).stderr_has("cannot read the settings in ").stderr_has(": permission denied").check();
}

/// Every setting that has a form, with values that are out of it, and a tool that reads it.
#[test]
fn a_value_out_of_its_range_is_78_and_names_the_setting() {
    let times = ["0", "-1", "1d", "1.5s", "99999999999999999999", "ten", "5 m", "0x10", "1e3", "∞"];
    let paths = ["relative", "./x", "~/x", "$HOME/x"];
    let names = ["-x", "a b", "../x", "a/b", "ä", "x\u{202e}y"];
    for (setting, values, tool, args) in [
        ("STEP_TIMEOUT", &times[..], "run-step", &["test", "--", "true"][..]),
        ("STEP_TIMEOUT", &times, "backup-db", &[]),
        ("STEP_TIMEOUT", &times, "restore-db", &["--yes", "latest"]),
        ("DEPLOYMENT_TIMEOUT", &times, "release", &["activate", "1-0000001"]),
        ("DEPLOYMENT_TIMEOUT", &times, "release", &["deactivate"]),
        ("DEPLOYMENT_TIMEOUT", &times, "smoke-test", &["--setting", "SMOKE_CHECKS"]),
        ("STARTUP_WAIT", &times, "smoke-test", &["--setting", "SMOKE_CHECKS"]),
        ("SMOKE_INCONCLUSIVE", &["maybe", "ASK", "0"], "smoke-test", &["--setting", "SMOKE_CHECKS"]),
        ("DEPLOY_ENV", &names, "release", &["list"]),
        ("DEPLOY_ROOT", &paths, "release", &["list"]),
        ("DEPLOY_REPO", &paths, "deploy-queue", &["submit", "main"]),
        ("PUSHBACK_JOURNAL", &paths, "deploy-queue", &["log"]),
        ("APP_ENV_FILE", &paths, "release", &["activate", "1-0000001"]),
        ("BACKUP_DIR", &paths, "backup-db", &[]),
        ("DATABASE_URL", &["junk", "sqlite://x", "oracle://db"], "backup-db", &[]),
        ("SHARED_PATHS", &["../x", "/x", "a/../../b", "."], "release", &["activate", "1-0000001"]),
        ("PUSHBACK_DEPLOY", &["prod", "prod-01", "-1", "prod-1/.."], "release", &["activate"]),
    ] {
        let sandbox = Sandbox::new();
        sandbox.deployed(1, Some(0));
        let database = sandbox.write("prod/shared/db", "not looked at");
        sandbox.set("DATABASE_URL", &format!("sqlite://{}", database.display()));
        sandbox.set("API_URL", "http://127.0.0.1:9");
        for value in values {
            sandbox.set(setting, value);
            let run = sandbox.tool(tool).args(args).code(78).any_stdout();
            let said = run.stderr_has(setting).check().stderr;
            assert!(!said.contains('\u{202e}'), "{said}");
        }
    }
}

#[test]
fn the_longest_time_that_can_be_written_is_a_time() {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, Some(0));
    for name in ["STEP_TIMEOUT", "DEPLOYMENT_TIMEOUT", "STARTUP_WAIT"] {
        sandbox.set(name, "5124095576030h");
    }
    step(&sandbox).check();
    sandbox.set("RELOAD_COMMAND", "true");
    sandbox.tool("release").args(["activate", "1-0000001"]).any_stdout().check();
    let check = "[[check]]\nname = 'x'\nkind = 'command'\nrun = ['true']\nexpect = 'exit == 0'\n";
    sandbox.tool("smoke-test").arg("-").stdin(check).any_stdout().check();
    let database = sandbox.write("prod/shared/db", "");
    sandbox.program("/usr/bin/sqlite3".as_ref()).arg(&database).arg("create table t (x)").check();
    sandbox.set("DATABASE_URL", &format!("sqlite://{}", database.display()));
    sandbox.tool("backup-db").any_stdout().check();
    sandbox.tool("restore-db").args(["--yes", "latest"]).any_stdout().any_stderr().check();
}

#[test]
fn a_file_that_others_may_read_is_77() {
    for mode in [0o644, 0o640, 0o604, 0o620, 0o601] {
        let sandbox = Sandbox::new();
        fs::set_permissions(sandbox.env_file(), fs::Permissions::from_mode(mode)).unwrap();
        step(&sandbox).code(77).stderr_has(format!("(mode {mode:04o})")).stderr_has("hint: chmod 600 ").check();
    }
}

/// Gives a file to `nobody`. The tests must run as root for that, as they do in CI.
fn give_away(path: &Path) {
    chown(path, Some(65534), None).expect("only root gives files away: run the tests as root");
}

#[test]
fn a_file_of_somebody_else_is_77() {
    let sandbox = Sandbox::new();
    give_away(&sandbox.env_file());
    step(&sandbox).code(77).stderr_has("it belongs to user 65534, not to you or root").check();
}

#[test]
fn an_environment_of_somebody_else_is_77_for_every_tool_and_untouched() {
    for (tool, args) in [
        ("run-step", &["test", "--", "touch", "ran"][..]),
        ("release", &["list"]),
        ("release", &["activate", "1-0000001"]),
        ("rollback", &["--last"]),
        ("rollback", &["--guard"]),
        ("deploy-queue", &["list"]),
        ("deploy-queue", &["submit", "main"]),
        ("deploy-queue", &["run"]),
    ] {
        let sandbox = Sandbox::new();
        sandbox.staged(1);
        give_away(&sandbox.root());
        let run = sandbox.tool(tool).args(args).code(77);
        run.stderr_has("belongs to user 65534, who alone works in it").stderr_has("hint: sudo -u '#65534'").check();
        assert!(sandbox.live().is_empty() && !sandbox.path("ran").exists());
        assert!(
            !sandbox.path("prod/journal.ndjson").exists(),
            "{tool} {args:?} leaves a file that its owner cannot write"
        );
    }
}

#[test]
fn an_environment_that_is_not_there_is_66_and_one_that_is_nowhere_78() {
    let sandbox = Sandbox::new();
    for (root, code, said) in [
        ("/nonexistent/prod", 66, "hint: make it as the user who deploys: mkdir -p"),
        ("prod", 78, "which is not an absolute path"),
        ("", 78, "DEPLOY_ROOT is not set"),
    ] {
        sandbox.set("DEPLOY_ROOT", root);
        sandbox.tool("release").arg("list").code(code).stderr_has(said).check();
    }
}

#[test]
fn a_name_that_could_be_an_option_or_a_path_is_no_environment() {
    for name in ["--upload-pack", "../prod", "a b", ".", "prod/", "-"] {
        let sandbox = Sandbox::new();
        sandbox.set("DEPLOY_ENV", name);
        sandbox.tool("release").arg("list").code(78).stderr_has("DEPLOY_ENV is ").check();
    }
}
