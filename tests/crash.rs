//! `kill -9` at every step of the pipeline: the next start finishes the deployment or undoes it, and whoever reads
//! `current` meanwhile always finds a release.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use server::Server;
use testkit::wait_until;

/// The tool of each step.
const STEPS: [(&str, &str); 9] = [
    ("guard", "rollback"),
    ("stage", "release"),
    ("preflight", "smoke-test"),
    ("test", "run-step"),
    ("build", "run-step"),
    ("backup", "backup-db"),
    ("activate", "release"),
    ("smoke", "smoke-test"),
    ("report", "deployment-report"),
];

/// Kills the whole session of the runner: the runner, the shell and the tool, with one SIGKILL each.
const KILL: &str = "pkill -KILL -s \"$(ps -o sid= -p $$ | tr -d ' ')\"";

/// Reads the live release in a loop until it is dropped; every read must find a commit.
struct Reader {
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<u64>>,
}

impl Reader {
    fn of(server: &Server) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let revision = server.sandbox.root().join("current/REVISION");
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut reads = 0;
            while !stopped.load(Ordering::Relaxed) {
                let text = std::fs::read_to_string(&revision)
                    .unwrap_or_else(|error| panic!("a reader met no release: {error}"));
                assert_eq!(text.trim().len(), 40, "{text:?}");
                reads += 1;
            }
            reads
        });
        Self { stop, thread: Some(thread) }
    }

    fn finish(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let reads = self.thread.take().expect("it runs once").join().expect("no read failed");
        assert!(reads > 0);
    }
}

/// Pushes a second version while `wrap` kills the pipeline once, lets the next start settle it, and checks that the
/// environment is whole. Returns the server, with the first and the second commit.
fn killed(tool: &str, wrapper: &str, health: &str) -> (Server, String, String) {
    let server = Server::new();
    let first = server.deploy("ok");
    let reader = Reader::of(&server);
    let once = server.sandbox.path("killed");
    server.wrap(tool, &wrapper.replace("ONCE", &once.display().to_string()).replace("KILL", KILL));
    let (second, _) = server.push(health);
    wait_until("the pipeline was killed", || once.exists());
    wait_until("all of it is gone", || server.is_idle());
    server.tool("deploy-queue").arg("run").any_stderr().check();
    reader.finish();
    let open = server.tool("deploy-queue").arg("list").any_stderr().check();
    assert_eq!(open.stdout, "", "a deployment was left open");
    assert_eq!(server.ends().len(), 2, "each deployment has one end");
    assert_eq!(server.live(), server.running(), "what is live runs");
    (server, first, second)
}

fn before(step: &str) -> String {
    format!("[ \"$PUSHBACK_STEP\" != {step} ] || [ -e ONCE ] || {{ touch ONCE; KILL; }}\nexec \"$REAL\" \"$@\"")
}

fn after(step: &str) -> String {
    format!("\"$REAL\" \"$@\" || exit $?\n[ \"$PUSHBACK_STEP\" != {step} ] || [ -e ONCE ] || {{ touch ONCE; KILL; }}")
}

#[test]
fn killed_before_a_step_acts_it_is_undone_or_closed() {
    for (step, tool) in STEPS {
        let (server, first, second) = killed(tool, &before(step), "ok");
        // Once the smoke test has passed, only the end is missing.
        let (live, end) = if step == "report" { (second, 0) } else { (first, 137) };
        assert_eq!((server.live(), server.ends()[1]), (live, end), "before {step}");
    }
}

#[test]
fn killed_after_a_step_acted_it_is_finished_undone_or_closed() {
    for (step, tool) in STEPS {
        let (server, first, second) = killed(tool, &after(step), "ok");
        let (live, end) = if ["smoke", "report"].contains(&step) { (second, 0) } else { (first, 137) };
        assert_eq!((server.live(), server.ends()[1]), (live, end), "after {step}");
    }
}

#[test]
fn killed_around_the_rollback_the_rollback_is_done_all_the_same() {
    for wrapper in [before("rollback"), after("rollback")] {
        let (server, first, _) = killed("rollback", &wrapper, "sick");
        assert_eq!((server.live(), server.ends()[1]), (first, 137));
    }
}

#[test]
fn a_commit_whose_deployment_was_killed_may_be_deployed_again() {
    let (server, first, second) = killed("release", &after("activate"), "ok");
    assert_eq!(server.live(), first);
    let again = server.tool("deploy-queue").args(["submit", "--follow", &second]);
    again.stdout_has("exit 0: live and verified").any_stderr().check();
    assert_eq!(server.live(), second);
}

/// The app's own commands know the tool that runs them as their parent, and so its session.
const KILL_FROM_COMMAND: &str = "pkill -KILL -s \"$(ps -o sid= -p $PPID | tr -d ' ')\"";

#[test]
fn killed_between_stop_switch_and_start_the_old_release_runs_again() {
    for setting in ["STOP_COMMAND", "START_COMMAND"] {
        let server = Server::new();
        let first = server.deploy("ok");
        let reader = Reader::of(&server);
        let once = server.sandbox.path("killed");
        let command = match setting {
            "STOP_COMMAND" => "rm -f data/running",
            _ => "echo \"@$PUSHBACK_COMMIT\" > data/running",
        };
        let kill =
            format!("[ -e {once} ] || {{ touch {once}; {KILL_FROM_COMMAND}; }}; {command}", once = once.display());
        server.sandbox.set(setting, &kill);
        server.push("ok too");
        wait_until("the pipeline was killed", || once.exists());
        wait_until("all of it is gone", || server.is_idle());
        server.tool("deploy-queue").arg("run").any_stderr().check();
        reader.finish();
        assert_eq!((server.live(), server.running(), server.ends()), (first.clone(), first, vec![0, 137]), "{setting}");
    }
}

#[test]
fn a_shell_killed_alone_takes_its_tool_with_it_before_anything_is_undone() {
    let server = Server::new();
    let first = server.deploy("ok");
    let once = server.sandbox.path("killed");
    // The pipeline's shell is the parent of the tool that runs this command. The tool would go on, and start the app.
    let kill = "kill -KILL \"$(ps -o ppid= -p $PPID | tr -d ' ')\"";
    let stop =
        format!("[ -e {once} ] || {{ touch {once}; {kill}; sleep 1; }}; rm -f data/running", once = once.display());
    server.sandbox.set("STOP_COMMAND", &stop);
    server.deploy("ok too");
    assert_eq!((server.live(), server.running(), server.ends()), (first.clone(), first, vec![0, 137]));
}

#[test]
fn a_tool_killed_alone_has_its_command_ended_before_anything_is_undone() {
    for setting in ["STOP_COMMAND", "START_COMMAND"] {
        let server = Server::new();
        let first = server.deploy("ok");
        let once = server.sandbox.path("killed");
        let command = match setting {
            "STOP_COMMAND" => "rm -f data/running",
            _ => "echo \"@$PUSHBACK_COMMIT\" > data/running",
        };
        // The command would act after the old release runs again, and does not end when it is asked to.
        let late = format!("{{ trap '' TERM; touch {}; kill -KILL $PPID; sleep 7; }}", once.display());
        server.sandbox.set(setting, &format!("[ -e {} ] || {late}; {command}", once.display()));
        server.deploy("ok too");
        assert_eq!((server.live(), server.running()), (first.clone(), first), "{setting}");
        // The killed tool left no record that would explain a 3.
        assert_eq!(server.ends(), [0, 74], "{setting}");
        let notes = std::fs::read_dir(server.sandbox.root().join("state/commands")).unwrap();
        assert_eq!(notes.count(), 0, "no note is left");
    }
}

#[test]
fn a_rollback_killed_alone_is_begun_again_and_what_it_ran_is_ended_first() {
    let server = Server::new();
    let first = server.deploy("ok");
    let once = server.sandbox.path("killed");
    // The second start is that of the way back. The rollback is the parent of the `release` that runs this command.
    let kill = "kill -KILL \"$(ps -o ppid= -p $PPID | tr -d ' ')\"";
    let late = format!("{{ trap '' TERM; touch {}; {kill}; sleep 7; echo late >> ../../late; }}", once.display());
    let back = format!("grep -q sick health || [ -e {} ] || {late}", once.display());
    server.sandbox.set("START_COMMAND", &format!("{back}; echo \"@$PUSHBACK_COMMIT\" > data/running"));
    server.deploy("sick");
    assert_eq!((server.live(), server.running()), (first.clone(), first));
    assert_eq!((server.ends(), server.sandbox.read("prod/late").as_str()), (vec![0, 137], ""));
    let notes = std::fs::read_dir(server.sandbox.root().join("state/commands")).unwrap();
    assert_eq!(notes.count(), 0, "no note is left");
}

#[test]
fn a_runner_killed_alone_frees_nothing_while_its_pipeline_works() {
    let server = Server::new();
    server.deploy("ok");
    let (begun, go) = (server.sandbox.path("begun"), server.sandbox.path("go"));
    let wait = format!("touch {}; until [ -e {} ]; do sleep 0.02; done", begun.display(), go.display());
    server.sandbox.set("TEST_COMMAND", &wait);
    let (second, _) = server.push("ok too");
    wait_until("the test runs", || begun.exists());
    let runner = server.lock_holder();
    server.sandbox.program("/bin/kill".as_ref()).args(["-KILL", &runner]).check();
    // The pipeline holds the lock on its stdin: nobody else gets it.
    server.tool("rollback").arg("--last").code(75).stderr_has("is held by deploy-queue run").check();
    std::fs::write(&go, "").unwrap();
    wait_until("the pipeline is through", || server.is_idle());
    server.tool("deploy-queue").arg("run").any_stderr().check();
    assert_eq!((server.live(), server.ends()), (second, vec![0, 0]));
}

#[test]
fn whoever_follows_gets_the_verdict_though_the_runner_was_killed() {
    let server = Server::new();
    let first = server.deploy("ok");
    let (begun, go) = (server.sandbox.path("begun"), server.sandbox.path("go"));
    let wait = format!("touch {}; until [ -e {} ]; do sleep 0.02; done", begun.display(), go.display());
    server.sandbox.set("TEST_COMMAND", &wait);
    let follow = server.tool("deploy-queue").args(["submit", "--follow", "--force", &first]);
    let following = std::thread::scope(|scope| {
        let followed = scope.spawn(|| follow.stdout_has("prod-2: exit 0: live and verified").any_stderr().check());
        wait_until("the test runs", || begun.exists());
        server.sandbox.program("/bin/kill".as_ref()).args(["-KILL", &server.lock_holder()]).check();
        std::fs::write(&go, "").unwrap();
        followed.join()
    });
    assert!(following.is_ok(), "who follows is told");
}

#[test]
fn a_runner_that_is_told_to_stop_undoes_what_it_began() {
    let server = Server::new();
    let first = server.deploy("ok");
    let begun = server.sandbox.path("begun");
    server.sandbox.set(
        "START_COMMAND",
        &format!(
            "if grep -q slow health; then touch {}; sleep 600; fi; echo \"@$PUSHBACK_COMMIT\" > data/running",
            begun.display()
        ),
    );
    server.push("slow");
    wait_until("the new release starts", || begun.exists());
    let runner = server.lock_holder();
    server.sandbox.program("/bin/kill".as_ref()).args(["-TERM", &runner]).check();
    wait_until("it is through", || server.is_idle());
    assert_eq!((server.live(), server.running()), (first.clone(), first));
    assert_eq!(server.ends().len(), 2);
}
