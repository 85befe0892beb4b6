//! Checks of processes, against real ones.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};
use testkit::{Sandbox, is_alive, tool_path, wait_until};

use crate::{fails, once, passes, pipe, refuses, smoke};

/// A process of this test's own, gone with it.
struct Sleeper(Child);

impl Sleeper {
    /// One whose program has this name, which nobody else's has.
    fn new(sandbox: &Sandbox, name: &str, seconds: &str) -> Self {
        let program = sandbox.path("bin").join(name);
        if !program.exists() {
            symlink("/bin/sleep", &program).unwrap();
        }
        let child = sandbox.program(&program).arg(seconds).spawn();
        // Until it has become another program, it is a copy of this one.
        let line = Path::new("/proc").join(child.id().to_string()).join("cmdline");
        wait_until("it sleeps", || fs::read_to_string(&line).is_ok_and(|line| line.contains(seconds)));
        Self(child)
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn command(command: &str, expect: &str) -> String {
    once("process", &format!("command = '{command}'"), expect)
}

fn pid_file(expect: &str) -> String {
    once("process", "pid_file = 'app.pid'", expect)
}

#[test]
fn a_process_is_found_by_the_name_of_its_program_and_by_its_whole_command_line() {
    let sandbox = Sandbox::new();
    let name = format!("napper-{}-a", std::process::id());
    fails(&sandbox, &command(&name, "'running'"), &format!("no process `{name}` runs, expected running\n"));
    passes(&sandbox, &command(&name, "'missing'"), &format!("no process `{name}` runs\n"));
    passes(&sandbox, &command(&name, "'count == 0'"), &format!("no process `{name}` runs\n"));
    let sleeper = Sleeper::new(&sandbox, &name, "4711");
    let runs = format!("process {} runs for ", sleeper.pid());
    passes(&sandbox, &command(&name, "['running', 'count == 1', 'uptime < 5m']"), &runs);
    let line = format!("{} 4711", sandbox.path("bin").join(&name).display());
    passes(&sandbox, &command(&line, "'running'"), &runs);
    fails(&sandbox, &command(&name, "'missing'"), &runs);
    fails(&sandbox, &command(&name, "'uptime > 10h'"), &runs);
    for part in [format!("{name} 4711"), "4711".to_owned(), name[..name.len() - 1].to_owned()] {
        fails(&sandbox, &command(&part, "'running'"), &format!("no process `{part}` runs, expected running\n"));
    }
}

#[test]
fn several_are_counted_and_the_youngest_decides_how_long_they_run() {
    let sandbox = Sandbox::new();
    let name = format!("napper-{}-b", std::process::id());
    let (_one, _two) = (Sleeper::new(&sandbox, &name, "4711"), Sleeper::new(&sandbox, &name, "4712"));
    passes(&sandbox, &command(&name, "['running', 'count == 2']"), "2 processes run, the youngest for ");
    fails(&sandbox, &command(&name, "'count > 2'"), "2 processes run, the youngest for ");
    fails(&sandbox, &command(&name, "'uptime > 10h'"), "2 processes run, the youngest for ");
}

#[test]
fn one_that_has_ended_does_not_run_though_nobody_has_waited_for_it() {
    let sandbox = Sandbox::new();
    let name = format!("napper-{}-c", std::process::id());
    let sleeper = Sleeper::new(&sandbox, &name, "4711");
    sandbox.write("app.pid", format!("{}\n", sleeper.pid()));
    kill_process(Pid::from_child(&sleeper.0), Signal::KILL).unwrap();
    wait_until("it has ended", || !is_alive(&sleeper.pid().to_string()));
    fails(&sandbox, &command(&name, "'running'"), &format!("no process `{name}` runs"));
    let stale = format!("names process {}, which does not run", sleeper.pid());
    fails(&sandbox, &pid_file("'running'"), &format!("{} {stale}", sandbox.path("app.pid").display()));
    passes(&sandbox, &pid_file("'missing'"), &format!("{} {stale}", sandbox.path("app.pid").display()));
}

#[test]
fn what_the_run_itself_starts_is_not_found() {
    let sandbox = Sandbox::new();
    let name = format!("napper-{}-d", std::process::id());
    symlink("/bin/sleep", sandbox.path("bin").join(&name)).unwrap();
    let other = format!(
        "[[check]]\nname = 'other'\nkind = 'command'\nrun = ['{name}', '2']\nattempts = 1\nexpect = 'exit == 0'\n"
    );
    // It sleeps while the other check is asked again and again.
    let looks = command(&name, "'running'").replace("attempts = 1", "attempts = 10\ninterval = '100ms'");
    let run = smoke(&sandbox, &(other + &looks)).code(1).any_stderr();
    run.stdout_has("other  pass  exit 0\n").stdout_has(format!("it     fail  no process `{name}` runs")).check();
    // By a name of its own: other tests run smoke-test too.
    let own = format!("looker-{}", std::process::id());
    symlink(tool_path("smoke-test"), sandbox.path("bin").join(&own)).unwrap();
    let checks = sandbox.write("own.toml", command(&own, "'running'"));
    let run = sandbox.program(&sandbox.path("bin").join(&own)).arg(checks).code(1).any_stderr();
    run.stdout_has(format!("it  fail  no process `{own}` runs")).check();
}

#[test]
fn a_pid_file_names_one_process() {
    let sandbox = Sandbox::new();
    let path = sandbox.path("app.pid").display().to_string();
    fails(&sandbox, &pid_file("'running'"), &format!("there is no file {path}, expected running\n"));
    passes(&sandbox, &pid_file("'missing'"), &format!("there is no file {path}\n"));
    let sleeper = Sleeper::new(&sandbox, "napper", "4711");
    let pid = sleeper.pid();
    for text in [format!("{pid}"), format!("{pid}\n"), format!(" {pid}\n/var/lib/data\n5432\n")] {
        sandbox.write("app.pid", text);
        passes(&sandbox, &pid_file("['running', 'uptime < 5m']"), &format!("process {pid} runs for "));
        fails(&sandbox, &pid_file("'missing'"), &format!("process {pid} runs for "));
        fails(&sandbox, &pid_file("'uptime > 10h'"), &format!("process {pid} runs for "));
    }
}

#[test]
fn a_pid_file_that_holds_something_else_fails_whatever_is_expected() {
    let sandbox = Sandbox::new();
    let says = format!("{} does not begin with the number of a process, but with ", sandbox.path("app.pid").display());
    for (text, found) in [
        ("", "nothing"),
        ("\n", "nothing"),
        ("nginx\n", "`nginx`"),
        ("0", "`0`"),
        ("+1", "`+1`"),
        ("-1", "`-1`"),
        ("99999999999", "`99999999999`"),
        ("12x", "`12x`"),
    ] {
        sandbox.write("app.pid", text);
        fails(&sandbox, &pid_file("'running'"), &format!("{says}{found}\n"));
        fails(&sandbox, &pid_file("'missing'"), &format!("{says}{found}\n"));
    }
    fs::remove_file(sandbox.path("app.pid")).unwrap();
    pipe(&sandbox.path("app.pid"));
    fails(&sandbox, &pid_file("'missing'"), &format!("{} is not a regular file\n", sandbox.path("app.pid").display()));
}

#[test]
fn a_pid_file_that_we_may_not_read_is_an_error_of_ours() {
    let sandbox = Sandbox::new();
    let path = sandbox.write("app.pid", "1\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // Root may read everything.
    let root = fs::read(&path).is_ok();
    let run = smoke(&sandbox, &pid_file("'running'")).any_stderr().code(if root { 0 } else { 74 });
    run.stdout_has(if root { "it  pass  process 1 runs" } else { "it  error  cannot read " }).check();
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let sandbox = Sandbox::new();
    for (lines, expect, sentence) in [
        ("", "'running'", "it has either `command` or `pid_file`"),
        ("command = 'x'\npid_file = 'y'", "'running'", "it has either `command` or `pid_file`"),
        ("command = ' '", "'running'", "`command` is empty"),
        ("pid_file = ''", "'running'", "`pid_file` is empty"),
        ("command = 'x'", "['missing', 'running']", "`missing` contradicts every other expectation"),
        ("pid_file = 'x'", "'count == 1'", "a `pid_file` names one process: `count` belongs to `command`"),
        ("command = 'x'", "'count is 1'", "expected == or != or <= or < or >= or >, found `is 1`"),
        ("command = 'x'", "'uptime == 1s'", "expected <= or < or >= or >, found `== 1s`"),
        ("command = 'x'", "'open'", "expected running, missing, count or uptime (a process check), found `open`"),
    ] {
        refuses(&sandbox, &once("process", lines, expect), sentence);
    }
}
