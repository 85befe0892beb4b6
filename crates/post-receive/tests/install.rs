//! post-receive install: the hook is this binary, and nobody else's work is overwritten.
#![cfg(test)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use testkit::{Repository, Run, Sandbox, tool_path};

fn repository() -> (Sandbox, Repository) {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository();
    (sandbox, repository)
}

fn install(sandbox: &Sandbox, map: &str) -> Run {
    let run = sandbox.tool("post-receive").env_remove("PUSHBACK_ENV").arg("install");
    run.arg(sandbox.path("repo.git")).arg("--map").arg(map)
}

fn main_to_prod(sandbox: &Sandbox) -> String {
    format!("main={}", sandbox.env_file().display())
}

fn hook(repository: &Repository) -> PathBuf {
    repository.bare.join("hooks/post-receive")
}

fn config(sandbox: &Sandbox) -> String {
    let git = sandbox.program("git".as_ref()).arg("-C").arg(sandbox.path("repo.git"));
    git.args(["config", "--local", "--list"]).any_stdout().check().stdout
}

#[test]
fn the_hook_is_a_link_to_the_binary_and_git_s_config_knows_the_map() {
    let (sandbox, repository) = repository();
    let said = format!("post-receive: refs/heads/main deploys with {}\n", sandbox.env_file().display());
    let run = install(&sandbox, &main_to_prod(&sandbox)).stdout(format!("{}\n", hook(&repository).display()));
    run.stderr(said).check();
    assert_eq!(fs::read_link(hook(&repository)).unwrap(), fs::canonicalize(tool_path("post-receive")).unwrap());
    let config = config(&sandbox);
    let map = format!("pushback.refs/heads/main.env={}\n", sandbox.env_file().display());
    for line in [&*map, "receive.advertisepushoptions=true\n", "transfer.hiderefs=refs/deploys\n"] {
        assert!(config.contains(line), "{line}: {config}");
    }
}

#[test]
fn installing_twice_changes_nothing() {
    let (sandbox, repository) = repository();
    install(&sandbox, &main_to_prod(&sandbox)).any_stdout().any_stderr().check();
    let before = (config(&sandbox), fs::read_link(hook(&repository)).unwrap());
    install(&sandbox, &main_to_prod(&sandbox)).any_stdout().any_stderr().check();
    assert_eq!((config(&sandbox), fs::read_link(hook(&repository)).unwrap()), before);
}

#[test]
fn a_link_to_an_older_binary_of_ours_is_replaced() {
    let (sandbox, repository) = repository();
    fs::create_dir_all(repository.bare.join("hooks")).unwrap();
    drop(fs::remove_file(hook(&repository)));
    symlink("/opt/pushback-0.0/post-receive", hook(&repository)).unwrap();
    install(&sandbox, &main_to_prod(&sandbox)).any_stdout().any_stderr().check();
    assert_eq!(fs::read_link(hook(&repository)).unwrap(), fs::canonicalize(tool_path("post-receive")).unwrap());
}

#[test]
fn a_hook_of_somebody_else_s_is_73_and_stays() {
    for as_link in [false, true] {
        let (sandbox, repository) = repository();
        fs::create_dir_all(repository.bare.join("hooks")).unwrap();
        if as_link {
            symlink("/usr/local/bin/notify", hook(&repository)).unwrap();
        } else {
            fs::write(hook(&repository), "#!/bin/sh\n").unwrap();
        }
        let run = install(&sandbox, &main_to_prod(&sandbox)).code(73);
        run.stderr_has("is a hook of somebody else's\nhint: ").check();
        assert_ne!(fs::read_link(hook(&repository)).ok(), fs::canonicalize(tool_path("post-receive")).ok());
        assert!(!config(&sandbox).contains("pushback."), "refused, and yet half installed");
    }
}

#[test]
fn hooks_that_lie_elsewhere_are_78() {
    let (sandbox, repository) = repository();
    let bare = repository.bare.display().to_string();
    repository.git(&["--git-dir", &bare, "config", "core.hooksPath", "/etc/hooks"]);
    let run = install(&sandbox, &main_to_prod(&sandbox)).code(78);
    run.stderr_has("core.hooksPath is /etc/hooks").stderr_has("hint: git config --unset core.hooksPath").check();
    assert!(fs::symlink_metadata(hook(&repository)).is_err());
}

#[test]
fn an_environment_that_deploys_from_another_repository_is_78() {
    let (sandbox, repository) = repository();
    sandbox.set("DEPLOY_REPO", &repository.clone.display().to_string());
    let run = install(&sandbox, &main_to_prod(&sandbox)).code(78);
    run.stderr_has(format!("deploys from {}, not from ", repository.clone.display())).check();
    sandbox.set("DEPLOY_REPO", "");
    install(&sandbox, &main_to_prod(&sandbox)).code(78).stderr_has("DEPLOY_REPO is not set").check();
    assert!(fs::symlink_metadata(hook(&repository)).is_err());
}

#[test]
fn an_environment_file_that_is_not_there_or_says_too_little_is_78() {
    let (sandbox, _) = repository();
    install(&sandbox, "main=/nonexistent/deploy.env").code(78).stderr_has("/nonexistent/deploy.env").check();
    sandbox.set("DEPLOY_ENV", "");
    install(&sandbox, &main_to_prod(&sandbox)).code(78).stderr_has("DEPLOY_ENV is not set").check();
}

#[test]
fn an_environment_file_that_others_may_read_is_77() {
    let (sandbox, repository) = repository();
    fs::set_permissions(sandbox.env_file(), fs::Permissions::from_mode(0o644)).unwrap();
    install(&sandbox, &main_to_prod(&sandbox)).code(77).stderr_has("hint: chmod 600 ").check();
    assert!(fs::symlink_metadata(hook(&repository)).is_err());
}

#[test]
fn a_repository_that_is_not_there_or_not_bare_is_66() {
    let (sandbox, repository) = repository();
    let objects = repository.bare.join("objects").display().to_string();
    for path in ["/nonexistent".to_owned(), repository.clone.display().to_string(), "/etc".to_owned(), objects] {
        let run = sandbox.tool("post-receive").args(["install", &path, "--map", &main_to_prod(&sandbox)]);
        run.code(66).stderr_has("post-receive: ").check();
    }
}

#[test]
fn wrong_usage_is_2() {
    let (sandbox, _) = repository();
    let file = sandbox.env_file().display().to_string();
    for map in
        ["main", &format!("a..b={file}"), &format!("={file}"), &format!("refs/heads/={file}"), &format!("a b={file}")]
    {
        install(&sandbox, map).code(2).stderr_has("post-receive: ").check();
    }
    let run = sandbox.tool("post-receive").arg("install").arg(sandbox.path("repo.git"));
    run.code(2).stderr_has("--map").check();
}

#[test]
fn a_git_that_is_missing_is_69() {
    let (sandbox, _) = repository();
    let run = install(&sandbox, &main_to_prod(&sandbox)).env("PATH", sandbox.path("bin"));
    run.code(69).stderr_has("cannot run git: it is not installed").check();
}

#[test]
fn a_branch_with_an_equals_sign_can_be_mapped() {
    let (sandbox, _) = repository();
    install(&sandbox, &format!("a=b={}", sandbox.env_file().display())).any_stdout().any_stderr().check();
    assert!(config(&sandbox).contains(&format!("pushback.refs/heads/a=b.env={}\n", sandbox.env_file().display())));
}

#[test]
fn a_relative_path_of_an_environment_file_is_kept_as_an_absolute_one() {
    let (sandbox, _) = repository();
    install(&sandbox, "main=prod/deploy.env").any_stdout().any_stderr().check();
    let absolute = fs::canonicalize(sandbox.env_file()).unwrap();
    assert!(config(&sandbox).contains(&format!("pushback.refs/heads/main.env={}\n", absolute.display())));
}
