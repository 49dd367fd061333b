//! Big trees: the cost of an event is that of the services it touches, not that of the tree.

use sixtree_core::definition::{Atomic, Definition, Kind, Longrun, Oneshot, Reference};
use sixtree_core::engine::*;
use sixtree_core::graph::{Graph, ServiceId};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Services of a big tree.
const MANY: usize = 20_000;
/// So long a big tree may take, even unoptimised and on a busy machine. Where the cost of an event
/// grew with the tree it would be minutes.
const LIMIT: Duration = Duration::from_secs(60);

fn service(at: usize, needs: Option<usize>) -> Definition {
    let dependencies = needs.map(|at| Reference::to(&format!("s{at}"))).into_iter().collect();
    let atomic = Atomic { dependencies, ..Atomic::default() };
    let kind = match at % 2 {
        0 => Kind::Longrun(Longrun { atomic, ..Longrun::default() }),
        _ => Kind::Oneshot(Oneshot { atomic, ..Oneshot::default() }),
    };
    Definition::new(&format!("s{at}"), kind)
}

/// An engine, and the answers that it is to get.
struct Well {
    engine: Engine,
    now: u64,
    answers: VecDeque<Event>,
    events: u64,
    commands: u64,
    exited: bool,
}

impl Well {
    fn new(definitions: Vec<Definition>) -> Self {
        let engine = Engine::new(Graph::new(definitions).expect("a sound tree"));
        let answers = VecDeque::new();
        Self { engine, now: 1, answers, events: 0, commands: 0, exited: false }
    }

    /// Hands an event in, and then all that follows where everything goes well.
    fn follow(&mut self, event: Event) {
        self.answers.push_back(event);
        while let Some(event) = self.answers.pop_front() {
            self.events += 1;
            self.now += 1;
            self.engine.handle(Time(self.now), event);
            while let Some(command) = self.engine.poll() {
                self.commands += 1;
                self.answer(&command);
            }
        }
    }

    fn answer(&mut self, command: &Command) {
        match *command {
            Command::Supervise(id) => {
                self.answers.push_back(Event::Supervised(
                    id,
                    Supervised { down: true, ..Supervised::default() },
                ));
            }
            Command::Spawn(process) if process.script == Script::Finish => {
                self.answers.push_back(Event::NotSpawned(process, NotSpawned::Absent));
            }
            Command::Spawn(process) => {
                self.answers.push_back(Event::Spawned(process, Spawned::default()));
                if process.script != Script::Run {
                    self.answers.push_back(Event::Exited(process, Exit::Code(0)));
                }
            }
            Command::Signal(process, Signal::Down) => {
                self.answers.push_back(Event::Stopping(process.service, 0));
                self.answers.push_back(Event::Exited(process, Exit::Signal(15)));
            }
            Command::TermAll => self.answers.push_back(Event::Alone),
            Command::Exit => self.exited = true,
            _ => {}
        }
    }
}

/// Boots a tree, lets a longrun of it crash a thousand times, and stops it.
fn live(name: &str, needs: impl Fn(usize) -> Option<usize>) {
    let begin = Instant::now();
    let mut well = Well::new((0..MANY).map(|at| service(at, needs(at))).collect());
    let read = begin.elapsed();
    let top = well.engine.graph().ids().collect();
    let container = Container { top, kill_grace_ms: 3000, ..Container::default() };
    well.follow(Event::Boot(container));
    let up = well.engine.graph().ids().filter(|&id| well.engine.is_up(id)).count();
    assert_eq!(up, MANY);
    let boot = begin.elapsed();
    for _ in 0..1000 {
        let process = Process { service: ServiceId(0), script: Script::Run };
        well.follow(Event::Exited(process, Exit::Code(1)));
        well.now = well.engine.deadline().expect("a restart").0;
        well.follow(Event::Timeout);
    }
    let crashes = begin.elapsed();
    well.follow(Event::Stop);
    assert!(well.exited);
    let stop = begin.elapsed();
    assert!(stop < LIMIT, "{name}: {stop:?}");
    let (events, commands) = (well.events, well.commands);
    let [boot, crashes, stop] = [boot - read, crashes - boot, stop - crashes];
    eprintln!(
        "{MANY} services, {name}: {events} events, {commands} commands; boot {boot:?}, \
         1000 crashes {crashes:?}, stop {stop:?}"
    );
}

#[test]
fn a_long_chain() {
    live("a chain", |at| at.checked_sub(1));
}

#[test]
fn a_wide_star() {
    live("a star", |at| (at > 0).then_some(0));
}
