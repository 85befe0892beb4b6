//! The forms of the report, each read by a program that is strict about it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use testkit::{Run, Sandbox};

use crate::server::{Server, answer};
use crate::{DISK, FULL, page, smoke};

/// A check of each verdict but `stale`, with names that every form must escape.
fn all(sandbox: &Sandbox, server: &Server) -> Run {
    let named = |check: &str, name: &str| {
        let (_, rest) = check.split_once("name = ").unwrap();
        let (_, rest) = rest.split_once('\n').unwrap();
        format!("[[check]]\nname = '{name}'\n{rest}\n")
    };
    let checks = [
        named(DISK, "room & <more>"),
        named(&page(&server.url("/flaky"), ""), "second \"try\""),
        named(&format!("{FULL}severity = \"warn\"\n"), "only # warns"),
        named(&page(&server.url("/bad"), "expect = \"body contains '</body>]]>'\""), "back\\slash"),
        named("[[check]]\nname = 'x'\nkind = 'command'\nrun = ['no-such-program']\nexpect = 'exit == 0'", "ours"),
    ];
    smoke(sandbox, &checks.concat()).code(1).stderr("smoke-test: 1 of 5 checks failed: back\\slash\n")
}

fn server() -> Server {
    Server::answers(|request| match request.line.as_str() {
        "GET /flaky" if request.number > 1 => answer(200, ""),
        "GET /bad" => answer(200, "<b>\u{1b}[2J&\u{ffff}"),
        _ => answer(500, "down"),
    })
}

/// Reads the text on stdin with a Python program, which prints what it found.
fn python(sandbox: &Sandbox, program: &str, text: &str) -> String {
    sandbox.program(Path::new("python3")).args(["-c", program]).stdin(text).any_stdout().check().stdout
}

#[test]
fn junit_is_xml_with_failures_of_the_app_and_errors_of_ours() {
    let sandbox = Sandbox::new();
    let server = server();
    let xml = all(&sandbox, &server).args(["--format", "junit"]).any_stdout().check().stdout;
    let program = "import sys, xml.etree.ElementTree as e\nroot = e.fromstring(sys.stdin.buffer.read())\nsuite = root[0]\n\
        print(root.tag, [suite.get(k) for k in ('name', 'tests', 'failures', 'errors', 'skipped')])\n\
        for case in suite: print(case.get('classname'), '|', case.get('name'), '|', case[0].tag, case[0].get('type'))\n\
        print(suite[3][0].get('message'))\nprint(suite[3][0].text)";
    let read = python(&sandbox, program, &xml);
    let expected = "testsuites ['smoke-test', '5', '1', '1', '0']\ndisk | room & <more> | system-out None\n\
        http | second \"try\" | system-out None\ndisk | only # warns | system-out None\n\
        http | back\\slash | failure fail\ncommand | ours | error error\n\
        the body does not: `<b>\u{fffd}[2J&\u{fffd}`, expected body contains '</body>]]>'\nstatus: 200\n";
    assert!(read.starts_with(expected), "{read}");
    assert!(read.contains("\nbody: <b>\u{fffd}[2J&\u{fffd}\n"), "{read}");
}

#[test]
fn tap_is_understood_by_prove() {
    let sandbox = Sandbox::new();
    let server = server();
    let tap = all(&sandbox, &server).args(["--format", "tap"]).any_stdout().check().stdout;
    assert!(tap.starts_with("TAP version 14\n1..5\nok 1 - room & <more>\n"), "{tap}");
    assert!(
        tap.contains("\nnot ok 3 - only \\# warns # TODO only warns\n  ---\n  verdict: warn\n  message: "),
        "{tap}"
    );
    assert!(tap.contains("\nnot ok 4 - back\\\\slash\n  ---\n  verdict: fail\n"), "{tap}");
    let file = sandbox.write("all.tap", tap.replace("TAP version 14", "TAP version 13"));
    let proved =
        sandbox.program(Path::new("prove")).args(["-e", "cat"]).arg(file).code(1).any_stdout().any_stderr().check();
    assert!(proved.stdout.contains("Failed tests:  4-5") && proved.stdout.contains("Tests=5"), "{}", proved.stdout);
}

#[test]
fn what_a_gate_skips_is_skipped_in_every_form() {
    let sandbox = Sandbox::new();
    let checks = format!("{DISK}\n{FULL}gate = true\n");
    let form = |form: &str| {
        let run = smoke(&sandbox, &checks).args(["--format", form]).code(1).any_stdout().any_stderr();
        run.check().stdout
    };
    assert!(
        form("tap").contains("\nok 1 - disk # SKIP not checked, because the gate full did not pass\nnot ok 2 - full\n")
    );
    assert!(form("junit").contains("<skipped message=\"not checked, because the gate full did not pass\"/>"));
    let metrics = form("prometheus");
    assert!(metrics.contains("pushback_smoke_check_verdict{check=\"disk\",kind=\"disk\",verdict=\"skipped\"} 1\n"));
    assert!(!metrics.contains("pushback_smoke_check_attempts{check=\"disk\""), "{metrics}");
}

#[test]
fn metrics_are_complete_and_each_is_described_once() {
    let sandbox = Sandbox::new();
    let server = server();
    let metrics = all(&sandbox, &server).args(["--format", "prometheus"]).any_stdout().check().stdout;
    assert!(metrics.ends_with('\n'));
    let mut described = Vec::new();
    let mut lines = metrics.lines().peekable();
    while let Some(help) = lines.next() {
        let name = help.strip_prefix("# HELP ").unwrap().split(' ').next().unwrap().to_owned();
        assert_eq!(lines.next().unwrap(), format!("# TYPE {name} gauge"));
        assert!(!described.contains(&name), "{name} twice");
        let mut samples = 0;
        while let Some(sample) = lines.next_if(|line| !line.starts_with('#')) {
            let rest = sample.strip_prefix(&name).unwrap();
            assert!(rest.starts_with('{') || rest.starts_with(' '), "{sample}");
            let value = sample.rsplit(' ').next().unwrap();
            assert!(value.parse::<f64>().is_ok(), "{sample}");
            samples += 1;
        }
        assert!(samples > 0, "{name}");
        described.push(name);
    }
    for sample in [
        "pushback_smoke_check_verdict{check=\"room & <more>\",kind=\"disk\",verdict=\"pass\"} 1",
        "pushback_smoke_check_verdict{check=\"back\\\\slash\",kind=\"http\",verdict=\"fail\"} 1",
        "pushback_smoke_check_attempts{check=\"back\\\\slash\",kind=\"http\"} 3",
        "pushback_smoke_success 0",
    ] {
        assert!(metrics.lines().any(|line| line == sample), "{sample} is not in\n{metrics}");
    }
}

#[test]
fn a_file_gets_the_form_whole_and_a_person_the_table() {
    let sandbox = Sandbox::new();
    let file = sandbox.path("metrics.prom");
    let write = |checks: &str| smoke(&sandbox, checks).args(["--format", "prometheus", "--output"]).arg(&file);
    write(DISK).stdout_has("1 check: 1 pass (").check();
    assert!(fs::read_to_string(&file).unwrap().contains("\npushback_smoke_success 1\n"));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o044, 0o044, "a collector reads it");
    write(FULL).code(1).stdout_has("1 check: 1 fail (").any_stderr().check();
    assert!(fs::read_to_string(&file).unwrap().contains("\npushback_smoke_success 0\n"));
    let nowhere = |checks: &str, option: &str| smoke(&sandbox, checks).arg(option).arg(sandbox.path("no/such/dir"));
    for option in ["--output", "--record"] {
        nowhere(DISK, option).code(73).stdout_has("disk  pass  ").stderr_has("cannot write ").check();
        // That a check failed is the news.
        nowhere(FULL, option).code(1).stdout_has("full  fail  ").stderr_has("cannot write ").check();
    }
}

#[test]
fn nothing_but_a_file_is_replaced() {
    let sandbox = Sandbox::new();
    crate::pipe(&sandbox.path("pipe"));
    std::os::unix::fs::symlink(sandbox.write("target", "mine"), sandbox.path("link")).unwrap();
    for (option, place) in [("--output", "pipe"), ("--output", "link"), ("--record", "link"), ("--record", "bin")] {
        let run = smoke(&sandbox, DISK).arg(option).arg(sandbox.path(place)).code(73);
        run.stderr_has(format!("{place}: it is not a regular file\n")).check();
    }
    assert_eq!(sandbox.read("target"), "mine");
    assert!(sandbox.path("link").is_symlink());
}

#[test]
fn what_counts_as_failed_is_no_success_in_metrics() {
    let sandbox = Sandbox::new();
    let ours = "[[check]]\nname = 'ours'\nkind = 'command'\nrun = ['no-such-program']\nexpect = 'exit == 0'\n";
    let metrics = |args: &[&str], code: i32| {
        let run = smoke(&sandbox, ours).args(["--format", "prometheus"]).args(args).code(code);
        run.any_stdout().any_stderr().check().stdout
    };
    assert!(metrics(&[], 69).contains("\npushback_smoke_success NaN\n"));
    assert!(metrics(&["--inconclusive", "rollback"], 1).contains("\npushback_smoke_success 0\n"));
}

#[test]
fn two_forms_at_once_are_2() {
    let sandbox = Sandbox::new();
    smoke(&sandbox, DISK).args(["--json", "--format", "tap"]).code(2).any_stdout().any_stderr().check();
    smoke(&sandbox, DISK).args(["--list", "--format", "tap"]).code(2).any_stdout().any_stderr().check();
}
