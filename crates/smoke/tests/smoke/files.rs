//! Checks of a file, against real ones.

use std::fs::{self, File, FileTimes};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, SystemTime};

use testkit::Sandbox;

use crate::{fails, once, passes, pipe, smoke};

fn file(expect: &str) -> String {
    once("file", "path = 'backup'", expect)
}

/// Makes the file as old as this.
fn ages(sandbox: &Sandbox, modified: SystemTime) {
    let file = File::options().write(true).open(sandbox.path("backup")).unwrap();
    file.set_times(FileTimes::new().set_modified(modified)).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "a file is made old")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[test]
fn a_file_that_is_there_exists_and_is_not_missing() {
    let sandbox = Sandbox::new();
    sandbox.write("backup", "x".repeat(1500));
    passes(&sandbox, &file("['exists', 'size > 1kB', 'size <= 1500B', 'age < 1h']"), "1.5 kB, ");
    fails(&sandbox, &file("'missing'"), "it is there, expected missing\n");
    passes(&sandbox, &once("file", "path = '/'", "'exists'"), "");
}

#[test]
fn a_file_that_is_not_there_is_missing_and_fails_all_else() {
    let sandbox = Sandbox::new();
    passes(&sandbox, &file("'missing'"), "it is missing\n");
    let said = format!("there is no file {}\n", sandbox.path("backup").display());
    for expect in ["exists", "size > 1B", "age < 1h", "mode == 0600", "not contains \"x\""] {
        fails(&sandbox, &file(&format!("'{expect}'")), &said);
    }
    symlink("nowhere", sandbox.path("backup")).unwrap();
    fails(&sandbox, &file("'exists'"), &said);
    fails(&sandbox, &once("file", "path = 'checks.toml/x'", "'exists'"), "there is no file ");
}

#[test]
fn an_old_backup_fails() {
    let sandbox = Sandbox::new();
    sandbox.write("backup", "x");
    ages(&sandbox, now() - Duration::from_secs(24 * 3600));
    passes(&sandbox, &file("'age < 25h'"), "1 B, 24 h old\n");
    ages(&sandbox, now() - Duration::from_secs(26 * 3600));
    fails(&sandbox, &file("'age < 25h'"), "it is 26 h old, expected age < 25h\n");
    ages(&sandbox, SystemTime::UNIX_EPOCH);
    fails(&sandbox, &file("'age <= 25h'"), "it is ");
}

#[test]
fn a_file_from_the_future_is_new_and_says_so() {
    let sandbox = Sandbox::new();
    sandbox.write("backup", "x");
    ages(&sandbox, now() + Duration::from_secs(7200));
    passes(&sandbox, &file("'age < 1s'"), "1 B, from the future: its age counts as 0\n");
}

#[test]
fn its_size_its_mode_and_its_content_are_compared() {
    let sandbox = Sandbox::new();
    let path = sandbox.write("backup", "one\ncanary\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    passes(&sandbox, &file("['mode == 0640', 'contains \"one\\ncan\"', 'not contains \"two\"']"), "11 B, ");
    fails(&sandbox, &file("'size > 1kB'"), "its size is 11 B, expected size > 1kB\n");
    fails(&sandbox, &file("'mode == 0600'"), "its mode is 0640, expected mode == 0600\n");
    fails(&sandbox, &file("'mode != 640'"), "its mode is 0640, expected mode != 640\n");
    fails(&sandbox, &file("'not contains \"one\"'"), "it has it, expected not contains \"one\"\n");
    let run = smoke(&sandbox, &file("'contains \"two\"'")).code(1).any_stderr();
    let ran = run.stdout_has("it  fail  it does not, expected contains \"two\"\n").check();
    assert!(!ran.stdout.contains("canary"), "what stands in a file may be a secret: {}", ran.stdout);
}

#[test]
fn no_more_than_the_first_mib_is_read() {
    let sandbox = Sandbox::new();
    sandbox.write("backup", format!("{}needle", "x".repeat(1 << 20)));
    let patterns = ["contains 'needle'", "not contains 'needle'", "not matches 'needle'", "matches '^x+$'"];
    for undecided in patterns {
        let said = format!("it is longer than is read, expected {undecided}\n");
        fails(&sandbox, &file(&format!("{undecided:?}")), &said);
    }
    passes(&sandbox, &file("['contains \"xx\"', \"matches '^x'\"]"), "1.0 MB, ");
    // As large as nothing that could be read.
    File::create(sandbox.path("backup")).unwrap().set_len(1 << 40).unwrap();
    passes(&sandbox, &file("['size > 1TB', 'contains \"\\u0000\"']"), "1.0 TB, ");
    // No longer than is read.
    sandbox.write("backup", "x".repeat(1 << 20));
    passes(&sandbox, &file("[\"matches '^x+$'\", \"not contains 'needle'\"]"), "1.0 MB, ");
}

#[test]
fn what_is_no_regular_file_has_no_size_and_no_content_and_keeps_nobody() {
    let sandbox = Sandbox::new();
    pipe(&sandbox.path("backup"));
    passes(&sandbox, &file("'exists'"), "");
    fails(&sandbox, &file("'size > 1B'"), "it is not a regular file and has no size");
    fails(
        &sandbox,
        &file("'contains \"x\"'"),
        &format!("{} is not a regular file\n", sandbox.path("backup").display()),
    );
    fails(&sandbox, &once("file", "path = '/'", "'contains \"x\"'"), "/ is not a regular file\n");
}

#[test]
fn what_we_may_not_look_at_is_an_error_of_ours() {
    let sandbox = Sandbox::new();
    sandbox.write("closed/backup", "x");
    fs::set_permissions(sandbox.path("closed"), fs::Permissions::from_mode(0o000)).unwrap();
    let checks = once("file", "path = 'closed/backup'", "'exists'");
    // Root may look everywhere.
    let root = fs::read_dir(sandbox.path("closed")).is_ok();
    let run = smoke(&sandbox, &checks).any_stderr().code(if root { 0 } else { 74 });
    run.stdout_has(if root { "it  pass  " } else { "it  error  cannot look at " }).check();
    fs::set_permissions(sandbox.path("closed"), fs::Permissions::from_mode(0o700)).unwrap();
}
