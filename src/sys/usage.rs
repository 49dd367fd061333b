//! What processes use, as /proc has it, and which service they belong to.

use super::directory;
use super::file;
use super::machine::page_size;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A process, and what it uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessUsage {
    /// Its pid.
    pub pid: i32,
    /// Its parent's.
    pub parent: i32,
    /// The pid of its session's leader.
    pub session: i32,
    /// Bytes of memory that are resident, those that it has in common with others as well.
    pub resident: u64,
    /// Processor time, in ticks of which there are 100 a second.
    pub ticks: u64,
}

impl ProcessUsage {
    /// Bytes of memory, of which it has its share where several have them in common (PSS). Where
    /// that may not be read, all that is resident.
    pub fn share(&self) -> u64 {
        let path = format!("/proc/{}/smaps_rollup", self.pid);
        let text = file::head(path.as_bytes(), 4096).unwrap_or_default();
        proportional(&String::from_utf8_lossy(&text)).unwrap_or(self.resident)
    }
}

/// A process; `None`: it has ended.
pub fn of_process(pid: i32) -> Option<ProcessUsage> {
    let mut line = [0; 1024];
    let length = file::start(format!("/proc/{pid}/stat").as_bytes(), &mut line).ok()?;
    parse(pid, line.get(..length)?)
}

/// The processes that belong to services, each behind the pid of the `run` to which it belongs:
/// the nearest one that it descends from. A daemon whose parent has gone is known by its session.
pub fn of_services(is_run: &dyn Fn(i32) -> bool) -> Vec<(i32, ProcessUsage)> {
    let entries = directory::entries(Path::new("/proc")).unwrap_or_default();
    let pids = entries
        .iter()
        .filter_map(|entry| std::str::from_utf8(entry.name.as_bytes()).ok()?.parse::<i32>().ok());
    let all: BTreeMap<i32, ProcessUsage> =
        pids.filter_map(|pid| Some((pid, of_process(pid)?))).collect();
    let owner = |process: &ProcessUsage| owner(*process, &|pid| all.get(&pid).copied(), is_run);
    all.values().filter_map(|process| Some((owner(process)?, *process))).collect()
}

/// The `run` that a process belongs to.
pub fn owner(
    process: ProcessUsage,
    find: &dyn Fn(i32) -> Option<ProcessUsage>,
    is_run: &dyn Fn(i32) -> bool,
) -> Option<i32> {
    /// The deepest that anybody descends. Pids that are used again could make a circle.
    const DEEPEST: usize = 1000;
    let line = std::iter::successors(Some(process), |process| find(process.parent));
    line.take(DEEPEST)
        .find_map(|process| [process.pid, process.session].into_iter().find(|pid| is_run(*pid)))
}

/// Reads `/proc/PID/stat`. The name in it may hold anything, parentheses too.
fn parse(pid: i32, line: &[u8]) -> Option<ProcessUsage> {
    let close = line.iter().rposition(|&b| b == b')')?;
    let rest = std::str::from_utf8(line.get(close + 1..)?).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    // Numbered as in proc(5), where the state is 3.
    let number = |at: usize| fields.get(at - 3)?.parse::<i64>().ok();
    let unsigned = |at| number(at).and_then(|n| u64::try_from(n).ok());
    Some(ProcessUsage {
        pid,
        parent: number(4)? as i32,
        session: number(6)? as i32,
        ticks: unsigned(14)? + unsigned(15)?,
        resident: unsigned(24)? * page_size() as u64,
    })
}

/// The `Pss` of `smaps_rollup`, in bytes.
fn proportional(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kilobytes: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kilobytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_whatever_the_name() {
        let line = b"42 (a) (b 1) S 7 40 40 0 -1 4194560 1 2 3 4 50 6 7 8 20 0 1 0 99 4096 3 7";
        let read = parse(42, line).unwrap();
        assert_eq!((read.parent, read.session, read.ticks), (7, 40, 56));
        assert_eq!(read.resident, 3 * page_size() as u64);
        assert_eq!(parse(42, b"42 (sh"), None);
        assert_eq!(
            proportional("0-1 rollup\nRss:  9 kB\nPss:   5 kB\nPss_Dirty: 1 kB\n"),
            Some(5120)
        );
    }

    #[test]
    fn a_process_belongs_to_the_nearest_run() {
        let process =
            |pid, parent, session| ProcessUsage { pid, parent, session, ..Default::default() };
        // 10 and 20 are runs, 20 was started by 10; 30 is a child of 20; 40 a daemon of 10, whose
        // child has a session of its own; 60 is nobody's.
        let all = [
            process(10, 1, 10),
            process(20, 10, 20),
            process(30, 20, 20),
            process(40, 1, 10),
            process(50, 40, 50),
            process(60, 1, 60),
        ];
        let find = |pid: i32| all.iter().find(|p| p.pid == pid).copied();
        let of = |pid| owner(find(pid).unwrap(), &find, &|pid| pid == 10 || pid == 20);
        assert_eq!([10, 20, 30, 40, 50].map(of), [10, 20, 20, 10, 10].map(Some));
        assert_eq!(of(60), None);
    }

    #[test]
    fn this_process_uses_something() {
        let pid = std::process::id() as i32;
        let own = of_process(pid).unwrap();
        assert!(own.resident > 1 << 16 && own.share() > 1 << 16);
        assert!(of_services(&|other| other == pid).iter().any(|(_, process)| process.pid == pid));
        assert_eq!(of_process(i32::MAX), None);
    }
}
