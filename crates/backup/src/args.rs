use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use kit::settings::duration;

/// Backs the live database up, together with the settings that belong to it
///
/// The backup is a directory in BACKUP_DIR, named by its time: the compressed database, a manifest, SHA256SUMS (check
/// them with `sha256sum -c SHA256SUMS`) and config/, the copies of the settings file and of APP_ENV_FILE. It is read
/// back and verified before it gets its name. The database is DATABASE_URL, sqlite:///absolute/path; programs that use
/// it go on working meanwhile.
#[derive(Parser, Debug)]
pub(crate) struct Args {
    /// What to do
    #[arg(value_enum, default_value_t = Command::Create, hide_default_value = true)]
    pub(crate) command: Command,

    /// What a missing database means: `skip` succeeds without a backup while no deployment has touched the environment
    #[arg(long, value_enum, value_name = "fail|skip", default_value_t = IfAbsent::Fail)]
    pub(crate) if_absent: IfAbsent,

    /// A text for the manifest: why this backup was made
    #[arg(long, value_name = "TEXT")]
    pub(crate) label: Option<String>,

    /// Directory of the backups [default: DEPLOY_ROOT/backups]
    #[arg(long, value_name = "DIR", env = "BACKUP_DIR")]
    pub(crate) backup_dir: Option<PathBuf>,

    /// How long it may take
    #[arg(long, value_name = "TIME", env = "STEP_TIMEOUT", default_value = "30m", value_parser = duration)]
    pub(crate) timeout: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Command {
    /// Make a backup
    Create,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum IfAbsent {
    /// A failure
    Fail,
    /// Nothing to do, as long as no deployment has touched the environment
    Skip,
}
