//! Puts a restored schema in the live one's place: the rows by one RENAME TABLE, what hangs on them by a plan that the next
//! run finishes when this one is killed.
//!
//! A table that has a trigger cannot be renamed into another schema, and a view, a routine or an event never can. So these
//! are made anew, from the plan. A table in the scratch schema marks whether the renaming has happened: it goes with it.

use std::path::Path;
use std::time::Duration;

use kit::{Exit, Failure, signal};

use crate::deadline::Deadline;
use crate::mysql::Mysql;
use crate::mysql::client::{from_hex, identifier, unexpected};
use crate::mysql::dumper::Part;
use crate::mysql::load::{Loaded, run_plan};
use crate::mysql::plan::{Plan, Stage};
use crate::mysql::scratch::Scratch;
use crate::mysql::trouble::Trouble;

/// The table that goes where the live tables go.
const MARK: &str = "pushback_renamed";

/// How many seconds one attempt to rename waits for those who use the tables; others queue behind it meanwhile.
const PATIENCE: u32 = 3;

/// How long to let others pass before the next attempt.
const PAUSE: Duration = Duration::from_millis(200);

/// Kinds of objects that are no tables, with what lists their names and what their names need to be dropped.
const OBJECTS: [(&str, &str); 4] = [
    ("view", "select 'view', hex(table_name) from information_schema.views where table_schema = "),
    (
        "procedure",
        "select lower(routine_type), hex(routine_name) from information_schema.routines where routine_schema = ",
    ),
    ("event", "select 'event', hex(event_name) from information_schema.events where event_schema = "),
    ("trigger", "select 'trigger', hex(trigger_name) from information_schema.triggers where trigger_schema = "),
];

impl Scratch {
    /// Writes down how this schema, which has been compared, takes the live one's place. Nothing live changes.
    pub fn prepare(
        &self,
        live: &Mysql,
        loaded: &Loaded,
        before: &str,
        path: &Path,
        deadline: &Deadline,
    ) -> Result<Plan, Failure> {
        let mut plan = Plan::new(&live.client.address.database, &self.server.client.address.database, before);
        let views = self.server.objects("view", deadline)?.into_iter().map(|(_, name)| name).collect::<Vec<_>>();
        plan.objects = self.server.dump_part(&Part::Routines, deadline)?;
        if !views.is_empty() {
            plan.objects += &self.server.dump_part(&Part::Views(views), deadline)?;
        }
        plan.events.clone_from(&loaded.events);
        plan.prepare(path)
    }
}

impl Mysql {
    /// Does what a plan still has to do, as often as it takes. Afterwards the live database is the backup, and the schema
    /// `before` holds the tables that it had.
    pub fn carry_out(&self, mut plan: Plan, deadline: &Deadline) -> Result<(), Failure> {
        self.require_live(&plan)?;
        let scratch = self.of_database(&plan.scratch, deadline)?;
        if plan.stage == Stage::Prepared {
            self.create_schema(&plan.before, deadline)?;
            scratch.mark(deadline)?;
            plan.begin()?;
        }
        if !self.has_table(&plan.before, MARK, deadline)? {
            scratch.remove_objects(&["trigger"], deadline)?;
            self.remove_objects(&["trigger"], deadline)?;
            self.rename(&scratch, &plan, deadline)?;
        }
        self.remove_objects(&["event", "trigger", "view", "procedure"], deadline)?;
        for text in [&plan.objects, &plan.events].into_iter().filter(|text| !text.is_empty()) {
            run_plan(&self.client, text, deadline)?;
        }
        self.drop_schema(&plan.scratch, deadline)?;
        plan.forget()?;
        let mark = format!("drop table if exists {}.{}", identifier(&plan.before), identifier(MARK));
        self.change("remove a mark", &mark, deadline)
    }

    /// Finishes what a killed run has left, or takes it back when nothing live had changed: whether the backup is live now.
    pub fn resume(&self, plan: Plan, deadline: &Deadline) -> Result<bool, Failure> {
        if plan.stage == Stage::Begun {
            return self.carry_out(plan, deadline).map(|()| true);
        }
        self.require_live(&plan)?;
        for schema in [&plan.scratch, &plan.before] {
            self.drop_schema(schema, deadline)?;
        }
        plan.forget().map(|()| false)
    }

    fn require_live(&self, plan: &Plan) -> Result<(), Failure> {
        if plan.live == self.client.address.database {
            return Ok(());
        }
        let message =
            format!("the interrupted restore is one of {}, not of {}", identifier(&plan.live), self.client.address);
        Err(Failure::new(Exit::SETTINGS, message).hint("finish it first, with the DATABASE_URL that it was begun with"))
    }

    fn mark(&self, deadline: &Deadline) -> Result<(), Failure> {
        let sql = format!("create table if not exists {} (a int) engine = InnoDB", identifier(MARK));
        self.change("mark the scratch schema", &sql, deadline)
    }

    /// One statement: whoever reads sees all tables as they were, or all as they are in the backup.
    fn rename(&self, scratch: &Self, plan: &Plan, deadline: &Deadline) -> Result<(), Failure> {
        let [live, from, before] = [&plan.live, &plan.scratch, &plan.before].map(|name| identifier(name));
        let step = |from: &str, to: &str, table: &String| format!("{from}.{0} to {to}.{0}", identifier(table));
        let own = self.tables(deadline)?;
        let restored = scratch.tables(deadline)?;
        self.make_room(&restored, deadline)?;
        let away = own.iter().map(|table| step(&live, &before, table));
        let here = restored.iter().filter(|table| *table != MARK).map(|table| step(&from, &live, table));
        let mark = step(&from, &before, &MARK.to_owned());
        let steps: Vec<_> = away.chain(here).chain([mark]).collect();
        let sql = format!("set session lock_wait_timeout = {PATIENCE};\nrename table {};\n", steps.join(", "));
        let doing = format!("put the restored tables into {}", self.client.address);
        loop {
            match self.client.run(Some(&plan.live), &sql, deadline)? {
                Ok(_) => return Ok(()),
                Err(trouble) if trouble.code == Some(Trouble::LOCK_WAIT_TIMEOUT) && !deadline.has_passed() => {
                    signal::sleep(PAUSE)?;
                }
                Err(trouble) if trouble.code == Some(Trouble::LOCK_WAIT_TIMEOUT) => {
                    let message = format!("cannot {doing}: others used its tables for {}", deadline.spell());
                    return Err(
                        Failure::new(Exit::BUSY, message).hint("end long transactions, then run it again: it goes on")
                    );
                }
                // The server may have gone on with what a killed run had asked for.
                Err(_) if self.has_table(&plan.before, MARK, deadline)? => return Ok(()),
                Err(trouble) => return Err(trouble.failure(&doing, &self.client.address, deadline)),
            }
        }
    }

    /// Removes the views whose names restored tables have; others are read until they are made anew.
    fn make_room(&self, tables: &[String], deadline: &Deadline) -> Result<(), Failure> {
        let mut sql = String::new();
        for (_, name) in self.objects("view", deadline)?.iter().filter(|(_, name)| tables.contains(name)) {
            sql += &format!("drop view if exists {};\n", identifier(name));
        }
        if sql.is_empty() { Ok(()) } else { self.change("remove a view that was a table", &sql, deadline) }
    }

    /// All tables and sequences.
    fn tables(&self, deadline: &Deadline) -> Result<Vec<String>, Failure> {
        let sql = "select hex(table_name) from information_schema.tables where table_schema = database() \
                   and table_type in ('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE') order by 1";
        let rows = self.client.ask_in("list the tables", sql, deadline)?;
        rows.iter().map(|row| from_hex(row.first().map_or("", String::as_str))).collect()
    }

    fn has_table(&self, schema: &str, table: &str, deadline: &Deadline) -> Result<bool, Failure> {
        let tables = self.of_database(schema, deadline)?.tables(deadline)?;
        Ok(tables.iter().any(|own| own == table))
    }

    /// The objects of a kind, with the word that drops them: a procedure may be a function.
    fn objects(&self, kind: &str, deadline: &Deadline) -> Result<Vec<(String, String)>, Failure> {
        let Some((_, sql)) = OBJECTS.iter().find(|(name, _)| *name == kind) else { return Ok(Vec::new()) };
        let rows = self.client.ask_in(&format!("list what is a {kind}"), &format!("{sql}database()"), deadline)?;
        let object = |row: &Vec<String>| match row.as_slice() {
            [kind, name] => Ok((kind.clone(), from_hex(name)?)),
            _ => Err(unexpected()),
        };
        rows.iter().map(object).collect()
    }

    fn remove_objects(&self, kinds: &[&str], deadline: &Deadline) -> Result<(), Failure> {
        let mut sql = String::new();
        for kind in kinds {
            for (word, name) in self.objects(kind, deadline)? {
                sql += &format!("drop {word} if exists {};\n", identifier(&name));
            }
        }
        if sql.is_empty() { Ok(()) } else { self.change("remove what is replaced", &sql, deadline) }
    }

    fn dump_part(&self, part: &Part, deadline: &Deadline) -> Result<String, Failure> {
        self.dumper.part(&self.client, part, deadline)
    }
}
