//! Checks of a Redis server, against real ones and against some that only look like one.

use testkit::{Redis, Sandbox};

use crate::ports::{hang, listens, nobody, says};
use crate::{fails, once, passes, smoke};

/// A check of this server; `command` is a TOML list.
fn check(address: &str, command: &str, expect: &str) -> String {
    once("redis", &format!("address = '{address}'\ncommand = {command}"), expect)
}

fn greeted(address: &str) -> String {
    once("redis", &format!("address = '{address}'"), "'answers'")
}

#[test]
fn a_server_that_answers_is_known_by_its_reply_to_ping() {
    let sandbox = Sandbox::new();
    let redis = Redis::shared();
    let checks = once("redis", &format!("address = '{}'", redis.address()), "['answers', 'time < 10s']");
    passes(&sandbox, &checks, "answers, ");
    passes(&sandbox, &checks.replace("address = '", "url = 'redis://"), "answers, ");
    let busy = "['EVAL', 'for i = 1, 5000000 do end return 1', '0']";
    fails(&sandbox, &check(&redis.address(), busy, "['reply == 1', 'time < 1ms']"), "the answer took ");
}

#[test]
fn the_reply_to_a_command_is_compared() {
    let sandbox = Sandbox::new();
    let redis = Redis::shared();
    redis.command(&["RPUSH", "jobs", "a", "b", "c"]);
    redis.command(&["SET", "text", "hello\r\nworld"]);
    redis.command(&["SET", "number", "12"]);
    let passes = |command: &str, expect: &str| passes(&sandbox, &check(&redis.address(), command, expect), "answers, ");
    passes("['LLEN', 'jobs']", "['reply == 3', 'reply > 2', 'answers', 'time < 10s']");
    passes("['GET', 'number']", "['reply == 12', 'reply == \"12\"', 'reply <= 12.5']");
    passes("['GET', 'text']", "['reply contains \"lo\\r\\nwo\"', 'reply not contains \"x\"', 'reply != \"hello\"']");
    passes("['GET', 'nothing']", "'reply == null'");
    passes("['LRANGE', 'jobs', '0', '-1']", "'reply == 3'");
    passes("['TYPE', 'jobs']", "'reply == \"list\"'");
    passes("['INFO', 'server']", "'reply matches \"(?m)^redis_version:\"'");
}

#[test]
fn what_is_not_as_expected_says_what_is() {
    let sandbox = Sandbox::new();
    let redis = Redis::shared();
    redis.command(&["RPUSH", "two", "a", "b"]);
    redis.command(&["SET", "words", "\u{1b}[2Jhello"]);
    for (command, expect, said) in [
        ("['LLEN', 'two']", "reply > 2", "the reply is 2, expected reply > 2\n"),
        ("['LRANGE', 'two', '0', '-1']", "reply < 2", "the reply is a list of 2, expected reply < 2\n"),
        (
            "['LRANGE', 'two', '0', '-1']",
            "reply contains \"a\"",
            "the reply is a list of 2, no text, expected reply con",
        ),
        ("['GET', 'nothing']", "reply == \"x\"", "the reply is null, expected reply == \"x\"\n"),
        ("['GET', 'nothing']", "reply not contains \"x\"", "the reply is null, no text, expected reply not contains"),
        ("['GET', 'words']", "reply contains \"bye\"", "the reply does not: `"),
        ("['GET', 'words']", "reply > 1", "the reply is \""),
        ("['GET', 'two']", "reply == \"a\"", &format!("{} refuses: `WRONGTYPE ", redis.address())),
        ("['NONSENSE']", "answers", &format!("{} refuses: `ERR unknown command", redis.address())),
    ] {
        let checks = check(&redis.address(), command, &format!("'{expect}'"));
        let ran = smoke(&sandbox, &checks).code(1).stdout_has(format!("it  fail  {said}")).any_stderr().check();
        assert!(!(ran.stdout + &ran.stderr).contains('\u{1b}'));
    }
}

#[test]
fn a_server_that_wants_a_password_answers_and_serves_who_has_it() {
    let sandbox = Sandbox::new();
    let redis = Redis::with_password();
    let (address, password) = (redis.address(), redis.password());
    redis.command(&["SET", "key", "value"]);
    redis.command(&["ACL", "SETUSER", "app", "on", ">app-s3cret", "~*", "+get", "+select"]);
    passes(&sandbox, &greeted(&address), "answers, ");
    fails(&sandbox, &check(&address, "['GET', 'key']", "'answers'"), &format!("{address} refuses: `NOAUTH "));
    sandbox.set("REDIS_URL", &format!("redis://:{password}@{address}"));
    let of_url = |url: &str| once("redis", &format!("url = '{url}'\ncommand = ['GET', 'key']"), "'reply == \"value\"'");
    passes(&sandbox, &of_url("${REDIS_URL}"), "answers, ");
    passes(&sandbox, &of_url(&format!("redis://app:app-s3cret@{address}/0")), "answers, ");
    fails(&sandbox, &of_url(&format!("redis://app:app-s3cret@{address}/7")), "the reply is null, expected ");
    // The same who may not ping is known, and so is served.
    let pings = once("redis", &format!("url = 'redis://app:app-s3cret@{address}'"), "'answers'");
    passes(&sandbox, &pings, "answers, ");
    let wrong = of_url(&format!("redis://:wr0ng-s3cret@{address}"));
    let ran =
        smoke(&sandbox, &wrong).code(1).any_stderr().stdout_has(format!("{address} refuses: `WRONGPASS ")).check();
    assert!(!(ran.stdout + &ran.stderr).contains("wr0ng-s3cret"));
    let plan =
        smoke(&sandbox, &of_url("${REDIS_URL}")).arg("--dry-run").stdout_has(format!("{address}: GET key")).check();
    assert!(!plan.stdout.contains(password));
}

#[test]
fn a_replica_that_has_lost_its_master_fails() {
    let sandbox = Sandbox::new();
    let redis = Redis::start();
    redis.command(&["CONFIG", "SET", "replica-serve-stale-data", "no"]);
    redis.command(&["REPLICAOF", "127.0.0.1", "1"]);
    fails(&sandbox, &greeted(&redis.address()), &format!("{} refuses: `MASTERDOWN ", redis.address()));
}

#[test]
fn a_server_that_is_loading_fails() {
    let sandbox = Sandbox::new();
    let address = says(b"-LOADING Redis is loading the dataset in memory\r\n");
    let said = format!("{address} refuses: `LOADING Redis is loading the dataset in memory`\n");
    fails(&sandbox, &greeted(&address), &said);
}

#[test]
fn a_server_that_is_down_stands_still_or_hangs_fails_in_time() {
    let sandbox = Sandbox::new();
    let redis = Redis::start();
    let address = redis.address();
    redis.pause();
    let late = |address: &str| {
        let said = format!("{address} accepts, and does not answer within 0.5 s\n");
        fails(&sandbox, &(greeted(address) + "timeout = '500ms'\n"), &said);
    };
    late(&address);
    redis.resume();
    passes(&sandbox, &greeted(&address), "answers, ");
    redis.stop();
    fails(&sandbox, &greeted(&address), &format!("{address} refuses the connection\n"));
    let address = nobody();
    fails(&sandbox, &greeted(&address), &format!("{address} refuses the connection\n"));
    late(&listens(|stream| hang(&stream)));
}

#[test]
fn what_speaks_something_else_fails() {
    let sandbox = Sandbox::new();
    let foreign = |address: &str, said: &str| {
        fails(&sandbox, &greeted(address), &format!("{address} does not speak Redis's protocol: it says `{said}"));
    };
    foreign(&says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "HTTP/1.1 400 Bad Request");
    foreign(&says(b"$x\r\n"), "$x`");
    foreign(&says(b":12\r\n"), ":12`");
    foreign(&says(&[b'+'; 9000]), "++++");
    let address = listens(|stream| drop(stream.set_nodelay(true)));
    smoke(&sandbox, &greeted(&address)).code(1).stdout_has("it  fail  ").any_stderr().check();
}

#[test]
fn a_reply_without_measure_is_not_read() {
    let sandbox = Sandbox::new();
    let redis = Redis::shared();
    redis.command(&["SETRANGE", "large", &(1 << 20).to_string(), "x"]);
    let checks = check(&redis.address(), "['GET', 'large']", "'reply contains \"x\"'");
    fails(&sandbox, &checks, "the reply has 1048577 bytes, and no more than 1048576 are read\n");
    let address = says(b"$1000\r\nhalf");
    let checks = check(&address, "['GET', 'x']", "'answers'") + "timeout = '500ms'\n";
    fails(&sandbox, &checks, &format!("{address} does not answer to the end within 0.5 s\n"));
}

#[test]
fn what_is_not_understood_is_said() {
    let sandbox = Sandbox::new();
    for (lines, expect, said) in [
        ("", "answers", "`address` is missing: a host and a port"),
        ("address = 'localhost:1'\nurl = 'redis://localhost'", "answers", "an `address` or a `url`, not both"),
        ("url = 'rediss://:s3cret@localhost'", "answers", "TLS (rediss://) is not spoken with Redis"),
        (
            "url = 'redis://:s3cret@'",
            "answers",
            "`url` must be redis://USER:PASSWORD@HOST:PORT/DATABASE: there is no host",
        ),
        ("url = '${REDIS_URL}'", "answers", "REDIS_URL is not set"),
        ("address = 'localhost:1'", "reply == 1", "`command` is missing: [\"LLEN\", \"jobs\"]"),
        ("address = 'localhost:1'\ncommand = []", "reply == 1", "`command` must begin with a command"),
        ("address = 'localhost:1'\ncommand = 'PING'", "reply == 1", "`command` must be a list of texts"),
        ("address = 'localhost:1'", "open", "expected answers, reply or time (a redis check)"),
    ] {
        let run = smoke(&sandbox, &once("redis", lines, &format!("'{expect}'"))).code(78).stderr_has(said);
        assert!(!run.check().stderr.contains("s3cret"));
    }
}
