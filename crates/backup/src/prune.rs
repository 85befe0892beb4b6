//! Old backups go, and never the newest good one.

use std::path::Path;

use db::{Deadline, Entry, Set, Store, Url, set};
use kit::{Attempt, Context, Exit, Failure, Meter, Outcome};

use crate::args::Args;
use crate::owner::Owner;
use crate::partial;
use crate::pins::Pin;
use crate::proof::prove;
use crate::retention::{Decision, Fate, Policy, Rules, plan, settle};

/// All that a plan depends on but the sets themselves.
struct Pruning<'a> {
    store: &'a Store,
    policy: &'a Policy,
    meter: Meter,
    deadline: &'a Deadline,
}

pub(crate) fn prune(args: &Args, cx: &mut Context) -> Result<Outcome, Failure> {
    let rules = args.rules().ok_or_else(without_rule)?;
    if args.dry_run {
        cx.settings.get("DEPLOY_ROOT").map(|_| cx.root()).transpose()?;
    } else {
        cx.records("prune")?;
    }
    let owner = Owner::of(Url::require(&cx.settings)?.identity(), &cx.settings);
    let store = Store::at(args.backup_dir.as_deref(), &cx.settings)?;
    let deadline = Deadline::after(args.timeout);
    let policy = Policy { owner, rules, pins: Pin::find(cx)? };
    let pruning = Pruning { store: &store, policy: &policy, meter: cx.meter("read"), deadline: &deadline };
    let mut entries = store.entries()?;
    pruning.prove_newest(&mut entries, None)?;
    let plan = plan(&entries, &policy);
    if args.dry_run {
        let lines: Vec<String> = plan.iter().map(Decision::spell).collect();
        cx.detail("plan", lines.clone());
        return Ok(Outcome::done(lines.join("\n")));
    }
    warn_of_left(&plan, cx);
    let (removed, result) = pruning.act(&plan);
    cx.detail("removed", removed.clone());
    result?;
    if removed.is_empty() {
        cx.say("nothing to remove");
    }
    Ok(Outcome::done(removed.join("\n")))
}

/// Prunes after a backup was made, which is trusted: it was verified before it got its name. The backup is made whatever
/// happens here, so a failure is a warning, and the record says so.
pub(crate) fn after(made: &Path, store: &Store, owner: Owner, rules: Rules, deadline: &Deadline, cx: &mut Context) {
    let pruned = Pin::find(cx).and_then(|pins| {
        let policy = Policy { owner, rules, pins };
        let pruning = Pruning { store, policy: &policy, meter: cx.meter("read"), deadline };
        let entries = pruning.plan_after(made)?;
        let plan = plan(&entries, &policy);
        warn_of_left(&plan, cx);
        Ok(pruning.act(&plan))
    });
    let (removed, result) = pruned.unwrap_or_else(|failure| (Vec::new(), Err(failure)));
    if !removed.is_empty() {
        cx.say(&format!("removed {}", removed.join(", ")));
    }
    cx.detail("pruned", removed);
    if let Err(failure) = result {
        cx.warn(&format!("the backup is made, but pruning failed: {}", failure.message));
        cx.detail("prune_failed", failure.message);
    }
}

impl Pruning<'_> {
    /// The sets to plan with after one was made.
    fn plan_after(&self, made: &Path) -> Result<Vec<Entry>, Failure> {
        let mut entries = self.store.entries()?;
        self.prove_newest(&mut entries, Some(made))?;
        let plan = plan(&entries, self.policy);
        let newest = plan.iter().find(|decision| decision.is_kept()).map(|newest| newest.entry.name.as_str());
        // Days are counted from a set of a time to come: each new backup would go as soon as it is made.
        if plan.iter().any(|decision| decision.is_removed() && decision.entry.path == made) {
            let message = format!(
                "no rule keeps the new backup, because {} is newer: was the clock set back? nothing was removed",
                newest.unwrap_or_default()
            );
            return Err(Failure::new(Exit::BUSY, message));
        }
        Ok(entries)
    }

    /// Verifies the newest set that will be kept, before anything goes.
    fn prove_newest(&self, entries: &mut [Entry], trusted: Option<&Path>) -> Result<(), Failure> {
        settle(entries, self.policy, |entry| {
            if trusted == Some(&entry.path) {
                return Ok(None);
            }
            let opened = Set::open(&entry.path, self.deadline);
            match opened.and_then(|set| prove(&set, self.store, self.meter, self.deadline)) {
                Ok(()) => Ok(None),
                // Another run may have removed it meanwhile.
                Err(failure) if matches!(failure.exit, Exit::DAMAGED | Exit::ABSENT) => {
                    Ok(Some(set::reason(&failure).to_owned()))
                }
                Err(failure) => Err(failure),
            }
        })
    }

    /// Removes what the plan says, oldest first, and what killed runs left; tells what is gone by then.
    fn act(&self, plan: &[Decision]) -> (Vec<String>, Result<(), Failure>) {
        let mut removed = Vec::new();
        let result = self.remove(plan, &mut removed);
        (removed, result)
    }

    fn remove(&self, plan: &[Decision], removed: &mut Vec<String>) -> Result<(), Failure> {
        let dir = self.store.dir();
        if plan.is_empty() && !dir.exists() {
            return Ok(());
        }
        let _shared = partial::share(dir).attempt(format_args!("clear up in {}", dir.display()))?;
        for decision in plan.iter().rev().filter(|decision| decision.is_removed()) {
            self.deadline.check()?;
            if partial::remove(&decision.entry.path)? {
                removed.push(decision.entry.name.clone());
            }
        }
        Ok(())
    }
}

fn warn_of_left(plan: &[Decision], cx: &Context) {
    for Decision { entry, fate } in plan {
        let stays = match fate {
            Fate::Damaged(why) => format!("is damaged and stays until a person removes it: {why}"),
            Fate::Suspect(why) => format!("is suspect and stays until a person has looked at it: {why}"),
            Fate::Keep(_) | Fate::Remove => continue,
        };
        cx.warn(&format!("{} {stays}", entry.name));
    }
}

fn without_rule() -> Failure {
    Failure::new(Exit::USAGE, "will not prune: nothing says what to keep")
        .hint("say --keep-last N, --keep-daily N or another --keep rule, or set BACKUP_KEEP_LAST, BACKUP_KEEP_DAILY …")
}
