//! How a client program learns where it connects and as whom: by variables of its own environment, never by an argument,
//! which every user of the host could read. A name in `PGDATABASE` is a name and nothing else; as an argument `a=b` and
//! `postgres://x` would be taken for a connection string.

use std::collections::BTreeMap;
use std::path::Path;

use kit::process::Program;
use kit::{Exit, Failure, voice};

use crate::address::Address;

/// libpq's parameters and the variables that stand for them (libpq 34.15, "Environment Variables", as of PostgreSQL 18).
const VARIABLES: [(&str, &str); 27] = [
    ("channel_binding", "PGCHANNELBINDING"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("gssdelegation", "PGGSSDELEGATION"),
    ("gssencmode", "PGGSSENCMODE"),
    ("gsslib", "PGGSSLIB"),
    ("hostaddr", "PGHOSTADDR"),
    ("krbsrvname", "PGKRBSRVNAME"),
    ("max_protocol_version", "PGMAXPROTOCOLVERSION"),
    ("min_protocol_version", "PGMINPROTOCOLVERSION"),
    ("options", "PGOPTIONS"),
    ("passfile", "PGPASSFILE"),
    ("application_name", "PGAPPNAME"),
    ("require_auth", "PGREQUIREAUTH"),
    ("requirepeer", "PGREQUIREPEER"),
    ("ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION"),
    ("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION"),
    ("sslcert", "PGSSLCERT"),
    ("sslcertmode", "PGSSLCERTMODE"),
    ("sslcompression", "PGSSLCOMPRESSION"),
    ("sslcrl", "PGSSLCRL"),
    ("sslcrldir", "PGSSLCRLDIR"),
    ("sslkey", "PGSSLKEY"),
    ("sslmode", "PGSSLMODE"),
    ("sslnegotiation", "PGSSLNEGOTIATION"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslsni", "PGSSLSNI"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
];

/// Parameters that change nothing here: how the client writes text is decided here, and a deadline ends what hangs.
const NEEDLESS: [&str; 7] = [
    "client_encoding",
    "fallback_application_name",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "tcp_user_timeout",
];

/// Seconds after which a host that does not answer is given up, unless the URL says other.
const CONNECT_TIMEOUT: &str = "10";

/// Leads a client to a database.
pub(crate) fn lead(client: Program, address: &Address) -> Result<Program, Failure> {
    let own = std::env::current_exe().ok();
    let name = own.as_deref().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let variables = environment(address, &name)?;
    Ok(variables.into_iter().fold(client, |client, (name, value)| client.env(name, value)))
}

/// The variables for an address: 78 with the name of a parameter that cannot be handed on. `service` is such a one: what
/// its file says would win over the rest of the URL, and another database be meant than the one that is named.
fn environment(address: &Address, application: &str) -> Result<BTreeMap<&'static str, String>, Failure> {
    let mut variables = BTreeMap::from([
        ("PGDATABASE", address.database.clone()),
        ("PGAPPNAME", application.to_owned()),
        ("PGCONNECT_TIMEOUT", CONNECT_TIMEOUT.to_owned()),
        // Its own words, which decide the exit code, are English.
        ("LC_ALL", "C.UTF-8".to_owned()),
    ]);
    let port = address.port.map(|port| port.to_string());
    let parts =
        [("PGHOST", &address.host), ("PGPORT", &port), ("PGUSER", &address.user), ("PGPASSWORD", &address.password)];
    variables.extend(parts.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    for (parameter, value) in &address.parameters {
        match VARIABLES.iter().find(|(name, _)| name == parameter) {
            Some((_, variable)) => drop(variables.insert(variable, value.clone())),
            None if NEEDLESS.contains(&parameter.as_str()) => {}
            None => return Err(unknown(parameter)),
        }
    }
    Ok(variables)
}

fn unknown(parameter: &str) -> Failure {
    let parameter = voice::clean_line(parameter);
    let message = format!("cannot use DATABASE_URL: its parameter `{parameter}` has no meaning for psql and pg_dump");
    Failure::new(Exit::SETTINGS, message)
        .hint("leave it out; libpq's documentation lists those that have an environment variable")
}

#[cfg(test)]
mod tests {
    use super::{Address, environment};

    fn of(rest: &str) -> Result<std::collections::BTreeMap<&'static str, String>, kit::Failure> {
        environment(&Address::parse("postgres", rest).unwrap(), "backup-db")
    }

    #[test]
    fn each_part_of_a_url_has_its_variable() {
        let variables = of("app:s3cret@db:5433/a%3Db?sslmode=verify-full&connect_timeout=3&keepalives=1").unwrap();
        for (name, value) in [
            ("PGHOST", "db"),
            ("PGPORT", "5433"),
            ("PGUSER", "app"),
            ("PGPASSWORD", "s3cret"),
            ("PGDATABASE", "a=b"),
            ("PGSSLMODE", "verify-full"),
            ("PGCONNECT_TIMEOUT", "3"),
            ("PGAPPNAME", "backup-db"),
        ] {
            assert_eq!(variables[name], value);
        }
        let plain = of("/app").unwrap();
        assert!(!plain.contains_key("PGHOST") && !plain.contains_key("PGPASSWORD"));
        assert_eq!(plain["PGCONNECT_TIMEOUT"], "10");
    }

    #[test]
    fn a_parameter_that_no_client_understands_is_named() {
        for name in ["schema", "service", "sslpassword", "replication", "SSLMODE"] {
            let failure = of(&format!("app:s3cret@db/app?{name}=s3cret")).unwrap_err();
            assert_eq!(failure.exit.code(), 78, "{name}");
            let said = format!("{failure:?}");
            assert!(said.contains(&format!("`{name}`")) && !said.contains("s3cret"), "{said}");
        }
    }
}
