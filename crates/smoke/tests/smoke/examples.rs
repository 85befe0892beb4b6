//! The checks files in `examples/checks`, as they stand there, against all that they look at: what is well passes, and
//! each thing that breaks fails its own check.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use serde_json::json;
use testkit::{Nginx, Postgres, Redis, Sandbox, commit_of};

use crate::deployment::{Deployment, Fault, example};
use crate::server::Server;
use crate::telegram::{TOKEN, quiet, telegram};
use crate::tls::Authority;

#[test]
fn the_checks_of_an_agent_pass_and_each_fails_for_its_own_reason() {
    let mut agent = Deployment::of("agent.toml");
    let bots = Server::answers(telegram(&quiet()));
    let many = Server::answers(telegram(&json!({"url": "", "pending_update_count": 1000})));
    let postgres = Postgres::start();
    let database = postgres.fresh();
    let sql = |text: &str| drop(database.sql_as_app(text));
    sql("CREATE TABLE users (id INTEGER)");
    agent.set("DATABASE_URL", &database.url());
    agent.set("API_TOKEN", "api-token-of-the-test");
    agent.set("TELEGRAM_API_TOKEN", TOKEN);
    agent.set("TELEGRAM_API_URL", &bots.url(""));
    agent.begin();
    // Of a sort that there was before.
    agent.log("ERROR feed 18 does not answer");
    agent.fails(&[
        (
            Fault::App("commit", json!(commit_of(1))),
            1,
            &[("health", "stale", "commit 000000100000 answers, expected ")],
        ),
        (Fault::App("status", json!("starting")), 1, &[("health", "fail", "$.status is \"starting\", expected ")]),
        (
            Fault::Other(&|| postgres.stop(), &|| postgres.restart()),
            1,
            &[("database", "fail", "cannot ask postgres://")],
        ),
        (
            Fault::Other(&|| sql("ALTER TABLE users RENAME TO people"), &|| sql("ALTER TABLE people RENAME TO users")),
            1,
            &[("database", "fail", "relation \"users\" does not exist")],
        ),
        (
            Fault::Setting("TELEGRAM_API_TOKEN", "123456:wrong-wrong-wrong-wrong".to_owned()),
            1,
            &[("bot", "fail", "getMe: status 401, `Unauthorized`")],
        ),
        (
            Fault::Setting("TELEGRAM_API_URL", many.url("")),
            1,
            &[("bot", "fail", "1000 updates wait to be delivered, expected pending < 100")],
        ),
        (
            Fault::App("worker", json!({"state": "stopped", "seconds_since_run": 3})),
            1,
            &[("worker", "fail", "$.worker.state is \"stopped\", expected ")],
        ),
        (
            Fault::App("worker", json!({"state": "running", "seconds_since_run": 600})),
            1,
            &[("worker", "fail", "$.worker.seconds_since_run is 600, expected ")],
        ),
        (
            Fault::App("worker", json!({"state": "running", "seconds_since_run": null})),
            1,
            &[("worker", "fail", "$.worker.seconds_since_run is null, expected ")],
        ),
        (Fault::App("scheduler", json!({"state": "running", "seconds_since_run": 60})), 0, &[]),
        (Fault::App("scheduler", json!({"state": "running", "seconds_since_run": null})), 0, &[]),
        (
            Fault::App("scheduler", json!({"state": "running", "seconds_since_run": 90_000})),
            1,
            &[("scheduler", "fail", "expected json $.scheduler[?@ > 3600] missing")],
        ),
        (
            Fault::App("scheduler", json!({"state": "crashed"})),
            1,
            &[("scheduler", "fail", "$.scheduler.state is \"crashed\", expected ")],
        ),
        (
            Fault::App("stats", json!({"users": 1, "messages": "n/a"})),
            1,
            &[("stats", "fail", "$.messages is \"n/a\", expected ")],
        ),
        (Fault::Setting("API_TOKEN", "another-token".to_owned()), 1, &[("stats", "fail", "status is 401, expected ")]),
        (
            Fault::Log("Traceback (most recent call last):"),
            1,
            &[("log", "fail", "1 new line: `Traceback (most recent call last):`, expected lines not contains")],
        ),
        (Fault::Log("CRITICAL the queue is full"), 1, &[("log", "fail", "`CRITICAL the queue is full`")]),
        (Fault::Log("ERROR feed 19 does not answer"), 0, &[]),
    ]);
}

#[test]
fn the_checks_of_a_site_in_production_pass_and_each_fails_for_its_own_reason() {
    let mut site = Deployment::of("production.toml");
    let authority = Authority::new(&site.sandbox);
    let proxy = format!("location / {{ proxy_pass http://{}; }}", site.app_address());
    let strict = format!("add_header Strict-Transport-Security 'max-age=63072000';\n{proxy}");
    let nginx = |name: &str, days: i32, directives: &str| {
        authority.certify(name, days, false);
        let [certificate, key] = ["cert.pem", "key.pem"].map(|file| site.sandbox.path(file));
        Nginx::with_tls(directives, &certificate, &key)
    };
    let [good, foreign, ended, ending, lax] = [
        nginx("DNS:localhost", 61, &strict),
        nginx("DNS:other.example", 61, &strict),
        nginx("DNS:localhost", -1, &strict),
        nginx("DNS:localhost", 10, &strict),
        nginx("DNS:localhost", 61, &proxy),
    ];
    let astray = nginx("DNS:localhost", 61, "location / { proxy_pass http://127.0.0.1:1; }");
    let ca = authority.pem().display().to_string();
    let (postgres, redis) = (Postgres::start(), Redis::start());
    let database = postgres.fresh();
    let sql = |text: &str| drop(database.sql_as_app(text));
    sql("CREATE TABLE schema_migrations (version BIGINT);
         INSERT INTO schema_migrations VALUES (20261001120000), (20261121090000)");
    site.set("SITE_URL", &good.secure_url(""));
    site.set("SITE_CA", &ca);
    site.set("SMOKE_PASSWORD", "password-of-the-test");
    site.set("DATABASE_URL", &database.url());
    site.set("REDIS_URL", &format!("redis://{}", redis.address()));
    site.set("BACKUP_AFTER_COMMAND", "ln -sfn \"$PUSHBACK_BACKUP\" ../newest-backup");
    site.sandbox.tool("backup-db").stdout_has("/prod/backups/").any_stderr().check();
    site.begin();
    let manifest = site.sandbox.path("prod/newest-backup/manifest.json");
    let made = fs::metadata(&manifest).unwrap().modified().unwrap();
    let dated = |time: SystemTime| File::options().write(true).open(&manifest).unwrap().set_modified(time).unwrap();
    let old = || dated(made - Duration::from_secs(26 * 3600));
    let (newest, away) = (site.sandbox.path("prod/newest-backup"), site.sandbox.path("prod/away"));
    let hide = || fs::rename(&newest, &away).unwrap();
    site.fails(&[
        (Fault::Setting("SITE_URL", ending.secure_url("")), 0, &[("site", "warn", ", expected certificate > 14d")]),
        (
            Fault::Setting("SITE_URL", lax.secure_url("")),
            0,
            &[("site", "warn", ", expected header Strict-Transport-Security contains \"max-age=\"")],
        ),
        (
            Fault::Setting("SITE_URL", foreign.secure_url("")),
            1,
            &[("site", "warn", "certificate not valid for name"), ("links", "fail", "certificate not valid for name")],
        ),
        (
            Fault::Setting("SITE_URL", ended.secure_url("")),
            1,
            &[("site", "warn", "Expired"), ("links", "fail", "Expired")],
        ),
        (
            Fault::Setting("SITE_URL", astray.secure_url("")),
            1,
            &[("site", "warn", "status is 502, expected status == 200"), ("links", "fail", "/ (502, the start)")],
        ),
        (
            Fault::App("commit", json!(commit_of(1))),
            1,
            &[("health", "stale", "commit 000000100000 answers, expected ")],
        ),
        (Fault::App("password", json!("another")), 1, &[("login", "fail", "status is 403, expected status == 303")]),
        (Fault::App("greets", json!(false)), 1, &[("login", "fail", "the body does not: ")]),
        (
            Fault::Other(&|| postgres.stop(), &|| postgres.restart()),
            1,
            &[("database", "fail", "cannot ask postgres://")],
        ),
        (
            Fault::Other(&|| sql("DELETE FROM schema_migrations WHERE version > 20261101000000"), &|| {
                sql("INSERT INTO schema_migrations VALUES (20261121090000)");
            }),
            1,
            &[("database", "fail", "rows[0][0] is 20261001120000, expected rows[0][0] >= 20261121090000")],
        ),
        (Fault::Other(&|| redis.stop(), &|| redis.restart()), 1, &[("cache", "fail", "refuses the connection")]),
        (
            Fault::Other(&|| drop(redis.command(&["CONFIG", "SET", "requirepass", "another"])), &|| redis.restart()),
            1,
            &[("cache", "fail", "NOAUTH")],
        ),
        (
            Fault::App("about", json!(false)),
            1,
            &[("links", "fail", "1 is broken: /about (404, linked from /), expected broken == 0")],
        ),
        (Fault::Other(&old, &|| dated(made)), 0, &[("backup", "warn", "26 h old, expected age < 25h")]),
        (Fault::Other(&hide, &|| fs::rename(&away, &newest).unwrap()), 0, &[("backup", "warn", "there is no file ")]),
    ]);
    // Whoever got in was let out, also where the page after the login was wrong.
    let log = fs::read_to_string(site.log_file()).unwrap();
    let times = |line: &str| log.matches(line).count();
    let let_in = times("\"POST /login HTTP/1.1\" 303");
    assert!(let_in > 10, "{log}");
    assert_eq!(times("\"POST /login HTTP/1.1\" 403"), 1, "{log}");
    assert_eq!(times("\"POST /logout HTTP/1.1\" 303"), let_in + 1, "{log}");
}

#[test]
fn a_file_needs_the_settings_that_its_first_lines_name_and_no_others() {
    for (file, count) in [("agent.toml", 9), ("production.toml", 7)] {
        let text = fs::read_to_string(example(file)).unwrap();
        let names = text.lines().find_map(|line| line.strip_prefix("# Settings: ")?.strip_suffix('.')).unwrap();
        let list = |sandbox: &Sandbox| sandbox.tool("smoke-test").arg(example(file)).arg("--list");
        let with = |left_out: &str| {
            let sandbox = Sandbox::new();
            for name in names.split(", ").filter(|name| !["DEPLOY_ROOT", left_out].contains(name)) {
                let value = match name {
                    "DATABASE_URL" => "postgres://app:x@db/app",
                    "REDIS_URL" => "redis://cache",
                    "TELEGRAM_API_TOKEN" => TOKEN,
                    name if name.ends_with("_URL") => "https://www.example.org",
                    _ => "a-value",
                };
                sandbox.set(name, value);
            }
            sandbox
        };
        let listed = list(&with("")).any_stdout().check().stdout;
        assert_eq!(listed.lines().count(), count, "{listed}");
        for name in names.split(", ").filter(|name| *name != "DEPLOY_ROOT") {
            list(&with(name)).code(78).stderr_has(name).check();
        }
    }
}
