//! A whole server in a temporary directory.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::Value;
use tempfile::TempDir;

use crate::repository::Repository;
use crate::run::Run;
use crate::tools::tool_path;

/// Runs a tool and writes down what the kernel says of the most memory that it and its children have had at once, each.
const MEASURED: &str = "import os, sys
child = os.spawnv(os.P_NOWAIT, sys.argv[2], sys.argv[2:])
status, usage = os.wait4(child, 0)[1:]
open(sys.argv[1], 'w').write(str(usage.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))";

/// One environment, `prod`, with its settings file. It is removed at the end of the test.
pub struct Sandbox {
    dir: TempDir,
    settings: Mutex<BTreeMap<String, String>>,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Sandbox {
    /// An empty environment: a `DEPLOY_ROOT` and its settings file.
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("pushback-test-").tempdir().expect("a temporary directory");
        let sandbox = Self { dir, settings: Mutex::default() };
        fs::create_dir(sandbox.root()).expect("a fresh directory");
        fs::create_dir(sandbox.path("bin")).expect("a fresh directory");
        sandbox.set("DEPLOY_ENV", "prod");
        sandbox.set("DEPLOY_ROOT", &sandbox.root().display().to_string());
        sandbox
    }

    /// A path in the sandbox.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// `DEPLOY_ROOT`.
    pub fn root(&self) -> PathBuf {
        self.path("prod")
    }

    /// The settings file.
    pub fn env_file(&self) -> PathBuf {
        self.root().join("deploy.env")
    }

    /// Sets one setting in the settings file; an empty value takes it away.
    pub fn set(&self, name: &str, value: &str) {
        let mut settings = self.settings.lock().expect("no test holds this lock and panics");
        settings.insert(name.to_owned(), value.to_owned());
        let text: String = settings.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        fs::write(self.env_file(), text).expect("the settings file can be written");
        fs::set_permissions(self.env_file(), fs::Permissions::from_mode(0o600)).expect("its mode can be set");
    }

    /// Makes a bare repository and names it in the settings.
    pub fn repository(&self) -> Repository {
        self.repository_of("sha1")
    }

    /// The same with object names made by this hash: `sha1` or `sha256`.
    pub fn repository_of(&self, hash: &str) -> Repository {
        let repository = Repository::new(self.path("repo.git"), self.path("clone"), hash);
        self.set("DEPLOY_REPO", &self.path("repo.git").display().to_string());
        repository
    }

    /// A run of a real tool with this environment's settings, and nothing of the tester's own environment but PATH.
    pub fn tool(&self, name: &str) -> Run {
        self.program(&tool_path(name)).env("PUSHBACK_ENV", self.env_file())
    }

    /// The same, and [`Sandbox::peak`] tells the memory that it took.
    pub fn measured(&self, name: &str) -> Run {
        let run = self.program("python3".as_ref()).env("PUSHBACK_ENV", self.env_file());
        run.args(["-c", MEASURED]).arg(self.path("peak")).arg(tool_path(name))
    }

    /// The most memory that the last measured tool and each of its children had at once, in KiB.
    pub fn peak(&self) -> u64 {
        self.read("peak").parse().expect("a measured tool has run")
    }

    /// A run of any program with a plain environment; the sandbox's fakes come first on PATH.
    pub fn program(&self, program: &Path) -> Run {
        Run::new(program, self.dir.path())
            .env_clear()
            .env("HOME", self.dir.path())
            .env("LANG", "C.UTF-8")
            .path_first(&self.path("bin"))
            .dir(self.dir.path())
    }

    /// Puts a program of the test's own on PATH.
    pub fn fake(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        fs::write(&path, script).expect("a fake can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its mode can be set");
    }

    /// Writes a file, with its missing directories.
    pub fn write(&self, relative: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().expect("a file lies in a directory")).expect("directories can be made");
        fs::write(&path, content).expect("a file can be written");
        path
    }

    /// Reads a file as text; empty when it is not there.
    pub fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative)).unwrap_or_default()
    }

    /// Holds the environment's lock, as the pipeline does, with a note of who does. It is given back by `unlock`: a child
    /// that another test is just starting may hold a copy of the open file for a moment after `drop`.
    pub fn hold_lock(&self, holder: &str) -> fs::File {
        let path = self.write("prod/state/lock", holder);
        let lock = fs::File::options().read(true).write(true).open(path).expect("the lock can be opened");
        lock.lock().expect("nobody else holds it");
        lock
    }

    /// The journal's records, each of which must be whole.
    pub fn journal(&self) -> Vec<Value> {
        let text = self.read("prod/journal.ndjson");
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    }

    /// Appends records to the journal, as a test's own history. `v`, `started_at` and `duration_ms` are added.
    pub fn history(&self, records: &[Value]) {
        let mut text = self.read("prod/journal.ndjson");
        for record in records {
            let mut record = record.clone();
            for (key, value) in
                [("v", 1.into()), ("started_at", "2026-11-21T10:15:00.000Z".into()), ("duration_ms", 5.into())]
            {
                if record.get(key).is_none() {
                    record[key] = value;
                }
            }
            text.push_str(&format!("{record}\n"));
        }
        fs::write(self.root().join("journal.ndjson"), text).expect("the journal can be written");
    }

    /// Whether nothing waits in the queue, and no runner or pipeline is left.
    pub fn is_idle(&self) -> bool {
        let state = self.root().join("state");
        // Unlocked by name: a child that another test is just starting may hold a copy of the open file.
        let free = |name: &str| match fs::File::open(state.join(name)) {
            Ok(file) => file.try_lock().is_ok() && file.unlock().is_ok(),
            Err(_) => true,
        };
        let is_submission = |file: fs::DirEntry| file.path().extension().is_some_and(|extension| extension == "json");
        let waits = || fs::read_dir(state.join("queue")).is_ok_and(|files| files.flatten().any(is_submission));
        // The queue first, or a runner that is just being started would find its lock taken and go home; and the queue
        // last, for it may have come meanwhile.
        !waits() && free("lock") && free("runner") && !waits()
    }

    /// The name of the release that `current` points at; empty when there is none.
    pub fn live(&self) -> String {
        let target = fs::read_link(self.root().join("current")).unwrap_or_default();
        target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}
