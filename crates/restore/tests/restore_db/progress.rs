//! Who looks at a terminal sees how far it is, and finds nothing of that there afterwards.

use std::fs;
use std::io::Write;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use testkit::{Run, Terminal, screen};

use crate::server::{DATABASE, fill, live, megabytes, restore, server};

/// What a restore reads before it knows what it is, and a little more.
const START: usize = 300 * 1024;

/// Writes the start, then a little at a time for as long as `slowly` says, and then all of it.
fn feed(content: &[u8], mut to: ChildStdin, slowly: &AtomicBool) {
    let (start, rest) = content.split_at(START);
    to.write_all(start).unwrap();
    for chunk in rest.chunks(64) {
        to.write_all(chunk).unwrap();
        if slowly.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn spawn(run: Run, terminal: &Terminal) -> Child {
    run.into_command().stdin(Stdio::piped()).stdout(Stdio::null()).stderr(terminal.stream()).spawn().unwrap()
}

#[test]
fn a_restore_says_how_far_it_is_and_leaves_no_trace_of_that() {
    let sandbox = server(&megabytes(1, "new"));
    let content = fs::read(sandbox.path(DATABASE)).unwrap();
    fill(&sandbox.path(DATABASE), "UPDATE big SET word = 'old'");
    let mut terminal = Terminal::new(100);
    let mut child = spawn(restore(&sandbox, "-").arg("--unverified"), &terminal);
    let stdin = child.stdin.take().unwrap();
    let slowly = AtomicBool::new(true);
    thread::scope(|scope| {
        scope.spawn(|| feed(&content, stdin, &slowly));
        let said = terminal.read_until("B/s");
        assert!(said.starts_with("\r\x1b[Krestore-db: unpacked ") && !said.contains('%'), "{said:?}");
        slowly.store(false, Ordering::SeqCst);
    });
    assert!(child.wait().unwrap().success());
    let left = screen(&terminal.read_to_end());
    assert!(left.starts_with("restore-db: replacing ") && !left.contains("unpacked"), "{left:?}");
    assert_eq!(live(&sandbox, "SELECT word FROM big"), "new");
}
