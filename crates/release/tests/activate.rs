//! release activate and deactivate: one rename makes a release live, and the app follows in the documented order.
#![cfg(test)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use testkit::{Run, Sandbox, commit_of, release_of};

fn activate(sandbox: &Sandbox, number: u64) -> Run {
    let release = sandbox.root().join("releases").join(release_of(number));
    let run = sandbox.tool("release").args(["activate", &release_of(number)]);
    run.stdout(format!("{}\n", release.display()))
}

/// Two staged releases, and an app that writes down each of its commands: what, where, for which commit, what is live.
fn app() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.staged(1);
    sandbox.staged(2);
    let log = sandbox.path("log").display().to_string();
    let note = |what: &str| {
        format!(
            "echo {what} in $(basename $(pwd)) of $PUSHBACK_COMMIT live $(basename \"$(readlink ../../current)\") >> {log}"
        )
    };
    sandbox.set("STOP_COMMAND", &note("stop"));
    sandbox.set("START_COMMAND", &note("start"));
    sandbox
}

#[test]
fn without_a_command_only_the_link_moves_and_it_is_relative() {
    let sandbox = Sandbox::new();
    sandbox.staged(1);
    activate(&sandbox, 1).check();
    let link = fs::read_link(sandbox.root().join("current")).unwrap();
    assert_eq!(link, Path::new("releases").join(release_of(1)));
}

#[test]
fn the_app_stops_in_the_old_release_and_starts_in_the_new_one() {
    let sandbox = app();
    let (one, two) = (release_of(1), release_of(2));
    activate(&sandbox, 1).check();
    activate(&sandbox, 2).check();
    let start_one = format!("start in {one} of {} live {one}\n", commit_of(1));
    let stop_one = format!("stop in {one} of {} live {one}\n", commit_of(1));
    let start_two = format!("start in {two} of {} live {two}\n", commit_of(2));
    // Before the first activation nothing runs that could be stopped.
    assert_eq!(sandbox.read("log"), [start_one, stop_one, start_two].concat());
}

#[test]
fn a_reload_comes_after_the_switch_and_in_the_new_release() {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, Some(0));
    sandbox.staged(2);
    sandbox.set("RELOAD_COMMAND", "echo $(basename $(pwd)) $(basename $(readlink ../../current)) >> ../../log");
    activate(&sandbox, 2).check();
    assert_eq!(sandbox.read("prod/log"), format!("{0} {0}\n", release_of(2)));
}

#[test]
fn a_release_that_is_live_already_is_restarted() {
    let sandbox = app();
    activate(&sandbox, 1).check();
    activate(&sandbox, 1).check();
    let said = sandbox.read("log");
    let words: Vec<&str> = said.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(words, ["start", "stop", "start"]);
}

#[test]
fn an_app_that_does_not_stop_keeps_what_is_live() {
    let sandbox = app();
    activate(&sandbox, 1).check();
    sandbox.set("STOP_COMMAND", "exit 7");
    let run = sandbox.tool("release").args(["activate", &release_of(2)]).code(74);
    run.stderr_has("STOP_COMMAND exited with 7").check();
    assert_eq!(sandbox.live(), release_of(1));
}

#[test]
fn on_the_way_back_an_app_that_does_not_stop_is_no_obstacle() {
    let sandbox = app();
    activate(&sandbox, 2).check();
    sandbox.set("STOP_COMMAND", "exit 7");
    let run = activate(&sandbox, 1).env("PUSHBACK_PARENT", "rollback");
    run.stderr_has("cannot stop 2-0000002 with its own script").stderr_has("trying that of 1-0000001").check();
    assert_eq!(sandbox.live(), release_of(1));
}

#[test]
fn an_app_whose_release_is_gone_is_stopped_with_the_script_of_the_next() {
    let sandbox = app();
    activate(&sandbox, 1).check();
    fs::remove_dir_all(sandbox.root().join("releases").join(release_of(1))).unwrap();
    activate(&sandbox, 2).any_stderr().check();
    assert!(sandbox.read("log").contains(&format!("stop in {}", release_of(2))));
}

#[test]
fn an_activation_is_announced_before_it_acts_and_concluded_after() {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, Some(0));
    sandbox.staged(2);
    sandbox.set("RELOAD_COMMAND", "cp ../../journal.ndjson ../../seen");
    activate(&sandbox, 2).check();
    let seen = sandbox.read("prod/seen");
    let begin: serde_json::Value = serde_json::from_str(seen.lines().last().unwrap()).unwrap();
    assert_eq!((&begin["command"], &begin["phase"]), (&"activate".into(), &"begin".into()));
    assert_eq!((&begin["release"], &begin["details"]["previous"]), (&release_of(2).into(), &release_of(1).into()));
    assert_eq!(sandbox.journal().last().unwrap()["success"], true);
}

#[test]
fn the_deployment_s_own_release_is_the_default() {
    let sandbox = Sandbox::new();
    sandbox.staged(1);
    sandbox.staged(2);
    let run = sandbox.tool("release").env("PUSHBACK_DEPLOY", "prod-2").arg("activate");
    run.any_stdout().check();
    assert_eq!(sandbox.live(), release_of(2));
}

#[test]
fn a_current_that_a_person_made_is_78_and_stays() {
    let sandbox = Sandbox::new();
    sandbox.staged(1);
    let current = sandbox.root().join("current");
    let refused = |said: &str| {
        for args in [&["activate", &release_of(1)][..], &["current"], &["list"], &["prune"], &["deactivate"]] {
            sandbox.tool("release").args(args).code(78).stderr_has(said).check();
        }
    };
    fs::create_dir(&current).unwrap();
    refused("current is not a symbolic link\nhint: move it away");
    fs::remove_dir(&current).unwrap();
    symlink("/var/www", &current).unwrap();
    refused("points at /var/www, which is no release\nhint: remove the link");
    assert_eq!(fs::read_link(&current).unwrap(), Path::new("/var/www"));
}

#[test]
fn a_current_that_dangles_is_66_and_another_release_can_go_live() {
    let sandbox = Sandbox::new();
    sandbox.staged(2);
    symlink(format!("releases/{}", release_of(1)), sandbox.root().join("current")).unwrap();
    let gone = "there is no release 1-0000001 in ";
    sandbox.tool("release").arg("current").code(66).stderr_has(gone).check();
    let run = sandbox.tool("release").args(["current", "--is", &commit_of(1)]);
    run.code(66).stderr_has(gone).check();
    activate(&sandbox, 2).check();
    assert_eq!(sandbox.live(), release_of(2));
}

#[test]
fn a_deactivated_environment_has_nothing_live_and_twice_changes_nothing() {
    let sandbox = app();
    activate(&sandbox, 1).check();
    sandbox.tool("release").arg("deactivate").check();
    assert!(sandbox.read("log").ends_with(&format!("stop in {0} of {1} live {0}\n", release_of(1), commit_of(1))));
    assert!(fs::symlink_metadata(sandbox.root().join("current")).is_err());
    sandbox.tool("release").arg("deactivate").stderr("release: nothing is live: skipped\n").check();
}

#[test]
fn a_deactivation_that_cannot_stop_the_app_says_so() {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, Some(0));
    let run = sandbox.tool("release").arg("deactivate");
    run.stderr("release: there is no STOP_COMMAND: if the app runs, it still does\n").check();
    assert_eq!(sandbox.live(), "");
}

#[test]
fn whoever_reads_current_during_two_hundred_switches_finds_a_release_each_time() {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, Some(0));
    sandbox.staged(2);
    let done = AtomicBool::new(false);
    let revision = sandbox.root().join("current/REVISION");
    let reads = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let known = [1, 2].map(|number| format!("{}\n", commit_of(number)));
            let mut reads = 0;
            while !done.load(Ordering::Relaxed) {
                let text = fs::read_to_string(&revision).expect("there is always a release");
                assert!(known.contains(&text), "{text:?}");
                reads += 1;
            }
            reads
        });
        for round in 0..200 {
            activate(&sandbox, 2 - round % 2).check();
        }
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    assert!(reads > 200, "{reads}");
}

fn rehearse(sandbox: &Sandbox, number: u64) -> Run {
    sandbox.tool("release").args(["activate", "--dry-run", &release_of(number)])
}

#[test]
fn a_dry_run_tells_the_steps_and_touches_nothing() {
    let sandbox = app();
    activate(&sandbox, 1).check();
    sandbox.set("STOP_COMMAND", "bin/stop");
    sandbox.set("START_COMMAND", "bin/start");
    let (journal, log) = (sandbox.read("prod/journal.ndjson"), sandbox.read("log"));
    let lock = sandbox.hold_lock("somebody else");
    let steps = "stop in 1-0000001: bin/stop\nswitch to 2-0000002\nstart in 2-0000002: bin/start\n";
    rehearse(&sandbox, 2).stdout(steps).check();
    lock.unlock().unwrap();
    assert_eq!((sandbox.read("prod/journal.ndjson"), sandbox.read("log")), (journal, log));
    assert_eq!(sandbox.live(), release_of(1));
}

#[test]
fn a_dry_run_fails_as_the_activation_would() {
    let sandbox = app();
    rehearse(&sandbox, 9).code(66).stderr_has("there is no release 9-0000009").check();
    sandbox.set("SHARED_PATHS", "secrets.txt");
    rehearse(&sandbox, 1).code(78).stderr_has("secrets.txt").check();
    sandbox.set("START_COMMAND", "");
    rehearse(&sandbox, 1).code(78).stderr_has("belong together").check();
}
