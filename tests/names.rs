//! A name that somebody else chose is never an option, a path out of its place, a line of its own, or a program: every
//! argument and every record that holds one is tried with hundreds of them, and recorders tell where each one stood.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Output, Stdio};
use std::thread;

use serde_json::json;
use server::evil::{PLAIN, is_in_its_slot, names, steers};
use server::trace;
use testkit::{Repository, Sandbox, commit_of, release_of};

/// Programs that the tools run, each of which tells its arguments before it does its work.
const RECORDED: [&str; 3] = ["git", "tar", "sh"];

/// The exit codes of the contract, but for 101 and the signals.
const CODES: [i32; 12] = [0, 1, 2, 65, 66, 69, 73, 74, 75, 77, 78, 124];

/// Where a foreign name stands: `@` in an argument, or in a variable before the tool. `{root}` is DEPLOY_ROOT.
const SLOTS: [&str; 39] = [
    "deploy-queue -e @ list",
    "deploy-queue submit -- @",
    "deploy-queue submit --ref=@ main",
    "deploy-queue submit --by=@ main",
    "deploy-queue submit --door=@ main",
    "deploy-queue log -- @",
    "deploy-queue log --last=@",
    "rollback --deploy=@",
    "deployment-report -- @",
    "deployment-report --journal=@",
    "deployment-report --format=@",
    "PUSHBACK_DEPLOY=@ deployment-report",
    "PUSHBACK_DEPLOY=prod-9 release stage -- @",
    "PUSHBACK_DEPLOY=@ release stage main",
    "release activate -- @",
    "release activate --timeout=@ 1-0000001",
    "release current --is=@",
    "release prune --dry-run --keep=@",
    "PUSHBACK_DEPLOY=@ release activate",
    "DEPLOY_ENV=@ release list",
    "SHARED_PATHS=@ release activate 2-0000002",
    "DATABASE_URL=sqlite://{root}/db restore-db --yes -- @",
    "DATABASE_URL=sqlite://{root}/db backup-db --label=@",
    "restore-db --yes --backup-dir=@ latest",
    "DATABASE_URL=@ backup-db",
    "DATABASE_URL_FILE=@ backup-db",
    "APP_ENV_FILE=@ release activate 2-0000002",
    "backup-db --backup-dir=@",
    "smoke-test -- @",
    "smoke-test --setting=@",
    "smoke-test --setting=SMOKE_CHECKS --release=@",
    "smoke-test --expect-commit=@ http://127.0.0.1:9",
    "SMOKE_CHECKS=@ smoke-test --dry-run --setting=SMOKE_CHECKS",
    "PUSHBACK_STEP=@ release list",
    "run-step -- @ true",
    "run-step x --setting=@",
    "post-receive install @ --map=main=prod/deploy.env",
    "post-receive install repo.git --map=@=prod/deploy.env",
    "post-receive install repo.git --map=main=@",
];

/// An environment with a past, in which nothing runs in the background: the runner's lock is taken.
struct World {
    sandbox: Sandbox,
    repository: Repository,
    _runner: fs::File,
}

impl World {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let repository = sandbox.repository();
        repository.push("one");
        for number in [1, 2] {
            sandbox.deployed(number, Some(0));
        }
        let database = sandbox.root().join("db");
        sandbox.program("/usr/bin/sqlite3".as_ref()).arg(database).arg("create table t (x)").check();
        let log = sandbox.path("record").display().to_string();
        for program in RECORDED {
            // One write each, so that programs that run at once do not mix; what precedes ends with an empty word.
            let tell = format!("printf '%s\\0' {program} \"$@\" '' >> '{log}'");
            sandbox.fake(program, &format!("#!/bin/sh\n{tell}\nexec /usr/bin/{program} \"$@\"\n"));
        }
        let path = sandbox.write("prod/state/runner", "the test");
        let runner = fs::File::options().read(true).write(true).open(path).unwrap();
        runner.lock().unwrap();
        Self { sandbox, repository, _runner: runner }
    }

    /// The command line of a slot with this name in it.
    fn command(&self, slot: &str, name: &OsStr) -> Command {
        let root = self.sandbox.root().display().to_string();
        let filled = |word: &str| {
            let word = word.replace("{root}", &root);
            let parts: Vec<&OsStr> = word.split('@').map(OsStr::new).collect();
            parts.join(name)
        };
        let is_variable = |word: &&str| word.starts_with(|c: char| c.is_ascii_uppercase());
        let (variables, words): (Vec<&str>, Vec<&str>) = slot.split(' ').partition(is_variable);
        let (tool, args) = words.split_first().expect("a slot names its tool");
        let mut run = self.sandbox.tool(tool).args(args.iter().map(|word| filled(word)));
        for (variable, value) in variables.iter().filter_map(|variable| variable.split_once('=')) {
            run = run.env(variable, filled(value));
        }
        if *tool == "post-receive" {
            run = run.env_remove("PUSHBACK_ENV");
        }
        let mut command = run.into_command();
        command.stdin(Stdio::null());
        command
    }

    /// What the recorders were told since the last time.
    fn recorded(&self) -> Vec<Vec<Vec<u8>>> {
        let path = self.sandbox.path("record");
        let bytes = fs::read(&path).unwrap_or_default();
        drop(fs::remove_file(path));
        let starts = |word: &[u8]| RECORDED.iter().any(|program| word == program.as_bytes());
        let mut calls: Vec<Vec<Vec<u8>>> = Vec::new();
        let mut before: &[u8] = b"";
        for word in bytes.split(|byte| *byte == 0) {
            match calls.last_mut() {
                Some(call) if !(before.is_empty() && starts(word)) => call.push(word.to_vec()),
                _ => calls.push(vec![word.to_vec()]),
            }
            before = word;
        }
        calls
    }

    fn nothing_was_made(&self) {
        let repository = [&self.repository.bare, &self.repository.clone];
        for dir in [self.sandbox.path(""), self.sandbox.root()].iter().chain(repository) {
            assert!(!dir.join("x").exists(), "{} was made", dir.join("x").display());
        }
    }
}

fn judge(slot: &str, name: &OsStr, output: &Output) {
    let said = || format!("{slot} with {name:?}: {output:?}");
    assert!(output.status.code().is_some_and(|code| CODES.contains(&code)), "{}", said());
    assert!(!steers(&output.stdout) && !steers(&output.stderr), "{}", said());
    let failed = output.status.code().is_some_and(|code| code > 1);
    assert!(!failed || !output.stderr.is_empty(), "no sentence: {}", said());
}

fn in_place(name: &OsStr, world: &World) {
    for args in world.recorded() {
        let spelt: Vec<_> = args.iter().map(|arg| String::from_utf8_lossy(arg)).collect();
        assert!(is_in_its_slot(&args, name), "{name:?} in {spelt:?}");
        assert!(args.first().is_none_or(|program| program != b"sh"), "a shell was run: {spelt:?}");
    }
}

/// Deals the names out to threads, each with a world of its own.
fn with_each_name(work: impl Fn(&World, &OsStr, usize) + Sync) {
    let names: Vec<OsString> = names();
    assert!(names.len() > 500, "{}", names.len());
    thread::scope(|scope| {
        for first in 0..4 {
            let (names, work) = (&names, &work);
            scope.spawn(move || {
                let world = World::new();
                for (index, name) in names.iter().enumerate().skip(first).step_by(4) {
                    work(&world, name, index);
                }
                world.nothing_was_made();
            });
        }
    });
}

#[test]
fn a_foreign_name_is_only_a_name_in_every_argument_of_every_tool() {
    with_each_name(|world, name, index| {
        // Every root in every slot; of what is made of them each slot gets its share, and all of them together all.
        let share = |(place, _): &(usize, &&str)| index < PLAIN || (index / 4 + place) % 8 == 0;
        for (_, slot) in SLOTS.iter().enumerate().filter(share) {
            judge(slot, name, &world.command(slot, name).output().unwrap());
        }
        in_place(name, world);
    });
}

#[test]
fn no_shell_is_started_for_a_foreign_name_as_the_system_sees_it() {
    let world = World::new();
    for program in RECORDED {
        fs::remove_file(world.sandbox.path("bin").join(program)).unwrap();
    }
    for name in ["$(touch x)", "a;touch x", "'; touch x; '"] {
        for slot in SLOTS.iter().filter(|slot| !slot.starts_with("run-step")) {
            let dir = world.sandbox.path("trace");
            trace::traced(&world.command(slot, name.as_ref()), &dir).output().unwrap();
            let execs = trace::read(&dir).execs;
            let is_shell = |program: &[u8]| program.ends_with(b"/sh") || program == b"sh";
            let shells: Vec<_> =
                execs.iter().filter(|exec| exec.args.first().is_some_and(|arg| is_shell(arg))).collect();
            assert!(shells.is_empty(), "{slot}: {shells:?}");
            fs::remove_dir_all(dir).unwrap();
        }
    }
    world.nothing_was_made();
}

#[test]
fn a_foreign_name_in_a_pushed_line_is_only_a_name() {
    with_each_name(|world, name, _| {
        let commit = world.repository.git(&["rev-parse", "HEAD"]);
        let line = [format!("{} {commit} refs/heads/", "0".repeat(40)).as_bytes(), name.as_bytes(), b"\n"].concat();
        let pushed = fs::File::open(world.sandbox.write("pushed", line)).unwrap();
        let hook = world.sandbox.tool("post-receive").env_remove("PUSHBACK_ENV").dir(&world.repository.bare);
        judge("post-receive", name, &hook.into_command().stdin(pushed).output().unwrap());
        in_place(name, world);
    });
}

#[test]
fn foreign_names_in_every_field_of_the_journal_and_of_the_queue_steer_nothing() {
    let world = World::new();
    for name in names() {
        let name = name.to_string_lossy();
        let record = |tool: &str, command: &str, deploy: &str| {
            json!({"tool": tool, "command": command, "env": name, "deploy": deploy, "step": name, "release": name,
                   "commit": name, "success": false, "exit_code": 1,
                   "details": {"previous": name, "ref": name, "by": name, "author": name, "subject": name, "entry": 7,
                               "plan": name, "path": name, "note": name, "by_entry": name, "from": name, "to": name},
                   "error": {"kind": name, "message": name, "hint": name}})
        };
        world.sandbox.history(&[
            record("deploy-queue", "begin", "prod-3"),
            record(&name, &name, "prod-3"),
            record("release", "stage", "prod-3"),
            record("deploy-queue", "supersede", &name),
            record("deploy-queue", "refuse", &name),
            record("deploy-queue", "end", "prod-3"),
        ]);
    }
    for (number, name) in (1_u64..).zip(names()) {
        let name = name.to_string_lossy();
        let entry = json!({"v": 1, "number": number, "commit": name, "ref": name, "by": name, "door": name,
                           "force": false, "submitted_at": "2026-11-21T10:15:00.000Z"});
        world.sandbox.write(&format!("prod/state/queue/{number}.json"), entry.to_string());
    }
    let commit = commit_of(2);
    for (tool, args) in [
        ("deploy-queue", &["log", "--last", "10000"][..]),
        ("deploy-queue", &["list"]),
        ("deployment-report", &["prod-3"]),
        ("deployment-report", &["prod-3", "--format", "json"]),
        ("deployment-report", &["--json"]),
        ("release", &["list"]),
        ("release", &["current", "--is", &commit]),
        ("release", &["prune", "--dry-run"]),
        ("rollback", &["--guard"]),
        ("rollback", &["--last"]),
    ] {
        let output = world.sandbox.tool(tool).args(args).into_command().output().unwrap();
        judge(tool, args.join(" ").as_ref(), &output);
    }
    assert_eq!(world.sandbox.live(), release_of(1));
    world.nothing_was_made();
}
