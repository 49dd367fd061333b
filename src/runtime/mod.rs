//! The event loop: it turns what the kernel reports into events, and the engine's commands into
//! system calls.
//!
//! One thread, one epoll; nothing here blocks for longer than a fork or a small file takes.
//!
//! Differs: there is no s6-supervise for each service. All of them are supervised here.

mod absences;
mod boot_record;
mod children;
mod clients;
mod common_lock;
mod control;
mod deadlock;
mod directory;
mod ends;
mod exit_code;
mod failed_boot;
mod halt;
mod health;
mod journal;
mod live;
mod looker;
mod notes;
mod output;
mod perform;
mod pipeline;
mod poller;
mod report;
mod reporter;
mod requests;
mod scale;
mod scan;
mod scripts;
mod service;
mod servicedir;
mod settings;
mod signals;
mod small_files;
mod spare;
mod status_page;
mod stray;
pub(crate) mod supervisors;
mod update;

pub(crate) use absences::Absences;
pub(crate) use live::LiveTree;
pub(crate) use output::OutputHolder;
pub(crate) use servicedir::{LiveError, fill};
pub(crate) use settings::{Cmd, Role, RuntimeSettings};
pub(crate) use signals::{hold as hold_signals, stops as stop_signals};

use crate::engine::{Engine, Event, Time};
use crate::graph::{Direction, Graph, ServiceId};
use crate::sys::memory::ProgramPages;
use boot_record::BootRecord;
use children::Children;
use clients::Clients;
use exit_code::ExitCode;
use halt::HaltFifo;
use looker::LookerLink;
use nix::errno::Errno;
use pipeline::Pipelines;
use poller::{Poller, Source};
use reporter::Reporter;
use scan::ScanDirectory;
use service::Services;
use signals::WatchedSignals;
use std::collections::VecDeque;
use stray::Stray;
use supervisors::Bereaved;

/// How long nothing must happen before the pages of the program are released, in ms.
const REST_MS: u64 = 1_000;

/// How soon to check again whether a child has a descriptor table of its own, in ms: until then a
/// pipe that the child closes stays open here.
const SETTLE_MS: u64 = 10;

/// The runtime: everything that is open, running or waited for.
pub(crate) struct Runtime {
    engine: Engine,
    settings: RuntimeSettings,
    services: Services,
    children: Children,
    bereaved: Bereaved,
    pipelines: Pipelines,
    clients: Clients,
    looker: LookerLink,
    scan: ScanDirectory,
    reporter: Reporter,
    boot: BootRecord,
    poller: Poller,
    signals: WatchedSignals,
    program: ProgramPages,
    /// The FIFO that `halt` writes to.
    halt: Option<HaltFifo>,
    stray: Stray,
    output: OutputHolder,
    /// Answers that the engine gets after all its commands have been performed.
    later: VecDeque<Event>,
    /// When the last event came, in µs since this process began.
    heard_us: u64,
    /// The services that a stop waits for, to be named in one line.
    awaited: Vec<ServiceId>,
    exit_code: ExitCode,
    left: bool,
}

impl Runtime {
    /// A runtime for a tree. From now on the signals of a supervisor are blocked, and what it has
    /// open is its own.
    pub(crate) fn new(
        settings: RuntimeSettings,
        graph: Graph,
        output: OutputHolder,
    ) -> Result<Self, Errno> {
        crate::sys::spawn::keep_to_ourselves();
        let poller = Poller::new()?;
        let signals = WatchedSignals::watch(settings.role)?;
        poller.watch(signals.fd(), Source::Signals)?;
        Ok(Self {
            engine: Engine::new(graph),
            services: Services::default(),
            children: Children::new()?,
            bereaved: Bereaved::default(),
            pipelines: Pipelines::default(),
            clients: Clients::default(),
            looker: LookerLink::default(),
            scan: ScanDirectory::new(settings.scan_directory.clone()),
            reporter: Reporter::new(settings.verbosity, settings.role),
            boot: BootRecord::default(),
            halt: None,
            stray: Stray::default(),
            output,
            later: VecDeque::new(),
            heard_us: 0,
            awaited: Vec::new(),
            exit_code: ExitCode::of(&settings.run_directory),
            left: false,
            settings,
            poller,
            signals,
            program: ProgramPages::find(),
        })
    }

    /// Runs until the engine leaves the loop; `first` is the first event.
    pub(crate) fn run(mut self, first: Option<Event>) -> u8 {
        self.open_controls();
        self.services.working.spare.hold();
        self.follow_output();
        if self.settings.role == Role::Scan || !self.settings.catch_all.is_empty() {
            self.rescan();
        }
        if let Some(Event::Boot(container)) = &first {
            let graph = self.engine.graph();
            self.note_boot(graph.closure(&container.top, Direction::Up).len());
            self.boot.begin(self.now());
        }
        first.into_iter().for_each(|event| self.feed(event));
        while !self.left {
            self.turn();
        }
        self.report_last_lines();
        let (code, output) = (self.exit_code.read(), std::mem::take(&mut self.output));
        drop(self);
        output.finish();
        code
    }

    /// One turn of the loop: first what has happened, then what is due.
    fn turn(&mut self) {
        for source in self.wait() {
            self.news(source);
        }
        if std::mem::take(&mut self.children.reap_again) {
            self.reap();
        }
        if self.engine.deadline().is_some_and(|t| t <= self.now()) {
            self.feed(Event::Timeout);
        }
        if self.services.due().is_some_and(|t| t <= self.now()) {
            self.write_statuses();
        }
        self.show_supervisors_if_due();
        self.stop_if_due();
        self.name_boot_waits();
        self.refuse_deadlocks();
        self.scan_if_due();
        self.start_output_if_due();
        self.start_looker_if_due();
        self.look_for_others();
        self.settle_clients();
        self.reporter.watch(&self.poller);
    }

    fn news(&mut self, source: Source) {
        match source {
            Source::Signals => self.take_signals(),
            Source::Control(id) => self.read_control(id),
            Source::Readiness(id) => self.read_readiness(id),
            Source::Supervisor(id) => self.read_supervisor(id),
            Source::Looker => self.read_findings(),
            Source::Scan => self.read_scan_control(),
            Source::Halt => self.read_halt(),
            Source::Listener => self.accept_clients(),
            Source::Client(id) => self.serve_client(id),
            Source::Journal => self.reporter.journal.flush(),
            Source::Output => self.read_output(),
        }
    }

    /// Passes an event to the engine and performs the commands that it emits; the answers are
    /// events, too.
    fn feed(&mut self, event: Event) {
        self.feed_all(VecDeque::from([event]));
    }

    /// The same with several events.
    fn feed_all(&mut self, mut events: VecDeque<Event>) {
        while let Some(event) = events.pop_front() {
            self.heard_us = self.since_begun_us();
            self.engine.handle(Time(self.heard_us / 1_000), event);
            self.obey(&mut events);
        }
        self.write_statuses();
        self.name_awaited();
    }

    /// Performs all commands of the engine, and adds the answers to the events.
    fn obey(&mut self, events: &mut VecDeque<Event>) {
        while let Some(command) = self.engine.poll() {
            events.extend(self.perform(command));
            events.append(&mut self.later);
        }
    }

    /// Waits until something happens or is due. A PID 1 that has been idle for a while usually
    /// stays idle: it then releases the pages of the program, and sleeps until something happens.
    fn wait(&mut self) -> Vec<Source> {
        let unsettled = self.children.spawner.settle().then_some(SETTLE_MS);
        let due = [self.wait_ms(), unsettled].into_iter().flatten().min();
        let after_rest = due.map(|ms| ms.saturating_sub(REST_MS));
        if after_rest == Some(0) {
            return self.poller.wait(due);
        }
        let news = self.poller.wait(Some(REST_MS));
        if !news.is_empty() {
            return news;
        }
        self.program.give_back();
        self.poller.wait(after_rest)
    }

    /// How long until something is due, in ms; `None`: nothing is.
    fn wait_ms(&self) -> Option<u64> {
        if self.children.reap_again {
            return Some(0);
        }
        let now = self.now();
        let due = [
            self.engine.deadline(),
            self.scan.due(),
            self.looking_at(),
            self.boot.due(),
            self.clients.due(),
            self.looker.due(),
            self.services.due(),
            self.bereaved.due(),
            self.output.due(),
            self.halt.as_ref().and_then(HaltFifo::due),
        ];
        due.into_iter().flatten().min().map(|t| t.0.saturating_sub(now.0))
    }

    fn now(&self) -> Time {
        Time(self.since_begun_us() / 1_000)
    }
}
