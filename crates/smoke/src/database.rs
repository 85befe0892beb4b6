//! A database on a server: its greeting, or what a query gives.

pub(crate) mod greeting;
pub(crate) mod rows;

use std::fmt::{self, Debug};
use std::time::{Duration, Instant};

use db::sqlite::is_one_statement;
use db::{Address, Deadline, Place, Reply, Url};
use kit::{Failure, signal};

use crate::database::greeting::{Greeting, GreetingAssertion};
use crate::database::rows::{Rows, RowsAssertion};
use crate::finding::Finding;
use crate::grammar::expectation::Expectations;
use crate::grammar::keys::Keys;
use crate::kind::Subject;
use crate::trial::Conditions;
use crate::wire::endpoint::Endpoint;

/// What distinguishes one engine from another.
pub(crate) struct Engine {
    /// For a person.
    pub(crate) name: &'static str,
    /// The port of a server where nobody says another.
    pub(crate) port: u16,
    /// Whether its greeting has the version.
    pub(crate) tells_version: bool,
    /// Its part of a URL.
    pub(crate) of_url: fn(&Url) -> Option<&Address>,
    /// Refuses an address that no client understands.
    pub(crate) check: fn(&Address) -> Result<(), Failure>,
    /// Gets a greeting, as this role for this database.
    pub(crate) greet: fn(&Endpoint, Option<&Address>, Deadline) -> Result<Greeting, Finding>,
    /// Asks a query; a failure is ours.
    pub(crate) ask: fn(&Address, &str, &[Place], &Deadline) -> Result<Reply, Failure>,
}

/// A check of a server that only greets.
#[derive(Debug)]
struct Door {
    engine: &'static Engine,
    endpoint: Endpoint,
    address: Option<Address>,
    expectations: Expectations<GreetingAssertion>,
}

/// A check of what a query gives.
#[derive(Debug)]
struct Query {
    engine: &'static Engine,
    address: Address,
    sql: String,
    expectations: Expectations<RowsAssertion>,
}

/// The keys.
pub(crate) const KEYS: &[&str] = &["address", "database", "query"];

/// Takes them.
pub(crate) fn read(keys: &mut Keys<'_>, engine: &'static Engine) -> Result<Box<dyn Subject>, Failure> {
    let endpoint = if keys.has("address") { Some(Endpoint::read(keys)?) } else { None };
    let query = keys.literal("query")?;
    match (endpoint, query) {
        (Some(_), Some(_)) => Err(keys.wrong_at("address", "a query needs a `database`; an `address` is only greeted")),
        (Some(_), None) if keys.has("database") => {
            Err(keys.wrong_at("address", "it has an `address` or a `database`, not both"))
        }
        (Some(endpoint), None) => door(keys, engine, endpoint, None),
        (None, None) => {
            let address = database(keys, engine)?;
            let endpoint = address.host.as_deref().filter(|_| !address.is_socket());
            let endpoint = endpoint.map(|host| Endpoint::new(host, address.port.unwrap_or(engine.port)));
            let wanted =
                "a database that is reached by a socket needs a `query`, or say its `address`: a host and a port";
            let endpoint = endpoint.ok_or_else(|| keys.wrong_at("database", wanted))?;
            door(keys, engine, endpoint, Some(address))
        }
        (None, Some(query)) if !is_one_statement(&query) => {
            Err(keys.wrong_at("query", "`query` must be one statement"))
        }
        (None, Some(query)) => {
            let address = database(keys, engine)?;
            (engine.check)(&address).map_err(|failure| keys.because("database", "its `database`", failure))?;
            let expectations: Expectations<RowsAssertion> = keys.expectations()?;
            if !expectations.assertions().any(RowsAssertion::needs_query) {
                return Err(keys.wrong_at("query", "no expectation looks at what `query` gives"));
            }
            Ok(Box::new(Query { engine, address, sql: query, expectations }))
        }
    }
}

/// A check without a query.
fn door(
    keys: &mut Keys<'_>,
    engine: &'static Engine,
    endpoint: Endpoint,
    address: Option<Address>,
) -> Result<Box<dyn Subject>, Failure> {
    let expectations: Expectations<GreetingAssertion> = keys.expectations()?;
    if !engine.tells_version && expectations.assertions().any(|one| matches!(one, GreetingAssertion::Version(_))) {
        let name = engine.name;
        let sentence = format!("{name} tells its version to nobody before the login; ask for it with a `query`");
        return Err(keys.wrong_at("expect", sentence));
    }
    Ok(Box::new(Door { engine, endpoint, address, expectations }))
}

/// The database that is meant.
fn database(keys: &mut Keys<'_>, engine: &Engine) -> Result<Address, Failure> {
    let own = keys.secret("database")?;
    let what = if own.is_some() { "its `database`" } else { "its `database` is that of DATABASE_URL" };
    let url = match &own {
        Some(text) => Url::parse(text),
        None => Url::require(keys.settings()),
    };
    let url = url.map_err(|failure| keys.because("database", what, failure))?;
    let Some(address) = (engine.of_url)(&url).cloned() else {
        return Err(keys.wrong_at("database", format!("{what}: {url} is no database of {}", engine.name)));
    };
    if let Some(password) = &address.password {
        keys.hide(password);
    }
    Ok(address)
}

impl Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Subject for Door {
    fn spell(&self) -> String {
        self.endpoint.to_string()
    }

    fn look(&self, timeout: Duration, _conditions: &Conditions) -> Finding {
        match (self.engine.greet)(&self.endpoint, self.address.as_ref(), Deadline::after(timeout)) {
            Ok(greeting) => self.expectations.find(&greeting, Greeting::spell),
            Err(finding) => finding,
        }
    }
}

impl Subject for Query {
    fn spell(&self) -> String {
        format!("{}: {}", self.address, self.sql)
    }

    fn look(&self, timeout: Duration, conditions: &Conditions) -> Finding {
        let Some(running) = conditions.may_start() else {
            return Finding::bad("interrupted");
        };
        let began = Instant::now();
        let deadline = Deadline::after(timeout);
        let places: Vec<Place> = self.expectations.assertions().filter_map(RowsAssertion::place).collect();
        let reply = (self.engine.ask)(&self.address, &self.sql, &places, &deadline);
        drop(running);
        match reply {
            Ok(Reply::Answer(answer)) => {
                let rows = Rows::new(answer, places, began.elapsed());
                self.expectations.find(&rows, |rows| format!("{}, {} ms", rows.size(), rows.took().as_millis()))
            }
            Ok(Reply::Late) => Finding::bad(format!("no answer from {} within {}", self.address, deadline.spell())),
            Ok(Reply::Refused(why)) => Finding::bad(why),
            Err(_) if deadline.has_passed() && signal::received().is_none() => {
                Finding::bad(format!("no answer from {} within {}", self.address, deadline.spell()))
            }
            Err(failure) => Finding::blind(failure),
        }
    }
}
