//! What the journal tells: deployments, which releases are verified, which are bad. Report, rollback, guard and queue
//! all ask here, so that they never disagree.

use std::collections::{HashMap, HashSet};
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use crate::clock::{self, Time};
use crate::failure::Failure;
use crate::journal::{self, Lines, Record};
use crate::root::{DeployId, ReleaseName};
use crate::settings::Settings;
use crate::voice;

/// One deployment, from its `begin` to its `end`.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Its name.
    pub id: DeployId,
    /// The full commit.
    pub commit: String,
    /// What was live when it began.
    pub previous: Option<ReleaseName>,
    /// When it began.
    pub began_at: Time,
    /// What it staged.
    pub release: Option<ReleaseName>,
    /// Whether it touched what was live: an activation or a rollback began.
    pub touched: bool,
    /// Whether the new release passed its smoke test.
    pub passed: bool,
    /// Whether it was rolled back, all the way.
    pub undone: bool,
    /// The exit code of its `end`; `None` while it runs, and after it was killed.
    pub exit_code: Option<u8>,
    /// All its records in their order, the `begin` first.
    pub records: Vec<Record>,
}

impl Deployment {
    /// Live and verified: its `end` says 0, and nothing else counts.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.exit_code == Some(0) && self.touched && self.release.is_some()
    }

    /// The exit code in words, no better than the records bear out.
    #[must_use]
    pub fn outcome(&self, code: u8) -> &'static str {
        let smoke = self.records.iter().rfind(|record| record.step.as_deref() == Some("smoke"));
        match code {
            0 if !self.touched => "already live; nothing was to be done",
            0 if !self.passed => "no smoke test passed: it is not known to work",
            0 if smoke.is_some_and(|smoke| smoke.details.contains_key("skipped")) => "live; no smoke test is set",
            129.. if self.is_cancelled() => "cancelled; what was live is live",
            code => outcome(code),
        }
    }

    /// Whether a person has asked for it to be stopped.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.records.iter().any(|record| record.is("deploy-queue", "cancel"))
    }

    /// Whether it was asked for with `--force`.
    #[must_use]
    pub fn is_forced(&self) -> bool {
        self.begin().is_some_and(|begin| begin.details.get("force") == Some(&true.into()))
    }

    /// The `begin` record.
    #[must_use]
    pub fn begin(&self) -> Option<&Record> {
        self.records.first()
    }

    fn from_begin(begin: &Record) -> Option<Self> {
        Some(Self {
            id: begin.deploy.as_deref()?.parse().ok()?,
            commit: begin.commit.clone()?,
            previous: begin.text("previous").and_then(|name| name.parse().ok()),
            began_at: begin.started_at,
            release: None,
            touched: false,
            passed: false,
            undone: false,
            exit_code: None,
            records: vec![begin.clone()],
        })
    }

    fn learn(&mut self, record: &Record) {
        let done = record.success == Some(true);
        if record.is("release", "stage") && done {
            self.release = record.release.as_deref().and_then(|name| name.parse().ok());
        }
        if record.begins() {
            self.touched = true;
            self.passed = false;
        }
        if record.is("smoke-test", "check") && record.step.as_deref() == Some("smoke") {
            self.passed = done;
        }
        if record.is("rollback", "deploy") && !record.begins() && done {
            self.undone = true;
        }
        if record.is("deploy-queue", "end") {
            self.exit_code = record.exit_code;
        }
        self.records.push(record.clone());
    }
}

/// A person's word that no deployment may begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Why.
    pub reason: String,
    /// Who said so.
    pub by: String,
    /// Since when.
    pub since: Time,
}

impl Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reason, by, since } = self;
        write!(f, "held by {} since {}: {}", voice::clean_line(by), clock::rfc3339(*since), voice::clean_line(reason))
    }
}

/// The whole history of an environment.
#[derive(Debug, Default)]
pub struct History {
    /// Deployments in the order in which they began.
    pub deployments: Vec<Deployment>,
    /// Every readable record.
    pub records: Vec<Record>,
    /// How many lines could not be read.
    pub unreadable: usize,
    bad: HashSet<ReleaseName>,
    /// Where each deployment stands in `deployments`: a search for each record would take minutes in an old journal.
    places: HashMap<String, usize>,
}

impl History {
    /// Reads the journal that the settings name (`PUSHBACK_JOURNAL`, else `$DEPLOY_ROOT/journal.ndjson`).
    pub fn load(settings: &Settings) -> Result<Self, Failure> {
        let lines = match journal_path(settings) {
            Some(path) => journal::read(&path)?,
            None => Lines::default(),
        };
        Ok(Self::from_lines(lines))
    }

    /// Derives the history from records.
    #[must_use]
    pub fn from_lines(lines: Lines) -> Self {
        let mut history = Self { unreadable: lines.unreadable, ..Self::default() };
        for record in &lines.records {
            history.learn(record);
        }
        history.records = lines.records;
        history
    }

    fn learn(&mut self, record: &Record) {
        if record.is("deploy-queue", "begin") {
            if let Some(deployment) = Deployment::from_begin(record) {
                self.places.insert(deployment.id.to_string(), self.deployments.len());
                self.deployments.push(deployment);
            }
            return;
        }
        if record.tool == "rollback" && record.begins() && record.details.get("bad") == Some(&true.into()) {
            self.bad.extend(record.text("from").and_then(|name| name.parse().ok()));
        }
        let place = record.deploy.as_ref().and_then(|deploy| self.places.get(deploy));
        if let Some(deployment) = place.and_then(|place| self.deployments.get_mut(*place)) {
            deployment.learn(record);
        }
    }

    /// The deployment of this name.
    #[must_use]
    pub fn deployment(&self, id: &DeployId) -> Option<&Deployment> {
        self.deployments.get(*self.places.get(&id.to_string())?)
    }

    /// Deployments that began and never ended: running, or killed. Oldest first.
    pub fn open(&self) -> impl Iterator<Item = &Deployment> {
        self.deployments.iter().filter(|deployment| deployment.exit_code.is_none())
    }

    /// Whether a rollback left this release for good.
    #[must_use]
    pub fn is_bad(&self, release: &ReleaseName) -> bool {
        self.bad.contains(release)
    }

    /// Whether this release was verified and is not bad.
    #[must_use]
    pub fn is_good(&self, release: &ReleaseName) -> bool {
        self.good().any(|good| good == release)
    }

    /// Releases that were verified and are not bad, in the order of their deployments.
    #[must_use]
    pub fn good(&self) -> impl DoubleEndedIterator<Item = &ReleaseName> {
        let verified = self.deployments.iter().filter(|deployment| deployment.is_verified());
        verified.filter_map(|deployment| deployment.release.as_ref()).filter(|release| !self.is_bad(release))
    }

    /// Whether the last smoke test after this release went live succeeded.
    #[must_use]
    pub fn passed_last(&self, release: &ReleaseName) -> bool {
        let of_release = |record: &&Record| record.release.as_deref() == Some(release.to_string().as_str());
        let after_switch = |record: &&Record| matches!(record.step.as_deref(), Some("smoke" | "rollback"));
        let mut tests = self.records.iter().filter(|record| record.is("smoke-test", "check"));
        tests.rfind(|record| of_release(record) && after_switch(record)).is_none_or(|test| test.success == Some(true))
    }

    /// The hold that is in force, if any: the last word of `deploy-queue hold` and `unhold` counts.
    #[must_use]
    pub fn hold(&self) -> Option<Hold> {
        let said = |record: &&Record| record.is("deploy-queue", "hold") || record.is("deploy-queue", "unhold");
        let last = self.records.iter().rfind(said).filter(|record| record.is("deploy-queue", "hold"))?;
        let text = |key| last.text(key).unwrap_or_default().to_owned();
        Some(Hold { reason: text("reason"), by: text("by"), since: last.started_at })
    }

    /// Whether any deployment ever touched this environment.
    #[must_use]
    pub fn is_touched(&self) -> bool {
        self.deployments.iter().any(|deployment| deployment.touched)
    }
}

/// The journal that the settings name, if any.
#[must_use]
pub fn journal_path(settings: &Settings) -> Option<PathBuf> {
    let named = settings.get("PUSHBACK_JOURNAL").map(Into::into);
    named.or_else(|| Some(Path::new(&settings.get("DEPLOY_ROOT")?).join("journal.ndjson")))
}

/// A deployment's exit code in words, for the report, the queue's log and the pusher.
const fn outcome(code: u8) -> &'static str {
    match code {
        0 => "live and verified",
        1 => "the tests failed; what was live is live",
        2 => "the build failed; what was live is live",
        3 => "backup or activation failed; what was live is live",
        4 => "the smoke test failed; rolled back",
        5 => "CRITICAL: failed, and there was no way back or the rollback failed too",
        6 => "live, but the smoke test could not find out whether it works: a person must look",
        64 => "wrong usage of the pipeline",
        69 => "preflight said no; nothing was touched",
        74 => "staging failed; nothing was touched",
        75 => "refused for now; nothing was touched",
        77 => "not permitted; nothing was touched",
        78 => "the settings are wrong; nothing was touched",
        129.. => "it was killed",
        _ => "it ended in a way the pipeline does not know: see its log",
    }
}

#[cfg(test)]
mod tests {
    use super::History;
    use crate::journal::read_from;

    fn history(lines: &[&str]) -> History {
        let text: Vec<String> = lines
            .iter()
            .map(|line| format!("{{\"v\":1,\"started_at\":\"2026-11-21T10:15:00Z\",\"duration_ms\":0,{line}}}\n"))
            .collect();
        let lines = read_from(text.concat().as_bytes()).unwrap();
        assert_eq!(lines.unreadable, 0);
        History::from_lines(lines)
    }

    const BEGIN: &str =
        r#""tool":"deploy-queue","command":"begin","deploy":"prod-1","commit":"abcdefa1","details":{"force":true}"#;
    const STAGE: &str = r#""tool":"release","command":"stage","deploy":"prod-1","success":true,"release":"1-abcdefa""#;
    const ACTIVATE: &str = r#""tool":"release","command":"activate","phase":"begin","deploy":"prod-1""#;
    const SMOKE: &str = r#""tool":"smoke-test","command":"check","step":"smoke","deploy":"prod-1","success":true"#;
    const END: &str = r#""tool":"deploy-queue","command":"end","deploy":"prod-1","success":true,"exit_code":0"#;
    const UNDO: &str = r#""tool":"rollback","command":"deploy","phase":"begin","deploy":"prod-1","details":{"from":"1-abcdefa","bad":true}"#;

    #[test]
    fn only_an_end_with_0_verifies() {
        let open = history(&[BEGIN, STAGE, ACTIVATE, SMOKE]);
        assert_eq!((open.open().count(), open.good().count()), (1, 0));
        assert!(open.deployments[0].passed && open.deployments[0].is_forced());
        let ended = history(&[BEGIN, STAGE, ACTIVATE, SMOKE, END]);
        assert_eq!((ended.open().count(), ended.good().count()), (0, 1));
    }

    #[test]
    fn a_note_of_where_the_logs_end_is_no_word_of_the_smoke_test() {
        let failed = &SMOKE.replace("true", "false").replace("\"step\"", "\"release\":\"1-abcdefa\",\"step\"");
        let noted = &failed.replace("check", "prepare").replace("false", "true");
        let release = "1-abcdefa".parse().unwrap();
        let history = history(&[BEGIN, STAGE, ACTIVATE, failed, noted]);
        assert!(!history.deployments[0].passed && !history.passed_last(&release));
    }

    #[test]
    fn a_deployment_that_found_its_commit_live_verifies_no_release() {
        assert_eq!(history(&[BEGIN, END]).good().count(), 0);
    }

    #[test]
    fn a_release_is_bad_as_soon_as_its_rollback_begins() {
        let history = history(&[BEGIN, STAGE, ACTIVATE, SMOKE, END, UNDO]);
        let release = "1-abcdefa".parse().unwrap();
        assert!(history.is_bad(&release) && !history.is_good(&release));
        assert!(!history.deployments[0].passed && !history.deployments[0].undone);
    }
}
