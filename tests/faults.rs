//! Faults of the machine in a real pipeline: nothing is lost, the operator is told what to do, and once it is mended
//! the next deployment works.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use server::Server;
use testkit::{note, wait_until};

/// The exit codes of the ended deployments. A full disk may tear a line of the journal, which readers skip.
fn ends(server: &Server) -> Vec<i64> {
    let journal = server.sandbox.read("prod/journal.ndjson");
    let records = journal.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    records.filter(|record| record["command"] == "end").filter_map(|end| end["exit_code"].as_i64()).collect()
}

fn last_end(server: &Server) -> i64 {
    *ends(server).last().expect("a deployment ended")
}

/// What was live is live and runs, and once the fault is mended the next push is deployed.
fn all_is_well_again(server: &Server, good: &str, mend: impl FnOnce()) {
    assert_eq!((server.live(), server.running()), (good.to_owned(), good.to_owned()));
    mend();
    server.tool("deploy-queue").arg("run").any_stderr().check();
    let next = server.deploy("ok once more");
    assert_eq!((last_end(server), server.live(), server.running()), (0, next.clone(), next));
}

/// A file system of this size over a directory, with what was in the directory; taken away at the end.
struct Small(PathBuf);

impl Small {
    /// `None` where mounting is not allowed, which is said loudly: the promise is not shown there.
    fn over(dir: &Path, size: &str) -> Option<Self> {
        let aside = dir.with_extension("aside");
        fs::create_dir_all(dir).unwrap();
        fs::rename(dir, &aside).unwrap();
        fs::create_dir(dir).unwrap();
        let options = format!("size={size},mode=700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(dir).status();
        if !mounted.is_ok_and(|status| status.success()) {
            fs::remove_dir(dir).unwrap();
            fs::rename(&aside, dir).unwrap();
            note("SKIPPED: a full disk: this user may not mount a file system");
            return None;
        }
        let copied = Command::new("cp").arg("-a").arg(aside.join(".")).arg(dir).status().unwrap();
        assert!(copied.success());
        Some(Self(dir.to_owned()))
    }

    /// Fills it to the last byte; the file that does so is returned.
    fn fill(&self) -> PathBuf {
        let full = self.0.join("full");
        let to = format!("of={}", full.display());
        let filled = Command::new("dd").args(["if=/dev/zero", "bs=4k", "status=none", &to]).status().unwrap();
        assert!(!filled.success(), "the disk has no end");
        full
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily: the app or a reader of its own may still have a file open.
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

#[test]
fn a_disk_that_is_full_when_a_push_comes_loses_nothing() {
    let server = Server::new();
    let good = server.deploy("ok");
    let Some(small) = Small::over(&server.sandbox.root(), "16m") else { return };
    let full = small.fill();
    let (_, said) = server.push("ok too");
    server.settle();
    assert!(said.contains("no space left on device"), "{said}");
    assert_eq!(ends(&server), [0]);
    all_is_well_again(&server, &good, || fs::remove_file(full).unwrap());
}

#[test]
fn a_disk_that_fills_up_in_the_middle_of_a_deployment_leaves_what_was_live() {
    for (setting, code) in [("TEST_COMMAND", &[1, 2, 3, 74][..]), ("BUILD_COMMAND", &[2, 3, 74])] {
        let server = Server::new();
        let good = server.deploy("ok");
        let Some(small) = Small::over(&server.sandbox.root(), "16m") else { return };
        let full = small.0.join("full");
        // The command fills the disk, and does not mind.
        server.sandbox.set(setting, &format!("dd if=/dev/zero bs=4k of={}; true", full.display()));
        server.push("ok too");
        server.settle();
        assert_eq!((server.live(), server.running()), (good.clone(), good.clone()), "{setting}");
        all_is_well_again(&server, &good, || {
            fs::remove_file(&full).unwrap();
            server.sandbox.set(setting, "true");
        });
        let ends = ends(&server);
        // The journal may have had no room for the end: then the next run settled it, as killed.
        let settled = ends.get(1).is_some_and(|end| code.contains(end) || *end == 137);
        assert!(settled && ends.len() == 3, "{setting}: {ends:?}");
    }
}

#[test]
fn a_backup_disk_that_is_full_is_3_and_nothing_is_touched() {
    let server = Server::new();
    let good = server.deploy("ok");
    let backups = server.sandbox.path("backups");
    let Some(small) = Small::over(&backups, "1m") else { return };
    server.sandbox.set("BACKUP_DIR", &backups.display().to_string());
    let full = small.fill();
    server.deploy("ok too");
    assert_eq!(last_end(&server), 3);
    server.tool("deployment-report").stdout_has("disk is full").check();
    let left = fs::read_dir(&backups).unwrap().flatten().map(|entry| entry.file_name());
    let left: Vec<_> = left.filter(|name| name != "full" && name != ".lock").collect();
    assert!(left.is_empty(), "a failed backup leaves nothing: {left:?}");
    all_is_well_again(&server, &good, || fs::remove_file(full).unwrap());
}

#[test]
fn a_program_that_is_missing_is_named_and_nothing_is_touched() {
    let server = Server::new();
    let good = server.deploy("ok");
    let bin = server.sandbox.path("few");
    fs::create_dir(&bin).unwrap();
    for needed in ["git", "sh", "sqlite3", "cat", "rm", "test"] {
        symlink(Path::new("/usr/bin").join(needed), bin.join(needed)).unwrap();
    }
    server.repository.write("health", "ok too");
    let commit = server.repository.commit("ok too");
    server.repository.git(&["push", "--quiet", "origin", "HEAD:refs/heads/other"]);
    let submit = server.tool("deploy-queue").env("PATH", &bin).args(["submit", "--follow", &commit]);
    submit.code(74).any_stdout().stderr_has("cannot run tar: it is not installed").check();
    all_is_well_again(&server, &good, || ());
}

#[test]
fn another_user_is_refused_by_every_tool_and_told_whom_to_be() {
    let server = Server::new();
    let good = server.deploy("ok");
    chown(server.sandbox.root(), Some(65534), None).expect("only root gives files away: run the tests as root");
    let release = server.sandbox.live();
    for (tool, args) in [
        ("release", &["list"][..]),
        ("release", &["activate", &release]),
        ("rollback", &["--last"]),
        ("deploy-queue", &["submit", "main"]),
        ("deploy-queue", &["run"]),
        ("run-step", &["test", "--", "true"]),
        ("backup-db", &[]),
        ("restore-db", &["--yes", "latest"]),
        ("smoke-test", &["--setting", "SMOKE_CHECKS"]),
    ] {
        let run = server.tool(tool).args(args).code(77);
        run.stderr_has("belongs to user 65534").stderr_has("hint: sudo -u '#65534'").check();
    }
    all_is_well_again(&server, &good, || chown(server.sandbox.root(), Some(0), None).unwrap());
}

#[test]
fn a_current_that_a_person_broke_is_refused_with_a_hint_and_the_push_waits() {
    type Break = fn(&Path);
    let breaks: [(Break, &str); 3] = [
        (|current| fs::create_dir(current).unwrap(), "is not a symbolic link"),
        (|current| symlink("/srv/elsewhere", current).unwrap(), "which is no release"),
        (|current| symlink("releases/../../outside", current).unwrap(), "which is no release"),
    ];
    for (spoil, said) in breaks {
        let server = Server::new();
        let good = server.deploy("ok");
        let (current, aside) = (server.sandbox.root().join("current"), server.sandbox.root().join("aside"));
        fs::rename(&current, &aside).unwrap();
        spoil(&current);
        server.push("ok too");
        server.settle_or_wait();
        server.tool("release").arg("current").code(78).stderr_has(said).stderr_has("hint: ").check();
        server.tool("rollback").arg("--last").code(78).stderr_has(said).check();
        assert_eq!(ends(&server), [0]);
        if current.symlink_metadata().unwrap().is_dir() {
            fs::remove_dir(&current).unwrap();
        }
        fs::rename(&aside, &current).unwrap();
        all_is_well_again(&server, &good, || ());
    }
}

#[test]
fn a_release_that_was_deleted_by_hand_is_no_obstacle_to_the_next() {
    let server = Server::new();
    server.deploy("ok");
    fs::remove_dir_all(server.sandbox.root().join("releases").join(server.sandbox.live())).unwrap();
    server.tool("release").arg("current").code(66).stderr_has("there is no release 1-").check();
    server.tool("rollback").arg("--last").code(66).any_stderr().check();
    let next = server.deploy("ok too");
    assert_eq!((ends(&server), server.live(), server.running()), (vec![0, 0], next.clone(), next));
}

#[test]
fn a_shared_path_that_was_replaced_stops_the_deployment_before_the_switch() {
    let server = Server::new();
    let good = server.deploy("ok");
    let (shared, aside) = (server.sandbox.root().join("shared/data"), server.sandbox.path("aside"));
    fs::rename(&shared, &aside).unwrap();
    fs::write(&shared, "a file").unwrap();
    server.deploy("ok too");
    assert_eq!(last_end(&server), 3);
    fs::remove_file(&shared).unwrap();
    fs::rename(&aside, &shared).unwrap();
    all_is_well_again(&server, &good, || ());
}

/// Ignores TERM, and leaves a child that does so too and holds the output.
const STUBBORN: &str = "trap : TERM; sh -c 'trap : TERM; while :; do sleep 0.1; done' & while :; do sleep 0.1; done";

#[test]
fn a_command_that_hangs_and_ignores_every_request_is_ended_by_its_deadline() {
    for (setting, limit, code) in [
        ("TEST_COMMAND", "STEP_TIMEOUT", 1),
        ("BUILD_COMMAND", "STEP_TIMEOUT", 2),
        ("START_COMMAND", "DEPLOYMENT_TIMEOUT", 3),
    ] {
        let server = Server::new();
        let good = server.deploy("ok");
        let before = setting_of(&server, setting);
        server.sandbox.set(limit, "1s");
        server.sandbox.set(setting, &format!("if grep -q slow health; then {STUBBORN}; fi; {before}"));
        server.deploy("slow ok");
        assert_eq!(last_end(&server), code, "{setting}");
        server.tool("deployment-report").stdout_has("took longer than it may").check();
        all_is_well_again(&server, &good, || server.sandbox.set(limit, ""));
    }
}

fn setting_of(server: &Server, name: &str) -> String {
    let text = server.sandbox.read("prod/deploy.env");
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
    line.unwrap_or("true").to_owned()
}

#[test]
fn a_daemon_that_holds_the_output_and_a_flood_of_it_delay_nothing() {
    let server = Server::new();
    server.sandbox.set("BUILD_COMMAND", "setsid sleep 600 & echo $! > ../../daemon");
    server.sandbox.set("TEST_COMMAND", "head -c 50000000 /dev/zero | tr '[:cntrl:]' x");
    let commit = server.deploy("ok");
    assert_eq!((ends(&server), server.live()), (vec![0], commit));
    let daemon = server.sandbox.read("prod/daemon");
    wait_until("the log holds all of it", || {
        fs::metadata(server.sandbox.path("prod/logs/prod-1-test.log")).is_ok_and(|log| log.len() == 50_000_000)
    });
    testkit::kill("KILL", daemon);
}

#[test]
fn a_directory_that_nobody_may_write_to_is_77_and_nothing_is_touched() {
    let server = Server::new();
    let good = server.deploy("ok");
    let root = server.sandbox.root();
    // For root no mode is in the way: another user owns the environment and runs the tool.
    let give = |owner: &str| {
        assert!(Command::new("chown").args(["-R", owner]).arg(&root).status().unwrap().success());
    };
    give("65534");
    fs::set_permissions(server.sandbox.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(server.sandbox.path("tools"), fs::Permissions::from_mode(0o755)).unwrap();
    for place in ["logs", "state", "backups"] {
        let dir = root.join(place);
        fs::create_dir_all(&dir).unwrap();
        let mode = fs::metadata(&dir).unwrap().permissions();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o500)).unwrap();
        let (tool, args, code): (_, &[&str], _) = match place {
            "logs" => ("run-step", &["test", "--", "touch", "prod/ran"], 77),
            "state" => ("rollback", &["--last"], 77),
            _ => ("backup-db", &[], 73),
        };
        if place == "state" {
            fs::remove_file(dir.join("lock")).unwrap();
        }
        let run = server.sandbox.program("/usr/bin/setpriv".as_ref()).env("PUSHBACK_ENV", server.sandbox.env_file());
        let run = run.args(["--reuid=65534", "--clear-groups", "--"]).arg(server.sandbox.path("tools").join(tool));
        run.args(args).code(code).stderr_has("permission denied").check();
        fs::set_permissions(&dir, mode).unwrap();
    }
    give("0");
    assert!(!root.join("ran").exists());
    all_is_well_again(&server, &good, || ());
}
