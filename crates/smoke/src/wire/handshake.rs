//! A TLS handshake (RFC 8446, RFC 5246). It comes to its end only with a server whose certificate is trusted: by who issued it,
//! for its name and on this day.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use db::Deadline;
use kit::failure::Attempt;
use kit::{Exit, Failure, clock, files};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, ClientConnection, ProtocolVersion, RootCertStore};
use x509_cert::Certificate;
use x509_cert::der::{DateTime, Decode};

use crate::content::read_at_most;
use crate::finding::{Finding, unseen};
use crate::grammar::cursor::{Cursor, Wrong};
use crate::grammar::quantity::spell_age;
use crate::grammar::relation::Relation;
use crate::grammar::text::excerpt;
use crate::wire::connection::Connection;
use crate::wire::endpoint::Endpoint;

/// What was seen of a server in a handshake.
#[derive(Debug)]
pub(crate) struct Handshake {
    /// `TLSv1.3` or `TLSv1.2`.
    pub(crate) protocol: &'static str,
    /// Who issued the certificate, in the words of RFC 4514.
    pub(crate) issuer: String,
    /// How long it is good from now on.
    pub(crate) left: Duration,
    /// To connect and to shake hands.
    pub(crate) took: Duration,
}

/// Those who may issue certificates: the ones in this file, else those of Mozilla's list. 74 when the file has none.
pub(crate) fn authorities(ca: Option<&Path>) -> Result<RootCertStore, Failure> {
    let Some(path) = ca else {
        return Ok(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() });
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates(path)?);
    if roots.is_empty() { Err(none_in(path)) } else { Ok(roots) }
}

/// No file of certificates is longer: Debian's list of all authorities has a quarter of a MiB.
const LONGEST: u64 = 16 << 20;

/// The certificates in a PEM file (RFC 7468), one at least; 74 when there is none.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let doing = format!("read the certificates in {}", path.display());
    let file = files::open(path).attempt(&doing)?;
    if !file.metadata().attempt(&doing)?.is_file() {
        return Err(Failure::io(&doing, &files::irregular()));
    }
    let pem = read_at_most(file, LONGEST).attempt(&doing)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = certificates.map_err(|error| Failure::new(Exit::IO, format!("cannot {doing}: {error}")))?;
    if certificates.is_empty() { Err(none_in(path)) } else { Ok(certificates) }
}

fn none_in(path: &Path) -> Failure {
    Failure::new(Exit::IO, format!("cannot read the certificates in {}: there is none", path.display()))
}

impl Handshake {
    /// Connects and shakes hands with whoever has this name; else what was found instead.
    pub(crate) fn make(
        endpoint: &Endpoint,
        name: &ServerName<'static>,
        roots: RootCertStore,
        deadline: &Deadline,
    ) -> Result<Self, Finding> {
        let broken = |error| Finding::bad(format!("no TLS with {endpoint}: {error}"));
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(broken)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tls = ClientConnection::new(Arc::new(config), name.clone()).map_err(broken)?;
        let began = Instant::now();
        let (mut connection, _) = endpoint.open(deadline)?;
        shake_hands(&mut tls, &mut connection).map_err(|error| excuse(endpoint, &error, deadline))?;
        let took = began.elapsed();
        let certificate = tls.peer_certificates().and_then(|chain| Certificate::from_der(chain.first()?).ok());
        let Some(certificate) = certificate else {
            return Err(Finding::bad(format!("the certificate of {endpoint} cannot be understood")));
        };
        let certificate = certificate.tbs_certificate();
        let now = u64::try_from(clock::now().timestamp()).unwrap_or_default();
        let end = certificate.validity().not_after.to_unix_duration();
        Ok(Self {
            protocol: if tls.protocol_version() == Some(ProtocolVersion::TLSv1_3) { "TLSv1.3" } else { "TLSv1.2" },
            issuer: certificate.issuer().to_string(),
            left: end.saturating_sub(Duration::from_secs(now)),
            took,
        })
    }

    /// How long the certificate is good, for a person.
    pub(crate) fn spell_left(&self) -> String {
        spell_age(self.left)
    }
}

/// `> 14d`: how long a certificate must be good yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left {
    relation: Relation,
    wanted: Duration,
}

impl Left {
    /// Reads it.
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Wrong> {
        let expected = "a number of days or hours such as 14d or 36h";
        let relation = Relation::read(cursor, Relation::ABOVE)?;
        let here = cursor.here();
        let number = cursor.number(expected)?;
        let unit = [("d", 86_400), ("h", 3600)].into_iter().find(|(unit, _)| cursor.take(unit));
        let seconds = unit.and_then(|(_, seconds)| number.checked_mul(seconds));
        let wanted = seconds.map(Duration::from_secs).ok_or_else(|| here.wrong(expected))?;
        Ok(Self { relation, wanted })
    }

    /// Compares.
    pub(crate) fn judge(&self, seen: &Handshake) -> Result<(), String> {
        if self.relation.holds(&seen.left, &self.wanted) {
            return Ok(());
        }
        Err(format!("the certificate ends in {}", seen.spell_left()))
    }
}

fn shake_hands(tls: &mut ClientConnection, connection: &mut Connection) -> io::Result<()> {
    while tls.is_handshaking() {
        tls.complete_io(connection)?;
    }
    // A server that was told that this is the end complains of nobody in its log.
    tls.send_close_notify();
    tls.write_tls(connection).map(|_| ())
}

/// What it means that there was no handshake.
fn excuse(endpoint: &Endpoint, error: &io::Error, deadline: &Deadline) -> Finding {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match (cause, error.kind()) {
        (Some(rustls::Error::InvalidCertificate(cause)), _) => Finding::bad(distrust(endpoint, cause)),
        (Some(rustls::Error::InvalidMessage(_)), _) => Finding::bad(format!("{endpoint} does not speak TLS")),
        (Some(rustls::Error::AlertReceived(alert)), _) => {
            Finding::bad(format!("{endpoint} refuses the handshake: {alert:?}"))
        }
        (Some(cause), _) => Finding::bad(format!("no TLS with {endpoint}: {cause}")),
        (None, io::ErrorKind::TimedOut) => {
            Finding::bad(format!("no handshake with {endpoint} within {}", deadline.spell()))
        }
        (None, io::ErrorKind::UnexpectedEof) => {
            Finding::bad(format!("{endpoint} ends the connection in the middle of the handshake"))
        }
        (None, _) => unseen(format_args!("shake hands with {endpoint}"), error),
    }
}

/// Why a certificate is not trusted.
fn distrust(endpoint: &Endpoint, cause: &CertificateError) -> String {
    let whose = format!("the certificate of {endpoint}");
    match cause {
        CertificateError::ExpiredContext { not_after, .. } => format!("{whose} ended on {}", date(*not_after)),
        CertificateError::NotValidYetContext { not_before, .. } => format!("{whose} begins on {}", date(*not_before)),
        CertificateError::NotValidForNameContext { expected, presented } => {
            format!("{whose} is not for {}, but for {}", expected.to_str(), excerpt(&presented.join(", ")))
        }
        CertificateError::Expired => format!("{whose} has ended, or its end is before its beginning"),
        CertificateError::UnknownIssuer => format!("{whose} was issued by nobody who is trusted"),
        // What openssl-req(1) makes with -x509 is one.
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            format!("{whose} is that of an authority, as one that signs itself is, and not of a server")
        }
        cause => format!("{whose} is not trusted: {cause}"),
    }
}

/// `2026-11-21T10:15:00Z`
fn date(time: UnixTime) -> String {
    DateTime::from_unix_duration(Duration::from_secs(time.as_secs()))
        .map_or_else(|_| "?".to_owned(), |date| date.to_string())
}
