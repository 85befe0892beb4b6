//! release: one test for each exit code that it documents.
#![cfg(test)]

use std::fs;
use std::os::unix::fs::symlink;

use testkit::{Repository, Run, Sandbox, commit_of, kill, release_of, wait_until};

/// A sandbox with a repository that holds one commit.
fn pushed() -> (Sandbox, Repository) {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository();
    repository.write("app", "hello");
    repository.push("one");
    (sandbox, repository)
}

fn stage(sandbox: &Sandbox, commit: &str) -> Run {
    let run = sandbox.tool("release").env("PUSHBACK_DEPLOY", "prod-1");
    run.args(["stage", "--", commit])
}

fn activate(sandbox: &Sandbox) -> Run {
    sandbox.tool("release").args(["activate", &release_of(1)])
}

#[test]
fn a_commit_that_is_staged_is_0_and_its_path_is_printed() {
    let (sandbox, repository) = pushed();
    let commit = repository.git(&["rev-parse", "HEAD"]);
    let release = sandbox.root().join("releases").join(format!("1-{}", &commit[..7]));
    stage(&sandbox, &commit).stdout(format!("{}\n", release.display())).check();
    assert_eq!(fs::read_to_string(release.join("REVISION")).unwrap(), format!("{commit}\n"));
    assert_eq!(fs::read_to_string(release.join("app")).unwrap(), "hello");
}

#[test]
fn a_commit_that_is_not_live_or_not_verified_is_1() {
    let sandbox = Sandbox::new();
    let is = |number: u64| sandbox.tool("release").args(["current", "--is", &commit_of(number)]);
    is(1).code(1).check();
    sandbox.deployed(1, None);
    is(1).code(1).check();
    sandbox.deployed(2, Some(0));
    is(1).code(1).check();
    is(2).stderr_has("is live and verified, as 2-0000002").check();
    // A short name and capitals mean the same.
    let run = sandbox.tool("release").args(["current", "--is", &commit_of(2)[..7].to_uppercase()]);
    run.any_stderr().check();
}

#[test]
fn wrong_usage_is_2() {
    let sandbox = Sandbox::new();
    for (args, said) in [
        (&[][..], "release"),
        (&["stage"], "<COMMIT>"),
        (&["activate"], "which release?"),
        (&["activate", "../1-abcdef0"], "is not the name of a release"),
        (&["activate", "042-abcdef0"], "is not the name of a release"),
        (&["current", "--is", "main"], "is not a commit"),
        (&["current", "--is", "abc"], "is not a commit"),
        (&["prune", "--keep", "-1"], "--keep"),
    ] {
        let run = sandbox.tool("release").args(args).code(2);
        run.stderr_has("release: ").stderr_has(said).check();
    }
}

#[test]
fn a_revision_that_holds_no_commit_is_65() {
    let sandbox = Sandbox::new();
    for text in ["", "main\n", "ABCDEF\n", &"a".repeat(41)] {
        sandbox.write(&format!("prod/releases/{}/REVISION", release_of(1)), text);
        activate(&sandbox).code(65).stderr_has("REVISION does not hold a commit").check();
        assert_eq!(sandbox.live(), "");
    }
}

#[test]
fn what_is_not_there_is_66() {
    let (sandbox, _) = pushed();
    for (args, said) in [
        (&["stage", "no-such-branch"][..], "there is no commit no-such-branch in "),
        (&["stage", "--", "-rf"], "there is no commit -rf in "),
        (&["stage", "--", "--upload-pack=touch ran"], "there is no commit --upload-pack=touch ran in "),
        (&["activate", "9-abcdef0"], "there is no release 9-abcdef0 in "),
        (&["activate"], "prod-1 has no staged release in "),
        (&["current"], "nothing is live in "),
    ] {
        let run = sandbox.tool("release").env("PUSHBACK_DEPLOY", "prod-1").args(args);
        run.code(66).stderr_has(said).check();
    }
    sandbox.set("DEPLOY_REPO", "/nonexistent");
    stage(&sandbox, "main").code(66).stderr_has("DEPLOY_REPO /nonexistent is no git repository").check();
}

#[test]
fn a_program_that_is_missing_is_69_with_its_name() {
    let (sandbox, _) = pushed();
    let only = |run: Run| run.env("PATH", sandbox.path("bin")).code(69);
    only(stage(&sandbox, "main")).stderr_has("cannot run git: it is not installed").check();
    let git = sandbox.program("which".as_ref()).arg("git").any_stdout().check().stdout;
    symlink(git.trim(), sandbox.path("bin/git")).unwrap();
    only(stage(&sandbox, "main")).stderr_has("cannot run tar: it is not installed").check();
}

#[test]
fn a_deployment_that_has_staged_already_is_73() {
    let (sandbox, repository) = pushed();
    stage(&sandbox, "main").any_stdout().check();
    stage(&sandbox, "main").code(73).stderr_has("prod-1 has staged 1-").check();
    repository.push("two");
    stage(&sandbox, "main").code(73).stderr_has("a release is never made twice").check();
}

#[test]
fn a_repository_that_cannot_be_read_is_74_and_leaves_nothing() {
    let (sandbox, repository) = pushed();
    let blob = repository.git(&["rev-parse", "HEAD:app"]);
    fs::remove_file(repository.bare.join("objects").join(&blob[..2]).join(&blob[2..])).unwrap();
    stage(&sandbox, "main").code(74).stderr_has("release: git ").check();
    assert_eq!(fs::read_dir(sandbox.root().join("releases")).unwrap().count(), 0);
}

#[test]
fn a_command_of_the_app_that_fails_is_74_and_says_where_its_output_is() {
    let sandbox = Sandbox::new();
    sandbox.staged(1);
    sandbox.set("RELOAD_COMMAND", "echo cannot reload >&2; exit 3");
    let run = activate(&sandbox).code(74).stderr_has("RELOAD_COMMAND exited with 3: echo cannot reload");
    run.stderr_has("logs/app.log").check();
    assert_eq!(sandbox.read("prod/logs/app.log"), "cannot reload\n");
}

#[test]
fn a_lock_that_somebody_holds_is_75() {
    let (sandbox, _) = pushed();
    let _lock = sandbox.hold_lock("the test");
    stage(&sandbox, "main").code(75).stderr_has("is held by the test").check();
}

#[test]
fn an_app_env_file_that_others_may_read_is_77_before_anything_is_switched() {
    let sandbox = Sandbox::new();
    sandbox.deployed(2, Some(0));
    sandbox.staged(1);
    let file = sandbox.write("app.env", "SECRET=1\n");
    sandbox.program("chmod".as_ref()).arg("644").arg(&file).check();
    sandbox.set("APP_ENV_FILE", &file.display().to_string());
    sandbox.set("RELOAD_COMMAND", "true");
    activate(&sandbox).code(77).stderr_has("others may read it").check();
    assert_eq!(sandbox.live(), release_of(2));
}

#[test]
fn settings_that_contradict_each_other_or_come_later_are_78() {
    for (settings, said) in [
        (&[("START_COMMAND", "x")][..], "belong together"),
        (&[("STOP_COMMAND", "x")], "belong together"),
        (&[("RELOAD_COMMAND", "x"), ("STOP_COMMAND", "x"), ("START_COMMAND", "x")], "choose one way"),
        (&[("SERVICE", "app")], "SERVICE is not supported yet"),
        (&[("RELEASE_STRATEGY", "swarm")], "supported: symlink"),
        (&[("MIGRATIONS_DIR", "db")], "MIGRATIONS_DIR is set"),
        (&[("REQUIRE_VERIFIED_IN", "dev")], "REQUIRE_VERIFIED_IN is set"),
        (&[("SHARED_PATHS", "../data/")], "not a plain relative path"),
        (&[("SHARED_PATHS", "/data")], "not a plain relative path"),
        (&[("SHARED_PATHS", "no-such-file")], "there is no "),
        (&[("DEPLOY_REPO", "")], "DEPLOY_REPO is not set"),
    ] {
        let (sandbox, _) = pushed();
        for (name, value) in settings {
            sandbox.set(name, value);
        }
        stage(&sandbox, "main").code(78).stderr_has(said).check();
    }
}

#[test]
fn a_stage_that_belongs_to_no_deployment_is_78() {
    let (sandbox, _) = pushed();
    let run = sandbox.tool("release").args(["stage", "main"]).code(78);
    run.stderr_has("PUSHBACK_DEPLOY does not say").check();
}

#[test]
fn a_command_of_the_app_that_takes_too_long_is_124() {
    let sandbox = Sandbox::new();
    sandbox.staged(1);
    sandbox.set("RELOAD_COMMAND", "exec sleep 600");
    sandbox.set("DEPLOYMENT_TIMEOUT", "100ms");
    activate(&sandbox).code(124).stderr_has("RELOAD_COMMAND took longer than it may").check();
}

#[test]
fn a_signal_is_128_and_its_number_and_ends_the_apps_command() {
    let sandbox = Sandbox::new();
    sandbox.staged(1);
    sandbox.set("RELOAD_COMMAND", "echo $$ > ../../pid; exec sleep 600");
    let mut child = activate(&sandbox).spawn();
    wait_until("the app reloads", || !sandbox.read("prod/pid").is_empty());
    kill("TERM", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(!testkit::is_alive(&sandbox.read("prod/pid")));
}
