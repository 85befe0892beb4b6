use clap::Parser;
use kit::root::DeployId;

/// Goes back to what was live before
///
/// A rollback switches the release, restarts the app and runs the smoke test of the release that it went back to. The
/// release that it left is marked bad: no rollback ever goes there, and its commit is not deployed again without
/// --force. The database is left as it is; restore-db brings a backup back.
#[derive(Parser, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) what: What,

    /// Do not mark the release that is left as bad: nothing is known against it
    #[arg(long, conflicts_with = "guard")]
    pub(crate) keep_good: bool,
}

#[derive(clap::Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct What {
    /// Undo this deployment: back to what was live when it began. Twice changes nothing
    #[arg(long, value_name = "ID")]
    pub(crate) deploy: Option<DeployId>,

    /// Go back to the newest verified release before the live one
    #[arg(long)]
    pub(crate) last: bool,

    /// Change nothing: say whether a deploy may begin, or a person must look first
    #[arg(long)]
    pub(crate) guard: bool,
}
