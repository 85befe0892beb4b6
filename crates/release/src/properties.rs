//! What is pruned, in ten thousand random histories, against what is really needed.

use std::collections::BTreeSet;

use kit::history::History;
use kit::journal::read_from;
use kit::root::ReleaseName;
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, prop_assert_eq, proptest};
use testkit::{Saga, commit_of};

use crate::pins::{Backup, Facts};

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_a_rollback_a_deployment_or_a_backup_needs_stays_and_all_else_goes(
        words in vec(any::<u16>(), 0..14),
        commits in vec(0_u64..6, 0..3),
    ) {
        let saga = Saga::tell(&words);
        let history = History::from_lines(read_from(saga.journal.as_bytes()).unwrap());
        let name = |number: u64| saga.name(number).parse::<ReleaseName>().unwrap();
        let there = saga.releases.iter().filter(|(_, release)| release.on_disk);
        let staged: Vec<ReleaseName> = there.map(|(number, _)| name(*number)).collect();
        let backup = |commit: &u64| Backup { name: "nightly".to_owned(), commit: commit_of(*commit), release: None };
        let (live, backups) = (saga.live.map(name), commits.iter().map(backup).collect::<Vec<_>>());
        let facts = Facts { staged: &staged, live: live.as_ref(), history: &history, backups: &backups, keep: 0 };
        let kept = facts.verdicts().into_iter().filter_map(|(release, pin)| pin.map(|_| release.number()));
        prop_assert_eq!(kept.collect::<BTreeSet<u64>>(), saga.needed(&commits));
    }
}
