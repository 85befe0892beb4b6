use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum, value_parser};
use db::store::LATEST;
use kit::settings::{Settings, duration};
use kit::{Exit, Failure};

use crate::manner::Wishes;
use crate::retention::Rules;

/// Backs the live database up, together with the settings that belong to it; lists, verifies and prunes the backups
///
/// The database is DATABASE_URL: sqlite:///absolute/path, postgres://… or mysql://…; programs that use it go on working
/// meanwhile. The backup is a directory in BACKUP_DIR, named by its time: the compressed dump, a manifest, SHA256SUMS (check
/// them with `sha256sum -c SHA256SUMS`) and config/, the copies of the settings file, of APP_ENV_FILE and of what --include
/// names. It is complete before it gets its name; what that is worth, verify and `restore-db --drill` prove.
///
/// A backup that is far smaller than the last good one (--shrink-limit) is kept, but suspect: the exit code is 1, nothing is
/// removed, and it counts for nothing until `backup-db accept` says otherwise. What had less than 100 rows and less than
/// 64 KiB may shrink as it likes.
///
/// With a rule (--keep-last, --keep-daily …) old backups go after each new one. The rules are those of `restic forget`: a
/// backup is kept when one rule keeps it, only hours, days, weeks, months and years that have a backup count, and the
/// oldest stays until there are as many as wanted. Give --keep-last among them, and a clock that was wrong for a day
/// costs no history. Only backups of DATABASE_URL and DEPLOY_ENV ever go, and only under the name that they got: one that
/// you rename stays. So does what the deployment of the live release, or of the one before it, backed up.
#[derive(Parser, Debug)]
pub(crate) struct Args {
    /// What to do
    #[arg(value_enum, default_value_t = Command::Create, hide_default_value = true)]
    pub(crate) command: Command,

    /// For verify: names in BACKUP_DIR, `latest`, or paths; all backups of the database unless given. For accept: names
    /// or paths
    #[arg(value_name = "BACKUP", value_parser = backup)]
    pub(crate) backups: Vec<String>,

    /// What a missing database means: `skip` succeeds without a backup while no deployment has touched the environment
    #[arg(long, value_enum, value_name = "fail|skip", default_value_t = IfAbsent::Fail, help_heading = CREATE)]
    pub(crate) if_absent: IfAbsent,

    /// A text for the manifest: why this backup was made
    #[arg(long, value_name = "TEXT", help_heading = CREATE)]
    pub(crate) label: Option<String>,

    #[command(flatten)]
    pub(crate) wishes: Wishes,

    /// Write the compressed dump to stdout, as `-`, and make no backup in BACKUP_DIR
    #[arg(long, value_name = "-", value_parser = ["-"], conflicts_with = "json", help_heading = CREATE)]
    pub(crate) output: Option<String>,

    /// One more file for config/ in the backup; may be given again [BACKUP_INCLUDE: separated by spaces]
    #[arg(long, value_name = "PATH", help_heading = CREATE)]
    include: Vec<PathBuf>,

    /// A backup with less than this percentage of the rows or bytes of the last good one is suspect; 0: none is
    #[arg(long, value_name = "PERCENT", env = "BACKUP_SHRINK_LIMIT", default_value_t = 50, value_parser = value_parser!(u8).range(0..=100), help_heading = CREATE)]
    pub(crate) shrink_limit: u8,

    /// Look at the manifest and at the length of the data only, and read nothing; this gives no grade
    #[arg(long, help_heading = "Options of verify")]
    pub(crate) quick: bool,

    /// Show the backups of other databases and environments as well
    #[arg(long, help_heading = "Options of list")]
    pub(crate) all: bool,

    #[command(flatten)]
    pub(crate) rules: Rules,

    /// Only print what prune would keep and remove, and why
    #[arg(long, help_heading = "Options of prune")]
    pub(crate) dry_run: bool,

    /// Directory of the backups [default: DEPLOY_ROOT/backups]
    #[arg(long, value_name = "DIR", env = "BACKUP_DIR")]
    pub(crate) backup_dir: Option<PathBuf>,

    /// How long it may take
    #[arg(long, value_name = "TIME", env = "STEP_TIMEOUT", default_value = "30m", value_parser = duration)]
    pub(crate) timeout: Duration,
}

pub(crate) const CREATE: &str = "Options of create";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Command {
    /// Make a backup; this is meant when no command is given
    Create,
    /// Ask whether a backup can be made: versions, privileges, room for it
    Check,
    /// List the backups, newest first, by what their manifests say
    List,
    /// Prove that backups would restore: all that restore-db checks before it touches anything
    Verify,
    /// Remove old backups, by the --keep rules
    Prune,
    /// Let suspect backups count, after a look at what happened to the database
    Accept,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum IfAbsent {
    /// A failure
    Fail,
    /// Nothing to do, as long as no deployment has touched the environment
    Skip,
}

impl Command {
    /// As it is written on the command line.
    fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

impl Args {
    /// What --include names, else BACKUP_INCLUDE. A path with blanks in it can be named by the option only.
    pub(crate) fn include(&self, settings: &Settings) -> Vec<PathBuf> {
        if !self.include.is_empty() {
            return self.include.clone();
        }
        settings.get("BACKUP_INCLUDE").unwrap_or_default().split_whitespace().map(PathBuf::from).collect()
    }

    /// 2 for an option of another command, because to ignore it would do something else than was asked for; and where
    /// accept is not told what.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let given: [(bool, &str, &[Command]); 8] = [
            (self.if_absent == IfAbsent::Skip, "--if-absent", &[Command::Create]),
            (self.label.is_some(), "--label", &[Command::Create]),
            (self.wishes.alone, "--alone", &[Command::Create]),
            (self.output.is_some(), "--output", &[Command::Create]),
            (self.all, "--all", &[Command::List]),
            (!self.backups.is_empty(), "BACKUP", &[Command::Verify, Command::Accept]),
            (self.quick, "--quick", &[Command::Verify]),
            (self.dry_run, "--dry-run", &[Command::Prune]),
        ];
        if let Some((_, option, of)) = given.into_iter().find(|(is, _, of)| *is && !of.contains(&self.command)) {
            let of: Vec<String> = of.iter().map(|command| command.name()).collect();
            let message = format!("{option} belongs to backup-db {}, not to {}", of.join(" and "), self.command.name());
            return Err(Failure::new(Exit::USAGE, message));
        }
        if self.command == Command::Accept && (self.backups.is_empty() || self.backups.iter().any(|it| it == LATEST)) {
            let failure =
                Failure::new(Exit::USAGE, "accept needs the name of a suspect backup, and `latest` is never one");
            return Err(failure.hint("see their names: backup-db list"));
        }
        Ok(())
    }

    /// What is to be kept; `None` when there is no rule.
    pub(crate) fn rules(&self) -> Option<Rules> {
        (self.rules != Rules::default()).then_some(self.rules)
    }
}

fn backup(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("it is empty; supported: a name in BACKUP_DIR, `latest`, a path".to_owned());
    }
    Ok(text.to_owned())
}
