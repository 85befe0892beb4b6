//! What a checks file may say. Everything else is 78 and names the place.

use std::fs;
use std::path::Path;

use testkit::Sandbox;

use crate::smoke;

fn refused(checks: &str, sentence: &str) {
    let sandbox = Sandbox::new();
    let file = sandbox.path("checks.toml").display().to_string();
    let ran = smoke(&sandbox, checks)
        .arg("--dry-run")
        .code(78)
        .stderr_has(format!("smoke-test: {file}: "))
        .stderr_has(sentence)
        .check();
    assert!(ran.stderr.len() < 600, "{}", ran.stderr);
}

fn check(lines: &str) -> String {
    format!("[[check]]\nname = 'one'\n{lines}\n")
}

#[test]
fn a_file_without_a_check_is_refused() {
    for empty in ["", "# nothing\n", "check = []"] {
        refused(empty, "there is no [[check]] in it");
    }
}

#[test]
fn what_is_not_toml_is_refused_with_its_line() {
    refused("[[check]]\nname = 'one'\nkind = http\n", "line 3, column 8: ");
    refused("\u{0}", "line 1, column 2: ");
}

#[test]
fn only_checks_belong_into_a_file() {
    refused("title = 'x'\n[[check]]\nname = 'a'\n", "line 1, column 1: `title` does not belong here");
    refused("[check]\nname = 'a'\n", "line 1, column 1: a check is a table, written [[check]]");
    refused("check = ['a']", "line 1, column 10: a check is a table");
    refused("[[defaults]]\nattempts = 1\n", "line 1, column 1: the defaults are a table, written [defaults]");
}

#[test]
fn a_check_has_a_name_of_its_own() {
    refused("[[check]]\nkind = 'disk'\n", "check `number 1`: `name` is missing");
    refused("[[check]]\nname = ''\n", "its name must be one line of text");
    refused("[[check]]\nname = \"a\\u001b\"\n", "its name must be one line of text");
    let disk = check("kind = 'disk'\npath = '/'\nexpect = 'free > 1B'");
    refused(&disk.repeat(2), "check `one`: there is another check of this name");
}

#[test]
fn an_unknown_kind_is_refused_with_those_there_are() {
    refused(
        &check("kind = 'oracle'"),
        "check `one`: there is no kind oracle; supported: http, flow, command, disk, tcp, tls, sqlite",
    );
    refused(
        &check(""),
        "check `one`: `kind` is missing: http, flow, command, disk, tcp, tls, sqlite, postgres, mysql, redis, file, env, git, load, memory, process, systemd, docker, nginx, hurl, crawl, log, telegram",
    );
}

#[test]
fn an_unknown_key_is_refused_with_those_there_are() {
    refused(
        &check("kind = 'http'\nurl = 'http://h/'\nexpect = 'status == 200'\ntimout = '1s'"),
        "check `one`: `timout` is no key of a check of kind http: \
         name, kind, gate, severity, tags, attempts, consecutive, interval, start_period, timeout, \
         url, method, headers, basic, body, form, json, redirects, ca, socket, commit, expect",
    );
    refused(
        &check("kind = 'disk'\npath = '/'\nexpect = 'free > 1B'\nurl = 'http://h/'"),
        "check `one`: `url` is no key of a check of kind disk: \
         name, kind, gate, severity, tags, attempts, consecutive, interval, start_period, timeout, path, expect",
    );
    refused(
        &check("kind = 'command'\nrun = ['true']\nexpect = 'exit == 0'\ncommit = '$.c'"),
        "check `one`: `commit` is no key of a check of kind command: \
         name, kind, gate, severity, tags, attempts, consecutive, interval, start_period, timeout, run, expect",
    );
}

#[test]
fn a_check_that_expects_nothing_is_refused() {
    for nothing in ["", "expect = []"] {
        refused(
            &check(&format!("kind = 'http'\nurl = 'http://h/'\n{nothing}")),
            "check `one`: it expects nothing; add expect = \"…\": status, header, body, json, time or certificate",
        );
    }
}

#[test]
fn an_expectation_that_is_not_understood_names_its_column() {
    refused(
        &check("kind = 'http'\nurl = 'http://h/'\nexpect = ['status == 200', 'status = 201']"),
        "check `one`: expectation `status = 201`, column 8: expected == or != or <= or < or >= or >, found `= 201`",
    );
}

#[test]
fn an_expectation_of_another_kind_is_refused() {
    for (kind, expect) in [
        ("kind = 'http'\nurl = 'http://h/'", "exit == 0"),
        ("kind = 'command'\nrun = ['true']", "status == 200"),
        ("kind = 'disk'\npath = '/'", "time < 1s"),
    ] {
        refused(
            &check(&format!("{kind}\nexpect = '{expect}'")),
            &format!("check `one`: expectation `{expect}`, column 1: expected "),
        );
    }
}

#[test]
fn a_value_of_the_wrong_type_is_refused() {
    for (line, sentence) in [
        ("attempts = 0", "`attempts` must be a number from 1 to 100"),
        ("attempts = '5'", "`attempts` must be a number from 1 to 100"),
        ("interval = 2", "`interval` must be a text"),
        ("interval = '2 days'", "`interval`: `2 days` is not a length of time"),
        ("gate = 'yes'", "`gate` must be true or false"),
        ("headers = ['a']", "`headers` must be a table of texts"),
        ("headers = { a = 1 }", "`headers` must be a table of texts"),
        ("headers = { \"a b\" = 'c' }", "the request is wrong: "),
        ("headers = { a = \"b\\nc\" }", "the request is wrong: "),
        ("method = 'get'", "`method` must be one of GET, HEAD, POST"),
        (
            "commit = 'commit'",
            "`commit`, column 1: expected json and a path such as $.commit, or header and a name such as",
        ),
        ("commit = 'json x'", "`commit`, column 6: expected a path such as $.status"),
        ("commit = 'header A b'", "`commit`, column 10: expected the end, found `b`"),
    ] {
        let lines = format!("kind = 'http'\nurl = 'http://h/'\nexpect = 'status == 200'\n{line}");
        refused(&check(&lines), &format!("check `one`: {sentence}"));
    }
    refused(&check("kind = 'http'\nurl = 'http://h/'\nexpect = 200"), "`expect` must be a text or a list of texts");
    for run in ["[]", "['']", "['-x']", "'true'", "[1]"] {
        refused(&check(&format!("kind = 'command'\nrun = {run}\nexpect = 'exit == 0'")), "check `one`: `run` must b");
    }
}

#[test]
fn every_kind_says_what_it_needs() {
    for (lines, sentence) in [
        ("kind = 'tcp'\nexpect = 'open'", "`address` is missing: a host and a port"),
        ("kind = 'tcp'\naddress = '::1:22'\nexpect = 'open'", "`address` must be a host and a port"),
        ("kind = 'tcp'\naddress = 'h:1'\nexpect = ['closed', 'time < 1s']", "`closed` contradicts every other"),
        ("kind = 'sqlite'\nexpect = 'count == 1'", "its `database` is that of DATABASE_URL: DATABASE_URL is not set"),
        ("kind = 'sqlite'\ndatabase = 'd'\nexpect = 'count == 1'", "`query` is missing"),
        ("kind = 'sqlite'\ndatabase = 'd'\nexpect = 'time < 1s'", "`query` is missing"),
        (
            "kind = 'sqlite'\ndatabase = 'd'\nquery = 'select 1'\nexpect = 'integrity == \"ok\"'",
            "no expectation looks at what `query` gives",
        ),
        (
            "kind = 'sqlite'\ndatabase = 'd'\nquery = 'select 1; select 2'\nexpect = 'count == 1'",
            "`query` must be one statement",
        ),
        ("kind = 'file'\nexpect = 'exists'", "`path` is missing"),
        ("kind = 'file'\npath = ''\nexpect = 'exists'", "`path` is empty"),
        ("kind = 'file'\npath = 'f'\nexpect = ['exists', 'missing']", "`missing` contradicts every other"),
        ("kind = 'env'\nexpect = 'set'", "`variables` must be a list of names"),
        ("kind = 'env'\nvariables = 'A'\nexpect = 'set'", "`variables` must be a list of texts"),
        ("kind = 'env'\nvariables = ['s3cret!']\nexpect = 'set'", "`variables` must be a list of names, as in"),
        ("kind = 'env'\nvariables = ['A']\nexpect = ['set', 'unset']", "`unset` contradicts every other"),
        ("kind = 'git'\nexpect = 'clean'", "its `path` is that of DEPLOY_REPO: DEPLOY_REPO is not set"),
        ("kind = 'git'\npath = '.'\nref = 'x'\nexpect = 'clean'", "no expectation looks at the commit of `ref`"),
        ("kind = 'git'\npath = '.'\nref = ''\nexpect = 'commit == live'", "`ref` must be a name"),
        ("kind = 'memory'\npath = '/'\nexpect = 'available > 1B'", "`path` is no key of a check of kind memory"),
        (
            "kind = 'log'\npath = 'l'\nexpect = 'lines matches \"(\"'",
            "expectation `lines matches \"(\"`, column 15: expected a regular expression (",
        ),
    ] {
        refused(&check(lines), &format!("check `one`: {sentence}"));
    }
}

#[test]
fn an_address_must_be_one_and_hold_no_password() {
    for (url, sentence) in [
        ("ftp://h/", "must begin with http:// or https:// and name a host"),
        ("h/health", "must begin with http:// or https:// and name a host"),
        ("http://", "must begin with http:// or https:// and name a host"),
        ("http://u:canary@h/", "holds a user or password"),
        ("http://:80/", "the address is wrong: "),
        ("http://h:99999/", "there is no host and port `h:99999`"),
        ("http://h:x/", "the address is wrong: "),
        ("http://[::1", "the address is wrong: "),
        ("http://h h/", "the address is wrong: "),
        ("/health", "its url is a path of API_URL: API_URL is not set"),
    ] {
        refused(&check(&format!("kind = 'http'\nurl = '{url}'\nexpect = 'status == 200'")), sentence);
    }
}

#[test]
fn a_file_that_is_huge_or_no_text_is_refused() {
    refused(&"#".repeat((1 << 20) + 1), "it is longer than 1 MiB");
    let sandbox = Sandbox::new();
    let file = sandbox.write("checks.toml", b"\xff\xfe");
    sandbox.tool("smoke-test").arg(file).code(78).stderr_has("it is not UTF-8 text").check();
}

#[test]
fn the_checks_of_the_example_are_read() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/guestbook/checks");
    let files: Vec<_> = fs::read_dir(example).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty());
    for file in files {
        let sandbox = Sandbox::new();
        sandbox.set("API_URL", "http://127.0.0.1:8000");
        sandbox.tool("smoke-test").arg(file).arg("--dry-run").stdout_has(": ").check();
    }
}

/// Every block of TOML in the reference is a checks file, or the inside of an http check.
#[test]
fn the_examples_of_the_reference_are_read() {
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/checks.md");
    let text = fs::read_to_string(reference).unwrap();
    let blocks: Vec<&str> = text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks.len() > 2);
    for block in blocks {
        let sandbox = Sandbox::new();
        for (name, value) in [
            ("API_URL", "http://127.0.0.1:8000"),
            ("API_TOKEN", "x"),
            ("ADMIN_NAME", "x"),
            ("READER_PASSWORD", "x"),
            ("SMOKE_PASSWORD", "x"),
            ("REDIS_URL", "redis://localhost"),
            ("DATABASE_URL", "postgres://db/app"),
            ("TELEGRAM_API_TOKEN", "123456:ABC-DEF1234ghIkl-zyx"),
        ] {
            sandbox.set(name, value);
        }
        smoke(&sandbox, block).arg("--dry-run").stdout_has(": ").check();
    }
}

/// What a complaint lists after these words.
fn listed(sandbox: &Sandbox, check: &str, after: &str) -> Vec<String> {
    let complaint = smoke(sandbox, &format!("[[check]]\nname = 'it'\n{check}\n")).code(78).any_stderr().check().stderr;
    let list = complaint.split(after).nth(1).unwrap_or_else(|| panic!("{complaint}"));
    list.lines().next().unwrap().split(", ").map(str::to_owned).collect()
}

/// The first cell of each row, without what surrounds the names in it.
fn first_cells(section: &str) -> Vec<&str> {
    let rows = section.lines().filter(|line| line.starts_with('|'));
    rows.filter_map(|row| row.split('|').nth(1)).map(str::trim).collect()
}

#[test]
fn the_reference_has_every_kind_in_their_order_and_every_key() {
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/checks.md");
    let text = fs::read_to_string(reference).unwrap();
    let sections: Vec<(&str, &str)> =
        text.split("\n## ").skip(1).filter_map(|section| section.split_once('\n')).collect();
    let section = |name: &str| sections.iter().find(|(title, _)| title.split(", ").any(|one| one == name)).unwrap().1;
    let sandbox = Sandbox::new();
    let kinds = listed(&sandbox, "kind = 'none'", "supported: ");
    let titles: Vec<&str> = sections.iter().flat_map(|(title, _)| title.split(", ")).collect();
    let first = titles.iter().position(|title| *title == kinds[0]).unwrap();
    assert_eq!(titles[first..first + kinds.len()], kinds);
    let rows = first_cells(section("Kinds"));
    let named: Vec<&str> = rows.iter().filter_map(|cell| cell.strip_prefix("[`")?.split('`').next()).collect();
    assert_eq!(named, kinds);
    let common = first_cells(section("Every check")).join(" ");
    for kind in kinds {
        let cells = first_cells(section(&kind)).join(" ");
        for key in listed(&sandbox, &format!("kind = '{kind}'\nwhat = 1"), &format!("a check of kind {kind}: ")) {
            let stands = [&common, &cells].iter().any(|cells| cells.contains(&format!("`{key}`")));
            assert!(stands || cells.contains(&format!("`[[check.{key}]]`")), "{kind} does not tell of {key}");
        }
    }
}
