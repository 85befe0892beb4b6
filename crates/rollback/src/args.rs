use clap::Parser;
use kit::root::DeployId;

use crate::commit::Named;

/// Goes back to what was live before
///
/// A rollback switches the release, restarts the app and runs the smoke test of the release that it went back to. The
/// release that it left is marked bad: no rollback ever goes there, and its commit is not deployed again without
/// --force. The undoing of a deployment goes to what was live when it began; a person goes only to verified releases. The database is left as it is; restore-db brings a backup back.
#[derive(Parser, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) what: What,

    /// Do not mark the release that is left as bad: nothing is known against it
    #[arg(long, conflicts_with_all = ["guard", "check"])]
    pub(crate) keep_good: bool,
}

#[derive(clap::Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct What {
    /// Undo this deployment: back to what was live when it began. Twice changes nothing
    #[arg(long, value_name = "ID")]
    pub(crate) deploy: Option<DeployId>,

    /// Go back to the newest verified release before the live one, or finish a rollback that was interrupted
    #[arg(long)]
    pub(crate) last: bool,

    /// Go to the newest verified release of this commit (7 to 64 digits), older or newer than the live one
    #[arg(long, value_name = "SHA")]
    pub(crate) to_commit: Option<Named>,

    /// The same for the commit of refs/tags/TAG in DEPLOY_REPO
    #[arg(long, value_name = "TAG")]
    pub(crate) to_version: Option<String>,

    /// Change nothing: prove the way back that a deployment would take if it began now, and failed
    #[arg(long)]
    pub(crate) check: bool,

    /// Change nothing: say whether a deploy may begin, or a person must look first
    #[arg(long)]
    pub(crate) guard: bool,
}

impl What {
    /// What the record is named.
    pub(crate) const fn command(&self) -> &'static str {
        match self {
            Self { deploy: Some(_), .. } => "deploy",
            Self { to_commit: Some(_), .. } => "to-commit",
            Self { to_version: Some(_), .. } => "to-version",
            _ => "last",
        }
    }
}
