use std::time::Duration;

use clap::{Parser, Subcommand};
use kit::root::ReleaseName;
use kit::settings::duration;

/// Stages commits as releases, switches the live one, lists and prunes them
///
/// A release is a directory, DEPLOY_ROOT/releases/42-3f2a1c9: the number of its deployment and its commit. `current`
/// is a symbolic link to the live one, and is only ever replaced by a rename.
#[derive(Parser, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Stage a commit of DEPLOY_REPO for the deployment that PUSHBACK_DEPLOY names; prints the release's path
    Stage {
        /// Full or short commit, branch or tag
        commit: String,
    },
    /// Make a release live: link its SHARED_PATHS, stop the app, switch, start it (or switch, then reload)
    Activate {
        /// The release; the one that PUSHBACK_DEPLOY staged unless given
        release: Option<ReleaseName>,

        /// How long each of the app's own commands may take
        #[arg(long, value_name = "TIME", env = "DEPLOYMENT_TIMEOUT", default_value = "300s", value_parser = duration)]
        timeout: Duration,

        /// Only prove that it could, and print what it would do
        #[arg(long)]
        dry_run: bool,
    },
    /// Stop the app and take `current` away: nothing is live
    Deactivate {
        /// How long STOP_COMMAND may take
        #[arg(long, value_name = "TIME", env = "DEPLOYMENT_TIMEOUT", default_value = "300s", value_parser = duration)]
        timeout: Duration,
    },
    /// Print what is live
    Current {
        /// Ask instead whether this commit (full, or seven digits and more) is live and verified: 0 or 1
        #[arg(long, value_name = "COMMIT")]
        is: Option<String>,
    },
    /// List the releases on disk
    List,
    /// Remove old releases: never the live one, one in flight, one that a rollback would go back to, or one whose commit
    /// was live when a backup was made that is still kept (as `backup-db list` tells)
    Prune {
        /// How many of the newest verified releases to keep besides
        #[arg(long, value_name = "N", default_value_t = 5)]
        keep: usize,

        /// Only print what would be removed, and why the others stay
        #[arg(long)]
        dry_run: bool,
    },
}
