//! A saga: a random history of an environment. It keeps what is really so as plain state; the tools see nothing but the
//! journal that it writes. What a tool derives from the one can be held against the other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::past::commit_of;

/// A release, as it really is.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    /// Which commit it is of.
    pub commit: u64,
    /// Whether its deployment ended with 0.
    pub verified: bool,
    /// Whether a rollback left it for good.
    pub bad: bool,
    /// Whether its directory is there.
    pub on_disk: bool,
    /// Whether its last smoke test passed.
    pub passed: bool,
}

/// A deployment that was killed and that nobody has settled yet.
#[derive(Clone, Debug)]
pub struct Open {
    /// Its number, and that of its release.
    pub number: u64,
    /// What was live when it began.
    pub previous: Option<u64>,
}

/// A random history, and the truth about it.
#[derive(Debug, Default)]
pub struct Saga {
    /// What the tools see.
    pub journal: String,
    /// The releases by number.
    pub releases: BTreeMap<u64, Truth>,
    /// What `current` points at.
    pub live: Option<u64>,
    /// The deployment at the end of the story that was killed.
    pub open: Option<Open>,
    /// A rollback by hand that was killed: what it left, where it was going.
    pub interrupted: Option<(u64, u64)>,
    /// Deployments that were undone, or that touched nothing: nothing is left to undo.
    pub settled: Vec<u64>,
    /// When each deployment was rolled back automatically since a person last forced one.
    alarms: Vec<u64>,
    minute: u64,
    number: u64,
}

impl Saga {
    /// Tells a story: each word is an event. The same words are the same story.
    pub fn tell(words: &[u16]) -> Self {
        let mut saga = Self::default();
        for word in words {
            saga.happen(u64::from(*word));
        }
        saga
    }

    fn happen(&mut self, word: u64) {
        let (kind, choice) = (word % 16, word / 16);
        self.minute += choice % 23;
        self.settle();
        match kind {
            0..=4 => self.deploys(choice, false, Self::succeeds),
            5 | 6 => self.deploys(choice, false, Self::fails_its_smoke_test),
            7 => self.deploys(choice, choice.is_multiple_of(2), Self::fails_its_tests),
            8 => self.deploys(choice, false, Self::is_killed),
            9 => self.deploys(
                choice,
                true,
                if choice.is_multiple_of(3) { Self::fails_its_smoke_test } else { Self::succeeds },
            ),
            10 => self.deploys(choice, false, Self::is_inconclusive),
            11 => self.activates(choice),
            12 => self.goes_back_by_hand(self.last(), choice),
            13 => self.goes_back_by_hand(self.to(choice % 4), choice),
            14 => self.is_interrupted(choice),
            _ => self.loses_a_release(choice),
        }
    }

    // What is so.

    /// Whether a release was verified and is not bad.
    pub fn is_good(&self, number: u64) -> bool {
        self.releases.get(&number).is_some_and(|release| release.verified && !release.bad)
    }

    fn is_bad(&self, number: u64) -> bool {
        self.releases.get(&number).is_some_and(|release| release.bad)
    }

    fn newest_good(&self, below: u64) -> Option<u64> {
        self.releases.keys().copied().rfind(|number| *number < below && self.is_good(*number))
    }

    /// Where `rollback --last` goes: what it leaves and where to; `None`: there is nowhere to go.
    pub fn last(&self) -> Option<(Option<u64>, u64)> {
        if let Some((from, to)) = self.interrupted {
            return Some((Some(from), to));
        }
        Some((self.live, self.newest_good(self.live?)?))
    }

    /// Where `rollback --to-commit` goes; `None`: no release of the commit is verified, not bad and on disk.
    pub fn to(&self, commit: u64) -> Option<(Option<u64>, u64)> {
        let mut of_commit = self
            .releases
            .iter()
            .filter(|(_, release)| release.commit == commit && release.on_disk)
            .map(|(number, _)| *number);
        let to = of_commit.rfind(|number| self.is_good(*number))?;
        let left = self.interrupted.map(|(from, _)| from).or(self.live);
        Some((left.filter(|left| *left != to), to))
    }

    /// Where a deployment that began over `previous` goes back to.
    pub fn back(&self, previous: u64, below: u64) -> Option<u64> {
        if self.is_bad(previous) { self.newest_good(below) } else { Some(previous) }
    }

    /// Whether a deployment of this commit has to wait for a person.
    pub fn is_guarded(&self, commit: Option<u64>) -> bool {
        let judged = |(number, release): &(&u64, &Truth)| {
            Some(release.commit) == commit && (release.bad || self.is_good(**number))
        };
        let failed_before = self.releases.iter().rfind(judged).is_some_and(|(_, release)| release.bad);
        failed_before || self.alarms.iter().filter(|minute| **minute + 60 > self.minute).count() >= 2
    }

    /// What must not be pruned when nothing is kept for its own sake, and there are backups of these commits.
    pub fn needed(&self, backups: &[u64]) -> BTreeSet<u64> {
        let mut needed: BTreeSet<u64> = self.live.into_iter().collect();
        match self.live {
            Some(live) => needed.extend(self.newest_good(live).into_iter().chain(self.back(live, u64::MAX))),
            None => needed.extend(self.newest_good(u64::MAX)),
        }
        needed.extend(self.interrupted.map(|(_, to)| to));
        needed.extend(self.open.iter().flat_map(|open| [Some(open.number), open.previous]).flatten());
        for commit in backups {
            let on_disk = self.releases.iter().filter(|(_, release)| release.on_disk && release.commit == *commit);
            let of_commit: Vec<u64> = on_disk.map(|(number, _)| *number).collect();
            let good: Vec<u64> = of_commit.iter().copied().filter(|number| self.is_good(*number)).collect();
            needed.extend(if good.is_empty() { of_commit.last().copied().into_iter().collect() } else { good });
        }
        needed.retain(|number| self.releases.get(number).is_some_and(|release| release.on_disk));
        needed
    }

    /// The name of a release.
    pub fn name(&self, number: u64) -> String {
        let commit = self.releases.get(&number).map_or(0, |release| release.commit);
        format!("{number}-{}", &commit_of(commit)[..7])
    }

    /// Now, as the clock would tell.
    pub fn now(&self) -> String {
        let (day, hour, minute) = (1 + self.minute / 1440, self.minute / 60 % 24, self.minute % 60);
        format!("2026-11-{day:02}T{hour:02}:{minute:02}:00Z")
    }

    // What happens.

    fn deploys(&mut self, choice: u64, forced: bool, ends: fn(&mut Self, Option<u64>)) {
        let commit = choice % 4;
        let refused = !forced && self.is_guarded(Some(commit));
        self.number += 1;
        let previous = self.live;
        self.interrupted = None;
        if forced {
            self.alarms.clear();
        }
        self.write(json!({"tool": "deploy-queue", "command": "begin", "commit": commit_of(commit),
                   "details": {"force": forced, "previous": previous.map(|number| self.name(number))}}));
        let live = previous.and_then(|number| self.releases.get(&number).cloned());
        let already = live.is_some_and(|live| live.commit == commit && live.verified && !live.bad && live.passed);
        if refused || (already && !forced) {
            self.settled.push(self.number);
            return self.ends(if refused { 75 } else { 0 });
        }
        self.releases.insert(self.number, Truth { commit, on_disk: true, ..Truth::default() });
        self.write(json!({"tool": "release", "command": "stage", "success": true, "release": self.name(self.number)}));
        ends(self, previous);
    }

    fn switches(&mut self) {
        self.write(
            json!({"tool": "release", "command": "activate", "phase": "begin", "release": self.name(self.number)}),
        );
        self.live = Some(self.number);
    }

    fn succeeds(&mut self, _: Option<u64>) {
        self.switches();
        self.smokes(self.number, "smoke", 0);
        self.ends(0);
        self.releases.entry(self.number).and_modify(|release| release.verified = true);
    }

    fn fails_its_smoke_test(&mut self, previous: Option<u64>) {
        self.switches();
        self.smokes(self.number, "smoke", 1);
        self.alarms.push(self.minute);
        let back = self.undoes(previous, true);
        self.ends(if back { 4 } else { 5 });
    }

    fn fails_its_tests(&mut self, _: Option<u64>) {
        self.write(json!({"tool": "run-step", "command": "test", "success": false, "exit_code": 1}));
        self.settled.push(self.number);
        self.ends(1);
    }

    fn is_inconclusive(&mut self, _: Option<u64>) {
        self.switches();
        self.smokes(self.number, "smoke", 74);
        self.ends(6);
    }

    fn is_killed(&mut self, previous: Option<u64>) {
        self.switches();
        self.open = Some(Open { number: self.number, previous });
    }

    /// What the next start of the runner does with a deployment that was killed.
    fn settle(&mut self) {
        if let Some(open) = self.open.take() {
            self.undoes(open.previous, false);
            self.ends(137);
        }
    }

    /// Undoes the newest deployment; false when there was nothing to go back to.
    fn undoes(&mut self, previous: Option<u64>, bad: bool) -> bool {
        self.releases.entry(self.number).and_modify(|release| release.bad |= bad);
        let to = previous.and_then(|previous| self.back(previous, self.number));
        self.begins_to_go("deploy", Some(self.number), to, bad);
        self.live = to;
        let success = to.is_some();
        if let Some(to) = to {
            self.smokes(to, "rollback", 0);
            self.settled.push(self.number);
        }
        self.write(json!({"tool": "rollback", "command": "deploy", "success": success, "exit_code": if success { 0 } else { 66 }}));
        success
    }

    fn goes_back_by_hand(&mut self, way: Option<(Option<u64>, u64)>, choice: u64) {
        let Some((from, to)) = way else { return };
        let bad = !choice.is_multiple_of(3);
        self.leaves(from, bad);
        self.begins_to_go("last", from, Some(to), bad);
        self.live = Some(to);
        self.interrupted = None;
        self.smokes(to, "rollback", u64::from(choice.is_multiple_of(5)));
    }

    /// A rollback by hand is killed before the switch or after it.
    fn is_interrupted(&mut self, choice: u64) {
        let Some((Some(from), to)) = self.to(choice % 4) else { return };
        self.leaves(Some(from), true);
        self.begins_to_go("to-commit", Some(from), Some(to), true);
        if choice % 8 < 4 {
            self.live = Some(to);
        }
        self.interrupted = Some((from, to));
    }

    fn activates(&mut self, choice: u64) {
        let there: Vec<u64> =
            self.releases.iter().filter(|(_, release)| release.on_disk).map(|(number, _)| *number).collect();
        let Some(number) = there.get(usize::try_from(choice).unwrap_or_default() % there.len().max(1)) else { return };
        let record = json!({"tool": "release", "command": "activate", "phase": "begin", "release": self.name(*number)});
        self.append(record);
        self.live = Some(*number);
        self.interrupted = None;
    }

    fn loses_a_release(&mut self, choice: u64) {
        let number = choice % (self.number + 1);
        if self.live != Some(number) {
            self.releases.entry(number).and_modify(|release| release.on_disk = false);
        }
    }

    fn leaves(&mut self, from: Option<u64>, bad: bool) {
        if let Some(from) = from {
            self.releases.entry(from).and_modify(|release| release.bad |= bad);
        }
    }

    // What is written down.

    fn begins_to_go(&mut self, command: &str, from: Option<u64>, to: Option<u64>, bad: bool) {
        let name = |number: Option<u64>| number.map(|number| self.name(number));
        let begin = json!({"tool": "rollback", "command": command, "phase": "begin",
                           "details": {"from": name(from), "to": name(to), "bad": bad}});
        if command == "deploy" { self.write(begin) } else { self.append(begin) }
    }

    fn smokes(&mut self, number: u64, step: &str, code: u64) {
        self.releases.entry(number).and_modify(|release| release.passed = code == 0);
        let parent = (step == "rollback").then_some("rollback");
        let record = json!({"tool": "smoke-test", "command": "check", "step": step, "release": self.name(number),
                            "parent": parent, "success": code == 0, "exit_code": code});
        if step == "smoke" { self.write(record) } else { self.append(record) }
    }

    fn ends(&mut self, code: u64) {
        self.write(json!({"tool": "deploy-queue", "command": "end", "success": code == 0, "exit_code": code}));
    }

    /// A record of the newest deployment.
    fn write(&mut self, mut record: Value) {
        record["deploy"] = format!("prod-{}", self.number).into();
        self.append(record);
    }

    fn append(&mut self, mut record: Value) {
        record["v"] = 1.into();
        record["duration_ms"] = 5.into();
        record["started_at"] = self.now().into();
        self.journal += &format!("{record}\n");
    }
}
