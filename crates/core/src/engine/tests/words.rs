//! Commands in few words, and a world in which all goes well.

use super::*;

impl Scene {
    /// A command in few words.
    pub(super) fn command(&self, command: &Command) -> String {
        match command {
            Command::Spawn(p) => format!("spawn {}", self.process_name(*p)),
            Command::Signal(p, signal) => format!("{} {}", self.process_name(*p), sent(*signal)),
            Command::Forget(p) => format!("forget {}", self.process_name(*p)),
            Command::Status(id) => format!("status {}", self.name(*id)),
            Command::Notify(id, notices) => {
                let letters: String = notices.iter().map(|notice| letter(*notice)).collect();
                format!("{} {letters}", self.name(*id))
            }
            Command::Tally(id, exit) => format!("tally {} {exit:?}", self.name(*id)),
            Command::Draw(id) => format!("draw {}", self.name(*id)),
            Command::ReportFailures(id, row) => {
                format!("{} failures of {}", row.failures, self.name(*id))
            }
            Command::ReportRest(id, rest) => format!("{} rests: {rest:?}", self.name(*id)),
            Command::StopFor(id, rest) => format!("stop for {} {rest:?}", self.name(*id)),
            Command::Look(id, look) => format!("look at {} {look:?}", self.name(*id)),
            Command::Unwell(id, what, reaction) => {
                format!("{} {what:?}: {reaction:?}", self.name(*id))
            }
            Command::DownFile(id, true) => format!("down {}", self.name(*id)),
            Command::DownFile(id, false) => format!("no down {}", self.name(*id)),
            Command::Supervise(id) => format!("supervise {}", self.name(*id)),
            Command::Unsupervise(id) => format!("unsupervise {}", self.name(*id)),
            Command::Drop(id) => format!("drop {}", self.name(*id)),
            Command::Report(request, report) => format!("{}: {}", request.0, self.report(*report)),
            Command::Done(request, outcome) => format!("{}: {outcome:?}", request.0),
            Command::SignalCmd(number) => format!("cmd {number}"),
            Command::ExitCode(code) => format!("code {code}"),
            Command::StartCmd | Command::TermAll | Command::KillAll | Command::Exit => {
                format!("{command:?}")
            }
        }
    }

    /// Answers and ends whatever is asked for, all well, until nothing is left to do.
    pub(super) fn play(&mut self) {
        let ids: Vec<_> = self.engine.services.longruns.keys().copied().collect();
        for id in ids {
            self.on(Event::Supervised(id, Supervised { down: true, ..Supervised::default() }));
        }
        while self.play_round() {}
    }

    fn play_round(&mut self) -> bool {
        let mut moved = false;
        for id in self.engine.graph().ids().collect::<Vec<_>>() {
            if let Some(script) = self.engine.services.running(id) {
                let process = Process { service: id, script };
                self.on(Event::Spawned(process, Spawned::default()));
                self.on(Event::Exited(process, Exit::Code(0)));
                moved = true;
            }
            if self.engine.longrun(id).is_some_and(|l| l.phase() == Phase::Starting) {
                let process = Process { service: id, script: Script::Run };
                self.on(Event::Spawned(process, Spawned::default()));
                moved = true;
            }
        }
        moved
    }

    fn name(&self, id: ServiceId) -> String {
        match self.engine.graph().name(id) {
            "" => format!("#{}", id.0),
            name => name.into(),
        }
    }

    fn process_name(&self, process: Process) -> String {
        format!("{} {:?}", self.name(process.service), process.script).to_lowercase()
    }

    fn report(&self, report: Report) -> String {
        let (what, id, why) = match report {
            Report::Starting(id) => ("starting", id, None),
            Report::Started(id) => ("started", id, None),
            Report::NotStarted(id, why) => ("not started", id, Some(why)),
            Report::Stopping(id) => ("stopping", id, None),
            Report::Stopped(id) => ("stopped", id, None),
            Report::NotStopped(id, why) => ("not stopped", id, Some(why)),
            Report::AlreadyUp(id) => ("already up", id, None),
            Report::AlreadyDown(id) => ("already down", id, None),
            Report::Essential(id) => ("essential", id, None),
            Report::Reloading(id) => ("reloading", id, None),
            Report::Reloaded(id) => ("reloaded", id, None),
            Report::NotReloaded(id, why) => ("not reloaded", id, Some(why)),
            Report::Left(id) => ("left", id, None),
            Report::StillWaiting(id) => ("waiting for", id, None),
            Report::Late(id) => ("late", id, None),
            Report::BootFailed | Report::BootFatal => return format!("{report:?}"),
        };
        let why = why.map(|why| format!(" {why:?}")).unwrap_or_default();
        format!("{what} {}{why}", self.name(id))
    }
}

/// The letter of a notice in `event/`.
fn letter(notice: Notice) -> char {
    match notice {
        Notice::Supervised => 's',
        Notice::Up => 'u',
        Notice::Ready => 'U',
        Notice::Died => 'd',
        Notice::GaveUp => 'O',
        Notice::Down => 'D',
        Notice::Unsupervised => 'x',
    }
}

fn group(target: Target) -> &'static str {
    match target {
        Target::Process => "",
        Target::Group => "group ",
    }
}

fn sent(signal: Signal) -> String {
    match signal {
        Signal::Term => "15".into(),
        Signal::KillGroup => "group 9".into(),
        Signal::Pause(target) => format!("{}19", group(target)),
        Signal::Continue(target) => format!("{}18", group(target)),
        Signal::Number(number) => format!("{number}"),
        Signal::Down => "down-signal".into(),
        Signal::Reload => "reload-signal".into(),
        Signal::TimedOut => "late".into(),
    }
}
