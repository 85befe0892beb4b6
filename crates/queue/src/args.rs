use std::str::FromStr;

use clap::{Parser, Subcommand};
use kit::root::DeployId;

/// Queues deployments: one at a time per environment, the newest submission wins
///
/// A deployment works in the background, in a session of its own, and logs to DEPLOY_ROOT/logs: whoever submitted it
/// may go away. Submissions that a newer one overtakes while they wait are not deployed, and are told so.
#[derive(Parser, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Ask for a commit to be deployed, and return at once
    Submit(Submission),
    /// Work the queue off; settles first what a killed deployment left
    Run,
    /// Show what runs and what waits
    List,
    /// Let no deployment begin until `unhold`; what is submitted meanwhile waits
    Hold {
        /// Why, for those who push meanwhile
        reason: String,

        /// Who asks; the user's name unless given
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// Let deployments begin again
    Unhold {
        /// Who asks; the user's name unless given
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// Take submissions back that still wait, or stop the deployment in progress and undo what it did
    Cancel {
        /// Number of a submission (7), or name of the deployment in progress (prod-42)
        #[arg(required = true)]
        targets: Vec<Target>,

        /// Who asks; the user's name unless given
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// Show what became of the last deployments, or the log of one
    Log {
        /// Print this deployment's log
        deployment: Option<DeployId>,

        /// How many deployments to show
        #[arg(long, value_name = "N", default_value_t = 20)]
        last: usize,
    },
}

#[derive(clap::Args, Debug)]
pub(crate) struct Submission {
    /// Branch, tag or commit in DEPLOY_REPO
    pub(crate) target: String,

    /// Show the deployment's log on stderr, and exit with its code
    #[arg(long)]
    pub(crate) follow: bool,

    /// Deploy it although it is live already, or the loop guard would refuse it
    #[arg(long)]
    pub(crate) force: bool,

    /// The full ref that was pushed: what is deployed is its tip when its turn comes
    #[arg(long = "ref", value_name = "REF")]
    pub(crate) reference: Option<String>,

    /// Who asks; the user's name unless given
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,

    /// Through which door the request came
    #[arg(long, value_name = "DOOR", default_value = "operator", value_parser = ["operator", "push"])]
    pub(crate) door: String,
}

/// What can be cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A submission, by its number.
    Submission(u64),
    /// A deployment.
    Deployment(DeployId),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |_| format!("{text:?} is neither the number of a submission nor the name of a deployment");
        text.parse().map(Self::Submission).or_else(|_| text.parse().map(Self::Deployment)).map_err(wrong)
    }
}
