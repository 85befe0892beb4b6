//! Memory: what a program could still get, on this machine and within the limits of its control groups.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kit::failure::Attempt;
use kit::{Exit, Failure};

use crate::content::is_absent;
use crate::finding::Finding;
use crate::grammar::cursor::{Cursor, Wrong};
use crate::grammar::expectation::{Assertion, Expectations};
use crate::grammar::keys::Keys;
use crate::grammar::quantity::{Quantity, Share, spell};
use crate::grammar::relation::Relation;
use crate::kind::Subject;
use crate::trial::Conditions;

/// A check of the memory.
#[derive(Debug)]
struct Memory {
    expectations: Expectations<MemoryAssertion>,
}

/// What can still be had.
#[derive(Debug)]
pub(crate) struct Available {
    /// Of the machine, and of each control group with a limit, with what it is called.
    memory: Vec<(String, Share)>,
    swap: Share,
}

/// Takes the keys of a memory check.
pub(crate) fn read(keys: &mut Keys<'_>) -> Result<Box<dyn Subject>, Failure> {
    Ok(Box::new(Memory { expectations: keys.expectations()? }))
}

impl Subject for Memory {
    fn spell(&self) -> String {
        "this machine".to_owned()
    }

    fn look(&self, _timeout: Duration, _conditions: &Conditions) -> Finding {
        match Available::find() {
            Ok(available) => self.expectations.find(&available, Available::spell),
            Err(failure) => Finding::blind(failure),
        }
    }
}

impl Available {
    fn find() -> Result<Self, Failure> {
        let read = |path: &str| fs::read_to_string(path).attempt(format_args!("read {path}"));
        let mut available = Self::of_machine(&read("/proc/meminfo")?)
            .ok_or_else(|| Failure::new(Exit::IO, "/proc/meminfo does not tell what memory is available"))?;
        if let Some((mount, group)) = control_group(&read("/proc/self/cgroup")?, &read("/proc/self/mountinfo")?) {
            let limits = limits(&mount, &group).attempt(format_args!("read the limits in {}", mount.display()))?;
            available.memory.extend(limits);
        }
        Ok(available)
    }

    /// What proc_meminfo(5) tells, in kB that are KiB.
    fn of_machine(meminfo: &str) -> Option<Self> {
        let field = |name: &str| {
            let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
        };
        let memory = Share { free: field("MemAvailable")?, total: field("MemTotal")? };
        let swap = Share { free: field("SwapFree")?, total: field("SwapTotal")? };
        Some(Self { memory: vec![("the machine".to_owned(), memory)], swap })
    }

    /// The scarcest of all.
    fn spell(&self) -> String {
        let least = self.memory.iter().min_by_key(|(_, share)| share.free);
        least.map(|(of, share)| spell_share(of, *share)).unwrap_or_default()
    }
}

fn spell_share(of: &str, share: Share) -> String {
    format!("{} of {} are available ({} %), {of}", spell(share.free), spell(share.total), share.percent())
}

/// Where this process's control group of version 2 is: the mount point, and the path below it (cgroups(7)). None on a
/// machine without.
fn control_group(cgroup: &str, mountinfo: &str) -> Option<(PathBuf, PathBuf)> {
    let group = Path::new(cgroup.lines().find_map(|line| line.strip_prefix("0::"))?);
    let mount = mountinfo.lines().find(|line| line.contains(" - cgroup2 "))?;
    // proc_pid_mountinfo(5): the fourth field is what is mounted, the fifth where.
    let mut fields = mount.split(' ').skip(3);
    let (root, place) = (fields.next()?, fields.next()?);
    let below = group.strip_prefix(root).unwrap_or(Path::new(""));
    Some((place.into(), below.to_owned()))
}

/// What the group and those around it may still take: the limit, less what is used and cannot be dropped at once (the
/// kernel's cgroup-v2.rst: memory.max, memory.current, inactive_file of memory.stat).
fn limits(mount: &Path, group: &Path) -> io::Result<Vec<(String, Share)>> {
    let mut limits = Vec::new();
    for below in group.ancestors() {
        let dir = mount.join(below);
        let limit = match fs::read_to_string(dir.join("memory.max")) {
            Ok(text) => text.trim().parse::<u64>().ok(),
            Err(error) if is_absent(&error) => None,
            Err(error) => return Err(error),
        };
        // `max` is no limit.
        let Some(total) = limit else { continue };
        let used = fs::read_to_string(dir.join("memory.current"))?.trim().parse().unwrap_or(u64::MAX);
        let stat = fs::read_to_string(dir.join("memory.stat"))?;
        let cache = stat.lines().find_map(|line| line.strip_prefix("inactive_file ")?.parse::<u64>().ok());
        let free = total.saturating_sub(used).saturating_add(cache.unwrap_or(0)).min(total);
        limits.push((format!("the control group /{}", below.display()), Share { free, total }));
    }
    Ok(limits)
}

/// What can be asserted of the memory.
#[derive(Clone, Debug)]
pub(crate) enum MemoryAssertion {
    /// `available > 100MB`
    Available(Relation, Quantity),
    /// `swap_free > 5%`
    SwapFree(Relation, Quantity),
}

impl Assertion for MemoryAssertion {
    type Seen = Available;

    const WORDS: &'static str = "available or swap_free (a memory check)";

    fn read(word: &str, cursor: &mut Cursor<'_>) -> Option<Result<Self, Wrong>> {
        let relation = |cursor: &mut Cursor<'_>| Relation::read(cursor, Relation::ABOVE);
        match word {
            "available" => Some(relation(cursor).and_then(|is| Ok(Self::Available(is, Quantity::read_bytes(cursor)?)))),
            "swap_free" => Some(relation(cursor).and_then(|is| Ok(Self::SwapFree(is, Quantity::read_bytes(cursor)?)))),
            _ => None,
        }
    }

    fn judge(&self, available: &Available) -> Result<(), String> {
        match self {
            Self::Available(relation, wanted) => {
                let short = available.memory.iter().find(|(_, share)| !share.holds(*relation, *wanted));
                short.map_or(Ok(()), |(of, share)| Err(spell_share(of, *share)))
            }
            Self::SwapFree(..) if available.swap.total == 0 => Err("there is no swap".to_owned()),
            Self::SwapFree(relation, wanted) if available.swap.holds(*relation, *wanted) => Ok(()),
            Self::SwapFree(..) => {
                let Share { free, total } = available.swap;
                Err(format!("{} of {} of swap are free ({} %)", spell(free), spell(total), available.swap.percent()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Available, MemoryAssertion, control_group, limits};
    use crate::grammar::cursor::Cursor;
    use crate::grammar::expectation::Expectation;
    use std::fs;
    use std::path::{Path, PathBuf};

    const MEMINFO: &str = "MemTotal:        1000 kB\nMemFree:           10 kB\nMemAvailable:     500 kB\n\
        SwapCached:        0 kB\nSwapTotal:       100 kB\nSwapFree:         50 kB\n";

    fn judge(line: &str, available: &Available) -> Result<(), String> {
        Expectation::<MemoryAssertion>::parse(Cursor::new(line)).unwrap().judge(available)
    }

    #[test]
    fn the_machine_tells_what_is_available() {
        let mut available = Available::of_machine(MEMINFO).unwrap();
        assert_eq!(judge("available >= 500KiB", &available), Ok(()));
        assert_eq!(
            judge("available > 50%", &available),
            Err("512.0 kB of 1.0 MB are available (50 %), the machine, expected available > 50%".to_owned())
        );
        assert_eq!(judge("swap_free >= 50%", &available), Ok(()));
        assert!(judge("swap_free > 50KiB", &available).is_err());
        available.swap.total = 0;
        assert_eq!(judge("swap_free > 5%", &available), Err("there is no swap, expected swap_free > 5%".to_owned()));
        assert!(Available::of_machine("MemTotal: 1 kB\n").is_none());
    }

    fn group(dir: &Path, max: &str, current: &str, cache: &str) {
        fs::create_dir_all(dir).unwrap();
        fs::write(dir.join("memory.max"), max).unwrap();
        fs::write(dir.join("memory.current"), current).unwrap();
        fs::write(dir.join("memory.stat"), format!("anon 1\nfile 9\ninactive_file {cache}\nactive_file 7\n")).unwrap();
    }

    #[test]
    fn the_limits_of_all_control_groups_around_count() {
        let mount = tempfile::tempdir().unwrap();
        fs::create_dir(mount.path().join("app.slice")).unwrap();
        group(&mount.path().join("app.slice"), "204800\n", "102400\n", "0");
        group(&mount.path().join("app.slice/web"), "409600\n", "307200\n", "1024");
        group(&mount.path().join("app.slice/web/worker"), "max\n", "1\n", "0");
        let mut available = Available::of_machine(MEMINFO).unwrap();
        available.memory.extend(limits(mount.path(), Path::new("app.slice/web/worker")).unwrap());
        let free: Vec<u64> = available.memory.iter().map(|(_, share)| share.free).collect();
        assert_eq!(free, [512_000, 103_424, 102_400]);
        assert_eq!(judge("available >= 100KiB", &available), Ok(()));
        let short = judge("available > 30%", &available).unwrap_err();
        assert!(
            short.contains("103.4 kB of 409.6 kB are available (25 %), the control group /app.slice/web, "),
            "{short}"
        );
    }

    #[test]
    fn a_control_group_is_found_below_its_mount() {
        let mounts =
            "22 1 0:20 / /sys rw - sysfs sysfs rw\n30 22 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n";
        let found = |cgroup: &str, mounts: &str| control_group(cgroup, mounts);
        let place = |mount: &str, group: &str| Some((PathBuf::from(mount), PathBuf::from(group)));
        assert_eq!(found("0::/system.slice/x.service\n", mounts), place("/sys/fs/cgroup", "system.slice/x.service"));
        assert_eq!(found("1:name=x:/\n0::/\n", mounts), place("/sys/fs/cgroup", ""));
        let within = mounts.replace("0:26 / ", "0:26 /docker/1 ");
        assert_eq!(found("0::/docker/1/a\n", &within), place("/sys/fs/cgroup", "a"));
        assert_eq!(found("4:memory:/x\n", mounts), None);
        assert_eq!(found("0::/\n", "22 1 0:20 / /sys rw - sysfs sysfs rw\n"), None);
    }
}
