//! A deployment is judged by what the app logs since it began, and a rollback by what it logs since then.

use server::Server;

const CHECKS: &str = r#"
[[check]]
name = "no error"
kind = "log"
attempts = 1
expect = ['lines not contains "ERROR"', 'lines contains "@"']
"#;

/// A server whose app says its commit, and what stands in `says`, when it starts.
fn server() -> Server {
    let server = Server::new();
    server.sandbox.set("START_COMMAND", "echo \"@$PUSHBACK_COMMIT\" | tee data/running; cat says; sqlite3 data/app.sqlite 'create table if not exists t (x)'");
    server.repository.write("smoke.toml", CHECKS);
    server.repository.write("says", "well\n");
    server
}

#[test]
fn an_error_in_the_log_is_rolled_back_and_does_not_condemn_the_old_release() {
    let server = server();
    let good = server.deploy("ok");
    server.repository.write("says", "ERROR: no such table\n");
    server.deploy("ok, as far as anybody can see");
    assert_eq!((server.ends(), server.live(), server.running()), (vec![0, 4], good.clone(), good));
    let smoke = &server.records("smoke-test", "check")[3];
    let said = smoke["details"]["checks"][0]["message"].as_str().unwrap();
    assert!(said.starts_with("1 new line: `ERROR: no such table`"), "{smoke}");
    // Nor does it condemn the next one.
    server.repository.write("says", "well again\n");
    let mended = server.deploy("ok now");
    assert_eq!((server.ends(), server.live()), (vec![0, 4, 0], mended));
}

#[test]
fn a_person_goes_back_to_a_release_from_one_that_logs_errors() {
    let server = server();
    let good = server.deploy("ok");
    server.deploy("ok too");
    let log = server.sandbox.path("prod/logs/app.log");
    std::fs::write(&log, server.sandbox.read("prod/logs/app.log") + "ERROR: at night\n").unwrap();
    server.tool("rollback").arg("--last").any_stdout().any_stderr().check();
    assert_eq!((server.live(), server.running()), (good.clone(), good));
    let prepared = server.records("smoke-test", "prepare");
    assert_eq!(prepared.last().unwrap()["parent"], "rollback");
}

#[test]
fn without_a_check_of_a_log_the_apps_own_is_noted_once_a_deployment() {
    let server = Server::new();
    server.deploy("ok");
    let noted = server.records("smoke-test", "prepare");
    assert_eq!(noted.len(), 1, "{noted:?}");
    let log = server.sandbox.path("prod/logs/app.log").display().to_string();
    assert_eq!(noted[0]["details"]["logs"], serde_json::json!([{ "path": log }]));
}
