//! One test per exit code of the pipeline, by a real `git push`.

use server::Server;

fn last_end(server: &Server) -> i64 {
    *server.ends().last().expect("a deployment ended")
}

#[test]
fn a_good_push_is_live_and_verified() {
    let server = Server::new();
    let commit = server.deploy("ok");
    assert_eq!((server.ends(), server.live(), server.running()), (vec![0], commit.clone(), commit));
}

#[test]
fn a_commit_that_is_live_is_not_deployed_again_unless_forced() {
    let server = Server::new();
    let commit = server.deploy("ok");
    let again = |force: &[&str]| server.tool("deploy-queue").args(["submit", "--follow"]).args(force).arg(&commit);
    again(&[]).stdout_has("prod-2: exit 0").stderr_has("is live already").check();
    assert_eq!(server.records("release", "stage").len(), 1);
    again(&["--force"]).stdout_has("prod-3: exit 0").any_stderr().check();
    assert_eq!(server.sandbox.live(), format!("3-{}", &commit[..7]));
}

#[test]
fn failing_tests_touch_nothing() {
    let server = Server::new();
    let good = server.deploy("ok");
    server.sandbox.set("TEST_COMMAND", "exit 3");
    server.deploy("ok too");
    assert_eq!((server.ends(), server.live(), server.running()), (vec![0, 1], good.clone(), good));
}

#[test]
fn a_failing_build_touches_nothing() {
    let server = Server::new();
    let good = server.deploy("ok");
    server.sandbox.set("BUILD_COMMAND", "no-such-program");
    server.deploy("ok too");
    assert_eq!((last_end(&server), server.live()), (2, good));
}

#[test]
fn a_failed_backup_stops_the_deploy() {
    let server = Server::new();
    let good = server.deploy("ok");
    server.sandbox.write("prod/shared/data/app.sqlite", "not a database");
    server.deploy("ok too");
    assert_eq!((last_end(&server), server.live(), server.running()), (3, good.clone(), good));
}

#[test]
fn a_suspect_backup_stops_the_deploy_until_it_is_accepted() {
    let server = Server::new();
    let good = server.deploy("ok");
    let database = server.sandbox.path("prod/shared/data/app.sqlite");
    let sql = |sql: &str| server.sandbox.program("sqlite3".as_ref()).arg(&database).arg(sql).check();
    sql("create table big (x); with recursive n(i) as (select 1 union all select i + 1 from n where i < 500) \
         insert into big select i from n");
    server.tool("backup-db").any_stdout().check();
    sql("delete from big");
    server.deploy("ok too");
    assert_eq!((last_end(&server), server.live(), server.running()), (3, good.clone(), good));
    let backups = server.records("backup-db", "create");
    let path = backups.last().unwrap()["details"]["path"].as_str().unwrap().to_owned();
    server.tool("backup-db").arg("accept").arg(path).any_stdout().check();
    let commit = server.deploy("ok again");
    assert_eq!((last_end(&server), server.live()), (0, commit));
}

#[test]
fn a_missing_database_is_skipped_before_the_first_activation_only() {
    let server = Server::new();
    let good = server.deploy("ok");
    let backups = server.records("backup-db", "create");
    assert!(backups[0]["details"]["skipped"].is_string(), "{backups:?}");
    std::fs::remove_file(server.sandbox.path("prod/shared/data/app.sqlite")).unwrap();
    server.deploy("ok too");
    assert_eq!((last_end(&server), server.live()), (3, good));
}

#[test]
fn a_failed_activation_goes_back() {
    let server = Server::new();
    let good = server.deploy("ok");
    server.sandbox.set("START_COMMAND", "grep -q ok health && echo \"@$PUSHBACK_COMMIT\" > data/running");
    server.deploy("does not start");
    assert_eq!((last_end(&server), server.live(), server.running()), (3, good.clone(), good));
}

#[test]
fn a_failed_smoke_test_goes_back_and_the_data_is_still_there() {
    let server = Server::new();
    let good = server.deploy("ok");
    server.sandbox.write("prod/shared/data/entry", "hello");
    server.deploy("sick");
    assert_eq!((last_end(&server), server.live(), server.running()), (4, good.clone(), good));
    assert_eq!(server.sandbox.read("prod/current/data/entry"), "hello");
}

#[test]
fn a_failed_first_deployment_stops_the_app() {
    let server = Server::new();
    server.deploy("sick");
    assert_eq!((server.ends(), server.live(), server.running()), (vec![5], String::new(), String::new()));
    let fixed = server.deploy("ok");
    assert_eq!((last_end(&server), server.live(), server.running()), (0, fixed.clone(), fixed));
}

#[test]
fn a_rollback_that_fails_too_is_critical() {
    let server = Server::new();
    server.deploy("ok");
    server.sandbox.set("START_COMMAND", "false");
    server.deploy("sick");
    assert_eq!(last_end(&server), 5);
}

#[test]
fn a_smoke_test_that_cannot_find_out_leaves_the_release_and_asks_for_a_person() {
    let server = Server::new();
    server.deploy("ok");
    server.repository.write(
        "smoke.toml",
        "[[check]]\nname = 'x'\nkind = 'command'\nrun = ['no-such-program']\nattempts = 1\nexpect = 'exit == 0'\n",
    );
    let commit = server.deploy("ok too");
    assert_eq!((last_end(&server), server.live()), (6, commit));
    server.sandbox.set("SMOKE_INCONCLUSIVE", "rollback");
    server.deploy("ok once more");
    assert!([4, 5].contains(&last_end(&server)), "{:?}", server.ends());
}

#[test]
fn preflight_says_no_before_anything_is_touched() {
    let server = Server::new();
    let good = server.deploy("ok");
    server
        .repository
        .write("preflight.toml", "[[check]]\nname = 'disk'\nkind = 'disk'\npath = '.'\nexpect = 'free > 900000GB'\n");
    server.deploy("ok too");
    assert_eq!((last_end(&server), server.live()), (69, good));
}

#[test]
fn a_smoke_file_that_cannot_be_read_is_found_before_anything_is_touched() {
    let server = Server::new();
    let good = server.deploy("ok");
    server.repository.write("smoke.toml", "[[check]]\nname = 'x'\nkind = 'psychic'\nexpect = 'all well'\n");
    server.deploy("ok too");
    assert_eq!((last_end(&server), server.live()), (78, good));
}

#[test]
fn a_commit_that_cannot_be_staged_touches_nothing() {
    let server = Server::new();
    let good = server.deploy("ok");
    server.sandbox.fake("tar", "#!/bin/sh\necho 'tar: disk full' >&2\nexit 2\n");
    let path = format!("{}:{}", server.sandbox.path("bin").display(), std::env::var("PATH").unwrap());
    server.repository.write("health", "ok too");
    let commit = server.repository.commit("ok too");
    server.repository.git(&["push", "--quiet", "origin", "HEAD:refs/heads/unmapped"]);
    let submit = server.tool("deploy-queue").env("PATH", path).args(["submit", "--follow", &commit]);
    submit.code(74).any_stdout().stderr_has("tar: disk full").check();
    assert_eq!(server.live(), good);
}

#[test]
fn the_guard_refuses_a_commit_that_was_rolled_back_until_it_is_forced() {
    let server = Server::new();
    let good = server.deploy("ok");
    let bad = server.deploy("sick");
    let submit = |force: &[&str]| server.tool("deploy-queue").args(["submit", "--follow"]).args(force).arg(&bad);
    submit(&[]).code(75).any_stdout().stderr_has("a person must look first").check();
    assert_eq!(server.live(), good);
    submit(&["--force"]).code(4).any_stdout().any_stderr().check();
    assert_eq!((server.live(), server.running()), (good.clone(), good));
}

#[test]
fn what_is_not_supported_yet_is_refused_before_anything_is_touched() {
    for (setting, value) in
        [("RELEASE_STRATEGY", "compose"), ("MIGRATIONS_DIR", "migrations"), ("SERVICE", "app.service")]
    {
        let server = Server::new();
        let good = server.deploy("ok");
        server.sandbox.set(setting, value);
        server.deploy("ok too");
        assert_eq!((last_end(&server), server.live()), (78, good), "{setting}");
    }
}

#[test]
fn a_pipeline_that_crashes_is_not_mistaken_for_a_failed_build() {
    let server = Server::new();
    let good = server.deploy("ok");
    let script = server.sandbox.path("tools/deploy");
    let text = std::fs::read_to_string(&script).unwrap();
    // A syntax error: dash exits with 2, which the pipeline's table calls a failed build.
    std::fs::write(&script, format!("{text}\nif then\n").replace("main \"$@\"\n", "")).unwrap();
    server.deploy("ok too");
    assert_eq!((last_end(&server), server.live()), (74, good));
}

#[test]
fn wrong_usage_of_the_pipeline_is_64_and_by_hand_it_takes_its_place_in_the_queue() {
    let server = Server::new();
    server.tool("deploy").code(64).stderr("usage: deploy [--force] ENV COMMIT\n").check();
    server.repository.write("health", "ok");
    let (commit, _) = server.repository.push("ok");
    server.settle();
    let path = format!("{}:{}", server.sandbox.path("tools").display(), std::env::var("PATH").unwrap());
    let deploy = server.tool("deploy").env("PATH", path).arg("--force").arg(server.sandbox.env_file()).arg(commit);
    deploy.stdout_has("prod-2: exit 0: live and verified").any_stderr().check();
}

#[test]
fn settings_that_others_may_read_are_not_permitted() {
    let server = Server::new();
    let good = server.deploy("ok");
    // Readable by others, as any file that was made without a thought.
    let app = server.sandbox.write("prod/app.env", "SECRET=1\n");
    server.sandbox.set("APP_ENV_FILE", &app.display().to_string());
    server.deploy("ok too");
    assert_eq!((last_end(&server), server.live(), server.running()), (77, good.clone(), good));
}

#[test]
fn an_activation_that_is_refused_before_it_touches_anything_condemns_nothing() {
    let server = Server::new();
    let good = server.deploy("ok");
    // A test suite that makes what SHARED_PATHS names.
    server.sandbox.set("TEST_COMMAND", "mkdir data");
    server.deploy("ok too");
    assert_eq!((last_end(&server), server.live(), server.running()), (3, good.clone(), good));
    let list = server.tool("release").arg("list").any_stdout().check().stdout;
    assert!(!list.contains("bad"), "{list}");
}

#[test]
fn a_deployment_without_a_smoke_test_is_not_called_verified() {
    let server = Server::new();
    server.sandbox.set("SMOKE_CHECKS", "");
    let commit = server.deploy("ok");
    assert_eq!((server.ends(), server.live()), (vec![0], commit));
    server.tool("deployment-report").stdout_has("exit 0: live; no smoke test is set").check();
}

#[test]
fn a_password_in_an_address_is_shown_nowhere() {
    let server = Server::new();
    server.sandbox.set("SMOKE_CHECKS", "");
    server.sandbox.set("API_URL", "http://bob:canary@127.0.0.1:9/");
    server.deploy("ok");
    assert_eq!(server.ends(), [78]);
    for file in ["prod/journal.ndjson", "prod/logs/prod-1.log", "prod/logs/runner.log"] {
        assert!(!server.sandbox.read(file).contains("canary"), "{file}");
    }
}
