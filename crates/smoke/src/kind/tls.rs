//! A port that speaks TLS: whether its certificate is trusted, how long yet, and who issued it.

use std::path::PathBuf;
use std::time::Duration;

use db::Deadline;
use kit::Failure;
use rustls::pki_types::ServerName;

use crate::finding::Finding;
use crate::grammar::cursor::{Cursor, Wrong};
use crate::grammar::expectation::{Assertion, Expectations};
use crate::grammar::keys::Keys;
use crate::grammar::relation::Relation;
use crate::grammar::text::Match;
use crate::kind::Subject;
use crate::trial::Conditions;
use crate::wire::endpoint::Endpoint;
use crate::wire::handshake::{Handshake, Left, authorities};

/// A check of a certificate.
#[derive(Debug)]
struct Secured {
    endpoint: Endpoint,
    name: ServerName<'static>,
    /// The certificates that are trusted instead of Mozilla's list.
    ca: Option<PathBuf>,
    expectations: Expectations<TlsAssertion>,
}

/// Takes the keys of a tls check.
pub(crate) fn read(keys: &mut Keys<'_>) -> Result<Box<dyn Subject>, Failure> {
    let endpoint = Endpoint::read(keys)?;
    let own = keys.text("server_name")?;
    let name = ServerName::try_from(own.clone().unwrap_or_else(|| endpoint.host().to_owned()));
    let name = name.map_err(|_| match own {
        Some(_) => keys.wrong_at("server_name", "`server_name` must be a name that a certificate can hold"),
        None => keys.wrong_at("address", "no certificate can hold the name of this host; say which with `server_name`"),
    })?;
    let ca = keys.text("ca")?.map(PathBuf::from);
    Ok(Box::new(Secured { endpoint, name, ca, expectations: keys.expectations()? }))
}

impl Subject for Secured {
    fn spell(&self) -> String {
        let name = self.name.to_str();
        if name == self.endpoint.host() { self.endpoint.to_string() } else { format!("{} as {name}", self.endpoint) }
    }

    fn look(&self, timeout: Duration, conditions: &Conditions) -> Finding {
        let ca = self.ca.as_ref().map(|path| conditions.dir.join(path));
        let roots = match authorities(ca.as_deref()) {
            Ok(roots) => roots,
            Err(failure) => return Finding::blind(failure),
        };
        match Handshake::make(&self.endpoint, &self.name, roots, &Deadline::after(timeout)) {
            Ok(handshake) => self.expectations.find(&handshake, |seen| {
                format!("{}, certificate ends in {}, {} ms", seen.protocol, seen.spell_left(), seen.took.as_millis())
            }),
            Err(finding) => finding,
        }
    }
}

/// What can be asserted of a handshake.
#[derive(Clone, Debug)]
pub(crate) enum TlsAssertion {
    /// `trusted`
    Trusted,
    /// `certificate > 14d`
    Certificate(Left),
    /// `protocol == "TLSv1.3"`
    Protocol(Relation, String),
    /// `issuer contains "Encrypt"`
    Issuer(Match),
    /// `time < 200ms`
    Time(Relation, Duration),
}

impl Assertion for TlsAssertion {
    type Seen = Handshake;

    const WORDS: &'static str = "trusted, certificate, protocol, issuer or time (a tls check)";

    fn read(word: &str, cursor: &mut Cursor<'_>) -> Option<Result<Self, Wrong>> {
        match word {
            "trusted" => Some(Ok(Self::Trusted)),
            "certificate" => Some(Left::read(cursor).map(Self::Certificate)),
            "protocol" => Some(read_protocol(cursor)),
            "issuer" => Some(Match::read(cursor).map(Self::Issuer)),
            "time" => Some(Relation::read_time(cursor).map(|(relation, limit)| Self::Time(relation, limit))),
            _ => None,
        }
    }

    fn judge(&self, seen: &Handshake) -> Result<(), String> {
        match self {
            // Without that there is no handshake.
            Self::Trusted => Ok(()),
            Self::Certificate(left) => left.judge(seen),
            Self::Protocol(relation, wanted) if relation.holds(&seen.protocol, &wanted.as_str()) => Ok(()),
            Self::Protocol(..) => Err(format!("protocol is {}", seen.protocol)),
            Self::Issuer(wanted) => wanted.judge("the issuer", &seen.issuer),
            Self::Time(relation, limit) if relation.holds(&seen.took, limit) => Ok(()),
            Self::Time(..) => Err(format!("the handshake took {} ms", seen.took.as_millis())),
        }
    }
}

fn read_protocol(cursor: &mut Cursor<'_>) -> Result<TlsAssertion, Wrong> {
    let relation = Relation::read(cursor, Relation::ALIKE)?;
    let here = cursor.here();
    match cursor.quoted_as_is() {
        Ok(name) if ["TLSv1.2", "TLSv1.3"].contains(&name.as_str()) => Ok(TlsAssertion::Protocol(relation, name)),
        _ => Err(here.wrong("\"TLSv1.2\" or \"TLSv1.3\", in quotes")),
    }
}
