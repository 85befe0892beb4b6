//! Who connects to what, and what is said when that fails.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use db::engine::Server;
use db::postgres::Postgres;
use db::{Format, Url};
use testkit::Wish;

use crate::{connect, deadline, read};

#[test]
fn the_server_is_asked_and_its_own_clients_are_found() {
    let database = testkit::Postgres::shared().fresh();
    for url in [database.url(), database.socket_url()] {
        let server = connect(&url).unwrap();
        assert_eq!(server.version().split('.').next(), server.client_version().split('.').next());
        assert!(server.size(&deadline()).unwrap().is_some_and(|size| size > 1_000_000));
    }
}

#[test]
fn a_name_is_only_a_name() {
    for name in [
        "a=b",
        "postgres://x",
        "-rf",
        "it's \"odd\"; DROP",
        "host=nowhere dbname=x",
        "größe 🔑",
        "%41$(id)\\",
        "template9",
    ] {
        let wish = Wish { name: name.to_owned(), role: format!("role of {name}"), ..Wish::default() };
        let database = testkit::Postgres::shared().make(wish);
        database.sql_as_app("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2);");
        for url in [database.url(), database.socket_url()] {
            let server = connect(&url).unwrap();
            assert_eq!(server.census(&deadline()).unwrap()["public.t"], 2, "{name}");
            assert_eq!(read(server.dump(Format::Plain, &deadline()).unwrap()).unwrap().1["public.t"], 2, "{name}");
            let dir = tempfile::tempdir().unwrap();
            let census =
                server.dump_directory(&dir.path().join("dump"), 2, kit::Meter::default(), &deadline()).unwrap();
            assert_eq!(census["public.t"], 2, "{name}");
        }
    }
}

#[test]
fn a_database_that_is_not_there_has_no_size() {
    let database = testkit::Postgres::shared().fresh();
    let server = connect(&database.named("gone").url()).unwrap();
    assert_eq!(server.size(&deadline()).unwrap(), None);
    assert_eq!(server.census(&deadline()).unwrap_err().exit.code(), 66);
}

#[test]
fn who_is_not_let_in_is_77_and_what_does_not_answer_69() {
    let database = testkit::Postgres::shared().fresh();
    let url = database.url();
    let (begin, end) = url.split_once('@').unwrap();
    let (role, _) = begin.rsplit_once(':').unwrap();
    let wrong = connect(&format!("{role}:wr0ng@{end}")).unwrap_err();
    assert_eq!(wrong.exit.code(), 77);
    assert!(wrong.message.contains("password authentication failed") && !wrong.message.contains("wr0ng"), "{wrong:?}");
    let none = connect(&format!("{role}@{end}")).unwrap_err();
    assert!(none.exit.code() == 77 && none.message.contains("no password supplied"), "{none:?}");
    let refused = connect("postgres://app:s3cret@127.0.0.1:1/app").unwrap_err();
    assert_eq!(refused.exit.code(), 69);
    assert_eq!(
        refused.message,
        "cannot connect to postgres://127.0.0.1:1/app: connection to server at \"127.0.0.1\", port 1 failed: Connection refused"
    );
    assert_eq!(connect("postgres://app@no.such.host.invalid/app").unwrap_err().exit.code(), 69);
    assert_eq!(connect(&format!("{url}?sslmode=sometimes")).unwrap_err().exit.code(), 78);
    assert_eq!(connect(&format!("{url}?schema=public")).unwrap_err().exit.code(), 78);
    let plain = connect(&format!("{url}?sslmode=require")).unwrap_err();
    assert!(plain.exit.code() == 69 && plain.message.contains("SSL"), "{plain:?}");
}

#[test]
fn a_password_file_is_respected() {
    let database = testkit::Postgres::shared().fresh();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("passwords");
    fs::write(&file, format!("127.0.0.1:*:*:{}:{}\n", database.role(), database.password())).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let url = database.url().replace(&format!(":{}@", database.password()), "@");
    assert_eq!(connect(&url).unwrap_err().exit.code(), 77);
    connect(&format!("{url}?passfile={}", file.display())).unwrap();
    let env = dir.path().join("deploy.env");
    fs::write(&env, format!("DATABASE_URL={url}\nPGPASSFILE={}\n", file.display())).unwrap();
    fs::set_permissions(&env, Permissions::from_mode(0o600)).unwrap();
    let settings = kit::settings::Settings::load(env.to_str()).unwrap();
    let Url::Postgres(address) = Url::require(&settings).unwrap() else { panic!("it is PostgreSQL") };
    Postgres::connect(&address, &deadline()).unwrap();
}

#[test]
fn no_argument_of_a_client_holds_a_name_or_a_secret() {
    let wish = Wish {
        name: "canary_name".to_owned(),
        role: "canary_role".to_owned(),
        password: "canary_password".to_owned(),
        ..Wish::default()
    };
    let database = testkit::Postgres::shared().make(wish);
    let server = connect(&database.url()).unwrap();
    for format in [Format::Plain, Format::Custom] {
        let dump = server.dump(format, &deadline()).unwrap();
        let children = testkit::processes().into_iter().filter(|process| process.parent == std::process::id());
        for child in children {
            let line = fs::read(format!("/proc/{}/cmdline", child.pid)).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            assert!(!line.contains("canary"), "{line}");
        }
        read(dump).unwrap();
    }
}
