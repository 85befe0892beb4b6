//! The benchmark runs and tells its figures. What they are is no test's business: this machine has other work to do.

use std::path::Path;

use testkit::{Sandbox, tools_dir};

#[test]
fn the_benchmark_tells_each_figure_beside_its_bound() {
    let sandbox = Sandbox::new();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/bench");
    let run = sandbox.program(&script).args(["--pairs", "1", "--bin"]).arg(tools_dir()).env("TMPDIR", sandbox.path(""));
    let mut command = run.into_command();
    let ran = command.args(["size", "startup", "switch", "pipeline", "push"]).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    // 1: a bound is missed, as by these unoptimised builds.
    assert!(
        matches!(ran.status.code(), Some(0 | 1)),
        "{}\n{said}\n{}",
        ran.status,
        String::from_utf8_lossy(&ran.stderr)
    );
    for figure in ["backup-db ", "deploy-status: ", "release activate, ", "from its begin to its end", "with "] {
        let told = said.lines().any(|line| line.trim_start().starts_with(figure) && line.contains(" at most "));
        assert!(told, "no {figure} in:\n{said}");
    }
    assert_eq!(said.lines().filter(|line| line.contains("MISSED")).count() > 0, ran.status.code() == Some(1), "{said}");
}

#[test]
fn a_wrong_word_is_64() {
    let sandbox = Sandbox::new();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/bench");
    sandbox.program(&script).arg("speed").code(64).stderr_has("usage: bench").check();
}
