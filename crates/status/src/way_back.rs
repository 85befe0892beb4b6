//! Where a rollback would go, and whether it would get there, as `rollback --check` tells it.

use kit::Failure;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::question::Asker;

/// The way back from what is live.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct WayBack {
    /// The release; `None` when there is nothing to go back to.
    pub(crate) to: Option<String>,
    pub(crate) expected_ms: Option<u64>,
    /// What stands in the way.
    #[serde(default)]
    pub(crate) problems: Vec<String>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl WayBack {
    pub(crate) fn ask(asker: &Asker<'_>) -> Result<Self, Failure> {
        // A way that is broken is an answer as well.
        asker.ask("rollback", &["--check"], &[0, 1])
    }
}
