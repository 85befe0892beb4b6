use clap::{Parser, ValueEnum};
use kit::root::DeployId;

/// Reports a deployment, step by step, from the journal
#[derive(Parser, Debug)]
pub(crate) struct Args {
    /// The deployment; the one that PUSHBACK_DEPLOY names, else the last one, unless given
    pub(crate) deployment: Option<DeployId>,

    /// Form of the report
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,

    /// Journal to read, or `-` for stdin; the environment's own unless given
    #[arg(long, value_name = "FILE")]
    pub(crate) journal: Option<String>,

    /// The exit code of a deployment that is about to end (the pipeline says it; the journal's word counts more)
    #[arg(long, value_name = "CODE")]
    pub(crate) outcome: Option<u8>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    Text,
    Markdown,
    Json,
}
