//! s6-mount and s6-umount: mount and unmount file systems.
//! Reference: <https://skarnet.org/software/s6-linux-utils/s6-mount.html> and `s6-umount.html`.

use crate::format::fstab::{FstabEntry, entries};
use crate::tools::die::{errno, reason, show};
use crate::tools::{Exit, Next, Options, Process, Word, path};
use nix::errno::Errno;
use nix::libc::{self, c_ulong};
use nix::mount::{MsFlags, mount, umount};

/// Where the kernel tells what is mounted.
const MOUNTS: &str = "/proc/mounts";

/// `s6-mount -a [ -z fstab ]`,
/// `s6-mount [ -n ] [ -r | -w ] [ -t type ] [ -o option[,option...] ]... device mountpoint`,
/// or `s6-mount`, which tells what is mounted.
pub(super) fn s6_mount(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "nz:arwt:o:")?;
    if options.has('a') {
        let table = options.value('z').unwrap_or(b"/etc/fstab").to_vec();
        return mount_all(process, &table);
    }
    let mut how = How::default();
    for (letter, value) in options.iter() {
        match letter {
            'r' => how.add(b"ro"),
            'w' => how.add(b"rw"),
            'o' => value.split(|&b| b == b',').for_each(|option| how.add(option)),
            _ => {}
        }
    }
    let kind = options.value('t').unwrap_or(b"none").to_vec();
    match options.rest().as_slice() {
        [] => {
            process.print(&read(process, MOUNTS)?)?;
            Ok(Next::Exit(0))
        }
        [_] => Err(process.usage()),
        [device, directory, ..] => {
            let place = format!("{} on {}", show(device), show(directory));
            how.mount(device, directory, &kind).map_err(|e| {
                let code = if e == Errno::EBUSY { 1 } else { 111 };
                process.fatal(code, format_args!("unable to mount {place}: {}", reason(e)))
            })?;
            Ok(Next::Exit(0))
        }
    }
}

/// Mounts all that is in a table; exits with the number of those that failed.
fn mount_all(process: &Process, table: &[u8]) -> Result<Next, Exit> {
    let text = read(process, &show(table).to_string())?;
    let mut failures = 0u8;
    for entry in entries(&text) {
        let mut how = How::default();
        entry.each_option().for_each(|option| how.add(option));
        let FstabEntry { device, directory, kind, .. } = &entry;
        if let Err(e) = how.mount(device, directory, kind) {
            let text = format!("unable to mount {} on {}", show(device), show(directory));
            process.warn_errno(&text, e);
            failures = failures.saturating_add(1);
        }
    }
    Ok(Next::Exit(failures))
}

/// `s6-umount [ -a ] [ mountpoint ]`: one, or all that are mounted, the last first.
pub(super) fn s6_umount(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse_long(process, argv, "a", &[("all", 'a')])?;
    if options.has('a') {
        let table = read(process, MOUNTS)?;
        let mut directories: Vec<Word> = entries(&table).map(|entry| entry.directory).collect();
        directories.reverse();
        return Ok(each(process, "umount", directories, umount::<[u8]>));
    }
    let directory = options.rest().into_iter().next().ok_or_else(|| process.usage())?;
    umount(directory.as_slice())
        .map_err(process.unable(format_args!("unmount {}", show(&directory))))?;
    Ok(Next::Exit(0))
}

/// Does something to all of them; exits with the number of those where that failed.
pub(super) fn each(
    process: &Process,
    what: &str,
    all: impl IntoIterator<Item = Word>,
    act: impl Fn(&[u8]) -> Result<(), Errno>,
) -> Next {
    let mut failures = 0u8;
    for one in all {
        if let Err(e) = act(&one) {
            process.warn_errno(format_args!("unable to {what} {}", show(&one)), e);
            failures = failures.saturating_add(1);
        }
    }
    Next::Exit(failures)
}

fn read(process: &Process, file: &str) -> Result<Vec<u8>, Exit> {
    std::fs::read(path(file.as_bytes()))
        .map_err(|e| process.unable(format_args!("open {file}"))(errno(&e)))
}

/// What options come to: flags, and the rest for the file system to understand.
#[derive(Debug, Default, PartialEq, Eq)]
struct How {
    flags: c_ulong,
    data: Word,
}

impl How {
    fn add(&mut self, option: &[u8]) {
        if let Some((_, add, remove)) = FLAGS.iter().find(|(name, ..)| name.as_bytes() == option) {
            self.flags = self.flags & !remove | add;
        } else if !option.is_empty() {
            if !self.data.is_empty() {
                self.data.push(b',');
            }
            self.data.extend_from_slice(option);
        }
    }

    fn mount(&self, device: &[u8], directory: &[u8], kind: &[u8]) -> Result<(), Errno> {
        let flags = MsFlags::from_bits_retain(self.flags);
        mount(Some(device), directory, Some(kind), flags, Some(self.data.as_slice()))
    }
}

const SYNC: c_ulong = libc::MS_SYNCHRONOUS;
const SILENT: c_ulong = libc::MS_SILENT;
const NOSYMFOLLOW: c_ulong = 256;
const LAZYTIME: c_ulong = 1 << 25;
const PROPAGATION: c_ulong =
    libc::MS_SHARED | libc::MS_PRIVATE | libc::MS_SLAVE | libc::MS_UNBINDABLE;
const DEFAULTS: c_ulong =
    libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC | SYNC;

/// What an option sets, and what it clears.
const FLAGS: &[(&str, c_ulong, c_ulong)] = &[
    ("async", 0, SYNC),
    ("atime", 0, libc::MS_NOATIME),
    ("bind", libc::MS_BIND, 0),
    ("defaults", 0, DEFAULTS),
    ("dev", 0, libc::MS_NODEV),
    ("diratime", 0, libc::MS_NODIRATIME),
    ("dirsync", libc::MS_DIRSYNC, 0),
    ("exec", 0, libc::MS_NOEXEC),
    ("lazytime", LAZYTIME, 0),
    ("loud", 0, SILENT),
    ("mandlock", libc::MS_MANDLOCK, 0),
    ("move", libc::MS_MOVE, 0),
    ("noatime", libc::MS_NOATIME, 0),
    ("nobind", 0, libc::MS_BIND),
    ("nodev", libc::MS_NODEV, 0),
    ("nodiratime", libc::MS_NODIRATIME, 0),
    ("nodirsync", 0, libc::MS_DIRSYNC),
    ("noexec", libc::MS_NOEXEC, 0),
    ("nolazytime", 0, LAZYTIME),
    ("nomandlock", 0, libc::MS_MANDLOCK),
    ("nomove", 0, libc::MS_MOVE),
    ("norelatime", 0, libc::MS_RELATIME),
    ("nostrictatime", 0, libc::MS_STRICTATIME),
    ("nosuid", libc::MS_NOSUID, 0),
    ("nosymfollow", NOSYMFOLLOW, 0),
    ("private", libc::MS_PRIVATE, PROPAGATION),
    ("relatime", libc::MS_RELATIME, 0),
    ("remount", libc::MS_REMOUNT, 0),
    ("ro", libc::MS_RDONLY, 0),
    ("rw", 0, libc::MS_RDONLY),
    ("shared", libc::MS_SHARED, PROPAGATION),
    ("silent", SILENT, 0),
    ("slave", libc::MS_SLAVE, PROPAGATION),
    ("strictatime", libc::MS_STRICTATIME, 0),
    ("suid", 0, libc::MS_NOSUID),
    ("symfollow", 0, NOSYMFOLLOW),
    ("sync", SYNC, 0),
    ("unbindable", libc::MS_UNBINDABLE, PROPAGATION),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_flags_or_data() {
        let mut how = How::default();
        let options = b"ro,nosuid,size=5m,shared,rw,,mode=755,slave";
        options.split(|&b| b == b',').for_each(|option| how.add(option));
        let flags = libc::MS_NOSUID | libc::MS_SLAVE;
        assert_eq!(how, How { flags, data: b"size=5m,mode=755".to_vec() });
        how.add(b"defaults");
        assert_eq!(how.flags, libc::MS_SLAVE);
    }
}
