//! A server's database whose environment lies on a disk that is too small.

use testkit::{Database, Engine, Mariadb, Postgres};

use crate::databases::{environment, left_beside};
use crate::server::{backup, megabytes, server};

/// One step of the story: what was said, with the exit code behind it and what lies in BACKUP_DIR then.
struct Step(String);

impl Step {
    fn is(&self, code: i32, said: &str) -> &Self {
        assert!(self.0.contains(&format!("\nexit {code}\n")) && self.0.contains(said), "{code}, {said}: {}", self.0);
        self
    }

    /// What lies in BACKUP_DIR, hidden or not.
    fn backups(&self) -> Vec<&str> {
        let (_, listed) = self.0.split_once("\nexit ").unwrap();
        listed.lines().skip(1).collect()
    }
}

/// Lets a shell tell a story in an environment on 2 MiB, where `run` runs a tool and `sql` a statement, and takes it apart.
fn story(database: &Database, script: &str) -> Vec<Step> {
    let sandbox = environment(database);
    let place = sandbox.path("small");
    sandbox.set("DEPLOY_ROOT", &place.join("prod").display().to_string());
    let client = match database.engine() {
        Engine::Postgres => format!("{} -Xq -d \"$URL\" -c \"$1\"", Postgres::program("psql").display()),
        Engine::Mariadb => format!(
            "{} --no-defaults -h 127.0.0.1 -P {} -u {} {} -e \"$1\"",
            Mariadb::program("mariadb").display(),
            Mariadb::shared().port(),
            database.role(),
            database.name()
        ),
    };
    let whole = format!(
        "set -e; mkdir \"$D\"; mount -t tmpfs -o size=2m tmpfs \"$D\"; mkdir -m 700 \"$D/prod\"; set +e
         sql() {{ {client}; }}
         run() {{
             echo \"== $*\"; tool=$1; shift; code=0; \"$TOOLS/$tool\" \"$@\" 2>&1 || code=$?; echo; echo \"exit $code\"
             ls -A \"$D/prod/backups\" 2>/dev/null | grep -v '^[.]lock$'
         }}
         {script}
         umount \"$D\""
    );
    let run = sandbox.program("/usr/bin/unshare".as_ref()).env("D", place).env("TOOLS", testkit::tools_dir());
    let run =
        run.env("PUSHBACK_ENV", sandbox.env_file()).env("URL", database.url()).env("MYSQL_PWD", database.password());
    let told = run.args(["-rm", "--", "/bin/sh", "-c", &whole]).any_stdout().check().stdout;
    told.split("== ").skip(1).map(|step| Step(step.to_owned())).collect()
}

#[test]
fn where_a_sqlite_database_has_no_room_nothing_is_written() {
    let sandbox = server(&megabytes(3, "word"));
    let set = backup(&sandbox);
    let place = sandbox.path("small");
    sandbox.set("DATABASE_URL", &format!("sqlite://{}", place.join("app.sqlite").display()));
    let script = "mkdir \"$D\"; mount -t tmpfs -o size=2m tmpfs \"$D\"; \"$0\" --yes --into-other \"$1\"; code=$?
        ls -A \"$D\"; umount \"$D\"; exit $code";
    let run = sandbox.program("/usr/bin/unshare".as_ref()).env("D", &place).env("PUSHBACK_ENV", sandbox.env_file());
    let run = run.args(["-rm", "--", "/bin/sh", "-c", script]).arg(testkit::tool_path("restore-db")).arg(set);
    let said = format!("there is no room to unpack the backup in {}: it needs 2.", place.display());
    run.code(74).stderr_has(said).stderr_has(" MiB, and 2.0 MiB is free").stderr_has("nothing was touched").check();
}

/// What both engines do first, and the backup that is there then: it has no room, is emptied and has room, is full again and
/// has none; the older backup is still good.
fn make_room(steps: &[Step]) -> (Vec<&str>, &[Step]) {
    let [check, first, small, large, verify, rest @ ..] = steps else { panic!("{} steps", steps.len()) };
    assert!(check.is(1, "there is no room for a backup: ").backups().is_empty());
    assert!(first.is(74, "backup-db: cannot write the dump: no space left").backups().is_empty());
    let older = small.is(0, "").backups();
    assert_eq!(older.len(), 1);
    assert_eq!(large.is(74, "backup-db: cannot write the dump: no space left").backups(), older);
    verify.is(0, "  verified  1 table, 0 rows");
    (older, rest)
}

fn rows(database: &Database) -> String {
    database.sql("SELECT count(*) FROM t").trim().to_owned()
}

#[test]
fn on_a_small_disk_a_backup_of_postgresql_is_74_and_an_archive_that_has_no_room_touches_nothing() {
    let database = Postgres::shared().fresh_creator();
    // Noise hardly gets smaller, and one letter nearly vanishes.
    let noise = "INSERT INTO t SELECT md5(i::text) || md5((-i)::text) FROM generate_series(1, 100000) i";
    database.sql_as_app(&format!("CREATE TABLE t (x text); {noise}"));
    let script = format!(
        "run backup-db check; run backup-db; sql 'TRUNCATE t'; run backup-db; sql '{noise}'; run backup-db; run backup-db verify
         sql \"UPDATE t SET x = repeat('x', 60)\"; run backup-db --format custom; run restore-db --yes latest"
    );
    let steps = story(&database, &script);
    let (_, rest) = make_room(&steps);
    let [flat, restore] = rest else { panic!("{} more steps", rest.len()) };
    let both = flat.is(0, "").backups();
    assert_eq!(both.len(), 2);
    assert_eq!(restore.is(74, "restore-db: there is no room to unpack the backup in ").backups(), both);
    assert_eq!((rows(&database).as_str(), left_beside(&database).len()), ("100000", 1));
}

#[test]
fn on_a_small_disk_a_backup_of_mariadb_is_74_and_a_restore_that_cannot_save_what_is_live_touches_nothing() {
    let database = Mariadb::shared().fresh_creator();
    let noise = "INSERT INTO t SELECT CONCAT(MD5(seq), MD5(-seq)) FROM seq_1_to_100000";
    // How large a table is, the server itself learns only after a while.
    database.sql_as_app(&format!("CREATE TABLE t (x text); {noise}; ANALYZE TABLE t"));
    let script = format!(
        "run backup-db check; run backup-db; sql 'DELETE FROM t'; run backup-db; sql '{noise}'; run backup-db; run backup-db verify
         run restore-db --yes latest; run restore-db --yes --without-safety-backup latest"
    );
    let steps = story(&database, &script);
    let (older, rest) = make_room(&steps);
    let [restore, without] = rest else { panic!("{} more steps", rest.len()) };
    let said = "restore-db: what is live could not be backed up first: ";
    assert_eq!(restore.is(74, said).is(74, "hint: nothing was touched").backups(), older);
    assert!(!without.is(0, "").backups().is_empty());
    assert_eq!((rows(&database).as_str(), left_beside(&database).len()), ("0", 1));
}
