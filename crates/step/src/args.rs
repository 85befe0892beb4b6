use std::ffi::OsString;
use std::time::Duration;

use clap::Parser;
use kit::settings::duration;

/// Runs a command as a step of the pipeline
///
/// The command runs in the release that the deployment staged (by hand: in the current directory). It gets PATH, HOME,
/// USER, the language, PUSHBACK_COMMIT and the settings listed in NAME_ENV (TEST_ENV for the step `test`), and nothing
/// else: no DATABASE_URL of the live system, no token. Its output goes to a log of its own; the end of it is shown when
/// the command fails.
#[derive(Parser, Debug)]
pub(crate) struct Args {
    /// Name of the step: its log and its record bear it
    pub(crate) name: String,

    /// Run the command that this setting holds, with `sh -c`; an empty one skips the step
    #[arg(long, value_name = "VARIABLE", conflicts_with = "command")]
    pub(crate) setting: Option<String>,

    /// How long one attempt may take
    #[arg(long, value_name = "TIME", env = "STEP_TIMEOUT", default_value = "30m", value_parser = duration)]
    pub(crate) timeout: Duration,

    /// How many times the command is tried until it succeeds
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) attempts: u32,

    /// How long to wait before another attempt
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub(crate) wait: Duration,

    /// The command and its arguments; no shell looks at them
    #[arg(last = true, required_unless_present = "setting")]
    pub(crate) command: Vec<OsString>,
}
