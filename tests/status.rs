//! `deploy-status` over histories that real pushes made.

use server::Server;
use testkit::{Run, wait_until};

fn status(server: &Server) -> Run {
    server.tool("deploy-status")
}

#[test]
fn what_was_pushed_is_live_and_healthy_and_known_by_its_tag() {
    let server = Server::new();
    let commit = server.deploy("ok");
    server.repository.git(&["tag", "--annotate", "--message", "one", "v1"]);
    server.repository.git(&["push", "--quiet", "origin", "v1"]);
    let journal = server.sandbox.read("prod/journal.ndjson");
    let run =
        status(&server).stdout_has("prod: healthy\n").stdout_has(format!("  commit    {commit}\n  tags      v1\n"));
    let run = run.stdout_has("  verified  yes\n  health    2 checks pass\n").stdout_has("exit 0: live and verified (");
    run.stdout_has("  from      refs/heads/main, by Tester, asked for by ").check();
    assert_eq!(server.sandbox.read("prod/journal.ndjson"), journal);
    let way_back = format!("  way back  to {}, in about ", server.sandbox.live());
    let stays = " s: it is live, and a next one that fails goes back to it\n";
    status(&server).stdout_has(way_back).stdout_has(stays).check();
    // There was no database yet when it was deployed.
    status(&server).stdout_has("  backup    none\n").stdout_has("\nwarning: there is no backup\n").check();
    status(&server).arg("-q").check();
}

#[test]
fn after_a_rollback_the_old_release_is_live_since_then_and_healthy() {
    let server = Server::new();
    server.deploy("ok");
    let before = status(&server).arg("--json").any_stdout().check().json();
    server.deploy("sick");
    let after = status(&server).arg("--json").any_stdout().check().json();
    let live = |told: &serde_json::Value, key: &str| told["details"]["live"][key].as_str().unwrap().to_owned();
    assert_eq!(live(&before, "release"), live(&after, "release"));
    assert!(live(&before, "since") < live(&after, "since"), "{before} {after}");
    let backup = after["details"]["backup"].clone();
    assert_eq!((&backup["deploy"], &backup["damaged"]), (&"prod-2".into(), &serde_json::Value::Null), "{backup}");
    let line = format!("  backup    {}, ", backup["name"].as_str().unwrap());
    let said =
        status(&server).stdout_has("exit 4: the smoke test failed; rolled back (").stdout_has(line).check().stdout;
    assert!(!said.contains("warning"), "{said}");
}

#[test]
fn a_first_deployment_that_fails_leaves_nothing_live_and_that_is_1() {
    let server = Server::new();
    server.deploy("sick");
    let run = status(&server).code(1).stdout_has("exit 5: CRITICAL");
    run.stderr_has("prod is not healthy: nothing is live; prod-1 ended with 5, and nothing better came since").check();
    server.deploy("ok");
    status(&server).stdout_has("prod: healthy\n").check();
}

#[test]
fn an_app_that_breaks_later_is_1_until_it_works_again() {
    let server = Server::new();
    server.deploy("ok");
    let running = server.sandbox.root().join("shared/data/running");
    let was = std::fs::read(&running).unwrap();
    std::fs::write(&running, "").unwrap();
    let run = status(&server).code(1).stderr_has("prod is not healthy: 1 of 2 checks failed: runs\nhint: ");
    run.stdout_has("            runs: fail: ").check();
    // The last recorded test knows nothing of it.
    status(&server).arg("--no-check").stdout_has("prod: healthy\n").stdout_has("2 checks pass, recorded ").check();
    std::fs::write(&running, was).unwrap();
    status(&server).arg("-q").check();
}

#[test]
fn a_way_back_that_failed_asks_for_a_person_until_a_smoke_test_is_recorded_that_passes() {
    let server = Server::new();
    server.deploy("ok");
    // Both releases are broken by what they share, so the rollback fails as well.
    server.sandbox.set("START_COMMAND", "rm -f data/running");
    server.deploy("ok too");
    assert_eq!(server.ends(), [0, 5]);
    let critical = "prod-2 ended with 5, and nothing better came since";
    status(&server).code(1).any_stdout().stderr_has(critical).stderr_has("1 of 2 checks failed: runs").check();
    std::fs::write(server.sandbox.root().join("shared/data/running"), "@").unwrap();
    status(&server).code(1).any_stdout().stderr_has(critical).check();
    server.tool("smoke-test").args(["--setting", "SMOKE_CHECKS"]).any_stdout().check();
    status(&server).stdout_has("prod: healthy\n").check();
}

#[test]
fn what_a_person_rolled_back_from_and_took_live_again_is_bad() {
    let server = Server::new();
    server.deploy("ok");
    server.deploy("ok too");
    let second = server.sandbox.live();
    server.tool("rollback").args(["--last"]).any_stdout().any_stderr().check();
    status(&server).stdout_has("prod: healthy\n").check();
    server.tool("release").args(["activate", &second]).any_stdout().check();
    status(&server).code(1).any_stdout().stderr_has(format!("{second} is marked bad")).check();
}

#[test]
fn while_a_deployment_runs_what_is_live_is_told_all_the_same() {
    let server = Server::new();
    server.deploy("ok");
    let (begun, go) = (server.sandbox.path("begun"), server.sandbox.path("go"));
    let test = format!("touch {}; until [ -e {} ]; do sleep 0.02; done", begun.display(), go.display());
    server.sandbox.set("TEST_COMMAND", &test);
    server.push("ok too");
    wait_until("the second one runs", || begun.exists());
    let run = status(&server).stdout_has("prod: healthy\n").stdout_has("  queue     prod-2 runs, nothing waits\n");
    run.stdout_has("prod-2  ").stdout_has("runs, or was killed\n").check();
    std::fs::write(&go, "").unwrap();
    server.settle();
    assert_eq!(server.ends(), [0, 0]);
}
