//! Whose backups are meant.

use db::Entry;
use kit::settings::Settings;

/// One database in one environment. Other environments may keep their backups in the same directory.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    pub(crate) database: String,
    pub(crate) env: Option<String>,
}

impl Owner {
    /// This database in the environment of the settings.
    pub(crate) fn of(database: String, settings: &Settings) -> Self {
        Self { database, env: settings.get("DEPLOY_ENV") }
    }

    /// Whether the manifest says that the set is theirs. A set whose manifest cannot be read is nobody's.
    pub(crate) fn owns(&self, entry: &Entry) -> bool {
        let is_of_env = entry.manifest.as_ref().is_some_and(|manifest| manifest.env == self.env);
        is_of_env && entry.is_of(&self.database)
    }
}
