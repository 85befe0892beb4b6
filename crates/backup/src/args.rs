use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use db::{Codec, Engine, Format, Packing, packing};
use kit::settings::duration;
use kit::{Exit, Failure};

use crate::capture::Manner;
use crate::retention::Rules;

/// Backs the live database up, together with the settings that belong to it; lists, verifies and prunes the backups
///
/// The backup is a directory in BACKUP_DIR, named by its time: the compressed database, a manifest, SHA256SUMS (check
/// them with `sha256sum -c SHA256SUMS`) and config/, the copies of the settings file and of APP_ENV_FILE. It is read
/// back and verified before it gets its name. The database is DATABASE_URL, sqlite:///absolute/path; programs that use
/// it go on working meanwhile.
///
/// With a rule (--keep-last, --keep-days) old backups go after each new one. A backup is kept when one rule keeps it;
/// give both, and a clock that was wrong for a day costs no history. Only backups of DATABASE_URL and DEPLOY_ENV ever
/// go, and only under the name that they got: one that you rename stays.
#[derive(Parser, Debug)]
pub(crate) struct Args {
    /// What to do
    #[arg(value_enum, default_value_t = Command::Create, hide_default_value = true)]
    pub(crate) command: Command,

    /// For verify: names in BACKUP_DIR, `latest`, or paths; all backups of the database unless given
    #[arg(value_name = "BACKUP", value_parser = backup)]
    pub(crate) backups: Vec<String>,

    /// What a missing database means: `skip` succeeds without a backup while no deployment has touched the environment
    #[arg(long, value_enum, value_name = "fail|skip", default_value_t = IfAbsent::Fail, help_heading = CREATE)]
    pub(crate) if_absent: IfAbsent,

    /// A text for the manifest: why this backup was made
    #[arg(long, value_name = "TEXT", help_heading = CREATE)]
    pub(crate) label: Option<String>,

    /// How the dump is compressed; `gzip -d` and `zstd -d` read it as well
    #[arg(long, value_name = "gzip|zstd|none", env = "BACKUP_COMPRESS", value_parser = codec, default_value = "gzip", help_heading = CREATE)]
    pub(crate) compress: Codec,

    /// How hard it is compressed: 1 to 9 for gzip [default: 6], 1 to 19 for zstd [default: 3]
    #[arg(long, value_name = "N", env = "BACKUP_LEVEL", help_heading = CREATE)]
    pub(crate) level: Option<i32>,

    /// How many threads compress [default: one for each processor, at most 8]
    #[arg(long, value_name = "N", env = "BACKUP_THREADS", value_parser = some, help_heading = CREATE)]
    pub(crate) threads: Option<u32>,

    /// What a dump of a server looks like: SQL statements, or for PostgreSQL an archive for pg_restore [default: plain]
    #[arg(long, value_enum, value_name = "plain|custom", env = "BACKUP_FORMAT", help_heading = CREATE)]
    pub(crate) format: Option<DumpFormat>,

    /// Show the backups of other databases and environments as well
    #[arg(long, help_heading = "Options of list")]
    pub(crate) all: bool,

    /// Keep the newest N; damaged backups do not count
    #[arg(long, value_name = "N", env = "BACKUP_KEEP_LAST", value_parser = some, help_heading = KEEP)]
    pub(crate) keep_last: Option<u32>,

    /// Keep what was made within D days before the newest
    #[arg(long, value_name = "D", env = "BACKUP_KEEP_DAYS", value_parser = some, help_heading = KEEP)]
    pub(crate) keep_days: Option<u32>,

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

const CREATE: &str = "Options of create";
const KEEP: &str = "Options of prune, and of create for pruning afterwards";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Command {
    /// Make a backup; this is meant when no command is given
    Create,
    /// List the backups, newest first, by what their manifests say
    List,
    /// Prove that backups would restore: all that restore-db checks before it touches anything
    Verify,
    /// Remove old backups, by --keep-last and --keep-days
    Prune,
}

/// The formats that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DumpFormat {
    /// SQL statements
    Plain,
    /// An archive for pg_restore
    Custom,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum IfAbsent {
    /// A failure
    Fail,
    /// Nothing to do, as long as no deployment has touched the environment
    Skip,
}

impl Args {
    /// 2 for an option of another command: to ignore it would do something else than was asked for.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let given = [
            (self.if_absent == IfAbsent::Skip, "--if-absent", Command::Create),
            (self.label.is_some(), "--label", Command::Create),
            (self.all, "--all", Command::List),
            (!self.backups.is_empty(), "BACKUP", Command::Verify),
            (self.dry_run, "--dry-run", Command::Prune),
        ];
        match given.into_iter().find(|(is_given, _, command)| *is_given && *command != self.command) {
            None => Ok(()),
            Some((_, option, command)) => {
                let name = |command: Command| format!("{command:?}").to_lowercase();
                let message = format!("{option} belongs to backup-db {}, not to {}", name(command), name(self.command));
                Err(Failure::new(Exit::USAGE, message))
            }
        }
    }

    /// How a database of this engine is dumped and stored: 78 for what there is not.
    pub(crate) fn manner(&self, engine: Engine) -> Result<Manner, Failure> {
        let levels = self.compress.levels();
        if let Some(level) = self.level.filter(|level| !levels.contains(level)) {
            let message = format!("there is no level {level} of {}", self.compress);
            let hint = format!("say --level {} to {}", levels.start(), levels.end());
            return Err(Failure::new(Exit::SETTINGS, message).hint(hint));
        }
        let format = match (engine, self.format) {
            (Engine::Sqlite, None) => Format::Sqlite,
            (Engine::Postgres | Engine::Mysql, None | Some(DumpFormat::Plain)) => Format::Plain,
            (Engine::Postgres, Some(DumpFormat::Custom)) => Format::Custom,
            (Engine::Sqlite | Engine::Mysql, Some(_)) => {
                return Err(Failure::new(Exit::SETTINGS, format!("{engine} has one format only"))
                    .hint("leave --format and BACKUP_FORMAT away"));
            }
        };
        let threads = self.threads.map_or_else(packing::threads, |threads| threads.try_into().unwrap_or(usize::MAX));
        Ok(Manner { format, packing: Packing { codec: self.compress, level: self.level, threads } })
    }

    /// What is to be kept; `None` when there is no rule.
    pub(crate) fn rules(&self) -> Option<Rules> {
        let rules = Rules { last: self.keep_last, days: self.keep_days };
        (rules.last.is_some() || rules.days.is_some()).then_some(rules)
    }
}

fn codec(text: &str) -> Result<Codec, String> {
    text.parse().map_err(|why| format!("{why} is what is supported"))
}

fn backup(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("it is empty; supported: a name in BACKUP_DIR, `latest`, a path".to_owned());
    }
    Ok(text.to_owned())
}

fn some(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(0) => Err("0 would keep nothing; supported: 1 and more".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err(format!("`{text}` is not a whole number; supported: 1 to {}", u32::MAX)),
    }
}
