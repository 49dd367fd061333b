//! How much memory services use, together with what they have started.

use crate::format::look::{LookerWatch, MemoryLimit};
use crate::sys::machine;
use crate::sys::usage::{self, ProcessUsage};
use std::collections::BTreeMap;
use std::path::Path;

/// The services that use more than they may: number, serial, bytes used, and the limit.
pub(crate) fn over_limit<'w>(
    watched: impl Iterator<Item = &'w LookerWatch>,
) -> Vec<(u32, u32, u64, u64)> {
    let limited: BTreeMap<i32, &LookerWatch> =
        watched.filter(|watch| watch.memory.is_some()).map(|watch| (watch.pid, watch)).collect();
    let mut members: BTreeMap<i32, Vec<ProcessUsage>> = BTreeMap::new();
    for (owner, process) in usage::of_services(&|pid| limited.contains_key(&pid)) {
        members.entry(owner).or_default().push(process);
    }
    let mut found = Vec::new();
    for (pid, processes) in members {
        let Some(watch) = limited.get(&pid) else { continue };
        let Some(limit) = watch.memory.map(bytes) else { continue };
        // What is resident is at least as much as the share of it, and far cheaper to know.
        let resident: u64 = processes.iter().map(|process| process.resident).sum();
        if resident > limit {
            let used: u64 = processes.iter().map(ProcessUsage::share).sum();
            found.extend((used > limit).then_some((watch.service, watch.serial, used, limit)));
        }
    }
    found
}

fn bytes(limit: MemoryLimit) -> u64 {
    match limit {
        MemoryLimit::Bytes(bytes) => bytes,
        MemoryLimit::Percent(percent) => {
            container_memory().map_or(u64::MAX, |bytes| bytes / 100 * u64::from(percent))
        }
    }
}

/// What the container may use: the least of the limits of its control groups and the machine's.
fn container_memory() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = limits(&groups, Path::new("/sys/fs/cgroup"));
    limits.into_iter().chain(machine::memory()).min()
}

/// The limits of the control groups in which this process is, and of those above them: of version
/// 2, or of the memory controller of version 1.
fn limits(groups: &str, root: &Path) -> Vec<u64> {
    let mut found = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let (folder, file) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                (root.join("memory"), "memory.limit_in_bytes")
            }
            _ => continue,
        };
        let own = folder.join(path.trim_start_matches('/'));
        // What is above the folder's root is not ours to see.
        for group in own.ancestors().take_while(|group| group.starts_with(&folder)) {
            let text = std::fs::read_to_string(group.join(file)).unwrap_or_default();
            found.extend(text.trim().parse::<u64>());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_of_all_groups_above_count() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path();
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::create_dir_all(root.join("memory/docker/x")).unwrap();
        std::fs::write(root.join("a/b/memory.max"), "max\n").unwrap();
        std::fs::write(root.join("a/memory.max"), "1048576\n").unwrap();
        std::fs::write(root.join("memory/docker/x/memory.limit_in_bytes"), "4096\n").unwrap();
        assert_eq!(limits("0::/a/b\n", root), [1 << 20]);
        assert!(limits("0::/\n", root).is_empty());
        let old = "12:cpu,cpuacct:/docker/x\n5:memory:/docker/x\n1:name=systemd:/\n";
        assert_eq!(limits(old, root), [4096]);
        // Of a container that sees the host's path and its own files.
        std::fs::write(root.join("memory/memory.limit_in_bytes"), "8192\n").unwrap();
        assert_eq!(limits("5:memory:/elsewhere\n", root), [8192]);
    }

    #[test]
    fn a_process_is_over_its_limit_or_not() {
        let pid = std::process::id() as i32;
        let watch = |bytes| LookerWatch {
            pid,
            memory: Some(MemoryLimit::Bytes(bytes)),
            ..LookerWatch::default()
        };
        let over = over_limit([watch(1 << 12)].iter());
        assert_eq!(over.len(), 1);
        assert!(over[0].2 > 1 << 12);
        assert_eq!(over_limit([watch(1 << 50)].iter()), []);
    }
}
