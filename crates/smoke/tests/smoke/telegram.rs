//! Checks of a bot, against a small server that speaks the Bot API as <https://core.telegram.org/bots/api> has it. No token
//! is ever shown.

use serde_json::{Value, json};
use testkit::Sandbox;

use crate::server::{Closed, Request, Server, answer, answer_with, hang};
use crate::{fails, once, passes, smoke};

/// The token of the one bot that there is.
pub(crate) const TOKEN: &str = "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11";

/// A sandbox that has the token of the bot.
fn with_token(token: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.set("TELEGRAM_API_TOKEN", token);
    sandbox
}

fn bot(api: &str, expect: &str) -> String {
    once("telegram", &format!("api = '{api}'"), expect)
}

fn no(status: u16, description: &str) -> String {
    answer(status, &json!({"ok": false, "error_code": status, "description": description}).to_string())
}

fn yes(result: &Value) -> String {
    answer(200, &json!({"ok": true, "result": result}).to_string())
}

/// What Telegram says of the one bot that there is, whose webhook is this.
pub(crate) fn telegram(webhook: &Value) -> impl Fn(&Request) -> String + Send + Sync + 'static {
    let webhook = webhook.clone();
    move |request| {
        let Some(path) = request.line.strip_prefix("GET /bot") else { return no(404, "Not Found") };
        match path.split_once('/') {
            Some((TOKEN, "getMe")) => yes(&json!({
                "id": 123_456, "is_bot": true, "first_name": "Guestbook", "username": "guestbook_bot",
                "can_join_groups": true, "can_read_all_group_messages": false, "supports_inline_queries": false,
            })),
            Some((TOKEN, "getWebhookInfo")) => yes(&webhook),
            Some((TOKEN, _)) => no(404, "Not Found"),
            _ => no(401, "Unauthorized"),
        }
    }
}

/// The webhook of a bot that is well.
pub(crate) fn quiet() -> Value {
    json!({
        "url": "https://bot.example.org/hook/secret-path", "has_custom_certificate": false, "pending_update_count": 3,
        "max_connections": 40, "ip_address": "192.0.2.7",
    })
}

fn troubled(age: i64) -> Value {
    let mut webhook = quiet();
    webhook["last_error_date"] = json!(now() - age);
    webhook["last_error_message"] = json!("Wrong response from the webhook: 502 Bad Gateway");
    webhook
}

fn now() -> i64 {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

#[test]
fn a_bot_that_is_well_passes() {
    let sandbox = with_token(TOKEN);
    let server = Server::answers(telegram(&quiet()));
    let all = [
        "answers",
        "username == 'guestbook_bot'",
        "webhook == 'https://bot.example.org/hook/secret-path'",
        "webhook contains 'https://bot.example.org/'",
        "pending < 4",
        "last_error missing",
        "last_error_age > 1h",
    ];
    passes(&sandbox, &bot(&server.url("/"), &format!("{all:?}")), "`guestbook_bot` answers, ");
    let asked: Vec<String> = server.requests().into_iter().map(|request| request.line).collect();
    assert_eq!(asked, [format!("GET /bot{TOKEN}/getMe"), format!("GET /bot{TOKEN}/getWebhookInfo")]);
    passes(&sandbox, &bot(&server.url(""), "'answers'"), "`guestbook_bot` answers, ");
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_setting_names_the_server_where_the_check_does_not() {
    let sandbox = with_token(TOKEN);
    let (server, other) = (Server::answers(telegram(&quiet())), Server::answers(|_| no(500, "Not this one")));
    let checks = once("telegram", "", "'answers'");
    smoke(&sandbox, &checks).arg("--list").stdout("it  telegram  bot at https://api.telegram.org: answers\n").check();
    sandbox.set("TELEGRAM_API_URL", &server.url("/"));
    passes(&sandbox, &checks, "`guestbook_bot` answers, ");
    sandbox.set("TELEGRAM_API_URL", &other.url(""));
    passes(&sandbox, &bot(&server.url(""), "'answers'"), "`guestbook_bot` answers, ");
    assert_eq!(other.requests().len(), 0);
}

#[test]
fn what_is_not_as_expected_of_a_bot_is_said() {
    let sandbox = with_token(TOKEN);
    let server = Server::answers(telegram(&troubled(7200)));
    let error = "`Wrong response from the webhook: 502 Bad Gateway`";
    let said = |expect: &str, instead: &str| {
        let said = format!("{instead}, expected {expect}\n");
        let ran = smoke(&sandbox, &bot(&server.url(""), &format!("{expect:?}"))).code(1).any_stderr();
        let ran = ran.stdout_has(format!("it  fail  {said}")).check();
        assert!(!ran.stdout.contains("secret-path"), "{}", ran.stdout);
    };
    said("username == 'other_bot'", "the username is `guestbook_bot`");
    said("webhook == 'https://bot.example.org/other'", "the webhook is on `bot.example.org`");
    said("webhook contains '/other'", "the webhook is on `bot.example.org`");
    said("webhook missing", "the webhook is on `bot.example.org`");
    said("pending < 3", "3 updates wait to be delivered");
    said("last_error missing", &format!("the last error is {error}"));
    said("last_error not contains '502'", "the last error has it");
    passes(&sandbox, &bot(&server.url(""), "'last_error_age > 1h'"), "`guestbook_bot` answers, ");
    let checks = bot(&server.url(""), "'last_error_age > 3h'");
    let run = smoke(&sandbox, &checks).code(1).any_stderr();
    run.stdout_has("it  fail  the last error was 120 min 0")
        .stdout_has(format!(" ago, {error}, expected last_error_age > 3h"))
        .check();
    let none =
        Server::answers(telegram(&json!({"url": "", "has_custom_certificate": false, "pending_update_count": 0})));
    passes(&sandbox, &bot(&none.url(""), "['webhook missing', 'last_error missing']"), "`guestbook_bot` answers, ");
    fails(&sandbox, &bot(&none.url(""), "'webhook exists'"), "the webhook is missing, expected webhook exists\n");
}

#[test]
fn a_wrong_token_fails_and_no_token_is_ever_shown() {
    let wrong = "123456:canary-canary-canary-canary";
    let sandbox = with_token(wrong);
    // It tells the token, as a page of a proxy may.
    let loud = Server::answers(|request| answer(502, &format!("<p>{} {:?}", request.line, request.headers)));
    let server = Server::answers(telegram(&quiet()));
    let gone = Closed::new();
    let hanging = Server::behaves(|_, stream| hang(stream));
    let shown = "/bot${TELEGRAM_API_TOKEN}/getMe";
    for (api, said) in [
        (server.url(""), "getMe: status 401, `Unauthorized`\n".to_owned()),
        (server.url("/path"), "getMe: status 404, `Not Found`\n".to_owned()),
        (
            loud.url(""),
            "getMe: status 502, and this is no answer of the Bot API: `<p>GET /bot[redacted]/getMe [".to_owned(),
        ),
        (gone.url(""), format!("{} refuses the connection\n", gone.url(shown))),
        (hanging.url(""), format!("no whole answer from {} within 0.3 s\n", hanging.url(shown))),
    ] {
        let checks = bot(&api, "'answers'").replace("attempts = 1", "attempts = 1\ntimeout = '300ms'");
        for flags in [["-v"], ["--json"]] {
            let run = smoke(&sandbox, &checks).args(flags).code(1).any_stderr();
            let ran = run.stdout_has(if flags == ["-v"] { said.as_str() } else { "getMe" }).check();
            let all = ran.stdout + &ran.stderr + &sandbox.read("prod/journal.ndjson");
            assert!(!all.contains("canary"), "{all}");
            assert!(all.contains(&format!("{api}{shown}")), "{all}");
        }
    }
}

#[test]
fn a_token_in_the_file_itself_or_of_another_setting_is_as_secret() {
    let sandbox = Sandbox::new();
    sandbox.set("OTHER_TOKEN", "77:canary-canary-canary-canary");
    let server = Server::answers(telegram(&quiet()));
    for (token, name) in [("77:canary-canary-canary-canary", "TELEGRAM_API_TOKEN"), ("${OTHER_TOKEN}", "OTHER_TOKEN")] {
        let checks = once("telegram", &format!("api = '{}'\ntoken = '{token}'", server.url("")), "'answers'");
        let run = smoke(&sandbox, &checks).args(["-v"]).code(1).any_stderr();
        let ran = run.stdout_has(format!("curl -sS -i \"{}/bot${{{name}}}/getMe\"\n", server.url(""))).check();
        assert!(!(ran.stdout + &ran.stderr).contains("canary"));
        smoke(&sandbox, &checks)
            .arg("--list")
            .stdout(format!("it  telegram  bot at {}: answers\n", server.url("")))
            .check();
    }
}

#[test]
fn what_is_no_answer_of_the_bot_api_fails() {
    let sandbox = with_token(TOKEN);
    let wait = json!({
        "ok": false, "error_code": 429, "description": "Too Many Requests: retry after 17", "parameters": {"retry_after": 17},
    });
    let huge = format!("{{\"ok\": true, \"result\": {{\"a\": \"{}\"}}}}", "x".repeat(2 << 20));
    for (given, said) in [
        (answer(429, &wait.to_string()), "status 429, `Too Many Requests: retry after 17`: wait 17 s\n"),
        (answer(200, "{\"ok\": false}"), "status 200, and Telegram does not say why not\n"),
        (answer(200, "{\"ok\": true}"), "status 200, and there is no result in the answer\n"),
        (answer(200, "{\"ok\": 1}"), "status 200, and this is no answer of the Bot API: `{\"ok\": 1}`\n"),
        (answer(200, "[]"), "status 200, and this is no answer of the Bot API: `[]`\n"),
        (answer(200, ""), "status 200, and this is no answer of the Bot API: ``\n"),
        (answer(200, "\u{1b}[2J<html>"), "status 200, and this is no answer of the Bot API: `\u{fffd}[2J<html>`\n"),
        (answer_with(302, &["Location: /"], ""), "status 302, and this is no answer of the Bot API: ``\n"),
        (answer(200, &huge), "status 200, and the answer is longer than is read\n"),
    ] {
        let server = Server::answers(move |_| given.clone());
        fails(&sandbox, &bot(&server.url(""), "'answers'"), &format!("getMe: {said}"));
    }
    let me = telegram(&json!({"url": ""}));
    let server = Server::answers(me);
    let said = "getWebhookInfo: there is no pending_update_count in the answer\n";
    fails(&sandbox, &bot(&server.url(""), "'pending < 3'"), said);
}

#[test]
fn what_is_wrong_with_the_check_of_a_bot_is_found_with_its_place() {
    let sandbox = Sandbox::new();
    let wrong = |lines: &str, sentence: &str| {
        let ran =
            smoke(&sandbox, &once("telegram", lines, "'answers'")).arg("--list").code(78).stderr_has(sentence).check();
        assert!(!ran.stderr.contains("canary"), "{}", ran.stderr);
    };
    wrong("", "check `it`: `token`: TELEGRAM_API_TOKEN is not set");
    wrong(
        "token = 'canary'",
        "line 5, column 1: check `it`: `token` must be what @BotFather gave: digits, a colon and a key",
    );
    wrong("api = 'api.telegram.org'", "check `it`: `api`: the address must begin with http:// or https://");
    wrong("api = 'http://h/?x=1'", "check `it`: `api` must be an address without a query");
    sandbox.set("TELEGRAM_API_URL", "api.telegram.org");
    wrong("", "check `it`: TELEGRAM_API_URL: the address must begin with http:// or https://");
    sandbox.set("TELEGRAM_API_URL", "http://h/?x=1");
    wrong("", "check `it`: TELEGRAM_API_URL must be an address without a query");
    sandbox.set("TELEGRAM_API_URL", "");
    wrong("url = 'x'", "`url` is no key of a check of kind telegram: ");
}
