//! MySQL and MariaDB: the backup is loaded into a schema beside the live database and compared; then one `RENAME TABLE` puts
//! its tables in place, and what hangs on them follows from a plan on disk, which the next run finishes when this one is
//! killed.

use std::path::PathBuf;
use std::time::Instant;

use db::mysql::{Loaded, Mysql, Plan, Scratch, name_beside};
use db::{Address, Deadline};
use kit::{Context, Failure, clock};

use crate::feeder::Feeder;
use crate::safety;
use crate::server::{left_over, stamp};
use crate::source::Source;

/// The file of the plan, beside the environment's lock.
const PLAN: &str = "restore-mysql.json";

/// A database that is to be restored.
pub(crate) struct Target {
    live: Mysql,
    name: String,
    plan: PathBuf,
}

impl Target {
    /// Connects to it. 78 without an environment, whose directory has to keep the plan.
    pub(crate) fn connect(address: &Address, deadline: &Deadline, cx: &Context) -> Result<Self, Failure> {
        let plan = cx.root()?.state().join(PLAN);
        Ok(Self { live: Mysql::connect(address, deadline)?, name: address.database.clone(), plan })
    }

    /// The server.
    pub(crate) fn server(&self) -> &Mysql {
        &self.live
    }

    /// Finishes or takes back what a killed restore has left; whether it finished one.
    pub(crate) fn settle(&self, deadline: &Deadline, cx: &Context) -> Result<bool, Failure> {
        let mut finished = false;
        if let Some(plan) = Plan::find(&self.plan)? {
            finished = self.live.resume(plan, deadline)?;
            let what = if finished { "finished" } else { "taken back; nothing live had changed" };
            cx.say(&format!("a restore that was interrupted is {what}"));
        }
        for schema in self.live.abandoned(deadline)? {
            self.live.drop_schema(&schema, deadline)?;
        }
        Ok(finished)
    }

    /// Restores a dump. Until the swap nothing live is touched.
    pub(crate) fn restore(&self, source: &Source, deadline: &Deadline, cx: &mut Context) -> Result<(), Failure> {
        let stamp = stamp();
        let before = name_beside(&self.name, "before", &stamp);
        let prepared = self
            .load(source, &stamp, deadline, cx)
            .and_then(|(scratch, loaded)| scratch.prepare(&self.live, &loaded, &before, &self.plan, deadline));
        let plan = prepared.inspect_err(|_| safety::replaced_nothing(cx))?;
        self.live.carry_out(plan, deadline).map_err(|failure| {
            let again =
                "run restore-db again: it finishes what is left; readers see the old rows or the new, never a mix";
            // What is to be granted first, say.
            let first = failure.hint.as_ref().map(|hint| format!("{hint}; then ")).unwrap_or_default();
            failure.hint(format!("{first}{again}"))
        })?;
        if let Err(failure) = self.live.drop_schema(&before, deadline) {
            left_over(&format!("the schema {before}, which holds the tables as they were,"), &failure, cx);
        }
        Ok(())
    }

    /// Restores a dump beside the live database and removes it again: how many milliseconds that took.
    pub(crate) fn rehearse(&self, source: &Source, deadline: &Deadline, cx: &Context) -> Result<u64, Failure> {
        let began = Instant::now();
        let (scratch, _) = self.load(source, &stamp(), deadline, cx)?;
        let took = clock::milliseconds(began.elapsed());
        scratch.drop_schema(&self.live, deadline)?;
        Ok(took)
    }

    fn load(
        &self,
        source: &Source,
        stamp: &str,
        deadline: &Deadline,
        cx: &Context,
    ) -> Result<(Scratch, Loaded), Failure> {
        let name = name_beside(&self.name, "restore", stamp);
        let scratch = Scratch::create(&self.live, &name, deadline)?;
        let loaded = fill(&scratch, source, deadline, cx);
        if loaded.is_err()
            && let Err(failure) = self.live.drop_schema(&name, deadline)
        {
            left_over(&format!("the schema {name}"), &failure, cx);
        }
        loaded.map(|loaded| (scratch, loaded)).map_err(|failure| source.blame(failure))
    }
}

fn fill(scratch: &Scratch, source: &Source, deadline: &Deadline, cx: &Context) -> Result<Loaded, Failure> {
    let mut load = scratch.load(source.trust(), deadline)?;
    Feeder::run(source, |bytes| load.feed(bytes), deadline, cx)?;
    let loaded = load.finish()?;
    let told = source.set().map(|set| &set.manifest().tables);
    scratch.require_equal(&loaded, told, deadline)?;
    Ok(loaded)
}
