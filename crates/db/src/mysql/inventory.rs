//! The tables of a database, and how the dumper will treat them.

use std::fmt::Write as _;

use kit::Failure;

use crate::deadline::Deadline;
use crate::manifest::Census;
use crate::mysql::client::{Client, from_hex, identifier, unexpected};
use crate::mysql::version::{Family, Version};

/// Engines whose rows lie elsewhere: the dumpers write the table and none of its rows.
const ELSEWHERE: [&str; 7] = ["MRG_MYISAM", "MRG_ISAM", "CONNECT", "OQGRAPH", "SPIDER", "VP", "FEDERATED"];

/// Engines that keep a snapshot for a transaction; sequences and the like have one of these too.
const TRANSACTIONAL: [&str; 5] = ["INNODB", "ROCKSDB", "TOKUDB", "NDBCLUSTER", "BLACKHOLE"];

#[derive(Debug)]
struct Table {
    name: String,
    is_versioned: bool,
    engine: String,
}

/// What is to be dumped.
#[derive(Debug)]
pub(crate) struct Inventory {
    tables: Vec<Table>,
    /// Whether the rows of the past of versioned tables are dumped too.
    pub(crate) with_history: bool,
}

impl Inventory {
    /// Looks at the database.
    pub(crate) fn of(client: &Client, server: &Version, deadline: &Deadline) -> Result<Self, Failure> {
        let doing = format!("list the tables of {}", client.address);
        let sql = "select hex(table_name), table_type, coalesce(upper(engine), '') from information_schema.tables \
                   where table_schema = database() and table_type in ('BASE TABLE', 'SYSTEM VERSIONED')";
        let table = |row: Vec<String>| match row.as_slice() {
            [name, kind, engine] => {
                let is_versioned = kind == "SYSTEM VERSIONED";
                Ok(Table { name: from_hex(name)?, is_versioned, engine: engine.clone() })
            }
            _ => Err(unexpected()),
        };
        let rows = client.ask_in(&doing, sql, deadline)?;
        let tables = rows.into_iter().map(table).collect::<Result<Vec<_>, _>>()?;
        let can = server.family == Family::Mariadb && server.number >= (10, 11);
        let with_history =
            can && tables.iter().any(|table| table.is_versioned) && !counts_transactions(client, deadline)?;
        Ok(Self { tables, with_history })
    }

    /// The tables with as many rows as the dumper writes of each, counted in one snapshot.
    pub(crate) fn count(&self, client: &Client, server: &Version, deadline: &Deadline) -> Result<Census, Failure> {
        let doing = format!("count the rows of {}", client.address);
        let mut sql = patience(server).to_owned();
        sql +=
            "set session transaction isolation level repeatable read;\nstart transaction with consistent snapshot;\n";
        for table in &self.tables {
            let name = identifier(&table.name);
            let all = if self.with_history && table.is_versioned { " for system_time all" } else { "" };
            if ELSEWHERE.contains(&table.engine.as_str()) {
                sql += "select 0;\n";
            } else {
                writeln!(sql, "select count(*) from {name}{all};").ok();
            }
        }
        let rows = client.ask_in(&doing, &sql, deadline)?;
        let counts: Option<Vec<u64>> = rows.iter().map(|row| row.first()?.parse().ok()).collect();
        let counts = counts.filter(|counts| counts.len() == self.tables.len()).ok_or_else(unexpected)?;
        Ok(self.tables.iter().map(|table| table.name.clone()).zip(counts).collect())
    }

    /// What a person should know of the dump: one sentence for each kind of thing.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let named = |keep: &dyn Fn(&Table) -> bool| {
            let names: Vec<_> =
                self.tables.iter().filter(|table| keep(table)).map(|table| identifier(&table.name)).collect();
            (!names.is_empty()).then(|| names.join(", "))
        };
        let is_elsewhere = |table: &Table| ELSEWHERE.contains(&table.engine.as_str());
        let moves = |table: &Table| !is_elsewhere(table) && !TRANSACTIONAL.contains(&table.engine.as_str());
        let torn = named(&moves).map(|names| {
            format!("tables that are not InnoDB may change while they are dumped, so their rows may not belong together: {names}")
        });
        let absent = named(&is_elsewhere)
            .map(|names| format!("the rows of these tables lie elsewhere and are not dumped: {names}"));
        let past = named(&|table| table.is_versioned && !self.with_history).map(|names| {
            format!("the history of these versioned tables is not dumped, only their present rows: {names}")
        });
        [torn, absent, past].into_iter().flatten().collect()
    }
}

/// Whether a versioned table counts in transactions, whose numbers mean nothing elsewhere: its history cannot be dumped, and
/// the dumper then dumps no table's.
fn counts_transactions(client: &Client, deadline: &Deadline) -> Result<bool, Failure> {
    let doing = format!("look at the versioned tables of {}", client.address);
    let sql = "select count(*) from information_schema.columns where table_schema = database() \
               and generation_expression = 'ROW START' and data_type = 'bigint'";
    let rows = client.ask_in(&doing, sql, deadline)?;
    Ok(rows.first().and_then(|row| row.first()).is_none_or(|count| count != "0"))
}

/// Lifts the limits that a server may set for every statement.
fn patience(server: &Version) -> &'static str {
    match (server.family, server.number) {
        (Family::Mariadb, number) if number >= (10, 1) => "set session max_statement_time = 0;\n",
        (Family::Mysql, number) if number >= (5, 7) => "set session max_execution_time = 0;\n",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::{Inventory, Table};

    #[test]
    fn what_a_dump_may_lack_is_said_with_the_names() {
        let table = |name: &str, engine: &str, is_versioned| Table {
            name: name.to_owned(),
            is_versioned,
            engine: engine.to_owned(),
        };
        let tables = vec![
            table("a", "INNODB", false),
            table("m`m", "MYISAM", false),
            table("f", "FEDERATED", false),
            table("v", "INNODB", true),
        ];
        let said = Inventory { tables, with_history: false }.warnings().join("\n");
        assert!(
            said.contains("not InnoDB")
                && said.contains("`m``m`")
                && said.contains("elsewhere")
                && said.contains("`f`")
        );
        assert!(said.contains("history") && said.contains("`v`") && !said.contains("`a`"), "{said}");
        let tables = vec![table("a", "INNODB", false), table("v", "INNODB", true)];
        assert!(Inventory { tables, with_history: true }.warnings().is_empty());
    }
}
