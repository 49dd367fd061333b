//! s6-fdholderd: holds descriptors for the clients of a socket.
//! Reference: <https://skarnet.org/software/s6/s6-fdholderd.html>.

use super::{Held, MAX_MESSAGE, decode_entries, decode_entry, decode_id, encode_entry, now};
use crate::format::access::{Grant, Rule};
use crate::format::tai::Tain;
use crate::sys::poll::{self, Deadline};
use crate::sys::regex::Regex;
use crate::sys::signalfd::SignalQueue;
use crate::sys::socket::MAX_FDS;
use crate::sys::{fd, ipc, signal};
use crate::tools::die::{reason, show};
use crate::tools::s6::ipc::rules::{self, Rules};
use crate::tools::s6::message::{Message, Receiver, Sender};
use crate::tools::superserver::take_stdio;
use crate::tools::{Exit, Next, Options, Process, Word};
use litemap::LiteMap;
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::signal::{SigSet, Signal};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::rc::Rc;

/// The most clients there can be, whatever the option says.
const MAX_CLIENTS: u32 = 256;
/// Descriptors that are not for holding.
const OWN_FDS: u64 = 6;

/// `s6-fdholderd [ -v verbosity ] [ -1 ] [ -c maxconn ] [ -n maxfds ] [ -t timeout ]
/// [ -T lameducktimeout ] [ -i rulesdir | -x rulesfile ]`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "v:1c:n:i:x:t:T:")?;
    let number = |letter, usual: u32| options.number(process, letter, usual);
    let place = rules::place(&options);
    let place = place.ok_or_else(|| process.fatal(100, "no access rights specified!"))?;
    let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).map_err(process.unable("getrlimit"))?;
    if soft <= OWN_FDS {
        return Err(process.fatal(111, "open file limit too low"));
    }
    let max_held = u64::from(number('n', 1000)?).min(soft - OWN_FDS).max(1) as usize;
    let settings = Settings {
        verbosity: number('v', 1)?,
        max_clients: number('c', 16)?.clamp(1, MAX_CLIENTS) as usize,
        max_held,
        timeout_ms: number('t', 0)?.into(),
        lameduck_ms: number('T', 0)?.into(),
        place,
    };
    take_stdio(process, options.has('1'))?;
    signal::ignore(Signal::SIGPIPE).map_err(process.unable("ignore SIGPIPE"))?;
    let signals = SignalQueue::catch(SigSet::from_iter([Signal::SIGTERM, Signal::SIGHUP]));
    let signals = signals.map_err(process.unable("trap signals"))?;
    let rules = Rules::open(place);
    let rules = rules.map_err(process.unable(format_args!("cdb_init {}", show(place.1))))?;
    if options.has('1') {
        let _ = fd::write_all(1, b"\n");
        fd::close(1);
        fd::open_all(&[1]).map_err(process.unable("open /dev/null"))?;
    }
    let spare = fd::borrow(&0).try_clone_to_owned().ok();
    let mut daemon = Daemon { process, settings, rules, signals, held: LiteMap::new(), spare };
    daemon.serve().map_err(process.unable("serve"))?;
    Ok(Next::Exit(u8::from(!daemon.held.is_empty())))
}

struct Settings<'a> {
    verbosity: u32,
    max_clients: usize,
    max_held: usize,
    /// How long a client may be idle or late.
    timeout_ms: u64,
    /// How long clients may take when all ends.
    lameduck_ms: u64,
    /// Where the rules are.
    place: (char, &'a [u8]),
}

struct Daemon<'a> {
    process: &'a Process,
    settings: Settings<'a>,
    rules: Rules,
    signals: SignalQueue,
    held: LiteMap<Word, Held>,
    /// Given up when there is no other descriptor, so that a client can be turned away.
    spare: Option<OwnedFd>,
}

/// What a client may do.
#[derive(Default)]
struct Rights {
    /// The names under which it may store and delete; none without an expression.
    store: Option<Regex>,
    /// Those that it may retrieve.
    retrieve: Option<Regex>,
    list: bool,
    get_dump: bool,
    set_dump: bool,
}

struct Client {
    socket: OwnedFd,
    receiver: Receiver,
    sender: Sender,
    rights: Rights,
    /// How many descriptors of a dump are still to come.
    dumping: usize,
    /// When it is too late for what it is waited for.
    deadline: Deadline,
}

impl Daemon<'_> {
    fn serve(&mut self) -> Result<(), Errno> {
        let mut clients: Vec<Client> = Vec::new();
        let mut end = None;
        loop {
            let now = now();
            self.held.retain(|_, held| held.limit > now);
            clients.retain(|client| !client.deadline.has_passed());
            let late = end.is_some_and(Deadline::has_passed);
            if late || (end.is_some() && clients.iter().all(Client::is_idle)) {
                return Ok(());
            }
            let accepts = end.is_none() && clients.len() < self.settings.max_clients;
            let listener = if accepts { PollFlags::POLLIN } else { PollFlags::empty() };
            let mut fds = vec![
                PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
                PollFd::new(fd::borrow(&0), listener),
            ];
            fds.extend(clients.iter().map(Client::awaits));
            if !poll::wait(&mut fds, self.soonest(&clients, end))? {
                continue;
            }
            let ready: Vec<bool> = fds.iter().map(|fd| fd.any().unwrap_or(true)).collect();
            let connects = accepts && ready.get(1) == Some(&true);
            let mut ready = ready.into_iter().skip(2);
            clients.retain_mut(|client| match ready.next() {
                Some(true) => self.attend(client).is_ok(),
                _ => true,
            });
            if self.hear_signals()? && end.is_none() {
                end = Some(Deadline::after_ms(self.settings.lameduck_ms));
            }
            if connects {
                clients.extend(self.accept()?);
            }
        }
    }

    /// When something is due next.
    fn soonest(&self, clients: &[Client], end: Option<Deadline>) -> Deadline {
        let limit = self.held.values().map(|held| held.limit).min();
        let limit = limit.map(|limit| Deadline::after(limit.saturating_since(now())));
        let clients = clients.iter().map(|client| client.deadline);
        limit.into_iter().chain(end).chain(clients).fold(Deadline::NEVER, Deadline::or_sooner)
    }

    /// Reads the rules again if asked to. Whether the end is asked for.
    fn hear_signals(&mut self) -> Result<bool, Errno> {
        let mut ends = false;
        while let Some(signal) = self.signals.next()? {
            if signal == libc::SIGTERM {
                ends = true;
            } else if let Ok(rules) = Rules::open(self.settings.place) {
                self.rules = rules;
            }
        }
        Ok(ends)
    }

    fn accept(&mut self) -> Result<Option<Client>, Errno> {
        let socket = match ipc::accept(0, false) {
            Ok(socket) => socket,
            Err(Errno::EAGAIN | Errno::ECONNABORTED | Errno::EINTR) => return Ok(None),
            Err(Errno::EMFILE | Errno::ENFILE) => {
                self.turn_away();
                return Ok(None);
            }
            Err(e) => return Err(e),
        };
        Ok(self.rights(&socket).map(|rights| Client {
            receiver: Receiver::new(socket.as_raw_fd(), MAX_MESSAGE, rights.max_fds()),
            sender: Sender::new(socket.as_raw_fd()),
            socket,
            rights,
            dumping: 0,
            deadline: Deadline::after_ms(self.settings.timeout_ms),
        }))
    }

    /// There are too many open files. The next client is let go of at once: it would keep us awake,
    /// and what is held must not be lost for it.
    fn turn_away(&mut self) {
        self.spare = None;
        drop(ipc::accept(0, false));
        self.spare = fd::borrow(&0).try_clone_to_owned().ok();
    }

    /// What the one on the other side may do, who may connect.
    fn rights(&self, socket: &OwnedFd) -> Option<Rights> {
        let (user, group) = match ipc::peer(socket.as_raw_fd()) {
            Ok(peer) => peer,
            Err(e) => {
                self.warn(format_args!("unable to getpeereid: {}", reason(e)));
                return None;
            }
        };
        let grant = match self.rules.check(user, group) {
            Ok(Some(Rule::Allow(grant))) => grant,
            Ok(_) => return None,
            Err(e) => {
                let why = reason(e);
                self.warn(format_args!("error while checking rules: {why}"));
                return None;
            }
        };
        if !grant.exec.is_empty() {
            self.warn(format_args!("unused exec string in rules for uid {user} gid {group}"));
        }
        Rights::of(&grant).map_err(|text| self.warn(&text)).ok()
    }

    fn warn(&self, text: impl std::fmt::Display) {
        if self.settings.verbosity > 0 {
            self.process.warn(text);
        }
    }

    /// Sends answers and takes requests. While a client does not read, it is not asked for more.
    /// `Err`: it is let go.
    fn attend(&mut self, client: &mut Client) -> Result<(), Errno> {
        loop {
            let answers = !client.sender.is_empty();
            if !client.sender.flush()? {
                return Ok(());
            }
            if answers {
                client.deadline = Deadline::NEVER;
            }
            let Some(message) = client.receiver.next()? else { return Ok(()) };
            self.handle(client, message)?;
            client.deadline = Deadline::after_ms(self.settings.timeout_ms);
        }
    }

    fn handle(&mut self, client: &mut Client, message: Message) -> Result<(), Errno> {
        let Message { bytes, fds } = message;
        let (kind, request) = bytes.split_first().ok_or(Errno::EPROTO)?;
        let expected = match kind {
            b'S' => 1..=1,
            b'.' => 1..=client.dumping,
            _ => 0..=0,
        };
        if !expected.contains(&fds.len()) || (client.dumping > 0 && *kind != b'.') {
            return Err(Errno::EPROTO);
        }
        let done = match kind {
            b'S' => self.store(client, request, fds)?,
            b'D' => self.delete(client, request)?,
            b'R' => self.retrieve(client, request)?,
            b'L' if request.is_empty() => self.list(client),
            b'?' if request.is_empty() => self.get_dump(client),
            b'!' => self.set_dump(client, request)?,
            b'.' => self.set_dump_part(client, request, fds)?,
            _ => return Err(Errno::EPROTO),
        };
        match done {
            Ok(Answer::Sent) => {}
            Ok(Answer::Done) => client.sender.put(&[0], Vec::new()),
            Err(e) => client.sender.put(&[e as i32 as u8], Vec::new()),
        }
        Ok(())
    }

    fn store(&mut self, client: &Client, request: &[u8], fds: Vec<OwnedFd>) -> Handled {
        let (limit, id, rest) = decode_entry(request).ok_or(Errno::EPROTO)?;
        if !rest.is_empty() {
            return Err(Errno::EPROTO);
        }
        Ok(if !may(&client.rights.store, id) {
            Err(Errno::EPERM)
        } else if self.held.len() >= self.settings.max_held {
            Err(Errno::ENFILE)
        } else if self.held.contains_key(id) {
            Err(Errno::EBUSY)
        } else {
            self.hold([(limit, id)], fds);
            Ok(Answer::Done)
        })
    }

    fn hold<'a>(&mut self, names: impl IntoIterator<Item = (Tain, &'a [u8])>, fds: Vec<OwnedFd>) {
        for ((limit, id), fd) in names.into_iter().zip(fds) {
            self.held.insert(id.to_vec(), Held { fd: Rc::new(fd), limit });
        }
    }

    fn delete(&mut self, client: &Client, request: &[u8]) -> Handled {
        let id = only_id(request)?;
        Ok(if !may(&client.rights.store, id) {
            Err(Errno::EPERM)
        } else {
            self.held.remove(id).map(|_| Answer::Done).ok_or(Errno::ENOENT)
        })
    }

    fn retrieve(&mut self, client: &mut Client, request: &[u8]) -> Handled {
        let (delete, request) = request.split_first().ok_or(Errno::EPROTO)?;
        let (delete, id) = (*delete != 0, only_id(request)?);
        let rights = &client.rights;
        if !may(&rights.retrieve, id) || (delete && !may(&rights.store, id)) {
            return Ok(Err(Errno::EPERM));
        }
        let Some(held) = self.held.get(id) else { return Ok(Err(Errno::ENOENT)) };
        client.sender.put(&[0], vec![held.fd.clone()]);
        if delete {
            self.held.remove(id);
        }
        Ok(Ok(Answer::Sent))
    }

    fn list(&self, client: &mut Client) -> Result<Answer, Errno> {
        if !client.rights.list {
            return Err(Errno::EPERM);
        }
        let mut answer = [&[0][..], &(self.held.len() as u32).to_be_bytes()].concat();
        for id in self.held.keys() {
            answer.extend_from_slice(id);
            answer.push(0);
        }
        client.sender.put(&answer, Vec::new());
        Ok(Answer::Sent)
    }

    fn get_dump(&self, client: &mut Client) -> Result<Answer, Errno> {
        if !client.rights.get_dump {
            return Err(Errno::EPERM);
        }
        let all: Vec<(&Word, &Held)> = self.held.iter().collect();
        let numbers = [all.len().div_ceil(MAX_FDS), all.len()];
        let numbers = numbers.map(|number| (number as u32).to_be_bytes());
        client.sender.put(&[&[0][..], &numbers.concat()].concat(), Vec::new());
        for part in all.chunks(MAX_FDS) {
            let entries: Word =
                part.iter().flat_map(|(id, held)| encode_entry(id, held.limit)).collect();
            client.sender.put(&entries, part.iter().map(|(_, held)| held.fd.clone()).collect());
        }
        Ok(Answer::Sent)
    }

    fn set_dump(&self, client: &mut Client, request: &[u8]) -> Handled {
        let number = <[u8; 4]>::try_from(request).map_err(|_| Errno::EPROTO)?;
        let number = u32::from_be_bytes(number) as usize;
        if !client.rights.set_dump {
            return Ok(Err(Errno::EPERM));
        }
        if number > self.settings.max_held.saturating_sub(self.held.len()) {
            return Ok(Err(Errno::ENFILE));
        }
        client.dumping = number;
        let messages = (number.div_ceil(MAX_FDS) as u32).to_be_bytes();
        client.sender.put(&[&[0][..], &messages].concat(), Vec::new());
        Ok(Ok(Answer::Sent))
    }

    fn set_dump_part(&mut self, client: &mut Client, part: &[u8], fds: Vec<OwnedFd>) -> Handled {
        let entries = decode_entries(part).filter(|entries| entries.len() == fds.len());
        let entries = entries.ok_or(Errno::EPROTO)?;
        if self.held.len() + fds.len() > self.settings.max_held {
            return Ok(Err(Errno::ENFILE));
        }
        client.dumping -= fds.len();
        self.hold(entries, fds);
        Ok(if client.dumping > 0 { Err(Errno::EAGAIN) } else { Ok(Answer::Done) })
    }
}

/// What comes of a request: an error for the client to know, or an answer. An error outside: that
/// was no request, and the client is let go.
type Handled = Result<Result<Answer, Errno>, Errno>;

/// What a client is told of a request that was done.
enum Answer {
    /// No more than that.
    Done,
    /// It is in the queue already.
    Sent,
}

impl Client {
    /// Whether nothing is under way.
    fn is_idle(&self) -> bool {
        self.sender.is_empty() && self.receiver.is_empty()
    }

    /// What to wait for.
    fn awaits(&self) -> PollFd<'_> {
        let reads = self.sender.is_empty();
        PollFd::new(self.socket.as_fd(), if reads { PollFlags::POLLIN } else { PollFlags::POLLOUT })
    }
}

impl Rights {
    /// What the variables of a rule say; or what is wrong with them.
    fn of(grant: &Grant) -> Result<Self, String> {
        let mut rights = Self::default();
        for (name, value) in &grant.env {
            let Some(value) = value else { continue };
            let regex = || {
                Regex::extended(value).map(Some).map_err(|bad| {
                    format!("invalid {} value: {}: {}", show(name), show(value), bad.reason)
                })
            };
            match name.as_slice() {
                b"S6_FDHOLDER_STORE_REGEX" => rights.store = regex()?,
                b"S6_FDHOLDER_RETRIEVE_REGEX" => rights.retrieve = regex()?,
                b"S6_FDHOLDER_LIST" => rights.list = true,
                b"S6_FDHOLDER_GETDUMP" => rights.get_dump = true,
                b"S6_FDHOLDER_SETDUMP" => rights.set_dump = true,
                _ => {}
            }
        }
        Ok(rights)
    }

    /// The most descriptors that a message from the client may have. One that may not even store is
    /// told so, and gives no more than that meanwhile.
    fn max_fds(&self) -> usize {
        if self.set_dump { MAX_FDS } else { 1 }
    }
}

fn may(names: &Option<Regex>, id: &[u8]) -> bool {
    names.as_ref().is_some_and(|regex| regex.is_match(id))
}

/// The name that is all of a request.
fn only_id(request: &[u8]) -> Result<&[u8], Errno> {
    decode_id(request).filter(|(_, rest)| rest.is_empty()).map(|(id, _)| id).ok_or(Errno::EPROTO)
}
