//! What a deployment's end means, also when nobody was left to say it: a killed deployment is finished when its release
//! had passed its smoke test, undone when it had touched anything, and only closed otherwise.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;

use kit::failure::Attempt;
use kit::history::Deployment;
use kit::lock::Lock;
use kit::process::Status;
use kit::root::DeployId;
use kit::{Context, Exit, Failure, files};

use crate::deployment;

/// What the `end` says when a deployment was killed and nobody saw by which signal: SIGKILL is the one that leaves no
/// word.
const KILLED: u8 = Exit::signal(9).code();

/// The code that there was no way back.
const NO_WAY_BACK: u8 = 5;

/// How often a rollback is begun that is killed: a kill says nothing about the way back, but a machine without memory may
/// kill it every time.
const ROLLBACKS: usize = 3;

/// How a deployment ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) code: u8,
    pub(crate) note: Option<String>,
}

/// What is still to be done for a deployment whose pipeline ended without a believable word.
#[derive(Debug, PartialEq, Eq)]
enum Rest {
    /// It had passed: only its `end` is missing.
    Finish,
    /// It had touched what was live.
    Undo,
    /// It had touched nothing, or was undone.
    Close,
}

/// Settles every deployment that began and never ended. The lock is held, so none of them runs.
pub(crate) fn settle_all(lock: &Lock, cx: &Context) -> Result<(), Failure> {
    let history = cx.history()?;
    for open in history.open() {
        cx.say(&format!("{} was killed; settling it", open.id));
        let ending = settle(open, KILLED, "found at the next start", lock, cx)?;
        let root = cx.root()?;
        files::make_private_dir(&root.logs())?;
        let path = root.logs().join(format!("{}.log", open.id));
        let log = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
        deployment::end(&open.id, ending, &log.attempt(format_args!("open the log {}", path.display()))?, cx)?;
    }
    Ok(())
}

/// What the pipeline's exit status means. It counts only if the journal bears it out: a shell that crashes may exit
/// with any number.
pub(crate) fn judge(
    id: &DeployId,
    status: Result<Status, Failure>,
    lock: &Lock,
    cx: &Context,
) -> Result<Ending, Failure> {
    let history = cx.history()?;
    let Some(deployment) = history.deployment(id) else {
        return Err(Failure::new(Exit::IO, format!("the journal does not show the begin of {id}")));
    };
    let (code, why) = match status {
        Ok(Status::Exit(NO_WAY_BACK)) if rollback_was_killed(deployment) => {
            (KILLED, "its rollback was killed".to_owned())
        }
        Ok(Status::Exit(code)) if is_borne_out(code, deployment) => return Ok(Ending { code, note: None }),
        Ok(Status::Exit(code)) => (Exit::IO.code(), format!("the pipeline exited with {code}, which no step explains")),
        Ok(Status::Signal(signal)) => {
            (Exit::signal(signal).code(), format!("the pipeline was ended by signal {signal}"))
        }
        Ok(Status::Deadline) => (Exit::DEADLINE.code(), "the pipeline took too long".to_owned()),
        Err(failure) if failure.exit.code() > 128 => (failure.exit.code(), failure.message),
        Err(failure) => (Exit::IO.code(), failure.message),
    };
    settle(deployment, code, &why, lock, cx)
}

/// Does what is left to do, and says how the deployment ended.
fn settle(deployment: &Deployment, code: u8, why: &str, lock: &Lock, cx: &Context) -> Result<Ending, Failure> {
    let (code, done) = match rest(deployment) {
        Rest::Finish => (0, "its release had passed the smoke test"),
        Rest::Close => (code, "nothing was left to undo"),
        Rest::Undo => match undo(deployment, lock, cx)? {
            Some(0) => (code, "undone"),
            Some(_) => (NO_WAY_BACK, "it could not be undone"),
            None => (NO_WAY_BACK, "it could not be undone, for its rollback was killed again and again"),
        },
    };
    Ok(Ending { code, note: Some(format!("{why}: {done}")) })
}

/// What the rollback of the deployment exits with; `None` when it was killed each time.
fn undo(deployment: &Deployment, lock: &Lock, cx: &Context) -> Result<Option<u8>, Failure> {
    for _ in 0..ROLLBACKS {
        // Nobody found it broken: it may be pushed again.
        let rollback = cx.tool("rollback", lock)?.args(["--keep-good", "--deploy", &deployment.id.to_string()]);
        match rollback.env("PUSHBACK_STEP", "rollback").run()?.status {
            // 128+n: what it ran was killed.
            Status::Exit(code) if code < 128 => return Ok(Some(code)),
            _ => {}
        }
    }
    Ok(None)
}

/// Whether the last rollback of the deployment began and did not come to speak.
fn rollback_was_killed(deployment: &Deployment) -> bool {
    let last = deployment.records.iter().rfind(|record| record.is("rollback", "deploy"));
    last.is_some_and(|record| record.exit_code.is_none_or(|code| code >= 128))
}

fn rest(deployment: &Deployment) -> Rest {
    match () {
        () if deployment.passed && !deployment.undone => Rest::Finish,
        () if deployment.touched && !deployment.undone => Rest::Undo,
        () => Rest::Close,
    }
}

/// Whether the journal explains the pipeline's exit code.
fn is_borne_out(code: u8, deployment: &Deployment) -> bool {
    let failed = deployment.records.iter().any(|record| record.success == Some(false));
    match code {
        0 => deployment.passed || !deployment.touched,
        1 | 2 | 69 | 74 | 75 | 77 | 78 => failed && !deployment.touched,
        3 => failed && (deployment.undone || !deployment.touched),
        4 => failed && deployment.undone,
        5 | 6 => failed && deployment.touched,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Rest, is_borne_out, rest, rollback_was_killed};
    use kit::history::{Deployment, History};
    use kit::journal::read_from;

    fn deployment(records: &[&str]) -> Deployment {
        let begin = r#""tool":"deploy-queue","command":"begin","commit":"abcdefa1""#;
        let head = r#""v":1,"started_at":"2026-11-21T10:15:00Z","duration_ms":0,"deploy":"prod-1""#;
        let lines: Vec<String> = [begin].iter().chain(records).map(|record| format!("{{{head},{record}}}\n")).collect();
        let history = History::from_lines(read_from(lines.concat().as_bytes()).unwrap());
        history.deployments.into_iter().next().unwrap()
    }

    const TEST_FAILED: &str = r#""tool":"run-step","success":false"#;
    const ACTIVATE: &str = r#""tool":"release","command":"activate","phase":"begin""#;
    const SMOKE_PASSED: &str = r#""tool":"smoke-test","command":"check","step":"smoke","success":true"#;
    const SMOKE_FAILED: &str = r#""tool":"smoke-test","command":"check","step":"smoke","success":false"#;
    const UNDO_KILLED: &str = r#""tool":"rollback","command":"deploy","success":false,"exit_code":137"#;
    const UNDO: &str = r#""tool":"rollback","command":"deploy","phase":"begin""#;
    const UNDONE: &str = r#""tool":"rollback","command":"deploy","success":true"#;

    #[test]
    fn a_killed_deployment_is_finished_undone_or_closed() {
        assert_eq!(rest(&deployment(&[])), Rest::Close);
        assert_eq!(rest(&deployment(&[ACTIVATE])), Rest::Undo);
        assert_eq!(rest(&deployment(&[ACTIVATE, SMOKE_PASSED])), Rest::Finish);
        assert_eq!(rest(&deployment(&[ACTIVATE, SMOKE_FAILED])), Rest::Undo);
        assert_eq!(rest(&deployment(&[ACTIVATE, SMOKE_FAILED, UNDO])), Rest::Undo);
        assert_eq!(rest(&deployment(&[ACTIVATE, SMOKE_FAILED, UNDO, UNDONE])), Rest::Close);
    }

    #[test]
    fn a_rollback_was_killed_unless_it_has_spoken() {
        let failed = UNDONE.replace("true", "false") + r#","exit_code":69"#;
        assert!(rollback_was_killed(&deployment(&[ACTIVATE, UNDO])));
        assert!(rollback_was_killed(&deployment(&[ACTIVATE, UNDO, UNDO_KILLED])));
        assert!(!rollback_was_killed(&deployment(&[ACTIVATE, UNDO_KILLED, UNDO, &failed])));
        assert!(!rollback_was_killed(&deployment(&[ACTIVATE])));
    }

    #[test]
    fn an_exit_code_counts_only_when_the_journal_bears_it_out() {
        // dash exits with 2 on a syntax error: no step failed, so the build did not either.
        assert!(!is_borne_out(2, &deployment(&[])));
        assert!(is_borne_out(1, &deployment(&[TEST_FAILED])));
        assert!(!is_borne_out(1, &deployment(&[ACTIVATE, TEST_FAILED])));
        assert!(!is_borne_out(0, &deployment(&[ACTIVATE])));
        assert!(is_borne_out(0, &deployment(&[ACTIVATE, SMOKE_PASSED])));
        assert!(is_borne_out(4, &deployment(&[ACTIVATE, SMOKE_FAILED, UNDO, UNDONE])));
        assert!(!is_borne_out(4, &deployment(&[ACTIVATE, SMOKE_FAILED])));
        assert!(!is_borne_out(127, &deployment(&[TEST_FAILED])));
    }
}
