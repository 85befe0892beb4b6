//! What a URL says of TLS, on a server that speaks it and on one that does not.

use db::engine::{Format, Server};
use kit::Exit;
use testkit::Postgres;

use crate::{connect, deadline, read};

#[test]
fn what_the_url_says_of_tls_is_what_every_client_does() {
    let (own, certificate) = Postgres::with_tls();
    let database = own.fresh();
    database.sql_as_app("CREATE TABLE t (x int); INSERT INTO t VALUES (1)");
    let url = |more: &str| format!("{}?{more}", database.url());
    let trusting = format!("sslmode=verify-full&sslrootcert={}", certificate.display());
    let server = connect(&url(&trusting)).unwrap();
    let census = server.dump(Format::Plain, &deadline()).and_then(read).unwrap().1;
    assert_eq!(census["public.t"], 1);
    connect(&url("sslmode=require")).unwrap();
    // Nobody vouches for it.
    let failure = connect(&url("sslmode=verify-full&sslrootcert=/etc/ssl/certs/ca-certificates.crt")).unwrap_err();
    assert!(failure.exit == Exit::UNAVAILABLE && failure.message.contains("certificate"), "{failure:?}");
    // It is good for 127.0.0.1 and no other name.
    let elsewhere = url(&trusting).replace("127.0.0.1", "localhost");
    let failure = connect(&elsewhere).unwrap_err();
    assert!(failure.exit == Exit::UNAVAILABLE && failure.message.contains("does not match"), "{failure:?}");
}

#[test]
fn a_server_without_tls_is_not_talked_to_when_that_is_required() {
    let database = Postgres::shared().fresh();
    let failure = connect(&format!("{}?sslmode=require", database.url())).unwrap_err();
    assert!(failure.exit == Exit::UNAVAILABLE && failure.message.contains("does not support SSL"), "{failure:?}");
}
