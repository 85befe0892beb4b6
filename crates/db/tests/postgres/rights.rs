//! What a role may read, and what belongs to the server.

use db::Format;
use db::engine::Server;
use testkit::Wish;

use crate::{connect, deadline, read, rich};

#[test]
fn what_the_role_may_not_read_is_said_with_the_grant_that_helps() {
    let database = rich();
    let server = connect(&database.url()).unwrap();
    server.prepare(&deadline()).unwrap();
    database.rich_as_admin();
    let failure = server.prepare(&deadline()).unwrap_err();
    let role = format!("\"{}\"", database.role());
    assert_eq!(failure.exit.code(), 77);
    let hint = failure.hint.unwrap();
    for statement in [format!("GRANT pg_read_all_data TO {role};"), format!("ALTER ROLE {role} BYPASSRLS;")] {
        assert!(hint.contains(&statement), "{hint}");
        database.sql(&statement);
    }
    server.prepare(&deadline()).unwrap();
    let (_, census) = read(server.dump(Format::Plain, &deadline()).unwrap()).unwrap();
    assert_eq!((census["public.forced"], census["of_other.things"]), (2, 5));
    assert_eq!(server.census(&deadline()).unwrap(), census);
    database.sql("ALTER LARGE OBJECT 4711 OWNER TO postgres");
    let failure = server.prepare(&deadline()).unwrap_err();
    database.sql(&format!("GRANT SELECT ON LARGE OBJECT 4711 TO {role};"));
    assert!(failure.hint.unwrap().ends_with(&format!("GRANT SELECT ON LARGE OBJECT 4711 TO {role};")));
    server.prepare(&deadline()).unwrap();
    read(server.dump(Format::Plain, &deadline()).unwrap()).unwrap();
}

#[test]
fn a_dump_that_may_not_read_everything_is_77() {
    let database = rich();
    database.rich_as_admin();
    let server = connect(&database.url()).unwrap();
    for format in [Format::Plain, Format::Custom] {
        let failure = server.dump(format, &deadline()).and_then(read).unwrap_err();
        assert!(failure.exit.code() == 77 && failure.message.contains("permission denied"), "{failure:?}");
    }
    let dir = tempfile::tempdir().unwrap();
    let failure = server.dump_directory(&dir.path().join("dump"), 2, kit::Meter::default(), &deadline()).unwrap_err();
    assert_eq!(failure.exit.code(), 77);
}

#[test]
fn the_globals_bring_roles_and_settings_back_and_may_be_run_twice() {
    let own = testkit::Postgres::start();
    let database = own.fresh();
    database.rich();
    database.rich_as_admin();
    let role = database.role().to_owned();
    own.sql(&format!(
        "CREATE ROLE \"it's \\ a \"\"group\" NOLOGIN CONNECTION LIMIT 3 VALID UNTIL 'infinity';
         GRANT \"it's \\ a \"\"group\" TO \"{role}\" WITH ADMIN OPTION; ALTER ROLE \"{role}\" SET search_path = '';
         ALTER ROLE \"{role}\" SET my.setting = 'a''b\\c'; ALTER ROLE \"{role}\" BYPASSRLS;
         GRANT pg_read_all_data TO \"{role}\""
    ));
    let globals = connect(&database.url()).unwrap().prepare(&deadline()).unwrap();
    assert!(
        !globals.contains(database.password()) && !globals.contains("SCRAM") && !globals.contains("PASSWORD"),
        "{globals}"
    );
    let roles = "SELECT rolname, rolsuper, rolcreatedb, rolcanlogin, rolconnlimit, rolvaliduntil, rolconfig FROM pg_roles ORDER BY 1;
        SELECT roleid::regrole, member::regrole, admin_option FROM pg_auth_members ORDER BY 1, 2";
    let other = testkit::Postgres::start();
    let made = globals.lines().find_map(|line| line.strip_prefix("-- CREATE DATABASE")).unwrap();
    let (before, after) = globals.split_at(globals.find("\n-- CREATE DATABASE").unwrap());
    other.sql(before);
    other.sql(&format!("CREATE DATABASE {made}"));
    other.sql(after);
    assert_eq!(other.sql(roles), own.sql(roles));
    let twin = other.make(Wish::default()).named(database.name());
    assert_eq!(twin.properties(), database.properties());
    let before = other.sql(roles);
    other.sql(&globals);
    assert_eq!(other.sql(roles), before);
}
