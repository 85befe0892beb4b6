//! A server that says everything in another language, in a test process's own.

use db::engine::Server;
use db::postgres::{Keeper, Scratch};
use db::{Format, Trust};
use kit::Failure;
use testkit::{Postgres, Wish};

use crate::{connect, deadline, read};

fn code(failure: &Failure) -> u8 {
    failure.exit.code()
}

#[test]
fn what_a_server_says_in_another_language_has_the_same_codes() {
    let Some(server) = Postgres::german() else { return };
    // The role and the database have one name, as is usual: in the words it could be either.
    let wish = Wish { name: "app".to_owned(), role: "app".to_owned(), creator: true, ..Wish::default() };
    let database = server.make(wish);
    database.sql_as_app("CREATE TABLE t (x int); INSERT INTO t VALUES (1)");
    let url = database.url();

    let gone = connect(&database.named("gone").url()).unwrap();
    assert_eq!(gone.size(&deadline()).unwrap(), None);
    let failure = gone.census(&deadline()).unwrap_err();
    assert_eq!(code(&failure), 66);
    assert!(failure.message.ends_with(": Datenbank »gone« existiert nicht"), "{failure:?}");

    for (user, words) in [("app:wr0ng", "»app«"), ("nobody:wr0ng", "»nobody«")] {
        let failure = connect(&url.replace(&format!("app:{}", database.password()), user)).unwrap_err();
        assert!(
            failure.message.contains(words) && failure.message.contains("Passwort-Authentifizierung"),
            "{failure:?}"
        );
        assert_eq!(code(&failure), 77);
    }

    database.sql("REVOKE CONNECT ON DATABASE app FROM PUBLIC, app");
    let failure = connect(&url).unwrap_err();
    assert!(failure.message.contains("keine Berechtigung"), "{failure:?}");
    assert_eq!(code(&failure), 77);
    database.sql("GRANT CONNECT ON DATABASE app TO app; ALTER DATABASE app CONNECTION LIMIT 0");
    let failure = connect(&url).unwrap_err();
    assert!(failure.message.contains("zu viele Verbindungen"), "{failure:?}");
    assert_eq!(code(&failure), 69);
    database.sql("ALTER DATABASE app CONNECTION LIMIT -1");

    let live = connect(&url).unwrap();
    let (dump, _) = read(live.dump(Format::Plain, &deadline()).unwrap()).unwrap();
    let keeper = Keeper::find(&live, None, &deadline()).unwrap();
    let foreign =
        [b"ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT ALL ON TABLES TO app;\n".as_slice(), &dump].concat();
    let scratch = Scratch::create(keeper, &deadline()).unwrap();
    let mut loading = scratch.load(Trust::Verified, &deadline()).unwrap();
    drop(std::io::Write::write_all(&mut loading, &foreign));
    let failure = loading.finish().unwrap_err();
    scratch.discard().unwrap();
    assert_eq!(code(&failure), 77, "{failure:?}");
    assert!(failure.message.contains("Berechtigung nur") && failure.hint.is_some(), "{failure:?}");
}
