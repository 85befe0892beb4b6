//! The way back in a real pipeline: proven in preflight, and gone by commit and by tag.

use server::Server;

/// A preflight of a server that asks for the way back.
fn preflight(server: &Server) {
    let (rollback, settings) = (server.sandbox.path("tools/rollback"), server.sandbox.env_file());
    let check = format!(
        "[[check]]\nname = 'way back'\nkind = 'command'\nrun = ['{}', '-e', '{}', '--check']\nattempts = 1\nexpect = 'exit == 0'\n",
        rollback.display(),
        settings.display()
    );
    server.repository.write("preflight.toml", check);
}

#[test]
fn a_preflight_check_proves_the_way_back_and_never_blocks_a_first_deployment() {
    let server = Server::new();
    preflight(&server);
    let first = server.deploy("ok");
    let second = server.deploy("ok again");
    assert_eq!(server.ends(), [0, 0]);
    let old = server.sandbox.live();
    std::fs::remove_file(server.sandbox.root().join("current/smoke.toml")).unwrap();
    server.deploy("ok a third time");
    assert_eq!((server.ends(), server.running()), (vec![0, 0, 69], second.clone()));
    let checks = server.records("smoke-test", "check");
    let refused = checks.iter().rfind(|record| record["success"] == false).unwrap();
    let message = refused["details"]["checks"][0]["message"].as_str().unwrap();
    assert!(message.contains(&format!("the way back to {old} is broken: there is no checks file")), "{message}");
    // What the broken release needs is not its own smoke test but another way back.
    server.tool("rollback").args(["--to-commit", &first, "--keep-good"]).any_stdout().any_stderr().check();
    let fourth = server.deploy("ok a fourth time");
    assert_eq!((server.ends(), server.running()), (vec![0, 0, 69, 0], fourth));
}

#[test]
fn a_person_goes_back_to_a_tag_and_forward_to_a_commit() {
    let server = Server::new();
    let first = server.deploy("ok");
    server.repository.git(&["tag", "-a", "-m", "the first", "v1"]);
    server.repository.git(&["push", "--quiet", "origin", "v1"]);
    let second = server.deploy("ok again");
    let rollback = |args: &[&str]| server.tool("rollback").args(args).any_stdout().any_stderr();
    rollback(&["--to-version", "v1", "--keep-good"]).check();
    assert_eq!((server.live(), server.running()), (first.clone(), first));
    rollback(&["--to-commit", &second[..7]]).check();
    assert_eq!((server.live(), server.running()), (second.clone(), second));
}
