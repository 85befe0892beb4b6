//! Who looks at a terminal sees how many checks are made, and finds nothing of that there afterwards.

use std::fs;
use std::process::Stdio;

use testkit::{Sandbox, Terminal, screen};

use crate::{DISK, smoke};

#[test]
fn how_many_checks_are_made_is_seen_while_one_takes_its_time() {
    let sandbox = Sandbox::new();
    let hold = sandbox.write("hold", "");
    sandbox.fake("waits", &format!("#!/bin/sh\nwhile [ -e {} ]; do sleep 0.02; done\n", hold.display()));
    let waits = "[[check]]\nname = 'waits'\nkind = 'command'\nrun = ['waits']\nexpect = 'exit == 0'\ntimeout = '1m'\n";
    let mut terminal = Terminal::new(100);
    let mut command = smoke(&sandbox, &format!("{DISK}{waits}")).into_command();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(terminal.stream()).spawn().unwrap();
    // It holds the terminal open.
    drop(command);
    let said = terminal.read_until(" of 2, ");
    assert!(said.contains("\r\x1b[Ksmoke-test: made 1 of 2, "), "{said:?}");
    fs::remove_file(hold).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(screen(&terminal.read_to_end()).trim(), "");
}
