//! What must stay on disk, and why: a pure verdict on every release.

use std::fmt::{self, Display};

use kit::history::History;
use kit::root::ReleaseName;

/// Why a release stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pin {
    /// `current` points at it.
    Live,
    /// A rollback would go there.
    WayBack,
    /// An interrupted rollback was on its way there.
    Interrupted,
    /// This deployment began and has not ended, and staged it or began over it.
    Open(String),
    /// It is newer than every deployment that has ended.
    InFlight,
    /// This backup was made while it was live.
    BackedUp(String),
    /// This backup was made while its commit was live.
    Backup(String),
    /// It is one of the newest verified ones.
    Newest,
}

impl Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live => f.write_str("live"),
            Self::WayBack => f.write_str("a rollback goes there"),
            Self::Interrupted => f.write_str("an interrupted rollback goes there"),
            Self::Open(deploy) => write!(f, "{deploy} has not ended"),
            Self::InFlight => f.write_str("newer than every deployment that ended"),
            Self::BackedUp(name) => write!(f, "the backup {name} was made while it was live"),
            Self::Backup(name) => write!(f, "the backup {name} is of its commit"),
            Self::Newest => f.write_str("one of the newest verified ones"),
        }
    }
}

/// A backup that is kept, and what was live when it was made: the commit, and the release where the backup names it.
#[derive(Debug)]
pub(crate) struct Backup {
    pub(crate) name: String,
    pub(crate) commit: String,
    pub(crate) release: Option<ReleaseName>,
}

/// What the verdicts are made of.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    /// The releases on disk, oldest first.
    pub(crate) staged: &'a [ReleaseName],
    pub(crate) live: Option<&'a ReleaseName>,
    pub(crate) history: &'a History,
    pub(crate) backups: &'a [Backup],
    /// How many of the newest verified releases to keep besides.
    pub(crate) keep: usize,
}

impl Facts<'_> {
    /// Every release on disk, oldest first, with the reason why it stays; `None`: it may go.
    pub(crate) fn verdicts(&self) -> Vec<(ReleaseName, Option<Pin>)> {
        let pins = self.pins();
        let pin = |release: &ReleaseName| pins.iter().find(|(pinned, _)| pinned == release).map(|(_, pin)| pin.clone());
        self.staged.iter().map(|release| (release.clone(), pin(release))).collect()
    }

    /// The pins, the most telling first.
    fn pins(&self) -> Vec<(ReleaseName, Pin)> {
        let mut pins: Vec<(ReleaseName, Pin)> = Vec::new();
        pins.extend(self.live.map(|live| (live.clone(), Pin::Live)));
        pins.extend(self.ways_back().into_iter().map(|release| (release, Pin::WayBack)));
        let interrupted = self.history.interrupted().and_then(|rollback| rollback.to);
        pins.extend(interrupted.map(|release| (release, Pin::Interrupted)));
        for open in self.history.open() {
            let needed = open.release.iter().chain(&open.previous);
            pins.extend(needed.map(|release| (release.clone(), Pin::Open(open.id.to_string()))));
        }
        pins.extend(self.in_flight().map(|release| (release.clone(), Pin::InFlight)));
        pins.extend(self.backups.iter().flat_map(|backup| self.of_backup(backup)));
        pins.extend(self.history.good().rev().take(self.keep).map(|release| (release.clone(), Pin::Newest)));
        pins
    }

    /// Where `rollback --last` goes, and where a deployment that begins now goes back to.
    fn ways_back(&self) -> Vec<ReleaseName> {
        match self.live {
            Some(live) => {
                let (before, under) = (self.history.good_before(live), self.history.way_back(live, u64::MAX));
                before.into_iter().chain(under).collect()
            }
            None => self.history.good().max().cloned().into_iter().collect(),
        }
    }

    /// What was staged after the last deployment that ended: by one that runs, or was killed before it could tell.
    fn in_flight(&self) -> impl Iterator<Item = &ReleaseName> {
        let ended = self.history.deployments.iter().filter(|deployment| deployment.exit_code.is_some());
        let last = ended.map(|deployment| deployment.id.number()).max();
        self.staged.iter().filter(move |release| last.is_none_or(|last| release.number() > last))
    }

    /// A backup is worth little without the code that can read it: the release that it names, where that is still there;
    /// else the good releases of its commit, else the newest of them.
    fn of_backup(&self, backup: &Backup) -> Vec<(ReleaseName, Pin)> {
        if let Some(release) = backup.release.as_ref().filter(|release| self.staged.contains(release)) {
            return vec![(release.clone(), Pin::BackedUp(backup.name.clone()))];
        }
        let is_of_commit = |release: &&ReleaseName| **release == ReleaseName::new(release.number(), &backup.commit);
        let of_commit: Vec<&ReleaseName> = self.staged.iter().filter(is_of_commit).collect();
        let good = of_commit.iter().copied().filter(|release| self.history.is_good(release));
        let mut pinned: Vec<&ReleaseName> = good.collect();
        if pinned.is_empty() {
            pinned.extend(of_commit.last());
        }
        pinned.into_iter().map(|release| (release.clone(), Pin::Backup(backup.name.clone()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Backup, Facts, Pin};
    use kit::history::History;
    use kit::journal::read_from;
    use kit::root::ReleaseName;

    /// Deployments 1 to `count`, each ended with this code.
    fn ended(count: u64, code: u8) -> (Vec<ReleaseName>, History) {
        let mut text = String::new();
        let mut names = Vec::new();
        for number in 1..=count {
            let head = format!(r#""v":1,"started_at":"2026-11-21T10:15:00Z","duration_ms":0,"deploy":"prod-{number}""#);
            names.push(format!("{number}-abcdefa").parse().unwrap());
            text += &format!(
                r#"{{{head},"tool":"deploy-queue","command":"begin","commit":"abcdefa1"}}
                {{{head},"tool":"release","command":"stage","success":true,"release":"{number}-abcdefa"}}
                {{{head},"tool":"release","command":"activate","phase":"begin"}}
                {{{head},"tool":"deploy-queue","command":"end","success":true,"exit_code":{code}}}
                "#
            );
        }
        (names, History::from_lines(read_from(text.as_bytes()).unwrap()))
    }

    fn doomed(staged: &[ReleaseName], live: &ReleaseName, history: &History, keep: usize) -> Vec<ReleaseName> {
        let verdicts = Facts { staged, live: Some(live), history, backups: &[], keep }.verdicts();
        verdicts.into_iter().filter(|(_, pin)| pin.is_none()).map(|(release, _)| release).collect()
    }

    #[test]
    fn the_live_release_and_the_way_back_stay_even_when_none_is_to_be_kept() {
        let (names, history) = ended(5, 0);
        assert_eq!(doomed(&names, &names[3], &history, 0), [names[0].clone(), names[1].clone(), names[4].clone()]);
    }

    #[test]
    fn a_release_that_the_journal_does_not_know_yet_stays() {
        let (mut names, history) = ended(2, 0);
        names.push("3-abcdefa".parse().unwrap());
        assert!(!doomed(&names, &names[1], &history, 0).contains(&names[2]));
    }

    #[test]
    fn as_many_as_asked_for_stay() {
        let (names, history) = ended(5, 0);
        assert_eq!(doomed(&names, &names[4], &history, 3), names[..2]);
    }

    #[test]
    fn a_backup_keeps_the_good_releases_of_its_commit_or_else_the_newest() {
        let backups = [Backup { name: "nightly".to_owned(), commit: "abcdefa1".to_owned(), release: None }];
        let kept = |code: u8| {
            let (names, history) = ended(5, code);
            let live: ReleaseName = "9-0000000".parse().unwrap();
            let facts = Facts { staged: &names, live: Some(&live), history: &history, backups: &backups, keep: 0 };
            let of_backup = |(name, pin): (ReleaseName, Option<Pin>)| {
                (pin == Some(Pin::Backup("nightly".to_owned()))).then(|| name.number())
            };
            facts.verdicts().into_iter().filter_map(of_backup).collect::<Vec<_>>()
        };
        // 5 is the way back anyhow.
        assert_eq!(kept(0), [1, 2, 3, 4]);
        assert_eq!(kept(4), [5]);
    }

    #[test]
    fn a_backup_that_names_its_release_keeps_that_one_while_it_is_there() {
        let (names, history) = ended(5, 0);
        let kept = |release: &str| {
            let release = Some(release.parse().unwrap());
            let backups = [Backup { name: "nightly".to_owned(), commit: "abcdefa1".to_owned(), release }];
            let facts = Facts { staged: &names, live: Some(&names[4]), history: &history, backups: &backups, keep: 0 };
            let stays = facts.verdicts().into_iter().filter_map(|(name, pin)| pin.map(|_| name.number()));
            stays.collect::<Vec<_>>()
        };
        // 5 is live, 4 the way back.
        assert_eq!(kept("2-abcdefa"), [2, 4, 5]);
        assert_eq!(kept("7-abcdefa"), [1, 2, 3, 4, 5]);
    }
}
