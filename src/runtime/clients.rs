//! The control socket: s6-rc and sixtree ask, PID 1 answers. A client that does not read what it
//! is told is let go of; nobody waits for it.

use super::Runtime;
use super::poller::Source;
use crate::engine::{self, Event, RequestId, SHUTDOWN};
use crate::format::request::{
    Answer, CONTROL, Change, Lines, Outcome, Reload, Request, Say, State,
};
use crate::graph::ServiceId;
use crate::sys::{fd, socket};
use litemap::LiteMap;
use nix::errno::Errno;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

/// The most bytes of answers that are kept for a client that does not read.
const MAX_UNREAD: usize = 4 << 20;

/// The most clients at a time.
const MAX_CLIENTS: usize = 256;

/// How many descriptors a client gives: stdin, stdout and stderr.
const STDIO: usize = 3;

/// Everyone who is connected.
#[derive(Debug)]
pub struct Clients {
    listener: Option<OwnedFd>,
    /// Given up when there is no other descriptor, so that whoever waits can be turned away.
    spare: Option<OwnedFd>,
    connected: LiteMap<u32, Client>,
    next: u32,
    /// For whom something is being done to a service.
    requests: LiteMap<ServiceId, RequestId>,
}

impl Default for Clients {
    fn default() -> Self {
        let (connected, requests) = (LiteMap::new(), LiteMap::new());
        Self { listener: None, spare: None, connected, next: SHUTDOWN.0 + 1, requests }
    }
}

/// A connection. Its number is that of its request.
#[derive(Debug)]
struct Client {
    socket: OwnedFd,
    lines: Lines,
    stdio: Vec<OwnedFd>,
    unread: Vec<u8>,
    /// It has its last answer, and goes when it has read it.
    finished: bool,
    /// What it asked for is under way in the engine.
    asked: bool,
}

impl Clients {
    /// Remembers for whom a service is being started or stopped, if it is for a client.
    pub fn note_request(&mut self, id: ServiceId, request: RequestId) {
        match self.connected.contains_key(&request.0) {
            true => drop(self.requests.insert(id, request)),
            false => drop(self.requests.remove(&id)),
        }
    }
    /// The request because of which something is being done to a service.
    pub fn request_for(&self, id: ServiceId) -> Option<RequestId> {
        self.requests.get(&id).copied().filter(|r| self.connected.contains_key(&r.0))
    }
    /// stdin, stdout and stderr of whoever asked for what is being done to a service.
    pub fn stdio_for(&self, id: ServiceId) -> Option<[RawFd; STDIO]> {
        let client = self.connected.get(&self.request_for(id)?.0)?;
        match client.stdio.as_slice() {
            [input, output, error] => {
                Some([input.as_raw_fd(), output.as_raw_fd(), error.as_raw_fd()])
            }
            _ => None,
        }
    }
    /// Tells a client what happened.
    pub fn say(&mut self, request: RequestId, say: Say) {
        self.answer(request.0, &Answer::Say(say));
    }
    /// Writes a line to a client's stderr, if it has room.
    pub fn tell(&mut self, request: RequestId, line: &str) {
        let stderr = self.connected.get(&request.0).and_then(|c| c.stdio.get(2));
        if let Some(stderr) = stderr.filter(|e| has_room(e)) {
            let _ = fd::write_ready(stderr.as_raw_fd(), format!("{line}\n").as_bytes());
        }
    }
    /// Tells a client that its request has come to its end.
    pub fn done(&mut self, request: RequestId, outcome: Outcome) {
        self.requests.retain(|_, r| *r != request);
        self.answer(request.0, &Answer::Done(outcome));
    }

    /// There are too many open files. Whoever waited on would keep us awake.
    fn turn_away(&mut self) {
        self.spare = None;
        if let Some(listener) = &self.listener {
            drop(socket::accept(listener));
            self.spare = listener.try_clone().ok();
        }
    }

    fn answer(&mut self, id: u32, answer: &Answer) {
        if let Some(client) = self.connected.get_mut(&id) {
            client.unread.extend(answer.encode());
            client.finished |= answer.is_last();
            client.asked &= !answer.is_last();
            client.flush();
        }
    }
}

impl Client {
    fn flush(&mut self) {
        while !self.unread.is_empty() {
            match socket::send(self.socket.as_fd(), &self.unread, &[]) {
                Ok(n) => drop(self.unread.drain(..n)),
                Err(Errno::EAGAIN) => return,
                Err(_) => {
                    self.unread.clear();
                    self.finished = true;
                }
            }
        }
    }
    fn is_over(&self) -> bool {
        (self.finished && self.unread.is_empty()) || self.unread.len() > MAX_UNREAD
    }
}

impl Runtime {
    /// Listens on the control socket.
    pub(super) fn listen(&mut self) -> Result<(), Errno> {
        let path = self.settings.run_directory.join(CONTROL);
        let listener = socket::listen(&path)?;
        self.poller.watch(&listener, Source::Listener)?;
        self.clients.spare = listener.try_clone().ok();
        self.clients.listener = Some(listener);
        Ok(())
    }

    pub(super) fn accept_clients(&mut self) {
        let Some(listener) = &self.clients.listener else { return };
        let socket = match socket::accept(listener) {
            Ok(Some(socket)) => socket,
            Ok(None) => return,
            Err(_) => return self.clients.turn_away(),
        };
        if self.clients.connected.len() >= MAX_CLIENTS {
            return;
        }
        let id = self.clients.next;
        self.clients.next = id.checked_add(1).unwrap_or(SHUTDOWN.0 + 1);
        let _ = self.poller.watch(&socket, Source::Client(id));
        let client = Client {
            socket,
            lines: Lines::default(),
            stdio: Vec::new(),
            unread: Vec::new(),
            finished: false,
            asked: false,
        };
        self.clients.connected.insert(id, client);
    }

    /// Reads what a client sent, writes what it has not read.
    pub(super) fn serve_client(&mut self, id: u32) {
        let Some(client) = self.clients.connected.get_mut(&id) else { return };
        client.flush();
        let mut buffer = [0; 4096];
        let mut received = Vec::new();
        let gone = match socket::receive(client.socket.as_fd(), &mut buffer, &mut received) {
            Ok(0) => true,
            Ok(n) => {
                client.lines.push(buffer.get(..n).unwrap_or_default());
                if client.stdio.is_empty() {
                    received.truncate(STDIO);
                    client.stdio = received;
                }
                false
            }
            Err(e) => e != Errno::EAGAIN,
        };
        while let Some(client) = self.clients.connected.get_mut(&id) {
            match client.lines.take() {
                Ok(Some(line)) => self.ask(id, &line),
                Ok(None) => break,
                Err(e) => {
                    self.refuse(id, 111, &e.to_string());
                    break;
                }
            }
        }
        self.settle_client(id, gone);
    }

    /// Lets go of a client that has gone or has been served; waits for room where it has not.
    fn settle_client(&mut self, id: u32, gone: bool) {
        let Some(client) = self.clients.connected.get(&id) else { return };
        if gone || client.is_over() {
            let asked = client.asked;
            self.clients.connected.remove(&id);
            if asked {
                self.feed(Event::Abort(RequestId(id)));
            }
        } else {
            let _ =
                self.poller.change(&client.socket, Source::Client(id), !client.unread.is_empty());
        }
    }

    /// After events were handled: clients may have got their last answers.
    pub(super) fn settle_clients(&mut self) {
        let ids: Vec<u32> = self.clients.connected.keys().copied().collect();
        ids.into_iter().for_each(|id| self.settle_client(id, false));
    }

    fn ask(&mut self, id: u32, line: &[u8]) {
        match Request::decode(line) {
            Ok(Request::Change(change)) => self.ask_change(id, change),
            Ok(Request::Reload(reload)) => self.ask_reload(id, reload),
            Ok(Request::States) => self.tell_states(id),
            Ok(Request::Status(from)) => self.tell(id, "status", self.status(ServiceId(from))),
            Ok(Request::Timing) => self.tell(id, "timing", self.timing()),
            Ok(Request::Journal(from)) => self.tell(id, "journal", self.journal.told(from)),
            Ok(Request::Update(update)) => self.ask_update(id, &update),
            Ok(Request::Abort) => self.feed(Event::Abort(RequestId(id))),
            Err(e) => self.refuse(id, 111, &e.to_string()),
        }
    }

    pub(super) fn refuse(&mut self, id: u32, code: u8, text: &str) {
        self.clients.answer(id, &Answer::Error { code, text: text.to_owned() });
    }

    pub(super) fn reply(&mut self, id: u32, answer: &Answer) {
        self.clients.answer(id, answer);
    }

    fn ask_change(&mut self, id: u32, change: Change) {
        let Some(selection) = self.resolve(id, &change.names) else { return };
        let verb = match (change.dry_run_ms, change.down) {
            (Some(_), _) => "rehearse",
            (None, true) => "bring down",
            (None, false) => "bring up",
        };
        self.mark_asked(id, verb, &change.names);
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
        let Some(selection) = self.resolve(id, &reload.names) else { return };
        self.mark_asked(id, "reload", &reload.names);
        let change = engine::Change {
            selection,
            timeout_ms: reload.timeout_ms,
            wait: reload.wait,
            dry_run: reload.dry_run_ms.is_some(),
            ..engine::Change::default()
        };
        self.feed(Event::Reload(RequestId(id), change));
    }

    /// Remembers that something is being done for a client.
    fn mark_asked(&mut self, id: u32, verb: &str, names: &[String]) {
        if let Some(client) = self.clients.connected.get_mut(&id) {
            client.asked = true;
            let pid = socket::peer_pid(&client.socket).unwrap_or(0);
            self.note_request(pid, verb, names);
        }
    }

    /// The services that names stand for; an unknown one is refused.
    fn resolve(&mut self, id: u32, names: &[String]) -> Option<Vec<ServiceId>> {
        let mut selection = Vec::new();
        for name in names {
            match self.engine.graph().find(name) {
                Some(ids) => selection.extend(ids),
                None => {
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
    fn tell_states(&mut self, id: u32) {
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

/// Whether a write of a line would not block.
fn has_room(to: &OwnedFd) -> bool {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    let mut wanted = [PollFd::new(fd::borrow(to.as_raw_fd()), PollFlags::POLLOUT)];
    poll(&mut wanted, PollTimeout::ZERO).is_ok_and(|n| n > 0)
}
