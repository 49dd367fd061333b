//! Kills, hundreds of them: what becomes of the lines that producers write to their loggers.
//!
//! A producer writes numbered lines, and counts them in a file. It may be killed after it has
//! written a line and before it has counted it; so one more than it has counted may arrive, and no
//! other.

use crate::boot::{Boot, Container, is_possible};
use crate::debian::{Debian, original};
use crate::image::Image;
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

const PRODUCERS: usize = 10;

/// How many die in all, and how many at the same time.
const DEATHS: usize = 500;
const AT_ONCE: usize = 6;

/// The most that a killed logger may take with it, in bytes: what it has read, which is so much at
/// a time with the original, and the beginning of a line.
const MOST_LOST: usize = 8192 + 64;

/// A line tells the name, the number of the life, and its own. They come a thousand at a time, as
/// fast as can be. Once there is a file `/end`, the only line says so.
const PRODUCER: &str = "#!/bin/sh
[ -e /end ] && echo NAME end && exec sleep 1000
echo >> /count/NAME
life=$(wc -c < /count/NAME)
exec 3>> /count/NAME.$life
mkfifo /tmp/never 2> /dev/null
exec 4<> /tmp/never
n=0
while :; do
  n=$((n + 1))
  echo NAME $life $n
  echo >&3
  [ $((n % 1000)) -gt 0 ] || read -t 0.05 nothing <&4
done
";

#[test]
fn every_line_arrives_once_and_in_order() {
    if !is_possible() {
        return;
    }
    let mut world = World::boot("s6-log", 2, Boot::default());
    world.die(&["t", "r"]);
    let gaps = world.end();
    assert!(gaps.is_empty(), "so many bytes are missing: {gaps:?}");
}

#[test]
fn a_killed_logger_loses_no_more_than_debians() {
    let Some(debian) = original().filter(|_| is_possible()) else { return };
    let (program, boot) = theirs(debian);
    for (whose, program, boot) in
        [("ours", "s6-log", Boot::default()), ("Debian's", program.as_str(), boot)]
    {
        let mut world = World::boot(program, 1, boot);
        let killed = world.die(&["k"]);
        let gaps = world.end();
        let (lost, most) = (gaps.iter().sum::<usize>(), gaps.iter().max().copied().unwrap_or(0));
        let _ = writeln!(
            std::io::stderr(),
            "s6-log, {whose}: {killed} were killed, {} lost lines: {lost} bytes, {most} at most",
            gaps.len(),
        );
        assert!(most <= MOST_LOST, "{whose}: a logger took {most} bytes with it");
    }
}

/// Debian's program in the place of ours, and how to boot so that it is there.
fn theirs(debian: &Debian) -> (String, Boot) {
    let libraries = debian.libraries();
    let triplet = libraries.file_name().expect("a name").to_string_lossy();
    let host = Path::new("/lib").join(&*triplet);
    let entries = fs::read_dir(&host).expect("a folder of libraries").flatten();
    let mut names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let loader = names.find(|name| name.starts_with("ld-linux")).expect("the dynamic loader");
    let mut boot = Boot::default();
    boot.options.push(format!("--bind={}:/debian:ro", debian.0.join("usr").display()));
    boot.options.push(format!("--bind={}:/host:ro", host.display()));
    let libraries = format!("--library-path /debian/lib/{triplet}:/host");
    (format!("/host/{loader} {libraries} /debian/bin/s6-log"), boot)
}

/// A producer, and where its lines go.
#[derive(Clone)]
struct Producer {
    name: String,
    logger: String,
}

/// A line of a producer: the number of its life, and its own.
type Line = (usize, usize);

/// Producers and their loggers, in a container.
struct World {
    container: Container,
    producers: Vec<Producer>,
    files: Files,
    descriptors: usize,
    random: u64,
}

impl World {
    /// Boots them; a logger, which is `program`, has so many producers.
    fn boot(program: &str, producers_each: usize, boot: Boot) -> Self {
        let producer = |at| Producer {
            name: format!("producer-{at}"),
            logger: format!("logger-{}", at / producers_each),
        };
        let producers: Vec<_> = (0..PRODUCERS).map(producer).collect();
        let mut image = Image::busybox().file("count/.empty", "").file("logs/.empty", "");
        for some in producers.chunks(producers_each) {
            let logger = &some[0].logger;
            let run = format!("#!/command/execlineb -P\n{program} n1000 s200000 /logs/{logger}\n");
            let names: Vec<_> = some.iter().map(|p| p.name.as_str()).collect();
            image = service(image, logger, "consumer-for", &names.join("\n"), &run);
            for name in names {
                let run = PRODUCER.replace("NAME", name);
                image = service(image, name, "producer-for", logger, &run);
            }
        }
        let mut container = boot.start(&image);
        container.wait_for_boot();
        let files = Files(container.init());
        let descriptors = files.descriptors();
        Self { container, producers, files, descriptors, random: 1 }
    }

    /// Kills producers, and gives loggers some of these letters; how many loggers got one. Those
    /// that died run again, and new lines arrive, before the next few die.
    fn die(&mut self, letters: &[&str]) -> usize {
        let (mut left, mut loggers) = (DEATHS, 0);
        while left > 0 {
            let mut dying = BTreeMap::new();
            while dying.len() < AT_ONCE.min(left) {
                let at = self.pick(PRODUCERS);
                let of = self.producers[at].clone();
                let (name, letter) = match self.pick(2) {
                    0 => (of.name.clone(), "k"),
                    _ => (of.logger.clone(), letters[self.pick(letters.len())]),
                };
                if dying.contains_key(&name) {
                    continue;
                }
                let before = self.container.status(&name).expect("it is supervised").pid;
                self.container.control(&name, letter);
                loggers += usize::from(name == of.logger);
                dying.insert(name, (before, of));
            }
            left -= dying.len();
            self.revive(dying);
        }
        loggers
    }

    fn revive(&mut self, mut dying: BTreeMap<String, (u64, Producer)>) {
        let files = self.files;
        let mut awaited = Vec::new();
        self.container.wait_until("they run again", |c| {
            dying.retain(|name, (before, producer)| {
                let status = c.status(name).expect("it is supervised");
                if status.pid == 0 {
                    // It need not wait for its second.
                    c.control(name, "u");
                }
                let runs = status.is_up() && status.pid != *before;
                awaited.extend(runs.then(|| (producer.clone(), files.counts(producer))));
                !runs
            });
            dying.is_empty().then_some(())
        });
        self.container.wait_until("new lines arrive", |_| {
            awaited.retain(|(producer, counts)| !files.has_news(producer, counts));
            awaited.is_empty().then_some(())
        });
    }

    /// Ends the producers, and the container. What is missing then, in bytes, wherever it is.
    fn end(mut self) -> Vec<usize> {
        let (files, producers) = (self.files, &self.producers);
        fs::write(files.path("end"), "").expect("a file of the container");
        for producer in producers {
            self.container.control(&producer.name, "k");
        }
        self.container.wait_until("the last lines have arrived", |_| {
            producers.iter().all(|p| files.has_end(p)).then_some(())
        });
        self.container.wait_until("no zombie is left", |_| files.no_zombie().then_some(()));
        self.container.wait_until("PID 1 has as many descriptors as at first", |_| {
            (files.descriptors() == self.descriptors).then_some(())
        });
        let gaps = producers.iter().flat_map(|producer| files.gaps(producer)).collect();
        self.container.stops();
        gaps
    }

    /// A number below `n`.
    fn pick(&mut self, n: usize) -> usize {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.random >> 33) as usize % n
    }
}

/// What the container with this PID 1 has written.
#[derive(Clone, Copy)]
struct Files(Pid);

impl Files {
    fn path(self, path: &str) -> PathBuf {
        Path::new(&format!("/proc/{}/root", self.0)).join(path)
    }

    /// How many lives a producer has had, and how many lines it has counted in each.
    fn counts(self, producer: &Producer) -> Vec<usize> {
        let length = |name: String| fs::metadata(self.path(&name)).map_or(0, |m| m.len() as usize);
        let lives = length(format!("count/{}", producer.name));
        (1..=lives).map(|life| length(format!("count/{}.{life}", producer.name))).collect()
    }

    /// The lines in a file of a producer's logger that are this producer's.
    fn lines(self, producer: &Producer, file: &OsStr) -> Vec<Line> {
        let text = fs::read_to_string(self.folder(producer).join(file)).unwrap_or_default();
        // What a killed logger has left of a line is none.
        let whole = text.rsplit_once('\n').map_or("", |(lines, _)| lines);
        let line = |line: &str| {
            let rest = line.strip_prefix(&producer.name)?.trim_start();
            let (life, number) = rest.split_once(' ')?;
            Some((life.parse().ok()?, number.parse().ok()?))
        };
        whole.lines().filter_map(line).collect()
    }

    /// Where a producer's logger writes.
    fn folder(self, producer: &Producer) -> PathBuf {
        self.path("logs").join(&producer.logger)
    }

    /// The files of a producer's logger, the oldest first.
    fn logs(self, producer: &Producer) -> Vec<OsString> {
        let entries = fs::read_dir(self.folder(producer)).expect("the logger's folder").flatten();
        let mut names: Vec<_> = entries.map(|e| e.file_name()).collect();
        names.retain(|name| name == "current" || name.as_encoded_bytes().starts_with(b"@"));
        names.sort();
        names
    }

    /// Whether a line has arrived that is newer than all that were counted.
    fn has_news(self, producer: &Producer, counts: &[usize]) -> bool {
        let last = self.lines(producer, OsStr::new("current")).pop();
        let counted = counts.last().map(|n| (counts.len(), n + 1));
        last > counted
    }

    /// Whether the last line of a producer has arrived.
    fn has_end(self, producer: &Producer) -> bool {
        let (folder, end) = (self.folder(producer), format!("{} end\n", producer.name));
        let log = |file| fs::read_to_string(folder.join(file)).unwrap_or_default();
        self.logs(producer).into_iter().rev().take(3).any(|file| log(file).contains(&end))
    }

    /// How much is missing, in bytes, wherever lines are: none is twice, or in another place.
    fn gaps(self, producer: &Producer) -> Vec<usize> {
        let files = self.logs(producer);
        let lines = files.iter().flat_map(|file| self.lines(producer, file));
        let mut arrived = lines.peekable();
        let (mut gaps, mut gap) = (Vec::new(), 0);
        for (life, counted) in (1..).zip(self.counts(producer)) {
            for number in 1..=counted + 1 {
                if arrived.next_if_eq(&(life, number)).is_some() {
                    gaps.extend((gap > 0).then_some(std::mem::take(&mut gap)));
                } else if number <= counted {
                    gap += format!("{} {life} {number}\n", producer.name).len();
                }
            }
        }
        gaps.extend((gap > 0).then_some(gap));
        assert_eq!(arrived.next(), None, "{} did not write that there", producer.name);
        gaps
    }

    fn descriptors(self) -> usize {
        let open = fs::read_dir(format!("/proc/{}/fd", self.0)).expect("PID 1 runs");
        open.count()
    }

    fn no_zombie(self) -> bool {
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.0));
        let children = children.expect("PID 1 runs");
        let is_zombie = |pid: &str| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z'))
        };
        !children.split_ascii_whitespace().any(is_zombie)
    }
}

/// Adds a longrun that is one side of a pipe.
fn service(image: Image, name: &str, side: &str, others: &str, run: &str) -> Image {
    let folder = format!("etc/s6-overlay/s6-rc.d/{name}");
    image
        .file(&format!("etc/s6-overlay/user-bundles.d/user/contents.d/{name}"), "")
        .file(&format!("{folder}/type"), "longrun\n")
        .file(&format!("{folder}/{side}"), &format!("{others}\n"))
        .file(&format!("{folder}/run"), run)
}
