//! On a terminal there are five seconds to say no.

use std::fs;
use std::process::{Child, Stdio};

use testkit::{Sandbox, Terminal, kill};

use crate::server::{DATABASE, backup, fill, live, server};

/// A restore whose stdin and stderr are a terminal, and that terminal.
fn on_a_terminal(sandbox: &Sandbox) -> (Child, Terminal) {
    let terminal = Terminal::new(80);
    let mut command = sandbox.tool("restore-db").arg("latest").into_command();
    let child = command.stdin(terminal.stream()).stderr(terminal.stream()).stdout(Stdio::piped()).spawn();
    (child.unwrap(), terminal)
}

#[test]
fn a_person_sees_what_will_be_replaced_and_stops_it() {
    let sandbox = server("CREATE TABLE t(x); INSERT INTO t VALUES (1)");
    backup(&sandbox);
    fill(&sandbox.path(DATABASE), "UPDATE t SET x = 2");
    let before = fs::read(sandbox.path(DATABASE)).unwrap();
    let (mut child, mut terminal) = on_a_terminal(&sandbox);
    let said = terminal.read_until("in 4 s; Ctrl-C stops it");
    assert!(said.contains("replacing ") && said.contains("1 row"), "{said}");
    kill("INT", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(fs::read(sandbox.path(DATABASE)).unwrap() == before);
}

#[test]
fn silence_is_consent() {
    let sandbox = server("CREATE TABLE t(x); INSERT INTO t VALUES (1)");
    backup(&sandbox);
    fill(&sandbox.path(DATABASE), "UPDATE t SET x = 2");
    let (child, mut terminal) = on_a_terminal(&sandbox);
    terminal.read_until("in 1 s; Ctrl-C stops it");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim_end(), sandbox.path(DATABASE).to_str().unwrap());
    assert_eq!(live(&sandbox, "SELECT x FROM t"), "1");
}
