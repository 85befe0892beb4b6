//! Streams that are closed, full or broken: a result that nobody got is never a success of a tool that only reads, never
//! a failure of one that has changed something, and nothing that was meant for a stream lands in a file.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use server::Server;
use testkit::{Sandbox, TOOLS, release_of, tool_path};

/// What a stream can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    /// As it should be: a pipe that the test reads.
    Sound,
    /// No such file descriptor: the next file that is opened gets its number.
    Closed,
    /// Every write says that there is no space left.
    Full,
    /// A pipe whose reader is gone.
    Broken,
}

use Stream::{Broken, Closed, Full, Sound};

/// The streams of a run: stdin is closed or `/dev/null`.
#[derive(Clone, Copy)]
struct Streams {
    stdin: Stream,
    stdout: Stream,
    stderr: Stream,
}

impl fmt::Display for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stdin {:?}, stdout {:?}, stderr {:?}", self.stdin, self.stdout, self.stderr)
    }
}

/// Every way in which stdout, stderr or both are not sound, and all three closed.
const ALL: [Streams; 11] = [
    streams(Sound, Closed, Sound),
    streams(Sound, Full, Sound),
    streams(Sound, Broken, Sound),
    streams(Sound, Sound, Closed),
    streams(Sound, Sound, Full),
    streams(Sound, Sound, Broken),
    streams(Sound, Full, Full),
    streams(Sound, Broken, Broken),
    streams(Sound, Full, Closed),
    streams(Closed, Sound, Sound),
    streams(Closed, Closed, Closed),
];

const fn streams(stdin: Stream, stdout: Stream, stderr: Stream) -> Streams {
    Streams { stdin, stdout, stderr }
}

impl Streams {
    /// Whether a result on stdout is lost and known to be. Nobody asked for one on a closed stdout.
    fn loses_result(self) -> bool {
        matches!(self.stdout, Full | Broken)
    }

    /// Runs a prepared command with these streams.
    fn run(self, command: &Command) -> Output {
        let closed = [(self.stdin, "<&-"), (self.stdout, ">&-"), (self.stderr, "2>&-")];
        let closed: Vec<&str> = closed.iter().filter(|(stream, _)| *stream == Closed).map(|(_, text)| *text).collect();
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &format!("exec \"$0\" \"$@\" {}", closed.join(" "))]);
        shell.arg(command.get_program()).args(command.get_args()).env_clear();
        shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some(dir) = command.get_current_dir() {
            shell.current_dir(dir);
        }
        shell.stdin(Stdio::null()).stdout(output(self.stdout)).stderr(output(self.stderr));
        shell.output().expect("a shell runs")
    }
}

fn output(stream: Stream) -> Stdio {
    match stream {
        Sound | Closed => Stdio::piped(),
        Full => Stdio::from(std::fs::File::options().write(true).open("/dev/full").expect("there is /dev/full")),
        Broken => {
            let (reader, writer) = io::pipe().expect("a pipe can be made");
            drop(reader);
            Stdio::from(writer)
        }
    }
}

/// Runs a tool and demands its exit code; a signal is none.
fn demand(code: i32, tool: &str, args: &[&str], streams: Streams, sandbox: &Sandbox) -> Output {
    let output = streams.run(&sandbox.tool(tool).args(args).into_command());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{tool} {args:?} with {streams}: {}: {said}", output.status);
    output
}

/// An environment with two releases, the second live, and a database with a backup.
fn environment() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.repository();
    sandbox.deployed(1, Some(0));
    sandbox.deployed(2, Some(0));
    let database = sandbox.write("prod/shared/app.sqlite", "");
    let made = Command::new("sqlite3").arg(&database).arg("create table t (x); insert into t values (1)").status();
    assert!(made.expect("sqlite3 runs").success());
    sandbox.set("DATABASE_URL", &format!("sqlite://{}", database.display()));
    sandbox
        .write("checks.toml", "[[check]]\nname = \"a\"\nkind = \"command\"\nrun = [\"true\"]\nexpect = 'exit == 0'\n");
    sandbox.write("prod/logs/prod-1.log", "deploy: guard\n");
    sandbox.tool("backup-db").any_stdout().check();
    sandbox
}

/// Commands that change nothing and print something.
const READERS: [(&str, &[&str]); 12] = [
    ("deploy-queue", &["list", "--json"]),
    ("deploy-queue", &["log"]),
    ("deploy-queue", &["log", "prod-1"]),
    ("deployment-report", &[]),
    ("deployment-report", &["--json", "prod-1"]),
    ("release", &["current"]),
    ("release", &["--json", "current", "--is", "0000002"]),
    ("release", &["list"]),
    ("release", &["prune", "--keep", "1", "--dry-run", "--json"]),
    ("rollback", &["--guard", "--json"]),
    ("smoke-test", &["checks.toml", "--dry-run"]),
    ("smoke-test", &["checks.toml", "--dry-run", "--json"]),
];

/// Commands that fail before they change anything, and their codes.
const FAILURES: [(&str, &[&str], i32); 11] = [
    ("backup-db", &["--json", "--timeout", "never"], 2),
    ("deploy-queue", &["--json", "submit", "no-such-branch"], 66),
    ("deploy-queue", &["cancel", "7"], 66),
    ("deployment-report", &["--json", "prod-9"], 66),
    ("post-receive", &["--json", "install", "/nonexistent", "--map=main=x"], 66),
    ("release", &["current", "--is", "abcdef0"], 1),
    ("release", &["--json", "activate", "9-abcdef0"], 66),
    ("restore-db", &["--json", "--yes", "2020-01-01T00-00-00Z"], 66),
    ("rollback", &["--json", "--deploy", "prod-9"], 66),
    ("run-step", &["--json", "test", "--", "false"], 1),
    ("smoke-test", &["no-such-file.toml", "--json"], 66),
];

#[test]
fn help_version_and_manual_that_nobody_got_are_74() {
    let sandbox = Sandbox::new();
    for tool in TOOLS {
        for args in [&["--help"][..], &["--version"], &["--generate", "man"]] {
            for streams in ALL {
                demand(if streams.loses_result() { 74 } else { 0 }, tool, args, streams, &sandbox);
            }
        }
    }
}

#[test]
fn a_result_that_nobody_got_is_74_for_a_command_that_only_reads() {
    let sandbox = environment();
    let before = sandbox.read("prod/journal.ndjson");
    for (tool, args) in READERS {
        for streams in ALL {
            let output = demand(if streams.loses_result() { 74 } else { 0 }, tool, args, streams, &sandbox);
            if streams.loses_result() && streams.stderr == Sound {
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                assert!(said.contains("cannot write the result to stdout"), "{tool} {args:?}: {said}");
            }
        }
    }
    assert_eq!(sandbox.read("prod/journal.ndjson"), before, "what only reads records nothing");
}

#[test]
fn a_failure_keeps_its_code() {
    let sandbox = environment();
    for (tool, args, code) in FAILURES {
        for streams in ALL {
            demand(code, tool, args, streams, &sandbox);
        }
    }
    assert_eq!(sandbox.live(), release_of(2));
    sandbox.journal();
}

/// A command that changes something, and whether it did so wholly.
struct Change {
    tool: &'static str,
    args: &'static [&'static str],
    whole: fn(&Sandbox) -> bool,
}

const CHANGES: [Change; 13] = [
    Change { tool: "backup-db", args: &[], whole: |sandbox| backups(sandbox) == 2 },
    Change { tool: "backup-db", args: &["--json"], whole: |sandbox| backups(sandbox) == 2 },
    Change { tool: "restore-db", args: &["--yes", "latest"], whole: |sandbox| told(sandbox, "restore") },
    Change { tool: "release", args: &["activate", "1-0000001"], whole: |sandbox| sandbox.live() == release_of(1) },
    Change { tool: "release", args: &["--json", "deactivate"], whole: |sandbox| sandbox.live().is_empty() },
    Change { tool: "release", args: &["prune", "--keep", "1"], whole: |sandbox| told(sandbox, "prune") },
    Change { tool: "rollback", args: &["--last"], whole: |sandbox| sandbox.live() == release_of(1) },
    Change { tool: "run-step", args: &["--json", "test", "--", "true"], whole: |sandbox| told(sandbox, "test") },
    Change { tool: "smoke-test", args: &["checks.toml"], whole: |sandbox| told(sandbox, "check") },
    Change { tool: "deploy-queue", args: &["hold", "a look"], whole: |sandbox| told(sandbox, "hold") },
    Change { tool: "deploy-queue", args: &["unhold"], whole: |sandbox| told(sandbox, "unhold") },
    Change { tool: "deploy-queue", args: &["--json", "cancel", "7"], whole: |sandbox| told(sandbox, "cancel") },
    Change { tool: "deploy-queue", args: &["--json", "run"], whole: |sandbox| sandbox.is_idle() },
];

fn backups(sandbox: &Sandbox) -> usize {
    let listed = std::fs::read_dir(sandbox.root().join("backups")).expect("there are backups");
    listed.flatten().filter(|entry| !entry.file_name().to_string_lossy().starts_with('.')).count()
}

/// Whether the last record is that of a success of this command.
fn told(sandbox: &Sandbox, command: &str) -> bool {
    sandbox.journal().last().is_some_and(|last| last["command"] == command && last["success"] == true)
}

/// What a command needs to find, beyond the environment.
fn prepare(sandbox: &Sandbox, args: &[&str]) {
    if args.contains(&"unhold") || args.contains(&"cancel") {
        sandbox.tool("deploy-queue").args(["hold", "a look"]).any_stdout().check();
    }
    if args.contains(&"cancel") {
        sandbox.write("prod/state/queue/7.json", entry(7, &"a".repeat(40)));
    }
}

/// Fewer than all, for each needs an environment of its own.
const TELLING: [Streams; 5] = [
    streams(Sound, Full, Sound),
    streams(Sound, Broken, Sound),
    streams(Sound, Sound, Closed),
    streams(Sound, Broken, Broken),
    streams(Closed, Closed, Closed),
];

#[test]
fn a_change_is_whole_and_keeps_its_code_whatever_becomes_of_its_result() {
    for Change { tool, args, whole } in CHANGES {
        for streams in TELLING {
            let sandbox = environment();
            prepare(&sandbox, args);
            let output = demand(0, tool, args, streams, &sandbox);
            assert!(whole(&sandbox), "{tool} {args:?} with {streams}: {:?}", sandbox.journal().last());
            if streams.loses_result() && streams.stderr == Sound && args.contains(&"--json") {
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                assert!(said.contains("cannot write the result to stdout"), "{tool} {args:?}: {said}");
            }
        }
    }
}

#[test]
fn a_repository_is_set_up_whatever_becomes_of_the_result() {
    for streams in ALL {
        let sandbox = Sandbox::new();
        let repository = sandbox.repository();
        let bare = repository.bare.to_string_lossy().into_owned();
        let map = format!("--map=main={}", sandbox.env_file().display());
        let mut command = sandbox.program(&tool_path("post-receive")).args(["install", &bare, &map]).into_command();
        command.env_remove("PUSHBACK_ENV");
        let output = streams.run(&command);
        assert_eq!(output.status.code(), Some(0), "{streams}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(repository.bare.join("hooks/post-receive").exists(), "{streams}");
        let mapped = repository.git(&["--git-dir", &bare, "config", "pushback.refs/heads/main.env"]);
        assert_eq!(Path::new(&mapped), sandbox.env_file());
    }
}

/// What the app's own commands and the tests say: it belongs into their logs and nowhere else.
const WORDS: &str = "the command's own words";

#[test]
fn a_deployment_without_streams_puts_nothing_where_it_does_not_belong() {
    for streams in [
        streams(Closed, Closed, Closed),
        streams(Sound, Closed, Sound),
        streams(Sound, Full, Full),
        streams(Sound, Broken, Broken),
    ] {
        let server = Server::new();
        server.deploy("ok");
        server.sandbox.set("TEST_COMMAND", &format!("echo \"{WORDS}\"; echo \"{WORDS}\" >&2; test -e health"));
        let commit = submitted_without_a_runner(&server, "ok 2");
        let output = streams.run(&server.tool("deploy-queue").args(["run", "--json"]).into_command());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{streams}: {said}");
        assert_eq!(server.ends(), [0, 0], "{streams}");
        assert_eq!((server.live(), server.running()), (commit.clone(), commit), "{streams}");
        assert_eq!(server.sandbox.read("prod/current/health"), "ok 2");
        assert_eq!(server.sandbox.read("prod/logs/prod-2-test.log"), format!("{WORDS}\n{WORDS}\n"), "{streams}");
        let log = server.sandbox.read("prod/logs/prod-2.log");
        assert!(!log.contains(WORDS) && !log.contains("{\"v\""), "{streams}: {log}");
        assert!(log.ends_with("prod-2: exit 0: live and verified\n"), "{streams}: {log}");
        // The backup that was made on the way holds the database and nothing else.
        server.tool("restore-db").args(["--yes", "latest"]).any_stdout().any_stderr().check();
    }
}

/// A submission that waits, and no runner that was started for it with streams of its own.
fn submitted_without_a_runner(server: &Server, health: &str) -> String {
    server.repository.write("health", health);
    let commit = server.repository.commit(health);
    server.repository.git(&["push", "--quiet", "origin", "HEAD:refs/heads/unmapped"]);
    server.sandbox.write("prod/state/queue/2.json", entry(2, &commit));
    commit
}

fn entry(number: u64, commit: &str) -> String {
    serde_json::json!({"v": 1, "number": number, "commit": commit, "ref": null, "by": "ada", "door": "operator",
        "force": false, "submitted_at": "2026-11-21T10:15:00.000Z"})
    .to_string()
}
