//! Some of the checks of a file: by name, or by tag.

use clap::Args;
use kit::{Exit, Failure, voice};

use crate::check::Check;

/// Which checks are made; all of them unless something is said.
#[derive(Args, Debug, Default)]
pub(crate) struct Selection {
    /// Make only the check of this name; again for more of them
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<String>,

    /// Leave out the check of this name; again for more of them
    #[arg(long, value_name = "NAME")]
    pub(crate) skip: Vec<String>,

    /// Make only checks with this tag; again for more of them
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Vec<String>,
}

impl Selection {
    /// Those that are meant: 2 for a name or a tag that no check has, or when none is left.
    pub(crate) fn of(&self, checks: Vec<Check>) -> Result<Vec<Check>, Failure> {
        let names: Vec<&str> = checks.iter().map(|check| check.name.as_str()).collect();
        let mut tags: Vec<&str> = checks.iter().flat_map(|check| &check.tags).map(String::as_str).collect();
        tags.sort_unstable();
        tags.dedup();
        known(self.only.iter().chain(&self.skip), &names, "there is no check")?;
        known(self.tag.iter(), &tags, "no check has the tag")?;
        let is_meant = |check: &Check| {
            (self.only.is_empty() || self.only.contains(&check.name))
                && !self.skip.contains(&check.name)
                && (self.tag.is_empty() || check.tags.iter().any(|tag| self.tag.contains(tag)))
        };
        let meant: Vec<Check> = checks.into_iter().filter(is_meant).collect();
        if meant.is_empty() {
            return Err(Failure::new(Exit::USAGE, "no check is left: a test of nothing would pass"));
        }
        Ok(meant)
    }
}

fn known<'a>(mut said: impl Iterator<Item = &'a String>, known: &[&str], complaint: &str) -> Result<(), Failure> {
    match said.find(|one| !known.contains(&one.as_str())) {
        None => Ok(()),
        Some(unknown) => {
            let message = format!("{complaint} `{}`", voice::clean_line(unknown));
            let hint =
                if known.is_empty() { "there are none".to_owned() } else { format!("one of: {}", known.join(", ")) };
            Err(Failure::new(Exit::USAGE, message).hint(voice::clean_line(&hint)))
        }
    }
}
