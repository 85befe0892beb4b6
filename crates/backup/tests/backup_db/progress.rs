//! Who looks at a terminal sees how far it is, and finds nothing of that there afterwards.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Stdio};

use testkit::{Database, Mariadb, Postgres, Run, Sandbox, Terminal, kill, screen, tool_path, wait_until};

use crate::server::{DATABASE, backup, megabytes, server, sets};

/// An environment with a database that is dumped slowly: there is a little more of it as long as the file `hold` is there.
fn slow() -> Sandbox {
    let database = Mariadb::shared().fresh();
    database.sql_as_app("CREATE TABLE t (x int)");
    let sandbox = environment(&database);
    let dumper = Mariadb::program("mariadb-dump");
    hold(&sandbox);
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *--hex-blob*) while [ -e {} ]; do printf -- '-- %0500d\\n' 0; sleep 0.02; done;; esac\n\
         exec {} \"$@\"\n",
        sandbox.path("hold").display(),
        dumper.display()
    );
    sandbox.fake("mariadb-dump", &script);
    sandbox
}

fn environment(database: &Database) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.set("DATABASE_URL", &database.url());
    sandbox
}

fn hold(sandbox: &Sandbox) {
    sandbox.write("hold", "");
}

fn release(sandbox: &Sandbox) {
    fs::remove_file(sandbox.path("hold")).unwrap();
}

fn on(terminal: &Terminal, run: Run) -> Child {
    run.into_command().stdin(Stdio::null()).stdout(Stdio::null()).stderr(terminal.stream()).spawn().unwrap()
}

/// backup-db, with a disk on which each reading of this file takes so many microseconds longer.
fn slow_disk(sandbox: &Sandbox, file: &Path, call: &str, delay: u32) -> Run {
    let run = sandbox.program("strace".as_ref()).args(["-f", "-qq", "-o", "/dev/null", "-P"]).arg(file);
    let run = run.args(["-e", &format!("trace={call}"), "-e", &format!("inject={call}:delay_enter={delay}")]);
    run.arg(tool_path("backup-db")).env("PUSHBACK_ENV", sandbox.env_file())
}

#[test]
fn a_backup_says_how_far_it_is_and_leaves_no_trace_of_that() {
    let sandbox = slow();
    let mut terminal = Terminal::new(100);
    let mut first = on(&terminal, sandbox.tool("backup-db"));
    let said = terminal.read_until("B/s");
    assert!(said.starts_with("\r\x1b[Kbackup-db: packed ") && !said.contains('%'), "{said:?}");
    release(&sandbox);
    assert!(first.wait().unwrap().success());
    assert_eq!(screen(&terminal.read_to_end()), "");
    // What is expected then is what this one has; there will be more of it, and yet it is not done.
    hold(&sandbox);
    let mut narrow = Terminal::new(60);
    let mut second = on(&narrow, sandbox.tool("backup-db"));
    let said = narrow.read_until("(99 %)");
    let lines: Vec<&str> = said.split("\r\x1b[K").skip(1).collect();
    let is_one = |line: &&str| line.starts_with("backup-db: packed ") && line.contains(" of about ") && line.len() < 60;
    assert!(lines.iter().all(is_one), "{said:?}");
    kill("INT", second.id());
    assert_eq!(second.wait().unwrap().code(), Some(130));
    let left = screen(&narrow.read_to_end());
    assert!(left.starts_with("backup-db: ") && left.ends_with("interrupted by signal 2\n"), "{left:?}");
}

/// A shell in a session of its own, on its own terminal, in which `$B` is backup-db; with jobs as a person has them.
fn session(sandbox: &Sandbox, terminal: &Terminal, script: &str) -> Child {
    let run = sandbox.program("setsid".as_ref()).args(["--ctty", "sh", "-mc", script]);
    let run = run.env("B", tool_path("backup-db")).env("PUSHBACK_ENV", sandbox.env_file());
    let mut command = run.into_command();
    command.stdin(terminal.stream()).stdout(Stdio::null()).stderr(terminal.stream()).spawn().unwrap()
}

#[test]
fn a_file_the_background_and_who_wants_silence_or_json_get_no_line() {
    let sandbox = slow();
    let [mut quiet, mut json, mut behind, mut seen] = [0; 4].map(|_| Terminal::new(100));
    let log = File::create(sandbox.path("log")).unwrap();
    let all = [
        sandbox.tool("backup-db").into_command().stdout(Stdio::null()).stderr(log).spawn().unwrap(),
        on(&quiet, sandbox.tool("backup-db").arg("-q")),
        on(&json, sandbox.tool("backup-db").arg("--json")),
        session(&sandbox, &behind, "\"$B\" & wait"),
        session(&sandbox, &seen, "\"$B\""),
    ];
    // By the time that one has rewritten its line, the others would have said something.
    seen.read_until("B/s\r\x1b[Kbackup-db: packed");
    release(&sandbox);
    for mut child in all {
        assert!(child.wait().unwrap().success());
    }
    for (who, said) in [("-q", quiet.read_to_end()), ("--json", json.read_to_end()), ("&", behind.read_to_end())] {
        assert_eq!(said, "", "{who}");
    }
    assert_eq!((sandbox.read("log").as_str(), screen(&seen.read_to_end()).as_str()), ("", ""));
    assert_eq!(sets(&sandbox).len(), 5);
}

#[test]
fn a_directory_is_measured_by_what_lies_on_the_disk() {
    let database = Postgres::shared().fresh();
    database.sql_as_app("CREATE TABLE t (x int)");
    let sandbox = environment(&database);
    let here = format!("datname = '{}' AND pid <> pg_backend_pid()", database.name());
    std::thread::scope(|scope| {
        // No dump begins while somebody holds this.
        let holder =
            scope.spawn(|| database.try_sql_as_app("BEGIN; LOCK TABLE t; SELECT 'hold', pg_sleep(600); COMMIT"));
        let held = format!("FROM pg_stat_activity WHERE query LIKE '%''hold''%' AND {here}");
        wait_until("somebody holds the lock", || !database.sql(&format!("SELECT pid {held}")).is_empty());
        let mut terminal = Terminal::new(100);
        let mut child = on(&terminal, sandbox.tool("backup-db").args(["--format", "directory"]));
        terminal.read_until("\r\x1b[Kbackup-db: dumped ");
        database.sql(&format!("SELECT pg_terminate_backend(pid) {held}"));
        assert!(holder.join().unwrap().is_err());
        assert!(child.wait().unwrap().success());
        assert_eq!(screen(&terminal.read_to_end()), "");
    });
}

#[test]
fn a_verification_says_how_much_of_the_backup_is_read() {
    let sandbox = server(&megabytes(1));
    sandbox.set("BACKUP_COMPRESS", "none");
    let set = backup(&sandbox);
    let mut terminal = Terminal::new(100);
    let run = slow_disk(&sandbox, &set.join("database.sqlite"), "read", 250_000).arg("verify");
    let mut child = on(&terminal, run);
    let said = terminal.read_until("B/s");
    let lines: Vec<&str> = said.split("\r\x1b[K").skip(1).collect();
    let is_one = |line: &&str| line.starts_with("backup-db: read ") && line.contains(" of about ");
    assert!(lines.iter().all(is_one), "{said:?}");
    assert!(child.wait().unwrap().success());
    assert_eq!(screen(&terminal.read_to_end()), "");
}

#[test]
fn a_copy_of_a_sqlite_database_says_how_far_it_is() {
    let sandbox = server(&megabytes(5));
    let mut terminal = Terminal::new(100);
    // The first thousand pages take a second.
    let run = slow_disk(&sandbox, &sandbox.path(DATABASE), "pread64", 1_000);
    let mut child = on(&terminal, run);
    let said = terminal.read_until("B/s");
    assert!(said.starts_with("\r\x1b[Kbackup-db: copied 4.0 MiB, "), "{said:?}");
    assert!(child.wait().unwrap().success());
    assert_eq!(screen(&terminal.read_to_end()), "");
}

#[test]
fn a_dump_is_nothing_for_a_terminal() {
    let sandbox = server("CREATE TABLE t(x)");
    let terminal = Terminal::new(80);
    let mut command = sandbox.tool("backup-db").args(["--output", "-"]).into_command();
    let ran = command.stdin(Stdio::null()).stdout(terminal.stream()).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(ran.status.code() == Some(2) && said.contains("nothing for a terminal to show"), "{said}");
}
