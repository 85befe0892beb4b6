//! release activate and rollback: what is live is the old release or the new one, whoever looks and whenever.

use std::fs;

use serde_json::{Value, json};
use server::strace::{ERRORS, Fault, Strace};
use server::sweep::{Scene, Struck, sweep};
use testkit::{Run, Sandbox, commit_of, release_of};

const SMOKE: &str = r#"
[[check]]
name = "runs"
kind = "command"
run = ["cat", "data/running"]
attempts = 1
expect = 'stdout contains "@"'
"#;

/// Three releases on disk, of which this one is live and runs. The app runs when `data/running` holds its commit.
fn server(live: u64) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.repository();
    sandbox.set("SHARED_PATHS", "data/");
    sandbox.set("STOP_COMMAND", "rm -f data/running");
    sandbox.set("START_COMMAND", "echo \"@$PUSHBACK_COMMIT\" > data/running");
    sandbox.set("SMOKE_CHECKS", "smoke.toml");
    for number in 1..=3 {
        sandbox.write(&format!("prod/releases/{}/smoke.toml", release_of(number)), SMOKE);
    }
    for number in 1..=live {
        sandbox.deployed(number, Some(0));
    }
    sandbox.tool("release").args(["activate", &release_of(live)]).any_stdout().check();
    sandbox
}

/// The number of the release that a reader of `current` finds: there always is one.
fn read(sandbox: &Sandbox) -> u64 {
    let revision = sandbox.root().join("current/REVISION");
    let commit = fs::read_to_string(revision).unwrap_or_else(|error| panic!("a reader met no release: {error}"));
    let number = (1..=3).find(|number| commit_of(*number) == commit.trim());
    number.unwrap_or_else(|| panic!("a reader met {commit:?}"))
}

/// The number of the release whose app runs; none while it is stopped.
fn running(sandbox: &Sandbox) -> Option<u64> {
    let running = sandbox.read("prod/shared/data/running");
    (1..=3).find(|number| running.trim() == format!("@{}", commit_of(*number)))
}

/// Whether the journal announces a change by this tool.
fn announced(sandbox: &Sandbox, tool: &str, command: &str, deploy: &Value) -> bool {
    let begins = |record: &Value| record["phase"] == "begin" && record["deploy"] == *deploy;
    let is_its = |record: &Value| record["tool"] == tool && record["command"] == command;
    sandbox.journal().iter().any(|record| is_its(record) && begins(record))
}

/// The third deployment of a pipeline, about to go live, and what the next start makes of it.
struct Activate(Sandbox);

impl Scene for Activate {
    fn set() -> Self {
        let sandbox = server(2);
        sandbox.staged(3);
        let deploy = |tool: &str, command: &str| {
            json!({"tool": tool, "command": command, "deploy": "prod-3", "release": release_of(3), "success": true,
                   "commit": commit_of(3), "details": {"previous": release_of(2), "entry": 3}})
        };
        let mut begin = deploy("deploy-queue", "begin");
        begin.as_object_mut().unwrap().remove("success");
        sandbox.history(&[begin, deploy("release", "stage")]);
        Self(sandbox)
    }

    fn sandbox(&self) -> &Sandbox {
        &self.0
    }

    fn run(&self, strace: &Strace) -> Run {
        strace.tool(&self.0, "release").env("PUSHBACK_DEPLOY", "prod-3").arg("activate")
    }

    fn meanwhile(&self) -> bool {
        assert!(read(&self.0) >= 2, "neither the old nor the new");
        true
    }

    fn judge(&self, struck: &Struck) {
        let sandbox = &self.0;
        let is_new = read(sandbox) == 3;
        if is_new || running(sandbox) != Some(2) {
            assert!(
                announced(sandbox, "release", "activate", &"prod-3".into()),
                "something changed before the journal said so"
            );
        }
        if !struck.is_kill() {
            struck.ended_in_order("release");
            let whole = is_new && running(sandbox) == Some(3);
            assert!(!struck.is_done() || whole, "done, and {} runs", read(sandbox));
        }
        sandbox.tool("deploy-queue").arg("run").any_stderr().check();
        assert_eq!((read(sandbox), running(sandbox)), (2, Some(2)), "the next start undoes it");
        sandbox.tool("deploy-queue").args(["list", "-q"]).check();
    }
}

/// A person goes back from 3 to 2. With `CHILD`, the fault strikes the `release` that the rollback runs.
struct Last<const CHILD: bool>(Sandbox);

impl<const CHILD: bool> Scene for Last<CHILD> {
    fn set() -> Self {
        let sandbox = server(3);
        sandbox.family(&["rollback", "release", "smoke-test"]);
        Self(sandbox)
    }

    fn sandbox(&self) -> &Sandbox {
        &self.0
    }

    fn run(&self, strace: &Strace) -> Run {
        if CHILD {
            strace.stand_in(&self.0, "release");
            return self.0.own_tool("rollback").arg("--last");
        }
        strace.tool(&self.0, "rollback").arg("--last")
    }

    fn meanwhile(&self) -> bool {
        assert!(read(&self.0) >= 2, "neither the old nor the new");
        true
    }

    fn judge(&self, struck: &Struck) {
        let sandbox = &self.0;
        let whole = read(sandbox) == 2 && running(sandbox) == Some(2);
        if read(sandbox) == 2 || running(sandbox) != Some(3) {
            // The way back stays open when the journal fails: then a person is told.
            let told = !struck.is_kill() && struck.stderr.contains("going back all the same");
            let announced = announced(sandbox, "rollback", "last", &Value::Null);
            assert!(announced || told, "something changed before the journal said so");
        }
        if CHILD || !struck.is_kill() {
            struck.ended_in_order("rollback");
            assert!(!struck.is_done() || whole, "done, and {} runs", read(sandbox));
        }
        // Once its smoke test has spoken, a rollback is over, and another one would go one release further back.
        let of_rollback = |record: &Value| {
            (&record["tool"], &record["command"]) == (&"smoke-test".into(), &"check".into())
                && record["parent"] == "rollback"
        };
        let spoken = sandbox.journal().iter().any(of_rollback);
        if !spoken {
            sandbox.tool("rollback").arg("--last").any_stdout().any_stderr().check();
        }
        assert_eq!((read(sandbox), running(sandbox)), (2, Some(2)), "running it again gets there");
    }
}

/// A deployment that went live, and whose undoing is killed.
struct Undo(Sandbox);

impl Scene for Undo {
    fn set() -> Self {
        let sandbox = server(2);
        sandbox.deployed(3, None);
        Self(sandbox)
    }

    fn sandbox(&self) -> &Sandbox {
        &self.0
    }

    fn run(&self, strace: &Strace) -> Run {
        strace.tool(&self.0, "rollback").args(["--deploy", "prod-3"])
    }

    fn meanwhile(&self) -> bool {
        assert!(read(&self.0) >= 2, "neither the old nor the new");
        true
    }

    fn judge(&self, struck: &Struck) {
        let sandbox = &self.0;
        if !struck.is_kill() {
            struck.ended_in_order("rollback");
            assert!(!struck.is_done() || read(sandbox) == 2, "done, and {} is live", read(sandbox));
        }
        sandbox.tool("deploy-queue").arg("run").any_stderr().check();
        assert_eq!((read(sandbox), running(sandbox)), (2, Some(2)), "the next start undoes it");
        sandbox.tool("deploy-queue").args(["list", "-q"]).check();
    }
}

#[test]
fn an_activation_killed_at_any_call_is_undone_by_the_next_start() {
    sweep::<Activate>("release activate, killed", &[Fault::Kill]);
}

#[test]
fn an_activation_that_meets_an_error_at_any_call_is_undone_by_the_next_start() {
    sweep::<Activate>("release activate, errors", &ERRORS);
}

#[test]
fn a_rollback_killed_at_any_call_gets_there_when_it_is_run_again() {
    sweep::<Last<false>>("rollback --last, killed", &[Fault::Kill]);
}

#[test]
fn a_rollback_that_meets_an_error_at_any_call_gets_there_when_it_is_run_again() {
    sweep::<Last<false>>("rollback --last, errors", &ERRORS);
}

#[test]
fn a_rollback_whose_release_is_killed_at_any_call_gets_there_when_it_is_run_again() {
    sweep::<Last<true>>("release of rollback --last, killed", &[Fault::Kill]);
}

#[test]
fn a_deployment_whose_rollback_is_killed_at_any_call_is_undone_by_the_next_start() {
    sweep::<Undo>("rollback --deploy, killed", &[Fault::Kill]);
}

#[test]
fn a_deployment_whose_rollback_meets_an_error_at_any_call_is_undone_by_the_next_start() {
    sweep::<Undo>("rollback --deploy, errors", &ERRORS);
}
