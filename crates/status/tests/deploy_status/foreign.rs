//! Texts from elsewhere: they steer no terminal and forge no line, whatever they are and whoever hands them over.

use serde_json::{Value, json};
use testkit::{Sandbox, commit_of, release_of};

use crate::stand_in::{answers, check, prints, status, told, well};

/// What tries to steer a terminal or to look like a line of ours.
const EVIL: &str =
    "\u{1b}[2J\u{9b}31m\u{202e}gnp\u{2066}\r\u{7}\u{8}\u{0}\nprod: healthy\n  live      9-fffffff\t.\u{2028}";

/// An environment in which every text from elsewhere is this one.
fn told_by(text: &str) -> Sandbox {
    let sandbox = well();
    let release = release_of(3);
    sandbox.write(&format!("prod/releases/{release}/REVISION"), commit_of(3));
    std::fs::remove_file(sandbox.root().join("current")).unwrap();
    std::os::unix::fs::symlink(format!("releases/{release}"), sandbox.root().join("current")).unwrap();
    sandbox.history(&[
        json!({"tool": "deploy-queue", "command": "begin", "deploy": "prod-3", "commit": text,
               "details": {"subject": text, "author": text, "by": text, "ref": text}}),
        json!({"tool": "release", "command": "stage", "deploy": "prod-3", "success": true, "release": release}),
        json!({"tool": "deploy-queue", "command": "end", "deploy": "prod-3", "success": false, "exit_code": 6}),
    ]);
    let checks = json!([check(text, text, text)]);
    answers(&sandbox, "smoke-test", 1, &json!({"checks": checks}));
    let message = format!("smoke-test says {text}");
    let object = sandbox.read("smoke-test.json").replace("\"smoke-test says no\"", &json!(message).to_string());
    sandbox.write("smoke-test.json", object);
    let backup = json!({"name": text, "created_at": text, "stored_size": 1, "damaged": text});
    answers(&sandbox, "backup-db", 0, &json!({"backups": [backup]}));
    answers(&sandbox, "rollback", 1, &json!({"to": text, "commit": text, "expected_ms": 1, "problems": [text]}));
    let queue = json!({"running": [text], "waiting": [text], "held": {"reason": text, "by": text, "since": text}, "holder": text});
    answers(&sandbox, "deploy-queue", 0, &queue);
    sandbox
}

fn steers(c: char) -> bool {
    (c.is_control() && c != '\n') || "\u{202e}\u{2066}\u{2028}".contains(c)
}

#[test]
fn foreign_text_steers_no_terminal_and_forges_no_line() {
    let harmless = status(&told_by("x")).code(1).any_stdout().any_stderr().check();
    let evil = status(&told_by(EVIL)).code(1).any_stdout().any_stderr().check();
    assert!(!evil.stdout.contains(steers), "{:?}", evil.stdout);
    assert!(!evil.stderr.contains(steers), "{:?}", evil.stderr);
    assert_eq!(evil.stdout.lines().count(), harmless.stdout.lines().count(), "{}", evil.stdout);
    assert!(!evil.stdout.lines().any(|line| line.starts_with("prod: healthy")), "{}", evil.stdout);
}

#[test]
fn in_json_foreign_text_is_whole_and_steers_no_terminal() {
    let sandbox = told_by(EVIL);
    let said = status(&sandbox).arg("--json").code(1).any_stdout().any_stderr().check().stdout;
    assert!(!said.trim_end().contains(steers) && said.matches('\n').count() == 1, "{said:?}");
    let details = &told(&sandbox, 1)["details"];
    for text in [
        &details["live"]["subject"],
        &details["live"]["author"],
        &details["live"]["by"],
        &details["live"]["ref"],
        &details["health"]["checks"][0]["message"],
        &details["backup"]["name"],
        &details["way_back"]["problems"][0],
        &details["queue"]["held"]["reason"],
    ] {
        assert_eq!(*text, Value::from(EVIL));
    }
}

#[test]
fn whatever_another_tool_answers_is_no_bug_of_ours() {
    let object = |details: &str| {
        format!(r#"{{"v":1,"tool":"x","started_at":"2026-11-21T10:15:00Z","duration_ms":0,"details":{details}}}"#)
    };
    let answers = [
        "",
        "\n",
        "null",
        "[]",
        "{}",
        "hello",
        "{\"v\":1",
        "\u{0}\u{1b}",
        "1e999",
        "\"\"",
        &object("{}"),
        &object("[]"),
        &object("null"),
        &object(r#"{"checks":[],"backups":[],"problems":[],"running":[],"waiting":[]}"#),
        &object(r#"{"checks":[{}],"backups":[{}],"problems":[1],"running":[1],"waiting":[{}],"held":[[]]}"#),
        &object(r#"{"checks":{},"backups":{},"problems":{},"running":{},"waiting":{},"held":{},"to":7}"#),
        &object(r#"{"backups":[{"name":"","created_at":"never","stored_size":-1,"damaged":null}]}"#),
        &object(r#"{"backups":[{"name":"","created_at":"","stored_size":18446744073709551615}],"problems":[""]}"#),
        &object(r#"{"expected_ms":18446744073709551615,"to":"","skipped":1,"held":"","running":[""],"waiting":[]}"#),
    ];
    for tool in ["smoke-test", "backup-db", "rollback", "deploy-queue"] {
        let sandbox = well();
        let codes = [1, 2, 66, 101, 137, 255].into_iter().cycle();
        for (answer, code) in answers.iter().map(|answer| (answer, 0)).chain(answers.iter().zip(codes)) {
            prints(&sandbox, tool, code, answer);
            let output = status(&sandbox).arg("--json").into_command().output().unwrap();
            let object: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(Some(object["exit_code"].as_i64().unwrap()), output.status.code().map(i64::from));
            let documented = [0, 1, 66, 74];
            assert!(documented.iter().any(|code| object["exit_code"] == *code), "{tool}: {answer}: {object}");
            // What is no answer of the smoke test is not taken for one.
            assert!(tool != "smoke-test" || object["exit_code"] != 0 || code == 0, "{answer}: {object}");
            if code == 0 {
                let page = status(&sandbox).into_command().output().unwrap();
                assert_eq!(page.status.code(), output.status.code(), "{tool}: {answer}");
            }
        }
    }
}
