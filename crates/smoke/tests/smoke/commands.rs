//! Checks by a command, and of a disk.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};
use testkit::{Sandbox, wait_until};

use crate::smoke;

fn command(run: &str, more: &str) -> String {
    let expect = if more.contains("expect =") { "" } else { "expect = 'exit == 0'" };
    format!("[[check]]\nname = 'run'\nkind = 'command'\nrun = {run}\nattempts = 1\n{expect}\n{more}\n")
}

#[test]
fn a_command_passes_by_its_exit_code_and_its_output() {
    let sandbox = Sandbox::new();
    let checks = command(
        r#"["sh", "-c", "echo one two; exit 3"]"#,
        r#"expect = ['exit == 3', 'stdout contains "one two"', 'stdout not contains "three"']"#,
    );
    smoke(&sandbox, &checks).stdout_has("run  pass  exit 3\n").check();
}

#[test]
fn a_command_that_fails_is_shown_with_its_last_words() {
    let sandbox = Sandbox::new();
    smoke(&sandbox, &command(r#"["sh", "-c", "echo first >&2; echo no such table >&2; exit 1"]"#, ""))
        .code(1)
        .stdout_has("run  fail  exit is 1, expected exit == 0; its last words: `no such table`\n")
        .any_stderr()
        .check();
}

#[test]
fn stderr_is_not_stdout() {
    let sandbox = Sandbox::new();
    let checks = command(r#"["sh", "-c", "echo ready >&2"]"#, r#"expect = 'stdout contains "ready"'"#);
    smoke(&sandbox, &checks)
        .code(1)
        .stdout_has("run  fail  stdout is empty, expected stdout contains \"ready\"")
        .any_stderr()
        .check();
}

#[test]
fn of_what_goes_on_beyond_a_mib_nobody_knows_what_is_not_in_it() {
    let sandbox = Sandbox::new();
    let run = r#"["sh", "-c", "head -c 1048576 /dev/zero | tr '\\0' x; echo ERROR"]"#;
    let looks = |expect: &str| smoke(&sandbox, &command(run, &format!("expect = {expect:?}")));
    for undecided in ["stdout not contains 'ERROR'", "stdout not matches 'ERROR'", "stdout matches '^x+$'"] {
        let said = format!("run  fail  stdout is longer than is read, expected {undecided}\n");
        looks(undecided).code(1).stdout_has(said).any_stderr().check();
    }
    looks("stdout contains 'xx'").stdout_has("run  pass  exit 0\n").check();
}

#[test]
fn no_shell_looks_at_the_arguments() {
    let sandbox = Sandbox::new();
    let checks = command(r#"["echo", "$HOME;", "`id`", "*"]"#, r#"expect = 'stdout contains "$HOME; `id` *"'"#);
    smoke(&sandbox, &checks).stdout_has("run  pass  exit 0\n").check();
}

#[test]
fn a_command_that_takes_too_long_is_ended_and_fails() {
    let sandbox = Sandbox::new();
    let pid = sandbox.path("pid").display().to_string();
    let run = format!(r#"["sh", "-c", "echo $$ > {pid}; exec sleep 600"]"#);
    smoke(&sandbox, &command(&run, "timeout = '2s'"))
        .code(1)
        .stdout_has("run  fail  sh was ended: it took longer than 2.0 s\n")
        .any_stderr()
        .check();
    assert!(!Path::new("/proc").join(sandbox.read("pid").trim()).exists());
}

#[test]
fn a_command_that_dies_of_a_signal_fails() {
    let sandbox = Sandbox::new();
    smoke(&sandbox, &command(r#"["sh", "-c", "kill -KILL $$"]"#, "expect = 'exit != 0'"))
        .code(1)
        .stdout_has("run  fail  sh was ended by signal 9\n")
        .any_stderr()
        .check();
}

#[test]
fn a_program_that_is_missing_is_an_error_of_ours_and_69() {
    let sandbox = Sandbox::new();
    for run in ["['no-such-program-here']", "['bin/no-such-check']"] {
        smoke(&sandbox, &command(run, "attempts = 5").replacen("attempts = 1\n", "", 1))
            .code(69)
            .stdout_has("run  error  cannot run ")
            .stdout_has(": it is not there, or not executable\n1 check: 1 error (")
            .stderr_has("smoke-test: 1 of 1 check could not be made: run: cannot run ")
            .stderr_has("hint: ")
            .check();
    }
}

#[test]
fn a_command_that_exits_with_127_itself_fails() {
    let sandbox = Sandbox::new();
    smoke(&sandbox, &command(r#"["sh", "-c", "exit 127"]"#, ""))
        .code(1)
        .stdout_has("run  fail  exit is 127, expected exit == 0\n")
        .any_stderr()
        .check();
}

#[test]
fn what_keeps_us_from_looking_is_74() {
    let sandbox = Sandbox::new();
    smoke(&sandbox, &command("['true']", ""))
        .env("TMPDIR", sandbox.path("nowhere"))
        .code(74)
        .stdout_has("run  error  cannot make a temporary file")
        .any_stderr()
        .check();
}

#[test]
fn an_inconclusive_result_can_count_as_failed() {
    let sandbox = Sandbox::new();
    let checks = command("['no-such-program-here']", "");
    let counted = || smoke(&sandbox, &checks).code(1).stdout_has("run  error  ");
    counted().args(["--inconclusive", "rollback"]).stderr_has("this counts as failed, as you asked").check();
    sandbox.set("SMOKE_INCONCLUSIVE", "rollback");
    counted().any_stderr().check();
}

#[test]
fn a_command_is_told_the_commit_and_no_secret() {
    let sandbox = Sandbox::new();
    sandbox.set("DATABASE_URL", "postgres://u:canary@db/app");
    let checks = "[[check]]\nname = 'page'\nkind = 'command'\nrun = ['env']\nattempts = 1\n\
        expect = ['stdout contains \"PUSHBACK_COMMIT=3f2a1c9d\"', 'stdout not contains \"canary\"', \
        'stdout not contains \"TELEGRAM\"', 'stdout not contains \"PUSHBACK_ENV\"']\n";
    let commit = "3f2a1c9d3f2a1c9d3f2a1c9d3f2a1c9d3f2a1c9d";
    sandbox.write("prod/releases/7-3f2a1c9/REVISION", commit);
    smoke(&sandbox, checks)
        .args(["--release", "7-3f2a1c9"])
        .env("TELEGRAM_API_TOKEN", "canary")
        .stdout_has("page  pass  exit 0\n")
        .check();
}

#[test]
fn a_signal_ends_the_run_and_its_commands() {
    let sandbox = Sandbox::new();
    let pid = sandbox.path("pid");
    let run = format!(r#"["sh", "-c", "echo $$ > {}; exec sleep 600"]"#, pid.display());
    let mut tool = smoke(&sandbox, &command(&run, "timeout = '10m'")).spawn();
    wait_until("the command runs", || fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n')));
    kill_process(Pid::from_child(&tool), Signal::TERM).unwrap();
    assert_eq!(tool.wait().unwrap().code(), Some(143));
    assert!(!Path::new("/proc").join(sandbox.read("pid").trim()).exists());
}

fn disk(path: &str, expect: &str) -> String {
    format!("[[check]]\nname = 'disk'\nkind = 'disk'\npath = '{path}'\nattempts = 1\nexpect = {expect}\n")
}

#[test]
fn a_disk_with_room_passes_and_one_without_fails() {
    let sandbox = Sandbox::new();
    smoke(&sandbox, &disk("/", "['free > 1kB', 'free >= 0%', 'inodes >= 0%']"))
        .stdout_has("disk  pass  ")
        .stdout_has(" free (")
        .check();
    smoke(&sandbox, &disk("/", "'free > 9000000TB'"))
        .code(1)
        .stdout_has("disk  fail  ")
        .stdout_has("%), expected free > 9000000TB\n")
        .any_stderr()
        .check();
}

#[test]
fn a_directory_that_is_missing_fails() {
    let sandbox = Sandbox::new();
    smoke(&sandbox, &disk("/no/such/place", "'free > 1B'"))
        .code(1)
        .stdout_has("disk  fail  /no/such/place is not there\n")
        .any_stderr()
        .check();
}
