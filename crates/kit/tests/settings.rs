//! Where settings come from, and which are refused, as seen from a tool.
#![cfg(test)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
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
    for line in
        ["export A=canary", "A=can\\ary", "A='canary", "A=\"canary\"", "A B=canary", "1A=canary", "DEPLOY_ENV=canary"]
    {
        let sandbox = Sandbox::new();
        let text = format!("# first\n\n{}{line}\n", sandbox.read("prod/deploy.env"));
        fs::write(sandbox.env_file(), text).unwrap();
        let run = step(&sandbox).code(78).stderr_has("line 5: ").stderr_has("hint: a line is NAME=value");
        let said = run.check().stderr;
        assert!(!said.contains("canary"), "{line}: {said}");
    }
}

#[test]
fn a_file_that_is_no_text_or_no_file_is_78() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.env_file(), b"A=\xff\n").unwrap();
    step(&sandbox).code(78).stderr_has("it is not UTF-8 text").check();
    let run = step(&sandbox).env("PUSHBACK_ENV", sandbox.root());
    run.code(78).stderr_has("it is not a regular file").check();
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
