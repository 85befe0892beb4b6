//! Checks of the app's own settings. No value is ever shown.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use testkit::Sandbox;

use crate::{fails, once, passes, smoke};

/// An environment whose app gets these settings.
fn gets(settings: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let file = sandbox.write("prod/app.env", settings);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    sandbox.set("APP_ENV_FILE", &file.display().to_string());
    sandbox
}

fn variables(names: &str, expect: &str) -> String {
    once("env", &format!("variables = {names}"), expect)
}

#[test]
fn what_is_set_is_set_and_what_is_empty_is_not() {
    let sandbox = gets("SECRET_KEY=canary-canary-canary\nAPI_URL='https://example.org'\nEMPTY=\n");
    passes(&sandbox, &variables("['SECRET_KEY', 'API_URL']", "'set'"), "SECRET_KEY, API_URL as expected\n");
    passes(&sandbox, &variables("['EMPTY', 'NOWHERE']", "'unset'"), "EMPTY, NOWHERE as expected\n");
    fails(&sandbox, &variables("['API_URL', 'EMPTY']", "'set'"), "EMPTY is not set, expected set\n");
    fails(&sandbox, &variables("['NOWHERE']", "'length >= 1'"), "NOWHERE is not set, expected length >= 1\n");
    fails(&sandbox, &variables("['SECRET_KEY']", "'unset'"), "SECRET_KEY is set, expected unset\n");
}

#[test]
fn a_short_secret_fails_and_neither_it_nor_its_length_is_shown() {
    let sandbox = gets("SECRET_KEY=cänary-27-characters-long-x\n");
    passes(&sandbox, &variables("['SECRET_KEY']", "['set', 'length >= 27']"), "SECRET_KEY as expected\n");
    let run = smoke(&sandbox, &variables("['SECRET_KEY']", "'length >= 32'")).code(1).any_stderr();
    let ran = run.stdout_has("it  fail  SECRET_KEY is shorter than 32, expected length >= 32\n").check();
    // A time may have any digits.
    let journal = sandbox.journal();
    let messages: Vec<&str> =
        journal.iter().map(|record| record["details"]["checks"][0]["message"].as_str().unwrap()).collect();
    let (seen, _) = ran.stdout.split_once("\n1 check: ").unwrap();
    let said = format!("{seen}{}{}", ran.stderr, messages.concat());
    assert!(messages.len() == 2 && !said.contains("27"), "{said}");
    assert!(!(said + &sandbox.read("prod/journal.ndjson")).contains("nary"));
}

#[test]
fn our_own_environment_is_not_the_one_of_the_app() {
    let sandbox = gets("OTHER=x\n");
    let run = smoke(&sandbox, &variables("['DATABASE_URL']", "'set'")).env("DATABASE_URL", "sqlite:///x");
    run.code(1).stdout_has("it  fail  DATABASE_URL is not set, expected set\n").any_stderr().check();
}

#[test]
fn without_a_file_the_app_gets_nothing_and_this_is_said() {
    let sandbox = Sandbox::new();
    let note = "; without APP_ENV_FILE the app gets no settings\n";
    fails(&sandbox, &variables("['SECRET_KEY']", "'set'"), &format!("SECRET_KEY is not set, expected set{note}"));
    passes(&sandbox, &variables("['SECRET_KEY']", "'unset'"), &format!("SECRET_KEY as expected{note}"));
}

#[test]
fn a_file_that_the_app_could_not_be_started_with_fails() {
    let sandbox = gets("SECRET_KEY=x\ncanary/not a name=y\n");
    let checks = variables("['SECRET_KEY']", "'set'");
    let run = smoke(&sandbox, &checks).code(1).stdout_has("app.env: line 2: ").any_stderr();
    assert!(!run.check().stdout.contains("canary"));
    fs::set_permissions(sandbox.path("prod/app.env"), fs::Permissions::from_mode(0o644)).unwrap();
    fails(&sandbox, &checks, "will not read the settings in ");
    fs::remove_file(sandbox.path("prod/app.env")).unwrap();
    fails(&sandbox, &checks, "cannot read APP_ENV_FILE ");
}
