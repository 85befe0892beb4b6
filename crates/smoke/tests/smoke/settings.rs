//! What a checks file takes from the settings, and what it says for all of its checks.

use testkit::Sandbox;

use crate::server::{Server, answer};
use crate::{DISK, page, refuses, smoke};

#[test]
fn settings_stand_in_addresses_headers_and_expected_texts() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|_| answer(200, "{\"who\":\"a 'b' ${C} \\\"d\\\"\"}"));
    sandbox.set("BASE", &server.url(""));
    sandbox.set("TOKEN", "t0ken == 1");
    sandbox.set("WHO", "a 'b' ${C} \"d\"");
    let expect =
        "expect = ['''json $.who == '${WHO}' ''', 'json $.who != \"${TOKEN}\"', '''body not contains '${TOKEN}' ''']";
    let checks = page("${BASE}/x", &format!("headers = {{ Authorization = 'Bearer ${{TOKEN}}' }}\n{expect}"));
    smoke(&sandbox, &checks).stdout_has("page  pass  ").check();
    let request = &server.requests()[0];
    assert_eq!(request.line, "GET /x");
    assert!(request.headers.contains(&"authorization: Bearer t0ken == 1".to_owned()), "{request:?}");
}

#[test]
fn a_secret_may_lie_in_a_file_and_is_never_said() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|_| answer(200, "you say canary-of-a-tokeN, or canary-of-a-token?"));
    let file = sandbox.write("token", "canary-of-a-token\n");
    sandbox.program("chmod".as_ref()).arg("600").arg(&file).check();
    sandbox.set("TOKEN_FILE", file.to_str().unwrap());
    let checks = page(&server.url("/"), "headers = { X-Token = '${TOKEN}' }\nexpect = \"body contains '${TOKEN}!'\"");
    let ran = smoke(&sandbox, &checks).arg("--json").code(1).any_stdout().any_stderr().check();
    let journal = sandbox.read("prod/journal.ndjson");
    assert!(server.requests()[0].headers.contains(&"x-token: canary-of-a-token".to_owned()));
    for text in [ran.stdout, ran.stderr, journal] {
        assert!(text.contains("${TOKEN}") || text.contains("failed: page"), "{text}");
        assert!(!text.contains("canary-of-a-token"), "{text}");
    }
}

#[test]
fn a_secret_of_one_check_is_not_shown_by_another_however_it_is_written() {
    let sandbox = Sandbox::new();
    sandbox.set("TOKEN", "c4nary/<ä>&+");
    let said = [
        "c4nary/<ä>&+",
        "c4nary\\/<\\u00e4>&+",
        "c4nary/\\u003cä\\u003e\\u0026+",
        "c4nary/\\u003C\\u00E4\\u003E\\u0026\\u002B",
        "c4nary/&lt;ä&gt;&amp;+",
        "c4nary%2f%3c%c3%a4%3e%26%2b",
        "YzRuYXJ5LzzDpD4mKw==",
    ];
    let server = Server::answers(move |request| match request.line.as_str() {
        "GET /asks" => answer(200, ""),
        _ => answer(500, &said.join(" | ")),
    });
    let asks = page(&server.url("/asks"), "headers = { X-Token = '${TOKEN}' }");
    let other = page(&server.url("/other"), "").replace("'page'", "'other'");
    let ran = smoke(&sandbox, &format!("{asks}{other}")).args(["--attempts", "1"]).code(1).any_stdout().any_stderr();
    let ran = ran.check();
    let all = ["[redacted]"; 7].join(" | ");
    for text in [ran.stdout, sandbox.read("prod/journal.ndjson")] {
        assert!(text.contains(&all) && !text.contains("c4nary") && !text.contains("YzRu"), "{text}");
    }
    // Also where the check itself is left out.
    let run = smoke(&sandbox, &format!("{asks}{other}")).args(["--only", "other"]).code(1).any_stderr();
    run.stdout_has(&all).check();
}

#[test]
fn a_setting_in_a_query_is_secret_and_one_before_it_is_not() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|request| answer(500, &format!("you asked {}", request.line)));
    sandbox.set("PLACE", "somewhere");
    sandbox.set("TOKEN", "canary-of-a-query");
    let run = smoke(&sandbox, &page(&server.url("/${PLACE}?token=${TOKEN}"), "")).code(1).any_stderr();
    let ran = run.stdout_has("body: you asked GET /somewhere?token=[redacted]").check();
    assert!(ran.stdout.contains("?token=${TOKEN}"), "{}", ran.stdout);
    for text in [ran.stdout, ran.stderr, sandbox.read("prod/journal.ndjson")] {
        assert!(!text.contains("canary"), "{text}");
    }
}

#[test]
fn a_setting_that_is_missing_is_78_with_its_place() {
    let sandbox = Sandbox::new();
    sandbox.set("EMPTY", "");
    for (lines, sentence) in [
        (page("${NOWHERE}/", ""), "line 4, column 1: check `page`: `url`: NOWHERE is not set"),
        (page("${EMPTY}/", ""), "`url`: EMPTY is not set"),
        (
            page("http://h/", "headers = { a = '${NOWHERE}' }"),
            "line 8, column 1: check `page`: `headers`: NOWHERE is not set",
        ),
        (
            page("http://h/", "expect = ['status == 200', \"body contains '${NOWHERE}'\"]"),
            "line 8, column 28: check `page`: expectation `body contains '${NOWHERE}'`, column 15: NOWHERE is not set",
        ),
        (page("http://h/${x y}", ""), "`url`: `${` begins the name of a setting, as in ${API_URL}"),
    ] {
        smoke(&sandbox, &lines).arg("--dry-run").code(78).stderr_has(sentence).check();
    }
}

#[test]
fn no_setting_is_put_where_it_could_be_taken_for_something_else() {
    let sandbox = Sandbox::new();
    sandbox.set("NAME", "1 or 1 = 1");
    let database = sandbox.path("d.sqlite").display().to_string();
    rusqlite::Connection::open(&database).unwrap().execute_batch("create table t (x)").unwrap();
    let check = |kind: &str| format!("[[check]]\nname = 'it'\nattempts = 1\n{kind}\n");
    let query = check(&format!(
        "kind = 'sqlite'\ndatabase = '{database}'\nquery = \"select '${{NAME}}'\"\nexpect = 'rows[0][0] == \"$${{NAME}}\"'"
    ));
    smoke(&sandbox, &query).stdout_has("it  pass").check();
    let command = check("kind = 'command'\nrun = ['echo', '${NAME}']\nexpect = 'stdout contains \"$${NAME}\"'");
    smoke(&sandbox, &command).stdout_has("it  pass").check();
}

#[test]
fn a_text_stands_in_double_quotes_or_in_single_ones() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|_| answer(200, "say \"a\\nb\" it's"));
    for expect in ["'''body contains '\"a\\nb\"' '''", "'body contains \"\\\"a\\\\nb\\\" it\\u0027s\"'"] {
        smoke(&sandbox, &page(&server.url("/"), &format!("expect = {expect}"))).stdout_has("page  pass").check();
    }
    for expect in
        ["\"body contains 'it's'\"", "\"body contains 'a' \\\"b\\\"\"", "\"body contains ''\"", "\"body contains '\""]
    {
        let run = smoke(&sandbox, &page("http://h/", &format!("expect = {expect}"))).arg("--dry-run").code(78);
        run.stderr_has("column 15: expected a text in quotes, not empty, and nothing after it").check();
    }
}

#[test]
fn the_defaults_of_a_file_hold_for_checks_that_say_nothing_else() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|_| answer(500, ""));
    let defaults = "[defaults]\nattempts = 2\ninterval = '10ms'\ntimeout = '3s'\n";
    let check = |more: &str| {
        let url = server.url("/");
        format!("[[check]]\nname = 'page'\nkind = 'http'\nurl = '{url}'\nexpect = 'status == 200'\n{more}")
    };
    let run = |text: String| smoke(&sandbox, &text).args(["--attempts", "7"]).code(1).any_stderr();
    run(format!("{defaults}{}", check(""))).stdout_has("(2 attempts, ").check();
    run(format!("{defaults}{}", check("attempts = 4"))).stdout_has("(4 attempts, ").check();
    run(check("interval = '10ms'")).stdout_has("(7 attempts, ").check();
    for (wrong, sentence) in [
        (
            "[defaults]\nretries = 1\n",
            "line 2, column 1: [defaults]: `retries` is no key of the defaults: attempts, interval",
        ),
        ("[defaults]\nattempts = 0\n", "line 2, column 1: [defaults]: `attempts` must be a number from 1 to 100"),
        ("defaults = 1\n", "line 1, column 12: the defaults are a table"),
    ] {
        refuses(&sandbox, &format!("{wrong}{DISK}"), sentence);
    }
}

#[test]
fn a_check_that_could_never_pass_is_78() {
    let sandbox = Sandbox::new();
    let sentence = "`consecutive` is 3, and there are 2 attempts: it could never pass";
    refuses(&sandbox, &format!("{DISK}attempts = 2\nconsecutive = 3\n"), sentence);
    // Who asks once, for a look, is not told that the file is wrong.
    smoke(&sandbox, &format!("{DISK}consecutive = 3\ninterval = '1ms'\n"))
        .args(["--attempts", "1"])
        .stdout_has("disk  pass  ")
        .check();
    refuses(&sandbox, &format!("{DISK}severity = 'low'\n"), "must be \"fail\" or \"warn\"");
}
