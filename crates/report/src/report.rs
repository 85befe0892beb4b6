//! A deployment as a report: who asked for what, each step with its verdict and time, and the outcome.

use kit::clock::{self, rfc3339};
use kit::history::Deployment;
use kit::journal::Record;
use kit::voice::clean_line;
use serde_json::{Value, json};

/// One step of the pipeline.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) verdict: &'static str,
    pub(crate) duration_ms: u64,
    pub(crate) note: String,
    /// What to do about it, when it failed.
    pub(crate) hint: Option<String>,
}

/// What is told of a deployment.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    pub(crate) deployment: &'a Deployment,
    pub(crate) steps: Vec<Step>,
    /// The outcome in our own words.
    pub(crate) outcome: String,
    /// What the `end` adds to it.
    pub(crate) note: Option<String>,
    pub(crate) duration_ms: u64,
    code: Option<u8>,
}

impl<'a> Report<'a> {
    /// The report; `told` is what the pipeline says of a deployment that has no `end` yet.
    pub(crate) fn of(deployment: &'a Deployment, told: Option<u8>) -> Self {
        let code = deployment.exit_code.or(told);
        let end = deployment.records.iter().rfind(|record| record.is("deploy-queue", "end"));
        let until = deployment.records.last().map_or(deployment.began_at, |last| last.started_at);
        let so_far = u64::try_from((until - deployment.began_at).num_milliseconds()).unwrap_or_default();
        Self {
            deployment,
            steps: steps(&deployment.records),
            outcome: outcome(deployment, code),
            note: end.filter(|_| code.is_some()).and_then(|end| end.text("note")).map(clean_line),
            duration_ms: end.map_or(so_far, |end| end.duration_ms),
            code,
        }
    }

    /// What the `begin` says of it, on one line; empty when it says nothing.
    pub(crate) fn begin(&self, key: &str) -> String {
        self.deployment.begin().and_then(|begin| begin.text(key)).map(clean_line).unwrap_or_default()
    }

    fn sentence(&self) -> String {
        let note = self.note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
        format!("{}{note}", self.outcome)
    }

    /// For a person: a heading, the outcome, a line a step.
    pub(crate) fn to_text(&self) -> String {
        let commit = self.deployment.commit.get(..7).unwrap_or(&self.deployment.commit);
        let width = self.steps.iter().map(|step| step.name.len()).max().unwrap_or_default();
        let mut text = format!("{}  {}  {}\n", self.deployment.id, clean_line(commit), self.begin("subject"));
        let asked = [("author", "by"), ("ref", "from"), ("by", "asked for by")];
        let asked: Vec<String> = asked
            .iter()
            .filter(|(key, _)| !self.begin(key).is_empty())
            .map(|(key, word)| format!("{word} {}", self.begin(key)))
            .collect();
        text += &format!("{}, {}\n\n", rfc3339(self.deployment.began_at), asked.join(", "));
        for step in &self.steps {
            let line = format!(
                "  {:width$}  {:7}  {:>8}  {}",
                step.name,
                step.verdict,
                clock::spell(step.duration_ms),
                step.note
            );
            text += &format!("{}\n", line.trim_end());
        }
        text += &format!("\n{}: {} ({})\n", self.deployment.id, self.sentence(), clock::spell(self.duration_ms));
        text
    }

    /// For a program.
    pub(crate) fn to_json(&self) -> Value {
        let steps: Vec<Value> = self.steps.iter().map(Step::to_json).collect();
        let release = |name: &Option<kit::root::ReleaseName>| name.as_ref().map(ToString::to_string);
        let begin = |key: &str| self.deployment.begin().and_then(|begin| begin.text(key));
        json!({
            "deploy": self.deployment.id.to_string(),
            "commit": self.deployment.commit,
            "subject": begin("subject"),
            "author": begin("author"),
            "ref": begin("ref"),
            "by": begin("by"),
            "door": begin("door"),
            "began_at": rfc3339(self.deployment.began_at),
            "duration_ms": self.duration_ms,
            "previous": release(&self.deployment.previous),
            "release": release(&self.deployment.release),
            "exit_code": self.code,
            "outcome": self.sentence(),
            "rolled_back": self.deployment.undone,
            "steps": steps,
        })
    }
}

impl Step {
    fn to_json(&self) -> Value {
        json!({"step": self.name, "verdict": self.verdict, "duration_ms": self.duration_ms, "note": self.note})
    }
}

/// The outcome in words. A 0 that no passed smoke test bears out is not called verified.
fn outcome(deployment: &Deployment, code: Option<u8>) -> String {
    match code {
        Some(code) => format!("exit {code}: {}", deployment.outcome(code)),
        None => "it has no end: it runs, or was killed".to_owned(),
    }
}

/// The steps in their order: the records of the tools that the pipeline itself ran, or the queue when it settled what
/// the pipeline had left. One that began and never ended was killed.
fn steps(records: &[Record]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let is_own = |record: &&Record| matches!(record.parent.as_deref(), None | Some("deploy-queue"));
    // Where logs end is noted beside the preflight, which it would take the place of.
    let is_note = |record: &&Record| record.is("smoke-test", "prepare") && record.success == Some(true);
    for record in records.iter().filter(is_own).filter(|record| !is_note(record)) {
        let Some(name) = record.step.as_deref().map(clean_line) else {
            continue;
        };
        let hint = record.error.as_ref().and_then(|error| error.hint.clone());
        let step = Step { verdict: verdict(record), duration_ms: record.duration_ms, note: note(record), hint, name };
        match steps.last_mut().filter(|last| last.name == step.name) {
            Some(last) => *last = step,
            None => steps.push(step),
        }
    }
    steps
}

fn verdict(record: &Record) -> &'static str {
    match record.success {
        _ if record.begins() => "killed",
        Some(true) if record.details.contains_key("skipped") => "skipped",
        Some(true) => "ok",
        Some(false) => "failed",
        None => "unknown",
    }
}

/// The one thing worth knowing about a step besides its verdict.
fn note(record: &Record) -> String {
    let said = match &record.error {
        Some(error) => Some(error.message.as_str()),
        None => ["skipped", "plan", "summary", "path"].iter().find_map(|key| record.text(key)),
    };
    clean_line(said.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::Report;
    use kit::history::{Deployment, History};
    use kit::journal::read_from;

    fn deployment(records: &[&str]) -> Deployment {
        let begin =
            r#""tool":"deploy-queue","command":"begin","commit":"abcdefa1","details":{"subject":"A <b>\u001b[31m"}"#;
        let head = r#""v":1,"started_at":"2026-11-21T10:15:00Z","duration_ms":1500,"deploy":"prod-1""#;
        let lines: Vec<String> = [begin].iter().chain(records).map(|record| format!("{{{head},{record}}}\n")).collect();
        let history = History::from_lines(read_from(lines.concat().as_bytes()).unwrap());
        history.deployments.into_iter().next().unwrap()
    }

    const ACTIVATE: &str = r#""tool":"release","command":"activate","step":"activate","phase":"begin""#;
    const PASSED: &str = r#""tool":"smoke-test","command":"check","step":"smoke","success":true"#;

    #[test]
    fn a_note_of_logs_does_not_hide_what_the_preflight_came_to() {
        let skipped =
            r#""tool":"smoke-test","command":"check","step":"preflight","success":true,"details":{"skipped":"empty"}"#;
        let noted =
            r#""tool":"smoke-test","command":"prepare","step":"preflight","success":true,"details":{"logs":[]}"#;
        let steps = super::steps(&deployment(&[skipped, noted]).records);
        assert_eq!(
            steps.iter().map(|step| (step.name.as_str(), step.verdict)).collect::<Vec<_>>(),
            [("preflight", "skipped")]
        );
        let failed = noted.replace("true", "false");
        let steps = super::steps(&deployment(&[skipped, &failed]).records);
        assert_eq!(steps.iter().map(|step| step.verdict).collect::<Vec<_>>(), ["failed"]);
    }

    #[test]
    fn success_is_only_said_of_a_release_that_passed() {
        let text = |records: &[&str]| Report::of(&deployment(records), Some(0)).to_text();
        assert!(text(&[ACTIVATE, PASSED]).contains("live and verified"));
        assert!(!text(&[ACTIVATE]).contains("verified"));
        assert!(text(&[]).contains("already live"));
    }

    #[test]
    fn a_step_that_began_and_never_ended_was_killed() {
        let text = Report::of(&deployment(&[ACTIVATE]), None).to_text();
        assert!(text.contains("activate  killed") && text.contains("it has no end"), "{text}");
    }

    #[test]
    fn foreign_text_steers_no_terminal() {
        assert!(!Report::of(&deployment(&[]), None).to_text().contains('\u{1b}'));
    }
}
