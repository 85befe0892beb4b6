//! What a pusher sees: an answer at once, the outcome when asked for, and a reason when nothing is deployed.

use server::Server;
use testkit::wait_until;

#[test]
fn a_push_returns_while_the_deployment_goes_on() {
    let server = Server::new();
    let go = server.sandbox.path("go");
    server.sandbox.set("TEST_COMMAND", &format!("until [ -e {} ]; do sleep 0.02; done", go.display()));
    let (commit, said) = server.push("ok");
    // git has returned, and the tests cannot have ended.
    assert!(said.contains("submission 1") && said.contains("its outcome"), "{said}");
    assert!(!server.is_idle() && server.live().is_empty());
    std::fs::write(&go, "").unwrap();
    server.settle();
    assert_eq!((server.ends(), server.live()), (vec![0], commit));
}

#[test]
fn whoever_waits_sees_the_log_and_the_verdict_as_the_last_line() {
    let server = Server::new();
    server.repository.write("health", "ok");
    server.repository.commit("ok");
    let pushed = server.repository.try_git(&["push", "-o", "wait", "origin", "HEAD:refs/heads/main"]);
    let said = String::from_utf8_lossy(&pushed.stderr).into_owned();
    let told: Vec<&str> = said.lines().filter(|line| line.starts_with("remote: ")).map(str::trim_end).collect();
    assert!(said.contains("deploy: smoke"), "{said}");
    assert!(told.last().is_some_and(|line| line.ends_with("prod-1: exit 0: live and verified")), "{said}");
}

#[test]
fn a_repository_can_be_set_to_wait_always() {
    let server = Server::new();
    server.repository.git(&[
        "--git-dir",
        &server.repository.bare.to_string_lossy(),
        "config",
        "pushback.follow",
        "true",
    ]);
    let (_, said) = server.push("sick");
    assert!(said.contains("prod-1: exit 5: CRITICAL"), "{said}");
}

#[test]
fn a_deleted_branch_an_unmapped_one_and_a_tag_deploy_nothing() {
    let server = Server::new();
    let commit = server.deploy("ok");
    let push = |refspec: &str| {
        let pushed = server.repository.try_git(&["push", "origin", refspec]);
        assert!(pushed.status.success());
        String::from_utf8_lossy(&pushed.stderr).into_owned()
    };
    assert!(push("HEAD:refs/heads/other").contains("refs/heads/other is mapped to no environment"));
    server.repository.git(&["tag", "-a", "-m", "one", "v1"]);
    assert!(push("v1").contains("refs/tags/v1 is mapped to no environment"));
    assert!(push(":refs/heads/other").contains("refs/heads/other was deleted; what is live stays live"));
    let bare = server.repository.bare.to_string_lossy().into_owned();
    server.repository.git(&["--git-dir", &bare, "config", "receive.denyDeleteCurrent", "ignore"]);
    assert!(push(":refs/heads/main").contains("refs/heads/main was deleted"));
    assert_eq!((server.ends(), server.live()), (vec![0], commit));
}

#[test]
fn a_newer_push_takes_the_place_of_the_one_that_waits_and_it_is_told_so() {
    let server = Server::new();
    let (begun, go) = (server.sandbox.path("begun"), server.sandbox.path("go"));
    server
        .sandbox
        .set("TEST_COMMAND", &format!("touch {}; until [ -e {} ]; do sleep 0.02; done", begun.display(), go.display()));
    server.push("ok");
    wait_until("the first one runs", || begun.exists());
    let (_, second) = server.push("ok 2");
    assert!(second.contains("submission 2") && second.contains("next after"), "{second}");
    let (third, said) = server.push("ok 3");
    assert!(said.contains("takes the place of submission 2"), "{said}");
    std::fs::write(&go, "").unwrap();
    server.settle();
    assert_eq!((server.ends(), server.live()), (vec![0, 0], third));
    server
        .tool("deploy-queue")
        .arg("log")
        .stdout_has("submission 2")
        .stdout_has("not deployed: submission 3 is newer")
        .check();
}

#[test]
fn the_deployed_commit_survives_a_force_push_and_a_collection_of_garbage() {
    let server = Server::new();
    let first = server.deploy("ok");
    server.repository.git(&["commit", "--quiet", "--amend", "--allow-empty", "--message", "rewritten"]);
    server.repository.git(&["push", "--quiet", "--force", "origin", "HEAD:refs/heads/other", "+HEAD:refs/heads/main"]);
    server.settle();
    let bare = server.repository.bare.to_string_lossy().into_owned();
    server.repository.git(&["--git-dir", &bare, "reflog", "expire", "--expire=now", "--all"]);
    server.repository.git(&["--git-dir", &bare, "gc", "--quiet", "--prune=now"]);
    server
        .tool("deploy-queue")
        .args(["submit", "--follow", "--force", &first])
        .any_stderr()
        .stdout_has("exit 0")
        .check();
    assert_eq!(server.live(), first);
}

#[test]
fn a_pusher_neither_sees_nor_moves_the_pins() {
    let server = Server::new();
    server.deploy("ok");
    assert!(!server.repository.git(&["ls-remote", "origin"]).contains("refs/deploys"));
    let pushed = server.repository.try_git(&["push", "origin", "HEAD:refs/deploys/prod/1"]);
    assert!(!pushed.status.success());
}

#[test]
fn a_repository_with_sha256_names_is_deployed_from_as_well() {
    let server = Server::new();
    for path in [&server.repository.bare, &server.repository.clone] {
        std::fs::remove_dir_all(path.join(if path.ends_with("clone") { ".git" } else { "." })).ok();
    }
    let bare = server.repository.bare.to_string_lossy().into_owned();
    std::fs::create_dir_all(&server.repository.bare).unwrap();
    server.repository.git(&["init", "--quiet", "--bare", "--object-format=sha256", "--initial-branch=main", &bare]);
    server.repository.git(&["init", "--quiet", "--object-format=sha256", "--initial-branch=main"]);
    server.repository.git(&["remote", "add", "origin", &bare]);
    let map = format!("--map=main={}", server.sandbox.env_file().display());
    server
        .tool("post-receive")
        .env_remove("PUSHBACK_ENV")
        .args(["install", &bare, &map])
        .any_stdout()
        .any_stderr()
        .check();
    let commit = server.deploy("ok");
    assert_eq!((commit.len(), server.live(), server.ends()), (64, commit, vec![0]));
}

#[test]
fn whoever_waits_is_told_when_the_runner_cannot_begin() {
    let server = Server::new();
    let first = server.deploy("ok");
    let current = server.sandbox.root().join("current");
    std::fs::remove_file(&current).unwrap();
    std::fs::create_dir(&current).unwrap();
    server.repository.write("health", "ok too");
    server.repository.commit("ok too");
    let pushed = server.repository.try_git(&["push", "-o", "wait", "origin", "HEAD:refs/heads/main"]);
    let said = String::from_utf8_lossy(&pushed.stderr).into_owned();
    assert!(said.contains("submission 2 waits") && said.contains("is not a symbolic link"), "{said}");
    // Once it is mended, what waited is deployed.
    std::fs::remove_dir(&current).unwrap();
    server.tool("release").args(["activate", &format!("1-{}", &first[..7])]).any_stdout().check();
    server.tool("deploy-queue").arg("run").any_stderr().check();
    assert_eq!(server.ends(), [0, 0]);
}
