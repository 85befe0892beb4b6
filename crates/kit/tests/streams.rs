//! A stream that is closed, full or broken: the documented code, never 101.
#![cfg(test)]

use std::path::Path;

use testkit::{Run, Sandbox, tool_path};

/// A tool with its streams set by the shell, such as `>/dev/full` or `2>&-`.
fn redirected(sandbox: &Sandbox, redirection: &str, tool: &str, args: &[&str]) -> Run {
    let shell = sandbox.program(Path::new("/bin/sh")).env("PUSHBACK_ENV", sandbox.env_file());
    let script = format!("exec \"$0\" \"$@\" {redirection}");
    shell.arg("-c").arg(script).arg(tool_path(tool)).args(args)
}

/// Commands that only read and print something.
const READERS: [(&str, &[&str]); 6] = [
    ("release", &["list"]),
    ("release", &["current"]),
    ("deployment-report", &[]),
    ("deploy-queue", &["log"]),
    ("run-step", &["--help"]),
    ("rollback", &["--generate", "man"]),
];

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, Some(0));
    sandbox
}

#[test]
fn a_reader_whose_stdout_is_full_is_74() {
    let sandbox = sandbox();
    for (tool, args) in READERS {
        let run = redirected(&sandbox, ">/dev/full", tool, args).code(74);
        run.stderr_has(format!("{tool}: cannot write ")).stderr_has("no space left on device").check();
    }
}

#[test]
fn a_reader_whose_stdout_is_closed_ends_as_documented() {
    for (tool, args) in READERS {
        redirected(&sandbox(), ">&-", tool, args).check();
        redirected(&sandbox(), ">&- 2>&- <&-", tool, args).check();
    }
}

#[test]
fn a_reader_whose_stdout_nobody_reads_is_74() {
    for (tool, args) in READERS {
        let sandbox = sandbox();
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = sandbox.tool(tool).args(args).into_command();
        let output = command.stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(74), "{tool} {args:?}");
    }
}

#[test]
fn a_tool_that_has_done_its_work_warns_when_the_result_cannot_be_delivered() {
    let sandbox = sandbox();
    let run = redirected(&sandbox, ">/dev/full", "run-step", &["--json", "test", "--", "true"]);
    run.stderr_has("run-step: cannot write the result to stdout").check();
    let run = redirected(&sandbox, ">/dev/full", "release", &["activate", "1-0000001"]);
    run.stderr_has("release: cannot write the result to stdout").check();
    assert_eq!(sandbox.journal().last().unwrap()["success"], true);
}

#[test]
fn a_failure_keeps_its_code_whatever_the_streams_are() {
    for redirection in [">&-", "2>&-", ">&- 2>&-", ">/dev/full", "2>/dev/full", ">/dev/full 2>/dev/full"] {
        for (tool, args, code) in [
            ("release", &["current", "--is", "abcdef0"][..], 1),
            ("release", &["--json", "activate", "9-abcdef0"], 66),
            ("deployment-report", &["--json", "prod-9"], 66),
            ("run-step", &["--json", "test", "--", "false"], 1),
            ("rollback", &["--json", "--no-such-flag"], 2),
            ("post-receive", &["--json", "install", "/nonexistent", "--map=main=x"], 66),
        ] {
            redirected(&sandbox(), redirection, tool, args).code(code).any_stdout().any_stderr().check();
        }
    }
}

#[test]
fn a_stderr_that_is_gone_changes_nothing() {
    for redirection in ["2>&-", "2>/dev/full"] {
        let sandbox = sandbox();
        let run = redirected(&sandbox, redirection, "rollback", &["--deploy", "prod-1"]);
        run.code(66).check();
        assert_eq!(sandbox.live(), "");
        redirected(&sandbox, redirection, "run-step", &["-v", "test", "--", "true"]).check();
    }
}
