//! The app's own settings, as `APP_ENV_FILE` gives them to it. No value is ever shown.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kit::Failure;
use kit::settings::app_settings;

use crate::finding::{Finding, unseen};
use crate::grammar::cursor::{Cursor, Wrong};
use crate::grammar::expectation::{Assertion, Expectations};
use crate::grammar::keys::Keys;
use crate::grammar::relation::Relation;
use crate::grammar::variable::is_name;
use crate::kind::Subject;
use crate::trial::Conditions;

/// A check of variables.
#[derive(Debug)]
struct Variables {
    names: Vec<String>,
    file: Option<PathBuf>,
    expectations: Expectations<VariableAssertion>,
}

/// A variable and how long its value is; nothing when it is not set, or set to nothing.
#[derive(Debug)]
pub(crate) struct Variable {
    name: String,
    length: usize,
}

/// Takes the keys of an env check.
pub(crate) fn read(keys: &mut Keys<'_>) -> Result<Box<dyn Subject>, Failure> {
    let names = keys.list("variables", false)?;
    // Whatever else stands there may be a value that went to the wrong place: it is not repeated.
    if names.is_empty() || !names.iter().all(|name| is_name(name)) {
        return Err(
            keys.wrong_at("variables", "`variables` must be a list of names, as in variables = [\"SECRET_KEY\"]")
        );
    }
    let expectations: Expectations<VariableAssertion> = keys.expectations()?;
    let alone = |assertion: &_| matches!(assertion, VariableAssertion::Unset);
    expectations.alone("unset", alone).map_err(|wrong| keys.wrong_at("expect", wrong))?;
    Ok(Box::new(Variables { names, file: keys.settings().get("APP_ENV_FILE").map(PathBuf::from), expectations }))
}

impl Subject for Variables {
    fn spell(&self) -> String {
        self.names.join(" ")
    }

    fn look(&self, _timeout: Duration, _conditions: &Conditions) -> Finding {
        let values = match &self.file {
            None => BTreeMap::new(),
            Some(file) => match values(file) {
                Ok(values) => values,
                Err(finding) => return finding,
            },
        };
        let nothing = match &self.file {
            Some(_) => "",
            None => "; without APP_ENV_FILE the app gets no settings",
        };
        for name in &self.names {
            let length = values.get(name).map_or(0, |value| value.chars().count());
            if let Err(instead) = self.expectations.judge(&Variable { name: name.clone(), length }) {
                return Finding::bad(format!("{instead}{nothing}"));
            }
        }
        Finding::good(format!("{} as expected{nothing}", self.names.join(", ")))
    }
}

/// What the file says. One that cannot be read gives the app nothing: it could not be started.
fn values(file: &Path) -> Result<BTreeMap<String, String>, Finding> {
    std::fs::metadata(file).map_err(|error| unseen(format_args!("read APP_ENV_FILE {}", file.display()), &error))?;
    app_settings(file).map_err(|failure| Finding::bad(failure.message))
}

/// What can be asserted of a variable.
#[derive(Clone, Debug)]
pub(crate) enum VariableAssertion {
    /// `set`
    Set,
    /// `unset`
    Unset,
    /// `length >= 32`
    Length(usize),
}

impl Assertion for VariableAssertion {
    type Seen = Variable;

    const WORDS: &'static str = "set, unset or length (an env check)";

    fn read(word: &str, cursor: &mut Cursor<'_>) -> Option<Result<Self, Wrong>> {
        match word {
            "set" => Some(Ok(Self::Set)),
            "unset" => Some(Ok(Self::Unset)),
            "length" => Some(read_length(cursor)),
            _ => None,
        }
    }

    fn judge(&self, variable: &Variable) -> Result<(), String> {
        let name = &variable.name;
        match self {
            Self::Unset if variable.length == 0 => Ok(()),
            Self::Unset => Err(format!("{name} is set")),
            _ if variable.length == 0 => Err(format!("{name} is not set")),
            // Not even how long it is.
            Self::Length(least) if variable.length < *least => Err(format!("{name} is shorter than {least}")),
            Self::Set | Self::Length(_) => Ok(()),
        }
    }
}

fn read_length(cursor: &mut Cursor<'_>) -> Result<VariableAssertion, Wrong> {
    Relation::read(cursor, &[Relation::GreaterOrEqual])?;
    let here = cursor.here();
    let expected = "a number of characters, 1 or more";
    let least = usize::try_from(cursor.number(expected)?).ok().filter(|least| *least > 0);
    least.map(VariableAssertion::Length).ok_or_else(|| here.wrong(expected))
}
