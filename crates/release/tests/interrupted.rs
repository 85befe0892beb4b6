//! release: what is killed, stopped or cut short leaves nothing that counts, and the next run clears what it left.
#![cfg(test)]

use std::fs;
use std::path::PathBuf;

use testkit::{Run, Sandbox, kill, release_of, tool_path, wait_until};

fn pushed() -> Sandbox {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository();
    repository.write("app", "hello ".repeat(100_000));
    repository.push("one");
    sandbox
}

fn stage(sandbox: &Sandbox) -> Run {
    let run = sandbox.tool("release").env("PUSHBACK_DEPLOY", "prod-1");
    run.args(["stage", "main"])
}

/// Stages the tip of main and returns the release's directory.
fn staged(run: Run) -> PathBuf {
    PathBuf::from(run.any_stdout().check().stdout.trim_end())
}

fn releases(sandbox: &Sandbox) -> Vec<String> {
    let entries = fs::read_dir(sandbox.root().join("releases")).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_a_killed_stage_left_is_cleared_by_the_next() {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository();
    repository.write("app", "hello");
    repository.push("one");
    sandbox.write("prod/releases/.stage-7-abcdef0/half", "made");
    sandbox.write("prod/releases/.stage-7-abcdef0.tar", "half");
    sandbox.write("prod/releases/.stage-not-even-a-name", "half");
    sandbox.write("prod/releases/somebody-elses/file", "stays");
    let release = staged(stage(&sandbox));
    let mut left = releases(&sandbox);
    left.sort();
    assert_eq!(left, [release.file_name().unwrap().to_str().unwrap(), "somebody-elses"]);
}

#[test]
fn staging_is_recorded_with_its_release_and_commit() {
    let sandbox = Sandbox::new();
    let (commit, _) = sandbox.repository().push("one");
    staged(stage(&sandbox));
    let record = &sandbox.journal()[0];
    assert_eq!((&record["command"], &record["commit"]), (&"stage".into(), &commit.clone().into()));
    assert_eq!(record["release"], format!("1-{}", &commit[..7]));
}

#[test]
fn a_stage_that_is_told_to_stop_leaves_nothing() {
    let sandbox = pushed();
    sandbox.fake("tar", "#!/bin/sh\ntouch \"$HOME/unpacking\"; exec sleep 600\n");
    let mut child = stage(&sandbox).spawn();
    wait_until("it unpacks", || sandbox.path("unpacking").exists());
    kill("TERM", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(releases(&sandbox).is_empty());
}

#[test]
fn a_stage_on_a_full_disk_is_74_and_leaves_nothing() {
    let sandbox = pushed();
    // No file grows over 16 KiB: what a full disk does, without the need for one.
    let shell = sandbox.program("/bin/sh".as_ref()).env("PUSHBACK_ENV", sandbox.env_file());
    let shell = shell.env("PUSHBACK_DEPLOY", "prod-1");
    let run = shell.args(["-c", "trap '' XFSZ; ulimit -f 32; exec \"$0\" stage main"]).arg(tool_path("release"));
    run.code(74).stderr_has("release: ").check();
    assert!(releases(&sandbox).is_empty());
}

#[test]
fn a_release_that_was_half_pruned_when_the_tool_was_killed_is_no_release() {
    let sandbox = Sandbox::new();
    for number in 1..=3 {
        sandbox.deployed(number, Some(0));
    }
    for file in ["a", "b", "c"] {
        sandbox.write(&format!("prod/releases/{}/{file}", release_of(1)), file);
    }
    let trace = sandbox.program("strace".as_ref()).env("PUSHBACK_ENV", sandbox.env_file());
    let trace = trace.args(["-f", "-qq", "-o", "/dev/null", "-e", "inject=unlinkat:signal=KILL:when=3"]);
    let mut killed = trace.arg(tool_path("release")).args(["prune", "--keep=0"]).spawn();
    assert!(!killed.wait().unwrap().success());
    let left = fs::read_dir(sandbox.root().join("releases")).unwrap().count();
    assert_eq!(left, 3, "it was killed half way");
    let list = sandbox.tool("release").arg("list").any_stdout().check().stdout;
    assert!(!list.contains(&release_of(1)), "{list}");
    let repository = sandbox.repository();
    repository.push("one");
    staged(sandbox.tool("release").env("PUSHBACK_DEPLOY", "prod-4").args(["stage", "main"]));
    assert!(releases(&sandbox).iter().all(|name| !name.starts_with('.')));
}
