//! The quickstart's story, told by the script itself, with the guestbook.

use std::path::Path;

use testkit::{Sandbox, tools_dir};

fn quickstart() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/quickstart")
}

#[test]
fn the_story_is_as_told_with_port_8000_taken_and_over_its_own_leftovers() {
    let sandbox = Sandbox::new();
    // Whether or not somebody else has it: it is not free.
    let taken = std::net::TcpListener::bind(("127.0.0.1", 8000));
    for _ in 0..2 {
        let story = sandbox.program(&quickstart()).arg("--bin").arg(tools_dir()).arg("qs");
        let told = story.stdout_has("Everything was as told").any_stderr().check().stdout;
        assert!(told.contains("From the broken push to healthy again"), "{told}");
        assert!(!sandbox.read("qs/prod/app.env").contains("PORT=8000"));
    }
    drop(taken);
    // It stopped what it started: the app's lock is free.
    let lock = std::fs::File::open(sandbox.path("qs/prod/shared/data/guestbook.lock")).unwrap();
    lock.try_lock().expect("no guestbook runs any more");
}

#[test]
fn a_directory_that_holds_something_else_is_left_alone() {
    let sandbox = Sandbox::new();
    sandbox.write("mine/letter.txt", "dear");
    let story = sandbox.program(&quickstart()).arg("--bin").arg(tools_dir()).arg("mine");
    story.code(64).stderr_has("holds something else").check();
    assert_eq!(sandbox.read("mine/letter.txt"), "dear");
}
