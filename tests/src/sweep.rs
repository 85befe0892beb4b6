//! A sweep: a tool is run once for each of its system calls, which fails, or at which it is killed; after each run a
//! judge looks at what is left.

use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, Command, ExitStatus};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use testkit::{Run, Sandbox, kill, note, processes, tool_path, wait_until};

use crate::strace::{Call, Fault, Point, Strace};

/// How often the tool is run to learn which calls it makes.
const REHEARSALS: usize = 3;

/// A tool that hangs for so long has no deadline.
const HANGS: Duration = Duration::from_secs(90);

/// What is swept: a stage, a tool on it, and a judge.
pub trait Scene: Sync + Sized {
    /// How many points are run unless `PUSHBACK_SWEEP` is `all` or another number: the first, the last, and as many evenly between them.
    const BOUND: usize = 40;

    /// Sets the stage: once for each worker. Before each point `DEPLOY_ROOT` is set back to what it is then.
    fn set() -> Self;

    /// Sets back what lies elsewhere, before each point.
    fn set_back(&self) {}

    /// Where it is.
    fn sandbox(&self) -> &Sandbox;

    /// The tool, with strace around it or around a child of it.
    fn run(&self, strace: &Strace) -> Run;

    /// What happens again and again while the tool runs; `false` when nothing does.
    fn meanwhile(&self) -> bool {
        false
    }

    /// Looks at what the run left, and panics when a promise is broken.
    fn judge(&self, struck: &Struck);
}

/// A run that a fault has struck.
#[derive(Debug)]
pub struct Struck {
    /// The fault, and where.
    pub point: Point,
    /// How it ended.
    pub status: ExitStatus,
    /// What it said.
    pub stderr: String,
}

impl Struck {
    /// Whether the fault was a kill.
    pub fn is_kill(&self) -> bool {
        self.point.fault == Fault::Kill
    }

    /// Whether it ended with 0.
    pub fn is_done(&self) -> bool {
        self.status.success()
    }

    /// A tool that met an error ends with a code of its own help text, and says why. It never panics.
    pub fn ended_in_order(&self, tool: &str) {
        let code = self.status.code().unwrap_or_else(|| panic!("it ended by {}", self.status));
        assert_ne!(code, 101, "a panic: {}", self.stderr);
        // 128+n is in every table, for a child that was killed too.
        assert!(
            code > 128 || documented(tool).contains(&code),
            "{tool} exited with {code}, which its help does not know"
        );
        let speaks = self.point.call.line.starts_with("write(2,");
        assert!(code == 0 || speaks || self.stderr.contains(&format!("{tool}: ")), "{code}, and no word why");
    }
}

/// The codes in a tool's help text.
fn documented(tool: &str) -> Vec<i32> {
    let help = Command::new(tool_path(tool)).arg("--help").output().expect("a tool can be run");
    let text = String::from_utf8_lossy(&help.stdout).into_owned();
    let (_, table) = text.split_once("Exit status:\n").expect("the help has a table of exit codes");
    table.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect()
}

/// Runs the points of these faults on all cores, and panics with every broken promise.
pub fn sweep<S: Scene>(name: &str, faults: &[Fault]) {
    let points = Point::all(faults, &rehearse::<S>());
    assert!(!points.is_empty(), "{name}: nothing to sweep");
    let chosen = choose(&points, S::BOUND);
    let work =
        Work { points: &chosen, next: AtomicUsize::new(0), missed: AtomicUsize::new(0), broken: Mutex::default() };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| work.work::<S>());
        }
    });
    let (broken, missed) = (work.broken.into_inner().expect("no worker panics"), work.missed.into_inner());
    note(&format!("sweep: {name}: {} of {} points, {missed} not reached", chosen.len(), points.len()));
    assert!(broken.is_empty(), "{} of {} points break a promise:\n{}", broken.len(), chosen.len(), broken.join("\n"));
    // A tool that awaits a child makes fewer calls when that is sooner over: the last ones are not reached then.
    assert!(missed * 4 <= chosen.len(), "{missed} of {} faults did not happen", chosen.len());
}

/// Runs the tool a few times without a fault: it must succeed. Returns the calls of the run that waited least.
fn rehearse<S: Scene>() -> Vec<Call> {
    let rehearsal = || {
        let scene = S::set();
        let strace = Strace::watching(scene.sandbox());
        let (status, stderr) = play(&scene, &strace);
        assert!(status.success(), "without a fault it ended with {status}: {stderr}");
        strace.calls()
    };
    let shortest = (0..REHEARSALS).map(|_| rehearsal()).min_by_key(Vec::len);
    shortest.expect("there are rehearsals")
}

fn choose(points: &[Point], bound: usize) -> Vec<Point> {
    let bound = match std::env::var("PUSHBACK_SWEEP").as_deref() {
        Ok("all") => points.len(),
        Ok(number) => number.parse().expect("PUSHBACK_SWEEP is `all` or a number"),
        Err(_) => bound,
    };
    if points.len() <= bound {
        return points.to_vec();
    }
    (0..bound).map(|index| points[index * (points.len() - 1) / (bound - 1)].clone()).collect()
}

struct Work<'a> {
    points: &'a [Point],
    next: AtomicUsize,
    missed: AtomicUsize,
    broken: Mutex<Vec<String>>,
}

impl Work<'_> {
    fn work<S: Scene>(&self) {
        let scene = S::set();
        copy(scene.sandbox(), "prod", "prod.as-set");
        while let Some(point) = self.points.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            let judged = catch_unwind(AssertUnwindSafe(|| {
                copy(scene.sandbox(), "prod.as-set", "prod");
                scene.set_back();
                self.strike(&scene, point);
            }));
            if let Err(panic) = judged {
                let words = panic.downcast_ref::<String>().map(String::as_str);
                let why = words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words");
                let Point { fault, call } = point;
                let told = format!("— {fault:?} at {} {}: {}\n  {why}", call.name, call.number, call.line);
                self.broken.lock().expect("no worker panics here").push(told);
            }
        }
    }

    fn strike<S: Scene>(&self, scene: &S, point: &Point) {
        let strace = Strace::injecting(scene.sandbox(), point);
        let (status, stderr) = play(scene, &strace);
        wait_until("what it started has ended", || scene.sandbox().is_deserted());
        if strace.has_injected() {
            scene.judge(&Struck { point: point.clone(), status, stderr });
        } else {
            assert!(status.success(), "without a fault it ended with {status}: {stderr}");
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Runs the tool to its end while the scene's other things happen.
fn play<S: Scene>(scene: &S, strace: &Strace) -> (ExitStatus, String) {
    let heard = scene.sandbox().path("stderr");
    let streams = [File::create(scene.sandbox().path("stdout")), File::create(&heard)].map(Result::unwrap);
    let [stdout, stderr] = streams;
    let mut command = scene.run(strace).into_command();
    command.stdin(std::process::Stdio::null()).stdout(stdout).stderr(stderr);
    let over = AtomicBool::new(false);
    let status = thread::scope(|scope| {
        let others = scope.spawn(|| while scene.meanwhile() && !over.load(Ordering::Relaxed) {});
        let status = wait(&mut command.spawn().expect("strace can be run"));
        over.store(true, Ordering::Relaxed);
        others.join().map_or_else(|panic| std::panic::resume_unwind(panic), |()| status)
    });
    (status, fs::read_to_string(heard).unwrap_or_default())
}

fn wait(child: &mut Child) -> ExitStatus {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return status;
        }
        if began.elapsed() > HANGS {
            // strace ended alone would let go of the tool, which would hang on.
            processes().iter().filter(|tool| tool.parent == child.id()).for_each(|tool| kill("KILL", tool.pid));
            child.kill().expect("a child can be killed");
            child.wait().expect("a child can be waited for");
            panic!("it hangs");
        }
        thread::sleep(Duration::from_millis(2));
    }
}

fn copy(sandbox: &Sandbox, from: &str, to: &str) {
    if sandbox.path(to).exists() {
        fs::remove_dir_all(sandbox.path(to)).expect("a directory of ours can be removed");
    }
    let copied = Command::new("cp").arg("-a").args([sandbox.path(from), sandbox.path(to)]).status();
    assert!(copied.is_ok_and(|status| status.success()), "the stage can be set back");
}
