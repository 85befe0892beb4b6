//! How the app takes a new release, with the app's own commands.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use kit::failure::Attempt;
use kit::process::Status;
use kit::root::{ReleaseName, Root};
use kit::settings::{Settings, app_settings};
use kit::{Exit, Failure, files, user_command};

/// What the settings ask for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Restart {
    /// Switch only: nothing runs that would have to know.
    Nothing,
    /// Switch, then `RELOAD_COMMAND`.
    Reload(String),
    /// `STOP_COMMAND` in the old release, switch, `START_COMMAND` in the new one.
    StopStart { stop: String, start: String },
}

impl Restart {
    /// Reads the settings; a pair that is half set, or two ways at once, is 78.
    pub(crate) fn plan(settings: &Settings) -> Result<Self, Failure> {
        let wrong = |message: &str| Err(Failure::new(Exit::SETTINGS, message));
        if settings.get("SERVICE").is_some() {
            return wrong(
                "SERVICE is not supported yet; supported: RELOAD_COMMAND, or STOP_COMMAND with START_COMMAND",
            );
        }
        match (settings.get("RELOAD_COMMAND"), settings.get("STOP_COMMAND"), settings.get("START_COMMAND")) {
            (None, None, None) => Ok(Self::Nothing),
            (Some(reload), None, None) => Ok(Self::Reload(reload)),
            (None, Some(stop), Some(start)) => Ok(Self::StopStart { stop, start }),
            (Some(_), ..) => wrong("RELOAD_COMMAND is set beside STOP_COMMAND or START_COMMAND; choose one way"),
            _ => wrong("STOP_COMMAND and START_COMMAND belong together, and one of them is not set"),
        }
    }

    /// One line a step, in their order.
    pub(crate) fn spell(&self, live: Option<&ReleaseName>, next: &ReleaseName) -> String {
        let switch = format!("switch to {next}");
        match (self, live) {
            (Self::Nothing, _) => switch,
            (Self::Reload(reload), _) => format!("{switch}\nreload in {next}: {reload}"),
            (Self::StopStart { start, .. }, None) => format!("{switch}\nstart in {next}: {start}"),
            (Self::StopStart { stop, start }, Some(live)) => {
                format!("stop in {live}: {stop}\n{switch}\nstart in {next}: {start}")
            }
        }
    }
}

/// The app's own settings, from `APP_ENV_FILE`. Looked at before anything is touched too: a file that cannot be read
/// would stop the way back as well.
pub(crate) fn environment(settings: &Settings) -> Result<Vec<(OsString, OsString)>, Failure> {
    let Some(file) = settings.get("APP_ENV_FILE") else {
        return Ok(Vec::new());
    };
    let values = app_settings(Path::new(&file))?.into_iter();
    Ok(values.map(|(name, value)| (name.into(), value.into())).collect())
}

/// Runs the app's own commands with the app's own settings.
pub(crate) struct App<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) root: &'a Root,
    pub(crate) timeout: Duration,
}

impl App<'_> {
    /// Runs one command in a release's directory. It speaks into `logs/app.log`; the app that it starts keeps that log
    /// and a session of its own, and none of our settings, streams or locks.
    pub(crate) fn run(&self, setting: &str, command: &str, release: &Path, commit: &str) -> Result<(), Failure> {
        let mut env = environment(self.settings)?;
        env.push(("PUSHBACK_COMMIT".into(), commit.into()));
        files::make_private_dir(&self.root.logs())?;
        let path = self.root.logs().join("app.log");
        let log = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
        let log = log.attempt(format_args!("open the log {}", path.display()))?;
        let status = user_command::run(&user_command::shell(command), release, &env, log, self.timeout, self.root)?;
        let exit = match status {
            Status::Exit(0) => return Ok(()),
            Status::Deadline => Exit::DEADLINE,
            _ => Exit::IO,
        };
        let message = format!("{setting} {}: {command}", status.spell());
        Err(Failure::new(exit, message).hint(format!("its output is at the end of {}", path.display())))
    }
}
