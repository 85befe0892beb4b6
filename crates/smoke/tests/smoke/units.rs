//! Checks of units, against a real systemd in a container; a fake systemctl stands in for what that cannot be made to do.

use testkit::{Sandbox, Systemd, wait_until};

use crate::programs::{refused, without_programs};
use crate::{fails, once, passes, smoke};

fn unit(name: &str, expect: &str) -> String {
    once("systemd", &format!("unit = '{name}'"), expect)
}

const UNITS: &[(&str, &str)] = &[
    ("main.service", "[Service]\nExecStart=/bin/sleep 100000\nRestart=on-failure\nRestartSec=10ms\n"),
    ("wrong.service", "[Service]\nExecStart=/bin/sh -c 'exit 3'\n"),
];

/// Boots once: that takes seconds.
#[test]
fn a_unit_is_as_systemd_tells() {
    let sandbox = Sandbox::new();
    let systemd = Systemd::boot(&sandbox, UNITS);
    let look = |checks: &str, code: i32, said: &str| {
        let file = sandbox.write("checks.toml", checks);
        let run = systemd.tool(&sandbox, "smoke-test").arg(file).code(code).any_stderr();
        let verdict = ["pass", "fail"].get(usize::try_from(code).unwrap()).unwrap_or(&"error");
        run.stdout_has(format!("it  {verdict}  {said}")).check();
    };
    let good = "['active', 'restarts == 0', 'uptime < 5m', 'state == \"running\"']";
    look(&unit("main.service", good), 0, "main.service is active (running), for ");
    look(&unit("main", "'restarts == 0'"), 0, "main is active (running), for ");
    look(&unit("main.service", "'uptime > 10h'"), 1, "uptime is ");
    look(
        &unit("main.service", "'state contains \"dead\"'"),
        1,
        "state does not: `running`, expected state contains \"dead\"\n",
    );
    look(
        &unit("default.target", "'restarts == 0'"),
        1,
        "nobody counts the restarts of default.target, which is no service",
    );
    look(&unit("nothing.service", "'active'"), 1, "there is no unit nothing.service\n");
    systemd.systemctl(&["start", "wrong.service"]);
    let failed = "wrong.service is failed (failed, exit-code)";
    wait_until("it has failed", || {
        systemd.systemctl(&["show", "--property=SubState", "wrong.service"]).contains("failed")
    });
    look(&unit("wrong.service", "'active'"), 1, &format!("{failed}, expected active\n"));
    look(&unit("wrong.service", "'uptime > 1s'"), 1, &format!("{failed}, expected uptime > 1s\n"));
    systemd.systemctl(&["mask", "--quiet", "--runtime", "other.service"]);
    look(&unit("other.service", "'active'"), 1, "the unit other.service is masked\n");
    // What counts as a restart: systemd's own, until somebody starts it anew.
    systemd.systemctl(&["kill", "--signal=KILL", "main.service"]);
    let counts =
        |count: &str| systemd.systemctl(&["show", "--property=NRestarts,SubState", "main.service"]).contains(count);
    wait_until("it was restarted", || counts("NRestarts=1") && counts("SubState=running"));
    look(&unit("main.service", "['active', 'restarts == 0']"), 1, "restarts is 1, expected restarts == 0\n");
    systemd.systemctl(&["daemon-reload"]);
    look(&unit("main.service", "'restarts == 1'"), 0, "main.service is active (running), for ");
    systemd.systemctl(&["restart", "main.service"]);
    look(&unit("main.service", "'restarts == 0'"), 0, "main.service is active (running), for ");
    // Nobody is logged in, so no manager of a user runs.
    look(&(unit("main.service", "'active'") + "user = true\n"), 74, "systemctl exits with 1, and says `Failed to ");
}

#[test]
fn systemctl_is_asked_for_what_is_looked_at_and_nothing_else() {
    let sandbox = Sandbox::new();
    let answers = |told: &str| {
        sandbox.fake("systemctl", &format!("#!/bin/sh\necho \"$*\" >\"$HOME/asked\"\nenv >>\"$HOME/asked\"\n{told}\n"));
    };
    let properties = "--property=LoadState,ActiveState,SubState,Result,NRestarts,ActiveEnterTimestampMonotonic";
    answers("printf 'LoadState=loaded\\nActiveState=reloading\\nSubState=reload\\nResult=success\\n'");
    passes(&sandbox, &unit("a@b.service", "'active'"), "a@b.service is reloading (reload)\n");
    assert!(sandbox.read("asked").starts_with(&format!("--system show {properties} -- a@b.service\n")));
    fails(&sandbox, &unit("a@b.service", "'uptime > 1s'"), "a@b.service is reloading (reload), expected uptime > 1s\n");
    let of_user = unit("web", "'active'") + "user = true\n";
    smoke(&sandbox, &of_user).env("XDG_RUNTIME_DIR", "/run/mine").any_stdout().check();
    assert!(sandbox.read("asked").starts_with(&format!("--user show {properties} -- web\n")));
    assert!(sandbox.read("asked").contains("XDG_RUNTIME_DIR=/run/mine\n"));
    answers("echo 'LoadState=error'");
    fails(&sandbox, &unit("web", "'active'"), "the unit web is not loaded: `error`\n");
    answers("printf '\\033[2J\\377'");
    fails(&sandbox, &unit("web", "'active'"), "systemctl tells nothing of the unit web\n");
    answers("exec sleep 600");
    let hangs = unit("web", "'active'") + "timeout = '500ms'\n";
    fails(&sandbox, &hangs, "systemctl was ended: it took longer than 0.5 s\n");
    let gone = "cannot run systemctl: it is not there, or not executable; the package systemd has it";
    without_programs(&sandbox, &unit("web", "'active'"), gone);
}

#[test]
fn what_systemd_cannot_be_asked_is_refused() {
    refused(
        "systemd",
        &[
            ("", "'active'", "`unit` is missing: the name of a unit, as in \"web.service\""),
            ("unit = '-H.service'", "'active'", "`unit` must be the name of a unit"),
            ("unit = 'web*'", "'active'", "`unit` must be the name of a unit"),
            ("unit = 'a b'", "'active'", "`unit` must be the name of a unit"),
            ("unit = ''", "'active'", "`unit` must be the name of a unit"),
            ("unit = 'web'\nuser = 'me'", "'active'", "`user` must be true or false"),
            (
                "unit = 'web'",
                "'running'",
                "expected active, restarts, uptime or state (a systemd check), found `running`",
            ),
            ("unit = 'web'", "'active now'", "expected the end, found `now`"),
            ("unit = 'web'", "'state > \"x\"'", "expected `contains`, `matches`, `not`, == or !=, found `> \"x\"`"),
        ],
    );
}
