//! Checks of nginx and of hurl, and what is true of all programs that are asked. nginx is the real one; a fake stands in for
//! what that cannot be made to do, and for hurl, which no package of Debian holds.

use testkit::{Nginx, Sandbox};

use crate::{fails, once, passes, smoke};

/// A run of the tool where no program is on PATH.
pub(crate) fn without_programs(sandbox: &Sandbox, checks: &str, said: &str) {
    let run = smoke(sandbox, checks).env("PATH", sandbox.path("nowhere")).code(69).any_stderr();
    run.stdout_has(format!("it  error  {said}\n")).check();
}

pub(crate) fn refused(kind: &str, cases: &[(&str, &str, &str)]) {
    for (lines, expect, sentence) in cases {
        let sandbox = Sandbox::new();
        let run = smoke(&sandbox, &once(kind, lines, expect)).code(78);
        run.stderr_has("check `it`: ").stderr_has(*sentence).check();
    }
}

fn nginx(lines: &str, expect: &str) -> String {
    once("nginx", lines, expect)
}

#[test]
fn a_configuration_is_judged_by_nginx_itself() {
    let sandbox = Sandbox::new();
    let running = Nginx::start("location / { return 204; }");
    let path = running.dir().join("nginx.conf");
    passes(&sandbox, &nginx(&format!("config = '{}'", path.display()), "'valid'"), "the configuration is valid\n");
    let text = std::fs::read_to_string(path).unwrap();
    sandbox.write("nginx/nginx.conf", text.replace("include ", "returns "));
    let config = |expect: &str| nginx("config = 'nginx/nginx.conf'", expect);
    let run = smoke(&sandbox, &config("'valid'")).code(1).any_stderr();
    run.stdout_has("it  fail  nginx says `").stdout_has("[emerg]").stdout_has("unknown directive \"returns\"").check();
    fails(&sandbox, &nginx("config = 'none.conf'", "'valid'"), "nginx says `");
    // What runs was not touched.
    let own = format!("http://127.0.0.1:{}/", running.port());
    passes(&sandbox, &once("http", &format!("url = '{own}'"), "'status == 204'"), "status 204");
}

#[test]
fn nginx_says_how_many_connections_it_has() {
    let sandbox = Sandbox::new();
    let running = Nginx::start("location /status { stub_status; }\nlocation /page { return 200 'hi'; }");
    let url = format!("http://127.0.0.1:{}", running.port());
    let page = |path: &str, expect: &str| nginx(&format!("status_url = '{url}{path}'"), expect);
    let good = "['connections >= 1', 'reading == 0', 'writing == 1', 'waiting < 500', 'dropped == 0']";
    passes(&sandbox, &page("/status", good), "connections: ");
    fails(&sandbox, &page("/status", "'writing > 1'"), "writing is 1, expected writing > 1\n");
    fails(&sandbox, &page("/page", "'dropped == 0'"), &format!("{url}/page is no page of stub_status: `hi`\n"));
    fails(&sandbox, &page("/none", "'dropped == 0'"), &format!("{url}/none answers with status 404\n"));
    let both = format!("config = '{}'\nstatus_url = '/status'", running.dir().join("nginx.conf").display());
    sandbox.set("API_URL", &url);
    passes(&sandbox, &nginx(&both, "['valid', 'dropped == 0']"), "the configuration is valid, connections: ");
    drop(running);
    fails(&sandbox, &page("/status", "'dropped == 0'"), &format!("{url}/status refuses the connection\n"));
}

#[test]
fn what_nginx_may_not_read_says_nothing_about_the_configuration() {
    let sandbox = Sandbox::new();
    let denied = "nginx: [emerg] open() \"/var/log/nginx/x.log\" failed (13: Permission denied)";
    sandbox.fake("nginx", &format!("#!/bin/sh\necho \"$*\" >\"$HOME/asked\"\necho '{denied}' >&2\nexit 1\n"));
    let run = smoke(&sandbox, &nginx("", "'valid'")).code(74).any_stderr();
    run.stdout_has("it  error  nginx says `nginx: [emerg] open()").check();
    assert_eq!(sandbox.read("asked"), "-t\n");
    sandbox.fake("nginx", "#!/bin/sh\nexec sleep 600\n");
    let hangs = nginx("", "'valid'") + "timeout = '500ms'\n";
    fails(&sandbox, &hangs, "nginx was ended: it took longer than 0.5 s\n");
}

#[test]
fn what_nginx_cannot_be_asked_is_refused() {
    refused(
        "nginx",
        &[
            ("", "'connections < 5'", "all but `valid` needs a `status_url`"),
            ("status_url = 'http://h/'", "'valid'", "no expectation looks at `status_url`"),
            ("config = 'x'\nstatus_url = 'http://h/'", "'dropped == 0'", "no expectation looks at `config`"),
            ("config = ''", "'valid'", "`config` is empty"),
            ("status_url = 'ftp://h/'", "'dropped == 0'", "http"),
            ("status_url = '/status'", "'dropped == 0'", "API_URL is not set"),
            ("", "'passes'", "expected valid, connections, reading, writing, waiting or dropped (an nginx check)"),
        ],
    );
}

fn hurl(lines: &str) -> String {
    once("hurl", &format!("file = 'login.hurl'\n{lines}"), "'passes'")
}

/// A hurl that is strict about how it is called; then it says this and ends.
fn hurl_says(sandbox: &Sandbox, said: &str, code: u8) {
    let file = sandbox.path("login.hurl").display().to_string();
    sandbox.fake(
        "hurl",
        &format!(
            "#!/bin/sh\n[ \"$*\" = '--test --no-color {file}' ] || exit 99\n\
             [ \"$HURL_VARIABLE_token/$HURL_token\" = 'canary-1/canary-1' ] || exit 98\n\
             cat >&2 <<'END'\n{said}\nEND\nexit {code}\n"
        ),
    );
}

#[test]
fn a_file_of_hurl_passes_or_its_first_complaint_is_told() {
    let sandbox = Sandbox::new();
    sandbox.write("login.hurl", "GET {{host}}\n");
    sandbox.set("TOKEN", "canary-1");
    let checks = hurl("variables = { token = '${TOKEN}', host = 'http://h/' }");
    hurl_says(&sandbox, "login.hurl: Success (1 request(s) in 4 ms)", 0);
    passes(&sandbox, &checks, "it passes\n");
    let said = "error: Assert status code\n  --> login.hurl:2:6\n   |\n   | GET http://h/?canary-1\n 2 | HTTP 201\n   \
        |      ^^^ actual value is <200>\n   |";
    hurl_says(&sandbox, said, 4);
    let run = smoke(&sandbox, &checks).code(1).any_stderr();
    let said = "it  fail  line 2: `Assert status code`, `actual value is <200>`, expected passes\n";
    let ran = run.stdout_has(said).stdout_has("GET http://h/?[redacted]").check();
    assert!(!(ran.stdout + &ran.stderr + &sandbox.read("prod/journal.ndjson")).contains("canary-1"));
    hurl_says(&sandbox, "", 1);
    fails(&sandbox, &checks, "hurl exits with 1, and says ``, expected passes\n");
    sandbox.fake("hurl", "#!/bin/sh\nexec sleep 600\n");
    fails(&sandbox, &(checks.clone() + "timeout = '500ms'\n"), "hurl was ended: it took longer than 0.5 s\n");
    let gone = "cannot run hurl: it is not there, or not executable; see https://hurl.dev/docs/installation.html";
    without_programs(&sandbox, &checks, gone);
    std::fs::remove_file(sandbox.path("login.hurl")).unwrap();
    fails(&sandbox, &checks, &format!("there is no file {}\n", sandbox.path("login.hurl").display()));
}

#[test]
fn what_hurl_cannot_be_asked_is_refused() {
    let refused_of = "a name in `variables` is letters, digits and _, and one of them is a small letter";
    refused(
        "hurl",
        &[
            ("", "'passes'", "`file` is missing: the path of a file, as in \"checks/login.hurl\""),
            ("file = ''", "'passes'", "`file` is empty"),
            ("file = 'x'\nvariables = { INSECURE = '1' }", "'passes'", refused_of),
            ("file = 'x'\nvariables = { 'a=b' = '1' }", "'passes'", refused_of),
            ("file = 'x'\nvariables = { a = 1 }", "'passes'", "`variables` must be a table of texts"),
            ("file = 'x'\nvariables = { a = '${NOBODY_SET_THIS}' }", "'passes'", "NOBODY_SET_THIS is not set"),
            ("file = 'x'", "'valid'", "expected passes (a hurl check), found `valid`"),
        ],
    );
}
