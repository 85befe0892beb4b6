//! post-receive doctor: each thing that keeps a push from being deployed is found, and what it says mends it.
#![cfg(test)]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use testkit::{Repository, Run, Sandbox, TOOLS, tool_path};

/// How something is broken, and what is found.
type Break<'a> = (&'a dyn Fn(&Sandbox), &'a str);

/// A repository that was set up by `install`, with a family of its own.
fn installed() -> (Sandbox, Repository) {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository();
    sandbox.family(&TOOLS);
    sandbox.stand_in("deploy", "true");
    // Before there is a hook: nothing is deployed here.
    repository.commit("one");
    repository.git(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
    install(&sandbox);
    (sandbox, repository)
}

fn post_receive(sandbox: &Sandbox) -> Run {
    sandbox.own_tool("post-receive").env_remove("PUSHBACK_ENV")
}

fn install(sandbox: &Sandbox) {
    let map = format!("main={}", sandbox.env_file().display());
    let run = post_receive(sandbox).arg("install").arg(sandbox.path("repo.git")).args(["--map", &map]);
    run.any_stdout().any_stderr().check();
}

fn doctor(sandbox: &Sandbox) -> Run {
    post_receive(sandbox).arg("doctor").arg(sandbox.path("repo.git"))
}

fn config(sandbox: &Sandbox, args: &[&str]) {
    let git = sandbox.program("git".as_ref()).arg("-C").arg(sandbox.path("repo.git"));
    git.arg("config").args(args).check();
}

fn hook(sandbox: &Sandbox) -> PathBuf {
    sandbox.path("repo.git/hooks/post-receive")
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The one finding, which must hold `what`; its fix is returned.
fn finds(sandbox: &Sandbox, what: &str) -> String {
    let said = doctor(sandbox).code(1).stdout_has(what).check().stdout;
    assert_eq!(said.lines().count(), 1, "{said}");
    said.trim_end().split_once("; to mend it: ").expect("a fix").1.to_owned()
}

/// Runs a fix as a person would, from their shell.
fn mend(sandbox: &Sandbox, fix: &str) {
    let run = sandbox.program("/bin/sh".as_ref()).path_first(&sandbox.path("tools")).args(["-c", fix]);
    run.any_stdout().any_stderr().check();
    all_is_well(sandbox);
}

fn all_is_well(sandbox: &Sandbox) {
    doctor(sandbox).stderr("post-receive: all is well\n").check();
}

#[test]
fn after_install_all_is_well() {
    let (sandbox, _) = installed();
    all_is_well(&sandbox);
    let told = doctor(&sandbox).arg("--json").any_stdout().any_stderr().check().json();
    assert_eq!((&told["success"], &told["details"]["findings"]), (&true.into(), &serde_json::json!([])));
}

#[test]
fn a_hook_that_git_does_not_run_or_that_is_not_ours_is_found_and_its_fix_mends_it() {
    let link = |sandbox: &Sandbox, target: &Path| {
        fs::remove_file(hook(sandbox)).unwrap();
        symlink(target, hook(sandbox)).unwrap();
    };
    let script = |sandbox: &Sandbox, text: &str, mode: u32| {
        fs::remove_file(hook(sandbox)).unwrap();
        fs::write(hook(sandbox), text).unwrap();
        set_mode(&hook(sandbox), mode);
    };
    let breaks: [Break; 8] = [
        (&|sandbox| fs::remove_file(hook(sandbox)).unwrap(), "there is no hook "),
        (&|sandbox| link(sandbox, Path::new("/nonexistent/post-receive")), "which is not there"),
        (&|sandbox| link(sandbox, Path::new("/nonexistent/notify")), "which is not there"),
        (&|sandbox| link(sandbox, &tool_path("post-receive")), "and not to this tool, "),
        (&|sandbox| link(sandbox, Path::new("/bin/true")), "and not to this tool, "),
        (&|sandbox| script(sandbox, "#!/bin/sh\necho hello\n", 0o755), "is a hook of somebody else's"),
        (&|sandbox| script(sandbox, "#!/bin/sh\necho hello\n", 0o644), "is a hook of somebody else's"),
        (&|sandbox| script(sandbox, "#!/bin/sh\npost-receive\n", 0o644), "is not executable: git does not run it"),
    ];
    for (break_it, what) in breaks {
        let (sandbox, _) = installed();
        break_it(&sandbox);
        let fix = finds(&sandbox, what);
        mend(&sandbox, &fix);
    }
}

#[test]
fn git_s_config_is_looked_at_and_its_fixes_mend_it() {
    for (args, what) in [
        (&["receive.advertisePushOptions", "false"][..], "receive.advertisePushOptions is not true"),
        (&["--unset", "receive.advertisePushOptions"], "receive.advertisePushOptions is not true"),
        (&["--unset", "transfer.hideRefs"], "transfer.hideRefs does not hide refs/deploys"),
        (&["--add", "transfer.hideRefs", "!refs/deploys"], "transfer.hideRefs does not hide refs/deploys"),
        (&["core.hooksPath", "/etc/hooks"], "core.hooksPath is /etc/hooks"),
        (&["pushback.main.env", "/nonexistent/deploy.env"], "main is mapped, and is no full ref"),
    ] {
        let (sandbox, _) = installed();
        config(&sandbox, args);
        let said = doctor(&sandbox).code(1).stdout_has(what).check().stdout;
        let fix = said.lines().find(|line| line.contains(what)).unwrap().split_once("; to mend it: ").unwrap().1;
        mend(&sandbox, fix);
    }
}

#[test]
fn a_fix_can_be_copied_when_a_path_has_a_blank() {
    let (sandbox, _) = installed();
    let spaced = sandbox.path("my settings.env");
    fs::rename(sandbox.env_file(), &spaced).unwrap();
    config(&sandbox, &["pushback.refs/heads/main.env", &spaced.display().to_string()]);
    set_mode(&spaced, 0o644);
    let fix = finds(&sandbox, "others may read it");
    mend(&sandbox, &fix);
}

#[test]
fn a_hooks_path_that_leads_to_the_repository_s_own_hooks_is_no_fault() {
    let (sandbox, _) = installed();
    config(&sandbox, &["core.hooksPath", "hooks"]);
    all_is_well(&sandbox);
}

#[test]
fn a_repository_that_maps_nothing_is_found() {
    let (sandbox, _) = installed();
    config(&sandbox, &["--remove-section", "pushback.refs/heads/main"]);
    let fix = finds(&sandbox, "no ref is mapped to an environment");
    mend(&sandbox, &fix.replace("ENV_FILE", &sandbox.env_file().display().to_string()));
}

#[test]
fn settings_that_would_stop_every_deployment_are_found() {
    let other = |sandbox: &Sandbox| sandbox.path("clone").display().to_string();
    let breaks: [Break; 8] = [
        (&|sandbox| fs::remove_file(sandbox.env_file()).unwrap(), "there is no such file"),
        (&|sandbox| set_mode(&sandbox.env_file(), 0o644), "others may read it (mode 0644); to mend it: chmod 600 "),
        (&|sandbox| fs::write(sandbox.env_file(), "DEPLOY_ENV\n").unwrap(), "line 1: there is no `=`"),
        (&|sandbox| sandbox.set("DEPLOY_ENV", ""), "DEPLOY_ENV is not set; to mend it: add DEPLOY_ENV="),
        (&|sandbox| sandbox.set("DEPLOY_REPO", ""), "DEPLOY_REPO is not set"),
        (&|sandbox| sandbox.set("DEPLOY_REPO", &other(sandbox)), ", not from "),
        (
            &|sandbox| sandbox.set("DEPLOY_ROOT", "/nonexistent/prod"),
            "it is not there; to mend it: make it as the user",
        ),
        (&|sandbox| config(sandbox, &["pushback.refs/heads/main.env", "prod/deploy.env"]), "is not an absolute path"),
    ];
    for (break_it, what) in breaks {
        let (sandbox, _) = installed();
        break_it(&sandbox);
        finds(&sandbox, what);
    }
}

#[test]
fn what_belongs_to_somebody_else_is_found() {
    let (sandbox, _) = installed();
    if fs::metadata(sandbox.root()).unwrap().uid() != 0 {
        // Only root can give files away; there are some that belong to root.
        let run = post_receive(&sandbox).args(["doctor", "/etc"]).code(1);
        run.stdout_has("/etc belongs to user 0, and this is user ").check();
        return;
    }
    let give = |path: &str| chown(sandbox.path(path), Some(65_534), None).unwrap();
    let take = |path: &str| chown(sandbox.path(path), Some(0), None).unwrap();
    for (path, what) in [
        ("repo.git", "belongs to user 65534, and this is user 0: git refuses it"),
        ("repo.git/objects", "objects does not belong to user 0, who owns the repository"),
        ("prod", "belongs to user 65534, who alone works in it"),
        ("prod/deploy.env", "it belongs to user 65534"),
    ] {
        give(path);
        finds(&sandbox, what);
        take(path);
        all_is_well(&sandbox);
    }
}

#[test]
fn a_tool_of_the_family_that_is_missing_or_cannot_be_started_is_found() {
    let (sandbox, _) = installed();
    set_mode(&sandbox.path("tools/deploy"), 0o644);
    let fix = finds(&sandbox, "tools/deploy is not executable");
    mend(&sandbox, &fix);
    for tool in ["deploy", "deploy-queue", "release", "rollback"] {
        fs::rename(sandbox.path("tools").join(tool), sandbox.path("away")).unwrap();
        let fix = finds(&sandbox, &format!("cannot run {tool}: it is neither beside this tool nor on PATH"));
        assert!(fix.contains("scripts/install"), "{fix}");
        fs::rename(sandbox.path("away"), sandbox.path("tools").join(tool)).unwrap();
    }
}

#[test]
fn a_git_that_is_too_old_is_found_and_one_that_is_missing_is_69() {
    let (sandbox, _) = installed();
    let git =
        std::env::split_paths(&std::env::var_os("PATH").unwrap()).map(|dir| dir.join("git")).find(|git| git.exists());
    let git = git.unwrap().display().to_string();
    sandbox
        .fake("git", &format!("#!/bin/sh\n[ \"$3\" != version ] || exec echo git version 2.20.1\nexec {git} \"$@\"\n"));
    let fix = finds(&sandbox, "this is git version 2.20.1");
    assert_eq!(fix, "install git 2.30 or newer");
    doctor(&sandbox).env("PATH", "/nonexistent").code(69).stderr_has("cannot run git: it is not installed").check();
}

#[test]
fn a_ref_that_is_mapped_and_not_there_yet_is_no_fault() {
    let sandbox = Sandbox::new();
    sandbox.repository();
    sandbox.family(&TOOLS);
    sandbox.stand_in("deploy", "true");
    install(&sandbox);
    doctor(&sandbox).stderr_has("refs/heads/main is mapped and not there yet").stderr_has("all is well").check();
}

#[test]
fn what_is_no_repository_is_66_and_one_that_is_not_bare_is_found() {
    let (sandbox, repository) = installed();
    let look = |path: &Path| post_receive(&sandbox).arg("doctor").arg(path);
    look(Path::new("/nonexistent")).code(66).stderr_has("cannot open the repository /nonexistent").check();
    look(&sandbox.path("prod")).code(66).stderr_has("is no repository").check();
    look(&repository.bare.join("objects")).code(66).stderr_has("is no repository").check();
    look(&repository.clone).code(1).stdout_has(" is not bare; to mend it: git clone --bare ").check();
}

#[test]
fn what_stands_in_a_config_steers_no_terminal() {
    let (sandbox, _) = installed();
    config(&sandbox, &["pushback.refs/heads/x.env", "/no\u{1b}[31m\u{202e}/file"]);
    let said = doctor(&sandbox).code(1).any_stdout().any_stderr().check();
    assert!(!format!("{}{}", said.stdout, said.stderr).contains(['\u{1b}', '\u{202e}']), "{}", said.stdout);
}
