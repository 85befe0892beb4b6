//! Checks of a repository, against real ones.

use std::fs;

use testkit::{Repository, Sandbox, gits};

use crate::{fails, once, passes, smoke};

/// A repository with a commit on `main` that is pushed.
fn repository() -> (Sandbox, Repository, String) {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository();
    repository.write("file", "one");
    let (commit, _) = repository.push("one");
    (sandbox, repository, commit)
}

fn clone(expect: &str) -> String {
    once("git", "path = 'clone'", expect)
}

#[test]
fn the_branch_of_a_work_tree_and_of_a_bare_repository_is_compared() {
    let (sandbox, repository, commit) = repository();
    passes(&sandbox, &clone("['branch == \"main\"', 'branch != \"dev\"', 'clean']"), "on main, clean\n");
    passes(&sandbox, &once("git", "", "'branch == \"main\"'"), "on main\n");
    fails(&sandbox, &clone("'branch == \"dev\"'"), "the branch is `main`, expected branch == \"dev\"\n");
    repository.git(&["checkout", "--quiet", "--detach", &commit]);
    fails(&sandbox, &clone("'branch != \"dev\"'"), "HEAD is on no branch, expected ");
}

#[test]
fn a_work_tree_with_changes_is_not_clean_and_is_left_as_it_is() {
    let (sandbox, repository, _) = repository();
    repository.write("file", "two");
    repository.write("new\u{1b}[2J", "x");
    let index = fs::read(repository.clone.join(".git/index")).unwrap();
    let run = smoke(&sandbox, &clone("'clean'")).code(1).any_stderr();
    let ran = run.stdout_has("it  fail  2 files differ, the first: `M file`, expected clean\n").check();
    assert!(!ran.stdout.contains('\u{1b}'));
    assert_eq!(fs::read(repository.clone.join(".git/index")).unwrap(), index);
    fails(&sandbox, &once("git", "", "'clean'"), "");
}

#[test]
fn a_commit_is_compared_whole_or_by_its_first_digits() {
    let (sandbox, repository, commit) = repository();
    let short = &commit[..7];
    passes(&sandbox, &clone(&format!("'commit == \"{short}\"'")), &format!("HEAD is {}\n", &commit[..12]));
    fails(&sandbox, &clone("'commit == \"0000000\"'"), &format!("`HEAD` is {}, expected commit == ", &commit[..12]));
    repository.git(&["tag", "--annotate", "--message", "x", "v1"]);
    let tag = once("git", "path = 'clone'\nref = 'v1'", &format!("'commit == \"{commit}\"'"));
    passes(&sandbox, &tag, &format!("v1 is {}\n", &commit[..12]));
    let gone = once("git", "ref = '--output=x'", "'commit == live'");
    let run = smoke(&sandbox, &gone).args(["--expect-commit", short]).code(1).any_stderr();
    run.stdout_has("it  fail  there is no commit `--output=x`, expected commit == live\n").check();
}

#[test]
fn the_live_commit_is_that_of_the_release_that_is_checked() {
    let (sandbox, repository, commit) = repository();
    let release = format!("7-{}", &commit[..7]);
    sandbox.write(&format!("prod/releases/{release}/REVISION"), &commit);
    let checks = once("git", "ref = 'refs/heads/main'", "'commit == live'");
    let run = || smoke(&sandbox, &checks).args(["--release", &release]);
    run().stdout_has(format!("it  pass  refs/heads/main is {}\n", &commit[..12])).check();
    run()
        .arg("--dry-run")
        .stdout_has(format!(": commit == live, commit refs/heads/main is {}\n", &commit[..12]))
        .check();
    repository.write("file", "two");
    repository.push("two");
    run().code(1).stdout_has(format!(" and {} is live, expected commit == live\n", &commit[..12])).any_stderr().check();
    // By hand nobody knows what is live.
    smoke(&sandbox, &checks).stdout_has(", commit not compared\n").check();
}

#[test]
fn what_is_no_repository_fails_also_inside_of_one() {
    let (sandbox, repository, _) = repository();
    fails(
        &sandbox,
        &once("git", "path = 'nowhere'", "'clean'"),
        &format!("{} is not there\n", sandbox.path("nowhere").display()),
    );
    fs::create_dir(sandbox.path("empty")).unwrap();
    fails(&sandbox, &once("git", "path = 'empty'", "'clean'"), "");
    repository.write("sub/file", "x");
    let inner = smoke(&sandbox, &once("git", "path = 'clone/sub'", "'branch == \"main\"'")).code(1).any_stderr();
    inner.stdout_has("git says `fatal: not a git repository").check();
}

#[test]
fn a_missing_git_is_an_error_of_ours_and_69() {
    let (sandbox, _repository, _) = repository();
    for git in gits() {
        assert!(git.exists());
    }
    let run = smoke(&sandbox, &clone("'clean'")).env("PATH", sandbox.path("bin"));
    run.code(69).stdout_has("it  error  cannot run git: it is not installed").any_stderr().check();
}

#[test]
fn a_git_that_hangs_is_ended_in_time() {
    let (sandbox, _repository, _) = repository();
    sandbox.fake("git", "#!/bin/sh\nexec sleep 600\n");
    let checks = clone("'clean'") + "timeout = '500ms'\n";
    fails(&sandbox, &checks, "git rev-parse was ended: it took longer than 0.5 s\n");
}

#[test]
fn a_monitor_of_the_repository_is_not_started() {
    let (sandbox, repository, _) = repository();
    let mark = sandbox.path("started");
    repository.git(&["config", "core.fsmonitor", &format!("touch {}; false", mark.display())]);
    passes(&sandbox, &clone("'clean'"), "clean\n");
    assert!(!mark.exists());
}
