//! What a flow captures is foreign: it stays in its place wherever it is put, goes to nobody else, and is never shown.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::thread;

use testkit::Sandbox;

use crate::flows::flow;
use crate::server::{Server, answer, answer_with};
use crate::{fails, passes, smoke};

/// Two steps: `capture` is a TOML value, `second` are the lines of the second step.
fn two(server: &Server, capture: &str, second: &str) -> String {
    let url = server.url("/first");
    flow(&format!(
        "[[check.step]]\nurl = '{url}'\nexpect = 'status == 200'\ncapture = {{ it = {capture} }}\n[[check.step]]\n{second}\n"
    ))
}

/// A server whose first answer is this one; all others tell what was asked.
fn gives(first: String) -> Server {
    Server::answers(move |request| match request.line.as_str() {
        "GET /first" => first.clone(),
        line => answer(200, &format!("{line}|{}|{}", request.header("x-it").unwrap_or_default(), request.body)),
    })
}

const WILD: &str = "a&b=\"c\"#d?e/ü \u{1b}[2J\r\nX: y";

#[test]
fn whatever_is_captured_stays_where_it_is_put() {
    let sandbox = Sandbox::new();
    let server = gives(answer(200, &serde_json::json!({ "v": WILD }).to_string()));
    let url = server.url("/x");
    let encoded = "a%26b%3D%22c%22%23d%3Fe%2F%C3%BC%20%1B%5B2J%0D%0AX:%20y";
    let asks = |path: &str, lines: &str, line: &str, body: &str| {
        let second = format!("url = '{url}{path}'\n{lines}\nexpect = 'status == 200'");
        passes(&sandbox, &two(&server, "'json $.v'", &second), "2 steps, ");
        let last = server.requests().pop().unwrap();
        assert_eq!((last.line.as_str(), last.body.as_str()), (line, body));
    };
    asks("/${it}?q=${it}", "", &format!("GET /x/{encoded}?q={encoded}"), "");
    let form = encoded.replace("X:", "X%3A");
    asks("", "form = { a = '${it}' }", "POST /x", &format!("a={form}"));
    asks("", "json = { a = '-${it}-' }", "POST /x", &serde_json::json!({ "a": format!("-{WILD}-") }).to_string());
    asks("", "body = '<${it}>'", "POST /x", &format!("<{WILD}>"));
    let second = format!("url = '{url}'\nheaders = {{ X-It = '${{it}}' }}\nexpect = 'status == 200'");
    let said = format!("step 2 (GET {url}): the request is wrong: failed to parse header value\n");
    let asked = server.requests().len();
    fails(&sandbox, &two(&server, "'json $.v'", &second), &said);
    assert_eq!(server.requests().len(), asked + 1);
}

#[test]
fn a_captured_address_is_followed_and_only_to_its_own_origin() {
    let sandbox = Sandbox::new();
    let other = Server::answers(|_| answer(200, ""));
    let second = "url = '${it}'\nexpect = 'body matches \"^GET /dir/next.q=1[|]\"'";
    for leads in ["/dir/next?q=1", "dir/next?q=1#part", "./dir/../dir/next?q=1", "ITSELF/dir/next?q=1"] {
        let server = Server::answers(move |request| match request.line.as_str() {
            "GET /first" => {
                let base = format!("http://{}", request.header("host").unwrap());
                answer_with(200, &[&format!("Next: {}", leads.replace("ITSELF", &base))], "")
            }
            line => answer(200, &format!("{line}|")),
        });
        passes(&sandbox, &two(&server, "'header Next'", second), "2 steps, ");
    }
    for (leads, said) in [
        (other.url("/"), "what was captured as `it` leads to another origin"),
        (other.url("/").replace("http:", ""), "what was captured as `it` leads to another origin"),
        ("javascript:alert(1)".to_owned(), "what was captured as `it` is no address that can be asked"),
        ("http://me:you@h/".to_owned(), "what was captured as `it` is no address that can be asked"),
        ("http://h:canary/".to_owned(), "what was captured as `it` is no address that can be asked"),
        ("http://1.2.3.4.5/".to_owned(), "what was captured as `it` is no address that can be asked"),
    ] {
        let server = gives(answer_with(200, &[&format!("Next: {leads}")], ""));
        fails(&sandbox, &two(&server, "'header Next'", second), &format!("step 2 (GET ${{it}}): {said}"));
    }
    assert!(other.requests().is_empty());
}

#[test]
fn each_capture_finds_one_text_or_says_why_not() {
    let sandbox = Sandbox::new();
    let body = "{\"n\": 12.5, \"t\": true, \"l\": [1, 2], \"o\": {}, \"e\": \"\"}";
    let server = gives(answer_with(
        200,
        &["X-Id: a b", "Set-Cookie: sid=c00kie-value; Path=/", "Set-Cookie: no=1; Path=/x"],
        body,
    ));
    let url = server.url("/x");
    let second = format!("url = '{url}'\nbody = '${{it}}'\nexpect = 'status == 200'");
    for (capture, value) in [
        ("json $.n", "12.5"),
        ("json $.t", "true"),
        ("json $.l[1]", "2"),
        ("header x-id", "a b"),
        ("cookie sid", "c00kie-value"),
        ("body matches '\"n\": ([0-9.]+)'", "12.5"),
    ] {
        passes(&sandbox, &two(&server, &format!("{capture:?}"), &second), "2 steps, ");
        assert_eq!(server.requests().pop().unwrap().body, value, "{capture}");
    }
    for (capture, said) in [
        ("json $.x", "there is no $.x in the answer; nothing is captured as `it`"),
        ("json $.l[*]", "$.l[*] finds 2 values; nothing is captured as `it`"),
        ("json $.o", "$.o is a list or an object; nothing is captured as `it`"),
        ("json $.e", "what is captured as `it` is empty"),
        ("header X-Other", "the header x-other is missing; nothing is captured as `it`"),
        ("cookie no", "there is no cookie no for this address; nothing is captured as `it`"),
        ("body matches 'x(y)'", "the body does not match; nothing is captured as `it`"),
        ("body matches 'n(y)?'", "the body does not match; nothing is captured as `it`"),
    ] {
        let said = format!("step 1 (GET {}): {said}\n", server.url("/first"));
        fails(&sandbox, &two(&server, &format!("{capture:?}"), &second), &said);
    }
}

#[test]
fn a_large_pattern_is_looked_for_in_a_part_of_a_long_body_and_this_is_said() {
    let sandbox = Sandbox::new();
    let server = gives(answer(200, &"x".repeat(1 << 20)));
    let second = format!("url = '{}'\nbody = '${{it}}'\nexpect = 'status == 200'", server.url("/x"));
    let said = format!(
        "step 1 (GET {}): the body is too long to look for so large a pattern; nothing is captured as `it`\n",
        server.url("/first")
    );
    for pattern in ["([a-z]{1,200}y)", "x{1,200}(x*)"] {
        fails(&sandbox, &two(&server, &format!("\"body matches '{pattern}'\""), &second), &said);
    }
}

#[test]
fn a_text_without_end_is_not_captured() {
    let sandbox = Sandbox::new();
    let server = gives(answer(200, &"x".repeat(1 << 20)));
    let second = format!("url = '{}'\nbody = '${{it}}'\nexpect = 'status == 200'", server.url("/x"));
    let said = format!("step 1 (GET {}): what is captured as `it` is longer than 8192 bytes\n", server.url("/first"));
    fails(&sandbox, &two(&server, "\"body matches '(x+)'\"", &second), &said);
}

#[test]
fn neither_a_secret_nor_what_was_captured_is_shown() {
    let sandbox = Sandbox::new();
    sandbox.set("SMOKE_PASSWORD", "pass&canary");
    let server = Server::answers(|request| {
        let cookies = ["Set-Cookie: sid=cookie-canary; Path=/", "Set-Cookie: long=cookie-canary-long; Path=/"];
        if request.line == "GET /first" {
            return answer_with(200, &cookies, "{\"v\": \"captured <canary> & \\\"co\\\"\"}");
        }
        let said = format!(
            "captured <canary> & \"co\"|captured &lt;canary&gt; &amp; &quot;co&quot;|{}|{}|{}|{:?}",
            request.line, request.body, "pass&canary", request.headers
        );
        answer_with(500, &[&format!("X-Said: {}", request.header("cookie").unwrap())], &said)
    });
    for expect in ["status == 200", "body == 'x'", "header X-Said == 'x'", "body not contains 'canary'"] {
        for sent in ["form = { a = '${it}' }", "json = { a = '${it}' }", "basic = 'me:${it}'"] {
            let sent = format!("{sent}\nheaders = {{ X-Key = '${{SMOKE_PASSWORD}}' }}");
            let second = format!("url = '{}?${{it}}'\n{sent}\nexpect = {expect:?}", server.url("/x/${it}"));
            let checks = two(&server, "'json $.v'", &second);
            for flags in [["-v"], ["--json"]] {
                let ran = smoke(&sandbox, &checks).args(flags).code(1).stdout_has("step 2").any_stderr().check();
                let all = ran.stdout + &ran.stderr + &sandbox.read("prod/journal.ndjson");
                let base64 = "bWU6Y2FwdHVyZWQ";
                assert!(!all.replace("'canary'", "").contains("canary") && !all.contains(base64), "{all}");
            }
        }
    }
}

#[test]
fn a_secure_cookie_needs_tls_or_the_own_machine() {
    let sandbox = Sandbox::new();
    let path = sandbox.path("app.sock");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
            let lines: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let cookie = lines.iter().find_map(|line| line.to_lowercase().strip_prefix("cookie: ").map(str::to_owned));
            let said = answer_with(200, &["Set-Cookie: s=1; Secure"], &cookie.unwrap_or_else(|| "none".to_owned()));
            stream.write_all(said.as_bytes()).unwrap();
        }
    });
    for (host, cookie) in [("app.example", "none"), ("localhost", "s=1")] {
        let step = |expect: &str| format!("[[check.step]]\nurl = 'http://{host}/'\nexpect = {expect:?}\n");
        let steps = step("status == 200") + &step(&format!("body == '{cookie}'"));
        passes(&sandbox, &flow(&format!("socket = '{}'\n{steps}", path.display())), "2 steps, ");
    }
}

#[test]
fn what_is_wrong_with_a_flow_is_found_with_its_place() {
    let sandbox = Sandbox::new();
    let step = "[[check.step]]\nurl = 'http://h/'\nexpect = 'status == 200'\n";
    let wrong = |lines: &str, sentence: &str| {
        smoke(&sandbox, &flow(lines)).arg("--list").code(78).stderr_has(sentence).check();
    };
    wrong("", "line 1, column 1: check `it`: a flow has 1 to 100 steps, each written [[check.step]]");
    wrong(&step.repeat(101), "check `it`: a flow has 1 to 100 steps");
    wrong(
        &format!("{step}name = '{}'", "x".repeat(201)),
        "check `it`, step 1: its name must have 200 characters at most",
    );
    wrong("step = 1", "line 5, column 1: check `it`: `step` must be tables, written [[check.step]]");
    wrong(
        "expect = 'status == 200'",
        "line 5, column 1: check `it`: each [[check.step]] of a flow says what it expects",
    );
    wrong("url = 'x'", "check `it`: `url` is no key of a check of kind flow: ");
    wrong("[[check.step]]\nurl = 'http://h/'", "line 5, column 1: check `it`, step 1: it expects nothing");
    wrong(
        &format!("{step}[[check.step]]\nurl = 'http://h/'\nexpect = ['status == 2000']"),
        "line 10, column 11: check `it`, step 2: expectation `status == 2000`, column 11: expected a status from 100 to 599",
    );
    wrong(&format!("{step}ca = 'x'"), "check `it`, step 1: `ca` is no key of a step: name, url, ");
    wrong(&format!("{step}name = ' a'"), "check `it`, step 1: its name must be one line of text");
    wrong(&format!("{step}name = 'a'\n{step}name = 'a'"), "check `it`, step 2: there is another step `a`");
    wrong(&format!("{step}headers = {{ X = '${{it}}' }}"), "check `it`, step 1: `headers`: it is not set");
    let itself = "capture = { it = 'json $.id' }\nheaders = { X = '${it}' }";
    wrong(&format!("{step}{itself}"), "check `it`, step 1: `headers`: it is not set");
    let capture = |line: &str| format!("{step}capture = {{ it = {line} }}\n");
    wrong(
        &capture("'status'"),
        "line 8, column 18: check `it`, step 1: `capture`: it = `status`, column 1: expected body matches",
    );
    wrong(&capture("1"), "line 8, column 18: check `it`, step 1: `capture`: what `it` stands for must be a text");
    wrong(&format!("{step}capture = 'x'"), "check `it`, step 1: `capture` must be a table of texts");
    wrong(
        &format!("{step}capture = {{ 'a b' = 'json $.id' }}"),
        "`capture`: `a b` is no name: letters, digits and _, 200 at most",
    );
    let after = |lines: &str| format!("{}[[check.step]]\n{lines}\n", capture("'json $.id'"));
    wrong(
        &after("url = 'http://h/'\nexpect = \"body contains '${it}'\""),
        "step 2: expectation `body contains '${it}'`, column 15: `it` is captured by an earlier step, and stands only in \
         what a step asks",
    );
    for url in ["http://${it}/", "http://h${it}", "${it}/x", "http://h:${it}/"] {
        wrong(
            &after(&format!("url = '{url}'\nexpect = 'status == 200'")),
            "step 2: what was captured is the whole address, or stands behind its host",
        );
    }
}

#[test]
fn the_steps_of_a_flow_are_listed() {
    let sandbox = Sandbox::new();
    let server = gives(String::new());
    let (url, first) = (server.url(""), server.url("/first"));
    let second = format!("name = 'more'\nurl = '{url}/x/${{it}}?a=${{it}}'\nbody = '${{it}}'\nexpect = 'status < 300'");
    let said = format!(
        "it  flow  step 1 (GET {first}), more (POST {url}/x/${{it}}): step 1: status == 200, more: status < 300\n"
    );
    smoke(&sandbox, &two(&server, "'json $.v'", &second)).arg("--list").stdout(said).check();
    assert!(server.requests().is_empty());
}
