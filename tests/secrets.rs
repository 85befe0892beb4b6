//! No secret of the settings reaches an argument, a log, the journal, a report, or a program that it is not for: looked
//! for in every byte that a whole deployment writes and in every program that it starts, well and failing at each step.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;

use server::Server;
use server::canary::{ADMIN, API, APP, CANARIES, DATABASE, INHERITED, LISTED};
use server::trace::{self, Exec, Trace};
use testkit::{Database, Engine, Mariadb, Postgres, Wish};

/// Everything about a deployment that somebody else could read.
struct Seen {
    trace: Trace,
    files: Vec<(PathBuf, Vec<u8>)>,
    said: Vec<u8>,
}

/// An app's address that answers what it is told to.
struct Api {
    port: u16,
    status: Arc<AtomicU16>,
}

impl Api {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let (port, status) = (listener.local_addr().unwrap().port(), Arc::new(AtomicU16::new(200)));
        let told = Arc::clone(&status);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let head = BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
                head.for_each(drop);
                let status = told.load(Ordering::SeqCst);
                drop(write!(stream, "HTTP/1.1 {status} Told\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
            }
        });
        Self { port, status }
    }
}

/// A server that has deployed one commit, with a canary in every setting that could hold a secret.
fn server() -> (Server, Api) {
    let (server, api) = (Server::new(), Api::start());
    for canary in &CANARIES[2..9] {
        server.sandbox.set(canary.setting, &canary.value());
    }
    server.sandbox.set("INHERITED", "");
    server.sandbox.set("TEST_ENV", CANARIES[LISTED].setting);
    server.sandbox.set("TEST_COMMAND", ": for-test; test -e health");
    server.sandbox.set("BUILD_COMMAND", ": for-build;");
    let app = server.sandbox.write("prod/app.env", format!("SECRET_KEY={}\n", CANARIES[APP].value()));
    private(&app);
    server.sandbox.set("APP_ENV_FILE", &app.display().to_string());
    server.sandbox.set("SMOKE_CHECKS", "");
    let token = CANARIES[API].in_address();
    server.sandbox.set("API_URL", &format!("http://127.0.0.1:{}/health?token={token}", api.port));
    server.deploy("ok");
    assert_eq!(server.ends(), [0]);
    (server, api)
}

fn private(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A push of another version, watched down to the last process that it starts.
fn push(server: &Server, health: &str) -> Seen {
    server.repository.write("health", health);
    server.repository.commit(health);
    let mut push = Command::new("git");
    push.current_dir(&server.repository.clone).args(["push", "-o", "wait", "origin", "HEAD:refs/heads/main"]);
    watch(server, push)
}

fn watch(server: &Server, mut command: Command) -> Seen {
    for (name, value) in
        [("PATH", std::env::var("PATH").unwrap()), ("HOME", server.sandbox.path("").display().to_string())]
    {
        command.env(name, value);
    }
    command.env(CANARIES[INHERITED].setting, CANARIES[INHERITED].value()).env("LANG", "C.UTF-8");
    let dir = server.sandbox.path("trace");
    let output = trace::traced(&command, &dir).output().expect("strace runs");
    server.settle();
    let trace = trace::read(&dir);
    fs::remove_dir_all(dir).unwrap();
    let mut said = [output.stdout, output.stderr].concat();
    for (tool, args) in [("deployment-report", &[][..]), ("deploy-queue", &["log"]), ("release", &["list"])] {
        let told = server.tool(tool).args(args).into_command().output().unwrap();
        said.extend([told.stdout, told.stderr].concat());
    }
    let mut files = Vec::new();
    read_all(&server.sandbox.path(""), &mut files);
    Seen { trace, files, said }
}

fn read_all(dir: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let kind = entry.file_type().unwrap();
        // The tools themselves hold no setting, and much else.
        if kind.is_dir() && entry.file_name() != "tools" {
            read_all(&entry.path(), files);
        } else if kind.is_file() {
            files.push((entry.path(), fs::read(entry.path()).unwrap()));
        }
    }
}

/// The settings themselves, and their copies in a backup.
fn may_hold_secrets(path: &str) -> bool {
    let copies =
        path.contains("/backups/") && (path.ends_with("/config/deploy.env") || path.ends_with("/config/app.env"));
    copies || path.ends_with("/prod/deploy.env") || path.ends_with("/prod/app.env")
}

/// A client of PostgreSQL learns the password from its environment, which nobody else can read; one of MariaDB from a file
/// that is in memory only, and has no name that anybody could open.
fn is_told_the_client(exec: &Exec, variable: &[u8]) -> bool {
    let program = exec.args.first().map(|program| String::from_utf8_lossy(program).into_owned()).unwrap_or_default();
    let client = program.rsplit('/').next().unwrap_or_default();
    variable.starts_with(b"PGPASSWORD=") && ["psql", "pg_dump", "pg_restore"].contains(&client)
}

const IN_MEMORY: &str = "/memfd:pushback";

/// Every place where a secret is and must not be.
fn leaks(seen: &Seen) -> BTreeSet<String> {
    let mut leaks = BTreeSet::new();
    for (index, canary) in CANARIES.iter().enumerate() {
        let name = canary.setting;
        for exec in &seen.trace.execs {
            let is_app = exec.args.iter().chain(&exec.env).any(|text| text.starts_with(b"SECRET_KEY="));
            let program = String::from_utf8_lossy(exec.args.first().map_or(b"", |arg| arg)).into_owned();
            if exec.args.iter().any(|arg| canary.is_in(arg)) {
                leaks.insert(format!("{name} in an argument of {program}"));
            }
            // What a hook's environment holds stays with git and with our own tools; a user's command knows a commit.
            let is_users = exec.env.iter().any(|variable| variable.starts_with(b"PUSHBACK_COMMIT="));
            let is_tests = exec.env.iter().any(|variable| variable.starts_with(b"TEST_TOKEN="));
            let may = match index {
                APP => is_app && is_users,
                LISTED => is_tests && is_users,
                INHERITED => !is_users,
                _ => false,
            };
            let is_told = |variable: &[u8]| matches!(index, DATABASE | ADMIN) && is_told_the_client(exec, variable);
            if !may && exec.env.iter().any(|variable| canary.is_in(variable) && !is_told(variable)) {
                leaks.insert(format!("{name} in the environment of {program}"));
            }
        }
        for write in &seen.trace.writes {
            let asks = index == API && write.place.starts_with("socket:");
            let tells = index == DATABASE && write.place.starts_with(IN_MEMORY);
            if !asks && !tells && !may_hold_secrets(&write.place) && canary.is_in(&write.bytes) {
                leaks.insert(format!("{name} written to {}", write.place));
            }
        }
        for (path, bytes) in seen.files.iter().filter(|(_, bytes)| canary.is_in(bytes)) {
            let mode = fs::metadata(path).unwrap().permissions().mode();
            if !may_hold_secrets(&path.to_string_lossy()) || mode & 0o077 != 0 {
                leaks.insert(format!("{name} in {} ({} bytes, mode {mode:o})", path.display(), bytes.len()));
            }
        }
        if canary.is_in(&seen.said) {
            leaks.insert(format!("{name} in what the tools said"));
        }
    }
    leaks
}

fn nothing_leaks(seen: &Seen) {
    assert!(leaks(seen).is_empty(), "{:#?}\n{}", leaks(seen), String::from_utf8_lossy(&seen.said));
}

fn last_end(server: &Server) -> i64 {
    *server.ends().last().unwrap()
}

/// The names in the environments of the programs with this text among their arguments.
fn names(seen: &Seen, text: &str) -> BTreeSet<String> {
    let marked = |args: &[Vec<u8>]| args.iter().any(|arg| String::from_utf8_lossy(arg).contains(text));
    let execs = seen.trace.execs.iter().filter(|exec| marked(&exec.args));
    let name = |variable: &Vec<u8>| String::from_utf8_lossy(variable).split('=').next().unwrap_or_default().to_owned();
    execs.flat_map(|exec| exec.env.iter().map(name)).collect()
}

#[test]
fn a_deployment_that_succeeds_tells_no_secret_and_gives_each_command_only_its_own() {
    let (server, _api) = server();
    let seen = push(&server, "ok too");
    assert_eq!(last_end(&server), 0, "{}", String::from_utf8_lossy(&seen.said));
    nothing_leaks(&seen);
    let plain = ["HOME", "LANG", "PATH", "PUSHBACK_COMMIT"];
    let with = |more: &[&str]| plain.iter().chain(more).map(ToString::to_string).collect::<BTreeSet<_>>();
    // The forerunner of the command, and the shell that it becomes.
    assert_eq!(names(&seen, ": for-test;"), with(&["TEST_TOKEN"]));
    assert_eq!(names(&seen, ": for-build;"), with(&[]));
    assert_eq!(names(&seen, "sqlite3 data"), with(&["SECRET_KEY"]));
    // The copies of the settings are there, and hold what they copy.
    let copies = seen.files.iter().filter(|(path, _)| path.parent().unwrap().ends_with("config"));
    assert!(copies.filter(|(_, bytes)| CANARIES.iter().any(|canary| canary.is_in(bytes))).count() >= 2);
}

#[test]
fn what_is_told_of_tests_a_build_and_an_app_that_fail_holds_no_secret() {
    for (setting, code) in [("TEST_COMMAND", 1), ("BUILD_COMMAND", 2), ("START_COMMAND", 3)] {
        let (server, _api) = server();
        server.sandbox.set(setting, "grep -q ok health && echo \"@$PUSHBACK_COMMIT\" > data/running");
        let seen = push(&server, "sick");
        assert_eq!(last_end(&server), code, "{}", String::from_utf8_lossy(&seen.said));
        nothing_leaks(&seen);
    }
}

#[test]
fn a_backup_that_fails_tells_no_password_of_its_database() {
    let address = CANARIES[DATABASE].in_address();
    for url in [
        format!("postgres://app:{address}@db.example.org/app?sslpassword={address}"),
        format!("sqlite:///srv/db?key={address}"),
        format!("{address}://db/app"),
        CANARIES[DATABASE].value(),
    ] {
        let (server, _api) = server();
        server.sandbox.set("DATABASE_URL", &url);
        let seen = push(&server, "ok too");
        assert_eq!(last_end(&server), 3, "{}", String::from_utf8_lossy(&seen.said));
        nothing_leaks(&seen);
    }
    let (server, _api) = server();
    server.sandbox.write("prod/shared/data/app.sqlite", "not a database");
    let seen = push(&server, "ok too");
    assert_eq!(last_end(&server), 3);
    nothing_leaks(&seen);
}

/// A database of each engine whose password is a secret that is looked for.
fn databases() -> [Database; 2] {
    let wish = || Wish { password: CANARIES[DATABASE].value(), creator: true, ..Wish::default() };
    [Postgres::shared().make(wish()), Mariadb::shared().make(wish())].map(|database| {
        database.sql_as_app("CREATE TABLE t (x int)");
        database.sql_as_app("INSERT INTO t VALUES (1), (2)");
        database
    })
}

/// Runs commands one after the other, watched; each must end with the code in front of it.
fn run_all(server: &Server, commands: &[&str]) -> Seen {
    let step = |line: &&str| {
        let (code, command) = line.split_once(' ').unwrap();
        format!("code=0; {command} || code=$?; test $code = {code} || {{ echo \"ended with $code\"; exit; }}")
    };
    let steps = commands.iter().map(step).collect::<Vec<_>>().join("\n");
    let mut shell = Command::new("/bin/sh");
    shell.current_dir(server.sandbox.path("")).env("PUSHBACK_ENV", server.sandbox.env_file());
    shell.args(["-c", &format!("PATH=\"$PWD/tools:$PATH\"\n{steps}\necho all ended so")]);
    let seen = watch(server, shell);
    let said = String::from_utf8_lossy(&seen.said);
    assert!(said.contains("all ended so\n"), "{commands:?}: {said}");
    seen
}

#[test]
fn what_is_done_with_a_database_on_a_server_tells_its_password_only_to_its_clients() {
    for database in databases() {
        let (server, _api) = server();
        server.sandbox.set("DATABASE_URL", &database.url());
        if database.engine() == Engine::Postgres {
            let admin = Postgres::shared().make(Wish { password: CANARIES[ADMIN].value(), ..Wish::default() });
            database.sql(&format!("ALTER ROLE {} SUPERUSER", admin.role()));
            server.sandbox.set("ADMIN_DATABASE_URL", &admin.url());
        }
        let seen = push(&server, "ok too");
        assert_eq!(last_end(&server), 0, "{}", String::from_utf8_lossy(&seen.said));
        nothing_leaks(&seen);
        let canary = CANARIES[DATABASE];
        let is_told = match database.engine() {
            Engine::Postgres => seen.trace.execs.iter().any(|exec| exec.env.iter().any(|it| canary.is_in(it))),
            Engine::Mariadb => {
                seen.trace.writes.iter().any(|it| it.place.starts_with(IN_MEMORY) && canary.is_in(&it.bytes))
            }
        };
        assert!(is_told, "a client is told the password, and this test sees it");
        let custom = if database.engine() == Engine::Postgres { "0 backup-db --format custom" } else { "0 backup-db" };
        let seen = run_all(
            &server,
            &[
                "0 backup-db check",
                custom,
                "0 backup-db verify",
                "0 backup-db list --json",
                "0 backup-db --output - >dump.gz",
                "0 restore-db --dry-run latest",
                "0 restore-db --drill latest",
                "0 restore-db --yes --json latest",
                "0 restore-db --yes --undo",
                "0 deploy-status --json",
            ],
        );
        nothing_leaks(&seen);
    }
}

#[test]
fn what_goes_wrong_with_a_database_on_a_server_tells_no_password() {
    for database in databases() {
        let (server, _api) = server();
        server.sandbox.set("DATABASE_URL", &database.url());
        let end = match database.engine() {
            Engine::Postgres => "-- PostgreSQL database dump complete\n",
            Engine::Mariadb => "-- Dump completed\n",
        };
        server.sandbox.write("foreign.sql", format!("INSERT INTO nowhere VALUES (1);\n{end}"));
        nothing_leaks(&run_all(
            &server,
            &[
                "0 backup-db",
                "74 restore-db --yes --without-safety-backup --unverified foreign.sql",
                "0 for file in prod/backups/2*/database.sql.gz; do printf x >>\"$file\"; done",
                "65 restore-db --yes latest",
                "1 restore-db --drill latest",
                "1 backup-db verify",
                "66 restore-db --yes nowhere",
            ],
        ));
        let place = format!(":{}/", database.url().rsplit_once(':').unwrap().1.split_once('/').unwrap().0);
        server.sandbox.set("DATABASE_URL", &database.url().replace(&place, ":1/"));
        nothing_leaks(&run_all(&server, &["69 backup-db", "69 restore-db --yes latest", "69 backup-db check --json"]));
        server.sandbox.set("DATABASE_URL", &format!("{}?nonsense={}", database.url(), CANARIES[DATABASE].in_address()));
        nothing_leaks(&run_all(&server, &["78 backup-db", "78 restore-db --yes latest", "78 backup-db check --json"]));
        server.sandbox.set("DATABASE_URL", &database.url());
        database.sql(&match database.engine() {
            Engine::Postgres => format!("ALTER ROLE {} PASSWORD 'another'", database.role()),
            Engine::Mariadb => format!("SET PASSWORD FOR '{}'@'%' = PASSWORD('another')", database.role()),
        });
        nothing_leaks(&run_all(&server, &["77 backup-db check", "77 restore-db --yes latest"]));
        let seen = push(&server, "ok too");
        assert_eq!(last_end(&server), 3, "{}", String::from_utf8_lossy(&seen.said));
        nothing_leaks(&seen);
    }
}

#[test]
fn a_rollback_and_the_guard_after_it_tell_no_secret() {
    let (server, api) = server();
    // The address goes on answering 500, after the rollback too.
    api.status.store(500, Ordering::SeqCst);
    let seen = push(&server, "sick");
    assert_eq!(last_end(&server), 5, "{}", String::from_utf8_lossy(&seen.said));
    nothing_leaks(&seen);
    api.status.store(200, Ordering::SeqCst);
    let bad = server.repository.git(&["rev-parse", "HEAD"]);
    let again = server.tool("deploy-queue").args(["submit", "--follow", &bad]).into_command();
    let seen = watch(&server, again);
    assert_eq!(last_end(&server), 75, "{}", String::from_utf8_lossy(&seen.said));
    nothing_leaks(&seen);
}

#[test]
fn an_address_with_a_password_in_it_is_refused_without_it() {
    let (server, api) = server();
    let secret = CANARIES[API].in_address();
    server.sandbox.set("API_URL", &format!("http://app:{secret}@127.0.0.1:{}/?token={secret}", api.port));
    let seen = push(&server, "ok too");
    assert_eq!(last_end(&server), 78, "{}", String::from_utf8_lossy(&seen.said));
    nothing_leaks(&seen);
}

#[test]
fn settings_that_are_broken_or_open_to_others_are_refused_without_their_content() {
    let secret = CANARIES[4].value();
    for line in [format!("export A={secret}"), format!("A='{secret}"), secret.clone(), format!("{secret}==")] {
        let (server, _api) = server();
        let text = server.sandbox.read("prod/deploy.env");
        fs::write(server.sandbox.env_file(), format!("{text}{line}\n")).unwrap();
        let seen = push(&server, "ok too");
        assert!(String::from_utf8_lossy(&seen.said).contains(": line "), "{}", String::from_utf8_lossy(&seen.said));
        assert_eq!(server.ends(), [0]);
        nothing_leaks(&seen);
    }
    let (server, _api) = server();
    fs::set_permissions(server.sandbox.env_file(), fs::Permissions::from_mode(0o644)).unwrap();
    let seen = push(&server, "ok too");
    assert_eq!(server.ends(), [0]);
    private(&server.sandbox.env_file());
    nothing_leaks(&seen);
}

#[test]
fn a_secret_that_a_command_tells_is_found_in_each_form() {
    let (server, _api) = server();
    let file = server.sandbox.env_file().display().to_string();
    let tell = format!(
        "cat {file}; base64 -w0 {file} > coded; od -An -v -tx1 {file} | tr -d ' \\n' > digits; \
         /bin/true \"$(grep DB_PASSWORD {file})\"; export WEBHOOK_SECRET=\"$(grep WEBHOOK_SECRET {file})\"; /bin/true"
    );
    // A settings file holds no backslash.
    server.sandbox.set("TEST_COMMAND", &tell.replace("\\n", "[:space:]").replace("' [:space:]'", "'[:space:]'"));
    let found = leaks(&push(&server, "ok too")).into_iter().collect::<Vec<_>>().join("\n");
    for (canary, place) in [
        ("DB_PASSWORD", "in an argument of /bin/true"),
        ("WEBHOOK_SECRET", "in the environment of /bin/true"),
        ("TELEGRAM_API_TOKEN", "prod-2-test.log"),
        ("SLACK_WEBHOOK_URL", "/coded"),
        ("NOBODY_KNOWS_THIS", "/digits"),
        ("API_URL", "/coded"),
    ] {
        let told = found.lines().any(|leak| leak.starts_with(canary) && leak.contains(place));
        assert!(told, "{canary} {place} is not among\n{found}");
    }
    for path in ["coded (", "digits ("] {
        let on_disk = found.lines().filter(|leak| leak.contains(path)).count();
        assert!(on_disk >= 7, "{path} {on_disk}\n{found}");
    }
}
