//! The newest backup, as `backup-db list` tells it.

use kit::Failure;
use kit::clock::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::question::Asker;

/// A backup.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Backup {
    pub(crate) name: String,
    pub(crate) created_at: Option<String>,
    pub(crate) stored_size: Option<u64>,
    /// Why it cannot be restored, as far as the list shows.
    pub(crate) damaged: Option<String>,
    /// Why a person must look at it before it counts.
    pub(crate) suspect: Option<String>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

#[derive(Deserialize)]
struct Listed {
    backups: Vec<Backup>,
}

impl Backup {
    /// The newest one; `None` when there is none.
    pub(crate) fn ask(asker: &Asker<'_>) -> Result<Option<Self>, Failure> {
        let listed: Listed = asker.ask("backup-db", &["list"], &[0])?;
        Ok(listed.backups.into_iter().next())
    }

    pub(crate) fn made_at(&self) -> Option<Time> {
        self.created_at.as_ref()?.parse().ok()
    }
}
