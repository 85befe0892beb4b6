//! A database with one backup, of a time when every row said `old`; now they say `new`.

use std::fs;
use std::path::{Path, PathBuf};

use testkit::Sandbox;

/// Where the database is in the sandbox.
const DATABASE: &str = "prod/shared/app.sqlite";

const ROWS: &str =
    "with recursive n(i) as (select 1 union all select i + 1 from n where i < 400) select i, 'old' from n";

pub(crate) struct Shop {
    pub(crate) sandbox: Sandbox,
    pub(crate) old: String,
    pub(crate) new: String,
    /// The name of the backup.
    pub(crate) first: String,
}

impl Shop {
    /// With a database in this journal mode: `delete` or `wal`.
    pub(crate) fn open(mode: &str) -> Self {
        let sandbox = Sandbox::new();
        let app = sandbox.write("prod/app.env", "GREETING=hello\n");
        sandbox.program("chmod".as_ref()).arg("600").arg(&app).check();
        sandbox.set("APP_ENV_FILE", &app.display().to_string());
        sandbox.set("DATABASE_URL", &format!("sqlite://{}", sandbox.path(DATABASE).display()));
        fs::create_dir(sandbox.path("prod/shared")).unwrap();
        let mut shop = Self { sandbox, old: String::new(), new: String::new(), first: String::new() };
        shop.sql(&format!(
            "pragma journal_mode = {mode}; create table t (i integer primary key, word); insert into t {ROWS}"
        ));
        shop.sandbox.tool("backup-db").any_stdout().check();
        shop.old = shop.dump();
        shop.sql("update t set word = 'new'; create table more (x); insert into more select i from t");
        shop.new = shop.dump();
        shop.first = shop.sets().concat();
        shop
    }

    /// Runs SQL on the live database, and returns what it says, errors included.
    pub(crate) fn sql(&self, sql: &str) -> String {
        let mut shell =
            self.sandbox.program("sqlite3".as_ref()).arg("-batch").arg(self.database()).arg(sql).into_command();
        let output = shell.output().expect("sqlite3 runs");
        let said = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&said).trim_end().to_owned()
    }

    /// All that the live database holds, as SQL.
    pub(crate) fn dump(&self) -> String {
        self.sql(".dump")
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.sandbox.path(DATABASE)
    }

    /// The backups under their final names, in the order of time.
    pub(crate) fn sets(&self) -> Vec<String> {
        let mut sets = names(&self.backups());
        sets.retain(|name| !name.starts_with('.'));
        sets
    }

    pub(crate) fn backups(&self) -> PathBuf {
        self.sandbox.root().join("backups")
    }

    /// The content of every file of a set.
    pub(crate) fn content(&self, set: &str) -> Vec<(String, Vec<u8>)> {
        let (set, config) = (self.backups().join(set), self.backups().join(set).join("config"));
        let files = [names(&set), names(&config).iter().map(|name| format!("config/{name}")).collect()].concat();
        let files = files.into_iter().filter(|name| name != "config");
        files.map(|name| (name.clone(), fs::read(set.join(name)).expect("a file of a set can be read"))).collect()
    }
}

/// The names in a directory, sorted.
pub(crate) fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
