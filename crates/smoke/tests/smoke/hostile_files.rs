//! Checks files that mean harm, or were never meant to be one: each is refused with its place, at once and in little memory.

use std::fmt::Write as _;

use testkit::Sandbox;

use crate::{once, smoke, smoke_measured};

/// What reading a file of up to a MiB may take, in KiB.
const MOST: u64 = 160 * 1024;

/// Reads a file and complains of it so.
fn refused(checks: impl AsRef<[u8]>, sentence: &str) {
    let sandbox = Sandbox::new();
    let file = sandbox.write("checks.toml", checks);
    let said = format!("smoke-test: {}: {sentence}", file.display());
    let ran = sandbox.measured("smoke-test").arg(file).arg("--list").code(78).stderr_has(said).check();
    assert!(ran.stderr.len() < 1000 && !ran.stderr.contains(['\u{1b}', '\u{202e}', '\u{9b}']), "{}", ran.stderr);
    assert!(sandbox.peak() <= MOST, "{} KiB for {sentence}", sandbox.peak());
}

/// A check of a setting with further lines.
fn check(more: &str) -> String {
    format!("[[check]]\nname = 'one'\nkind = 'env'\nvariables = ['A']\nexpect = 'set'\n{more}\n")
}

#[test]
fn nesting_overflows_no_stack() {
    let deep = |text: &str, times: usize| text.repeat(times);
    refused(format!("a = {}", deep("[", 1_000_000)), "line 1, column 85: ");
    refused(format!("a = {}", deep("{a=", 300_000)), "line 1, column 245: ");
    for file in [
        format!("a{} = 1", deep(".a", 500_000)),
        format!("[a{}]", deep(".a", 500_000)),
        format!("[check{}]", deep(".a", 9999)),
    ] {
        refused(file, "line 1, column 1: recursion limit");
    }
    refused(format!("{}json{} = 1\n", check(""), deep(".a", 100_000)), "line 1, column 1: recursion limit");
}

#[test]
fn no_expectation_goes_deeper_than_the_stack() {
    let deep = |text: &str, times: usize| text.repeat(times);
    for path in [
        format!("$[?{}@.a{}]", deep("(", 300_000), deep(")", 300_000)),
        format!("$[?{}@.a{}]", deep("!(", 300_000), deep(")", 300_000)),
        format!("${}", deep("[?@", 300_000)),
        format!("$[?{}@{}]", deep("length(", 99_000), deep(")", 99_000)),
    ] {
        let said = "line 6, column 10: check `it`: expectation `json $[?";
        refused(once("http", "url = 'http://h/'", &format!("'json {path} exists'")), said);
    }
    let json = format!("'json $.a == {}'", deep("[", 900_000));
    refused(once("http", "url = 'http://h/'", &json), "line 6, column 10: check `it`: expectation `json $.a == [[[");
    let regex = format!("'matches \"{}{}\"'", deep("(", 400_000), deep(")", 400_000));
    refused(once("file", "path = 'x'", &regex), "line 6, column 10: check `it`: expectation `matches \"(((");
}

#[test]
fn what_belongs_to_no_checks_file_is_refused_with_its_place() {
    for (file, said) in [
        (check("name = 'two'"), "line 6, column 1: duplicate key"),
        (
            check("attempts = 99999999999999999999999"),
            "line 6, column 1: check `one`: `attempts` must be a number from 1",
        ),
        (check("attempts = -9223372036854775809"), "line 6, column 1: check `one`: `attempts` must be a number from 1"),
        (check("attempts = 1e400"), "line 6, column 1: check `one`: `attempts` must be a number from 1"),
        (check("attempts = 1979-05-27T07:32:00Z"), "line 6, column 1: check `one`: `attempts` must be a number from 1"),
        (check("interval = 07:32:00"), "line 6, column 1: check `one`: `interval` must be a text"),
        (check("timeout = '99999999999999999999h'"), "line 6, column 1: check `one`: `timeout`: "),
        (check("tags = [1979-05-27]"), "line 6, column 1: check `one`: `tags` must be a list of texts"),
        (check("\0"), "line 6, column 2: "),
        (check("# \u{1b}[2J"), "line 6, column 3: "),
        (check("").replace("one", "o\0e"), "line 2, column 10: "),
        (check("").replace("'one'", "1979-05-27"), "line 2, column 1: check `number 1`: `name` must be a text"),
        (check("").replace("'one'", "\"a\\nb\""), "line 2, column 1: check `number 1`: its name must be one line"),
        (check("").replace("'one'", "\"\\u001b[2J\""), "line 2, column 1: check `number 1`: its name must be one line"),
        (check("").replace("one", "o\u{202e}e"), "line 2, column 1: check `number 1`: its name must be one line"),
        (
            check("").replace("one", &"x".repeat(201)),
            "line 2, column 1: check `number 1`: its name must have 200 characters",
        ),
        (
            check("").replace("'env'", "\"\\u001b\\u202e\""),
            "line 3, column 1: check `one`: there is no kind \u{fffd}\u{fffd};",
        ),
        (check("").replace("env", &"x".repeat(900_000)), "line 3, column 1: check `one`: there is no kind xxx"),
        (check(&format!("{} = 1", "x".repeat(900_000))), "line 6, column 1: check `one`: `xxx"),
        (check("").replace('\n', "\r"), "line 1, column "),
    ] {
        refused(file, said);
    }
    refused(
        check("").replace("one", "\u{ff}").into_bytes().iter().map(|byte| byte | 0x80).collect::<Vec<_>>(),
        "it is not UTF-8",
    );
    refused(b"\xff\xfe[\0[\0", "it is not UTF-8");
}

#[test]
fn a_byte_order_mark_and_the_line_ends_of_windows_are_no_harm() {
    let sandbox = Sandbox::new();
    let file = format!("\u{feff}{}", check("").replace('\n', "\r\n"));
    smoke(&sandbox, &file).arg("--list").stdout("one  env  A: set\n").check();
}

#[test]
fn as_many_checks_as_fit_are_read_at_once() {
    let mut many = String::new();
    for number in 0..15_000 {
        writeln!(many, "[[check]]\nname = '{number}'\nkind = 'load'\nexpect = 'one < 9'").unwrap();
    }
    let sandbox = Sandbox::new();
    let ran = smoke_measured(&sandbox, &many).arg("--list").any_stdout().check();
    assert_eq!(ran.stdout.lines().count(), 15_000);
    assert!(sandbox.peak() <= MOST, "{} KiB", sandbox.peak());
    refused("[[check]]\n".repeat(100_000), "line 1, column 1: check `number 1`: `name` is missing");
    refused(
        check(&(0..70_000).map(|key| format!("k{key}=1")).collect::<Vec<_>>().join("\n")),
        "line 6, column 1: check `one`: `k0` is no key",
    );
    let lines = "/a\n".repeat(100_000);
    sandbox.set("API_URL", "http://127.0.0.1:1");
    let ran = sandbox.tool("smoke-test").args(["-", "--list"]).stdin(lines).any_stdout().check();
    assert!(ran.stdout.ends_with("/a #100000  http  GET http://127.0.0.1:1/a: status == 200\n"));
}

#[test]
fn an_address_of_any_length_is_named_by_its_beginning() {
    let sandbox = Sandbox::new();
    let long = format!("http://127.0.0.1:1/{}", "x".repeat(65_000));
    let ran = sandbox.tool("smoke-test").args(["-", "--list"]).stdin(format!("{long}\n{long}\n")).any_stdout().check();
    assert!(ran.stdout.contains("x… #2  http  GET "));
}

#[test]
fn a_pattern_costs_little_however_it_is_written() {
    let sandbox = Sandbox::new();
    let path = sandbox.write("long", "a".repeat(1 << 20));
    let path = format!("path = '{}'", path.display());
    for pattern in ["(a+)+$b", "(a|a)*b", "(.*)*x", ".*.*.*=.*"] {
        let said = "it  fail  it does not, expected matches";
        let run = smoke(&sandbox, &once("file", &path, &format!("\"matches '{pattern}'\""))).code(1);
        run.stdout_has(said).any_stderr().check();
    }
    for line in ["matches '(?:a?){99}b'", "not matches '(?:a?){99}b'"] {
        let run = smoke(&sandbox, &once("file", &path, &format!("{line:?}"))).code(1);
        run.stdout_has("it  fail  it is too long to look for so large a pattern, expected ").any_stderr().check();
    }
}
