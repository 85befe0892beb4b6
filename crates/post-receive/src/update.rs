//! What a push changed, as git tells a post-receive hook (githooks(5)).

use kit::root::is_commit;
use kit::{Exit, Failure, voice};

use crate::config::Config;

/// One updated ref.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Update {
    /// The object that it names now; all zeros when it was deleted.
    pub(crate) new: String,
    /// The full ref.
    pub(crate) reference: String,
}

impl Update {
    fn is_deletion(&self) -> bool {
        self.new.bytes().all(|digit| digit == b'0')
    }

    /// The environments that it is deployed to; none for a deletion.
    pub(crate) fn environments(&self, config: &Config) -> Vec<String> {
        if self.is_deletion() { Vec::new() } else { config.environments_of(&self.reference) }
    }

    /// What the pusher should know when nothing is deployed.
    pub(crate) fn remarks(&self, environments: &[String]) -> Option<String> {
        let reference = voice::clean_line(&self.reference);
        match environments {
            _ if self.is_deletion() => Some(format!("{reference} was deleted; what is live stays live")),
            [] => Some(format!("{reference} is mapped to no environment; nothing is deployed")),
            _ => None,
        }
    }
}

/// Reads `old new ref` lines; anything else is 65.
pub(crate) fn parse(text: &str) -> Result<Vec<Update>, Failure> {
    let parse = |line: &str| {
        let (old, rest) = line.split_once(' ')?;
        let (new, reference) = rest.split_once(' ')?;
        (is_commit(old) && is_commit(new) && !reference.is_empty())
            .then(|| Update { new: new.to_owned(), reference: reference.to_owned() })
    };
    let wrong = |line: &str| {
        Failure::new(Exit::DAMAGED, format!("cannot read the pushed line {line:?}: it is not `old new ref`"))
    };
    text.split('\n').filter(|line| !line.is_empty()).map(|line| parse(line).ok_or_else(|| wrong(line))).collect()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn evil_names_stay_in_their_place() {
        let (old, new) = ("0".repeat(40), "a".repeat(40));
        for name in [
            "refs/heads/-rf",
            "refs/heads/--upload-pack=id",
            "refs/heads/$(touch${IFS}x)",
            "refs/heads/refs/heads/main",
        ] {
            let updates = parse(&format!("{old} {new} {name}\n")).unwrap();
            assert_eq!(updates[0].reference, name);
        }
    }

    #[test]
    fn sha256_names_are_names_and_garbage_is_not() {
        let (old, new) = ("0".repeat(64), "a".repeat(64));
        assert_eq!(parse(&format!("{old} {new} refs/heads/main\n")).unwrap().len(), 1);
        assert!(parse("hello\n").is_err() && parse("a b c\n").is_err());
        assert!(parse("").unwrap().is_empty());
    }
}
