//! What runs, what waits, and whether deployments are held, as `deploy-queue list` tells it.

use kit::Failure;
use kit::root::DeployId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::question::Asker;

/// The queue.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Queue {
    /// Deployments that began and did not end.
    running: Vec<String>,
    /// The numbers of submissions.
    pub(crate) waiting: Vec<Value>,
    pub(crate) held: Option<Hold>,
    /// Who holds the environment's lock.
    pub(crate) holder: Option<String>,
}

/// Why no deployment begins, and who wants that.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Hold {
    pub(crate) reason: String,
    pub(crate) by: String,
    since: String,
}

impl Queue {
    pub(crate) fn ask(asker: &Asker<'_>) -> Result<Self, Failure> {
        asker.ask("deploy-queue", &["list"], &[0])
    }

    /// The deployments that run. Without a process that holds the lock none does.
    pub(crate) fn running(&self) -> &[String] {
        if self.holder.is_some() { &self.running } else { &[] }
    }

    /// The deployments that were killed and are not settled yet.
    pub(crate) fn killed(&self) -> &[String] {
        if self.holder.is_some() { &[] } else { &self.running }
    }

    pub(crate) fn runs(&self, deploy: &DeployId) -> bool {
        self.running().contains(&deploy.to_string())
    }
}
