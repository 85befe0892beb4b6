//! A deployment of an app that one of the files in `examples/checks` looks at, and what may go wrong with it.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Child;

use serde_json::{Value, json};
use testkit::{Run, Sandbox, commit_of, release_of, tool_path, wait_until};

/// The path of one of the files.
pub(crate) fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/checks").join(name)
}

/// An app whose new release, 2, has just been made live with one of the files.
pub(crate) struct Deployment {
    pub(crate) sandbox: Sandbox,
    settings: BTreeMap<&'static str, String>,
    state: Value,
    app: Child,
}

impl Drop for Deployment {
    fn drop(&mut self) {
        drop(self.app.kill());
        drop(self.app.wait());
    }
}

/// One thing that goes wrong, and is mended afterwards.
pub(crate) enum Fault<'a> {
    /// The app says something else of itself.
    App(&'static str, Value),
    /// A setting is wrong.
    Setting(&'static str, String),
    /// The app logs this line.
    Log(&'static str),
    /// Something beside the app breaks, and this mends it.
    Other(&'a dyn Fn(), &'a dyn Fn()),
}

/// What breaks, the exit code, and of each check that does not pass the verdict and what its sentence has.
pub(crate) type Row<'a> = (Fault<'a>, i32, &'a [(&'a str, &'a str, &'a str)]);

impl Deployment {
    pub(crate) fn of(file: &str) -> Self {
        let sandbox = Sandbox::new();
        let state = json!({
            "status": "ok", "commit": commit_of(2), "token": "api-token-of-the-test", "password": "password-of-the-test",
            "worker": {"state": "running", "seconds_since_run": 3}, "scheduler": {"state": "running"},
            "stats": {"users": 1, "messages": 0}, "greets": true, "about": true,
        });
        let log = sandbox.write("prod/logs/app.log", "ERROR feed 17 does not answer\n");
        let (state_file, port_file) = (sandbox.write("state.json", state.to_string()), sandbox.path("port"));
        let app = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/smoke/app.py");
        let app = sandbox.program("python3".as_ref()).arg(app).arg(state_file).arg(log).arg(port_file).spawn();
        wait_until("the app listens", || !sandbox.read("port").is_empty());
        let mut deployment = Self { sandbox, settings: BTreeMap::new(), state, app };
        let address = deployment.app_address();
        deployment.set("API_URL", &format!("http://{address}"));
        deployment.set("SMOKE_CHECKS", "checks/smoke.toml");
        deployment.set("STARTUP_WAIT", "1ms");
        deployment.sandbox.deployed(1, Some(0));
        deployment.sandbox.staged(2);
        for number in [1, 2] {
            let path = format!("prod/releases/{}/checks/smoke.toml", release_of(number));
            deployment.sandbox.write(&path, fs::read(example(file)).unwrap());
        }
        deployment
    }

    pub(crate) fn app_address(&self) -> String {
        format!("127.0.0.1:{}", self.sandbox.read("port"))
    }

    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.sandbox.set(name, value);
        self.settings.insert(name, value.to_owned());
    }

    /// Preflight, while release 1 is live; then release 2 is.
    pub(crate) fn begin(&self) {
        self.smoke("preflight", &["--prepare"]).any_stdout().check();
        self.sandbox.deployed(2, None);
    }

    pub(crate) fn log(&self, line: &str) {
        let log = OpenOptions::new().append(true).open(self.log_file());
        writeln!(log.unwrap(), "{line}").unwrap();
    }

    /// As if nothing had been logged behind so many bytes.
    fn log_anew(&self, bytes: u64) {
        OpenOptions::new().write(true).open(self.log_file()).unwrap().set_len(bytes).unwrap();
    }

    pub(crate) fn log_file(&self) -> PathBuf {
        self.sandbox.path("prod/logs/app.log")
    }

    /// As the pipeline does it.
    fn smoke(&self, step: &str, args: &[&str]) -> Run {
        let run = self.sandbox.program(&tool_path("smoke-test")).arg("-e").arg(self.sandbox.env_file());
        let run = run.args(["--setting", "SMOKE_CHECKS"]).args(args);
        run.env("PUSHBACK_DEPLOY", "prod-2").env("PUSHBACK_STEP", step)
    }

    /// Each check that does not pass, with its verdict and its sentence. What a gate has skipped is left out, and so is what
    /// was too slow once, on a busy machine.
    fn broken(&self, code: i32) -> Vec<(String, String, String)> {
        let run = self.smoke("smoke", &["--json", "--attempts", "3", "--interval", "10ms"]).code(code);
        let printed = run.stdout_has("{").any_stderr().check().json();
        let text = |check: &Value, key: &str| check[key].as_str().unwrap().to_owned();
        let checks = printed["details"]["checks"].as_array().unwrap().iter();
        let all = checks.map(|check| (text(check, "name"), text(check, "verdict"), text(check, "message")));
        all.filter(|(_, verdict, _)| !["pass", "flaky", "skipped"].contains(&verdict.as_str())).collect()
    }

    fn breaks(&self, fault: &Fault<'_>) {
        match fault {
            Fault::App(key, value) => {
                let mut state = self.state.clone();
                state[*key] = value.clone();
                self.sandbox.write("state.json", state.to_string());
            }
            Fault::Setting(name, value) => self.sandbox.set(name, value),
            Fault::Log(line) => self.log(line),
            Fault::Other(breaks, _) => breaks(),
        }
    }

    fn mends(&self, fault: &Fault<'_>, logged: u64) {
        match fault {
            Fault::App(..) => drop(self.sandbox.write("state.json", self.state.to_string())),
            Fault::Setting(name, _) => self.sandbox.set(name, &self.settings[name]),
            Fault::Log(_) => self.log_anew(logged),
            Fault::Other(_, mends) => mends(),
        }
    }

    /// Breaks each thing for itself; whatever else is amiss then is told together.
    pub(crate) fn fails(&self, rows: &[Row<'_>]) {
        assert_eq!(self.broken(0), [], "before anything is broken");
        let mut wrong = Vec::new();
        for (fault, code, expected) in rows {
            let logged = fs::metadata(self.log_file()).unwrap().len();
            self.breaks(fault);
            let broken = self.broken(*code);
            let as_told = broken.len() == expected.len()
                && broken.iter().zip(*expected).all(|((name, verdict, message), told)| {
                    (name.as_str(), verdict.as_str()) == (told.0, told.1) && message.contains(told.2)
                });
            if !as_told {
                wrong.push(format!("expected {expected:?},\n found   {broken:?}"));
            }
            self.mends(fault, logged);
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert_eq!(self.broken(0), [], "after everything was mended");
    }
}
