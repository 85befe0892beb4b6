//! A question to another tool of the family: the object that it prints with `--json`, whatever its exit code says.

use std::time::Duration;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::journal::Record;
use crate::process::{Program, Status};
use crate::voice::clean_line;

/// For a question that is answered from the local disk: one that hangs must not keep who asks for ever.
pub const DEADLINE: Duration = Duration::from_secs(300);

/// What a run is a part of: nothing that a question should inherit.
const PLACE: [&str; 4] = ["PUSHBACK_DEPLOY", "PUSHBACK_STEP", "PUSHBACK_PARENT", "PUSHBACK_RELEASE"];

/// Asks a tool with the settings of this run. It needs no lock and gets none: it must be one that only reads.
pub fn ask(
    cx: &Context,
    name: &str,
    args: &[&str],
    env: &[(&str, &str)],
    deadline: Duration,
) -> Result<Record, Failure> {
    let mut tool = Program::tool(name)?.args(args).arg("--json").deadline(deadline);
    for (variable, value) in PLACE.map(|variable| (variable, "")).iter().chain(env) {
        tool = tool.env(variable, value);
    }
    if let Some(file) = cx.settings.file() {
        tool = tool.env("PUSHBACK_ENV", file);
    }
    let ended = tool.run()?;
    let code = match ended.status {
        Status::Exit(code) => code,
        Status::Signal(_) => return Err(Failure::new(Exit::IO, format!("{name} {}", ended.status.spell()))),
        Status::Deadline => return Err(Failure::new(Exit::DEADLINE, format!("{name} {}", ended.status.spell()))),
    };
    let mut record: Record = serde_json::from_slice(&ended.stdout).map_err(|_| {
        let message =
            format!("{name} {} and its answer is not understood: {}", ended.status.spell(), ended.last_words());
        Failure::new(Exit::IO, clean_line(&message))
    })?;
    record.exit_code = Some(code);
    Ok(record)
}
