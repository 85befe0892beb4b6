use std::time::Duration;

use clap::Parser;
use kit::settings::duration;

/// Shows what is live, whether it works now, and what stands behind it
///
/// That is the last backup, the way back, the queue and the last deployments. It asks the other tools, changes nothing,
/// takes no lock and appends nothing to the journal, so it may run at any time: in watch(1), from a monitor, while a
/// deployment runs. With -q only the exit code tells.
#[derive(Parser, Debug)]
pub(crate) struct Args {
    /// Do not ask the app; its last recorded smoke test speaks for it
    #[arg(long)]
    pub(crate) no_check: bool,

    /// How long each question may take, the smoke test as well
    #[arg(long, value_name = "TIME", env = "DEPLOYMENT_TIMEOUT", default_value = "300s", value_parser = duration)]
    pub(crate) timeout: Duration,
}
