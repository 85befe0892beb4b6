//! Checks of containers, on a real Docker Engine; a fake client stands in for what that cannot be made to do.

use std::path::Path;

use testkit::{Docker, Sandbox, wait_until};

use crate::programs::{refused, without_programs};
use crate::{fails, once, passes, smoke};

fn container(name: &str, expect: &str) -> String {
    once("docker", &format!("container = '{name}'"), expect)
}

/// Health checks look every second, and find sick after one failure.
const HEALTH: [&str; 2] = ["--health-interval=1s", "--health-retries=1"];

/// Waits until docker tells this of a container.
fn awaits(docker: &Docker, name: &str, format: &str, told: &str) {
    let ask = ["inspect", "--format", format, name];
    wait_until("the container is as it should be", || docker.tell(&ask) == told);
}

#[test]
fn a_container_is_as_docker_tells() {
    let sandbox = Sandbox::new();
    let docker = Docker::with_busybox();
    let web = docker.run("web", &[], &["sleep", "600"]);
    let good = format!("['running', 'restarts == 0', 'uptime < 5m', 'image == \"{}\"']", docker.image());
    passes(&sandbox, &container(&web, &good), &format!("{web} is running, for "));
    fails(&sandbox, &container(&web, "'uptime > 10h'"), "uptime is ");
    fails(&sandbox, &container(&web, "'healthy'"), &format!("{web} has no health check, expected healthy\n"));
    let other = format!("image does not: `{}`, expected image contains \":9.9\"\n", docker.image());
    fails(&sandbox, &container(&web, "'image contains \":9.9\"'"), &other);
    docker.tell(&["pause", &web]);
    fails(&sandbox, &container(&web, "'running'"), &format!("{web} is `paused`, expected running\n"));
    docker.tell(&["unpause", &web]);
    let job = docker.run("job", &[], &["sh", "-c", "exit 3"]);
    awaits(&docker, &job, "{{.State.Status}}", "exited");
    for expect in ["running", "healthy", "uptime > 1s"] {
        let said = format!("{job} is exited, with 3, expected {expect}\n");
        fails(&sandbox, &container(&job, &format!("'{expect}'")), &said);
    }
    let nobody = docker.named("nobody");
    fails(&sandbox, &container(&nobody, "'running'"), &format!("there is no container {nobody}\n"));
    let crashes = docker.run("crashes", &["--restart=on-failure:2"], &["sh", "-c", "exit 1"]);
    awaits(&docker, &crashes, "{{.State.Status}} {{.RestartCount}}", "exited 2");
    fails(&sandbox, &container(&crashes, "'restarts == 0'"), "restarts is 2, expected restarts == 0\n");
}

#[test]
fn a_health_check_decides_who_is_healthy() {
    let sandbox = Sandbox::new();
    let docker = Docker::with_busybox();
    let run = |name: &str, check: &str| {
        let check = format!("--health-cmd={check}");
        docker.run(name, &[&HEALTH[..], &[&check]].concat(), &["sleep", "600"])
    };
    let (well, sick, slow) = (run("well", "true"), run("sick", "echo no table; false"), run("slow", "sleep 600"));
    awaits(&docker, &well, "{{.State.Health.Status}}", "healthy");
    passes(&sandbox, &container(&well, "['running', 'healthy']"), &format!("{well} is running, for "));
    awaits(&docker, &sick, "{{.State.Health.Status}}", "unhealthy");
    let run = smoke(&sandbox, &container(&sick, "'healthy'")).code(1).any_stderr();
    run.stdout_has(format!("it  fail  {sick} is unhealthy, expected healthy\n")).stdout_has("no table").check();
    passes(&sandbox, &container(&sick, "'running'"), &format!("{sick} is running, for "));
    let starting = format!("{slow} is starting: its health check has not passed yet, expected healthy\n");
    fails(&sandbox, &container(&slow, "'healthy'"), &starting);
}

#[test]
fn a_service_is_all_of_its_containers_in_one_project() {
    let sandbox = Sandbox::new();
    let docker = Docker::with_busybox();
    let file = format!(
        "version: '2.4'\nservices:\n  web:\n    image: {}\n    command: sleep 600\n    network_mode: none\n    \
         labels: {{ pushback-test: {} }}\n",
        docker.image(),
        docker.image().trim_end_matches(":1.2"),
    );
    let file = sandbox.write("compose.yml", file);
    let (prod, staging) = (docker.named("prod"), docker.named("staging"));
    let compose = |project: &str, args: &[&str]| {
        let run = sandbox.program(Path::new("docker-compose")).args(["--project-name", project, "--file"]).arg(&file);
        run.args(args).any_stdout().any_stderr().check();
    };
    compose(&prod, &["up", "--detach", "--scale", "web=2"]);
    compose(&prod, &["run", "--detach", "web", "false"]);
    let service =
        |project: &str, expect: &str| once("docker", &format!("service = 'web'\nproject = '{project}'"), expect);
    let good = "['running', 'count == 2', 'restarts == 0', 'uptime < 5m', 'image contains \":1.2\"']";
    passes(&sandbox, &service(&prod, good), "2 of 2 containers run, for ");
    fails(&sandbox, &service(&prod, "'count > 2'"), "count is 2, expected count > 2\n");
    let run = smoke(&sandbox, &service(&prod, "'healthy'")).code(1).any_stderr();
    run.stdout_has(format!("it  fail  {prod}")).stdout_has(" has no health check, expected healthy\n").check();
    let none = format!("there is no container of the service {staging}/web");
    fails(&sandbox, &service(&staging, "'running'"), &format!("{none}, expected running\n"));
    fails(&sandbox, &service(&staging, "'image contains \"x\"'"), &format!("{none}, expected image "));
    passes(&sandbox, &service(&staging, "'count == 0'"), &format!("{none}\n"));
    compose(&staging, &["up", "--detach"]);
    let both = format!("the service web is in 2 projects, `{prod}, {staging}`: say which with `project`\n");
    fails(&sandbox, &once("docker", "service = 'web'", "'running'"), &both);
    // Compose calls them prod_web_1 or prod-web-1.
    let of_prod = format!("label=com.docker.compose.project={prod}");
    let listed = docker.tell(&["ps", "--filter", &of_prod, "--format", "{{.Names}}"]);
    let one = listed.lines().next().unwrap();
    docker.tell(&["kill", one]);
    let one_is_gone = format!("{one} is exited, with 137, expected running\n");
    fails(&sandbox, &service(&prod, "['count == 1', 'running']"), &one_is_gone);
    passes(&sandbox, &service(&prod, "'count == 1'"), "1 of 2 containers run, for ");
}

#[test]
fn a_docker_that_cannot_be_asked_fails_and_one_that_we_may_not_ask_is_an_error_of_ours() {
    let sandbox = Sandbox::new();
    let web = container("web", "'running'");
    sandbox.set("DOCKER_HOST", &format!("unix://{}", sandbox.path("none.sock").display()));
    fails(&sandbox, &web, "docker says `Cannot connect to the Docker daemon at unix://");
    sandbox.set("DOCKER_HOST", "");
    let warns = "echo 'WARNING: Error loading config file: permission denied' >&2";
    sandbox.fake("docker", &format!("#!/bin/sh\n{warns}\necho 'Cannot connect' >&2\nexit 1\n"));
    fails(&sandbox, &web, "docker says `Cannot connect`\n");
    let denied = "permission denied while trying to connect to the Docker daemon";
    sandbox.fake("docker", &format!("#!/bin/sh\n{warns}\necho '{denied}' >&2\nexit 1\n"));
    let run = smoke(&sandbox, &web).code(74).any_stderr();
    run.stdout_has("it  error  docker says `permission denied while trying to connect").check();
    for nonsense in ["[]", "{}", "x", "[\"/web\",1,2,3,4]"] {
        sandbox.fake("docker", &format!("#!/bin/sh\necho '{nonsense}'\n"));
        fails(&sandbox, &web, "docker tells nothing that can be understood\n");
    }
    sandbox.fake("docker", "#!/bin/sh\nexec sleep 600\n");
    fails(&sandbox, &(web.clone() + "timeout = '500ms'\n"), "docker was ended: it took longer than 0.5 s\n");
    let gone = "cannot run docker: it is not there, or not executable; the package docker.io has it, or docker-ce-cli of Docker's own";
    without_programs(&sandbox, &web, gone);
}

#[test]
fn what_docker_cannot_be_asked_is_refused() {
    refused(
        "docker",
        &[
            ("", "'running'", "it has either `container` or `service`"),
            ("container = 'a'\nservice = 'b'", "'running'", "it has either `container` or `service`"),
            ("container = 'a'\nproject = 'b'", "'running'", "`project` belongs to `service`"),
            ("container = '--help'", "'running'", "`container` must be a name, as in \"web-1\""),
            ("service = 'a=b'", "'running'", "`service` must be a name"),
            ("service = 'a'\nproject = ''", "'running'", "`project` must be a name"),
            ("container = 'a'", "'count == 1'", "a `container` is one: `count` belongs to `service`"),
            ("container = 'a'", "'image exists'", "expected `contains`, `matches`, `not`, == or !="),
            (
                "container = 'a'",
                "'active'",
                "expected running, healthy, image, restarts, uptime or count (a docker check)",
            ),
        ],
    );
}
