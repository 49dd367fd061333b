//! Handles the requests of clients of the control socket.

use super::Runtime;
use crate::engine::{self, Event, RequestId};
use crate::format::request::{Answer, ChangeRequest, Malformed, Outcome, Reload, Request, State};
use crate::graph::ServiceId;
use std::collections::BTreeSet;

/// How many names of a request are remembered; it may have thousands.
const NAMED: usize = 10;

impl Runtime {
    /// Takes a line of a client: its request or, while that is under way, the wish to abort it.
    /// Anything else then aborts it as well.
    pub(super) fn hear(&mut self, id: u32, line: Result<Vec<u8>, Malformed>) {
        let is_under_way = self.clients.is_under_way(id);
        match line.and_then(|line| Request::decode(&line)) {
            Ok(Request::Abort) if is_under_way => self.clients.abort(id),
            Ok(Request::Abort) => self.reply(id, &Answer::Done(Outcome::Aborted)),
            Ok(_) if is_under_way => {
                self.refuse(id, 111, "another request of this client is under way");
            }
            Ok(request) => return self.ask(id, request),
            Err(e) => self.refuse_malformed(id, &e),
        }
        if is_under_way {
            self.feed(Event::Abort(RequestId(id)));
        }
    }

    fn ask(&mut self, id: u32, request: Request) {
        match request {
            Request::Change(change) => self.ask_change(id, change),
            Request::Reload(reload) => self.ask_reload(id, reload),
            Request::States => self.reply_states(id),
            Request::Status(from) => {
                self.reply(id, &Answer::Status(self.status_page(ServiceId(from))));
            }
            Request::Timing => self.reply(id, &Answer::Timing(self.boot_times())),
            Request::Journal(from) => {
                self.reply(id, &Answer::Journal(self.reporter.journal.page(from)))
            }
            Request::Update(update) => self.ask_update(id, &update),
            Request::Scale(scale) => self.ask_scale(id, &scale),
            Request::Abort => {}
        }
    }

    fn refuse_malformed(&mut self, id: u32, why: &Malformed) {
        let mut text = why.to_string();
        if let Malformed::Version { .. } = why {
            let own = std::process::id();
            text += &format!(
                ". Use the program that PID 1 runs, /proc/{own}/exe, in the place of sixtree, or \
                 restart the container"
            );
        }
        self.refuse(id, 111, &text);
    }

    pub(super) fn refuse(&mut self, id: u32, code: u8, text: &str) {
        self.reply(id, &Answer::Error { code, text: text.to_owned() });
    }

    pub(super) fn reply(&mut self, id: u32, answer: &Answer) {
        self.clients.reply(id, answer);
    }

    fn ask_change(&mut self, id: u32, change: ChangeRequest) {
        let Some(selection) = self.resolve(id, &change.names, change.down) else { return };
        let verb = match (change.dry_run_ms, change.down) {
            (Some(_), _) => "rehearse",
            (None, true) => "bring down",
            (None, false) => "bring up",
        };
        self.begin_request(id, verb, &change.names, change.wait);
        let change = engine::Change {
            selection,
            down: change.down,
            prune: change.prune,
            all: change.all,
            essential: change.essential,
            timeout_ms: change.timeout_ms,
            wait: change.wait,
            dry_run: change.dry_run_ms.is_some(),
        };
        self.feed(Event::Change(RequestId(id), change));
    }

    fn ask_reload(&mut self, id: u32, reload: Reload) {
        let Some(selection) = self.resolve(id, &reload.names, false) else { return };
        self.begin_request(id, "reload", &reload.names, reload.wait);
        let change = engine::Change {
            selection,
            timeout_ms: reload.timeout_ms,
            wait: reload.wait,
            dry_run: reload.dry_run_ms.is_some(),
            ..engine::Change::default()
        };
        self.feed(Event::Reload(RequestId(id), change));
    }

    /// Records that something is being done for a client, which may wait for its turn.
    fn begin_request(&mut self, id: u32, verb: &str, names: &[String], wait: bool) {
        let pid = self.clients.begin(id);
        if wait {
            self.clients.look_later(id, self.look_at());
        }
        let (named, others) = names.split_at(names.len().min(NAMED));
        let more = match others.len() {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        self.note_request(pid, &format!("{verb}: {}{more}", named.join(" ")));
    }

    /// The services that names stand for, each once; an unknown name is refused. A service that is
    /// off is down: a request to stop it succeeds, and any other is refused.
    fn resolve(&mut self, id: u32, names: &[String], down: bool) -> Option<Vec<ServiceId>> {
        let (mut selection, mut seen) = (Vec::new(), BTreeSet::new());
        for name in names {
            let graph = self.engine.graph();
            match (graph.find(name), self.settings.absences.why_off(name, graph)) {
                (Some(ids), _) => selection.extend(ids.into_iter().filter(|id| seen.insert(*id))),
                (None, Some(_)) if down => {}
                (None, Some(why)) => {
                    let text = format!("{name} is off: {why}");
                    self.refuse(id, 1, &text);
                    return None;
                }
                (None, None) => {
                    let database = self.settings.run_directory.join("s6-rc/resolve.cdb");
                    let text =
                        format!("{name} is not a recognized identifier in {}", database.display());
                    self.refuse(id, 3, &text);
                    return None;
                }
            }
        }
        Some(selection)
    }

    /// Differs: s6-rc cannot tell while a change is under way. It would need the lock.
    fn reply_states(&mut self, id: u32) {
        let graph = self.engine.graph();
        let state = |id| State {
            name: graph.name(id).to_owned(),
            up: self.engine.is_up(id),
            wanted: self.engine.wanted_up(id),
        };
        let states = graph.ids().map(state).collect();
        self.reply(id, &Answer::States(states));
    }
}
