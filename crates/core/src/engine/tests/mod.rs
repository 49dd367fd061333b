//! Short scripted scenarios: event in, commands out, in few words.

mod boot;
mod changes;
mod ends;
mod health;
mod order;
mod replace;
mod scan;
mod shutdown;
mod stop_script;
mod stopping;
mod supervision;
mod words;

use super::*;
use crate::definition::{
    Atomic, Definition, EndAction, Kind, Longrun as LongrunKind, Oneshot, Reference,
};

/// A oneshot.
fn oneshot(name: &str, dependencies: &[&str]) -> Definition {
    let atomic = atomic(dependencies);
    Definition::new(name, Kind::Oneshot(Oneshot { atomic, ..Oneshot::default() }))
}

/// A longrun.
fn longrun(name: &str, dependencies: &[&str]) -> Definition {
    let atomic = atomic(dependencies);
    Definition::new(name, Kind::Longrun(LongrunKind { atomic, ..LongrunKind::default() }))
}

/// The same with limits, in ms.
fn limited(mut definition: Definition, up: u32, down: u32) -> Definition {
    match &mut definition.kind {
        Kind::Oneshot(Oneshot { atomic, .. }) | Kind::Longrun(LongrunKind { atomic, .. }) => {
            (atomic.timeout_up_ms, atomic.timeout_down_ms) = (up, down);
        }
        Kind::Bundle(_) => {}
    }
    definition
}

/// The same, after others that it does not need.
fn after(names: &[&str], mut definition: Definition) -> Definition {
    match &mut definition.kind {
        Kind::Oneshot(Oneshot { atomic, .. }) | Kind::Longrun(LongrunKind { atomic, .. }) => {
            atomic.after = names.iter().map(|name| Reference::to(name)).collect();
        }
        Kind::Bundle(_) => {}
    }
    definition
}

/// The same, essential.
fn essential(definition: Definition) -> Definition {
    Definition { essential: true, ..definition }
}

fn atomic(dependencies: &[&str]) -> Atomic {
    let dependencies = dependencies.iter().map(|name| Reference::to(name)).collect();
    Atomic { dependencies, ..Atomic::default() }
}

/// An engine with a clock.
struct Scene {
    engine: Engine,
    now: u64,
}

impl Scene {
    fn new(definitions: Vec<Definition>) -> Self {
        let graph = Graph::new(definitions).expect("a sound tree");
        Self { engine: Engine::new(graph), now: 10_000 }
    }

    /// A scene in which the container has booted with these services up, and has no CMD.
    fn booted(definitions: Vec<Definition>, top: &[&str]) -> Self {
        let mut scene = Self::new(definitions);
        let top = scene.ids(top);
        scene.on(Event::Boot(Container { top, kill_grace_ms: 3000, ..Container::default() }));
        scene.play();
        scene
    }

    fn ids(&self, names: &[&str]) -> Vec<ServiceId> {
        names.iter().map(|name| self.id(name)).collect()
    }

    /// A service by its name; `#7` is the scanned directory 7.
    fn id(&self, name: &str) -> ServiceId {
        let scanned = |name: &str| name.strip_prefix('#')?.parse().ok().map(ServiceId);
        let found = scanned(name).or_else(|| self.engine.graph().service(name));
        found.expect("a known service")
    }

    /// A process, as `web run`.
    fn process(&self, text: &str) -> Process {
        let (name, script) = text.split_once(' ').expect("two words");
        let script = match script {
            "run" => Script::Run,
            "finish" => Script::Finish,
            "stop" => Script::Stop,
            "up" => Script::Up,
            "down" => Script::Down,
            "reload" => Script::Reload,
            _ => panic!("no script: {script}"),
        };
        Process { service: self.id(name), script }
    }

    /// Lets time go on.
    fn wait(&mut self, ms: u64) {
        self.now += ms;
    }

    /// Hands an event in; what is to be done, in words.
    fn on(&mut self, event: Event) -> String {
        self.engine.handle(Time(self.now), event);
        let commands: Vec<_> = std::iter::from_fn(|| self.engine.poll()).collect();
        let words: Vec<_> = commands.iter().map(|command| self.command(command)).collect();
        words.join(" | ")
    }

    fn spawned(&mut self, process: &str) -> String {
        let process = self.process(process);
        let timeout_ms = if process.script == Script::Finish { 5000 } else { 0 };
        self.on(Event::Spawned(process, Spawned { timeout_ms, ..Spawned::default() }))
    }

    fn spawned_with_readiness(&mut self, process: &str) -> String {
        let process = self.process(process);
        self.on(Event::Spawned(process, Spawned { notifies: true, ..Spawned::default() }))
    }

    fn absent(&mut self, process: &str) -> String {
        let process = self.process(process);
        self.on(Event::NotSpawned(process, NotSpawned::Absent))
    }

    fn exited(&mut self, process: &str, code: u8) -> String {
        let process = self.process(process);
        self.on(Event::Exited(process, Exit::Code(code)))
    }

    fn ready(&mut self, name: &str) -> String {
        self.on(Event::Ready(self.id(name)))
    }

    fn control(&mut self, name: &str, control: Control) -> String {
        self.on(Event::Control(self.id(name), control))
    }

    /// Asks for a change: `-u`, or with its options.
    fn change(&mut self, request: u32, change: Change, names: &[&str]) -> String {
        let selection = self.ids(names);
        self.on(Event::Change(RequestId(request), Change { selection, ..change }))
    }

    /// How long it is to the deadline, in ms.
    fn deadline(&self) -> Option<u64> {
        self.engine.deadline().map(|at| at.0 - self.now)
    }

    /// Lets the deadline come.
    fn timeout(&mut self) -> String {
        self.now = self.engine.deadline().expect("a deadline").0;
        self.on(Event::Timeout)
    }
}
