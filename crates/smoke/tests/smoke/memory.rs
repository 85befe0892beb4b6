//! Checks of the memory, of the machine that the tests run on.

use testkit::Sandbox;

use crate::{fails, once, passes, smoke};

#[test]
fn there_is_some_memory_and_not_all_of_the_world() {
    let sandbox = Sandbox::new();
    let run = smoke(&sandbox, &once("memory", "", "['available > 1kB', 'available >= 0%']"));
    let ran = run.stdout_has("it  pass  ").stdout_has(" are available (").check();
    assert!(ran.stdout.contains(" %), the "), "{}", ran.stdout);
    let too_much = once("memory", "", "'available > 9000000TB'");
    let run = smoke(&sandbox, &too_much).code(1).any_stderr();
    run.stdout_has(" are available (").stdout_has(", expected available > 9000000TB\n").check();
}

#[test]
fn swap_is_free_where_there_is_some() {
    let sandbox = Sandbox::new();
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap();
    let checks = once("memory", "", "'swap_free >= 0%'");
    if meminfo.lines().any(|line| line.starts_with("SwapTotal:") && line.trim_end().ends_with(" 0 kB")) {
        fails(&sandbox, &checks, "there is no swap, expected swap_free >= 0%\n");
    } else {
        passes(&sandbox, &checks, "");
    }
}

#[test]
fn the_load_of_the_machine_is_compared() {
    let sandbox = Sandbox::new();
    passes(&sandbox, &once("load", "", "['one < 100000', 'fifteen < 100000 per cpu']"), "");
    fails(&sandbox, &once("load", "", "'five < 0'"), "the load is ");
}
