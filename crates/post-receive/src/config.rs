//! What the repository's git config says to the hook: `pushback.REF.env`, and `pushback.follow`.

use kit::git::Repository;
use kit::process::Status;
use kit::{Exit, Failure};

/// The section `pushback` of the config, read once: a pusher waits for every question to git.
pub(crate) struct Config {
    entries: Vec<(String, String)>,
}

impl Config {
    /// Reads it. A repository without such a section maps nothing.
    pub(crate) fn of(repository: &Repository) -> Result<Self, Failure> {
        let listed = repository.run(&["config", "--null", "--get-regexp", r"^pushback\."])?;
        if let Status::Exit(0 | 1) = listed.status {
            return Ok(Self::parse(&listed.text()));
        }
        let path = repository.path().display();
        Err(Failure::new(Exit::IO, format!("cannot read the git config of {path}: {}", listed.last_words())))
    }

    /// The environment files that a ref is mapped to.
    pub(crate) fn environments_of(&self, reference: &str) -> Vec<String> {
        let key = format!("pushback.{reference}.env");
        let mapped = self.entries.iter().filter(|(name, path)| *name == key && !path.is_empty());
        mapped.map(|(_, path)| path.clone()).collect()
    }

    /// Every ref that is mapped, with its environment.
    pub(crate) fn maps(&self) -> Vec<(String, String)> {
        let map = |(key, environment): &(String, String)| {
            let reference = key.strip_prefix("pushback.")?.strip_suffix(".env")?;
            Some((reference.to_owned(), environment.clone()))
        };
        self.entries.iter().filter_map(map).collect()
    }

    /// Whether every push waits for its deployment. What counts as true is git's to say.
    pub(crate) fn follows(&self, repository: &Repository) -> Result<bool, Failure> {
        let is_set = self.entries.iter().any(|(name, _)| name == "pushback.follow");
        Ok(is_set && repository.run(&["config", "--type=bool", "--get", "pushback.follow"])?.text() == "true")
    }

    /// `git config --null`: a newline between key and value, a NUL after each. A key without a value has neither `=`
    /// nor newline.
    fn parse(text: &str) -> Self {
        let entries = text.split('\0').filter(|entry| !entry.is_empty());
        Self {
            entries: entries
                .map(|entry| entry.split_once('\n').unwrap_or((entry, "")))
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Config;

    #[test]
    fn a_ref_has_the_environments_that_its_own_key_names() {
        let text = "pushback.refs/heads/main.env\n/srv/a\npushback\0pushback.refs/heads/Main.env\n/srv/b\0\
                    pushback.follow\0pushback.refs/heads/main.env\n/srv/c\0";
        let config = Config::parse(text);
        assert_eq!(config.environments_of("refs/heads/main"), ["/srv/a\npushback", "/srv/c"]);
        assert_eq!(config.environments_of("refs/heads/Main"), ["/srv/b"]);
        assert!(
            config.environments_of("follow").is_empty()
                && config.environments_of("refs/heads/refs/heads/main").is_empty()
        );
    }
}
