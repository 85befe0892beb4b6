//! One deployment, from its `begin` to its `end`.

use std::fs::File;
use std::io::Write;

use kit::failure::Attempt;
use kit::git::Repository;
use kit::lock::Lock;
use kit::process::{Program, Sink, Status, own_dir};
use kit::root::{DeployId, Root};
use kit::{Context, Exit, Failure, files, signal, voice};
use serde_json::{Map, Value, json};

use crate::entry::{Entry, Queue};
use crate::recovery::{self, Ending};

/// A deployment that has begun.
pub(crate) struct Deployment {
    id: DeployId,
    commit: String,
}

/// Makes a deployment of a submission: from here on the journal tells of it. None when its commit is gone.
pub(crate) fn begin(
    entry: &Entry,
    root: &Root,
    repository: &Repository,
    cx: &Context,
) -> Result<Option<Deployment>, Failure> {
    let commit = match present_commit(entry, repository) {
        Ok(commit) => commit,
        Err(failure) if failure.exit == Exit::ABSENT => return refuse(entry, &failure, root, cx).map(|()| None),
        Err(failure) => return Err(failure),
    };
    let mut begin = cx.blank("begin");
    begin.details = details(entry, &commit, root, repository)?;
    let id = take_id(&commit, repository, cx)?;
    begin.deploy = Some(id.to_string());
    begin.commit = Some(commit.clone());
    cx.append(&begin)?;
    Queue::of(root).remove(entry)?;
    cx.say(&format!("{id}: {commit}, submission {}", entry.number));
    Ok(Some(Deployment { id, commit }))
}

/// Runs its pipeline, and sees to it that it ends as its exit code says.
pub(crate) fn run(deployment: &Deployment, force: bool, root: &Root, lock: &Lock, cx: &Context) -> Result<(), Failure> {
    let Deployment { id, commit } = deployment;
    files::make_private_dir(&root.logs())?;
    let path = root.logs().join(format!("{id}.log"));
    let log = files::create(&path).attempt(format_args!("write the log {}", path.display()))?;
    let status = pipeline(id, commit, force, lock, &log, cx);
    // A runner that is told to stop still leaves the environment as it should be.
    let interrupted = signal::received();
    signal::forget();
    let ending = recovery::judge(id, status, lock, cx)?;
    end(id, ending, &log, cx)?;
    // A person who cancels a deployment means that one alone.
    let is_cancelled = cx.history()?.deployment(id).is_some_and(kit::history::Deployment::is_cancelled);
    match interrupted {
        Some(signal) if !is_cancelled => {
            Err(Failure::new(Exit::signal(signal), format!("interrupted by signal {signal}; {id} is settled")))
        }
        _ => Ok(()),
    }
}

/// What is deployed: the tip that a pushed ref has now (hooks may arrive in reverse order); the submitted commit when
/// the ref is gone, or when nobody pushed.
fn present_commit(entry: &Entry, repository: &Repository) -> Result<String, Failure> {
    match entry.reference.as_deref().map(|reference| repository.tip(reference)) {
        Some(Err(failure)) if failure.exit != Exit::ABSENT => Err(failure),
        Some(Ok(tip)) => Ok(tip),
        Some(Err(_)) | None => repository.commit(&entry.commit),
    }
}

/// A commit that is gone cannot be deployed: its submission is settled without a deployment.
fn refuse(entry: &Entry, failure: &Failure, root: &Root, cx: &Context) -> Result<(), Failure> {
    let mut record = cx.blank("refuse");
    record.commit = Some(entry.commit.clone());
    record.details.insert("entry".to_owned(), entry.number.into());
    record.error = Some(failure.into());
    record.conclude(failure.exit);
    cx.append(&record)?;
    Queue::of(root).remove(entry)
}

/// Takes the next number by creating `refs/deploys/ENV/NUMBER`, which also keeps the commit from being collected.
fn take_id(commit: &str, repository: &Repository, cx: &Context) -> Result<DeployId, Failure> {
    let environment = cx.settings.require("DEPLOY_ENV")?;
    let space = format!("refs/deploys/{environment}/");
    let refs = repository.ask(["for-each-ref", "--format=%(refname:lstrip=3)", &space])?;
    let pinned = refs.lines().filter_map(|line| line.parse::<u64>().ok()).max();
    let told = cx.history()?.deployments.iter().map(|deployment| deployment.id.number()).max();
    let number = 1 + pinned.max(told).unwrap_or_default();
    let nothing = "0".repeat(commit.len());
    repository.ask(["update-ref", "--no-deref", &format!("{space}{number}"), commit, &nothing])?;
    Ok(DeployId::new(&environment, number))
}

fn details(entry: &Entry, commit: &str, root: &Root, repository: &Repository) -> Result<Map<String, Value>, Failure> {
    let about = repository.ask(["show", "--no-patch", "--no-show-signature", "--format=%an%x00%s", commit])?;
    let (author, subject) = about.split_once('\0').unwrap_or_default();
    let previous = root.live()?.map(|release| release.to_string());
    let details = json!({
        "previous": previous,
        "ref": entry.reference,
        "by": voice::clean_line(&entry.by),
        "door": entry.door,
        "force": entry.force,
        "entry": entry.number,
        "author": voice::clean_line(author),
        "subject": voice::clean_line(subject),
        "submitted_at": entry.submitted_at,
    });
    Ok(details.as_object().cloned().unwrap_or_default())
}

/// Runs `scripts/deploy`, with the lock as its stdin and the family first on its PATH.
fn pipeline(
    id: &DeployId,
    commit: &str,
    force: bool,
    lock: &Lock,
    log: &File,
    cx: &Context,
) -> Result<Status, Failure> {
    let clone = || log.try_clone().attempt("hand the log to the pipeline");
    let environment = cx.settings.file().ok_or_else(|| {
        Failure::new(Exit::SETTINGS, "a deployment needs an environment file").hint("name it with -e, or PUSHBACK_ENV")
    })?;
    let mut path = own_dir().unwrap_or_default().into_os_string();
    path.push(":");
    // An empty PATH would mean the current directory.
    path.push(std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into()));
    let script = Program::tool("deploy")?.env("PATH", path).env("PUSHBACK_DEPLOY", id.to_string());
    let ended = script
        .args(force.then_some("--force"))
        .arg(environment)
        .arg(commit)
        .stdin(lock.for_child()?)
        .stdout(Sink::File(clone()?))
        .stderr(Sink::File(clone()?))
        // A shell that is killed leaves its tool at work, which would be in the way of whoever undoes its work.
        .ends_its_group()
        .run()?;
    Ok(ended.status)
}

/// Appends the `end`, and the verdict as the log's last line.
pub(crate) fn end(id: &DeployId, ending: Ending, mut log: &File, cx: &Context) -> Result<(), Failure> {
    let history = cx.history()?;
    let mut record = cx.blank("end");
    record.deploy = Some(id.to_string());
    let mut words = "";
    if let Some(deployment) = history.deployment(id) {
        words = deployment.outcome(ending.code);
        record.commit = Some(deployment.commit.clone());
        record.release = deployment.release.as_ref().map(ToString::to_string);
        let took = record.started_at.signed_duration_since(deployment.began_at).num_milliseconds();
        record.started_at = deployment.began_at;
        record.duration_ms = u64::try_from(took).unwrap_or_default();
    }
    record.conclude(Exit::of_child(ending.code));
    record.details.insert("outcome".to_owned(), words.into());
    if let Some(note) = &ending.note {
        record.details.insert("note".to_owned(), note.clone().into());
    }
    let note = ending.note.map(|note| format!(" ({note})")).unwrap_or_default();
    let verdict = format!("deploy-queue: {id}: exit {}: {words}{note}\n", ending.code);
    // The journal holds the verdict; a log on a full disk may lack it.
    log.write_all(verdict.as_bytes()).ok();
    cx.append(&record)
}
