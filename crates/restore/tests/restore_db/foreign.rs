//! What other programs made, and what belongs to another database.

use std::fs;

use testkit::Sandbox;

use crate::server::{DATABASE, backup, beside, fill, live, server};

/// A database of another program's making, as a file with two rows.
fn foreign(sandbox: &Sandbox) -> std::path::PathBuf {
    let path = sandbox.path("foreign.sqlite");
    fill(&path, "CREATE TABLE t(x); INSERT INTO t VALUES (1), (2)");
    path
}

#[test]
fn a_file_of_another_program_is_restored_when_that_is_said() {
    let sandbox = server("CREATE TABLE t(x)");
    let plain = foreign(&sandbox);
    let pack = |program: &str, suffix: &str| {
        let script = format!("{program} <{0} >{0}{suffix}", plain.display());
        sandbox.program("/bin/sh".as_ref()).args(["-c", &script]).check();
        format!("{}{suffix}", plain.display())
    };
    for file in [plain.display().to_string(), pack("gzip", ".gz"), pack("zstd -q", ".zst")] {
        fill(&sandbox.path(DATABASE), "DELETE FROM t");
        sandbox.tool("restore-db").args(["--yes", &file]).code(2).stderr_has("hint: say --unverified").check();
        assert_eq!(live(&sandbox, "SELECT count(*) FROM t"), "0");
        let run = sandbox.tool("restore-db").args(["--yes", "--unverified", &file]).any_stdout();
        run.stderr_has(format!("from the file {file}, for which nobody vouches (")).check();
        assert_eq!(live(&sandbox, "SELECT count(*) FROM t"), "2", "{file}");
        fill(&sandbox.path(DATABASE), "DELETE FROM t");
        let run = sandbox.tool("restore-db").args(["--yes", "--unverified", "-"]);
        run.stdin_file(fs::File::open(&file).unwrap()).any_stdout().any_stderr().check();
        assert_eq!(live(&sandbox, "SELECT count(*) FROM t"), "2", "{file} on stdin");
    }
}

#[test]
fn what_is_no_sound_database_is_65_and_touches_nothing() {
    let sandbox = server("CREATE TABLE t(x)");
    let whole = fs::read(foreign(&sandbox)).unwrap();
    let (before, neighbours) = (fs::read(sandbox.path(DATABASE)).unwrap(), beside(&sandbox));
    let mut torn = whole.clone();
    torn.truncate(whole.len() - 100);
    for (content, said) in [
        (b"".to_vec(), "there is no SQLite database in "),
        (b"SQLite".to_vec(), "there is no SQLite database in "),
        (b"BEGIN; CREATE TABLE t(x);".to_vec(), "hint: SQL statements become a database with: sqlite3 new.sqlite"),
        (b"\x1f\x8b\x08 no gzip".to_vec(), "cannot read "),
        (torn, "is damaged"),
    ] {
        fs::write(sandbox.path("bad"), content).unwrap();
        let run = sandbox.tool("restore-db").args(["--yes", "--unverified"]).arg(sandbox.path("bad"));
        run.code(65).stderr_has(said).check();
        assert!(fs::read(sandbox.path(DATABASE)).unwrap() == before && beside(&sandbox) == neighbours, "{said}");
    }
}

#[test]
fn a_backup_of_another_database_goes_into_this_one_only_when_that_is_said() {
    let sandbox = server("CREATE TABLE t(x); INSERT INTO t VALUES (1)");
    let set = backup(&sandbox);
    let other = sandbox.path("prod/shared/other.sqlite");
    fill(&other, "CREATE TABLE other(x)");
    sandbox.set("DATABASE_URL", &format!("sqlite://{}", other.display()));
    let run = || sandbox.tool("restore-db").arg("--yes").arg(&set);
    run().code(78).stderr_has("say --into-other").check();
    run().arg("--into-other").any_stdout().any_stderr().check();
    assert_eq!(crate::server::text(&other, "SELECT count(*) FROM t"), "1");
    // Our own backups are never taken unverified.
    run().arg("--unverified").code(2).stderr_has("--unverified is for files of other programs").check();
}
