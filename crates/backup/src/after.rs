//! The copy on another host: `BACKUP_AFTER_COMMAND`, a command of the user's, is told where the backup is.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use kit::root::Root;
use kit::{Attempt, Context, Exit, Failure, files, user_command};

/// The variable that holds the path of the backup.
const BACKUP: &str = "PUSHBACK_BACKUP";

/// Runs the command, if there is one, in the directory of the backups. When it fails the backup is made all the same, and
/// stays: 74, or 124 when it took longer than it may.
pub(crate) fn hand_over(
    backup: &Path,
    root: Option<&Root>,
    timeout: Duration,
    cx: &mut Context,
) -> Result<(), Failure> {
    let Some(command) = cx.settings.get("BACKUP_AFTER_COMMAND") else {
        return Ok(());
    };
    let root = root.ok_or_else(|| {
        Failure::new(Exit::SETTINGS, "BACKUP_AFTER_COMMAND needs DEPLOY_ROOT, where its log is kept")
            .hint("name an environment with -e; the backup itself is made")
    })?;
    let mut env = cx.settings.listed("BACKUP_AFTER_ENV");
    env.push((BACKUP.into(), backup.into()));
    files::make_private_dir(&root.logs())?;
    let path = root.logs().join("backup-after.log");
    let log = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
    let log = log.attempt(format_args!("write the log {}", path.display()))?;
    let dir = backup.parent().unwrap_or(backup);
    let status = user_command::run(&user_command::shell(&command), dir, &env, log, timeout, root)?;
    if status.is_success() {
        return Ok(());
    }
    let message = format!("the backup is made, but BACKUP_AFTER_COMMAND {}; no old backup was removed", status.spell());
    let exit = if status == kit::process::Status::Deadline { Exit::DEADLINE } else { Exit::IO };
    Err(Failure::new(exit, message).hint(format!("its whole output is in {}", path.display())))
}
