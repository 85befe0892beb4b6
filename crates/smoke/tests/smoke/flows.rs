//! Flows: somebody logs in, looks at what is behind the login, and logs out, whatever happened.

use std::sync::Mutex;

use testkit::Sandbox;

use crate::server::{Closed, Request, Server, answer, answer_with, hang};
use crate::{fails, passes, smoke};

/// A flow that is made once; `lines` are its steps and its own keys.
pub(crate) fn flow(lines: &str) -> String {
    format!("[[check]]\nname = 'it'\nkind = 'flow'\nattempts = 1\n{lines}\n")
}

/// The steps of somebody who logs in at this server.
fn log_in(server: &Server) -> String {
    flow(&format!(
        r#"
[[check.step]]
url = "{base}/login"
expect = "status == 200"
capture = {{ csrf = 'body matches "name=\"csrf\" value=\"([^\"]+)\""' }}

[[check.step]]
url = "{base}/login"
form = {{ user = "smoke", password = "${{SMOKE_PASSWORD}}", csrf = "${{csrf}}" }}
expect = ["status == 302", 'header Location == "/"']

[[check.step]]
url = "{base}/"
expect = 'body contains "Sign out"'

[[check.step]]
name = "logout"
url = "{base}/logout"
always = true
method = "POST"
expect = "status < 400"
"#,
        base = server.url("")
    ))
}

/// A sandbox that knows the password.
fn knowing(password: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.set("SMOKE_PASSWORD", password);
    sandbox
}

/// An app with a login. Each form has a token of its own, bound to a cookie; a session is one until the logout.
#[derive(Default)]
struct App {
    forms: Mutex<usize>,
    sessions: Mutex<Vec<String>>,
}

impl App {
    fn serve(self) -> Server {
        Server::answers(move |request| self.answer(request))
    }

    fn answer(&self, request: &Request) -> String {
        let cookies = request.header("cookie").unwrap_or_default();
        let session = cookies.split("; ").find_map(|cookie| cookie.strip_prefix("session="));
        let is_in = session.is_some_and(|session| self.sessions.lock().unwrap().iter().any(|own| own == session));
        match request.line.as_str() {
            "GET /login" => {
                *self.forms.lock().unwrap() += 1;
                let token = self.token();
                let cookie = format!("Set-Cookie: form={token}; Path=/login; HttpOnly; SameSite=Strict");
                answer_with(200, &[&cookie], &format!("<input name=\"csrf\" value=\"{token}\">"))
            }
            "POST /login" => {
                let token = self.token();
                let wanted = format!("csrf={token}&password=right%26secret&user=smoke").replace('-', "%2D");
                if request.body != wanted || cookies != format!("form={token}") {
                    return answer(403, "no such user, or an old form");
                }
                self.sessions.lock().unwrap().push("s3ssion-of-smoke".to_owned());
                answer_with(302, &["Location: /", "Set-Cookie: session=s3ssion-of-smoke; Path=/; Secure; HttpOnly"], "")
            }
            "GET /" if is_in => answer(200, "<a>Sign out</a>"),
            "GET /" => answer_with(302, &["Location: /login"], ""),
            "POST /logout" => {
                self.sessions.lock().unwrap().clear();
                answer_with(303, &["Location: /login", "Set-Cookie: session=; Path=/; Max-Age=0"], "")
            }
            other => panic!("{other}"),
        }
    }

    fn token(&self) -> String {
        format!("t0ken-{}", self.forms.lock().unwrap())
    }
}

fn lines(server: &Server) -> Vec<String> {
    server.requests().into_iter().map(|request| request.line).collect()
}

const ALL: [&str; 4] = ["GET /login", "POST /login", "GET /", "POST /logout"];

#[test]
fn who_logs_in_sees_the_page_and_logs_out() {
    let sandbox = knowing("right&secret");
    let server = App::default().serve();
    passes(&sandbox, &log_in(&server), "4 steps, ");
    assert_eq!(lines(&server), ALL);
    assert_eq!(server.requests()[2].header("cookie"), Some("session=s3ssion-of-smoke"));
}

#[test]
fn a_wrong_password_fails_in_its_step_and_the_logout_is_made() {
    let sandbox = knowing("wrong-secret");
    let server = App::default().serve();
    let ran = smoke(&sandbox, &log_in(&server))
        .code(1)
        .stdout_has(format!(
            "it  fail  step 2 (POST {}): status is 403, expected status == 302\n",
            server.url("/login")
        ))
        .stdout_has("\n  status: 403\n  headers:\n    content-length: ")
        .stdout_has("  body: no such user, or an old form\n")
        .stdout_has(format!(
            "  curl: curl -sS -i -b cookies -c cookies --data-urlencode \"csrf=${{csrf}}\" --data-urlencode \
             \"password=${{SMOKE_PASSWORD}}\" --data-urlencode user=smoke {}\n",
            server.url("/login")
        ))
        .any_stderr()
        .check();
    assert_eq!(lines(&server), ["GET /login", "POST /login", "POST /logout"]);
    assert!(!ran.stdout.contains("t0ken"), "{}", ran.stdout);
}

#[test]
fn a_form_that_another_one_replaced_fails() {
    let sandbox = knowing("right&secret");
    let app = App::default();
    let server = Server::answers(move |request| {
        let answer = app.answer(request);
        if request.line == "GET /login" {
            *app.forms.lock().unwrap() += 1;
        }
        answer
    });
    fails(&sandbox, &log_in(&server), &format!("step 2 (POST {}): status is 403, ", server.url("/login")));
}

#[test]
fn a_session_that_is_over_fails_and_so_may_the_logout() {
    let sandbox = knowing("right&secret");
    let app = App::default();
    let server = Server::answers(move |request| match request.line.as_str() {
        "GET /" => {
            app.sessions.lock().unwrap().clear();
            app.answer(request)
        }
        "POST /logout" => answer(500, "s3ssion-of-smoke?"),
        _ => app.answer(request),
    });
    let (page, logout) = (server.url("/"), server.url("/logout"));
    let said = format!(
        "step 3 (GET {page}): the body is empty, expected body contains \"Sign out\"; \
         logout (POST {logout}): status is 500, expected status < 400\n"
    );
    fails(&sandbox, &log_in(&server), &said);
    assert_eq!(lines(&server), ALL);
}

#[test]
fn a_logout_alone_that_fails_is_a_failure() {
    let sandbox = knowing("right&secret");
    let app = App::default();
    let server = Server::answers(move |request| match request.line.as_str() {
        "POST /logout" => answer(500, "out of s3ssion-of-smoke"),
        _ => app.answer(request),
    });
    let run = smoke(&sandbox, &log_in(&server)).code(1).any_stderr();
    let ran = run.stdout_has(format!("it  fail  logout (POST {}): status is 500, ", server.url("/logout"))).check();
    assert!(ran.stdout.contains("body: out of [redacted]\n"), "{}", ran.stdout);
}

#[test]
fn a_server_that_hangs_uses_up_the_time_of_all_steps_but_the_logout_is_made() {
    let sandbox = knowing("right&secret");
    let app = App::default();
    let server = Server::behaves(move |request, stream| {
        if request.line == "POST /login" {
            hang(stream);
        } else {
            std::io::Write::write_all(stream, app.answer(request).as_bytes()).unwrap();
        }
    });
    let checks = log_in(&server).replace("attempts = 1", "attempts = 1\ntimeout = '500ms'");
    let login = server.url("/login");
    let said = format!("step 2 (POST {login}): no whole answer from {login} within 0.5 s\n");
    fails(&sandbox, &checks, &said);
    assert_eq!(lines(&server), ["GET /login", "POST /login", "POST /logout"]);
}

#[test]
fn a_step_that_needs_what_was_not_captured_is_not_made() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|request| match request.line.as_str() {
        "GET /a" => answer(200, "{\"id\": null}"),
        _ => answer(204, ""),
    });
    let url = server.url("");
    let steps = format!(
        "[[check.step]]\nurl = '{url}/a'\nexpect = 'status == 200'\ncapture = {{ id = 'json $.id' }}\n\
         [[check.step]]\nurl = '{url}/a/${{id}}'\nexpect = 'status == 200'\n\
         [[check.step]]\nname = 'delete it'\nmethod = 'DELETE'\nalways = true\nurl = '{url}/a/${{id}}'\nexpect = 'status == 204'\n\
         [[check.step]]\nname = 'bye'\nalways = true\nurl = '{url}/bye'\nexpect = 'status == 204'\n"
    );
    let said = format!(
        "step 1 (GET {url}/a): $.id is null; nothing is captured as `id`; \
         delete it (DELETE {url}/a/${{id}}): not made, `id` was not captured\n"
    );
    fails(&sandbox, &flow(&steps), &said);
    assert_eq!(lines(&server), ["GET /a", "GET /bye"]);
}

#[test]
fn each_attempt_has_cookies_of_its_own() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|request| {
        let status = if request.number < 3 { 500 } else { 200 };
        answer_with(status, &["Set-Cookie: seen=1"], request.header("cookie").unwrap_or("none"))
    });
    let url = server.url("/");
    let steps = format!("[[check.step]]\nurl = '{url}'\nexpect = ['status == 200', 'body == \"none\"']\n");
    let checks = flow(&steps).replace("attempts = 1", "attempts = 3\ninterval = '1ms'");
    smoke(&sandbox, &checks).stdout_has("it  flaky  1 step, ").check();
}

#[test]
fn cookies_are_kept_and_sent_as_rfc_6265_says() {
    let sandbox = Sandbox::new();
    let server = Server::answers(|request| match request.line.as_str() {
        "GET /a/set" => answer_with(
            302,
            &["Location: ../b/there", "Set-Cookie: all=1; Path=/", "Set-Cookie: a=2", "Set-Cookie: gone=3; Path=/"],
            "",
        ),
        "GET /b/there" => answer_with(
            200,
            &["Set-Cookie: gone=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"],
            request.header("cookie").unwrap_or("none"),
        ),
        _ => answer(200, request.header("cookie").unwrap_or("none")),
    });
    let step = |path: &str, more: &str, cookies: &str| {
        format!("[[check.step]]\nurl = '{}'\n{more}\nexpect = \"body == '{cookies}'\"\n", server.url(path))
    };
    let steps = [
        step("/a/set", "redirects = 1", "all=1; gone=3"),
        step("/a", "", "a=2; all=1"),
        step("/a/b", "headers = { Cookie = 'own=0' }", "own=0; a=2; all=1"),
        step("/ab", "", "all=1"),
    ];
    passes(&sandbox, &flow(&steps.concat()), "4 steps, ");
}

#[test]
fn redirects_keep_to_what_they_may_do() {
    let sandbox = Sandbox::new();
    let other = Server::answers(|request| answer(200, &format!("{:?}", request.headers)));
    let (there, away, closed) = (other.url("/x"), other.url("/y"), Closed::new());
    let server = Server::answers(move |request| match request.line.rsplit_once('/').unwrap().1 {
        "303" => answer_with(303, &["Location: end"], ""),
        "307" => answer_with(307, &["Location: end"], ""),
        "away" => answer_with(302, &[&format!("Location: {there}"), "Set-Cookie: s=1"], ""),
        "steal" => answer_with(308, &[&format!("Location: {away}")], ""),
        "nowhere" => answer_with(302, &["Location: javascript:alert(1)"], ""),
        "long" => answer_with(302, &[&format!("Location: {}", closed.url(&"/x".repeat(4500)))], ""),
        "odd" => answer_with(302, &["Location: http://1.2.3.4.5/"], ""),
        "loop" => answer_with(302, &["Location: loop"], ""),
        _ => answer(200, &format!("{} {}", request.line, request.body)),
    });
    let ask = |path: &str, more: &str| {
        flow(&format!("[[check.step]]\nurl = '{}'\nredirects = 2\n{more}\n", server.url(path)))
    };
    let sent = "body = 'secret'\nheaders = { Authorization = 'Bearer x', X-Own = 'y' }\n";
    passes(&sandbox, &ask("/303", &format!("{sent}expect = 'body == \"GET /end \"'")), "1 step, ");
    passes(&sandbox, &ask("/307", &format!("{sent}expect = 'body == \"POST /end secret\"'")), "1 step, ");
    let bare = "expect = ['status == 200', 'body not matches \"bearer|Bearer|x-own|content-type\"']";
    passes(&sandbox, &ask("/away", &format!("{sent}{bare}")), "1 step, ");
    let fails = |path: &str, said: &str| {
        let url = server.url(path);
        let method = if path == "/steal" { "POST" } else { "GET" };
        let lines = if path == "/steal" { sent } else { "" };
        let said = format!("step 1 ({method} {url}): {url}{said}\n");
        fails(&sandbox, &ask(path, &format!("{lines}expect = 'status == 200'")), &said);
    };
    fails("/steal", " redirects to another origin, where what was sent does not go");
    fails("/nowhere", " redirects to no address that can be asked");
    fails("/odd", " redirects to no address that can be asked");
    fails("/loop", ": more than 2 redirects");
    assert_eq!(other.requests().len(), 1);
    let run = smoke(&sandbox, &ask("/long", "expect = 'status == 200'")).code(1).any_stderr();
    let run = run.stdout_has(format!("`{}", closed.url("/x/x/"))).stdout_has("…` refuses the connection");
    assert!(run.check().stdout.len() < 9000);
}

#[test]
fn an_app_that_refuses_is_one_that_does_not_listen() {
    let sandbox = Sandbox::new();
    let url = Closed::new().url("/");
    let steps = format!("[[check.step]]\nurl = '{url}'\nexpect = 'status == 200'\n");
    fails(&sandbox, &flow(&steps), &format!("step 1 (GET {url}): {url} refuses the connection\n"));
    let ca = flow(&format!("ca = 'none.pem'\n{steps}"));
    smoke(&sandbox, &ca).code(74).stdout_has("it  error  cannot read the certificates in ").any_stderr().check();
}
