//! Every process, as /proc has it.

use crate::tools::Word;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A process. What is not documented here is as in proc(5), in its units.
#[derive(Clone, Debug, Default)]
pub(super) struct Scanned {
    pub pid: u32,
    pub uid: u32,
    pub gid: u32,
    pub comm: Word,
    pub state: u8,
    pub ppid: u32,
    pub pgrp: u64,
    pub session: u64,
    pub tty: u64,
    pub tpgid: i64,
    pub minflt: u64,
    pub cminflt: u64,
    pub majflt: u64,
    pub cmajflt: u64,
    pub utime: u64,
    pub stime: u64,
    pub cutime: u64,
    pub cstime: u64,
    pub priority: i64,
    pub nice: i64,
    pub threads: u64,
    pub start: u64,
    pub vsize: u64,
    pub rss: u64,
    pub rss_limit: u64,
    pub wchan: u64,
    pub cpu: u64,
    pub rt_priority: u64,
    pub policy: u64,
    /// The words of its command line, each with a NUL behind; none of a kernel thread.
    pub arguments: Word,
    /// Its environment in the same way; `None`: it is not for this user to read.
    pub environment: Option<Word>,
    /// How deep it is in the tree of processes, in the output as a tree.
    pub depth: usize,
}

/// All processes, by pid. One that vanishes meanwhile is left out.
pub(super) fn all(with_environment: bool) -> std::io::Result<Vec<Scanned>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        if let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) {
            found.extend(one(&entry.path(), pid, with_environment));
        }
    }
    found.sort_by_key(|process| process.pid);
    Ok(found)
}

fn one(folder: &Path, pid: u32, with_environment: bool) -> Option<Scanned> {
    let owner = fs::metadata(folder).ok()?;
    let stat = parse(&fs::read(folder.join("stat")).ok()?)?;
    let arguments = fs::read(folder.join("cmdline")).ok()?;
    let environment = match with_environment {
        true => fs::read(folder.join("environ")).ok(),
        false => None,
    };
    Some(Scanned { pid, uid: owner.uid(), gid: owner.gid(), arguments, environment, ..stat })
}

/// Reads a line of `/proc/PID/stat`. The name in it may hold anything, parentheses too.
fn parse(line: &[u8]) -> Option<Scanned> {
    let open = line.iter().position(|&b| b == b'(')?;
    let close = line.iter().rposition(|&b| b == b')')?;
    let rest = std::str::from_utf8(line.get(close + 1..)?).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    // Numbered as in proc(5), where the state is 3.
    let field = |number: usize| fields.get(number - 3).copied();
    let unsigned = |number| field(number).and_then(|text| text.parse().ok()).unwrap_or(0);
    let signed = |number| field(number).and_then(|text| text.parse().ok()).unwrap_or(0);
    Some(Scanned {
        comm: line.get(open + 1..close)?.to_vec(),
        state: *field(3)?.as_bytes().first()?,
        ppid: field(4)?.parse().ok()?,
        pgrp: unsigned(5),
        session: unsigned(6),
        tty: unsigned(7),
        tpgid: signed(8),
        minflt: unsigned(10),
        cminflt: unsigned(11),
        majflt: unsigned(12),
        cmajflt: unsigned(13),
        utime: unsigned(14),
        stime: unsigned(15),
        cutime: unsigned(16),
        cstime: unsigned(17),
        priority: signed(18),
        nice: signed(19),
        threads: unsigned(20),
        start: unsigned(22),
        vsize: unsigned(23),
        rss: unsigned(24),
        rss_limit: unsigned(25),
        wchan: unsigned(35),
        cpu: unsigned(39),
        rt_priority: unsigned(40),
        policy: unsigned(41),
        ..Scanned::default()
    })
}

/// The order of a tree: after each process its children, one deeper. What has no parent here comes
/// first, by pid, but init comes last of that, and its children count as no deeper than itself.
pub(super) fn as_tree(mut processes: Vec<Scanned>) -> Vec<Scanned> {
    let pids: Vec<u32> = processes.iter().map(|process| process.pid).collect();
    let is_root = |process: &Scanned| {
        process.pid == 1 || !pids.contains(&process.ppid) || process.ppid == process.pid
    };
    let (mut roots, mut others): (Vec<_>, Vec<_>) = processes.drain(..).partition(is_root);
    roots.sort_by_key(|process| (process.pid == 1, process.pid));
    roots.reverse();
    let mut ordered = Vec::new();
    while let Some(process) = roots.pop() {
        let depth = if process.pid == 1 { 0 } else { process.depth + 1 };
        let (children, rest): (Vec<_>, Vec<_>) =
            others.into_iter().partition(|other| other.ppid == process.pid);
        others = rest;
        roots.extend(children.into_iter().rev().map(|child| Scanned { depth, ..child }));
        ordered.push(process);
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_hold_anything() {
        let line = b"42 (a) (b 1) R 1 2 3 34816 -1 4194560 1 2 3 4 5 6 7 8 20 -5 1 0 99 4096 8 7";
        let parsed = parse(line).unwrap();
        assert_eq!(parsed.comm, b"a) (b 1");
        assert_eq!((parsed.state, parsed.ppid, parsed.tty, parsed.tpgid), (b'R', 1, 34816, -1));
        assert_eq!((parsed.nice, parsed.start, parsed.rss_limit, parsed.policy), (-5, 99, 7, 0));
        assert!(parse(b"42 (sh)").is_none() && parse(b"").is_none());
    }

    #[test]
    fn a_tree_has_init_and_its_own_last() {
        let process = |pid, ppid| Scanned { pid, ppid, ..Scanned::default() };
        let all = vec![process(1, 0), process(2, 0), process(3, 2), process(7, 1), process(8, 7)];
        let tree: Vec<_> = as_tree(all).iter().map(|p| (p.pid, p.depth)).collect();
        assert_eq!(tree, [(2, 0), (3, 1), (1, 0), (7, 0), (8, 1)]);
        assert_eq!(as_tree(vec![process(5, 5), process(6, 99)]).len(), 2);
    }

    #[test]
    fn this_process_is_found() {
        let own = std::process::id();
        let found = all(true).unwrap().into_iter().find(|process| process.pid == own).unwrap();
        assert_eq!(found.ppid, std::os::unix::process::parent_id());
        assert!(found.environment.is_some() && !found.arguments.is_empty());
    }
}
