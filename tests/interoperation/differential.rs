//! The same random life under Debian's s6-supervise and under ours: the same events come out of
//! it, the same deaths and the same last status.

use crate::environment;
use crate::random::Random;
use crate::world::{Side, World};
use sixtree::format::status::Status;
use sixtree::format::tally;
use sixtree::sys::fifodir::{self, Listener};
use std::os::unix::ffi::OsStrExt;

/// How many things happen in a life.
const STEPS: usize = 200;

const SIDES: [Side; 2] = [Side::Ours, Side::Theirs];

/// Ready at once; then it waits for the code to exit with. 99 is a permanent failure.
const FILES: &[(&str, &str)] = &[
    ("run", "#!/bin/sh\necho >&3\nread code < orders\nexit $code\n"),
    ("finish", "#!/bin/sh\n[ $1 != 99 ] || exit 125\n"),
    ("notification-fd", "3\n"),
];

/// The letters that end `run`, if it is not paused.
const DEADLY: &[u8] = b"abqhkti12r";

/// What is known of the service, on both sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Model {
    up: bool,
    wanted: bool,
    paused: bool,
    /// It has a `down` file.
    kept_down: bool,
    /// How many times it has been started.
    starts: usize,
}

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Letter(u8),
    Exit(u8),
}

impl Model {
    /// Something that can happen now, and whose effect does not depend on the moment.
    fn choose(&self, random: &mut Random) -> Step {
        if self.paused {
            // A signal other than KILL would wait for the CONT.
            return Step::Letter(random.of(b"cccdDkyu"));
        }
        match (self.up, random.below(10)) {
            (true, 0..=2) => Step::Letter(random.of(b"pyucO")),
            (true, 3) => Step::Letter(random.of(b"dD")),
            // A service that is wanted is started again only after a second: not too often.
            (true, 4..) if self.wanted && random.below(8) > 0 => Step::Letter(random.of(b"oO")),
            (true, 4 | 5) => Step::Exit(random.of(&[0, 3, 99, 255])),
            (true, _) => Step::Letter(random.of(DEADLY)),
            (false, 0..=3) => Step::Letter(random.of(b"dDOcy")),
            (false, _) => Step::Letter(random.of(b"uUoo")),
        }
    }

    /// What is to become of it.
    fn after(mut self, step: Step) -> Self {
        let mut dies = false;
        match step {
            Step::Letter(b'U') => (self.wanted, self.kept_down) = (true, false),
            Step::Letter(b'u') => self.wanted = true,
            Step::Letter(b'o' | b'O') => self.wanted = false,
            Step::Letter(letter @ (b'd' | b'D')) => {
                (self.wanted, dies) = (false, self.up);
                self.kept_down |= letter == b'D';
            }
            Step::Letter(b'p') => self.paused = self.up,
            Step::Letter(b'c') => self.paused = false,
            Step::Letter(letter) => dies = self.up && DEADLY.contains(&letter),
            Step::Exit(code) => {
                dies = true;
                self.wanted &= code != 99;
            }
        }
        let asked = !self.up && matches!(step, Step::Letter(b'u' | b'U' | b'o'));
        if dies || asked {
            self.up = asked || self.wanted;
            self.paused = false;
            self.starts += usize::from(self.up);
        }
        self
    }
}

/// A service directory that lives through it all.
struct Life<'a> {
    world: &'a World,
    name: &'static str,
    listener: Listener,
    events: Vec<u8>,
}

impl<'a> Life<'a> {
    fn begin(world: &'a World, side: Side) -> Self {
        let name = if side == Side::Ours { "ours" } else { "theirs" };
        world.service(name, FILES);
        let dir = world.dir.join(name);
        nix::unistd::mkfifo(&dir.join("orders"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let events = dir.join("event");
        fifodir::make(events.as_os_str().as_bytes(), None, false).unwrap();
        let listener = Listener::subscribe(events.as_os_str().as_bytes()).unwrap();
        world.spawn(side, &["s6-supervise", name]);
        Self { world, name, listener, events: Vec::new() }
    }

    fn status(&self) -> Option<Status> {
        let file = self.world.dir.join(self.name).join("supervise/status");
        std::fs::read(file).ok().as_deref().and_then(Status::decode)
    }

    fn make(&self, step: Step) {
        let dir = self.world.dir.join(self.name);
        let (file, word) = match step {
            Step::Letter(letter) => ("supervise/control", vec![letter]),
            Step::Exit(code) => ("orders", format!("{code}\n").into_bytes()),
        };
        std::fs::write(dir.join(file), word).unwrap();
    }

    /// Waits until the service is as the model says.
    fn reaches(&mut self, model: Model, history: &[Step]) {
        self.world.until(&format!("{}: {model:?} after {history:?}", self.name), || {
            self.listener.read(&mut self.events).unwrap();
            let starts = self.events.iter().filter(|event| **event == b'u').count();
            // The last event comes after the status that it tells of.
            let is_notified = self.events.last() == Some(if model.up { &b'U' } else { &b'D' });
            let kept_down = self.world.has(&format!("{}/down", self.name));
            self.status().is_some_and(|status| {
                (starts, is_notified, kept_down) == (model.starts, true, model.kept_down)
                    && status.ready
                    && (status.is_up(), status.want_up) == (model.up, model.wanted)
                    && (status.paused && status.is_up()) == model.paused
            })
        });
    }

    /// The causes of its deaths.
    fn deaths(&self) -> Vec<(u8, u8)> {
        let file = self.world.dir.join(self.name).join("supervise/death_tally");
        let deaths = tally::decode(&std::fs::read(file).unwrap());
        deaths.iter().map(|death| (death.exit_code, death.signal)).collect()
    }

    fn last_words(&self) -> String {
        let fields = "up,wantedup,normallyup,ready,paused,exitcode,signal,signum";
        self.world.ok(&["s6-svstat", "-o", fields, self.name])
    }
}

/// `SIXTREE_SEED=N cargo test random_life` lives another one.
#[test]
fn a_random_life_leaves_the_same_traces() {
    let Some(world) = World::new("random_life", Side::Ours, Side::Ours) else { return };
    let seed = environment::number("SIXTREE_SEED", 20_151);
    let mut random = Random(seed | 1);
    let mut lives = SIDES.map(|side| Life::begin(&world, side));
    let mut model = Model { up: true, wanted: true, starts: 1, ..Model::default() };
    let mut history = Vec::new();
    lives.iter_mut().for_each(|life| life.reaches(model, &history));
    for _ in 0..STEPS {
        let step = model.choose(&mut random);
        history.push(step);
        model = model.after(step);
        lives.iter().for_each(|life| life.make(step));
        lives.iter_mut().for_each(|life| life.reaches(model, &history));
    }
    let [ours, theirs] = &lives;
    let text = |events: &[u8]| String::from_utf8_lossy(events).into_owned();
    assert_eq!(text(&ours.events), text(&theirs.events), "SIXTREE_SEED={seed}");
    assert_eq!(ours.deaths(), theirs.deaths(), "SIXTREE_SEED={seed}");
    assert_eq!(ours.last_words(), theirs.last_words(), "SIXTREE_SEED={seed}");
    assert!(ours.events.len() > STEPS / 2 && !ours.deaths().is_empty());
}
