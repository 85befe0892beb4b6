//! On a terminal there are five seconds to say no.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use testkit::Sandbox;

use crate::server::{DATABASE, backup, fill, live, server};

/// A restore whose stdin and stderr are a terminal, and the other end of that terminal.
fn on_a_terminal(sandbox: &Sandbox) -> (Child, File) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let terminal = || OpenOptions::new().read(true).write(true).open(&name).unwrap();
    let mut command = sandbox.tool("restore-db").arg("latest").into_command();
    let child = command.stdin(terminal()).stderr(terminal()).stdout(Stdio::piped()).spawn();
    (child.unwrap(), File::from(master))
}

/// Reads what is said until it holds `text`.
fn read_until(terminal: &mut File, text: &str) -> String {
    let mut said = Vec::new();
    let mut byte = [0];
    while !String::from_utf8_lossy(&said).contains(text) {
        assert_eq!(terminal.read(&mut byte).unwrap(), 1);
        said.extend(byte);
    }
    String::from_utf8(said).unwrap()
}

#[test]
fn a_person_sees_what_will_be_replaced_and_stops_it() {
    let sandbox = server("CREATE TABLE t(x); INSERT INTO t VALUES (1)");
    backup(&sandbox);
    fill(&sandbox.path(DATABASE), "UPDATE t SET x = 2");
    let before = fs::read(sandbox.path(DATABASE)).unwrap();
    let (mut child, mut terminal) = on_a_terminal(&sandbox);
    let said = read_until(&mut terminal, "in 4 s; Ctrl-C stops it");
    assert!(said.contains("replacing ") && said.contains("1 row"), "{said}");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(fs::read(sandbox.path(DATABASE)).unwrap() == before);
}

#[test]
fn silence_is_consent() {
    let sandbox = server("CREATE TABLE t(x); INSERT INTO t VALUES (1)");
    backup(&sandbox);
    fill(&sandbox.path(DATABASE), "UPDATE t SET x = 2");
    let (child, mut terminal) = on_a_terminal(&sandbox);
    read_until(&mut terminal, "in 1 s; Ctrl-C stops it");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim_end(), sandbox.path(DATABASE).to_str().unwrap());
    assert_eq!(live(&sandbox, "SELECT x FROM t"), "1");
}
