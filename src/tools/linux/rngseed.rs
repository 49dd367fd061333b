//! rngseed: keeps the kernel's random generator seeded from one boot to the next.
//! Reference: <https://skarnet.org/software/s6-linux-utils/rngseed.html>.

use crate::format::blake2s::digest;
use crate::sys::{device, random};
use crate::tools::die::errno;
use crate::tools::{Exit, Next, Options, Process, Word, path};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::time::{ClockId, clock_gettime};
use std::fmt::Display;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The size of the digest that is mixed into a new seed.
const DIGEST: usize = 32;
/// The mark of a seed that counts as entropy: its owner may not write to it.
const CREDITABLE: u32 = 0o400;

/// `rngseed [ -d seeddir ] [ -v verbosity ] [ -r | -R ] [ -n | -N ] [ -w | -W ]`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "d:v:rRnNwW")?;
    let folder = path(options.value('d').unwrap_or(b"/var/lib/rngseed"));
    let verbosity = options.number(process, 'v', 1)?;
    let block = options.last_of("nN") != Some('n');
    let seeds = Seeds { process, verbosity, file: folder.join("seed") };
    let (read, write) = (options.last_of("rR"), options.last_of("wW"));
    if write.is_some() {
        seeds.make_folder(folder)?;
    }
    let old = read.map(|how| seeds.read(how == 'r')).transpose()?;
    if block {
        seeds.info("waiting for the entropy pool to initialize");
        random::wait().map_err(process.unable("getrandom"))?;
    }
    if let Some(how) = write {
        seeds.write(old.as_deref(), how == 'w')?;
    }
    Ok(Next::Exit(0))
}

struct Seeds<'a> {
    process: &'a Process,
    /// 0: errors, 1: and warnings, 2: and what happens.
    verbosity: u32,
    file: PathBuf,
}

impl Seeds<'_> {
    fn info(&self, text: impl Display) {
        if self.verbosity > 1 {
            self.process.info(text);
        }
    }
    fn warn(&self, text: impl Display) {
        if self.verbosity > 0 {
            self.process.warn(text);
        }
    }
    fn failed(&self, what: &str) -> impl Fn(std::io::Error) -> Exit {
        let fatal = self.process.unable(format!("{what} {}", self.file.display()));
        move |e| fatal(errno(&e))
    }

    /// Makes the directory, for its owner alone.
    fn make_folder(&self, folder: &Path) -> Result<(), Exit> {
        let name = folder.display();
        let failed = |e| self.process.unable(format_args!("mkdir {name}"))(errno(&e));
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let mode = fs::metadata(folder).map_err(failed)?.mode();
        if mode & 0o077 != 0 {
            self.warn(format_args!("{name} has permissive modes, changing it to 0700"));
            let failed = |e| self.process.unable(format_args!("chmod {name}"))(errno(&e));
            fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(failed)?;
        }
        Ok(())
    }

    /// Seeds the generator from the file, and removes it: no seed may be used twice.
    fn read(&self, credit: bool) -> Result<Vec<u8>, Exit> {
        let name = self.file.display();
        self.info(format_args!("reading seed from {name}"));
        let file = fs::File::open(&self.file).map_err(self.failed("open"))?;
        let mode = file.metadata().map_err(self.failed("stat"))?.mode();
        let mut seed = Vec::new();
        file.take(device::SEED as u64).read_to_end(&mut seed).map_err(self.failed("read from"))?;
        if seed.is_empty() {
            return Err(self.process.fatal(100, format_args!("empty {name}")));
        }
        fs::remove_file(&self.file).map_err(self.failed("unlink"))?;
        let creditable = mode & 0o200 == 0;
        if credit && !creditable {
            self.warn(format_args!("{name} was not marked as creditable"));
        }
        let bits = seed.len() as u16 * 8;
        let credited = if credit && creditable { bits } else { 0 };
        let note = if credited > 0 { "" } else { " without crediting" };
        self.info(format_args!("seeding with {bits} bits{note}"));
        let how = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let generator = open("/dev/urandom", how, Mode::empty())
            .map_err(self.process.unable("open /dev/urandom"))?;
        device::add_entropy(&generator, &seed, credited).map_err(self.process.unable("seed"))?;
        Ok(seed)
    }

    /// Writes a new seed: random bytes, the last of which are mixed with the old one and the time,
    /// so that nothing is lost even where the generator is not ready.
    fn write(&self, old: Option<&[u8]>, credit: bool) -> Result<(), Exit> {
        let length = self.pool_size().div_ceil(8).clamp(DIGEST, device::SEED);
        self.info(format_args!("reading {} bits of random to make the seed", length * 8));
        let mut seed = vec![0; length];
        let good = random::fill(&mut seed);
        if !good {
            self.warn("unable to make the seed creditable");
        }
        let mixed = mix(old.unwrap_or_default(), &seed);
        seed.truncate(length - DIGEST);
        seed.extend(mixed);
        self.info(format_args!("writing seed to {}", self.file.display()));
        let mut how = OpenOptions::new();
        how.write(true).create(true).truncate(true).mode(0o600);
        let written = how.open(&self.file).and_then(|mut file| {
            file.write_all(&seed)?;
            file.sync_all()
        });
        written.map_err(self.failed("write to"))?;
        if credit && good {
            let marked = fs::set_permissions(&self.file, Permissions::from_mode(CREDITABLE));
            if let Err(e) = marked {
                self.warn(format_args!(
                    "unable to mark {} as creditable: {e}",
                    self.file.display()
                ));
            }
        }
        Ok(())
    }

    /// How many bits the generator holds.
    fn pool_size(&self) -> usize {
        const FILE: &str = "/proc/sys/kernel/random/poolsize";
        let size = fs::read_to_string(FILE).ok().and_then(|text| text.trim().parse().ok());
        size.unwrap_or_else(|| {
            self.warn(format_args!("unable to read {FILE}"));
            device::SEED * 8
        })
    }
}

fn mix(old: &[u8], new: &[u8]) -> [u8; DIGEST] {
    let mut times = Vec::new();
    for clock in [ClockId::CLOCK_REALTIME, ClockId::CLOCK_BOOTTIME] {
        let time =
            clock_gettime(clock).unwrap_or_else(|_: Errno| nix::sys::time::TimeSpec::new(0, 0));
        times.extend(time.tv_sec().to_le_bytes());
        times.extend(time.tv_nsec().to_le_bytes());
    }
    let length = |bytes: &[u8]| (bytes.len() as u64).to_le_bytes();
    digest(&[b"SeedRNG v1 Old+New Prefix", &times, &length(old), old, &length(new), new])
}
