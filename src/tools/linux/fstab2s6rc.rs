//! fstab2s6rc: makes a service of every line of fstab.
//! Reference: <https://skarnet.org/software/s6-linux-utils/fstab2s6rc.html>.

use crate::format::fstab::{FstabEntry, entries};
use crate::sys::remove;
use crate::tools::die::{errno, octal, show};
use crate::tools::portable::quoting::quote;
use crate::tools::portable::unique;
use crate::tools::{Exit, Next, Options, Process, Word, path};
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const LONG: &[(&str, char)] = &[
    ("include-noauto", 'A'),
    ("exclude-noauto", 'a'),
    ("without-uuid", 'U'),
    ("with-uuid", 'u'),
    ("essential", 'E'),
    ("not-essential", 'e'),
    ("fstab", 'F'),
    ("mode", 'm'),
    ("bundle", 'B'),
    ("base-dependency", 'd'),
];

/// `fstab2s6rc [ -A | -a ] [ -U | -u ] [ -E | -e ] [ -F fstab ] [ -m mode ] [ -B bundle ]
/// [ -d basedep ] dir`: exits 1 if the fstab makes no sense.
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse_long(process, argv, "AaUuEeF:m:B:d:", LONG)?;
    let mode = match options.value('m') {
        Some(mode) => octal(mode).ok_or_else(|| process.usage())?,
        None => 0o755,
    };
    let wanted = Wanted {
        noauto: options.last_of("Aa") != Some('a'),
        util_linux: options.last_of("Uu") == Some('u'),
        essential: options.last_of("Ee") != Some('e'),
        bundle: options.value('B').map(<[u8]>::to_vec),
        base: options.value('d').map(<[u8]>::to_vec),
    };
    let table = options.value('F').unwrap_or(b"/etc/fstab").to_vec();
    let folder = options.rest().into_iter().next().ok_or_else(|| process.usage())?;
    if path(&folder).symlink_metadata().is_ok() {
        return Err(process.fatal(111, format_args!("{} already exists", show(&folder))));
    }
    let text = fs::read(path(&table))
        .map_err(|e| process.unable(format_args!("open {}", show(&table)))(errno(&e)))?;
    let services = wanted.services(process, &text)?;
    let partial = unique::name(&folder, 6);
    let made = wanted
        .store(path(&partial), &services)
        .and_then(|()| fs::set_permissions(path(&partial), Permissions::from_mode(mode)))
        .and_then(|()| fs::rename(path(&partial), path(&folder)));
    made.map_err(|e| {
        let _ = remove::hierarchy(path(&partial));
        process.unable(format_args!("make {}", show(&folder)))(errno(&e))
    })?;
    Ok(Next::Exit(0))
}

/// What the options ask for.
struct Wanted {
    /// Services for lines with `noauto`, too.
    noauto: bool,
    /// The commands of util-linux, which know labels and UUIDs.
    util_linux: bool,
    /// Services that stay up, in place of such as can be stopped.
    essential: bool,
    bundle: Option<Word>,
    /// What all the services depend on.
    base: Option<Word>,
}

/// A service to be.
#[derive(Debug, PartialEq, Eq)]
struct Service {
    name: Word,
    up: Word,
    down: Word,
    dependencies: Vec<Word>,
    swap: bool,
    auto: bool,
}

impl Wanted {
    fn services(&self, process: &Process, table: &[u8]) -> Result<Vec<Service>, Exit> {
        let wanted = |entry: &FstabEntry| {
            let noauto = entry.each_option().any(|option| option == b"noauto");
            entry.directory != b"/" && (self.noauto || !noauto)
        };
        let all: Vec<FstabEntry> = entries(table).filter(wanted).collect();
        check(process, &all)?;
        let mut services = Vec::new();
        for (at, entry) in all.iter().enumerate() {
            let above = if is_swap(entry) { None } else { nearest(&entry.directory, &all) };
            let holder = nearest(&entry.device, all.get(..at).unwrap_or_default());
            let mut dependencies: Vec<Word> =
                [above, holder].into_iter().flatten().map(service_name).collect();
            if above.is_none() {
                dependencies.extend(self.base.clone());
            }
            dependencies.dedup();
            services.push(self.service(process, entry, dependencies));
        }
        Ok(services)
    }

    fn service(&self, process: &Process, entry: &FstabEntry, dependencies: Vec<Word>) -> Service {
        let has = |name: &[u8]| entry.each_option().any(|option| option == name);
        let device = self.device(process, entry);
        let (up, down) = match is_swap(entry) {
            true => self.swap_commands(entry, &device),
            false => self.mount_commands(entry, &device),
        };
        let forgiving = |command: Word| [b"foreground { ", &command[..], b" }\nexit 0\n"].concat();
        let auto = !has(b"noauto");
        Service {
            name: service_name(entry),
            up: if has(b"nofail") { forgiving(up) } else { [&up[..], b"\n"].concat() },
            down: if auto && self.essential { Word::new() } else { forgiving(down) },
            dependencies,
            swap: is_swap(entry),
            auto,
        }
    }

    /// The words that name a device: itself, or an option of util-linux.
    fn device(&self, process: &Process, entry: &FstabEntry) -> Word {
        for (prefix, option) in [("UUID=", "-U "), ("LABEL=", "-L ")] {
            match entry.device.strip_prefix(prefix.as_bytes()) {
                Some(id) if self.util_linux => return [option.as_bytes(), &quoted(id)].concat(),
                Some(_) => process.warn(format_args!(
                    "weird device found: {} - you may want to run fstab2s6rc -u instead",
                    show(&entry.device)
                )),
                None => {}
            }
        }
        [b"-- ", &quoted(&entry.device)[..]].concat()
    }

    fn mount_commands(&self, entry: &FstabEntry, device: &[u8]) -> (Word, Word) {
        let (mount, umount): (&[u8], &[u8]) = match self.util_linux {
            true => (b"mount", b"umount -l -- "),
            false => (b"s6-mount", b"s6-umount -- "),
        };
        let mut up = mount.to_vec();
        if !matches!(entry.kind.as_slice(), b"" | b"none") {
            up.extend([b" -t ", &quoted(&entry.kind)[..]].concat());
        }
        up.extend(option_words(entry));
        let directory = quoted(&entry.directory);
        up.extend([b" ", device, b" ", &directory].concat());
        (up, [umount, &directory].concat())
    }

    fn swap_commands(&self, entry: &FstabEntry, device: &[u8]) -> (Word, Word) {
        if !self.util_linux {
            return ([b"s6-swapon ", device].concat(), [b"s6-swapoff ", device].concat());
        }
        let up = [b"swapon", &option_words(entry)[..], b" ", device].concat();
        (up, [b"swapoff ", device].concat())
    }

    /// Writes it all below a new directory.
    fn store(&self, folder: &Path, services: &[Service]) -> io::Result<()> {
        fs::create_dir(folder)?;
        for service in services {
            let own = folder.join(path(&service.name));
            fs::create_dir_all(own.join("dependencies.d"))?;
            fs::write(own.join("type"), "oneshot\n")?;
            fs::write(own.join("up"), &service.up)?;
            fs::write(own.join("down"), &service.down)?;
            if service.auto {
                let flag = if self.essential { "flag-essential" } else { "flag-recommended" };
                fs::write(own.join(flag), "")?;
            }
            for dependency in &service.dependencies {
                fs::write(own.join("dependencies.d").join(path(dependency)), "")?;
            }
        }
        let Some(bundle) = &self.bundle else { return Ok(()) };
        let [mounts, swaps] =
            [b"-mounts".as_slice(), b"-swaps"].map(|end| [bundle.as_slice(), end].concat());
        let named = |swap: bool| {
            let those = services.iter().filter(move |s| s.auto && s.swap == swap);
            those.map(|service| service.name.as_slice())
        };
        store_bundle(folder, &mounts, named(false))?;
        store_bundle(folder, &swaps, named(true))?;
        store_bundle(folder, bundle, [mounts.as_slice(), &swaps].into_iter())
    }
}

fn store_bundle<'a>(
    folder: &Path,
    name: &[u8],
    contents: impl Iterator<Item = &'a [u8]>,
) -> io::Result<()> {
    let own = folder.join(path(name));
    fs::create_dir_all(own.join("contents.d"))?;
    fs::write(own.join("type"), "bundle\n")?;
    let mut contents = contents.map(|service| own.join("contents.d").join(path(service)));
    contents.try_for_each(|file| fs::write(file, ""))
}

fn is_swap(entry: &FstabEntry) -> bool {
    entry.kind == b"swap"
}

fn check(process: &Process, all: &[FstabEntry]) -> Result<(), Exit> {
    let mounts: Vec<&[u8]> =
        all.iter().filter(|e| !is_swap(e)).map(|e| e.directory.as_slice()).collect();
    for (at, directory) in mounts.iter().enumerate() {
        if !directory.starts_with(b"/") {
            let text = format!("relative mountpoint in fstab: {}", show(directory));
            return Err(process.fatal(1, &text));
        }
        if mounts.get(..at).is_some_and(|before| before.contains(directory)) {
            return Err(
                process.fatal(1, format_args!("duplicate mount point: {}", show(directory)))
            );
        }
    }
    Ok(())
}

/// The mount in which a path lies, other than at its very top.
fn nearest<'a>(below: &[u8], all: &'a [FstabEntry]) -> Option<&'a FstabEntry> {
    let holds = |entry: &&FstabEntry| {
        let rest = below.strip_prefix(entry.directory.as_slice());
        !is_swap(entry) && rest.is_some_and(|rest| rest.starts_with(b"/"))
    };
    all.iter().filter(holds).max_by_key(|entry| entry.directory.len())
}

/// `mount-` and the directory, or `swap-` and the device, with colons for slashes.
fn service_name(entry: &FstabEntry) -> Word {
    let (kind, path): (&[u8], _) = match is_swap(entry) {
        true => (b"swap-", &entry.device),
        false => (b"mount-", &entry.directory),
    };
    let path = path.strip_prefix(b"/").unwrap_or(path);
    [kind, &path.split(|&b| b == b'/').collect::<Vec<_>>().join(&b':')].concat()
}

/// ` -o "OPTIONS"`, without those that are not for the kernel; nothing if there are none.
fn option_words(entry: &FstabEntry) -> Word {
    const OTHERS: &[&[u8]] = &[b"nofail", b"noauto", b"comment", b"defaults", b"owner", b"user"];
    let passed = |option: &&[u8]| !option.starts_with(b"x-") && !OTHERS.contains(option);
    let options: Vec<&[u8]> = entry.each_option().filter(passed).collect();
    if options.is_empty() {
        return Word::new();
    }
    [b" -o ", &quoted(&options.join(&b','))[..]].concat()
}

/// A word as it stands in an execline script.
fn quoted(word: &[u8]) -> Word {
    let mut text = vec![b'"'];
    // The one delimiter is one that can be.
    let _ = quote(word, b"\"", &mut text);
    text.push(b'"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execline::lexer;

    fn entry(line: &str) -> FstabEntry {
        entries(line.as_bytes()).next().unwrap()
    }

    #[test]
    fn paths_give_names_and_dependencies() {
        let table =
            b"/dev/sda1 /var/log ext4\n/dev/sda2 /var ext4\n/var/log/disk /mnt/a\\040b none\n\
                      /var/swap none swap\n/dev/sda3 /variety ext4";
        let all: Vec<FstabEntry> = entries(table).collect();
        let names: Vec<String> = all.iter().map(|e| show(&service_name(e)).to_string()).collect();
        let expected = ["mount-var:log", "mount-var", "mount-mnt:a b", "swap-var:swap"];
        assert_eq!(names[..4], expected);
        assert_eq!(nearest(b"/var/log", &all), Some(&all[1]));
        assert_eq!(nearest(b"/var/log/disk", &all), Some(&all[0]));
        assert_eq!(nearest(b"/variety", &all), None);
    }

    #[test]
    fn commands_are_execline() {
        let wanted =
            Wanted { noauto: true, util_linux: false, essential: true, bundle: None, base: None };
        let line = entry("/dev/a\"b /mnt/c\\040d vfat x-gvfs-show,ro,nofail,uid=5,defaults 0 0");
        let device = [b"-- ", &quoted(&line.device)[..]].concat();
        let (up, down) = wanted.mount_commands(&line, &device);
        let words = |script: &[u8]| lexer::words(script).unwrap();
        let expected = ["s6-mount", "-t", "vfat", "-o", "ro,uid=5", "--", "/dev/a\"b", "/mnt/c d"];
        assert_eq!(words(&up), expected.map(|w| w.as_bytes().to_vec()));
        assert_eq!(words(&down), ["s6-umount", "--", "/mnt/c d"].map(|w| w.as_bytes().to_vec()));
    }
}
