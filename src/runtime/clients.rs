//! Connections to the control socket: who is connected, what each may still send, and how much is
//! kept for it. What clients ask for is done in `requests.rs`.
//!
//! Nobody waits for a client, and no client can keep others out: the number of them is bounded, and
//! so is what all of them together have in memory. Where there is no more room, those that have not
//! asked for anything are dropped first.

use super::Runtime;
use super::poller::Source;
use crate::engine::{Event, RequestId, SHUTDOWN, Time};
use crate::format::request::{Answer, CONTROL, Lines, Malformed, Outcome, Say};
use crate::graph::ServiceId;
use crate::sys::{fd, ipc, limits, socket};
use litemap::LiteMap;
use nix::errno::Errno;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

/// The most bytes of answers that are kept for a client that does not read.
const MAX_UNREAD: usize = 4 << 20;

/// The most bytes that are kept for all of them: unfinished requests, and answers.
const MAX_KEPT: usize = 16 << 20;

/// The most clients at a time, if there are enough descriptors.
const MAX_CLIENTS: u64 = 256;

/// The most clients at a time, however few descriptors there are.
const MIN_CLIENTS: u64 = 8;

/// Places that only root can have, where /init runs as another user.
const ROOT_PLACES: usize = 8;

/// How many descriptors a client gives: stdin, stdout and stderr.
const STDIO: usize = 3;

/// Everyone who is connected.
#[derive(Debug)]
pub(super) struct Clients {
    listener: Option<OwnedFd>,
    /// Given up when no descriptor is left, so that a client that waits can be accepted and turned
    /// away.
    spare: Option<OwnedFd>,
    /// How many there can be. All of them together use a quarter of the descriptors.
    places: usize,
    connected: LiteMap<u32, Client>,
    next: u32,
    /// The request because of which a service is starting or stopping.
    requests: LiteMap<ServiceId, RequestId>,
}

impl Default for Clients {
    fn default() -> Self {
        Self {
            listener: None,
            spare: None,
            places: 0,
            connected: LiteMap::new(),
            next: SHUTDOWN.0 + 1,
            requests: LiteMap::new(),
        }
    }
}

/// How far a client is with its only request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum RequestStage {
    /// It has not asked for anything yet.
    Silent,
    /// Its last answer was sent, and it is dropped when it has read that. Nothing more is read from
    /// it.
    Served,
    /// Its request is under way. It may abort that.
    UnderWay,
    /// It has aborted that. What else it sends is dropped.
    Aborted,
}

/// A connection. Its number is that of its request.
#[derive(Debug)]
struct Client {
    socket: OwnedFd,
    stage: RequestStage,
    /// When it connected, in µs since /init began.
    since_us: u64,
    /// When to check whether its request waits for itself.
    look_at: Option<Time>,
    lines: Lines,
    stdio: Vec<OwnedFd>,
    unread: Vec<u8>,
    /// Whether its socket is watched for input, and for room for output.
    awaited: (bool, bool),
    /// The connection is broken.
    gone: bool,
}

impl Clients {
    /// Remembers for whom a service is being started or stopped, if it is for a client.
    pub(super) fn note_request(&mut self, id: ServiceId, request: RequestId) {
        match self.connected.contains_key(&request.0) {
            true => drop(self.requests.insert(id, request)),
            false => drop(self.requests.remove(&id)),
        }
    }

    /// The request because of which something is being done to a service.
    pub(super) fn request_for(&self, id: ServiceId) -> Option<RequestId> {
        self.requests.get(&id).copied().filter(|r| self.connected.contains_key(&r.0))
    }

    /// stdin, stdout and stderr of whoever asked for what is being done to a service.
    pub(super) fn stdio_for(&self, id: ServiceId) -> Option<[RawFd; STDIO]> {
        let client = self.connected.get(&self.request_for(id)?.0)?;
        match client.stdio.as_slice() {
            [input, output, error] => {
                Some([input.as_raw_fd(), output.as_raw_fd(), error.as_raw_fd()])
            }
            _ => None,
        }
    }

    /// Reports to a client what happened.
    pub(super) fn say(&mut self, request: RequestId, say: Say) {
        self.reply(request.0, &Answer::Say(say));
    }

    /// Writes a line to a client's stderr, if it has room.
    pub(super) fn write_to_stderr(&mut self, request: RequestId, line: &str) {
        let stderr = self.connected.get(&request.0).and_then(|c| c.stdio.get(2));
        if let Some(stderr) = stderr.filter(|e| has_room(e)) {
            // A line that its reader has no use for is lost, as with the reference.
            let _ = fd::write_ready(stderr.as_raw_fd(), format!("{line}\n").as_bytes());
        }
    }

    /// Reports to a client that its request has come to its end.
    pub(super) fn done(&mut self, request: RequestId, outcome: Outcome) {
        self.requests.retain(|_, r| *r != request);
        self.reply(request.0, &Answer::Done(outcome));
    }

    /// Replies to a client. Nothing comes after its last answer.
    pub(super) fn reply(&mut self, id: u32, answer: &Answer) {
        let client = self.connected.get_mut(&id);
        if let Some(client) = client.filter(|client| client.stage != RequestStage::Served) {
            client.unread.extend(answer.encode());
            if answer.is_last() {
                client.stage = RequestStage::Served;
                client.lines = Lines::default();
                client.stdio.clear();
            }
            client.flush();
        }
    }

    /// The next line of a client that may still send one, or what is wrong with it.
    fn next_line(&mut self, id: u32) -> Option<Result<Vec<u8>, Malformed>> {
        let client = self.connected.get_mut(&id)?;
        let is_heard = matches!(client.stage, RequestStage::Silent | RequestStage::UnderWay);
        is_heard.then(|| client.lines.take().transpose()).flatten()
    }

    /// Marks that a client's request is under way; its pid, 0 where it is of another namespace.
    pub(super) fn begin(&mut self, id: u32) -> i32 {
        let Some(client) = self.connected.get_mut(&id) else { return 0 };
        client.stage = RequestStage::UnderWay;
        client.pid()
    }

    /// Schedules a check of a client whose request waits for its turn.
    pub(super) fn look_later(&mut self, id: u32, at: Time) {
        if let Some(client) = self.connected.get_mut(&id) {
            client.look_at = Some(at);
        }
    }

    /// When a client is to be checked.
    pub(super) fn due(&self) -> Option<Time> {
        self.connected.values().filter_map(|client| client.look_at).min()
    }

    /// The clients that are to be checked now and whose requests are under way, with their pids.
    pub(super) fn take_due(&mut self, now: Time) -> Vec<(u32, i32)> {
        let mut due = Vec::new();
        for (id, client) in &mut self.connected {
            if client.look_at.take_if(|at| *at <= now).is_some() && client.is_under_way() {
                due.push((*id, client.pid()));
            }
        }
        due
    }

    /// Whether a client's request is under way.
    pub(super) fn is_under_way(&self, id: u32) -> bool {
        self.connected.get(&id).is_some_and(Client::is_under_way)
    }

    /// Marks that a client has aborted its request.
    pub(super) fn abort(&mut self, id: u32) {
        if let Some(client) = self.connected.get_mut(&id) {
            client.stage = RequestStage::Aborted;
        }
    }

    /// There are too many open files. A client left waiting in the queue would wake us up again and
    /// again.
    fn turn_away(&mut self) {
        self.spare = None;
        if let Some(listener) = &self.listener {
            drop(socket::accept(listener));
            self.spare = listener.try_clone().ok();
        }
    }

    /// The client to drop where there is no room: the oldest that has not asked for anything, or
    /// else the oldest that was served but does not read.
    fn dispensable(&self) -> Option<u32> {
        let idle = self.connected.iter().filter(|(_, client)| !client.is_under_way());
        idle.min_by_key(|(_, client)| (client.stage, client.since_us)).map(|(id, _)| *id)
    }

    /// The client for which most bytes are kept, if all of them together are too many.
    fn hoarder(&self) -> Option<u32> {
        let kept = |client: &Client| client.lines.held() + client.unread.len();
        let clients = self.connected.iter();
        let too_much = clients.clone().map(|(_, c)| kept(c)).sum::<usize>() > MAX_KEPT;
        let most = clients.max_by_key(|(_, client)| kept(client)).map(|(id, _)| *id);
        most.filter(|_| too_much)
    }
}

impl Client {
    fn new(socket: OwnedFd, since_us: u64) -> Self {
        Self {
            socket,
            stage: RequestStage::Silent,
            since_us,
            look_at: None,
            lines: Lines::default(),
            stdio: Vec::new(),
            unread: Vec::new(),
            awaited: (true, false),
            gone: false,
        }
    }

    /// Its pid, 0 where it is of another namespace.
    fn pid(&self) -> i32 {
        socket::peer_pid(&self.socket).unwrap_or(0)
    }

    fn is_under_way(&self) -> bool {
        matches!(self.stage, RequestStage::UnderWay | RequestStage::Aborted)
    }

    /// Sends what there is room for.
    fn flush(&mut self) {
        while !self.unread.is_empty() {
            match socket::send(self.socket.as_fd(), &self.unread, &[]) {
                Ok(n) => drop(self.unread.drain(..n)),
                Err(Errno::EAGAIN) => return,
                Err(_) => {
                    // It has gone; its request is aborted when the connection is closed.
                    self.unread.clear();
                    self.gone = true;
                }
            }
        }
    }

    /// Receives what it sent, a few bytes at a time, and its descriptors.
    fn receive(&mut self) -> Result<(), Errno> {
        let mut buffer = [0; 4096];
        let mut received = Vec::new();
        let n = match socket::receive(self.socket.as_fd(), &mut buffer, &mut received) {
            Ok(0) => return Err(Errno::EPIPE),
            Err(Errno::EAGAIN) => return Ok(()),
            other => other?,
        };
        if self.stage != RequestStage::Aborted {
            self.lines.push(&buffer[..n]);
        }
        if self.stdio.is_empty() {
            received.truncate(STDIO);
            self.stdio = received;
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        let is_served = self.stage == RequestStage::Served && self.unread.is_empty();
        is_served || self.gone || self.unread.len() > MAX_UNREAD
    }
}

impl Runtime {
    /// Listens on the control socket.
    pub(super) fn listen(&mut self) -> Result<(), Errno> {
        let path = self.settings.run_directory.join(CONTROL);
        let listener = socket::listen(&path)?;
        self.poller.watch(&listener, Source::Listener)?;
        self.clients.places = (limits::soft()? / 16).clamp(MIN_CLIENTS, MAX_CLIENTS) as usize;
        self.clients.spare = listener.try_clone().ok();
        self.clients.listener = Some(listener);
        Ok(())
    }

    /// Accepts connections, if need be after dropping an idle client.
    pub(super) fn accept_clients(&mut self) {
        let Some(listener) = &self.clients.listener else { return };
        let socket = match socket::accept(listener) {
            Ok(Some(socket)) => socket,
            Ok(None) => return,
            // It is still there at the next wake-up.
            Err(_) => {
                return if !self.make_room() {
                    self.clients.turn_away()
                };
            }
        };
        let is_root = ipc::peer(socket.as_raw_fd()).is_ok_and(|(user, _)| user == 0);
        let places = self.clients.places + if is_root { ROOT_PLACES } else { 0 };
        if self.clients.connected.len() >= places && !self.make_room() {
            return send_error(&socket, "PID 1 serves as many clients as it can: try again later");
        }
        let id = self.clients.next;
        self.clients.next = id.checked_add(1).unwrap_or(SHUTDOWN.0 + 1);
        if self.poller.watch(&socket, Source::Client(id)).is_ok() {
            let client = Client::new(socket, self.since_begun_us());
            self.clients.connected.insert(id, client);
        }
    }

    /// Drops a client that has nothing under way, and returns whether there was one.
    fn make_room(&mut self) -> bool {
        let Some(id) = self.clients.dispensable() else { return false };
        if let Some(client) = self.clients.connected.get(&id) {
            send_error(&client.socket, "PID 1 needed the place of this client, which was idle");
        }
        self.let_go(id);
        true
    }

    /// Reads what a client sent, writes what it has not read.
    pub(super) fn serve_client(&mut self, id: u32) {
        let Some(client) = self.clients.connected.get_mut(&id) else { return };
        client.flush();
        if client.stage != RequestStage::Served {
            match client.receive() {
                Ok(()) => {}
                Err(Errno::EMFILE) => {
                    self.refuse(id, 111, "PID 1 has too many open files to take those of a client");
                }
                Err(_) => client.gone = true,
            }
        }
        // One request, and at most one line more.
        while let Some(line) = self.clients.next_line(id) {
            self.hear(id, line);
        }
        self.settle_client(id);
        while let Some(hoarder) = self.clients.hoarder() {
            self.let_go(hoarder);
        }
    }

    /// Drops a client that has gone or has been served; otherwise waits for room where there is
    /// something to send.
    fn settle_client(&mut self, id: u32) {
        let Some(client) = self.clients.connected.get_mut(&id) else { return };
        let awaited = (client.stage != RequestStage::Served, !client.unread.is_empty());
        let watched = awaited == client.awaited || {
            client.awaited = awaited;
            self.poller.change(&client.socket, Source::Client(id), awaited).is_ok()
        };
        if client.is_over() || !watched {
            self.let_go(id);
        }
    }

    /// After events were handled: clients may have got their last answers.
    pub(super) fn settle_clients(&mut self) {
        let ids: Vec<u32> = self.clients.connected.keys().copied().collect();
        ids.into_iter().for_each(|id| self.settle_client(id));
    }

    /// Closes the connection. What is under way for the client is given up.
    fn let_go(&mut self, id: u32) {
        let client = self.clients.connected.remove(&id);
        if client.is_some_and(|client| client.is_under_way()) {
            self.feed(Event::Abort(RequestId(id)));
        }
    }
}

/// Sends the reason to a client that is about to be dropped, if it has room for that.
fn send_error(socket: &OwnedFd, text: &str) {
    let answer = Answer::Error { code: 111, text: text.to_owned() };
    // It sees the end of the connection in any case.
    let _ = socket::send(socket.as_fd(), &answer.encode(), &[]);
}

/// Whether a write of a line would not block.
fn has_room(to: &OwnedFd) -> bool {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    let mut wanted = [PollFd::new(to.as_fd(), PollFlags::POLLOUT)];
    poll(&mut wanted, PollTimeout::ZERO).is_ok_and(|n| n > 0)
}
