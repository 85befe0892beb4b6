use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Submits what was pushed to the queue of its environment, and returns at once
///
/// git runs it in the repository with a line `old new ref` on stdin for each updated ref. The repository's config says
/// which ref goes where: [pushback "refs/heads/main"] env = /srv/guestbook/prod/deploy.env
#[derive(Parser, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Make this tool the hook of a bare repository, and map refs to environments
    Install {
        /// The bare repository
        repository: PathBuf,

        /// A branch or full ref, and the environment file that a push to it deploys with; may be repeated
        #[arg(long, value_name = "REF=ENV_FILE", required = true)]
        map: Vec<String>,
    },
    /// Say what would keep a push from being deployed, one finding a line, each with what mends it
    Doctor {
        /// The bare repository; run it as the user who owns it
        repository: PathBuf,
    },
}
