//! What is still to be done to put a restored schema in the live one's place: a file that outlives a killed tool.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use kit::{Exit, Failure, files};
use serde::{Deserialize, Serialize};

/// The version of the plan's form.
const VERSION: u32 = 1;

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The live database has not been touched: the scratch schema can be dropped.
    Prepared,
    /// It is being changed: there is only the way forward.
    Begun,
}

/// The swap of a database and a scratch schema that has been loaded and compared.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    v: u32,
    /// How far it has come.
    pub stage: Stage,
    /// The live database.
    pub live: String,
    /// The schema that holds the restored tables.
    pub scratch: String,
    /// The schema that takes the live tables.
    pub before: String,
    /// Statements that make the routines, the triggers and the views; each may run again.
    pub objects: String,
    /// Statements that make the events; each may run again.
    pub events: String,
    #[serde(skip)]
    path: PathBuf,
}

impl Plan {
    /// A plan that nothing of has been done yet. It is on disk when this returns.
    pub(crate) fn prepare(mut self, path: &Path) -> Result<Self, Failure> {
        path.clone_into(&mut self.path);
        self.save()?;
        Ok(self)
    }

    pub(crate) fn new(live: &str, scratch: &str, before: &str) -> Self {
        let (stage, path) = (Stage::Prepared, PathBuf::new());
        let (objects, events) = (String::new(), String::new());
        let [live, scratch, before] = [live, scratch, before].map(str::to_owned);
        Self { v: VERSION, stage, live, scratch, before, objects, events, path }
    }

    /// The plan that a killed tool has left, if any: 65 when it cannot be read.
    pub fn find(path: &Path) -> Result<Option<Self>, Failure> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::io(format_args!("read {}", path.display()), &error)),
        };
        let damaged = |why: String| {
            let message = format!("the plan {} of a restore that was interrupted is damaged: {why}", path.display());
            Failure::new(Exit::DAMAGED, message)
        };
        let mut plan: Self = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        if plan.v != VERSION {
            return Err(damaged(format!("its version is {}, not {VERSION}", plan.v)));
        }
        path.clone_into(&mut plan.path);
        Ok(Some(plan))
    }

    /// Notes that the live database is about to change.
    pub(crate) fn begin(&mut self) -> Result<(), Failure> {
        self.stage = Stage::Begun;
        self.save()
    }

    /// Forgets it: all of it is done, or none.
    pub(crate) fn forget(&self) -> Result<(), Failure> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Failure::io(format_args!("remove {}", self.path.display()), &error))
            }
            _ => Ok(()),
        }
    }

    fn save(&self) -> Result<(), Failure> {
        // Plain texts always have a JSON form.
        files::write(&self.path, serde_json::to_string(self).unwrap_or_default().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::{Plan, Stage};

    #[test]
    fn a_plan_is_found_again_as_far_as_it_has_come() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plan.json");
        assert!(Plan::find(&path).unwrap().is_none());
        let mut plan = Plan::new("app", "app_restore_x", "app_before_x").prepare(&path).unwrap();
        assert_eq!(Plan::find(&path).unwrap().unwrap().stage, Stage::Prepared);
        plan.begin().unwrap();
        let found = Plan::find(&path).unwrap().unwrap();
        assert_eq!((found.stage, found.live.as_str()), (Stage::Begun, "app"));
        found.forget().unwrap();
        found.forget().unwrap();
        assert!(Plan::find(&path).unwrap().is_none());
        for text in ["", "{}", "{\"v\":2}"] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(Plan::find(&path).unwrap_err().exit.code(), 65, "{text}");
        }
    }
}
