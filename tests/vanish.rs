//! The pusher vanishes in mid-deploy, over a local push and over a real sshd: killed, stopped so that nobody reads what
//! is said, or cut off. The deployment goes on to its end, and nothing stays held.

mod sshd;

use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use server::Server;
use sshd::Sshd;
use testkit::{kill, kill_session, wait_until};

/// What a deployment says into its log, far more than a pipe holds (64 KiB) and than ssh keeps in flight (2 MiB).
const FLOOD: usize = 4_000_000;

/// A server whose deployments from now on wait in mid-test for `go`, then flood their log, and then go on.
struct Slow {
    server: Server,
    go: PathBuf,
    begun: PathBuf,
}

impl Slow {
    fn new() -> Self {
        let server = Server::new();
        server.deploy("ok");
        let (go, begun) = (server.sandbox.path("go"), server.sandbox.path("begun"));
        let (wait, flood) = (wait_for(&go), format!("yes xxxxxxxxx | head -c {FLOOD}"));
        // The test command's own output goes to a log of its own; what whoever waits is shown, the tools say.
        server.wrap(
            "run-step",
            &format!(
                "if [ \"$PUSHBACK_STEP\" = test ]; then touch {begun}; {wait}; {flood} >&2; fi\nexec \"$REAL\" \"$@\"",
                begun = begun.display()
            ),
        );
        server.sandbox.set("TEST_COMMAND", &format!("{flood}; test -e health"));
        Self { server, go, begun }
    }

    /// Starts a push of a second version, in a session of its own, and waits until its deployment is under way.
    fn push(&self, options: &[&str], sshd: Option<&Sshd>) -> Pusher {
        self.server.repository.write("health", "ok 2");
        let commit = self.server.repository.commit("ok 2");
        let mut git = Command::new("setsid");
        git.arg("git").arg("push").args(options).env("GIT_CONFIG_GLOBAL", "/dev/null");
        match sshd {
            None => git.arg("origin"),
            Some(sshd) => git.env("GIT_SSH_COMMAND", sshd.client()).arg(sshd.url(&self.server.repository.bare)),
        };
        git.arg("HEAD:refs/heads/main").current_dir(&self.server.repository.clone);
        git.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let child = git.spawn().expect("git starts");
        let mut pusher = Pusher { child, commit, reaped: false };
        wait_until("the second deployment tests", || self.begun.exists() || pusher.has_ended());
        if !self.begun.exists() && options.contains(&"wait") {
            panic!("git push ended too early: {}", pusher.ends());
        }
        wait_until("the second deployment tests", || self.begun.exists());
        pusher
    }

    /// Lets the deployment go on, and demands that it ends as if the pusher had stayed; and so does the next one.
    fn goes_on(&self, commit: &str) {
        let server = &self.server;
        assert!(!server.is_idle(), "the deployment had ended before the pusher vanished");
        std::fs::write(&self.go, "").expect("a file can be written");
        server.settle();
        self.is_whole(commit);
        let third = server.deploy("ok 3");
        assert_eq!((server.ends(), server.live(), server.running()), (vec![0, 0, 0], third.clone(), third));
    }

    /// The record from `begin` to `end`, and the log to its last line.
    fn is_whole(&self, commit: &str) {
        let server = &self.server;
        assert_eq!(
            (server.ends(), server.live(), server.running()),
            (vec![0, 0], commit.to_owned(), commit.to_owned())
        );
        let journal = server.sandbox.journal();
        let steps = journal.iter().filter(|record| record["deploy"] == "prod-2" && record["success"] == true);
        let mut steps: Vec<&str> = steps.filter_map(|record| record["step"].as_str()).collect();
        // It notes where the app's log ends, and makes checks.
        steps.dedup();
        assert_eq!(steps, ["guard", "stage", "preflight", "test", "build", "backup", "activate", "smoke"]);
        for (log, last) in [("prod-2.log", "prod-2: exit 0: live and verified\n"), ("prod-2-test.log", "x\n")] {
            let text = server.sandbox.read(&format!("prod/logs/{log}"));
            assert!(text.len() >= FLOOD, "{log} is not whole");
            assert!(text.ends_with(last), "{log} ends with {:?}", &text[text.len().saturating_sub(200)..]);
        }
    }
}

fn wait_for(go: &std::path::Path) -> String {
    format!("until [ -e {} ]; do sleep 0.02; done", go.display())
}

/// A `git push` that leads a session. Over ssh that is git and its ssh; over a local push the server's
/// `git-receive-pack` and hook are in it as well.
struct Pusher {
    child: Child,
    commit: String,
    reaped: bool,
}

impl Pusher {
    fn tell_git(&self, signal: &str) {
        kill(signal, self.child.id());
    }

    fn tell_all(&self, signal: &str) {
        kill_session(signal, self.child.id());
    }

    fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("git can be waited for").is_some()
    }

    fn reads_to_the_end(mut self) -> String {
        let mut said = String::new();
        let mut stderr = self.child.stderr.take().expect("stderr is a pipe");
        stderr.read_to_string(&mut said).expect("git speaks text");
        said
    }

    /// Waits until git has ended by itself, and returns what it said.
    fn ends(mut self) -> String {
        wait_until("git push returns", || self.has_ended());
        self.reaped = true;
        self.reads_to_the_end()
    }
}

impl Drop for Pusher {
    fn drop(&mut self) {
        // Nobody else can have its number before it is waited for.
        if !self.reaped {
            kill_session("KILL", self.child.id());
            drop(self.child.wait());
        }
    }
}

const WAIT: [&str; 4] = ["-o", "wait", "--quiet", "--force"];

#[test]
fn a_pusher_that_is_killed_changes_nothing() {
    let slow = Slow::new();
    let pusher = slow.push(&WAIT, None);
    pusher.tell_git("KILL");
    slow.goes_on(&pusher.commit);
}

#[test]
fn a_pusher_whose_terminal_goes_with_all_that_it_ran_changes_nothing() {
    let slow = Slow::new();
    let pusher = slow.push(&WAIT, None);
    pusher.tell_all("KILL");
    slow.goes_on(&pusher.commit);
}

#[test]
fn a_pusher_that_never_reads_again_changes_nothing() {
    let slow = Slow::new();
    let pusher = slow.push(&WAIT, None);
    pusher.tell_git("STOP");
    slow.goes_on(&pusher.commit);
    assert!(is_stopped(pusher.child.id()), "the pusher was stopped all the time");
}

#[test]
fn a_pusher_over_ssh_who_waits_sees_it_all() {
    let slow = Slow::new();
    let sshd = Sshd::start(&slow.server.sandbox);
    let pusher = slow.push(&WAIT, Some(&sshd));
    let commit = pusher.commit.clone();
    std::fs::write(&slow.go, "").expect("a file can be written");
    let said = std::thread::scope(|scope| {
        let said = scope.spawn(|| pusher.reads_to_the_end());
        slow.server.settle();
        said.join().expect("git speaks text")
    });
    slow.is_whole(&commit);
    assert!(said.trim_end().ends_with("prod-2: exit 0: live and verified"), "{}", &said[said.len() - 500..]);
    assert!(said.len() >= FLOOD);
}

#[test]
fn a_pusher_over_ssh_who_is_killed_changes_nothing() {
    let slow = Slow::new();
    let sshd = Sshd::start(&slow.server.sandbox);
    let pusher = slow.push(&WAIT, Some(&sshd));
    pusher.tell_all("KILL");
    slow.goes_on(&pusher.commit);
}

#[test]
fn a_pusher_over_ssh_who_never_reads_again_changes_nothing() {
    let slow = Slow::new();
    let sshd = Sshd::start(&slow.server.sandbox);
    let pusher = slow.push(&WAIT, Some(&sshd));
    pusher.tell_all("STOP");
    slow.goes_on(&pusher.commit);
    assert!(is_stopped(pusher.child.id()), "the pusher was stopped all the time");
}

#[test]
fn a_connection_that_is_cut_changes_nothing() {
    let slow = Slow::new();
    let sshd = Sshd::start(&slow.server.sandbox);
    let pusher = slow.push(&WAIT, Some(&sshd));
    sshd.cut();
    let commit = pusher.commit.clone();
    // git notices by itself.
    pusher.ends();
    slow.goes_on(&commit);
}

#[test]
fn a_push_over_ssh_returns_while_the_deployment_goes_on() {
    let slow = Slow::new();
    let sshd = Sshd::start(&slow.server.sandbox);
    let pusher = slow.push(&[], Some(&sshd));
    let commit = pusher.commit.clone();
    let said = pusher.ends();
    assert!(said.contains("submission 2") && said.contains("its outcome"), "{said}");
    // Nothing of the deployment keeps the connection.
    wait_until("sshd has no session left", || sshd.sessions().is_empty());
    slow.goes_on(&commit);
}

fn is_stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, fields)| fields.starts_with('T'))
}
