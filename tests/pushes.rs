//! Many pushes at once, and pushes of hostile names, with each git of this machine on both sides of the push.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;

use serde_json::Value;
use server::Server;
use testkit::gits;

/// A server, and the git that talks to it and that it talks to.
struct Place {
    server: Server,
    git: PathBuf,
}

/// Does the same with each git, and says which ones there were: what `println!` says in a passed test, nobody sees.
fn with_each_git(test: &str, check: impl Fn(&Place)) {
    for git in gits() {
        let place = Place { server: Server::new(), git };
        let version = place.git(&["version"]);
        drop(writeln!(io::stderr(), "{test}: {}: {version}", place.git.display()));
        check(&place);
    }
}

impl Place {
    fn command(&self, dir: &Path, args: &[&str]) -> Command {
        let run = self.server.sandbox.program(&self.git.join("git")).path_first(&self.git).dir(dir);
        let person = ["-c", "user.name=Tester", "-c", "user.email=tester@example.org"];
        run.env("GIT_CONFIG_NOSYSTEM", "1").args(person).args(args).into_command()
    }

    fn git_in(&self, dir: &Path, args: &[&str]) -> String {
        let output = self.command(dir, args).output().expect("git runs");
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    fn git(&self, args: &[&str]) -> String {
        self.git_in(&self.server.repository.clone, args)
    }

    fn commit(&self, health: &str) -> String {
        self.server.repository.write("health", health);
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", health]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn try_push(&self, dir: &Path, args: &[&str]) -> Output {
        let args = [&["push", "--no-progress", "--force"], args].concat();
        self.command(dir, &args).output().expect("git runs")
    }

    /// Pushes and waits for the outcome; returns what the pusher was told.
    fn push(&self, refspecs: &[&str]) -> String {
        let args = [&["-o", "wait", "--", "origin"], refspecs].concat();
        let pushed = self.try_push(&self.server.repository.clone, &args);
        let said = String::from_utf8_lossy(&pushed.stderr).into_owned();
        assert!(pushed.status.success(), "{said}");
        said
    }

    fn map(&self, references: &[&str]) {
        let maps = references.iter().map(|name| format!("--map={name}={}", self.server.sandbox.env_file().display()));
        let install = self.server.tool("post-receive").env_remove("PUSHBACK_ENV").arg("install");
        install.arg(&self.server.repository.bare).args(maps).any_stdout().any_stderr().check();
    }

    /// The commits that were staged, in their order: a deployment that finds its commit live stages nothing.
    fn staged(&self) -> Vec<String> {
        let staged = self.server.records("release", "stage");
        staged.iter().map(|record| record["commit"].as_str().expect("a commit").to_owned()).collect()
    }

    /// Every deployment has one begin and one end, every submission one fate, and what is live runs.
    fn is_consistent(&self) {
        let (begins, ends) = (self.server.records("deploy-queue", "begin"), self.server.ends());
        assert!(begins.len() == ends.len() && ends.iter().all(|code| *code == 0), "{begins:?} {ends:?}");
        let supersedes = self.server.records("deploy-queue", "supersede");
        let mut fates: Vec<u64> = begins.iter().chain(&supersedes).map(entry).collect();
        fates.sort_unstable();
        let submitted: Vec<u64> = (1..=fates.len() as u64).collect();
        assert_eq!(fates, submitted, "each submission has one fate");
        let staged = self.staged();
        assert_eq!(staged.iter().collect::<BTreeSet<_>>().len(), staged.len(), "a commit was deployed twice");
        assert_eq!(self.server.live(), self.server.running());
    }
}

fn entry(record: &Value) -> u64 {
    record["details"]["entry"].as_u64().expect("a submission's number")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The number in the answer `submission 7: 3f2a1c9 to prod, …`.
fn submission(said: &str) -> u64 {
    let number = said.split("submission ").nth(1).and_then(|rest| rest.split(':').next()?.parse().ok());
    number.unwrap_or_else(|| panic!("no place in the queue was told: {said}"))
}

#[test]
fn of_sixteen_pushes_at_once_the_newest_is_deployed_and_everybody_is_told() {
    with_each_git("sixteen pushes at once", |place| {
        let names: Vec<String> = (1..=16).map(|number| format!("b{number}")).collect();
        place.map(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let commits: Vec<String> = names.iter().map(|name| place.commit(&format!("ok {name}"))).collect();
        let clone = &place.server.repository.clone;
        let said: Vec<String> = thread::scope(|scope| {
            let push = |(index, (name, commit)): (usize, (&String, &String))| {
                let refspec = format!("{commit}:refs/heads/{name}");
                // Every second one waits for its outcome.
                let wait: &[&str] = if index % 2 == 0 { &["-o", "wait"] } else { &[] };
                scope.spawn(move || stderr(&place.try_push(clone, &[wait, &["origin", refspec.as_str()]].concat())))
            };
            let pushes: Vec<_> = names.iter().zip(&commits).enumerate().map(push).collect();
            pushes.into_iter().map(|push| push.join().expect("git runs")).collect()
        });
        place.server.settle();
        place.is_consistent();
        let numbers: Vec<u64> = said.iter().map(|said| submission(said)).collect();
        let newest = numbers.iter().position(|number| *number == 16).expect("sixteen submissions have sixteen numbers");
        assert_eq!(place.server.live(), commits[newest]);
        let log = place.server.tool("deploy-queue").args(["log", "--last", "40"]).any_stdout().check().stdout;
        for (index, (said, number)) in said.iter().zip(&numbers).enumerate() {
            let of_number = |row: &&str| row.contains(&format!("  submission {number}  "));
            let rows: Vec<&str> = log.lines().filter(of_number).collect();
            assert_eq!(rows.len(), 1, "{log}");
            let deployed = rows[0].contains("exit 0: live and verified");
            assert!(deployed || rows[0].contains(" is newer"), "{log}");
            if index % 2 == 0 {
                let told = if deployed { "exit 0: live and verified" } else { "is not deployed: submission " };
                assert!(said.contains(told), "{said}");
            }
        }
    });
}

#[test]
fn after_quick_force_pushes_from_many_clones_the_tip_is_live() {
    with_each_git("force pushes at once", |place| {
        place.commit("ok");
        place.push(&["HEAD:refs/heads/main"]);
        let bare = place.server.repository.bare.display().to_string();
        let clones: Vec<PathBuf> = (0..4).map(|number| place.server.sandbox.path(format!("clone{number}"))).collect();
        for clone in &clones {
            place.git_in(Path::new("/"), &["clone", "--quiet", &bare, &clone.display().to_string()]);
        }
        let accepted: usize = thread::scope(|scope| {
            let push = |clone: &PathBuf, number: u32| {
                let subject = format!("{} {number}", clone.display());
                place.git_in(clone, &["commit", "--quiet", "--amend", "--allow-empty", "--message", &subject]);
                // Git refuses most: another push has the ref's lock, or has moved it.
                place.try_push(clone, &["origin", "HEAD:refs/heads/main"]).status.success()
            };
            let pushing = |clone| scope.spawn(move || (0..3).filter(|number| push(clone, *number)).count());
            let pushes: Vec<_> = clones.iter().map(pushing).collect();
            pushes.into_iter().map(|pushes| pushes.join().expect("git runs")).sum()
        });
        place.server.settle();
        assert!(accepted > 0);
        place.is_consistent();
        let tip = place.git_in(&place.server.repository.bare, &["rev-parse", "refs/heads/main"]);
        assert_eq!(place.server.live(), tip);
    });
}

#[test]
fn several_refs_in_one_push_go_where_each_is_mapped() {
    with_each_git("several refs in one push", |place| {
        let server = &place.server;
        let settings = fs::read_to_string(server.sandbox.env_file()).unwrap();
        let (prod, dev) = (server.sandbox.root(), server.sandbox.path("dev"));
        let settings = settings.replace(&prod.display().to_string(), &dev.display().to_string());
        let dev_file = server.sandbox.write("dev/deploy.env", settings.replace("DEPLOY_ENV=prod", "DEPLOY_ENV=dev"));
        fs::set_permissions(&dev_file, fs::Permissions::from_mode(0o600)).unwrap();
        place.map(&["main", "second"]);
        let key = "pushback.refs/heads/second.env";
        place.git_in(&server.repository.bare, &["config", "--add", key, &dev_file.display().to_string()]);
        place.commit("ok 1");
        place.git(&["push", "--quiet", "origin", "HEAD:refs/heads/old"]);
        place.git(&["branch", "first"]);
        let second = place.commit("ok 2");
        place.git(&["branch", "second"]);
        let said = place.push(&["first:main", "second", "first:other", ":old"]);
        server.settle();
        for told in [
            "refs/heads/other is mapped to no environment",
            "refs/heads/old was deleted",
            "submission 2: ",
            " to dev, ",
            "prod-",
            "dev-1: exit 0: live and verified",
        ] {
            assert!(said.contains(told), "{told}: {said}");
        }
        place.is_consistent();
        assert_eq!(server.live(), second, "the last of those that go to one environment");
        assert_eq!(server.sandbox.read("dev/current/REVISION").trim(), second);
        assert_eq!(server.sandbox.read("dev/journal.ndjson").matches("\"command\":\"begin\"").count(), 1);
    });
}

#[test]
fn a_mapped_tag_is_peeled_and_a_branch_called_like_a_ref_is_not_main() {
    with_each_git("tags and nested names", |place| {
        place.map(&["refs/tags/live"]);
        let first = place.commit("ok 1");
        place.git(&["tag", "--annotate", "--message", "one", "live"]);
        place.push(&["refs/tags/live"]);
        assert_eq!(place.server.live(), first);
        let second = place.commit("ok 2");
        place.git(&["tag", "--annotate", "--force", "--message", "two", "live"]);
        place.push(&["refs/tags/live"]);
        assert_eq!(place.server.live(), second);
        place.commit("ok 3");
        let said = place.push(&["HEAD:refs/heads/refs/heads/main"]);
        assert!(said.contains("refs/heads/refs/heads/main is mapped to no environment"), "{said}");
        place.server.settle();
        assert_eq!((place.staged(), place.server.live()), (vec![first, second.clone()], second));
    });
}

#[test]
fn a_repository_with_sha256_names_is_pushed_to_with_each_git() {
    with_each_git("SHA-256", |place| {
        let repository = &place.server.repository;
        fs::remove_dir_all(&repository.bare).unwrap();
        fs::remove_dir_all(repository.clone.join(".git")).unwrap();
        let bare = repository.bare.display().to_string();
        let init = ["init", "--quiet", "--object-format=sha256", "--initial-branch=main"];
        place.git(&[&init[..], &["--bare", &bare]].concat());
        place.git(&init);
        place.git(&["remote", "add", "origin", &bare]);
        place.map(&["main"]);
        let commit = place.commit("ok");
        place.push(&["HEAD:refs/heads/main"]);
        assert_eq!((commit.len(), place.server.live()), (64, commit));
    });
}

/// What would run, steer or mislead if anybody took it for more than a name.
const EVIL: [&str; 14] = [
    "-rf",
    "--upload-pack=id",
    "$(touch${IFS}executed)",
    "`touch${IFS}executed`",
    "it's",
    "a\"b",
    "a;touch${IFS}executed",
    "a&touch${IFS}executed",
    "a|touch${IFS}executed",
    "a=b",
    "%s%n%x1b",
    "#{x}",
    "größe/日本",
    "user\u{202e}txt.exe",
];

#[test]
fn hostile_branch_names_are_mapped_and_deployed_as_what_they_are() {
    with_each_git("hostile branch names", |place| {
        for step in ["DATABASE_URL", "PREFLIGHT_CHECKS", "TEST_COMMAND", "BUILD_COMMAND"] {
            place.server.sandbox.set(step, "");
        }
        place.server.sandbox.set("START_COMMAND", "echo \"@$PUSHBACK_COMMIT\" > data/running");
        let references: Vec<String> = EVIL.iter().map(|name| format!("refs/heads/{name}")).collect();
        place.map(&references.iter().map(String::as_str).collect::<Vec<_>>());
        for reference in &references {
            let commit = place.commit(&format!("ok {reference}"));
            let said = place.push(&[&format!("HEAD:{reference}")]);
            assert_eq!(place.server.live(), commit, "{reference}: {said}");
            steers_nothing(reference, &told(&said));
        }
        let begins = place.server.records("deploy-queue", "begin");
        let recorded: Vec<&str> = begins.iter().filter_map(|begin| begin["details"]["ref"].as_str()).collect();
        assert_eq!(recorded, references);
        let said = place.push(&["HEAD:refs/heads/other\u{202e}name"]);
        assert!(said.contains("is mapped to no environment"), "{said}");
        steers_nothing("an unmapped branch", &told(&said));
        speaks_plainly(place);
        let found = Command::new("find").arg(place.server.sandbox.path("")).args(["-name", "executed"]).output();
        assert_eq!(String::from_utf8_lossy(&found.expect("find runs").stdout), "");
    });
}

#[test]
fn hostile_subjects_and_authors_steer_no_terminal_and_no_log() {
    with_each_git("hostile subjects", |place| {
        let long = "x".repeat(10_000);
        let subjects = [
            "\u{1b}[2J\u{1b}]0;owned\u{7} \u{9b}31m",
            "user\u{202e}txt.exe \u{2066}a\u{2028}b",
            "a\rb\u{8}\u{7f} $(touch executed) `touch executed`\nsecond line",
            &long,
        ];
        for (index, subject) in subjects.iter().enumerate() {
            place.server.repository.write("health", format!("ok {index}"));
            place.git(&["add", "--all"]);
            let author = format!("--author=Ev\u{1b}[31mil\u{202e}\u{9b} {long} <e@example.org>");
            let message = format!("--message={subject}");
            place.git(&["commit", "--quiet", "--cleanup=verbatim", &author, &message]);
            let commit = place.git(&["rev-parse", "HEAD"]);
            let said = place.push(&["HEAD:refs/heads/main"]);
            assert_eq!(place.server.live(), commit, "{said}");
            steers_nothing("the pusher", &told(&said));
        }
        speaks_plainly(place);
        let subject = place.server.records("deploy-queue", "begin")[0]["details"]["subject"].clone();
        assert_eq!(subject, "\u{fffd}[2J\u{fffd}]0;owned\u{fffd} \u{fffd}31m");
    });
}

/// The lines that come from the server.
fn told(said: &str) -> String {
    said.lines().filter(|line| line.starts_with("remote: ")).map(|line| format!("{line}\n")).collect()
}

fn steers_nothing(what: &str, text: &str) {
    let steers = |c: char| (c.is_control() && c != '\n' && c != '\t') || "\u{202e}\u{2066}\u{2028}".contains(c);
    assert_eq!(text.chars().find(|c| steers(*c)), None, "{what}: {text:?}");
}

/// Nothing that the server keeps or says steers a terminal.
fn speaks_plainly(place: &Place) {
    let server = &place.server;
    server.settle();
    for file in ["prod/journal.ndjson", "prod/logs/runner.log", "prod/logs/prod-1.log", "prod/logs/prod-2.log"] {
        let text = server.sandbox.read(file);
        assert!(!text.is_empty(), "{file}");
        steers_nothing(file, &text);
    }
    for (tool, args) in [
        ("deploy-queue", &["list", "--json"][..]),
        ("deploy-queue", &["log"]),
        ("deploy-queue", &["log", "--json"]),
        ("deploy-queue", &["log", "prod-1"]),
        ("deployment-report", &[]),
        ("deployment-report", &["--json"]),
    ] {
        let ran = server.tool(tool).args(args).any_stdout().any_stderr().check();
        steers_nothing(tool, &(ran.stdout + &ran.stderr));
    }
}
