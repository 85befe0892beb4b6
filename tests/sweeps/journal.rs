//! The journal: a line is whole or torn, a torn one spoils only itself, and nothing earlier is lost.

use serde_json::{Value, json};
use server::strace::{ERRORS, Fault, Strace};
use server::sweep::{Scene, Struck, sweep};
use testkit::{Run, Sandbox};

const JOURNAL: &str = "prod/journal.ndjson";

/// A journal whose last line a crash has torn, and a step that appends to it.
struct Append {
    sandbox: Sandbox,
    before: String,
}

impl Append {
    /// The records that can be read, and how many lines cannot.
    fn lines(&self) -> (Vec<Value>, usize) {
        let text = self.sandbox.read(JOURNAL);
        let lines: Vec<_> = text.lines().map(serde_json::from_str).collect();
        let torn = lines.iter().filter(|line| line.is_err()).count();
        (lines.into_iter().flatten().collect(), torn)
    }
}

impl Scene for Append {
    fn set() -> Self {
        let sandbox = Sandbox::new();
        sandbox.history(&[json!({"tool": "one"}), json!({"tool": "two"})]);
        let before = sandbox.read(JOURNAL) + r#"{"v":1,"tool":"to"#;
        sandbox.write(JOURNAL, &before);
        Self { sandbox, before }
    }

    fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    fn run(&self, strace: &Strace) -> Run {
        strace.tool(&self.sandbox, "run-step").args(["swept", "--", "true"])
    }

    fn judge(&self, struck: &Struck) {
        assert!(self.sandbox.read(JOURNAL).starts_with(&self.before), "something earlier is lost");
        let (records, torn) = self.lines();
        let told = records.iter().any(|record| record["command"] == "swept");
        assert!(records.len() == 2 + usize::from(told) && torn == 1, "{}", self.sandbox.read(JOURNAL));
        if !struck.is_kill() {
            struck.ended_in_order("run-step");
            // What it could not tell, it says; only a stderr that fails as well says nothing.
            assert!(told || !struck.stderr.is_empty() || !struck.is_done(), "done, not recorded, and no word of it");
        }
        self.sandbox.tool("run-step").args(["next", "--", "true"]).check();
        let (records, torn) = self.lines();
        assert!(records.last().is_some_and(|last| last["command"] == "next") && torn == 1);
        let report = self.sandbox.tool("deploy-queue").arg("log").code(0).any_stdout();
        report.stderr_has("1 lines of the journal could not be read").check();
    }
}

#[test]
fn an_append_killed_at_any_call_loses_nothing_that_was_told() {
    sweep::<Append>("journal append, killed", &[Fault::Kill]);
}

#[test]
fn an_append_that_meets_an_error_at_any_call_loses_nothing_that_was_told() {
    sweep::<Append>("journal append, errors", &ERRORS);
}
