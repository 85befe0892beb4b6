//! Before and after: only what the change broke speaks against it.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use testkit::Sandbox;

use crate::server::{Server, answer};
use crate::{DISK, FULL, page, smoke};

/// What was found before the change: a disk that has room, one that is full, and a page.
fn recorded(sandbox: &Sandbox, checks: &str) -> PathBuf {
    let file = sandbox.path("before.json");
    smoke(sandbox, checks).arg("--record").arg(&file).code(1).any_stdout().any_stderr().check();
    file
}

#[test]
fn what_failed_before_only_warns_and_what_the_change_broke_fails() {
    let sandbox = Sandbox::new();
    let broken = FULL.replace("'full'", "'disk'");
    let before = recorded(&sandbox, &format!("{DISK}{FULL}"));
    let same = smoke(&sandbox, &format!("{DISK}{FULL}")).arg("--baseline").arg(&before);
    same.stdout_has("disk  pass  ")
        .stdout_has(", expected free > 9000000TB; it failed before too\n")
        .stdout_has("1 warn")
        .check();
    let worse = smoke(&sandbox, &format!("{broken}{FULL}")).arg("--baseline").arg(&before);
    worse
        .code(1)
        .stdout_has("disk  fail  ")
        .stdout_has("full  warn  ")
        .stderr("smoke-test: 1 of 2 checks failed: disk\n")
        .check();
    let new = FULL.replace("'full'", "'new'");
    let new = smoke(&sandbox, &format!("{DISK}{FULL}{new}")).arg("--baseline").arg(&before);
    new.code(1).stdout_has("new   fail  ").any_stderr().check();
    let mended = DISK.replace("name = 'disk'", "name = 'full'");
    let mended = smoke(&sandbox, &mended).arg("--baseline").arg(&before);
    mended.stdout_has("; it failed before\n").check();
}

#[test]
fn a_gate_is_not_excused_and_what_it_skipped_before_neither() {
    let sandbox = Sandbox::new();
    let gate = format!("{FULL}gate = true\n");
    let before = recorded(&sandbox, &format!("{DISK}{gate}"));
    let still = smoke(&sandbox, &format!("{DISK}{gate}")).arg("--baseline").arg(&before);
    still.code(1).stdout_has("full  fail     ").any_stderr().check();
    let broken = FULL.replace("'full'", "'disk'");
    let open = DISK.replace("name = 'disk'", "name = 'full'") + "gate = true\n";
    let after = smoke(&sandbox, &format!("{broken}{open}")).arg("--baseline").arg(&before);
    after.code(1).stdout_has("disk  fail  ").any_stderr().check();
}

#[test]
fn another_kind_of_that_name_is_another_check_and_what_was_excused_can_be_recorded() {
    let sandbox = Sandbox::new();
    let before = recorded(&sandbox, FULL);
    let other = "[[check]]\nname = 'full'\nkind = 'command'\nrun = ['false']\nattempts = 1\nexpect = 'exit == 0'\n";
    smoke(&sandbox, other).arg("--baseline").arg(&before).code(1).stdout_has("full  fail  ").any_stderr().check();
    let again = smoke(&sandbox, FULL).arg("--baseline").arg(&before).arg("--record").arg(&before);
    again.stdout_has("full  warn  ").check();
    smoke(&sandbox, FULL).arg("--baseline").arg(&before).stdout_has("full  warn  ").check();
}

#[test]
fn an_answer_that_takes_much_longer_is_said() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|request| {
        if request.number > 1 {
            thread::sleep(Duration::from_millis(300));
        }
        answer(200, "")
    });
    let checks = page(&server.url("/"), "");
    let before = sandbox.path("before.json");
    smoke(&sandbox, &checks).arg("--record").arg(&before).any_stdout().check();
    // As if the machine had been quick.
    let quick = serde_json::from_str::<serde_json::Value>(&fs::read_to_string(&before).unwrap()).unwrap();
    let latency = quick["details"]["checks"][0]["latency_ms"].as_u64().unwrap();
    assert!(latency < 300, "the first answer does not wait: {latency}");
    let text = fs::read_to_string(&before).unwrap().replace(&format!("\"latency_ms\":{latency}"), "\"latency_ms\":7");
    fs::write(&before, text).unwrap();
    let after = smoke(&sandbox, &checks).arg("--baseline").arg(&before);
    let ran = after.stdout_has("; it took 3").stdout_has(" ms, before 7 ms\n").check();
    assert!(ran.stdout.contains("page  pass  status 200, "), "{}", ran.stdout);
    let json = smoke(&sandbox, &checks).arg("--json").arg("--baseline").arg(&before).stdout_has("{").check().json();
    let made = &json["details"]["checks"][0];
    assert_eq!(made["latency_before_ms"], 7);
    assert!(made["latency_ms"].as_u64().unwrap() >= 300);
}

#[test]
fn the_json_of_a_run_is_a_baseline_too() {
    let sandbox = Sandbox::new();
    let printed = smoke(&sandbox, FULL).arg("--json").code(1).stdout_has("{").any_stderr().check().stdout;
    let file = sandbox.write("before.json", printed);
    smoke(&sandbox, FULL).arg("--baseline").arg(file).stdout_has("it failed before too").check();
}

#[test]
fn a_baseline_that_is_not_there_is_66_and_one_that_is_none_is_65_before_anything_is_asked() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|_| answer(200, ""));
    let with = |file: PathBuf| smoke(&sandbox, &page(&server.url("/"), "")).arg("--baseline").arg(file);
    let missing = with(sandbox.path("nowhere.json"));
    missing
        .code(66)
        .stderr_has("there is no baseline ")
        .stderr_has("hint: make one before the change: --record FILE\n")
        .check();
    for text in ["", "{}", "[1]", "{\"details\":{\"checks\":{}}}", "{\"details\":{\"checks\":[{\"name\":\"x\"}]}}"] {
        with(sandbox.write("wrong.json", text)).code(65).stderr_has(" is no baseline\n").check();
    }
    crate::pipe(&sandbox.path("pipe"));
    with(sandbox.path("pipe")).code(74).stderr_has(": it is not a regular file\n").check();
    with(sandbox.path("")).code(74).stderr_has("cannot read the baseline ").check();
    assert!(server.requests().is_empty());
}
