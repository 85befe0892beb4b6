//! Pushes at random, several at once, while runner, shell, tools and the user's commands are killed at random: whatever
//! is killed, the newest submission is settled, nothing runs twice or beside another, and what is live runs.
//!
//! `PUSHBACK_ROUNDS` says how many rounds (20 unless set), `PUSHBACK_SEED` repeats the numbers of a run that failed; when
//! what is killed depends on the moment, it does so approximately.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use server::Server;
use testkit::{processes, wait_until};

/// How many branches are mapped to the one environment.
const BRANCHES: usize = 16;

/// Each of the app's commands looks whether another one is at work, and says so in a file. One that was killed may have
/// left its number; it counts only while that process lives, and is no zombie.
const ALONE: &str = "other=$(cat ../../busy 2>/dev/null); \
                     if [ -n \"$other\" ] && grep -q '^[0-9]* ([^)]*) [^ZX]' /proc/$other/stat 2>/dev/null; then \
                     echo \"$PUSHBACK_COMMIT beside $other\" >> ../../overlap; fi; \
                     echo $$ > ../../busy; sleep 0.03; rm -f ../../busy";

/// Numbers that look random and can be had again (xorshift64*, Vigna 2016).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).unwrap_or_default() % limit
    }
}

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// One process of the environment's pipeline.
#[derive(Clone)]
struct Process {
    pid: u32,
    session: u32,
    role: &'static str,
}

/// What runs for the deployments of this environment: found by the settings file that a tool was given, or by the release
/// that a command works in. Whoever submits is no part of it.
fn pipeline(server: &Server) -> Vec<Process> {
    let environment = format!("PUSHBACK_ENV={}", server.sandbox.env_file().display());
    let releases = server.sandbox.root().join("releases");
    let mut found = Vec::new();
    for process in processes() {
        let place = Path::new("/proc").join(process.pid.to_string());
        let read = |file: &str| fs::read(place.join(file)).unwrap_or_default();
        let before = read("cmdline");
        let given = String::from_utf8_lossy(&read("environ")).contains(&environment);
        let words = String::from_utf8_lossy(&read("cmdline")).into_owned();
        // One that becomes another program just now would be taken for something that it is not.
        if before != words.as_bytes() {
            continue;
        }
        let inside = fs::read_link(place.join("cwd")).is_ok_and(|dir| dir.starts_with(&releases));
        let role = match words.split('\0').collect::<Vec<_>>()[..] {
            _ if !given && !inside => continue,
            [_, "submit", ..] | [_, "-e", ..] => continue,
            [tool, "run", ..] if tool.ends_with("/deploy-queue") => "runner",
            ["/bin/sh", script, ..] if script.ends_with("/deploy") => "shell",
            _ if given => "tool",
            _ => "command",
        };
        found.push(Process { pid: process.pid, session: process.session, role });
    }
    found
}

/// SIGKILL; one that has ended meanwhile is as dead.
fn kill(pid: u32) -> bool {
    std::process::Command::new("kill")
        .args(["-KILL", &pid.to_string()])
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap()
        .success()
}

/// Kills at random moments until told to stop: mostly one process, now and then the whole session of the runner.
fn killer(server: &Server, mut numbers: Numbers, stop: &AtomicBool) -> BTreeMap<&'static str, usize> {
    let mut killed = BTreeMap::new();
    // In some rounds hardly anything gets to its end, in others most does.
    let pause = [20, 100, 600][numbers.below(3)];
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(numbers.below(pause) as u64));
        let mut found = pipeline(server);
        // The runner is there all the time, the others come and go.
        let spared = if numbers.below(8) == 0 { "" } else { "runner" };
        let roles = ["runner", "shell", "tool", "command"]
            .map(|role| found.iter().position(|one| one.role == role && role != spared));
        let roles: Vec<usize> = roles.into_iter().flatten().collect();
        if roles.is_empty() {
            continue;
        }
        let victim = found.swap_remove(roles[numbers.below(roles.len())]);
        found.push(victim.clone());
        let whole = numbers.below(5) == 0;
        for process in found.iter().filter(|one| one.pid == victim.pid || whole && one.session == victim.session) {
            if kill(process.pid) {
                *killed.entry(process.role).or_default() += 1;
            }
        }
    }
    killed
}

/// Ends the killing, also when a test fails meanwhile.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A server whose sixteen branches all go to one environment.
fn server() -> Server {
    let server = Server::new();
    let bare = server.repository.bare.to_string_lossy().into_owned();
    let environment = server.sandbox.env_file();
    let maps = (0..BRANCHES).map(|branch| format!("--map=b{branch}={}", environment.display()));
    let install = server.tool("post-receive").env_remove("PUSHBACK_ENV").args(["install", &bare]).args(maps);
    install.any_stdout().any_stderr().check();
    for (setting, command) in [
        ("TEST_COMMAND", "test -e health"),
        ("BUILD_COMMAND", "true"),
        ("STOP_COMMAND", "rm -f data/running"),
        (
            "START_COMMAND",
            "sqlite3 data/app.sqlite 'create table if not exists t (x)' && echo \"@$PUSHBACK_COMMIT\" > data/running",
        ),
    ] {
        server.sandbox.set(setting, &format!("{ALONE}; {command}"));
    }
    server
}

/// Pushes several commits at once: each to a branch of its own, or all of them by force to one.
fn push(server: &Server, round: u64, count: usize, one_branch: bool) {
    server.repository.write("health", "ok");
    let commits: Vec<String> =
        (0..count).map(|number| server.repository.commit(&format!("round {round}, push {number}"))).collect();
    thread::scope(|scope| {
        for (number, commit) in commits.iter().enumerate() {
            let branch = if one_branch { 0 } else { number };
            scope.spawn(move || {
                let refspec = format!("+{commit}:refs/heads/b{branch}");
                let pushed = server.repository.try_git(&["push", "--quiet", "origin", &refspec]);
                let said = String::from_utf8_lossy(&pushed.stderr).into_owned();
                // git itself rejects most simultaneous pushes to one branch.
                let told = said.contains("submission ") && said.contains("its outcome");
                assert!(if pushed.status.success() { told } else { one_branch }, "{said}");
            });
        }
    });
}

/// One runner, to its end.
fn run(server: &Server) {
    server.tool("deploy-queue").arg("run").spawn().wait().unwrap();
}

/// Whatever a kill left is finished or undone by the next start.
fn settle(server: &Server) {
    wait_until("the last process of the pipeline is gone", || {
        run(server);
        server.is_idle() && pipeline(server).is_empty() && is_settled(server)
    });
}

fn is_settled(server: &Server) -> bool {
    server.records("deploy-queue", "begin").len() == server.records("deploy-queue", "end").len()
}

/// A rollback that was killed again and again asks for a person, who calls it by hand.
fn help(server: &Server) {
    let critical = |end: &&Value| end["exit_code"] == 5;
    let ends = server.records("deploy-queue", "end");
    if let Some(end) = ends.iter().rfind(critical).filter(|_| server.live() != server.running()) {
        let undo = server.tool("rollback").args(["--deploy", end["deploy"].as_str().unwrap()]);
        undo.any_stdout().any_stderr().check();
    }
}

/// What must be true whatever was killed.
fn judge(server: &Server, round: &str) {
    let overlap = server.sandbox.read("prod/overlap");
    assert_eq!(overlap, "", "{round}: two commands were at work at once");
    let (begins, ends) = (server.records("deploy-queue", "begin"), server.records("deploy-queue", "end"));
    let id = |record: &Value| record["deploy"].as_str().unwrap().to_owned();
    let began: Vec<String> = begins.iter().map(id).collect();
    assert_eq!(began, ends.iter().map(id).collect::<Vec<_>>(), "{round}: each deployment ends before the next begins");
    let entry = |record: &Value| record["details"]["entry"].as_u64().unwrap();
    let settled: Vec<u64> = begins.iter().chain(&server.records("deploy-queue", "supersede")).map(entry).collect();
    let submitted: Vec<u64> = server.records("deploy-queue", "submit").iter().map(entry).collect();
    for number in &submitted {
        let times = settled.iter().filter(|one| *one == number).count();
        assert_eq!(times, 1, "{round}: submission {number} is settled {times} times");
    }
    // The newest submission is the last deployment; unless that one was killed, it is live.
    let newest = begins.last().unwrap();
    assert_eq!(submitted.iter().max(), Some(&entry(newest)), "{round}: the newest submission is deployed");
    if ends.last().unwrap()["exit_code"] == 0 {
        assert_eq!(server.live(), newest["commit"].as_str().unwrap(), "{round}: the newest is live");
    }
    assert_eq!(server.live(), server.running(), "{round}: what is live runs");
    server.tool("deploy-queue").arg("list").stderr("deploy-queue: nothing runs and nothing waits\n").check();
}

#[test]
fn whatever_is_killed_the_newest_is_settled_and_what_is_live_runs() {
    let (rounds, seed) = (variable("PUSHBACK_ROUNDS", 20), variable("PUSHBACK_SEED", 20_261_121).max(1));
    let server = server();
    server.deploy("ok");
    let mut numbers = Numbers(seed);
    let mut killed: BTreeMap<&str, usize> = BTreeMap::new();
    for round in 0..rounds {
        let (count, one_branch) = ([2, 4, 16][numbers.below(3)], numbers.below(4) == 0);
        let theirs = Numbers(seed.wrapping_mul(round + 2) | 1);
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let killer = scope.spawn(|| killer(&server, theirs, &stop));
            let ends = Ends(&stop);
            push(&server, round, count, one_branch);
            // Whoever starts a runner again is met as well.
            for _ in 0..6 {
                run(&server);
            }
            drop(ends);
            for (role, count) in killer.join().unwrap() {
                *killed.entry(role).or_default() += count;
            }
        });
        settle(&server);
        help(&server);
        if server.ends().last() == Some(&75) {
            // Commands that were killed made the loop guard ask for a person.
            let forced = server.tool("deploy-queue").args(["submit", "--follow", "--force", "main"]);
            forced.any_stdout().any_stderr().check();
        }
        judge(&server, &format!("PUSHBACK_SEED={seed}, round {round}, {count} pushes"));
    }
    let mut ends: BTreeMap<i64, usize> = BTreeMap::new();
    for code in server.ends() {
        *ends.entry(code).or_default() += 1;
    }
    let submitted = server.records("deploy-queue", "submit").len();
    println!("{rounds} rounds, {submitted} submissions, killed {killed:?}, deployments by exit code {ends:?}");
    assert!(killed.values().sum::<usize>() as u64 >= rounds, "something was killed: {killed:?}");
}
