//! What a person does to the queue of a real server: hold it, cancel what runs, try again, and meet the loop guard.

use serde_json::json;
use server::Server;
use testkit::{Run, wait_until};

fn queue(server: &Server, args: &[&str]) -> Run {
    server.tool("deploy-queue").args(args)
}

fn begins(server: &Server) -> usize {
    server.records("deploy-queue", "begin").len()
}

#[test]
fn a_push_while_held_waits_and_is_told_and_a_rollback_by_hand_is_not_undone() {
    let server = Server::new();
    let first = server.deploy("ok");
    let second = server.deploy("ok 2");
    queue(&server, &["hold", "2 is slow; looking"]).any_stdout().check();
    server.tool("rollback").arg("--last").any_stdout().any_stderr().check();
    assert_eq!((server.live(), server.running()), (first.clone(), first.clone()));
    let (third, said) = server.push("ok 3");
    assert!(said.contains("submission 3") && said.contains("waits: held by") && said.contains("2 is slow"), "{said}");
    server.repository.commit("ok 4");
    let waits = server.repository.try_git(&["push", "-o", "wait", "origin", "HEAD:refs/heads/main"]);
    let said = String::from_utf8_lossy(&waits.stderr).into_owned();
    assert!(said.contains("submission 4 waits: held by") && said.contains("deploy-queue cancel 4 takes it"), "{said}");
    queue(&server, &["run"]).any_stderr().check();
    assert_eq!((begins(&server), server.live()), (2, first));
    queue(&server, &["unhold"]).stdout_has("submission 4 begins").check();
    server.settle();
    assert_eq!(server.ends(), [0, 0, 0]);
    assert!(server.live() == server.running() && ![second, third].contains(&server.live()));
}

#[test]
fn a_deployment_that_is_cancelled_while_it_starts_is_undone_and_the_commit_may_come_again() {
    let server = Server::new();
    let first = server.deploy("ok");
    let begun = server.sandbox.path("begun");
    let start = format!(
        "if [ ! -e {begun} ]; then touch {begun}; sleep 600; fi; echo \"@$PUSHBACK_COMMIT\" > data/running",
        begun = begun.display()
    );
    server.sandbox.set("START_COMMAND", &start);
    let (second, _) = server.push("ok 2");
    wait_until("the new release starts", || begun.exists());
    queue(&server, &["cancel", "prod-2"]).stdout("prod-2: exit 143: cancelled; what was live is live\n").check();
    assert_eq!((server.live(), server.running()), (first.clone(), first));
    queue(&server, &["submit", "--follow", "main"]).stdout_has("exit 0: live and verified").any_stderr().check();
    assert_eq!((server.live(), server.running(), server.ends()), (second.clone(), second, vec![0, 143, 0]));
}

#[test]
fn a_commit_whose_tests_or_build_failed_may_be_submitted_again() {
    for (setting, code) in [("TEST_COMMAND", 1), ("BUILD_COMMAND", 2)] {
        let server = Server::new();
        server.sandbox.set(setting, "false");
        let commit = server.deploy("ok");
        server.sandbox.set(setting, "true");
        queue(&server, &["submit", "--follow", &commit]).stdout_has("prod-2: exit 0").any_stderr().check();
        assert_eq!((server.ends(), server.live()), (vec![code, 0], commit), "{setting}");
    }
}

#[test]
fn a_commit_that_was_rolled_back_is_refused_untouched_and_deploys_when_forced() {
    let server = Server::new();
    let good = server.deploy("ok");
    // What is wrong is not the commit.
    server.sandbox.set("START_COMMAND", "grep -vq again health && echo \"@$PUSHBACK_COMMIT\" > data/running");
    let commit = server.deploy("ok again");
    server.sandbox.set("START_COMMAND", "echo \"@$PUSHBACK_COMMIT\" > data/running");
    assert_eq!((server.ends(), server.live()), (vec![0, 3], good.clone()));
    let refused = queue(&server, &["submit", "--follow", &commit]).code(75).any_stdout();
    refused.stderr_has(format!("{} was rolled back before", &commit[..7])).check();
    assert_eq!((server.live(), server.running()), (good.clone(), good));
    assert_eq!((server.records("release", "stage").len(), server.records("backup-db", "create").len()), (2, 2));
    queue(&server, &["submit", "--follow", "--force", &commit]).stdout_has("exit 0").any_stderr().check();
    assert_eq!(server.live(), commit);
}

#[test]
fn after_two_automatic_rollbacks_within_an_hour_nothing_is_deployed_until_a_person_forces_it() {
    let server = Server::new();
    let good = server.deploy("ok");
    server.deploy("sick");
    server.deploy("sick 2");
    server.deploy("ok 2");
    assert_eq!((server.ends(), server.live()), (vec![0, 4, 4, 75], good.clone()));
    // Every run is a process of its own, so a reboot forgets nothing; what a clock that was set back calls the future
    // counts as well.
    let journal = server.sandbox.read("prod/journal.ndjson");
    let year = server.sandbox.journal()[0]["started_at"].as_str().unwrap()[..4].to_owned();
    let future = journal.replace(&format!("\"started_at\":\"{year}"), "\"started_at\":\"2999");
    server.sandbox.write("prod/journal.ndjson", future);
    let fixed = server.deploy("ok 3");
    assert_eq!((server.ends(), server.live()), (vec![0, 4, 4, 75, 75], good));
    // A person who has looked opens the door, for this commit and for those after it.
    queue(&server, &["submit", "--follow", "--force", &fixed]).stdout_has("exit 0").any_stderr().check();
    let next = server.deploy("ok 4");
    assert_eq!((server.ends(), server.live()), (vec![0, 4, 4, 75, 75, 0, 0], next));
    assert_eq!(server.records("deploy-queue", "begin")[5]["details"]["force"], json!(true));
}
