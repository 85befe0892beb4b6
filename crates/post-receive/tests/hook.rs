//! post-receive as the hook: what is submitted for which line, with a queue that only writes down what it was asked.
#![cfg(test)]

use testkit::{Repository, Run, Sandbox};

const ZERO: &str = "0000000000000000000000000000000000000000";

/// A repository whose hook is the real binary and whose `deploy-queue` notes each call on a line.
fn installed(maps: &[&str]) -> (Sandbox, Repository) {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository();
    sandbox.family(&["post-receive"]);
    let calls = sandbox.path("calls").display().to_string();
    sandbox.stand_in(
        "deploy-queue",
        &format!("{{ for word; do printf '[%s]' \"$word\"; done; echo \" $PUSHBACK_ENV\"; }} >> {calls}; echo 'submission 1: to prod'"),
    );
    let install = sandbox.own_tool("post-receive").env_remove("PUSHBACK_ENV").arg("install");
    let maps = maps.iter().map(|map| format!("--map={map}={}", sandbox.env_file().display()));
    install.arg(&repository.bare).args(maps).any_stdout().any_stderr().check();
    (sandbox, repository)
}

/// The hook as git runs it, with these lines on stdin.
fn hook(sandbox: &Sandbox, lines: &str) -> Run {
    let run = sandbox.own_tool("post-receive").env_remove("PUSHBACK_ENV").env("GIT_DIR", ".");
    run.dir(&sandbox.path("repo.git")).stdin(lines)
}

/// What `deploy-queue` was asked for a pushed ref.
fn call(reference: &str, object: &str, sandbox: &Sandbox) -> String {
    format!("[submit][--door=push][--ref={reference}][--][{object}] {}\n", sandbox.env_file().display())
}

fn push(repository: &Repository, args: &[&str]) -> String {
    let pushed = repository.try_git(&[&["push", "origin"], args].concat());
    let said = String::from_utf8_lossy(&pushed.stderr).into_owned();
    assert!(pushed.status.success(), "{said}");
    said
}

#[test]
fn a_push_to_a_mapped_branch_is_submitted_and_the_pusher_told_where_to_look() {
    let (sandbox, repository) = installed(&["main"]);
    let (commit, said) = repository.push("one");
    assert_eq!(sandbox.read("calls"), call("refs/heads/main", &commit, &sandbox));
    assert!(said.contains("post-receive: submission 1: to prod"), "{said}");
    assert!(said.contains("post-receive: its outcome: deploy-queue -e "), "{said}");
}

#[test]
fn the_command_that_shows_the_outcome_can_be_copied_when_a_path_has_a_blank() {
    let (sandbox, repository) = installed(&["main"]);
    let spaced = sandbox.path("my settings.env").display().to_string();
    std::fs::copy(sandbox.env_file(), &spaced).unwrap();
    repository.git(&[
        "--git-dir",
        &repository.bare.display().to_string(),
        "config",
        "pushback.refs/heads/main.env",
        &spaced,
    ]);
    let (_, said) = repository.push("one");
    assert!(said.contains(&format!("its outcome: deploy-queue -e '{spaced}' log; ")), "{said}");
}

#[test]
fn an_unmapped_branch_deploys_nothing_and_says_so() {
    let (sandbox, repository) = installed(&["main"]);
    repository.commit("one");
    let said = push(&repository, &["HEAD:refs/heads/topic"]);
    assert!(said.contains("refs/heads/topic is mapped to no environment; nothing is deployed"), "{said}");
    assert_eq!(sandbox.read("calls"), "");
}

#[test]
fn a_deleted_branch_deploys_nothing_and_says_so() {
    let (sandbox, repository) = installed(&["main"]);
    repository.push("one");
    repository.git(&["--git-dir", &repository.bare.to_string_lossy(), "config", "receive.denyDeleteCurrent", "ignore"]);
    let said = push(&repository, &[":refs/heads/main"]);
    assert!(said.contains("refs/heads/main was deleted; what is live stays live"), "{said}");
    assert_eq!(sandbox.read("calls").lines().count(), 1);
}

#[test]
fn a_mapped_tag_is_submitted_and_an_unmapped_one_is_not() {
    let (sandbox, repository) = installed(&["refs/tags/live"]);
    repository.commit("one");
    repository.git(&["tag", "-a", "-m", "annotated", "live"]);
    repository.git(&["tag", "other"]);
    push(&repository, &["live", "other"]);
    let tag = repository.git(&["rev-parse", "live"]);
    assert_eq!(sandbox.read("calls"), call("refs/tags/live", &tag, &sandbox));
}

#[test]
fn every_ref_of_a_push_is_looked_at() {
    let (sandbox, repository) = installed(&["main", "dev"]);
    let commit = repository.commit("one");
    let said = push(&repository, &["HEAD:refs/heads/topic", "HEAD:refs/heads/main", "HEAD:refs/heads/dev"]);
    let calls = sandbox.read("calls");
    for reference in ["refs/heads/main", "refs/heads/dev"] {
        assert!(calls.contains(&call(reference, &commit, &sandbox)), "{calls}");
    }
    assert!(calls.lines().count() == 2 && said.contains("refs/heads/topic is mapped to no environment"), "{said}");
}

#[test]
fn evil_branch_names_stay_in_their_place() {
    let names = [
        "-rf",
        "--upload-pack=id",
        "$(touch${IFS}x)",
        "refs/heads/main",
        "a;touch${IFS}x",
        "ünï",
        "'\"",
        "x=y",
        "a.b.env",
        "]",
    ];
    let maps: Vec<String> =
        names.iter().filter(|name| !name.contains('=')).map(|name| format!("refs/heads/{name}")).collect();
    let (sandbox, repository) = installed(&maps.iter().map(String::as_str).collect::<Vec<_>>());
    let commit = repository.commit("one");
    for name in names {
        push(&repository, &[&format!("HEAD:refs/heads/{name}")]);
    }
    let wanted: String = maps.iter().map(|reference| call(reference, &commit, &sandbox)).collect();
    assert_eq!(sandbox.read("calls"), wanted);
    assert!(!sandbox.path("x").exists() && !repository.bare.join("x").exists());
}

#[test]
fn one_branch_may_go_to_two_environments() {
    let (sandbox, repository) = installed(&["main"]);
    let other = sandbox.write("dev.env", "");
    let key = ["config", "--add", "pushback.refs/heads/main.env", &other.display().to_string()];
    repository.git(&[&["--git-dir", &repository.bare.to_string_lossy()], &key[..]].concat());
    let commit = repository.push("one").0;
    let to_other = format!("[submit][--door=push][--ref=refs/heads/main][--][{commit}] {}\n", other.display());
    assert_eq!(sandbox.read("calls"), call("refs/heads/main", &commit, &sandbox) + &to_other);
}

#[test]
fn who_waits_follows_the_last_submission_to_each_environment() {
    let (sandbox, _) = installed(&["main", "dev"]);
    let (one, two) = ("a".repeat(40), "b".repeat(40));
    let lines = format!("{ZERO} {one} refs/heads/main\n{ZERO} {two} refs/heads/dev\n");
    let run = hook(&sandbox, &lines).env("GIT_PUSH_OPTION_COUNT", "2").env("GIT_PUSH_OPTION_0", "ci.skip");
    run.env("GIT_PUSH_OPTION_1", "wait").any_stderr().check();
    let calls = sandbox.read("calls");
    let follows: Vec<bool> = calls.lines().map(|line| line.contains("[--follow]")).collect();
    assert_eq!(follows, [false, true], "{calls}");
}

#[test]
fn the_queue_is_told_nothing_of_the_hook_s_own_environment() {
    let (sandbox, repository) = installed(&["main"]);
    sandbox.stand_in("deploy-queue", &format!("env > {}", sandbox.path("seen").display()));
    repository.push("one");
    let seen = sandbox.read("seen");
    assert!(seen.contains("PUSHBACK_ENV=") && !seen.lines().any(|line| line.starts_with("GIT_")), "{seen}");
}

#[test]
fn nothing_pushed_is_0() {
    let (sandbox, _) = installed(&["main"]);
    hook(&sandbox, "").check();
}

#[test]
fn a_submission_that_fails_is_1_and_the_others_are_made() {
    let (sandbox, _) = installed(&["main", "dev"]);
    let calls = sandbox.path("calls").display().to_string();
    sandbox.stand_in("deploy-queue", &format!("echo $3 >> {calls}; [ $3 != --ref=refs/heads/main ]"));
    let object = "a".repeat(40);
    let lines = format!("{ZERO} {object} refs/heads/main\n{ZERO} {object} refs/heads/dev\n");
    hook(&sandbox, &lines).code(1).any_stderr().check();
    assert_eq!(sandbox.read("calls"), "--ref=refs/heads/main\n--ref=refs/heads/dev\n");
}

#[test]
fn wrong_usage_is_2() {
    let (sandbox, _) = installed(&["main"]);
    for args in [&["--no-such-flag"][..], &["frobnicate"], &["install"]] {
        hook(&sandbox, "").args(args).code(2).any_stderr().check();
    }
}

#[test]
fn lines_that_git_never_writes_are_65_and_nothing_is_submitted() {
    let (sandbox, _) = installed(&["main"]);
    let object = "a".repeat(40);
    for line in [
        "hello".to_owned(),
        format!("{ZERO} {object}"),
        format!("{ZERO} {object} "),
        format!("HEAD {object} refs/heads/main"),
    ] {
        let lines = format!("{ZERO} {object} refs/heads/main\n{line}\n");
        hook(&sandbox, &lines).code(65).stderr_has("it is not `old new ref`").check();
        assert_eq!(sandbox.read("calls"), "");
    }
}

#[test]
fn a_queue_that_is_missing_is_69_and_named() {
    let (sandbox, _) = installed(&["main"]);
    std::fs::remove_file(sandbox.path("tools/deploy-queue")).unwrap();
    let run = hook(&sandbox, &format!("{ZERO} {} refs/heads/main\n", "a".repeat(40))).code(69);
    run.stderr_has("cannot run deploy-queue: it is neither beside this tool nor on PATH").check();
}

#[test]
fn a_ref_whose_name_would_steer_a_terminal_is_told_without_that() {
    let (sandbox, _) = installed(&["main"]);
    let lines = format!("{ZERO} {} refs/heads/\u{202e}evil\u{9b}\n", "a".repeat(40));
    hook(&sandbox, &lines).stderr_has("refs/heads/\u{fffd}evil\u{fffd} is mapped to no environment").check();
}
