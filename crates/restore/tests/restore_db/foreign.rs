//! What other programs made, and what belongs to another database.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use testkit::{Sandbox, wait_until};

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
        (b"BEGIN; CREATE TABLE t(x);".to_vec(), "COMMIT is missing at its end"),
        (b"\x1f\x8b\x08 no gzip".to_vec(), "cannot read "),
        (torn, "is damaged"),
    ] {
        fs::write(sandbox.path("bad"), content).unwrap();
        let run = sandbox.tool("restore-db").args(["--yes", "--unverified"]).arg(sandbox.path("bad"));
        run.code(65).stderr_has(said).check();
        assert!(fs::read(sandbox.path(DATABASE)).unwrap() == before && beside(&sandbox) == neighbours, "{said}");
    }
    let missing = sandbox.tool("restore-db").args(["--yes", "--unverified", "/nowhere.sql"]).code(66);
    missing.stderr_has("there is no file /nowhere.sql").check();
}

/// What a dump is put between.
fn dump(statements: &str) -> String {
    format!("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE t(x);\n{statements}\nCOMMIT;\n")
}

#[test]
fn a_dump_of_sqlite3_is_restored_from_a_file_or_stdin() {
    let sandbox = server("CREATE TABLE t(x)");
    let old = sandbox.path("old.sqlite");
    testkit::rich_sqlite(&old);
    let shell = |script: &str| sandbox.program("/bin/sh".as_ref()).args(["-c", script]).env("OLD", &old);
    shell("sqlite3 \"$OLD\" .dump >dump.sql; gzip -k dump.sql; zstd -q dump.sql").check();
    let like = contents(&sandbox, &old);
    for (number, file) in ["dump.sql", "dump.sql.gz", "dump.sql.zst"].into_iter().enumerate() {
        let run = sandbox.tool("restore-db").args(["--yes", "--unverified"]);
        let run = if number == 0 {
            run.arg("-").stdin_file(fs::File::open(sandbox.path(file)).unwrap())
        } else {
            run.arg(file)
        };
        run.any_stdout().stderr_has("for which nobody vouches (").check();
        assert!(contents(&sandbox, &sandbox.path(DATABASE)) == like, "{file}");
        assert_eq!(live(&sandbox, "PRAGMA integrity_check"), "ok");
        assert_eq!(beside(&sandbox), ["app.sqlite"]);
        fill(&sandbox.path(DATABASE), "DROP TABLE bytes");
    }
    let small =
        "rm \"$OLD\"; sqlite3 \"$OLD\" 'CREATE TABLE t(x)'; sqlite3 \"$OLD\" .dump | \"$R\" --yes --unverified -";
    let run = shell(small).env("R", testkit::tool_path("restore-db")).env("PUSHBACK_ENV", sandbox.env_file());
    run.any_stdout().any_stderr().check();
    assert_eq!(live(&sandbox, "SELECT count(*) FROM sqlite_schema"), "1");
}

/// The schema and every row, as `sqlite3` writes them.
fn contents(sandbox: &Sandbox, database: &std::path::Path) -> String {
    sandbox.program("sqlite3".as_ref()).arg(database).arg(".dump").any_stdout().check().stdout
}

#[test]
fn a_dump_that_is_not_whole_or_reaches_beyond_its_database_is_65_and_does_nothing() {
    let sandbox = server("CREATE TABLE t(x); INSERT INTO t VALUES ('live')");
    let (before, neighbours) = (fs::read(sandbox.path(DATABASE)).unwrap(), beside(&sandbox));
    let other = sandbox.path("other.sqlite");
    fill(&other, "CREATE TABLE o(x)");
    let others = fs::read(&other).unwrap();
    let (other, target) = (other.display(), sandbox.path("pwned"));
    let whole = dump("INSERT INTO t VALUES(1);\nINSERT INTO t VALUES('a;\nb');");
    let target = target.display();
    let bad = [
        (whole.replace("COMMIT;\n", ""), "COMMIT is missing at its end"),
        (whole.replace("COMMIT", "ROLLBACK"), "the program that made it met errors"),
        (whole[..whole.len() - 20].to_owned(), "it ends in the middle of a statement"),
        ("CREATE TABLE t(x);".to_owned(), "hint: a dump is a transaction, from BEGIN to COMMIT"),
        (dump(&format!("ATTACH '{other}' AS o;")), "line 4: it reaches beyond its database"),
        (format!("ATTACH '{other}' AS o; BEGIN; DROP TABLE o.o; COMMIT;"), "line 1: it reaches beyond its database"),
        (whole.clone() + &format!("VACUUM INTO '{target}';"), "line 8: it reaches beyond its database"),
        (whole.clone() + "DETACH main;", "it reaches beyond its database"),
        (dump("SELECT load_extension('x');"), "line 4: not authorized to use function: load_extension"),
        (dump(&format!("SELECT writefile('{target}', 'x');")), "no such function: writefile"),
        (dump(&format!("SELECT readfile('{other}');")), "no such function: readfile"),
        (format!(".shell touch {target}\n") + &whole, "line 1: near \".\": syntax error"),
        (format!(".output {target}\n") + &whole, "syntax error"),
        (dump("INSERT INTO t VALUES(1, 2);"), "line 4: table t has 1 columns but 2 values were supplied"),
        (dump("CREATE UNIQUE INDEX u ON t(x); INSERT INTO t VALUES(1), (1);"), "UNIQUE constraint failed"),
        (dump("SELECT 'nul\0 inside';"), "it is no text in UTF-8"),
    ];
    for (text, said) in bad {
        fs::write(sandbox.path("bad.sql"), &text).unwrap();
        let run = sandbox.tool("restore-db").args(["--yes", "--unverified", "bad.sql"]).code(65);
        run.stderr_has("there is no SQLite database in bad.sql, nor a whole dump: ").stderr_has(said).check();
        assert!(fs::read(sandbox.path(DATABASE)).unwrap() == before && beside(&sandbox) == neighbours, "{text}");
        assert!(fs::read(sandbox.path("other.sqlite")).unwrap() == others && !sandbox.path("pwned").exists(), "{text}");
    }
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT count(*) FROM n;";
    let endless =
        sandbox.tool("restore-db").args(["--yes", "--unverified", "-", "--timeout", "1s"]).stdin(dump(endless));
    endless.code(124).stderr_has("not done after 1.0 s").check();
    assert!(fs::read(sandbox.path(DATABASE)).unwrap() == before && beside(&sandbox) == neighbours);
}

#[test]
fn a_stdin_that_never_ends_is_124_and_a_signal_is_heard_meanwhile() {
    let sandbox = server("CREATE TABLE t(x); INSERT INTO t VALUES ('live')");
    // The second ends in the middle of a stream of gzip.
    for begin in [&b""[..], b"\x1f\x8b\x08\x00"] {
        for (time, code) in [("200ms", 124), ("1h", 143)] {
            let run = sandbox.tool("restore-db").args(["--yes", "--unverified", "-", "--timeout", time]);
            let mut child = run.into_command().stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let mut pipe = child.stdin.take().unwrap();
            pipe.write_all(begin).unwrap();
            if code == 143 {
                let note = format!("process {}", child.id());
                wait_until("it has begun", || sandbox.read("prod/state/lock").contains(&note));
                testkit::kill("TERM", child.id());
            }
            assert_eq!(child.wait().unwrap().code(), Some(code));
            drop(pipe);
        }
    }
    assert_eq!((live(&sandbox, "SELECT x FROM t").as_str(), beside(&sandbox).len()), ("live", 1));
}

#[test]
fn a_dump_sets_what_belongs_to_the_database_and_nothing_else() {
    let sandbox = server("CREATE TABLE t(x)");
    let pragmas =
        "PRAGMA user_version = 7; PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA locking_mode = EXCLUSIVE;";
    fs::write(sandbox.path("dump.sql"), pragmas.to_owned() + &dump("INSERT INTO t VALUES (1);") + "-- the end")
        .unwrap();
    let run = sandbox.tool("restore-db").args(["--yes", "--unverified", "dump.sql"]);
    run.any_stdout().any_stderr().check();
    let told = ["PRAGMA user_version", "PRAGMA journal_mode", "SELECT count(*) FROM t"].map(|sql| live(&sandbox, sql));
    assert_eq!(told, ["7", "delete", "1"]);
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
