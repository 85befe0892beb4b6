//! Swaps of the live database while others use it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use db::postgres::{Keeper, Scratch};
use db::{Deadline, Trust};

use crate::restoring::{address, load, scratch};
use crate::{connect, deadline};

const NEW: &[u8] = b"CREATE TABLE t (a text);\nCOPY public.t (a) FROM stdin;\nnew\n\\.\nGRANT SELECT ON public.t TO PUBLIC;\n--\n-- PostgreSQL database dump complete\n--\n";

/// Tells readers to stop, also when the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn readers_see_the_old_or_the_new_and_are_away_for_a_blink() {
    let database = testkit::Postgres::shared().fresh();
    database.sql_as_app("CREATE TABLE t (a text); INSERT INTO t VALUES ('old')");
    let server = connect(&database.url()).unwrap();
    let (done, seen) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        let _stop = Stop(&done);
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    let answer = database.try_sql_as_app("SELECT a FROM t");
                    seen.lock().unwrap().push(answer);
                }
            });
        }
        let wait_for = |what: &str| {
            testkit::wait_until(what, || seen.lock().unwrap().iter().flatten().any(|answer| answer.trim() == what));
        };
        wait_for("old");
        let scratch = scratch(&server, &database);
        load(&scratch, NEW, Trust::Verified).unwrap();
        scratch.swap(&deadline()).unwrap();
        wait_for("new");
    });
    let seen = seen.into_inner().unwrap();
    let mut is_new = false;
    for answer in seen.iter().flatten().map(|answer| answer.trim()) {
        assert!(answer == "new" || answer == "old", "{answer}");
        is_new |= answer == "new";
    }
    let failed: Vec<_> = seen.iter().filter_map(|answer| answer.as_ref().err()).collect();
    for words in &failed {
        let is_blink =
            ["does not exist", "terminating connection", "server closed"].iter().any(|blink| words.contains(blink));
        assert!(is_blink, "{words}");
    }
    // Three readers were cut off once each, and each may have found the door shut as often again.
    testkit::note(&format!("{} of {} connects failed during the swap", failed.len(), seen.len()));
    assert!(is_new && failed.len() <= 6, "{failed:?}");
}

#[test]
fn whoever_is_connected_is_cut_off_and_finds_the_new_one() {
    let database = testkit::Postgres::shared().fresh_creator();
    database.sql_as_app("CREATE TABLE t (a text); INSERT INTO t VALUES ('old')");
    let server = connect(&database.url()).unwrap();
    let others = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND query LIKE '%pg_sleep(600)'",
        database.name()
    );
    thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| assert!(database.try_sql_as_app("SELECT pg_sleep(600)").is_err()));
        }
        testkit::wait_until("five are connected", || database.named("postgres").sql(&others).trim() == "5");
        let keeper = Keeper::find(&server, None, &deadline()).unwrap();
        let scratch = Scratch::create(keeper, &deadline()).unwrap();
        load(&scratch, NEW, Trust::Verified).unwrap();
        scratch.swap(&deadline()).unwrap();
    });
    assert_eq!(database.sql_as_app("SELECT a FROM t"), "new\n");
}

#[test]
fn a_connection_that_may_not_be_ended_makes_the_swap_busy_and_nothing_changes() {
    let database = testkit::Postgres::shared().fresh_creator();
    database.sql_as_app("CREATE TABLE t (a text); INSERT INTO t VALUES ('old')");
    let server = connect(&database.url()).unwrap();
    let others = format!(
        "SELECT pid FROM pg_stat_activity WHERE datname = '{}' AND query LIKE '%pg_sleep(600)'",
        database.name()
    );
    thread::scope(|scope| {
        let admin = testkit::Postgres::shared();
        let sleep = || database.sql("SELECT pg_sleep(600)");
        let held = scope.spawn(move || drop(catch_unwind(AssertUnwindSafe(sleep))));
        testkit::wait_until("the superuser is connected", || !admin.sql(&others).is_empty());
        let keeper = Keeper::find(&server, None, &deadline()).unwrap();
        let scratch = Scratch::create(keeper, &deadline()).unwrap();
        let left = database.named(scratch.name());
        load(&scratch, NEW, Trust::Verified).unwrap();
        let failure = scratch.swap(&Deadline::after(Duration::from_secs(1))).unwrap_err();
        assert!(failure.exit.code() == 75 && failure.message.contains("accessed by other users"), "{failure:?}");
        assert_eq!(database.sql_as_app("SELECT a FROM t"), "old\n");
        admin.sql(&others.replace("SELECT pid", "SELECT pg_terminate_backend(pid)"));
        held.join().unwrap();
        assert!(!left.exists());
    });
}

#[test]
fn an_undo_brings_back_what_was_live_and_can_be_undone() {
    let database = testkit::Postgres::shared().fresh();
    database.sql_as_app("CREATE TABLE t (a text); INSERT INTO t VALUES ('old')");
    let server = connect(&database.url()).unwrap();
    let keeper = || Keeper::find(&server, Some(&address(&database.admin_url())), &deadline()).unwrap();
    assert_eq!(keeper().undo(&deadline()).unwrap_err().exit.code(), 66);
    let scratch = scratch(&server, &database);
    load(&scratch, NEW, Trust::Verified).unwrap();
    let kept = scratch.swap(&deadline()).unwrap().unwrap();
    assert_eq!(database.sql_as_app("SELECT a FROM t"), "new\n");
    let (back, kept_new) = keeper().undo(&deadline()).unwrap();
    assert!(back == kept && database.sql_as_app("SELECT a FROM t") == "old\n");
    assert_eq!(keeper().previous(&deadline()).unwrap(), [kept_new.unwrap()]);
    keeper().undo(&deadline()).unwrap();
    assert_eq!(database.sql_as_app("SELECT a FROM t"), "new\n");
    let previous = keeper().previous(&deadline()).unwrap();
    assert_eq!(keeper().drop_previous(1, &deadline()).unwrap(), [""; 0]);
    assert_eq!(keeper().drop_previous(0, &deadline()).unwrap(), previous);
    assert!(!database.named(&previous[0]).exists() && database.exists());
}

#[test]
fn where_there_was_no_database_the_restore_makes_one() {
    let database = testkit::Postgres::shared().fresh_creator();
    database.sql(&format!("SELECT 1; COMMENT ON DATABASE \"{}\" IS 'to be dropped'", database.name()));
    let admin = testkit::Postgres::shared();
    admin.sql(&format!("DROP DATABASE \"{}\"", database.name()));
    let server = connect(&database.url()).unwrap();
    let scratch = scratch(&server, &database);
    load(&scratch, NEW, Trust::Verified).unwrap();
    assert_eq!(scratch.swap(&deadline()).unwrap(), None);
    assert_eq!(
        database.sql("SELECT datdba::regrole FROM pg_database WHERE datname = current_database()").trim(),
        database.role()
    );
}

#[test]
fn properties_of_the_live_database_move_to_the_new_one() {
    let database = testkit::Postgres::shared().fresh();
    database.rich();
    database.rich_as_admin();
    let server = connect(&database.url()).unwrap();
    let properties = database.properties();
    let scratch = scratch(&server, &database);
    load(&scratch, NEW, Trust::Verified).unwrap();
    let kept = scratch.swap(&deadline()).unwrap().unwrap();
    assert_eq!((database.properties(), database.named(&kept).properties()), (properties.clone(), properties));
}
