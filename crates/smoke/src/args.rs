use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use kit::root::ReleaseName;
use kit::settings::duration;

use crate::commit::Commit;
use crate::selection::Selection;

/// Checks that what was deployed works
///
/// All checks run at once, gates first, each with several attempts. A line per check tells what was seen. The checks
/// file is TOML: see docs/checks.md.
#[derive(Parser, Debug)]
pub(crate) struct Args {
    /// A checks file, an address to ask for `status == 200`, or - for stdin: a checks file, or lines such as `/login 200 Sign in`
    #[arg(value_name = "CHECKS", required_unless_present = "setting")]
    pub(crate) checks: Option<String>,

    /// Take the checks from this setting (SMOKE_CHECKS, PREFLIGHT_CHECKS); a relative path is one in the release, and
    /// an empty setting skips them
    #[arg(long, value_name = "VARIABLE", value_parser = ["SMOKE_CHECKS", "PREFLIGHT_CHECKS"], conflicts_with = "checks")]
    pub(crate) setting: Option<String>,

    /// The release that is checked; without it the one staged by PUSHBACK_DEPLOY, and with --setting else the live one
    #[arg(long, value_name = "NAME", env = "PUSHBACK_RELEASE")]
    pub(crate) release: Option<ReleaseName>,

    /// The commit that must answer, whole or at least 7 digits; without it the release's, but for PREFLIGHT_CHECKS
    #[arg(long, value_name = "SHA")]
    pub(crate) expect_commit: Option<Commit>,

    /// Attempts of a check that does not say how many
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) attempts: u32,

    /// Wait between the attempts of a check that does not say how long
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub(crate) interval: Duration,

    /// How long all checks together may take
    #[arg(long, value_name = "TIME", env = "DEPLOYMENT_TIMEOUT", default_value = "120s", value_parser = duration)]
    pub(crate) deadline: Duration,

    /// How many checks run at the same time
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) concurrency: u16,

    #[command(flatten)]
    pub(crate) selection: Selection,

    /// How long a refused connection costs no attempt; without it STARTUP_WAIT (10s) after an activation or a
    /// rollback, and no time at all otherwise
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) startup_wait: Option<Duration>,

    #[command(flatten)]
    pub(crate) judging: Judging,

    #[command(flatten)]
    pub(crate) telling: Telling,

    /// Read the checks and print them; ask nothing, record nothing
    #[arg(long, visible_alias = "list")]
    pub(crate) dry_run: bool,

    /// The same, and note in the journal where the logs end that checks look at: what comes later is new
    #[arg(long, conflicts_with_all = ["checks", "dry_run", "no_record"])]
    pub(crate) prepare: bool,

    /// Append nothing to the journal: for what looks at the live release again and again
    #[arg(long)]
    pub(crate) no_record: bool,
}

/// What a result means that is neither good nor bad.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Judging {
    /// What to do when a check could not be made: ask a person (69 or 74), or count it as failed (1)
    #[arg(long, value_name = "WHAT", env = "SMOKE_INCONCLUSIVE", value_enum, default_value = "ask")]
    pub(crate) inconclusive: Inconclusive,

    /// Count a check as failed that did not pass at its first attempt
    #[arg(long)]
    pub(crate) strict: bool,

    /// Compare with what --record wrote before a change: what failed then too only warns, unless it is a gate
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dry_run", "prepare"])]
    pub(crate) baseline: Option<PathBuf>,

    /// Once all pass, look again and again for so long, every --interval, and fail on the first loss
    #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with_all = ["dry_run", "prepare"])]
    pub(crate) watch: Option<Duration>,
}

/// Where the result goes, and how it is written.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Telling {
    /// How the result is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text", conflicts_with_all = ["dry_run", "prepare", "json"])]
    pub(crate) format: Format,

    /// Write it into this file, whole or not at all; the table is printed all the same
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dry_run", "prepare"])]
    pub(crate) output: Option<PathBuf>,

    /// Keep what was found in this file, to compare with it later: --baseline
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dry_run", "prepare"])]
    pub(crate) record: Option<PathBuf>,
}

/// How a result is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table for a person.
    Text,
    /// JUnit XML, for a build server.
    Junit,
    /// The Test Anything Protocol, version 14.
    Tap,
    /// Metrics for Prometheus.
    Prometheus,
}

/// What a result with errors means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Inconclusive {
    /// A person must look.
    Ask,
    /// The same as a failure.
    Rollback,
}
