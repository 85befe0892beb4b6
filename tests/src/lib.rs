//! A server with a tiny app that deploys in well under a second: what it needs is a shell, and what it does can be read
//! from two files. Everything else is real: git, the hook, the tools, SQLite.

pub mod canary;
pub mod evil;
pub mod strace;
pub mod sweep;
pub mod trace;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;
use testkit::{Repository, Run, Sandbox, TOOLS, tools_dir, wait_until};

/// The app runs when `data/running` holds its commit; it is well when `health` says ok.
const SMOKE: &str = r#"
[[check]]
name = "runs"
kind = "command"
run = ["cat", "data/running"]
attempts = 1
expect = 'stdout contains "@"'

[[check]]
name = "health"
kind = "command"
run = ["cat", "health"]
attempts = 1
expect = 'stdout contains "ok"'
"#;

const PREFLIGHT: &str = r#"
[[check]]
name = "disk"
kind = "disk"
path = "."
expect = 'free > 1MB'
"#;

/// An environment with its repository, its hook, and a family of tools of its own.
pub struct Server {
    /// The environment.
    pub sandbox: Sandbox,
    /// The repository that is pushed to.
    pub repository: Repository,
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl Server {
    /// A server to which nothing was pushed yet.
    pub fn new() -> Self {
        let sandbox = Sandbox::new();
        let repository = sandbox.repository();
        let server = Self { sandbox, repository };
        server.install_tools();
        let database = server.sandbox.root().join("shared/data/app.sqlite");
        for (name, value) in [
            ("SHARED_PATHS", "data/"),
            ("DATABASE_URL", &format!("sqlite://{}", database.display())),
            (
                "START_COMMAND",
                "sqlite3 data/app.sqlite 'create table if not exists t (x)' && echo \"@$PUSHBACK_COMMIT\" > data/running",
            ),
            ("STOP_COMMAND", "rm -f data/running"),
            ("TEST_COMMAND", "test -e health"),
            ("BUILD_COMMAND", "true"),
            ("PREFLIGHT_CHECKS", "preflight.toml"),
            ("SMOKE_CHECKS", "smoke.toml"),
        ] {
            server.sandbox.set(name, value);
        }
        server.repository.write("smoke.toml", SMOKE);
        server.repository.write("preflight.toml", PREFLIGHT);
        let map = format!("--map=main={}", server.sandbox.env_file().display());
        let install = server.tool("post-receive").env_remove("PUSHBACK_ENV").arg("install");
        install.arg(&server.repository.bare).arg(map).any_stdout().any_stderr().check();
        server
    }

    fn install_tools(&self) {
        fs::create_dir(self.tools()).expect("a fresh directory");
        for tool in TOOLS {
            link(&tools_dir().join(tool), &self.tools().join(tool));
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/deploy");
        fs::copy(script, self.tools().join("deploy")).expect("the pipeline can be copied");
    }

    fn tools(&self) -> PathBuf {
        self.sandbox.path("tools")
    }

    /// Puts a shell script in the place of a tool; `$REAL` in it is the real one.
    pub fn wrap(&self, tool: &str, script: &str) {
        let path = self.tools().join(tool);
        fs::remove_file(&path).expect("the tool is there");
        let real = tools_dir().join(tool);
        fs::write(&path, format!("#!/bin/sh\nREAL={}\n{script}\n", real.display())).expect("a wrapper can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its mode can be set");
    }

    /// A run of one of the server's own tools.
    pub fn tool(&self, name: &str) -> Run {
        self.sandbox.program(&self.tools().join(name)).env("PUSHBACK_ENV", self.sandbox.env_file())
    }

    /// Commits a version whose health is `health`, pushes it, and returns its commit and what the pusher was told.
    pub fn push(&self, health: &str) -> (String, String) {
        self.repository.write("health", health);
        self.repository.push(health)
    }

    /// The same, and waits until nothing runs and nothing waits.
    pub fn deploy(&self, health: &str) -> String {
        let (commit, _) = self.push(health);
        self.settle();
        commit
    }

    /// Waits until the queue is worked off.
    pub fn settle(&self) {
        wait_until("the queue is worked off", || self.is_idle());
    }

    /// Waits until nothing runs; what cannot begin may wait.
    pub fn settle_or_wait(&self) {
        let stopped = || self.records("deploy-queue", "run").iter().any(|record| record["success"] == false);
        wait_until("the runner is gone", || self.is_idle() || stopped());
    }

    /// Whether nothing waits and no runner or pipeline is left.
    pub fn is_idle(&self) -> bool {
        self.sandbox.is_idle()
    }

    /// The process that took the environment's lock, as the lock itself tells.
    pub fn lock_holder(&self) -> String {
        let note = self.sandbox.read("prod/state/lock");
        let process = note.split("process ").nth(1).and_then(|rest| rest.split(',').next());
        process.expect("the lock names its holder").to_owned()
    }

    /// The commit in the live release's REVISION; empty when nothing is live.
    pub fn live(&self) -> String {
        self.sandbox.read("prod/current/REVISION").trim().to_owned()
    }

    /// The commit of the app that runs; empty when none does.
    pub fn running(&self) -> String {
        self.sandbox.read("prod/shared/data/running").trim().trim_start_matches('@').to_owned()
    }

    /// The exit codes of the ended deployments, in their order.
    pub fn ends(&self) -> Vec<i64> {
        let journal = self.sandbox.journal();
        let ends = journal.iter().filter(|record| record["tool"] == "deploy-queue" && record["command"] == "end");
        ends.map(|end| end["exit_code"].as_i64().expect("an end has an exit code")).collect()
    }

    /// The records of a tool's command.
    pub fn records(&self, tool: &str, command: &str) -> Vec<Value> {
        let mut journal = self.sandbox.journal();
        journal.retain(|record| record["tool"] == tool && record["command"] == command);
        journal
    }
}

/// A hard link, so that the tool's own path is here; a copy on another file system.
fn link(from: &Path, to: &Path) {
    if fs::hard_link(from, to).is_err() {
        fs::copy(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    }
}
